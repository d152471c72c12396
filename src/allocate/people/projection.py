"""Project people and services: one World, many draws, every answer labelled.

Draw i is the same in every scenario and on any number of threads, so that two projections with one seed differ only by
what was changed between them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from allocate.changes import Case
from allocate.errors import InputError, Problem
from allocate.names import SPACE, TIME, TOTAL, VERSION
from allocate.people import engine
from allocate.people.cohorts import GROUP, Calendar, Values, numbers
from allocate.people.declared import NAME, case_of
from allocate.people.services import HOUSEHOLDS, PEOPLE, Measures, added_by, needs
from allocate.plan import Plan
from allocate.read import read_scenario
from allocate.spec import Scenario
from allocate.world import World, read_world

type Watch = Callable[[int, int], None]
"""Is told how many draws are done, and of how many."""

PROBABILITIES: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
"""The quantiles of a projection: the ends of its 95%, 90%, 80% and 50% intervals, and the median."""

LIKELY: Final = 0.5
"""A space is short from the year on by which it more likely than not has been."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A World made ready: its case, its steps, which of their ends are asked for, and the arrays of the kernels."""

    case: Case
    calendar: Calendar
    wanted: tuple[int, ...]
    inputs: Any
    measured: Measures
    regions: tuple[str, ...]

    @property
    def years(self) -> list[int]:
        return [self.calendar.ends[n] for n in self.wanted]


def project(
    world: World | str | Path,
    *,
    years: int | Sequence[int],
    draws: int = 1000,
    seed: int = 1,
    scenario: Scenario | str | Path | Sequence[Scenario | str | Path] = (),
    plan: Plan | xr.Dataset | None = None,
    step: int | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
    say: Callable[[str], None] | None = None,
) -> xr.Dataset:
    """People of every space, what serves them, and how likely that is to be enough, mid-year.

    ``years`` are those to report; a ``step`` is five years, or one where they need it. A ``plan`` says what is built in
    its years, in the place of the World's additions. Over draws:

    * ``count`` (measure, region, year, quantile), their mean ``count_mean``, and ``central``, the count without chance;
    * ``adequacy`` (service, space, year, quantile): capacity over demand;
    * ``p_adequate``, ``p_short`` (a shortfall by that year) and ``backlog``, the mean of units short (service, space,
      year);
    * ``served`` (service, region, year): the share of people who live where a service is adequate;
    * ``first_short`` (service, space): the first year asked for by which a shortfall is more likely than not;
    * at the start, as the World has it: ``count_start`` (measure, region), ``adequacy_start`` and ``backlog_start``
      (service, space).

    Regions are the spaces, the provinces and all together.

    Quantiles are within 0.2% of their value (:mod:`allocate.kernels.sketch`). The same arguments give the same bits.

    >>> found = project("za2016_people", years=[2021, 2026], draws=64)
    >>> found.sizes["space"], bool((found["p_adequate"] <= 1).all())
    (52, True)

    Raises :class:`InputError` for anything wrong in the World, in a scenario or in what is asked.
    """
    ready = prepare(world, years=years, scenario=scenario, plan=plan, step=step)
    return projected(ready, draws=draws, seed=seed, threads=threads, watch=watch, say=say)


def projected(
    ready: Prepared,
    *,
    draws: int = 1000,
    seed: int = 1,
    threads: int | None = None,
    watch: Watch | None = None,
    say: Callable[[str], None] | None = None,
) -> xr.Dataset:
    """What :func:`project` finds of a World that was made ready.

    >>> projected(prepare("za2016_people", years=2021), draws=64).sizes["year"]
    1
    """
    from allocate.kernels import simulate

    return labelled(ready, simulate(ready.inputs, seed, draws, threads=threads, watch=watch, say=say))


def prepare(
    world: World | str | Path,
    *,
    years: int | Sequence[int],
    scenario: Scenario | str | Path | Sequence[Scenario | str | Path] = (),
    plan: Plan | xr.Dataset | None = None,
    step: int | None = None,
) -> Prepared:
    """What :func:`project` projects, as arrays. Raises as it does."""
    whole = read_world(world)
    case = case_of(whole, _scenarios(scenario))
    asked = _whole(years)
    calendar = _calendar(case.world.labels("period"), asked, step)
    missing = [year for year in asked if year not in calendar.ends]
    if missing:
        words = (
            f"{', '.join(map(str, missing))}: the projection starts in {calendar.start}, in steps of {calendar.step}"
        )
        raise InputError("projection", [Problem("years", words)])
    built = plan.values if isinstance(plan, Plan) else plan
    added = {} if built is None else added_by(built, case.world)
    if built is not None and not any(calendar.start <= year < calendar.ends[-1] for year in added):
        words = f"is of {', '.join(map(str, sorted(added)))}; the projection goes from {calendar.start} to {max(asked)}"
        raise InputError("plan", [Problem(TIME, words)])
    inputs, measured = engine.inputs_of(case.world, calendar, added)
    regions = (*case.world.labels(SPACE), *engine.groups(case.world), TOTAL)
    wanted = tuple(calendar.ends.index(year) for year in asked)
    return Prepared(case, calendar, wanted, inputs, measured, regions)


