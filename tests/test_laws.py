"""Laws of the shipped models: what must stay when a World is told in another way, and which way an optimum may move.

Each holds for every World, so it is tried on random ones (``worlds``), through what anybody calls. Where a law needs a
condition, its test says so.
"""

from __future__ import annotations

import functools
import itertools
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, assume, event, given, reject, settings
from hypothesis import strategies as st

import allocate as al
import worlds
from allocate.changes import apply
from allocate.errors import NoPlanError
from allocate.optimum.lexicographic import solve as optimise
from allocate.optimum.stages import NearTies
from allocate.plan import Plan
from allocate.schedule import publish
from allocate.spec import Activate, Change, Consolidate, Drop, Scale, Scenario, Set
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
    with proved():
        return al.solve(al.build(apply(read(model), world, [what_if(*changes)])))


@contextmanager
def proved() -> Iterator[None]:
    """A law is about one plan: a World with near ties, where there may be others, is no case of it."""
    try:
        yield
    except NearTies:
        event("near ties")
        reject()


def need_met(model: str, world: World, *changes: Change) -> float:
    """The most need that can be met; minus infinity where rules cannot hold together, which takes no words here."""
    program = al.build(apply(read(model), world, [what_if(*changes)]))
    try:
        with proved():
            return Plan(program, optimise(program.linear)).goals["need met"]
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
@law(4)
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
@law(4)
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
        with proved():
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
        assert al.read_world(home).digest() == world.digest()
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
@law(6)
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
@law(5)
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
        with proved():
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
@law(6)
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


@law(8)
@given(data=st.data(), world=worlds.worlds(unmeasured=False))
def test_more_money_never_hurts_and_is_worth_ever_less(data: st.DataObject, world: World) -> None:
    """Proves: need met as a function of a budget, or of all, never falls, and rises by less at each equal step.

    Where money may be held back and everything is measured: what nobody counted grows with the budget. Broken: a pool
    that must be spent whatever for.
    """
    merger = grants(data, world)
    changes = (ONE_GOAL, merger) if merger is not None and data.draw(st.booleans(), label="merge") else (ONE_GOAL,)
    where = data.draw(st.sampled_from([{}, *({"grant": grant} for grant in world.labels("grant"))]), label="where")
    steps = [1, 1.2, 1.4, 1.6, 2.4, 3.2]
    more = [() if by == 1 else (Scale(scale="budget", by=by, where=where),) for by in steps]
    values = np.array([need_met("grant_consolidation", world, *changes, *scaled) for scaled in more])
    slopes = np.diff(values) / np.diff(steps)
    assert (slopes >= -ALIKE * values.max()).all()
    assert (np.diff(slopes) <= 100 * ALIKE * values.max()).all()


@law(15)
@given(data=st.data(), world=worlds.worlds())
def test_merging_grants_never_lowers_the_optimum(data: st.DataObject, world: World) -> None:
    """Proves: need met with some grants merged is at least what it is with them apart, and with widened rights at least
    that. Broken: a merged pool that loses a right, or owes a purpose more than its parts did.
    """
    merger = grants(data, world)
    assume(merger is not None)
    assert merger is not None
    plan = best("grant_consolidation", world, ONE_GOAL)
    merged = need_met("grant_consolidation", world, ONE_GOAL, merger)
    assert no_more(plan.goals["need met"], merged)
    rights = [world.data[name].sel(grant=list(merger.consolidate)) for name in ("may_receive", "may_fund")]
    if any((flags.max("grant") > flags).any() for flags in rights):
        assert no_more(
            merged, need_met("grant_consolidation", world, ONE_GOAL, merger.model_copy(update={"widen": True}))
        )


@dataclass(frozen=True)
class Lever:
    """A figure that makes a rule tighter: ``loose`` and ``tight`` in hundredths, the rules that it takes to feel it, what
    else is set, and where."""

    model: str
    loose: int
    tight: int
    rules: tuple[str, ...] = ()
    others: dict[str, float] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)


