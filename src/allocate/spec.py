"""Model and scenario files to frozen records. A model is mathematics as text; a scenario is a list of changes."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic.json_schema import SkipJsonSchema

from allocate.errors import InputError, Problem, nearest
from allocate.fields import (
    Bound,
    DataName,
    DataNumber,
    DataNumberOrName,
    Dims,
    FileNames,
    Give,
    Identifier,
    Label,
    Line,
    NumberOrName,
    Part,
    RuleName,
    shown,
)

LARGEST_FILE: Final = 1_000_000
"""Bytes of a model or scenario file: text that a person reads aloud is never larger."""

GROUPED: Final = re.compile(r"\bby\s*=\s*([A-Za-z_]\w*)")
"""Where a rule names the column that it groups by."""

MOST_PROBLEMS: Final = 20
"""Problems of one file that are listed; the rest are counted."""


class Record(BaseModel):
    """A frozen record; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class CopyOf(Record):
    """A second index over the labels of a dim, for data and rules about pairs, such as flows between spaces."""

    copy_of: Identifier
    why: str = ""


class DataSpec(Record):
    """A datum the World must give: what it varies over and its unit.

    ``default`` stands in where a World lacks it; ``most`` is the largest it may be, after any scenario (1 for a share).
    ``named`` gives names to values of an uncertain input, numbers or other data, for a scenario to ``use``.
    """

    over: Dims = ()
    unit: str
    default: DataNumber | None = None
    most: DataNumber | None = None
    named: dict[Identifier, DataNumberOrName] = {}
    why: str = ""


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


class RuleSpec(Record):
    """One rule, a row for each cell of ``over``. One that is not ``active`` waits for a scenario to activate it."""

    over: Dims = ()
    rule: str
    active: StrictBool = True
    why: str = ""
    law: str = ""
    owner: str = ""
    source: str = ""


class GoalSpec(Record):
    """What is made as large (``max``) or as small (``min``) as can be; or, cell by cell of ``over``, as equal as can be
    from the worst-off up (``leximin``).

    ``give`` is how much of it later goals may cost: a share of its value (``0.01``), or an amount with its unit
    (``"5 R million"``).
    """

    name: Line
    max: str | None = None
    min: str | None = None
    leximin: str | None = None
    over: Dims = ()
    give: Give = 0.0
    active: StrictBool = True
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
    """A model file. Goals are reached in order; each is then kept."""

    name: Line
    why: str = ""
    dims: dict[Identifier, str | CopyOf]
    data: dict[Identifier, DataSpec]
    derived: dict[Identifier, DerivedSpec] = {}
    variables: dict[Identifier, VariableSpec]
    rules: dict[Identifier, RuleSpec]
    goals: tuple[GoalSpec, ...]
    ties: TiesSpec = TiesSpec()
    schedule: ScheduleSpec
    source: SkipJsonSchema[str] = "model"

    @property
    def copies(self) -> dict[str, str]:
        """The dim that each copy copies."""
        return {dim: spec.copy_of for dim, spec in self.dims.items() if isinstance(spec, CopyOf)}

    @property
    def groups(self) -> tuple[str, ...]:
        """Columns of a table that something is grouped by, in the order of the model; they need no declaring."""
        texts = [spec.rule for specs in (self.derived.values(), self.rules.values(), self.goals) for spec in specs]
        return tuple(dict.fromkeys(name for text in texts for name in GROUPED.findall(text) if name not in self.dims))

    @property
    def dim_whys(self) -> dict[str, str]:
        """What each dim is, in words."""
        return {
            dim: spec if isinstance(spec, str) else spec.why or f"The same as {spec.copy_of}, a second time"
            for dim, spec in self.dims.items()
        }

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
    """A rule says something else, for the reason given."""

    replace: RuleName
    rule: str
    why: str


class AddRule(RuleSpec):
    """A new rule: ``rules.NAME``, with all that a rule of a model may say."""

    add: RuleName


