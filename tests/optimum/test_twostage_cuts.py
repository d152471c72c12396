"""Cuts against the one program of all draws, against what every draw really loses, and against corrupted numbers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from allocate.errors import ProofError, StoppedError
from allocate.optimum.bundle import by_cuts
from allocate.optimum.draws import Draws, Varying, distinct
from allocate.optimum.firststage import FirstStage
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible, Unbounded
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram
from allocate.optimum.master import Master, Pool, groups
from allocate.optimum.measures import EXPECTED, REGRET, WORST, Measure
from allocate.optimum.recourse import NoRecourse, Recourse
from allocate.optimum.twostage import decide, outcomes
from optimum.instances import drawn, farmer, yearly
from optimum.test_twostage import MEASURES, NAMES, ROUTES, TIED, seller


@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
@pytest.mark.parametrize("seed", range(24))
def test_cuts_and_the_one_program_agree(seed, measure):
    """Proves: within the gap asked for, cuts find the value that all draws in one exact program have, and both of their
    ends are on the right side of it, after every round; a third of the problems are tied nearly everywhere.

    Broken: a plane above the loss of any draw, or a weight that is not allowed, puts a bound on the wrong side.
    """
    draws = drawn(seed)
    exact, found = decide(draws, measure, TIED, route="extensive"), decide(draws, measure, gap=1e-6, route="cuts")
    sign = 1.0 if measure.regret or draws.outcome.sense == "min" else -1.0
    near = 1e-9 * max(1.0, abs(exact.value), *np.abs(exact.outcomes))
    for step in found.history:
        assert sign * step.bound <= sign * exact.value + near
        assert sign * step.value >= sign * exact.value - near
    assert found.relative_gap <= 1e-6
    assert measure.regret or exact.value == pytest.approx(
        sign * measure.of(sign * exact.outcomes, draws.probability), rel=1e-8, abs=1e-8
    )


def second_stage(draws, draw, x):
    """The loss of a draw after x, as a linear program of its own with the first stage fixed."""
    lp = draws.program(draw)
    lower, upper = lp.lower.copy(), lp.upper.copy()
    lower[draws.first] = upper[draws.first] = x
    rows = draws.second_rows
    fixed = LinearProgram(lp.matrix[rows], lp.row_lower[rows], lp.row_upper[rows], lower, upper, lp.goals[-1:], lp.target, lp.unit)  # fmt: skip
    return draws.outcome.sign * solve(fixed, TIED).values[-1]


def spread(draws, rng):
    """A first stage with every column somewhere from 0 to 20, a third of them at 0."""
    return rng.uniform(0, 20, int(draws.first.sum())) * (rng.random(int(draws.first.sum())) < 0.7)


@pytest.mark.parametrize("seed", range(10))
def test_a_cut_touches_its_loss_and_lies_below_it_elsewhere(seed):
    """Proves: at its own point a cut is the loss of each draw, and at other points no more than that; with corrupted
    prices it still is no more, because weak duality is worked out from the data and not believed.

    Losses are worked out anew, each as a linear program with the first stage fixed.
    """
    rng, (draws, _) = np.random.default_rng(seed), distinct(drawn(seed))
    recourse, everyone = Recourse(draws), np.arange(len(draws))
    here, links = spread(draws, rng), recourse.blocks.link_column
    cuts = recourse.cuts(here, everyone)
    assert cuts.losses == pytest.approx([second_stage(draws, k, here) for k in everyone], rel=1e-8, abs=1e-8)
    assert cuts.const.sum(axis=1) + cuts.slope @ here[links] == pytest.approx(cuts.losses, rel=1e-8, abs=1e-8)
    for _ in range(3):
        there = spread(draws, rng)
        losses = np.array([second_stage(draws, k, there) for k in everyone])
        assert (cuts.const.sum(axis=1) + cuts.slope @ there[links] <= losses + 1e-8 * (1 + np.abs(losses))).all()
        for draw in everyone:
            prices = rng.normal(size=recourse.blocks.rows.size)
            const, slope = recourse.plane(recourse.second(draw), prices)
            assert const.sum() + slope @ there[links] <= losses[draw] + 1e-8 * (1 + abs(losses[draw]))


class Corrupted(Recourse):
    """A second stage whose solver answers with something wrong."""

    def __init__(self, draws, of_point=0.0, of_prices=0.0):
        super().__init__(draws)
        self.of_point, self.of_prices = of_point, of_prices

    def _solve(self, second, x, draw, deadline):
        y, prices = super()._solve(second, x, draw, deadline)
        return y * (1 + self.of_point), prices * (1 + self.of_prices)


@pytest.mark.parametrize("wrong", [{"of_point": 1e-6}, {"of_point": -1e-6}, {"of_prices": 1e-3}, {"of_prices": -1e-3}])
def test_a_wrong_answer_of_the_solver_is_refused(wrong):
    """Proves: a point that reaches a millionth more or less than it can, or prices a thousandth off, do not become a
    loss and a cut: loss and proof must meet. Broken: they would pass, and the gap would not be what it says."""
    draws, _ = distinct(farmer())
    x = np.array([170.0, 80.0, 250.0])
    assert Recourse(draws).cuts(x, np.arange(3)).losses.mean() == pytest.approx(-108_390)
    with pytest.raises(ProofError, match=r"prove only (-inf|-?[0-9.]+)$"):
        Corrupted(draws, **wrong).cuts(x, np.arange(3))


@pytest.mark.parametrize("seed", range(6))
def test_corrupted_multipliers_cannot_pass_the_best(seed):
    """Proves: whatever multipliers the interior point comes with, the plane they are mixed into is nowhere above the
    measure: its least value never passes the exact best. Broken: a bound that believed them would."""
    given = drawn(seed)
    measure, (draws, _) = Measure(alpha=0.5), distinct(given)
    best = draws.outcome.sign * decide(given, measure, TIED, route="extensive").value
    first, recourse, rng = FirstStage(draws, TIED), Recourse(draws), np.random.default_rng(seed)
    everyone, pool, weighed = np.arange(len(draws)), Pool(recourse.blocks, len(draws)), []
    for x in (first.start, first.nearest(spread(draws, rng)), first.nearest(spread(draws, rng))):
        cuts = recourse.cuts(x, everyone)
        pool.add(x, everyone, cuts)
        weighed.append(measure.weights(cuts.losses, draws.probability))
    counted = groups(np.array(weighed), *measure.limits(draws.probability), draws.probability)
    planes = [pool.planes(group) for group in counted]
    master = Master(first, pool, counted, planes)
    _, right, weights = master.solve()
    for scale in (0.0, 0.1, 10.0):
        pushes = [np.where(of.useful, push + scale * rng.random(push.shape), 0.0) for push, of in zip(right, planes, strict=True)]  # fmt: skip
        const, slope = master.mixed(pushes, weights)
        assert const + first.least(slope) <= best + 1e-8 * (1 + abs(best))


def test_each_place_and_service_is_a_block():
    """Proves: the second stage is seen to fall apart into one block for each place and service, and one without rows for
    what the first stage does by itself; a farmer's three crops are three."""
    for seed in range(6):
        draws = drawn(seed)
        blocks = Recourse(distinct(draws)[0]).blocks
        assert blocks.count == blocks.rows.size + 1
        assert (np.bincount(blocks.column_block) == 2).all()
    assert Recourse(distinct(farmer())[0]).blocks.count == 4


