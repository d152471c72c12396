"""The second reading: units and dims are checked before any number is."""

from __future__ import annotations

from typing import Any

import pytest

import small
from allocate.checks import check
from allocate.errors import InputError
from allocate.rules.dimension import dims_of, unit_of
from allocate.rules.tree import RuleError, read_condition, read_expression, read_rule
from allocate.units import Unit

UNITS = {name: Unit.parse(unit) for name, unit in {"spend": "R", "reached": "household", "cost": "R/household", "share": "1"}.items()}  # fmt: skip
DIMS = {"spend": ("space", "year"), "reached": ("space", "year"), "cost": ("space",), "share": ()}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("cost * reached", "R"),
        ("spend / reached", "R/household"),
        ("spend / reached / cost", "1"),
        ("spend + 0", "R"),
        ("0 - spend", "R"),
        ("share * spend", "R"),
        ("2 * spend", "R"),
        ("-sum(spend, over=space)", "R"),
        ("previous(spend, first=cost * reached)", "R"),
        ("so_far(last(spend) * share)", "R"),
    ],
)
def test_units_multiply_divide_and_agree(text: str, unit: str) -> None:
    """Proves: the unit of an expression is what algebra says. Broken: R is compared with R/household."""
    assert unit_of(read_expression(text), UNITS) == Unit.parse(unit)


def test_a_bare_zero_fits_any_unit() -> None:
    """Proves: ``spend >= 0`` needs no unit, ``spend >= 1`` does. Broken: either way models cannot be written."""
    assert unit_of(read_rule("spend >= 0"), UNITS) == Unit.parse("R")
    assert unit_of(read_expression("0 - 0"), UNITS) is None
    with pytest.raises(RuleError, match="'spend >= 1' cannot compare R with 1"):
        unit_of(read_rule("spend >= 1"), UNITS)


UNIT_WORDS = {
    "reached <= spend": "'reached <= spend' cannot compare household with R",
    "spend + reached <= spend": "'spend + reached' cannot add R and household",
    "spend - 1 <= spend": "'spend - 1' cannot add R and 1",
    "previous(reached, first=spend) <= 0": "'previous(reached, first=spend)' cannot join in previous household and R",
    "0 <= spend <= reached": "'0 <= spend <= reached' cannot compare R with household",
    "spned <= 0": "'spned' is not a datum or variable of the model; did you mean 'spend'?",
    "zebra <= 0": "'zebra' is not a datum or variable of the model",
    "nan <= spend": "'nan' is not a datum or variable of the model",
}


@pytest.mark.parametrize(("rule", "words"), UNIT_WORDS.items())
def test_wrong_units_are_refused_in_exact_words(rule: str, words: str) -> None:
    """Proves: the error names the piece and both units. Broken: rand are added to households."""
    with pytest.raises(RuleError) as caught:
        unit_of(read_rule(rule), UNITS)
    assert str(caught.value) == words


DIM_WORDS = {
    "sum(cost, over=year)": "'sum(cost, over=year)' sums over year, but what it sums varies over space",
    "sum(share, over=space)": "'sum(share, over=space)' sums over space, but what it sums varies over nothing",
    "sum(spend, over=[spce, year])": "'sum(spend, over=[spce, year])' sums over spce, but what it sums varies over space, year; did you mean 'space'?",
    "sum(sum(spend, over=year), over=year)": "'sum(sum(spend, over=year), over=year)' sums over year, but what it sums varies over space",
    "previous(cost)": "'previous(cost)' walks along year, but 'cost' does not vary over it",
    "so_far(last(spend))": "'so_far(last(spend))' walks along year, but 'last(spend)' does not vary over it",
    "previous(spend, first=reached)": "'previous(spend, first=reached)' starts from 'reached', which varies over year itself",
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), DIM_WORDS.items())
def test_wrong_dims_are_refused_in_exact_words(text: str, words: str) -> None:
    """Proves: a sum or a walk over a dim that is not there is refused. Broken: things are counted many times over."""
    with pytest.raises(RuleError) as caught:
        dims_of(read_expression(text), DIMS)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("text", "dims"),
    [
        ("cost * reached", ("space", "year")),
        ("share", ()),
        ("sum(spend, over=space)", ("year",)),
        ("last(spend)", ("space",)),
        ("previous(sum(spend, over=space), first=share)", ("year",)),
        ("previous(sum(spend, over=space), first=cost)", ("year", "space")),
    ],
)
def test_dims_are_joined_summed_and_picked(text: str, dims: tuple[str, ...]) -> None:
    """Proves: what an expression varies over. Broken: rows are missing or doubled."""
    assert dims_of(read_expression(text), DIMS) == dims


