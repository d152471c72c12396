"""One scenario, solved, beside what it must be compared with: nothing, the actual split, and separate grants.

*baseline* (money fixed at what each space got) -> *separate* (the best split of today's grants) -> *merged*. Value of
reallocation = separate - baseline; value of consolidation = merged - separate. They are never confused, so every run
solves all of them. Outcomes are counted against *nothing*: the same goal with no grant money at all. A scenario that
changes rules or figures is also set beside the *unchanged* model at its best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from allocate.active import variables_in
from allocate.builder import build
from allocate.changes import Case, apply, certain
from allocate.errors import InputError, NoPlanError, Problem
from allocate.names import TIME
from allocate.optimum.highs import SolverOptions
from allocate.optimum.linear import Goal, Vector
from allocate.plan import Plan, solve
from allocate.program import Program
from allocate.read import read_model, read_scenario
from allocate.rules.tree import read_rule
from allocate.schedule import Schedule, publish
from allocate.spec import Change, Consolidate, Fix, Model, Scenario, in_order
from allocate.units import MONEY
from allocate.world import World, read_world

type Watch = Callable[[str], None]

ILLUSTRATIVE: Final = "ILLUSTRATIVE"
"""How the source of a made-up datum begins; the name of every run that rests on one says so too."""

MOST_PAIRS: Final = 400
"""Rows of a rule whose price pairs are worked out in every run."""


@dataclass(frozen=True, eq=False)
class Run:
    """A plan, what it publishes and what it is compared with.

    ``nothing``, ``baseline`` and ``separate`` are plans of the same case without merging: without money, with the
    actual split (in proportion, where the scenario moves a pool), and at their best. ``unchanged`` is the model's best
    without any scenario, where the scenario changes more than merging and leaves the goal alone. ``model`` and
    ``facts`` are the model and the World as they were read, before any change; ``scaled`` tells whether the actual
    split moved with the pools.
    """

    name: str
    scenarios: tuple[Scenario, ...]
    plan: Plan
    nothing: Plan
    baseline: Plan
    separate: Plan
    unchanged: Plan | None
    scaled: bool
    schedule: Schedule
    was: Schedule
    model: Model
    facts: World
    options: SolverOptions

    @property
    def case(self) -> Case:
        return self.plan.program.case

    @property
    def goal(self) -> str:
        """The goal that outcomes are counted in: the last one."""
        return list(self.plan.goals)[-1]

    @property
    def unit(self) -> str:
        """The unit of outcomes."""
        return str(self.plan.goal_units[self.goal])

    @property
    def sense(self) -> str:
        """Whether that goal is to be large ("max") or small ("min")."""
        return self.case.model.active_goals[-1].sense

    @property
    def against(self) -> str:
        """What gains and losses are told against, in words."""
        return "the actual split, scaled to these pools" if self.scaled else "the actual split"

    @property
    def fixed(self) -> bool:
        """Whether the scenario fixes the money itself, so that nothing about it is chosen."""
        return self.case.model.schedule.amount in self.case.fixed

    @cached_property
    def world_digest(self) -> str:
        """Tells which facts went in."""
        return self.facts.digest()

    @cached_property
    def merged(self) -> bool:
        """Whether the scenario merges grants and leaves the money free."""
        changes = [change for s in in_order(self.scenarios) for change in s.changes]
        return not self.fixed and any(isinstance(change, Consolidate) for change in changes)

    @cached_property
    def pairs(self) -> dict[str, xr.Dataset]:
        """Price pairs (:meth:`Plan.price_pairs`) of the limits on money: rules in rand with a number in them.

        Those of a rule with more than ``MOST_PAIRS`` rows, or of a plan in whole numbers or for the worst-off, take
        longer than the run itself, and are left to who asks for them.
        """
        program = self.plan.program
        if not program.linear.is_plain:
            return {}
        size = program.linear.limit_size
        rows = {b.name: b.number[b.number >= 0] for b in program.rows.values() if str(b.unit) == MONEY}
        wanted = [name for name, numbers in rows.items() if size[numbers].any() and numbers.size <= MOST_PAIRS]
        return self.plan.price_pairs(*wanted) if wanted else {}

    def outcome(self, plan: Plan) -> float:
        """What a plan of this run reaches beyond nothing, in :attr:`unit`; more is better whatever the sense."""
        sign = -1.0 if self.sense == "min" else 1.0
        return sign * (plan.goals[self.goal] - self.nothing.goals[self.goal])


def run(
    model: Model | str | Path,
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    years: str | Sequence[str] | None = None,
    options: SolverOptions | None = None,
    watch: Watch | None = None,
) -> Run:
    """Solve a model in a World under scenarios, whose changes are made in order.

    ``years`` keeps only those years, which must follow each other; ``watch`` is told in a word what is being solved.

    >>> found = run("grant_consolidation", "za2016", "one_water_grant", years=["2019/20"])
    >>> found.plan.grade, found.merged
    ('exact', True)

    Raises :class:`InputError` for anything wrong in the files, :class:`NoPlanError` when rules conflict.
    """
    text = read_model(model)
    whole = read_world(world)
    facts = whole if years is None else only(whole, [years] if isinstance(years, str) else list(years))
    what_ifs = tuple(map(read_scenario, scenarios))
    certain(what_ifs)
    amount = text.schedule.amount
    if amount not in text.ties.nearest:
        words = f"has no {amount!r}, so there is nothing to compare a plan with"
        raise InputError(text.source, [Problem("ties.nearest", words)])
    every = in_order(what_ifs)
    plain = [_without(s, amount) for s in every]
    program = build(apply(text, facts, every))  # first, so that what is wrong in it is not said of a comparison
    separated = program if plain == every else _apart(text, facts, plain)
    apart, target = separated.case, text.ties.nearest[amount]
    before = build(apply(text, facts)) if apart.said else None
    nothing = _solved("nothing", build(_fixed(apart, amount, 0.0)), options, watch)
    baseline = _solved("baseline", build(_fixed(apart, amount, target)), options, watch)
    separate = None if separated is program else _solved("separate", separated, options, watch)
    plan = _solved("plan", program, options, watch)
    separate = separate or plan
    return Run(
        name=_named(" + ".join(s.name for s in what_ifs) or text.name, plan.program.case),
        scenarios=what_ifs,
        plan=plan,
        nothing=nothing,
        baseline=baseline,
        separate=separate,
        unchanged=_unchanged(before, separate, options, watch),
        scaled=_moved(before, separate.program, target),
        schedule=publish(plan),
        was=publish(baseline),
        model=text,
        facts=whole,
        options=options or SolverOptions(),
    )


def _named(name: str, case: Case) -> str:
    """The name of a run, marked where a datum that it rests on is made up."""
    sources = (str(array.attrs.get("source", "")) for key, array in case.world.data.items() if key in case.model.data)
    return f"{name} ({ILLUSTRATIVE})" if any(source.startswith(ILLUSTRATIVE) for source in sources) else name


def _apart(model: Model, world: World, scenarios: Sequence[Scenario]) -> Program:
    """The program to compare with, where nothing is merged and the money is free."""
    try:
        return build(apply(model, world, scenarios))
    except InputError as error:
        words = "; so it is in the comparison, where nothing is merged and the money is free"
        raise InputError(error.source, [Problem(p.place, p.words + words) for p in error.problems]) from None


def only(world: World, years: list[str]) -> World:
    """Some years of a World; they must follow each other, because what stands in one is what stood the year before."""
    chosen = world.select(TIME, years)
    known = world.labels(TIME)
    places = [known.index(year) for year in chosen.labels(TIME)]
    if places[-1] - places[0] >= len(places):
        words = f"{', '.join(chosen.labels(TIME))} do not follow each other; there are {', '.join(known)}"
        raise InputError(world.name, [Problem(TIME, words)])
    return chosen


def _solved(name: str, program: Program, options: SolverOptions | None, watch: Watch | None) -> Plan:
    """A plan of any grade: below exact it is optimal still, and the findings say what it is not."""
    if watch is not None:
        watch(name)
    try:
        return solve(program, replace(options or SolverOptions(), accept_near_ties=True))
    except NoPlanError as error:
        if name != "plan":
            error.args = (f"the comparison {name!r} has no plan, so nothing can be compared with it\n{error}",)
        raise


def _unchanged(
    before: Program | None, separate: Plan, options: SolverOptions | None, watch: Watch | None
) -> Plan | None:
    """The model without any scenario, if its goal counts what the scenario's goal counts."""
    if before is None:
        return None
    goal, other = before.linear.goals[-1], separate.program.linear.goals[-1]
    if not (isinstance(goal, Goal) and isinstance(other, Goal)):
        return None
    if any(not np.array_equal(*costs) for costs in _costs(before, goal, separate.program, other)):
        return None
    return _solved("unchanged", before, options, watch)


