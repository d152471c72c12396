"""The folder of facts: its tables, its constants, and the words that order them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocate.errors import InputError, Problem, nearest
from allocate.regions import Registry

FOLDER = Path(__file__).parent / "facts"

GRANTS = ("MIG", "IUDG", "USDG", "WSIG", "RBIG", "INEP", "EEDSM")
SCORED = ("water", "sanitation", "electricity", "refuse")
SERVICES = (*SCORED, "roads", "public facilities", "energy efficiency")
PURPOSES = (
    "water and sanitation",
    "electricity",
    "energy efficiency",
    "roads",
    "solid waste",
    "public facilities",
)
YEARS = ("2017/18", "2018/19", "2019/20")
HEADS = ("female", "male")
SEXES = ("women", "men")
MARKS = ("principal", "significant", "not targeted", "unscreened")
WAVES = ("1", "2", "3", "4", "5")
KINDS = ("district", "metro")
CATEGORIES = ("women-specific", "equal opportunity in employment", "general")


@cache
def _read(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.csv"
    if not path.exists():
        known = nearest(name, [file.stem for file in folder.glob("*.csv")])
        raise InputError(folder.name, [Problem(path.name, f"no such table of facts{known}")])
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def table(name: str) -> pd.DataFrame:
    """One table of facts, as a copy that the caller may change.

    >>> table("mig_spending").columns.tolist()
    ['year', 'transferred', 'spent']
    """
    return _read(FOLDER, name).copy()


def constant(name: str) -> float:
    """One number of ``constants.csv``, by name.

    >>> 0 < constant("keep") <= 1
    True
    """
    return float(_constant(name)["value"])


def constant_year(name: str) -> str:
    """The year that one number of ``constants.csv`` is of; for a sum of money, the year of its prices.

    >>> constant_year("expert_cost")
    '2013/14'
    """
    return str(_constant(name)["year"])


def _constant(name: str) -> pd.Series:
    rows = table("constants")
    if name not in set(rows["name"]):
        raise InputError("constants.csv", [Problem("name", f"no constant {name!r}{nearest(name, rows['name'])}")])
    return rows[rows["name"] == name].iloc[0]


def spaces() -> tuple[str, ...]:
    """The codes of the 52 spaces, in the order of ``spaces.csv``, which is the order of every table.

    >>> len(spaces())
    52
    """
    return tuple(table("spaces")["code"])


def registry() -> Registry:
    """The checked registry of the 52 spaces, with their names, provinces (``parent``, and again under the name that
    rules group by) and places on the tile map.

    >>> registry().resolve("OR Tambo")
    'DC15'
    """
    found = Registry.read(FOLDER / "spaces.csv")
    return replace(
        found,
        header=(*found.header, "province"),
        rows=tuple((*row, found.column("parent")[row[0]]) for row in found.rows),
    )


def metros() -> frozenset[str]:
    """The codes of the eight metropolitan spaces.

    >>> sorted(metros())[:2]
    ['BUF', 'CPT']
    """
    places = table("spaces")
    return frozenset(places.loc[places["kind"] == "metro", "code"])


def dims() -> dict[str, tuple[str, ...]]:
    """Every dim of the South African world with its labels in order.

    >>> dims()["year"]
    ('2017/18', '2018/19', '2019/20')
    """
    return {
        "space": spaces(),
        "grant": GRANTS,
        "pool": GRANTS,
        "service": SERVICES,
        "purpose": PURPOSES,
        "tier": tuple(table("tiers")["tier"]),
        "band": tuple(table("bands")["band"]),
        "year": YEARS,
        "head": HEADS,
        "sex": SEXES,
        "mark": MARKS,
        "budget_category": CATEGORIES,
        "wave": WAVES,
        "kind": KINDS,
    }


def long(values: NDArray[np.generic], **over: tuple[str, ...]) -> pd.DataFrame:
    """A labelled array as a long table: a column a dim, in the order given, and ``value``.

    >>> long(np.array([[1, 0]]), place=("A",), head=("female", "male"))
      place    head  value
    0     A  female      1
    1     A    male      0
    """
    index = pd.MultiIndex.from_product(list(over.values()), names=list(over))
    return pd.DataFrame({"value": np.asarray(values).reshape(-1)}, index=index).reset_index()


def array(
    frame: pd.DataFrame, *, fill: float | None = None, value: str = "value", **over: tuple[str, ...]
) -> NDArray[np.float64]:
    """A long table as an array of the caller's own, in the order of the labels given.

    A missing cell is ``fill``; without ``fill`` it is an :class:`~allocate.errors.InputError`, as a cell that comes
    twice is. Rows with other labels are left out.

    >>> array(pd.DataFrame({"place": ["B", "A"], "value": [2, 1]}), place=("A", "B"))
    array([1., 2.])
    """
    index = pd.MultiIndex.from_product(list(over.values()), names=list(over))
    keys = pd.MultiIndex.from_frame(frame[list(over)])
    cells = pd.Series(frame[value].to_numpy(dtype=float, na_value=np.nan), index=keys).dropna()
    problems = [Problem(_words(key), "appears more than once") for key in keys[keys.duplicated()].unique()]
    if not problems and fill is None:
        problems = [Problem(_words(key), "is missing") for key in index[~index.isin(cells.index)]]
    if problems:
        raise InputError(value, problems)
    filled = cells.reindex(index).fillna(0.0 if fill is None else fill)
    return np.array(filled, dtype=np.float64).reshape([len(labels) for labels in over.values()])


def _words(key: tuple[object, ...]) -> str:
    return ", ".join(map(str, key))
