"""The proof that a plan is the one: checked against the original data with numpy and scipy only.

It trusts nothing from a solver but the numbers: x, the prices of every goal, and the multipliers of the tie-break.
Optimal: x keeps every limit, and every priced column or row is at its bound or limit, goal after goal, each within
the plans that the goals before it leave. Closest: the distance to the target has no way down within the last face.
All of that on the plain program (``extended``), built again from the caller's data. A goal that gives has a best plan
of its own, proved the same way; every value that a round of a leximin goal claims to settle must be priced by it.
That a choice of whole numbers is best nobody but the solver's tree search knows; how far from best it is at most,
``duality_bound`` says too.
All residuals are without a unit: relative to row activity, to the size of a column but never finer than its
published unit, or to the terms of a price.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allocate.optimum.extended import Answer, Plain, balanced, first_part, giving, keeping, plain, up_to
from allocate.optimum.linear import Goal, LinearProgram, Mask, Region, Vector
from allocate.optimum.prices import TIED, relative_duals, restrict
from allocate.optimum.scaling import Scaling, group_maximum, ruiz

#: The largest residuals that pass.
ALLOWED = {"bound": 1e-9, "row": 1e-12, "complementarity": 1e-9, "gap": 1e-9, "tie": 1e-8, "pull": 1e-8}

WORDS = {
    "numbers": "is not a finite number",
    "bound": "breaks a bound",
    "row": "breaks a limit",
    "complementarity": "is priced but not at its limit",
    "gap": "between the plan and its prices",
    "tie": "could move closer to the target",
    "pull": "could bring the plan closer to the target",
    "settled": "is called settled and has room",
    "whole": "is not a whole number within its bounds",
}

#: A slope below this part of the terms that make it up is zero: an endless column must not make a bound endless.
NOISE = 1e-12


@dataclass(frozen=True)
class Residual:
    """One check: its kind, its goal ("" when of none), the worst place, its size there and the size allowed."""

    kind: str
    goal: str
    place: str
    size: float

    @property
    def allowed(self) -> float:
        """The largest size that passes."""
        return ALLOWED.get(self.kind, 0.0)

    @property
    def ok(self) -> bool:
        """Whether it passes; NaN does not."""
        return self.size <= self.allowed

    def __str__(self) -> str:
        goal = f"goal {self.goal!r}, " if self.goal else ""
        return f"{goal}{self.place} {WORDS[self.kind]}: {self.size:.1e}, allowed {self.allowed:.0e}"


@dataclass(frozen=True)
class Certificate:
    """Every residual, and whether all pass.

    >>> Certificate((Residual("row", "", "row 3", 2e-9),)).failures()
    ('row 3 breaks a limit: 2.0e-09, allowed 1e-12',)
    """

    residuals: tuple[Residual, ...]

    @property
    def ok(self) -> bool:
        """Whether every residual passes; without residuals nothing is proved."""
        return bool(self.residuals) and all(residual.ok for residual in self.residuals)

    def failures(self) -> tuple[str, ...]:
        """What fails, in words."""
        return tuple(str(residual) for residual in self.residuals if not residual.ok)

    def worst(self, kind: str) -> float:
        """The largest residual of a kind ("bound", "row", "complementarity", "gap", "tie", "pull") over all goals."""
        return max((residual.size for residual in self.residuals if residual.kind == kind), default=0.0)


def certify(lp: LinearProgram, answer: Answer, scaling: Scaling | None = None) -> Certificate:
    """Check an answer (see :class:`Answer`) against the program, natural units.

    A price is d(goal value) / d(row limit). Without tie multipliers only optimality is checked, not closeness.
    ``scaling`` is that of the plain program, by which prices are told from noise, for who knows it already.

    >>> from scipy import sparse
    >>> one = np.ones(1)
    >>> goal = Goal("reach", one, sense="max")
    >>> lp = LinearProgram(sparse.csr_array([[2.0]]), -np.inf * one, 6 * one, 0 * one, 9 * one, (goal,), one, one)
    >>> certify(lp, Answer(3 * one, np.array([one / 2]), one)).ok
    True
    >>> print(*certify(lp, Answer(2 * one, np.array([one / 2]))).failures(), sep="\\n")
    goal 'reach', row 0 is priced but not at its limit: 3.3e-01, allowed 1e-09
    goal 'reach', sum of all prices between the plan and its prices: 1.7e-01, allowed 1e-09
    """
    try:
        found = plain(lp, answer)
    except ValueError:
        return _none("the shape of the answer")
    rows, columns = found.program.row_lower.size, found.program.lower.size
    ties = np.zeros(rows) if answer.tie_multipliers is None else answer.tie_multipliers
    given = {
        "x": (answer.x, (columns,)),
        "prices": (answer.prices, (len(found.settles), rows)),
        "ties": (ties, (rows,)),
    }
    if any(np.shape(values) != shape for values, shape in given.values()):
        return _none("the shape of the answer")
    if not all(np.isfinite(values).all() for values, _ in given.values()):
        return _none("part of the answer")
    if scaling is None:
        region = found.program.region
        own = ruiz(first_part(region, lp.row_lower.size + len(answer.given), lp.lower.size))
        scaling = balanced(region, own)
    return Certificate((*_given(lp, answer), *_whole(lp, answer.x), *_plain(found, answer, scaling)))


def _none(what: str) -> Certificate:
    """The certificate of what is no answer at all."""
    return Certificate((Residual("numbers", "", what, np.inf),))


def _plain(found: Plain, answer: Answer, scaling: Scaling) -> Iterator[Residual]:
    """The plain program: limits, goal after goal each within what the goals before leave, and closeness."""
    program, check = found.program, Check(found.program.region, found.program.unit, answer.x)
    yield from check.feasible()
    face = program.region
    for goal, price, settles in zip(program.goals, answer.prices, found.settles, strict=True):
        assert isinstance(goal, Goal)
        cost, dual = goal.sign * goal.cost, goal.sign * price
        reduced, rows = relative_duals(program.region, cost, dual, scaling)
        yield from check.optimal(face, goal.name, cost, dual, reduced, rows)
        face = restrict(face, reduced, rows)
        if settles.size:
            room = (face.row_upper - face.row_lower)[settles]
            yield Residual("settled", goal.name, f"row {settles[np.argmax(room)]}", float(room.max()))
    if answer.tie_multipliers is not None:
        yield check.closest(face, program.weights, program.target, answer.tie_multipliers)
        yield check.pulled(face, program.weights, program.target, answer.tie_multipliers)


def _given(lp: LinearProgram, answer: Answer) -> list[Residual]:
    """What proves the best of every goal that gives."""
    residuals: list[Residual] = []
    for best in answer.given:
        at = giving(lp)
        assert at is not None
        residuals += certify(up_to(lp, at), best).residuals
        lp = keeping(lp, at, lp.goals[at].value(best.x[: lp.lower.size]))
    return residuals


def _whole(lp: LinearProgram, x: Vector) -> list[Residual]:
    """Whole numbers are whole, exactly, and within their own bounds, exactly."""
    columns = np.flatnonzero(lp.integer)
    if not columns.size:
        return []
    here = x[columns]
    off = np.maximum(np.abs(here - np.round(here)), np.maximum(lp.lower[columns] - here, here - lp.upper[columns]))
    worst = int(np.argmax(off))
    return [Residual("whole", "", f"column {columns[worst]}", max(0.0, float(off[worst])))]


def duality_bound(region: Region, goal: Goal, price: Vector) -> float:
    """The best value of a goal that any x of a region could have, by weak duality, from any prices (m,) of its rows.

    Prices and goal in the goal's own sense. A price on a limit that is infinite counts as none. Infinite when the
    bounds of the columns do not hold what is left.

    >>> from scipy import sparse
    >>> one = np.ones(1)
    >>> region = Region(sparse.csr_array([[2.0]]), -np.inf * one, 6 * one, 0 * one, 9 * one)
    >>> duality_bound(region, Goal("reach", one, sense="max"), one / 2)
    3.0
    """
    dual = goal.sign * price
    limit = np.where(dual > 0, region.row_lower, region.row_upper)
    dual = np.where(np.isfinite(limit), dual, 0.0)
    reduced = goal.sign * goal.cost - region.matrix.T @ dual
    terms = np.abs(goal.cost) + abs(region.matrix).T @ np.abs(dual)
    bound = np.where(reduced > 0, region.lower, region.upper)
    used = (reduced != 0) & (np.isfinite(bound) | (np.abs(reduced) > NOISE * terms))
    priced = dual != 0
    return float(goal.sign * ((dual[priced] * limit[priced]).sum() + (reduced[used] * bound[used]).sum())) + goal.offset


class Check:
    """What all checks share: the activity of every row and the size of every column and row."""

    def __init__(self, region: Region, units: Vector, x: Vector) -> None:
        self.region, self.units, self.x, self.matrix = region, units, x, region.matrix
        self.size = abs(self.matrix)
        self.activity = self.matrix @ x
        self.column_size = np.maximum(np.abs(x), units)
        unit = group_maximum(self.size.data * units[self.size.indices], self.matrix.indptr)
        self.row_size = np.maximum(self.size @ np.abs(x), unit)
        self.row_size[self.row_size == 0] = 1.0

    def feasible(self) -> tuple[Residual, Residual]:
        """Bounds and rows of the region itself."""
        region, x = self.region, self.x
        bound = np.maximum(region.lower - x, x - region.upper).clip(0.0) / self.column_size
        below = (region.row_lower - self.activity).clip(0.0) / self.row_scale(region.row_lower)
        above = (self.activity - region.row_upper).clip(0.0) / self.row_scale(region.row_upper)
        return _worst("bound", "", bound, bound[:0]), _worst("row", "", bound[:0], np.maximum(below, above))

    def optimal(
        self, face: Region, goal: str, cost: Vector, dual: Vector, reduced: Vector, rows: Vector
    ) -> tuple[Residual, Residual]:
        """Complementarity, and the gap it leaves as a part of the goal's terms."""
        column_at, row_at = _limits(face, reduced, rows)
        price = cost - self.matrix.T @ dual
        off_column = np.abs(self.x - column_at)
        off_row = np.abs(self.activity - row_at)
        away = np.where(np.abs(reduced) > TIED, off_column / self.column_size, 0.0)
        loose = np.where(np.abs(rows) > TIED, off_row / self.row_scale(row_at), 0.0)
        lost = [
            (np.abs(price[away > 0]) * off_column[away > 0]).sum(),
            (np.abs(dual[loose > 0]) * off_row[loose > 0]).sum(),
        ]
        terms = np.abs(cost * self.x).sum() + np.abs(cost * self.units).max(initial=0.0)
        terms += _sum(price, column_at, np.abs(reduced) > TIED) + _sum(dual, row_at, np.abs(rows) > TIED)
        gap = sum(lost) / terms if terms > 0 else sum(lost)
        gap = max(gap, self._unpriced(cost, price, dual, off_column, off_row, reduced, rows))
        return (
            _worst("complementarity", goal, away, loose),
            Residual("gap", goal, "sum of all prices", float(gap)),
        )

    def _unpriced(
        self, cost: Vector, price: Vector, dual: Vector, off_column: Vector, off_row: Vector, *relative: Vector
    ) -> float:
        """What slopes that were taken for zero beside large prices may cost, as a part of the goal's own terms: prices
        that cancel, or that hold nothing but a fixed column, must not make a slope look small."""
        own = np.abs(cost * self.x).sum() + np.abs(cost * self.units).max(initial=0.0)
        free_columns, free_rows = (np.abs(part) <= TIED for part in relative)
        lost = (np.abs(price) * np.minimum(off_column, self.column_size))[free_columns].sum()
        lost += (np.abs(dual) * np.minimum(off_row, self.row_size))[free_rows].sum()
        return float(lost / own) if own > 0 else 0.0

    def pulled(self, face: Region, weights: Vector, target: Vector, multipliers: Vector) -> Residual:
        """What the pull to the target could still gain, as a part of all of it: beside multipliers that cancel every
        push looks small."""
        pull = weights * (self.x - target)
        push = pull - self.matrix.T @ multipliers
        against = np.where(push > 0, face.lower, face.upper)
        room = np.minimum(np.abs(self.x - against), self.column_size)
        room[face.lower == face.upper] = 0.0
        own = float(np.abs(pull) @ self.column_size) + float((weights * self.units**2).max(initial=0.0))
        left = float(np.abs(push) @ room)
        return Residual("pull", "", "sum of all pulls", left / own if own > 0 else left)

    def closest(self, face: Region, weights: Vector, target: Vector, multipliers: Vector) -> Residual:
        """Stationarity of the distance on the face: every push is against a bound or limit that x is at."""
        x = self.x
        push, share = self.pushes(weights, target, multipliers)
        against = np.where(push > 0, face.lower, face.upper)
        columns = np.minimum(np.abs(push), np.abs(x - against) / self.column_size)
        columns[face.lower == face.upper] = 0.0
        at = np.where(multipliers > 0, face.row_lower, face.row_upper)
        rows = np.minimum(share, np.abs(self.activity - at) / self.row_scale(at))
        rows[face.row_lower == face.row_upper] = 0.0
        return _worst("tie", "", columns, rows)

    def pushes(self, weights: Vector, target: Vector, multipliers: Vector) -> tuple[Vector, Vector]:
        """What is left of the pull to the target on every column (n,), with its sign, as a part of the terms that
        make it up; and the largest part (m,) that each multiplier has in the terms of one of its columns."""
        pull = weights * (self.x - target)
        carried = np.repeat(np.abs(multipliers), np.diff(self.matrix.indptr)) * self.size.data
        terms = np.abs(pull) + weights * self.units
        terms += np.bincount(self.matrix.indices, carried, minlength=pull.size)
        share = group_maximum(carried / terms[self.matrix.indices], self.matrix.indptr)
        return (pull - self.matrix.T @ multipliers) / terms, share

    def row_scale(self, limit: Vector) -> Vector:
        """The size of a row next to one of its limits: a limit of no consequence must not excuse the other."""
        size: Vector = np.maximum(self.row_size, np.where(np.isfinite(limit), np.abs(limit), 0.0))
        return size


def _limits(face: Region, reduced: Vector, rows: Vector) -> tuple[Vector, Vector]:
    """The bound (n,) and row limit (m,) that each price points at."""
    return (
        np.where(reduced > 0, face.lower, face.upper),
        np.where(rows > 0, face.row_lower, face.row_upper),
    )


def _sum(price: Vector, limit: Vector, used: Mask) -> float:
    used = used & np.isfinite(limit)
    return float(np.abs(price[used] * limit[used]).sum())


def _worst(kind: str, goal: str, columns: Vector, rows: Vector) -> Residual:
    sizes = np.concatenate([columns, rows])
    if not sizes.size:
        return Residual(kind, goal, "nothing", 0.0)
    worst = int(np.argmax(sizes))
    place = f"column {worst}" if worst < columns.size else f"row {worst - columns.size}"
    return Residual(kind, goal, place, float(sizes[worst]))
