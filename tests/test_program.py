"""A case becomes named rows and columns; what does not fit is said before anything is solved."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import small
from allocate.active import active_part
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.checks import check
from allocate.errors import InputError, NoPlanError
from allocate.program import Program
from allocate.read import read_model, read_scenario, shipped
from allocate.spec import Fix, Set
from allocate.world import World

WORLD = small.world()


def refusal(case: Case) -> str:
    with pytest.raises(InputError) as caught:
        build(case)
    return str(caught.value).removeprefix("model: 1 problem\n  ")


def test_the_toy_program_is_the_one_written_by_hand() -> None:
    """Proves: rows, columns, limits, bounds and goal of a program of two spaces and two years, entry by entry.

    Broken: nothing after this can be trusted.
    """
    program = build(Case(small.model(), small.toy()))
    assert [program.column_name(j) for j in range(8)] == [
        "spend[space=A, year=1]", "spend[space=A, year=2]", "spend[space=B, year=1]", "spend[space=B, year=2]",
        "reached[space=A, year=1]", "reached[space=A, year=2]", "reached[space=B, year=1]", "reached[space=B, year=2]",
    ]  # fmt: skip
    assert [program.row_name(i) for i in (0, 1, 2, 5)] == [
        "pool[year=1]", "pool[year=2]", "delivery[space=A, year=1]", "delivery[space=B, year=2]",
    ]  # fmt: skip
    assert program.linear.matrix.toarray().tolist() == [
        [1, 0, 1, 0, 0, 0, 0, 0],
        [0, 1, 0, 1, 0, 0, 0, 0],
        [-1, 0, 0, 0, 2, 0, 0, 0],
        [0, -1, 0, 0, 0, 2, 0, 0],
        [0, 0, -1, 0, 0, 0, 4, 0],
        [0, 0, 0, -1, 0, 0, 0, 4],
    ]
    assert program.linear.row_upper.tolist() == [100, 200, 0, 0, 0, 0]
    assert np.all(program.linear.row_lower == -np.inf)
    assert program.linear.unit.tolist() == [1000] * 4 + [1] * 4
    (goal,) = program.linear.goals
    assert (goal.sense, goal.cost.tolist()) == ("max", [0] * 4 + [1] * 4)
    assert str(program.goal_units[0]) == "household"
    assert str(program.rows["delivery"].unit) == "R"


def test_a_goal_keeps_its_constant() -> None:
    """Proves: numbers in a goal are added to its value. Broken: the value said is not the goal's."""
    model = small.model(goals=[{"name": "g", "min": "sum(spend, over=[space, year]) + sum(floor, over=space)"}])
    assert build(Case(model, small.toy())).linear.goals[0].offset == 30


def test_masked_columns_count_zero_and_bounds_hold_cell_by_cell() -> None:
    """Proves: ``where`` leaves cells out, ``lower`` and ``upper`` may be data. Broken: money where none may go."""
    spend = {"over": ["space", "year"], "unit": "R", "where": "floor > line", "lower": "floor", "upper": "budget"}
    reached = {"over": ["space", "year"], "unit": "household", "lower": "-inf"}
    program = build(Case(small.model(variables={"spend": spend, "reached": reached}), small.toy()))
    assert program.columns["spend"].number.tolist() == [[-1, -1], [0, 1]]
    assert program.linear.lower.tolist() == [20, 20, -np.inf, -np.inf, -np.inf, -np.inf]
    assert program.linear.upper.tolist() == [100, 200, np.inf, np.inf, np.inf, np.inf]
    assert program.columns["spend"].pack(np.arange(6.0), np.nan).tolist()[1] == [0, 1]


