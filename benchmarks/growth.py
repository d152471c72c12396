"""The same models at 52, 257 and 4,468 regions: ``python -m benchmarks growth``.

South Africa has 52 spaces, 257 municipalities and, since 2021, 4,468 wards. One year of ``grant_consolidation`` on a
made-up World of the shipped shape with so many regions: built from rule text, solved (goals, tie-break, proof) and
published. And people of so many regions by sex and five-year age over a step of five years, who move between all pairs
of them: one matrix of corridors is shared by all ages, because a matrix for each would take 5.7 GB at wards.

Every row is a fresh process: CPU seconds, seconds by the clock, and the most memory that it had. The exponent b is that
of a * regions**b, fitted by least squares on logarithms.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import AllocateError
from allocate.kernels import paths
from allocate.optimum.highs import SolverOptions
from allocate.plan import solve
from allocate.read import read_model
from allocate.schedule import publish
from benchmarks.projection import made_up, most_memory
from benchmarks.worlds import generated, shipped_shape

REGIONS: Final = (52, 257, 4468)

DRAWS: Final = 64
"""Draws that are timed together: the kernels take so many at once."""

STEP: Final = "a step of a draw"

PATIENCE: Final = 1200.0
"""Seconds by the clock after which a solve is given up, which is said."""

INTERIOR: Final = 1000
"""Regions from which on interior point is quicker than the simplex."""

type Row = Mapping[str, Any]


def table(regions: Sequence[int]) -> None:
    """Print what every verb takes at every number of regions, and how it grows."""
    print("\nGrowth: CPU s, s by the clock, most MiB of a fresh process")
    found = {many: {**apart("plans", many), **apart("people", many)} for many in regions}
    for verb in ("build", "solve", "publish", STEP):
        done = {many: rows[verb] for many, rows in found.items() if verb in rows}
        for many, row in done.items():
            print(f"  {verb:<16} {many:>5} regions {row['cpu']:12.5f} {row['clock']:12.5f} {row['memory']:8,.0f}")
        if len(done) > 1:
            print(f"  {verb:<16} grows as regions to the power of {exponent(done):.2f}")
    for many, rows in found.items():
        print(f"  {many:,} regions: {rows['said']}")


def exponent(rows: Mapping[int, Row]) -> float:
    """The exponent of regions that fits CPU seconds best, by least squares on logarithms.

    >>> round(exponent({10: {"cpu": 3.0}, 100: {"cpu": 300.0}}), 9)
    2.0
    """
    seconds = [row["cpu"] for row in rows.values()]
    return float(np.polyfit(np.log(list(rows)), np.log(seconds), 1)[0])


def apart(what: str, regions: int) -> dict[str, Any]:
    """What a function of this module finds in a new process."""
    code = f"import json; from benchmarks import growth; print(json.dumps(growth.{what}({regions})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def plans(regions: int) -> dict[str, Any]:
    """Build, solve and publish one year; what was solved, by what, its grade and the worst of its certificate."""
    case = apply(read_model("grant_consolidation"), generated(shipped_shape(regions)))
    program, built = timed(lambda: build(case))
    size = "{:,} rows, {:,} columns".format(*program.linear.matrix.shape)
    options = SolverOptions(solver="ipx" if regions >= INTERIOR else "simplex", time_limit=PATIENCE)
    try:
        plan, solved = timed(lambda: solve(program, options))
    except AllocateError as error:
        return {"build": built, "said": f"{size}, {options.solver}: no plan: {error}"}
    _, published = timed(lambda: publish(plan))
    worst = max(plan.certificate.residuals, key=lambda r: r.size / r.allowed)
    stages = ", ".join(f"{stage.name} {stage.seconds:.1f} s" for stage in plan.stages)
    said = f"{size}, {options.solver}: {plan.grade}; worst check {worst.kind} {worst.size:.1e} of {worst.allowed:.0e}"
    return {"build": built, "solve": solved, "publish": published, "said": f"{said}; {stages}"}


def people(regions: int) -> dict[str, Any]:
    """A step of a draw of people and services, written out, on one thread."""
    inputs = made_up(5, 1, spaces=regions, shared=True)
    paths(made_up(5, 1, shared=True), 1, DRAWS)  # reads machine code, which is no part of a step
    _, row = timed(lambda: paths(inputs, 1, DRAWS))
    return {STEP: {**row, "cpu": row["cpu"] / DRAWS, "clock": row["clock"] / DRAWS}}


def timed[T](verb: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """What a verb makes, its seconds, and the most memory of this process so far."""
    cpu, clock = time.process_time(), time.perf_counter()
    made = verb()
    taken = {"cpu": time.process_time() - cpu, "clock": time.perf_counter() - clock}
    return made, {**taken, "memory": most_memory()}
