"""A run on disk: plan as CSV, workbook and netCDF, a report and a manifest, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import xarray as xr
from pydantic import BaseModel

from allocate.errors import InputError, Problem
from allocate.explanation import explanation
from allocate.names import TIME
from allocate.report.book import book
from allocate.report.html import html
from allocate.runs import Run
from allocate.spec import Model, Scenario
from allocate.world import World

MANIFEST: Final = "manifest.json"
INPUTS: Final = "inputs.json"
"""What went in, to be compared: the model and scenarios as they were read, and a digest of every datum."""

PLAN: Final = "plan.nc"
"""Every array of a run."""

FILES: Final = frozenset({MANIFEST, INPUTS, "plan.csv", PLAN, "plan.xlsx", "report.html"})
"""What the folder of a run holds."""

PROJECTION: Final = "projection.nc"
"""Every array of a projection."""

DIFFERENCES: Final = "differences.csv"
"""What a projection does otherwise than the one that it is compared with."""

PROJECTED: Final = frozenset(
    {
        MANIFEST,
        INPUTS,
        "adequacy.csv",
        DIFFERENCES,
        "people.csv",
        PROJECTION,
        "projection.xlsx",
        "report.html",
    }
)
"""What the folder of a projection holds; differences only where it is compared with another."""

WALKED: Final = frozenset(
    {MANIFEST, INPUTS, "adequacy.csv", "money.csv", "policies.csv", "policies.nc", "policies.xlsx", "report.html"}
)
"""What the folder of a comparison of policies holds."""

SWEPT: Final = frozenset({MANIFEST, INPUTS, "money.csv", "sweep.csv", "sweep.nc"})
"""What the folder of a sweep holds."""

INDEX: Final = "index.html"
"""What a demo holds beside its runs."""

LIBRARIES: Final = (
    "allocate",
    "clarabel",
    "h5netcdf",
    "h5py",
    "highspy",
    "numpy",
    "pandas",
    "scipy",
    "xarray",
    "xlsxwriter",
)
"""What a result may depend on; their versions are in the manifest."""


MADE_WITH: Final = ("llvmlite", "numba")
"""What a projection may depend on beside what a plan does."""


@dataclass(frozen=True)
class Asked:
    """The words in which a run (or projection, sweep, comparison of policies) was asked for, by which its inputs can be
    found again.

    ``spaces`` are those of ``--explain``; ``against`` is None where there is nothing to compare with; ``plan`` is the
    folder of the run whose plan a projection builds; ``people`` the World of people of policies. Paths are as given.
    """

    world: str
    scenarios: tuple[str, ...] = ()
    model: str = ""
    spaces: tuple[str, ...] = ()
    against: tuple[str, ...] | None = None
    plan: str = ""
    people: str = ""


def write(run: Run, folder: str | Path, answers: xr.Dataset | None = None, asked: Asked | None = None) -> Path:
    """Write a run as a folder. A folder that holds an earlier run is replaced; any other that is not empty is refused.

    ``plan.csv`` has a row a cell: the dims of the amount, ``amount`` in whole R thousand, and the plan's ``grade``.
    ``plan.xlsx`` has the same and the tables of ``report.html``, ``plan.nc`` every array, ``manifest.json`` what went
    in and how to find it again, ``inputs.json`` what that was. ``answers`` are those of
    :func:`allocate.questions.answers`, if any were asked; they go into ``plan.nc``. Without ``asked``, models and
    scenarios are looked for by the names of their files. The same run gives the same bytes.

    Raises :class:`InputError` if the folder cannot be written.
    """

    def fill(home: Path) -> None:
        plan = run.schedule.table().assign(grade=run.plan.grade)
        plan.to_csv(home / "plan.csv", index=False, lineterminator="\n", encoding="utf-8")
        dataset(run, answers).to_netcdf(home / PLAN, engine="h5netcdf")
        book(run, home / "plan.xlsx")
        (home / "report.html").write_text(html(run), encoding="utf-8")
        write_json(home / INPUTS, {"model": content(run.model), **kept(run.scenarios, run.facts)})
        write_json(home / MANIFEST, manifested(run, home, asked or asked_by(run.model, run.facts, run.scenarios)))

    return whole(folder, fill)


def whole(folder: str | Path, fill: Callable[[Path], None]) -> Path:
    """Make a folder under a temporary name, fill it, and give it its name only when it is complete.

    Whatever fails, nothing else is left behind, and an earlier run stays as it was until the new one is complete.
    Raises :class:`InputError` if the folder holds something else than an earlier run, or cannot be made.
    """
    named = free(folder)
    home = named.resolve()
    made = [above for above in home.parents if not above.exists()]
    work = home.with_name(f".allocate.{secrets.token_hex(6)}")
    try:
        work.mkdir(parents=True)
        fill(work)
        _swap(work, home)
    except OSError as error:
        raise InputError(named, [Problem("", f"cannot be written: {error.strerror or error}")]) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for above in made:
            with suppress(OSError):  # the run is in it
                above.rmdir()
    return named


def _swap(work: Path, home: Path) -> None:
    """Give a complete folder its name; the folder that had it is deleted, or put back if that fails."""
    old = work.with_suffix(".old")
    try:
        if home.exists():
            home.rename(old)
        work.rename(home)
    finally:
        if home.exists():
            shutil.rmtree(old, ignore_errors=True)
        elif old.exists():
            old.rename(home)


def free(folder: str | Path) -> Path:
    """A folder that can be written: new, empty, or an earlier run. Raises :class:`InputError` for any other.

    A link to a folder stands for that folder.
    """
    named = Path(folder)
    try:
        words = _taken(named.resolve())
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, in Python 3.12
        words = f"cannot be written: {getattr(error, 'strerror', None) or error}"
    if words:
        raise InputError(named, [Problem("", words)])
    return named


def _taken(home: Path) -> str:
    """Why a folder cannot be made or replaced, in words, or nothing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        home.stat()  # a loop of links, a name too long: ``exists`` would call them free
    if home.exists() and not home.is_dir():
        return "is a file; name a folder"
    if Path.cwd().is_relative_to(home):
        return "is the current folder or above it, so it cannot be replaced; name a new folder"
    if home.is_dir() and any(home.iterdir()) and not _ours(home):
        return "is not empty and is no earlier run; name a new folder"
    if home.is_mount():
        return "is where a disk is mounted, so it cannot be replaced; name a folder in it"
    above = next(path for path in home.parents if path.exists())
    if not above.is_dir():
        return f"cannot be written: {above} is a file"
    return "" if os.access(above, os.W_OK | os.X_OK) else f"cannot be written: {above} is closed to you"


