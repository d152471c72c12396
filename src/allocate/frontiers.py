"""What one figure buys over its whole range: the best plan at every level of a datum.

How much need is met when every space keeps 80% of what it had, 81%, and so on to all of it? Where the figure is a limit
and the goal is to be large, the answer is a concave curve: each step costs at least as much as the one before. Every
level has a plan of its own, proved, the nearest to the actual split, found from the plan of the level before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.builder import build
from allocate.changes import Case, apply, certain
from allocate.differences import called
from allocate.errors import InputError, NoPlanError, Problem, nearest
from allocate.findings import AT_LIMIT
from allocate.names import SPACE
from allocate.optimum.highs import SolverOptions
from allocate.optimum.lexicographic import solve as optimise
from allocate.optimum.walk import Walk
from allocate.plan import Plan, in_words
from allocate.program import Program
from allocate.read import read_model, read_scenario
from allocate.runs import only
from allocate.spec import Model, Scenario, Set, in_order
from allocate.tables import LARGEST
from allocate.units import Unit
from allocate.world import World, read_world

type Watch = Callable[[str], None]

NO_PLAN: Final = "no plan"
"""The grade of a level at which no plan keeps every rule."""


@dataclass(frozen=True, eq=False)
class Frontier:
    """The best plan at every level of a datum, from the lowest level up, or the error that says why there is none."""

    datum: str
    unit: str
    levels: tuple[float, ...]
    plans: tuple[Plan | NoPlanError, ...]

    @property
    def refused(self) -> dict[float, NoPlanError]:
        """The levels without a plan, and why: the first in the words of the model, the others with their proof only."""
        found = zip(self.levels, self.plans, strict=True)
        return {level: plan for level, plan in found if isinstance(plan, NoPlanError)}

    def dataset(self) -> xr.Dataset:
        """Everything over ``level``; numbers are NaN, and counts -1, where there is no plan.

        ``value`` of every goal; ``slope``, what the last goal gains for each unit of the level since the level before;
        ``moved``, the money that spaces have beyond the actual split; ``at_limit``, how many rows of inequalities are
        at their limit; ``grade``; and ``money`` by space.
        """
        some = self._any
        goals = list(some.goals)
        value = np.array([[*p.goals.values()] if isinstance(p, Plan) else [np.nan] * len(goals) for p in self.plans])
        unit = some.goal_units[goals[-1]]
        slope = np.append(np.nan, np.diff(value[:, -1]) / np.diff(self.levels))
        money = xr.concat([_money(p) if isinstance(p, Plan) else _money(some) * np.nan for p in self.plans], "level")
        moved = [_moved(p) if isinstance(p, Plan) else np.nan for p in self.plans]
        at_limit = [_at_limit(p) if isinstance(p, Plan) else -1 for p in self.plans]
        grade = [p.grade if isinstance(p, Plan) else NO_PLAN for p in self.plans]
        return xr.Dataset(
            {
                "value": (("level", "goal"), value),
                "slope": ("level", slope, {"unit": str(unit / Unit.parse(self.unit))}),
                "moved": ("level", moved, {"unit": "R"}),
                "at_limit": ("level", at_limit),
                "grade": ("level", grade),
                "money": money,
            },
            {"level": ("level", list(self.levels), {"unit": self.unit, "datum": self.datum}), "goal": goals},
            {"unit": str(unit)},
        )

    def table(self) -> pd.DataFrame:
        """A row a level: ``level``, each goal, ``slope``, ``moved``, ``at_limit``, ``grade`` and each space's money."""
        data = self.dataset()
        columns = {"level": data["level"], **{str(goal): data["value"].sel(goal=goal) for goal in data["goal"].values}}
        columns |= {name: data[name] for name in ("slope", "moved", "at_limit", "grade")}
        columns |= {str(space): data["money"].sel({SPACE: space}) for space in data[SPACE].values}
        return pd.DataFrame({name: array.values for name, array in columns.items()})

    @property
    def _any(self) -> Plan:
        return next(plan for plan in self.plans if isinstance(plan, Plan))


def frontier(
    model: Model | str | Path,
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    datum: str,
    levels: Sequence[float],
    where: Mapping[str, str] | None = None,
    years: str | Sequence[str] | None = None,
    watch: Watch | None = None,
) -> Frontier:
    """The best plan of a model in a World under scenarios, at every level of a datum.

    At each level ``datum`` takes that value, everywhere or at the labels of ``where``, as a ``set`` of a scenario does,
    and in the place of one there.
    ``years`` keeps only those; ``watch`` is told in words what is being solved.

    >>> found = frontier("grant_consolidation", "za2016", datum="keep", levels=[0.9, 0.8, 0.99], years=["2019/20"])
    >>> found.table()[["level", "need met", "grade"]].round(1).values.tolist()
    [[0.8, 904753248.5, 'exact'], [0.9, 904615096.5, 'exact'], [1.0, 904142308.7, 'exact']]

    Raises :class:`InputError` for anything wrong in what is asked, with all of it, and the :class:`NoPlan` of the
    lowest level when none has a plan.
    """
    text = read_model(model)
    whole = read_world(world)
    facts = whole if years is None else only(whole, [years] if isinstance(years, str) else list(years))
    what_ifs = [_without(s, datum, where or {}) for s in in_order(map(read_scenario, scenarios))]
    certain(what_ifs)
    base = apply(text, facts, what_ifs)
    name, place, rising = called(datum, where or {}), dict(where or {}), sorted({float(level) for level in levels})
    _check(base, datum, place, levels)
    cases = [_at(base, text, facts, [*what_ifs, _level(name, datum, level, place)]) for level in rising]
    programs = list[Program]()
    for case in cases:  # first, so that what is wrong in one is said before the work
        programs.append(build(case, programs[-1] if programs else None))
    walk, plans = Walk(), list[Plan | NoPlanError]()
    for number, (level, program) in enumerate(zip(rising, programs, strict=True), start=1):
        if watch is not None:
            watch(f"{name} = {level:g} ({number} of {len(rising)})")
        plans.append(_best(walk, program))
    found = Frontier(name, base.model.data[datum].unit, tuple(rising), _told(plans, programs))
    if len(found.refused) == len(rising):
        raise found.refused[rising[0]]
    return found


