"""Long tables to one checked, labelled World, in canonical order, every problem of a file in one message.

A World is a folder: a CSV file a datum (a column a dim, plus ``value``) and one Frictionless ``datapackage.json``
that says what each number is: its unit, the rand scale of a money column, a control total, source and status.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE, STATUSES, VALUE
from allocate.regions import Registry
from allocate.units import FLAG, MONEY, SCALES, Unit, UnitError, scale_of

LARGEST: Final = 1e15
"""No sum of public money, no count of people and no price here is larger, in base units."""

FEW: Final = 8
"""Problems of one kind that are listed one by one; the rest are counted."""

DESCRIPTOR: Final = "datapackage.json"
REGIONS: Final = "regions.csv"


@dataclass(frozen=True)
class Datum:
    """One long table: a column a dim, plus ``value``; and what the numbers are.

    ``unit`` is in the library's own units (R, household, person, year, 1, flag and products such as
    ``R/household``); ``status`` is one of :data:`allocate.names.STATUSES`; ``default`` fills cells without a row.
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


@dataclass(frozen=True, eq=False)
class World:
    """All data of a model, labelled and checked: ``data[name]`` is an array whose ``attrs`` say what it is.

    Build one with :func:`read_world` or :meth:`World.build`.
    """

    name: str
    data: xr.Dataset
    regions: Registry | None = None

    @classmethod
    def build(
        cls,
        name: str,
        data: Iterable[Datum],
        dims: Mapping[str, Sequence[str]],
        regions: Registry | None = None,
        origin: object = None,
    ) -> World:
        """Check long tables and put them in canonical order.

        ``dims`` gives the labels of a dim in order; a dim that it lacks takes the sorted labels of its tables,
        and spaces those of ``regions``. Money is in rand.

        Raises :class:`InputError` naming every unknown, duplicate or missing label and every bad number.
        """
        tables = list(data)
        labels = _labels(tables, dims, regions)
        problems: list[Problem] = []
        arrays: dict[str, xr.DataArray] = {}
        for table in tables:
            if table.name in arrays:
                problems.append(Problem(table.name, "is given twice"))
            arrays[table.name] = _array(table, labels, regions, problems)
        if problems:
            raise InputError(origin or name, problems)
        return cls(name, xr.Dataset(arrays, coords={d: list(v) for d, v in labels.items()}), regions)

    def labels(self, dim: str) -> tuple[str, ...]:
        """The labels of a dim, in canonical order."""
        return tuple(map(str, self.data[dim].values))

    def title(self, dim: str, label: str) -> str:
        """How a person calls a label: ``Ugu (DC21)`` for a space, else the label itself."""
        if dim == SPACE and self.regions is not None and label in self.regions.names:
            return f"{self.regions.names[label]} ({label})"
        return label

    def select(self, dim: str, wanted: Sequence[str]) -> World:
        """The same World with only some labels of a dim, in canonical order.

        Raises :class:`InputError` for a label that is not there, or when none is wanted.
        """
        if dim not in self.data.dims:
            raise InputError(self.name, [Problem(dim, f"is not a dim here{nearest(dim, map(str, self.data.dims))}")])
        known = self.labels(dim)
        problems = [Problem(dim, f"no {w!r}; there are {', '.join(known)}") for w in wanted if w not in known]
        if problems or not wanted:
            raise InputError(self.name, problems or [Problem(dim, "no label is wanted")])
        return replace(self, data=self.data.sel({dim: [label for label in known if label in wanted]}))

    def digest(self) -> str:
        """The sha256 of every label, unit and number, whatever order they were read in."""
        found = hashlib.sha256()
        for name in sorted(map(str, self.data.data_vars)):
            array = self.data[name]
            labels = {str(d): self.labels(str(d)) for d in array.dims}
            found.update(json.dumps([name, labels, array.attrs["unit"]]).encode())
            found.update(np.ascontiguousarray(array.values.astype("<f8")).tobytes())
        return found.hexdigest()

    def with_data(self, name: str, array: xr.DataArray) -> World:
        """The same World with one datum replaced or added (its attrs travel with it)."""
        return replace(self, data=self.data.drop_vars(name, errors="ignore").assign({name: array}))

    def write(self, folder: str | Path) -> None:
        """Write the World as a folder that :func:`read_world` reads back; the folder must be new or empty.

        Money is written in R thousand where it is whole in it, else in rand.
        """
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        if any(home.iterdir()):
            raise InputError(home, [Problem("", "is not empty; name a new folder")])
        resources = [self._write_datum(home, str(name)) for name in self.data.data_vars]
        if self.regions is not None:
            self.regions.write(home / REGIONS)
        ordered = {str(d): list(self.labels(str(d))) for d in self.data.dims}
        package = {
            "name": self.name.lower(),
            "profile": "tabular-data-package",
            "dims": ordered,
            "resources": resources,
        }
        (home / DESCRIPTOR).write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def _write_datum(self, home: Path, name: str) -> dict[str, Any]:
        array = self.data[name]
        values = array.values.astype(float).ravel()
        money = array.attrs["unit"] == MONEY
        scale = "R thousand" if money and not np.any(values % 1000) else "R"
        shown = values / (SCALES[scale] if money else 1.0)
        rows = list(itertools.product(*(self.labels(str(d)) for d in array.dims)))
        frame = pd.DataFrame(rows, columns=list(map(str, array.dims)), index=range(len(rows)))
        frame[VALUE] = [str(int(v)) if v == int(v) else repr(float(v)) for v in shown]
        frame.to_csv(home / f"{name}.csv", index=False, lineterminator="\n")
        field: dict[str, Any] = {"name": VALUE, "type": "number", "unit": array.attrs["unit"]}
        field |= {"scale": scale} if money else {}
        extra = {"control_total": float(values.sum())} if money else {}
        fields = [{"name": str(d), "type": "string"} for d in array.dims] + [field]
        said = {key: array.attrs[key] for key in ("status", "source", "period", "why") if array.attrs.get(key)}
        title = {"name": name.lower().replace("_", "-"), "datum": name, "path": f"{name}.csv"}
        return {**title, **said, **extra, "schema": {"fields": fields}}


