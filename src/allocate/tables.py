"""Long tables to one checked, labelled World.  (Being written.)"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Datum:
    """One long table: a column a dim, plus ``value``; and what the numbers are.

    ``unit`` is in the library's own units (R, household, person, year, 1, flag and products such as
    ``R/household``); ``status`` is one of :data:`allocate.names.STATUSES`.
    """

    name: str
    frame: pd.DataFrame
    unit: str
    status: str
    source: str
    period: str
    why: str = ""
    notes: tuple[str, ...] = field(default=())
