"""One plan, whatever route: solver, presolve, seed, order and units do not change it."""

from itertools import product

import numpy as np
import pytest

from allocate.optimum.highs import SolverOptions, minimise
from allocate.optimum.lexicographic import solve
from allocate.optimum.scaling import ruiz
from optimum.instances import allocation, permuted, rescaled, whole_numbers

WORLDS = [(6, 2, 2, 1), (12, 3, 3, 2), (26, 4, 4, 3), (52, 5, 5, 3)]


def thousands(lp, x):
    return tuple(np.floor(x / lp.unit + 0.5 + 1e-6).astype(int))


def configurations(lp, count):
    m, n = lp.matrix.shape
    for number, (solver, presolve) in enumerate(list(product(("simplex", "ipx"), (True, False))) * count):
        rng = np.random.default_rng(number)
        orders = (rng.permutation(n), rng.permutation(m)) if number else (None, None)
        yield SolverOptions(solver, presolve, seed=number, column_order=orders[0], row_order=orders[1])


@pytest.mark.parametrize("bands", [True, False])
@pytest.mark.parametrize("goals", [1, 2])
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_every_configuration_publishes_the_same_plan(world, goals, bands):
    """Proves: 12 configurations give one plan in R thousand and households, and differ by less than R0.001.

    Without the closest point the raw solver's plans differ by millions (next test).
    """
    lp = allocation(*world, bands=bands, goals=goals, seed=sum(world))
    plans = [solve(lp, options).x for options in configurations(lp, 3)]
    assert len({thousands(lp, x) for x in plans}) == 1
    assert np.ptp(plans, axis=0).max() < 1e-3


def test_raw_solver_plans_do_differ():
    """Proves: the test above has something to do; the same configurations give several raw plans."""
    lp = allocation(*WORLDS[1], goals=1, seed=9)
    scaling = ruiz(lp.region)
    cost, region = scaling.cost(lp.goals[0].sign * lp.goals[0].cost)[0], scaling.region(lp.region)
    plans = [minimise(region, cost, o).x * scaling.column * scaling.size for o in configurations(lp, 3)]
    assert len({thousands(lp, x) for x in plans}) > 3
    assert np.ptp(plans, axis=0).max() > 1e6


@pytest.mark.parametrize("goals", [1, 2])
@pytest.mark.parametrize("world", WORLDS[:3], ids=str)
def test_order_and_units_of_the_program_do_not_matter(world, goals):
    """Proves: the program itself reordered, or in other units (rows, columns, goals times random numbers), has the
    same plan. If the distance or the tie rule leaned on our scaling, rand in millions would give another plan."""
    lp = allocation(*world, goals=goals, seed=1)
    first = solve(lp).x
    for seed in range(4):
        rng = np.random.default_rng(seed)
        columns, rows = rng.permutation(lp.lower.size), rng.permutation(lp.row_lower.size)
        again = np.empty(first.size)
        again[columns] = solve(permuted(lp, columns, rows)).x
        assert thousands(lp, again) == thousands(lp, first)
        factors = [10.0 ** rng.uniform(-3, 3, size) for size in (*lp.matrix.shape[::-1], goals)]
        again = solve(rescaled(lp, *factors)).x * factors[0]
        assert thousands(lp, again) == thousands(lp, first)
        assert np.abs(again - first).max() < 1e-2


def test_hostile_whole_numbers_have_one_plan_too():
    """Proves: repeated, redundant and scaled rows, free and unbounded columns change nothing: spread below 1e-6."""
    spread = 0.0
    for seed in range(150):
        lp, _ = whole_numbers(seed, scaled=seed % 2 == 1)
        plans = [solve(lp, options).x for options in configurations(lp, 1)]
        spread = max(spread, np.ptp(plans, axis=0).max())
    assert spread < 1e-6
