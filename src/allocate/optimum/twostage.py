"""Money before need: the plan to decide on now, when what it buys is known only later.

Given draws that share their first stage, find the first stage that makes a measure of all outcomes best, and prove how
far from best it may be. Few draws are solved as one linear program, exactly; many by cuts, to a gap that is certified:
its bound holds for every plan by weak duality, and its value is that of a plan that was solved in every draw.
What it would be worth to know the draw, and what it is worth not to plan for the mean, is measured here too.

Source: J. R. Birge, F. Louveaux, *Introduction to Stochastic Programming*, 2nd ed., Springer (2011), chapters 1, 4, 5.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from allocate.errors import NoPlanError
from allocate.optimum.alone import best_alone
from allocate.optimum.bundle import Step, by_cuts
from allocate.optimum.draws import Draws, Indices, distinct
from allocate.optimum.extensive import extensive, in_draws
from allocate.optimum.firststage import FirstStage
from allocate.optimum.highs import SolverOptions, in_time
from allocate.optimum.lexicographic import solve as solve_one
from allocate.optimum.linear import Vector
from allocate.optimum.measures import EXPECTED, Measure
from allocate.optimum.recourse import NoRecourse, Recourse
from allocate.optimum.result import Grade

Route = Literal["extensive", "cuts"]

#: Up to so many columns all draws together are one program that is solved in seconds.
ONE_PROGRAM = 10_000


@dataclass(frozen=True, eq=False)
class Decision:
    """The first stage x (n1,) found best for a measure of ``outcomes`` (K,), each the outcome of one draw.

    ``value`` is the measure at x and ``bound`` what no first stage can better, both in the outcome's own sense; of a
    regret both are to be made small. ``moved`` is how much the measure differs from that of doing nothing, which is
    what a gap is a part of: what happens anyway, with or without money, must not make a gap look small. It is the size
    of the value where that cannot be said, and for the one program, which leaves no gap. A draw that cannot happen has
    the outcome NaN. ``grade`` is that of the one program, or "bounded" for cuts; ``history`` has a step a round.
    """

    x: Vector
    outcomes: Vector
    measure: Measure
    value: float
    bound: float
    moved: float
    grade: Grade
    route: Route
    history: tuple[Step, ...]

    @property
    def gap(self) -> float:
        """How far from best the measure may be, in the unit of the outcome."""
        return abs(self.bound - self.value)

    @property
    def relative_gap(self) -> float:
        """The gap as a part of what money moves, or of 1 where that is less."""
        return self.gap / self.moved


@dataclass(frozen=True)
class Worth:
    """What the measure would be (``value``), and what makes the difference to a decision's worth: ``gain``, 0 or more
    but for the decision's gap."""

    value: float
    gain: float


def decide(
    draws: Draws,
    measure: Measure = EXPECTED,
    options: SolverOptions | None = None,
    gap: float = 1e-4,
    route: Route | None = None,
) -> Decision:
    """The first stage that makes the measure best, to a relative ``gap`` by cuts; ``route`` None lets size decide.

    At the time limit of the options cuts stop with the gap that they have. The order of draws changes nothing.
    Raises Infeasible or Unbounded when the first stage has no plan, NoRecourse when a draw cannot go on from a plan (by
    cuts: from one that was tried), StoppedError when time is up before there is a plan, and ProofError.

    >>> from allocate.optimum.draws import Varying
    >>> from allocate.optimum.linear import Goal, LinearProgram
    >>> from scipy import sparse
    >>> sell = Goal("profit", np.array([-1.0, 3.0]), sense="max")  # buy at 1, sell at 3 what is bought and asked for
    >>> sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([9.0, 9.0])
    >>> base = LinearProgram(sparse.csr_array([[-1.0, 1.0]]), *sides, (sell,), np.zeros(2), np.ones(2))
    >>> asked = Draws(base, [True, False], [0.5, 0.5], {"upper": Varying([1], [[2.0], [6.0]])})
    >>> found = decide(asked)
    >>> found.x.tolist(), found.value, found.outcomes.tolist()
    ([6.0], 6.0, [0.0, 12.0])
    >>> decide(asked, Measure(alpha=0.5)).x.tolist()
    [2.0]
    """
    if route not in (None, *get_args(Route)):
        raise ValueError(f"route is {route!r}, expected one of {', '.join(get_args(Route))}")
    options, began = options or SolverOptions(), time.perf_counter()
    work, which = distinct(draws)
    first = FirstStage(work, options, began + options.time_limit)
    size = first.start.size + len(work) * (draws.first.size - first.start.size)
    route = route or ("extensive" if size <= ONE_PROGRAM else "cuts")
    with _numbered(which):
        against = best_alone(work, first) if measure.regret else np.zeros(len(work))
        if route == "extensive":
            return _exact(work, which, measure, against, replace(options, time_limit=in_time(first.deadline)))
        return _by_cuts(work, which, measure, against, first, gap)


def outcomes(draws: Draws, x: Vector) -> Vector:
    """The outcome (K,) of every draw after a first stage x (n1,). Raises NoRecourse where there is none.

    >>> from allocate.optimum.draws import Varying
    >>> from allocate.optimum.linear import Goal, LinearProgram
    >>> from scipy import sparse
    >>> sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([9.0, 9.0])
    >>> sell = Goal("profit", np.array([-1.0, 3.0]), sense="max")
    >>> base = LinearProgram(sparse.csr_array([[-1.0, 1.0]]), *sides, (sell,), np.zeros(2), np.ones(2))
    >>> asked = Draws(base, [True, False], [0.5, 0.5], {"upper": Varying([1], [[2.0], [6.0]])})
    >>> outcomes(asked, np.array([4.0])).tolist()
    [2.0, 8.0]
    """
    recourse = Recourse(draws)
    return recourse.sign * recourse.cuts(x, np.arange(len(draws))).losses


