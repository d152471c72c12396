"""What a projection is made from: every datum with its dims and unit (``inputs.toml``), read as a model's are."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr

from allocate.changes import Case, apply
from allocate.differences import called
from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE
from allocate.spec import Model, Scenario, ScheduleSpec
from allocate.units import same_unit
from allocate.world import World

NAME: Final = "people"
"""What scenarios for projections give as their model."""

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
    case = apply(inputs(), _complete(world), scenarios)
    problems = [problem for name in inputs().data if (problem := _above(case.world, name))]
    if not case.world.data["death_rate"].isel(life_age=-1).all():
        problems.append(Problem("death_rate", "is 0 at the last age, where life would have no end"))
    if problems:
        raise InputError(world.name, problems)
    return case


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
    if problems:
        raise InputError(world.name, problems)
    for name, spec in model.data.items():
        if name not in world.data and spec.default is not None:
            coords = {dim: list(world.labels(dim)) for dim in spec.over}
            whole = xr.DataArray(np.full([len(c) for c in coords.values()], spec.default), coords, list(spec.over))
            told = {"unit": spec.unit, "status": "assumed", "source": "default of projections", "why": spec.why}
            world = world.with_data(name, whole.assign_attrs(**told, period="", notes=""))
    return world
