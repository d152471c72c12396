"""Who moves: how often at each age, between which spaces, and who arrives from abroad.

Moves between provinces are published, nine by nine; where in a province they begin and end, and every move inside a
province, is estimated by a gravity model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from allocate.za.demography.labels import (
    AGES,
    REFERENCE,
    YEARS,
    Floats,
    by_province,
    parameter,
    periods,
    province_of,
    provinces,
    rows_of,
)
from allocate.za.folder import array, table
from allocate.za.margins import fit_margins

EARTH = 6371.0088  # mean radius, km
STEEPEST = 5.0
ABROAD = "OUTSIDE_SA_NET"


def schedule() -> Floats:
    """How often people of each age move, beside each other: only proportions count, (age).

    Children move with their parents, the young most, nobody more in old age. The model schedule without a retirement
    peak and its parameters: Rogers and Castro (1981), Model Migration Schedules, IIASA RR-81-30. An age takes the mean
    over its five years; the last is taken to 90.

    >>> AGES[int(schedule().argmax())]
    '20-24'
    """
    a1, alpha1, a2, alpha2, mu2, lambda2, c = (
        parameter("schedule", name) for name in ("a1", "alpha1", "a2", "alpha2", "mu2", "lambda2", "c")
    )
    age = np.arange(5 * len(AGES)) + 0.5
    since = age - mu2
    rate = a1 * np.exp(-alpha1 * age) + a2 * np.exp(-alpha2 * since - np.exp(-lambda2 * since)) + c
    return np.asarray(rate.reshape(len(AGES), 5).mean(axis=1))


def distances() -> Floats:
    """Great-circle kilometres between the population-weighted centres of spaces, (space, space).

    >>> int(distances().max())
    1679
    """
    rows = table("spaces")
    lat, lon = np.radians(rows["popw_lat"].to_numpy()), np.radians(rows["popw_lon"].to_numpy())
    across = np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.sqrt(np.sin((lat[:, None] - lat) / 2) ** 2 + across)))


def published(period: str) -> Floats:
    """People who moved between provinces in five years, (origin, destination), 0 on the diagonal. Unit: person.

    Source: Statistics South Africa, Mid-year population estimates 2020: model assumptions, not counts.

    >>> int(published("2016-2021").sum())
    2776102
    """
    rows = rows_of("migration", period=period)
    codes = provinces()
    return array(rows, value="migrants", fill=0, origin=codes, destination=codes)


def reach(people: Floats, apart: Floats, decay: float) -> Floats:
    """What a gravity model lets flow between two places: people x people / distance ** decay; 0 from a place to itself.

    >>> reach(np.array([2.0, 3.0]), np.array([[0.0, 10.0], [10.0, 0.0]]), 1.0)
    array([[0. , 0.6],
           [0.6, 0. ]])
    """
    far = np.where(np.eye(people.size, dtype=bool), np.inf, apart)
    return np.asarray(people[:, None] * people * far**-decay)


def between(flows: Floats, group: np.ndarray[tuple[int], np.dtype[np.intp]], groups: int) -> Floats:
    """Flows between places, (n, n), summed to flows between the groups, 0 upwards, that the places are in, (n).

    >>> between(np.array([[0.0, 1, 2], [3, 0, 4], [5, 6, 0]]), np.array([0, 0, 1]), 2)
    array([[ 4.,  6.],
           [11.,  0.]])
    """
    member = np.eye(groups)[group]
    return np.asarray(member.T @ flows @ member)


@dataclass(frozen=True)
class Gravity:
    """A gravity model between groups of places: how fast flows fall with distance, and what one unit of reach sends."""

    decay: float
    scale: float


def fit_gravity(
    flows: Floats, people: Floats, apart: Floats, group: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> Gravity:
    """Fit how fast flows between groups of places fall with distance, by Poisson pseudo-maximum likelihood.

    Each group sends and receives what it does (a doubly constrained model: Wilson 1971, Environment and Planning 3), so
    only distance is fitted: for a given decay the likelihood is greatest where the margins are met, which iterative
    proportional fitting does, and one search over decay is left. Pseudo-likelihood needs no Poisson counts, only the
    right mean (Santos Silva and Tenreyro 2006, Review of Economics and Statistics 88(4)). ``scale`` is flows over
    reach, all pairs of groups together.

    Shapes: flows (g, g) with 0 on the diagonal, people (n), apart (n, n), group (n).

    >>> people, apart = np.array([4.0, 3.0, 2.0, 1.0]), np.abs(np.subtract.outer([0, 1, 4, 6], [0, 1, 4, 6]))
    >>> found = fit_gravity(10 * reach(people, apart, 1.5), people, apart, np.arange(4))
    >>> round(found.decay, 4), round(found.scale, 2)
    (1.5, 10.0)
    """
    apart_groups = ~np.eye(len(flows), dtype=bool)

    def expected(decay: float) -> Floats:
        return np.where(apart_groups, between(reach(people, apart, decay), group, len(flows)), 0.0)

    def loss(decay: float) -> float:
        fitted = fit_margins(expected(decay), flows.sum(axis=1), flows.sum(axis=0))[apart_groups]
        return float((fitted - flows[apart_groups] * np.log(fitted)).sum())

    decay = float(minimize_scalar(loss, bounds=(0.0, STEEPEST), method="bounded", options={"xatol": 1e-9}).x)
    return Gravity(decay, float(flows.sum() / expected(decay).sum()))


def flows_between_spaces(
    flows: Floats, people: Floats, apart: Floats, group: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> Floats:
    """Flows between places that add up to published flows between their groups, (n, n), 0 on the diagonal.

    Between two groups the gravity model only divides what is published. Inside a group nothing is published: what
    flows is what the model lets flow between groups on the whole, at the distances inside. As many go as come between
    any two places of a group, so no place gains from another in its group: nothing in the data says which would.
    Shapes as in :func:`fit_gravity`.

    >>> flows = np.array([[0.0, 6.0, 1.0], [4.0, 0.0, 2.0], [3.0, 1.0, 0.0]])
    >>> people, apart = np.array([3.0, 1.0, 2.0, 2.0]), 1 + np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    >>> found = flows_between_spaces(flows, people, apart, np.array([0, 0, 1, 2]))
    >>> between(found, np.array([0, 0, 1, 2]), 3).round(9)[0, 1:].tolist(), bool(found[0, 1] == found[1, 0])
    ([6.0, 1.0], True)
    """
    found = fit_gravity(flows, people, apart, group)
    pulled = reach(people, apart, found.decay)
    total = between(pulled, group, len(flows))
    inside = np.eye(len(flows), dtype=bool)
    times = np.where(inside, found.scale, flows / np.where(total > 0, total, 1.0))
    return np.asarray(pulled * times[np.ix_(group, group)])


@dataclass(frozen=True, eq=False)
class Moves:
    """How often people leave each space, (space, sex, age, period), and where they go, (space, destination, period)."""

    leaving: Floats
    corridor: Floats


def moves(as_of: int, people: Floats) -> Moves:
    """Leaving and corridors that reproduce the published moves between provinces.

    ``people`` is (space, sex, age). The published moves of the reference years are taken to leave the people of the
    start, five years long: leaving x 5 x people, along the corridors, is the published matrix to the person. The
    reference years' rates are held. Units: 1/year, and shares of who leaves.

    >>> moves(2016, np.ones((52, 2, 18))).corridor.shape
    (52, 52, 6)
    """
    every = people.sum(axis=(1, 2))
    flows = flows_between_spaces(published(REFERENCE[as_of]), every, distances(), province_of())
    gone, age = flows.sum(axis=1), schedule()
    level = gone / (YEARS * (people * age).sum(axis=(1, 2)))
    many = len(periods(as_of))
    leaving = level[:, None, None, None] * np.ones((1, people.shape[1], 1, many)) * age[:, None]
    return Moves(leaving, np.repeat((flows / gone[:, None])[..., None], many, axis=-1))


def arrivals(as_of: int, people: Floats) -> Floats:
    """Net arrivals from abroad in a year, (space, sex, age, period), held at the reference years. Unit: person/year.

    The published total of a province is shared over its spaces, sexes and ages by people x how often their age moves.
    Source: Statistics South Africa, Mid-year population estimates 2020, net row; how it is shared is assumed.

    >>> int((5 * arrivals(2016, np.ones((52, 2, 18)))[..., 0]).sum().round())
    826261
    """
    rows = rows_of("migration", period=REFERENCE[as_of], origin=ABROAD)
    yearly = array(rows, value="migrants", destination=provinces()) / YEARS
    weight = people * schedule()
    share = weight / by_province(weight.sum(axis=(1, 2)))[province_of()][:, None, None]
    return np.repeat((share * yearly[province_of()][:, None, None])[..., None], len(periods(as_of)), axis=-1)
