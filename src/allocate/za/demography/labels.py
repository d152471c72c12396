"""The words of a projection: ages, periods, services, and where a single number is read."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocate.errors import InputError, Problem, nearest
from allocate.za.folder import HEADS, SEXES, array, spaces, table

type Floats = NDArray[np.float64]

AGES = (*(f"{low}-{low + 4}" for low in range(0, 85, 5)), "85+")
LIFE_AGES = ("0", "1-4", *AGES[1:])
MOTHER_AGES = AGES[3:10]
SERVICES = ("water", "sanitation", "electricity", "refuse", "dwelling", "classrooms", "clinics")
OF_HOUSEHOLDS = SERVICES[:5]
RATES = ("deaths", "births", "leaving", "attraction", "arrivals")
LEVELS = ("nation", "province", "space")
LAST = 2046
YEARS = 5
"""Of a period."""

REFERENCE = {2011: "2006-2011", 2016: "2016-2021"}
"""The five years whose published rates a world as of a year begins with."""


def periods(as_of: int) -> tuple[str, ...]:
    """Five years at a time from the year of the world to 2046, each from the middle of its first year.

    >>> periods(2016)[:2]
    ('2016-2021', '2021-2026')
    """
    return tuple(f"{first}-{first + YEARS}" for first in range(as_of, LAST, YEARS))


def like(as_of: int, period: str) -> str:
    """The five years whose national rates a period takes: its own, or as of 2011 the last that had been seen.

    >>> like(2016, "2021-2026"), like(2011, "2021-2026")
    ('2021-2026', '2006-2011')
    """
    return REFERENCE[as_of] if as_of == 2011 else period


def dims(as_of: int) -> dict[str, tuple[str, ...]]:
    """Every dim of the world with its labels in order.

    >>> len(dims(2011)["period"])
    7
    """
    return {
        "space": spaces(),
        "destination": spaces(),
        "sex": SEXES,
        "age": AGES,
        "life_age": LIFE_AGES,
        "mother_age": MOTHER_AGES,
        "period": periods(as_of),
        "head": HEADS,
        "service": SERVICES,
        "rate": RATES,
        "level": LEVELS,
    }


def parameter(group: str, name: str) -> float:
    """One number of ``people_parameters.csv``.

    >>> parameter("learners", "classroom")
    40.0

    Raises :class:`~allocate.errors.InputError` for a number that is not there.
    """
    rows = rows_of("people_parameters", parameter=group).set_index("name")["value"]
    if name not in rows.index:
        raise InputError("people_parameters.csv", [Problem(group, f"no number {name!r}{nearest(name, rows.index)}")])
    return float(rows[name])


def provinces() -> tuple[str, ...]:
    """The codes of the nine provinces, in alphabetical order.

    >>> provinces()[:3]
    ('EC', 'FS', 'GT')
    """
    return tuple(sorted(set(table("spaces")["parent"])))


def province_of() -> NDArray[np.intp]:
    """The place of each space's province in :func:`provinces`, in the order of spaces.

    >>> provinces()[province_of()[spaces().index("DC15")]]
    'EC'
    """
    parent, codes = table("spaces").set_index("code")["parent"], provinces()
    return np.array([codes.index(parent[space]) for space in spaces()], dtype=np.intp)


def by_province(values: Floats) -> Floats:
    """Sums over the spaces of each province, along the first axis.

    >>> float(by_province(np.ones(52)).sum())
    52.0
    """
    member = np.eye(len(provinces()))[:, province_of()]
    return np.asarray(np.tensordot(member, values, axes=1))


def rows_of(name: str, **where: object) -> pd.DataFrame:
    """The rows of a table of facts whose columns have these values.

    >>> len(rows_of("population", year=2011, boundary=2016))
    52
    """
    rows = table(name)
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def wide(rows: pd.DataFrame, columns: tuple[str, ...], **over: tuple[str, ...]) -> Floats:
    """A table with a column for each of some labels as an array; these labels are its last axis.

    >>> wide(pd.DataFrame({"place": ["B", "A"], "0": [1, 2], "1": [3, 4]}), ("0", "1"), place=("A", "B"))
    array([[2., 4.],
           [1., 3.]])
    """
    cells = rows.melt(list(over), list(columns), var_name="column")
    return array(cells, fill=None, value="value", **over, column=columns)


def shares_of_years(period: str) -> dict[int, float]:
    """How much of five years, from the middle of the first to the middle of the last, lies in each calendar year.

    >>> shares_of_years("2016-2021")[2016]
    0.1
    """
    first, last = map(int, period.split("-"))
    return {year: (0.1 if year in (first, last) else 0.2) for year in range(first, last + 1)}
