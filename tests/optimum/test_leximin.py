"""The worst-off first, then the next: the same values as a twin that solves from scratch, one value at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from allocate.builder import build
from allocate.changes import Case
from allocate.errors import NoPlanError
from allocate.optimum.certificate import certify
from allocate.optimum.infeasible import Infeasible, Unbounded
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Leximin, LinearProgram
from allocate.plan import solve as plan_of
from allocate.read import read_model
from allocate.spec import GoalSpec
from optimum.instances import allocation, whole_numbers
from optimum.test_no_plan import program
from twins import water_filling


def shares(seed, places=6, pools=3):
    """Money from pools to places, and the share of each place's need that it covers; whole numbers, many ties.

    Columns: pool k to place i where it may. Rows: pools. Values: covered share, with what a place had before.
    """
    rng = np.random.default_rng(seed)
    may = rng.random((pools, places)) < 0.6
    need = rng.integers(1, 4, places) * 10.0
    if seed % 3 == 0:
        need[:] = 10.0
    pool = np.kron(np.eye(pools), np.ones(places))
    reach = np.kron(np.ones(pools), np.diag(1.0 / need))
    had = rng.integers(0, 3, places) / 4
    budget = rng.integers(1, 5, pools) * 10.0
    upper = np.where(may.ravel(), rng.choice([5.0, 10.0, np.inf], may.size), 0.0)
    if seed % 4 == 0:
        reach = np.vstack([reach, reach[:2]])
        had = np.concatenate([had, had[:2]])
    n = pools * places
    goal = Leximin("coverage", sparse.csr_array(reach), had)
    target = rng.integers(0, 8, n).astype(float)
    return LinearProgram(
        sparse.csr_array(pool), np.full(pools, -np.inf), budget, np.zeros(n), upper, (goal,), target, np.ones(n)
    )


def twin(lp, goal):
    """Sorted leximin values by max-min rounds; after each, every open value is pushed up alone to see if it is stuck."""
    k, n = goal.matrix.shape
    kept = np.full(k, np.nan)
    while np.isnan(kept).any():
        level = pushed(lp, goal, kept, -np.inf, np.append(np.zeros(n), 1.0))
        alone = [pushed(lp, goal, kept, level, np.append(goal.matrix.toarray()[i], 0.0)) for i in range(k)]
        stuck = np.isnan(kept) & (alone + goal.offset < level + 1e-7)
        assert stuck.any()
        kept[stuck] = level
    return np.sort(kept)


def pushed(lp, goal, kept, level, gain):
    """Most of gain @ (x, t), settled values kept, open ones at least t, and t at least a level."""
    values, offset, rows = goal.matrix.toarray(), goal.offset, lp.matrix.toarray()
    is_open = np.isnan(kept)
    least = np.where(is_open, 0.0, kept - 1e-10)
    up, low = np.isfinite(lp.row_upper), np.isfinite(lp.row_lower)
    left = np.vstack([rows[up], -rows[low], -values])
    t = np.concatenate([np.zeros(up.sum() + low.sum()), is_open])
    right = np.concatenate([lp.row_upper[up], -lp.row_lower[low], offset - least])
    bounds = [*zip(lp.lower, lp.upper, strict=True), (level - 1e-9, None)]
    found = linprog(-gain, np.column_stack([left, t]), right, bounds=bounds)
    assert found.status == 0, found.message
    return -found.fun


@pytest.mark.parametrize("seed", range(40))
def test_values_are_those_of_the_twin(seed):
    """Proves: sorted values equal those of plain max-min rounds with blocking tests by another solver's front end.

    A value settled too early would stay below what it could have; one settled too late would take from a lesser one.
    """
    lp = shares(seed)
    best = solve(lp)
    goal = lp.goals[0]
    assert np.allclose(np.sort(goal.values(best.x)), twin(lp, goal), atol=1e-7)
    assert best.values[0] == goal.values(best.x).min()
    assert best.grade == "exact"


PLACE = st.tuples(st.integers(0, 12), st.integers(1, 9), st.integers(0, 8))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 250), st.lists(PLACE, min_size=1, max_size=9))
def test_one_pool_fills_places_like_water(money, places):
    """Proves: where one pool raises places that share nothing else, each ends where water would: the lowest rise
    together, those that are full stay behind. The twin counts in fractions and knows nothing of linear programs.

    Were a full place to hold back the others, or money to go to one above the level, its value would differ.
    """
    base, cost, room = (np.array(column, float) for column in zip(*places, strict=True))
    n, full = base.size, base + room
    goal = Leximin("water", sparse.diags_array(1 / cost), base)
    limits = np.zeros(1), np.array([float(money)]), np.zeros(n), cost * room
    best = solve(LinearProgram(sparse.csr_array(np.ones((1, n))), *limits, (goal,), np.zeros(n), np.ones(n)))
    twin_of = water_filling(money, *(column.astype(int).tolist() for column in (base, cost, full)))
    assert np.allclose(goal.values(best.x), [float(v) for v in twin_of], rtol=0, atol=1e-10)
    assert best.grade == "exact"


def test_the_worst_off_of_52_spaces(za):
    """Proves: on the shipped model, a leximin goal over spaces is certified, its least value is the max-min of a plain
    linear program by another front end, and the goal that follows costs the worst-off nothing.

    The value is the share of services that households have, service by service and household by household alike.
    Were the rounds cut short, spaces above the least would be left where they happened to be: most have room.
    """
    model = read_model("grant_consolidation")
    share = "sum(in_band, over=[service, band, year]) / sum(band_size, over=[service, band, year])"
    worst_off = GoalSpec(name="worst off", leximin=share, over=("space",))
    first, last = model.goals
    case = Case(model.model_copy(update={"goals": (first, worst_off, last)}), za.select("year", ["2019/20"]))
    plan = plan_of(build(case))
    goal = plan.program.linear.goals[1]
    assert plan.grade == "exact" and goal.matrix.shape[0] == 52
    assert plan.optimum.answer.settled[0].max() > 40
    lp, held = plan.program.linear, plan.program.columns["held_back"].number
    upper = lp.upper.copy()
    upper[held[held >= 0]] = 0.0
    with_t = sparse.hstack([lp.matrix, sparse.csr_array((lp.row_lower.size, 1))]).tocsr()
    size = 1e9  # linprog's tolerances are absolute, and a household is a millionth of a share
    least = sparse.hstack([-size * goal.matrix, np.ones((52, 1))]).tocsr()
    up, low = np.isfinite(lp.row_upper), np.isfinite(lp.row_lower)
    left = sparse.vstack([with_t[up], -with_t[low], least])
    right = np.concatenate([lp.row_upper[up], -lp.row_lower[low], size * goal.offset])
    bounds = [*zip(lp.lower, upper, strict=True), (None, None)]
    found = linprog(-np.append(np.zeros(lp.lower.size), 1.0), left, right, bounds=bounds)
    assert plan.goals["worst off"] == pytest.approx(-found.fun / size, rel=1e-7)
    alone = plan_of(build(replace(case, model=model.model_copy(update={"goals": (first, worst_off)}))))
    assert np.allclose(np.sort(goal.values(plan.x)), np.sort(goal.values(alone.x)), rtol=1e-9)


@pytest.mark.parametrize("seed", range(48))
def test_hostile_programs_agree_with_the_twin(seed):
    """Proves: with repeated and scaled rows, equations, free and fixed columns, values that nothing changes, and other
    goals before and after, one of which gives, the least values are the twin's."""
    lp, _ = whole_numbers(seed, scaled=seed % 2 == 1)
    rng, n = np.random.default_rng(seed), lp.lower.size
    lp = replace(lp, lower=np.maximum(lp.lower, -40), upper=np.minimum(lp.upper, 80))
    values = rng.integers(-1, 3, (int(rng.integers(1, 9)), n)) * (rng.random(n) < 0.4)
    values[: seed % 5 == 0] = 0
    least = Leximin("least", sparse.csr_array(values), rng.integers(-3, 4, len(values)) * 5.0)
    first, second = lp.goals
    second = replace(second, give=3.0 if seed % 4 == 3 else 0.0)
    order = [(least,), (least, second), (second, least), (second, least, first)][seed % 4]
    best = solve(replace(lp, goals=order))
    assert best.grade == "exact"
    if seed % 4 > 1:
        kept = second.kept(solve(replace(lp, goals=(replace(second, give=0.0),))).values[0]) - 1e-9
        rows = sparse.vstack([lp.matrix, sparse.csr_array(second.cost[None, :])])
        lower, upper = np.append(lp.row_lower, kept), np.append(lp.row_upper, np.inf)
        lp = replace(lp, matrix=rows, row_lower=lower, row_upper=upper)
    assert np.allclose(np.sort(least.values(best.x)), twin(lp, least), atol=1e-6)


