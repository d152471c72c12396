"""Demand, capacity and adequacy of services at a step, for a block of draws.

What a programme builds is delivered well or badly, for all spaces together and for each: the delivered part is
exp(common_sd * chi + sd * zeta), with two standard normals that stay the same over the steps of a draw. Given people and
chi, a service is adequate where zeta is at least a critical value, so its probability is known without drawing zeta.
Averaged over draws, that is a far surer estimate than counting draws (conditional Monte Carlo; S. Asmussen and
P. W. Glynn, Stochastic Simulation (2007), chapter V.4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from allocate.kernels.elementary import exp, kernel, log, normal_cdf
from allocate.kernels.people import COMMON_DELIVERY, DELIVERY
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
    """Services of a block of draws."""

    common: Any  # [K in fours, LANES] the common part of delivery, as a logarithm
    delivery: Any  # [K, S, LANES] what is delivered of what was planned
    worst: Any  # [K, S, LANES] the highest critical value of the steps so far
    normal: Any  # [max(K, S) in fours, LANES]
    demand: Any  # [LANES], as all below
    capacity: Any
    adequacy: Any
    backlog: Any
    chance: Any  # probability of adequacy, given people and the common part
    short: Any  # probability of a shortfall at this step or before
    served: Any  # residents, times the probability of adequacy


@kernel
def new_supply(services: Any) -> Any:
    """Room for a block of draws of these services."""
    many, spaces = services.stock.shape[1], services.stock.shape[2]
    like = services.stock
    return Supply(
        np.zeros((-(-many // 4) * 4, LANES), like.dtype),
        np.zeros((many, spaces, LANES), like.dtype),
        np.zeros((many, spaces, LANES), like.dtype),
        np.zeros((-(-spaces // 4) * 4, LANES), like.dtype),
        np.zeros(LANES, like.dtype),
        np.zeros(LANES, like.dtype),
        np.zeros(LANES, like.dtype),
        np.zeros(LANES, like.dtype),
        np.zeros(LANES, like.dtype),
        np.zeros(LANES, like.dtype),
        np.zeros(LANES, like.dtype),
    )


@kernel
def deliver(seed: Any, first: Any, services: Any, supply: Any) -> None:
    """Draw how well every programme delivers; nothing has been short yet."""
    fill_normals(seed, first, 0, COMMON_DELIVERY, supply.common)
    supply.worst[:] = -np.inf
    for k in range(services.sd.shape[0]):
        sd, common = services.sd[k], supply.common[k]
        fill_normals(seed, first, 0, DELIVERY + k, supply.normal)
        for b in range(LANES):
            common[b] *= services.common_sd[k]
        for s in range(supply.delivery.shape[1]):
            here = supply.delivery[k, s]
            for b in range(LANES):
                here[b] = exp(common[b] + sd * supply.normal[s, b])


@kernel
def serve(t: Any, k: Any, s: Any, services: Any, measures: Any, residents: Any, supply: Any) -> None:
    """Service k in space s at the end of step t, from ``measures`` [M, regions, LANES] and ``residents`` [S, LANES]."""
    supply.demand[:] = 0
    for m in range(measures.shape[0]):
        need, people = services.need[t, k, m], measures[m, s]
        if need != 0:
            for b in range(LANES):
                supply.demand[b] += need * people[b]
    _supply(services.stock[t, k, s], services.built[t, k, s], services.yields[t, k, s], supply.delivery[k, s], supply)
    _chance(t, k, s, services, supply)
    people = residents[s]
    for b in range(LANES):
        supply.served[b] = people[b] * supply.chance[b]


@kernel
def _supply(stock: Any, built: Any, part: Any, delivery: Any, supply: Any) -> None:
    """Capacity, and demand against it; without demand there is no end to adequacy."""
    zero, most = stock * 0, stock * 0 + np.float32(np.inf)
    for b in range(LANES):
        capacity, demand = (stock + built * delivery[b]) * part, supply.demand[b]
        supply.capacity[b] = capacity
        supply.backlog[b] = max(demand - capacity, zero)
        supply.adequacy[b] = capacity / demand if demand > zero else most


@kernel
def _chance(t: Any, k: Any, s: Any, services: Any, supply: Any) -> None:
    """Probabilities from the critical value of zeta: certain where stock is enough, or where nothing is left to chance."""
    stock, built, part, sd = services.stock[t, k, s], services.built[t, k, s], services.yields[t, k, s], services.sd[k]
    worst, common = supply.worst[k, s], supply.common[k]
    no, yes = stock * 0 - np.float32(np.inf), stock * 0 + np.float32(np.inf)
    chancy = sd * built * part > 0
    for b in range(LANES):
        critical = no if supply.capacity[b] >= supply.demand[b] else yes
        if chancy:
            missing = supply.demand[b] / part - stock
            critical = (log(missing / built) - common[b]) / sd if missing > 0 else no
        worst[b] = max(worst[b], critical)
        supply.chance[b] = normal_cdf(-critical)
        supply.short[b] = normal_cdf(worst[b])
