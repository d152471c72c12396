"""Many programs from the corners of one: what it finds is what a solve from nothing finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from allocate.optimum import stages
from allocate.optimum.certificate import duality_bound
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal
from allocate.optimum.resolve import Resolver
from optimum.instances import allocation, whole_numbers

LOOSE = SolverOptions(accept_near_ties=True)


def varied(lp, seed, sd=0.05):
    """The same program with other costs, limits or coefficients, by turns."""
    chance = np.random.default_rng(seed)

    def by(values):
        return values * np.exp(sd * chance.standard_normal(values.shape))

    if seed % 3 == 0:
        return replace(lp, goals=tuple(replace(goal, cost=by(goal.cost)) for goal in lp.goals))
    if seed % 3 == 1:
        return replace(lp, row_upper=np.where(lp.row_upper > 0, by(lp.row_upper) + 0.2 * np.abs(lp.row_upper), 0.0))
    matrix = lp.matrix.copy()
    matrix.data = np.where(matrix.data > 1, by(matrix.data), matrix.data)
    return replace(lp, matrix=matrix)


@pytest.mark.parametrize("goals", [1, 2])
@pytest.mark.parametrize("bands", [True, False])
def test_what_is_found_is_what_a_solve_from_nothing_finds(goals, bands):
    """Proves: with ties and without, one goal and two, whatever figures change, the plan of every what-if is the one
    that a cold solve publishes, in R thousand, and as surely. Broken: a sweep's answer depends on where it started."""
    base = allocation(spaces=9, goals=goals, bands=bands)
    resolver = Resolver(base)
    for seed in range(12):
        lp = varied(base, seed)
        warm, cold = resolver.solve(lp), solve(lp, LOOSE)
        assert warm.grade == cold.grade == "exact"
        assert np.abs((warm.x - cold.x) / lp.unit).max() < 1e-6
        assert np.allclose(warm.values, cold.values, rtol=1e-12)


def test_the_order_of_what_ifs_does_not_matter():
    """Proves: each is solved from the first program, not from the one before. Broken: shuffled, a plan moves."""
    base = allocation(spaces=9, goals=2)
    programs = [varied(base, seed) for seed in range(9)]
    forwards, backwards = Resolver(base), Resolver(base)
    found = [forwards.solve(lp) for lp in programs]
    again = [backwards.solve(lp) for lp in programs[::-1]][::-1]
    for lp, one, other in zip(programs, found, again, strict=True):
        assert np.abs((one.x - other.x) / lp.unit).max() < 1e-6
        assert one.values.tolist() == pytest.approx(other.values.tolist(), rel=1e-13)


def test_values_are_proved_by_weak_duality():
    """Proves: the values of many programs at once are those of each, their plans keep every limit, and their prices say
    that nothing is better, by the certificate's own bound. Broken: a value that its prices do not reach."""
    base = allocation(spaces=9, bands=False)
    programs = [lp for seed in range(12) if (lp := varied(base, seed)).matrix is base.matrix]
    found = Resolver(base).values(programs)
    assert found.proved.all()
    for k, lp in enumerate(programs):
        (goal,) = lp.plain_goals
        assert found.values[k] == pytest.approx(solve(lp, LOOSE).values[0], rel=1e-12)
        assert duality_bound(lp.region, goal, found.prices[:, k]) == pytest.approx(found.values[k], rel=1e-9)
        assert (found.x[:, k] >= lp.lower).all()
        assert (found.x[:, k] <= lp.upper).all()


def test_what_is_not_proved_is_solved_again(monkeypatch):
    """Proves: a plan that is not the best is found by its prices, and the answer is that of a solve from nothing."""
    base = allocation(spaces=4, bands=False)
    programs = [varied(base, 3 * k) for k in range(4)]
    resolver = Resolver(base)
    plan = Resolver._plan
    monkeypatch.setattr(Resolver, "_plan", lambda self, lp: (0.9 * plan(self, lp)[0], plan(self, lp)[1]))
    found = resolver.values(programs)
    assert found.proved.all()
    assert found.values == pytest.approx([solve(lp, LOOSE).values[0] for lp in programs], rel=1e-12)


def test_no_plan_is_told_with_its_proof_and_the_next_goes_on():
    """Proves: limits that conflict are proved on their own figures, and what comes after is not spoiled."""
    base = allocation(spaces=6)
    resolver = Resolver(base)
    greedy = replace(base, row_lower=np.where(np.isfinite(base.row_lower), 1e10, -np.inf))
    for ask in (resolver.solve, lambda lp: resolver.values([lp])):
        with pytest.raises(Infeasible):
            ask(greedy)
    after = varied(base, 3)
    assert np.abs((resolver.solve(after).x - solve(after, LOOSE).x) / after.unit).max() < 1e-6


@pytest.mark.parametrize("seed", range(40))
def test_the_only_plan_is_the_one_that_the_tie_break_finds(seed, monkeypatch):
    """Proves: where the corner is the only optimal plan, taking it is what the search for the nearest finds; and where
    it is not, it is not taken. Broken: a tie that is settled by whoever solved it."""
    lp = whole_numbers(seed, scaled=seed % 2 == 1)[0]
    with_corner = _or_none(lp)
    monkeypatch.setattr(stages.Work, "_alone", lambda self, lp: False)
    searched = _or_none(lp)
    if searched is None:
        assert with_corner is None
    elif searched.grade == "exact":
        assert np.abs((with_corner.x - searched.x) / lp.unit).max() < 1e-7


def test_a_corner_that_is_alone_needs_no_search(monkeypatch):
    """Proves: the test above tests something: with worths that all differ the corner is alone, with equal ones not."""
    searched = []
    nearest = stages.Work._nearest
    monkeypatch.setattr(stages.Work, "_nearest", lambda self, lp: searched.append(1) or nearest(self, lp))
    cost = np.array([3.0, 2.0, 1.0])
    limits = {
        "row_lower": np.full(1, -np.inf),
        "row_upper": np.ones(1),
        "lower": np.zeros(3),
        "upper": np.ones(3) * 0.6,
    }
    base = allocation(spaces=3)
    for worth, expected in ((cost, 0), (np.ones(3), 1)):
        lp = replace(base, matrix=np.ones((1, 3)), goals=(Goal("g", worth, sense="max"),), target=np.zeros(3), unit=np.ones(3), integer=np.zeros(3, bool), **limits)  # fmt: skip
        searched.clear()
        solve(lp)
        assert len(searched) == expected


def _or_none(lp):
    from allocate.errors import AllocateError

    try:
        return solve(lp, LOOSE)
    except AllocateError:
        return None
