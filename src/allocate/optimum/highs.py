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
Status = NDArray[np.int8]
LOWER, BASIC, UPPER, FREE = range(4)
DUAL, PRIMAL = 1, 4

#: Near a goal of zero HiGHS 1.15.1's interior point goes on for ever; after this many rounds the simplex takes over.
IPM_ITERATIONS = 500
#: Presolve of parallel rows and columns is off: undoing it, HiGHS 1.15.1 prints to standard output.
PARALLEL_RULE = 1 << 13

#: A session goes on from a basis so quickly, in programs of up to so many columns, that a thread would take longer.
BRIEF = 20_000

#: Its type hints come and go between versions.
highspy: Any = _highspy


class NoVertex(AllocateError):
    """The solver found no optimum: it says there is no plan, or no end, or it cannot tell which."""


@dataclass(frozen=True, eq=False)
class Basis:
    """A corner of a program, to start the next solve of its like from: for each column (n,) and row (m,) whether it is
    at its lower limit (0), basic (1), at its upper limit (2), or not basic and without a limit (3)."""

    columns: Status
    rows: Status


@dataclass(frozen=True, eq=False)
class SolverOptions:
    """How to solve. Only ``time_limit``, ``gap`` and ``accept_near_ties`` can change what comes back; without whole
    numbers they never change which plan.

    ``time_limit`` is seconds for everything together; a search in whole numbers that it stops may take as long again
    to prove what it has. ``gap`` is how far from best, as a part of its value, a goal in whole numbers may stay.
    ``threads``, of which only the search in whole numbers makes use (the parallel simplex is slower), and ``start``,
    the basis of an earlier program of the same shape for the first goal, can only change the time it takes.
    ``column_order`` (n,) and ``row_order`` (m,) permute what the solver is handed: tests use them to show that the
    answer does not depend on it. ``accept_near_ties`` lets a plan through that is optimal but perhaps not the only one
    at relative differences between 2e-13 and 1e-8.
    """

    solver: Literal["simplex", "ipx"] = "simplex"
    presolve: bool = True
    seed: int = 0
    time_limit: float = np.inf
    accept_near_ties: bool = False
    column_order: Order | None = None
    row_order: Order | None = None
    threads: int = 1
    start: Basis | None = None
    gap: float = 0.0


@dataclass(frozen=True, eq=False)
class Vertex:
    """A solver's answer: x (n,), its own row duals (m,), its basis, iterations and seconds."""

    x: Vector
    duals: Vector
    basis: Basis
    iterations: int
    seconds: float

    @property
    def basic_columns(self) -> Mask:
        """Which columns (n,) are basic."""
        basic: Mask = self.basis.columns == BASIC
        return basic

    @property
    def basic_rows(self) -> Mask:
        """Which rows (m,) are basic."""
        basic: Mask = self.basis.rows == BASIC
        return basic


def minimise(
    region: Region, cost: Vector, options: SolverOptions, deadline: float = np.inf, feasible: Basis | None = None
) -> Vertex:
    """A basis that minimises cost @ x over the (scaled) region; deadline is on ``time.perf_counter``.

    From a ``feasible`` basis, when there is one, the primal simplex goes on. After a change of the goal alone it is ten
    times faster than the dual, and after a change of the limits, which is what ``options.start`` is for, much slower.
    Raises NoVertex when there is none (``infeasible.explain`` proves why), StoppedError, or ProofError.

    >>> from scipy import sparse
    >>> region = Region(sparse.csr_array([[1.0, 1.0]]), np.ones(1), np.full(1, np.inf), np.zeros(2), np.ones(2))
    >>> minimise(region, np.array([1.0, 2.0]), SolverOptions()).x.tolist()
    [1.0, 0.0]
    """
    if cost.size == 0:
        if (region.row_lower > 0).any() or (region.row_upper < 0).any():
            raise NoVertex("a row asks for something and there are no columns")  # HiGHS calls this model empty
        rows = region.row_lower.size
        return Vertex(np.zeros(0), np.zeros(rows), Basis(np.zeros(0, np.int8), np.ones(rows, np.int8)), 0, 0.0)
    found, says = _attempt(region, cost, options, deadline, feasible)
    if found is not None:
        return found
    if says in _NONE and options.solver == "simplex" and not (options.presolve or options.start or feasible):
        raise NoVertex(says)
    # Further opinions. Interior point called 6 of 8,000 hostile programs infeasible that were not, and may not end; in
    # one that was, of many rows that say nearly the same, the dual simplex lost its way; and in another presolve gave
    # no answer at all.
    plain = replace(options, solver="simplex", presolve=False, start=None)
    others = [plain, replace(plain, solver="ipx")]
    said = [says]
    for other in others[::-1] if says not in _NONE and options.solver == "simplex" else others:
        found, says = _attempt(region, cost, other, deadline)
        if found is not None:
            return found
        said.append(says)
        if says in _NONE and other is plain:
            break
    if none := [says for says in said if says in _NONE]:
        raise NoVertex(none[0])
    raise ProofError(f"the solver ended with status {said[0]!r} and no answer")


