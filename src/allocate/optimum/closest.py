"""The point of a region closest to a target: one answer, whatever route led to the region.

Minimises sum_j w_j (x_j - t_j)^2 / 2. An interior point method comes near (``interior``); the constraints that it leans
on are solved as equations, which is exact, and repaired until every multiplier has the right sign. Where more
constraints meet than are needed, the interior point's multipliers do not say which to take: the prices of a linear
program do (``_priced``), since they come from a basis.

Source of the repair one constraint at a time: K. Murty, *Note on a Bard-type scheme*, Opsearch 11 (1974).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from allocate.errors import ProofError
from allocate.optimum.basis import exact_residual, refined_duals
from allocate.optimum.certificate import Check
from allocate.optimum.highs import NoVertex, SolverOptions, in_time, minimise
from allocate.optimum.interior import Active, Interior, Problem
from allocate.optimum.linear import Mask, Region, Vector
from allocate.optimum.scaling import Scaling, group_maximum, power_of_two

Finish = Literal["exact", "refined"]

#: A push or a multiplier below this part of its terms is zero, and a row is crossed by more than this part of its size.
#: Each is far above rounding and far below what the certificate allows (1e-8 and 1e-12).
NOISE = 1e-12
CROSSED = 2e-13
#: A bound is crossed by more than this part of the largest row that the column is in: the rows may pin a column at its
#: bound already, and then it misses the bound by their rounding, not by its own.
PINNED = 1e-14
#: What "exact" must keep: closeness, in the certificate's own measure.
EXACT = 1e-10
#: Interior point runs, and rounds of repair after each.
REFINEMENTS = 7
REPAIRS = 12
#: How near to a constraint the point touches it, tried from coarse to fine once the interior point is ten times nearer.
NEAR = (1e-6, 1e-8, 1e-10)
#: Added to the normal equations of the active rows, which may repeat each other; refinement takes it out again. Rows
#: that nearly repeat each other need the smaller one, and lose digits by it.
REGULAR = (1e-10, 1e-13)
#: A system is solved when every row is met to this part of its size, or to ``CROSSED`` and gets no better.
ROUNDING = 2e-16
SYMMETRIC = {"SymmetricMode": True}

type Point = tuple[Vector, Vector]


@dataclass(frozen=True, eq=False)
class Closest:
    """The closest point x (n,), multipliers (m,) with w (x - t) = matrix.T @ m + bounds, and how it was finished.

    ``finish`` is "exact" when the active constraints were solved as equations and every multiplier has its sign;
    "refined" when only the interior point answer is there; the certificate decides whether that is good enough.
    ``rounds`` counts interior runs.
    """

    x: Vector
    multipliers: Vector
    finish: Finish
    rounds: int


def closest(
    region: Region,
    weights: Vector,
    target: Vector,
    unit: Vector,
    deadline: float = np.inf,
    lent: Vector | None = None,
) -> Closest:
    """The closest point of a region that is not empty; weights, target and published unit (n,), natural units.

    ``lent`` (m,) is what columns that were dropped, at their only value, add to the size that rows are judged by.
    Raises StoppedError at the deadline, which is on ``time.perf_counter``.

    >>> matrix = sparse.csr_array([[1.0, 1.0, 1.0]])
    >>> region = Region(matrix, np.full(1, 6.0), np.full(1, 6.0), np.zeros(3), np.full(3, 9.0))
    >>> closest(region, np.ones(3), np.array([0.0, 0.0, 3.0]), np.ones(3)).x.round(9).tolist()
    [1.0, 1.0, 4.0]
    """
    column = power_of_two(1.0 / np.sqrt(weights))
    row = group_maximum(np.abs(region.matrix.data) * column[region.matrix.indices], region.matrix.indptr)
    row = 1.0 / power_of_two(row)
    scaled = Scaling(row, column, 1.0).region(region)
    sizes = np.zeros(row.size) if lent is None else lent * row
    problem = Problem(scaled, weights * column**2, target / column, unit / column, sizes)
    (x, multipliers), finish, rounds = _solve(problem, deadline)
    return Closest(np.clip(x * column, region.lower, region.upper), multipliers * row, finish, rounds)


def _solve(problem: Problem, deadline: float) -> tuple[Point, Finish, int]:
    if problem.matrix.shape[0] == 0:
        return (np.clip(problem.target, problem.region.lower, problem.region.upper), np.zeros(0)), "exact", 0
    interior = Interior(problem, deadline)
    for round_ in range(1, REFINEMENTS + 1):
        in_time(deadline)
        if not interior.improve():
            continue
        exact = _repair(problem, interior.active()) or _priced(problem, interior, deadline)
        if exact is not None:
            return exact, "exact", round_
    return (interior.x, interior.multipliers), "refined", REFINEMENTS


def _equations(problem: Problem, active: Active, target: Vector) -> Point:
    """The point closest to a target of the active constraints taken as equations, and their multipliers."""
    region, matrix = problem.region, problem.matrix
    free, used = np.flatnonzero(active.columns == 0), np.flatnonzero(active.rows)
    at_bound = np.where(active.columns > 0, region.lower, region.upper)
    x = np.where(active.columns == 0, target, at_bound)
    multipliers = np.zeros(matrix.shape[0])
    if not (used.size and free.size):
        return x, multipliers
    limit = np.where(active.rows < 0, region.row_upper, region.row_lower)[used]
    rows = matrix[used]
    inner = rows[:, free]
    back = inner.T.tocsr()
    root = inner @ sparse.diags_array(1 / np.sqrt(problem.weights[free]))
    normal = sparse.csc_matrix(root @ root.T)
    size = np.sqrt(normal.diagonal())
    size[size == 0] = 1.0
    unit = sparse.diags_array(1 / size)
    normal = sparse.csc_matrix(unit @ normal @ unit)
    found, missing, worst, terms = np.zeros(used.size), limit - rows @ x, np.inf, problem.size[used]
    for regular in REGULAR:
        damped = sparse.csc_matrix(normal + regular * sparse.eye_array(used.size))
        factors = linalg.splu(damped, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=SYMMETRIC)
        for _ in range(REPAIRS):
            step = factors.solve(missing / size) / size
            found += step
            x[free] += (back @ step) / problem.weights[free]
            missing = limit - rows @ x
            scale = np.maximum(np.abs(limit), terms @ np.maximum(np.abs(x), problem.unit) + problem.lent[used])
            last, worst = worst, float(np.abs(missing / np.where(scale > 0, scale, 1.0)).max())
            if worst < ROUNDING or (worst < CROSSED and worst > last / 2):
                multipliers[used] = found
                return x, multipliers
    multipliers[used] = found
    return x, multipliers


def _repair(problem: Problem, active: Active) -> Point | None:
    """Solve, release what pulls, add what is crossed, and again; one change at a time when many do not settle."""
    fewest, patience = active.rows.size + active.columns.size + 1, 4
    seen: set[bytes] = set()
    for _ in range(REPAIRS):
        x, multipliers = _equations(problem, active, problem.target)
        better = _corrected(problem, active, x, multipliers)
        changes = np.concatenate([better.columns != active.columns, better.rows != active.rows])
        count = int(np.count_nonzero(changes))
        if not count:
            return _proved(problem, active, x, multipliers)
        fewest, patience = (count, 4) if count < fewest else (fewest, patience - 1)
        if patience < 0:
            changes[np.flatnonzero(changes)[:-1]] = False
        columns, rows = changes[: x.size], changes[x.size :]
        active = Active(
            np.where(rows, better.rows, active.rows).astype(np.int8),
            np.where(columns, better.columns, active.columns).astype(np.int8),
        )
        key = active.rows.tobytes() + active.columns.tobytes()
        if key in seen:
            return None
        seen.add(key)
    return None


def _corrected(problem: Problem, active: Active, x: Vector, multipliers: Vector) -> Active:
    """Without what pushes the wrong way, and with what is crossed, both beyond rounding."""
    region, check = problem.region, problem.check(x)
    push, share = check.pushes(problem.weights, problem.target, multipliers)
    columns, edge = active.columns.copy(), PINNED * np.maximum(check.column_size, _surroundings(problem, check))
    columns[active.columns * push < -NOISE] = 0
    inside = active.columns == 0
    columns[inside & (x < region.lower - edge)] = 1
    columns[inside & (x > region.upper + edge)] = -1
    rows, loose = active.rows.copy(), ~problem.equal
    rows[loose & (active.rows * multipliers < 0) & (share > NOISE)] = 0
    off: Mask = loose & (active.rows == 0)
    rows[off & (check.activity < region.row_lower - CROSSED * check.row_scale(region.row_lower))] = 1
    rows[off & (check.activity > region.row_upper + CROSSED * check.row_scale(region.row_upper))] = -1
    return Active(rows, columns)


def _surroundings(problem: Problem, check: Check) -> Vector:
    """The size of the largest row that each column is in, in the column's own unit."""
    size, rows = problem.size, np.repeat(check.row_size, np.diff(problem.size.indptr))
    return group_maximum((rows / size.data)[problem.by_column], problem.column_starts)


