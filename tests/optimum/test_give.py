"""A goal that gives: later goals may cost it so much and no more, and prices know it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from allocate.optimum.certificate import certify
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, Leximin
from optimum.instances import allocation
from optimum.test_leximin import covered, twin
from optimum.test_no_plan import program
from optimum.test_whole import mixed

#: Two goals that pull apart over one pool of 10.
APART = program([[1, 1]], [-np.inf], [10], [0, 0], [8, 8], [3, 1], [0, 1], sense="max")


def giving(lp, at=0, **how):
    goals = list(lp.goals)
    goals[at] = replace(goals[at], **how)
    return replace(lp, goals=tuple(goals))


def test_a_hand_calculation():
    """Proves: of a best of 26 the second goal may take 6, or a tenth, or all, and takes it to the last digit."""
    assert solve(APART).x.tolist() == [8, 2]
    best = solve(giving(APART, give=6.0))
    assert np.allclose([*best.values, *best.x], [20, 5, 5, 5], rtol=1e-14)
    assert np.allclose(solve(giving(APART, give_share=0.1)).values, [23.4, 3.3], rtol=1e-14)
    assert np.allclose(solve(giving(APART, give=100.0)).values, [8, 8], rtol=1e-14)
    assert best.grade == "exact"
    assert np.allclose([best.best, best.bound], [26, 5], rtol=1e-14)


def test_the_target_may_use_what_is_given():
    """Proves: what no later goal takes, the closest plan may: without it, the last goal's give would mean nothing."""
    lp = replace(APART, goals=(replace(APART.goals[0], give=4.0),), target=np.array([0.0, 6.0]))
    best = solve(lp)
    assert np.isclose(best.values[0], 22)
    assert np.isclose(best.x.sum(), 10)


def test_giving_nothing_changes_nothing():
    """Proves: give = 0 is the program of always, to the last bit, and takes no row."""
    lp = allocation(8, 2, 3, 2, goals=2, seed=3)
    with_zero = giving(lp, give=0.0, give_share=0.0)
    assert solve(with_zero).x.tobytes() == solve(lp).x.tobytes()
    assert solve(with_zero).plain.row_lower.size == lp.row_lower.size


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize("how", [{"give": 5e5}, {"give_share": 0.03}], ids=str)
def test_values_are_those_of_rows_written_by_hand(how, sense):
    """Proves: best, then the second with a row by hand: the same two values, for goals to be made large or small."""
    lp = allocation(10, 3, 3, 2, bands=False, goals=2, seed=7)
    if sense == "min":
        lp = replace(lp, goals=tuple(Goal(g.name, -g.cost, 5.0, "min") for g in lp.goals))
    best = solve(giving(lp, **how))
    first, second = lp.goals
    top = solve(replace(lp, goals=(first,))).values[0]
    least = top + first.sign * (how.get("give", 0) + how.get("give_share", 0) * abs(top))
    up, low = np.isfinite(lp.row_upper), np.isfinite(lp.row_lower)
    rows = sparse.vstack([lp.matrix[up], -lp.matrix[low], first.sign * sparse.csr_array(first.cost[None, :])])
    limits = np.concatenate([lp.row_upper[up], -lp.row_lower[low], [first.sign * (least - first.offset)]])
    bounds = [*zip(lp.lower, lp.upper, strict=True)]
    found = linprog(second.sign * second.cost, rows, limits, bounds=bounds)
    assert np.isclose(best.values[1], second.sign * found.fun + second.offset, rtol=1e-7)
    assert first.sign * (best.values[0] - least) <= 1e-9 * abs(least)


@pytest.mark.parametrize("how", [{"give": 6.0}, {"give_share": 0.1}, {"give_share": 0.5}], ids=str)
@pytest.mark.parametrize("sense", ["max", "min"])
def test_prices_know_that_what_is_kept_moves(how, sense):
    """Proves: moving the pool moves the best of the first goal, so what the second must leave of it, so the second:
    prices and reduced costs are the whole change, as a re-solve finds it.

    Without the part through the row, the price of the second goal would be off by the price of the row.
    """
    lp = APART
    if sense == "min":
        lp = replace(lp, goals=tuple(Goal(g.name, -g.cost, 1.0, "min") for g in lp.goals))
    lp = giving(lp, **how)
    best, step = solve(lp), 1e-3
    up = solve(replace(lp, row_upper=lp.row_upper + step)).values
    down = solve(replace(lp, row_upper=lp.row_upper - step)).values
    best_up = solve(replace(lp, row_upper=lp.row_upper + step, goals=lp.goals[:1])).answer.given[0].x @ lp.goals[0].cost
    best_now = best.answer.given[0].x @ lp.goals[0].cost
    assert np.isclose(best.prices[1, 0], (up - down)[1] / (2 * step), rtol=1e-6, atol=1e-9)
    assert np.isclose(best.prices[0, 0], (best_up - best_now) / step, rtol=1e-6)
    for column in range(2):
        move = np.eye(2)[column] * step
        changed = (solve(replace(lp, upper=lp.upper + move)).values - solve(replace(lp, upper=lp.upper - move)).values)[
            1
        ]
        assert np.isclose(best.reduced_costs[1, column], changed / (2 * step), rtol=1e-6, atol=1e-9)


