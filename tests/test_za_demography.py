"""The methods behind the inputs of a projection: solved by hand, by a law, or on made-up data whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.errors import InputError
from allocate.tables import Datum
from allocate.world import World
from allocate.za.demography import base, births, deaths, heads, lifetables, moves, shocks, stocks
from allocate.za.demography.labels import AGES, parameter, shares_of_years
from allocate.za.folder import SEXES, table

PUBLISHED = {"women": "e0_female", "men": "e0_male"}


# base population


def test_raking_by_hand() -> None:
    """Proves: a seed with odds of 4 and equal margins is fitted to thirds and sixths.

    By hand: a / (1/2 - a) squared is 4, so a is 1/3. If the seed's odds were lost, every cell would be a quarter.
    """
    found = base.rake(np.array([[[4.0, 1.0], [1.0, 1.0]]]), np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(found[0], [[1 / 3, 1 / 6], [1 / 6, 1 / 3]], atol=1e-9)


def test_spaces_that_did_not_move_keep_their_ages() -> None:
    """Proves: in a province where no boundary moved, ages stay as they were counted; where one moved, the province's do.

    If ages were carried over the nation and not the province, a province that did not change would change.
    """
    old = np.array([[6.0, 4.0], [3.0, 7.0], [5.0, 5.0], [1.0, 9.0]])
    found = base.carried(old, np.array([12.0, 8.0, 10.0, 10.0]), np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(found[2:], old[2:], atol=1e-9)
    np.testing.assert_allclose(found[:2].sum(axis=0), old[:2].sum(axis=0), atol=1e-8)
    np.testing.assert_allclose(found.sum(axis=1), [12, 8, 10, 10], atol=1e-9)


# life tables


def test_a_life_table_by_hand() -> None:
    """Proves: the first year of a girl's life is lived as Coale and Demeny say, and the rest by hand.

    By hand: at 0.05 deaths a year, those who die live 0.053 + 2.8 x 0.05 = 0.193 years; 0.05 / (1 + 0.807 x 0.05) =
    0.048061 die. Nobody dies until 10 and then one in 50 a year: 0.951939 x (9 + 50) more years. If the dead were taken
    to live half a year, the sum would be larger by 0.013.
    """
    dying = 0.05 / (1 + (1 - 0.193) * 0.05)
    want = (1 - dying) + 0.193 * dying + (1 - dying) * (4 + 5 + 50)
    assert lifetables.expectation(np.array([0.05, 0.0, 0.0, 0.02]), "women") == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("period", ["2000-2005", "2005-2010", "2010-2015", "2015-2020"])
@pytest.mark.parametrize("sex", SEXES)
def test_our_life_table_gives_the_published_expectation(period: str, sex: str) -> None:
    """Proves: the published rates give the published expectation of life, within 0.07 years of the mean of five years.

    The mean of yearly expectations is not the expectation at mean rates, which is most of the difference. If the last
    group were closed at 85 by its own rate alone, or widths were shifted by a group, it would be off by years.
    """
    first = int(period[:4])
    yearly = table("national_annual").set_index("year")[PUBLISHED[sex]]
    # From the middle of the first year to the middle of the last, as the five-year rates are.
    want = sum(share * yearly[year] for year, share in shares_of_years(f"{first}-{first + 5}").items())
    rates = deaths.national(period, 2100)[SEXES.index(sex)]
    assert lifetables.expectation(rates, sex) == pytest.approx(want, abs=0.07)


@pytest.mark.parametrize("sex", SEXES)
def test_closing_at_85_loses_no_year(sex: str) -> None:
    """Proves: 19 ages give the expectation that 22 give. If the last rate were that of 85 to 89, life would be longer."""
    rates = deaths.national("2015-2020", 2100)[SEXES.index(sex)]
    short = lifetables.closed(rates, sex)
    assert short.size == 19 and short[-1] > rates[18]
    assert lifetables.expectation(short, sex) == pytest.approx(lifetables.expectation(rates, sex), abs=1e-12)


@settings(deadline=None)
@given(target=st.floats(30, 85), sex=st.sampled_from(SEXES))
def test_a_hazard_ratio_meets_its_target(target: float, sex: str) -> None:
    """Proves: the ratio gives the expectation asked for, to a billionth of a year, and longer lives need a lower one.

    If the search stopped early, a province would not have the expectation of life published for it.
    """
    standard = deaths.national("2005-2010", 2100)[SEXES.index(sex)]
    ratio = lifetables.hazard_ratio(standard, sex, target)
    assert lifetables.expectation(standard * ratio, sex) == pytest.approx(target, abs=1e-9)
    assert (ratio < 1) == (target > lifetables.expectation(standard, sex))


def test_impossible_rates_and_targets_are_refused() -> None:
    """Proves: negative rates, a last group nobody leaves, and a life of 3,000 years are refused with words."""
    for rates in ([0.1, -0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.0], [0.1, np.nan, 0.1, 0.1], [0.1, 0.1]):
        with pytest.raises(InputError, match="four or more numbers from 0 upwards, and the last is above 0"):
            lifetables.table_of(np.array(rates), "women")
    with pytest.raises(InputError, match="3000 years is out of reach"):
        lifetables.hazard_ratio(np.full(22, 0.02), "men", 3000.0)


def test_national_rates_mix_by_years() -> None:
    """Proves: 2016-2021 is four fifths of 2015-2020 and one of 2020-2025, in logarithms; later is left out when asked.

    If what is about a later time crept in, a projection from 2011 would know how the epidemic ended.
    """
    parts = [deaths.national(period, 2100) for period in ("2015-2020", "2020-2025")]
    np.testing.assert_allclose(deaths.national("2016-2021", 2100), parts[0] ** 0.8 * parts[1] ** 0.2, rtol=1e-12)
    np.testing.assert_allclose(deaths.national("2016-2021", 2020), parts[0], rtol=1e-12)


def test_total_fertility_is_kept() -> None:
    """Proves: seven ages of mothers bear what nine do: the mean of the yearly totals, half a year at either end.

    If births before 15 were dropped, a fifth of one per cent would be lost every year.
    """
    yearly = table("national_fertility").set_index("year")["tfr"]
    want = (yearly[2016] / 2 + yearly.loc[2017:2020].sum() + yearly[2021] / 2) / 5
    assert 5 * births.national("2016-2021").sum() == pytest.approx(want, rel=1e-5)


# moves


def test_the_schedule_is_the_one_cited() -> None:
    """Proves: at 22.5 years the curve is Rogers and Castro's, the young move most, and children move with parents.

    By hand at 22.5: 0.02 e^-2.25 + 0.06 e^(-0.25 - e^-1) + 0.003 = 0.037453. The mean over 20-24 is near it. If a sign
    were wrong, the old would move most.
    """
    found = moves.schedule()
    at = 0.02 * np.exp(-2.25) + 0.06 * np.exp(-0.25 - np.exp(-1.0)) + 0.003
    assert at == pytest.approx(0.037453, abs=1e-6)
    assert found[AGES.index("20-24")] == pytest.approx(at, rel=0.05)
    assert found[0] > found[2] < found[4] and found[-1] == found[4:].min()


def made_up(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People, distances and groups of 14 places in 6 groups."""
    chance = np.random.default_rng(seed)
    at = chance.uniform(0, 500, (14, 2))
    apart = np.hypot(*(at[:, None] - at).T).T
    return chance.uniform(1, 9, 14), apart, np.arange(14) % 6


