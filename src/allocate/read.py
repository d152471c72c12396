"""Model and scenario files to records, or one letter with every problem of a file and its place."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from allocate.errors import InputError, Problem, nearest
from allocate.extending import Sections, joined
from allocate.fields import Record, file_names, plain, shown
from allocate.spec import (
    SECTIONS,
    VERBS,
    AddData,
    Change,
    Model,
    Scenario,
    keys,
)
from allocate.tables import wrong_labels
from allocate.varied import AXES, NONE, GridAxis, GridScenario

LARGEST_FILE: Final = 1_000_000
"""Bytes of a model or scenario file: text that a person reads aloud is never larger."""

MOST_PROBLEMS: Final = 20
"""Problems of one file that are listed; the rest are counted."""

DEEPEST: Final = 100
"""Files that extend one another in a row: nobody reads more."""

type Extended = tuple[Model, Sections]
"""A model, and the sections that whoever extends it goes on from."""


def read_model(path: str | Path | Model) -> Model:
    """Read a model from a TOML file, or a shipped model by its name; one that is read already stays as it is.

    >>> read_model("grant_consolidation").name
    'Grant consolidation'

    Raises :class:`InputError` with every problem of the file and its place. Units, dims and names in rules are
    checked when the model meets a World (:func:`allocate.builder.build`).
    """
    return path if isinstance(path, Model) else _read_model(find(path, "models"), (), {})[0]


def _read_model(file: Path, before: tuple[Path, ...], known: dict[Path, Extended]) -> Extended:
    """A model, and its sections with those of what it extends; ``before`` led here, ``known`` are read already."""
    own, problems = _toml(file), list[Problem]()
    bases = []
    for other in _extended(file, _names(own, problems), "models", before, problems):
        place = other.resolve()
        if place not in known:
            known[place] = _read_model(other, (*before, file.resolve()), known)
        bases.append(known[place])
    whole = None if problems else joined(own, file.name, [sections for _, sections in bases], problems)
    model = None if problems or whole is None else _record(Model, whole.tables, "", problems)
    if model is not None:
        problems += _goal_problems(model)
        problems += _name_problems(model)
    if problems or model is None or whole is None:
        raise InputError(file, _few(problems))
    names = dict.fromkeys(name for base, _ in bases for name in (*base.bases, base.source))
    return model.model_copy(update={"source": file.name, "bases": tuple(names)}), whole


def _names(table: Mapping[str, Any], problems: list[Problem]) -> tuple[str, ...]:
    """The files that a model says it extends."""
    try:
        return file_names(table.get("extends", ()))
    except ValueError as error:
        problems.append(Problem("extends", str(error)))
        return ()


def read_scenario(path: str | Path | Scenario) -> Scenario:
    """Read a scenario from a TOML file, or a shipped scenario by its name; one that is read already stays as it is.

    >>> [type(change).__name__ for change in read_scenario("one_water_grant").changes]
    ['Consolidate']

    Raises :class:`InputError` with every problem of the file, or of one that it extends, and its place.
    """
    return path if isinstance(path, Scenario) else _read_scenario(find(path, "scenarios"), ())


def _read_scenario(file: Path, before: tuple[Path, ...]) -> Scenario:
    """A scenario with what it extends; ``before`` are the files that led here."""
    table = _toml(file)
    problems: list[Problem] = []
    changes = [_change(item, place, problems) for place, item in _listed(table, "change", problems)]
    grids = [_axis(item, place, problems) for place, item in _listed(table, "grid", problems)]
    scenario = _record(Scenario, table, "", problems)
    names = scenario.extends if scenario is not None else ()
    others = _extended(file, names, "scenarios", before, problems)
    way = (*before, file.resolve())
    bases = tuple(_read_scenario(other, way) for other in others)
    wanted = dict.fromkeys(n for axis in grids if isinstance(axis, GridScenario) for n in axis.scenario if n != NONE)
    found = _extended(file, tuple(wanted), "scenarios", before, problems, "grid")
    alternatives = {other.stem: _read_scenario(other, way) for other in found}
    if problems or scenario is None:
        raise InputError(file, _few(problems))
    read = {"changes": tuple(changes), "grids": tuple(grids), "bases": bases, "alternatives": alternatives}
    return scenario.model_copy(update={**read, "source": file.name})


def _listed(table: dict[str, Any], key: str, problems: list[Problem]) -> Iterator[tuple[str, object]]:
    """The tables of a list, each with its place; they are taken out of the file's own table."""
    given = table.pop(key, [])
    if isinstance(given, list):
        yield from ((f"{key} {number}", item) for number, item in enumerate(given, start=1))
    else:
        problems.append(Problem(key, f"is one table; write [[{key}]] with two brackets"))


