"""Was a projection any good? It is made from what was known in a year, and scored against what was counted later.

Beside it stand methods that need no model: everybody stays where they were; every space keeps its share of all, or the
pace at which it grew. A method that knew something about a later time is *informed*, and shown apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.errors import InputError, Problem
from allocate.names import SPACE, TIME, VALUE
from allocate.package import read_csv
from allocate.people.cohorts import GROUP, Calendar
from allocate.people.declared import case_of, inputs
from allocate.people.projection import Prepared, prepare
from allocate.people.scores import (
    LEVELS,
    Interval,
    Values,
    crps,
    expected_bins,
    interval,
    mean_error,
    pit,
    uniform_bins,
    weighted_error,
)
from allocate.spec import Scenario
from allocate.tables import Datum, array_of
from allocate.world import World

PEOPLE: Final = "population"
DETAIL: Final = ("sex", "age")
YEAR: Final = re.compile(r"[1-9][0-9]{3}")
AT_ONCE: Final = 200
"""Draws that are held with everybody in them at a time."""


@dataclass(frozen=True)
class Method:
    """A forecast of every space and its errors.

    ``error`` is the mean absolute error relative to what was counted; ``crps`` the mean score of all its draws, which
    for one number a space is its error; ``misplaced`` the part of all people that it puts in the wrong space; ``total``
    all people relative to those counted.

    ``detail`` is the mean absolute error of the cells of sex or age, where the table has them. ``informed`` says that
    it knew of a later time.
    """

    name: str
    error: float
    crps: float
    misplaced: float
    total: float
    informed: bool
    detail: float | None = None


@dataclass(frozen=True, eq=False)
class Hindcast:
    """A projection beside what was counted.

    ``spaces`` has a row a space: counted, the median and the 90% interval of the draws, the relative error, and where
    the count stands among the draws. ``bins`` counts the spaces in tenths of the draws, and ``expected`` says how many
    there would be, from and to, in nine of ten worlds if it is right. ``later`` names the data of the World that are
    about a time after the start: with any, the projection is informed.
    """

    world: str
    start: int
    year: int
    draws: int
    methods: tuple[Method, ...]
    intervals: tuple[Interval, ...]
    bins: tuple[int, ...]
    expected: tuple[tuple[int, int], ...]
    spaces: pd.DataFrame
    later: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        plain = asdict(self)
        for interval_, found in zip(plain["intervals"], self.intervals, strict=True):
            interval_["as_expected"] = found.as_expected
        return {**plain, "spaces": self.spaces.to_dict("records")}


@dataclass(frozen=True, eq=False)
class Counted:
    """A table of people by year: ``people`` (year, space, and sex and age if it has them)."""

    people: xr.DataArray

    @property
    def years(self) -> tuple[int, ...]:
        return tuple(int(str(year)) for year in self.people[TIME].values)

    def spaces(self, year: int) -> Values:
        """People of every space in a year."""
        here = self.people.sel({TIME: str(year)})
        found: Values = here.sum([dim for dim in here.dims if dim != SPACE]).values
        return found


def read_counted(table: pd.DataFrame | str | Path, world: World) -> Counted:
    """A table of people: space, year, population, and if need be sex and age, in the labels of a World.

    Every space must be there in every year. Raises :class:`InputError` with every problem of the table and its place.
    """
    problems: list[Problem] = []
    name = "observed" if isinstance(table, pd.DataFrame) else Path(table).name
    frame: pd.DataFrame | None
    if isinstance(table, pd.DataFrame):
        frame = table.astype(str)
    else:
        frame = read_csv(Path(table), [SPACE, TIME, PEOPLE], problems, also=DETAIL)
    if frame is not None:
        detail = [dim for dim in DETAIL if dim in frame]
        labels = {dim: world.labels(dim) for dim in (SPACE, *detail)}
        labels[TIME] = tuple(sorted(frame[TIME].unique()))
        odd = [year for year in labels[TIME] if not YEAR.fullmatch(year)]
        problems += [Problem(name, f"{year[:20]!r} is not a year; write for example 2016") for year in odd[:8]]
        ordered = frame[[TIME, SPACE, *detail, PEOPLE]].rename(columns={PEOPLE: VALUE})
        datum = Datum(PEOPLE, ordered, "person", "counted", name, "", place=name)
        array = array_of(datum, labels, world.regions, problems)
        problems += [] if problems else [Problem(name, words) for words in _nobody(array, labels)]
    if frame is None or problems:
        raise InputError(table if isinstance(table, str | Path) else name, problems)
    return Counted(array.assign_coords({dim: list(labels[str(dim)]) for dim in array.dims}))


def _nobody(array: xr.DataArray, labels: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Spaces in which a table counts nobody: no error is relative to that."""
    if not labels[TIME]:
        yield "has no row"
    whole = array.sum([dim for dim in array.dims if dim not in (SPACE, TIME)]).transpose(SPACE, TIME).values
    for space, year in np.argwhere(whole == 0)[:8]:
        yield f"counts nobody in {labels[SPACE][space]} in {labels[TIME][year]}"


