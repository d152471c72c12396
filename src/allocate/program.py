"""Records and a World to a named sparse program: rows and columns that know what they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import xarray as xr

from allocate.changes import Case
from allocate.errors import InputError, NoPlanError, Problem, nearest
from allocate.rules.dimension import unit_of
from allocate.rules.rows import Array, Linear, Reader, Scope, Triplets, Values, combine, triplets
from allocate.rules.tree import (
    Compare,
    Node,
    RuleError,
    names_in,
    read_condition,
    read_expression,
    read_rule,
)
from allocate.solve.linear import Goal, LinearProgram
from allocate.spec import Model, VariableSpec
from allocate.units import Unit, UnitError


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
    ``derived`` the data computed from data, ``breaches`` what fixed variables break.
    """

    case: Case
    linear: LinearProgram
    columns: Mapping[str, Block]
    rows: Mapping[str, Block]
    fixed: Mapping[str, xr.DataArray]
    derived: Mapping[str, xr.DataArray]
    breaches: tuple[Breach, ...]
    goal_units: tuple[Unit, ...]

    def cell(self, block: Block, number: int) -> str:
        """The name of a row or column: ``guarantee[space=DC15, year=2019/20]``."""
        where = np.argwhere(block.number == number)[0]
        return f"{block.name}{_at(self.case, block.dims, where)}"

    def row_name(self, number: int) -> str:
        return self._name(self.rows, number)

    def column_name(self, number: int) -> str:
        return self._name(self.columns, number)

    def _name(self, blocks: Mapping[str, Block], number: int) -> str:
        for block in blocks.values():
            if np.any(block.number == number):
                return self.cell(block, number)
        raise IndexError(number)

    def datum(self, name: str) -> xr.DataArray:
        """A datum of the World or a derived one, labelled."""
        return self.derived[name] if name in self.derived else self.case.world.data[name]


def build(case: Case) -> Program:
    """Compile a case. Rows and columns come in the order of the model and, inside a block, of the World.

    Raises :class:`InputError` naming the rule and the piece of every mistake: names, dims, units, what is not
    linear; :class:`NoPlanError` if a rule without any choice in it cannot hold.
    """
    return _Builder(case).build()


