"""Many draws of one linear program that agree on the money and differ in what it buys.

The first stage is what is decided before it is known which draw comes true: the columns of ``first`` and the rows that
have no other columns. All else is the second stage, decided after, and may differ from draw to draw. Of what differs
only the numbers are kept, so that a thousand draws take the room of a thousand vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocate.optimum.linear import Goal, LinearProgram, Mask, Vector

Indices = NDArray[np.integer[Any]]
Table = NDArray[np.float64]

#: What may differ: entries of the matrix, by their place in its data; limits and bounds; the last goal.
FIELDS = ("matrix", "row_lower", "row_upper", "lower", "upper", "cost", "offset")
#: Probabilities that miss one by no more than this are taken for rounded, and divided by their sum.
ROUNDED = 1e-9

NO_GOAL = "there is no goal, so there is no outcome"


@dataclass(frozen=True, eq=False)
class Varying:
    """The places (e,) of one array that differ between draws, and the values (K, e) that they have in each."""

    at: Indices
    values: Table

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", np.asarray(self.at))
        object.__setattr__(self, "values", np.asarray(self.values, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Draws:
    """A program, its first-stage columns ``first`` (n,), the ``probability`` (K,) of each draw, and what varies.

    The last goal of ``base`` is the outcome; goals before it are on first-stage columns alone. ``varying`` maps a name
    of ``FIELDS`` to what differs there; ``matrix`` counts places in ``base.matrix.data``, ``cost`` and ``offset`` are
    those of the last goal (place 0 for the offset). Everything is in natural units. Raises ValueError that lists
    everything that is wrong.

    >>> from scipy import sparse
    >>> one = np.ones(1)
    >>> goal = Goal("reach", np.array([0.0, 1.0]), sense="max")
    >>> sides = -np.inf * one, 0 * one, np.zeros(2), np.full(2, 9.0)
    >>> base = LinearProgram(sparse.csr_array([[-1.0, 2.0]]), *sides, (goal,), np.zeros(2), np.ones(2))
    >>> draws = Draws(base, np.array([True, False]), [0.5, 0.5], {"upper": Varying([1], [[3.0], [4.0]])})
    >>> draws.program(1).upper.tolist(), draws.mean().upper.tolist()
    ([9.0, 4.0], [9.0, 3.5])
    """

    base: LinearProgram
    first: Mask
    probability: Vector
    varying: Mapping[str, Varying]

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", np.array(self.first, dtype=bool))
        object.__setattr__(self, "probability", np.array(self.probability, dtype=np.float64))
        object.__setattr__(self, "varying", dict(self.varying))
        wrong = list(_wrong_program(self)) or list(_wrong_draws(self)) or list(_wrong_values(self))
        if wrong:
            raise ValueError("draws: " + "; ".join(wrong))
        object.__setattr__(self, "probability", self.probability / math.fsum(self.probability))

    def __len__(self) -> int:
        return self.probability.size

    @property
    def outcome(self) -> Goal:
        """The last goal, as the base has it."""
        return self.base.plain_goals[-1]

    @property
    def second_rows(self) -> Mask:
        """The rows (m,) that have a second-stage column."""
        found = np.zeros(self.base.row_lower.size, bool)
        found[_row_of_entry(self.base)[~self.first[self.base.matrix.indices]]] = True
        return found

    def array(self, field: str, draw: int) -> Vector:
        """What one of ``FIELDS`` is in a draw."""
        values = _base(self.base, field)
        if field in self.varying:
            values = values.copy()
            values[self.varying[field].at] = self.varying[field].values[draw]
        return values

    def program(self, draw: int) -> LinearProgram:
        """One draw as a program of its own."""
        return self._with({field: self.array(field, draw) for field in self.varying})

    def mean(self) -> LinearProgram:
        """The program whose numbers are the mean of all draws."""
        likely = np.flatnonzero(self.probability)
        arrays = {field: _base(self.base, field).copy() for field in self.varying}
        for field, what in self.varying.items():
            arrays[field][what.at] = self.probability[likely] @ what.values[likely]
        return self._with(arrays)

    def _with(self, arrays: Mapping[str, Vector]) -> LinearProgram:
        given: dict[str, Any] = {field: arrays[field] for field in FIELDS[1:5] if field in arrays}
        if "matrix" in arrays:
            given["matrix"] = self.base.matrix.copy()
            given["matrix"].data = arrays["matrix"]
        cost, offset = (arrays.get(field, _base(self.base, field)) for field in ("cost", "offset"))
        goal = replace(self.outcome, cost=cost, offset=float(offset[0]))
        return replace(self.base, goals=(*self.base.goals[:-1], goal), **given)


def of_programs(programs: Sequence[LinearProgram], first: Mask, probability: Vector | None = None) -> Draws:
    """Draws from K programs of one shape, equally likely unless ``probability`` (K,) is given.

    Raises ValueError that lists what differs and must not: shapes, goals, rows and bounds of the first stage.

    >>> from scipy import sparse
    >>> one = np.ones(1)
    >>> goal = Goal("reach", np.array([0.0, 1.0]), sense="max")
    >>> sides = np.array([-np.inf]), np.zeros(1), np.zeros(2), np.array([9.0, 9.0])
    >>> make = lambda cost: LinearProgram(sparse.csr_array([[-1.0, cost]]), *sides, (goal,), np.zeros(2), np.ones(2))
    >>> of_programs([make(1.0), make(3.0)], np.array([True, False])).varying["matrix"].values.tolist()
    [[1.0], [3.0]]
    """
    programs = list(programs)
    wrong = list(_unlike(programs))
    if wrong:
        raise ValueError("draws: " + "; ".join(wrong))
    entries, base = _aligned(programs)
    tables = {"matrix": entries}
    tables |= {field: np.array([_base(lp, field) for lp in programs]) for field in FIELDS[1:]}
    varying = {}
    for field, table in tables.items():
        at = np.flatnonzero((table != table[0]).any(axis=0))
        if at.size:
            varying[field] = Varying(at, table[:, at])
    chance = np.full(len(programs), 1.0 / len(programs)) if probability is None else probability
    return Draws(base, first, chance, varying)


def distinct(draws: Draws) -> tuple[Draws, Indices]:
    """The draws that can happen, each once, in an order of their own; and which of them (K,) each given draw is.

    Draws that are the same become one with the sum of their probabilities, and a draw without any is left out (-1): so
    nothing that follows depends on the order in which draws come.

    >>> from scipy import sparse
    >>> goal = Goal("reach", np.array([0.0, 1.0]), sense="max")
    >>> base = LinearProgram(sparse.csr_array((0, 2)), [], [], [0, 0], [9, 9], (goal,), [0, 0], [1, 1])
    >>> upper = Varying([1], [[3.0], [4.0], [3.0], [5.0]])
    >>> fewer, which = distinct(Draws(base, [True, False], [0.25, 0.5, 0.25, 0.0], {"upper": upper}))
    >>> fewer.probability.tolist(), bool(which[0] == which[2]), int(which[3])
    ([0.5, 0.5], True, -1)
    """
    likely = np.flatnonzero(draws.probability)
    names = [_fingerprint(draws, int(draw)) for draw in likely]
    place = {name: k for k, name in enumerate(sorted(set(names)))}
    which = np.full(len(draws), -1)
    which[likely] = [place[name] for name in names]
    one = [int(np.flatnonzero(which == k)[0]) for k in range(len(place))]
    chance = np.array([math.fsum(sorted(draws.probability[which == k])) for k in range(len(place))])
    varying = {field: Varying(what.at, what.values[one]) for field, what in draws.varying.items()}
    return Draws(draws.base, draws.first, chance, varying), which


def _fingerprint(draws: Draws, draw: int) -> str:
    found = sha256()
    for field in FIELDS:
        if field in draws.varying:
            found.update((draws.varying[field].values[draw] + 0.0).tobytes())  # no minus zero
    return found.hexdigest()


def _base(lp: LinearProgram, field: str) -> Vector:
    goal = lp.plain_goals[-1]
    last = {"matrix": lp.matrix.data, "cost": goal.cost, "offset": np.array([goal.offset])}
    values: Vector = last[field] if field in last else getattr(lp, field)
    return values


def _row_of_entry(lp: LinearProgram) -> Indices:
    return np.repeat(np.arange(lp.row_lower.size), np.diff(lp.matrix.indptr))


def _aligned(programs: Sequence[LinearProgram]) -> tuple[Table, LinearProgram]:
    """The entries (K, e) of every matrix on the pattern of all together, and a program that has that pattern."""
    columns = programs[0].lower.size
    keys = [_row_of_entry(lp) * columns + lp.matrix.indices for lp in programs]
    pattern = keys[0] if all(np.array_equal(keys[0], key) for key in keys) else np.unique(np.concatenate(keys))
    entries = np.zeros((len(programs), pattern.size))
    for row, key, lp in zip(entries, keys, programs, strict=True):
        row[np.searchsorted(pattern, key)] = lp.matrix.data
    matrix = programs[0].matrix.copy()
    rows = np.bincount(pattern // columns, minlength=matrix.shape[0])
    shown = entries[(entries != 0).argmax(axis=0), np.arange(pattern.size)]  # a number where any draw has one
    matrix = type(matrix)((shown, pattern % columns, np.concatenate([[0], np.cumsum(rows)])), shape=matrix.shape)
    return entries, replace(programs[0], matrix=matrix)


def _unlike(programs: Sequence[LinearProgram]) -> Iterator[str]:
    if not programs or not programs[0].goals:
        yield NO_GOAL if programs else "there are none"
        return
    base = programs[0]
    for k, lp in enumerate(programs):
        if lp.matrix.shape != base.matrix.shape:
            yield f"draw {k} has the shape {lp.matrix.shape}, draw 0 {base.matrix.shape}"
        elif [_name(goal) for goal in lp.goals] != [_name(goal) for goal in base.goals]:
            yield f"draw {k} has other goals than draw 0"
        elif not all(_same(*pair) for pair in zip(lp.goals[:-1], base.goals[:-1], strict=True)):
            yield f"a goal of draw {k} before the last differs from that of draw 0"
        elif not np.array_equal(lp.integer, base.integer):
            yield f"draw {k} has other whole numbers than draw 0"


def _name(goal: Any) -> tuple[str, str]:
    return goal.name, goal.sense


def _same(a: Any, b: Any) -> bool:
    if not (isinstance(a, Goal) and isinstance(b, Goal)):
        return a is b
    return np.array_equal(a.cost, b.cost) and (a.offset, a.give, a.give_share) == (b.offset, b.give, b.give_share)


def _wrong_program(draws: Draws) -> Iterator[str]:
    lp = draws.base
    if draws.first.shape != lp.lower.shape:
        yield f"first has shape {draws.first.shape}, expected {lp.lower.shape}"
    elif not draws.first.any() or draws.first.all():
        yield f"{'no' if draws.first.all() else 'every'} column is of the second stage; each stage has one or more"
    if not lp.goals:
        yield NO_GOAL
    elif not lp.is_plain:
        yield "goals that give, leximin goals and whole numbers cannot be decided before need"
    elif draws.first.shape == lp.lower.shape:
        for goal in lp.plain_goals[:-1]:
            if goal.cost[~draws.first].any():
                yield f"goal {goal.name!r} comes before the outcome and is not on the first stage alone"


def _wrong_draws(draws: Draws) -> Iterator[str]:
    chance = draws.probability
    if chance.ndim != 1 or not chance.size:
        yield f"probability has shape {chance.shape}, expected one number for each draw"
    elif not (np.isfinite(chance).all() and (chance >= 0).all() and abs(math.fsum(chance) - 1) <= ROUNDED):
        yield "probabilities must be 0 or more and add up to 1"
    for field, what in draws.varying.items():
        if field not in FIELDS:
            yield f"{field!r} is not one of {', '.join(FIELDS)}"
            continue
        size = _base(draws.base, field).size
        if what.at.ndim != 1 or np.unique(what.at).size != what.at.size or not np.isin(what.at, np.arange(size)).all():
            yield f"places of {field} must be different and below {size}"
        elif what.values.shape != (chance.size, what.at.size):
            yield f"values of {field} have shape {what.values.shape}, expected ({chance.size}, {what.at.size})"


def _wrong_values(draws: Draws) -> Iterator[str]:
    first_rows, row_of = ~draws.second_rows, _row_of_entry(draws.base)
    settled = {"matrix": first_rows[row_of], "lower": draws.first, "upper": draws.first}
    settled |= {"row_lower": first_rows, "row_upper": first_rows}
    for field, what in draws.varying.items():
        if field in settled:
            differs = settled[field][what.at] & (what.values != what.values[:1]).any(axis=0)
            at = what.at[differs]
            places = np.unique(row_of[at] if field == "matrix" else at)
            if places.size:
                kind = "column" if field in ("lower", "upper") else "row"
                shown = ", ".join(map(str, places[:5])) + (f" and {places.size - 5} more" if places.size > 5 else "")
                yield f"{field} of first-stage {kind} {shown} differs between draws"
        if not (np.isfinite(what.values) | ((field in FIELDS[1:5]) & np.isinf(what.values))).all():
            yield f"values of {field} must be {'numbers' if field in FIELDS[1:5] else 'finite'}"
    for low, high in (("row_lower", "row_upper"), ("lower", "upper")):
        crossed = [k for k in _touched(draws, low, high) if (draws.array(low, k) > draws.array(high, k)).any()]
        if crossed:
            yield f"{low} exceeds {high} in draw {crossed[0]}"


def _touched(draws: Draws, *fields: str) -> range:
    return range(len(draws) if any(field in draws.varying for field in fields) else 0)
