"""The command that says in words when a space falls short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allocate.cli.inputs import facts_of, people_of, what_ifs_of
from allocate.cli.options import Scenarios
from allocate.cli.progress import say, tell
from allocate.cli.tables import odd_csv, write_csv
from allocate.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from allocate.world import World


def discover(
    sweep: Annotated[
        Path | None, typer.Argument(help="The folder of a sweep that is done; if left out, people are projected.")
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option("--space", help="A space, by name or code; may be given again. If left out: all."),
    ] = None,
    service: Annotated[
        str | None, typer.Option("--service", help="Of what it falls short (water); of people only.")
    ] = None,
    year: Annotated[int, typer.Option("--year", help="When; of people only.")] = 2036,
    below: Annotated[
        float | None,
        typer.Option(
            "--below",
            metavar="NUMBER",
            help="What counts as short: less of a service than this part of what is needed (default 1); of a sweep, "
            "less money than so many R thousand.",
            show_default=False,
        ),
    ] = None,
    scenario: Scenarios = None,
    world: Annotated[
        str | None,
        typer.Option("--world", "-w", help="The figures, as of allocate project; of a sweep, for names of spaces."),
    ] = None,
    draws: Annotated[int, typer.Option("--draws", help="How many draws of people.")] = 4000,
    seed: Annotated[int, typer.Option("--seed", help="Which draws.")] = 1,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write every end of every box, with its numbers.")
    ] = None,
) -> None:
    """Say in words when a space falls short.

    Looks through many draws of people and services, or the cases of a sweep, for a few figures whose values tell the
    bad cases from the others: "it falls short when ...". Half of the cases find the words and the other half judge
    them; what these do not bear out is not said, and where nothing tells bad cases apart, that is what it says.

    Example:  allocate discover --space "OR Tambo" --service sanitation --year 2036

    Example:  allocate discover --service electricity --year 2031 -s drought --csv short.csv

    Example:  allocate discover out/figures_unknown --space "OR Tambo" --below 900000
    """
    if wrong := [*odd_csv(csv), *_odd(sweep, service, below, scenario, draws, seed)]:
        raise InputError("discover", wrong)
    if sweep is None:
        assert service is not None
        told = _of_people(people_of(world), space, service, year, below or 1.0, scenario, draws, seed)
    else:
        assert below is not None
        told = _of_sweep(sweep, facts_of(world), space, below)
    found = [row for one in told for row in _said(one)]
    if csv is not None:
        import pandas as pd

        columns = ["space", "name", "box", "coverage", "density", "share", "figure", "side", "value", "chance"]
        write_csv(pd.DataFrame(found, columns=columns), csv)


def _odd(
    sweep: Path | None, service: str | None, below: float | None, scenario: list[str] | None, draws: int, seed: int
) -> list[Problem]:
    """All that is wrong with the words given, before any work."""
    wrong = []
    if sweep is None and service is None:
        wrong.append(Problem("--service", "is missing; write for example --service water, or name a sweep"))
    if sweep is not None and (service is not None or scenario):
        wrong.append(Problem("--service, --scenario", "are of people; a sweep has said what it varied"))
    if sweep is not None and below is None:
        wrong.append(Problem("--below", "is missing; write how many R thousand are too few, for example 900000"))
    if below is not None and not 0 < below < float("inf"):
        wrong.append(Problem("--below", f"{below:g} is not above 0"))
    if not 100 <= draws <= 1_000_000:
        wrong.append(Problem("--draws", f"{draws} is not from 100 to 1,000,000"))
    if not 0 <= seed < 2**64:
        wrong.append(Problem("--seed", f"{seed} is not 0 or more, and below 2**64"))
    return wrong


def _codes(facts: World, names: list[str] | None) -> list[str]:
    """The codes of the spaces named; of all where none is."""
    known = facts.labels("space")
    if not names:
        return list(known)
    if facts.regions is not None:
        return facts.regions.resolve_all(names, "--space", names)
    wrong = [Problem(name, f"is no space of {facts.name}{nearest(name, known)}") for name in names if name not in known]
    if wrong:
        raise InputError("--space", wrong)
    return names


@dataclass(frozen=True)
class Told:
    """What is told of one space: figures of its cases, which of these are bad, and what each figure is called."""

    space: str
    title: str
    cases: Any
    bad: Any
    figures: tuple[str, ...]
    after: tuple[str, ...]
    also: str


def _of_people(
    facts: World,
    spaces: list[str] | None,
    service: str,
    year: int,
    below: float,
    scenario: list[str] | None,
    draws: int,
    seed: int,
) -> Iterator[Told]:
    """Draws of a service in a year, space by space, with what its adequacy hangs on."""
    import numpy as np

    from allocate.people.drivers import drivers
    from allocate.people.projection import prepare
    from allocate.sensitivity.shares import given_data

    codes = _codes(facts, spaces)
    ready = prepare(facts, years=year, scenario=what_ifs_of(scenario))
    tell(f"{draws:,} draws")
    found = drivers(ready, service, year, draws=draws, seed=seed)
    level = "enough" if below == 1 else f"{below:.0%} of what is needed"
    say(f"{service.capitalize()} in {year}, {draws:,} draws: when is there less than {level}?")
    for space in codes:
        cases, adequacy = found.of(space)
        also = f"in the middle draw there is {np.median(adequacy):.0%} of what is needed"
        if np.isfinite(adequacy).all():  # something is needed in every draw
            shares = given_data(cases, adequacy[:, None]).first[:, 0]
            parts = [f"{n} {part:.0%}" for n, part in zip(found.names, shares, strict=True) if part >= 0.01]
            also += f"; of its variance, {', '.join(parts)}" * bool(parts)
        yield Told(space, facts.title("space", space), cases, adequacy < below, found.names, found.after, also)


def _of_sweep(folder: Path, facts: World, spaces: list[str] | None, below: float) -> Iterator[Told]:
    """Cases of a sweep, space by space."""
    import numpy as np

    from allocate.sensitivity.samples import read_sample

    found = read_sample(folder)
    known = found.answers[1:]
    codes = _codes(facts, spaces) if spaces else list(known)
    if wrong := [Problem(code, f"is not in the sweep{nearest(code, known)}") for code in codes if code not in known]:
        raise InputError(folder, wrong)
    say(f"{folder}, {len(found.cases):,} solved cases: when does a space get less than R{below:,.0f} thousand?")
    for space in codes:
        money = found.values[:, found.answers.index(space)]
        also = f"in the middle case it gets R{np.median(money):,.0f} thousand"
        yield Told(space, facts.title("space", space), found.cases, money < below, found.figures, found.after, also)


def _said(one: Told) -> list[dict[str, Any]]:
    """Say when a space falls short, and return every end of every box."""
    from allocate.sensitivity.discovery import boxes, in_words

    found = boxes(one.cases, one.bad)
    often, many = one.bad.mean(), len(one.bad)
    say(f"* {one.title} falls short in {often:.1%} of {many:,}; {one.also}.")
    for number, box in enumerate(found):
        say(
            f"  {'It does when' if number == 0 else 'Else, when'} {in_words(box, one.figures, one.after)}: "
            f"{box.coverage:.0%} of the cases in which it does, and it does in {box.density:.0%} of such cases."
        )
    if not found:
        say("  " + ("Nothing is left to explain." if often in (0, 1) else "No figure here tells those cases apart."))
    return [
        {
            "space": one.space,
            "name": one.title,
            "box": number,
            "coverage": box.coverage,
            "density": box.density,
            "share": box.share,
            "figure": one.figures[limit.figure],
            "side": "above" if limit.above else "below",
            "value": limit.value,
            "chance": limit.chance,
        }
        for number, box in enumerate(found, start=1)
        for limit in box.limits
    ]
