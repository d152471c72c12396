"""One step of a projection of people, for a block of draws at once.

Who is of age a survives to age a + 1, may move to another space at the end of the step, is joined by arrivals from
elsewhere, and women have children, who are born where women are and move with them. Five rates vary by draw and space.

Every array ends in [spaces, LANES]: the draws are innermost, so that one instruction works on many of them, and what is
read of a space (a rate) is read once for all. Source of the method: A. Rogers, Multiregional Demography (1995).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from allocate.kernels.elementary import exp, inner, wide_vectors
from allocate.kernels.philox import LANES, fill_normals
from allocate.kernels.product import multiply, multiply_transposed

#: The rates that vary by draw, in the order of every array of them.
DEATHS, BIRTHS, LEAVING, ATTRACTION, ARRIVALS = range(5)
#: What varies together: the whole nation, a group of spaces (a province), one space.
LEVELS: Final = 3

#: The variables of random numbers: a rate and level has the first fifteen, then the start, then delivery.
COUNT, COMMON_DELIVERY, DELIVERY = np.int64(15), np.int64(16), np.int64(17)
NO_STEP: Final = np.int64(0)


class Rates(NamedTuple):
    """What a projection reads, of one float type; ``Inputs`` says what each is. Steps T, sexes X, ages A, spaces S."""

    people: Any  # [X, A, S]
    count_sd: Any  # [S]
    hazard: Any  # [T, X, A, S]
    newborn_hazard: Any  # [T, X, S]
    fertility: Any  # [T, F, S]
    youngest_mother: int
    sex_share: Any  # [X] of births
    odds: Any  # [T, X, A, S]
    corridor: Any  # [C, S, S] origin, destination; S in fours
    movers: Any  # [T, X * (A - 1), 3] sex, age and corridor, those of one corridor together
    newborn_corridor: Any  # [T, X]
    period: Any  # [T]
    arrivals: Any  # [T, X, A, S]
    group: Any  # [S]
    groups: int
    innovation: Any  # [RATES, LEVELS] sd of what is new in a step
    persistence: Any  # [RATES]
    weight: Any  # [M, X, A, S]
    factor: Any  # [T, M, S]


class Block(NamedTuple):
    """The state of a block of draws and room to work in. Rows are rounded up to fours where a product writes them."""

    people: Any  # [2, X, A, S, LANES] at the start of a step and at its end, in turns
    nation: Any  # [RATES, 1, LANES]
    grouped: Any  # [RATES, G, LANES]
    space: Any  # [RATES, S, LANES]
    times: Any  # [RATES, S, LANES] what each rate is multiplied by
    normal: Any  # [max(S, G) in fours, LANES]
    births: Any  # [S, LANES]
    pull: Any  # [S in fours, LANES] what attracts, summed over destinations
    leavers: Any  # [S, LANES]
    arrived: Any  # [S in fours, LANES]
    cut: Any  # [S, LANES] people that arrivals below zero would have taken and were not there
    residents: Any  # [S, LANES]
    measures: Any  # [M, S + G + 1, LANES]


def new_block(rates: Rates) -> Block:
    """Room for a block of draws of these rates."""
    sexes, ages, spaces = rates.people.shape
    like = rates.people
    fours = -(-spaces // 4) * 4
    units = -(-max(spaces, rates.groups) // 4) * 4
    return Block(
        np.zeros((2, sexes, ages, spaces, LANES), like.dtype),
        np.zeros((5, 1, LANES), like.dtype),
        np.zeros((5, rates.groups, LANES), like.dtype),
        np.zeros((5, spaces, LANES), like.dtype),
        np.zeros((5, spaces, LANES), like.dtype),
        np.zeros((units, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((fours, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((fours, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((spaces, LANES), like.dtype),
        np.zeros((rates.weight.shape[0], spaces + rates.groups + 1, LANES), like.dtype),
    )


@inner
def start(seed: Any, first: Any, rates: Any, block: Any) -> None:
    """People at the start, counted with an error whose mean is nothing; no rate deviates yet."""
    block.nation[:] = 0
    block.grouped[:] = 0
    block.space[:] = 0
    sexes, ages, spaces = rates.people.shape
    fill_normals(seed, first, NO_STEP, COUNT, block.normal[: -(-spaces // 4) * 4])
    for s in range(spaces):
        sd = rates.count_sd[s]
        mean = sd * sd / np.float32(2)
        for b in range(LANES):
            block.leavers[s, b] = exp(sd * block.normal[s, b] - mean)
    for x in range(sexes):
        for a in range(ages):
            for s in range(spaces):
                for b in range(LANES):
                    block.people[0, x, a, s, b] = rates.people[x, a, s] * block.leavers[s, b]


@inner
def step(seed: Any, first: Any, t: Any, rates: Any, block: Any) -> None:
    """Move a block of draws from the start of step t to its end."""
    before, after = block.people[t % 2], block.people[(t + 1) % 2]
    _deviate(seed, first, t, rates, block)
    block.births[:] = 0
    _add_births(rates.fertility[t], before[0], rates.youngest_mother, block.births)
    _survive_and_move(t, rates, before, after, block)
    _arrive(rates.arrivals[t], after, block)
    _add_births(rates.fertility[t], after[0], rates.youngest_mother, block.births)
    _born(t, rates, after, block)


@inner
def _deviate(seed: Any, first: Any, t: Any, rates: Any, block: Any) -> None:
    """The multiplier of every rate: the exponential of three first-order autoregressions, each started at 0.

    It is renewed when a period begins, so that steps of any length see the same deviations.
    """
    if t > 0 and rates.period[t] == rates.period[t - 1]:
        return
    for v in range(rates.persistence.shape[0]):
        kept = rates.persistence[v]
        _regress(seed, first, rates.period[t], 3 * v, kept, rates.innovation[v, 0], block.normal, block.nation[v])
        _regress(seed, first, rates.period[t], 3 * v + 1, kept, rates.innovation[v, 1], block.normal, block.grouped[v])
        _regress(seed, first, rates.period[t], 3 * v + 2, kept, rates.innovation[v, 2], block.normal, block.space[v])
        for s in range(rates.group.shape[0]):
            g = rates.group[s]
            for b in range(LANES):
                block.times[v, s, b] = exp(block.nation[v, 0, b] + block.grouped[v, g, b] + block.space[v, s, b])


@inner
def _regress(seed: Any, first: Any, t: Any, variable: Any, kept: Any, sd: Any, normal: Any, out: Any) -> None:
    """out = kept * out + sd * normal, for every row of ``out`` [rows, LANES]; without an sd, nothing is drawn."""
    if sd == 0:
        return
    rows = out.shape[0]
    fill_normals(seed, first, t, variable, normal[: -(-rows // 4) * 4])
    for row in range(rows):
        for b in range(LANES):
            out[row, b] = kept * out[row, b] + sd * normal[row, b]


@inner
def _add_births(fertility: Any, women: Any, youngest: Any, births: Any) -> None:
    for k in range(fertility.shape[0]):
        for s in range(fertility.shape[1]):
            rate = fertility[k, s]
            for b in range(LANES):
                births[s, b] += rate * women[youngest + k, s, b]


@inner
def _survive_and_move(t: Any, rates: Any, before: Any, after: Any, block: Any) -> None:
    """All but the newborn, corridor by corridor, so that what attracts in one is summed once.

    Those who leave are divided over destinations as the corridor has them, times what attracts, per origin.
    """
    corridor, oldest = -1, before.shape[1] - 1
    for i in range(rates.movers.shape[1]):
        x, a, c = rates.movers[t, i, 0], rates.movers[t, i, 1], rates.movers[t, i, 2]
        if c != corridor:
            multiply(rates.corridor[c], block.times[ATTRACTION], block.pull)
            corridor = c
        people = after[x, a]
        _keep_alive(rates.hazard[t, x, a - 1], block.times[DEATHS], before[x, a - 1], people)
        if a == oldest:
            _keep_alive(rates.hazard[t, x, a], block.times[DEATHS], before[x, a], block.leavers)
            _add(block.leavers, people)
        _move(rates.odds[t, x, a], rates.corridor[c], people, block)


@inner
def _move(odds: Any, corridor: Any, people: Any, block: Any) -> None:
    """Leavers settle elsewhere; ``pull`` of the block is what attracts in their corridor."""
    _leave(odds, block.times[LEAVING], block.pull, people, block.leavers)
    multiply_transposed(corridor, block.leavers, block.arrived)
    _settle(block.times[ATTRACTION], block.arrived, people)


@inner
def _keep_alive(hazard: Any, times: Any, people: Any, survivors: Any) -> None:
    wide_vectors()
    for s in range(hazard.shape[0]):
        lost = -hazard[s]
        for b in range(LANES):
            survivors[s, b] = people[s, b] * exp(lost * times[s, b])


@inner
def _add(more: Any, people: Any) -> None:
    for s in range(people.shape[0]):
        for b in range(LANES):
            people[s, b] += more[s, b]


@inner
def _leave(odds: Any, times: Any, pull: Any, people: Any, leavers: Any) -> None:
    """Take leavers out of ``people``; ``leavers`` is them divided by what attracts them in all."""
    wide_vectors()
    for s in range(odds.shape[0]):
        each = odds[s]
        for b in range(LANES):
            o = each * times[s, b]
            stayers = people[s, b] / (pull[s, b] + o * pull[s, b])
            leavers[s, b] = o * stayers
            people[s, b] = stayers * pull[s, b]


@inner
def _settle(attraction: Any, arrived: Any, people: Any) -> None:
    wide_vectors()
    for s in range(people.shape[0]):
        for b in range(LANES):
            people[s, b] += attraction[s, b] * arrived[s, b]


@inner
def _arrive(arrivals: Any, people: Any, block: Any) -> None:
    """Add net arrivals of every age but the first, which is not born yet."""
    block.cut[:] = 0
    for x in range(arrivals.shape[0]):
        for a in range(1, arrivals.shape[1]):
            _join(arrivals[x, a], block.times[ARRIVALS], people[x, a], block.cut)


@inner
def _join(arrivals: Any, times: Any, people: Any, cut: Any) -> None:
    zero = people.dtype.type(0)
    for s in range(arrivals.shape[0]):
        each = arrivals[s]
        if each != 0:
            for b in range(LANES):
                there = people[s, b] + each * times[s, b]
                people[s, b] = max(there, zero)
                cut[s, b] += max(-there, zero)


@inner
def _born(t: Any, rates: Any, people: Any, block: Any) -> None:
    """Children of the step who live at its end, where their mothers take them, and those of their age who arrive."""
    half, hazard, share = np.float32(0.5), rates.newborn_hazard[t], rates.sex_share
    for x in range(hazard.shape[0]):
        for s in range(hazard.shape[1]):
            for b in range(LANES):
                born = half * share[x] * block.births[s, b] * block.times[BIRTHS, s, b]
                people[x, 0, s, b] = born * exp(-hazard[x, s] * block.times[DEATHS, s, b])
        corridor = rates.corridor[rates.newborn_corridor[t, x]]
        multiply(corridor, block.times[ATTRACTION], block.pull)
        _move(rates.odds[t, x, 0], corridor, people[x, 0], block)
        _join(rates.arrivals[t, x, 0], block.times[ARRIVALS], people[x, 0], block.cut)


@inner
def measure(t: Any, rates: Any, block: Any) -> None:
    """Residents of every space, and the measures of every space, of every group of spaces and of all."""
    many, sexes, ages, spaces = rates.weight.shape
    people = block.people[(t + 1) % 2]
    block.measures[:] = 0
    block.residents[:] = 0
    for s in range(spaces):
        for x in range(sexes):
            for a in range(ages):
                for b in range(LANES):
                    block.residents[s, b] += people[x, a, s, b]
                for m in range(many):
                    weight = rates.weight[m, x, a, s]
                    if weight != 0:
                        for b in range(LANES):
                            block.measures[m, s, b] += weight * people[x, a, s, b]
    for m in range(many):
        for s in range(spaces):
            g = spaces + rates.group[s]
            for b in range(LANES):
                here = block.measures[m, s, b] * rates.factor[t, m, s]
                block.measures[m, s, b] = here
                block.measures[m, g, b] += here
                block.measures[m, spaces + rates.groups, b] += here
