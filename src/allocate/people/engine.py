"""A World as the bare arrays that the kernels take."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allocate.kernels.inputs import Inputs
from allocate.names import SPACE
from allocate.people import cohorts, services
from allocate.people.cohorts import GROUP, SEXES, Calendar, Values, numbers
from allocate.people.declared import provinces
from allocate.people.services import Measures
from allocate.world import World


def inputs_of(world: World, calendar: Calendar, added: Mapping[int, Values]) -> tuple[Inputs, Measures]:
    """What the kernels need to project a World, and what is counted of people.

    The World is one of :func:`allocate.people.declared.case_of`; ``added`` is what a plan builds, as
    :func:`allocate.people.services.added_by` gives it.
    """
    measured = services.measures(world, calendar)
    hazard, newborn = cohorts.hazards(world, calendar)
    fertility, youngest = cohorts.births(world, calendar)
    stock, built, gives = services.standing(world, calendar, added)
    steps, ages = len(calendar.ends), hazard.shape[2]
    period = np.array(calendar.period)
    _, province = np.unique(provinces(world), return_inverse=True)
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
        period=period,
        shock_sd=numbers(world, "shock_sd", "rate", "level"),
        persistence=numbers(world, "persistence", "rate") ** GROUP,
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


def groups(world: World) -> tuple[str, ...]:
    """The provinces, in the order of the kernels' groups."""
    return tuple(sorted(set(provinces(world))))
