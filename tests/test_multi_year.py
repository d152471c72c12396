"""Rules in whole numbers of the medium-term model, by hand and on the 52 spaces."""

from __future__ import annotations

import pytest

import small
from allocate.plan import Plan
from allocate.runs import run
from allocate.spec import Activate, Drop, Set
from allocate.world import World
from portfolio import plan

YEAR = ("2019/20",)
WEIGHTS = {"N": 1.0, "S": 100.0, "W": 10.0}
LOSERS = (Activate(activate="rules.losing"), Activate(activate="rules.losers"))


def world(spaces: tuple[str, ...] = ("N", "S", "W")) -> World:
    """The small World in one year, whose spaces weigh so differently that money goes by weight alone."""
    made = small.world(spaces, YEAR)
    weight = made.data["need_weight"].copy(data=[WEIGHTS[space] for space in spaces])
    return made.with_data("need_weight", weight)


def money(found: Plan) -> dict[str, float]:
    """What each space gets, in R million."""
    spent = found.values["spend"].sum(["pool", "service", "year"]) / 1e6
    return {str(space): round(float(spent.sel(space=space)), 6) for space in spent["space"].values}


def test_at_most_one_of_three_spaces_loses() -> None:
    """Proves: with one loser allowed, the lightest space pays alone.

    N, S and W had R80m, R35m and R10m, keep 80% and absorb 150%. S weighs most and takes what there is, to R52.5m: R16m
    from N and R1.5m from W. Two lose. If only one may, W keeps its R10m and S stops at R51m; if none, nothing moves.
    """
    free = plan(world(), model="multi_year")
    one = plan(world(), *LOSERS, Set(set="losers_most", to=1), model="multi_year")
    none = plan(world(), *LOSERS, Set(set="losers_most", to=0), model="multi_year")
    assert money(free) == {"N": 64, "S": 52.5, "W": 8.5}
    assert money(one) == {"N": 64, "S": 51, "W": 10}
    assert money(none) == {"N": 80, "S": 35, "W": 10}
    assert {p.grade for p in (one, none)} == {"proved"}


def test_the_one_team_goes_where_it_moves_most() -> None:
    """Proves: one team for two spaces goes where it lets more money be spent, and two would go to both.

    N and S can spend R40m and R20m of R115m well, a fifth more with a team: R8m in N or R4m in S. With no team R55m is
    held back, with one R47m, and without a limit on teams R43m.
    """
    made = world(("N", "S"))
    made = made.with_data("absorb", made.data["absorb"].copy(data=[[40e6], [20e6]]))
    made = made.with_data("expert_lift", made.data["need_weight"].copy(data=[0.2, 0.2]))
    changes = (Set(set="keep", to=0), Set(set="teams", to=1))
    one = plan(made, *changes, model="multi_year")
    free = plan(made, *changes, Drop(drop="rules.teams"), model="multi_year")
    no = plan(made, Set(set="keep", to=0), model="multi_year")
    held = [round(float(p.values["held_back"].sum()) / 1e6, 6) for p in (no, one, free)]
    assert held == [55, 47, 43]
    assert one.values["team"].sel(year="2019/20").values.tolist() == [1, 0]


@pytest.mark.parametrize("years", [["2019/20"], None], ids=["one year", "three years"])
@pytest.mark.parametrize("scenario", ["few_losers", "expert_teams"])
def test_whole_numbers_on_the_52_spaces(za: World, scenario: str, years: list[str] | None) -> None:
    """Proves: the plan and all that it is compared with are proved, and the rule holds when it is counted anew.

    Without money every space loses: were the count of losers asked of that comparison too, there would be no run.
    """
    found = run("multi_year", za, scenario, years=years)
    assert {p.grade for p in (found.plan, found.separate)} == {"proved"}
    had, gets = (p.values["spend"].sum(["pool", "service", "year"]) for p in (found.baseline, found.plan))
    if scenario == "few_losers":
        assert int((gets < had - 1).sum()) <= 10
    else:
        assert (found.plan.values["team"].sum("space") == 10).all()
        assert found.plan.goals["need met"] > found.unchanged.goals["need met"]  # type: ignore[union-attr]
