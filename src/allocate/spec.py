"""Models and scenarios as frozen records. A model is mathematics as text; a scenario is a list of changes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, StrictBool, Tag, model_validator
from pydantic.json_schema import SkipJsonSchema

from allocate.fields import (
    Bound,
    DataName,
    DataNumber,
    DataNumberOrName,
    Default,
    Dims,
    FileNames,
    Give,
    Identifier,
    Label,
    Line,
    NumberOrName,
    Part,
    Record,
    RuleName,
)
from allocate.varied import GridAxis, RangeSpec, RiskSpec, SampleSpec, SpreadSpec

GROUPED: Final = re.compile(r"\bby\s*=\s*([A-Za-z_]\w*)")
"""Where a rule names the column that it groups by."""


class DimSpec(Record):
    """A dim that is more than words: a second index over the labels of a dim (``copy_of``), for data and rules about
    pairs, such as flows between spaces; or one whose ``labels`` the model gives itself.
    """

    copy_of: Identifier | None = None
    labels: tuple[Label, ...] = ()
    why: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.copy_of is None) == (not self.labels):
            raise ValueError("needs one of copy_of and labels")
        return self


def _kind_of_dim(value: object) -> str:
    return "[table]" if isinstance(value, dict | DimSpec) else "[words]"


type Dim = Annotated[Annotated[str, Tag("[words]")] | Annotated[DimSpec, Tag("[table]")], Discriminator(_kind_of_dim)]
"""What a dim is, in words, or as a table."""


class DataSpec(Record):
    """A datum the World must give: what it varies over and its unit.

    ``default`` stands in where a World lacks it: one number, or a list of one for each label of its only dim. ``most``
    is the largest it may be, after any scenario (1 for a share).
    ``named`` gives names to values of an uncertain input, numbers or other data, for a scenario to ``use``.
    """

    over: Dims = ()
    unit: str
    default: Default | None = None
    most: DataNumber | None = None
    named: dict[Identifier, DataNumberOrName] = {}
    why: str = ""

    @model_validator(mode="after")
    def _list_over_one_dim(self) -> Self:
        if isinstance(self.default, tuple) and len(self.over) != 1:
            over = ", ".join(self.over) or "nothing"
            raise ValueError(f"its default is a list, so it varies over one dim, not over {over}")
        return self


class DerivedSpec(Record):
    """Data computed from data. ``round`` takes it up or down to whole published units (R thousand for rand)."""

    over: Dims = ()
    unit: str
    rule: str
    round: Literal["up", "down", "nearest"] | None = None
    why: str = ""


class VariableSpec(Record):
    """What a plan decides, in which cells (``where``) and between which bounds (numbers or names of data).

    ``lower = "-inf"`` lets it be negative. ``kind`` makes it a whole number, or 0 or 1.
    """

    over: Dims = ()
    unit: str
    kind: Literal["continuous", "integer", "binary"] = "continuous"
    where: str | None = None
    lower: Bound = 0.0
    upper: Bound = "inf"
    why: str = ""


class ExpressionSpec(Record):
    """What is counted of a plan: a linear expression of variables that rules, goals and reports call by its name."""

    over: Dims = ()
    unit: str
    rule: str
    why: str = ""


class RuleSpec(Record):
    """One rule, a row for each cell of ``over``. One that is not ``active`` waits for a scenario to activate it.

    ``policy`` marks what somebody asks for, where it speaks of what money does: the actual split and no money at all,
    which nobody chose by it, are shown without it. ``instead`` lets a model that extends another say a rule of it anew.
    """

    over: Dims = ()
    rule: str
    active: StrictBool = True
    policy: StrictBool = False
    instead: StrictBool = False
    why: str = ""
    law: str = ""
    owner: str = ""
    source: str = ""


class GoalSpec(Record):
    """What is made as large (``max``) or as small (``min``) as can be; or, cell by cell of ``over``, as equal as can be
    from the worst-off up (``leximin``).

    ``give`` is how much of it later goals may cost: a share of its value (``0.01``), or an amount with its unit
    (``"5 R million"``). ``before`` names the goal that it comes before.
    """

    name: Line
    max: str | None = None
    min: str | None = None
    leximin: str | None = None
    over: Dims = ()
    give: Give = 0.0
    active: StrictBool = True
    before: Line | None = None
    why: str = ""

    @property
    def sense(self) -> Literal["max", "min"]:
        return "min" if self.min is not None else "max"

    @property
    def rule(self) -> str:
        return self.max or self.min or self.leximin or ""


class TiesSpec(Record):
    """Among equally good plans the one nearest to these data, variable by variable; other variables to 0."""

    nearest: dict[Identifier, Identifier] = {}


class ScheduleSpec(Record):
    """Which variable is money to be published, and which variable is money held back."""

    amount: Identifier
    unallocated: Identifier


class Model(Record):
    """A model file. Goals are reached in order; each is then kept.

    A model that ``extends`` others has all that they have, and adds to it. What waits to be activated takes no part:
    neither do the data and variables that only it mentions, and a World need not have them.
    """

    name: Line
    why: str = ""
    extends: FileNames = ()
    dims: dict[Identifier, Dim]
    data: dict[Identifier, DataSpec]
    derived: dict[Identifier, DerivedSpec] = {}
    variables: dict[Identifier, VariableSpec]
    expressions: dict[Identifier, ExpressionSpec] = {}
    rules: dict[Identifier, RuleSpec]
    goals: tuple[GoalSpec, ...]
    ties: TiesSpec = TiesSpec()
    schedule: ScheduleSpec
    bases: SkipJsonSchema[tuple[str, ...]] = ()
    source: SkipJsonSchema[str] = "model"

    @property
    def copies(self) -> dict[str, str]:
        """The dim that each copy copies."""
        tables = {dim: spec for dim, spec in self.dims.items() if isinstance(spec, DimSpec)}
        return {dim: spec.copy_of for dim, spec in tables.items() if spec.copy_of is not None}

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of each dim that the model gives them to."""
        return {dim: spec.labels for dim, spec in self.dims.items() if isinstance(spec, DimSpec) and spec.labels}

    @property
    def groups(self) -> tuple[str, ...]:
        """Columns of a table that something is grouped by, in the order of the model; they need no declaring."""
        parts = (self.derived.values(), self.expressions.values(), self.rules.values(), self.goals)
        texts = [spec.rule for specs in parts for spec in specs]
        return tuple(dict.fromkeys(name for text in texts for name in GROUPED.findall(text) if name not in self.dims))

    @property
    def dim_whys(self) -> dict[str, str]:
        """What each dim is, in words."""

        def words(spec: str | DimSpec) -> str:
            if isinstance(spec, str):
                return spec
            return spec.why or ", ".join(spec.labels) or f"The same as {spec.copy_of}, a second time"

        return {dim: words(spec) for dim, spec in self.dims.items()}

    @property
    def active_rules(self) -> dict[str, RuleSpec]:
        return {name: rule for name, rule in self.rules.items() if rule.active}

    @property
    def active_goals(self) -> tuple[GoalSpec, ...]:
        return tuple(goal for goal in self.goals if goal.active)


