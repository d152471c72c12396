"""What projected people need, for the optimiser: Worlds of grants, one a draw, in which need is that of the draw.

A projection and a World of grants count backlogs differently; so a datum of the World keeps its level and takes over
how the need of a draw stands to the mean of all draws, service by service and space by space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import xarray as xr

from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE, TIME
from allocate.world import World

SERVICE: Final = "service"
LEAST: Final = 1e-3
"""Of the mean need, in any draw."""


def with_needs(
    world: World, sample: xr.Dataset, year: int, *, need: Sequence[str] = (), demand: Sequence[str] = ()
) -> Iterator[World]:
    """The World once for each draw of a sample (:func:`allocate.people.projection.sampled`).

    Data of ``need`` follow the units that are short in the year, data of ``demand`` all units that are needed: those
    over space and service as each service does; those over space alone, such as a need weight, as all services do in
    the mean. Services that the sample lacks stay as they are, and so does what nobody needs in any draw. What is needed
    in some draws keeps a thousandth in every one, so that programs of all draws have the same rows and columns.

    >>> from allocate.people.projection import prepare, sampled
    >>> from allocate.world import read_world
    >>> sample = sampled(prepare("za2016_people", years=2021), draws=3)
    >>> worlds = list(with_needs(read_world("za2016"), sample, 2021, need=["tier_size", "need_weight"]))
    >>> len(worlds), worlds[0].data["tier_size"].equals(worlds[1].data["tier_size"])
    (3, False)

    Raises :class:`InputError` for a datum that is not over space, a year that was not projected, and other spaces.
    """
    _check(world, sample, year, [*need, *demand])
    ratios = {kind: _ratio(sample[kind].sel({TIME: year}), world) for kind in ("need", "demand")}
    for draw in range(sample.sizes["draw"]):
        found = world
        for kind, names in (("need", need), ("demand", demand)):
            ratio = ratios[kind].isel(draw=draw)
            for name in names:
                array = world.data[name]
                by = ratio if SERVICE in array.dims else ratio.mean(SERVICE)
                found = found.with_data(name, (array * by).transpose(*array.dims).assign_attrs(array.attrs))
        yield found


def _ratio(values: xr.DataArray, world: World) -> xr.DataArray:
    """Units of each draw over the mean of all draws (draw, service, space), 1 where there are none."""
    mean = values.mean("draw")
    ratio = (values / mean.where(mean > 0)).clip(min=LEAST).fillna(1.0)
    services = list(world.labels(SERVICE)) if SERVICE in world.data.dims else list(map(str, values[SERVICE].values))
    there = [service for service in services if service in values[SERVICE].values]
    found: xr.DataArray = ratio.sel({SERVICE: there, SPACE: list(world.labels(SPACE))})
    return found.reindex({SERVICE: services}, fill_value=1.0)


def _check(world: World, sample: xr.Dataset, year: int, names: Sequence[str]) -> None:
    known = [str(name) for name in world.data.data_vars]
    problems = [Problem(n, f"is no datum of the world{nearest(n, known)}") for n in names if n not in known]
    problems += [
        Problem(n, "does not vary over space, so no need of a space bears on it")
        for n in names
        if n in known and SPACE not in world.data[n].dims
    ]
    if not names:
        problems.append(Problem("need", "names no datum, so every draw would be the same"))
    if year not in np.asarray(sample[TIME].values):
        problems.append(Problem(TIME, f"{year} was not projected, only {', '.join(map(str, sample[TIME].values))}"))
    if missing := [s for s in world.labels(SPACE) if s not in sample[SPACE].values]:
        problems.append(Problem(SPACE, f"{', '.join(missing[:8])} was not projected"))
    if problems:
        raise InputError("needs", problems)
