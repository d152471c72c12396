"""Each rule of the medium term, of equity and of targets on a World that a person solves in the head."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

import tiny
from allocate.errors import NoPlanError
from allocate.plan import Plan
from allocate.read import read_model
from allocate.spec import Activate, Change, Consolidate, Drop, Replace, Set
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


FULL = ("R", ("space", "year"), lambda s, y: 65 * M if s == "A" else 1000 * M)

BASE = {
    # B keeps half of what it had.
    "guarantee": (tiny.world(), (70, 30), ("space",)),
    # A can spend R65m well.
    "absorption": (tiny.world(absorb=FULL), (65, 35), ("space",)),
    # A had R40m for its only service, and gets one and a quarter times that at most.
    "pace": (tiny.world(pace=("1", ("year",), lambda y: 1.25)), (50, 50), ("space",)),
    # Water is owed 60% of the grant, though power counts for three times as much.
    "purpose": (
        tiny.world(
            services=("water", "power"),
            value=const("1", "service", water=1, power=3),
            serves=const("flag", "service", "purpose", water=1),
            purpose_share=const("1", "grant", "purpose", G=0.6),
        ),
        (60, 40),
        ("service",),
    ),
    # What nobody can score keeps what it had, half of all money.
    "unmeasured": (
        tiny.world(services=("water", "roads"), unmeasured=const("flag", "service", roads=1), value=const("1", "service", water=1)),
        (50, 50),
        ("service",),
    ),
}  # fmt: skip
"""Rules that are always on: a World, what comes of it, and by what."""


@pytest.mark.parametrize("name", BASE)
def test_a_rule_of_the_base_gives_what_it_says(name: str) -> None:
    """Proves: with the rule, the line above its case; without it, or with its sign turned, another answer or none.

    Broken: the text of the rule says something else than its reason, or nothing.
    """
    world, want, by = BASE[name]
    assert tiny.money(tiny.plan("grant_consolidation", world), *by) == pytest.approx(want, abs=2e-3)
    text = read_model("grant_consolidation").rules[name].rule
    turned = text.replace("<=", "@").replace(">=", "<=").replace("@", ">=")
    for change in (Drop(drop=f"rules.{name}"), Replace(replace=f"rules.{name}", rule=turned, why="Turned round.")):
        try:
            got = tiny.money(tiny.plan("grant_consolidation", world, change), *by)
        except NoPlanError:
            continue
        assert got != pytest.approx(want, abs=0.1)


@pytest.mark.parametrize(("absorb", "want"), [(1000, (50, 50)), (25, (0, 50))])
def test_money_held_back_is_that_of_a_part(absorb: float, want: tuple[float, float]) -> None:
    """Proves: of R50m of G, owed to water, and R50m of H, owed to nothing, merged, water gets R50m, though power counts
    for three times as much; and where A and B can spend R50m between them, what is held back is that of G, as it is
    when the two are apart.

    Broken: nothing held back frees the pool of what it owes; or half of what is held back is taken to be H's, and water
    gets R25m.
    """
    world = tiny.world(
        services=("water", "power"),
        grants=("G", "H"),
        absorb=("R", ("space", "year"), lambda s, y: absorb * M),
        keep=("1", ("year",), lambda y: 0.0),
        value=const("1", "service", water=1, power=3),
        serves=const("flag", "service", "purpose", water=1),
        purpose_share=const("1", "grant", "purpose", G=1),
    )
    merge = Consolidate(consolidate=("G", "H"), into="Both")
    for changes in ((), (merge,)):
        assert tiny.money(tiny.plan("grant_consolidation", world, *changes), "service") == pytest.approx(want)
    if absorb == 1000:
        free = tiny.plan("grant_consolidation", world, merge, Drop(drop="rules.held"))
        assert tiny.money(free, "service") == pytest.approx((0, 100))


def test_project_management_pays_where_a_space_is_full() -> None:
    """Proves: A can spend R50m, and R5m more for each rand of management, a twentieth of its money at most.

    a = 50 + 5m and m = 0.05a: a = R66.667m, of which R3.333m manage and R63.333m build 6,333 households. Without
    management A gets R50m. Broken: management builds too, or lifts more than its slice.
    """
    world = tiny.world(
        absorb=("R", ("space", "year"), lambda s, y: 50 * M if s == "A" else 1000 * M),
        top_slice=const("1", "grant", G=0.05),
        lift=("1", ("year",), lambda y: 5.0),
    )
    found = tiny.plan("multi_year", world, Set(set="management", to=1))
    assert tiny.money(found) == pytest.approx((66.667, 33.333), abs=2e-3)
    assert found.values["managed"].sel(space="A").sum().item() == pytest.approx(3.3333 * M, rel=1e-4)
    assert found.values["reached"].sel(space="A").sum().item() == pytest.approx(6333.3, rel=1e-4)
    assert tiny.money(tiny.plan("multi_year", world)) == pytest.approx((50, 50))


@pytest.mark.parametrize(
    ("goal", "rules"),
    [
        ("the worst-off", ("lowest",)),
        ("each after the worst-off", ()),
        ("the worse-off count more", ("below",)),
    ],
)
def test_the_worse_off_come_first(goal: str, rules: tuple[str, ...]) -> None:
    """Proves: two halves of the households with R70m and R30m are made even before need is met.

    Broken: a goal that comes after need met, or is turned round, leaves R70m and R30m.
    """
    on = [Activate(activate=part) for part in (f"goals.{goal}", *(f"rules.{name}" for name in rules))]
    found = tiny.plan("equity", EVEN, Set(set="by_money", to=1), *on)
    assert tiny.money(found) == pytest.approx((50, 50), abs=1e-3)
    assert tiny.money(tiny.plan("equity", EVEN)) == pytest.approx(FREE)


def test_an_average_that_counts_all_alike_changes_nothing() -> None:
    """Proves: with all weight on the mean of all, every split of R100m is as good, and need met decides.

    With a tenth of the weight on the worst two fifths they are made even. Broken: the weights of tails do not matter.
    """
    on = [
        Set(set="by_money", to=1),
        Activate(activate="rules.below"),
        Activate(activate="goals.the worse-off count more"),
    ]
    tails = ("worst tenth", "worst fifth", "worst two fifths")
    nothing = [Set(set="tail_weight", to=0, where={"tail": tail}) for tail in tails]
    assert tiny.money(tiny.plan("equity", EVEN, *on, *nothing)) == pytest.approx(FREE, abs=1e-3)
    some = [*nothing[:2], Set(set="tail_weight", to=0.1, where={"tail": "worst two fifths"})]
    assert tiny.money(tiny.plan("equity", EVEN, *on, *some)) == pytest.approx((50, 50), abs=1e-3)


def test_as_near_to_targets_as_money_goes() -> None:
    """Proves: 6,000 households with water are R60m, and power, which counts for more, gets the rest.

    Without the goal power gets all. Broken: what is missing to a target is not counted.
    """
    target = Set(set="target", to=6000, where={"service": "water"})
    on = [Activate(activate="rules.near_target"), Activate(activate="goals.targets"), target]
    found = tiny.plan("targets", TWO_SERVICES, *on)
    assert tiny.money(found, "service") == pytest.approx((60, 40), abs=1e-3)
    assert found.goals["targets"] == pytest.approx(0, abs=1e-6)
    assert tiny.money(tiny.plan("targets", TWO_SERVICES), "service") == pytest.approx((0, 100), abs=1e-3)
    more = tiny.plan("targets", TWO_SERVICES, *on[:2], target.model_copy(update={"to": 12_000.0}))
    assert more.values["short"].sel(service="water").item() == pytest.approx(2000)