@pytest.mark.parametrize("decay", [0.4, 1.2, 2.5])
def test_gravity_finds_the_decay_that_made_the_flows(decay: float) -> None:
    """Proves: flows made with a decay, and with groups that send and attract more than others, give the decay back.

    If who sends and attracts were not fitted beside it, a busy group would be read as nearness.
    """
    people, apart, group = made_up(1)
    chance = np.random.default_rng(2)
    made = moves.between(moves.reach(people, apart, decay), group, 6)
    made *= chance.uniform(0.5, 2, (6, 1)) * chance.uniform(0.5, 2, 6)
    np.fill_diagonal(made, 0)
    assert moves.fit_gravity(made, people, apart, group).decay == pytest.approx(decay, abs=1e-4)


def test_gravity_is_the_poisson_fit() -> None:
    """Proves: at the fitted decay the mean log distance of moves is the model's, which is Poisson's own condition.

    The condition is solved for apart from the likelihood. If flows were fitted by least squares of logarithms, small
    flows would count like large ones and the two means would differ.
    """
    people, apart, _ = made_up(3)
    people, apart, alone = people[:7], apart[:7, :7], np.arange(7)
    flows = np.random.default_rng(4).uniform(0, 100, (7, 7)) * (1 - np.eye(7))
    fitted = moves.fit_gravity(flows, people, apart, alone)
    model = moves.fit_margins(
        moves.reach(people, apart, fitted.decay), flows.sum(axis=1), flows.sum(axis=0), tolerance=1e-14
    )
    far = np.log(np.where(apart > 0, apart, 1.0))
    assert (flows * far).sum() == pytest.approx((model * far).sum(), rel=1e-5)


