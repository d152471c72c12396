"""Money before need: by hand, against the book, and laws that hold whatever the numbers."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from allocate.errors import StoppedError
from allocate.optimum.draws import Draws, Varying
from allocate.optimum.highs import SolverOptions
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram
from allocate.optimum.measures import EXPECTED, REGRET, WORST, Measure
from allocate.optimum.twostage import decide, outcomes, perfect_information, stochastic_solution
from optimum.instances import drawn, farmer

ROUTES = ["extensive", "cuts"]
MEASURES = [EXPECTED, Measure(alpha=0.5), Measure(alpha=0.8, share=0.6), WORST, REGRET]
NAMES = ["mean", "worst half", "mixture", "worst", "regret"]
TIED = SolverOptions(accept_near_ties=True)


def seller(asked=(2.0, 6.0), chance=(0.5, 0.5), sense="max"):
    """Buy at 1 before it is known how much is asked for, sell at 3; ``min`` is the same as a loss."""
    sign = 1.0 if sense == "max" else -1.0
    goal = Goal("profit", sign * np.array([-1.0, 3.0]), 0.0, sense)
    sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([9.0, 9.0])
    base = LinearProgram(sparse.csr_array([[-1.0, 1.0]]), *sides, (goal,), np.zeros(2), np.ones(2))
    return Draws(base, [True, False], chance, {"upper": Varying([1], np.array(asked)[:, None])})


BY_HAND = [
    (EXPECTED, 6.0, 6.0),  # one more sells with chance 1/2: worth 3/2, costs 1; so 6, which earns 0 or 12
    (Measure(alpha=0.2), 6.0, 4.5),  # the worst draw weighs 1/2 / 0.8 = 0.625, the other 0.375: 0.375 * 12
    (Measure(alpha=0.5), 2.0, 4.0),  # only the draw that asks for 2 counts: 3 * 2 - 2
    (Measure(alpha=0.5, share=0.25), 6.0, 4.5),  # 0.75 * 6 + 0.25 * 0
    (Measure(alpha=0.5, share=0.5), 2.0, 4.0),  # at 6 it would be 0.5 * 6 + 0.5 * 0 = 3
    (WORST, 2.0, 4.0),
    (REGRET, 14 / 3, 8 / 3),  # the best alone are 4 and 12: regrets x - 2 and 12 - 2x meet at 14/3
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize(("measure", "x", "value"), BY_HAND)
def test_a_seller_by_hand(measure, x, value, sense, route):
    """Proves: each measure has the plan and the value worked out by hand beside it, whichever way the goal is written.

    Broken: a measure that took the good tail would buy 6 in place of 2, and one that mixed up the signs would buy 9.
    """
    found = decide(seller(sense=sense), measure, gap=1e-9, route=route)
    sign = -1.0 if sense == "min" and not measure.regret else 1.0
    assert found.x == pytest.approx([x], abs=1e-6)
    assert found.value == pytest.approx(sign * value, abs=1e-6)
    assert found.bound == pytest.approx(sign * value, abs=1e-6)
    earned = [3 * min(x, asked) - x for asked in (2, 6)]
    assert found.outcomes == pytest.approx(np.array(earned) * (-1 if sense == "min" else 1), abs=1e-5)


@pytest.mark.parametrize("route", ROUTES)
def test_the_farmer_of_the_book(route):
    """Proves: acres, profit, and both values of information are those printed in Birge and Louveaux, section 1.1:
    108,390; 115,406 with perfect information (worth 7,016); 107,240 with the plan for the mean (1,150 worse)."""
    draws = farmer()
    found = decide(draws, gap=1e-9, route=route)
    known, mean = perfect_information(draws, found), stochastic_solution(draws, found)
    assert found.x == pytest.approx([170, 80, 250], abs=1e-3)
    assert round(found.value) == round(found.bound) == 108_390
    assert (round(known.value), round(known.gain)) == (115_406, 7_016)
    assert (round(mean.value), round(mean.gain)) == (107_240, 1_150)


def tail_mean(losses, chance, alpha):
    """The mean of the worst part, by walking down the losses until the part is full."""
    left, total = 1 - alpha, 0.0
    for loss, share in sorted(zip(losses, chance, strict=True), reverse=True):
        total += min(share, left) * loss
        left -= min(share, left)
    return total / (1 - alpha)


@pytest.mark.parametrize("seed", range(20))
def test_a_measure_is_the_mean_of_the_tail(seed):
    """Proves: the worst of all allowed weights is the mean of the worst part, ties and unequal chances included; and it
    is the least of Rockafellar and Uryasev's level + mean excess / (1 - alpha), at one of the losses."""
    rng = np.random.default_rng(seed)
    losses, chance = rng.integers(0, 6, 9).astype(float), rng.dirichlet(np.ones(9))
    for alpha in (0.0, 0.3, 0.5, 0.9, 0.99):
        found = Measure(alpha=alpha).of(losses, chance)
        excess = [level + chance @ (losses - level).clip(0.0) / (1 - alpha) for level in losses]
        assert found == pytest.approx(tail_mean(losses, chance, alpha))
        assert found == pytest.approx(min(excess))
        assert Measure(alpha=alpha, share=0.3).of(losses, chance) == pytest.approx(0.7 * chance @ losses + 0.3 * found)
    assert Measure(alpha=1.0).of(losses, chance) == losses.max()


