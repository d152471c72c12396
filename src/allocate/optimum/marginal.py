"""What one unit more of a limit gives, and what one unit less takes: two prices, which part at a kink.

Near an optimum the goals change along straight lines. Their slopes are the optimal values of the tangent program (see
``tangent``) as one limit moves, goals in the same order. By duality a slope is read from a basis that is best for the
move; it is computed from the basis with refinement, and taken only if the direction that the basis gives keeps every
bound and limit. A basis serves every move that it stays feasible for, so most limits never reach the solver.

Source: T. Gal, *Shadow prices and sensitivity analysis in linear programming under degeneracy*, OR Spektrum 8 (1986).
Goals in order are one goal with weights far enough apart, whatever the limits are (H. Isermann, *Linear lexicographic
optimization*, OR Spektrum 4 (1982)), so the same holds for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import linalg

from allocate.errors import NoPlanError, ProofError
from allocate.optimum.basis import refined_duals
from allocate.optimum.certificate import certify
from allocate.optimum.extended import Answer
from allocate.optimum.highs import NoVertex, Session, Vertex
from allocate.optimum.infeasible import Infeasible, explain
from allocate.optimum.linear import LinearProgram, Mask, Region, Vector
from allocate.optimum.prices import TIED, relative_duals, restrict
from allocate.optimum.scaling import Scaling
from allocate.optimum.tangent import Tangent, tangent

#: A direction leaves a bound by more than this part of its longest step, or it is rounding (which is below 1e-12).
NOISE = 1e-10
#: Slopes that differ by less than this part are the same.
SAME = 1e-9
#: A basis found for one move is tried on so many moves next in line: neighbours often share it.
TRIED = 16

Indices = NDArray[np.integer[Any]]
Slopes = NDArray[np.float64]
Step = Literal[1, -1]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Slopes (goals, k) of every goal, in its own sense and unit, when the limits of k rows move.

    ``more`` is (value with the limit a little higher - value) / step, ``less`` is (value - value with the limit a
    little lower) / step. Where a step leaves no plan at all, every goal is infinitely bad there: ``more`` is -inf and
    ``less`` +inf for a goal to be made large, the reverse for one to be made small.
    """

    more: Slopes
    less: Slopes

    @property
    def kinks(self) -> Mask:
        """Where (k,) the two differ for any goal."""
        found: Mask = (self.more != self.less).any(axis=0)
        return found


def pairs(lp: LinearProgram, x: Vector, prices: Sequence[Vector], rows: Indices | None = None) -> Pairs:
    """The pair of every row's limit (all rows unless given), at an optimum x (n,) with its prices (goals, m).

    A row at neither limit has the pair 0, 0; both limits of an equality move together. Where the pair of a row is equal
    it is its price. The first goal's price always lies between its pair, and a later goal's where the pairs of the
    goals before it are equal. The program must be plain (``LinearProgram.is_plain``). Raises
    ProofError when x and its prices are no optimum, or a slope cannot be proved.

    >>> from allocate.optimum.linear import Goal
    >>> from scipy import sparse
    >>> one = np.ones(1)  # two limits of 6 on one column: more of one is no use, less of it hurts
    >>> goal, matrix = Goal("reach", 3 * one, sense="max"), sparse.csr_array([[1.0], [1.0]])
    >>> lp = LinearProgram(matrix, np.full(2, -np.inf), np.full(2, 6.0), 0 * one, 9 * one, (goal,), one, one)
    >>> found = pairs(lp, 6 * one, [np.array([3.0, 0.0])])
    >>> found.more.tolist(), found.less.tolist()
    ([[0.0, 0.0]], [[3.0, 3.0]])
    """
    asked = np.arange(lp.row_lower.size) if rows is None else np.asarray(rows)
    shape = (len(lp.goals), asked.size)
    certificate = certify(lp, Answer(x, np.reshape(prices, (len(lp.goals), lp.row_lower.size))))
    if not certificate.ok:
        raise ProofError("prices at a point that is not an optimum: " + "; ".join(certificate.failures()[:4]))
    if not all(shape):
        return Pairs(np.zeros(shape), np.zeros(shape))
    slopes = _Search(lp, x, prices).slopes(np.unique(asked))
    more, less = slopes[1][:, asked], slopes[-1][:, asked]
    less = np.where(_same(more, less), more, less)
    # Any basis will do where there is one price: the published one has the same last digits whatever was asked.
    published = np.asarray(prices)[:, asked]
    known = (more == less) & _same(more, published)
    return Pairs(np.where(known, published, more) + 0.0, np.where(known, published, less) + 0.0)  # no minus zero


def _same(a: Slopes, b: Slopes) -> Mask:
    finite = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    result: Mask = finite & (np.abs(a - b) <= SAME * np.minimum(np.abs(a), np.abs(b)))
    return result


