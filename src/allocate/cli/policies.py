"""The command that walks policies through the years."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.inputs import facts_of, model_of, named_people, named_world, people_of, what_ifs_of
from allocate.cli.options import ModelName, Scenarios, WorldName
from allocate.cli.progress import say, tell
from allocate.cli.tables import in_columns

if TYPE_CHECKING:
    from allocate.rolling.comparison import Policies


def policies(
    model: ModelName,
    scenario: Scenarios = None,
    world: WorldName = None,
    people_world: Annotated[
        str | None,
        typer.Option(
            "--people-world",
            help="The figures of people: a built-in world, a folder or a workbook. If left out: the folder people (or "
            "people.xlsx) of the current folder, else za2016_people.",
            show_default=False,
        ),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy", help="A policy to compare: formula, expected, cvar, regret (these if left out) or mean."
        ),
    ] = None,
    years: Annotated[int, typer.Option("--years", help="How many years, from the first of the figures.")] = 10,
    draws: Annotated[int, typer.Option("--draws", help="How many draws.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Which draws.")] = 1,
    groups: Annotated[
        int, typer.Option("--groups", help="Into how many groups of draws a planner tells apart what has been seen.")
    ] = 4,
    horizon: Annotated[int, typer.Option("--horizon", help="Years that a plan looks ahead; the first is firm.")] = 1,
    growth: Annotated[
        float, typer.Option("--growth", help="Real growth of money a year beyond the figures' own years.")
    ] = 0.0,
    workers: Annotated[
        int | None, typer.Option("--workers", help="At most so many policies at once (default all cores).")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the answer (default out/NAME).")] = None,
) -> None:
    """Walk policies through the years.

    Projects people, plans every year on what is known then, builds what the money buys, lets what stands decay, and
    goes on to the next year: the actual split, the formula, and plans for the mean need, the worst tenth and least
    regret, all on the same draws. Says what each gains and how much of it survives uncertainty; writes a folder with
    report.html, policies.xlsx, policies.csv, adequacy.csv, money.csv, policies.nc and manifest.json.

    Example:  allocate policies grant_consolidation

    Example:  allocate policies grant_consolidation -s one_pool -s drought --years 5 --draws 200
    """
    from allocate.outputs import Asked, free
    from allocate.rolling.comparison import policies as compared
    from allocate.rolling.money import POLICIES
    from allocate.walked import write

    names = scenario or []
    target = free(out or Path("out") / ("_".join(["policies", *(Path(name).stem for name in names)])))
    what_ifs, text = what_ifs_of(names), model_of(model)
    found = compared(
        text,
        facts_of(world),
        people_of(people_world),
        *what_ifs,
        years=years,
        draws=draws,
        seed=seed,
        policies=policy or POLICIES,
        groups=groups,
        horizon=horizon,
        growth=growth,
        workers=(os.cpu_count() or 1) if workers is None else workers,
        watch=tell,
    )
    tell("writing")
    asked = Asked(named_world(world), tuple(names), model, people=named_people(people_world))
    _say(found, write(found, target, asked))


def _say(found: Policies, home: Path) -> None:
    from allocate.report.policies import shown
    from allocate.rolling.findings import findings
    from allocate.sentences import in_words

    say(f"{found.name}, {found.setting.labels[0]} to {found.setting.labels[-1]}")
    for line in found.said:
        typer.echo(f"  {line}")
    typer.echo(f"  figures: {found.setting.case.world.name}, {found.people.case.world.name}")
    for sentence in findings(found):
        typer.echo(f"* {sentence}")
    columns = [str(column) for column in found.table().columns]
    rows = [[str(row[0]), *map(shown, columns[1:], row[1:])] for row in found.table().to_numpy().tolist()]
    typer.echo(f"In thousand {in_words(found.unit)}")
    for line in in_columns([columns, *rows]):
        typer.echo(f"  {line}")
    typer.echo(f"Open {home / 'report.html'}")
