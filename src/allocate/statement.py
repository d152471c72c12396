"""The gender budget statement of a run: what money is marked as, whom it is for, whose need it meets, at what price.

The data count households by the sex of who heads them, and people by sex; no figure says which women a rand reaches.
So money is for women and men by their share of the people of a space, and for households headed by women and by men by
their share of the backlog of a service there: an incidence, not a record. A mark says what money is meant for, never
whom it reaches. The form is that of D. Budlender and R. Sharp, How to do a gender-sensitive budget analysis (1998).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.errors import InputError, Problem
from allocate.findings import AT_LIMIT, NOTHING, PER, Gain, cost_of_changes, without_dust
from allocate.holding import AIM, ENDS, RULES, SHARE, Holding, holds
from allocate.names import SPACE, TIME
from allocate.optimum.linear import Vector
from allocate.plan import Plan
from allocate.runs import MOST_PAIRS, Run
from allocate.units import MONEY

NAMES: Final = ("met_of", "gap", "met_start", "gap_start", "waiting", "aimed", SHARE, AIM)
"""What must be at work in a model for its runs to have a statement."""

DATA: Final = ("households_by_head", SHARE, AIM, "population", "marker", "category")
"""What the World must have."""

ASKED: Final = ("incidence", "tagged", *RULES, "women_jobs")
"""The rules that ask something for women."""

WORK: Final = ("jobs", "women_in_jobs")
"""What it must have for the statement to speak of jobs."""

UNSAID: Final = "cannot be said"
"""Whom the money of services without a backlog is for."""

STEPS: Final = {MONEY: (PER, "R1 million"), "1": (0.01, "point")}
"""What prices are told per: so much of the unit of a limit, in words."""

SIDES: Final = {"was": "baseline", "now": "plan"}
"""The actual split, and the plan."""


@dataclass(frozen=True)
class Part:
    """A part of the money, in whole published units: in the actual split and in the plan."""

    label: str
    was: int
    now: int


@dataclass(frozen=True)
class Met:
    """Need met of households of one head, all spaces together: at the start, and in the last year of two plans."""

    head: str
    start: float
    was: float
    now: float


@dataclass(frozen=True)
class Moved:
    """Where the gap closes, opens or stays, against the actual split: spaces, and the households headed by women."""

    verdict: str
    spaces: int
    households: float


@dataclass(frozen=True)
class Price:
    """What relaxing a rule a little would buy, for each ``step`` at every limit, in ``unit``.

    Of ``rows`` limits ``at_limit`` are reached. ``pair`` tells whether ``buys`` is what relaxing buys, or the dual
    price, which at a kink lies between that and what tightening costs.
    """

    rule: str
    rows: int
    at_limit: int
    buys: float
    unit: str
    step: str
    pair: bool


@dataclass(frozen=True)
class Jobs:
    """Full-time jobs of a year that the money pays for, and the part that women have."""

    was: float
    now: float
    women_was: float
    women_now: float


@dataclass(frozen=True)
class Quality:
    """How a figure of the statement is known; ``value`` is its mean, and ``low`` and ``high`` where it has a range.

    A share is weighed by the backlog; ``nan`` where one number would say nothing.
    """

    datum: str
    status: str
    source: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class GenderStatement:
    """The gender budget statement of a run; :func:`gender_statement` makes one.

    ``marks``, ``categories``, ``sexes`` and ``heads`` each add up to the published money, in ``unit``. ``spaces`` has a
    row a space: money of women, men, female, male (``_was``, ``_now``) and unsaid, need met of both heads and the gap
    (``_start``, ``_was``, ``_now``; a gap above 0 is how far women are behind), households headed by women, how much
    more of their need is met than under the actual split (in households), and a verdict. ``aimed`` counts households of
    one head that are reached before those of the other.
    """

    unit: str
    marks: tuple[Part, ...]
    categories: tuple[Part, ...]
    sexes: tuple[Part, ...]
    heads: tuple[Part, ...]
    spaces: pd.DataFrame
    met: tuple[Met, ...]
    moved: tuple[Moved, ...]
    prices: tuple[Price, ...]
    cost: Gain | None
    aimed: float
    jobs: Jobs | None
    qualities: tuple[Quality, ...]
    holding: Holding


def has_statement(run: Run) -> bool:
    """Whether the model of a run, and its World, have what a statement needs.

    >>> from allocate.runs import run
    >>> has_statement(run("grant_consolidation", "za2016", years=["2019/20"]))
    False
    """
    return not _missing(run)


@lru_cache(maxsize=1)  # the page, the workbook and the sentences of one run ask for the same
def gender_statement(run: Run) -> GenderStatement:
    """The gender budget statement of a run of ``gender_responsive``, or of a model that extends it.

    >>> import allocate as al
    >>> found = al.gender_statement(al.run("gender_responsive", "za2016", "parity_gap", years=["2019/20"]))
    >>> [mark.label for mark in found.marks if mark.now]
    ['significant', 'unscreened']
    >>> str(found.holding).startswith("does not survive")
    True

    Raises :class:`InputError` naming what the model or the World lacks, and every service without exactly one mark and
    one category.
    """
    lacking = _missing(run)
    if lacking:
        raise InputError(run.case.model.source, lacking)
    frame = _spaces(run)
    return GenderStatement(
        unit=run.schedule.scale,
        marks=_by_flag(run, "marker", "mark"),
        categories=_by_flag(run, "category", "budget_category"),
        sexes=tuple(_part(frame, label) for label in ("women", "men")),
        heads=tuple(_part(frame, label) for label in ("female", "male", UNSAID)),
        spaces=frame,
        met=tuple(_met(run, head) for head in ("female", "male")),
        moved=tuple(_moved(frame)),
        prices=tuple(_prices(run)),
        cost=cost_of_changes(run),
        aimed=float(abs(run.plan.values["aimed"]).sum()) / 2,
        jobs=_jobs(run),
        qualities=tuple(_qualities(run)),
        holding=holds(run),
    )


def _missing(run: Run) -> list[Problem]:
    model, world = run.case.model, run.case.world.data
    known = {*model.data, *model.expressions, *model.derived, *model.variables}
    lacking = [Problem(name, "is not in the model; a statement needs it") for name in NAMES if name not in known]
    return lacking + [Problem(name, "is not in the World; a statement needs it") for name in DATA if name not in world]


def _by_flag(run: Run, name: str, dim: str) -> tuple[Part, ...]:
    """Money by what each service is marked as. Unscreened is a mark of its own: unknown is not 0."""
    flags = run.case.world.data[name]
    each = flags.sum(dim).to_series()
    wrong = [Problem(f"{name}[service={k}]", f"has {n:g} of {dim}; it has one") for k, n in each.items() if n != 1]
    if wrong:
        raise InputError(run.case.world.name, wrong)
    was, now = ((schedule.by("service") * flags).sum("service") for schedule in (run.was, run.schedule))
    labels = run.case.world.labels(dim)
    return tuple(Part(label, int(was.sel({dim: label})), int(now.sel({dim: label}))) for label in labels)


def _spaces(run: Run) -> pd.DataFrame:
    world = run.case.world
    codes = list(world.labels(SPACE))
    frame = pd.DataFrame({"space": codes, "name": [world.title(SPACE, code) for code in codes]})
    for when, schedule in (("was", run.was), ("now", run.schedule)):
        for label, money in _incidence(run, schedule.by(SPACE, "service")).items():
            frame[f"{label}_{when}"] = money
    homes = world.data["households_by_head"]
    for head in ("female", "male"):
        for when, met in _need_met(run).items():
            frame[f"met_{head}_{when}"] = met.sel(head=head).values
    for when in ("start", *SIDES):
        frame[f"gap_{when}"] = frame[f"met_male_{when}"] - frame[f"met_female_{when}"]
    frame["households"] = homes.sel(head="female").values
    frame["gains"] = (frame["met_female_now"] - frame["met_female_was"]) * frame["households"]
    nearer = frame["gap_was"].abs() - frame["gap_now"].abs()
    frame["verdict"] = np.where(nearer > NOTHING, "closes", np.where(nearer < -NOTHING, "opens", "stays"))
    return frame


def _incidence(run: Run, money: xr.DataArray) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Money (space, service) by whom it is for; each split adds up to the money of the space, in whole units."""
    data = run.case.world.data
    people, scored = data["population"], 1 - data["unmeasured"]
    every = money.sum("service").values
    counted = (money * scored).sum("service").values.astype(np.int64)
    women = np.rint(every * (people.sel(sex="women") / people.sum("sex")).values).astype(np.int64)
    female = (money * scored * data[SHARE].sel(head="female")).sum("service").values
    female = np.rint(female).astype(np.int64)
    return {"women": women, "men": every - women, "female": female, "male": counted - female, UNSAID: every - counted}


