"""What a model and a scenario can say beyond sums and limits: groups, pairs, names of values, rules kept ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.errors import InputError
from allocate.explanation import explanation
from allocate.plan import solve
from allocate.read import read_model, read_scenario, shipped
from allocate.runs import run
from allocate.spec import Activate, AddData, AddRule, Change, Drop, Model, Replace, Set, Use
from allocate.world import World

MODEL = read_model("grant_consolidation")
WORLD = small.world()


def case(*changes: Change) -> Case:
    return apply(MODEL, WORLD, [small.scenario(*changes)])


def refusal(*changes: Change) -> str:
    with pytest.raises(InputError) as caught:
        case(*changes)
    return caught.value.problems[0].words


def flows(**parts: Any) -> tuple[Model, World]:
    """A model of what moves between spaces, and its World, where the dim of pairs comes in another order."""
    labels = {"space": ("N", "S", "W"), "other": ("W", "N", "S")}
    distance = {("N", "S"): 1.0, ("N", "W"): 2.0, ("S", "W"): 4.0}
    stock = {"N": 10.0, "S": 0.0, "W": 0.0}
    tables = [
        small.table("stock", "household", ["space"], lambda s: stock[s], labels),
        small.table("least", "household", [], lambda: 3.0, labels),
        small.table("distance", "1", ["space", "other"], lambda a, b: distance.get((a, b), distance.get((b, a), 0.0)), labels),
    ]  # fmt: skip
    world = World.build("flows", tables, labels, small.SPACES)
    model = {
        "name": "Flows",
        "dims": {"space": "from", "other": {"copy_of": "space"}},
        "data": {"least": {"unit": "household"}, "stock": {"over": ["space"], "unit": "household"}, "distance": {"over": ["space", "other"], "unit": "1"}},
        "variables": {"flow": {"over": ["space", "other"], "unit": "household", "where": "distance > 0"}},
        "rules": {"keep": {"over": ["space"], "rule": "stock - sum(flow, over=other) + sum(at(at(flow, space=mid), other=space), over=mid) >= least"}},
        "goals": [{"name": "effort", "min": "sum(distance * flow, over=[space, other])"}],
        "schedule": {"amount": "flow", "unallocated": "flow"},
    } | parts  # fmt: skip
    return Model.model_validate(model), world


def test_pairs_of_spaces_flow_both_ways() -> None:
    """Proves: a copy of a dim gives pairs, whatever order the World has them in, and ``at`` turns a pair round.

    N has 10 households and all must end with 3: N sends 3 to S (1 each) and 3 to W (2 each), 9 in all. If the copy
    kept the World's order (W first), flows would carry other labels; if ``at`` did not turn, no S could be filled.
    """
    dims = {"space": "from", "other": {"copy_of": "space"}, "mid": {"copy_of": "space"}}
    model, world = flows(dims=dims)
    plan = solve(build(Case(model, world)))
    assert plan.goals == {"effort": pytest.approx(9.0)}
    flow = plan.values.flow
    assert flow.other.values.tolist() == ["N", "S", "W"]
    assert flow.sel(space="N").values.round(9).tolist() == [0, 3, 3]


def test_sums_by_a_column_of_the_table_of_spaces(za: World) -> None:
    """Proves: ``by=province`` sums each province apart, needs no declaring, and its rows are named by province.

    Broken: a cap on one province would bind the country.
    """
    cap = AddRule(
        add="rules.envelope",
        over="province",
        rule="sum(spend, over=[space, pool, service, year], by=province) <= 7000000000",
        why="A test.",
    )
    with pytest.raises(InputError, match="cannot compare R with 1"):
        build(apply(MODEL, za, [small.scenario(cap)]))
    line = AddData(add="data.line", over="province", unit="R", to=1e15)
    assert apply(MODEL, za, [small.scenario(line)]).world.labels("province")[0] == "WC"
    flat = AddData(add="data.line", unit="R", to=9.45e9)
    named = AddRule(add="rules.envelope", over="province", rule="sum(spend, over=[space, pool, service, year], by=province) <= line", why="A test.")  # fmt: skip
    program = build(apply(MODEL, za.select("year", ["2019/20"]), [small.scenario(flat, named)]))
    rows = program.rows["envelope"]
    provinces = list(dict.fromkeys(za.columns("space")["province"]))
    assert rows.dims == ("province",) and list(program.case.world.labels("province")) == provinces
    space = program.columns["spend"].number
    for k, province in enumerate(provinces):
        mine = [s for s, label in enumerate(za.columns("space")["province"]) if label == province]
        columns = space[mine][space[mine] >= 0]
        row = program.linear.matrix[[int(rows.number[k])]]
        assert sorted(row.indices.tolist()) == sorted(columns.tolist()) and set(row.data) == {1.0}
    plan = solve(program)
    spent = plan.values.spend.sum(["pool", "service", "year"]).to_series()
    assert spent.groupby(np.array(za.columns("space")["province"])).sum().max() == pytest.approx(9.45e9)


LANGUAGE = {
    "sum(spend, over=space, by=provnce)": "by=provnce: is no column of the table of a dim; there are code, name, other_names",
    "sum(sum(spend, over=year, by=name), over=name)": "groups by 'name', a column of the table of space; sum over that too",
    "sum(spend, over=space, by='name')": "needs by=column, the name of one column",
    "sum(spend, over=space, by=year)": "groups by 'year', but what it sums varies over 'year' already",
    "at(spend, space=year)": "puts 'year' for 'space', but it is no copy of it; declare year = { copy_of = 'space' }; a label is written in quotes",
    "at(spend, space=A)": "a label is written in quotes",
    "at(spend, spcae='A')": "is at one spcae, but 'spend' varies over space, year; did you mean 'space'?",
    "at(spend, space='C')": "is at space 'C'; there are A, B",
    "at(spend)": "does not say where; write at(expression, dim=other_dim) or at(expression, dim=\"label\")",
    "at(spend, space=1 + 1)": "is not of the form at(expression, dim=other_dim) or at(expression, dim=\"label\")",
    "spend + 'A'": "is a label; labels stand only in at(expression, dim=other_dim) or at(expression, dim=\"label\")",
}  # fmt: skip


@pytest.mark.parametrize(("rule", "words"), LANGUAGE.items())
def test_what_the_new_words_cannot_mean_is_refused(rule: str, words: str) -> None:
    """Proves: each mistake with at and by is told by its piece and what would be right. Broken: a wrong sum."""
    toy = small.toy()
    spaces = small.Registry(("code", "name", "other_names"), (("A", "Ash", ""), ("B", "Birch", "")))
    model = small.with_rule(f"{rule} <= budget")
    with pytest.raises(InputError) as caught:
        build(Case(model, World("toy", toy.data, spaces)))
    assert words in str(caught.value)


def test_at_one_year_is_that_year() -> None:
    """Proves: a label picks its column, also a label that is a number. Broken: the wrong year is limited."""
    program = small.program('at(spend, year="2") <= floor', over=["space"])
    columns = program.columns["spend"].number
    assert program.linear.matrix.indices.tolist() == columns[:, 1].tolist()
    same = small.program("at(spend, year=2) <= floor", over=["space"])
    assert same.linear.matrix.indices.tolist() == columns[:, 1].tolist()


def test_a_rule_that_is_not_active_waits() -> None:
    """Proves: it is checked but makes no row until a scenario activates it, and dropping is the same backwards.

    Broken: a rule kept ready would bind already, or its mistake would show only in a meeting.
    """
    assert "stay" not in build(case()).rows
    made = case(Activate(activate="rules.stay"))
    assert "stay" in build(made).rows and made.said == ("rules.stay: activated",)
    assert (
        refusal(Activate(activate="rules.guarantee")) == "rules.guarantee is active already; the change changes nothing"
    )
    assert refusal(Drop(drop="rules.stay")) == "rules.stay is not active already; the change changes nothing"
    assert refusal(Activate(activate="rules.sty")) == "there is no rule 'sty'; did you mean 'stay'?"
    assert "is already changed by" in refusal(Activate(activate="rules.stay"), Drop(drop="rules.stay"))
    with pytest.raises(InputError, match="spned"):
        build(Case(small.with_rule("spned <= budget"), small.toy()))


def test_a_goal_can_be_dropped_and_named() -> None:
    """Proves: goals are switched like rules, and a model without any is refused. Broken: an unasked goal decides."""
    made = case(Drop(drop="goals.money at work"))
    assert [goal.name for goal in build(made).linear.goals] == ["need met"]
    assert refusal(Drop(drop="goals.money")) == "there is no goal 'money'"
    with pytest.raises(InputError, match="lists none that is active"):
        build(case(Drop(drop="goals.money at work"), Drop(drop="goals.need met")))


def test_outcomes_are_counted_in_the_last_goal_that_is_active() -> None:
    """Proves: with the last goal dropped a run, and what explains it, count the one before it, in its own sense.

    Broken: what binds is explained with the sign of a goal that nobody sought.
    """
    found = run(MODEL, WORLD, small.scenario(Drop(drop="goals.need met")))
    assert (found.goal, found.sense, explanation(found).attrs["sense"]) == ("money at work", "min", "min")


def test_an_uncertain_input_takes_a_named_value() -> None:
    """Proves: ``use`` is the set that the model names, and an unknown name is offered the right one."""
    made = case(Use(use="equal", of="value"))
    assert made.world.data["value"].values.tolist() == [1.0, 1.0]
    assert made.said == ("value: 1.25 -> 1, 0.75 -> 1",)
    assert (
        refusal(Use(use="equl", of="value"))
        == "'value' has no value named 'equl'; it has equal, share; did you mean 'equal'?"
    )
    assert refusal(Use(use="high", of="keep")) == "'keep' has no value named 'high'; it has none"
    assert refusal(Use(use="high", of="keeep")) == "there is no datum 'keeep'; did you mean 'keep'?"


def test_a_rule_can_say_something_else() -> None:
    """Proves: the text and its reason are replaced, once, and the old text is told. Broken: a silent change of law."""
    new = "sum(spend, over=[pool, service]) >= 0.5 * guaranteed"
    made = case(Replace(replace="rules.guarantee", rule=new, why="Half of it."))
    assert made.model.rules["guarantee"].rule == new and made.model.rules["guarantee"].owner == "National Treasury"
    assert made.said == (f"rules.guarantee: {MODEL.rules['guarantee'].rule} -> {new}",)
    same = Replace(replace="rules.pace", rule=MODEL.rules["pace"].rule, why="No news.")
    assert refusal(same) == "rules.pace already says so; the change changes nothing"
    wrong = case(Replace(replace="rules.guarantee", rule="sum(spend, over=pool) >= guarantee", why="A slip."))
    with pytest.raises(InputError, match=r"rules.guarantee: 'guarantee' is not a datum or variable of the model"):
        build(wrong)


def test_data_and_rules_can_be_added() -> None:
    """Proves: a new datum with values cell by cell, and a rule on it that is solved, priced and named like any other."""
    cap = AddData.model_validate({"add": "data.cap", "over": ["space"], "unit": "R", "to": 1e9, "cells": [{"at": {"space": "N"}, "to": 65e6}], "why": "N builds slowly."})  # fmt: skip
    rule = AddRule(
        add="rules.slow", over=("space", "year"), rule="sum(spend, over=[pool, service]) <= cap", why="As told."
    )
    plan = solve(build(case(cap, rule)))
    spent = plan.values.spend.sum(["pool", "service"])
    assert float(spent.sel(space="N").max()) <= 65e6 * (1 + 1e-12) and "slow" in plan.prices()
    assert case(cap, rule).said == (
        "data.cap: added, R1.000bn, cap[space=N] R65.000m",
        "rules.slow: added, sum(spend, over=[pool, service]) <= cap",
    )
    assert (
        refusal(AddData(add="data.keep", unit="1", to=1))
        == "there is already a name 'keep'; to change it, set it or replace it"
    )
    assert (
        refusal(AddRule(add="rules.pace", rule="1 <= 2"))
        == "there is already a rule 'pace'; to change it, set it or replace it"
    )
    twice = [{"at": {"space": "N"}, "to": 1}, {"at": {"space": "N"}, "to": 2}]
    assert (
        refusal(AddData.model_validate({"add": "data.cap", "over": "space", "unit": "R", "to": 1, "cells": twice}))
        == "cap[space=N] is given twice"
    )
    assert "R thousand" in refusal(AddData(add="data.cap", unit="R thousand", to=1))
    assert (
        refusal(AddData(add="data.cap", over="spaec", unit="R", to=1))
        == "there is no dim 'spaec'; did you mean 'space'?"
    )


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.toml"
    file.write_text(f'name = "{name}"\nwhy = "A test."\n{text}')
    return file


def test_a_scenario_extends_others_each_once(tmp_path: Path) -> None:
    """Proves: what is extended comes first, from beside the file or from what is shipped, and a common base counts once.

    Broken: a base made twice would conflict with itself, or a change would be lost.
    """
    write(tmp_path, "half", '[[change]]\nset = "keep"\nto = 0.5\n')
    write(tmp_path, "a", 'extends = "half"\n[[change]]\nscale = "absorb"\nby = 2\n')
    b = write(tmp_path, "b", 'extends = ["half", "a", "no_pace"]\n[[change]]\nuse = "equal"\nof = "value"\n')
    said = apply(MODEL, WORLD, [read_scenario(b)])
    assert [line.split(":")[0] for line in said.said] == ["keep", "absorb", "rules.pace", "value"]


def test_extending_in_a_circle_or_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Proves: circles, unknown names and paths are told at the file that asks. Broken: an endless read, or a stranger's file."""
    write(tmp_path, "one", 'extends = "two"\n')
    write(tmp_path, "two", 'extends = "one"\n')
    with pytest.raises(InputError, match="extends: goes round in a circle: one -> two -> one"):
        read_scenario(tmp_path / "one.toml")
    for asked, words in {
        '"one_pol"': "there is no scenario 'one_pol'; did you mean 'one_pool'?",
        '"../secret"': "'../secret' is not a name to extend; write the name of its file without .toml",
        '["half", "half"]': "names a file twice",
        "3": "3 is not a name or a list of names",
    }.items():
        with pytest.raises(InputError) as caught:
            read_scenario(write(tmp_path, "it", f"extends = {asked}\n"))
        assert caught.value.problems[0].words == words


