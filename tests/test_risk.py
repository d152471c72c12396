"""Money decided before need is known, on Worlds that a person solves in the head, and on the 52 spaces."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

import allocate as al
import tiny
from allocate.errors import InputError
from allocate.frontiers import frontier
from allocate.optimum.measures import EXPECTED, REGRET, WORST, Measure
from allocate.risk import Robust, Spread, drawn, measure_of, risk_of, spreads_of
from allocate.varied import RiskSpec
from allocate.world import World

MODEL = "grant_consolidation"


def facts(cost_in_a: float = 10_000.0, cost_in_b: float = 10_000.0) -> World:
    """R100m for A and B, nothing guaranteed; a household in A counts double."""
    cost = {"A": cost_in_a, "B": cost_in_b}
    return tiny.world(
        keep=("1", ("year",), lambda y: 0.0),
        unit_cost=("R/household", ("space", "service", "tier", "year"), lambda s, k, t, y: cost[s]),
    )


def decided(draws: Sequence[World], measure: Measure) -> Robust:
    return al.robust(MODEL, facts(), draws=draws, measure=measure)


def money(found: Robust) -> list[float]:
    return tiny.money(found.plan)


DEAR, CHEAP = facts(50_000), facts(10_000)
"""In one draw A costs five times as much: R100m reach 2,000 households there, which count 4,000; in B 10,000."""


def test_each_measure_has_its_own_plan() -> None:
    """Proves: two draws, A dear or cheap. All in A reaches 4,000 or 20,000 (mean 12,000); all in B 10,000 in both.

    The mean is best in A, the worst draw in B. With a in A (as a part): dear 4a + 10(1-a), cheap 20a + 10(1-a) thousand.
    Alone the best are 10 and 20: regrets 6a and 10(1-a), equal at a = 0.625, 3.75 thousand. Broken: another split.
    """
    draws = [DEAR, CHEAP]
    assert money(decided(draws, EXPECTED)) == pytest.approx([100, 0], abs=0.1)
    assert money(decided(draws, WORST)) == pytest.approx([0, 100], abs=0.1)
    found = decided(draws, REGRET)
    assert money(found) == pytest.approx([62.5, 37.5], abs=0.1)
    assert found.decision.value == pytest.approx(3750, rel=1e-3)
    assert money(decided(draws, Measure(alpha=0.5))) == pytest.approx([0, 100], abs=0.1)


def test_what_planning_and_knowing_are_worth() -> None:
    """Proves: for the figures as they stand A is best (mean 12,000), and so it is over both draws: planning is worth 0.

    Knowing the draw gives 10,000 or 20,000, 15,000 on average: 3,000 more. Broken: a sign, or another plan's mean.
    """
    found = decided([DEAR, CHEAP], EXPECTED)
    assert found.stochastic == pytest.approx(0, abs=1)
    assert found.information == pytest.approx(3000, rel=1e-4)
    table = found.table.set_index("policy")
    assert table.loc["actual split", "mean"] == pytest.approx(10_800)  # R40m in A: 1,600 or 8,000, and 6,000 in B
    assert table.loc["best mean", "worst draw"] == pytest.approx(4_000, rel=1e-4)


def test_one_draw_is_the_plan_itself() -> None:
    """Proves: with one draw, or with the same one twice, every measure gives the plan without chance.

    Broken: the stages are not those of the model.
    """
    plain = tiny.money(tiny.plan(MODEL, facts()))
    for draws in ([CHEAP], [CHEAP, CHEAP]):
        for measure in (EXPECTED, WORST, Measure(alpha=0.9)):
            assert money(decided(draws, measure)) == pytest.approx(plain, abs=0.1)


def test_the_mean_of_the_worst_part_falls_with_its_level() -> None:
    """Proves: CVaR at its best never rises with the level. Broken: the wrong tail is measured."""
    draws = [facts(cost) for cost in (10_000, 20_000, 30_000, 40_000, 50_000)]
    values = [decided(draws, Measure(alpha=level)).decision.value for level in (0.0, 0.4, 0.6, 0.8)]
    assert all(later <= before * (1 + 1e-6) for before, later in itertools.pairwise(values))


def test_draws_are_numbered() -> None:
    """Proves: draw 1 of a datum is the same whatever else is drawn, however many there are; seeds differ; the median is 1.

    Broken: two scenarios differ by more than what was changed.
    """
    world, cost = facts(), Spread("unit_cost", ("service",), 0.3)
    few = [w.data["unit_cost"].values for w in drawn(world, [cost], 2, seed=7)]
    many = [
        w.data["unit_cost"].values for w in drawn(world, [Spread("need_weight", ("space",), 0.1), cost], 400, seed=7)
    ]
    assert np.array_equal(few, many[:2])
    assert not np.array_equal(few[0], next(drawn(world, [cost], 1, seed=8)).data["unit_cost"].values)
    logs = np.log(np.array(many)[:, 0, 0, 0, 0] / 10_000)
    assert abs(logs.mean()) < 0.05
    assert logs.std() == pytest.approx(0.3, rel=0.1)


def test_what_is_wrong_with_a_spread_is_said_together() -> None:
    """Proves: unknown data and dims, flags, odd sizes and repeats come in one letter. Broken: one run a mistake."""
    wrong = [Spread("unit_cots", (), 0.1), Spread("unit_cost", ("spce",), -1), Spread("member", (), 0.1)]
    with pytest.raises(InputError) as caught:
        next(drawn(facts(), [*wrong, Spread("value", (), 0.1), Spread("value", (), 0.2)], 0, seed=1))
    assert str(caught.value).splitlines()[1:] == [
        "  value: is spread twice",
        "  unit_cots: is no datum of the world; did you mean 'unit_cost'?",
        "  unit_cost: does not vary over 'spce', only over space, service, tier, year; did you mean 'space'?",
        "  unit_cost: sd -1 is not above 0 and at most 2",
        "  member: is a flag, and cannot be multiplied",
        "  draws: 0 is not 1 or more",
    ]
    for name, alpha in (("cvra", 0.9), ("cvar", 1.0)):
        with pytest.raises(InputError):
            measure_of(name, alpha)


def test_the_52_spaces_are_decided_within_their_gap() -> None:
    """Proves: on the real figures the plan for the worst tenth beats every other there, the best mean every other on
    the mean, and what is published adds up. Broken: a policy is better than the one that is proved best.
    """
    world = al.read_world("za2016")
    spreads = [Spread("unit_cost", ("service",), 0.25), Spread("need_weight", ("space",), 0.2)]
    found = al.robust(
        MODEL, world, draws=drawn(world, spreads, 12, seed=3), measure=measure_of("cvar", 0.75), years="2019/20"
    )
    table = found.table.set_index("policy")
    assert found.decision.relative_gap <= 1e-4
    worst = table["mean of the worst 25%"]
    assert worst["decided"] >= worst.max() * (1 - 1e-4)
    assert table.loc["best mean", "mean"] >= table["mean"].max() * (1 - 1e-4)
    assert found.stochastic >= -1e-4 * table["mean"].max() and found.information >= 0
    assert int(found.schedule.amount.sum() + found.schedule.unallocated.sum()) == 43_975_625


def test_a_scenario_says_what_is_not_known() -> None:
    """Proves: spreads of a scenario, and of what it extends, draw what the same spreads do when given by hand; what
    begins alike draws apart; and a scenario with spreads has no one plan.

    Broken: ``allocate run`` plans as if all were known.
    """
    scenario = al.read_scenario("costs_unknown")
    assert spreads_of([scenario]) == [Spread("unit_cost", ("service",), 0.25), Spread("need_weight", ("space",), 0.2)]
    above = scenario.model_copy(update={"spreads": (), "bases": (scenario,), "source": "above.toml"})
    assert spreads_of([above]) == spreads_of([scenario])
    usual = above.model_copy(
        update={"risk": RiskSpec(), "bases": (scenario.model_copy(update={"risk": RiskSpec(alpha=0.5)}),)}
    )
    assert risk_of([usual]) == RiskSpec()  # said again, the usual holds
    world = facts()
    asked = scenario.model_copy(
        update={"risk": RiskSpec(measure="worst", draws=6, seed=4), "spreads": scenario.spreads[:1]}
    )
    said = al.robust(MODEL, world, asked)
    given = al.robust(
        MODEL,
        world,
        draws=drawn(world, [Spread("unit_cost", ("service",), 0.25)], 6, 4),
        measure=measure_of("worst", 0),
    )
    assert np.array_equal(said.decision.x, given.decision.x)
    twice = world.with_data("unit_cost_low", world.data["unit_cost"])
    both = next(drawn(twice, [Spread(n, ("service",), 0.3) for n in ("unit_cost", "unit_cost_low")], 1, seed=1)).data
    assert not np.array_equal(both["unit_cost"].values, both["unit_cost_low"].values)
    for single in (
        lambda: al.run(MODEL, world, asked),
        lambda: frontier(MODEL, world, asked, datum="keep", levels=[1]),
    ):
        with pytest.raises(InputError, match="spread: says what is not known, so it is decided over draws"):
            single()
