"""The command that draws a frontier."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.inputs import facts_of, model_of, what_ifs_of, years_of
from allocate.cli.options import ModelName, Scenarios, WorldName, Years
from allocate.cli.progress import say, tell
from allocate.cli.tables import in_columns, odd_csv, write_csv
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    from allocate.frontiers import Frontier

MOST_POINTS = 1000


def frontier(
    model: ModelName,
    datum: Annotated[str, typer.Option("--set", metavar="DATUM", help="The figure that moves.")],
    first: Annotated[float, typer.Option("--from", metavar="NUMBER", help="Its first level.")],
    last: Annotated[float, typer.Option("--to", metavar="NUMBER", help="Its last level.")],
    points: Annotated[int, typer.Option("--points", help="How many levels, evenly spaced.")] = 20,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="DIM=LABEL", help="Move it only there; may be given again.")
    ] = None,
    scenario: Scenarios = None,
    world: WorldName = None,
    years: Years = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the table, with the money of every space.")
    ] = None,
) -> None:
    """Solve a model at many levels of one figure.

    Prints for every level what the last goal is worth, what each unit of the figure has cost it since the level before,
    how much money moves against the actual split, and how many limits bind.

    Example:  allocate frontier grant_consolidation --set keep --from 0.8 --to 1 --years 2019/20 --csv keep.csv
    """
    from allocate.frontiers import frontier as draw

    place = _asked(where or [], first, last, points, csv)
    wanted, text, what_ifs = years_of(years), model_of(model), what_ifs_of(scenario)
    facts = facts_of(world)
    step = (last - first) / max(points - 1, 1)
    levels = [round(first + k * step, 12) for k in range(points - 1)] + [last]
    found = draw(
        text, facts, *what_ifs, datum=datum, levels=levels, where=place, years=wanted,
        watch=lambda what: tell(f"solving: {what}"),
    )  # fmt: skip
    say("\n".join(_lines(found)))
    if csv is not None:
        write_csv(found.table(), csv)


def _asked(where: list[str], first: float, last: float, points: int, csv: Path | None) -> dict[str, str]:
    """The labels of ``--where``. Raises InputError with all that is wrong with the words given, before any work."""
    wrong = [
        Problem("--where", f"{word!r} is not DIM=LABEL; write for example grant=MIG")
        for word in where
        if not all(word.partition("="))
    ]
    wrong += [
        Problem(name, f"{end:g} is not a number")
        for name, end in (("--from", first), ("--to", last))
        if not math.isfinite(end)
    ]
    if not 2 <= points <= MOST_POINTS:
        wrong.append(Problem("--points", f"{points} is not from 2 to {MOST_POINTS}"))
    if first == last:
        wrong.append(Problem("--to", f"is {last:g}, as --from is; a frontier goes from one level to another"))
    wrong += odd_csv(csv)
    if wrong:
        raise InputError("frontier", wrong)
    return {dim: label for dim, _, label in (word.partition("=") for word in where)}


def _lines(found: Frontier) -> list[str]:
    """The table, its heading, and why there is no plan where there is none."""
    import numpy as np

    from allocate.differences import amount

    data = found.dataset()
    goal = str(data["goal"].values[-1])
    lines = [f"{found.datum} and {goal!r} ({data.attrs['unit']})"]
    head = ("level", goal, "per unit", "money moved", "at a limit", "grade")
    rows: list[tuple[str, ...]] = [head]
    for k, level in enumerate(found.levels):
        here = data.isel(level=k)
        numbers = [float(here["value"][-1]), float(here["slope"]), float(here["moved"])]
        shown = ["" if np.isnan(n) else amount(n, u) for n, u in zip(numbers, ("", "", "R"), strict=True)]
        many = int(here["at_limit"])
        rows.append((amount(level, found.unit), *shown, str(many) if many >= 0 else "", str(here["grade"].item())))
    return [*lines, *in_columns(rows, named=False)] + [
        f"at {amount(level, found.unit)} {error}" for level, error in list(found.refused.items())[:1]
    ]