def test_the_talmud_divides_three_estates():
    """Proves: the nucleolus of the bankruptcy game is the division of the Mishnah (Ketubot 93a).

    R. Aumann, M. Maschler, J. Econ. Theory 36 (1985): claims 100, 200, 300; estates 100, 200, 300. The nucleolus raises
    the least of x(S) - v(S) over all coalitions S, then the next, where v(S) is what the others leave. Awards that are
    only max-min would divide 300 otherwise.
    """
    claims = np.array([100.0, 200.0, 300.0])
    coalitions = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], float)
    table = {100: [100 / 3] * 3, 200: [50, 75, 75], 300: [50, 100, 150]}
    for estate, awards in table.items():
        worth = np.maximum(0, estate - (1 - coalitions) @ claims)
        goal = Leximin("excess", sparse.csr_array(coalitions), -worth)
        lp = program([[1, 1, 1]], [estate], [estate], [0, 0, 0], claims)
        best = solve(replace(lp, goals=(goal,)))
        assert np.allclose(best.x, awards, rtol=1e-14)


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_places_does_not_matter(seed):
    """Proves: places and columns in another order get the same plan. If which value a round settles depended on what
    the solver looks at first, tied places would change fortunes."""
    lp, rng = shares(seed), np.random.default_rng(seed)
    best = solve(lp)
    columns, values = rng.permutation(lp.lower.size), rng.permutation(lp.goals[0].offset.size)
    goal = Leximin("coverage", lp.goals[0].matrix[values][:, columns], lp.goals[0].offset[values])
    sides = lp.row_lower, lp.row_upper, lp.lower[columns], lp.upper[columns]
    again = solve(LinearProgram(lp.matrix[:, columns], *sides, (goal,), lp.target[columns], lp.unit[columns]))
    assert np.abs(again.x - best.x[columns]).max() < 1e-9


