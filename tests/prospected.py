"""What tests of projections share: the shipped World of people, and projections of it that are made once."""

from __future__ import annotations

from functools import cache

from allocate.people.outlook import Outlook, outlook
from allocate.world import World, read_world

YEARS = (2021, 2026, 2031, 2036)
DRAWS = 256


@cache
def people() -> World:
    return read_world("za2016_people")


@cache
def plain() -> Outlook:
    """The figures as they stand."""
    return outlook(people(), years=YEARS, draws=DRAWS)


@cache
def against_none(scenario: str) -> Outlook:
    """A shipped scenario beside the figures as they stand."""
    return outlook(people(), years=YEARS, draws=DRAWS, scenario=[scenario], against=[])
