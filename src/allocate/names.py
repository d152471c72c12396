"""The words that the whole library shares: one idea, one word, one place."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
"""Of the library."""

SPACE: Final = "space"
"""The dim of places; its table carries their names and their province."""

TIME: Final = "year"
"""The ordered dim: ``previous``, ``so_far`` and ``last`` run along it."""

VALUE: Final = "value"
"""The column that holds the numbers of a long table; every other column is a dim."""

UNALLOCATED: Final = "UNALLOCATED"
"""How a schedule calls money that is held back."""

TOTAL: Final = "total"
"""How a table calls the sum of its rows, or of the parts of a row."""

MEMBER: Final = "member"
"""The flag datum that says which grant belongs to which pool: all that consolidation changes."""

STATUSES: Final = ("counted", "surveyed", "published", "derived", "modelled", "assumed")
"""How a figure came to be known, most to least certain."""
