"""Money before need: which plan to decide on now, when what the money buys is known only later.

Any model will do. Its money (every variable in rand) is decided once, for all draws; everything else follows in each
draw. What is not known are data, each multiplied by a factor drawn at random. Policies are compared on the same
draws: the actual split, the best plan for the figures as they stand, and the plans that make a measure best.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.builder import build
from allocate.changes import Case, apply, single
from allocate.errors import InputError, Problem, nearest
from allocate.optimum.alone import best_alone
from allocate.optimum.draws import Draws, Varying, of_programs
from allocate.optimum.firststage import FirstStage
from allocate.optimum.highs import SolverOptions
from allocate.optimum.measures import EXPECTED, REGRET, WORST, Measure
from allocate.optimum.twostage import Decision, decide, outcomes
from allocate.plan import Plan, solve
from allocate.program import Program
from allocate.read import read_model, read_scenario
from allocate.runs import only
from allocate.schedule import Schedule, publish
from allocate.spec import DataSpec, Model, Scenario, in_order
from allocate.tables import LARGEST
from allocate.units import FLAG, MONEY
from allocate.varied import RiskSpec
from allocate.world import World, read_world

type Watch = Callable[[str], None]
type Values = np.ndarray[Any, np.dtype[np.float64]]

MEASURES: Final = ("mean", "cvar", "worst", "regret")

DECIDED: Final = "decided_money"
"""The datum that holds the money of a plan, when it is looked at as one that is fixed."""


@dataclass(frozen=True)
class Spread:
    """A datum that is not known: multiplied by a factor of median 1, drawn for each label of the dims ``by``.

    The logarithm of a factor is normal with standard deviation ``sd``; labels draw independently.
    """

    datum: str
    by: tuple[str, ...]
    sd: float


@dataclass(frozen=True, eq=False)
class Robust:
    """A decision for a measure, its plan as it is published, and every policy on the same draws.

    ``plan`` is the decided money in the figures as they stand; ``table`` has a row a policy: its mean outcome beyond
    no money, the mean of the worst part of the draws, the worst draw and the largest regret, in the goal's unit.
    ``stochastic`` is the value of the stochastic solution and ``information`` the expected value of perfect
    information, both of the mean outcome and both within the gap.
    """

    program: Program
    measure: Measure
    decision: Decision
    plan: Plan
    table: pd.DataFrame
    stochastic: float
    information: float

    @property
    def schedule(self) -> Schedule:
        """The decided money in whole published units."""
        return publish(self.plan)


def measure_of(name: str, alpha: float) -> Measure:
    """A measure by its name, one of :data:`MEASURES`; ``alpha`` is the level of ``cvar``.

    >>> measure_of("cvar", 0.9)
    Measure(alpha=0.9, share=1.0, regret=False)

    Raises :class:`InputError` for another name or level.
    """
    known = {
        "mean": EXPECTED,
        "cvar": Measure(alpha=alpha) if 0 <= alpha < 1 else None,
        "worst": WORST,
        "regret": REGRET,
    }
    if name not in known:
        words = f"{name!r} is none; there are {', '.join(MEASURES)}{nearest(name, MEASURES)}"
        raise InputError("measure", [Problem("", words)])
    found = known[name]
    if found is None:
        raise InputError("measure", [Problem("alpha", f"{alpha:g} is not from 0 to below 1")])
    return found


def drawn(world: World, spreads: Sequence[Spread], draws: int, seed: int) -> Iterator[World]:
    """So many Worlds, in each of which the data of the spreads are multiplied by factors of their own.

    The factors of draw i of a datum do not depend on how many draws there are, nor on other data.

    >>> worlds = list(drawn(read_world("za2016"), [Spread("unit_cost", ("service",), 0.2)], 2, seed=1))
    >>> float((worlds[0].data["unit_cost"] / worlds[1].data["unit_cost"]).max().round(3))
    1.161
    """
    _check(world, spreads, draws, seed)
    for draw in range(draws):
        found = world
        for spread in spreads:
            array = world.data[spread.datum]
            sizes = [array.sizes[d] for d in spread.by]
            normal = chance_of(spread.datum, seed, draw).standard_normal(sizes)
            factor = xr.DataArray(np.exp(spread.sd * normal), dims=list(spread.by))
            found = found.with_data(spread.datum, (array * factor).transpose(*array.dims).assign_attrs(array.attrs))
        yield found


def chance_of(datum: str, seed: int, draw: int) -> np.random.Generator:
    """The random numbers of a datum in a draw (from 0): the same whatever else is drawn, and however many draws.

    >>> chance_of("unit_cost", seed=1, draw=0).random(2).round(3).tolist()
    [0.986, 0.452]
    """
    return np.random.Generator(np.random.Philox(key=[seed, _stream(datum)], counter=[0, 0, 0, draw]))


def robust(
    model: Model | str | Path,
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    draws: Iterable[World] | None = None,
    measure: Measure | None = None,
    years: str | Sequence[str] | None = None,
    options: SolverOptions | None = None,
    watch: Watch | None = None,
) -> Robust:
    """The money to decide on now that makes a measure of the outcome best over draws of what is not known.

    ``draws`` are Worlds, equally likely, as :func:`drawn` makes them; ``world`` has the figures as they stand. Outcomes
    count beyond what each draw reaches without money. Draws and measure that are left out are those that the scenarios
    ask for; where none says what is not known, the measure is the mean.

    >>> world = read_world("za2016")
    >>> draws = drawn(world, [Spread("unit_cost", ("service",), 0.2)], 4, seed=1)
    >>> found = robust("grant_consolidation", world, draws=draws, years="2019/20")
    >>> found.decision.relative_gap <= 1e-4, list(found.table["policy"])[:2]
    (True, ['actual split', 'best for the figures as they stand'])

    Raises :class:`InputError` for anything wrong in files, and for a model whose money cannot be decided before need is
    known; :class:`allocate.errors.NoPlanError` where rules conflict, in the figures or in a draw.
    """
    text = read_model(model)
    whole = read_world(world)
    kept = None if years is None else [years] if isinstance(years, str) else list(years)
    facts = whole if kept is None else only(whole, kept)
    given = [read_scenario(s) for s in scenarios]
    single(given)
    what_ifs, asked = in_order(given), risk_of(given)
    spreads = spreads_of(given)
    worlds = drawn(whole, spreads, asked.draws, asked.seed) if draws is None else draws
    usual = measure_of(asked.measure, asked.alpha) if spreads else EXPECTED
    wanted = usual if measure is None else measure
    tell = watch or (lambda _: None)
    base = build(apply(text, facts, what_ifs))
    programs = []
    for number, draw in enumerate(worlds, start=1):
        tell(f"draw {number}")
        programs.append(build(apply(text, draw if kept is None else only(draw, kept), what_ifs), base).linear)
    if not programs:
        raise InputError("draws", [Problem("", "there are none")])
    try:
        known = beyond_nothing(of_programs(programs, money_of(base)))
    except ValueError as error:
        raise InputError(text.source, [Problem("", f"cannot be planned before need is known: {error}")]) from None
    tell("deciding")
    decision = decide(known, wanted, options)
    return _told(base, known, wanted, decision, tell)


def spreads_of(scenarios: Iterable[Scenario]) -> list[Spread]:
    """What is not known in scenarios and all that they extend.

    >>> spreads_of([read_scenario("costs_unknown")])[0]
    Spread(datum='unit_cost', by=('service',), sd=0.25)
    """
    return [Spread(one.spread, one.by, one.sd) for scenario in in_order(scenarios) for one in scenario.spreads]


def risk_of(scenarios: Iterable[Scenario]) -> RiskSpec:
    """What scenarios make best over their draws: of several that say it, what the last one says."""
    said = [scenario.risk for scenario in in_order(scenarios) if scenario.risk is not None]
    return said[-1] if said else RiskSpec()


def beyond_nothing(draws: Draws) -> Draws:
    """The same draws with outcomes counted from what is reached without money: a draw in which little is needed, or
    much stands anyway, is no bad draw for it."""
    nothing = outcomes(draws, np.zeros(int(draws.first.sum())))
    before = np.array([draws.program(k).plain_goals[-1].offset for k in range(len(draws))])
    return replace(draws, varying={**draws.varying, "offset": Varying(np.zeros(1, int), (before - nothing)[:, None])})


def _check(world: World, spreads: Sequence[Spread], draws: int, seed: int) -> None:
    """Raise InputError with all that is wrong with what is not known."""
    wrong = [] if spreads else [Problem("spreads", "there are none, so every draw would be the same")]
    names = [spread.datum for spread in spreads]
    wrong += [Problem(name, "is spread twice") for name in sorted({n for n in names if names.count(n) > 1})]
    for spread in spreads:
        wrong += unfit(world, spread.datum, spread.by)
        if not 0 < spread.sd <= 2:
            wrong.append(Problem(spread.datum, f"sd {spread.sd:g} is not above 0 and at most 2"))
    if not 1 <= draws <= LARGEST:
        wrong.append(Problem("draws", f"{draws} is not 1 or more"))
    if not 0 <= seed < 2**63:
        wrong.append(Problem("seed", f"{seed} is not 0 or more, and below 2**63"))
    if wrong:
        raise InputError("spreads", wrong)


def unfit(world: World, datum: str, by: Sequence[str]) -> Iterator[Problem]:
    """Why a datum of a World cannot be multiplied by factors for each label of the dims ``by``."""
    known = list(map(str, world.data.data_vars))
    if datum not in known:
        yield Problem(datum, f"is no datum of the world{nearest(datum, known)}")
        return
    array = world.data[datum]
    dims = list(map(str, array.dims))
    has = ", ".join(dims) or "nothing"
    for dim in by:
        if dim not in dims:
            yield Problem(datum, f"does not vary over {dim!r}, only over {has}{nearest(dim, dims)}")
    if array.attrs["unit"] == FLAG:
        yield Problem(datum, "is a flag, and cannot be multiplied")


def _stream(name: str) -> int:
    """A number for a name that is the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def money_of(program: Program) -> Any:
    """Which columns (n,) are money: decided before need is known."""
    first = np.zeros(program.linear.lower.size, bool)
    for block in program.columns.values():
        if str(block.unit) == MONEY:
            first[block.number[block.number >= 0]] = True
    if not first.any():
        raise InputError(program.case.model.source, [Problem("schedule", "the money is fixed, so nothing is decided")])
    return first


