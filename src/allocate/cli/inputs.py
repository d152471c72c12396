"""What the words of a command line name: models, scenarios, figures and years, the current folder's own first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocate.cli.progress import tell
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from allocate.changes import Case
    from allocate.formula import Formula
    from allocate.spec import Model, Scenario
    from allocate.world import World


def model_of(name: str) -> Model:
    from allocate.people.declared import NAME
    from allocate.read import read_model
    from allocate.workspace import own

    if name == NAME:
        raise InputError(name, [Problem("", "is projected, not solved; write allocate project")])
    return read_model(own(name, "models"))


def what_ifs_of(names: list[str] | None) -> list[Scenario]:
    from allocate.read import read_scenario
    from allocate.workspace import own

    return [read_scenario(own(name, "scenarios")) for name in names or []]


def facts_of(name: str | None) -> World:
    """The World that is named, else the current folder's own, else the built-in one; which, is said."""
    from allocate.world import read_world

    source = named_world(name)
    tell(f"reading the figures of {source}")
    return read_world(source)


def people_of(name: str | None) -> World:
    """The World of people that is named, else the current folder's own, else the built-in one; which, is said."""
    return facts_of(named_people(name))


def named_world(name: str | None) -> str:
    """The World of grants that a command takes."""
    from allocate.workspace import own_world

    return own_world() if name is None else name


def named_people(name: str | None) -> str:
    """The World of people that a command takes."""
    from allocate.workspace import BUILT_IN_PEOPLE, PEOPLE, own_world

    return own_world(PEOPLE, BUILT_IN_PEOPLE) if name is None else name


def case_of(model: Model, world: World, scenarios: list[Scenario]) -> Case:
    from allocate.changes import apply

    return apply(model, world, scenarios)


def years_of(text: str | None) -> list[str] | None:
    """The years of ``--years``; None for all."""
    if text is None:
        return None
    years = [year.strip() for year in text.split(",") if year.strip()]
    if not years:
        raise InputError("--years", [Problem("", "names no year; write for example 2019/20, or leave it out for all")])
    return years


def formulas() -> Mapping[str, Callable[..., Formula]]:
    """The formulas, by name, of the country whose figures are built in."""
    from importlib import import_module
    from importlib.metadata import entry_points

    from allocate.workspace import BUILT_IN

    [point] = entry_points(group="allocate.worlds", name=BUILT_IN)
    found: Mapping[str, Callable[..., Formula]] = import_module(point.module).FORMULAS
    return found


def formula_of(name: str, year: str | None, indicated: str | None) -> Formula:
    """A formula worked out for a year."""
    from allocate.errors import nearest

    known = formulas()
    if name not in known:
        words = f"there is no formula {name[:60]!r}; there are {', '.join(known)}{nearest(name[:60], known)}"
        raise InputError("formula", [Problem("", words)])
    tell(f"working out {name}")
    return known[name](year, indicated)
