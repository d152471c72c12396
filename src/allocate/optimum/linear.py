"""A linear program with goals in order, as bare arrays in natural units.

The first goal is made as good as it can be; the second as good as it can be without losing anything of the first;
and so on. Among all plans that are then still equal, the one closest to a target is published (see ``closest``).
Everything here is checked when it is made, because solvers accept NaN costs without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Solvers read a limit as large as this as "no limit"; here it must be written as infinity.
TOO_LARGE = 1e20


@dataclass(frozen=True, eq=False)
class Goal:
    """One goal: ``cost @ x + offset``, to be made small (``"min"``) or large (``"max"``); cost has shape (n,).

    >>> Goal("reach", np.array([2.0, 1.0]), 5.0, "max").value(np.array([1.0, 3.0]))
    10.0
    """

    name: str
    cost: Vector
    offset: float = 0.0
    sense: Literal["min", "max"] = "min"

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", _frozen(self.cost))

    @property
    def sign(self) -> float:
        """+1 for a goal to be made small, -1 for one to be made large: sign * cost is always minimised."""
        return -1.0 if self.sense == "max" else 1.0

    def value(self, x: Vector) -> float:
        """The goal at x (n,), in the goal's own unit and sense."""
        return float(self.cost @ x) + self.offset


@dataclass(frozen=True, eq=False)
class Region:
    """All x (n,) with ``row_lower <= matrix @ x <= row_upper`` (m,) and ``lower <= x <= upper``."""

    matrix: Any
    row_lower: Vector
    row_upper: Vector
    lower: Vector
    upper: Vector


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """A region, goals in order, and the target and published unit of every column, all in natural units.

    ``matrix`` (m, n) is sparse; row limits are (m,), bounds, target and unit (n,); limits may be infinite. ``unit`` is
    the size in which a column is published (1000 for rand, 1 for households): it sets what "equal" means.
    Raises ValueError that lists everything that is wrong.

    >>> one = np.ones(1)
    >>> LinearProgram(sparse.csr_array([[1.0]]), -one, one, one, 0 * one, (Goal("g", one * np.nan),), one, one)
    Traceback (most recent call last):
    ...
    ValueError: linear program: cost of goal 'g' must be finite (position 0); lower exceeds upper (position 0)
    """

    matrix: Any
    row_lower: Vector
    row_upper: Vector
    lower: Vector
    upper: Vector
    goals: tuple[Goal, ...]
    target: Vector
    unit: Vector
    region: Region = field(init=False, repr=False)

    def __post_init__(self) -> None:
        matrix = sparse.csr_array(self.matrix, dtype=np.float64, copy=True)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        vectors = ("row_lower", "row_upper", "lower", "upper", "target", "unit")
        arrays = {name: _frozen(getattr(self, name)) for name in vectors}
        for name, value in (("matrix", matrix), ("goals", tuple(self.goals)), *arrays.items()):
            object.__setattr__(self, name, value)
        wrong = list(_wrong_shapes(self)) or list(_wrong_values(self))
        if wrong:
            raise ValueError("linear program: " + "; ".join(wrong))
        region = Region(matrix, self.row_lower, self.row_upper, self.lower, self.upper)
        object.__setattr__(self, "region", region)

    @property
    def weights(self) -> Vector:
        """Weight (n,) of each column in the distance to the target: that of d^2 / max(|t|/u, 1), d = (x - t)/u.

        A target of many units counts by its size (a chi-square distance), a smaller one as one unit; the distance
        has no dimension, and neither units of measurement nor any solver's scaling changes it.
        """
        return 1.0 / (self.unit * np.maximum(np.abs(self.target), self.unit))


def _frozen(values: object) -> Vector:
    """A read-only float copy."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _wrong_shapes(lp: LinearProgram) -> Iterator[str]:
    rows, columns = lp.matrix.shape
    sizes = {"row_lower": rows, "row_upper": rows} | dict.fromkeys(("lower", "upper", "target", "unit"), columns)
    found = {name: getattr(lp, name).shape for name in sizes}
    sizes |= {f"cost of goal {goal.name!r}": columns for goal in lp.goals}
    found |= {f"cost of goal {goal.name!r}": goal.cost.shape for goal in lp.goals}
    for name, size in sizes.items():
        if found[name] != (size,):
            yield f"{name} has shape {found[name]}, expected ({size},)"


def _wrong_values(lp: LinearProgram) -> Iterator[str]:
    yield from _at(~np.isfinite(lp.matrix.data), "matrix entries must be finite")
    names = [goal.name for goal in lp.goals]
    if len(set(names)) < len(names):
        yield "two goals share a name"
    for goal in lp.goals:
        yield from _at(~np.isfinite(goal.cost), f"cost of goal {goal.name!r} must be finite")
        if not np.isfinite(goal.offset):
            yield f"offset of goal {goal.name!r} must be finite"
        if goal.sense not in ("min", "max"):
            yield f"sense of goal {goal.name!r} is {goal.sense!r}, expected 'min' or 'max'"
    for low, high in (("row_lower", "row_upper"), ("lower", "upper")):
        least, most = getattr(lp, low), getattr(lp, high)
        for name, limit, forbidden in ((low, least, np.inf), (high, most, -np.inf)):
            yield from _at(np.isnan(limit), f"{name} must not be NaN")
            yield from _at(limit == forbidden, f"{name} must not be {forbidden}")
            huge = np.isfinite(limit) & (np.abs(limit) >= TOO_LARGE)
            yield from _at(huge, f"{name} is beyond {TOO_LARGE:g}; write infinity")
        yield from _at(least > most, f"{low} exceeds {high}")
    yield from _at(~np.isfinite(lp.target), "target must be finite")
    yield from _at(~(np.isfinite(lp.unit) & (lp.unit > 0)), "unit must be finite and positive")


def _at(wrong: Mask, words: str) -> Iterator[str]:
    where = np.flatnonzero(wrong)
    if where.size:
        shown = ", ".join(map(str, where[:5])) + (f" and {where.size - 5} more" if where.size > 5 else "")
        yield f"{words} (position{'s' if where.size > 1 else ''} {shown})"
