"""A run on disk: ``manifest.json``, ``plan.csv``, ``plan.nc`` and ``report.html``, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import xarray as xr
from pydantic import BaseModel

from allocate.errors import InputError, Problem
from allocate.report.html import html
from allocate.runs import Run
from allocate.units import SCALES

MANIFEST: Final = "manifest.json"
LIBRARIES: Final = ("allocate", "clarabel", "highspy", "numpy", "pandas", "scipy", "xarray")
"""What a result may depend on; their versions are in the manifest."""


def write(run: Run, folder: str | Path) -> Path:
    """Write a run as a folder. A folder that holds an earlier run is replaced; any other that is not empty is refused.

    ``plan.csv`` has a row a cell: the dims of the amount and ``amount``, whole R thousand. Raises
    :class:`InputError` if the folder cannot be written.
    """

    def fill(home: Path) -> None:
        run.schedule.table().to_csv(home / "plan.csv", index=False, lineterminator="\n", encoding="utf-8")
        dataset(run).to_netcdf(home / "plan.nc", engine="h5netcdf")
        (home / "report.html").write_text(html(run), encoding="utf-8")
        manifest = json.dumps(manifested(run, home), indent=1, ensure_ascii=False)
        (home / MANIFEST).write_text(manifest + "\n", encoding="utf-8")

    return whole(folder, fill)


def whole(folder: str | Path, fill: Callable[[Path], None]) -> Path:
    """Make a folder under a temporary name, fill it, and give it its name only when it is complete.

    Raises :class:`InputError` if the folder holds something else than an earlier run, or cannot be made.
    """
    home = free(folder)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    except OSError as error:
        raise InputError(home, [Problem("", f"cannot be written: {error.strerror}")]) from None
    try:
        fill(work)
        work.chmod(0o755)
        if home.is_dir():
            old = work.with_name(work.name + ".old")
            home.rename(old)
            work.rename(home)
            shutil.rmtree(old)
        else:
            work.rename(home)
    except OSError as error:
        raise InputError(home, [Problem("", f"cannot be written: {error.strerror}")]) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return home


def free(folder: str | Path) -> Path:
    """A folder that may be written: new, empty, or an earlier run. Raises :class:`InputError` for any other."""
    home = Path(folder)
    if home.exists() and not home.is_dir():
        raise InputError(home, [Problem("", "is a file; name a folder")])
    if home.is_dir() and any(home.iterdir()) and not (home / MANIFEST).is_file():
        raise InputError(home, [Problem("", f"is not empty and holds no {MANIFEST}; name a new folder")])
    return home


def dataset(run: Run) -> xr.Dataset:
    """Everything a notebook needs: variables, published amounts, and each rule's price and slack."""
    arrays: dict[str, xr.DataArray] = {str(k): v for k, v in run.plan.values.data_vars.items()}
    scale = next(name for name, rand in SCALES.items() if rand == run.schedule.unit)
    arrays["published"] = run.schedule.amount.assign_attrs(unit=scale)
    arrays["published_unallocated"] = run.schedule.unallocated.assign_attrs(unit=scale)
    arrays["baseline_published"] = run.was.amount.assign_attrs(unit=scale)
    arrays |= {f"price_of_{name}": array for name, array in run.plan.prices().items()}
    arrays |= {f"slack_of_{name}": array for name, array in run.plan.slack().items()}
    return xr.Dataset(arrays, attrs={"name": run.name, "grade": run.plan.grade, "goal": run.goal})


def manifested(run: Run, home: Path) -> dict[str, Any]:
    """What went in, what it was made with, and what came out; the same on every run of the same inputs."""
    case, plan = run.case, run.plan
    return {
        "name": run.name,
        "inputs": {
            "model": {"name": case.model.source, "sha256": digest(case.model)},
            "scenarios": [{"name": s.source, "sha256": digest(s)} for s in run.scenarios],
            "world": {"name": case.world.name, "sha256": run.world_digest},
        },
        "years": list(case.world.labels("year")) if "year" in case.world.data.dims else [],
        "changes": list(case.said),
        "goals": {k: {"value": v, "unit": str(plan.goal_units[k])} for k, v in plan.goals.items()},
        "grade": plan.grade,
        "certificate": [
            {"check": r.kind, "goal": r.goal, "size": r.size, "allowed": r.allowed} for r in plan.certificate.residuals
        ],
        "versions": {name: version(name) for name in LIBRARIES},
        "outputs": {name: {"sha256": _file_digest(home / name)} for name in ("plan.csv", "report.html")},
    }


def digest(record: BaseModel) -> str:
    """The sha256 of a record's content: comments and spacing of its file do not count."""
    return hashlib.sha256(json.dumps(record.model_dump()).encode()).hexdigest()


def _file_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
