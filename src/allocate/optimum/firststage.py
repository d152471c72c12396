"""What is decided first, by itself: the plans that every draw shares, and the least that a plane over them can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from allocate.optimum.basis import refined_duals
from allocate.optimum.certificate import ALLOWED, Check, duality_bound
from allocate.optimum.closest import closest
from allocate.optimum.draws import Draws
from allocate.optimum.face import bounded, shrink
from allocate.optimum.highs import NoVertex, SolverOptions, minimise
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram, Region, Vector
from allocate.optimum.prices import relative_duals, restrict
from allocate.optimum.scaling import ruiz


class FirstStage:
    """The first stage of draws: ``region``, its plans (n1,) that are best for every goal before the outcome.

    Raises Infeasible or Unbounded where there is none, with rows and columns counted in the first stage.
    """

    def __init__(self, draws: Draws, options: SolverOptions, deadline: float = np.inf) -> None:
        self.deadline = deadline
        self.program = _alone(draws)
        quick = replace(options, accept_near_ties=True, start=None, column_order=None, row_order=None)
        start = solve(self.program, quick)
        self.region = _best(self.program, start.prices)
        self.scaling = ruiz(self.region)
        self.scaled = self.scaling.region(self.region)
        self.small = shrink(self.region, self.program.unit)
        self.start = self.nearest(start.x)

    def nearest(self, x: Vector) -> Vector:
        """The plan (n1,) nearest to x (n1,), in the measure of :attr:`LinearProgram.weights`."""
        near, small = replace(self.program, target=x), self.small
        found = small.x.copy()
        if small.columns.size:
            of = small.columns
            found[of] = closest(small.region, near.weights[of], x[of], near.unit[of], self.deadline, small.lent).x
        return np.clip(found, self.region.lower, self.region.upper)

    def keeps(self, x: Vector) -> bool:
        """Whether x (n1,) is a plan, as strictly as every plan here is checked."""
        check = Check(self.region, self.program.unit, x)
        return all(residual.size <= ALLOWED[residual.kind] for residual in check.feasible())

    def least(self, slope: Vector) -> float:
        """No plan x has a smaller slope @ x than this, by weak duality; minus infinity where there is no end."""
        cost, factor = self.scaling.cost(slope)
        try:
            vertex = minimise(self.scaled, cost, SolverOptions(), self.deadline)
        except NoVertex:
            return -np.inf
        price = refined_duals(self.scaled, cost, vertex) * self.scaling.row / factor
        return least_value(self.region, Goal("plane", slope), price)


def least_value(region: Region, goal: Goal, price: Vector) -> float:
    """What a goal to be made small cannot go below, by weak duality from prices (m,) in its own sense; bounds that rows
    imply hold what is left of a slope on a column without any.

    >>> from scipy import sparse
    >>> one = np.ones(1)
    >>> region = Region(sparse.csr_array([[1.0]]), -np.inf * one, 2 * one, 0 * one, np.inf * one)
    >>> least_value(region, Goal("loss", -3 * one), -2.75 * one)
    -6.0
    """
    return max(duality_bound(region, goal, price), duality_bound(bounded(region), goal, price))


def _alone(draws: Draws) -> LinearProgram:
    """The program of first-stage rows and columns, with the goals before the outcome."""
    lp, rows, columns = draws.base, np.flatnonzero(~draws.second_rows), np.flatnonzero(draws.first)
    goals = tuple(replace(goal, cost=goal.cost[columns]) for goal in lp.plain_goals[:-1])
    sides = lp.row_lower[rows], lp.row_upper[rows], lp.lower[columns], lp.upper[columns]
    return LinearProgram(lp.matrix[rows][:, columns], *sides, goals, lp.target[columns], lp.unit[columns])


def _best(lp: LinearProgram, prices: Vector) -> Region:
    """The part of the region that is best for every goal, as the prices (goals, m) of its optimum tell."""
    region, scaling = lp.region, ruiz(lp.region)
    for goal, price in zip(lp.plain_goals, prices, strict=True):
        region = restrict(region, *relative_duals(lp.region, goal.sign * goal.cost, goal.sign * price, scaling))
    return region
