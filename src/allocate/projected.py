"""A projection on disk: people and services as CSV, workbook and netCDF, a page and a manifest, whole or not at all."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from allocate.outputs import LIBRARIES, MADE_WITH, MANIFEST, digest, file_digest, whole
from allocate.people.outlook import Outlook
from allocate.people.tables import adequacy_table, differences_table, people_table
from allocate.report.people import people_html
from allocate.report.people_book import people_book


def write(outlook: Outlook, folder: str | Path) -> Path:
    """Write a projection as a folder. A folder that holds an earlier run is replaced; any other that is not empty is
    refused.

    ``people.csv`` and ``adequacy.csv`` have a row a cell, and ``differences.csv`` too where there is something to
    compare with; ``projection.xlsx`` has them and what ``report.html`` shows, ``projection.nc`` every array,
    ``manifest.json`` what went in. The same projection gives the same bytes.

    >>> import tempfile
    >>> from allocate.people.outlook import outlook
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write(outlook("za2016_people", years=2021, draws=64), Path(folder) / "out")
    ...     sorted(file.name for file in made.iterdir())
    ['adequacy.csv', 'manifest.json', 'people.csv', 'projection.nc', 'projection.xlsx', 'report.html']

    Raises :class:`allocate.errors.InputError` if the folder cannot be written.
    """

    def fill(home: Path) -> None:
        _csv(people_table(outlook), home / "people.csv")
        _csv(adequacy_table(outlook), home / "adequacy.csv")
        if outlook.other is not None:
            _csv(differences_table(outlook), home / "differences.csv")
        dataset(outlook).to_netcdf(home / "projection.nc", engine="h5netcdf")
        people_book(outlook, home / "projection.xlsx")
        (home / "report.html").write_text(people_html(outlook), encoding="utf-8")
        manifest = json.dumps(manifested(outlook, home), indent=1, ensure_ascii=False)
        (home / MANIFEST).write_text(manifest + "\n", encoding="utf-8")

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


def manifested(outlook: Outlook, home: Path) -> dict[str, Any]:
    """What went in, what it was made with, and what came out; the same for the same inputs."""
    found, names = outlook.found.attrs, (*LIBRARIES, *MADE_WITH)
    outputs = sorted(file.name for file in home.iterdir())
    return {
        "name": outlook.name,
        "inputs": {
            "scenarios": _scenarios(outlook),
            "against": None if outlook.other is None else _scenarios(outlook.other),
            "plan": outlook.built,
            "world": {"name": outlook.world.name, "sha256": outlook.world_digest},
        },
        "start": outlook.start,
        "years": outlook.years,
        "step": outlook.ready.calendar.step,
        "draws": int(found["draws"]),
        "seed": int(found["seed"]),
        "changes": list(outlook.ready.case.said),
        "acknowledgement": str(outlook.world.data.attrs.get("acknowledgement", "")),
        "versions": {name: version(name) for name in sorted(names)},
        "outputs": {name: {"sha256": file_digest(home / name)} for name in outputs},
    }


def _scenarios(outlook: Outlook) -> list[dict[str, str]]:
    return [{"name": scenario.source, "sha256": digest(scenario)} for scenario in outlook.scenarios]
