"""What a sweep will take of memory, told before it starts; and what there is."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Final

from allocate.errors import InputError, Problem
from allocate.program import Program
from allocate.sweeps.design import Design

PROCESS: Final = 300e6
"""Bytes of a worker before it solves anything: Python and the libraries, as measured, with room to spare."""

ENTRY: Final = 1500
"""Bytes for each entry of the matrix while a program is built, solved and proved, as measured."""

CELL: Final = 24
"""Bytes for each published cell of a member: a whole number, and twice as much while it is written."""

ROW: Final = 2000
"""Bytes for each member beside its cells: its levels, factors and goals, in tables."""

FACTOR: Final = 16
"""Bytes for each factor of a draw, as it is made and as it is told."""

_MEMORY: Final = Path("/proc/meminfo")
_GROUP: Final = Path("/sys/fs/cgroup")
_LIMITS: Final = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
"""Where the limit of a group of processes stands, and what it uses, in both versions of control groups."""


def needed(design: Design, program: Program, workers: int) -> int:
    """Bytes for the results of a sweep, and for so many workers on this machine; ``program`` is that of one member."""
    amount = program.case.model.schedule.amount
    cells = program.columns[amount].number.size if amount in program.columns else 0
    factors = sum(math.prod(sizes) for sizes in design.sizes.values())
    results = len(design) * (CELL * cells + ROW) + design.draws * factors * FACTOR
    return int(results + workers * (PROCESS + ENTRY * program.linear.matrix.nnz))


def available() -> int | None:
    """Bytes that this process may still take, by the system and by the limit of its group; None where nobody tells.

    >>> available() is None or available() > 0
    True
    """
    found = []
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in _MEMORY.read_text().splitlines() if line.startswith("MemAvailable"))
        found.append(int(line.split()[1]) * 1024)
    for limit, used in _LIMITS:
        with suppress(OSError, ValueError):  # without a limit there is no file, or it says max
            found.append(int((_GROUP / limit).read_text()) - int((_GROUP / used).read_text()))
    return max(min(found), 0) if found else None


def fits(design: Design, program: Program, workers: int) -> None:
    """Raise :class:`InputError` with both numbers where a sweep would take more memory than there is."""
    want, have = needed(design, program, workers), available()
    if have is not None and want > have:
        words = (
            f"{len(design):,} plans and {workers} worker{'s' if workers != 1 else ''} take about {want / 1e9:,.1f} GB"
        )
        offer = "ask for fewer draws or levels, or fewer workers"
        raise InputError("memory", [Problem("", f"{words}, and {have / 1e9:,.1f} GB are free; {offer}")])
