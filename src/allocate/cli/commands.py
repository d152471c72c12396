"""The commands, in the order of an analyst's day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocate.cli.discover import discover
from allocate.cli.frontier import frontier
from allocate.cli.hindcast import hindcast
from allocate.cli.inputs import case_of, facts_of, formula_of, model_of, named_world, people_of, what_ifs_of, years_of
from allocate.cli.options import MaybeModel, ModelName, Scenarios, WorldName, Years
from allocate.cli.policies import policies
from allocate.cli.progress import say, tell
from allocate.cli.project import project
from allocate.cli.provenance import diff, verify
from allocate.cli.ranks import ranks
from allocate.cli.risk import risk
from allocate.cli.sensitivity import sensitivity
from allocate.cli.sweep import sweep
from allocate.cli.tables import odd_csv, write_csv
from allocate.errors import AllocateError, InputError, Problem
from allocate.names import VERSION

if TYPE_CHECKING:
    import xarray as xr

    from allocate.formula import Formula
    from allocate.runs import Run
    from allocate.spec import Model

app = typer.Typer(
    name="allocate",
    help="Share public money over places: state the rules as text, get the one best plan with its proof.",
    epilog="Start with:  allocate demo   |   Exit status: 0 done, 1 bad input, 2 no plan exists, 3 stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"allocate {VERSION}")
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
    """Do the main job on the shipped figures.

    Shares the 2019/20 infrastructure grants over 52 spaces, and leaves a report to open.

    Compares the actual split, the best split of separate grants, and merged grants; then asks whether the answer holds
    over three years, other values of a served year, other costs and floors, and no limit on pace. Under a minute.

    Example:  allocate demo --out out/demo
    """
    from allocate.demo import demo as run_demo

    say(run_demo(out, tell))


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="A folder that is new or empty.")],
    world: Annotated[
        str, typer.Option("--world", "-w", help="The figures to begin with: a built-in world, folder or workbook.")
    ] = "za2016",
) -> None:
    """Make a project: a folder to work in.

    It gets models, scenarios, an editable copy of the figures, schemas for an editor, and a README that says how. In it
    a command takes the project's own figures, models and scenarios before the shipped ones.

    Example:  allocate new mine  &&  cd mine  &&  allocate check
    """
    from allocate.workspace import new as make
    from allocate.workspace import vacant
    from allocate.world import read_world

    vacant(folder)  # said before the work
    tell(f"reading {world}")
    facts = read_world(world)
    tell("writing")
    say(f"Made {make(folder, facts)}; open {folder / 'README.md'}")


@app.command()
def check(
    world: Annotated[
        str | None, typer.Argument(help="As --world of run: a built-in world, a folder or a workbook.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="The model that they shall fit, or people for a projection. If left out: people for figures of "
            "people, else grant_consolidation.",
            show_default=False,
        ),
    ] = None,
    scenario: Scenarios = None,
    figures: Annotated[
        str | None, typer.Option("--world", "-w", help="The figures, where the word before is a model: people -w mine.")
    ] = None,
) -> None:
    """See whether figures fit a model.

    Says what labels, money and sources are there, how large the program is, and what looks odd. Nothing is solved.

    Example:  allocate check world --model models/grant_consolidation.toml -s scenarios/one_pool.toml

    Example:  allocate check people -w mine
    """
    from allocate.fit import contents, fit
    from allocate.people.declared import NAME, is_for_people

    if figures is not None:
        if world is not None and model is not None:
            raise InputError("check", [Problem("--world", f"figures are named twice: {world[:60]!r} and --world")])
        world, model = figures, model or world
    wanted, what_ifs = None if model in (None, NAME) else model_of(model), what_ifs_of(scenario)
    facts = people_of(None) if world == NAME or (world is None and model == NAME) else facts_of(world)
    say("\n".join(contents(facts)))
    if model == NAME or (model is None and is_for_people(facts)):
        from allocate.people.fit import people_fit

        say("\n".join(people_fit(facts, what_ifs)))
        return
    case = case_of(wanted or model_of("grant_consolidation"), facts, what_ifs)
    tell("building the program")
    found = fit(case, facts)
    say("\n".join(found))


@app.command()
def show(
    model: MaybeModel = None,
    scenario: Scenarios = None,
    world: WorldName = None,
    years: Years = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX document.")] = False,
    lp: Annotated[
        str | None,
        typer.Option("--lp", metavar="FILE", help="Write the program that is solved as FILE.lp or FILE.mps; - prints."),
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option("--schema", metavar="KIND", help="Print the JSON Schema of model or scenario files; no MODEL."),
    ] = None,
    language: Annotated[
        bool, typer.Option("--language", help="Print the reference of the language as Markdown; no MODEL.")
    ] = False,
) -> None:
    """Print a model as mathematics.

    With scenarios also what they change in it, old -> new. "people" is what a projection does and is told.

    Example:  allocate show grant_consolidation -s one_water_grant

    Example:  allocate show grant_consolidation --years 2019/20 --lp program.lp

    Example:  allocate show --schema scenario
    """
    from allocate.people.declared import NAME

    if language:
        from allocate.reference import page

        say(page().rstrip())
        return
    if schema is not None:
        say(_schema(schema))
        return
    if model is None:
        raise InputError("show", [Problem("", "names no model; write for example allocate show grant_consolidation")])
    if model == NAME:
        say(_people(scenario, world, [name for name, given in (("--latex", latex), ("--lp", lp)) if given]))
        return
    text = model_of(model)
    if lp is not None:
        _write_lp(text, scenario, world, years, lp)
        return
    if years is not None:
        raise InputError("--years", [Problem("", "belongs to --lp; a model reads the same in every year")])
    from allocate.show import as_latex, as_text

    said: tuple[str, ...] = ()
    if scenario:
        case = case_of(text, facts_of(world), what_ifs_of(scenario))
        text, said = case.model, case.said
    say(as_latex(text) if latex else as_text(text, said))


@app.command()
def run(
    model: ModelName,
    scenario: Scenarios = None,
    world: WorldName = None,
    years: Years = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the run (default out/NAME).")] = None,
    explain: Annotated[
        list[str] | None,
        typer.Option(
            "--explain",
            "-e",
            metavar="SPACE",
            help="Ask more about a space: how far its money could move, what R1m more takes. Repeat for more spaces.",
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit", metavar="SECONDS", help="Give up when a solve takes longer; a run solves several."
        ),
    ] = None,
) -> None:
    """Solve a model under scenarios.

    Prints who gains and loses, and writes a folder with report.html, plan.xlsx, plan.csv, plan.nc and manifest.json.

    Example:  allocate run grant_consolidation -s one_pool -s guarantee_95 --years 2019/20 --out out/merged

    Example:  allocate run grant_consolidation -s one_pool --years 2019/20 --explain "OR Tambo" --explain eThekwini
    """
    from allocate.optimum.highs import SolverOptions
    from allocate.outputs import Asked, free, write
    from allocate.runs import run as solve

    names = scenario or []
    wanted = years_of(years)
    if time_limit is not None and not time_limit > 0:
        raise InputError("--time-limit", [Problem("", f"{time_limit:g} is not a number of seconds above 0")])
    options = SolverOptions() if time_limit is None else SolverOptions(time_limit=time_limit)
    target = free(out or Path("out") / ("_".join(Path(name).stem for name in names) or Path(model).stem))
    text, what_ifs = model_of(model), what_ifs_of(names)
    facts = facts_of(world)
    found = solve(text, facts, *what_ifs, years=wanted, options=options, watch=lambda what: tell(f"solving: {what}"))
    spaces, asked = _asked(found, explain or [])
    tell("writing")
    home = write(found, target, asked, Asked(named_world(world), tuple(names), model, tuple(spaces)))
    _say_run(found, home, spaces)


app.command()(frontier)
app.command()(sweep)
app.command()(risk)
app.command()(sensitivity)
app.command()(project)
app.command()(policies)
app.command()(hindcast)
app.command()(discover)
app.command()(ranks)
app.command()(verify)
app.command()(diff)


@app.command()
def explain(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    space: Annotated[str | None, typer.Argument(help="A space, by its code or name.")] = None,
) -> None:
    """Say why a plan is as it is.

    Reads the folder of a run: what binds and at what price; or, for one space, what it gets, what holds it there and
    what more would be worth.

    Example:  allocate explain out/one_water_grant

    Example:  allocate explain out/one_water_grant "OR Tambo"
    """
    from allocate.explained import everywhere, of_space
    from allocate.saved import read

    found = read(folder)
    say("\n".join(everywhere(found) if space is None else of_space(found, space)))


@app.command()
def formula(
    name: Annotated[str, typer.Argument(help="Which formula, for example mig.")],
    year: Annotated[str | None, typer.Option("--year", help="The year; if left out, the last of the figures.")] = None,
    indicated: Annotated[
        str | None,
        typer.Option(
            "--indicated",
            metavar="FILE",
            help="CSV of what was indicated: space, value (R thousand); guaranteed in part.",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the table as CSV.")] = None,
) -> None:
    """Share a grant by its published formula.

    Prints what each part gives each space, and how surely each part is known. Nothing is optimised.

    Example:  allocate formula mig --year 2019/20

    Example:  allocate formula equitable_share --csv equitable_share.csv
    """
    if wrong := list(odd_csv(csv)):
        raise InputError("formula", wrong)
    found = formula_of(name, year, indicated)
    if csv is None:
        _say_formula(found)
    else:
        write_csv(found.table(), csv)


@app.command()
def doctor(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder in which runs shall be written.")] = Path("out"),
) -> None:
    """See whether this machine has what it takes.

    Looks at Python, packages, the solver, memory, the folder for runs, the terminal, and programs that are optional.

    Example:  allocate doctor
    """
    from allocate.doctor import examine

    tell("examining")
    found = examine(out)
    say("\n".join(map(str, found)))
    broken = sum(finding.broken for finding in found)
    if broken:
        typer.echo(f"{broken} of what is needed {'is' if broken == 1 else 'are'} missing", err=True)
        raise typer.Exit(AllocateError.exit_code)


def _people(scenario: list[str] | None, world: str | None, others: list[str]) -> str:
    """What a projection does and is told, with what scenarios change in it."""
    from allocate.people.declared import case_of as projected
    from allocate.show import as_steps

    if others:
        raise InputError("show", [Problem(others[0], "belongs to a model that is solved; people are projected")])
    return as_steps(projected(people_of(world), what_ifs_of(scenario)).said if scenario else ())


def _asked(found: Run, names: list[str]) -> tuple[list[str], xr.Dataset | None]:
    """The spaces of ``--explain``, and all that is asked of them."""
    if not names:
        return [], None
    from allocate.questions import answers
    from allocate.saved import of

    plain = of(found)
    spaces = [plain.space(name) for name in names]
    return spaces, answers(found, spaces, lambda what: tell(f"asking: {what}"))


def _schema(kind: str) -> str:
    import json

    from allocate.errors import nearest
    from allocate.reference import KINDS, schema

    if kind not in KINDS:
        words = f"{kind[:60]!r} has no schema; there are {' and '.join(KINDS)}{nearest(kind[:60], KINDS)}"
        raise InputError("--schema", [Problem("", words)])
    return json.dumps(schema(kind), indent=1)


def _write_lp(model: Model, scenario: list[str] | None, world: str | None, years: str | None, to: str) -> None:
    """Write the program as an LP or MPS file; only to a name that ends so, so that no model is ever overwritten."""
    from allocate.builder import build
    from allocate.runs import only

    if to != "-" and Path(to).suffix.lower() not in (".lp", ".mps"):
        raise InputError(
            "--lp", [Problem("", f"{to!r} does not end in .lp or .mps; write a file name that does, or -")]
        )
    wanted = years_of(years)
    facts = facts_of(world)
    program = build(case_of(model, facts if wanted is None else only(facts, wanted), what_ifs_of(scenario)))
    tell("writing")
    if to == "-":
        say(program.to_lp().rstrip())
        return
    program.write(to)
    say(f"Wrote {to}")


def _say_run(found: Run, home: Path, spaces: list[str]) -> None:
    from allocate.sentences import sentences

    say(found.name)
    for line in found.case.said:
        typer.echo(f"  {line}")
    typer.echo(f"  figures: {found.case.world.name}")
    for sentence in sentences(found):
        typer.echo(f"* {sentence}")
    for space in spaces:
        from allocate.explained import of_space
        from allocate.saved import read

        typer.echo("\n".join(["", *of_space(read(home), space), ""]))
    typer.echo(f"Open {home / 'report.html'}")


def _say_formula(found: Formula) -> None:
    """What a formula is, each part with its sum, its status and what it rests on, and its table."""
    from allocate.differences import amount
    from allocate.names import TOTAL
    from allocate.units import MONEY, PUBLISHED

    table = found.table()
    sums = {part: amount(sum_ * PUBLISHED[MONEY], MONEY) for part, sum_ in table.iloc[-1, 2:].items()}
    say(f"{found.title}, {found.year}: {sums[TOTAL]} over {len(table) - 1} spaces")
    wide, money = max(len(part.name) for part in found.parts), max(map(len, sums.values()))
    for part in found.parts:
        typer.echo(f"  {part.name:<{wide}}  {sums[part.name]:>{money}}  {part.status:<9}  {part.words}")
    typer.echo("R thousand")
    typer.echo(table.to_string(index=False, formatters=dict.fromkeys(table.columns[2:], "{:,}".format)))