def test_derived_data_are_rounded_to_published_units() -> None:
    """Proves: up, down and nearest go to whole R thousand, and what is whole already stays.

    Broken: a guarantee of R100,000.0000001 becomes R101,000.
    """
    rules = {"up": "floor * 150.1", "down": "floor * 150.9", "nearest": "floor * 149.9"}
    derived: dict[str, Any] = {
        how: {"over": ["space"], "unit": "R", "round": how, "rule": rule} for how, rule in rules.items()
    }
    derived["whole"] = {"over": ["space"], "unit": "R", "round": "up", "rule": "floor * 100.00000000001"}
    program = build(Case(small.model(derived=derived), small.toy()))
    assert program.datum("up").values.tolist() == [2000, 4000]
    assert program.datum("down").values.tolist() == [1000, 3000]
    assert program.datum("nearest").values.tolist() == [1000, 3000]
    assert program.datum("whole").values.tolist() == [1000, 2000]
    assert program.datum("whole").attrs["unit"] == "R"


def test_a_fixed_variable_is_data_and_its_breaches_are_listed() -> None:
    """Proves: fixing money outside ``where``, beyond a bound or against a rule is said, with by how much.

    Broken: the baseline of a comparison breaks rules and nobody knows.
    """
    spend = {"over": ["space", "year"], "unit": "R", "where": "floor > line", "upper": "budget"}
    reached = {"over": ["space", "year"], "unit": "household"}
    model = small.model(variables={"spend": spend, "reached": reached})
    program = build(apply(model, small.toy(), [small.scenario(Fix(fix="spend", to=150))]))
    assert [(b.rule, b.where, b.by, b.unit) for b in program.breaches] == [
        ("where of spend", "[space=A, year=1]", 150, "R"),
        ("where of spend", "[space=A, year=2]", 150, "R"),
        ("upper of spend", "[space=B, year=1]", 50, "R"),
        ("pool", "[year=1]", 200, "R"),
        ("pool", "[year=2]", 100, "R"),
    ]
    assert list(program.columns) == ["reached"] and list(program.fixed) == ["spend"]
    assert program.rows["pool"].number.tolist() == [-1, -1]
    assert program.linear.row_upper.tolist() == [150] * 4


def test_fixing_makes_a_product_linear() -> None:
    """Proves: what multiplies two variables is linear once one is fixed. Broken: fixing is only half done."""
    model = small.with_rule("spend * reached <= floor * 9 * reached")
    with pytest.raises(InputError, match="multiplies two variables"):
        build(Case(model, small.toy()))
    build(apply(model, small.toy(), [small.scenario(Fix(fix="spend", to=3))]))


def test_a_rule_that_nothing_can_satisfy_is_no_plan() -> None:
    """Proves: a floor above a masked pool is said in the words of the model. Broken: the solver says infeasible."""
    spend = {"over": ["space", "year"], "unit": "R", "where": "floor > 9 * line"}
    model = small.with_rule("sum(spend, over=year) >= floor", ["space"], variables={"spend": spend, "reached": {"unit": "household"}}, goals=[{"name": "g", "max": "reached"}])  # fmt: skip
    with pytest.raises(NoPlanError) as caught:
        build(Case(model, small.toy()))
    assert str(caught.value) == (
        "no plan is possible: nothing can be chosen in these, and their numbers do not hold:\n"
        "  it[space=B]: off by R20\n  it[space=A]: off by R10"
    )


def test_a_world_that_does_not_fit_is_refused_in_exact_words() -> None:
    """Proves: missing, misshapen and misnamed data are all said together. Broken: a KeyError, or one run a mistake."""
    toy = small.toy()
    off = World("off", toy.data.rename(budget="bugdet").assign(floor=toy.data["floor"].expand_dims(year=2)), None)
    off.data["cost"].attrs["unit"] = "R"
    off.data["floor"].attrs["unit"] = "R"
    with pytest.raises(InputError) as caught:
        build(Case(small.model(), off))
    assert str(caught.value).splitlines() == [
        "model: 3 problems",
        "  data.budget: the world 'off' has no datum 'budget'; did you mean 'bugdet'?",
        "  data.floor: is over space in the model, but over year, space in the world",
        "  data.cost: is in R/household in the model, but in R in the world",
    ]
    dims = {"space": "", "yaer": "", "year": ""}
    assert refusal(Case(small.model(dims=dims), toy)) == "dims.yaer: the world 'toy' has no dim 'yaer'; did you mean 'year'?"  # fmt: skip


