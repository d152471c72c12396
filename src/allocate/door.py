"""The algebra door: a linear program as a PuLP problem whose variables and rows are found by their labels.

An analyst may add a line of algebra to it, solve it with any solver that PuLP drives, write it as text, or give it
back (see ``edits``). Rows and columns keep their names as far as the LP format allows, ``guarantee(DC15,2019_20)``: a
character that it does not know becomes ``_``. A problem has one goal; the goals before it are not in it.
"""

from __future__ import annotations

import itertools
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pulp
import xarray as xr

from allocate.errors import InputError, Problem
from allocate.optimum.linear import TOO_LARGE, Goal, Leximin, LinearProgram

LONGEST: Final = 240
"""Characters of a name; the LP format allows 255."""

ONE: Final = "one"
"""The column that is 1 and carries a goal's constant, because the LP format has no constants."""

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.,()]")

_WRITERS: Final[Mapping[str, Callable[[pulp.LpProblem, str], object]]] = {
    ".lp": lambda problem, path: problem.writeLP(path, max_length=255),
    ".mps": lambda problem, path: problem.writeMPS(path, with_objsense=True),
}


@dataclass(frozen=True, eq=False)
class Labelled:
    """What the columns and rows of a linear program are called: for every variable and rule a labelled array of the
    numbers of its columns or rows, -1 where there is none; ``fixed`` holds the values of variables that are no choice.
    """

    title: str
    columns: Mapping[str, xr.DataArray]
    rows: Mapping[str, xr.DataArray]
    fixed: Mapping[str, xr.DataArray]


class LabelledProblem(pulp.LpProblem):
    """An ordinary PuLP problem that knows its labels, and what it was made from.

    Made by :meth:`allocate.program.Program.to_pulp`. ``linear`` and ``labelled`` are the program it states and its
    names, ``goal`` which of the goals it has, ``origin`` its maker. Two things to know of PuLP: a variable lives only
    as long as its problem, and is known by its number alone, so an expression that mixes two problems is misread.
    """

    origin: object = None

    def __init__(self, linear: LinearProgram, labelled: Labelled, goal: int | None) -> None:
        chosen = None if goal is None else linear.goals[goal]
        if isinstance(chosen, Leximin):
            words = "raises the least value first, which no one objective says; name another goal"
            raise InputError(labelled.title, [Problem(f"goals.{chosen.name}", words)])
        sense = pulp.LpMaximize if chosen is not None and chosen.sense == "max" else pulp.LpMinimize
        super().__init__(_NOT_IN_A_NAME.sub("_", labelled.title), sense)
        self.linear, self.labelled, self.goal = linear, labelled, goal
        variables = self._add_columns()
        if chosen is not None:
            self._add_goal(variables, chosen)
        #: The program's row that each row of the problem states, and which end of it: "" where it has only one.
        self.home: list[tuple[int, str]] = []
        self._add_rows(variables)

    @cached_property
    def columns(self) -> dict[str, xr.DataArray]:
        """The PuLP variables of every variable, by label; 0 where it is masked, so that sums need no care.

        A variable that a scenario fixed is here with its numbers.
        """
        every = np.fromiter([*self.variables(), 0], dtype=object)
        found = {name: _picked(number, every) for name, number in self.labelled.columns.items()}
        return found | dict(self.labelled.fixed)

    @cached_property
    def rows(self) -> dict[str, xr.DataArray]:
        """The PuLP constraints of every rule, by label; None where there is none.

        The rows of a rule with two limits are under ``NAME.low`` and ``NAME.high``. PuLP cannot delete a row: give it
        a limit that nothing reaches (1e20) instead.
        """
        every = np.fromiter([*self.constraints()[: len(self.home)], None], dtype=object)
        found = {}
        for end in ("", ".low", ".high"):
            place = np.full(self.linear.row_lower.size + 1, -1)  # -1, which is no row, picks the last
            for row, (number, its) in enumerate(self.home):
                if its == end:
                    place[number] = row
            for rule, numbers in self.labelled.rows.items():
                here = numbers.copy(data=place[numbers.values])
                if np.any(here >= 0):
                    found[rule + end] = _picked(here, every)
        return found

    def copy(self) -> Self:
        """A copy with its own variables and rows."""
        made = object.__new__(type(self))
        made.__dict__.update({**self.__dict__, **super().copy().__dict__})
        for known in ("columns", "rows"):  # these are the original's
            made.__dict__.pop(known, None)
        return made

    deepcopy = copy

    def _add_columns(self) -> list[pulp.LpVariable]:
        linear = self.linear
        kinds = np.where(linear.integer, pulp.LpInteger, pulp.LpContinuous).tolist()
        bounds = zip(_names(self.labelled.columns), _ends(linear.lower), _ends(linear.upper), kinds, strict=True)
        return [self.add_variable(*column) for column in bounds]

    def _add_goal(self, variables: Sequence[pulp.LpVariable], goal: Goal) -> None:
        used = np.flatnonzero(goal.cost)
        terms = [(variables[k], c) for k, c in zip(used.tolist(), goal.cost[used].tolist(), strict=True)]
        if goal.offset:
            terms.append((self.add_variable(ONE, 1, 1), goal.offset))
        self.setObjective(pulp.lpSum_vars_coefs(terms))

    def _add_rows(self, variables: Sequence[pulp.LpVariable]) -> None:
        linear, matrix = self.linear, self.linear.matrix
        starts, numbers, values = matrix.indptr.tolist(), matrix.indices.tolist(), matrix.data.tolist()
        limits = zip(_names(self.labelled.rows), _ends(linear.row_lower), _ends(linear.row_upper), strict=True)
        for row, (name, low, high) in enumerate(limits):
            cells = slice(starts[row], starts[row + 1])
            chosen = map(variables.__getitem__, numbers[cells])
            body = pulp.lpSum_vars_coefs(zip(chosen, values[cells], strict=True))
            for end, line in _lines(body, low, high):
                self.addConstraint(line, name + end)
                self.home.append((row, end))


