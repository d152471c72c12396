"""The demo: one folder of reports, and a headline that is tested, not assumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from allocate.compare import holds, row
from allocate.demo import Demo, demo
from allocate.findings import Gain
from allocate.runs import Run


def test_a_headline_that_changes_sign_is_said_to_flip(freed: Run) -> None:
    """Proves: two signs FLIP, one sign holds, and a zero among gains DEPENDS on the case.

    Broken: a conclusion that depends on one assumption would be printed as a fact.
    """
    some = row(freed)
    assert holds([some, some])[1].startswith("Value of consolidation holds over 2 cases: +")
    against = replace(some, consolidation=Gain(-1.0, -0.2))
    assert "Value of consolidation FLIPS over 2 cases: -20.0% to +" in holds([some, against])[1]
    nothing = replace(some, consolidation=Gain(0.0, 0.0))
    assert "Value of consolidation DEPENDS on the case, 2 cases: 0.0% to +" in holds([some, nothing])[1]
    assert len(holds([replace(some, consolidation=None)])) == 1


def test_a_demo_is_one_folder_with_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: every run has its folder, the index links to each, and the words end with what to open."""
    small = {
        "title": "A small one",
        "world": "za2016",
        "model": "grant_consolidation",
        "parts": [{"title": "One year", "years": ["2019/20"], "scenarios": [["one_water_grant"], ["separate"]]}],
    }
    monkeypatch.setattr("allocate.za.DEMO", small)
    heard: list[str] = []
    words = demo(tmp_path / "d", heard.append)
    index = (tmp_path / "d" / "index.html").read_text(encoding="utf-8")
    for name in ("one_water_grant_2019-20", "separate_2019-20"):
        assert (tmp_path / "d" / name / "plan.csv").is_file()
        assert f"{name}/report.html" in index
    assert words.startswith("A small one\n") and words.endswith(f"Open {tmp_path / 'd' / 'index.html'}")
    assert "One water grant, 2019/20" in words and len(heard) == 2


def test_the_shipped_demo_is_well_formed() -> None:
    """Proves: the shipped list reads, and each test part starts from the headline scenario."""
    from allocate.za import DEMO

    found = Demo.model_validate(DEMO)
    assert [part.scenarios[0] for part in found.parts if part.test] == [("one_pool",), ("one_pool",)]
