"""Expressions: what a model counts of a plan, by name, in rules and goals, and wherever a plan is shown."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pulp import lpSum

import allocate as al
import small
import tiny
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.errors import InputError
from allocate.outputs import dataset
from allocate.plan import Plan, solve
from allocate.report.html import html
from allocate.schedule import publish
from allocate.show import as_latex, as_text
from allocate.spec import Activate, ExpressionSpec, Fix, Model, Set, VariableSpec
from allocate.world import World

BOTH = ("space", "year")
COUNTED = {
    "pool": {"over": ["year"], "unit": "R", "rule": "sum(spend, over=space)"},
    "step": {"over": BOTH, "unit": "R", "rule": "spend - previous(spend)"},
    "rise": {"over": BOTH, "unit": "R", "rule": "spend - previous(spend, first=floor)"},
    "far": {"over": ["year"], "unit": "R", "rule": "so_far(pool)"},
    "before": {"over": ["year"], "unit": "R", "rule": "previous(far, first=line)"},
    "end": {"over": ["space"], "unit": "R", "rule": "last(spend)"},
    "began": {"over": ["space"], "unit": "R", "rule": 'at(spend, year="1")'},
    "whole": {"unit": "R", "rule": "last(so_far(pool)) + line"},
    "spread": {"over": BOTH, "unit": "R", "rule": "whole / 5"},
    "gathered": {"unit": "R", "rule": "sum(spread, over=[space, year])"},
}
"""The toy reaches most in A: B gets its floor of 20 (with ``least``), A what is left, 80 and 180."""


def toy(**parts: object) -> Model:
    rules = {"least": {"over": BOTH, "rule": "spend >= floor"}}
    whole = small.model()
    sections = whole.model_dump(exclude_unset=True, exclude={"source", "bases"})
    return Model.model_validate({**sections, "rules": {**sections["rules"], **rules}, "expressions": COUNTED} | parts)


def plan_of(model: Model, **fixed: float) -> Plan:
    return solve(build(Case(model, small.toy(), fixed)))


def test_each_expression_is_what_a_hand_finds() -> None:
    """Proves: sums, walks along years, labels, and expressions of expressions have the values of the plan's money.

    Spending is 80 and 180 in A, 20 and 20 in B. Broken: a report tells another figure than the plan means.
    """
    found = plan_of(toy()).expressions
    nan = float("nan")
    hand = {
        "pool": [100, 200],
        "step": [[nan, 100], [nan, 0]],
        "rise": [[70, 100], [0, 0]],
        "far": [100, 300],
        "before": [15, 100],
        "end": [180, 20],
        "began": [80, 20],
        "whole": 315,
        "spread": [[63, 63], [63, 63]],
        "gathered": 252,
    }
    for name, wanted in hand.items():
        np.testing.assert_allclose(found[name].values, wanted, rtol=1e-9, err_msg=name)
    assert {name: found[name].attrs["unit"] for name in hand} == dict.fromkeys(hand, "R")
    assert found["rise"].dims == BOTH and found["rise"].year.values.tolist() == ["1", "2"]


def test_an_expression_of_what_is_fixed_is_a_number() -> None:
    """Proves: a variable that is no choice counts as its value, and a rule of it alone is a breach, not a row.

    With 30 everywhere each pool is 60. Broken: the actual split would show nothing of what the plan shows.
    """
    cap = {"cap": {"over": ["year"], "rule": "far <= 5 * line"}}
    model = toy(rules={**toy().model_dump(exclude_unset=True)["rules"], **cap})
    plan = plan_of(model, spend=30.0)
    assert plan.expressions["far"].values.tolist() == [60, 120] and float(plan.expressions["whole"]) == 135
    assert [(b.rule, b.where, b.by) for b in plan.program.breaches] == [("cap", "[year=2]", 45.0)]


def written_out(model: Model) -> Model:
    """The model without expressions: the text of each stands in brackets where its name stood."""
    texts = dict[str, str]()

    def out(text: str) -> str:
        for name, said in texts.items():
            text = re.sub(rf"\b{name}\b(?!\s*=[^=])", f"({said})", text)
        return text

    for name, spec in model.expressions.items():
        texts[name] = out(spec.rule)
    rules = {name: rule.model_copy(update={"rule": out(rule.rule)}) for name, rule in model.rules.items()}
    goals = tuple(
        goal.model_copy(
            update={sense: out(text) for sense in ("max", "min", "leximin") if (text := getattr(goal, sense))}
        )
        for goal in model.goals
    )
    return model.model_copy(update={"expressions": {}, "rules": rules, "goals": goals})


INSIDE = {
    "previous": (BOTH, "previous(rise, first=line) <= 4 * floor + 0.5 * rise"),
    "so_far": (("year",), "so_far(pool) - 0.1 * so_far(far) <= 15 * line"),
    "last": (("space",), "last(rise) <= 3 * floor + 0.5 * end"),
    "at": (("space",), 'at(rise, year="2") + at(pool, year="1") <= 12 * line'),
    "sum": (("year",), "sum(rise, over=space) + before <= 6 * line + 0.5 * pool"),
    "no first year": (BOTH, "step <= 3 * floor"),
    "chain": (("space",), "floor <= end - began <= 4 * line"),
}


@pytest.mark.parametrize("what", INSIDE)
def test_a_rule_by_name_is_the_rule_written_out(what: str) -> None:
    """Proves: inside every form, the rows and limits are those of the text put in brackets for the name.

    Broken: an expression would mean one thing in a report and another in a rule.
    """
    over, rule = INSIDE[what]
    more = {"it": {"over": over, "rule": rule}}
    model = toy(rules={**toy().model_dump(exclude_unset=True)["rules"], **more})
    named, text = (build(Case(m, small.toy())) for m in (model, written_out(model)))
    assert "rise" not in written_out(model).rules["it"].rule and named.rows["it"].number.max() >= 0
    np.testing.assert_allclose(named.linear.matrix.toarray(), text.linear.matrix.toarray(), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(named.linear.row_lower, text.linear.row_lower, rtol=1e-13)
    np.testing.assert_allclose(named.linear.row_upper, text.linear.row_upper, rtol=1e-13)


def test_a_plan_by_name_is_the_plan_written_out_to_the_last_thousand(za: World) -> None:
    """Proves: on real figures, with expressions of expressions in a rule, the published amounts are the same, all.

    The gap between households headed by women and by men closes by 2% a year. Broken: a name costs somebody money.
    """
    what_if = small.scenario(Activate(activate="rules.closing"), Set(set="closing", to=0.02))
    made = apply(al.read_model("gender_responsive"), za.select("year", ["2019/20"]), [what_if])
    named, text = (solve(build(Case(m, made.world))) for m in (made.model, written_out(made.model)))
    assert "gap" in named.expressions and not text.expressions
    assert publish(named).table().equals(publish(text).table())
    gap, closed = (named.expressions[name].values for name in ("gap", "closed"))
    start = named.program.datum("gap_start").values[:, None]
    assert np.all(gap <= 0.98 * start + 1e-9) and np.abs(closed - (start - gap)).max() < 1e-12


def test_expressions_are_those_of_a_program_edited_in_pulp() -> None:
    """Proves: after a column and a row were added in PuLP, an expression is counted on the columns that it has.

    B gets at least 15 in year 1, which leaves A 85. Broken: a shape that does not fit, or the plan of before.
    """
    model = small.model(expressions=COUNTED)
    program = build(Case(model, small.toy()))
    problem = program.to_pulp()
    spend = problem.columns["spend"]
    extra = problem.add_variable("extra", 15)
    problem += spend.sel(space="B", year="1").item() - extra == 0, "least_for_B"
    problem += lpSum(spend.sel(space="A").values) >= 0, "idle"
    found = solve(problem).expressions
    assert found["began"].values.tolist() == [85, 15] and found["pool"].values.tolist() == [100, 200]


def test_expressions_are_where_a_plan_is_shown() -> None:
    """Proves: the file of a plan has their values and units; text, LaTeX and the page have their rule and their reason;
    the page has nothing that waits.

    A gets R70m of R100m. Broken: a limit on a figure that no reader can find.
    """
    share = ExpressionSpec(
        over=("space",), unit="R", rule="sum(spend, over=[pool, service, year])", why="All & <told>."
    )
    model = al.read_model("multi_year")
    deep = VariableSpec(over=("space",), unit="R", lower="-inf")
    model = model.model_copy(
        update={"expressions": {"all_told": share}, "variables": {**model.variables, "deep": deep}}
    )
    found = al.run(model, tiny.world())
    told = dataset(found)["all_told"]
    assert told.values.tolist() == [70 * tiny.M, 30 * tiny.M] and told.attrs["unit"] == "R"
    assert found.baseline.expressions["all_told"].values.tolist() == [40 * tiny.M, 60 * tiny.M]
    page = html(found)
    mathematics = page[page.index('id="mathematics"') :]
    assert "all_told" in mathematics and "All &amp; &lt;told&gt;." in mathematics
    assert re.search(r"<code>deep</code>.*may be negative", mathematics) and mathematics.count("may be negative") == 1
    assert "rural_floor" not in mathematics and "labour_least" not in mathematics and "guaranteed" in mathematics
    assert "all_told [R]  for each space = sum(spend, over=[pool, service, year])" in as_text(model)
    latex = as_latex(model)
    assert r"\subsection*{Counted}" in latex and r"\mathit{all\_told}_{s} = \sum" in latex


def test_what_waits_needs_no_data_and_its_data_cannot_be_set() -> None:
    """Proves: a rule that waits, its data and its variables take no part until it is activated; a World lacks them till
    then, and a scenario that sets them alone is refused.

    Broken: every World needs the data of every rule that anybody ever wrote; or "What changes" lists what does not.
    """
    waiting = {"cap": {"active": False, "over": ["space"], "rule": "sum(spend, over=year) - spare <= most"}}
    data = {"most": {"over": ["space"], "unit": "R"}, "unlike": {"unit": "1", "default": 1}}
    whole = toy().model_dump(exclude_unset=True)
    model = toy(
        rules={**whole["rules"], **waiting},
        data={**whole["data"], **data},
        variables={**whole["variables"], "spare": {"over": ["space"], "unit": "R"}},
    )
    program = build(Case(model, small.toy()))
    assert "spare" not in program.columns and "most" not in program.case.model.data
    with pytest.raises(InputError, match="has no datum 'most'"):
        build(apply(model, small.toy(), [small.scenario(Activate(activate="rules.cap"))]))
    facts = small.toy().with_data("most", 4 * small.toy().data["floor"])
    with pytest.raises(InputError, match="no rule or goal that is active uses 'most', so this changes nothing"):
        apply(model, facts, [small.scenario(Set(set="most", to=50))])
    both = small.scenario(Set(set="most", to=50, where={"space": "A"}), Set(set="most", to=60, where={"space": "B"}))
    with pytest.raises(InputError, match="2 problems"):
        apply(model, facts, [both])
    active = apply(model, facts, [small.scenario(Activate(activate="rules.cap"), Set(set="most", to=50))])
    assert "spare" in build(active).columns
    fixed = apply(model, facts, [small.scenario(Fix(fix="spend", to=1))])
    assert "most" not in build(fixed).case.model.data
