"""The point of a region closest to a target: one answer, whatever route led to the region.

Minimises sum_j w_j (x_j - t_j)^2 / 2. An interior point method comes near; shifting the origin to where it got and
magnifying what is left brings it nearer (iterative refinement); the constraints it then touches are solved as
equations, which is exact, and repaired until every multiplier has the right sign.

Sources: A. Gleixner, D. Steffy, K. Wolter, *Iterative refinement for linear programming*, INFORMS J. Comput. 28
(2016); K. Murty, *Note on a Bard-type scheme*, Opsearch 11 (1974), for the repair one constraint at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import clarabel
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from allocate.solve.linear import Mask, Region, Vector
from allocate.solve.scaling import Scaling, group_maximum, power_of_two

#: A gradient, a bound or a row below this part of its terms is zero.
ZERO = 1e-11
#: Interior point runs, and rounds of repair after each.
REFINEMENTS = 7
REPAIRS = 12
#: Added to the normal equations of the active rows, which may repeat each other; refinement takes it out again.
REGULAR = 1e-10
#: Bounds beyond this many magnified units cannot be reached and are left out.
OUT_OF_REACH = 1e9

Side = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Closest:
    """The closest point x (n,), multipliers (m,) with w (x - t) = matrix.T @ m + bounds, and how it was finished.

    ``finish`` is "exact" when the active constraints were solved as equations, "refined" when only the interior
    point answer is there; the certificate decides whether that is good enough. ``rounds`` counts interior runs.
    """

    x: Vector
    multipliers: Vector
    finish: Literal["exact", "refined"]
    rounds: int


def closest(region: Region, weights: Vector, target: Vector) -> Closest:
    """The closest point of a region that is not empty; weights and target (n,), natural units.

    >>> matrix = sparse.csr_array([[1.0, 1.0, 1.0]])
    >>> region = Region(matrix, np.full(1, 6.0), np.full(1, 6.0), np.zeros(3), np.full(3, 9.0))
    >>> closest(region, np.ones(3), np.array([0.0, 0.0, 3.0])).x.round(9).tolist()
    [1.0, 1.0, 4.0]
    """
    column = power_of_two(1.0 / np.sqrt(weights))
    row = group_maximum(np.abs(region.matrix.data) * column[region.matrix.indices], region.matrix.indptr)
    row = 1.0 / power_of_two(row)
    problem = _Problem(Scaling(row, column, 1.0).region(region), weights * column**2, target / column)
    x, multipliers, finish, rounds = _solve(problem)
    return Closest(np.clip(x * column, region.lower, region.upper), multipliers * row, finish, rounds)


class _Problem:
    """The scaled problem: weights near 1, entries at most about 1; and which rows are equations."""

    def __init__(self, region: Region, weights: Vector, target: Vector) -> None:
        self.region, self.weights, self.target = region, weights, target
        self.matrix = region.matrix
        self.size = abs(self.matrix)
        self.equal = region.row_lower == region.row_upper
        self.lower_size = np.maximum(1.0, np.abs(region.row_lower))
        self.upper_size = np.maximum(1.0, np.abs(region.row_upper))


@dataclass(frozen=True, eq=False)
class _Active:
    """Which constraints are taken as equations: +1 at the lower limit, -1 at the upper, 0 neither."""

    rows: Side
    columns: Side


def _solve(problem: _Problem) -> tuple[Vector, Vector, Literal["exact", "refined"], int]:
    if problem.matrix.shape[0] == 0:
        return np.clip(problem.target, problem.region.lower, problem.region.upper), np.zeros(0), "exact", 0
    interior = _Interior(problem)
    for round_ in range(1, REFINEMENTS + 1):
        if not interior.improve():
            continue
        exact = _repair(problem, interior.active()) or _touch(problem, interior)
        if exact is not None:
            return *exact, "exact", round_
    return interior.x, interior.multipliers, "refined", REFINEMENTS


class _Interior:
    """An interior point answer that is improved by solving for the correction, magnified.

    Inequality rows get a slack column of their own, so that all of ``point`` = (x, slacks) has plain bounds.
    """

    def __init__(self, problem: _Problem) -> None:
        self.problem, region = problem, problem.region
        rows, columns = problem.matrix.shape
        self.columns, self.slack_rows = columns, np.flatnonzero(~problem.equal)
        slacks = self.slack_rows.size
        minus = sparse.csr_array((-np.ones(slacks), (self.slack_rows, np.arange(slacks))), shape=(rows, slacks))
        self.matrix = sparse.hstack([problem.matrix, minus]).tocsr()
        self.transposed = self.matrix.T.tocsr()
        self.lower = np.concatenate([region.lower, region.row_lower[self.slack_rows]])
        self.upper = np.concatenate([region.upper, region.row_upper[self.slack_rows]])
        self.limit = np.where(problem.equal, region.row_lower, 0.0)
        self.weights = np.concatenate([problem.weights, np.zeros(slacks)])
        self.target = np.concatenate([problem.target, np.zeros(slacks)])
        start = np.concatenate([problem.target, problem.matrix[self.slack_rows] @ problem.target])
        self.point = np.clip(start, self.lower, self.upper)
        self.multipliers = np.zeros(rows)
        self.reach = np.asarray(problem.size.power(2) @ (1 / problem.weights)).ravel()
        self.tolerance = 1e-10
        self.magnify = 1.0 / max(1.0, float(power_of_two(np.atleast_1d(self._error()))[0]))

    @property
    def x(self) -> Vector:
        x: Vector = self.point[: self.columns]
        return x

    def _gradient(self) -> Vector:
        return np.asarray(self.weights * (self.point - self.target) - self.transposed @ self.multipliers)

    def _error(self) -> float:
        return float(np.abs(self.limit - self.matrix @ self.point).max(initial=0.0))

    def improve(self) -> bool:
        """One interior point run for the correction; False when it gave nothing."""
        gradient, missing = self._gradient(), self.limit - self.matrix @ self.point
        m = self.magnify
        step, multipliers = self._correction(
            m * gradient, m * missing, m * (self.lower - self.point), m * (self.upper - self.point)
        )
        if step is None or multipliers is None:
            self.magnify, self.tolerance = m / 1e3, self.tolerance * 10
            return False
        region = self.problem.region
        self.point = np.clip(self.point + step / m, self.lower, self.upper)
        changed = self.multipliers + multipliers / m
        changed = np.where((region.row_lower == -np.inf) & (changed > 0), 0.0, changed)
        self.multipliers = np.where((region.row_upper == np.inf) & (changed < 0), 0.0, changed)
        self.magnify = min(max(m * 10, 1 / max(self.error(), 1e-14)), m * 1e5)
        return True

    def error(self) -> float:
        """How far the point may be from the answer: rows missed and gradients left on columns off their bounds."""
        slope = (self._gradient() / np.where(self.weights > 0, self.weights, 1.0))[: self.columns]
        inside = self.active().columns == 0
        return max(self._error(), float(np.abs(slope[inside]).max(initial=0.0)))

    def active(self) -> _Active:
        """The constraints that a step down the gradient would cross."""
        region, x = self.problem.region, self.x
        moved = x - self._gradient()[: self.columns] / self.problem.weights
        columns = np.where(moved <= region.lower, 1, np.where(moved >= region.upper, -1, 0))
        rows = np.ones(self.multipliers.size)
        i = self.slack_rows
        push = self.multipliers[i]
        activity = self.point[self.columns :] - push * self.reach[i]
        at_lower = (push > 0) & (activity <= region.row_lower[i])
        at_upper = (push < 0) & (activity >= region.row_upper[i])
        rows[i] = np.where(at_lower, 1, np.where(at_upper, -1, 0))
        return _Active(rows.astype(np.int8), columns.astype(np.int8))

    def touched(self, near: float) -> _Active:
        """Every constraint within ``near`` of the point, pushed against or not."""
        below, above = self.point - self.lower, self.upper - self.point
        scale = near * np.maximum(1.0, np.abs(self.point))
        side = np.where((below < scale) & (below <= above), 1, np.where(above < scale, -1, 0)).astype(np.int8)
        rows = np.ones(self.multipliers.size, np.int8)
        rows[self.slack_rows] = side[self.columns :]
        return _Active(rows, side[: self.columns])

    def _correction(
        self, cost: Vector, limit: Vector, lower: Vector, upper: Vector
    ) -> tuple[Vector | None, Vector | None]:
        flat = self.weights == 0
        has_upper = np.isfinite(upper) & ((upper < OUT_OF_REACH) | (flat & (cost < 0)))
        has_lower = np.isfinite(lower) & ((lower > -OUT_OF_REACH) | (flat & (cost > 0)))
        one = sparse.eye_array(cost.size, format="csr")
        constraints = sparse.vstack([self.matrix, one[has_upper], -one[has_lower]]).tocsc()
        limits = np.concatenate([limit, upper[has_upper], -lower[has_lower]])
        cones = [clarabel.ZeroConeT(limit.size)]
        if limits.size > limit.size:
            cones.append(clarabel.NonnegativeConeT(limits.size - limit.size))
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = self.tolerance
        settings.max_iter, settings.max_threads = 100, 1
        hessian = sparse.csc_matrix(sparse.diags_array(self.weights))
        answer = clarabel.DefaultSolver(hessian, cost, sparse.csc_matrix(constraints), limits, cones, settings).solve()
        step, multipliers = np.array(answer.x), -np.array(answer.z)[: limit.size]
        useful = str(answer.status) in ("Solved", "AlmostSolved", "InsufficientProgress")
        if not (useful and np.isfinite(step).all() and np.isfinite(multipliers).all()):
            return None, None
        return step, multipliers


def _equations(problem: _Problem, active: _Active) -> tuple[Vector, Vector]:
    """The closest point of the active constraints taken as equations, and their multipliers."""
    region, matrix = problem.region, problem.matrix
    free, used = np.flatnonzero(active.columns == 0), np.flatnonzero(active.rows)
    at_bound = np.where(active.columns > 0, region.lower, region.upper)
    x = np.where(active.columns == 0, problem.target, at_bound)
    multipliers = np.zeros(matrix.shape[0])
    if not (used.size and free.size):
        return x, multipliers
    limit = np.where(active.rows < 0, region.row_upper, region.row_lower)[used]
    rows = matrix[used]
    inner = rows[:, free]
    back = inner.T.tocsr()
    root = inner @ sparse.diags_array(1 / np.sqrt(problem.weights[free]))
    normal = sparse.csc_matrix(root @ root.T)
    size = np.sqrt(normal.diagonal())
    size[size == 0] = 1.0
    unit = sparse.diags_array(1 / size)
    damped = sparse.csc_matrix(unit @ normal @ unit + REGULAR * sparse.eye_array(used.size))
    factors = linalg.splu(damped, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    found, missing = np.zeros(used.size), limit - rows @ x
    for _ in range(REPAIRS):
        step = factors.solve(missing / size) / size
        found += step
        x[free] += (back @ step) / problem.weights[free]
        missing = limit - rows @ x
        if np.abs(missing / np.maximum(1.0, np.abs(limit))).max() < 2e-16 or not step.any():
            break
    multipliers[used] = found
    return x, multipliers


def _repair(problem: _Problem, active: _Active) -> tuple[Vector, Vector] | None:
    """Solve, release what pulls, add what is crossed, and again; one change at a time when many do not settle."""
    fewest, patience = active.rows.size + active.columns.size + 1, 4
    for _ in range(REPAIRS):
        x, multipliers = _equations(problem, active)
        better = _corrected(problem, active, x, multipliers)
        changes = np.concatenate([better.columns != active.columns, better.rows != active.rows])
        count = int(np.count_nonzero(changes))
        if not count:
            return (x, multipliers) if _rows_hold(problem, x) else None
        fewest, patience = (count, 4) if count < fewest else (fewest, patience - 1)
        if patience < 0:
            changes[np.flatnonzero(changes)[:-1]] = False
        columns, rows = changes[: x.size], changes[x.size :]
        active = _Active(
            np.where(rows, better.rows, active.rows).astype(np.int8),
            np.where(columns, better.columns, active.columns).astype(np.int8),
        )
    return None


def _corrected(problem: _Problem, active: _Active, x: Vector, multipliers: Vector) -> _Active:
    region, matrix = problem.region, problem.matrix
    pull = problem.weights * (x - problem.target)
    gradient = pull - matrix.T @ multipliers
    small = ZERO * (np.abs(pull) + problem.size.T @ np.abs(multipliers))
    columns, edge = active.columns.copy(), ZERO * np.maximum(1.0, np.abs(x))
    columns[(active.columns > 0) & (gradient < -small)] = 0
    columns[(active.columns < 0) & (gradient > small)] = 0
    inside = active.columns == 0
    columns[inside & (x < region.lower - edge)] = 1
    columns[inside & (x > region.upper + edge)] = -1
    activity, weak = matrix @ x, ZERO * np.abs(multipliers).max(initial=0.0)
    rows, loose = active.rows.copy(), ~problem.equal
    rows[loose & (active.rows > 0) & (multipliers < -weak)] = 0
    rows[loose & (active.rows < 0) & (multipliers > weak)] = 0
    off: Mask = loose & (active.rows == 0)
    rows[off & (activity < region.row_lower - ZERO * problem.lower_size)] = 1
    rows[off & (activity > region.row_upper + ZERO * problem.upper_size)] = -1
    return _Active(rows, columns)


def _rows_hold(problem: _Problem, x: Vector) -> bool:
    region, activity = problem.region, problem.matrix @ x
    beyond = np.maximum(np.maximum(region.row_lower - activity, activity - region.row_upper), 0.0)
    return bool((beyond <= 1e-12 * (problem.size @ np.abs(x) + 1.0)).all())


def _touch(problem: _Problem, interior: _Interior, near: float = 1e-6) -> tuple[Vector, Vector] | None:
    """When weak constraints keep the signs from settling: the point is accurate by now, so whatever it touches is
    active; only its multipliers stay those of the interior point."""
    if interior.error() >= near / 10:
        return None
    x, _ = _equations(problem, interior.touched(near))
    region: Any = problem.region
    inside = ((x >= region.lower - ZERO) & (x <= region.upper + ZERO)).all()
    if np.abs(x - interior.x).max(initial=0.0) < 10 * near and inside and _rows_hold(problem, x):
        return x, interior.multipliers
    return None
