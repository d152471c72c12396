"""What a basis says, recomputed from it: duals to the last digit, which tell ties from prices; and its corner."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import linalg

from allocate.errors import ProofError
from allocate.optimum.highs import Status, Vertex
from allocate.optimum.linear import Region, Vector

#: Solves for a point with one factorisation: the first, and one that takes out what it lost.
REFINED = 2


def refined_duals(region: Region, cost: Vector, vertex: Vertex) -> Vector:
    """Row duals (m,) of a basis, by a sparse factorisation with steps of iterative refinement (noise < 1e-13).

    Raises ProofError when the basis is singular.
    """
    return Corner(region, vertex).dual(cost)


class Corner:
    """The point x (n,) of a basis of a region, and the row duals of any cost there, from one factorisation.

    >>> from scipy import sparse
    >>> from allocate.optimum.highs import SolverOptions, minimise
    >>> region = Region(sparse.csr_array([[1.0, 1.0]]), np.ones(1), np.full(1, np.inf), np.zeros(2), np.ones(2))
    >>> corner = Corner(region, minimise(region, np.array([1.0, 2.0]), SolverOptions()))
    >>> corner.x.tolist(), corner.dual(np.array([3.0, 5.0])).tolist()
    ([1.0, 0.0], [3.0])

    Raises ProofError when the basis is singular.
    """

    def __init__(self, region: Region, vertex: Vertex) -> None:
        self.region, self.basis = region, vertex.basis
        self.rows, self.columns = np.flatnonzero(~vertex.basic_rows), np.flatnonzero(vertex.basic_columns)
        if self.columns.size != self.rows.size:
            raise ProofError(f"the solver's basis has {self.columns.size} columns for {self.rows.size} rows")
        self.transposed = region.matrix[self.rows][:, self.columns].T.tocsr()
        if self.columns.size:
            try:
                self.factors = linalg.splu(self.transposed.tocsc())
            except RuntimeError as error:
                raise ProofError("the solver's basis is singular") from error

    @cached_property
    def x(self) -> Vector:
        """The point."""
        region = self.region
        x = _at_bounds(self.basis.columns, region.lower, region.upper)
        limit, held = _at_bounds(self.basis.rows, region.row_lower, region.row_upper), region.matrix[self.rows]
        if self.columns.size:
            for _ in range(REFINED):
                x[self.columns] += self.factors.solve(limit[self.rows] - held @ x, "T")
        return x

    def dual(self, cost: Vector, steps: int = 3) -> Vector:
        """Row duals (m,) of a cost (n,) that is minimised, after so many steps of refinement: three tell ties."""
        dual, wanted = np.zeros(self.basis.rows.size), cost[self.columns]
        if self.columns.size:
            dual[self.rows] = self.factors.solve(wanted)
            for _ in range(steps):
                dual[self.rows] += self.factors.solve(exact_residual(self.transposed, dual[self.rows], wanted))
        return dual


def _at_bounds(status: Status, low: Vector, high: Vector) -> Vector:
    """What is not basic is at its lower (0) or upper (2) bound, or has none and is 0."""
    found: Vector = np.select([status == 0, status == 2], [low, high])
    return found


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
