"""What an analyst did to a PuLP problem comes back: all of it, exactly, and as a plan like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pulp
import pytest

import allocate as al
import small
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.door import LabelledProblem
from allocate.errors import InputError, NoPlanError
from allocate.optimum.linear import LinearProgram
from allocate.plan import Plan, solve
from allocate.program import Program
from allocate.read import read_model
from allocate.schedule import publish
from allocate.spec import Consolidate
from allocate.units import Unit
from allocate.world import World

MODEL = read_model("grant_consolidation")
MERGED = small.scenario(Consolidate(consolidate=("PIPES", "WIRES"), into="One grant"))
ARRAYS = ("row_lower", "row_upper", "lower", "upper", "target", "unit")


def toy(**parts: Any) -> Program:
    return build(Case(small.model(**parts), small.toy()))


def shipped() -> Program:
    return build(apply(MODEL, small.world(), [MERGED]))


def with_constants() -> Program:
    """A goal with a constant, a free column, and a rule with two limits."""
    variables = {
        "spend": {"over": ["space", "year"], "unit": "R", "lower": "-inf", "upper": "floor"},
        "reached": {"over": ["space", "year"], "unit": "household", "lower": -3},
    }
    goal = {"name": "g", "max": "sum(spend, over=[space, year]) + sum(cost * reached, over=[space, year]) + line / 7"}
    rules = {"it": {"over": ["space", "year"], "rule": "floor / 3 <= spend + cost * reached <= floor"}}
    return toy(variables=variables, goals=[goal], rules=rules)


def flat(linear: LinearProgram) -> list[bytes]:
    """Every number of a linear program, to the last bit."""
    matrix, goals = linear.matrix, linear.goals
    arrays = [matrix.data, matrix.indices, matrix.indptr, *(getattr(linear, name) for name in ARRAYS)]
    arrays += [goal.cost for goal in goals] + [np.array([goal.offset, goal.sign]) for goal in goals]
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("made", [toy, shipped, with_constants])
def test_an_untouched_problem_is_the_same_program_bit_for_bit(made: Callable[[], Program]) -> None:
    """Proves: there and back changes no bit of any array, so the plan is the same bytes.

    Broken: twelve digits of text, another order of rows or the sign of a zero moves a cell of the plan.
    """
    program = made()
    back = Program.from_pulp(program.to_pulp())
    assert flat(back.linear) == flat(program.linear)
    assert (list(back.rows), list(back.columns), back.goal_units) == (
        list(program.rows),
        list(program.columns),
        program.goal_units,
    )
    assert solve(program.to_pulp()).x.tobytes() == solve(program).x.tobytes()
    assert flat(Program.from_pulp(back.to_pulp()).linear) == flat(program.linear)


def test_the_shipped_figures_come_back_too(za: World) -> None:
    """Proves: the same for the 52 spaces, 7 pools and 3 years. Broken: only toys survive the door."""
    program = build(apply(MODEL, za))
    assert flat(Program.from_pulp(program.to_pulp()).linear) == flat(program.linear)


def test_solving_in_pulp_first_changes_nothing() -> None:
    """Proves: values that another solver left in the problem are not read. Broken: its errors enter the plan."""
    program = shipped()
    problem = program.to_pulp()
    problem.solve(pulp.HiGHS(msg=False))
    assert flat(Program.from_pulp(problem).linear) == flat(program.linear)


def test_a_line_of_algebra_is_a_rule_like_any_other() -> None:
    """Proves: a line added in PuLP gives the plan, to the last bit, that the same line written in the model gives.

    Broken: the answer to an analyst's line depends on where it was written.
    """
    program = shipped()
    weight = program.datum("need_weight")
    most = 0.97 * float((weight * solve(program).values["spend"]).sum())
    problem = program.to_pulp()
    spend = problem.columns["spend"]
    problem += pulp.lpSum((weight * spend).values.flat) <= most, "cap"
    plan = al.solve(problem)

    data = {**MODEL.model_dump()["data"], "most": {"unit": "R", "default": most}}
    added = {"over": [], "rule": "sum(need_weight * spend, over=[space, pool, service, year]) <= most"}
    rules = {name: rule.model_dump() for name, rule in MODEL.rules.items()} | {"cap": added}
    model = type(MODEL).model_validate({**MODEL.model_dump(), "data": data, "rules": rules})
    expected = solve(build(apply(model, small.world(), [MERGED])))
    assert isinstance(plan, Plan) and plan.certificate.ok and plan.grade == expected.grade
    assert plan.slack()["cap"].item() == pytest.approx(0, abs=1e-6)
    assert plan.x.tobytes() == expected.x.tobytes()
    assert plan.goals == expected.goals
    for name, price in expected.prices().items():
        assert price.equals(plan.prices()[name])
    assert plan.values.identical(expected.values)
    assert publish(plan).table().equals(publish(expected).table())


def five_in_b() -> LabelledProblem:
    problem = toy().to_pulp()
    problem += problem.columns["reached"].sel(space="B", year="1").item() >= 5, "five in B"
    return problem


def test_the_price_of_an_added_line() -> None:
    """Proves: by hand: each household that B must reach costs R4, which is two in A; so the price is -1.

    Broken: the price is missing, or is about another row.
    """
    plan = solve(five_in_b())
    assert plan.goals == {"reach": pytest.approx(145)}
    price = plan.prices()["five_in_B"]
    assert (price.dims, price.item(), price.attrs["unit"]) == ((), pytest.approx(-1), "1")
    assert plan.program.rows["five_in_B"].unit == Unit.parse("household")
    assert plan.slack()["five_in_B"].item() == pytest.approx(0)


def test_a_unit_is_told_only_where_it_is_plain() -> None:
    """Proves: a sum of rand is in rand, and a sum with coefficients, which may be in any unit, is in none.

    Broken: a page prints a price per rand of what is no rand.
    """
    problem = toy().to_pulp()
    spend, reached = (problem.columns[name].values.ravel().tolist() for name in ("spend", "reached"))
    problem += pulp.lpSum(spend) <= 250, "plain"
    problem += 2 * spend[0] + spend[1] <= 250, "weighted"
    problem += spend[0] + reached[1] <= 250, "mixed"
    rows = Program.from_pulp(problem).rows
    assert [str(rows[name].unit) for name in ("plain", "weighted", "mixed")] == ["R", "1", "1"]


def test_an_added_column_is_in_the_plan() -> None:
    """Proves: a variable added in PuLP, with coefficients in old rows and the goal, is optimised and published.

    A loan of at most R40 pays for 20 households in A, at 0.1 households a rand: 16 more. Broken: it is lost.
    """
    problem = toy().to_pulp()
    loan = problem.add_variable("loan", 0, 40)
    problem.rows["pool"].sel(year="1").item()[loan] = -1
    problem.setObjective(problem.objective - 0.1 * loan)
    problem.setObjective(problem.objective + 7)
    plan = solve(problem)
    assert plan.values["loan"].item() == pytest.approx(40)
    assert plan.goals == {"objective": pytest.approx(150 + 20 - 4 + 7)}
    assert (plan.program.linear.target[8], plan.program.linear.unit[8]) == (0, 1)
    assert plan.program.column_name(8) == "loan"


def test_a_changed_objective_takes_the_place_of_its_goal() -> None:
    """Proves: the earlier goal is still kept first, under its name; the analyst's comes after it under its own.

    Broken: money is held back, because the first goal is forgotten; or the old last goal is still there.
    """
    program = shipped()
    problem = program.to_pulp()
    objective = pulp.lpSum(problem.columns["spend"].sel(space="W").values.flat)
    objective.name = "W first"  # PuLP makes it W_first
    problem.setObjective(objective)
    plan = solve(problem)
    first = solve(program)
    assert list(plan.goals) == ["money at work", "W_first"]
    assert plan.goals["money at work"] == first.goals["money at work"]
    assert plan.goals["W_first"] == pytest.approx(float(plan.values["spend"].sel(space="W").sum()))
    assert plan.goals["W_first"] > 1.01 * float(first.values["spend"].sel(space="W").sum())
    assert str(plan.goal_units["W_first"]) == "R"


def test_the_sense_can_be_turned() -> None:
    """Proves: the sense is read from the problem. Broken: the analyst's question is answered the other way round."""
    problem = five_in_b()
    problem.sense = pulp.LpMinimize
    assert solve(problem).goals == {"objective": pytest.approx(5)}


