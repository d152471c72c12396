"""One plan, whatever route: ways to solve the same program, and how many plans come out of them.

Simplex and interior point, presolve on and off, seeds, rows and columns in another order, one thread and two, from
nothing and from an earlier basis, on three sizes. What the solver itself comes back with differs; what is published in
R thousand must not.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

import numpy as np

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import AllocateError
from allocate.optimum import stages
from allocate.optimum.highs import Basis, SolverOptions, Vertex
from allocate.plan import Plan, solve
from allocate.program import Program
from allocate.read import read_model
from allocate.schedule import publish
from benchmarks.worlds import generated

TIE_BREAK: Final = "closest"
PROOF: Final = "certificate"


@dataclass(frozen=True)
class Outcome:
    """What one configuration took, in seconds, and what came out of it, as bytes to compare."""

    solving: float
    tie_break: float
    proof: float
    publishing: float
    grade: str
    raw: bytes
    published: bytes


def configurations(program: Program, start: Basis) -> Iterator[tuple[str, SolverOptions]]:
    """24 ways to solve a program; ``start`` is the basis of an earlier solve."""
    rows, columns = program.linear.matrix.shape
    for solver, presolve in itertools.product(("simplex", "ipx"), (True, False)):
        plain = SolverOptions(solver=solver, presolve=presolve)
        name = f"{solver}{'' if presolve else ', no presolve'}"
        yield name, plain
        yield f"{name}, seed 1", replace(plain, seed=1)
        for seed in (2, 3):
            chance = np.random.default_rng(seed)
            order = {"column_order": chance.permutation(columns), "row_order": chance.permutation(rows)}
            yield f"{name}, order and seed {seed}", replace(plain, seed=seed, **order)
        yield f"{name}, two threads", replace(plain, threads=2)
        yield f"{name}, warm", replace(plain, start=start)


def outcome(program: Program, options: SolverOptions) -> Outcome:
    """Solve and publish once."""
    with _listening() as vertices:
        plan = solve(program, options)
    begin = time.perf_counter()
    schedule = publish(plan)
    published = np.concatenate([schedule.amount.values.ravel(), schedule.unallocated.values.ravel()])
    taken = _seconds(plan)
    return Outcome(
        sum(seconds for name, seconds in taken.items() if name not in (TIE_BREAK, PROOF)),
        taken[TIE_BREAK],
        taken[PROOF],
        time.perf_counter() - begin,
        plan.grade,
        np.round(vertices[-1].x, 4).tobytes(),
        published.astype("<i8").tobytes(),
    )


def _seconds(plan: Plan) -> dict[str, float]:
    return {stage.name: stage.seconds for stage in plan.stages}


@contextmanager
def _listening() -> Iterator[list[Vertex]]:
    """What the solver itself answers, goal by goal, while a plan is made of it."""
    heard: list[Vertex] = []
    minimise = stages.minimise

    def listen(*given: Any, **named: Any) -> Vertex:
        heard.append(minimise(*given, **named))
        return heard[-1]

    stages.minimise = listen
    try:
        yield heard
    finally:
        stages.minimise = minimise


def table(size: str, most: int | None = None, only: str = "") -> bool:
    """Print a row for each configuration whose name has ``only`` in it, and whether they publish one plan."""
    program = build(apply(read_model("grant_consolidation"), generated(size)))
    rows, columns = program.linear.matrix.shape
    print(f"\n{size}: {columns:,} columns, {rows:,} rows; seconds")
    print(f"  {'configuration':<38} {'solve':>8} {'tie-break':>9} {'proof':>6} {'publish':>8}  grade  raw  published")
    start = solve(program, SolverOptions(solver="ipx")).optimum.basis
    found: list[Outcome] = []
    names: tuple[dict[bytes, str], dict[bytes, str]] = ({}, {})
    chosen = [(name, options) for name, options in configurations(program, start) if only in name]
    for name, options in chosen[:most]:
        try:
            one = outcome(program, options)
        except AllocateError as error:
            print(f"  {name:<38} refused: {str(error).splitlines()[0][:100]}", flush=True)
            continue
        raw, published = (_letter(known, key) for known, key in zip(names, (one.raw, one.published), strict=True))
        print(
            f"  {name:<38} {one.solving:8.2f} {one.tie_break:9.2f} {one.proof:6.2f} {one.publishing:8.2f}"
            f"  {one.grade}  {raw:<3}  {published}",
            flush=True,
        )
        found.append(one)
    return _summary(found, len(chosen[:most]))


def _letter(known: dict[bytes, str], key: bytes) -> str:
    """A, B, C and so on, the same for the same key."""
    return known.setdefault(key, _name(len(known)))


def _name(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"A{number - 25}"


def _summary(found: list[Outcome], tried: int) -> bool:
    if not found:
        return False
    raw, published = len({one.raw for one in found}), len({one.published for one in found})
    share = statistics.median((one.tie_break + one.proof) / one.solving for one in found)
    exact = sum(one.grade == "exact" for one in found)
    print(
        f"  {len(found)} of {tried} solved, {exact} exact: {raw} answers of the solver, {published} published"
        f" (sha256 {sha256(found[0].published).hexdigest()[:12]});"
        f" tie-break and proof {100 * share:.0f} % of the solve"
    )
    return published == 1 and len(found) == tried
