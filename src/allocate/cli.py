"""The command line: words to the calls of the library.

Exit status: 0 done, 1 bad input, 2 no plan exists (infeasible or unbounded), 3 stopped or not proved.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.exceptions import TyperException

from allocate import __version__
from allocate.errors import AllocateError, InputError, Problem, StoppedError

if TYPE_CHECKING:
    from allocate.runs import Run

app = typer.Typer(
    name="allocate",
    help="Share public money over places: state the rules as text, get the one best plan with its proof.",
    epilog="Start with:  allocate demo   |   Exit status: 0 done, 1 bad input, 2 no plan exists, 3 stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

STOPPED: Final = 130
"""What typer returns on Ctrl-C."""

ModelName = Annotated[str, typer.Argument(help="A model file, or the name of a shipped one (grant_consolidation).")]
Scenarios = Annotated[
    list[str] | None,
    typer.Option("--scenario", "-s", help="A scenario file or shipped name; give it again to stack changes in order."),
]
WorldName = Annotated[
    str, typer.Option("--world", "-w", help="A built-in world, or a folder of CSV with a datapackage.json.")
]
Years = Annotated[
    str | None,
    typer.Option("--years", help="Only these years: one (2019/20), several (2018/19,2019/20), or all if left out."),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"allocate {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    del version


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the reports.")] = Path("out/demo"),
) -> None:
    """Run the main job on the shipped figures: share the 2019/20 infrastructure grants, and leave a report to open.

    Compares the actual split, the best split of separate grants, and merged grants; then asks whether the answer holds
    over three years, other values of a served year, other costs and floors, and no limit on pace. Under a minute.
    """
    from allocate.demo import demo as run_demo

    found = run_demo(out, _tell)
    _clear()
    typer.echo(found)


@app.command()
def run(
    model: ModelName,
    scenario: Scenarios = None,
    world: WorldName = "za2016",
    years: Years = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the run (default out/NAME).")] = None,
) -> None:
    """Solve a model under scenarios; print who gains and loses; write plan.csv, plan.nc, report.html, manifest.json.

    Example:  allocate run grant_consolidation -s one_pool -s guarantee_95 --years 2019/20 --out out/merged
    """
    from allocate.outputs import free, write
    from allocate.runs import run as solve

    names = scenario or []
    wanted = _years(years)
    target = free(out or Path("out") / ("_".join(Path(name).stem for name in names) or Path(model).stem))
    found = solve(model, world, *names, years=wanted, watch=lambda what: _tell(f"solving: {what}"))
    _tell("writing")
    home = write(found, target)
    _clear()
    _say(found, home)


@app.command()
def show(
    model: ModelName,
    scenario: Scenarios = None,
    world: WorldName = "za2016",
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX document.")] = False,
) -> None:
    """Print a model as mathematics, and what scenarios change in it (old -> new).

    Example:  allocate show grant_consolidation -s one_water_grant
    """
    from allocate.changes import apply
    from allocate.read import read_model, read_scenario
    from allocate.show import as_latex, as_text

    text = read_model(model)
    said: tuple[str, ...] = ()
    if scenario:
        from allocate.world import read_world

        case = apply(text, read_world(world), [read_scenario(name) for name in scenario])
        text, said = case.model, case.said
    typer.echo(as_latex(text) if latex else as_text(text, said))


def _years(text: str | None) -> list[str] | None:
    """The years of ``--years``; None for all."""
    if text is None:
        return None
    years = [year.strip() for year in text.split(",") if year.strip()]
    if not years:
        raise InputError("--years", [Problem("", "names no year; write for example 2019/20, or leave it out for all")])
    return years


def _say(found: Run, home: Path) -> None:
    from allocate.sentences import sentences

    typer.echo(found.name)
    for line in found.case.said:
        typer.echo(f"  {line}")
    for sentence in sentences(found):
        typer.echo(f"* {sentence}")
    typer.echo(f"Open {home / 'report.html'}")


def _tell(what: str) -> None:
    """Say on standard error what is going on."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{what} ...", err=True, nl=False)
    else:
        typer.echo(f"{what} ...", err=True)


def _clear() -> None:
    """Take what :func:`_tell` said off a terminal, before anything else is said there."""
    if sys.stderr.isatty():
        typer.echo("\r\033[K", err=True, nl=False)


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


def main() -> None:
    """Run the command line; every error is a message, never a traceback (``ALLOCATE_TRACEBACK=1`` shows it)."""
    try:
        with _stoppable():
            try:
                code = app(standalone_mode=False) or 0
            finally:
                _clear()
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
