"""Grids and samples: which members there are, what each is, and what is kept of those that have no plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import allocate as al
import swept
from allocate.changes import apply
from allocate.errors import InputError
from allocate.plan import solve
from allocate.read import read_model, read_scenario
from allocate.schedule import publish
from allocate.spec import Activate, Consolidate, Scale, Scenario, Set
from allocate.sweeps.answer import Sweep
from allocate.sweeps.design import Design, design
from allocate.varied import GridScale, GridScenario, GridSet, GridUse, RangeSpec, SampleSpec, SpreadSpec
from allocate.world import World

WORLD = swept.world()
RANGE = RangeSpec(range="cost", by=("space",), **{"from": 0.5, "to": 2.0})
SPREAD = SpreadSpec(spread="need", by=("space",), sd=0.3)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    swept.set_up(folder)
    return folder


def asked(**parts: Any) -> Scenario:
    return Scenario(name="Asked", why="A test.", **parts)


def designed(home: Path, *scenarios: Scenario, world: World = WORLD) -> Design:
    return design(read_model(home / "toy.toml"), world, scenarios, None)


def solved(home: Path, **parts: Any) -> Sweep:
    return al.sweep(home / "toy.toml", WORLD, asked(**parts))


def refusal(home: Path, **parts: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        designed(home, asked(**parts))
    return [f"{problem.place}: {problem.words}" for problem in caught.value.problems]


def test_axes_are_crossed_and_draws_are_the_same_in_every_cell(home: Path) -> None:
    """Proves: a file of 4 levels and 32 draws makes 128 members, cell by cell; draw 5 has the same costs in each cell.

    Broken: cells differ by luck, and the price of a floor cannot be told from that of other costs.
    """
    found = designed(home, read_scenario(home / "asked.toml"))
    assert len(found) == 128
    members = [found.member(number) for number in (4, 32 + 4, 64 + 4)]
    assert [m.levels for m in members] == [{"floors": 6.0}, {"floors": 1.0}, {"floors": 2.0}]
    assert [m.draw for m in members] == [4, 4, 4]
    assert all(np.array_equal(m.factors["cost"], members[0].factors["cost"]) for m in members)
    assert not np.array_equal(found.member(5).factors["cost"], members[0].factors["cost"])


def test_a_member_is_the_plan_of_its_changes(home: Path) -> None:
    """Proves: levels and factors make the plan that somebody gets who changes the figures by hand and solves once.

    Costs of N, S, W are R10,000, 20,000 and 30,000: with floors of R20m each N is filled (R40m for 4,000), S gets R40m,
    W R20m: 4,000 + 2,000 + 667 households. Broken: a factor meets another label, or a level is not made.
    """
    plain = solved(home, grids=[GridScale(scale="floor", by=(1.0, 2.0))])
    assert plain.table()["reach"].tolist() == pytest.approx([4000 + 2500 + 1000 / 3, 4000 + 2000 + 2000 / 3])
    assert plain.money().iloc[1].tolist() == [2, 40_000, 40_000, 20_000]
    drawn = solved(home, grids=[GridScale(scale="floor", by=(1.0, 2.0))], ranges=[RANGE], sample=SampleSpec(draws=3))
    factor = drawn.data["factor_cost"].sel(draw=3)
    world = WORLD.with_data(
        "cost", (WORLD.data["cost"] * factor).reset_coords(drop=True).assign_attrs(unit="R/household")
    )
    case = apply(read_model(home / "toy.toml"), world, [asked(changes=(Scale(scale="floor", by=2.0),))])
    plan = solve(al.build(case))
    assert drawn.data["value"].values[5, 0] == pytest.approx(plan.goals["reach"], rel=1e-11)
    assert np.array_equal(drawn.data["published"].values[5], publish(plan).amount.values)
    assert drawn.table().loc[5, "cost[space=W]"] == float(factor.sel(space="W"))


def test_draws_do_not_hang_on_other_draws(home: Path) -> None:
    """Proves: by ``random``, a draw stays what it is when there are more draws or other data; a spread draws what
    ``allocate risk`` draws; seeds differ. Broken: adding a figure changes all others, so nothing can be compared.
    """
    few = designed(home, asked(ranges=[RANGE], sample=SampleSpec(draws=4, seed=7)))
    many = designed(home, asked(spreads=[SPREAD], ranges=[RANGE], sample=SampleSpec(draws=400, seed=7)))
    assert all(np.array_equal(few.factors(k)["cost"], many.factors(k)["cost"]) for k in range(4))
    other = designed(home, asked(ranges=[RANGE], sample=SampleSpec(draws=4, seed=8)))
    assert not np.array_equal(few.factors(0)["cost"], other.factors(0)["cost"])
    risky = list(al.drawn(WORLD, [al.Spread("need", ("space",), 0.3)], 3, seed=7))
    assert np.array_equal(WORLD.data["need"].values * many.factors(2)["need"], risky[2].data["need"].values)
    costs = np.array([many.factors(k)["cost"] for k in range(400)])
    assert costs.min() >= 0.5 and costs.max() <= 2 and abs(costs.mean() - 1.25) < 0.05


@pytest.mark.parametrize("method", ["latin", "sobol"])
def test_a_sample_fills_every_range(home: Path, method: str) -> None:
    """Proves: of 64 draws by these methods every 64th part of each range has exactly one, and half of the factors of a
    spread are below 1. Broken: it is no better than chance, or misses a figure.
    """
    sample = SampleSpec.model_validate({"draws": 64, "seed": 3, "method": method})
    found = designed(home, asked(spreads=[SPREAD], ranges=[RANGE], sample=sample))
    costs = np.array([found.factors(k)["cost"] for k in range(64)])
    needs = np.array([found.factors(k)["need"] for k in range(64)])
    for k in range(3):
        assert sorted(np.floor((costs[:, k] - 0.5) / 1.5 * 64)) == list(range(64))
        assert (needs[:, k] < 1).sum() == 32
    assert np.isfinite(needs).all() and (needs > 0).all()


def test_what_has_no_plan_is_a_row_too(home: Path) -> None:
    """Proves: a level that no plan can keep is a row with its proof, one whose figure is impossible a row with its
    reason, and the others are as they are without them. Broken: a sweep of hours ends at its worst member, or drops it.
    """
    found = solved(home, grids=[GridScale(scale="floor", by=(1.0, 6.0, 2.0)), GridScale(scale="part", by=(1.0, 1.5))])
    table = found.table()
    assert table["grade"].tolist() == ["exact", "refused", "no plan", "refused", "exact", "refused"]
    assert table.loc[2, "reason"] == "no plan satisfies 5 rows and 2 bounds together"
    assert "part" in table.loc[1, "reason"] and "1.5" in table.loc[1, "reason"]
    assert table["reach"].isna().tolist() == [False, True, True, True, False, True]
    assert found.money()["N"].isna().tolist() == [False, True, True, True, False, True]
    assert found.data["conflict"].values[2] > 0.1 and np.isnan(found.data["conflict"].values[0])
    assert table.loc[4, "reach"] == pytest.approx(4000 + 2000 + 666.666667)
    why = str(found.why())
    assert "together they ask for R180,000,000 and there is R100,000,000: R80,000,000 short" in why


def test_goals_that_wait_in_some_members_are_columns(tmp_path: Path) -> None:
    """Proves: a goal that one scenario alone activates has a value there and none elsewhere, in the order of the model;
    one that nobody activates is no column. Beside floors R70m can be held back, of which R50m may be given: of the other
    R80m N gets R40m, S R30m and W R10m, for 5,833 households.

    Broken: a sweep of hours ends in a trace when all of it is solved.
    """
    goals = '[[goals]]\nname = "kept"\nactive = false\nmax = "sum(held, over=pool)"\ngive = "50 R million"\n'
    goals += '[[goals]]\nname = "never"\nactive = false\nmin = "sum(held, over=pool)"\n[[goals]]\nname = "reach"'
    swept.set_up(tmp_path)
    (tmp_path / "toy.toml").write_text(swept.MODEL.replace('[[goals]]\nname = "reach"', goals))
    keep = Scenario(name="Keep", why="A test.", changes=(Activate(activate="goals.kept"),))
    question = asked(grids=[GridScenario(scenario=("none", "keep"))], alternatives={"keep": keep})
    table = al.sweep(tmp_path / "toy.toml", WORLD, question).table()
    assert list(table)[2:5] == ["kept", "reach", "unallocated"]
    assert table["kept"].tolist() == pytest.approx([np.nan, 20e6], nan_ok=True)
    assert table["reach"].tolist() == pytest.approx([6833.33333, 5833.33333])


def test_levels_are_compared_where_all_of_them_have_a_plan(home: Path) -> None:
    """Proves: floors of R20m each lose 167 households against R10m (6,833 less 6,667), though half the money is too
    little for them, and half the money loses 3,000; a level without any plan takes nothing from the others.

    Broken: the dearer floors look better, because the poor cells in which they have no plan are not counted.
    """
    floors, money = GridScale(scale="floor", by=(1.0, 2.0, 9.0)), GridScale(scale="budget", by=(1.0, 0.5))
    found = solved(home, grids=[floors, money])
    assert found.table()["grade"].tolist() == ["exact", "exact", "exact", "no plan", "no plan", "no plan"]
    means = found.means()
    assert list(means["floor"].values()) == pytest.approx([6833.33333, 6666.66667, np.nan], nan_ok=True)
    assert list(means["budget"].values()) == pytest.approx([6833.33333, 3833.33333])


def test_levels_of_every_kind_and_pools_that_differ(za: World) -> None:
    """Proves: scenarios as an axis merge grants in some members only, and each cell of money is that of the run by hand;
    a level that the figures have already is a level. Broken: pools are mixed up, or 0.9 is "a change of nothing".
    """
    grids = [
        GridSet(set="keep", to=(0.9, 0.95)),
        GridUse(use=("none", "share"), of="value"),
        GridScenario(scenario=("none", "one_pool")),
    ]
    scenario = asked(grids=grids[::2], alternatives={"one_pool": al.read_scenario("one_pool")})
    found = al.sweep("grant_consolidation", za, scenario, years="2019/20")
    by_hand = [Set(set="keep", to=0.95), *al.read_scenario("one_pool").changes]
    assert isinstance(by_hand[1], Consolidate)
    run = publish(
        solve(
            al.build(apply(read_model("grant_consolidation"), za.select("year", ["2019/20"]), [asked(changes=by_hand)]))
        )
    )
    cells = found.data["published"].sel(member=4)
    assert np.array_equal(cells.sel(pool="Infrastructure"), run.amount.sel(pool="Infrastructure"))
    assert (cells.drop_sel(pool="Infrastructure") == -1).all()
    assert (found.data["published"].sel(member=1, pool="Infrastructure") == -1).all()
    assert found.table()[["keep", "scenario"]].values.tolist() == [
        [0.9, "none"],
        [0.9, "one_pool"],
        [0.95, "none"],
        [0.95, "one_pool"],
    ]
    crossed = design(read_model("grant_consolidation"), za, [asked(grids=grids[:2])], ["2019/20"])
    assert crossed.member(1).levels == {"keep": 0.9, "value": "share"}


def test_what_is_wrong_with_what_is_asked_is_said_before_the_work(home: Path) -> None:
    """Proves: each mistake is said with its place, together with others. Broken: it is found after hours, row by row."""
    floor, cost = GridScale(scale="floor", by=(1.0, 2.0)), GridUse(use=("even", "evn"), of="cost")
    assert refusal(home, ranges=[RANGE], grids=[floor, floor]) == [
        "grid, floor: is the name of two axes; give one a name of its own",
        "sample: is missing: how many draws of what is not known?",
    ]
    assert refusal(home, grids=[cost]) == ["cost: 'cost' has no value named 'evn'; it has even; did you mean 'even'?"]
    assert refusal(home, grids=[floor], changes=(Scale(scale="floor", by=0.5),)) == [
        "floor: floor is already changed by scenario, change 1; two changes to one cell conflict"
    ]
    assert refusal(home, sample=SampleSpec(draws=5)) == [
        "sample: draws nothing; say what is not known with [[range]] or [[spread]]"
    ]
    astray = RangeSpec(range="cots", by=("spce",), **{"from": 1, "to": 2})
    assert refusal(home, ranges=[astray, RANGE, RANGE], sample=SampleSpec(draws=5)) == [
        "cost: is said to be unknown twice",
        "cots: is no datum of the world; did you mean 'cost'?",
    ]
    assert refusal(home) == [": asks for no levels and no draws, so there is one plan: allocate run"]
    assert refusal(home, grids=[GridScale(name="reach", scale="floor", by=(1.0,))]) == [
        "grid, reach: is the name of another column of the table; give it another name"
    ]
    one, other = GridScale(name="a/b", scale="floor", by=(1.0,)), GridScale(name="a_b", scale="budget", by=(1.0,))
    assert refusal(home, grids=[one, other]) == [
        f"grid, {name}: is the name of two axes; give one a name of its own" for name in ("a/b", "a_b")
    ]
    whole = RangeSpec(range="floor", **{"from": 0.5, "to": 1})
    assert refusal(home, grids=[floor], ranges=[whole], sample=SampleSpec(draws=5)) == [
        "grid, floor: is the name of a figure that is not known, too; give the axis a name of its own"
    ]
    assert refusal(home, grids=[floor], ranges=[RANGE], sample=SampleSpec(draws=10_000_000)) == [
        ": asks for 20,000,000 plans; a sweep has at most 10,000,000"
    ]


def test_what_cannot_fit_is_refused_with_both_numbers(za: World) -> None:
    """Proves: ten million plans of 52 spaces are refused in seconds, before anything large is made. Broken: the machine
    runs out of memory in the night.
    """
    sample = SampleSpec(draws=10_000_000, method="sobol")
    unknown = RangeSpec(range="unit_cost", by=("service",), **{"from": 0.5, "to": 2})
    with pytest.raises(
        InputError, match=r"10,000,000 plans and 1 worker take about \d+\.\d GB, and [\d.]+ GB are free"
    ):
        al.sweep("grant_consolidation", za, asked(ranges=[unknown], sample=sample), years="2019/20")


def test_many_plans_are_no_one_plan(home: Path) -> None:
    """Proves: what answers with one plan refuses a scenario that asks for many, and says what answers it.

    Broken: ``allocate run`` ignores the grid.
    """
    many = asked(grids=[GridScale(scale="floor", by=(1.0, 2.0))])
    for one in (
        lambda: al.run(home / "toy.toml", WORLD, many),
        lambda: al.robust(home / "toy.toml", WORLD, many),
        lambda: al.frontier(home / "toy.toml", WORLD, many, datum="part", levels=[1]),
        lambda: designed(home, asked(grids=[GridScenario(scenario=("many",))], alternatives={"many": many})),
    ):
        with pytest.raises(InputError, match="grid: asks for many plans, one for every level or draw: allocate sweep"):
            one()
    unknown = asked(spreads=[SPREAD])
    with pytest.raises(InputError, match="spread: says what is not known"):
        designed(home, asked(grids=[GridScenario(scenario=("unknown",))], alternatives={"unknown": unknown}))


def test_a_file_says_what_is_wrong_in_it(tmp_path: Path) -> None:
    """Proves: axes, ranges and samples are checked when they are read, all together, each with its place.

    Broken: one mistake a run.
    """
    (tmp_path / "wrong.toml").write_text(
        'name = "Wrong"\nwhy = "A test."\n'
        "[sample]\ndraws = 0\nmethod = 'sobel'\n"
        "[[range]]\nrange = 'cost'\nfrom = 2\nto = 1\n"
        "[[grid]]\nset = 'floor'\nto = [1, 1]\n"
        "[[grid]]\nscenario = ['one_pol', 'none']\n"
        "[[grid]]\nsett = 'floor'\nto = [1]\n"
        "[[grid]]\nscale = 'floor'\nby = 2\n"
        "[[grid]]\nname = '=1+1'\nset = 'floor'\nto = [1]\n"
    )
    with pytest.raises(InputError) as caught:
        read_scenario(tmp_path / "wrong.toml")
    assert [f"{p.place}: {p.words}" for p in caught.value.problems] == [
        "grid 1: has a level twice",
        "grid 3: needs exactly one of set, scale, use, scenario; found sett, to; did you mean 'set'?",
        "grid 4.by: 2 is not a list",
        "grid 5.name: '=1+1' begins like a formula; a spreadsheet would run it",
        "range.1: goes from 2 to 1; write the smaller factor first",
        "sample.draws: input should be greater than or equal to 1, not 0",
        "sample.method: 'sobel' is not 'random', 'latin' or 'sobol'",
        "grid: there is no scenario 'one_pol'; did you mean 'one_pool'?",
    ]
