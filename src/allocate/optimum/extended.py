"""Goals that give, goals for the worst-off and whole numbers, written as a linear program of plain goals.

What is solved, proved and priced in the end is always such a program: every goal keeps all it has, each a cost on
columns. A goal that gives becomes a row once its best is known. Whole numbers are fixed. A leximin goal gets columns
d_1, d_2, ... for the steps from one settled value to the next, and a row ``value_i >= d_1 + ... + d_r`` for every
value, where r is the round that settles it; round r is the goal ``max d_1 + ... + d_r``. Later steps are not negative,
so every value is at least what any round reaches, and nothing is rounded between rounds.

The solver and the certificate both build it here, from the caller's program and the few numbers of an ``Answer``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from allocate.optimum.linear import Goal, Leximin, LinearProgram, Region, Vector
from allocate.optimum.scaling import Scaling, group_maximum, power_of_two

#: For each value of a leximin goal, the round that settled it, from 1.
Rounds = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Answer:
    """All that a certificate is made of, for the plain program with n' columns, m' rows and its own goals.

    ``x`` (n',); ``prices`` (goals', m'), each in its goal's own sense; ``tie_multipliers`` (m',), or None where nothing
    is said of closeness. ``settled`` has the rounds (k,) of each leximin goal and ``levels`` (n' - n,) where their
    steps ended, up to rounding. ``given`` has, for each goal that gives, in order, the answer that is best for it.
    """

    x: Vector
    prices: NDArray[np.float64]
    tie_multipliers: Vector | None = None
    settled: tuple[Rounds, ...] = ()
    levels: Vector = field(default_factory=lambda: np.zeros(0))
    given: tuple[Answer, ...] = ()


@dataclass(frozen=True, eq=False)
class Plain:
    """A linear program of plain goals; of which of the caller's goals each is a part; the rows each has to settle."""

    program: LinearProgram
    origin: tuple[int, ...]
    settles: tuple[NDArray[np.integer[Any]], ...]


def plain(lp: LinearProgram, answer: Answer) -> Plain:
    """The plain program that an answer is the optimum of.

    Raises ValueError when the answer's own numbers do not fit the program.

    >>> one = np.ones(1)
    >>> goals = (Goal("reach", one, sense="max", give=2.0), Goal("cost", one))
    >>> lp = LinearProgram(sparse.csr_array((0, 1)), one[:0], one[:0], 0 * one, 9 * one, goals, one, one)
    >>> best = Answer(9 * one, np.zeros((1, 0)))
    >>> found = plain(lp, Answer(7 * one, np.array([[1.0]]), given=(best,))).program
    >>> [goal.name for goal in found.goals], found.row_lower.tolist()
    (['cost'], [7.0])
    """
    origin = list(range(len(lp.goals)))
    for best in answer.given:
        at = giving(lp)
        if at is None:
            raise ValueError("more goals were given up than give")
        lp = keeping(lp, at, lp.goals[at].value(best.x[: lp.lower.size]))
        del origin[at]
    if giving(lp) is not None:
        raise ValueError("a goal gives, and its best is missing")
    found = extended(with_whole_fixed(lp, answer.x[: lp.lower.size]), answer.settled, answer.levels)
    return replace(found, origin=tuple(origin[k] for k in found.origin))


def giving(lp: LinearProgram) -> int | None:
    """The first goal that gives, if any."""
    return next((k for k, goal in enumerate(lp.goals) if goal.gives), None)


def up_to(lp: LinearProgram, at: int) -> LinearProgram:
    """The program whose last goal is the one at a position, giving nothing."""
    goal = lp.goals[at]
    assert isinstance(goal, Goal)
    return replace(lp, goals=(*lp.goals[:at], replace(goal, give=0.0, give_share=0.0)))


def keeping(lp: LinearProgram, at: int, best: float) -> LinearProgram:
    """The program without the goal at a position, and with a last row that leaves it what it keeps of its best."""
    goal = lp.goals[at]
    assert isinstance(goal, Goal)
    limit = goal.kept(best) - goal.offset
    low, high = (limit, np.inf) if goal.sense == "max" else (-np.inf, limit)
    return replace(with_row(lp, goal.cost, low, high), goals=(*lp.goals[:at], *lp.goals[at + 1 :]))


def with_row(lp: LinearProgram, entries: Vector, low: float, high: float) -> LinearProgram:
    """The program with a last row ``low <= entries @ x <= high``."""
    return replace(
        lp,
        matrix=sparse.vstack([lp.matrix, sparse.csr_array(entries[None, :])]),
        row_lower=np.append(lp.row_lower, low),
        row_upper=np.append(lp.row_upper, high),
    )


def with_whole_fixed(lp: LinearProgram, x: Vector) -> LinearProgram:
    """The linear program that is left when every whole number is what it is in x (n,)."""
    if not lp.integer.any():
        return lp
    whole = np.round(x)
    lower, upper = np.where(lp.integer, whole, lp.lower), np.where(lp.integer, whole, lp.upper)
    return replace(lp, lower=lower, upper=upper, integer=np.zeros(0, bool))


def extended(lp: LinearProgram, settled: Sequence[Rounds], levels: Vector) -> Plain:
    """The program with the rows, columns and rounds of its leximin goals in place of these."""
    worst_off = [goal for goal in lp.goals if isinstance(goal, Leximin)]
    if not worst_off:
        goals = len(lp.goals)
        return Plain(lp, tuple(range(goals)), (np.arange(0),) * goals)
    _check(worst_off, settled, levels)
    region = extended_region(lp, settled)
    units = np.concatenate([np.full(int(rounds.max()), _unit(goal, lp.unit)) for goal, rounds in _both(lp, settled)])
    stages = _stages(lp, settled, region.lower.size)
    limits = region.row_lower, region.row_upper, region.lower, region.upper
    target, unit = np.concatenate([lp.target, levels]), np.concatenate([lp.unit, units])
    program = LinearProgram(region.matrix, *limits, tuple(goal for goal, _, _ in stages), target, unit)
    return Plain(program, tuple(at for _, at, _ in stages), tuple(rows for _, _, rows in stages))


def extended_region(lp: LinearProgram, settled: Sequence[Rounds]) -> Region:
    """The region with rows and columns for the first leximin goals, as many as there are rounds for."""
    region = lp.region
    for goal, rounds in _both(lp, settled):
        steps = np.arange(1, int(rounds.max()) + 1)
        used = sparse.csr_array(-(steps <= rounds[:, None]).astype(float))
        others = region.lower.size - lp.lower.size
        none = sparse.csr_array((rounds.size, others)), sparse.csr_array((region.row_lower.size, steps.size))
        blocks = [[region.matrix, none[1]], [sparse.hstack([goal.matrix, none[0]]), used]]
        region = Region(
            sparse.csr_array(sparse.block_array(blocks)),
            np.concatenate([region.row_lower, -goal.offset]),
            np.concatenate([region.row_upper, np.full(rounds.size, np.inf)]),
            np.concatenate([region.lower, np.where(steps == 1, -np.inf, 0.0)]),
            np.concatenate([region.upper, np.full(steps.size, np.inf)]),
        )
    return region


def balanced(region: Region, own: Scaling) -> Scaling:
    """A scaling of an extended region whose first rows and columns, the caller's, keep the scaling of their own.

    A value's row is scaled by what columns do to it and its steps follow. Equilibrated all together, the steps would
    set the size of the row, and prices on columns, that change a value little, would look like noise beside its price.
    """
    rows, columns = own.row.size, own.column.size
    if region.lower.size == columns:
        return own
    values, steps = region.matrix[rows:, :columns], region.matrix[rows:, columns:].tocsc()
    row = 1.0 / power_of_two(group_maximum(np.abs(values.data) * own.column[values.indices], values.indptr))
    column = 1.0 / power_of_two(group_maximum(row[steps.indices], steps.indptr))
    return Scaling(np.concatenate([own.row, row]), np.concatenate([own.column, column]), own.size)


def first_part(region: Region, rows: int, columns: int) -> Region:
    """The caller's rows and columns of an extended region."""
    if region.lower.size == columns:
        return region
    limits = region.row_lower[:rows], region.row_upper[:rows], region.lower[:columns], region.upper[:columns]
    return Region(region.matrix[:rows, :columns], *limits)


def _both(lp: LinearProgram, settled: Sequence[Rounds]) -> list[tuple[Leximin, Rounds]]:
    return list(zip((goal for goal in lp.goals if isinstance(goal, Leximin)), settled, strict=False))


def _check(goals: Sequence[Leximin], settled: Sequence[Rounds], levels: Vector) -> None:
    fits = len(goals) == len(settled) and all(
        rounds.shape == goal.offset.shape and rounds.min() >= 1 and rounds.max() <= rounds.size
        for goal, rounds in zip(goals, settled, strict=True)
    )
    if not fits or levels.shape != (sum(int(rounds.max()) for rounds in settled),):
        raise ValueError("the rounds that settled the values of a leximin goal do not fit it")


def _unit(goal: Leximin, unit: Vector) -> float:
    """The most that one published unit of one column changes a value by: what values are published in."""
    changes = group_maximum(np.abs(goal.matrix.data) * unit[goal.matrix.indices], goal.matrix.indptr)
    return float(changes.max()) or 1.0


def _stages(
    lp: LinearProgram, settled: Sequence[Rounds], columns: int
) -> list[tuple[Goal, int, NDArray[np.integer[Any]]]]:
    """Every plain goal, the place of the goal that it is a part of, and the rows that it must leave no room."""
    stages: list[tuple[Goal, int, NDArray[np.integer[Any]]]] = []
    row, column, left = lp.row_lower.size, lp.lower.size, list(settled)
    for at, goal in enumerate(lp.goals):
        if isinstance(goal, Goal):
            cost = np.concatenate([goal.cost, np.zeros(columns - goal.cost.size)])
            stages.append((replace(goal, cost=cost), at, np.arange(0)))
            continue
        rounds = left.pop(0)
        stages.extend(
            (round_of(goal, column, step, columns), at, row + np.flatnonzero(rounds == step))
            for step in range(1, int(rounds.max()) + 1)
        )
        row, column = row + rounds.size, column + int(rounds.max())
    return stages


def round_of(goal: Leximin, column: int, step: int, columns: int) -> Goal:
    """The plain goal of one round: the sum of the first steps, whose columns begin at ``column``."""
    cost = np.zeros(columns)
    cost[column : column + step] = 1.0
    return Goal(f"{goal.name}, round {step}", cost, 0.0, "max")
