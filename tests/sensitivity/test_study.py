"""Which figure moves which space, on Worlds that a person solves in the head and on the 52 spaces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import allocate as al
import tiny
from allocate.errors import InputError, NoPlanError
from allocate.risk import Spread
from allocate.sensitivity.samples import read_sample
from allocate.sensitivity.study import Range, study
from allocate.spec import Scale, Scenario
from allocate.varied import GridScale, RangeSpec
from allocate.world import World

if TYPE_CHECKING:
    from conftest import Command

MODEL = "grant_consolidation"
"""R100m for A and B, half of what it had kept for each: all else goes to A, where a household counts double. So A gets
R100m - keep x R60m, and with R10,000 a household the goal is 2 x A + 1 x B over 10,000."""


def test_a_tornado_by_hand() -> None:
    """Proves: at half the guarantee B keeps R15m and A has R85m, at one and a half R45m and R55m; the goal is 17,000 +
    1,500 and 11,000 + 4,500 households against 14,000 + 3,000. Dearer or cheaper households move no money at all.

    Broken: an end is that of another figure, or money is in rand.
    """
    made = study(MODEL, tiny.world(), unknown=[Range("keep", (), 0.5, 1.5), Range("unit_cost", (), 0.8, 1.2)])
    found = made.tornado().set_index(["answer", "figure"])
    columns = ["middle", "low", "high", "swing"]
    assert found.loc[("A", "keep"), columns].tolist() == pytest.approx([70_000, 85_000, 55_000, 30_000])
    assert found.loc[("B", "keep"), columns].tolist() == pytest.approx([30_000, 15_000, 45_000, 30_000])
    assert found.loc[("need met", "keep"), columns].tolist() == pytest.approx([17_000, 18_500, 15_500, 3_000])
    assert found.loc[("A", "unit_cost"), "swing"] == 0
    by_hand = [17_000, 17_000 / 0.8, 17_000 / 1.2]
    assert found.loc[("need met", "unit_cost"), columns[:3]].tolist() == pytest.approx(by_hand)


def test_the_ranges_of_a_scenario_are_figures_too() -> None:
    """Proves: what a scenario gives a range moves as if it had been given by hand, and levels are refused.

    Broken: a scenario of ranges and spreads is told by its spreads alone, and nobody sees that half is left out.
    """
    least_most = {"from": 0.5, "to": 1.5}
    said = Scenario(name="Said", why="A test.", ranges=(RangeSpec(range="keep", **least_most),))
    by_hand = study(MODEL, tiny.world(), unknown=[Range("keep", (), 0.5, 1.5)]).tornado()
    pd.testing.assert_frame_equal(study(MODEL, tiny.world(), said).tornado(), by_hand)
    with pytest.raises(InputError, match="grid: has levels, each a question of its own: allocate sweep"):
        study(MODEL, tiny.world(), said.model_copy(update={"grids": (GridScale(scale="keep", by=(1.0, 1.1)),)}))


def test_shares_of_variance_by_hand() -> None:
    """Proves: all that moves the money of A is the guarantee, and all that it does it does alone; the goal is
    (200 - 30 k) / c, in households for each R1m, c the cost and k the guarantee, whose shares are known from integrals;
    so few cases tell them within 20 points, and their own intervals say so.

    Broken: columns of answers and figures are crossed.
    """
    made = study(MODEL, tiny.world(), unknown=[Range("keep", (), 0.5, 1.5), Range("unit_cost", (), 0.8, 1.25)])
    found = made.indices(32, seed=5).set_index(["answer", "figure"])
    assert found.loc[("A", "keep"), ["first", "total"]].tolist() == pytest.approx([1, 1], abs=0.05)
    assert found.loc[("A", "unit_cost"), ["first", "total"]].tolist() == pytest.approx([0, 0], abs=1e-6)
    grid = np.linspace(0, 1, 2001)
    one, other = 200 - 30 * (0.5 + grid), 1 / (0.8 + 0.45 * grid)
    of_one, of_other, both = one.var() * other.mean() ** 2, other.var() * one.mean() ** 2, one.var() * other.var()
    whole = of_one + of_other + both
    truth = {"keep": (of_one, of_one + both), "unit_cost": (of_other, of_other + both)}
    for figure, parts in truth.items():
        row = found.loc[("need met", figure)]
        assert row[["first", "total"]].tolist() == pytest.approx([part / whole for part in parts], abs=0.2)
        assert row["first_low"] < parts[0] / whole < row["first_high"]
        assert row["total_low"] < parts[1] / whole < row["total_high"]


def test_each_end_is_a_run_with_that_figure(za: World) -> None:
    """Proves: on the 52 spaces, goal and money at an end are those of a run whose scenario scales the figure.

    Broken: a plan that depends on where the walk came from, or factors that stay from one case to the next.
    """
    made = study(MODEL, za, "one_pool", unknown=[Range("unit_cost", ("service",), 0.8, 1.2)], years="2019/20")
    assert [f.name for f in made.figures] == [
        f"unit_cost[service={k}]" for k in ("water", "sanitation", "electricity", "refuse")
    ]
    found = made.tornado().set_index(["answer", "figure"])
    change = Scale(scale="unit_cost", by=1.2, where={"service": "sanitation"})
    dear = Scenario(name="dear", why="A test.", change=(change,))
    plan = al.run(MODEL, za, "one_pool", dear, years=["2019/20"]).plan
    here = found.xs("unit_cost[service=sanitation]", level="figure")["high"]
    assert here["need met"] == pytest.approx(plan.goals["need met"], rel=1e-9)
    money = plan.values["spend"].sum(["pool", "service", "year"]) / 1000
    assert here[list(za.labels("space"))].to_numpy() == pytest.approx(money.values, abs=0.51)


def test_the_order_of_cases_changes_nothing(za: World) -> None:
    """Proves: solved from the last case to the first, every answer is what it was. Broken: a plan hangs on the one
    before it.
    """
    made = study(MODEL, za, unknown=[Range("keep", (), 0.9, 1.1), Range("unit_cost", (), 0.8, 1.25)], years="2019/20")
    factors = 0.9 + 0.2 * np.random.default_rng(1).random((5, 2))
    forth, back = made.solve(factors), made.solve(factors[::-1])[::-1]
    assert (forth[:, 1:] == back[:, 1:]).all()
    assert back[:, 0] == pytest.approx(forth[:, 0], rel=1e-12)


def test_spreads_end_where_one_chance_in_twenty_lies() -> None:
    """Proves: a spread's ends are exp(+-1.645 sd) and its middle is 1; a scenario's spreads count; a flat 0 does not."""
    scenario = al.read_scenario("costs_unknown")
    made = study(MODEL, tiny.world(), scenario, unknown=[Spread("renew_cost", (), 0.1)])
    assert made.names == ["unit_cost[service=water]", "need_weight[space=A]", "need_weight[space=B]"]
    assert made.figures[0].ends == pytest.approx((np.exp(-1.644854 * 0.25), np.exp(1.644854 * 0.25)))


def test_where_there_is_no_plan_the_figures_are_named() -> None:
    """Proves: a guarantee beyond all money is said with its factor and in the words of the model. Broken: a trace."""
    made = study(MODEL, tiny.world(), unknown=[Range("absorb", (), 0.02, 1.0)])
    with pytest.raises(NoPlanError, match=r"there is no plan at absorb x 0.02\n(.*\n)+  guarantee"):
        made.tornado()


def test_what_is_wrong_is_said_together() -> None:
    """Proves: unknown data and dims, flags, ends the wrong way round and repeats come in one letter."""
    wrong = [Range("unit_cots", (), 0.8, 1.2), Range("unit_cost", ("spce",), 1.2, 0.8), Range("member", (), 0.8, 1.2)]
    with pytest.raises(InputError) as caught:
        study(MODEL, tiny.world(), unknown=[*wrong, Spread("value", (), 3), Spread("value", (), 0.2)])
    assert str(caught.value).splitlines()[1:] == [
        "  value: is named twice",
        "  unit_cots: is no datum of the world; did you mean 'unit_cost'?",
        "  unit_cost: does not vary over 'spce', only over space, service, tier, year; did you mean 'space'?",
        "  unit_cost: from 1.2 to 0.8 is no range of factors, low to high",
        "  member: is a flag, and cannot be multiplied",
        "  value: sd 3 is not above 0 and at most 2",
    ]


def test_the_page_shows_what_the_command_prints(command: Command) -> None:
    """Proves: the first part of docs/sensitivity.md quotes its command. Broken: the page tells of figures no more."""
    ranges = [
        word
        for one in ("keep::0.9:1.1", "unit_cost:service:0.8:1.25", "value:service:0.8:1.25", "pace::0.8:1.2")
        for word in ("--range", one)
    ]
    _, out, _ = command("sensitivity", MODEL, "-s", "one_pool", *ranges, "--years", "2019/20")
    page = (Path(__file__).parents[2] / "docs" / "sensitivity.md").read_text(encoding="utf-8")
    words = " ".join(page.split())
    assert " ".join(ranges) in words.replace(" \\", "")
    rows = {line.split("  ")[1]: line.split() for line in out.splitlines() if line.startswith("  ")}
    water, sanitation = rows["value[service=water]"], rows["unit_cost[service=sanitation]"]
    assert f"({water[5]} to {water[7]} million weighted" in words and "10 figures, 21 plans" in words
    assert "figures that are not known: 10; cases: 21" in out
    assert f"{sanitation[5]} to {sanitation[7]} million" in words
    assert "of 52: keep 33; unit_cost[service=water] 7; " in out and "; nothing 9." in out
    assert "-213,341" in out and "R213.3 million less or more" in words and "OR Tambo" not in out


def test_a_case_of_people_is_their_projection(command: Command, tmp_path: Path) -> None:
    """Proves: how likely sanitation is enough at the ends of a figure is what projections say whose scenario scales it,
    on the same draws; the more decays, the less likely. Broken: another year or service, or draws that differ.
    """
    words = ("--service", "sanitation", "--year", "2026", "--range", "decay::0.5:1.5", "--draws", "256")
    status, out, _ = command("sensitivity", "people", *words, "--csv", "p.csv")
    assert status == 0 and "sanitation in 2026; figures that are not known: 1; cases: 3" in out
    table = pd.read_csv(tmp_path / "p.csv").set_index("answer")
    for column, factor in (("low", 0.5), ("high", 1.5)):
        scale = Scenario(name="s", why="A test.", model="people", change=(Scale(scale="decay", by=factor),))
        found = al.project("za2016_people", years=2026, draws=256, scenario=scale).sel(service="sanitation", year=2026)
        assert table[column].iloc[1:].to_numpy() == pytest.approx(100 * found["p_adequate"].values)
        assert table[column].iloc[0] == pytest.approx(100 * float(found["served"].sel(region="total")))
    assert (table["low"] >= table["high"]).all() and (table["swing"] > 5).any()
    status, _, err = command("sensitivity", "people", "--range", "decay::0.5:1.5")
    assert status == 1 and "--service: is missing" in err


def test_what_is_nothing_has_no_factor() -> None:
    """Proves: a figure that is 0 all over is refused where it is the only one. Broken: an empty table, or a trace."""
    with pytest.raises(InputError, match="renew_cost: all of it is 0, so no factor changes anything"):
        study(MODEL, tiny.world(), unknown=[Range("renew_cost", (), 0.9, 1.1)])


def sweep(home: Path, members: int = 400) -> None:
    """A sweep as its folder has it: space A gets 50 plus 30 of one factor, B nothing but noise; one member has no plan."""
    rng = np.random.default_rng(1)
    factor = 0.8 + 0.4 * rng.random((members, 2))
    money = np.column_stack([50 + 30 * factor[:, 0], 100 * rng.random(members)]).round()
    value = money.sum(axis=1)
    value[7], money[7] = np.nan, -1
    data = xr.Dataset(
        {
            "value": (("member", "goal"), value[:, None]),
            "money": (("member", "space"), money.astype(int)),
            "draw_of": ("member", np.arange(1, members + 1)),
            "factor_unit_cost": (("draw", "service"), factor),
            "axis_keep": ("member", np.full(members, 0.9), {"axis": "keep"}),
        },
        {"member": np.arange(1, members + 1), "draw": np.arange(1, members + 1), "goal": ["need met"]}
        | {"space": ["DC15", "DC21"], "service": ["water", "refuse"]},
    )
    home.mkdir()
    data.to_netcdf(home / "sweep.nc", engine="h5netcdf")


def test_a_sweep_is_read_back(command: Command, tmp_path: Path) -> None:
    """Proves: members without a plan are counted apart, axes that stay are left out, and both commands find the factor
    that moves OR Tambo and say that nothing explains Ugu. Broken: factors of another draw.
    """
    sweep(tmp_path / "o")
    found = read_sample(tmp_path / "o")
    assert found.figures == ("unit_cost[service=water]", "unit_cost[service=refuse]")
    assert found.cases.shape == (399, 2) and found.refused == 1
    status, out, _ = command("sensitivity", "o", "--csv", "s.csv")
    assert status == 0
    table = pd.read_csv(tmp_path / "s.csv").set_index(["answer", "figure"])["first"]
    assert table["DC15", "unit_cost[service=water]"] > 0.95
    assert abs(table["DC21", "unit_cost[service=water]"]) < 0.1
    assert re.search(r"DC15  +unit_cost\[service=water\] +9\d%", out)
    status, out, _ = command(
        "discover", "o", "--space", "OR Tambo", "--space", "Ugu", "--below", "77", "--csv", "d.csv"
    )
    assert status == 0
    assert re.search(r"It does when unit_cost\[service=water\] is below 0\.8[789] times its figure: ", out)
    assert "No figure here tells those cases apart." in out
    assert pd.read_csv(tmp_path / "d.csv")["space"].tolist() == ["DC15"]


def test_a_sweep_that_says_nothing_is_refused_in_words(command: Command, tmp_path: Path) -> None:
    """Proves: the file of a sweep that was cut, and one without a single plan, are each said in a line. Broken: a trace."""
    sweep(tmp_path / "cut")
    file = tmp_path / "cut" / "sweep.nc"
    none = xr.load_dataset(file, engine="h5netcdf")
    (tmp_path / "none").mkdir()
    none.assign(value=none["value"] * np.nan).drop_vars("money").to_netcdf(tmp_path / "none" / "sweep.nc")
    file.write_bytes(file.read_bytes()[:500])
    for folder, words in (("cut", "sweep.nc: 1 problem\n  is not whole; run"), ("none", "has no case with a plan")):
        for line in (("sensitivity", folder), ("discover", folder, "--below", "7")):
            status, _, err = command(*line)
            assert status == 1 and words in err


def test_the_commands_refuse_what_makes_no_sense(command: Command) -> None:
    """Proves: all that is wrong with the words is said before any work. Broken: minutes, then a trace."""
    odd = ("--sobol", "100", "--csv", "no.txt", "--seed", "-1", "--service", "water")
    status, _, err = command("sensitivity", MODEL, *odd)
    assert status == 1 and "100 is not a power of 2" in err and "does not end in .csv" in err
    assert "--seed: -1 is not 0 or more" in err and "--service: is of people only" in err
    status, _, err = command("sensitivity", MODEL, "--range", "keep:0.9", "--years", "2019/20")
    assert status == 1 and "'keep:0.9' is not DATUM:DIMS:LOW:HIGH" in err
    status, _, err = command("sensitivity", MODEL, "--years", "2019/20")
    assert status == 1 and "nothing is said to be unknown" in err
    status, _, err = command("discover", "--below", "-1", "--draws", "5")
    assert status == 1 and "--service: is missing" in err and "-1 is not above 0" in err and "5 is not from 100" in err
    status, _, err = command("discover", ".", "--below", "7")
    assert status == 1 and "has no sweep.nc" in err


def test_sensitivity_says_what_moves_what(command: Command, tmp_path: Path) -> None:
    """Proves: the command names the figure that moves most spaces, in R thousand, and writes every answer and figure.

    Broken: numbers on the page that the file has not.
    """
    words = ("--range", "keep::0.9:1.1", "--range", "pace::0.9:1.1", "--years", "2019/20", "--csv", "s.csv")
    status, out, _ = command("sensitivity", MODEL, "-s", "one_pool", *words)
    assert status == 0 and "One infrastructure grant; figures that are not known: 2; cases: 5" in out
    table = pd.read_csv(tmp_path / "s.csv")
    assert len(table) == 53 * 2 and set(table["figure"]) == {"keep", "pace"}
    cape = table[(table["answer"] == "CPT") & (table["figure"] == "keep")].iloc[0]
    assert f"{cape['high'] - cape['middle']:+,.0f}" in out
    most = table[table["answer"] != "need met"].sort_values("swing").drop_duplicates("answer", keep="last")
    by_keep = int(((most["figure"] == "keep") & (most["swing"] >= 0.5)).sum())
    assert f"What moves a space most, by how many of 52: keep {by_keep}; " in out


def test_ranks_are_said(command: Command, tmp_path: Path) -> None:
    """Proves: the table of ranks has every space, and who is named as always needy is so in the file."""
    status, out, _ = command("ranks", "--draws", "500", "--csv", "r.csv")
    table = pd.read_csv(tmp_path / "r.csv")
    assert status == 0 and len(table) == 52
    always = table.loc[table["worst"] <= 10, "name"]
    assert f"Among the ten neediest whatever the weights: {', '.join(always)}." in out
