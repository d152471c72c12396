"""Results for people who do not program: pages that format what findings say and compute nothing."""