GIVEN = {
    "-0.1": "-0.1 is no share between 0 and 1; an amount is written with its unit",
    "3": "3 is no share between 0 and 1; an amount is written with its unit",
    '"5"': "'5' is not an amount with its unit, such as '5 R million' or '100 household'",
    '"five R"': "'five R' is not an amount with its unit, such as '5 R million' or '100 household'",
    '"5 R million"': "gives '5 R million', but the goal is in household*year",
}


@pytest.mark.parametrize(("give", "words"), GIVEN.items())
def test_what_a_goal_gives_is_a_share_or_an_amount_in_its_unit(give: str, words: str, tmp_path: Path) -> None:
    """Proves: a share outside 0 to 1, an amount without a unit or in another one is refused. Broken: R5 for 5 households."""
    file = tmp_path / "m.toml"
    text = (shipped("models") / "grant_consolidation.toml").read_text()
    file.write_text(text.replace('name = "need met"', f'name = "need met"\ngive = {give}'))
    with pytest.raises(InputError) as caught:
        build(Case(read_model(file), WORLD))
    assert caught.value.problems[0].words == words


def test_the_table_of_spaces_gives_columns(za: World) -> None:
    """Proves: a column says something of each space, in the order of the World. Broken: groups of other spaces."""
    kinds = dict(zip(za.labels("space"), za.columns("space")["kind"], strict=True))
    assert kinds["JHB"] == "metro" and kinds["DC15"] == "district" and not za.columns("year")
    assert np.unique(list(kinds.values())).tolist() == ["district", "metro"]


