"""The doctor: what is broken is named, with what to do; what is optional breaks nothing."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from allocate.doctor import examine

if TYPE_CHECKING:
    from conftest import Command


def test_a_machine_that_works_is_told_so(command: Command, tmp_path: Path) -> None:
    """Proves: every package that the library asks for is looked for, the solver solves, and nothing is left behind."""
    status, out, _ = command("doctor")
    assert status == 0 and "MISSING" not in out
    for name in ("numpy", "highspy", "pulp", "xarray"):
        assert f"{name:<16} {metadata.version(name)} (needs " in out
    assert "HiGHS solves a test, and it is proved" in out
    assert list(tmp_path.iterdir()) == []


def test_an_old_and_a_missing_package_are_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: each says what is there, what is needed and what to type, and the status is 1.

    Broken: a solver of a version with wrong answers passes.
    """
    version = metadata.version

    def other(name: str) -> str:
        if name == "pulp":
            raise metadata.PackageNotFoundError(name)
        return "1.14.2" if name == "highspy" else version(name)

    monkeypatch.setattr(metadata, "version", other)
    status, out, err = command("doctor")
    assert status == 1 and "2 of what is needed are missing" in err
    lines = [" ".join(line.split()) for line in out.splitlines() if line.startswith("MISSING")]
    needs = "!=1.14.*,>=1.15.1"
    assert lines == [
        f'MISSING highspy 1.14.2 (needs {needs}); run pip install "highspy{needs}"',
        'MISSING pulp none (needs >=4.2); run pip install "pulp>=4.2"',
    ]


def test_a_solver_that_fails_or_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: an import that fails in the solver's own way is a finding, not a crash."""

    def fails(*_: object) -> None:
        raise ImportError("undefined symbol: Highs_run")

    monkeypatch.setattr("allocate.optimum.lexicographic.solve", fails)
    found = {finding.what: finding for finding in examine(Path("out"))}
    assert found["solver"].broken and "undefined symbol" in found["solver"].found


def test_a_folder_that_cannot_be_written_is_named(command: Command, tmp_path: Path) -> None:
    """Proves: a file where the folder should be is told before anybody waits for a run."""
    (tmp_path / "file").write_text("")
    status, out, _ = command("doctor", "-o", "file/runs")
    assert status == 1 and "Not a directory; name another with --out" in out


def test_what_is_optional_is_called_so(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Proves: no other solver on the PATH is no error."""
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out, _ = command("doctor")
    assert status == 0 and "optional  CBC              no cbc on the PATH; only for solving with it through PuLP" in out


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: the version is compared as numbers: 3.9 is older than 3.12."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert str(examine(Path("out"))[0]) == "MISSING   Python           3.9.1; install Python 3.12 or newer"