class Cell(Record):
    """The value of a new datum at some labels."""

    at: dict[Identifier, Label]
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

    ``bases`` are the scenarios that it extends; their changes are made first.
    """

    name: Line
    why: str
    model: str | None = None
    extends: FileNames = ()
    changes: tuple[Change, ...] = Field(default=(), alias="change")
    bases: SkipJsonSchema[tuple[Scenario, ...]] = ()
    source: SkipJsonSchema[str] = "scenario"

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def in_order(scenarios: Iterable[Scenario]) -> list[Scenario]:
    """Scenarios with what they extend before them, each base once; none of them has bases any more."""
    found: list[Scenario] = []
    for scenario in scenarios:
        found += [base for base in in_order(scenario.bases) if base not in found]
        found.append(scenario.model_copy(update={"bases": ()}))
    return found


def read_model(path: str | Path) -> Model:
    """Read a model from a TOML file, or a shipped model by its name.

    >>> read_model("grant_consolidation").name
    'Grant consolidation'

    Raises :class:`InputError` with every problem of the file and its place. Units, dims and names in rules are
    checked when the model meets a World (:func:`allocate.builder.build`).
    """
    file = find(path, "models")
    problems: list[Problem] = []
    model = _record(Model, _toml(file), "", problems)
    if model is not None:
        problems += _goal_problems(model)
        problems += _name_problems(model)
    if problems or model is None:
        raise InputError(file, _few(problems))
    return model.model_copy(update={"source": file.name})


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario from a TOML file, or a shipped scenario by its name.

    >>> [type(change).__name__ for change in read_scenario("one_water_grant").changes]
    ['Consolidate']

    Raises :class:`InputError` with every problem of the file, or of one that it extends, and its place.
    """
    return _read_scenario(find(path, "scenarios"), ())


def _read_scenario(file: Path, before: tuple[Path, ...]) -> Scenario:
    """A scenario with what it extends; ``before`` are the files that led here."""
    table = _toml(file)
    problems: list[Problem] = []
    given = table.pop("change", [])
    if not isinstance(given, list):
        problems.append(Problem("change", "is one table; write [[change]] with two brackets"))
        given = []
    changes = [_change(item, f"change {n}", problems) for n, item in enumerate(given, start=1)]
    scenario = _record(Scenario, table, "", problems)
    bases = _bases(file, scenario.extends if scenario is not None else (), (*before, file.resolve()), problems)
    if problems or scenario is None:
        raise InputError(file, _few(problems))
    return scenario.model_copy(update={"changes": tuple(changes), "bases": bases, "source": file.name})


def _bases(file: Path, names: Iterable[str], before: tuple[Path, ...], problems: list[Problem]) -> tuple[Scenario, ...]:
    """The scenarios that a file extends: those beside it, or shipped ones."""
    found = []
    for name in names:
        beside = file.parent / f"{name}.toml"
        other = beside if beside.is_file() else shipped("scenarios") / beside.name
        if other.resolve() in before:
            problems.append(Problem("extends", f"goes round in a circle: {_circle(before, other)}"))
        elif other.is_file():
            found.append(_read_scenario(other, before))
        else:
            known = {p.stem for folder in (file.parent, shipped("scenarios")) for p in folder.glob("*.toml")}
            problems.append(Problem("extends", f"there is no scenario {name!r}{nearest(name, known)}"))
    return tuple(found)


def _circle(before: tuple[Path, ...], again: Path) -> str:
    return " -> ".join(path.stem for path in (*before[before.index(again.resolve()) :], again))


def _few(problems: list[Problem]) -> list[Problem]:
    more = len(problems) - MOST_PROBLEMS
    return problems if more <= 0 else [*problems[:MOST_PROBLEMS], Problem("", f"and {more} more")]


