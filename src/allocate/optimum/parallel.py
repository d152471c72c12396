"""Rows that limit the same sum, as one row: what a space gets at least and at most, its growth and its decline.

Models state them apart, since each has a reason and a price of its own. A simplex solver takes less time where they are
one row with two limits: its basis has as many columns as there are rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.optimum.highs import BASIC, FREE, LOWER, UPPER, Basis, Status, Vertex
from allocate.optimum.linear import Region, Vector

Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Parallel:
    """The rows (m,) of a matrix as multiples of k rows, none of which is a multiple of another.

    Row i is ``factor[i]`` times row ``of[i]`` of ``matrix`` (k, n); factors are powers of two, so nothing is rounded.
    ``order`` has the rows of a group together, ``starts`` where each begins.
    """

    of: Indices
    factor: Vector
    matrix: Any
    order: Indices = field(init=False)
    starts: Indices = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", np.argsort(self.of, kind="stable"))
        object.__setattr__(self, "starts", np.flatnonzero(np.diff(self.of[self.order], prepend=-1)))

    def merged(self, region: Region) -> Region:
        """The same points, each sum of columns limited once.

        >>> from scipy import sparse
        >>> rows = sparse.csr_array([[1.0, 1.0], [-2.0, -2.0], [1.0, 0.0]])
        >>> no = np.zeros(3)
        >>> region = Region(rows, no + 1, np.array([9.0, 8.0, 3.0]), np.zeros(2), np.full(2, np.inf))
        >>> merged = parallel(rows).merged(replace(region, row_lower=np.array([1.0, -8.0, 1.0])))
        >>> merged.row_lower.tolist(), merged.row_upper.tolist()
        ([1.0, 1.0], [4.0, 3.0])
        """
        low, high = self._limits(region)
        row_lower = np.maximum.reduceat(low[self.order], self.starts) if self.starts.size else low
        row_upper = np.minimum.reduceat(high[self.order], self.starts) if self.starts.size else high
        return replace(region, matrix=self.matrix, row_lower=row_lower, row_upper=row_upper)

    def apart(self, region: Region, vertex: Vertex) -> Vertex:
        """A corner of the merged region as one of the region: of parallel rows, that is at its limit which limits most.

        The others are basic, as many as there are rows more.
        """
        low, high = self._limits(region)
        duals, rows = np.zeros(self.of.size), np.full(self.of.size, BASIC, np.int8)
        at_low, at_high = self._first(low), self._first(-high)
        at = vertex.basis.rows
        held = (low[at_low] == high[at_high]) & ((at == LOWER) | (at == UPPER))  # by either limit: its price says which
        at = np.where(held, np.where(vertex.duals < 0, UPPER, LOWER), at)
        for holder, status, priced in ((at_low, LOWER, vertex.duals > 0), (at_high, UPPER, vertex.duals < 0)):
            duals[holder] += np.where(priced, vertex.duals, 0.0) / self.factor[holder]
            here = holder[at == status]
            rows[here] = np.where(self.factor[here] > 0, status, UPPER + LOWER - status)
        rows[at_low[at == FREE]] = FREE
        return replace(vertex, duals=duals, basis=Basis(vertex.basis.columns, rows))

    def prices(self, region: Region, duals: Vector) -> Vector:
        """The duals (k,) of the merged rows as those of the rows (m,)."""
        nothing: Status = np.zeros(0, np.int8)
        basis = Basis(nothing, np.full(duals.size, BASIC, np.int8))
        return self.apart(region, Vertex(np.zeros(0), duals, basis, 0, 0.0)).duals

    def _limits(self, region: Region) -> tuple[Vector, Vector]:
        """The limits (m,) that each row puts on its sum."""
        ends = region.row_lower / self.factor, region.row_upper / self.factor
        up = self.factor > 0
        return np.where(up, *ends), np.where(up, *ends[::-1])

    def _first(self, limit: Vector) -> Indices:
        """Of every group of parallel rows, the first (k,) whose limit is the highest."""
        if not self.starts.size:
            return self.order
        ordered, group = limit[self.order], self.of[self.order]
        highest = np.flatnonzero(ordered == np.maximum.reduceat(ordered, self.starts)[group])
        found: Indices = self.order[highest[np.diff(group[highest], prepend=-1) > 0]]
        return found


def parallel(matrix: Any) -> Parallel:
    """Which rows of a matrix (CSR) are multiples of each other by a power of two.

    >>> from scipy import sparse
    >>> found = parallel(sparse.csr_array([[1.0, 3.0], [-2.0, -6.0], [1.0, 0.0]]))
    >>> found.of.tolist(), found.factor.tolist()
    ([0, 0, 1], [1.0, -2.0, 1.0])
    """
    rows, lengths, starts = matrix.shape[0], np.diff(matrix.indptr), matrix.indptr[:-1]
    first = np.ones(rows)
    first[lengths > 0] = matrix.data[starts[lengths > 0]]
    shape = matrix.data / np.repeat(first, lengths)
    mantissa, exponent = np.frexp(first)
    mark = np.random.default_rng(0).random(matrix.shape[1])  # rows with other marks differ; those with the same may not
    marks = np.zeros(rows)
    marks[lengths > 0] = np.add.reduceat(shape * mark[matrix.indices], starts[lengths > 0]) if shape.size else 0.0
    keys = np.stack([marks, np.abs(mantissa), lengths.astype(float)])
    _, heads, of = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    head = heads[of.ravel()]
    entry = np.arange(matrix.indptr[-1]) - np.repeat(starts, lengths)
    other = np.repeat(starts[head], lengths) + entry
    same = (matrix.indices == matrix.indices[other]) & (shape == shape[other])
    differ = np.zeros(rows, bool)
    differ[np.repeat(np.arange(rows), lengths)[~same]] = True
    head = np.where(differ, np.arange(rows), head)
    stands, of = np.unique(head, return_inverse=True)
    factor = np.sign(mantissa) * np.sign(mantissa[head]) * np.exp2(exponent - exponent[head])
    return Parallel(of, factor, matrix[stands])
