"""What a formula gives each space in one year, part by part, and how surely each part is known.

A formula shares a voted sum by rule, where a plan searches: it stands beside a plan, to be compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from allocate.names import SPACE, STATUSES, TOTAL
from allocate.units import MONEY, PUBLISHED


@dataclass(frozen=True)
class Part:
    """One part of a formula: the status of its least certain figure, and in words what it rests on.

    >>> Part.of("roads", ["derived", "assumed"], "shared by poor households").status
    'assumed'
    """

    name: str
    status: str
    words: str

    @classmethod
    def of(cls, name: str, statuses: list[str], words: str) -> Part:
        """A part as sure as the least certain of its figures."""
        return cls(name, max(statuses, key=STATUSES.index), words)


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula worked out for a year: ``amounts`` has a row a space (``space``, ``name``) and a column a part.

    Amounts are in rand, whole R thousand, and a part may be negative (what a space pays for another's guarantee).
    """

    title: str
    year: str
    amounts: pd.DataFrame
    parts: tuple[Part, ...]

    def table(self) -> pd.DataFrame:
        """A row a space and a last one of totals; space, name, each part and their total, in whole R thousand.

        >>> from allocate.za import FORMULAS
        >>> FORMULAS["mig"]("2019/20").table()["total"].iloc[-1].item()
        14816103
        """
        money = self.amounts[[part.name for part in self.parts]] // int(PUBLISHED[MONEY])
        rows = self.amounts[[SPACE, "name"]].join(money).assign(**{TOTAL: money.sum(axis=1)})
        last = {SPACE: TOTAL, "name": ""} | rows[[*money, TOTAL]].sum().to_dict()
        return pd.concat([rows, pd.DataFrame([last])], ignore_index=True)
