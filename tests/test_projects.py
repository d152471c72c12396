"""A portfolio of projects, and a roll-out in waves: every rule by hand, with it and without it."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import NoPlanError
from allocate.plan import Plan, solve
from allocate.read import read_model, read_scenario
from allocate.runs import Run, run
from allocate.spec import Activate, Consolidate, Drop, Scenario
from allocate.workbook import read
from allocate.world import World, read_world
from allocate.za import read_projects
from books import grids, save
from portfolio import plan, projects, waves


def finished(found: Plan, year: str | None = None) -> set[str]:
    """The projects that are complete at the end of a year, the last one unless named."""
    whole = found.values["complete"].sum("space")
    last = whole.isel(year=-1) if year is None else whole.sel(year=year)
    return {str(p) for p in last["project"].values if last.sel(project=p) > 0.5}


def reached(found: Plan) -> float:
    return round(found.goals["need met"], 6)


def test_taps_wait_for_bulk() -> None:
    """Proves: households count only where there is bulk behind their taps.

    R90m. Taps (R50m, 100 households) need bulk (R40m); pits (R40m) serve 60. With the rule taps and bulk serve 100, for
    taps and pits would serve 60. Without it taps and pits serve 160. Were the rule turned round, nobody would be served.
    """
    world = projects(
        {
            "taps": {"cost": 50, "connects": 100, "scheme": "S"},
            "bulk": {"cost": 40, "capacity": 100, "scheme": "S"},
            "pits": {"cost": 40, "connects": 60},
        },
        {"G": [90]},
    )
    with_rule, without = plan(world), plan(world, Drop(drop="rules.bulk"))
    assert (finished(with_rule), reached(with_rule)) == ({"taps", "bulk"}, 100)
    assert (finished(without), reached(without)) == ({"taps", "pits"}, 160)


def test_bulk_that_is_spare_is_used_up_first() -> None:
    """Proves: spare supply and bulk that is built add up. Taps for 100 with 30 spare and bulk for 50 serve 80.

    Were spare supply left out, 50 would be served; were bulk counted before it is complete, 100.
    """
    listed = {
        "taps": {"cost": 50, "connects": 100, "scheme": "S"},
        "bulk": {"cost": 40, "capacity": 50, "scheme": "S"},
    }
    assert reached(plan(projects(listed, {"G": [90]}, spare=30))) == 80
    assert reached(plan(projects(listed, {"G": [89]}, spare=30))) == 30


def test_a_project_waits_for_the_one_before_it() -> None:
    """Proves: works start in a year after the other project is complete.

    R50m in each of two years; X (R50m, 100 households) waits for Y (R50m, 10). With the rule Y comes first: 2 x 10 +
    100 = 120. Without it X comes first: 2 x 100 + 10 = 210. Were the same year enough, R100m would do both at once.
    """
    listed = {"X": {"cost": 50, "connects": 100, "after": "Y"}, "Y": {"cost": 50, "connects": 10}}
    world = projects(listed, {"G": [50, 50]})
    with_rule, without = plan(world), plan(world, Drop(drop="rules.after"))
    assert (finished(with_rule, "1"), reached(with_rule)) == ({"Y"}, 120)
    assert (finished(without, "1"), reached(without)) == ({"X"}, 210)
    rich = plan(projects(listed, {"G": [100, 0]}))
    assert (finished(rich), reached(rich)) == ({"Y"}, 20)


def test_half_a_project_serves_nobody() -> None:
    """Proves: a project pays off only when it is complete.

    R60m. L (R100m) would serve 1,000 and S (R30m) serves 100. In whole projects S alone can be done, and R30m is held
    back; in parts of projects 60% of L would serve 600.
    """
    world = projects({"L": {"cost": 100, "connects": 1000}, "S": {"cost": 30, "connects": 100}}, {"G": [60]})
    model = read_model("project_portfolio")
    parts = model.variables["complete"].model_copy(update={"kind": "continuous", "upper": 1.0})
    in_parts = model.model_copy(update={"variables": {**model.variables, "complete": parts}})
    whole = plan(world)
    assert (finished(whole), reached(whole)) == ({"S"}, 100)
    assert float(whole.values["held_back"].sum()) == 30e6
    assert reached(plan(world, model=in_parts)) == 600


def test_no_money_goes_to_what_is_not_finished() -> None:
    """Proves: what completes nothing is held back, even where money was indicated.

    R60m, of which R30m is indicated for L (R100m). With the rule that R30m is held back; without it, it is spent on L
    as indicated, and no household more is served.
    """
    listed = {"L": {"cost": 100, "connects": 1000, "indicated": [30]}, "S": {"cost": 30, "connects": 100}}
    world = projects(listed, {"G": [60]})
    for changes, spent in (((), 0.0), ((Drop(drop="rules.whole"),), 30e6)):
        found = plan(world, *changes)
        assert reached(found) == 100
        assert float(found.values["spend"].sel(project="L").sum()) == pytest.approx(spent)


def test_works_take_their_years() -> None:
    """Proves: a project that can spend half its cost in a year is complete in the second: 10 household-years, not 20."""
    world = projects({"X": {"cost": 100, "connects": 10, "year_most": 0.5}}, {"G": [100, 50]})
    assert reached(plan(world)) == 10
    assert reached(plan(world, Drop(drop="rules.pace"))) == 20


def test_a_space_absorbs_so_much() -> None:
    """Proves: R50m can be spent well in A, so the better project there (R60m) gives way to the one in B."""
    listed = {"near": {"cost": 60, "connects": 100}, "far": {"cost": 60, "connects": 70, "space": "B"}}
    world = projects(listed, {"G": [60]}, absorb=lambda s: 50 if s == "A" else 100)
    assert finished(plan(world)) == {"far"}
    assert finished(plan(world, Drop(drop="rules.absorption"))) == {"near"}


def test_a_project_without_a_place_is_named() -> None:
    """Proves: a project that the list puts in no space stops the run by name; else it would just never be funded."""
    world = projects({"X": {"cost": 10, "connects": 1}, "Y": {"cost": 10, "connects": 1, "space": "nowhere"}})
    with pytest.raises(NoPlanError, match=r"one_place\[project=Y\]"):
        plan(world)


FINISH = (Activate(activate="rules.cleared"), Activate(activate="rules.finish_first"))


def test_what_was_begun_is_finished_first() -> None:
    """Proves: a new project waits for the incomplete one in its space, and for no other space.

    R50m buys one of: old in A (incomplete, 10 households), new in A (100), new in B (20). Without the rule new in A;
    with it new in B, which waits for nothing. Were the rule over all spaces, old in A would be all that is left; were
    it turned round, new in A would stay.
    """
    listed = {
        "old A": {"cost": 50, "connects": 10, "incomplete": 1},
        "new A": {"cost": 50, "connects": 100},
        "new B": {"cost": 50, "connects": 20, "space": "B"},
    }
    world = projects(listed, {"G": [50]})
    assert finished(plan(world)) == {"new A"}
    assert finished(plan(world, *FINISH)) == {"new B"}
    rich = projects(listed, {"G": [100]})
    assert finished(plan(rich, *FINISH)) == {"old A", "new A"}


def test_every_incomplete_project_counts() -> None:
    """Proves: one of two incomplete projects is not enough.

    R100m. Old 1 (R50m, 10 households) and new (R50m, 100) would serve 110, but old 2 (R60m, none) stands open: so old 1
    and what B has (R50m, 20) serve 30.
    """
    listed = {
        "old 1": {"cost": 50, "connects": 10, "incomplete": 1},
        "old 2": {"cost": 60, "incomplete": 1},
        "new A": {"cost": 50, "connects": 100},
        "new B": {"cost": 50, "connects": 20, "space": "B"},
    }
    world = projects(listed, {"G": [100]})
    assert reached(plan(world)) == 120
    assert finished(plan(world, *FINISH)) == {"old 1", "new B"}


def test_every_space_gets_its_zone() -> None:
    """Proves: each space has as many zones as it must.

    R100m. S1 (R60m) and S2 (R40m) serve 60 and 40. A zone in each space costs R40m and R30m, and R30m is left for S3,
    25 households. Were one zone in all enough, the cheaper one would leave room for S1.
    """
    listed = {
        "S1": {"cost": 60, "connects": 60},
        "S2": {"cost": 40, "connects": 40},
        "S3": {"cost": 30, "connects": 25},
        "zone A": {"cost": 40, "zone": 1},
        "zone B": {"cost": 30, "zone": 1, "space": "B"},
    }
    world = projects(listed, {"G": [100]}, zones_least=lambda s: 1)
    with_rule, without = plan(world, Activate(activate="rules.zones")), plan(world)
    assert (finished(with_rule), reached(with_rule)) == ({"zone A", "zone B", "S3"}, 25)
    assert (finished(without), reached(without)) == ({"S1", "S2"}, 100)


def test_the_comparisons_of_a_run() -> None:
    """Proves: nothing, the actual split, separate grants and the merged plan are what they should be, by hand.

    G and H have R50m each. X (R80m, 90 households) may be paid by G alone, Y (R40m, 30) by H alone. G indicates R40m for
    X, which completes nothing, so the actual split serves nobody. Separately Y is done: 30. In one pool X is: 90.
    """
    listed = {
        "X": {"cost": 80, "connects": 90, "pays": "G", "indicated": [40]},
        "Y": {"cost": 40, "connects": 30, "pays": "H"},
    }
    merge = Scenario(name="One", why="A test.", changes=(Consolidate(consolidate=("G", "H"), into="All"),))
    found = run("project_portfolio", projects(listed, {"G": [50], "H": [50]}), merge)
    each = (found.nothing, found.baseline, found.separate, found.plan)
    assert [reached(p) for p in each] == [0, 0, 30, 90]
    assert {p.grade for p in each} == {"proved"}
    assert found.schedule.table().set_index(["pool", "project"])["amount"].to_dict() == {
        ("All", "X"): 80_000,
        ("All", "Y"): 0,
        ("All", "UNALLOCATED"): 20_000,
    }
    assert found.name == "One"


def test_a_made_up_source_is_in_the_name_of_the_run() -> None:
    """Proves: a run that rests on a datum whose source begins with ILLUSTRATIVE says so, and one that does not, does not.

    If ``zone`` is made up but no rule that is active uses it, nothing of the answer is.
    """
    world = projects({"X": {"cost": 80, "connects": 90}})
    marked = {name: world.data[name].assign_attrs(source="ILLUSTRATIVE, made up") for name in ("cost", "zone")}
    names = [run("project_portfolio", world.with_data(name, datum)).name for name, datum in marked.items()]
    assert names == ["Project portfolio (ILLUSTRATIVE)", "Project portfolio"]


@pytest.fixture(scope="module")
def listed() -> World:
    return read_projects()


def test_the_list_is_marked_and_stands_on_the_facts(listed: World, za: World) -> None:
    """Proves: every datum of the list is assumed and says ILLUSTRATIVE, and nothing of ``za2016`` is changed.

    If a project connected more households than its space lacks of a service, the list would not be plausible.
    """
    own = [name for name in listed.data.data_vars if name not in za.data]
    assert {listed.data[name].attrs["status"] for name in own} == {"assumed"}
    assert all(listed.data[name].attrs["source"].startswith("ILLUSTRATIVE") for name in own)
    assert listed.data.attrs["envelope"].startswith("ILLUSTRATIVE")
    assert all(listed.data[name].equals(za.data[name]) for name in za.data.data_vars)
    built = (listed.data["located"] * listed.data["works"] * listed.data["connects"]).sum("project")
    assert (built <= listed.data["backlog"]).all()
    assert (listed.data["located"].sum("space") == 1).all()
    assert 40 <= listed.data.sizes["project"] <= 60


def test_what_is_indicated_can_be_paid(listed: World) -> None:
    """Proves: the actual split breaks no rule of the list but what its spaces absorb, and no pool is overspent.

    If a grant were indicated for a project that it may not pay for, the breach would be named here.
    """
    model = read_model("project_portfolio")
    case = apply(model, listed)
    fixed = build(type(case)(case.model, case.world, {"spend": "baseline_spend"}))
    assert {breach.rule for breach in fixed.breaches} <= {"absorption"}
    assert (listed.data["indicated"].sum("project") <= listed.data["project_budget"]).all()


def test_the_list_as_a_workbook(listed: World, tmp_path: Path) -> None:
    """Proves: the workbook reads back as the same World, and has a row a project, not a row a project and space.

    If cells at their default were written, a municipality would meet 2,652 rows to say where 51 projects are.
    """
    file = tmp_path / "projects.xlsx"
    listed.write(file)
    rows = {datum.name: len(datum.frame) for datum in read(file).data}
    assert rows["located"] == rows["works"] == rows["cost"] == 51
    assert rows["after"] == 3
    again = read_world(file)
    assert again.digest() == listed.digest()
    assert again.data["located"].attrs["default"] == 0
    listed.write(tmp_path / "folder")
    assert read_world(tmp_path / "folder").digest() == listed.digest()


MINE = {
    "located": [["OR Tambo", "Our bulk", 1], ["DC15", "Our taps", 1]],
    "may_pay": [["Our bulk", "RBIG", 1], ["Our taps", "WSIG", 1]],
    "works": [["Our bulk", "water", 1], ["Our taps", "water", 1]],
    "in_scheme": [["Our bulk", "Our scheme", 1], ["Our taps", "Our scheme", 1]],
    "connects": [["Our bulk", 0], ["Our taps", 900]],
    "capacity": [["Our bulk", 1000], ["Our taps", 0]],
    "cost": [["Our bulk", 8_000], ["Our taps", 15_000]],
    "year_most": [["Our bulk", 1], ["Our taps", 1]],
    "incomplete": [["Our bulk", 0], ["Our taps", 0]],
    "zone": [["Our bulk", 0], ["Our taps", 0]],
    "spare": [["Our scheme", 0]],
    "zones_least": [],
    "after": [],
    "project_budget": [["RBIG", "2018/19", 8_000], ["WSIG", "2019/20", 15_000]],
    "indicated": [["Our taps", "WSIG", "2019/20", 15_000]],
    "project_absorption": [[0.1]],
}
"""A list of two projects as docs/projects.md says that it is filled in."""


def test_a_list_that_is_filled_in(listed: World, tmp_path: Path) -> None:
    """Proves: the steps of docs/projects.md make a World of the reader's own projects, and a run without the mark.

    Money for bulk comes in 2018/19 and for taps in 2019/20, so 900 households are served from then on; the money indicated
    for taps alone would serve nobody. If a sheet of the list were not told, the run would still be called ILLUSTRATIVE.
    """
    listed.write(tmp_path / "empty.xlsx")
    cells = grids(tmp_path / "empty.xlsx")
    for sheet, rows in MINE.items():
        cells[sheet][1:] = rows
    columns = dict(zip(cells["dims"][0], zip(*cells["dims"][1:], strict=True), strict=True))
    columns |= {"project": ("Our bulk", "Our taps"), "ahead": ("Our bulk", "Our taps"), "scheme": ("Our scheme",)}
    cells["dims"][1:] = [list(row) for row in zip_longest(*columns.values(), fillvalue="")]
    source, total = (cells["data"][0].index(name) for name in ("source", "control_total"))
    for row in cells["data"][1:]:
        if row[0] in MINE:
            row[source], row[total] = "Our capital budget", ""
    save(tmp_path / "projects.xlsx", cells)
    found = run("project_portfolio", tmp_path / "projects.xlsx")
    assert found.name == "Project portfolio"
    assert finished(found.plan) == {"Our bulk", "Our taps"} and not finished(found.baseline) & {"Our bulk"}
    assert found.plan.values["served"].sel(space="DC15", project="Our taps").values.tolist() == [0, 0, 900]
    assert found.baseline.goals["need met"] == 0


def of(name: str, world: World) -> Plan:
    return solve(build(apply(read_model("project_portfolio"), world, [read_scenario(name)])))


def test_finish_first_on_the_list(listed: World) -> None:
    """Proves: where a new project is funded, no incomplete one of its space is left, told from the data alone."""
    found = of("finish_first", listed)
    assert found.grade == "proved"
    data, spent = listed.data, found.values["spend"].sum(["pool", "year"]) > 0
    new = (spent * (1 - data["incomplete"])).sum("project") > 0
    left = (data["located"] * data["incomplete"] * (1 - found.values["complete"].isel(year=-1))).sum("project")
    assert new.any() and not (new * left).any()


def test_a_zone_in_every_space_on_the_list(listed: World) -> None:
    """Proves: all seven spaces with a zone on the list get one; without the rule none would be funded for its own sake."""
    found = of("a_zone_in_every_space", listed)
    zones = (found.values["complete"].isel(year=-1) * listed.data["zone"]).sum("project")
    assert found.grade == "proved"
    assert (zones >= listed.data["zones_least"]).all() and zones.sum() == 7


@pytest.fixture(scope="module")
def one_pool(listed: World) -> Run:
    return run("project_portfolio", listed, "projects_one_pool")


def test_one_pool_for_projects(one_pool: Run, listed: World) -> None:
    """Proves: all four plans are proved, the pools add up, nobody is served beyond bulk, and merging never costs.

    Money of every complete project adds up to its cost in whole R thousand, and no other project gets any.
    """
    each = (one_pool.nothing, one_pool.baseline, one_pool.separate, one_pool.plan)
    assert {p.grade for p in each} == {"proved"}
    assert one_pool.outcome(one_pool.plan) >= one_pool.outcome(one_pool.separate) > one_pool.outcome(one_pool.baseline)
    assert one_pool.name == "One pool for projects (ILLUSTRATIVE)"
    paid = one_pool.schedule.by("project") * 1000
    done = one_pool.plan.values["complete"].sum("space").isel(year=-1)
    np.testing.assert_array_equal(paid, done * listed.data["cost"])
    total = one_pool.schedule.amount.sum() + one_pool.schedule.unallocated.sum()
    assert int(total) * 1000 == listed.data["project_budget"].sum()
    data, values = listed.data, one_pool.plan.values
    supply = data["spare"] + (data["in_scheme"] * data["capacity"] * values["complete"]).sum(["space", "project"])
    assert ((data["in_scheme"] * values["served"]).sum(["space", "project"]) <= supply + 1e-6).all()


def first(found: Plan) -> set[str]:
    joins = found.values["joins"].sel(wave="1")
    return {str(s) for s in joins["space"].values if joins.sel(space=s) > 0.5}


def test_the_mix_of_a_wave() -> None:
    """Proves: the first wave has one district and no metro, however needy the metro, and the pilot is in it.

    Needs are A 10, B 30, C 20, M 100. With all rules A joins first; without the pilot B; without sizes everybody. If the
    goal were turned round, A would join without being the pilot.
    """
    world = waves()
    provinces, pilot = Drop(drop="rules.provinces"), Drop(drop="rules.pilot")
    assert first(plan(world, provinces, model="roll_out")) == {"A"}
    assert first(plan(world, provinces, pilot, model="roll_out")) == {"B"}
    assert first(plan(world, provinces, pilot, Drop(drop="rules.sizes"), model="roll_out")) == {"A", "B", "C", "M"}


def test_every_province_is_in_an_early_wave() -> None:
    """Proves: with A as the pilot and one district more, C joins for province Q, though B needs more.

    A and C: 2 x (10 + 20) + 30 + 100 = 190. Without the rule A and B: 2 x (10 + 30) + 20 + 100 = 200.
    """
    world = waves(districts=(2, 1))
    with_rule = plan(world, model="roll_out")
    without = plan(world, Drop(drop="rules.provinces"), model="roll_out")
    assert (first(with_rule), with_rule.goals["need helped"]) == ({"A", "C"}, 190)
    assert (first(without), without.goals["need helped"]) == ({"A", "B"}, 200)


def test_the_waves_of_the_52_spaces(za: World) -> None:
    """Proves: every space joins once, sizes are as published, OR Tambo is first, every province is in by wave 3.

    Without the rule for provinces the answer is a list: each kind in order of need. The rule moves spaces and costs need.
    """
    found = run("roll_out", za)
    assert {p.grade for p in (found.nothing, found.baseline, found.plan)} == {"proved"}
    assert found.schedule.unallocated.sum() == 0
    joins, columns = found.plan.values["joins"], za.columns("space")
    assert (joins.sum("wave") == 1).all() and float(joins.sel(space="DC15", wave="1")) == 1
    assert [int(n) for n in joins.sum("space")] == [1, 2, 14, 18, 17]
    early = joins.sel(wave=["1", "2", "3"]).sum("wave").values > 0
    assert {p for p, there in zip(columns["province"], early, strict=True) if there} == set(columns["province"])
    alone = run("roll_out", za, "neediest_alone")
    need, wave = found.plan.program.derived["need"].values, alone.plan.values["joins"].argmax("wave").values
    chosen = np.array(za.labels("space")) != "DC15"
    for kind in ("district", "metro"):
        mine = chosen & (np.array(columns["kind"]) == kind)
        assert (np.diff(wave[mine][np.argsort(-need[mine])]) >= 0).all()
    assert alone.plan.goals["need helped"] > found.plan.goals["need helped"]
