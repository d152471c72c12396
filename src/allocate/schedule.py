"""A plan as it is published: whole R thousand a cell, every pool adding up exactly, money held back shown as such."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from allocate.names import TIME, UNALLOCATED
from allocate.plan import Plan
from allocate.rounding import Totals, describe_shift, round_cells
from allocate.units import PUBLISHED, SCALES

type Whole = np.ndarray[Any, np.dtype[np.integer[Any]]]
type Mask = np.ndarray[Any, np.dtype[np.bool_]]
type Values = np.ndarray[Any, np.dtype[np.floating[Any]]]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Published amounts: ``amount`` and ``unallocated`` are whole numbers of ``unit`` (1000 rand).

    ``open`` marks the cells that may hold money. ``cell_shift`` is the most that rounding moved a cell, in published
    units. ``exact`` names the totals that were kept; ``breaches`` gives, for each rule that rounding cannot keep, how
    far the rounded amounts miss it at worst, in the rule's unit.
    """

    amount: xr.DataArray
    unallocated: xr.DataArray
    open: xr.DataArray
    unit: float
    cell_shift: float
    exact: tuple[str, ...]
    breaches: dict[str, float]

    @property
    def scale(self) -> str:
        """The unit in words: ``R thousand``."""
        return next(word for word, rand in SCALES.items() if rand == self.unit)

    def table(self) -> pd.DataFrame:
        """A row for each open cell: the dims of the amount, and ``amount`` (whole units), in canonical order.

        Money held back has space ``UNALLOCATED``, and so every other dim that it lacks.
        """
        dims = [str(d) for d in self.amount.dims]
        kept = {labels for labels, there in _cells(self.open) if there}
        rows = [(*labels, value) for labels, value in _cells(self.amount) if labels in kept]
        held = [str(d) for d in self.unallocated.dims]
        for labels, value in _cells(self.unallocated):
            known = dict(zip(held, labels, strict=True))
            rows.append((*(known.get(d, UNALLOCATED) for d in dims), value))
        return pd.DataFrame(rows, columns=[*dims, "amount"])

    def by(self, *dims: str) -> xr.DataArray:
        """Amounts added up to some dims, in whole units; money held back is not in it."""
        return self.amount.sum([d for d in self.amount.dims if d not in dims])


def publish(plan: Plan) -> Schedule:
    """Round a plan to published units.

    Totals that a rule states as a plain sum of published cells are kept: equalities exactly, floors and caps never
    crossed. The rest is re-evaluated on the rounded amounts, and the worst breach of each rule is in the result.

    Raises :class:`allocate.errors.AllocateError` if no such rounding exists.
    """
    names = plan.program.case.model.schedule
    amount, held = plan.values[names.amount], plan.values[names.unallocated]
    unit = PUBLISHED[amount.attrs["unit"]]
    there = [_numbers(plan, name, array) for name, array in ((names.amount, amount), (names.unallocated, held))]
    is_open = there[0] >= 0 if names.amount in plan.program.columns else amount.values > 0
    cells = np.flatnonzero(np.concatenate([is_open.ravel(), np.ones(held.size, dtype=bool)]))
    real = np.maximum(np.concatenate([amount.values.ravel(), held.values.ravel()])[cells], 0.0)
    keys = np.array(["|".join(labels) for labels, _ in itertools.chain(_cells(amount), _cells(held, UNALLOCATED))])
    columns = np.concatenate([number.ravel() for number in there])[cells]
    side_a, side_b = _sides(plan, amount, held, cells, columns, unit)
    whole = round_cells(real, unit, keys[cells], side_a, side_b)
    full = np.zeros(amount.size + held.size, dtype=np.int64)
    full[cells] = whole
    return Schedule(
        amount=amount.copy(data=full[: amount.size].reshape(amount.shape)),
        unallocated=held.copy(data=full[amount.size :].reshape(held.shape)),
        open=amount.copy(data=is_open),
        unit=unit,
        cell_shift=describe_shift(real, whole, unit, [*side_a, *side_b]).cell,
        exact=tuple(level.name for level in (*side_a, *side_b) if level.exact),
        breaches=_breaches(plan, columns, whole * unit),
    )


def _numbers(plan: Plan, name: str, array: xr.DataArray) -> Whole:
    """The column of every cell of a variable, -1 where it has none or is fixed."""
    block = plan.program.columns.get(name)
    return np.full(array.shape, -1) if block is None else block.number