def covered(seed=1, places=12, bands=True):
    """An allocation of rand, and the share of its tier 0 need that every place reaches."""
    lp = allocation(places, 3, 3, 2, bands=bands, goals=1, seed=seed)
    spend = places * 9
    reach = spend + np.arange(places * 6).reshape(places, 3, 2)[..., 0]
    need = lp.upper[reach].sum(1)
    values = sparse.csr_array((np.repeat(1 / need, 3), (np.repeat(np.arange(places), 3), reach.ravel())),
                              (places, lp.lower.size))  # fmt: skip
    return lp, Leximin("coverage", values, np.zeros(places))


@pytest.mark.parametrize("first", [True, False])
def test_before_and_after_other_goals(first):
    """Proves: in either place, a leximin goal keeps what goals before it have, and leaves the rest to those after.

    The twin keeps the other goal by a row. Were the face of the first goal lost as the program grows, its value would
    fall; were the steps of a round not kept, the least values would.
    """
    lp, goal = covered()
    other = lp.goals[0]
    best = solve(replace(lp, goals=(goal, other) if first else (other, goal)))
    assert best.grade == "exact"
    alone = twin(lp, goal)
    if first:
        assert np.allclose(np.sort(goal.values(best.x)), alone, atol=1e-7)
        assert best.values[1] <= solve(replace(lp, goals=(other,))).values[0]
    else:
        assert np.isclose(best.values[0], solve(replace(lp, goals=(other,))).values[0], rtol=1e-12)
        kept = replace(lp, matrix=sparse.vstack([lp.matrix, other.cost[None, :]]),
                       row_lower=np.append(lp.row_lower, best.values[0] * (1 - 1e-10)),
                       row_upper=np.append(lp.row_upper, np.inf))  # fmt: skip
        assert np.allclose(np.sort(goal.values(best.x)), twin(kept, goal), atol=1e-6)
    assert best.x.shape == lp.target.shape
    assert best.prices.shape == (2, lp.row_lower.size)
    assert best.plain.lower.size > lp.lower.size


