"""The worlds of people and services: every published margin given back, and nothing known before its time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allocate import read_world, za
from allocate.names import STATUSES
from allocate.world import World
from allocate.za import derive, folder, needs
from allocate.za.demography import base, births, deaths, heads, lifetables, moves, stocks
from allocate.za.demography.labels import (
    AGES,
    MOTHER_AGES,
    OF_HOUSEHOLDS,
    REFERENCE,
    SERVICES,
    by_province,
    periods,
    province_of,
    provinces,
)
from allocate.za.folder import HEADS, SEXES, table

ROOT = Path(__file__).resolve().parents[1]
YEARS = (2011, 2016)
CONTRACT = {  # what a projection asks for: dims in order, unit
    "people": ("space sex age", "person"),
    "count_error": ("space", "1"),
    "death_rate": ("space sex life_age period", "1/year"),
    "birth_rate": ("space mother_age period", "1/year"),
    "boys": ("", "1"),
    "leaving": ("space sex age period", "1/year"),
    "corridor": ("space destination period", "1"),
    "arrivals": ("space sex age period", "person/year"),
    "head_rate": ("space head age", "household/person"),
    "formation": ("period", "1"),
    "per_household": ("service", "1/household"),
    "per_person": ("service age", "1/person"),
    "capacity": ("space service", "1"),
    "decay": ("space service period", "1/year"),
    "yields": ("space service period", "1"),
    "additions": ("space service period", "1/year"),
    "delivery_sd": ("service", "1"),
    "delivery_common_sd": ("service", "1"),
    "shock_sd": ("rate level", "1"),
    "persistence": ("rate", "1"),
}


@cache
def world(as_of: int) -> World:
    return {2011: za.read_people_2011, 2016: za.read_people}[as_of]()


def values(as_of: int, name: str) -> np.ndarray:
    return world(as_of).data[name].values


# the whole


@pytest.mark.parametrize("as_of", YEARS)
def test_every_datum_is_there_with_its_words(as_of: int) -> None:
    """Proves: each datum of the contract is over its dims, in its unit, and says source, years, status and reason.

    If one were missing, a projection would not run; if one had no years, nobody could tell what it knew.
    """
    data = world(as_of).data
    assert set(data.data_vars) == set(CONTRACT)
    for name, (dims, unit) in CONTRACT.items():
        array = data[name]
        assert (array.dims, array.attrs["unit"]) == (tuple(dims.split()), unit), name
        assert array.attrs["status"] in STATUSES
        assert all(array.attrs[word] for word in ("source", "period", "why")), name
    assert tuple(world(as_of).labels("period")) == periods(as_of)
    assert periods(as_of)[0].startswith(str(as_of)) and periods(as_of)[-1] == "2041-2046"


@pytest.mark.parametrize("as_of", YEARS)
def test_the_world_is_a_built_in_one(as_of: int) -> None:
    """Proves: the name that a reader types leads to the world of that name. If not, ``read_world`` would not find it."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    module, function = declared["project"]["entry-points"]["allocate.worlds"][f"za{as_of}_people"].split(":")
    assert getattr(import_module(module), function)().name == f"za{as_of}_people" == world(as_of).name


@pytest.mark.parametrize("file", ["mine", "mine.xlsx"])
def test_written_and_read_back_it_is_the_same(file: str, tmp_path: Path) -> None:
    """Proves: a folder and a workbook give back every number, unit and word, so any datum can be replaced there.

    If corridors (52 x 52 x 6) did not fit a sheet, or a zero on a diagonal were lost, the digest would differ.
    """
    world(2016).write(tmp_path / file)
    again = read_world(tmp_path / file)
    assert again.digest() == world(2016).digest()
    assert again.latest() == world(2016).latest()
    assert all(again.data[name].attrs == world(2016).data[name].attrs for name in CONTRACT)


def test_hash_seeds_change_nothing() -> None:
    """Proves: two processes with other hash seeds read the same world. If a set were walked, digests would differ."""
    code = "from allocate import za; print(za.read_people().digest(), za.read_people_2011().digest())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


# nothing before its time


