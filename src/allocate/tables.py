"""Long tables to checked, labelled arrays in canonical order; every problem of a table in one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.errors import Problem, nearest
from allocate.names import SPACE, STATUSES, VALUE
from allocate.regions import Registry
from allocate.units import FLAG, Unit, UnitError

LARGEST: Final = 1e15
"""No sum of public money, no count of people and no price here is larger, in base units."""

FEW: Final = 8
"""Problems of one kind that are listed one by one; the rest are counted."""


@dataclass(frozen=True)
class Datum:
    """One long table: a column a dim, plus ``value``; and what the numbers are.

    ``unit`` is in the library's own units (R, household, person, year, 1, flag and products such as
    ``R/household``); ``status`` is one of :data:`allocate.names.STATUSES`; ``default`` fills cells without a
    row; ``scale`` is rand in one unit of a money column.
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


def array_of(
    table: Datum, labels: Mapping[str, tuple[str, ...]], regions: Registry | None, problems: list[Problem]
) -> xr.DataArray:
    """One datum as a full array in canonical order; what is wrong is added to ``problems``."""
    frame = table.frame.reset_index(drop=True)
    dims = [str(c) for c in frame.columns if c != VALUE]
    shape = tuple(len(labels[d]) for d in dims)
    attrs = {"unit": table.unit, "status": table.status, "source": table.source, "period": table.period}
    attrs |= {"why": table.why, "notes": "\n".join(table.notes)}
    blank = xr.DataArray(np.zeros(shape), dims=dims, attrs=attrs)
    mine: list[Problem] = []
    if VALUE not in frame.columns:
        mine.append(Problem(table.name, f"has no column {VALUE!r}; it has {', '.join(map(str, frame.columns))[:200]}"))
    if table.status not in STATUSES:
        words = f"status {table.status!r} is not one of {', '.join(STATUSES)}"
        mine.append(Problem(table.name, words + nearest(table.status, STATUSES)))
    try:
        Unit.parse(table.unit)
    except UnitError as error:
        mine.append(Problem(table.name, str(error)))
    if mine:
        problems += mine
        return blank
    places = [_positions(table, frame[d], d, labels[d], regions, mine) for d in dims]
    values = _numbers(table, frame[VALUE], mine)
    flat = np.ravel_multi_index(places, shape, mode="clip") if dims else np.zeros(len(frame), dtype=np.int64)
    good = np.all([p >= 0 for p in places], axis=0) if dims else np.ones(len(frame), dtype=bool)
    _repeated(table, frame, dims, np.where(good, flat, -1 - np.arange(len(frame))), mine)
    out = np.full(int(np.prod(shape)), np.nan if table.default is None else table.default)
    out[flat[good]] = values[good] * table.scale
    if not mine:
        _absent(table, dims, labels, regions, np.flatnonzero(np.isnan(out)), mine)
    problems += mine
    return blank.copy(data=out.reshape(shape))


def _positions(
    table: Datum,
    column: pd.Series[Any],
    dim: str,
    known: tuple[str, ...],
    regions: Registry | None,
    problems: list[Problem],
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The place of each label in canonical order, -1 for an unknown one (which is a problem)."""
    order = {label: n for n, label in enumerate(known)}
    places = np.empty(len(column), dtype=np.int64)
    unknown: list[Problem] = []
    resolved: dict[object, int] = {}
    for row, label in enumerate(column):
        if label not in resolved:
            resolved[label] = order.get(str(label), -1)
            if resolved[label] < 0 and dim == SPACE and regions is not None:
                resolved[label] = order.get(regions.find(label) or "", -1)
        places[row] = resolved[label]
        if places[row] < 0:
            if dim == SPACE and regions is not None:
                words = regions.unknown(label)
            else:
                words = f"unknown {dim} {str(label)[:60]!r}{nearest(str(label)[:60], known)}"
            unknown.append(Problem(_row(table, row, dim), words))
    problems += _few(unknown)
    return places


def _numbers(table: Datum, column: pd.Series[Any], problems: list[Problem]) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    wrong: list[Problem] = []
    flag = table.unit == FLAG
    bad = ~np.isfinite(values) | (values < 0) | (np.abs(values) * table.scale > LARGEST)
    if flag:
        bad |= (values != 0) & (values != 1)
    for row in np.flatnonzero(bad):
        raw, value = str(column.iloc[row])[:40], values[row]
        if np.isnan(value):
            words = "is empty" if not raw.strip() or raw == "nan" else f"{raw!r} is not a number"
            if raw.replace(" ", "").replace(",", "").replace("\u00a0", "").replace(".", "").isdigit():
                words += "; write digits without separators"
        elif np.isinf(value):
            words = f"{raw} is not finite"
        elif value < 0:
            words = f"{raw} is negative; {table.name} is never negative"
        elif flag:
            words = f"{raw} is not 0 or 1; {table.name} is a flag"
        else:
            words = f"{raw} is too large; {table.name} is in {table.unit}"
        wrong.append(Problem(_row(table, int(row), VALUE), words))
    problems += _few(wrong)
    return values


def _repeated(
    table: Datum, frame: pd.DataFrame, dims: list[str], flat: np.ndarray[Any, Any], problems: list[Problem]
) -> None:
    first: dict[int, int] = {}
    twice: list[Problem] = []
    for row, cell in enumerate(flat):
        if int(cell) in first:
            label = ", ".join(str(frame[d].iloc[row]) for d in dims) or "the only value"
            twice.append(Problem(_row(table, row, ""), f"{label} is already given in row {first[int(cell)] + 2}"))
        first.setdefault(int(cell), row)
    problems += _few(twice)


def _absent(
    table: Datum,
    dims: list[str],
    labels: Mapping[str, tuple[str, ...]],
    regions: Registry | None,
    empty: np.ndarray[Any, Any],
    problems: list[Problem],
) -> None:
    shape = tuple(len(labels[d]) for d in dims)
    missing = []
    for cell in empty:
        where = [labels[d][k] for d, k in zip(dims, np.unravel_index(cell, shape), strict=True)]
        titled = [
            f"{w} ({regions.names[w]})" if d == SPACE and regions is not None else w
            for d, w in zip(dims, where, strict=True)
        ]
        missing.append(Problem(table.name, f"row for {', '.join(titled)} is missing" if where else "has no row"))
    problems += _few(missing)


def _row(table: Datum, row: int, column: str) -> str:
    return f"{table.name}, row {row + 2}" + (f", {column}" if column else "")


def _few(problems: list[Problem]) -> list[Problem]:
    """The first few of many problems of one kind, and how many more there are."""
    if len(problems) <= FEW:
        return problems
    more = len(problems) - FEW
    return [*problems[:FEW], Problem(problems[FEW].place, f"and {more} more like {'this' if more == 1 else 'these'}")]


def read_csv(file: Path, columns: list[str], problems: list[Problem]) -> pd.DataFrame | None:
    try:
        frame = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        problems.append(Problem(file.name, "there is no such file"))
    except UnicodeDecodeError as error:
        problems.append(Problem(file.name, f"byte {error.start} is not UTF-8 text; save as CSV UTF-8"))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        problems.append(Problem(file.name, f"is not a CSV table: {str(error)[:120]}"))
    else:
        found = [str(c) for c in frame.columns]
        if sorted(found) == sorted(columns):
            return frame[columns]
        hint = "; separate the columns by commas" if len(found) == 1 and ";" in found[0] else ""
        words = f"has columns {', '.join(found)[:120]}; expected {', '.join(columns)}{hint}"
        problems.append(Problem(file.name, words))
    return None
