"""The one module that knows the solver's name.

It hands HiGHS a minimisation, always (maximising, interior-point row duals come back with the wrong sign), and takes
back a basis; numbers are recomputed from the basis by ``refined_duals``. A solve runs in its own thread: Ctrl-C
stops it and arrives as KeyboardInterrupt, and another library's use of HiGHS with another thread count does no harm.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import highspy as _highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import linalg

from allocate.errors import ProofError, StoppedError
from allocate.solve.infeasible import Infeasible, Unbounded, farkas_gap, ray_is_free
from allocate.solve.linear import Mask, Region, Vector

Order = NDArray[np.integer[Any]]

#: Near a goal of zero HiGHS 1.15.1's interior point goes on for ever; after this many rounds the simplex takes over.
IPM_ITERATIONS = 500
#: Presolve of parallel rows and columns is off: undoing it, HiGHS 1.15.1 prints to standard output.
PARALLEL_RULE = 1 << 13

#: Its type hints come and go between versions.
highspy: Any = _highspy


@dataclass(frozen=True, eq=False)
class SolverOptions:
    """How to solve. Only ``time_limit`` and ``accept_near_ties`` can change what comes back, never which plan.

    ``time_limit`` is seconds for everything together. ``column_order`` (n,) and ``row_order`` (m,) permute what the
    solver is handed: tests use them to show that the answer does not depend on it. ``accept_near_ties`` lets a plan
    through that is optimal but perhaps not the only one at relative differences between 2e-13 and 1e-8.
    """

    solver: Literal["simplex", "ipx"] = "simplex"
    presolve: bool = True
    seed: int = 0
    time_limit: float = np.inf
    accept_near_ties: bool = False
    column_order: Order | None = None
    row_order: Order | None = None


@dataclass(frozen=True, eq=False)
class Vertex:
    """A solver's answer: x (n,), which columns (n,) and rows (m,) are basic, iterations and seconds."""

    x: Vector
    basic_columns: Mask
    basic_rows: Mask
    iterations: int
    seconds: float


def minimise(region: Region, cost: Vector, options: SolverOptions, deadline: float = np.inf) -> Vertex:
    """A basis that minimises cost @ x over the (scaled) region; deadline is on ``time.perf_counter``.

    Raises Infeasible or Unbounded with a proof that numpy has checked, StoppedError, or ProofError.

    >>> from scipy import sparse
    >>> region = Region(sparse.csr_array([[1.0, 1.0]]), np.ones(1), np.full(1, np.inf), np.zeros(2), np.ones(2))
    >>> minimise(region, np.array([1.0, 2.0]), SolverOptions()).x.tolist()
    [1.0, 0.0]
    """
    if cost.size == 0:
        return _without_columns(region)
    highs = _handed_over(region, cost, options, deadline)
    seconds = _run(highs)
    status = highs.getModelStatus()
    statuses = highspy.HighsModelStatus
    if status == statuses.kOptimal:
        return _vertex(highs, options, seconds, *region.matrix.shape)
    if status in (statuses.kInfeasible, statuses.kUnbounded, statuses.kUnboundedOrInfeasible):
        return _explained(region, cost, deadline)
    if status == statuses.kTimeLimit:
        raise StoppedError("the time limit came before a proved answer")
    if status in (statuses.kInterrupt, statuses.kHighsInterrupt):
        raise StoppedError("the solver was interrupted before a proved answer")
    if options.solver == "ipx":
        return minimise(region, cost, replace(options, solver="simplex"), deadline)
    raise ProofError(f"the solver ended with status {highs.modelStatusToString(status)!r} and no answer")