LEVERS = {
    "keep": Lever("grant_consolidation", 0, 100),
    "pace": Lever("grant_consolidation", 400, 100),
    "absorb": Lever("grant_consolidation", 120, 50),
    "swing": Lever("multi_year", 60, 0, ("rise", "fall")),
    "leeway": Lever("multi_year", 50, 0, ("indicated",)),
    "loss_most": Lever("multi_year", 30, 0, ("loss", "all_losses")),
    "losers_most": Lever("multi_year", 600, 0, ("losing", "losers")),
    "absorb_growth": Lever("multi_year", 60, 0, ("growth",)),
    "envelope_band": Lever("multi_year", 50, 0, ("envelope",)),
    "rural_floor": Lever("multi_year", 0, 80, ("rural",)),
    "kind_floor": Lever("multi_year", 0, 50, ("balance",)),
    "match_most": Lever("multi_year", 20, 1, ("co_funding",)),
    "jobs_least": Lever("multi_year", 0, 200_000, ("jobs",)),
    "labour_least": Lever("multi_year", 0, 80, ("labour",)),
    "run_means": Lever("multi_year", 20, 1, ("running",)),
    "gini_most": Lever("equity", 40, 1, ("total", "apart", "gini")),
    "hoover_most": Lever("equity", 30, 1, ("total", "above", "hoover"), {"by_money": 1}),
    "palma_most": Lever("equity", 100, 25, ("over_top", "under_low", "palma")),
    "ratio_most": Lever("equity", 600, 100, ("highest", "lowest", "ratio")),
    "incidence_floor": Lever("gender_responsive", 40, 55, ("incidence",)),
    "heads_floor": Lever("gender_responsive", 30, 60, ("incidence_of_heads",)),
    "tagged_floor": Lever("gender_responsive", 0, 90, ("tagged",)),
    "women_jobs_least": Lever("gender_responsive", 20, 70, ("women_jobs",)),
    "parity_gap": Lever("gender_responsive", 30, 0, ("parity_gap",)),
    "parity_ratio": Lever("gender_responsive", 70, 105, ("parity_ratio",)),
    "no_harm": Lever("gender_responsive", 70, 110, ("no_harm",)),
    "target": Lever("targets", 0, 8_000_000, ("target",), where={"service": "S1"}),
}
"""Every lever whose tighter values leave fewer plans. Not ``closing``: where women are ahead, a part of a gap below
nothing is above it."""


def test_every_rule_that_waits_is_moved() -> None:
    """Proves: all rules that a scenario can activate are felt by a lever, but those that fix the split of the shipped
    grants and the one that is no law. Broken: a new rule of a model that no law is tried on."""
    waiting = {name for lever in LEVERS.values() for name, rule in read(lever.model).rules.items() if not rule.active}
    assert waiting - {name for lever in LEVERS.values() for name in lever.rules} == {
        "stay",
        "mix",
        "closing",
        "below",
        "near_target",
    }


@pytest.mark.parametrize("name", LEVERS)
@law(4)
@given(data=st.data(), world=worlds.worlds(spaces=4))
def test_a_tighter_rule_never_helps(data: st.DataObject, world: World, name: str) -> None:
    """Proves: the most need that can be met does not rise when a lever goes its tighter way, step by step.

    No plan at all counts as minus infinity. Broken: a rule that is stated the wrong way round, or a lever that another
    rule reads as its looser way.
    """
    lever = LEVERS[name]
    low, high = sorted((lever.loose, lever.tight))
    levels = sorted(data.draw(st.sets(st.integers(low, high), min_size=3, max_size=3)), reverse=low == lever.tight)
    on = [Activate(activate=f"rules.{rule}") for rule in lever.rules]
    others = _levers(world, lever.model, lever.others)
    changes = [_to(world, lever, name, level / 100) for level in levels]
    values = [need_met(lever.model, world, ONE_GOAL, *on, *others, *change) for change in changes]
    precise = 1e-6 if name == "losers_most" else ALIKE
    for looser, tighter in itertools.pairwise(values):
        assert tighter == -np.inf or tighter <= looser + precise * abs(looser)


def _to(world: World, lever: Lever, name: str, level: float) -> list[Change]:
    """The lever at a level: of what every World has its own of, a share; nothing where it is so already."""
    if name == "absorb":
        return [Scale(scale=name, by=level)] if level != 1 else []
    if lever.where:
        return [Set(set=name, to=level, where=lever.where)] if level else []
    return [*_levers(world, lever.model, {name: level})]


