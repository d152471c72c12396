"""What a World holds, whether it fits a model, and what looks odd, before anything is solved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import xarray as xr

from allocate.builder import build
from allocate.changes import Case
from allocate.differences import amount
from allocate.errors import nearest
from allocate.names import STATUSES, TIME
from allocate.units import MONEY
from allocate.world import World

FEW: Final = 6
"""Labels or names that a line lists; the rest are counted."""


def contents(world: World) -> list[str]:
    """What a World holds, a line each: the labels of every dim, the money of every year, how figures became known.

    >>> from allocate.world import read_world
    >>> contents(read_world("za2016"))[5]
    '  space     52  DC1, DC2, DC3, DC4, DC5, DC6 and 46 more'
    """
    return [f"World {world.name}", *_labels(world), *_money(world), *_statuses(world)]


def fit(case: Case, world: World) -> list[str]:
    """Build the program of a case, and say its size and what looks odd in the World that it was made from.

    >>> from allocate.changes import apply
    >>> from allocate.read import read_model
    >>> from allocate.world import read_world
    >>> world = read_world("za2016")
    >>> fit(apply(read_model("grant_consolidation"), world), world)[0][:36]
    'Fits Grant consolidation: a program '

    Raises :class:`allocate.errors.InputError` with every problem of the first stage that has one, and
    :class:`allocate.errors.NoPlanError` if a rule without any choice in it cannot hold.
    """
    program = build(case)
    rows, columns = program.linear.matrix.shape
    size = f"a program of {columns:,} columns, {rows:,} rows and {program.linear.matrix.nnz:,} numbers"
    odd = list(_odd(program.case, world))
    warned = [f"Worth a look ({len(odd)})", *(f"  {words}" for words in odd)] if odd else ["Nothing looks odd."]
    changes = [f"  {line}" for line in case.said]
    return [f"Fits {case.model.name}: {size}, to {_goals(case)}.", *changes, *warned]


def _goals(case: Case) -> str:
    goals = case.model.active_goals
    return ", then ".join(f"{'level' if g.leximin is not None else f'{g.sense}imise'} {g.name}" for g in goals)


def _labels(world: World) -> Iterator[str]:
    dims = list(map(str, world.data.dims))
    wide = max(map(len, dims), default=0)
    yield "Labels"
    for dim in dims:
        known = world.labels(dim)
        yield f"  {dim:<{wide}}  {len(known):>3}  {_few(known)}"


def _money(world: World) -> Iterator[str]:
    """Each table of money, added up by year if it has years."""
    tables = _tables_of_money(world)
    if not tables:
        return
    wide = max(map(len, tables))
    years = world.labels(TIME) if TIME in world.data.dims else ()
    yield "Money" + " " * (wide - 3) + "".join(f"{year:>14}" for year in years)
    for name, array in tables.items():
        sums = array.sum([d for d in array.dims if d != TIME])
        shown = "".join(f"{amount(float(v), MONEY):>14}" for v in np.atleast_1d(sums.values))
        yield f"  {name:<{wide}}{shown}" + ("" if TIME in array.dims else "  in all")


def _tables_of_money(world: World) -> dict[str, xr.DataArray]:
    return {str(name): array for name, array in world.data.data_vars.items() if array.attrs["unit"] == MONEY}


def _statuses(world: World) -> Iterator[str]:
    arrays = [(str(name), array) for name, array in world.data.data_vars.items()]
    total = sum(array.size for _, array in arrays)
    yield f"Figures  {total:,} in {len(arrays)} tables"
    for status in STATUSES:
        known = [(name, array.size) for name, array in arrays if array.attrs["status"] == status]
        if known:
            many = sum(size for _, size in known)
            yield f"  {status:<10}{many:>7,}  {_few([name for name, _ in known])}"


def _odd(case: Case, world: World) -> Iterator[str]:
    yield from nothing_there(world)
    names = list(map(str, world.data.data_vars))
    unused = [name for name in names if name not in case.model.data]
    for name, spec in case.model.data.items():
        if name not in names:
            default = np.unique(np.array(spec.default, dtype=float))
            values = f"{default[0]:g} everywhere" if default.size == 1 else f"{default[0]:g} to {default[-1]:g}"
            yield f"{name}: not given, so {values}, the model's default{nearest(name, unused)}"
    if unused:
        yield f"{', '.join(unused)}: nothing here uses {'it' if len(unused) == 1 else 'them'}; a scenario may"


def nothing_there(world: World) -> Iterator[str]:
    """Tables that are zero everywhere, and labels without any money in a table of money."""
    for name, array in world.data.data_vars.items():
        if array.size and not np.any(array.values):
            yield f"{name}: zero everywhere"
    for name, array in _tables_of_money(world).items():
        for dim in map(str, array.dims):
            there = array.values.any(axis=tuple(n for n, d in enumerate(array.dims) if d != dim))
            empty = [world.title(dim, label) for label, any_ in zip(world.labels(dim), there, strict=True) if not any_]
            if empty and there.any():
                yield f"{name}: no money for {dim} {_few(empty)}"


def _few(names: list[str] | tuple[str, ...]) -> str:
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")
