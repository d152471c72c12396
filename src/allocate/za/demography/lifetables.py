"""Life tables of the World: one last group from 85, and the shift of a pattern that gives an expectation of life."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from allocate.errors import InputError, Problem
from allocate.lifetable import LifeTable, life_table
from allocate.za.demography.labels import LIFE_AGES, Floats


def table_of(rates: Floats, sex: str) -> LifeTable:
    """The life table of deaths for a person and year lived, by ``sex``, ``women`` or ``men``.

    Ages are the first year of life, 1 to 4, groups of five years, and a last group without end.

    >>> table_of(np.array([0.0, 0.0, 0.0, 0.1]), "men").lived.tolist()
    [1.0, 4.0, 5.0, 10.0]

    Raises :class:`~allocate.errors.InputError` unless rates are numbers from 0 upwards, the last above 0.
    """
    if rates.size < 4 or not np.isfinite(rates).all() or (rates < 0).any() or rates[-1] == 0:
        words = "are four or more numbers from 0 upwards, and the last is above 0"
        raise InputError("life table", [Problem("rates", words)])
    return life_table(rates, sex == "women")


def expectation(rates: Floats, sex: str) -> float:
    """Expectation of life at birth. Unit: year.

    >>> expectation(np.array([0.0, 0.0, 0.0, 0.1]), "men")
    20.0
    """
    return float(table_of(rates, sex).expectancy)


def closed(rates: Floats, sex: str) -> Floats:
    """The same rates with one last group from 85: its rate is deaths over years lived there.

    Expectations at birth and at 85 stay as they were.

    >>> closed(np.full(22, 0.05), "women").size == len(LIFE_AGES)
    True
    """
    last, table = len(LIFE_AGES) - 1, table_of(rates, sex)
    return np.append(rates[:last], table.alive[last] / table.lived[last:].sum())


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
