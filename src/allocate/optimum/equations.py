"""Constraints taken as equations: the closest point that meets them, their multipliers, and which depend on others.

With a working set of rows and bounds the closest point solves sum_i a_ij y_i = w_j (x_j - t_j) on the columns off their
bounds, where the rows are met; the normal equations of the rows give the multipliers y. Rows may repeat each other.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from allocate.optimum.certificate import Check
from allocate.optimum.interior import Active, Problem
from allocate.optimum.linear import Mask, Vector
from allocate.optimum.scaling import group_maximum

#: A push or a multiplier below this part of its terms is zero, and a row is crossed by more than this part of its size.
#: Each is far above rounding and far below what the certificate allows (1e-8 and 1e-12).
NOISE = 1e-12
CROSSED = 2e-13
#: A bound is crossed by more than this part of the largest row that the column is in: the rows may pin a column at its
#: bound already, and then it misses the bound by their rounding, not by its own.
PINNED = 1e-14
#: Added to the normal equations, which are singular where rows repeat each other; refinement takes it out again. Rows
#: that nearly repeat each other need the smaller one, and lose digits by it.
REGULAR = (1e-10, 1e-13)
#: Rounds of refinement with each.
REFINED = 12
#: A system is solved when every row is met to this part of its size, or to ``CROSSED`` and gets no better.
ROUNDING = 2e-16
#: A constraint depends on others when less than this part of its square is left beside them.
DEPENDENT = 1e-10
SYMMETRIC = {"SymmetricMode": True}

type Point = tuple[Vector, Vector]


class Equations:
    """The active constraints of a problem, as equations.

    >>> from allocate.optimum.linear import Region
    >>> rows = sparse.csr_array([[1.0, 1.0], [2.0, 2.0]])
    >>> region = Region(rows, np.array([3.0, 6.0]), np.array([3.0, 6.0]), np.zeros(2), np.full(2, 9.0))
    >>> problem = Problem(region, np.ones(2), np.zeros(2), np.ones(2), np.zeros(2))
    >>> both = Equations(problem, Active(np.ones(2, np.int8), np.zeros(2, np.int8)))
    >>> x, multipliers = both.point(problem.target)
    >>> x.round(9).tolist(), (rows.T @ multipliers).round(9).tolist()
    ([1.5, 1.5], [1.5, 1.5])
    >>> int(both.dependent().sum())
    1
    """

    def __init__(self, problem: Problem, active: Active) -> None:
        self.problem, self.active = problem, active
        self.free, self.used = np.flatnonzero(active.columns == 0), np.flatnonzero(active.rows)
        self.rows = problem.matrix[self.used]
        self.inner = self.rows[:, self.free]
        self.back = self.inner.T.tocsr()
        self.weights = problem.weights[self.free]
        root = self.inner @ sparse.diags_array(1 / np.sqrt(self.weights))
        normal = sparse.csc_matrix(root @ root.T)
        size = np.sqrt(normal.diagonal())
        self.idle = size == 0
        self.size = np.where(self.idle, 1.0, size)
        unit = sparse.diags_array(1 / self.size)
        self.normal = sparse.csc_matrix(unit @ normal @ unit)

    def _factors(self, regular: float) -> Any:
        damped = sparse.csc_matrix(self.normal + regular * sparse.eye_array(self.used.size))
        return linalg.splu(damped, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=SYMMETRIC)

    @cached_property
    def _sharp(self) -> Any:
        return self._factors(REGULAR[1])

    def dependent(self) -> Mask:
        """Which of the rows used are no more than others of them together, on the columns off their bounds."""
        if not (self.used.size and self.free.size):
            return np.ones(self.used.size, bool)
        pivots = np.abs(self._sharp.U.diagonal())[self._sharp.perm_c]
        dependent: Mask = self.idle | (pivots <= DEPENDENT)
        return dependent

    def point(self, target: Vector, sharp: bool = False) -> Point:
        """The point (n,) closest to a target that meets the equations, and multipliers (m,).

        ``sharp`` when no row depends on others.
        """
        problem, region, active, used = self.problem, self.problem.region, self.active, self.used
        at_bound = np.where(active.columns > 0, region.lower, region.upper)
        x = np.where(active.columns == 0, target, at_bound)
        multipliers = np.zeros(problem.matrix.shape[0])
        if not (used.size and self.free.size):
            return x, multipliers
        limit = np.where(active.rows < 0, region.row_upper, region.row_lower)[used]
        found, missing, worst, terms = np.zeros(used.size), limit - self.rows @ x, np.inf, problem.size[used]
        for regular in REGULAR[sharp:]:
            factors = self._sharp if regular == REGULAR[1] else self._factors(regular)
            for _ in range(REFINED):
                step = factors.solve(missing / self.size) / self.size
                found += step
                x[self.free] += (self.back @ step) / self.weights
                missing = limit - self.rows @ x
                scale = np.maximum(np.abs(limit), terms @ np.maximum(np.abs(x), problem.unit) + problem.lent[used])
                last, worst = worst, float(np.abs(missing / np.where(scale > 0, scale, 1.0)).max())
                if worst < ROUNDING or (worst < CROSSED and worst > last / 2):
                    multipliers[used] = found
                    return x, multipliers
        multipliers[used] = found
        return x, multipliers

    def carried(self, push: Vector) -> Vector:
        """The multipliers (of the rows used) that take up most of a push (on the columns off their bounds).

        What they leave of it moves the point without leaving an equation. No row may depend on others.
        """
        if not (self.used.size and self.free.size):
            return np.zeros(self.used.size)
        wanted = (self.inner @ (push / self.weights)) / self.size
        found = self._sharp.solve(wanted)
        for _ in range(3):
            found += self._sharp.solve(wanted - self.normal @ found)
        carried: Vector = found / self.size
        return carried


def pulling(problem: Problem, active: Active, x: Vector, multipliers: Vector) -> tuple[Mask, Mask]:
    """Which active rows (m,) and bounds (n,) push the wrong way, beyond rounding: without them the point is closer.

    >>> from allocate.optimum.linear import Region
    >>> region = Region(sparse.csr_array([[1.0]]), np.ones(1), np.full(1, 3.0), np.zeros(1), np.full(1, 9.0))
    >>> problem = Problem(region, np.ones(1), np.full(1, 2.0), np.ones(1), np.zeros(1))
    >>> at_least_one = Active(np.ones(1, np.int8), np.zeros(1, np.int8))
    >>> pulling(problem, at_least_one, *Equations(problem, at_least_one).point(problem.target))[0].tolist()
    [True]
    """
    push, share = problem.check(x).pushes(problem.weights, problem.target, multipliers)
    rows: Mask = ~problem.equal & (active.rows * multipliers < 0) & (share > NOISE)
    columns: Mask = active.columns * push < -NOISE
    return rows, columns


def crossed(problem: Problem, x: Vector) -> tuple[Vector, Vector]:
    """How far rows (m,) and columns (n,) are outside their limits, beyond rounding, as parts of their sizes.

    Above 0 below the lower limit, below 0 above the upper one.

    >>> from allocate.optimum.linear import Region
    >>> region = Region(sparse.csr_array([[1.0]]), np.ones(1), np.full(1, 3.0), np.zeros(1), np.full(1, 9.0))
    >>> rows, columns = crossed(Problem(region, np.ones(1), np.zeros(1), np.ones(1), np.zeros(1)), np.full(1, 4.0))
    >>> rows.round(9).tolist(), columns.tolist()
    ([-0.25], [0.0])
    """
    region, check = problem.region, problem.check(x)
    below = (region.row_lower - check.activity) / check.row_scale(region.row_lower)
    above = (check.activity - region.row_upper) / check.row_scale(region.row_upper)
    edge = PINNED * np.maximum(check.column_size, _surroundings(problem, check))
    columns = (region.lower - x).clip(edge) - (x - region.upper).clip(edge)
    return below.clip(CROSSED) - above.clip(CROSSED), columns / check.column_size


def _surroundings(problem: Problem, check: Check) -> Vector:
    """The size of the largest row that each column is in, in the column's own unit."""
    size, rows = problem.size, np.repeat(check.row_size, np.diff(problem.size.indptr))
    return group_maximum((rows / size.data)[problem.by_column], problem.column_starts)
