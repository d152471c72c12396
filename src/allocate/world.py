"""A World: every datum of a model, labelled, checked, in canonical order, with its unit, source and status.

On disk a World is a folder (:mod:`allocate.package`) or a workbook (:mod:`allocate.workbook`): a table a datum (a
column a dim, plus ``value``), and one that says what each number is: its unit, the rand scale of a money column, a
control total, source and status.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import xarray as xr

from allocate import package, workbook
from allocate.descriptions import Contents
from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE
from allocate.regions import Registry
from allocate.sheets.opening import SUFFIXES
from allocate.tables import Datum, array_of, labels_of, refusal, refused, several, wrong_labels
from allocate.units import Unit, UnitError


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
        if regions is not None:
            strange = [label for label in labels.get(SPACE, ()) if label not in regions.names]
            problems += several([(SPACE, f"{label!r} is not in the table of regions") for label in strange])
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
        return tuple(map(str, self.data.variables[dim].values))

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

    def group(self, column: str) -> tuple[str, tuple[str, ...]] | None:
        """The dim whose table has a column, and the group that it puts each label in; None where no table has it."""
        tables = {str(dim): self.columns(str(dim)) for dim in self.data.dims}
        return next(((dim, table[column]) for dim, table in tables.items() if column in table), None)

    def with_dim(self, dim: str, labels: Sequence[str]) -> World:
        """The same World with a dim of these labels; data that vary over it already are put in their order.

        Raises :class:`InputError` if they have other labels.
        """
        if dim not in self.data.dims:
            return replace(self, data=self.data.assign_coords({dim: list(labels)}))
        if set(self.labels(dim)) != set(labels):
            words = f"has {', '.join(self.labels(dim))[:60]} in the world, not {', '.join(labels)[:60]}"
            raise InputError(self.name, [Problem(dim, words)])
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

    def latest(self, names: Iterable[str] | None = None) -> int:
        """The last year that a datum is about, of those named or of all, by its period; a municipal year is its end.

        Data that are about no year, such as norms, are left out; without any other it is 0.

        >>> read_world("za2016").latest(["need_weight", "served_now"])
        2016
        """
        chosen = self.data.data_vars if names is None else names
        found = [
            int(year) + bool(ends)
            for name in chosen
            for year, ends in re.findall(r"\b((?:19|20)\d\d)(/\d\d)?\b", str(self.data[name].attrs.get("period", "")))
        ]
        return max(found, default=0)

    def digest(self) -> str:
        """The sha256 of every label, unit and number, whatever order they were read in."""
        found = hashlib.sha256()
        for name in self._names():
            found.update(self._bytes(name))
        return found.hexdigest()

    def digests(self) -> dict[str, str]:
        """The sha256 of every datum by itself: two Worlds differ where these do.

        >>> one = read_world("za2016")
        >>> two = one.with_data("need_weight", one.data["need_weight"] * 2)
        >>> [name for name, digest in one.digests().items() if two.digests()[name] != digest]
        ['need_weight']
        """
        return {name: hashlib.sha256(self._bytes(name)).hexdigest() for name in self._names()}

    def _names(self) -> list[str]:
        return sorted(map(str, self.data.data_vars))

    def _bytes(self, name: str) -> bytes:
        """A datum as bytes: its name, labels and unit, then its numbers."""
        array = self.data[name]
        labels = {str(d): self.labels(str(d)) for d in array.dims}
        numbers = np.ascontiguousarray(array.values.astype("<f8")).tobytes()
        return json.dumps([name, labels, array.attrs["unit"]]).encode() + numbers

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
        if taken := [str(dim) for dim in array.dims if dim in self.data.data_vars]:
            return [Problem(name, f"is over {taken[0]!r}, which is a datum, not a dim")]
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

    def write(self, where: str | Path) -> None:
        """Write the World so that :func:`read_world` reads it back: a new workbook (``.xlsx``), or a new folder.

        Money is written in R thousand where it is whole in it, else in rand. Raises :class:`InputError` if the
        folder is not empty, the workbook is there already, or either cannot be written.
        """
        path = Path(where)
        write = workbook.write if path.suffix.lower() == ".xlsx" else package.write
        try:
            write(path, self.name, self.data, self.regions)
        except OSError as error:
            raise InputError(where, [Problem("", f"cannot be written: {error.strerror or error}")]) from None


def read_world(source: str | Path | World) -> World:
    """Read a built-in World by its name, a folder of CSV files with a ``datapackage.json``, or an ``.xlsx`` workbook.

    A World that is read already stays as it is.

    >>> read_world("za2016").data.sizes["space"]
    52

    Raises :class:`InputError` with every problem of every file and its place: a row, or a sheet and a cell.
    """
    if isinstance(source, World):
        return source
    path = Path(source)
    if path.is_dir():
        return _checked(path, path.resolve().name, package.read(path))
    if path.is_file() or path.suffix.lower() in SUFFIXES:
        return _checked(path, path.stem, workbook.read(path))
    known = {point.name: point for point in entry_points(group="allocate.worlds")}
    if str(source) in known:
        world = known[str(source)].load()()
        assert isinstance(world, World)
        return world
    words = f"there is no such folder, workbook or built-in world; built in: {', '.join(known)}"
    raise InputError(source, [Problem("", words + nearest(str(source), known))])


def _checked(source: Path, name: str, found: Contents) -> World:
    """The World that a file holds. Raises :class:`InputError` with the problems of its tables and of their labels."""
    problems = found.problems
    said = (found.acknowledgement, found.envelope)
    try:
        world = World.build(name, found.data, found.dims, found.regions, source, *said)
    except InputError as error:
        problems = [*problems, *error.problems]
    if problems:
        raise InputError(source, problems)
    return world
