"""The second reading of a rule: units in the place of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from allocate.errors import nearest
from allocate.rules.tree import (
    Along,
    Arithmetic,
    Compare,
    Logic,
    Name,
    Negate,
    Node,
    Number,
    RuleError,
    Total,
)
from allocate.units import Unit

PURE = Unit()


def unit_of(node: Node, units: Mapping[str, Unit]) -> Unit | None:
    """The unit of an expression; ``None`` for a bare 0, which fits any unit. Comparisons have the unit compared.

    >>> from allocate.rules.tree import read_rule
    >>> unit_of(read_rule("cost * reached <= budget"),
    ...         {"cost": Unit.parse("R/household"), "reached": Unit.parse("household"), "budget": Unit.parse("R")})
    Unit(R)

    Raises :class:`RuleError` naming the piece whose units do not agree, or a name that is not known.
    """
    match node:
        case Number(value=value):
            return None if value == 0 else PURE
        case Name(name=name):
            if name not in units:
                raise RuleError(name, f"is not a datum or variable of the model{nearest(name, units)}")
            return units[name]
        case Negate(operand=operand) | Total(operand=operand):
            return unit_of(operand, units)
        case Along(how=how, operand=operand, first=first):
            here = unit_of(operand, units)
            return here if first is None else _same(here, unit_of(first, units), node, f"join in {how}")
        case Arithmetic(left=left, sign="+" | "-", right=right):
            return _same(unit_of(left, units), unit_of(right, units), node, "add")
        case Arithmetic(left=left, sign=sign, right=right):
            a, b = unit_of(left, units) or PURE, unit_of(right, units) or PURE
            return a * b if sign == "*" else a / b
        case Compare(sides=sides):
            seen = unit_of(sides[0], units)
            for side in sides[1:]:
                seen = _same(seen, unit_of(side, units), node, "compare")
            return seen
        case Logic(parts=parts):
            for part in parts:
                unit_of(part, units)
            return PURE


def _same(a: Unit | None, b: Unit | None, node: Node, verb: str) -> Unit | None:
    if a is not None and b is not None and a != b:
        raise RuleError(node.text, f"cannot {verb} {a} {'and' if verb == 'add' else 'with'} {b}")
    return b if a is None else a
