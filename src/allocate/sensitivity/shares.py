"""Which assumption moves which answer most: one at a time, and as shares of variance.

A figure that is not known is one column of X, a solved case one row; Y has a column for each answer that is read off a
case. A tornado moves one figure at a time from its low to its high end. Sobol' indices share the variance of an answer
out over the figures: the first-order index of a figure is the part that goes if it alone becomes known, the total index
the part that stays if all others become known, so that the two differ by what it does together with others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import qmc

from allocate.errors import InputError, Problem

type Values = np.ndarray[Any, np.dtype[np.float64]]

STILL: Final = 1e-9
"""An answer whose standard deviation is this small a part of its size does not move: it has no shares."""

CONFIDENCE: Final = 1.96
"""Standard errors on each side of an estimate: 19 times out of 20."""


@dataclass(frozen=True, eq=False)
class Indices:
    """Sobol' indices (figures, answers) with their standard errors; NaN where an answer does not move.

    ``total`` is NaN too where the sample cannot tell it.
    """

    first: Values
    first_error: Values
    total: Values
    total_error: Values

    def table(self, figures: Sequence[str], answers: Sequence[str]) -> pd.DataFrame:
        """A row an answer and figure: ``first`` and ``total`` with the ends of their 95% intervals.

        >>> found = sobol(saltelli(64, 2, seed=1)[:, :1], 2)
        >>> found.table(["x", "y"], ["x itself"]).round(1)[["answer", "figure", "first", "total"]].values.tolist()
        [['x itself', 'x', 1.0, 1.0], ['x itself', 'y', 0.0, 0.0]]
        """
        cells: dict[str, Any] = {
            "answer": np.repeat(list(answers), len(figures)),
            "figure": np.tile(list(figures), len(answers)),
        }
        for name, value, error in (
            ("first", self.first, self.first_error),
            ("total", self.total, self.total_error),
        ):
            reach = CONFIDENCE * error
            ends = {name: value, f"{name}_low": value - reach, f"{name}_high": value + reach}
            cells |= {key: array.T.ravel() for key, array in ends.items()}
        return pd.DataFrame(cells)


def saltelli(n: int, d: int, seed: int) -> Values:
    """Where to solve for first-order and total indices of ``d`` figures: points (n (d + 2), d) of the unit cube.

    Rows are n of a sample A, n of a sample B, then for each figure n of A with that figure from B. They may be solved
    in any order, if answers come back in this one. ``n`` is a power of 2, as Sobol' sequences want it.

    Source: A. Saltelli and others, *Variance based sensitivity analysis of model output*, Computer Physics
    Communications 181 (2010).

    >>> saltelli(4, 2, seed=1).shape
    (16, 2)

    Raises :class:`InputError` for an n that is no power of 2, and for no figures.
    """
    wrong = []
    if n < 2 or n & (n - 1):
        wrong.append(Problem("n", f"{n} is not a power of 2 (64, 128, 256, ...)"))
    if d < 1:
        wrong.append(Problem("figures", "there are none"))
    if wrong:
        raise InputError("Sobol' indices", wrong)
    both: Values = qmc.Sobol(2 * d, rng=seed).random(n)
    a, b = both[:, :d], both[:, d:]
    mixed = np.repeat(a[None], d, axis=0)
    for figure in range(d):
        mixed[figure, :, figure] = b[:, figure]
    return np.concatenate([a, b, *mixed])


def sobol(answers: Values, d: int) -> Indices:
    """First-order and total indices from ``answers`` (n (d + 2), k) at the points of :func:`saltelli`.

    First-order by Saltelli (2010), total by Jansen (1999), as ``scipy.stats.sobol_indices`` has them. Standard errors
    are those of a ratio of means (A. Janon and others, *Asymptotic normality and efficiency of two Sobol index
    estimators*, ESAIM: Probability and Statistics 18, 2014); the points are spread more evenly than chance would, so
    they are rather too large than too small.

    >>> u = saltelli(256, 2, seed=1)
    >>> sobol(3 * u[:, :1] + u[:, 1:], 2).first.round(1).ravel().tolist()  # variances 9 : 1
    [0.9, 0.1]

    Raises :class:`InputError` for answers that are not finite, or too few for the points.
    """
    _finite("answers", answers)
    if answers.ndim != 2 or len(answers) % (d + 2):
        raise InputError("Sobol' indices", [Problem("answers", f"{answers.shape} are not rows of n x {d + 2} points")])
    n = len(answers) // (d + 2)
    f = np.moveaxis(answers.reshape(d + 2, n, -1), 1, 2)  # (A, B and mixed samples, answers, n)
    f = f - f[:2].mean(axis=(0, 2))[:, None]
    found = stats.sobol_indices(func={"f_A": f[0], "f_B": f[1], "f_AB": f[2:]}, n=n)
    spread = (f[0] ** 2 + f[1] ** 2) / 2
    parts = {"first": f[1] * (f[2:] - f[0]), "total": (f[0] - f[2:]) ** 2 / 2}
    shape = (f.shape[1], d)  # scipy drops an axis of one
    values = {"first": found.first_order.reshape(shape).T, "total": found.total_order.reshape(shape).T}
    moves = _moves(answers)
    errors = {name: _ratio_error(parts[name], spread, values[name]) for name in parts}
    return Indices(
        *(np.where(moves, a, np.nan) for a in (values["first"], errors["first"], values["total"], errors["total"]))
    )


def given_data(sample: Values, answers: Values) -> Indices:
    """First-order indices from any sample: ``sample`` (n, d) of independent figures, ``answers`` (n, k).

    Cases are sorted by a figure into about the square root of n classes; the index is the share of variance between
    them, less what chance alone would put there. What an answer does within a class is lost, so that an index is rather
    too small than too large where it turns often. Figures that move together share what they do together.

    Source: E. Plischke, E. Borgonovo, C. L. Smith, *Global sensitivity measures from given data*, European Journal of
    Operational Research 226 (2013); the correction for chance is T. L. Kelley's (1935).

    >>> u = saltelli(256, 2, seed=1)
    >>> given_data(u, 3 * u[:, :1] + u[:, 1:]).first.round(1).ravel().tolist()
    [0.9, 0.1]

    Raises :class:`InputError` for numbers that are not finite, and fewer than 30 cases.
    """
    _finite("sample", sample)
    _finite("answers", answers)
    n = len(sample)
    if n < 30 or len(answers) != n:
        words = f"{n} cases and {len(answers)} answers; it takes 30 or more, and as many of one as of the other"
        raise InputError("shares of variance", [Problem("sample", words)])
    classes = round(n**0.5)
    shares, errors = zip(*(_between(column, answers, classes) for column in sample.T), strict=True)
    unknown = np.full((sample.shape[1], answers.shape[1]), np.nan)
    moves = _moves(answers)
    return Indices(np.where(moves, shares, np.nan), np.where(moves, errors, np.nan), unknown, unknown)


def one_at_a_time(low: Values, middle: Values, high: Values) -> Values:
    """Where to solve for a tornado: (2 d + 1, d), all in the middle first, then each figure low, then each high.

    >>> one_at_a_time(np.array([0.9]), np.array([1.0]), np.array([1.2])).ravel().tolist()
    [1.0, 0.9, 1.2]
    """
    points = np.tile(middle, (2 * middle.size + 1, 1))
    for row, end in enumerate((low, high)):
        figures = np.arange(middle.size)
        points[1 + row * middle.size + figures, figures] = end
    return points


def tornado(answers: Values, figures: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """What each figure moves on its own, from ``answers`` (2 d + 1, k) at the points of :func:`one_at_a_time`.

    A row an answer and figure: ``answer``, ``figure``, ``middle``, the answer at the ``low`` and ``high`` end of the
    figure, and ``swing``, the most that these three lie apart; of each answer the figure that moves it most first.

    >>> tornado(np.array([[5.0], [4.0], [5.0], [5.5], [7.0]]), ["a", "b"], ["y"])[["figure", "swing"]].values.tolist()
    [['b', 2.0], ['a', 1.5]]
    """
    _finite("answers", answers)
    d = len(figures)
    if answers.shape != (2 * d + 1, len(names)):
        words = f"{answers.shape}; {d} figures and {len(names)} answers take {(2 * d + 1, len(names))}"
        raise InputError("tornado", [Problem("answers", words)])
    ends = np.stack([np.broadcast_to(answers[0], (d, len(names))), answers[1 : d + 1], answers[d + 1 :]])
    middle, low, high = (array.T.ravel() for array in ends)
    frame = pd.DataFrame(
        {
            "answer": np.repeat(list(names), d),
            "figure": np.tile(list(figures), len(names)),
            "middle": middle,
            "low": low,
            "high": high,
            "swing": np.ptp(ends, axis=0).T.ravel(),
        }
    )
    order = np.lexsort([-frame["swing"].to_numpy(float), np.repeat(np.arange(len(names)), d)])
    return frame.iloc[order].reset_index(drop=True)


def _between(figure: Values, answers: Values, classes: int) -> tuple[Values, Values]:
    """The share of variance (k,) between classes of a figure, and its standard error; equal figures share a class."""
    n = len(figure)
    of = ((stats.rankdata(figure) - 0.5) * classes / n).astype(int)
    _, of = np.unique(of, return_inverse=True)
    count = np.bincount(of)
    means = np.stack([np.bincount(of, column) / count for column in answers.T], axis=1)
    inside = (answers - means[of]) ** 2
    whole = (answers - answers.mean(axis=0)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        within = inside.mean(axis=0) / whole.mean(axis=0)
    by_chance = (n - 1) / (n - count.size)  # what is within classes is short of that by chance
    return 1 - within * by_chance, by_chance * _ratio_error(inside.T, whole.T, within)


def _ratio_error(part: Values, whole: Values, ratio: Values) -> Values:
    """The standard error of a mean of parts (..., k, n) over the mean of wholes (k, n), to first order."""
    n = whole.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = (part - ratio[..., None] * whole) / whole.mean(axis=-1)[..., None]
    found: Values = off.std(axis=-1, ddof=1) / np.sqrt(n)
    return found


def _moves(answers: Values) -> Any:
    """Which answers (k,) move by more than the last digits of their size."""
    return answers.std(axis=0) > STILL * np.abs(answers).max(axis=0, initial=0.0)


def _finite(name: str, array: Values) -> None:
    """Raise InputError with the first few rows and columns that hold no finite number."""
    if not np.isfinite(array).all():
        raise InputError("sensitivity", list(_odd(name, array)))


def _odd(name: str, array: Values) -> Iterator[Problem]:
    for at in np.argwhere(~np.isfinite(array))[:8]:
        yield Problem(f"{name}[{', '.join(map(str, at))}]", f"{array[tuple(at)]} is not a finite number")
