"""A comparison of policies on disk: tables as CSV, workbook and netCDF, a page and a manifest, whole or not at all."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from allocate.names import SPACE, TIME
from allocate.outputs import (
    INPUTS,
    LIBRARIES,
    MADE_WITH,
    MANIFEST,
    Asked,
    asked_by,
    content,
    figures,
    kept,
    outputs,
    source,
    sources,
    whole,
    write_json,
)
from allocate.report.policies import policies_html
from allocate.rolling.comparison import Policies
from allocate.rolling.findings import findings
from allocate.rolling.money import SERVICE
from allocate.sheets.writing import Book, Column


def write(found: Policies, folder: str | Path, asked: Asked | None = None) -> Path:
    """Write a comparison as a folder. A folder that holds an earlier one is replaced; any other that is not empty is
    refused.

    ``policies.csv`` has a row a policy, ``adequacy.csv`` a row a policy, service, space and year, ``money.csv`` the
    money of each in rand, on average over draws; ``policies.xlsx`` has the same, ``policies.nc`` every array with the
    outcome of every draw, ``report.html`` is to read, ``manifest.json`` says what went in and how to find it again,
    ``inputs.json`` what that was. Without ``asked``, models and scenarios are looked for by the names of their files.

    >>> import tempfile
    >>> from allocate.rolling.comparison import policies
    >>> found = policies("grant_consolidation", "za2016", "za2016_people", years=1, draws=8, policies=["formula"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sorted(file.name for file in write(found, Path(folder) / "out").iterdir())
    ['adequacy.csv', 'inputs.json', 'manifest.json', 'money.csv', 'policies.csv', 'policies.nc', 'policies.xlsx',
     'report.html']

    Raises :class:`allocate.errors.InputError` if the folder cannot be written.
    """

    def fill(home: Path) -> None:
        tables = {"policies": found.table(), "adequacy": adequacy_table(found), "money": money_table(found)}
        for name, table in tables.items():
            table.to_csv(home / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
        said = {"acknowledgement": str(found.setting.case.world.data.attrs.get("acknowledgement", ""))}
        found.dataset().assign_attrs(said).to_netcdf(home / "policies.nc", engine="h5netcdf")
        with Book(home / "policies.xlsx") as book:
            rows = [("read with care" if s.warning else "finding", s.words) for s in findings(found)]
            book.add("summary", [Column("what"), Column("words", "text")], rows)
            for name, table in tables.items():
                shown = [Column(str(c), _shown(table[c])) for c in table.columns]
                book.add(name, shown, table.itertuples(index=False, name=None))
        (home / "report.html").write_text(policies_html(found), encoding="utf-8")
        of_people = {"people": found.folk.digests()}
        write_json(home / INPUTS, {"model": content(found.model), **kept(found.scenarios, found.facts), **of_people})
        told = asked or asked_by(found.model, found.facts, found.scenarios, found.folk.name)
        write_json(home / MANIFEST, manifested(found, home, told))

    return whole(folder, fill)


def _shown(column: pd.Series) -> str:
    """How a column of a table is shown: years as plain numbers, so that nobody reads 2,036."""
    return "number" if column.dtype.kind == "f" else ""


def adequacy_table(found: Policies) -> pd.DataFrame:
    """A row a policy, service, space and year: the chance that nobody goes without, households without on average, and
    the share served by quantile of draws."""
    data = found.dataset()
    parts = {f"q{q:g}": data["adequacy"].sel(quantile=q, drop=True) for q in data["quantile"].values}
    frame = data[["p_adequate", "mean_backlog"]].assign(parts).to_dataframe(["policy", SERVICE, SPACE, TIME])
    return frame.reset_index()


def money_table(found: Policies) -> pd.DataFrame:
    """A row a policy, space, service and year: rand, on average over draws."""
    frame = found.dataset()["money"].to_dataframe()
    return frame.reset_index()


def manifested(found: Policies, home: Path, asked: Asked) -> dict[str, Any]:
    """What went in, what it was made with, and what came out; the same for the same inputs."""
    setting, names = found.setting, (*LIBRARIES, *MADE_WITH)
    return {
        "name": found.name,
        "inputs": {
            "model": source(found.model, asked.model),
            "scenarios": sources(found.scenarios, asked.scenarios),
            "world": figures(found.facts, asked.world),
            "people": figures(found.folk, asked.people),
        },
        "policies": list(found.names),
        "years": list(setting.labels),
        "draws": setting.future.draws,
        "seed": found.seed,
        "groups": setting.groups,
        "horizon": setting.horizon,
        "growth": setting.growth,
        "changes": list(found.said),
        "versions": {name: version(name) for name in sorted(names)},
        "outputs": outputs(home),
    }
