"""A sweep gives the same bytes whoever computes it and whatever stops it: workers, a cluster, kill -9, a full disk."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import allocate as al
import swept
from allocate.outputs import Asked
from conftest import Command

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")

ASKED = Asked("world", ("asked.toml",), "toy.toml")
"""The words of the command."""

type Running = subprocess.Popen[str]


def start(home: Path, *words: str, most: int | None = None) -> Running:
    """A process of its own at work in a folder; ``most`` is the size in bytes that a file of it may have."""
    limit = None if most is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=home,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
        start_new_session=True,
    )


def parts(home: Path) -> list[Path]:
    return sorted((home / "out.parts").glob("*.part"))


def until(true: Callable[[], bool], running: Running | None = None) -> None:
    """Wait for something, five minutes at most, or until a process ends."""
    for _ in range(30_000):
        if true() or (running is not None and running.poll() is not None):
            return
        time.sleep(0.01)
    raise AssertionError("waited five minutes in vain")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a sweep that one process solved at once."""
    home = tmp_path_factory.mktemp("undisturbed")
    swept.set_up(home)
    found = al.sweep(home / "toy.toml", home / "world", home / "asked.toml", folder=home / "out", asked=ASKED)
    assert found.grades == {"exact": 96, "no plan": 32}
    assert not (home / "out.parts").exists()
    return swept.content(home / "out")


