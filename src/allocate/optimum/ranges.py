"""How far quantities could move if the plan need not be the published one: the least and the most of each.

Over all plans that are as good, or over all that lose at most so much of the last goal, each quantity (a sum of
columns, such as the money of one space) has a least and a most. As good is meant exactly: prices fix columns and rows
(see ``prices``), so that no goal is kept by a tolerance. Every end is reached by a plan that keeps every limit, and no
plan goes beyond it, by weak duality; where the two do not meet there is no answer.

Every search begins at the same corner, a plan that is best for the last goal, whatever else is asked for. Prices read
from that corner alone prove many ends; the primal simplex goes on from it to the others.

Source: E. D. Brill, S.-Y. Chang, L. D. Hopkins, *Modeling to generate alternatives*, Management Science 28 (1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from scipy import sparse

from allocate.errors import ProofError
from allocate.optimum.basis import Corner
from allocate.optimum.certificate import Check, duality_bound
from allocate.optimum.dust import without_dust
from allocate.optimum.highs import NoVertex, Session, SolverOptions, minimise
from allocate.optimum.infeasible import Unbounded, explain, ray_is_free
from allocate.optimum.linear import Goal, Region, Vector
from allocate.optimum.prices import NEAR_TIE, relative_duals, restrict
from allocate.optimum.result import Optimum
from allocate.optimum.scaling import ruiz

PROVED: Final = 1e-9
"""How near a value and its bound must be, as a part of the terms that the value is made of."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """The least and the most (k,) of every quantity; infinite where nothing holds it."""

    least: Vector
    most: Vector


def ranges(optimum: Optimum, quantities: Any, give: float = 0.0) -> Ranges:
    """The least and the most of ``quantities @ x`` over all plans as good as an optimum; quantities is (k, n), sparse.

    As good: every goal has what it has; or, when ``give`` is above 0, the last goal loses at most ``give`` (in its own
    unit) and those before it nothing. The program must be plain (``LinearProgram.is_plain``), or ValueError; raises
    ProofError when an end cannot be proved. Where the optimum has near ties, plans that only these tell apart are not
    counted as equals.

    >>> from allocate.optimum.lexicographic import solve
    >>> from allocate.optimum.linear import LinearProgram
    >>> goal = Goal("reach", np.array([2.0, 2.0, 1.0]), sense="max")
    >>> limits = np.full(1, -np.inf), np.full(1, 10.0), np.zeros(3), np.full(3, 8.0)
    >>> lp = LinearProgram(sparse.csr_array([[1.0, 1.0, 1.0]]), *limits, (goal,), np.zeros(3), np.ones(3))
    >>> same, less = (ranges(solve(lp), np.eye(3), give) for give in (0.0, 1.0))
    >>> same.least.tolist(), same.most.tolist()
    ([2.0, 2.0, 0.0], [8.0, 8.0, 0.0])
    >>> less.least.tolist(), less.most.tolist()
    ([1.0, 1.0, 0.0], [8.0, 8.0, 1.0])
    """
    lp, asked = optimum.program, sparse.csr_array(quantities, dtype=np.float64)
    if not lp.is_plain:
        raise ValueError("ranges are of programs whose goals keep all they have, without whole numbers")
    if asked.shape[1] != lp.lower.size or not np.isfinite(asked.data).all():
        raise ValueError(f"quantities has shape {asked.shape}, expected finite numbers for {lp.lower.size} columns")
    if not 0 <= give < np.inf or (give and not lp.goals):
        raise ValueError(f"give is {give}, expected 0 or more of the last goal")
    search = _Search(_allowed(optimum, give), lp.unit, lp.plain_goals)
    ends = np.zeros((2, asked.shape[0]))
    for row in range(asked.shape[0]):
        cost = asked[[row]].toarray().ravel()
        ends[:, row] = search.end(Goal("", cost, sense="min")), search.end(Goal("", cost, sense="max"))
    return Ranges(*ends)


def _allowed(optimum: Optimum, give: float) -> Region:
    """All plans as good as the optimum but for what the last goal gives."""
    lp, region = optimum.program, optimum.program.region
    scaling, goals = ruiz(region), lp.plain_goals
    for goal, price in zip(goals[:-1] if give else goals, optimum.prices, strict=False):
        region = restrict(region, *relative_duals(lp.region, goal.sign * goal.cost, goal.sign * price, scaling))
    if not give:
        return region
    last, limit = goals[-1], optimum.values[-1] + goals[-1].sign * give - goals[-1].offset
    low, high = (limit, np.inf) if last.sense == "max" else (-np.inf, limit)
    matrix = sparse.csr_array(sparse.vstack([region.matrix, sparse.csr_array(last.cost[None, :])]))
    return Region(
        matrix, np.append(region.row_lower, low), np.append(region.row_upper, high), region.lower, region.upper
    )


class _Search:
    """A region, and the corner where every search in it begins."""

    def __init__(self, region: Region, unit: Vector, goals: tuple[Goal, ...]) -> None:
        self.region, self.unit, self.scaling = region, unit, ruiz(region)
        self.scaled = self.scaling.region(region)
        cost = goals[-1].sign * goals[-1].cost if goals else np.zeros(unit.size)
        self.first = minimise(self.scaled, self.scaling.cost(cost)[0], SolverOptions())
        self.start = _Point(self, Corner(self.scaled, self.first))

    @cached_property
    def session(self) -> Session:
        """The solver, once prices of the first corner alone leave an end open."""
        return Session(self.scaled)

    def end(self, goal: Goal) -> float:
        """The best value of a quantity, proved; infinite where nothing holds it."""
        if self.start.proves(goal):
            return goal.value(self.start.x)
        cost, _ = self.scaling.cost(goal.sign * goal.cost)
        onward = partial(self.session.resume, self.scaled, cost, self.first.basis, primal=True)
        from_nothing = partial(minimise, self.scaled, cost, SolverOptions())
        for way in (onward, from_nothing):
            try:
                point = _Point(self, Corner(self.scaled, way()))
            except NoVertex:
                return self._endless(goal, cost)
            except ProofError:
                continue
            if point.proves(goal):
                return goal.value(point.x)
        raise ProofError("the least or most of a quantity is not where its prices say")

    def _endless(self, goal: Goal, cost: Vector) -> float:
        """Infinity, the way that leads there checked in natural units."""
        found = explain(self.scaled, cost)
        direction = np.zeros(cost.size)
        if isinstance(found, Unbounded):
            direction[found.columns] = found.direction
        if not ray_is_free(self.region, goal.sign * goal.cost, direction * self.scaling.column):
            raise ProofError("the solver finds no end to a quantity, and no proof of that")
        return -goal.sign * np.inf


class _Point:
    """A corner in natural units, without dust, and whether it keeps every limit."""

    def __init__(self, search: _Search, corner: Corner) -> None:
        self.search, self.corner = search, corner
        x = corner.x * search.scaling.column * search.scaling.size
        self.x = without_dust(search.region, x, search.unit)
        self.keeps = all(residual.ok for residual in Check(search.region, search.unit, self.x).feasible())

    def proves(self, goal: Goal) -> bool:
        """Whether no plan has more of a quantity (or less) than this one, by the prices of this corner."""
        search, cost = self.search, goal.sign * goal.cost
        scaled, factor = search.scaling.cost(cost)
        dual = self.corner.dual(scaled, steps=1) * search.scaling.row / factor
        _, rows = relative_duals(search.region, cost, dual, search.scaling)
        price = goal.sign * np.where(np.abs(rows) > NEAR_TIE[0], dual, 0.0)  # noise holds no endless column
        terms = np.abs(goal.cost) @ np.abs(self.x) + (np.abs(goal.cost) * search.unit).max(initial=0.0)
        return self.keeps and bool(
            abs(duality_bound(search.region, goal, price) - goal.value(self.x)) <= PROVED * terms
        )
