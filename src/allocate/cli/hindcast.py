"""The command that asks whether a projection was any good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.inputs import facts_of
from allocate.cli.options import Scenarios
from allocate.cli.progress import say, tell
from allocate.cli.tables import in_columns, odd_csv, odd_file, write_csv, write_text
from allocate.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    import pandas as pd

    from allocate.people.hindcast import Hindcast
    from allocate.world import World


def hindcast(
    fit_until: Annotated[int, typer.Option("--fit-until", metavar="YEAR", help="The year it was made in.")],
    observed: Annotated[
        Path | None,
        typer.Option(
            "--observed",
            metavar="FILE",
            help="CSV of what was counted later: space, year, population, and if need be sex and age.",
        ),
    ] = None,
    estimates: Annotated[
        Path | None,
        typer.Option("--estimates", metavar="FILE", help="CSV of official estimates, for growth and to compare with."),
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="Which year of FILE; if left out, the last.")] = None,
    world: Annotated[
        str | None,
        typer.Option(
            "--world",
            "-w",
            help="The figures of people: a folder or a workbook. If left out, those that are built in for the year.",
        ),
    ] = None,
    scenario: Scenarios = None,
    annual: Annotated[bool, typer.Option("--annual", help="Project year by year.")] = False,
    draws: Annotated[int, typer.Option("--draws", help="How many draws.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Which draws.")] = 1,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the table of spaces.")] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw where the counts stand among the draws.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Score a projection against what was counted later.

    Projects people from what was known in a year, and compares with a later table: errors beside those of methods that
    need no model and of official estimates; how many spaces its intervals cover, and how many they should; and
    where the counts stand among the draws. Without files, those that are built in for that year.

    Example:  allocate hindcast --fit-until 2011

    Example:  allocate hindcast --fit-until 2016 --observed census_2022.csv --json
    """
    from allocate.people.hindcast import hindcast as score

    same = [
        Problem(option, f"{file} is what is read; name another file")
        for option, file in (("--csv", csv), ("--svg", svg))
        if file is not None and file.resolve() in {read.resolve() for read in (observed, estimates) if read is not None}
    ]
    if wrong := [*same, *odd_csv(csv), *odd_file(svg, "--svg", ".svg"), *_odd_draws(draws)]:
        raise InputError("hindcast", wrong)
    made, later, official = _built_in(fit_until, world)
    counted = observed if observed is not None else later
    if counted is None:
        words = f"nothing counted after {fit_until} is built in; bring a CSV file of space, year, population"
        raise InputError("hindcast", [Problem("--observed", words)])
    chosen = estimates if estimates is not None else official
    tell(f"projecting from {fit_until}")
    found = score(
        made,
        counted,
        year=year,
        estimates=chosen,
        draws=draws,
        seed=seed,
        scenario=scenario or [],
        step=1 if annual else None,
    )
    if found.start != fit_until:
        words = f"the world {made.name} starts in {found.start}, not in {fit_until}"
        raise InputError("hindcast", [Problem("--fit-until", words)])
    say(json.dumps(found.as_dict(), indent=1) if as_json else "\n".join(lines(found)))
    if csv is not None:
        write_csv(found.spaces, csv)
    if svg is not None:
        from allocate.report.ranks import ranks

        write_text(ranks(found), svg)


def _odd_draws(draws: int) -> list[Problem]:
    return [] if 20 <= draws <= 100_000 else [Problem("--draws", f"{draws} is not from 20 to 100,000")]


def _built_in(year: int, world: str | None) -> tuple[World, pd.DataFrame | None, pd.DataFrame | None]:
    """The World of a year, what was counted later and the official estimates, as far as they are built in."""
    from importlib.metadata import entry_points

    known = {point.name: point for point in entry_points(group="allocate.hindcasts")}
    if world is not None:
        return facts_of(world), None, None
    if str(year) not in known:
        words = f"no figures as of {year} are built in, only of {', '.join(known)}; name yours with --world"
        raise InputError("hindcast", [Problem("--fit-until", words + nearest(str(year), known))])
    tell(f"reading the figures as of {year}")
    found: tuple[World, pd.DataFrame | None, pd.DataFrame | None] = known[str(year)].load()()
    return found


def lines(found: Hindcast) -> list[str]:
    """What a hindcast says, in words and a few small tables."""
    knew = f"INFORMED: {', '.join(found.later)} are about a later time" if found.later else "It knew of no later time"
    said = [
        f"Of {found.start} ({found.world}), scored in {found.year}: {len(found.spaces)} spaces, {found.draws} draws.",
        f"{knew}.",
        "",
        "Errors of one forecast of each space",
    ]
    rows = [("method", "mean error", "CRPS", "in the wrong space", "all people", "")]
    for m in found.methods:
        knew_more = "informed" if m.informed else ""
        cells = (f"{m.error:.1%}", f"{m.crps:.2%}", f"{m.misplaced:.1%}", f"{m.total - 1:+.1%}", knew_more)
        rows.append((m.name, *cells))
    said += [f"  {line}" for line in in_columns(rows)]
    said += [f"By sex and age, cell by cell: {m.name} {m.detail:.1%}" for m in found.methods if m.detail is not None]
    said += [
        "",
        "Intervals: how many spaces they covered, and should (nine times in ten, since spaces share their fate)",
    ]
    spans = [("interval", "covered", "should", "width", "score", "")]
    for i in found.intervals:
        verdict = "" if i.as_expected else "NOT AS IT SHOULD BE"
        shown = (f"{i.covered:.0%}", f"{i.least:.0%} to {i.most:.0%}", f"{i.width:.1%}", f"{i.score:.1%}", verdict)
        spans.append((f"{i.level:.0%}", *shown))
    said += [f"  {line}" for line in in_columns(spans)]
    said += [
        "",
        "Where the counts stand among the draws: spaces in each tenth (and how many to expect, nine times in ten)",
        *_tenths(found),
    ]
    worst = found.spaces.reindex(found.spaces["error"].abs().sort_values(ascending=False).index).head(5)
    far = ", ".join(f"{row.space} {row.error:+.1%}" for row in worst.itertuples())
    return [*said, f"Furthest off: {far}"]


def _tenths(found: Hindcast) -> list[str]:
    """The probability integral transform as a chart of letters."""
    return [
        f"  {10 * k:>3}-{10 * k + 10:<3} {count:>3} {'#' * count:<{max(found.bins)}}  {least} to {most}"
        for k, (count, (least, most)) in enumerate(zip(found.bins, found.expected, strict=True))
    ]
