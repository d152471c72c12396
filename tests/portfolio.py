"""Worlds of a few projects, and of a few waves, small enough to solve by hand.

Money is in R million, one grant ``G`` unless said otherwise, every space weighs 1, every year counts 1 and nothing
counts after the last: the goal is household-years.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from allocate.builder import build
from allocate.changes import apply
from allocate.plan import Plan, solve
from allocate.read import read_model
from allocate.regions import Registry
from allocate.spec import Model, Scenario
from allocate.world import World
from small import table

MILLION = 1e6


def projects(
    listed: Mapping[str, Mapping[str, Any]], budget: Mapping[str, Sequence[float]] | None = None, **data: Any
) -> World:
    """A World of listed projects; ``budget`` in R million a year by grant.

    A project says its ``cost`` in R million and ``connects``, and if need be ``space`` (A), ``pays`` (every grant),
    ``scheme``, ``capacity``, ``incomplete``, ``zone``, ``year_most``, ``after`` and ``indicated`` (R million of the
    first grant in each year). ``data`` gives ``zones_least`` and ``absorb`` (R million), a function of the space each.
    """
    money = budget or {"G": [100]}
    years = tuple(str(n + 1) for n in range(len(next(iter(money.values())))))
    names, grants = tuple(listed), tuple(money)
    first = grants[0]
    labels = {
        "space": ("A", "B"),
        "grant": grants,
        "pool": grants,
        "service": ("water",),
        "project": names,
        "ahead": names,
        "scheme": ("S",),
        "year": years,
    }

    def said(key: str, default: Any) -> Callable[[str], Any]:
        return lambda name: listed[name].get(key, default)

    space, pays, scheme = said("space", "A"), said("pays", grants), said("scheme", "")
    ahead, indicated = said("after", ""), said("indicated", [0] * len(years))
    zones_least, absorb = data.get("zones_least", lambda s: 0), data.get("absorb", lambda s: 1000)
    made: dict[str, tuple[str, tuple[str, ...], Callable[..., float]]] = {
        "member": ("flag", ("grant", "pool"), lambda g, p: g == p),
        "may_receive": ("flag", ("space", "grant"), lambda s, g: 1),
        "located": ("flag", ("space", "project"), lambda s, p: space(p) == s),
        "may_pay": ("flag", ("project", "grant"), lambda p, g: g in pays(p)),
        "works": ("flag", ("project", "service"), lambda p, k: 1),
        "in_scheme": ("flag", ("project", "scheme"), lambda p, s: scheme(p) == s),
        "connects": ("household", ("project",), said("connects", 0)),
        "capacity": ("household", ("project",), said("capacity", 0)),
        "spare": ("household", ("scheme",), lambda s: data.get("spare", 0)),
        "cost": ("R", ("project",), lambda p: listed[p]["cost"] * MILLION),
        "year_most": ("1", ("project",), said("year_most", 1)),
        "incomplete": ("flag", ("project",), said("incomplete", 0)),
        "zone": ("flag", ("project",), said("zone", 0)),
        "zones_least": ("1", ("space",), zones_least),
        "after": ("flag", ("project", "ahead"), lambda p, a: ahead(p) == a),
        "project_budget": ("R", ("grant", "year"), lambda g, y: money[g][int(y) - 1] * MILLION),
        "indicated": (
            "R",
            ("project", "grant", "year"),
            lambda p, g, y: (g == first) * indicated(p)[int(y) - 1] * MILLION,
        ),
        "absorb": ("R", ("space", "year"), lambda s, y: absorb(s) * MILLION),
        "need_weight": ("1", ("space",), lambda s: 1),
        "value": ("1", ("service",), lambda k: 1),
        "discount": ("year", ("year",), lambda y: 1),
        "years_after": ("1", ("service",), lambda k: 0),
    }
    data_ = [table(name, unit, dims, value, labels) for name, (unit, dims, value) in made.items()]
    return World.build("few projects", data_, labels)


KINDS = {"A": "district", "B": "district", "C": "district", "M": "metro"}
PROVINCES = {"A": "P", "B": "P", "C": "Q", "M": "Q"}
NEED = {"A": 10, "B": 30, "C": 20, "M": 100}


def waves(districts: Sequence[int] = (1, 2), metros: Sequence[int] = (0, 1), pilot: str = "A") -> World:
    """A World of two waves: so many districts and metros in each, and the space that is announced for the first.

    Households without a service: A 10, B 30, C 20 and the metro M 100. A and B are in province P, C and M in Q. A hub
    costs R1 million; who joins first is helped for two waves; every province joins in the first.
    """
    labels = {"space": tuple(KINDS), "service": ("water",), "wave": ("1", "2"), "kind": ("district", "metro"), "year": ("1",)}  # fmt: skip
    sizes = {"district": districts, "metro": metros}
    regions = Registry(
        ("code", "name", "kind", "province"), tuple((code, code, KINDS[code], PROVINCES[code]) for code in KINDS)
    )
    made: dict[str, tuple[str, tuple[str, ...], Callable[..., float]]] = {
        "wave_size": ("1", ("wave", "kind"), lambda w, k: sizes[k][int(w) - 1]),
        "announced": ("flag", ("space", "wave"), lambda s, w: s == pilot and w == "1"),
        "served_from": ("1", ("wave",), lambda w: 3 - int(w)),
        "early": ("flag", ("wave",), lambda w: w == "1"),
        "backlog": ("household", ("space", "service"), lambda s, k: NEED[s]),
        "need_weight": ("1", ("space",), lambda s: 1),
        "expert_cost": ("R", ("year",), lambda y: MILLION),
    }
    data = [table(name, unit, dims, value, labels) for name, (unit, dims, value) in made.items()]
    return World.build("few waves", data, {d: v for d, v in labels.items() if d != "space"}, regions)


def plan(world: World, *changes: Any, model: str | Model = "project_portfolio") -> Plan:
    """The best plan of a model in a World under ready-made changes."""
    text = model if isinstance(model, Model) else read_model(model)
    what_if = [Scenario(name="What if", why="A test.", changes=changes)] if changes else []
    return solve(build(apply(text, world, what_if)))