LATER = {  # which rows of a table of facts are about a time after 2011
    "population": lambda rows: rows["year"] > 2011,
    "population_age": lambda rows: rows["year"] > 2011,
    "population_modelled": lambda rows: rows["year"] > 2011,
    "households_by_head": lambda rows: rows["year"] > 2011,
    "heads_by_age": lambda rows: rows["year"] > 2011,
    "migration": lambda rows: rows["period"] > "2006-2011",
    "provincial_rates": lambda rows: rows["period"] > "2006-2011",
    "national_mortality": lambda rows: rows["period"] > "2005-2010",
    "national_fertility": lambda rows: rows["year"] > 2011,
    "national_annual": lambda rows: rows["year"] > 2011,
    "services_2016": lambda rows: rows["boundary"] > 2011,
    "municipal_capital": lambda rows: rows["financial_year_end"] > 2011,
}


def test_as_of_2011_nothing_later_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: with every fact about a time after 2011 doubled, the world as of 2011 is the same to the last bit.

    If one figure of 2016 were used, a hindcast would be a recital. That the world as of 2016 does change shows that the
    facts were changed.
    """
    before = world(2011).digest(), world(2016).digest()
    shutil.copytree(folder.FOLDER, tmp_path / "facts")
    for name, later in LATER.items():
        rows = folder.table(name)
        figures = [c for c in rows.select_dtypes("number") if c not in ("year", "boundary", "financial_year_end")]
        where = later(rows)
        assert where.any(), name
        rows.loc[where, figures] = rows.loc[where, figures] * 2
        rows.to_csv(tmp_path / "facts" / f"{name}.csv", index=False)
    monkeypatch.setattr(folder, "FOLDER", tmp_path / "facts")
    assert za.read_people_2011().digest() == before[0]
    people = base.sexes(2016)
    assert people.sum() == pytest.approx(2 * 55_653_657)


def test_each_world_says_how_far_it_sees() -> None:
    """Proves: no datum of the world as of 2011 is about a later year; that of 2016 follows a published path to 2046.

    If the word on a datum were wrong, an informed run would pass for a blind one.
    """
    assert world(2011).latest() == 2011
    assert world(2016).latest() == 2046


def test_rows_in_another_order_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: tables of facts turned upside down give the same world. If order mattered, a sorted table would lie."""
    before = {as_of: world(as_of).digest() for as_of in YEARS}
    shutil.copytree(folder.FOLDER, tmp_path / "facts")
    for name in (*LATER, "heads_by_age_2011", "services_2011", "people_definitions", "people_parameters"):
        folder.table(name).iloc[::-1].to_csv(tmp_path / "facts" / f"{name}.csv", index=False)
    monkeypatch.setattr(folder, "FOLDER", tmp_path / "facts")
    assert za.read_people_2011().digest() == before[2011]
    assert za.read_people().digest() == before[2016]


# people


@pytest.mark.parametrize("as_of", YEARS)
def test_women_and_men_are_the_published_ones(as_of: int) -> None:
    """Proves: every space has its published women and men on 2016 boundaries, to the person.

    If fitting stopped early or ended with ages, sexes would be off.
    """
    rows = table("population").query("year == @as_of and boundary == 2016").set_index("space")
    want = rows.loc[list(folder.spaces()), ["female", "male"]].to_numpy()
    assert np.abs(values(as_of, "people").sum(axis=2) - want).max() < 0.5
    assert values(as_of, "people").min() > 0


def test_ages_of_2016_are_the_published_ones() -> None:
    """Proves: every space has its published people of every age, to the person.

    If the open age of the seed were not parted at 85, the two last ages would be off by thousands.
    """
    rows = table("population_age").query("year == 2016").set_index("space")
    want = rows.loc[list(folder.spaces()), list(AGES)].to_numpy()
    assert np.abs(values(2016, "people").sum(axis=1) - want).max() < 0.5


def test_ages_of_2011_are_those_of_the_provinces() -> None:
    """Proves: carried to other boundaries, ages of a province stay as counted, but for the publisher's rounding.

    If boundaries were mixed, KwaZulu-Natal would be off by tens of thousands at every age of eThekwini.
    """
    rows = table("population_age").query("year == 2011").set_index("space")
    want = by_province(rows.loc[list(folder.spaces()), list(AGES)].to_numpy(dtype=float))
    got = by_province(values(2011, "people").sum(axis=1))
    assert np.abs(got - want).max() < 3
    still = folder.spaces().index("CPT")
    assert (
        np.abs(values(2011, "people").sum(axis=1)[still] / rows.loc["CPT", list(AGES)].to_numpy(float) - 1).max()
        < 0.001
    )


