"""How good a forecast was, now that something has been counted: errors, intervals, and whether chance explains them.

Draws are (draws, places) and what was observed is (places,).

Sources: T. Gneiting, A. Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, Journal of the American
Statistical Association 102 (2007), for the interval score (equation 43) and the CRPS (equation 21); A. Dawid,
*Statistical Theory: The Prequential Approach*, Journal of the Royal Statistical Society A 147 (1984), for the
probability integral transform.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

type Values = np.ndarray[Any, np.dtype[np.float64]]
type Whole = np.ndarray[Any, np.dtype[np.int64]]

LEVELS: Final = (0.8, 0.9, 0.95)
"""Of the intervals that are scored."""

SIMULATED: Final = 1000
"""Draws that are each taken for the truth once, to see how many places an honest interval covers."""


@dataclass(frozen=True)
class Interval:
    """A central interval at a level: how many places it covered, and how many it would, ``least`` to ``most``, in nine
    of ten worlds in which the forecast is right; its mean width and its interval score, relative to what was observed.
    """

    level: float
    covered: float
    least: float
    most: float
    width: float
    score: float

    @property
    def as_expected(self) -> bool:
        return self.least <= self.covered <= self.most


def mean_error(forecast: Values, observed: Values) -> float:
    """Mean absolute error relative to what was observed, every place counting the same.

    >>> mean_error(np.array([110.0, 95.0]), np.array([100.0, 100.0])).__round__(3)
    0.075
    """
    return float(np.mean(np.abs(forecast / observed - 1)))


def weighted_error(forecast: Values, observed: Values) -> float:
    """People in the wrong place, as a part of all: half of all absolute differences of shares.

    >>> weighted_error(np.array([60.0, 40.0]), np.array([50.0, 50.0]))
    0.1
    """
    return float(np.abs(forecast / forecast.sum() - observed / observed.sum()).sum().round(15) / 2)


def crps(draws: Values, observed: Values) -> Values:
    """The continuous ranked probability score (places,): mean distance to the draws less half that between draws.

    Fair: the second mean is over pairs of different draws, so that few draws score no better than many.

    >>> crps(np.array([[0.0], [2.0]]), np.array([1.0])).tolist()
    [0.0]
    """
    count = len(draws)
    near = np.abs(draws - observed).mean(axis=0)
    rank = 2 * np.arange(1, count + 1) - count - 1
    between = (rank[:, None] * np.sort(draws, axis=0)).sum(axis=0) * 2 / (count * (count - 1))
    found: Values = near - between / 2
    return found


def pit(draws: Values, observed: Values) -> Values:
    """Where the observed stands among the draws (places,), 0 to 1: uniform if the forecast is right.

    >>> pit(np.array([[1.0], [2.0], [3.0]]), np.array([2.5])).round(3).tolist()
    [0.625]
    """
    below = (draws < observed).sum(axis=0) + 0.5 * (draws == observed).sum(axis=0)
    found: Values = (below + 0.5) / (len(draws) + 1)
    return found


def interval(draws: Values, observed: Values, level: float) -> Interval:
    """A central interval of the draws, scored.

    Places share their fate, so that an honest 90% interval covers anything between some and all of them: how many, is
    found by taking each of :data:`SIMULATED` draws for the truth.
    """
    ends = (0.5 - level / 2, 0.5 + level / 2)
    low, high = np.quantile(draws, ends, axis=0, method="weibull")
    inside = (draws[:SIMULATED] >= low) & (draws[:SIMULATED] <= high)
    least, most = np.quantile(inside.mean(axis=1), (0.05, 0.95), method="inverted_cdf")
    missed = np.maximum(low - observed, 0.0) + np.maximum(observed - high, 0.0)
    score = (high - low + 2 / (1 - level) * missed) / observed
    covered = float(np.mean((observed >= low) & (observed <= high)))
    width = float(np.mean((high - low) / observed))
    return Interval(level, covered, float(least), float(most), width, float(score.mean()))


def uniform_bins(places: Values, bins: int = 10) -> Whole:
    """How many of the places fall into each of so many equal bins of 0 to 1.

    >>> uniform_bins(np.array([0.05, 0.5, 0.95]), 2).tolist()
    [1, 2]
    """
    return np.histogram(places, bins=bins, range=(0.0, 1.0))[0].astype(np.int64)


def expected_bins(draws: Values, bins: int = 10) -> tuple[Whole, Whole]:
    """The fewest and the most places that each bin holds in nine of ten worlds in which the forecast is right.

    Each draw is taken for the truth once, as in :func:`interval`.

    >>> least, most = expected_bins(np.random.default_rng(1).standard_normal((2000, 50)))
    >>> bool((least <= 5).all() and (most >= 5).all())
    True
    """
    ranks = draws.argsort(axis=0).argsort(axis=0)
    which = ranks * bins // len(draws)
    counts = np.stack([(which == one).sum(axis=1) for one in range(bins)], axis=1)
    least, most = np.quantile(counts, (0.05, 0.95), axis=0, method="inverted_cdf").astype(np.int64)
    return least, most
