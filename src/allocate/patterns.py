"""Which single number of a model's data stands behind the limits of a rule, such as ``keep`` behind a guarantee.

Only what is certain is said: the limits are that datum times other data and nothing else, it has one value everywhere,
and it is used nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allocate.active import variables_in
from allocate.program import Program
from allocate.rules.rows import Array, Reader, Scope
from allocate.rules.tree import (
    Arithmetic,
    Compare,
    Name,
    Node,
    Total,
    children,
    names_in,
    read_condition,
    read_expression,
    read_rule,
)
from allocate.units import MONEY

#: A proposed value is a whole number of these: ten-thousandths, or rand.
STEP = 1e-4
STEP_OF_MONEY = 1.0


@dataclass(frozen=True)
class Datum:
    """A datum, its unit, the value that it has and the one that it would need."""

    name: str
    unit: str
    old: float
    new: float


def datum_behind(program: Program, rule: str, side: int, factor: float) -> Datum | None:
    """The datum that multiplies all limits of a rule by a factor, and the value that does it.

    ``side`` +1 is for floors, whose factor is at most 1, and -1 for ceilings, at least 1. The value is rounded to the
    safe side, with a margin where limits are rounded to published units. None unless all of it is certain.
    """
    text = program.case.model.rules.get(rule)
    limit = None if text is None else _data_side(program, read_rule(text.rule))
    if limit is None or not _is_the_limit(program, rule, limit, side):
        return None
    margin = 0.0
    if isinstance(limit, Name) and limit.name in program.case.model.derived:
        derived = program.case.model.derived[limit.name]
        if _uses(program, limit.name) != 1:
            return None
        limit, margin = read_expression(derived.rule), _margin(program, rule, side) if derived.round else 0.0
    for name in _factors(limit):
        values = np.unique(program.datum(name).values) if name in program.case.model.data else np.zeros(0)
        if values.size == 1 and values[0] > 0 and _uses(program, name) == 1:
            old, spec = float(values[0]), program.case.model.data[name]
            new = _safe((factor - side * margin) * old, side, STEP_OF_MONEY if spec.unit == MONEY else STEP)
            return (
                Datum(name, spec.unit, old, new) if 0 < new <= (math.inf if spec.most is None else spec.most) else None
            )
    return None


def _data_side(program: Program, rule: Compare) -> Node | None:
    """The side of a comparison that is data alone, if there is exactly one."""
    sides = [side for side in rule.sides if not variables_in(program.case.model, side)]
    return sides[0] if len(rule.sides) == 2 and len(sides) == 1 else None


def _is_the_limit(program: Program, rule: str, node: Node, side: int) -> bool:
    """Whether the rows' limits are these data and nothing more."""
    block, linear = program.rows[rule], program.linear
    if _grouped(node) or any(n not in program.derived and n not in program.case.model.data for n in names_in(node)):
        return False
    labels = {str(dim): program.case.world.labels(str(dim)) for dim in program.case.world.data.dims}
    data = {name: program.datum(name) for name in names_in(node)}
    arrays = {name: Array(tuple(map(str, a.dims)), a.values.astype(float)) for name, a in data.items()}
    scope = Scope(labels, arrays, {}, {}, program.case.model.copies)
    values = np.broadcast_to(Reader(scope).data(node).over(block.dims), block.number.shape)
    there = block.number >= 0
    limits = (linear.row_lower if side > 0 else linear.row_upper)[block.number[there]]
    return bool(np.array_equal(values[there], limits))


def _grouped(node: Node) -> bool:
    """Whether something in it is summed group by group."""
    return (isinstance(node, Total) and node.by is not None) or any(map(_grouped, children(node)))


def _factors(node: Node) -> Iterator[str]:
    """The names that the whole of an expression is multiplied by."""
    if isinstance(node, Name):
        yield node.name
    elif isinstance(node, Arithmetic) and node.sign == "*":
        yield from _factors(node.left)
        yield from _factors(node.right)
    elif isinstance(node, Arithmetic) and node.sign == "/":
        yield from _factors(node.left)


def _uses(program: Program, name: str) -> int:
    """How many times a name stands in the model."""
    model = program.case.model
    nodes: list[Node] = [read_rule(rule.rule) for rule in model.rules.values()]
    nodes += [read_expression(derived.rule) for derived in model.derived.values()]
    nodes += [read_expression(spec.rule) for spec in model.expressions.values()]
    nodes += [read_expression(goal.rule) for goal in model.goals]
    nodes += [read_condition(v.where) for v in model.variables.values() if v.where is not None]
    bounds = [bound for v in model.variables.values() for bound in (v.lower, v.upper)]
    said = [*bounds, *model.ties.nearest.values(), *program.case.fixed.values()]
    return sum(_count(node, name) for node in nodes) + said.count(name)


def _count(node: Node, name: str) -> int:
    return int(node == Name(name)) + sum(_count(child, name) for child in children(node))


def _margin(program: Program, rule: str, side: int) -> float:
    """What rounding to one published unit can add to a limit, as a part of the smallest."""
    block, linear = program.rows[rule], program.linear
    limits = (linear.row_lower if side > 0 else linear.row_upper)[block.number[block.number >= 0]]
    return float(block.unit.published / limits[limits > 0].min(initial=np.inf))


def _safe(value: float, side: int, step: float) -> float:
    """Rounded to whole steps, down for a floor and up for a ceiling; a value within a millionth of a step is there."""
    steps = value / step
    near = round(steps)
    whole = near if abs(steps - near) < 1e-6 else math.floor(steps) if side > 0 else math.ceil(steps)
    return float(whole / round(1 / step))
