"""Steps from one program to the next: the same answers as from nothing, in any order, each with its proof."""

from dataclasses import replace

import numpy as np
import pytest

from allocate.optimum.highs import Session, SolverOptions, minimise
from allocate.optimum.infeasible import Infeasible, farkas_gap
from allocate.optimum.lexicographic import solve
from allocate.optimum.walk import Walk
from optimum.instances import allocation, whole_numbers
from optimum.test_leximin import covered


def levels(seed, goals=2, steps=7):
    """One allocation with the guarantee of every space from nothing to 1.9 of what it is, which is nearly all."""
    lp = allocation(10, 3, 3, 2, goals=goals, seed=seed)
    held = np.where(np.isfinite(lp.row_lower), lp.row_lower, 0.0)
    return [replace(lp, row_lower=np.where(held > 0, k * held, lp.row_lower)) for k in np.linspace(0, 1.9, steps)]


def kinds(seed):
    """Programs of one shape that differ in limits, in costs, in coefficients, and in all of them."""
    lp, rng = allocation(8, 3, 3, 2, goals=2, seed=seed), np.random.default_rng(seed)
    matrix = lp.matrix.copy()
    matrix.data = matrix.data * np.where(np.abs(matrix.data) > 1, rng.choice([0.5, 1.0, 2.0], matrix.data.size), 1.0)
    dearer = replace(lp, goals=tuple(replace(g, cost=g.cost * rng.choice([1.0, 2.0], g.cost.size)) for g in lp.goals))
    poorer = replace(lp, row_upper=lp.row_upper * 0.9)
    return [lp, dearer, poorer, replace(lp, matrix=matrix), lp, replace(dearer, matrix=matrix, upper=lp.upper / 2)]


@pytest.mark.parametrize("programs", [levels(0), levels(1), levels(2, goals=1), kinds(3), kinds(4)])
def test_every_step_is_an_optimum_of_its_own_program(programs):
    """Proves: whatever changed on the way there, values are those of a solve from nothing, with a proof against the
    program itself. Broken: a step that keeps the old limits, costs or coefficients has the values of another program."""
    walk = Walk()
    for lp in programs:
        point = walk.step(lp)
        assert point.certificate.ok
        assert np.allclose(point.values, solve(lp).values, rtol=1e-11)


def test_any_order_gives_the_same():
    """Proves: values do not depend on the order of the steps, nor does the nearest plan. Broken: a frontier would change
    when it is drawn from the other end."""
    programs = levels(5, steps=9)
    rng = np.random.default_rng(0)
    found = {}
    for turn in range(3):
        walk, order = Walk(), rng.permutation(9) if turn else np.arange(9)
        for k in order:
            point, plan = walk.step(programs[k]), walk.nearest(programs[k])
            values, x = found.setdefault(int(k), (point.values, plan.x))
            assert np.allclose(point.values, values, rtol=1e-12)
            assert np.abs(plan.x - x).max() < 1e-3  # of rand by the million
    nothing = solve(programs[4])
    assert np.abs(found[4][1] - nothing.x).max() < 1e-3


@pytest.mark.parametrize("seed", range(30))
def test_hostile_programs(seed):
    """Proves: repeated and scaled rows, free, fixed and endless columns, and a program of another shape in between."""
    walk, loose = Walk(), SolverOptions(accept_near_ties=True)
    lp, _ = whole_numbers(seed, scaled=seed % 2 == 1)
    other, _ = whole_numbers(seed + 1)
    wider = replace(lp, upper=lp.upper + 10.0, row_upper=lp.row_upper + 1.0)
    for program in (lp, wider, other, lp):
        wanted = solve(program, loose).values
        assert np.allclose(walk.step(program).values, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_a_session_stands_where_the_solver_says(seed, monkeypatch):
    """Proves: the corner read from which columns are basic is the one of the solver's own list, limit by limit, with
    fixed, free and endless columns; and it is asked once a step whether to stop, however often it was used, or never
    where a step is brief. Broken: the next step begins at another point, and the hundredth takes a hundred times as
    long to ask."""
    brief = seed % 3 > 0
    monkeypatch.setattr("allocate.optimum.highs.BRIEF", 5_000 if brief else 0)
    lp, _ = whole_numbers(seed, scaled=seed % 2 == 1)
    session = Session(lp.region)
    basis = minimise(lp.region, lp.goals[0].sign * lp.goals[0].cost, SolverOptions()).basis
    for times, goal in enumerate((*lp.goals, *lp.goals)):
        found = session.resume(lp.region, goal.sign * goal.cost, basis, primal=times > 0).basis
        told = session.highs.getBasis()
        for mine, theirs, low, high in (
            (found.columns, told.col_status, lp.lower, lp.upper),
            (found.rows, told.row_status, lp.row_lower, lp.row_upper),
        ):
            status = np.array([int(one) for one in theirs], np.int8)
            assert np.array_equal(mine[low < high], status[low < high])
            assert np.array_equal(mine == 1, status == 1)
        basis = found
        assert len(session.highs.cbSimplexInterrupt.callbacks) == (0 if brief else 1)


def test_a_step_without_a_plan_is_proved_and_the_next_goes_on():
    """Proves: limits that conflict are told with weights that prove it on that program's own limits, and do not spoil
    what comes after. Broken: a walk that stops at the first, or goes on from where there was nothing."""
    programs = levels(6, steps=7)
    greedy = replace(programs[3], row_lower=np.where(np.isfinite(programs[3].row_lower), 1e10, -np.inf))
    for first in (True, False):
        walk = Walk()
        if not first:
            walk.step(programs[2])
        with pytest.raises(Infeasible) as caught:
            walk.step(greedy)
        ray = np.zeros(greedy.row_lower.size)
        ray[caught.value.rows] = caught.value.row_weights
        assert farkas_gap(greedy.region, ray) > 0
        assert np.allclose(walk.step(programs[4]).values, solve(programs[4]).values, rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_is_concave_in_a_limit(seed):
    """Proves: no level has more than the line that the prices of any other level draw to it (weak duality), so the
    frontier of a goal to be made large is concave, and its prices are its slopes. Broken: a price of the wrong sign."""
    programs = levels(seed, goals=1, steps=9)
    walk = Walk()
    points = [walk.step(lp) for lp in programs]
    values = np.array([point.values[0] for point in points])
    assert values[-1] < values[0] * 0.999
    assert (np.diff(values, 2) <= 1e-9 * values[0]).all()
    for here, point in zip(programs, points, strict=True):
        held = np.isfinite(here.row_lower)  # the guarantees
        for there, value in zip(programs, values, strict=True):
            moved = (there.row_lower[held] - here.row_lower[held]) @ point.prices[0][held]
            assert value <= point.values[0] + moved + 1e-9 * abs(value)


def test_other_goals_are_refused():
    """Proves: a goal for the worst-off has rounds of its own, and is no step of a walk."""
    lp, goal = covered()
    with pytest.raises(ValueError, match="keep all they have"):
        Walk().step(replace(lp, goals=(goal,)))
