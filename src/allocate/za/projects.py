"""The projects of the world ``za2016_projects``: an ILLUSTRATIVE list, in the form in which a real one is filled in.

No list of projects of the 52 spaces is public. The tables ``projects*.csv`` are made up by this project, from its unit
costs, so that the model of projects can be run and the workbook has something to overwrite.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from allocate.tables import Datum
from allocate.za.about import About, illustrative
from allocate.za.folder import table

ENVELOPE = (
    "ILLUSTRATIVE: the projects, their costs and their budgets are made up by this project; no such project exists."
)

ABOUT: dict[str, About] = {
    "located": illustrative("flag", "Where a project is."),
    "may_pay": illustrative("flag", "Which grants may pay for a project.", "RBIG for bulk, WSIG for taps and toilets"),
    "works": illustrative("flag", "Which service a project builds."),
    "in_scheme": illustrative("flag", "Which scheme a project is part of: bulk and the taps behind it share one."),
    "connects": illustrative("household", "Households that a project connects once it is complete."),
    "capacity": illustrative("household", "Households that a bulk project can supply once it is complete."),
    "spare": illustrative("household", "Households that a scheme can supply already and does not."),
    "cost": illustrative("R", "What it takes to complete a project from today on.", "Unit costs of the world za2016"),
    "year_most": illustrative("1", "Largest share of its cost that a project can spend in one year."),
    "incomplete": illustrative("flag", "Works have begun and stand unfinished."),
    "zone": illustrative("flag", "A special development zone."),
    "zones_least": illustrative("1", "Special development zones that a space must have: one where the list has any."),
    "after": illustrative("flag", "Which project must be complete, in an earlier year, before this one starts."),
    "project_budget": illustrative("R", "Money of a grant for the projects of the list."),
    "indicated": illustrative(
        "R",
        "Money indicated for each project today.",
        "As if the first projects of each space were funded first, and new ones before old ones",
    ),
    "project_absorption": illustrative("1", "Share of what a space can spend well that projects of the list may take."),
}
"""What each datum of the list is."""

ABSORPTION = 0.1
"""Nothing is known of it; at this share the limit is reached in a few spaces and not in most."""


def dims() -> dict[str, tuple[str, ...]]:
    """The dims of the list with their labels in order.

    >>> len(dims()["project"])
    51
    """
    names = tuple(table("projects")["project"])
    return {"project": names, "ahead": names, "scheme": tuple(table("projects_schemes")["scheme"])}


def data() -> list[Datum]:
    """Every datum of the list. One that most cells lack has a row only where it is not 0.

    >>> frames = {datum.name: datum.frame for datum in data()}
    >>> len(frames["located"]), float(frames["zones_least"]["value"].sum())
    (51, 7.0)
    """
    return [
        Datum(name=name, frame=frame, **ABOUT[name], default=0.0 if sparse else None)
        for name, frame, sparse in _frames()
    ]


def _frames() -> Iterator[tuple[str, pd.DataFrame, bool]]:
    """Each datum by name, its long table, and whether cells without a row are 0."""
    listed, indicated, money = table("projects"), table("projects_indicated"), table("projects_budget")
    yield "located", _flags(listed, "space", "project"), True
    yield (
        "may_pay",
        _flags(listed.assign(grant=listed["grants"].str.split()).explode("grant"), "project", "grant"),
        True,
    )
    yield "works", _flags(listed, "project", "service"), True
    yield "in_scheme", _flags(listed.dropna(subset="scheme"), "project", "scheme"), True
    for name in ("connects", "capacity", "cost", "year_most", "incomplete", "zone"):
        column = listed[["project", name]].rename(columns={name: "value"})
        yield name, column, False
    yield "spare", table("projects_schemes")[["scheme", "spare"]].rename(columns={"spare": "value"}), False
    yield "zones_least", _flags(listed[listed["zone"] == 1].drop_duplicates("space"), "space"), True
    yield "after", _flags(table("projects_after"), "project", "ahead"), True
    yield "project_budget", money[["grant", "year", "amount"]].rename(columns={"amount": "value"}), True
    yield "indicated", indicated[["project", "grant", "year", "amount"]].rename(columns={"amount": "value"}), True
    yield "project_absorption", pd.DataFrame({"value": [ABSORPTION]}), False


def _flags(rows: pd.DataFrame, *dims: str) -> pd.DataFrame:
    """A 1 for each row."""
    return rows[list(dims)].assign(value=1).reset_index(drop=True)
