"""The algebra door: the same program in PuLP's hands, with names a person can read."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pulp
import pytest

import small
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.door import LabelledProblem, write
from allocate.errors import InputError
from allocate.optimum.certificate import Check
from allocate.plan import solve
from allocate.program import Program
from allocate.read import read_model
from allocate.spec import Consolidate, Model
from allocate.world import World

MODEL = read_model("grant_consolidation")

CBC_MISSING = shutil.which("cbc") is None and not os.environ.get("CI")  # where CI is set, its absence is a failure
SOLVERS = [
    "HiGHS",
    pytest.param("COIN_CMD", marks=pytest.mark.skipif(CBC_MISSING, reason="CBC is not installed (package coinor-cbc)")),
]


def one_goal(model: Model, name: str) -> Model:
    return model.model_copy(update={"goals": tuple(goal for goal in model.goals if goal.name == name)})


def read_by_highs(text: str, folder: Path) -> Any:
    """The text as another program reads it, solved."""
    (folder / "program.lp").write_text(text, encoding="utf-8")
    return solved_by_highs(folder / "program.lp")


def solved_by_highs(path: Path) -> Any:
    solver = highspy.Highs()
    solver.silent()
    assert solver.readModel(str(path)) == highspy.HighsStatus.kOk
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
    solver = read_by_highs(program.to_lp(), tmp_path)
    assert solver.getInfo().objective_function_value == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert solver.getNumCol() == program.linear.matrix.shape[1]
    assert solver.getNumRow() == program.linear.matrix.shape[0]


def test_every_number_survives_the_text(tmp_path: Path) -> None:
    """Proves: coefficients, limits and bounds are read back, name by name, to PuLP's 12 digits. Broken: a wrong entry."""
    program = build(
        apply(MODEL, small.world(), [small.scenario(Consolidate(consolidate=("PIPES", "WIRES"), into="One grant"))])
    )
    lp = read_by_highs(program.to_lp("need met"), tmp_path).getLp()
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
    text = toy("floor <= spend <= 2 * floor").to_lp()
    assert "it(A,1).low: spend(A,1) >= 10" in text
    assert "it(A,1).high: spend(A,1) <= 20" in text


def test_bounds_and_constants_are_written() -> None:
    """Proves: free, bounded and fixed-at-one columns are in the text. Broken: free variables become at least 0."""
    variables = {
        "spend": {"over": ["space", "year"], "unit": "R", "lower": "-inf", "upper": "floor"},
        "reached": {"over": ["space", "year"], "unit": "household", "lower": -3},
    }
    goal = {"name": "g", "max": "sum(spend, over=[space, year]) + sum(cost * reached, over=[space, year]) + line"}
    text = toy("spend + cost * reached <= floor", variables=variables, goals=[goal]).to_lp()
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
    text = build(Case(model, world)).to_lp()
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
    solver = read_by_highs(build(Case(model, small.toy())).to_lp(), tmp_path)
    assert solver.getNumCol() == 5
    assert solver.getInfo().objective_function_value == pytest.approx(300)


def test_a_goal_that_is_not_there_is_refused() -> None:
    """Proves: the words name the goals there are. Broken: a KeyError."""
    with pytest.raises(InputError) as caught:
        build(Case(small.model(), small.toy())).to_pulp("reech")
    assert str(caught.value) == (
        "model: 1 problem\n  goals: there is no goal 'reech'; there are reach; did you mean 'reach'?"
    )


def test_variables_and_rows_are_found_by_label() -> None:
    """Proves: an array of PuLP objects is labelled as the plan is: the right one in every cell, 0 or None where none is.

    Broken: an analyst's line would be about other places than it says.
    """
    variables = small.model().model_dump()["variables"]
    variables["spend"] = {"over": ["space", "year"], "unit": "R", "where": "floor > line"}
    problem = toy("floor <= spend + cost * reached <= 2 * floor", variables=variables).to_pulp()
    spend, reached = problem.columns["spend"], problem.columns["reached"]
    assert reached.sel(space="B", year="2").item().name == "reached(B,2)"
    assert reached.attrs["unit"] == "household"
    assert spend.sel(space="A").values.tolist() == [0, 0]
    assert str(pulp.lpSum(spend.values.flat)) == "spend(B,1) + spend(B,2)"
    assert problem.rows["it.high"].sel(space="B", year="1").item().name == "it(B,1).high"
    assert set(problem.rows) == {"it.low", "it.high"}
    other = toy("spend <= floor", variables=variables).to_pulp()
    only = other.rows["it"]
    assert only.sel(space="A", year="1").item() is None
    assert only.sel(space="B", year="2").item().name == "it(B,2)"


def test_a_fixed_variable_is_its_numbers() -> None:
    """Proves: a line of algebra reads the same when a scenario fixes a variable. Broken: a KeyError in such a scenario."""
    program = build(Case(small.model(), small.toy(), {"spend": "floor"}))
    problem = program.to_pulp()
    assert float(problem.columns["spend"].sel(space="B", year="1")) == 20
    assert pulp.lpSum(problem.columns["spend"].values.flat).constant == 60


