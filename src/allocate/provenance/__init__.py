"""Whether a run can still be made, and what differs between two."""