def test_flows_of_spaces_add_up_and_nobody_gains_inside() -> None:
    """Proves: spaces add up to the flows between groups; inside a group as many go as come, at the scale found.

    If the inside were scaled by a group's own flows, a group that many leave would seem restless at home.
    """
    people, apart, group = made_up(5)
    flows = np.random.default_rng(6).uniform(1, 100, (6, 6)) * (1 - np.eye(6))
    found = moves.flows_between_spaces(flows, people, apart, group)
    summed = moves.between(found, group, 6)
    np.testing.assert_allclose(summed[flows > 0], flows[flows > 0], rtol=1e-12)
    same = group[:, None] == group
    np.testing.assert_array_equal(found[same], found.T[same])
    fitted = moves.fit_gravity(flows, people, apart, group)
    np.testing.assert_allclose(found[same], fitted.scale * moves.reach(people, apart, fitted.decay)[same])


def test_the_order_of_places_does_not_matter() -> None:
    """Proves: places in another order move as they did. If order mattered, sorting a table would move people."""
    people, apart, group = made_up(7)
    flows = np.random.default_rng(8).uniform(1, 100, (6, 6)) * (1 - np.eye(6))
    order = np.random.default_rng(9).permutation(14)
    found = moves.flows_between_spaces(flows, people, apart, group)
    moved = moves.flows_between_spaces(flows, people[order], apart[np.ix_(order, order)], group[order])
    np.testing.assert_allclose(moved, found[np.ix_(order, order)], rtol=1e-6)


# heads and services


def test_heads_by_hand() -> None:
    """Proves: rates rise in straight lines between the middles of groups, and give each group's households back.

    By hand: 10 to 14 at 0, 15 to 19 at 0.1, 20 to 29 at 0.4. At 22.5 the line is 0.1 + 0.3 x 5 / 7.5 = 0.3; at 27.5,
    towards 0.4 at 35, it is 0.4. With 100 people each, 70 households would be given, and 80 are there: 0.342857 and
    0.457143. If a group had one rate, 20 to 24 and 25 to 29 would head alike.
    """
    households = np.array([[[0.0, 10.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0]]])
    found = heads.rates(households, np.full((1, 1, 18), 100.0))[0, 0]
    assert found[:4].tolist() == [0, 0, 0, 0.1]
    np.testing.assert_allclose(found[4:6], np.array([0.3, 0.4]) * 80 / 70)
    assert (100 * found).sum() == pytest.approx(households.sum())


def test_nobody_heads_where_nobody_was_counted() -> None:
    """Proves: an age group without heads has none, though its neighbours have. If not, children would gain homes."""
    households = np.array([[[0.0, 0.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0, 80.0]]])
    assert heads.rates(households, np.full((1, 1, 18), 100.0))[0, 0, :4].tolist() == [0, 0, 0, 0]


def test_spending_against_budget_by_hand() -> None:
    """Proves: municipalities are weighted by transfers, and the return left empty (-100) is dropped.

    By hand: half of a budget with R300 and all of one with R100 is 62.5%. If -100 counted, it would be lower.
    """
    rows = pd.DataFrame(
        {
            "space": "DC1",
            "financial_year_end": 2016,
            "against_budget": [-50.0, 0.0, -100.0],
            "capital_transfers": [299.0, 99.0, 500.0],
        }
    )
    assert np.nanmax(stocks.delivered(rows)) == pytest.approx(np.log(0.625))


# shocks


def wandering(chance: np.random.Generator, years: int, persistence: float, sd: float, many: int = 1) -> np.ndarray:
    """First-order autoregressions that begin anywhere in their long run, (many, years)."""
    found = [sd * chance.standard_normal(many)]
    for _ in range(years - 1):
        surprise = sd * np.sqrt(1 - persistence**2) * chance.standard_normal(many)
        found.append(persistence * found[-1] + surprise)
    return np.stack(found, axis=1)


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.9])
def test_a_long_series_gives_its_truth_back(persistence: float) -> None:
    """Proves: over 20,000 years sd and persistence are found, whatever line the series runs along.

    If the line were not taken out, its rise would be read as a deviation that never ends.
    """
    series = wandering(np.random.default_rng(1), 20_000, persistence, 0.2)[0] + np.linspace(3, -4, 20_000)
    found = shocks.wander(series)
    assert found.persistence == pytest.approx(persistence, abs=0.02)
    assert found.sd == pytest.approx(0.2, rel=0.05)


