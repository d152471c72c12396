"""Laws of the shipped models: what must stay when a World is told in another way, and which way an optimum may move.

Each holds for every World, so it is tried on random ones (``worlds``), through what anybody calls. Where a law needs a
condition, its test says so.
"""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import allocate as al
import worlds
from allocate.changes import apply
from allocate.errors import NoPlanError
from allocate.plan import Plan
from allocate.schedule import publish
from allocate.spec import Activate, Change, Consolidate, Drop, Model, Scale, Scenario, Set
from allocate.world import World

ONE_GOAL = Drop(drop="goals.money at work")
"""Need met alone: with two goals in order a limit may let the first gain at the cost of the second."""

ALIKE = 1e-9
"""How far two optima of one value may be apart, as a part of it."""


def law(examples: int) -> Any:
    """Random Worlds, the same in every run; why a World is a counterexample is for a person to find out."""
    phases = set(Phase) - {Phase.explain}
    return settings(max_examples=examples, deadline=None, derandomize=True, phases=phases)


def what_if(*changes: Change) -> Scenario:
    return Scenario(name="What if", why="A law.", change=changes)


read = functools.cache(al.read_model)


def best(model: str, world: World, *changes: Change) -> Plan:
    return al.solve(al.build(apply(read(model), world, [what_if(*changes)])))


def need_met(model: str, world: World, *changes: Change) -> float:
    """The most need that can be met; minus infinity where rules cannot hold together."""
    try:
        return best(model, world, *changes).goals["need met"]
    except NoPlanError:
        return -np.inf


def no_more(less: float, more: float) -> bool:
    """Whether one optimum is no more than another, to the precision of both."""
    return less <= more + ALIKE * abs(more) if np.isfinite(more) else less == more


def same(one: float, other: float) -> bool:
    return no_more(one, other) and no_more(other, one)


def grants(draw: st.DataObject, world: World) -> Consolidate | None:
    """A merger of some grants; None where there is only one."""
    known = world.labels("grant")
    if len(known) == 1:
        return None
    some = draw.draw(st.lists(st.sampled_from(known), min_size=2, unique=True), label="merged")
    return Consolidate(consolidate=tuple(some), into="Merged")


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All families of rules in one model."""
    file = tmp_path_factory.mktemp("models") / "joined.toml"
    families = ["multi_year", "equity", "gender_responsive", "targets"]
    file.write_text(f'name = "Joined"\nwhy = "All families."\nextends = {json.dumps(families)}\n')
    return str(file)


GOALS = ("", "each after the worst-off", "the worse-off count more", "the worst-off")
NEEDED = {
    "": (),
    "each after the worst-off": (),
    "the worse-off count more": ("below",),
    "the worst-off": ("lowest",),
}
"""Goals of places that may come before need met, and the rules that count what they need."""


def leading(goal: str) -> tuple[Change, ...]:
    rules = [Activate(activate=f"rules.{rule}") for rule in NEEDED[goal]]
    return (*rules, Activate(activate=f"goals.{goal}")) if goal else ()


@pytest.mark.parametrize("goal", GOALS)
@law(10)
@given(data=st.data(), world=worlds.worlds(), seed=st.integers(0, 2**32 - 1))
def test_order_and_names_do_not_matter(joined: str, data: st.DataObject, world: World, seed: int, goal: str) -> None:
    """Proves: rows, columns and labels in another order give the same plan and the same published R thousand; spaces of
    other names the same plan under those names, to 1e-9 of what was voted.

    Published amounts of renamed spaces are each within R1 thousand, and those of a pool add up to the same: equally
    good roundings are told apart by name. Broken: a label meets the number of its neighbour.
    """
    merger = grants(data, world)
    changes = (*leading(goal), *((merger,) if merger and data.draw(st.booleans(), label="merge") else ()))
    chance = np.random.default_rng(seed)
    names = {s: f"X{n}" for n, s in enumerate(chance.permutation(world.labels("space")))}
    first = best(joined, world, *changes)
    money, voted = first.values["spend"], float(world.data["budget"].sum())
    for called in ({}, names):
        again = best(joined, worlds.shuffled(world, chance, called), *changes)
        other = again.values["spend"].assign_coords(space=[_key(called, s) for s in again.values["space"].values])
        assert float(abs(other.reindex_like(money) - money).max()) <= ALIKE * voted
        assert again.goals == pytest.approx(first.goals, rel=ALIKE, abs=1e-3)
        one, two = publish(first).amount, publish(again).amount.assign_coords(space=other["space"]).reindex_like(money)
        assert abs(one - two).max() <= (1 if called else 0)
        assert (one.sum(["space", "service"]) == two.sum(["space", "service"])).all()


def _key(called: dict[str, str], name: str) -> str:
    return next((old for old, new in called.items() if new == name), str(name))


@pytest.mark.parametrize("goal", GOALS)
@law(8)
@given(world=worlds.worlds())
def test_money_in_other_units_scales_money_and_nothing_else(joined: str, world: World, goal: str) -> None:
    """Proves: with all money a thousand times as much (budgets, costs, caps, what a rand pays for) households, need met,
    levels and gaps stay, money is a thousand times as much, and so are the least and the most that a space could get.

    Which of equally good plans is published may differ, as R1 thousand is the least amount that counts when plans are
    compared. Broken: an amount in a rule or a tolerance that is not told in the unit of its data.
    """
    plans = [best(joined, facts, *leading(goal)) for facts in (world, worlds.in_other_money(world, 1000))]
    one, two = plans
    for name, value in one.goals.items():
        power = dict(one.goal_units[name].powers).get("R", 0)
        assert two.goals[name] == pytest.approx(value * 1000**power, rel=ALIKE, abs=1e-3)
    if one.program.linear.is_plain:
        voted = float(world.data["budget"].sum())
        ends, scaled = (plan.ranges("spend") for plan in plans)
        for end in ("least", "most"):
            assert float(abs(scaled[end] / 1000 - ends[end]).max()) <= ALIKE * voted


@law(5)
@given(world=worlds.worlds())
def test_money_may_be_declared_in_any_scale(world: World) -> None:
    """Proves: a World whose files say R and hold a thousand times the number is the World that says R thousand.

    Broken: a table that is read without its scale.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "figures"
        world.write(home)
        said = json.loads((home / "datapackage.json").read_text())
        turned = 0
        for resource in said["resources"]:
            value = next(column for column in resource["schema"]["fields"] if column["name"] == "value")
            if value.get("scale") == "R thousand":
                value["scale"], turned = "R", turned + 1
                frame = pd.read_csv(home / resource["path"])
                frame.assign(value=frame["value"] * 1000).to_csv(home / resource["path"], index=False)
        (home / "datapackage.json").write_text(json.dumps(said))
        assert turned >= 3
        assert al.read_world(home).digest() == world.digest()


