"""From yearly rates by five years of age to what happens to a cohort in one step, of five years or of one.

Arrays are (steps, sexes, ages, spaces); women come first. A cohort is as old as it is at the end of a step, but for
those who die, who are as old as they were at its start.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocate.errors import InputError, Problem
from allocate.lifetable import five_years, life_table, one_year
from allocate.world import World

type Values = np.ndarray[Any, np.dtype[np.float64]]
type Whole = np.ndarray[Any, np.dtype[np.int64]]

SEXES: Final = ("women", "men")
GROUP: Final = 5
"""Years of age in a group of the World."""
STEPS: Final = (5, 1)
PERIOD: Final = re.compile(r"([1-9][0-9]{3})-([0-9]{4})")


@dataclass(frozen=True)
class Calendar:
    """The steps of a projection: how many years each is, from when to when, and in which period each lies."""

    step: int
    start: int
    ends: tuple[int, ...]
    period: tuple[int, ...]

    @classmethod
    def of(cls, periods: Sequence[str]) -> Calendar:
        """All steps of five years that the periods hold.

        Raises :class:`InputError` for periods that are not five years each and do not follow one another.
        """
        found = [PERIOD.fullmatch(period) for period in periods]
        spans = [(int(match[1]), int(match[2])) for match in found if match]
        follow = all(before[1] == after[0] for before, after in itertools.pairwise(spans))
        if len(spans) < len(periods) or not follow or any(b - a != GROUP for a, b in spans):
            words = f"{', '.join(periods)[:80]} are not five years each, one after the other, as 2016-2021, 2021-2026"
            raise InputError("projection", [Problem("period", words)])
        return cls(GROUP, spans[0][0], tuple(end for _, end in spans), tuple(range(len(spans))))

    @classmethod
    def until(cls, periods: Sequence[str], last: int, step: int = GROUP) -> Calendar:
        """The steps from the first year of the periods to the end of the year ``last``.

        >>> Calendar.until(["2016-2021", "2021-2026"], 2026).ends
        (2021, 2026)

        Raises :class:`InputError` as :meth:`of` does, and for years that the periods do not reach.
        """
        whole = cls.of(periods)
        start, end = whole.start, whole.ends[-1]
        if step not in STEPS:
            raise InputError("projection", [Problem("step", f"{step} is not 5 or 1 (years)")])
        if not start < last <= end or (last - start) % step:
            every = f", in steps of {step}" if step > 1 else ""
            raise InputError("projection", [Problem("years", f"{last} is not a year after {start} up to {end}{every}")])
        ends = tuple(range(start + step, last + 1, step))
        return cls(step, start, ends, tuple((year - step - start) // GROUP for year in ends))


def numbers(world: World, name: str, *dims: str) -> Values:
    """A datum as an array over dims in the order given."""
    return np.array(world.data[name].transpose(*dims).values, dtype=float, order="C")


def single(people: Values) -> Values:
    """People of five years of age (..., n, spaces) divided over single years (..., 5 (n - 1) + 1, spaces).

    Each five years keep their sum; the last group is open and stays whole. The number below an age runs through the
    ends of the groups without turning back (F. Fritsch, R. Carlson, *Monotone Piecewise Cubic Interpolation*, 1980).

    >>> single(np.array([[50.0], [100.0], [30.0]])).round(1).ravel().tolist()
    [6.3, 8.5, 10.4, 11.9, 12.9, 14.9, 17.9, 20.4, 22.5, 24.3, 30.0]
    """
    from scipy.interpolate import PchipInterpolator  # here, because few who read figures split them

    closed = people[..., :-1, :]
    below = np.concatenate([np.zeros_like(closed[..., :1, :]), np.cumsum(closed, axis=-2)], axis=-2)
    ends = GROUP * np.arange(below.shape[-2])
    curve = PchipInterpolator(ends, below, axis=-2)
    split = np.maximum(np.diff(curve(np.arange(ends[-1] + 1)), axis=-2), 0.0)
    return np.concatenate([split, people[..., -1:, :]], axis=-2)


def by_age(values: Values, step: int, axis: int) -> Values:
    """What each five years of age have, for each age of the step: the same, or one for each single year."""
    if step == GROUP:
        return values
    count = values.shape[axis]
    return np.take(values, np.repeat(np.arange(count), [*[GROUP] * (count - 1), 1]), axis=axis)


def hazards(world: World, calendar: Calendar) -> tuple[Values, Values]:
    """Cumulative hazards of dying in a step: (steps, sexes, ages, spaces), and of those born in it (steps, sexes,
    spaces)."""
    rates = numbers(world, "death_rate", "period", "sex", "space", "life_age")
    survive = five_years if calendar.step == GROUP else one_year
    both = [survive(life_table(rates[:, x], SEXES[x] == "women")) for x in range(len(SEXES))]
    born = np.stack([of_born for of_born, _ in both], axis=1)
    ages = np.stack([of_ages for _, of_ages in both], axis=1).swapaxes(2, 3)
    when = list(calendar.period)
    return -np.log(ages)[when], -np.log(born)[when]


def births(world: World, calendar: Calendar) -> tuple[Values, int]:
    """Births for a woman and step (steps, ages of mothers, spaces), and which age the first of them is."""
    ages = [int(label.split("-")[0]) for label in world.labels("mother_age")]
    first = ages[0] // calendar.step
    rates = calendar.step * numbers(world, "birth_rate", "period", "mother_age", "space")[list(calendar.period)]
    if calendar.step == GROUP:
        return rates, first
    return np.repeat(rates, GROUP, axis=1), first


def leaving(world: World, calendar: Calendar) -> Values:
    """Odds of leaving in a step, by age at its end (steps, sexes, ages, spaces): half of it at the age before.

    Who is born in a step is there for half of it.
    """
    rates = by_age(numbers(world, "leaving", "period", "sex", "age", "space"), calendar.step, axis=2)
    before = np.concatenate([np.zeros_like(rates[:, :, :1]), rates[:, :, :-1]], axis=2)
    return np.expm1(calendar.step * (before + rates) / 2)[list(calendar.period)]


def corridors(world: World) -> Values:
    """Where leavers go (periods, origins, destinations), each row adding up to 1, nobody to where they are.

    Raises :class:`InputError` for an origin without destination.
    """
    pull = numbers(world, "corridor", "period", "space", "destination")
    pull = pull * numbers(world, "attraction", "period", "space")[:, None, :]
    pull[:, np.arange(pull.shape[1]), np.arange(pull.shape[1])] = 0.0
    total = pull.sum(axis=2, keepdims=True)
    if not total.all():
        stuck = [world.labels("space")[s] for s in np.flatnonzero((total == 0).any(axis=0).ravel())]
        words = f"nobody who leaves {', '.join(stuck[:8])} has anywhere to go"
        raise InputError(world.name, [Problem("corridor", words)])
    return pull / total


def arrivals(world: World, calendar: Calendar) -> Values:
    """Net arrivals from abroad in a step, by age at its end (steps, sexes, ages, spaces).

    Half of them come at the age before.
    """
    rates = numbers(world, "arrivals", "period", "sex", "age", "space")
    if calendar.step != GROUP:
        rates = single(rates)
    older = np.concatenate([np.zeros_like(rates[:, :, :1]), rates[:, :, :-1]], axis=2) / 2
    older[:, :, -1] += rates[:, :, -1] / 2  # of the last age, those who came at it are in it still
    return calendar.step * (rates / 2 + older)[list(calendar.period)]


def start(world: World, calendar: Calendar) -> Values:
    """People when the projection starts (sexes, ages, spaces)."""
    people = numbers(world, "people", "sex", "age", "space")
    return people if calendar.step == GROUP else single(people)
