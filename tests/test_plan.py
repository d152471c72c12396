"""A plan cannot exist unless it is proved, and a price is what one unit more of a limit changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import InputError, NoPlanError, ProofError
from allocate.optimum.extended import with_row
from allocate.optimum.highs import SolverOptions
from allocate.optimum.lexicographic import solve as optimise
from allocate.optimum.marginal import by_solving_again
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
        Plan(merged.plan.program, replace(optimum, answer=replace(optimum.answer, x=x)))
    prices = optimum.answer.prices.copy()
    prices[1] *= 1.001
    with pytest.raises(ProofError, match="the plan failed its check"):
        Plan(merged.plan.program, replace(optimum, answer=replace(optimum.answer, prices=prices)))


def test_a_swap_between_equal_plans_is_refused_too(merged: Run) -> None:
    """Proves: the certificate has a second part: the plan is the nearest of all equals, not any of them.

    Broken: two machines could publish two different plans of the same worth.
    """
    optimum = merged.plan.optimum
    with pytest.raises(ProofError, match="closer to the target"):
        without = replace(optimum.answer, tie_multipliers=np.zeros_like(optimum.tie_multipliers))
        Plan(merged.plan.program, replace(optimum, answer=without))


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


def test_price_pairs_are_what_moving_a_limit_changes(merged: Run) -> None:
    """Proves: for rules of the shipped model, more and less are what the goal gains and loses, in household-years per
    unit, when the program is solved again with one limit R20,000 (or 20 households) higher and lower; the published
    price lies between.

    Broken: an analyst would be told that one rand more of a limit brings what one rand less takes, where it does not.
    """
    program, kinks = merged.plan.program, 0
    rules = ("pool", "guarantee", "absorption", "pace", "purpose", "unmeasured", "renewal")
    pairs, prices = merged.plan.price_pairs(*rules), merged.plan.prices()
    assert set(pairs) == set(rules)
    for rule in rules:
        number, price = program.rows[rule].number, prices[rule].values
        more, less = pairs[rule].more.values, pairs[rule].less.values
        there, step = number >= 0, 20 * program.rows[rule].unit.published
        assert np.isnan(more[~there]).all()
        assert (less >= price - 1e-12)[there].all(), "the first goal has no kink here"
        assert (price >= more - 1e-12)[there].all()
        for kink in (True, False):
            for cell in map(tuple, np.argwhere(there & ((more != less) == kink))[:2]):
                again = by_solving_again(program.linear, optimise, number[cell][None], step)
                assert more[cell] == pytest.approx(again.more[1, 0], rel=1e-6, abs=1e-10)
                assert less[cell] == pytest.approx(again.less[1, 0], rel=1e-6, abs=1e-10)
                kinks += kink
    assert kinks >= 4, "no kink was tested"
    assert pairs["pool"].attrs["unit"] == pairs["pool"].more.attrs["unit"] == "household*year/R"
    assert float(pairs["pool"].more.sum()) > 0, "one rand more in the pool is of use"


def test_price_pairs_name_what_they_do_not_know(merged: Run) -> None:
    """Proves: a rule or a goal misspelt is named with the nearest one; an earlier goal has pairs too."""
    with pytest.raises(InputError, match="garantee: is no rule; did you mean 'guarantee'"):
        merged.plan.price_pairs("garantee")
    with pytest.raises(InputError, match="did you mean 'need met'"):
        merged.plan.price_pairs("pool", goal="needs met")
    held_back = merged.plan.price_pairs("pool", goal="money at work")["pool"]
    assert held_back.attrs["unit"] == "1"
    assert float(held_back.less.sum()) == 0


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


def test_a_space_reaches_its_most_and_no_more(merged: Run) -> None:
    """Proves: of the shipped model, a row that asks for a space's most leaves what was to be left of the goal, and one
    that asks for R10 million more leaves less, or no plan. Broken: a range that is no range of any plan."""
    plan, give = merged.plan, 0.01 * merged.outcome(merged.plan)
    found = plan.ranges("spend", give=give)
    program, least = plan.program, list(plan.goals.values())[1] - give
    sums = program.columns["spend"].sums(("space",), plan.x.size).toarray()
    free = np.flatnonzero((found["most"] - found["now"] > 1e7).values)
    assert free.size > 10 and found["most"].attrs["unit"] == "R"
    for k in free[:4]:
        most, loose = float(found["most"][k]), SolverOptions(accept_near_ties=True)
        assert optimise(with_row(program.linear, sums[k], most - 1, np.inf), loose).values[1] > least - 1
        try:
            beyond = optimise(with_row(program.linear, sums[k], most + 1e7, np.inf), loose).values
        except NoPlanError:
            continue
        assert beyond[1] < least or beyond[0] > 1


def test_ranges_say_now_and_hold_it(merged: Run) -> None:
    """Proves: over any dims, now is the plan's own sum, between least and most; wider with more given away; and all the
    money together cannot move, because what is held back is a goal kept at its best.

    Broken: dims in another order would give one space the range of another.
    """
    plan = merged.plan
    same, less = plan.ranges("spend"), plan.ranges("spend", within=0.001)
    assert ((same["least"] <= same["now"] + 1) & (same["now"] <= same["most"] + 1)).all()
    assert (less["least"] <= same["least"] + 1).all() and (less["most"] >= same["most"] - 1).all()
    spend = plan.values["spend"]
    assert np.allclose(less["now"], spend.sum(["pool", "service", "year"]))
    by_service = plan.ranges("spend", over=["service", "year"], give=1.0)
    assert by_service["now"].dims == ("service", "year")
    assert np.allclose(by_service["now"], spend.sum(["space", "pool"]))
    whole = plan.ranges("spend", over=(), within=0.001)
    assert np.allclose(whole.to_array(), float(spend.sum()), rtol=1e-9)


def test_wrong_questions_about_ranges_are_answered_together(merged: Run) -> None:
    """Proves: every wrong word and amount is in one message, with the nearest right one."""
    with pytest.raises(InputError) as error:
        merged.plan.ranges("spent", within=-1, give=np.nan)
    said = str(error.value)
    assert "ranges: 4 problems" in said and "did you mean 'spend'?" in said
    assert "within: is -1, expected 0 or more" in said and "give: says the same as within; keep one" in said
    with pytest.raises(InputError, match=r"'space'.*\n.*named twice"):
        merged.plan.ranges("spend", over=["spaces", "year", "year"])
    with pytest.raises(InputError, match="is no choice here"):
        merged.baseline.ranges("spend")
