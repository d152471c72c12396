"""A scenario meets a model and a World: every change is made once, or it is an error; and it can say what it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from allocate.active import active_part
from allocate.differences import amount, called, difference
from allocate.errors import InputError, Problem, nearest
from allocate.names import MEMBER, UNALLOCATED
from allocate.rules.tree import RuleError
from allocate.spec import (
    Activate,
    AddData,
    AddRule,
    Change,
    Consolidate,
    DataSpec,
    DerivedSpec,
    Drop,
    Fix,
    GoalSpec,
    Model,
    Replace,
    RuleSpec,
    Scale,
    Scenario,
    Set,
    Use,
    in_order,
)
from allocate.tables import LARGEST
from allocate.units import FLAG, same_unit
from allocate.world import World


@dataclass(frozen=True)
class Case:
    """A model and a World after a scenario: what is to be solved.

    ``fixed`` names the variables that are no choice and what they are fixed at; ``said`` lists the differences in
    words, ``old -> new``.
    """

    model: Model
    world: World
    fixed: Mapping[str, str | float] = field(default_factory=dict)
    said: tuple[str, ...] = ()


class ChangeError(ValueError):
    """A change cannot be made; the words say why."""


class IdleError(ChangeError):
    """A change that would leave every figure as it is."""


def apply(
    model: Model, world: World, scenarios: Iterable[Scenario] = (), levels: Mapping[str, Change] | None = None
) -> Case:
    """Make every change of every scenario, in order, what it extends first; then those of ``levels``, by axis.

    Two changes to one cell, or a change of nothing, are errors; but a level may be what the figures are already.

    Raises :class:`InputError` with every change that cannot be made and its place.
    """
    work = _Work(Case(model, world))
    for scenario in in_order(scenarios):
        problems = []
        meant = scenario.model
        if meant is not None and meant not in {name.removesuffix(".toml") for name in (model.source, *model.bases)}:
            problems.append(Problem("model", f"is written for {meant!r}, not for {model.source!r}"))
        for number, change in enumerate(scenario.changes, start=1):
            try:
                work.make(change, f"{scenario.source}, change {number}")
            except ChangeError as error:
                problems.append(Problem(f"change {number}", str(error)))
        if problems:
            raise InputError(scenario.source, problems)
    for axis, change in (levels or {}).items():
        try:
            with suppress(IdleError):
                work.make(change, f"grid, {axis}")
        except ChangeError as error:
            raise InputError("grid", [Problem(axis, str(error))]) from None
    work.check_heard()
    return work.case


def certain(scenarios: Iterable[Scenario]) -> None:
    """Raise :class:`InputError` for a scenario that no one plan answers: with levels or draws, or data not known."""
    every = in_order(scenarios)
    single(every)
    for scenario in every:
        if scenario.spreads:
            words = "says what is not known, so it is decided over draws: allocate risk, or al.robust"
            raise InputError(scenario.source, [Problem("spread", words)])


def single(scenarios: Iterable[Scenario]) -> None:
    """Raise :class:`InputError` for a scenario that asks for many plans, one for every level or draw."""
    for scenario in in_order(scenarios):
        asked = {"grid": scenario.grids, "range": scenario.ranges, "sample": scenario.sample}
        for place in [key for key, said in asked.items() if said][:1]:
            words = "asks for many plans, one for every level or draw: allocate sweep, or al.sweep"
            raise InputError(scenario.source, [Problem(place, words)])


class _Work:
    """The case so far, and which change touched what: no change may depend on the order of the others."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.maker = ""
        self.once: dict[str, str] = {}
        self.read: dict[str, str] = {}
        self.pools: dict[str, set[str]] = {}  # the parts of each pool before any merge
        self.made: set[str] = set()
        self.switched: dict[str, str] = {}
        self.written: dict[str, dict[str, np.ndarray[Any, np.dtype[np.bool_]]]] = {}

    def make(self, change: Change, maker: str) -> None:
        self.maker = maker
        match change:
            case Set():
                self._set(change)
            case Scale():
                self._scale(change)
            case Use():
                self._use(change)
            case Drop(drop=part):
                self._switch(part, on=False)
            case Activate(activate=part):
                self._switch(part, on=True)
            case Replace():
                self._replace_rule(change)
            case AddRule():
                self._add_rule(change)
            case AddData():
                self._add_data(change)
            case Fix():
                self._fix(change)
            case Consolidate():
                self._consolidate(change)

    def check_heard(self) -> None:
        """What was changed, and is not at work after all changes, would be a change of nothing."""
        unheard = [(*maker.rpartition(", "), words) for maker, words in (*self._idle_rules(), *self._idle_data())]
        for first, *_ in unheard[:1]:
            raise InputError(first, [Problem(place, words) for source, _, place, words in unheard if source == first])

    def _idle_data(self) -> Iterator[tuple[str, str]]:
        if not self.case.model.goals:  # what a projection is made from: it reads all of it
            return
        with suppress(RuleError):  # a rule that cannot be read is told with all that is wrong in it
            waiting = self.case.model.data.keys() - active_part(self.case.model, self.case.fixed).data.keys()
            for name, makers in self.written.items():
                words = f"no rule or goal that is active uses {name!r}, so this changes nothing"
                yield from ((maker, words) for maker in makers if name in waiting)

    def _idle_rules(self) -> Iterator[tuple[str, str]]:
        for what, maker in self.once.items():
            name = what.removeprefix("rules.")
            if name != what and what not in self.switched and not self.case.model.rules[name].active:
                yield maker, f"{what} is not active, so this changes nothing; activate it too"

    def _only_once(self, what: str) -> None:
        if what in self.once:
            raise ChangeError(f"{what} is already changed by {self.once[what]}")
        self.once[what] = self.maker

    def _write(self, name: str, cells: np.ndarray[Any, np.dtype[np.bool_]], called: str) -> None:
        """Note which cells this change writes; each may be written once, and not by one change and read by another."""
        for maker, theirs in self.written.get(name, {}).items():
            if np.any(theirs & cells):
                raise ChangeError(f"{called} is already changed by {maker}; two changes to one cell conflict")
        if name in self.read:
            raise ChangeError(f"{name!r} is read by {self.read[name]}, so the order of the two would matter")
        self.written.setdefault(name, {})[self.maker] = cells

    def _datum(self, name: str) -> xr.DataArray:
        data, model = self.case.world.data, self.case.model
        if name in model.derived:
            raise ChangeError(f"{name!r} is derived; change the data that it is derived from")
        if name not in data.data_vars and name in model.data and (default := model.data[name].default) is not None:
            spec = model.data[name]
            labels = {d: list(self._labels(d)) for d in spec.over}
            attrs = {"unit": spec.unit, "status": "assumed", "source": "default of the model"}
            sizes = [len(known) for known in labels.values()]
            if isinstance(default, tuple) and len(default) != sizes[0]:
                words = f"the default of {name!r} lists {len(default)}, but there are {sizes[0]} over {spec.over[0]}"
                raise ChangeError(words)
            values = np.broadcast_to(np.array(default, dtype=float), sizes)
            return xr.DataArray(values, labels, list(spec.over), attrs=attrs)
        if name not in data.data_vars:
            known = [str(v) for v in data.data_vars]
            raise ChangeError(f"there is no datum {name!r}{nearest(name, known)}")
        return data[name]

    def _labels(self, dim: str) -> tuple[str, ...]:
        """The labels of a dim of the model, be it the World's, the model's own, a copy or a column."""
        model, world = self.case.model, self.case.world
        copied = model.copies.get(dim, dim)
        if copied in model.labels:
            return model.labels[copied]
        if copied in world.data.dims:
            return world.labels(copied)
        if (group := world.group(dim)) is None:
            known = [*map(str, world.data.dims), *model.labels, *model.copies]
            raise ChangeError(f"there is no dim {dim!r}{nearest(dim, known)}")
        return tuple(dict.fromkeys(group[1]))

    def _set(self, change: Set) -> None:
        old = self._datum(change.set)
        if isinstance(change.to, str):
            other = self._datum(change.to)
            if set(other.dims) != set(old.dims) or not same_unit(other.attrs["unit"], old.attrs["unit"]):
                raise ChangeError(f"{change.to!r} is not over the dims and in the unit of {change.set!r}")
            if change.to in self.written:
                maker = next(iter(self.written[change.to]))
                raise ChangeError(f"{change.to!r} is changed by {maker}, so the order of the two would matter")
            new = other.transpose(*old.dims).values.astype(float)
        elif old.attrs["unit"] == FLAG and change.to not in (0, 1):
            raise ChangeError(f"{change.to:g} is not 0 or 1; {change.set!r} is a flag")
        else:
            new = np.full(old.shape, float(change.to))
        self._replace(change.set, old, new, change.where)
        if isinstance(change.to, str):
            self.read.setdefault(change.to, self.maker)

    def _scale(self, change: Scale) -> None:
        old = self._datum(change.scale)
        if old.attrs["unit"] == FLAG:
            raise ChangeError(f"{change.scale!r} is a flag and cannot be scaled; set it")
        self._replace(change.scale, old, old.values * change.by, change.where)

    def _replace(
        self, name: str, old: xr.DataArray, new: np.ndarray[Any, np.dtype[Any]], where: Mapping[str, str]
    ) -> None:
        place = called(name, where)
        if name == MEMBER:
            raise ChangeError(f"{name!r} is changed only by consolidate")
        used = {*self.case.model.data, *(v for spec in self.case.model.data.values() for v in spec.named.values())}
        if name not in used:
            words = f"the model does not use {name!r}, so the change changes nothing"
            raise ChangeError(words + nearest(name, self.case.model.data))
        cells = self._where(name, old, where)
        values = np.where(cells, new, old.values)
        if not np.any(values != old.values):
            raise IdleError(f"{place} already has these values; the change changes nothing")
        if np.any(values > LARGEST):
            raise ChangeError(f"{place} would be {values.max():.3g}, beyond {LARGEST:g}")
        self._write(name, cells, place)
        was = old.attrs.get("source", "")
        attrs = {**old.attrs, "status": "assumed", "source": f"{self.maker}; before: {was}"}
        world = self.case.world.with_data(name, old.copy(data=values).assign_attrs(attrs))
        self._keep(world=world, said=f"{place}: {difference(old, values)}")

    def _where(self, name: str, old: xr.DataArray, where: Mapping[str, str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which cells a change means: those at a label of a dim, or of a group of its labels, such as a province."""
        cells = np.ones(old.shape, dtype=bool)
        for key, label in where.items():
            dim, group = key, tuple(map(str, old[key].values)) if key in old.dims else ()
            if key not in old.dims and (found := self.case.world.group(key)) is not None:
                dim, group = found
            if dim not in old.dims:
                has = ", ".join(map(str, old.dims)) or "no dim"
                raise ChangeError(f"{name!r} does not vary over {key!r}, only over {has}")
            if label not in group:
                raise ChangeError(f"no {key} {label!r}{nearest(label, group)}")
            axis = list(old.dims).index(dim)
            here = np.array([known == label for known in group])
            cells &= here.reshape([-1 if k == axis else 1 for k in range(old.ndim)])
        return cells

    def _use(self, change: Use) -> None:
        spec = self.case.model.data.get(change.of)
        if spec is None:
            raise ChangeError(f"there is no datum {change.of!r}{nearest(change.of, self.case.model.data)}")
        if change.use not in spec.named:
            known = f"it has {', '.join(spec.named)}" if spec.named else "it has none"
            raise ChangeError(
                f"{change.of!r} has no value named {change.use!r}; {known}{nearest(change.use, spec.named)}"
            )
        self._set(Set(set=change.of, to=spec.named[change.use]))

    def _switch(self, part: str, on: bool) -> None:
        """Activate a rule or goal that waits, or leave out one that is active."""
        found, name = self._part(part)
        if part in self.switched:
            raise ChangeError(f"{part} is already changed by {self.switched[part]}")
        if not on:
            self._only_once(part)
        if found.active == on:
            raise ChangeError(f"{part} is {'active' if on else 'not active'} already; the change changes nothing")
        self._with_part(name, found.model_copy(update={"active": on}))
        self.switched[part] = self.maker
        self._keep(said=f"{part}: {'activated' if on else 'dropped'}")

    def _part(self, part: str) -> tuple[RuleSpec | GoalSpec, str]:
        """A rule or a goal, and its name."""
        kind, _, name = part.partition(".")
        model = self.case.model
        known: Mapping[str, RuleSpec | GoalSpec] = (
            model.rules if kind == "rules" else {goal.name: goal for goal in model.goals}
        )
        if name not in known:
            raise ChangeError(f"there is no {kind[:-1]} {name!r}{nearest(name, known)}")
        return known[name], name

    def _with_part(self, name: str, new: RuleSpec | GoalSpec) -> None:
        model = self.case.model
        changed = (
            {"rules": {**model.rules, name: new}}
            if isinstance(new, RuleSpec)
            else {"goals": tuple(new if goal.name == name else goal for goal in model.goals)}
        )
        self.case = replace(self.case, model=model.model_copy(update=changed))

    def _replace_rule(self, change: Replace) -> None:
        found, name = self._part(change.replace)
        self._only_once(change.replace)
        if found.rule == change.rule:
            raise ChangeError(f"{change.replace} already says so; the change changes nothing")
        self._with_part(
            name, found.model_copy(update={"rule": change.rule, "why": change.why, "law": "", "source": ""})
        )
        self._keep(said=f"{change.replace}: {found.rule} -> {change.rule}")

    def _add_rule(self, change: AddRule) -> None:
        name = change.add.removeprefix("rules.")
        self._new(name, self.case.model.rules, "rule")
        self._only_once(change.add)
        self._with_part(name, RuleSpec.model_validate(change.model_dump(exclude={"add"})))
        self._keep(said=f"{change.add}: added, {change.rule}")

    def _add_data(self, change: AddData) -> None:
        name = change.add.removeprefix("data.")
        model, world = self.case.model, self.case.world
        taken = [*model.dims, *model.data, *model.derived, *model.variables, *model.expressions]
        taken += map(str, world.data.data_vars)
        self._new(name, taken, "name")
        for dim in change.over:
            if dim not in world.data.dims:
                world = world.with_dim(dim, self._labels(dim))
        self.case = replace(self.case, world=world)
        data = world.data
        coords = {dim: data[dim] for dim in change.over}
        attrs = {"unit": change.unit, "status": "assumed", "source": change.source or self.maker, "why": change.why}
        array = xr.DataArray(
            np.full([data.sizes[d] for d in change.over], change.to), coords, list(change.over), attrs=attrs
        )
        written = np.zeros(array.shape, dtype=bool)
        for cell in change.cells:
            here = self._where(name, array, cell.at)
            if np.any(written & here):
                raise ChangeError(f"{called(name, cell.at)} is given twice")
            written |= here
            array = array.copy(data=np.where(here, cell.to, array.values))
        try:
            world = world.with_data(name, array)
        except InputError as error:
            raise ChangeError("; ".join(problem.words for problem in error.problems)) from None
        spec = DataSpec(over=change.over, unit=change.unit, why=change.why)
        said = f"{change.add}: added, {amount(change.to, change.unit)}"
        said += "".join(f", {called(name, c.at)} {amount(c.to, change.unit)}" for c in change.cells[:4])
        said += f" and {len(change.cells) - 4} more" if len(change.cells) > 4 else ""
        self._keep(model=model.model_copy(update={"data": {**model.data, name: spec}}), world=world, said=said)

    def _new(self, name: str, taken: Iterable[str], noun: str) -> None:
        if name in taken:
            raise ChangeError(f"there is already a {noun} {name!r}; to change it, set it or replace it")

    def _fix(self, change: Fix) -> None:
        model = self.case.model
        if change.fix not in model.variables:
            raise ChangeError(f"there is no variable {change.fix!r}{nearest(change.fix, model.variables)}")
        self._only_once(f"variable {change.fix}")
        if isinstance(change.to, str):
            known: dict[str, DataSpec | DerivedSpec] = {**model.data, **model.derived}
            if change.to not in known:
                raise ChangeError(f"there is no datum {change.to!r}{nearest(change.to, known)}")
            spec, other = model.variables[change.fix], known[change.to]
            if set(spec.over) != set(other.over) or not same_unit(spec.unit, other.unit):
                raise ChangeError(f"{change.to!r} is not over the dims and in the unit of {change.fix!r}")
        shown = change.to if isinstance(change.to, str) else amount(change.to, model.variables[change.fix].unit)
        self._keep(fixed={**self.case.fixed, change.fix: change.to}, said=f"{change.fix}: free -> {shown}")

    def _consolidate(self, change: Consolidate) -> None:
        member = self._members(change)
        part, whole = map(str, member.dims)
        parts, pools = self.case.world.labels(part), self.case.world.labels(whole)
        self._free_name(change, member, f"{whole} {change.into!r}")
        merged = np.isin(parts, change.consolidate).astype(float)
        left = member.values * (1.0 - merged[:, None])
        ended = member.values.any(axis=0) & ~left.any(axis=0)
        values = np.column_stack([left[:, ~ended], merged])
        names = [*(pool for pool, over in zip(pools, ended, strict=True) if not over), change.into]
        first = np.where(values.any(axis=0), values.argmax(axis=0), len(parts))
        order = np.argsort(first, kind="stable")  # by first member, so that merges stack in any order
        coords = {part: list(parts), whole: [names[k] for k in order]}
        array = xr.DataArray(values[:, order], coords, [part, whole], attrs=member.attrs)
        data = self.case.world.data.drop_vars([MEMBER, whole]).assign({MEMBER: array})
        said = f"{whole}: {' + '.join(change.consolidate)} -> {change.into}"
        self._keep(world=replace(self.case.world, data=data), said=said)
        if change.widen:
            self._widen(change.consolidate, part)

    def _members(self, change: Consolidate) -> xr.DataArray:
        """Which part is in which pool, (parts, pools), once it is sure that these parts can be merged."""
        world, model = self.case.world, self.case.model
        if MEMBER not in model.data or len(model.data[MEMBER].over) != 2:
            raise ChangeError(f"the model has no datum {MEMBER!r} over grant and pool, so nothing can be merged")
        part, whole = model.data[MEMBER].over
        if MEMBER not in world.data or set(world.data[MEMBER].dims) != {part, whole}:
            raise ChangeError(f"the world has no {MEMBER!r} over {part} and {whole}, so nothing can be merged")
        parts = world.labels(part)
        for label in change.consolidate:
            if label not in parts:
                raise ChangeError(f"no {part} {label!r}{nearest(label, parts)}")
        if len(set(change.consolidate)) != len(change.consolidate):
            raise ChangeError(f"names a {part} twice")
        others = [str(n) for n, a in world.data.data_vars.items() if whole in a.dims and n != MEMBER]
        if others:
            raise ChangeError(f"{', '.join(others)} varies over {whole}, so it is not clear what merging does to it")
        for label in change.consolidate:
            self._only_once(f"{part} {label}")
        return world.data[MEMBER].transpose(part, whole).astype(float)

    def _free_name(self, change: Consolidate, member: xr.DataArray, called: str) -> None:
        """A merged pool has a new name, or that of a pool whose parts all go into it."""
        self.pools = self.pools or {
            str(pool): {str(part) for part, flag in zip(member[member.dims[0]].values, column, strict=True) if flag}
            for pool, column in zip(member[member.dims[1]].values, member.values.T, strict=True)
        }
        if change.into == UNALLOCATED:
            raise ChangeError(f"{UNALLOCATED!r} is what schedules call money held back; name the {called} otherwise")
        taken = change.into in self.pools and not set() < self.pools[change.into] <= set(change.consolidate)
        if taken or change.into in self.made:
            raise ChangeError(f"there is already a {called}")
        self.made.add(change.into)

    def _widen(self, labels: Sequence[str], part: str) -> None:
        """Every member gets every right that any member has: the union grows to every combination."""
        world, widened = self.case.world, []
        for name, array in world.data.data_vars.items():
            if part in array.dims and array.attrs["unit"] == FLAG and name != MEMBER:
                mine = array[part].isin(list(labels))
                wide = array.where(~mine, array.sel({part: list(labels)}).max(part)).transpose(*array.dims)
                self._write(str(name), mine.broadcast_like(array).transpose(*array.dims).values, repr(name))
                if not wide.equals(array):
                    world = world.with_data(str(name), wide.assign_attrs(array.attrs))
                    widened.append(str(name))
        if not widened:
            raise ChangeError(f"{' and '.join(labels)} have the same rights already; widen changes nothing")
        self._keep(world=world, said=f"{' + '.join(labels)}: widened to every combination of {' and '.join(widened)}")

    def _keep(self, said: str, **new: Any) -> None:
        self.case = replace(self.case, said=(*self.case.said, said), **new)
