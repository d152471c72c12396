"""The point of a region closest to a target: one answer, whatever route led to the region.

Minimises sum_j w_j (x_j - t_j)^2 / 2. An interior point method comes near (``interior``); the constraints that it leans
on are solved as equations, which is exact, and repaired until every multiplier has the right sign.

Source of the repair one constraint at a time: K. Murty, *Note on a Bard-type scheme*, Opsearch 11 (1974).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from allocate.solve.interior import Active, Interior, Problem
from allocate.solve.linear import Mask, Region, Vector
from allocate.solve.scaling import Scaling, group_maximum, power_of_two

#: A gradient, a bound or a row below this part of its terms is zero.
ZERO = 1e-11
#: Interior point runs, and rounds of repair after each.
REFINEMENTS = 7
REPAIRS = 12
#: Added to the normal equations of the active rows, which may repeat each other; refinement takes it out again.
REGULAR = 1e-10


@dataclass(frozen=True, eq=False)
class Closest:
    """The closest point x (n,), multipliers (m,) with w (x - t) = matrix.T @ m + bounds, and how it was finished.

    ``finish`` is "exact" when the active constraints were solved as equations, "refined" when only the interior
    point answer is there; the certificate decides whether that is good enough. ``rounds`` counts interior runs.
    """

    x: Vector
    multipliers: Vector
    finish: Literal["exact", "refined"]
    rounds: int


def closest(region: Region, weights: Vector, target: Vector) -> Closest:
    """The closest point of a region that is not empty; weights and target (n,), natural units.

    >>> matrix = sparse.csr_array([[1.0, 1.0, 1.0]])
    >>> region = Region(matrix, np.full(1, 6.0), np.full(1, 6.0), np.zeros(3), np.full(3, 9.0))
    >>> closest(region, np.ones(3), np.array([0.0, 0.0, 3.0])).x.round(9).tolist()
    [1.0, 1.0, 4.0]
    """
    column = power_of_two(1.0 / np.sqrt(weights))
    row = group_maximum(np.abs(region.matrix.data) * column[region.matrix.indices], region.matrix.indptr)
    row = 1.0 / power_of_two(row)
    problem = Problem(Scaling(row, column, 1.0).region(region), weights * column**2, target / column)
    x, multipliers, finish, rounds = _solve(problem)
    return Closest(np.clip(x * column, region.lower, region.upper), multipliers * row, finish, rounds)


def _solve(problem: Problem) -> tuple[Vector, Vector, Literal["exact", "refined"], int]:
    if problem.matrix.shape[0] == 0:
        return np.clip(problem.target, problem.region.lower, problem.region.upper), np.zeros(0), "exact", 0
    interior = Interior(problem)
    for round_ in range(1, REFINEMENTS + 1):
        if not interior.improve():
            continue
        exact = _repair(problem, interior.active()) or _touch(problem, interior)
        if exact is not None:
            return *exact, "exact", round_
    return interior.x, interior.multipliers, "refined", REFINEMENTS


def _equations(problem: Problem, active: Active) -> tuple[Vector, Vector]:
    """The closest point of the active constraints taken as equations, and their multipliers."""
    region, matrix = problem.region, problem.matrix
    free, used = np.flatnonzero(active.columns == 0), np.flatnonzero(active.rows)
    at_bound = np.where(active.columns > 0, region.lower, region.upper)
    x = np.where(active.columns == 0, problem.target, at_bound)
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
    damped = sparse.csc_matrix(unit @ normal @ unit + REGULAR * sparse.eye_array(used.size))
    factors = linalg.splu(damped, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    found, missing = np.zeros(used.size), limit - rows @ x
    for _ in range(REPAIRS):
        step = factors.solve(missing / size) / size
        found += step
        x[free] += (back @ step) / problem.weights[free]
        missing = limit - rows @ x
        if np.abs(missing / np.maximum(1.0, np.abs(limit))).max() < 2e-16 or not step.any():
            break
    multipliers[used] = found
    return x, multipliers


def _repair(problem: Problem, active: Active) -> tuple[Vector, Vector] | None:
    """Solve, release what pulls, add what is crossed, and again; one change at a time when many do not settle."""
    fewest, patience = active.rows.size + active.columns.size + 1, 4
    for _ in range(REPAIRS):
        x, multipliers = _equations(problem, active)
        better = _corrected(problem, active, x, multipliers)
        changes = np.concatenate([better.columns != active.columns, better.rows != active.rows])
        count = int(np.count_nonzero(changes))
        if not count:
            return (x, multipliers) if _rows_hold(problem, x) else None
        fewest, patience = (count, 4) if count < fewest else (fewest, patience - 1)
        if patience < 0:
            changes[np.flatnonzero(changes)[:-1]] = False
        columns, rows = changes[: x.size], changes[x.size :]
        active = Active(
            np.where(rows, better.rows, active.rows).astype(np.int8),
            np.where(columns, better.columns, active.columns).astype(np.int8),
        )
    return None


def _corrected(problem: Problem, active: Active, x: Vector, multipliers: Vector) -> Active:
    region, matrix = problem.region, problem.matrix
    pull = problem.weights * (x - problem.target)
    gradient = pull - matrix.T @ multipliers
    small = ZERO * (np.abs(pull) + problem.size.T @ np.abs(multipliers))
    columns, edge = active.columns.copy(), ZERO * np.maximum(1.0, np.abs(x))
    columns[(active.columns > 0) & (gradient < -small)] = 0
    columns[(active.columns < 0) & (gradient > small)] = 0
    inside = active.columns == 0
    columns[inside & (x < region.lower - edge)] = 1
    columns[inside & (x > region.upper + edge)] = -1
    activity, weak = matrix @ x, ZERO * np.abs(multipliers).max(initial=0.0)
    rows, loose = active.rows.copy(), ~problem.equal
    rows[loose & (active.rows > 0) & (multipliers < -weak)] = 0
    rows[loose & (active.rows < 0) & (multipliers > weak)] = 0
    off: Mask = loose & (active.rows == 0)
    rows[off & (activity < region.row_lower - ZERO * problem.lower_size)] = 1
    rows[off & (activity > region.row_upper + ZERO * problem.upper_size)] = -1
    return Active(rows, columns)


def _rows_hold(problem: Problem, x: Vector) -> bool:
    region, activity = problem.region, problem.matrix @ x
    beyond = np.maximum(np.maximum(region.row_lower - activity, activity - region.row_upper), 0.0)
    return bool((beyond <= 1e-12 * (problem.size @ np.abs(x) + 1.0)).all())


def _touch(problem: Problem, interior: Interior, near: float = 1e-6) -> tuple[Vector, Vector] | None:
    """When weak constraints keep the signs from settling: the point is accurate by now, so whatever it touches is
    active; the interior point's multipliers get the smallest change that makes the gradient vanish off the bounds."""
    if interior.best >= near / 10 * max(1.0, np.abs(interior.x).max(initial=0.0)):
        return None
    region, touched = problem.region, interior.touched(near)
    x, _ = _equations(problem, touched)
    size = np.maximum(1.0, np.abs(x))
    inside = ((x >= region.lower - ZERO * size) & (x <= region.upper + ZERO * size)).all()
    if not ((np.abs(x - interior.x) < 10 * near * size).all() and inside and _rows_hold(problem, x)):
        return None
    left = problem.weights * (x - problem.target) - problem.matrix.T @ interior.multipliers
    _, change = _equations(Problem(region, problem.weights, x - left / problem.weights), touched)
    multipliers = interior.multipliers + change
    return (x, multipliers) if _settled(problem, touched, x, multipliers) else None


def _settled(problem: Problem, active: Active, x: Vector, multipliers: Vector, enough: float = 1e-9) -> bool:
    """Whether the gradient vanishes off the bounds and pushes against them elsewhere, to this part of its terms."""
    pull = problem.weights * (x - problem.target)
    terms = np.abs(pull) + problem.size.T @ np.abs(multipliers) + problem.weights
    push = (pull - problem.matrix.T @ multipliers) / terms
    wrong = np.where(active.columns == 0, np.abs(push), -push * active.columns)
    return bool(wrong.max(initial=0.0) <= enough)
