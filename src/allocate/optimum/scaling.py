"""Powers of two that bring every number near one.

HiGHS's tolerances are absolute: in rand a plan that loses 3e-6 of the goal passes as optimal. Powers of two
change no digit, so nothing is rounded on the way in or out.

Source: D. Ruiz, *A scaling algorithm to equilibrate both rows and columns norms in matrices*, RAL-TR-2001-034.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.optimum.linear import Region, Vector

#: The largest row limit and the largest cost become about this; tolerances of 1e-9 are then 6e-14 and 2e-14 of them.
LARGEST_LIMIT = 2.0**14
LARGEST_COST = 2.0**12


def power_of_two(values: Vector) -> Vector:
    """The power of two nearest each value, in logarithm; 1 for zero.

    >>> power_of_two(np.array([0.9, 3.0, 1000.0, 0.0])).tolist()
    [1.0, 4.0, 1024.0, 1.0]
    """
    size = np.abs(values)
    logs = np.log2(np.where(size > 0, size, 1.0))
    result: Vector = np.exp2(np.round(logs))
    return result


def group_maximum(values: Vector, starts: NDArray[np.integer[Any]]) -> Vector:
    """Largest value of every group of a compressed array (0 for an empty one); starts is its (groups + 1,) pointer.

    >>> group_maximum(np.array([1.0, 5.0, 2.0]), np.array([0, 2, 2, 3])).tolist()
    [5.0, 0.0, 2.0]
    """
    result = np.zeros(starts.size - 1)
    filled = np.flatnonzero(np.diff(starts))
    if filled.size:
        result[filled] = np.maximum.reduceat(values, starts[filled])
    return result


@dataclass(frozen=True, eq=False)
class Scaling:
    """Scaled matrix = row * matrix * column; scaled x = x / (column * size); scaled limit = limit * row / size.

    ``kept`` is a matrix and what it is in scaled units, for who scales regions of one matrix again and again.
    """

    row: Vector
    column: Vector
    size: float
    kept: tuple[Any, Any] | None = None

    def keeping(self, matrix: Any) -> Scaling:
        """The same, which has this matrix in scaled units at hand."""
        return replace(self, kept=(matrix, self._scaled(matrix)))

    def matrix(self, matrix: Any) -> Any:
        """A matrix in scaled units."""
        known, scaled = self.kept or (None, None)
        return scaled if known is matrix else self._scaled(matrix)

    def region(self, region: Region) -> Region:
        """The same set of points in scaled units; exact."""
        matrix = self.matrix(region.matrix)
        row, column = self.row / self.size, self.column * self.size
        return Region(
            matrix, region.row_lower * row, region.row_upper * row, region.lower / column, region.upper / column
        )

    def _scaled(self, matrix: Any) -> Any:
        scaled = matrix.copy()
        scaled.data = matrix.data * np.repeat(self.row, np.diff(matrix.indptr)) * self.column[matrix.indices]
        return scaled

    def cost(self, cost: Vector) -> tuple[Vector, float]:
        """Scaled cost (n,) and its factor g: a scaled row dual y is g * y / row in natural units."""
        scaled = cost * self.column
        largest = np.abs(scaled).max(initial=0.0)
        factor = LARGEST_COST / float(power_of_two(largest)) if largest > 0 else 1.0
        return scaled * factor, factor


def ruiz(region: Region, sweeps: int = 12) -> Scaling:
    """Row and column scales that bring the largest entry of every row and column near 1, and one size for x.

    >>> from scipy import sparse
    >>> matrix = sparse.csr_array([[1000.0, 0.0], [0.0, 1e-3]])
    >>> scaling = ruiz(Region(matrix, np.zeros(2), np.ones(2), np.zeros(2), np.ones(2)))
    >>> scaling.region(Region(matrix, *(np.zeros(2) for _ in range(4)))).matrix.diagonal().round(2).tolist()
    [0.98, 1.02]
    """
    matrix = region.matrix
    rows, columns = matrix.shape
    of_row = np.repeat(np.arange(rows), np.diff(matrix.indptr))
    by_column = np.argsort(matrix.indices, kind="stable")
    column_starts = np.concatenate([[0], np.cumsum(np.bincount(matrix.indices, minlength=columns))])
    size = np.abs(matrix.data)
    row, column = np.ones(rows), np.ones(columns)
    for _ in range(sweeps):
        largest = group_maximum(size * column[matrix.indices], matrix.indptr) * row
        row /= np.sqrt(np.where(largest > 0, largest, 1.0))
        largest = group_maximum((size * row[of_row])[by_column], column_starts) * column
        column /= np.sqrt(np.where(largest > 0, largest, 1.0))
    row, column = power_of_two(row), power_of_two(column)
    return Scaling(row, column, _size(region, row, column))


def middling(scaling: Scaling, region: Region) -> Scaling:
    """The same with the geometric mean of all limits and bounds near 128, for limits that are far apart."""
    values = np.concatenate(_limits(region, scaling.row, scaling.column))
    finite = values[values > 0]
    size = float(power_of_two(np.exp2(np.log2(finite).mean(keepdims=True)))[0]) / 128 if finite.size else 1.0
    return Scaling(scaling.row, scaling.column, size)


def _size(region: Region, row: Vector, column: Vector) -> float:
    """The largest row limit (or bound, when no row has one) in scaled units, brought to LARGEST_LIMIT."""
    for values in _limits(region, row, column):
        if values.any():
            return float(power_of_two(values.max(keepdims=True))[0]) / LARGEST_LIMIT
    return 1.0


def _limits(region: Region, row: Vector, column: Vector) -> tuple[Vector, Vector]:
    """The sizes of finite row limits and of finite bounds, in scaled units but for the size of x."""
    limits = np.abs(np.concatenate([region.row_lower * row, region.row_upper * row]))
    bounds = np.abs(np.concatenate([region.lower / column, region.upper / column]))
    return limits[np.isfinite(limits)], bounds[np.isfinite(bounds)]
