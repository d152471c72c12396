"""Model and scenario files to frozen records. A model is mathematics as text; a scenario is a list of changes."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from allocate.errors import InputError, Problem, nearest
from allocate.fields import (
    Bound,
    DataNumber,
    DataNumberOrName,
    Dims,
    Identifier,
    Label,
    Line,
    NumberOrName,
    RuleName,
    shown,
)

LARGEST_FILE: Final = 1_000_000
"""Bytes of a model or scenario file: text that a person reads aloud is never larger."""

MOST_PROBLEMS: Final = 20
"""Problems of one file that are listed; the rest are counted."""


class Record(BaseModel):
    """A frozen record; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class DataSpec(Record):
    """A datum the World must give: what it varies over and its unit.

    ``default`` stands in where a World lacks it; ``most`` is the largest it may be, after any scenario (1 for a share).
    """

    over: Dims = ()
    unit: str
    default: DataNumber | None = None
    most: DataNumber | None = None
    why: str = ""


class DerivedSpec(Record):
    """Data computed from data. ``round`` takes it up or down to whole published units (R thousand for rand)."""

    over: Dims = ()
    unit: str
    rule: str
    round: Literal["up", "down", "nearest"] | None = None
    why: str = ""


class VariableSpec(Record):
    """What a plan decides, in which cells (``where``) and between which bounds (numbers or names of data)."""

    over: Dims = ()
    unit: str
    where: str | None = None
    lower: Bound = 0.0
    upper: Bound = "inf"
    why: str = ""


class RuleSpec(Record):
    """One rule, a row for each cell of ``over``."""

    over: Dims = ()
    rule: str
    why: str = ""
    law: str = ""
    owner: str = ""
    source: str = ""


class GoalSpec(Record):
    """What is made as large (``max``) or as small (``min``) as can be."""

    name: Line
    max: str | None = None
    min: str | None = None
    why: str = ""

    @property
    def sense(self) -> Literal["max", "min"]:
        return "max" if self.max is not None else "min"

    @property
    def rule(self) -> str:
        return self.max or self.min or ""


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
    dims: dict[Identifier, str]
    data: dict[Identifier, DataSpec]
    derived: dict[Identifier, DerivedSpec] = {}
    variables: dict[Identifier, VariableSpec]
    rules: dict[Identifier, RuleSpec]
    goals: tuple[GoalSpec, ...]
    ties: TiesSpec = TiesSpec()
    schedule: ScheduleSpec
    source: str = "model"


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


class Drop(Record):
    """A rule is left out: ``rules.NAME``."""

    drop: RuleName


class Fix(Record):
    """A variable is no choice any more: it is a datum, or a number."""

    fix: Identifier
    to: NumberOrName


type Change = Consolidate | Set | Scale | Drop | Fix

CHANGES: Final[Mapping[str, type[Consolidate] | type[Set] | type[Scale] | type[Drop] | type[Fix]]] = {
    "consolidate": Consolidate,
    "set": Set,
    "scale": Scale,
    "drop": Drop,
    "fix": Fix,
}


class Scenario(Record):
    """A "what if": a list of changes to a model and its World, with the question it answers."""

    name: Line
    why: str
    model: str | None = None
    changes: tuple[Change, ...] = ()
    source: str = "scenario"


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

    Raises :class:`InputError` with every problem of the file and its place.
    """
    file = find(path, "scenarios")
    table = _toml(file)
    problems: list[Problem] = []
    given = table.pop("change", [])
    if not isinstance(given, list):
        problems.append(Problem("change", "is one table; write [[change]] with two brackets"))
        given = []
    changes = [_change(item, f"change {n}", problems) for n, item in enumerate(given, start=1)]
    scenario = _record(Scenario, table, "", problems)
    if problems or scenario is None:
        raise InputError(file, _few(problems))
    return scenario.model_copy(update={"changes": tuple(changes), "source": file.name})


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
    verbs = [verb for verb in CHANGES if verb in item]
    if len(verbs) != 1:
        found = ", ".join(map(_plain, item))[:100] or "nothing"
        offer = "" if verbs else next((near for key in item if (near := nearest(str(key)[:60], CHANGES))), "")
        problems.append(Problem(place, f"needs exactly one of {', '.join(CHANGES)}; found {found}{offer}"))
        return None
    return _record(CHANGES[verbs[0]], item, place, problems)


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


def _keys(kind: type[Record], path: Iterable[str]) -> list[str]:
    """The keys that the record at ``path`` of a model may have."""
    inner: Mapping[str, type[Record]] = {
        "data": DataSpec,
        "derived": DerivedSpec,
        "variables": VariableSpec,
        "rules": RuleSpec,
        "goals": GoalSpec,
        "ties": TiesSpec,
        "schedule": ScheduleSpec,
    }
    steps = list(path)
    record = inner.get(steps[0], kind) if kind is Model and steps else kind
    hidden = {Model: ("source",), Scenario: ("source", "changes")}.get(record, ())
    shown = [name for name in record.model_fields if name not in hidden]
    return [*shown, "change"] if record is Scenario else shown


def _goal_problems(model: Model) -> list[Problem]:
    both = [goal for goal in model.goals if (goal.max is None) == (goal.min is None)]
    names = [goal.name for goal in model.goals]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [
        *([] if names else [Problem("goals", "lists none; needs at least 1")]),
        *(Problem(f"goals.{goal.name}", "needs either max or min") for goal in both),
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
    for kind in ("data", "derived", "variables", "rules"):
        for name, record in getattr(model, kind).items():
            for dim in record.over:
                if dim not in model.dims:
                    words = f"varies over {dim!r}, which is not one of [dims]{nearest(dim, model.dims)}"
                    problems.append(Problem(f"{kind}.{name}", words))
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
