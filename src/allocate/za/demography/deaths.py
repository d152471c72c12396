"""Deaths: the nation's pattern by age, and each province's length of life."""

from __future__ import annotations

import numpy as np

from allocate.za.demography.labels import REFERENCE, Floats, like, periods, province_of, provinces, rows_of, wide
from allocate.za.demography.lifetables import closed, hazard_ratio
from allocate.za.folder import SEXES, table
from allocate.za.people import COLUMNS

EVERY_AGE = ("0", "1", *(str(age) for age in range(5, 105, 5)))


def national(period: str, latest: int) -> Floats:
    """National death rates of five years by sex, and by age to 100, (sex, age). Unit: 1/year.

    The source's own five years begin in years that end in 0 and 5; two of them are mixed, geometrically, by how many
    of the asked years lie in each. What is about a time after ``latest`` is left out.
    Source: United Nations, World Population Prospects 2024 (estimates to 2023, medium variant after).

    >>> national("2005-2010", 2100).shape
    (2, 22)
    """
    rows = table("national_mortality")
    first, last = map(int, period.split("-"))
    each = rows["period"].str.split("-", expand=True).astype(int)
    shared = each[1].clip(upper=last) - each[0].clip(lower=first)
    weight = shared.clip(lower=0).where(each[1] <= latest, 0)
    used = rows.assign(weight=weight)[weight > 0]
    logs = sum(
        part["weight"].iloc[0] * np.log(wide(part, EVERY_AGE, sex=tuple(COLUMNS[sex] for sex in SEXES)))
        for _, part in used.groupby("period")
    )
    return np.asarray(np.exp(logs / used.groupby("period")["weight"].first().sum()))


def of_world(as_of: int, period: str) -> Floats:
    """The national rates that a period of a world takes, (sex, age): as of 2011, nothing about a later time.

    >>> np.allclose(of_world(2011, "2041-2046"), national("2005-2010", 2011))
    True
    """
    return national(like(as_of, period), 2011 if as_of == 2011 else 2100)


def expectations(period: str) -> Floats:
    """Published expectation of life at birth by province and sex, (province, sex). Unit: year.

    Source: Statistics South Africa, Mid-year population estimates 2020.

    >>> float(expectations("2016-2021")[provinces().index("WC"), 0])
    71.0
    """
    rows = rows_of("provincial_rates", period=period)
    return wide(rows, tuple(f"e0_{COLUMNS[sex]}" for sex in SEXES), province=provinces())


def ratios(standard: Floats, years: Floats) -> Floats:
    """How many times the standard's risk each province has at every age, (province, sex).

    ``standard`` is (sex, age) and ``years`` the expectation of life to be met, (province, sex).

    >>> ratios(np.full((2, 22), 0.02), np.array([[50.0, 50.0]])).round(2)
    array([[1., 1.]])
    """
    found = [[hazard_ratio(standard[place], sex, row[place]) for place, sex in enumerate(SEXES)] for row in years]
    return np.array(found)


def death_rate(as_of: int) -> Floats:
    """Deaths for a person and year lived, (space, sex, life_age, period). Unit: 1/year.

    In the reference years every province has the expectation of life published for it: the nation's rates are
    multiplied by one number a province and sex. That number is held; the nation's rates go their published way, or,
    as of 2011, stay.

    >>> death_rate(2011).shape
    (52, 2, 19, 7)
    """
    standard = of_world(as_of, REFERENCE[as_of])
    times = ratios(standard, expectations(REFERENCE[as_of]))
    path = [of_world(as_of, period) for period in periods(as_of)]
    rates = [
        [[closed(now[place] * row[place], sex) for place, sex in enumerate(SEXES)] for row in times] for now in path
    ]
    return np.moveaxis(np.array(rates), 0, -1)[province_of()]