def test_numbers_that_are_none_are_refused() -> None:
    """Proves: NaN, infinity and a share above its most never reach a solver. Broken: zeros, or a wrong plan."""
    toy = small.toy()
    for bad in (np.nan, np.inf):
        world = replace(toy, data=toy.data.assign(floor=toy.data["floor"].copy(data=[1.0, bad])))
        assert refusal(Case(small.model(), world)) == "data.floor: has a value that is missing or not finite"
    data = {**small.model().model_dump()["data"], "budget": {"over": ["year"], "unit": "R", "most": 150}}
    model = small.model(data=data)
    assert refusal(Case(model, toy)) == "data.budget: 200 at [year=2] is above 150, the most it may be"
    assert build(apply(model, toy, [small.scenario(Set(set="budget", to=150))])).linear.row_upper[0] == 150


@pytest.mark.parametrize(
    ("spend", "words"),
    [
        ({"lower": "budget", "upper": "floor"}, "variables.spend: lower is above upper at [space=A, year=1]"),
        ({"lower": 5, "upper": 4}, "variables.spend: lower is above upper at [space=A, year=1]"),
        ({"lower": "inf"}, "variables.spend: lower 'inf' is not a number or a datum"),
        ({"upper": "-inf"}, "variables.spend: upper '-inf' is not a number or a datum"),
        ({"upper": "spend"}, "variables.spend: upper 'spend' is not a number or a datum"),
        ({"where": "reached > 0"}, "variables.spend: 'reached' is a variable; only data may stand here"),
        ({"where": "floor > 0 and"}, "variables.spend: 'floor > 0 and' cannot be read: invalid syntax"),
    ],
)
def test_bounds_that_cannot_be_are_refused(spend: dict[str, Any], words: str) -> None:
    """Proves: crossed and impossible bounds are said with their place. Broken: a ValueError of the solver's."""
    variables = {"spend": {"over": ["space", "year"], "unit": "R", **spend}, "reached": {"over": ["space", "year"], "unit": "household"}}  # fmt: skip
    assert refusal(Case(small.model(variables=variables), small.toy())) == words


def test_nothing_to_decide_is_said() -> None:
    """Proves: a model whose every cell is masked is refused. Broken: an empty plan looks like an answer."""
    masked = {name: {"over": ["space", "year"], "unit": unit, "where": "floor > 9 * line"} for name, unit in [("spend", "R"), ("reached", "household")]}  # fmt: skip
    assert refusal(Case(small.model(variables=masked), small.toy())) == (
        "variables: there is nothing to decide: every cell is masked"
    )


def test_what_is_derived_must_have_a_value_everywhere() -> None:
    """Proves: ``previous`` without a first, a zero divisor and an overflow are refused. Broken: a silent 0 or inf."""
    for rule, words in {
        "previous(budget)": "'previous(budget)' has no value in the first year; give previous(expression, first=expression)",
        "budget / (floor - floor) * floor": "'budget / (floor - floor)' divides by zero",
        "budget * 1e200 * 1e200": "'budget * 1e200 * 1e200' is too large to compute",
    }.items():  # fmt: skip
        over = ["space", "year"] if "floor" in rule else ["year"]
        model = small.model(derived={"d": {"over": over, "unit": "R", "rule": rule}})
        assert refusal(Case(model, small.toy())) == f"derived.d: {words}"


