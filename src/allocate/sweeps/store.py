"""What a sweep has found so far, on disk: one file a chunk, whole or not at all, and known by its content.

A file says which chunk of which sweep it is, and carries a checksum: one that was cut, altered or comes from elsewhere
is noticed, and the chunk computed again. A file gets its name when all of it has reached the disk, so that whatever
ends the process, what was found before stays.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from allocate.errors import InputError, Problem, StoppedError

ENDING: Final = ".parts"
"""What the name of the work folder of a sweep ends in."""

LOCK: Final = "lock"
MAGIC: Final = b"allocate sweep 1\n"
"""How every part begins: which program wrote it, and in which form."""

type Say = Callable[[str], None]


@dataclass(frozen=True)
class Parts:
    """The parts of one sweep in a folder; ``key`` is the digest of all that its results depend on."""

    home: Path
    key: str
    many: int

    def path(self, number: int) -> Path:
        """Where a chunk is kept."""
        return self.home / f"{number:07}-{self._key(number)[:16]}.part"

    def put(self, number: int, payload: bytes) -> None:
        """Keep what a chunk came to. Raises :class:`StoppedError` where it cannot be written."""
        file = self.path(number)
        unfinished = file.with_suffix(".unfinished")
        try:
            with unfinished.open("wb") as to:
                to.write(self._head(number, payload) + payload)
                to.flush()
                os.fsync(to.fileno())
            unfinished.replace(file)
            self._sync()
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            raise StoppedError(f"{file} cannot be written: {error.strerror or error}") from None

    def get(self, number: int) -> bytes | None:
        """What a chunk came to, or None where nothing is kept of it, or something else than was written."""
        try:
            content = self.path(number).read_bytes()
        except OSError:
            return None
        payload = content[len(self._head(number, b"")) :]
        return payload if content == self._head(number, payload) + payload else None

    def there(self) -> set[int]:
        """The chunks that have a file, sound or not."""
        names = {path.name for path in self.home.glob("*.part")}
        return {number for number in range(self.many) if self.path(number).name in names}

    def said(self) -> str:
        """How much is there, in words."""
        return f"{len(self.there()):,} of {self.many:,} chunks are there"

    def remove(self) -> None:
        """Delete every part, whatever sweep it is of. Raises :class:`InputError` where one cannot be."""
        for file in _files(self.home):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(file, [Problem("", f"cannot be deleted: {error.strerror or error}")]) from None

    def _key(self, number: int) -> str:
        return hashlib.sha256(f"{self.key} {number} of {self.many}".encode()).hexdigest()

    def _head(self, number: int, payload: bytes) -> bytes:
        return MAGIC + f"{self._key(number)}\n{hashlib.sha256(payload).hexdigest()}\n".encode()

    def _sync(self) -> None:
        """Have the names in the folder reach the disk, where the system has a call for it."""
        if os.name == "posix":
            folder = os.open(self.home, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def parts(home: Path, key: str, many: int, *, resume: bool, anew: bool, say: Say) -> Iterator[Parts]:
    """The parts of a sweep in a folder, in which no other process works meanwhile.

    With ``resume`` what is there is gone on with, with ``anew`` it is deleted; without either, a folder that holds
    parts is refused, so that hours of work are neither lost nor taken for those of another question.

    Raises :class:`InputError` for that, where another sweep is at work there, and where nothing can be written.
    """
    lock = FileLock(home / LOCK)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        words = "another sweep is at work here; wait for it, or name another folder"
        raise InputError(home, [Problem("", words)]) from None
    except OSError as error:
        raise InputError(home, [Problem("", f"cannot be written: {error.strerror or error}")]) from None
    try:
        found = Parts(home, key, many)
        if anew:
            found.remove()
        _meant(found, resume, say)
        yield found
    finally:
        lock.release()
        if not any(_files(home)):
            with suppress(OSError):  # somebody else's files are in it
                (home / LOCK).unlink(missing_ok=True)
                home.rmdir()


def _meant(found: Parts, resume: bool, say: Say) -> None:
    """Raise :class:`InputError` unless it is clear what shall become of the parts that are there."""
    there = {path.name for path in found.home.glob("*.part")}
    mine = {found.path(number).name for number in found.there()}
    if there and not mine:
        words = (
            f"holds {len(there):,} chunks of another sweep: its text, figures, years or versions of libraries differ"
        )
        raise InputError(found.home, [Problem("", f"{words}; delete them with --anew, or name another folder")])
    if mine and not resume:
        words = f"{found.said()}; go on with --resume, or begin again with --anew"
        raise InputError(found.home, [Problem("", words)])
    for name in sorted(there - mine):
        say(f"{name} is of another sweep, and left out")


def _files(home: Path) -> list[Path]:
    return [*home.glob("*.part"), *home.glob("*.unfinished")]
