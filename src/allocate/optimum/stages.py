"""From a linear program, with goals in order that keep all they have, to its certified optimum.

Each goal is solved to a basis, its duals are recomputed from the basis, and the set of all its optimal plans is
cut out by fixing priced columns and rows (no objective row, no tolerance). On the last such face the plan closest to
the target is taken. A leximin goal is one such stage after another, each with the values that the last one settled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from allocate.errors import AllocateError, NoPlanError, ProofError
from allocate.optimum.basis import Corner
from allocate.optimum.certificate import Check, certify
from allocate.optimum.closest import Closest, Finish, closest, keeps
from allocate.optimum.dust import without_dust
from allocate.optimum.extended import Answer, Rounds, balanced, extended, extended_region, round_of
from allocate.optimum.face import Small, shrink
from allocate.optimum.highs import Basis, NoVertex, SolverOptions, Vertex, minimise
from allocate.optimum.infeasible import Infeasible, Unbounded, explain
from allocate.optimum.linear import Goal, Leximin, LinearProgram, Region, Vector
from allocate.optimum.prices import TIED, near_ties, relative_duals, restrict
from allocate.optimum.result import Optimum, Stage
from allocate.optimum.scaling import Scaling, middling, ruiz

type Scale = Callable[[Region], Scaling]
type Solver = Callable[[Region, Vector, SolverOptions, float, Basis | None], Vertex]


class NearTies(ProofError):
    """The plan is optimal, but prices too small to be sure of leave in doubt whether it is the only one."""


#: Without a goal, the closest plan of all that satisfy the rules.
ANY = Goal("any plan", np.zeros(0))


def solve_linear(lp: LinearProgram, options: SolverOptions, deadline: float) -> Optimum:
    """The one optimum of a program without whole numbers whose goals give nothing; deadline on ``time.perf_counter``.

    Raises as ``lexicographic.solve``.
    """
    return _either(lambda scale: _solved(lp, options, deadline, scale).optimum())


def corner(lp: LinearProgram, options: SolverOptions, deadline: float) -> tuple[Vector, list[Vector]]:
    """One of the optimal plans (n,) and the prices (m,) of every goal in its own sense, without tie-break or proof.

    For programs of plain goals that are a step on the way. Raises as ``lexicographic.solve``.
    """
    goals = [goal for goal in lp.goals if isinstance(goal, Goal)]

    def attempt(scale: Scale) -> tuple[Vector, list[Vector]]:
        work, x = Work(lp, options, deadline, scale), np.zeros(0)
        for goal in goals or [ANY]:
            _, x = work.stage(goal)
        return x, [goal.sign * dual for goal, dual in zip(goals, work.prices, strict=True)]

    return _either(attempt)


def _either[T](attempt: Callable[[Scale], T]) -> T:
    """An attempt with the usual scaling, or else with one for limits far apart: there the largest alone made the rest
    too small for the solver's absolute tolerances."""
    try:
        return attempt(ruiz)
    except NearTies:
        raise
    except ProofError:
        return attempt(lambda region: middling(ruiz(region), region))


def _solved(lp: LinearProgram, options: SolverOptions, deadline: float, scale: Scale) -> Work:
    work = Work(lp, options, deadline, scale)
    for goal in lp.goals or (ANY,):
        if isinstance(goal, Leximin):
            work.worst_off(goal)
        else:
            work.stage(goal)
    work.tie_break()
    return work


