"""The walk of a policy from year to year: by hand, beside the projection of people, and without looking ahead."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr

import allocate as al
import prospected
import tiny
from allocate.changes import apply
from allocate.optimum.measures import Measure
from allocate.people.projection import prepare, sampled
from allocate.rolling.comparison import Policies
from allocate.rolling.future import Future
from allocate.rolling.money import PLANNING
from allocate.rolling.years import Setting, walk
from allocate.spec import Scenario, Set
from allocate.world import World

MODEL = "grant_consolidation"


def grants() -> World:
    """R40m and R60m a year, R10,000 a household; a tenth of what stands goes each year, and is not renewed."""
    return tiny.world(
        years=("2017/18", "2018/19"),
        survives=("1", ("space", "service"), lambda s, k: 0.9),
        tier_size=("household", ("space", "service", "tier"), lambda s, k, t: {"A": 8000, "B": 5000}[s]),
    )


def ahead(demand: np.ndarray, delivery: np.ndarray) -> Future:
    """A future of A and B, where 2,000 and 5,000 households are served at the start."""
    stock = np.array([[2000.0, 5000.0]]) * 0.9 ** np.arange(3)[:, None]
    ones = np.ones((3, 2, 1))
    return Future(
        (2017, 2018, 2019),
        ("A", "B"),
        ("water",),
        demand[..., None],
        delivery[..., None],
        stock[..., None],
        0 * ones[0],
        ones,
        0.9 * ones[:2],
    )


def setting(demand: np.ndarray, delivery: np.ndarray) -> Setting:
    return Setting(apply(al.read_model(MODEL), grants()), ahead(demand, delivery))


def by_hand() -> Setting:
    """A grows from 10,000 to 12,000 households, B stays at 10,000; in the second draw half is delivered."""
    demand = np.array([[10_000.0, 10_000], [11_000, 10_000], [12_000, 10_000]])
    return setting(np.stack([demand, demand]), np.array([[1.0, 1.0], [0.5, 0.5]]))


def test_the_actual_split_by_hand() -> None:
    """Proves: A, R40m: 4,000 a year. First draw: 1,800 of the start and 4,000, then 1,620 + 3,600 + 4,000. B, R60m: 5,000
    are without and reached, 4,500 + 5,000; then 500 are without, 4,050 + 4,500 + 500. Second draw: half of it, B's 60m
    reach 3,000 and then the 2,500 who are left. Each household in A counts double. What B needs not is R10m and R55m in
    the first draw, nothing and R10m in the second.

    Broken: what is built decays at once or never, need does not fall by what was built, delivery counts twice, or money
    that buys nothing is not seen.
    """
    found = walk(by_hand(), "baseline")
    assert found.capacity[0, :, :, 0] == pytest.approx(np.array([[2000, 5000], [5800, 9500], [9220, 9050]]))
    assert found.capacity[1, :, :, 0] == pytest.approx(np.array([[2000, 5000], [3800, 7500], [5420, 9250]]))
    assert found.units[1, :, :, 0] == pytest.approx(np.array([[4000, 6000], [4000, 5000]]))
    assert found.idle[..., 0] / 1e6 == pytest.approx(np.array([[0, 5], [0, 32.5]]))
    assert found.worth.sum(axis=(1, 2)) == pytest.approx(
        [2 * (5800 + 9220) + 9500 + 9050, 2 * (3800 + 5420) + 7500 + 9250]
    )


def test_a_plan_by_hand() -> None:
    """Proves: B keeps half of its R60m, A gets R70m in both years: on average 4,950 are without in A in the second, and a
    household costs R15,000 on average, so all of it is of use. First draw: A 1,800 + 7,000, then the 3,200 who are left;
    B 4,500 + 3,000, then the 2,500 who are left. Second draw: half.

    Broken: the plan of the second year does not see what the first built, or sees the draw.
    """
    found = walk(by_hand(), "expected")
    assert found.money[:, :, 0] / 1e6 == pytest.approx(np.array([[70, 30], [70, 30]]))
    assert found.capacity[0, 1:, :, 0] == pytest.approx(np.array([[8800, 7500], [11_120, 9250]]))
    assert found.capacity[1, 1:, :, 0] == pytest.approx(np.array([[5300, 6000], [8270, 6900]]))


@pytest.mark.parametrize("policy", PLANNING)
def test_no_plan_looks_ahead(policy: str) -> None:
    """Proves: draws that share their past may swap their futures, and what comes after the year that a plan is for may
    change altogether: the plans until then stay the same to the bit. Broken: a plan knows what comes to which draw.
    """
    chance = np.random.default_rng(7)
    demand = np.concatenate([np.full((8, 1, 2), 1e4), chance.uniform(6e3, 14e3, (8, 2, 2))], axis=1)
    delivery = chance.uniform(0.7, 1.3, (8, 2))
    plain = walk(setting(demand, delivery), policy).money
    order = chance.permutation(8)
    assert np.array_equal(walk(setting(demand[order], delivery[order]), policy).money[0], plain[0])
    later = demand.copy()
    later[:, 2] = chance.uniform([1e3, 4e4], [5e3, 5e4], (8, 2))
    changed = walk(setting(later, delivery), policy).money
    assert np.array_equal(changed[0], plain[0]) and not np.array_equal(changed[1], plain[1])


def test_groups_that_differ_have_plans_of_their_own() -> None:
    """Proves: where half of the draws lack nothing in A from the start and the others lack much, each half has its plan:
    nothing beyond A's guarantee, or all that B need not keep. Broken: one plan for all, or the plan of the other half.
    """
    demand = np.full((60, 3, 2), 1e4)
    demand[:30, :, 0] = 1500.0
    demand[30:, :, 0] += np.arange(30)[:, None]
    both = setting(demand, np.ones((60, 2)))
    found = walk(replace(both, groups=2), "expected")
    assert found.plans == (2, 2)
    assert found.units[30:, 0, 0, 0] == pytest.approx(np.full(30, 7000))
    assert found.units[:30, 0, 1, 0] == pytest.approx(np.full(30, 5000))
    assert walk(replace(both, groups=1), "expected").plans == (1, 1)


def test_one_year_at_its_best_is_never_below_the_actual_split() -> None:
    """Proves: where nothing is uncertain and one year is all, the plan reaches at least what the actual split does, since
    that keeps every rule too. Broken: what is planned is not what is counted.
    """
    chance = np.random.default_rng(8)
    for _ in range(8):
        demand = chance.uniform(3e3, 2e4, (1, 3, 2))
        one = setting(demand, chance.uniform(0.5, 1.5, (1, 2)))
        short = replace(one.future, years=(2017, 2018), demand=one.future.demand[:, :2])
        best, actual = (walk(replace(one, future=short), name).worth.sum() for name in ("expected", "baseline"))
        assert best >= actual * (1 - 1e-9)


def test_each_plan_is_best_by_its_own_measure() -> None:
    """Proves: over one year and on the draws that plans are made on, none has a better mean than the plan for the best
    mean, and none a better mean of the worst tenth than the plan for that; the plan for the mean need is behind in both.

    Broken: two policies are the same, or what a plan counts on is not what its money buys.
    """
    chance, behind = np.random.default_rng(9), []
    tail, even = Measure(alpha=0.9), np.full(20, 0.05)
    for _ in range(2):
        demand = chance.uniform(3e3, 1e4, (20, 3, 2))
        whole = setting(demand, chance.uniform(0.5, 1.5, (20, 2)))
        year = replace(whole, future=replace(whole.future, years=(2017, 2018), demand=whole.future.demand[:, :2]))
        nothing = walk(year, "nothing").worth.sum(axis=(1, 2))
        reached = {name: walk(year, name).worth.sum(axis=(1, 2)) - nothing for name in ("baseline", *PLANNING)}
        means = {name: values.mean() for name, values in reached.items()}
        tails = {name: -tail.of(-values, even) for name, values in reached.items()}
        assert max(means.values()) <= means["mean"] * (1 + 1e-4)
        assert max(tails.values()) <= tails["cvar"] * (1 + 1e-4)
        behind.append((1 - means["expected"] / means["mean"], 1 - tails["expected"] / tails["cvar"]))
    assert np.max(behind, axis=0).min() > 0.001


@cache
def za() -> Policies:
    """Two years of the 52 spaces on 60 draws."""
    return al.policies(MODEL, "za2016", prospected.people(), years=2, draws=60, policies=["formula", "expected"])


def test_what_stands_is_what_the_projection_says() -> None:
    """Proves: what a policy builds in a draw, given to the projection of people as a plan, leaves in that draw the same
    demand, capacity and need, whichever policy and draw; households are never lost between the two.

    Broken: a year is out of step, delivery or decay differ, or a walk meets other people than a projection.
    """
    found = za()
    future, years = found.setting.future, list(found.setting.future.years)
    for policy, draw in (("baseline", 0), ("expected", 7), ("expected", 59)):
        walked = found.walks[policy]
        cells = xr.DataArray(
            walked.units[draw],
            {"year": list(found.setting.labels), "space": list(future.spaces), "service": list(future.services)},
        )
        ready = prepare(prospected.people(), years=years, plan=xr.Dataset({"reached": cells}), step=1)
        sample = sampled(ready, draws=1, first=draw).isel(draw=0).sel(service=list(future.services))
        demand, capacity, need = (
            sample[n].transpose("year", "space", "service").values for n in ("demand", "capacity", "need")
        )
        assert future.demand[draw] == pytest.approx(demand, rel=1e-6)
        assert walked.capacity[draw] == pytest.approx(capacity, rel=1e-6)
        assert np.maximum(future.demand[draw] - walked.capacity[draw], 0) == pytest.approx(need, rel=1e-4, abs=1)


def test_what_is_built_in_all_draws_alike_has_the_backlog_of_a_projection() -> None:
    """Proves: without money the backlog of every space, service and year, on average over draws, is that of
    :func:`allocate.project` with a plan that builds nothing, on the same draws.

    Broken: averages are over other draws.
    """
    found = za()
    future = found.setting.future
    shape = [len(found.setting.labels), len(future.spaces), len(future.services)]
    coords = {"year": list(found.setting.labels), "space": list(future.spaces), "service": list(future.services)}
    idle = xr.Dataset({"reached": xr.DataArray(np.zeros(shape), coords)})
    theirs = al.project(prospected.people(), years=list(future.years), draws=60, plan=idle, step=1)["backlog"]
    ours = np.maximum(future.demand - found.walks["nothing"].capacity, 0).mean(axis=0)
    wanted = theirs.sel(service=list(future.services)).transpose("year", "space", "service").values
    assert ours == pytest.approx(wanted, rel=1e-5, abs=1)


def test_what_is_built_is_paid_for() -> None:
    """Proves: in every draw, space and year what is built costs no more than the money of its service, at the cost of
    the cheapest household. Broken: luck of delivery makes money.
    """
    found = za()
    data = found.setting.year(0).world.data.sel(service=list(found.setting.future.services)).isel(year=0)
    cheapest = np.minimum(data["renew_cost"], data["unit_cost"].min("tier")).transpose("space", "service").values
    which = [found.setting.case.world.labels("service").index(s) for s in found.setting.future.services]
    walked = found.walks["baseline"]
    assert (walked.units[:, 0] * cheapest <= walked.money[0][:, which] * (1 + 1e-9)).all()


def test_money_of_no_use_moves_within_its_space() -> None:
    """Proves: beside the actual split, every space has the same money in every draw and year, in the first year each service
    serves at least as many, and money without use is less. Broken: a bench that gives a space more than it has.
    """
    found = za()
    plain, moved = found.walks["baseline"], found.walks["moved"]
    assert moved.money.sum(axis=2) == pytest.approx(plain.money.sum(axis=2))
    assert (moved.capacity[:, 1] >= plain.capacity[:, 1] * (1 - 1e-9)).all()
    assert 0 < moved.idle.sum() < plain.idle.sum() / 2
    assert found.moved > 0


def test_without_uncertainty_all_plans_are_one() -> None:
    """Proves: where no rate strays and delivery is as planned, every draw is the path without chance, nobody can be told
    apart, and all plans are one. Broken: chance comes from elsewhere.
    """
    names = ("shock_sd", "count_error", "delivery_sd", "delivery_common_sd")
    sure = Scenario(name="Sure", why="A law.", model="people", change=tuple(Set(set=n, to=0.0) for n in names))
    found = al.policies(MODEL, "za2016", prospected.people(), sure, years=2, draws=60, policies=PLANNING)
    for name in found.names:
        assert found.walks[name].plans == (1, 1)
        assert found.outcome(name) == pytest.approx(np.full(60, found.certain(name)), rel=1e-5)
    first, *others = (found.outcome(name) for name in PLANNING)
    assert all(other == pytest.approx(first, rel=1e-9) for other in others)