def _cells(array: xr.DataArray, *more: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    labels = [list(map(str, array[d].values)) for d in array.dims]
    for where, value in zip(itertools.product(*labels), array.values.ravel().tolist(), strict=True):
        yield (*where, *more), value


def _sides(
    plan: Plan, amount: xr.DataArray, held: xr.DataArray, cells: Whole, columns: Whole, unit: float
) -> tuple[list[Totals], list[Totals]]:
    """Two nested families of totals: pools on one side, places on the other."""
    other = tuple(str(d) for d in amount.dims if d not in held.dims or d == TIME)
    side_b = [Totals(" x ".join(other), _groups(amount, held, other, cells))]
    if plan.program.case.model.schedule.amount not in plan.program.columns:
        pools = tuple(str(d) for d in held.dims)
        return [Totals(" x ".join(pools), _groups(amount, held, pools, cells), exact=True)], side_b
    side_a: list[Totals] = []
    plain = sorted(_plain(plan, columns, unit), key=lambda level: not level.exact)
    for level in plain:
        side = next((s for s in (side_a, side_b) if all(_nested(level.group, seen.group) for seen in s)), None)
        if side is not None:
            side.append(level)
    return side_a, side_b


def _groups(amount: xr.DataArray, held: xr.DataArray, dims: Sequence[str], cells: Whole) -> Whole:
    """A group number for each cell by its labels of ``dims``; -1 for cells that lack one of them."""
    sizes = [amount.sizes[d] for d in dims]
    parts = []
    for array in (amount, held):
        if not set(dims) <= set(array.dims):
            parts.append(np.full(array.size, -1))
            continue
        at = np.indices(array.shape).reshape(array.ndim, array.size)
        places = [at[array.dims.index(d)] for d in dims]
        parts.append(np.ravel_multi_index(places, sizes) if dims else np.zeros(array.size, int))
    return np.concatenate(parts)[cells]


def _plain(plan: Plan, columns: Whole, unit: float) -> Iterator[Totals]:
    """Every rule whose rows are plain sums of published cells, each cell in at most one row.

    A cell in several rows or with a coefficient (money held back, say) is no obstacle while it is a whole number of
    units: rounding leaves it alone, so it only shifts the limits.
    """
    linear = plan.program.linear
    position = np.full(linear.matrix.shape[1], -1)
    position[columns[columns >= 0]] = np.flatnonzero(columns >= 0)
    for name, block in plan.program.rows.items():
        numbers = block.number[block.number >= 0]
        part = linear.matrix[numbers].tocoo()
        inside = position[part.col]
        if not part.nnz or np.any(inside < 0):
            continue
        shared = (np.bincount(inside)[inside] > 1) | (part.data != 1)
        values = plan.x[part.col[shared]] / unit
        if np.any(values != np.round(values)):
            continue
        still = part.data[shared] * values
        group = np.full(columns.size, -1)
        group[inside[~shared]] = part.row[~shared]
        shift = np.bincount(part.row[shared], still, minlength=numbers.size)
        lower, upper = linear.row_lower[numbers] / unit - shift, linear.row_upper[numbers] / unit - shift
        exact = bool(np.all(lower == upper))  # to the nearest whole unit: a pool that was scaled may not be whole
        yield Totals(name, group, exact) if exact else Totals(name, group, exact, lower, upper)


def _nested(a: Whole, b: Whole) -> bool:
    """Whether any two groups, one of each, are apart or one inside the other."""
    both = (a >= 0) & (b >= 0)
    size_a, size_b = np.bincount(a[a >= 0]), np.bincount(b[b >= 0])
    pairs, counts = np.unique(a[both] * np.int64(size_b.size) + b[both], return_counts=True)
    in_a, in_b = np.divmod(pairs, max(size_b.size, 1))
    return bool(np.all((counts == size_a[in_a]) | (counts == size_b[in_b])))


def _breaches(plan: Plan, columns: Whole, rounded: Values) -> dict[str, float]:
    linear = plan.program.linear
    x = plan.x.copy()
    free = columns >= 0
    x[columns[free]] = rounded[free]
    activity = linear.matrix @ x
    over = np.maximum(np.maximum(linear.row_lower - activity, activity - linear.row_upper), 0.0)
    worst = {name: float(block.pack(over).max(initial=0.0)) for name, block in plan.program.rows.items()}
    return {name: by for name, by in worst.items() if by > 1e-3}
