"""Workbooks to be broken: the cells of a good one as lists, and cells that only a spreadsheet knows."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook
from xlsxwriter.utility import xl_cell_to_rowcol

type Grids = dict[str, list[list[Any]]]


@dataclass(frozen=True)
class Formula:
    """A formula and the value that was stored for it; None for one that was never calculated."""

    text: str
    value: float | str | None = None


def grids(path: Path) -> Grids:
    """The cells of every sheet."""
    with CalamineWorkbook.from_path(path) as book:
        return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def save(path: Path, found: Grids, more: Callable[[xlsxwriter.Workbook], object] | None = None) -> None:
    """Write cells as they are; ``more`` does to the workbook what cells cannot say."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in found.items():
            sheet = book.add_worksheet(name)
            for y, row in enumerate(rows):
                for x, cell in enumerate(row):
                    if isinstance(cell, Formula):
                        sheet.write_formula(y, x, cell.text, None, "" if cell.value is None else cell.value)
                    elif isinstance(cell, dt.date):
                        sheet.write_datetime(y, x, dt.datetime(cell.year, cell.month, cell.day), day)
                    else:
                        sheet.write(y, x, cell)
        if more is not None:
            more(book)


def put(found: Grids, where: str, value: object) -> None:
    """Change one cell, called ``sheet!B3``; the sheet grows where it must."""
    name, _, cell = where.partition("!")
    row, column = xl_cell_to_rowcol(cell)
    rows = found[name]
    rows += [[] for _ in range(row + 1 - len(rows))]
    rows[row] += [None] * (column + 1 - len(rows[row]))
    rows[row][column] = value


def edit(path: Path, *changes: tuple[str, object], more: Callable[[xlsxwriter.Workbook], object] | None = None) -> None:
    """Change some cells of a workbook."""
    found = grids(path)
    for where, value in changes:
        put(found, where, value)
    save(path, found, more)


def rezip(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Change the parts of a workbook as bytes."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def part_of(path: Path, sheet: str) -> str:
    """The part of a sheet in a workbook that :func:`save` wrote."""
    return f"xl/worksheets/sheet{list(grids(path)).index(sheet) + 1}.xml"


def declare(path: Path, size: int) -> None:
    """Let the table of contents say of every part that it unpacks to so many bytes."""
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = archive.infolist()
        at = archive.start_dir
    for entry in entries:
        raw[at + 24 : at + 28] = size.to_bytes(4, "little")
        at += 46 + len(entry.filename.encode()) + len(entry.extra) + len(entry.comment)
    path.write_bytes(raw)
