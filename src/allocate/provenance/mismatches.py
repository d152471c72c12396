"""Where two files that should be the same first differ, in words: a cell of a table, an array or a sheet, or a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.differences import called
from allocate.errors import InputError
from allocate.fields import plain
from allocate.saved import arrays_of
from allocate.sheets.reading import Sheets

LONGEST: Final = 60
"""Characters of a value that are said."""

NOT_WHOLE: Final = "cannot be read as such a file"
BYTES: Final = "has other bytes, with the same content"


def mismatch(before: Path, now: Path) -> str:
    """Where a file first differs from what it was, and both values; empty if no byte does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one, two = Path(folder) / "1.csv", Path(folder) / "2.csv"
    ...     _ = one.write_text("space,amount\\nCPT,5\\n"), two.write_text("space,amount\\nCPT,6\\n")
    ...     mismatch(one, two)
    'row 2 (space=CPT), amount: was 5, is 6'
    """
    if before.read_bytes() == now.read_bytes():
        return ""
    try:
        return _READERS.get(now.suffix, _of_lines)(before, now) or BYTES
    except (InputError, ValueError):  # a file that was tampered with may be anything
        return NOT_WHOLE


def _pair(place: str, before: object, now: object) -> str:
    return f"{place}: was {_short(before)}, is {_short(now)}"


def _short(value: object) -> str:
    if isinstance(value, float | np.floating):
        return repr(float(value)).removesuffix(".0")
    text = plain(value, LONGEST + 1)
    return "nothing" if value is None or text == "" else text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _of_csv(before: Path, now: Path) -> str:
    """The first cell of a table; its row is named by the words in it."""
    one, two = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in (before, now))
    if list(one.columns) != list(two.columns):
        return _pair("columns", ", ".join(one.columns), ", ".join(two.columns))
    if len(one) != len(two):
        return _pair("rows", len(one), len(two))
    row, column = np.argwhere(one.to_numpy() != two.to_numpy())[0] if not one.equals(two) else (-1, -1)
    if row < 0:
        return ""
    words = [name for name in one.columns[:column] if not one[name].str.fullmatch(r"[-+.\deE]*").all()]
    where = ", ".join(f"{name}={two[name].iloc[row]}" for name in words)
    return _pair(
        f"row {row + 2}{f' ({where})' if where else ''}, {one.columns[column]}",
        one.iat[row, column],
        two.iat[row, column],
    )


def _of_arrays(before: Path, now: Path) -> str:
    """The first cell of an array, by its labels, or what is said of one."""
    one, two = arrays_of(before), arrays_of(now)
    return next(_in_data(one, two), "")


def _in_data(one: xr.Dataset, two: xr.Dataset) -> Iterator[str]:
    yield from _in_attrs("", one.attrs, two.attrs)
    names = sorted(map(str, {*one.variables, *two.variables}))
    for name in names:
        if name not in one.variables or name not in two.variables:
            yield f"{name} {'is new' if name in two.variables else 'is gone'}"
            continue
        yield from _in_attrs(f"{name}, ", one[name].attrs, two[name].attrs)
        old, new = one[name], two[name]
        if old.dims != new.dims or old.shape != new.shape or old.dtype.kind != new.dtype.kind:
            yield _pair(name, f"{dict(old.sizes)} {old.dtype}", f"{dict(new.sizes)} {new.dtype}")
            continue
        differ = old.values != new.values
        if old.dtype.kind == "f":
            differ &= ~(np.isnan(old.values) & np.isnan(new.values))
        for cell in np.argwhere(differ)[:1]:
            place = {str(dim): str(new[dim].values[k]) for dim, k in zip(new.dims, cell, strict=True)}
            yield _pair(called(name, place), old.values[tuple(cell)], new.values[tuple(cell)])


def _in_attrs(place: str, one: Mapping[Any, Any], two: Mapping[Any, Any]) -> Iterator[str]:
    for key in sorted({*one, *two}):
        if not np.array_equal(np.asarray(one.get(key)), np.asarray(two.get(key))):
            yield _pair(f"{place}attribute {key}", one.get(key), two.get(key))


def _of_sheets(before: Path, now: Path) -> str:
    """The first cell of a workbook, by its sheet, letter and number."""
    one, two = Sheets(before), Sheets(now)
    if one.names != two.names:
        return _pair("sheets", ", ".join(one.names), ", ".join(two.names))
    for name in one.names:
        problems: list[Any] = []
        old, new = (book.tables([name], problems).get(name) for book in (one, two))
        if old is None or new is None:
            return f"sheet {name!r} {NOT_WHOLE}"
        if old.letters != new.letters or len(old.frame) != len(new.frame):
            return _pair(f"sheet {name!r}", f"{len(old.frame)} rows", f"{len(new.frame)} rows")
        for row, column in np.argwhere(old.frame.to_numpy() != new.frame.to_numpy()):
            place = new.at(int(new.frame.index[row]), str(new.frame.columns[column]))
            return _pair(place, old.frame.iat[row, column], new.frame.iat[row, column])
    return ""


def _of_lines(before: Path, now: Path) -> str:
    """The first line of a text, from where it differs."""
    one, two = (path.read_text(encoding="utf-8").split("\n") for path in (before, now))
    for number, (old, new) in enumerate(zip_longest(one, two, fillvalue=""), start=1):
        if old != new:
            start = max(0, _common(old, new) - 20)
            return _pair(f"line {number}", old[start:].strip(), new[start:].strip())
    return ""


def _common(one: Iterable[str], two: Iterable[str]) -> int:
    """How many characters two texts begin with together."""
    return next((n for n, (a, b) in enumerate(zip_longest(one, two)) if a != b), 0)


_READERS: Final[Mapping[str, Callable[[Path, Path], str]]] = {
    ".csv": _of_csv,
    ".nc": _of_arrays,
    ".xlsx": _of_sheets,
}