def _without(scenario: Scenario, datum: str, where: Mapping[str, str]) -> Scenario:
    """A scenario without a level of its own where the frontier has its levels."""
    kept = [c for c in scenario.changes if not (isinstance(c, Set) and c.set == datum and dict(c.where) == dict(where))]
    return scenario.model_copy(update={"changes": tuple(kept)})


def _check(case: Case, datum: str, where: Mapping[str, str], levels: Sequence[float]) -> None:
    """Raise InputError with all that is wrong with what is asked."""
    known, schedule = case.model.data, case.model.schedule
    wrong = []
    if datum not in known:
        words = "is derived; choose the data that it is derived from" if datum in case.model.derived else "is no datum"
        wrong.append(Problem(datum, words + nearest(datum, known)))
    else:
        wrong += _astray(case, datum, known[datum].over, where)
    high = f"is not from 0 to {LARGEST:g}"
    wrong += [Problem(f"level {level:g}", high) for level in levels if not 0 <= level <= LARGEST]
    if not levels:
        wrong.append(Problem("levels", "there are none"))
    if not case.model.active_goals:
        wrong.append(Problem("goals", "there is none whose value a level could change"))
    if schedule.amount not in case.model.ties.nearest or SPACE not in case.model.variables[schedule.amount].over:
        wrong.append(Problem("ties.nearest", f"has no {schedule.amount!r} over {SPACE}, so there is no actual split"))
    if wrong:
        raise InputError("frontier", wrong)


def _astray(case: Case, datum: str, over: Sequence[str], where: Mapping[str, str]) -> Iterator[Problem]:
    """Dims that a datum does not vary over, and labels that are not there."""
    for dim, label in where.items():
        if dim not in over:
            words = f"{datum!r} does not vary over it, only over {', '.join(over) or 'nothing'}"
            yield Problem(dim, words + nearest(dim, over))
        elif label not in (labels := case.world.labels(dim)):
            yield Problem(dim, f"there is no {label!r}{nearest(label, labels)}")


def _level(name: str, datum: str, level: float, where: dict[str, str]) -> Scenario:
    change = Set(set=datum, to=level, where=where)
    return Scenario(name=f"{name} = {level:g}", why="A level of a frontier.", change=(change,), source="frontier")


def _at(base: Case, model: Model, world: World, scenarios: Sequence[Scenario]) -> Case:
    """The case at a level: the last scenario sets it, unless it is so already."""
    (change,) = scenarios[-1].changes
    assert isinstance(change, Set)
    data, default = base.world.data, base.model.data[change.set].default
    now = data[change.set].sel(change.where) if change.set in data else np.array(default, dtype=float)
    if bool((now == change.to).all()):
        return base
    return apply(model, world, scenarios)


def _best(walk: Walk, program: Program) -> Plan | NoPlanError:
    """The plan of one level, from that of the level before where its goals allow."""
    try:
        if program.linear.is_plain:
            return Plan(program, walk.nearest(program.linear))
        return Plan(program, optimise(program.linear, SolverOptions(accept_near_ties=True)))
    except NoPlanError as error:
        return error


def _told(plans: list[Plan | NoPlanError], programs: Sequence[Program]) -> tuple[Plan | NoPlanError, ...]:
    """The first level without a plan has the reason in the words of the model: finding them takes its time."""
    for at, plan in enumerate(plans):
        if isinstance(plan, NoPlanError):
            plans[at] = in_words(programs[at], plan)
            break
    return tuple(plans)


def _money(plan: Plan) -> xr.DataArray:
    """What every space gets."""
    spent = plan.values[plan.program.case.model.schedule.amount]
    return spent.sum([dim for dim in spent.dims if dim != SPACE]).rename("money").assign_attrs(unit="R")


def _moved(plan: Plan) -> float:
    """What spaces get beyond what they got, where they get more, and those that get less lose, on average."""
    model = plan.program.case.model
    was = plan.program.datum(model.ties.nearest[model.schedule.amount])
    return float(abs(_money(plan) - was.sum([dim for dim in was.dims if dim != SPACE])).sum()) / 2


def _at_limit(plan: Plan) -> int:
    """How many rows of inequalities are at their limit."""
    linear, slack = plan.program.linear, plan.slack()
    found = 0
    for name, block in plan.program.rows.items():
        there = block.number >= 0
        rows = block.number[there]
        near = AT_LIMIT * (block.unit.published + linear.limit_size[rows])
        found += int(((slack[name].values[there] <= near) & (linear.row_lower < linear.row_upper)[rows]).sum())
    return found
