"""The duals of a basis, recomputed to the last digit: ties are told from prices by them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse import linalg

from allocate.errors import ProofError
from allocate.optimum.highs import Vertex
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
