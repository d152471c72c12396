"""Every gender rule, and the gender budget statement, against numbers worked out by hand; and what is shipped."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import allocate as al
import gendered
from allocate.errors import InputError, NoPlanError
from allocate.plan import solve
from allocate.report.book import book
from allocate.report.html import html
from allocate.sentences import sentences
from allocate.sheets.reading import Sheets
from allocate.spec import Model
from allocate.statement import has_statement

ONE, THREE = ["2019/20"], ["2017/18", "2018/19", "2019/20"]


@dataclass(frozen=True)
class Case:
    """A rule at a level: households reached in N with it, and where its sign is turned (None: no plan at all)."""

    rule: str
    levels: dict[str, float]
    kept: float
    turned: float | None
    signs: tuple[str, str] = (">=", "<=")
    world: dict[str, Any] = field(default_factory=dict)
    service: str = "water"
    free: float = 800.0


TURNED = ("-parity_gap <= gap <= parity_gap", "gap <= -parity_gap")

CASES = [
    # Women are 40% of N and 60% of S, so half of all money is for women where N and S have the same: 400 each.
    Case("incidence", {"incidence_floor": 0.5}, 400, 800),
    # As above for who waits; the floor is the 0.5 of the model. Were the roads counted, whose R200,000 are half for women, R100,000 more would be for them.
    Case("incidence_of_heads", {}, 400, 800),
    # Refuse counts twice, so all R800,000 go to it. Half of what is screened is marked where water has R400,000: the
    # roads are unscreened. Were they screened as not targeted, it would be half of R1 million.
    Case("tagged", {}, 400, 0, world={"refuse": 2.0}, free=0),
    Case("tagged", {}, 500, 0, free=0,
         world={"refuse": 2.0, "marks": {**gendered.MARKS, "roads": "not targeted"}}),
    # Of R reached in S women are behind by 200 - 0.2 R of 1,000 households; 12 points ask for R = 400. Turned, they
    # would have to be 12 points ahead, for which too few wait.
    Case("parity_gap", {"parity_gap": 0.12}, 400, None, TURNED),
    # With aim, half of the men among those reached give way: 200 - 0.2 R - 2 (0.5 x 0.4 R) = 120, R = 400 / 3. Turned,
    # it is -120: R = 1600 / 3.
    Case("parity_gap", {"parity_gap": 0.12}, 800 - 400 / 3, 800 - 1600 / 3, TURNED, {"targeting": 0.5}),
    # 400 + 0.6 R = 0.8 (600 + 0.4 R) in S: R = 80 / 0.28.
    Case("parity_ratio", {"parity_ratio": 0.8}, 800 - 80 / 0.28, None),
    # Half of 200 in S: R = 500. Turned, N must have 500 or more, which it has.
    Case("closing", {"closing": 0.5}, 300, 800, ("<=", ">=")),
    # 1.3 x 400 = 400 + 0.6 R in S: R = 200. Turned, 1.3 x 600 = 600 + 0.4 R in N is the most: R = 450.
    Case("no_harm", {"no_harm": 1.3}, 600, 450),
    # In R thousand: 0.6 x 2 w + 0.2 (800 - w) + 0.2 x 200 = 0.4 (2 w + 800 - w + 200): w = 1000 / 3.
    Case("women_jobs", {"women_jobs_least": 0.4}, 1000 / 3, 0, world={"refuse": 2.0}, free=0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.kept:.0f}")
def test_a_rule_moves_money_as_far_as_it_says(case: Case) -> None:
    """Proves: each rule moves what the arithmetic beside it says; without it nothing moves, turned it does otherwise.

    Broken: a rule that is left out, counts what it must not, or points the wrong way.
    """
    facts, text = gendered.world(**case.world), gendered.model()
    assert gendered.reached(gendered.plan(facts), case.service)["N"] == pytest.approx(case.free, abs=0.01)
    found = gendered.plan(facts, case.rule, **case.levels)
    assert gendered.reached(found)["N"] == pytest.approx(case.kept, abs=0.01)
    turned = _rewritten(text, case.rule, *case.signs)
    if case.turned is None:
        with pytest.raises(NoPlanError):
            gendered.plan(facts, case.rule, text=turned, **case.levels)
    else:
        other = gendered.plan(facts, case.rule, text=turned, **case.levels)
        assert gendered.reached(other)["N"] == pytest.approx(case.turned, abs=0.01)


def _rewritten(text: Model, rule: str, old: str, new: str) -> Model:
    spec = text.rules[rule]
    assert old in spec.rule
    turned = spec.model_copy(update={"rule": spec.rule.replace(old, new)})
    return text.model_copy(update={"rules": {**text.rules, rule: turned}})


@pytest.mark.parametrize("dropped", ["aims_balance", "aims", "tilt", "built"])
def test_without_the_books_parity_costs_nothing(dropped: str) -> None:
    """Proves: parity of 12 points costs N 400/3 households only while the books are kept.

    Without the balance nobody gives way to whom one aims at; without `aims` a pipe can be aimed; without `tilt` and
    `built` who is served is whatever one likes. Broken: the rule that is dropped did nothing.
    """
    facts = gendered.world(targeting=0.5)
    kept = gendered.plan(facts, "parity_gap", parity_gap=0.12)
    assert gendered.reached(kept)["N"] == pytest.approx(800 - 400 / 3, abs=0.01)
    free = gendered.plan(facts, "parity_gap", parity_gap=0.12, drop=dropped)
    assert gendered.reached(free)["N"] == pytest.approx(800, abs=0.01)


def test_an_aim_turned_aims_at_the_others() -> None:
    """Proves: `tilt` has the sign of `aimed`: turned, one would aim at men to serve women, and 60% of them would give way.

    200 - 0.2 R - 2 (0.5 x 0.6 R) = 120 in S: R = 100.
    """
    turned = _rewritten(gendered.model(), "tilt", "+ aimed", "- aimed")
    found = gendered.plan(gendered.world(targeting=0.5), "parity_gap", text=turned, parity_gap=0.12)
    assert gendered.reached(found) == {"N": 700.0, "S": 100.0}


def test_no_more_women_are_reached_than_wait() -> None:
    """Proves: in S 400 women-headed households are served and 600 wait, so 2.5 times the start is the most; 2.6 has no
    plan, and without `waiting` it has: 640 reached, all of them headed by women, of 600 who wait."""
    facts = gendered.world(spaces=("S",), each=1_250_000, targeting=1.0)
    most = gendered.plan(facts, "no_harm", no_harm=2.499)
    assert most.expressions["served_of"].sel(head="female", service="water").item() == pytest.approx(1000, abs=1)
    with pytest.raises(NoPlanError):
        gendered.plan(facts, "no_harm", no_harm=2.6)
    without = gendered.plan(facts, "no_harm", drop="waiting", no_harm=2.6)
    assert without.expressions["served_of"].sel(head="female", service="water").item() > 1039


def test_where_nobody_can_choose_who_is_reached_is_who_waits() -> None:
    """Proves: with targeting 0 the shares of those reached are exactly the backlog's, whatever is asked. Broken: aims."""
    found = gendered.plan(gendered.world(), "parity_gap", parity_gap=0.12)
    served = found.expressions["served_of"].sel(service="water", year="2019/20")
    assert served.sel(space="S", head="female").item() == pytest.approx(400 + 0.6 * 400, abs=0.01)
    assert served.sel(space="S", head="male").item() == pytest.approx(600 + 0.4 * 400, abs=0.01)
    assert abs(found.values.aimed).max() < 1e-6