def read_world(source: str | Path) -> World:
    """Read a built-in World by its name, or a folder of CSV files with a ``datapackage.json``.

    >>> read_world("za2016").data.sizes["space"]
    52

    Raises :class:`InputError` with every problem of every file and its place.
    """
    folder = Path(source)
    if folder.is_dir():
        return _read_folder(folder)
    known = {point.name: point for point in entry_points(group="allocate.worlds")}
    if str(source) in known:
        world = known[str(source)].load()()
        assert isinstance(world, World)
        return world
    words = f"there is no such folder or built-in world; built in: {', '.join(known)}{nearest(str(source), known)}"
    raise InputError(source, [Problem("", words)])


def _labels(
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


def _array(
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
    flat = np.ravel_multi_index(places, shape) if dims else np.zeros(len(frame), dtype=np.int64)
    good = np.all([p >= 0 for p in places], axis=0) if dims else np.ones(len(frame), dtype=bool)
    _repeated(table, frame, dims, np.where(good, flat, -1 - np.arange(len(frame))), mine)
    out = np.full(int(np.prod(shape)), np.nan if table.default is None else table.default)
    out[flat[good]] = values[good]
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
    bad = ~np.isfinite(values) | (values < 0) | (np.abs(values) > LARGEST)
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


def _read_folder(folder: Path) -> World:
    package = _descriptor(folder)
    problems: list[Problem] = []
    regions = Registry.read(folder / REGIONS) if (folder / REGIONS).is_file() else None
    data = [d for r in package.get("resources", []) if (d := _read_resource(folder, r, problems)) is not None]
    if not package.get("resources"):
        problems.append(Problem(DESCRIPTOR, "lists no resources"))
    dims = package.get("dims", {})
    if problems:
        raise InputError(folder, problems)
    return World.build(str(package.get("name", folder.name)), data, dims, regions, origin=folder)


def _descriptor(folder: Path) -> dict[str, Any]:
    file = folder / DESCRIPTOR
    if not file.is_file():
        raise InputError(folder, [Problem("", f"has no {DESCRIPTOR}, which says what each number is")])
    try:
        package = json.loads(file.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(file, [Problem("", f"is not JSON: {error}")]) from None
    if not isinstance(package, dict) or not isinstance(package.get("resources", []), list):
        raise InputError(file, [Problem("", "is not a Frictionless data package with a list of resources")])
    return package


def _read_resource(folder: Path, resource: Any, problems: list[Problem]) -> Datum | None:
    name = str(resource.get("datum", resource.get("name", "?"))) if isinstance(resource, dict) else "?"
    try:
        path = str(resource["path"])
        fields = {str(f["name"]): f for f in resource["schema"]["fields"]}
        unit = str(fields[VALUE]["unit"])
        scale = scale_of(str(fields[VALUE]["scale"])) if unit == MONEY else 1.0
    except (KeyError, TypeError, UnitError) as error:
        lacks = f"lacks {error}" if not isinstance(error, UnitError) else str(error)
        hint = "; money needs a scale, one of " + ", ".join(SCALES) if "'scale'" in lacks else ""
        problems.append(Problem(f"{DESCRIPTOR}, {name}", lacks + hint))
        return None
    file = folder / path
    if file.parent.resolve() != folder.resolve():
        problems.append(Problem(f"{DESCRIPTOR}, {name}", f"path {path[:80]!r} leaves the folder"))
        return None
    frame = _read_csv(file, list(fields), problems)
    if frame is None:
        return None
    numbers = pd.to_numeric(frame[VALUE], errors="coerce")
    if scale != 1.0:
        frame[VALUE] = (numbers * scale).where(numbers.notna(), frame[VALUE])
    if "control_total" in resource:
        _check_total(name, float(numbers.sum() * scale), float(resource["control_total"]), problems)
    source, period, why = (str(resource.get(key, "")) for key in ("source", "period", "why"))
    status = str(resource.get("status", "assumed"))
    return Datum(name, frame, unit, status, source, period, why, default=resource.get("default"))


def _read_csv(file: Path, columns: list[str], problems: list[Problem]) -> pd.DataFrame | None:
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


def _check_total(name: str, total: float, expected: float, problems: list[Problem]) -> None:
    """A column must add up to its control total; a power of ten between them names the likely unit."""
    if abs(total - expected) <= 0.5 * 1000 or expected <= 0 or not np.isfinite(total):
        return
    words = f"adds up to R{total:,.0f}, but the control total is R{expected:,.0f}"
    power = np.log10(expected / total) if total > 0 else 0.0
    if total > 0 and abs(power - round(power)) < 1e-6 and round(power):
        bigger = "small" if power > 0 else "large"
        words += f": {10 ** abs(round(power)):,} times too {bigger}; is the scale wrong? known: {', '.join(SCALES)}"
    problems.append(Problem(name, words))
