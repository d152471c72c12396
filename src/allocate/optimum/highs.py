"""The one module that knows the solver's name.

It hands HiGHS a minimisation, always (maximising, interior-point row duals come back with the wrong sign), and takes
back a basis; numbers are recomputed from the basis by ``refined_duals``. A solve runs in its own thread: Ctrl-C
stops it and arrives as KeyboardInterrupt, and another library's use of HiGHS with another thread count does no harm.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import highspy as _highspy
import numpy as np
from numpy.typing import NDArray

from allocate.errors import AllocateError, ProofError, StoppedError
from allocate.optimum.linear import Mask, Region, Vector

Order = NDArray[np.integer[Any]]

#: Near a goal of zero HiGHS 1.15.1's interior point goes on for ever; after this many rounds the simplex takes over.
IPM_ITERATIONS = 500
#: Presolve of parallel rows and columns is off: undoing it, HiGHS 1.15.1 prints to standard output.
PARALLEL_RULE = 1 << 13

#: Its type hints come and go between versions.
highspy: Any = _highspy


class NoVertex(AllocateError):
    """The solver found no optimum: it says there is no plan, or no end, or it cannot tell which."""


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

    Raises NoVertex when there is none (``infeasible.explain`` proves why), StoppedError, or ProofError.

    >>> from scipy import sparse
    >>> region = Region(sparse.csr_array([[1.0, 1.0]]), np.ones(1), np.full(1, np.inf), np.zeros(2), np.ones(2))
    >>> minimise(region, np.array([1.0, 2.0]), SolverOptions()).x.tolist()
    [1.0, 0.0]
    """
    if cost.size == 0:
        if (region.row_lower > 0).any() or (region.row_upper < 0).any():
            raise NoVertex("a row asks for something and there are no columns")  # HiGHS calls this model empty
        return Vertex(np.zeros(0), np.zeros(0, bool), np.ones(region.row_lower.size, bool), 0, 0.0)
    highs = _handed_over(region, cost, options, deadline)
    seconds = _run(highs)
    status = highs.getModelStatus()
    statuses = highspy.HighsModelStatus
    if status == statuses.kOptimal:
        return _vertex(highs, options, seconds, *region.matrix.shape)
    if status == statuses.kTimeLimit:
        raise StoppedError("the time limit came before a proved answer")
    if status in (statuses.kInterrupt, statuses.kHighsInterrupt):
        raise StoppedError("the solver was interrupted before a proved answer")
    if options.solver != "simplex" or options.presolve:
        # A second opinion: interior point called 6 of 8,000 hostile programs infeasible that were not.
        return minimise(region, cost, replace(options, solver="simplex", presolve=False), deadline)
    words = highs.modelStatusToString(status)
    if status in (statuses.kInfeasible, statuses.kUnbounded, statuses.kUnboundedOrInfeasible):
        raise NoVertex(words)
    raise ProofError(f"the solver ended with status {words!r} and no answer")


def in_time(deadline: float) -> float:
    """The seconds left until a deadline on ``time.perf_counter``; StoppedError when there are none."""
    left = deadline - time.perf_counter()
    if left <= 0:
        raise StoppedError("the time limit came before a proved answer")
    return left


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
    left = in_time(deadline)
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


class Session:
    """One matrix handed over once and minimised again and again, with other costs and limits, each from a basis.

    >>> from scipy import sparse
    >>> region = Region(sparse.csr_array([[1.0, 1.0]]), np.ones(1), np.full(1, np.inf), np.zeros(2), np.ones(2))
    >>> session = Session(region)
    >>> first = session.minimise(region, np.array([1.0, 2.0]), np.zeros(2, bool), np.ones(1, bool))
    >>> more = replace(region, row_lower=np.array([1.5]))
    >>> session.minimise(more, np.array([1.0, 2.0]), first.basic_columns, first.basic_rows).x.tolist()
    [1.0, 0.5]
    """

    def __init__(self, region: Region) -> None:
        rows, columns = region.matrix.shape
        self.rows, self.columns = np.arange(rows, dtype=np.int32), np.arange(columns, dtype=np.int32)
        self.options = SolverOptions(presolve=False)
        self.highs = _handed_over(region, np.zeros(columns), self.options, np.inf)

    def minimise(
        self, region: Region, cost: Vector, basic_columns: Mask, basic_rows: Mask, primal: bool = False
    ) -> Vertex:
        """As the function, from a basis that only needs to be as full as the rows allow.

        The dual simplex is for a basis whose prices are right and whose x is not, the primal one for the reverse; the
        primal one does not let a column into the basis that has one value only.
        """
        highs = self.highs
        highs.changeColsCost(self.columns.size, self.columns, cost)
        highs.changeColsBounds(self.columns.size, self.columns, region.lower, region.upper)
        highs.changeRowsBounds(self.rows.size, self.rows, region.row_lower, region.row_upper)
        highs.setOptionValue("simplex_strategy", 4 if primal else 1)
        self._start(basic_columns, basic_rows)
        seconds = _run(highs)
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            return _vertex(highs, self.options, seconds, self.rows.size, self.columns.size)
        if status in (highspy.HighsModelStatus.kInterrupt, highspy.HighsModelStatus.kHighsInterrupt):
            raise StoppedError("the solver was interrupted before a proved answer")
        # A second opinion, from nothing.
        return minimise(region, cost, self.options)

    def _start(self, basic_columns: Mask, basic_rows: Mask) -> None:
        basic, away = highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kNonbasic
        basis = highspy.HighsBasis()
        basis.col_status = [basic if b else away for b in basic_columns.tolist()]
        basis.row_status = [basic if b else away for b in basic_rows.tolist()]
        basis.valid = True
        basis.alien = bool(basic_columns.sum() + basic_rows.sum() != self.rows.size)
        if self.highs.setBasis(basis) == highspy.HighsStatus.kError:
            raise ProofError("the solver refuses the basis")
