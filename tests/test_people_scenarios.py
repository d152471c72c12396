"""What-ifs about people: each changes what it says, on the same draws, and nothing else to the bit."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

from allocate.errors import InputError
from allocate.kernels import paths
from allocate.people.outlook import Outlook, outlook
from allocate.people.projection import prepare, sampled
from allocate.read import read_scenario, shipped
from prospected import YEARS, against_none, people, plain

ALL = sorted(file.stem for file in shipped("scenarios").glob("*.toml") if read_scenario(file.stem).model == "people")
ABOUT_SERVICES = ("drought", "less_maintenance")
ROUNDING = 1e-5
"""Of sums of many ages and spaces in single precision."""


@cache
def drawn(scenario: str = "") -> xr.Dataset:
    """Twelve draws, written out."""
    return sampled(prepare(people(), years=YEARS, scenario=[scenario] if scenario else []), draws=12)


@cache
def everybody(scenario: str = "") -> Any:
    """People of twelve draws after one step, by draw, sex, age and space; and who the spaces are."""
    ready = prepare(people(), years=2021, scenario=[scenario] if scenario else [])
    return paths(ready.inputs, 1, 12, people=True).people[:, 0]


def at(space: str) -> int:
    return people().labels("space").index(space)


@pytest.mark.parametrize("name", ALL)
def test_a_shipped_scenario_of_people_says_what_it_changes(name: str) -> None:
    """Proves: each asks a question, changes something of the World, and what it is compared with is the World as it
    stands, on the same draws. Broken: a lever that pulls nothing, or a difference that is mostly noise."""
    found = against_none(name)
    assert found.scenarios[0].why.endswith("?") and found.ready.case.said
    assert found.other is not None and found.other.found.identical(plain().found)
    assert not found.found["p_adequate"].equals(found.other.found["p_adequate"])
    for share in ("p_adequate", "p_short", "served"):
        assert float(found.found[share].min()) >= 0 and float(found.found[share].max()) <= 1 + ROUNDING


@pytest.mark.parametrize("name", ABOUT_SERVICES)
def test_what_stands_changes_nobody(name: str) -> None:
    """Proves: a drought or worn-out pipes leave every count of people and households, and every need, as they were to
    the bit. Broken: chance is drawn anew, or what stands is mixed with who needs it."""
    found, was = against_none(name).found, plain().found
    for array in ("count", "count_mean", "central", "count_start"):
        assert found[array].equals(was[array])
    assert drawn(name)["demand"].equals(drawn()["demand"])


def test_a_drought_halves_one_source_while_it_lasts() -> None:
    """Proves: in every draw the capacity of that space, service and period is half of what it was, exactly, all else is
    the same to the bit, and only there does the chance fall. Broken: the drought never ends, or reaches a neighbour."""
    here = {"service": "water", "space": "NMA", "year": 2026}
    factor = xr.ones_like(drawn()["capacity"].isel(draw=0, drop=True))
    factor.loc[here] = 0.5
    assert (drawn("drought")["capacity"] == drawn()["capacity"] * factor).all()
    changed = against_none("drought").found["p_adequate"] - plain().found["p_adequate"]
    assert float(changed.sel(here)) < -0.5 and int((changed != 0).sum()) == 1


def test_less_maintenance_leaves_less_standing_everywhere() -> None:
    """Proves: no service stands better in any draw, and the chance that it is enough falls or stays. Broken: decay is
    taken for additions."""
    assert (drawn("less_maintenance")["capacity"] < drawn()["capacity"]).all()
    assert (against_none("less_maintenance").found["p_adequate"] <= plain().found["p_adequate"]).all()


def test_fewer_births_change_nobody_who_was_alive() -> None:
    """Proves: after a step everybody above the first age is the same to the bit and the first age is a tenth smaller;
    households, which children do not head, are the same to the bit for ten years and fewer later.

    Broken: births change who moves, or fertility is a factor on all ages.
    """
    was, now = everybody(), everybody("fewer_births")
    assert (now[:, :, 1:] == was[:, :, 1:]).all()
    alone = people().with_data("arrivals", people().data["arrivals"] * 0)  # who arrives was not born here
    born = [
        paths(prepare(alone, years=2021, scenario=names).inputs, 1, 12, people=True).people[:, 0, :, 0]
        for names in ([], ["fewer_births"])
    ]
    assert born[1] / born[0] == pytest.approx(np.full(born[0].shape, 0.9), rel=ROUNDING)
    heads = [name for name in map(str, plain().found["measure"].values) if name.startswith("households")]
    before, after = (drawn(name)["count"].sel(measure=heads) for name in ("", "fewer_births"))
    assert after.sel(year=[2021, 2026]).equals(before.sel(year=[2021, 2026]))
    assert (after.sel(year=2036) < before.sel(year=2036)).all()


@pytest.mark.parametrize(("name", "more"), [("more_to_cape_town", True), ("less_to_cape_town", False)])
def test_a_corridor_changes_where_people_go_and_not_who_leaves(name: str, more: bool) -> None:
    """Proves: after a step OR Tambo, age by age above the first, is the same in every draw, to single precision; Cape
    Town has more (less), every other space less (more) or as many; and all spaces together have as many.

    Broken: a stronger pull makes more people leave, or people appear from nowhere.
    """
    was, now = everybody(), everybody(name)
    origin, destination = at("DC15"), at("CPT")
    assert now[:, :, 1:, origin] == pytest.approx(was[:, :, 1:, origin], rel=1e-6)
    gained = (now - was)[:, :, 1:]
    sign = 1 if more else -1
    assert (sign * gained[..., destination].sum(axis=(1, 2)) > 0).all()
    others = np.delete(gained, [origin, destination], axis=-1)
    assert (sign * others <= ROUNDING * np.delete(was[:, :, 1:], [origin, destination], axis=-1)).all()
    assert now[:, :, 1:].sum(axis=(1, 2, 3)) == pytest.approx(was[:, :, 1:].sum(axis=(1, 2, 3)), rel=ROUNDING)


def test_a_province_that_attracts_more_takes_from_all_others() -> None:
    """Proves: after a step every space of Gauteng has more people above the first age in every draw, every other fewer,
    and all together as many. Broken: attraction makes people, or stops at a province's first space."""
    was, now = (everybody(name)[:, :, 1:].sum(axis=(1, 2)) for name in ("", "gauteng_attracts_more"))
    inside = np.array(people().columns("space")["province"]) == "GT"
    assert (now[:, inside] > was[:, inside]).all() and (now[:, ~inside] < was[:, ~inside]).all()
    assert now.sum(axis=1) == pytest.approx(was.sum(axis=1), rel=ROUNDING)


