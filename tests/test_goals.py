"""Goals that give, goals for the worst-off, whole numbers: from model text to a plan with its grade."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from allocate.builder import build
from allocate.changes import Case
from allocate.errors import InputError, StoppedError
from allocate.optimum.highs import SolverOptions
from allocate.plan import Plan, solve
from allocate.program import Program
from allocate.read import read_model, shipped
from allocate.spec import Model
from allocate.world import World

REACH = {"name": "reach", "max": "sum(reached, over=[space, year])"}
FAIR = {"name": "fair", "leximin": "sum(reached, over=year)", "over": ["space"]}


def toy(*goals: dict[str, Any], **parts: Any) -> Plan:
    """The toy model: R300 in two years, A costs 2 a household, B costs 4; whatever reaches most goes to A."""
    return solve(build(Case(small.model(goals=list(goals), **parts), small.toy())))


def reached(plan: Plan) -> list[float]:
    return [round(v, 6) for v in plan.values.reached.sum("year").values.tolist()]


def test_leximin_raises_the_worst_off_first() -> None:
    """Proves: R300 at 2 and 4 rand a household reach 50 each, where the largest sum would give A 150 and B none."""
    assert reached(toy(REACH)) == [150.0, 0.0]
    fair = toy(FAIR)
    assert reached(fair) == [50.0, 50.0]
    assert fair.goals["fair"] == pytest.approx(50.0) and str(fair.goal_units["fair"]) == "household"
    assert fair.grade == "exact"


def test_leximin_goes_on_after_the_worst_off() -> None:
    """Proves: with B held at 10 households or fewer, A gets all that is left. Broken: max-min alone stops at 10."""
    capped = toy(FAIR, variables={"spend": {"over": ["space", "year"], "unit": "R"},
                                  "reached": {"over": ["space", "year"], "unit": "household", "upper": "most"}},
                 derived={"most": {"over": ["space"], "unit": "household", "rule": "line / 3 * floor / floor / cost * cost / cost"}})  # fmt: skip
    found = reached(capped)
    assert found[0] > found[1] == pytest.approx(2 * 15 / 3 / 4)


@pytest.mark.parametrize(("give", "total"), [(0.2, 120.0), ("30 household", 120.0), (0.0, 150.0)])
def test_a_goal_gives_what_it_says_and_no_more(give: Any, total: float) -> None:
    """Proves: fairness may cost reach a fifth (or 30 households of 150): 120 are reached, and B gets what that buys.

    Giving 30 of 150: moving R2x from A to B loses x/2... each rand from A (1/2 household) to B (1/4) loses 1/4, so R120
    move: A 90, B 30. Broken: the share would be of something else, or reach would fall further.
    """
    plan = toy({**REACH, "give": give}, FAIR)
    assert sum(reached(plan)) == pytest.approx(total)
    assert reached(plan) == ([90.0, 30.0] if give else [150.0, 0.0])
    assert plan.goals["reach"] == pytest.approx(total)
    assert plan.grade == "exact"


WHOLE = {"spend": {"over": ["space", "year"], "unit": "R"},
         "reached": {"over": ["space", "year"], "unit": "household", "kind": "integer"}}  # fmt: skip
OPEN = {"spend": {"over": ["space", "year"], "unit": "R"},
        "reached": {"over": ["space", "year"], "unit": "household"},
        "built": {"over": ["space"], "unit": "1", "kind": "binary"}}  # fmt: skip


def test_whole_households() -> None:
    """Proves: with 2 and 4 rand a household and R101 and R203, whole households are 50 and 101. Broken: half a house."""
    world = small.toy()
    odd = world.with_data("budget", world.data["budget"] + [1, 3])
    plan = solve(build(Case(small.model(variables=WHOLE), odd)))
    assert plan.goals["reach"] == 151.0 and plan.grade == "proved"
    assert np.array_equal(plan.values.reached.values, np.round(plan.values.reached.values))


def test_a_scheme_is_built_or_not() -> None:
    """Proves: yes-or-no schemes are chosen as by trying all: each costs R90 first and lets a space be served at all."""
    rules = {
        "pool": {"over": ["year"], "rule": "sum(spend, over=space) <= budget"},
        "delivery": {"over": ["space", "year"], "rule": "cost * reached <= spend"},
        "works": {"over": ["space"], "rule": "sum(reached, over=year) <= most * built"},
        "few": {"rule": "sum(built, over=space) <= one"},
    }
    data = dict(small.model().model_dump()["data"]) | {"most": {"unit": "household"}, "one": {"unit": "1"}}
    labels = {"space": ("A", "B"), "year": ("1", "2")}
    toy_world = small.toy()
    world = toy_world.with_data("most", toy_world.data["line"].assign_attrs(unit="household") * 0 + 60)
    world = World(world.name, world.data, world.regions)
    world.data["most"].attrs["unit"] = "household"
    world = world.with_data("one", (toy_world.data["line"] * 0 + 1).assign_attrs(unit="1"))
    model = small.model(variables=OPEN, rules=rules, data=data)
    plan = solve(build(Case(model, world)))
    best = max(
        sum(min(60.0, 300 / {"A": 2, "B": 4}[s]) for s in chosen)
        for n in range(2)
        for chosen in itertools.combinations(labels["space"], n)
    )
    assert plan.goals["reach"] == best == 60.0
    assert plan.grade == "proved" and set(plan.values.built.values.tolist()) <= {0.0, 1.0}


def test_bounds_of_yes_and_no_are_no_choice() -> None:
    """Proves: a binary with bounds of its own is refused by name. Broken: a scheme built twice."""
    with pytest.raises(InputError, match=r"variables.built: is binary, 0 or 1, so it has no other bounds"):
        build(Case(small.model(variables={**OPEN, "built": {**OPEN["built"], "upper": 2}}), small.toy()))


MISTAKES = {
    'max = "line"\nleximin = "floor"\nover = "space"': "needs one of max, min, leximin",
    'leximin = "line"': "leximin, and only leximin, says over which dims it is fair",
    'max = "line"\nover = "space"': "leximin, and only leximin, says over which dims it is fair",
    'leximin = "floor"\nover = "space"\ngive = 0.1': "leximin cannot give; it has no one value",
    'leximin = "floor"\nover = "spaec"': "varies over 'spaec', which is not one of [dims]; did you mean 'space'?",
}


@pytest.mark.parametrize(("goal", "words"), MISTAKES.items())
def test_goals_that_make_no_sense_are_refused(goal: str, words: str, tmp_path: Path) -> None:
    """Proves: each mistake in a goal is told at the goal. Broken: the wrong thing is optimised without a word."""
    file = tmp_path / "m.toml"
    text = (shipped("models") / "grant_consolidation.toml").read_text(encoding="utf-8")
    file.write_text(f'{text}\n[[goals]]\nname = "x"\n{goal}\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_model(file)
    assert ("goals.x", words) in [(problem.place, problem.words) for problem in caught.value.problems]


def knapsack(items: int = 60) -> Program:
    """Things of many sizes against eight limits: a search that no computer ends in a second."""
    chance = np.random.default_rng(0)
    labels = {"item": tuple(f"i{k:02d}" for k in range(items)), "limit": tuple("abcdefgh")}
    sizes = dict(
        zip(((i, k) for i in labels["item"] for k in labels["limit"]), chance.integers(20, 100, items * 8), strict=True)
    )
    tables = [
        small.table("size", "1", ["item", "limit"], lambda i, k: sizes[i, k], labels),
        small.table("room", "1", ["limit"], lambda k: sum(sizes[i, k] for i in labels["item"]) // 2, labels),
        small.table(
            "value",
            "1",
            ["item"],
            lambda i: sum(sizes[i, k] for k in labels["limit"]) / 8 + sum(sizes[i, k] for k in "ab") % 10,
            labels,
        ),
    ]
    model = {
        "name": "Knapsack",
        "dims": {"item": "thing", "limit": "what it takes"},
        "data": {"size": {"over": ["item", "limit"], "unit": "1"}, "room": {"over": ["limit"], "unit": "1"}, "value": {"over": ["item"], "unit": "1"}},
        "variables": {"take": {"over": ["item"], "unit": "1", "kind": "binary"}},
        "rules": {"fits": {"over": ["limit"], "rule": "sum(size * take, over=item) <= room"}},
        "goals": [{"name": "value", "max": "sum(value * take, over=item)"}],
        "schedule": {"amount": "take", "unallocated": "take"},
    }  # fmt: skip
    return build(Case(Model.model_validate(model), World.build("knapsack", tables, labels)))


def test_a_search_that_is_stopped_is_bounded_and_says_how_far() -> None:
    """Proves: at the time limit the grade is bounded, in words with the best that any plan could reach, which is not
    below what the plan has nor above what weak duality allows. Broken: a guess is called the optimum.
    """
    plan = solve(knapsack(), SolverOptions(time_limit=1.0))
    bounds = plan.bounds["value"]
    assert plan.grade == "bounded" and not plan.optimum.unique
    assert plan.goals["value"] < bounds["solver"] <= bounds["proved"] * (1 + 1e-9) and 0 < bounds["gap"] < 0.2
    assert plan.proof.startswith("bounded. Not proved best") and f"at best {bounds['solver']:,.6g}" in plan.proof


def test_a_search_without_time_for_any_plan_is_stopped() -> None:
    """Proves: without a plan in hand there is no plan, status 3. Broken: zeros."""
    with pytest.raises(StoppedError):
        solve(knapsack(), SolverOptions(time_limit=1e-9))


def test_prices_of_whole_numbers_are_a_published_unit_apart() -> None:
    """Proves: with whole numbers a pair is told by solving again, one unit more and one less. Broken: half a house's price."""
    world = small.toy().with_data("budget", small.toy().data["budget"] * 0 + [1000, 5001])
    plan = solve(build(Case(small.model(variables=WHOLE), world)))
    assert plan.goals["reach"] == 3000.0
    pair = plan.price_pairs("pool")["pool"]
    assert pair.more.values.tolist() == pytest.approx([0.5, 0.5]) and pair.less.values.tolist() == pytest.approx(
        [0.5, 0.5]
    )