def test_a_seed_without_odds_moves_no_total() -> None:
    """Proves: the modelled seed decides only who is a woman at which age: margins hold whatever it is.

    If totals leaned on the mid-year estimates, a world as of 2011 would lean on a model of 2021.
    """
    flat = base.rake(np.ones((52, 2, len(AGES))), base.sexes(2011), base.ages(2011))
    seeded = values(2011, "people")
    np.testing.assert_allclose(flat.sum(axis=2), seeded.sum(axis=2), atol=0.01)
    np.testing.assert_allclose(flat.sum(axis=1), seeded.sum(axis=1), atol=0.01)
    assert np.abs(flat / seeded - 1).max() > 0.1


# births and deaths


@pytest.mark.parametrize("as_of", YEARS)
def test_every_province_lives_as_long_as_published(as_of: int) -> None:
    """Proves: a life table of the rates of the first period gives each province's published expectation, to 1e-6.

    Closed at 85, as a projection reads them. If men's factor were used for women, it would be off by years.
    """
    rates = values(as_of, "death_rate")[..., 0]
    published = deaths.expectations(REFERENCE[as_of])
    for space, province in enumerate(province_of()):
        got = [lifetables.expectation(rates[space, place], sex) for place, sex in enumerate(SEXES)]
        np.testing.assert_allclose(got, published[province], atol=1e-6)


def test_provincial_figures_are_the_printed_ones() -> None:
    """Proves: Free State 62.0 and 56.0 years, Western Cape 71.0 and 65.7, Limpopo 2.9 births, as printed for 2016-2021.

    If a column were shifted, a province would live another's life.
    """
    years, children = deaths.expectations("2016-2021"), births.fertility("2016-2021")
    at = provinces().index
    assert years[at("FS")].tolist() == [62.0, 56.0]
    assert years[at("WC")].tolist() == [71.0, 65.7]
    assert children[at("LIM")] == 2.9


@pytest.mark.parametrize("as_of", YEARS)
def test_every_province_bears_as_many_as_published(as_of: int) -> None:
    """Proves: five times the rates of the first period add up to each province's published total fertility.

    If births before 15 were lost, or rates were of a year of age and not of five, it would not.
    """
    total = 5 * values(as_of, "birth_rate")[..., 0].sum(axis=1)
    np.testing.assert_allclose(total, births.fertility(REFERENCE[as_of])[province_of()], rtol=1e-12)
    assert values(as_of, "birth_rate").shape[1] == len(MOTHER_AGES)
    assert 1.03 < values(as_of, "boys") / (1 - values(as_of, "boys")) < 1.05


def test_as_of_2011_rates_stay_and_as_of_2016_they_follow_the_nation() -> None:
    """Proves: one world holds every rate; in the other a province keeps its distance from the nation's path.

    If the level were found anew in every period, provinces would meet.
    """
    for name in ("death_rate", "birth_rate", "leaving", "corridor", "arrivals"):
        held = values(2011, name)
        np.testing.assert_array_equal(held, np.repeat(held[..., :1], held.shape[-1], axis=-1))
    rate = values(2016, "birth_rate")
    path = [births.national(period).sum() / births.national("2016-2021").sum() for period in periods(2016)]
    np.testing.assert_allclose(rate.sum(axis=1) / rate[..., 0].sum(axis=1)[:, None], np.tile(path, (52, 1)))
    early = values(2016, "death_rate")[:, :, :-1]  # the last, open age depends on who reaches it
    ours = early[..., -1] / early[..., 0]
    np.testing.assert_allclose(ours, np.broadcast_to(ours[0], ours.shape), rtol=1e-9)


# moves


def five_years(as_of: int) -> np.ndarray:
    """People of the start who move in five years, (space, destination)."""
    gone = 5 * (values(as_of, "leaving")[..., 0] * values(as_of, "people")).sum(axis=(1, 2))
    return gone[:, None] * values(as_of, "corridor")[..., 0]


