"""What money buys once it is decided: the closed form beside the linear program that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

import allocate as al
from allocate.builder import build
from allocate.changes import apply
from allocate.optimum.draws import of_programs
from allocate.optimum.twostage import outcomes
from allocate.risk import money_of
from allocate.rolling.buying import bought, filled, refilled
from allocate.rolling.money import Seen, carried, case_seen, shares_of

SERVICES = ("water", "sanitation", "electricity", "refuse")


def test_the_closed_form_is_the_linear_program() -> None:
    """Proves: for random money, backlogs and luck of delivery, the cheapest first and the worthiest band first reach
    what the model's own second stage reaches, on the 52 spaces, to 1e-9.

    Broken: tiers or renewal in another order, bands by size, or a rand that buys as if delivery were certain.
    """
    chance = np.random.default_rng(5)
    world = al.read_world("za2016")
    case = apply(al.read_model("grant_consolidation"), carried(world, 2019, 1, 0.0))
    seen = _random(chance, draws=4)
    programs = [build(case_seen(case, SERVICES, seen.of([d]))) for d in range(4)]
    first, block = money_of(programs[0]), programs[0].columns["spend"]
    x = np.zeros(first.size)
    cells = block.number[block.number >= 0]
    x[cells] = chance.gamma(0.5, 2e7, cells.size)
    wanted = outcomes(of_programs([p.linear for p in programs], first), x[first])
    spend = programs[0].labelled(block, block.pack(x)).sum("pool").isel(year=0).sel(service=list(SERVICES))
    for d, program in enumerate(programs):
        data = program.case.world.data.sel(service=list(SERVICES)).isel(year=0)

        def of(name: str, *dims: str, data=data) -> np.ndarray:  # type: ignore[no-untyped-def]
            return data[name].transpose("space", "service", *dims).values

        served, costs = (
            of("served_now"),
            np.concatenate([of("renew_cost")[..., None], of("unit_cost", "tier")], axis=-1),
        )
        lost = (1 - of("survives")) * served
        sizes = np.concatenate([lost[..., None], of("tier_size", "tier")], axis=-1)
        now = of("survives") * served + bought(spend.transpose("space", "service").values, sizes, costs).sum(axis=-1)
        worth = program.datum("worth").isel(year=0) + program.datum("worth_after")
        worths = worth.sel(service=list(SERVICES)).transpose("space", "service", "band").values
        assert filled(now, of("band_size", "band"), worths).sum() == pytest.approx(wanted[d], rel=1e-9)


def _random(chance: np.random.Generator, draws: int) -> Seen:
    """Households of 52 spaces and 4 services, a third of them without in the mean."""
    demand = chance.uniform(1e4, 1e6, (draws, 1, 52, 4))
    served = demand[:, 0] * chance.uniform(0.3, 1.0, (draws, 52, 4))
    share = shares_of(al.read_world("za2016"), "tier_size", SERVICES)
    tiers = (demand[:, 0] - served)[..., None] * share
    return Seen(tiers, served, demand, chance.lognormal(0, 0.2, (draws, 52, 4)))


def test_money_is_never_overspent_and_nobody_is_served_twice() -> None:
    """Proves: for random sizes and costs, some of them 0, what is bought costs no more than the money, is within its
    size, and leaves money only where everybody is served. Broken: a household that costs nothing takes it all.
    """
    chance = np.random.default_rng(1)
    sizes, costs = chance.gamma(1, 10, (2, 200, 5))
    costs[chance.random(costs.shape) < 0.2] = 0.0
    sizes[chance.random(sizes.shape) < 0.2] = 0.0
    money = chance.gamma(1, 300, 200)
    taken = bought(money, sizes, costs)
    assert (taken >= 0).all() and (taken <= sizes).all()
    spent = (taken * costs).sum(axis=1)
    assert (spent <= money * (1 + 1e-12)).all()
    left = spent < money * (1 - 1e-12)
    assert left.any() and not left.all()
    assert taken[left] == pytest.approx(sizes[left])


def test_a_backlog_keeps_its_sum_and_its_dear_households() -> None:
    """Proves: new households join by the shares of the start, and of those that are gone all tiers lose alike, so that
    the cheap ones that were reached do not come back. Broken: every year begins with cheap households again.
    """
    chance = np.random.default_rng(2)
    tiers, total = chance.gamma(1, 10, (100, 3)), chance.gamma(1, 30, 100)
    share = np.array([0.5, 0.3, 0.2])
    found = refilled(tiers, total, share)
    assert found.sum(axis=1) == pytest.approx(total)
    fewer = total < tiers.sum(axis=1)
    assert (found[fewer] <= tiers[fewer]).all() and (found[~fewer] >= tiers[~fewer]).all()
    assert refilled(np.array([0.0, 0.0, 7.0]), np.array(9.0), share) == pytest.approx([1.0, 0.6, 7.4])
