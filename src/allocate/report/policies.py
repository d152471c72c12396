"""One page a comparison of policies: what each gains and how surely, and who goes without a service over the years."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import xarray as xr
from markupsafe import Markup

from allocate.names import SPACE, TIME
from allocate.report.fans import BANDS, Fan, fan
from allocate.report.html import environment, versions
from allocate.report.numerals import share, whole
from allocate.rolling.comparison import Policies
from allocate.rolling.findings import NAMES, findings
from allocate.rolling.money import SERVICE
from allocate.sentences import in_words

SHARES: Final = ("survives", "better")
"""Columns of the table of policies that are parts of one."""

LIKELY: Final = 0.5


def policies_html(found: Policies) -> str:
    """The report of a comparison of policies: one page of HTML that stands alone.

    >>> from allocate.rolling.comparison import policies
    >>> found = policies("grant_consolidation", "za2016", "za2016_people", years=1, draws=8, policies=["formula"])
    >>> page = policies_html(found)
    >>> page.startswith("<!doctype html>"), "<script" in page, page.count('class="fan"')
    (True, False, 8)
    """
    return environment().get_template("policies.html").render(_page(found))


def _page(found: Policies) -> dict[str, Any]:
    """All that the template shows, by name."""
    data, table, world = found.dataset(), found.table(), found.setting.case.world
    services = found.setting.future.services
    columns = [str(column) for column in table.columns if column != "policy"]
    rows = [
        {"name": NAMES[str(row["policy"])], "cells": [shown(column, row[column]) for column in columns]}
        for row in table.to_dict("records")
    ]
    return {
        "found": found,
        "model": found.setting.case.model,
        "title": found.name,
        "whys": [scenario.why for scenario in found.scenarios] or [found.setting.case.model.why],
        "labels": found.setting.labels,
        "envelope": str(world.data.attrs.get("envelope", "")),
        "acknowledgement": str(world.data.attrs.get("acknowledgement", "")),
        "sentences": findings(found),
        "draws": found.setting.future.draws,
        "unit": in_words(found.unit),
        "columns": columns,
        "rows": rows,
        "bands": [(colour, f"{high - low:.0%} of draws") for low, high, colour in BANDS],
        "services": [(service, list(_fans(found, data, service))) for service in services],
        "spaces": len(found.setting.future.spaces),
        "last": found.setting.future.years[-1],
        "adequate": [(NAMES[name], list(_adequate(found, data, name))) for name in found.names],
        "worlds": (world.name, found.people.case.world.name),
        "versions": versions(),
    }


def shown(column: str, value: float) -> str:
    """A cell of the table of policies: outcomes in thousands, parts in percent, a dash where there is none.

    >>> shown("mean gain", 1234567.0), shown("survives", 0.954)
    ('1,235', '95.4%')
    """
    if value != value:
        return "–"
    return share(value) if column in SHARES else whole(value / 1000)


def _fans(found: Policies, data: xr.Dataset, service: str) -> Iterator[tuple[str, Markup]]:
    """A chart a policy, all on one scale: households without a service."""
    years = found.setting.future.years
    quantiles = [float(q) for q in data["quantile"].values]
    charts = []
    for name in found.names:
        spread = data["backlog"].sel({"policy": name, SERVICE: service}).transpose(TIME, "quantile").values
        start = (years[0], float(spread[0, quantiles.index(0.5)]))
        charts.append(Fan(f"{NAMES[name]}, {service}", start, years[1:], quantiles, spread[1:]))
    for name, chart in zip(found.names, charts, strict=True):
        yield NAMES[name], Markup(fan(chart, beside=charts))


def _adequate(found: Policies, data: xr.Dataset, name: str) -> Iterator[tuple[int, float]]:
    """Of each service in the last year: spaces where it is likely enough, and the share of households served."""
    last, at = found.setting.future.years[-1], {"policy": name}
    for k, service in enumerate(found.setting.future.services):
        here = data.sel({**at, SERVICE: service, TIME: last})
        many = int((here["p_adequate"] > LIKELY).sum(SPACE))
        everybody = found.setting.future.demand[:, -1, :, k].sum(axis=1).mean()
        yield many, float(here["served"].sel(quantile=0.5)) / float(everybody or 1.0)
