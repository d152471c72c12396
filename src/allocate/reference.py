"""The reference of the language, made from the code that reads it: a page for people, JSON Schema for their editors."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from allocate.fields import Record
from allocate.people.declared import inputs
from allocate.rules.tree import ARITHMETIC, COMPARISONS, FORMS, MEANINGS
from allocate.spec import (
    SECTIONS,
    VERBS,
    AddData,
    Cell,
    Model,
    Scenario,
    keys,
)
from allocate.units import SCALES
from allocate.varied import AXES, RangeSpec, RiskSpec, SampleSpec, SpreadSpec

KINDS: Final = ("model", "scenario")
"""The files that have a schema."""

TITLES: Final = {
    "[dims]": "what things vary over, each with what it is in words; or as a table",
    "[data]": "what a World must give",
    "[derived]": "data computed from data",
    "[variables]": "what a plan decides",
    "[expressions]": "what is counted of a plan",
    "[rules.NAME]": "what every plan keeps",
    "[[goals]]": "what is sought, in order",
    "[ties]": "which of equally good plans",
    "[schedule]": "what is published",
}
"""The head of each section of a model file, and what it holds."""

INTRODUCTION: Final = """# The language of models and scenarios

Made from the code by `allocate show --language`; a test keeps this page and the code the same. A model is a TOML file
of mathematics (`allocate show grant_consolidation` prints one to read aloud); a scenario is a TOML file of changes.
An editor that knows TOML and JSON Schema checks both while you type: `allocate show --schema model`.
"""

_SIGNS, _TESTS = (" ".join(f"`{sign}`" for sign in known.values()) for known in (ARITHMETIC, COMPARISONS))

RULES: Final = f"""## Rules

Numbers, names, {_SIGNS}, brackets, and one comparison: `<=`, `>=` or `==`,
or a chain `data <= expression <= data`. Products and quotients of variables are refused: a program is linear.
"""

CONDITIONS: Final = f"""Conditions (`where`) are on data only, with {_TESTS}, `and`, `or`, `not`; a flag
stands for itself.
"""

EXAMPLES: Final = {
    "consolidate": 'consolidate = ["WSIG", "RBIG"]\ninto = "Water"',
    "set": 'set = "keep"\nto = 0.95\nwhere = { year = "2019/20" }',
    "scale": 'scale = "budget"\nby = 0.97\nwhere = { grant = "MIG" }',
    "use": 'use = "equal"\nof = "value"',
    "drop": 'drop = "rules.pace"',
    "activate": 'activate = "rules.stay"',
    "replace": """replace = "rules.guarantee"
rule = "sum(spend, over=[pool, service]) >= 0.5 * guaranteed"
why = "Half of it.\"""",
    "add": """add = "rules.envelope"
over = ["province", "year"]
rule = "sum(spend, over=[space, pool, service], by=province) <= envelope"
why = "No province takes all.\"""",
    "add data": """add = "data.envelope"
over = "province"
unit = "R"
to = 8e9
cells = [{ at = { province = "GT" }, to = 9e9 }]""",
    "fix": 'fix = "spend"\nto = "baseline_spend"',
}
"""One of each change, as it stands below ``[[change]]``."""

GRID: Final = """### `[[grid]]`: many levels, a plan for each

An axis of a grid moves one thing over levels, and is one of these. Axes are crossed: two of 3 and 4 levels make 12
cells. With `[sample]` every cell is solved for every draw, the same draws in each, so that cells differ by their levels
alone. An axis has a `name`, else the words for what it moves.
"""

LEVELS: Final = {
    "set": 'set = "keep"\nto = [0.8, 0.9, 1]\nname = "guarantee"',
    "scale": 'scale = "budget"\nby = [0.9, 1, 1.1]\nwhere = { grant = "MIG" }',
    "use": 'use = ["none", "equal", "share"]\nof = "value"',
    "scenario": 'scenario = ["none", "one_pool", "one_water_grant"]',
}
"""One of each axis, as it stands below ``[[grid]]``."""

LISTED: Final = {"change", "spread", "risk", "range", "sample", "grid"}
"""Keys of a scenario that have sections of their own."""