def sampled(ready: Prepared, *, draws: int, seed: int = 1, first: int = 0) -> xr.Dataset:
    """Draws one by one, from ``first`` on: ``count`` (draw, measure, region, year), and ``demand``, ``capacity`` and
    ``need``, the units short (draw, service, space, year). Draw i is that of :func:`project`.

    >>> ready = prepare("za2016_people", years=2021)
    >>> sampled(ready, draws=2, first=5)["need"].dims
    ('draw', 'service', 'space', 'year')
    """
    from allocate.kernels import paths

    found = paths(ready.inputs, seed, draws, first=first)
    at = list(ready.wanted)
    over = ("draw", "service", SPACE, TIME)

    def served(values: Any) -> tuple[tuple[str, ...], Values]:
        return over, np.moveaxis(values[:, at], 1, 3).astype(float)

    count = np.moveaxis(found.measures[:, at], 1, 3).astype(float)
    demand, capacity = served(found.demand), served(found.capacity)
    arrays = {
        "count": (("draw", "measure", "region", TIME), count),
        "demand": demand,
        "capacity": capacity,
        "need": (over, np.maximum(demand[1] - capacity[1], 0.0)),
    }
    return xr.Dataset(arrays, {"draw": np.arange(first, first + draws), **_coords(ready)}, _said(ready, seed))


def labelled(ready: Prepared, tally: Any) -> xr.Dataset:
    """The answers of a tally of the kernels, with their names."""
    at = list(ready.wanted)
    chances = list(PROBABILITIES)

    def later(values: Any) -> Values:
        return np.moveaxis(np.asarray(values, float)[at], 0, -1)

    def spread(sketch: Any) -> Values:
        return np.moveaxis(sketch.quantiles(chances)[:, at], [0, 1], [-1, -2])

    people = later(tally.residents)
    short = later(tally.p_short)
    served = (("service", SPACE, TIME), later(tally.p_adequate))
    counted = ("measure", "region", TIME)
    arrays = {
        "count": ((*counted, "quantile"), spread(tally.measures)),
        "count_mean": (counted, later(tally.mean)),
        "central": (counted, later(tally.reference.measures[0])),
        "adequacy": (("service", SPACE, TIME, "quantile"), spread(tally.adequacy)),
        "p_adequate": served,
        "p_short": (("service", SPACE, TIME), short),
        "backlog": (("service", SPACE, TIME), later(tally.backlog)),
        "served": (("service", "region", TIME), later(tally.served) / people),
        "first_short": (("service", SPACE), _first(short, ready.years)),
        **at_start(ready),
    }
    said = {**_said(ready, tally.seed), "draws": tally.draws}
    found = xr.Dataset(arrays, {"quantile": chances, **_coords(ready)}, said)
    for name, unit in (
        ("p_adequate", "1"),
        ("p_short", "1"),
        ("served", "1"),
        ("adequacy", "1"),
        ("first_short", "year"),
        ("adequacy_start", "1"),
    ):
        found[name].attrs["unit"] = unit
    return found


def at_start(ready: Prepared) -> dict[str, tuple[tuple[str, ...], Values]]:
    """What the World counts when the projection starts: people, what serves them and who goes without.

    >>> at_start(prepare("za2016_people", years=2021))["backlog_start"][0]
    ('service', 'space')
    """
    world, measured = ready.case.world, ready.measured
    count = np.einsum("mxas,xas->ms", measured.weight, ready.inputs.people)
    together = [count[:, ready.inputs.group == g].sum(axis=1) for g in range(len(ready.regions) - count.shape[1] - 1)]
    demand = needs(world, measured) @ count
    stands = numbers(world, "capacity", "service", SPACE)
    enough = np.divide(stands, demand, out=np.full_like(demand, np.inf), where=demand > 0)
    return {
        "count_start": (("measure", "region"), np.column_stack([count, *together, count.sum(axis=1)])),
        "adequacy_start": (("service", SPACE), enough),
        "backlog_start": (("service", SPACE), np.maximum(demand - stands, 0.0)),
    }


def _coords(ready: Prepared) -> dict[str, list[Any]]:
    world = ready.case.world
    return {
        "measure": list(ready.measured.names),
        "region": list(ready.regions),
        SPACE: list(world.labels(SPACE)),
        "service": list(world.labels("service")),
        TIME: ready.years,
    }


def _said(ready: Prepared, seed: int) -> dict[str, Any]:
    """What a projection is of, for whoever finds it."""
    world = ready.case.world
    return {
        "world": world.name,
        "digest": world.digest(),
        "changes": "\n".join(ready.case.said),
        "start": ready.calendar.start,
        "step": ready.calendar.step,
        "seed": seed,
        "allocate": VERSION,
        "households": "\n".join(HOUSEHOLDS),
        "people": PEOPLE[0],
    }


def _first(short: Values, years: Sequence[int]) -> Values:
    """The first year by which a shortfall is likely, NaN where none is."""
    likely = short > LIKELY
    return np.where(likely.any(axis=-1), np.array(years, float)[likely.argmax(axis=-1)], np.nan)


def _calendar(periods: Sequence[str], years: Sequence[int], step: int | None) -> Calendar:
    if not years:
        raise InputError("projection", [Problem("years", "there are none; give for example 2021 and 2036")])
    start = Calendar.of(periods).start
    fives = all((year - start) % GROUP == 0 for year in years)
    return Calendar.until(periods, max(years), (GROUP if fives else 1) if step is None else step)


def _whole(years: int | Sequence[int]) -> list[int]:
    """The years asked for, in order, each once."""
    try:
        return sorted({operator.index(year) for year in np.atleast_1d(np.asarray(years, object)).tolist()})
    except TypeError:
        words = f"{str(years)[:60]} are not whole numbers; give for example 2021, or [2021, 2036]"
        raise InputError("projection", [Problem("years", words)]) from None


def _scenarios(given: Scenario | str | Path | Sequence[Scenario | str | Path]) -> Iterable[Scenario]:
    every = [given] if isinstance(given, Scenario | str | Path) else list(given)
    found = [read_scenario(s) for s in every]
    for one in found:
        if one.model not in (None, NAME):
            words = f"is written for {one.model!r}, not for a projection; it would say model = {NAME!r}"
            raise InputError(one.source, [Problem("model", words)])
    return found