def refined_duals(region: Region, cost: Vector, vertex: Vertex, steps: int = 3) -> Vector:
    """Row duals (m,) of a basis, by a sparse factorisation with steps of iterative refinement (noise < 1e-13).

    Raises ProofError when the basis is singular.
    """
    columns, rows = np.flatnonzero(vertex.basic_columns), np.flatnonzero(~vertex.basic_rows)
    dual = np.zeros(region.matrix.shape[0])
    if columns.size != rows.size:
        raise ProofError(f"the solver's basis has {columns.size} columns for {rows.size} rows")
    if columns.size:
        basis = region.matrix[rows][:, columns].T.tocsr()
        wanted = cost[columns]
        try:
            factors = linalg.splu(basis.tocsc())
        except RuntimeError as error:
            raise ProofError("the solver's basis is singular") from error
        dual[rows] = factors.solve(wanted)
        for _ in range(steps):
            dual[rows] += factors.solve(exact_residual(basis, dual[rows], wanted))
    return dual


def exact_residual(matrix: Any, x: Vector, wanted: Vector) -> Vector:
    """wanted - matrix @ x, each entry rounded once only: refinement with it removes what the factorisation loses.

    Products are split into two doubles (Dekker 1971) and summed without error; matrix is CSR.

    >>> from scipy import sparse
    >>> tenth = sparse.csr_array([[0.1, 0.1, 0.1]])
    >>> exact_residual(tenth, np.ones(3), np.array([0.30000000000000004])).tolist()
    [2.7755575615628914e-17]
    """
    other = x[matrix.indices]
    product = matrix.data * other
    (high, low), (other_high, other_low) = _halves(matrix.data), _halves(other)
    lost = ((high * other_high - product) + high * other_low + low * other_high) + low * other_low
    terms, starts = np.column_stack([-product, -lost]).ravel().tolist(), (2 * matrix.indptr).tolist()
    sums = (math.fsum([b, *terms[i:j]]) for b, i, j in zip(wanted.tolist(), starts, starts[1:], strict=False))
    return np.fromiter(sums, float, wanted.size)


def _halves(values: Vector) -> tuple[Vector, Vector]:
    """Two numbers of 26 bits whose sum is the value."""
    large = values * 134217729.0
    high = large - (large - values)
    return high, values - high


def _handed_over(region: Region, cost: Vector, options: SolverOptions, deadline: float) -> Any:
    rows, columns = region.matrix.shape
    row_order, column_order = _orders(options, rows, columns)
    matrix = region.matrix
    if options.row_order is not None or options.column_order is not None:
        matrix = matrix[row_order][:, column_order].tocsr()
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = rows, columns
    lp.sense_ = highspy.ObjSense.kMinimize
    lp.col_cost_ = cost[column_order]
    lp.col_lower_, lp.col_upper_ = region.lower[column_order], region.upper[column_order]
    lp.row_lower_, lp.row_upper_ = region.row_lower[row_order], region.row_upper[row_order]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_row_, lp.a_matrix_.num_col_ = rows, columns
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data
    highs = highspy.Highs()
    left = deadline - time.perf_counter()
    if left <= 0:
        raise StoppedError("the time limit came before a proved answer")
    settings = {
        "output_flag": False,
        "threads": 1,
        "random_seed": options.seed,
        "solver": options.solver,
        "presolve": "on" if options.presolve else "off",
        "run_crossover": "on",
        "ipm_iteration_limit": IPM_ITERATIONS,
        "presolve_rule_off": PARALLEL_RULE,
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-10,
        "small_matrix_value": 1e-12,
        "time_limit": left,
    }
    for name, value in settings.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise ValueError(f"the solver refuses {name} = {value!r}")
    if highs.passModel(lp) == highspy.HighsStatus.kError:
        raise ProofError("the solver refuses the linear program")
    return highs


def _orders(options: SolverOptions, rows: int, columns: int) -> tuple[Order, Order]:
    row_order = np.arange(rows) if options.row_order is None else options.row_order
    column_order = np.arange(columns) if options.column_order is None else options.column_order
    return row_order, column_order


def _run(highs: Any) -> float:
    """Run in a thread; an exception in the waiting thread (Ctrl-C) stops the solver first and then goes on."""
    start = time.perf_counter()
    highs.HandleUserInterrupt = True
    worker = highs.startSolve()
    try:
        while worker.is_alive():
            worker.join(0.1)
    except BaseException:
        highs.cancelSolve()
        worker.join()
        raise
    return time.perf_counter() - start