def test_nobody_is_aimed_at_where_nothing_asks_for_it() -> None:
    """Proves: of equally good plans the one without aims is taken. Broken: arbitrary aims look like a policy."""
    found = gendered.plan(gendered.world(targeting=0.5))
    assert abs(found.values.aimed).max() < 1e-6 and abs(found.values.tilt).max() < 1e-6


def test_served_of_both_heads_is_all_who_are_served() -> None:
    """Proves: over two years in which a quarter is lost each year, the two heads add up to the households served, and
    aims fade with what they built. Broken: households appear or vanish between the heads."""
    facts = gendered.world(years=("2018/19", "2019/20"), targeting=0.5, survives=0.75)
    found = gendered.plan(facts, "parity_gap", parity_gap=0.12)
    served = found.expressions["served_of"].sum("head") - found.values.in_band.sum("band")
    assert abs(served.sel(service="water")).max() < 1e-6
    tilt, aimed = (found.values[name].sel(service="water") for name in ("tilt", "aimed"))
    assert abs(aimed).max() > 1
    assert abs(tilt.isel(year=1) - 0.75 * tilt.isel(year=0) - aimed.isel(year=1)).max() < 1e-6


def _run(*rules: str, facts: Any = None, **levels: float) -> al.Run:
    scenario = [gendered.what_if(*rules, **levels)] if rules else []
    return al.run(gendered.model(), facts or gendered.world(), *scenario)