def _proved(problem: Problem, active: Active, x: Vector, multipliers: Vector) -> Point | None:
    """The point and its multipliers, brought to their bounds and signs, if the certificate will find no fault."""
    region = problem.region
    pinned = np.where(x < region.lower, 1, np.where(x > region.upper, -1, active.columns)).astype(np.int8)
    multipliers = np.where(~problem.equal & (active.rows * multipliers <= 0), 0.0, multipliers)
    # Large multipliers cancel on columns that weigh little, where 1e-16 of them is a cent: what they leave is computed
    # without rounding, and the point moved by that. Then it depends on which of many multipliers were found no more.
    pull = problem.weights * (np.clip(x, region.lower, region.upper) - problem.target)
    free, used = np.flatnonzero(pinned == 0), np.flatnonzero(multipliers)
    left = np.zeros(x.size)
    left[free] = exact_residual(problem.matrix[used][:, free].T.tocsr(), multipliers[used], pull[free])
    x, _ = _equations(problem, Active(active.rows, pinned), x - left / problem.weights)
    x = np.clip(x, region.lower, region.upper)
    check = problem.check(x)
    close = check.closest(region, problem.weights, problem.target, multipliers).size <= EXACT
    return (x, multipliers) if close and all(residual.ok for residual in check.feasible()) else None


