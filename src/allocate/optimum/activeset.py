"""Which constraints hold the closest point, found one at a time: a method that ends on any region that is not empty.

It keeps a working set of constraints, none of which depends on the others, and the closest point that meets them as
equations; all multipliers have the right sign. A constraint that this point crosses is brought in, and on the way
whichever others lose their multiplier to it go. Every exchange takes the point further from the target, so that no set
comes back and none is left out. It needs no point to start from and no inside: a region may be a single point, and its
rows may repeat each other.

Source: D. Goldfarb, A. Idnani, *A numerically stable dual method for solving strictly convex quadratic programs*,
Math. Program. 27 (1983).
"""

from __future__ import annotations

import numpy as np

from allocate.optimum.equations import DEPENDENT, Equations, Point, crossed, pulling
from allocate.optimum.face import Indices
from allocate.optimum.highs import in_time
from allocate.optimum.interior import Active, Problem
from allocate.optimum.linear import Vector

#: A multiplier that changes by less than this part of the largest change does not change.
STEADY = 1e-11


def settled(problem: Problem, active: Active, deadline: float) -> tuple[Active, Point]:
    """The active constraints of the closest point, the point (n,) and multipliers (m,), from a guess of which are.

    Raises StoppedError at the deadline, which is on ``time.perf_counter``.

    >>> from scipy import sparse
    >>> from allocate.optimum.linear import Region
    >>> rows = sparse.csr_array([[1.0, 1.0], [1.0, 0.0]])
    >>> region = Region(rows, np.array([3.0, -np.inf]), np.array([3.0, 1.0]), np.zeros(2), np.full(2, 9.0))
    >>> problem = Problem(region, np.ones(2), np.full(2, 2.0), np.ones(2), np.zeros(2))
    >>> active, (x, multipliers) = settled(problem, Active(np.zeros(2, np.int8), np.zeros(2, np.int8)), np.inf)
    >>> active.rows.tolist(), x.tolist(), multipliers.tolist()
    ([0, -1], [1.0, 2.0], [0.0, -1.0])
    """
    work, beyond = _WorkingSet(problem, active, deadline), frozenset[int]()
    seen: set[tuple[bytes, frozenset[int]]] = set()
    while True:
        work.solve()
        over = np.concatenate(crossed(problem, work.x))
        over[list(beyond)] = 0.0
        worst, state = int(np.argmax(np.abs(over))), (work.sides.tobytes(), beyond)
        if not over[worst] or state in seen:  # what is crossed by rounding, others may bring back for ever
            return work.active, (work.x, work.multipliers[: work.rows])
        seen.add(state)
        beyond = frozenset() if work.bring(worst, int(np.sign(over[worst]))) else beyond | {worst}


class _WorkingSet:
    """The working set: a side and a multiplier of every row and then of every column (m + n,), and the point (n,)."""

    def __init__(self, problem: Problem, active: Active, deadline: float) -> None:
        self.problem, self.deadline, region = problem, deadline, problem.region
        self.rows, self.columns = problem.matrix.shape
        self.sides = np.concatenate([active.rows, active.columns])
        self.lower = np.concatenate([region.row_lower, region.lower])
        self.upper = np.concatenate([region.row_upper, region.upper])
        self.back = problem.matrix.T.tocsr()
        self._changed()
        self._without_dependent()

    @property
    def active(self) -> Active:
        return Active(self.sides[: self.rows], self.sides[self.rows :])

    def _changed(self) -> None:
        in_time(self.deadline)
        self.equations = Equations(self.problem, self.active)

    def _without_dependent(self) -> None:
        while (dependent := self.equations.dependent()).any():
            self.sides[self.equations.used[dependent]] = 0
            self._changed()

    def solve(self) -> None:
        """The point and multipliers of the set, without what pushes the wrong way."""
        problem = self.problem
        while True:
            self.x, multipliers = self.equations.point(problem.target, sharp=True)
            pulls = np.concatenate(pulling(problem, self.active, self.x, multipliers))
            if not pulls.any():
                break
            self.sides[pulls] = 0
            self._changed()
            self._without_dependent()
        push = problem.weights * (self.x - problem.target) - self.back @ multipliers
        self.multipliers = np.concatenate([multipliers, np.where(self.active.columns == 0, 0.0, push)])

    def bring(self, new: int, side: int) -> bool:
        """Bring in a constraint; False where the set, as it is then, does not leave it a way there."""
        while True:
            step, change, free = self._direction(new, side)
            weak = self._weak(change)
            ratio = np.maximum(-self.multipliers[weak] / change[weak], 0.0)
            far = self._room(new, side) / free if free else np.inf
            if ratio.min(initial=np.inf) >= far:
                self.sides[new] = side
                self._changed()
                return True
            if not weak.size:
                return False
            first = np.lexsort((-np.abs(change[weak]), ratio))[0]
            self.x = self.x + ratio[first] * step
            self.multipliers += ratio[first] * change
            self.sides[weak[first]], self.multipliers[weak[first]] = 0, 0.0
            self._changed()

    def _direction(self, new: int, side: int) -> tuple[Vector, Vector, float]:
        """How the point (n,) and all multipliers (m + n,) change as that of a new constraint grows by one, and how fast
        the constraint is reached; 0 where it depends on the set, and then the point stays."""
        equations, change, step = self.equations, np.zeros(self.sides.size), np.zeros(self.columns)
        push, free = side * self._normal(new), self.equations.free
        change[equations.used] = -equations.carried(push[free])
        step[free] = (push[free] + equations.back @ change[equations.used]) / equations.weights
        change[new] = side
        held = self.active.columns != 0
        change[self.rows :][held] = -(self.back @ change[: self.rows])[held]
        fast, whole = float(push @ step), float((push[free] ** 2 / equations.weights).sum())
        if fast <= DEPENDENT * whole:
            return np.zeros(self.columns), change, 0.0
        return step, change, fast

    def _normal(self, constraint: int) -> Vector:
        normal = np.zeros(self.columns)
        if constraint >= self.rows:
            normal[constraint - self.rows] = 1.0
            return normal
        matrix = self.problem.matrix
        span = slice(matrix.indptr[constraint], matrix.indptr[constraint + 1])
        normal[matrix.indices[span]] = matrix.data[span]
        return normal

    def _weak(self, change: Vector) -> Indices:
        """Constraints of the set that are no equations and whose multipliers shrink."""
        shrinks = self.sides * change < -STEADY * np.abs(change).max()
        shrinks[: self.rows] &= ~self.problem.equal
        return np.flatnonzero(shrinks)

    def _room(self, new: int, side: int) -> float:
        at = float(self._normal(new) @ self.x)
        return max(0.0, float(self.lower[new] - at if side > 0 else at - self.upper[new]))
