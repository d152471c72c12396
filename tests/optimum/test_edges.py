"""Programs at the edge: one column, nothing to choose, huge and tiny numbers, goals that ask for nothing."""

from dataclasses import replace

import numpy as np
import pytest

from allocate.errors import ProofError
from allocate.optimum.highs import SolverOptions
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal
from optimum.instances import allocation, rescaled
from optimum.test_no_plan import program


def test_one_column():
    """Proves: a single column, with and without a row, free or not."""
    assert solve(program([[2.0]], [-np.inf], [6], [0], [9], [-1])).x.tolist() == [3]
    assert solve(program([[2.0]], [4], [6], [-np.inf], [np.inf], [1])).x.tolist() == [2]
    assert solve(program([[2.0]], [4], [6], [-np.inf], [np.inf], [0])).x.tolist() == [2]


def test_nothing_to_choose():
    """Proves: all columns fixed is a plan if the rows agree."""
    best = solve(program([[1, 1]], [3], [3], [1, 2], [1, 2], [5, 7]))
    assert best.x.tolist() == [1, 2]
    assert best.values.tolist() == [19]


def test_a_goal_that_asks_for_nothing_keeps_every_plan():
    """Proves: a zero goal has zero prices and leaves the plan to the goals after it, then to the target."""
    lp = allocation(6, 2, 3, 2, goals=1)
    nothing = Goal("nothing", np.zeros(lp.lower.size))
    both = solve(replace(lp, goals=(nothing, *lp.goals)))
    assert np.array_equal(both.x, solve(lp).x)
    assert not both.prices[0].any()
    closest = solve(replace(lp, goals=()))
    only = solve(replace(lp, goals=(nothing,)))
    assert np.abs(closest.x - only.x).max() < 1e-6
    assert closest.values.shape == (0,)


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1e3, 1e6])
def test_huge_and_tiny_numbers(size):
    """Proves: everything times 1e6 or 1e-9 gives the plan times that. Solvers' absolute tolerances would not."""
    lp = allocation(8, 2, 3, 2, seed=1)
    first = solve(lp)
    n, m = lp.lower.size, lp.row_lower.size
    other = solve(rescaled(lp, np.full(n, 1 / size), np.full(m, size), [1.0]))
    assert np.abs(other.x / size - first.x).max() < 1e-6 * first.x.max()
    assert np.abs(other.x / size - first.x).max() < 1e-2


def test_limits_far_apart():
    """Proves: a pool of 1e15 beside one of 1,000, and an upper limit that stands for none, do not blur the small."""
    lp = program([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], [-np.inf, -np.inf, 0.5], [1e15, 1000, 1e18],
                 [0, 0, 0, 0], [np.inf, 7, np.inf, 3.5], [1, 2, 3, 4], sense="max")  # fmt: skip
    assert solve(lp).x.tolist() == [1e15 - 7, 7, 996.5, 3.5]


def test_near_ties_are_refused_or_said():
    """Proves: two costs that differ by 1e-10 are neither tied nor told apart in silence."""
    lp = program([[1, 1]], [1], [1], [0, 0], [5, 5], [1, 1 + 1e-10])
    with pytest.raises(ProofError, match="perhaps not the only one"):
        solve(lp)
    best = solve(lp, SolverOptions(accept_near_ties=True))
    assert (best.unique, best.grade, best.near_ties) == (False, "near tie", 1)
    assert solve(replace(lp, goals=(Goal("g", np.array([1, 1 + 1e-15])),))).grade == "exact"
    assert solve(replace(lp, goals=(Goal("g", np.array([1, 1 + 1e-6])),))).x.tolist() == [1, 0]