def _extended(
    file: Path, names: Sequence[str], kind: str, before: tuple[Path, ...], problems: list[Problem], key: str = "extends"
) -> Iterator[Path]:
    """The files that a file names: those beside it, in a folder of their kind beside it, or shipped ones."""
    way = (*before, file.resolve())
    if names and len(way) > DEEPEST:
        problems.append(Problem(key, f"goes on for more than {DEEPEST} files"))
        return
    for name in names:
        places = [folder / f"{name}.toml" for folder in (file.parent, file.parent / kind, shipped(kind))]
        other = next((place for place in places if place.is_file()), places[-1])
        if other.resolve() in way:
            problems.append(Problem(key, f"goes round in a circle: {_circle(way, other)}"))
        elif other.is_file():
            yield other
        else:
            folders = (file.parent, file.parent / kind, shipped(kind))
            known = {p.stem for folder in folders for p in folder.glob("*.toml") if p.is_file()}
            problems.append(Problem(key, f"there is no {kind[:-1]} {name!r}{nearest(name, known)}"))


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
    if os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises on names that no file can have
        return Path(path)
    known = {p.stem: p for p in sorted(shipped(folder).glob("*.toml"))}
    if str(path) in known:
        return known[str(path)]
    words = "is a folder, not a file" if os.path.isdir(path) else "there is no such file"  # noqa: PTH112
    offer = f"{words}; shipped {folder}: {', '.join(known)}{nearest(Path(path).stem[:60], known)}"
    raise InputError(plain(path, 200), [Problem("", offer)])


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
    found = _one_of(VERBS, item, place, problems)
    assert found is None or isinstance(found, Change.__value__)
    return found


def _axis(item: object, place: str, problems: list[Problem]) -> GridAxis | None:
    found = _one_of(AXES, item, place, problems)
    assert found is None or isinstance(found, GridAxis.__value__)
    return found


def _one_of(verbs: Mapping[str, type[Record]], item: object, place: str, problems: list[Problem]) -> Record | None:
    """A table as the record that one of these keys says it is."""
    if not isinstance(item, dict):
        problems.append(Problem(place, f"is not a table; write [[{place.split()[0]}]]"))
        return None
    found = [verb for verb in verbs if verb in item]
    if len(found) != 1:
        has = ", ".join(map(plain, item))[:100] or "nothing"
        offer = "" if found else next((near for key in item if (near := nearest(str(key)[:60], verbs))), "")
        problems.append(Problem(place, f"needs exactly one of {', '.join(verbs)}; found {has}{offer}"))
        return None
    kind = AddData if str(item.get("add")).startswith("data.") else verbs[found[0]]
    return _record(kind, item, place, problems)


def _record[T: Record](kind: type[T], table: Mapping[str, Any], place: str, problems: list[Problem]) -> T | None:
    """Build a record, or add what is wrong with each key to ``problems``."""
    known = _keys(kind, [])
    hidden = sorted(key for key in table if key in kind.model_fields and key not in known)
    problems += [Problem(key, _unknown(key, known)) for key in hidden]
    try:
        return kind.model_validate({key: value for key, value in table.items() if key not in hidden})
    except ValidationError as error:
        for found in error.errors(include_url=False):
            path = [str(part + 1) if isinstance(part, int) else part for part in found["loc"] if part not in MARKS]
            where = ".".join(map(plain, path if not place else [place, *path]))
            problems.append(Problem(where[:120], _words(found, kind, path)))
        return None


MARKS: Final = ("[key]", "[words]", "[table]")
"""Where pydantic says in a path which part of a table or which of two kinds it read."""

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
    steps = list(path)
    return keys(SECTIONS.get(steps[0], kind) if kind is Model and steps else kind)


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
    for kind in ("dims", "data", "derived", "variables", "expressions"):
        for name in getattr(model, kind):
            if name in kinds:
                problems.append(Problem(f"{kind}.{name}", f"is already the name of one of [{kinds[name]}]"))
            kinds.setdefault(name, kind)
    groups = model.groups
    goals = {goal.name: goal for goal in model.goals}
    for kind, records in (
        *((k, getattr(model, k)) for k in ("data", "derived", "variables", "expressions", "rules")),
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
    for dim, labels in model.labels.items():
        problems += [Problem(f"dims.{dim}", problem.words) for problem in wrong_labels({dim: labels})]
    mentions: list[tuple[str, str, Mapping[str, object]]] = [
        ("schedule.amount", model.schedule.amount, model.variables),
        ("schedule.unallocated", model.schedule.unallocated, model.variables),
    ]
    for variable, datum in model.ties.nearest.items():
        mentions.append((f"ties.nearest.{variable}", variable, model.variables))
        mentions.append((f"ties.nearest.{variable}", datum, {**model.data, **model.derived}))
    for place, name in (("amount", model.schedule.amount), ("unallocated", model.schedule.unallocated)):
        lower = model.variables[name].lower if name in model.variables else 0.0
        if lower == "-inf" or (isinstance(lower, float) and lower < 0):
            problems.append(Problem(f"schedule.{place}", f"{name!r} may be negative, and what is published may not"))
    for place, name, known in mentions:
        if name not in known:
            problems.append(Problem(place, f"{name!r} is not known here{nearest(name, known)}"))
    return problems
