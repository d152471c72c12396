"""All draws in one linear program: exact, and as large as there are draws."""

from __future__ import annotations

from collections.abc import Sequence
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
    first, second = np.flatnonzero(draws.first), np.flatnonzero(~draws.first)
    programs, chance = [draws.program(k) for k in range(len(draws))], draws.probability
    least, most = measure.limits(chance)
    risky = bool((least < most).any())
    extra = 1 + len(draws) if risky else 0
    size = first.size + len(draws) * second.size + extra
    matrix, low, high = _rows(draws, programs, size)
    losses = _losses(draws, programs, size)
    offset = np.array([draws.outcome.sign * lp.plain_goals[-1].offset for lp in programs]) - against
    cost = least @ losses
    unit = _unit(programs[0])
    if risky:
        above = sparse.hstack([sparse.csr_array((len(draws), size - extra)), _above(len(draws))])
        matrix = sparse.vstack([matrix, above - losses])
        low, high = np.append(low, offset), np.append(high, np.full(len(draws), np.inf))
        cost[-extra] = 1.0 - float(least.sum())
        cost[1 - extra :] = most - least
    goals = [replace(goal, cost=_placed(goal.cost[first], size)) for goal in draws.base.plain_goals[:-1]]
    goals.append(Goal(draws.outcome.name, cost, float(least @ offset)))
    return LinearProgram(
        matrix,
        low,
        high,
        _columns(draws, [lp.lower for lp in programs], [-np.inf] * risky, extra),
        _columns(draws, [lp.upper for lp in programs], [np.inf] * risky, extra, np.inf),
        tuple(goals),
        _columns(draws, [lp.target for lp in programs], [0.0] * risky, extra),
        _columns(draws, [lp.unit for lp in programs], [unit] * risky, extra, unit),
    )


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


def _rows(draws: Draws, programs: Sequence[LinearProgram], size: int) -> tuple[Any, Vector, Vector]:
    """The rows of the first stage once and those of the second for each draw, with their limits."""
    first, second = np.flatnonzero(draws.first), np.flatnonzero(~draws.first)
    once, every = np.flatnonzero(~draws.second_rows), np.flatnonzero(draws.second_rows)
    own = [lp.matrix[every] for lp in programs]
    shared = sparse.vstack([draws.base.matrix[once][:, first], *(rows[:, first] for rows in own)])
    apart = sparse.block_diag([sparse.csr_array((once.size, 0)), *(rows[:, second] for rows in own)])
    left = sparse.csr_array((shared.shape[0], size - first.size - apart.shape[1]))
    low = np.concatenate([draws.base.row_lower[once], *(lp.row_lower[every] for lp in programs)])
    high = np.concatenate([draws.base.row_upper[once], *(lp.row_upper[every] for lp in programs)])
    return sparse.hstack([shared, apart, left]), low, high


def _losses(draws: Draws, programs: Sequence[LinearProgram], size: int) -> Any:
    """The loss of every draw (K, n'), but for its offset."""
    costs = [draws.outcome.sign * lp.plain_goals[-1].cost for lp in programs]
    shared = sparse.csr_array(np.array([cost[draws.first] for cost in costs]))
    apart = sparse.block_diag([sparse.csr_array(cost[None, ~draws.first]) for cost in costs])
    left = sparse.csr_array((len(programs), size - shared.shape[1] - apart.shape[1]))
    return sparse.csr_array(sparse.hstack([shared, apart, left]))


def _above(draws: int) -> Any:
    """The level, and what each draw loses above it."""
    return sparse.hstack([sparse.csr_array(np.ones((draws, 1))), sparse.eye_array(draws)])


def _columns(draws: Draws, each: Sequence[Vector], level: Sequence[float], extra: int, above: float = 0.0) -> Vector:
    """A number for every column: of the first stage, of the second for each draw, and of the measure."""
    parts = [each[0][draws.first], *(values[~draws.first] for values in each), level]
    return np.concatenate([*parts, np.full(max(extra - 1, 0), above)])


def _placed(cost: Vector, size: int) -> Vector:
    return np.concatenate([cost, np.zeros(size - cost.size)])


def _unit(lp: LinearProgram) -> float:
    """The most that one published unit of one column changes the outcome by: what losses are published in."""
    return float(np.abs(lp.plain_goals[-1].cost * lp.unit).max()) or 1.0