def test_a_problem_with_an_earlier_goal_stops_there() -> None:
    """Proves: made for the first goal, it has that goal only. Broken: another goal decides what the analyst sees."""
    assert list(solve(shipped().to_pulp("money at work")).goals) == ["money at work"]


def changed(change: Callable[[LabelledProblem], Any]) -> dict[str, float]:
    problem = toy().to_pulp()
    change(problem)
    return solve(problem).goals


def row(problem: LabelledProblem, rule: str, **cell: str) -> Any:
    return problem.rows[rule].sel(cell).item()


def column(problem: LabelledProblem, variable: str, **cell: str) -> Any:
    return problem.columns[variable].sel(cell).item()


def empty(constraint: pulp.LpConstraint) -> None:
    for variable in constraint:
        constraint.set_coefficient(variable, 0)


def test_limits_bounds_and_coefficients_can_be_changed_in_place() -> None:
    """Proves: what is edited in PuLP is what is solved: by hand, 150 households from R300 in A before.

    Broken: only additions are read, and an edit is silently undone.
    """
    assert changed(lambda p: row(p, "pool", year="1").changeRHS(60)) == {"reach": pytest.approx(130)}
    assert changed(lambda p: setattr(column(p, "reached", space="A", year="1"), "upBound", 10)) == {
        "reach": pytest.approx(10 + 20 + 100)
    }
    assert changed(lambda p: setattr(column(p, "reached", space="B", year="1"), "lowBound", 5)) == {
        "reach": pytest.approx(145)
    }
    delivery = {"rule": "delivery", "space": "A", "year": "1"}
    assert changed(lambda p: row(p, **delivery).set_coefficient(column(p, "reached", space="A", year="1"), 1)) == {
        "reach": pytest.approx(200)
    }
    with pytest.raises(NoPlanError, match="the goal 'reach' has no end"):
        changed(lambda p: setattr(row(p, "pool", year="1"), "sense", pulp.LpConstraintGE))


