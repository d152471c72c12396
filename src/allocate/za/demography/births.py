"""Births: the nation's pattern by age of mother, and each province's level."""

from __future__ import annotations

import numpy as np

from allocate.za.demography.labels import (
    REFERENCE,
    Floats,
    like,
    periods,
    province_of,
    provinces,
    rows_of,
    shares_of_years,
)
from allocate.za.folder import array, table

EVERY_AGE = ("10-14", *(f"{low}-{low + 4}" for low in range(15, 50, 5)), "50-54")


def national(period: str) -> Floats:
    """Births for a woman and year lived, by age of mother, (mother_age), the mean of five years. Unit: 1/year.

    Births before 15 and from 50 are counted to the nearest age that the projection has, so total fertility is kept.
    Source: United Nations, World Population Prospects 2024 (estimates to 2023, medium variant after).

    >>> round(5 * float(national("2016-2021").sum()), 3)
    2.266
    """
    rows = table("national_fertility").set_index("year")
    each = rows[list(EVERY_AGE)].mul(rows["tfr"] / 100 / 5, axis=0)
    mean = np.asarray(sum(share * each.loc[year].to_numpy() for year, share in shares_of_years(period).items()))
    mean[1] += mean[0]
    mean[-2] += mean[-1]
    return mean[1:-1]


def fertility(period: str) -> Floats:
    """Published total fertility by province, (province). Unit: 1.

    Source: Statistics South Africa, Mid-year population estimates 2020.

    >>> float(fertility("2016-2021")[provinces().index("EC")])
    2.85
    """
    return array(rows_of("provincial_rates", period=period), value="tfr", province=provinces())


def birth_rate(as_of: int) -> Floats:
    """Births for a woman and year lived, (space, mother_age, period). Unit: 1/year.

    In the reference years every province has the total fertility published for it; later the nation's path moves all
    provinces alike, or, as of 2011, nothing moves.

    >>> birth_rate(2016).shape
    (52, 7, 6)
    """
    level = fertility(REFERENCE[as_of]) / (5 * national(REFERENCE[as_of]).sum())
    path = np.stack([national(like(as_of, period)) for period in periods(as_of)], axis=-1)
    return (level[:, None, None] * path)[province_of()]


def boys(as_of: int) -> float:
    """The share of births that are boys, from the sex ratio at birth of the reference years. Unit: 1.

    Source: United Nations, World Population Prospects 2024; 1.04 boys a girl in South Africa.

    >>> round(boys(2016), 4)
    0.51
    """
    each = table("national_annual").set_index("year")["sex_ratio_at_birth"]
    ratio = float(sum(share * each[year] for year, share in shares_of_years(REFERENCE[as_of]).items()))
    return ratio / (1 + ratio)
