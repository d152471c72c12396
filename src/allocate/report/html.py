"""One page a run, for a reader who will never open the model: what changed, who gains, what binds, what it rests on.

A page is one file: its styles and its map are inside, it runs no script and asks nothing of a network, so it can be
mailed, printed and archived, and the same run always gives the same bytes. Every figure is taken from
:mod:`allocate.findings` or the schedule of the run; nothing is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import metadata
from typing import Any, Final
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from allocate import equity, findings
from allocate.compare import Row
from allocate.findings import Gain
from allocate.names import SPACE, TIME, UNALLOCATED, VERSION
from allocate.report import numerals
from allocate.report.numerals import Scale
from allocate.report.tiles import legend, tiles
from allocate.runs import Run
from allocate.sentences import in_words, sentences
from allocate.spec import Model
from allocate.statement import gender_statement, has_statement
from allocate.world import World

TOP: Final = 10
"""How many labels a table of concentration lists."""

STATUSES: Final = {
    "counted": "everybody was asked",
    "surveyed": "a sample was asked",
    "published": "an official document says so",
    "derived": "worked out from published figures",
    "modelled": "estimated by this project",
    "assumed": "a judgement, open to challenge",
}

CHECKS: Final = {
    "numbers": "Every number is finite",
    "bound": "No amount is below or above its bounds",
    "row": "No rule is broken",
    "complementarity": "Only limits that are reached carry a price",
    "gap": "The prices account for the whole result, so no plan does better",
    "settled": "No value of the worst-off could be raised further without lowering a lesser one",
    "whole": "What must be a whole number is one",
    "tie": "No equally good plan lies closer to the starting point, column by column",
    "pull": "No equally good plan lies closer to the starting point, all columns together",
}


def html(run: Run) -> str:
    """The report of a run: one page of HTML that stands alone.

    >>> from allocate.runs import run
    >>> page = html(run("grant_consolidation", "za2016", "one_water_grant", years=["2019/20"]))
    >>> page.startswith("<!doctype html>"), "<script" in page
    (True, False)
    """
    return environment().get_template("run.html").render(_page(run))


def comparison(
    title: str,
    parts: Sequence[tuple[str, Sequence[Row], Sequence[str]]],
    envelope: str = "",
    acknowledgement: str = "",
) -> str:
    """Many runs side by side: one page of HTML that links to the report of each.

    A part is a heading, its rows, and sentences on whether the headline holds over them. Links are relative.
    ``envelope`` says what a plan is not, ``acknowledgement`` whose figures these are; both come with the World.

    >>> from allocate.findings import Gain
    >>> gain, link = Gain(5.0, 0.05), "water/report.html"
    >>> row = Row("One water grant", "2019/20", gain, None, 30, 22, "water", 0.4, "exact", link)
    >>> page = comparison("Merging grants", [("Mergers", [row], ["It holds."])])
    >>> 'href="./water/report.html"' in page, "+5.0%" in page
    (True, True)
    """
    said = {"envelope": envelope, "acknowledgement": acknowledgement}
    return environment().get_template("comparison.html").render(title=title, parts=parts, **said)


@cache
def environment() -> Environment:
    """The templates of pages, and how they show numbers."""
    loader = PackageLoader("allocate", "report")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    shown = (
        numerals.whole,
        numerals.signed,
        numerals.percent,
        numerals.points,
        numerals.share,
        numerals.rounded,
        numerals.tiny,
        numerals.tone,
        numerals.typeset,
    )
    found.filters |= {function.__name__: function for function in shown}
    found.filters |= {"unit": _unit, "gain": _gain, "relative": _relative, "lead": _lead, "label": _label}
    return found


def _page(run: Run) -> dict[str, Any]:
    """All that the template shows, by name."""
    world, model = run.case.world, run.case.model
    frame = findings.spaces(run)
    unit = run.schedule.scale
    scored = findings.scored_dims(run)
    concentrations = [findings.concentration(run, dim) for dim in (*scored, SPACE)]
    return {
        "run": run,
        "model": model,
        "world": world,
        "title": run.name,
        "whys": _whys(run),
        "years": _years(run),
        "envelope": str(world.data.attrs.get("envelope", "")),
        "sentences": sentences(run),
        "comparisons": _comparisons(run),
        "outcomes": Scale.of([run.outcome(run.baseline), run.outcome(run.separate), run.outcome(run.plan)]),
        "services": [_services(run, dim) for dim in scored],
        "map": Markup(tiles(world, frame, unit)),
        "legend": legend(frame),
        "spaces": frame.to_dict("records"),
        "equity": equity.indices(run).to_dict("records"),
        "indices": list(equity.INDICES),
        "fairness": equity.price_of_fairness(run),
        "widest": max(frame["percent"].abs().fillna(0.0).max(), 1.0),
        "parents": _parents(run),
        "money_unit": unit,
        "pools": list(pools(run)),
        "unallocated": UNALLOCATED,
        "gender": gender_statement(run) if has_statement(run) else None,
        "bindings": findings.bindings(run),
        "concentrations": concentrations,
        "top": TOP,
        "rests": {s: [datum(model, world, name) for name in names] for s, names in findings.rests_on(run).items()},
        "statuses": STATUSES,
        "checks": CHECKS,
        "versions": versions(),
        "acknowledgement": str(world.data.attrs.get("acknowledgement", "")),
        "space": SPACE,
    }


def _whys(run: Run) -> list[str]:
    return [scenario.why for scenario in run.scenarios if scenario.why] or [run.case.model.why]


def _years(run: Run) -> tuple[str, ...]:
    return run.case.world.labels(TIME) if TIME in run.case.world.data.dims else ()


def _comparisons(run: Run) -> list[dict[str, Any]]:
    """The three plans in order: each with its gain on the one before, and its bar as a part of the longest."""
    merged = findings.consolidation(run)
    names = {
        run.against[0].upper() + run.against[1:]: (run.baseline, None),
        "Separate grants at their best": (run.separate, findings.reallocation(run)),
        "The plan" if merged else "The plan (this scenario merges nothing)": (run.plan, merged),
    }
    outcomes = {name: run.outcome(plan) for name, (plan, _) in names.items()}
    longest = max([*outcomes.values(), 1e-9])
    return [
        {"name": name, "outcome": outcomes[name], "gain": gain, "part": max(outcomes[name], 0.0) / longest}
        for name, (_, gain) in names.items()
    ]


def _services(run: Run, dim: str) -> dict[str, Any]:
    """Money and outcome by the labels of a dim, each with one scale for its three columns."""
    frame = findings.by_label(run, dim)
    kinds = ("baseline", "separate", "plan")
    unit = run.schedule.unit
    return {
        "dim": dim,
        "rows": [{**row, "title": run.case.world.title(dim, str(row[dim]))} for row in frame.to_dict("records")],
        "kinds": kinds,
        "money": Scale.of(float(v) * unit for kind in kinds for v in frame[f"{kind}_money"]),
        "outcome": Scale.of(float(v) for kind in kinds for v in frame[f"{kind}_outcome"]),
        "unit": unit,
    }


def _parents(run: Run) -> dict[str, str]:
    """What each space is part of, where the World says."""
    regions = run.case.world.regions
    return regions.column("parent") if regions is not None and "parent" in regions.header else {}


def pools(run: Run) -> Iterator[dict[str, Any]]:
    """Whole published units: a row a pool and year, then the total of the year, and at last the total of all."""
    held = run.schedule.unallocated
    dims = [str(d) for d in held.dims]
    frame = pd.DataFrame({"allocated": run.schedule.by(*dims).to_series(), "unallocated": held.to_series()})
    frame = frame.reset_index()
    for year in _years(run) if TIME in dims else ("",):
        part = frame[frame[TIME] == year] if TIME in dims else frame
        for row in part.to_dict("records"):
            name = ", ".join(run.case.world.title(d, str(row[d])) for d in dims if d != TIME)
            yield _pool(name, year, row["allocated"], row["unallocated"])
        if len(part) > 1:
            yield _pool("All pools", year, part["allocated"].sum(), part["unallocated"].sum(), "subtotal")
    if TIME in dims and len(_years(run)) > 1:
        yield _pool("All pools", "all years", frame["allocated"].sum(), frame["unallocated"].sum(), "total")


def _pool(name: str, year: str, allocated: Any, unallocated: Any, kind: str = "") -> dict[str, Any]:
    given, held = int(allocated), int(unallocated)
    return {"name": name, "year": year, "pool": given + held, "allocated": given, "held": held, "kind": kind}


def datum(model: Model, world: World, name: str) -> dict[str, str]:
    """What a datum is and where it came from."""
    spec, data = model.data[name], world.data
    attrs = data[name].attrs if name in data else {"source": "default of the model"}
    told = {key: str(attrs.get(key, "")) for key in ("source", "period", "notes")}
    over = [str(d) for d in (data[name].dims if name in data else spec.over)]
    why = str(attrs.get("why", "") or spec.why)
    return {"name": name, "unit": spec.unit, "over": ", ".join(over), "why": why, **told}


def versions() -> list[tuple[str, str]]:
    """The library and the packages that it asks for, as installed."""
    try:
        asked = metadata.requires("allocate") or []
    except metadata.PackageNotFoundError:
        asked = []
    names = sorted({re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in asked if "extra ==" not in text})
    return [("allocate", VERSION), *((name, metadata.version(name)) for name in names)]


def _unit(unit: object) -> str:
    """A unit as a reader says it."""
    text = in_words(str(unit))
    return {"1": "ratio", "R": "rand", "flag": "yes or no"}.get(text, text)


def _gain(gain: Gain) -> str:
    return numerals.typeset(str(gain))


def _relative(link: str) -> str:
    """A link that can only lead to a place beside the page."""
    return "./" + quote(link, safe="/._-#")


def _label(word: str) -> str:
    """A name of the model as a heading."""
    words = word.replace("_", " ")
    return words[:1].upper() + words[1:]


def _lead(text: str) -> tuple[str, str]:
    """The opening words of a finding and the rest: what comes before a colon, with the number after it."""
    found = re.match(r"[^:.;]{3,60}:(?: [+−]?[\d.,]*\d%)?(?=\s)", text)
    return (found.group(), text[found.end() :]) if found else ("", text)
