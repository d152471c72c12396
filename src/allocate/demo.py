"""The main job on a built-in world, written as one folder of reports to open."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from allocate.compare import Row, holds, row
from allocate.outputs import INDEX, MANIFEST, whole, write
from allocate.report.html import comparison
from allocate.runs import run
from allocate.sentences import sentences
from allocate.world import read_world

GROUP: Final = "allocate.demos"


class Part(BaseModel):
    """A group of runs under one title, of the demo's model or one of its own; in a ``test`` the headline must hold over
    all its runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    scenarios: tuple[tuple[str, ...], ...]
    years: tuple[str, ...] | None = None
    model: str | None = None
    test: bool = False


class Demo(BaseModel):
    """What a demo runs: a world, a model, and parts. The first run of the first part is told in full."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    world: str
    model: str
    parts: tuple[Part, ...]


def demo(out: Path, tell: Callable[[str], None], name: str | None = None) -> str:
    """Run a demo, write its folder with an ``index.html``, and return what it found in words.

    Raises :class:`allocate.errors.AllocateError` as the parts of the job do.
    """
    known = {point.name: point for point in entry_points(group=GROUP)}
    wanted = Demo.model_validate(known[name or min(known)].load())
    said: list[str] = []

    def fill(home: Path) -> None:
        said.extend(_work(wanted, home, tell))

    whole(out, fill)
    return "\n".join([*said, "", f"Open {out / 'index.html'}"])


def _work(wanted: Demo, home: Path, tell: Callable[[str], None]) -> list[str]:
    world = read_world(wanted.world)
    tables: list[tuple[str, list[Row]]] = []
    lines = [wanted.title, ""]
    for part in wanted.parts:
        rows: list[Row] = []
        for scenarios in part.scenarios:
            slug = "_".join([*scenarios, *(part.years or ["all_years"])]).replace("/", "-")
            tell(f"{part.title}: {' + '.join(scenarios)}")
            found = run(part.model or wanted.model, world, *scenarios, years=part.years)
            write(found, home / slug)
            rows.append(row(found, f"{slug}/report.html"))
            if not tables and len(rows) == 1:
                lines += [f"{found.name}, {rows[0].years}", *(f"* {sentence}" for sentence in sentences(found)), ""]
        tables.append((part.title, rows))
        lines += [part.title, *map(_line, rows), *(holds(rows) if part.test else []), ""]
    pages = [(title, rows, holds(rows) if wanted.parts[n].test else []) for n, (title, rows) in enumerate(tables)]
    said = {key: str(world.data.attrs.get(key, "")) for key in ("envelope", "acknowledgement")}
    (home / INDEX).write_text(comparison(wanted.title, pages, **said), encoding="utf-8")
    (home / MANIFEST).write_text(json.dumps({"demo": wanted.title}, indent=1) + "\n", encoding="utf-8")
    return lines[:-1]


def _line(found: Row) -> str:
    merged = f"{found.consolidation}" if found.consolidation is not None else "none asked"
    most = f"{found.most} {found.most_share:.0%} of outcome"
    return (
        f"  {found.name:<64} reallocation {found.reallocation!s:>7}  consolidation {merged:>10}  "
        f"{found.gainers:>2} gain {found.losers:>2} lose  {most}"
    )
