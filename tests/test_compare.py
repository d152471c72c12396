"""A formula, the actual split and an optimum on one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import small
from allocate.compare import side_by_side
from allocate.errors import InputError
from allocate.findings import spaces
from allocate.runs import Run, run
from allocate.world import World
from allocate.za import FORMULAS

MODEL = "grant_consolidation"
PER = ", R per household"


@pytest.fixture(scope="module")
def by_formula(za: World) -> Run:
    return run(MODEL, za, "mig_formula", years="2019/20")


@pytest.fixture(scope="module")
def runs(merged: Run, by_formula: Run) -> dict[str, Run]:
    return {"MIG by its formula": by_formula, "one pool": merged}


def test_the_scenario_is_the_formula(by_formula: Run) -> None:
    """Proves: before rounding to R thousand, fixed money is the formula's for MIG and the actual split for all else.

    The formula is worked out beside the model, from the tables of facts. If the scenario fixed the money at the actual
    split, OR Tambo would miss by tens of millions.
    """
    fixed, actual = (plan.values["spend"].sum(["service", "year"]) for plan in (by_formula.plan, by_formula.baseline))
    formula = FORMULAS["mig"]("2019/20").table().set_index("space")["total"].drop("total")
    mig = fixed.sel(pool="MIG").to_series()
    np.testing.assert_allclose(mig, formula[mig.index] * 1000, atol=0.01)
    np.testing.assert_allclose(fixed.drop_sel(pool="MIG"), actual.drop_sel(pool="MIG"), atol=0.01)
    assert by_formula.fixed and not by_formula.merged


def test_one_table_adds_up(runs: dict[str, Run]) -> None:
    """Proves: 52 spaces, money held back and their total; every column adds up to the pools of 2019/20, R43.976bn.

    If money held back were left out, a plan that spends less would look as if money were lost.
    """
    table = side_by_side(runs)
    assert list(table.columns[:5]) == ["space", "name", "actual split", "MIG by its formula", "one pool"]
    assert list(table["space"])[-2:] == ["UNALLOCATED", "total"] and len(table) == 54
    for column in table.columns[2:5]:
        assert table[column].iloc[:-1].sum() == table[column].iloc[-1] == 43_975_625
        assert table[column].dtype == np.int64


def test_one_table_says_what_each_run_says(runs: dict[str, Run], za: World) -> None:
    """Proves: amounts are those of each run by itself, and per household they are its rand over the counted households.

    If spaces came in the order of gains, as a run's own table has them, rows would belong to other spaces.
    """
    table = side_by_side(runs).set_index("space")
    for name, found in runs.items():
        own = spaces(found).set_index("space")
        assert (table[name][own.index] == own["now"]).all()
        assert (table["actual split"][own.index] == own["was"]).all()
    homes = float(za.data["households"].sel(space="DC15"))
    assert table[f"one pool{PER}"]["DC15"] == pytest.approx(table["one pool"]["DC15"] * 1000 / homes)
    assert table[f"one pool{PER}"]["total"] == pytest.approx(43_975_625_000 / float(za.data["households"].sum()))
    assert np.isnan(table[f"one pool{PER}"]["UNALLOCATED"])
    assert table["name"]["DC15"] == "OR Tambo" and table["name"]["total"] == ""


def test_a_world_without_the_formula_holds_the_money_back() -> None:
    """Proves: where the World has no formula_share it is 0, so nothing is spent and all is shown as held back; without
    households there is nothing per household. Broken: a World of another country would be refused.
    """
    table = side_by_side({"formula": run(MODEL, small.world(), "mig_formula")}).set_index("space")
    assert list(table.columns) == ["name", "actual split", "formula"]
    assert table["formula"]["UNALLOCATED"] == table["formula"]["total"] == table["actual split"]["total"] > 0


def test_runs_that_are_not_alike_are_refused(runs: dict[str, Run], za: World, by_formula: Run) -> None:
    """Proves: another year, another actual split, no run, and a name that the table uses are each said.

    If two years stood on one table, the actual split would be right for one column only.
    """
    other = run(MODEL, za, "mig_formula", years="2018/19")
    with pytest.raises(InputError) as caught:
        side_by_side({**runs, "before": other, "actual split": by_formula})
    assert [(p.place, p.words) for p in caught.value.problems] == [
        ("before", "has another actual split than MIG by its formula: other years, pools or spaces"),
        ("actual split", "is what the table calls another column; use another name"),
    ]
    with pytest.raises(InputError, match="there is no run to show"):
        side_by_side({})


def test_a_run_by_any_name_is_the_same_column(by_formula: Run) -> None:
    """Proves: names and their order do not change amounts. Broken: the first run would be taken for the baseline."""
    renamed = replace(by_formula, name="other")
    one = side_by_side({"a": by_formula, "b": renamed})
    two = side_by_side({"b": renamed, "a": by_formula})
    assert one["a"].equals(two["a"]) and one["actual split"].equals(two["actual split"]) and one["a"].equals(one["b"])
