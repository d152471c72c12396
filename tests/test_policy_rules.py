"""Each rule of the medium term, of equity and of targets on a World that a person solves in the head."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

import tiny
from allocate.errors import NoPlanError
from allocate.plan import Plan
from allocate.read import read_model
from allocate.spec import Activate, Change, Replace, Set
from allocate.world import World
from tiny import M

FREE = [70.0, 30.0]
"""Money of A and B without any of these rules."""


@dataclass(frozen=True)
class Case:
    """Rules that are switched on together, the last of them on trial, and what A and B then get."""

    model: str
    rules: tuple[str, ...]
    want: tuple[float, ...]
    levers: dict[str, float | tuple[float, dict[str, str]]] = field(default_factory=dict)
    world: World = field(default_factory=tiny.world)
    by: tuple[str, ...] = ("space",)
    goals: tuple[str, ...] = ()

    def plan(self, *others: Change, without: str = "") -> Plan:
        parts = [f"rules.{name}" for name in self.rules if name != without]
        on = [Activate(activate=part) for part in (*parts, *(f"goals.{name}" for name in self.goals))]
        levers = [_set(name, value) for name, value in self.levers.items() if not without or name == "by_money"]
        return tiny.plan(self.model, self.world, *on, *levers, *others)

    def got(self, *others: Change, without: str = "") -> list[float]:
        return tiny.money(self.plan(*others, without=without), *self.by)


def _set(name: str, to: float | tuple[float, dict[str, str]]) -> Set:
    return Set(set=name, to=to[0], where=to[1]) if isinstance(to, tuple) else Set(set=name, to=to)


def const(unit: str, *dims: str, **values: float) -> tiny.Datum:
    """A datum that differs by the label of its first dim."""
    return unit, dims, lambda *cell: values.get(cell[0], 0.0)


def falling(year: str) -> float:
    return {"1": 1.0, "2": 0.5}[year]


TWO_YEARS = tiny.world(("1", "2"), keep=("1", ("year",), falling))
"""The first year everybody keeps all, the second half: A R40m, then R70m."""

TWO_SERVICES = tiny.world(
    services=("water", "power"),
    value=const("1", "service", water=1, power=3),
    jobs=const("job/R", "service", water=2e-6, power=1e-6),
    labour=const("1", "service", water=0.5, power=0.1),
)
"""Power counts for more, water makes twice the jobs: all money goes to power."""

POVERTY = const("household", "space", A=50_000, B=50_000)
EVEN = tiny.world(shared_by=POVERTY, poor_households=POVERTY)
"""As many households in A as in B."""

CASES = {
    # A could rise from R40m to R70m in year 2, but by no more than a tenth: R44m.
    "rise": Case("multi_year", ("rise",), (40, 44, 60, 56), {"swing": 0.1}, TWO_YEARS, ("space", "year")),
    # B could fall from R60m to R30m, but by no more than a tenth: R54m.
    "fall": Case("multi_year", ("fall",), (40, 46, 60, 54), {"swing": 0.1}, TWO_YEARS, ("space", "year")),
    # Everybody within a fifth of what it had: A R48m.
    "indicated": Case("multi_year", ("indicated",), (48, 52), {"leeway": 0.2}),
    # No more than 10% of R100m is taken from losers: B keeps R50m.
    "all_losses": Case("multi_year", ("loss", "all_losses"), (50, 50), {"loss_most": 0.1}),
    # What A can spend grows by a tenth from R40m.
    "growth": Case("multi_year", ("growth",), (40, 44, 60, 56), {"absorb_growth": 0.1}, TWO_YEARS, ("space", "year")),
    # The province of A had R40m and gets 10% more at most.
    "envelope": Case("multi_year", ("envelope",), (44, 56), {"envelope_band": 0.1}),
    # 0.2 a + 0.8 b >= 0.6 x 100 with a + b = 100: b = 66.6667.
    "rural": Case("multi_year", ("rural",), (33.333, 66.667), {"rural_floor": 0.6}, tiny.world(rural_share=const("1", "space", A=0.2, B=0.8))),
    # Districts, which is B, keep 55%.
    "balance": Case("multi_year", ("balance",), (45, 55), {"kind_floor": (0.55, {"kind": "district"})}),
    # A puts R0.20 beside each rand and has a fifth of R50m to do so: R50m at most.
    "co_funding": Case("multi_year", ("co_funding",), (50, 50), {"match_most": 0.2}, tiny.world(matching=const("1", "grant", G=0.2), own_revenue=const("R", "space", "year", A=50 * M, B=500 * M))),
    # 2e-6 w + 1e-6 p >= 150 with w + p = R100m: w = R50m.
    "jobs": Case("multi_year", ("jobs",), (50, 50), {"jobs_least": 150}, TWO_SERVICES, ("service",)),
    # 0.5 w + 0.1 p >= 0.3 x 100: w = R50m.
    "labour": Case("multi_year", ("labour",), (50, 50), {"labour_least": 0.3}, TWO_SERVICES, ("service",)),
    # A fifth of R15m runs 3,000 households at R1,000: R30m in A, and what is more buys nothing there.
    "running": Case("multi_year", ("running",), (30, 70), {"run_means": 0.2}, tiny.world(run_cost=const("R/household", "service", "year", water=1000), operating_transfers=const("R", "space", "year", A=15 * M, B=900 * M))),
    # Two halves with R60m and R40m: the Gini index is 0.1.
    "gini": Case("equity", ("total", "apart", "gini"), (60, 40), {"by_money": 1, "gini_most": 0.1}, EVEN),
    # A tenth of R100m would have to move.
    "hoover": Case("equity", ("total", "above", "hoover"), (60, 40), {"by_money": 1, "hoover_most": 0.1}, EVEN),
    # A tenth in A has 0.1 x 60, two fifths in B have 0.4 x 40: 0.375.
    "palma": Case("equity", ("over_top", "under_low", "palma"), (60, 40), {"by_money": 1, "palma_most": 0.375}, EVEN),
    # R60m is one and a half times R40m.
    "ratio": Case("equity", ("highest", "lowest", "ratio"), (60, 40), {"by_money": 1, "ratio_most": 1.5}, EVEN),
    # Guarantees of R20m and R30m reach 5,000 households; 250 more take R2.5m, and count double in A.
    "target": Case("targets", ("target",), (22.5, 30), {"target": 5250}, goals=("least money",)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_rule_gives_what_it_says(name: str) -> None:
    """Proves: with the rule on, A and B get what the line above its case works out.

    Broken: the text of the rule says something else than its reason.
    """
    case = CASES[name]
    assert case.got() == pytest.approx(case.want, abs=2e-3)


@pytest.mark.parametrize("name", CASES)
def test_without_the_rule_the_answer_is_another(name: str) -> None:
    """Proves: it is this rule that makes the difference. Broken: a rule that never binds passes its test."""
    case = CASES[name]
    try:
        assert case.got(without=case.rules[-1]) != pytest.approx(case.want, abs=0.1)
    except NoPlanError as error:
        pytest.fail(f"without {name} there is no plan: {error}")


@pytest.mark.parametrize("name", CASES)
def test_a_rule_with_its_sign_turned_gives_another_answer(name: str) -> None:
    """Proves: at least is not at most. Broken: a rule that is stated the wrong way round passes its test."""
    case, rule = CASES[name], CASES[name].rules[-1]
    text = read_model(case.model).rules[rule].rule
    turned = text.replace("<=", "@").replace(">=", "<=").replace("@", ">=")
    if turned.count(">=") == 2 or turned.count("<=") == 2:  # a chain keeps one end, turned
        turned = turned.rsplit(">=" if ">=" in turned else "<=", 1)[0]
    try:
        got = case.got(Replace(replace=f"rules.{rule}", rule=turned, why="Turned round."))
    except NoPlanError:
        return
    assert got != pytest.approx(case.want, abs=0.1)
