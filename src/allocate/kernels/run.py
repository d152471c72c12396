"""The compiled way through all steps, to count draws or to write them out.

It works on blocks of draws that do not know of each other, lets other threads run meanwhile, and is compiled once for a
machine and a type of number (``compiled``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from allocate.kernels.compiled import TEXT, kept
from allocate.kernels.elementary import inner
from allocate.kernels.people import measure, start, step
from allocate.kernels.philox import LANES
from allocate.kernels.services import deliver, serve
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


@inner
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


@inner
def _tally_service(t: Any, k: Any, supply: Any, per: Any, at: Any, mask: Any, buckets: Any, sums: Any) -> None:
    parts, certain, one = np.float32(PARTS), np.float32(PROBABILITY_PARTS), np.float32(1)
    for s in range(per.demand.shape[2]):
        put(supply.adequacy[s], per.adequacy[t, k, s], buckets.adequacy[t, k, s, at : at + LANES])
        sums.chance[t, k, s] += add(supply.chance[s], one, certain, mask)
        sums.short[t, k, s] += add(supply.worst[k, s], one, certain, mask)
        sums.backlog[t, k, s] += add(supply.backlog[s], per.demand[t, k, s], parts, mask)
        sums.served[t, k, s] += add(supply.served[s], per.residents[t, s], parts, mask)


@inner
def _write_people(t: Any, at: Any, many: Any, block: Any, out: Any) -> None:
    for b in range(many):
        for s in range(block.residents.shape[0]):
            out.residents[at + b, t, s] = block.residents[s, b]
            out.cut[at + b, t, s] = block.cut[s, b]
        for m in range(block.measures.shape[0]):
            for r in range(block.measures.shape[1]):
                out.measures[at + b, t, m, r] = block.measures[m, r, b]
        if out.people.shape[0]:
            for x in range(out.people.shape[2]):
                for a in range(out.people.shape[3]):
                    for s in range(out.people.shape[4]):
                        out.people[at + b, t, x, a, s] = block.people[(t + 1) % 2, x, a, s, b]


@inner
def _write_service(t: Any, k: Any, at: Any, many: Any, supply: Any, out: Any) -> None:
    for b in range(many):
        for s in range(supply.demand.shape[0]):
            out.demand[at + b, t, k, s] = supply.demand[s, b]
            out.capacity[at + b, t, k, s] = supply.capacity[s, b]
            out.chance[at + b, t, k, s] = supply.chance[s, b]
            out.short[at + b, t, k, s] = supply.worst[k, s, b]


def _compiled(text: str) -> tuple[Any, Any]:
    """The entry points. What they close over is part of their key in the cache; nothing else is done with ``text``."""

    def advance(
        seed: Any,
        first: Any,
        low: Any,
        high: Any,
        draws: Any,
        rates: Any,
        services: Any,
        block: Any,
        supply: Any,
        per: Any,
        buckets: Any,
        sums: Any,
        out: Any,
    ) -> None:
        text  # noqa: B018
        mask = np.empty(LANES, np.int32)
        for at in range(low, high, LANES):
            for b in range(LANES):
                mask[b] = 1 if at + b < draws else 0
            start(seed, first + at, rates, block)
            deliver(seed, first + at, services, supply)
            for t in range(rates.hazard.shape[0]):
                step(seed, first + at, t, rates, block)
                measure(t, rates, block)
                if out.measures.shape[0]:
                    _write_people(t, at, min(LANES, draws - at), block, out)
                else:
                    _tally_people(t, block, per, at, mask, buckets, sums)
                for k in range(services.sd.shape[0]):
                    serve(t, k, services, block.measures, block.residents, supply)
                    if out.measures.shape[0]:
                        _write_service(t, k, at, min(LANES, draws - at), supply, out)
                    else:
                        _tally_service(t, k, supply, per, at, mask, buckets, sums)

    def fold(buckets: Any, draws: Any, low: Any, high: Any, counts: Any) -> None:
        text  # noqa: B018
        count(buckets, draws, low, high, counts)

    return kept(advance), kept(fold)


advance, fold = _compiled(TEXT)
