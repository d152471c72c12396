"""How stable ranks by need are, against weightings that a person can integrate in the head."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

import allocate as al
from allocate.errors import InputError
from allocate.sensitivity.ranking import extremes, indicators_of, rank


def frame(*rows: tuple[float, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=[chr(65 + k) for k in range(len(rows))]).rename(columns=str)


def test_two_places_and_two_indicators_by_hand() -> None:
    """Proves: scores (1, 0) and (0, 1) with weight w on the first, even on 0 to 1: A is ahead where w > 1/2, half of the
    time. With C at (0.75, 0.5), C is ahead of A where 0.75 w + 0.5 (1 - w) > w, w < 2/3, and ahead of B where
    0.75 w + 0.5 (1 - w) > 1 - w, w > 2/5: so A is first with 1/3, C with 2/3 - 2/5 = 4/15, B with 2/5.

    Broken: weights that are not even, ranks the wrong way round.
    """
    found = rank(frame((1, 0), (0, 1)), draws=40_000)
    assert (found.ranks == 1).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.01)
    found = rank(frame((1, 0), (0, 1), (0.75, 0.5)), draws=40_000)
    assert (found.ranks == 1).mean(axis=0) == pytest.approx([1 / 3, 2 / 5, 4 / 15], abs=0.01)
    assert found.best.tolist() == [1, 1, 1]
    assert found.worst.tolist() == [3, 3, 2]


def test_one_indicator_leaves_no_doubt() -> None:
    """Proves: with one indicator, or the same one three times, every weighting gives its order. Broken: chance where
    there is none.
    """
    values = np.random.default_rng(1).random(12)
    order = (-values).argsort().argsort() + 1
    for copies in (1, 3):
        found = rank(frame(*((v,) * copies for v in values)), draws=200)
        assert (found.ranks == order).all()
        assert (found.best == order).all()
        assert (found.worst == order).all()


def test_the_ends_are_those_of_every_weighting() -> None:
    """Proves: with two indicators the order changes only where two indices cross, so all weightings can be tried:
    between crossings, and at them, the best and worst ranks are those proved. With five no weighting drawn gives a rank
    beyond them. Broken: a bound that is no bound, or is never reached.
    """
    rng = np.random.default_rng(4)
    two = rank(frame(*rng.random((15, 2))), draws=2000)
    s = two.scores
    crossings = {0.0, 1.0}
    for a, b in itertools.combinations(range(15), 2):
        slope = (s[a, 0] - s[a, 1]) - (s[b, 0] - s[b, 1])
        w = (s[b, 1] - s[a, 1]) / slope
        if 0 < w < 1:
            crossings.add(w)
    points = sorted(crossings)
    between = [(a + b) / 2 for a, b in itertools.pairwise(points)]
    index = np.array([w * s[:, 0] + (1 - w) * s[:, 1] for w in (*points, *between)])
    ahead = index[:, None, :] - index[:, :, None]
    assert two.best.tolist() == (1 + (ahead > 1e-9).sum(axis=2)).min(axis=0).tolist()
    assert two.worst.tolist() == ((ahead > -1e-9).sum(axis=2)).max(axis=0).tolist()
    five = rank(frame(*rng.random((20, 5))), draws=5000)
    assert (five.ranks.min(axis=0) >= five.best).all()
    assert (five.ranks.max(axis=0) <= five.worst).all()


def test_who_is_worse_off_on_everything_ranks_higher() -> None:
    """Proves: a place that is worse off on every indicator is ahead under every weighting, and equal places share their
    rank. Broken: an indicator counts backwards.
    """
    found = rank(frame((0.9, 0.8, 0.7), (0.5, 0.4, 0.3), (0.5, 0.4, 0.3), (0.0, 0.0, 0.0)), draws=500)
    assert (found.ranks == [1, 2, 2, 4]).all()
    assert found.best.tolist() == [1, 2, 2, 4]
    assert found.worst.tolist() == [1, 3, 3, 4]


def test_scales_and_order_change_nothing() -> None:
    """Proves: an indicator in other units, places in another order, and an indicator that says nothing change no rank
    of the table but by chance; the same seed gives the same draws. Broken: rand count more than shares.
    """
    rng = np.random.default_rng(6)
    values = frame(*rng.random((8, 3)))
    plain = rank(values, draws=500)
    scaled = rank(values * [1000.0, 1.0, 0.01] + [5.0, 0.0, 2.0], draws=500)
    assert (scaled.ranks == plain.ranks).all()
    order = rng.permutation(8)
    shuffled = rank(values.iloc[order], draws=500)
    assert (shuffled.ranks == plain.ranks[:, order]).all()
    pd.testing.assert_frame_equal(shuffled.table(), plain.table())
    assert (rank(values, draws=500, seed=2).ranks != plain.ranks).any()


def test_the_52_spaces() -> None:
    """Proves: on the real figures every indicator runs from 0 to 1, some space is among the ten neediest whatever the
    weights, some only under some, and none of the list is impossible. Broken: a table that decides nothing.
    """
    found = rank(indicators_of(al.read_world("za2016")), draws=2000)
    assert found.scores.shape == (52, 5)
    assert (found.scores.min(axis=0) == 0).all()
    assert (found.scores.max(axis=0) == 1).all()
    table = found.table()
    assert (found.ranks.min(axis=0) >= found.best).all()
    assert (found.ranks.max(axis=0) <= found.worst).all()
    assert table["top"].sum() >= 10
    assert ((table["best"] <= 10) & (table["worst"] > 10)).any()


def test_what_is_wrong_is_said() -> None:
    """Proves: a missing figure has its place, and odd numbers come with it. Broken: NaN is ranked."""
    values = frame((1, 0), (0, 1))
    values.iloc[1, 0] = np.nan
    with pytest.raises(InputError) as caught:
        rank(values, draws=0)
    assert str(caught.value).splitlines()[1:] == [
        "  '0' of 'B': nan is not a finite number",
        "  draws: 0 is not from 1 to 1,000,000",
    ]
    assert extremes(np.array([[1.0], [0.0]]), 1) == (2, 2)
