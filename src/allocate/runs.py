"""One scenario, solved, beside what it must be compared with: nothing, the actual split, and separate grants.

*baseline* (money fixed at what each space got) -> *separate* (the best split of today's grants) -> *merged*. Value of
reallocation = separate - baseline; value of consolidation = merged - separate. They are never confused, so every run
solves all of them. Outcomes are counted against *nothing*: the same goal with no grant money at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from allocate.builder import build
from allocate.changes import Case, apply
from allocate.errors import InputError, Problem
from allocate.names import TIME
from allocate.optimum.highs import SolverOptions
from allocate.plan import Plan, solve
from allocate.schedule import Schedule, publish
from allocate.spec import Consolidate, Fix, Model, Scenario, read_model, read_scenario
from allocate.world import World, read_world

type Watch = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Run:
    """A plan, what it publishes and what it is compared with.

    ``merged`` says whether the scenario merges grants; ``nothing``, ``baseline`` and ``separate`` are plans of the same
    case without merging: without money, with the actual split, and at their best. ``world_digest`` tells which facts
    went in, before any change.
    """

    name: str
    scenarios: tuple[Scenario, ...]
    plan: Plan
    nothing: Plan
    baseline: Plan
    separate: Plan
    schedule: Schedule
    was: Schedule
    world_digest: str

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

    @cached_property
    def merged(self) -> bool:
        return any(isinstance(change, Consolidate) for s in self.scenarios for change in s.changes)

    def outcome(self, plan: Plan) -> float:
        """What a plan of this run reaches beyond nothing, in :attr:`unit`."""
        return plan.goals[self.goal] - self.nothing.goals[self.goal]


def run(
    model: Model | str | Path,
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    years: Sequence[str] | None = None,
    options: SolverOptions | None = None,
    watch: Watch | None = None,
) -> Run:
    """Solve a model in a World under scenarios, whose changes are made in order.

    ``years`` keeps only those years; ``watch`` is told in a word what is being solved.

    >>> found = run("grant_consolidation", "za2016", "one_water_grant", years=["2019/20"])
    >>> found.plan.grade, found.merged
    ('exact', True)

    Raises :class:`InputError` for anything wrong in the files, :class:`NoPlanError` when rules conflict.
    """
    text = model if isinstance(model, Model) else read_model(model)
    whole = world if isinstance(world, World) else read_world(world)
    facts = whole if years is None else whole.select(TIME, years)
    what_ifs = tuple(s if isinstance(s, Scenario) else read_scenario(s) for s in scenarios)
    amount = text.schedule.amount
    if amount not in text.ties.nearest:
        words = f"has no {amount!r}, so there is nothing to compare a plan with"
        raise InputError(text.source, [Problem("ties.nearest", words)])
    plain = tuple(_without(s, (Consolidate, Fix)) for s in what_ifs)
    asked = apply(text, facts, what_ifs)
    plans: dict[str, Plan] = {}
    for name, case in {
        "nothing": _fixed(apply(text, facts, plain), amount, 0.0),
        "baseline": _fixed(apply(text, facts, plain), amount, text.ties.nearest[amount]),
        "separate": apply(text, facts, plain),
        "plan": asked,
    }.items():
        if watch is not None:
            watch(name)
        same = name == "plan" and plain == what_ifs
        plans[name] = plans["separate"] if same else solve(build(case), options)
    return Run(
        name=" + ".join(s.name for s in what_ifs) or text.name,
        scenarios=what_ifs,
        **plans,
        schedule=publish(plans["plan"]),
        was=publish(plans["baseline"]),
        world_digest=whole.digest(),
    )


def _without(scenario: Scenario, kinds: tuple[type[Consolidate] | type[Fix], ...]) -> Scenario:
    kept = tuple(change for change in scenario.changes if not isinstance(change, kinds))
    return scenario.model_copy(update={"changes": kept})


def _fixed(case: Case, variable: str, at: str | float) -> Case:
    """The same case with its money fixed."""
    return Case(case.model, case.world, {**case.fixed, variable: at}, case.said)
