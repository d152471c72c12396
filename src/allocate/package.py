"""A World as a folder: a CSV file a datum and one Frictionless ``datapackage.json`` that says what each number is."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xarray as xr
from pydantic import BaseModel, Field, ValidationError

from allocate.descriptions import Contents, Description, Told, described
from allocate.errors import InputError, Problem
from allocate.names import VALUE
from allocate.regions import Registry
from allocate.tables import Datum

DESCRIPTOR: Final = "datapackage.json"
REGIONS: Final = "regions.csv"

LARGEST_FILE: Final = 500_000_000
"""Bytes of a table: a world of every ward for thirty years is smaller."""


class _Column(BaseModel):
    """A column: its name, and for ``value`` its unit and, if it is money, its rand scale."""

    name: str
    unit: str = ""
    scale: str = ""


class _Columns(BaseModel):
    fields: tuple[_Column, ...] = Field(min_length=1)


class _Resource(Told):
    """A table: the datum it holds and what is told of it, its file and its columns."""

    name: str
    path: str
    columns: _Columns = Field(alias="schema")

    def description(self) -> Description:
        value = next((field for field in self.columns.fields if field.name == VALUE), _Column(name=VALUE))
        said = self.model_dump(exclude={"name", "path", "columns", "datum"})
        return Description(datum=self.datum or self.name, unit=value.unit, scale=value.scale, **said)


class _Package(BaseModel):
    """The part of a Frictionless data package that a World needs."""

    acknowledgement: str = ""
    envelope: str = ""
    dims: dict[str, tuple[str, ...]] = {}
    resources: tuple[_Resource, ...] = Field(min_length=1)


def read(folder: Path) -> Contents:
    """What a folder holds of a World. Raises :class:`InputError` if its descriptor or its regions cannot be read."""
    package = _descriptor(folder)
    problems: list[Problem] = []
    regions = Registry.read(folder / REGIONS) if (folder / REGIONS).is_file() else None
    data = [d for resource in package.resources if (d := _read_resource(folder, resource, problems)) is not None]
    return Contents(data, package.dims, regions, package.acknowledgement, package.envelope, problems)


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
    description = resource.description()
    columns = [field.name for field in resource.columns.fields]
    wrong = _undescribed(folder, resource, columns) or description.unmeasured()
    told = f"{DESCRIPTOR}, {description.datum}"
    if wrong:
        problems.append(Problem(told, wrong))
        return None
    frame = read_csv(folder / resource.path, columns, problems)
    return None if frame is None else description.describe(frame, resource.path, told, problems)


def _undescribed(folder: Path, resource: _Resource, columns: list[str]) -> str:
    """What the descriptor does not say of a table that it must, in words, or nothing."""
    if (folder / resource.path).parent.resolve() != folder.resolve():
        return f"path {resource.path[:80]!r} leaves the folder"
    return "" if VALUE in columns else f"has no column {VALUE!r} among its fields"


def read_csv(file: Path, columns: list[str], problems: list[Problem], also: Sequence[str] = ()) -> pd.DataFrame | None:
    """A CSV file as text, blank lines left out, each row under its own number; None if it has other columns.

    It may have those of ``also`` too.
    """
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE:,} bytes")
        frame = pd.read_csv(file, dtype=str, keep_default_na=False, skip_blank_lines=False, encoding="utf-8-sig")
    except FileNotFoundError:
        problems.append(Problem(file.name, "there is no such file"))
    except UnicodeDecodeError as error:
        problems.append(Problem(file.name, f"byte {error.start} is not UTF-8 text; save as CSV UTF-8"))
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        problems.append(Problem(file.name, _not_a_table(str(error).splitlines()[0])))
    else:
        found = [str(c) for c in frame.columns]
        if not isinstance(frame.index, pd.RangeIndex):
            problems.append(Problem(file.name, f"has rows with more fields than its header, which has {len(found)}"))
        elif sorted(found) == sorted(wanted := [*columns, *(name for name in also if name in found)]):
            blank = (frame.isna() | (frame == "")).all(axis=1)
            return frame.loc[~blank][wanted]
        else:
            hint = "; separate the columns by commas" if len(found) == 1 and ";" in found[0] else ""
            more = f", and if need be {', '.join(also)}" if also else ""
            words = f"has columns {', '.join(found)[:120]}; expected {', '.join(columns)}{more}{hint}"
            problems.append(Problem(file.name, words))
    return None


def _not_a_table(said: str) -> str:
    """What the CSV reader said, in our words where a row has too many fields."""
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said)
    if found is None:
        return f"is not a CSV table: {said[:120]}"
    wanted, row, saw = found.groups()
    return f"row {row} has {saw} fields, not {wanted}; write decimals with a point, and quote text that holds a comma"


def write(home: Path, name: str, data: xr.Dataset, regions: Registry | None) -> None:
    """Write a folder that :func:`read` reads back; it must be new or empty. Raises :class:`InputError` or OSError."""
    names = map(str, data.data_vars)
    wrong = [name for name in names if re.search(r"[\\/:\0]", name) or f"{name}.csv".casefold() == REGIONS]
    if wrong:  # a name of a workbook's making must not choose where a file is written
        raise InputError(home, [Problem(name[:60], "cannot be the name of a file; rename the datum") for name in wrong])
    home.parent.mkdir(parents=True, exist_ok=True)
    if home.exists() and any(home.iterdir()):
        raise InputError(home, [Problem("", "is not empty; name a new folder")])
    with tempfile.TemporaryDirectory(prefix=".", dir=home.parent) as folder:
        whole = Path(folder) / home.name
        whole.mkdir()
        _fill(whole, name, data, regions)
        if home.exists():
            home.rmdir()
        whole.rename(home)


def _fill(home: Path, name: str, data: xr.Dataset, regions: Registry | None) -> None:
    resources = [_write_datum(home, *described(str(key), array)) for key, array in data.data_vars.items()]
    if regions is not None:
        regions.write(home / REGIONS)
    ordered = {str(d): list(map(str, data[d].values)) for d in data.dims}
    package: dict[str, Any] = {"name": name.lower()}
    package |= {key: data.attrs.get(key, "") for key in ("acknowledgement", "envelope")} | {"dims": ordered}
    package |= {"resources": resources}
    (home / DESCRIPTOR).write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_datum(home: Path, description: Description, frame: pd.DataFrame) -> dict[str, Any]:
    """Write the table of a datum, and return what the descriptor says of it."""
    name = description.datum
    numbers = [str(int(v)) if v == int(v) else repr(float(v)) for v in frame[VALUE]]
    frame.assign(**{VALUE: numbers}).to_csv(home / f"{name}.csv", index=False, lineterminator="\n")
    said = description.model_dump(exclude={"datum", "unit", "scale"}, exclude_defaults=True, mode="json")
    value = {"name": VALUE, "type": "number", "unit": description.unit}
    value |= {"scale": description.scale} if description.scale else {}
    dims = [{"name": str(d), "type": "string"} for d in frame.columns if d != VALUE]
    title = {"name": name.lower().replace("_", "-"), "datum": name, "path": f"{name}.csv"}
    return {**title, "status": description.status, **said, "schema": {"fields": [*dims, value]}}
