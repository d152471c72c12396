"""Measure subjects, not guesses: run ``python -m benchmarks`` (``--quick`` for a smoke)."""
