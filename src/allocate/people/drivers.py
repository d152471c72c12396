"""What the draws of a projection hang on in one space: how much is needed there, and how much of what was planned came.

A space is short of a service where what stands and works is less than what is needed. Both are chance: people come and
go, and programmes deliver more or less than they plan. To say which of it makes a space short, each draw is told by a
few figures that a person can check in a later year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE
from allocate.people.cohorts import Values
from allocate.people.projection import Prepared, at_start, sampled
from allocate.people.services import needs

CHUNK: Final = 500
"""Draws that are in memory at once, with all that they hold."""


@dataclass(frozen=True, eq=False)
class Drivers:
    """Draws of one service in one year: figures (draw, space, figure), and what stands over what is needed ``adequacy``
    (draw, space); ``after`` is what follows a number of each figure."""

    service: str
    year: int
    spaces: tuple[str, ...]
    names: tuple[str, ...]
    after: tuple[str, ...]
    figures: Values
    adequacy: Values

    def of(self, space: str) -> tuple[Values, Values]:
        """The figures (draw, figure) and the adequacy (draw,) of a space."""
        at = self.spaces.index(space)
        return self.figures[:, at], self.adequacy[:, at]


def drivers(ready: Prepared, service: str, year: int, *, draws: int = 4000, seed: int = 1) -> Drivers:
    """What each draw of a service in a year hangs on, space by space.

    Figures are what is needed in the space and in all others together, over what it was at the start; and, where the
    World or a plan builds anything, what of it was delivered by then in the space and in all others. Draw i is that of
    :func:`allocate.project`.

    >>> from allocate.people.projection import prepare
    >>> found = drivers(prepare("za2016_people", years=2021), "water", 2021, draws=100)
    >>> found.names, found.figures.shape
    (('need there', 'delivery there', 'need elsewhere', 'delivery elsewhere'), (100, 52, 4))

    Raises :class:`InputError` for a service or a year that was not projected.
    """
    _check(ready, service, year, draws)
    world, inputs = ready.case.world, ready.inputs
    service_at, step = world.labels("service").index(service), ready.wanted[ready.years.index(year)]
    stock, built, yields = (np.asarray(a)[step, service_at] for a in (inputs.stock, inputs.built, inputs.yields))
    demand, capacity = _drawn(ready, service, year, draws, seed)
    start, planned = _needed_at_start(ready)[service_at], built * yields
    came = np.where(planned > 0, capacity - stock * yields, 0.0)
    figures = {
        "need there": demand / np.where(start > 0, start, 1.0),
        "delivery there": came / np.where(planned > 0, planned, 1.0),
        "need elsewhere": _rest(demand) / np.maximum(_rest(start), 1e-300),
        "delivery elsewhere": _rest(came) / np.maximum(_rest(planned), 1e-300),
    }
    moving = {name: figure for name, figure in figures.items() if np.ptp(figure) > 0}
    if not moving:
        raise InputError("projection", [Problem(service, "nothing about it is left to chance, so all draws are alike")])
    return Drivers(
        service,
        year,
        world.labels(SPACE),
        tuple(moving),
        tuple(f" times that of {ready.calendar.start}" if "need" in n else " of what was planned" for n in moving),
        np.stack(list(moving.values()), axis=-1),
        np.divide(capacity, demand, out=np.full_like(demand, np.inf), where=demand > 0),
    )


def _drawn(ready: Prepared, service: str, year: int, draws: int, seed: int) -> tuple[Values, Values]:
    """What is needed and what stands (draw, space), a part of the draws at a time."""
    parts = [
        sampled(ready, draws=min(CHUNK, draws - first), seed=seed, first=first).sel(service=service, year=year)
        for first in range(0, draws, CHUNK)
    ]
    demand, capacity = (np.concatenate([part[name].values for part in parts]) for name in ("demand", "capacity"))
    return demand, capacity


def _needed_at_start(ready: Prepared) -> Values:
    """What is needed at the start (services, spaces)."""
    _, count = at_start(ready)["count_start"]
    found: Values = needs(ready.case.world, ready.measured) @ count[:, : len(ready.case.world.labels(SPACE))]
    return found


def _rest(values: Values) -> Values:
    """What all other spaces have together, for each space."""
    found: Values = values.sum(axis=-1, keepdims=True) - values
    return found


def _check(ready: Prepared, service: str, year: int, draws: int) -> None:
    known, wrong = ready.case.world.labels("service"), []
    if service not in known:
        words = f"there is no {service[:60]!r}; there are {', '.join(known)}{nearest(service[:60], known)}"
        wrong.append(Problem("service", words))
    if year not in ready.years:
        wrong.append(Problem("year", f"{year} was not projected, only {', '.join(map(str, ready.years))}"))
    if draws < 1:
        wrong.append(Problem("draws", f"{draws} is not 1 or more"))
    if wrong:
        raise InputError("projection", wrong)
