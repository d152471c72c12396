"""A World as one workbook: a sheet a datum, and the sheet ``data`` that says what each number is.

Sheet ``data`` has a row a datum: ``datum``, ``unit``, and if they are known ``scale`` (of money), ``status``,
``source``, ``period``, ``why``, ``notes``, ``control_total`` (in rand), ``default`` and ``sheet``, if that has another
name than the datum. The sheet of a datum has a column a dim, and ``value``. Sheet ``dims`` has a column a dim: its
labels, downwards in order. Sheet ``regions`` lists the spaces (:mod:`allocate.regions`), and sheet ``about`` holds the
items ``acknowledgement`` and ``envelope``. Other sheets are notes and are not read, but one that is called almost like
a sheet that is, is refused.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xarray as xr

from allocate.descriptions import Contents, Description, described
from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE, VALUE
from allocate.regions import Registry
from allocate.sheets.reading import Sheets, Table
from allocate.sheets.writing import LONGEST_TEXT, MOST_ROWS, Book, Column, sheet_name
from allocate.tables import Datum, not_a_number, several
from allocate.units import FLAG

DATA: Final = "data"
DIMS: Final = "dims"
REGIONS: Final = "regions"
ABOUT: Final = "about"

SAID: Final = ("acknowledgement", "envelope")
"""The items of sheet ``about``."""

ALIKE: Final = 0.9
"""How like the name of a described sheet (difflib ratio) another must be to be taken for a slip."""

_WORDS: Final = ("datum", "unit", "scale", "status", "source", "period", "why", "notes")
_NUMBERS: Final = ("control_total", "default")
_COLUMNS: Final = (*_WORDS, *_NUMBERS, "sheet")
_WIDE: Final = ("source", "why", "notes")
_TRUTH: Final = {"TRUE": 1, "FALSE": 0}


@dataclass(frozen=True)
class _Row:
    """A row of sheet ``data``: what a datum is, the sheet that it stands in, the cell that names that, and the row."""

    description: Description
    sheet: str
    place: str
    told: str


@dataclass
class _Reading:
    """A workbook being read, and what is wrong with it so far."""

    sheets: Sheets
    problems: list[Problem] = field(default_factory=list)

    def contents(self) -> Contents:
        special = self._special()
        rows = self._described(special[DATA])
        dims = self._dims(special.get(DIMS))
        regions = self._regions(special.get(REGIONS))
        said = self._said(special.get(ABOUT))
        self._stop()  # a mistake in these would show up again in every table
        self._strays(rows)
        known = None if DIMS not in special else {*dims, *([SPACE] if regions else [])}
        tables = self._tables(rows)
        data = [self._datum(row, tables[row.sheet], known) for row in rows if row.sheet in tables]
        return Contents([d for d in data if d is not None], dims, regions, **said, problems=self.problems)

    def _stop(self) -> None:
        if self.problems:
            raise InputError(self.sheets.path, self.problems)

    def _special(self) -> dict[str, Table]:
        """The sheets that are not of one datum, by name."""
        if DATA not in self.sheets.names:
            words = f"has no sheet {DATA!r}, which says what each number is"
            raise InputError(self.sheets.path, [Problem("", words + nearest(DATA, self.sheets.names))])
        wanted = [name for name in (DATA, DIMS, REGIONS, ABOUT) if name in self.sheets.names]
        found = self.sheets.tables(wanted, self.problems)
        self._stop()
        return found

    def _described(self, table: Table) -> list[_Row]:
        self._only(table, _COLUMNS, needed=("datum", "unit"))
        self._stop()
        if table.frame.empty:
            self.problems.append(Problem(table.place, "describes no datum; write a row for each"))
        frame = table.frame.reindex(columns=[*_COLUMNS], fill_value="")
        return [row for n, cells in frame.iterrows() if (row := self._row(table, int(str(n)), cells)) is not None]

    def _row(self, table: Table, number: int, cells: pd.Series[Any]) -> _Row | None:
        said: dict[str, Any] = {key: _text(cells[key]) for key in _WORDS if _text(cells[key])}
        for key in _NUMBERS:
            if isinstance(cells[key], int | float) and math.isfinite(cells[key]):
                said[key] = cells[key]
            elif cells[key] != "":
                self.problems.append(Problem(table.at(number, key), not_a_number(_text(cells[key]))))
        if "datum" not in said:
            self.problems.append(Problem(table.at(number, "datum"), "the datum has no name"))
            return None
        said["notes"] = tuple(said["notes"].split("\n")) if "notes" in said else ()
        sheet = _text(cells["sheet"])
        place = table.at(number, "sheet" if sheet else "datum")
        return _Row(Description(**said), sheet or said["datum"], place, f"{table.place}, row {number + 2}")

    def _dims(self, table: Table | None) -> dict[str, tuple[str, ...]]:
        """The labels of each dim in order; columns are not equally long."""
        if table is None:
            return {}
        self.problems += several(list(_dates(table)))
        columns = {str(name): table.frame[name] for name in table.frame}
        return {name: tuple(_text(cell) for cell in column if cell != "") for name, column in columns.items()}

    def _regions(self, table: Table | None) -> Registry | None:
        if table is None:
            return None
        whole = table.frame.reindex(range(max(table.frame.index, default=-1) + 1), fill_value="")
        rows = tuple(tuple(map(_text, row)) for row in whole.itertuples(index=False, name=None))
        try:
            return Registry(tuple(map(str, whole.columns)), rows, table.place)
        except InputError as error:
            self.problems += [Problem(", ".join(filter(None, [table.place, p.place])), p.words) for p in error.problems]
            return None

    def _said(self, table: Table | None) -> dict[str, str]:
        if table is None:
            return {}
        self._only(table, ("item", "text"), needed=("item", "text"))
        self._stop()
        found = dict.fromkeys(SAID, "")
        for number, item, text in table.frame[["item", "text"]].itertuples(name=None):
            if item not in found:
                words = f"unknown item {_text(item)[:60]!r}{nearest(_text(item), SAID)}; there are {', '.join(SAID)}"
                self.problems.append(Problem(table.at(number, "item"), words))
            found[_text(item)] = _text(text)
        return {item: found[item] for item in SAID}

    def _only(self, table: Table, known: Iterable[str], needed: Iterable[str]) -> None:
        """A table that has other columns than it may, or lacks one that it must have."""
        for name in (name for name in table.letters if name not in known):
            self.problems.append(Problem(table.at(-1, name), f"unknown column {name[:60]!r}{nearest(name, known)}"))
        for name in (name for name in needed if name not in table.letters):
            self.problems.append(Problem(table.place, f"has no column {name!r}; it has {', '.join(table.letters)}"))

    def _strays(self, rows: list[_Row]) -> None:
        """Sheets that are not there, and sheets that are called almost like one that is read."""
        read = {DATA, DIMS, REGIONS, ABOUT, *(row.sheet for row in rows)}
        others = [name for name in self.sheets.names if name not in read]
        offered = set()
        for row in (row for row in rows if row.sheet not in self.sheets.names):
            hint = nearest(row.sheet, others)
            offered |= {name for name in others if repr(name) in hint}
            self.problems.append(Problem(row.place, f"there is no sheet {row.sheet!r}{hint}"))
        for name in (name for name in others if name not in offered):
            meant = next((known for known in sorted(read) if _alike(name, known)), None)
            if meant is not None:
                words = f"is not in sheet {DATA!r}; did you mean {meant!r}? If it is a note, give it another name"
                self.problems.append(Problem(f"sheet {name!r}", words))

    def _tables(self, rows: list[_Row]) -> dict[str, Table]:
        wanted = dict.fromkeys(row.sheet for row in rows if row.sheet in self.sheets.names)
        return self.sheets.tables(list(wanted), self.problems)

    def _datum(self, row: _Row, table: Table, dims: set[str] | None) -> Datum | None:
        description = row.description
        wrong = list(self._unfit(row, table, dims))
        if wrong:
            self.problems += wrong
            return None
        frame = table.frame.copy()
        for name in frame.columns:
            if name != VALUE:
                frame[name] = [cell if type(cell) is str else _text(cell) for cell in frame[name]]
        if description.unit == FLAG:
            frame[VALUE] = [_TRUTH.get(cell, cell) for cell in frame[VALUE]]
        return description.describe(frame, table.place, row.told, self.problems, table.letters)

    def _unfit(self, row: _Row, table: Table, dims: set[str] | None) -> Iterator[Problem]:
        """What of a table cannot be a datum, before its numbers are looked at."""
        unmeasured = row.description.unmeasured()
        if unmeasured:
            yield Problem(row.told, f"{row.description.datum}: {unmeasured}")
        if VALUE not in table.letters:
            yield Problem(table.place, f"has no column {VALUE!r}; it has {', '.join(table.letters)}")
        for name in table.letters:
            if name != VALUE and dims is not None and name not in dims:
                words = f"{name[:60]!r} is neither {VALUE!r} nor a dim of sheet {DIMS!r}"
                yield Problem(table.at(-1, name), words + nearest(name, [*dims, VALUE]))
        yield from several(list(_dates(table)))


def _dates(table: Table) -> Iterator[tuple[str, str]]:
    """Cells that a spreadsheet made a date of."""
    for name in table.letters:
        column = table.frame[name]
        if not set(map(type, column)) <= {str, int, float}:
            for number, cell in column[~column.map(type).isin([str, int, float])].items():
                words = f"is read as a date, {_text(cell)}; make the column {'Number' if name == VALUE else 'Text'}"
                yield table.at(int(str(number)), name), f"{words} and type it again"


def _text(cell: object) -> str:
    """A cell as text; a date as the year, month and day of ISO 8601."""
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)


def _alike(name: str, known: str) -> bool:
    """Whether two names differ by case, signs, a number at the end (as of a copy), a plural or hardly at all."""
    a, b = (re.sub(r"[\W_]+", "", text.casefold()).rstrip("0123456789").rstrip("s") for text in (name, known))
    return a == b or difflib.SequenceMatcher(None, a, b).ratio() >= ALIKE


def read(path: Path) -> Contents:
    """What a workbook holds of a World.

    >>> import tempfile
    >>> from allocate.world import read_world
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_world("za2016").write(f"{folder}/figures.xlsx")
    ...     len(read(Path(f"{folder}/figures.xlsx")).dims["space"])
    52

    Raises :class:`InputError` if it is no workbook, holds more than it may, or does not say what it holds.
    """
    return _Reading(Sheets(path)).contents()


def write(path: Path, name: str, data: xr.Dataset, regions: Registry | None) -> None:
    """Write a workbook that :func:`read` reads back, to the last bit of every number.

    Raises :class:`InputError` if the file is there already or something does not fit into a sheet, and OSError.
    """
    del name  # a World is called what its file is
    if path.exists():
        raise InputError(path, [Problem("", "is there already; name a new file")])
    tables = [described(str(key), array) for key, array in data.data_vars.items()]
    _check_room(path, tables)
    taken = [DATA, DIMS, REGIONS, ABOUT]
    sheets = {}
    for description, _ in tables:
        sheets[description.datum] = sheet_name(description.datum, taken)
        taken.append(sheets[description.datum])
    path.parent.mkdir(parents=True, exist_ok=True)
    with Book(path) as book:
        book.add(ABOUT, [Column("item"), Column("text", "text")], [(key, data.attrs.get(key, "")) for key in SAID])
        _write_descriptions(book, [description for description, _ in tables], sheets)
        dims = {str(d): list(map(str, data[d].values)) for d in data.dims}
        longest = max(map(len, dims.values()), default=0)
        labels = [[column[n] if n < len(column) else None for column in dims.values()] for n in range(longest)]
        if dims:
            book.add(DIMS, [Column(name) for name in dims], labels)
        if regions is not None:
            book.add(REGIONS, [Column(name) for name in regions.header], regions.rows)
        for description, frame in tables:
            columns = [Column(str(name)) for name in frame.columns]
            book.add(sheets[description.datum], columns, frame.itertuples(index=False, name=None))


def _check_room(path: Path, tables: list[tuple[Description, pd.DataFrame]]) -> None:
    problems = []
    for description, frame in tables:
        if len(frame) > MOST_ROWS:
            words = f"has {len(frame):,} rows, and a sheet {MOST_ROWS:,}; write a folder"
            problems.append(Problem(description.datum, words))
        for key in _WIDE:
            if len(_joined(description)[key]) > LONGEST_TEXT:
                words = f"its {key} has more than {LONGEST_TEXT:,} characters, which no cell holds"
                problems.append(Problem(description.datum, words))
    if problems:
        raise InputError(path, problems)


def _joined(description: Description) -> dict[str, Any]:
    return {**description.model_dump(), "notes": "\n".join(description.notes)}


def _write_descriptions(book: Book, descriptions: list[Description], sheets: dict[str, str]) -> None:
    columns = [Column(key, "text" if key in _WIDE else "") for key in _COLUMNS]
    rows = []
    for description in descriptions:
        sheet = sheets[description.datum]
        said = _joined(description) | {"sheet": sheet if sheet != description.datum else ""}
        rows.append([said[key] for key in _COLUMNS])
    book.add(DATA, columns, rows)
