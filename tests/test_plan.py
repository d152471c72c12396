"""A plan cannot exist unless it is proved, and a price is what one unit more of a limit changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import NoPlanError, ProofError
from allocate.plan import Plan, solve
from allocate.read import read_model
from allocate.runs import Run
from allocate.spec import Scale, Scenario, Set
from allocate.world import World


def test_a_plan_that_is_not_optimal_cannot_be_made(merged: Run) -> None:
    """Proves: moving R1 million between two spaces, or shading one price, makes the constructor refuse.

    Broken: a plan object would carry numbers that no proof stands behind.
    """
    optimum = merged.plan.optimum
    spend = merged.plan.program.columns["spend"].number
    filled = spend[spend >= 0][optimum.x[spend[spend >= 0]] > 2e6][:2]
    x = optimum.x.copy()
    x[filled] += [1e6, -1e6]
    with pytest.raises(ProofError, match="the plan failed its check"):
        Plan(merged.plan.program, replace(optimum, x=x))
    prices = optimum.prices.copy()
    prices[1] *= 1.001
    with pytest.raises(ProofError, match="the plan failed its check"):
        Plan(merged.plan.program, replace(optimum, prices=prices))


def test_a_swap_between_equal_plans_is_refused_too(merged: Run) -> None:
    """Proves: the certificate has a second part: the plan is the nearest of all equals, not any of them.

    Broken: two machines could publish two different plans of the same worth.
    """
    optimum = merged.plan.optimum
    with pytest.raises(ProofError, match="closer to the target"):
        Plan(merged.plan.program, replace(optimum, tie_multipliers=np.zeros_like(optimum.tie_multipliers)))


@pytest.mark.parametrize("rule", ["guarantee", "absorption"])
def test_a_price_is_the_change_of_the_goal_for_one_rand_more(merged: Run, rule: str) -> None:
    """Proves: prices of the shipped model equal central differences of re-solves, in household-years per rand.

    The limit of one space at a time is nudged by R2 million either way. Where the two one-sided differences agree (no
    kink) the price must equal them; at a kink it must lie between them. A price of the wrong sign or in the wrong
    unit (per R1 million, per R thousand) would be off at once.
    """
    program, step, smooth = merged.plan.program, 2e6, 0
    block, linear = program.rows[rule], program.linear
    prices = merged.plan.prices()[rule]
    bound = [i for i in block.number.ravel() if i >= 0 and abs(prices.values.ravel()[np.argmax(block.number == i)]) > 0]
    for row in bound[:: max(1, len(bound) // 6)]:
        values = []
        for nudge in (step, -step):
            low, high = linear.row_lower.copy(), linear.row_upper.copy()
            low[row], high[row] = low[row] + nudge, high[row] + nudge
            moved = replace(program, linear=replace(linear, row_lower=low, row_upper=high))
            values.append(solve(moved).goals["need met"])
        here = merged.plan.goals["need met"]
        up, down = (values[0] - here) / step, (here - values[1]) / step
        price = float(merged.plan.optimum.prices[1][row])
        assert min(up, down) - 1e-9 <= price <= max(up, down) + 1e-9
        if abs(up - down) <= 1e-6 * abs(price):
            smooth += 1
            assert price == pytest.approx((up + down) / 2, rel=1e-5)
    assert smooth >= 2, "no row off a kink was tested"
    assert prices.attrs["unit"] == "household*year/R"


def test_rules_that_cannot_hold_together_are_named(za: World) -> None:
    """Proves: a guarantee of 100% above what spaces can absorb gives no plan, and the two rules in words.

    Broken: zeros, or a plan that quietly breaks one of them.
    """
    world = za.select("year", ["2019/20"])
    greedy = Scenario(name="greedy", why="", changes=(Set(set="keep", to=1.0), Scale(scale="absorb", by=0.8)))
    with pytest.raises(NoPlanError) as caught:
        solve(build(apply(read_model("grant_consolidation"), world, [greedy])))
    words = str(caught.value)
    assert words.startswith("no plan satisfies every rule; these cannot hold together:")
    assert "guarantee[space=" in words and "must be at least" in words


def test_values_and_prices_are_labelled(merged: Run) -> None:
    """Proves: a plan is read by label, with units, masked cells 0 and rows that do not exist NaN."""
    values = merged.plan.values
    assert values["spend"].sel(pool="Infrastructure", service="electricity").sum() > 0
    assert values["spend"].attrs["unit"] == "R"
    assert values["in_band"].sel(service="roads").sum() == 0
    assert np.isnan(merged.plan.prices()["tiers"].sel(service="roads")).all()
    assert merged.plan.grade == "exact"
