"""The South African tables: do they say what was published, and does the descriptor say what they are?"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from allocate.names import STATUSES
from allocate.za import folder

TOOLS = Path(__file__).resolve().parents[1] / "tools"
PERSONS = {2011: 51_770_560, 2016: 55_653_654}
HOUSEHOLDS = {2011: 14_450_161, 2016: 16_923_309}
RANDOM_ROUNDING = 20  # the publisher rounds cells at random, so a sum of cells is a few units off a printed total


def descriptor() -> dict[str, list[dict[str, object]]]:
    return json.loads((folder.FOLDER / "datapackage.json").read_text(encoding="utf-8"))


def builder(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location("build_za_facts", TOOLS / "build_za_facts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("year", [2011, 2016])
def test_households_add_up_to_the_published_total(year: int) -> None:
    """Proves: households by sex of head are the published 14,450,161 and 16,923,309.

    If a space were dropped or counted twice, the total would miss by tens of thousands.
    """
    heads = folder.table("households_by_head").query("year == @year")
    assert len(heads) == 52
    assert abs(heads["households"].sum() - HOUSEHOLDS[year]) <= RANDOM_ROUNDING
    assert (heads["female_headed"] + heads["male_headed"]).tolist() == heads["households"].tolist()


def test_heads_by_age_add_up_to_the_heads() -> None:
    """Proves: ages of heads add up to the heads of every space in 2016, and of every province in 2011.

    A later version of the table of 2016 adds boys to girls at 15 to 17: then women would head 62,200 more.
    """
    heads = folder.table("households_by_head").melt(["space", "year"], ["female_headed", "male_headed"], "head")
    heads = heads.assign(head=heads["head"].str.removesuffix("_headed"))
    by_age = folder.table("heads_by_age").set_index(["space", "head"]).drop(columns=["year", "boundary"]).sum(axis=1)
    now = heads[heads["year"] == 2016].set_index(["space", "head"])["value"]
    assert (by_age - now.reindex(by_age.index)).abs().max() == 0
    parent = folder.table("spaces").set_index("code")["parent"]
    then = heads[heads["year"] == 2011].assign(province=lambda d: d["space"].map(parent))
    by_age = folder.table("heads_by_age_2011").set_index(["province", "head"]).drop(columns="year").sum(axis=1)
    off = by_age - then.groupby(["province", "head"])["value"].sum().reindex(by_age.index)
    assert off.abs().max() <= RANDOM_ROUNDING


def test_population_adds_up_to_the_published_totals() -> None:
    """Proves: women and men of the 52 spaces are the published population on either boundary.

    If the two boundaries of 2011 were added together, 2011 would show 103.5 million.
    """
    people = folder.table("population").assign(both=lambda d: d["female"] + d["male"])
    for (year, _), total in people.groupby(["year", "boundary"])["both"].sum().items():
        assert abs(total - PERSONS[int(year)]) <= RANDOM_ROUNDING


def test_every_topic_counts_the_whole_universe() -> None:
    """Proves: the categories of a 2016 topic add up to all persons or all households.

    If a category were lost (the word 'None' read as a blank, say), sanitation would be 1.3 million short.
    """
    rows = folder.table("services_2016")
    assert (rows.groupby("topic")["space"].nunique() == 52).all()
    assert (rows["category"] == "None").sum() == 52
    for (_, universe), total in rows.groupby(["topic", "universe"])["count"].sum().items():
        assert abs(total - {"persons": PERSONS, "households": HOUSEHOLDS}[universe][2016]) <= RANDOM_ROUNDING


def test_every_category_of_2016_is_defined_once() -> None:
    """Proves: an analyst finds each category of the four services exactly once, with a share and a note.

    If one were missing, its households would vanish from both served and backlog.
    """
    words = folder.table("service_definitions")
    rows = folder.table("services_2016")
    asked = rows[rows["topic"] != "dwelling_type"][["topic", "category"]].drop_duplicates()
    assert sorted(map(tuple, asked.to_numpy())) == sorted(map(tuple, words[["topic", "category"]].to_numpy()))
    assert words["served"].between(0, 1).all()
    assert words["note"].notna().all()
    assert set(words["service"]) == set(folder.SCORED)


def test_two_sources_agree_on_the_infrastructure_grant() -> None:
    """Proves: the budgets and the reply to Parliament give one figure for MIG in each of four years, to the rand.

    If a year were shifted, 2016/17 would show R15.9bn beside R14.9bn.
    """
    pools = folder.table("national_pools").query("subprogramme == 'Municipal Infrastructure Grant'")
    sent = folder.table("mig_spending").set_index("year")["transferred"]
    assert len(pools) == 4
    assert sent[pools["year"]].tolist() == pools["budget"].tolist()
    assert sent["2019/20"] == 14_816_103_000
    assert folder.table("mig_spending").set_index("year")["spent"]["2019/20"] == 11_720_688_000


def test_municipalities_are_257() -> None:
    """Proves: 8 metros, 205 locals and 44 districts, each in a space that exists.

    If a district were missing, no year of its space would ever be complete.
    """
    places = folder.table("municipalities")
    assert places["category"].value_counts().to_dict() == {"B": 205, "C": 44, "A": 8}
    assert places["code"].is_unique
    assert set(places["space"]) == set(folder.spaces())


def test_transfers_of_spaces_are_those_of_their_municipalities() -> None:
    """Proves: audited capital transfers by space equal the sum over municipalities, in every year.

    If a municipality sat in the wrong space, two spaces would differ by its money.
    """
    audited = folder.table("space_transfers").query(
        "transfer == 'capital' and amount_type == 'AUDA' and financial_year_end >= 2016"
    )
    ours = folder.table("municipal_capital").groupby(["space", "financial_year_end"])["capital_transfers"].sum()
    theirs = audited.set_index(["space", "financial_year_end"])["amount"]
    assert len(theirs) == 156
    assert (ours.reindex(theirs.index) - theirs).abs().max() <= 10  # whole rand were rounded a row


def test_complete_years_are_as_stated() -> None:
    """Proves: 39, 50 and 44 spaces are complete in the years ending June 2016, 2017 and 2018.

    If district municipalities were not counted, nearly every space would look complete.
    """
    whole = folder.table("municipalities").groupby("space").size()
    rows = folder.table("space_transfers").query("transfer == 'capital' and amount_type == 'AUDA'")
    complete = rows[rows["municipalities_reporting"] >= rows["space"].map(whole)]
    counts = complete.groupby("financial_year_end").size()
    assert [int(counts[year]) for year in (2016, 2017, 2018)] == [39, 50, 44]


def test_labels_of_the_tables_are_the_labels_of_the_dims() -> None:
    """Proves: the words that order the world are those of the parameter tables.

    If a service were renamed in one table, its grant would silently fund nothing.
    """
    grants = folder.table("grants").query("in_world == 1")["grant"]
    assert set(grants) == set(folder.GRANTS)
    for name, column, words in (
        ("grant_services", "service", folder.SERVICES),
        ("grant_purposes", "purpose", folder.PURPOSES),
        ("purposes", "purpose", folder.PURPOSES),
        ("purposes", "service", folder.SERVICES),
        ("service_parameters", "service", folder.SERVICES),
        ("service_people", "service", folder.SERVICES),
        ("service_marks", "mark", folder.MARKS),
        ("service_categories", "budget_category", folder.CATEGORIES),
        ("grant_terms", "grant", folder.GRANTS),
    ):
        assert set(folder.table(name)[column]) <= set(words), name


def test_descriptor_describes_every_column() -> None:
    """Proves: each table has a title, year, source and licence; each column a type, words, unit and status.

    If a colleague added a column without words, a reader would meet a bare number.
    """
    resources = descriptor()["resources"]
    assert sorted(str(r["path"]) for r in resources) == sorted(p.name for p in folder.FOLDER.glob("*.csv"))
    for resource in resources:
        assert all(resource[key] for key in ("title", "year", "sources", "licenses")), resource["name"]
        header = pd.read_csv(folder.FOLDER / str(resource["path"]), nrows=0).columns.tolist()
        fields = resource["schema"]["fields"]  # type: ignore[index]
        assert [field["name"] for field in fields] == header
        for field in fields:
            assert field["type"] in ("integer", "number", "string")
            assert field["description"]
            assert "unit" in field
            said = field["status"]
            assert said in ("by row", "reference") or said.split()[0] in STATUSES, field


def test_descriptor_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: ``python tools/build_za_facts.py --describe`` would write the file that is there.

    If a table changed since, its types or keys may no longer be true: run the command.
    """
    assert builder(monkeypatch).descriptor() == descriptor()


