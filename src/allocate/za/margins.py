"""Tables that must add up: whole numbers with exact totals, and a table fitted to both its margins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocate.errors import InputError, Problem

type Floats = NDArray[np.float64]
type Wholes = NDArray[np.int64]

SAME = 9  # remainders that agree to this many decimals are tied


def largest_remainder(weights: ArrayLike, total: int) -> Wholes:
    """Share a whole ``total`` in proportion to ``weights``, in whole numbers that add up to it exactly.

    Every share is rounded down; the units left over go one each to the largest remainders, and among equal
    remainders to the earlier place. The method is Hamilton's (largest remainder).

    >>> largest_remainder([1, 1, 1], 10)
    array([4, 3, 3])
    """
    shares = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(shares).all() or (shares < 0).any():
        raise InputError("largest_remainder", [Problem("weights", "every weight is a number from 0 upwards")])
    if total == 0:
        return np.zeros(shares.size, dtype=np.int64)
    if total < 0 or shares.sum() <= 0:
        raise InputError("largest_remainder", [Problem("", f"{total} cannot be shared over weights that sum to 0")])
    exact = shares / shares.sum() * total
    whole = np.floor(exact)
    left = int(total - whole.sum())
    first = np.argsort(-np.round(exact - whole, SAME), kind="stable")[:left]
    whole[first] += 1
    return whole.astype(np.int64)


def fit_margins(
    seed: ArrayLike,
    rows: ArrayLike,
    columns: ArrayLike,
    *,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    tolerance: float = 1e-10,
    steps: int = 20_000,
) -> Floats:
    """Scale a seed's rows and columns in turn until both margins are met (iterative proportional fitting).

    A zero of the seed stays zero and the seed's odds ratios are kept. Columns are scaled last, so they are met
    exactly; where the zeros leave no table with both margins, what is missing shows in the row sums.
    Source: Deming and Stephan (1940), "On a least squares adjustment of a sampled frequency table".

    Shapes: seed (r, c), rows (r), columns (c), all from 0 upwards, and both margins of one total.
    :class:`~allocate.errors.InputError` names every row and column with a margin and no seed to carry it.

    >>> fit_margins([[1, 1], [1, 0]], rows=[7, 3], columns=[6, 4]).round(6)
    array([[3., 4.],
           [3., 0.]])
    """
    table, want_rows, want_columns = (np.array(part, dtype=np.float64) for part in (seed, rows, columns))
    _check_margins(table, want_rows, want_columns, row_names, column_names)
    table[want_rows == 0] = 0
    table[:, want_columns == 0] = 0
    close = tolerance * max(want_rows.sum(), 1.0)
    for _ in range(steps):
        table *= _factors(want_rows, table.sum(axis=1))[:, None]
        table *= _factors(want_columns, table.sum(axis=0))
        if np.abs(table.sum(axis=1) - want_rows).max() <= close:
            break
    return table


def _factors(want: Floats, have: Floats) -> Floats:
    return np.divide(want, have, out=np.zeros_like(want), where=have > 0)


def _check_margins(
    table: Floats,
    rows: Floats,
    columns: Floats,
    row_names: Sequence[str] | None,
    column_names: Sequence[str] | None,
) -> None:
    problems = []
    if not all(np.isfinite(part).all() and (part >= 0).all() for part in (table, rows, columns)):
        problems.append(Problem("", "seed and margins are numbers from 0 upwards"))
    if not np.isclose(rows.sum(), columns.sum(), rtol=1e-9, atol=1e-9):
        problems.append(Problem("", f"rows sum to {rows.sum():,.0f} and columns to {columns.sum():,.0f}"))
    live = (table > 0) & (rows > 0)[:, None] & (columns > 0)
    for axis, want, names in ((1, rows, row_names), (0, columns, column_names)):
        word = "row" if axis else "column"
        problems += [
            Problem(f"{word} {names[i] if names else i}", f"has a margin of {want[i]:,.0f} and no seed to carry it")
            for i in np.flatnonzero((want > 0) & ~live.any(axis=axis)).tolist()
        ]
    if problems:
        raise InputError("fit_margins", problems)
