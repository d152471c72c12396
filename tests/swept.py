"""A question small enough that a sweep of it takes seconds: three places, two pots, costs that are not known."""

from __future__ import annotations

from pathlib import Path

import small
from allocate.world import World

MODEL = """\
name = "Toy"
why  = "Two pots for three places, which are guaranteed something each."

[dims]
space = "Where"
pool  = "Which pot"

[data]
budget = { over = ["pool"], unit = "R" }
floor  = { over = ["space"], unit = "R" }
cost   = { over = ["space"], unit = "R/household", named = { even = "cost_even" } }
need   = { over = ["space"], unit = "household" }
part   = { unit = "1", most = 1 }

[variables]
spend   = { over = ["space", "pool"], unit = "R" }
held    = { over = ["pool"], unit = "R" }
reached = { over = ["space"], unit = "household", upper = "need" }

[rules.pool]
over = ["pool"]
rule = "sum(spend, over=space) + held == budget"

[rules.floor]
over = ["space"]
rule = "sum(spend, over=pool) >= part * floor"

[rules.delivery]
over = ["space"]
rule = "cost * reached <= sum(spend, over=pool)"

[[goals]]
name = "reach"
max  = "sum(reached, over=space)"

[schedule]
amount      = "spend"
unallocated = "held"
"""

SCENARIO = """\
name = "Floors and costs"
why  = "What do floors cost while costs are not known?"

[[grid]]
name  = "floors"
scale = "floor"
by    = [6, 1, 2, 3]

[sample]
draws = 32

[[range]]
range = "cost"
by    = "space"
from  = 0.5
to    = 2
"""
"""128 plans, in 4 chunks; where floors are six times what they are, there is none."""

LABELS = {"space": ("N", "S", "W"), "pool": ("P", "Q")}
COST = {"N": 10_000.0, "S": 20_000.0, "W": 30_000.0}


def world() -> World:
    """R60m and R40m; a floor of R10m each; a household costs R10,000, 20,000 or 30,000, and 4,000 are in need each."""
    return World.build(
        "toy",
        [
            small.table("budget", "R", ["pool"], {"P": 60e6, "Q": 40e6}.__getitem__, LABELS),
            small.table("floor", "R", ["space"], lambda space: 10e6, LABELS),
            small.table("cost", "R/household", ["space"], COST.__getitem__, LABELS),
            small.table("cost_even", "R/household", ["space"], lambda space: 20_000.0, LABELS),
            small.table("need", "household", ["space"], lambda space: 4000, LABELS),
            small.table("part", "1", [], lambda: 1.0, LABELS),
        ],
        LABELS,
        small.SPACES,
    )


def set_up(home: Path, scenario: str = SCENARIO) -> list[str]:
    """The files of the question in a folder, and the words of a command that asks it there."""
    world().write(home / "world")
    (home / "toy.toml").write_text(MODEL)
    (home / "asked.toml").write_text(scenario)
    return ["sweep", "toy.toml", "-s", "asked.toml", "-w", "world", "-o", "out"]


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
