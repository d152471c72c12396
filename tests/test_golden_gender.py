"""The gender model, all its rules active, as an .lp file that a person can read, on the two spaces of tests/gendered.py.

After a change that is meant, write it anew and read what ``git diff`` says:

    python tests/test_golden_gender.py
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import gendered
from allocate.read import read_model
from allocate.spec import Model

GOLDEN = Path(__file__).parent / "golden" / "gender_responsive.lp"


def text_of(model: Model) -> str:
    """The model on two spaces and two years, every rule active that its own text adds to grant_consolidation."""
    base = read_model("grant_consolidation")
    waiting = [name for name, rule in model.rules.items() if not rule.active and name not in base.rules]
    facts = gendered.world(years=("2018/19", "2019/20"), targeting=0.5, refuse=0.5)
    return gendered.program(facts, gendered.what_if(*waiting), model).to_lp()


def difference(old: str, new: str) -> list[str]:
    return list(difflib.unified_diff(old.splitlines(), new.splitlines(), "golden", "now", lineterm="", n=0))


def test_the_model_is_the_one_that_was_agreed() -> None:
    """Proves: rows, columns and numbers of the shipped model are those in tests/golden, line by line.

    Broken: the difference below is what the change of the text did to the mathematics.
    """
    changed = difference(GOLDEN.read_text(encoding="utf-8"), text_of(read_model("gender_responsive")))
    shown = "\n".join(changed[:60])
    assert not changed, f"\n{shown}\nif it is meant, run: python tests/test_golden_gender.py"


def test_every_rule_is_in_it() -> None:
    """Proves: each rule of the model has rows in the golden file. Broken: a rule could change unseen."""
    text = GOLDEN.read_text(encoding="utf-8")
    base = read_model("grant_consolidation").rules
    assert [
        name for name in read_model("gender_responsive").rules if name not in base and f"\n{name}" not in text
    ] == []


if __name__ == "__main__":
    GOLDEN.write_text(text_of(read_model("gender_responsive")), encoding="utf-8")
    sys.stdout.write(f"wrote {GOLDEN.name}\n")