def owed(least, upper=9.0):
    """A seller who must deliver ``least`` in each draw, and can buy no more than 5."""
    goal = Goal("profit", np.array([-1.0, 3.0]), 0.0, "max")
    sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([5.0, upper])
    base = LinearProgram(sparse.csr_array([[-1.0, 1.0]]), *sides, (goal,), np.array([2.0, 0.0]), np.ones(2))
    return Draws(base, [True, False], np.full(len(least), 1 / len(least)), {"lower": Varying([1], np.array(least)[:, None])})  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("measure", [EXPECTED, WORST, REGRET], ids=["mean", "worst", "regret"])
def test_a_draw_that_cannot_go_on_is_named(measure, route):
    """Proves: a draw that no first stage serves is named by the number it was given by, with the conflict."""
    with pytest.raises(NoRecourse, match=r"^draw 1: ") as found:
        decide(owed([1.0, 7.0, 2.0]), measure, route=route)
    assert found.value.draws == (1,)
    assert isinstance(found.value.reason, Infeasible)


def test_a_draw_that_one_plan_fails_is_named_by_cuts_alone():
    """Proves: where some plans serve every draw, the one program finds the best of them; cuts say which draw a plan that
    they tried leaves without a way to go on, and never leave it out."""
    draws = owed([1.0, 4.0, 2.0])
    assert decide(draws, WORST, route="extensive").x == pytest.approx([5.0])
    with pytest.raises(NoRecourse, match="draw 1"):
        decide(draws, WORST, route="cuts")
    with pytest.raises(NoRecourse, match="draw 1"):
        outcomes(draws, np.array([2.0]))


