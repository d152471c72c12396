"""A workspace: a folder in which an analyst works, with models, scenarios and figures to edit.

Inside it the command line takes the folder's own before what is shipped, so nobody edits one file and runs another.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from allocate.errors import InputError, Problem
from allocate.package import DESCRIPTOR
from allocate.people.declared import is_for_people
from allocate.read import shipped
from allocate.reference import KINDS, schema
from allocate.world import World

WORLD: Final = "world"
BUILT_IN: Final = "za2016"
"""The figures of whoever has none of their own here."""

PEOPLE: Final = "people"
BUILT_IN_PEOPLE: Final = "za2016_people"
"""The same for projections."""

README: Final = """\
# {name}

Edit, then run from this folder:

- `{folder}/`{blank} the figures, one CSV a table; `{descriptor}` there says what each number is, its unit and source
- `models/`     the mathematics as text, one TOML file a model
- `scenarios/`  each "what if" as a list of changes

{commands}
"""

COMMANDS: Final = {
    WORLD: """\
    allocate check                  # do the figures fit the model?
    allocate run models/grant_consolidation.toml --scenario scenarios/one_water_grant.toml
    allocate explain out/one_water_grant""",
    PEOPLE: """\
    allocate check people           # do the figures fit? what looks odd?
    allocate project                # who lives where, and is what serves them enough?
    allocate project --scenario scenarios/drought.toml --against none""",
}
"""What to type first, by the folder of figures."""


def vacant(folder: str | Path) -> Path:
    """A folder that is new or empty and can be written. Raises :class:`InputError` for any other."""
    from allocate.outputs import free  # reports come with it, and who only looks for figures needs none

    home = Path(folder)
    with suppress(OSError):  # what is wrong with such a name, ``free`` says
        if any(home.iterdir()):
            raise InputError(home, [Problem("", "is not empty; name a new folder")])
    return free(home)


def new(folder: str | Path, world: World) -> Path:
    """Make a project: models, scenarios, an editable copy of a World, editor schemas and a README.

    >>> import tempfile
    >>> from allocate.world import read_world
    >>> with tempfile.TemporaryDirectory() as home:
    ...     made = new(Path(home) / "mine", read_world("za2016"))
    ...     sorted(path.name for path in made.iterdir())
    ['.taplo.toml', 'README.md', 'models', 'scenarios', 'schemas', 'world']

    Raises :class:`InputError` if the folder is not new or empty, or cannot be made; then nothing is left behind.
    """
    from allocate.outputs import whole

    home = vacant(folder)
    figures = PEOPLE if is_for_people(world) else WORLD

    def fill(work: Path) -> None:
        for kind in ("models", "scenarios"):
            _copy(shipped(kind), work / kind)
        world.write(work / figures)
        for name, text in texts(home.name, figures):
            file = work / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")

    return whole(home, fill)


def texts(name: str, figures: str = WORLD) -> Iterator[tuple[str, str]]:
    """The files of a project that are made for it: each a path in it and its text; ``figures`` is their folder."""
    blank, commands = " " * (len("scenarios ") - len(figures)), COMMANDS[figures]
    yield (
        "README.md",
        README.format(name=name, folder=figures, blank=blank, descriptor=DESCRIPTOR, commands=commands),
    )
    associated = []
    for kind in KINDS:
        yield f"schemas/{kind}.json", json.dumps(schema(kind), indent=1) + "\n"
        rule = f'[[rule]]\ninclude = ["{kind}s/*.toml"]\n[rule.schema]\npath = "schemas/{kind}.json"\n'
        associated.append(rule)
    yield ".taplo.toml", "# Editors that know taplo check and complete models and scenarios.\n" + "\n".join(associated)


def own_world(name: str = WORLD, built_in: str = BUILT_IN) -> str:
    """The figures that a command takes when none are named: those of the current folder, else the built-in ones.

    >>> own_world("no_such_folder")
    'za2016'

    Raises :class:`InputError` where the folder has both a folder and a workbook of figures.
    """
    folder, workbook = Path(name), Path(f"{name}.xlsx")
    found = [path for path, file in ((folder, folder / DESCRIPTOR), (workbook, workbook)) if file.is_file()]
    if len(found) > 1:
        words = f"{folder} and {workbook} are both here; name one with --world"
        raise InputError("--world", [Problem("", words)])
    return str(found[0]) if found else built_in


def own(name: str, kind: str) -> str:
    """The current folder's own ``kind/NAME.toml`` if it has one, else the name as it is.

    >>> own("grant_consolidation", "no_such_folder")
    'grant_consolidation'
    """
    file = Path(kind) / f"{name}.toml"
    there = os.path.isfile(file)  # noqa: PTH113 - Path.is_file raises on names that no file can have
    return str(file) if there and Path(name).name == name else name


def _copy(source: Path, target: Path) -> None:
    """Copy the files of a folder as the user's own: what is shipped may be closed to writing."""
    target.mkdir()
    for file in sorted(source.glob("*.toml")):
        shutil.copyfile(file, target / file.name)
