"""Households, who heads them, and what they lack: from categories of a survey to backlogs that add up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem
from allocate.za.folder import HEADS, SCORED, SERVICES, YEARS, array, long
from allocate.za.margins import largest_remainder


def households(heads: pd.DataFrame, spaces: tuple[str, ...], year: int = 2016) -> pd.DataFrame:
    """Households of every space in one year: female-headed and male-headed together.

    Source: Statistics South Africa, Community Survey 2016 (2016 boundaries). Unit: household.

    >>> heads = pd.DataFrame({"space": ["A"], "year": [2016], "female_headed": [3], "male_headed": [5]})
    >>> households(heads, ("A",))
      space  value
    0     A      8
    """
    both = households_by_head(heads, spaces, year)
    return both.groupby("space", sort=False)["value"].sum().reset_index()


def households_by_head(heads: pd.DataFrame, spaces: tuple[str, ...], year: int = 2016) -> pd.DataFrame:
    """Households of every space by sex of head, in one year.

    Source: Statistics South Africa, Community Survey 2016 (2016 boundaries). Unit: household.

    >>> heads = pd.DataFrame({"space": ["A"], "year": [2016], "female_headed": [3], "male_headed": [5]})
    >>> households_by_head(heads, ("A",))
      space    head  value
    0     A  female      3
    1     A    male      5
    """
    chosen = heads[heads["year"] == year]
    columns = [array(chosen, value=f"{head}_headed", space=spaces) for head in HEADS]
    return long(np.stack(columns, axis=1).astype(np.int64), space=spaces, head=HEADS)


def in_households(services: pd.DataFrame, homes: pd.DataFrame) -> pd.DataFrame:
    """Every category of every topic in households, whether the survey counted persons or households.

    A category's share of the persons (or households) of its topic is applied to the households of the space,
    in whole households that add up to them (largest remainder). So households are taken to be equally large in
    every category; where households without a service are smaller than others, its backlog is too low.

    >>> services = pd.DataFrame({"space": "A", "topic": "toilet", "category": ["Flush", "None"], "count": [3, 1]})
    >>> in_households(services, pd.DataFrame({"space": ["A"], "value": [10]}))["value"].tolist()
    [8, 2]
    """
    total = dict(zip(homes["space"], homes["value"], strict=True))
    parts = [
        group.assign(value=largest_remainder(group["count"], int(total[space])))
        for (space, _), group in services.groupby(["space", "topic"], sort=False)
    ]
    return pd.concat(parts)[["space", "topic", "category", "value"]]


def check_definitions(definitions: pd.DataFrame, categories: pd.DataFrame) -> pd.DataFrame:
    """The definitions of what counts as served, if every category of their topics has exactly one.

    :class:`~allocate.errors.InputError` lists every category that is unknown, missing, twice defined or whose
    ``served`` is not a share from 0 to 1.

    >>> words = pd.DataFrame({"topic": ["toilet"], "category": ["Flush"], "service": ["sanitation"], "served": [1]})
    >>> len(check_definitions(words, words[["topic", "category"]]))
    1
    """
    keys = ["topic", "category"]
    asked = categories.loc[categories["topic"].isin(definitions["topic"]), keys].drop_duplicates()
    both = definitions.merge(asked, on=keys, how="outer", indicator=True)
    words = {"left_only": "is not a category of the survey", "right_only": "has no definition"}
    problems = [
        Problem(f"{topic}, {category!r}", words[side])
        for topic, category, side in both[[*keys, "_merge"]].itertuples(index=False)
        if side in words
    ]
    problems += [
        Problem(f"{topic}, {category!r}", "is defined more than once")
        for topic, category in definitions.loc[definitions.duplicated(keys), keys].itertuples(index=False)
    ]
    problems += [
        Problem(f"{row.topic}, {row.category!r}", f"served is {row.served}; it is a share from 0 to 1")
        for row in definitions.itertuples()
        if not 0 <= float(str(row.served)) <= 1
    ]
    if problems:
        raise InputError("service_definitions.csv", problems)
    return definitions


def backlog(categories: pd.DataFrame, definitions: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """Households of every space that each service does not reach, by the definitions of what counts as served.

    ``categories`` is what :func:`in_households` gives. Services without data have a backlog of 0. Unit: household.

    >>> categories = pd.DataFrame({"space": "A", "topic": "toilet", "category": ["Flush", "None"], "value": [8, 2]})
    >>> words = pd.DataFrame({"topic": "toilet", "category": ["Flush", "None"], "service": "sanitation"})
    >>> found = backlog(categories, words.assign(served=[1, 0]), ("A",))
    >>> found[found["value"] > 0].values.tolist()
    [['A', 'sanitation', 2]]
    """
    checked = check_definitions(definitions, categories)
    both = categories.merge(checked, on=["topic", "category"])
    both = both.assign(value=both["value"] * (1 - both["served"]))
    short = both.groupby(["space", "service"])["value"].sum().reset_index()
    whole = np.floor(array(short, fill=0, space=spaces, service=SERVICES) + 0.5)
    return long(whole.astype(np.int64), space=spaces, service=SERVICES)


def served_now(homes: pd.DataFrame, short: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """Households that a scored service reaches: households less its backlog; 0 for services without data.

    >>> homes = pd.DataFrame({"space": ["A"], "value": [10]})
    >>> short = pd.DataFrame({"space": ["A"], "service": ["water"], "value": [4]})
    >>> served_now(homes, short, ("A",)).query("service == 'water'")["value"].item()
    6
    """
    left = array(homes, space=spaces)[:, None] - array(short, fill=0, space=spaces, service=SERVICES)
    return long((left * scored()).astype(np.int64), space=spaces, service=SERVICES)


def scored() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """1 for a service that the survey measures, 0 for one that it does not, in the order of services.

    >>> scored()
    array([1, 1, 1, 1, 0, 0, 0])
    """
    return np.array([service in SCORED for service in SERVICES], dtype=np.int64)


def tier_size(short: pd.DataFrame, tiers: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """The backlog of every space and service in cost tiers, whole households that add up to it.

    >>> short = pd.DataFrame({"space": ["A"], "service": ["water"], "value": [5]})
    >>> tiers = pd.DataFrame({"tier": ["easy", "hard"], "share": [0.5, 0.5]})
    >>> tier_size(short, tiers, ("A",))["value"].tolist()[:2]
    [3, 2]
    """
    lacking = array(short, fill=0, space=spaces, service=SERVICES).astype(np.int64)
    sizes = [largest_remainder(tiers["share"], int(households)) for households in lacking.flat]
    return long(np.array(sizes), space=spaces, service=SERVICES, tier=tuple(tiers["tier"]))


def band_size(homes: pd.DataFrame, bands: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """The households of every space in coverage bands, for every scored service and year; 0 for other services.

    ``upper`` of a band is the coverage at which it ends, so bands are the steps between. Households are held at
    their number of 2016.

    >>> bands = pd.DataFrame({"band": ["first", "last"], "upper": [0.6, 1.0]})
    >>> sizes = band_size(pd.DataFrame({"space": ["A"], "value": [10]}), bands, ("A",))
    >>> sizes[(sizes["service"] == "water") & (sizes["year"] == "2019/20")]["value"].tolist()
    [6, 4]
    """
    steps = np.diff(bands["upper"], prepend=0.0)
    if (steps < 0).any() or not np.isclose(steps.sum(), 1):
        raise InputError("bands.csv", [Problem("upper", "bands rise, and the last ends at 1")])
    sizes = np.array(
        [largest_remainder(steps, int(total)) for total in homes.set_index("space")["value"][list(spaces)]]
    )
    every = sizes[:, None, :, None] * scored()[None, :, None, None] * np.ones(len(YEARS), dtype=np.int64)
    return long(every, space=spaces, service=SERVICES, band=tuple(bands["band"]), year=YEARS)


def need_weight(poverty: pd.DataFrame, homes: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """How heavily a household of a space counts: its income poverty headcount over the household-weighted mean.

    Source of the headcount: Census 2011 (SALDRU, upper-bound line of R779 a person a month at 2011 prices). It is
    on 2011 boundaries; the ratio is applied to the space of the same code on 2016 boundaries.

    >>> poverty = pd.DataFrame({"space": ["A", "B"], "headcount": [0.6, 0.2]})
    >>> homes = pd.DataFrame({"space": ["A", "B"], "value": [10, 10]})
    >>> need_weight(poverty, homes, ("A", "B"))["value"].round(6).tolist()
    [1.5, 0.5]
    """
    poor = array(poverty, value="headcount", space=spaces)
    return long(poor / np.average(poor, weights=array(homes, space=spaces)), space=spaces)


def unmeasured() -> pd.DataFrame:
    """Which services have no backlog in the data, so that no outcome can be counted. Unit: flag.

    >>> unmeasured().query("value == 1")["service"].tolist()
    ['roads', 'public facilities', 'energy efficiency']
    """
    return long(np.array([int(service not in SCORED) for service in SERVICES]), service=SERVICES)


def value_by_subsidy(parameters: pd.DataFrame) -> pd.DataFrame:
    """Relative worth of a served household-year by the published basic-services subsidy, with mean 1.

    >>> subsidy = pd.DataFrame({"parameter": "subsidy", "service": SCORED, "value": [2, 2, 1, 3]})
    >>> value_by_subsidy(subsidy)["value"].tolist()[:4]
    [1.0, 1.0, 0.5, 1.5]
    """
    rands = parameters[parameters["parameter"] == "subsidy"]
    return _mean_one(array(rands, service=SCORED))


def value_equal() -> pd.DataFrame:
    """Every scored service is worth the same: 1.

    >>> value_equal()["value"].tolist()[3:5]
    [1.0, 0.0]
    """
    return _mean_one(np.ones(len(SCORED)))


def value_by_share_of_need(short: pd.DataFrame) -> pd.DataFrame:
    """Relative worth by share of need met: one over the national backlog of the service, with mean 1.

    >>> short = pd.DataFrame({"space": "A", "service": SCORED, "value": [1, 1, 1, 2]})
    >>> value_by_share_of_need(short)["value"].round(4).tolist()[:4]
    [1.1429, 1.1429, 1.1429, 0.5714]
    """
    national = array(short.groupby("service")["value"].sum().reset_index(), fill=0, service=SCORED)
    if (national <= 0).any():
        raise InputError("backlog", [Problem("", "a service without any backlog has no share of need to meet")])
    return _mean_one(1 / national)


def _mean_one(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> pd.DataFrame:
    worth = np.zeros(len(SERVICES))
    worth[: len(SCORED)] = weights / weights.mean()
    return long(worth, service=SERVICES)
