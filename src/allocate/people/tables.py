"""The answers of a projection as tables: a row a cell, so that a spreadsheet or another program can take them up."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.names import SPACE, TIME
from allocate.people.outlook import Outlook
from allocate.people.services import PEOPLE

ALL: Final = "All together"
"""How a reader meets the region of all spaces."""


def title(outlook: Outlook, region: str) -> str:
    """How a person calls a region: a space by its name and code, a province by its code, or all together."""
    if region == outlook.ready.regions[-1]:
        return ALL
    return outlook.world.title(SPACE, region)


def people_table(outlook: Outlook) -> pd.DataFrame:
    """Everything counted of people: ``measure``, ``region``, ``name``, ``year``, ``start`` (its number at the start),
    ``mean``, ``central`` (without chance) and a column a quantile, ``q0.05`` the 5th of 100.

    >>> from allocate.people.outlook import outlook
    >>> people_table(outlook("za2016_people", years=2021, draws=64)).columns[:7].tolist()
    ['measure', 'region', 'name', 'year', 'start', 'mean', 'central']
    """
    found = outlook.found
    frame = _long(found, ["count_start", "count_mean", "central"], "count", ["measure", "region", TIME])
    frame.insert(2, "name", [title(outlook, region) for region in frame["region"]])
    return frame.rename(columns={"count_start": "start", "count_mean": "mean"})


def adequacy_table(outlook: Outlook) -> pd.DataFrame:
    """What serves people: ``service``, ``space``, ``name``, ``year``, ``p_adequate``, ``p_short`` (a shortfall by that
    year), ``backlog`` (mean of units short), ``start`` (capacity over demand at the start) and a column a quantile of
    capacity over demand.

    >>> from allocate.people.outlook import outlook
    >>> len(adequacy_table(outlook("za2016_people", years=2021, draws=64)))  # 7 services, 52 spaces
    364
    """
    names = ["p_adequate", "p_short", "backlog", "adequacy_start"]
    frame = _long(outlook.found, names, "adequacy", ["service", SPACE, TIME])
    frame.insert(2, "name", [outlook.world.title(SPACE, space) for space in frame[SPACE]])
    return frame.rename(columns={"adequacy_start": "start"})


def differences_table(outlook: Outlook) -> pd.DataFrame:
    """What the scenarios change against what they are compared with, on the same draws: ``what`` (people, or the
    probability that a service is adequate), ``service``, ``region``, ``name``, ``year``, ``was``, ``now``, ``change``.

    Raises ValueError for an outlook without another.

    >>> from allocate.people.outlook import outlook
    >>> same = outlook("za2016_people", years=2021, draws=64, against=[])
    >>> float(differences_table(same)["change"].abs().max())
    0.0
    """
    if outlook.other is None:
        raise ValueError("there is nothing to compare with")
    parts = []
    for what, name, dims in (("people", "count_mean", ["region"]), ("p_adequate", "p_adequate", ["service", SPACE])):
        pair = [one.found[name] for one in (outlook.other, outlook)]
        was, now = (a.sel(measure=PEOPLE[0], drop=True) if "measure" in a.dims else a for a in pair)
        frame = xr.Dataset({"was": was, "now": now}).to_dataframe([*dims, TIME]).reset_index()
        frame = frame.rename(columns={SPACE: "region"}).assign(what=what)
        parts.append(frame)
    whole = pd.concat(parts, ignore_index=True)
    whole["service"] = whole["service"].fillna("")
    whole["name"] = [title(outlook, region) for region in whole["region"]]
    whole["change"] = whole["now"] - whole["was"]
    return whole[["what", "service", "region", "name", TIME, "was", "now", "change"]]


def _long(found: xr.Dataset, names: list[str], spread: str, dims: list[str]) -> pd.DataFrame:
    """Arrays as columns beside the quantiles of another, a row a cell in the order of the dims."""
    quantiles = {f"q{q:g}": found[spread].sel(quantile=q, drop=True) for q in found["quantile"].values}
    frame = xr.merge([found[names], xr.Dataset(quantiles)], compat="override", join="exact")
    return frame.to_dataframe(dims).reset_index().replace([np.inf], np.nan)