def _part(frame: pd.DataFrame, label: str) -> Part:
    return Part(label, *(int(frame[f"{label}_{when}"].sum()) for when in SIDES))


def _need_met(run: Run) -> dict[str, xr.DataArray]:
    """Need met (space, head) at the start, and in the last year of the actual split and of the plan."""
    plans: dict[str, Plan] = {when: getattr(run, name) for when, name in SIDES.items()}
    ends = {when: plan.expressions["met_of"].isel({TIME: -1}) for when, plan in plans.items()}
    return {"start": run.plan.program.datum("met_start"), **ends}


def _met(run: Run, head: str) -> Met:
    homes = run.case.world.data["households_by_head"].sel(head=head)
    return Met(head, *(float((met.sel(head=head) * homes).sum() / homes.sum()) for met in _need_met(run).values()))


def _moved(frame: pd.DataFrame) -> Iterator[Moved]:
    for verdict in ("closes", "opens", "stays"):
        part = frame[frame["verdict"] == verdict]
        yield Moved(verdict, len(part), float(part["households"].sum()))


def _prices(run: Run) -> Iterator[Price]:
    linear = run.plan.program.linear
    for rule in ASKED:
        if rule in run.plan.program.rows:
            block = run.plan.program.rows[rule]
            rows = int((block.number >= 0).sum())
            pair = linear.is_plain and rows <= MOST_PAIRS
            step, words = STEPS.get(str(block.unit), (1.0, str(block.unit)))
            bought = _bought(run.plan, rule, pair) * step * (-1.0 if run.sense == "min" else 1.0)
            yield Price(rule, rows, bought.size, float(without_dust(bought).sum()), run.unit, words, pair)


