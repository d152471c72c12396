"""The two compiled ways through all steps: count draws, or write them out.

Each works on blocks of draws that do not know of each other, lets other threads run meanwhile, and is compiled once for a
machine and a type of number: the machine code is kept beside this file, or in the user's own cache where that cannot be
written. It is kept under a digest of every kernel's text, so that a change in any of them is compiled anew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from allocate.kernels.elementary import kernel
from allocate.kernels.people import measure, new_block, start, step
from allocate.kernels.philox import LANES
from allocate.kernels.services import deliver, new_supply, serve
from allocate.kernels.sketch import PARTS, PROBABILITY_PARTS, add, count, put


class Per(NamedTuple):
    """One over the reference of what is counted."""

    measures: Any  # [T, M, R]
    adequacy: Any  # [T, K, S]
    demand: Any  # [T, K, S]
    residents: Any  # [T, S]


class Sums(NamedTuple):
    """Sums over draws, in parts of the reference (probabilities: of 1), as 64-bit whole numbers."""

    measures: Any  # [T, M, R]
    chance: Any  # [T, K, S]
    short: Any  # [T, K, S]
    backlog: Any  # [T, K, S]
    served: Any  # [T, K, S]
    residents: Any  # [T, S]
    cut: Any  # [T, S]


class Paths(NamedTuple):
    """Draws written out one by one, [draws, T, ...]; without chance there is one. ``people`` may have no draws."""

    measures: Any  # [D, T, M, R]
    residents: Any  # [D, T, S]
    demand: Any  # [D, T, K, S]
    capacity: Any  # [D, T, K, S]
    chance: Any  # [D, T, K, S] of adequacy, given people and the common part of delivery
    short: Any  # [D, T, K, S] of a shortfall at the step or before, given the same
    cut: Any  # [D, T, S] people that arrivals below zero would have taken and were not there
    people: Any  # [D, T, X, A, S]

    @property
    def adequacy(self) -> Any:
        """Capacity over demand [D, T, K, S]; infinite where there is no demand."""
        return np.divide(
            self.capacity, self.demand, out=np.full_like(self.demand, np.inf), where=np.asarray(self.demand) > 0
        )


class Buckets(NamedTuple):
    """Where each draw of a chunk fell, in 16 bits; draws are innermost."""

    measures: Any  # [T, M, R, chunk]
    adequacy: Any  # [T, K, S, chunk]


@kernel
def _tally_people(t: Any, block: Any, per: Any, at: Any, mask: Any, buckets: Any, sums: Any) -> None:
    parts = np.float32(PARTS)
    for m in range(per.measures.shape[1]):
        for r in range(per.measures.shape[2]):
            values, unit = block.measures[m, r], per.measures[t, m, r]
            put(values, unit, buckets.measures[t, m, r, at : at + LANES])
            sums.measures[t, m, r] += add(values, unit, parts, mask)
    for s in range(per.residents.shape[1]):
        sums.residents[t, s] += add(block.residents[s], per.residents[t, s], parts, mask)
        sums.cut[t, s] += add(block.cut[s], per.residents[t, s], parts, mask)


@kernel
def _tally_services(
    t: Any, services: Any, block: Any, supply: Any, per: Any, at: Any, mask: Any, buckets: Any, sums: Any
) -> None:
    parts, certain, one = np.float32(PARTS), np.float32(PROBABILITY_PARTS), np.float32(1)
    for k in range(per.demand.shape[1]):
        for s in range(per.demand.shape[2]):
            serve(t, k, s, services, block.measures, block.residents, supply)
            put(supply.adequacy, per.adequacy[t, k, s], buckets.adequacy[t, k, s, at : at + LANES])
            sums.chance[t, k, s] += add(supply.chance, one, certain, mask)
            sums.short[t, k, s] += add(supply.short, one, certain, mask)
            sums.backlog[t, k, s] += add(supply.backlog, per.demand[t, k, s], parts, mask)
            sums.served[t, k, s] += add(supply.served, per.residents[t, s], parts, mask)


@kernel
def _write(t: Any, at: Any, many: Any, services: Any, block: Any, supply: Any, out: Any) -> None:
    for b in range(many):
        out.measures[at + b, t] = block.measures[:, :, b]
        out.residents[at + b, t] = block.residents[:, b]
        out.cut[at + b, t] = block.cut[:, b]
        if out.people.shape[0]:
            out.people[at + b, t] = block.people[:, :, :, b]
    for k in range(out.demand.shape[2]):
        for s in range(out.demand.shape[3]):
            serve(t, k, s, services, block.measures, block.residents, supply)
            for b in range(many):
                out.demand[at + b, t, k, s] = supply.demand[b]
                out.capacity[at + b, t, k, s] = supply.capacity[b]
                out.chance[at + b, t, k, s] = supply.chance[b]
                out.short[at + b, t, k, s] = supply.short[b]


def _text() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _compiled(text: str) -> tuple[Any, Any, Any]:
    """The entry points. What they close over is part of their key in the cache; nothing else is done with ``text``."""
    options: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}, "nogil": True, "cache": True}

    @njit(**options)
    def tally(
        seed: Any,
        first: Any,
        low: Any,
        high: Any,
        draws: Any,
        rates: Any,
        services: Any,
        per: Any,
        buckets: Any,
        sums: Any,
    ) -> None:
        text  # noqa: B018
        block, supply = new_block(rates), new_supply(services)
        mask = np.empty(LANES, np.int32)
        for at in range(low, high, LANES):
            for b in range(LANES):
                mask[b] = 1 if at + b < draws else 0
            start(seed, first + at, rates, block)
            deliver(seed, first + at, services, supply)
            for t in range(rates.hazard.shape[0]):
                step(seed, first + at, t, rates, block)
                measure(t, rates, block)
                _tally_people(t, block, per, at, mask, buckets, sums)
                _tally_services(t, services, block, supply, per, at, mask, buckets, sums)

    @njit(**options)
    def write(seed: Any, first: Any, low: Any, high: Any, draws: Any, rates: Any, services: Any, out: Any) -> None:
        text  # noqa: B018
        block, supply = new_block(rates), new_supply(services)
        for at in range(low, high, LANES):
            start(seed, first + at, rates, block)
            deliver(seed, first + at, services, supply)
            for t in range(rates.hazard.shape[0]):
                step(seed, first + at, t, rates, block)
                measure(t, rates, block)
                _write(t, at, min(LANES, draws - at), services, block, supply, out)

    @njit(**options)
    def fold(buckets: Any, draws: Any, low: Any, high: Any, counts: Any) -> None:
        text  # noqa: B018
        count(buckets, draws, low, high, counts)

    return tally, write, fold


tally, write, fold = _compiled(_text())
