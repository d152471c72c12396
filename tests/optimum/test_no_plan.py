"""When there is no plan, the error names the limits at fault, and numpy has checked the proof."""

import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from allocate.errors import NoPlanError, ProofError, StoppedError
from allocate.optimum import highs
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible, Unbounded, explain, farkas_gap
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram, Region
from optimum.instances import allocation, permuted, whole_numbers

ROUTES = [SolverOptions(solver, presolve) for solver in ("simplex", "ipx") for presolve in (True, False)]


def program(matrix, row_lower, row_upper, lower, upper, *costs, sense="min"):
    goals = tuple(Goal(f"goal {k}", np.array(cost, float), 0.0, sense) for k, cost in enumerate(costs))
    n = len(lower)
    return LinearProgram(
        sparse.csr_array(np.array(matrix, float).reshape(len(row_lower), n)),
        *(np.array(v, float) for v in (row_lower, row_upper, lower, upper)), goals, np.zeros(n), np.ones(n),
    )  # fmt: skip


def members(region, error, without=None):
    """The region of the limits and bounds in a conflict and nothing else, one of them left out if asked."""
    kept = [
        np.full(v.size, end)
        for v, end in zip(
            (region.row_lower, region.row_upper, region.lower, region.upper), (-np.inf, np.inf) * 2, strict=True
        )
    ]
    found = [(0, row, sign) for row, sign in zip(error.rows, error.row_signs, strict=True)]
    found += [(2, column, sign) for column, sign in zip(error.columns, error.column_signs, strict=True)]
    for n, (kind, at, sign) in enumerate(found):
        if n != without:
            kept[kind + (sign < 0)][at] = (region.row_lower, region.row_upper, region.lower, region.upper)[
                kind + (sign < 0)
            ][at]
    return Region(region.matrix, *kept), len(found)


def fits(region):
    """Whether scipy finds a point in the region: its own HiGHS, handed over its own way."""
    low, high = np.isfinite(region.row_lower), np.isfinite(region.row_upper)
    matrix = sparse.vstack([-region.matrix[low], region.matrix[high]])
    limits = np.concatenate([-region.row_lower[low], region.row_upper[high]])
    found = linprog(
        np.zeros(region.lower.size),
        matrix if limits.size else None,
        limits if limits.size else None,
        bounds=np.column_stack([region.lower, region.upper]),
    )
    assert found.status in (0, 2)
    return found.status == 0


def short_of_money(seed=2, size=(6, 2, 3, 2)):
    """An allocation whose guarantees together ask for 1% more than the pools have."""
    lp = allocation(*size, seed=seed)
    spaces, pools = size[:2]
    guarantee = lp.row_lower.copy()
    guarantee[-spaces:] *= 1.01 * lp.row_upper[:pools].sum() / guarantee[-spaces:].sum()
    return replace(lp, row_lower=guarantee)


@pytest.mark.parametrize("options", ROUTES, ids=str)
def test_guarantees_beyond_the_pools_are_named(options):
    """Proves: the error names all guarantees and the pools that cannot pay them, which weights prove, and nothing else.

    Broken: a few guarantees and a shortfall that is not the whole one, or a hundred zero bounds beside them.
    """
    lp = short_of_money()
    with pytest.raises(Infeasible) as caught:
        solve(lp, options)
    error = caught.value
    assert error.kind == "infeasible"
    ray = np.zeros(lp.row_lower.size)
    ray[error.rows] = error.row_weights
    assert farkas_gap(lp.region, ray) == error.gap > 1e-3
    assert set(error.rows) == {0, 1, *range(lp.row_lower.size - 6, lp.row_lower.size)}
    assert error.row_signs.tolist() == [-1, -1, 1, 1, 1, 1, 1, 1]
    assert np.allclose(np.abs(error.row_weights), np.abs(error.row_weights[0]))
    whole, size = members(lp.region, error)
    assert not fits(whole)
    assert all(fits(members(lp.region, error, n)[0]) for n in range(size))


def test_a_conflict_cannot_be_made_smaller():
    """Proves: on 60 hostile programs the limits and bounds named cannot be met, and any one less can, says scipy.

    Broken: limits that have nothing to do with it are named, or one that has is not.
    """
    checked = 0
    for seed in range(60):
        lp = worse(seed)
        if lp is None:
            continue
        with pytest.raises(Infeasible) as caught:
            solve(lp, ROUTES[seed % 4])
        whole, size = members(lp.region, caught.value)
        assert not fits(whole)
        assert all(fits(members(lp.region, caught.value, n)[0]) for n in range(size))
        checked += 1
    assert checked > 30


