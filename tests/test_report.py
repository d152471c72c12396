"""The report says what the findings say, all of it, safely, and the same every time."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from allocate import findings
from allocate.compare import Row, holds, row
from allocate.findings import Gain
from allocate.read import read_scenario
from allocate.regions import Registry
from allocate.report.html import comparison, html
from allocate.report.numerals import Scale, percent, rounded, signed, typeset, whole
from allocate.report.tiles import CLASSES, tiles
from allocate.runs import Run, run
from allocate.sentences import sentences
from allocate.spec import Drop, Scenario
from allocate.spec import Scale as Times
from allocate.world import World

VOID = {"meta", "br"}
SECTIONS = ["findings", "value", "map", "spaces", "equity", "pools", "binds", "concentration", "rests", "mathematics"]
SCRIPT = "<script>alert(1)</script>"


class Page(HTMLParser):
    """A page as a reader meets it: text, and the rows of every section; a tag out of place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.sections: list[str] = []
        self.rows: dict[str, list[list[str]]] = {}
        self.marked: list[str] = []
        self.warning = False
        self.row_classes: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self.open.append(tag)
        found = dict(attrs)
        if tag == "section":
            self.sections.append(found.get("id") or "")
        if tag == "tr":
            self.rows.setdefault(self.sections[-1], []).append([])
            self.row_classes.append((found.get("class") or "", self.rows[self.sections[-1]][-1]))
        if tag in ("th", "td"):
            self.rows[self.sections[-1]][-1].append("")
        if tag == "li":
            self.warning = found.get("class") == "warning"
            self.marked += [""] if self.warning else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" in self.open or "title" in self.open:
            return
        self.text.append(data)
        if "th" in self.open or "td" in self.open:
            self.rows[self.sections[-1]][-1][-1] += data
        if self.warning and "li" in self.open:
            self.marked[-1] += data

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-").rstrip("%"))


def quiet(text: str) -> str:
    """A page without what a browser shows as text: only tags are left."""
    return "".join(re.findall(r"<[^>]*>", text))


@pytest.fixture(scope="module")
def page(merged: Run) -> Page:
    return Page(html(merged))


@pytest.fixture(scope="module")
def years(za: World) -> Run:
    """Today's grants apart, all years: many pools, and a row of totals for each year."""
    return run("grant_consolidation", za, "separate")


@pytest.fixture(scope="module")
def held(za: World) -> Run:
    """Spaces can absorb less than the pools hold: money is left, and what each space got breaks the rule."""
    changes = (Times(scale="absorb", by=0.8), Drop(drop="rules.guarantee"), Drop(drop="rules.unmeasured"))
    tight = Scenario(name="Tight", why="What is left over?", changes=changes)
    return run("grant_consolidation", za, tight, years=["2019/20"])


def test_every_section_is_there_in_the_order_a_reader_asks(merged: Run, page: Page) -> None:
    """Proves: the page is well formed, and no part is lost or moved.

    If broken: a tag is left open (a browser swallows the rest), or a section of the list is missing.
    """
    assert page.sections == [*SECTIONS, "proof", "sources"]
    words = page.words
    scenario = merged.scenarios[0]
    order = [
        scenario.name,
        scenario.why,
        typeset(merged.case.said[0]),
        "2019/20",
        merged.case.world.data.attrs["envelope"],
        "What it says",
    ]
    places = [words.index(" ".join(text.split())) for text in order]
    assert places == sorted(places)


def test_every_finding_is_told_and_warnings_are_marked(freed: Run, years: Run) -> None:
    """Proves: no sentence is dropped, and exactly the warnings carry the mark.

    If broken: a warning of concentration looks like any other line, or all lines shout.
    """
    page = Page(html(freed))
    for sentence in sentences(freed):
        assert typeset(sentence.words) in page.words
    warned = [w for d in ("service", "space") for w in findings.concentration(freed, d).warnings]
    assert warned, "the case must have a concentration to warn of"
    wanted = len(warned) + sum(s.words.startswith("Of 52 spaces") and s.warning for s in sentences(freed))
    assert len(page.marked) == wanted
    calm = Page(html(years))
    assert not findings.concentration(years, "service").warnings
    assert not any("no single" in text for text in calm.marked)