def hindcast(
    world: World,
    observed: pd.DataFrame | str | Path,
    *,
    year: int | None = None,
    estimates: pd.DataFrame | str | Path | None = None,
    draws: int = 2000,
    seed: int = 1,
    scenario: Scenario | str | Path | Sequence[Scenario | str | Path] = (),
    step: int | None = None,
) -> Hindcast:
    """Score the projection of a World against a table of what was counted later.

    ``observed`` has space, year and population, and if need be sex and age; ``year`` chooses one of its years after the
    start, else the last. ``estimates``, a table of the same shape, are official ones: those about the years up to the
    start give the pace at which spaces grew, and that of ``year`` is itself a method, informed. ``step`` is that of
    :func:`allocate.people.projection.project`.

    >>> from allocate.world import read_world
    >>> world = read_world("za2011_people")
    >>> later = world.data["people"].sum(["sex", "age"]).to_series().reset_index(name="population").assign(year=2016)
    >>> hindcast(world, later, draws=64).methods[1].error
    0.0

    Raises :class:`InputError` for anything wrong in a table, and for one without a year after the start.
    """
    start = Calendar.of(case_of(world).world.labels("period")).start
    table = read_counted(observed, world)
    known = None if estimates is None else read_counted(estimates, world)
    chosen = _year(table, start, year)
    ready = prepare(world, years=chosen, scenario=scenario, step=step)
    counted = table.spaces(chosen)
    detail = tuple(dim for dim in DETAIL if dim in table.people.dims)
    drawn, cells = _drawn(ready, draws, seed, detail)
    later = _about_later(world, start)
    methods = list(_methods(ready, drawn, counted, chosen, start, known, informed=bool(later)))
    if detail:
        there = table.people.sel({TIME: str(chosen)}).transpose(*detail, SPACE).values
        methods[0] = replace(methods[0], detail=mean_error(np.median(cells, axis=0), there))
        held = world.data["people"].sum([d for d in DETAIL if d not in detail]).transpose(*detail, SPACE).values
        methods[1] = replace(methods[1], detail=mean_error(held, there))
    places = pit(drawn, counted)
    return Hindcast(
        world=world.name,
        start=start,
        year=chosen,
        draws=draws,
        methods=tuple(methods),
        intervals=tuple(interval(drawn, counted, level) for level in LEVELS),
        bins=tuple(map(int, uniform_bins(places))),
        expected=tuple((int(least), int(most)) for least, most in zip(*expected_bins(drawn), strict=True)),
        spaces=_spaces(world, drawn, counted, places),
        later=later,
    )