def test_a_goal_must_have_a_value_everywhere() -> None:
    """Proves: a goal over the one year that ``previous`` does not reach is refused. Broken: it is quietly 0."""
    model = small.model(goals=[{"name": "g", "max": "sum(last(previous(reached)), over=space)"}])
    assert "goals.g: 'sum(last(previous(reached)), over=space)' has no value in the first year" in refusal(
        Case(model, small.toy(years=["1"]))
    )


def test_huge_dims_are_refused_before_memory_is() -> None:
    """Proves: a variable over too many cells is said, not allocated. Broken: the machine swaps."""
    data = small.toy().data
    big = World("big", data.assign_coords(other=np.arange(20_000), more=np.arange(20_000)), None)
    dims = {"space": "", "year": "", "other": "", "more": ""}
    variables = {"spend": {"over": ["other", "more"], "unit": "R"}, "reached": {"over": ["space", "year"], "unit": "household"}}  # fmt: skip
    model = small.model(dims=dims, variables=variables, rules={})
    assert refusal(Case(model, big)) == (
        "variables.spend: has 400,000,000 cells over other, more; at most 20,000,000 are possible"
    )


def test_every_year_of_a_rule_is_a_row_of_its_own() -> None:
    """Proves: ``previous`` without a first has no row in the first year, also with one year only. Broken: a row of 0."""
    program = small.program("spend >= previous(spend)")
    assert program.rows["it"].number.tolist() == [[-1, 0], [-1, 1]]
    one = build(Case(small.with_rule("spend >= previous(spend)"), small.toy(years=["1"])))
    assert one.linear.matrix.shape == (0, 4)


def test_the_shipped_model_is_whole() -> None:
    """Proves: the shipped model passes its own check and fits the small World. Broken: examples do not run."""
    model = read_model("grant_consolidation")
    assert str(check(model)["unit_cost"]) == "R/household"
    program = build(Case(model, small.world()))
    assert not program.breaches
    assert set(program.rows) == set(model.active_rules)


SHIPPED = (shipped("models") / "grant_consolidation.toml").read_text(encoding="utf-8").splitlines()
PIECE = re.compile(r"\s+|\w+|[^\s\w]")
WORDS = sorted(
    {*PIECE.findall("\n".join(SHIPPED)), "nan", "-1", "1e308", "so_far(", "previous(", "last(", "and", "or", "not"}
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(14, len(SHIPPED) - 1), st.integers(0, 60), st.sampled_from(["", *WORDS]), st.booleans())
def test_one_wrong_word_is_never_a_traceback(tmp_path: Path, line: int, at: int, word: str, instead: bool) -> None:
    """Proves: any word of the shipped model, replaced, cut or added, gives a program or a letter.

    Broken: an analyst's slip of the pen ends in Python's words.
    """
    pieces = PIECE.findall(SHIPPED[line]) or [""]
    at %= len(pieces)
    pieces[at : at + instead] = [word]
    text = [*SHIPPED[:line], "".join(pieces), *SHIPPED[line + 1 :]]
    (tmp_path / "m.toml").write_text("\n".join(text), encoding="utf-8")
    with contextlib.suppress(InputError, NoPlanError):
        build(Case(read_model(tmp_path / "m.toml"), WORLD))


BYTES = """
import sys; sys.path.insert(0, {tests!r})
import small
from allocate.changes import apply
from allocate.errors import InputError
from allocate.builder import build
from allocate.read import read_model
from allocate.spec import Consolidate, Set
changes = [Consolidate(consolidate=("PIPES", "WIRES"), into="Grid", widen=True), Set(set="value", to="value_equal")]
case = apply(read_model("grant_consolidation"), small.world(), [small.scenario(*changes)])
print(case.said, build(case).to_lp())
try:
    build(apply(small.model(derived={{"d": {{"unit": "R", "rule": "flor + cots + d"}}}}), small.toy()))
except InputError as error:
    print(error)
"""


