"""The command that asks which spaces are the neediest, however much each indicator counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.inputs import facts_of
from allocate.cli.options import WorldName
from allocate.cli.progress import say, tell
from allocate.cli.tables import each, in_columns, odd_csv, write_csv
from allocate.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def ranks(
    world: WorldName = None,
    draws: Annotated[int, typer.Option("--draws", help="How many weightings are drawn.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="Which weightings.")] = 1,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the table, of every space.")] = None,
) -> None:
    """Rank spaces by need under every weighting.

    An index of need is a weighted mean of the share of households without each service and of poverty, each from 0
    where it is least to 1 where it is most. Nobody can say how much each should count: so weights are drawn evenly from
    all that there are. Says how each space ranks over them, how often it is among the ten neediest, and the best and
    the worst rank that any weights at all can give it.

    Example:  allocate ranks

    Example:  allocate ranks --draws 100000 --csv ranks.csv
    """
    from allocate.sensitivity.ranking import indicators_of, rank

    if wrong := list(odd_csv(csv)):
        raise InputError("ranks", wrong)
    facts = facts_of(world)
    indicators = indicators_of(facts)
    tell("ranking")
    found = rank(indicators, draws, seed)
    table = found.table()
    table.insert(1, "name", [facts.title("space", str(space)) for space in table["space"]])
    say(f"Need in {facts.name}: {', '.join(found.indicators)}; {draws:,} weightings")
    say("\n".join(_lines(table)))
    if csv is not None:
        write_csv(table, csv)


def _lines(table: pd.DataFrame) -> list[str]:
    """The spaces that can be among the neediest, and which of them are whatever counts how much."""
    from allocate.sensitivity.ranking import NEEDIEST

    can = table[table["best"] <= NEEDIEST]
    rows = [("space", "median rank", "9 of 10", "among the ten", "best", "worst")]
    rows += [
        (row.name, f"{row.median}", f"{row.low}-{row.high}", f"{row.top:.0%}", f"{row.best}", f"{row.worst}")
        for row in each(can)
    ]
    always, often = can[can["worst"] <= NEEDIEST], can[(can["worst"] > NEEDIEST) & (can["top"] >= 0.95)]
    told = [
        ("Among the ten neediest whatever the weights", always),
        ("In 19 of 20 weightings or more, but not in all", often),
        ("It depends on the weights", can.drop([*always.index, *often.index])),
    ]
    said = [f"{words}: {', '.join(part['name']) if len(part) else 'none'}." for words, part in told]
    never = len(table) - len(can)
    return [*(f"  {line}" for line in in_columns(rows)), *said, f"Under no weights at all: the other {never}."]