class Consolidate(Record):
    """Several grants become one pool. Rights become the union of what each had; ``widen`` gives every combination."""

    consolidate: tuple[Label, ...] = Field(min_length=2)
    into: Label
    widen: StrictBool = False


class Set(Record):
    """A datum takes a value, or the values of another datum."""

    set: Identifier
    to: DataNumberOrName
    where: dict[Identifier, Label] = {}


class Scale(Record):
    """A datum is multiplied."""

    scale: Identifier
    by: DataNumber
    where: dict[Identifier, Label] = {}


class Use(Record):
    """An uncertain input takes one of its named values."""

    use: Identifier
    of: Identifier


class Drop(Record):
    """A rule or a goal is left out: ``rules.NAME`` or ``goals.NAME``."""

    drop: Part


class Activate(Record):
    """A rule or a goal that the model keeps ready is switched on: ``rules.NAME`` or ``goals.NAME``."""

    activate: Part


class Replace(Record):
    """A rule says something else, for the reason given; the law and source of the old text are not those of the new."""

    replace: RuleName
    rule: str
    why: str


class AddRule(RuleSpec):
    """A new rule: ``rules.NAME``, with all that a rule of a model may say."""

    add: RuleName
    instead: SkipJsonSchema[StrictBool] = False


class Cell(Record):
    """The value of a new datum at some labels."""

    at: dict[Identifier, Label] = Field(min_length=1)
    to: DataNumber


