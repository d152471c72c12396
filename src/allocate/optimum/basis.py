"""The duals and the point of a basis, recomputed to the last digit: ties are told from prices by the duals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse import linalg

from allocate.errors import ProofError
from allocate.optimum.highs import LOWER, UPPER, Status, Vertex
from allocate.optimum.linear import Region, Vector


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


def refined_point(region: Region, vertex: Vertex, steps: int = 2) -> Vector:
    """The point (n,) of a basis, its rows and columns that are not basic at their limits exactly but for rounding.

    Raises ProofError when the basis is singular.

    >>> from scipy import sparse
    >>> from allocate.optimum.highs import SolverOptions, minimise
    >>> region = Region(sparse.csr_array([[3.0]]), np.ones(1), np.full(1, np.inf), np.zeros(1), np.ones(1))
    >>> refined_point(region, minimise(region, np.ones(1), SolverOptions())).tolist()
    [0.3333333333333333]
    """
    columns, rows = np.flatnonzero(vertex.basic_columns), np.flatnonzero(~vertex.basic_rows)
    if columns.size != rows.size:
        raise ProofError(f"the solver's basis has {columns.size} columns for {rows.size} rows")
    x = _at(region.lower, region.upper, vertex.basis.columns)
    if not columns.size:
        return x
    x[columns] = 0.0
    limit = _at(region.row_lower, region.row_upper, vertex.basis.rows)[rows]
    basis, wanted = region.matrix[rows][:, columns], limit - region.matrix[rows] @ x
    try:
        factors = linalg.splu(basis.tocsc())
    except RuntimeError as error:
        raise ProofError("the solver's basis is singular") from error
    x[columns] = factors.solve(wanted)
    for _ in range(steps):
        x[columns] += factors.solve(wanted - basis @ x[columns])
    return x


def _at(low: Vector, high: Vector, status: Status) -> Vector:
    """The limit that each status names; 0 for what is basic or has no limit."""
    named = np.select([status == LOWER, status == UPPER], [low, high], 0.0)
    return np.where(np.isfinite(named), named, 0.0)


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