def test_every_space_has_its_row_and_its_figures(merged: Run, page: Page) -> None:
    """Proves: each of the 52 rows prints what findings say, and sums to the total that the page prints.

    If broken: a space is missing, or its change is rounded, shifted by a row, or has lost its sign.
    """
    frame = findings.spaces(merged)
    _, *rows, total = page.rows["spaces"]
    assert len(rows) == len(frame) == 52
    for shown, said in zip(rows, frame.to_dict("records"), strict=True):
        name, _, was, now, change, share, _, per_household = shown
        assert name == said["name"]
        assert (number(was), number(now), number(change)) == (said["was"], said["now"], said["change"])
        assert (change, share) == (signed(said["change"]), percent(said["percent"]))
        assert per_household == signed(said["per_household"])
    assert number(total[2]) == frame["was"].sum() == sum(number(cells[2]) for cells in rows)
    assert number(total[3]) == frame["now"].sum() == sum(number(cells[3]) for cells in rows)


@pytest.mark.parametrize("case", ["merged", "years", "held"])
def test_pools_add_up_to_the_budget_exactly(case: str, request: pytest.FixtureRequest) -> None:
    """Proves: allocated + UNALLOCATED = the published pool in every row, and the pools are the World's own budgets.

    The budgets are added up here from the World, not from the schedule. If broken: a pool is R1 thousand short.
    """
    found: Run = request.getfixturevalue(case)
    data = found.case.world.data
    budget = xr.dot(data["member"], data["budget"], dim="grant") / 1000
    page = Page(html(found))
    rows = [(r[0], r[1], *map(number, r[2:])) for r in page.rows["pools"][1:]]
    for name, year, pool, allocated, held in rows:
        assert pool == allocated + held
        if name in found.case.world.labels("pool"):
            assert pool == float(budget.sel(pool=name, year=year))
        elif year in found.case.world.labels("year"):
            assert pool == float(budget.sel(year=year).sum())
        else:
            assert pool == float(budget.sum())
    assert len([r for r in rows if r[0] != "All pools"]) == budget.size
    assert any(left > 0 for *_, left in rows) == (case == "held")


def test_a_broken_rule_is_a_warning(held: Run) -> None:
    """Proves: a rule that the actual split breaks is marked. If broken: it reads as one more fact."""
    page = Page(html(held))
    broken = [s.words for s in sentences(held) if "breaks rule absorption" in s.words]
    assert broken
    assert all(any(typeset(s) in text for text in page.marked) for s in broken)


def test_the_three_comparisons_are_those_of_the_findings(merged: Run, page: Page) -> None:
    """Proves: outcome, gain and share of each plan are the run's. If broken: reallocation shows as consolidation."""
    _, first, second, third = page.rows["value"][:4]
    outcomes = [merged.outcome(plan) for plan in (merged.baseline, merged.separate, merged.plan)]
    scale = Scale.of(outcomes)
    assert [line[1] for line in (first, second, third)] == [scale.show(outcome) for outcome in outcomes]
    assert second[-1] == str(findings.reallocation(merged))
    assert third[-1] == str(findings.consolidation(merged))


def test_every_rule_is_priced_explained_and_written_out(merged: Run, page: Page) -> None:
    """Proves: each rule has its price, its why and its text. If broken: a rule binds and nobody learns why."""
    model = merged.case.model
    rows = {line[0]: line for line in page.rows["binds"][1:]}
    for binding in findings.bindings(merged):
        line = rows[binding.rule.capitalize()]
        assert line[1] == f"{whole(binding.at_limit)} of {whole(binding.rows)}"
        if binding.at_limit:
            assert line[2:4] == [rounded(binding.least), rounded(binding.most)]
        assert model.rules[binding.rule].why in page.words
        assert model.rules[binding.rule].rule in page.words


def test_every_datum_says_where_it_is_from_and_assumptions_stand_out(merged: Run, page: Page) -> None:
    """Proves: each datum of the model is listed once with source and period, and only assumed rows are coloured.

    If broken: an assumption hides among published figures.
    """
    rests = findings.rests_on(merged)
    listed = {cells[0]: cells for cells in page.rows["rests"][1:] if len(cells) == 4}
    assert set(listed) == {name for names in rests.values() for name in names}
    assert "formula_share" not in listed
    for name, cells in listed.items():
        attrs = merged.case.world.data[name].attrs
        assert attrs["source"] in cells[3]
        assert attrs["period"] in cells[3]
    coloured = {cells[0] for kind, cells in page.row_classes if kind == "assumed"}
    assert coloured == set(rests["assumed"])


def test_the_proof_and_the_sources_are_shown(merged: Run, page: Page) -> None:
    """Proves: every check of the certificate, the grade and the acknowledgement are printed.

    If broken: a page travels without the sources' conditions.
    """
    assert len(page.rows["proof"]) == 1 + len(merged.plan.certificate.residuals)
    assert f"Grade: {merged.plan.grade}." in page.words
    assert merged.world_digest in page.words
    thanks = merged.case.world.data.attrs["acknowledgement"]
    assert thanks
    assert thanks in page.words


