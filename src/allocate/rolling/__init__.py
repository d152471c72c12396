"""Policies walked year by year: people, need, plan, what it builds and what decays, and the next year."""
