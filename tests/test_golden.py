"""The shipped model as an .lp file that a person can read; when the text of a rule changes, the difference shows.

After a change that is meant, write it anew and read what ``git diff`` says:

    python tests/test_golden.py
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import small
from allocate.builder import build
from allocate.changes import apply
from allocate.read import read_model
from allocate.spec import Model

GOLDEN = Path(__file__).parent / "golden" / "grant_consolidation.lp"


def text_of(model: Model) -> str:
    """The model on the two spaces of the small World that get both grants."""
    return build(apply(model, small.world(spaces=("N", "S")))).to_lp()


def difference(old: str, new: str) -> list[str]:
    return list(difflib.unified_diff(old.splitlines(), new.splitlines(), "golden", "now", lineterm="", n=0))


def test_the_model_is_the_one_that_was_agreed() -> None:
    """Proves: rows, columns and numbers of the shipped model are those in tests/golden, line by line.

    Broken: the difference below is what the change of the text did to the mathematics.
    """
    changed = difference(GOLDEN.read_text(encoding="utf-8"), text_of(read_model("grant_consolidation")))
    shown = "\n".join(changed[:60])
    assert not changed, f"\n{shown}\nif it is meant, run: python tests/test_golden.py"


def test_another_text_is_another_golden() -> None:
    """Proves: a small change of one rule shows as a small difference that names the rule and its cells.

    Broken: the golden file would not notice.
    """
    model = read_model("grant_consolidation")
    rule = model.rules["absorption"]
    turned = rule.model_copy(update={"rule": rule.rule.replace("absorbable", "2 * absorbable")})
    changed = difference(
        text_of(model), text_of(model.model_copy(update={"rules": {**model.rules, "absorption": turned}}))
    )
    lines = [line for line in changed if not line.startswith(("---", "+++", "@@"))]
    assert len(lines) == 8
    assert [line.rpartition("<= ")[2] for line in lines[:4]] == ["120000000", "240000000", "120000000", "240000000"]


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(text_of(read_model("grant_consolidation")), encoding="utf-8")
    sys.stdout.write(f"wrote {GOLDEN.name}\n")
