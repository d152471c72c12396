"""What goes on, said on standard error: a line that a terminal forgets, and a log keeps."""

from __future__ import annotations

import sys

import typer


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
