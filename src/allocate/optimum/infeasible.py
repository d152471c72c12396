"""Why there is no plan: a proof that numpy can check without the solver.

No plan: weights on limits that together ask for more than there is (Farkas, 1902). No end: a direction that keeps every
limit and always improves the goal.

Of all such proofs the *deepest* is given: the limits that would all have to give way by the most before they fit
together. Let every limit grow t-fold, and give way by its price at most: the largest t has the weights as its duals,
and because they come from a basis, none of their limits can be left out (Gleeson and Ryan, *Identifying minimally
infeasible subsystems of inequalities*, ORSA J. Computing 2 (1990)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.errors import NoPlanError, ProofError
from allocate.optimum.basis import refined_duals
from allocate.optimum.highs import NoVertex, SolverOptions, minimise
from allocate.optimum.linear import Mask, Region, Vector

#: A weight or slope below this part of the terms that make it up is zero.
NOISE = 1e-9
#: A proof must hold by this part of its terms, well above rounding.
LEAST_GAP = 1e-12
#: Of equally deep conflicts the first in order is given: a limit's price to give way grows by so much down the order.
LATER = 2.0**-16

Indices = NDArray[np.integer[Any]]


class Infeasible(NoPlanError):
    """No x satisfies the region. ``rows`` and ``columns`` are indices of limits and bounds that cannot hold together.

    ``row_signs`` and ``column_signs`` say which limit: +1 the lower, -1 the upper. ``row_weights`` and
    ``column_weights`` (same lengths, same signs) prove it: weighted so, the rows and the columns cancel, and their
    limits ask for more than 0, by ``gap`` as a part of the terms. Whatever explanation made it is irreducible: without
    any one of these limits and bounds the others can be met.
    """

    kind = "infeasible"

    def __init__(
        self, rows: Indices, row_weights: Vector, columns: Indices, column_weights: Vector, gap: float
    ) -> None:
        self.rows, self.row_weights = rows, row_weights
        self.columns, self.column_weights, self.gap = columns, column_weights, gap
        self.row_signs = np.sign(row_weights).astype(int)
        self.column_signs = np.sign(column_weights).astype(int)
        super().__init__(f"no plan satisfies {rows.size} rows and {columns.size} bounds together")

    @classmethod
    def from_ray(cls, region: Region, ray: Vector) -> Infeasible:
        """From row weights (m,); raises ProofError when numpy does not find that they prove it."""
        gap = farkas_gap(region, ray)
        if not gap > 0:
            raise ProofError("the solver says that no plan exists, but its proof does not hold")
        slope, used = _slope(region, ray)
        rows, columns = np.flatnonzero(ray), np.flatnonzero(used)
        return cls(rows, ray[rows], columns, -slope[columns], gap)


class Unbounded(NoPlanError):
    """The goal has no end: along ``direction`` at ``columns`` (indices) every rule holds and the goal improves.

    ``goal`` is the name of the goal, filled in by the caller that knows it.
    """

    kind = "unbounded"
    goal: str = ""

    def __init__(self, columns: Indices, direction: Vector) -> None:
        self.columns, self.direction = columns, direction
        super().__init__(f"the goal improves without end along {columns.size} columns")

    @classmethod
    def from_direction(cls, direction: Vector) -> Unbounded:
        """From a direction (n,) with noise removed."""
        columns = np.flatnonzero(np.abs(direction) > NOISE * np.abs(direction).max(initial=0.0))
        return cls(columns, direction[columns])


def explain(region: Region, cost: Vector, deadline: float = np.inf) -> NoPlanError:
    """Why a (scaled) region has no optimum: Infeasible with an irreducible conflict, the deepest; or Unbounded.

    The conflict does not depend on the solver's route, nor on the order of rows and columns unless two are equally
    deep (to ``LATER``); then the first in order is given. Raises ProofError when neither can be proved, StoppedError
    at the deadline.

    >>> region = Region(sparse.csr_array([[1.0], [2.0]]), np.array([3.0, 0]), np.full(2, 9.0), np.zeros(1), np.ones(1))
    >>> explain(region, np.ones(1)).rows.tolist()
    [0]
    """
    ray = _deepest(region, deadline)
    if ray is not None:
        return Infeasible.from_ray(region, ray)
    direction = _way_out(region, cost, deadline)
    if ray_is_free(region, cost, direction):
        return Unbounded.from_direction(direction)
    raise ProofError("the solver finds no optimum, and neither a proof that there is none nor a way to endless gain")


def _deepest(region: Region, deadline: float) -> Vector | None:
    """Weights (m,) that prove the region empty by the deepest conflict, or None when nothing proves it.

    Minimises sum |weight| * price over all proofs of one size, as the dual of: the largest t with
    ``t * limit - price <= row <= t * limit + price`` for every limit and bound.
    """
    grown, side, row = _growing(region)
    if not grown.matrix.shape[0]:
        return None
    cost = np.zeros(grown.lower.size)
    cost[-1] = -1.0
    try:
        vertex = minimise(grown, cost, SolverOptions(), deadline)
    except NoVertex:  # t has no end: the limits fit together at any size
        return None
    found = np.bincount(row, refined_duals(grown, cost, vertex)[side], minlength=region.row_lower.size)
    # Weights may be far apart where rows are: what looks like noise beside the largest may be needed.
    return next((ray for ray in (_clean(found), found) if farkas_gap(region, ray) > 0), None)


def _growing(region: Region) -> tuple[Region, Indices, Indices]:
    """The region of (x, t) whose limits grow with t and give way by their price, and which of its rows (``side``)
    belong to which row of the original (``row``); the others are bounds that are not zero."""
    rows, columns = region.matrix.shape
    bound = np.flatnonzero(_is_number(region.lower) | _is_number(region.upper))
    matrix = sparse.vstack([region.matrix, sparse.eye_array(columns, format="csr")[bound]]).tocsr()
    low = np.concatenate([region.row_lower, region.lower[bound]])
    high = np.concatenate([region.row_upper, region.upper[bound]])
    below, above = np.flatnonzero(np.isfinite(low)), np.flatnonzero(np.isfinite(high) & (high != low))
    limit, row = np.concatenate([low[below], high[above]]), np.concatenate([below, above])
    price = _prices(rows + columns)
    zero = np.delete(np.arange(columns), bound)
    lower, upper = np.full(columns + 1, -np.inf), np.full(columns + 1, np.inf)
    lower[zero] = np.where(np.isfinite(region.lower[zero]), -price[rows + zero], -np.inf)
    upper[zero] = np.where(np.isfinite(region.upper[zero]), price[rows + zero], np.inf)
    price = np.concatenate([price[:rows], price[rows + bound]])[row]
    lowest = np.where(np.arange(row.size) < below.size, -price, -np.inf)
    highest = np.where((np.arange(row.size) >= below.size) | (low[row] == high[row]), price, np.inf)
    size = np.abs(limit).max(initial=0.0)
    growth = sparse.csr_array(-limit[:, None] / (size if size > 0 else 1.0))
    grown = sparse.hstack([matrix[row], growth]).tocsr()
    side = np.flatnonzero(row < rows)
    return Region(grown, lowest, highest, lower, upper), side, row[side]


def _prices(size: int) -> Vector:
    """About 1, and a little more down the order; no two sums of as many are the same."""
    prices: Vector = 1.0 + LATER * np.sqrt(np.arange(1, size + 1) / size)
    return prices


def _is_number(bound: Vector) -> Mask:
    """Bounds that are neither infinite nor zero."""
    number: Mask = np.isfinite(bound) & (bound != 0)
    return number


def _way_out(region: Region, cost: Vector, deadline: float) -> Vector:
    """The direction (n,) that keeps every limit for ever and improves the goal most for all that moves together.

    Columns with one bound move by 1 altogether, which leaves few of them; those with none by 1 each at most.
    """

    def ahead(limit: Vector, far: float) -> Vector:
        return np.where(np.isfinite(limit), 0.0, far)

    up, down = ahead(region.upper, 1.0), ahead(region.lower, -1.0)
    cone = Region(
        sparse.vstack([region.matrix, sparse.csr_array((up + down)[None, :])], format="csr"),
        np.append(ahead(region.row_lower, -np.inf), -np.inf),
        np.append(ahead(region.row_upper, np.inf), 1.0),
        down,
        up,
    )
    try:
        return _clean(minimise(cone, cost, SolverOptions(), deadline).x)
    except NoVertex as error:
        raise ProofError("the solver contradicts itself about the way to endless gain") from error


def _clean(values: Vector) -> Vector:
    """Without noise."""
    return np.where(np.abs(values) > NOISE * np.abs(values).max(initial=0.0), values, 0.0)


def farkas_gap(region: Region, ray: Vector) -> float:
    """By how much the weighted row limits exceed what the bounds allow; above zero there is no plan.

    Relative to the terms; -inf when a weight uses a limit that is infinite. Weights (m,): positive on a lower limit,
    negative on an upper one.

    >>> region = Region(sparse.csr_array([[1.0]]), np.full(1, 3.0), np.full(1, np.inf), np.zeros(1), np.full(1, 2.0))
    >>> farkas_gap(region, np.ones(1))
    0.2
    """
    slope, used = _slope(region, ray)
    bound = np.where(slope > 0, region.upper, region.lower)
    asked = _products(ray, np.where(ray > 0, region.row_lower, region.row_upper), ray != 0)
    given = _products(slope, bound, used | (np.isfinite(bound) & (slope != 0)))
    if not (np.isfinite(asked).all() and np.isfinite(given).all()):
        return -np.inf
    size = np.abs(asked).sum() + np.abs(given).sum()
    gap = (asked.sum() - given.sum()) / size if size > 0 else 0.0
    return float(gap) if gap > LEAST_GAP else 0.0


def ray_is_free(region: Region, cost: Vector, direction: Vector) -> bool:
    """Whether x + s * direction stays in the region for every s > 0 and lowers cost @ x without end.

    >>> region = Region(sparse.csr_array((0, 1)), np.zeros(0), np.zeros(0), np.zeros(1), np.full(1, np.inf))
    >>> ray_is_free(region, np.array([-1.0]), np.ones(1)), ray_is_free(region, np.ones(1), np.ones(1))
    (True, False)
    """
    size = np.abs(direction)
    whole = np.full(size.size, size.max(initial=0.0))
    for move, scale, low, high in (
        (region.matrix @ direction, abs(region.matrix) @ size, region.row_lower, region.row_upper),
        (direction, whole, region.lower, region.upper),
    ):
        if ((move < -NOISE * scale) & np.isfinite(low)).any() or ((move > NOISE * scale) & np.isfinite(high)).any():
            return False
    return bool(cost @ direction < -NOISE * (np.abs(cost) @ size))


def _slope(region: Region, ray: Vector) -> tuple[Vector, Mask]:
    """Coefficients (n,) of the weighted sum of the rows, and which are not just rounding."""
    slope = region.matrix.T @ ray
    return slope, np.abs(slope) > NOISE * (abs(region.matrix).T @ np.abs(ray))


def _products(weights: Vector, limits: Vector, used: Mask) -> Vector:
    return weights[used] * limits[used]
