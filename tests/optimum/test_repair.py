"""The least that limits must move: against scipy, proportional, and enough."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from allocate.errors import StoppedError
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram
from allocate.optimum.repair import bounds_as_rows, cheapest, common_factor, moved
from optimum.instances import permuted
from optimum.test_no_plan import worse


def floors(pool=20_000.0, asked=(6000.0, 5000.0, 9000.0, 8000.0)):
    """Four floors and a pool; row 0 is the pool."""
    n = len(asked)
    matrix = sparse.vstack([sparse.csr_array(np.ones((1, n))), sparse.eye_array(n, format="csr")])
    low, high = np.array([-np.inf, *asked]), np.array([pool, *[np.inf] * n])
    return LinearProgram(matrix, low, high, np.zeros(n), np.full(n, np.inf), (), np.zeros(n), np.full(n, 1000.0))


def price(lp, *rows):
    """1 a rand for these rows, and the rest stand."""
    prices = np.full(lp.row_lower.size, np.inf)
    prices[list(rows)] = 1.0
    return prices


UNIT = np.full(5, 1000.0)


def test_the_shortfall_is_what_must_move():
    """Proves: floors of 6+5+9+8 against a pool of 20 need 8, from the pool alone or from the floors in proportion.

    Broken: one floor pays for all, or it depends on the solver which one.
    """
    lp = floors()
    alone = cheapest(lp, price(lp, 0), UNIT)
    assert (alone.rows.tolist(), alone.moves.tolist(), alone.cost) == ([0], [8000.0], 8000.0)
    shared = cheapest(lp, price(lp, 1, 2, 3, 4), UNIT)
    assert shared.moves == pytest.approx(-8000 * np.array([6, 5, 9, 8]) / 28, rel=1e-6)
    assert shared.cost == pytest.approx(8000)
    both = cheapest(lp, price(lp, 0, 1, 2, 3, 4), UNIT)
    assert both.cost == pytest.approx(8000)
    for repair in (alone, shared, both):
        assert solve(moved(lp, replace(repair, moves=repair.moves * (1 + 1e-9)))).certificate.ok


def test_prices_choose_what_moves():
    """Proves: where the first floor costs half as much to lower, it is lowered first, down to nothing but no further.

    Broken: prices are ignored, or a floor falls below zero.
    """
    lp = floors()
    repair = cheapest(lp, np.array([np.inf, 0.5, 1, 1, 1]), UNIT)
    assert repair.moves[0] == pytest.approx(-6000) and repair.moves[1:].sum() == pytest.approx(-2000)
    assert repair.cost == pytest.approx(5000)


def test_what_money_cannot_mend_is_none():
    """Proves: None when only rows that have nothing to do with it may move, or none at all."""
    lp = floors()
    assert cheapest(lp, np.full(5, np.inf), UNIT) is None
    capped = replace(lp, upper=np.array([1000.0, *[np.inf] * 3]))
    assert cheapest(capped, price(capped, 0), UNIT) is None
    assert cheapest(capped, price(capped, 0, 1), UNIT).rows.tolist() == [0, 1]


def test_the_least_repair_is_that_of_another_solver():
    """Proves: on hostile programs the total equals that of scipy's dense elastic program, written down independently."""
    checked = 0
    for seed in range(60):
        lp = worse(seed)
        if lp is None:
            continue
        lp, _ = bounds_as_rows(lp)
        ones = np.ones(lp.row_lower.size)
        repair = cheapest(lp, ones, ones)
        assert repair.cost == pytest.approx(elastic(lp), rel=1e-6)
        checked += 1
    assert checked > 30


def elastic(lp):
    """The least total breach of the rows."""
    rows, columns = lp.matrix.shape
    dense, breach = lp.matrix.toarray(), np.eye(rows)
    sides = [(-1.0, lp.row_lower), (1.0, lp.row_upper)]
    left = [np.hstack([sign * dense, -breach])[np.isfinite(limit)] for sign, limit in sides]
    right = [sign * limit[np.isfinite(limit)] for sign, limit in sides]
    bounds = np.vstack([np.column_stack([lp.lower, lp.upper]), np.tile([0.0, np.inf], (rows, 1))])
    found = linprog(np.repeat([0.0, 1.0], [columns, rows]), np.vstack(left), np.concatenate(right), bounds=bounds)
    return found.fun


def test_the_order_of_rows_and_columns_moves_no_limit():
    """Proves: one repair, whatever order the program comes in. Broken: Ugu pays on one machine, Zululand on another."""
    lp = floors()
    expected = cheapest(lp, price(lp, 1, 2, 3, 4), UNIT).moves
    for seed in range(4):
        rng = np.random.default_rng(seed)
        columns, rows = rng.permutation(4), rng.permutation(5)
        turned = permuted(lp, columns, rows)
        repair = cheapest(turned, np.where(rows == 0, np.inf, 1.0), UNIT)
        assert repair.moves[np.argsort(rows[repair.rows])] == pytest.approx(expected, abs=1e-3)


def test_the_share_that_fits_everywhere():
    """Proves: floors fit at 20/28 of what they ask, the pool at 28/20; a floor above a cap of its own has less.

    And there is none where a limit is below zero, or where another rule is in the way.
    """
    lp, every = floors(), np.arange(1, 5)
    assert common_factor(lp, every, 1) == pytest.approx(20 / 28)
    assert common_factor(lp, np.array([0]), -1) == pytest.approx(28 / 20)
    capped = replace(lp, upper=np.array([np.inf, np.inf, 4500.0, np.inf]))
    assert common_factor(capped, every, 1) == pytest.approx(0.5)
    assert common_factor(capped, np.array([0]), -1) is None
    assert common_factor(floors(asked=(6000.0, -5000.0, 20_000.0, 0.0)), every, 1) is None


def test_bounds_are_limits_too():
    """Proves: a bound that is a number moves like a row; a bound of zero stays."""
    lp = replace(floors(), row_lower=np.full(5, -np.inf), lower=np.array([6000.0, 5000, 9000, 8000]))
    rows, columns = bounds_as_rows(lp)
    assert columns.tolist() == [0, 1, 2, 3] and np.isinf(rows.lower).all()
    repair = cheapest(rows, price(rows, 5, 6, 7, 8), np.full(9, 1000.0))
    assert repair.moves == pytest.approx(-8000 * np.array([6, 5, 9, 8]) / 28, rel=1e-6)


def test_no_time_is_no_repair():
    """Proves: at its deadline the work stops, and nothing half done comes back."""
    lp = floors()
    with pytest.raises(StoppedError):
        cheapest(lp, price(lp, 0), UNIT, time.perf_counter())


def test_the_other_limit_of_a_row_with_two_stays():
    """Proves: the share is of the limit asked about alone. Broken: a ceiling is lowered with its floor, so a share that
    fits is said of rules that no share fits; or the two limits cross."""
    two = np.ones(2)
    goal = Goal("any", np.zeros(2))
    matrix = sparse.csr_array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    floors = LinearProgram(matrix, np.array([5.0, 5.0, -np.inf]), np.array([6.0, 6.0, 8.0]), 0 * two, 9 * two, (goal,), 0 * two, two)  # fmt: skip
    assert common_factor(floors, np.array([0, 1]), 1) == pytest.approx(0.8)
    must = LinearProgram(matrix, np.array([5.0, 5.0, 20.0]), np.array([6.0, 6.0, 20.0]), 0 * two, 19 * two, (goal,), 0 * two, two)  # fmt: skip
    assert common_factor(must, np.array([0, 1]), 1) is None
