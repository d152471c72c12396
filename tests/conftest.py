"""What many tests share: the shipped World and one run on it, read and solved once."""

from __future__ import annotations

import pytest

from allocate.runs import Run, run
from allocate.world import World, read_world


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
