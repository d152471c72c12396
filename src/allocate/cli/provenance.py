"""The commands that ask whether a run can still be made, and what differs between two."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allocate.cli.progress import say, tell
from allocate.cli.tables import in_columns, odd_csv, write_csv
from allocate.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from allocate.errors import Problem
    from allocate.provenance.contrasts import Difference
    from allocate.provenance.verified import Verified

MOST = 5
"""Rows of a part that are printed; the rest are counted, and ``--csv`` has them."""


def verify(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, projection, sweep or policies.")],
    world: Annotated[
        str | None, typer.Option("--world", "-w", help="Where its figures are now, if not where they were.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only compare its files with their digests; make nothing again.")
    ] = False,
) -> None:
    """See whether a run can still be made.

    Finds what went in, makes the run again in a temporary folder, and compares every file byte for byte. Says which
    files were altered, which inputs or libraries are others now, and where a result first differs. Exit status 1 if
    anything speaks against the run.

    Example:  allocate verify out/one_pool

    Example:  allocate verify out/one_pool --quick
    """
    from allocate.provenance.verified import verify as examine

    found = examine(folder, world, quick, tell)
    say("\n".join(_verified(found, quick)))
    if not found.good:
        raise typer.Exit(1)


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, projection, sweep or policies.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="Another of the same kind.")],
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write all of it as CSV.")] = None,
) -> None:
    """Say what differs between two runs.

    What went in (rules, scenarios, data, years, versions) and what came out (goals, who has more or less, limits that
    bind in one only; for projections how likely services are enough), the largest first.

    Example:  allocate diff out/one_pool out/guarantee_95 --csv differences.csv
    """
    from allocate.provenance.contrasts import diff as contrast

    if wrong := list(odd_csv(csv)):
        raise InputError("diff", wrong)
    tell("comparing")
    found = contrast(first, second)
    say("\n".join(_differences(found, first, second)))
    if csv is not None:
        write_csv(found.table, csv)


def _verified(found: Verified, quick: bool) -> Iterator[str]:
    """What came of verifying, in words."""
    yield f"{found.folder}: {_short(found.name)}"
    yield from _problems("altered since it was written", found.altered)
    yield from _problems("what went in is not what it was, so it is not made again", found.inputs)
    yield from _problems("made with other versions", found.versions)
    yield from _problems("comes out otherwise", found.differs)
    if found.files and not found.differs:
        others = "; report, workbook and manifest name the versions" if found.versions else ""
        yield f"the same, byte for byte: {len(found.files)} files{others}"
    if quick and found.good:
        yield "its files are what they were when it was written; nothing was made again"


def _problems(words: str, problems: tuple[Problem, ...]) -> Iterator[str]:
    if problems:
        yield f"{words}:"
        yield from (f"  {problem.place}: {problem.words}" for problem in problems)


def _differences(found: Difference, first: Path, second: Path) -> Iterator[str]:
    """What differs, at most a screen of it."""
    from allocate.provenance.contrasts import CAME_OUT, WENT_IN

    yield f"first   {first}: {_short(found.names[0])}"
    yield f"second  {second}: {_short(found.names[1])}"
    for title, parts in (("What went in", WENT_IN), ("What came out", CAME_OUT)):
        rows = {part: table for part in parts if len(table := found.part(part))}
        yield f"{title}:" if rows else f"{title}: the same"
        for part, table in rows.items():
            yield from _part(part, table)


def _part(part: str, table: pd.DataFrame) -> Iterator[str]:
    """The rows of a part, the first few of them one by one."""
    if part == "money":
        yield _sums(table)
    if part == "limits":
        yield from _counts(table)
        return
    more = len(table) - MOST
    yield f"  {part}"
    lines = in_columns([_row(row) for row in table.head(MOST).to_dict("records")])
    yield from (f"    {line}" for line in lines)
    if more > 0:
        yield f"    and {more:,} more"


def _row(row: dict[Hashable, Any]) -> tuple[str, ...]:
    first, second, change = row["first"], row["second"], row["change"]
    if change != change:
        return _short(row["what"]), _short(first or "not there"), "->", _short(second or "not there"), ""
    return _short(row["what"]), _figure(first), "->", _figure(second), f"({_figure(change, '+')}) {row['unit']}"


def _figure(value: float, sign: str = "") -> str:
    return f"{value:{sign},.0f}" if abs(value) >= 1000 else f"{value:{sign}.6g}"


def _short(text: str, longest: int = 60) -> str:
    from allocate.fields import plain

    return plain(text, longest + 1) if len(text) <= longest else f"{plain(text, longest - 3)}..."


def _sums(table: pd.DataFrame) -> str:
    """How many spaces have more and less, and how much."""
    from allocate.names import TOTAL, UNALLOCATED

    spaces = table[~table["what"].isin([UNALLOCATED, TOTAL])]["change"]
    gains, losses = spaces[spaces > 0], spaces[spaces < 0]
    return (
        f"  {len(gains)} spaces have R{gains.sum():,.0f} thousand more, "
        f"{len(losses)} have R{-losses.sum():,.0f} thousand less"
    )


def _counts(table: pd.DataFrame) -> Iterator[str]:
    """How many rows of each rule are at their limit in one run only."""
    from allocate.provenance.contrasts import GONE

    rules = table["what"].str.partition("[")[0]
    for rule, rows in table.groupby(rules, sort=False):
        reached, left = (int((rows[end] == GONE).sum()) for end in ("first", "second"))
        yield f"  limits of {rule}: {reached} more reached, {left} left"
