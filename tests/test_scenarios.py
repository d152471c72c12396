"""Every scenario that is shipped runs by its name, on the 52 spaces."""

from __future__ import annotations

from functools import cache

import pytest

import allocate as al
from allocate.changes import apply
from allocate.read import read_scenario, shipped
from allocate.spec import Scenario, Set
from allocate.varied import RiskSpec
from allocate.world import World, read_world
from prospected import people

ALL = sorted(path.stem for path in shipped("scenarios").glob("*.toml"))
PROJECTS = {"finish_first", "a_zone_in_every_space", "projects_one_pool"}
"""Whole numbers that take a quarter of a minute each, and run by their names in tests/test_projects.py."""
LONG = {"firm_year", "guarantee_path", "least_money", "swing", "steady_growth", "near_targets"}
"""What asks about years, or for more than one year can reach."""


@cache
def world() -> World:
    return read_world("za2016")


def _few(scenario: Scenario) -> Scenario:
    """The same over ten draws, which are quick."""
    return scenario.model_copy(update={"risk": RiskSpec(draws=10)})


def _sampled(scenario: Scenario) -> Scenario:
    """The same over four draws."""
    if scenario.sample is None:
        return scenario
    return scenario.model_copy(update={"sample": scenario.sample.model_copy(update={"draws": 4})})


@pytest.mark.parametrize("name", [name for name in ALL if name not in PROJECTS])
def test_a_shipped_scenario_runs_by_its_name(name: str) -> None:
    """Proves: each has a plan for 2019/20 (or three years where it asks about years), exact or proved, whose money and
    what is held back add up to the pools; or, about people, a projection that differs; and it says what it asks.

    Broken: a scenario whose level no plan can keep, or that another change has made a change of nothing.
    """
    scenario = read_scenario(name)
    assert scenario.model is not None and scenario.why.endswith((".", "?"))
    if scenario.model == "people":
        projected = al.project(people(), years=[2021, 2026], draws=64, scenario=scenario)
        assert projected.attrs["changes"] and not projected.equals(al.project(people(), years=[2021, 2026], draws=64))
        return
    if scenario.grids or scenario.sample:
        swept = al.sweep(scenario.model, world(), _sampled(scenario), years=["2019/20"])
        assert set(swept.grades) <= {"exact", "proved"} and not swept.data["value"].isnull().any()
        return
    if scenario.spreads:
        risky = al.robust(scenario.model, world(), _few(scenario), years=["2019/20"])
        assert risky.decision.grade in ("exact", "proved") or risky.decision.relative_gap <= 1e-4
        return
    years = None if name in LONG or scenario.model == "roll_out" else ["2019/20"]
    found = al.run(scenario.model, world(), scenario, years=years)
    assert found.plan.grade in ("exact", "proved")
    total = int(found.schedule.amount.sum() + found.schedule.unallocated.sum())
    if scenario.model != "roll_out":
        added = float(found.plan.values["added"].sum()) if "added" in found.plan.values else 0.0
        whole = 0 if not added else found.schedule.unallocated.size  # what is added to a pool need not be whole rand
        assert abs(total - (float(found.case.world.data["budget"].sum()) + added) / 1000) <= whole


NEAR_A_KINK = [
    ("parity_gap", "parity_gap", 0.025),
    ("parity_gap", "parity_gap", 0.027968),
    ("women_heads_incidence", "heads_floor", 0.480368),
    ("women_incidence", "incidence_floor", 0.512),
]


@pytest.mark.parametrize(("name", "datum", "level"), NEAR_A_KINK)
def test_a_level_near_a_kink_refuses_no_plan(name: str, datum: str, level: float) -> None:
    """Proves: levels of a rule over three years at which many limits meet have an exact plan, and ranges of it.

    Broken: 5e-12 of a household where 0 is meant, which is more than a row of such columns may be off by; or a nearest
    plan whose active limits are not found.
    """
    scenario = read_scenario(name)
    kept = tuple(c for c in scenario.changes if not (isinstance(c, Set) and c.set == datum))
    asked = scenario.model_copy(update={"changes": (*kept, Set(set=datum, to=level))})
    plan = al.solve(al.build(apply(al.read_model("gender_responsive"), world(), [asked])))
    assert plan.grade == "exact"
    ends = plan.ranges("spend")
    near = 1e-9 * ends["now"]
    assert ((ends["least"] <= ends["now"] + near) & (ends["now"] <= ends["most"] + near)).all()
