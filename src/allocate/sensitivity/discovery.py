"""When does it go wrong? The cases in which an answer is bad, as a box of figures that a person can say.

Of many solved cases some are bad: a space falls short. PRIM peels a twentieth of the cases at a time off one end of one
figure, always where it raises the share of bad cases most. Of the boxes on the way the one is taken that holds most of
the bad cases and little else; figures come in one by one while they help, so that a few words can say it. Half of the
cases find a box and the other half judge it, so that what is said of it is not what luck put there; an end that the
second half does not bear out is left out.

Sources: J. H. Friedman and N. I. Fisher, *Bump hunting in high-dimensional data*, Statistics and Computing 9 (1999); B.
P. Bryant and R. J. Lempert, *Thinking inside the box*, Technological Forecasting and Social Change 77 (2010), for
coverage, density and quasi-p-values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import stats

from allocate.errors import InputError, Problem

type Values = np.ndarray[Any, np.dtype[np.float64]]
type Flags = np.ndarray[Any, np.dtype[np.bool_]]

PEEL: Final = 0.05
"""The part of the cases of a box that is peeled off at a time."""

FEW: Final = 20
"""A box is not peeled below so many cases."""

DOUBT: Final = 0.05
"""An end of a box stays if the bad cases beyond it would be so few by chance less often than this."""

FIGURES: Final = 4
"""A box of more figures than this is no story."""

STORY: Final = 0.1
"""A box that holds less than this part of all bad cases is not worth a sentence."""

LEAST: Final = 100
"""Cases without which nothing is looked for."""

RARE: Final = 3
"""Bad cases, and good ones, without which a half of the cases tells nothing."""


@dataclass(frozen=True)
class Limit:
    """One end of a box: a figure, by its column, lies ``above`` (or below) ``value``.

    ``chance`` is the quasi-p-value: how often a box without this end would, by chance alone, give as many bad cases
    among as many drawn from it.
    """

    figure: int
    above: bool
    value: float
    chance: float

    def holds(self, cases: Values) -> Flags:
        """Which cases (n, d) are on the right side."""
        figure = cases[:, self.figure]
        found: Flags = figure > self.value if self.above else figure < self.value
        return found


@dataclass(frozen=True)
class Box:
    """Where an answer is bad: its ends, and how it does on cases that did not help to find it.

    ``coverage`` is the share of all bad cases that lie in it (and in no box before it), ``density`` the share of its
    cases that are bad, and ``share`` its part of all cases.
    """

    limits: tuple[Limit, ...]
    coverage: float
    density: float
    share: float


def boxes(cases: Values, bad: Flags, most: int = 2) -> list[Box]:
    """Up to ``most`` boxes of figures that explain which cases are bad; none where nothing does.

    ``cases`` (n, d) are figures, ``bad`` (n,) says which cases are. The order of cases changes nothing. Each further
    box explains what those before it leave. There is none either where hardly any case is bad, or good.

    >>> cases = np.random.default_rng(1).random((2000, 3))
    >>> [box] = boxes(cases, (cases[:, 0] > 0.7) & (cases[:, 2] < 0.4), most=1)
    >>> [(limit.figure, limit.above, limit.value) for limit in box.limits]
    [(0, True, 0.7), (2, False, 0.41)]

    Raises :class:`InputError` for fewer than 100 cases, numbers that are not finite and other shapes.
    """
    _check(cases, bad)
    order = np.lexsort([bad, *cases.T])  # which case helps in what depends on its figures, not on its place
    learn, judge = order[::2], order[1::2]
    total, digits, made = int(bad[judge].sum()), _digits(cases), list[Box]()
    while len(made) < most and min(_few(bad[learn]), _few(bad[judge])) >= RARE:
        limits = _borne_out(_rounded(_grown(cases[learn], bad[learn]), digits), cases[judge], bad[judge])
        if not limits:
            break
        here = _inside(limits, cases[judge])
        hits = int(bad[judge][here].sum())
        if hits < STORY * total:
            break
        made.append(Box(limits, hits / total, hits / int(here.sum()), float(here.sum()) / (order.size // 2)))
        learn, judge = (part[~_inside(limits, cases[part])] for part in (learn, judge))
    return made


def in_words(box: Box, figures: Sequence[str], after: Sequence[str] | None = None) -> str:
    """The ends of a box as a clause; ``figures`` name the columns, ``after`` what follows a number of each.

    >>> box = Box((Limit(0, True, 1.12, 0.0), Limit(1, False, 0.9, 0.0)), 0.8, 0.7, 0.2)
    >>> in_words(box, ["the unit cost of water", "delivery"], [" times the figure", " of plan"])
    'the unit cost of water is above 1.12 times the figure and delivery is below 0.9 of plan'
    """
    follows = after or [""] * len(figures)
    clauses = []
    for figure in dict.fromkeys(limit.figure for limit in box.limits):
        ends = [
            f"{'above' if limit.above else 'below'} {limit.value:g}" for limit in box.limits if limit.figure == figure
        ]
        clauses.append(f"{figures[figure]} is {' and '.join(ends)}{follows[figure]}")
    return " and ".join(clauses)


def _check(cases: Values, bad: Flags) -> None:
    wrong = []
    if cases.ndim != 2 or bad.shape != cases.shape[:1]:
        wrong.append(Problem("cases", f"{cases.shape} and {bad.shape} are not n x d figures and n answers"))
    elif len(cases) < LEAST:
        wrong.append(Problem("cases", f"there are {len(cases)}; it takes {LEAST} to say when an answer is bad"))
    elif not np.isfinite(cases).all():
        row, column = np.argwhere(~np.isfinite(cases))[0]
        wrong.append(Problem(f"cases[{row}, {column}]", f"{cases[row, column]} is not a finite number"))
    if wrong:
        raise InputError("discovery", wrong)


def _few(bad: Flags) -> int:
    """How many there are of the rarer kind of case."""
    return int(min(bad.sum(), (~bad).sum()))


def _grown(cases: Values, bad: Flags) -> list[Limit]:
    """The box of few figures that explains most: each further figure is the one that then explains most, while it
    adds anything."""
    limits, score, free = list[Limit](), _score(bad, np.ones(len(bad), bool)), set(range(cases.shape[1]))
    while free and len({one.figure for one in limits}) < FIGURES:
        used = {one.figure for one in limits}
        tried = {figure: _best(cases, bad, sorted({*used, figure})) for figure in sorted(free)}
        figure = max(sorted(tried), key=lambda one: tried[one][1])
        if tried[figure][1] <= score:
            break
        limits, score = tried[figure]
        free -= {figure}
    return limits


def _best(cases: Values, bad: Flags, figures: Sequence[int]) -> tuple[list[Limit], float]:
    """The box of highest score on the peeling path of some figures, and its score."""
    ends, inside = dict[tuple[int, bool], Limit](), np.ones(len(bad), bool)
    best, score = list[Limit](), _score(bad, inside)
    while inside.sum() > max(FEW, PEEL * len(bad)) and not bad[inside].all():
        limit = _peel(cases[inside], bad[inside], figures)
        if limit is None:
            break
        ends[limit.figure, limit.above] = limit
        inside &= limit.holds(cases)
        if (now := _score(bad, inside)) > score:
            best, score = list(ends.values()), now
    return best, score


def _score(bad: Flags, inside: Flags) -> float:
    """The harmonic mean of coverage and density (C. J. van Rijsbergen, *Information Retrieval*, 1979)."""
    return float(2 * bad[inside].sum() / (bad.sum() + inside.sum()))


def _peel(cases: Values, bad: Flags, figures: Sequence[int]) -> Limit | None:
    """The end whose cut leaves the highest share of bad cases; of equal ones that which cuts fewest."""
    options = []
    for figure in figures:
        column = np.sort(cases[:, figure])
        for above, ordered in ((True, column), (False, column[::-1])):
            value = _beyond(ordered)
            if value is not None:
                limit = Limit(figure, above, value, 1.0)
                kept = limit.holds(cases)
                options.append((float(bad[kept].mean()), int(kept.sum()), -figure, limit))
    return max(options, key=lambda option: option[:3])[3] if options else None


def _beyond(ordered: Values) -> float | None:
    """A value between two cases that has a twentieth of them, or as few more as are equal, on its near side."""
    at = max(1, round(PEEL * len(ordered)))
    later = ordered[at:][ordered[at:] != ordered[at - 1]]
    return None if not later.size else float((ordered[at - 1] + later[0]) / 2)


def _digits(cases: Values) -> list[int]:
    """Decimals that tell twenty values of each figure apart, or up to two hundred, among those of most cases."""
    low, high = np.quantile(cases, [PEEL, 1 - PEEL], axis=0)
    wide = np.where(high > low, high - low, np.maximum(np.ptp(cases, axis=0), 1e-300))
    return [int(d) for d in np.ceil(-np.log10(wide / 20))]


def _rounded(limits: Sequence[Limit], digits: Sequence[int]) -> list[Limit]:
    return [Limit(one.figure, one.above, round(one.value, digits[one.figure]) + 0.0, 1.0) for one in limits]


def _borne_out(limits: Sequence[Limit], cases: Values, bad: Flags) -> tuple[Limit, ...]:
    """The ends that cases which did not find them bear out, the least borne out left out first."""
    kept = sorted(limits, key=lambda one: (one.figure, not one.above))
    while kept:
        chances = [_chance(kept, at, cases, bad) for at in range(len(kept))]
        worst = int(np.argmax(chances))
        if chances[worst] < DOUBT:
            pairs = zip(kept, chances, strict=True)
            return tuple(Limit(one.figure, one.above, one.value, chance) for one, chance in pairs)
        del kept[worst]
    return ()


def _chance(limits: Sequence[Limit], at: int, cases: Values, bad: Flags) -> float:
    """The quasi-p-value of an end: so many bad cases or more, were those of the box without it drawn blindly."""
    wider = _inside([*limits[:at], *limits[at + 1 :]], cases)
    here = wider & limits[at].holds(cases)
    if not here.any():
        return 1.0
    return float(stats.binom.sf(bad[here].sum() - 1, here.sum(), bad[wider].mean()))


def _inside(limits: Sequence[Limit], cases: Values) -> Flags:
    """Which cases (n, d) lie within all ends."""
    inside = np.ones(len(cases), bool)
    for limit in limits:
        inside &= limit.holds(cases)
    return inside