def _bought(plan: Plan, rule: str, pair: bool) -> Vector:
    """What relaxing each limit that is reached by one of its unit does to the goal."""
    block, linear = plan.program.rows[rule], plan.program.linear
    there = block.number >= 0
    numbers = block.number[there]
    activity = linear.matrix[numbers] @ plan.x
    above, under = activity - linear.row_lower[numbers], linear.row_upper[numbers] - activity
    both = plan.price_pairs(rule)[rule] if pair else dict.fromkeys(("more", "less"), plan.prices()[rule])
    bought = np.where(above < under, -both["less"].values[there], both["more"].values[there])
    size = abs(linear.matrix[numbers]) @ abs(plan.x)  # most of these limits are 0, which has no size of its own
    return np.asarray(bought[np.minimum(above, under) <= AT_LIMIT * (block.unit.published + size)])


def _jobs(run: Run) -> Jobs | None:
    data = run.case.world.data
    if any(name not in data for name in WORK):
        return None
    money = [schedule.by("service") * schedule.unit for schedule in (run.was, run.schedule)]
    found = [float((data["jobs"] * spent).sum()) for spent in money]
    women = [float((data["women_in_jobs"] * data["jobs"] * spent).sum()) for spent in money]
    return Jobs(*found, *(part / whole if whole else np.nan for part, whole in zip(women, found, strict=True)))


def _qualities(run: Run) -> Iterator[Quality]:
    data, specs = run.case.world.data, run.case.model.data
    for name in (*DATA, *WORK):
        if name in data:
            named = specs[name].named if name in specs else {}
            values = [_mean(run, data[key]) if key in data else np.nan for key in (name, *map(named.get, ENDS))]
            yield Quality(name, str(data[name].attrs["status"]), str(data[name].attrs.get("source", "")), *values)


def _mean(run: Run, datum: xr.DataArray) -> float:
    """A share over everybody: of women where it is by sex, weighed by the backlog where it is by service."""
    if datum.attrs["unit"] != "1":
        return _women(datum)
    waiting = run.plan.program.datum("waiting")
    part = datum.sel(head="female") if "head" in datum.dims else datum
    weight = waiting.sum("head")
    return float((part * weight).sum() / weight.sum()) if float(weight.sum()) else np.nan


def _women(datum: xr.DataArray) -> float:
    """The share of women in a count by sex; nan for what is not one."""
    for dim, label in (("sex", "women"), ("head", "female")):
        if dim in datum.dims:
            return float(datum.sel({dim: label}).sum() / datum.sum())
    return float("nan")