LIMITS = {
    "gini": ("gini_most", ("total", "apart"), 40),
    "hoover": ("hoover_most", ("total", "above"), 30),
    "palma": ("palma_most", ("over_top", "under_low"), 80),
    "ratio": ("ratio_most", ("highest", "lowest"), 400),
}
"""Rules of equity, what each limits, what it counts by, and the most of it in hundredths that is tried."""


@pytest.mark.parametrize("measure", LIMITS)
@law(12)
@given(data=st.data(), world=worlds.worlds(spaces=4), fifths=st.integers(1, 4), money=st.booleans())
def test_a_space_in_two_parts_is_as_unequal_as_it_was(
    data: st.DataObject, world: World, fifths: int, money: bool, measure: str
) -> None:
    """Proves: when one space becomes two, alike for each household, the most need that can be met under a limit on the
    Gini, Hoover or Palma index, or on the ratio of the most to the least, is what it was.

    Not so for what counts spaces, not households: ``losers_most`` and ``teams``; and to the nearest R thousand only for
    what is rounded space by space. Broken: an index that weighs spaces alike, or leaves out pairs of them.
    """
    lever, rules, most = LIMITS[measure]
    limit = data.draw(st.integers(100 if measure == "ratio" else 1, most), label=lever) / 100
    on = [Activate(activate=f"rules.{rule}") for rule in (*rules, measure)]
    changes = [*on, *_levers(world, "equity", {lever: limit, "by_money": money})]
    whole, parts = (need_met("equity", facts, *changes) for facts in (world, worlds.in_two(world, fifths)))
    assert same(whole, parts)


def _levers(world: World, model: str, wanted: dict[str, float]) -> list[Set]:
    """Data set to what is wanted, but for those that are so already: a change of nothing is an error."""
    known = {n: world.data[n].values if n in world.data else read(model).data[n].default for n in wanted}
    return [Set(set=name, to=float(to)) for name, to in wanted.items() if not np.all(np.equal(known[name], to))]


