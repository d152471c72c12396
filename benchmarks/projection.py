"""Many draws of people, beside chunked numpy: ``python -m benchmarks projection``.

One workload for all: 52 spaces, two sexes, five-year ages over six steps or single years over thirty, every age and sex
with a matrix of its own for where it goes, five rates that vary by draw; people by space and step come out. numpy works on
chunks of draws, each product one call of BLAS, with arrays that are used again; the best chunk of several is shown.
CPU seconds, interleaved, of one thread; then two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from allocate.kernels import Inputs

SPACES: Final = 52
GROUPS: Final = 9

type Values = np.ndarray[Any, np.dtype[Any]]


def made_up(years: int, steps: int, seed: int = 0, measures: int = 6, services: int = 7) -> Inputs:
    """Inputs of the size of South Africa with ages of so many years; every sex and age has its own corridor.

    >>> made_up(5, 6).people.shape
    (2, 18, 52)
    """
    chance = np.random.default_rng(seed)
    age = np.arange(0, 90 if years == 5 else 91, years) + years / 2
    ages = len(age)
    place = chance.uniform(0, 1200, (SPACES, 2))
    size = chance.lognormal(0, 0.8, SPACES)
    shape = np.exp(-age / 32)
    people = 31e6 * np.multiply.outer(np.stack([shape, shape]) / shape.sum(), size / size.sum())
    death = 0.004 * np.exp(-age / 2.5) + 0.0006 * np.exp(0.075 * np.maximum(age - 20, 0))
    move = 0.004 + 0.02 * np.exp(-0.1 * age) + 0.06 * np.exp(-0.1 * (age - 20) - np.exp(-0.4 * (age - 20)))
    mothers = np.flatnonzero((age > 15) & (age < 50))
    bearing = np.exp(-(((age[mothers] - 27) / 8) ** 2) / 2)
    over = (steps, 2, ages, SPACES)
    hazard = years * np.broadcast_to(np.multiply.outer(np.minimum(death, 0.4), chance.lognormal(0, 0.1, SPACES)), over)
    count = people.sum(axis=(0, 1)) / 3.3
    built = np.cumsum(np.full(steps, 0.02 * years))[:, None, None] * chance.lognormal(0, 0.3, (services, SPACES)) * count
    adults = np.broadcast_to((age > 18) * 0.45, (2, ages))
    weight = np.ones((measures, 2, ages, SPACES)) * np.stack([adults] * measures)[..., None]
    if measures:
        weight[0] = 1
    if measures > 2:
        weight[1, 1], weight[2, 0] = 0, 0
    need = np.zeros((steps, services, measures))
    need[:, :, -1:] = 1
    return Inputs(
        people=people,
        count_sd=np.full(SPACES, 0.01),
        hazard=hazard,
        newborn_hazard=np.full((steps, 2, SPACES), 0.03),
        fertility=np.broadcast_to(years * (2.4 / years * bearing / bearing.sum())[:, None], (steps, len(mothers), SPACES)),
        youngest_mother=int(mothers[0]),
        boys=0.507,
        odds=np.expm1(years * np.broadcast_to(np.multiply.outer(move, chance.lognormal(0, 0.3, SPACES)), over)),
        corridor=_corridors(place, size, np.concatenate([age, age])),
        corridor_of=np.broadcast_to(np.arange(2 * ages).reshape(2, ages), (steps, 2, ages)),
        arrivals=np.zeros(over),
        group=np.arange(SPACES) % GROUPS,
        shock_sd=np.outer([0.06, 0.08, 0.2, 0.15, 0.3], [0.5, 0.5, 0.7]),
        persistence=np.array([0.9, 0.85, 0.8, 0.8, 0.5]) ** (years / 5),
        weight=weight,
        factor=np.ones((steps, measures, SPACES)),
        need=need,
        stock=np.broadcast_to(0.9 * count, (steps, services, SPACES)),
        built=built,
        yields=np.ones((steps, services, SPACES)),
        delivery_common_sd=np.full(services, 0.1),
        delivery_sd=np.full(services, 0.2),
    )


def _corridors(place: Values, size: Values, age: Values) -> Values:
    """Gravity by distance, which deters the young least: a matrix for each age, rows summing to 1."""
    distance = np.hypot(*(place[:, None] - place).transpose(2, 0, 1)) + 30
    deters = 1.1 - 0.4 * np.exp(-(((age - 25) / 15) ** 2))
    flow = size**0.9 * distance ** -deters[:, None, None]
    flow[:, np.arange(SPACES), np.arange(SPACES)] = 0
    return np.asarray(flow / flow.sum(axis=2, keepdims=True))
