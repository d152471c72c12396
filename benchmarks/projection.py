"""Many draws of people, beside chunked numpy and JAX: ``python -m benchmarks projection``.

One workload for all: 52 spaces, two sexes, five-year ages over six steps or single years over thirty, every age and sex
with a matrix of its own for where it goes, five rates that vary by draw in three levels; people by space and step come
out. numpy works on chunks of draws, each product one call of BLAS, with arrays that are used again and random numbers
of the fastest kind; of several chunks the best is shown. CPU seconds of one thread, interleaved, medians; then two
threads by the clock, beside two busy loops at once, which say how much of a second core there was.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocate.kernels import Inputs, paths, simulate
from benchmarks.measure import measure

SPACES: Final = 52
GROUPS: Final = 9
#: Years of an age and of a step, and steps.
RESOLUTIONS: Final = ((5, 6), (1, 30))
CHUNKS: Final = (32, 64, 128, 256)

type Values = np.ndarray[Any, np.dtype[Any]]


def made_up(
    years: int,
    steps: int,
    seed: int = 0,
    measures: int = 6,
    services: int = 7,
    spaces: int = SPACES,
    shared: bool = False,
) -> Inputs:
    """Inputs of the size of South Africa with ages of so many years; every sex and age has its own corridor, unless one
    is ``shared`` by all.

    >>> made_up(5, 6).people.shape
    (2, 18, 52)
    """
    chance = np.random.default_rng(seed)
    age = np.arange(0, 90 if years == 5 else 91, years) + years / 2
    ages = len(age)
    place = chance.uniform(0, 1200, (spaces, 2))
    size = chance.lognormal(0, 0.8, spaces)
    shape = np.exp(-age / 32)
    people = 31e6 * np.multiply.outer(np.stack([shape, shape]) / shape.sum(), size / size.sum())
    death = 0.004 * np.exp(-age / 2.5) + 0.0006 * np.exp(0.075 * np.maximum(age - 20, 0))
    move = 0.004 + 0.02 * np.exp(-0.1 * age) + 0.06 * np.exp(-0.1 * (age - 20) - np.exp(-0.4 * (age - 20)))
    moves = np.where(age < years, 0.0, move)  # the newborn stay in the peers, and so they do here
    mothers = np.flatnonzero((age > 15) & (age < 50))
    bearing = np.exp(-(((age[mothers] - 27) / 8) ** 2) / 2)
    over = (steps, 2, ages, spaces)
    hazard = years * np.broadcast_to(np.multiply.outer(np.minimum(death, 0.4), chance.lognormal(0, 0.1, spaces)), over)
    count = people.sum(axis=(0, 1)) / 3.3
    built = (
        np.cumsum(np.full(steps, 0.02 * years))[:, None, None] * chance.lognormal(0, 0.3, (services, spaces)) * count
    )
    adults = np.broadcast_to((age > 18) * 0.45, (2, ages))
    weight = np.ones((measures, 2, ages, spaces)) * np.stack([adults] * measures)[..., None]
    if measures:
        weight[0] = 1
    if measures > 2:
        weight[1, 1], weight[2, 0] = 0, 0
    need = np.zeros((steps, services, measures))
    need[:, :, -1:] = 1
    return Inputs(
        people=people,
        count_sd=np.full(spaces, 0.01),
        hazard=hazard,
        newborn_hazard=np.full((steps, 2, spaces), 0.03),
        fertility=np.broadcast_to(
            years * (2.4 / years * bearing / bearing.sum())[:, None], (steps, len(mothers), spaces)
        ),
        youngest_mother=int(mothers[0]),
        boys=0.507,
        odds=np.expm1(years * np.broadcast_to(np.multiply.outer(moves, chance.lognormal(0, 0.3, spaces)), over)),
        corridor=_corridors(place, size, np.array([30.0]) if shared else np.concatenate([age, age])),
        corridor_of=np.broadcast_to(0 if shared else np.arange(2 * ages).reshape(2, ages), (steps, 2, ages)),
        arrivals=np.zeros(over),
        group=np.arange(spaces) % GROUPS,
        period=np.arange(steps) * years // 5,
        shock_sd=np.outer([0.06, 0.08, 0.2, 0.15, 0.3], [0.5, 0.5, 0.7]),
        persistence=np.array([0.9, 0.85, 0.8, 0.8, 0.5]) ** (years / 5),
        weight=weight,
        factor=np.ones((steps, measures, spaces)),
        need=need,
        stock=np.broadcast_to(0.9 * count, (steps, services, spaces)),
        built=built,
        yields=np.ones((steps, services, spaces)),
        delivery_common_sd=np.full(services, 0.1),
        delivery_sd=np.full(services, 0.2),
    )


def _corridors(place: Values, size: Values, age: Values) -> Values:
    """Gravity by distance, which deters the young least: a matrix for each age, rows summing to 1."""
    distance = np.hypot(*(place[:, None] - place).transpose(2, 0, 1)) + 30
    deters = 1.1 - 0.4 * np.exp(-(((age - 25) / 15) ** 2))
    flow = size**0.9 * distance ** -deters[:, None, None]
    flow[:, np.arange(size.size), np.arange(size.size)] = 0
    return np.asarray(flow / flow.sum(axis=2, keepdims=True))


class Chunk:
    """A chunk of draws in numpy: state [sex, age, draw, space], so that every product is one of BLAS.

    Everything that does not differ by draw is worked out once, and all arrays of the size of the state are used again.
    Without arrivals, which are nothing here. ``forward`` gives people [steps, draws, spaces].
    """

    def __init__(self, inputs: Inputs, draws: int, kind: Any) -> None:
        def real(array: Any) -> Values:
            return np.ascontiguousarray(array, kind)

        self.draws, self.kind, self.inputs = draws, kind, inputs
        steps, sexes, ages, spaces = inputs.hazard.shape
        matrices = inputs.corridor[inputs.corridor_of[0, :, 1:]]
        self.toward, self.away = real(matrices.swapaxes(-1, -2)), real(matrices)
        self.hazard, self.odds = real(-inputs.hazard[:, :, :, None]), real(inputs.odds[:, :, 1:, None])
        self.newborn, self.fertility = real(-inputs.newborn_hazard[:, :, None]), real(inputs.fertility / 2)
        self.first, self.last = inputs.youngest_mother, inputs.youngest_mother + inputs.fertility.shape[1]
        self.people, self.sd = real(inputs.people[:, :, None]), real(inputs.count_sd)
        self.new = real(inputs.shock_sd * np.sqrt(1 - inputs.persistence[:, None] ** 2))
        self.rho, self.groups = real(inputs.persistence)[:, None, None], inputs.groups
        self.share = real([1 - inputs.boys, inputs.boys])
        self.chance = np.random.Generator(np.random.SFC64(1))
        self.n = np.empty((sexes, ages, draws, spaces), kind)
        self.alive = np.empty_like(self.n)
        self.moved, self.room, self.pull = (np.empty((sexes, ages - 1, draws, spaces), kind) for _ in range(3))
        self.out = np.empty((steps, draws, spaces), kind)

    def forward(self) -> Values:
        """All steps of as many draws as there are in a chunk."""
        spaces, normal = self.n.shape[3], partial(self.chance.standard_normal, dtype=self.kind)
        np.multiply(self.people, np.exp(self.sd * normal((self.draws, spaces)) - self.sd**2 / 2), out=self.n)
        levels = [np.zeros((5, self.draws, units), self.kind) for units in (1, self.groups, spaces)]
        for t in range(len(self.out)):
            for level, deviation in enumerate(levels):
                deviation *= self.rho
                deviation += self.new[:, level, None, None] * normal(deviation.shape)
            deaths, births, leaving, attraction, _ = np.exp(levels[0] + levels[1][:, :, self.inputs.group] + levels[2])
            women = self.n[0, self.first : self.last]
            born = np.einsum("ks,kds->ds", self.fertility[t], women)
            self._survive_and_move(t, deaths, leaving, attraction)
            born += np.einsum("ks,kds->ds", self.fertility[t], self.n[0, self.first : self.last])
            born *= births
            for sex, share in enumerate(self.share):
                self.n[sex, 0] = born * share * np.exp(self.newborn[t, sex] * deaths)
            np.sum(self.n, axis=(0, 1), out=self.out[t])
        return self.out

    def _survive_and_move(self, t: int, deaths: Values, leaving: Values, attraction: Values) -> None:
        np.multiply(self.hazard[t], deaths, out=self.alive)
        np.exp(self.alive, out=self.alive)
        self.alive *= self.n
        self.alive[:, -2] += self.alive[:, -1]
        older, leavers, room = self.alive[:, :-1], self.moved, self.room
        np.multiply(self.odds[t], leaving, out=leavers)
        np.add(leavers, 1, out=room)
        leavers /= room
        leavers *= older
        older -= leavers
        np.matmul(attraction, self.toward, out=self.pull)
        leavers /= self.pull
        np.matmul(leavers, self.away, out=room)
        room *= attraction
        np.add(older, room, out=self.n[:, 1:])


def in_numpy(inputs: Inputs, draws: int, chunk: int, kind: Any) -> float:
    """People at the end, summed over draws, chunk by chunk."""
    work = Chunk(inputs, chunk, kind)
    return sum(float(work.forward()[-1].sum()) for _ in range(0, draws, chunk))


def in_jax(inputs: Inputs, chunk: int) -> Callable[[int], float]:
    """The same in JAX, single precision, one compiled scan over steps of a chunk."""
    jax: Any = importlib.import_module("jax")
    jnp = jax.numpy
    real = partial(jnp.asarray, dtype=jnp.float32)
    matrices = inputs.corridor[inputs.corridor_of[0, :, 1:]]
    toward, away = real(matrices.swapaxes(-1, -2)), real(matrices)
    new = real(inputs.shock_sd * np.sqrt(1 - inputs.persistence[:, None] ** 2))
    rho, group, share = real(inputs.persistence)[:, None, None], inputs.group, (1 - inputs.boys, inputs.boys)
    first, last = inputs.youngest_mother, inputs.youngest_mother + inputs.fertility.shape[1]
    units = (1, inputs.groups, SPACES)
    rates = tuple(map(real, (inputs.hazard, inputs.odds[:, :, 1:], inputs.newborn_hazard, inputs.fertility / 2)))

    def step(state: Any, now: Any) -> Any:
        n, levels = state
        key, (hazard, odds, newborn, fertility) = now
        keys = jax.random.split(key, 3)
        levels = [
            rho * deviation + new[:, level, None, None] * jax.random.normal(keys[level], (5, chunk, units[level]))
            for level, deviation in enumerate(levels)
        ]
        deaths, births, leaving, attraction, _ = jnp.exp(levels[0] + levels[1][:, :, group] + levels[2])
        alive = n * jnp.exp(-hazard[:, :, None] * deaths)
        older = alive[:, :-1].at[:, -1].add(alive[:, -1])
        odds = odds[:, :, None] * leaving
        leavers = older * odds / (1 + odds)
        arrived = attraction * jnp.matmul(leavers / jnp.matmul(attraction, toward), away)
        settled = older - leavers + arrived
        women = n[0, first:last] + settled[0, first - 1 : last - 1]
        born = jnp.einsum("ks,kds->ds", fertility, women) * births
        children = jnp.stack([born * share[x] * jnp.exp(-newborn[x] * deaths) for x in (0, 1)])
        n = jnp.concatenate([children[:, None], settled], axis=1)
        return (n, levels), n.sum((0, 1))

    def forward(key: Any) -> Any:
        sd = real(inputs.count_sd)
        start, key = jax.random.split(key)
        error = jnp.exp(sd * jax.random.normal(start, (chunk, SPACES)) - sd**2 / 2)
        levels = [jnp.zeros((5, chunk, many)) for many in units]
        return jax.lax.scan(
            step, (real(inputs.people)[:, :, None] * error, levels), (jax.random.split(key, len(rates[0])), rates)
        )[1]

    compiled = jax.jit(forward)
    return lambda draws: sum(float(compiled(jax.random.key(i))[-1].sum()) for i in range(-(-draws // chunk)))


def lean(inputs: Inputs) -> Inputs:
    """The same people without measures and services: people by space come out, as of the peers."""
    none = {name: getattr(inputs, name)[:, :0] for name in ("stock", "built", "yields")}
    deliveries = {name: np.zeros(0) for name in ("delivery_sd", "delivery_common_sd")}
    measures = {"weight": inputs.weight[:0], "factor": inputs.factor[:, :0], "need": inputs.need[:, :0, :0]}
    return replace(inputs, **none, **deliveries, **measures)


def tables(draws: int = 10_000, repeats: int = 5) -> None:
    """Print microseconds a draw of ours and of the peers, then two threads, memory, starting up and policies."""
    for years, steps in RESOLUTIONS:
        speed(made_up(years, steps), draws if years == 5 else draws // 10, repeats)
    for years, steps in RESOLUTIONS:
        two_threads(made_up(years, steps), draws if years == 5 else draws // 10, repeats)
    for years, steps in RESOLUTIONS:
        memory(years, steps, 10 * draws)
    starting()
    policies(made_up(5, 6), draws)


def speed(inputs: Inputs, draws: int, repeats: int) -> None:
    """The table of one resolution; the peers do a part of the draws that is enough to time them."""
    people, few = lean(inputs), max(256, draws // 10)
    verbs: dict[str, Callable[[], Any]] = {
        "ours, single": partial(paths, people, 1, draws),
        "ours, single, 6 measures and 7 services counted": partial(simulate, inputs, 1, draws, threads=1),
        "ours, double (audit)": partial(paths, people, 1, few, precision="double"),
    }
    many = dict.fromkeys(verbs, draws) | {"ours, double (audit)": few}
    for kind, chunk in ((kind, chunk) for kind in (np.float64, np.float32) for chunk in CHUNKS):
        name = f"numpy {np.dtype(kind).name}, chunk {chunk}"
        verbs[name], many[name] = partial(in_numpy, people, few, chunk, kind), -(-few // chunk) * chunk
    if importlib.util.find_spec("jax"):
        jax = in_jax(people, 64)
        verbs["jax float32, chunk 64"], many["jax float32, chunk 64"] = partial(jax, few), -(-few // 64) * 64
    else:
        print("JAX is not installed, and skipped.")
    with one_thread():
        taken = {name: 1e6 * seconds / many[name] for name, seconds in measure(verbs, repeats).items()}
    steps, _, ages, _ = inputs.hazard.shape
    print(f"\n{steps} steps, {ages} ages, every age and sex its own matrix; us of CPU a draw, and times ours")
    for name, us in taken.items():
        print(f"  {name:<48}{us:10.1f}{us / taken['ours, single']:8.1f} x")
    for kind in ("float64", "float32"):
        best = min(us for name, us in taken.items() if kind in name and "numpy" in name)
        print(f"  best numpy {kind}: {best / taken['ours, single']:.1f} x")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS, where that can be said to it while it runs."""
    if not importlib.util.find_spec("threadpoolctl"):
        if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
            print("threadpoolctl is not installed: set OPENBLAS_NUM_THREADS=1 for numpy at its best.")
        yield
        return
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        yield