_NONE = ("Infeasible", "Unbounded", "Primal infeasible or unbounded")
"""What the solver says when there is no optimum."""


def _attempt(
    region: Region, cost: Vector, options: SolverOptions, deadline: float, feasible: Basis | None = None
) -> tuple[Vertex | None, str]:
    """One solve: its vertex, or what the solver says instead. Raises StoppedError at the deadline."""
    highs = _handed_over(region, cost, options, deadline)
    if feasible is not None or options.start is not None:
        _start(highs, options, feasible)
    seconds = _run(highs)
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return _vertex(highs, options, seconds, *region.matrix.shape), ""
    if status == highspy.HighsModelStatus.kTimeLimit:
        raise StoppedError("the time limit came before a proved answer")
    return None, highs.modelStatusToString(status)


@dataclass(frozen=True, eq=False)
class Found:
    """Whole numbers and the rest (n,), the least cost that the search leaves possible, and whether it was stopped."""

    x: Vector
    bound: float
    stopped: bool
    nodes: int


class NoWhole(AllocateError):
    """The search found no point in whole numbers, or no end."""


def search(
    region: Region,
    cost: Vector,
    integer: Mask,
    options: SolverOptions,
    deadline: float = np.inf,
    known: Vector | None = None,
) -> Found:
    """Whole numbers that minimise cost @ x over the (scaled) region, by tree search; ``known`` (n,) is a first plan.

    Raises NoWhole when there are none, StoppedError when time is up before the first, or ProofError.

    >>> from scipy import sparse
    >>> many = np.full(2, 9.0)
    >>> region = Region(sparse.csr_array([[2.0, 2.0]]), np.full(1, 3.0), np.full(1, np.inf), np.zeros(2), many)
    >>> search(region, np.array([1.0, 3.0]), np.array([True, True]), SolverOptions()).x.tolist()
    [2.0, 0.0]
    """
    highs = _handed_over(region, cost, options, deadline, integer)
    _, column_order = _orders(options, *region.matrix.shape)
    if known is not None:
        solution = highspy.HighsSolution()
        solution.col_value = known[column_order].tolist()
        highs.setSolution(solution)
    _run(highs)
    status, statuses, info = highs.getModelStatus(), highspy.HighsModelStatus, highs.getInfo()
    stopped = status == statuses.kTimeLimit
    if stopped and info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise StoppedError("the time limit came before any plan in whole numbers was found")
    if status in (statuses.kInfeasible, statuses.kUnbounded, statuses.kUnboundedOrInfeasible):
        raise NoWhole(highs.modelStatusToString(status))
    if not (stopped or status == statuses.kOptimal):
        raise ProofError(f"the search ended with status {highs.modelStatusToString(status)!r} and no answer")
    x = np.empty(cost.size)
    x[column_order] = highs.getSolution().col_value
    return Found(x, info.mip_dual_bound, stopped, max(int(info.mip_node_count), 0))


def in_time(deadline: float) -> float:
    """The seconds left until a deadline on ``time.perf_counter``; StoppedError when there are none."""
    left = deadline - time.perf_counter()
    if left <= 0:
        raise StoppedError("the time limit came before a proved answer")
    return left


def _handed_over(
    region: Region, cost: Vector, options: SolverOptions, deadline: float, integer: Mask | None = None
) -> Any:
    rows, columns = region.matrix.shape
    row_order, column_order = _orders(options, rows, columns)
    matrix = region.matrix
    if options.row_order is not None or options.column_order is not None:
        matrix = matrix[row_order][:, column_order]
    by_column = matrix.tocsc()  # as the solver keeps it; it takes twice as long to turn rows into columns
    kinds = np.zeros(columns, bool) if integer is None else integer[column_order]
    highs = highspy.Highs()
    for name, value in _settings(options, in_time(deadline), integer is not None).items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise ValueError(f"the solver refuses {name} = {value!r}")
    passed = highs.passModel(  # whole arrays: attributes of a HighsLp are copied number by number
        columns,
        rows,
        by_column.nnz,
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        cost[column_order],
        region.lower[column_order],
        region.upper[column_order],
        region.row_lower[row_order],
        region.row_upper[row_order],
        by_column.indptr.astype(np.int32, copy=False),
        by_column.indices.astype(np.int32, copy=False),
        by_column.data,
        kinds.astype(np.int32),
    )
    if passed == highspy.HighsStatus.kError:
        raise ProofError("the solver refuses the linear program")
    return highs


