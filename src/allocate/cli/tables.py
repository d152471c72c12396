"""Tables that a command writes where it is asked to: whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allocate.cli.progress import say
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd


def odd_csv(csv: Path | None) -> Iterator[Problem]:
    """Why a file named by ``--csv`` cannot be written, before any work."""
    return odd_file(csv, "--csv", ".csv")


def odd_file(file: Path | None, option: str, suffix: str) -> Iterator[Problem]:
    """Why a file named by an option cannot be written, before any work."""
    if file is not None and file.suffix.lower() != suffix:
        yield Problem(option, f"{str(file)!r} does not end in {suffix}")
    elif file is not None and not file.resolve().parent.is_dir():
        yield Problem(option, f"{file} cannot be written: there is no folder {file.parent}")


def write_csv(table: pd.DataFrame, csv: Path) -> None:
    """Write a table under a temporary name, give it its own when it is whole, and say so."""
    write_text(table.to_csv(index=False, lineterminator="\n"), csv)


def write_text(text: str, file: Path) -> None:
    """Write a file under a temporary name, give it its own when it is whole, and say so."""
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=file.parent) as folder:
            unfinished = Path(folder) / file.name
            unfinished.write_text(text, encoding="utf-8", newline="\n")
            unfinished.replace(file)
    except OSError as error:
        raise InputError(file, [Problem("", f"cannot be written: {error.strerror or error}")]) from None
    say(f"Wrote {file}")


def each(table: pd.DataFrame) -> Iterator[Any]:
    """Rows whose cells are called by the names of their columns."""
    return table.itertuples(index=False, name="Row")


def in_columns(rows: Sequence[Sequence[str]], named: bool = True) -> list[str]:
    """Rows of words as lines in columns: numbers to the right, and if they are ``named``, the first column to the left.

    >>> in_columns([("method", "error"), ("carry forward", "6.2%")])
    ['method         error', 'carry forward   6.2%']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0]) if named else row[0].rjust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([first, *rest]).rstrip())
    return lines
