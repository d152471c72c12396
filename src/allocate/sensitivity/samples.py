"""Cases that a sweep has solved, read back as bare arrays: what was varied, and what came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from allocate.differences import called
from allocate.errors import InputError, Problem
from allocate.names import SPACE

type Values = np.ndarray[Any, np.dtype[np.float64]]

SWEEP: Final = "sweep.nc"
"""The file of a sweep that holds all of it."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Solved cases: ``cases`` (n, figures), and ``values`` (n, answers) of the last goal and of the money of every
    space in R thousand. ``refused`` more cases had no plan, and are not among them. ``after`` is what follows a number
    of each figure."""

    figures: tuple[str, ...]
    after: tuple[str, ...]
    answers: tuple[str, ...]
    cases: Values
    values: Values
    refused: int


def read_sample(folder: str | Path) -> Sample:
    """The cases of a sweep, from the folder that it wrote.

    Figures are the factors that were drawn and the axes that are numbers, where they vary.

    >>> import tempfile
    >>> one = xr.Dataset(
    ...     {"axis_keep": ("member", [0.8, 0.9]), "value": (("member", "goal"), [[5.0], [4.0]]),
    ...      "money": (("member", "space"), [[7, 3], [6, 4]])}, {"goal": ["need met"], "space": ["A", "B"]})
    >>> with tempfile.TemporaryDirectory() as home:
    ...     _ = one.to_netcdf(Path(home) / "sweep.nc", engine="h5netcdf")
    ...     found = read_sample(home)
    >>> found.figures, found.answers, found.values.tolist()
    (('keep',), ('need met', 'A', 'B'), [[5.0, 7.0, 3.0], [4.0, 6.0, 4.0]])

    Raises :class:`InputError` for a folder that holds no sweep, or one that was cut, varies no number or found no plan.
    """
    file = Path(folder) / SWEEP
    if not file.is_file():
        raise InputError(folder, [Problem("", f"has no {SWEEP}: it is no folder that allocate sweep wrote")])
    try:
        with xr.open_dataset(file, engine="h5netcdf") as opened:
            data = opened.load()
    except Exception:  # on a file that was cut or is no netCDF, h5py and h5netcdf raise whatever they met
        raise InputError(file, [Problem("", "is not whole; run the sweep again")]) from None
    if "value" not in data or data["value"].isnull().all():
        raise InputError(folder, [Problem("", "has no case with a plan, so nothing can be said of what moves what")])
    if "money" not in data:
        raise InputError(folder, [Problem("", f"is of a model whose money is not over {SPACE}")])
    varied = {name: (after, values) for name, after, values in _varied(data) if np.ptp(values) > 0}
    if not varied:
        raise InputError(file, [Problem("", "varies no number, so nothing can be said of what moves what")])
    goal = data["value"].isel(goal=-1)
    money = data["money"].transpose("member", SPACE)
    solved = goal.notnull().values & (money >= 0).all(SPACE).values
    return Sample(
        tuple(varied),
        tuple(after for after, _ in varied.values()),
        (str(goal["goal"].item()), *map(str, money[SPACE].values)),
        np.column_stack([values for _, values in varied.values()])[solved],
        np.column_stack([goal.values, money.values.astype(float)])[solved],
        int((~solved).sum()),
    )


def _varied(data: xr.Dataset) -> Iterator[tuple[str, str, Values]]:
    """Every axis of numbers and every factor, what follows a number of it, and its values member by member."""
    for name, array in data.data_vars.items():
        kind, _, of = str(name).partition("_")
        if kind == "axis" and array.dtype.kind in "if":
            yield str(array.attrs.get("axis", of)), "", array.values.astype(float)
        if kind == "factor" and "draw" in array.dims:
            drawn = array.sel(draw=data["draw_of"].rename("of")) if "draw_of" in data else array
            over = [str(dim) for dim in array.dims if dim != "draw"]
            for labels in product(*(list(map(str, array[dim].values)) for dim in over)):
                where = dict(zip(over, labels, strict=True))
                yield called(of, where), " times its figure", drawn.sel(where).values.astype(float)