def test_prices_of_a_leximin_goal_after_one_that_gives():
    """Proves: more money moves the least share of need in two ways, by what it buys and by the worth that must be kept
    since more could be had; the price is both, as a re-solve finds it."""
    lp, least = covered(4, bands=False)
    lp = replace(lp, goals=(replace(lp.goals[0], give_share=0.02), least))
    best, step, checked = solve(lp), 1e5, 0
    for row in range(lp.row_lower.size):
        side = "row_upper" if np.isfinite(lp.row_upper[row]) else "row_lower"
        moved = []
        for change in (step, -step):
            limit = getattr(lp, side).copy()
            limit[row] += change
            moved.append((solve(replace(lp, **{side: limit})).values - best.values)[1] / change)
        if np.isclose(*moved, rtol=1e-5, atol=1e-16):
            assert np.isclose(best.prices[1, row], moved[0], rtol=1e-4, atol=1e-15)
            checked += abs(moved[0]) > 1e-13
    assert checked >= 3


def test_corrupted_answers_are_refused():
    """Proves: a best that is not best, or belongs to a plan that is none, or that the plan does not keep, is refused;
    so is an answer without it. If its best were a number on trust, a lower one would let later goals take more."""
    lp = giving(allocation(8, 2, 3, 2, goals=2, seed=3), give_share=0.02)
    answer = solve(lp).answer
    given = answer.given[0]
    assert certify(lp, answer).ok
    for witness in (given.x * 0.999, given.x * 1.001, np.roll(given.x, 1), given.x * np.nan, given.x[:-1]):
        assert not certify(lp, replace(answer, given=(replace(given, x=witness),))).ok
    prices = given.prices * 1.001
    assert not certify(lp, replace(answer, given=(replace(given, prices=prices),))).ok
    assert not certify(lp, replace(answer, given=())).ok
    assert not certify(lp, replace(answer, given=(given, given))).ok
    plainly = solve(replace(lp, goals=tuple(replace(goal, give_share=0.0) for goal in lp.goals)))
    assert not certify(lp, plainly.answer).ok
    for cell in np.flatnonzero(answer.x)[:10]:
        x = answer.x.copy()
        x[cell] *= 0.999
        assert not certify(lp, replace(answer, x=x)).ok


def test_several_goals_give_in_turn():
    """Proves: three goals, the first two of which give, and the second the first time keep theirs; the order stays."""
    lp = program([[1, 1, 1]], [-np.inf], [10], [0] * 3, [8] * 3, [3, 1, 0], [0, 2, 1], [0, 0, 1], sense="max")
    lp = giving(giving(lp, give=6.0), at=1, give_share=0.25)
    best = solve(lp)
    assert best.values[0] >= 20 - 1e-12
    assert [stage.name for stage in best.stages if stage.name.startswith("goal")] == ["goal 0", "goal 1", "goal 2"]
    second = solve(replace(lp, goals=lp.goals[:2])).answer.given[1].x @ lp.goals[1].cost
    assert np.isclose(best.values[1], 0.75 * second)
    assert certify(lp, best.answer).ok


@pytest.mark.parametrize("first", [True, False])
def test_beside_a_leximin_goal(first):
    """Proves: the least values may cost a goal before them what it gives; after them it gives nothing back."""
    lp, goal = covered(2)
    worth = replace(lp.goals[0], give_share=0.05)
    best = solve(replace(lp, goals=(worth, goal) if first else (goal, worth)))
    top = solve(lp).values[0]
    if first:
        assert best.values[0] >= 0.95 * top * (1 - 1e-12)
        kept = replace(lp, matrix=sparse.vstack([lp.matrix, sparse.csr_array(worth.cost[None, :])]),
                       row_lower=np.append(lp.row_lower, 0.95 * top), row_upper=np.append(lp.row_upper, np.inf))  # fmt: skip
        assert np.allclose(np.sort(goal.values(best.x)), twin(kept, goal), atol=1e-6)
    else:
        assert np.allclose(np.sort(goal.values(best.x)), twin(lp, goal), atol=1e-6)
    assert isinstance(goal, Leximin)


@pytest.mark.parametrize("seed", range(8))
def test_beside_whole_numbers(seed):
    """Proves: the second goal takes what the first gives over all 64 choices of whole numbers, not only over that which
    is best for the first."""
    lp = mixed(seed)
    best = solve(giving(lp, give=2.0))
    top = solve(replace(lp, goals=lp.goals[:1])).values[0]
    first = lp.goals[0]
    kept = replace(lp, matrix=sparse.vstack([lp.matrix, sparse.csr_array(first.cost[None, :])]),
                   row_lower=np.append(lp.row_lower, top - 2.0 - first.offset), row_upper=np.append(lp.row_upper, np.inf),
                   goals=lp.goals[1:])  # fmt: skip
    assert np.isclose(best.values[1], solve(kept).values[0], atol=1e-7)
    assert best.values[0] >= top - 2.0 - 1e-9
    assert best.grade == "proved"
    assert best.bound.size == best.gap.size == 2
    # the first goal is below its bound because it gave, not because the search stopped
    assert np.isclose(best.bound[0], top)
