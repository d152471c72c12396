"""Records and a World to a named sparse program: every rule read three ways, every mistake in one letter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import xarray as xr

from allocate.active import active_part, data_in, variables_in
from allocate.changes import Case
from allocate.checks import check, given
from allocate.conflict import no_choice
from allocate.errors import InputError, Problem, nearest
from allocate.names import MEMBER
from allocate.optimum.linear import TOO_LARGE, Goal, Leximin, LinearProgram
from allocate.program import Block, Breach, Expression, Program, at
from allocate.rules.dimension import listed, unit_of
from allocate.rules.rows import MOST_CELLS, Array, Linear, Reader, Scope, Values, combine, compressed
from allocate.rules.tree import (
    Compare,
    RuleError,
    read_condition,
    read_expression,
    read_rule,
)
from allocate.spec import DataSpec, DerivedSpec, ExpressionSpec, GoalSpec, RuleSpec, VariableSpec
from allocate.tables import wrong_labels
from allocate.units import FLAG, Unit, UnitError, same_unit

DUST: Final = 1e-6
"""Of a published unit: what adding many numbers may leave over."""

CANCELLED: Final = 1e-14
"""Of the terms of a coefficient: what is left of terms that cancel."""

type Mask = np.ndarray[Any, np.dtype[np.bool_]]


def build(case: Case, before: Program | None = None) -> Program:
    """Compile a case. Rows and columns come in the order of the model and, inside a block, of the World.

    From a program built ``before`` come the rows of every rule that is in both and made of the same data: where little
    differs, most of the work is done. What is built is the same.

    Raises :class:`InputError` naming the rule and the piece of every mistake: names, dims, units, what is not
    linear; :class:`NoPlanError` if a rule without any choice in it cannot hold.
    """
    return _Builder(case, before).build()


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of one rule: (m, n) coefficients, and their limits (m,)."""

    matrix: Any
    lower: Values
    upper: Values