def _vertex(highs: Any, options: SolverOptions, seconds: float, rows: int, columns: int) -> Vertex:
    basis, info = highs.getBasis(), highs.getInfo()
    if not basis.valid:
        raise ProofError("the solver gave no basis")
    row_order, column_order = _orders(options, rows, columns)
    basic = highspy.HighsBasisStatus.kBasic
    x, basic_columns, basic_rows = np.empty(columns), np.empty(columns, bool), np.empty(rows, bool)
    x[column_order] = highs.getSolution().col_value
    basic_columns[column_order] = np.fromiter((s == basic for s in basis.col_status), bool, columns)
    basic_rows[row_order] = np.fromiter((s == basic for s in basis.row_status), bool, rows)
    counts = (info.simplex_iteration_count, info.ipm_iteration_count, info.crossover_iteration_count)
    return Vertex(x, basic_columns, basic_rows, sum(max(count, 0) for count in counts), seconds)


def _without_columns(region: Region) -> Vertex:
    """HiGHS calls a model without columns empty, even when a row asks for more than nothing."""
    broken = np.flatnonzero((region.row_lower > 0) | (region.row_upper < 0))
    if broken.size:
        ray = np.zeros(region.row_lower.size)
        ray[broken[0]] = 1.0 if region.row_lower[broken[0]] > 0 else -1.0
        raise Infeasible.from_ray(region, ray)
    return Vertex(np.zeros(0), np.zeros(0, bool), np.ones(region.row_lower.size, bool), 0, 0.0)


def _explained(region: Region, cost: Vector, deadline: float) -> Vertex:
    """Raise Infeasible or Unbounded with a checked proof, found without presolve, which alone can tell them apart.

    When that second solve finds an optimum the first verdict was wrong (interior point: 4 in 4,500 hostile LPs).
    """
    plain = SolverOptions(presolve=False)
    highs = _handed_over(region, cost, plain, deadline)
    seconds = _run(highs)
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return _vertex(highs, plain, seconds, *region.matrix.shape)
    if status == highspy.HighsModelStatus.kTimeLimit:
        raise StoppedError("the time limit came before a proved answer")
    if status == highspy.HighsModelStatus.kInfeasible:
        raise _infeasible(region, highs, deadline)
    if status in (highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        _, found, direction = highs.getPrimalRay()
        minimise(region, np.zeros(cost.size), plain, deadline)  # raises when there is no plan at all
        if found and ray_is_free(region, cost, np.asarray(direction)):
            raise Unbounded.from_direction(np.asarray(direction))
    raise ProofError(f"the solver ended with status {highs.modelStatusToString(status)!r} and no proof of it")


def _infeasible(region: Region, highs: Any, deadline: float) -> Infeasible:
    """The smallest proof to be had: that of an irreducible set within the rows that a first proof names."""
    ray = _farkas_ray(region, highs)
    whole = Infeasible.from_ray(region, ray)
    small = whole.part(region)
    highs = _handed_over(small, np.zeros(small.lower.size), SolverOptions(presolve=False), deadline)
    highs.setOptionValue("iis_strategy", 6)
    highs.setOptionValue("iis_time_limit", 10.0)
    _run(highs)
    _, found = highs.getIis()
    if not (found.valid_ and len(found.row_index_)):
        return whole
    kept = np.zeros(ray.size, bool)
    kept[np.asarray(found.row_index_, dtype=int)] = True
    fewer = replace(
        small,
        row_lower=np.where(kept, small.row_lower, -np.inf),
        row_upper=np.where(kept, small.row_upper, np.inf),
    )
    highs = _handed_over(fewer, np.zeros(small.lower.size), SolverOptions(presolve=False), deadline)
    _run(highs)
    try:
        return Infeasible.from_ray(region, _farkas_ray(fewer, highs))
    except ProofError:
        return whole


def _farkas_ray(region: Region, highs: Any) -> Vector:
    _, found, ray = highs.getDualRay()
    if found:
        for candidate in (np.asarray(ray), -np.asarray(ray)):
            if farkas_gap(region, candidate) > 0:
                return candidate
    raise ProofError("the solver says that no plan exists, but gives no proof that holds")
