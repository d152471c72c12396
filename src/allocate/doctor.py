"""Whether a machine has what the library takes, each line with what to do where it has not.

Nothing that may be missing is imported before it is looked for.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from allocate.names import VERSION

OLDEST: Final = (3, 12)
"""The Python that the library asks for."""

ENOUGH: Final = 1e9
"""Bytes of memory that the shipped model over three years is solved in, with room to spare."""

SOLVERS: Final = {"cbc": "CBC", "glpsol": "GLPK", "scip": "SCIP"}
"""Programs that PuLP drives, each by its command; the library's own solver is HiGHS."""


@dataclass(frozen=True)
class Finding:
    """One thing looked for: what was found, and, where it is not as it should be, what to do."""

    what: str
    found: str
    remedy: str = ""
    needed: bool = True

    @property
    def broken(self) -> bool:
        """Whether the library cannot work without it."""
        return bool(self.remedy) and self.needed

    def __str__(self) -> str:
        mark = "MISSING" if self.broken else "optional" if self.remedy else "ok"
        return f"{mark:<9} {self.what:<16} {self.found}" + (f"; {self.remedy}" if self.remedy else "")


def examine(out: Path) -> list[Finding]:
    """Look for everything; ``out`` is where runs shall be written.

    >>> [finding.what for finding in examine(Path("out")) if finding.broken]
    []
    """
    return [_python(), *_packages(), _solver(), _processors(), _memory(), _folder(out), _letters(), *_programs()]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    oldest = ".".join(map(str, OLDEST))
    return Finding("Python", found, "" if sys.version_info >= OLDEST else f"install Python {oldest} or newer")


def _packages() -> Iterator[Finding]:
    """The library and every package that it asks for: what is needed, and what is there."""
    try:
        asked = metadata.requires("allocate") or []
    except metadata.PackageNotFoundError:
        yield Finding("allocate", VERSION, "is not installed as a package; run pip install in its folder")
        return
    yield Finding("allocate", VERSION)
    try:
        from packaging.requirements import Requirement
    except ImportError:
        yield Finding("packaging", "none", "run pip install packaging")
        return
    for line in asked:
        need = Requirement(line)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            found = ""
        fits = bool(found) and need.specifier.contains(found, prereleases=True)
        words = f"{found or 'none'} (needs {need.specifier})"
        yield Finding(need.name, words, "" if fits else f'run pip install "{need.name}{need.specifier}"')


def _solver() -> Finding:
    """HiGHS and the finish on a program whose answer is known: of R10 and two uses of at most R8, all is used."""
    try:
        import numpy as np
        from scipy import sparse

        from allocate.optimum.lexicographic import solve
        from allocate.optimum.linear import Goal, LinearProgram

        goal = Goal("use", np.ones(2), sense="max")
        limits = np.array([-np.inf]), np.array([10.0]), np.zeros(2), np.full(2, 8.0)
        found = solve(LinearProgram(sparse.csr_array([[1.0, 1.0]]), *limits, (goal,), np.array([1.0, 5.0]), np.ones(2)))
        right = np.allclose(found.x, [2.0, 8.0]) and found.grade == "exact"
    except Exception as error:  # a broken binary fails in ways of its own
        return Finding("solver", f"{type(error).__name__}: {str(error)[:120]}", "reinstall highspy, clarabel and scipy")
    return Finding(
        "solver", "HiGHS solves a test, and it is proved", "" if right else "its answer is wrong; reinstall highspy"
    )


def _processors() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("processors", f"{usable}")


def _memory() -> Finding:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return Finding("memory", "not told by this system")
    shown = f"{size / 1e9:.1f} GB"
    return Finding("memory", shown, "" if size >= ENOUGH else "large models may not fit", needed=False)


def _folder(out: Path) -> Finding:
    """A folder that can be written, tried in the nearest one that is there."""
    above = (out, *out.absolute().parents)
    near = next(path for path in above if os.path.exists(path))  # noqa: PTH110 - Path.exists raises on a name too long
    try:
        with tempfile.TemporaryFile(dir=near):
            free = shutil.disk_usage(near).free
    except OSError as error:
        return Finding(f"folder {out}", f"{error.strerror or error}", "name another with --out")
    return Finding(f"folder {out}", f"can be written, {free / 1e9:.1f} GB free")


def _letters() -> Finding:
    encoding = sys.stdout.encoding or "ascii"
    try:
        "Côte d’Or −1 →".encode(encoding)
    except UnicodeEncodeError:
        return Finding("terminal", encoding, "names may show as numbers; set PYTHONUTF8=1", needed=False)
    return Finding("terminal", encoding)


def _programs() -> Iterator[Finding]:
    for command, name in SOLVERS.items():
        path = shutil.which(command)
        lacks = "only for solving with it through PuLP"
        yield Finding(name, path or f"no {command} on the PATH", "" if path else lacks, needed=False)
