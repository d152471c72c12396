"""What is installed works without the checkout: the wheel, in an environment of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

CHECKOUT = Path(__file__).parents[1]


def ran(*words: object, at: Path) -> str:
    """What a command prints; it must end with status 0, and no setting of this process may reach it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(list(map(str, words)), cwd=at, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    home = tmp_path_factory.mktemp("wheel")
    ran(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", home, at=CHECKOUT)
    [found] = home.glob("allocate-*.whl")
    return found


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a new environment that has the wheel, and this interpreter's packages for what it depends on.

    A plain line in a .pth file adds a folder without obeying the .pth files in it, so an editable install stays out.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=os.name != "nt", with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    pip = (scripts / "python", "-m", "pip", "--disable-pip-version-check")
    ran(*pip, "install", "--no-deps", "--no-index", wheel, at=home)
    packages = next(home.rglob("site-packages"))
    others = Path(np.__file__).parents[1]
    (packages / "dependencies.pth").write_text(f"{others}\n", encoding="utf-8")
    return scripts


def test_an_analyst_who_never_clones_can_work(scripts: Path, tmp_path: Path) -> None:
    """Proves: from the wheel alone a project is made and its model solved on its own figures, offline.

    Broken: models, scenarios, facts or templates are missing from the wheel, which nobody sees in a checkout.
    """
    home = ran(scripts / "python", "-c", "import allocate; print(allocate.__file__)", at=tmp_path)
    assert Path(home.strip()).is_relative_to(scripts.parent.resolve()), home
    ran(scripts / "allocate", "new", "mine", at=tmp_path)
    words = ("models/grant_consolidation.toml", "--scenario", "scenarios/one_water_grant.toml", "--years", "2019/20")
    out = ran(scripts / "allocate", "run", *words, at=tmp_path / "mine")
    assert "figures: world" in out and "Grade of proof: exact" in out
    assert (tmp_path / "mine" / "out" / "one_water_grant" / "report.html").is_file()
    assert ran(scripts / "allocate", "explain", "out/one_water_grant", at=tmp_path / "mine").startswith("One water")


def test_a_shipped_name_is_enough(scripts: Path, tmp_path: Path) -> None:
    """Proves: outside any project models and scenarios are found by name in the wheel."""
    out = ran(scripts / "allocate", "check", "za2016", "-s", "one_pool", at=tmp_path)
    assert "Fits Grant consolidation: a program of" in out
    assert list(tmp_path.iterdir()) == []
