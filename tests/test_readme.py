"""The README does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allocate.read import read_scenario, shipped

README = Path(__file__).parents[1] / "README.md"


def test_the_first_lines_of_python_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: the snippet runs as it stands and prints findings. Broken: a newcomer's first try ends in an error."""
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("Value of reallocation: +")


def test_the_first_scenario_is_the_shipped_one(tmp_path: Path) -> None:
    """Proves: the scenario shown is the one that ships, but for the model it is written for."""
    (text,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    shown, real = read_scenario(tmp_path / "s.toml"), read_scenario(shipped("scenarios") / "one_water_grant.toml")
    assert (shown.name, shown.why, shown.changes) == (real.name, real.why, real.changes)
