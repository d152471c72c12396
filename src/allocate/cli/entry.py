"""How a command line starts and ends: every error is a message, every stop leaves nothing behind."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from typer.exceptions import TyperException

from allocate.cli.commands import app
from allocate.cli.progress import clear
from allocate.errors import AllocateError, StoppedError

STOPPED: Final = 130
"""What typer returns on Ctrl-C."""


def main() -> None:
    """Run the command line; every error is a message, never a traceback (``ALLOCATE_TRACEBACK=1`` shows it)."""
    _spell_out()
    try:
        with _stoppable():
            try:
                code = app(standalone_mode=False) or 0
            finally:
                clear()
        if code == STOPPED:
            raise KeyboardInterrupt
    except TyperException as error:
        typer.echo(f"{error.format_message()}\nsee allocate --help, or allocate COMMAND --help", err=True)
        code = AllocateError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("stopped; nothing was written", err=True)
        code = StoppedError.exit_code
    except AllocateError as error:
        typer.echo(f"{error}", err=True)
        code = error.exit_code
    except Exception as error:
        if os.environ.get("ALLOCATE_TRACEBACK"):
            raise
        kind = type(error).__name__
        typer.echo(f"this is a mistake in allocate, not in your files: {kind}: {str(error)[:300]}", err=True)
        typer.echo("set ALLOCATE_TRACEBACK=1 to see where, and please report it", err=True)
        code = 1
    sys.exit(code)


def _spell_out() -> None:
    """A terminal that lacks a letter shows its number: a name is no reason to lose a result."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM (``kill``, ``timeout``, a shutdown) do what Ctrl-C does, once, so that nothing is left behind."""

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # Python lets no other thread do this
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
