"""Scores of forecasts, against their definitions and on draws whose score is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from allocate.people.scores import crps, interval, pit, weighted_error

CHANCE = np.random.default_rng(5)


def test_the_crps_is_the_integral_of_its_definition() -> None:
    """Proves: for many normal draws the score is the integral of (F(y) - 1[y >= x])^2, to sampling error; and of any
    few draws it is in the mean that of the distribution they come from. Broken: few draws look better than many.
    """
    observed = 0.7
    draws = CHANCE.standard_normal((200_000, 1))
    below = integrate.quad(lambda y: stats.norm.cdf(y) ** 2, -10, observed)[0]
    above = integrate.quad(lambda y: stats.norm.sf(y) ** 2, observed, 10)[0]
    assert crps(draws, np.array([observed]))[0] == pytest.approx(below + above, rel=0.01)
    few = crps(CHANCE.standard_normal((4, 50_000)), np.full(50_000, observed))
    assert few.mean() == pytest.approx(below + above, rel=0.02)


def test_the_crps_of_sorted_draws_is_that_of_all_pairs() -> None:
    """Proves: the sum over ranks is the mean over pairs. Broken: a rank is off by one."""
    draws, observed = CHANCE.gamma(2.0, size=(7, 3)), np.array([1.0, 2.0, 3.0])
    pairs = np.abs(draws[:, None] - draws[None]).sum(axis=(0, 1)) / (7 * 6)
    assert crps(draws, observed) == pytest.approx(np.abs(draws - observed).mean(axis=0) - pairs / 2)


@pytest.mark.parametrize("shared", [0.0, 0.99])
def test_how_many_places_an_honest_interval_covers_depends_on_how_they_hang_together(shared: float) -> None:
    """Proves: 52 places apart cover 83% to 96% of themselves nine times in ten; 52 that are nearly one, all or none.

    Broken: bounds of independent places, which blame a forecast for one common surprise.
    """
    common = np.sqrt(shared) * CHANCE.standard_normal((4000, 1))
    draws = 100 + common + np.sqrt(1 - shared) * CHANCE.standard_normal((4000, 52))
    found = interval(draws, draws[-1], 0.9)
    binomial = stats.binom.ppf([0.05, 0.95], 52, 0.9) / 52
    if shared:
        assert found.least < 0.5 and found.most == 1.0
    else:
        assert (found.least, found.most) == pytest.approx(tuple(binomial), abs=0.021)


def test_the_interval_score_is_its_definition() -> None:
    """Proves: width, and 2 / (1 - level) times by how much it was missed, over what was observed. Broken: a wide
    interval costs nothing."""
    draws = np.linspace(0.0, 200.0, 2001)[:, None]
    inside, outside = (interval(draws, np.array([x]), 0.8) for x in (100.0, 250.0))
    assert (inside.covered, outside.covered) == (1.0, 0.0)
    assert inside.score == pytest.approx(160 / 100, rel=2e-3)
    assert outside.score == pytest.approx((160 + 10 * 70) / 250, rel=2e-3)


def test_the_truth_stands_anywhere_among_its_like() -> None:
    """Proves: of draws from one distribution with the observed, places are uniform (Kolmogorov-Smirnov). Broken: ranks
    are counted from the wrong end, or ends are never reached."""
    draws = CHANCE.standard_normal((199, 2000)) ** 3
    assert stats.kstest(pit(draws, CHANCE.standard_normal(2000) ** 3), "uniform").pvalue > 0.01


def test_people_in_the_wrong_place_are_counted_once() -> None:
    """Proves: a tenth of all people too many in one place is a tenth, not two tenths. Broken: both ends count."""
    assert weighted_error(np.array([60.0, 20.0, 20.0]), np.array([50.0, 30.0, 20.0])) == pytest.approx(0.1)
