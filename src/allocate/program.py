"""A named sparse program: a linear program whose rows and columns know what they are called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy import sparse

from allocate.changes import Case
from allocate.errors import InputError, Problem, nearest
from allocate.optimum.linear import Goal, LinearProgram
from allocate.rules.rows import Values
from allocate.units import Unit

if TYPE_CHECKING:
    from pulp import LpProblem

    from allocate.door import LabelledProblem
    from allocate.edits import Edited


@dataclass(frozen=True, eq=False)
class Block:
    """A named group of rows or columns: the number of each cell over ``dims``, -1 where there is none."""

    name: str
    dims: tuple[str, ...]
    unit: Unit
    number: Values

    def pack(self, flat: Values, empty: float = 0.0) -> Values:
        """Values of rows or columns as a full array, ``empty`` where there is no row or column."""
        full = np.full(self.number.shape, empty)
        there = self.number >= 0
        full[there] = flat[self.number[there]]
        return full

    def sums(self, over: tuple[str, ...], width: int) -> Any:
        """A sparse matrix (groups, width) that adds up the cells of each group: those with the same labels of ``over``.

        >>> Block("spend", ("space", "year"), Unit(), np.array([[0, 1], [-1, 2]])).sums(("year",), 4).toarray().tolist()
        [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
        """
        sizes = dict(zip(self.dims, self.number.shape, strict=True))
        shape = tuple(sizes[dim] for dim in over)
        at = [axis.ravel() for axis in np.indices(self.number.shape)]
        group = np.ravel_multi_index([at[self.dims.index(dim)] for dim in over], shape) if over else 0 * at[0]
        there = self.number.ravel() >= 0
        cells = group[there], self.number.ravel()[there]
        return sparse.csr_array((np.ones(cells[0].size), cells), shape=(math.prod(shape), width))


@dataclass(frozen=True, eq=False)
class Expression:
    """What is counted of a plan over ``dims``: ``matrix @ x`` (cells, n) plus ``const``, and where it has a value."""

    name: str
    dims: tuple[str, ...]
    unit: Unit
    matrix: Any
    const: Values
    there: Any

    def value(self, x: Values) -> Values:
        """Its value at x (n,), NaN where it has none (``previous`` in a first year)."""
        return np.where(
            self.there, (self.matrix @ x[: self.matrix.shape[1]]).reshape(self.const.shape) + self.const, np.nan
        )


@dataclass(frozen=True)
class Breach:
    """A rule that numbers alone decide (every variable in it is fixed) and that does not hold; by how much."""

    rule: str
    where: str
    by: float
    unit: str


@dataclass(frozen=True, eq=False)
class Program:
    """A linear program whose rows and columns carry names.

    ``linear`` is in natural units (rand, households). ``fixed`` holds the values of variables that are no choice,
    ``derived`` the data computed from data, ``breaches`` what fixed variables break, ``expressions`` what is counted of
    a plan.
    """

    case: Case
    linear: LinearProgram
    columns: Mapping[str, Block]
    rows: Mapping[str, Block]
    fixed: Mapping[str, xr.DataArray]
    derived: Mapping[str, xr.DataArray]
    breaches: tuple[Breach, ...]
    goal_units: tuple[Unit, ...]
    expressions: Mapping[str, Expression]

    def cell(self, block: Block, number: int) -> str:
        """The name of a row or column: ``guarantee[space=DC15, year=2019/20]``."""
        where = np.argwhere(block.number == number)[0]
        return f"{block.name}{at(self.case, block.dims, where)}"

    def row_name(self, number: int) -> str:
        return self._name(self.rows, number)

    def column_name(self, number: int) -> str:
        return self._name(self.columns, number)

    def _name(self, blocks: Mapping[str, Block], number: int) -> str:
        for block in blocks.values():
            if np.any(block.number == number):
                return self.cell(block, number)
        raise IndexError(number)

    def to_pulp(self, goal: str | None = None) -> LabelledProblem:
        """A PuLP problem with the program's rows, bounds and one goal (the last one unless named).

        Its ``columns`` and ``rows`` are labelled arrays of PuLP variables and constraints; ``allocate.solve`` takes it
        back with whatever was added. A rule with two limits becomes two rows, ``NAME.low`` and ``NAME.high``. A
        goal's constant is the coefficient of the column ``one``, which is 1.

        No more than 31% of the money to metros, and how many household-years R1 million more for them would add:

        >>> import allocate as al
        >>> from pulp import lpSum
        >>> world = al.read_world("za2016").select("year", ["2019/20"])
        >>> problem = al.build(Case(al.read_model("grant_consolidation"), world)).to_pulp()
        >>> metros = [code for code, kind in world.regions.column("kind").items() if kind == "metro"]
        >>> in_metros = lpSum(problem.columns["spend"].sel(space=metros).values.flat)
        >>> problem += in_metros <= 0.31 * float(world.data["budget"].sum()), "cap_on_metros"
        >>> plan = al.solve(problem)
        >>> plan.grade, round(1e6 * plan.prices()["cap_on_metros"].item(), 2)
        ('exact', 5.88)

        Raises :class:`InputError` if there is no such goal.
        """
        from allocate.door import Labelled, LabelledProblem

        columns, rows = (
            {name: self.labelled(block, block.number) for name, block in blocks.items()}
            for blocks in (self.columns, self.rows)
        )
        labelled = Labelled(self.case.model.name, columns, rows, self.fixed)
        problem = LabelledProblem(self.linear, labelled, self._goal(goal))
        problem.origin = self
        return problem

    @staticmethod
    def from_pulp(problem: LpProblem) -> Program:
        """The program that a problem made by :meth:`to_pulp` states now.

        What was added in PuLP has no dims and the name it has there; its unit is told only where it is plain (a sum
        of columns of one unit). The goals before the problem's own are kept before it, later ones are left out.
        Raises :class:`InputError` for another problem and for what is no linear program.
        """
        from allocate.door import LabelledProblem
        from allocate.edits import read

        origin = getattr(problem, "origin", None)
        if not isinstance(problem, LabelledProblem) or not isinstance(origin, Program):
            name = getattr(problem, "name", type(problem).__name__)
            words = "was not made by Program.to_pulp, so nothing says what its columns are; start from that"
            raise InputError(f"PuLP problem {name}", [Problem("", words)])
        return origin._edited(read(problem))

    def to_lp(self, goal: str | None = None) -> str:
        """The text of an LP file with the program's rows, bounds and one goal (the last one unless named).

        Raises :class:`InputError` if there is no such goal.
        """
        with TemporaryDirectory() as folder:
            return self.write(Path(folder) / "program.lp", goal).read_text(encoding="utf-8")

    def write(self, path: str | Path, goal: str | None = None) -> Path:
        """Write the program with one goal (the last one unless named) as ``.lp`` or ``.mps``, to 12 digits.

        Raises :class:`InputError` for another ending, or if there is no such goal.
        """
        from allocate.door import write

        return write(self.to_pulp(goal), path)

    def _goal(self, name: str | None) -> int | None:
        """Which goal is called so: without a name the last that is one value; None where there is none at all."""
        names = [goal.name for goal in self.linear.goals]
        if name is None:
            single = [number for number, goal in enumerate(self.linear.goals) if isinstance(goal, Goal)]
            return single[-1] if single else len(names) - 1 if names else None
        if name not in names:
            words = f"there is no goal {name!r}; there are {', '.join(names)}{nearest(name, names)}"
            raise InputError(self.case.model.source, [Problem("goals", words)])
        return names.index(name)

    def _edited(self, found: Edited) -> Program:
        """This program with what was read from PuLP, named."""
        linear, width, height = found.linear, self.linear.lower.size, self.linear.row_lower.size
        units = self._column_units() + [Unit()] * len(found.columns)
        columns = {name: Block(name, (), Unit(), np.array(width + k)) for k, name in enumerate(found.columns)}
        rows = {}
        for number, name in enumerate(found.rows, start=height):
            row = linear.matrix[[number]]
            rows[name] = Block(name, (), _unit_of(row.indices, row.data, units), np.array(number))
        goal_units = list(self.goal_units[: len(linear.goals)])
        if found.objective is not None:
            used = np.flatnonzero(found.objective.cost)
            goal_units[len(linear.goals) - 1 :] = [_unit_of(used, found.objective.cost[used], units)]
        return replace(
            self,
            linear=linear,
            columns={**self.columns, **columns},
            rows={**self.rows, **rows},
            goal_units=tuple(goal_units),
        )

    def _column_units(self) -> list[Unit]:
        return [block.unit for block in self.columns.values() for _ in range(int((block.number >= 0).sum()))]

    def labelled(self, block: Block | Expression, values: Values, unit: object = None) -> xr.DataArray:
        """Values over the cells of a block as a labelled array, in the block's own unit unless another is given."""
        coords = {dim: self.case.world.data[dim] for dim in block.dims}
        attrs = {"unit": str(block.unit if unit is None else unit)}
        return xr.DataArray(values, coords, list(block.dims), name=block.name, attrs=attrs)

    def datum(self, name: str) -> xr.DataArray:
        """A datum of the World, or the model's default for it, or a derived one, labelled."""
        world, given = self.case.world.data, self.case.model.data
        if name in self.derived or name in world:
            return self.derived[name] if name in self.derived else world[name]
        coords = {dim: world[dim] for dim in given[name].over}
        values = np.broadcast_to(np.array(given[name].default, dtype=float), [array.size for array in coords.values()])
        return xr.DataArray(values, coords, list(coords), name=name, attrs={"unit": given[name].unit})


def _unit_of(numbers: Values, values: Values, units: Sequence[Unit]) -> Unit:
    """The unit of a sum of columns of one unit; no unit where coefficients may have one of their own."""
    found = {units[k] for k in numbers.tolist()}
    return found.pop() if len(found) == 1 and np.all(np.abs(values) == 1) else Unit()


def at(case: Case, dims: tuple[str, ...], cell: Any) -> str:
    """How a cell is called: ``[space=DC15, year=2019/20]``; nothing where there are no dims."""
    inside = ", ".join(f"{d}={case.world.labels(d)[int(k)]}" for d, k in zip(dims, cell, strict=True))
    return f"[{inside}]" if inside else ""
