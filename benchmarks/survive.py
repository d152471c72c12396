"""Does a sweep survive? ``python -m benchmarks survive``: kill -9, a lost worker, and the bytes that come out.

Two pots are shared by 52 places whose costs are not known, 10,000 times over: once undisturbed, once killed and gone on
with again and again at random moments, once on a Dask cluster that loses one of its two workers half way.
"""

from __future__ import annotations

import hashlib
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from allocate.regions import Registry
from allocate.sweeps.solving import CHUNK
from allocate.tables import Datum
from allocate.world import World

MODEL: Final = Path(__file__).with_name("survive.toml")
SPACES: Final = 52
PLANS: Final = 10_000
KILLS: Final = 5

SCENARIO: Final = """\
name = "Costs are not known"
why  = "A sweep to be disturbed."

[[grid]]
scale = "floor"
by    = [1, 2]

[sample]
draws = {draws}

[[range]]
range = "cost"
by    = "space"
from  = 0.5
to    = 2
"""

type Running = subprocess.Popen[str]


def table(plans: int = PLANS, kills: int = KILLS) -> None:
    """Print how long each took, and whether the bytes are those of the undisturbed one."""
    print(f"\n{plans:,} plans of {SPACES} places, in {-(-plans // CHUNK):,} chunks")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        world().write(home / "world")
        shutil.copy(MODEL, home / "model.toml")
        (home / "asked.toml").write_text(SCENARIO.format(draws=plans // 2))
        began = time.perf_counter()
        finished(sweep(home, "plain"))
        taken = time.perf_counter() - began
        size = sum(file.stat().st_size for file in (home / "plain").iterdir())
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
        print(f"  undisturbed: {taken:.0f} s, {plans / taken:.0f} a second, {size / 1e6:.1f} MB; {peak:.0f} MB in use")
        _killed(home, kills, taken)
        _clustered(home, plans)


def _killed(home: Path, kills: int, taken: float) -> None:
    """Kill everything so often, at random moments, and go on."""
    chance, there, began = random.Random(), [], time.perf_counter()
    for _ in range(kills):
        running = sweep(home, "killed", "--resume")
        time.sleep(chance.uniform(0.3, 1.3) * taken / (kills + 1))
        running.kill()
        running.communicate()
        there.append(len(list((home / "killed.parts").glob("*.part"))))
    finished(sweep(home, "killed", "--resume"))
    seconds = time.perf_counter() - began
    shown = ", ".join(map(str, there))
    print(f"  kill -9 {kills} times ({shown} chunks there), then resumed: {seconds:.0f} s, {compared(home, 'killed')}")


def _clustered(home: Path, plans: int) -> None:
    """Have a cluster of two solve it, and kill one of them half way."""
    with cluster(home) as (address, workers):
        began = time.perf_counter()
        running = sweep(home, "cluster", "--cluster", address)
        while len(list((home / "cluster.parts").glob("*.part"))) < plans / CHUNK / 2 and running.poll() is None:
            time.sleep(0.05)
        workers[0].kill()
        finished(running)
        seconds = time.perf_counter() - began
    print(f"  Dask, 2 workers, 1 killed half way: {seconds:.0f} s, {compared(home, 'cluster')}", flush=True)


def sweep(home: Path, out: str, *words: str) -> Running:
    """The command at work in a process of its own."""
    return started(home, "allocate", "sweep", "model.toml", "-s", "asked.toml", "-w", "world", "-o", out, *words)


def started(home: Path, *words: str) -> Running:
    return subprocess.Popen(
        [sys.executable, "-m", *words], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finished(running: Running) -> None:
    """Wait for a process that must end well."""
    said, _ = running.communicate()
    if running.returncode != 0:
        raise SystemExit(f"ended with status {running.returncode}: {said}")


@contextmanager
def cluster(home: Path) -> Iterator[tuple[str, list[Running]]]:
    """A Dask scheduler and two workers, each a process of its own."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    at = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    plain = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
    scheduler = started(home, "distributed.cli.dask_scheduler", *at)
    workers = [started(home, "distributed.cli.dask_worker", address, *plain) for _ in range(2)]
    try:
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.communicate()


def compared(home: Path, out: str) -> str:
    """Whether a folder has the bytes of the undisturbed one."""
    both = [
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (home / name).iterdir()}
        for name in ("plain", out)
    ]
    if both[0] != both[1]:
        raise SystemExit(f"{out} differs from what was not disturbed")
    return "the same bytes"


def world(seed: int = 0) -> World:
    """52 places of different size; what they need costs more than both pots hold."""
    chance = np.random.default_rng(seed)
    spaces = [f"S{k:02d}" for k in range(1, SPACES + 1)]
    need = np.round(chance.lognormal(9, 1, SPACES))
    cost = np.round(chance.lognormal(9.5, 0.4, SPACES), -2)
    pots = np.floor(np.array([0.4, 0.2]) * (need @ cost) / 1000) * 1000
    floor = np.floor(0.1 * need * cost / 1000) * 1000
    given: dict[str, tuple[str, str, Any, Any]] = {
        "budget": ("R", "pool", ["first", "second"], pots),
        "floor": ("R", "space", spaces, floor),
        "cost": ("R/household", "space", spaces, cost),
        "need": ("household", "space", spaces, need),
    }
    data = [
        Datum(name, pd.DataFrame({dim: labels, "value": values}), unit, "assumed", "made up", "2019")
        for name, (unit, dim, labels, values) in given.items()
    ]
    regions = Registry(("code", "name", "other_names"), tuple((s, f"Space {s[1:]}", "") for s in spaces))
    return World.build("survive", data, {"pool": ("first", "second")}, regions)