class _Search:
    """The slopes (goals, m) found so far, for a step up and a step down."""

    def __init__(self, lp: LinearProgram, x: Vector, prices: Sequence[Vector]) -> None:
        self.lp, self.tangent = lp, tangent(lp, x, prices)
        region = self.tangent.region
        self.session = Session(region)
        self.scaled = Scaling(np.ones(region.row_lower.size), np.ones(region.lower.size), 1.0)
        shape = len(lp.goals), lp.row_lower.size
        self.found: dict[Step, Slopes] = {1: np.zeros(shape), -1: np.zeros(shape)}

    def slopes(self, asked: Indices) -> dict[Step, Slopes]:
        """The slopes of the rows asked for; the others are left at 0."""
        places = np.flatnonzero(np.isin(self.tangent.rows, asked))
        first = self._first()
        left = self._read(first, {1: places, -1: places})
        for step in left:
            while left[step].size:
                left[step] = self._next(first, left[step], step)
        return self.found

    def _next(self, first: _Corner, left: Indices, step: Step) -> Indices:
        """Find the slope of the next move, and of those after it that share its basis; what is left."""
        row = self.tangent.rows[left[0]]
        corner = self._moved(first, int(left[0]), step)
        if corner is None:
            self.found[step][:, row] = [step * goal.sign * np.inf for goal in self.lp.goals]
            return left[1:]
        rest = self._read(corner, {step: left[:TRIED]})[step]
        if left[0] in rest:
            raise ProofError(f"row {row}: the direction of its price breaks a limit")
        return np.concatenate([rest, left[TRIED:]])

    def _first(self) -> _Corner:
        """A basis for no move."""
        region = self.tangent.region
        basic_columns, basic_rows = np.zeros(region.lower.size, bool), np.ones(region.row_lower.size, bool)
        try:
            return self._corner(region, basic_columns, basic_rows, primal=True)
        except NoVertex as error:
            raise ProofError("the solver finds a way up from an optimum") from error

    def _moved(self, start: _Corner, place: int, step: Step) -> _Corner | None:
        """A basis for the move of one limit, or of both limits of an equality; None when that leaves no plan."""
        region = self.tangent.moved(place, step)
        try:
            return self._corner(region, start.vertex.basic_columns, start.vertex.basic_rows)
        except NoVertex as error:
            if isinstance(explain(region, self.tangent.costs[0]), Infeasible):
                return None
            raise ProofError(f"row {self.tangent.rows[place]}: no price, and no proof why") from error

    def _corner(self, region: Region, basic_columns: Mask, basic_rows: Mask, primal: bool = False) -> _Corner:
        """A basis that is best for every goal in order. Raises NoVertex when a step leaves no plan."""
        duals = []
        for cost in self.tangent.costs:
            vertex = self.session.minimise(region, cost, basic_columns, basic_rows, primal)
            basic_columns, basic_rows, primal = vertex.basic_columns, vertex.basic_rows, True
            dual = refined_duals(region, cost, vertex)
            reduced, relative = relative_duals(region, cost, dual, self.scaled)
            _check_signs(region, reduced, relative)
            duals.append(np.where(np.abs(relative) > TIED, dual, 0.0))
            region = restrict(region, reduced, relative)
        return _Corner(self.tangent, vertex, np.array(duals))

    def _read(self, corner: _Corner, left: dict[Step, Indices]) -> dict[Step, Indices]:
        """Read off the slopes of the moves for which a basis stays feasible; what is left."""
        places = np.unique(np.concatenate(list(left.values())))
        reached, slopes = corner.reaches(places), corner.slopes(places)
        for step in left:
            done = reached[step] & np.isin(places, left[step])
            self.found[step][:, self.tangent.rows[places[done]]] = slopes[:, done]
        return {step: np.setdiff1d(left[step], places[reached[step]]) for step in left}


