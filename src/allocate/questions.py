"""Questions about a plan that take more solves: what each rule costs, how far money could move, what R1m more takes.

Every answer is the optimum of a program near the plan's own, proved like it. They are asked of plans whose goals keep
all they have, without whole numbers; of others nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import xarray as xr

from allocate.active import variables_in
from allocate.errors import NoPlanError
from allocate.findings import AT_LIMIT, PER
from allocate.names import SPACE, TIME
from allocate.optimum.extended import with_row
from allocate.optimum.linear import Goal, LinearProgram, Vector
from allocate.optimum.walk import Walk
from allocate.program import Block
from allocate.rules.tree import read_rule
from allocate.runs import Run

type Watch = Callable[[str], None]

WITHIN: Final = (0.0, 0.001, 0.01)
"""Shares of what the money reaches that a plan may lose, for the ranges of money."""

NONE: Final = "none"
"""No rule is raised."""

ON_LINE: Final = 1e-10
"""How far from a line a value on it may be, as a part of it."""

MOST_STEPS: Final = 30
"""Tangents that are followed back to a line; a few are the rule."""

type Rows = np.ndarray[Any, np.dtype[np.intp]]


def answers(run: Run, spaces: Sequence[str], watch: Watch | None = None) -> xr.Dataset:
    """All questions about some spaces; empty for plans of which nothing is asked. Money is in rand.

    ``cost_of_rules`` over ``rule``: what the outcome would gain without a rule that somebody made, in the goal's unit.
    ``range_least`` and ``range_most`` over ``space`` and ``within``: the money that a space could get among plans that
    lose at most that share of what the money reaches. ``more_outcome`` over ``asked`` (the spaces) and ``rule_raised``:
    what the best plan that gives the space R1m more gains, with that rule let by R1m there (``none`` as they stand);
    ``more_own`` what of it is in the space; NaN where there is no such plan. ``holds_from_RULE``, ``holds_to_RULE``:
    the limits between which the price of a row about these spaces is what it is, for less and for more.

    >>> from allocate.runs import run
    >>> found = answers(run("grant_consolidation", "za2016", years=["2019/20"]), ["DC15"])
    >>> found["range_most"].sel(space="DC15", within=0.0).item() / 1e6
    1568.636
    """
    asker = _Asker(run)
    if not asker.can:
        return xr.Dataset()
    steps: dict[str, Callable[[], xr.Dataset]] = {
        "what each rule costs": asker.costs,
        "how far money could move": asker.ranges,
        "what R1m more takes": lambda: asker.more(spaces),
        "how long prices hold": lambda: asker.holds(spaces),
    }
    parts = []
    for words, ask in steps.items():
        if watch is not None:
            watch(words)
        parts.append(ask())
    return xr.merge(parts, join="exact", compat="equals")


@dataclass(frozen=True, eq=False)
class _Row:
    """A row of a rule about one space, and the cell that it has in the rule's array."""

    rule: str
    cell: tuple[int, ...]
    number: int