def _told(program: Program, draws: Draws, measure: Measure, decision: Decision, tell: Callable[[str], None]) -> Robust:
    """The decision beside other policies on the same draws."""
    first = FirstStage(draws, SolverOptions(), np.inf)
    sign = -draws.outcome.sign
    tell("the best plan of each draw")
    alone = -best_alone(draws, first)  # from losses to outcomes, of which more is better
    plans: dict[str, Values] = {
        "actual split": _target(program, draws),
        "best for the figures as they stand": _plain(program),
    }
    for name, other in (("best mean", EXPECTED), ("decided", measure)):
        tell(name)
        plans[name] = decision.x if other == measure else decide(draws, other).x
    if measure == EXPECTED:
        plans.pop("decided")
    reached = {name: sign * outcomes(draws, x) for name, x in plans.items()}
    rows = [_row(name, values, alone, measure, draws.probability) for name, values in reached.items()]
    best = reached["best mean"] @ draws.probability
    return Robust(
        program,
        measure,
        decision,
        _fixed(program, decision.x),
        pd.DataFrame(rows),
        float(best - reached["best for the figures as they stand"] @ draws.probability),
        float(alone @ draws.probability - best),
    )


def _row(name: str, values: Values, alone: Values, measure: Measure, chance: Values) -> Mapping[str, Any]:
    tail = measure if 0 < measure.alpha < 1 else Measure(alpha=0.9)
    return {
        "policy": name,
        "mean": float(values @ chance),
        f"mean of the worst {1 - tail.alpha:.0%}": float(-replace(tail, share=1.0, regret=False).of(-values, chance)),
        "worst draw": float(values.min()),
        "largest regret": float((alone - values).max()),
    }


