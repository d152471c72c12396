"""Many runs side by side: does the headline hold?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from allocate.findings import MOST, Gain, concentration, consolidation, reallocation, scored_dims, spaces
from allocate.names import TIME
from allocate.plan import GRADES
from allocate.runs import Run

MANY: Final = 5
"""A value that is this many times as large in one case as in another depends on the case."""


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
