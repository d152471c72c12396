"""Rule text is read by a whitelist: everything else is refused in short words, at once, and nothing runs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.rules.latex import latex_of, letters
from allocate.rules.tree import (
    Along,
    Arithmetic,
    Name,
    RuleError,
    Total,
    children,
    read_condition,
    read_expression,
    read_rule,
)

HOSTILE = {
    "__import__('os').system('true')": "\"__import__('os').system('true')\" is not allowed in a rule",
    "lambda: x": "'lambda: x' has the character ':' (colon), which no rule uses",
    "(x := 3) <= 4": "'(x := 3) <= 4' has the character ':' (colon), which no rule uses",
    "f'{x}' <= 4": "\"f'{x}'\" is not allowed in a rule",
    "x\0 <= 4": "'x\\x00 <= 4' has the character '\\x00' (number 0), which no rule uses",
    "x <= 4 # note": "'x <= 4 # note' has the character '#' (number sign), which no rule uses",
    "\u0455pend <= 4": "'\u0455pend <= 4' has the character '\u0455' (cyrillic small letter dze), which no rule uses",
    "x \u2264 4": "'x \u2264 4' has the character '\u2264' (less-than or equal to), which no rule uses",
    "x.y <= 4": "'x.y' is not allowed in a rule",
    "x[0] <= 4": "'x[0]' is not allowed in a rule",
    "x ** 2 <= 4": "'x ** 2' is not allowed in a rule",
    "x // 2 <= 4": "'x // 2' is not allowed in a rule",
    "+x <= 4": "'+x' is not allowed in a rule",
    "(x, y) <= 4": "'(x, y)' is not allowed in a rule",
    "[x, y] <= 4": "'[x, y]' is not allowed in a rule",
    "(x if y else z) <= 4": "'x if y else z' is not allowed in a rule",
    "sum(x for x in y) <= 4": "'(x for x in y)' is not allowed in a rule",
    "x in y": "'x in y' is not allowed in a rule",
    "(await x) <= 4": "'await x' is not allowed in a rule",
    "True <= 4": "'True' is not allowed in a rule",
    "None <= 4": "'None' is not allowed in a rule",
    "... <= 4": "'...' is not allowed in a rule",
    "4j <= x": "'4j' is not allowed in a rule",
    "1e400 <= x": "'1e400' is not a finite number",
    "9" * 3999 + "<=x": f"{('9' * 3999 + '<=x')[:117] + '...'!r} is 4002 characters long; a rule has at most 4000",
    "9" * 3000 + "<=x": f"{'9' * 117 + '...'!r} is not a finite number",
    "10**5000 <= x": "'10**5000' is not allowed in a rule",
    "(" * 10_000 + "x" + ")" * 10_000: f"{'(' * 117 + '...'!r} is 20001 characters long; a rule has at most 4000",
    "(" * 1900 + "x" + ")" * 1900: f"{'(' * 117 + '...'!r} is nested more than 100 deep; write it in steps",
    "-" * 3900 + "x": f"{'-' * 117 + '...'!r} is nested more than 100 deep; write it in steps",
    "-" * 150 + "x": f"{'-' * 117 + '...'!r} is nested more than 100 deep; write it in steps",
    "+".join("x" * 1500): f"{('+'.join('x' * 1500))[:117] + '...'!r} is nested more than 100 deep; write it in steps",
    "1or 2": "'1or 2' cannot be read: invalid decimal literal",
    "x <=": "'x <=' cannot be read: invalid syntax",
    "": "is empty",
    " \n\t": "is empty",
    "print(x) <= 4": "'print(x)' calls an unknown function; known: sum, previous, so_far, last, at",
    "sums(x, over=y) <= 4": "'sums(x, over=y)' calls an unknown function; known: sum, previous, so_far, last, at; did you mean 'sum'?",
    "sum(x) <= 4": "'sum(x)' does not say over which dims; write sum(expression, over=[dims])",
    "sum(x, y) <= 4": "'sum(x, y)' is not of the form sum(expression, over=dim)",
    "sum(x, over=y, over=z) <= 4": "'sum(x, over=y, over=z)' is not of the form sum(expression, over=dim)",
    "sum(x, over=[]) <= 4": "'sum(x, over=[])' needs over=dim or over=[dim, dim]",
    "sum(x, over=[y, y]) <= 4": "'sum(x, over=[y, y])' sums over a dim twice",
    "sum(x, over=3) <= 4": "'sum(x, over=3)' needs over=dim or over=[dim, dim]",
    "sum(*x, over=y) <= 4": "'*x' is not allowed in a rule",
    "sum(x, **y) <= 4": "'sum(x, **y)' is not of the form sum(expression, over=dim)",
    "last(x, first=y) <= 4": "'last(x, first=y)' is not of the form last(expression)",
    "x": "'x' needs a comparison: one of <=, >=, ==",
    "x < 4": "'x < 4' compares with <; a rule uses <=, >= or ==",
    "1 <= x >= 2": "'1 <= x >= 2' is a chain that turns round; write low <= expression <= high",
    "1 == x == 2": "'1 == x == 2' is a chain of ==; write two rules",
    "1 <= x <= y <= 2": "'1 <= x <= y <= 2' is a chain of more than three; write two rules",
    "(x > 1) + 1 <= 4": "'x > 1' is a condition where a number is wanted",
    "not x <= 4": "'not x <= 4' needs a comparison: one of <=, >=, ==",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "words"), HOSTILE.items(), ids=[f"{n}: {rule[:20]!r}" for n, rule in enumerate(HOSTILE)]
)
def test_hostile_text_is_refused_in_exact_words(rule: str, words: str) -> None:
    """Proves: each text is refused with these words in under a second. Broken: it runs, hangs, or a traceback."""
    start = time.perf_counter()
    with pytest.raises(RuleError) as caught:
        read_rule(rule)
    assert str(caught.value) == words
    assert time.perf_counter() - start < 1


@settings(max_examples=500, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("xy12.,+-*/<>=!()[] \n'\"\\:{}@#;sumoverlastfirst=previous\u0455"), max_size=60)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Proves: whatever is typed gives a tree or a RuleError. Broken: another exception reaches the user."""
    for read in (read_rule, read_expression, read_condition):
        try:
            tree = read(text)
        except RuleError as error:
            assert len(str(error)) < 300
        else:
            assert tree.text


