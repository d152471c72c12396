"""Demand, capacity and adequacy of services at a step, for a block of draws.

What a programme builds is delivered well or badly, for all spaces together and for each: the delivered part is
exp(common_sd * chi + sd * zeta), with two standard normals that stay the same over the steps of a draw. Given people
and chi, a service is adequate where zeta is at least a critical value, so its probability is known without drawing
zeta. Averaged over draws, that is a far surer estimate than counting draws (conditional Monte Carlo; S. Asmussen and
P. W. Glynn, Stochastic Simulation (2007), chapter V.4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from allocate.kernels.elementary import exp, inner, log, normal_cdf
from allocate.kernels.people import COMMON_DELIVERY, DELIVERY, NO_STEP
from allocate.kernels.philox import LANES, fill_normals


class Services(NamedTuple):
    """What services read, of one float type; ``Inputs`` says what each is. Services K, measures M."""

    need: Any  # [T, K, M]
    stock: Any  # [T, K, S]
    built: Any  # [T, K, S]
    yields: Any  # [T, K, S]
    common_sd: Any  # [K]
    sd: Any  # [K]


class Supply(NamedTuple):
    """Services of a block of draws, and one of them at a step."""

    common: Any  # [K in fours, LANES] the common part of delivery, as a logarithm
    delivery: Any  # [K, S, LANES] what is delivered of what was planned
    worst: Any  # [K, S, LANES] probability of a shortfall so far, given people and the common part
    normal: Any  # [S in fours, LANES]
    demand: Any  # [S, LANES], as all below
    capacity: Any
    adequacy: Any
    backlog: Any
    chance: Any  # probability of adequacy, given people and the common part
    served: Any  # residents, times the probability of adequacy


def new_supply(services: Services) -> Supply:
    """Room for a block of draws of these services."""
    many, spaces = services.stock.shape[1], services.stock.shape[2]
    like = services.stock
    return Supply(
        np.zeros((-(-many // 4) * 4, LANES), like.dtype),
        np.zeros((many, spaces, LANES), like.dtype),
        np.zeros((many, spaces, LANES), like.dtype),
        np.zeros((-(-spaces // 4) * 4, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
    )


@inner
def deliver(seed: Any, first: Any, services: Any, supply: Any) -> None:
    """Draw how well every programme delivers; nothing has been short yet."""
    fill_normals(seed, first, NO_STEP, COMMON_DELIVERY, supply.common)
    supply.worst[:] = 0
    for k in range(services.sd.shape[0]):
        fill_normals(seed, first, NO_STEP, DELIVERY + k, supply.normal)
        for b in range(LANES):
            supply.common[k, b] *= services.common_sd[k]
        for s in range(supply.delivery.shape[1]):
            for b in range(LANES):
                supply.delivery[k, s, b] = exp(supply.common[k, b] + services.sd[k] * supply.normal[s, b])


@inner
def serve(t: Any, k: Any, services: Any, measures: Any, residents: Any, supply: Any) -> None:
    """Service k at the end of step t, from ``measures`` [M, regions, LANES] and ``residents`` [S, LANES]."""
    supply.demand[:] = 0
    for m in range(measures.shape[0]):
        if services.need[t, k, m] != 0:
            for s in range(residents.shape[0]):
                for b in range(LANES):
                    supply.demand[s, b] += services.need[t, k, m] * measures[m, s, b]
    _provide(services.stock[t, k], services.built[t, k], services.yields[t, k], supply.delivery[k], supply)
    for s in range(residents.shape[0]):
        stock, built, part, sd = (
            services.stock[t, k, s],
            services.built[t, k, s],
            services.yields[t, k, s],
            services.sd[k],
        )
        if sd * built * part > 0:
            _integrate(stock, built, part, sd, supply.common[k], supply.demand[s], supply.chance[s])
    one = residents.dtype.type(1)
    for s in range(residents.shape[0]):
        for b in range(LANES):
            supply.worst[k, s, b] = max(supply.worst[k, s, b], one - supply.chance[s, b])
            supply.served[s, b] = residents[s, b] * supply.chance[s, b]


@inner
def _provide(stock: Any, built: Any, yields: Any, delivery: Any, supply: Any) -> None:
    """Capacity as drawn against demand: without demand there is no end to adequacy."""
    T = stock.dtype.type
    zero, one, most = T(0), T(1), T(np.inf)
    for s in range(stock.shape[0]):
        for b in range(LANES):
            capacity, demand = (stock[s] + built[s] * delivery[s, b]) * yields[s], supply.demand[s, b]
            supply.capacity[s, b] = capacity
            supply.backlog[s, b] = max(demand - capacity, zero)
            supply.adequacy[s, b] = capacity / demand if demand > zero else most
            supply.chance[s, b] = one if capacity >= demand else zero


@inner
def _integrate(stock: Any, built: Any, part: Any, sd: Any, common: Any, demand: Any, chance: Any) -> None:
    """The probability that zeta is at least its critical value; 1 where the stock alone is enough."""
    T = chance.dtype.type
    one, zero, least = T(1), T(0), T(1e-30)
    for b in range(LANES):
        missing = (demand[b] / part - stock) / built
        above = normal_cdf((common[b] - log(max(missing, least))) / sd)
        chance[b] = above if missing > zero else one
