"""Draws that can be told apart by what has been seen: one plan is made for each group of them.

A plan for each history would know too much, and they are too many. So draws are put in a few groups by the need that
stands when the plan is made: the group that varies most is split at the median of its main direction, again and again.
Nothing later than that moment is looked at, so no plan differs between draws that have been the same so far.

Source: one decision for a bundle of scenarios that look the same so far, R. T. Rockafellar, R. J.-B. Wets, *Scenarios
and policy aggregation in optimization under uncertainty*, Math. of OR 16 (1991).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

type Values = np.ndarray[Any, np.dtype[np.float64]]
type Indices = np.ndarray[Any, np.dtype[np.intp]]

LEAST: Final = 25
"""Members of a group, where there is more than one: a plan for a few draws would know what comes to them."""

TURNS: Final = 30
"""Of the power method, for the main direction."""

SAME: Final = 1e-9
"""Of the size of what is seen: a spread that nobody can see."""


def grouped(seen: Values, most: int, least: int = LEAST) -> list[Indices]:
    """The members of up to ``most`` groups of draws, by what is ``seen`` of each (draws, anything); draws that look the
    same are in one group.

    >>> seen = np.array([[0.0, 1], [9, 1], [1, 1], [8, 1]])
    >>> [group.tolist() for group in grouped(seen, most=2, least=2)]
    [[0, 2], [1, 3]]
    """
    parts = [np.arange(len(seen))]
    while len(parts) < most:
        halves = [_split(seen, part, least) for part in parts]
        widest = max(range(len(parts)), key=lambda k: halves[k][0])
        spread, low, high = halves[widest]
        if not spread:
            break
        parts[widest : widest + 1] = [low, high]
    return parts


def _split(seen: Values, part: Indices, least: int) -> tuple[float, Indices, Indices]:
    """How much a group varies along its main direction, and its two halves; no variation where it is not split."""
    whole = seen[part]
    off = whole - whole.mean(axis=0)
    score = _along_main(off)
    spread = float((score**2).sum())
    above = score > np.median(score)
    low, high = part[~above], part[above]
    visible = spread > (SAME * float(np.abs(whole).max(initial=0.0))) ** 2 * part.size
    return (spread if visible and min(low.size, high.size) >= least else 0.0), low, high


def _along_main(off: Values) -> Values:
    """Where draws lie along the direction in which they vary most, larger for more need; by sums in a fixed order,
    so that no library of linear algebra can change a group."""
    direction = off[np.argmax((off**2).sum(axis=1))].copy()
    for _ in range(TURNS):
        size = np.sqrt((direction**2).sum())
        if size == 0:
            break
        direction = direction / size
        direction = (off * (off * direction).sum(axis=1)[:, None]).sum(axis=0)
    sign = 1.0 if direction.sum() >= 0 else -1.0
    found: Values = (off * (sign * direction / (np.sqrt((direction**2).sum()) or 1.0))).sum(axis=1)
    return found