class _Builder:
    def __init__(self, case: Case) -> None:
        self.case, self.model = case, case.model
        self.problems: list[Problem] = []
        self.sizes: dict[str, int] = {}
        self.data: dict[str, Array] = {}
        self.units: dict[str, Unit] = {}
        self.columns: dict[str, Block] = {}
        self.scope_columns: dict[str, Array] = {}
        self.breaches: list[Breach] = []
        self.impossible: list[Breach] = []

    def build(self) -> Program:
        self._stage(self._read_dims)
        self._stage(self._read_data)
        self._stage(self._read_units)
        self._stage(self._derive)
        self._stage(self._read_variables)
        rows: dict[str, Block] = {}
        parts: list[Triplets] = []
        low: list[Values] = []
        high: list[Values] = []
        self._stage(lambda: self._read_rules(rows, parts, low, high))
        goals: list[Goal] = []
        self._stage(lambda: self._read_goals(goals))
        if self.impossible:
            lines = [f"  {b.rule}{b.where}: short by {b.by:,.6g} {b.unit}" for b in self.impossible[:8]]
            raise NoPlanError("no plan is possible: nothing can be chosen in\n" + "\n".join(lines))
        width = sum(int((b.number >= 0).sum()) for b in self.columns.values())
        height = sum(int((b.number >= 0).sum()) for b in rows.values())
        lower, upper, target, unit = self._column_vectors(width)
        linear = LinearProgram(
            matrix=_matrix(parts, height, width),
            row_lower=_join(low),
            row_upper=_join(high),
            lower=lower,
            upper=upper,
            goals=tuple(goals),
            target=target,
            unit=unit,
        )
        fixed = {name: self._labelled(name, self.data[name], self.units[name]) for name in self.case.fixed}
        derived = {n: self._labelled(n, self.data[n], self.units[n]) for n in self.model.derived}
        goal_units = tuple(unit_of(read_expression(g.rule), self.units) or Unit() for g in self.model.goals)
        return Program(self.case, linear, self.columns, rows, fixed, derived, tuple(self.breaches), goal_units)

    def _stage(self, work: Callable[[], None]) -> None:
        """Run one stage; all its problems come together."""
        work()
        if self.problems:
            raise InputError(self.model.source, self.problems)

    def _attempt[T](self, place: str, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except (RuleError, UnitError) as error:
            self.problems.append(Problem(place, str(error)))
            return None

    def _read_dims(self) -> None:
        world = self.case.world
        for dim in self.model.dims:
            if dim in world.data.dims:
                self.sizes[dim] = world.data.sizes[dim]
            else:
                known = [str(d) for d in world.data.dims]
                words = f"the world {world.name!r} has no dim {dim!r}{nearest(dim, known)}"
                self.problems.append(Problem(f"dims.{dim}", words))

    def _read_data(self) -> None:
        data = self.case.world.data
        for name, spec in self.model.data.items():
            place = f"data.{name}"
            if name not in data.data_vars and spec.default is not None:
                self.data[name] = Array(spec.over, np.full([self.sizes[d] for d in spec.over], spec.default))
                continue
            if name not in data.data_vars:
                known = [str(v) for v in data.data_vars]
                words = f"the world {self.case.world.name!r} has no datum {name!r}{nearest(name, known)}"
                self.problems.append(Problem(place, words))
                continue
            array = data[name]
            if set(array.dims) != set(spec.over):
                words = f"is over {_listed(spec.over)} in the model, but over {_listed(array.dims)} in the world"
                self.problems.append(Problem(place, words))
                continue
            if spec.unit != array.attrs["unit"]:
                words = f"is in {spec.unit} in the model, but in {array.attrs['unit']} in the world"
                self.problems.append(Problem(place, words))
            values = array.transpose(*spec.over).values.astype(float)
            if not np.all(np.isfinite(values)):
                self.problems.append(Problem(place, "has a value that is missing or not finite"))
            self.data[name] = Array(spec.over, values)

    def _read_units(self) -> None:
        self.units = check(self.model)

    def _reader(self) -> Reader:
        return Reader(Scope(self.sizes, self.data, self.scope_columns))

    def _derive(self) -> None:
        for name, spec in self.model.derived.items():
            place = f"derived.{name}"
            found = self._attempt(place, lambda spec=spec: self._reader().data(read_expression(spec.rule)))  # type: ignore[misc]
            if found is None:
                continue
            extra = [str(d) for d in found.dims if d not in spec.over]
            if extra:
                self.problems.append(Problem(place, f"varies over {_listed(extra)} but is declared over less"))
                continue
            values = np.broadcast_to(found.over(spec.over), [self.sizes[d] for d in spec.over])
            self.data[name] = Array(spec.over, _rounded(values, spec.round, self.units[name].published))

    def _read_variables(self) -> None:
        for name, fix in self.case.fixed.items():
            spec = self.model.variables[name]
            shape = [self.sizes[d] for d in spec.over]
            values = np.full(shape, fix) if isinstance(fix, float) else self.data[fix].over(spec.over)
            self.data[name] = Array(spec.over, values.astype(float))
            there = self._attempt(f"variables.{name}", lambda n=name, s=spec: self._there(n, s))  # type: ignore[misc]
            if there is not None and np.any(outside := ~there & (values > 0)):
                for cell in np.argwhere(outside):
                    where = _at(self.case, spec.over, cell)
                    self.breaches.append(Breach(f"where of {name}", where, float(values[tuple(cell)]), spec.unit))
        start = 0
        for name, spec in self.model.variables.items():
            if name in self.case.fixed:
                continue
            there = self._attempt(f"variables.{name}", lambda n=name, s=spec: self._there(n, s))  # type: ignore[misc]
            if there is None:
                continue
            number = np.full(there.shape, -1)
            number[there] = start + np.arange(int(there.sum()))
            start += int(there.sum())
            self.columns[name] = Block(name, spec.over, self.units[name], number)
            self.scope_columns[name] = Array(spec.over, number)
        if not start and not self.problems and not self.case.fixed:
            self.problems.append(Problem("variables", "there is nothing to decide: every cell is masked"))

    def _there(self, name: str, spec: VariableSpec) -> np.ndarray[Any, np.dtype[np.bool_]]:
        shape = [self.sizes[d] for d in spec.over]
        if spec.where is None:
            return np.ones(shape, dtype=bool)
        found = self._reader().condition(read_condition(spec.where))
        extra = [str(d) for d in found.dims if d not in spec.over]
        if extra:
            raise RuleError(spec.where, f"varies over {_listed(extra)}, which {name} does not")
        return np.broadcast_to(found.over(spec.over), shape).astype(bool)

    def _column_vectors(self, width: int) -> tuple[Values, Values, Values, Values]:
        lower, upper, target, unit = np.zeros(width), np.full(width, np.inf), np.zeros(width), np.ones(width)
        for name, block in self.columns.items():
            spec = self.model.variables[name]
            cells = block.number[block.number >= 0]
            there = block.number >= 0
            for vector, bound in ((lower, spec.lower), (upper, spec.upper)):
                values = self._bound(name, bound, block.dims)
                vector[cells] = np.broadcast_to(values, block.number.shape)[there]
            if name in self.model.ties.nearest:
                wanted = self.data[self.model.ties.nearest[name]]
                target[cells] = np.broadcast_to(wanted.over(block.dims), block.number.shape)[there]
            unit[cells] = block.unit.published
        if self.problems:
            raise InputError(self.model.source, self.problems)
        return lower, upper, target, unit

    def _bound(self, name: str, bound: float | str, dims: tuple[str, ...]) -> Values:
        place = f"variables.{name}"
        if not isinstance(bound, str):
            return np.asarray(float(bound))
        if bound in ("inf", "-inf"):
            return np.asarray(float(bound))
        if bound not in self.data or bound in self.case.fixed:
            known = [n for n in self.data if n not in self.case.fixed]
            self.problems.append(Problem(place, f"bound {bound!r} is not a datum{nearest(bound, known)}"))
        elif extra := [str(d) for d in self.data[bound].dims if d not in dims]:
            self.problems.append(Problem(place, f"bound {bound!r} varies over {_listed(extra)}, the variable does not"))
        else:
            return self.data[bound].over(dims)
        return np.asarray(0.0)

    def _read_rules(self, rows: dict[str, Block], parts: list[Triplets], low: list[Values], high: list[Values]) -> None:
        start = 0
        for name, rule in self.model.rules.items():
            made = self._attempt(f"rules.{name}", lambda r=rule, n=name: self._rule(n, read_rule(r.rule), r.over))  # type: ignore[misc]
            if made is None:
                continue
            cells, used, lower, upper = made
            full_to_row = np.cumsum(used.ravel()) - 1
            parts.extend(Triplets(start + full_to_row[cell.row], cell.column, cell.value) for cell in cells)
            number = np.full(used.shape, -1)
            number[used] = start + np.arange(int(used.sum()))
            start += int(used.sum())
            low.append(lower[used])
            high.append(upper[used])
            unit = unit_of(read_rule(rule.rule), self.units) or Unit()
            rows[name] = Block(name, rule.over, unit, number)

    def _rule(
        self, name: str, rule: Compare, over: tuple[str, ...]
    ) -> tuple[list[Triplets], np.ndarray[Any, np.dtype[np.bool_]], Values, Values]:
        """The cells of a rule, which of its rows are used, and their lower and upper limits, over ``over``."""
        reader, sign = self._reader(), rule.signs[0]
        if len(rule.signs) == 1:
            body = reader.linear(rule.sides[0]).add(reader.linear(rule.sides[1]), -1.0)
            low = high = Array((), np.array(0.0))
        else:
            body = reader.linear(rule.sides[1])
            ends = reader.data(rule.sides[0]), reader.data(rule.sides[2])
            low, high = ends if sign == "<=" else ends[::-1]
        shape = tuple(self.sizes[d] for d in over)
        for dims in (body.dims, low.dims, high.dims):
            if extra := [str(d) for d in dims if d not in over]:
                raise RuleError(rule.text, f"varies over {_listed(extra)} but the rule is over {_listed(over)}")
        lower, upper = self._limits(rule, body, low, high, over, shape)
        cells = list(triplets(body.terms, over, shape))
        used = np.zeros(int(np.prod(shape)), dtype=bool)
        for cell in cells:
            used[cell.row] = True
        defined = np.broadcast_to(body.defined.over(over), shape) > 0
        filled = used.reshape(shape) & defined
        kept = [_only(cell, filled.ravel()) for cell in cells]
        self._check_numbers(name, rule, over, ~filled & defined, lower, upper)
        return kept, filled, lower, upper

    def _limits(
        self, rule: Compare, body: Linear, low: Array, high: Array, over: tuple[str, ...], shape: tuple[int, ...]
    ) -> tuple[Values, Values]:
        free = np.full(shape, np.inf)
        lower = np.broadcast_to(combine(np.subtract, low, body.const).over(over), shape).astype(float)
        upper = np.broadcast_to(combine(np.subtract, high, body.const).over(over), shape).astype(float)
        if len(rule.signs) == 2:
            if np.any(lower > upper):
                raise RuleError(rule.text, "has a lower end above its upper end")
            return lower, upper
        sign = rule.signs[0]
        return (lower if sign in (">=", "==") else -free), (upper if sign in ("<=", "==") else free)

    def _check_numbers(
        self,
        name: str,
        rule: Compare,
        over: tuple[str, ...],
        empty: np.ndarray[Any, np.dtype[np.bool_]],
        lower: Values,
        upper: Values,
    ) -> None:
        """A row without columns says 0 is between its limits: true, or a breach by so much."""
        by = np.maximum(np.maximum(lower, -upper), 0.0)
        unit = unit_of(rule, self.units) or Unit()
        size = np.maximum(
            np.where(np.isfinite(lower), np.abs(lower), 0), np.where(np.isfinite(upper), np.abs(upper), 0)
        )
        wrong = empty & (by > 1e-9 * np.maximum(size.max(initial=0), 1.0))
        mentioned = bool(names_in(rule) & set(self.case.fixed))
        for cell in np.argwhere(wrong):
            found = Breach(name, _at(self.case, over, cell), float(by[tuple(cell)]), str(unit))
            (self.breaches if mentioned else self.impossible).append(found)

    def _read_goals(self, goals: list[Goal]) -> None:
        width = sum(int((b.number >= 0).sum()) for b in self.columns.values())
        for spec in self.model.goals:
            place = f"goals.{spec.name}"
            found = self._attempt(place, lambda s=spec: self._reader().linear(read_expression(s.rule)))  # type: ignore[misc]
            if found is None:
                continue
            if found.dims:
                dims = _listed(map(str, found.dims))
                self.problems.append(Problem(place, f"is not one number: it varies over {dims}; sum over them"))
                continue
            cost = np.zeros(width)
            for cell in triplets(found.terms, (), ()):
                np.add.at(cost, cell.column, cell.value)
            goals.append(Goal(spec.name, cost, float(found.const.values), spec.sense))

    def _labelled(self, name: str, array: Array, unit: Unit) -> xr.DataArray:
        dims = [str(d) for d in array.dims]
        coords = {d: self.case.world.data[d] for d in dims}
        return xr.DataArray(array.values, coords, dims, name=name, attrs={"unit": str(unit)})


def check(model: Model) -> dict[str, Unit]:
    """Read every rule of a model for syntax and units, without a World; return the unit of every name.

    >>> from allocate.spec import read_model
    >>> check(read_model("grant_consolidation"))["unit_cost"]
    Unit(R/household)

    Raises :class:`InputError` with every problem and its place.
    """
    problems: list[Problem] = []
    units: dict[str, Unit] = {}
    named = {kind: getattr(model, kind) for kind in ("data", "derived", "variables")}
    for kind, specs in named.items():
        for name, spec in specs.items():
            try:
                units[name] = Unit.parse(spec.unit)
            except UnitError as error:
                problems.append(Problem(f"{kind}.{name}", str(error)))
    if problems:
        raise InputError(model.source, problems)
    texts: list[tuple[str, Callable[[str], Node], str, str | None]] = [
        *((f"rules.{n}", read_rule, r.rule, None) for n, r in model.rules.items()),
        *((f"goals.{g.name}", read_expression, g.rule, None) for g in model.goals),
        *((f"derived.{n}", read_expression, d.rule, n) for n, d in model.derived.items()),
        *((f"variables.{n}", read_condition, v.where, None) for n, v in model.variables.items() if v.where),
    ]
    for place, read, text, declared in texts:
        try:
            unit = unit_of(read(text), units)
        except RuleError as error:
            problems.append(Problem(place, str(error)))
            continue
        if declared is not None and unit is not None and unit != units[declared]:
            problems.append(Problem(place, f"is in {unit}, but it is declared in {units[declared]}"))
    for name, variable in model.variables.items():
        for end, bound in (("lower", variable.lower), ("upper", variable.upper)):
            if isinstance(bound, str) and units.get(bound, units[name]) != units[name]:
                words = f"{end} is in {units[bound]}, but the variable is in {variable.unit}"
                problems.append(Problem(f"variables.{name}", words))
    if problems:
        raise InputError(model.source, problems)
    return units


def _matrix(parts: list[Triplets], height: int, width: int) -> sp.csr_array:
    row = _join([p.row for p in parts], np.int64)
    column = _join([p.column for p in parts], np.int64)
    value = _join([p.value for p in parts])
    matrix = sp.csr_array(sp.coo_array((value, (row, column)), shape=(height, width)))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _join(parts: list[Values], kind: Any = float) -> Values:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)


def _only(cell: Triplets, used: Values) -> Triplets:
    kept = used[cell.row]
    return Triplets(cell.row[kept], cell.column[kept], cell.value[kept])


def _rounded(values: Values, how: str | None, unit: float) -> Values:
    """Whole published units, up or down; a value within a millionth of a whole unit is that unit."""
    if how is None:
        return values
    whole = values / unit
    near = np.round(whole)
    turn = {"up": np.ceil, "down": np.floor, "nearest": np.round}[how]
    return np.where(np.abs(whole - near) < 1e-6, near, turn(whole)) * unit


def _at(case: Case, dims: tuple[str, ...], cell: Any) -> str:
    inside = ", ".join(f"{d}={case.world.labels(d)[int(k)]}" for d, k in zip(dims, cell, strict=True))
    return f"[{inside}]" if inside else ""


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "nothing"
