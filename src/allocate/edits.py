"""A PuLP problem back as a linear program: what an analyst changed in the algebra, read with every digit.

Columns and rows are known by their number, so no name that PuLP respells is ever parsed. What the analyst did not
touch comes back as the same numbers in the same order; added columns and rows follow.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pulp
from scipy import sparse

from allocate.door import LabelledProblem
from allocate.errors import InputError, Problem
from allocate.optimum.linear import TOO_LARGE, Goal, Leximin, LinearProgram, Mask, Vector


@dataclass(frozen=True, eq=False)
class Edited:
    """A linear program read from a problem, and what is new in it.

    ``columns`` and ``rows`` are the names of added ones, in order, after all that were there before; ``objective`` is
    the last goal where that is the analyst's own.
    """

    linear: LinearProgram
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    objective: Goal | None


def read(problem: LabelledProblem) -> Edited:
    """The program that a problem states now: its rows, bounds and objective, after the goals that came before it.

    Limits of 1e20 and more are none, as in most solvers. The target of an added column is 0, its unit 1. Raises
    :class:`InputError` with everything that is no linear program: names used twice, NaN, crossed bounds, SOS groups,
    variables taken out of every row.
    """
    return _Reader(problem).read()


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of a problem: (r, n) coefficients and their limits (r,)."""

    matrix: Any
    lower: Vector
    upper: Vector


class _Reader:
    def __init__(self, problem: LabelledProblem) -> None:
        self.problem, self.old = problem, problem.linear
        self.variables, self.constraints = problem.variables(), problem.constraints()
        self.width = self.old.lower.size
        self.constants = dict(self._constants())
        self.added = [k for k in range(self.width, len(self.variables)) if k not in self.constants]
        self.keep = [*range(self.width), *self.added]
        self.wrong: list[Problem] = []

    def read(self) -> Edited:
        lower, upper = self._bounds()
        goals, objective = self._goals()
        rows, added = self._rows()
        self._check_use(rows, goals, lower, upper)
        names = tuple(self.variables[k].name for k in self.added)
        row_names = tuple(self.constraints[k].name for k in added)
        self._check_names(names, row_names)
        if self.problem.has_sos():
            self.wrong.append(Problem("SOS groups", "are not linear; only PuLP's own solvers can take them"))
        if self.wrong:
            raise InputError(f"PuLP problem {self.problem.name}", self.wrong)
        linear = LinearProgram(
            matrix=rows.matrix,
            row_lower=rows.lower,
            row_upper=rows.upper,
            lower=lower,
            upper=upper,
            goals=goals,
            target=_longer(self.old.target, len(self.keep), 0.0),
            unit=_longer(self.old.unit, len(self.keep), 1.0),
            integer=self._whole(),
        )
        return Edited(linear, names, row_names, objective)

    def _constants(self) -> Iterator[tuple[int, float]]:
        """The columns that stand for a number: PuLP's own dummy for 0, and the one that carries a goal's constant."""
        goal = self.problem.goal
        if goal is not None and self.old.goals[goal].offset:
            yield self.width, 1.0
        if self.problem.dummyVar is not None:
            yield self.problem.dummyVar.id, 0.0

    def _bounds(self) -> tuple[Vector, Vector]:
        lower = np.array([variable.lowBound for variable in self.variables])
        upper = np.array([variable.upBound for variable in self.variables])
        for k in np.flatnonzero(_impossible(lower, upper)).tolist():
            words = f"cannot be between {lower[k]:g} and {upper[k]:g}"
            self.wrong.append(Problem(self.variables[k].name, words))
        for k, value in self.constants.items():
            if not lower[k] == upper[k] == value:
                self.wrong.append(Problem(self.variables[k].name, f"stands for the number {value:g}; leave its bounds"))
        lower, upper = _endless(lower, upper)
        old = self.old
        return _kept(lower[self.keep], old.lower), _kept(upper[self.keep], old.upper)

    def _goals(self) -> tuple[tuple[Goal | Leximin, ...], Goal | None]:
        """The goals before the problem's own, and its own; and that alone where it is a new one."""
        which, stated = self.problem.goal, self._objective()
        before = tuple(_wider(goal, len(self.keep)) for goal in self.old.goals[:which])
        if stated is None:
            return before, None
        own = None if which is None else _wider(self.old.goals[which], len(self.keep))
        if own is not None and _same(own, stated):
            return (*before, own), None
        if stated.name in {goal.name for goal in before}:
            self.wrong.append(Problem("objective", f"{stated.name!r} is the name of an earlier goal; give it another"))
        return (*before, stated), stated

    def _objective(self) -> Goal | None:
        """What the problem optimises, if anything."""
        objective = self.problem.objective
        if objective is None:
            return None
        cost = np.zeros(len(self.variables))
        for variable, value in objective.items():
            cost[variable.id] = value
        for k in np.flatnonzero(~np.isfinite(cost)).tolist():
            self.wrong.append(Problem("objective", f"the coefficient of {self.variables[k].name} is {cost[k]:g}"))
        offset = objective.constant + sum(cost[k] * value for k, value in self.constants.items())
        if not np.isfinite(offset):
            self.wrong.append(Problem("objective", f"its constant is {offset:g}"))
        sense: Literal["min", "max"] = "max" if self.problem.sense == pulp.LpMaximize else "min"
        return Goal(objective.name or "objective", cost[self.keep], offset, sense)

    def _rows(self) -> tuple[_Rows, list[int]]:
        """All rows, the old ones first; and which rows of the problem are the added ones."""
        stated = self._stated()
        home = np.array([number for number, _ in self.problem.home], dtype=np.int64)
        _, first = np.unique(home, return_index=True)
        lower, upper = stated.lower[first], stated.upper[first]
        added = []
        for row in np.setdiff1d(np.arange(home.size), first).tolist():  # the other end of a rule with two limits
            number = home[row]
            low, high = max(lower[number], stated.lower[row]), min(upper[number], stated.upper[row])
            if low <= high and _same_row(stated.matrix, first[number], row):
                lower[number], upper[number] = low, high
            else:
                added.append(row)
        added += range(home.size, stated.lower.size)
        lower, upper = np.append(lower, stated.lower[added]), np.append(upper, stated.upper[added])
        matrix = stated.matrix[[*first.tolist(), *added]]
        return _Rows(matrix, _kept(lower, self.old.row_lower), _kept(upper, self.old.row_upper)), added

    def _stated(self) -> _Rows:
        """Every row of the problem, over the columns that are kept; what stands for a number moves to the limits."""
        starts, numbers, values = [0], array("q"), array("d")
        for constraint in self.constraints:  # row by row, because many live objects keep the garbage collector busy
            terms = constraint.items()
            numbers.extend(variable.id for variable, _ in terms)
            values.extend(value for _, value in terms)
            starts.append(len(numbers))
        shape = (len(self.constraints), len(self.variables))
        matrix = sparse.csr_array((np.array(values), np.array(numbers), starts), shape)
        limit = np.array([-constraint.constant for constraint in self.constraints])
        limit = limit - matrix[:, list(self.constants)] @ np.array(list(self.constants.values()), dtype=np.float64)
        sense = np.array([constraint.sense for constraint in self.constraints])
        lower = np.where(sense == pulp.LpConstraintLE, -np.inf, limit)
        upper = np.where(sense == pulp.LpConstraintGE, np.inf, limit)
        for k in np.flatnonzero(_impossible(lower, upper)).tolist():
            self.wrong.append(Problem(self.constraints[k].name, f"cannot reach its limit of {limit[k]:g}"))
        return _Rows(matrix[:, self.keep], *_endless(lower, upper))

    def _check_use(self, rows: _Rows, goals: tuple[Goal | Leximin, ...], lower: Vector, upper: Vector) -> None:
        """A column that was used and is in no row and no goal any more would be free to be anything."""
        used = [_used(self.old.matrix, self.old.goals), _used(rows.matrix, goals)[: self.width]]
        free = lower[: self.width] < upper[: self.width]
        for k in np.flatnonzero(used[0] & ~used[1] & free).tolist():
            words = "was taken out of every row and goal; give it bounds of 0 and 0 to leave it out"
            self.wrong.append(Problem(self.variables[k].name, words))

    def _check_names(self, columns: tuple[str, ...], rows: tuple[str, ...]) -> None:
        """No two alike, and none of a variable, rule or dim."""
        labelled = self.problem.labelled
        dims = {str(dim) for array in labelled.columns.values() for dim in array.dims}
        kinds = (
            ("variables", columns, self.variables, {*labelled.columns, *labelled.fixed, *dims}),
            ("constraints", rows, self.constraints, set(labelled.rows)),
        )
        for kind, added, every, taken in kinds:
            counts = Counter(one.name for one in every)
            twice = [name for name, count in counts.items() if count > 1]
            self.wrong += [Problem(kind, f"{name!r} is the name of {counts[name]} {kind}") for name in twice]
            self.wrong += [Problem(kind, f"{name!r} is a name of the model") for name in added if name in taken]

    def _whole(self) -> Mask:
        """Which columns are whole numbers."""
        return np.array([self.variables[k].cat == pulp.LpInteger for k in self.keep], dtype=bool)