def test_the_same_bytes_whatever_the_hash_seed() -> None:
    """Proves: rows, columns, differences and errors do not depend on how Python orders sets. Broken: runs differ."""
    code = BYTES.format(tests=str(Path(small.__file__).parent))
    path = os.pathsep.join(sys.path)
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": path},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(found) == 1 and len(found.pop()) > 5000


def same_programs(one: Program, two: Program) -> bool:
    """Whether two programs have the same names and numbers, to the last bit."""
    a, b = one.linear, two.linear
    pairs = [(getattr(a, name), getattr(b, name)) for name in ("row_lower", "row_upper", "lower", "upper", "target")]
    pairs += [(getattr(a.matrix, name), getattr(b.matrix, name)) for name in ("data", "indices", "indptr")]
    pairs += [(a.goals[k].cost, b.goals[k].cost) for k in range(len(a.goals))]
    pairs += [(one.rows[name].number, two.rows[name].number) for name in two.rows]
    return list(one.rows) == list(two.rows) and all(np.array_equal(*pair) for pair in pairs)


#: But for pools, which scenarios merge, and two that say one thing, so that neither can change alone.
DATA = sorted(set(active_part(read_model("grant_consolidation")).data) - {"member", "baseline", "got_share"})


@pytest.mark.parametrize("name", DATA)
def test_a_program_from_one_before_is_the_one_from_nothing(name: str, za: World) -> None:
    """Proves: whichever datum changes, every row that it is in is made again, whether by name, through what is derived
    from it, or through who may choose what. Broken: a level of a frontier with a row of the level before."""
    world = za.select("year", ["2019/20"])
    model, datum = read_model("grant_consolidation"), world.data[name]
    values = datum.values.copy()
    cell = np.unravel_index(np.argmin(values), values.shape)  # of a flag, one more is allowed
    values[cell] = 1 - values[cell] if datum.attrs["unit"] == "flag" else 1.01 * values[cell] + 0.01
    moved = world.with_data(name, datum.copy(data=values))
    before, from_nothing = build(Case(model, world)), build(Case(model, moved))
    assert same_programs(build(Case(model, moved), before), from_nothing)


def test_a_program_comes_from_any_one_before(za: World) -> None:
    """Proves: from a program of other years, pools, rules or choices comes the program that was asked for; and what
    both have in common does come from it. Broken: rows of other labels, or nothing gained."""
    model, years = read_model("grant_consolidation"), za.data["year"].values
    worlds = [za.select("year", [years[0]]), za.select("year", [years[1]]), za]
    stronger = small.scenario(Set(set="keep", to=0.95))
    changes = [[], [read_scenario("one_pool")], [read_scenario("no_pace")], [stronger]]
    cases = [apply(model, world, change) for world in worlds for change in changes]
    cases.append(replace(cases[0], fixed={"spend": 0.0}))
    programs = [build(case) for case in cases]
    for case, wanted in zip(cases, programs, strict=True):
        assert all(same_programs(build(case, before), wanted) for before in programs)
    doubled = replace(programs[0], linear=replace(programs[0].linear, row_upper=2 * programs[0].linear.row_upper))
    found = build(cases[3], doubled)
    pool = found.rows["pool"].number
    assert np.array_equal(found.linear.row_upper[pool], 2 * programs[3].linear.row_upper[pool])


def test_a_program_does_not_depend_on_the_order_of_a_worlds_data() -> None:
    """Proves: data are met by name and dim. Broken: a World read in another order is another program."""
    world = small.world()
    names = list(map(str, world.data.data_vars))
    turned = replace(world, data=world.data[names[::-1]].transpose(*reversed(list(world.data.dims))))
    model = read_model("grant_consolidation")
    one, two = (build(Case(model, w)).linear for w in (world, turned))
    assert np.array_equal(one.matrix.toarray(), two.matrix.toarray())
    assert np.array_equal(one.row_upper, two.row_upper) and np.array_equal(one.upper, two.upper)
