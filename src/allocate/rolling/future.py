"""What is coming, drawn once for all policies: people, what they need, and how well programmes are delivered.

Nothing in it depends on a plan. What a plan builds stands beside what stood before it, and decays as that does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from allocate.errors import InputError, Problem
from allocate.names import SPACE, TIME
from allocate.people.cohorts import GROUP, numbers
from allocate.people.projection import Prepared, prepare
from allocate.people.services import needs
from allocate.spec import Scenario
from allocate.world import World

type Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Future:
    """D draws of N years, of S spaces and the K services that a World of grants and one of people both know.

    ``years`` are the N + 1 mid-years, from the start of the first plan to the end of the last. ``demand``
    (D, N + 1, S, K) are households to be served, ``delivery`` (D, S, K) what is delivered of what was planned.
    ``stock`` (N + 1, S, K) stands of the start, ``before`` (S, K) was added between start and first plan, as planned,
    ``yields`` (N + 1, S, K) is what a unit gives and ``kept`` (N, S, K) the share of what stands that stands a year
    later.

    >>> one = np.ones((1, 2, 1, 1))
    >>> Future((2017, 2018), ("A",), ("water",), 9 * one, one[0], 4 * one[0], one[0, 0], one[0], one[0, :1]).draws
    1
    """

    years: tuple[int, ...]
    spaces: tuple[str, ...]
    services: tuple[str, ...]
    demand: Values
    delivery: Values
    stock: Values
    before: Values
    yields: Values
    kept: Values

    @property
    def draws(self) -> int:
        return len(self.demand)

    def capacity(self, n: int, built: Values) -> Values:
        """Households (D, S, K) that can be served in the middle of year n; ``built`` (D, S, K) are units as planned."""
        found: Values = (self.stock[n] + built * self.delivery) * self.yields[n]
        return found


def prepared(world: World, first: int, years: int, scenarios: tuple[Scenario, ...] = ()) -> Prepared:
    """A World of people made ready for the years that plans are made in, from the middle of ``first``, one by one.

    Raises :class:`InputError` for anything wrong in the World or the scenarios, and a year that it does not reach.
    """
    return prepare(world, years=list(range(first, first + years + 1)), scenario=scenarios, step=1)


def future(
    ready: Prepared,
    spaces: tuple[str, ...],
    services: tuple[str, ...],
    households: Values,
    draws: int | None,
    seed: int = 1,
) -> Future:
    """So many draws, or with None the one path without chance.

    ``households`` (S, K) are all that the World of grants counts at the start of people, which says how many of them a
    unit of people's demand stands for. Draw i is that of :func:`allocate.project`.

    >>> from allocate.world import read_world
    >>> ready = prepared(read_world("za2016_people"), 2017, 2)
    >>> future(ready, ("DC1", "DC2"), ("water",), np.full((2, 1), 1e5), draws=3).demand.shape
    (3, 3, 2, 1)
    """
    from allocate.kernels import paths, project

    inputs, world = ready.inputs, ready.case.world
    which = [world.labels("service").index(service) for service in services]
    where = [world.labels(SPACE).index(space) for space in spaces]
    start = demanded_at_start(ready)[0]
    scale = np.divide(
        households, start[where][:, which], out=np.ones_like(households), where=start[where][:, which] > 0
    )
    one = np.ones_like(inputs.stock)
    bare = replace(inputs, stock=0 * one, built=one, yields=one)  # so that capacity is what is delivered of one unit
    found = project(bare) if draws is None else paths(bare, seed, draws)
    at = list(ready.wanted)

    def ours(values: Any) -> Values:
        return np.asarray(np.swapaxes(np.asarray(values, float)[..., which, :][..., where], -1, -2))

    decay, begin = numbers(world, "decay", "period", "service", SPACE), ready.calendar.start
    kept = np.array([1.0 - decay[(year - begin) // GROUP] for year in ready.years[:-1]])
    return Future(
        years=tuple(ready.years),
        spaces=spaces,
        services=services,
        demand=ours(found.demand[:, at]) * scale,
        delivery=ours(found.capacity[:, 0]),
        stock=ours(inputs.stock[at]) * scale,
        before=ours(inputs.built[at[0]]) * scale,
        yields=ours(inputs.yields[at]),
        kept=ours(kept),
    )


def demanded_at_start(ready: Prepared) -> tuple[Values, Values]:
    """Units needed, and of these units served, when a World of people begins (spaces, services), each."""
    count = np.einsum("mxas,xas->ms", ready.measured.weight, ready.inputs.people)
    demand = needs(ready.case.world, ready.measured) @ count
    return demand.T, np.minimum(numbers(ready.case.world, "capacity", "service", SPACE), demand).T


def first_year(labels: tuple[str, ...]) -> int:
    """The year that the first of some financial years begins in.

    >>> first_year(("2017/18", "2018/19"))
    2017

    Raises :class:`InputError` for labels that do not begin with a year, or do not follow each other.
    """
    wrong = [label for label in labels if not (label[:4].isascii() and label[:4].isdigit() and len(label) >= 4)]
    if wrong:
        raise InputError("grants", [Problem(TIME, f"{label!r} does not begin with a year") for label in wrong])
    begins = [int(label[:4]) for label in labels]
    if begins != list(range(begins[0], begins[0] + len(begins))):
        raise InputError("grants", [Problem(TIME, f"{', '.join(labels)} do not follow each other")])
    return begins[0]
