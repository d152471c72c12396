"""A project: a folder that works on its own, and is never overwritten."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from allocate.errors import InputError
from allocate.workspace import new, own_world, vacant
from allocate.world import World, read_world

if TYPE_CHECKING:
    from conftest import Command

MODEL = "models/grant_consolidation.toml"


@pytest.fixture
def project(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A new project as the current folder."""
    assert command("new", "mine")[0] == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def test_a_project_gives_the_same_plan_as_the_built_in_world(command: Command, project: Path) -> None:
    """Proves: figures that were written and read again, at the project's own names, give the same plan to the byte.

    Broken: an analyst who changes nothing gets other numbers than the report that was published.
    """
    words = ("run", MODEL, "--scenario", "scenarios/one_water_grant.toml", "--years", "2019/20")
    status, out, err = command(*words)
    assert status == 0 and "figures: world" in out and "reading the figures of world" in err
    status, out, _ = command(*words, "--world", "za2016", "-o", "out/built_in")
    assert status == 0 and "figures: za2016" in out
    mine, built_in = (Path("out") / name / "plan.csv" for name in ("one_water_grant", "built_in"))
    assert mine.read_bytes() == built_in.read_bytes()


def test_all_that_a_world_says_comes_back(project: Path, za: World) -> None:
    """Proves: the digest, the labels' order, and each figure's unit, status and source survive."""
    found = read_world("world")
    assert found.digest() == za.digest() and found.regions is not None
    for name, array in za.data.data_vars.items():
        assert found.data[name].attrs == array.attrs
        assert found.data[name].dims == array.dims
    assert found.regions.rows == za.regions.rows  # type: ignore[union-attr]


def test_what_is_edited_is_what_runs(command: Command, project: Path) -> None:
    """Proves: in a project a bare name means the project's model, and check reads the project's figures.

    Broken: someone edits models/grant_consolidation.toml, and runs the shipped one.
    """
    file = project / MODEL
    file.write_text(file.read_text(encoding="utf-8").replace("Grant consolidation", "Mine"), encoding="utf-8")
    pace = project / "world" / "pace.csv"
    pace.write_text(pace.read_text(encoding="utf-8").replace("2018/19,", "2018/19,-"), encoding="utf-8")
    assert command("show", "grant_consolidation")[1].startswith("Mine\n")
    status, out, err = command("check")
    assert status == 1 and out == "" and "pace.csv, row 3, value: -" in err


def test_what_is_there_is_never_touched(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: a folder with anything in it, even an earlier run or project, a file, the current folder, and a name that
    no folder can have are refused in words, and nothing else is made.

    Broken: a year of work is replaced by a fresh copy.
    """
    for name, file in (("thesis", "a.doc"), ("run", "manifest.json"), ("hidden", ".git")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for name, words in (
        ("thesis", "is not empty; name a new folder"),
        ("run", "is not empty; name a new folder"),
        ("hidden", "is not empty; name a new folder"),
        ("file", "is a file; name a folder"),
        ("file/below", "file is a file"),
        ("long" * 99, "cannot be written: File name too long"),
    ):
        status, out, err = command("new", name)
        assert status == 1 and words in err and out == "" and "reading" not in err
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="is the current folder or above it"):
        vacant(".")


def test_a_closed_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: where one may not write, that is said before any work."""
    monkeypatch.setattr(os, "access", lambda *_: False)  # a superuser may write anywhere
    with pytest.raises(InputError, match="is closed to you"):
        vacant(tmp_path / "mine")


def test_a_project_that_fails_leaves_nothing(tmp_path: Path, za: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: a full disk in the middle leaves no folder. Broken: half a project that looks whole."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("allocate.world.World.write", full)
    with pytest.raises(InputError, match="mine: 1 problem\n  cannot be written: No space left on device"):
        new(tmp_path / "mine", za)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other letters that no name may have")
def test_a_name_may_be_any_name(command: Command, tmp_path: Path) -> None:
    """Proves: accents, quotes, spaces, braces and other scripts in a folder's name do no harm."""
    name = "Été {name} 'n' 東 %s"
    status, out, _ = command("new", name)
    assert status == 0 and name in out
    assert (tmp_path / name / "README.md").read_text(encoding="utf-8").startswith(f"# {name}\n")


def test_a_folder_and_a_workbook_of_figures_are_one_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: the figures are the current folder's own, never a guess between two, and a folder that only is called
    world is none."""
    monkeypatch.chdir(tmp_path)
    Path("world").mkdir()
    assert own_world() == "za2016"
    Path("world.xlsx").write_text("")
    assert own_world() == "world.xlsx"
    Path("world/datapackage.json").write_text("{}")
    with pytest.raises(InputError, match=r"world and world\.xlsx are both here; name one with --world"):
        own_world()


def test_an_editor_finds_the_schemas(project: Path) -> None:
    """Proves: the file that taplo reads names schemas that are there, for folders that are there."""
    for rule in tomllib.loads((project / ".taplo.toml").read_text(encoding="utf-8"))["rule"]:
        assert (project / rule["schema"]["path"]).is_file()
        assert all(list(project.glob(pattern)) for pattern in rule["include"])