@pytest.mark.parametrize("route", ROUTES)
def test_an_outcome_without_end_and_a_first_stage_without_plan(route):
    """Proves: a draw whose outcome has no end is named, and a first stage that contradicts itself is Infeasible as
    anywhere else."""
    endless = owed([1.0, 1.0], upper=np.inf)
    endless = replace(endless, base=replace(endless.base, row_upper=np.array([np.inf]), row_lower=np.array([-5.0])))
    with pytest.raises(NoRecourse, match=r"draws? 0.* without end") as found:
        decide(endless, route=route)
    assert isinstance(found.value.reason, Unbounded)
    draws = farmer()
    short = replace(draws.base, row_lower=np.r_[600.0, draws.base.row_lower[1:]], row_upper=np.r_[np.inf, draws.base.row_upper[1:]], upper=np.r_[np.full(3, 100.0), draws.base.upper[3:]])  # fmt: skip
    with pytest.raises(Infeasible):
        decide(replace(draws, base=short), route=route)


def test_the_seconds_are_the_only_chance():
    """Proves: solving twice gives the same bits; only the seconds of the history differ."""
    once, again = (decide(drawn(19), Measure(alpha=0.5), gap=1e-6, route="cuts") for _ in range(2))
    assert (once.x.tobytes(), once.outcomes.tobytes()) == (again.x.tobytes(), again.outcomes.tobytes())
    assert [(s.bound, s.value) for s in once.history] == [(s.bound, s.value) for s in again.history]


def test_draws_that_are_surely_not_the_worst_are_left_aside():
    """Proves: with many draws and the worst tenth for measure, most rounds solve a small part of them, and the value is
    still that of all: solved anew, each draw has the outcome that was reported."""
    chance = np.random.default_rng(0)
    many = seller(tuple(chance.uniform(1, 8, 60)), np.full(60, 1 / 60))
    work, _ = distinct(many)
    solved = []

    class Counted(Recourse):
        def cuts(self, x, which, deadline=np.inf):
            solved.append(len(which))
            return super().cuts(x, which, deadline)

    measure = Measure(alpha=0.9)
    found = by_cuts(FirstStage(work, SolverOptions()), Counted(work), measure, 1e-6)
    assert min(solved) < 10
    assert found.losses == pytest.approx([second_stage(work, k, found.x) for k in range(60)], abs=1e-8)
    exact = decide(many, measure, route="extensive").value
    assert -measure.of(found.losses, work.probability) == pytest.approx(exact, rel=1e-5)


