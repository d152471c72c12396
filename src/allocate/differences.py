"""What a change did, in words: ``keep: 0.9 -> 0.95``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from allocate.units import MONEY


def called(name: str, where: Mapping[str, str]) -> str:
    """A datum at some labels.

    >>> called("budget", {"grant": "MIG"})
    'budget[grant=MIG]'
    """
    inside = ", ".join(f"{dim}={label}" for dim, label in where.items())
    return f"{name}[{inside}]" if inside else name


def difference(old: xr.DataArray, new: np.ndarray[Any, np.dtype[Any]]) -> str:
    """What changed: one pair of values if it is the same everywhere, else the total of money, else the first few."""
    unit, cells = str(old.attrs["unit"]), old.values != new
    before, after = old.values[cells], new[cells]
    many = f" in {len(before)} cells"
    if np.ptp(before) == 0 and np.ptp(after) == 0:
        return _pair(before[0], after[0], unit)
    if unit == MONEY:
        return f"total {_pair(before.sum(), after.sum(), unit)}{many}"
    pairs = [_pair(a, b, unit) for a, b in zip(before[:4], after[:4], strict=True)]
    return ", ".join(pairs) + (f", ...{many}" if len(before) > 4 else "")


def _pair(old: float, new: float, unit: str) -> str:
    """``old -> new``, with as many digits as it takes to tell them apart."""
    before, after = amount(old, unit), amount(new, unit)
    return f"{before} -> {after}" if before != after else f"{old:,.15g} -> {new:,.15g}"


def amount(value: float, unit: str) -> str:
    """A number as a person writes it: money in R billion, R million or R thousand.

    >>> amount(14_816_103_000, "R"), amount(0.95, "1")
    ('R14.816bn', '0.95')
    """
    if unit != MONEY:
        return f"{value:,.0f}" if abs(value) >= 1e6 else f"{value:,.6g}"
    for size, word in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"R{value / size:,.3f}{word}"
    return f"R{value:,.2f}"
