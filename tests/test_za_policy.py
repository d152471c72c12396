"""The data that gender, jobs and running-cost rules need: hand calculations, laws and published totals."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from allocate import za
from allocate.errors import InputError
from allocate.tables import Datum
from allocate.za import folder, money, people, running

PERSONS = 55_653_654  # Community Survey 2016, as published
RANDOM_ROUNDING = 20  # the publisher rounds cells at random, so a sum of cells is a few units off a printed total
NEW = [
    "rural_share",
    "population",
    "over_representation",
    "over_representation_low",
    "over_representation_high",
    "backlog_share",
    "backlog_share_low",
    "backlog_share_high",
    "targeting",
    "targeting_low",
    "targeting_high",
    "marker",
    "category",
    "women_in_jobs",
    "jobs",
    "labour",
    "run_cost",
    "own_revenue",
    "operating_transfers",
    "run_means",
    "matching",
    "top_slice",
    "expert_cost",
    "expert_lift",
    "lift",
]
SHARES = [
    "rural_share",
    "backlog_share",
    "backlog_share_low",
    "backlog_share_high",
    "targeting",
    "targeting_low",
    "targeting_high",
    "women_in_jobs",
    "labour",
    "run_means",
    "top_slice",
    "expert_lift",
]


@cache
def world() -> dict[str, Datum]:
    return {datum.name: datum for datum in za.data()}


def numbers(name: str) -> np.ndarray:
    frame = world()[name].frame
    labels = folder.dims()
    return folder.array(frame, **{dim: labels[dim] for dim in frame.columns if dim != "value"})


def test_every_datum_says_its_caution() -> None:
    """Proves: each of the new data is there and, but for the ends of a range, says what to beware of.

    If one had no note, its reader in the Treasury would take an assumption for a count.
    """
    assert set(NEW) <= set(world())
    assert [name for name in NEW if not world()[name].notes and name not in ("targeting_low", "targeting_high")] == []


@pytest.mark.parametrize("name", SHARES)
def test_shares_are_shares(name: str) -> None:
    """Proves: none is below 0 or above 1. If per cent slipped in, a rule on shares would never bind."""
    assert ((numbers(name) >= 0) & (numbers(name) <= 1)).all()


@pytest.mark.parametrize("name", ["over_representation", "targeting"])
def test_ends_lie_on_either_side(name: str) -> None:
    """Proves: low <= value <= high for every service. If the ends were swapped, a test of the range would mislead."""
    low, value, high = (numbers(f"{name}{end}") for end in ("_low", "", "_high"))
    assert (low <= value).all() and (value <= high).all()
    assert (low < high)[:4].all() and (low == high)[4:].all()  # nothing is known, or asked, of services without backlog


# women and men


def test_women_and_men_are_the_published_population() -> None:
    """Proves: both sexes of the 52 spaces are the published 55.7 million, and women the larger half.

    If Census 2011 were read too, the total would double.
    """
    women, men = numbers("population").sum(axis=0)
    assert abs(women + men - PERSONS) <= RANDOM_ROUNDING
    assert 0.50 < women / (women + men) < 0.52


def shares_by_hand(women: int, men: int, lacking: int, over: float) -> tuple[float, float]:
    by_head = pd.DataFrame({"space": "A", "head": folder.HEADS, "value": [women, men]})
    short = pd.DataFrame({"space": ["A"], "service": ["water"], "value": [lacking]})
    times = folder.long(np.full(len(folder.SERVICES), over), service=folder.SERVICES)
    found = people.backlog_share(by_head, short, times, ("A",)).query("service == 'water'")["value"]
    return float(found.iloc[0]), float(found.iloc[1])


@pytest.mark.parametrize(
    ("women", "men", "lacking", "over", "want"),
    [
        (40, 60, 50, 1.0, 0.4),  # as often as the average: the share of households
        (40, 60, 50, 1.25, 0.5),  # 25 of 40 headed by women lack it, 25 of 60 headed by men
        (40, 60, 80, 1.5, 0.5),  # 48 of the 80 is more than the 40 there are
        (40, 60, 80, 0.2, 0.25),  # 72 of the 80 is more than the 60 that men head
        (40, 60, 0, 3.0, 1.0),  # nobody lacks it: a share all the same
    ],
)
def test_backlog_share_by_hand(women: int, men: int, lacking: int, over: float, want: float) -> None:
    """Proves: the share is that of households times the over-representation, within what can be.

    If it were not kept so, a plan could serve 48 women-headed households of 40.
    """
    assert shares_by_hand(women, men, lacking, over) == pytest.approx((want, 1 - want))


def test_backlogs_by_head_add_up_and_can_be() -> None:
    """Proves: in each space the two heads share the whole backlog, and none lacks a service more than once.

    If male and female were swapped, Alfred Nzo, where women head 57% of households, would show below half.
    """
    share, lacking, heads = numbers("backlog_share"), numbers("backlog"), numbers("households_by_head")
    np.testing.assert_allclose(share.sum(axis=2), 1)
    assert (share * lacking[:, :, None] <= heads[:, None, :] * (1 + 1e-12)).all()
    water = world()["backlog_share"].frame.set_index(["space", "service", "head"])["value"]
    assert water["DC44", "water", "female"] > 0.5


def test_over_representation_is_what_it_says() -> None:
    """Proves: women-headed households lack a service so many times as often as all of their space, where that can be.

    It is read back from backlog, shares and households, not from the formula. If it were relative to men, 1.05 would
    come back as about 1.03.
    """
    share, lacking, heads = numbers("backlog_share")[..., 0], numbers("backlog"), numbers("households_by_head")
    everyone = heads.sum(axis=1)
    rate = (share * lacking)[:, :4] / heads[:, [0]]
    times = rate / (lacking[:, :4] / everyone[:, None])
    free = rate < 1 - 1e-9
    want = np.broadcast_to(numbers("over_representation")[:4], times.shape)
    np.testing.assert_allclose(times[free], want[free])
    assert free.sum() > 200 and (times[~free] <= want[~free] + 1e-9).all()


def test_each_service_has_one_mark_and_one_category() -> None:
    """Proves: flags add up to 1 a service, and what nobody screened is not said to be 'not targeted'.

    If unscreened were read as a score of 0, a floor on tagged money would count roads as judged.
    """
    for name in ("marker", "category"):
        assert (numbers(name).sum(axis=1) == 1).all()
    marks = dict(zip(folder.MARKS, numbers("marker").sum(axis=0), strict=True))
    assert marks == {"principal": 0, "significant": 2, "not targeted": 0, "unscreened": 5}


def test_wrong_marks_come_in_one_letter() -> None:
    """Proves: an unknown mark, a service without one and a service with two are named together.

    If only the first were raised, mending the table would need three runs.
    """
    rows = pd.DataFrame({"service": folder.SERVICES, "mark": "unscreened"})
    rows = pd.concat([rows[rows["service"] != "roads"], rows[rows["service"] == "water"].assign(mark="principle")])
    with pytest.raises(InputError) as caught:
        people.one_each(rows, "mark", folder.MARKS)
    assert str(caught.value) == (
        "mark: 3 problems\n"
        "  principle: is not a mark; did you mean 'principal'?\n"
        "  water: has 2 rows; it has one mark\n"
        "  roads: has 0 rows; it has one mark"
    )


def test_a_service_without_a_parameter_is_refused() -> None:
    """Proves: a missing row is named. If it were read as 0, nobody could be reached with that service."""
    rows = folder.table("service_people").query("not (parameter == 'targeting' and service == 'refuse')")
    with pytest.raises(InputError, match="refuse: is missing"):
        people.by_service(rows, "targeting")


# jobs


def test_jobs_are_those_that_the_programme_reported() -> None:
    """Proves: at the labour share and prices of 2012/13 a rand of municipal infrastructure makes the jobs reported.

    38,318 full-time equivalents on R4,466,490,537, annexure G1. If days were counted for years, it would be 230 times
    as many.
    """
    index, wage = folder.table("price_index"), folder.constant("job_wage")
    labour = folder.long(np.full(7, 807_479_175 / 4_466_490_537), service=folder.SERVICES)
    then = people.jobs(labour, wage, "2012/13", index)["value"] * (158.83 + 164.08) / (110.88 + 117.2)
    np.testing.assert_allclose(then, 38_318 / 4_466_490_537, rtol=1e-5)


def test_a_job_is_paid_the_same_by_every_service() -> None:
    """Proves: labour over jobs is one wage, above the R21,073 of 2012/13 and below twice it, by prices alone."""
    wage = numbers("labour") / numbers("jobs")
    np.testing.assert_allclose(wage, wage[0])
    assert 1.3 < wage[0] / 21_073 < 1.5


# running what is built


def test_running_costs_are_twelve_published_months() -> None:
    """Proves: the four services cost R383.12 a month in 2018/19, as published, and lie on the lines between.

    By hand: 2017/18 is 313.76 + 2/3 x 69.36 = 360.00 and 2019/20 is 383.12 + 1/4 x 105.30 = 409.445. If months were
    taken for years, they would be a twelfth.
    """
    np.testing.assert_allclose(numbers("run_cost").sum(axis=0), np.array([360.0, 383.12, 409.445]) * 12)
    water = numbers("run_cost")[0] / numbers("run_cost").sum(axis=0)
    np.testing.assert_allclose(water, 168.22 / 488.41)
    assert (numbers("run_cost")[4:] == 0).all()


def test_a_year_beyond_the_published_subsidies_is_refused() -> None:
    """Proves: a year without a published one on either side is named. If not, a stale figure would be held flat."""
    totals = folder.table("basic_services_subsidy").query("year != '2022/23'")
    with pytest.raises(InputError, match="2019/20: lies outside the years"):
        running.run_cost(totals, folder.table("service_parameters"))


def test_operating_transfers_are_near_the_budgets_of_all_municipalities() -> None:
    """Proves: the sum for 2018/19 is within 2% of what all 257 municipalities budgeted, which is not used for it.

    If the level were that of 2015/16, or a class of municipality were missing, it would be short by a tenth or more.
    """
    budgets = folder.table("space_transfers").query("transfer == 'operating' and amount_type == 'ORGB'")
    assert budgets["municipalities_reporting"].sum() == 257
    assert numbers("operating_transfers")[:, 1].sum() == pytest.approx(budgets["amount"].sum(), rel=0.02)


def test_operating_transfers_of_municipalities_are_those_of_spaces() -> None:
    """Proves: the table by municipality adds up to the one by space in every audited year.

    If a municipality sat in the wrong space, two spaces would differ by its money.
    """
    ours = folder.table("municipal_operating").groupby(["space", "financial_year_end"])["operating_transfers"].sum()
    theirs = folder.table("space_transfers").query(
        "transfer == 'operating' and amount_type == 'AUDA' and financial_year_end >= 2016"
    )
    theirs = theirs.set_index(["space", "financial_year_end"])["amount"]
    assert len(theirs) == 156
    assert (ours.reindex(theirs.index) - theirs).abs().max() <= 10  # whole rand were rounded a row


def test_an_empty_return_is_not_a_year() -> None:
    """Proves: Sekhukhune takes 2016/17, its one year with every return, moved with the equitable share.

    The district municipality returned 0 for 2017/18. If that counted, the space would get R286m less.
    """
    got = world()["operating_transfers"].frame.set_index(["space", "year"])["value"]
    assert got["DC47", "2017/18"] == pytest.approx(1_447_221_762 * 57_012_141 / 52_568_706, abs=1)


def test_own_revenue_of_a_metro_by_hand() -> None:
    """Proves: Buffalo City, 19.4% of whose revenue is transfers, raises 80.6/19.4 of them itself in every year.

    If the fraction were upside down, a metro would raise a quarter of what it is given.
    """
    at = folder.spaces().index("BUF")
    times = numbers("own_revenue")[at] / numbers("operating_transfers")[at]
    np.testing.assert_allclose(times, 80.6 / 19.4, rtol=1e-8)


def test_the_poorest_spaces_raise_least_for_a_rand_of_transfers() -> None:
    """Proves: every metro raises more than it is given, and Alfred Nzo less than a quarter.

    If weights fell on the wrong municipalities, the two would not stand so far apart.
    """
    times = dict(zip(folder.spaces(), (numbers("own_revenue") / numbers("operating_transfers"))[:, 0], strict=True))
    assert min(times[metro] for metro in folder.metros()) > 1
    assert times["DC44"] < 0.25


@pytest.mark.parametrize("percent", [0.0, 101.0])
def test_impossible_dependence_is_refused(percent: float) -> None:
    """Proves: a percentage of 0 or above 100 is named. If not, own revenue would be infinite or negative."""
    rows = pd.DataFrame({"municipality": ["A1"], "space": ["A"], "transfers_percent": [percent]})
    operating = folder.long(np.array([[1, 1, 1]]), space=("A",), year=folder.YEARS)
    money_of = pd.DataFrame({"municipality": ["A1"], "operating_transfers": [5]})
    with pytest.raises(InputError, match=rf"A1: transfers are {percent} percent of revenue; they are above 0"):
        running.own_revenue(operating, rows, money_of, ("A",))


# terms of grants, teams and waves


def test_terms_of_grants() -> None:
    """Proves: MIG may give 5% to project management, and only the bulk grant asks for own money.

    If terms were mixed up, MIG would ask for a twentieth of co-funding that no municipality owes.
    """
    terms = {name: dict(zip(folder.GRANTS, numbers(name), strict=True)) for name in ("top_slice", "matching")}
    assert terms["top_slice"]["MIG"] == 0.05
    assert [grant for grant, share in terms["matching"].items() if share > 0] == ["RBIG"]
    with pytest.raises(InputError, match="MIG: is missing"):
        money.by_grant(folder.table("grant_terms").query("grant != 'MIG'"), "matching")


def test_a_team_recovers_only_what_is_left_unspent() -> None:
    """Proves: record and lift together never pass the whole budget, and a space that spends all of it gains nothing.

    If the lift were of the record, the best spender would gain most.
    """
    record, lift = numbers("absorption_record"), numbers("expert_lift")
    assert (record + lift <= 1).all()
    assert (lift[record == 1] == 0).all() and (record == 1).any()
    np.testing.assert_allclose(lift, folder.constant("expert_closes") * (1 - record))


def test_a_team_costs_what_prices_say() -> None:
    """Proves: R12.1m of 2013/14 rises with the price index alone: by 33.7% to 2019/20.

    By hand: (158.83 + 164.08) / (117.2 + 124.35) = 1.3368. If the year of the row were not read, it would stay R12.1m.
    """
    assert numbers("expert_cost")[2] == pytest.approx(12_100_000 * 322.91 / 241.55)


def test_waves_reach_every_space_once() -> None:
    """Proves: the waves add up to 44 districts and 8 metros, and the first is one district.

    If a wave were lost, some spaces would never be reached.
    """
    waves = folder.table("roll_out")
    assert waves.groupby("kind")["count"].sum().to_dict() == {"district": 44, "metro": 8}
    assert waves.groupby("wave")["count"].sum().to_dict() == {1: 1, 2: 2, 3: 14, 4: 18, 5: 17}
    assert waves.query("wave == 1 and kind == 'district'")["count"].item() == 1
