"""Every shipped model on every horizon and on made-up Worlds of three sizes, verb by verb, beside PuLP.

Rule text to rows, solve (every goal, tie-break, proof), publish, and the same program built in PuLP. The shipped World
is asked for one pool, the made-up ones for their grants apart. Times are CPU seconds; only the ratios travel.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from allocate.builder import build
from allocate.changes import Case, apply
from allocate.optimum.highs import SolverOptions
from allocate.plan import solve
from allocate.read import read_model, read_scenario, shipped
from allocate.schedule import publish
from allocate.world import read_world
from benchmarks.measure import measure
from benchmarks.worlds import generated

HORIZONS: Final[dict[str, list[str] | None]] = {"one year": ["2019/20"], "three years": None}

SOLVE: Final = "solve: goals, tie-break, certificate"


def subjects(sizes: Iterable[str]) -> Iterator[tuple[str, Case, SolverOptions]]:
    """Every file in ``models/`` on every horizon, then grants apart on made-up Worlds."""
    facts, one_pool = read_world("za2016"), read_scenario("one_pool")
    for file in sorted(shipped("models").glob("*.toml")):
        for label, years in HORIZONS.items():
            world = facts.select("year", years) if years else facts
            yield f"{file.stem}, {label}", apply(read_model(file.stem), world, [one_pool]), SolverOptions()
    for size in sizes:
        # Where the simplex takes minutes, interior point takes half a minute.
        options = SolverOptions(solver="ipx" if size == "large" else "simplex")
        yield f"made up, {size}", apply(read_model("grant_consolidation"), generated(size)), options


def startup(repeats: int) -> None:
    """Print the CPU seconds, over an empty Python, of importing the library and of its help."""
    verbs = {
        "python": "pass",
        "import allocate": "import allocate",
        "allocate --help": "from allocate.cli import main; main()",
    }
    taken: dict[str, list[float]] = {name: [] for name in verbs}
    for turn in range(repeats + 1):
        for name, code in verbs.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code, "--help"], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if turn:
                taken[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    empty = statistics.median(taken.pop("python"))
    for name, seconds in taken.items():
        print(f"{name:<47} {(statistics.median(seconds) - empty) * 1000:9.1f} ms over an empty Python")


def table(title: str, case: Case, options: SolverOptions, repeats: int) -> None:
    """Print what each verb takes on one subject, and each stage of its solve."""
    program = build(case)
    plan = solve(program, options)
    verbs: dict[str, Callable[[], Any]] = {
        "rule text to sparse program": lambda: build(case),
        SOLVE: lambda: solve(program, options),
        "publish in R thousand": lambda: publish(plan),
        "PuLP: the same program, built": lambda: program.to_pulp(),
    }
    found = measure(verbs, repeats)
    rows, columns = program.linear.matrix.shape
    print(f"\n{title}: {columns:,} columns, {rows:,} rows, {program.linear.matrix.nnz:,} entries")
    for verb, seconds in found.items():
        print(f"  {verb:<45} {seconds * 1000:9.1f} ms  {100 * seconds / found[SOLVE]:8.1f} % of solve")
    for stage in plan.stages:
        print(f"    stage {stage.name:<39} {stage.seconds * 1000:9.1f} ms by the clock")
