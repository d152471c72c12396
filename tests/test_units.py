"""Units multiply, divide, and refuse what is none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocate.units import FLAG, SCALES, Unit, UnitError, same_unit, scale_of

units = st.lists(st.tuples(st.sampled_from(["R", "household", "year", "m3"]), st.integers(-3, 3)), max_size=4).map(
    lambda powers: _product(powers)
)


def _product(powers: list[tuple[str, int]]) -> Unit:
    found = Unit()
    for name, power in powers:
        for _ in range(abs(power)):
            found = found * Unit.parse(name) if power > 0 else found / Unit.parse(name)
    return found


@given(units, units, units)
def test_units_are_an_abelian_group(a: Unit, b: Unit, c: Unit) -> None:
    """Proves: products commute and associate, and a quotient undoes a product. Broken: R*household/household is not R."""
    assert a * b == b * a
    assert (a * b) * c == a * (b * c)
    assert (a * b) / b == a
    assert a / a == Unit.parse("1")


@given(units)
def test_a_unit_reads_back_from_its_own_words(unit: Unit) -> None:
    """Proves: text -> unit -> text is stable. Broken: a World written and read has other units."""
    assert Unit.parse(str(unit)) == unit


@pytest.mark.parametrize(
    "text",
    ["", " ", "R thousandth", "R**2", "2*R", "R household", "R/", "/R", "R//year", "R/(household*year)", "R;year", "R\n",
     "flag/household", "__import__('os')", "R.x", "\u0280", "R*" * 50_000 + "R", "(" * 10_000, "\0", "1e5", "-R"],
)  # fmt: skip
def test_what_is_no_unit_is_refused_at_once(text: str) -> None:
    """Proves: each is a UnitError of few words, at once. Broken: another exception, or a new unit is born."""
    start = time.perf_counter()
    with pytest.raises(UnitError) as caught:
        Unit.parse(text)
    assert str(caught.value) == f"{text[:60]!r} is not a unit; write for example R, household or R/household"
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize("text", ["R thousand", "R million", "R billion"])
def test_a_scale_is_no_unit(text: str) -> None:
    """Proves: a model cannot count in R million. Broken: budgets a million times too small."""
    with pytest.raises(UnitError) as caught:
        Unit.parse(text)
    assert str(caught.value) == f"{text!r} is the scale of a column in a file, not a unit; write R"


def test_scales_are_powers_of_a_thousand_and_misspelt_ones_are_offered() -> None:
    """Proves: the four scales, and the words for any other. Broken: a column is off by a thousand without a word."""
    assert [scale_of(text) for text in SCALES] == [1, 1e3, 1e6, 1e9]
    with pytest.raises(UnitError) as caught:
        scale_of("R milion")
    assert str(caught.value) == (
        "'R milion' is not a rand scale; known: R, R thousand, R million, R billion; did you mean 'R million'?"
    )


def test_money_is_published_in_thousands_and_nothing_else_is() -> None:
    """Proves: R/household is a price, not money to be rounded. Broken: prices of R1,234 become R1,000."""
    published = {text: Unit.parse(text).published for text in ("R", "R/household", "household", "1", FLAG)}
    assert published == {"R": 1000.0, "R/household": 1.0, "household": 1.0, "1": 1.0, "flag": 1.0}


def test_two_texts_of_one_unit_are_the_same() -> None:
    """Proves: order and blanks do not matter, flags do. Broken: a World in 'R / household' meets no model."""
    assert same_unit("household*year", "year * household")
    assert same_unit("R / household", "R/household")
    assert not same_unit("flag", "1")
    assert same_unit("flag", "flag")
