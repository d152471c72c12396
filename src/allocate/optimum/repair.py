"""The least that limits must move for a plan to exist, and the share of a rule that could be met everywhere.

Elastic programming: a limit that may move gets two columns, less and more, at a price. The least total price is a
linear program, which the library solves like any other: its optimum is unique and certified. Source: J. W. Chinneck,
*Feasibility and infeasibility in optimization* (2008), chapter 6.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from allocate.errors import NoPlanError, ProofError
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Indices
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram, Vector

#: A move below this part of a published unit is rounding.
STILL = 1e-6
#: How much less a change of the plan counts than a change of a limit, as a root, so that limits move in proportion;
#: where numbers are so far apart that the proof then fails, both count.
FREE = (1e4, 1e2, 0.0)


@dataclass(frozen=True, eq=False)
class Repair:
    """Limits ``rows`` (k,) that move by ``moves`` (k,): up when positive, down when negative; ``cost`` is the price."""

    rows: Indices
    moves: Vector
    cost: float


def bounds_as_rows(lp: LinearProgram) -> tuple[LinearProgram, Indices]:
    """The same program with every bound that is a number other than zero as a row, and the columns of those rows.

    The new rows come after the others.

    >>> limits = np.zeros(0), np.zeros(0), np.array([0.0, 2.0]), np.array([5.0, np.inf])
    >>> lp = LinearProgram(sparse.csr_array((0, 2)), *limits, (), np.zeros(2), np.ones(2))
    >>> rows, columns = bounds_as_rows(lp)
    >>> rows.row_lower.tolist(), rows.row_upper.tolist(), rows.lower.tolist(), columns.tolist()
    ([-inf, 2.0], [5.0, inf], [0.0, -inf], [0, 1])
    """
    low, high = (np.isfinite(bound) & (bound != 0) for bound in (lp.lower, lp.upper))
    columns = np.flatnonzero(low | high)
    identity = sparse.eye_array(lp.lower.size, format="csr")[columns]
    rows = replace(
        lp,
        matrix=sparse.vstack([lp.matrix, identity], format="csr"),
        row_lower=np.concatenate([lp.row_lower, np.where(low, lp.lower, -np.inf)[columns]]),
        row_upper=np.concatenate([lp.row_upper, np.where(high, lp.upper, np.inf)[columns]]),
        lower=np.where(low, -np.inf, lp.lower),
        upper=np.where(high, np.inf, lp.upper),
    )
    return rows, columns


def cheapest(lp: LinearProgram, price: Vector, unit: Vector, deadline: float = np.inf) -> Repair | None:
    """The moves of limits with the least total price that let every row be met; None where no such moves do.

    ``price`` (m,) is what a limit costs to move by one, in natural units; an infinite price is a limit that stands.
    Of equally cheap repairs it is the one that moves limits least, each in proportion to its size; ``unit`` (m,) is the
    published unit of each row. The certificate of the solve proves that a plan exists with the limits moved, and that
    nothing cheaper does, to a ten-thousandth of a published unit where no limit is 1e8 of them. Raises ProofError when
    it fails, StoppedError at the deadline.

    >>> lp = LinearProgram(sparse.csr_array([[1.0], [1.0]]), np.array([-np.inf, 9]), np.array([5, np.inf]),
    ...     np.zeros(1), np.full(1, np.inf), (), np.zeros(1), np.ones(1))
    >>> repair = cheapest(lp, np.array([np.inf, 1.0]), np.ones(2))
    >>> repair.rows.tolist(), repair.moves.tolist(), repair.cost
    ([1], [-4.0], 4.0)
    """
    less = np.flatnonzero(np.isfinite(price) & np.isfinite(lp.row_lower))
    more = np.flatnonzero(np.isfinite(price) & np.isfinite(lp.row_upper))
    moving, sign = np.concatenate([less, more]), np.repeat([-1.0, 1.0], [less.size, more.size])
    if not moving.size:
        return None
    move = sparse.csr_array((-sign, (moving, np.arange(moving.size))), shape=(lp.row_lower.size, moving.size))
    # A column whose unit is the root of its limit's size moves in proportion to that size.
    size = np.sqrt(unit * np.maximum(lp.limit_size, unit))[moving]
    found = _least(lp, move, size, Goal("moves", price[moving]), float((size / unit[moving]).max()), deadline)
    if found is None:
        return None
    moves = np.bincount(moving, sign * found, minlength=lp.row_lower.size)
    rows = np.flatnonzero(np.abs(moves) > STILL * unit)
    return Repair(rows, moves[rows], float(price[moving] @ found))


def moved(lp: LinearProgram, repair: Repair) -> LinearProgram:
    """The program with its limits moved: a floor down, a cap up, what must be equal either way."""
    low, high = lp.row_lower.copy(), lp.row_upper.copy()
    rows, moves = repair.rows, repair.moves
    equal = low[rows] == high[rows]
    low[rows] += np.where(equal | (moves < 0), moves, 0.0)
    high[rows] += np.where(equal | (moves > 0), moves, 0.0)
    return replace(lp, row_lower=low, row_upper=high)


def common_factor(lp: LinearProgram, rows: Indices, side: int, deadline: float = np.inf) -> float | None:
    """The factor nearest 1 by which all limits of ``rows`` on one side can be multiplied so that every row is met.

    ``side`` +1 takes lower limits, for a share of at most 1; -1 upper limits (and what must be equal), for a factor of
    at least 1. None where no factor helps, and where a limit is below zero, since a share of less is more.

    >>> lp = LinearProgram(sparse.csr_array([[1.0], [1.0]]), np.array([-np.inf, 9]), np.array([5, np.inf]),
    ...     np.zeros(1), np.full(1, np.inf), (), np.zeros(1), np.ones(1))
    >>> round(common_factor(lp, np.array([1]), 1), 3), round(common_factor(lp, np.array([0]), -1), 3)
    (0.556, 1.8)
    """
    limit = (lp.row_lower if side > 0 else lp.row_upper)[rows]
    if not np.isfinite(limit).all() or (limit < 0).any() or not limit.any():
        return None
    equal = lp.row_lower[rows] == lp.row_upper[rows]
    low, high = lp.row_lower.copy(), lp.row_upper.copy()
    # In rows of their own: the other limit of a row that has two stays what it is.
    low[rows[equal | (side > 0)]], high[rows[equal | (side < 0)]] = -np.inf, np.inf
    grown = replace(
        lp,
        matrix=sparse.vstack([lp.matrix, lp.matrix[rows]], format="csr"),
        row_lower=np.append(low, np.where(equal | (side > 0), 0.0, -np.inf)),
        row_upper=np.append(high, np.where(equal | (side < 0), 0.0, np.inf)),
    )
    last = low.size + np.arange(rows.size)
    share = sparse.csr_array((-limit, (last, np.zeros(rows.size, int))), shape=(low.size + rows.size, 1))
    least, most = (0.0, 1.0) if side > 0 else (1.0, np.inf)
    goal = Goal("factor", np.ones(1), sense="max" if side > 0 else "min")
    found = _best(grown, share, np.full(1, least), np.full(1, most), np.full(1, 1e-3), goal, deadline)
    return None if found is None else float(found[0])


def _least(lp: LinearProgram, entries: Any, unit: Vector, goal: Goal, wide: float, deadline: float) -> Vector | None:
    """The least moves (k,) through these entries (m, k), whatever plan they leave."""
    low, high = np.zeros(unit.size), np.full(unit.size, np.inf)
    for free in FREE:
        plain = replace(lp, target=np.zeros(lp.unit.size), unit=max(free * wide, 1.0) * lp.unit)
        try:
            return _best(plain, entries, low, high, unit, goal, deadline)
        except ProofError as error:
            failed = error
    raise failed


def _best(
    lp: LinearProgram, entries: Any, lower: Vector, upper: Vector, unit: Vector, goal: Goal, deadline: float
) -> Vector | None:
    """The best values (k,) of k more columns, with these entries (m, k) and a goal over them alone; None if there are
    none. Near ties are let through: the goal is proved to be at its best all the same."""
    here = lp.lower.size
    wider = replace(
        lp,
        matrix=sparse.hstack([lp.matrix, entries], format="csr"),
        lower=np.concatenate([lp.lower, lower]),
        upper=np.concatenate([lp.upper, upper]),
        goals=(replace(goal, cost=np.concatenate([np.zeros(here), goal.cost])),),
        target=np.concatenate([lp.target, np.zeros(lower.size)]),
        unit=np.concatenate([lp.unit, unit]),
        integer=np.concatenate([lp.integer, np.zeros(lower.size, dtype=bool)]),
    )
    options = SolverOptions(time_limit=deadline - time.perf_counter(), accept_near_ties=True)
    try:
        return solve(wider, options).x[here:]
    except NoPlanError:
        return None
