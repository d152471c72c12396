"""What many tests share: the shipped World, runs on it, solved once, and a command line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from allocate import cli
from allocate.runs import Run, run
from allocate.world import World, read_world

type Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def za() -> World:
    """The shipped World; nobody changes it, because a change makes a new one."""
    return read_world("za2016")


@pytest.fixture(scope="session")
def merged(za: World) -> Run:
    """All seven grants merged, 2019/20."""
    return run("grant_consolidation", za, "one_pool", years=["2019/20"])


@pytest.fixture(scope="session")
def freed(za: World) -> Run:
    """The same without a limit on the pace of each service: the trap that a merger falls into."""
    return run("grant_consolidation", za, "one_pool", "no_pace", years=["2019/20"])


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run a command line in an empty folder; its exit status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["allocate", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return call