def test_a_copy_has_variables_of_its_own() -> None:
    """Proves: what is done to a copy leaves the original alone. Broken: one what-if leaks into the next."""
    problem = build(Case(small.model(), small.toy())).to_pulp()
    assert problem.columns["spend"].size == 4 and "pool" in problem.rows
    copied = problem.copy()
    copied.columns["spend"].sel(space="A", year="1").item().upBound = 7
    copied.rows["pool"].sel(year="1").item().changeRHS(1)
    assert problem.columns["spend"].sel(space="A", year="1").item().upBound == np.inf
    assert problem.rows["pool"].sel(year="1").item().constant == -100
    assert solve(copied).goals["reach"] < solve(problem).goals["reach"]


@pytest.mark.parametrize("goal", [goal.name for goal in MODEL.goals])
def test_a_file_of_each_kind_is_read_as_the_same_program(goal: str, tmp_path: Path) -> None:
    """Proves: .lp and .mps, read and solved by another program, have the library's goal value and every row.

    Broken: a sense is turned round (MPS files are minimised unless they say so), or the file is not there.
    """
    program = build(apply(one_goal(MODEL, goal), small.world()))
    expected = solve(program).goals[goal]
    for ending in (".lp", ".mps"):
        path = program.write(tmp_path / f"program{ending}")
        solver = solved_by_highs(path)
        assert solver.getInfo().objective_function_value == pytest.approx(expected, rel=1e-9, abs=1e-6)
        assert (solver.getNumRow(), solver.getNumCol()) == program.linear.matrix.shape
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program.lp", "program.mps"]


def test_another_ending_is_refused(tmp_path: Path) -> None:
    """Proves: the words say which formats there are, and nothing is written. Broken: an LP file called .xlsx."""
    with pytest.raises(InputError, match=r"'\.xlsx' is not a format; write \.lp or \.mps"):
        build(Case(small.model(), small.toy())).write(tmp_path / "program.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_not_written_over(tmp_path: Path) -> None:
    """Proves: a reader who has the old file open keeps it whole, and a problem that cannot be written leaves it alone.

    Broken: a stop halfway leaves half a program under a good name.
    """
    program = build(Case(small.model(), small.toy()))
    path = program.write(tmp_path / "program.lp")
    old = tmp_path / "old.lp"
    old.hardlink_to(path)
    before = old.read_text(encoding="utf-8")
    problem = program.to_pulp()
    problem += problem.columns["reached"].values.flat[0] >= 5, "five"
    write(problem, path)
    assert old.read_text(encoding="utf-8") == before != path.read_text(encoding="utf-8")
    problem += problem.add_variable("spend(A,1)", 0, 1) <= 1, "twice"
    with pytest.raises(pulp.PulpError, match="Repeated variable names"):
        write(problem, old)
    assert old.read_text(encoding="utf-8") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.lp", "program.lp"]


def answer(problem: LabelledProblem, solver: pulp.LpSolver) -> tuple[float, Any]:
    """The objective of what a solver that PuLP drives found; its status is not believed, its point is checked."""
    problem.solve(solver)
    x = np.array([variable.varValue or 0.0 for variable in problem.variables()])[: problem.linear.lower.size]
    for residual in Check(problem.linear.region, problem.linear.unit, x).feasible():
        assert residual.size <= 1e-6, str(residual)
    return pulp.value(problem.objective), x


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("goal", [goal.name for goal in MODEL.goals])
def test_the_solvers_that_pulp_drives_find_the_same_best_value(goal: str, solver: str) -> None:
    """Proves: solved by HiGHS and by CBC through PuLP, a program has the goal value of the library's plan.

    Broken: the problem that an analyst hands to another solver is another problem.
    """
    merged = small.scenario(Consolidate(consolidate=("PIPES", "WIRES"), into="One grant"))
    for changes in ([], [merged]):
        program = build(apply(one_goal(MODEL, goal), small.world(), changes))
        found, _ = answer(program.to_pulp(), pulp.getSolver(solver, msg=False))
        assert found == pytest.approx(solve(program).goals[goal], rel=1e-8, abs=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_they_agree_on_the_shipped_model_too(solver: str, za: World) -> None:
    """Proves: the same on the shipped figures of one year, in rand. Broken: only toys survive the door."""
    program = build(apply(one_goal(MODEL, "need met"), za.select("year", ["2019/20"])))
    found, _ = answer(program.to_pulp(), pulp.getSolver(solver, msg=False))
    assert found == pytest.approx(solve(program).goals["need met"], rel=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
def test_they_agree_on_whole_numbers(solver: str) -> None:
    """Proves: a whole-number column added in PuLP is whole in both solvers' answers, and they find the best by hand.

    Each van costs 3 of the goal, and B must reach 10 households less a half for each van, at most 20 a van: one van
    and 9.5 households, where half a van would do if it could be had. A pays R2 for a household and B R4.
    """
    problem = build(Case(small.model(), small.toy())).to_pulp()
    vans = problem.add_variable("vans", 0, 3, "Integer")
    reached = problem.columns["reached"].sel(year="1")
    problem += reached.sel(space="B").item() <= 20 * vans, "carried"
    problem += reached.sel(space="B").item() + 0.5 * vans >= 10, "enough"
    problem.setObjective(problem.objective - 3 * vans)
    found, _ = answer(problem, pulp.getSolver(solver, msg=False))
    assert vans.varValue == 1
    assert found == pytest.approx((100 - 9.5 * 4) / 2 + 9.5 - 3 + 100)
