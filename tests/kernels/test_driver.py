"""Draws counted: the same to the bit however they are shared out, and true to the draws themselves."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from distributed import Client, LocalCluster

from allocate.errors import InputError
from allocate.kernels import Inputs, paths, simulate
from allocate.kernels.inputs import small
from kernels.made import made

SEED = 5


@pytest.fixture(scope="module")
def inputs():
    return made(3, spaces=6, ages=7, steps=3)


@pytest.fixture(scope="module")
def whole(inputs):
    return simulate(inputs, SEED, 3000, threads=1)


def test_threads_and_chunks_change_nothing(inputs, whole):
    """Proves: the digest is the same for one thread or three, and chunks of a block or of 1,000 draws.

    A sum of floats in the order of threads, or a random state that runs on, would change it.
    """
    for threads, chunk in itertools.product((1, 2, 3), (64, 100, 1000, 5000)):
        assert simulate(inputs, SEED, 3000, threads=threads, chunk=chunk).digest == whole.digest


def test_parts_merge_in_any_order(inputs, whole):
    """Proves: disjoint ranges of draws, none a whole block, add up to the run in all orders."""
    parts = [simulate(inputs, SEED, many, first=first) for first, many in ((0, 7), (7, 1990), (1997, 1003))]
    for first, second, third in itertools.permutations(parts):
        assert first.merge(second).merge(third).digest == whole.digest


def test_draws_of_two_runs_do_not_merge(inputs, whole):
    """Proves: parts of other inputs, another seed or the same draws are refused, each by its name."""
    other = replace(inputs, boys=0.5)
    for part, words in (
        (simulate(other, SEED, 64, first=9000), "inputs"),
        (simulate(inputs, 6, 64, first=9000), "seed"),
        (simulate(inputs, SEED, 64, first=2999), "from 2999 on"),
    ):
        with pytest.raises(InputError, match=words):
            whole.merge(part)


def test_two_workers_of_a_cluster_give_the_same(inputs, whole):
    """Proves: two processes of a Dask cluster, each with its own compiled code and threads, give the same digest."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        ranges = [(0, 1111), (1111, 1000), (2111, 889)]
        parts = client.gather([client.submit(simulate, inputs, SEED, many, first=first) for first, many in ranges])
    assert parts[2].merge(parts[0]).merge(parts[1]).digest == whole.digest


def test_runs_may_go_on_at_once(inputs, whole):
    """Proves: runs in several threads of a caller do not disturb each other, as workers with threads would."""
    with ThreadPoolExecutor(3) as pool:
        digests = list(pool.map(lambda _: simulate(inputs, SEED, 3000, threads=2).digest, range(6)))
    assert set(digests) == {whole.digest}


def test_it_counts_the_draws_that_paths_writes(inputs, whole):
    """Proves: quantiles are those of the draws to 0.2% of each, half of them to 0.05%; means to rounding.

    A bucket too wide, one off, or a draw lost would show.
    """
    drawn = paths(inputs, SEED, 3000)
    asked = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    for sketch, values in ((whole.measures, drawn.measures), (whole.adequacy, drawn.adequacy)):
        low, high = sketch.outside
        exact = np.quantile(values.astype(float), asked, axis=0)
        known = (low + high == 0) & (sketch.reference > 0)
        off = np.abs(sketch.quantiles(asked) / np.where(exact > 0, exact, 1) - 1)[:, known]
        assert off.max() < 2e-3
        assert np.median(off) < 5e-4
        assert (sketch.counts.sum(axis=-1) == 3000).all()
        assert known.mean() > 0.8
    assert np.allclose(whole.mean, drawn.measures.astype(float).mean(axis=0), rtol=2e-6)
    assert np.allclose(whole.p_adequate, drawn.chance.astype(float).mean(axis=0), atol=1e-6)
    assert np.allclose(whole.p_short, drawn.short.astype(float).mean(axis=0), atol=1e-6)
    backlog = np.maximum(drawn.demand.astype(float) - drawn.capacity, 0).mean(axis=0)
    assert np.allclose(whole.backlog, backlog, rtol=1e-5, atol=1e-5 * drawn.demand.max())
    served = (drawn.residents[:, :, None, :].astype(float) * drawn.chance).mean(axis=0)
    assert np.allclose(whole.served[:, :, :6], served, rtol=1e-5, atol=1e-5 * served.max())
    assert np.allclose(whole.served[:, :, -1], served.sum(axis=-1), rtol=1e-5, atol=1e-5 * served.max())
    assert np.allclose(whole.cut, drawn.cut.astype(float).mean(axis=0), rtol=1e-3, atol=1e-3)


