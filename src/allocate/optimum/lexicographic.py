"""From a linear program with goals in order to one certified optimum.

Each goal is solved to a basis, its duals are recomputed from the basis, and the set of all its optimal plans is
cut out by fixing priced columns and rows (no objective row, no tolerance). On the last such face the plan closest to
the target is taken. Every plan comes with a certificate, or does not come.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from allocate.errors import AllocateError, NoPlanError, ProofError
from allocate.optimum.basis import refined_duals
from allocate.optimum.certificate import Certificate, certify
from allocate.optimum.closest import Closest, Finish, closest
from allocate.optimum.face import Small, shrink
from allocate.optimum.highs import NoVertex, SolverOptions, minimise
from allocate.optimum.infeasible import Infeasible, Unbounded, explain
from allocate.optimum.linear import Goal, LinearProgram, Region, Vector
from allocate.optimum.prices import near_ties, relative_duals, restrict
from allocate.optimum.scaling import Scaling, middling, ruiz


class NearTies(ProofError):
    """The plan is optimal, but prices too small to be sure of leave in doubt whether it is the only one."""


@dataclass(frozen=True)
class Stage:
    """What one stage of the work took: a goal's name, or "closest" or "certificate"."""

    name: str
    seconds: float
    iterations: int = 0


@dataclass(frozen=True, eq=False)
class Optimum:
    """The one optimal plan, natural units, with what proves it.

    ``x`` (n,); ``values`` (goals,); ``prices`` (goals, m) is d(goal value) / d(row limit) in the goal's own sense:
    for a goal to be made large, positive means that more limit gives more goal; ``reduced_costs`` (goals, n) the same
    for the bounds of columns; ``tie_multipliers`` (m,). ``unique`` is False, and ``grade`` "near tie", only
    when ``near_ties`` prices were too small to be sure of and the caller accepted that. ``finish`` says how the
    closest plan was found (see :class:`Closest`). Raises ProofError when its certificate fails.
    """

    x: Vector
    values: Vector
    prices: NDArray[np.float64]
    reduced_costs: NDArray[np.float64]
    tie_multipliers: Vector
    certificate: Certificate
    near_ties: int
    finish: Finish
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if not self.certificate.ok:
            raise ProofError("the plan failed its check: " + "; ".join(self.certificate.failures()))

    @property
    def unique(self) -> bool:
        """Whether any other route to an optimum gives this same plan."""
        return self.near_ties == 0

    @property
    def grade(self) -> Literal["exact", "refined", "near tie"]:
        """ "exact"; "near tie" when the plan is optimal but perhaps not the only one; or "refined" when it is the only
        one and its certificate holds, but its last digits, and so perhaps a rounded number, depend on the route."""
        if not self.unique:
            return "near tie"
        return self.finish


def solve(lp: LinearProgram, options: SolverOptions | None = None) -> Optimum:
    """The one optimum of a linear program with goals in order.

    Raises Infeasible or Unbounded (both NoPlanError), StoppedError at the time limit, and ProofError when the answer
    fails its certificate or near ties leave it in doubt.

    >>> from scipy import sparse
    >>> goal = Goal("reach", np.array([1.0, 1.0]), sense="max")
    >>> spend = sparse.csr_array([[1.0, 1.0]])
    >>> limits = np.array([-np.inf]), np.array([10.0]), np.zeros(2), np.full(2, 8.0)
    >>> optimum = solve(LinearProgram(spend, *limits, (goal,), np.array([1.0, 5.0]), np.ones(2)))
    >>> optimum.values.tolist(), optimum.prices.tolist(), optimum.x.round(3).tolist(), optimum.grade
    ([10.0], [[1.0]], [2.0, 8.0], 'exact')
    """
    options = options or SolverOptions()
    deadline = time.perf_counter() + options.time_limit
    scaling = ruiz(lp.region)
    try:
        return _attempt(lp, options, deadline, scaling)
    except NearTies:
        raise
    except ProofError:
        # Limits far apart: the largest alone made the rest too small for the solver's absolute tolerances.
        return _attempt(lp, options, deadline, middling(scaling, lp.region))


def _attempt(lp: LinearProgram, options: SolverOptions, deadline: float, scaling: Scaling) -> Optimum:
    work = _Work(lp, options, deadline, scaling)
    for goal in lp.goals or (_ANY,):
        work.stage(goal)
    work.tie_break()
    return work.optimum()