@pytest.mark.filterwarnings("ignore")
def test_frictionless_accepts_the_folder() -> None:
    """Proves: every cell has the stated type, every key is unique and every reference is found.

    If a space were misspelt in a table, the report would name its row.
    """
    from frictionless import validate

    report = validate(str(folder.FOLDER / "datapackage.json"))
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "message"])


def test_an_unknown_column_stops_the_builder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Proves: a column without a description is refused by name.

    If it were let through, the descriptor would carry an empty description.
    """
    module = builder(monkeypatch)
    (tmp_path / "tiers.csv").write_text("tier,colour\neasy,red\n")
    with pytest.raises(SystemExit, match=r"tiers\.csv: column 'colour' has no description"):
        module.describe(tmp_path / "tiers.csv")


def test_the_folder_is_small() -> None:
    """Proves: the facts add less than 860 kB to an installation.

    If the whole of the mid-year estimates slipped in, and not the two years that are used, they alone would be over a
    megabyte.
    """
    assert sum(path.stat().st_size for path in folder.FOLDER.iterdir()) < 860_000


def test_importing_the_package_reads_nothing() -> None:
    """Proves: ``import allocate.za`` needs neither pandas nor numpy, so the command line starts at once.

    If a derive module were imported at the top, every command would pay half a second.
    """
    code = "import sys, allocate.za; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_table_is_named_with_the_nearest() -> None:
    """Proves: asking for a table that is not there names it and offers the nearest.

    If it did not, the reader would get a bare FileNotFoundError with a long path.
    """
    with pytest.raises(Exception, match=r"municipality\.csv: no such table of facts; did you mean 'municipalities'"):
        folder.table("municipality")
