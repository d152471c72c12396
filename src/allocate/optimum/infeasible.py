"""Why there is no plan: a proof that numpy can check without the solver.

No plan: weights on rows whose combined limits ask for more than the bounds of the columns can give (Farkas, 1902).
No end: a direction that keeps every limit and always improves the goal.
"""

from __future__ import annotations

import time
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

Indices = NDArray[np.integer[Any]]


class Infeasible(NoPlanError):
    """No x satisfies the region. ``rows`` and ``columns`` are indices of limits that cannot hold together.

    ``row_signs`` and ``column_signs`` say which limit: +1 the lower, -1 the upper. ``row_weights`` (same length as
    rows) prove it: the weighted sum of those row limits cannot be met within those bounds, by ``gap``.
    """

    kind = "infeasible"

    def __init__(self, rows: Indices, row_weights: Vector, columns: Indices, column_signs: Indices, gap: float) -> None:
        self.rows, self.row_weights = rows, row_weights
        self.row_signs = np.sign(row_weights).astype(int)
        self.columns, self.column_signs, self.gap = columns, column_signs, gap
        super().__init__(f"no plan satisfies {rows.size} rows and {columns.size} bounds together")

    @classmethod
    def from_ray(cls, region: Region, ray: Vector) -> Infeasible:
        """From row weights (m,); raises ProofError when numpy does not find that they prove it."""
        gap = farkas_gap(region, ray)
        if not gap > 0:
            raise ProofError("the solver says that no plan exists, but its proof does not hold")
        slope, used = _slope(region, ray)
        rows, columns = np.flatnonzero(ray), np.flatnonzero(used)
        return cls(rows, ray[rows], columns, -np.sign(slope[columns]).astype(int), gap)


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


def explain(region: Region, cost: Vector, deadline: float = np.inf, seconds: float = 10.0) -> NoPlanError:
    """Why a (scaled) region has no optimum: Infeasible with an irreducible set of rows, or Unbounded.

    Rows are dropped from a first proof one by one as long as the rest still proves it, for at most so many seconds.
    Raises ProofError when neither can be proved, StoppedError at the deadline.

    >>> region = Region(sparse.csr_array([[1.0], [2.0]]), np.array([3.0, 0]), np.full(2, 9.0), np.zeros(1), np.ones(1))
    >>> explain(region, np.ones(1)).rows.tolist()
    [0]
    """
    ray = _farkas(region, np.arange(region.row_lower.size), deadline)
    if ray is not None:
        return Infeasible.from_ray(region, _irreducible(region, ray, deadline, seconds))
    direction = _way_out(region, cost, deadline)
    if ray_is_free(region, cost, direction):
        return Unbounded.from_direction(direction)
    raise ProofError("the solver finds no optimum, and neither a proof that there is none nor a way to endless gain")


def _farkas(region: Region, rows: Indices, deadline: float) -> Vector | None:
    """Weights (m,) that prove these rows and all bounds infeasible, or None: the duals of the least total breach.

    Allowing every row a breach at a price of 1 gives a program that always has an optimum; its duals are the proof.
    """
    matrix, one = region.matrix[rows], sparse.eye_array(rows.size, format="csr")
    breach = np.zeros(2 * rows.size)
    elastic = Region(
        sparse.hstack([matrix, one, -one]).tocsr(),
        region.row_lower[rows],
        region.row_upper[rows],
        np.concatenate([region.lower, breach]),
        np.concatenate([region.upper, breach + np.inf]),
    )
    price = np.concatenate([np.zeros(region.lower.size), breach + 1.0])
    if not price.size:
        return None
    vertex = minimise(elastic, price, SolverOptions(), deadline)
    ray = np.zeros(region.row_lower.size)
    ray[rows] = _clean(refined_duals(elastic, price, vertex))
    return ray if farkas_gap(region, ray) > 0 else None


def _irreducible(region: Region, ray: Vector, deadline: float, seconds: float) -> Vector:
    """A proof from which no row can be left out (J. Chinneck's deletion filter), or the best in the time."""
    end = time.perf_counter() + seconds
    for row in np.flatnonzero(ray):
        if ray[row] and time.perf_counter() < end:
            fewer = np.flatnonzero(ray)
            found = _farkas(region, fewer[fewer != row], deadline)
            ray = ray if found is None else found
    return ray


def _way_out(region: Region, cost: Vector, deadline: float) -> Vector:
    """The direction (n,) within [-1, 1] that keeps every limit for ever and improves the goal fastest."""

    def ahead(limit: Vector, far: float) -> Vector:
        return np.where(np.isfinite(limit), 0.0, far)

    cone = Region(
        region.matrix,
        ahead(region.row_lower, -np.inf),
        ahead(region.row_upper, np.inf),
        ahead(region.lower, -1.0),
        ahead(region.upper, 1.0),
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
