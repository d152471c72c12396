"""The money of one year: the World of grants as a planner sees it then, and what each policy makes of it.

The World's figures are those of its last year carried forward, and its backlogs those that stand: in every draw of a
group as that draw has them, carried ahead to the end of the year. What money buys differs with delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import xarray as xr

from allocate.builder import build
from allocate.changes import Case
from allocate.names import SPACE, TIME
from allocate.optimum.draws import of_programs
from allocate.optimum.highs import SolverOptions
from allocate.optimum.measures import EXPECTED, REGRET, Measure
from allocate.optimum.twostage import decide
from allocate.plan import solve
from allocate.program import Program
from allocate.risk import beyond_nothing, money_of
from allocate.units import MONEY
from allocate.world import World

type Values = np.ndarray[Any, np.dtype[np.float64]]

SERVICE: Final = "service"

BASELINE: Final = "baseline"
NOTHING: Final = "nothing"
MOVED: Final = "moved"
FORMULA: Final = "formula"
SHARED: Final = {BASELINE: "baseline_spend", FORMULA: "formula_spend"}
"""Policies that share money out whatever is needed, and the datum that says how."""

MEASURED: Final[Mapping[str, Measure]] = {"mean": EXPECTED, "cvar": Measure(alpha=0.9), "regret": REGRET}
"""Policies that plan on draws, and what each makes best of their outcomes: the mean, the mean of the worst tenth, the
largest regret."""

PLANNING: Final = ("expected", *MEASURED)
"""Policies that plan; "expected" on one set of figures, those that are to be expected."""

KNOWN: Final = (*SHARED, *PLANNING)
"""The policies that can be compared."""

POLICIES: Final = tuple(name for name in KNOWN if name != "mean")
"""The policies that are, unless others are named."""

BESIDE: Final = (NOTHING, MOVED)
"""What is walked beside them: no money at all, and the actual split where what is of no use to a service of a space
goes to its others, whatever the rules say."""

PLANNED: Final = 20
"""Draws of a group that a plan is made on, at most, where it is made on draws; time grows with them."""

GAP: Final = 1e-4
"""Of a decision over draws."""

LEAST: Final = 1.0
"""Household: the least that a backlog is in a program, so that programs of all draws have the same columns."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a planner sees, and expects by the end of each year of the horizon H, in D draws of a group.

    ``tiers`` (D, S, K, tiers) is the backlog at the end of the horizon if nothing is built, ``served`` (D, S, K) who is
    served when the year begins, ``demand`` (D, H, S, K) all households, ``work`` (D, S, K) what is delivered of what
    is paid for.
    """

    tiers: Values
    served: Values
    demand: Values
    work: Values

    def of(self, draws: Any) -> Seen:
        """Some of the draws."""
        return Seen(self.tiers[draws], self.served[draws], self.demand[draws], self.work[draws])

    def mean(self) -> Seen:
        """One draw that is the mean of all; the same whatever order they come in. Of work, a rand buys what it does
        on average when what a household costs is averaged."""
        return Seen(_mean(self.tiers), _mean(self.served), _mean(self.demand), 1.0 / _mean(1.0 / self.work))


def _mean(values: Values) -> Values:
    """The mean over draws, added up in the order of size."""
    found: Values = np.sort(values, axis=0).mean(axis=0, keepdims=True)
    return found


def carried(world: World, first: int, ahead: int, growth: float) -> World:
    """The World of the years ``first`` to ``first + ahead``: beyond its own, its last one carried forward.

    Money grows by ``growth`` a year, and discounting goes on as it did; all else stays as it was.

    >>> from allocate.world import read_world
    >>> later = carried(read_world("za2016"), 2019, 2, growth=0.1)
    >>> later.labels("year"), float((later.data["budget"][:, 1] / later.data["budget"][:, 0]).max().round(6))
    (('2019/20', '2020/21'), 1.1)
    """
    begins = [int(label[:4]) for label in world.labels(TIME)]
    years = range(first, first + ahead)
    at = [begins.index(min(year, begins[-1])) for year in years]
    beyond = xr.DataArray([max(year - begins[-1], 0) for year in years], dims=[TIME])
    data = world.data.isel({TIME: at})
    factors = {name: (1.0 + growth) ** beyond for name, array in data.items() if array.attrs["unit"] == MONEY}
    if "discount" in world.data and len(begins) > 1:
        last = world.data["discount"].values[-2:]
        factors["discount"] = (last[1] / last[0]) ** beyond
    for name, factor in factors.items():
        array = data[name]
        if TIME in array.dims:
            data = data.assign({name: (array * factor).transpose(*array.dims).assign_attrs(array.attrs)})
    return replace(world, data=data.assign_coords({TIME: [f"{year}/{(year + 1) % 100:02d}" for year in years]}))


def shared_out(case: Case, policy: str) -> xr.DataArray:
    """Money of a policy that looks at no need (space, service, year)."""
    money = build(case).datum(SHARED[policy])
    return money.sum([dim for dim in money.dims if dim not in (SPACE, SERVICE, TIME)]).transpose(SPACE, SERVICE, TIME)


def planned(case: Case, services: tuple[str, ...], seen: Seen, policy: str) -> Values:
    """Money of the first year (S, services of the World) that a planning policy decides for a group of draws."""
    mean = build(case_seen(case, services, seen.mean()))
    many = _apart(seen)
    if policy not in MEASURED or many is None:
        return _amount(mean, solve(mean, SolverOptions(accept_near_ties=True)).x)
    programs = [build(case_seen(case, services, many.of([d])), mean).linear for d in range(len(many.work))]
    first = money_of(mean)
    whole = np.zeros(mean.linear.lower.size)
    whole[first] = decide(beyond_nothing(of_programs(programs, first)), MEASURED[policy], gap=GAP).x
    return _amount(mean, whole)


def _apart(seen: Seen) -> Seen | None:
    """The draws that a plan is made on, evenly out of the group; None where all are the same."""
    size = len(seen.work)
    some = seen.of(np.unique(np.linspace(0, size - 1, min(size, PLANNED)).round().astype(int)))
    same = all((values == values[:1]).all() for values in (some.tiers, some.served, some.demand, some.work))
    return None if same else some


def _amount(program: Program, x: Values) -> Values:
    """Money of the first year (S, services), of a program's columns."""
    block = program.columns[program.case.model.schedule.amount]
    money = program.labelled(block, block.pack(np.maximum(x, 0.0))).isel({TIME: 0})
    found = money.sum([dim for dim in money.dims if dim not in (SPACE, SERVICE)]).transpose(SPACE, SERVICE)
    return np.asarray(found.values)


