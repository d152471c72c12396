"""A model file and those that it extends as one: what each adds, which rule says another anew, the order of goals."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from allocate.errors import Problem, nearest
from allocate.fields import plain
from allocate.spec import SECTIONS

JOINED: Final[Mapping[str, tuple[str, ...]]] = {"": tuple(SECTIONS), "ties.": ("nearest",)}
"""Tables that are joined name by name, by where they stand; any other table is one thing."""

type Table = dict[str, Any]


@dataclass
class Sections:
    """The sections of model files as they stand there; which file says each part; what rules said before others said
    them anew."""

    tables: Table = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    older: dict[str, list[object]] = field(default_factory=dict)


def joined(own: Table, file: str, bases: Sequence[Sections], problems: list[Problem]) -> Sections:
    """What a file says together with what it extends; what two files say alike is said once.

    A rule of ``own`` that is ``instead`` stands in the place of what any base says of it. One that a base said anew
    stands in the place of the old one, which another base may still have.

    >>> base = joined({"rules": {"cap": {"rule": "a <= 1"}}}, "base.toml", [], [])
    >>> own = {"rules": {"cap": {"rule": "a <= 2", "instead": True}}}
    >>> joined(own, "own.toml", [base], []).tables["rules"]["cap"]["rule"]
    'a <= 2'

    Adds to ``problems`` what two files say differently, a rule instead of none, and a goal before none.
    """
    whole, anew = Sections(), _anew(own)
    for base in bases:
        for name, rules in base.older.items():
            whole.older.setdefault(name, []).extend(rules)
        parts = {section: base.tables[section] for section in SECTIONS if section in base.tables}
        problems += _join(whole, whole.tables, parts, base.said.__getitem__, anew)
    problems += _say_anew(whole, anew)
    problems += _join(whole, whole.tables, own, lambda _: file, ())
    whole.said |= {f"rules.{name}": file for name in anew}
    if isinstance(goals := whole.tables.get("goals"), list):
        whole.tables["goals"] = _in_order(goals, problems)
    return whole


def _anew(own: Table) -> dict[str, object]:
    """The rules of a file that stand instead of others."""
    rules = own.get("rules")
    named = rules.items() if isinstance(rules, dict) else ()
    return {name: rule for name, rule in named if isinstance(rule, dict) and rule.get("instead") is True}


def _say_anew(whole: Sections, anew: Mapping[str, object]) -> Iterator[Problem]:
    """Put each rule where the old one stands."""
    rules = whole.tables.get("rules", {})
    for name, rule in anew.items():
        if name in rules:
            whole.older.setdefault(name, []).append(rules[name])
            rules[name] = rule
        else:
            words = f"stands instead of a rule that no extended model has{nearest(plain(name), rules)}"
            yield Problem(f"rules.{plain(name)}", words)


def _join(
    whole: Sections, mine: Table, more: Table, who: Callable[[str], str], anew: Container[str], place: str = ""
) -> Iterator[Problem]:
    """Add the tables of one file (``who`` says each part) to those of others; ``anew`` are rules said anew later."""
    for key, value in more.items():
        here, old, part = f"{place}{key}", mine.get(key), key in JOINED.get(place, ())
        if part and isinstance(value, dict) and isinstance(old, dict | None):
            mine[key] = dict(old or {})
            yield from _join(whole, mine[key], value, who, anew, f"{here}.")
        elif part and isinstance(value, list) and isinstance(old, list):
            mine[key] = [*old, *(goal for goal in value if goal not in old)]
        elif key not in mine or part:  # what a section may not be is told when the model is read
            mine[key], whole.said[here] = value, who(here)
        elif old != value:
            older = whole.older.setdefault(key, []) if place == "rules." else []
            if place == "rules." and key in anew:
                older.append(value)
            elif old in older:
                mine[key], whole.said[here] = value, who(here)
            elif value not in older:
                offer = "; to say a rule anew, write instead = true" if place == "rules." else ""
                words = f"{whole.said[here]} and {who(here)} say different things of it{offer}"
                yield Problem(".".join(map(plain, here.split("."))), words)


def _in_order(goals: Sequence[Any], problems: list[Problem]) -> list[Any]:
    """Goals as they stand, but those that say ``before`` which goal they come are there."""
    waiting: dict[str, list[Any]] = {}
    left: list[Any] = []
    for goal in goals:
        before = goal.get("before") if isinstance(goal, dict) else None
        (waiting.setdefault(before, []) if isinstance(before, str) else left).append(goal)
    found: list[Any] = []
    while left:  # from the last to the first
        found.append(left.pop())
        left += waiting.pop(_name(found[-1]), [])
    names = [_name(goal) for goal in goals]
    unknown = [(before, those) for before, those in waiting.items() if before not in names]
    for before, those in unknown or waiting.items():
        words = "is no goal" + nearest(before[:60], names) if unknown else "in the end comes before it"
        problems += [
            Problem(f"goals.{plain(_name(goal))}", f"comes before {before!r}, which {words}") for goal in those
        ]
    return found[::-1]


def _name(goal: Any) -> str:
    return str(goal.get("name")) if isinstance(goal, dict) else ""