def test_a_short_series_is_not_read_as_calmer_than_it_is() -> None:
    """Proves: over 17 years, 2,000 times, the mean persistence is within 0.1 of the truth, 0.6.

    Least squares alone finds 0.35 on average: short series about a fitted line look as if they forgot sooner.
    """
    series = wandering(np.random.default_rng(2), 17, 0.6, 0.1, many=2_000)
    assert np.mean([shocks.wander(row).persistence for row in series]) == pytest.approx(0.6, abs=0.1)


def test_a_series_too_short_is_refused() -> None:
    """Proves: seven years are refused. If not, four numbers would be fitted to seven."""
    with pytest.raises(InputError, match="has 7 years; at least 8 are needed"):
        shocks.wander(np.zeros(7))


def test_changes_give_the_long_run_back() -> None:
    """Proves: changes over five years of many series of sd 0.3 give 0.3. If they were taken for levels, 0.27."""
    series = wandering(np.random.default_rng(3), 6, 0.9, 0.3, many=50_000)
    assert shocks.from_changes(series[:, 5] - series[:, 0], 0.9) == pytest.approx(0.3, rel=0.02)


def test_two_accounts_give_the_error_of_one() -> None:
    """Proves: two accounts with errors of 5% each give 5%. If the difference were taken whole, it would be 7%."""
    chance = np.random.default_rng(4)
    accounts = 1000 * np.exp(0.05 * chance.standard_normal((2, 50_000)))
    assert shocks.between_accounts(*accounts) == pytest.approx(0.05, rel=0.02)


def test_components_are_told_apart() -> None:
    """Proves: own 0.2 and common 0.1 are found beside levels that differ between places; without common, none is.

    If levels stayed in, own would be above 1; if own were left in the years' means, common would never be 0.
    """
    chance = np.random.default_rng(5)
    own, common = 0.2 * chance.standard_normal((50, 4_000)), 0.1 * chance.standard_normal(4_000)
    found = shocks.components(chance.standard_normal((50, 1)) + own + common)
    assert (found.own, found.common) == (pytest.approx(0.2, rel=0.02), pytest.approx(0.1, rel=0.05))
    assert shocks.components(own).common < 0.005
    holed = np.where(np.arange(50)[:, None] == 0, np.nan, own)
    assert shocks.components(holed).own == pytest.approx(0.2, rel=0.02)


def test_who_sends_twice_as_much_is_missed_by_log_two() -> None:
    """Proves: a group not shown to the model that sends twice what it foretells shows log 2 in leaving and 0 in coming.

    If the group were in the fit, its own flows would raise the scale and hide part of the miss.
    """
    pull = np.random.default_rng(6).uniform(1, 9, (5, 5))
    pull = pull + pull.T
    flows = 3 * pull * (1 - np.eye(5))
    flows[2] *= 2
    np.testing.assert_allclose(shocks.left_out(flows, pull)[2], [np.log(2), 0], atol=1e-12)


# years


@pytest.mark.parametrize(
    ("period", "year"),
    [("2011", 2011), ("2016-2046", 2046), ("2015/16 to 2017/18", 2018), ("2016 households, 2011 poverty", 2016)],
)
def test_the_latest_year_is_read_from_the_words(period: str, year: int) -> None:
    """Proves: the last year named counts, a municipal year as the one it ends in. If not, 2017/18 would be 2017."""
    assert one_datum(period).latest() == year


def test_norms_are_about_no_year() -> None:
    """Proves: numbers that are no year are not read as one, and a norm is about none. If not, it would look informed."""
    assert one_datum("Any year; 40 of 2500000 or 12011").latest() == 0


def one_datum(period: str) -> World:
    frame = pd.DataFrame({"value": [1.0]})
    return World.build("tiny", [Datum("one", frame, "1", "assumed", "nobody", period)], {})


def test_an_unknown_parameter_is_named_with_the_nearest() -> None:
    """Proves: a misspelt number is refused with the nearest. If not, a misspelling would read as nothing."""
    with pytest.raises(InputError, match="no number 'classrooms'; did you mean 'classroom'"):
        parameter("learners", "classrooms")
