"""Every change is made once, in any order, and says what it did; what cannot be made is refused in exact words."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import small
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.differences import amount
from allocate.errors import InputError
from allocate.read import read_model
from allocate.spec import Consolidate, Drop, Fix, Scale, Set
from allocate.world import World

MODEL = read_model("grant_consolidation")
WORLD = small.world()
MERGE = Consolidate(consolidate=("PIPES", "WIRES"), into="Grid")


def case(*changes: Any, world: World = WORLD) -> Case:
    return apply(MODEL, world, [small.scenario(*changes)])


def refusal(*changes: Any, world: World = WORLD) -> str:
    with pytest.raises(InputError) as caught:
        case(*changes, world=world)
    return str(caught.value).removeprefix("what_if.toml: ")


SAID = {
    "keep: 0.8 -> 0.95": Set(set="keep", to=0.95),
    "keep[year=2019/20]: 0.8 -> 0.95": Set(set="keep", to=0.95, where={"year": "2019/20"}),
    "keep: 0.8 -> 0.800000001": Set(set="keep", to=0.800000001),
    "budget[grant=WIRES, year=2019/20]: R25.000m -> R24.250m": Scale(scale="budget", by=0.97, where={"grant": "WIRES", "year": "2019/20"}),
    "budget: total R250.000m -> R500.000m in 4 cells": Scale(scale="budget", by=2),
    "value: 1.25 -> 1, 0.75 -> 1": Set(set="value", to="value_equal"),
    "tier_size: 1,500 -> 750, 1,500 -> 750, 1,500 -> 750, 1,500 -> 750, ... in 10 cells": Scale(scale="tier_size", by=0.5),
    "may_fund[grant=PIPES]: 0 -> 1": Set(set="may_fund", to=1, where={"grant": "PIPES"}),
    "rules.guarantee: dropped": Drop(drop="rules.guarantee"),
    "spend: free -> baseline_spend": Fix(fix="spend", to="baseline_spend"),
    "held_back: free -> R5.000m": Fix(fix="held_back", to=5e6),
    "pool: PIPES + WIRES -> Grid": MERGE,
}  # fmt: skip


@pytest.mark.parametrize(("said", "change"), SAID.items())
def test_a_change_says_old_and_new(said: str, change: Any) -> None:
    """Proves: each verb says what it changed, cell by cell where it must. Broken: a report hides what was assumed."""
    assert case(change).said == (said,)


REFUSED = {
    "there is no datum 'keeep'; did you mean 'keep'?": Set(set="keeep", to=1),
    "there is no datum 'value_eqal'; did you mean 'value_equal'?": Set(set="value", to="value_eqal"),
    "'worth' is derived; change the data that it is derived from": Set(set="worth", to=1),
    "keep already has these values; the change changes nothing": Set(set="keep", to=0.8),
    "'keep' does not vary over 'space', only over year": Set(set="keep", to=1, where={"space": "N"}),
    "no year '2019'; did you mean '2019/20'?": Set(set="keep", to=1, where={"year": "2019"}),
    "'budget' is not over the dims and in the unit of 'keep'": Set(set="keep", to="budget"),
    "2 is not 0 or 1; 'may_fund' is a flag": Set(set="may_fund", to=2),
    "'member' is changed only by consolidate": Set(set="member", to=1),
    "'may_fund' is a flag and cannot be scaled; set it": Scale(scale="may_fund", by=2),
    "budget would be 1e+23, beyond 1e+15": Scale(scale="budget", by=1e15),
    "unmeasured already has these values; the change changes nothing": Set(set="unmeasured", to=0),
    "keep already has these values; the change changes nothing ": Scale(scale="keep", by=1),
    "there is no rule 'garantee'; did you mean 'guarantee'?": Drop(drop="rules.garantee"),
    "there is no variable 'spent'; did you mean 'spend'?": Fix(fix="spent", to=1),
    "there is no datum 'baseline_spent'; did you mean 'baseline_spend'?": Fix(fix="spend", to="baseline_spent"),
    "'baseline' is not over the dims and in the unit of 'spend'": Fix(fix="spend", to="baseline"),
    "no grant 'PIPE'; did you mean 'PIPES'?": Consolidate(consolidate=("PIPE", "WIRES"), into="Grid"),
    "names a grant twice": Consolidate(consolidate=("PIPES", "PIPES"), into="Grid"),
}


@pytest.mark.parametrize(("said", "change"), REFUSED.items())
def test_a_change_that_cannot_be_made_is_refused_in_exact_words(said: str, change: Any) -> None:
    """Proves: each refusal names the thing and the nearest right one. Broken: a change silently does nothing."""
    assert refusal(change) == f"1 problem\n  change 1: {said.strip()}"


CONFLICTS = {
    "keep[year=2019/20] is already changed by what_if.toml, change 1; two changes to one cell conflict": (Set(set="keep", to=0.9), Set(set="keep", to=0.95, where={"year": "2019/20"})),
    "keep is already changed by what_if.toml, change 1; two changes to one cell conflict": (Set(set="keep", to=0.9, where={"year": "2019/20"}), Scale(scale="keep", by=0.5)),
    "'value_equal' is read by what_if.toml, change 1, so the order of the two would matter": (Set(set="value", to="value_equal"), Scale(scale="value_equal", by=2)),
    "'value_equal' is changed by what_if.toml, change 1, so the order of the two would matter": (Scale(scale="value_equal", by=2), Set(set="value", to="value_equal")),
    "rules.tiers is already changed by what_if.toml, change 1": (Drop(drop="rules.tiers"), Drop(drop="rules.tiers")),
    "variable spend is already changed by what_if.toml, change 1": (Fix(fix="spend", to=0), Fix(fix="spend", to="baseline_spend")),
    "grant PIPES is already changed by what_if.toml, change 1": (MERGE, Consolidate(consolidate=("PIPES", "WIRES"), into="Other")),
    "'may_fund' is already changed by what_if.toml, change 1; two changes to one cell conflict": (Set(set="may_fund", to=1, where={"grant": "PIPES"}), Consolidate(consolidate=("PIPES", "WIRES"), into="Grid", widen=True)),
    "may_fund[grant=PIPES] is already changed by what_if.toml, change 1; two changes to one cell conflict": (Consolidate(consolidate=("PIPES", "WIRES"), into="Grid", widen=True), Set(set="may_fund", to=0, where={"grant": "PIPES"})),
}  # fmt: skip


@pytest.mark.parametrize(("said", "changes"), CONFLICTS.items())
def test_two_changes_to_one_thing_conflict(said: str, changes: Any) -> None:
    """Proves: no "last one wins", also when one change reads what another writes. Broken: order decides the answer."""
    assert refusal(*changes) == f"1 problem\n  change 2: {said}"


def test_all_changes_that_fail_are_listed() -> None:
    """Proves: one letter names every change that cannot be made. Broken: one run a mistake."""
    words = refusal(Set(set="a", to=1), Set(set="keep", to=0.9), Drop(drop="rules.b"))
    assert [line.split(":")[0] for line in words.splitlines()] == ["2 problems", "  change 1", "  change 3"]


def test_a_scenario_is_for_its_model() -> None:
    """Proves: a scenario written for another model is refused. Broken: names that happen to agree are changed."""
    with pytest.raises(InputError) as caught:
        apply(MODEL, WORLD, [small.scenario(Set(set="keep", to=0.9), model="roads")])
    assert str(caught.value) == (
        "what_if.toml: 1 problem\n  model: is written for 'roads', not for 'grant_consolidation.toml'"
    )


def test_scenarios_stack_in_any_order() -> None:
    """Proves: compatible scenarios give the same World, model and program in every order. Broken: order decides."""
    scenarios = [
        small.scenario(Set(set="keep", to=0.7, where={"year": "2019/20"}), source="a.toml"),
        small.scenario(Scale(scale="keep", by=0.5, where={"year": "2020/21"}), Set(set="value", to="value_equal"), source="b.toml"),
        small.scenario(MERGE, source="c.toml"),
        small.scenario(Drop(drop="rules.absorption"), source="d.toml"),
    ]  # fmt: skip
    cases = [apply(MODEL, WORLD, order) for order in itertools.permutations(scenarios)]
    assert len({found.world.digest() for found in cases}) == 1
    assert all(found.model == cases[0].model for found in cases)
    assert all(sorted(found.said) == sorted(cases[0].said) for found in cases)


def test_merges_stack_in_any_order() -> None:
    """Proves: interleaved merges give the same pools in the same order, whichever comes first. Broken: they do not."""
    labels = {"grant": tuple("ABCDE"), "pool": tuple("ABCDE")}
    world = World.build("m", [small.table("member", "flag", ["grant", "pool"], lambda g, p: g == p, labels)], labels)
    model = small.model(data={"member": {"over": ["grant", "pool"], "unit": "flag"}})
    merges = [Consolidate(consolidate=pair, into=into) for pair, into in [(("A", "C"), "X"), (("B", "D"), "Y")]]
    cases = [apply(model, world, [small.scenario(*order)]) for order in (merges, merges[::-1])]
    assert cases[0].world.labels("pool") == cases[1].world.labels("pool") == ("X", "Y", "E")
    assert cases[0].world.digest() == cases[1].world.digest()


def test_a_grant_left_in_a_shared_pool_keeps_it() -> None:
    """Proves: merging A and B out of a pool of three leaves C its pool; a grant in no pool can join one.

    Broken: the money of C vanishes from every pool.
    """
    labels = {"grant": tuple("ABCD"), "pool": ("P", "Q")}
    where = {"A": "P", "B": "P", "C": "P", "D": ""}
    world = World.build(
        "m", [small.table("member", "flag", ["grant", "pool"], lambda g, p: where[g] == p, labels)], labels
    )
    model = small.model(data={"member": {"over": ["grant", "pool"], "unit": "flag"}})
    merged = apply(model, world, [small.scenario(Consolidate(consolidate=("A", "B"), into="X"))]).world
    assert merged.labels("pool") == ("X", "P", "Q")
    assert merged.data["member"].values.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]]
    lone = apply(model, world, [small.scenario(Consolidate(consolidate=("D", "C"), into="X"))]).world
    assert lone.labels("pool") == ("P", "X", "Q")
    assert lone.data["member"].values.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]
    with pytest.raises(InputError, match="there is already a pool 'Q'"):
        apply(model, world, [small.scenario(Consolidate(consolidate=("A", "B"), into="Q"))])


labels_of = {"year": small.LABELS["year"], "grant": small.LABELS["grant"], "service": small.LABELS["service"]}
places = st.dictionaries(st.sampled_from(sorted(labels_of)), st.just(0), max_size=1).flatmap(
    lambda dims: st.fixed_dictionaries({d: st.sampled_from(labels_of[d]) for d in dims})
)
random_changes = st.one_of(
    st.builds(Set, set=st.sampled_from(["keep", "may_fund", "value", "unmeasured"]), to=st.sampled_from([0, 1, 0.5]), where=places),
    st.builds(Set, set=st.just("value"), to=st.sampled_from(["value_equal", "value_share"])),
    st.builds(Scale, scale=st.sampled_from(["keep", "budget", "value_equal", "renew_cost"]), by=st.sampled_from([0.5, 1, 3]), where=places),
    st.builds(Drop, drop=st.sampled_from(["rules.tiers", "rules.guarantee"])),
    st.builds(Fix, fix=st.just("spend"), to=st.sampled_from([0, "baseline_spend"])),
    st.builds(Consolidate, consolidate=st.just(("PIPES", "WIRES")), into=st.sampled_from(["Grid", "WIRES"]), widen=st.booleans()),
)  # fmt: skip


def outcome(model: Any, world: World, changes: Any) -> Any:
    """What a list of changes comes to, or that it is refused."""
    try:
        found = apply(model, world, [small.scenario(*changes)])
    except InputError:
        return "refused"
    return (
        found.world.digest(),
        found.world.data["pool"].values.tolist(),
        found.model,
        dict(found.fixed),
        sorted(found.said),
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(random_changes, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_no_list_of_changes_depends_on_its_order(changes: list[Any], luck: Any) -> None:
    """Proves: any changes are refused in every order or give one case in every order. Broken: "last one wins" is back."""
    assert outcome(MODEL, WORLD, changes) == outcome(MODEL, WORLD, luck.sample(changes, len(changes)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["", *"PQR"]), min_size=5, max_size=5),
    st.lists(st.tuples(st.permutations("ABCDE"), st.integers(2, 3), st.sampled_from("PQRXY")), min_size=2, max_size=3),
    st.randoms(use_true_random=False),
)
def test_no_list_of_merges_depends_on_its_order(where: list[str], merges: Any, luck: Any) -> None:
    """Proves: the same for merges out of any pools, shared or none, into any name. Broken: pools trade places."""
    labels = {"grant": tuple("ABCDE"), "pool": tuple("PQR")}
    member = dict(zip("ABCDE", where, strict=True))
    world = World.build(
        "m", [small.table("member", "flag", ["grant", "pool"], lambda g, p: member[g] == p, labels)], labels
    )
    model = small.model(data={"member": {"over": ["grant", "pool"], "unit": "flag"}})
    changes = [Consolidate(consolidate=tuple(order[:many]), into=into) for order, many, into in merges]
    assert outcome(model, world, changes) == outcome(model, world, luck.sample(changes, len(changes)))


def cells(found: Case) -> set[tuple[str, str, str]]:
    """The (space, pool, service) triples that may be spent in."""
    number = build(found).columns["spend"].number[..., 0]
    world = found.world
    dims = ("space", "pool", "service")
    return {tuple(world.labels(d)[k] for d, k in zip(dims, cell, strict=True)) for cell in np.argwhere(number >= 0)}  # type: ignore[misc]


def test_merging_takes_the_union_of_triples_and_widening_every_combination() -> None:
    """Proves: West, which gets no WIRES, cannot spend a merged grant on power, unless rights are widened.

    Broken: merging grants would quietly make new rights.
    """
    before = {(space, service) for space, _, service in cells(case())}
    assert before == {(s, k) for s in "NSW" for k in ("water", "power")} - {("W", "power")}
    assert cells(case(MERGE)) == {(space, "Grid", service) for space, service in before}
    widened = case(Consolidate(consolidate=("PIPES", "WIRES"), into="Grid", widen=True))
    assert cells(widened) == {(s, "Grid", k) for s in "NSW" for k in ("water", "power")}
    assert widened.said[1] == "PIPES + WIRES: widened to every combination of may_receive and may_fund"


def test_widening_nothing_is_refused() -> None:
    """Proves: ``widen`` where all rights are the same is said to change nothing. Broken: a no-op passes."""
    everything = WORLD.data["may_receive"] * 0 + 1, WORLD.data["may_fund"] * 0 + 1
    equal = WORLD
    for name, array in zip(("may_receive", "may_fund"), everything, strict=True):
        equal = equal.with_data(name, array.assign_attrs(WORLD.data[name].attrs))
    wide = Consolidate(consolidate=("PIPES", "WIRES"), into="Grid", widen=True)
    assert (
        refusal(wide, world=equal)
        == "1 problem\n  change 1: PIPES and WIRES have the same rights already; widen changes nothing"
    )


def test_purposes_and_baselines_add_up() -> None:
    """Proves: what the pool owes and got is the sum over its grants, and nothing else moved. Broken: money is lost."""
    apart, merged = build(case()), build(case(MERGE))
    for name in ("owed", "baseline_spend"):
        total = apart.derived[name].sum("pool")
        assert np.allclose(merged.derived[name].sel(pool="Grid"), total.transpose(*(d for d in merged.derived[name].dims if d != "pool")), rtol=1e-15)  # fmt: skip
    assert merged.linear.row_upper[merged.rows["pool"].number].tolist() == [[125e6, 125e6]]
    for name in WORLD.data.data_vars:
        if name != "member":
            assert case(MERGE).world.data[name].identical(WORLD.data[name])


def test_merging_needs_members() -> None:
    """Proves: a model or a World without ``member`` cannot be merged, in words. Broken: a KeyError."""
    with pytest.raises(
        InputError, match="the model has no datum 'member' over grant and pool, so nothing can be merged"
    ):
        apply(small.model(), small.toy(), [small.scenario(MERGE)])
    bare = World("bare", WORLD.data.drop_vars(["member", "pool"]), WORLD.regions)
    assert refusal(MERGE, world=bare).endswith(
        "the world has no 'member' over grant and pool, so nothing can be merged"
    )


def test_a_default_can_be_changed() -> None:
    """Proves: a datum that the World lacks starts from the model's default. Broken: it cannot be asked about."""
    bare = World("bare", WORLD.data.drop_vars("purpose_share"), WORLD.regions)
    found = case(Set(set="purpose_share", to=0.25, where={"grant": "PIPES"}), world=bare)
    assert found.said == ("purpose_share[grant=PIPES]: 0 -> 0.25",)
    assert found.world.data["purpose_share"].values.tolist() == [[0.25, 0.25], [0, 0]]


def test_a_change_leaves_the_world_alone() -> None:
    """Proves: a case is a new World; the old keeps its numbers. Broken: a second scenario starts from the first."""
    before = WORLD.digest()
    case(Scale(scale="budget", by=0.5), Set(set="keep", to=0.5))
    assert WORLD.digest() == before


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(0.95, "1", "0.95"), (14_816_103_000, "R", "R14.816bn"), (-2.5e6, "R", "R-2.500m"), (1500, "R", "R1.500k"),
     (12.5, "R", "R12.50"), (0, "R", "R0.00"), (1234567, "household", "1,234,567")],
)  # fmt: skip
def test_amounts_are_short(value: float, unit: str, shown: str) -> None:
    """Proves: how numbers look in a difference. Broken: fifteen digits, or none."""
    assert amount(value, unit) == shown
