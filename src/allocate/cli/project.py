"""The command that projects people and what serves them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.inputs import named_people, people_of, what_ifs_of
from allocate.cli.options import Scenarios
from allocate.cli.progress import Progress, say, tell
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    import xarray as xr

    from allocate.people.outlook import Outlook
    from allocate.spec import Scenario

HORIZON = 20
"""Years after the start that are projected if none are named."""

NONE = "none"
"""What ``--against`` calls the figures as they stand."""


def project(
    years: Annotated[
        str | None,
        typer.Option("--years", help="Years to report (2021,2026,2036); if left out, every fifth for 20 years."),
    ] = None,
    scenario: Scenarios = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--against", help="A scenario to compare with, or none: same draws, so only changes differ."),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="RUN", help="The folder of a run, whose plan is built in its years."),
    ] = None,
    draws: Annotated[int, typer.Option("--draws", help="How many draws.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Which draws.")] = 1,
    annual: Annotated[bool, typer.Option("--annual", help="Go on year by year, not by five years.")] = False,
    world: Annotated[
        str | None,
        typer.Option(
            "--world",
            "-w",
            help="The figures: a built-in world, a folder or a workbook. If left out: the folder people (or "
            "people.xlsx) of the current folder, else za2016_people.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", help="At most so many at once (default all).")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the answer (default out/NAME).")] = None,
) -> None:
    """Project people and what serves them.

    Says who lives where, how likely each service is enough, and how sure that is; writes a folder with report.html,
    projection.xlsx, people.csv, adequacy.csv, projection.nc and manifest.json.

    Example:  allocate project --years 2021,2026,2036

    Example:  allocate project -s drought --against none --draws 10000

    Example:  allocate project --plan out/one_pool --against none
    """
    from allocate.outputs import Asked, free
    from allocate.people.outlook import outlook
    from allocate.projected import write

    _sound(draws, seed, threads)
    wanted, names = _years(years), scenario or []
    stems = [Path(name).stem for name in names] + ([f"with_{plan.resolve().name}"] if plan else [])
    target = free(out or Path("out") / ("_".join(stems) or "people"))
    if plan is not None and target.resolve() == plan.resolve():
        raise InputError("--out", [Problem("", f"{target} is the run that --plan reads; name another folder")])
    what_ifs, other = what_ifs_of(names), _other(against)
    built = None if plan is None else _built(plan)
    facts = people_of(world)
    found = outlook(
        facts,
        years=wanted or _default(facts.labels("period") if "period" in facts.data.dims else (), annual),
        draws=draws,
        seed=seed,
        scenario=what_ifs,
        against=other,
        plan=built,
        built="" if built is None else str(built.attrs.get("name", plan)),
        step=1 if annual else None,
        threads=threads,
        watch=Progress("draws"),
        say=lambda words: tell(words.removesuffix(".")),
    )
    tell("writing")
    compared = None if against is None else tuple(name for name in against if name != NONE)
    built_by = "" if plan is None else str(plan)
    home = write(found, target, Asked(named_people(world), tuple(names), against=compared, plan=built_by))
    _say(found, home)


def _sound(draws: int, seed: int, threads: int | None) -> None:
    """Raise InputError with all that is wrong with the numbers given, before any work."""
    wrong = [
        Problem(name, f"{value} is not a whole number from {least} to {most:,}")
        for name, value, least, most in (
            ("--draws", draws, 1, 10_000_000),
            ("--seed", seed, 0, 2**64 - 1),
            ("--threads", threads, 1, 1024),
        )
        if value is not None and not least <= value <= most
    ]
    if wrong:
        raise InputError("project", wrong)


def _years(text: str | None) -> list[int]:
    """The years of ``--years``; none where it is left out."""
    words = [] if text is None else [word.strip() for word in text.split(",") if word.strip()]
    wrong = [word for word in words if not (word.isascii() and word.isdigit() and len(word) == 4)]
    if wrong or (text is not None and not words):
        said = f"{', '.join(wrong)[:60]!r} is no year" if wrong else "names no year"
        raise InputError("--years", [Problem("", f"{said}; write for example 2021,2026,2036")])
    return sorted({int(word) for word in words})


def _default(periods: tuple[str, ...], annual: bool) -> list[int]:
    """Every fifth year after the start, or every year, as far as the figures go; none where they name no years."""
    starts = [period[:4] for period in periods]
    if not starts or not all(year.isdigit() for year in starts):
        return []
    first, last = int(starts[0]), min(int(starts[0]) + HORIZON, int(starts[-1]) + 5)
    step = 1 if annual else 5
    return list(range(first + step, last + 1, step))


def _other(against: list[str] | None) -> list[Scenario] | None:
    """The scenarios of ``--against``: none of them for "none", None where it is left out."""
    if against is None:
        return None
    if NONE in against and len(against) > 1:
        raise InputError("--against", [Problem("", "none stands alone: it is the figures as they stand")])
    return what_ifs_of([] if against == [NONE] else against)


def _built(folder: Path) -> xr.Dataset:
    """What the plan of a run builds."""
    from allocate.saved import read

    tell(f"reading the plan of {folder}")
    return read(folder).data


def _say(found: Outlook, home: Path) -> None:
    from allocate.prospects import prospects

    say(f"{found.name}, {found.start} to {found.years[-1]}")
    for line in found.ready.case.said:
        typer.echo(f"  {line}")
    typer.echo(f"  figures: {found.world.name}")
    for sentence in prospects(found):
        typer.echo(f"* {sentence}")
    typer.echo(f"Open {home / 'report.html'}")
