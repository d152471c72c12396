"""A linear program with goals in order, as bare arrays in natural units.

The first goal is made as good as it can be; the second as good as it can be without losing anything of the first;
and so on. Among all plans that are then still equal, the one closest to a target is published (see ``closest``).
A goal may let later ones cost it something (``give``), or ask for the least of many values, then the next least
(:class:`Leximin`); columns may be whole numbers. Everything here is checked when it is made, because solvers accept
NaN costs without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

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

    Later goals may cost it up to ``give``, in its own unit, or ``give_share`` of the size of its best value; without
    either it keeps all it has.

    >>> Goal("reach", np.array([2.0, 1.0]), 5.0, "max").value(np.array([1.0, 3.0]))
    10.0
    """

    name: str
    cost: Vector
    offset: float = 0.0
    sense: Literal["min", "max"] = "min"
    give: float = 0.0
    give_share: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", _frozen(self.cost))

    @property
    def sign(self) -> float:
        """+1 for a goal to be made small, -1 for one to be made large: sign * cost is always minimised."""
        return -1.0 if self.sense == "max" else 1.0

    @property
    def gives(self) -> bool:
        """Whether later goals may cost it anything."""
        return self.give > 0 or self.give_share > 0

    def value(self, x: Vector) -> float:
        """The goal at x (n,), in the goal's own unit and sense."""
        return float((self.cost * x).sum()) + self.offset  # cost @ x wakes threads, whose number decides its last digit

    def kept(self, best: float) -> float:
        """The value that later goals must leave it when ``best`` is its best.

        >>> Goal("reach", np.ones(1), sense="max", give_share=0.25).kept(40.0)
        30.0
        """
        return best + self.sign * (self.give + self.give_share * abs(best))


@dataclass(frozen=True, eq=False)
class Leximin:
    """A goal for the worst-off: raise the least of ``matrix @ x + offset`` (k,), then the next least, and so on.

    ``matrix`` (k, n) is sparse. What no plan can raise without lowering a lesser value is settled, and kept.

    Source: W. Ogryczak, T. Sliwinski, *On direct methods for lexicographic min-max optimization*, ICCSA 2006.

    >>> Leximin("coverage", sparse.csr_array([[1.0, 0.0], [0.0, 2.0]]), np.zeros(2)).value(np.array([5.0, 1.0]))
    2.0
    """

    name: str
    matrix: Any
    offset: Vector

    sense: ClassVar[Literal["max"]] = "max"
    sign: ClassVar[float] = -1.0
    gives: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", _canonical(self.matrix))
        object.__setattr__(self, "offset", _frozen(self.offset))

    def values(self, x: Vector) -> Vector:
        """All values (k,) at x (n,)."""
        found: Vector = self.matrix @ x + self.offset
        return found

    def value(self, x: Vector) -> float:
        """The least value at x (n,)."""
        return float(self.values(x).min())


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
    the size in which a column is published (1000 for rand, 1 for households): it sets what "equal" means. ``integer``
    (n,) marks the columns that must be whole numbers, none unless given. Raises ValueError that lists everything that
    is wrong.

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
    goals: tuple[Goal | Leximin, ...]
    target: Vector
    unit: Vector
    integer: Mask = field(default_factory=lambda: np.zeros(0, bool), kw_only=True)
    region: Region = field(init=False, repr=False)

    def __post_init__(self) -> None:
        matrix = _canonical(self.matrix)
        vectors = ("row_lower", "row_upper", "lower", "upper", "target", "unit")
        arrays = {name: _frozen(getattr(self, name)) for name in vectors}
        integer = np.array(self.integer if np.size(self.integer) else np.zeros(matrix.shape[1]), dtype=bool)
        integer.flags.writeable = False
        given = {"matrix": matrix, "goals": tuple(self.goals), "integer": integer} | arrays
        for name, value in given.items():
            object.__setattr__(self, name, value)
        wrong = list(_wrong_shapes(self)) or list(_wrong_values(self))
        if wrong:
            raise ValueError("linear program: " + "; ".join(wrong))
        region = Region(matrix, self.row_lower, self.row_upper, self.lower, self.upper)
        object.__setattr__(self, "region", region)

    @property
    def limit_size(self) -> Vector:
        """The size of the larger finite limit of every row (m,), 0 where there is none."""
        low, high = (np.abs(np.where(np.isfinite(limit), limit, 0.0)) for limit in (self.row_lower, self.row_upper))
        size: Vector = np.maximum(low, high)
        return size

    @property
    def is_plain(self) -> bool:
        """Whether every goal is one value that keeps all it has, and no column is a whole number."""
        return not self.integer.any() and all(isinstance(goal, Goal) and not goal.gives for goal in self.goals)

    @property
    def plain_goals(self) -> tuple[Goal, ...]:
        """The goals, where each is one value. Raises ValueError for a goal of another kind."""
        found = tuple(goal for goal in self.goals if isinstance(goal, Goal))
        if len(found) < len(self.goals):
            raise ValueError("a leximin goal is not one value")
        return found

    @property
    def weights(self) -> Vector:
        """Weight (n,) of each column in the distance to the target: that of d^2 / max(|t|/u, 1), d = (x - t)/u.

        A target of many units counts by its size (a chi-square distance), a smaller one as one unit; the distance
        has no dimension, and neither units of measurement nor any solver's scaling changes it.
        """
        return 1.0 / (self.unit * np.maximum(np.abs(self.target), self.unit))


