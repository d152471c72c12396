"""Slow twins: the same answers as the library's, in loops that anybody can check."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import copysign, inf, isfinite
from types import MappingProxyType

from allocate.optimum.linear import LinearProgram
from allocate.rules.tree import Along, Arithmetic, At, Compare, Name, Negate, Node, Number, Total

type Cell = Mapping[str, str]
type Key = tuple[str, tuple[str, ...]]


def water_filling(money: int, base: Sequence[int], cost: Sequence[int], full: Sequence[int]) -> list[Fraction]:
    """What each place has when money raises the lowest together, at ``cost`` for each unit and each up to its ``full``.

    The lowest that are not full rise until they meet the next lowest, one of them is full, or the money ends.
    """
    value, left = [Fraction(v) for v in base], Fraction(money)
    while left > 0 and (rising := [i for i, v in enumerate(value) if v < full[i]]):
        low = min(value[i] for i in rising)
        lowest = [i for i in rising if value[i] == low]
        ends = [value[i] for i in rising if value[i] > low] + [Fraction(full[i]) for i in lowest]
        price = sum(cost[i] for i in lowest)
        rise = min(min(ends) - low, left / price)
        left -= rise * price
        for i in lowest:
            value[i] += rise
    return value


@dataclass(frozen=True)
class Sum:
    """Coefficients of columns, and a constant."""

    coefs: Mapping[Key, float]
    const: float

    def plus(self, other: Sum, sign: float = 1.0) -> Sum:
        keys = [*self.coefs, *(k for k in other.coefs if k not in self.coefs)]
        coefs = {k: self.coefs.get(k, 0.0) + sign * other.coefs.get(k, 0.0) for k in keys}
        return Sum(coefs, self.const + sign * other.const)

    def times(self, factor: float) -> Sum:
        return Sum({k: v * factor for k, v in self.coefs.items()}, self.const * factor)


@dataclass(frozen=True)
class RuleTwin:
    """Reads a rule at one cell at a time; ``data`` and ``columns`` (the cells that exist) are plain dicts and sets.

    ``group`` says for each column of the table of spaces in which group each space is.
    """

    labels: Mapping[str, tuple[str, ...]]
    dims: Mapping[str, tuple[str, ...]]
    data: Mapping[Key, float]
    columns: set[Key]
    variables: set[str]
    group: Mapping[str, Mapping[str, str]] = MappingProxyType({})

    def read(self, node: Node, at: Cell) -> Sum | None:
        """An expression at one cell; ``None`` where ``previous`` has nothing before it."""
        match node:
            case Number(value=value):
                return Sum({}, value)
            case Name(name=name):
                key = (name, tuple(at[d] for d in self.dims[name]))
                if name in self.variables:
                    return Sum({key: 1.0} if key in self.columns else {}, 0.0)
                return Sum({}, self.data[key])
            case Negate(operand=operand):
                found = self.read(operand, at)
                return found and found.times(-1.0)
            case Arithmetic(left=left, sign=sign, right=right):
                a, b = self.read(left, at), self.read(right, at)
                if a is None or b is None:
                    return None
                if sign in "+-":
                    return a.plus(b, 1.0 if sign == "+" else -1.0)
                if sign == "/":
                    return a.times(1.0 / b.const)
                return b.times(a.const) if b.coefs else a.times(b.const)
            case At(operand=operand, dim=dim, label=label, other=other):
                return self.read(operand, {**at, dim: at[other] if label is None else label})
            case Total(operand=operand, over=over, by=by):
                total = Sum({}, 0.0)
                for choice in itertools.product(*(self.labels[d] for d in over)):
                    if by is not None and self._group(by, dict(zip(over, choice, strict=True))) != at[by]:
                        continue
                    part = self.read(operand, {**at, **dict(zip(over, choice, strict=True))})
                    assert part is not None
                    total = total.plus(part)
                return total
            case Along(how=how, operand=operand, first=first):
                years = self.labels["year"]
                if how == "last":
                    return self.read(operand, {**at, "year": years[-1]})
                now = years.index(at["year"])
                if how == "previous" and now == 0:
                    return None if first is None else self.read(first, at)
                if how == "previous":
                    return self.read(operand, {**at, "year": years[now - 1]})
                total = Sum({}, 0.0)
                for year in years[: now + 1]:
                    part = self.read(operand, {**at, "year": year})
                    assert part is not None
                    total = total.plus(part)
                return total
        raise AssertionError(node)

    def _group(self, by: str, choice: Cell) -> str:
        return self.group[by][choice["space"] if "space" in choice else choice["other"]]

    def rows(
        self, rule: Compare, over: tuple[str, ...]
    ) -> dict[tuple[str, ...], tuple[dict[Key, float], float, float]]:
        """Every row that the rule has, by its labels: non-zero coefficients, lower and upper limit."""
        rows = {}
        for place in itertools.product(*(self.labels[d] for d in over)):
            sides = [self.read(side, dict(zip(over, place, strict=True))) for side in rule.sides]
            if None in sides:
                continue
            if len(sides) == 2:
                body = sides[0].plus(sides[1], -1.0)
                low = -body.const if rule.signs[0] in (">=", "==") else float("-inf")
                high = -body.const if rule.signs[0] in ("<=", "==") else float("inf")
            else:
                body = sides[1]
                ends = sides if rule.signs[0] == "<=" else sides[::-1]
                low, high = ends[0].const - body.const, ends[2].const - body.const
            rows[place] = ({k: v for k, v in body.coefs.items() if v}, low, high)
        return rows


def above_floors_twin(weights: list[float], floors: list[float], total: float) -> list[float]:
    """Everybody gets the larger of its floor and its weight times one level; the level is found by halving.

    Real amounts: whole numbers come after.
    """
    low, high = 0.0, total / min(w for w in weights if w > 0)
    for _ in range(200):
        level = (low + high) / 2
        spent = sum(max(f, level * w) for w, f in zip(weights, floors, strict=True))
        low, high = (level, high) if spent <= total else (low, level)
    return [max(f, low * w) for w, f in zip(weights, floors, strict=True)]


def nested_value(lp: LinearProgram) -> Fraction | float | None:
    """The best value of a program with nested rows, in fractions; None where nothing keeps all limits, inf where it has
    no end. Every row is a concave curve: a start, and steps of falling worth."""
    sign = 1 if lp.goals[0].sense == "max" else -1
    rows = []
    for row in range(lp.matrix.shape[0]):
        a, b = lp.matrix.indptr[row : row + 2]
        ends = lp.row_lower[row], lp.row_upper[row]
        if a == b:
            if ends[0] > 0 or ends[1] < 0:
                return None
            continue
        factor = Fraction(lp.matrix.data[a])
        low, high = sorted(Fraction(e) / factor if isfinite(e) else copysign(e, e * lp.matrix.data[a]) for e in ends)
        rows.append((frozenset(lp.matrix.indices[a:b].tolist()), low, high))
    curves = {}
    for j in range(lp.lower.size):
        room = Fraction(lp.upper[j]) - Fraction(lp.lower[j]) if isfinite(lp.upper[j]) else inf
        cost = sign * Fraction(lp.goals[0].cost[j])
        curves[frozenset([j]), "column"] = (Fraction(lp.lower[j]), Fraction(lp.lower[j]) * cost, [(cost, room)])
    for number, (here, low, high) in enumerate(sorted(rows, key=lambda row: len(row[0]))):
        inside = [key for key in curves if key[0] <= here]
        at, value, steps = Fraction(0), Fraction(0), []
        for key in inside:
            start, worth, more = curves.pop(key)
            at, value, steps = at + start, value + worth, steps + more
        steps.sort(reverse=True)
        kept = []
        if at > high:
            return None
        for cost, room in steps:
            sure = min(room, low - at) if at < low else Fraction(0)
            at, value = at + sure, value + sure * cost
            free = sum((r for _, r in kept), Fraction(0))
            left = min(room - sure, high - at - free)
            if left > 0:
                kept.append((cost, left))
        if at < low:
            return None
        curves[here, number] = (at, value, kept)
    total = Fraction(0)
    for _, value, steps in curves.values():
        total += value
        for cost, room in steps:
            if cost > 0 and room == inf:
                return inf
            total += cost * room if cost > 0 else 0
    return sign * total + Fraction(lp.goals[0].offset)