def test_money_of_the_statement_adds_up() -> None:
    """Proves: R thousand by mark, category, sex and head are those of the schedule: R1 million, worked out by hand.

    Was: 400 water, 400 refuse, 200 roads. Plan: 800 water in N, 100 roads in each: 0.4 x 900 + 0.6 x 100 = 420 for
    women, 0.4 x 800 = 320 for households headed by women. Broken: money is lost, or counted for someone twice.
    """
    run = _run()
    said = al.gender_statement(run)
    shown = {part.label: (part.was, part.now) for part in (*said.marks, *said.categories, *said.sexes, *said.heads)}
    assert shown == {
        "principal": (0, 0),
        "significant": (400, 800),
        "not targeted": (400, 0),
        "unscreened": (200, 200),
        "women-specific": (0, 0),
        "general": (1000, 1000),
        "women": (500, 420),
        "men": (500, 580),
        "female": (400, 320),
        "male": (400, 480),
        "cannot be said": (200, 200),
    }
    for parts in (said.marks, said.categories, said.sexes, said.heads):
        assert sum(part.now for part in parts) == int(run.schedule.amount.sum())
        assert sum(part.was for part in parts) == int(run.was.amount.sum())


def test_the_gap_by_hand() -> None:
    """Proves: in N women are ahead by 20 points at the start, 16 with 200 households reached, 4 with 800; in S they are
    behind by 20, 16 and 20. So the gap closes in N and opens in S. Women have 0.6 of 1.6 jobs in water and 0.2 of 0.2
    on roads. Broken: need met, its sign, or whom a verdict is about."""
    said = al.gender_statement(_run())
    rows = said.spaces.set_index("space")
    for space, gaps in {"N": (-0.2, -0.16, -0.04), "S": (0.2, 0.16, 0.2)}.items():
        assert rows.loc[space, ["gap_start", "gap_was", "gap_now"]].tolist() == pytest.approx(gaps, abs=1e-5)
    assert rows["verdict"].to_dict() == {"N": "closes", "S": "opens"}
    assert rows["gains"].tolist() == pytest.approx([0.4 * 600, -0.6 * 200], abs=0.01)
    assert [(moved.verdict, moved.spaces, moved.households) for moved in said.moved] == [
        ("closes", 1, 1000),
        ("opens", 1, 1000),
        ("stays", 0, 0),
    ]
    assert (said.met[0].start, said.met[0].now) == pytest.approx((0.5, (600 + 320 + 400) / 2000), abs=1e-5)
    assert said.jobs is not None
    assert said.jobs.women_now == pytest.approx((0.6 * 1.6 + 0.2 * 0.2) / 1.8)


def test_the_price_of_parity_by_hand() -> None:
    """Proves: a point of parity lets 50 households of S wait (200 - 0.2 R falls by 10), and 50 more of N be reached:
    50 x 2 - 50 x 1 of need met. The rule costs 400 households of N for 400 of S, 400 of 800 x 2."""
    said = al.gender_statement(_run("parity_gap", parity_gap=0.12))
    (price,) = said.prices
    assert (price.rule, price.rows, price.at_limit, price.step, price.pair) == ("parity_gap", 2, 1, "point", True)
    assert price.buys == pytest.approx(50, rel=1e-4)
    assert said.cost is not None and said.cost.amount == pytest.approx(-400, abs=0.01)