def test_a_change_that_cannot_matter_is_refused() -> None:
    """Proves: replacing or adding a rule that stays inactive, and data that the model does not use, change nothing and
    are refused; replacing a waiting rule and activating it is one thing. Broken: "What changes" lists what does not.
    """
    new = Replace(replace="rules.stay", rule="sum(spend, over=service) >= 0.5 * staying", why="Half stays.")
    assert refusal(new) == "rules.stay is not active, so this changes nothing; activate it too"
    made = case(new, Activate(activate="rules.stay"))
    assert made.model.rules["stay"].active and made.model.rules["stay"].rule == new.rule
    assert case(Activate(activate="rules.stay"), new).model.rules["stay"] == made.model.rules["stay"]
    idle = AddRule(add="rules.idle", over="year", rule="keep <= 1", active=False)
    assert refusal(idle) == "rules.idle is not active, so this changes nothing; activate it too"
    spare = WORLD.with_data("spare", WORLD.data["keep"])
    with pytest.raises(InputError, match="the model does not use 'spare', so the change changes nothing"):
        apply(MODEL, spare, [small.scenario(Set(set="spare", to=0.5))])


def test_what_was_said_of_the_old_text_is_not_said_of_the_new() -> None:
    """Proves: a rule that says something else no longer stands on the law of the old text. Broken: a false citation."""
    made = case(Replace(replace="rules.pool", rule=MODEL.rules["pool"].rule.replace("==", "<="), why="May be less."))
    assert MODEL.rules["pool"].law and not made.model.rules["pool"].law


