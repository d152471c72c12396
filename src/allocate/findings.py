"""What a run says, in an analyst's terms: gains and losses, what binds and at what price, what takes most of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.active import used
from allocate.names import SPACE, STATUSES, TIME
from allocate.plan import Plan
from allocate.runs import Run
from allocate.units import FLAG, MONEY, Unit

MOST: Final = 0.5
"""One label that takes more than this share of money or outcome is worth a warning."""

FEW_SPACES: Final = 5

NOTHING: Final = 0.0005
"""A change below this share is rounding, not a gain or a loss: it shows as 0.0%."""

PER: Final = 1e6
"""Prices of money are told per so many rand."""

DUST: Final = 1e-9
"""A price below this share of its rule's largest is what arithmetic leaves of 0."""

AT_LIMIT: Final = 1e-7
"""A row is at its limit when its slack is below this share of one published unit plus the limit's size."""


@dataclass(frozen=True)
class Gain:
    """A difference between two plans of a run, in the goal's unit, and as a share of the first plan's outcome."""

    amount: float
    share: float

    @property
    def sign(self) -> int:
        """1 for more, -1 for less, 0 for a share that shows as 0.0%."""
        return (self.share > NOTHING) - (self.share < -NOTHING)

    def __str__(self) -> str:
        if np.isnan(self.share):
            return "n/a"
        return f"{self.share:+.1%}" if self.sign else "0.0%"


@dataclass(frozen=True)
class Share:
    """How much of the money and of the outcome goes to one label."""

    label: str
    money: float
    outcome: float


@dataclass(frozen=True)
class Driver:
    """A datum that sets a label apart: its value there, times the median of the other labels."""

    datum: str
    times: float
    status: str


