"""A projection with what it was made from, and with another on the same draws to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import xarray as xr

from allocate.names import STATUSES
from allocate.people.declared import inputs
from allocate.people.projection import Prepared, Watch, prepare, projected
from allocate.plan import Plan
from allocate.read import read_scenario
from allocate.spec import Scenario
from allocate.world import World, read_world

type Scenarios = Sequence[Scenario | str | Path]


@dataclass(frozen=True, eq=False)
class Outlook:
    """A projection, the World and scenarios that it was made from, and ``other``, what it is compared with, if any.

    ``found`` is as :func:`allocate.project` gives it; ``built`` says whose plan is built, "" for the World's additions;
    ``facts`` is the World as it was read, before any change.
    """

    scenarios: tuple[Scenario, ...]
    ready: Prepared
    found: xr.Dataset
    facts: World
    built: str = ""
    other: Outlook | None = None

    @cached_property
    def world_digest(self) -> str:
        """Tells which figures went in."""
        return self.facts.digest()

    @property
    def name(self) -> str:
        """The scenarios, or what is projected where there are none, and the plan that is built."""
        words = " + ".join(scenario.name for scenario in self.scenarios) or inputs().name
        return f"{words}, with the plan {self.built}" if self.built else words

    @property
    def world(self) -> World:
        """The World after the scenarios."""
        return self.ready.case.world

    @property
    def years(self) -> list[int]:
        return self.ready.years

    @property
    def start(self) -> int:
        return self.ready.calendar.start

    @property
    def rests_on(self) -> dict[str, list[str]]:
        """The data that go in, by status, the most certain first."""
        status = {name: str(self.world.data[name].attrs["status"]) for name in inputs().data}
        found = {known: [name for name, its in status.items() if its == known] for known in STATUSES}
        return {known: names for known, names in found.items() if names}


def outlook(
    world: World | str | Path,
    *,
    years: int | Sequence[int],
    draws: int = 1000,
    seed: int = 1,
    scenario: Scenarios = (),
    against: Scenarios | None = None,
    plan: Plan | xr.Dataset | None = None,
    built: str = "",
    step: int | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
    say: Callable[[str], None] | None = None,
) -> Outlook:
    """Project as :func:`allocate.project` does, and keep what went in.

    With ``against`` (scenarios, or an empty list for none) the World is projected under these too, on the same draws
    and without the plan, to compare with.

    >>> found = outlook("za2016_people", years=2021, draws=64, against=[])
    >>> bool((found.found["count"] == found.other.found["count"]).all())
    True

    Raises :class:`allocate.errors.InputError` as it does.
    """
    whole = read_world(world)

    def readied(names: Scenarios, plan: Plan | xr.Dataset | None) -> tuple[tuple[Scenario, ...], Prepared]:
        what_ifs = tuple(map(read_scenario, names))
        return what_ifs, prepare(whole, years=years, scenario=what_ifs, plan=plan, step=step)

    def seen(what_ifs: tuple[Scenario, ...], ready: Prepared, built: str, other: Outlook | None) -> Outlook:
        found = projected(ready, draws=draws, seed=seed, threads=threads, watch=watch, say=say)
        return Outlook(what_ifs, ready, found, whole, built, other)

    ours = readied(scenario, plan)
    other = None if against is None else readied(against, None)  # what is wrong in it is said before any is projected
    return seen(*ours, built, None if other is None else seen(*other, "", None))