def test_prices_are_those_of_the_least_value():
    """Proves: moving a pool by R1 million changes the least value by its price. Rows that only the rounds need have
    no price to show."""
    lp, goal = covered(3)
    lp = replace(lp, goals=(goal,))
    best, checked = solve(lp), 0
    for row in range(3):
        moved = []
        for step in (1e4, -1e4):
            limit = lp.row_upper.copy()
            limit[row] += step
            moved.append((solve(replace(lp, row_upper=limit)).values[0] - best.values[0]) / step)
        if np.isclose(*moved, rtol=1e-6):
            assert np.isclose(best.prices[0][row], moved[0], rtol=1e-6, atol=1e-18)
            checked += 1
    assert checked


def test_wrong_rounds_and_prices_are_refused():
    """Proves: which values a round settled is a claim, and a wrong one is found out; and so are a plan that takes from
    the worst-off, one wrong price, and rounds that do not fit.

    If the certificate trusted the rounds, a value could be called settled at once and left low.
    """
    refused = 0
    for seed in range(12):
        lp = shares(seed)
        best, rng = solve(lp), np.random.default_rng(seed)
        answer, rounds = best.answer, best.answer.settled[0]
        assert certify(lp, answer).ok
        for _ in range(6):
            wrong, at = rounds.copy(), rng.integers(rounds.size)
            wrong[at] = rng.integers(1, rounds.max() + 1)
            low, high = sorted((rounds[at], wrong[at]))
            if np.abs(answer.levels[low:high]).sum() > 1e-6:  # rounds at one level may settle it either way
                assert not certify(lp, replace(answer, settled=(wrong,))).ok
                refused += 1
        for cell in np.flatnonzero(best.x > 0.5)[:4]:
            x = answer.x.copy()
            x[cell] *= 0.999
            assert not certify(lp, replace(answer, x=x)).ok
        prices = answer.prices.copy()
        prices[0, np.argmax(np.abs(prices[0]))] *= 1.001
        assert not certify(lp, replace(answer, prices=prices)).ok
        for settled in ((), (rounds[:-1],), (rounds + 5,), (rounds * 0,)):
            assert not certify(lp, replace(answer, settled=settled)).ok
    assert refused > 10


def test_no_plan_and_no_end():
    """Proves: with a leximin goal first, rules that conflict and values without end are told in the caller's own rows
    and columns, not in those of the rounds."""
    lp = shares(2)
    endless = replace(lp, row_upper=np.full(3, np.inf), upper=np.full(lp.upper.size, np.inf))
    with pytest.raises(Unbounded) as found:
        solve(endless)
    assert found.value.goal == "coverage, round 1"
    assert (found.value.columns < lp.lower.size).all()
    with pytest.raises(Infeasible) as caught:
        solve(replace(lp, row_lower=np.full(3, 1e3), row_upper=np.full(3, 1e4), upper=np.full(lp.upper.size, 5.0)))
    assert caught.value.rows.size == 1
    with pytest.raises(NoPlanError):
        solve(replace(lp, lower=lp.lower - 9, upper=lp.lower - 8, row_lower=np.zeros(3)))


def test_a_leximin_goal_of_one_value_is_a_plain_goal():
    """Proves: with one value there is one round, and the plan is that of maximising it."""
    lp = allocation(8, 2, 3, 2, seed=2)
    goal = lp.goals[0]
    one = Leximin("worth", sparse.csr_array(goal.cost[None, :]), np.zeros(1))
    plain, rounds = solve(lp), solve(replace(lp, goals=(one,)))
    assert np.abs(plain.x - rounds.x).max() < 1e-3
    assert np.allclose(plain.prices, rounds.prices, rtol=1e-9)
    assert np.allclose(plain.reduced_costs, rounds.reduced_costs, rtol=1e-9, atol=1e-9 * np.abs(goal.cost).max())
