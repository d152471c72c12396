"""A World small enough to check by hand, and models of one rule.

Three spaces, two grants, two services, two years: WIRES pays for power in N and S, PIPES for water everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from allocate.builder import build
from allocate.changes import Case, apply
from allocate.program import Program
from allocate.regions import Registry
from allocate.spec import Model, Scenario
from allocate.tables import Datum
from allocate.world import World

SPACES = Registry(
    ("code", "name", "other_names"), (("N", "North", "Noord"), ("S", "South", "Suid"), ("W", "West", "Wes"))
)
LABELS = {
    "space": ("N", "S", "W"),
    "grant": ("PIPES", "WIRES"),
    "pool": ("PIPES", "WIRES"),
    "service": ("water", "power"),
    "purpose": ("clean water", "light"),
    "tier": ("cheap", "dear"),
    "band": ("first", "last"),
    "year": ("2019/20", "2020/21"),
}
FUNDS = {"PIPES": "water", "WIRES": "power"}
SERVES = {"water": "clean water", "power": "light"}
BASELINE = {("N", "PIPES"): 60e6, ("S", "PIPES"): 30e6, ("W", "PIPES"): 10e6, ("N", "WIRES"): 20e6, ("S", "WIRES"): 5e6}
SERVED = {("N", "water"): 4000, ("S", "water"): 1000, ("W", "water"): 500, ("N", "power"): 3000, ("S", "power"): 2000}
BACKLOG = {"N": 3000, "S": 4000, "W": 1000}


def table(name: str, unit: str, dims: Sequence[str], value: Callable[..., float], labels: Mapping[str, Any]) -> Datum:
    """A datum with one row a cell, ``value(*labels)`` in each."""
    cells = list(itertools.product(*(labels[d] for d in dims)))
    frame = pd.DataFrame(cells, columns=list(dims), index=range(len(cells)))
    frame["value"] = [float(value(*cell)) for cell in cells]
    return Datum(name, frame, unit, "assumed", "made up for tests", "2019")


def world(spaces: Sequence[str] = ("N", "S", "W"), years: Sequence[str] = LABELS["year"]) -> World:
    """A World for the shipped model, or as much of it as is asked for."""
    labels = {**LABELS, "space": tuple(spaces), "year": tuple(years)}

    def had(space: str, grant: str) -> float:
        return BASELINE.get((space, grant), 0.0)

    def all_of(space: str) -> float:
        return sum(had(space, grant) for grant in LABELS["grant"])

    def served(space: str, service: str) -> float:
        return SERVED.get((space, service), 0)

    def missing(space: str, service: str) -> float:
        return BACKLOG[space] if service == "water" or space != "W" else 0

    made: dict[str, tuple[str, tuple[str, ...], Callable[..., float]]] = {
        "member": ("flag", ("grant", "pool"), lambda g, p: g == p),
        "budget": ("R", ("grant", "year"), lambda g, y: sum(had(s, g) for s in spaces)),
        "may_receive": ("flag", ("space", "grant"), lambda s, g: had(s, g) > 0),
        "may_fund": ("flag", ("grant", "service"), lambda g, k: FUNDS[g] == k),
        "unmeasured": ("flag", ("service",), lambda k: 0),
        "serves": ("flag", ("service", "purpose"), lambda k, p: SERVES[k] == p),
        "purpose_share": ("1", ("grant", "purpose"), lambda g, p: 0.5 * (SERVES[FUNDS[g]] == p)),
        "service_split": ("1", ("grant", "service"), lambda g, k: FUNDS[g] == k),
        "baseline": ("R", ("space", "grant", "year"), lambda s, g, y: had(s, g)),
        "got_share": ("1", ("space", "grant", "year"), lambda s, g, y: had(s, g) / sum(had(k, g) for k in spaces)),
        "pace": ("1", ("year",), lambda y: 3.0),
        "keep": ("1", ("year",), lambda y: 0.8),
        "absorb": ("R", ("space", "year"), lambda s, y: 1.5 * all_of(s)),
        "unit_cost": ("R/household", ("space", "service", "tier", "year"), lambda s, k, t, y: COSTS[k, t]),
        "tier_size": ("household", ("space", "service", "tier"), lambda s, k, t: missing(s, k) / 2),
        "renew_cost": ("R/household", ("space", "service", "year"), lambda s, k, y: COSTS[k, "cheap"] / 2),
        "survives": ("1", ("space", "service"), lambda s, k: 0.875),
        "served_now": ("household", ("space", "service"), served),
        "band_size": ("household", ("space", "service", "band", "year"), lambda s, k, b, y: (served(s, k) + missing(s, k)) / 2),
        "need_weight": ("1", ("space",), lambda s: {"N": 0.5, "S": 1.5, "W": 1.0}[s]),
        "value": ("1", ("service",), lambda k: 1.25 if k == "water" else 0.75),
        "value_equal": ("1", ("service",), lambda k: 1.0),
        "value_share": ("1", ("service",), lambda k: 0.5 if k == "water" else 1.5),
        "band_weight": ("1", ("band",), lambda b: 2.0 if b == "first" else 1.0),
        "discount": ("year", ("year",), lambda y: 1.0 if y == "2019/20" else 0.875),
        "years_after": ("1", ("service",), lambda k: 4.0),
    }  # fmt: skip
    data = [table(name, unit, dims, value, labels) for name, (unit, dims, value) in made.items()]
    regions = Registry(SPACES.header, tuple(row for row in SPACES.rows if row[0] in spaces))
    return World.build("small", data, {d: v for d, v in labels.items() if d != "space"}, regions)


COSTS = {("water", "cheap"): 20_000.0, ("water", "dear"): 45_000.0, ("power", "cheap"): 10_000.0, ("power", "dear"): 25_000.0}  # fmt: skip


def model(**parts: Any) -> Model:
    """A model of two spaces, two years and one variable; any section can be given anew."""
    whole: dict[str, Any] = {
        "name": "Toy",
        "dims": {"space": "where", "year": "when"},
        "data": {
            "budget": {"over": ["year"], "unit": "R"},
            "floor": {"over": ["space"], "unit": "R"},
            "cost": {"over": ["space"], "unit": "R/household"},
            "line": {"unit": "R"},
        },
        "variables": {
            "spend": {"over": ["space", "year"], "unit": "R"},
            "reached": {"over": ["space", "year"], "unit": "household"},
        },
        "rules": {
            "pool": {"over": ["year"], "rule": "sum(spend, over=space) <= budget"},
            "delivery": {"over": ["space", "year"], "rule": "cost * reached <= spend"},
        },
        "goals": [{"name": "reach", "max": "sum(reached, over=[space, year])"}],
        "schedule": {"amount": "spend", "unallocated": "spend"},
    }
    return Model.model_validate({**whole, **parts})


def with_rule(rule: str, over: Sequence[str] = ("space", "year"), **parts: Any) -> Model:
    """The toy model with one rule, called ``it``."""
    return model(rules={"it": {"over": list(over), "rule": rule}}, **parts)


def toy(years: Sequence[str] = ("1", "2")) -> World:
    """The World of the toy model: budgets 100 and 200, floors 10 and 20, costs 2 and 4, a line of 15."""
    labels = {"space": ("A", "B"), "year": tuple(years)}
    return World.build(
        "toy",
        [
            table("budget", "R", ["year"], lambda y: 100 * int(y), labels),
            table("floor", "R", ["space"], {"A": 10, "B": 20}.__getitem__, labels),
            table("cost", "R/household", ["space"], {"A": 2, "B": 4}.__getitem__, labels),
            table("line", "R", [], lambda: 15, labels),
        ],
        labels,
    )


def scenario(*changes: Any, source: str = "what_if.toml", model: str | None = None) -> Scenario:
    """A scenario of ready-made changes."""
    return Scenario(name="What if", why="A test.", changes=changes, source=source, model=model)


def program(rule: str, over: Sequence[str] = ("space", "year"), **parts: Any) -> Program:
    """The toy model with one rule, built in the toy World."""
    return build(Case(with_rule(rule, over, **parts), toy()))


__all__ = ["Case", "World", "apply", "build", "model", "program", "scenario", "table", "toy", "with_rule", "world"]
