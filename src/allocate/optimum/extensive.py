"""All draws in one linear program: exact, and as large as there are draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from allocate.errors import NoPlanError
from allocate.optimum.draws import Draws
from allocate.optimum.infeasible import Infeasible, Unbounded
from allocate.optimum.linear import Goal, LinearProgram, Vector
from allocate.optimum.measures import Measure


def extensive(draws: Draws, measure: Measure, against: Vector) -> LinearProgram:
    """The program whose last goal, made small, is the measure of the losses less ``against`` (K,).

    Columns are those of the first stage, then the second stage of each draw, then the level from which losses count
    more and what each draw loses above it. Goals before the outcome come first, as they do without draws.

    >>> one = np.ones(1)
    >>> goal = Goal("reach", np.array([0.0, 1.0]), sense="max")
    >>> sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([9.0, 5.0])
    >>> base = LinearProgram(sparse.csr_array([[-1.0, 2.0]]), *sides, (goal,), np.zeros(2), np.ones(2))
    >>> extensive(Draws(base, [True, False], [0.5, 0.5], {}), Measure(alpha=0.5), np.zeros(2)).matrix.shape
    (4, 6)
    """
    programs = [draws.program(k) for k in range(len(draws))]
    losses = _losses(draws, programs)
    offset = np.array([draws.outcome.sign * lp.plain_goals[-1].offset for lp in programs]) - against
    least, most = measure.limits(draws.probability)
    lp = _side_by_side(draws, programs, Goal(draws.outcome.name, least @ losses, float(least @ offset)))
    return _with_level(lp, losses, offset, least, most, _unit(programs[0])) if (least < most).any() else lp


def in_draws(draws: Draws, error: NoPlanError) -> list[int]:
    """The draws that a conflict, or a way without end, of the one program runs through; all when it does not say."""
    if isinstance(error, Infeasible):
        places, once, each = error.rows, int((~draws.second_rows).sum()), int(draws.second_rows.sum())
    elif isinstance(error, Unbounded):
        places, once, each = error.columns, int(draws.first.sum()), int((~draws.first).sum())
    else:
        return list(range(len(draws)))
    own = places[(places >= once) & (places < once + each * len(draws))]
    return np.unique((own - once) // max(each, 1)).tolist() or list(range(len(draws)))


def _side_by_side(draws: Draws, programs: Sequence[LinearProgram], outcome: Goal) -> LinearProgram:
    """The first stage once and the second for each draw, with an outcome for their last goal."""
    first, second = np.flatnonzero(draws.first), np.flatnonzero(~draws.first)
    once, every = np.flatnonzero(~draws.second_rows), np.flatnonzero(draws.second_rows)
    shared = sparse.vstack([draws.base.matrix[once][:, first], *(lp.matrix[every][:, first] for lp in programs)])
    own = [sparse.csr_array((once.size, 0)), *(lp.matrix[every][:, second] for lp in programs)]

    def stacked(of: Callable[[LinearProgram], Vector], here: Any, there: Any) -> Vector:
        return np.concatenate([of(programs[0])[here], *(of(lp)[there] for lp in programs)])

    before = [replace(goal, cost=_padded(goal.cost[first], outcome.cost.size)) for goal in draws.base.plain_goals[:-1]]
    return LinearProgram(
        sparse.hstack([shared, sparse.block_diag(own)]),
        stacked(lambda lp: lp.row_lower, once, every),
        stacked(lambda lp: lp.row_upper, once, every),
        stacked(lambda lp: lp.lower, first, second),
        stacked(lambda lp: lp.upper, first, second),
        (*before, outcome),
        stacked(lambda lp: lp.target, first, second),
        stacked(lambda lp: lp.unit, first, second),
    )


def _with_level(
    lp: LinearProgram, losses: Any, offset: Vector, least: Vector, most: Vector, unit: float
) -> LinearProgram:
    """The same with a column for the level and one for what each draw loses above it, which weighs more."""
    draws, columns = losses.shape
    above = sparse.hstack([sparse.csr_array(np.ones((draws, 1))), sparse.eye_array(draws)])
    none = sparse.csr_array((lp.row_lower.size, 1 + draws))
    size = columns + 1 + draws
    mean = lp.plain_goals[-1]
    tail = replace(mean, cost=np.concatenate([mean.cost, [1.0 - float(least.sum())], most - least]))
    return LinearProgram(
        sparse.vstack([sparse.hstack([lp.matrix, none]), sparse.hstack([-losses, above])]),
        np.append(lp.row_lower, offset),
        np.append(lp.row_upper, np.full(draws, np.inf)),
        np.concatenate([lp.lower, [-np.inf], np.zeros(draws)]),
        np.append(lp.upper, np.full(1 + draws, np.inf)),
        (*(replace(goal, cost=_padded(goal.cost, size)) for goal in lp.plain_goals[:-1]), tail),
        _padded(lp.target, size),
        np.append(lp.unit, np.full(1 + draws, unit)),
    )


def _losses(draws: Draws, programs: Sequence[LinearProgram]) -> Any:
    """The loss of every draw (K, n'), but for its offset."""
    costs = [draws.outcome.sign * lp.plain_goals[-1].cost for lp in programs]
    shared = sparse.csr_array(np.array([cost[draws.first] for cost in costs]))
    own = sparse.block_diag([sparse.csr_array(cost[None, ~draws.first]) for cost in costs])
    return sparse.csr_array(sparse.hstack([shared, own]))


def _padded(values: Vector, size: int) -> Vector:
    return np.concatenate([values, np.zeros(size - values.size)])


def _unit(lp: LinearProgram) -> float:
    """The most that one published unit of one column changes the outcome by: what losses are published in."""
    return float(np.abs(lp.plain_goals[-1].cost * lp.unit).max()) or 1.0
