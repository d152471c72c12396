"""How far rates stray from their path: standard deviations and persistence, from what had been seen at the time.

Every estimator is small because the evidence is: a dozen years of a national series, one or two changes of nine
provinces, nine provinces left out one by one. None was chosen, or is corrected, by what came later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocate.errors import InputError, Problem
from allocate.za.demography import moves as flows_of
from allocate.za.demography.births import fertility
from allocate.za.demography.deaths import expectations, national
from allocate.za.demography.labels import (
    AGES,
    MOTHER_AGES,
    RATES,
    YEARS,
    Floats,
    by_province,
    parameter,
    province_of,
    provinces,
    rows_of,
    shares_of_years,
)
from allocate.za.demography.lifetables import hazard_ratio
from allocate.za.folder import SEXES, table

LONGEST = 0.95  # of a deviation is left after a year at most: more cannot be told from a dozen years
PATTERN = "2005-2010"
SEEN = {2011: ("2001-2006", "2006-2011"), 2016: ("2001-2006", "2006-2011", "2011-2016")}


@dataclass(frozen=True)
class Wander:
    """How a rate wanders about its path: its standard deviation in the long run, and what is left after a year."""

    sd: float
    persistence: float


@dataclass(frozen=True)
class Parts:
    """Standard deviations of what is one place's own, and of what all places share."""

    own: float
    common: float


def wander(series: Floats) -> Wander:
    """How a yearly series wanders about a straight line, as a first-order autoregression.

    ``series`` holds at least eight years of logarithms. What is left of a deviation after a year is fitted by least
    squares, raised by the bias that a short series about a fitted line has, (2 + 4 x it) / n (Tjostheim and Paulsen
    1983, Biometrika 70(2)), and kept within 0 and 0.95; the standard deviation of the long run follows from the yearly
    surprises, innovation / sqrt(1 - persistence ** 2).

    >>> wander(np.array([0.0, 1, 0, 1, 0, 1, 0, 1, 0, 1])).persistence
    0.0

    Raises :class:`~allocate.errors.InputError` for fewer than eight years.
    """
    if series.size < 8:
        raise InputError("series", [Problem("", f"has {series.size} years; at least 8 are needed")])
    year = np.arange(series.size)
    left = series - np.polyval(np.polyfit(year, series, 1), year)
    fitted = float(left[1:] @ left[:-1] / (left[:-1] @ left[:-1]))
    many = series.size
    persistence = float(np.clip((many * fitted + 2) / (many - 4), 0.0, LONGEST))
    surprise = left[1:] - persistence * left[:-1]
    innovation = np.sqrt(surprise @ surprise / (surprise.size - 2))
    return Wander(float(innovation / np.sqrt(1 - persistence**2)), persistence)


def from_changes(changes: Floats, persistence: float, gap: int = YEARS) -> float:
    """Standard deviation in the long run of what changes so much in ``gap`` years.

    Two values of a first-order autoregression ``gap`` years apart differ by sd x sqrt(2 (1 - persistence ** gap)).

    >>> round(from_changes(np.array([0.3, -0.3]), 0.5, gap=1), 6)
    0.3
    """
    return float(np.sqrt(np.mean(changes**2) / (2 * (1 - persistence**gap))))


def between_accounts(one: Floats, other: Floats) -> float:
    """Standard error of an account of which two exist, from how far they differ: rms of the log ratio / sqrt(2).

    It takes both for equally good and independent; where one leans on the other, the error is larger than this.

    >>> round(between_accounts(np.array([1.0, 1.0]), np.exp(np.array([0.2, -0.2]))), 6)
    0.141421
    """
    return float(np.sqrt(np.mean(np.log(one / other) ** 2) / 2))


