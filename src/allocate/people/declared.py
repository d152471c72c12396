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
from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE
from allocate.spec import Model, Scenario, ScheduleSpec
from allocate.units import same_unit
from allocate.world import World

NAME: Final = "people"
"""What scenarios for projections give as their model."""

FILE: Final = Path(__file__).parent / "inputs.toml"


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

    Raises :class:`InputError` with every datum that is missing, or not over its dims or in its unit, and as
    :func:`allocate.changes.apply` does.
    """
    found = _complete(world)
    return apply(inputs(), found, scenarios)


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
