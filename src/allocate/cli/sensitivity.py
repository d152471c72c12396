"""The command that asks which assumption moves which space most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allocate.cli.inputs import facts_of, model_of, people_of, what_ifs_of, years_of
from allocate.cli.options import Scenarios, WorldName, Years
from allocate.cli.progress import say, tell
from allocate.cli.tables import each, in_columns, odd_csv, write_csv
from allocate.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from allocate.risk import Spread
    from allocate.sensitivity.study import Range, Study

SHOWN = 20
"""Figures that a table of one answer shows."""


def sensitivity(
    model: Annotated[
        str,
        typer.Argument(help="A model file, the name of a shipped one, people, or the folder of a sweep that is done."),
    ],
    spread: Annotated[
        list[str] | None,
        typer.Option(
            "--spread", metavar="DATUM:DIMS:SD", help="What is not known, by chance without end, as of allocate risk."
        ),
    ] = None,
    between: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="DATUM:DIMS:LOW:HIGH",
            help="What is not known, as a factor between two ends, one for each label of the dims (joined by +).",
        ),
    ] = None,
    sobol: Annotated[
        int | None,
        typer.Option("--sobol", metavar="N", help="Share the variance out too, from N x (figures + 2) plans."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Which points, and which draws.")] = 1,
    service: Annotated[
        str | None, typer.Option("--service", help="Of people only: what shall be enough (water).")
    ] = None,
    year: Annotated[int, typer.Option("--year", help="Of people only: when.")] = 2036,
    draws: Annotated[int, typer.Option("--draws", help="Of people only: how many draws a case.")] = 1000,
    scenario: Scenarios = None,
    world: WorldName = None,
    years: Years = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write every answer and figure.")] = None,
) -> None:
    """Ask which assumption moves which space most.

    Takes each figure that is not known to its low and to its high end, others in the middle, and finds the best plan
    anew: what happens to the goal, and to the money of every space. Figures are those of --spread and --range, and of
    each [[spread]] and [[range]] of the scenario. With --sobol, shares of variance too, with what a figure does
    together with others. Of people it says how likely a service is enough in a year, in percent. Of a sweep that is
    done it reads what each figure does alone, and solves nothing.

    Example:  allocate sensitivity grant_consolidation -s costs_unknown --years 2019/20

    Example:  allocate sensitivity grant_consolidation -s one_pool --range keep::0.9:1.1
    --range unit_cost:service:0.8:1.25 --sobol 64 --years 2019/20 --csv moves.csv

    Example:  allocate sensitivity people --service sanitation --year 2036 --range leaving::0.8:1.25
    --range formation::0.95:1.05 --range additions:service:0.8:1.25
    """
    from allocate.people.declared import NAME
    from allocate.sensitivity.samples import SWEEP
    from allocate.sensitivity.study import study

    if wrong := [*odd_csv(csv), *_odd(sobol, seed, model == NAME, service, years)]:
        raise InputError("sensitivity", wrong)
    given: list[Spread | Range] = [*map(_spread, spread or []), *map(_range, between or [])]
    if (Path(model) / SWEEP).is_file():
        table = _swept(Path(model), bool(given or scenario or years or sobol))
    elif model == NAME:
        assert service is not None
        name = ", ".join([f"{service} in {year}", *(Path(one).stem for one in scenario or [])])
        table = _moved(_of_people(world, scenario, given, service, year, draws, seed), name, sobol, seed)
    else:
        text, what_ifs = model_of(model), what_ifs_of(scenario)
        made = study(text, facts_of(world), *what_ifs, unknown=given, years=years_of(years))
        table = _moved(made, " + ".join(one.name for one in what_ifs) or text.name, sobol, seed)
    if csv is not None:
        write_csv(table, csv)


def _of_people(
    world: str | None,
    scenario: list[str] | None,
    given: list[Spread | Range],
    service: str,
    year: int,
    draws: int,
    seed: int,
) -> Study:
    from allocate.sensitivity.study import outlooks

    if not 1 <= draws <= 1_000_000:
        raise InputError("sensitivity", [Problem("--draws", f"{draws} is not from 1 to 1,000,000")])
    what_ifs = what_ifs_of(scenario)
    return outlooks(people_of(world), *what_ifs, unknown=given, service=service, year=year, draws=draws, seed=seed)


def _moved(made: Study, name: str, sobol: int | None, seed: int) -> pd.DataFrame:
    """Solve, say what moves what, and return all of it."""
    cases = 2 * len(made.figures) + 1
    table = made.tornado(_watch("one at a time"))
    if sobol is not None:
        cases += sobol * (len(made.figures) + 2)
        shares = made.indices(sobol, seed, _watch("together"))
        table = table.merge(shares, on=["answer", "figure"], how="left")
    table.insert(1, "name", [made.world.title("space", str(answer)) for answer in table["answer"]])
    say(f"{name}; figures that are not known: {len(made.figures)}; cases: {cases:,}")
    say("\n".join(_lines(made, table)))
    return table


def _swept(folder: Path, more: bool) -> pd.DataFrame:
    """Read a sweep, say what moves what alone, and return all of it."""
    from allocate.sensitivity.samples import read_sample
    from allocate.sensitivity.shares import given_data

    if more:
        words = "is a sweep that is done; --spread, --range, --sobol, --scenario and --years are of what is solved anew"
        raise InputError(folder, [Problem("", words)])
    found = read_sample(folder)
    table = given_data(found.cases, found.values).table(found.figures, found.answers)
    table = table.drop(columns=[name for name in table.columns if name.startswith("total")])
    say(f"{folder}: {len(found.figures)} figures, {len(found.cases):,} solved cases ({found.refused} more had no plan)")
    goal, *spaces = found.answers
    of_goal = table[table["answer"] == goal].sort_values("first", ascending=False, kind="stable")
    rows = [("figure", "alone")] + [(row.figure, _share(row.first)) for row in each(of_goal.head(SHOWN))]
    say("\n".join([f"Shares of the variance of {goal!r}", *(f"  {line}" for line in in_columns(rows))]))
    moved = table[table["answer"].isin(spaces) & table["first"].notna()]
    most = moved.sort_values("first", ascending=False, kind="stable").drop_duplicates("answer").sort_index()
    rows = [("space", "moved most by", "alone"), *((row.answer, row.figure, _share(row.first)) for row in each(most))]
    say("\n".join(["Money of each space that moves", *(f"  {line}" for line in in_columns(rows))]))
    say("'alone' is the part of the variance that goes if that figure alone becomes known.")
    return table


def _lines(made: Study, table: pd.DataFrame) -> list[str]:
    """The goal, each space by what moves it most, how often each figure does, and how to read it."""
    import pandas as pd

    shares = "total" in table
    goal, *codes = made.answers
    lines = _goal(goal, made.unit, table[table["answer"] == goal], shares)
    spaces = table[table["answer"] != goal]
    order = "total" if shares else "swing"
    ranked = spaces.sort_values(order, ascending=False, kind="stable", na_position="last")
    most = ranked.drop_duplicates("answer").set_index("answer").reindex(codes).reset_index()
    moved = most[most["total"].notna()] if shares else most[most["swing"] >= 0.5]
    lines += _spaces(moved, made.each, shares)
    counted = pd.Series([_own(row.figure, row.answer) for row in each(moved)]).value_counts()
    words = "; ".join([*(f"{figure} {many}" for figure, many in counted.items()), f"nothing {len(most) - len(moved)}"])
    lines.append(f"What moves a space most, by how many of {len(most)}: {words}.")
    lines.append(
        "Ends are those of a range; of a spread, those that it lies beyond one time in 20. Others are in their middle. "
        "Plans are the best for their own figures, as if they had been known."
    )
    if shares and len(moved):
        of_goal, space = float(_off(table[table["answer"] == goal]).max()), float(_off(moved).median())
        lines.append(
            "'alone' is the part of the variance that goes if that figure becomes known; 'together' what it does with "
            f"others besides, told of each of them. They are estimates: 19 times out of 20 within {of_goal:.0f} points "
            f"for {goal!r}, and within {space:.0f} for the middle space; four times the plans halve that."
        )
    return lines


def _off(table: pd.DataFrame) -> pd.Series[float]:
    """How far, in points, the shares of each row may be off on either side: the worse of the two."""
    first, total = (100 * (table[f"{name}_high"] - table[name]) for name in ("first", "total"))
    return first.where(first > total, total)


def _own(figure: str, space: str) -> str:
    """A figure of one space, as that of the space that it moves."""
    return figure.replace(f"[space={space}]", " of its own")


def _goal(goal: str, unit: str, table: pd.DataFrame, shares: bool) -> list[str]:
    from allocate.sentences import in_words, quantity

    rows = [("figure", "from", "to", "at its low end", "at its high end", *_HEADS[: shares * 2])]
    rows += [
        (
            row.figure,
            f"x {row.factor_low:.3g}",
            f"x {row.factor_high:.3g}",
            quantity(row.low - row.middle, ""),
            quantity(row.high - row.middle, ""),
            *_parts(row, shares),
        )
        for row in each(table.head(SHOWN))
    ]
    more = [f"  and {len(table) - SHOWN} that move it less"] if len(table) > SHOWN else []
    return [f"{goal!r}, in {in_words(unit)}", *(f"  {line}" for line in in_columns(rows)), *more]


def _spaces(moved: pd.DataFrame, unit: str, shares: bool) -> list[str]:
    rows = [("space", "moved most by", unit, "at its low end", "at its high end", *_HEADS[: shares * 2])]
    rows += [
        (
            row.name,
            row.figure,
            f"{row.middle:,.0f}",
            _change(row.low - row.middle),
            _change(row.high - row.middle),
            *_parts(row, shares),
        )
        for row in each(moved)
    ]
    return ["Each space that moves", *(f"  {line}" for line in in_columns(rows))]


_HEADS = ("alone", "together")


def _parts(row: Any, shares: bool) -> tuple[str, ...]:
    return (_share(row.first), _share(row.total - row.first)) if shares else ()


def _change(thousands: float) -> str:
    """What money moves by, in R thousand; nothing has no sign."""
    return f"{thousands:+,.0f}" if abs(thousands) >= 0.5 else "0"


def _share(value: float) -> str:
    """A share of variance as a reader takes it: an estimate below nothing is nothing, and one beyond all is all."""
    return "" if value != value else f"{min(max(value, 0.0), 1.0):.0%}"


def _watch(what: str) -> Any:
    """Say now and then how many plans are made."""

    def watch(done: int, plans: int) -> None:
        if done % max(plans // 10, 20) == 0:
            tell(f"{what}: {done:,} of {plans:,} plans")

    return watch


def _odd(sobol: int | None, seed: int, people: bool, service: str | None, years: str | None) -> Iterator[Problem]:
    """All that is wrong with the words given, before any work."""
    if sobol is not None and (not 2 <= sobol <= 65_536 or sobol & (sobol - 1)):
        yield Problem("--sobol", f"{sobol} is not a power of 2 from 2 to 65,536 (64, 128, 256, ...)")
    if not 0 <= seed < 2**63:
        yield Problem("--seed", f"{seed} is not 0 or more, and below 2**63")
    if people and service is None:
        yield Problem("--service", "is missing; write for example --service water")
    if people and years is not None:
        yield Problem("--years", "is of models; of people write for example --year 2036")
    if not people and service is not None:
        yield Problem("--service", "is of people only: allocate sensitivity people --service water")


def _spread(text: str) -> Spread:
    from allocate.risk import Spread

    datum, dims, (sd,) = _numbers("--spread", text, 1, "DATUM:DIMS:SD", "unit_cost:service:0.25")
    return Spread(datum, dims, sd)


def _range(text: str) -> Range:
    from allocate.sensitivity.study import Range

    datum, dims, (low, high) = _numbers("--range", text, 2, "DATUM:DIMS:LOW:HIGH", "unit_cost:service:0.8:1.25")
    return Range(datum, dims, low, high)


def _numbers(option: str, text: str, many: int, form: str, example: str) -> tuple[str, tuple[str, ...], list[float]]:
    """A datum, dims joined by ``+`` and so many numbers, with ``:`` between."""
    parts = text.split(":")
    try:
        datum, dims, *numbers = parts
        if len(numbers) != many:
            raise ValueError
        return datum, tuple(dim for dim in dims.split("+") if dim), [float(number) for number in numbers]
    except ValueError:
        raise InputError(option, [Problem("", f"{text[:60]!r} is not {form}; write for example {example}")]) from None
