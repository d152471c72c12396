"""What people need, what stands, and what is added: infrastructure beside the people it serves.

A service counts in units of its own: a household served, a place in a class. What stands decays by a share a year;
what is added does so from the year after; what is delivered of it is not sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr

from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE, TIME
from allocate.people.cohorts import GROUP, SEXES, Calendar, Values, by_age, numbers
from allocate.world import World

HEADS: Final = ("female", "male")
"""Who heads a household, in the order of the sexes."""

PEOPLE: Final = ("people", *SEXES)
HOUSEHOLDS: Final = ("households headed by women", "households headed by men")


@dataclass(frozen=True, eq=False)
class Measures:
    """What is counted of people: names, ``weight`` (measures, sexes, ages, spaces) and ``factor`` (steps, measures,
    spaces)."""

    names: tuple[str, ...]
    weight: Values
    factor: Values


def measures(world: World, calendar: Calendar) -> Measures:
    """People, by sex; households, by sex of head; and for each service that people need by age, its units."""
    spaces, ages = len(world.labels(SPACE)), len(world.labels("age"))
    heads = numbers(world, "head_rate", "head", "age", SPACE)
    needs = numbers(world, "per_person", "service", "age")
    own = [k for k in range(len(needs)) if needs[k].any()]
    weight = np.zeros((5 + len(own), len(SEXES), ages, spaces))
    weight[0] = weight[1, 0] = weight[2, 1] = 1.0
    weight[3, 0], weight[4, 1] = heads
    weight[5:] = needs[own][:, None, :, None]
    factor = np.ones((len(calendar.ends), len(weight), spaces))
    factor[:, 3:5] = numbers(world, "formation", "period")[list(calendar.period)][:, None, None]
    names = (*PEOPLE, *HOUSEHOLDS, *(f"need of {world.labels('service')[k]}" for k in own))
    return Measures(names, by_age(weight, calendar.step, axis=2), factor)


def needs(world: World, measured: Measures) -> Values:
    """Units of each service for one of each measure (services, measures)."""
    services = world.labels("service")
    found = np.zeros((len(services), len(measured.names)))
    found[:, [measured.names.index(name) for name in HOUSEHOLDS]] = numbers(world, "per_household", "service")[:, None]
    for k, service in enumerate(services):
        if (name := f"need of {service}") in measured.names:
            found[k, measured.names.index(name)] = 1.0
    return found


def standing(world: World, calendar: Calendar, added: Mapping[int, Values]) -> tuple[Values, Values, Values]:
    """What stands of the start, what was added and stands, and what a unit gives (steps, services, spaces), each.

    ``added`` gives the units of a year (services, spaces) that a plan builds, NaN where it says nothing; the year 2019
    is from the middle of 2019 to that of 2020.
    """
    stock = numbers(world, "capacity", "service", SPACE)
    decay, planned = (numbers(world, name, "period", "service", SPACE) for name in ("decay", "additions"))
    built, found = np.zeros_like(stock), []
    for year in range(calendar.start, calendar.ends[-1]):
        period = (year - calendar.start) // GROUP
        kept = 1.0 - decay[period]
        new = planned[period]
        if year in added:
            new = np.where(np.isnan(added[year]), new, added[year])
        stock, built = stock * kept, built * kept + new
        if year + 1 in calendar.ends:
            found.append((stock, built))
    gives = numbers(world, "yields", "period", "service", SPACE)[list(calendar.period)]
    stands, grown = (np.array([pair[k] for pair in found]) for k in (0, 1))
    return stands, grown, gives


def added_by(plan: xr.Dataset, world: World) -> dict[int, Values]:
    """What a plan reaches and renews in a year: units (services, spaces) by the year that a financial year begins in.

    Services of the World that the plan does not know are NaN. Raises :class:`InputError` for a plan that reaches
    nothing, or is of other spaces, or of years that do not begin with a year.

    >>> from allocate.world import read_world
    >>> cells = xr.DataArray([[[5.0]]], {"space": ["DC1"], "service": ["water"], "year": ["2019/20"]})
    >>> added = added_by(xr.Dataset({"reached": cells}), read_world("za2016_people"))
    >>> list(added), float(added[2019][0, 0])
    ([2019], 5.0)
    """
    if "reached" not in plan:
        raise InputError("plan", [Problem("", "has no 'reached': it does not say what it builds")])
    reached = plan["reached"].sum([d for d in plan["reached"].dims if d not in (SPACE, "service", TIME)])
    total = reached + plan["renewed"] if "renewed" in plan else reached
    spaces, services = world.labels(SPACE), world.labels("service")
    problems = [
        Problem("plan", f"has space {label!r}, which the world of people has not{nearest(label, spaces)}")
        for label in map(str, total[SPACE].values)
        if label not in spaces
    ]
    shared = [label for label in map(str, total["service"].values) if label in services]
    if not shared:
        words = (
            f"builds {', '.join(map(str, total['service'].values))[:60]}; the world of people has {', '.join(services)}"
        )
        problems.append(Problem("plan", words))
    years = list(map(str, total[TIME].values))
    problems += [Problem("plan", f"year {year!r} does not begin with a year") for year in years if not _begins(year)]
    if problems:
        raise InputError("plan", problems)
    whole: Any = total.transpose(TIME, "service", SPACE)
    filled = whole.reindex({"service": list(services), SPACE: list(spaces)}).values
    return {int(year[:4]): filled[n] for n, year in enumerate(years)}


def _begins(year: str) -> bool:
    return len(year) >= 4 and year[:4].isascii() and year[:4].isdigit()