class _Builder:
    def __init__(self, case: Case, before: Program | None) -> None:
        self.case, self.model, self.before = case, case.model, before
        self.problems: list[Problem] = []
        self.labels: dict[str, tuple[str, ...]] = {}
        self.groups: dict[str, Array] = {}
        self.data: dict[str, Array] = {}
        self.units: dict[str, Unit] = {}
        self.columns: dict[str, Block] = {}
        self.scope_columns: dict[str, Array] = {}
        self.linear: dict[str, Linear] = {}
        self.counted: dict[str, Expression] = {}
        self.width = 0
        self.vectors: list[Values] = []
        self.breaches: list[Breach] = []
        self.impossible: list[Breach] = []

    def build(self) -> Program:
        with np.errstate(all="ignore"):  # what overflows is found, and named, where it is used
            return self._build()

    def _build(self) -> Program:
        with suppress(RuleError):  # told by the check, with all that is wrong
            self.model = active_part(self.model, self.case.fixed)
        self._stage(self._read_dims)
        self.units = check(self.case.model)
        self.case = replace(self.case, model=self.model)
        self._stage(self._read_data)
        self._stage(self._derive)
        self._stage(self._read_variables)
        self._stage(self._read_expressions)
        self._stage(self._count)
        parts: list[_Rows] = []
        rows: dict[str, Block] = {}
        self._stage(lambda: self._read_rules(rows, parts))
        goals: list[Goal | Leximin] = []
        self._stage(lambda: self._read_goals(goals))
        if self.impossible:
            raise no_choice(self.case, self.impossible)
        lower, upper, target, unit, whole = np.concatenate([np.zeros((5, 0)), *self.vectors], axis=1)
        matrix = sp.vstack([part.matrix for part in parts] or [sp.csr_array((0, self.width))], format="csr")
        matrix.has_canonical_format = True  # as each of its parts is
        linear = LinearProgram(
            matrix=matrix,
            row_lower=np.concatenate([np.zeros(0), *(part.lower for part in parts)]),
            row_upper=np.concatenate([np.zeros(0), *(part.upper for part in parts)]),
            lower=lower,
            upper=upper,
            goals=tuple(goals),
            target=target,
            unit=unit,
            integer=whole > 0,
        )
        fixed, derived = (_Labelled(self, names) for names in (self.case.fixed, self.model.derived))
        goal_units = tuple(unit_of(read_expression(g.rule), self.units) or Unit() for g in self.model.active_goals)
        return Program(
            self.case, linear, self.columns, rows, fixed, derived, tuple(self.breaches), goal_units, self.counted
        )

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
        world, own = self.case.world, {*self.model.copies, *self.model.labels}
        for dim in self.model.dims:
            if dim not in own and dim not in world.data.dims:
                known = [str(d) for d in world.data.dims]
                words = f"the world {world.name!r} has no dim {dim!r}{nearest(dim, known)}"
                self.problems.append(Problem(f"dims.{dim}", words))
        if not self.problems:
            self._read_own_dims()
            self._read_groups()
        self.labels = {str(dim): self.case.world.labels(str(dim)) for dim in self.case.world.data.dims}
        for kind in ("data", "derived", "variables", "expressions", "rules"):
            for name, spec in getattr(self.model, kind).items():
                cells = math.prod(len(self.labels.get(d, (d,))) for d in spec.over)
                if cells > MOST_CELLS:
                    words = f"has {cells:,} cells over {listed(spec.over)}; at most {MOST_CELLS:,} are possible"
                    self.problems.append(Problem(f"{kind}.{name}", words))

    def _with_dim(self, dim: str, labels: Sequence[str]) -> None:
        try:
            self.case = replace(self.case, world=self.case.world.with_dim(dim, labels))
        except InputError as error:
            self.problems += [Problem(f"dims.{dim}", problem.words) for problem in error.problems]

    def _read_own_dims(self) -> None:
        """The dims whose labels the model gives, and the copies."""
        for dim, labels in self.model.labels.items():
            self._with_dim(dim, labels)
        for dim, copied in self.model.copies.items():
            self._with_dim(dim, self.case.world.labels(copied))

    def _read_groups(self) -> None:
        """The labels of every column that something is grouped by, and the group of each label of its dim."""
        for column in self.model.groups:
            group = self.case.world.group(column)
            if group is None:
                known = [name for dim in self.model.dims for name in self.case.world.columns(dim)]
                has = f"there are {', '.join(known)}" if known else "the world has none"
                words = f"is no column of the table of a dim; {has}{nearest(column, known)}"
                self.problems.append(Problem(f"by={column}", words))
                continue
            dim, cells = group
            found = tuple(dict.fromkeys(cells))
            self.problems += [Problem(f"by={column}", problem.words) for problem in wrong_labels({column: found})]
            self._with_dim(column, found)
            labels = self.case.world.labels(column)
            self.groups[column] = Array((dim,), np.array([labels.index(cell) for cell in cells]))

    def _shape(self, over: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(len(self.labels[d]) for d in over)

    def _full(self, array: Array, over: tuple[str, ...]) -> Values:
        """An array with every cell of ``over``."""
        return np.broadcast_to(array.over(over), self._shape(over))

    def _read_data(self) -> None:
        data = self.case.world.data.variables
        for name, spec in self.model.data.items():
            if name not in data and spec.default is not None and (words := self._odd_default(spec)):
                self.problems.append(Problem(f"data.{name}", words))
            elif name not in data and spec.default is not None:
                default = np.broadcast_to(np.array(spec.default, dtype=float), self._shape(spec.over))
                self.data[name] = Array(spec.over, default)
            elif name not in data:
                known = [str(v) for v in self.case.world.data.data_vars]
                words = f"the world {self.case.world.name!r} has no datum {name!r}{nearest(name, known)}"
                self.problems.append(Problem(f"data.{name}", words))
            elif words := self._misfit(spec, data[name]) or self._shared(name, spec, data[name]):
                self.problems.append(Problem(f"data.{name}", words))
            else:
                self.data[name] = Array(spec.over, data[name].transpose(*spec.over).values.astype(float))

    def _misfit(self, spec: DataSpec, array: xr.Variable) -> str:
        """How a datum of the World is not what the model declares, or the empty string."""
        if set(array.dims) != set(spec.over):
            return f"is over {listed(spec.over)} in the model, but over {listed(array.dims)} in the world"
        if not same_unit(spec.unit, array.attrs["unit"]):
            return f"is in {spec.unit} in the model, but in {array.attrs['unit']} in the world"
        if not np.all(np.isfinite(array.values)):
            return "has a value that is missing or not finite"
        if spec.most is not None and len(above := np.argwhere(array.values > spec.most)):
            where = at(self.case, tuple(map(str, array.dims)), above[0])
            found = f"{array.values[tuple(above[0])]:,.6g}"
            return f"{found} at {where or 'its only cell'} is above {spec.most:g}, the most it may be"
        return ""

    def _odd_default(self, spec: DataSpec) -> str:
        """How a default is no value that a World could give, or the empty string."""
        values, shape = np.array(spec.default, dtype=float), self._shape(spec.over)
        if values.ndim and values.shape != shape:
            return f"its default lists {values.size}, but there are {math.prod(shape)} over {listed(spec.over)}"
        if spec.unit == FLAG and (odd := values[(values != 0) & (values != 1)]).size:
            return f"its default {odd.flat[0]:g} is not 0 or 1; it is a flag"
        if spec.most is not None and values.max() > spec.most:
            return f"its default {values.max():g} is above {spec.most:g}, the most it may be"
        return ""

    def _shared(self, name: str, spec: DataSpec, array: xr.Variable) -> str:
        """How a part is in no pool or in several, which would lose or double its money; or the empty string."""
        if name != MEMBER or len(spec.over) != 2:
            return ""
        part, whole = spec.over
        many = array.sum(whole).values
        for cell in np.flatnonzero(many != 1)[:1]:
            label = self.case.world.labels(part)[int(cell)]
            return f"{part} {label!r} is in {many[cell]:g} {whole}s; each belongs to exactly one"
        return ""

    def _reader(self) -> Reader:
        scope = Scope(self.labels, self.data, self.scope_columns, self.groups, self.model.copies, self.linear)
        return Reader(scope)

    def _derive(self) -> None:
        for name, spec in self.model.derived.items():
            self._attempt(f"derived.{name}", lambda n=name, s=spec: self._derive_one(n, s))  # type: ignore[misc]

    def _derive_one(self, name: str, spec: DerivedSpec) -> None:
        values = self._full(self._reader().data(read_expression(spec.rule)), spec.over)
        self.data[name] = Array(spec.over, _rounded(values, spec.round, self.units[name].published))

    def _read_variables(self) -> None:
        for name, spec in self.model.variables.items():
            self._attempt(f"variables.{name}", lambda n=name, s=spec: self._read_variable(n, s))  # type: ignore[misc]
        if not self.width and not self.problems and not self.case.fixed:
            self.problems.append(Problem("variables", "there is nothing to decide: every cell is masked"))

    def _read_variable(self, name: str, spec: VariableSpec) -> None:
        there = self._there(spec)
        ends = (0.0, 1.0) if spec.kind == "binary" else (spec.lower, spec.upper)
        lower, upper = (self._bound(end, spec.over) for end in ends)
        if (crossed := np.argwhere(there & (lower > upper))).size:
            where = at(self.case, spec.over, crossed[0])
            raise RuleError("", f"lower is above upper{f' at {where}' if where else ''}")
        if name in self.case.fixed:
            self._fix(name, spec, there, lower, upper)
            return
        number = np.full(there.shape, -1)
        number[there] = self.width + np.arange(int(there.sum()))
        self.width += int(there.sum())
        block = self.columns[name] = Block(name, spec.over, self.units[name], number)
        self.scope_columns[name] = Array(spec.over, number.astype(np.int32))
        wanted = self.model.ties.nearest.get(name)
        target = np.zeros(there.shape) if wanted is None else self._full(self.data[wanted], spec.over)
        unit = np.full(there.shape, block.unit.published)
        whole = np.full(there.shape, float(spec.kind != "continuous"))
        self.vectors.append(np.stack([array[there] for array in (lower, upper, target, unit, whole)]))

    def _read_expressions(self) -> None:
        for name, spec in self.model.expressions.items():
            found = self._attempt(f"expressions.{name}", lambda s=spec: self._reader().linear(read_expression(s.rule)))  # type: ignore[misc]
            if found is not None:
                self.linear[name] = replace(found, dims=spec.over)

    def _count(self) -> None:
        for name, spec in self.model.expressions.items():
            found = self._attempt(f"expressions.{name}", lambda n=name, s=spec: self._coefficients(n, s))  # type: ignore[misc]
            self.counted |= {} if found is None else {name: found}

    def _coefficients(self, name: str, spec: ExpressionSpec) -> Expression:
        """An expression once all columns are known."""
        linear = self.linear[name]
        matrix = _matrix(linear, spec.over, self._shape(spec.over), self.width)
        const, there = self._full(linear.const, spec.over), self._full(linear.defined, spec.over) > 0
        if not (np.all(np.isfinite(matrix.data)) and np.all(np.isfinite(const))):
            raise RuleError(spec.rule, "is too large to compute")
        return Expression(name, spec.over, self.units[name], matrix, const, there)

    def _there(self, spec: VariableSpec) -> Mask:
        if spec.where is None:
            return np.ones(self._shape(spec.over), dtype=bool)
        return self._full(self._reader().condition(read_condition(spec.where)), spec.over)

    def _bound(self, bound: float | str, over: tuple[str, ...]) -> Values:
        return self._full(self.data[str(bound)] if bound in self.data else Array((), np.array(float(bound))), over)

    def _fix(self, name: str, spec: VariableSpec, there: Mask, lower: Values, upper: Values) -> None:
        """A variable that is no choice becomes a datum; where it oversteps what a choice may be is a breach."""
        fix = self.case.fixed[name]
        values = self._full(self.data[fix] if isinstance(fix, str) else Array((), np.array(float(fix))), spec.over)
        self.data[name] = Array(spec.over, values)
        small = 1e-9 * max(1.0, float(np.abs(values).max(initial=0)))
        over = {"where": np.where(there, 0, np.abs(values)), "lower": lower - values, "upper": values - upper}
        if spec.kind != "continuous":
            over["whole numbers"] = np.abs(values - np.round(values))
        for what, by in over.items():
            for cell in np.argwhere((by > small) & (there | (what == "where"))):
                where = at(self.case, spec.over, cell)
                self.breaches.append(Breach(f"{what} of {name}", where, float(by[tuple(cell)]), spec.unit))

    def _read_rules(self, rows: dict[str, Block], parts: list[_Rows]) -> None:
        start = 0
        known = self._known()
        for name, spec in self.model.active_rules.items():
            made = known.get(name) or self._attempt(f"rules.{name}", lambda n=name, s=spec: self._rule(n, s))  # type: ignore[misc]
            if made is None:
                continue
            part, used = made
            number = np.full(used.shape, -1)
            number[used] = start + np.arange(len(part.lower))
            start += len(part.lower)
            parts.append(part)
            rows[name] = Block(name, spec.over, unit_of(read_rule(spec.rule), self.units) or Unit(), number)

    def _known(self) -> dict[str, tuple[_Rows, Mask]]:
        """The rows, and the cells that have one, of every rule that says the same as in the program built before."""
        before = self.before
        if before is None or not self._alike(before):
            return {}
        was, now = before.case.world.data.variables, self.case.world.data.variables
        changed = {name for name in self.model.data if not _same(was.get(name), now.get(name))}
        found = {}
        for name, spec in self.model.active_rules.items():
            if changed.isdisjoint(data_in(self.model, read_rule(spec.rule))):
                there = before.rows[name].number >= 0
                at, linear = before.rows[name].number[there], before.linear
                found[name] = _Rows(linear.matrix[at], linear.row_lower[at], linear.row_upper[at]), there
        return found

    def _alike(self, before: Program) -> bool:
        """Whether a program has the same model, labels, groups and columns, and no choice in it is fixed."""
        case = before.case
        return (
            not (case.fixed or self.case.fixed)
            and case.model == self.model
            and case.world.regions == self.case.world.regions
            and {str(dim): case.world.labels(str(dim)) for dim in case.world.data.dims} == self.labels
            and all(np.array_equal(before.columns[name].number, self.columns[name].number) for name in self.columns)
        )

    def _rule(self, name: str, spec: RuleSpec) -> tuple[_Rows, Mask]:
        """The rows of a rule, and which cells of ``over`` have one."""
        rule = read_rule(spec.rule)
        body, lower, upper = self._sides(rule, spec.over)
        every = _matrix(body, spec.over, self._shape(spec.over), self.width)
        if not np.all(np.isfinite(every.data)):
            raise RuleError(rule.text, "has a coefficient too large to compute")
        defined = self._full(body.defined, spec.over) > 0
        used = defined & (np.diff(every.indptr) > 0).reshape(defined.shape)
        self._check_numbers(name, rule, spec.over, defined & ~used, lower, upper)
        if self._fixed_in(rule):
            lower, upper = self._swept(rule, lower), self._swept(rule, upper)
        return _Rows(every if used.all() else every[used.ravel()], lower[used], upper[used]), used

    def _fixed_in(self, rule: Compare) -> bool:
        """Whether a rule mentions a variable that is fixed."""
        return not self.case.fixed.keys().isdisjoint(variables_in(self.model, rule))

    def _swept(self, rule: Compare, limit: Values) -> Values:
        """What fixed numbers leave of a limit, without the dust of adding them up: below a millionth of a published
        unit (a tenth of a cent) it is nothing, and a row cannot ask for minus nothing.
        """
        unit = unit_of(rule, self.units) or Unit()
        return np.where(np.abs(limit) < DUST * unit.published, 0.0, limit)

    def _sides(self, rule: Compare, over: tuple[str, ...]) -> tuple[Linear, Values, Values]:
        """What a rule limits, and its lower and upper limits over ``over``."""
        reader, sign = self._reader(), rule.signs[0]
        if len(rule.sides) == 3:
            body = reader.linear(rule.sides[1])
            ends = [reader.data(rule.sides[0]), reader.data(rule.sides[2])]
        else:
            body = reader.linear(rule.sides[0]).add(reader.linear(rule.sides[1]), -1.0)
            ends = [
                Array((), np.array(-np.inf if sign == "<=" else 0.0)),
                Array((), np.array(np.inf if sign == ">=" else 0.0)),
            ]
        low, high = ends[:: -1 if len(rule.sides) == 3 and sign == ">=" else 1]
        lower, upper = (self._full(combine(np.subtract, end, body.const), over) for end in (low, high))
        for end in (lower, upper):
            if np.any(np.isnan(end)) or np.any(np.isfinite(end) & (np.abs(end) >= TOO_LARGE)):
                raise RuleError(rule.text, f"has a limit beyond {TOO_LARGE:g}")
        if (crossed := np.argwhere(lower > upper)).size:
            where = at(self.case, over, crossed[0])
            raise RuleError(rule.text, f"has a lower end above its upper end{f' at {where}' if where else ''}")
        return body, lower, upper

    def _check_numbers(
        self, name: str, rule: Compare, over: tuple[str, ...], empty: Mask, lower: Values, upper: Values
    ) -> None:
        """A row without columns says 0 is between its limits: true, or a breach by so much."""
        if not empty.any():
            return
        by = np.maximum(np.maximum(lower, -upper), 0.0)
        ends = np.stack([lower, upper])
        size = float(np.abs(ends, where=np.isfinite(ends), out=np.zeros_like(ends)).max(initial=1.0))
        unit = unit_of(rule, self.units) or Unit()
        found = self.breaches if self._fixed_in(rule) else self.impossible
        for cell in np.argwhere(empty & (by > 1e-9 * size + DUST * unit.published)):
            found.append(Breach(name, at(self.case, over, cell), float(by[tuple(cell)]), str(unit)))

    def _read_goals(self, goals: list[Goal | Leximin]) -> None:
        for spec in self.model.active_goals:
            goal = self._attempt(f"goals.{spec.name}", lambda s=spec: self._goal(s))  # type: ignore[misc]
            goals += [goal] if goal is not None else []

    def _goal(self, spec: GoalSpec) -> Goal | Leximin:
        node = read_expression(spec.rule)
        found = self._reader().whole(node)
        matrix = _matrix(found, spec.over, self._shape(spec.over), self.width)
        offset = self._full(found.const, spec.over)
        if not (np.all(np.isfinite(matrix.data)) and np.all(np.isfinite(offset))):
            raise RuleError(spec.rule, "is too large to compute")
        if spec.leximin is not None:
            return Leximin(spec.name, matrix, offset.ravel())
        give, share = given(spec, unit_of(node, self.units) or Unit())
        return Goal(spec.name, matrix.toarray().ravel(), float(offset), spec.sense, give, share)


class _Labelled(Mapping[str, xr.DataArray]):
    """What a program holds of data, labelled when it is asked for: labels cost more than numbers."""

    def __init__(self, built: _Builder, names: Iterable[str]) -> None:
        self._world = built.case.world.data
        self._parts = {name: (built.data[name], built.units[name]) for name in names}

    def __getitem__(self, name: str) -> xr.DataArray:
        array, unit = self._parts[name]
        dims = [str(d) for d in array.dims]
        coords = {d: self._world[d] for d in dims}
        return xr.DataArray(array.values, coords, dims, name=name, attrs={"unit": str(unit)})

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


def _same(was: xr.Variable | None, now: xr.Variable | None) -> bool:
    """Whether a datum is what it was; None where the World has none and the model a default."""
    if was is None or now is None:
        return was is now
    return was is now or (was.dims == now.dims and np.array_equal(was.values, now.values))


def _matrix(found: Linear, over: tuple[str, ...], shape: tuple[int, ...], width: int) -> Any:
    """The coefficients of an expression, a row for each cell of ``over``; what cancels out is left out."""
    size = (math.prod(shape), width)
    parts = []
    for part in compressed(found.terms, over, shape):
        indices = part.column.astype(np.int32, copy=False), part.starts.astype(np.int32)  # as solvers want them
        parts.append(sp.csr_array((part.value, *indices), shape=size))
    total = _added(parts, size)
    if total.nnz < sum(part.nnz for part in parts):  # a column stands in a row twice: what cancels leaves rounding
        terms = _added([abs(part) for part in parts], size).multiply(total.astype(bool)).tocsr()
        total.data[np.abs(total.data) <= CANCELLED * terms.data] = 0.0
        total.eliminate_zeros()
    return total


def _added(parts: Sequence[Any], size: tuple[int, int]) -> Any:
    """The sum of matrices, every entry once."""
    total = sp.csr_array(size)
    for number, part in enumerate(parts):
        whole = part.copy()
        whole.sum_duplicates()
        total = total + whole if number else whole
    total.eliminate_zeros()
    return total


def _rounded(values: Values, how: str | None, unit: float) -> Values:
    """Whole published units, up or down; a value within a millionth of a whole unit is that unit."""
    if how is None:
        return values
    whole = values / unit
    near = np.round(whole)
    turn = np.ceil if how == "up" else np.floor if how == "down" else np.round
    return np.where(np.abs(whole - near) < 1e-6, near, turn(whole)) * unit
