"""Many runs side by side: does the headline hold?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.errors import InputError, Problem
from allocate.findings import MOST, Gain, concentration, consolidation, reallocation, scored_dims, spaces
from allocate.names import SPACE, TIME, TOTAL, UNALLOCATED
from allocate.plan import GRADES
from allocate.runs import Run
from allocate.schedule import Schedule

MANY: Final = 5
"""A value that is this many times as large in one case as in another depends on the case."""

ACTUAL: Final = "actual split"
"""What each space got, as a table of several runs calls it."""

HOUSEHOLDS: Final = "households"
"""The datum that counts households by space, where a World has one."""


@dataclass(frozen=True)
class Row:
    """One run in a comparison: what it asked, what reallocation and merging are worth, who takes most, and the least
    grade of proof among the plans that this rests on."""

    name: str
    years: str
    reallocation: Gain
    consolidation: Gain | None
    gainers: int
    losers: int
    most: str
    most_share: float
    grade: str
    link: str = ""

    @property
    def concentrated(self) -> bool:
        """Whether one label takes most of the outcome, which a reader must weigh before quoting the row."""
        return self.most_share > MOST


def row(run: Run, link: str = "") -> Row:
    """One run as a row. ``most`` is the label that takes the largest share of the outcome, spaces and years aside."""
    frame = spaces(run)
    top = max((concentration(run, dim).shares[0] for dim in scored_dims(run)), key=lambda s: s.outcome)
    years = run.case.world.labels(TIME) if TIME in run.case.world.data.dims else ()
    return Row(
        name=run.name,
        years=years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}" if years else "",
        reallocation=reallocation(run),
        consolidation=consolidation(run),
        gainers=int((frame["verdict"] == "gains").sum()),
        losers=int((frame["verdict"] == "loses").sum()),
        most=top.label,
        most_share=top.outcome,
        grade=max((p.grade for p in (run.plan, run.separate, run.baseline, run.nothing)), key=list(GRADES).index),
        link=link,
    )


def holds(rows: Sequence[Row]) -> list[str]:
    """Whether each headline keeps its sign over all rows, and its range: a conclusion that flips says so."""
    found = []
    for what in ("reallocation", "consolidation"):
        gains = [gain for r in rows if (gain := getattr(r, what)) is not None]
        if not gains:
            continue
        low, high = min(gains, key=lambda g: g.share), max(gains, key=lambda g: g.share)
        spread = f"over {len(gains)} cases: {low} to {high}"
        if low.sign < 0 < high.sign:
            found.append(f"Value of {what} FLIPS {spread}.")
        elif low.sign == high.sign != 0 and 1 / MANY < low.share / high.share < MANY:
            found.append(f"Value of {what} holds {spread}.")
        else:
            found.append(f"Value of {what} DEPENDS on the case, {spread.removeprefix('over ')}.")
    return found


def side_by_side(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Every space's money in several runs on one table: the actual split once, then each run under its name.

    A row a space (``space``, ``name``) in canonical order, one of money held back (UNALLOCATED), and one of totals,
    which are the pools. Columns are published amounts, all years together (R thousand); where the World counts
    households, as many columns again, each ``NAME, R per household``.

    >>> from allocate.runs import run
    >>> formula = run("grant_consolidation", "za2016", "mig_formula", years="2019/20")
    >>> side_by_side({"MIG by its formula": formula}).iloc[-1, 2:4].tolist()
    [43975625, 43975625]

    Raises :class:`InputError` without any run, for runs whose actual splits differ (other years, other pools), and for
    a name that the table uses itself.
    """
    problems = list(_not_alike(runs))
    if problems:
        raise InputError("side_by_side", problems)
    first = next(iter(runs.values()))
    world = first.case.world
    names = world.regions.names if world.regions is not None else {}
    codes = [*world.labels(SPACE), UNALLOCATED, TOTAL]
    table = pd.DataFrame({SPACE: codes, "name": [names.get(code, "") for code in codes]})
    schedules = {ACTUAL: first.was} | {name: run.schedule for name, run in runs.items()}
    money = {name: _with_totals(schedule) for name, schedule in schedules.items()}
    table = table.assign(**money)
    if HOUSEHOLDS in world.data and world.data[HOUSEHOLDS].dims == (SPACE,):
        homes = world.data[HOUSEHOLDS].values
        per = np.array([*homes, np.nan, homes.sum()])
        rand = {name: money[name] * schedule.unit / per for name, schedule in schedules.items()}
        table = table.assign(**{f"{name}, R per household": values for name, values in rand.items()})
    return table


def _with_totals(schedule: Schedule) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Published amounts by space, then what is held back, then all of it."""
    amounts, held = schedule.by(SPACE).values, int(schedule.unallocated.sum())
    return np.array([*amounts, held, amounts.sum() + held], dtype=np.int64)


def _not_alike(runs: Mapping[str, Run]) -> Iterator[Problem]:
    """Why runs cannot stand on one table."""
    if not runs:
        yield Problem("", "there is no run to show")
    first = next(iter(runs.values()), None)
    for name, run in runs.items():
        if name in (SPACE, "name", ACTUAL):
            yield Problem(name, "is what the table calls another column; use another name")
        if first is not None and not _actual(run).equals(_actual(first)):
            yield Problem(name, f"has another actual split than {next(iter(runs))}: other years, pools or spaces")


def _actual(run: Run) -> xr.DataArray:
    """The actual split by space before rounding, which may hand the odd R1,000 to another space from run to run."""
    spent = run.baseline.values[run.case.model.schedule.amount]
    return spent.sum([d for d in spent.dims if d != SPACE])