class Work:
    """The region as it grows, its face as that narrows, and what every stage left behind.

    ``solver`` finds the corners, ``minimise`` unless given.
    """

    def __init__(
        self, lp: LinearProgram, options: SolverOptions, deadline: float, scale: Scale, solver: Solver | None = None
    ) -> None:
        self.lp, self.options, self.deadline = lp, options, deadline
        self.solver = solver or minimise
        self.region = self.face = lp.region
        self.scaling = self.own = scale(lp.region)
        self.settled: list[Rounds] = []
        self.levels = np.zeros(0)
        self.prices: list[Vector] = []
        self.near_ties = 0
        self.finish: Finish = "exact"
        self.stages: list[Stage] = []

    def stage(self, goal: Goal, near: Basis | None = None) -> tuple[Vector, Vector]:
        """Solve one plain goal on the face that the goals before it left, and narrow the face.

        ``near`` is a basis of that face. Gives the relative row duals (m',) and the solver's x (n',).
        """
        start = time.perf_counter()
        columns = self.region.lower.size
        cost = goal.sign * _padded(goal.cost, columns) if goal.cost.size else np.zeros(columns)
        scaled, factor = self.scaling.cost(cost)
        region = self.scaling.region(self.face)
        options = replace(self.options, start=None) if self.stages else self.options
        try:
            vertex = self.solver(region, scaled, options, self.deadline, near)
        except NoVertex:
            raise self._in_natural_units(explain(region, scaled, self.deadline), goal) from None
        self.last, self.corner = vertex, Corner(region, vertex)
        if not self.stages:
            self.basis = vertex.basis
        dual = self.corner.dual(scaled) * self.scaling.row / factor
        reduced, rows = relative_duals(self.region, cost, dual, self.scaling)
        self.near_ties += near_ties(self.face, reduced, rows)
        self.face = restrict(self.face, reduced, rows)
        if goal is not ANY:
            self.prices.append(dual)
        self.stages.append(Stage(goal.name, time.perf_counter() - start, vertex.iterations))
        return rows, vertex.x * self.scaling.column * self.scaling.size

    def worst_off(self, goal: Leximin) -> None:
        """Rounds that each raise the least value of those not settled yet, until all are."""
        row, column, before = self.region.row_lower.size, self.region.lower.size, tuple(self.settled)
        rounds, unsettled, x = np.zeros(goal.offset.size, int), np.ones(goal.offset.size, bool), np.zeros(0)
        while unsettled.any():
            rounds[unsettled] += 1
            self._grow([*before, rounds])
            near = (
                None
                if rounds.max() == 1
                else Basis(np.append(self.last.basis.columns, np.int8(0)), self.last.basis.rows)
            )
            duals, x = self.stage(round_of(goal, column, int(rounds.max()), self.region.lower.size), near)
            priced = unsettled & (duals[row:] > TIED)
            if not priced.any():
                raise ProofError(f"goal {goal.name!r}: no price says which value is the least")
            unsettled &= ~priced
            self.prices[-1][row + np.flatnonzero(unsettled)] = 0.0  # noise, and not of this round
        self.settled.append(rounds)
        self.levels = np.concatenate([self.levels, x[column:]])

    def _grow(self, settled: Sequence[Rounds]) -> None:
        """Add the columns, and at first the rows, of the next round; the face keeps what it has."""
        region, face = extended_region(self.lp, settled), self.face
        self.region, self.scaling = region, balanced(region, self.own)
        self.face = Region(
            region.matrix,
            _over(region.row_lower, face.row_lower),
            _over(region.row_upper, face.row_upper),
            _over(region.lower, face.lower),
            _over(region.upper, face.upper),
        )

    def _in_natural_units(self, error: NoPlanError, goal: Goal) -> AllocateError:
        """The error in natural units, its proof checked again on the original data."""
        if isinstance(error, Unbounded):
            direction = np.zeros(self.region.lower.size)
            direction[error.columns] = error.direction
            found = Unbounded.from_direction((direction * self.scaling.column)[: self.lp.lower.size])
            found.goal = goal.name
            return found
        if self.prices or not isinstance(error, Infeasible):
            return ProofError(f"goal {goal.name!r}: the solver finds no plan among those optimal so far")
        ray = np.zeros(self.region.row_lower.size)
        ray[error.rows] = error.row_weights
        return Infeasible.from_ray(self.lp.region, (ray * self.scaling.row)[: self.lp.row_lower.size])

    def tie_break(self) -> None:
        """The closest point of the face, and multipliers for all its rows."""
        start = time.perf_counter()
        lp = extended(self.lp, self.settled, self.levels).program
        rounds = 0 if self._alone(lp) else self._nearest(lp)
        self.stages.append(Stage("closest", time.perf_counter() - start, rounds))

    def _alone(self, lp: LinearProgram) -> bool:
        """Whether the corner is the only point of the face, and keeps what an exact finish must: then it is taken.

        It is where the face pins every column and row that is not basic: those equations have one solution.
        """
        face, vertex = self.face, self.last
        pinned = (
            (face.lower == face.upper) | vertex.basic_columns,
            (face.row_lower == face.row_upper) | vertex.basic_rows,
        )
        if not (pinned[0].all() and pinned[1].all()):
            return False
        x = np.clip(self.corner.x * self.scaling.column * self.scaling.size, face.lower, face.upper)
        pull = lp.weights * (x - lp.target)
        multipliers = self.corner.dual(pull * self.scaling.column, steps=1) * self.scaling.row
        if not keeps(Check(face, lp.unit, x), lp.weights, lp.target, multipliers):
            return False
        self.x, self.tie_multipliers = x, multipliers
        return True

    def _nearest(self, lp: LinearProgram) -> int:
        """Take the closest of many points; how many rounds that took."""
        small: Small = shrink(self.face, lp.unit)
        self.x = small.x.copy()
        left = np.zeros(small.rows.size)
        rounds = 0
        if small.columns.size:
            there = small.columns
            sizes = lp.weights[there], lp.target[there], lp.unit[there]
            found: Closest = closest(small.region, *sizes, self.deadline, small.lent)
            self.x[there], left, rounds, self.finish = found.x, found.multipliers, found.rounds, found.finish
        self.x = without_dust(self.face, np.clip(self.x, self.face.lower, self.face.upper), lp.unit)
        self.tie_multipliers = small.multipliers(self.x, lp.weights * (self.x - lp.target), left)
        return rounds

    def optimum(self, scaling: Scaling | None = None) -> Optimum:
        """The plan with its certificate; ``scaling`` is that of the plain program, for who knows it."""
        start = time.perf_counter()
        plain = extended(self.lp, self.settled, self.levels).program
        rows = plain.row_lower.size
        prices = [goal.sign * _padded(dual, rows) for goal, dual in zip(plain.goals, self.prices, strict=True)]
        shape = (len(prices), rows)
        answer = Answer(self.x, np.array(prices).reshape(shape), self.tie_multipliers, tuple(self.settled), self.levels)
        certificate = certify(self.lp, answer, scaling)
        self.stages.append(Stage("certificate", time.perf_counter() - start))
        if self.near_ties and not self.options.accept_near_ties:
            raise NearTies(
                f"{self.near_ties} prices are between 2e-13 and 1e-8 of their terms: "
                "the plan is optimal, but perhaps not the only one"
            )
        stages = tuple(self.stages)
        return Optimum(self.lp, answer, certificate, self.near_ties, self.finish, stages, self.basis)


def _padded(values: Vector, size: int) -> Vector:
    return np.concatenate([values, np.zeros(size - values.size)])


def _over(whole: Vector, part: Vector) -> Vector:
    """The first entries of the whole replaced by the part."""
    return np.concatenate([part, whole[part.size :]])
