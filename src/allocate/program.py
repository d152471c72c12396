"""A named sparse program: a linear program whose rows and columns know what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from allocate.changes import Case
from allocate.optimum.linear import LinearProgram
from allocate.rules.rows import Values
from allocate.units import Unit


@dataclass(frozen=True, eq=False)
class Block:
    """A named group of rows or columns: the number of each cell over ``dims``, -1 where there is none."""

    name: str
    dims: tuple[str, ...]
    unit: Unit
    number: Values

    def pack(self, flat: Values, empty: float = 0.0) -> Values:
        """Values of rows or columns as a full array, ``empty`` where there is no row or column."""
        full = np.full(self.number.shape, empty)
        there = self.number >= 0
        full[there] = flat[self.number[there]]
        return full


@dataclass(frozen=True)
class Breach:
    """A rule that numbers alone decide (every variable in it is fixed) and that does not hold; by how much."""

    rule: str
    where: str
    by: float
    unit: str


@dataclass(frozen=True, eq=False)
class Program:
    """A linear program whose rows and columns carry names.

    ``linear`` is in natural units (rand, households). ``fixed`` holds the values of variables that are no choice,
    ``derived`` the data computed from data, ``breaches`` what fixed variables break.
    """

    case: Case
    linear: LinearProgram
    columns: Mapping[str, Block]
    rows: Mapping[str, Block]
    fixed: Mapping[str, xr.DataArray]
    derived: Mapping[str, xr.DataArray]
    breaches: tuple[Breach, ...]
    goal_units: tuple[Unit, ...]

    def cell(self, block: Block, number: int) -> str:
        """The name of a row or column: ``guarantee[space=DC15, year=2019/20]``."""
        where = np.argwhere(block.number == number)[0]
        return f"{block.name}{at(self.case, block.dims, where)}"

    def row_name(self, number: int) -> str:
        return self._name(self.rows, number)

    def column_name(self, number: int) -> str:
        return self._name(self.columns, number)

    def _name(self, blocks: Mapping[str, Block], number: int) -> str:
        for block in blocks.values():
            if np.any(block.number == number):
                return self.cell(block, number)
        raise IndexError(number)

    def datum(self, name: str) -> xr.DataArray:
        """A datum of the World or a derived one, labelled."""
        return self.derived[name] if name in self.derived else self.case.world.data[name]


def at(case: Case, dims: tuple[str, ...], cell: Any) -> str:
    """How a cell is called: ``[space=DC15, year=2019/20]``; nothing where there are no dims."""
    inside = ", ".join(f"{d}={case.world.labels(d)[int(k)]}" for d, k in zip(dims, cell, strict=True))
    return f"[{inside}]" if inside else ""
