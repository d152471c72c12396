"""One policy, walked year by year: money is decided on what is seen, buys what it can in every draw, and what stands
decays.

Money is one for all draws that cannot be told apart when it is decided; what it buys is each draw's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from allocate.builder import build
from allocate.changes import Case
from allocate.names import SPACE, TIME
from allocate.rolling.buying import bought, filled, refilled
from allocate.rolling.future import Future
from allocate.rolling.groups import grouped
from allocate.rolling.money import (
    BASELINE,
    MOVED,
    NOTHING,
    SERVICE,
    SHARED,
    Seen,
    carried,
    planned,
    shared_out,
    shares_of,
)

type Values = np.ndarray[Any, np.dtype[np.float64]]
type Watch = Callable[[str], None]

NO_WORK = 1e-3
"""The least part of what is paid for that is taken to be delivered."""

USED_UP = 1e-9
"""Of the money of a service: what rounding may leave of it."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What all policies meet: the case of grants, the future, and how plans are made.

    ``horizon`` is how many years a plan looks ahead, of which only the first is carried out; ``groups`` into how many
    groups of draws what has been seen is told apart at most; ``growth`` how much money grows a year, in real terms,
    beyond the years of the World.
    """

    case: Case
    future: Future
    horizon: int = 1
    groups: int = 4
    growth: float = 0.0

    @property
    def years(self) -> int:
        """How many years are walked."""
        return len(self.future.years) - 1

    @property
    def labels(self) -> tuple[str, ...]:
        """The financial years that are walked."""
        return tuple(f"{year}/{(year + 1) % 100:02d}" for year in self.future.years[:-1])

    def year(self, n: int, ahead: int = 1) -> Case:
        """The case of year n and of those after it, ``ahead`` in all."""
        world = carried(self.case.world, self.future.years[n], ahead, self.growth)
        return Case(self.case.model, world, self.case.fixed, self.case.said)

    @property
    def which(self) -> list[int]:
        """Where the services of the future are among those of the grants."""
        return [self.case.world.labels(SERVICE).index(service) for service in self.future.services]

    @cached_property
    def tier_share(self) -> Values:
        return shares_of(self.case.world, "tier_size", self.future.services)

    @cached_property
    def band_share(self) -> Values:
        return shares_of(self.case.world, "band_size", self.future.services)

    @cached_property
    def survives(self) -> Values:
        return self.datum(self.case, "survives", SPACE, SERVICE)

    def datum(self, case: Case, name: str, *dims: str) -> Values:
        """A datum of a case, its services those of the future."""
        array = case.world.data[name].sel({SERVICE: list(self.future.services)})
        return np.asarray(array.transpose(*dims).values, float)

    @cached_property
    def worths(self) -> list[Values]:
        """What a household served in each band is worth in each year (S, K, bands); the last goes on after the end."""
        dims = (SPACE, SERVICE, "band")
        found = []
        for n in range(self.years):
            program = build(self.year(n))
            worth = program.datum("worth").isel({TIME: 0})
            after = program.datum("worth_after") if n == self.years - 1 else 0.0
            found.append((worth + after).sel({SERVICE: list(self.future.services)}).transpose(*dims).values)
        return found


@dataclass(frozen=True, eq=False)
class Walk:
    """What a policy did and came to, of N years: ``money`` (N, S, services of the grants), on average over draws, and
    ``idle`` (N, S, K) what of it bought nothing, since nobody there was left to serve; ``plans`` the number of groups
    in each year; ``units`` (D, N, S, K) what is built, as planned; ``capacity`` (D, N + 1, S, K) and ``worth``
    (D, S, K), the sum of what is served over all years in the unit of the goal.
    """

    policy: str
    money: Values
    idle: Values
    plans: tuple[int, ...]
    units: Values
    capacity: Values
    worth: Values


@dataclass
class _State:
    """Where all draws are: what was built as planned, and the backlog by cost."""

    built: Values
    tiers: Values


def walk(setting: Setting, policy: str, watch: Watch | None = None) -> Walk:
    """A policy (one of :data:`allocate.rolling.money.KNOWN` or ``BESIDE``) from the first year to the last.

    Raises :class:`allocate.errors.NoPlanError` where the rules conflict in some year.
    """
    future, size = setting.future, setting.future.draws
    tiers = setting.datum(setting.case, "tier_size", SPACE, SERVICE, "tier")
    state = _State(
        np.broadcast_to(future.before, (size, *future.before.shape)), np.broadcast_to(tiers, (size, *tiers.shape))
    )
    shape = (size, setting.years, *future.before.shape)
    units, capacity, worth = np.zeros(shape), np.zeros((size, shape[1] + 1, *shape[2:])), np.zeros((size, *shape[2:]))
    money, idle, plans = [], [], []
    for n in range(setting.years):
        if watch is not None:
            watch(f"{policy}, {setting.labels[n]}")
        capacity[:, n] = future.capacity(n, state.built)
        whole = np.zeros((size, len(future.spaces), len(setting.case.world.labels(SERVICE))))
        groups = list(_decided(setting, policy, n, state, capacity[:, n]))
        for members, amount in groups:
            whole[members] = amount
        if policy == MOVED:
            whole = _moved(setting, n, state, capacity[:, n], whole)
        units[:, n], left = _carry_out(setting, n, state, capacity[:, n], whole)
        capacity[:, n + 1] = future.capacity(n + 1, state.built)
        worth += _worth(setting, n, capacity[:, n + 1])
        money.append(whole.mean(axis=0))
        idle.append(left.mean(axis=0))
        plans.append(len(groups))
    return Walk(policy, np.array(money), np.array(idle), tuple(plans), units, capacity, worth)


def _decided(setting: Setting, policy: str, n: int, state: _State, capacity: Values) -> Iterator[tuple[Any, Values]]:
    """The money of a year (S, services) for each group of draws that it is decided for."""
    if policy == NOTHING:
        return
    if policy in SHARED or policy == MOVED:
        share = BASELINE if policy == MOVED else policy
        yield slice(None), shared_out(setting.year(n), share).isel({TIME: 0}).values
        return
    ahead = min(setting.horizon, setting.years - n)
    case, future = setting.year(n, ahead), setting.future
    seen = _seen(setting, n, ahead, state, capacity)
    short = np.maximum(future.demand[:, n] - capacity, 0.0)
    for members in grouped(short.reshape(len(short), -1), setting.groups):
        yield members, planned(case, future.services, seen.of(members), policy)


def _seen(setting: Setting, n: int, ahead: int, state: _State, capacity: Values) -> Seen:
    """What is expected of every draw by the end of each year of a plan."""
    future = setting.future
    demand = future.demand[:, n + 1 : n + 1 + ahead]
    return Seen(
        tiers=refilled(state.tiers, np.maximum(demand[:, -1] - capacity, 0.0), setting.tier_share),
        served=np.minimum(capacity, demand.min(axis=1)),
        demand=demand,
        work=np.maximum(future.delivery * future.yields[n + 1], NO_WORK),
    )


def _carry_out(setting: Setting, n: int, state: _State, capacity: Values, whole: Values) -> tuple[Values, Values]:
    """What the money of a year builds in every draw (D, S, K), as planned, and the money left when nobody there is
    without; the state is then that of the next year.

    What was lost in the year can be renewed, and a backlog reached, at the cost of each; a rand buys as much as is
    delivered of it.
    """
    future, case, which = setting.future, setting.year(n), setting.which
    seen = _seen(setting, n, 1, state, capacity)
    renewing = setting.datum(case, "renew_cost", SPACE, SERVICE, TIME)
    costs = np.concatenate([renewing, setting.datum(case, "unit_cost", SPACE, SERVICE, "tier", TIME)[..., 0]], axis=-1)
    lost = ((1.0 - setting.survives) * seen.served * (renewing[..., 0] > 0))[..., None]
    served = bought(whole[..., which] * seen.work, np.concatenate([lost, seen.tiers], axis=-1), costs)
    left = np.maximum(whole[..., which] - (served * costs).sum(axis=-1) / seen.work, 0.0)
    units: Values = served.sum(axis=-1) / seen.work
    state.built = state.built * future.kept[n] + units
    state.tiers = seen.tiers - served[..., 1:]
    return units, left


def _moved(setting: Setting, n: int, state: _State, capacity: Values, whole: Values) -> Values:
    """Money (D, S, services) of which what a service leaves in a space goes to its others, as they share the rest."""
    _, left = _carry_out(setting, n, replace(state), capacity, whole)
    had, found = whole[..., setting.which], whole.copy()
    share = np.where(left > USED_UP * had, 0.0, had)
    total = share.sum(axis=-1, keepdims=True)
    more = left.sum(axis=-1, keepdims=True) * np.divide(share, total, out=np.zeros_like(share), where=total > 0)
    found[..., setting.which] = np.where(total > 0, had - left + more, had)
    return found


def _worth(setting: Setting, n: int, capacity: Values) -> Values:
    """What those who are served at the end of year n are worth (D, S, K)."""
    demand = setting.future.demand[:, n + 1]
    served = np.minimum(capacity, demand)
    return filled(served, demand[..., None] * setting.band_share, setting.worths[n])
