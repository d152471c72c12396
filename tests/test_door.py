"""The algebra door: the same program in PuLP's hands, with names a person can read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pulp
import pytest

import small
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.door import to_lp, to_pulp
from allocate.errors import InputError
from allocate.plan import solve
from allocate.program import Program
from allocate.read import read_model
from allocate.spec import Consolidate, Model
from allocate.world import World

MODEL = read_model("grant_consolidation")


def one_goal(model: Model, name: str) -> Model:
    return model.model_copy(update={"goals": tuple(goal for goal in model.goals if goal.name == name)})


def read_by_highs(text: str, folder: Path) -> Any:
    """The text as another program reads it, solved."""
    (folder / "program.lp").write_text(text, encoding="utf-8")
    solver = highspy.Highs()
    solver.silent()
    assert solver.readModel(str(folder / "program.lp")) == highspy.HighsStatus.kOk
    assert solver.run() == highspy.HighsStatus.kOk
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return solver


@pytest.mark.parametrize("goal", [goal.name for goal in MODEL.goals])
def test_another_reader_finds_the_same_best_value(goal: str, tmp_path: Path) -> None:
    """Proves: the .lp text, read and solved by itself, has the goal value that the library's plan has.

    Broken: a row, a bound or a sense is lost on the way out, and other solvers answer another question.
    """
    program = build(apply(one_goal(MODEL, goal), small.world()))
    expected = solve(program).goals[goal]
    solver = read_by_highs(to_lp(program), tmp_path)
    assert solver.getInfo().objective_function_value == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert solver.getNumCol() == program.linear.matrix.shape[1]
    assert solver.getNumRow() == program.linear.matrix.shape[0]


def test_every_number_survives_the_text(tmp_path: Path) -> None:
    """Proves: coefficients, limits and bounds are read back, name by name, to PuLP's 12 digits. Broken: a wrong entry."""
    program = build(
        apply(MODEL, small.world(), [small.scenario(Consolidate(consolidate=("PIPES", "WIRES"), into="One grant"))])
    )
    lp = read_by_highs(to_lp(program, "need met"), tmp_path).getLp()
    columns = {name: k for k, name in enumerate(lp.col_names_)}
    order = [columns[readable(program.column_name(j))] for j in range(len(columns))]
    rows = {name: k for k, name in enumerate(lp.row_names_)}
    turn = [rows[readable(program.row_name(i))] for i in range(len(rows))]
    matrix = np.zeros((len(rows), len(columns)))
    for k in range(len(columns)):
        inside = slice(lp.a_matrix_.start_[k], lp.a_matrix_.start_[k + 1])
        matrix[np.array(lp.a_matrix_.index_[inside]), k] = lp.a_matrix_.value_[inside]
    linear = program.linear
    near = {"rtol": 1e-11, "atol": 0}
    assert np.allclose(matrix[np.ix_(turn, order)], linear.matrix.toarray(), **near)
    assert np.allclose(np.array(lp.row_lower_)[turn], linear.row_lower, **near)
    assert np.allclose(np.array(lp.row_upper_)[turn], linear.row_upper, **near)
    assert np.allclose(np.array(lp.col_lower_)[order], linear.lower, **near)
    assert np.allclose(np.array(lp.col_upper_)[order], linear.upper, **near)
    assert np.allclose(np.array(lp.col_cost_)[order], linear.goals[1].cost, **near)


def readable(name: str) -> str:
    """``spend[space=N, pool=One grant]`` as it stands in an .lp file."""
    name, _, cell = name.removesuffix("]").partition("[")
    return f"{name}({','.join(re.sub('[ /]', '_', part.partition('=')[2]) for part in cell.split(', '))})"


def toy(rule: str, **parts: Any) -> Program:
    return build(Case(small.with_rule(rule, **parts), small.toy()))


