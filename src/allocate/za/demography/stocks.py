"""What serves people and households: how much one of them needs, what stands, what it loses and gains in a year."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.za import costs, needs
from allocate.za.demography.heads import homes
from allocate.za.demography.labels import AGES, OF_HOUSEHOLDS, SERVICES, YEARS, Floats, parameter, periods, rows_of
from allocate.za.demography.shocks import Parts, components
from allocate.za.folder import SCORED, array, spaces, table

PUBLIC = SERVICES[len(OF_HOUSEHOLDS) :]
WIDEST = 100.0


def per_household() -> Floats:
    """Units of a service that a household needs, (service): one of what serves households. Unit: 1/household.

    >>> per_household().tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    return np.array([float(service in OF_HOUSEHOLDS) for service in SERVICES])


def per_person() -> Floats:
    """Units of a service that a person of an age needs, (service, age): classrooms and clinics. Unit: 1/person.

    >>> float(per_person()[SERVICES.index("classrooms"), AGES.index("10-14")])
    0.025
    """
    found = np.zeros((len(SERVICES), len(AGES)))
    for age in ("5-9", "10-14", "15-19"):
        share = parameter("at_school", age)
        found[SERVICES.index("classrooms"), AGES.index(age)] = share / parameter("learners", "classroom")
    found[SERVICES.index("clinics")] = 1 / parameter("people_served", "clinic")
    return found


def _definitions(year: int) -> pd.DataFrame:
    own = rows_of("people_definitions", year=year).drop(columns="year")
    return own if year == 2011 else pd.concat([table("service_definitions"), own])


def served(year: int) -> Floats:
    """Households that each household service reaches, (space, service), on 2016 boundaries. Unit: household.

    The share of a topic's persons (or households) that counts as served, by ``service_definitions.csv`` and
    ``people_definitions.csv``, in the households of the space. Electricity and dwellings of 2011 were read on 2011
    boundaries, and their shares there are taken.

    >>> int(served(2016)[:, OF_HOUSEHOLDS.index("water")].sum())
    14849938
    """
    in_all = pd.DataFrame({"space": spaces(), "value": homes(year).sum(axis=1).round()})
    categories = needs.in_households(table(f"services_{year}"), in_all)
    words = needs.check_definitions(_definitions(year), categories)
    both = categories.merge(words, on=["topic", "category"])
    total = both.assign(value=both["value"] * both["served"]).groupby(["space", "service"])["value"].sum()
    return array(total.reset_index(), space=spaces(), service=OF_HOUSEHOLDS)


def need(people: Floats) -> Floats:
    """Classrooms and clinics that people, (space, sex, age), need, (space, service). Unit: 1.

    >>> need(np.full((1, 2, 18), 1000.0)).round(1)
    array([[130. ,   3.6]])
    """
    return np.asarray(people.sum(axis=1) @ per_person()[len(OF_HOUSEHOLDS) :].T)


def capacity(as_of: int, people: Floats) -> Floats:
    """Units that stand and work at the start, (space, service). Unit: 1.

    Households served. No stock of classrooms or clinics is in the data: what the people of the start need is taken to
    stand, so what a projection says of them is change alone. ``people`` is (space, sex, age).

    >>> capacity(2016, np.ones((52, 2, 18))).shape
    (52, 7)
    """
    return np.concatenate([served(as_of), need(people)], axis=1)


BETWEEN = 4.41
"""Years from the census of 2011 to the survey of 2016."""


def decay(as_of: int) -> Floats:
    """Share of what stands that stops working in a year, (space, service, period), held. Unit: 1/year.

    For households: the income-poor share over the life of the asset, because who pays keeps up what serves him
    (:func:`allocate.za.costs.survives`). Public buildings: one over their life.

    >>> decay(2016)[..., 0].mean(axis=0).round(3).tolist()
    [0.015, 0.02, 0.018, 0.077, 0.012, 0.02, 0.02]
    """
    poor = array(table("income_poverty_2011"), value="headcount", space=spaces())
    survives = costs.survives(table("service_parameters"), table("income_poverty_2011"), spaces())
    lost = 1 - array(survives, space=spaces(), service=SCORED)
    public = [np.full(poor.size, 1 / parameter("life", service)) for service in PUBLIC]
    yearly = np.column_stack([lost, poor / parameter("life", "dwelling"), *public])
    return np.repeat(yearly[..., None], len(periods(as_of)), axis=-1)


def additions(as_of: int, people: Floats) -> Floats:
    """Units added in a year unless a plan says, (space, service, period), held. Unit: 1/year.

    As of 2016: what 2011 to 2016 must have added, the change in households served a year and what stopped working
    meanwhile, never below 0; from the night of the census, 9 October 2011, to that of the survey, 6 March 2016. As of
    2011 no earlier count is in the data, and of classrooms and clinics none at all: what stops working is replaced, and
    nothing is added. ``people`` is (space, sex, age).

    >>> bool((additions(2016, np.ones((52, 2, 18))) >= 0).all())
    True
    """
    lost = decay(as_of)[..., 0]
    yearly = capacity(as_of, people) * lost
    if as_of != 2011:
        before, after, last = served(2011), served(as_of), len(OF_HOUSEHOLDS)
        yearly[:, :last] = np.maximum((after - before) / BETWEEN + lost[:, :last] * (before + after) / 2, 0.0)
    return np.repeat(yearly[..., None], len(periods(as_of)), axis=-1)


def delivered(capital: pd.DataFrame) -> Floats:
    """Logarithm of capital spending over budget by space and year, (space, year); blank where nobody reported.

    Municipalities are weighted by their capital transfers. Values beyond 100% over or under the budget are dropped, as
    the record of absorption drops them.

    >>> rows = pd.DataFrame({"space": "BUF", "financial_year_end": 2016, "against_budget": [-50.0, 900.0]})
    >>> round(float(delivered(rows.assign(capital_transfers=10))[spaces().index("BUF"), 0]), 3)
    -0.693
    """
    known = capital[(capital["against_budget"] > -WIDEST) & (capital["against_budget"] <= WIDEST)]
    known = known.sort_values(["capital_transfers", "against_budget"])  # sums must not depend on the order of rows
    weight = known["capital_transfers"].astype(float).fillna(0.0) + 1.0  # a rand, so that nobody weighs nothing
    sums = known.assign(weight=weight, spent=weight * (1 + known["against_budget"] / 100))
    sums = sums.groupby(["space", "financial_year_end"])[["spent", "weight"]].sum()
    wide = (sums["spent"] / sums["weight"]).unstack().reindex(list(spaces()))
    return np.log(wide.to_numpy(dtype=np.float64))


def delivery(as_of: int) -> Parts:
    """How far what is delivered in five years strays from what was planned: in one space, and in all together.

    As of 2016 from audited capital spending against budget, years to June 2016 to 2018, the same for every service; as
    of 2011 no such record is in the data and that of a year is assumed. Luck of one year says nothing of the next (in
    the record a place's mean varies no more than years that are independent have it), so that of five years is their
    mean. That 84% is spent of what is budgeted, on average, is not in it: additions are of what was counted.

    >>> delivery(2011).own.__round__(3)
    0.134
    """
    if as_of == 2011:
        yearly = Parts(parameter("delivery", "own"), parameter("delivery", "common"))
    else:
        yearly = components(delivered(table("municipal_capital")))
    return Parts(float(yearly.own / np.sqrt(YEARS)), float(yearly.common / np.sqrt(YEARS)))
