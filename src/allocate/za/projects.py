"""The projects of the world ``za2016_projects``: an ILLUSTRATIVE list, in the form in which a real one is filled in.

No list of projects of the 52 spaces is public. The tables ``projects*.csv`` are made up by this project, from its unit
costs, so that the model of projects can be run and the workbook has something to overwrite.
"""

from __future__ import annotations

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

SPARSE = ("located", "may_pay", "works", "in_scheme", "zones_least", "after", "project_budget", "indicated")
"""Data of which a row that is left out is 0, so that nobody writes a row for what is not."""


def dims() -> dict[str, tuple[str, ...]]:
    """The dims of the list with their labels in order.

    >>> len(dims()["project"])
    51
    """
    names = tuple(table("projects")["project"])
    return {"project": names, "ahead": names, "scheme": tuple(table("projects_schemes")["scheme"])}


def data() -> list[Datum]:
    """Every datum of the list, in the order in which it is filled in.

    >>> frames = {datum.name: datum.frame for datum in data()}
    >>> len(frames["located"]), float(frames["zones_least"]["value"].sum())
    (51, 7.0)
    """
    return [
        Datum(name=name, frame=frame, **ABOUT[name], default=0.0 if name in SPARSE else None)
        for name, frame in _frames().items()
    ]


def _frames() -> dict[str, pd.DataFrame]:
    listed = table("projects")
    granted = listed.assign(grant=listed["grants"].str.split()).explode("grant")
    each = ("connects", "capacity", "cost", "year_most", "incomplete", "zone")
    return {
        "located": _flags(listed, "space", "project"),
        "may_pay": _flags(granted, "project", "grant"),
        "works": _flags(listed, "project", "service"),
        "in_scheme": _flags(listed.dropna(subset="scheme"), "project", "scheme"),
        **{name: _values(listed, name, "project") for name in each},
        "spare": _values(table("projects_schemes"), "spare", "scheme"),
        "zones_least": _flags(listed[listed["zone"] == 1].drop_duplicates("space"), "space"),
        "after": _flags(table("projects_after"), "project", "ahead"),
        "project_budget": _values(table("projects_budget"), "amount", "grant", "year"),
        "indicated": _values(table("projects_indicated"), "amount", "project", "grant", "year"),
        "project_absorption": pd.DataFrame({"value": [ABSORPTION]}),
    }


def _values(rows: pd.DataFrame, column: str, *dims: str) -> pd.DataFrame:
    return rows[[*dims, column]].rename(columns={column: "value"})


def _flags(rows: pd.DataFrame, *dims: str) -> pd.DataFrame:
    """A 1 for each row."""
    return rows[list(dims)].assign(value=1).reset_index(drop=True)
