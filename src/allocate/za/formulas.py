"""The published formulas that share municipal money, by space: what each part gives, from dated parameters.

A formula is arithmetic on a table of parameters (``formula_mig.csv``, ``formula_equitable_share.csv``) and on needs.
What no source gives is a parameter too, marked *assumed* there. The formulas are of municipalities, and a space is the
sum of its own: how money divides between a district municipality and its locals does not move a space.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem
from allocate.za.closure import share_above_floors
from allocate.za.folder import GRANTS, YEARS, array, long
from allocate.za.margins import Floats, Wholes, largest_remainder
from allocate.za.money import THOUSAND

MONTHS = 12
EACH = "R/municipality"
EQUITABLE = ("basic services", "institutional", "community services", "closure", "guarantee")
"""The parts of the local government equitable share."""


def in_force(parameters: pd.DataFrame, year: str) -> pd.DataFrame:
    """The rows that hold in a year: of every parameter the latest that is not later. Index: parameter.

    :class:`~allocate.errors.InputError` names every parameter that begins later.

    >>> rows = pd.DataFrame({"parameter": "subsidy", "year": ["2015/16", "2018/19"], "value": [313.76, 383.12]})
    >>> in_force(rows, "2019/20")["value"].tolist()
    [383.12]
    """
    first = parameters.groupby("parameter", sort=False)["year"].min()
    late = first[first > year]
    if len(late):
        raise InputError(year, [Problem(str(name), f"has no figure before {start}") for name, start in late.items()])
    held = parameters[parameters["year"] <= year].sort_values("year", kind="stable")
    return held.groupby("parameter").tail(1).set_index("parameter").loc[first.index]


def poor_households(
    homes: pd.DataFrame, poverty: pd.DataFrame, national: float, spaces: tuple[str, ...]
) -> pd.DataFrame:
    """Poor households of every space: households by the share of people in income poverty, scaled to a national share.

    Poverty by space counts people below R779 a month (2011 prices), the formula households below two old-age pensions;
    the shares of spaces are taken to stand to each other alike. Unit: household.

    >>> homes = pd.DataFrame({"space": ["A", "B"], "value": [10, 10]})
    >>> poverty = pd.DataFrame({"space": ["A", "B"], "headcount": [0.6, 0.2]})
    >>> poor_households(homes, poverty, 0.5, ("A", "B"))["value"].tolist()
    [7.5, 2.5]

    Raises :class:`~allocate.errors.InputError` where scaling would make more households poor than there are.
    """
    everyone = array(homes, space=spaces)
    poor = everyone * array(poverty, value="headcount", space=spaces)
    poor *= national * everyone.sum() / poor.sum()
    problems = [
        Problem(spaces[i], f"would have {poor[i]:,.0f} poor households of {everyone[i]:,.0f}")
        for i in np.flatnonzero(poor > everyone).tolist()
    ]
    if problems:
        raise InputError("poor households", problems)
    return long(poor, space=spaces)


def municipalities_of(
    municipalities: pd.DataFrame, spaces: tuple[str, ...], *, without: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """How many municipalities every space has, its district municipality with its locals, ``without`` some codes.

    >>> places = pd.DataFrame({"code": ["A", "A1", "A2", "B"], "space": ["A", "A", "A", "B"]})
    >>> municipalities_of(places, ("A", "B"), without=frozenset("A"))["value"].tolist()
    [2, 1]
    """
    counted = municipalities[~municipalities["code"].isin(without)].groupby("space").size()
    return long(counted.reindex(list(spaces), fill_value=0).to_numpy(dtype=np.int64), space=spaces)


def mig(rows: pd.DataFrame, pool: int, measures: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """The Municipal Infrastructure Grant by its formula: an amount for each municipality, then shares of the rest.

    ``rows`` (from :func:`in_force`) has an amount (unit R/municipality) or a share (unit 1) a part, and in
    ``shared_by`` which of the ``measures`` (space, measure, value) divides it: backlogs, poor households. ``pool`` is
    rand. Parts and spaces are whole R thousand that add up to the pool exactly (:func:`largest_remainder`). Unit: R.
    Source: National Treasury, explanatory memorandum to the Division of Revenue Bill (Budget Review annexure W1).

    >>> rows = pd.DataFrame({"value": [2000, 0.75, 0.25], "unit": ["R/municipality", "1", "1"],
    ...     "shared_by": ["towns", "need", "poor"]}, index=["constant", "basic", "rest"])
    >>> measures = long(np.array([[1, 3, 5], [1, 1, 5]]), space=("A", "B"), measure=("towns", "need", "poor"))
    >>> mig(rows, 14_000, measures, ("A", "B")).pivot(index="space", columns="part", values="value").loc["A"].tolist()
    [6000, 2000, 1000]

    Raises :class:`~allocate.errors.InputError` for shares that do not add up to 1, amounts beyond the pool, and a
    measure that is negative, not finite or 0 everywhere.
    """
    used = tuple(rows["shared_by"].unique())
    measured = array(measures, space=spaces, measure=used)
    value, each = rows["value"].to_numpy(dtype=np.float64), (rows["unit"] == EACH).to_numpy()
    divided = measured[:, [used.index(name) for name in rows["shared_by"]]]
    amounts = np.where(each, value * divided, 0.0)
    problems = [*_bad_measures(measured, used, spaces), *_bad_shares(float(value[~each].sum()), amounts.sum() - pool)]
    if problems:
        raise InputError("formula", problems)
    parts = _thousands(amounts)
    shared = largest_remainder(value[~each], _in_thousands(pool) - int(parts.sum()))
    for k, thousands in zip(np.flatnonzero(~each).tolist(), shared.tolist(), strict=True):
        parts[:, k] = largest_remainder(divided[:, k], thousands)
    return long(parts * THOUSAND, space=spaces, part=tuple(map(str, rows.index)))


def _thousands(rand: Floats) -> Wholes:
    return np.floor(rand / THOUSAND + 0.5).astype(np.int64)


def _in_thousands(pool: int) -> int:
    if pool % THOUSAND:
        raise InputError("pool", [Problem("", f"R{pool:,} is not a whole number of R thousand")])
    return pool // THOUSAND


def _bad_measures(measured: Floats, used: tuple[str, ...], spaces: tuple[str, ...]) -> Iterator[Problem]:
    bad = ~np.isfinite(measured) | (measured < 0)
    for i, k in np.argwhere(bad).tolist():
        yield Problem(f"{used[k]} of {spaces[i]}", f"{measured[i, k]:g} is not a number from 0 upwards")
    for k in np.flatnonzero(~bad.any(axis=0) & ~measured.any(axis=0)).tolist():
        yield Problem(used[k], "is 0 everywhere, so nothing can be shared by it")


def _bad_shares(total: float, over: float) -> Iterator[Problem]:
    if not np.isclose(total, 1, atol=1e-9):
        yield Problem("shares", f"add up to {total:.6f}; they add up to 1")
    if over > 0:
        yield Problem("pool", f"is R{over:,.0f} less than the amounts a municipality come to")


def equitable_share(
    rows: pd.DataFrame,
    pool: int,
    poor: pd.DataFrame,
    homes: pd.DataFrame,
    municipalities: pd.DataFrame,
    indicated: pd.DataFrame,
    spaces: tuple[str, ...],
) -> pd.DataFrame:
    """The local government equitable share by its formula, BS + (I + CS) x RA + C, closed on the voted ``pool``.

    Basic services BS is the monthly subsidy for every poor household. Institutional I and community services CS are an
    amount a municipality and a household, times the revenue adjustment RA. The correction C is in two parts: *closure*
    scales all alike to the pool, and *guarantee* is what then raises a space to the guaranteed share of what was
    ``indicated`` to it (0 promises nothing), or what it pays for others that are raised; it adds up to 0
    (:func:`~allocate.za.closure.share_above_floors`). ``rows`` is from :func:`in_force`. Unit: R, whole R thousand.
    Source: National Treasury to the Standing and Select Committees on Appropriations, 19 February 2013.

    >>> values = {"subsidy": 100.0, "institutional": 0, "community_services": 0, "revenue_adjustment": 1,
    ...     "guarantee": 0.9}
    >>> rows = pd.DataFrame({"parameter": list(values), "value": values.values()}).set_index("parameter")
    >>> def by(a: int, b: int) -> pd.DataFrame:
    ...     return pd.DataFrame({"space": ["A", "B"], "value": [a, b]})
    >>> found = equitable_share(rows, 96_000, by(30, 10), by(50, 50), by(1, 1), by(0, 40_000), ("A", "B"))
    >>> found.pivot(index="space", columns="part", values="value")[list(EQUITABLE)].to_numpy()
    array([[ 36000,      0,      0,  36000, -12000],
           [ 12000,      0,      0,  12000,  12000]])

    Raises :class:`~allocate.errors.InputError` for a bad number, and says by how much guarantees exceed the pool.
    """
    value = rows["value"].astype(float)
    people, everyone = array(poor, space=spaces), array(homes, space=spaces)
    adjusted = float(value["revenue_adjustment"])
    parts = np.stack(
        [
            value["subsidy"] * MONTHS * people,
            value["institutional"] * array(municipalities, space=spaces) * adjusted,
            value["community_services"] * everyone * adjusted,
        ],
        axis=1,
    )
    weights, thousands = parts.sum(axis=1), _in_thousands(pool)
    promised = _promised(float(value["guarantee"]), array(indicated, space=spaces), thousands, spaces)
    paid = share_above_floors(weights, promised, thousands, names=spaces)
    closed = share_above_floors(weights, np.zeros_like(weights), thousands, names=spaces)
    stated = _thousands(parts)
    both = np.column_stack([stated, closed - stated.sum(axis=1), paid - closed])
    return long(both * THOUSAND, space=spaces, part=EQUITABLE)


def _promised(share: float, indicated: Floats, thousands: int, spaces: tuple[str, ...]) -> Floats:
    """The guaranteed share of indicated amounts, up to whole R thousand, if a pool of ``thousands`` can pay it."""
    problems = [
        Problem(f"indicated to {spaces[i]}", f"{indicated[i]:g} is not a number from 0 upwards")
        for i in np.flatnonzero(~np.isfinite(indicated) | (indicated < 0)).tolist()
    ]
    promised = np.ceil(np.round(share * indicated / THOUSAND, 6))
    if not problems and (over := promised.sum() - thousands) > 0:
        words = f"comes to R{over:,.0f} thousand more than the pool of R{thousands:,} thousand"
        problems = [Problem(f"{share:.0%} of what was indicated", words)]
    if problems:
        raise InputError("guarantee", problems)
    return promised


def formula_share(actual: pd.DataFrame, amounts: pd.DataFrame, grant: str, spaces: tuple[str, ...]) -> pd.DataFrame:
    """The share of each grant that its formula gives each space; the actual share where a grant has no formula.

    ``actual`` is ``got_share`` (space, grant, year), ``amounts`` what the formula of ``grant`` gives (space, year).
    Unit: 1.

    >>> actual = long(np.full((2, len(GRANTS), len(YEARS)), 0.5), space=("A", "B"), grant=GRANTS, year=YEARS)
    >>> amounts = long(np.array([[3] * 3, [1] * 3]), space=("A", "B"), year=YEARS)
    >>> found = formula_share(actual, amounts, "MIG", ("A", "B"))
    >>> found.query("year == '2019/20' and space == 'A'")["value"].tolist()[:2]
    [0.75, 0.5]
    """
    shares = array(actual, space=spaces, grant=GRANTS, year=YEARS)
    rand = array(amounts, space=spaces, year=YEARS)
    shares[:, GRANTS.index(grant)] = rand / rand.sum(axis=0)
    return long(shares, space=spaces, grant=GRANTS, year=YEARS)
