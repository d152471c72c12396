"""How much of a workbook is read at most, and how much a sheet would be in memory, told from its XML before it is read.

A reader lays a sheet out from A1 to its last cell, so one cell in the last corner is 17 billion; and it gives every
cell that shares a text its own copy. What cannot be told for certain is refused: a cell whose place is not written as
spreadsheets write it could stand anywhere.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Final

_CELL: Final = re.compile(
    rb"<(?:\w+:)?c"
    rb'(?:\s+(?!r\s*=)[\w:.-]+="[^"<>]*")*\s+r="([A-Z]{1,3})([1-9][0-9]{0,6})"(?:\s+(?!r\s*=)[\w:.-]+="[^"<>]*")*\s*/?>'
)
"""A cell with exactly one reference, in the only form that spreadsheets write."""

_USUAL_CELL: Final = re.compile(rb'<c r="([A-Z]{1,3})([1-9][0-9]{0,6})"(?: s="[0-9]+")?(?: t="[a-zA-Z]+")?/?>')
"""The same, as nearly every spreadsheet writes it; the pattern above takes three times as long."""

_ANY_CELL: Final = re.compile(rb"<(?:[^<>\s]*:)?c[\s/>]")
_ANY_STRING: Final = re.compile(rb"<(?:[^<>\s]*:)?si[\s/>]")
"""Whatever a reader may take for a cell or for a shared text, under any prefix."""

_SHARED_CELL: Final = re.compile(rb't="s"[^<>]*>\s*<(?:\w+:)?v>([0-9]{1,9})</(?:\w+:)?v>\s*</(?:\w+:)?c>')
"""A cell that is a shared text and nothing else, and the number of that text."""


@dataclass(frozen=True)
class Limits:
    """What a workbook may be at most: bytes, parts, sheets, cells (rows times columns), bytes of text in cells.

    ``ratio`` is how many times larger than the file its parts may be, where they are more than ``small`` bytes.
    """

    file: int = 100_000_000
    unpacked: int = 500_000_000
    ratio: int = 100
    small: int = 10_000_000
    parts: int = 10_000
    sheets: int = 500
    cells: int = 5_000_000
    all_cells: int = 10_000_000
    text: int = 500_000_000


LIMITS: Final = Limits()


class Refused(ValueError):
    """A workbook that is not read, and why."""


def area(xml: bytes, limits: Limits) -> int:
    """How many cells a reader would lay out: from A1 to the last row and the last column that has a cell.

    >>> area(b'<row r="2"><c r="C2"><v>1</v></c></row>', LIMITS)
    6

    Raises :class:`Refused` if they are more than the limit, or if it cannot be told.
    """
    many = _count_cells(xml)
    cells = _USUAL_CELL.findall(xml)
    if len(cells) != many:
        cells = _CELL.findall(xml)
    if len(cells) != many:
        raise Refused("has cells without a plain reference; open the workbook in a spreadsheet and save it again")
    rows = max((int(row) for row in {row for _, row in cells}), default=0)
    columns = max((_column(letters) for letters in {letters for letters, _ in cells}), default=0)
    if rows * columns > limits.cells:
        words = f"reaches to column {columns:,} and row {rows:,}, and at most {limits.cells:,} cells are read"
        raise Refused(f"{words}; delete what is far from the table")
    return rows * columns


def _count_cells(xml: bytes) -> int:
    """How many elements may be cells; counting fixed bytes is many times faster than a pattern."""
    if b":c" in xml:
        return len(_ANY_CELL.findall(xml))
    return sum(xml.count(b"<c" + end) for end in (b" ", b"\t", b"\n", b"\r", b"/", b">"))


def _column(letters: bytes) -> int:
    """The number of a column, A is 1."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def check_text(xml: bytes, strings: bytes, limits: Limits) -> None:
    """Refuse a sheet whose shared texts, each counted as often as a cell has it, are more than the limit."""
    starts = [found.start() for found in _ANY_STRING.finditer(strings)]
    sizes = [end - start for start, end in itertools.pairwise([*starts, len(strings)])]
    longest = max(sizes, default=0)
    shared = xml.count(b'"s"')
    total = longest * shared
    if total > limits.text:  # perhaps only few cells have the longest
        used = [int(number) for number in _SHARED_CELL.findall(xml)]
        total = sum(sizes[number] for number in used if number < len(sizes)) + longest * (shared - len(used))
    if total > limits.text:
        raise Refused(f"holds more than {limits.text:,} bytes of text; leave out what is not data")
