"""The pair of a limit is what a small step of that limit changes: shown by moving every limit both ways."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
from scipy import sparse

from allocate.errors import ProofError
from allocate.optimum.highs import SolverOptions
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram
from allocate.optimum.marginal import by_solving_again, pairs
from optimum.instances import allocation, permuted, rescaled, whole_numbers

again = partial(solve, options=SolverOptions(accept_near_ties=True))


def two_goals(seed, bands=True, sense="max"):
    """Most households first, then most worth: the second pair is measured with the first goal kept at its best."""
    lp = allocation(7, 3, 3, 2, bands=bands, goals=2, seed=seed)
    households = Goal("households", (lp.unit == 1).astype(float), 0.0, "max")
    lp = replace(lp, goals=(households, lp.goals[0]))
    if sense == "min":
        lp = replace(lp, goals=tuple(Goal(g.name, -g.cost, 5.0, "min") for g in lp.goals))
    return lp


def difference(lp, x, found, solved, step):
    """Largest difference of what a step changes, next to the change and to the rounding of a value (1e-13 of terms)."""
    worst = 0.0
    for one, other in ((found.more, solved.more), (found.less, solved.less)):
        assert (one == other)[np.isinf(one) | np.isinf(other)].all()
        finite = np.isfinite(one)
        change, again = np.where(finite, one, 0.0) * step, np.where(finite, other, 0.0) * step
        rounding = 1e-7 * np.array([[1.0 + np.abs(goal.cost) @ np.abs(x)] for goal in lp.goals])
        worst = max(worst, (np.abs(change - again) / (np.abs(change) + rounding)).max(initial=0.0))
    return worst


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize(("seed", "bands"), [(0, True), (1, False), (4, True)])
def test_pairs_are_what_moving_every_limit_changes(seed, bands, sense):
    """Proves: for both goals in order, more and less equal the whole program solved again with each limit moved.

    A pair that forgot to keep the first goal at its best, or took the slope of the wrong side, or lost the sign of a
    goal to be made large, is off by the size of a price.
    """
    lp = two_goals(seed, bands, sense)
    best, step = solve(lp), 2000.0
    found = pairs(lp, best.x, best.prices)
    solved = by_solving_again(lp, again, np.arange(lp.row_lower.size), step)
    assert difference(lp, best.x, found, solved, step) < 1e-6
    assert found.kinks.any() and not found.kinks.all()


@pytest.mark.parametrize("seed", range(24))
def test_pairs_of_hostile_programs(seed):
    """Proves: repeated, summed and scaled rows, fixed and free columns: kinks nearly everywhere, and limits that cannot
    move without leaving no plan; the pairs equal re-solves, and infinity stands exactly where there is no plan."""
    lp, _ = whole_numbers(seed, scaled=bool(seed % 2))
    best = again(lp)
    found = pairs(lp, best.x, best.prices)
    rows = np.arange(lp.row_lower.size)
    step = np.exp2(np.round(np.log2(np.maximum(np.abs(lp.matrix).max(axis=1).toarray().ravel(), 2.0**-9)))) / 1024
    solved = by_solving_again(lp, again, rows, step)
    assert difference(lp, best.x, found, solved, step) < 1e-6


@pytest.mark.parametrize("seed", range(12))
def test_a_price_lies_within_its_pair(seed):
    """Proves: off a kink both ends are the published price to the last digit; at a kink the price is between them, goals
    compared in order; and the first goal bends one way only: a second unit never gives more than the first.

    A slope of the wrong basis, or the two ends swapped, would leave the price outside.
    """
    for lp in (two_goals(seed), whole_numbers(seed)[0]):
        best = again(lp)
        found, prices = pairs(lp, best.x, best.prices), best.prices
        equal = found.more == found.less
        price, pair = prices[equal], found.more[equal]
        assert ((pair == price) | (np.abs(pair - price) <= 1e-15 * np.abs(prices).max())).all()
        signs = np.array([goal.sign for goal in lp.goals])[:, None]
        less, more, near = signs * found.less, signs * found.more, 1e-9 * np.abs(prices) + 1e-15 * np.abs(prices).max()
        assert (less[0] <= signs[0] * prices[0] + near[0]).all()
        assert (signs[0] * prices[0] <= more[0] + near[0]).all()
        settled = equal[0]
        assert (less[1] <= signs[1] * prices[1] + near[1])[settled].all()
        assert (signs[1] * prices[1] <= more[1] + near[1])[settled].all()


def test_more_of_a_useful_pool_gains():
    """Proves the sign of a goal to be made large: one rand more in a pool that is all spent gives households, one
    rand less takes no fewer; and one rand more that every space is owed takes households or changes nothing."""
    lp = two_goals(0)
    best = solve(lp)
    pools, owed = pairs(lp, best.x, best.prices, np.arange(3)), pairs(lp, best.x, best.prices, np.arange(24, 31))
    assert (pools.more[0] > 0).any()
    assert (pools.less[0] >= pools.more[0]).all()
    assert (owed.more[0] <= 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_neither_order_nor_units_nor_what_else_is_asked_changes_a_pair(seed):
    """Proves: columns and rows in another order, rand or R million, and one row alone or among all: one pair."""
    rng = np.random.default_rng(seed)
    lp = two_goals(seed)
    best = solve(lp)
    found, some = pairs(lp, best.x, best.prices), rng.permutation(lp.row_lower.size)[:5]
    alone = pairs(lp, best.x, best.prices, some)
    columns, rows = rng.permutation(lp.lower.size), rng.permutation(lp.row_lower.size)
    mixed = permuted(lp, columns, rows)
    shuffled = pairs(mixed, best.x[columns], best.prices[:, rows])
    by_column, by_row = np.where(lp.unit == 1000, 1e6, 1.0), 10.0 ** rng.integers(-4, 5, lp.row_lower.size)
    other = solve(rescaled(lp, by_column, by_row, (1e3, 1e-3)))
    scaled = pairs(rescaled(lp, by_column, by_row, (1e3, 1e-3)), other.x, other.prices)
    factor = np.array([[1e3], [1e-3]]) / by_row
    for end in ("more", "less"):
        here = getattr(found, end)
        near = {"rtol": 1e-9, "atol": 1e-11 * np.abs(here).max()}
        np.testing.assert_allclose(getattr(alone, end), here[:, some], **near)
        np.testing.assert_allclose(getattr(shuffled, end), here[:, rows], **near)
        for goal in range(2):
            unscaled = getattr(scaled, end)[goal] / factor[goal]
            np.testing.assert_allclose(unscaled, here[goal], rtol=1e-9, atol=1e-11 * np.abs(here[goal]).max())


def test_a_point_that_is_no_optimum_has_no_pairs():
    """Proves: prices of a plan that could be better are refused, not made up."""
    lp = two_goals(0)
    with pytest.raises(ProofError, match="not at its limit"):
        pairs(lp, solve(lp).x * 0.999, np.zeros((2, lp.row_lower.size)))


def test_solving_again_needs_no_slopes():
    """Proves: with whole numbers a limit that the plan is not at has a price too: 1.5 lorries are one lorry, 2.5 two.

    Broken: a price of 0 for what a plan does not use up, which is true of slopes only.
    """
    one = np.ones(1)
    goal = Goal("loads", 3 * one, 0.0, "max")
    lp = LinearProgram(sparse.csr_array([[1.0]]), -np.inf * one, 1.5 * one, 0 * one, 9 * one, (goal,), one, one)

    def whole(program):
        x = np.array([max(k for k in range(10) if k <= program.row_upper[0])])
        return Lorries(x, 3.0 * x)

    found = by_solving_again(lp, whole, np.array([0]), 1.0)
    assert (found.more[0, 0], found.less[0, 0]) == (3.0, 3.0)
    found = by_solving_again(lp, whole, np.array([0]), 0.25)
    assert (found.more[0, 0], found.less[0, 0]) == (0.0, 0.0)


@dataclass(frozen=True)
class Lorries:
    """A plan in whole numbers, counted out."""

    x: np.ndarray
    values: np.ndarray
