"""When a price is zero: row duals and reduced costs relative to the terms that make them up.

A dual that is zero in exact arithmetic comes out of a refined basis as noise below 1e-13 of its terms, whatever
the units. What is above ``TIED`` fixes its column at a bound, or its row at a limit; that is the set of all
optimal plans (complementary slackness), whichever optimal dual it was read from. It needs no objective row and no
tolerance on the objective.

Source: O. L. Mangasarian, *A simple characterization of solution sets of convex programs*, Oper. Res. Lett. 7 (1988).
"""

from __future__ import annotations

import numpy as np

from allocate.optimum.linear import Mask, Region, Vector
from allocate.optimum.scaling import Scaling, group_maximum

#: A relative dual at or below this is a tie; nothing should lie within NEAR_TIE, and what does is counted.
TIED = 1e-11
NEAR_TIE = (2e-13, 1e-8)
#: Duals below this part of the largest are judged against that part: a column whose terms are all noise has no size.
FLOOR = 1e-3


def relative_duals(region: Region, cost: Vector, row_dual: Vector, scaling: Scaling) -> tuple[Vector, Vector]:
    """Reduced costs (n,) and row duals (m,) of a minimisation in natural units, as numbers without a unit.

    A reduced cost is divided by |c_j| + sum_i |a_ij y_i| and a floor; a row dual by the same of the column
    where it matters most. Positive means at the lower bound or limit, negative at the upper.

    >>> from scipy import sparse
    >>> region = Region(sparse.csr_array([[1.0, 1.0]]), np.ones(1), np.full(1, np.inf), np.zeros(2), np.ones(2))
    >>> columns, rows = relative_duals(region, np.array([1.0, 2.0]), np.ones(1), Scaling(np.ones(1), np.ones(2), 1.0))
    >>> columns.round(2).tolist(), rows.round(2).tolist()
    ([0.0, 0.33], [0.5])
    """
    priced = np.flatnonzero(row_dual)  # a quarter of the rows, often: the others add nothing
    matrix = region.matrix[priced]
    scaled_cost, scaled_dual = cost * scaling.column, row_dual / scaling.row
    entries = matrix.data * np.repeat(row_dual[priced], np.diff(matrix.indptr)) * scaling.column[matrix.indices]
    terms = np.abs(entries)
    columns = cost.size
    largest = max(np.abs(scaled_cost).max(initial=0.0), np.abs(scaled_dual).max(initial=0.0))
    size = np.abs(scaled_cost) + np.bincount(matrix.indices, terms, minlength=columns) + FLOOR * largest
    size = np.where(size > 0, size, 1.0)
    reduced = (scaled_cost - np.bincount(matrix.indices, entries, minlength=columns)) / size
    share = group_maximum(terms / size[matrix.indices], matrix.indptr)
    share[np.diff(matrix.indptr) == 0] = 1.0  # a price on a row without entries is never a tie
    rows = np.zeros(row_dual.size)
    rows[priced] = np.sign(row_dual[priced]) * share
    return reduced, rows


def restrict(region: Region, reduced: Vector, rows: Vector) -> Region:
    """The part of the region where every priced column is at its bound and every priced row at its limit.

    A price that points at an infinite limit leaves that side infinite: a wrong dual is found by the certificate.
    """
    lower, upper = _pinned(region.lower, region.upper, reduced)
    row_lower, row_upper = _pinned(region.row_lower, region.row_upper, rows)
    return Region(region.matrix, row_lower, row_upper, lower, upper)


def near_ties(region: Region, reduced: Vector, rows: Vector) -> int:
    """How many prices are too small to be sure of and too large to be noise, where it makes a difference."""
    return int(_near(region.lower, region.upper, reduced) + _near(region.row_lower, region.row_upper, rows))


def _pinned(low: Vector, high: Vector, price: Vector) -> tuple[Vector, Vector]:
    at_low: Mask = (price > TIED) & np.isfinite(low)
    at_high: Mask = (price < -TIED) & np.isfinite(high)
    return np.where(at_high, high, low), np.where(at_low, low, high)


def _near(low: Vector, high: Vector, price: Vector) -> int:
    size = np.abs(price)
    return int(np.count_nonzero((size > NEAR_TIE[0]) & (size < NEAR_TIE[1]) & (low < high)))
