"""A fixed sum with floors: solved by hand, against a twin that knows nothing of rounds, and by its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocate.errors import InputError
from allocate.za.closure import share_above_floors
from allocate.za.margins import largest_remainder
from twins import above_floors_twin


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[float], list[int], int]:
    """Weights, floors of any size that the total can pay, and the total."""
    many = draw(st.integers(1, 30))
    weights = draw(st.lists(st.floats(0.001, 1e6), min_size=many, max_size=many))
    floors = draw(st.lists(st.integers(0, 10_000), min_size=many, max_size=many))
    return weights, floors, sum(floors) + draw(st.integers(0, 10**6))


def test_a_guarantee_that_pulls_a_second_one_down() -> None:
    """Proves: those below their floor are raised in rounds, until nobody is below.

    By hand, 100 over weights 50, 30, 20 with floors 0, 29, 40. Round 1: 50, 30, 20; the third is raised to 40. Round 2:
    60 over 50 to 30 is 37.5 and 22.5; now the second is below 29. Round 3: 31 is left for the first. If it were done
    once, the second would get 22 or 23, below its promise.
    """
    assert share_above_floors([50, 30, 20], [0, 29, 40], 100).tolist() == [31, 29, 40]


def test_floors_that_bind_nobody_change_nothing() -> None:
    """Proves: without a floor that binds it is plain proportion, 10 over 5, 3, 2 by hand and any case by Hamilton.

    If floors were paid first and the rest shared out on top, the first would get 2 + 2 = 4 and not 5.
    """
    assert share_above_floors([5, 3, 2], [2, 2, 2], 10).tolist() == [5, 3, 2]
    weights = [7.3, 0.1, 44.0, 12.5]
    assert share_above_floors(weights, [0] * 4, 1001).tolist() == largest_remainder(weights, 1001).tolist()


def test_a_total_that_is_all_floors() -> None:
    """Proves: where floors take all of it everybody gets its floor, weights of 0 included. Broken: 0 / 0 in the rest."""
    assert share_above_floors([1, 0, 3], [6, 3, 1], 10).tolist() == [6, 3, 1]
    assert share_above_floors([0, 0], [4, 6], 10).tolist() == [4, 6]
    assert share_above_floors([0, 0], [0, 0], 0).tolist() == [0, 0]


@settings(deadline=None)
@given(case=cases())
def test_exact_promised_and_near_the_twin(case: tuple[list[float], list[int], int]) -> None:
    """Proves: whole numbers that add up exactly, nobody below its floor, each within a unit of the twin's real amount.

    If rounding were done before the floors, sums would miss; if floors were added on top, the twin would differ.
    """
    weights, floors, total = case
    shared = share_above_floors(weights, floors, total)
    assert shared.sum() == total
    assert (shared >= floors).all()
    twin = above_floors_twin(weights, [float(f) for f in floors], float(total))
    assert np.abs(shared - twin).max() < 1 + 1e-6


@settings(deadline=None)
@given(case=cases(), seed=st.integers(0, 2**30))
def test_order_and_units_do_not_matter(case: tuple[list[float], list[int], int], seed: int) -> None:
    """Proves: permuted places get the same, except for the odd unit among equal remainders; so do weights in cents.

    If a round looked only at the places after the first below its floor, moving it to the end would change the rest.
    """
    weights, floors, total = case
    shared = share_above_floors(weights, floors, total)
    order = np.random.default_rng(seed).permutation(len(weights))
    moved = share_above_floors(np.array(weights)[order], np.array(floors)[order], total)
    assert np.abs(moved - shared[order]).max() <= 1
    doubled = share_above_floors(np.array(weights) * 128.0, floors, total)  # a power of two: no rounding of floats
    assert doubled.tolist() == shared.tolist()


@settings(deadline=None)
@given(case=cases())
def test_a_place_split_in_two_gets_what_it_got(case: tuple[list[float], list[int], int]) -> None:
    """Proves: half the weight and half the floor, twice, is the whole to within what rounding moves (a unit each).

    If the rest were shared by head and not by weight, splitting a place would pay.
    """
    weights, floors, total = case
    even = [2 * (floor // 2) for floor in floors]
    whole = share_above_floors(weights, even, total)
    halves = share_above_floors(
        [weights[0] / 2, weights[0] / 2, *weights[1:]], [even[0] // 2, even[0] // 2, *even[1:]], total
    )
    assert abs(int(halves[:2].sum()) - int(whole[0])) <= 2
    assert np.abs(halves[2:] - whole[1:]).max(initial=0) <= 1


@settings(deadline=None)
@given(case=cases(), more=st.integers(0, 10**6))
def test_more_money_or_a_higher_floor_lowers_nobody_that_it_should_not(
    case: tuple[list[float], list[int], int], more: int
) -> None:
    """Proves: a larger total lowers nobody, and a higher floor never lowers who has it nor raises another.

    Each to within a unit: largest remainders may hand the odd unit to another place (the Alabama paradox). If the
    level fell as the total rose, a place above its floor would pay for a richer year.
    """
    weights, floors, total = case
    shared = share_above_floors(weights, floors, total)
    assert (share_above_floors(weights, floors, total + more) >= shared - 1).all()
    assume(more <= total - sum(floors))
    raised = share_above_floors(weights, [floors[0] + more, *floors[1:]], total)
    assert raised[0] >= shared[0] - 1
    assert (raised[1:] <= shared[1:] + 1).all()


@pytest.mark.parametrize(
    ("weights", "floors", "total", "words"),
    [
        ([1, 1], [700, 500], 1000, ["floors: add up to 1,200, and 1,000 is there: 200 too much"]),
        ([1, 1], [0, 0], -5, ["floors: add up to 0, and -5 is there: 5 too much"]),
        ([0, 0], [1, 2], 10, ["weights: are all 0, so the 7 above the floors cannot be shared"]),
        (
            [-1, float("nan")],
            [0.5, float("inf")],
            10,
            [
                "weight of N: -1 is not a number from 0 upwards",
                "weight of S: nan is not a number from 0 upwards",
                "floor of N: 0.5 is not a whole number from 0 upwards",
                "floor of S: inf is not a whole number from 0 upwards",
            ],
        ),
    ],
)
def test_what_cannot_be_shared_is_said(weights: list[float], floors: list[float], total: int, words: list[str]) -> None:
    """Proves: floors beyond the total say by how much, and every bad number is named, all in one message.

    If it were let through, somebody would silently get less than was promised, or NaN.
    """
    with pytest.raises(InputError) as caught:
        share_above_floors(weights, floors, total, names=["N", "S"])
    assert str(caught.value).splitlines()[1:] == [f"  {line}" for line in words]


def test_one_weight_and_one_floor_a_place() -> None:
    """Proves: lists of two lengths are refused. Broken: numpy would stretch the shorter one over everybody."""
    with pytest.raises(
        InputError, match=r"weights are of shape \(2,\) and floors of shape \(1,\); one of each a place"
    ):
        share_above_floors([1, 2], [0], 10)