UNITS: Final = f"""## Units

Every datum and variable has a unit: `R`, `household`, `year`, any other word, `1` for a pure number, `flag` for 0 or 1,
and products and quotients such as `R/household`. A rule that adds or compares different units is refused. A bare 0 fits
any unit; any other number is pure. Money in files says its scale: {", ".join(f"`{scale}`" for scale in SCALES)}.
"""


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file, one of :data:`KINDS`. A model that extends another need not have it all.

    >>> schema("scenario")["required"]
    ['name', 'why']
    """
    record = Model if kind == "model" else Scenario
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | record.model_json_schema(by_alias=True)
    if record is Model:
        sections = [key for key in found["required"] if key in SECTIONS]
        found["required"] = [key for key in found["required"] if key not in SECTIONS]
        found["anyOf"] = [{"required": ["extends"]}, {"required": sections}]
    return found


def people_data() -> str:
    """The data of a projection as a Markdown table, as ``docs/people.md`` has it.

    >>> print(people_data().splitlines()[2])
    | `people` | space, sex, age | person | Who lives where when the projection starts |
    """
    rows = [
        f"| `{name}` | {', '.join(spec.over) or 'one number'} | {spec.unit} | {spec.why}"
        + (f"; {spec.default:g} where it is not given" if spec.default is not None else "")
        + (f"; at most {spec.most:g}" if spec.most is not None else "")
        + " |"
        for name, spec in inputs().data.items()
    ]
    return "\n".join(["| Datum | Over | Unit | What it is |", "|---|---|---|---|", *rows])


def page() -> str:
    """The reference as Markdown.

    >>> page().splitlines()[0]
    '# The language of models and scenarios'
    """
    return "\n".join([INTRODUCTION, *_rules(), UNITS, *_model(), *_scenario()]).rstrip() + "\n"


def _rules() -> list[str]:
    rows = [f"| `{form}` | {MEANINGS[name]} |" for name, form in FORMS.items()]
    return [RULES, "| Function | What it is |", "|---|---|", *rows, "", CONDITIONS]


def _model() -> list[str]:
    lines = ["## A model file", "", _said(Model), "", *_table(Model, skip=SECTIONS)]
    for (section, words), record in zip(TITLES.items(), SECTIONS.values(), strict=True):
        lines += [f"### `{section}`: {words}", "", _said(record), "", *_table(record)]
    return lines


def _scenario() -> list[str]:
    lines = [
        "## A scenario file",
        "",
        _said(Scenario),
        "",
        *_table(Scenario, skip={"change", "spread", "risk", "grid", "range", "sample"}),
    ]
    lines += [
        "Each `[[change]]` is one of these. Two changes to one cell are an error, and so is a change of nothing.",
        "",
    ]
    kinds: dict[str, type[Record]] = {**VERBS, "add data": AddData}
    for verb, record in kinds.items():
        lines += [
            f"### `{verb}`",
            "",
            _said(record),
            "",
            "```toml",
            "[[change]]",
            EXAMPLES[verb],
            "```",
            "",
            *_table(record),
        ]
        lines += ["`cells` is a list of:", "", *_table(Cell)] if record is AddData else []
    lines += ["### `[[spread]]`: what is not known", "", _said(SpreadSpec), "", *_table(SpreadSpec)]
    lines += ["### `[risk]`: what is made best", "", _said(RiskSpec), "", *_table(RiskSpec)]
    lines += ["### `[[range]]`: what is not known, between two ends", "", _said(RangeSpec), "", *_table(RangeSpec)]
    lines += ["### `[sample]`: many draws, a plan for each", "", _said(SampleSpec), "", *_table(SampleSpec)]
    lines += [GRID]
    for verb, axis in AXES.items():
        lines += [f"#### `{verb}`", "", _said(axis), "", "```toml", "[[grid]]", LEVELS[verb], "```", "", *_table(axis)]
    return lines


def _table(record: type[Record], skip: Iterable[str] = ()) -> list[str]:
    fields = {field.alias or name: field for name, field in record.model_fields.items()}
    lines = ["| Key | Holds | If left out |", "|---|---|---|"]
    for key in keys(record):
        if key not in skip:
            field = fields[key]
            default = "needed" if field.is_required() else _default(field.get_default(call_default_factory=True))
            lines.append(f"| `{key}` | {_kind(field.annotation)} | {default} |")
    return [*lines, ""]


def _default(value: object) -> str:
    if value in (None, "", (), {}) or isinstance(value, Record):
        return "nothing"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


WORDS: Final = {str: "text", float: "number", int: "whole number", bool: "true or false", tuple: "list", dict: "table"}


def _kind(annotation: Any) -> str:
    """A type in the words of TOML."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin is Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(part) for part in get_args(annotation) if part is not type(None)))
    if inspect.isclass(annotation) and issubclass(annotation, Record):
        return "table"
    return WORDS.get(origin or annotation, "text")


def _said(record: type[Record]) -> str:
    return inspect.cleandoc(record.__doc__ or "").replace("``", "`")