@pytest.mark.parametrize("goal", GOALS)
@law(12)
@given(world=worlds.worlds(spaces=4), fifths=st.integers(1, 4))
def test_a_space_in_two_parts_counts_as_it_did(world: World, fifths: int, goal: str) -> None:
    """Proves: when one space becomes two, alike for each household, goals have the values they had (need met, the means
    of tails) and every other space could get as little and as much as before.

    Leximin too, as it compares what all would have: a level that stands twice takes nothing from another, and both
    parts are at the level of the whole. Broken: a goal that weighs spaces alike.
    """
    whole, parts = (best("equity", facts, *leading(goal)) for facts in (world, worlds.in_two(world, fifths)))
    first, *others = world.labels("space")
    assert parts.goals == pytest.approx(whole.goals, rel=ALIKE, abs=1e-3)
    if whole.program.linear.is_plain:
        one, two = (plan.ranges("spend").sel(space=others) for plan in (whole, parts))
        voted = float(world.data["budget"].sum())
        assert all(float(abs(two[end] - one[end]).max()) <= ALIKE * voted for end in ("least", "most"))
    else:
        level = whole.expressions["level"].sel(space=[first, first, *others])
        assert np.allclose(parts.expressions["level"].sel(space=[first, f"{first}b", *others]), level, rtol=ALIKE)


DEAD = {
    "tier": {"unit_cost": 7.0},
    "service": {"value": 1.0, "value_equal": 1.0, "value_share": 1.0, "years_after": 3.0},
    "grant": {"member": 1.0, "may_receive": 1.0, "may_fund": 1.0},
    "space": {"unit_cost": 7.0, "may_receive": 1.0, "absorb": 1e9, "tier_size": 500.0, "band_size": 500.0},
}
"""One more label, and what is not 0 of it: a tier of nobody, a service that nothing funds, a grant without money, and a
space that had nothing and counts nothing."""


@pytest.mark.parametrize("dim", DEAD)
@law(12)
@given(world=worlds.worlds(spaces=4))
def test_what_nobody_can_use_changes_nothing(world: World, dim: str) -> None:
    """Proves: an option that is none leaves every amount and every goal as it was, and gets no money itself.

    Broken: a mean over all labels where only those with money count, or a pull of empty cells on the plan.
    """
    model = "grant_consolidation"
    before, after = best(model, world), best(model, worlds.with_more(world, dim, "Dead", **DEAD[dim]))
    assert after.goals == pytest.approx(before.goals, rel=ALIKE, abs=1e-3)
    spend, now = before.values["spend"], after.values["spend"]
    assert float(abs(now.reindex_like(spend) - spend).max()) <= ALIKE * float(world.data["budget"].sum())
    assert float(now.sum()) == pytest.approx(float(spend.sum()), rel=ALIKE)


@law(15)
@given(data=st.data(), world=worlds.worlds(unmeasured=False))
def test_more_money_never_hurts_and_is_worth_ever_less(data: st.DataObject, world: World) -> None:
    """Proves: need met as a function of a budget, or of all, never falls, and rises by less at each equal step.

    Where money may be held back, grants are apart and everything is measured: more of a merged pool may owe a purpose
    more than it brings, and what nobody counted grows with the budget. Broken: a pool that must be spent whatever for.
    """
    where = data.draw(st.sampled_from([{}, *({"grant": grant} for grant in world.labels("grant"))]), label="where")
    steps = [1, 1.2, 1.4, 1.6, 2.4, 3.2]
    more = [() if by == 1 else (Scale(scale="budget", by=by, where=where),) for by in steps]
    values = np.array([need_met("grant_consolidation", world, ONE_GOAL, *changes) for changes in more])
    slopes = np.diff(values) / np.diff(steps)
    assert (slopes >= -ALIKE * values.max()).all()
    assert (np.diff(slopes) <= 100 * ALIKE * values.max()).all()


@law(25)
@given(data=st.data(), world=worlds.worlds())
def test_merging_grants_never_lowers_the_optimum(data: st.DataObject, world: World) -> None:
    """Proves: need met with some grants merged is at least what it is with them apart, and with widened rights at least
    that. Broken: a merged pool that loses a right, or owes a purpose more than its parts did.
    """
    merger = grants(data, world)
    assume(merger is not None)
    assert merger is not None
    apart, merged = (need_met("grant_consolidation", world, ONE_GOAL, *more) for more in ((), (merger,)))
    assert no_more(apart, merged)
    rights = [world.data[name].sel(grant=list(merger.consolidate)) for name in ("may_receive", "may_fund")]
    if any((flags.max("grant") > flags).any() for flags in rights):
        assert no_more(merged, need_met("grant_consolidation", world, ONE_GOAL, merger.model_copy(update={"widen": True})))
