"""Slow twin of the projection kernels: one draw, one person's cell at a time, in loops that anybody can check."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from allocate.kernels import Inputs

type Normals = Callable[[int, int, int], np.ndarray]
DEATHS, BIRTHS, LEAVING, ATTRACTION, ARRIVALS = range(5)


@dataclass(frozen=True)
class DrawTwin:
    """What ``paths`` writes for one draw, [steps, ...]."""

    people: np.ndarray
    measures: np.ndarray
    residents: np.ndarray
    demand: np.ndarray
    capacity: np.ndarray
    chance: np.ndarray
    short: np.ndarray
    cut: np.ndarray


def draw_twin(inputs: Inputs, normals: Normals) -> DrawTwin:
    """One draw; ``normals(step, variable, numbers)`` are its random numbers."""
    steps, _, _, spaces = inputs.hazard.shape
    error = normals(0, 15, spaces)
    n = inputs.people.copy()
    for s in range(spaces):
        n[:, :, s] *= math.exp(inputs.count_sd[s] * error[s] - inputs.count_sd[s] ** 2 / 2)
    kinds = inputs.delivery_sd.size
    chi = normals(0, 16, kinds)
    zeta = [normals(0, 17 + k, spaces) for k in range(kinds)]
    deviation = [[np.zeros(1), np.zeros(inputs.groups), np.zeros(spaces)] for _ in range(5)]
    worst = np.zeros((kinds, spaces))
    kept: dict[str, list[np.ndarray]] = {name: [] for name in DrawTwin.__annotations__}
    for t in range(steps):
        if t == 0 or inputs.period[t] != inputs.period[t - 1]:
            now = int(inputs.period[t])
            times = np.array([rate_twin(inputs, v, deviation[v], now, normals) for v in range(5)])
        n, cut = step_twin(inputs, t, n, times)
        measures = measures_twin(inputs, t, n)
        demand, capacity, chance = services_twin(inputs, t, measures, chi, zeta)
        worst = np.maximum(worst, 1 - chance)
        seen = (n, measures, n.sum(axis=(0, 1)), demand, capacity, chance, worst, cut)
        for name, value in zip(kept, seen, strict=True):
            kept[name].append(value)
    return DrawTwin(**{name: np.array(values) for name, values in kept.items()})


def rate_twin(inputs: Inputs, v: int, deviation: list[np.ndarray], t: int, normals: Normals) -> list[float]:
    """The multiplier of a rate in each space in period t; moves ``deviation`` on by a period."""
    rho = inputs.persistence[v]
    for level in range(3):
        new = normals(t, 3 * v + level, deviation[level].size)
        deviation[level][:] = rho * deviation[level] + inputs.shock_sd[v, level] * math.sqrt(1 - rho**2) * new
    nation, group, space = deviation
    return [math.exp(nation[0] + group[inputs.group[s]] + space[s]) for s in range(inputs.group.size)]


def step_twin(inputs: Inputs, t: int, n: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """People [X, A, S] at the end of a step, and those [S] that were to leave the country and were not there."""
    sexes, ages, spaces = n.shape
    new, cut = np.zeros_like(n), np.zeros(spaces)
    for x in range(sexes):
        for a in range(ages):
            for s in range(spaces):
                alive = n[x, a, s] * math.exp(-inputs.hazard[t, x, a, s] * times[DEATHS, s])
                new[x, min(a + 1, ages - 1), s] += alive
    for x in range(sexes):
        for a in range(1, ages):
            new[x, a] = moved_twin(inputs, t, x, a, new[x, a], times)
    for x in range(sexes):
        for a in range(1, ages):
            for s in range(spaces):
                cut[s] += join_twin(new, x, a, s, inputs.arrivals[t, x, a, s] * times[ARRIVALS, s])
    for s in range(spaces):
        births = 0.0
        for k in range(inputs.fertility.shape[1]):
            a = inputs.youngest_mother + k
            births += inputs.fertility[t, k, s] * (n[0, a, s] + new[0, a, s]) / 2 * times[BIRTHS, s]
        for x, share in enumerate((1 - inputs.boys, inputs.boys)):
            new[x, 0, s] += births * share * math.exp(-inputs.newborn_hazard[t, x, s] * times[DEATHS, s])
    for x in range(sexes):
        new[x, 0] = moved_twin(inputs, t, x, 0, new[x, 0], times)
        for s in range(spaces):
            cut[s] += join_twin(new, x, 0, s, inputs.arrivals[t, x, 0, s] * times[ARRIVALS, s])
    return new, cut


def moved_twin(inputs: Inputs, t: int, x: int, a: int, people: np.ndarray, times: np.ndarray) -> np.ndarray:
    """People [S] of an age where they are after the move."""
    after = np.zeros_like(people)
    for s in range(people.size):
        odds = inputs.odds[t, x, a, s] * times[LEAVING, s]
        leavers = people[s] * odds / (1 + odds)
        after[s] += people[s] - leavers
        row = inputs.corridor[inputs.corridor_of[t, x, a], s] * times[ATTRACTION]
        for d in range(people.size):
            if leavers > 0:
                after[d] += leavers * row[d] / row.sum()
    return after


def join_twin(people: np.ndarray, x: int, a: int, s: int, arrivals: float) -> float:
    """Adds arrivals, never below 0; returns what was cut."""
    there = people[x, a, s] + arrivals
    people[x, a, s] = max(there, 0.0)
    return max(-there, 0.0)


def measures_twin(inputs: Inputs, t: int, n: np.ndarray) -> np.ndarray:
    """Measures [M, spaces, groups and all]."""
    many, _, _, spaces = inputs.weight.shape
    out = np.zeros((many, spaces + inputs.groups + 1))
    for m in range(many):
        for s in range(spaces):
            value = inputs.factor[t, m, s] * sum(
                inputs.weight[m, x, a, s] * n[x, a, s] for x in range(n.shape[0]) for a in range(n.shape[1])
            )
            for region in (s, spaces + inputs.group[s], spaces + inputs.groups):
                out[m, region] += value
    return out


def services_twin(inputs, t, measures, chi, zeta) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Demand, capacity and the probability of adequacy given people and chi, [K, S] each."""
    kinds, spaces = inputs.stock.shape[1:]
    demand, capacity, chance = (np.zeros((kinds, spaces)) for _ in range(3))
    for k in range(kinds):
        for s in range(spaces):
            common, sd = inputs.delivery_common_sd[k] * chi[k], inputs.delivery_sd[k]
            stock, built, part = (a[t, k, s] for a in (inputs.stock, inputs.built, inputs.yields))
            demand[k, s] = sum(inputs.need[t, k, m] * measures[m, s] for m in range(measures.shape[0]))
            capacity[k, s] = (stock + built * math.exp(common + sd * zeta[k][s])) * part
            if stock * part >= demand[k, s]:
                chance[k, s] = 1
            elif sd * built * part > 0:
                critical = (math.log((demand[k, s] / part - stock) / built) - common) / sd
                chance[k, s] = ndtr(-critical)
            else:
                chance[k, s] = float(capacity[k, s] >= demand[k, s])
    return demand, capacity, chance
