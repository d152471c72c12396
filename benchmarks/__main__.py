"""Every shipped model on every horizon, verb by verb, beside PuLP on the same program; medians and ratios.

Verbs run interleaved, so that a machine that slows down slows all of them. Times are process CPU seconds of this
machine; only the ratios travel.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from allocate.builder import build
from allocate.changes import apply
from allocate.plan import Plan, solve
from allocate.read import read_model, read_scenario, shipped
from allocate.schedule import publish
from allocate.world import World, read_world

HORIZONS: dict[str, list[str] | None] = {"one year": ["2019/20"], "three years": None}


def subjects(world: World) -> dict[str, tuple[str, World]]:
    """Every file in ``models/`` on every horizon."""
    found = {}
    for file in sorted(shipped("models").glob("*.toml")):
        for label, years in HORIZONS.items():
            found[f"{file.stem}, {label}"] = (file.stem, world.select("year", years) if years else world)
    return found


def measure(verbs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The median CPU seconds of each verb, in turn, after one warm-up of each."""
    taken: dict[str, list[float]] = {name: [] for name in verbs}
    for turn in range(repeats + 1):
        for name, verb in verbs.items():
            start = time.process_time()
            verb()
            if turn:
                taken[name].append(time.process_time() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def stages(plan: Plan) -> dict[str, float]:
    """Seconds of each stage of a solve, by name."""
    return {stage.name: stage.seconds for stage in plan.stages}


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


def main() -> None:
    """Print one table a subject."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one subject, one repeat: a smoke")
    quick = parser.parse_args().quick
    startup(1 if quick else 7)
    world = read_world("za2016")
    for number, (title, (name, facts)) in enumerate(subjects(world).items()):
        if quick and number:
            break
        model, scenario = read_model(name), read_scenario("one_pool")
        case = apply(model, facts, [scenario])
        program = build(case)
        plan = solve(program)
        verbs: dict[str, Callable[[], Any]] = {
            "rule text to sparse program": lambda case=case: build(case),
            "solve: both goals, tie-break, certificate": lambda program=program: solve(program),
            "publish in R thousand": lambda plan=plan: publish(plan),
            "PuLP: the same program, built": lambda program=program: program.to_pulp(),
        }
        found = measure(verbs, 1 if quick else 7)
        rows, columns = program.linear.matrix.shape
        print(f"\n{title}: {columns:,} columns, {rows:,} rows, {program.linear.matrix.nnz:,} entries")
        base = found["solve: both goals, tie-break, certificate"]
        for verb, seconds in found.items():
            print(f"  {verb:<45} {seconds * 1000:9.1f} ms  {seconds / base:6.2f} of solve")
        for stage, seconds in stages(plan).items():
            print(f"    stage {stage:<39} {seconds * 1000:9.1f} ms")


if __name__ == "__main__":
    main()