def test_a_rule_with_two_limits_is_two_rows() -> None:
    """Proves: ``low <= x <= high`` keeps both ends, under the rule's own name. Broken: one end is lost."""
    text = to_lp(toy("floor <= spend <= 2 * floor"))
    assert "it(A,1).low: spend(A,1) >= 10" in text
    assert "it(A,1).high: spend(A,1) <= 20" in text


def test_bounds_and_constants_are_written() -> None:
    """Proves: free, bounded and fixed-at-one columns are in the text. Broken: free variables become at least 0."""
    variables = {
        "spend": {"over": ["space", "year"], "unit": "R", "lower": "-inf", "upper": "floor"},
        "reached": {"over": ["space", "year"], "unit": "household", "lower": -3},
    }
    goal = {"name": "g", "max": "sum(spend, over=[space, year]) + sum(cost * reached, over=[space, year]) + line"}
    text = to_lp(toy("spend + cost * reached <= floor", variables=variables, goals=[goal]))
    assert "-inf <= spend(A,1) <= 10" in text
    assert "-3 <= reached(A,1)" in text
    assert "15 one + 2 reached(A,1)" in text and "one = 1" in text


def test_names_survive_any_label(tmp_path: Path) -> None:
    """Proves: labels with blanks, accents, operators or nothing readable stay apart and are read back.

    Broken: two columns of one name are merged, or the file cannot be read.
    """
    labels = {"space": ("A B", "A_B", "C\u00f4te d'Or", "1e5", "x" * 80, "<= 3", "e1"), "year": ("1", "2")}
    world = World.build(
        "odd",
        [
            small.table("budget", "R", ["year"], lambda y: 100, labels),
            small.table("floor", "R", ["space"], lambda s: 1, labels),
            small.table("cost", "R/household", ["space"], lambda s: 2, labels),
            small.table("line", "R", [], lambda: 15, labels),
        ],
        labels,
    )
    model = small.model(goals=[{"name": "g", "max": "sum(reached, over=[space, year]) - 0 * one"}], data={**small.model().model_dump()["data"], "one": {"unit": "household", "default": 1}})  # fmt: skip
    text = to_lp(build(Case(model, world)))
    assert all(len(name) < 255 and name.isascii() for name in re.findall(r"^(\S+): ", text, re.MULTILINE))
    solver = read_by_highs(text, tmp_path)
    assert solver.getNumCol() == 28
    assert solver.getInfo().objective_function_value == pytest.approx(100)


def test_variables_named_like_numbers_are_read_back(tmp_path: Path) -> None:
    """Proves: variables called ``e1`` or ``free`` do not read as 10 or as a keyword. Broken: another program is read."""
    model = small.model(
        variables={"e1": {"over": ["space", "year"], "unit": "R"}, "free": {"unit": "R"}},
        rules={"end": {"over": ["space", "year"], "rule": "2 * e1 + free <= budget"}},
        goals=[{"name": "g", "max": "sum(e1, over=[space, year])"}],
        schedule={"amount": "e1", "unallocated": "free"},
    )
    solver = read_by_highs(to_lp(build(Case(model, small.toy()))), tmp_path)
    assert solver.getNumCol() == 5
    assert solver.getInfo().objective_function_value == pytest.approx(300)


def test_an_analyst_can_add_a_line_and_solve() -> None:
    """Proves: the problem is an ordinary PuLP problem. Broken: the door opens on nothing."""
    problem = to_pulp(build(Case(small.model(), small.toy())))
    columns = problem.variablesDict()
    problem += columns["reached(B,1)"] >= 5, "five_in_B"
    problem.solve(pulp.HiGHS(msg=False))
    assert pulp.value(problem.objective) == pytest.approx(5 + 40 + 100)


def test_a_goal_that_is_not_there_is_refused() -> None:
    """Proves: the words name the goals there are. Broken: a KeyError."""
    with pytest.raises(InputError) as caught:
        to_pulp(build(Case(small.model(), small.toy())), "reech")
    assert str(caught.value) == (
        "model: 1 problem\n  goals: there is no goal 'reech'; there are reach; did you mean 'reach'?"
    )
