"""What is said of a projection: tables, sentences, the page and the workbook say what was found, safely."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from python_calamine import CalamineWorkbook

from allocate.people.flows import flows
from allocate.people.outlook import Outlook, outlook
from allocate.people.tables import adequacy_table, differences_table, people_table
from allocate.prospects import many, prospects
from allocate.read import read_scenario
from allocate.reference import people_data
from allocate.report.fans import Fan, fan
from allocate.report.numerals import rounded, whole
from allocate.report.people import people_html
from allocate.report.people_book import people_book
from allocate.report.tiles import CHANCES, chances
from allocate.world import World
from prospected import DRAWS, YEARS, against_none, people, plain
from test_report import SCRIPT, Page, number, quiet

ROOT = Path(__file__).parents[1]
SECTIONS = ["findings", "people", "spaces", "services", "short", "heads", "corridors", "rests", "made", "sources"]


@cache
def page(scenario: str = "") -> tuple[str, Page]:
    text = people_html(against_none(scenario) if scenario else plain())
    return text, Page(text)


def test_flows_are_people_times_leaving_times_corridors() -> None:
    """Proves: 1,000 women who leave at 10% a year, three parts to Cape Town and one to Cape Winelands, are 75 and 25 a
    year, with attraction counted in; nobody else moves. Broken: a corridor is read from its destination, or leavers of
    another period are counted.
    """
    world = people()
    for name, everywhere in (("people", 1), ("leaving", 0), ("corridor", 1e-12)):
        world = world.with_data(name, world.data[name] * 0 + everywhere)
    first = {"period": "2016-2021"}
    for name, value, where in (
        ("people", 1000, {"space": "DC1", "sex": "women", "age": "20-24"}),
        ("leaving", 0.1, {"space": "DC1", "sex": "women", "age": "20-24", **first}),
        ("leaving", 0.9, {"space": "DC1", "sex": "women", "age": "20-24", "period": "2021-2026"}),
        ("corridor", 3.0, {"space": "DC1", "destination": "CPT", **first}),
        ("corridor", 0.5, {"space": "DC1", "destination": "DC2", **first}),
    ):
        array = world.data[name].copy()
        array.loc[where] = value
        world = world.with_data(name, array)
    pull = xr.ones_like(world.data["corridor"].isel(space=0, drop=True)).rename(destination="space")
    pull.loc[{"space": "DC2"}] = 2.0
    found = flows(world.with_data("attraction", pull.assign_attrs(unit="1", status="assumed", source="A test")))
    assert found.iloc[:2].values.tolist() == [
        ["DC1", "CPT", pytest.approx(75.0)],
        ["DC1", "DC2", pytest.approx(25.0)],
    ]
    assert found["people"][2:].max() < 1e-6


def test_flows_of_the_shipped_figures_add_up_to_who_leaves() -> None:
    """Proves: over destinations they are people x rates of leaving of each space, added up here by label. Broken: the
    corridors of a space do not add up, or somebody goes nowhere."""
    data = people().data
    leave = (data["people"] * data["leaving"].sel(period="2016-2021")).sum(["sex", "age"])
    found = flows(people())
    sums = found.groupby("space")["people"].sum()
    assert sums[list(leave["space"].values)].to_numpy() == pytest.approx(leave.values)
    assert (found["space"] != found["destination"]).all() and found["people"].is_monotonic_decreasing


def test_the_start_is_what_the_world_counts() -> None:
    """Proves: people, sexes, households and what is served at the start are sums over the World's labels, made here
    another way. Broken: the start is the end of the first step."""
    data, found = people().data, plain().found
    count = found["count_start"]
    spaces = list(people().labels("space"))
    assert count.sel(measure="people", region=spaces).values == pytest.approx(data["people"].sum(["sex", "age"]).values)
    women = float(data["people"].sel(sex="women").sum())
    assert float(count.sel(measure="women", region="total")) == pytest.approx(women)
    pairs = {"women": "female", "men": "male"}
    homes = sum((data["people"].sel(sex=s) * data["head_rate"].sel(head=h)).sum("age") for s, h in pairs.items())
    lacks = np.maximum(homes - data["capacity"].sel(service="water"), 0)
    assert found["backlog_start"].sel(service="water").values == pytest.approx(lacks.values)
    enough = data["capacity"].sel(service="water") / homes
    assert found["adequacy_start"].sel(service="water").values == pytest.approx(enough.values)
    province = np.array(people().columns("space")["province"])
    inside = count.sel(measure="people", region=[s for s, p in zip(spaces, province, strict=True) if p == "LIM"])
    assert float(inside.sum()) == pytest.approx(float(count.sel(measure="people", region="LIM")))


def test_tables_have_a_row_a_cell_and_the_numbers_found() -> None:
    """Proves: every measure, region and year is there once, in order, with its own numbers; quantiles rise. Broken: a
    table whose rows are shifted against its labels."""
    counted, served = people_table(plain()), adequacy_table(plain())
    found = plain().found
    assert len(counted) == found["central"].size and not counted.duplicated(["measure", "region", "year"]).any()
    assert len(served) == found["p_adequate"].size and not served.duplicated(["service", "space", "year"]).any()
    row = counted.set_index(["measure", "region", "year"]).loc[("women", "DC15", 2031)]
    cell = found.sel(measure="women", region="DC15", year=2031)
    assert row["name"] == "OR Tambo (DC15)" and row["mean"] == float(cell["count_mean"])
    assert row["q0.05"] == float(cell["count"].sel(quantile=0.05)) and row["start"] == float(cell["count_start"])
    row = served.set_index(["service", "space", "year"]).loc[("refuse", "NMA", 2026)]
    cell = found.sel(service="refuse", space="NMA", year=2026)
    assert row["p_adequate"] == float(cell["p_adequate"]) and row["backlog"] == float(cell["backlog"])
    for table in (counted, served):
        spread = table.filter(regex=r"^q0")
        assert spread.shape[1] == 9 and (spread.diff(axis=1).iloc[:, 1:].fillna(0) >= 0).all().all()


def test_differences_are_now_less_was_and_add_up() -> None:
    """Proves: change is one projection less the other, cell by cell, and changes of spaces add up to that of all.
    Broken: the two are taken the wrong way round, or shares are added."""
    found = against_none("gauteng_attracts_more")
    frame = differences_table(found)
    assert (frame["change"] == frame["now"] - frame["was"]).all()
    moved = frame[(frame["what"] == "people") & (frame["year"] == 2036)].set_index("region")["change"]
    assert moved["JHB"] > 100_000 and moved["ETH"] < -10_000
    spaces = list(people().labels("space"))
    assert moved[spaces].sum() == pytest.approx(moved["total"], abs=10)  # 72 million in single precision are whole 8s
    with pytest.raises(ValueError, match="nothing to compare"):
        differences_table(plain())


def test_sentences_say_the_numbers_found() -> None:
    """Proves: people, households and every service are told with the numbers of the projection, and what is assumed is a
    warning. Broken: a sentence quotes the mean where it says median, or one service's backlog for another's."""
    said = [str(sentence) for sentence in prospects(plain())]
    found = plain().found
    middle = found["count"].sel(measure="people", region="total", year=2036, quantile=0.5)
    assert said[0].startswith(f"People: 55.65 million in 2016, {many(float(middle))} in 2036")
    for service in people().labels("service"):
        (line,) = (words for words in said if words.startswith(f"{service.capitalize()}:"))
        backlog = float(found["backlog"].sel(service=service, year=2036).sum())
        short = int((found["p_adequate"].sel(service=service, year=2036) < 0.5).sum())
        assert f"{many(backlog)} expected in 2036" in line and f"{short} in 2036" in line
    warned = [str(s) for s in prospects(plain()) if s.warning]
    assumed = {n for n, a in people().data.data_vars.items() if a.attrs["status"] == "assumed"} | {"attraction"}
    assert set(re.split(r"[:,] ", warned[0].rstrip("."))[1:]) - {"so open to challenge"} == assumed
    assert warned[1] == people().data.attrs["envelope"]


def test_what_changes_is_said_first_and_only_where_it_does() -> None:
    """Proves: a drought says that nobody moves, names the one space and year that it strikes and the chance before and
    after, and no other service. Broken: the last year is told, when the water is back."""
    said = [str(sentence) for sentence in prospects(against_none("drought"))]
    assert said[0].endswith("not one person more or less lives anywhere in 2036.")
    was, now = (
        float(one.found["p_adequate"].sel(service="water", space="NMA", year=2026))
        for one in (plain(), against_none("drought"))
    )
    assert said[1] == (
        "Chance that water is enough, in 2026: up by a point or more in 0 of 52 spaces, down in 1; most changed: Nelson "
        f"Mandela Bay (NMA) {was:.0%} -> {now:.0%}."
    )
    assert not any(words.startswith("Chance") for words in said[2:])


def test_every_section_is_there_in_the_order_a_reader_asks() -> None:
    """Proves: the page is well formed and whole, and what changes comes first where something is compared. Broken: a tag
    is left open, or a part is lost."""
    assert page()[1].sections == SECTIONS
    assert page("drought")[1].sections == ["findings", "changes", *SECTIONS[1:]]
    for scenario, shown in (("", plain()), ("drought", against_none("drought"))):
        words = page(scenario)[1].words
        for sentence in prospects(shown):
            assert str(sentence).replace(" -> ", " → ").replace("-", "−") in words.replace("-", "−")
        assert shown.world_digest in words and f"{DRAWS} , seed 1".replace(" ,", ",") in words


def test_the_tables_of_the_page_are_those_of_the_projection() -> None:
    """Proves: people by province and in all, backlogs by year and the chances of every space are printed as found, each
    in its row. Broken: rows are shifted, or 2031 stands under 2036."""
    found, rows = plain().found, page()[1].rows
    table = {cells[0]: cells[1:] for cells in rows["people"][1:]}
    assert len(table) == 9 + 1
    total = found["count"].sel(measure="people", region="total", quantile=0.5)
    assert table["All together"][:5] == [whole(55_653_657), *(rounded(v) for v in total.values)]
    for n, service in enumerate(people().labels("service")):
        part = rows["services"][6 * n + 1 : 6 * n + 6]
        backlog = found["backlog"].sel(service=service).sum("space")
        assert [cells[0] for cells in part] == ["2016", *map(str, YEARS)]
        assert [cells[1] for cells in part[1:]] == [rounded(v) for v in backlog.values]
    cells = {line[0]: line[1:] for line in rows["short"][1:]}
    assert len(cells) == 52
    for n, service in enumerate(people().labels("service")):
        its = found.sel(service=service, space="DC4")
        first = "–" if np.isnan(its["first_short"]) else f"{float(its['first_short']):.0f}"
        assert cells["Garden Route (DC4)"][n] == f"{first}{round(100 * float(its['p_adequate'][-1]))}%"


def test_there_is_a_fan_for_all_and_each_and_a_map_for_each_service_and_year() -> None:
    """Proves: one chart for all together, each of 9 provinces and 52 spaces and both heads; a map of 52 tiles for each
    of seven services in each of four years, and a key; each chart says its numbers in words. Broken: a space is left
    out, or a chart says nothing to those who do not see it."""
    text, found = page()
    charts = re.findall(r'<svg class="fan".*?</svg>', text)
    assert len(charts) == 1 + 9 + 52 + 2
    assert all(re.search(r'role="img" aria-label="[^"]+: [\d,.]+ in 2016; ', chart) for chart in charts)
    maps = re.findall(r'<svg class="tiles".*?</svg>', text, re.DOTALL)
    assert len(maps) == 1 + 7 * len(YEARS) and all(m.count('class="tile"') == 52 for m in maps)
    assert 'aria-label="Chance that refuse is enough in 2031, by space"' in text
    assert not {"script", "img"} & {tag for tag, _ in found.tags}


def test_a_fan_is_drawn_where_its_numbers_are() -> None:
    """Proves: the median line passes the points that its scale says, higher numbers stand higher, and bands nest. The
    scale of the drawing is read from its own marks. Broken: the chart is upside down, or a band is another quantile's.
    """
    quantiles = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
    spread = np.array([[90, 95, 98, 100, 103, 106, 115], [80, 92, 99, 110, 120, 130, 150.0]])
    svg = fan(Fan("A & <b>", (2016, 100.0), [2021, 2026], quantiles, spread))
    assert "A &amp; &lt;b&gt;: 100 in 2016; 110 in 2026 (19 times out of 20: 80 to 150)" in svg
    marks = [(float(y), float(v)) for y, v in re.findall(r"M[\d.]+ ([\d.]+)H[^>]*/><text[^>]*>([\d.]+)<", svg)]
    (y0, v0), (y1, v1) = marks[0], marks[-1]

    def height(value: float) -> float:
        return y0 + (value - v0) * (y1 - y0) / (v1 - v0)

    *bands, line = (
        [tuple(map(float, point.split())) for point in found.strip("MZ").split("L")]
        for found in re.findall(r'd="(M[\d. L]+Z?)"', svg)
    )
    assert [y for _, y in line] == pytest.approx([height(v) for v in (100, 100, 110)], abs=0.2)
    for band, low, high in zip(bands, (0, 1, 2), (6, 5, 4), strict=True):
        want = [100, *spread[:, low], *spread[::-1, high], 100]
        assert [y for _, y in band] == pytest.approx([height(v) for v in want], abs=0.2)
    assert y1 < y0 and [x for x, _ in line] == sorted(x for x, _ in line)


def test_a_chance_is_coloured_as_it_is_printed() -> None:
    """Proves: each tile has the colour of the class of its printed percent, and all classes are used. Broken: 49.6%
    prints 50 in the colour of short."""
    spaces = people().labels("space")
    values = {space: n / (len(spaces) - 1) for n, space in enumerate(spaces)} | {"DC1": 0.496, "DC2": 0.954}
    svg = chances(people(), values, "All & more")
    tiles = re.findall(r'fill="(#\w+)"/><text[^>]*>(\d+)</text>', svg)
    assert len(tiles) == 52 and 'aria-label="All &amp; more"' in svg
    for colour, printed in tiles:
        assert colour == next(c for end, c, *_ in CHANCES if int(printed) < end)
    assert {colour for colour, _ in tiles} == {c for _, c, *_ in CHANCES}


def test_every_datum_says_where_it_is_from_and_assumptions_stand_out() -> None:
    """Proves: each datum is listed once with source and period, and only assumed rows are coloured. Broken: an assumption
    hides among counted figures."""
    listed = {cells[0]: cells for cells in page()[1].rows["rests"][1:] if len(cells) == 4}
    assert set(listed) == set(map(str, people().data.data_vars)) | {"attraction"}
    for name, array in people().data.data_vars.items():
        assert array.attrs["source"] in listed[str(name)][3] and array.attrs["period"] in listed[str(name)][3]
    coloured = {cells[0] for kind, cells in page()[1].row_classes if kind == "assumed"}
    assert coloured == set(plain().rests_on["assumed"])


def test_what_files_say_is_text_and_never_markup() -> None:
    """Proves: a scenario and a place that hold HTML or template code are shown, not run. Broken: a colleague's scenario
    runs a script."""
    world = people()
    assert world.regions is not None
    at = world.regions.header.index("name")
    first = world.regions.rows[0]
    bad = '<b onclick="x">&amp;'
    rows = ((*first[:at], bad, *first[at + 1 :]), *world.regions.rows[1:])
    hostile = read_scenario("drought").model_copy(update={"name": SCRIPT, "why": "{{7*7}} {% raw %}"})
    named = replace(world, regions=replace(world.regions, rows=rows))
    found = outlook(named, years=2021, draws=64, scenario=[hostile], against=[], built="<i>")
    shown = Page(people_html(found))
    assert not {"script", "img", "b", "i"} & {tag for tag, _ in shown.tags}
    assert all(words in shown.words for words in (SCRIPT, "{{7*7}} {% raw %}", bad, "<i>"))


def test_a_page_asks_nothing_of_the_network_and_leads_only_within() -> None:
    """Proves: one file is the whole report. Broken: it calls home, or a link leads nowhere."""
    tags = quiet(page("drought")[0])
    assert not re.search(r"\b(src|xlink:href|srcset|action)\s*=", tags) and "http" not in tags
    assert not re.search(r"url\(|@import|expression\(", page("drought")[0])
    targets = re.findall(r'href="#([^"]*)"', tags)
    assert targets and set(targets) <= set(re.findall(r'id="([^"]*)"', tags))
    assert len(re.findall(r"href=", tags)) == len(targets)


def bare() -> World:
    """People of places without names, provinces or a map."""
    return replace(people(), data=people().data.assign_attrs(acknowledgement="", envelope=""), regions=None)


def test_a_world_without_words_or_places_still_has_a_report(tmp_path: Path) -> None:
    """Proves: regions, tiles, provinces and an acknowledgement may be absent. Broken: another country cannot report."""
    found = outlook(bare(), years=2021, draws=64, against=[])
    shown = Page(people_html(found))
    assert "sources" not in shown.sections and '<svg class="tiles"' not in people_html(found)
    people_book(found, tmp_path / "b.xlsx")
    assert "DC15" in shown.words


def test_the_workbook_holds_every_number_as_a_number(tmp_path: Path) -> None:
    """Proves: its sheets have the rows of the CSV files, with numbers as numbers, and where each datum is from. Broken:
    text that looks like a number, or a sheet cut short."""
    people_book(against_none("drought"), tmp_path / "projection.xlsx")
    book = CalamineWorkbook.from_path(tmp_path / "projection.xlsx")
    assert book.sheet_names[:4] == ["summary", "people", "adequacy", "first shortfall"]
    for name, table in (
        ("people", people_table(against_none("drought"))),
        ("adequacy", adequacy_table(against_none("drought"))),
        ("differences", differences_table(against_none("drought"))),
    ):
        head, *rows = book.get_sheet_by_name(name).to_python()
        assert head == list(table.columns) and len(rows) == len(table)
        shown = pd.DataFrame(rows, columns=head).replace("", np.nan)
        numbers = table.select_dtypes("number").columns
        assert np.array_equal(shown[numbers].to_numpy(float), table[numbers].to_numpy(float), equal_nan=True)
    said = [row[0] for row in book.get_sheet_by_name("changes").to_python()[1:]]
    assert said == ["yields[space=NMA, service=water, period=2021-2026]: 1 -> 0.5"]
    assert len(book.get_sheet_by_name("sources").to_python()) == 1 + len(people().data.data_vars) + 1


def test_the_page_of_people_lists_the_data_as_they_are() -> None:
    """Proves: docs/people.md has the table that the declaration gives. Broken: the manual lies; write it anew:

    python -c "from allocate.reference import people_data; print(people_data())"
    """
    assert people_data() in (ROOT / "docs" / "people.md").read_text(encoding="utf-8")


def test_numbers_are_short(capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: outside the counted start and flows no table of people prints more than four digits of a projection.
    Broken: 72,010,331 people in 2036 pretend to a precision that nobody has."""
    for cells in page()[1].rows["people"][1:]:
        for cell in cells[2:6]:
            assert len(str(int(number(cell))).rstrip("0")) <= 4


def test_the_same_projection_gives_the_same_page() -> None:
    """Proves: a page can be compared by its hash. Broken: a clock or a set's order got in."""

    def made() -> Outlook:
        return outlook(people(), years=YEARS, draws=64, scenario=["drought"], against=[])

    assert people_html(made()) == people_html(made())