def _priced(problem: Problem, interior: Interior, deadline: float) -> Point | None:
    """When the signs do not settle: the point is accurate by now, so whatever it touches is active, which gives the
    point; and its multipliers are the prices of the linear program that finds no way down from it."""
    for near in NEAR:
        if interior.best >= near / 10 * max(1.0, np.abs(interior.x).max(initial=0.0)):
            return None
        touched = interior.touched(near)
        x, _ = _equations(problem, touched, problem.target)
        multipliers = _prices(problem, touched, x, deadline)
        if multipliers is None:
            continue
        push, share = problem.check(x).pushes(problem.weights, problem.target, multipliers)
        needed = problem.equal | (share > NOISE)
        active = Active(
            np.where(needed, touched.rows, 0).astype(np.int8),
            np.where(np.abs(push) > NOISE, touched.columns, 0).astype(np.int8),
        )
        exact = _repair(problem, active) or _proved(problem, touched, x, multipliers)
        if exact is not None:
            return exact
    return None


def _prices(problem: Problem, touched: Active, x: Vector, deadline: float) -> Vector | None:
    """Row prices of: the step down the gradient, of at most one in every column, that crosses nothing touched."""
    cost = problem.weights * (x - problem.target)
    largest = np.abs(cost).max(initial=0.0)
    scale = 2.0**12 / float(power_of_two(np.atleast_1d(largest))[0]) if largest > 0 else 1.0
    rows, columns = touched.rows, touched.columns
    tangent = Region(
        problem.matrix,
        np.where(problem.equal | (rows > 0), 0.0, -np.inf),
        np.where(problem.equal | (rows < 0), 0.0, np.inf),
        np.where(columns > 0, 0.0, -1.0),
        np.where(columns < 0, 0.0, 1.0),
    )
    try:
        vertex = minimise(tangent, cost * scale, SolverOptions(presolve=False), deadline)
        return refined_duals(tangent, cost * scale, vertex) / scale
    except (NoVertex, ProofError):
        return None
