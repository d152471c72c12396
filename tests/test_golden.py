"""Shipped models as .lp files that a person can read; when the text of a rule changes, the difference shows.

After a change that is meant, write it anew and read what ``git diff`` says:

    python tests/test_golden.py
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gendered
import portfolio
import small
import tiny
from allocate.builder import build
from allocate.changes import apply
from allocate.read import read_model
from allocate.spec import Activate, Change, Model, Scenario, Set
from allocate.world import World

GOLDEN = Path(__file__).parent / "golden"


def _projects() -> World:
    """Bulk with taps behind it, an incomplete project, and a zone that waits for the taps."""
    listed = {
        "bulk": {"cost": 40, "capacity": 100, "scheme": "S", "year_most": 0.5},
        "taps": {"cost": 50, "connects": 90, "scheme": "S", "indicated": [20, 10]},
        "pits": {"cost": 30, "connects": 60, "incomplete": 1, "space": "B"},
        "zone": {"cost": 20, "zone": 1, "space": "B", "after": "taps"},
    }
    return portfolio.projects(listed, {"G": [60, 60], "H": [10, 10]}, zones_least=lambda s: s == "B")


def _gendered() -> World:
    """Two spaces and two years."""
    return gendered.world(years=("2018/19", "2019/20"), targeting=0.5, refuse=0.5)


def _two_years() -> World:
    """What the rules of the medium term need."""
    each: dict[str, tiny.Datum] = {
        "rural_share": ("1", ("space",), lambda s: 0.25),
        "matching": ("1", ("grant",), lambda g: 0.5),
        "own_revenue": ("R", ("space", "year"), lambda s, y: 8e6),
        "jobs": ("job/R", ("service",), lambda k: 5e-6),
        "labour": ("1", ("service",), lambda k: 0.25),
        "run_cost": ("R/household", ("service", "year"), lambda k, y: 2000),
        "operating_transfers": ("R", ("space", "year"), lambda s, y: 4e6),
        "top_slice": ("1", ("grant",), lambda g: 0.05),
        "lift": ("1", ("year",), lambda y: 4),
        "expert_lift": ("1", ("space",), lambda s: 0.125),
    }
    return tiny.world(("1", "2"), **each)


def _even() -> World:
    return tiny.world(shared_by=("household", ("space",), lambda s: 1000 if s == "A" else 3000))


MODELS: dict[str, Callable[[], World]] = {
    "grant_consolidation": lambda: small.world(spaces=("N", "S")),
    "multi_year": _two_years,
    "equity": _even,
    "gender_responsive": _gendered,
    "targets": tiny.world,
    "single_pool": tiny.world,
    "project_portfolio": _projects,
    "roll_out": portfolio.waves,
}
"""A World for each model: the fewest spaces that show every rule."""

ON: dict[str, dict[str, float]] = {
    "multi_year": {"management": 1, "teams": 1},
    "equity": {"by_money": 1},
    "targets": {"more_money": 1, "target": 500},
}
"""Levers that let variables in."""


def text_of(model: Model, world: World) -> str:
    """The program of a model with every rule of its own text active, and every goal but those for the worst-off one by one."""
    name = Path(model.source).stem
    base = read_model("grant_consolidation").rules if name != "grant_consolidation" else model.rules
    rules = [f"rules.{rule}" for rule, spec in model.rules.items() if not spec.active and rule not in base]
    goals = [f"goals.{goal.name}" for goal in model.goals if not goal.active and goal.leximin is None]
    changes: list[Change] = [Activate(activate=part) for part in (*rules, *goals)]
    changes += [Set(set=datum, to=to) for datum, to in ON.get(name, {}).items()]
    return build(apply(model, world, [Scenario(name="All", why="What waits.", changes=tuple(changes))])).to_lp()


def difference(old: str, new: str) -> list[str]:
    return list(difflib.unified_diff(old.splitlines(), new.splitlines(), "golden", "now", lineterm="", n=0))


@pytest.mark.parametrize("name", MODELS)
def test_the_model_is_the_one_that_was_agreed(name: str) -> None:
    """Proves: rows, columns and numbers of a shipped model are those in tests/golden, line by line.

    Broken: the difference below is what the change of the text did to the mathematics.
    """
    golden = (GOLDEN / f"{name}.lp").read_text(encoding="utf-8")
    changed = difference(golden, text_of(read_model(name), MODELS[name]()))
    shown = "\n".join(changed[:60])
    assert not changed, f"\n{shown}\nif it is meant, run: python tests/test_golden.py"


def test_another_text_is_another_golden() -> None:
    """Proves: a small change of one rule shows as a small difference that names the rule and its cells.

    Broken: the golden file would not notice.
    """
    model, world = read_model("grant_consolidation"), small.world(spaces=("N", "S"))
    rule = model.rules["absorption"]
    turned = rule.model_copy(update={"rule": rule.rule.replace("absorbable", "2 * absorbable")})
    changed = difference(
        text_of(model, world), text_of(model.model_copy(update={"rules": {**model.rules, "absorption": turned}}), world)
    )
    lines = [line for line in changed if not line.startswith(("---", "+++", "@@"))]
    assert len(lines) == 8
    assert [line.rpartition("<= ")[2] for line in lines[:4]] == ["120000000", "240000000", "120000000", "240000000"]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, world in MODELS.items():
        (GOLDEN / f"{name}.lp").write_text(text_of(read_model(name), world()), encoding="utf-8")
        sys.stdout.write(f"wrote {name}.lp\n")
