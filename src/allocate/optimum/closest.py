"""The point of a region closest to a target: one answer, whatever route led to the region.

Minimises sum_j w_j (x_j - t_j)^2 / 2. An interior point method comes near (``interior``); the constraints that it leans
on are solved as equations, which is exact, and repaired until every multiplier has the right sign. Where that does not
settle, constraints are exchanged one at a time (``activeset``), which always does. The first are those with a price in
a linear program (``_priced``): where more constraints meet than are needed, the interior point's multipliers do not
say which to take, and prices do, since they come from a basis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from allocate.errors import ProofError
from allocate.optimum.activeset import settled
from allocate.optimum.basis import exact_residual, refined_duals
from allocate.optimum.certificate import Check
from allocate.optimum.dust import without_dust
from allocate.optimum.equations import NOISE, Equations, Point, crossed, pulling
from allocate.optimum.highs import NoVertex, SolverOptions, in_time, minimise
from allocate.optimum.interior import Active, Interior, Problem
from allocate.optimum.linear import Region, Vector
from allocate.optimum.scaling import Scaling, group_maximum, power_of_two

Finish = Literal["exact", "refined"]

#: What "exact" must keep: closeness, in the certificate's own measure.
EXACT = 1e-10
#: Rounds of repair in a row without fewer changes than before, after which it is given up.
PATIENCE = 4
#: Interior point runs.
REFINEMENTS = 3
#: How near the interior point should be before constraints are exchanged one at a time: from further off it takes many.
CLOSE = 1e-2
#: How near to a constraint it touches it.
NEAR = 1e-4


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

    >>> from scipy import sparse
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
        better = interior.improve()
        exact = _repair(problem, interior.active()) if better else None
        if exact is None and (interior.best <= CLOSE or round_ == REFINEMENTS):
            exact = _exchanged(problem, interior, deadline)
        if exact is not None:
            return exact, "exact", round_
    return (interior.x, interior.multipliers), "refined", REFINEMENTS


def _repair(problem: Problem, active: Active) -> Point | None:
    """Solve, release what pulls, add what is crossed, and again, while the changes grow fewer."""
    fewest, patience = active.rows.size + active.columns.size + 1, PATIENCE
    while patience:
        x, multipliers = Equations(problem, active).point(problem.target)
        better = _corrected(problem, active, x, multipliers)
        changes = int((better.rows != active.rows).sum() + (better.columns != active.columns).sum())
        if not changes:
            return _proved(problem, active, x, multipliers)
        fewest, patience = (changes, PATIENCE) if changes < fewest else (fewest, patience - 1)
        active = better
    return None


def _corrected(problem: Problem, active: Active, x: Vector, multipliers: Vector) -> Active:
    """Without what pushes the wrong way, and with what is crossed, both beyond rounding."""
    pulls, over = pulling(problem, active, x, multipliers), crossed(problem, x)
    rows = np.where(pulls[0], 0, np.where(active.rows == 0, np.sign(over[0]), active.rows))
    columns = np.where(pulls[1], 0, active.columns)
    columns = np.where(columns == 0, np.sign(over[1]), columns)
    return Active(rows.astype(np.int8), columns.astype(np.int8))


def _exchanged(problem: Problem, interior: Interior, deadline: float) -> Point | None:
    """Constraints exchanged one at a time, from those with a price."""
    active, point = settled(problem, _priced(problem, interior, deadline), deadline)
    return _proved(problem, active, *point)


def _proved(problem: Problem, active: Active, x: Vector, multipliers: Vector) -> Point | None:
    """The point and its multipliers, brought to their bounds and signs, if the certificate will find no fault."""
    region = problem.region
    x, multipliers = np.clip(x, region.lower, region.upper), _signed(problem, active, multipliers)
    # Large multipliers cancel on columns that weigh little, where 1e-16 of them is a cent: what they leave is computed
    # without rounding, and the point moved by that. Then it depends on which of many multipliers were found no more.
    pull = problem.weights * (x - problem.target)
    free, used = np.flatnonzero(active.columns == 0), np.flatnonzero(multipliers)
    left = np.zeros(x.size)
    left[free] = exact_residual(problem.matrix[used][:, free].T.tocsr(), multipliers[used], pull[free])
    moved, more = Equations(problem, active).point(x - left / problem.weights)
    moved = without_dust(region, np.clip(moved, region.lower, region.upper), problem.unit)
    # What keeps the moved point on its rows belongs to the multipliers, but has no sign where rows repeat each other;
    # and where many cancel on many rows, the last digits of the moved point may be worth more than it was moved by.
    for at, holds in ((moved, multipliers), (moved, _signed(problem, active, multipliers + more)), (x, multipliers)):
        if keeps(problem.check(at), problem.weights, problem.target, holds):
            return at, holds
    return None


def keeps(check: Check, weights: Vector, target: Vector, multipliers: Vector) -> bool:
    """Whether a point and its multipliers keep what an exact finish must."""
    close = check.closest(check.region, weights, target, multipliers).size <= EXACT
    return close and all(residual.ok for residual in check.feasible())


def _signed(problem: Problem, active: Active, multipliers: Vector) -> Vector:
    """Multipliers (m,) without those that rounding left on the wrong side of nothing."""
    signed: Vector = np.where(problem.equal | (active.rows * multipliers > 0), multipliers, 0.0)
    return signed


def _priced(problem: Problem, interior: Interior, deadline: float) -> Active:
    """What the interior point touches and the linear program that finds no way down from there has a price for."""
    touched = interior.touched(NEAR)
    multipliers = _prices(problem, touched, interior.x, deadline)
    if multipliers is None:
        return interior.active()
    push, share = problem.check(interior.x).pushes(problem.weights, problem.target, multipliers)
    rows = np.where(problem.equal | (share > NOISE), touched.rows, 0)
    columns = np.where(np.abs(push) > NOISE, touched.columns, 0)
    return Active(rows.astype(np.int8), columns.astype(np.int8))


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