class AddData(Record):
    """A new datum: ``data.NAME``, ``to`` everywhere but in ``cells``."""

    add: DataName
    over: Dims = ()
    unit: str
    to: DataNumber
    cells: tuple[Cell, ...] = ()
    why: str = ""
    source: str = ""


class Fix(Record):
    """A variable is no choice any more: it is a datum, or a number."""

    fix: Identifier
    to: NumberOrName


type Change = Consolidate | Set | Scale | Use | Drop | Activate | Replace | AddRule | AddData | Fix

VERBS: Final[dict[str, type[Record]]] = {
    "consolidate": Consolidate,
    "set": Set,
    "scale": Scale,
    "use": Use,
    "drop": Drop,
    "activate": Activate,
    "replace": Replace,
    "add": AddRule,
    "fix": Fix,
}
"""The key that says what a change is; what is added is a rule or, as ``data.NAME``, a datum."""


class Scenario(Record):
    """A "what if": a list of changes to a model and its World, with the question it answers.

    ``bases`` are the scenarios that it extends; their changes are made first. One with ``[[spread]]`` asks what to
    decide before need is known: ``allocate risk``. One with ``[[grid]]`` or ``[sample]`` asks for many plans:
    ``allocate sweep``. ``alternatives`` are the scenarios that its grid names.
    """

    name: Line
    why: str
    model: str | None = None
    extends: FileNames = ()
    changes: tuple[Change, ...] = Field(default=(), alias="change")
    spreads: tuple[SpreadSpec, ...] = Field(default=(), alias="spread")
    risk: RiskSpec | None = None
    grids: tuple[GridAxis, ...] = Field(default=(), alias="grid")
    ranges: tuple[RangeSpec, ...] = Field(default=(), alias="range")
    sample: SampleSpec | None = None
    bases: SkipJsonSchema[tuple[Scenario, ...]] = ()
    alternatives: SkipJsonSchema[dict[str, Scenario]] = {}
    source: SkipJsonSchema[str] = "scenario"

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def in_order(scenarios: Iterable[Scenario]) -> list[Scenario]:
    """Scenarios with what they extend before them, each base once; none of them has bases any more."""
    found: list[Scenario] = []
    bases: list[Scenario] = []
    for scenario in scenarios:
        new = [base for base in in_order(scenario.bases) if base not in found]
        bases += new
        found += new
        plain = scenario.model_copy(update={"bases": ()})
        if plain not in bases:
            found.append(plain)
    return found


SECTIONS: Final[dict[str, type[Record]]] = {
    "dims": DimSpec,
    "data": DataSpec,
    "derived": DerivedSpec,
    "variables": VariableSpec,
    "expressions": ExpressionSpec,
    "rules": RuleSpec,
    "goals": GoalSpec,
    "ties": TiesSpec,
    "schedule": ScheduleSpec,
}
"""The records of each section of a model file."""


HIDDEN: Final[dict[type[Record], tuple[str, ...]]] = {
    Model: ("source", "bases"),
    Scenario: ("source", "bases", "alternatives"),
    AddRule: ("instead",),
}
"""Fields that no file has."""


def keys(record: type[Record]) -> list[str]:
    """The keys that a record has in a file."""
    hidden = HIDDEN.get(record, ())
    return [field.alias or name for name, field in record.model_fields.items() if name not in hidden]