def components(values: Floats) -> Parts:
    """Split a table (place, year) into what is a place's own in a year and what all places share in it.

    A place's usual level is taken out first. Own is the spread of what is left about the year's mean, with the degrees
    of freedom that both means cost; common is the spread of the years' means less what own spread alone gives them,
    never below 0 (variance components by moments: Searle, Casella and McCulloch 1992). Blanks are left out.

    >>> components(np.array([[0.0, 2.0], [0.0, 2.0]]))
    Parts(own=0.0, common=1.4142135623730951)
    """
    seen = np.isfinite(values)
    full = values[seen.all(axis=1)]
    places, years = full.shape
    left = full - full.mean(axis=1, keepdims=True)
    shared = left.mean(axis=0)
    own = ((left - shared) ** 2).sum() / ((places - 1) * (years - 1))
    common = (shared**2).sum() / (years - 1) - own / places
    return Parts(float(np.sqrt(own)), float(np.sqrt(max(common, 0.0))))


def left_out(flows: Floats, pull: Floats) -> Floats:
    """How far a gravity model misses each group that it was not shown: log of true over foretold, (group, 2).

    For each group the scale is fitted to the flows among the others, and all that leaves it and all that comes to it
    are foretold. ``flows`` and ``pull`` (people x people / distance ** decay) are (group, group). The first column is
    leaving, the second coming.

    >>> np.abs(left_out(np.ones((3, 3)) - np.eye(3), np.full((3, 3), 2.0))).max()
    np.float64(0.0)
    """
    groups = len(flows)
    pulled = np.where(np.eye(groups, dtype=bool), 0.0, pull)
    found = []
    for group in range(groups):
        rest = np.delete(np.arange(groups), group)
        scale = flows[np.ix_(rest, rest)].sum() / pulled[np.ix_(rest, rest)].sum()
        away, here = flows[group].sum(), flows[:, group].sum()
        found.append((away / (scale * pulled[group].sum()), here / (scale * pulled[:, group].sum())))
    return np.log(np.array(found))


def risks(as_of: int) -> Floats:
    """Logarithm of the nation's risk of death by year from 2000, beside a fixed pattern, the mean of the sexes.

    >>> risks(2011).size
    12
    """
    years = table("national_annual").set_index("year").sort_index().loc[2000:as_of, ["e0_female", "e0_male"]]
    return np.log(_ratios(years.to_numpy(dtype=np.float64))).mean(axis=1)


def _ratios(years: Floats) -> Floats:
    standard = national(PATTERN, 2011)
    return np.array([[hazard_ratio(standard[n], sex, row[n]) for n, sex in enumerate(SEXES)] for row in years])


def provincial_changes(levels: Floats) -> Floats:
    """Changes of provinces from one period to the next beside the nation's, from logarithms (period, province).

    Raised by what the nation's mean takes away from nine provinces, sqrt(9 / 8).

    >>> provincial_changes(np.array([[0.0, 0.0], [0.3, 0.1]])).round(4)
    array([[ 0.1414, -0.1414]])
    """
    change = np.diff(levels, axis=0)
    places = change.shape[1]
    return np.asarray((change - change.mean(axis=1, keepdims=True)) * np.sqrt(places / (places - 1)))


def children(people: Floats) -> float:
    """Spread of children under five for a woman of 15 to 49 between the spaces of a province, in logarithms.

    No births or deaths of a space are in the data. It stands in for what a provincial rate cannot say of a space, and
    is too large for that: children live with grandmothers, and mothers where the work is. ``people`` is (space, sex,
    age).

    >>> children(np.ones((52, 2, 18)))
    0.0
    """
    last = AGES.index(MOTHER_AGES[-1]) + 1
    women = people[:, SEXES.index("women"), AGES.index(MOTHER_AGES[0]) : last].sum(axis=1)
    young = people[:, :, 0].sum(axis=1)
    usual = by_province(young) / by_province(women)
    left = np.log(young / women / usual[province_of()])
    return float(np.sqrt((left**2).sum() / (left.size - len(provinces()))))


def _moved(period: str, people: Floats) -> Floats:
    """Logarithms of leaving for each person of a province, and of its part of all who come, (2, province)."""
    flows = flows_of.published(period)
    return np.log(np.stack([flows.sum(axis=1) / people, flows.sum(axis=0) / flows.sum()]))