def test_longer_lives_leave_nowhere_emptier() -> None:
    """Proves: with fewer deaths there are more people in every region, year and draw, and after a step more of every
    sex, age and space, since who lives is born of, moves with and replaces nobody. Broken: a rate of another period, or
    a hazard with its sign turned."""
    was, now = (drawn(name)["count"].sel(measure="people") for name in ("", "longer_lives"))
    assert (now > was).all()
    assert (everybody("longer_lives") >= everybody() * (1 - ROUNDING)).all()
    gained = (now / was - 1).sel(region="total").mean("draw")
    assert (gained.diff("year") > 0).all()  # the path goes on


def test_smaller_households_are_more_households_of_the_same_people() -> None:
    """Proves: people are the same to the bit, and households of every region and draw are 5% more in 2026 and 10% more
    after, whoever heads them; schools see no change. Broken: formation is compounded, or makes people."""
    was, now = drawn()["count"], drawn("more_households")["count"]
    heads = [str(name) for name in was["measure"].values if str(name).startswith("households")]
    others = [str(name) for name in was["measure"].values if str(name) not in heads]
    assert now.sel(measure=others).equals(was.sel(measure=others))
    factors = (now / was).sel(measure=heads).transpose("year", ...)
    for year, factor in zip(YEARS, (1, 1.05, 1.1, 1.1), strict=True):
        assert factors.sel(year=year).values == pytest.approx(np.full(factors.shape[1:], factor), rel=ROUNDING)


def test_no_change_is_no_difference() -> None:
    """Proves: a projection against itself differs nowhere, whatever the threads. Broken: the two have other draws."""

    def same(threads: int) -> Outlook:
        return outlook(people(), years=YEARS, draws=64, scenario=["drought"], against=["drought"], threads=threads)

    one, two = same(1), same(2)
    assert one.other is not None and one.found.identical(one.other.found) and one.found.identical(two.found)


def test_a_scenario_for_grants_is_refused() -> None:
    """Proves: a scenario of another model is refused in words, on either side, before any work. Broken: it is made and
    changes nothing."""
    for asked in ({"scenario": ["one_pool"]}, {"against": ["one_pool"]}):
        with pytest.raises(InputError, match="is written for 'grant_consolidation', not for a projection"):
            outlook(people(), years=2021, draws=64, **asked)  # type: ignore[arg-type]