def test_a_tree_keeps_the_words_of_its_author() -> None:
    """Proves: every node carries its own piece of the text, as written. Broken: errors quote what nobody wrote."""
    rule = read_rule("sum(a*b,over=[s,t])\n  <= previous( c , first = 1e3 )")
    assert rule.text == "sum(a*b,over=[s,t]) <= previous( c , first = 1e3 )"
    left, right = rule.sides
    assert (left.text, right.text) == ("sum(a*b,over=[s,t])", "previous( c , first = 1e3 )")
    assert isinstance(left, Total) and left.over == ("s", "t") and left.operand.text == "a*b"
    assert isinstance(right, Along) and right.first is not None and right.first.text == "1e3"


def test_multiplication_binds_before_addition() -> None:
    """Proves: ``a - b - c`` and ``a + b * c`` group as in arithmetic. Broken: signs of later terms flip."""
    match read_expression("a - b - c + d * e"):
        case Arithmetic(Arithmetic(Arithmetic(Name("a"), "-", Name("b")), "-", Name("c")), "+", Arithmetic(sign="*")):
            pass
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("text", ["a > 0 and b", "not (a == b) or c", "0 < a <= b", "sum(a, over=s) != 0"])
def test_conditions_have_logic_outside_and_numbers_inside(text: str) -> None:
    """Proves: each of these is a condition. Broken: a model's ``where`` is refused."""
    read_condition(text)


def test_a_number_inside_a_condition_is_no_condition() -> None:
    """Proves: ``(a > 0) + 1`` is refused when read, with or without a World. Broken: True counts as 1."""
    with pytest.raises(RuleError, match="'a > 0' is a condition where a number is wanted"):
        read_condition("b and (a > 0) + 1 > 0")


def test_the_deepest_rule_that_is_read_can_be_walked() -> None:
    """Proves: a tree at the limit of depth goes through every reading. Broken: RecursionError on a legal rule."""
    tree = read_expression("-" * 98 + "x")
    depth, node = 1, tree
    while below := children(node):
        node, depth = below[0], depth + 1
    assert depth == 99
    assert latex_of(tree, {}, letters([]), "year").count("-") == 98