def _year(table: Counted, start: int, wanted: int | None) -> int:
    after = [year for year in table.years if year > start]
    if not after:
        words = f"has {', '.join(map(str, table.years))}; the projection starts in {start}, so it needs a later year"
        raise InputError("observed", [Problem(TIME, words)])
    if wanted is not None and wanted not in after:
        raise InputError("observed", [Problem(TIME, f"has {', '.join(map(str, after))} after the start, not {wanted}")])
    return wanted or after[-1]


def _about_later(world: World, start: int) -> tuple[str, ...]:
    """The data of a World that are about a time after the start of the projection."""
    return tuple(name for name in inputs().data if name in world.data and world.latest([name]) > start)


def _start(world: World) -> Values:
    found: Values = world.data["people"].sum(["sex", "age"]).sel({SPACE: list(world.labels(SPACE))}).values
    return found


def _drawn(ready: Prepared, draws: int, seed: int, detail: tuple[str, ...]) -> tuple[Values, Values]:
    """People of every space in the year (draws, spaces), and by detail (draws, ..., spaces) if there is any."""
    from allocate.kernels import paths

    [at] = ready.wanted
    spaces, cells = [], []
    for first in range(0, draws, AT_ONCE):
        found = paths(ready.inputs, seed, min(AT_ONCE, draws - first), first=first, people=bool(detail))
        spaces.append(found.residents[:, at].astype(float))
        if detail:
            cells.append(_by(found.people[:, at].astype(float), detail, ready.calendar.step))
    return np.concatenate(spaces), np.concatenate(cells) if detail else np.zeros((draws, 0))


def _by(people: Values, detail: tuple[str, ...], step: int) -> Values:
    """People (draws, sexes, ages, spaces) by sex, by five years of age, or by both."""
    if step != GROUP:
        closed = people[:, :, :-1]
        groups = closed.reshape(*closed.shape[:2], -1, GROUP, closed.shape[-1]).sum(axis=3)
        people = np.concatenate([groups, people[:, :, -1:]], axis=2)
    over = tuple(axis for axis, dim in ((1, "sex"), (2, "age")) if dim not in detail)
    found: Values = people.sum(axis=over)
    return found


def _methods(
    ready: Prepared,
    drawn: Values,
    counted: Values,
    year: int,
    start: int,
    estimates: Counted | None,
    informed: bool,
) -> Sequence[Method]:
    """This projection, those that need no model, and the official estimates."""
    middle, before = np.median(drawn, axis=0), _start(ready.case.world)
    total = float(np.median(drawn.sum(axis=1)))
    forecasts: dict[str, tuple[Values, bool]] = {
        "this projection (median)": (middle, informed),
        "carry forward": (before, False),
        "constant share of this projection's total": (before / before.sum() * total, informed),
    }
    if estimates is not None:
        earlier = [y for y in estimates.years if y < start]
        if earlier and start in estimates.years:
            first = max((y for y in earlier if y <= start - GROUP), default=earlier[0])
            growth = (estimates.spaces(start) / estimates.spaces(first)) ** ((year - start) / (start - first))
            forecasts[f"constant growth, as estimated {first} to {start}"] = (before * growth, False)
        if year in estimates.years:
            forecasts["official estimates"] = (estimates.spaces(year), True)
    found = []
    for name, (f, knows) in forecasts.items():
        error, whole = mean_error(f, counted), float(f.sum())
        found.append(Method(name, error, error, weighted_error(f, counted), whole / float(counted.sum()), knows))
    score = float(np.mean(crps(drawn, counted) / counted))
    found[0] = replace(found[0], crps=score, total=total / float(counted.sum()))
    return found


def _spaces(world: World, drawn: Values, counted: Values, places: Values) -> pd.DataFrame:
    low, middle, high = np.quantile(drawn, (0.05, 0.5, 0.95), axis=0, method="weibull")
    columns: Mapping[str, Any] = {
        SPACE: list(world.labels(SPACE)),
        "counted": counted,
        "median": middle,
        "low": low,
        "high": high,
        "error": middle / counted - 1,
        "place": places,
    }
    return pd.DataFrame(columns)