def _settings(options: SolverOptions, seconds: float, whole: bool) -> dict[str, object]:
    settings: dict[str, object] = {
        "output_flag": False,
        "threads": options.threads,
        "random_seed": options.seed,
        "solver": options.solver,
        "presolve": "on" if options.presolve else "off",
        "run_crossover": "on",
        "ipm_iteration_limit": IPM_ITERATIONS,
        "presolve_rule_off": PARALLEL_RULE,
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-10,
        "small_matrix_value": 1e-12,
        "time_limit": seconds,
    }
    if options.threads > 1:
        settings["parallel"] = "on"
    if whole:
        settings |= {
            "solver": "choose",
            "mip_rel_gap": options.gap,
            "mip_abs_gap": 0.0,
            "mip_feasibility_tolerance": 1e-9,
        }
    return settings


def _start(highs: Any, options: SolverOptions, feasible: Basis | None) -> None:
    """Make the solver go on from a basis."""
    start = feasible or options.start
    assert start is not None
    rows, columns = highs.getNumRow(), highs.getNumCol()
    if (start.rows.size, start.columns.size) != (rows, columns):
        raise ValueError(
            f"start is the basis of a program with {start.rows.size} rows and {start.columns.size} columns; "
            f"this one has {rows} and {columns}"
        )
    row_order, column_order = _orders(options, rows, columns)
    highs.setBasis(_as_given(start.columns[column_order], start.rows[row_order]))
    highs.setOptionValue("solver", "simplex")
    highs.setOptionValue("simplex_strategy", PRIMAL if feasible else DUAL)


def _as_given(columns: Status, rows: Status) -> Any:
    """The solver's own form of a basis."""
    known, basis = highspy.HighsBasisStatus, highspy.HighsBasis()
    names = (known.kLower, known.kBasic, known.kUpper, known.kZero)
    basis.col_status = [names[status] for status in columns.tolist()]
    basis.row_status = [names[status] for status in rows.tolist()]
    basis.valid = basis.alien = True  # alien: checked, and mended where it is singular
    return basis


def _orders(options: SolverOptions, rows: int, columns: int) -> tuple[Order, Order]:
    return _order(options.row_order, rows), _order(options.column_order, columns)


def _order(given: Order | None, size: int) -> Order:
    """The order given, and after it whatever the program was extended by."""
    given = np.arange(0) if given is None else given
    return np.concatenate([given, np.arange(given.size, size)])


def _run(highs: Any, briefly: bool = False) -> float:
    """Run in a thread; an exception in the waiting thread (Ctrl-C) stops the solver first and then goes on.

    What takes no longer than a thread does to start is run ``briefly``: Ctrl-C waits for its end.
    """
    start = time.perf_counter()
    if briefly:
        highs.run()
        return time.perf_counter() - start
    if not highs.HandleUserInterrupt:  # told twice, it asks twice whether to stop, at every step
        highs.HandleUserInterrupt = True
    worker = highs.startSolve()
    try:
        while worker.is_alive():
            worker.join(0.1)
    except BaseException:
        highs.cancelSolve()
        worker.join()
        raise
    if highs.getModelStatus() in (highspy.HighsModelStatus.kInterrupt, highspy.HighsModelStatus.kHighsInterrupt):
        raise StoppedError("the solver was interrupted before a proved answer")
    return time.perf_counter() - start


