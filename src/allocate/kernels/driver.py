"""Run a projection: without chance, draw by draw, or many draws counted.

Draws are counted chunk by chunk. In a chunk, threads first project blocks of draws and write which bucket each value
fell in, then share the cells out and count. Threads are plain ones, that call compiled code which holds no lock: no
setting of the process is touched, and any number of runs may go on at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numba.core import event

from allocate.errors import InputError, Problem
from allocate.kernels import run
from allocate.kernels.inputs import Inputs
from allocate.kernels.people import Block, Rates, new_block
from allocate.kernels.philox import LANES
from allocate.kernels.product import padded
from allocate.kernels.run import Buckets, Paths, Per, Sums
from allocate.kernels.services import Services, Supply, new_supply
from allocate.kernels.sketch import BUCKETS, Sketch, scale
from allocate.kernels.tally import Tally

type Array = np.ndarray[Any, np.dtype[Any]]
type Precision = Literal["single", "double"]

_FLOAT: Final = {"single": np.float32, "double": np.float64}
#: Bytes that the buckets of a chunk may take, and the most draws in one.
_ROOM: Final = 24 * 2**20
_MOST_CHUNK: Final = 4096
COMPILING: Final = "Compiling the projection for this machine, once: about ten seconds."


def project(inputs: Inputs, precision: Precision = "single") -> Paths:
    """The projection without chance: every rate on its path, everything delivered as planned.

    >>> from allocate.kernels.inputs import small
    >>> project(Inputs(**small(), boys=0.507)).residents.round(1).tolist()
    [[[283.5, 283.5]]]
    """
    rates, services = _prepared(inputs, precision)
    certain = rates._replace(innovation=rates.innovation * 0, count_sd=rates.count_sd * 0)
    planned = services._replace(sd=services.sd * 0, common_sd=services.common_sd * 0)
    return _written(0, 0, 1, certain, planned, people=True)


def paths(
    inputs: Inputs, seed: int, draws: int, *, first: int = 0, people: bool = False, precision: Precision = "single"
) -> Paths:
    """Draws ``first`` to ``first + draws`` written out, with everybody by sex, age and space if ``people``.

    Draw i is the same here and in ``simulate``, whatever else is asked. All are in memory at once: 52 spaces, 6 steps,
    6 measures and 7 services take 45 kB a draw, and people 45 more.

    >>> from allocate.kernels.inputs import small
    >>> inputs = Inputs(**small(), boys=0.507)
    >>> later = paths(inputs, seed=1, draws=5, first=95).residents
    >>> bool((later == paths(inputs, seed=1, draws=100).residents[95:]).all())
    True
    """
    _check(seed, draws, first)
    return _written(seed, first, draws, *_prepared(inputs, precision), people=people)


def simulate(
    inputs: Inputs,
    seed: int,
    draws: int,
    *,
    first: int = 0,
    threads: int | None = None,
    chunk: int | None = None,
    precision: Precision = "single",
    watch: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Tally:
    """Draws ``first`` to ``first + draws``, counted. The answer is the same to the bit for any threads and chunk.

    ``watch`` is told how many of the draws are done, before the first chunk and after each; ``say`` gets one line when
    machine code has to be made first. Memory does not grow with draws. Stopping (Ctrl-C) takes no longer than a chunk.

    >>> from allocate.kernels.inputs import small
    >>> inputs = Inputs(**small(), boys=0.507)
    >>> whole = simulate(inputs, seed=1, draws=1000)
    >>> halves = simulate(inputs, seed=1, draws=400), simulate(inputs, seed=1, draws=600, first=400, threads=2)
    >>> whole.digest == halves[1].merge(halves[0]).digest
    True
    """
    _check(seed, draws, first)
    threads = threads or getattr(os, "process_cpu_count", os.cpu_count)() or 1
    with _said(say):
        reference = project(inputs, precision)
        tally = _empty(inputs, seed, (first, first + draws), reference)
        size = chunk or _chunk(tally, threads)
        rates, services = _prepared(inputs, precision)
        per, room = _per(reference), _buckets(tally, size)
        with _pool(threads) as share:
            for done in range(0, draws, size):
                if watch:
                    watch(done, draws)
                _count(seed, first + done, min(size, draws - done), rates, services, per, room, tally, share)
    if watch:
        watch(draws, draws)
    return tally


def _check(seed: int, draws: int, first: int) -> None:
    problems = [
        Problem(name, f"{value}; expected a whole number from {least} to {most}")
        for name, value, least, most in (
            ("seed", seed, 0, 2**64 - 1),
            ("draws", draws, 1, 2**32 - 1),
            ("first", first, 0, 2**62),
        )
        if not least <= value <= most
    ]
    if problems:
        raise InputError("a run", problems)


@contextmanager
def _said(say: Callable[[str], None] | None) -> Iterator[None]:
    """Say so if anything is compiled meanwhile."""

    class Listener(event.Listener):
        told = False

        def on_start(self, _event: Any) -> None:
            if say and not self.told:
                say(COMPILING)
            self.told = True

        def on_end(self, _event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield


def _prepared(inputs: Inputs, precision: Precision) -> tuple[Rates, Services]:
    """The arrays as compiled code reads them."""
    T = _FLOAT[precision]

    def real(array: Any) -> Array:
        return np.ascontiguousarray(array, T)

    corridor = inputs.corridor.copy()
    nobody, at = np.nonzero(corridor.sum(axis=2) == 0)
    corridor[nobody, at, at] = 1.0  # nobody leaves by these; who does not leave comes back
    boys = np.array([1 - inputs.boys, inputs.boys])
    new = inputs.shock_sd * np.sqrt(1 - inputs.persistence**2)[:, None]
    rates = Rates(
        people=real(inputs.people),
        count_sd=real(inputs.count_sd),
        hazard=real(inputs.hazard),
        newborn_hazard=real(inputs.newborn_hazard),
        fertility=real(inputs.fertility),
        youngest_mother=inputs.youngest_mother,
        sex_share=real(boys),
        odds=real(inputs.odds),
        corridor=real(padded(corridor)),
        movers=_movers(inputs.corridor_of),
        newborn_corridor=np.ascontiguousarray(inputs.corridor_of[:, :, 0]),
        period=inputs.period,
        arrivals=real(inputs.arrivals),
        group=inputs.group,
        groups=inputs.groups,
        innovation=real(new),
        persistence=real(inputs.persistence),
        weight=real(inputs.weight),
        factor=real(inputs.factor),
    )
    services = Services(
        need=real(inputs.need),
        stock=real(inputs.stock),
        built=real(inputs.built),
        yields=real(inputs.yields),
        common_sd=real(inputs.delivery_common_sd),
        sd=real(inputs.delivery_sd),
    )
    return rates, services


def _movers(corridor_of: Array) -> Array:
    """Sex, age and corridor [T, X * (A - 1), 3] of all but the first age, those of one corridor after each other."""
    later = corridor_of[:, :, 1:]
    sex, age = (np.broadcast_to(i, later.shape).reshape(len(later), -1) for i in np.indices(later.shape)[1:])
    corridor = later.reshape(len(later), -1)
    order = np.argsort(corridor, axis=1, kind="stable")
    return np.stack([np.take_along_axis(a, order, axis=1) for a in (sex, age + 1, corridor)], axis=2)


def _written(seed: int, first: int, draws: int, rates: Rates, services: Services, people: bool) -> Paths:
    """Room for draws, filled."""
    per, room, sums = (kind(*(np.empty((0,) * n, T) for n in dims)) for kind, T, dims in _nothing(rates.people.dtype))
    out = _paths(draws, rates, services, people)
    run.advance(np.uint64(seed), first, 0, draws, draws, rates, services, *_work(rates, services), per, room, sums, out)
    return out


def _paths(draws: int, rates: Rates, services: Services, people: bool) -> Paths:
    steps, sexes, ages, spaces = rates.hazard.shape
    many, regions, kinds = len(rates.weight), spaces + rates.groups + 1, services.sd.size
    served = (draws, steps, kinds, spaces)
    shapes = [(draws, steps, many, regions), (draws, steps, spaces), *[served] * 4, (draws, steps, spaces)]
    shapes.append((draws if people else 0, steps, sexes, ages, spaces))
    return Paths(*(np.empty(shape, rates.people.dtype) for shape in shapes))


def _work(rates: Rates, services: Services) -> tuple[Block, Supply]:
    """Room to work in, of one thread."""
    return new_block(rates), new_supply(services)


def _nothing(T: Any) -> list[Any]:
    """What is given for counting where draws are written: arrays of these kinds, types and dimensions, all empty."""
    return [(Per, T, (3, 3, 3, 2)), (Buckets, np.uint16, (4, 4)), (Sums, np.int64, (3, 3, 3, 3, 3, 2, 2))]


def _empty(inputs: Inputs, seed: int, draws: tuple[int, int], reference: Paths) -> Tally:
    """A tally of draws that are not counted yet."""
    measures, adequacy = (np.asarray(a[0], float) for a in (reference.measures, reference.adequacy))
    served, lived = adequacy.shape, reference.residents[0].shape
    shapes = (measures.shape, served, served, served, served, lived, lived)
    return Tally(
        inputs.digest,
        seed,
        (draws,),
        inputs.group,
        reference,
        Sketch(np.zeros((*measures.shape, BUCKETS), np.uint32), measures),
        Sketch(np.zeros((*served, BUCKETS), np.uint32), adequacy),
        Sums(*(np.zeros(shape, np.int64) for shape in shapes)),
    )


def _per(reference: Paths) -> Per:
    whole = (reference.measures, reference.adequacy, reference.demand, reference.residents)
    return Per(*((1 / scale(np.asarray(a[0], float))).astype(a.dtype) for a in whole))


def _chunk(tally: Tally, threads: int) -> int:
    """As many draws as there is room for, as whole blocks for every thread."""
    cells = tally.measures.reference.size + tally.adequacy.reference.size
    turn = LANES * threads
    return max(turn, min(_MOST_CHUNK, _ROOM // (2 * max(cells, 1))) // turn * turn)


def _buckets(tally: Tally, size: int) -> Buckets:
    room = -(-size // LANES) * LANES
    return Buckets(
        *(np.empty((*sketch.reference.shape, room), np.uint16) for sketch in (tally.measures, tally.adequacy))
    )


type _Share = Callable[[Callable[[int, int], Any], int, int], list[Any]]


@contextmanager
def _pool(threads: int) -> Iterator[_Share]:
    """A function that shares a range out among threads, in parts of whole units, and returns what they gave."""
    with ThreadPoolExecutor(threads) as pool:

        def share(work: Callable[[int, int], Any], size: int, unit: int) -> list[Any]:
            part = max(1, -(-size // (4 * threads * unit))) * unit
            starts = range(0, size, part)
            return list(pool.map(work, starts, [min(start + part, size) for start in starts]))

        yield share


def _count(
    seed: int,
    first: int,
    draws: int,
    rates: Rates,
    services: Services,
    per: Per,
    room: Buckets,
    tally: Tally,
    share: _Share,
) -> None:
    """Add a chunk of draws to a tally."""
    nowhere = _paths(0, rates, services, people=False)

    def advance(low: int, high: int) -> Sums:
        sums = Sums(*(np.zeros_like(total) for total in tally.sums))
        run.advance(
            np.uint64(seed), first, low, high, draws, rates, services, *_work(rates, services), per, room, sums, nowhere
        )
        return sums

    for sums in share(advance, draws, LANES):
        for total, part in zip(tally.sums, sums, strict=True):
            total += part
    for where, sketch in zip(room, (tally.measures, tally.adequacy), strict=True):
        flat, counts = where.reshape(-1, where.shape[-1]), sketch.counts.reshape(-1, BUCKETS)
        share(partial(_fold, flat, draws, counts), len(flat), 1)


def _fold(buckets: Array, draws: int, counts: Array, low: int, high: int) -> None:
    run.fold(buckets, draws, low, high, counts)