def test_a_row_can_be_taken_away() -> None:
    """Proves: a limit of 1e20 is none, and so is a row without coefficients; both stay in the plan with price 0.

    Broken: a huge number enters the solver, or an emptied row shifts the names of those after it.
    """

    def loosen(problem: LabelledProblem) -> None:
        for year in ("1", "2"):
            row(problem, "pool", year=year).changeRHS(1e20)
        for variable in problem.columns["reached"].values.flat:
            variable.upBound = 1e30 if variable.name == "reached(B,2)" else 9
        column(problem, "spend", space="B", year="2").upBound = 40

    assert changed(loosen) == {"reach": pytest.approx(9 + 9 + 9 + 10)}
    problem = five_in_b()
    empty(row(problem, "pool", year="1"))
    column(problem, "reached", space="A", year="1").upBound = 3
    column(problem, "reached", space="B", year="1").upBound = 8
    plan = solve(problem)
    assert plan.goals == {"reach": pytest.approx(3 + 8 + 100)}
    assert plan.prices()["pool"].values.tolist() == [0, pytest.approx(0.5)]
    back = Program.from_pulp(plan.program.to_pulp())
    assert flat(back.linear) == flat(plan.program.linear)


def test_one_end_of_a_rule_with_two_limits_can_be_changed() -> None:
    """Proves: an end keeps its row while only its limit changes, and becomes a row of its own when the sum does.

    Broken: one end's coefficients are taken for both.
    """
    program = small.program("floor <= spend <= 2 * floor")
    problem = program.to_pulp()
    problem.rows["it.high"].sel(space="A", year="1").item().changeRHS(15)
    linear = Program.from_pulp(problem).linear
    assert (linear.row_lower[0], linear.row_upper[0], linear.row_lower.size) == (10, 15, 4)
    high = problem.rows["it.high"].sel(space="A", year="1").item()
    high[problem.columns["spend"].sel(space="B", year="1").item()] = 1
    edited = Program.from_pulp(problem)
    assert list(edited.rows) == ["it", "it(A,1).high"]
    assert (edited.linear.row_lower[0], edited.linear.row_upper[0]) == (10, np.inf)
    assert edited.linear.matrix[[4]].toarray().tolist() == [[1, 0, 1, 0, 0, 0, 0, 0]]
    assert (edited.linear.row_lower[4], edited.linear.row_upper[4]) == (-np.inf, 15)


def test_a_plan_of_algebra_can_go_out_again() -> None:
    """Proves: what came back, a line without a name included, is a program like any other: out, changed, back again.

    Broken: the second line of algebra cannot be added to the first, or the first is lost.
    """
    problem = five_in_b()
    problem += problem.columns["reached"].sel(space="B", year="2").item() >= 3
    again = Program.from_pulp(problem).to_pulp()
    assert again.rows["five_in_B"].item().name == "five_in_B()"
    again += again.columns["reached"].sel(space="A", year="2").item() <= 80, "third"
    plan = solve(again)
    assert list(plan.program.rows) == ["pool", "delivery", "five_in_B", "_C1", "third"]
    assert plan.goals == {"reach": pytest.approx(40 + 5 + 80 + 10)}


