"""The tie-break is truly the closest point, by a check that knows nothing of faces or multipliers."""

import time

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from allocate.errors import StoppedError
from allocate.optimum import closest as module
from allocate.optimum import interior
from allocate.optimum.closest import closest
from allocate.optimum.face import shrink
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram, Region
from optimum.instances import allocation, idle_row, permuted, pinned, whole_numbers, without_room


def way_down(lp, best, x):
    """How far the distance to the target falls to first order from x towards any other optimal plan.

    A linear program over the original rules and goal values, part of its terms: x is closest if and only if zero
    (the variational inequality of a convex program).
    """
    pull = lp.weights * (x - lp.target)
    goals = np.array([goal.sign * goal.cost for goal in lp.goals])
    values = goals @ best.x
    sizes = np.abs(goals).max(axis=1) + 1.0
    above, below = np.isfinite(lp.row_upper), np.isfinite(lp.row_lower)
    answer = linprog(
        pull / np.abs(pull).max(initial=1e-9),
        A_ub=sparse.vstack([lp.matrix[above], -lp.matrix[below], goals / sizes[:, None]]),
        b_ub=np.concatenate([lp.row_upper[above], -lp.row_lower[below], (values + 1e-9 * np.abs(values)) / sizes]),
        bounds=np.column_stack([lp.lower, lp.upper]),
    )
    assert answer.status == 0, answer.message
    here = pull / np.abs(pull).max(initial=1e-9)
    return (here @ x - answer.fun) / (np.abs(here) @ (np.abs(x) + lp.unit) + 1e-9)


def test_no_other_optimal_plan_is_closer():
    """Proves: on 150 hostile programs with two goals nothing optimal is closer. A wrong active set shows here."""
    worst = max(way_down(lp, best := solve(lp), best.x) for lp, _ in map(whole_numbers, range(150)))
    assert worst < 1e-6