@pytest.mark.parametrize("as_of", YEARS)
def test_moves_between_provinces_are_the_published_matrix(as_of: int) -> None:
    """Proves: all 72 flows between provinces are given back to the person; nobody moves to where he is.

    If a row and a column were exchanged, Gauteng would lose a million people.
    """
    summed = moves.between(five_years(as_of), province_of(), 9)
    published = moves.published(REFERENCE[as_of])
    apart = ~np.eye(9, dtype=bool)
    assert np.abs(summed - published)[apart].max() < 0.5
    assert (values(as_of, "corridor")[np.arange(52), np.arange(52)] == 0).all()
    np.testing.assert_allclose(values(as_of, "corridor").sum(axis=1), 1, rtol=1e-12)
    rows = table("migration").set_index(["period", "origin", "destination"])["migrants"]
    assert published[provinces().index("EC"), provinces().index("GT")] == rows[REFERENCE[as_of], "EC", "GT"]


@pytest.mark.parametrize("as_of", YEARS)
def test_no_space_gains_from_its_own_province(as_of: int) -> None:
    """Proves: inside a province as many go as come, and the level is plausible: under a sixth of a space in five years.

    If the inside followed a province's own restlessness, Gauteng's spaces would exchange a fifth of their people.
    """
    found = five_years(as_of)
    inside = np.where(province_of()[:, None] == province_of(), found, 0)
    np.testing.assert_allclose(inside, inside.T, rtol=1e-9)
    assert inside.sum() < found.sum() / 2
    assert (inside.sum(axis=1) / values(as_of, "people").sum(axis=(1, 2))).max() < 1 / 6


def test_gravity_places_newcomers_nearer_to_where_they_went() -> None:
    """Proves: who comes from a province settles in spaces more as its lifetime migrants did than by people alone.

    Residents by province of birth (Community Survey 2016) were not used. Part of the people who would have to settle
    elsewhere: 17% with distance, 20% without. If distance were read the wrong way round, it would be more.
    """
    born = table("province_of_birth").set_index("space").loc[list(folder.spaces()), list(provinces())].to_numpy(float)
    member = np.eye(9)[province_of()]
    here = values(2016, "people").sum(axis=(1, 2))[:, None] * np.ones(9)

    def misplaced(came: np.ndarray) -> float:
        """Dissimilarity of two tables (space, origin) in how they divide each origin over each province's spaces."""
        ours, theirs = (part / (member @ (member.T @ part)) for part in (came, born))
        weight = (member @ (member.T @ born)) * (1 - member)
        return float((weight * np.abs(ours - theirs)).sum() / 2 / (born * (1 - member)).sum())

    gravity = misplaced((member.T @ five_years(2016)).T)
    assert gravity == pytest.approx(0.17, abs=0.01)
    assert misplaced(here) == pytest.approx(0.20, abs=0.01)


@pytest.mark.parametrize("as_of", YEARS)
def test_arrivals_are_the_published_row(as_of: int) -> None:
    """Proves: arrivals of a province in five years are the published net row, and the young arrive most.

    Source: Mid-year population estimates 2020; 826,261 in 2016-2021 and 752,215 in 2006-2011. If it were shared over
    ages by people alone, children would arrive most.
    """
    came = values(as_of, "arrivals")[..., 0]
    rows = table("migration").query("origin == 'OUTSIDE_SA_NET'").set_index(["period", "destination"])["migrants"]
    want = [rows[REFERENCE[as_of], code] for code in provinces()]
    np.testing.assert_allclose(5 * by_province(came.sum(axis=(1, 2))), want, rtol=1e-12)
    assert sum(want) == {2016: 826_261, 2011: 752_215}[as_of]
    assert AGES[int(came.sum(axis=(0, 1)).argmax())] in ("20-24", "25-29")


# households and services


@pytest.mark.parametrize("as_of", YEARS)
def test_heads_give_the_households_back(as_of: int) -> None:
    """Proves: people x rates are the households by sex of head; nobody under 10 heads one.

    As of 2016 those of every space, as of 2011 those of every province, since boundaries moved. If sexes were
    exchanged, women would head 59% of all.
    """
    given = (values(as_of, "head_rate") * values(as_of, "people")).sum(axis=2)
    rows = table("households_by_head").query("year == @as_of").set_index("space")
    want = rows.loc[list(folder.spaces()), [f"{head}_headed" for head in HEADS]].to_numpy(dtype=float)
    if as_of == 2016:
        assert np.abs(given - want).max() < 1e-3
    np.testing.assert_allclose(by_province(given), by_province(want), rtol=1e-9)
    assert (values(as_of, "head_rate")[:, :, :2] == 0).all()


