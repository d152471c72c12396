"""How evenly something is spread over places: every usual index, for every plan, whichever of them was limited.

Values are a head (rand a household, or the share of need that is met) and weights the heads of each place, so that a
place that is split in two in proportion changes no index but those that look at one place only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem
from allocate.findings import cost_of_changes
from allocate.names import SPACE
from allocate.plan import Plan
from allocate.runs import Run

type Vector = np.ndarray[Any, np.dtype[np.float64]]

NEED: Final = "need_met"
"""The expression of a model that counts, for each space, households as served with everything."""

HEADS: Final = {
    "households": "money a household",
    "poor_households": "money a poor household",
    "population": "money a person",
}
"""What is divided by, where a World counts it by space, and what that gives."""

PLANS: Final = {"baseline": "actual split", "separate": "separate grants", "plan": "plan"}


def gini(values: Vector, weights: Vector) -> float:
    """The Gini index, 0 where all have the same: half the mean difference of all pairs of heads, over the mean.

    ``values`` and ``weights`` (n,), neither negative. Source: C. Gini, *Variabilità e mutabilità* (1912).

    >>> gini(np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    0.25
    """
    share, mean = _shares(values, weights)
    apart = np.abs(values[:, None] - values[None, :])
    return float(share @ apart @ share / (2.0 * mean))


def hoover(values: Vector, weights: Vector) -> float:
    """The Hoover index: the share of all that would have to move for all to have the same.

    Source: E. M. Hoover, *Interregional redistribution of population*, Quarterly Journal of Economics 51 (1936).

    >>> hoover(np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    0.25
    """
    share, mean = _shares(values, weights)
    return float(share @ np.abs(values - mean) / (2.0 * mean))


def theil(values: Vector, weights: Vector) -> float:
    """The Theil index: 0 where all have the same, log of the number of heads where one has all.

    Source: H. Theil, *Economics and Information Theory* (1967).

    >>> round(theil(np.array([3.0, 1.0]), np.array([1.0, 1.0])), 4)
    0.1308
    """
    share, mean = _shares(values, weights)
    part = values / mean
    return float(share @ (part * np.log(np.where(part > 0, part, 1.0))))


def palma(values: Vector, weights: Vector, top: float = 0.1, low: float = 0.4) -> float:
    """The Palma ratio: what the top tenth of heads has over what the bottom two fifths have.

    Infinite where the bottom has nothing. Source: J. G. Palma, *Homogeneous middles vs. heterogeneous tails*,
    Development and Change 42 (2011).

    >>> palma(np.array([3.0, 1.0]), np.array([1.0, 1.0])).__round__(4)
    0.75
    """
    _shares(values, weights)
    best, worst = -_tail(-values, weights, top) * top, _tail(values, weights, low) * low
    return float(best / worst) if worst > 0 else float("inf")


def tail(values: Vector, weights: Vector, share: float) -> float:
    """The mean of the worst-off share of heads, the last place of them in part.

    >>> tail(np.array([3.0, 1.0]), np.array([1.0, 1.0]), 0.75).__round__(4)
    1.6667
    """
    _shares(values, weights)
    return _tail(values, weights, share)


def _tail(values: Vector, weights: Vector, share: float) -> float:
    order = np.argsort(values, kind="stable")
    part = weights[order] / weights.sum()
    taken = np.clip(share - np.concatenate([[0.0], np.cumsum(part)[:-1]]), 0.0, part)
    return float(taken @ values[order] / taken.sum())


def ratio(values: Vector, weights: Vector) -> float:
    """The most that any place has over the least; infinite where the least is nothing. It looks at places, not heads.

    >>> ratio(np.array([3.0, 1.0]), np.array([1.0, 9.0]))
    3.0
    """
    _shares(values, weights)
    return float(values.max() / values.min()) if values.min() > 0 else float("inf")


def owa(values: Vector, weights: Vector) -> float:
    """The ordered weighted average: ``weights`` (n,) go to the worst-off place first, and never rise from there.

    Source: R. R. Yager, *On ordered weighted averaging aggregation operators*, IEEE Transactions on Systems, Man and
    Cybernetics 18 (1988). Raises :class:`InputError` for weights that favour the better-off, or are no weights.

    >>> owa(np.array([3.0, 1.0]), np.array([0.75, 0.25]))
    1.5
    """
    problems = []
    if weights.shape != values.shape or not np.isfinite(weights).all() or weights.min(initial=0.0) < 0:
        problems.append(Problem("", f"needs {values.size} weights, none negative, one for each value"))
    elif (up := np.flatnonzero(np.diff(weights) > 0)).size:
        words = f"weight {up[0] + 2} is {weights[up[0] + 1]:g}, above {weights[up[0]]:g} before it"
        problems.append(Problem("", f"{words}: the better-off would count for more than the worse-off"))
    if problems:
        raise InputError("ordered weighted average", problems)
    return float(weights @ np.sort(values))


INDICES: Final = {
    "Gini": gini,
    "Hoover": hoover,
    "Theil": theil,
    "Palma": palma,
    "most / least": ratio,
}


def indices(run: Run) -> pd.DataFrame:
    """Every index of every measure that the World has heads for: a row a measure and plan.

    Columns: ``measure``, ``plan``, ``mean`` (rand a head, or the share of need met), ``worst tenth`` (the mean of the
    worst-off tenth of heads, over the mean) and one for each of :data:`INDICES`.

    >>> from allocate.runs import run
    >>> found = indices(run("grant_consolidation", "za2016", years=["2019/20"]))
    >>> found.query("measure == 'need met' and plan == 'plan'")["Gini"].round(3).tolist()
    [0.085]
    """
    rows = []
    for measure, plan, values, heads in _measured(run):
        row: dict[str, Any] = {"measure": measure, "plan": plan, "mean": values @ heads / heads.sum()}
        row["worst tenth"] = tail(values, heads, 0.1) / row["mean"]
        rows.append(row | {name: index(values, heads) for name, index in INDICES.items()})
    return pd.DataFrame(rows, columns=["measure", "plan", "mean", "worst tenth", *INDICES])


def price_of_fairness(run: Run) -> float:
    """1 - V(fair) / V(free): what the scenario's rules cost of the outcome, as a share; NaN where it cannot be told.

    Source: D. Bertsimas, V. F. Farias, N. Trichakis, *The price of fairness*, Operations Research 59 (2011).
    """
    changed = cost_of_changes(run)
    return float("nan") if changed is None else -changed.share


def _measured(run: Run) -> Iterator[tuple[str, str, Vector, Vector]]:
    """Measure, plan, value a head and heads (spaces,), where there are heads and something to share."""
    world, amount = run.case.world.data, run.case.model.schedule.amount
    heads = {name: world[name] for name in HEADS if name in world and SPACE in world[name].dims}
    counts = {
        name: array.sum([d for d in array.dims if d != SPACE]).values.astype(float) for name, array in heads.items()
    }
    plans: dict[str, Plan] = {words: getattr(run, name) for name, words in PLANS.items()}
    for name, count in counts.items():
        for words, plan in plans.items():
            spent = plan.values[amount]
            money = spent.sum([d for d in spent.dims if d != SPACE]).values
            if count.min() > 0 and money.sum() > 0:
                yield HEADS[name], words, money / count, count
    if "households" in counts and counts["households"].min() > 0:
        for words, plan in plans.items():
            if NEED in plan.expressions and plan.expressions[NEED].values.sum() > 0:
                yield "need met", words, plan.expressions[NEED].values / counts["households"], counts["households"]


def _shares(values: Vector, weights: Vector) -> tuple[Vector, float]:
    """Shares of heads (n,) and the mean, once it is sure that there are any."""
    problems = []
    if values.shape != weights.shape or values.ndim != 1 or not values.size:
        problems.append(
            Problem("", f"values {values.shape} and weights {weights.shape} are not two lists of one length")
        )
    elif not np.isfinite([values, weights]).all() or min(values.min(), weights.min()) < 0:
        problems.append(Problem("", "has a value or weight that is negative, missing or not finite"))
    elif not values @ weights > 0:
        problems.append(Problem("", "nobody has anything, so nothing can be said of how evenly it is spread"))
    if problems:
        raise InputError("equity index", problems)
    share = weights / weights.sum()
    return share, float(share @ values)
