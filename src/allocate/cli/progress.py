"""What goes on, said on standard error: a line that a terminal forgets, and a log keeps."""

from __future__ import annotations

import sys
import time
from typing import Final

import typer

PATIENCE: Final = 2.0
"""Seconds after which the progress of many things is said, and between two such lines."""

SPARSE: Final = 30.0
"""The same where it is kept in a log, of what may take hours."""


class Progress:
    """Says how many of many things are done, how fast, and how long the rest will take, where that takes a while."""

    def __init__(self, what: str, log: float = PATIENCE) -> None:
        self.what, self.pause = what, PATIENCE if sys.stderr.isatty() else log
        self.first: int | None = None
        self.begun = self.said = time.monotonic()

    def __call__(self, done: int, many: int) -> None:
        now = time.monotonic()
        if self.first is None:
            self.first, self.begun, self.said = done, now, now
        elif self.first < done < many and now - self.said >= self.pause:
            rate = (done - self.first) / (now - self.begun)
            left = (many - done) / rate
            pace = f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
            tell(f"{done:,} of {many:,} {self.what}, {pace} a second, {_duration(left)} left")
            self.said = now


def _duration(seconds: float) -> str:
    """A time in words.

    >>> [_duration(s) for s in (42, 600, 7300)]
    ['42 s', '10 min', '2.0 h']
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def tell(what: str) -> None:
    """Say on standard error what is going on."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{what} ...", err=True, nl=False)
    else:
        typer.echo(f"{what} ...", err=True)


def clear() -> None:
    """Take what :func:`tell` said off a terminal, before anything else is said there."""
    if sys.stderr.isatty():
        typer.echo("\r\033[K", err=True, nl=False)


def say(text: object) -> None:
    """Print a result, where progress stood."""
    clear()
    typer.echo(text)
