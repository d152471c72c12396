"""Which figure moves which space most: a model solved, or people projected, wherever the figures may lie.

A figure is a datum, or the labels of it that share their chance: the unit cost of one service, say. It is known but for
a factor. The best plan is found anew for every set of factors, as if they had been known when the money was shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from allocate.builder import build
from allocate.changes import apply
from allocate.differences import called
from allocate.errors import InputError, NoPlanError, Problem, nearest
from allocate.names import SPACE, TOTAL
from allocate.optimum.resolve import Series
from allocate.people.projection import prepare, projected
from allocate.plan import Plan, in_words
from allocate.program import Program
from allocate.read import read_model, read_scenario
from allocate.risk import Spread, spreads_of, unfit
from allocate.runs import only
from allocate.sensitivity.shares import one_at_a_time, saltelli, sobol, tornado
from allocate.spec import Model, Scenario, in_order
from allocate.tables import LARGEST
from allocate.units import MONEY, PUBLISHED
from allocate.world import World, read_world

type Values = np.ndarray[Any, np.dtype[np.float64]]
type Watch = Callable[[int, int], None]
"""Is told how many cases are solved, and of how many."""

TAIL: Final = 0.05
"""How likely a figure is to lie beyond each end that a tornado takes it to, where chance knows no end."""


@dataclass(frozen=True)
class Range:
    """A datum multiplied by a factor that lies evenly between two ends, one for each label of the dims ``by``."""

    datum: str
    by: tuple[str, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """What is not known and moves on its own: a datum at some labels (``where``), and how far it may lie."""

    datum: str
    where: tuple[tuple[str, str], ...]
    unknown: Spread | Range

    @property
    def name(self) -> str:
        return called(self.datum, dict(self.where))

    def factor(self, chance: Values) -> Values:
        """The factors that chance stays below with these probabilities.

        >>> Figure("keep", (), Range("keep", (), 0.8, 1.0)).factor(np.array([0.0, 0.5, 1.0])).tolist()
        [0.8, 0.9, 1.0]
        """
        known = self.unknown
        if isinstance(known, Range):
            return known.low + (known.high - known.low) * chance
        found: Values = np.exp(known.sd * ndtri(chance))
        return found

    @property
    def ends(self) -> tuple[float, float]:
        """The factors at the low and the high end: those of a range, or those that one chance in 20 is beyond."""
        beyond = 0.0 if isinstance(self.unknown, Range) else TAIL
        low, high = self.factor(np.array([beyond, 1 - beyond]))
        return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Study:
    """Figures of a World that are not known, and what hangs on them; :func:`study` and :func:`outlooks` make one.

    ``answers`` are one for all together, counted in ``unit``, then one for every space, counted in ``each``; ``case``
    gives them (k,) for a factor of every figure.
    """

    world: World
    figures: tuple[Figure, ...]
    answers: tuple[str, ...]
    unit: str
    each: str
    case: Callable[[Values], Values]

    @property
    def names(self) -> list[str]:
        return [figure.name for figure in self.figures]

    def solve(self, factors: Values, watch: Watch | None = None) -> Values:
        """The answers (n, k) for each row of factors (n, figures).

        Raises :class:`allocate.errors.NoPlanError` naming the factors at which no plan keeps every rule.
        """
        found = np.empty((len(factors), len(self.answers)))
        for number, row in enumerate(factors):
            if watch is not None:
                watch(number, len(factors))
            found[number] = self.case(row)
        return found

    def tornado(self, watch: Watch | None = None) -> pd.DataFrame:
        """What each figure moves alone, from its low to its high end, others in the middle of what they may be.

        As :func:`allocate.sensitivity.shares.tornado`, with the factors ``factor_low`` and ``factor_high``.
        """
        middle = np.array([float(figure.factor(np.array([0.5]))[0]) for figure in self.figures])
        low, high = np.array([figure.ends for figure in self.figures]).T
        table = tornado(self.solve(one_at_a_time(low, middle, high), watch), self.names, self.answers)
        ends = pd.DataFrame({"figure": self.names, "factor_low": low, "factor_high": high})
        return table.merge(ends, on="figure", how="left")

    def indices(self, n: int, seed: int = 1, watch: Watch | None = None) -> pd.DataFrame:
        """First-order and total shares of variance of every answer, from n (figures + 2) cases.

        As :meth:`allocate.sensitivity.shares.Indices.table`.
        """
        chance = np.clip(saltelli(n, len(self.figures), seed), 1e-9, 1 - 1e-9)  # no factor of nothing, or without end
        factors = np.column_stack([f.factor(column) for f, column in zip(self.figures, chance.T, strict=True)])
        return sobol(self.solve(factors, watch), len(self.figures)).table(self.names, self.answers)


def study(
    model: Model | str | Path,
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    unknown: Sequence[Spread | Range] = (),
    years: str | Sequence[str] | None = None,
) -> Study:
    """Make a model ready to be solved wherever its figures may lie: the ``unknown`` ones, and those that the scenarios
    spread or give a range.

    A figure that is 0 wherever it stands is left out: a factor changes nothing of it.

    >>> made = study("grant_consolidation", "za2016", "one_pool", unknown=[Range("keep", ("year",), 0.9, 1.1)],
    ...              years="2019/20")
    >>> made.tornado()[["answer", "figure", "factor_low"]].values.tolist()[0]
    ['need met', 'keep[year=2019/20]', 0.9]

    Raises :class:`InputError` with all that is wrong with what is not known, and for a scenario with a grid.
    """
    text, whole, given = read_model(model), read_world(world), [read_scenario(s) for s in scenarios]
    facts = whole if years is None else only(whole, [years] if isinstance(years, str) else list(years))
    what_ifs = in_order(given)
    every = [*spreads_of(given), *_ranges_of(what_ifs), *unknown]
    _check(facts, every)
    figures = _figures(facts, every)
    base = build(apply(text, facts, what_ifs))
    money = base.columns.get(base.case.model.schedule.amount)
    if not base.linear.goals or money is None or SPACE not in money.dims:
        raise InputError(text.source, [Problem("", f"has no goal, or no money over {SPACE}, that could move")])
    series = Series()

    def case(factors: Values) -> Values:
        program = build(apply(text, _multiplied(facts, figures, factors), what_ifs), base)
        return _answers(_best(program, series, figures, factors))

    answers = (str(base.linear.goals[-1].name), *facts.labels(SPACE))
    return Study(facts, figures, answers, str(base.goal_units[-1]), "R thousand", case)


def outlooks(
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    unknown: Sequence[Spread | Range],
    service: str,
    year: int,
    draws: int = 1000,
    seed: int = 1,
) -> Study:
    """Make a projection ready for figures that may lie elsewhere: how likely a service is enough in a year.

    Answers are percentages: of all people, who live where it is enough, and of draws of each space, in which it is. The
    draws are the same in every case, so that only the figures differ.

    >>> made = outlooks("za2016_people", unknown=[Range("decay", (), 0.5, 2.0)], service="water", year=2021, draws=64)
    >>> made.answers[:3], made.names
    (('people where there is enough', 'DC1', 'DC2'), ['decay'])

    Raises :class:`InputError` with all that is wrong with what is asked.
    """
    whole, what_ifs = read_world(world), [read_scenario(s) for s in scenarios]
    _check(whole, unknown)
    if service not in (known := whole.labels("service")):
        words = f"there is no {service[:60]!r}; there are {', '.join(known)}{nearest(service[:60], known)}"
        raise InputError("service", [Problem("", words)])
    figures = _figures(whole, unknown)

    def case(factors: Values) -> Values:
        ready = prepare(_multiplied(whole, figures, factors), years=year, scenario=what_ifs)
        found = projected(ready, draws=draws, seed=seed).sel(service=service, year=year)
        return 100 * np.append(found["served"].sel(region=TOTAL), found["p_adequate"])

    answers = ("people where there is enough", *whole.labels(SPACE))
    return Study(whole, figures, answers, "percent", "percent", case)


def _best(program: Program, series: Series, figures: Sequence[Figure], factors: Values) -> Plan:
    """The best plan at some factors; that there is none is said with the factors."""
    try:
        return Plan(program, series.best(program.linear))
    except NoPlanError as error:
        pairs = zip(figures, factors, strict=True)
        at = ", ".join(f"{figure.name} x {factor:.4g}" for figure, factor in pairs if abs(factor - 1) > 1e-9)
        said = in_words(program, error)
        said.args = (f"there is no plan at {at or 'the figures as they stand'}\n{said}",)
        raise said from None


def _figures(world: World, unknown: Sequence[Spread | Range]) -> tuple[Figure, ...]:
    """A figure for each combination of labels that share a factor, unless it is 0 all over."""
    found = list[Figure]()
    for one in unknown:
        for labels in product(*(world.labels(dim) for dim in one.by)):
            where = dict(zip(one.by, labels, strict=True))
            if world.data[one.datum].sel(where).values.any():
                found.append(Figure(one.datum, tuple(where.items()), one))
    if not found:
        words = "all of it is 0, so no factor changes anything"
        raise InputError("what is not known", [Problem(one.datum, words) for one in unknown])
    return tuple(found)


def _multiplied(world: World, figures: Sequence[Figure], factors: Values) -> World:
    """The World with every figure times its factor."""
    changed = dict[str, Any]()
    for figure, factor in zip(figures, factors, strict=True):
        array = changed.setdefault(figure.datum, world.data[figure.datum].copy(deep=True))
        array.loc[dict(figure.where)] *= factor
    for name, array in changed.items():
        world = world.with_data(name, array)
    return world


def _answers(plan: Plan) -> Values:
    """The value of the last goal, and the money of each space in whole R thousand, so that no last digit moves."""
    block = plan.program.columns[plan.program.case.model.schedule.amount]
    others = tuple(axis for axis, dim in enumerate(block.dims) if dim != SPACE)
    money = block.pack(plan.x).sum(axis=others) / PUBLISHED[MONEY]
    return np.append(list(plan.goals.values())[-1], np.round(money))


def _ranges_of(scenarios: Sequence[Scenario]) -> list[Range]:
    """The ranges of scenarios. Raises InputError for one with a grid, whose levels are no figures that may lie so."""
    for scenario in scenarios:
        if scenario.grids:
            words = "has levels, each a question of its own: allocate sweep, and its folder here in place of the model"
            raise InputError(scenario.source, [Problem("grid", words)])
    return [Range(one.range, one.by, one.least, one.most) for scenario in scenarios for one in scenario.ranges]


def _check(world: World, unknown: Sequence[Spread | Range]) -> None:
    """Raise InputError with all that is wrong with what is not known."""
    wrong = [] if unknown else [Problem("", "nothing is said to be unknown, so nothing moves")]
    names = [one.datum for one in unknown]
    wrong += [Problem(name, "is named twice") for name in sorted({n for n in names if names.count(n) > 1})]
    for one in unknown:
        wrong += unfit(world, one.datum, one.by)
        if isinstance(one, Range) and not 0 <= one.low < one.high <= LARGEST:
            wrong.append(Problem(one.datum, f"from {one.low:g} to {one.high:g} is no range of factors, low to high"))
        if isinstance(one, Spread) and not 0 < one.sd <= 2:
            wrong.append(Problem(one.datum, f"sd {one.sd:g} is not above 0 and at most 2"))
    if wrong:
        raise InputError("what is not known", wrong)