@pytest.mark.parametrize("bands", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_no_other_allocation_is_closer(bands, seed):
    """Proves: the same for allocations in rand and households, where the target is far from optimal."""
    lp = allocation(12, 3, 3, 2, bands=bands, goals=1, seed=seed)
    best = solve(lp)
    assert way_down(lp, best, best.x) < 1e-6


def test_the_check_itself_sees_a_plan_that_is_not_closest():
    """Proves: ``way_down`` is not blind; an optimal plan closest to another target has a clear way down."""
    lp = allocation(12, 3, 3, 2, goals=1, seed=0)
    other = LinearProgram(
        lp.matrix, lp.row_lower, lp.row_upper, lp.lower, lp.upper, lp.goals, lp.target[::-1].copy(), lp.unit
    )
    best = solve(lp)
    assert way_down(lp, best, solve(other).x) > 1e-4


def test_presolve_keeps_the_closest_point_and_its_multipliers():
    """Proves: with and without ``shrink`` the closest point is the same, and the multipliers of dropped rows satisfy
    w (x - t) = A'm + bounds on the face itself. A row forgotten in postsolve leaves a push against nothing."""
    for seed in range(120):
        lp, _ = whole_numbers(seed)
        face = lp.region
        small = shrink(face, lp.unit)
        x = small.x.copy()
        found = closest(small.region, *(a[small.columns] for a in (lp.weights, lp.target, lp.unit)))
        x[small.columns] = found.x
        plain = closest(face, lp.weights, lp.target, lp.unit)
        assert np.abs(x - plain.x).max() < 1e-7
        pull = lp.weights * (x - lp.target)
        multipliers = small.multipliers(x, pull, found.multipliers)
        push = pull - lp.matrix.T @ multipliers
        activity = lp.matrix @ x
        assert (np.where(push > 1e-7, x - lp.lower, 0) < 1e-6).all()
        assert (np.where(push < -1e-7, lp.upper - x, 0) < 1e-6).all()
        assert (np.where(multipliers > 1e-7, activity - lp.row_lower, 0) < 1e-6).all()
        assert (np.where(multipliers < -1e-7, lp.row_upper - activity, 0) < 1e-6).all()


def test_a_hand_calculation():
    """Proves the weights: sharing 60 between targets 10, 20 (unit 1) and 0, the gap of 30 goes 10 : 20 : 1 / 31."""
    one = np.ones(3)
    lp = LinearProgram(
        sparse.csr_array(one[None]), np.array([60.0]), np.array([60.0]), 0 * one, np.inf * one,
        (Goal("any", 0 * one),), np.array([10.0, 20.0, 0.0]), one,
    )  # fmt: skip
    assert np.allclose(solve(lp).x, np.array([10, 20, 0]) + 30 * np.array([10, 20, 1]) / 31, rtol=1e-14)


def test_the_units_of_measurement_do_not_matter():
    """Proves: a column in thousands with a unit of 1 or in rand with a unit of 1000 gets the same plan."""
    matrix = np.array([[1.0, 1.0]])
    region = Region(sparse.csr_array(matrix), np.array([7e3]), np.array([7e3]), np.zeros(2), np.full(2, np.inf))
    rand = closest(region, np.array([1.0, 2.0]), np.zeros(2), np.full(2, 1e3)).x
    mixed = Region(
        sparse.csr_array(matrix * [1, 1000]), region.row_lower, region.row_upper, *np.array([[0, 0], [9e9] * 2])
    )
    assert np.allclose(
        closest(mixed, np.array([1.0, 2e6]), np.zeros(2), np.array([1e3, 1.0])).x * [1, 1000], rand, rtol=1e-13
    )


def test_a_row_with_room_to_spare_has_no_multiplier():
    """Proves: rounding in large multipliers is not carried to a row that does not bind. As 1e-16 it is nothing next to
    the column it comes from, and 1e-8 of a cell that is at its target: an honest plan was refused for it."""
    for seed in range(30):
        best = solve(idle_row(seed))
        assert best.tie_multipliers[2] == 0
        assert best.certificate.worst("tie") < 1e-11
        assert best.grade == "exact"


@pytest.mark.parametrize("seed", range(10))
def test_rounding_of_columns_that_are_gone_is_no_fault_of_those_left(seed):
    """Proves: rows are judged by all their columns, those that presolve dropped too. Here two rows say the same of two
    small columns, up to rounding in large fixed ones; judged by the small ones alone that is a contradiction, and the
    plan came out "refined", or not at all."""
    rng = np.random.default_rng(seed)
    fixed = rng.uniform(1e7, 1e8, 4)
    matrix = np.array(
        [[*rng.uniform(0.1, 3, 2), 0, 0, 1, -1, 0], [0, 0, *rng.uniform(0.1, 3, 2), 1, -1, 0], [0] * 4 + [1] * 3]
    )
    limit = matrix[:, :4] @ fixed + [0, 0, 9]
    limit += [1, -1, 0] * np.spacing(limit)
    ends = np.array([*fixed, 0, 0, 0]), np.array([*fixed, 9, 9, 9])
    lp = LinearProgram(sparse.csr_array(matrix), limit, limit, *ends, (), np.array([*fixed, 0, 0, 0]), np.ones(7))
    best = solve(lp)
    assert best.grade == "exact"
    assert np.allclose(best.x[4:], [3, 3, 3], atol=1e-6)


@pytest.mark.parametrize("size", [3, 6, 12, 30])
def test_pinned_columns_settle(size):
    """Proves: where rows pin columns at their bounds the active set settles, and the order of the program does not
    show. Taking the rounding of such a column for a crossed bound, the repair went round in circles."""
    for seed in range(20):
        lp = pinned(seed, size)
        best = solve(lp)
        assert best.grade == "exact"
        assert best.certificate.worst("tie") < 1e-10
        rng = np.random.default_rng(seed)
        columns, rows = rng.permutation(lp.lower.size), rng.permutation(lp.row_lower.size)
        again = np.empty(lp.lower.size)
        again[columns] = solve(permuted(lp, columns, rows)).x
        assert np.abs(again - best.x).max() < 1e-3


def test_a_plan_that_was_only_refined_says_so(monkeypatch):
    """Proves: without the exact finish the grade is not "exact", certificate or not."""
    monkeypatch.setattr(module, "_repair", lambda *_: None)
    monkeypatch.setattr(module, "_exchanged", lambda *_: None)
    best = solve(allocation(6, 2, 2, 1, goals=1, seed=1))
    assert (best.finish, best.grade, best.unique) == ("refined", "refined", True)


def test_exchanges_settle_what_signs_do_not(monkeypatch):
    """Proves: from the prices of a linear program and one exchange at a time, without repair, the same plan comes."""
    plans = [solve(lp).x for lp in map(pinned, range(10))]
    monkeypatch.setattr(module, "_repair", lambda *_: None)
    for seed, x in enumerate(plans):
        best = solve(pinned(seed))
        assert best.grade == "exact"
        assert np.abs(best.x - x).max() < 1e-3


@pytest.mark.parametrize("seed", range(40))
def test_a_face_without_room_has_its_closest_plan(seed):
    """Proves: rows that hang together, with multipliers a million times the pull on the money they hold, are no reason
    to refuse a plan. Broken: multipliers whose last digits outweigh a column, or a set of rows that never settles."""
    lp = without_room(seed)
    best = solve(lp)
    assert best.grade == "exact"
    assert way_down(lp, best, best.x) < 1e-6


def test_what_dropped_columns_leave_of_a_limit_is_nothing():
    """Proves: columns that are gone took all of a limit, and their rounding is not left behind as a limit of its own.

    As 6e-17 of 0.3 it is nothing to this row, but it contradicted rows of small columns alone, and plans were refused.
    """
    row = sparse.csr_array([[1.0, 1.0, 1.0, 1.0]])
    gone = np.array([0.1, 0.2])
    ends = np.concatenate([gone, [-5, -5]]), np.concatenate([gone, [5, 5]])
    small = shrink(Region(row, np.full(1, -np.inf), np.full(1, 0.3), *ends), np.full(4, 1e-3))
    assert small.region.row_upper.tolist() == [0.0]
    assert 0.3 - (0.1 + 0.2) != 0.0


@pytest.mark.parametrize("late", [-1.0, 0.05])
def test_the_deadline_holds_inside_the_tie_break(late):
    """Proves: a deadline that is over, or comes while the interior point runs, stops it. It used to be ignored."""
    lp = allocation(200, 20, 6, 2, seed=2)
    start = time.perf_counter()
    with pytest.raises(StoppedError):
        closest(lp.region, lp.weights, lp.target, lp.unit, start + late)
    assert time.perf_counter() - start < late + 2


def test_ctrl_c_stops_the_interior_point(monkeypatch):
    """Proves: an exception in the waiting thread stops the solver and arrives."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(interior, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        solve(allocation(12, 3, 3, 2))
    monkeypatch.undo()
    assert solve(allocation(12, 3, 3, 2)).grade == "exact"