def test_households_of_every_age_of_head_are_those_surveyed() -> None:
    """Proves: OR Tambo's heads of 60 to 69, 13,112 men and 22,422 women, come back from two ages of people.

    If a group were parted without being scaled back, the two ages would add up to something else.
    """
    at = folder.spaces().index("DC15")
    ages = [AGES.index("60-64"), AGES.index("65-69")]
    found = (values(2016, "head_rate") * values(2016, "people"))[at][:, ages].sum(axis=1)
    np.testing.assert_allclose(found, [22_422, 13_112])


def test_what_stands_is_what_the_grants_find_served() -> None:
    """Proves: capacity of the four scored services is what ``za2016`` says is served, within the household it rounds.

    Two ways to one figure. If a definition were read twice, the two would part by thousands.
    """
    found = derive.survey()
    other = folder.array(
        needs.served_now(found.homes, found.short, folder.spaces()),
        space=folder.spaces(),
        service=OF_HOUSEHOLDS[:4],
    )
    assert np.abs(values(2016, "capacity")[:, :4] - other).max() <= 1


@pytest.mark.parametrize("as_of", YEARS)
def test_no_more_is_served_than_there_are(as_of: int) -> None:
    """Proves: no household service reaches more households than a space has; classrooms and clinics are today's need.

    If persons were taken for households, three times as many would be served.
    """
    stands, homes = values(as_of, "capacity"), heads.homes(as_of).sum(axis=1)
    assert (stands[:, : len(OF_HOUSEHOLDS)] <= homes[:, None] + 1).all()
    assert (stands[:, : len(OF_HOUSEHOLDS)].sum(axis=0) > homes.sum() / 2).all()
    needed = np.einsum("pka,sa->ps", values(as_of, "people"), values(as_of, "per_person"))
    np.testing.assert_allclose(stands[:, len(OF_HOUSEHOLDS) :], needed[:, len(OF_HOUSEHOLDS) :])


def test_additions_lead_from_2011_to_2016() -> None:
    """Proves: what served at the census, plus 4.41 years of additions, less 4.41 of decay, serves at the survey.

    Where additions are above 0. If what stopped working were not added back, services would fall behind the survey.
    """
    before, after = stocks.served(2011), stocks.served(2016)
    added, lost = values(2016, "additions")[:, :5, 0], values(2016, "decay")[:, :5, 0]
    led = before + 4.41 * (added - lost * (before + after) / 2)
    np.testing.assert_allclose(led[added > 0], after[added > 0], rtol=1e-9)
    assert (values(2016, "additions") >= 0).all() and (added == 0).mean() < 0.05


def test_as_of_2011_services_hold_what_they_have() -> None:
    """Proves: as of 2011 additions replace what stops working and no more. If not, they would know of 2016."""
    want = values(2011, "capacity") * values(2011, "decay")[..., 0]
    np.testing.assert_allclose(values(2011, "additions")[..., 0], want)


def test_shocks_are_sizes_that_could_be() -> None:
    """Proves: every standard deviation is below 1, the nation as a whole attracts nobody, nothing lasts for ever.

    A projection reads them as they are. If variances were taken for deviations, deaths would stray by 2%.
    """
    for as_of in YEARS:
        sd, kept = values(as_of, "shock_sd"), values(as_of, "persistence")
        labels = pd.DataFrame(sd, index=world(as_of).labels("rate"), columns=world(as_of).labels("level"))
        assert labels.loc["attraction", "nation"] == 0
        assert ((sd > 0.005) & (sd < 1)).sum() == sd.size - 1
        assert ((kept > 0) & (kept < 1)).all()
        assert tuple(world(as_of).labels("service")) == SERVICES


def test_less_is_delivered_than_was_budgeted() -> None:
    """Proves: the mean of the record is 84% of capital budgets, as the page of people says. If not, the page lies."""
    share = np.exp(np.nanmean(stocks.delivered(table("municipal_capital"))))
    assert round(float(share), 2) == 0.84
