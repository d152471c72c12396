"""A point near the closest one, by an interior point method, and which constraints it leans on.

Shifting the origin to where the method got and magnifying what is left brings it nearer each time; a single run at
the tightest tolerance leaves dozens of cells wrong by a thousand rand.

Source: A. Gleixner, D. Steffy, K. Wolter, *Iterative refinement for linear programming*, INFORMS J. Comput. 28 (2016).
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import clarabel
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.optimum.certificate import Check
from allocate.optimum.highs import in_time
from allocate.optimum.linear import Region, Vector
from allocate.optimum.scaling import power_of_two

#: Bounds beyond this many magnified units cannot be reached and are left out.
OUT_OF_REACH = 1e9

Side = NDArray[np.int8]


class Problem:
    """The scaled problem: weights near 1, entries at most about 1; which rows are equations; and what columns that are
    not here lend to the size of each row."""

    def __init__(self, region: Region, weights: Vector, target: Vector, unit: Vector, lent: Vector) -> None:
        self.region, self.weights, self.target, self.unit, self.lent = region, weights, target, unit, lent
        self.matrix = region.matrix
        self.size = abs(self.matrix)
        self.equal = region.row_lower == region.row_upper
        self.by_column = np.argsort(self.matrix.indices, kind="stable")
        self.column_starts = np.concatenate([[0], np.cumsum(np.bincount(self.matrix.indices, minlength=weights.size))])

    def check(self, x: Vector) -> Check:
        """The certificate's checks at x (n,), rows judged by all the columns that they ever had."""
        check = Check(self.region, self.unit, x)
        check.row_size += self.lent
        return check


@dataclass(frozen=True, eq=False)
class Active:
    """Which constraints are taken as equations: +1 at the lower limit, -1 at the upper, 0 neither."""

    rows: Side
    columns: Side


class Interior:
    """An interior point answer that is improved by solving for the correction, magnified.

    Inequality rows get a slack column of their own, so that all of ``point`` = (x, slacks) has plain bounds.
    """

    def __init__(self, problem: Problem, deadline: float) -> None:
        self.problem, self.deadline, region = problem, deadline, problem.region
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
        self.best = np.inf
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
        """One interior point run for the correction; False when it brought the point no nearer."""
        gradient, missing = self._gradient(), self.limit - self.matrix @ self.point
        m = self.magnify
        step, multipliers = self._correction(
            m * gradient, m * missing, m * (self.lower - self.point), m * (self.upper - self.point)
        )
        before = self.point, self.multipliers
        if step is not None and multipliers is not None:
            region = self.problem.region
            self.point = np.clip(self.point + step / m, self.lower, self.upper)
            changed = self.multipliers + multipliers / m
            changed = np.where((region.row_lower == -np.inf) & (changed > 0), 0.0, changed)
            self.multipliers = np.where((region.row_upper == np.inf) & (changed < 0), 0.0, changed)
            error = self.error()
            if error < self.best:
                self.best = error
                self.magnify = min(max(m * 10, 1 / max(error, 1e-14)), m * 1e4)
                return True
            self.point, self.multipliers = before
        self.magnify, self.tolerance = m / 30, min(self.tolerance * 10, 1e-8)
        return False

    def error(self) -> float:
        """How far the point may be from the answer: rows missed and gradients left on columns off their bounds."""
        slope = (self._gradient() / np.where(self.weights > 0, self.weights, 1.0))[: self.columns]
        inside = self.active().columns == 0
        return max(self._error(), float(np.abs(slope[inside]).max(initial=0.0)))

    def active(self) -> Active:
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
        return Active(rows.astype(np.int8), columns.astype(np.int8))

    def touched(self, near: float) -> Active:
        """Every constraint within ``near`` of the point, pushed against or not."""
        below, above = self.point - self.lower, self.upper - self.point
        scale = near * np.maximum(1.0, np.abs(self.point))
        side = np.where((below < scale) & (below <= above), 1, np.where(above < scale, -1, 0)).astype(np.int8)
        rows = np.ones(self.multipliers.size, np.int8)
        rows[self.slack_rows] = side[self.columns :]
        return Active(rows, side[: self.columns])

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
        settings = _settings(self.tolerance)
        hessian = sparse.csc_matrix(sparse.diags_array(self.weights))
        solver = clarabel.DefaultSolver(hessian, cost, sparse.csc_matrix(constraints), limits, cones, settings)
        answer = _run(solver, self.deadline)
        step, multipliers = np.array(answer.x), -np.array(answer.z)[: limit.size]
        useful = str(answer.status) in ("Solved", "AlmostSolved", "InsufficientProgress")
        if not (useful and np.isfinite(step).all() and np.isfinite(multipliers).all()):
            return None, None
        return step, multipliers


def centre(cost: Vector, rows: Any, limits: Vector, equal: int, deadline: float) -> tuple[Vector, Vector] | None:
    """Near the x (n,) that minimises cost @ x where rows @ x is at most limits (m,), the first ``equal`` rows at them.

    Comes with multipliers (m,), those of inequalities not negative. Both are as near as the method came, usually 1e-8;
    None where it says that there is nothing to come near to. Raises StoppedError at the deadline.

    >>> x, multipliers = centre(np.array([-1.0]), sparse.csc_matrix([[1.0]]), np.array([3.0]), 0, np.inf)
    >>> x.round(6).tolist(), multipliers.round(6).tolist()
    ([3.0], [1.0])
    """
    cones = [clarabel.ZeroConeT(equal), clarabel.NonnegativeConeT(limits.size - equal)]
    none = sparse.csc_matrix((cost.size, cost.size))
    solver = clarabel.DefaultSolver(none, cost, sparse.csc_matrix(rows), limits, cones, _settings(1e-8))
    answer = _run(solver, deadline)
    x, multipliers = np.array(answer.x), np.array(answer.z)
    useful = "Infeasible" not in str(answer.status) and np.isfinite(x).all() and np.isfinite(multipliers).all()
    return (x, multipliers) if useful else None


def _settings(tolerance: float) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    settings.max_iter, settings.max_threads = 100, 1
    settings.direct_solve_method, settings.iterative_refinement_max_iter = "qdldl", 1
    return settings


def _run(solver: Any, deadline: float) -> Any:
    """Solve in a thread: Ctrl-C in the waiting thread, like the deadline, stops it after the iteration it is in."""
    stop = threading.Event()
    solver.set_termination_callback(lambda _: stop.is_set() or time.perf_counter() > deadline)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(solver.solve)
        try:
            while wait([answer], 0.1).not_done:
                pass
        except BaseException:
            stop.set()
            raise
    in_time(deadline)
    return answer.result()
