"""Long tables to checked, labelled arrays in canonical order; every problem of a table in one message."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.errors import Problem, nearest
from allocate.names import SPACE, STATUSES, TIME, UNALLOCATED, VALUE
from allocate.regions import Registry
from allocate.units import FLAG, Unit, UnitError

LARGEST: Final = 1e15
"""No sum of public money, no count of people and no price here is larger, in base units."""

type Values = np.ndarray[Any, np.dtype[np.float64]]

SEPARATORS: Final = str.maketrans("", "", " ,.\u00a0")

DECIMAL_COMMA: Final = re.compile(r"[0-9]+,(?![0-9]{3}$)[0-9]+")
"""A comma that parts no thousands."""

LONGEST_LABEL: Final = 80

FORMULA: Final = ("=", "+", "-", "@")
"""How a spreadsheet tells a formula from text."""

FEW: Final = 8
"""Problems of one kind that are listed one by one; the rest are counted."""


@dataclass(frozen=True)
class Datum:
    """One long table: a column a dim, plus ``value``; and what the numbers are.

    ``unit`` is in the library's own units (R, household, person, year, 1, flag and products such as
    ``R/household``); ``status`` is one of :data:`allocate.names.STATUSES`; ``default`` fills cells without a
    row; ``scale`` is rand in one unit of a money column; ``place`` is where errors say it stands, ``told``
    where its description does, and ``letters`` what a spreadsheet calls its columns, if it stands in one.
    """

    name: str
    frame: pd.DataFrame
    unit: str
    status: str
    source: str
    period: str
    why: str = ""
    notes: tuple[str, ...] = ()
    default: float | None = None
    scale: float = 1.0
    place: str = ""
    told: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)


def labels_of(
    tables: Sequence[Datum], dims: Mapping[str, Sequence[str]], regions: Registry | None
) -> dict[str, tuple[str, ...]]:
    used = {d: None for table in tables for d in table.frame.columns if d != VALUE}
    found = {}
    for dim in used:
        if dim in dims:
            found[dim] = tuple(dims[dim])
        elif dim == SPACE and regions is not None:
            found[dim] = tuple(regions.codes)
        else:
            seen = {str(v) for table in tables if dim in table.frame.columns for v in table.frame[dim]}
            found[dim] = tuple(sorted(seen))
    return found


def wrong_labels(labels: Mapping[str, tuple[str, ...]]) -> list[Problem]:
    """Labels that no table or spreadsheet could carry safely: blank, not printable, too long, twice, or a formula."""
    problems = []
    for dim, known in labels.items():
        for label in known:
            if not (label.strip() == label != "" and label.isprintable() and len(label) <= LONGEST_LABEL):
                words = f"{label[:40]!r} is not a label; use 1 to {LONGEST_LABEL} printable characters"
                problems.append(Problem(dim, words))
            elif label.startswith(FORMULA):
                problems.append(Problem(dim, f"{label[:40]!r} begins like a formula; a spreadsheet would run it"))
            elif label == UNALLOCATED:
                problems.append(Problem(dim, f"{label!r} is what schedules call money held back; use another label"))
        twice = sorted(label for label, times in Counter(known).items() if times > 1)
        problems += [Problem(dim, f"{label!r} is listed twice") for label in twice]
    return problems + _out_of_order(labels.get(TIME, ()))


def _out_of_order(years: Sequence[str]) -> list[Problem]:
    """Years that do not come one after the other, where they begin with a number: ``previous`` would run backwards."""
    found = [re.match(r"\d+", year) for year in years]
    numbers = [int(match[0]) for match in found if match]
    if len(numbers) < len(years):
        return []
    pairs = zip(years, years[1:], numbers, numbers[1:], strict=False)
    return [
        Problem(TIME, f"{later!r} comes after {first!r}; years go in order") for first, later, a, b in pairs if a > b
    ]


def array_of(
    table: Datum, labels: Mapping[str, tuple[str, ...]], regions: Registry | None, problems: list[Problem]
) -> xr.DataArray:
    """One datum as a full array in canonical order; what is wrong is added to ``problems``."""
    reading = _Reading(table, labels, regions)
    array = reading.array()
    problems += reading.problems
    return array


def refused(values: Values, unit: str, scale: float = 1.0) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which numbers no datum of this unit may have."""
    bad = ~np.isfinite(values) | (values < 0) | (np.abs(values) * scale > LARGEST)
    return bad | ((values != 0) & (values != 1)) if unit == FLAG else bad


def refusal(shown: str, value: float, name: str, unit: str) -> str:
    """Why a number is refused."""
    if not np.isfinite(value):
        return f"{shown} is not finite"
    if value < 0:
        return f"{shown} is negative; {name} is never negative"
    if unit == FLAG:
        return f"{shown} is not 0 or 1; {name} is a flag"
    return f"{shown} is too large; {name} is in {unit}"


def not_a_number(shown: str) -> str:
    """Why a text is refused where a number should stand.

    >>> not_a_number("1 234")
    "'1 234' is not a number; write digits without separators"
    >>> not_a_number("1,5")
    "'1,5' is not a number; write decimals with a point"
    """
    digits = "; write digits without separators" if shown.translate(SEPARATORS).isdigit() else ""
    hint = "; write decimals with a point" if DECIMAL_COMMA.fullmatch(shown) else digits
    return f"{shown[:40]!r} is not a number{hint}"


def several(found: Sequence[tuple[str, str]]) -> list[Problem]:
    """The first few of many problems of one kind, each a place and words, and how many more there are."""
    more = len(found) - FEW
    listed = [Problem(place, words) for place, words in found[:FEW]]
    return [*listed, Problem("", f"and {more} more like {'this' if more == 1 else 'these'}")] if more > 0 else listed


