"""Many levels and many draws of one question, a certified plan for each, written down as they are found."""