def _ours(home: Path) -> bool:
    """Whether a folder is an earlier run or demo and holds nothing else: many tools call a file manifest.json."""
    try:
        found = json.loads((home / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    if "demo" in found:
        return all(path.name in (MANIFEST, INDEX) or (path.is_dir() and _ours(path)) for path in home.iterdir())
    names = {path.name for path in home.iterdir()}
    return "inputs" in found and any(names <= kind for kind in (FILES, PROJECTED, WALKED, SWEPT))


def dataset(run: Run, answers: xr.Dataset | None = None) -> xr.Dataset:
    """Everything a notebook needs: variables, published amounts, each rule's price and slack, and price pairs of money.

    Where the baseline has other labels than the plan, its dim has another name: ``baseline_pool`` has today's pools.
    ``answers`` are those of :func:`allocate.questions.answers`, where they were asked.
    """
    arrays: dict[str, xr.DataArray] = {str(k): v for k, v in run.plan.values.data_vars.items()}
    arrays |= {str(k): v for k, v in run.plan.expressions.data_vars.items()}
    scale = run.schedule.scale
    now, was = run.schedule.amount, run.was.amount
    arrays["published"] = now.assign_attrs(unit=scale)
    arrays["published_unallocated"] = run.schedule.unallocated.assign_attrs(unit=scale)
    other = {d: f"baseline_{d}" for d in was.dims if not was[d].equals(now[d])}
    arrays["baseline_published"] = was.rename(other).assign_attrs(unit=scale)
    arrays |= {f"price_of_{name}": array for name, array in run.plan.prices().items()}
    arrays |= {f"slack_of_{name}": array for name, array in run.plan.slack().items()}
    arrays |= {f"{end}_of_{name}": pair[end] for name, pair in run.pairs.items() for end in ("more", "less")}
    if run.merged:
        spent = run.separate.values[run.case.model.schedule.amount]
        arrays["separate_money"] = spent.sum([d for d in spent.dims if d in other], keep_attrs=True)
    reasons = explanation(run)
    parts = [
        reasons,
        *([] if answers is None else [answers]),
        *(array.to_dataset(name=name) for name, array in arrays.items()),
    ]
    data = xr.merge(parts, join="exact", compat="equals")  # labels that differ are an error, not a hole
    sources = run.case.world.data.attrs.get("acknowledgement", "")
    return data.assign_attrs(
        reasons.attrs, name=run.name, grade=run.plan.grade, proof=run.plan.proof, goal=run.goal, acknowledgement=sources
    )


def asked_by(model: Model, world: World, scenarios: Iterable[Scenario], people: str = "") -> Asked:
    """How something can be asked for of which only the records are known."""
    return Asked(world.name, stems(scenarios), Path(model.source).stem, people=people)


def stems(scenarios: Iterable[Scenario]) -> tuple[str, ...]:
    """The names of scenarios of which only the records are known."""
    return tuple(Path(scenario.source).stem for scenario in scenarios)


def manifested(run: Run, home: Path, asked: Asked) -> dict[str, Any]:
    """What went in, what it was made with, and what came out; the same on every run of the same inputs."""
    case, plan = run.case, run.plan
    return {
        "name": run.name,
        "inputs": {
            "model": source(run.model, asked.model),
            "scenarios": sources(run.scenarios, asked.scenarios),
            "world": figures(run.facts, asked.world),
        },
        "explain": list(asked.spaces),
        "options": {"gap": run.options.gap, "accept_near_ties": run.options.accept_near_ties},
        "years": list(case.world.labels(TIME)) if TIME in case.world.data.dims else [],
        "changes": list(case.said),
        "goals": {k: {"value": v, "unit": str(plan.goal_units[k])} for k, v in plan.goals.items()},
        "grade": plan.grade,
        **({"bounds": plan.bounds} if plan.bounds else {}),
        "acknowledgement": case.world.data.attrs.get("acknowledgement", ""),
        "certificate": [
            {"check": r.kind, "goal": r.goal, "size": r.size, "allowed": r.allowed} for r in plan.certificate.residuals
        ],
        "versions": {name: version(name) for name in LIBRARIES},
        "outputs": outputs(home),
    }


def source(record: Model | Scenario, given: str) -> dict[str, str]:
    """A file that went in: its name, how it was asked for, and the digest of what it says."""
    return {"name": record.source, "given": given, "sha256": digest(record)}


def figures(world: World, given: str) -> dict[str, str]:
    """A World that went in."""
    return {"name": world.name, "given": given, "sha256": world.digest()}


def sources(scenarios: Iterable[Scenario], given: Iterable[str]) -> list[dict[str, str]]:
    """The scenarios that went in."""
    return [source(scenario, words) for scenario, words in zip(scenarios, given, strict=True)]


def kept(scenarios: Iterable[Scenario], facts: World) -> dict[str, Any]:
    """What scenarios said, and a digest of every datum, to tell later what differs."""
    return {"scenarios": [content(s) for s in scenarios], "data": facts.digests()}


def outputs(home: Path) -> dict[str, dict[str, str]]:
    """The sha256 of every file that is in a folder."""
    return {name: {"sha256": file_digest(home / name)} for name in sorted(file.name for file in home.iterdir())}


def write_json(file: Path, what: dict[str, Any]) -> None:
    """Write data as text that a person can read and a program compare."""
    file.write_text(json.dumps(what, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def digest(record: BaseModel) -> str:
    """The sha256 of a record's content: comments and spacing of its file do not count."""
    return hashlib.sha256(json.dumps(record.model_dump()).encode()).hexdigest()


def content(record: BaseModel) -> Any:
    """A record's content as JSON has it."""
    return json.loads(json.dumps(record.model_dump()))


def file_digest(file: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