def test_names_are_not_read() -> None:
    """Proves: renaming what the program made changes nothing. Broken: a respelt label moves money to another place."""
    problem = five_in_b()
    expected = solve(problem).x.tobytes()
    for k, variable in enumerate(problem.variables()):
        variable.name = f"v{k}"
    assert solve(problem).x.tobytes() == expected
    assert "spend" in solve(problem).values


def test_the_column_that_carries_a_constant_is_the_number_one() -> None:
    """Proves: used in a line, ``one`` moves to its limit. Broken: the plan has a column that nobody decides."""
    program = with_constants()
    problem = program.to_pulp()
    spend = problem.columns["spend"].sel(space="A", year="1").item()
    problem += spend + 4 * problem.variablesDict()["one"] <= 6, "with a constant"
    edited = Program.from_pulp(problem)
    assert edited.linear.matrix.shape == (5, 8) and edited.linear.row_upper[4] == 2
    assert solve(problem).values["spend"].sel(space="A", year="1").item() <= 2 + 1e-9
    problem.variablesDict()["one"].upBound = 2
    with pytest.raises(InputError, match="one: stands for the number 1; leave its bounds"):
        solve(problem)


def test_a_column_taken_out_of_every_row_can_be_left_out() -> None:
    """Proves: with bounds of 0 it is 0, as the refusal of a free one says. Broken: it is published at its target."""
    program = shipped()
    problem = program.to_pulp()
    spend = problem.columns["spend"].sel(space="N", service="power", year="2019/20").values.flat[0]
    problem.remove_variables([spend])
    with pytest.raises(InputError, match="was taken out of every row and goal"):
        solve(problem)
    spend.bounds(0, 0)
    assert solve(problem).x[spend.id] == 0


def test_what_cannot_hold_names_the_added_line() -> None:
    """Proves: the words of the model and of the analyst, side by side. Broken: a row number."""
    problem = toy().to_pulp()
    problem += pulp.lpSum(problem.columns["reached"].sel(year="1").values.flat) >= 90, "ninety"
    with pytest.raises(
        NoPlanError, match=r"(?s)ninety must be at least 90 household.*pool\[year=1\] must be at most R100"
    ):
        solve(problem)


def test_a_goal_without_end_names_the_added_column() -> None:
    """Proves: the words name what grows. Broken: a column number."""
    problem = toy().to_pulp()
    free = problem.add_variable("free_lunch")
    problem.setObjective(problem.objective + free)
    with pytest.raises(NoPlanError, match=r"(?s)the goal 'objective' has no end.*free_lunch goes up"):
        solve(problem)


def test_without_an_objective_the_nearest_plan_is_taken() -> None:
    """Proves: an objective that was cleared is no goal. Broken: a goal of zeros is reported."""
    problem = five_in_b()
    problem.objective = None
    problem.solve(pulp.HiGHS(msg=False))
    plan = solve(problem)
    assert plan.goals == {} and plan.values["reached"].sel(space="B", year="1").item() == pytest.approx(5)
    assert list(plan.program.columns) == ["spend", "reached"]


def test_whole_numbers_come_back_whole() -> None:
    """Proves: a whole-number column is never taken for a continuous one. Broken: 0.488 of a van."""
    problem = toy().to_pulp()
    vans = problem.add_variable("vans", 0, 3, "Integer")
    b = problem.columns["reached"].sel(space="B", year="1").item()
    problem += b <= 20 * vans, "carried"
    problem += b + 0.5 * vans >= 10, "enough"
    problem.setObjective(problem.objective - 3 * vans)
    plan = solve(problem)
    assert plan.values["vans"].item() == 1 and plan.grade == "proved"


def test_only_a_problem_made_here_is_taken() -> None:
    """Proves: another problem, or no problem at all, is refused in one sentence. Broken: an AttributeError deep inside."""
    words = "was not made by Program.to_pulp, so nothing says what its columns are; start from that"
    for other, name in ((pulp.LpProblem("mine"), "mine"), (pulp.LpProblem.copy(five_in_b()), "Toy"), ("Toy", "str")):
        with pytest.raises(InputError) as caught:
            solve(other)  # type: ignore[arg-type]
        assert str(caught.value) == f"PuLP problem {name}: 1 problem\n  {words}"