@law(6)
@given(data=st.data(), world=worlds.worlds())
def test_rules_that_wait_and_what_only_they_need_change_nothing(joined: str, data: st.DataObject, world: World) -> None:
    """Proves: a model of all families publishes the very plan of grant_consolidation, merged or not; and a World without
    what only waiting rules need gives it too. Broken: a rule that waits and still binds, a default that is not neutral.
    """
    merger = grants(data, world)
    changes = [merger] if merger else []
    plain = best("grant_consolidation", world, *changes)
    wanted = publish(plain).table()
    used = [
        str(name)
        for name in world.data.data_vars
        if str(name) in read("grant_consolidation").data or "value" in str(name)
    ]
    bare = World("bare", world.data[used], world.regions)
    for model, facts in ((joined, world), ("multi_year", bare), ("targets", bare)):
        plan = best(model, facts, *changes)
        assert publish(plan).table().equals(wanted)
        assert plan.goals == pytest.approx(plain.goals, rel=ALIKE, abs=1e-3)


CAPS = ("absorption", "pace", "tiers")
FLOORS = ("guarantee", "purpose", "unmeasured")


@law(10)
@given(data=st.data(), world=worlds.worlds(spaces=4))
def test_prices_have_the_sign_of_their_limit(data: st.DataObject, world: World) -> None:
    """Proves: more of a cap is never worth less than nothing, more of a floor never more, and the next unit of any limit
    is worth no more than the last. Broken: a price that is told for the other side of a rule, or of its kink."""
    merger = grants(data, world)
    pairs = best("grant_consolidation", world, ONE_GOAL, *([merger] if merger else [])).price_pairs()
    for name, pair in pairs.items():
        more, less = (pair[end].values[~np.isnan(pair[end].values)] for end in ("more", "less"))
        finite = np.abs(np.concatenate([more, less]))
        noise = ALIKE * max(finite[np.isfinite(finite)], default=0.0)
        assert (less >= more - noise).all()
        if name in CAPS:
            assert (more >= -noise).all() and (less >= -noise).all()
        if name in FLOORS:
            assert (more <= noise).all() and (less <= noise).all()


@law(4)
@given(data=st.data(), world=worlds.worlds())
def test_a_frontier_over_a_limit_is_concave_and_made_of_plans(data: st.DataObject, world: World) -> None:
    """Proves: need met over levels of a guarantee, a budget or a cap is concave, every level has the value and the money
    of a plan that is solved by itself, and a level without a plan has none by itself either.

    Broken: a walk that stops at the corner of the level before.
    """
    datum, levels, where = data.draw(
        st.sampled_from(
            [
                ("keep", [0.3, 0.55, 0.6, 0.75, 0.9, 1.0], {}),
                ("budget", [float(n) * 96e6 for n in (5, 6, 8, 10, 20, 40)], {"grant": "G1", "year": "Y1"}),
                ("absorb", [float(n) * 96e6 for n in (1, 2, 3, 5, 8, 13)], {"space": "S1", "year": "Y1"}),
            ]
        )
    )
    if datum == "budget":
        assume(world.data["unmeasured"].sum() == 0)
    try:
        with proved():
            found = al.frontier(
                "grant_consolidation", world, what_if(ONE_GOAL), datum=datum, levels=levels, where=where
            )
    except NoPlanError:
        assume(False)
    value = found.dataset()["value"].sel(goal="need met").values
    for level, plan, here in zip(found.levels, found.plans, value, strict=True):
        to = [] if np.all(world.data[datum].sel(where) == level) else [Set(set=datum, to=level, where=where)]
        assert same(need_met("grant_consolidation", world, ONE_GOAL, *to), -np.inf if np.isnan(here) else float(here))
        if isinstance(plan, Plan):
            apart = abs(plan.values["spend"] - best("grant_consolidation", world, ONE_GOAL, *to).values["spend"])
            assert float(apart.max()) <= ALIKE * float(plan.values["spend"].sum()) + 1e-3
    there = ~np.isnan(value)
    slopes = np.diff(value[there]) / np.diff(np.array(found.levels)[there])
    assert (np.diff(slopes) <= 10 * ALIKE * np.abs(slopes).max(initial=0.0) + ALIKE * _steepest(value, levels)).all()


def _steepest(value: np.ndarray[Any, Any], levels: list[float]) -> float:
    """What a relative error of one in a value may do to a slope."""
    return float(np.nanmax(np.abs(value)) / np.diff(levels).min())


