"""Which way an optimum can move, and what each goal makes of it: the program of directions, made small.

A direction may not leave a bound that a column is at, nor a limit that a row is at. Most columns are between their
bounds, where they are free to follow: they are eliminated once (a Schur complement on a basis of free columns), and a
small program is left in which moving any limit is moving the right-hand side. Everything is in scaled units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from allocate.errors import ProofError
from allocate.optimum.basis import refined_duals
from allocate.optimum.certificate import ALLOWED, Check
from allocate.optimum.highs import Session, Vertex
from allocate.optimum.linear import LinearProgram, Region, Vector
from allocate.optimum.prices import TIED, relative_duals, restrict
from allocate.optimum.scaling import Scaling, ruiz

#: A row is at a limit when it is this near, as a part of its size: rounding, and what the certificate lets pass.
AT_LIMIT = 1e-11
#: What elimination leaves, as a part of the terms that make it up: below this it is rounding (seen: below 1e-14).
NOISE = 1e-11


@dataclass(frozen=True, eq=False)
class Tangent:
    """Directions in ``region`` (r rows), each goal's cost (goals) to be made small, and k limits that may move.

    When the limit of row ``rows[i]`` of the program moves by one (scaled) unit, row activity moves by column i of
    ``moves`` (r, k), and each goal by ``prices`` (goals, k) before anything in the region moves. ``unit`` brings a
    slope to natural units and to the goal's own sense.
    """

    region: Region
    costs: tuple[Vector, ...]
    rows: NDArray[np.integer[Any]]
    moves: Any
    prices: NDArray[np.float64]
    scale: Vector
    factors: Vector

    def moved(self, place: int, step: float) -> Region:
        """The region with one limit moved."""
        by = step * self.moves[:, [place]].toarray().ravel()
        return replace(self.region, row_lower=self.region.row_lower - by, row_upper=self.region.row_upper - by)

    def unit(self, places: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Natural units (goals, k) of a slope in scaled units."""
        result: NDArray[np.float64] = self.scale[places] / self.factors[:, None]
        return result


def tangent(lp: LinearProgram, x: Vector, prices: Sequence[Vector]) -> Tangent:
    """The tangent program at an optimum x (n,) with its prices (m,) per goal, each in the goal's own sense.

    >>> one = np.ones(1)
    >>> lp = LinearProgram(sparse.csr_array([[2.0]]), -np.inf * one, 6 * one, 0 * one, 9 * one, (), one, one)
    >>> found = tangent(lp, 3 * one, [])
    >>> found.rows.tolist(), found.region.matrix.shape
    ([0], (0, 1))
    """
    scaling = ruiz(lp.region)
    cone, rows = _cone(lp, x, prices, scaling)
    scaling = Scaling(scaling.row[rows], scaling.column, 1.0)
    cone = scaling.region(cone)
    scaled = [scaling.cost(goal.sign * goal.cost) for goal in lp.plain_goals]
    factors = np.array([goal.sign * factor for goal, (_, factor) in zip(lp.goals, scaled, strict=True)])
    return _without_free_columns(cone, [cost for cost, _ in scaled], rows, scaling.row, factors)


def _cone(
    lp: LinearProgram, x: Vector, prices: Sequence[Vector], scaling: Scaling
) -> tuple[Region, NDArray[np.integer[Any]]]:
    """Directions that keep what x is at: bounds and limits it is near, and those that a price says it is at."""
    check, face = Check(lp.region, lp.unit, x), lp.region
    for goal, price in zip(lp.plain_goals, prices, strict=True):
        face = restrict(face, *relative_duals(face, goal.sign * goal.cost, goal.sign * price, scaling))
    near = ALLOWED["bound"] * check.column_size
    low, high = AT_LIMIT * check.row_scale(lp.row_lower), AT_LIMIT * check.row_scale(lp.row_upper)
    at_lower = (x <= lp.lower + near) | (face.upper <= lp.lower)
    at_upper = (x >= lp.upper - near) | (face.lower >= lp.upper)
    row_lower = (check.activity <= lp.row_lower + low) | (face.row_upper <= lp.row_lower)
    row_upper = (check.activity >= lp.row_upper - high) | (face.row_lower >= lp.row_upper)
    rows = np.flatnonzero(row_lower | row_upper)
    cone = Region(
        lp.matrix[rows],
        np.where(row_lower, 0.0, -np.inf)[rows],
        np.where(row_upper, 0.0, np.inf)[rows],
        np.where(at_lower, 0.0, -np.inf),
        np.where(at_upper, 0.0, np.inf),
    )
    return cone, rows