def case_seen(case: Case, services: tuple[str, ...], seen: Seen) -> Case:
    """The case as one draw has it; services that people do not tell about stay as they are."""
    data, which = case.world.data, [case.world.labels(SERVICE).index(service) for service in services]
    bands = shares_of(case.world, "band_size", services)
    there = shares_of(case.world, "tier_size", services) > 0
    demand = np.maximum(np.moveaxis(seen.demand[0], 0, -1)[:, :, None, :], LEAST)
    dear = 1.0 / seen.work[0]
    cost, renewal = (data[name].transpose(SPACE, SERVICE, ..., TIME).values for name in ("unit_cost", "renew_cost"))
    new = {
        "tier_size": ((SPACE, SERVICE, "tier"), np.maximum(seen.tiers[0], LEAST * there)),
        "served_now": ((SPACE, SERVICE), np.maximum(seen.served[0], LEAST)),
        "band_size": ((SPACE, SERVICE, "band", TIME), demand * bands[..., None]),
        "unit_cost": ((SPACE, SERVICE, "tier", TIME), cost[:, which] * dear[..., None, None]),
        "renew_cost": ((SPACE, SERVICE, TIME), renewal[:, which] * dear[..., None]),
    }
    made = {name: _with(data[name], which, dims, values) for name, (dims, values) in new.items()}
    return replace(case, world=replace(case.world, data=data.assign(made)))


def _with(old: xr.DataArray, which: list[int], dims: tuple[str, ...], values: Values) -> xr.Variable:
    """A datum with new numbers at some services, by place."""
    new, at = old.values.copy(), old.dims.index(SERVICE)
    ordered = values.transpose([dims.index(str(dim)) for dim in old.dims])
    np.moveaxis(new, at, 0)[which] = np.moveaxis(ordered, at, 0)
    return xr.Variable(old.dims, new, old.attrs)


def shares_of(world: World, name: str, services: tuple[str, ...]) -> Values:
    """How a datum of the first year is divided over its tiers or bands (S, K, parts); where there is none, as in all.

    >>> from allocate.world import read_world
    >>> shares_of(read_world("za2016"), "tier_size", ("water",))[0, 0].round(2).tolist()
    [0.4, 0.4, 0.2]
    """
    array = world.data[name].sel({SERVICE: list(services)})
    first: Any = array.isel({TIME: 0}) if TIME in array.dims else array
    sizes = first.transpose(SPACE, SERVICE, ...).values
    whole = sizes.sum(axis=0, keepdims=True)
    total, every = (values.sum(axis=2, keepdims=True) for values in (sizes, whole))
    usual = np.divide(whole, every, out=np.zeros_like(whole), where=every > 0)
    found: Values = np.divide(sizes, total, out=np.broadcast_to(usual, sizes.shape).copy(), where=total > 0)
    return found
