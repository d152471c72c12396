"""Who solves the chunks of a sweep: this process, others on this machine, or those of a Dask cluster.

Each way takes chunks and gives back what they came to, in whatever order they are done. What they come to does not
depend on the way.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from allocate.errors import InputError, Problem, StoppedError
from allocate.sweeps.solving import Chunk, solved

if TYPE_CHECKING:
    from distributed import Client, Future

type Done = tuple[int, bytes]
type Say = Callable[[str], None]

PATIENCE: Final = 10.0
"""Seconds that a cluster has to answer."""

AHEAD: Final = 3
"""Chunks that a worker of a cluster has waiting, so that it is never idle."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def here(chunks: Iterator[Chunk]) -> Iterator[Done]:
    """Solve chunks in this process."""
    for asked in chunks:
        yield asked.number, solved(asked)


def beside(chunks: Iterator[Chunk], workers: int) -> Iterator[Done]:
    """Solve chunks in so many processes of this machine; each uses one processor.

    Raises :class:`LostError` where a process is ended from outside; what was given back stays.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        with warnings.catch_warnings(), parallel_config(backend="loky", inner_max_num_threads=1):
            warnings.filterwarnings("ignore", ".*tasks which were still being processed")  # said when it is stopped
            pool = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1, max_nbytes=None)
            yield from pool(delayed(_beside)(asked, os.getpid()) for asked in chunks)
    except TerminatedWorkerError:
        raise LostError from None
    finally:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


class LostError(StoppedError):
    """A worker process was ended from outside."""


def _beside(asked: Chunk, parent: int) -> Done:
    """Solve a chunk in a process that leaves Ctrl-C and SIGTERM to the one that started it, and ends with it.

    Both reach all processes of a terminal, a service or a batch job at once: a worker that ended in the midst of giving
    its answer back would leave the other one waiting for the rest without end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not any(thread.name == _WATCH for thread in threading.enumerate()):
        threading.Thread(target=_end_with, args=(parent,), name=_WATCH, daemon=True).start()
    return asked.number, solved(asked)


_WATCH: Final = "allocate-parent"


def _end_with(parent: int) -> None:
    """End this process within a second of the one that started it, which cannot tell when it is killed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def cluster(chunks: Iterator[Chunk], address: str, say: Say) -> Iterator[Done]:
    """Solve chunks on the workers of a Dask cluster. What a lost worker had is given to another.

    Raises :class:`InputError` where the cluster does not answer, or its workers have other versions;
    :class:`StoppedError` where it ends, or a chunk ends worker after worker.
    """
    with _quiet(), _client(address) as client, client.as_current():
        try:
            yield from _streamed(client, chunks, say)
        except (OSError, RuntimeError, CancelledError) as error:
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise StoppedError(f"the cluster at {address} was lost: {why.rstrip(':')[:200]}") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """What the client logs of a lost cluster, with its traceback, is said here in a line."""
    log = logging.getLogger("distributed.client")
    log.addFilter(_nothing)
    try:
        yield
    finally:
        log.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    """A filter that lets nothing through."""
    del record
    return False


def _client(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError:
        words = "needs a package that is not installed: pip install 'allocate[cluster]'"
        raise InputError("--cluster", [Problem("", words)]) from None
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        words = f"no cluster answers at {address} within {PATIENCE:.0f} seconds"
        detail = f" ({str(error)[:100]})" if isinstance(error, ValueError) else ""
        raise InputError("--cluster", [Problem("", words + detail)]) from None


def _streamed(client: Client, chunks: Iterator[Chunk], say: Say) -> Iterator[Done]:
    from distributed import wait

    waiting: dict[Future[bytes], int] = {}
    left = True
    while left or waiting:
        threads = sum(client.nthreads().values())
        while left and len(waiting) < AHEAD * max(threads, 1):
            asked = next(chunks, None)
            if asked is None:
                left = False
            else:
                waiting[client.submit(solved, asked, pure=False)] = asked.number
        if not waiting:
            return
        try:
            done = wait(list(waiting), timeout=PATIENCE, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            if not threads:
                say("the cluster has no worker; waiting for one")
            continue
        for future in done:
            yield waiting.pop(future), _result(future)


def _result(future: Future[bytes]) -> bytes:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise StoppedError(
            f"a chunk ended worker after worker, perhaps for want of memory: {str(error)[:200]}"
        ) from None
