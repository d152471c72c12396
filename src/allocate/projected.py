"""A projection on disk: people and services as CSV, workbook and netCDF, a page and a manifest, whole or not at all."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from allocate.outputs import (
    DIFFERENCES,
    INPUTS,
    LIBRARIES,
    MADE_WITH,
    MANIFEST,
    PLAN,
    PROJECTION,
    Asked,
    figures,
    file_digest,
    kept,
    outputs,
    sources,
    stems,
    whole,
    write_json,
)
from allocate.people.outlook import Outlook
from allocate.people.tables import adequacy_table, differences_table, people_table
from allocate.report.people import people_html
from allocate.report.people_book import people_book


def write(outlook: Outlook, folder: str | Path, asked: Asked | None = None) -> Path:
    """Write a projection as a folder. A folder that holds an earlier run is replaced; any other that is not empty is
    refused.

    ``people.csv`` and ``adequacy.csv`` have a row a cell, and ``differences.csv`` too where there is something to
    compare with; ``projection.xlsx`` has them and what ``report.html`` shows, ``projection.nc`` every array,
    ``manifest.json`` what went in and how to find it again, ``inputs.json`` what that was. Without ``asked``, scenarios
    are looked for by the names of their files. The same projection gives the same bytes.

    >>> import tempfile
    >>> from allocate.people.outlook import outlook
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write(outlook("za2016_people", years=2021, draws=64), Path(folder) / "out")
    ...     sorted(file.name for file in made.iterdir())
    ['adequacy.csv', 'inputs.json', 'manifest.json', 'people.csv', 'projection.nc', 'projection.xlsx', 'report.html']

    Raises :class:`allocate.errors.InputError` if the folder cannot be written.
    """

    def fill(home: Path) -> None:
        _csv(people_table(outlook), home / "people.csv")
        _csv(adequacy_table(outlook), home / "adequacy.csv")
        if outlook.other is not None:
            _csv(differences_table(outlook), home / DIFFERENCES)
        dataset(outlook).to_netcdf(home / PROJECTION, engine="h5netcdf")
        people_book(outlook, home / "projection.xlsx")
        (home / "report.html").write_text(people_html(outlook), encoding="utf-8")
        against = None if outlook.other is None else kept(outlook.other.scenarios, outlook.facts)["scenarios"]
        write_json(home / INPUTS, {"against": against, **kept(outlook.scenarios, outlook.facts)})
        write_json(home / MANIFEST, manifested(outlook, home, asked or _asked(outlook)))

    return whole(folder, fill)


def _csv(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(file, index=False, lineterminator="\n", encoding="utf-8")


def dataset(outlook: Outlook) -> xr.Dataset:
    """Everything that was found; what it is compared with is beside it as ``other_...``.

    >>> from allocate.people.outlook import outlook
    >>> "other_p_adequate" in dataset(outlook("za2016_people", years=2021, draws=64, against=[]))
    True
    """
    said = {
        "name": outlook.name,
        "built": outlook.built,
        "acknowledgement": str(outlook.world.data.attrs.get("acknowledgement", "")),
        "envelope": str(outlook.world.data.attrs.get("envelope", "")),
    }
    found = outlook.found.assign_attrs(said)
    if outlook.other is not None:
        other = outlook.other.found
        found = found.assign({f"other_{name}": array for name, array in other.data_vars.items()})
        found = found.assign_attrs(other=outlook.other.name)
    return found


def _asked(outlook: Outlook) -> Asked:
    """How a projection can be asked for of which only the records are known."""
    against = None if outlook.other is None else stems(outlook.other.scenarios)
    return Asked(outlook.facts.name, stems(outlook.scenarios), against=against)


def manifested(outlook: Outlook, home: Path, asked: Asked) -> dict[str, Any]:
    """What went in, what it was made with, and what came out; the same for the same inputs."""
    found, names = outlook.found.attrs, (*LIBRARIES, *MADE_WITH)
    other = outlook.other
    return {
        "name": outlook.name,
        "inputs": {
            "scenarios": sources(outlook.scenarios, asked.scenarios),
            "against": None if other is None else sources(other.scenarios, asked.against or ()),
            "plan": _plan(outlook, asked.plan),
            "world": figures(outlook.facts, asked.world),
        },
        "start": outlook.start,
        "years": outlook.years,
        "step": outlook.ready.calendar.step,
        "draws": int(found["draws"]),
        "seed": int(found["seed"]),
        "changes": list(outlook.ready.case.said),
        "acknowledgement": str(outlook.world.data.attrs.get("acknowledgement", "")),
        "versions": {name: version(name) for name in sorted(names)},
        "outputs": outputs(home),
    }


def _plan(outlook: Outlook, given: str) -> dict[str, str] | None:
    """The plan that is built; one that was handed over in Python has no folder, and no digest of its file."""
    if not outlook.built:
        return None
    return {"name": outlook.built, "given": given, "sha256": file_digest(Path(given) / PLAN) if given else ""}
