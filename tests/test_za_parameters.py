"""The sourced parameters of the South African world keep the contracts that derivations rely on."""

from pathlib import Path

import pandas as pd
import pytest

FACTS = Path(__file__).resolve().parents[1] / "src" / "allocate" / "za" / "facts"
STATUSES = {"counted", "surveyed", "published", "derived", "modelled", "assumed"}
SERVICES = {"water", "sanitation", "electricity", "refuse", "roads", "public facilities", "energy efficiency"}
HOUSEHOLD_SERVICES = {"water", "sanitation", "electricity", "refuse"}
IN_WORLD = {"MIG", "IUDG", "USDG", "WSIG", "RBIG", "INEP", "EEDSM"}
RANGED = [
    "service_parameters",
    "tiers",
    "bands",
    "constants",
    "service_people",
    "grant_terms",
    "basic_services_subsidy",
    "people_parameters",
]
SOURCED = [
    "grants",
    "grant_eligibility",
    "grant_services",
    "grant_purposes",
    "price_index",
    "service_marks",
    "service_categories",
    "roll_out",
    *RANGED,
]
KEYS = {
    "grants": ["grant"],
    "grant_eligibility": ["grant", "space"],
    "grant_services": ["grant", "service"],
    "grant_purposes": ["grant", "purpose"],
    "purposes": ["purpose", "service"],
    "service_parameters": ["parameter", "service", "area"],
    "price_index": ["year"],
    "tiers": ["tier"],
    "bands": ["band"],
    "constants": ["name"],
    "service_people": ["parameter", "service"],
    "service_marks": ["service"],
    "service_categories": ["service"],
    "grant_terms": ["term", "grant"],
    "basic_services_subsidy": ["year"],
    "roll_out": ["wave", "kind"],
    "people_parameters": ["parameter", "name"],
    "people_definitions": ["year", "topic", "category"],
}


def table(name):
    return pd.read_csv(FACTS / f"{name}.csv", keep_default_na=False)


@pytest.mark.parametrize("name", SOURCED)
def test_every_row_says_where_it_comes_from(name):
    """Proves: no figure is without source, year and a legal status. Broken: a row is listed here."""
    rows = table(name)
    unsourced = rows[(rows["source"] == "") | (rows["year"] == "") | ~rows["status"].isin(STATUSES)]
    assert unsourced.empty, unsourced.to_string()


@pytest.mark.parametrize("name", KEYS)
def test_one_row_per_key(name):
    """Proves: no fact is stated twice. Broken: a join would double a grant or a service."""
    assert not table(name).duplicated(KEYS[name]).any()


@pytest.mark.parametrize("name", RANGED)
def test_value_lies_in_its_range(name):
    """Proves: low <= value <= high. Broken: a sensitivity run would never visit the headline value."""
    rows = table(name)
    value = {"tiers": "cost_factor", "bands": "weight"}.get(name, "value")
    outside = rows[(rows["low"] > rows[value]) | (rows[value] > rows["high"])]
    assert outside.empty, outside.to_string()


def test_world_has_seven_grants_with_a_pool_each():
    """Proves: the catalogue marks the seven, each fed by one known pool. Broken: a grant without money."""
    grants = table("grants").set_index("grant")
    assert set(grants.index[grants["in_world"] == 1]) == IN_WORLD
    pools = grants.loc[sorted(IN_WORLD), "subprogramme"]
    assert pools.is_unique and set(pools) <= set(table("national_pools")["subprogramme"])


def test_eligibility_names_known_grants_and_spaces():
    """Proves: rights point at real spaces, USDG at metros, MIG at districts. Broken: stray or lost rights."""
    rights = table("grant_eligibility").groupby("grant")["space"].agg(set)
    spaces = table("spaces").set_index("code")["kind"]
    metros, districts = set(spaces.index[spaces == "metro"]), set(spaces.index[spaces == "district"])
    assert set(rights.index) == IN_WORLD
    assert set().union(*rights) <= metros | districts
    assert rights["USDG"] == metros and rights["MIG"] == rights["WSIG"] == districts
    assert rights["RBIG"] == rights["INEP"] == rights["EEDSM"] == metros | districts
    assert rights["IUDG"] < districts


def test_splits_share_out_each_grant():
    """Proves: each grant's money is shared out whole over services. Broken: baseline money appears or is lost."""
    rows = table("grant_services")
    assert set(rows["grant"]) == IN_WORLD and set(rows["service"]) <= SERVICES
    assert (rows["may_fund"] == 1).all() and (rows["split"] > 0).all()
    assert rows.groupby("grant")["split"].sum().to_dict() == pytest.approx(dict.fromkeys(IN_WORLD, 1.0))


def test_purposes_cover_every_service():
    """Proves: each service serves one purpose, so a floor is not counted twice. Broken: an orphan service."""
    purposes = table("purposes")
    assert purposes["service"].is_unique and set(purposes["service"]) == SERVICES


def test_split_meets_every_floor():
    """Proves: what grants did already meets what they owe. Broken: the baseline itself would be infeasible."""
    floors = table("grant_purposes")
    assert set(floors["grant"]) <= IN_WORLD and (floors.groupby("grant")["share"].sum() <= 1 + 1e-12).all()
    met = table("grant_services").merge(table("purposes"), on="service")
    met = met.groupby(["grant", "purpose"])["split"].sum().rename("met").reset_index()
    both = floors.merge(met, on=["grant", "purpose"], how="left")
    assert (both["met"] >= both["share"] - 1e-12).all(), both.to_string()


def test_service_parameters_are_complete_and_positive():
    """Proves: every household service has every parameter, above zero. Broken: a division by zero or a gap."""
    rows = table("service_parameters")
    areas = {"unit_cost": ["urban", "rural"], "renew_share": ["all"], "life": ["all"], "subsidy": ["all"]}
    units = {"unit_cost": "R/household", "renew_share": "1", "life": "year", "subsidy": "R/household/month"}
    wanted = {(p, s, a) for p, every in areas.items() for a in every for s in HOUSEHOLD_SERVICES}
    assert set(rows[["parameter", "service", "area"]].itertuples(index=False, name=None)) == wanted
    assert (rows["low"] > 0).all() and (rows["unit"] == rows["parameter"].map(units)).all()
    costs = rows[rows["parameter"] == "unit_cost"]
    assert set(costs["price_year"].astype(int)) <= set(table("price_index")["year"])


def test_prices_rise_every_year():
    """Proves: the index runs 2010-2020 without a gap and rises. Broken: a cost would be deflated."""
    index = table("price_index").set_index("year")["index"]
    assert list(index.index) == list(range(2010, 2021)) and index.is_monotonic_increasing


def test_tiers_and_bands_bend_the_right_way():
    """Proves: cost rises over tiers around a mean of 1, worth falls over bands up to full coverage."""
    tiers, bands = table("tiers"), table("bands")
    assert list(tiers["tier"]) == ["easy", "middle", "hard"] and tiers["cost_factor"].is_monotonic_increasing
    assert tiers["share"].sum() == pytest.approx(1)
    assert (tiers["share"] * tiers["cost_factor"]).sum() == pytest.approx(1)
    assert list(bands["band"]) == ["first", "middle", "last"] and bands["weight"].is_monotonic_decreasing
    assert bands["upper"].is_monotonic_increasing and bands["upper"].iloc[-1] == 1
