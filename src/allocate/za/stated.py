"""The formulas as a reader meets them: worked out for a year, each part with what it rests on and how sure that is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from allocate.errors import InputError, Problem
from allocate.formula import Formula, Part
from allocate.names import SPACE
from allocate.package import read_csv
from allocate.tables import Datum, array_of
from allocate.units import SCALES
from allocate.za import derive, folder
from allocate.za.folder import table
from allocate.za.formulas import EACH, EQUITABLE, in_force

POOR = "modelled"
"""Poor households by space: a published national share laid over income poverty of 2011."""


def mig(year: str | None = None, indicated: str | Path | None = None) -> Formula:
    """The Municipal Infrastructure Grant by its formula; without a year, in the last year of the world.

    >>> [part.name for part in mig("2019/20").parts if part.status == "assumed"]
    ['constant', 'roads', 'other', 'nodal']

    Raises :class:`~allocate.errors.InputError` for a year without a pool, and if an amount is ``indicated``: this
    formula guarantees none.
    """
    if indicated is not None:
        raise InputError("mig", [Problem("indicated", "this formula guarantees no indicated amount; leave it out")])
    wanted = year or folder.YEARS[-1]
    amounts = derive.mig(derive.survey(), wanted)
    rows = in_force(table("formula_mig"), wanted).reset_index()
    parts = [Part.of(row["parameter"], [row["status"], row["sharing"]], _shared(row)) for _, row in rows.iterrows()]
    return _formula("Municipal infrastructure grant", wanted, amounts, parts)


def _shared(row: pd.Series) -> str:
    by_share = f"{row['value']:.2%} of the rest, by {row['shared_by']}"
    much = f"R{row['value']:,.0f} a municipality" if row["unit"] == EACH else by_share
    return f"{much}. {row['note']}"


def equitable_share(year: str | None = None, indicated: str | Path | None = None) -> Formula:
    """The local government equitable share by its formula; without a year, in the last year of the world.

    ``indicated`` is a CSV file of what the Act of the year before indicated to each space: ``space`` and ``value``, in
    R thousand. Without it nothing is guaranteed.

    >>> [part.name for part in equitable_share("2019/20").parts if part.status != "assumed"]
    ['basic services']

    Raises :class:`~allocate.errors.InputError` for a year without a pool, every problem of the file, and guarantees
    that exceed the pool.
    """
    wanted = year or folder.YEARS[-1]
    promised = None if indicated is None else read_indicated(Path(indicated))
    amounts = derive.equitable_share(derive.survey(), wanted, promised)
    parts = _equitable_parts(in_force(table("formula_equitable_share"), wanted), promised is not None)
    return _formula("Local government equitable share", wanted, amounts, parts)


def _equitable_parts(rows: pd.DataFrame, guaranteed: bool) -> list[Part]:
    value, status, note = rows["value"].astype(float), rows["status"], rows["note"]
    words = {
        "basic services": f"R{value['subsidy']:,.2f} a month for each poor household, {value['poor_share']:.0%} of all",
        "institutional": f"R{value['institutional']:,.0f} a municipality. {note['institutional']}",
        "community services": f"R{value['community_services']:,.0f} a household. {note['community_services']}",
        "closure": "All parts alike, up to the voted pool: it stands for what the parts above leave out",
        "guarantee": f"{value['guarantee']:.0%} of the indicated amount, paid by the others in proportion"
        if guaranteed
        else "No indicated amounts are given, so nothing is guaranteed",
    }
    adjusted = status["revenue_adjustment"]
    known = {
        "basic services": [status["subsidy"], status["poor_share"], POOR],
        "institutional": [status["institutional"], adjusted],
        "community services": [status["community_services"], adjusted],
        "closure": ["assumed"],
        "guarantee": [status["guarantee"] if guaranteed else "assumed"],
    }
    return [Part.of(name, known[name], words[name]) for name in EQUITABLE]


def read_indicated(file: Path) -> pd.DataFrame:
    """What a file says was indicated to each space: columns ``space`` and ``value`` (R thousand); in rand here.

    Raises :class:`~allocate.errors.InputError` with every unknown, repeated or missing space and every bad number.
    """
    problems: list[Problem] = []
    frame = read_csv(file, [SPACE, "value"], problems)
    if frame is not None:
        datum = Datum("indicated", frame, "R", "published", str(file), "", scale=SCALES["R thousand"], place=file.name)
        array = array_of(datum, {SPACE: folder.spaces()}, folder.registry(), problems)
    if frame is None or problems:
        raise InputError(file, problems)
    return folder.long(array.values, space=folder.spaces())


def _formula(title: str, year: str, amounts: pd.DataFrame, parts: list[Part]) -> Formula:
    wide = amounts.pivot(index=SPACE, columns="part", values="value")
    ordered = wide.loc[list(folder.spaces()), [part.name for part in parts]].rename_axis(columns=None).reset_index()
    ordered.insert(1, "name", ordered[SPACE].map(folder.registry().names))
    return Formula(title, year, ordered, tuple(parts))
