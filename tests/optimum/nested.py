"""Random programs whose rows are nested, to test with."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from allocate.optimum.linear import Goal, LinearProgram


def family(rng, columns, most=3):
    """Sets of columns, nested or apart, of any depth; some repeat, some have one column, some columns are in none."""
    found, waiting = [], [np.arange(columns)]
    while waiting:
        here = rng.permutation(waiting.pop())
        if rng.random() < 0.8:
            found.append(here)
            if rng.random() < 0.1:
                found.append(here.copy())
        parts = int(rng.integers(1, most + 1))
        split = np.array_split(here, parts) if parts > 1 else [here[1:]]
        waiting.extend(part for part in split if part.size > 1 or (part.size and rng.random() < 0.3))
    return found


def nested(seed, columns=None, across=False, tied=False, tight=0.0, sense=None, whole=False):
    """A program with nested rows in any order, counted by any factor, around a point that keeps most limits.

    ``tied`` draws costs from three numbers; ``tight`` is the share of rows that the point need not keep, which leaves
    many programs without a plan; ``across`` adds a row across all others; sums of ``whole`` numbers round nothing.
    """
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40)) if columns is None else columns
    sets = family(rng, n)
    lower = np.where(rng.random(n) < 0.2, -rng.integers(0, 20, n), rng.integers(0, 5, n)).astype(float)
    upper = lower + rng.integers(0, 60, n) * (rng.random(n) < 0.9)
    point = lower + rng.random(n) * (upper - lower)
    upper = np.where(rng.random(n) < 0.05, np.inf, upper)
    matrix = np.zeros((len(sets) + across, n))
    for row, here in enumerate(sets):
        matrix[row, here] = 1.0
    if across:
        matrix[-1] = rng.normal(size=n).round(2) * (rng.random(n) < 0.8)
    at = matrix @ point + np.where(rng.random(len(matrix)) < tight, rng.normal(0, 30, len(matrix)), 0.0)
    wide = 10 * rng.random((2, len(matrix))) * (rng.random((2, len(matrix))) < 0.7)
    low = np.where(
        rng.random(len(matrix)) < 0.4, -np.inf, np.floor(at - wide[0]) if whole else np.round(at - wide[0], 2)
    )
    high = np.where(
        rng.random(len(matrix)) < 0.3, np.inf, np.ceil(at + wide[1]) if whole else np.round(at + wide[1], 2)
    )
    high = np.maximum(low, high)
    factor = rng.choice([1.0, 1.0, 2.0, -1.0, 0.5 if whole else 0.37], len(matrix))
    low, high = np.where(factor < 0, high, low) * factor, np.where(factor < 0, low, high) * factor
    cost = rng.choice([0.0, 1.0, 2.0], n) if tied else rng.normal(1.0, 2.0, n)
    order = rng.permutation(len(matrix))
    goal = Goal("worth", cost, float(rng.integers(-3, 4)), sense or ("max" if rng.random() < 0.7 else "min"))
    limits = low[order], high[order], lower, upper, (goal,)
    target = rng.integers(0, 40, n).astype(float)
    return LinearProgram(sparse.csr_array((matrix * factor[:, None])[order]), *limits, target, np.full(n, 0.01))
