"""What a number counts: rand, households, years, and products and quotients of them.

A budget in R thousand added to one in R million is the oldest mistake of the trade, so every datum states its
unit, every rule is checked for units before it is solved, and every money column of a file states its scale.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from allocate.errors import nearest

MONEY: Final = "R"
FLAG: Final = "flag"

SCALES: Final[Mapping[str, float]] = {"R": 1.0, "R thousand": 1e3, "R million": 1e6, "R billion": 1e9}
"""How many rand one unit of a money column is."""

PUBLISHED: Final[Mapping[str, float]] = {MONEY: 1000.0}
"""The unit a quantity is published in (1 where not named): money is voted and reported in R thousand."""

_SIGN: Final = re.compile(r" ?([*/]) ?")
_BASE: Final = re.compile(r"1|[A-Za-z_][A-Za-z0-9_]{0,39}")
_LONGEST: Final = 200  # characters


class UnitError(ValueError):
    """Two quantities of different units were added, compared or misspelt."""


@dataclass(frozen=True)
class Unit:
    """A product of powers of base units.

    >>> Unit.parse("R/household") * Unit.parse("household")
    Unit(R)
    >>> Unit.parse("household*year").published
    1.0
    """

    powers: tuple[tuple[str, int], ...] = ()

    @classmethod
    @lru_cache(maxsize=1000)
    def parse(cls, text: str) -> Unit:
        """Read ``R``, ``R/household``, ``household*year``, ``1/household``; ``1`` and ``flag`` have no dimension.

        Raises :class:`UnitError` for anything else.
        """
        if text == FLAG:
            return cls()
        if text in SCALES and text != MONEY:
            raise UnitError(f"{text!r} is the scale of a column in a file, not a unit; write {MONEY}")
        pieces = _SIGN.split(text) if len(text) <= _LONGEST else [""]
        names, signs = pieces[::2], ["*", *pieces[1::2]]
        if FLAG in names or not all(map(_BASE.fullmatch, names)):
            raise UnitError(f"{text[:60]!r} is not a unit; write for example R, household or R/household")
        powers = Counter[str]()
        for sign, name in zip(signs, names, strict=True):
            powers[name] += 1 if sign == "*" else -1
        del powers["1"]
        return cls._of(powers)

    @classmethod
    def _of(cls, powers: Mapping[str, int]) -> Unit:
        return cls(tuple(sorted((name, power) for name, power in powers.items() if power)))

    @property
    def published(self) -> float:
        """How many of this unit the smallest published amount is: 1000 for rand, else 1."""
        return PUBLISHED.get(str(self), 1.0)

    def _times(self, other: Unit, sign: int) -> Unit:
        powers = Counter(dict(self.powers))
        for name, power in other.powers:
            powers[name] += sign * power
        return self._of(powers)

    def __mul__(self, other: Unit) -> Unit:
        return self._times(other, 1)

    def __truediv__(self, other: Unit) -> Unit:
        return self._times(other, -1)

    def __str__(self) -> str:
        above = "*".join("*".join([name] * power) for name, power in self.powers if power > 0)
        below = "".join(f"/{name}" * -power for name, power in self.powers if power < 0)
        return (above or "1") + below

    def __repr__(self) -> str:
        return f"Unit({self})"


def same_unit(a: str, b: str) -> bool:
    """Whether two texts mean one unit; a flag is not a pure number.

    >>> same_unit("household*year", "year * household"), same_unit("flag", "1")
    (True, False)
    """
    return (a == FLAG) == (b == FLAG) and Unit.parse(a) == Unit.parse(b)


def scale_of(text: str) -> float:
    """Rand in one unit of a money column.

    >>> scale_of("R thousand")
    1000.0

    Raises :class:`UnitError` for an unknown scale.
    """
    try:
        return SCALES[text]
    except KeyError:
        words = f"{text[:60]!r} is not a rand scale; known: {', '.join(SCALES)}{nearest(text[:60], SCALES)}"
        raise UnitError(words) from None
