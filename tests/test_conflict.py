"""When nothing fits, the analyst learns in the model's words what conflicts, what would mend it, and what could be."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import small
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.conflict import NoPlan, in_conflict, not_in_whole
from allocate.errors import NoPlanError
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible
from allocate.optimum.lexicographic import solve as optimise
from allocate.plan import solve
from allocate.program import Program
from allocate.read import read_model, read_scenario
from allocate.spec import Scale, Scenario, Set
from allocate.world import World

FLOORS = {"N": 6, "S": 5, "W": 9, "E": 8}
POOL = {"over": ["year"], "rule": "sum(spend, over=space) <= budget"}
GUARANTEE = {"over": ["space", "year"], "rule": "spend >= floor", "owner": "Treasury"}


def four(scale: float = 1000.0, keep: float = 0.95) -> World:
    """Four spaces, floors of 6, 5, 9 and 8 and a pool of 20, in rand times a scale."""
    labels = {"space": tuple(FLOORS), "year": ("2019/20",)}
    return World.build(
        "four",
        [
            small.table("budget", "R", ["year"], lambda y: 20 * scale, labels),
            small.table("floor", "R", ["space"], lambda s: FLOORS[s] * scale, labels),
            small.table("cost", "R/household", ["space"], lambda s: 2, labels),
            small.table("line", "R", [], lambda: 15, labels),
            small.table("keep", "1", ["year"], lambda y: keep, labels),
        ],
        labels,
    )


def program(world: World, rules: dict[str, Any], **parts: Any) -> Program:
    data = {
        "budget": {"over": ["year"], "unit": "R"},
        "floor": {"over": ["space"], "unit": "R"},
        "cost": {"over": ["space"], "unit": "R/household"},
        "line": {"unit": "R"},
        "keep": {"over": ["year"], "unit": "1", "most": 1},
    }
    return build(Case(small.model(rules=rules, **{"data": data, **parts}), world))


def no_plan(program: Program, options: SolverOptions | None = None) -> NoPlan:
    with pytest.raises(NoPlan) as caught:
        solve(program, options)
    return caught.value


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
def test_floors_beyond_a_pool(scale: float) -> None:
    """Proves: floors of 6+5+9+8 against a pool of 20 name the pool and the four floors, 8 short, 71.4% affordable.

    Broken: a zero bound is named, a floor is not, or the shortfall is that of some of the floors.
    """
    error = no_plan(program(four(scale), {"guarantee": GUARANTEE, "pool": POOL}))
    found = error.findings
    assert found is not None and error.conflict == found.conflict and error.repair == found.repair
    floors = {k.where["space"]: k.amount for k in error.conflict if k.name == "guarantee"}
    assert floors == {space: floor * scale for space, floor in FLOORS.items()}
    assert [(k.name, k.where, k.amount, k.weight) for k in error.conflict[4:]] == [
        ("pool", {"year": "2019/20"}, 20 * scale, -1.0)
    ]
    assert (found.asked, found.given, found.short) == pytest.approx((28 * scale, 20 * scale, 8 * scale))
    assert error.repair is not None and error.repair.total == pytest.approx(8 * scale)
    assert {name: r and round(r.total / scale, 6) for name, r in found.alone.items()} == {"guarantee": 8, "pool": 8}
    assert {s.rule: s.factor for s in found.shares} == pytest.approx({"guarantee": 20 / 28, "pool": 1.4})


def test_the_letter() -> None:
    """Proves: the exact words, the most important first. Broken: what an analyst reads changes unseen."""
    rule = {**GUARANTEE, "rule": "spend >= keep * floor"}
    assert str(no_plan(program(four(), {"pool": POOL, "guarantee": rule}))).splitlines() == [
        "no plan satisfies every rule; these cannot hold together:",
        "  guarantee[space=W, year=2019/20] must be at least R8,550",
        "  guarantee[space=E, year=2019/20] must be at least R7,600",
        "  guarantee[space=N, year=2019/20] must be at least R5,700",
        "  guarantee[space=S, year=2019/20] must be at least R4,750",
        "  pool[year=2019/20] must be at most R20,000",
        "together they ask for R26,600 and there is R20,000: R6,600 short",
        "limits on money must move by R6,600 at least; each of these alone would do:",
        "  pool[year=2019/20]: R6,600 more",
        "  guarantee[year=2019/20] in 4 spaces: R6,600 less: W R2,121, E R1,886, N R1,414, S R1,179 (Treasury)",
        "pool would be enough at 133% of what it is, everywhere (budget = R26,600 instead of R20,000)",
        "guarantee could be met at 75.1% of what it asks, everywhere (keep = 0.7142 instead of 0.95)",
    ]


def test_the_datum_that_it_names_is_enough() -> None:
    """Proves: with keep at what the letter says there is a plan, and 0.0001 above there is none.

    Broken: an analyst sets what she is told and is told again.
    """
    rules = {"pool": POOL, "guarantee": {**GUARANTEE, "rule": "spend >= keep * floor"}}
    goals = [{"name": "thrift", "min": "sum(spend, over=[space, year])"}]
    assert solve(program(four(keep=0.7142), rules, goals=goals)).grade == "exact"
    no_plan(program(four(keep=0.7143), rules, goals=goals))


@pytest.mark.parametrize(
    "rule",
    [
        "spend >= keep * floor + line",  # the limit is more than the datum times data
        "spend >= keep * keep * floor",  # twice in one limit: half of it is a quarter of the limit
        "spend - line >= keep * floor",  # a number stands on the other side
    ],
)
def test_a_datum_is_named_only_when_it_is_certain(rule: str) -> None:
    """Proves: no value is proposed where multiplying the datum does not multiply the limit."""
    error = no_plan(program(four(), {"pool": POOL, "guarantee": {**GUARANTEE, "rule": rule}}))
    assert error.findings is not None
    shares = {share.rule: share for share in error.findings.shares}
    assert shares["guarantee"].factor < 1 and shares["guarantee"].datum is None


def test_the_order_of_rules_changes_no_finding() -> None:
    """Proves: the same limits conflict, and move by the same, whichever rule is written first."""
    one = no_plan(program(four(), {"pool": POOL, "guarantee": GUARANTEE}))
    two = no_plan(program(four(), {"guarantee": GUARANTEE, "pool": POOL}))
    assert sorted(map(repr, one.conflict)) == sorted(map(repr, two.conflict))
    assert one.findings is not None and two.findings is not None
    for rule, remedy in one.findings.alone.items():
        other = two.findings.alone[rule]
        assert remedy is not None and other is not None
        assert [m.amount for m in remedy.moves] == pytest.approx([m.amount for m in other.moves], abs=1e-3)


def test_bounds_of_a_variable_conflict_like_rules() -> None:
    """Proves: floors written as lower bounds are named, and moved, as such."""
    variables = {
        "spend": {"over": ["space", "year"], "unit": "R", "lower": "floor"},
        "reached": {"over": ["space", "year"], "unit": "household"},
    }
    error = no_plan(program(four(), {"pool": POOL}, variables=variables))
    assert "  bounds of spend[space=W, year=2019/20] must be at least R9,000" in str(error)
    assert "  bounds of spend[year=2019/20] in 4 spaces: R8,000 less: W R2,571" in str(error)


def test_households_are_counted_in_rand_by_what_they_cost() -> None:
    """Proves: a floor in households against a pool in rand is one sum in rand, and only the pool is money.

    Broken: rand are added to households, or "what is built is paid for" is moved, which is money from nowhere.
    """
    target = {"over": ["space", "year"], "rule": "reached >= floor / cost"}
    delivery = {"over": ["space", "year"], "rule": "cost * reached <= spend"}
    error = no_plan(program(four(), {"pool": POOL, "delivery": delivery, "target": target}))
    words = str(error).splitlines()
    assert "  target[space=W, year=2019/20] must be at least 4,500 household" in words
    assert "  delivery[year=2019/20] in 4 spaces, as it stands" in words
    assert (
        "counted in R by way of what hangs together, they ask for R28,000 and there is R20,000: R8,000 short" in words
    )
    assert words[words.index("limits on money must move by R8,000 at least; this alone would do:") + 1] == (
        "  pool[year=2019/20]: R8,000 more"
    )


def test_what_money_cannot_mend_is_said() -> None:
    """Proves: without a limit on money in the way, the least change of others is told in their own unit."""
    variables = {
        "spend": {"over": ["space", "year"], "unit": "R"},
        "reached": {"over": ["space", "year"], "unit": "household", "upper": 10},
    }
    target = {"over": ["space", "year"], "rule": "reached >= 2 * line / cost"}
    error = no_plan(program(four(), {"pool": POOL, "target": target}, variables=variables))
    words = str(error).splitlines()
    assert words[4:6] == [
        "no money mends it; the least change of other limits, each as a part of its size:",
        "  target[year=2019/20] in 4 spaces: 20 household less (33.33%): "
        "N 5 household, S 5 household, W 5 household, E 5 household",
    ]


def test_a_rule_that_cannot_mend_it_alone_is_said() -> None:
    """Proves: a larger pool does not help where a ceiling is in the way of two floors; lower floors do.

    Broken: an analyst asks for money that cannot be spent.
    """
    ceiling = {"over": ["space", "year"], "rule": "spend <= 500 * line"}
    error = no_plan(program(four(), {"pool": POOL, "guarantee": GUARANTEE, "ceiling": ceiling}))
    assert error.findings is not None
    assert error.findings.alone["pool"] is None and error.findings.alone["guarantee"] is not None
    words = str(error).splitlines()
    assert "limits on money must move by R8,000 at least; this alone would do:" in words
    assert words[words.index("  pool alone cannot mend it") - 1].startswith("  guarantee[year=2019/20] in 4 spaces:")


def test_a_conflict_that_is_not_the_only_one_is_said() -> None:
    """Proves: two floors above their ceilings are two conflicts: the deeper is told, and the repair is for both."""
    ceiling = {"over": ["space", "year"], "rule": "spend <= 500 * line"}
    words = str(no_plan(program(four(), {"guarantee": GUARANTEE, "ceiling": ceiling}))).splitlines()
    assert words[1:4] == [
        "  guarantee[space=W, year=2019/20] must be at least R9,000",
        "  ceiling[space=W, year=2019/20] must be at most R7,500",
        "together they ask for R9,000 and there is R7,500: R1,500 short",
    ]
    assert words[4].startswith("limits on money must move by R2,000 at least, for this conflict and others; each")


@pytest.mark.parametrize("scenarios", [(), ("one_pool",)])
def test_full_guarantees_from_smaller_pools(za: World, scenarios: tuple[str, ...]) -> None:
    """Proves: on the real figures, 100% of a tenth less money is short by a tenth, in every space alike, keep = 0.9.

    The conflict is every guarantee against every pool; the repair of the guarantee is 10% of each.
    """
    world = za.select("year", ["2019/20"])
    greedy = Scenario(name="greedy", why="", changes=(Set(set="keep", to=1.0), Scale(scale="budget", by=0.9)))
    case = apply(read_model("grant_consolidation"), world, [*map(read_scenario, scenarios), greedy])
    error = no_plan(build(case))
    assert error.findings is not None and len(str(error).splitlines()) <= 25
    asked = [k for k in error.conflict if k.name == "guarantee"]
    assert len(asked) == 52 and {k.name for k in error.conflict} == {"guarantee", "pool"}
    assert error.findings.short == pytest.approx(error.findings.asked * 0.1, rel=1e-6)
    lower = error.findings.alone["guarantee"]
    assert lower is not None and lower.total == pytest.approx(error.findings.short)
    size = {k.where["space"]: k.amount for k in asked}
    assert [-m.amount / size[m.where["space"]] for m in lower.moves] == pytest.approx([0.1] * 52, rel=1e-3)
    share = next(share for share in error.findings.shares if share.rule == "guarantee")
    assert share.factor == pytest.approx(0.9, abs=1e-6) and share.datum is not None
    assert (share.datum.name, share.datum.new) == ("keep", 0.8999)


def test_a_goal_without_end_says_at_what_rate() -> None:
    """Proves: the goal, the rate in its unit, the cells that move together and the rules that do not stop them."""
    delivery = {"over": ["space", "year"], "rule": "cost * reached <= spend"}
    error = no_plan(program(four(), {"delivery": delivery}))
    assert error.findings is None and error.conflict == () and error.repair is None
    assert str(error).splitlines() == [
        "the goal 'reach' has no end; it gets better by 1 household each time that",
        "  reached[space=N, year=2019/20] goes up by 1 household",
        "  spend[space=N, year=2019/20] goes up by R2",
        "the rules they stand in do not stop that: delivery",
        "add a rule or an upper bound that limits them",
    ]


def test_whole_numbers_that_do_not_fit_are_told_from_rules_that_conflict() -> None:
    """Proves: the words name the variable that must be whole, and no rule is blamed."""
    built = program(four(), {"pool": POOL})
    whole = np.zeros(built.linear.lower.size, bool)
    whole[built.columns["reached"].number] = True
    words = str(not_in_whole(built, whole))
    assert words.startswith("every rule can be met, but not in whole numbers of reached\n")


def test_without_time_the_conflict_is_told_all_the_same() -> None:
    """Proves: repair and shares that are not worked out are named as such. Broken: no words, or false ones."""
    built = program(four(), {"pool": POOL, "guarantee": GUARANTEE})
    with pytest.raises(Infeasible) as caught:
        optimise(built.linear)
    words = str(in_conflict(built, caught.value, seconds=0.0)).splitlines()
    assert words[6] == "together they ask for R28,000 and there is R20,000: R8,000 short"
    assert words[7:] == [
        f"could not be worked out: {what}"
        for what in ("the least repair", "the share of pool that fits", "the share of guarantee that fits")
    ]


def test_the_error_can_be_sent_between_processes() -> None:
    """Proves: words and findings survive pickling. Broken: a worker that fails hangs its pool."""
    error = no_plan(program(four(), {"pool": POOL, "guarantee": GUARANTEE}))
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, NoPlanError) and str(again) == str(error)
    assert again.findings == error.findings and again.exit_code == 2