def _impossible(lower: Vector, upper: Vector) -> Mask:
    """Where no number that a solver knows fits between two limits."""
    return ~(lower <= upper) | (lower >= TOO_LARGE) | (upper <= -TOO_LARGE)


def _endless(lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
    """Limits with infinity where a solver would read none."""
    return np.where(lower <= -TOO_LARGE, -np.inf, lower), np.where(upper >= TOO_LARGE, np.inf, upper)


def _kept(values: Vector, old: Vector) -> Vector:
    """The values, with the old ones where they are equal: PuLP turns the sign of a zero."""
    found = values.copy()
    found[: old.size] = np.where(found[: old.size] == old, old, found[: old.size])
    return found


def _longer(values: Vector, size: int, end: float) -> Vector:
    return np.append(values, np.full(size - values.size, end))


def _wider(goal: Goal | Leximin, size: int) -> Goal | Leximin:
    """The goal over more columns, which do not count in it."""
    if isinstance(goal, Leximin):
        matrix = goal.matrix.copy()
        matrix.resize((matrix.shape[0], size))
        return replace(goal, matrix=matrix)
    return replace(goal, cost=_longer(goal.cost, size, 0.0))


def _same(a: Goal | Leximin, b: Goal) -> bool:
    return isinstance(a, Goal) and a.sense == b.sense and a.offset == b.offset and np.array_equal(a.cost, b.cost)


def _same_row(matrix: Any, a: int, b: int) -> bool:
    return bool((matrix[[a]] != matrix[[b]]).nnz == 0)


def _used(matrix: Any, goals: tuple[Goal | Leximin, ...]) -> Mask:
    """The columns that a row or a goal has a coefficient for."""
    used = np.zeros(matrix.shape[1], dtype=bool)
    used[matrix.indices[matrix.data != 0]] = True
    for goal in goals:
        weights = goal.matrix if isinstance(goal, Leximin) else sparse.csr_array(goal.cost[None, :])
        used[weights.indices[weights.data != 0]] = True
    return used