def test_the_freedom_to_aim_can_pay_for_parity() -> None:
    """Proves: N alone has R400,000 for water: women end 12 points ahead, and 5 cost nothing, because 35 men are reached
    before women (-120 + 2 x 35 = -50), of 0.5 x 0.4 x 400 = 80 who could be. 13 points are kept unasked. Broken: a rule
    looks free, and nobody says what pays for it."""
    facts = gendered.world(spaces=("N",), targeting=0.5)
    run = _run("parity_gap", facts=facts, parity_gap=0.05)
    assert al.gender_statement(run).aimed == pytest.approx(35, abs=0.01)
    assert "it costs nothing: 35 households of one head are reached before those of the other" in _said(run)
    unasked = _run("parity_gap", facts=facts, parity_gap=0.13)
    assert "it costs nothing: the plan would keep it unasked." in _said(unasked)


def _said(run: al.Run) -> str:
    return " ".join(sentence.words for sentence in sentences(run))


def test_the_ends_by_hand() -> None:
    """Proves: where 5% more or fewer of those who wait are headed by women, S starts from 10 to 30 points and N from
    -30 to -10 points, and N with 800 reached ends at -0.3 + 0.3 x 0.8 or -0.1 + 0.1 x 0.8. Parity of 12 points breaks at the
    high end, in S with 400 reached: 0.3 - 0.3 x 0.4 = 18 points. Broken: an end is read with the other end's shares."""
    found = al.gender_statement(_run()).holding
    assert found.start == pytest.approx((-0.3, 0.3), abs=1e-5)
    ends = {end.share: end for end in found.ends}
    assert ends["low"].gap.sel(space="N").item() == pytest.approx(-0.06, abs=1e-5)
    assert ends["high"].gap.sel(space="N").item() == pytest.approx(-0.02, abs=1e-5)
    assert found.money == pytest.approx((0.35, 0.45))
    assert (found.unknown, found.survives) == (0, True)
    asked = al.gender_statement(_run("parity_gap", parity_gap=0.12)).holding
    assert (asked.broken, asked.survives) == (("parity_gap",), False)
    assert str(asked) == "does not survive: from -18 to +18 points"


def test_aims_shrink_where_less_can_be_aimed() -> None:
    """Proves: with aim, 12 points are kept by R = 400/3 in S, of which 0.2 R are aimed; where nobody can aim, the gap is
    0.2 - 0.2 x 0.4/3 again (off by what the end of the share adds). Broken: a plan takes credit for aims it cannot keep."""
    run = _run("parity_gap", facts=gendered.world(targeting=0.5, off=0.01), parity_gap=0.12)
    ends = {(end.share, end.aim): end.gap.sel(space="S").item() for end in al.gender_statement(run).holding.ends}
    aimed = 2 * 0.2 * 0.4 / 3
    for share, start in (("low", 0.18), ("high", 0.22)):
        unaimed = start - start * 0.4 / 3
        assert ends[share, "low"] == pytest.approx(unaimed, abs=1e-5)
        assert ends[share, "high"] == pytest.approx(unaimed - aimed, abs=1e-5)


def test_what_is_known_exactly_survives() -> None:
    """Proves: with no range around the shares, parity holds at both ends. Broken: the test of ends always fails."""
    found = al.gender_statement(_run("parity_gap", facts=gendered.world(off=0.0), parity_gap=0.12)).holding
    assert found.survives and str(found) == "survives both ends"


def test_what_nobody_screened_is_not_a_score_of_0() -> None:
    """Proves: money moves from "not targeted" to "unscreened" with the mark, and in no other figure."""
    marks = {**gendered.MARKS, "refuse": "unscreened"}
    said = al.gender_statement(_run(facts=gendered.world(marks=marks)))
    assert {part.label: part.was for part in said.marks} == {
        "principal": 0,
        "significant": 400,
        "not targeted": 0,
        "unscreened": 600,
    }


