"""The algebra door: a program as a PuLP problem, to add a line to, solve with another solver, or read as text.

Rows and columns keep their names as far as the LP format allows, ``guarantee(DC15,2019_20)``: a character that it
does not know becomes ``_``. PuLP writes numbers with 12 digits. A problem has one goal; earlier goals are not kept.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from allocate.errors import InputError, Problem, nearest
from allocate.optimum.linear import Vector
from allocate.program import Block, Program

if TYPE_CHECKING:
    from pulp import LpAffineExpression, LpProblem, LpVariable

LONGEST: Final = 240
"""Characters of a name; the LP format allows 255."""

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.,()]")


def to_pulp(program: Program, goal: str | None = None) -> LpProblem:
    """A PuLP problem with the program's rows, bounds and one goal (the last one unless named).

    A rule with two limits becomes two rows, ``NAME.low`` and ``NAME.high``. A goal's constant is the coefficient of
    the column ``one``, which is 1, because the LP format has no constants.

    Raises :class:`InputError` if there is no such goal.
    """
    import pulp

    linear = program.linear
    goals = {g.name: g for g in linear.goals}
    wanted = goals.get(list(goals)[-1] if goal is None else goal)
    if wanted is None:
        words = f"there is no goal {goal!r}; there are {', '.join(goals)}{nearest(str(goal), goals)}"
        raise InputError(program.case.model.source, [Problem("goals", words)])
    sense = pulp.LpMaximize if wanted.sense == "max" else pulp.LpMinimize
    problem = pulp.LpProblem(_NOT_IN_A_NAME.sub("_", program.case.model.name), sense)
    bounds = zip(linear.lower, linear.upper, strict=True)
    names = _names(program, program.columns)
    columns = [problem.add_variable(n, _end(low), _end(high)) for n, (low, high) in zip(names, bounds, strict=True)]
    objective = _sum(columns, np.flatnonzero(wanted.cost), wanted.cost)
    if wanted.offset:
        objective += wanted.offset * problem.add_variable("one", 1, 1)
    problem.setObjective(objective)
    matrix = linear.matrix.tocsr()
    limits = zip(_names(program, program.rows), linear.row_lower, linear.row_upper, strict=True)
    for row, (name, low, high) in enumerate(limits):
        cells = slice(matrix.indptr[row], matrix.indptr[row + 1])
        chosen = [columns[k] for k in matrix.indices[cells]]
        body = _sum(chosen, range(len(chosen)), matrix.data[cells])
        both = np.isfinite(low) and np.isfinite(high)
        if both and low == high:
            problem.addConstraint(body == float(low), name)
            continue
        if np.isfinite(low):
            problem.addConstraint(body >= float(low), f"{name}.low" if both else name)
        if np.isfinite(high):
            problem.addConstraint(body <= float(high), f"{name}.high" if both else name)
    return problem


def to_lp(program: Program, goal: str | None = None) -> str:
    """The text of an LP file with the program's rows, bounds and one goal (the last one unless named).

    Raises :class:`InputError` if there is no such goal.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "program.lp"
        to_pulp(program, goal).writeLP(str(file), max_length=255)
        return file.read_text(encoding="utf-8")


def _names(program: Program, blocks: Mapping[str, Block]) -> list[str]:
    """The name of every row or column, in order; no two alike."""
    world = program.case.world
    names: list[str] = []
    seen: dict[str, int] = {}
    for block in blocks.values():
        labels = [[_NOT_IN_A_NAME.sub("_", label) for label in world.labels(dim)] for dim in block.dims]
        for cell in np.argwhere(block.number >= 0):
            where = ",".join(known[k] for known, k in zip(labels, cell, strict=True))
            name = f"{block.name}({where})"[:LONGEST]
            seen[name] = seen.get(name, 0) + 1
            names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return names


def _sum(columns: Sequence[LpVariable], which: Iterable[int], values: Vector) -> LpAffineExpression:
    from pulp import lpSum_vars_coefs

    return lpSum_vars_coefs((columns[k], float(values[k])) for k in which)


def _end(bound: float) -> float | None:
    return float(bound) if np.isfinite(bound) else None