@dataclass(frozen=True)
class Concentration:
    """The shares of the labels of a dim, largest outcome first, and in words what is worth a warning."""

    dim: str
    shares: tuple[Share, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Binding:
    """How many rows of a rule are at their limit, and the range of their prices in ``unit``.

    At ``kinks`` of them the gain from more and the loss from less differ; None where the run has no pairs of the rule.
    """

    rule: str
    rows: int
    at_limit: int
    least: float
    most: float
    unit: str
    kinks: int | None


def reallocation(run: Run) -> Gain:
    """Separate grants at their best, against the actual split."""
    return _gain(run, run.baseline, run.separate)


def consolidation(run: Run) -> Gain | None:
    """The merged plan against separate grants at their best; None where the scenario merges nothing."""
    return _gain(run, run.separate, run.plan) if run.merged else None


def _gain(run: Run, before: Plan, after: Plan) -> Gain:
    base, top = run.outcome(before), run.outcome(after)
    return Gain(top - base, (top - base) / base if base > 0 else float("nan"))


def cost_of_changes(run: Run) -> Gain | None:
    """What the scenario's changes beside merging do to the best of separate grants; None where there are none."""
    if run.unchanged is None:
        return None
    base, now = run.outcome(run.unchanged), run.outcome(run.separate)
    return Gain(now - base, (now - base) / base if base > 0 else float("nan"))


def spaces(run: Run) -> pd.DataFrame:
    """A row a space, largest gain first: name, was, now, change (published units), percent, verdict, per_household (R).

    ``was`` is the actual split; ``verdict`` is gains, loses or keeps (a change that shows as 0.0%). ``per_household``
    is there when the World counts ``households`` by space.
    """
    world = run.case.world
    was, now = run.was.by(SPACE), run.schedule.by(SPACE)
    codes = world.labels(SPACE)
    frame = pd.DataFrame({"space": codes, "name": [world.title(SPACE, code) for code in codes]})
    frame["was"], frame["now"] = was.values, now.values
    frame["change"] = frame["now"] - frame["was"]
    frame["percent"] = 100.0 * frame["change"] / frame["was"].where(frame["was"] > 0)
    still = frame["change"].abs() < NOTHING * frame["was"]
    frame["verdict"] = np.where(
        still | (frame["change"] == 0), "keeps", np.where(frame["change"] > 0, "gains", "loses")
    )
    if "households" in world.data and world.data["households"].dims == (SPACE,):
        frame["per_household"] = frame["change"] * run.schedule.unit / world.data["households"].values
    return frame.sort_values(["change", "space"], ascending=[False, True], ignore_index=True)


def concentration(run: Run, dim: str) -> Concentration:
    """Who takes the money and the outcome, along one dim, and a plain warning when a few take most of it."""
    spent = run.schedule.by(dim).to_series()
    outcome = outcome_by(run, dim)
    money_share = spent / max(spent.sum(), 1)
    outcome_share = outcome / outcome.sum() if outcome.sum() > 0 else outcome * 0.0
    order = outcome_share.sort_values(ascending=False, kind="stable").index
    shares = tuple(Share(str(k), float(money_share[k]), float(outcome_share[k])) for k in order)
    return Concentration(dim, shares, tuple(_warnings(run, dim, shares)))


def outcome_by(run: Run, dim: str) -> pd.Series[float]:
    """The outcome of the plan beyond nothing, a value a label of a dim, in the goal's unit."""
    return _outcome_by(run, run.plan, dim)


def _outcome_by(run: Run, plan: Plan, dim: str) -> pd.Series[float]:
    labels = run.case.world.data[dim]
    total = xr.DataArray(np.zeros(labels.size), {dim: labels}, [dim])
    for sign, side in ((1.0, plan), (-1.0, run.nothing)):
        for array in side.worth().values():
            if dim in array.dims:
                total = total + sign * array.sum([d for d in array.dims if d != dim])
    return total.to_series()


def _warnings(run: Run, dim: str, shares: tuple[Share, ...]) -> Iterator[str]:
    many = FEW_SPACES if dim == SPACE else 1
    for what, ranked in (
        ("money", sorted(shares, key=lambda s: -s.money)),
        ("outcome", sorted(shares, key=lambda s: -s.outcome)),
    ):
        top = ranked[:many]
        taken = sum(getattr(share, what) for share in top)
        if taken > MOST and len(shares) > many:
            labels = [share.label for share in top]
            names = ", ".join(run.case.world.title(dim, label) for label in labels)
            apart = "; ".join(
                f"{d.datum} {d.times:.2g} times the median ({d.status})" for d in drivers(run, dim, labels)
            )
            yield f"{taken:.0%} of the {what} goes to {names}" + (f"; what sets it apart: {apart}" if apart else "")


def drivers(run: Run, dim: str, labels: list[str], most: int = 3) -> list[Driver]:
    """The data of the model that differ most between some labels of a dim and the median of the others.

    Flags and amounts of money are left out: they say who may, not what pays.
    """
    found = []
    for name, spec in run.case.model.data.items():
        if dim not in spec.over or spec.unit in (FLAG, MONEY) or name not in run.case.world.data:
            continue
        array = run.case.world.data[name]
        level = array.mean([d for d in array.dims if d != dim]).to_series()
        others = level.drop(labels)
        others = others[others > 0]
        here = level[labels].mean()
        if here > 0 and len(others):
            found.append(Driver(name, float(here / others.median()), str(array.attrs["status"])))
    return sorted(found, key=lambda d: -abs(np.log(d.times)))[:most]


def bindings(run: Run) -> list[Binding]:
    """Every rule, how many of its rows are at their limit, and what one unit more of limit is worth.

    Prices of money limits are per R1 million.
    """
    plan = run.plan
    slack, prices = plan.slack(), plan.prices()
    found = []
    for name, block in plan.program.rows.items():
        free = slack[name].values.ravel()
        there = ~np.isnan(free)
        size = plan.program.linear.limit_size[block.number.ravel()[there]]
        at = free[there] <= AT_LIMIT * (block.unit.published + size)
        money = block.unit == Unit.parse(MONEY)
        price = without_dust(prices[name].values.ravel()[there][at]) * (PER if money else 1.0)
        unit = f"{plan.goal_units[list(plan.goals)[-1]]} per {'R1 million' if money else block.unit}"
        least, most = (float(price.min()), float(price.max())) if price.size else (0.0, 0.0)
        pair = run.pairs.get(name)
        kinks = None if pair is None else int(((pair.more != pair.less) & pair.more.notnull()).sum())
        found.append(Binding(name, int(there.sum()), int(at.sum()), least, most, unit, kinks))
    return found


def without_dust(prices: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Prices without what arithmetic leaves of 0: less than a billionth of the largest.

    >>> without_dust(np.array([2.0, 1e-12, -np.inf])).tolist()
    [2.0, 0.0, -inf]
    """
    size = np.abs(prices)
    return np.where(size > DUST * size[np.isfinite(size)].max(initial=0.0), prices, 0.0)


def spaces_at_a_limit(plan: Plan) -> dict[str, int]:
    """For each inequality on spaces, how many spaces are at it: a plan that is all bounds is about the bounds."""
    linear = plan.program.linear
    found = {}
    for name, free in plan.slack().items():
        block = plan.program.rows[name]
        numbers = block.number[block.number >= 0]
        equal = np.all(linear.row_lower[numbers] == linear.row_upper[numbers])
        if SPACE not in block.dims or not set(block.dims) <= {SPACE, TIME} or equal:
            continue
        at = free <= AT_LIMIT * block.unit.published
        found[name] = int(at.any([d for d in at.dims if d != SPACE]).sum())
    return found


def by_label(run: Run, dim: str) -> pd.DataFrame:
    """Money (published units) and outcome (the goal's unit) of each label of a dim, in all three comparisons."""
    frame = pd.DataFrame(index=pd.Index(run.case.world.labels(dim), name=dim))
    for name in ("baseline", "separate", "plan"):
        plan: Plan = getattr(run, name)
        spent = plan.values[run.case.model.schedule.amount]
        frame[f"{name}_money"] = spent.sum([d for d in spent.dims if d != dim]).to_series() / run.schedule.unit
        frame[f"{name}_outcome"] = _outcome_by(run, plan, dim)
    return frame.reset_index()


def rests_on(run: Run) -> dict[str, list[str]]:
    """The data that the plan is made of, by status: how much of the answer was counted, and how much is assumed.

    What the World leaves at the model's default is a lever that nobody pulled, and is not in it.
    """
    case = run.case
    names = used(case.model, case.fixed)
    found: dict[str, list[str]] = {status: [] for status in STATUSES}
    for name in case.model.data:
        if name in names and name in case.world.data:
            found[case.world.data[name].attrs["status"]].append(name)
    return {status: names for status, names in found.items() if names}


def scored_dims(run: Run) -> list[str]:
    """The dims of the amount, spaces and years aside, that outcomes vary over too: services, say."""
    outcome = {d for array in run.plan.worth().values() for d in array.dims}
    return [str(d) for d in run.schedule.amount.dims if d in outcome and d not in (SPACE, TIME)]