@law(8)
@given(world=worlds.worlds(), factor=st.sampled_from([0.01, 0.5, 3.0, 1000.0]))
def test_only_the_proportion_of_need_weights_counts(world: World, factor: float) -> None:
    """Proves: all need weights times one factor give the same plan, whose need met is so many times as much.

    Broken: a weight that is compared with an amount, or a tolerance that knows no scale.
    """
    one, two = (
        best(
            "grant_consolidation",
            w,
        )
        for w in (world, _weighed(world, factor))
    )
    assert two.goals["need met"] == pytest.approx(one.goals["need met"] * factor, rel=ALIKE)
    assert float(abs(one.values["spend"] - two.values["spend"]).max()) <= ALIKE * float(world.data["budget"].sum())


def _weighed(world: World, factor: float) -> World:
    return world.with_data("need_weight", world.data["need_weight"] * factor)


ASKED = {
    "all_losses": (("loss",), {"loss_most": 0.1}),
    "losing": ((), {}),
    "losers": (("losing",), {"losers_most": 2}),
    "running": ((), {"run_means": 0.05}),
    "gini": (("total", "apart"), {"gini_most": 0.1}),
    "hoover": (("total", "above"), {"hoover_most": 0.07}),
    "palma": (("over_top", "under_low"), {"palma_most": 0.35}),
    "ratio": (("highest", "lowest"), {"ratio_most": 1.8}),
    "parity_gap": ((), {"parity_gap": 0.2}),
    "parity_ratio": ((), {"parity_ratio": 0.8}),
    "closing": ((), {"closing": 0.05}),
    "no_harm": ((), {"no_harm": 0.9}),
    "target": ((), {"target": 40_000}),
}
"""Rules that policy asks for: those that count for them, and a lever at which they may bind."""


def test_every_rule_of_policy_is_asked(joined: str) -> None:
    """Proves: the rules below are all that models mark. Broken: a new one that no comparison is tried with."""
    assert set(ASKED) == {name for name, rule in read(joined).rules.items() if rule.policy}


@pytest.mark.parametrize("rule", ASKED)
@law(2)
@given(world=worlds.worlds(spaces=4))
def test_what_policy_asks_leaves_the_comparisons(joined: str, world: World, rule: str) -> None:
    """Proves: no money at all and the actual split are the same with and without a rule that policy asks for.

    Broken: gains and losses are told against a split that never was, or there is none to tell them against.
    """
    rules, levers = ASKED[rule]
    on = [Activate(activate=f"rules.{name}") for name in rules]
    asked = what_if(*on, Activate(activate=f"rules.{rule}"), *_levers(world, joined, levers))
    try:
        with proved():
            found = al.run(read(joined), world, asked)
    except NoPlanError as error:
        assert not str(error).startswith(("the comparison 'nothing'", "the comparison 'baseline'"))
        assume(False)
    free = al.run(read(joined), world, *([what_if(*on)] if on else []))
    for one, two in ((found.nothing, free.nothing), (found.baseline, free.baseline)):
        assert one.goals == pytest.approx(two.goals, rel=ALIKE, abs=1e-3)
        assert rule not in one.program.rows
    assert found.was.table().equals(free.was.table())


SMALL = {"grant": 1, "service": 1, "purpose": 1, "tier": 1, "band": 1, "year": 1}

NO_ROOM = {
    "leeway": (642, {"space": 4, "grant": 2, "year": 3}, "multi_year", ("indicated",), {"leeway": 0.21}),
    "losers": (
        189,
        {"space": 2, "grant": 3, "purpose": 2, "year": 2},
        "multi_year",
        ("losing", "losers"),
        {"losers_most": 0},
    ),
}
"""Worlds (seed and sizes), rules and levers whose rows hang together, and leave less room than floats have."""


@pytest.mark.parametrize("name", NO_ROOM)
def test_every_plan_is_proved(name: str) -> None:
    """Proves: the nearest plan of a face without room is found and proved. Broken: a good plan is refused."""
    seed, sizes, model, rules, levers = NO_ROOM[name]
    world = worlds.made(seed, **{**SMALL, **sizes})
    on = [Activate(activate=f"rules.{rule}") for rule in rules]
    plan = al.solve(al.build(apply(read(model), world, [what_if(ONE_GOAL, *on, *_levers(world, model, levers))])))
    assert plan.optimum.finish == "exact"