def misused() -> Iterable[tuple[str, Callable[[LabelledProblem], Any], list[str]]]:
    def nan_cost(problem: LabelledProblem) -> None:
        objective = problem.objective
        assert objective is not None
        objective.addterm(column(problem, "spend", space="A", year="1"), float("nan"))
        problem.setObjective(objective)

    def twice(problem: LabelledProblem) -> None:
        a = problem.add_variable("a", 0, 1)
        problem.add_variable("a", 0, 1)
        problem += a <= 1, "line"  # type: ignore[misc]
        problem += a >= 0, "line"

    def taken(problem: LabelledProblem) -> None:
        for name in ("spend", "space"):
            problem += problem.add_variable(name, 0, 1) >= 0, f"about_{name}"  # type: ignore[misc]
        problem += column(problem, "spend", space="A", year="1") >= 0, "pool"

    def bounds(problem: LabelledProblem) -> None:
        column(problem, "spend", space="A", year="1").lowBound = 7
        column(problem, "spend", space="A", year="1").upBound = 5
        column(problem, "spend", space="B", year="1").upBound = float("nan")

    def removed(problem: LabelledProblem) -> None:
        problem.remove_variables([column(problem, "spend", space="A", year="1")])

    def sos(problem: LabelledProblem) -> None:
        members = {column(problem, "spend", space=space, year="1"): 1.0 for space in "AB"}
        problem.add_sos_group(pulp._rustcore.SosKind.Sos1, "either", members)

    yield "nan cost", nan_cost, ["objective: the coefficient of spend(A,1) is nan"]
    yield (
        "twice",
        twice,
        ["variables: 'a' is the name of 2 variables", "constraints: 'line' is the name of 2 constraints"],
    )
    yield (
        "taken",
        taken,
        [
            "variables: 'spend' is a name of the model",
            "variables: 'space' is a name of the model",
            "constraints: 'pool' is a name of the model",
        ],
    )
    yield "bounds", bounds, ["spend(A,1): cannot be between 7 and 5", "spend(B,1): cannot be between 0 and nan"]
    yield (
        "removed",
        removed,
        ["spend(A,1): was taken out of every row and goal; give it bounds of 0 and 0 to leave it out"],
    )

    def endless(problem: LabelledProblem) -> None:
        column(problem, "spend", space="A", year="1").lowBound = 1e20
        row(problem, "pool", year="1").changeRHS(-1e20)

    yield (
        "endless",
        endless,
        ["spend(A,1): cannot be between 1e+20 and inf", "pool(1): cannot reach its limit of -1e+20"],
    )
    yield "sos", sos, ["SOS groups: are not linear; only PuLP's own solvers can take them"]


@pytest.mark.parametrize("case", list(misused()), ids=lambda case: case[0])
def test_what_is_no_linear_program_is_refused(case: tuple[str, Callable[[LabelledProblem], Any], list[str]]) -> None:
    """Proves: all that is wrong, by PuLP's names, together. Broken: array positions, or a plan of something else."""
    _, misuse, expected = case
    problem = toy().to_pulp()
    misuse(problem)
    with pytest.raises(InputError) as caught:
        solve(problem)
    many = f"{len(expected)} problem{'s' if len(expected) > 1 else ''}"
    assert str(caught.value) == "\n  ".join([f"PuLP problem Toy: {many}", *expected])


def test_pulp_itself_refuses_products_and_nan() -> None:
    """Proves: what is not linear never gets into a problem; PuLP says so in plain words. Broken: PuLP has changed."""
    problem = toy().to_pulp()
    a, b = problem.variables()[:2]
    with pytest.raises(TypeError, match="Non-constant expressions cannot be multiplied"):
        problem += a * b <= 1
    with pytest.raises(pulp.PulpError, match="must be finite"):
        problem += a <= float("nan")
    assert flat(Program.from_pulp(problem).linear) == flat(toy().linear)


def test_a_goal_cannot_take_an_earlier_name() -> None:
    """Proves: two goals of one name are refused before they are mixed up. Broken: a ValueError about arrays."""
    goals = [{"name": name, "max": f"sum(reached * {k}, over=[space, year])"} for k, name in ((1, "more"), (2, "most"))]
    problem = toy(goals=goals).to_pulp()
    assert problem.objective is not None
    objective = problem.objective * 2
    objective.name = "more"
    problem.setObjective(objective)
    with pytest.raises(InputError, match="objective: 'more' is the name of an earlier goal; give it another"):
        solve(problem)
