"""What a projection is made from: every datum with its dims and unit (``inputs.toml``), read as a model's are."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from allocate.changes import Case, apply, certain
from allocate.differences import called
from allocate.errors import InputError, Problem, nearest
from allocate.kernels.inputs import LEVELS, RATES
from allocate.names import SPACE, TOTAL
from allocate.people.cohorts import SEXES, Calendar
from allocate.people.services import HEADS
from allocate.spec import Model, Scenario, ScheduleSpec
from allocate.units import same_unit
from allocate.world import World

NAME: Final = "people"
"""What scenarios for projections give as their model."""

GROUP: Final = "province"
"""The column of the table of spaces that says which of them vary together."""

FILE: Final = Path(__file__).parent / "inputs.toml"

STEPS: Final = (
    "People of the start, by sex and age, whose number is as sure as count_error says.",
    "Those who live through a step grow older (death_rate).",
    "Some of them leave (leaving), and are divided over the other spaces (corridor, attraction); nobody is lost.",
    "Others come from abroad, or go (arrivals).",
    "Women have children where they live (birth_rate, boys), some of whom die in the step (death_rate).",
    "People head households (head_rate, formation); households and people need services (per_household, per_person).",
    "What stands (capacity) wears out (decay), is added to (additions, or a plan), and gives what it gives (yields).",
    "In each draw rates stray from their path (shock_sd, persistence), and what is added is not delivered exactly "
    "(delivery_sd, delivery_common_sd).",
)
"""What happens in a step of a projection, in order, and the data that say how much."""


@cache
def inputs() -> Model:
    """The data of a projection. It decides nothing: what a model says of plans is empty.

    >>> inputs().data["leaving"].over
    ('space', 'sex', 'age', 'period')
    """
    nothing = {"variables": {}, "rules": {}, "goals": (), "schedule": ScheduleSpec(amount="none", unallocated="none")}
    return Model.model_validate({**tomllib.loads(FILE.read_text(encoding="utf-8")), **nothing, "source": NAME})


def case_of(world: World, scenarios: Iterable[Scenario] = ()) -> Case:
    """A World for projections after scenarios, with every datum that it left to its default.

    Raises :class:`InputError` with every datum that is missing, not over its dims, not in its unit, or above the most
    it may be, and as :func:`allocate.changes.apply` does.
    """
    given = list(scenarios)
    certain(given)
    case = apply(inputs(), _complete(world), given)
    problems = [problem for name in inputs().data if (problem := _above(case.world, name))]
    if not case.world.data["death_rate"].isel(life_age=-1).all():
        problems.append(Problem("death_rate", "is 0 at the last age, where life would have no end"))
    problems += _empty(case.world)
    if problems:
        raise InputError(world.name, problems)
    return case


def _empty(world: World) -> Iterator[Problem]:
    """Where there is nobody, or no household: nothing can be said of such a place, or per household."""
    people = world.data["people"].sum(["sex", "age"])
    yield from (
        Problem(called("people", {SPACE: str(space)}), "nobody lives there; leave the space out")
        for space in world.labels(SPACE)
        if float(people.sel({SPACE: space})) < 1
    )
    for name, over in (("head_rate", SPACE), ("formation", "period")):
        rates = world.data[name].sum([dim for dim in world.data[name].dims if dim != over])
        yield from (
            Problem(called(name, {over: label}), "is 0, so there is no household")
            for label in world.labels(over)
            if not float(rates.sel({over: label}))
        )


def provinces(world: World) -> tuple[str, ...]:
    """The province of every space; one for all where no table says."""
    return world.columns(SPACE).get(GROUP, ("",) * len(world.labels(SPACE)))


def _mislabelled(world: World) -> Iterator[Problem]:
    """Labels whose order carries meaning, and are not as expected."""
    ages = tuple(f"{low}-{low + 4}" for low in range(0, 5 * len(world.labels("age")) - 5, 5))
    every = (*ages, f"{5 * len(ages)}+")
    wanted = {
        "sex": SEXES,
        "head": HEADS,
        "rate": RATES,
        "level": tuple(GROUP if level == "group" else level for level in LEVELS),
        "age": every,
        "life_age": ("0", "1-4", *every[1:]),
    }
    for dim, labels in wanted.items():
        if world.labels(dim) != labels:
            found = ", ".join(world.labels(dim))[:60]
            yield Problem(dim, f"has {found}; a projection needs {', '.join(labels)[:60]}, all of them in this order")
    mothers = world.labels("mother_age")
    if not any(ages[first : first + len(mothers)] == mothers for first in range(1, len(ages))):
        yield Problem(
            "mother_age", f"has {', '.join(mothers)[:60]}; they are ages that follow each other, none left out"
        )
    known = [*world.labels(SPACE), TOTAL]
    for province in sorted(set(provinces(world)) & set(known)):
        yield Problem(GROUP, f"{province!r} is also what a space or the sum of all is called; call it otherwise")


def _above(world: World, name: str) -> Problem | None:
    """The first cell of a datum that is more than it may be, and how many more are, if any is."""
    most, array = inputs().data[name].most, world.data[name]
    if most is None or not len(cells := np.argwhere(array.values > most)):
        return None
    place = {str(dim): world.labels(str(dim))[k] for dim, k in zip(array.dims, cells[0], strict=True)}
    more = f"; so are {len(cells) - 1:,} more" if len(cells) > 1 else ""
    words = f"{float(array.values[tuple(cells[0])]):g} is above {most:g}, the most it may be{more}"
    return Problem(called(name, place), words)


def is_for_people(world: World) -> bool:
    """Whether a World is meant for projections: most of what they need is there.

    >>> from allocate.world import read_world
    >>> is_for_people(read_world("za2016_people")), is_for_people(read_world("za2016"))
    (True, False)
    """
    needed = [name for name, spec in inputs().data.items() if spec.default is None]
    return 2 * sum(name in world.data for name in needed) > len(needed)


def _complete(world: World) -> World:
    model, problems = inputs(), list[Problem]()
    known = [str(name) for name in world.data.data_vars]
    for name, spec in model.data.items():
        if name in world.data:
            array = world.data[name]
            if set(array.dims) != set(spec.over):
                has, wants = (", ".join(map(str, dims)) or "nothing" for dims in (array.dims, spec.over))
                problems.append(Problem(name, f"is over {has}; a projection has it over {wants}"))
            elif not same_unit(str(array.attrs["unit"]), spec.unit):
                problems.append(Problem(name, f"is in {array.attrs['unit']}; a projection has it in {spec.unit}"))
        elif spec.default is None:
            problems.append(Problem(name, f"is missing: {spec.why}{nearest(name, known)}"))
    if not problems and world.labels("destination") != world.labels(SPACE):
        problems.append(Problem("corridor", "its destinations are not the spaces, in their order"))
    if not problems:
        problems += _mislabelled(world)
        try:
            Calendar.of(world.labels("period"))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(world.name, problems)
    for name, spec in model.data.items():
        if name not in world.data and spec.default is not None:
            coords = {dim: list(world.labels(dim)) for dim in spec.over}
            whole = xr.DataArray(np.full([len(c) for c in coords.values()], spec.default), coords, list(spec.over))
            told = {"unit": spec.unit, "status": "assumed", "source": "default of projections", "why": spec.why}
            world = world.with_data(name, whole.assign_attrs(**told, period="", notes=""))
    return world
