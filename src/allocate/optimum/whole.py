"""Plans in whole numbers: clinics are built or not.

The solver's tree search finds the best whole numbers goal after goal, each goal kept by a row; among equally good ones
those nearest to the target (each distance weighed as in the closest point, but added and not squared); and among
equally near ones those that a fixed lot draws. Then the whole numbers are fixed, and the linear program that is left is
solved and certified like any other. That nothing better exists rests on the search; what weak duality alone proves is
reported beside it.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from scipy import sparse

from allocate.errors import NoPlanError, ProofError
from allocate.optimum.certificate import certify, duality_bound
from allocate.optimum.extended import with_row, with_whole_fixed
from allocate.optimum.highs import NoWhole, SolverOptions, search
from allocate.optimum.infeasible import Infeasible
from allocate.optimum.linear import Goal, LinearProgram, Region, Vector
from allocate.optimum.result import REACHED, Bounds, Optimum, Stage
from allocate.optimum.scaling import LARGEST_LIMIT, Scaling, group_maximum, power_of_two, ruiz
from allocate.optimum.stages import corner, solve_linear

#: A row that keeps a goal leaves it this part of its terms: just above rounding, for that may be worth more to a later
#: goal of another size.
SLACK = 1e-12


class NotWhole(NoPlanError):
    """Every rule can be kept, but not in whole numbers."""


def solve_whole(
    lp: LinearProgram, options: SolverOptions, deadline: float, known: Vector | None = None, nearest: bool = True
) -> Optimum:
    """The optimum of a program with whole numbers whose goals give nothing; deadline on ``time.perf_counter``.

    ``known`` (n,) is a plan to begin with; without ``nearest`` any of the best whole numbers will do. Raises as
    ``lexicographic.solve``, and NotWhole when only whole numbers stand in the way.
    """
    work = _Search(lp, options, deadline, known)
    for goal in lp.goals:
        assert isinstance(goal, Goal)
        work.best(goal)
    if nearest:
        work.nearest()
    return work.optimum()


class _Search:
    """The region with a row for every goal so far, the best plan so far, and the bounds."""

    def __init__(self, lp: LinearProgram, options: SolverOptions, deadline: float, known: Vector | None) -> None:
        self.lp, self.deadline = _rounded(lp), deadline
        self.options = replace(options, start=None, accept_near_ties=True)
        self.accept_near_ties = options.accept_near_ties
        #: A search that is stopped still has to fix its whole numbers and prove the rest.
        self.late = deadline + options.time_limit
        self.kept = replace(self.lp, goals=())
        self.x = known
        self.stopped = False
        #: Of the program itself: a row that keeps a goal whose best is zero has a limit of rounding.
        self.size = max(ruiz(self.lp.region).size, 1 / LARGEST_LIMIT)
        self.relaxed: list[LinearProgram] = []
        self.solver: list[float] = []
        self.proved: list[float] = []
        self.stages: list[Stage] = []

    def best(self, goal: Goal) -> None:
        """The best of one goal among the plans that keep the goals before, and a row that keeps it."""
        self.relaxed.append(replace(self.kept, goals=(goal,), integer=np.zeros(0, bool)))
        relaxed = self.relaxed[-1]
        _, prices = corner(relaxed, self.options, self.late)
        self.proved.append(duality_bound(relaxed.region, goal, prices[0]))
        bound = self._searched(self.kept, goal.sign * goal.cost, goal.name)
        worst = -np.inf if bound is None else bound + goal.sign * goal.offset
        self.solver.append(goal.sign * max(worst, goal.sign * self.proved[-1]))
        done = self.lp.goals[: len(self.solver)]
        self.x = self._left(replace(self.lp, goals=done))
        self._keep(goal.sign * goal.cost)

    def nearest(self) -> None:
        """The nearest of the best whole numbers, and of the nearest those that the lot draws."""
        program, cost = _with_distance(self.kept)
        columns = self.lp.lower.size
        self.options = replace(self.options, gap=0.0)
        self._searched(program, cost, "nearest")
        assert self.x is not None
        least = float(cost @ _with_distances(program, self.x))
        slack = SLACK * float(np.abs(cost) @ np.abs(_with_distances(program, self.x)))
        kept = with_row(program, cost, -np.inf, least + slack)
        lot = np.zeros(program.lower.size)
        lot[:columns][self.lp.integer] = _lot(int(self.lp.integer.sum()))
        self._searched(kept, lot, "lot")

    def optimum(self) -> Optimum:
        """The linear program that is left, solved and certified, with the bounds of the search."""
        assert self.x is not None
        options = replace(self.options, accept_near_ties=self.accept_near_ties)
        left = solve_linear(with_whole_fixed(self.lp, self.x), options, self.late)
        gap = np.array([self._gap(program, bound) for program, bound in zip(self.relaxed, self.solver, strict=True)])
        if (gap < -REACHED).any():
            raise ProofError("the plan is better than the search says that any can be")
        bounds = Bounds(np.array(self.solver), np.array(self.proved), np.maximum(gap, 0.0), not self.stopped)
        return Optimum(
            self.lp,
            left.answer,
            certify(self.lp, left.answer),
            left.near_ties,
            left.finish,
            (*self.stages, *left.stages),
            left.basis,
            bounds,
        )

    def _searched(self, program: LinearProgram, cost: Vector, name: str) -> float | None:
        """Search for the least cost from the plan so far, unless time is up, and keep what is found; its bound."""
        if self.x is not None and (self.stopped or time.perf_counter() >= self.deadline):
            self.stopped = True
            return None
        start, columns = time.perf_counter(), self.lp.lower.size
        scaling = _scaling(program, self.size)
        scaled, factor = scaling.cost(cost)
        known = None if self.x is None else _with_distances(program, self.x) / scaling.column
        try:
            found = search(scaling.region(program.region), scaled, program.integer, self.options, self.deadline, known)
        except NoWhole as error:
            raise self._no_plan() from error
        x = (found.x * scaling.column)[:columns]
        self.x = np.where(self.lp.integer, np.round(x), x)
        self.stopped |= found.stopped
        self.stages.append(Stage(name, time.perf_counter() - start, found.nodes))
        return found.bound / factor

    def _left(self, lp: LinearProgram) -> Vector:
        """The best plan with the whole numbers found."""
        assert self.x is not None
        try:
            return corner(with_whole_fixed(replace(lp, integer=self.lp.integer), self.x), self.options, self.late)[0]
        except (Infeasible, ProofError) as error:
            raise ProofError("the whole numbers hold only within the solver's tolerance") from error

    def _gap(self, relaxed: LinearProgram, bound: float) -> float:
        """How far the best that these whole numbers allow is from the bound of the search: both with the rows that keep
        earlier goals, whose slack may be worth more than rounding to a goal of another size."""
        goal, x = relaxed.goals[0], self._left(relaxed)
        assert isinstance(goal, Goal)
        return goal.sign * (goal.value(x) - bound) / (_terms(goal.cost, x, self.lp.unit) or 1.0)

    def _keep(self, cost: Vector) -> None:
        assert self.x is not None
        most = float(cost @ self.x) + SLACK * _terms(cost, self.x, self.lp.unit)
        self.kept = with_row(self.kept, cost, -np.inf, most)

    def _no_plan(self) -> Exception:
        if self.x is not None:
            return ProofError("the search finds no plan among those that were best so far")
        corner(replace(self.lp, goals=(), integer=np.zeros(0, bool)), self.options, self.late)
        return NotWhole("every rule can be kept, but not in whole numbers; the search found none")


def _rounded(lp: LinearProgram) -> LinearProgram:
    """The program with the bounds of its whole numbers whole."""
    lower = np.where(lp.integer, np.ceil(lp.lower), lp.lower)
    upper = np.where(lp.integer, np.floor(lp.upper), lp.upper)
    none = np.flatnonzero(lower > upper)
    if none.size:
        raise NotWhole(f"there is no whole number between the bounds of column {none[0]}")
    return replace(lp, lower=lower, upper=upper)


def _terms(cost: Vector, x: Vector, unit: Vector) -> float:
    return float(np.abs(cost) @ np.abs(x) + np.abs(cost * unit).max(initial=0.0))


def _with_distance(lp: LinearProgram) -> tuple[LinearProgram, Vector]:
    """The program with a last column for the distance |x - t| of every whole number that is not 0 or 1, and the cost
    that is the sum of all weighted distances, but for a constant."""
    weights = np.sqrt(lp.weights)
    switch = lp.integer & (lp.lower >= 0) & (lp.upper <= 1)
    counts = np.flatnonzero(lp.integer & ~switch)
    pick = sparse.csr_array((np.ones(counts.size), (np.arange(counts.size), counts)), (counts.size, lp.lower.size))
    own, none = sparse.eye_array(counts.size), np.full(counts.size, np.inf)
    beside = sparse.csr_array((lp.row_lower.size, counts.size))
    target = lp.target[counts]
    switched = np.where(switch, weights * (np.abs(1.0 - lp.target) - np.abs(lp.target)), 0.0)
    if not counts.size:
        return lp, switched
    program = LinearProgram(
        sparse.block_array([[lp.matrix, beside], [pick, -own], [pick, own]]),
        np.concatenate([lp.row_lower, -none, target]),
        np.concatenate([lp.row_upper, target, none]),
        np.concatenate([lp.lower, np.zeros(counts.size)]),
        np.concatenate([lp.upper, none]),
        (),
        np.concatenate([lp.target, np.zeros(counts.size)]),
        np.concatenate([lp.unit, lp.unit[counts]]),
        integer=np.concatenate([lp.integer, np.zeros(counts.size, bool)]),
    )
    return program, np.concatenate([switched, weights[counts]])


def _with_distances(program: LinearProgram, x: Vector) -> Vector:
    """A plan (n,) with the distances that the last columns of a program stand for."""
    more = program.lower.size - x.size
    if not more:
        return x
    integer = np.flatnonzero(program.integer)
    counts = integer[~((program.lower[integer] >= 0) & (program.upper[integer] <= 1))]
    return np.concatenate([x, np.abs(x - program.target[: x.size])[counts]])


def _lot(count: int) -> Vector:
    """Numbers of 20 bits without order: multiples of the golden ratio (Knuth's multiplicative hash).

    >>> _lot(3).tolist()
    [648055.0, 247535.0, 895590.0]
    """
    spread = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(2654435769)) & np.uint64(0xFFFFFFFF)
    return (spread >> np.uint64(12)).astype(np.float64)


def _scaling(lp: LinearProgram, size: float) -> Scaling:
    """Powers of two that leave whole numbers whole."""
    region: Region = lp.region
    found = ruiz(region)
    column = np.where(lp.integer, 1.0, found.column * size)
    largest = group_maximum(np.abs(region.matrix.data) * column[region.matrix.indices], region.matrix.indptr)
    return Scaling(1.0 / power_of_two(largest), column, 1.0)