def test_a_base_asked_for_beside_what_extends_it_counts_once(tmp_path: Path) -> None:
    """Proves: in either order. Broken: the second order conflicts with itself."""
    write(tmp_path, "half", '[[change]]\nset = "keep"\nto = 0.5\n')
    write(tmp_path, "more", 'extends = "half"\n[[change]]\nscale = "absorb"\nby = 2\n')
    half, more = (read_scenario(tmp_path / f"{name}.toml") for name in ("half", "more"))
    assert apply(MODEL, WORLD, [half, more]).said == apply(MODEL, WORLD, [more, half]).said


def test_a_scenario_in_the_project_is_extended_before_the_shipped_one(tmp_path: Path) -> None:
    """Proves: an edited copy in ``scenarios`` beside the file is the one. Broken: one file is edited, another runs."""
    (tmp_path / "scenarios").mkdir()
    write(tmp_path / "scenarios", "guarantee_95", '[[change]]\nset = "keep"\nto = 0.5\n')
    found = read_scenario(write(tmp_path, "mine", 'extends = "guarantee_95"\n'))
    assert apply(MODEL, WORLD, [found]).said == ("keep: 0.8 -> 0.5",)


WORLDS = {
    "PIPES in two pools": (
        "member",
        {("PIPES", "WIRES"): 1.0},
        "grant 'PIPES' is in 2 pools; each belongs to exactly one",
    ),
    "PIPES in none": ("member", {("PIPES", "PIPES"): 0.0}, "grant 'PIPES' is in 0 pools; each belongs to exactly one"),
}


