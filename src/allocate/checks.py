"""A model read without a World: syntax, names, units and dims of every rule, every mistake in one letter."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from allocate.errors import InputError, Problem, nearest
from allocate.rules.dimension import dims_of, listed, unit_of
from allocate.rules.tree import (
    Node,
    RuleError,
    names_in,
    read_condition,
    read_expression,
    read_rule,
)
from allocate.spec import DataSpec, DerivedSpec, ExpressionSpec, GoalSpec, Model, VariableSpec
from allocate.units import MONEY, SCALES, Unit, UnitError


def check(model: Model) -> dict[str, Unit]:
    """Read every rule of a model for syntax, names, units and dims, without a World; return the unit of every name.

    >>> from allocate.read import read_model
    >>> check(read_model("grant_consolidation"))["unit_cost"]
    Unit(R/household)

    Raises :class:`InputError` with every problem and its place.
    """
    checker = _Checker(model)
    checker.read_units()
    if not checker.problems:
        checker.read_rules()
        checker.read_bounds()
    if checker.problems:
        raise InputError(model.source, checker.problems)
    return checker.units


class _Checker:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.problems: list[Problem] = []
        self.units: dict[str, Unit] = {}
        kinds = (model.data, model.derived, model.variables, model.expressions)
        self.specs: dict[str, DataSpec | DerivedSpec | VariableSpec | ExpressionSpec]
        self.specs = {n: s for kind in kinds for n, s in kind.items()}
        self.dims = {name: spec.over for name, spec in self.specs.items()}

    def _problem(self, place: str, words: str) -> None:
        self.problems.append(Problem(place, words))

    def read_units(self) -> None:
        for kind in ("data", "derived", "variables", "expressions"):
            for name, spec in getattr(self.model, kind).items():
                try:
                    self.units[name] = Unit.parse(spec.unit)
                except UnitError as error:
                    self._problem(f"{kind}.{name}", str(error))

    def read_rules(self) -> None:
        model = self.model
        known = {*model.dims, *model.groups, *(dim for dims in self.dims.values() for dim in dims)}
        for name, rule in model.rules.items():
            for dim in (dim for dim in rule.over if dim not in known):
                self._problem(f"rules.{name}", f"varies over {dim!r}, which is not a dim{nearest(dim, known)}")
            self._read(f"rules.{name}", read_rule, rule.rule, rule.over)
        if not model.active_goals:
            self._problem("goals", "lists none that is active; needs at least 1")
        for goal in model.goals:
            unit = self._read(f"goals.{goal.name}", read_expression, goal.rule, goal.over)
            self._attempt(f"goals.{goal.name}", lambda g=goal, u=unit: given(g, u or Unit()))  # type: ignore[misc]
        for kind, specs in (("derived", model.derived), ("expressions", model.expressions)):
            self._read_in_order(kind, specs)
        for name, variable in model.variables.items():
            if variable.where is not None:
                self._read(f"variables.{name}", read_condition, variable.where, variable.over, data_only=True)

    def _read_in_order(self, kind: str, specs: Mapping[str, DerivedSpec | ExpressionSpec]) -> None:
        """What is made of others uses only what is declared above, and is in the unit that it says."""
        later, data_only = set(specs), kind == "derived"
        for name, spec in specs.items():
            unit = self._read(f"{kind}.{name}", read_expression, spec.rule, spec.over, later, data_only)
            later.remove(name)
            if unit is not None and unit != self.units[name]:
                self._problem(f"{kind}.{name}", f"is in {unit}, but it is declared in {self.units[name]}")

    def _read(
        self,
        place: str,
        read: Callable[[str], Node],
        text: str,
        over: tuple[str, ...],
        later: Container[str] = (),
        data_only: bool = False,
    ) -> Unit | None:
        """The unit of a text; ``later`` are names that come too late, ``data_only`` says that no variable may stand."""
        try:
            node = read(text)
            unit = unit_of(node, self.units)
            extra = [d for d in dims_of(node, self.dims, self.model.copies) if d not in over]
            if extra:
                should = (
                    f"should vary over {listed(over)}" if over else f"should be one number; sum over {listed(extra)}"
                )
                raise RuleError(text, f"varies over {listed(extra)}, but {should}")
            for name in sorted(names_in(node)):
                if data_only and name in (*self.model.variables, *self.model.expressions):
                    kind = "a variable" if name in self.model.variables else "an expression"
                    raise RuleError(name, f"is {kind}; only data may stand here")
                if name in later:
                    raise RuleError(name, "is declared here or below; use only what is declared above")
        except RuleError as error:
            self._problem(place, str(error))
            return None
        return unit

    def _attempt(self, place: str, work: Callable[[], object]) -> None:
        try:
            work()
        except (RuleError, UnitError) as error:
            self._problem(place, str(error))

    def read_bounds(self) -> None:
        """Bounds and targets are data in the unit, and over the dims, of their variable."""
        known = [*self.model.data, *self.model.derived]
        for name, spec in self.model.variables.items():
            wanted = {"lower": spec.lower, "upper": spec.upper, "target": self.model.ties.nearest.get(name)}
            if spec.kind == "binary" and (spec.lower != 0 or spec.upper not in ("inf", 1)):
                self._problem(f"variables.{name}", "is binary, 0 or 1, so it has no other bounds")
            for what, datum in wanted.items():
                if not isinstance(datum, str) or datum == {"lower": "-inf", "upper": "inf"}.get(what):
                    continue
                place = f"variables.{name}"
                if datum not in known:
                    self._problem(place, f"{what} {datum!r} is not a number or a datum{nearest(datum, known)}")
                elif self.units[datum] != self.units[name]:
                    self._problem(place, f"{what} is in {self.units[datum]}, but the variable is in {self.units[name]}")
                elif extra := [d for d in self.dims[datum] if d not in spec.over]:
                    self._problem(place, f"{what} {datum!r} varies over {listed(extra)}, the variable does not")


def given(goal: GoalSpec, unit: Unit) -> tuple[float, float]:
    """How much of a goal later goals may cost: an amount in its unit, and a share of its value; one of them is 0.

    >>> from allocate.spec import GoalSpec
    >>> given(GoalSpec(name="thrift", min="cost", give="5 R million"), Unit.parse("R"))
    (5000000.0, 0.0)

    Raises :class:`UnitError` when the amount is in another unit.
    """
    if not isinstance(goal.give, str):
        return 0.0, goal.give
    number, _, text = goal.give.partition(" ")
    scale, found = (SCALES[text], Unit.parse(MONEY)) if text in SCALES else (1.0, Unit.parse(text))
    if found != unit:
        raise UnitError(f"gives {goal.give!r}, but the goal is in {unit}")
    return float(number) * scale, 0.0