def shipped(folder: str) -> Path:
    """The folder of models or scenarios that travels with the library."""
    here = Path(__file__).parent
    inside = here / "shipped" / folder
    return inside if inside.is_dir() else here.parents[1] / folder


def find(path: str | Path, folder: str) -> Path:
    """A file as given, or the shipped one of that name. Raises :class:`InputError` if there is neither."""
    known = {p.stem: p for p in sorted(shipped(folder).glob("*.toml"))}
    if os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises on names that no file can have
        return Path(path)
    if str(path) in known:
        return known[str(path)]
    words = "is a folder, not a file" if os.path.isdir(path) else "there is no such file"  # noqa: PTH112
    offer = f"{words}; shipped {folder}: {', '.join(known)}{nearest(Path(path).stem[:60], known)}"
    raise InputError(_plain(path, 200), [Problem("", offer)])


def _toml(file: Path) -> dict[str, Any]:
    try:
        if (size := file.stat().st_size) > LARGEST_FILE:
            words = f"is {size:,} bytes; a model or scenario has at most {LARGEST_FILE:,}"
            raise InputError(file, [Problem("", words)])
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(file, [Problem("", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise InputError(file, [Problem(f"byte {error.start}", "is not UTF-8 text")]) from None
    except (ValueError, RecursionError) as error:
        why = error if isinstance(error, tomllib.TOMLDecodeError) else "nested too deep, or a number too long"
        raise InputError(file, [Problem("", f"is not TOML: {why}")]) from None


def _change(item: object, place: str, problems: list[Problem]) -> Change | None:
    if not isinstance(item, dict):
        problems.append(Problem(place, "is not a table; write [[change]]"))
        return None
    verbs = [verb for verb in VERBS if verb in item]
    if len(verbs) != 1:
        found = ", ".join(map(_plain, item))[:100] or "nothing"
        offer = "" if verbs else next((near for key in item if (near := nearest(str(key)[:60], VERBS))), "")
        problems.append(Problem(place, f"needs exactly one of {', '.join(VERBS)}; found {found}{offer}"))
        return None
    kind = AddData if str(item.get("add")).startswith("data.") else VERBS[verbs[0]]
    found_change = _record(kind, item, place, problems)
    assert found_change is None or isinstance(found_change, Change.__value__)
    return found_change


def _record[T: Record](kind: type[T], table: Mapping[str, Any], place: str, problems: list[Problem]) -> T | None:
    """Build a record, or add what is wrong with each key to ``problems``."""
    known = _keys(kind, [])
    hidden = sorted(key for key in table if key in kind.model_fields and key not in known)
    problems += [Problem(key, _unknown(key, known)) for key in hidden]
    try:
        return kind.model_validate({key: value for key, value in table.items() if key not in hidden})
    except ValidationError as error:
        for found in error.errors(include_url=False):
            path = [str(part + 1) if isinstance(part, int) else part for part in found["loc"] if part != "[key]"]
            where = ".".join(map(_plain, path if not place else [place, *path]))
            problems.append(Problem(where[:120], _words(found, kind, path)))
        return None


def _plain(text: object, longest: int = 60) -> str:
    """A key or a path as it can be printed anywhere."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:longest])


KINDS: Final[Mapping[str, str]] = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "list_type": "a list",
    "model_type": "a table",
    "string_type": "text",
    "tuple_type": "a list",
}
"""What pydantic expected, in the words of TOML."""


def _words(found: Any, kind: type[Record], path: list[str]) -> str:
    match found["type"]:
        case "extra_forbidden":
            return _unknown(path[-1], _keys(kind, path[:-1]))
        case "missing":
            return "is missing"
        case "value_error":
            return str(found["ctx"]["error"])
        case "too_short":
            return f"lists {found['ctx']['actual_length']}; needs at least {found['ctx']['min_length']}"
        case "literal_error":
            return f"{shown(found['input'])} is not {found['ctx']['expected']}"
        case other if other in KINDS:
            return f"{shown(found['input'])} is not {KINDS[other]}"
    return f"{found['msg'][0].lower()}{found['msg'][1:]}, not {shown(found['input'])}"


def _unknown(key: str, known: list[str]) -> str:
    return f"is not a key here; known: {', '.join(known)}{nearest(key[:60], known)}"


def keys(record: type[Record]) -> list[str]:
    """The keys that a record has in a file."""
    hidden = ("source", "bases") if record in (Model, Scenario) else ()
    return [field.alias or name for name, field in record.model_fields.items() if name not in hidden]


def _keys(kind: type[Record], path: Iterable[str]) -> list[str]:
    """The keys that the record at ``path`` of a model may have."""
    inner: Mapping[str, type[Record]] = {
        "dims": CopyOf,
        "data": DataSpec,
        "derived": DerivedSpec,
        "variables": VariableSpec,
        "rules": RuleSpec,
        "goals": GoalSpec,
        "ties": TiesSpec,
        "schedule": ScheduleSpec,
    }
    steps = list(path)
    return keys(inner.get(steps[0], kind) if kind is Model and steps else kind)


def _goal_problems(model: Model) -> list[Problem]:
    senses = ("max", "min", "leximin")
    both = [goal for goal in model.goals if sum(getattr(goal, sense) is not None for sense in senses) != 1]
    uneven = [goal for goal in model.goals if bool(goal.over) != (goal.leximin is not None)]
    given = [goal for goal in model.goals if goal.give and goal.leximin is not None]
    names = [goal.name for goal in model.goals]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [
        *([] if names else [Problem("goals", "lists none; needs at least 1")]),
        *(Problem(f"goals.{goal.name}", "needs one of max, min, leximin") for goal in both),
        *(
            Problem(f"goals.{goal.name}", "leximin, and only leximin, says over which dims it is fair")
            for goal in uneven
        ),
        *(Problem(f"goals.{goal.name}", "leximin cannot give; it has no one value") for goal in given),
        *(Problem(f"goals.{name}", "is the name of two goals") for name in twice),
    ]


def _name_problems(model: Model) -> list[Problem]:
    """Every declared name is declared once, and every mention of a name meets a declaration."""
    problems: list[Problem] = []
    kinds: dict[str, str] = {}
    for kind in ("dims", "data", "derived", "variables"):
        for name in getattr(model, kind):
            if name in kinds:
                problems.append(Problem(f"{kind}.{name}", f"is already the name of one of [{kinds[name]}]"))
            kinds.setdefault(name, kind)
    groups = model.groups
    goals = {goal.name: goal for goal in model.goals}
    for kind, records in (
        *((k, getattr(model, k)) for k in ("data", "derived", "variables", "rules")),
        ("goals", goals),
    ):
        for name, record in records.items():
            for dim in record.over:
                if dim not in model.dims and dim not in groups:
                    words = f"varies over {dim!r}, which is not one of [dims]{nearest(dim, model.dims)}"
                    problems.append(Problem(f"{kind}.{name}", words))
    for dim, copied in model.copies.items():
        if copied not in model.dims or copied in model.copies:
            words = f"copies {copied!r}, which is not a dim of its own{nearest(copied, model.dims)}"
            problems.append(Problem(f"dims.{dim}", words))
    mentions: list[tuple[str, str, Mapping[str, object]]] = [
        ("schedule.amount", model.schedule.amount, model.variables),
        ("schedule.unallocated", model.schedule.unallocated, model.variables),
    ]
    for variable, datum in model.ties.nearest.items():
        mentions.append((f"ties.nearest.{variable}", variable, model.variables))
        mentions.append((f"ties.nearest.{variable}", datum, {**model.data, **model.derived}))
    for place, name, known in mentions:
        if name not in known:
            problems.append(Problem(place, f"{name!r} is not known here{nearest(name, known)}"))
    return problems
