"""From bare arrays to one certified optimum. Nothing here knows what a row or a column is called."""