class _Asker:
    """The plan's program, and a walk from one question to the next."""

    def __init__(self, run: Run) -> None:
        self.run, self.plan = run, run.plan
        self.linear: LinearProgram = run.plan.program.linear
        self.block = run.plan.program.columns.get(run.case.model.schedule.amount)
        dims = () if self.block is None else self.block.dims
        self.can = self.linear.is_plain and bool(self.linear.goals) and SPACE in dims
        self.walk = Walk()

    @property
    def sign(self) -> float:
        """-1 where less of the last goal is better."""
        return -self.linear.goals[-1].sign

    def value(self, linear: LinearProgram) -> float:
        """The best of the last goal, more is better; NaN where there is no plan."""
        return self.solved(linear)[0]

    def solved(self, linear: LinearProgram) -> tuple[float, Vector]:
        try:
            point = self.walk.step(linear)
        except NoPlanError:
            return float("nan"), np.zeros(0)
        return self.sign * float(point.values[-1]), point.x

    @property
    def now(self) -> float:
        return self.sign * self.plan.goals[self.run.goal]

    def costs(self) -> xr.Dataset:
        """What the outcome gains without each rule that somebody made."""
        rules = self.made()
        gain = [self.value(self.without(self.rows(rule))) - self.now for rule in rules]
        return xr.Dataset({"cost_of_rules": ("rule", gain, {"unit": self.run.unit})}, {"rule": rules})

    def made(self) -> list[str]:
        """Rules on money alone that leave room, and rules of policy: what was decided, not how the world works."""
        model, names = self.run.case.model, self.run.case.model.schedule
        money, found = {names.amount, names.unallocated}, []
        for rule in self.plan.program.rows:
            if rule not in model.rules or not self.rows(rule).size:
                continue
            numbers, spec = self.rows(rule), model.rules[rule]
            free = np.any(self.linear.row_lower[numbers] < self.linear.row_upper[numbers])
            if free and (spec.policy or variables_in(model, read_rule(spec.rule)) <= money):
                found.append(rule)
        return found

    def rows(self, rule: str, space: str | None = None) -> Rows:
        """The numbers of a rule's rows, of one space where it is named."""
        block = self.plan.program.rows[rule]
        numbers: Rows = block.number[block.number >= 0] if space is None else self.of_space(block, space)
        return numbers

    def of_space(self, block: Block, space: str) -> Rows:
        """The numbers of the rows or columns of a block about one space."""
        if SPACE not in block.dims:
            return np.zeros(0, int)
        where = self.run.case.world.labels(SPACE).index(space)
        number = block.number.take(where, axis=block.dims.index(SPACE))
        there: Rows = number[number >= 0]
        return there

    def without(self, numbers: Rows) -> LinearProgram:
        low, high = self.linear.row_lower.copy(), self.linear.row_upper.copy()
        low[numbers], high[numbers] = -np.inf, np.inf
        return replace(self.linear, row_lower=low, row_upper=high)

    def ranges(self) -> xr.Dataset:
        """The least and the most money of every space, as good as the plan and within shares of what money reaches."""
        reach = self.run.outcome(self.plan)
        name = self.run.case.model.schedule.amount
        found = [self.plan.ranges(name, give=share * max(reach, 0.0)) for share in WITHIN]
        ends = {f"range_{end}": xr.concat([f[end] for f in found], "within") for end in ("least", "most")}
        return xr.Dataset(ends).assign_coords(within=list(WITHIN))

    def more(self, spaces: Sequence[str]) -> xr.Dataset:
        """What R1m more for a space gains, in all and there, as rules stand and if one that stops it let it."""
        rules = [NONE, *(rule for rule in self.made() if set(self.plan.program.rows[rule].dims) <= {SPACE, TIME})]
        outcome, own = (np.full((len(spaces), len(rules)), np.nan) for _ in range(2))
        for k, space in enumerate(spaces):
            full = [n for n, rule in enumerate(rules) if rule != NONE and self.full(rule, space)]
            for n in full or [0]:
                linear = self.linear if n == 0 else self.let(self.rows(rules[n], space))
                value, x = self.solved(self.given(linear, self.in_space(space)))
                if np.isfinite(value):
                    outcome[k, n], own[k, n] = value - self.now, self.worth(space) @ (x - self.plan.x)
        arrays = {"more_outcome": (("asked", "rule_raised"), outcome), "more_own": (("asked", "rule_raised"), own)}
        return xr.Dataset(arrays, {"asked": list(spaces), "rule_raised": rules})

    def full(self, rule: str, space: str) -> bool:
        """Whether a space can get no more by a rule: all its rows are at their upper limit."""
        numbers = self.rows(rule, space)
        room = self.linear.row_upper[numbers] - (self.linear.matrix @ self.plan.x)[numbers]
        return bool(numbers.size) and bool((room <= AT_LIMIT * (1000.0 + self.linear.limit_size[numbers])).all())

    def let(self, numbers: Rows) -> LinearProgram:
        """The program in which the upper limits of these rows are R1m higher."""
        high = self.linear.row_upper.copy()
        high[numbers] += PER
        return replace(self.linear, row_upper=high)

    def in_space(self, space: str) -> Vector:
        """1 for every cell of money of a space (n,)."""
        assert self.block is not None
        found = np.zeros(self.linear.lower.size)
        found[self.of_space(self.block, space)] = 1.0
        return found

    def given(self, linear: LinearProgram, cells: Vector) -> LinearProgram:
        """The program in which these cells hold R1m more than in the plan."""
        return with_row(linear, cells, float(cells @ self.plan.x) + PER, np.inf)

    def worth(self, space: str) -> Vector:
        """What columns of a space count in the last goal, more is better (n,)."""
        goal = self.linear.goals[-1]
        assert isinstance(goal, Goal)
        found = np.zeros(self.linear.lower.size)
        for block in self.plan.program.columns.values():
            there = self.of_space(block, space)
            found[there] = self.sign * goal.cost[there]
        return found

    def holds(self, spaces: Sequence[str]) -> xr.Dataset:
        """The limits between which the price of each binding row about these spaces stays what it is."""
        found: dict[str, xr.DataArray] = {}
        for rule in filter(self.run.pairs.__contains__, self.made()):
            block = self.plan.program.rows[rule]
            if SPACE not in block.dims:
                continue
            low, high = (np.full(block.number.shape, np.nan) for _ in range(2))
            for row in self.binding(rule, spaces):
                low[row.cell], high[row.cell] = self.reach(row)
            for name, values in (("from", low), ("to", high)):
                found[f"holds_{name}_{rule}"] = self.plan.program.labelled(block, values)
        return xr.Dataset(found)

    def binding(self, rule: str, spaces: Sequence[str]) -> Iterator[_Row]:
        """The rows of a rule about these spaces that are at their limit and have a price."""
        block = self.plan.program.rows[rule]
        slack, price = self.plan.slack()[rule].values, self.plan.prices()[rule].values
        axis, known = block.dims.index(SPACE), self.run.case.world.labels(SPACE)
        size = np.abs(block.pack(self.linear.limit_size))
        at = (slack <= AT_LIMIT * (block.unit.published + size)) & (price != 0) & (block.number >= 0)
        for cell in np.argwhere(at):
            if known[cell[axis]] in spaces:
                yield _Row(rule, tuple(map(int, cell)), int(block.number[tuple(cell)]))

    def reach(self, row: _Row) -> tuple[float, float]:
        """How low and how high a limit can be while its price, for less and for more, stays."""
        at = self.sides(row.number)
        limit = float((self.linear.row_lower if at[0] else self.linear.row_upper)[row.number])
        return limit - self.farthest(row, -1.0), limit + self.farthest(row, 1.0)

    def sides(self, number: int) -> tuple[bool, bool]:
        """Whether a row is at its lower, and at its upper limit."""
        linear, activity = self.linear, (self.linear.matrix[[number]] @ self.plan.x).item()
        near = AT_LIMIT * (1000.0 + linear.limit_size[number])
        return bool(activity - linear.row_lower[number] <= near), bool(linear.row_upper[number] - activity <= near)

    def farthest(self, row: _Row, direction: float) -> float:
        """The largest move of a limit one way along which the goal moves by its price.

        The best value is concave in the limit. From as far as any plan reaches, the tangent there is followed back to
        the line of the price, again and again, until the value lies on it (Newton's method, which is finite here).
        """
        pair = self.run.pairs[row.rule]["more" if direction > 0 else "less"]
        slope = float(pair.values[row.cell]) * self.sign * direction
        far = self.end(row, direction) if np.isfinite(slope) else 0.0
        for _ in range(MOST_STEPS):
            if far <= 0.0:
                return 0.0
            try:
                point = self.walk.step(self.moved(row, direction * far))
            except NoPlanError:  # at the very end rounding decides whether there is a plan
                far *= 1.0 - 1e-9
                continue
            line, value = self.now + slope * far, self.sign * float(point.values[-1])
            if value >= line - ON_LINE * abs(self.now):
                return far
            tangent = float(point.prices[-1][row.number]) * self.sign * direction
            if not tangent < slope:
                return far
            far = min(far, (value - tangent * far - self.now) / (slope - tangent))
        return far

    def end(self, row: _Row, direction: float) -> float:
        """How far a limit can move before no plan is left, by all other rules."""
        free = self.without(np.array([row.number]))
        activity = np.asarray(self.linear.matrix[[row.number]].todense(), dtype=float).ravel()
        reached = replace(free, goals=(Goal("far", activity, sense="max" if direction > 0 else "min"),))
        at_lower, _ = self.sides(row.number)
        limit = float((self.linear.row_lower if at_lower else self.linear.row_upper)[row.number])
        try:
            return max(0.0, direction * (float(Walk().step(reached).values[-1]) - limit))
        except NoPlanError:  # no end
            return 10.0 * abs(limit)

    def moved(self, row: _Row, step: float) -> LinearProgram:
        """The program with the limit that the row is at moved; both where they are one."""
        low, high = self.linear.row_lower.copy(), self.linear.row_upper.copy()
        at_lower, at_upper = self.sides(row.number)
        low[row.number] += step if at_lower else 0.0
        high[row.number] += step if at_upper else 0.0
        return replace(self.linear, row_lower=np.minimum(low, high), row_upper=np.maximum(low, high))
