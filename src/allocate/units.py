"""What a number counts: rand, households, years, and products and quotients of them.

A budget in R thousand added to one in R million is the oldest mistake of the trade, so every datum states its
unit, every rule is checked for units before it is solved, and every money column of a file states its scale.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from allocate.errors import nearest

MONEY: Final = "R"
FLAG: Final = "flag"

SCALES: Final[Mapping[str, float]] = {"R": 1.0, "R thousand": 1e3, "R million": 1e6, "R billion": 1e9}
"""How many rand one unit of a money column is."""

PUBLISHED: Final[Mapping[str, float]] = {MONEY: 1000.0}
"""The unit a quantity is published in (1 where not named): money is voted and reported in R thousand."""


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
    def parse(cls, text: str) -> Unit:
        """Read ``R``, ``R/household``, ``household*year``, ``1/household``; ``1`` and ``flag`` have no dimension.

        Raises :class:`UnitError` for anything else.
        """
        if text == FLAG:
            return cls()
        try:
            return cls._read(ast.parse(text, mode="eval").body, text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise UnitError(f"{text[:60]!r} is not a unit; write for example R, household or R/household") from None

    @classmethod
    def _read(cls, node: ast.expr, text: str) -> Unit:
        match node:
            case ast.Constant(value=1):
                return cls()
            case ast.Name(id=name):
                return cls(((name, 1),))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return cls._read(left, text) * cls._read(right, text)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return cls._read(left, text) / cls._read(right, text)
        raise UnitError(text)

    @property
    def published(self) -> float:
        """How many of this unit the smallest published amount is: 1000 for rand, else 1."""
        return PUBLISHED.get(str(self), 1.0)

    def _times(self, other: Unit, sign: int) -> Unit:
        total = Counter(dict(self.powers))
        for name, power in other.powers:
            total[name] += sign * power
        return Unit(tuple(sorted((name, power) for name, power in total.items() if power)))

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


def scale_of(text: str) -> float:
    """Rand in one unit of a money column.

    >>> scale_of("R thousand")
    1000.0

    Raises :class:`UnitError` for an unknown scale.
    """
    try:
        return SCALES[text]
    except KeyError:
        raise UnitError(f"{text!r} is not a rand scale; known: {', '.join(SCALES)}{nearest(text, SCALES)}") from None
