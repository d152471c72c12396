"""The first reading of a rule: sparse linear rows.

Everything here works on bare arrays that carry their dims as a tuple of names; labels stay at the door. A linear
expression is a list of terms ``coefficient x column`` plus a constant. A term may have dims that the expression
no longer shows: those were summed, and they are renamed so that they can never meet a dim of the same name again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocate.errors import nearest
from allocate.names import TIME
from allocate.rules.tree import (
    Along,
    Arithmetic,
    At,
    Compare,
    Logic,
    Name,
    Negate,
    Node,
    Number,
    RuleError,
    Total,
)

type Values = np.ndarray[Any, np.dtype[Any]]
type Dims = tuple[Hashable, ...]

NO_COLUMN = -1
"""The column number of a cell that ``where`` masked: it counts 0."""

MOST_CELLS = 20_000_000
"""Numbers that one term of a rule may need at once (160 MB); a rule that needs more is written in steps."""


@dataclass(frozen=True, eq=False)
class Array:
    """Values and the name of each of their axes."""

    dims: Dims
    values: Values

    def over(self, dims: Dims) -> Values:
        """The values with one axis a dim of ``dims`` (length 1 where the array does not vary)."""
        if self.dims == dims:
            return self.values
        order = [self.dims.index(d) for d in dims if d in self.dims]
        shape = [self.values.shape[self.dims.index(d)] if d in self.dims else 1 for d in dims]
        return self.values.transpose(order).reshape(shape)

    def size(self, dim: Hashable) -> int:
        return int(self.values.shape[self.dims.index(dim)])

    def along(self, dim: Hashable, change: Callable[[Values], Values]) -> Array:
        """Apply ``change`` with ``dim`` as the first axis; unchanged where the array does not vary over it."""
        if dim not in self.dims:
            return self
        axis = self.dims.index(dim)
        return Array(self.dims, np.moveaxis(change(np.moveaxis(self.values, axis, 0)), 0, axis))

    def pick(self, dim: Hashable, place: int) -> Array:
        if dim not in self.dims:
            return self
        dims = tuple(d for d in self.dims if d != dim)
        return Array(dims, self.values.take(place, axis=self.dims.index(dim)))

    def rename(self, new: Mapping[Hashable, Hashable]) -> Array:
        return Array(tuple(new.get(d, d) for d in self.dims), self.values)


def combine(how: Callable[[Values, Values], Values], a: Array, b: Array) -> Array:
    """One array from two, over the union of their dims."""
    if a.dims == b.dims or not a.dims or not b.dims:
        return Array(a.dims or b.dims, how(a.values, b.values))
    dims = union(a.dims, b.dims)
    left, right = a.over(dims), b.over(dims)
    _refuse_huge(np.maximum(left.shape, right.shape))
    return Array(dims, how(left, right))


def _refuse_huge(shape: Sequence[int] | Values) -> None:
    cells = math.prod(map(int, shape))
    if len(shape) > 32 or cells > MOST_CELLS:
        words = f"needs {cells:.2g} numbers at once, over {len(shape)} dims; write it in steps"
        raise RuleError("", words)


def union(*groups: Dims) -> Dims:
    return tuple(dict.fromkeys(itertools.chain(*groups)))


ONE = Array((), np.array(1.0))
ZERO = Array((), np.array(0.0))


@dataclass(frozen=True, eq=False)
class Term:
    """``coef * x[cols]``; dims of ``cols`` and ``coef`` beyond the expression's own were summed."""

    coef: Array
    cols: Array

    def each(self, change: Callable[[Array], Array]) -> Term:
        return Term(change(self.coef), change(self.cols))

    def times(self, factor: Array) -> Term:
        return Term(combine(np.multiply, self.coef, factor), self.cols)

    @property
    def dims(self) -> Dims:
        return union(self.cols.dims, self.coef.dims)


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear expression over ``dims``; ``defined`` says where ``previous`` had something before it."""

    dims: Dims
    terms: tuple[Term, ...]
    const: Array
    defined: Array = ONE

    def add(self, other: Linear, sign: float = 1.0) -> Linear:
        theirs = other.times(Array((), np.array(sign)))
        return Linear(
            union(self.dims, other.dims),
            self.terms + theirs.terms,
            combine(np.add, self.const, theirs.const),
            combine(np.multiply, self.defined, other.defined),
        )

    def each(self, change: Callable[[Array], Array], dims: Dims) -> Linear:
        """The same change to every array; ``dims`` are what the expression varies over afterwards."""
        terms = tuple(term.each(change) for term in self.terms)
        return Linear(dims, terms, change(self.const), change(self.defined))

    def times(self, factor: Array) -> Linear:
        dims = union(self.dims, factor.dims)
        terms = tuple(term.times(factor) for term in self.terms)
        return Linear(dims, terms, combine(np.multiply, self.const, factor), self.defined)


@dataclass(frozen=True, eq=False)
class Scope:
    """What names stand for: data, or variables by the column number of each of their cells; and dim labels.

    ``groups`` gives, for a column of the table of a dim, the group (a place among the labels of the column) of each
    label of that dim; ``copies`` the dim that each copy copies; ``expressions`` what is read already.
    """

    labels: Mapping[str, Sequence[str]]
    data: Mapping[str, Array]
    columns: Mapping[str, Array]
    groups: Mapping[str, Array]
    copies: Mapping[str, str]
    expressions: Mapping[str, Linear] = field(default_factory=dict)

    def known(self) -> list[str]:
        return [*self.data, *self.columns, *self.expressions]


_FRESH = itertools.count()
"""Numbers that tell summed dims apart, also those of an expression that is used inside another."""


class Reader:
    """Reads trees in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def linear(self, node: Node) -> Linear:
        """An expression as terms and a constant.

        Raises :class:`RuleError` naming the piece: an unknown name, a product or quotient of variables, a division
        by zero, a sum of what has no first year. Dims are as :func:`allocate.rules.dimension.dims_of` allows.
        """
        match node:
            case Number(value=value):
                return Linear((), (), Array((), np.array(value)))
            case Name(name=name) if name in self.scope.columns:
                cols = self.scope.columns[name]
                return Linear(cols.dims, (Term(ONE, cols),), ZERO)
            case Name(name=name) if name in self.scope.expressions:
                return self.scope.expressions[name]
            case Name(name=name) if name in self.scope.data:
                array = self.scope.data[name]
                return Linear(array.dims, (), Array(array.dims, array.values.astype(float)))
            case Name(name=name):
                words = f"is not a datum or variable of the model{nearest(name, self.scope.known())}"
                raise RuleError(name, words)
            case Negate(operand=operand):
                return self.linear(operand).times(Array((), np.array(-1.0)))
            case Arithmetic(left=left, sign=sign, right=right):
                return self._arithmetic(self.linear(left), sign, self.linear(right), node)
            case Total(operand=operand, over=over, by=None):
                return self._total(self._complete(operand, node), over)
            case Total(operand=operand, over=over, by=str(by)):
                return self._total(self._complete(operand, node).times(self._groups(node, by, over)), over)
            case At(operand=operand, dim=dim, other=str(other)):
                inner = self.linear(operand)
                dims = tuple(other if d == dim else d for d in inner.dims)
                return inner.each(lambda a: a.rename({dim: other}), dims)
            case At(operand=operand, dim=dim, label=str(label)):
                found = self._pick(self.linear(operand), dim, self._place(node, dim, label))
                if dim == TIME and not np.all(found.defined.values):
                    words = f"has no value in the first {TIME}; give previous(expression, first=expression)"
                    raise RuleError(node.text, words)
                return found
            case Along(how="previous", operand=operand, first=first):
                return self._previous(self.linear(operand), first)
            case Along(how="so_far", operand=operand):
                return self._so_far(self._complete(operand, node))
            case Along(operand=operand):
                return self._pick(self.linear(operand), TIME, -1)
        raise RuleError(node.text, "is a condition where a number is wanted")

    def data(self, node: Node) -> Array:
        """An expression of data alone. Raises :class:`RuleError` if a variable stands in it, or it is not finite."""
        found = self.whole(node)
        if found.terms:
            raise RuleError(node.text, "has a variable in it; only data may stand here")
        if not np.all(np.isfinite(found.const.values)):
            raise RuleError(node.text, "is too large to compute")
        return found.const

    def whole(self, node: Node) -> Linear:
        """An expression as terms and a constant that has a value in every year."""
        return self._complete(node, node)

    def _complete(self, operand: Node, node: Node) -> Linear:
        found = self.linear(operand)
        if not np.all(found.defined.values):
            words = f"has no value in the first {TIME}; give previous(expression, first=expression)"
            raise RuleError(node.text, words)
        return found

    def condition(self, node: Node) -> Array:
        """A condition on data as an array of booleans; a bare flag means that it is not 0."""
        match node:
            case Logic(how="not", parts=parts):
                inner = self.condition(parts[0])
                return Array(inner.dims, ~inner.values)
            case Logic(how=how, parts=parts):
                join = np.logical_and if how == "and" else np.logical_or
                found = self.condition(parts[0])
                for part in parts[1:]:
                    found = combine(join, found, self.condition(part))
                return found
            case Compare(sides=sides, signs=signs):
                held = Array((), np.array(True))
                for left, sign, right in zip(sides, signs, sides[1:], strict=False):
                    held = combine(np.logical_and, held, combine(TESTS[sign], self.data(left), self.data(right)))
                return held
        found = self.data(node)
        return Array(found.dims, found.values != 0)

    def _arithmetic(self, left: Linear, sign: str, right: Linear, node: Node) -> Linear:
        if sign in "+-":
            return left.add(right, 1.0 if sign == "+" else -1.0)
        if right.terms and (left.terms or sign == "/"):
            what = "multiplies two variables" if sign == "*" else "divides by a variable"
            raise RuleError(node.text, f"is not linear: it {what}")
        if sign == "*":
            varying, factor = (right, left) if right.terms else (left, right)
            dims = union(left.dims, right.dims)
            found = varying.times(factor.const)
            return Linear(dims, found.terms, found.const, combine(np.multiply, left.defined, right.defined))
        divisor = combine(lambda value, there: np.where(there, value, 1.0), right.const, right.defined)
        if not np.all(divisor.values):
            raise RuleError(node.text, "divides by zero")
        found = left.times(Array(divisor.dims, 1.0 / divisor.values))
        return Linear(found.dims, found.terms, found.const, combine(np.multiply, left.defined, right.defined))

    def _total(self, inner: Linear, over: Sequence[str]) -> Linear:
        summed: dict[Hashable, Hashable] = {d: (d, next(_FRESH)) for d in over}
        terms = []
        for term in inner.terms:
            repeats = self._repeats(term.dims, over)
            terms.append(term.each(lambda array: array.rename(summed)).times(repeats))
        axes = tuple(inner.const.dims.index(d) for d in over if d in inner.const.dims)
        dims = tuple(d for d in inner.const.dims if d not in over)
        total = Array(dims, inner.const.values.sum(axis=axes) * self._repeats(inner.const.dims, over).values)
        return Linear(tuple(d for d in inner.dims if d not in over), tuple(terms), total)

    def _repeats(self, dims: Dims, over: Sequence[str]) -> Array:
        """How often something is counted in a sum over dims that it does not vary over."""
        return Array((), np.array(float(np.prod([len(self.scope.labels[d]) for d in over if d not in dims]))))

    def _indicator(self, which: Callable[[Values], Values]) -> Array:
        return Array((TIME,), which(np.arange(len(self.scope.labels[TIME]))).astype(float))

    def _previous(self, inner: Linear, first: Node | None) -> Linear:
        later, start = self._indicator(lambda t: t > 0), self._indicator(lambda t: t == 0)
        terms = tuple(term.each(lambda a: a.along(TIME, _shift)).times(later) for term in inner.terms)
        const = combine(np.multiply, inner.const.along(TIME, _shift), later)
        before = inner.defined.along(TIME, _shift)
        if first is None:
            return Linear(inner.dims, terms, const, combine(np.multiply, before, later))
        opening = self.linear(first)
        found = Linear(inner.dims, terms, const, combine(np.maximum, before, start))
        return found.add(opening.times(start))

    def _so_far(self, inner: Linear) -> Linear:
        earlier: Hashable = (TIME, next(_FRESH))
        years = len(self.scope.labels[TIME])
        until = Array((TIME, earlier), np.tril(np.ones((years, years))))
        counted = Array((TIME,), np.arange(1.0, years + 1))
        terms = tuple(
            term.each(lambda a: a.rename({TIME: earlier})).times(until) if TIME in term.dims else term.times(counted)
            for term in inner.terms
        )
        running = combine(np.multiply, inner.const, Array((TIME,), np.ones(years)))
        return Linear(inner.dims, terms, running.along(TIME, lambda v: v.cumsum(axis=0)), inner.defined)

    def _pick(self, inner: Linear, dim: str, place: int) -> Linear:
        return inner.each(lambda a: a.pick(dim, place), tuple(d for d in inner.dims if d != dim))

    def _groups(self, node: Node, by: str, over: Sequence[str]) -> Array:
        """Flags over a dim and the column that groups it: 1 where a label is in a group."""
        if by not in self.scope.groups:
            raise RuleError(node.text, f"groups by {by!r}, which is a dim, not a column of the table of one")
        group = self.scope.groups[by]
        dims = [d for d in over if self.scope.copies.get(d, d) in group.dims]
        if len(dims) > 1:
            words = f"groups by {by!r}, which {' and '.join(dims)} both have; sum over one of them inside"
            raise RuleError(node.text, words)
        dim = next(iter(dims), None)
        if dim is None:
            raise RuleError(node.text, f"groups by {by!r}, a column of the table of {group.dims[0]}; sum over that too")
        flags = group.values[:, None] == np.arange(len(self.scope.labels[by]))
        return Array((dim, by), flags.astype(float))

    def _place(self, node: Node, dim: str, label: str) -> int:
        known = self.scope.labels[dim]
        if label not in known:
            shown = f"there are {', '.join(known)}" if len(known) <= 8 else f"there are {len(known)}, as {known[0]!r}"
            raise RuleError(node.text, f"is at {dim} {label!r}; {shown}{nearest(label, known)}")
        return known.index(label)