def test_a_statement_needs_its_data() -> None:
    """Proves: a model without the names has no statement and says why; a service with two marks is named."""
    plain = al.run("grant_consolidation", gendered.world())
    assert not has_statement(plain)
    with pytest.raises(InputError, match="met_of: is not in the model"):
        al.gender_statement(plain)
    facts = gendered.world()
    marker = facts.data["marker"].copy()
    marker.loc["water", "principal"] = 1
    with pytest.raises(InputError, match=r"marker\[service=water\]: has 2 of mark; it has one"):
        al.gender_statement(_run(facts=facts.with_data("marker", marker)))


def test_on_the_real_figures_the_data_cannot_answer() -> None:
    """Proves: over the range of who lacks what, the gap at the start runs from -12 to +25 points, so nobody can say who
    is behind, and a parity that was reached is not called one. Broken: a guess is published as a finding."""
    run = al.run("gender_responsive", "za2016", "parity_gap", years=ONE)
    found = al.gender_statement(run).holding
    assert [round(100 * end) for end in found.start] == [-12, 25]
    assert found.unknown == 52
    warned = " ".join(s.words for s in sentences(run) if s.warning)
    assert "in 52 of 52 spaces the data cannot say whether women or men are behind" in warned
    assert "parity_gap in this plan does not survive both ends" in warned and "the data cannot answer" in warned
    spaces = al.gender_statement(run).spaces
    paid = run.schedule.by("space").to_series()
    for labels in (("women", "men"), ("female", "male", "cannot be said")):
        assert spaces.set_index("space")[[f"{label}_now" for label in labels]].sum(axis=1).equals(paid)


def test_the_page_and_the_workbook_have_it(tmp_path: Path) -> None:
    """Proves: both faces show the statement with its totals, a hostile name is text, and other models have none.

    Broken: a figure that is computed and never shown, or a page that runs what a table of spaces says.
    """
    facts = gendered.world()
    assert facts.regions is not None
    rows = tuple((code, f"<b>{name}</b>", *rest) for code, name, *rest in facts.regions.rows)
    hostile = replace(facts, regions=replace(facts.regions, rows=rows))
    run = _run("parity_gap", facts=hostile, parity_gap=0.12)
    text = html(run)
    section = text[text.index('<section id="gender">') :]
    assert "<b>" not in section and "&lt;b&gt;North&lt;/b&gt; (N)" in section
    assert "does not survive: from −18 to +18 points" in section and section.count("Cannot be said") == 2
    assert '<section id="gender">' not in html(al.run("grant_consolidation", facts))
    book(run, tmp_path / "plan.xlsx")
    sheets = Sheets(tmp_path / "plan.xlsx").tables(["gender", "gender by space", "gender data"], [])
    assert sheets["gender"].frame.iloc[-1].tolist() == ["total", "of each", 1000, 1000]
    money = sheets["gender by space"].frame.set_index("space")
    split = ["for women before, R thousand", "for men before, R thousand"]
    assert money.loc["total", split].tolist() == money.loc[["N", "S"], split].sum().tolist() == [500, 500]
    assert sheets["gender data"].frame["datum"].tolist()[1:3] == ["backlog_share", "targeting"]


SHIPPED = {
    "women_incidence": "incidence",
    "women_heads_incidence": "incidence_of_heads",
    "tagged_floor": "tagged",
    "parity_gap": "parity_gap",
    "parity_if_less": "parity_gap",
    "parity_if_more": "parity_gap",
    "parity_ratio": "parity_ratio",
    "closing_gap": "closing",
    "no_harm": "no_harm",
    "women_jobs": "women_jobs",
}


@pytest.mark.parametrize("years", [ONE, THREE], ids=["one year", "three years"])
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_binds_and_has_a_plan(name: str, years: list[str]) -> None:
    """Proves: what ships has a plan in 2019/20 and over three years, and its rule is felt: its price is not 0."""
    facts = al.read_world("za2016").select("year", years)
    found = solve(gendered.program(facts, al.read_scenario(name)))
    assert abs(found.prices()[SHIPPED[name]]).max() > 0
