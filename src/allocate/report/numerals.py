"""Numbers as a reader meets them: commas between thousands, a real minus, few digits, never a signed zero."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
NONE: Final = "\N{EN DASH}"
DIGITS: Final = 4
"""Figures that are not exact are shown with at most this many significant digits."""

NOTHING: Final = 1e-9
"""What is smaller is what arithmetic leaves of 0."""

_STEPS: Final = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def whole(value: float) -> str:
    """A whole number.

    >>> whole(14816103), whole(-2.0)
    ('14,816,103', '−2')
    """
    return _minus(f"{value:,.0f}") if math.isfinite(value) else NONE


def signed(value: float) -> str:
    """A whole number with its sign.

    >>> signed(251531), signed(-304513), signed(0.2)
    ('+251,531', '−304,513', '0')
    """
    return _minus(f"{value:+,.0f}") if math.isfinite(value) else NONE


def percent(value: float, places: int = 1) -> str:
    """A change in percent with its sign; an en dash where there is none.

    >>> percent(19.578), percent(-0.0002), percent(-10.0, places=0), percent(float("nan"))
    ('+19.6%', '0.0%', '−10%', '–')
    """
    if not math.isfinite(value):
        return NONE
    places = places if abs(value) < 1000 else 0
    return _minus(f"{value:+,.{places}f}") + "%"


def share(value: float) -> str:
    """A part of the whole, in percent.

    >>> share(0.5356), share(0.0)
    ('53.6%', '0.0%')
    """
    return _minus(f"{100 * value:,.1f}") + "%" if math.isfinite(value) else NONE


def points(value: float) -> str:
    """A difference of two shares in percentage points, with its sign.

    >>> points(0.04726), points(-0.12), points(0.00001)
    ('+4.7', '−12.0', '0.0')
    """
    return percent(100 * value).removesuffix("%")


def rounded(value: float) -> str:
    """A number with at most four significant digits.

    >>> rounded(14042755), rounded(-451.905), rounded(0.0063812), rounded(-1e-37), rounded(2)
    ('14,040,000', '−451.9', '0.006381', '0', '2')
    """
    if not math.isfinite(value):
        return NONE
    if abs(value) < NOTHING:
        return "0"
    short = float(f"{value:.{DIGITS}g}")
    places = max(0, DIGITS - 1 - math.floor(math.log10(abs(short))))
    text = f"{short:,.{places}f}"
    return _minus(text.rstrip("0").rstrip(".") if "." in text else text)


def tiny(value: float) -> str:
    """A very small number as a power of ten.

    >>> tiny(1.7388e-16), tiny(1e-9), tiny(0.0)
    ('1.7 × 10⁻¹⁶', '10⁻⁹', '0')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else NONE
    front, power = f"{value:.1e}".split("e")
    raised = "10" + str(int(power)).translate(_RAISED)
    return raised if front == "1.0" else f"{_minus(front)} × {raised}"


def tone(value: float) -> str:
    """The class of a cell by the sign of its number.

    >>> tone(3), tone(-0.5), tone(0)
    ('up', 'down', 'level')
    """
    return "up" if value > NOTHING else "down" if value < -NOTHING else "level"


def typeset(text: str) -> str:
    """Text with a real minus before a number and an arrow for ``->``.

    >>> typeset("keep: 0.9 -> 0.95"), typeset("Ugu -R3.2m (-10%), 2017-18")
    ('keep: 0.9 → 0.95', 'Ugu −R3.2m (−10%), 2017-18')
    """
    return re.sub(r"(?<![\w-])-(?=R?\d)", MINUS, text.replace("->", "→"))


@dataclass(frozen=True)
class Scale:
    """One power of a thousand and one number of places for a whole table, so that its columns can be compared.

    >>> scale = Scale.of([33.0e6, 14042755.0])
    >>> scale.word, scale.show(14042755.0), scale.show(33.0e6), scale.change(-4.0e6)
    ('million', '14.04', '33.00', '−4.00')
    """

    size: float
    word: str
    places: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Scale:
        """The scale that shows the largest value with four digits."""
        largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
        size, word = next(((size, word) for size, word in _STEPS if largest >= size), (1.0, ""))
        before = len(f"{largest / size:.0f}")
        return cls(size, word, max(0, min(2, DIGITS - before)))

    def show(self, value: float) -> str:
        return _minus(f"{value / self.size:,.{self.places}f}") if math.isfinite(value) else NONE

    def change(self, value: float) -> str:
        return _minus(f"{value / self.size:+,.{self.places}f}") if math.isfinite(value) else NONE


def _minus(text: str) -> str:
    """The real minus, and no sign where every digit is 0."""
    if not any(c in "123456789" for c in text):
        return text.lstrip("+-")
    return text.replace("-", MINUS)