TESTS: Mapping[str, Callable[[Values, Values], Values]] = {
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
}


def _shift(values: Values) -> Values:
    """Each step takes what the step before had; the first repeats itself and is multiplied by 0 afterwards."""
    return np.concatenate([values[:1], values[:-1]])


@dataclass(frozen=True, eq=False)
class Compressed:
    """Non-zero coefficients row after row: those of row i are at ``starts[i]`` up to ``starts[i + 1]``."""

    starts: Values
    column: Values
    value: Values


def compressed(terms: Sequence[Term], dims: Dims, shape: Sequence[int]) -> Iterator[Compressed]:
    """The terms of an expression over ``dims`` spelt out, rows numbered in C order of ``dims``."""
    count = math.prod(shape)
    for term in terms:
        full = union(dims, term.dims)
        sizes = dict(zip(dims, shape, strict=True))
        for array in (term.cols, term.coef):
            sizes |= dict(zip(array.dims, array.values.shape, strict=True))
        whole = [sizes[d] for d in full]
        _refuse_huge(whole)
        apart = term.cols.over(full), term.coef.over(full).astype(float)
        col, coef = (np.broadcast_to(array, whole) for array in apart)
        if np.all(apart[0] != NO_COLUMN) and np.all(apart[1] != 0):
            each = col.size // max(count, 1)
            yield Compressed(np.arange(count + 1) * each, col.flatten(), coef.flatten())
            continue
        kept = (col != NO_COLUMN) & (coef != 0)
        many = np.count_nonzero(kept.reshape(count, kept.size // max(count, 1)), axis=1)
        starts = np.concatenate([[0], np.cumsum(many)])
        yield Compressed(starts, col[kept], coef[kept])
