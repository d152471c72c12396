"""Pools, who may receive them, and the estimate of what every space got of each grant."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem
from allocate.za.folder import GRANTS, SERVICES, YEARS, array, long
from allocate.za.margins import Floats, fit_margins, largest_remainder

THOUSAND = 1000
AUDITED = (2016, 2017, 2018)


def member() -> pd.DataFrame:
    """Which grant belongs to which pool before any merger: each to its own. Flag.

    >>> int(member()["value"].sum())
    7
    """
    return long(np.eye(len(GRANTS), dtype=np.int64), grant=GRANTS, pool=GRANTS)


def budget(pools: pd.DataFrame, grants: pd.DataFrame) -> pd.DataFrame:
    """The pool of every grant and year in rand, by the subprogramme that votes it; 0 in a year without a vote.

    Source: National Treasury, Estimates of National Expenditure. A subprogramme can hold money in kind.

    >>> pools = pd.DataFrame({"year": ["2017/18"], "subprogramme": ["Infra"], "budget": [5]})
    >>> grants = pd.DataFrame({"grant": GRANTS, "subprogramme": ["Infra", *GRANTS[1:]]})
    >>> int(budget(pools, grants)["value"].sum())
    5
    """
    votes = grants.loc[grants["grant"].isin(GRANTS), ["grant", "subprogramme"]]
    voted = votes.merge(pools, on="subprogramme")
    money = array(voted[voted["year"].isin(YEARS)], value="budget", fill=0, grant=GRANTS, year=YEARS)
    return long(money.astype(np.int64), grant=GRANTS, year=YEARS)


def may_receive(eligibility: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """1 where a space may receive a grant: one row of the table an eligible pair.

    >>> rights = may_receive(pd.DataFrame({"grant": ["USDG"], "space": ["EKU"]}), ("EKU", "DC1"))
    >>> rights[rights["value"] == 1].values.tolist()
    [['EKU', 'USDG', 1]]
    """
    pairs = eligibility[eligibility["grant"].isin(GRANTS)]
    unknown = sorted(set(pairs["space"]) - set(spaces))
    if unknown:
        raise InputError("grant_eligibility.csv", [Problem(space, "is not a space") for space in unknown])
    flags = array(pairs.assign(value=1), fill=0, space=spaces, grant=GRANTS)
    return long(flags.astype(np.int64), space=spaces, grant=GRANTS)


def may_fund(services: pd.DataFrame) -> pd.DataFrame:
    """1 where a grant may pay for a service.

    >>> rows = pd.DataFrame({"grant": ["MIG"], "service": ["water"], "may_fund": [1]})
    >>> int(may_fund(rows)["value"].sum())
    1
    """
    return long(_by_label(services, "may_fund").astype(np.int64), grant=GRANTS, service=SERVICES)


def service_split(services: pd.DataFrame) -> pd.DataFrame:
    """The share of every grant that goes to each service; the shares of a grant add up to 1.

    >>> rows = pd.DataFrame({"grant": GRANTS, "service": "water", "split": 1.0})
    >>> float(service_split(rows)["value"].sum())
    7.0
    """
    split = _by_label(services, "split")
    problems = [
        Problem(grant, f"splits add up to {total:.6f}; they add up to 1")
        for grant, total in zip(GRANTS, split.sum(axis=1), strict=True)
        if not np.isclose(total, 1, atol=1e-6)
    ]
    if problems:
        raise InputError("grant_services.csv", problems)
    return long(split, grant=GRANTS, service=SERVICES)


def _by_label(services: pd.DataFrame, value: str) -> Floats:
    rows = services[services["grant"].isin(GRANTS)]
    return array(rows, value=value, fill=0, grant=GRANTS, service=SERVICES)


def serves(purposes: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """1 where a service belongs to a purpose.

    >>> rows = pd.DataFrame({"purpose": ["roads"], "service": ["roads"]})
    >>> int(serves(rows, ("roads",))["value"].sum())
    1
    """
    flags = array(purposes.assign(value=1), fill=0, service=SERVICES, purpose=names)
    return long(flags.astype(np.int64), service=SERVICES, purpose=names)


def purpose_share(shares: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """The share of a grant that a purpose is owed by law or formula; 0 where none is stated.

    >>> rows = pd.DataFrame({"grant": ["MIG"], "purpose": ["roads"], "share": [0.23]})
    >>> float(purpose_share(rows, ("roads",))["value"].sum())
    0.23
    """
    rows = shares[shares["grant"].isin(GRANTS)]
    return long(array(rows, value="share", fill=0, grant=GRANTS, purpose=names), grant=GRANTS, purpose=names)


def by_grant(terms: pd.DataFrame, name: str) -> pd.DataFrame:
    """One term of every grant's framework, such as the most of it that may go to project management.

    Raises :class:`~allocate.errors.InputError` for a grant without the term or with two.

    >>> rows = pd.DataFrame({"term": "top_slice", "grant": GRANTS, "value": 0.05})
    >>> by_grant(rows, "top_slice")["value"].unique().tolist()
    [0.05]
    """
    return long(array(terms[terms["term"] == name], grant=GRANTS), grant=GRANTS)


def capital_received(transfers: pd.DataFrame, municipalities: pd.DataFrame) -> pd.DataFrame:
    """Capital transfers that each space recognises in a usual year, audited; see :func:`usual_year`.

    Transfers are recognised as revenue when their conditions are met, that is when they are spent. Unit: R.

    >>> places = pd.DataFrame({"code": ["A1", "A2"], "space": "A"})
    >>> money = pd.DataFrame({"space": "A", "financial_year_end": [2016, 2017, 2018], "amount_type": "AUDA",
    ...     "transfer": "capital", "amount": [5, 9, 7], "municipalities_reporting": [1, 2, 2]})
    >>> capital_received(money, places)
      space  value  complete_years
    0     A    8.0               2
    """
    audited = transfers[
        (transfers["transfer"] == "capital")
        & (transfers["amount_type"] == "AUDA")
        & transfers["financial_year_end"].isin(AUDITED)
    ]
    return usual_year(audited, municipalities)


def usual_year(audited: pd.DataFrame, municipalities: pd.DataFrame) -> pd.DataFrame:
    """What each space recognises in a usual year: the median of its complete years.

    A year is complete when every municipality of the space reported, the district municipality too. A space that
    was never complete takes its fullest year, the latest among equals, and ``complete_years`` says 0 there. Unit: R.

    >>> places = pd.DataFrame({"code": ["A1", "A2"], "space": "A"})
    >>> years = pd.DataFrame({"space": "A", "financial_year_end": [2017, 2018], "amount": [5, 9],
    ...     "municipalities_reporting": 1})
    >>> usual_year(years, places)
      space  value  complete_years
    0     A    9.0               0
    """
    whole = municipalities.groupby("space")["code"].size()
    complete = audited["municipalities_reporting"] >= audited["space"].map(whole)
    usual = audited[complete].groupby("space")["amount"].agg(["median", "size"])
    order = ["municipalities_reporting", "financial_year_end"]
    fullest = audited.sort_values(order).groupby("space")["amount"].last()
    rest = fullest[~fullest.index.isin(usual.index)]
    return pd.DataFrame(
        {
            "space": [*usual.index, *rest.index],
            "value": [*usual["median"].astype(float), *rest.astype(float)],
            "complete_years": [*usual["size"], *(0 for _ in rest)],
        }
    )


def seed(
    rights: pd.DataFrame,
    split: pd.DataFrame,
    short: pd.DataFrame,
    homes: pd.DataFrame,
    poverty: pd.DataFrame,
    spaces: tuple[str, ...],
) -> pd.DataFrame:
    """How each grant would be shared by need alone: the start of the fit, with the shares of a grant adding to 1.

    Every grant is split over its services by ``split``, and every service over the eligible spaces by its backlog
    of households; roads and public facilities, which have no backlog in the data, by households in income
    poverty, and energy efficiency by households. An ineligible pair is 0 and stays 0. Unit: 1.

    >>> rights = may_receive(pd.DataFrame({"grant": GRANTS[0], "space": ["A", "B"]}), ("A", "B"))
    >>> split = service_split(pd.DataFrame({"grant": GRANTS, "service": "water", "split": 1.0}))
    >>> short = pd.DataFrame({"space": ["A", "B"], "service": "water", "value": [3, 1]})
    >>> homes = pd.DataFrame({"space": ["A", "B"], "value": [10, 10]})
    >>> shares = seed(rights, split, short, homes, homes.assign(headcount=0.5), ("A", "B"))
    >>> shares[shares["value"] > 0]["value"].tolist()
    [0.75, 0.25]
    """
    need = array(short, fill=0, space=spaces, service=SERVICES)
    everyone = array(homes, space=spaces)
    poor = everyone * array(poverty, value="headcount", space=spaces)
    for service, instead in (("roads", poor), ("public facilities", poor), ("energy efficiency", everyone)):
        need[:, SERVICES.index(service)] = instead
    eligible = array(rights, space=spaces, grant=GRANTS)
    shares = array(split, grant=GRANTS, service=SERVICES)
    wanted = eligible[:, :, None] * need[:, None, :]
    total = wanted.sum(axis=0)
    part = np.divide(wanted, total, out=np.zeros_like(wanted), where=total > 0)
    return long((part * shares).sum(axis=2), space=spaces, grant=GRANTS)


def space_margin(
    received: pd.DataFrame,
    start: pd.DataFrame,
    pools: pd.DataFrame,
    metros: frozenset[str],
    spaces: tuple[str, ...],
    *,
    by_class: bool = True,
) -> pd.DataFrame:
    """What each space should get of all pools together in each year: its share of capital transfers, scaled.

    Transfers recognised hold money outside the catalogue that goes to metros (public transport, neighbourhood
    development), and pools hold money in kind that goes to districts (Eskom, bulk water). So shares are scaled
    within each class: the metros' total, and the districts', is what the seed gives that class of every pool,
    and a space's share *within* its class is its share of transfers. ``by_class=False`` scales all spaces alike,
    to show what that costs. Unit: R, real numbers that add up to the pools.

    >>> received = pd.DataFrame({"space": ["A", "B"], "value": [3.0, 1.0]})
    >>> start = long(np.full((2, len(GRANTS)), 0.5), space=("A", "B"), grant=GRANTS)
    >>> pools = long(np.full((len(GRANTS), len(YEARS)), 4000), grant=GRANTS, year=YEARS)
    >>> space_margin(received, start, pools, frozenset(), ("A", "B"))["value"].tolist()[::3]
    [21000.0, 7000.0]
    """
    usual = array(received, space=spaces)
    by_need = array(start, space=spaces, grant=GRANTS) @ array(pools, grant=GRANTS, year=YEARS)
    margin = np.zeros_like(by_need)
    metro = np.array([space in metros for space in spaces])
    for some in (metro, ~metro) if by_class else (metro | True,):
        if some.any():
            margin[some] = np.outer(usual[some] / usual[some].sum(), by_need[some].sum(axis=0))
    return long(margin, space=spaces, year=YEARS)


def baseline(start: pd.DataFrame, margin: pd.DataFrame, pools: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """What each space got of each grant in each year, estimated: the seed fitted to the pools and the spaces.

    Iterative proportional fitting with the pools in control, then whole R thousand by largest remainder within
    each pool (ties to the earlier space), so every pool adds up to the rand. What the spaces' margin misses is
    :func:`residual`. A pool or a space with money and no seed is an :class:`~allocate.errors.InputError`. Unit: R.

    >>> start = long(np.full((2, len(GRANTS)), 0.5), space=("A", "B"), grant=GRANTS)
    >>> pools = long(np.full((len(GRANTS), len(YEARS)), 4000), grant=GRANTS, year=YEARS)
    >>> margin = long(np.array([[21000.0] * 3, [7000.0] * 3]), space=("A", "B"), year=YEARS)
    >>> baseline(start, margin, pools, ("A", "B"))["value"].unique().tolist()
    [3000, 1000]
    """
    shares = array(start, space=spaces, grant=GRANTS)
    voted = array(pools, grant=GRANTS, year=YEARS)
    if (voted % THOUSAND).any():
        raise InputError("budget", [Problem("", "every pool is a whole number of R thousand")])
    want = array(margin, space=spaces, year=YEARS)
    years = [_one_year(shares * pool, row, pool, spaces) for pool, row in zip(voted.T, want.T, strict=True)]
    return long(np.stack(years, axis=2), space=spaces, grant=GRANTS, year=YEARS)


def _one_year(
    start: Floats, rows: Floats, pool: Floats, spaces: tuple[str, ...]
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    fitted = fit_margins(start, rows, pool, row_names=spaces, column_names=GRANTS)
    thousands = (pool // THOUSAND).astype(np.int64)
    columns = [largest_remainder(part, int(total)) for part, total in zip(fitted.T, thousands, strict=True)]
    return np.stack(columns, axis=1) * THOUSAND


def residual(got: pd.DataFrame, margin: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """What the fitted table misses of the spaces' margin, in rand: fitted less wanted, by space and year.

    Rounding to R thousand alone leaves at most R7,000 a space; more means that rights cannot carry the margin.

    >>> got = long(np.full((1, len(GRANTS), len(YEARS)), 1000), space=("A",), grant=GRANTS, year=YEARS)
    >>> residual(got, long(np.full((1, 3), 6500.0), space=("A",), year=YEARS), ("A",))["value"].tolist()
    [500.0, 500.0, 500.0]
    """
    total = array(got, space=spaces, grant=GRANTS, year=YEARS).sum(axis=1)
    return long(total - array(margin, space=spaces, year=YEARS), space=spaces, year=YEARS)


def every_year(value: float) -> pd.DataFrame:
    """One number, the same in every year: the guaranteed share, the limit on pace.

    >>> every_year(0.9)["value"].tolist()
    [0.9, 0.9, 0.9]
    """
    return long(np.full(len(YEARS), value), year=YEARS)


def shares(got: pd.DataFrame, pools: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """What each space got of each grant as a share of the grant; 0 in years in which it was not voted. Unit: 1.

    >>> rows = [(grant, year, 4 * (grant == "MIG")) for grant in GRANTS for year in YEARS]
    >>> pools = pd.DataFrame(rows, columns=["grant", "year", "value"])
    >>> got = pools.assign(space="A", value=pools["value"] / 4)
    >>> shares(got, pools, ("A",)).groupby("grant")["value"].max()[["IUDG", "MIG"]].tolist()
    [0.0, 0.25]
    """
    rand = array(got, space=spaces, grant=GRANTS, year=YEARS)
    voted = array(pools, grant=GRANTS, year=YEARS)
    return long(
        np.divide(rand, voted, out=np.zeros_like(rand), where=voted > 0), space=spaces, grant=GRANTS, year=YEARS
    )


def absorption_record(capital: pd.DataFrame, spaces: tuple[str, ...], *, widest: float = 100.0) -> pd.DataFrame:
    """The share of its capital budget that each space usually spends, at most 1.

    Spending against budget is kept where it lies within ``widest`` per cent of the budget and is not the -100
    of a return left empty; the median over the audited years stands for a municipality; municipalities are
    averaged with their capital transfers as weights (equal weights where none is known). It covers the whole
    capital budget, of which grants are a part. Unit: 1.

    >>> rows = pd.DataFrame({"municipality": ["A1", "A2"], "space": "A", "against_budget": [-50.0, 0.0],
    ...     "capital_transfers": [100, 300]})
    >>> absorption_record(rows, ("A",))["value"].item()
    0.875
    """
    known = capital[(capital["against_budget"] > -100) & (capital["against_budget"] <= widest)]
    each = known.groupby(["space", "municipality"], as_index=False)[["against_budget", "capital_transfers"]].median()
    weight = each["capital_transfers"].astype(float).fillna(0.0)
    none = weight.groupby(each["space"]).transform("sum") == 0
    each = each.assign(weight=weight.where(~none, 1.0), spent=1 + each["against_budget"] / 100)
    each = each.assign(product=each["spent"] * each["weight"])
    total = each.groupby("space", as_index=False)[["product", "weight"]].sum()
    record = array(total.assign(value=total["product"] / total["weight"]), space=spaces)
    return long(np.minimum(record, 1.0), space=spaces)


def absorb(got: pd.DataFrame, record: pd.DataFrame, growth: float, spaces: tuple[str, ...]) -> pd.DataFrame:
    """The most that a space can spend in a year: its baseline, and more only where it has a record of spending.

    Transfers are recognised when they are spent, so what a space got it did absorb: the cap is never below its
    baseline. It rises to (1 + growth) x absorption record times the baseline where that is above 1. Rounded down
    to R thousand. Unit: R.

    >>> got = long(np.full((1, len(GRANTS), len(YEARS)), 1000), space=("A",), grant=GRANTS, year=YEARS)
    >>> absorb(got, pd.DataFrame({"space": ["A"], "value": [1.0]}), 0.2, ("A",))["value"].tolist()
    [8000, 8000, 8000]
    """
    total = array(got, space=spaces, grant=GRANTS, year=YEARS).sum(axis=1)
    grown = total * (1 + growth) * array(record, space=spaces)[:, None]
    cap = np.floor(np.round(grown, 3) / THOUSAND) * THOUSAND
    return long(np.maximum(cap, total).astype(np.int64), space=spaces, year=YEARS)
