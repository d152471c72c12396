"""Nested limits: the compiled way against a slow twin in exact fractions, by hand, and in any order."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from scipy import sparse

from allocate.kernels.laminar import INFEASIBLE, OPTIMAL, UNBOUNDED
from allocate.optimum.laminar import read
from allocate.optimum.linear import Goal, LinearProgram
from optimum.instances import permuted
from optimum.nested import nested
from twins import nested_value


@pytest.mark.parametrize("seed", range(150))
def test_the_value_is_that_of_exact_fractions(seed):
    """Proves: value and status of any nested program are those of arithmetic without rounding. Broken: a limit that is
    walked past, or an item taken before a dearer one."""
    lp = nested(seed, tied=seed % 3 == 0, tight=0.05 * (seed % 2), whole=True)
    found, wanted = read(lp).solve_many(audit=0), nested_value(lp)
    assert found.status[0] == (INFEASIBLE if wanted is None else UNBOUNDED if wanted == inf else OPTIMAL)
    if found.status[0] == OPTIMAL:
        assert found.value[0] == pytest.approx(float(wanted), rel=1e-12, abs=1e-10)


def pool():
    """Two provinces of two spaces and one space of its own under a pool of 100; worth falls from 5 to 1."""
    ends = np.zeros(5), np.full(5, 40.0)
    rows = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 0]], float)
    goal = Goal("worth", np.array([5.0, 4.0, 3.0, 2.0, 1.0]), sense="max")
    limits = np.array([-np.inf, -np.inf, 30.0]), np.array([100.0, 50.0, 60.0])
    return LinearProgram(sparse.csr_array(rows), *limits, *ends, (goal,), np.zeros(5), np.ones(5))


def test_by_hand():
    """Proves: the first province takes 40 + 10 of the dearest, the second its room, and the pool's end is where the third
    item of worth 3 fills, then 2; prices are what one more of each limit buys. Broken: a price of the wrong node."""
    found = read(pool()).solve_many(row_upper=[[100, 50, 60], [70, 50, 60], [140, 50, 60], [20, 50, 60]])
    assert found.x[0].tolist() == [40, 10, 40, 10, 0]
    assert found.prices[0].tolist() == [2, 2, 0]
    assert found.x[1].tolist() == [40, 0, 30, 0, 0]
    assert found.x[2].tolist() == [40, 10, 40, 20, 30]
    assert found.prices[2].tolist() == [1, 3, 1]
    assert found.status.tolist() == [OPTIMAL, OPTIMAL, OPTIMAL, INFEASIBLE]
    assert found.where.tolist() == [-1, -1, -1, 0]
    assert np.isnan(found.x[3]).all() and np.isnan(found.value[3])


def test_a_floor_costs_what_it_takes():
    """Proves: a floor that binds has a negative price, the worth lost to one more of it. Broken: a sign."""
    found = read(pool()).solve_many(row_upper=[[60, 50, 60]], row_lower=[[-np.inf, -np.inf, 45]])
    assert found.x[0].tolist() == [15, 0, 40, 5, 0]
    assert found.prices[0].tolist() == [5, 0, -3]


def many(lp, scenarios, seed=0):
    rng = np.random.default_rng(seed)
    costs = lp.goals[0].cost * np.exp(0.3 * rng.standard_normal((scenarios, lp.lower.size)))
    return costs, np.where(np.isfinite(lp.row_upper), lp.row_upper + rng.integers(-3, 30, (scenarios, 1)), np.inf)


@pytest.mark.parametrize("seed", [1, 4, 5, 11])
@pytest.mark.parametrize("across", [False, True])
def test_threads_and_chunks_change_nothing(seed, across):
    """Proves: every bit is the same for one thread or three, and for scenarios asked one at a time. Broken: a scenario
    that starts from what the one before left."""
    lp = nested(seed, columns=60, across=across)
    laminar = read(lp)
    costs, tops = many(lp, 300)
    tops = np.maximum(tops, lp.row_lower)
    for asked in ({"costs": costs}, {"row_upper": tops}, {"costs": costs, "row_upper": tops}):
        whole = laminar.solve_many(**asked, threads=1, audit=0)
        again = laminar.solve_many(**asked, threads=3, audit=0)
        ones = [laminar.solve_many(**{k: v[q : q + 1] for k, v in asked.items()}, audit=0) for q in range(0, 300, 37)]
        for name in ("x", "value", "prices", "status", "totals"):
            assert np.array_equal(getattr(whole, name), getattr(again, name), equal_nan=True)
            part = np.concatenate([getattr(one, name) for one in ones])
            assert np.array_equal(getattr(whole, name)[::37], part, equal_nan=True)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_rows_and_columns_changes_nothing(seed):
    """Proves: in whole numbers the plan is the same to the bit in any order of rows and columns.
    Broken: a plan that depends on who is listed first."""
    rng, lp = np.random.default_rng(seed), nested(seed, columns=40, whole=True)
    columns, rows = rng.permutation(40), rng.permutation(lp.row_lower.size)
    one, two = read(lp).solve_many(audit=0), read(permuted(lp, columns, rows)).solve_many(audit=0)
    assert one.status[0] == two.status[0] and not one.solver[0]
    assert np.array_equal(one.x[0][columns], two.x[0], equal_nan=True)