class _Corner:
    """A basis of the tangent program, its duals (goals, rows), and the directions that it gives."""

    def __init__(self, program: Tangent, vertex: Vertex, duals: Slopes) -> None:
        self.program, self.vertex, self.duals = program, vertex, duals

    def slopes(self, places: Indices) -> Slopes:
        """Slopes (goals, k) in natural units and each goal's own sense."""
        moves, program = self.program.moves[:, places], self.program
        carried, price = (moves.T @ self.duals.T).T, program.prices[:, places]
        terms = (abs(moves).T @ np.abs(self.duals).T).T + np.abs(price)
        slope = price - carried
        return np.where(np.abs(slope) > TIED * terms, slope, 0.0) * program.unit(places)

    def reaches(self, places: Indices) -> dict[Step, Mask]:
        """For which moves (k,) the basis keeps the cone, for a step up and a step down."""
        region, vertex = self.program.region, self.vertex
        columns, loose, held = vertex.basic_columns, vertex.basic_rows, ~vertex.basic_rows
        moves = self.program.moves[:, places].toarray()
        direction = _solved(region.matrix[held][:, columns], -moves[held])
        activity = region.matrix[loose][:, columns] @ direction + moves[loose]
        steps = np.vstack([direction, activity])
        low = np.concatenate([region.lower[columns], region.row_lower[loose]])
        high = np.concatenate([region.upper[columns], region.row_upper[loose]])
        noise = NOISE * np.abs(steps).max(axis=0, initial=1.0)
        falls = (steps < -noise) & np.isfinite(low)[:, None], (steps > noise) & np.isfinite(low)[:, None]
        rises = (steps > noise) & np.isfinite(high)[:, None], (steps < -noise) & np.isfinite(high)[:, None]
        up, down = (~(fall | rise).any(axis=0) for fall, rise in zip(falls, rises, strict=True))
        return {1: up, -1: down}


def _solved(matrix: Any, wanted: Slopes) -> Slopes:
    """The x (n, k) with matrix @ x = wanted, refined once."""
    if not wanted.size:
        return np.zeros_like(wanted)
    factors = linalg.splu(matrix.tocsc())
    x: Slopes = factors.solve(wanted)
    return x + factors.solve(wanted - matrix @ x)


def _check_signs(region: Region, reduced: Vector, rows: Vector) -> None:
    """Raises ProofError when a price points at a bound or limit that is not there."""
    low, high = np.concatenate([region.lower, region.row_lower]), np.concatenate([region.upper, region.row_upper])
    price = np.concatenate([reduced, rows])
    if (np.isinf(low) & (price > TIED) | np.isinf(high) & (price < -TIED)).any():
        raise ProofError("the solver's prices point the wrong way")


class Solved(Protocol):
    """What solving again must bring: x (n,) and the values (goals,)."""

    @property
    def x(self) -> Vector: ...

    @property
    def values(self) -> Vector: ...


def by_solving_again(
    lp: LinearProgram, solve: Callable[[LinearProgram], Solved], rows: Indices, step: float | Vector
) -> Pairs:
    """The pair of each row's limit (k rows) for a whole step (one, or k) more and less, by two solves a row.

    For programs that have no slopes (whole numbers), and for tests. The limit that moves is the one that the row is
    nearer to, or both of an equality; a row without a limit has the pair 0, 0. A step that leaves no plan is
    infinitely bad, as in :class:`Pairs`. Differences carry the rounding of the values, divided by the step.

    >>> from allocate.optimum.lexicographic import solve
    >>> from allocate.optimum.linear import Goal
    >>> from scipy import sparse
    >>> one = np.ones(1)
    >>> goal, matrix = Goal("reach", 3 * one, sense="max"), sparse.csr_array([[1.0], [1.0]])
    >>> lp = LinearProgram(matrix, np.full(2, -np.inf), np.full(2, 6.0), 0 * one, 9 * one, (goal,), one, one)
    >>> found = by_solving_again(lp, solve, np.array([0]), 2.0)
    >>> found.more.tolist(), found.less.tolist()
    ([[0.0]], [[3.0]])
    """
    here, steps = solve(lp), np.broadcast_to(step, rows.shape)
    activity, signs = lp.matrix @ here.x, np.array([goal.sign for goal in lp.goals])
    found = np.zeros((2, len(lp.goals), rows.size))
    for k, (row, size) in enumerate(zip(rows, steps, strict=True)):
        for end, by in enumerate((size, -size)):
            moved = _with_limit_moved(lp, int(row), float(activity[row]), float(by))
            found[end, :, k] = _rise(moved, solve, here.values, signs) / by
    return Pairs(*(found + 0.0))  # no minus zero


def _rise(moved: LinearProgram | None, solve: Callable[[LinearProgram], Solved], here: Vector, signs: Vector) -> Vector:
    """How much the values (goals,) rise; infinitely the wrong way when there is no plan."""
    try:
        return signs * np.inf if moved is None else solve(moved).values - here
    except NoPlanError:
        return signs * np.inf


def _with_limit_moved(lp: LinearProgram, row: int, activity: float, by: float) -> LinearProgram | None:
    """The program with the nearer limit of a row moved; None when its limits would cross."""
    low, high = lp.row_lower.copy(), lp.row_upper.copy()
    both = low[row] == high[row]
    if both or activity - low[row] < high[row] - activity:
        low[row] += by
    if both or activity - lp.row_lower[row] >= lp.row_upper[row] - activity:
        high[row] += by
    return None if low[row] > high[row] else replace(lp, row_lower=low, row_upper=high)
