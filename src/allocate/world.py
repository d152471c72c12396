"""A World: every datum of a model, labelled, checked, in canonical order, with its unit, source and status.

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
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE, VALUE
from allocate.regions import Registry
from allocate.tables import Datum, array_of, labels_of, read_csv, refusal, refused, several, wrong_labels
from allocate.units import MONEY, SCALES, Unit, UnitError, scale_of

DESCRIPTOR: Final = "datapackage.json"
REGIONS: Final = "regions.csv"


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
        acknowledgement: str = "",
        envelope: str = "",
    ) -> World:
        """Check long tables and put them in canonical order.

        ``dims`` gives the labels of a dim in order; a dim that it lacks takes the sorted labels of its tables,
        and spaces those of ``regions``. Money is in rand. ``acknowledgement`` is what a page that shows the figures
        must say of their sources.

        Raises :class:`InputError` naming every unknown, duplicate or missing label and every bad number.
        """
        tables = list(data)
        labels = labels_of(tables, dims, regions)
        problems = wrong_labels(labels)
        arrays: dict[str, xr.DataArray] = {}
        for table in tables:
            if table.name in arrays:
                problems.append(Problem(table.name, "is given twice"))
            arrays[table.name] = array_of(table, labels, regions, problems)
        if problems:
            raise InputError(origin or name, problems)
        coords = {d: list(v) for d, v in labels.items()}
        return cls(
            name, xr.Dataset(arrays, coords, attrs={"acknowledgement": acknowledgement, "envelope": envelope}), regions
        )

    def labels(self, dim: str) -> tuple[str, ...]:
        """The labels of a dim, in canonical order."""
        return tuple(map(str, self.data[dim].values))

    def title(self, dim: str, label: str) -> str:
        """How a person calls a label: ``Ugu (DC21)`` for a space, else the label itself."""
        if dim == SPACE and self.regions is not None and label in self.regions.names:
            return f"{self.regions.names[label]} ({label})"
        return label

    def columns(self, dim: str) -> dict[str, tuple[str, ...]]:
        """What the table of a dim says of each of its labels, column by column; only spaces have a table.

        >>> sorted(set(read_world("za2016").columns("space")["kind"]))
        ['district', 'metro']
        """
        if dim != SPACE or self.regions is None:
            return {}
        known = {name: self.regions.column(name) for name in self.regions.header}
        return {name: tuple(cells[label] for label in self.labels(dim)) for name, cells in known.items()}

    def with_dim(self, dim: str, labels: Sequence[str]) -> World:
        """The same World with a dim of these labels; data that vary over it already are put in their order.

        Raises :class:`InputError` if they have other labels.
        """
        if dim not in self.data.dims:
            return replace(self, data=self.data.assign_coords({dim: list(labels)}))
        wrong = set(self.labels(dim)) ^ set(labels)
        if wrong:
            raise InputError(self.name, [Problem(dim, f"{', '.join(sorted(wrong))[:100]}: not in both tables")])
        return replace(self, data=self.data.sel({dim: list(labels)}))

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
        """The same World with one datum replaced or added.

        What its attrs do not say (unit, status, source, period, why, notes) is taken from the datum that it replaces;
        a new datum must have a unit. Its labels are those of the World, in any order. Nothing is changed in ``array``.

        >>> world = read_world("za2016")
        >>> float(world.with_data("need_weight", world.data["need_weight"] * 0 + 1).data["need_weight"].sum())
        52.0

        Raises :class:`InputError` for an unknown unit, wrong dims or labels, and numbers that no datum may have.
        """
        old = self.data.get(name)
        attrs = {**(old.attrs if old is not None else {}), **array.attrs}
        problems = self._misfits(name, array, attrs.get("unit"))
        if problems:
            raise InputError(self.name, problems)
        labelled = array.assign_coords({d: [str(label) for label in array[d].values] for d in array.dims})
        order = {d: list(self.labels(str(d))) for d in array.dims if d in self.data.dims}
        new = labelled.astype(float).reset_coords(drop=True).sel(order)
        new = new.transpose(*(array.dims if old is None else old.dims)).assign_attrs(attrs)
        return replace(self, data=self.data.drop_vars(name, errors="ignore").assign({name: new}))

    def _misfits(self, name: str, array: xr.DataArray, unit: object) -> list[Problem]:
        """Why an array cannot be the datum of this name."""
        if name in self.data.dims:
            return [Problem(name, "is a dim; call the datum something else")]
        try:
            Unit.parse(str(unit or ""))
        except UnitError as error:
            return [Problem(name, f"{error}; it is read from attrs['unit']")]
        if name in self.data and set(array.dims) != set(self.data[name].dims):
            has, had = (", ".join(map(str, a.dims)) or "no dim" for a in (array, self.data[name]))
            return [Problem(name, f"is over {has}; it replaces a datum over {had}")]
        problems = [words for dim in map(str, array.dims) for words in self._mislabelled(name, dim, array)]
        if problems:
            return problems
        try:
            values = array.values.astype(float)
        except (TypeError, ValueError):
            return [Problem(name, f"holds {array.dtype} values, not numbers")]
        found = []
        for cell in np.argwhere(refused(values, str(unit))):
            where = zip(array.dims, cell, strict=True)
            labels = ", ".join(f"{d}={array[d].values[k]}" for d, k in where)
            value = float(values[tuple(cell)])
            found.append((f"{name}[{labels}]" if labels else name, refusal(f"{value:g}", value, name, str(unit))))
        return several(found)

    def _mislabelled(self, name: str, dim: str, array: xr.DataArray) -> list[Problem]:
        """How the labels of a dim differ from those of the World."""
        if dim not in array.coords:
            return [Problem(name, f"has no labels along {dim!r}; give it coords")]
        found = list(map(str, array[dim].values))
        known = self.labels(dim) if dim in self.data.dims else tuple(found)
        wrong = [(name, f"unknown {dim} {label!r}{nearest(label, known)}") for label in found if label not in known]
        wrong += [(name, f"{dim} {label!r} is missing") for label in known if label not in found]
        return several(wrong) or [Problem(name, p.words) for p in wrong_labels({dim: tuple(found)})]

    def write(self, folder: str | Path) -> None:
        """Write the World as a folder that :func:`read_world` reads back; the folder must be new or empty.

        Money is written in R thousand where it is whole in it, else in rand. Raises :class:`InputError` if the folder
        is not empty or cannot be written.
        """
        try:
            self._write(Path(folder))
        except OSError as error:
            raise InputError(folder, [Problem("", f"cannot be written: {error.strerror or error}")]) from None

    def _write(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        if any(home.iterdir()):
            raise InputError(home, [Problem("", "is not empty; name a new folder")])
        resources = [self._write_datum(home, str(name)) for name in self.data.data_vars]
        if self.regions is not None:
            self.regions.write(home / REGIONS)
        ordered = {str(d): list(self.labels(str(d))) for d in self.data.dims}
        package: dict[str, Any] = {"name": self.name.lower()}
        package |= {key: self.data.attrs.get(key, "") for key in ("acknowledgement", "envelope")} | {"dims": ordered}
        package |= {"resources": resources}
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
        said: dict[str, Any] = {
            key: array.attrs[key] for key in ("status", "source", "period", "why") if array.attrs.get(key)
        }
        said |= {"notes": array.attrs["notes"].split("\n")} if array.attrs.get("notes") else {}
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


class _Column(BaseModel):
    """A column: its name, and for ``value`` its unit and, if it is money, its rand scale."""

    name: str
    unit: str = ""
    scale: str = ""


class _Columns(BaseModel):
    fields: tuple[_Column, ...] = Field(min_length=1)


class _Resource(BaseModel):
    """A table: the datum it holds, its file, its columns and what it is."""

    name: str
    datum: str = ""
    path: str
    status: str = "assumed"
    source: str = ""
    period: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    control_total: FiniteFloat | None = None
    default: FiniteFloat | None = None
    columns: _Columns = Field(alias="schema")


class _Package(BaseModel):
    """The part of a Frictionless data package that a World needs."""

    acknowledgement: str = ""
    envelope: str = ""
    dims: dict[str, tuple[str, ...]] = {}
    resources: tuple[_Resource, ...] = Field(min_length=1)


def _read_folder(folder: Path) -> World:
    package = _descriptor(folder)
    problems: list[Problem] = []
    regions = Registry.read(folder / REGIONS) if (folder / REGIONS).is_file() else None
    data = [d for resource in package.resources if (d := _read_resource(folder, resource, problems)) is not None]
    said = (package.acknowledgement, package.envelope)
    try:
        world = World.build(folder.resolve().name, data, package.dims, regions, folder, *said)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(folder, problems)
    return world


def _descriptor(folder: Path) -> _Package:
    file = folder / DESCRIPTOR
    if not file.is_file():
        raise InputError(folder, [Problem("", f"has no {DESCRIPTOR}, which says what each number is")])
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(
            file, [Problem(f"line {error.lineno}, column {error.colno}", f"is not JSON: {error.msg}")]
        ) from None
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(file, [Problem("", f"cannot be read as JSON: {error}")]) from None
    try:
        return _Package.model_validate(found)
    except ValidationError as error:
        problems = [Problem(".".join(map(str, e["loc"])), e["msg"].lower()) for e in error.errors()]
        raise InputError(file, problems) from None


def _read_resource(folder: Path, resource: _Resource, problems: list[Problem]) -> Datum | None:
    name = resource.datum or resource.name
    fields = {field.name: field for field in resource.columns.fields}
    wrong = _undescribed(folder, resource, fields)
    if wrong:
        problems.append(Problem(f"{DESCRIPTOR}, {name}", wrong))
        return None
    frame = read_csv(folder / resource.path, list(fields), problems)
    if frame is None:
        return None
    value = fields[VALUE]
    scale = scale_of(value.scale) if value.unit == MONEY else 1.0
    numbers = pd.to_numeric(frame[VALUE], errors="coerce")
    if resource.control_total is not None and bool((numbers >= 0).all()):
        _check_total(resource.path, float(numbers.sum()), scale, resource.control_total, problems)
    said = (resource.status, resource.source, resource.period, resource.why, resource.notes)
    return Datum(name, frame, value.unit, *said, default=resource.default, scale=scale, place=resource.path)


def _undescribed(folder: Path, resource: _Resource, fields: Mapping[str, _Column]) -> str:
    """What the descriptor does not say that it must, in words, or nothing."""
    if (folder / resource.path).parent.resolve() != folder.resolve():
        return f"path {resource.path[:80]!r} leaves the folder"
    if VALUE not in fields:
        return f"has no column {VALUE!r} among its fields"
    if not fields[VALUE].unit:
        return f"column {VALUE!r} has no unit; write for example R, household, 1 or flag"
    if fields[VALUE].unit == MONEY:
        try:
            scale_of(fields[VALUE].scale)
        except UnitError as error:
            return str(error) if fields[VALUE].scale else f"money needs a scale, one of {', '.join(SCALES)}"
    return ""


def _check_total(name: str, total: float, scale: float, expected: float, problems: list[Problem]) -> None:
    """A money column must add up to its control total; a power of ten between them names the likely unit."""
    found = total * scale
    if abs(found - expected) <= 500 or not np.isfinite(found):
        return
    words = f"adds up to R{found:,.0f}, but the control total is R{expected:,.0f}"
    power = np.log10(expected / found) if found > 0 and expected > 0 else 0.0
    if round(power) and abs(power - round(power)) < 1e-6:
        words += f": {10 ** abs(round(power)):,} times too {'small' if power > 0 else 'large'}"
        likely = [unit for unit, rand in SCALES.items() if abs(total * rand - expected) <= 1e-6 * expected]
        words += f"; is it in {likely[0]}?" if likely else ""
    else:
        words += f"; if the change is meant, change control_total in {DESCRIPTOR}"
    problems.append(Problem(name, words))