def test_a_measure_is_refused():
    """Proves: a level or a share outside 0 to 1 gets one message that names both."""
    with pytest.raises(ValueError, match=r"alpha is 1.5, expected 0 to 1; share is -1, expected 0 to 1"):
        Measure(alpha=1.5, share=-1)


@pytest.mark.parametrize("seed", range(8))
def test_the_tail_from_the_mean_to_the_worst(seed):
    """Proves: the best value falls as alpha rises, is the mean's at 0 and the worst draw's near 1.

    Broken: a tail on the wrong side rises.
    """
    draws = drawn(3 * seed)
    values = [decide(draws, Measure(alpha=a), TIED).value for a in (0.0, 0.25, 0.5, 0.75, 0.95, 1 - 1e-9)]
    near = 1e-9 * abs(values[0])
    assert values[0] == pytest.approx(decide(draws, EXPECTED, TIED).value, rel=1e-12)
    assert all(later <= earlier + near for earlier, later in itertools.pairwise(values))
    assert values[-1] == pytest.approx(decide(draws, WORST, TIED).value, rel=1e-9)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
def test_one_draw_is_the_program_itself(measure, route):
    """Proves: with one draw, or one that has all the probability, the answer is that of its program, for every measure,
    and there is nothing to regret. The draw that cannot happen has no outcome, even where nothing could be done."""
    draws = drawn(4)
    one = solve(draws.program(1), TIED)
    sure = np.arange(len(draws)) == 1
    impossible = {
        **draws.varying,
        "upper": replace(draws.varying["upper"], values=draws.varying["upper"].values.copy()),
    }
    impossible["upper"].values[~sure] = 0.0
    found = decide(Draws(draws.base, draws.first, sure * 1.0, impossible), measure, TIED, 1e-9, route)
    assert found.outcomes[1] == pytest.approx(one.values[-1], rel=1e-8)
    assert np.isnan(found.outcomes[~sure]).all()
    if measure.regret:
        assert 0 <= found.value <= 1e-6 or found.value == pytest.approx(0.0, abs=1e-9)
    else:
        assert found.value == pytest.approx(one.values[-1], rel=1e-8)


def chosen(draws, which, chance=None):
    """The same problem with its draws picked in an order."""
    varying = {field: Varying(what.at, what.values[which]) for field, what in draws.varying.items()}
    return Draws(draws.base, draws.first, draws.probability[which] if chance is None else chance, varying)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