def two_threads(inputs: Inputs, draws: int, repeats: int) -> None:
    """Print how much of a second core is used, beside how much there was: chunks of one size, one thread and two in
    turns, and then the busy loops, which leave a core slower than they found it."""
    chunk = 1024 if len(inputs.hazard) < 10 else 256

    def pairs(one: Callable[[], Any], two: Callable[[], Any]) -> float:
        times = [(clock(one), clock(two)) for _ in range(repeats + 1)][1:]
        alone, beside = (statistics.median(each) for each in zip(*times, strict=True))
        return alone / beside

    ours = pairs(*(partial(simulate, inputs, 1, draws, threads=threads, chunk=chunk) for threads in (1, 2)))
    free = pairs(partial(busy, 1), partial(busy, 2))
    print(
        f"\nTwo threads, {len(inputs.hazard)} steps: {ours:.2f} times as fast by the clock, efficiency {ours / 2:.2f}; "
        f"two busy loops at once get {2 * free:.2f} cores, of which {ours / (2 * free):.2f} is used"
    )


def clock(verb: Callable[[], Any]) -> float:
    """Seconds by the clock."""
    began = time.perf_counter()
    verb()
    return time.perf_counter() - began


def busy(loops: int) -> None:
    """So many loops at once that do nothing but use a core for half a second or so, in processes of their own."""
    code = "total = 0\nfor i in range(12_000_000): total += i"
    for process in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(loops)]:
        process.wait()