def test_the_order_of_rows_and_columns_changes_no_conflict():
    """Proves: the deepest conflict is named whatever order the solver is handed. Broken: names depend on luck."""
    lp = short_of_money(3, (8, 3, 3, 2))
    named = set()
    for seed in range(5):
        rng = np.random.default_rng(seed)
        columns, rows = rng.permutation(lp.lower.size), rng.permutation(lp.row_lower.size)
        with pytest.raises(Infeasible) as caught:
            solve(permuted(lp, columns, rows))
        error = caught.value
        named.add((tuple(sorted(rows[error.rows].tolist())), tuple(sorted(columns[error.columns].tolist()))))
    assert len(named) == 1


def test_the_first_of_equally_deep_conflicts_is_named():
    """Proves: of two years short by the same, the first is told, by every route. Broken: one or the other."""
    lp = program(np.eye(2), [5, 5], [9, 9], [0, 0], [3, 3], [1, 1])
    for options in ROUTES:
        with pytest.raises(Infeasible) as caught:
            solve(lp, options)
        assert (caught.value.rows.tolist(), caught.value.columns.tolist()) == ([0], [0])


def test_a_conflict_in_15600_columns_takes_seconds():
    """Proves: a conflict is named in a few solves, however many limits there are. Broken: each limit is a solve."""
    lp = short_of_money(2, (52, 80, 3, 20))
    assert lp.lower.size == 15_600
    start = time.perf_counter()
    with pytest.raises(Infeasible) as caught:
        solve(lp)
    assert time.perf_counter() - start < 10
    assert caught.value.rows.size < 140


def worse(seed):
    """A hostile program with one more row that asks for more than another allows, or None if no row has a limit."""
    lp, _ = whole_numbers(seed, scaled=seed % 2 == 1)
    rows = np.flatnonzero(np.isfinite(lp.row_upper) & (np.diff(lp.matrix.indptr) > 0))
    if not rows.size:
        return None
    matrix = sparse.vstack([lp.matrix, lp.matrix[rows[:1]]])
    low, high = np.append(lp.row_lower, lp.row_upper[rows[0]] + 1.0), np.append(lp.row_upper, np.inf)
    return replace(lp, matrix=matrix, row_lower=low, row_upper=high)


def test_hostile_infeasible_programs_are_proved():
    """Proves: every route says infeasible, with weights that hold in natural units, on 60 random programs."""
    found = 0
    for seed in range(60):
        lp = worse(seed)
        if lp is None:
            continue
        with pytest.raises(Infeasible) as caught:
            solve(lp, ROUTES[seed % 4])
        ray = np.zeros(lp.row_lower.size)
        ray[caught.value.rows] = caught.value.row_weights
        assert farkas_gap(lp.region, ray) > 0
        found += 1
    assert found > 30


@pytest.mark.parametrize("options", ROUTES, ids=str)
def test_an_endless_goal_is_named_with_its_columns(options):
    """Proves: unbounded is told from infeasible, whichever presolve calls it, and names columns and goal."""
    endless = program([[1, -1, 0]], [-np.inf], [4], [0, 0, 0], [np.inf] * 3, [0, 0, 1], [-1, 0, 0])
    with pytest.raises(Unbounded) as caught:
        solve(endless, options)
    assert (caught.value.kind, caught.value.goal) == ("unbounded", "goal 1")
    assert caught.value.columns.tolist() == [0, 1]
    assert np.allclose(caught.value.direction[0], caught.value.direction[1])
    both = program([[1, 1, 0]], [-np.inf], [-1], [0, 0, 0], [np.inf] * 3, [0, 0, -1])
    with pytest.raises(Infeasible):
        solve(both, options)


def test_a_way_without_end_is_short():
    """Proves: of twenty columns that each improve the goal for ever, the fastest is named and no other."""
    endless = program([], [], [], [0] * 20, [np.inf] * 20, -np.arange(1.0, 21.0))
    with pytest.raises(Unbounded) as caught:
        solve(endless)
    assert caught.value.columns.tolist() == [19]


