"""One run answers the question: comparisons kept apart, totals exact, the same bytes every time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from allocate.errors import InputError, NoPlanError
from allocate.findings import (
    bindings,
    by_label,
    concentration,
    consolidation,
    cost_of_changes,
    reallocation,
    rests_on,
    spaces,
)
from allocate.runs import Run, run
from allocate.sentences import sentences
from allocate.spec import Drop, Fix, Scale, Scenario, Set
from allocate.world import World, read_world

POOLS = {"MIG": 14_816_103, "IUDG": 856_895, "USDG": 12_045_386, "WSIG": 4_480_465}
POOLS |= {"RBIG": 5_973_235, "INEP": 5_484_630, "EEDSM": 318_911}


@pytest.fixture(scope="module")
def separate(za: World) -> Run:
    return run("grant_consolidation", za, "separate", years=["2019/20"])


def test_published_totals_equal_the_pools(separate: Run, merged: Run) -> None:
    """Proves: with UNALLOCATED, every pool of plan.csv is the published pool to the R thousand.

    Broken: a schedule that does not add up to what Parliament voted.
    """
    table = separate.schedule.table()
    assert table.groupby("pool")["amount"].sum().to_dict() == POOLS
    assert table["amount"].ge(0).all() and table["amount"].dtype == np.int64
    assert merged.schedule.table()["amount"].sum() == sum(POOLS.values())
    assert separate.was.table().groupby("pool")["amount"].sum().to_dict() == POOLS


def test_floors_and_caps_hold_to_the_rand_after_rounding(merged: Run) -> None:
    """Proves: no published space total is below its guarantee or above what it can absorb, by a single R1,000."""
    derived = merged.plan.program.derived
    total = merged.schedule.by("space", "year") * 1000
    assert (total >= derived["guaranteed"]).all() and (total <= derived["absorbable"]).all()


def test_what_cannot_be_scored_is_left_alone(merged: Run) -> None:
    """Proves: roads and public facilities keep their money in every space, so no gain comes from starving them."""
    left = merged.plan.program.derived["left_alone"]
    assert (merged.schedule.by("space", "service", "year") * 1000 >= left).all()


def test_the_three_comparisons_are_ordered(merged: Run, separate: Run) -> None:
    """Proves: nothing <= baseline <= separate <= merged, and each value is a difference of the right two.

    Broken: a merger would be credited with what reallocation alone does.
    """
    outcomes = [merged.outcome(p) for p in (merged.nothing, merged.baseline, merged.separate, merged.plan)]
    assert outcomes == sorted(outcomes) and outcomes[0] == 0
    gained = consolidation(merged)
    assert gained is not None
    assert gained.amount == pytest.approx(outcomes[3] - outcomes[2])
    assert reallocation(merged).amount == pytest.approx(outcomes[2] - outcomes[1])
    assert consolidation(separate) is None
    assert reallocation(separate).amount == pytest.approx(reallocation(merged).amount)


def test_a_wider_merger_never_gives_less(za: World) -> None:
    """Proves: a merger changes nothing but membership: one pool alone gives at least what any partial merger gives."""
    values = [run("grant_consolidation", za, s, years=["2019/20"]) for s in ("one_water_grant", "one_pool")]
    partial, whole = (consolidation(r) for r in values)
    assert partial is not None and whole is not None
    assert -1e-6 <= partial.amount <= whole.amount


def test_winners_and_losers_add_up(merged: Run) -> None:
    """Proves: what some spaces gain others lose, to the R thousand, and each row is plan less actual split."""
    frame = spaces(merged)
    assert len(frame) == 52 and frame["change"].sum() == -int(merged.schedule.unallocated.sum())
    assert (frame["now"] - frame["was"] == frame["change"]).all()
    assert frame["change"].is_monotonic_decreasing


def test_shares_of_money_and_outcome_are_whole(merged: Run) -> None:
    """Proves: shares by service and by space each add up to one, and services to the same outcome as the plan."""
    for dim in ("service", "space"):
        shares = concentration(merged, dim).shares
        assert sum(s.money for s in shares) == pytest.approx(1)
        assert sum(s.outcome for s in shares) == pytest.approx(1)
    frame = by_label(merged, "service")
    assert frame["plan_outcome"].sum() == pytest.approx(merged.outcome(merged.plan))
    assert frame["baseline_outcome"].sum() == pytest.approx(merged.outcome(merged.baseline))


def test_a_service_that_takes_most_is_warned_of_with_its_driver(freed: Run) -> None:
    """Proves: refuse removal, cheap by assumption, is called out with the assumption that drives it."""
    words = " ".join(concentration(freed, "service").warnings)
    assert "of the outcome goes to refuse" in words and "unit_cost 0.1" in words


def test_binding_rules_have_prices_of_the_right_sign(merged: Run) -> None:
    """Proves: more of a cap never hurts, more of a floor never helps."""
    found = {b.rule: b for b in bindings(merged)}
    assert found["absorption"].least >= 0 and found["absorption"].at_limit > 0
    assert found["guarantee"].most <= 0 and found["guarantee"].at_limit > 0
    assert found["pool"].least > 0 and found["pool"].unit == "household*year per R1 million"


def test_sentences_say_every_finding(merged: Run) -> None:
    """Proves: value of reallocation and of consolidation, winners and losers, concentration, proof: all are said."""
    text = "\n".join(map(str, sentences(merged)))
    for start in ("Value of reallocation:", "Value of consolidation:", "Concentration:", "Grade of proof: exact"):
        assert start in text
    assert "Of 52 spaces, " in text and " gain R" in text


def test_money_nobody_can_absorb_is_shown(za: World) -> None:
    """Proves: with a budget a third larger than anyone can absorb, the rest is UNALLOCATED and still adds up."""
    flush = Scenario(name="flush", why="", changes=(Scale(scale="budget", by=1.5),))
    found = run("grant_consolidation", za, flush, years=["2019/20"])
    table = found.schedule.table()
    held = table[table["space"] == "UNALLOCATED"]["amount"].sum()
    assert held > 0
    pools = table.groupby("pool")["amount"].sum()
    assert all(abs(pools[name] - 1.5 * voted) <= 0.5 for name, voted in POOLS.items())
    assert any("held back (UNALLOCATED)" in sentence.words for sentence in sentences(found))


def test_a_budget_cut_keeps_its_comparisons(za: World) -> None:
    """Proves: with 3% less or 10% more MIG the actual split moves with the pool and the run goes through.

    Broken: the first what-if anyone asks would end with "no plan", or count new money as reallocation.
    """
    for times in (0.97, 1.1):
        cut = Scenario(name="cut", why="", changes=(Scale(scale="budget", by=times, where={"grant": "MIG"}),))
        found = run("grant_consolidation", za, cut, years="2019/20")
        was = found.was.table()
        assert was[was["space"] == "UNALLOCATED"]["amount"].sum() == 0
        assert abs(was[was["pool"] == "MIG"]["amount"].sum() - times * POOLS["MIG"]) <= 0.5
        assert 0.2 < reallocation(found).share < 0.3
        assert any(s.words.startswith("What else the scenario changes:") for s in sentences(found))


@pytest.mark.parametrize("times", [0.93, 0.99, 1.01, 1.03, 1.07, 1.0778, 1.13])
def test_shares_of_any_pool_add_up(za: World, times: float) -> None:
    """Proves: the actual split scaled to an odd budget leaves no dust in the pools that a proof could trip over."""
    odd = Scenario(name="odd", why="", changes=(Scale(scale="budget", by=times), Set(set="keep", to=0.5)))
    found = run("grant_consolidation", za, odd)
    assert int(found.was.unallocated.sum()) == 0 and found.baseline.grade == "exact"


def test_what_a_guarantee_costs_is_said(za: World) -> None:
    """Proves: 95% for every space is set beside the unchanged model: less is reached, by an amount that is printed."""
    found = run("grant_consolidation", za, "guarantee_95", years="2019/20")
    cost = cost_of_changes(found)
    assert cost is not None and -0.02 < cost.share < 0
    equal = run("grant_consolidation", za, "value_equal", years="2019/20")
    assert cost_of_changes(equal) is None, "outcomes in two scales of value cannot be compared"


def test_moving_money_and_choosing_services_are_told_apart(za: World, merged: Run) -> None:
    """Proves: with money kept in its space no space gains or loses; with services kept each grant buys its old mix;
    and each alone reaches less than both together. Broken: one number would hide two policies.
    """
    places = run("grant_consolidation", za, "same_places", years="2019/20")
    services = run("grant_consolidation", za, "same_services", years="2019/20")
    assert set(spaces(places)["verdict"]) == {"keeps"}
    mix = by_label(services, "service")
    assert (abs(mix["plan_money"] - mix["baseline_money"]) <= 10).all()  # each pool's floor is rounded down to R1,000
    both = reallocation(merged).amount
    assert 0 < reallocation(places).amount < both and 0 < reallocation(services).amount < both


def test_fixed_money_is_not_credited_to_a_merger(za: World) -> None:
    """Proves: the actual split under merged labels claims no value of consolidation, and says that it is fixed."""
    found = run("grant_consolidation", za, "baseline", "one_pool", years="2019/20")
    assert consolidation(found) is None and found.fixed
    assert any(s.words.startswith("This plan is fixed") for s in sentences(found))


def test_fixing_another_variable_holds_in_every_comparison(za: World) -> None:
    """Proves: renewal fixed at nothing is nothing in all plans of the run, and money held back may be fixed at 0."""
    still = Scenario(name="still", why="", changes=(Fix(fix="renewed", to=0.0), Fix(fix="held_back", to=0.0)))
    found = run("grant_consolidation", za, still, years="2019/20")
    assert int(found.schedule.unallocated.sum()) == 0
    assert found.schedule.table().groupby("pool")["amount"].sum().to_dict() == POOLS
    assert all(float(p.values["renewed"].sum()) == 0 for p in (found.plan, found.baseline, found.separate))


def test_a_near_tie_is_published_with_its_grade(za: World) -> None:
    """Proves: where prices are too small to be sure, the run goes through and says that the plan may not be the only
    one. Broken: either no answer at all, or the word exact for a plan that is not proved unique.
    """
    found = run("grant_consolidation", za, "same_services", "no_pace", years=["2017/18", "2018/19"])
    assert found.plan.grade == "near tie"
    assert any(s.warning and s.words.startswith("Grade of proof of plan") for s in sentences(found))


def test_years_must_follow_each_other(za: World) -> None:
    """Proves: a gap in years is refused: what stands in one year is what stood the year before."""
    with pytest.raises(InputError, match="2017/18, 2019/20 do not follow each other"):
        run("grant_consolidation", za, years=["2017/18", "2019/20"])


SCRIPT = """
import hashlib, sys
from allocate.runs import run
found = run("grant_consolidation", sys.argv[1], "one_pool", years=["2019/20"])
print(hashlib.sha256(found.schedule.table().to_csv(index=False).encode()).hexdigest())
"""


def test_same_bytes_on_every_run(za: World, merged: Run, tmp_path: Path) -> None:
    """Proves: plan.csv is the same on a second run, with shuffled input rows, and with PYTHONHASHSEED 0 to 3.

    Broken: two people with the same inputs would publish different schedules.
    """
    import hashlib

    expected = hashlib.sha256(merged.schedule.table().to_csv(index=False).encode()).hexdigest()
    za.write(tmp_path / "za")
    luck = random.Random(3)
    for file in (tmp_path / "za").glob("*.csv"):
        header, *rows = file.read_text(encoding="utf-8").splitlines()
        if file.name != "regions.csv":
            luck.shuffle(rows)
        file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    assert read_world(tmp_path / "za").digest() == za.digest()
    for seed in range(4):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        world = "za2016" if seed % 2 else str(tmp_path / "za")
        command = [sys.executable, "-c", SCRIPT, world]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected, f"PYTHONHASHSEED={seed}, world {world}"


def test_two_records_of_one_split_cannot_disagree(za: World) -> None:
    """Proves: money moved in the baseline but not in its shares is refused by name. Broken: the old split is compared."""
    baseline = za.data["baseline"].copy(deep=True)
    baseline.loc[{"space": "DC15", "grant": "MIG", "year": "2019/20"}] -= 4e8
    baseline.loc[{"space": "DC35", "grant": "MIG", "year": "2019/20"}] += 4e8
    with pytest.raises(NoPlanError, match=r"recorded\[space=DC15, grant=MIG, year=2019/20\]: off by R400,000,000"):
        run("grant_consolidation", za.with_data("baseline", baseline), years="2019/20")


def test_a_figure_that_a_scenario_sets_is_assumed(za: World) -> None:
    """Proves: a scaled budget no longer counts as published, its source names the scenario, and gains are told against
    the split scaled to the new pools. Broken: a guess carries the Treasury's name.
    """
    more = Scenario(name="more", why="", changes=(Scale(scale="budget", by=1.05),), source="more.toml")
    found = run("grant_consolidation", za, more, years="2019/20")
    assert "budget" in rests_on(found)["assumed"]
    assert found.case.world.data["budget"].attrs["source"].startswith("more.toml, change 1; before: National Treasury")
    assert any("against the actual split, scaled to these pools" in s.words for s in sentences(found))


def test_a_space_that_had_nothing_gains_from_nothing(za: World) -> None:
    """Proves: no percentage of nothing is printed. Broken: "+nan%" in the first lines of a report."""
    from small import world

    bare = world()
    baseline, shares = bare.data["baseline"].copy(deep=True), bare.data["got_share"].copy(deep=True)
    for array in (baseline, shares):
        array.loc[{"space": "N"}] = 0.0
    shares = shares / shares.sum("space")
    found = run(
        "grant_consolidation",
        bare.with_data("baseline", baseline).with_data("got_share", shares.fillna(0.0)),
        Scenario(name="free", why="", changes=(Drop(drop="rules.pace"), Drop(drop="rules.guarantee"))),
    )
    assert any("(from nothing)" in s.words for s in sentences(found))
    assert not any("nan" in s.words for s in sentences(found))
