"""A run explained from its folder: the same figures as the run had, in words, and a clear no to what is no run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr

import small
from allocate.builder import build
from allocate.changes import Case
from allocate.errors import InputError
from allocate.explained import everywhere, of_space
from allocate.explanation import WORTH
from allocate.findings import bindings, spaces
from allocate.optimum.lexicographic import solve as optimum
from allocate.outputs import dataset, write
from allocate.plan import solve
from allocate.runs import Run, run
from allocate.saved import Saved, read
from allocate.world import World

if TYPE_CHECKING:
    from conftest import Command


@pytest.fixture(scope="module")
def folder(merged: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of all seven grants merged, written."""
    return write(merged, tmp_path_factory.mktemp("runs") / "merged")


@pytest.fixture(scope="module")
def saved(folder: Path) -> Saved:
    return read(folder)


@pytest.fixture(scope="module")
def fixed_run(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The actual split, written."""
    found = run("grant_consolidation", "za2016", "baseline", years="2019/20")
    return read(write(found, tmp_path_factory.mktemp("runs") / "baseline"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder that may be spoilt."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_what_binds_is_what_the_run_found(merged: Run, saved: Saved) -> None:
    """Proves: rows, rows at their limit and the range of prices, read back, are those of the run itself, rule by rule.

    Broken: the report and ``allocate explain`` tell two stories about one plan.
    """
    for found in bindings(merged):
        table = saved.limits(found.rule)
        at = table[table["at"]]
        assert (len(table), len(at)) == (found.rows, found.at_limit), found.rule
        if len(at):
            np.testing.assert_allclose([at["price"].min(), at["price"].max()], [found.least, found.most], rtol=1e-12)


def test_the_dearest_limits_come_first_with_their_reasons(saved: Saved) -> None:
    """Proves: money first, each rule once, by its largest price; law, owner and why beside it."""
    lines = everywhere(saved)
    heads = [line.split(":")[0].strip() for line in lines if " at the limit, price " in line]
    money = [rule for rule in heads if saved.unit(rule) == "R"]
    largest = [float(saved.limits(rule)["price"].abs().max()) for rule in money]
    assert heads[: len(money)] == money and largest == sorted(largest, reverse=True)
    assert "      law: Division of Revenue Act, annual schedule totals" in lines
    assert "      owner: National Treasury" in lines
    assert lines[2].startswith("Grade of proof: exact.")
    told = " ".join(lines)
    tables = {rule: saved.limits(rule) for rule in saved.rules}
    free = {rule for rule, table in tables.items() if (table["side"] == "exactly").all() and not table["price"].any()}
    assert all(rule in told for rule in tables if rule not in free)
    assert "held" in free  # an equation that costs nothing is no news


def test_a_side_is_told_from_the_price(saved: Saved) -> None:
    """Proves: a guarantee is at least, a pace is at most, a pool is exactly. Broken: the reader loosens the wrong end."""
    for rule, side in (("guarantee", "at least"), ("pace", "at most"), ("pool", "exactly"), ("tiers", "at most")):
        assert set(saved.limits(rule)["side"]) == {side}


def test_a_range_is_told_by_the_end_that_is_reached() -> None:
    """Proves: of a rule with two ends the one that is reached is told, whether the goal is maximised or minimised."""
    for sense, side in ("max", "at most"), ("min", "at least"):
        model = small.with_rule(
            "floor <= sum(spend, over=year) <= 2 * floor",
            over=["space"],
            goals=[{"name": "g", sense: "sum(spend, over=[space, year])"}],
        )
        plan = solve(build(Case(model, small.toy())))
        program = plan.program.linear
        data = xr.Dataset(
            {
                "lower_of_it": ("space", program.row_lower, {"unit": "R"}),
                "upper_of_it": ("space", program.row_upper),
                "price_of_it": plan.prices()["it"],
                "slack_of_it": plan.slack()["it"],
            },
            attrs={"sense": sense, "rules": "it"},
        )
        table = Saved(Path(), {}, data).limits("it")
        assert set(table["side"]) == {side} and table["at"].all()
        assert list(table["limit"]) == ([20, 40] if sense == "max" else [10, 20])


def test_a_space_is_told_its_own_figures(merged: Run, saved: Saved) -> None:
    """Proves: money before and after are those of the run's table of spaces, and services add up to them."""
    row = spaces(merged).set_index("space").loc["DC21"]
    lines = of_space(saved, "ugu district")
    assert lines[0] == "Ugu (DC21): One infrastructure grant"
    assert lines[1].startswith(f"Money: R{row['was'] / 1e3:.3f}m before, R{row['now'] / 1e3:.3f}m after: ")
    assert f"({row['percent']:+.1f}%)" in lines[1]
    assert any(line.startswith("water ") for line in lines)
    price = float(saved.data["price_of_pace"].sel(space="DC21", service="refuse").squeeze()) * 1e6
    assert any(line.startswith(f"      {price:+,.0f}  refuse, 2019/20  at most R") for line in lines)


def test_money_from_outside_is_worth_what_a_solve_says() -> None:
    """Proves: worth_of_more is the gain of the goal when a place is given a little money outside every pool and limit.

    Independent: the program is solved again with what delivery may cost in one cell moved by R1,000.
    """
    found = run("grant_consolidation", small.world())
    worth = dataset(found)[WORTH].values
    program = found.plan.program
    number = program.rows["delivery"].number
    for cell in np.argwhere((number >= 0) & (worth > 0))[:4]:
        moved = program.linear.row_upper.copy()
        moved[number[tuple(cell)]] += 1000.0
        more = optimum(replace(program.linear, row_upper=moved)).values[-1] - found.plan.optimum.values[-1]
        assert more / 1000.0 == pytest.approx(float(worth[tuple(cell)]), rel=1e-6)
    assert (worth > 0).sum() >= 4


def test_explain_answers_in_words(command: Command, folder: Path) -> None:
    """Proves: both forms end with status 0; a misspelt space and a misspelt run get the nearest right one."""
    status, out, _ = command("explain", str(folder))
    assert status == 0 and out.startswith("One infrastructure grant\n")
    status, out, _ = command("explain", str(folder), "OR Tambo")
    assert status == 0 and "more from outside, above every limit on money, would add +" in out
    status, out, err = command("explain", str(folder), "OR Tmabo")
    assert status == 1 and out == "" and "unknown space 'OR Tmabo'; did you mean " in err and "(DC15)?" in err
    shutil.copytree(folder, "out/merged")
    status, _, err = command("explain", "out/mergd")
    assert status == 1 and "there is no such folder; runs in out: merged; did you mean 'merged'?" in err
    status, _, err = command("explain", "out")
    assert status == 1 and "holds no manifest.json, so it is no run; runs in out: merged" in err


def test_what_is_no_run_is_refused_in_one_line(command: Command, copy: Path, tmp_path: Path) -> None:
    """Proves: a file, a demo's folder, a manifest and arrays that were cut at any place, another netCDF file and a
    folder that lacks its arrays each get one clear line, and nothing is said of the plan.

    Broken: a traceback, or half a plan explained as if it were whole.
    """

    def refused(name: str, words: str) -> None:
        status, out, err = command("explain", name)
        assert status == 1 and out == "" and "mistake in allocate" not in err
        assert err.count("\n") == 2 and words in err, err

    (tmp_path / "file").write_text("")
    refused("file", "is a file; name the folder of a run")
    refused("x" * 300, "there is no such folder")
    whole, manifest = (copy / "plan.nc").read_bytes(), (copy / "manifest.json").read_bytes()
    for size in (0, 7, 100, 5_000, len(whole) // 2, len(whole) - 1):
        (copy / "plan.nc").write_bytes(whole[:size])
        refused("copy", "plan.nc: 1 problem\n  is not whole; run it again")
    xr.Dataset({"x": 1.0}).to_netcdf(copy / "plan.nc", engine="h5netcdf")
    refused("copy", "was written by another version, which kept other things; run it again")
    (copy / "plan.nc").unlink()
    refused("copy", "holds no plan.nc; run it again")
    (copy / "manifest.json").write_bytes(manifest[:200])
    refused("copy", "manifest.json: 1 problem\n  is not whole; run it again")
    (copy / "manifest.json").write_bytes(b"\xff\xfe\x00")
    refused("copy", "manifest.json: 1 problem\n  is not whole; run it again")
    (copy / "manifest.json").write_text(json.dumps({"demo": "x"}))
    refused("copy", "is not the folder of one run")


def test_pairs_are_told_where_a_run_has_them(copy: Path) -> None:
    """Proves: where a run keeps the gain from more and the loss from less, a kink shows both, and an end that cannot
    move says so; off a kink there is one price."""
    with xr.open_dataset(copy / "plan.nc", engine="h5netcdf") as arrays:
        data = arrays.load()
    price = data["price_of_guarantee"]
    more = price.where(price["space"] != "JHB", -np.inf)
    changed = data.assign(more_of_guarantee=more, less_of_guarantee=price)
    changed.to_netcdf(copy / "plan.nc", engine="h5netcdf")
    found = read(copy)
    assert any("(impossible for more, -" in line for line in of_space(found, "JHB"))
    assert not any("impossible" in line for line in of_space(found, "ETH"))
    line = next(line for line in everywhere(found) if line.startswith("  guarantee: "))
    assert ", gain from more impossible to " in line and ", loss from less -" in line
    line = next(line for line in everywhere(found) if line.startswith("  pool: "))
    assert "gain" not in line


def test_a_fixed_plan_is_explained_without_prices_of_its_own(fixed_run: Saved) -> None:
    """Proves: a run that fixes the money has no worth of more, and is explained all the same."""
    assert WORTH not in fixed_run.data
    assert of_space(fixed_run, "DC21")[1].endswith("R0 (+0.0%).")
    assert everywhere(fixed_run)


def test_nothing_depends_on_a_registry(tmp_path: Path) -> None:
    """Proves: a World without names of spaces is explained by its codes, and a misspelt code gets the nearest."""
    world = small.world()
    nameless = type(world)(world.name, world.data)
    found = read(write(run("grant_consolidation", nameless), tmp_path / "run"))
    assert of_space(found, "N")[0] == "N: Grant consolidation"
    with pytest.raises(InputError, match="unknown space 'Z'"):
        of_space(found, "Z")


def test_what_only_defines_a_figure_is_not_said_to_bind(za: World, tmp_path: Path) -> None:
    """Proves: equal sides are always reached; at no price they decide nothing and are not listed as if they did.

    Broken: ``has``, which says what is compared where nothing compares it, stands among rules without a price.
    """
    saved = read(write(run("equity", za, years="2019/20"), tmp_path / "equity"))
    assert (saved.limits("has")["side"] == "exactly").all() and not saved.limits("has")["price"].any()
    assert not any(line.startswith("Reached at no price") and "has" in line for line in everywhere(saved))