def test_neither_order_nor_doubles_of_draws_change_a_bit(measure, route):
    """Proves: draws in another order, or each twice with half its probability, give the same plan, value, bound and
    history to the last bit, and the outcomes go with their draws.

    Broken: sums in the order given would differ in their last digits, and then so would the plan.
    """
    draws = drawn(7)
    order = np.random.default_rng(0).permutation(len(draws))
    twice = np.repeat(np.arange(len(draws)), 2)
    found, moved, doubled = (
        decide(case, measure, TIED, 1e-6, route)
        for case in (draws, chosen(draws, order), chosen(draws, twice, draws.probability[twice] / 2))
    )
    for other in (moved, doubled):
        assert (other.x.tobytes(), other.value, other.bound) == (found.x.tobytes(), found.value, found.bound)
        assert [(s.bound, s.value) for s in other.history] == [(s.bound, s.value) for s in found.history]
    assert (moved.outcomes == found.outcomes[order]).all()
    assert (doubled.outcomes == found.outcomes[twice]).all()


@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_to_know_and_to_plan_for_all_are_worth_something(seed, measure):
    """Proves: perfect information and the stochastic solution gain 0 or more, but for the gap; neither gains anything
    from a single draw; and no draw is reached better by the plan than by its own best."""
    draws = drawn(seed)
    found = decide(draws, measure, TIED)
    known, mean = perfect_information(draws, found), stochastic_solution(draws, found)
    near = found.gap + 1e-7 * max(1.0, abs(found.value))
    assert known.gain >= -near and mean.gain >= -near
    if len(draws) == 1:
        assert known.gain <= near and mean.gain <= near
    again = outcomes(draws, found.x)
    assert again == pytest.approx(found.outcomes, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("route", ROUTES)
def test_goals_before_the_outcome_are_kept_first(route):
    """Proves: as little money as can be is held back before anything is reached, though the outcome has most of it when
    all is held back; without that goal it is.

    Broken: an outcome that came first, or a first goal given up for it, would hold money back.
    """
    for seed in range(0, 12, 2):
        draws = drawn(seed)
        held = int(draws.first.sum()) - 1
        before, outcome = draws.base.goals
        tempting = replace(outcome, cost=outcome.cost - 50 * outcome.sign * before.cost)
        kept, alone = (
            decide(replace(draws, base=replace(draws.base, goals=goals)), WORST, TIED, 1e-6, route)
            for goals in ((before, tempting), (tempting,))
        )
        assert kept.x[held] == pytest.approx(0.0, abs=1e-9)
        assert alone.x[held] > 1


@pytest.mark.parametrize("route", ROUTES)
def test_no_time_and_no_such_route(route):
    """Proves: with no time at all there is no answer, on either route; and a route that is none is named."""
    with pytest.raises(StoppedError):
        decide(drawn(13), WORST, SolverOptions(time_limit=0.0), route=route)
    with pytest.raises(ValueError, match="route is 'cut', expected one of extensive, cuts"):
        decide(drawn(13), route="cut")


def test_what_happens_anyway_does_not_flatter_the_gap():
    """Proves: the same problem with a million more of the outcome in every draw, money or no money, has the same
    relative gap. Broken: measured against the whole outcome it would be 1e-5 of it after the first round."""
    draws = drawn(13)
    goal = replace(draws.outcome, offset=draws.outcome.offset + 1e6)
    raised = replace(draws, base=replace(draws.base, goals=(*draws.base.goals[:-1], goal)))
    found, other = (decide(case, Measure(alpha=0.5), TIED, 1e-3, "cuts") for case in (draws, raised))
    assert abs(other.value - 1e6 - found.value) <= found.gap + other.gap
    assert other.moved == pytest.approx(found.moved, rel=1e-3)
    assert other.relative_gap <= 1e-3 < 10 * found.gap / found.value
