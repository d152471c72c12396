"""Tables that a command writes where it is asked to: whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from allocate.cli.progress import say
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd


def odd_csv(csv: Path | None) -> Iterator[Problem]:
    """Why a file named by ``--csv`` cannot be written, before any work."""
    if csv is not None and csv.suffix.lower() != ".csv":
        yield Problem("--csv", f"{str(csv)!r} does not end in .csv")
    elif csv is not None and not csv.resolve().parent.is_dir():
        yield Problem("--csv", f"{csv} cannot be written: there is no folder {csv.parent}")


def write_csv(table: pd.DataFrame, csv: Path) -> None:
    """Write a table under a temporary name, give it its own when it is whole, and say so."""
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=csv.parent) as folder:
            unfinished = Path(folder) / csv.name
            table.to_csv(unfinished, index=False, lineterminator="\n", encoding="utf-8")
            unfinished.replace(csv)
    except OSError as error:
        raise InputError(csv, [Problem("", f"cannot be written: {error.strerror or error}")]) from None
    say(f"Wrote {csv}")