def test_quantiles_end_at_the_lowest_and_highest_draw(inputs, whole):
    """Proves: quantiles of 0 and 1 lie in the buckets of the extreme draws, and rise with probability."""
    drawn = paths(inputs, SEED, 3000).measures.astype(float)
    ends = whole.measures.quantiles([0, 0.2, 0.9, 1])
    inside = sum(whole.measures.outside) == 0
    assert np.abs(ends[0] / drawn.min(axis=0) - 1)[inside].max() < 2e-3
    assert np.abs(ends[3] / drawn.max(axis=0) - 1)[inside].max() < 2e-3
    assert (np.diff(ends, axis=0) >= 0).all()


def test_probability_is_that_of_counting_draws(inputs):
    """Proves: the probability integrated over delivery is the share of draws in which capacity meets demand.

    A wrong sign or a forgotten common part would be off by 0.1; chance here is 5 standard errors of 20,000 draws.
    """
    drawn = paths(inputs, SEED, 20_000)
    enough = drawn.capacity >= drawn.demand
    counted, integrated = enough.mean(axis=0), drawn.chance.astype(float).mean(axis=0)
    error = np.sqrt(np.maximum(counted * (1 - counted), 1e-4) / 20_000)
    assert (np.abs(counted - integrated) < 5 * error).all()
    short = (np.cumsum(~enough, axis=1) > 0).mean(axis=0)
    error = np.sqrt(np.maximum(short * (1 - short), 1e-4) / 20_000)
    assert (np.abs(short - drawn.short.astype(float).mean(axis=0)) < 5 * error).all()
    assert 0.02 < counted.mean() < 0.98


def test_a_policy_is_told_from_another_by_a_hundredth_of_the_draws():
    """Proves: P(adequate) of two programmes differs, draw by draw, so little that independent runs need 100 times more.

    One builds a twentieth more. Independent runs count draws that are adequate in one and in the other; here both see
    the same people and the same luck, and what is left to each space is integrated. The nearer the policies, the more
    it saves.
    """
    one = Inputs(**small(), boys=0.507)
    two = replace(one, built=one.built * 1.05)
    mine, theirs, apart = (paths(i, seed, 20_000) for i, seed in ((one, 1), (two, 1), (two, 2)))
    together = (theirs.chance - mine.chance).astype(float)
    counted = (apart.capacity >= apart.demand).astype(float) - (mine.capacity >= mine.demand)
    assert together.mean() == pytest.approx(counted.mean(), abs=5 * counted.std() / np.sqrt(counted.size))
    assert (counted.var(axis=0) / together.var(axis=0)).min() > 100


def test_watching_and_stopping(inputs):
    """Proves: a watcher hears of every chunk, and what it raises (as Ctrl-C does) ends the run and its threads."""
    heard = []
    simulate(inputs, SEED, 500, chunk=128, threads=2, watch=lambda done, draws: heard.append((done, draws)))
    assert heard == [(0, 500), (128, 500), (256, 500), (384, 500), (500, 500)]

    def stop(done, draws):
        if done:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        simulate(inputs, SEED, 10**9, chunk=128, threads=2, watch=stop)
    assert threading.active_count() == before


def test_wrong_inputs_are_named_together():
    """Proves: every array that is wrong is named with its first wrong place, all in one message."""
    given = small() | {"boys": 2.0, "persistence": np.ones(5), "corridor": [[[0.0, 0.5], [1.0, 0.0]]]}
    with pytest.raises(InputError) as caught:
        Inputs(**given | {"people": -small()["people"]})
    assert str(caught.value).splitlines() == [
        "inputs of a projection: 4 problems",
        "  people[0, 0, 0]: -50 is negative",
        "  boys: 2; a share lies between 0 and 1",
        "  persistence[0]: 1 or more; a deviation that never fades has no standard deviation in the long run",
        "  corridor[0, 0]: the row sums to 0.5; expected 1, or 0 for nobody",
    ]
    with pytest.raises(InputError, match=r"hazard: shape \(1, 2, 3, 3\); dimension S has 3, expected 2"):
        Inputs(**small() | {"boys": 0.5, "hazard": np.zeros((1, 2, 3, 3))})
    with pytest.raises(InputError, match="draws: 0; expected a whole number from 1"):
        simulate(Inputs(**small(), boys=0.5), 1, 0)


def test_a_machine_that_keeps_nothing_can_project() -> None:
    """Proves: where machine code can be kept nowhere, the kernels are there all the same, to be compiled when they are
    called. Broken: an error when the package is imported, on a server whose home is read-only."""
    code = "from allocate.kernels import run; print(run.advance.__name__)"
    nowhere = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    nowhere.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=nowhere)
    assert done.stdout.strip() == "advance", done.stderr
