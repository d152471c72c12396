"""The command that plans before need is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.inputs import facts_of, model_of, what_ifs_of, years_of
from allocate.cli.options import ModelName, Scenarios, WorldName, Years
from allocate.cli.progress import say, tell
from allocate.cli.tables import in_columns, odd_csv, write_csv
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    from allocate.risk import Robust, Spread


def risk(
    model: ModelName,
    spread: Annotated[
        list[str] | None,
        typer.Option(
            "--spread",
            metavar="DATUM:DIMS:SD",
            help="What else is not known: a datum, the dims whose labels differ by chance (joined by +), by how much.",
        ),
    ] = None,
    measure: Annotated[
        str | None, typer.Option("--measure", help="What is made best: mean, cvar, worst or regret (default cvar).")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option("--alpha", help="For cvar: the mean of the worst 1 - alpha of draws (default 0.9).")
    ] = None,
    draws: Annotated[int | None, typer.Option("--draws", help="How many draws (default 100).")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Which draws (default 1).")] = None,
    scenario: Scenarios = None,
    world: WorldName = None,
    years: Years = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the plan, in R thousand.")] = None,
) -> None:
    """Decide on money before need is known.

    Draws what is not known, decides the money that makes a measure of the outcome best over all draws, with the gap to
    the best that is proved, and sets it beside other policies on the same draws.

    Example:  allocate risk grant_consolidation -s costs_unknown --years 2019/20

    Example:  allocate risk grant_consolidation --spread unit_cost:service:0.25 --spread need_weight:space:0.2
    --draws 100 --years 2019/20 --csv robust.csv
    """
    from allocate.risk import drawn, measure_of, risk_of, robust, spreads_of

    own, what_ifs = [_spread(text) for text in spread or []], what_ifs_of(scenario)
    asked = risk_of(what_ifs)
    wanted = measure_of(measure or asked.measure, asked.alpha if alpha is None else alpha)
    if wrong := list(odd_csv(csv)):
        raise InputError("risk", wrong)
    text, chosen, facts = model_of(model), years_of(years), facts_of(world)
    many, which = asked.draws if draws is None else draws, asked.seed if seed is None else seed
    worlds = drawn(facts, [*spreads_of(what_ifs), *own], many, which)
    found = robust(
        text, facts, *what_ifs, draws=worlds, measure=wanted, years=chosen, watch=lambda what: tell(f"risk: {what}")
    )
    say("\n".join(_lines(found)))
    if csv is not None:
        write_csv(found.schedule.table().assign(gap=found.decision.relative_gap), csv)


def _spread(text: str) -> Spread:
    """``DATUM:DIMS:SD``, dims joined by ``+``; a datum of one factor everywhere has no dims."""
    from allocate.risk import Spread

    parts = text.split(":")
    try:
        datum, dims, sd = parts
        return Spread(datum, tuple(dim for dim in dims.split("+") if dim), float(sd))
    except ValueError:
        words = f"{text[:60]!r} is not DATUM:DIMS:SD; write for example unit_cost:service:0.25"
        raise InputError("--spread", [Problem("", words)]) from None


def _lines(found: Robust) -> list[str]:
    """The table of policies, what planning for chance and knowing the future are worth, and the proof."""
    from allocate.sentences import in_words, quantity

    unit, decision = str(found.program.goal_units[-1]), found.decision
    columns = [str(name) for name in found.table.columns]
    rows = [columns, *([str(row[0]), *(quantity(v, "") for v in row[1:])] for row in found.table.to_numpy().tolist())]
    lines = [f"Outcome beyond no money, in {in_words(unit)}, on the same {decision.outcomes.size} draws"]
    lines += [f"  {line}" for line in in_columns(rows)]
    gap = f"Proved within {decision.relative_gap:.1e} of the best, as a part of what money moves."
    return [
        *lines,
        f"Planning for all draws instead of the figures as they stand is worth {quantity(found.stochastic, unit)}.",
        f"Knowing the draw before deciding would be worth {quantity(found.information, unit)} more.",
        gap + (f" Grade: {decision.grade}." if decision.route == "extensive" else ""),
    ]
