"""A World whose optimum a person finds in the head, for the shipped models.

R100m a year for A and B, which got R40m and R60m. R10,000 reaches a household in both, and one in A counts double. All
goes to A but for the half of what it had that B is guaranteed: A R70m, B R30m.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import allocate as al
from allocate.changes import apply
from allocate.plan import Plan
from allocate.regions import Registry
from allocate.spec import Change, Scenario
from allocate.world import World
from small import table

M = 1e6
WEIGHT = {"A": 2.0, "B": 1.0, "C": 0.5}
HAD = {"A": 40 * M, "B": 60 * M, "C": 0.0}
HEADER = ("code", "name", "other_names", "province", "kind")
PLACES = (
    ("A", "Ash", "", "east", "metro"),
    ("B", "Birch", "", "west", "district"),
    ("C", "Cedar", "", "west", "district"),
)

type Datum = tuple[str, tuple[str, ...], Callable[..., float]]


def world(
    years: Sequence[str] = ("1",),
    services: Sequence[str] = ("water",),
    spaces: Sequence[str] = ("A", "B"),
    grants: Sequence[str] = ("G",),
    **more: Datum,
) -> World:
    """The World; ``more`` gives data in the place of these or beside them: unit, dims and a value a cell.

    Several ``grants`` share the money equally.
    """
    labels: Mapping[str, Any] = {
        "space": tuple(spaces),
        "grant": tuple(grants),
        "pool": tuple(grants),
        "service": tuple(services),
        "purpose": ("all",),
        "tier": ("only",),
        "band": ("only",),
        "year": tuple(years),
    }
    total = sum(HAD[s] for s in spaces)
    made: dict[str, Datum] = {
        "member": ("flag", ("grant", "pool"), lambda g, p: g == p),
        "budget": ("R", ("grant", "year"), lambda g, y: total / len(grants)),
        "may_receive": ("flag", ("space", "grant"), lambda s, g: 1),
        "may_fund": ("flag", ("grant", "service"), lambda g, k: 1),
        "unmeasured": ("flag", ("service",), lambda k: 0),
        "serves": ("flag", ("service", "purpose"), lambda k, p: 1),
        "purpose_share": ("1", ("grant", "purpose"), lambda g, p: 0),
        "service_split": ("1", ("grant", "service"), lambda g, k: 1 / len(services)),
        "baseline": ("R", ("space", "grant", "year"), lambda s, g, y: HAD[s] / len(grants)),
        "got_share": ("1", ("space", "grant", "year"), lambda s, g, y: HAD[s] / total),
        "pace": ("1", ("year",), lambda y: 100),
        "keep": ("1", ("year",), lambda y: 0.5),
        "absorb": ("R", ("space", "year"), lambda s, y: 1000 * M),
        "unit_cost": ("R/household", ("space", "service", "tier", "year"), lambda s, k, t, y: 10_000),
        "tier_size": ("household", ("space", "service", "tier"), lambda s, k, t: 100_000),
        "renew_cost": ("R/household", ("space", "service", "year"), lambda s, k, y: 0),
        "survives": ("1", ("space", "service"), lambda s, k: 1),
        "served_now": ("household", ("space", "service"), lambda s, k: 0),
        "band_size": ("household", ("space", "service", "band", "year"), lambda s, k, b, y: 100_000),
        "need_weight": ("1", ("space",), lambda s: WEIGHT[s]),
        "value": ("1", ("service",), lambda k: 1),
        "value_equal": ("1", ("service",), lambda k: 1),
        "value_share": ("1", ("service",), lambda k: 1),
        "band_weight": ("1", ("band",), lambda b: 1),
        "discount": ("year", ("year",), lambda y: 1),
        "years_after": ("1", ("service",), lambda k: 0),
        **more,
    }
    data = [table(name, unit, dims, value, labels) for name, (unit, dims, value) in made.items()]
    regions = Registry(HEADER, tuple(row for row in PLACES if row[0] in spaces))
    return World.build("tiny", data, {d: v for d, v in labels.items() if d != "space"}, regions)


def plan(model: str, facts: World, *changes: Change) -> Plan:
    """The plan of a shipped model in a World after some changes."""
    what_if = Scenario(name="What if", why="A test.", changes=changes)
    return al.solve(al.build(apply(al.read_model(model), facts, [what_if])))


def money(found: Plan, *dims: str) -> list[float]:
    """R million by space, or by other dims, in order."""
    spend = found.values["spend"]
    kept = dims or ("space",)
    return [round(v / M, 4) for v in spend.sum([d for d in spend.dims if d not in kept]).values.ravel().tolist()]
