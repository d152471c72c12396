"""Whether the figures of a World can be projected, and what looks odd in them, before anything is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from allocate.fit import FEW, nothing_there
from allocate.lifetable import life_table
from allocate.names import SPACE
from allocate.people.cohorts import GROUP, SEXES, Values, numbers
from allocate.people.declared import inputs
from allocate.people.projection import Prepared, at_start, prepare
from allocate.spec import Scenario
from allocate.world import World

LIVES: Final = (40.0, 95.0)
"""Years that a newborn may expect, in any country and time that a projection is likely to be of."""

CHILDREN: Final = (0.7, 8.0)
"""Children of a woman, likewise."""

LEAVE: Final = 0.25
"""A rate of leaving in a year that no space has at any age."""

SPARE: Final = 1.05
"""Capacity over demand at the start above which more stands than anybody uses."""


def people_fit(world: World, scenarios: Iterable[Scenario] = ()) -> list[str]:
    """Make a World ready to be projected, and say of how much and what looks odd.

    >>> from allocate.world import read_world
    >>> people_fit(read_world("za2016_people"))[0]
    'Fits a projection: 55,653,657 people of 52 spaces in 2016, 7 services, to 2046 at most.'

    Raises :class:`allocate.errors.InputError` with every problem of the first stage that has one.
    """
    periods = world.labels("period") if "period" in world.data.dims else ("2016-2021",)
    last = periods[-1][-4:]
    ready = prepare(world, years=int(last) if last.isdigit() else 0, scenario=list(scenarios))
    found = ready.case.world
    many = float(found.data["people"].sum())
    spaces, services = len(found.labels(SPACE)), len(found.labels("service"))
    line = f"{many:,.0f} people of {spaces} spaces in {ready.calendar.start}, {services} services, to {last} at most."
    odd = list(_odd(ready, world))
    warned = [f"Worth a look ({len(odd)})", *(f"  {words}" for words in odd)] if odd else ["Nothing looks odd."]
    return [f"Fits a projection: {line}", *(f"  {words}" for words in ready.case.said), *warned]


def _odd(ready: Prepared, given: World) -> Iterator[str]:
    world, data = ready.case.world, inputs().data
    yield from nothing_there(given)
    for name, spec in data.items():
        if name not in given.data:
            yield f"{name}: not given, so {spec.default:g} everywhere, the default"
    if unused := [name for name in map(str, given.data.data_vars) if name not in data]:
        yield f"{', '.join(unused)}: no projection uses {'it' if len(unused) == 1 else 'them'}"
    for x, sex in enumerate(SEXES):
        rates = numbers(world, "death_rate", "period", "sex", SPACE, "life_age")[:, x]
        lives = life_table(rates, sex == "women").expectancy
        yield from _outside(world, lives, LIVES, f"death_rate: {sex} may expect", "years of life")
    children = GROUP * numbers(world, "birth_rate", "period", SPACE, "mother_age").sum(axis=2)
    yield from _outside(world, children, CHILDREN, "birth_rate: women have", "children each")
    leaving = numbers(world, "leaving", "period", SPACE, "sex", "age").max(axis=(2, 3))
    yield from _outside(world, leaving, (0.0, LEAVE), "leaving: at some age a part leaves in a year of", "")
    enough = at_start(ready)["adequacy_start"][1]
    for service, part in zip(world.labels("service"), enough, strict=True):
        words = f"capacity: for {service} there stands, of what is needed,"
        yield from _outside(world, part[None], (0.0, SPARE), words, "times")


def _outside(world: World, values: Values, least_most: tuple[float, float], words: str, unit: str) -> Iterator[str]:
    """Spaces with a value (periods, spaces) that is not to be expected, with the one farthest out of each."""
    least, most = least_most
    far = np.maximum(least - values, values - most)
    spaces = np.flatnonzero((far > 0).any(axis=0))
    if spaces.size:
        worst = {s: float(values[far[:, s].argmax(), s]) for s in spaces}
        named = ", ".join(f"{world.labels(SPACE)[s]} {value:.3g}" for s, value in list(worst.items())[:FEW])
        more = f" and {spaces.size - FEW} more" if spaces.size > FEW else ""
        yield f"{words} {named}{more}{f' {unit}' if unit else ''}; expected {least:g} to {most:g}"
