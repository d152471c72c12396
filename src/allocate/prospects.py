"""What a projection says, one sentence a finding, in the order that a reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from allocate.names import SPACE, TIME
from allocate.people.outlook import Outlook
from allocate.people.projection import LIKELY
from allocate.people.services import HOUSEHOLDS, PEOPLE
from allocate.people.tables import differences_table
from allocate.sentences import Sentence, quantity

FEW: Final = 3
"""Spaces that a sentence names."""

ENDS: Final = (0.05, 0.95)
"""The quantiles that bound the interval of a sentence: nine times out of ten the number is between them."""

NOTABLE: Final = 0.01
"""A change of a probability that is worth a word: a point."""


def prospects(outlook: Outlook) -> list[Sentence]:
    """What an outlook says: what its scenarios change, people, households, each service, how sure and on what it rests.

    >>> from allocate.people.outlook import outlook
    >>> str(prospects(outlook("za2016_people", years=2021, draws=64))[0])[:31]
    'People: 55.65 million in 2016, '
    """
    plain = [*_differences(outlook), *_people(outlook), *_households(outlook), *_services(outlook), *_later(outlook)]
    return [*map(Sentence, plain), *_sure(outlook)]


def many(value: float) -> str:
    """A number of people or units as a person says it, four digits of it.

    >>> many(55_652_964), many(379_690.1), many(12.3)
    ('55.65 million', '379,700', '12')
    """
    size = abs(value)
    if size >= 1e9:
        return f"{value / 1e9:.4g} billion"
    return f"{value / 1e6:.4g} million" if size >= 999_950 else f"{float(f'{value:.4g}'):,.0f}"


def _people(outlook: Outlook) -> Iterator[str]:
    found, last, nation = outlook.found.sel(measure=PEOPLE[0]), outlook.years[-1], outlook.ready.regions[-1]
    start, spread = found["count_start"], found["count"].sel(year=last)
    low, middle, high = (float(spread.sel(region=nation, quantile=q)) for q in (ENDS[0], 0.5, ENDS[1]))
    was = float(start.sel(region=nation))
    yield (
        f"People: {many(was)} in {outlook.start}, {many(middle)} in {last} ({middle / was - 1:+.0%}; nine times out of "
        f"ten {many(low)} to {many(high)})."
    )
    spaces = list(outlook.world.labels(SPACE))
    grows = (spread.sel(region=spaces, quantile=0.5) / start.sel(region=spaces) - 1).to_series()
    order = grows.sort_values(ascending=False, kind="stable")
    for words, part in (("Grow most", order.head(FEW)), ("Grow least", order.tail(FEW).iloc[::-1])):
        printed = {str(space): round(value, 2) + 0.0 for space, value in part.items()}  # + 0.0: nothing has no sign
        named = "; ".join(f"{outlook.world.title(SPACE, space)} {value:+.0%}" for space, value in printed.items())
        yield f"{words} by {last}: {named}."


def _households(outlook: Outlook) -> Iterator[str]:
    last, nation = outlook.years[-1], outlook.ready.regions[-1]
    found = outlook.found.sel(measure=list(HOUSEHOLDS), region=nation)
    was, now = found["count_start"].values, found["count_mean"].sel(year=last).values
    yield (
        f"Households: {many(was.sum())} in {outlook.start}, {many(now.sum())} in {last}; women head "
        f"{was[0] / was.sum():.1%} of them, then {now[0] / now.sum():.1%}."
    )


def unit_of(outlook: Outlook, service: str) -> str:
    """What a service is counted in: households, or itself."""
    return "households" if float(outlook.world.data["per_household"].sel(service=service)) else service


def _services(outlook: Outlook) -> Iterator[str]:
    """A sentence a service: what is missing, where it is not enough, how many people live where it is."""
    found, last, nation = outlook.found, outlook.years[-1], outlook.ready.regions[-1]
    lived = float(found["count_mean"].sel(measure=PEOPLE[0], region=nation, year=last))
    total = len(outlook.world.labels(SPACE))
    for service in outlook.world.labels("service"):
        its = found.sel(service=service)
        backlog, unit = its["backlog"].sum(SPACE).sel(year=last), unit_of(outlook, service)
        short = [int((its["p_adequate"].sel(year=year) < LIKELY).sum()) for year in (outlook.years[0], last)]
        when = (
            f"{short[0]} in {outlook.years[0]}, {short[1]} in {last}"
            if len(outlook.years) > 1
            else f"{short[1]} in {last}"
        )
        share = float(its["served"].sel(region=nation, year=last))
        was, now = many(float(its["backlog_start"].sum())), many(float(backlog))
        yield (
            f"{service.capitalize()}: a backlog of {was} {unit} in {outlook.start}, {now} expected in {last}. Of "
            f"{total} spaces, short of enough for all more likely than not: {when}. {many(share * lived)} people "
            f"({share:.0%}) live where it is enough in {last}."
        )


def _later(outlook: Outlook) -> Iterator[str]:
    """Where what was enough in the first year asked for is not later."""
    first = outlook.found["first_short"]
    later = first.where(first > outlook.years[0]).to_series().dropna().sort_values(kind="stable")
    if len(later):
        named = "; ".join(
            f"{row.service} in {outlook.world.title(SPACE, row.space)} by {row.first_short:.0f}"
            for row in _rows(later.head(2 * FEW).reset_index())
        )
        more = f" and {len(later) - 2 * FEW} more" if len(later) > 2 * FEW else ""
        yield f"Enough in {outlook.years[0]}, and the first to fall short after: {named}{more}."


def _differences(outlook: Outlook) -> Iterator[str]:
    """What the scenarios change, on the same draws; of each service in the year in which they change most."""
    if outlook.other is None:
        return
    frame = differences_table(outlook)
    people, served = (frame[frame["what"] == what] for what in ("people", "p_adequate"))
    last = people[people[TIME] == outlook.years[-1]]
    yield f"Against {outlook.other.name}, on the same draws: {_moved(last, outlook)}"
    sizes = served["change"].abs()
    total = len(outlook.world.labels(SPACE))
    for service in outlook.world.labels("service"):
        its = served[served["service"] == service]
        its = its.loc[sizes[its.index].sort_values(ascending=False, kind="stable").index]
        most = its[TIME].iloc[0]
        its = its[(its[TIME] == most) & (sizes[its.index] >= NOTABLE)]
        up, down = int((its["change"] > 0).sum()), int((its["change"] < 0).sum())
        if up + down:
            named = "; ".join(f"{row.name} {row.was:.0%} -> {row.now:.0%}" for row in _rows(its.head(FEW)))
            yield (
                f"Chance that {service} is enough, in {most}: up by a point or more in {up} of {total} "
                f"spaces, down in {down}; most changed: {named}."
            )
    if not (sizes >= NOTABLE).any():
        yield "The chance that a service is enough changes by a point or more nowhere."


def _moved(people: pd.DataFrame, outlook: Outlook) -> str:
    """How many people more or fewer there are in the last year, in all and where most."""
    change = people.set_index("region")["change"]
    alone = change[list(outlook.world.labels(SPACE))]
    if not alone.any():
        return f"not one person more or less lives anywhere in {outlook.years[-1]}."
    most = alone.loc[alone.abs().sort_values(ascending=False, kind="stable").index[: 2 * FEW]]
    named = "; ".join(
        f"{outlook.world.title(SPACE, str(space))} {quantity(value, '')}" for space, value in most.items()
    )
    whole = quantity(change[outlook.ready.regions[-1]], "people")
    return f"{whole} in {outlook.years[-1]}; most changed: {named}."


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows whose cells are called by the names of their columns."""
    return frame.itertuples(name="Row")


def _sure(outlook: Outlook) -> Iterator[Sentence]:
    """What chance is in the numbers, and how much rests on what nobody counted."""
    draws, rests = int(outlook.found.attrs["draws"]), outlook.rests_on
    off = 1.96 * 0.5 / np.sqrt(draws)  # of a share of independent draws, at the worst; integrating delivery lowers it
    yield Sentence(
        f"How sure: {draws:,} draws of deaths, births, moves, arrivals, counts and delivery; a probability is within "
        f"{100 * off:.1f} points of what endless draws would give, 19 times out of 20."
    )
    counts = ", ".join(f"{len(names)} {status}" for status, names in rests.items())
    yield Sentence(f"It rests on {sum(map(len, rests.values()))} data: {counts}.")
    if assumed := rests.get("assumed"):
        yield Sentence(f"Assumed, so open to challenge: {', '.join(assumed)}.", warning=True)
    if words := str(outlook.world.data.attrs.get("envelope", "")):
        yield Sentence(words, warning=True)