#: Without a goal, the closest plan of all that satisfy the rules.
_ANY = Goal("any plan", np.zeros(0))


class _Work:
    """The face as it narrows and what every goal left behind."""

    def __init__(self, lp: LinearProgram, options: SolverOptions, deadline: float, scaling: Scaling) -> None:
        self.lp, self.options, self.deadline = lp, options, deadline
        self.face: Region = lp.region
        self.scaling = scaling
        self.prices: list[Vector] = []
        self.near_ties = 0
        self.finish: Finish = "exact"
        self.stages: list[Stage] = []

    def stage(self, goal: Goal) -> None:
        """Solve one goal on the face that the goals before it left, and narrow the face."""
        start = time.perf_counter()
        cost = goal.sign * goal.cost if goal.cost.size else np.zeros(self.lp.lower.size)
        scaled, factor = self.scaling.cost(cost)
        region = self.scaling.region(self.face)
        try:
            vertex = minimise(region, scaled, self.options, self.deadline)
        except NoVertex:
            raise self._in_natural_units(explain(region, scaled, self.deadline), goal) from None
        dual = refined_duals(region, scaled, vertex) * self.scaling.row / factor
        reduced, rows = relative_duals(self.lp.region, cost, dual, self.scaling)
        self.near_ties += near_ties(self.face, reduced, rows)
        self.face = restrict(self.face, reduced, rows)
        if goal is not _ANY:
            self.prices.append(dual)
        self.stages.append(Stage(goal.name, time.perf_counter() - start, vertex.iterations))

    def _in_natural_units(self, error: NoPlanError, goal: Goal) -> AllocateError:
        """The error in natural units, its proof checked again on the original data."""
        if isinstance(error, Unbounded):
            direction = np.zeros(self.lp.lower.size)
            direction[error.columns] = error.direction
            found = Unbounded.from_direction(direction * self.scaling.column)
            found.goal = goal.name
            return found
        if self.prices or not isinstance(error, Infeasible):
            return ProofError(f"goal {goal.name!r}: the solver finds no plan among those optimal so far")
        ray = np.zeros(self.lp.row_lower.size)
        ray[error.rows] = error.row_weights
        return Infeasible.from_ray(self.lp.region, ray * self.scaling.row)

    def tie_break(self) -> None:
        """The closest point of the face, and multipliers for all its rows."""
        start = time.perf_counter()
        lp = self.lp
        small: Small = shrink(self.face, lp.unit)
        self.x = small.x.copy()
        left = np.zeros(0)
        rounds = 0
        if small.columns.size:
            there = small.columns
            found: Closest = closest(small.region, lp.weights[there], lp.target[there], lp.unit[there], self.deadline)
            self.x[there], left, rounds, self.finish = found.x, found.multipliers, found.rounds, found.finish
        else:
            left = np.zeros(small.rows.size)
        self.x = np.clip(self.x, self.face.lower, self.face.upper)
        self.tie_multipliers = small.multipliers(self.x, lp.weights * (self.x - lp.target), left)
        self.stages.append(Stage("closest", time.perf_counter() - start, rounds))

    def optimum(self) -> Optimum:
        """The plan with its certificate."""
        start = time.perf_counter()
        lp, goals = self.lp, self.lp.goals
        shape = (len(goals), lp.row_lower.size)
        prices = np.array([goal.sign * dual for goal, dual in zip(goals, self.prices, strict=True)]).reshape(shape)
        costs = np.array([goal.cost for goal in goals]).reshape(len(goals), lp.lower.size)
        certificate = certify(lp, self.x, list(prices), self.tie_multipliers)
        self.stages.append(Stage("certificate", time.perf_counter() - start))
        if self.near_ties and not self.options.accept_near_ties:
            raise NearTies(
                f"{self.near_ties} prices are between 2e-13 and 1e-8 of their terms: "
                "the plan is optimal, but perhaps not the only one"
            )
        return Optimum(
            self.x,
            np.array([goal.value(self.x) for goal in goals]),
            prices,
            costs - (lp.matrix.T @ prices.T).T,
            self.tie_multipliers,
            certificate,
            self.near_ties,
            self.finish,
            tuple(self.stages),
        )