def _canonical(matrix: Any) -> Any:
    """A read-only copy in CSR, every entry once and none zero, with 32 bit indices as solvers take them; what is such a
    copy already, programs share."""
    if getattr(matrix, "format", "") == "csr" and not any(part.flags.writeable for part in _parts(matrix)):
        return matrix
    copy = sparse.csr_array(matrix, dtype=np.float64, copy=True)
    if getattr(matrix, "format", "") == "csr":
        copy.has_canonical_format = matrix.has_canonical_format
    copy.sum_duplicates()
    copy.eliminate_zeros()
    copy.indices, copy.indptr = (array.astype(np.int32, copy=False) for array in (copy.indices, copy.indptr))
    for part in _parts(copy):
        part.flags.writeable = False
    return copy


def _parts(matrix: Any) -> tuple[NDArray[Any], ...]:
    return matrix.data, matrix.indices, matrix.indptr


def _frozen(values: object) -> Vector:
    """A read-only float copy."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _wrong_shapes(lp: LinearProgram) -> Iterator[str]:
    rows, columns = lp.matrix.shape
    sizes = {"row_lower": rows, "row_upper": rows} | dict.fromkeys(("lower", "upper", "target", "unit"), columns)
    found = {name: getattr(lp, name).shape for name in sizes}
    sizes["integer"], found["integer"] = columns, lp.integer.shape
    for goal in lp.goals:
        if isinstance(goal, Leximin):
            many = f"offset of goal {goal.name!r}"
            sizes[many], found[many] = goal.matrix.shape[0], goal.offset.shape
            if goal.matrix.shape[1] != columns or not goal.matrix.shape[0]:
                yield f"matrix of goal {goal.name!r} has shape {goal.matrix.shape}, expected (1 or more, {columns})"
        else:
            sizes[f"cost of goal {goal.name!r}"], found[f"cost of goal {goal.name!r}"] = columns, goal.cost.shape
    for name, size in sizes.items():
        if found[name] != (size,):
            yield f"{name} has shape {found[name]}, expected ({size},)"


def _wrong_values(lp: LinearProgram) -> Iterator[str]:
    yield from _at(~np.isfinite(lp.matrix.data), "matrix entries must be finite")
    names = [goal.name for goal in lp.goals]
    if len(set(names)) < len(names):
        yield "two goals share a name"
    for goal in lp.goals:
        yield from _wrong_leximin(goal, lp) if isinstance(goal, Leximin) else _wrong_goal(goal)
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


def _wrong_goal(goal: Goal) -> Iterator[str]:
    yield from _at(~np.isfinite(goal.cost), f"cost of goal {goal.name!r} must be finite")
    if not np.isfinite(goal.offset):
        yield f"offset of goal {goal.name!r} must be finite"
    if goal.sense not in ("min", "max"):
        yield f"sense of goal {goal.name!r} is {goal.sense!r}, expected 'min' or 'max'"
    for name in ("give", "give_share"):
        if not 0 <= getattr(goal, name) < np.inf:
            yield f"{name} of goal {goal.name!r} is {getattr(goal, name)}, expected 0 or more"
    if goal.give and goal.give_share:
        yield f"goal {goal.name!r} has both give and give_share; keep one"


def _wrong_leximin(goal: Leximin, lp: LinearProgram) -> Iterator[str]:
    yield from _at(~np.isfinite(goal.matrix.data), f"matrix of goal {goal.name!r} must be finite")
    yield from _at(~np.isfinite(goal.offset), f"offset of goal {goal.name!r} must be finite")
    if lp.integer.any():
        yield f"goal {goal.name!r} raises the least value, which is not done with whole numbers (integer columns)"


def _at(wrong: Mask, words: str) -> Iterator[str]:
    where = np.flatnonzero(wrong)
    if where.size:
        shown = ", ".join(map(str, where[:5])) + (f" and {where.size - 5} more" if where.size > 5 else "")
        yield f"{words} (position{'s' if where.size > 1 else ''} {shown})"
