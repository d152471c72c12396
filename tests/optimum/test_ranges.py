"""The least and the most of a quantity over all plans as good: those of other solves, and no plan goes beyond them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from allocate.errors import NoPlanError
from allocate.optimum.extended import with_row
from allocate.optimum.highs import SolverOptions
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, Leximin, LinearProgram
from allocate.optimum.ranges import ranges
from optimum.instances import allocation, permuted, rescaled, whole_numbers


def optimum(lp):
    return solve(lp, SolverOptions(accept_near_ties=True))


def twin(lp, values, quantities, give=0.0):
    """The ends by linprog, a solve for each, with every goal kept by a row; 1e-9 of its terms are let go."""
    matrix, low, high = lp.matrix.toarray(), lp.row_lower, lp.row_upper
    for goal, value in zip(lp.goals, values, strict=True):
        free = 1e-9 * (1 + abs(value)) + (give if goal is lp.goals[-1] else 0.0)
        limit = value - goal.offset
        matrix = np.vstack([matrix, goal.cost])
        low = np.append(low, limit - free if goal.sense == "max" else -np.inf)
        high = np.append(high, np.inf if goal.sense == "max" else limit + free)
    up, down = np.isfinite(high), np.isfinite(low)
    left, right = np.vstack([matrix[up], -matrix[down]]), np.concatenate([high[up], -low[down]])
    bounds = list(zip(lp.lower, lp.upper, strict=True))
    ends = []
    for sign in (1, -1):
        found = [linprog(sign * cost, left, right, bounds=bounds) for cost in quantities]
        assert all(one.status in (0, 3) for one in found)
        ends.append([sign * one.fun if one.status == 0 else -sign * np.inf for one in found])
    return np.array(ends)


def two_goals(seed):
    """An allocation with two goals and many ties; the money of every space, and every cell of the first."""
    lp = allocation(6, 3, 3, 2, goals=2, seed=seed)
    of_space = np.kron(np.eye(6), np.ones(9))
    quantities = np.zeros((15, lp.lower.size))
    quantities[:6, :54] = of_space
    quantities[6:, :9] = np.eye(9)
    return lp, quantities


@pytest.mark.parametrize("give", [0.0, 0.01])
@pytest.mark.parametrize("seed", range(6))
def test_ends_are_those_of_a_solve_each(seed, give):
    """Proves: with two goals in order, every least and most equals a linear program of its own, in which rows keep the
    goals, by another front end. Broken: a face too narrow misses plans, one too wide has plans that lose something."""
    lp, quantities = two_goals(seed)
    best = optimum(lp)
    loss = give * abs(best.values[-1])
    found, wanted = ranges(best, quantities, loss), twin(lp, best.values, quantities, loss)
    assert np.allclose([found.least, found.most], wanted, rtol=1e-5, atol=20.0)  # of rand by the million
    assert (found.most - found.least > 1000).any()


@pytest.mark.parametrize("seed", range(60))
def test_hostile_programs(seed):
    """Proves: with repeated and summed rows, free, fixed and endless columns, quantities that nothing holds, and rows in
    other units, the ends are those of the twin, who is asked in whole numbers; infinite where it finds no end."""
    lp, _ = whole_numbers(seed)
    rng, width = np.random.default_rng(seed), lp.lower.size
    quantities = rng.integers(-1, 3, (5, width)) * (rng.random((5, width)) < 0.5)
    scaled = rescaled(lp, np.ones(width), np.exp2(rng.integers(-8, 9, lp.row_lower.size)), (1.0, 1.0))
    best, give = optimum(scaled), 3.0 * (seed % 3)
    found = ranges(best, quantities, give)
    assert np.allclose([found.least, found.most], twin(lp, best.values, quantities, give), rtol=1e-6, atol=1e-5)
    now = quantities @ best.x
    assert (found.least <= now + 1e-9).all() and (now <= found.most + 1e-9).all()


def test_endless_quantities_are_infinite():
    """Proves: what no limit holds has no end, one way only where a bound holds the other. Broken: a large number."""
    one = np.ones(1)
    lp = LinearProgram(
        sparse.csr_array([[1.0, 0.0]]), 0 * one, 6 * one, np.zeros(2), np.full(2, np.inf),
        (Goal("reach", np.array([1.0, 0.0]), sense="max"),), np.zeros(2), np.ones(2),
    )  # fmt: skip
    found = ranges(solve(lp), np.array([[0.0, 1.0], [1.0, -1.0], [2.0, 0.0]]))
    assert found.least.tolist() == [0.0, -np.inf, 12.0]
    assert found.most.tolist() == [np.inf, 6.0, 12.0]


@pytest.mark.parametrize("seed", range(3))
def test_a_plan_goes_to_an_end_and_no_farther(seed):
    """Proves: asked for the most of a space's money by a row, the library's own solve still has every goal at its best;
    asked for R10,000 more, it loses some of a goal, or has no plan."""
    lp, quantities = two_goals(seed)
    best = optimum(lp)
    for cost, most in zip(quantities, ranges(best, quantities).most, strict=True):
        assert np.allclose(optimum(with_row(lp, cost, most - 1e-3, np.inf)).values, best.values, rtol=1e-9)
        try:
            beyond = optimum(with_row(lp, cost, most + 1e4, np.inf)).values
        except NoPlanError:
            continue
        assert (beyond < best.values * (1 - 1e-9)).any()


@pytest.mark.parametrize("seed", range(3))
def test_the_more_is_given_the_wider_and_ever_less_so(seed):
    """Proves: a most is concave in what is given, and a least convex, as the value of a linear program is in a limit.
    Broken: an end that is not the farthest lies below the line between its neighbours."""
    lp, quantities = two_goals(seed)
    best = optimum(lp)
    steps = np.linspace(0, 0.05, 9) * abs(best.values[-1])
    ends = [ranges(best, quantities, float(give)) for give in steps]
    least, most = np.array([end.least for end in ends]), np.array([end.most for end in ends])
    assert (np.diff(most, axis=0) > -1e-3).all() and (np.diff(least, axis=0) < 1e-3).all()
    assert (np.diff(most[1:], 2, axis=0) < 1e-1).all() and (np.diff(least[1:], 2, axis=0) > -1e-1).all()


@pytest.mark.parametrize("seed", range(4))
def test_order_and_units_do_not_matter(seed):
    """Proves: columns and rows in another order, or in other units, and quantities asked for alone, have the same ends
    to 1e-9. Broken: an end that depends on where the solver came from."""
    lp, quantities = two_goals(seed)
    rng, give = np.random.default_rng(seed), 2e5
    found = ranges(optimum(lp), quantities, give)
    columns, rows = rng.permutation(lp.lower.size), rng.permutation(lp.row_lower.size)
    again = ranges(optimum(permuted(lp, columns, rows)), quantities[:, columns], give)
    sizes = np.exp2(rng.integers(-6, 7, lp.lower.size)), np.exp2(rng.integers(-6, 7, lp.row_lower.size))
    scaled = ranges(optimum(rescaled(lp, *sizes, (1.0, 2.0))), quantities * sizes[0], 2 * give)
    alone = [ranges(optimum(lp), quantities[[row]], give) for row in (0, 9)]
    for end in ("least", "most"):
        known = getattr(found, end)
        assert np.allclose(getattr(again, end), known, rtol=1e-9, atol=1e-3)
        assert np.allclose(getattr(scaled, end), known, rtol=1e-9, atol=1e-3)
        assert [getattr(one, end)[0] for one in alone] == known[[0, 9]].tolist()


def test_questions_without_an_answer_are_refused():
    """Proves: quantities of another width, a loss below nothing or of no goal, and programs that are not plain."""
    lp, quantities = two_goals(0)
    best = optimum(lp)
    for wrong, give in ((quantities[:, 1:], 0.0), (quantities * np.nan, 0.0), (quantities, -1.0), (quantities, np.inf)):
        with pytest.raises(ValueError, match=r"quantities has shape|give is"):
            ranges(best, wrong, give)
    with pytest.raises(ValueError, match="give is 1"):
        ranges(optimum(replace(lp, goals=())), quantities, 1.0)
    least = Leximin("least", sparse.csr_array(quantities[:6]), np.zeros(6))
    for goals in ((least,), (replace(lp.goals[0], give=1.0), lp.goals[1])):
        with pytest.raises(ValueError, match="keep all they have"):
            ranges(optimum(replace(lp, goals=goals)), quantities)
