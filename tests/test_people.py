"""The labelled side of projections: what a World means, step by step, and laws that every projection keeps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import allocate as al
from allocate.errors import InputError
from allocate.people import cohorts, services
from allocate.people.cohorts import Calendar
from allocate.people.declared import case_of
from allocate.people.needs import with_needs
from allocate.people.projection import prepare, sampled
from allocate.spec import Change, Scale, Scenario, Set
from allocate.varied import SpreadSpec
from allocate.world import World


@cache
def za() -> World:
    return al.read_world("za2016_people")


def what_if(*changes: Change) -> Scenario:
    return Scenario(name="What if", why="A law.", model="people", change=changes)


def without(*names: str) -> Scenario:
    return what_if(*(Set(set=name, to=0.0) for name in names))


def test_single_years_keep_their_five() -> None:
    """Proves: every five years keep their people, nobody is negative, and an even population is split evenly.

    Broken: a curve that overshoots where ages jump.
    """
    people = np.array([[3.0, 0.0], [900.0, 0.0], [2.0, 5.0], [0.0, 0.0], [40.0, 7.0]])
    split = cohorts.single(people)
    assert split.shape == (21, 2) and (split >= 0).all()
    assert split[:-1].reshape(4, 5, 2).sum(axis=1) == pytest.approx(people[:-1], abs=1e-9)
    even = cohorts.single(np.full((4, 1), 10.0))
    assert even[:-1] == pytest.approx(np.full((15, 1), 2.0)) and even[-1] == 10


def test_the_calendar_refuses_years_that_it_cannot_reach() -> None:
    """Proves: periods follow one another, steps are whole, and the last year lies in them. Broken: a rate of another
    time is used without a word."""
    periods = ["2016-2021", "2021-2026"]
    assert Calendar.until(periods, 2023, step=1).period == (0, 0, 0, 0, 0, 1, 1)
    for wrong in ((periods, 2023, 5), (periods, 2031, 5), (periods, 2016, 5), (["2016-2021", "2026-2031"], 2021, 5)):
        with pytest.raises(InputError):
            Calendar.until(*wrong)


def test_what_stands_decays_and_what_is_planned_takes_the_place_of_the_usual() -> None:
    """Proves: of 100 units a tenth goes each year, ten are added each year, and where a plan speaks, what it says.

    In the first year 100 -> 90 stand, and 10 are new; the plan adds 50 in the second: of the start 81 stand, and
    9 + 50 are added. Broken: new units never decay, or decay in their first year.
    """
    world = za()
    case = case_of(
        world, [what_if(Set(set="capacity", to=100), Set(set="decay", to=0.1), Set(set="additions", to=10))]
    ).world
    plan = np.full((7, 52), np.nan)
    plan[0] = 50.0
    calendar = Calendar.until(world.labels("period"), 2018, step=1)
    stands, built, gives = services.standing(case, calendar, {2017: plan})
    assert stands[:, 0, 0] == pytest.approx([90, 81])
    assert built[:, :2, 0] == pytest.approx(np.array([[10, 10], [59, 19]]))
    assert (gives == 1).all()


def test_a_plan_says_what_is_built() -> None:
    """Proves: what a plan of grants reaches and renews in 2017/18 stands in the middle of 2018, household by household,
    and other services go on as they were. Broken: a tier is left out, or a financial year is a year late.
    """
    found = al.run("grant_consolidation", "za2016", "one_pool").plan
    added = services.added_by(found.values, za())
    assert sorted(added) == [2017, 2018, 2019]
    water = za().labels("service").index("water")
    for n, year in enumerate((2017, 2018, 2019)):
        want = found.values["reached"].sum("tier") + found.values["renewed"]
        assert added[year][water] == pytest.approx(want.sel(service="water").isel(year=n).values)
        assert np.isnan(added[year][za().labels("service").index("dwelling")]).all()
    plain, built = (al.project(za(), years=2021, draws=64, plan=plan) for plan in (None, found))
    assert not np.array_equal(plain["p_adequate"].sel(service="water"), built["p_adequate"].sel(service="water"))
    assert np.array_equal(plain["p_adequate"].sel(service="clinics"), built["p_adequate"].sel(service="clinics"))
    assert np.array_equal(plain["count"], built["count"])


def test_nobody_is_lost_who_moves() -> None:
    """Proves: without births, deaths and arrivals, all people stay 55.65 million in every draw, whatever the shocks to
    leaving and attraction; spaces do not. Broken: leavers who arrive nowhere, or twice.
    """
    still = without("birth_rate", "arrivals", "count_error")
    unborn = what_if(Scale(scale="death_rate", by=1e-9))
    ready = prepare(za(), years=[2031], scenario=[still, unborn])
    count = sampled(ready, draws=20)["count"].sel(measure="people", year=2031)
    total = float(za().data["people"].sum())
    assert count.sel(region="total").values == pytest.approx(np.full(20, total), rel=2e-6)  # single precision
    assert count.sel(region="JHB").std() > 10_000
    provinces = [
        r for r in map(str, count.region.values) if r in {"EC", "FS", "GT", "KZN", "LIM", "MP", "NC", "NW", "WC"}
    ]
    assert count.sel(region=provinces).sum("region").values == pytest.approx(np.full(20, total), rel=2e-6)


def test_years_one_by_one_come_to_the_same_as_five_at_a_time() -> None:
    """Proves: without chance, ten single years lead to within half a percent of two steps of five for all people, and
    to within two percent for every space. Broken: a yearly rate taken for one of five years, in either.
    """
    five, one = (al.project(za(), years=2026, draws=1, step=step)["central"].sel(measure="people") for step in (5, 1))
    assert float(one.sel(region="total").item() / five.sel(region="total").item()) == pytest.approx(1, abs=5e-3)
    assert (one / five).values == pytest.approx(np.ones((62, 1)), abs=2e-2)


def test_two_scenarios_differ_only_by_what_was_changed() -> None:
    """Proves: less water leaves people and other services as they are, draw by draw; a corridor leaves everybody of the
    first step where they are but at its two ends and on its other ways; the numbers that are drawn are the same.

    Broken: scenarios that draw anew, whose difference is mostly noise.
    """
    draws = 40
    plain = sampled(prepare(za(), years=2021), draws=draws)
    drought = what_if(Set(set="yields", to=0.5, where={"service": "water", "space": "CPT"}))
    dry = sampled(prepare(za(), years=2021, scenario=drought), draws=draws)
    assert dry["count"].equals(plain["count"])
    changed = (dry["capacity"] != plain["capacity"]).any(["draw", "year"])
    assert [tuple(map(str, c)) for c in changed.stack(cell=changed.dims).where(lambda x: x, drop=True).cell.values] == [
        ("water", "CPT")
    ]
    assert dry["capacity"].sel(service="water", space="CPT").values == pytest.approx(
        0.5 * plain["capacity"].sel(service="water", space="CPT").values, rel=1e-6
    )
    away = what_if(Scale(scale="corridor", by=3, where={"space": "DC15", "destination": "CPT"}))
    moved = sampled(prepare(za(), years=2021, scenario=away), draws=draws)["count"].sel(measure="people", year=2021)
    more = moved - plain["count"].sel(measure="people", year=2021)
    assert (more.sel(region="CPT") > 0).all()
    others = [s for s in za().labels("space") if s != "CPT"]
    assert (more.sel(region=others) < 100).all() and float(more.sel(region="total").max()) < 2000


def test_a_group_of_labels_can_be_named_in_a_change() -> None:
    """Proves: a change ``where`` a province means its spaces. Broken: a shock to a province names 5 spaces by hand."""
    pull = what_if(Scale(scale="attraction", by=1.5, where={"province": "GT"}))
    case = case_of(za(), [pull])
    regions = za().columns("space")["province"]
    raised = case.world.data["attraction"].isel(period=0).values
    assert raised.tolist() == [1.5 if province == "GT" else 1.0 for province in regions]
    with pytest.raises(InputError, match="no province 'GP'"):
        case_of(za(), [what_if(Set(set="attraction", to=2, where={"province": "GP"}))])


def test_what_is_asked_of_a_projection_is_checked() -> None:
    """Proves: years that are no end of a step, a World for grants, and a scenario for grants are refused with words.

    Broken: an answer about another year, or a stack of calls.
    """
    for years, words in ((2016, "2016 is not a year after 2016"), (2051, "2051"), ([], "there are none")):
        with pytest.raises(InputError, match=words):
            al.project(za(), years=years, draws=1)
    with pytest.raises(InputError, match="people: is missing: Who lives where"):
        al.project("za2016", years=2021, draws=1)
    with pytest.raises(InputError, match="is written for 'grant_consolidation', not for a projection"):
        al.project(za(), years=2021, draws=1, scenario="one_pool")


def test_the_same_arguments_give_the_same_bits() -> None:
    """Proves: one thread or two, and asked again. Broken: a sum whose order depends on who came first."""
    found = [al.project(za(), years=[2021, 2031], draws=300, seed=5, threads=threads) for threads in (1, 2, 2)]
    assert all(one.identical(found[0]) for one in found)
    assert not al.project(za(), years=[2021, 2031], draws=300, seed=6).equals(found[0])


def test_quantiles_are_those_of_the_draws() -> None:
    """Proves: quantiles and means of counted draws are those of the same draws written out, to 0.2%; the first year of
    a likely shortfall is the first that has one. Broken: a region or a year under another's name.
    """
    years = [2021, 2026, 2036]
    found, plain = al.project(za(), years=years, draws=500), sampled(prepare(za(), years=years), draws=500)
    asked = found["quantile"].values
    low, high = (plain["count"].quantile(asked, "draw", method=method) for method in ("lower", "higher"))
    assert (found["count"] >= low * 0.998).all() and (found["count"] <= high * 1.002).all()
    assert found["count_mean"].values == pytest.approx(plain["count"].mean("draw").values, rel=1e-4)
    short = (plain["capacity"] < plain["demand"]).cumsum("year") > 0
    assert np.abs(found["p_short"] - short.mean("draw")).max() < 0.12  # integrated against counted
    likely = found["p_short"] > 0.5
    assert np.array_equal(found["first_short"].isnull(), ~likely.any("year"))


def test_needs_of_draws_move_the_optimum() -> None:
    """Proves: the mean of what draws need is what the World says to a thousandth, which every draw keeps; what has no projection stays; and
    money decided for all draws is a plan that adds up. Broken: a draw in which every backlog is another place's.
    """
    grants = al.read_world("za2016")
    sample = sampled(prepare(za(), years=2021), draws=12)
    worlds = list(with_needs(grants, sample, 2021, need=["tier_size", "need_weight"]))
    sizes = np.mean([w.data["tier_size"].values for w in worlds], axis=0)
    assert sizes == pytest.approx(grants.data["tier_size"].values, rel=1e-3)
    ratio = worlds[3].data["tier_size"] / grants.data["tier_size"]
    want = sample["need"].sel(year=2021, service="water", space="DC15")
    here = ratio.sel(service="water", space="DC15").isel(tier=0).item()
    assert here == pytest.approx(float(want[3] / want.mean()))
    assert worlds[3].data["tier_size"].sel(service="roads").equals(grants.data["tier_size"].sel(service="roads"))
    found = al.robust("grant_consolidation", grants, draws=worlds[:2], years="2019/20")
    assert int(found.schedule.amount.sum() + found.schedule.unallocated.sum()) == 43_975_625
    with pytest.raises(InputError, match="2036 was not projected"):
        next(with_needs(grants, sample, 2036, need=["tier_size"]))
    with pytest.raises(InputError, match="does not vary over space"):
        next(with_needs(grants, sample, 2021, need=["value"]))


@pytest.mark.parametrize(
    ("dim", "labels", "words"),
    [
        ("mother_age", ("45-49", "40-44", "35-39", "30-34", "25-29", "20-24", "15-19"), "ages that follow each other"),
        ("mother_age", ("15-19", "20-24", "25-29", "30-34", "40-44", "45-49", "50-54"), "ages that follow each other"),
        ("life_age", ("1-4", "0", *(f"{n}-{n + 4}" for n in range(5, 85, 5)), "85+"), "all of them in this order"),
        ("sex", ("men", "women"), "needs women, men"),
        ("period", ("first", "2021-2026", "2026-2031", "2031-2036", "2036-2041", "2041-2046"), "five years each"),
    ],
)
def test_labels_whose_order_means_something_are_as_expected(dim: str, labels: tuple[str, ...], words: str) -> None:
    """Proves: ages of mothers and of life, sexes and periods in another order, or with one left out, are refused by name.

    Broken: births of women of 15 at the rate of those of 45, without a word.
    """
    data = za().data.assign_coords({dim: list(labels)})
    with pytest.raises(InputError, match=words):
        al.project(replace(za(), data=data), years=2021, draws=1)


def test_what_cannot_be_projected_is_refused_with_its_place() -> None:
    """Proves: a percentage for a share, a space without people, a plan of another time, spreads that no projection reads,
    and years that are no numbers. Broken: 88% of all people gone, infinite growth, or a plan that builds nothing."""

    def refused(words: str, **asked: object) -> None:
        with pytest.raises(InputError, match=words):
            al.project(za(), **{"years": 2021, "draws": 1, **asked})

    refused(r"count_error\[space=DC1\]: 2.66 is above 0.5", scenario=what_if(Set(set="count_error", to=2.66)))
    refused(r"persistence\[rate=deaths\]: 1 is above 0.99", scenario=what_if(Set(set="persistence", to=1)))
    nobody = Set(set="people", to=0, where={"space": "JHB"})
    refused(r"people\[space=JHB\]: nobody lives there", scenario=what_if(nobody))
    refused(r"formation\[period=2016-2021\]: is 0", scenario=what_if(Set(set="formation", to=0)))
    unknown = what_if().model_copy(update={"spreads": (SpreadSpec(spread="birth_rate", sd=0.1),)})
    refused("says what is not known", scenario=unknown)
    refused("are not whole numbers", years="2021")
    late = al.run("grant_consolidation", "za2016", years="2019/20").plan.values
    refused("is of 2019; the projection goes from 2016 to 2017", years=2017, plan=late)
    assert al.project(za(), years=np.int64(2021), draws=1).sizes["year"] == 1