def from_abroad(as_of: int) -> float:
    """Standard error of net arrivals from abroad: how far two accounts of the same five years differ.

    Sources: Mid-year population estimates 2020, and World Population Prospects 2024, every period seen.

    >>> round(from_abroad(2016), 2)
    0.59
    """
    rows = rows_of("migration", origin=flows_of.ABROAD).groupby("period")["migrants"].sum()
    net = table("national_annual").set_index("year")["net_migration_thousand"]
    seen = SEEN[as_of][1:]
    # A calendar year in the middle of the five counts whole, and half at either end: shares add up to 1, years to 5.
    other = [YEARS * 1000 * sum(share * net[year] for year, share in shares_of_years(p).items()) for p in seen]
    return between_accounts(rows[list(seen)].to_numpy(dtype=np.float64), np.array(other))


@dataclass(frozen=True, eq=False)
class Shocks:
    """Standard deviations in the long run, (rate, level), and what is left of a deviation after a year, (rate)."""

    sd: Floats
    persistence: Floats


def shocks(as_of: int, people: Floats, before: Floats) -> Shocks:
    """What rates stray by, in logarithms, from what is about the year of the world or earlier.

    ``people`` (space, sex, age) are those of the start, ``before`` those of 2011, (space).

    * Deaths and births: the nation from its yearly series; provinces from changes between five-year periods; spaces
      from the spread of children for a woman (births), and as much as provinces (deaths, assumed).
    * Leaving and attraction: spaces from provinces that the gravity model was not shown, since that is how spaces are
      known; the nation and provinces from the change between two matrices, or assumed where there is one.
    * Arrivals: the nation from two accounts; how they are shared is assumed.

    >>> young = np.linspace(2, 1, 18) * np.ones((52, 2, 1))
    >>> shocks(2011, young, np.ones(52)).persistence.tolist()
    [0.95, 0.95, 0.9, 0.9, 0.9]
    """
    deaths, births = wander(risks(as_of)), wander(_fertility(as_of))
    dying = np.stack([np.log(_ratios(expectations(period))).mean(axis=1) for period in SEEN[as_of]])
    bearing = np.stack([np.log(fertility(period)) for period in SEEN[as_of]])
    dead = from_changes(provincial_changes(dying), deaths.persistence)
    born = from_changes(provincial_changes(bearing), births.persistence)
    assumed, kept = parameter("shock", "moves"), parameter("persistence", "moves")
    leave, attract = _moves(as_of, people.sum(axis=(1, 2)), before, kept)
    sd = {
        "deaths": (deaths.sd, dead, dead),
        "births": (births.sd, born, children(people)),
        "leaving": leave,
        "attraction": attract,
        "arrivals": (from_abroad(as_of), assumed, assumed),
    }
    persistence = {"deaths": deaths.persistence, "births": births.persistence}
    return Shocks(np.array([sd[rate] for rate in RATES]), np.array([persistence.get(rate, kept) for rate in RATES]))


def _fertility(as_of: int) -> Floats:
    years = table("national_fertility").set_index("year").sort_index().loc[2000:as_of, "tfr"]
    return np.log(years.to_numpy(dtype=np.float64))


def _moves(as_of: int, people: Floats, before: Floats, kept: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Standard deviations of leaving and of attraction, each by level; the nation as a whole attracts nobody."""
    latest = flows_of.published(SEEN[as_of][-1])
    apart, group = flows_of.distances(), province_of()
    decay = flows_of.fit_gravity(latest, people, apart, group).decay
    pull = flows_of.between(flows_of.reach(people, apart, decay), group, len(provinces()))
    away, here = np.sqrt(np.mean(left_out(latest, pull) ** 2, axis=0))
    if len(SEEN[as_of]) == 2:
        assumed = parameter("shock", "moves")
        return (assumed, assumed, float(away)), (0.0, assumed, float(here))
    levels = np.stack([_moved(SEEN[as_of][-2], by_province(before)), _moved(SEEN[as_of][-1], by_province(people))])
    nation = from_changes(np.diff(levels[:, 0].mean(axis=1)), kept)
    provincial = [from_changes(provincial_changes(levels[:, part]), kept) for part in (0, 1)]
    return (nation, provincial[0], float(away)), (0.0, provincial[1], float(here))