def test_two_processes_of_which_one_is_lost_write_what_one_does(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """Proves: every byte is the same with two worker processes, one of which is killed after the first chunk.

    Broken: a plan hangs on what its worker solved before it, the order of results on who was faster, or what a worker
    had in hand is lost with it.
    """
    swept.set_up(tmp_path)
    said: list[str] = []

    def lose_one(done: int, many: int) -> None:
        if 0 < done < many and not said:
            os.kill(workers_of(os.getpid())[0], signal.SIGKILL)
            said.append("killed")

    files = (tmp_path / "toy.toml", tmp_path / "world", tmp_path / "asked.toml")
    al.sweep(*files, folder=tmp_path / "out", workers=2, watch=lose_one, say=said.append, asked=ASKED)
    assert said == ["killed", "a worker process was ended from outside; its chunks are given to others"]
    assert swept.content(tmp_path / "out") == undisturbed


def workers_of(parent: int) -> list[int]:
    """The worker processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields, words = stat.read_text().rpartition(")")[2].split(), stat.with_name("cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == parent and "popen_loky" in words:
            found.append(int(stat.parent.name))
    return found


def left_of(running: Running) -> list[int]:
    """The processes still there of a session that one began."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == running.pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def test_killed_at_any_moment_it_goes_on(undisturbed: dict[str, bytes], tmp_path: Path, command: Command) -> None:
    """Proves: kill -9 of the whole of it, once with workers, at moments that no seed fixes, then ``--resume``: the same
    bytes; what was there is not solved again, and no process outlives its parent by much.

    Broken: a part that is half written is taken for a whole one, a lock stays closed, or workers go on for ever.
    """
    words, before = swept.set_up(tmp_path), dict[Path, int]()
    for workers in ("1", "2"):
        before = _killed(start(tmp_path, "allocate", *words, "--resume", "--workers", workers), tmp_path, before)
    assert command(*words, "--workers", "1", "--resume")[0] == 0
    assert swept.content(tmp_path / "out") == undisturbed
    assert not (tmp_path / "out.parts").exists()


def _killed(running: Running, home: Path, before: dict[Path, int]) -> dict[Path, int]:
    """Kill a sweep soon after it has added to what was there; what is there then, and when it was written."""
    until(lambda: len(parts(home)) > len(before), running)
    time.sleep(random.Random().uniform(0, 0.2))
    running.kill()
    running.communicate()
    until(lambda: left_of(running) == [])
    now = {file: file.stat().st_mtime_ns for file in parts(home)}
    assert before.items() <= now.items()
    return now


def test_stopped_it_says_how_to_go_on_and_lets_nobody_in_before(
    undisturbed: dict[str, bytes], tmp_path: Path, command: Command
) -> None:
    """Proves: a second sweep in the folder of one at work is refused; Ctrl-C ends in a line and status 3; without
    ``--resume`` or ``--anew`` what is there is neither lost nor used; another question is not answered with it.

    Broken: two write over each other, hours of work are lost by pressing Enter, or old answers are given to a new
    question.
    """
    words = swept.set_up(tmp_path)
    running = start(tmp_path, "allocate", *words, "--workers", "1")
    until(lambda: len(parts(tmp_path)) > 1, running)
    code, _, odd = command(*words, "--workers", "1")
    assert code == 1 and "another sweep is at work here" in odd
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert running.returncode == 3 and "Traceback" not in said
    kept = parts(tmp_path)
    assert said.splitlines()[-1] == f"stopped; {len(kept)} of 4 chunks are there; go on with --resume"
    code, _, odd = command(*words, "--workers", "1")
    assert code == 1 and f"{len(kept)} of 4 chunks are there; go on with --resume, or begin again with --anew" in odd
    (tmp_path / "asked.toml").write_text(swept.SCENARIO.replace("to    = 2", "to    = 3"))
    code, _, odd = command(*words, "--workers", "1", "--resume")
    assert code == 1 and f"holds {len(kept)} chunks of another sweep" in odd and parts(tmp_path) == kept
    (tmp_path / "asked.toml").write_text(swept.SCENARIO)
    assert command(*words, "--workers", "1", "--anew")[0] == 0
    assert swept.content(tmp_path / "out") == undisturbed


def test_a_folder_in_the_place_of_a_part_is_said(tmp_path: Path, command: Command) -> None:
    """Proves: what is no file and has the name of a part is named, where ``--anew`` would delete it, and stays.

    Broken: a trace, or somebody's folder is deleted.
    """
    words = [*swept.set_up(tmp_path), "--workers", "1"]
    odd = tmp_path / "out.parts" / "0000000-0123456789abcdef.part"
    odd.mkdir(parents=True)
    status, _, err = command(*words, "--anew")
    assert status == 1 and f"{odd}: 1 problem\n  cannot be deleted" in err and odd.is_dir()


def leaves_it(process: int) -> bool:
    """Whether a process leaves SIGTERM to others."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    ignored = next(line.split()[1] for line in status if line.startswith("SigIgn"))
    return bool(int(ignored, 16) >> (signal.SIGTERM - 1) & 1)


def test_all_its_processes_told_to_end_it_stops_at_once(tmp_path: Path) -> None:
    """Proves: SIGTERM for the whole group, as a service or a batch system sends it, ends a sweep of two workers as Ctrl-C
    does, with one line: workers leave it to the process that started them.

    Broken: a worker ends while it gives its answer back, and the sweep waits for the rest of it for ever.
    """
    words = swept.set_up(tmp_path, swept.SCENARIO.replace("draws = 32", "draws = 320"))
    running = start(tmp_path, "allocate", *words, "--workers", "2")
    until(lambda: len(parts(tmp_path)) > 0 and sum(map(leaves_it, workers_of(running.pid))) == 2, running)
    assert running.poll() is None
    os.killpg(running.pid, signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 3
    assert said.splitlines()[-1] == f"stopped; {len(parts(tmp_path))} of 40 chunks are there; go on with --resume"
    assert "cancelled" not in said
    until(lambda: left_of(running) == [])


def test_a_part_that_is_not_as_it_was_written_is_noticed(
    undisturbed: dict[str, bytes], tmp_path: Path, command: Command
) -> None:
    """Proves: a part that was cut, one with a bit turned, one that holds another chunk and one of another sweep are
    each named and solved again. Broken: a wrong number in a table that looks right, or a crash.
    """
    words = swept.set_up(tmp_path)
    running = start(tmp_path, "allocate", *words, "--workers", "1")
    until(lambda: len(parts(tmp_path)) > 2, running)
    running.kill()
    running.communicate()
    cut, turned, moved = parts(tmp_path)[:3]
    sound = cut.read_bytes()
    moved.write_bytes(sound)
    cut.write_bytes(sound[:-10])
    content = bytearray(turned.read_bytes())
    content[-200] ^= 1
    turned.write_bytes(bytes(content))
    stranger = cut.with_name("0000001-0123456789abcdef.part")
    stranger.write_bytes(sound)
    code, said, _ = command(*words, "--workers", "1", "--resume")
    assert code == 0
    for file in (cut, turned, moved):
        assert f"{file.name} is not as it was written; what it held is solved again" in said
    assert f"{stranger.name} is of another sweep, and left out" in said
    assert swept.content(tmp_path / "out") == undisturbed


@pytest.mark.parametrize(("most", "where"), [(2500, "out.parts"), (9000, "out")])
def test_where_nothing_more_can_be_written_what_was_stays(
    undisturbed: dict[str, bytes], tmp_path: Path, command: Command, most: int, where: str
) -> None:
    """Proves: where the system refuses to write a part, or the files at the end, there is one line and a status that
    is not 0; parts stay, and ``--resume`` goes on to the same bytes. Broken: a traceback, or half a folder.

    Chunks without a plan are smaller than a file may be here, those with plans are not; or the parts are, and sweep.nc
    is not.
    """
    words = swept.set_up(tmp_path)
    running = start(tmp_path, "allocate", *words, "--workers", "1", most=most)
    _, said = running.communicate()
    [line] = [line for line in said.splitlines()[-2:] if "cannot be written" in line]
    assert running.returncode != 0 and "File too large" in line and "Traceback" not in said, said
    kept = parts(tmp_path)
    assert len(kept) == (1 if where == "out.parts" else 4)
    assert not list(tmp_path.glob("**/*.unfinished")) and not (tmp_path / "out").exists()
    assert command(*words, "--workers", "1", "--resume")[0] == 0
    assert swept.content(tmp_path / "out") == undisturbed


@contextmanager
def cluster(home: Path) -> Iterator[tuple[str, list[Running]]]:
    """A Dask scheduler and two workers, each a process of its own."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    plain = ("--no-dashboard", "--nthreads", "1", "--no-nanny")
    scheduler = start(
        home, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"
    )
    workers = [start(home, "distributed.cli.dask_worker", address, *plain) for _ in range(2)]
    try:
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.communicate()


def test_a_cluster_that_loses_a_worker_writes_the_same(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """Proves: on a Dask cluster of two worker processes, one of them killed half way, every byte is the same.

    Broken: what the lost worker had is lost, or comes out otherwise elsewhere.
    """
    words = swept.set_up(tmp_path)
    with cluster(tmp_path) as (address, workers):
        running = start(tmp_path, "allocate", *words, "--cluster", address)
        until(lambda: len(parts(tmp_path)) > 1, running)
        workers[0].kill()
        assert running.poll() is None
        _, said = running.communicate()
    assert running.returncode == 0, said
    assert swept.content(tmp_path / "out") == undisturbed


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: an address at which nothing answers is one line within a time limit. Broken: it waits for ever."""
    monkeypatch.setattr("allocate.sweeps.workers.PATIENCE", 0.5)
    words = swept.set_up(tmp_path)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        code, _, said = command(*words, "--cluster", address)
    assert code == 1 and said.splitlines()[-1] == f"  no cluster answers at {address} within 0 seconds"
    code, _, said = command(*words, "--cluster", "nowhere")
    assert code == 1 and "no cluster answers at nowhere" in said
