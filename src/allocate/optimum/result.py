"""What a solve comes back with: the plan, what proves it, and how far the proof goes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from allocate.errors import ProofError
from allocate.optimum.certificate import Certificate
from allocate.optimum.closest import Finish
from allocate.optimum.extended import Answer, giving, keeping, plain, up_to
from allocate.optimum.highs import Basis
from allocate.optimum.linear import Goal, LinearProgram, Vector

Grade = Literal["exact", "refined", "near tie", "proved", "bounded"]

#: A goal this near to its bound, as a part of its terms, has reached it: what the certificate allows for a gap.
REACHED = 1e-9


@dataclass(frozen=True)
class Stage:
    """What one stage of the work took: a goal's name, "nearest", "lot", "closest" or "certificate"."""

    name: str
    seconds: float
    iterations: int = 0


@dataclass(frozen=True, eq=False)
class Bounds:
    """How good any plan in whole numbers could be, goal by goal (goals,).

    Each is a bound on all plans that keep the goals before, to 1e-12 of their terms. ``solver`` is what the tree search
    says (or weak duality, where that says more), ``proved`` what weak duality proves from the prices of the relaxation
    alone; both in the goal's own unit.
    ``gap`` is how far the best plan with these whole numbers is from ``solver``, as a part of the goal's terms.
    ``nearest`` says whether the search for the nearest whole numbers came to its end too.
    """

    solver: Vector
    proved: Vector
    gap: Vector
    nearest: bool

    @property
    def reached(self) -> bool:
        """Whether every goal is at its bound."""
        return bool((self.gap <= REACHED).all())


@dataclass(frozen=True, eq=False)
class Optimum:
    """The one optimal plan of ``program``, natural units, with what proves it.

    All that is shown of it comes from ``answer``, which is what the certificate checks. ``x`` (n,); ``values``
    (goals,), the least value for a leximin goal; ``best`` (goals,), what each had before it gave; ``prices``
    (goals, m), d(goal value) / d(row limit) in the goal's own sense: for a goal to be made large, positive means that
    more limit gives more goal (see :func:`shown` for goals that are not plain); ``reduced_costs`` (goals, n) the same
    for the bounds of columns; ``tie_multipliers`` (m,); ``plain``, the program of plain goals that the answer is the
    optimum of. ``near_ties`` counts prices that were too small to be sure of, which the caller accepted. ``finish``
    says how the closest plan was found (see :class:`Closest`). ``basis`` is that of the first solve, to start another
    from; ``bounds`` is there when there are whole numbers. Raises ProofError when the certificate fails.
    """

    program: LinearProgram
    answer: Answer
    certificate: Certificate
    near_ties: int
    finish: Finish
    stages: tuple[Stage, ...]
    basis: Basis
    bounds: Bounds | None = None
    plain: LinearProgram = field(init=False)
    x: Vector = field(init=False)
    values: Vector = field(init=False)
    best: Vector = field(init=False)
    prices: NDArray[np.float64] = field(init=False)
    reduced_costs: NDArray[np.float64] = field(init=False)
    tie_multipliers: Vector = field(init=False)

    def __post_init__(self) -> None:
        if not self.certificate.ok:
            raise ProofError("the plan failed its check: " + "; ".join(self.certificate.failures()))
        rows, columns = self.program.matrix.shape
        x, ties = self.answer.x[:columns], self.answer.tie_multipliers
        prices, reduced_costs = shown(self.program, self.answer)
        derived = {
            "plain": plain(self.program, self.answer).program,
            "x": x,
            "values": np.array([goal.value(x) for goal in self.program.goals]),
            "best": _best(self.program, self.answer),
            "prices": prices,
            "reduced_costs": reduced_costs,
            "tie_multipliers": np.zeros(0) if ties is None else ties[:rows],
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def unique(self) -> bool:
        """Whether any other route to an optimum gives this same plan."""
        searched = self.bounds is None or (self.bounds.reached and self.bounds.nearest)
        return self.near_ties == 0 and searched

    @property
    def grade(self) -> Grade:
        """How far the proof goes.

        Without whole numbers: "exact"; "near tie" when the plan is optimal but perhaps not the only one; "refined"
        when it is the only one and its certificate holds, but its last digits, and so perhaps a rounded number, depend
        on the route. With whole numbers: "proved" when the solver's tree search leaves nothing better, and the rest is
        certified; "bounded" when it stopped before that, at ``bound``; or "near tie".
        """
        if self.bounds is not None and not self.bounds.reached:
            return "bounded"
        if self.near_ties:
            return "near tie"
        return self.finish if self.bounds is None else "proved"

    @property
    def bound(self) -> Vector:
        """For each goal (goals,) the best value that any plan could have, keeping the goals before it."""
        return self.best if self.bounds is None else self.bounds.solver

    @property
    def gap(self) -> Vector:
        """How far each goal (goals,) is from its bound, as a part of its terms."""
        return np.zeros(self.values.size) if self.bounds is None else self.bounds.gap


def _best(lp: LinearProgram, answer: Answer) -> Vector:
    """The value (goals,) of each goal at the plan that is its own best: the last one, unless it gives."""
    given, columns = iter(answer.given), lp.lower.size
    plans = [next(given) if goal.gives else answer for goal in lp.goals]
    return np.array([goal.value(plan.x[:columns]) for goal, plan in zip(lp.goals, plans, strict=True)])


def shown(lp: LinearProgram, answer: Answer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prices (goals, m) and reduced costs (goals, n) of the caller's own goals, rows and columns.

    For a leximin goal they are those of its least value; with whole numbers, those with these fixed; for a goal that
    gives, those of its own best. A limit that moves that best moves what later goals must leave of it, so theirs have
    a part for that too: every price is the whole d(goal value) / d(limit).
    """
    rows, columns = lp.matrix.shape
    if not answer.given:
        found = plain(lp, answer)
        program = found.program
        costs = np.array([goal.cost for goal in program.goals if isinstance(goal, Goal)])
        prices = np.reshape(answer.prices, (len(program.goals), program.row_lower.size))
        reduced = costs.reshape(len(program.goals), program.lower.size) - (program.matrix.T @ prices.T).T
        first = [found.origin.index(goal) for goal in range(len(lp.goals))]
        return prices[first, :rows], reduced[first, :columns]
    at, best = giving(lp), answer.given[0]
    assert at is not None
    goal = lp.goals[at]
    assert isinstance(goal, Goal)
    value = goal.value(best.x[:columns])
    own = [part[-1] for part in shown(up_to(lp, at), best)]
    prices, reduced = shown(keeping(lp, at, value), replace(answer, given=answer.given[1:]))
    moves = prices[:, rows:] * (1.0 + goal.sign * goal.give_share * np.sign(value))
    return (
        np.insert(prices[:, :rows] + moves * own[0], at, own[0], axis=0),
        np.insert(reduced + moves * own[1], at, own[1], axis=0),
    )
