"""Life tables: from death rates by age to years lived, and to the expectation of life at birth.

Source of the method: Preston, Heuveline and Guillot (2001), Demography: Measuring and Modeling Population Processes,
chapter 3; years lived in the first two groups after Coale and Demeny, West, as their table 3.3 gives them.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from allocate.errors import InputError, Problem
from allocate.za.demography.labels import LIFE_AGES, Floats

# Years lived by those who die in a group, from the rate m of the first year: (where m is at least 0.107; else base and
# slope), in the first year of life and in ages 1 to 4.
COALE_DEMENY = {
    "women": ((0.350, 0.053, 2.800), (1.361, 1.522, -1.518)),
    "men": ((0.330, 0.045, 2.684), (1.352, 1.651, -2.816)),
}
HIGH_INFANT = 0.107


def _lived_by_the_dead(rates: Floats, sex: str) -> Floats:
    years = np.full(rates.size, 2.5)
    for group, (high, base, slope) in enumerate(COALE_DEMENY[sex]):
        years[group] = high if rates[0] >= HIGH_INFANT else base + slope * rates[0]
    return years


def survivors(rates: Floats, sex: str) -> Floats:
    """Of one birth, who is alive at the beginning of each age.

    ``rates`` are deaths for a person and year lived in the first year of life, in ages 1 to 4, in groups of five years,
    and in a last group without end; ``sex`` is ``women`` or ``men``.

    >>> survivors(np.array([0.0, 0.0, 0.04, 0.1]), "women").round(4).tolist()
    [1.0, 1.0, 1.0, 0.8182]
    """
    width = np.array([1.0, 4.0, *([5.0] * (rates.size - 3))])
    rate, lived = rates[:-1], _lived_by_the_dead(rates, sex)[:-1]
    dying = np.minimum(width * rate / (1 + (width - lived) * rate), 1.0)
    return np.concatenate([[1.0], np.cumprod(1 - dying)])


def person_years(rates: Floats, sex: str) -> Floats:
    """Years lived in each age by one who is born, by the rates of :func:`survivors`. Unit: year.

    >>> person_years(np.array([0.0, 0.0, 0.0, 0.1]), "men").tolist()
    [1.0, 4.0, 5.0, 10.0]

    Raises :class:`~allocate.errors.InputError` unless rates are numbers from 0 upwards, the last above 0.
    """
    if rates.size < 4 or not np.isfinite(rates).all() or (rates < 0).any() or rates[-1] == 0:
        words = "are four or more numbers from 0 upwards, and the last is above 0"
        raise InputError("life table", [Problem("rates", words)])
    alive = survivors(rates, sex)
    width = np.array([1.0, 4.0, *([5.0] * (rates.size - 3))])
    dead = -np.diff(alive)
    return np.append(width * alive[1:] + _lived_by_the_dead(rates, sex)[:-1] * dead, alive[-1] / rates[-1])


def expectation(rates: Floats, sex: str) -> float:
    """Expectation of life at birth. Unit: year.

    >>> expectation(np.array([0.0, 0.0, 0.0, 0.1]), "men")
    20.0
    """
    return float(person_years(rates, sex).sum())


def closed(rates: Floats, sex: str) -> Floats:
    """The same rates with one last group from 85: its rate is deaths over years lived there.

    Expectations at birth and at 85 stay as they were.

    >>> closed(np.full(22, 0.05), "women").size == len(LIFE_AGES)
    True
    """
    last = len(LIFE_AGES) - 1
    alive, lived = survivors(rates, sex), person_years(rates, sex)
    return np.append(rates[:last], alive[last] / lived[last:].sum())


def hazard_ratio(rates: Floats, sex: str, target: float) -> float:
    """The one number by which all rates are multiplied for life to be expected ``target`` years at birth.

    A proportional hazard: every age's risk stands to the standard's as one number. Solved by Brent's method.

    >>> standard = np.full(22, 0.02)
    >>> ratio = hazard_ratio(standard, "women", 60.0)
    >>> round(expectation(standard * ratio, "women"), 9)
    60.0

    Raises :class:`~allocate.errors.InputError` where no ratio from 1/20 to 20 reaches the target.
    """

    def miss(power: float) -> float:
        return expectation(rates * np.exp(power), sex) - target

    widest = float(np.log(20))
    if not miss(widest) < 0 < miss(-widest):
        raise InputError("life table", [Problem("target", f"{target:g} years is out of reach of these rates")])
    return float(np.exp(brentq(miss, -widest, widest, xtol=1e-14, rtol=1e-14)))