def perfect_information(draws: Draws, found: Decision) -> Worth:
    """What it would be worth to know the draw before the first stage is decided, by the measure of a decision.

    With the mean for a measure, the gain is the expected value of perfect information.

    >>> from allocate.optimum.draws import Varying
    >>> from allocate.optimum.linear import Goal, LinearProgram
    >>> from scipy import sparse
    >>> sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([9.0, 9.0])
    >>> sell = Goal("profit", np.array([-1.0, 3.0]), sense="max")
    >>> base = LinearProgram(sparse.csr_array([[-1.0, 1.0]]), *sides, (sell,), np.zeros(2), np.ones(2))
    >>> asked = Draws(base, [True, False], [0.5, 0.5], {"upper": Varying([1], [[2.0], [6.0]])})
    >>> perfect_information(asked, decide(asked))  # alone, 2 earn 4 and 6 earn 12
    Worth(value=8.0, gain=2.0)
    """
    work, _ = distinct(draws)
    best = best_alone(work, FirstStage(work, SolverOptions()))
    return _worth(work, found, best, best if found.measure.regret else 0.0 * best, better=True)


def stochastic_solution(draws: Draws, found: Decision) -> Worth:
    """What it is worth to decide for all draws rather than for their mean, by the measure of a decision.

    The first stage that is best for the mean of all numbers (of several, the one nearest to the target) is tried in
    every draw. With the mean for a measure, the gain is the value of the stochastic solution. Raises NoRecourse where
    the plan for the mean leaves a draw no way to go on, which is worse than any number.

    >>> from allocate.optimum.draws import Varying
    >>> from allocate.optimum.linear import Goal, LinearProgram
    >>> from scipy import sparse
    >>> sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([9.0, 9.0])
    >>> sell = Goal("profit", np.array([-1.0, 3.0]), sense="max")
    >>> base = LinearProgram(sparse.csr_array([[-1.0, 1.0]]), *sides, (sell,), np.zeros(2), np.ones(2))
    >>> asked = Draws(base, [True, False], [0.5, 0.5], {"upper": Varying([1], [[2.0], [6.0]])})
    >>> stochastic_solution(asked, decide(asked))  # 4, the mean, earn 2 and 8
    Worth(value=5.0, gain=1.0)
    """
    work, which = distinct(draws)
    plan = solve_one(work.mean(), SolverOptions(accept_near_ties=True)).x[work.first]
    against = np.zeros(len(work))
    if found.measure.regret:
        against = best_alone(work, FirstStage(work, SolverOptions()))
    with _numbered(which):
        losses = Recourse(work).cuts(plan, np.arange(len(work))).losses
    return _worth(work, found, losses, against, better=False)


def _worth(draws: Draws, found: Decision, losses: Vector, against: Vector, better: bool) -> Worth:
    sign = _sign(draws, found.measure)
    loss = found.measure.of(losses - against, draws.probability)
    return Worth(sign * loss, (sign * found.value - loss) * (1.0 if better else -1.0))


def _exact(draws: Draws, which: Indices, measure: Measure, against: Vector, options: SolverOptions) -> Decision:
    """All draws as one program."""
    began, program = time.perf_counter(), extensive(draws, measure, against)
    try:
        found = solve_one(program, options)
    except NoPlanError as error:
        raise NoRecourse(in_draws(draws, error), error) from None
    x = found.x[: int(draws.first.sum())]
    # The one program lets draws that are not among the worst drift; what they can have is solved again.
    losses = Recourse(draws).cuts(x, np.arange(len(draws))).losses
    loss = float(found.values[-1])
    step = Step(time.perf_counter() - began, loss, loss)
    return _decision(draws, which, measure, x, losses, max(1.0, abs(loss)), found.grade, "extensive", (step,))


def _by_cuts(
    draws: Draws, which: Indices, measure: Measure, against: Vector, first: FirstStage, gap: float
) -> Decision:
    """Draw by draw."""
    found = by_cuts(first, Recourse(draws, against), measure, gap)
    moved = max(1.0, abs(found.steps[-1].value - found.idle))
    return _decision(draws, which, measure, found.x, found.losses + against, moved, "bounded", "cuts", found.steps)


def _decision(
    draws: Draws,
    which: Indices,
    measure: Measure,
    x: Vector,
    losses: Vector,
    moved: float,
    grade: Grade,
    route: Route,
    steps: Sequence[Step],
) -> Decision:
    """The same in the outcome's own sense, for the draws as they were given."""
    sign = _sign(draws, measure)
    shown = np.where(which >= 0, draws.outcome.sign * losses[which], np.nan) + 0.0  # no minus zero
    history = tuple(Step(step.seconds, sign * step.bound, sign * step.value) for step in steps)
    return Decision(x, shown, measure, history[-1].value, history[-1].bound, moved, grade, route, history)


def _sign(draws: Draws, measure: Measure) -> float:
    """-1 where the measure is to be made large; a regret never is."""
    return 1.0 if measure.regret else draws.outcome.sign


@contextmanager
def _numbered(which: Indices) -> Iterator[None]:
    """Draws that leave no way to go on, by the numbers (K,) that they were given by."""
    try:
        yield
    except NoRecourse as error:
        raise NoRecourse([int(np.flatnonzero(which == k)[0]) for k in error.draws], error.reason) from None
