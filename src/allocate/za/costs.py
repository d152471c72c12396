"""What it costs to reach and renew a household, how long that lasts, and what a later year is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem
from allocate.za.folder import SCORED, SERVICES, YEARS, array, long
from allocate.za.margins import Floats

SEWERED = "Flush toilet connected to a public sewerage system"
LAST = YEARS[-1]


def rural_share(categories: pd.DataFrame, metros: frozenset[str], spaces: tuple[str, ...]) -> pd.DataFrame:
    """The share of a space's households that are built for at rural cost; 0 in a metro.

    In a district it is the share of households not on a public sewer, because sewers follow density and density
    drives the cost of a connection. Modelled: there is no count of rural households by space in the data, and
    unserved households in towns are taken for rural. Unit: 1.

    >>> rows = pd.DataFrame({"space": "A", "topic": "toilet", "category": [SEWERED, "None"], "value": [3, 1]})
    >>> rural_share(rows, frozenset(), ("A",))["value"].item()
    0.25
    """
    toilets = categories[categories["topic"] == "toilet"]
    total = array(toilets.groupby("space")["value"].sum().reset_index(), space=spaces)
    sewered = array(toilets[toilets["category"] == SEWERED], fill=0, space=spaces)
    district = np.array([space not in metros for space in spaces])
    return long((1 - sewered / total) * district, space=spaces)


def prices(index: pd.DataFrame, base: object) -> Floats:
    """The price level of each municipal financial year over that of ``base``, a calendar or a financial year.

    A financial year, July to June, is the mean of its two calendar years; ``a-b`` is the mean of two years.

    >>> index = pd.DataFrame({"year": [2016, 2017, 2018, 2019, 2020], "index": [50.0, 100.0, 100.0, 110.0, 130.0]})
    >>> prices(index, 2016)
    array([2. , 2.1, 2.4])
    """
    level = dict(zip(index["year"].astype(int), index["index"].astype(float), strict=True))

    def of(years: str) -> float:
        first, _, last = years.partition("-")
        ends = [end for year in (first, last or first) for end in _calendar(year)]
        missing = [Problem(f"year {end}", f"is missing, and {years} needs it") for end in ends if end not in level]
        if missing:
            raise InputError("price_index.csv", missing)
        return sum(level[end] for end in ends) / len(ends)

    return np.array([of(year) for year in YEARS]) / of(str(base))


def _calendar(year: str) -> tuple[int, ...]:
    start = int(float(year[:4]))
    return (start, start + 1) if "/" in year else (start,)


def parameter(parameters: pd.DataFrame, name: str, area: str) -> pd.DataFrame:
    """One parameter's row for every scored service in an area; ``all`` stands in where the area has no row.

    >>> rows = pd.DataFrame({"parameter": "life", "service": SCORED, "area": "all", "value": 40})
    >>> parameter(rows, "life", "urban")["value"].tolist()
    [40, 40, 40, 40]
    """
    rows = parameters[(parameters["parameter"] == name) & parameters["area"].isin([area, "all"])]
    best = rows.sort_values("area", key=lambda areas: areas == "all", kind="stable").drop_duplicates("service")
    missing = [
        Problem(service, f"has no {name} for area {area!r}")
        for service in SCORED
        if service not in set(best["service"])
    ]
    if missing:
        raise InputError("service_parameters.csv", missing)
    return best.set_index("service").loc[list(SCORED)].reset_index()


def in_prices_of_years(rows: pd.DataFrame, index: pd.DataFrame) -> Floats:
    """Rand of every row's own price year in the prices of the three financial years. Shape: rows, years.

    >>> index = pd.DataFrame({"year": [2016, 2017, 2018, 2019, 2020], "index": [50.0, 100.0, 100.0, 110.0, 130.0]})
    >>> in_prices_of_years(pd.DataFrame({"value": [10], "price_year": [2016]}), index)
    array([[20., 21., 24.]])
    """
    return np.array(
        [value * prices(index, base) for value, base in zip(rows["value"], rows["price_year"], strict=True)]
    )


def _by_area(name: str, parameters: pd.DataFrame, index: pd.DataFrame, rural: Floats) -> Floats:
    urban_cost, rural_cost = (
        in_prices_of_years(parameter(parameters, name, area), index) for area in ("urban", "rural")
    )
    mix = rural[:, None, None]
    return (1 - mix) * urban_cost + mix * rural_cost


def unit_cost(
    parameters: pd.DataFrame, index: pd.DataFrame, tiers: pd.DataFrame, rural: pd.DataFrame, spaces: tuple[str, ...]
) -> pd.DataFrame:
    """Rand to reach one more household: the space's mix of urban and rural cost, its tier and the year's prices.

    Services without data cost 0, because nothing is scored there. Unit: R/household.

    >>> rows = pd.DataFrame({"service": SCORED, "area": "all", "value": 100, "price_year": 2017})
    >>> index = pd.DataFrame({"year": [2017, 2018, 2019, 2020], "index": 100})
    >>> tiers = pd.DataFrame({"tier": ["easy", "hard"], "cost_factor": [0.8, 1.5]})
    >>> half = pd.DataFrame({"space": ["A"], "value": [0.5]})
    >>> costs = unit_cost(rows.assign(parameter="unit_cost"), index, tiers, half, ("A",))
    >>> costs["value"].unique().tolist()
    [80.0, 150.0, 0.0]
    """
    each = _by_area("unit_cost", parameters, index, array(rural, space=spaces))
    names = tuple(tiers["tier"])
    costs = np.zeros((len(spaces), len(SERVICES), len(names), len(YEARS)))
    costs[:, : len(SCORED)] = each[:, :, None, :] * tiers["cost_factor"].to_numpy(dtype=float)[:, None]
    return long(costs, space=spaces, service=SERVICES, tier=names, year=YEARS)


def renew_cost(
    parameters: pd.DataFrame, index: pd.DataFrame, rural: pd.DataFrame, spaces: tuple[str, ...]
) -> pd.DataFrame:
    """Rand to renew what serves one household: a share of what it costs to reach one there, tiers aside.

    Unit: R/household; 0 for services without data.

    >>> rows = pd.DataFrame({"service": SCORED, "area": "all", "value": 100, "price_year": 2017})
    >>> rows = pd.concat([rows.assign(parameter="unit_cost"), rows.assign(parameter="renew_share", value=0.5)])
    >>> index = pd.DataFrame({"year": [2017, 2018, 2019, 2020], "index": [100, 100, 120, 140]})
    >>> half = pd.DataFrame({"space": ["A"], "value": [0.5]})
    >>> renew_cost(rows, index, half, ("A",))["value"].round(6).tolist()[:3]
    [50.0, 55.0, 65.0]
    """
    each = _by_area("unit_cost", parameters, index, array(rural, space=spaces))
    share = parameter(parameters, "renew_share", "all")["value"].to_numpy(dtype=float)
    costs = np.zeros((len(spaces), len(SERVICES), len(YEARS)))
    costs[:, : len(SCORED)] = each * share[:, None]
    return long(costs, space=spaces, service=SERVICES, year=YEARS)


def lasting(parameters: pd.DataFrame) -> pd.DataFrame:
    """The share of assets that still serve next year: 1 - 1/life; 0 for services without data. Unit: 1.

    >>> rows = pd.DataFrame({"parameter": "life", "service": SCORED, "area": "all", "value": 40})
    >>> lasting(rows)["value"].tolist()[0]
    0.975
    """
    life = parameter(parameters, "life", "all")["value"].to_numpy(dtype=float)
    if (life < 1).any():
        raise InputError("service_parameters.csv", [Problem("life", "is at least 1 year")])
    return long(np.concatenate([1 - 1 / life, np.zeros(len(SERVICES) - len(SCORED))]), service=SERVICES)


def survives(parameters: pd.DataFrame, poverty: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """The share of served households still served next year without grant money: 1 - poor / life.

    Households that pay renew what serves them through tariffs; what serves the income-poor falls to the grants. How
    municipalities in fact divide renewal is not in the data, so this is modelled. Unit: 1; 0 for services without data.

    >>> rows = pd.DataFrame({"parameter": "life", "service": SCORED, "area": "all", "value": 40})
    >>> survives(rows, pd.DataFrame({"space": ["A"], "headcount": [0.4]}), ("A",))["value"].tolist()[0]
    0.99
    """
    poor = array(poverty, value="headcount", space=spaces)
    lost = 1 - array(lasting(parameters), service=SERVICES)
    scored = np.isin(SERVICES, SCORED)
    return long(np.where(scored, 1 - poor[:, None] * lost, 0.0), space=spaces, service=SERVICES)


def discount(rate: float) -> pd.DataFrame:
    """The worth in 2019/20 of a year of service in each year: 1 / (1 + rate) ^ (years after 2019/20). Unit: year.

    >>> discount(0.1)["value"].round(6).tolist()
    [1.21, 1.1, 1.0]
    """
    return long(np.array([1 / (1 + rate) ** (int(year[:4]) - int(LAST[:4])) for year in YEARS]), year=YEARS)


def years_after(lasts: pd.DataFrame, rate: float) -> pd.DataFrame:
    """What is left standing after 2019/20 is worth: the discounted sum of its later years of service.

    With q = lasting / (1 + rate), the sum over k >= 1 of q ** k is q / (1 - q). Unit: 1.

    >>> lasts = long(np.array([0.9] * 4 + [0.0] * 3), service=SERVICES)
    >>> years_after(lasts, 0.2)["value"].round(6).tolist()[3:5]
    [3.0, 0.0]
    """
    q = array(lasts, service=SERVICES) / (1 + rate)
    if (q >= 1).any():
        raise InputError("constants.csv", [Problem("discount_rate", "is above 0 where assets last for ever")])
    return long(q / (1 - q), service=SERVICES)
