"""One program solved again and again with other figures, each time from the corners of the first, proved by itself.

A sweep asks what a thousand small changes do. The best corners of the unchanged program are near those of all, and each
solve starts from there, never from the one before: what comes out does not depend on the order. The dual simplex goes
on from the corner; the primal in a small program whose costs alone differ a little, where the corner is a plan still;
and where a solve from nothing is quicker, it is that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from allocate.errors import ProofError
from allocate.optimum.certificate import ALLOWED, NOISE
from allocate.optimum.highs import Basis, NoVertex, Session, SolverOptions, Vertex, minimise
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import LinearProgram, Region, Vector
from allocate.optimum.parallel import parallel
from allocate.optimum.result import Optimum
from allocate.optimum.scaling import group_maximum, ruiz
from allocate.optimum.stages import ANY, Work

Table = NDArray[np.float64]

_LENIENT: Final = SolverOptions(accept_near_ties=True)

#: In a program of up to so many columns whose costs alone change, by less than the first part, the primal simplex is
#: quicker than the dual by a third. In a larger one it takes twice as long; when they change by more than the second
#: part, a solve from nothing is quicker than both (15,600 columns: 125 ms, dual 150, primal 1,600).
SMALL, LITTLE, MUCH = 5_000, 0.06, 0.12

type Route = Literal["primal", "dual", "nothing"]


@dataclass(frozen=True, eq=False)
class Anchor:
    """Where a goal of the first program was solved, in scaled units: its face, parallel rows as one, its cost and its
    best basis."""

    face: Region
    cost: Vector
    basis: Basis

    def route(self, face: Region, cost: Vector) -> Route:
        """How to get to the best corner of another face and cost: from this basis, or from nothing."""
        if face.row_lower.size != self.face.row_lower.size:
            return "nothing"
        changed = float(np.abs(cost - self.cost).sum()) / max(float(np.abs(self.cost).sum()), np.finfo(float).tiny)
        if cost.size > SMALL:
            return "nothing" if changed > MUCH else "dual"
        limits = ("lower", "upper", "row_lower", "row_upper")
        same = all(np.array_equal(getattr(face, end), getattr(self.face, end)) for end in limits)
        return "primal" if same and changed <= LITTLE else "dual"


@dataclass(frozen=True, eq=False)
class Values:
    """Best values (S,) of S programs with one goal, each with one of its best plans x (n, S) and prices (m, S).

    They are their own proof: ``gap`` (S,) is how far the value may be from the best of all plans, by weak duality, as
    a part of the goal's terms; ``row`` and ``bound`` (S,) are the worst breach of a limit and of a bound beside its
    terms. All are within what the certificate allows.
    """

    values: Vector
    x: Table
    prices: Table
    gap: Vector
    row: Vector
    bound: Vector

    @property
    def proved(self) -> NDArray[np.bool_]:
        """Which (S,) of the values are proved."""
        sizes = {"gap": self.gap, "row": self.row, "bound": self.bound}
        found: NDArray[np.bool_] = np.all([size <= ALLOWED[kind] for kind, size in sizes.items()], axis=0)
        return found


class Resolver:
    """Solves programs that have the rows, columns and goals of ``base``, with other figures.

    ``base`` must be plain (``LinearProgram.is_plain``). Where the matrix stays, the solver keeps it.

    >>> from dataclasses import replace
    >>> from scipy import sparse
    >>> from allocate.optimum.linear import Goal
    >>> one, goal = np.ones(1), Goal("reach", np.array([2.0, 1.0]), sense="max")
    >>> ends = np.zeros(2), np.full(2, 4.0)
    >>> rest = *ends, (goal,), np.zeros(2), np.ones(2)
    >>> base = LinearProgram(sparse.csr_array([[1.0, 1.0]]), -np.inf * one, one, *rest)
    >>> resolver, levels = Resolver(base), [replace(base, row_upper=level * one) for level in (2.0, 6.0)]
    >>> [resolver.solve(lp).values.tolist() for lp in levels], resolver.values(levels).values.tolist()
    ([[4.0], [10.0]], [4.0, 10.0])

    Raises Infeasible or Unbounded when ``base`` itself has no best plan, and ProofError.
    """

    def __init__(self, base: LinearProgram) -> None:
        if not base.is_plain:
            raise ValueError("programs that are solved again have goals that keep all they have, and no whole numbers")
        self.scaling = ruiz(base.region)
        self.session: Session | None = None
        self._keep(base.matrix)
        self.anchors: list[Anchor] = []
        self._goals(base)

    def fits(self, lp: LinearProgram) -> bool:
        """Whether a program has as many rows, columns and goals as the first, and plain ones."""
        return lp.is_plain and lp.matrix.shape == self.matrix.shape and max(len(lp.goals), 1) == len(self.anchors)

    def solve(self, lp: LinearProgram) -> Optimum:
        """The optimum nearest to its target, as ``lexicographic.solve`` finds it; which also says what is raised."""
        try:
            work = self._goals(lp)
            work.tie_break()
            return work.optimum(self.scaling)
        except ProofError:  # a second opinion, from nothing
            return solve(lp, _LENIENT)

    def values(self, programs: Sequence[LinearProgram]) -> Values:
        """The best values of programs with one goal and the matrix of ``base``, each with no matter which of its plans.

        Raises as ``solve`` for the first that has none.
        """
        shape = self.matrix.shape[1], self.matrix.shape[0], len(programs)
        x, prices = np.empty((shape[0], shape[2])), np.empty((shape[1], shape[2]))
        for k, lp in enumerate(programs):
            x[:, k], prices[:, k] = self._plan(lp)
        found = checked(programs, x, prices)
        if found.proved.all():
            return found
        for k in np.flatnonzero(~found.proved).tolist():  # a second opinion, and its proof
            x[:, k], prices[:, k] = _from_nothing(programs[k])
        return checked(programs, x, prices)

    def _plan(self, lp: LinearProgram) -> tuple[Vector, Vector]:
        """x (n,) and prices (m,) as the solver has them."""
        (goal,) = lp.plain_goals
        self._pose(lp)
        cost, factor = self.scaling.cost(goal.sign * goal.cost)
        region = self.scaling.region(lp.region)
        try:
            x, duals = self._again(self._merged(region), cost)
        except NoVertex:
            return _from_nothing(lp)  # says why, with proof
        x = np.clip(x * (self.scaling.column * self.scaling.size), lp.lower, lp.upper)
        return x, self.rows.prices(region, duals) * self.scaling.row * (goal.sign / factor)

    def _again(self, merged: Region, cost: Vector) -> tuple[Vector, Vector]:
        anchor = self.anchors[0]
        route = anchor.route(merged, cost)
        if route == "nothing":
            found = minimise(merged, cost, _LENIENT)
            return found.x, found.duals
        self.session = self.session or Session(merged)
        return self.session.again(merged, cost, anchor.basis, primal=route == "primal")

    def _goals(self, lp: LinearProgram) -> Work:
        """Every goal in order, each from its anchor."""
        self._pose(lp)
        work = Work(lp, _LENIENT, np.inf, lambda _: self.scaling, self._corner)
        for goal in lp.plain_goals or (ANY,):
            work.stage(goal)
        return work

    def _pose(self, lp: LinearProgram) -> None:
        self.goal = 0
        if lp.matrix is not self.matrix:
            self._keep(lp.matrix)

    def _keep(self, matrix: Any) -> None:
        """Have a matrix in scaled units at hand, and which of its rows are parallel; the solver must take it anew."""
        self.matrix, self.scaling = matrix, self.scaling.keeping(matrix)
        self.rows, self.session = parallel(self.scaling.matrix(matrix)), None

    def _merged(self, region: Region) -> Region:
        merged = self.rows.merged(region)
        if (merged.row_lower > merged.row_upper).any():
            raise NoVertex("Infeasible")
        return merged

    def _corner(self, region: Region, cost: Vector, *of_first: Any) -> Vertex:
        """The best corner of the next goal: from its anchor, or of the first program from nothing, to be the anchor."""
        merged, first = self._merged(region), self.goal == len(self.anchors)
        route = "nothing" if first else self.anchors[self.goal].route(merged, cost)
        if route == "nothing":
            found = minimise(merged, cost, *of_first)
        else:
            self.session = self.session or Session(merged)
            found = self.session.resume(merged, cost, self.anchors[self.goal].basis, primal=route == "primal")
        if first:
            self.anchors.append(Anchor(merged, cost, found.basis))
        self.goal += 1
        return self.rows.apart(region, found)


class Series:
    """The optimum of one program after another, whatever they are: from the corners of the first of their shape.

    What comes out depends on that first one and on nothing between.

    >>> from dataclasses import replace
    >>> from scipy import sparse
    >>> from allocate.optimum.linear import Goal
    >>> one, goal = np.ones(1), Goal("reach", np.ones(1), sense="max")
    >>> lp = LinearProgram(sparse.csr_array([[2.0]]), -np.inf * one, one, 0 * one, one, (goal,), one, one)
    >>> series = Series()
    >>> [series.best(replace(lp, row_upper=level * one)).values.tolist() for level in (1.0, 2.0)]
    [[0.5], [1.0]]
    """

    def __init__(self) -> None:
        self.resolver: Resolver | None = None

    def best(self, lp: LinearProgram) -> Optimum:
        """As ``lexicographic.solve``, near ties accepted; which also says what is raised."""
        if lp.is_plain and (self.resolver is None or not self.resolver.fits(lp)):
            try:
                self.resolver = Resolver(lp)
            except ProofError:
                return solve(lp, _LENIENT)
        return self.resolver.solve(lp) if lp.is_plain and self.resolver else solve(lp, _LENIENT)


def _from_nothing(lp: LinearProgram) -> tuple[Vector, Vector]:
    found = solve(lp, _LENIENT)
    return found.x, found.prices[-1]


def checked(programs: Sequence[LinearProgram], x: Table, prices: Table) -> Values:
    """What plans x (n, S) and prices (m, S) of programs with one goal and one matrix prove, all at once."""
    matrix, unit, (first, *_) = programs[0].matrix, programs[0].unit[:, None], programs
    sign = np.array([lp.goals[0].sign for lp in programs])
    cost = sign * np.stack([goal.cost for lp in programs for goal in lp.plain_goals], axis=1)
    lower, upper, row_lower, row_upper = (
        np.stack([getattr(lp, end) for lp in programs], axis=1) for end in ("lower", "upper", "row_lower", "row_upper")
    )
    size, activity = abs(matrix), matrix @ x
    floor = group_maximum(size.data * first.unit[size.indices], matrix.indptr)[:, None]
    row_size = np.maximum(size @ np.abs(x), np.where(floor > 0, floor, 1.0))
    breach = [_breach(row_lower - activity, row_lower, row_size), _breach(activity - row_upper, row_upper, row_size)]
    own = np.abs(cost * x).sum(axis=0) + np.abs(cost * unit).max(axis=0, initial=0.0)
    value = (cost * x).sum(axis=0)
    least = _least(matrix, size, cost, sign * prices, lower, upper, row_lower, row_upper)
    offset = np.array([goal.offset for lp in programs for goal in lp.plain_goals])
    return Values(
        sign * value + offset,
        x,
        prices,
        np.abs(value - least) / np.where(own > 0, own, 1.0),
        np.max(breach, axis=(0, 1), initial=0.0),
        (np.maximum(lower - x, x - upper) / np.maximum(np.abs(x), unit)).max(axis=0, initial=0.0),
    )


def _breach(beyond: Table, limit: Table, size: Table) -> Table:
    """How far rows are beyond their limit, beside the larger of their terms and the limit."""
    found: Table = beyond.clip(0.0) / np.maximum(size, np.where(np.isfinite(limit), np.abs(limit), 0.0))
    return found


def _least(
    matrix: Any, size: Any, cost: Table, dual: Table, lower: Table, upper: Table, row_lower: Table, row_upper: Table
) -> Vector:
    """What no plan can cost less than (S,), by weak duality from any row duals: see ``certificate.duality_bound``."""
    limit = np.where(dual > 0, row_lower, row_upper)
    endless = np.isinf(limit)
    limit, dual = np.where(endless, 0.0, limit), np.where(endless, 0.0, dual)
    reduced = cost - matrix.T @ dual
    bound = np.where(reduced > 0, lower, upper)
    noise = np.isinf(bound) & (np.abs(reduced) <= NOISE * (np.abs(cost) + size.T @ np.abs(dual)))
    bound = np.where((reduced == 0) | noise, 0.0, bound)
    found: Vector = (dual * limit).sum(axis=0) + (reduced * bound).sum(axis=0)
    return found
