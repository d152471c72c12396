"""What is short when rules conflict: the limits that cannot hold together, the least repair, what could be afforded.

A limit on money is a rule in rand with a number in it: a pool, a floor, a ceiling; or a bound of a variable in rand.
A rule in rand whose limits are all zero, such as "what is built is paid for", says how variables hang together; moving
it would mend a plan with money that is not there, so it stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from allocate.errors import ProofError, StoppedError
from allocate.optimum.infeasible import Infeasible
from allocate.optimum.linear import Mask, Vector
from allocate.optimum.repair import Repair, bounds_as_rows, cheapest, common_factor
from allocate.patterns import Datum, datum_behind
from allocate.program import Block, Program
from allocate.units import MONEY, Unit

SECONDS: Final = 60.0
"""Longest time for the repairs and shares; the conflict itself is there before."""

BOUNDS: Final = "bounds of "
"""How the bounds of a variable are called among the rules."""


@dataclass(frozen=True)
class Limit:
    """A limit of a rule, or a bound of a variable: its name, the label of each dim, its amount and unit.

    In a conflict the rule must be at least the amount when ``weight`` is positive, at most when it is negative, and
    one unit of it counts that much in the proof. In a repair the amount is how far the limit moves, down when negative,
    and ``weight`` the price of one unit.
    """

    name: str
    where: Mapping[str, str]
    amount: float
    unit: str
    weight: float = 1.0


@dataclass(frozen=True)
class Remedy:
    """Moves of limits that let every rule fit, and their total in ``unit`` ("1": each as a part of its limit)."""

    moves: tuple[Limit, ...]
    total: float
    unit: str = MONEY


@dataclass(frozen=True)
class Share:
    """The factor at which every limit of a rule could be met, everywhere, and the datum that makes it so, if any."""

    rule: str
    factor: float
    datum: Datum | None = None


@dataclass(frozen=True)
class Findings:
    """Why rules conflict.

    ``conflict`` cannot hold together, and any one limit less could (bounds at zero belong to it and are not named).
    ``asked`` and ``given`` are its two sides: limits times weights, in ``unit``; a ceiling below zero asks. ``repair``
    moves limits on money least or, where money cannot mend it, any limits as parts of their size. ``alone`` says what
    each limit on money in the conflict would have to move by itself, None where it cannot mend it. ``unknown`` names
    what took too long or could not be proved.

    >>> floor, pool = Limit("floor", {"space": "N"}, 28e6, "R"), Limit("pool", {}, 20e6, "R", -1.0)
    >>> Findings((floor, pool), 28e6, 20e6, "R").short
    8000000.0
    """

    conflict: tuple[Limit, ...]
    asked: float
    given: float
    unit: str
    repair: Remedy | None = None
    alone: Mapping[str, Remedy | None] = field(default_factory=dict)
    shares: tuple[Share, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def short(self) -> float:
        """By how much more is asked than there is."""
        return self.asked - self.given


def find(program: Program, error: Infeasible, seconds: float = SECONDS) -> Findings:
    """What conflicts in a program by this proof, with repair and shares as far as they are found in so many seconds."""
    return _Finder(program, error, time.perf_counter() + seconds).findings()


@dataclass(frozen=True, eq=False)
class _Group:
    """The rows of one rule, or of the bounds of one variable: their numbers, and which cells of the block they are."""

    name: str
    block: Block
    rows: np.ndarray[Any, np.dtype[np.int64]]
    cells: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def unit(self) -> Unit:
        return self.block.unit


class _Finder:
    """A program with its bounds as rows, a proof of conflict, and a deadline."""

    def __init__(self, program: Program, error: Infeasible, deadline: float) -> None:
        self.program, self.deadline = program, deadline
        self.linear, bound = bounds_as_rows(program.linear)
        self.groups = {group.name: group for group in _groups(program, bound)}
        self.group_of = {int(row): group for group in self.groups.values() for row in group.rows}
        self.published = np.ones(self.linear.row_lower.size)
        for group in self.groups.values():
            self.published[group.rows] = group.unit.published
        at = {int(column): program.linear.row_lower.size + k for k, column in enumerate(bound)}
        weights = dict(zip(error.rows.tolist(), error.row_weights.tolist(), strict=True))
        columns = zip(error.columns.tolist(), error.column_weights.tolist(), strict=True)
        self.weights = weights | {at[column]: weight for column, weight in columns if column in at}
        self.unknown: list[str] = []

    def findings(self) -> Findings:
        conflict, unit = self._conflict()
        terms = [limit.amount * limit.weight for limit in conflict]
        asked, given = sum(max(term, 0.0) for term in terms), sum(max(-term, 0.0) for term in terms)
        names = list(dict.fromkeys(limit.name for limit in conflict))
        repair, alone = self._repairs(names)
        shares = [self._timed(f"the share of {name} that fits", self._share, name) for name in names]
        found = tuple(share for share in shares if share is not None)
        return Findings(conflict, asked, given, unit, repair, alone, found, tuple(self.unknown))

    def _repairs(self, names: Sequence[str]) -> tuple[Remedy | None, dict[str, Remedy | None]]:
        """The least repair by money, or where there is none by anything; and by each of these rules on money alone."""
        repair = self._timed("the least repair", self._repair, self._money(self.groups))
        if repair is None:
            return (None if self.unknown else self._timed("the least change", self._relative_repair)), {}
        alone: dict[str, Remedy | None] = {}
        for name in names:
            if (money := self._money([name])).any():
                what = f"what {name} alone would take"
                found = self._timed(what, self._repair, money)
                alone |= {} if what in self.unknown else {name: found}
        return repair, alone

    def _timed[**P, T](self, what: str, work: Callable[P, T | None], *args: P.args, **more: P.kwargs) -> T | None:
        """What is found, or None and a note when the time is over or a proof fails."""
        try:
            return work(*args, **more)
        except (StoppedError, ProofError):
            self.unknown.append(what)
            return None

    def _conflict(self) -> tuple[tuple[Limit, ...], str]:
        """The limits of the conflict in the model's order, and the unit of their weighted amounts.

        Weights are scaled so that the largest on a limit in rand is 1; where no rand is, on any limit.
        """
        linear = self.linear
        limits = {
            row: float((linear.row_lower if weight > 0 else linear.row_upper)[row])
            for row, weight in sorted(self.weights.items())
        }
        counted = [row for row, amount in limits.items() if amount]
        money = [row for row in counted if str(self.group_of[row].unit) == MONEY]
        chosen = max(money or counted or list(limits), key=lambda row: abs(self.weights[row]), default=None)
        if chosen is None:
            return (), "1"
        size = abs(self.weights[chosen])
        found = (self._limit(row, amount, self.weights[row] / size) for row, amount in limits.items())
        return tuple(found), str(self.group_of[chosen].unit)

    def _limit(self, row: int, amount: float, weight: float = 1.0) -> Limit:
        group, world = self.group_of[row], self.program.case.world
        cell = group.cells[np.searchsorted(group.rows, row)]
        places = np.unravel_index(cell, group.block.number.shape) if group.block.dims else ()
        where = {dim: world.labels(dim)[int(k)] for dim, k in zip(group.block.dims, places, strict=True)}
        return Limit(group.name, where, amount, str(group.unit), weight)

    def _money(self, names: Sequence[str] | Mapping[str, _Group]) -> Mask:
        """Which rows are limits on money of these rules."""
        size, money = self.linear.limit_size, np.zeros(self.linear.row_lower.size, bool)
        for group in (self.groups[name] for name in names):
            money[group.rows] = str(group.unit) == MONEY and size[group.rows].any()
        return money

    def _repair(self, movable: Mask) -> Remedy | None:
        price = np.where(movable, 1.0, np.inf)
        found = cheapest(self.linear, price, self.published, self.deadline)
        return None if found is None else Remedy(self._moves(found, price), found.cost)

    def _relative_repair(self) -> Remedy | None:
        size = self.linear.limit_size
        price = np.where(size > 0, 1.0 / np.where(size > 0, size, 1.0), np.inf)
        found = cheapest(self.linear, price, self.published, self.deadline)
        return None if found is None else Remedy(self._moves(found, price), found.cost, "1")

    def _moves(self, repair: Repair, price: Vector) -> tuple[Limit, ...]:
        moves = zip(repair.rows.tolist(), repair.moves.tolist(), strict=True)
        return tuple(self._limit(row, move, float(price[row])) for row, move in moves)

    def _share(self, name: str) -> Share | None:
        """The largest share of a floor, or the smallest multiple of a ceiling, that fits everywhere."""
        group, linear = self.groups[name], self.linear
        sides = {np.sign(weight) for row, weight in self.weights.items() if self.group_of[row] is group}
        low, high = linear.row_lower[group.rows], linear.row_upper[group.rows]
        identity = (low == high).any() and str(group.unit) != MONEY
        if len(sides) != 1 or identity:
            return None
        side = int(sides.pop())
        rows = group.rows[np.isfinite(low if side > 0 else high)]
        factor = common_factor(linear, rows, side, self.deadline)
        if factor is None or not (0.0 < factor < 1.0 if side > 0 else factor > 1.0):
            return None
        return Share(name, factor, datum_behind(self.program, name, side, factor))


def _groups(program: Program, bound: Any) -> Iterator[_Group]:
    """Every rule, and every variable with bounds among ``bound``, the columns whose bounds became the last rows."""
    for block in program.rows.values():
        cells = np.flatnonzero(block.number.ravel() >= 0)
        yield _Group(block.name, block, block.number.ravel()[cells], cells)
    for block in program.columns.values():
        number = block.number.ravel()
        cells = np.flatnonzero(np.isin(number, bound) & (number >= 0))
        if cells.size:
            rows = program.linear.row_lower.size + np.searchsorted(bound, number[cells])
            yield _Group(BOUNDS + block.name, block, rows, cells)
