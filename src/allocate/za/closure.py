"""A fixed sum shared out with a promise: nobody gets less than a floor, and the whole still adds up exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from allocate.errors import InputError, Problem
from allocate.za.margins import Floats, Wholes, largest_remainder


def share_above_floors(
    weights: ArrayLike, floors: ArrayLike, total: int, *, names: Sequence[str] | None = None
) -> Wholes:
    """Share a whole ``total`` in proportion to ``weights``, nobody below its floor, in whole numbers that add up to it.

    Who would get less than its floor is raised to it, and the others pay for that in proportion. This can push more
    of them below theirs, so it is repeated until nobody is: everybody then has the larger of its floor and its
    weight times one level, the same for all. What is left of whole units goes by :func:`largest_remainder`.
    Source: Bitran and Hax (1981), "Disaggregation and resource allocation using convex knapsack problems with bounded
    variables", Management Science 27(4).

    Shapes: weights and floors (n,), from 0 upwards, floors whole. :class:`~allocate.errors.InputError` names every
    place with a bad number, and says by how much floors exceed the total.

    >>> share_above_floors([5, 3, 2], [0, 0, 40], total=100)
    array([38, 22, 40])
    """
    share, floor = np.asarray(weights, dtype=np.float64), np.asarray(floors, dtype=np.float64)
    _check(share, floor, total, names)
    free = np.ones(share.size, dtype=np.bool_)
    while (below := free & (_in_proportion(share, free, total - floor[~free].sum()) < floor)).any():
        free &= ~below
    shared = floor.astype(np.int64)
    # A share at or above a whole floor stays there when it is rounded down, so rounding breaks no promise.
    shared[free] = largest_remainder(share[free], total - int(floor[~free].sum()))
    return shared


def _in_proportion(share: Floats, free: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], left: float) -> Floats:
    weight = share[free].sum()
    return share * (left / weight if weight > 0 else 0.0)


def _check(share: Floats, floor: Floats, total: int, names: Sequence[str] | None) -> None:
    if share.shape != floor.shape or share.ndim != 1:
        words = f"weights are of shape {share.shape} and floors of shape {floor.shape}; one of each a place"
        raise InputError("share_above_floors", [Problem("", words)])
    problems = [
        Problem(f"{what} of {names[i] if names else i}", f"{values[i]:g} is not a {kind} from 0 upwards")
        for what, values, kind, good in (
            ("weight", share, "number", np.isfinite(share)),
            ("floor", floor, "whole number", np.isfinite(floor) & (floor == np.round(floor))),
        )
        for i in np.flatnonzero(~good | (values < 0)).tolist()
    ]
    over = floor.sum() - total
    if not problems and over > 0:
        problems = [Problem("floors", f"add up to {floor.sum():,.0f}, and {total:,} is there: {over:,.0f} too much")]
    elif not problems and over < 0 and share.sum() == 0:
        problems = [Problem("weights", f"are all 0, so the {-over:,.0f} above the floors cannot be shared")]
    if problems:
        raise InputError("share_above_floors", problems)
