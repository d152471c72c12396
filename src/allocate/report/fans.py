"""Fan charts: how many there are over the years, the likelier the darker, as inline SVG.

A chart has its own scale, from the least to the most that it shows, where a reader compares how places grow and how
sure that is, not how large they are; charts of one thing have one scale. Its title says the numbers in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np

from allocate.report.numerals import rounded

BANDS: Final = ((0.025, 0.975, "#dbe8f3"), (0.1, 0.9, "#aecde5"), (0.25, 0.75, "#6fa8d0"))
"""The ends of each interval as quantiles, and its colour, the widest first."""

LINE: Final = "#0b4a7d"
STEPS: Final = (1, 2, 2.5, 5, 10)
"""A mark of the scale is one of these times a power of ten."""


@dataclass(frozen=True)
class Size:
    """Of a chart, in units of its drawing: its sides, room beside and below, letters, and how many marks at most."""

    width: int
    height: int
    left: int
    below: int
    letters: int
    marks: int


LARGE: Final = Size(width=640, height=280, left=74, below=26, letters=14, marks=6)
SMALL: Final = Size(width=180, height=120, left=46, below=20, letters=12, marks=3)


@dataclass(frozen=True, eq=False)
class Fan:
    """What a chart shows: a number at the start, and its quantiles later (``spread``: years, quantiles)."""

    title: str
    start: tuple[int, float]
    years: Sequence[int]
    quantiles: Sequence[float]
    spread: np.ndarray[Any, np.dtype[np.float64]]

    def at(self, quantile: float) -> list[tuple[int, float]]:
        """A quantile over the years, from the start on."""
        k = int(np.argmin(np.abs(np.array(self.quantiles) - quantile)))
        return [self.start, *zip(self.years, self.spread[:, k].tolist(), strict=True)]


def fan(shown: Fan, size: Size = SMALL, beside: Sequence[Fan] = ()) -> str:
    """A chart as inline SVG; its scale is that of all charts that it stands beside, if any.

    >>> spread = np.array([[80.0, 90, 95, 100, 105, 110, 120]])
    >>> svg = fan(Fan("North", (2016, 100.0), [2021], [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975], spread))
    >>> svg.count("<path"), "North: 100 in 2016; 100 in 2021 (19 times out of 20: 80 to 120)" in svg
    (7, True)
    """
    ends = [value for one in (shown, *beside) for q in BANDS[0][:2] for _, value in one.at(q)]
    ticks = _ticks(min(ends), max(ends), size.marks)
    low, high = min([*ends, ticks[0]]), max([*ends, ticks[-1]])
    first, last = shown.start[0], shown.years[-1]

    def x(year: float) -> float:
        return size.left + (year - first) / (last - first) * (size.width - size.left - size.letters)

    def y(value: float) -> float:
        room = size.height - size.below - size.letters
        return size.letters + (high - value) / ((high - low) or 1.0) * room

    def points(line: list[tuple[int, float]]) -> str:
        return "L".join(f"{x(year):.1f} {y(value):.1f}" for year, value in line)

    shapes = [
        f'<path d="M{size.left} {y(mark):.1f}H{size.width}" stroke="#d3d9df" stroke-width="1"/>'
        f'<text x="{size.left - 6}" y="{y(mark) + size.letters / 3:.1f}" text-anchor="end">{_brief(mark, ticks)}</text>'
        for mark in ticks
    ]
    shapes += [
        f'<path d="M{points(shown.at(low))}L{points(shown.at(high)[::-1])}Z" fill="{colour}"/>'
        for low, high, colour in BANDS
    ]
    shapes.append(f'<path d="M{points(shown.at(0.5))}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    shapes.append(f'<circle cx="{x(first):.1f}" cy="{y(shown.start[1]):.1f}" r="3" fill="{LINE}"/>')
    bottom = size.height - 4
    for year, anchor in ((first, "start"), (last, "end")):
        shapes.append(f'<text x="{x(year):.1f}" y="{bottom}" text-anchor="{anchor}">{year}</text>')
    words = escape(_words(shown))
    return (
        f'<svg class="fan" viewBox="0 0 {size.width} {size.height}" font-size="{size.letters}" role="img" '
        f'aria-label="{words}"><title>{words}</title>' + "".join(shapes) + "</svg>"
    )


def _words(shown: Fan) -> str:
    """The chart for those who hear it: where it starts, where it ends, and how sure that is."""
    (low, high, _), last = BANDS[0], shown.years[-1]
    least, middle, most = (rounded(shown.at(q)[-1][1]) for q in (low, 0.5, high))
    year, start = shown.start
    return f"{shown.title}: {rounded(start)} in {year}; {middle} in {last} (19 times out of 20: {least} to {most})"


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round marks within the range, as many as are wanted at most; the range itself where none is round enough."""
    span = (high - low) or abs(high) or 1.0
    power = 10 ** math.floor(math.log10(span / most))
    for step in (factor * scale for scale in (power, 10 * power) for factor in STEPS):
        marks = [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(marks) <= most:
            return marks or [low]
    return [low]


def _brief(mark: float, marks: Sequence[float]) -> str:
    """A mark of a scale: 55m, 450k, 12."""
    largest = max(abs(m) for m in marks)
    size, letter = next(((s, c) for s, c in ((1e6, "m"), (1e3, "k")) if largest >= s), (1.0, ""))
    return f"{mark / size:.4g}{letter if mark else ''}"
