"""What it costs to run what is built, the money there is to run it, and what an expert team costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem
from allocate.za.costs import prices
from allocate.za.folder import SCORED, SERVICES, YEARS, array, long
from allocate.za.margins import Floats
from allocate.za.money import usual_year

EQUITABLE_SHARE = "Local Government Equitable Share"
MIDDLE = "2016/17"
"""The middle one of the audited years: what a space got in a usual year is at the level of this one."""


def run_cost(totals: pd.DataFrame, parameters: pd.DataFrame) -> pd.DataFrame:
    """Rand to serve one household for a year: twelve months of the basic-services subsidy, as a proxy.

    ``totals`` are rand a household a month in the years for which one is published; years between lie on the line
    between, and the four services share a total as they share the subsidy of ``parameters``. Unit: R/household; 0 for
    services without data. A year outside the published ones is an :class:`~allocate.errors.InputError`.

    >>> totals = pd.DataFrame({"year": ["2016/17", "2020/21"], "value": [100.0, 140.0]})
    >>> subsidy = pd.DataFrame({"parameter": "subsidy", "service": SCORED, "value": [4, 3, 2, 1]})
    >>> run_cost(totals, subsidy)["value"].tolist()[:3]
    [528.0, 576.0, 624.0]
    """
    known, asked = (np.array([int(year[:4]) for year in years]) for years in (totals["year"], YEARS))
    outside = [year for year, start in zip(YEARS, asked, strict=True) if not known.min() <= start <= known.max()]
    if outside:
        raise InputError("basic_services_subsidy.csv", [Problem(year, "lies outside the years") for year in outside])
    order = np.argsort(known)
    month = np.interp(asked, known[order], totals["value"].to_numpy(dtype=float)[order])
    share = array(parameters[parameters["parameter"] == "subsidy"], service=SCORED)
    costs = np.zeros((len(SERVICES), len(YEARS)))
    costs[: len(SCORED)] = 12 * np.outer(share / share.sum(), month)
    return long(costs, service=SERVICES, year=YEARS)


def operating_received(municipal: pd.DataFrame, municipalities: pd.DataFrame) -> pd.DataFrame:
    """Operating transfers that each space recognises in a usual year; see :func:`~allocate.za.money.usual_year`.

    A municipality that reported 0 left the return empty, for the equitable share goes to every one. Unit: R.

    >>> places = pd.DataFrame({"code": ["A1", "A2"], "space": "A"})
    >>> rows = pd.DataFrame({"municipality": ["A1", "A2", "A1", "A2"], "space": "A",
    ...     "financial_year_end": [2017, 2017, 2018, 2018], "operating_transfers": [3, 4, 5, 0]})
    >>> operating_received(rows, places)
      space  value  complete_years
    0     A    7.0               1
    """
    reported = municipal[municipal["operating_transfers"] > 0]
    years = reported.groupby(["space", "financial_year_end"])["operating_transfers"].agg(["sum", "size"]).reset_index()
    return usual_year(years.rename(columns={"sum": "amount", "size": "municipalities_reporting"}), municipalities)


def operating_transfers(received: pd.DataFrame, pools: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """Operating transfers of every space and year: a usual year's, moved as the equitable share moved since 2016/17.

    Rounded to whole rand. Unit: R.

    >>> pools = pd.DataFrame({"year": [MIDDLE, *YEARS], "budget": [100, 110, 120, 130]})
    >>> pools["subprogramme"] = EQUITABLE_SHARE
    >>> operating_transfers(pd.DataFrame({"space": ["A"], "value": [50.0]}), pools, ("A",))["value"].tolist()
    [55, 60, 65]
    """
    voted = pools[pools["subprogramme"] == EQUITABLE_SHARE]
    level = array(voted, value="budget", year=(MIDDLE, *YEARS))
    money = np.outer(array(received, space=spaces), level[1:] / level[0])
    return long(np.rint(money).astype(np.int64), space=spaces, year=YEARS)


def own_revenue(
    operating: pd.DataFrame, dependence: pd.DataFrame, municipal: pd.DataFrame, spaces: tuple[str, ...]
) -> pd.DataFrame:
    """What every space raises itself in a year: its operating transfers x (100 - t) / t, rounded to whole rand.

    t is the percentage of a municipality's revenue that is transfers; inside a space its municipalities are weighted
    by the median of the operating transfers that they reported. Unit: R.

    >>> operating = long(np.array([[80, 80, 80]]), space=("A",), year=YEARS)
    >>> dependence = pd.DataFrame({"municipality": ["A1", "A2"], "space": "A", "transfers_percent": [50.0, 20.0]})
    >>> municipal = pd.DataFrame({"municipality": ["A1", "A2"], "operating_transfers": [60, 20]})
    >>> own_revenue(operating, dependence, municipal, ("A",))["value"].tolist()
    [140, 140, 140]
    """
    times = _own_for_each_rand(dependence, municipal, spaces)
    money = array(operating, space=spaces, year=YEARS) * times[:, None]
    return long(np.rint(money).astype(np.int64), space=spaces, year=YEARS)


def _own_for_each_rand(dependence: pd.DataFrame, municipal: pd.DataFrame, spaces: tuple[str, ...]) -> Floats:
    problems = [
        Problem(str(code), f"transfers are {percent} percent of revenue; they are above 0 and at most 100")
        for code, percent in zip(dependence["municipality"], dependence["transfers_percent"], strict=True)
        if not 0 < percent <= 100
    ]
    if problems:
        raise InputError("transfer_dependence.csv", problems)
    reported = municipal[municipal["operating_transfers"] > 0]
    names = tuple(dependence["municipality"])
    usual = reported.groupby("municipality")["operating_transfers"].median().reset_index()
    weight = array(usual, value="operating_transfers", municipality=names)
    percent = dependence["transfers_percent"].to_numpy(dtype=float)
    both = dependence.assign(weight=weight, own=weight * (100 - percent) / percent)
    total = both.groupby("space", as_index=False)[["own", "weight"]].sum()
    return array(total.assign(value=total["own"] / total["weight"]), space=spaces)


def expert_cost(cost: float, cost_year: str, index: pd.DataFrame) -> pd.DataFrame:
    """What a team of experts costs for a year, in the prices of that year. Unit: R.

    >>> index = pd.DataFrame({"year": range(2017, 2021), "index": [100.0, 100.0, 120.0, 140.0]})
    >>> expert_cost(1e6, "2017/18", index)["value"].tolist()
    [1000000.0, 1100000.0, 1300000.0]
    """
    return long(cost * prices(index, cost_year), year=YEARS)


def expert_lift(record: pd.DataFrame, closes: float, spaces: tuple[str, ...]) -> pd.DataFrame:
    """The share of its money by which a team raises what a space can spend well: part of what it leaves unspent.

    ``record`` is the share of its capital budget that a space usually spends; ``closes`` the part of the rest that a
    team recovers. Unit: 1.

    >>> expert_lift(pd.DataFrame({"space": ["A"], "value": [0.8]}), 0.5, ("A",))["value"].round(6).item()
    0.1
    """
    return long(closes * (1 - array(record, space=spaces)), space=spaces)