def test_a_hundred_walks_inside_each_other_are_quick() -> None:
    """Proves: reading dims takes one visit a node. Broken: 2**90 visits, and a hostile file hangs the program."""
    assert dims_of(read_expression("previous(" * 90 + "spend" + ")" * 90), DIMS) == ("space", "year")


def letter(**parts: Any) -> str:
    with pytest.raises(InputError) as caught:
        check(small.model(**parts))
    return str(caught.value).removeprefix("model: ")


def test_all_problems_of_a_model_come_together() -> None:
    """Proves: one letter names every rule, goal, derived datum, condition and bound. Broken: one run a mistake."""
    words = letter(
        rules={
            "units": {"over": ["space", "year"], "rule": "reached <= budget"},
            "dims": {"over": ["year"], "rule": "spend <= budget"},
            "syntax": {"over": [], "rule": "spend"},
        },
        goals=[{"name": "reach", "max": "reached"}],
        derived={
            "early": {"over": ["space"], "unit": "R", "rule": "2 * late"},
            "late": {"over": [], "unit": "R", "rule": "floor"},
            "wrong": {"over": ["space"], "unit": "household", "rule": "floor"},
            "choice": {"over": ["space", "year"], "unit": "R", "rule": "spend"},
        },
        variables={
            "spend": {"over": ["space", "year"], "unit": "R", "where": "reached > 0", "upper": "cost"},
            "reached": {"over": ["space"], "unit": "household", "where": "budget > 0", "upper": "flor"},
            "bound": {"over": [], "unit": "R", "upper": "budget", "lower": "spend"},
        },
    )
    assert words.splitlines() == [
        "14 problems",
        "  rules.units: 'reached <= budget' cannot compare household with R",
        "  rules.dims: 'spend <= budget' varies over space, but should vary over year",
        "  rules.syntax: 'spend' needs a comparison: one of <=, >=, ==",
        "  goals.reach: 'reached' varies over space, but should be one number; sum over space",
        "  derived.early: 'late' is declared here or below; use only what is declared above",
        "  derived.late: 'floor' varies over space, but should be one number; sum over space",
        "  derived.wrong: is in R, but it is declared in household",
        "  derived.choice: 'spend' is a variable; only data may stand here",
        "  variables.spend: 'reached' is a variable; only data may stand here",
        "  variables.reached: 'budget > 0' varies over year, but should vary over space",
        "  variables.spend: upper is in R/household, but the variable is in R",
        "  variables.reached: upper 'flor' is not a number or a datum; did you mean 'floor'?",
        "  variables.bound: lower 'spend' is not a number or a datum",
        "  variables.bound: upper 'budget' varies over year, the variable does not",
    ]


def test_the_target_of_ties_has_the_unit_and_dims_of_its_variable() -> None:
    """Proves: the nearest plan is measured in one unit, cell by cell. Broken: a crash, or rand against households."""
    assert letter(ties={"nearest": {"spend": "cost"}}) == (
        "1 problem\n  variables.spend: target is in R/household, but the variable is in R"
    )
    whole = {"cell": {"over": ["space", "year"], "unit": "R", "rule": "floor + 0 * budget"}}
    variables = {"spend": {"over": ["year"], "unit": "R"}, "reached": {"over": ["space", "year"], "unit": "household"}}
    assert "variables.spend: target 'cell' varies over space, the variable does not" in letter(
        ties={"nearest": {"spend": "cell"}}, derived=whole, variables=variables
    )


def test_units_are_read_before_rules() -> None:
    """Proves: a unit that is none is said once. Broken: every rule that uses it complains as well."""
    data = {"budget": {"over": ["year"], "unit": "R million"}, "floor": {"over": ["space"], "unit": "2 R"}}
    assert letter(data=data) == (
        "2 problems\n"
        "  data.budget: 'R million' is the scale of a column in a file, not a unit; write R\n"
        "  data.floor: '2 R' is not a unit; write for example R, household or R/household"
    )


def test_conditions_are_checked_for_units_too() -> None:
    """Proves: ``spend > 5`` is refused inside a condition. Broken: a mask compares rand with a bare number."""
    with pytest.raises(RuleError, match="'spend > 5' cannot compare R with 1"):
        unit_of(read_condition("share and not (spend > 5)"), UNITS)