def _without_free_columns(
    cone: Region, costs: Sequence[Vector], rows: NDArray[np.integer[Any]], scale: Vector, factors: Vector
) -> Tangent:
    """Solve the held rows for as many free columns as they can hold; their slacks stay as columns.

    With F the free columns, P the held rows, R the other rows and N the other columns, and a limit that moves by e:
    d_F = A_PF^-1 (e_P + s_P - A_PN d_N), and in R stays (A_RN - W A_PN) d_N + W (e_P + s_P) - e_R, W = A_RF A_PF^-1.
    """
    vertex = _most_free(cone)
    free, held = vertex.basic_columns, ~vertex.basic_rows
    follow = _ratio(cone.matrix[~held][:, free], cone.matrix[held][:, free])
    slack = cone.row_lower[held] < cone.row_upper[held]
    here, there = cone.matrix[~held][:, ~free], cone.matrix[held][:, ~free]
    schur, terms = here - follow @ there, abs(here) + abs(follow) @ abs(there)
    schur = schur.multiply(abs(schur) > NOISE * terms)
    order = np.argsort(np.concatenate([np.flatnonzero(held), np.flatnonzero(~held)]))
    moves = sparse.hstack([follow, -sparse.eye_array(follow.shape[0])]).tocsc()[:, order]
    region = Region(
        sparse.hstack([schur, follow[:, slack]]).tocsr(),
        cone.row_lower[~held],
        cone.row_upper[~held],
        np.concatenate([cone.lower[~free], cone.row_lower[held][slack]]),
        np.concatenate([cone.upper[~free], cone.row_upper[held][slack]]),
    )
    small, prices = [], []
    unit = Scaling(np.ones(held.size), np.ones(free.size), 1.0)
    for cost in costs:
        dual = refined_duals(cone, cost, vertex)
        reduced, relative = relative_duals(cone, cost, dual, unit)
        dual = np.where(np.abs(relative) > TIED, dual, 0.0)
        rest = np.where(np.abs(reduced) > TIED, cost - cone.matrix.T @ dual, 0.0)
        small.append(np.concatenate([rest[~free], dual[held][slack]]))
        prices.append(dual)
    shape = len(costs), held.size
    return Tangent(region, tuple(small), rows, moves, np.array(prices).reshape(shape), scale, factors)


def _most_free(cone: Region) -> Vertex:
    """A basis with as many free columns as the rows can hold, the rest of it rows."""
    free = np.isinf(cone.lower) & np.isinf(cone.upper)
    nothing = np.zeros(free.size)
    vertex = Session(cone).minimise(cone, nothing, free, np.zeros(cone.row_lower.size, bool), primal=True)
    if (vertex.basic_columns & ~free).any():
        raise ProofError("the solver's basis has columns that are not free")
    return vertex


def _ratio(left: Any, basis: Any) -> Any:
    """left @ basis^-1, sparse, refined once, without what is rounding next to the largest entry of its row."""
    if not basis.shape[0] or not left.shape[0]:
        return sparse.csr_array(left.shape)
    wanted, factors = left.toarray().T, linalg.splu(basis.tocsc(), permc_spec="MMD_AT_PLUS_A")
    found = factors.solve(wanted, trans="T")
    found += factors.solve(wanted - basis.T @ found, trans="T")
    largest = np.abs(found).max(axis=0, initial=0.0)
    return sparse.csr_array(np.where(np.abs(found) > NOISE * largest, found, 0.0).T)
