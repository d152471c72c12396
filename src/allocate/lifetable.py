"""Life tables: from death rates by age to how many live on, for steps of five years and of one.

Ages are those of an abridged table: the first year of life, 1 to 4, then five years each, the last open. The last axis
of every array is age.

Source: S. Preston, P. Heuveline, M. Guillot, *Demography: Measuring and Modeling Population Processes* (2001), chapter
3; the first years of life after A. Coale, P. Demeny, *Regional Model Life Tables* (1983), as given there in table 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

type Values = np.ndarray[Any, np.dtype[np.float64]]

HIGH_INFANT = 0.107
"""Death rate of the first year from which on its deaths are no longer earlier where they are fewer."""


LAST_ALIVE = 1 - 1e-9
"""Nobody's death is certain in an age, however high its rate, so that ratios of survivors stay numbers."""


@dataclass(frozen=True, eq=False)
class LifeTable:
    """Of one born: ``alive`` (..., n) at the start of each age, and ``lived`` (..., n) years in it."""

    alive: Values
    lived: Values

    @property
    def expectancy(self) -> Values:
        """Life expectancy at birth (...,), in years."""
        total: Values = self.lived.sum(axis=-1)
        return total


def life_table(death_rate: Values, female: bool) -> LifeTable:
    """The life table of death rates (..., n) a year, n at least 3.

    >>> table = life_table(np.array([0.03, 0.002, 0.001, 0.01, 0.1]), female=True)
    >>> table.alive.round(3).tolist(), table.expectancy.round(2).item()
    ([1.0, 0.971, 0.963, 0.958, 0.911], 23.43)
    """
    width = np.array([1.0, 4.0, *[5.0] * (death_rate.shape[-1] - 3)])
    closed = death_rate[..., :-1]
    after = _lived_by_the_dying(closed, female)
    dying = np.minimum(width * closed / (1 + (width - after) * closed), LAST_ALIVE)
    start = np.ones((*death_rate.shape[:-1], 1))
    alive = np.concatenate([start, np.cumprod(1 - dying, axis=-1)], axis=-1)
    deaths = alive[..., :-1] * dying
    lived = width * alive[..., 1:] + after * deaths
    return LifeTable(alive, np.concatenate([lived, alive[..., -1:] / death_rate[..., -1:]], axis=-1))


def _lived_by_the_dying(closed: Values, female: bool) -> Values:
    """Years that those who die in an age live in it, on average: half of them, but for the first years of life."""
    infant = np.minimum(closed[..., 0], HIGH_INFANT)
    years = np.full(closed.shape, 2.5)
    if female:
        years[..., 0], years[..., 1] = 0.053 + 2.8 * infant, 1.522 - 1.518 * infant
    else:
        years[..., 0], years[..., 1] = 0.045 + 2.684 * infant, 1.651 - 2.816 * infant
    return years


def five_years(table: LifeTable) -> tuple[Values, Values]:
    """Who lives on through five years: of those born in them (...,), and of each five years of age (..., n - 1).

    Ages are 0 to 4, 5 to 9 and so on, the last open. The last two groups end in the open one, together.

    >>> born, ages = five_years(life_table(np.array([0.03, 0.002, 0.001, 0.01, 0.1]), female=True))
    >>> born.round(3).item(), ages.round(3).tolist()
    (0.968, [0.993, 0.973, 0.661, 0.661])
    """
    lived = np.concatenate([table.lived[..., :2].sum(axis=-1, keepdims=True), table.lived[..., 2:]], axis=-1)
    ages = lived[..., 1:] / lived[..., :-1]
    last = lived[..., -1:] / lived[..., -2:].sum(axis=-1, keepdims=True)
    return lived[..., 0] / 5, np.concatenate([ages[..., :-1], last, last], axis=-1)


def one_year(table: LifeTable) -> tuple[Values, Values]:
    """Who lives on through one year: of those born in it (...,), and of each year of age (..., a), the last open.

    Between the ages of the table the rate of dying is constant, so that five years of it come to the same.

    >>> born, ages = one_year(life_table(np.array([0.03, 0.002, 0.001, 0.01, 0.1]), female=True))
    >>> born.round(4).item(), ages.shape, ages[-1].round(3).item()
    (0.9748, (16,), 0.905)
    """
    count = table.alive.shape[-1]
    exact = np.array([0, 1, *range(5, 5 * (count - 1), 5)])
    years = np.arange(exact[-1] + 1)
    into = np.searchsorted(exact, years[:-1], side="right") - 1
    width = np.diff(exact)[into]
    share = table.alive[..., 1:][..., into] / table.alive[..., into]
    alive = table.alive[..., into] * share ** ((years[:-1] - exact[into]) / width)
    rate = -np.log(share) / width
    lived = alive * np.where(rate > 0, -np.expm1(-rate) / np.where(rate > 0, rate, 1.0), 1.0)
    lived[..., 0] = table.lived[..., 0]
    closed = lived[..., 1:] / lived[..., :-1]
    open_rate = table.alive[..., -1] / table.lived[..., -1]
    kept = np.exp(-open_rate)
    first = table.alive[..., -1] * -np.expm1(-open_rate) / open_rate
    into_open = first / lived[..., -1]
    ages = np.concatenate([closed, into_open[..., None], kept[..., None]], axis=-1)
    return lived[..., 0], ages