def test_a_proof_that_does_not_hold_is_no_proof():
    """Proves: weights from a wrong solver are found out; a plan exists, so no weights may pass."""
    lp, _ = whole_numbers(5)
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert not farkas_gap(lp.region, rng.normal(size=lp.row_lower.size)) > 0
    with pytest.raises(ProofError):
        Infeasible.from_ray(lp.region, np.ones(lp.row_lower.size))


def test_no_columns_and_no_rows():
    """Proves: HiGHS calls a program without columns "empty" even if a row asks for 1; here that is infeasible."""
    assert solve(program([], [-1], [1], [], [], [])).x.size == 0
    with pytest.raises(Infeasible) as caught:
        solve(program([], [-1, 1], [1, 1], [], [], []))
    assert caught.value.rows.tolist() == [1]
    assert solve(program([], [], [], [0, 2], [5, 9], [1, -1])).x.tolist() == [0, 9]
    assert solve(program([], [], [], [], [], [])).certificate.ok
    with pytest.raises(NoPlanError):
        solve(program([[0, 0]], [1], [2], [0, 0], [1, 1], [1, 1]))


def test_time_limit():
    """Proves: no time gives StoppedError, never a plan of zeros; the limit is for all stages together."""
    lp = allocation(6, 2, 3, 2, goals=2)
    with pytest.raises(StoppedError):
        solve(lp, SolverOptions(time_limit=0.0))
    start = time.perf_counter()
    with pytest.raises(StoppedError):
        solve(allocation(100, 8, 5, 4, goals=2, bands=False), SolverOptions(time_limit=0.02))
    assert time.perf_counter() - start < 5


def test_ctrl_c_arrives_as_keyboard_interrupt():
    """Proves: Ctrl-C arrives, no thread is left behind a few seconds later, and the next solve works."""
    lp = allocation(300, 10, 5, 4, goals=1, bands=False)
    threads = threading.active_count()
    timer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = time.perf_counter()
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            for _ in range(100):
                solve(lp)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, previous)
    while threading.active_count() > threads and time.perf_counter() - start < 5:
        time.sleep(0.01)  # Ctrl-C may land while a solve is being started or joined: it then ends by itself
    assert time.perf_counter() - start < 5
    assert threading.active_count() <= threads
    assert solve(allocation(3, 1, 2, 1)).certificate.ok


def test_other_users_of_the_solver_do_no_harm(capfd):
    """Proves: another library's HiGHS with two threads in this process does not stop ours, and nothing is printed."""
    other = highs.highspy.Highs()
    other.setOptionValue("output_flag", False)
    other.setOptionValue("threads", 2)
    other.run()
    for seed in range(60):
        assert solve(whole_numbers(seed)[0]).certificate.ok
    assert capfd.readouterr() == ("", "")


def test_where_interior_point_does_not_end_the_simplex_takes_over(monkeypatch):
    """Proves: at the limit of rounds another way of solving is asked, and the optimum is that of scipy.

    Broken: the same interior point would be asked once more and stop at the same limit, with no plan and no proof.
    """
    monkeypatch.setattr(highs, "IPM_ITERATIONS", 1)
    rng = np.random.default_rng(0)
    matrix, cost = rng.random((20, 30)), 1 + rng.random(30)
    region = Region(sparse.csr_array(matrix), np.ones(20), np.full(20, np.inf), np.zeros(30), np.full(30, np.inf))
    found = highs.minimise(region, cost, SolverOptions("ipx"))
    assert cost @ found.x == pytest.approx(linprog(cost, -matrix, -np.ones(20)).fun, rel=1e-9)


@pytest.mark.parametrize("step", [10.0, 1e3, 1e4])
def test_a_conflict_is_proved_whose_weights_are_far_apart(step):
    """Proves: of a chain of four, each ``step`` times the one before, the first at least 1 and the last at most a half,
    all six limits are named, though their weights lie ``step ** 4`` apart.

    Broken: the small weights are taken for noise, and neither a plan nor a reason is found.
    """
    matrix = np.diag(np.full(5, step))[:4] - np.eye(5, k=1)[:4]
    ends = np.eye(5)[[0, 4]]
    rows = sparse.csr_array(np.vstack([matrix, ends]))
    low, high = np.r_[np.full(4, -np.inf), 1.0, -np.inf], np.r_[np.zeros(4), np.inf, 0.5]
    region = Region(rows, low, high, np.full(5, -np.inf), np.full(5, np.inf))
    found = explain(region, np.ones(5))
    assert isinstance(found, Infeasible) and found.rows.tolist() == [0, 1, 2, 3, 4, 5]
