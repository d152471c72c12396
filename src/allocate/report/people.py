"""One page a projection: who lives where, what serves them, how likely it is enough, and what that rests on.

As the page of a run it is one file that runs no script and asks nothing of a network. Every figure is the projection's
own; nothing is computed here but shares and sums of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd
from markupsafe import Markup

from allocate.names import SPACE, TIME
from allocate.people.declared import inputs
from allocate.people.flows import flows
from allocate.people.outlook import Outlook
from allocate.people.projection import LIKELY
from allocate.people.services import HOUSEHOLDS, PEOPLE
from allocate.people.tables import ALL, differences_table, title
from allocate.prospects import ENDS, prospects, unit_of
from allocate.report.fans import BANDS, LARGE, SMALL, Fan, Size, fan
from allocate.report.html import STATUSES, datum, environment, versions
from allocate.report.tiles import CHANCES, CLASSES, chance_colours, chances, places, tiles

PAIRS: Final = 15
"""How many pairs of spaces the table of corridors has."""

FEW: Final = 12
"""Rows of a table of differences."""

MAPS: Final = 4
"""Maps of a service, at most: years spread evenly, the last among them."""


def people_html(outlook: Outlook) -> str:
    """The report of a projection: one page of HTML that stands alone.

    >>> from allocate.people.outlook import outlook
    >>> page = people_html(outlook("za2016_people", years=[2021, 2026], draws=64))
    >>> page.startswith("<!doctype html>"), "<script" in page, page.count('class="fan"') > 60
    (True, False, True)
    """
    return environment().get_template("people.html").render(_page(outlook))


def _page(outlook: Outlook) -> dict[str, Any]:
    """All that the template shows, by name."""
    world, found = outlook.world, outlook.found
    nation, spaces = outlook.ready.regions[-1], world.labels(SPACE)
    provinces = [region for region in outlook.ready.regions if region not in (*spaces, nation)]
    return {
        "outlook": outlook,
        "title": outlook.name,
        "model": inputs(),
        "world": world,
        "whys": [scenario.why for scenario in outlook.scenarios if scenario.why] or [inputs().why],
        "envelope": str(world.data.attrs.get("envelope", "")),
        "sentences": prospects(outlook),
        "draws": int(found.attrs["draws"]),
        "seed": int(found.attrs["seed"]),
        "bands": [(colour, f"{high - low:.0%} of draws") for low, high, colour in BANDS],
        "whole": _fan(outlook, nation, size=LARGE),
        "provinces": [_fan(outlook, region) for region in provinces],
        "spaces": [_fan(outlook, region) for region in spaces],
        "people": [_counted(outlook, region) for region in (*provinces, nation)],
        "ends": ENDS,
        "key": Markup(places(world, spaces)),
        "services": [_service(outlook, service) for service in world.labels("service")],
        "chances": [(colour, name) for _, colour, _, name in CHANCES],
        "mapped": _spread_evenly(outlook.years),
        "adequate": list(_adequate(outlook)),
        "heads": [_heads(outlook, region) for region in (*provinces, nation)],
        "head_fans": [_fan(outlook, nation, measure) for measure in HOUSEHOLDS],
        "corridors": list(corridors(outlook)),
        "changes": _changes(outlook),
        "change_legend": [(colour, name) for _, colour, _, name in CLASSES],
        "rests": {s: [datum(inputs(), world, name) for name in names] for s, names in outlook.rests_on.items()},
        "statuses": STATUSES,
        "versions": versions(),
        "acknowledgement": str(world.data.attrs.get("acknowledgement", "")),
    }


def _fan(outlook: Outlook, region: str, measure: str = PEOPLE[0], size: Size = SMALL) -> dict[str, Any]:
    """A chart of what is counted in a region, under its name."""
    its = outlook.found.sel(measure=measure, region=region)
    name = title(outlook, region) if measure == PEOPLE[0] else measure.capitalize()
    start = (outlook.start, float(its["count_start"]))
    shown = Fan(
        name, start, outlook.years, its["quantile"].values.tolist(), its["count"].transpose(TIME, "quantile").values
    )
    return {"name": name, "chart": Markup(fan(shown, size))}


def _counted(outlook: Outlook, region: str) -> dict[str, Any]:
    """People of a region: at the start, the median of every year, and the ends of the last."""
    its = outlook.found.sel(measure=PEOPLE[0], region=region)
    start, medians = float(its["count_start"]), its["count"].sel(quantile=0.5).values.tolist()
    low, high = (float(its["count"].sel(quantile=q)[-1]) for q in ENDS)
    grown = 100 * (medians[-1] / start - 1) if start else float("nan")
    name = title(outlook, region)
    return {
        "name": name,
        "start": start,
        "medians": medians,
        "low": low,
        "high": high,
        "grown": grown,
        "all": name == ALL,
    }


def _heads(outlook: Outlook, region: str) -> dict[str, Any]:
    """Households of a region by the sex of who heads them, at the start and in the last year."""
    its = outlook.found.sel(region=region, measure=list(HOUSEHOLDS))
    was, now = its["count_start"].values, its["count_mean"].values[:, -1]
    name = title(outlook, region)
    return {"name": name, "was": was.tolist(), "now": now.tolist(), "all": name == ALL}


def _spread_evenly(years: list[int]) -> list[int]:
    """Years to draw maps of.

    >>> _spread_evenly([2017, 2018, 2019, 2020, 2021, 2022])
    [2017, 2019, 2020, 2022]
    """
    many = min(MAPS, len(years))
    return [years[round(k * (len(years) - 1) / max(many - 1, 1))] for k in range(many)]


def _service(outlook: Outlook, service: str) -> dict[str, Any]:
    """A service: its maps, and a row a year of what all spaces together lack and how many people have enough."""
    world, its, nation = outlook.world, outlook.found.sel(service=service), outlook.ready.regions[-1]
    lived = outlook.found["count_mean"].sel(measure=PEOPLE[0], region=nation)
    maps = []
    for year in _spread_evenly(outlook.years):
        values = {space: float(its["p_adequate"].sel(year=year, space=space)) for space in world.labels(SPACE)}
        maps.append((year, Markup(chances(world, values, f"Chance that {service} is enough in {year}, by space"))))
    rows = [
        {
            "year": year,
            "backlog": float(its["backlog"].sel(year=year).sum()),
            "short": int((its["p_adequate"].sel(year=year) < LIKELY).sum()),
            "share": float(its["served"].sel(year=year, region=nation)),
            "people": float(its["served"].sel(year=year, region=nation) * lived.sel(year=year)),
        }
        for year in outlook.years
    ]
    start = float(its["backlog_start"].sum())
    return {"name": service, "unit": unit_of(outlook, service), "maps": maps, "rows": rows, "start": start}


def _adequate(outlook: Outlook) -> Iterator[dict[str, Any]]:
    """Each space: for every service the first year of shortfall, and the chance that it is enough in the last."""
    found, services = outlook.found, outlook.world.labels("service")
    for space in outlook.world.labels(SPACE):
        its = found.sel(space=space)
        first = [float(its["first_short"].sel(service=s)) for s in services]
        chance = [float(its["p_adequate"].sel(service=s)[-1]) for s in services]
        cells = [(year, value, *chance_colours(value)) for year, value in zip(first, chance, strict=True)]
        yield {"name": outlook.world.title(SPACE, space), "cells": cells}


def corridors(outlook: Outlook) -> Iterator[dict[str, Any]]:
    """The pairs of spaces between which most people move a year at the start: both ways, and what is left of them."""
    moved = {(space, destination): people for space, destination, people in flows(outlook.world).values.tolist()}
    seen = set[frozenset[str]]()
    for (space, destination), there in moved.items():
        if frozenset((space, destination)) in seen:
            continue
        seen.add(frozenset((space, destination)))
        back = moved.get((destination, space), 0.0)
        names = [outlook.world.title(SPACE, str(label)) for label in (space, destination)]
        yield {"from": names[0], "to": names[1], "there": there, "back": back, "net": there - back}
        if len(seen) == PAIRS:
            return


def _changes(outlook: Outlook) -> dict[str, Any] | None:
    """What differs from the other projection: a map of people, and the largest changes of people and of chances."""
    if outlook.other is None:
        return None
    frame, last = differences_table(outlook), outlook.years[-1]
    spaces = list(outlook.world.labels(SPACE))
    people = frame[(frame["what"] == "people") & (frame[TIME] == last)].set_index("region").loc[spaces].reset_index()
    people["percent"] = 100 * people["change"] / people["was"]
    served = frame[frame["what"] == "p_adequate"]
    shown = people.rename(columns={"region": SPACE})
    return {
        "name": outlook.other.name,
        "map": Markup(tiles(outlook.world, shown, "people")) if people["change"].any() else "",
        "people": _largest(people),
        "chances": _largest(served[served["change"].abs() >= 0.005]),
        "year": last,
    }


def _largest(frame: pd.DataFrame) -> list[Any]:
    """The rows that change most."""
    order = frame["change"].abs().sort_values(ascending=False, kind="stable").index
    rows: list[Any] = frame.loc[order].head(FEW).to_dict("records")
    return [row for row in rows if row["change"]]