def test_a_world_without_words_or_places_still_has_a_report(za: World) -> None:
    """Proves: regions, tiles and an acknowledgement may be absent. If broken: another country cannot report."""
    bare = replace(za, data=za.data.assign_attrs(acknowledgement=""), regions=None)
    page = Page(html(run("grant_consolidation", bare, "separate", years=["2019/20"])))
    assert page.sections == [s for s in SECTIONS if s != "map"] + ["proof"]
    assert {cells[0] for cells in page.rows["spaces"][1:-1]} == set(za.labels("space"))


def test_what_files_say_is_text_and_never_markup(za: World) -> None:
    """Proves: a scenario, a label and a name that hold HTML or template code are shown, not run.

    If broken: opening a colleague's report runs the script of a scenario file, or ``{{7*7}}`` reads 49.
    """
    assert za.regions is not None
    first = za.regions.rows[0]
    bad = '<b onclick="x">&amp;'
    at = za.regions.header.index("name")
    rows = ((*first[:at], bad, *first[at + 1 :]), *za.regions.rows[1:])
    world = replace(za, regions=replace(za.regions, rows=rows))
    scenario = read_scenario("one_water_grant")
    merge = scenario.changes[0].model_copy(update={"into": "<img src=x onerror=alert(2)>"})
    hostile = scenario.model_copy(update={"name": SCRIPT, "why": "{{7*7}} {% raw %} ]]>", "changes": (merge,)})
    found = run("grant_consolidation", world, hostile, years=["2019/20"])
    text = html(found)
    page = Page(text)
    assert not {"script", "img", "b"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    for said in (SCRIPT, "{{7*7}} {% raw %} ]]>", "<img src=x onerror=alert(2)>", f"{bad} ("):
        assert said in page.words
    index = comparison(SCRIPT, [("{{7*7}}", [row(found, "a")], [bad])])
    assert "<script" not in index
    assert "{{7*7}}" in Page(index + "").words


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//elsewhere.example/x", "https://elsewhere.example", '"><b>'])
def test_links_lead_only_beside_the_page(link: str) -> None:
    """Proves: whatever a link holds, a browser looks beside the page. If broken: the index leads off the disk."""
    some = Row("x", "2019/20", Gain(1.0, 0.01), None, 1, 1, "y", 0.5, "exact", link)
    page = Page(comparison("t", [("h", [some], [])]))
    (target,) = [attrs["href"] or "" for tag, attrs in page.tags if tag == "a"]
    assert target.startswith("./")
    assert ":" not in target
    assert "b" not in {tag for tag, _ in page.tags}


def test_a_page_asks_nothing_of_the_network(merged: Run) -> None:
    """Proves: one file is the whole report. If broken: it prints without styles on a plane, or calls home."""
    for text in (html(merged), comparison("t", [("h", [row(merged, "one/report.html")], [])])):
        tags = quiet(text)
        assert not re.search(r"<(script|link|iframe|object|embed|img|form|base)\b", tags)
        assert not re.search(r"\b(src|xlink:href|srcset|action)\s*=", tags)
        assert "http" not in tags
        assert not re.search(r"url\(|@import|expression\(", text)
        targets = re.findall(r'href="([^"]*)"', tags)
        assert targets
        assert all(t.startswith(("#", "./")) for t in targets)
        anchors = [t[1:] for t in targets if t.startswith("#")]
        assert set(anchors) <= set(re.findall(r'id="([^"]*)"', tags))


def test_the_same_run_gives_the_same_bytes(merged: Run, za: World) -> None:
    """Proves: a report can be compared by its hash. If broken: a clock, an address or a set's order got in."""
    again = run("grant_consolidation", za, "one_pool", years=["2019/20"])
    assert html(merged) == html(merged) == html(again)


def test_numbers_are_short_and_have_real_signs(page: Page) -> None:
    """Proves: outside R thousand no table prints more than four significant digits, nor a hyphen for a minus.

    If broken: 14,042,755.4 household-years pretend to a precision that no survey has.
    """
    for section in ("value", "binds", "concentration"):
        for cells in page.rows[section]:
            for cell in cells[1:]:
                if re.fullmatch(r"[+−]?[\d,.]+%?", cell):
                    digits = re.sub(r"\D", "", cell).lstrip("0")
                    assert len(digits.rstrip("0") if "." not in cell else digits) <= 4, cell
    assert not any(re.match(r"-\d", cell) for rows in page.rows.values() for cells in rows for cell in cells)


def test_outcomes_are_called_weighted(page: Page) -> None:
    """Proves: nobody reads a weighted household-year as a household. If broken: ``household*year`` is printed."""
    assert "weighted household-years" in page.words
    assert "household*year" not in page.words


def test_the_map_has_a_tile_a_space_coloured_as_it_says(merged: Run, za: World) -> None:
    """Proves: 52 tiles, each with its title, in the colour of the change printed on it.

    If broken: a space is off the map, two spaces overlap, or a loss is painted as a gain.
    """
    frame = findings.spaces(merged)
    svg = tiles(za, frame)
    found = re.findall(
        r'<g class="tile"><title>([^<]*)</title><rect x="(\d+)" y="(\d+)".*? fill="(#\w+)".*?>(\w+)</text>'
        r"<text[^>]*>([^<]*)</text></g>",
        svg,
    )
    assert len(found) == 52
    assert len({(x, y) for _, x, y, *_ in found}) == 52
    order = [colour for _, colour, _, _ in CLASSES]
    by_code = {code: (title, order.index(colour), shown) for title, _, _, colour, code, shown in found}
    for said in frame.to_dict("records"):
        title, colour, shown = by_code[said["space"]]
        assert str(said["name"]) in title
        assert signed(said["change"]) in title
        assert shown == percent(said["percent"], places=0)
        assert np.sign(colour - 4) in (0, np.sign(number(shown)))
    colours: dict[str, set[int]] = {}
    for _, colour, shown in by_code.values():
        colours.setdefault(shown, set()).add(colour)
    assert all(len(c) == 1 for c in colours.values())


def test_a_map_without_tiles_is_no_map(za: World, merged: Run) -> None:
    """Proves: no registry, or one without places, gives "". If broken: a report of another country fails."""
    assert za.regions is not None
    names = Registry(("code", "name"), tuple(za.regions.names.items()))
    frame = findings.spaces(merged)
    assert tiles(replace(za, regions=None), frame) == ""
    assert tiles(replace(za, regions=names), frame) == ""


def test_a_space_that_had_nothing_has_no_percent(za: World, merged: Run) -> None:
    """Proves: a gain on nothing is shown as a dash, in no class of gain. If broken: the page prints nan."""
    frame = findings.spaces(merged)
    frame.loc[0, ["was", "percent"]] = [0, float("nan")]
    svg = tiles(za, frame)
    assert not re.search(r"\bnan\b", svg)
    assert svg.count('class="tile"') == 52


def test_the_index_shows_every_run_and_its_link(merged: Run, years: Run) -> None:
    """Proves: a row a run with both values, counts and link. If broken: two scenarios cannot be told apart."""
    rows = [row(merged, "merged/report.html"), row(years, "years/report.html")]
    verdicts = holds([rows[0], replace(rows[0], consolidation=Gain(-1.0, -0.5))])
    page = Page(comparison("What merging buys", [("Runs", rows, verdicts)], "An envelope.", "Thanks to all."))
    assert [attrs["href"] for tag, attrs in page.tags if tag == "a"] == ["./merged/report.html", "./years/report.html"]
    (_, first, second) = page.rows[""]
    assert first[0] == merged.name
    assert first[2:6] == [
        str(rows[0].reallocation),
        str(rows[0].consolidation),
        str(rows[0].gainers),
        str(rows[0].losers),
    ]
    assert second[3] == "–"
    assert "An envelope." in page.words and "Thanks to all." in page.words
    (flipped,) = page.marked
    assert "FLIPS" in flipped
    assert all(typeset(verdict) in page.words for verdict in verdicts)


def test_templates_know_no_label(za: World) -> None:
    """Proves: all names on a page come from data. If broken: a report from elsewhere names our grants."""
    text = " ".join(
        file.read_text(encoding="utf-8")
        for file in files("allocate.report").iterdir()
        if file.name in ("page.html", "run.html", "comparison.html")
    )
    known: list[Any] = [*za.labels("grant"), *za.labels("service"), *za.labels("year"), *za.labels("space")]
    assert za.regions is not None
    known += [*za.regions.names.values(), "metro", "district", "South Africa"]
    assert not [label for label in known if re.search(rf"\b{re.escape(label)}\b", text)]


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-12, -0.04, 0.049])
def test_nothing_has_no_sign(value: float) -> None:
    """Proves: what rounds to 0 is 0, without a sign or a colour of its own. If broken: a page prints −0.0%."""
    assert percent(value) == "0.0%"
    assert signed(value) == "0"


def test_a_frame_of_gains_on_nothing_is_drawn(za: World) -> None:
    """Proves: a table whose every percent is missing still has a map. If broken: the first year of a grant fails."""
    codes = list(za.labels("space"))
    frame = pd.DataFrame({"space": codes, "name": codes, "was": 0, "now": 5, "change": 5, "percent": np.nan})
    assert tiles(za, frame).count("–") >= len(codes)