def _vertex(highs: Any, options: SolverOptions, seconds: float, rows: int, columns: int) -> Vertex:
    basis, info = highs.getBasis(), highs.getInfo()
    if not basis.valid:
        raise ProofError("the solver gave no basis")
    row_order, column_order = _orders(options, rows, columns)
    x, of_columns, of_rows = np.empty(columns), np.empty(columns, np.int8), np.empty(rows, np.int8)
    solution, duals = highs.getSolution(), np.empty(rows)
    x[column_order], duals[row_order] = solution.col_value, solution.row_dual
    of_columns[column_order] = np.fromiter(map(int, basis.col_status), np.int8, columns)
    of_rows[row_order] = np.fromiter(map(int, basis.row_status), np.int8, rows)
    counts = (info.simplex_iteration_count, info.ipm_iteration_count, info.crossover_iteration_count)
    return Vertex(x, duals, Basis(of_columns, of_rows), sum(max(count, 0) for count in counts), seconds)


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
        self.region, self.cost = region, np.zeros(columns)
        self.highs = _handed_over(region, self.cost, self.options, np.inf)
        self.basis: Basis | None = None  # where the solver stands
        self.given: tuple[Basis, Any] | None = None  # the last basis that it was given, and in its own form

    def minimise(
        self, region: Region, cost: Vector, basic_columns: Mask, basic_rows: Mask, primal: bool = False
    ) -> Vertex:
        """As the function, from a basis that only needs to be as full as the rows allow.

        The dual simplex is for a basis whose prices are right and whose x is not, the primal one for the reverse; the
        primal one does not let a column into the basis that has one value only.
        """
        self._pose(region, cost, primal)
        self._start(basic_columns, basic_rows)
        return self._answer(region, cost)

    def resume(self, region: Region, cost: Vector, basis: Basis, primal: bool = False) -> Vertex:
        """As ``minimise``, from a whole basis: which columns are at their upper bound is known, and stays so.

        A corner that forgets it is another point, and the primal simplex must first find its way back.
        """
        self._go_on(region, cost, basis, primal)
        return self._answer(region, cost)

    def again(self, region: Region, cost: Vector, basis: Basis, primal: bool = False) -> tuple[Vector, Vector]:
        """As ``resume``, but x (n,) and row duals (m,) only."""
        self._go_on(region, cost, basis, primal)
        if self._run():
            solution = self.highs.getSolution()
            return np.array(solution.col_value), np.array(solution.row_dual)
        found = minimise(region, cost, self.options)
        return found.x, found.duals

    def _go_on(self, region: Region, cost: Vector, basis: Basis, primal: bool) -> None:
        self._pose(region, cost, primal)
        if basis is not self.basis:
            if self.given is None or basis is not self.given[0]:
                self.given = basis, _as_given(basis.columns, basis.rows)
            self.highs.setBasis(self.given[1])
            self.given[1].alien = False  # checked now

    def _pose(self, region: Region, cost: Vector, primal: bool) -> None:
        highs, known = self.highs, self.region  # what stays, the solver has: told again, it begins anew
        if not np.array_equal(cost, self.cost):
            highs.changeColsCost(self.columns.size, self.columns, cost)
        if not (np.array_equal(region.lower, known.lower) and np.array_equal(region.upper, known.upper)):
            highs.changeColsBounds(self.columns.size, self.columns, region.lower, region.upper)
        if not (
            np.array_equal(region.row_lower, known.row_lower) and np.array_equal(region.row_upper, known.row_upper)
        ):
            highs.changeRowsBounds(self.rows.size, self.rows, region.row_lower, region.row_upper)
        highs.setOptionValue("simplex_strategy", PRIMAL if primal else DUAL)
        self.region, self.cost = region, cost

    def _run(self) -> bool:
        """Whether the solver finds the best."""
        self.basis, self.seconds = None, _run(self.highs, briefly=self.columns.size <= BRIEF)
        return bool(self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)

    def _answer(self, region: Region, cost: Vector) -> Vertex:
        if self._run():
            return self._vertex(region, self.seconds)
        # A second opinion, from nothing.
        return minimise(region, cost, self.options)

    def _vertex(self, region: Region, seconds: float) -> Vertex:
        """As the function. The solver's list of which limit each is at is read one by one, which takes ten times longer
        than to read which are basic (a row as -1 - its number) and to see which limit the others are at."""
        solution, (_, basic) = self.highs.getSolution(), self.highs.getBasicVariables()
        x, activity = np.array(solution.col_value), np.array(solution.row_value)
        self.basis = Basis(_at(x, region.lower, region.upper), _at(activity, region.row_lower, region.row_upper))
        self.basis.columns[basic[basic >= 0]] = self.basis.rows[-1 - basic[basic < 0]] = BASIC
        iterations = max(self.highs.getInfo().simplex_iteration_count, 0)
        return Vertex(x, np.array(solution.row_dual), self.basis, iterations, seconds)

    def _start(self, basic_columns: Mask, basic_rows: Mask) -> None:
        basic, away = highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kNonbasic
        basis = highspy.HighsBasis()
        basis.col_status = [basic if b else away for b in basic_columns.tolist()]
        basis.row_status = [basic if b else away for b in basic_rows.tolist()]
        basis.valid = True
        basis.alien = bool(basic_columns.sum() + basic_rows.sum() != self.rows.size)
        if self.highs.setBasis(basis) == highspy.HighsStatus.kError:
            raise ProofError("the solver refuses the basis")


def _at(values: Vector, low: Vector, high: Vector) -> Status:
    """The limit that each is at, as in :class:`Basis`: the nearer one, and the lower where both are the same."""
    nearer = np.where(values - low > high - values, UPPER, LOWER)
    return np.where(np.isinf(low) & np.isinf(high), FREE, nearer).astype(np.int8)