class _Reading:
    """One table being read: what is wrong with it so far, and where."""

    def __init__(self, table: Datum, labels: Mapping[str, tuple[str, ...]], regions: Registry | None) -> None:
        self.table, self.labels, self.regions = table, labels, regions
        self.problems: list[Problem] = []
        self.dims = [str(c) for c in table.frame.columns if c != VALUE]
        self.shape = tuple(len(labels[d]) for d in self.dims)

    def array(self) -> xr.DataArray:
        table = self.table
        attrs = {name: getattr(table, name) for name in ("unit", "status", "source", "period", "why")}
        attrs |= {"notes": "\n".join(table.notes)} | ({} if table.default is None else {"default": table.default})
        blank = xr.DataArray(np.zeros(self.shape), dims=self.dims, attrs=attrs)
        self._describe()
        if self.problems:
            return blank
        values = self._numbers()
        places = [self._positions(dim) for dim in self.dims]
        good = np.all([np.ones(len(values)), *(p >= 0 for p in places)], axis=0)
        flat = (
            np.ravel_multi_index(places, self.shape, mode="clip") if places else np.zeros(len(values), dtype=np.int64)
        )
        self._repeated(flat, good)
        out = np.full(int(np.prod(self.shape)), np.nan if table.default is None else table.default)
        out[flat[good]] = values[good] * table.scale
        if not self.problems:
            self._absent(np.flatnonzero(np.isnan(out)))
        return blank.copy(data=out.reshape(self.shape))

    def _describe(self) -> None:
        table = self.table
        if VALUE not in table.frame.columns:
            has = ", ".join(map(str, table.frame.columns))[:200]
            self._problem("", f"has no column {VALUE!r}; it has {has}")
        told = table.told or table.place or table.name
        if table.status not in STATUSES:
            words = f"status {table.status[:40]!r} is not one of {', '.join(STATUSES)}"
            self.problems.append(Problem(told, words + nearest(table.status[:40], STATUSES)))
        try:
            Unit.parse(table.unit)
        except UnitError as error:
            self.problems.append(Problem(told, str(error)))

    def _problem(self, place: str, words: str) -> None:
        where = self.table.place or self.table.name
        self.problems.append(Problem(", ".join(filter(None, [where, place])), words))

    def _at(self, row: int, column: str = "") -> str:
        """A row as a person counts it in a file, or a cell as a spreadsheet calls it: the header is row 1."""
        number = self.table.frame.index[row] + 2
        if self.table.letters:
            return f"{self.table.letters[column or str(self.table.frame.columns[0])]}{number}"
        return f"row {number}" + (f", {column}" if column else "")

    def _several(self, found: list[tuple[str, str]]) -> None:
        for problem in several(found):
            self._problem(problem.place, problem.words)

    def _positions(self, dim: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The place of each label in canonical order, -1 for an unknown one."""
        known = self.labels[dim]
        order = {label: n for n, label in enumerate(known)}
        written = self.table.frame[dim]
        resolved = {label: order.get(str(label), -1) for label in written.unique()}
        named = self.regions if dim == SPACE else None
        unknown = [label for label, place in resolved.items() if place < 0]
        if named is not None:
            resolved |= {label: order.get(named.find(label) or "", -1) for label in unknown}
        places = written.map(resolved).to_numpy(dtype=np.int64)
        wrong = []
        for row in np.flatnonzero(places < 0):
            label = written.iloc[row]
            shown = str(label)[:60]
            words = named.unknown(label) if named else f"unknown {dim} {shown!r}{nearest(shown, known)}"
            wrong.append((self._at(int(row), dim), words))
        self._several(wrong)
        return places

    def _numbers(self) -> Values:
        written = self.table.frame[VALUE]
        values = pd.to_numeric(written, errors="coerce").to_numpy(dtype=float)
        rows = map(int, np.flatnonzero(refused(values, self.table.unit, self.table.scale)))
        self._several([(self._at(row, VALUE), self._refusal(str(written.iloc[row]), values[row])) for row in rows])
        return values

    def _refusal(self, written: str, value: float) -> str:
        """What is wrong with a number as it is written."""
        shown = written.strip()[:40]
        if shown in ("", "nan"):
            return "is empty"
        if np.isnan(value):
            return not_a_number(shown)
        return refusal(shown, value, self.table.name, self.table.unit)

    def _repeated(self, flat: np.ndarray[Any, Any], good: np.ndarray[Any, Any]) -> None:
        first: dict[int, int] = {}
        twice = []
        for row in map(int, np.flatnonzero(good)):
            cell = int(flat[row])
            if cell in first:
                label = ", ".join(str(self.table.frame[d].iloc[row]) for d in self.dims) or "the only value"
                twice.append((self._at(row), f"{label} is already given in {self._at(first[cell])}"))
            first.setdefault(cell, row)
        self._several(twice)

    def _absent(self, empty: np.ndarray[Any, Any]) -> None:
        missing = []
        for cell in empty:
            where = np.unravel_index(cell, self.shape)
            titles = [self._title(d, self.labels[d][k]) for d, k in zip(self.dims, where, strict=True)]
            missing.append(("", f"row for {', '.join(titles)} is missing" if titles else "has no row"))
        self._several(missing)

    def _title(self, dim: str, label: str) -> str:
        return (
            f"{label} ({self.regions.names.get(label, label)})" if dim == SPACE and self.regions is not None else label
        )
