"""A price is what the goal changes by when the limit moves: shown by moving the limit."""

from dataclasses import replace

import numpy as np
import pytest

from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal
from optimum.instances import allocation

STEP = 50_000.0


def moved(lp, side, place, step):
    limit = getattr(lp, side).copy()
    limit[place] += step
    return solve(replace(lp, **{side: limit})).values


@pytest.mark.parametrize("bands", [True, False])
@pytest.mark.parametrize("sense", ["max", "min"])
def test_prices_are_finite_differences_for_every_goal(bands, sense):
    """Proves: off kinks, price = d(goal value) / d(row limit) for both goals in order, in each goal's own sense.

    A sign lost for goals to be made large, or a second price that forgot that the first goal must be kept, shows
    as a difference of the size of the price.
    """
    lp = allocation(10, 3, 3, 2, bands=bands, goals=2, seed=7)
    households = Goal("households", (lp.unit == 1).astype(float), 0.0, "max")
    lp = replace(lp, goals=(households, lp.goals[0]))
    if sense == "min":
        lp = replace(lp, goals=tuple(Goal(g.name, -g.cost, 5.0, "min") for g in lp.goals))
    best = solve(lp)
    checked = np.zeros(2, int)
    activity = lp.matrix @ best.x
    for row in range(lp.row_lower.size):
        at_lower = np.isfinite(lp.row_lower[row]) and activity[row] < lp.row_lower[row] + 1
        side = "row_lower" if at_lower else "row_upper"
        if not np.isfinite(getattr(lp, side)[row]):
            continue
        up = (moved(lp, side, row, STEP) - best.values) / STEP
        down = (best.values - moved(lp, side, row, -STEP)) / STEP
        for goal in range(2):
            size = max(np.abs(best.prices[goal]).max(), 1e-300)
            if abs(up[goal] - down[goal]) < 1e-6 * size:
                assert abs(best.prices[goal][row] - up[goal]) < 1e-6 * size
                checked[goal] += abs(best.prices[goal][row]) > 1e-6 * size
    assert (checked >= 5).all()


def test_reduced_costs_are_finite_differences_of_bounds():
    """Proves: a reduced cost is d(goal value) / d(bound) of its column, in the goal's own sense."""
    lp = allocation(8, 2, 3, 2, bands=False, goals=1, seed=3)
    best, checked = solve(lp), 0
    full = np.flatnonzero((best.x >= lp.upper) & (lp.upper > 100))
    for column in full[:15]:
        up = moved(lp, "upper", column, 1.0) - best.values
        down = best.values - moved(lp, "upper", column, -1.0)
        if abs(up - down)[0] < 1e-6 * abs(up)[0]:
            assert np.isclose(best.reduced_costs[0][column], up[0], rtol=1e-5)
            checked += 1
    assert checked >= 5


def test_a_hand_calculation():
    """Proves both senses: a max goal of 3 a unit of budget has price +3; as a min of cost, -3; offset left out."""
    lp = allocation(1, 1, 1, 1, goals=1)
    cost = lp.matrix.toarray()[1, 1]
    worth = lp.goals[0].cost[1]
    best = solve(replace(lp, row_lower=np.array([-np.inf, -np.inf, 0.0])))
    assert np.isclose(best.prices[0][0], worth / cost)
    as_cost = replace(lp, goals=(Goal("loss", -lp.goals[0].cost, 12.0),), row_lower=np.array([-np.inf, -np.inf, 0.0]))
    assert np.isclose(solve(as_cost).prices[0][0], -worth / cost)