def _target(program: Program, draws: Draws) -> Values:
    """The actual split as a first stage; what it leaves of a pool is held back."""
    target = program.linear.target.copy()
    names = program.case.model.schedule
    held, pool = program.columns[names.unallocated].number, program.linear
    for rule in program.rows.values():
        numbers = rule.number[rule.number >= 0]
        part = pool.matrix[numbers]
        columns = held[held >= 0]
        if numbers.size == columns.size and (part[:, columns] != 0).sum() == columns.size:
            spent = part @ np.where(np.isin(np.arange(target.size), columns), 0.0, target * draws.first)
            target[columns] = np.maximum(pool.row_upper[numbers] - spent, 0.0)
    return target[draws.first]


def _plain(program: Program) -> Values:
    found: Values = solve(program, SolverOptions(accept_near_ties=True)).x[money_of(program)]
    return found


def _fixed(program: Program, x: Values) -> Plan:
    """The plan whose money is x, in the figures as they stand."""
    case, names = program.case, program.case.model.schedule
    block = program.columns[names.amount]
    whole = np.zeros(program.linear.lower.size)
    whole[money_of(program)] = x
    money = program.labelled(block, block.pack(np.maximum(whole, 0.0)))
    attrs = {"status": "derived", "source": "decided before need was known", "period": "", "why": ""}
    world = case.world.with_data(DECIDED, money.assign_attrs(attrs))
    data = {**case.model.data, DECIDED: DataSpec(over=block.dims, unit=str(block.unit))}
    model = case.model.model_copy(update={"data": data})
    fixed = Case(model, world, {**case.fixed, names.amount: DECIDED}, case.said)
    return solve(build(fixed), SolverOptions(accept_near_ties=True))
