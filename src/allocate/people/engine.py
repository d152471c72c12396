"""A World as the bare arrays that the kernels take."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allocate.errors import InputError, Problem
from allocate.kernels.inputs import LEVELS, RATES, Inputs
from allocate.names import SPACE
from allocate.people import cohorts, services
from allocate.people.cohorts import SEXES, Calendar, Values, numbers
from allocate.people.services import HEADS, Measures
from allocate.world import World

GROUP = "province"
"""The column of the table of spaces that says which of them vary together."""


def inputs_of(world: World, calendar: Calendar, added: Mapping[int, Values]) -> tuple[Inputs, Measures]:
    """What the kernels need to project a World, and what is counted of people.

    ``added`` is what a plan builds, as :func:`allocate.people.services.added_by` gives it. Raises
    :class:`~allocate.errors.InputError` for labels that are not in the order that projections need.
    """
    _check(world)
    measured = services.measures(world, calendar)
    hazard, newborn = cohorts.hazards(world, calendar)
    fertility, youngest = cohorts.births(world, calendar)
    stock, built, gives = services.standing(world, calendar, added)
    steps, ages = len(calendar.ends), hazard.shape[2]
    period = np.array(calendar.period)
    _, province = np.unique(_provinces(world), return_inverse=True)
    found = Inputs(
        people=cohorts.start(world, calendar),
        count_sd=numbers(world, "count_error", SPACE),
        hazard=hazard,
        newborn_hazard=newborn,
        fertility=fertility,
        youngest_mother=youngest,
        boys=float(numbers(world, "boys")),
        odds=cohorts.leaving(world, calendar),
        corridor=cohorts.corridors(world)[: period.max() + 1],
        corridor_of=np.broadcast_to(period[:, None, None], (steps, len(SEXES), ages)),
        arrivals=cohorts.arrivals(world, calendar),
        group=province,
        shock_sd=numbers(world, "shock_sd", "rate", "level"),
        persistence=numbers(world, "persistence", "rate") ** calendar.step,
        weight=measured.weight,
        factor=measured.factor,
        need=np.broadcast_to(services.needs(world, measured), (steps, stock.shape[1], len(measured.names))),
        stock=stock,
        built=built,
        yields=gives,
        delivery_common_sd=numbers(world, "delivery_common_sd", "service"),
        delivery_sd=numbers(world, "delivery_sd", "service"),
    )
    return found, measured


def _provinces(world: World) -> tuple[str, ...]:
    """The province of every space; one for all where no table says."""
    return world.columns(SPACE).get(GROUP, ("",) * len(world.labels(SPACE)))


def groups(world: World) -> tuple[str, ...]:
    """The provinces, in the order of the kernels' groups."""
    return tuple(sorted(set(_provinces(world))))


def _check(world: World) -> None:
    """Labels whose order carries meaning are those that are expected."""
    rates = RATES
    levels = tuple("province" if level == "group" else level for level in LEVELS)
    wanted = {"sex": SEXES, "head": HEADS, "rate": rates, "level": levels}
    problems = [
        Problem(dim, f"has {', '.join(world.labels(dim))}; a projection needs {', '.join(labels)}, in this order")
        for dim, labels in wanted.items()
        if world.labels(dim) != labels
    ]
    count = len(world.labels("age"))
    ages = (*(f"{low}-{low + 4}" for low in range(0, 5 * count - 5, 5)), f"{5 * count - 5}+")
    if world.labels("age") != ages:
        problems.append(Problem("age", f"labels are not {', '.join(ages[:3])} and so on, the last {ages[-1]}"))
    if problems:
        raise InputError(world.name, problems)
