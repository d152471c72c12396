"""The arguments and options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

_MODEL = typer.Argument(help="A model file, or the name of a shipped one (grant_consolidation).")
ModelName = Annotated[str, _MODEL]
MaybeModel = Annotated[str | None, _MODEL]
Scenarios = Annotated[
    list[str] | None,
    typer.Option("--scenario", "-s", help="A scenario file or shipped name; give it again to stack changes in order."),
]
WorldName = Annotated[
    str | None,
    typer.Option(
        "--world",
        "-w",
        help="The figures: a built-in world, a folder of CSV with a datapackage.json, or a workbook. If left out: the "
        "folder world (or world.xlsx) of the current folder, else za2016.",
        show_default=False,
    ),
]
Years = Annotated[
    str | None,
    typer.Option("--years", help="Only these years: one (2019/20), several (2018/19,2019/20), or all if left out."),
]
