"""Nested limits under thousands of weights and budgets, beside a live HiGHS: ``python -m benchmarks laminar``.

52 spaces x 8 programmes x 3 tiers (1,248 columns) in 9 provinces under one pool, from the arrays of ``peers`` (worth
moved by a thousandth, so that no two tie); the same with a share for women across; and the shipped ``single_pool``.
Scenarios a second of CPU time of one core, every one proved and its plan written out, in batches of 256. HiGHS gets
R million, which its tolerances need, keeps its program and starts each scenario from the corner of the one before, by
dual simplex; it proves nothing and writes no plan. All values must be the same to 1e-9.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import highspy
import numpy as np
from scipy import sparse

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import ProofError
from allocate.optimum.extended import with_row
from allocate.optimum.laminar import Laminar, read
from allocate.optimum.linear import Goal, LinearProgram
from allocate.read import read_model
from allocate.world import read_world
from benchmarks.peers import arrays, handed_over

BATCH: Final = 256
MILLION: Final = 1e6
#: Scenarios that HiGHS solves too.
BESIDE: Final = 40

type Numbers = np.ndarray[Any, np.dtype[np.float64]]


def made_up(across: bool = False) -> LinearProgram:
    """One pool over provinces over spaces over programmes, each of three tiers; ``across`` adds a share for women."""
    of = arrays("small")
    spaces, programmes, _, tiers = of.room.shape
    space, programme, _ = np.indices((spaces, programmes, tiers)).reshape(3, -1)
    total, columns = float(of.budget.sum()), space.size
    cell = space * programmes + programme
    groups = (0 * space, of.province[space], space, cell)
    rows = [sparse.csr_array((np.ones(columns), (group, np.arange(columns)))) for group in groups]
    room = of.room[:, :, 0].reshape(-1)
    most = 0.75 * np.bincount(cell, room)
    none = np.full(1, -np.inf), np.full(most.size, -np.inf)
    worth = of.worth[:, :, 0].reshape(-1) * np.random.default_rng(2).uniform(0.999, 1.001, columns)
    lp = LinearProgram(
        sparse.vstack(rows),
        np.concatenate([none[0], of.least[:, 0], of.floor[:, 0], none[1]]),
        np.concatenate([[total], of.most[:, 0], of.absorb[:, 0], most]),
        np.zeros(columns),
        room,
        (Goal("worth", worth, sense="max"),),
        np.zeros(columns),
        np.full(columns, 1000.0),
    )
    if not across:
        return lp
    best = read(lp).solve_many().x[0]
    reached = float((of.women[programme] * best).sum() / best.sum())
    return with_row(lp, of.women[programme] - 1.01 * reached, 0.0, np.inf)


def weighed(lp: LinearProgram, scenarios: int) -> dict[str, Numbers]:
    """Costs that each differ by a factor of their own, about a fifth."""
    chance = np.random.default_rng(1)
    return {"costs": lp.goals[0].cost * np.exp(0.2 * chance.standard_normal((scenarios, lp.lower.size)))}


def budgeted(lp: LinearProgram, scenarios: int) -> dict[str, Numbers]:
    """Pools (the row of most columns) from 3% less to 3% more."""
    pool = int(np.diff(lp.matrix.indptr).argmax())
    asked = {name: np.repeat(getattr(lp, name)[None], scenarios, axis=0) for name in ("row_lower", "row_upper")}
    for limits in asked.values():
        limits[:, pool] *= np.linspace(0.97, 1.03, scenarios)
    return asked


def batches(laminar: Laminar, asked: dict[str, Numbers], audit: int) -> Numbers:
    """The values of all scenarios, batch by batch on one thread."""
    many = len(next(iter(asked.values())))
    parts = [
        laminar.solve_many(**{k: v[at : at + BATCH] for k, v in asked.items()}, threads=1, audit=audit)
        for at in range(0, many, BATCH)
    ]
    return np.concatenate([part.value for part in parts])


def warm(lp: LinearProgram, asked: dict[str, Numbers]) -> tuple[float, Numbers]:
    """CPU seconds and values of the same scenarios by one live HiGHS."""
    ends = (part / MILLION for part in (lp.row_lower, lp.row_upper, lp.lower, lp.upper))
    goal = replace(lp.plain_goals[0], cost=lp.plain_goals[0].cost * MILLION)
    highs = handed_over(LinearProgram(lp.matrix, *ends, (goal,), lp.target, lp.unit))
    highs.run()
    columns = np.arange(lp.lower.size, dtype=np.int32)
    values = []
    start = time.process_time()
    for q in range(BESIDE):
        if "costs" in asked:
            highs.changeColsCost(columns.size, columns, asked["costs"][q] * MILLION)
        else:
            for row in np.flatnonzero(asked["row_upper"][q] != lp.row_upper):
                low, high = (asked[name][q, row] / MILLION for name in ("row_lower", "row_upper"))
                highs.changeRowBounds(int(row), low, high)
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise ProofError("HiGHS finds no optimum")
        values.append(highs.getObjectiveValue())
    return (time.process_time() - start) / BESIDE, np.array(values)


def table(repeats: int = 7, scenarios: int = 4096) -> None:
    """Print scenarios a second, ours and HiGHS's."""
    world = read_world("za2016").select("year", ["2019/20"])
    shipped = build(apply(read_model("single_pool"), world)).linear
    cases: dict[str, tuple[LinearProgram, Callable[[LinearProgram, int], dict[str, Numbers]], int]] = {
        "weights": (made_up(), weighed, scenarios),
        "budgets": (made_up(), budgeted, 4 * scenarios),
        "weights, with a row across": (made_up(across=True), weighed, scenarios // 4),
        "single_pool: weights": (shipped, weighed, scenarios),
        "single_pool: budgets": (shipped, budgeted, 4 * scenarios),
    }
    for name, (lp, vary, many) in cases.items():
        _row(name, lp, vary(lp, many), repeats)


def _row(name: str, lp: LinearProgram, asked: dict[str, Numbers], repeats: int) -> None:
    laminar, taken = read(lp), []
    found = batches(laminar, asked, audit=1)  # which compiles, audits and warms up
    for _ in range(repeats):
        start = time.process_time()
        batches(laminar, asked, audit=0)
        taken.append(time.process_time() - start)
    beside = {k: v[:: max(1, len(v) // BESIDE)][:BESIDE] for k, v in asked.items()}
    seconds, values = warm(lp, beside)
    ours = found[:: max(1, len(found) // BESIDE)][:BESIDE]
    off = float(np.abs(values / ours - 1).max())
    if not off <= 1e-9:
        raise ProofError(f"{name}: HiGHS finds other values, by {off:.0e}")
    rate = len(found) / statistics.median(taken)
    print(
        f"  {name:<27} {lp.lower.size:5,} columns, {lp.row_lower.size:3} rows {rate:8,.0f} a second,"
        f" HiGHS {1 / seconds:6,.0f}: {rate * seconds:5.0f} x; values differ by {off:.0e}"
    )
