"""What a run is asked besides: on a World that a person solves in the head, and against solving again on the 52."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import allocate as al
import tiny
from allocate.changes import apply
from allocate.questions import answers
from allocate.runs import Run, run
from allocate.spec import Drop, Scale, Scenario
from tiny import M

MODEL = "grant_consolidation"


def asked(**more: tiny.Datum) -> xr.Dataset:
    return answers(run(MODEL, tiny.world(**more)), ["A", "B"])


def test_what_a_rule_costs() -> None:
    """Proves: without the guarantee B's R30m go to A, where 3,000 households count 6,000 instead of 3,000.

    Broken: a cost of the wrong rule, or sign.
    """
    costs = asked()["cost_of_rules"].to_series()
    assert costs["guarantee"] == pytest.approx(3000, rel=1e-6)
    assert costs["absorption"] == pytest.approx(0, abs=1e-3)


def test_what_r1m_more_takes() -> None:
    """Proves: R1m more for B takes it from A: 100 households more there, 200 weighted ones fewer in A, so -100; with
    twice the need B would be worth it. R1m more for A has to come from B's guarantee, which stops it.

    If A is full at R65m, its absorption is what stops it: then R1m more gains 200 in A and loses 100 in B.
    Broken: a rule that does not stop it is named, or the price of R1m is not what it does.
    """
    more = asked()[["more_outcome", "more_own"]]
    b = more.sel(asked="B", rule_raised="none")
    assert float(b["more_outcome"]) == pytest.approx(-100)
    assert float(b["more_own"]) == pytest.approx(100)
    assert np.isnan(more["more_outcome"].sel(asked="A")).all()
    full = asked(absorb=("R", ("space", "year"), lambda s, y: 65 * M if s == "A" else 100 * M))
    a = full.sel(asked="A")
    assert float(a["more_outcome"].sel(rule_raised="absorption")) == pytest.approx(100)
    assert float(a["more_own"].sel(rule_raised="absorption")) == pytest.approx(200)
    assert np.isnan(a["more_outcome"].sel(rule_raised="none"))


def test_how_long_a_price_holds() -> None:
    """Proves: the price of B's guarantee is what it is from R0 (none at all) to the R80m that A's own leaves, and of A's
    absorption at R65m from the R20m that A is guaranteed to the R70m that B's guarantee leaves.

    Broken: a range that ends at the first corner of the solver, not of the value.
    """
    found = asked()
    assert float(found["holds_from_guarantee"].sel(space="B").item()) == pytest.approx(0, abs=10)
    assert float(found["holds_to_guarantee"].sel(space="B").item()) == pytest.approx(80 * M, rel=1e-6)
    full = asked(absorb=("R", ("space", "year"), lambda s, y: 65 * M if s == "A" else 100 * M))
    assert float(full["holds_to_absorption"].sel(space="A").item()) == pytest.approx(70 * M, rel=1e-6)
    assert float(full["holds_from_absorption"].sel(space="A").item()) == pytest.approx(20 * M, rel=1e-6)


def test_how_far_money_could_move() -> None:
    """Proves: no other plan is as good; losing 1% of what money reaches (170 of 17,000) R1.7m can go from A to B.

    Broken: a range of plans that lose more, or of the goal's value where it stands without money.
    """
    found = asked().sel(space="B")
    at = found.sel(within=0.0)
    assert float(at["range_least"]) == pytest.approx(30 * M) == pytest.approx(float(at["range_most"]))
    assert float(found["range_most"].sel(within=0.01)) == pytest.approx(31.7 * M, rel=1e-6)


@pytest.fixture(scope="module")
def merged() -> Run:
    return run(MODEL, "za2016", "one_pool", years=["2019/20"])


def test_costs_of_rules_are_what_dropping_them_gives(merged: Run) -> None:
    """Proves: on the 52 spaces each rule's cost is the difference that a scenario without it makes.

    Broken: a rule is freed in part, or other rules with it.
    """
    costs = answers(merged, [])["cost_of_rules"].to_series()
    for rule in ("guarantee", "pace"):
        drop = Scenario(name="x", why="y", changes=(Drop(drop=f"rules.{rule}"),))
        free = run(MODEL, "za2016", "one_pool", drop, years=["2019/20"])
        assert costs[rule] == pytest.approx(free.plan.goals["need met"] - merged.plan.goals["need met"], rel=1e-6)


def test_a_price_holds_to_its_limits_and_no_farther(merged: Run) -> None:
    """Proves: on the 52 spaces the outcome follows the price of OR Tambo's absorption up to where it is said to hold,
    and falls behind the line after it. Broken: the last corner is missed, or one before it is taken for it.
    """
    found = answers(merged, ["DC15"])
    cell = {"space": "DC15", "year": "2019/20"}
    price = float(merged.pairs["absorption"]["more"].sel(cell))
    limit = float(merged.plan.program.datum("absorbable").sel(cell))
    end = float(found["holds_to_absorption"].sel(cell))

    def gain(to: float) -> float:
        change = Scale(scale="absorb", by=to / limit, where={"space": "DC15"})
        case = apply(al.read_model(MODEL), al.read_world("za2016").select("year", ["2019/20"]), [al.read_scenario("one_pool"), Scenario(name="x", why="y", changes=(change,))])  # fmt: skip
        return al.solve(al.build(case)).goals["need met"] - merged.plan.goals["need met"]

    assert gain(end) == pytest.approx(price * (end - limit), rel=1e-4)
    assert gain(end + 20 * M) < price * (end + 20 * M - limit) * 0.9999


def test_explain_says_it_in_sentences(merged: Run) -> None:
    """Proves: a gainer, a loser and the run are each told with what would have to change. Broken: arrays, not words."""
    gainer = "\n".join(al.explain(merged, "OR Tambo"))
    assert (
        "R1m more for it needs R1m more of absorption: then the best plan gains +840.9 weighted household-years."
        in gainer
    )
    assert "(holds from R1.446bn to R1.680bn)" in gainer
    assert "It could get R1.569bn, no other in plans as good;" in gainer
    loser = "\n".join(al.explain(merged, "eThekwini"))
    assert "with 1.092 times the need here it would cost nothing" in loser
    assert "by sharing today's grants better and -R114.123m by merging them." in loser
    assert "Merging moves water -R114.123m." in loser
    everywhere = "\n".join(al.explain(merged))
    assert "What the outcome would gain without each rule that somebody made" in everywhere
    assert "pace +19.59 million" in everywhere


def test_a_plan_in_whole_numbers_is_asked_nothing() -> None:
    """Proves: where prices are for fixed whole numbers nothing is said of more or less. Broken: a wrong answer."""
    world = tiny.world(expert_lift=("1", ("space",), lambda s: 0.1))
    teams = Scenario(name="x", why="y", changes=(al.spec.Set(set="teams", to=1.0),))
    found = run("multi_year", world, teams)
    assert not answers(found, ["A"])
    assert al.explain(found, "A")
