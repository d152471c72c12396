"""Indices of how evenly something is spread, against slow twins, published examples and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import allocate as al
from allocate.equity import INDICES, gini, hoover, indices, owa, palma, price_of_fairness, ratio, tail, theil
from allocate.errors import InputError
from allocate.runs import run

ONES = np.ones(5)
FIVE = np.array([1.0, 2.0, 3.0, 4.0, 5.0])

amounts = st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)), min_size=1, max_size=8)


def test_textbook_numbers() -> None:
    """Proves: of 1 to 5 the Gini index is 4/15, Hoover 3/15, Theil mean(x/3 ln(x/3)), and Palma 5/2 over 3.

    Broken: a formula with a wrong factor.
    """
    assert gini(FIVE, ONES) == pytest.approx(4 / 15)
    assert hoover(FIVE, ONES) == pytest.approx(0.2)
    assert theil(FIVE, ONES) == pytest.approx(sum(x / 3 * math.log(x / 3) for x in range(1, 6)) / 5)
    assert palma(FIVE, ONES) == pytest.approx(2.5 / 3)  # half of the one with 5, and the two with 1 and 2
    assert ratio(FIVE, ONES) == 5
    assert tail(FIVE, ONES, 0.5) == pytest.approx((1 + 2 + 0.5 * 3) / 2.5)


@given(amounts)
def test_gini_is_twice_the_area_above_the_lorenz_curve(pairs: list[tuple[float, float]]) -> None:
    """Proves: the index of all pairs is that of the curve, drawn place after place. Broken: weights enter once."""
    values, weights = np.array(pairs).T
    order = np.argsort(values)
    heads = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    has = np.concatenate([[0.0], np.cumsum((weights * values)[order])]) / (weights @ values)
    under = float(np.sum(np.diff(heads) * (has[1:] + has[:-1]) / 2))
    assert gini(values, weights) == pytest.approx(1 - 2 * under, abs=1e-9)


@given(amounts, st.floats(0.1, 10), st.floats(0.1, 0.9))
def test_what_changes_no_index(pairs: list[tuple[float, float]], factor: float, part: float) -> None:
    """Proves: a unit of money, the order of places, and a place split in proportion change no index.

    Broken: an index of places where one of heads is meant.
    """
    values, weights = np.array(pairs).T
    split = np.append(values, values[0]), np.append(weights, part * weights[0])
    split[1][0] *= 1 - part
    for name, index in INDICES.items():
        found = index(values, weights)
        assert index(factor * values, weights) == pytest.approx(found, rel=1e-9, abs=1e-9), name
        assert index(values[::-1], weights[::-1]) == pytest.approx(found, rel=1e-9, abs=1e-9), name
        assert index(*split) == pytest.approx(found, rel=1e-9, abs=1e-9), name


@given(st.lists(st.floats(1, 100), min_size=2, max_size=8), st.floats(0.01, 0.5))
def test_a_gift_from_the_best_off_to_the_worst_off_lowers_every_index(values: list[float], share: float) -> None:
    """Proves: the principle of transfers (Pigou 1912, Dalton 1920). Broken: a sign."""
    before = np.array(values)
    gift = share * (before.max() - before.min()) / 2
    after, ones = before.copy(), np.ones(before.size)
    after[before.argmin()] += gift
    after[before.argmax()] -= gift
    for name, index in INDICES.items():
        assert index(after, ones) <= index(before, ones) * (1 + 1e-9) + 1e-9, name


def test_an_ordered_weighted_average_favours_the_worse_off_or_is_refused() -> None:
    """Proves: weights fall from the worst-off up; equal ones give the sum, all on the first the least.

    Broken: an average that pays for taking from the worst-off.
    """
    assert owa(FIVE, ONES / 5) == pytest.approx(3)
    assert owa(FIVE[::-1], np.array([1.0, 0, 0, 0, 0])) == 1
    with pytest.raises(InputError, match=r"weight 3 is .*: the better-off would count for more"):
        owa(FIVE, np.array([0.2, 0.1, 0.5, 0.1, 0.1]))
    for odd in (np.array([1.0]), np.array([0.5, 0.5, 0, 0, -0.1]), np.full(5, np.nan)):
        with pytest.raises(InputError, match="needs 5 weights, none negative"):
            owa(FIVE, odd)


def test_what_cannot_be_compared_is_refused() -> None:
    """Proves: NaN, negative numbers, lists of two lengths and nothing at all are each said. Broken: a NaN in a table."""
    for values, weights, words in (
        ([1.0, np.nan], [1.0, 1.0], "negative, missing or not finite"),
        ([1.0, -1.0], [1.0, 1.0], "negative, missing or not finite"),
        ([1.0], [1.0, 1.0], "not two lists of one length"),
        ([0.0, 0.0], [1.0, 1.0], "nobody has anything"),
    ):
        for index in INDICES.values():
            with pytest.raises(InputError, match=words):
                index(np.array(values), np.array(weights))


@pytest.mark.parametrize(
    ("scenario", "index", "measure", "limit"),
    [
        ("gini_cap", "Gini", "money a household", 0.24),
        ("hoover_cap", "Hoover", "money a household", 0.17),
        ("palma_cap", "Palma", "money a poor household", 0.45),
        ("ratio_cap", "most / least", "money a household", 5.5),
    ],
)
def test_a_limit_of_the_model_is_the_index_of_its_plan(scenario: str, index: str, measure: str, limit: float) -> None:
    """Proves: on the 52 spaces each limit binds, and the plan's own index, reckoned apart, is the limit.

    Broken: the rows of the rule say something else than the index.
    """
    found = run("equity", "za2016", scenario, years="2019/20")
    table = indices(found).set_index(["measure", "plan"])
    assert table.loc[(measure, "plan"), index] == pytest.approx(limit, rel=1e-6)
    free = indices(run("equity", "za2016", years="2019/20")).set_index(["measure", "plan"])
    assert free.loc[(measure, "plan"), index] > limit * 1.001
    assert 0.0 < price_of_fairness(found) < 0.05


def test_the_worst_off_are_better_off() -> None:
    """Proves: what comes first is served first: the least share of need met is larger under each goal for the
    worse-off than without, and nothing is larger than under the worst-off first.

    Broken: a goal that is turned round, or that comes after need met.
    """
    least = {}
    for name in (None, "worst_off_first", "each_after_the_worst_off", "worse_off_count_more"):
        found = run("equity", "za2016", *([name] if name else []))
        has = found.plan.expressions["level"].values
        least[name] = has.min()
    assert least["worst_off_first"] == pytest.approx(least["each_after_the_worst_off"], rel=1e-9)
    assert least["worst_off_first"] > least[None] * 1.0001
    assert least[None] <= least["worse_off_count_more"] * (1 + 1e-9)


def test_a_negative_weight_of_a_tail_is_refused() -> None:
    """Proves: a scenario cannot make the better-off count for more. Broken: a goal without an end, or a wrong plan."""
    with pytest.raises(ValueError, match="negative"):
        al.spec.Set(set="tail_weight", to=-1.0)