def test_time_that_is_up_leaves_what_was_proved():
    """Proves: when time is up after three sweeps, the best plan and the bound of that moment come back, on the right
    sides of the best and short of the gap that was asked for; up before the first plan is measured, nothing does."""
    draws, _ = distinct(drawn(13))
    best = draws.outcome.sign * decide(draws, WORST, TIED, route="extensive").value
    first = FirstStage(draws, TIED)

    class Late(Recourse):
        """A second stage that time runs out for after so many sweeps."""

        sweeps = 3

        def cuts(self, x, which, deadline=np.inf):
            self.sweeps -= 1
            first.deadline = np.inf if self.sweeps > 0 else -np.inf
            return super().cuts(x, which, deadline)

    found = by_cuts(first, Late(draws), WORST, 1e-6)
    last = found.steps[-1]
    assert last.bound <= best + 1e-9 * abs(best) and best <= last.value + 1e-9 * abs(best)
    assert last.value - last.bound > 1e-6 * abs(last.value - found.idle)
    soon = Late(draws)
    soon.sweeps, first.deadline = 0, -np.inf
    with pytest.raises(StoppedError):
        by_cuts(first, soon, WORST, 1e-6)


def test_a_first_stage_that_nothing_holds():
    """Proves: where a column of the first stage has no end, the one program still finds the best, and cuts say what is
    missing; they never come back without a bound."""
    draws = seller()
    free = replace(draws, base=replace(draws.base, upper=np.array([np.inf, 9.0])))
    assert decide(free, route="extensive").x == pytest.approx([6.0])
    with pytest.raises(ProofError, match="held by a bound or a row"):
        decide(free, route="cuts")


def test_a_rand_of_money_buys_its_part_of_a_household():
    """Proves: amounts from a hundredth of a cent to R10,000 beside billions buy what they can, every row to 1e-9 of its
    size; solved place by place they buy as much. Broken: the solver's absolute tolerance lets 3e-8 pass in one of these,
    and it is refused."""
    for seed in (2, 3):
        draws, rng = yearly(seed), np.random.default_rng(seed)
        x = draws.base.target[draws.first]
        small = rng.random(x.size) < 0.4
        x[small] = 10 ** rng.uniform(-4, 4, int(small.sum()))
        cuts, base = Recourse(draws).cuts(x, np.arange(1)), draws.base
        by_place = np.arange(base.lower.size - x.size).reshape(400, 3, 4) + x.size
        money = x.reshape(400, 3)
        bought = 0.0
        for columns, amount in zip(by_place, money, strict=True):
            mine = base.matrix[:, columns.ravel()]
            rows = np.flatnonzero(np.diff(mine.indptr))
            limit = np.concatenate([amount, base.row_upper[rows[3:]]])
            answer = linprog(-base.goals[0].cost[columns.ravel()], mine[rows].toarray(), limit)
            bought -= answer.fun
        assert -cuts.losses[0] == pytest.approx(bought, rel=1e-9)


def test_a_price_that_is_off_by_rounding_still_proves_something():
    """Proves: where a household count has no bound but a row of its own, prices 1e-11 below right, which leave a slope
    that nothing holds, still prove nearly all of the loss, and no more. Broken: one such column proves nothing."""
    draws = yearly(0, places=20)
    recourse, x = Recourse(draws), draws.base.target[draws.first]
    loss = recourse.cuts(x, np.arange(1)).losses[0]
    second = recourse.second(0)
    _, prices = recourse._solve(second, x, 0, np.inf)
    prices[int(draws.first.sum()) :] *= 1 - 1e-11
    there = x[recourse.blocks.link_column]
    proved = [const.sum() + slope @ there for const, slope in (recourse.plane(s, prices) for s in (second, second.bounded()))]  # fmt: skip
    assert proved[0] == -np.inf
    assert loss - 1e-9 * abs(loss) <= proved[1] <= loss + 1e-12 * abs(loss)
