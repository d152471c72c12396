"""What a file says of a datum beside its numbers: the same words for a folder of CSV files and for a workbook."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import BaseModel, ConfigDict, FiniteFloat

from allocate.errors import Problem
from allocate.names import VALUE
from allocate.regions import Registry
from allocate.tables import Datum
from allocate.units import MONEY, SCALES, UnitError, scale_of

NEAR: Final = 500
"""Rand by which a column may miss its control total: half of a published unit."""


class Told(BaseModel):
    """What is said of a datum in the same words wherever it stands: status, source, and what it must add up to."""

    model_config = ConfigDict(frozen=True)
    datum: str = ""
    status: str = "assumed"
    source: str = ""
    period: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    control_total: FiniteFloat | None = None
    default: FiniteFloat | None = None


class Description(Told):
    """What a datum is: what is told of it, its unit, and the rand scale of a money column."""

    unit: str = ""
    scale: str = ""

    def unmeasured(self) -> str:
        """What is not said of the unit that must be, in words, or nothing."""
        if not self.unit:
            return f"column {VALUE!r} has no unit; write for example R, household, 1 or flag"
        if self.unit == MONEY:
            try:
                scale_of(self.scale)
            except UnitError as error:
                return str(error) if self.scale else f"money needs a scale, one of {', '.join(SCALES)}"
        return ""

    def describe(
        self,
        frame: pd.DataFrame,
        place: str,
        told: str,
        problems: list[Problem],
        letters: Mapping[str, str] | None = None,
    ) -> Datum:
        """The numbers of a table with what they are; a wrong total is added to ``problems``.

        ``place`` is where the table stands, ``told`` where its description does; ``letters`` of a sheet's columns.
        """
        scale = scale_of(self.scale) if self.unit == MONEY else 1.0
        numbers = pd.to_numeric(frame[VALUE], errors="coerce")
        if self.control_total is not None and bool((numbers >= 0).all()):
            words = _wrong_total(float(numbers.sum()), scale, self.control_total, told)
            problems += [Problem(place, words)] if words else []
        said = (self.status, self.source, self.period, self.why, self.notes)
        return Datum(self.datum, frame, self.unit, *said, self.default, scale, place, told, letters or {})


@dataclass(frozen=True)
class Contents:
    """What a file holds of a World, before its tables are checked against each other."""

    data: list[Datum]
    dims: Mapping[str, tuple[str, ...]]
    regions: Registry | None
    acknowledgement: str = ""
    envelope: str = ""
    problems: list[Problem] = field(default_factory=list)


def described(name: str, array: xr.DataArray) -> tuple[Description, pd.DataFrame]:
    """A datum as it is written: its description, and a row a cell in canonical order, but for cells at its default.

    Money is in R thousand where it is whole in it, else in rand.

    >>> budget = xr.DataArray([2e6, 5e5], {"year": ["2018/19", "2019/20"]}, ["year"], attrs={"unit": "R"})
    >>> description, frame = described("budget", budget)
    >>> description.scale, description.control_total, frame.value.tolist()
    ('R thousand', 2500000.0, [2000.0, 500.0])
    """
    values = array.values.astype(float).ravel()
    money = array.attrs["unit"] == MONEY
    scale = "R thousand" if money and not np.any(values % 1000) else "R"
    labels = [list(map(str, array[d].values)) for d in array.dims]
    frame = pd.DataFrame(list(itertools.product(*labels)), columns=list(map(str, array.dims)), index=range(values.size))
    frame[VALUE] = values / (SCALES[scale] if money else 1.0)
    default = array.attrs.get("default")
    frame = frame if default is None else frame[values != default]
    said: dict[str, Any] = {key: str(array.attrs.get(key, "")) for key in ("unit", "source", "period", "why")}
    notes = str(array.attrs.get("notes", ""))
    description = Description(
        datum=name,
        **said,
        status=array.attrs.get("status", "assumed"),
        scale=scale if money else "",
        notes=tuple(notes.split("\n")) if notes else (),
        control_total=float(values.sum()) if money and not default else None,
        default=default,
    )
    return description, frame


def _wrong_total(total: float, scale: float, expected: float, told: str) -> str:
    """A column must add up to its control total; a power of ten between them names the likely unit."""
    found = total * scale
    if abs(found - expected) <= NEAR or not np.isfinite(found):
        return ""
    words = f"adds up to R{found:,.0f}, but the control total is R{expected:,.0f}"
    power = np.log10(expected / found) if found > 0 and expected > 0 else 0.0
    if round(power) and abs(power - round(power)) < 1e-6:
        words += f": {10 ** abs(round(power)):,} times too {'small' if power > 0 else 'large'}"
        likely = [unit for unit, rand in SCALES.items() if abs(total * rand - expected) <= 1e-6 * expected]
        return words + (f"; is it in {likely[0]}?" if likely else "")
    return f"{words}; if the change is meant, change control_total in {told}"
