"""A map on which every space is the same size: one tile a space, so that area does not pass for money.

Colours go from vermilion (loss) to blue (gain), which colour-blind readers tell apart; the classes are fixed, so that
maps of different runs compare; and every tile says its number, so that nothing rests on colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from html import escape
from typing import Any, Final

import pandas as pd

from allocate.errors import InputError
from allocate.names import SPACE
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

CHANCES: Final = (
    (5, "#9c3500", "#fff", "below 5%: short almost surely"),
    (25, "#d9661f", "#000", "5 to 24%"),
    (50, "#f2a36b", "#000", "25 to 49%: short more likely than not"),
    (75, "#cfe3f2", "#000", "50 to 74%: enough more likely than not"),
    (95, "#3f8fc4", "#000", "75 to 94%"),
    (101, "#0b4a7d", "#fff", "95% and more: enough almost surely"),
)
"""The end of each class of probability in whole percent, its colour, the colour of text on it, and its name."""

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
    found = {str(row["space"]): row for row in spaces.to_dict("records")}
    drawn = {space: partial(_tile, space, row["percent"], _words(row, unit)) for space, row in found.items()}
    return _map(world, "Map of spaces, change in percent", drawn)


def chances(world: World, values: Mapping[str, float], label: str) -> str:
    """The map of a probability as inline SVG, a tile a space with the percent on it; "" for a World without tiles.

    ``label`` says what the probability is of, for those who hear the page.

    >>> from allocate.world import read_world
    >>> svg = chances(read_world("za2016"), {"DC1": 0.948, "CPT": 0.2}, "Water enough, 2021")
    >>> svg.count('class="tile"'), "West Coast (DC1): 95%" in svg
    (2, True)
    """
    drawn = {space: partial(_chance, world.title(SPACE, space), value) for space, value in values.items()}
    return _map(world, label, drawn)


def places(world: World, spaces: Iterable[str]) -> str:
    """The key of such maps as inline SVG: where each space stands, by its code; "" for a World without tiles.

    >>> from allocate.world import read_world
    >>> "CPT" in places(read_world("za2016"), ["CPT", "DC1"])
    True
    """
    return _map(world, "Where each space stands", {s: partial(_place, s, world.title(SPACE, s)) for s in spaces})


def _map(world: World, label: str, drawn: Mapping[str, Callable[[int, int], str]]) -> str:
    """Tiles of spaces, each drawn by its function, which is told where."""
    places = {space: place for space, place in _places(world).items() if space in drawn}
    if not places:
        return ""
    (top, bottom), (left, right) = ((min(along), max(along)) for along in zip(*places.values(), strict=True))
    height, width = ((many + 1) * (SIDE + GAP) - GAP for many in (bottom - top, right - left))
    shapes = [
        drawn[space]((c - left) * (SIDE + GAP), (r - top) * (SIDE + GAP))
        for space, (r, c) in sorted(places.items(), key=lambda item: item[1])
    ]
    return (
        f'<svg class="tiles" viewBox="-1 -1 {width + 2} {height + 2}" role="img" '
        f'aria-label="{escape(label)}">\n' + "\n".join(shapes) + "\n</svg>"
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


def chance_colours(value: float) -> tuple[str, str]:
    """The colour of a probability and of text on it, by the percent as printed.

    >>> chance_colours(0.049), chance_colours(1.0)
    (('#d9661f', '#000'), ('#0b4a7d', '#fff'))
    """
    printed = round(100 * value)
    return next((colour, ink) for end, colour, ink, _ in CHANCES if printed < end)


def _chance(name: str, value: float, x: int, y: int) -> str:
    colour, ink = chance_colours(value)
    return (
        f'<g class="tile"><title>{escape(name)}: {round(100 * value)}%</title>'
        f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" rx="4" fill="{colour}"/>'
        f'<text x="{x + SIDE // 2}" y="{y + 37}" fill="{ink}" font-size="26">{round(100 * value)}</text></g>'
    )


def _place(code: str, name: str, x: int, y: int) -> str:
    size = min(18.0, 1.5 * SIDE / max(len(code), 1))
    return (
        f'<g class="tile"><title>{escape(name)}</title>'
        f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" rx="4" fill="#f4f6f8" stroke="#8a949e"/>'
        f'<text x="{x + SIDE // 2}" y="{y + 34}" font-size="{size:g}">{escape(code)}</text></g>'
    )


def _words(row: dict[Hashable, Any], unit: str) -> str:
    figures = {key: float(row[key]) for key in ("was", "now", "change", "percent")}
    return (
        f"{row['name']}: {percent(figures['percent'])} ({signed(figures['change'])} {unit}; "
        f"was {whole(figures['was'])}, now {whole(figures['now'])})"
    )


def _tile(code: str, change: float, words: str, x: int, y: int) -> str:
    colour, ink = _colours(change)
    middle, size = x + SIDE / 2, min(15.0, 1.5 * SIDE / max(len(code), 1))
    return (
        f'<g class="tile"><title>{escape(words)}</title>'
        f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" rx="4" fill="{colour}" stroke="#8a949e" '
        f'stroke-width="0.75"/>'
        f'<text x="{middle:g}" y="{y + 24}" fill="{ink}" font-size="{size:g}" font-weight="600">{escape(code)}</text>'
        f'<text x="{middle:g}" y="{y + 43}" fill="{ink}" font-size="14">{percent(change, places=0)}</text></g>'
    )
