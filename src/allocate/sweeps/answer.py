"""What a sweep found, by member: goals, grade, and every amount in whole published units."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.differences import called
from allocate.errors import NoPlanError
from allocate.names import SPACE
from allocate.plan import solve
from allocate.program import Program
from allocate.sweeps.design import Design
from allocate.sweeps.solving import NO_PLAN, program_of
from allocate.units import PUBLISHED, SCALES

CLOSED: Final = -1
"""The amount of a cell in which a member may have no money, and of every cell of a member without a plan."""

type Whole = np.ndarray[Any, np.dtype[np.int64]]
type Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Every member of a sweep. ``seconds`` (members,) is how long each took, wherever it was solved.

    ``data`` has everything over ``member`` (numbered from 1, as draws are): ``axis_NAME``, the level of each axis;
    ``value`` of every goal, NaN without a plan; ``grade``; ``reason``, where there is no plan, and ``conflict``, which
    proves it; ``unallocated``, ``money`` by space and ``published`` by cell, in whole published units, -1 where a
    member may have none; and for a sample ``draw_of`` a member, and over ``draw`` what each datum was multiplied by.
    """

    design: Design
    data: xr.Dataset
    seconds: Values

    @property
    def goal(self) -> str:
        """The last goal, in which outcomes are counted."""
        return str(self.data["goal"].values[-1])

    @property
    def grades(self) -> dict[str, int]:
        """How many members have each grade, the most common first."""
        found = pd.Series(self.data["grade"].values).value_counts()
        return {str(grade): int(many) for grade, many in found.items()}

    def table(self) -> pd.DataFrame:
        """A row a member: ``member``, the level of each axis, ``draw`` and its factors, each goal, ``unallocated``,
        ``grade`` and ``reason``."""
        data, columns = self.data, {"member": self.data["member"].values}
        columns |= {axis.name: data[axis.stored].values for axis in self.design.axes}
        if self.design.sample is not None:
            columns["draw"] = data["draw_of"].values
            columns |= dict(self._factors())
        columns |= {str(goal): data["value"].sel(goal=goal).values for goal in data["goal"].values}
        columns |= {name: data[name].values for name in ("unallocated", "grade", "reason")}
        frame = pd.DataFrame(columns)
        frame["unallocated"] = _whole(data["unallocated"].values)
        return frame

    def money(self) -> pd.DataFrame:
        """A row a member: ``member`` and what every space gets, in whole published units; nothing without a plan."""
        columns: dict[str, Any] = {"member": self.data["member"].values}
        if "money" in self.data:
            money = self.data["money"].transpose("member", SPACE)
            columns |= {str(s): _whole(money.values[:, k]) for k, s in enumerate(money[SPACE].values)}
        return pd.DataFrame(columns)

    def means(self) -> dict[str, dict[str, float]]:
        """The mean of the last goal at every level of each axis, and below and above the median of each factor.

        Levels are compared like with like: a cell of the other axes, or a draw, in which one of them has no plan counts
        for none. A level that never has one is NaN, and so are all where none of the others is left.
        """
        values, draws = self.data["value"].sel(goal=self.goal).values, self.design.draws
        cells = values.reshape([*(len(axis.levels) for axis in self.design.axes), draws])
        found = {}
        for k, axis in enumerate(self.design.axes):
            table = _complete(np.moveaxis(cells, k, 0).reshape(len(axis.levels), -1))
            found[axis.name] = dict(zip(map(str, axis.levels), pd.DataFrame(table).mean(axis=1).tolist(), strict=True))
        if self.design.sample is not None:
            fair, sides = (
                pd.Series(_complete(values.reshape(-1, draws)).ravel()),
                ("above its median", "below its median"),
            )
            for name, factor in self._factors():
                means = fair.groupby(np.where(factor > np.median(factor), *sides), sort=False).mean()
                found[name] = {str(side): float(mean) for side, mean in means.items()}
        return found

    def why(self) -> NoPlanError | None:
        """The first member without a plan in the words of the model, for which it is solved again."""
        none = np.flatnonzero(self.data["grade"].values == NO_PLAN)
        try:
            if none.size:
                solve(program_of(self.design, self.design.member(int(none[0]))))
        except NoPlanError as error:
            return error
        return None

    def _factors(self) -> Iterator[tuple[str, Values]]:
        """What each factor is called, and its value (members,)."""
        at = self.data["draw_of"].values - 1
        for unknown in self.design.unknowns:
            array = self.data[f"factor_{unknown.datum}"]
            for where in self.design.places(unknown):
                yield called(unknown.datum, where), array.sel(where).values[at]


