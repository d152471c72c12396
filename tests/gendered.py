"""A World of two spaces for the gender rules, with numbers that can be worked out by hand.

N and S have 2,000 households each, half of them headed by women, and 1,000 of them wait for water and for refuse
removal. Of who waits, 40% are headed by women in N and 60% in S; so are the people. Reaching a household costs R1,000.
One grant has R1 million a year, R500,000 for each space, of it R100,000 for roads, which nobody can score: R800,000 can
move, and it all goes to water in N, whose need weighs twice that of S, unless a rule asks for something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from allocate.builder import build
from allocate.changes import apply
from allocate.plan import Plan, solve
from allocate.program import Program
from allocate.read import read_model
from allocate.regions import Registry
from allocate.spec import Model, Scenario
from allocate.world import World
from small import SPACES, table

LABELS = {
    "grant": ("G",),
    "pool": ("G",),
    "service": ("water", "refuse", "roads"),
    "purpose": ("any",),
    "tier": ("all",),
    "band": ("all",),
    "head": ("female", "male"),
    "sex": ("women", "men"),
    "mark": ("principal", "significant", "not targeted", "unscreened"),
    "budget_category": ("women-specific", "general"),
}
SPLIT = {"water": 0.4, "refuse": 0.4, "roads": 0.2}
WOMEN = {"N": 0.4, "S": 0.6}
MARKS = {"water": "significant", "refuse": "not targeted", "roads": "unscreened"}


def world(
    spaces: Sequence[str] = ("N", "S"),
    years: Sequence[str] = ("2019/20",),
    each: float = 500_000,
    targeting: float = 0.0,
    refuse: float = 0.0,
    survives: float = 1.0,
    marks: dict[str, str] = MARKS,
    off: float = 0.05,
) -> World:
    """The World; ``each`` is what a space had, ``refuse`` the value of refuse against water, ``off`` how far the ends
    of the share of women in a backlog are from what is assumed."""
    labels = {**LABELS, "space": tuple(spaces), "year": tuple(years)}

    def scored(service: str) -> bool:
        return service != "roads"

    def of_head(women: float, head: str) -> float:
        return women if head == "female" else 1 - women

    def share(by: float) -> Callable[[str, str, str], float]:
        return lambda s, k, h: of_head(WOMEN[s] + by if scored(k) else 0.5, h)

    made: dict[str, tuple[str, tuple[str, ...], Callable[..., float]]] = {
        "member": ("flag", ("grant", "pool"), lambda g, p: 1),
        "budget": ("R", ("grant", "year"), lambda g, y: each * len(spaces)),
        "may_receive": ("flag", ("space", "grant"), lambda s, g: 1),
        "may_fund": ("flag", ("grant", "service"), lambda g, k: 1),
        "unmeasured": ("flag", ("service",), lambda k: not scored(k)),
        "serves": ("flag", ("service", "purpose"), lambda k, p: 1),
        "service_split": ("1", ("grant", "service"), lambda g, k: SPLIT[k]),
        "baseline": ("R", ("space", "grant", "year"), lambda s, g, y: each),
        "got_share": ("1", ("space", "grant", "year"), lambda s, g, y: 1 / len(spaces)),
        "pace": ("1", ("year",), lambda y: 100),
        "keep": ("1", ("year",), lambda y: 0),
        "absorb": ("R", ("space", "year"), lambda s, y: 1e9),
        "unit_cost": ("R/household", ("space", "service", "tier", "year"), lambda s, k, t, y: 1000),
        "tier_size": ("household", ("space", "service", "tier"), lambda s, k, t: 1000 * scored(k)),
        "renew_cost": ("R/household", ("space", "service", "year"), lambda s, k, y: 0),
        "survives": ("1", ("space", "service"), lambda s, k: survives),
        "served_now": ("household", ("space", "service"), lambda s, k: 1000 * scored(k)),
        "band_size": ("household", ("space", "service", "band", "year"), lambda s, k, b, y: 2000 * scored(k)),
        "need_weight": ("1", ("space",), lambda s: 2 if s == "N" else 1),
        "value": ("1", ("service",), lambda k: {"water": 1, "refuse": refuse, "roads": 0}[k]),
        "band_weight": ("1", ("band",), lambda b: 1),
        "discount": ("year", ("year",), lambda y: 1),
        "years_after": ("1", ("service",), lambda k: 0),
        "households_by_head": ("household", ("space", "head"), lambda s, h: 1000),
        "backlog_share": ("1", ("space", "service", "head"), share(0)),
        "backlog_share_low": ("1", ("space", "service", "head"), share(-off)),
        "backlog_share_high": ("1", ("space", "service", "head"), share(off)),
        "targeting": ("1", ("service",), lambda k: targeting * scored(k)),
        "targeting_low": ("1", ("service",), lambda k: 0.0 if off else targeting * scored(k)),
        "targeting_high": ("1", ("service",), lambda k: targeting * scored(k)),
        "population": ("person", ("space", "sex"), lambda s, x: 5000 * of_head(WOMEN[s], {"women": "female"}.get(x, x))),
        "marker": ("flag", ("service", "mark"), lambda k, m: marks[k] == m),
        "category": ("flag", ("service", "budget_category"), lambda k, c: c == "general"),
        "jobs": ("job/R", ("service",), lambda k: 2e-6 if k == "water" else 1e-6),
        "women_in_jobs": ("1", ("service",), lambda k: 0.6 if k == "water" else 0.2),
    }  # fmt: skip
    data = [table(name, unit, dims, value, labels) for name, (unit, dims, value) in made.items()]
    regions = Registry(SPACES.header, tuple(row for row in SPACES.rows if row[0] in spaces))
    return World.build("gendered", data, {d: v for d, v in labels.items() if d != "space"}, regions)


def model() -> Model:
    return read_model("gender_responsive")


def what_if(*rules: str, drop: str = "", **levels: float) -> Scenario:
    """The scenario that activates rules at levels, and may leave out another."""
    changes: list[dict[str, Any]] = [{"activate": f"rules.{rule}"} for rule in rules]
    changes += [{"set": name, "to": value} for name, value in levels.items()]
    changes += [{"drop": f"rules.{drop}"}] if drop else []
    return Scenario.model_validate({"name": "What if", "why": "A test.", "change": changes, "source": "what_if.toml"})


def program(facts: World, scenario: Scenario, text: Model | None = None) -> Program:
    return build(apply(text or model(), facts, [scenario]))


def plan(facts: World, *rules: str, text: Model | None = None, drop: str = "", **levels: float) -> Plan:
    return solve(program(facts, what_if(*rules, drop=drop, **levels), text))


def reached(found: Plan, service: str = "water") -> dict[str, float]:
    """Households reached, all years together, by space."""
    total = found.values.reached.sel(service=service).sum(["tier", "year"])
    return {str(space): round(float(total.sel(space=space)), 3) for space in total.space.values}
