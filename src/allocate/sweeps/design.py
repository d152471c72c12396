"""What a sweep varies: levels of axes, crossed, and draws of what is not known. Every member goes by its number."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from allocate.changes import Case, apply, certain
from allocate.differences import called
from allocate.errors import InputError, Problem
from allocate.risk import chance_of, unfit
from allocate.runs import only
from allocate.spec import Change, Model, Scale, Scenario, Set, Use, in_order
from allocate.varied import (
    NONE,
    GridAxis,
    GridScale,
    GridScenario,
    GridSet,
    GridUse,
    RangeSpec,
    SampleSpec,
    SpreadSpec,
)
from allocate.world import World

type Values = np.ndarray[Any, np.dtype[np.float64]]

MOST: Final = 10_000_000
"""Members of a sweep: at a thousand a second, three hours."""

TAKEN: Final = frozenset({"member", "draw", "grade", "unallocated", "reason"})
"""Columns that every table of a sweep has, by which no axis can be called."""

EDGE: Final = 2.0**-31
"""How near to 0 and 1 a point of a sample may lie: half of what the points of a Sobol sequence are apart."""


@dataclass(frozen=True)
class Axis:
    """One thing that moves: its levels as a table shows them, and what each changes."""

    name: str
    levels: tuple[float | str, ...]
    changes: tuple[Change | Scenario | None, ...]

    @property
    def stored(self) -> str:
        """What the levels of the members are called in the arrays of a sweep: netCDF allows no slash."""
        return f"axis_{self.name.replace('/', '_')}"


@dataclass(frozen=True)
class Unknown:
    """A datum multiplied by a factor for each label of the dims ``by``."""

    datum: str
    by: tuple[str, ...]
    spec: SpreadSpec | RangeSpec

    def at(self, points: Values) -> Values:
        """The factors at points of the unit interval, which are as likely as each other."""
        if isinstance(self.spec, SpreadSpec):
            normal: Values = ndtri(np.clip(points, EDGE, 1 - EDGE))
            return np.asarray(np.exp(self.spec.sd * normal))
        return self.spec.least + (self.spec.most - self.spec.least) * points

    def drawn(self, sizes: Sequence[int], seed: int, draw: int) -> Values:
        """The factors of one draw, by itself; those of a spread are those that ``allocate risk`` draws."""
        chance = chance_of(self.datum, seed, draw)
        if isinstance(self.spec, SpreadSpec):
            return np.asarray(np.exp(self.spec.sd * chance.standard_normal(sizes)))
        return self.at(chance.random(sizes))


@dataclass(frozen=True, eq=False)
class Member:
    """One plan to be found: its number (from 0), the level of each axis and its change, its draw (from 0), and what
    unknown data are multiplied by for each label of the dims ``by``."""

    number: int
    levels: Mapping[str, float | str]
    changes: Mapping[str, Change | Scenario | None]
    draw: int
    factors: Mapping[str, Values]
    by: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Design:
    """All members of a sweep, none of them made before it is asked for.

    Members are numbered cell by cell of the grid, the last axis fastest, and in a cell draw by draw: draw k is the same
    in every cell. ``world`` has the figures as they stand, in the years asked for.
    """

    model: Model
    world: World
    scenarios: tuple[Scenario, ...]
    axes: tuple[Axis, ...]
    unknowns: tuple[Unknown, ...]
    sample: SampleSpec | None

    def __len__(self) -> int:
        return math.prod(len(axis.levels) for axis in self.axes) * self.draws

    @property
    def draws(self) -> int:
        """How often each cell of the grid is solved."""
        return 1 if self.sample is None else self.sample.draws

    def places(self, unknown: Unknown) -> list[dict[str, str]]:
        """The labels that each factor of an unknown datum is of, the last dim fastest."""
        labels = itertools.product(*map(self.world.labels, unknown.by))
        return [dict(zip(unknown.by, place, strict=True)) for place in labels]

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """How many labels each unknown datum has factors for."""
        data = self.world.data
        return {u.datum: tuple(data.sizes[dim] for dim in u.by) for u in self.unknowns}

    def member(self, number: int) -> Member:
        """A member by its number, from 0."""
        cell, draw = divmod(number, self.draws)
        places = np.unravel_index(cell, [len(axis.levels) for axis in self.axes]) if self.axes else ()
        chosen = list(zip(self.axes, map(int, places), strict=True))
        return Member(
            number,
            {axis.name: axis.levels[k] for axis, k in chosen},
            {axis.name: axis.changes[k] for axis, k in chosen},
            draw,
            self.factors(draw),
            {unknown.datum: unknown.by for unknown in self.unknowns},
        )

    def factors(self, draw: int) -> dict[str, Values]:
        """What each unknown datum is multiplied by in a draw (from 0)."""
        if self.sample is None:
            return {}
        if self.sample.method == "random":
            seed, sizes = self.sample.seed, self.sizes
            return {u.datum: u.drawn(sizes[u.datum], seed, draw) for u in self.unknowns}
        found, points = {}, iter(self._points[draw])
        for unknown in sorted(self.unknowns, key=lambda u: u.datum):
            sizes_of = self.sizes[unknown.datum]
            mine = np.fromiter(itertools.islice(points, math.prod(sizes_of)), float)
            found[unknown.datum] = unknown.at(mine.reshape(sizes_of))
        return found

    @cached_property
    def _points(self) -> Values:
        """The whole sample (draws, factors) in the unit cube; data come in the order of their names."""
        assert self.sample is not None
        many = sum(math.prod(sizes) for sizes in self.sizes.values())
        chance = np.random.Generator(np.random.Philox(self.sample.seed))
        if self.sample.method == "latin":
            return np.asarray(qmc.LatinHypercube(many, rng=chance).random(self.draws))
        return np.asarray(qmc.Sobol(many, rng=chance).random_base2((self.draws - 1).bit_length())[: self.draws])


def design(model: Model, world: World, scenarios: Sequence[Scenario], years: Sequence[str] | None) -> Design:
    """What scenarios ask to be varied.

    >>> from allocate.read import read_model, read_scenario
    >>> from allocate.world import read_world
    >>> asked = [read_scenario("guarantee_by_pool")]
    >>> found = design(read_model("grant_consolidation"), read_world("za2016"), asked, ["2019/20"])
    >>> len(found), found.member(1).levels
    (9, {'guarantee': 0.8, 'scenario': 'one_water_grant'})

    Raises :class:`InputError` with all that is wrong with what is asked, before anything large is made.
    """
    facts, every = world if years is None else only(world, list(years)), in_order(scenarios)
    names = {name: s for one in every for name, s in one.alternatives.items()}
    axes = [_axis(grid, names) for one in every for grid in one.grids]
    unknowns = [Unknown(s.spread, s.by, s) for one in every for s in one.spreads]
    unknowns += [Unknown(r.range, r.by, r) for one in every for r in one.ranges]
    samples = [one.sample for one in every if one.sample is not None]
    certain(s for axis in axes for s in axis.changes if isinstance(s, Scenario))
    found = Design(model, facts, tuple(every), tuple(axes), tuple(unknowns), samples[-1] if samples else None)
    wrong = [*_odd_axes(found), *_odd_unknowns(found)] or list(_shared_names(found))
    if not wrong and len(found) > MOST:
        wrong = [Problem("", f"asks for {len(found):,} plans; a sweep has at most {MOST:,}")]
    if wrong:
        raise InputError(" + ".join(s.source for s in scenarios) or "sweep", wrong)
    _try_levels(found)
    return found


def _axis(spec: GridAxis, names: Mapping[str, Scenario]) -> Axis:
    changes: tuple[Change | Scenario | None, ...]
    match spec:
        case GridSet():
            name, changes = (
                called(spec.set, spec.where),
                tuple(Set(set=spec.set, to=x, where=spec.where) for x in spec.to),
            )
        case GridScale():
            name = called(spec.scale, spec.where)
            changes = tuple(Scale(scale=spec.scale, by=x, where=spec.where) for x in spec.by)
        case GridUse():
            name, changes = spec.of, tuple(None if x == NONE else Use(use=x, of=spec.of) for x in spec.use)
        case GridScenario():
            name, changes = "scenario", tuple(None if x == NONE else names[x] for x in spec.scenario)
    return Axis(spec.name or name, spec.levels, changes)


def _odd_axes(found: Design) -> Iterator[Problem]:
    stored = [axis.stored for axis in found.axes]
    taken = {*TAKEN, *(goal.name for goal in found.model.goals)}
    for name, kept in {axis.name: axis.stored for axis in found.axes}.items():
        if stored.count(kept) > 1:
            yield Problem(f"grid, {name}", "is the name of two axes; give one a name of its own")
        if name in taken:
            yield Problem(f"grid, {name}", "is the name of another column of the table; give it another name")


def _shared_names(found: Design) -> Iterator[Problem]:
    """Axes that are called as a figure that is not known is, so that one column would hide the other."""
    factors = {called(unknown.datum, where) for unknown in found.unknowns for where in found.places(unknown)}
    for axis in found.axes:
        if axis.name in factors:
            words = "is the name of a figure that is not known, too; give the axis a name of its own"
            yield Problem(f"grid, {axis.name}", words)


def _odd_unknowns(found: Design) -> Iterator[Problem]:
    if not found.axes and found.sample is None:
        known = "; what is not known is decided over draws by allocate risk, or needs [sample]"
        words = "asks for no levels and no draws, so there is one plan: allocate run"
        yield Problem("", words + known if found.unknowns else words)
    elif found.unknowns and found.sample is None:
        yield Problem("sample", "is missing: how many draws of what is not known?")
    elif found.sample is not None and not found.unknowns:
        yield Problem("sample", "draws nothing; say what is not known with [[range]] or [[spread]]")
    names = [unknown.datum for unknown in found.unknowns]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Problem(name, "is said to be unknown twice")
    for unknown in found.unknowns:
        yield from unfit(found.world, unknown.datum, unknown.by)


def _try_levels(found: Design) -> None:
    """Make every scenario and named value, and the ends of numbers, so that what is wrong is said before the work."""
    first = {axis.name: axis.changes[0] for axis in found.axes}
    cells = [first]
    for axis in found.axes:
        ends = axis.changes[1:] if isinstance(axis.levels[0], str) else axis.changes[-1:]
        cells += [{**first, axis.name: change} for change in ends]
    for cell in cells:
        case_of(found.model, found.world, found.scenarios, cell)


def case_of(
    model: Model, world: World, scenarios: Sequence[Scenario], changes: Mapping[str, Change | Scenario | None]
) -> Case:
    """The case of a cell of the grid: the scenarios, then those of the axes, then the figures that axes move."""
    more = [change for change in changes.values() if isinstance(change, Scenario)]
    levels = {name: c for name, c in changes.items() if c is not None and not isinstance(c, Scenario)}
    return apply(model, world, [*scenarios, *more], levels)
