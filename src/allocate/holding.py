"""Whether what a run says of women and men survives what it assumes of them.

Who lacks a service, and how far one can choose whom it reaches, is assumed, from a low end to a high one. The plan is
kept as it is, its money, whom it reaches and whom it aims at, and read again where an end is the truth. What does not
hold at every end is not known: a parity of need met that rests on one guess is a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import xarray as xr

from allocate.builder import build
from allocate.findings import AT_LIMIT
from allocate.names import TIME
from allocate.optimum.linear import Vector
from allocate.program import Program
from allocate.runs import Run

RULES: Final = ("incidence_of_heads", "parity_gap", "parity_ratio", "closing", "no_harm")
"""The rules for women that rest on who lacks what."""

ENDS: Final = ("low", "high")
"""The named values of an assumed share that bound it."""

SHARE: Final = "backlog_share"
AIM: Final = "targeting"
TILT: Final = "tilt"


@dataclass(frozen=True, eq=False)
class End:
    """A run's plan, read where one end of ``backlog_share`` (``share``) and of ``targeting`` (``aim``) is the truth.

    ``start`` and ``gap`` are how far households headed by women are behind those headed by men, in need met, at the
    start and in the last year, for each space. ``money`` is the part of the scored money that is for households headed
    by women, ``broken`` the rules that the plan breaks here.
    """

    share: str
    aim: str
    start: xr.DataArray
    gap: xr.DataArray
    money: float
    broken: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Holding:
    """What becomes of a run at every end; ``rules`` are those of :data:`RULES` that are active."""

    rules: tuple[str, ...]
    ends: tuple[End, ...]

    @property
    def start(self) -> tuple[float, float]:
        """The least and the most that women are behind in any space at the start."""
        return _range([end.start for end in self.ends])

    @property
    def gap(self) -> tuple[float, float]:
        """The same in the last year of the plan."""
        return _range([end.gap for end in self.ends])

    @property
    def money(self) -> tuple[float, float]:
        """The least and the most of the scored money that is for households headed by women."""
        found = [end.money for end in self.ends]
        return min(found, default=np.nan), max(found, default=np.nan)

    @property
    def unknown(self) -> int:
        """In how many spaces women are behind at one end, and men at another, at the start."""
        return _turning([end.start for end in self.ends])

    @property
    def broken(self) -> tuple[str, ...]:
        """The rules that the plan breaks at one end or another."""
        return tuple(rule for rule in self.rules if any(rule in end.broken for end in self.ends))

    @property
    def survives(self) -> bool:
        """Whether every rule holds at every end; with no such rule, whether the same side is behind at every end."""
        lost = self.broken if self.rules else _turning([end.gap for end in self.ends])
        return bool(self.ends) and not lost

    def __str__(self) -> str:
        if not self.ends:
            return "nothing says whether it holds: the World gives no low and high backlog_share"
        if self.survives:
            return "survives both ends"
        low, high = self.gap
        return f"does not survive: from {100 * low:+.0f} to {100 * high:+.0f} points"


def holds(run: Run) -> Holding:
    """Read the plan of a run again at each end of ``backlog_share`` and of ``targeting``; nothing is solved.

    Where less can be aimed than the plan aims, its aims shrink in proportion; they never grow. (What the best plan
    would be, had one known the end to be true, is another question: a scenario that uses the end answers it.)

    >>> from allocate.runs import run
    >>> found = holds(run("gender_responsive", "za2016", "parity_gap", years=["2019/20"]))
    >>> found.survives, len(found.ends)
    (False, 4)

    Raises KeyError for a run of a model without the names of ``gender_responsive``.
    """
    active = tuple(rule for rule in RULES if rule in run.case.model.active_rules)
    return Holding(active, tuple(_ends(run)))


def _ends(run: Run) -> Iterator[End]:
    data, world = run.case.model.data, run.case.world
    shares, aims = ({end: data[name].named.get(end) for end in ENDS} for name in (SHARE, AIM))
    if any(name not in world.data for name in (*shares.values(), *aims.values())):
        return
    now = world.data[AIM].values
    for share, name in shares.items():
        other = replace(run.case, world=world.with_data(SHARE, world.data[str(name)]))
        program = build(other)
        for aim, its in aims.items():
            most = np.divide(world.data[str(its)].values, now, out=np.ones_like(now), where=now > 0)
            yield _end(run, program, share, aim, np.minimum(most, 1.0))


def _end(run: Run, program: Program, share: str, aim: str, part: Vector) -> End:
    """The plan where ``part`` (services,) of its aims can be kept."""
    x = run.plan.x.copy()
    tilt = program.columns[TILT]
    along = [part.size if dim == "service" else 1 for dim in tilt.dims]
    there = tilt.number >= 0
    x[tilt.number[there]] *= np.broadcast_to(part.reshape(along), tilt.number.shape)[there]
    counted = program.expressions["gap"]
    gap = program.labelled(counted, counted.value(x)).isel({TIME: -1})
    broken = tuple(rule for rule in RULES if rule in program.rows and _is_broken(program, rule, x))
    return End(share, aim, program.datum("gap_start"), gap, _money(run, program), broken)


def _is_broken(program: Program, rule: str, x: Vector) -> bool:
    block, linear = program.rows[rule], program.linear
    numbers = block.number[block.number >= 0]
    activity = linear.matrix[numbers] @ x
    by = np.maximum(linear.row_lower[numbers] - activity, activity - linear.row_upper[numbers])
    return bool(np.any(by > AT_LIMIT * (block.unit.published + abs(linear.matrix[numbers]) @ abs(x))))


def _money(run: Run, program: Program) -> float:
    """The part of the scored money that is for households headed by women."""
    spent = run.schedule.by("space", "service") * (1 - program.datum("unmeasured"))
    return float((spent * program.datum(SHARE).sel(head="female")).sum() / max(float(spent.sum()), 1.0))


def _range(arrays: list[xr.DataArray]) -> tuple[float, float]:
    found = [float(end) for array in arrays for end in (array.min(), array.max())]
    return min(found, default=np.nan), max(found, default=np.nan)


def _turning(arrays: list[xr.DataArray]) -> int:
    """In how many spaces the sign turns from one array to another."""
    if not arrays:
        return 0
    gaps = np.stack([array.values for array in arrays])
    return int(np.sum((gaps.min(axis=0) < 0) & (gaps.max(axis=0) > 0)))
