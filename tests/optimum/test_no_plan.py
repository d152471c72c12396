"""When there is no plan, the error names the limits at fault, and numpy has checked the proof."""

import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from allocate.errors import NoPlanError, ProofError, StoppedError
from allocate.optimum import highs
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible, Unbounded, farkas_gap
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram
from optimum.instances import allocation, whole_numbers

ROUTES = [SolverOptions(solver, presolve) for solver in ("simplex", "ipx") for presolve in (True, False)]


def program(matrix, row_lower, row_upper, lower, upper, *costs, sense="min"):
    goals = tuple(Goal(f"goal {k}", np.array(cost, float), 0.0, sense) for k, cost in enumerate(costs))
    n = len(lower)
    return LinearProgram(
        sparse.csr_array(np.array(matrix, float).reshape(len(row_lower), n)),
        *(np.array(v, float) for v in (row_lower, row_upper, lower, upper)), goals, np.zeros(n), np.ones(n),
    )  # fmt: skip


@pytest.mark.parametrize("options", ROUTES, ids=str)
def test_a_guarantee_beyond_the_pools_is_named(options):
    """Proves: the error names the guarantee and the pools that cannot pay it, which weights prove, and nothing else.

    An irreducible set: taking away any one of the rows named leaves a plan.
    """
    lp = allocation(6, 2, 3, 2, seed=2)
    guarantee = lp.row_lower.copy()
    guarantee[-1] = lp.row_upper[:2].sum() * 1.01
    lp = replace(lp, row_lower=guarantee)
    with pytest.raises(Infeasible) as caught:
        solve(lp, options)
    error = caught.value
    assert error.kind == "infeasible"
    ray = np.zeros(lp.row_lower.size)
    ray[error.rows] = error.row_weights
    assert farkas_gap(lp.region, ray) == error.gap > 1e-3
    assert set(error.rows) == {0, 1, lp.row_lower.size - 1}
    assert error.row_signs.tolist() == [-1, -1, 1]
    for row in error.rows:
        low, high = lp.row_lower.copy(), lp.row_upper.copy()
        low[row], high[row] = -np.inf, np.inf
        assert solve(replace(lp, row_lower=low, row_upper=high)).certificate.ok


def test_hostile_infeasible_programs_are_proved():
    """Proves: every route says infeasible, with weights that hold in natural units, on 60 random programs."""
    found = 0
    for seed in range(60):
        lp, _ = whole_numbers(seed, scaled=seed % 2 == 1)
        rows = np.flatnonzero(np.isfinite(lp.row_upper) & (np.diff(lp.matrix.indptr) > 0))
        if not rows.size:
            continue
        matrix = sparse.vstack([lp.matrix, lp.matrix[rows[:1]]])
        low, high = np.append(lp.row_lower, lp.row_upper[rows[0]] + 1.0), np.append(lp.row_upper, np.inf)
        worse = replace(lp, matrix=matrix, row_lower=low, row_upper=high)
        with pytest.raises(Infeasible) as caught:
            solve(worse, ROUTES[seed % 4])
        ray = np.zeros(low.size)
        ray[caught.value.rows] = caught.value.row_weights
        assert farkas_gap(worse.region, ray) > 0
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
