"""The third reading: what the eye sees groups as the numbers do."""

from __future__ import annotations

import string

import pytest

from allocate.rules.latex import latex_of, letters
from allocate.rules.tree import read_condition, read_expression, read_rule

DIMS = {"a": ("space", "year"), "b": ("space", "year"), "c": (), "need_weight": ("space",)}
INDEX = {"space": "s", "year": "t"}


def tex(text: str, condition: bool = False) -> str:
    shown = latex_of((read_condition if condition else read_expression)(text), DIMS, INDEX, "year")
    return shown.replace(r"\mathit{a}", "A").replace(r"\mathit{b}", "B").replace(r"\mathit{c}", "C")


SEEN = {
    "a - (b - c)": r"A_{s,t} - \left( B_{s,t} - C \right)",
    "a - b - c": r"A_{s,t} - B_{s,t} - C",
    "a + (b + c)": r"A_{s,t} + B_{s,t} + C",
    "a + -b": r"A_{s,t} + \left( -B_{s,t} \right)",
    "a * (b + c)": r"A_{s,t} \, \left( B_{s,t} + C \right)",
    "(a + b) / (a * c)": r"\frac{A_{s,t} + B_{s,t}}{A_{s,t} \, C}",
    "-(a + b)": r"-\left( A_{s,t} + B_{s,t} \right)",
    "sum(a, over=space) * c": r"\left( \sum_{s} A_{s,t} \right) \, C",
    "c * sum(a, over=space) * c": r"\left( C \, \sum_{s} A_{s,t} \right) \, C",
    "c * sum(a, over=space)": r"C \, \sum_{s} A_{s,t}",
    "sum(a + b, over=[space, year])": r"\sum_{s,t} \left( A_{s,t} + B_{s,t} \right)",
    "previous(a)": r"A_{s,t-1}",
    "c * previous(a + b)": r"C \, \left( A_{s,t-1} + B_{s,t-1} \right)",
    "c - previous(a - b)": r"C - \left( A_{s,t-1} - B_{s,t-1} \right)",
    "previous(a, first=c)": r"\begin{cases} C & t = 1 \\ A_{s,t-1} & t > 1 \end{cases}",
    "so_far(a)": r"\sum_{t' \le t} A_{s,t'}",
    "so_far(a) * c": r"\left( \sum_{t' \le t} A_{s,t'} \right) \, C",
    "so_far(so_far(a))": r"\sum_{t' \le t} \sum_{t'' \le t'} A_{s,t''}",
    "previous(so_far(a))": r"\sum_{t' \le t-1} A_{s,t'}",
    "so_far(b * sum(a, over=year))": r"\sum_{t' \le t} B_{s,t'} \, \sum_{t} A_{s,t}",
    "last(a + b)": r"\left( A_{s,T} + B_{s,T} \right)",
    "last(sum(a, over=space)) * c": r"\left( \sum_{s} A_{s,T} \right) \, C",
    "need_weight * 0.5": r"\mathit{need\_weight}_{s} \, 0.5",
    "1e-9 * c": r"1 \cdot 10^{-9} \, C",
    "1_000 * c": r"1000 \, C",
}


@pytest.mark.parametrize(("text", "seen"), SEEN.items())
def test_each_shape_is_shown_in_exact_latex(text: str, seen: str) -> None:
    """Proves: brackets, indices and running sums are as a mathematician writes them.

    Broken: a reader of the paper sees a sum that swallows a factor, or an index of another year.
    """
    assert tex(text) == seen


def test_rules_and_conditions_keep_their_signs() -> None:
    """Proves: comparisons and logic are spelt out. Broken: a rule in a paper turns the other way."""
    assert latex_of(read_rule("0 <= a <= 4"), DIMS, INDEX, "year") == r"0 \le \mathit{a}_{s,t} \le 4"
    assert tex("a > 0 and not (b != c or c)", condition=True) == (
        r"\left( A_{s,t} > 0 \right) \land \left( \lnot \left( \left( B_{s,t} \ne C \right) \lor C \right) \right)"
    )


def test_every_dim_has_its_own_letter_however_many() -> None:
    """Proves: no two dims share an index, not even eighty of one name. Broken: a crash, or sums over the wrong dim."""
    many = letters([f"dim_{n}" for n in range(80)])
    assert len(set(many.values())) == 80
    assert set(list(many.values())[:52]) <= set(string.ascii_letters)
    assert list(many.values())[-1] == "i_{79}"


def test_groups_pairs_and_labels_are_marked() -> None:
    """Proves: a group says what it is a group of, a pair is turned round, a label stands where its index stood.

    Broken: the formula of a paper says something else than the rule.
    """
    dims = {"flow": ("space", "other"), "spend": ("space", "year")}
    index = {"space": "s", "other": "o", "year": "t", "province": "p"}

    def tex(rule: str) -> str:
        return latex_of(read_expression(rule), dims, index, "year")

    assert tex("sum(spend, over=space, by=province)") == r"\sum_{s \in p} \mathit{spend}_{s,t}"
    assert tex("at(spend, space=other)") == r"\mathit{spend}_{o,t}"
    assert tex("at(spend, year='2019/20')") == r"\mathit{spend}_{s,\text{2019/20}}"
    assert tex("at(sum(spend, over=year), space='A&B_1')") == r"\sum_{t} \mathit{spend}_{\text{A\&B\_1},t}"
    assert (
        tex("sum(at(flow, space=mid), over=mid)".replace("mid", "other").replace("flow", "spend"))
        == r"\sum_{o} \mathit{spend}_{o,t}"
    )
