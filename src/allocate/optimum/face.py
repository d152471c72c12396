"""Presolve of the optimal face: most columns have only one value left there, and most rows cannot bind any more.

``shrink`` drops them without changing the set of points; ``Small.multipliers`` gives the dropped rows their
multipliers back, so that a certificate can be checked on the face itself, without knowing that anything was dropped.

Source: E. D. Andersen and K. D. Andersen, *Presolving in linear programming*, Math. Program. 71 (1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.optimum.linear import Mask, Region, Vector
from allocate.optimum.scaling import group_maximum

#: Activities closer than this part of their terms are the same; below the certificate's 1e-12 for rows.
SAME = 1e-13
ROUNDS = 200
#: A row holds a push only if its activity is this near its limit, as a part of its terms.
AT_LIMIT = 1e-11
#: A push below this part of the terms that make it up is rounding, and no row's to hold.
NOISE = 1e-12

Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Step:
    """Entries (row, column, value) through which rows dropped in one round pinned columns.

    ``forcing`` is +1 for rows whose greatest activity is their lower limit, -1 for rows whose least is their upper
    limit, and 0 for rows with one column, which are bounds of that column.
    """

    row: Indices
    column: Indices
    value: Vector
    forcing: int


@dataclass(frozen=True, eq=False)
class Small:
    """What is left: a region over ``columns`` and ``rows`` (indices); every other column has its value in ``x``.

    ``lower_row`` and ``upper_row`` (n,) say which row a bound of a column came from; -1 is the face's own bound.
    ``lent`` is what the dropped columns add to the size of each row left: their rounding is still in its limits.
    """

    region: Region
    lent: Vector
    columns: Indices
    rows: Indices
    x: Vector
    face: Region
    steps: tuple[Step, ...]
    lower_row: Indices
    upper_row: Indices

    def multipliers(self, x: Vector, gradient: Vector, left: Vector) -> Vector:
        """Multipliers (m,) of all rows of the face at x (n,), from those of the rows left.

        The gradient (n,) of the distance is matrix.T @ result plus what the face's own bounds hold. Rows get their
        multiplier last dropped first, each just enough to leave its columns pushing the right way. Only a row at
        its limit gets one, and only for a push that is more than rounding: a multiplier of 1e-16 on a row with
        room to spare says nothing of the column it comes from, and something wrong of every column with small terms.
        """
        work = _Carry(self, x, gradient, left)
        for step in reversed(self.steps):
            if step.forcing:
                work.forcing(step)
            else:
                work.bounds(step)
        return work.result


def bounded(region: Region) -> Region:
    """The same points, where a column without an upper bound has the least that any row's upper limit leaves it.

    >>> from scipy import sparse
    >>> rows = sparse.csr_array([[2.0, 1.0], [1.0, -1.0]])
    >>> sides = np.full(2, -np.inf), np.array([6.0, 0.0]), np.zeros(2), np.array([np.inf, np.inf])
    >>> bounded(Region(rows, *sides)).upper.tolist()
    [3.0, 6.0]
    """
    matrix, limit, columns = region.matrix, region.row_upper, region.matrix.indices
    row = np.repeat(np.arange(limit.size), np.diff(matrix.indptr))
    least = np.where(matrix.data > 0, matrix.data * region.lower[columns], matrix.data * region.upper[columns])
    with np.errstate(invalid="ignore"):  # infinity less infinity: nothing is implied
        others = np.bincount(row, least, minlength=limit.size)[row] - least
        left = np.where(matrix.data > 0, (limit[row] - others) / matrix.data, np.inf)
    upper = np.full(region.upper.size, np.inf)
    np.minimum.at(upper, columns, np.where(np.isnan(left), np.inf, left))
    upper = np.where(np.isinf(region.upper), np.maximum(upper, region.lower), region.upper)
    return Region(matrix, region.row_lower, limit, region.lower, upper)


class _Carry:
    """The multipliers found so far, the push that no row holds yet, and the terms that push is made of."""

    def __init__(self, small: Small, x: Vector, gradient: Vector, left: Vector) -> None:
        self.small, face = small, small.face
        self.matrix, self.size = face.matrix, abs(face.matrix)
        self.result = np.zeros(self.matrix.shape[0])
        self.rest, self.terms = gradient.copy(), np.abs(gradient)
        added = self.result.copy()
        added[small.rows] = left
        self._add(added)
        activity, near = self.matrix @ x, AT_LIMIT * (self.size @ np.abs(x))
        self.at_lower = activity <= face.row_lower + near + AT_LIMIT * np.abs(_finite(face.row_lower))
        self.at_upper = activity >= face.row_upper - near - AT_LIMIT * np.abs(_finite(face.row_upper))

    def _add(self, multipliers: Vector) -> None:
        self.result += multipliers
        self.rest -= self.matrix.T @ multipliers
        self.terms += self.size.T @ np.abs(multipliers)

    def _push(self, columns: Indices) -> Vector:
        push = self.rest[columns]
        return np.where(np.abs(push) > NOISE * self.terms[columns], push, 0.0)

    def bounds(self, step: Step) -> None:
        """Rows with one column hold the push against the bound that they gave it."""
        push = self._push(step.column)
        holder = np.where(push > 0, self.small.lower_row[step.column], self.small.upper_row[step.column])
        wanted = push / step.value
        at_limit = np.where(wanted > 0, self.at_lower[step.row], self.at_upper[step.row])
        mine = (holder == step.row) & (push != 0) & at_limit
        added = np.zeros(self.result.size)
        added[step.row[mine]] = wanted[mine]
        self._add(added)

    def forcing(self, step: Step) -> None:
        """Rows at the end of their reach hold whichever of their columns pushes the wrong way most."""
        matrix = self.matrix
        for entries in np.split(np.arange(step.row.size), np.flatnonzero(np.diff(step.row)) + 1):
            row, wanted = step.row[entries[0]], self._push(step.column[entries]) / step.value[entries]
            added = min(0.0, wanted.min()) if step.forcing < 0 else max(0.0, wanted.max())
            if added:
                self.result[row] += added
                span = slice(matrix.indptr[row], matrix.indptr[row + 1])
                carried = added * matrix.data[span]
                self.rest[matrix.indices[span]] -= carried
                self.terms[matrix.indices[span]] += np.abs(carried)


def shrink(face: Region, unit: Vector) -> Small:
    """Drop fixed columns, rows that cannot bind, forcing rows and rows with one column; keeps the set of points.

    ``unit`` (n,) is the published unit of every column: activities are compared relative to their terms, but never
    finer than to 1e-13 of a unit.

    >>> from scipy import sparse
    >>> matrix = sparse.csr_array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    >>> face = Region(matrix, np.array([2.0, 1.0]), np.array([2.0, 19.0]), np.zeros(3), np.array([1.0, 5.0, 5.0]))
    >>> small = shrink(face, np.ones(3))
    >>> small.rows.tolist(), small.columns.tolist()
    ([0, 1], [0, 1, 2])
    """
    work = _Presolve(face, unit)
    for _ in range(ROUNDS):
        if not work.round():
            break
    return work.result()


class _Presolve:
    """The bounds as they tighten and the rows still alive."""

    def __init__(self, face: Region, unit: Vector) -> None:
        matrix = face.matrix
        self.face = face
        self.row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        self.column, self.value = matrix.indices, matrix.data
        self.lower, self.upper = face.lower.copy(), face.upper.copy()
        self.lower_row, self.upper_row = np.full((2, unit.size), -1)
        self.alive = np.ones(matrix.shape[0], bool)
        self.floor = group_maximum(np.abs(self.value) * unit[self.column], matrix.indptr)
        self.steps: list[Step] = []

    def round(self) -> bool:
        """One pass over the rows still alive; False when nothing changed."""
        face, rows = self.face, self.alive.size
        self._forget_dropped_rows()
        free_column = self.upper > self.lower
        free = free_column[self.column]
        fixed = np.bincount(self.row, self.value * np.where(free_column, 0.0, self.lower)[self.column], rows)
        r, c, v = self.row[free], self.column[free], self.value[free]
        least = fixed + np.bincount(r, v * np.where(v > 0, self.lower[c], self.upper[c]), rows)
        most = fixed + np.bincount(r, v * np.where(v > 0, self.upper[c], self.lower[c]), rows)
        terms = np.bincount(self.row, np.abs(self.value * _finite(self.lower)[self.column]), rows)
        below = SAME * np.maximum(self.floor, np.abs(_finite(face.row_lower)) + terms)
        above = SAME * np.maximum(self.floor, np.abs(_finite(face.row_upper)) + terms)
        count = np.bincount(r, minlength=rows)
        loose = (least >= face.row_lower - below) & (most <= face.row_upper + above)
        idle = self.alive & ((count == 0) | loose)
        self.alive &= ~idle
        at_most = self.alive & (least >= face.row_upper - above)
        at_least = self.alive & (most <= face.row_lower + below)
        if at_most.any() or at_least.any():
            self._force(free, at_most, -1)
            self._force(free, at_least & ~at_most, 1)
            return True
        single = self.alive & (count == 1)
        if single.any():
            self._tighten(np.flatnonzero(free & single[self.row]), fixed)
            self.alive &= ~single
            return True
        return bool(idle.any())

    def _forget_dropped_rows(self) -> None:
        """Leave the entries of rows that are gone out of every later round: most go in the first few."""
        live = self.alive[self.row]
        self.row, self.column, self.value = self.row[live], self.column[live], self.value[live]

    def _force(self, free: Mask, rows: Mask, forcing: int) -> None:
        """Every free column of these rows is at the bound that gives the least (or most) activity."""
        entries = np.flatnonzero(free & rows[self.row])
        column, value = self.column[entries], self.value[entries]
        to_lower = (value > 0) == (forcing < 0)
        still = self.upper[column] > self.lower[column]
        self.upper[column[still & to_lower]] = self.lower[column[still & to_lower]]
        self.lower[column[still & ~to_lower]] = self.upper[column[still & ~to_lower]]
        self.alive &= ~rows
        if entries.size:
            self.steps.append(Step(self.row[entries], column, value, forcing))

    def _tighten(self, entries: Indices, fixed: Vector) -> None:
        """Rows with one free column bound it; an equality leaves it one value exactly."""
        r, c, v = self.row[entries], self.column[entries], self.value[entries]
        row_lower, row_upper = self.face.row_lower[r], self.face.row_upper[r]
        low = (np.where(v > 0, row_lower, row_upper) - fixed[r]) / v
        high = (np.where(v > 0, row_upper, row_lower) - fixed[r]) / v
        raises, lowers = low > self.lower[c], high < self.upper[c]
        np.maximum.at(self.lower, c, low)
        np.minimum.at(self.upper, c, high)
        raises &= low == self.lower[c]
        lowers &= high == self.upper[c]
        self.lower_row[c[raises]], self.upper_row[c[lowers]] = r[raises], r[lowers]
        crossed = np.flatnonzero(self.lower > self.upper)
        self.lower[crossed] = self.upper[crossed] = (self.lower[crossed] + self.upper[crossed]) / 2
        equal = row_lower == row_upper
        self.upper[c[equal]] = self.lower[c[equal]]
        self.lower_row[c[equal]] = self.upper_row[c[equal]] = r[equal]
        self.steps.append(Step(r, c, v, 0))

    def result(self) -> Small:
        """The region that is left."""
        matrix, face = self.face.matrix, self.face
        columns, rows = np.flatnonzero(self.upper > self.lower), np.flatnonzero(self.alive)
        x = np.where(self.upper > self.lower, 0.0, self.lower)
        lent, shift = (abs(matrix) @ np.abs(x))[rows], (matrix @ x)[rows]
        region = Region(
            matrix[rows][:, columns].tocsr(),
            _less(face.row_lower[rows], shift, lent),
            _less(face.row_upper[rows], shift, lent),
            self.lower[columns],
            self.upper[columns],
        )
        return Small(region, lent, columns, rows, x, face, tuple(self.steps), self.lower_row, self.upper_row)


def _less(limit: Vector, shift: Vector, terms: Vector) -> Vector:
    """Limits less what dropped columns take of them; what rounding leaves of nothing is nothing. As 1e-12 it is nothing
    to a row that had 10,000, but rows without such a column may then contradict it."""
    left = limit - shift
    return np.where(np.abs(left) <= SAME * (np.abs(_finite(limit)) + terms), 0.0, left)


def _finite(values: Vector) -> Vector:
    return np.where(np.isfinite(values), values, 0.0)
