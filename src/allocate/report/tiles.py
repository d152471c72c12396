"""A map on which every space is the same size: one tile a space, so that area does not pass for money.

Colours go from vermilion (loss) to blue (gain), which colour-blind readers tell apart; the classes are fixed, so that
maps of different runs compare; and every tile says its number, so that nothing rests on colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from html import escape
from typing import Any, Final

import pandas as pd

from allocate.errors import InputError
from allocate.report.numerals import percent, signed, whole
from allocate.world import World

CLASSES: Final = (
    (-20.0, "#9c3500", "#fff", "loses more than 20%"),
    (-10.0, "#d9661f", "#000", "loses 10 to 20%"),
    (-5.0, "#f2a36b", "#000", "loses 5 to 10%"),
    (-1.0, "#fadcc5", "#000", "loses 1 to 5%"),
    (1.0, "#f1f1ee", "#000", "within 1%"),
    (5.0, "#cfe3f2", "#000", "gains 1 to 5%"),
    (10.0, "#8fc0e0", "#000", "gains 5 to 10%"),
    (20.0, "#3f8fc4", "#000", "gains 10 to 20%"),
    (math.inf, "#0b4a7d", "#fff", "gains more than 20%"),
)
"""The far end of each class in percent, its colour, the colour of text on it, and its name."""

SIDE: Final = 56
GAP: Final = 4
UNKNOWN: Final = ("#ffffff", "#000", "had nothing before")


def tiles(world: World, spaces: pd.DataFrame, unit: str = "R thousand") -> str:
    """The map of change in percent as inline SVG; "" for a World without tiles.

    ``spaces`` is the table of :func:`allocate.findings.spaces`; ``unit`` is what its amounts are in.

    >>> from allocate.regions import Registry
    >>> from allocate.tables import Datum
    >>> header = ("code", "name", "tile_row", "tile_col")
    >>> regions = Registry(header, (("N", "North", "0", "0"), ("S", "South", "1", "0")))
    >>> datum = Datum("x", pd.DataFrame({"space": ["N", "S"], "value": [1, 2]}), "1", "counted", "", "")
    >>> rows = [("N", "North (N)", 10, 12, 2, 20.0), ("S", "South (S)", 10, 8, -2, -20.0)]
    >>> frame = pd.DataFrame(rows, columns=["space", "name", "was", "now", "change", "percent"])
    >>> svg = tiles(World.build("two", [datum], {}, regions), frame)
    >>> svg.count('class="tile"'), "North (N): +20.0%" in svg
    (2, True)
    >>> tiles(World.build("none", [datum], {}), frame)
    ''
    """
    places = _places(world)
    drawn = [row for row in spaces.to_dict("records") if row["space"] in places]
    if not drawn:
        return ""
    used = [places[str(row["space"])] for row in drawn]
    top, left = min(r for r, _ in used), min(c for _, c in used)
    height = (max(r for r, _ in used) - top + 1) * (SIDE + GAP) - GAP
    width = (max(c for _, c in used) - left + 1) * (SIDE + GAP) - GAP
    order = sorted(drawn, key=lambda row: places[str(row["space"])])
    shapes = []
    for row in order:
        r, c = places[str(row["space"])]
        x, y = (c - left) * (SIDE + GAP), (r - top) * (SIDE + GAP)
        shapes.append(_tile(str(row["space"]), x, y, row["percent"], _words(row, unit)))
    return (
        f'<svg class="tiles" viewBox="-1 -1 {width + 2} {height + 2}" role="img" '
        f'aria-label="Map of spaces, change in percent">\n' + "\n".join(shapes) + "\n</svg>"
    )


def legend(spaces: pd.DataFrame) -> list[tuple[str, str]]:
    """The colour and the name of every class, from the largest loss to the largest gain.

    >>> legend(pd.DataFrame({"percent": [20.0, -20.0]}))[4]
    ('#f1f1ee', 'within 1%')
    """
    unknown = [(UNKNOWN[0], UNKNOWN[2])] if spaces["percent"].isna().any() else []
    return [(colour, name) for _, colour, _, name in CLASSES] + unknown


def _places(world: World) -> dict[str, tuple[int, int]]:
    """Where each space stands; nothing where no place is known."""
    if world.regions is None:
        return {}
    try:
        return world.regions.tiles
    except InputError:
        return {}


def _colours(change: float) -> tuple[str, str]:
    """By the number as printed, so that two tiles with one number never differ in colour."""
    if not math.isfinite(change):
        return UNKNOWN[:2]
    printed = round(change)
    for end, colour, ink, _ in CLASSES:
        if printed < end or (printed == end and end > 0):
            return colour, ink
    raise AssertionError("the last class has no end")


def _words(row: dict[Hashable, Any], unit: str) -> str:
    figures = {key: float(row[key]) for key in ("was", "now", "change", "percent")}
    return (
        f"{row['name']}: {percent(figures['percent'])} ({signed(figures['change'])} {unit}; "
        f"was {whole(figures['was'])}, now {whole(figures['now'])})"
    )


def _tile(code: str, x: int, y: int, change: float, words: str) -> str:
    colour, ink = _colours(change)
    middle, size = x + SIDE / 2, min(15.0, 1.5 * SIDE / max(len(code), 1))
    return (
        f'<g class="tile"><title>{escape(words)}</title>'
        f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" rx="4" fill="{colour}" stroke="#8a949e" '
        f'stroke-width="0.75"/>'
        f'<text x="{middle:g}" y="{y + 24}" fill="{ink}" font-size="{size:g}" font-weight="600">{escape(code)}</text>'
        f'<text x="{middle:g}" y="{y + 43}" fill="{ink}" font-size="14">{percent(change, places=0)}</text></g>'
    )
