"""Where counts stand among the draws of a forecast: the probability integral transform, as a chart.

If the forecast is right, every tenth of the draws holds as many counts as any other, but for chance: the band.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from allocate.people.hindcast import Hindcast

WIDTH: Final = 640
HEIGHT: Final = 300
LEFT: Final = 40
BELOW: Final = 44
ABOVE: Final = 30
BAR: Final = "#6fa8d0"
BAND: Final = "#e4e8ec"
INK: Final = "#20303c"


def ranks(found: Hindcast) -> str:
    """The chart as an SVG file: a bar a tenth, and behind it how many there would be in nine of ten right worlds."""
    most = max(*found.bins, *(high for _, high in found.expected), 1)
    wide = (WIDTH - LEFT - 24) / len(found.bins)

    def y(count: float) -> float:
        return ABOVE + (HEIGHT - ABOVE - BELOW) * (1 - count / most)

    shapes = []
    for k, (count, (least, high)) in enumerate(zip(found.bins, found.expected, strict=True)):
        x, words = LEFT + k * wide, f"{10 * k} to {10 * k + 10}%: {count} spaces; {least} to {high} to expect"
        shapes.append(
            f'<g><title>{words}</title><rect x="{x:.1f}" y="{y(high):.1f}" width="{wide:.1f}" '
            f'height="{y(least) - y(high):.1f}" fill="{BAND}"/><rect x="{x + 6:.1f}" y="{y(count):.1f}" '
            f'width="{wide - 12:.1f}" height="{y(0) - y(count):.1f}" fill="{BAR}"/><text x="{x + wide / 2:.1f}" '
            f'y="{y(count) - 4:.1f}" text-anchor="middle">{count}</text></g>'
        )
    shapes += [
        f'<text x="{LEFT + k * wide:.1f}" y="{HEIGHT - BELOW + 18}" text-anchor="middle">{10 * k}%</text>'
        for k in range(len(found.bins) + 1)
    ]
    title = escape(f"{found.world}, scored in {found.year}: spaces by where the count stands among {found.draws} draws")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}"><title>{title}</title>'
        f'<text x="{LEFT}" y="18" font-weight="600">{title}</text>{"".join(shapes)}'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">Grey: to expect nine times in ten, if the forecast is right</text></svg>\n'
    )
