"""A frontier of 20 points, beside PuLP built and solved again for each: ``python -m benchmarks frontier``.

The one page model of ``peers`` from the same arrays, its guarantee from 80% to 100% of what every space had. Ours goes
from one point to the next and proves each; what building costs is in it, the first point from rule text on, every other
with the rows of the rules that it changes. It is in it for PuLP too, which builds each again, is solved by HiGHS with
its own options, and is not asked for its solution. All must find the same values to 1e-9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import ProofError
from allocate.optimum.highs import SolverOptions
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import LinearProgram
from allocate.optimum.walk import Walk
from allocate.read import read_model
from allocate.spec import Scale, Scenario
from allocate.world import World
from benchmarks.measure import measure
from benchmarks.peers import MODEL, Arrays, arrays, installed, solved, world

POINTS = 20
OURS = "ours: one point from the other, proved"


def shares() -> list[float]:
    """What share of ``floor``, which is 90% of what a space had, every point guarantees."""
    return [float(share) / 0.9 for share in np.linspace(0.8, 1.0, POINTS)]


def programs(facts: World) -> Iterator[LinearProgram]:
    """Rule text to rows; from one point to the next, only rows of rules that the point changes."""
    model, before = read_model(MODEL), None
    for share in shares():
        moved = Scale(scale="floor", by=share)
        before = build(apply(model, facts, [Scenario(name="level", why="A point.", changes=(moved,))]), before)
        yield before.linear


def ours(facts: World) -> list[float]:
    """Values of the points, one from the other."""
    walk = Walk()
    return [float(walk.step(lp).values[0]) for lp in programs(facts)]


def cold(facts: World) -> list[float]:
    """Values of the points, each from nothing and with its nearest plan: what a run would do."""
    loose = SolverOptions(accept_near_ties=True)
    return [float(solve(lp, loose).values[0]) for lp in programs(facts)]


def again(peer: Callable[[Arrays], Any], of: Arrays) -> list[float]:
    """Values of the points, each built again in another library."""
    return [solved(peer(replace(of, floor=share * of.floor))) for share in shares()]


def tables(sizes: dict[str, int]) -> None:
    """Print a table for each size; ``sizes`` gives the repeats."""
    peers = {name: peer for name, peer in installed().items() if name == "pulp"}
    for size, repeats in sizes.items():
        of = arrays(size)
        facts = world(of)
        verbs: dict[str, Callable[[], Any]] = {
            OURS: partial(ours, facts),
            "ours: each from nothing": partial(cold, facts),
        }
        verbs |= {f"{name}: each built and solved again": partial(again, peer, of) for name, peer in peers.items()}
        values = {name: np.array(verb()) for name, verb in verbs.items()}
        if any(not np.allclose(found, values[OURS], rtol=1e-9) for found in values.values()):
            raise ProofError(f"not the same frontier: {values}")
        taken = measure(verbs, repeats)
        lp = next(programs(facts))
        print(f"\n{size}: {lp.lower.size:,} columns, {POINTS} points; CPU seconds, median of {repeats}")
        for verb, seconds in taken.items():
            print(f"  {verb:<40} {seconds:9.3f} s {seconds / taken[OURS]:8.1f} x ours")
