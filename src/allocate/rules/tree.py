"""Rule text to a small syntax tree, and nothing else: what is not on the list is refused, and nothing runs.

The syntax is Python's, read by the standard ``ast`` module: numbers, names, ``+ - * /``, one comparison or a
two-sided chain, ``sum(expr, over=dim)`` and, along the ordered dim, ``previous``, ``so_far`` and ``last``.
Conditions (for ``where``) add ``and``, ``or`` and ``not``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final

from allocate.errors import nearest

LONGEST: Final = 4000
"""Characters in a rule: longer text is a mistake or an attack, and ``ast`` would recurse too deep on it."""

ARITHMETIC: Final[dict[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.LtE: "<=",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.Lt: "<",
    ast.Gt: ">",
    ast.NotEq: "!=",
}
ALONG: Final = ("previous", "so_far", "last")
FUNCTIONS: Final = ("sum", *ALONG)


class RuleError(ValueError):
    """A rule cannot be read: the piece that is wrong, and why."""

    def __init__(self, piece: str, words: str) -> None:
        self.piece, self.words = piece, words
        shown = piece if len(piece) <= 120 else piece[:117] + "..."
        super().__init__(f"{shown!r} {words}" if piece else words)


@dataclass(frozen=True)
class Number:
    value: float
    text: str


@dataclass(frozen=True)
class Name:
    name: str

    @property
    def text(self) -> str:
        return self.name


@dataclass(frozen=True)
class Negate:
    operand: Node
    text: str


@dataclass(frozen=True)
class Arithmetic:
    left: Node
    sign: str
    right: Node
    text: str


@dataclass(frozen=True)
class Total:
    """``sum(operand, over=[dims])``."""

    operand: Node
    over: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Along:
    """A walk along the ordered dim: ``previous`` (with what comes ``first``), ``so_far`` or ``last``."""

    how: str
    operand: Node
    first: Node | None
    text: str


@dataclass(frozen=True)
class Compare:
    """``sides[0] signs[0] sides[1]``, or a chain of three sides and two signs."""

    sides: tuple[Node, ...]
    signs: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Logic:
    """``and``, ``or`` or ``not`` of conditions."""

    how: str
    parts: tuple[Node, ...]
    text: str


type Node = Number | Name | Negate | Arithmetic | Total | Along | Compare | Logic


def read_rule(text: str) -> Compare:
    """Read one comparison, ``a <= b``, ``a >= b``, ``a == b``, or a chain ``data <= expression <= data``.

    >>> read_rule("sum(spend, over=space) <= budget").signs
    ('<=',)

    Raises :class:`RuleError` naming the piece that is refused.
    """
    node = _read(_parse(text))
    if not isinstance(node, Compare):
        raise RuleError(text, "needs a comparison: one of <=, >=, ==")
    for sign in node.signs:
        if sign not in ("<=", ">=", "=="):
            raise RuleError(text, f"compares with {sign}; a rule uses <=, >= or ==")
    if len(node.signs) == 2 and len(set(node.signs)) != 1:
        raise RuleError(text, "is a chain that turns round; write low <= expression <= high")
    if len(node.signs) == 2 and "==" in node.signs:
        raise RuleError(text, "is a chain of ==; write two rules")
    for side in node.sides:
        refuse_conditions(side)
    return node


def read_expression(text: str) -> Node:
    """Read an expression without comparisons, such as a goal or a derived datum.

    >>> read_expression("worth * in_band").text
    'worth * in_band'
    """
    node = _read(_parse(text))
    refuse_conditions(node)
    return node


def read_condition(text: str) -> Node:
    """Read a condition on data, such as ``tier_size > 0 and may_fund``."""
    return _read(_parse(text))


def refuse_conditions(node: Node) -> None:
    """Raise :class:`RuleError` if a comparison or logic stands where a number is wanted."""
    if isinstance(node, Compare | Logic):
        raise RuleError(node.text, "is a condition where a number is wanted")
    for child in children(node):
        refuse_conditions(child)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Negate(operand=operand) | Total(operand=operand):
            return (operand,)
        case Along(operand=operand, first=first):
            return (operand,) if first is None else (operand, first)
        case Arithmetic(left=left, right=right):
            return (left, right)
        case Compare(sides=sides):
            return sides
        case Logic(parts=parts):
            return parts
    return ()


def names_in(node: Node) -> set[str]:
    """Every name that a tree mentions.

    >>> sorted(names_in(read_expression("a * sum(b, over=s)")))
    ['a', 'b']
    """
    found = {node.name} if isinstance(node, Name) else set()
    return found.union(*(names_in(child) for child in children(node)))


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise RuleError(text, f"is {len(text)} characters long; a rule has at most {LONGEST}")
    try:
        return ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else "too deep"
        raise RuleError(text, f"cannot be read: {why}") from None


def _read(node: ast.expr) -> Node:
    text = ast.unparse(node)
    match node:
        case ast.Constant(value=bool()):
            raise RuleError(text, "is not allowed in a rule")
        case ast.Constant(value=int() | float() as value):
            if not abs(value) < 1e300:
                raise RuleError(text, "is not a finite number")
            return Number(float(value), text)
        case ast.Name(id=name):
            return Name(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Negate(_read(operand), text)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Logic("not", (_read(operand),), text)
        case ast.BoolOp(op=op, values=values):
            return Logic("and" if isinstance(op, ast.And) else "or", tuple(map(_read, values)), text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return Arithmetic(_read(left), ARITHMETIC[type(op)], _read(right), text)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARISONS for op in ops):
            if len(ops) > 2:
                raise RuleError(text, "is a chain of more than three; write two rules")
            signs = tuple(COMPARISONS[type(op)] for op in ops)
            return Compare(tuple(map(_read, [left, *others])), signs, text)
        case ast.Call(func=ast.Name(id=name)):
            return _read_call(name, node, text)
    raise RuleError(text, "is not allowed in a rule")


def _read_call(name: str, node: ast.Call, text: str) -> Node:
    if name not in FUNCTIONS:
        words = f"calls an unknown function; known: {', '.join(FUNCTIONS)}{nearest(name, FUNCTIONS)}"
        raise RuleError(text, words)
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    allowed = {"sum": {"over"}, "previous": {"first"}}.get(name, set())
    if len(node.args) != 1 or set(options) - allowed:
        shape = {"sum": "sum(expression, over=dim)", "previous": "previous(expression, first=expression)"}
        raise RuleError(text, f"is not of the form {shape.get(name, f'{name}(expression)')}")
    inner = _read(node.args[0])
    if name == "sum":
        if "over" not in options:
            raise RuleError(text, "does not say over which dims; write sum(expression, over=[dims])")
        return Total(inner, _dims(options["over"], text), text)
    first = _read(options["first"]) if "first" in options else None
    return Along(name, inner, first, text)


def _dims(node: ast.expr, text: str) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.List(elts=parts) if parts and all(isinstance(part, ast.Name) for part in parts):
            names = tuple(part.id for part in parts if isinstance(part, ast.Name))
            if len(set(names)) == len(names):
                return names
            raise RuleError(text, "sums over a dim twice")
    raise RuleError(text, "needs over=dim or over=[dim, dim]")
