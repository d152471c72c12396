"""How stable a ranking of places by need is, when nobody can say how much each indicator should count.

An index of need is a weighted mean of indicators, each from 0 (the place that is best off) to 1 (worst off). Weights
are a judgement; so every weighting is tried: how often a place is among the neediest over weightings drawn at random,
and the highest and lowest rank that any weighting at all can give it, proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import sparse, stats

from allocate.errors import InputError, Problem, ProofError
from allocate.names import SPACE
from allocate.optimum.highs import SolverOptions, search
from allocate.optimum.linear import Region
from allocate.world import World

type Values = np.ndarray[Any, np.dtype[np.float64]]

NEEDIEST: Final = 10
"""How many places a list of the neediest has."""

TIE: Final = 1e-6
"""Indices this near are equal."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Places ranked by need, 1 the neediest: ``scores`` (places, indicators) from 0 to 1, ``ranks`` (draws, places)
    under weights drawn at random, and the ``best`` and ``worst`` rank (places,) under any weights at all."""

    places: tuple[str, ...]
    indicators: tuple[str, ...]
    scores: Values
    ranks: np.ndarray[Any, np.dtype[np.int64]]
    best: np.ndarray[Any, np.dtype[np.int64]]
    worst: np.ndarray[Any, np.dtype[np.int64]]

    def table(self) -> pd.DataFrame:
        """A row a place, neediest first: ``space``, ``median``, ``low`` and ``high`` (nine weightings out of ten rank
        it between these), ``top`` (the share of weightings that rank it among the ten neediest), ``best`` and
        ``worst`` (under any weights), and its score on each indicator."""
        low, median, high = np.quantile(self.ranks, [0.05, 0.5, 0.95], axis=0, method="inverted_cdf")
        frame = pd.DataFrame(
            {
                SPACE: self.places,
                "median": median,
                "low": low,
                "high": high,
                "top": (self.ranks <= NEEDIEST).mean(axis=0),
                "best": self.best,
                "worst": self.worst,
                **dict(zip(self.indicators, self.scores.T, strict=True)),
            }
        )
        order = np.lexsort([np.array(self.places), -frame["top"].to_numpy(float), self.ranks.mean(axis=0)])
        return frame.iloc[order].reset_index(drop=True)


def rank(indicators: pd.DataFrame, draws: int = 10_000, seed: int = 1) -> Ranking:
    """Rank places by every weighting of ``indicators`` (a row a place, a column an indicator, larger where need is).

    Each indicator is scaled to run from 0 to 1; one that is the same everywhere says nothing and is 0. Weights are
    drawn evenly from all that sum to 1. Places with equal indices share the better rank.

    Sources: R. Lahdelma and P. Salminen, *SMAA-2*, Operations Research 49 (2001), for random weights; M. Saisana, A.
    Saltelli, S. Tarantola, *Uncertainty and sensitivity analysis techniques as tools for the quality assessment of
    composite indicators*, Journal of the Royal Statistical Society A 168 (2005); M. Kadziński, S. Greco, R. Słowiński,
    *Extreme ranking analysis in robust ordinal regression*, Omega 40 (2012), for the best and worst rank.

    >>> figures = pd.DataFrame({"taps": [0.9, 0.2, 0.0], "poverty": [0.5, 0.8, 0.1]}, index=["A", "B", "C"])
    >>> found = rank(figures, draws=1000)
    >>> found.best.tolist(), found.worst.tolist()
    ([1, 1, 3], [2, 2, 3])

    Raises :class:`InputError` for no indicators, no draws and numbers that are not finite.
    """
    values = indicators.to_numpy(float)
    _check(indicators, values, draws, seed)
    scores = _scaled(values)
    chance = np.random.Generator(np.random.Philox(seed))
    weights = chance.dirichlet(np.ones(scores.shape[1]), draws)
    ranks = stats.rankdata(-np.round(weights @ scores.T, 12), method="min", axis=1).astype(np.int64)
    ends = np.array([extremes(scores, place) for place in range(len(scores))])
    return Ranking(
        tuple(map(str, indicators.index)), tuple(map(str, indicators.columns)), scores, ranks, ends[:, 0], ends[:, 1]
    )


def extremes(scores: Values, place: int) -> tuple[int, int]:
    """The best and worst rank of a place under any weights of ``scores`` (places, indicators), proved.

    Ties count for the place at its best, and against it at its worst.

    >>> extremes(np.array([[1.0, 0.0], [0.0, 1.0], [0.4, 0.4]]), 2)
    (2, 3)
    """
    ahead = np.delete(scores, place, axis=0) - scores[place]
    always, never = (ahead > TIE).all(axis=1), (ahead <= 0).all(axis=1)
    behind_all = (ahead < -TIE).all(axis=1)
    open_best, open_worst = ahead[~always & ~never], ahead[~always & ~behind_all]
    best = 1 + int(always.sum()) + _fewest(open_best)
    worst = 1 + int(always.sum()) + len(open_worst) - _fewest(-open_worst)
    return best, worst


def indicators_of(world: World) -> pd.DataFrame:
    """What says of a World how needy its spaces are: the share of households without each service, and poverty.

    A row a space. Poverty is the datum ``need_weight`` where there is one; services are those with a ``backlog``.

    >>> from allocate.world import read_world
    >>> indicators_of(read_world("za2016")).columns.tolist()
    ['without water', 'without sanitation', 'without electricity', 'without refuse', 'poverty']

    Raises :class:`InputError` for a World that has none of them.
    """
    data, spaces = world.data, list(world.labels(SPACE))
    found = dict[str, Values]()
    if "backlog" in data and "households" in data:
        share = (data["backlog"] / data["households"]).transpose(SPACE, "service")
        there = [str(k) for k in share["service"].values if float(share.sel(service=k).sum()) > 0]
        found |= {f"without {service}": share.sel(service=service).values for service in there}
    if "need_weight" in data:
        found["poverty"] = data["need_weight"].values
    if not found:
        words = "has neither backlog and households nor need_weight, so it does not say who is needy"
        raise InputError(world.name, [Problem("", words)])
    return pd.DataFrame(found, index=pd.Index(spaces, name=SPACE))


def _fewest(ahead: Values) -> int:
    """How few of the differences (m, indicators) a weighting can leave above 0.

    A program of whole numbers, one a difference; the weights that it finds are counted by themselves.
    """
    most = ahead.max(axis=1, initial=0.0)
    ahead = ahead[most > TIE] / most[most > TIE, None]
    m, k = ahead.shape
    if not m:
        return 0
    matrix = sparse.block_array(
        [[sparse.csr_array(ahead), -sparse.eye_array(m)], [sparse.csr_array(np.ones((1, k))), None]], format="csr"
    )
    limit = np.append(np.zeros(m), 1.0)
    region = Region(matrix, np.append(np.full(m, -np.inf), 1.0), limit, np.zeros(k + m), np.ones(k + m))
    each = np.arange(k + m) >= k
    found = search(region, each.astype(float), each, SolverOptions())
    counted = int((ahead @ found.x[:k] > TIE).sum())
    if counted != round(found.bound):
        raise ProofError(f"weights leave {counted} ahead, where {found.bound:g} were proved")
    return counted


def _scaled(values: Values) -> Values:
    """Every column from 0 to 1; one that is the same everywhere is 0."""
    low, wide = values.min(axis=0), np.ptp(values, axis=0)
    return np.where(wide > 0, (values - low) / np.where(wide > 0, wide, 1.0), 0.0)


def _check(indicators: pd.DataFrame, values: Values, draws: int, seed: int) -> None:
    wrong = list(_odd(indicators, values))
    if not values.size:
        wrong.append(Problem("indicators", "there are none, or no places"))
    if not 1 <= draws <= 1_000_000:
        wrong.append(Problem("draws", f"{draws} is not from 1 to 1,000,000"))
    if not 0 <= seed < 2**63:
        wrong.append(Problem("seed", f"{seed} is not 0 or more, and below 2**63"))
    if wrong:
        raise InputError("ranking", wrong)


def _odd(indicators: pd.DataFrame, values: Values) -> Iterator[Problem]:
    for row, column in np.argwhere(~np.isfinite(values))[:8]:
        place = f"{indicators.columns[column]!r} of {indicators.index[row]!r}"
        yield Problem(place, f"{values[row, column]} is not a finite number")
