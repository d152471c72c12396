"""The second reading of a rule: units, and dims, in the place of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from allocate.errors import nearest
from allocate.names import TIME
from allocate.rules.tree import (
    Along,
    Arithmetic,
    At,
    Compare,
    Logic,
    Name,
    Negate,
    Node,
    Number,
    RuleError,
    Total,
    children,
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
        case Negate(operand=operand) | Total(operand=operand) | At(operand=operand):
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
        raise RuleError(node.text, f"cannot {verb} {a} {'with' if verb == 'compare' else 'and'} {b}")
    return b if a is None else a


def dims_of(
    node: Node, dims: Mapping[str, tuple[str, ...]], copies: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, ...]:
    """The dims that an expression varies over; ``dims`` gives those of every name, ``copies`` what each copy copies.

    >>> from allocate.rules.tree import read_expression
    >>> dims_of(read_expression("sum(spend, over=space) + held"), {"spend": ("space", "year"), "held": ("pool",)})
    ('year', 'pool')

    Raises :class:`RuleError` for a sum over a dim that is not there, a walk along years of what has none, or ``at`` a
    dim that is no copy.
    """
    below = [dims_of(child, dims, copies) for child in children(node)]
    inner = tuple(dict.fromkeys(d for each in below for d in each))
    match node:
        case Name(name=name):
            return dims[name]
        case Total(over=over, by=by):
            if missing := [d for d in over if d not in inner]:
                words = f"sums over {listed(missing)}, but what it sums varies over {listed(inner)}"
                raise RuleError(node.text, words + nearest(missing[0], inner))
            if by in inner:
                raise RuleError(node.text, f"groups by {by!r}, but what it sums varies over {by!r} already")
            return tuple(d for d in inner if d not in over) + (() if by is None else (by,))
        case At(dim=dim, other=other):
            if dim not in inner:
                words = f"is at one {dim}, but {node.operand.text!r} varies over {listed(inner)}"
                raise RuleError(node.text, words + nearest(dim, inner))
            if other is None:
                return tuple(d for d in inner if d != dim)
            if copies.get(other, other) != copies.get(dim, dim) or other == dim:
                words = (
                    f"puts {other!r} for {dim!r}, but it is no copy of it; declare {other} = {{ copy_of = {dim!r} }}"
                )
                raise RuleError(node.text, words + "; a label is written in quotes")
            if other in inner:
                raise RuleError(node.text, f"puts {other!r} for {dim!r}, but it varies over {other!r} already")
            return tuple(other if d == dim else d for d in inner)
        case Along(how=how, operand=operand, first=first):
            if TIME not in below[0]:
                raise RuleError(node.text, f"walks along {TIME}, but {operand.text!r} does not vary over it")
            if first is not None and TIME in below[1]:
                raise RuleError(node.text, f"starts from {first.text!r}, which varies over {TIME} itself")
            return tuple(d for d in inner if how != "last" or d != TIME)
    return inner


def listed(names: Iterable[object]) -> str:
    """Names in a row, or the word for none."""
    return ", ".join(map(str, names)) or "nothing"
