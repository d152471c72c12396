"""A sheet as a table: a header in row 1, a row a record, cells as they would be typed, problems with their cell."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from allocate.errors import InputError, Problem
from allocate.sheets.limits import LIMITS, Limits
from allocate.sheets.opening import Opened, open_workbook
from allocate.tables import several

type Cell = str | int | float | dt.date | dt.time | dt.timedelta

WHOLE: Final = 2**53
"""Whole numbers above this are not exact in a spreadsheet."""

_NEXT_CELL: Final = re.compile(rb"(?=<(?:\w+:)?c[\s/>])")
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[\s/>]")
_REFERENCE: Final = re.compile(rb'(?<![:\w])r\s*=\s*"([A-Z]+[0-9]+)"')
_STORED: Final = re.compile(rb"<(?:\w+:)?v[^<>]*>([^<]*)</")


@dataclass(frozen=True)
class Table:
    """A sheet's records: a column of cells a header, rows numbered as pandas would if the header were not counted.

    A cell is text without blanks around it, a number (whole where it is whole), or a date; an empty one is ``""``.
    ``letters`` gives the letter of each column.
    """

    sheet: str
    frame: pd.DataFrame = field(repr=False)
    letters: dict[str, str]

    @property
    def place(self) -> str:
        return f"sheet {self.sheet!r}"

    def at(self, row: int, column: str) -> str:
        """The name of a cell: sheet, letter and number; ``row`` is a label of the frame's index.

        >>> Table("keep", pd.DataFrame({"year": ["2019/20"]}), {"year": "A"}).at(0, "year")
        "sheet 'keep', A2"
        """
        return f"{self.place}, {self.letters[column]}{row + 2}"


class Sheets:
    """The sheets of a workbook. Raises :class:`InputError` if it is none, or holds more than ``limits`` allow.

    >>> import tempfile, xlsxwriter
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with xlsxwriter.Workbook(f"{folder}/a.xlsx") as book:
    ...         _ = book.add_worksheet("keep").write_row(0, 0, ["year", "value"])
    ...     Sheets(f"{folder}/a.xlsx").tables(["keep"], [])["keep"].letters
    {'year': 'A', 'value': 'B'}
    """

    def __init__(self, path: str | Path, limits: Limits = LIMITS) -> None:
        self._opened: Opened = open_workbook(Path(path), limits)
        self.path = self._opened.path
        self.names: tuple[str, ...] = tuple(self._opened.parts)

    def tables(self, names: Sequence[str], problems: list[Problem]) -> dict[str, Table]:
        """The tables of some sheets, by name; one that cannot be read is left out, and ``problems`` says why.

        Hidden sheets are read like others. Raises :class:`InputError` for a sheet beyond the limits.
        """
        parts = self._opened.measured(names)
        grids = self._grids(parts, problems)
        found = {name: _table(name, rows, parts[name], merged, problems) for name, (rows, merged) in grids.items()}
        return {name: table for name, table in found.items() if table is not None}

    def _grids(self, parts: dict[str, bytes], problems: list[Problem]) -> dict[str, tuple[list[list[Any]], list[str]]]:
        found = {}
        try:
            with CalamineWorkbook.from_filelike(self._opened.rebuilt(parts)) as book:
                for number, name in enumerate(parts, start=1):
                    try:
                        sheet = book.get_sheet_by_name(str(number))
                        found[name] = (sheet.to_python(skip_empty_area=False), _merged(sheet))
                    except CalamineError as error:
                        words = f"cannot be read: {str(error)[:120]}; open the workbook and save it again"
                        problems.append(Problem(f"sheet {name!r}", words))
        except CalamineError as error:
            words = f"cannot be read as a workbook: {str(error)[:120]}; open it in a spreadsheet and save it again"
            raise InputError(self.path, [Problem("", words)]) from None
        return found


def _typed(cells: Sequence[Any]) -> list[Cell]:
    """Cells as a person would type them: no blanks around text, no point after a whole number."""
    if set(map(type, cells)) <= {str}:
        return list(map(str.strip, cells))
    return [_CASTS[type(cell)](cell) for cell in cells]


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) <= WHOLE else number


_CASTS: Final[dict[type, Callable[[Any], Cell]]] = {
    str: str.strip,
    float: _plain,
    int: int,
    bool: lambda truth: "TRUE" if truth else "FALSE",
    dt.date: lambda day: day,
    dt.datetime: lambda moment: moment,
    dt.time: lambda hour: hour,
    dt.timedelta: lambda length: length,
}
"""Every type of cell that the reader knows."""


def _merged(sheet: CalamineSheet) -> list[str]:
    ranges = sheet.merged_cell_ranges or []
    return [f"{xl_rowcol_to_cell(*first)}:{xl_rowcol_to_cell(*last)}" for first, last in ranges]


def _table(sheet: str, rows: list[list[Any]], xml: bytes, merged: list[str], problems: list[Problem]) -> Table | None:
    """The table of a sheet, or None and why there is none."""
    place = f"sheet {sheet!r}"
    header = [str(cell) for cell in _typed(rows[0])] if rows else []
    columns = [_typed(column) for column in zip(*rows[1:], strict=True)] or [[] for _ in header]
    found = _misheaded(header, columns)
    found += [(cells, "is merged; unmerge it and fill every cell") for cells in merged]
    found += _valueless(xml)
    if found:
        problems += [Problem(f"{place}, {p.place}" if p.place else place, p.words) for p in several(found)]
        return None
    named = {name: number for number, name in enumerate(header) if name}
    frame = pd.DataFrame({name: pd.Series(columns[number], dtype=object) for name, number in named.items()})
    blank = set.intersection(*({n for n, cell in enumerate(column) if cell == ""} for column in columns))
    letters = {name: xl_col_to_name(number) for name, number in named.items()}
    return Table(sheet, frame.drop(index=sorted(blank)), letters)


def _misheaded(header: list[str], columns: list[list[Cell]]) -> list[tuple[str, str]]:
    """What is wrong with row 1: it is blank, or two columns have one name, or a filled column has none."""
    firsts = [next((n for n, cell in enumerate(column, start=2) if cell != ""), 0) for column in columns]
    if not any(header):
        first = min((row for row in firsts if row), default=0)
        where = f"the first filled row is {first}; delete those above" if first else "the sheet is blank"
        return [("A1", f"the header must be in row 1; {where}")]
    found = []
    for number, (name, first) in enumerate(zip(header, firsts, strict=True)):
        cell = xl_rowcol_to_cell(0, number)
        if name and header.index(name) < number:
            found.append((cell, f"{name!r} is already the header of {xl_col_to_name(header.index(name))}"))
        if first and not name:
            found.append((cell, f"the column has no header, but {xl_rowcol_to_cell(first - 1, number)} is filled"))
    return found


def _valueless(xml: bytes) -> list[tuple[str, str]]:
    """Cells that show nothing to a reader but are not empty: errors, and formulas that were never calculated."""
    if b't="e"' not in xml and not _FORMULA.search(xml):
        return []
    found = []
    for content in _NEXT_CELL.split(xml)[1:]:
        head = content.partition(b">")[0]
        stored = _STORED.search(content)
        shown = stored[1].decode("utf-8", "replace")[:20] if stored else ""
        if b't="e"' in head:
            found.append((_name(head), f"is {shown or 'an error'}"))
        elif not shown and _FORMULA.search(content) and b't="str"' not in head:
            words = "is a formula without a stored value; open the workbook, calculate it and save it"
            found.append((_name(head), words))
    return found


def _name(head: bytes) -> str:
    found = _REFERENCE.search(head)
    return found[1].decode() if found else ""
