"""A workbook written plainly: a header that stays in sight, numbers as numbers, text that never becomes a formula.

The same content gives the same bytes: nothing in the file tells when or by whom it was made.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import xlsxwriter

LONGEST_TEXT: Final = 32_767
"""Characters that a cell can hold."""

MOST_ROWS: Final = 1_048_575
"""Rows of a sheet below its header."""

LONGEST_NAME: Final = 31
"""Characters of a sheet's name."""

WIDEST: Final = 60
"""Characters of the widest column; longer text is wrapped."""

FORMATS: Final[dict[str, dict[str, Any]]] = {
    "": {},
    "text": {"text_wrap": True},
    "money": {"num_format": "#,##0"},
    "change": {"num_format": "+#,##0;-#,##0;0"},
    "percent": {"num_format": "+0.0%;-0.0%;0.0%"},
    "number": {"num_format": "[>=1000]#,##0;[<=-1000]-#,##0;General"},
    "tiny": {"num_format": "0.0E+00"},
}
"""How the cells of a column are shown; what they hold is never rounded."""

_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
_MADE: Final = dt.datetime(2000, 1, 1)


class _Exact(float):
    """A number that a workbook stores to the last bit: xlsxwriter would write 16 digits, and some need 17."""

    def __format__(self, spec: str) -> str:
        return repr(float(self)).removesuffix(".0")


@dataclass(frozen=True)
class Column:
    """The header of a column and how its cells are shown, one of :data:`FORMATS`."""

    name: str
    shown: str = ""


class Book:
    """A workbook being written; leave the ``with`` block to save it, which raises OSError if it cannot be.

    >>> import pathlib, tempfile
    >>> from allocate.sheets.reading import Sheets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Book(pathlib.Path(folder) / "a.xlsx") as book:
    ...         book.add("money", [Column("space"), Column("R thousand", "money")], [("=N", 1200), ("S", None)])
    ...     Sheets(pathlib.Path(folder) / "a.xlsx").tables(["money"], [])["money"].frame.values.tolist()
    [['=N', 1200], ['S', '']]
    """

    def __init__(self, path: Path) -> None:
        self._path, self._held = path, io.BytesIO()
        self._book = xlsxwriter.Workbook(self._held, _OPTIONS)
        self._book.set_properties({"created": _MADE})
        bold = {"bold": True, "text_wrap": True, "valign": "top", "bottom": 1}
        self._header = self._book.add_format(bold)
        self._formats = {name: self._book.add_format({"valign": "top", **how}) for name, how in FORMATS.items()}
        self._bold = {name: self._book.add_format({"bold": True, "top": 1, **how}) for name, how in FORMATS.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._book.close()
            self._path.write_bytes(self._held.getvalue())

    def add(
        self,
        name: str,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Any]],
        total: Sequence[Any] = (),
    ) -> None:
        """A sheet: its header, its rows, and a last row in bold; None and NaN are empty cells.

        Text too long for a cell ends in an ellipsis. Raises ValueError for more rows than a sheet has.
        """
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        widths = [len(column.name) for column in columns]
        for number, column in enumerate(columns):
            sheet.write_string(0, number, column.name, self._header)
        lines = [(row, self._formats) for row in rows] + ([(total, self._bold)] if total else [])
        if len(lines) > MOST_ROWS:
            raise ValueError(f"sheet {name!r} would have {len(lines):,} rows")
        for place, (row, formats) in enumerate(lines, start=1):
            for number, (cell, column) in enumerate(zip(row, columns, strict=True)):
                shown = _write(sheet, place, number, cell, formats[column.shown])
                widths[number] = max(widths[number], shown)
        for number, width in enumerate(widths):
            sheet.set_column(number, number, min(width, WIDEST) + 2)


def _write(sheet: Any, row: int, column: int, cell: Any, shown: Any) -> int:
    """Write a cell, and return about how many characters wide it is."""
    if cell is None or cell != cell:
        return 0
    if isinstance(cell, str):
        sheet.write_string(row, column, cell if len(cell) <= LONGEST_TEXT else f"{cell[: LONGEST_TEXT - 1]}…", shown)
        return max(map(len, cell.split("\n")))
    sheet.write_number(row, column, _Exact(cell), shown)
    return len(f"{cell:,.0f}") + 3


def sheet_name(text: str, taken: Iterable[str]) -> str:
    """A name that a spreadsheet accepts and that no other sheet has, whatever its case.

    >>> sheet_name("unit_cost", []), sheet_name("R/household", []), sheet_name("Data", ["data"])
    ('unit_cost', 'R_household', 'Data_2')
    """
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "_", text).strip("' ")[:LONGEST_NAME] or "sheet"
    used = {name.casefold() for name in taken} | {"history"}  # which Excel keeps for itself
    tries = (plain, *(f"{plain[: LONGEST_NAME - len(str(n)) - 1]}_{n}" for n in range(2, len(used) + 3)))
    return next(name for name in tries if name.casefold() not in used)
