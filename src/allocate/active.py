"""The active part of a model: a rule that waits for a scenario costs nothing, and a World need not have its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from allocate.rules.tree import Node, names_in, read_condition, read_expression, read_rule
from allocate.spec import DerivedSpec, ExpressionSpec, GoalSpec, Model, RuleSpec, TiesSpec, VariableSpec

NOTHING: Final[Mapping[str, str | float]] = MappingProxyType({})


def active_part(model: Model, fixed: Mapping[str, str | float] = NOTHING) -> Model:
    """The model without the rules and goals that wait, and without what only they need.

    Expressions are counted of every plan, so they stay; so do variables that are ``fixed``, and the data they are.

    >>> from allocate.read import read_model
    >>> model = read_model("grant_consolidation")
    >>> waiting = model.rules["pace"].model_copy(update={"active": False})
    >>> "pace" in active_part(model.model_copy(update={"rules": {**model.rules, "pace": waiting}})).data
    False

    Raises :class:`allocate.rules.tree.RuleError` for a text that cannot be read.
    """
    idle = {name: rule for name, rule in model.rules.items() if not rule.active}
    resting = [goal for goal in model.goals if not goal.active]
    out = _reached(model, _mentioned(idle.values(), resting)) - used(model, fixed)
    kinds = {kind: dict(getattr(model, kind)) for kind in ("data", "derived", "variables")}
    lost = [specs.pop(name) for specs in kinds.values() for name in out & specs.keys()]
    left = [spec for specs in (*kinds.values(), model.expressions, model.active_rules) for spec in specs.values()]
    dims = {dim for spec in [*lost, *idle.values(), *resting] for dim in spec.over}
    dims -= {dim for spec in [*left, *model.active_goals] for dim in spec.over}
    dims -= {copied for dim, copied in model.copies.items() if dim not in dims}
    kept = {
        **kinds,
        "dims": {dim: spec for dim, spec in model.dims.items() if dim not in dims},
        "rules": model.active_rules,
        "goals": model.active_goals,
        "ties": TiesSpec(nearest={name: datum for name, datum in model.ties.nearest.items() if name not in out}),
    }
    return model.model_copy(update=kept)


def used(model: Model, fixed: Mapping[str, str | float] = NOTHING) -> set[str]:
    """The names of all that active rules and goals, expressions and the schedule are made of; and what is ``fixed``.

    >>> from allocate.read import read_model
    >>> {"pace", "formula_share"} & used(read_model("grant_consolidation"))
    {'pace'}
    """
    always = [model.schedule.amount, model.schedule.unallocated, *model.expressions, *fixed]
    always += [datum for datum in fixed.values() if isinstance(datum, str)]
    return _reached(model, [*_mentioned(model.active_rules.values(), model.active_goals), *always])


def _mentioned(rules: Iterable[RuleSpec], goals: Iterable[GoalSpec]) -> set[str]:
    nodes: list[Node] = [read_rule(rule.rule) for rule in rules]
    nodes += [read_expression(goal.rule) for goal in goals]
    return {name for node in nodes for name in names_in(node)}


def variables_in(model: Model, node: Node) -> set[str]:
    """The variables that a tree mentions, by name or in an expression.

    >>> from allocate.read import read_model
    >>> sorted(variables_in(read_model("grant_consolidation"), read_expression("sum(spend, over=space) + budget")))
    ['spend']
    """
    return _reached(model, names_in(node)) & model.variables.keys()


def data_in(model: Model, node: Node) -> set[str]:
    """The data that a tree is made of: by name, or by what derived data, variables and expressions need.

    >>> from allocate.read import read_model
    >>> sorted(data_in(read_model("grant_consolidation"), read_expression("sum(spend, over=space) + budget")))
    ['budget', 'got_share', 'may_fund', 'may_receive', 'member', 'service_split']
    """
    return _reached(model, names_in(node)) & model.data.keys()


def _reached(model: Model, names: Iterable[str]) -> set[str]:
    """The names, and all that what they name is made of."""
    found, left = set[str](), list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _made_of(model, name)
    return found


def _made_of(model: Model, name: str) -> Iterator[str]:
    """What a derived datum, a variable or an expression needs."""
    spec = model.derived.get(name) or model.variables.get(name) or model.expressions.get(name)
    if isinstance(spec, DerivedSpec | ExpressionSpec):
        yield from names_in(read_expression(spec.rule))
    if isinstance(spec, VariableSpec):
        yield from names_in(read_condition(spec.where)) if spec.where is not None else ()
        ends = (spec.lower, spec.upper, model.ties.nearest.get(name))
        yield from (end for end in ends if isinstance(end, str) and end not in ("inf", "-inf"))