def gathered(design: Design, program: Program, payloads: Iterable[bytes]) -> Sweep:
    """A sweep from what its chunks came to, in order; ``program`` is that of any member."""
    found = [_read(payload) for payload in payloads]

    def joined(name: str) -> Any:
        return np.concatenate([part[name] for part in found])

    goals = [goal.name for goal in design.model.goals]  # those of ``program`` are the active ones
    schedule = program.case.model.schedule
    money = program.case.model.variables[schedule.amount].unit
    scale = next(word for word, rand in SCALES.items() if rand == PUBLISHED[money])
    published = _published(found, len(design))
    arrays: dict[str, Any] = {
        "value": (("member", "goal"), joined("goals")),
        "grade": ("member", joined("grade").astype(object)),
        "reason": ("member", joined("reason").astype(object)),
        "conflict": ("member", joined("conflict")),
        **{name: array.assign_attrs(unit=scale) for name, array in published.items()},
        **_of_design(design),
    }
    coords = {"member": np.arange(1, len(design) + 1), "goal": goals}
    active = dict(zip((goal.name for goal in program.case.model.active_goals), program.goal_units, strict=True))
    units = [str(active.get(goal, "")) for goal in goals]
    data = xr.Dataset(arrays, {**coords, "goal_unit": ("goal", np.array(units, dtype=object))})
    reached = data["value"].notnull().any("member")
    data = data.sel(goal=[goal for goal in goals if goal in active or reached.sel(goal=goal)])
    return Sweep(design, data, joined("seconds"))


def _read(payload: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        return dict(archive)


def _of_design(design: Design) -> dict[str, Any]:
    """The level of each axis and the draw of every member, and the factors of every draw."""
    sizes = [len(axis.levels) for axis in design.axes]
    number = np.arange(len(design))
    places = np.unravel_index(number // design.draws, sizes) if sizes else ()
    arrays: dict[str, Any] = {
        axis.stored: ("member", _levels(axis.levels)[at], {"axis": axis.name})
        for axis, at in zip(design.axes, places, strict=True)
    }
    if design.sample is None:
        return arrays
    arrays["draw_of"] = ("member", number % design.draws + 1)
    drawn = [design.factors(draw) for draw in range(design.draws)]
    for unknown in design.unknowns:
        dims = ("draw", *unknown.by)
        coords = {dim: np.array(design.world.labels(dim)) for dim in unknown.by}
        coords["draw"] = np.arange(1, design.draws + 1)
        values = np.array([factors[unknown.datum] for factors in drawn])
        arrays[f"factor_{unknown.datum}"] = xr.DataArray(values, coords, dims)
    return arrays


def _published(found: list[dict[str, Any]], members: int) -> dict[str, xr.DataArray]:
    """Every amount over the labels of all members, and its sums; ``CLOSED`` where a member has no such cell."""
    told = {text: json.loads(text) for part in found for text in part["labels"].tolist() if text}
    labels: dict[str, dict[str, int]] = {}
    for dims, _ in told.values():
        for dim, names in dims.items():
            known = labels.setdefault(dim, {})
            for name in names:
                known.setdefault(name, len(known))
    if not told:
        return {"unallocated": xr.DataArray(np.full(members, CLOSED), dims="member")}
    over = list(labels)
    held_over = next(iter(told.values()))[1]
    amount = np.full((members, *(len(labels[dim]) for dim in over)), CLOSED)
    held = np.full((members, *(len(labels[dim]) for dim in held_over)), CLOSED)
    member = itertools.count()
    for part in found:
        texts, amounts, helds = part["labels"].tolist(), iter(part["amount"]), iter(part["held"])
        for shape in part["shape"].tolist():
            at = next(member)
            if shape >= 0:
                dims = told[texts[shape]][0]
                for to, cells, names in ((amount, amounts, over), (held, helds, held_over)):
                    places = [[labels[dim][label] for label in dims[dim]] for dim in names]
                    block = [len(place) for place in places]
                    flat = np.fromiter(itertools.islice(cells, int(np.prod(block))), np.int64)
                    to[np.ix_([at], *places)] = flat.reshape(1, *block)
    coords = {dim: list(known) for dim, known in labels.items()}
    arrays = {
        "published": xr.DataArray(amount, coords, ["member", *over]),
        "published_unallocated": xr.DataArray(held, {d: coords[d] for d in held_over}, ["member", *held_over]),
    }
    planned = xr.DataArray((held >= 0).reshape(members, -1).any(axis=1), dims="member")
    sums = {"money": ("published", ("member", SPACE)), "unallocated": ("published_unallocated", ("member",))}
    for name, (of, kept) in sums.items():
        if set(kept) <= set(arrays[of].dims):
            total = arrays[of].clip(min=0).sum([dim for dim in arrays[of].dims if dim not in kept])
            arrays[name] = total.where(planned, CLOSED).astype(np.int64)
    return arrays


def _complete(table: Values) -> Values:
    """A table of which every column is NaN that lacks a value in a row that has any."""
    some = ~np.isnan(table).all(axis=1)
    found: Values = np.where(np.isnan(table[some]).any(axis=0), np.nan, table)
    return found


def _levels(levels: tuple[float | str, ...]) -> Any:
    return np.array(levels, dtype=object if isinstance(levels[0], str) else float)


def _whole(values: Whole) -> pd.Series[int]:
    """Whole numbers, with nothing where there is none."""
    return pd.Series(values).astype("Int64").mask(values < 0)