def _costs(before: Program, goal: Goal, after: Program, other: Goal) -> Iterator[tuple[Vector, Vector]]:
    """What a goal counts in two programs, variable by variable; a variable that one lacks counts nothing there."""
    for name in {**before.columns, **after.columns}:
        block, its = before.columns.get(name), after.columns.get(name)
        one = np.zeros(1) if block is None else block.pack(goal.cost)
        two = np.zeros(1) if its is None else its.pack(other.cost)
        if np.any(one) or np.any(two):
            yield one, two


def _moved(before: Program | None, after: Program, target: str) -> bool:
    """Whether a scenario moved what gains and losses are told against."""
    return before is not None and not before.datum(target).equals(after.datum(target))


def _without(scenario: Scenario, amount: str) -> Scenario:
    """The scenario without its mergers, and without fixing the money."""

    def kept(change: Change) -> bool:
        return not isinstance(change, Consolidate) and not (isinstance(change, Fix) and change.fix == amount)

    return scenario.model_copy(update={"changes": tuple(filter(kept, scenario.changes))})


def _fixed(case: Case, variable: str, at: str | float) -> Case:
    """The same case with its money fixed, the rest of it held back, and without what policy asks of what money does."""
    rules = case.model.rules
    asked = {n for n, r in rules.items() if r.policy and variables_in(case.model, read_rule(r.rule)) - {variable}}
    model = case.model.model_copy(update={"rules": {name: rule for name, rule in rules.items() if name not in asked}})
    free = {name: value for name, value in case.fixed.items() if name != model.schedule.unallocated}
    return Case(model, case.world, {**free, variable: at}, case.said)