@pytest.mark.parametrize("what", WORLDS)
def test_a_grant_belongs_to_one_pool(what: str) -> None:
    """Proves: a flag too many or too few is refused by name. Broken: 127% of the money that was voted is spent."""
    name, cells, words = WORLDS[what]
    array = WORLD.data[name].copy(deep=True)
    for (grant, pool), value in cells.items():
        array.loc[{"grant": grant, "pool": pool}] = value
    with pytest.raises(InputError, match=words):
        build(Case(MODEL, WORLD.with_data(name, array)))


def test_groups_and_dims_that_cannot_be_are_told() -> None:
    """Proves: a dim for a column, both ends of a pair, a rule over no dim, a label no table could carry. Broken: a
    traceback, or rows by the wrong end."""
    for rule, words in {
        "sum(budget, over=grant, by=pool) <= sum(budget, over=grant)": "groups by 'pool', which is a dim",
    }.items():
        with pytest.raises(InputError, match=words):
            build(case(AddRule(add="rules.odd", over=["year", "pool"], rule=rule)))
    with pytest.raises(InputError, match="varies over 'yeer', which is not a dim; did you mean 'year'"):
        build(case(AddRule(add="rules.odd", over="yeer", rule="keep <= 1")))
    both = {"kin": {"over": ["name"], "rule": "sum(flow, over=[space, other], by=name) >= 0"}}
    model, world = flows(rules=both)
    with pytest.raises(InputError, match="which space and other both have; sum over one of them inside"):
        build(Case(model, world))
    first = small.with_rule('at(spend - previous(spend), year="1") <= floor', over=["space"])
    with pytest.raises(InputError, match="has no value in the first year"):
        build(Case(first, small.toy()))