def write(problem: pulp.LpProblem, path: str | Path) -> Path:
    """Write a problem as text, ``.lp`` or ``.mps``; numbers have 12 digits, as PuLP writes them.

    The file appears whole or not at all. Raises :class:`InputError` for another ending, or where it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise InputError(path, [Problem("", f"{path.suffix or 'no ending'!r} is not a format; write .lp or .mps")])
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
            unfinished = Path(folder) / path.name
            _WRITERS[path.suffix.lower()](problem, str(unfinished))
            unfinished.replace(path)
    except OSError as error:
        raise InputError(path, [Problem("", f"cannot be written: {error.strerror or error}")]) from None
    return path


def _names(numbers: Mapping[str, xr.DataArray]) -> list[str]:
    """The name of every row or column, in order; no two alike, and none that PuLP keeps for its own, like ``_C1``."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for known, number in numbers.items():
        labels = [[_NOT_IN_A_NAME.sub("_", str(label)) for label in number[dim].values] for dim in number.dims]
        for where in itertools.compress(itertools.product(*labels), (number.values >= 0).ravel()):
            name = f"{known.lstrip('_')}({','.join(where)})"[:LONGEST]
            seen[name] = seen.get(name, 0) + 1
            names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return names


def _lines(
    body: pulp.LpAffineExpression, low: float | None, high: float | None
) -> Iterator[tuple[str, pulp.LpAffineExpression]]:
    """A row as PuLP states it, in two lines where it has two limits, and what their names end in."""
    if low is None:
        yield "", body <= (TOO_LARGE if high is None else high)
    elif high is None:
        yield "", body >= low
    elif low == high:
        yield "", body == low
    else:
        yield ".low", body >= low
        yield ".high", body <= high


def _picked(number: xr.DataArray, every: np.ndarray[Any, np.dtype[Any]]) -> xr.DataArray:
    """The objects of the numbers; the last one, which -1 picks, where there is none."""
    picked = every[number.values.ravel()].reshape(number.shape)  # an array even where there are no dims
    return xr.DataArray(picked, number.coords, number.dims, number.name, number.attrs)


def _ends(bounds: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """Bounds as PuLP takes them: None where there is none."""
    return [bound if math.isfinite(bound) else None for bound in bounds.tolist()]
