"""The command that solves many levels and many draws of one question."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.inputs import facts_of, model_of, named_world, what_ifs_of, years_of
from allocate.cli.options import ModelName, Scenarios, WorldName, Years
from allocate.cli.progress import SPARSE, Progress, say, tell
from allocate.cli.tables import in_columns
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    from allocate.sweeps.answer import Sweep

MOST_WORKERS = 1024
MOST_MOVERS = 12
"""Axes and unknown figures that are printed, those that move the goal most."""


def sweep(
    model: ModelName,
    scenario: Scenarios = None,
    world: WorldName = None,
    years: Years = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="How many processes of this machine solve (default all processors).")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="Solve on a Dask cluster instead: tcp://HOST:PORT."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what was solved before it was stopped.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Forget what was solved before it was stopped.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the answer (default out/NAME).")] = None,
) -> None:
    """Solve every level and every draw that a scenario asks for.

    A scenario with [[grid]] has axes, each moving one thing over levels; one with [sample] draws what is not known.
    Each member has a plan of its own, proved, the nearest to the actual split. Writes a folder with sweep.csv (a row a
    member), money.csv (what every space gets), sweep.nc and manifest.json. Until then, what is solved is kept beside it
    in FOLDER.parts: whatever stops the work, --resume goes on.

    Example:  allocate sweep grant_consolidation -s guarantee_by_pool --years 2019/20

    Example:  allocate sweep grant_consolidation -s figures_unknown --years 2019/20 --workers 2

    Example:  allocate sweep grant_consolidation -s figures_unknown --cluster tcp://10.0.0.5:8786 --resume
    """
    from allocate.outputs import Asked
    from allocate.sweeps.engine import sweep as solve

    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise InputError("--workers", [Problem("", f"{workers} is not from 1 to {MOST_WORKERS:,}")])
    if resume and anew:
        raise InputError("--resume", [Problem("", "goes on with what --anew forgets; give one of them")])
    names = scenario or []
    target = out or Path("out") / ("_".join(Path(name).stem for name in names) or Path(model).stem)
    wanted, text, what_ifs = years_of(years), model_of(model), what_ifs_of(names)
    facts = facts_of(world)
    tell("solving")
    found = solve(
        text, facts, *what_ifs, years=wanted, workers=workers, cluster=cluster, folder=target, resume=resume, anew=anew,
        watch=Progress("plans", SPARSE), say=lambda words: say(words),
        asked=Asked(named_world(world), tuple(names), model),
    )  # fmt: skip
    say("\n".join(_lines(found)))
    typer.echo(f"Open {target / 'sweep.csv'}")


def _lines(found: Sweep) -> list[str]:
    """How many plans of which grade, how far the last goal moves, what moves it, why there is no plan, the slowest."""
    import numpy as np

    from allocate.sentences import quantity

    values, unit = found.data["value"].sel(goal=found.goal), str(found.data["goal_unit"].values[-1])
    grades = ", ".join(f"{many:,} {grade}" for grade, many in found.grades.items())
    many = len(found.design)
    lines = [f"{many:,} plan{'s' if many != 1 else ''}: {grades}"]
    if values.notnull().any():
        least, most = float(values.min()), float(values.max())
        lines.append(f"{found.goal}: from {quantity(least, unit)} to {quantity(most, unit)}")
    lines += _movers(found, unit)
    if (why := found.why()) is not None:
        lines.append(f"The first without a plan: {why}")
    refused = found.table().query("grade == 'refused'")
    lines += [f"Refused, member {row.member}: {row.reason}" for row in refused.head(3).itertuples()]
    slowest = int(np.argmax(found.seconds))
    return [*lines, f"The slowest, member {slowest + 1}, took {found.seconds[slowest]:.2f} s"]


def _movers(found: Sweep, unit: str) -> list[str]:
    """What moves the mean of the last goal most: each axis by its levels, each figure by the halves of its draws."""
    from allocate.sentences import quantity

    spans = []
    for name, means in found.means().items():
        known = {level: mean for level, mean in means.items() if mean == mean}
        if len(known) > 1:
            low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
            spans.append((known[high] - known[low], name, low, high))
    spans.sort(key=lambda span: -span[0])
    if not spans:
        return []
    rows = [("", "moves its mean by", "lowest at", "highest at")]
    rows += [(name, quantity(by, unit), low, high) for by, name, low, high in spans[:MOST_MOVERS]]
    more = len(spans) - MOST_MOVERS
    lines = [*in_columns(rows), *([f"and {more} more, which move it less"] if more > 0 else [])]
    some = found.data["value"].sel(goal=found.goal).isnull().any()
    return [*lines, "Where one level has no plan, the others are not counted there either."] if some else lines