def memory(years: int, steps: int, draws: int) -> None:
    """Print the most memory of a process of its own, adequacy of 7 services included."""
    found = apart(
        "from benchmarks.projection import made_up, most_memory; from allocate.kernels import simulate\n"
        f"simulate(made_up({years}, {steps}), 1, {draws}, threads=2); print(most_memory())"
    )
    print(f"\nMost memory, {draws:,} draws, {steps} steps: {found:.0f} MiB")


def most_memory() -> float:
    """MiB that this process had at most; on Linux not what it was forked from, which ``getrusage`` counts."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def starting() -> None:
    """Print CPU seconds from nothing to the first result of 1,000 draws in a new process: code kept, and not."""
    code = (
        "from benchmarks.projection import made_up; from allocate.kernels import simulate; import time\n"
        "simulate(made_up(5, 6), 1, 1000); print(time.process_time())"
    )
    kept, fresh = statistics.median(apart(code) for _ in range(5)), apart(code, fresh=True)
    print(f"\nFirst result of a new process: {kept:.2f} CPU s; where nothing is compiled yet, {fresh:.1f}")


def apart(code: str, fresh: bool = False) -> float:
    """What code prints, run in a new process; ``fresh`` finds no machine code."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | ({"NUMBA_CACHE_DIR": folder} if fresh else {})
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def policies(inputs: Inputs, draws: int) -> None:
    """Print how many times more draws independent runs need to tell two programmes apart, at the median cell."""
    other = replace(inputs, built=inputs.built * 1.05)
    mine, theirs, others = (paths(i, seed, draws) for i, seed in ((inputs, 1), (other, 1), (other, 2)))
    together = (theirs.chance - mine.chance).astype(float)
    counted = (others.capacity >= others.demand).astype(float) - (mine.capacity >= mine.demand)
    integrated = (others.chance - mine.chance).astype(float)
    open_question = np.abs(mine.chance.mean(axis=0) - 0.5) < 0.4
    spread = together.var(axis=0)[open_question]
    saved, part = (np.median(a.var(axis=0)[open_question] / spread) for a in (counted, integrated))
    print(
        f"\nA programme of 5% more, P(adequate) between 0.1 and 0.9: independent runs need {saved:.0f} times the draws "
        f"({part:.0f} times if they integrate too)"
    )
