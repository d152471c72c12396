"""Rule text to a small syntax tree, and nothing else: what is not on the list is refused, and nothing runs.

The syntax is Python's, read by the standard ``ast`` module: numbers, names, ``+ - * /``, one comparison or a
two-sided chain, and the functions of ``FORMS``. Conditions (for ``where``) add ``and``, ``or`` and ``not``.
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from allocate.errors import nearest

LONGEST: Final = 4000
"""Characters in a rule: longer text is a mistake or an attack."""

DEEPEST: Final = 100
"""Levels of a tree: no person reads deeper, and everything that walks a tree calls itself once or twice a level."""

STRANGE: Final = re.compile(r"[^A-Za-z0-9_ .,+\-*/<>=!()\[\]]")
"""A character that no rule uses outside quotes; letters of other alphabets only look like names."""

QUOTED: Final = re.compile(r"\"[^\"\\]*\"|'[^'\\]*'")
"""A label in quotes."""

ARITHMETIC: Final[dict[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.LtE: "<=",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.Lt: "<",
    ast.Gt: ">",
    ast.NotEq: "!=",
}
FORMS: Final = {
    "sum": "sum(expression, over=dim)",
    "previous": "previous(expression, first=expression)",
    "so_far": "so_far(expression)",
    "last": "last(expression)",
    "at": 'at(expression, dim=other_dim) or at(expression, dim="label")',
}
MEANINGS: Final = {
    "sum": "The sum over a dim or `[dims]`; `by` names a column of the table of spaces, whose groups then stay apart.",
    "previous": "The year before; in the first year `first`, or no row at all where `first` is left out.",
    "so_far": "The running sum over the years.",
    "last": "The last year.",
    "at": "At the other index of a pair (a dim declared `copy_of`), or at one label.",
}
OPTIONS: Final = {"sum": {"over", "by"}, "previous": {"first"}, "so_far": set[str](), "last": set[str]()}
"""What may follow the expression; in ``at`` it is the name of any dim."""


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
    """``sum(operand, over=[dims])``; ``by`` names a column of the table of one of the dims, whose groups stay apart."""

    operand: Node
    over: tuple[str, ...]
    by: str | None
    text: str


@dataclass(frozen=True)
class At:
    """``at(operand, dim=other)`` renames a dim to its copy; ``at(operand, dim="label")`` picks one label of it."""

    operand: Node
    dim: str
    label: str | None
    other: str | None
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


type Node = Number | Name | Negate | Arithmetic | Total | At | Along | Compare | Logic


@lru_cache(maxsize=1000)
def read_rule(text: str) -> Compare:
    """Read one comparison, ``a <= b``, ``a >= b``, ``a == b``, or a chain ``data <= expression <= data``.

    >>> read_rule("sum(spend, over=space) <= budget").signs
    ('<=',)

    Raises :class:`RuleError` naming the piece that is refused.
    """
    node = _parse(text)
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


@lru_cache(maxsize=1000)
def read_expression(text: str) -> Node:
    """Read an expression without comparisons, such as a goal or a derived datum.

    >>> read_expression("worth * in_band").text
    'worth * in_band'
    """
    node = _parse(text)
    refuse_conditions(node)
    return node


@lru_cache(maxsize=1000)
def read_condition(text: str) -> Node:
    """Read a condition on data, such as ``tier_size > 0 and may_fund``: logic outside, comparisons, numbers inside."""
    node = _parse(text)
    parts = [node]
    while parts:
        part = parts.pop()
        if isinstance(part, Logic):
            parts.extend(part.parts)
        else:
            for number in part.sides if isinstance(part, Compare) else (part,):
                refuse_conditions(number)
    return node


def refuse_conditions(node: Node) -> None:
    """Raise :class:`RuleError` if a comparison or logic stands where a number is wanted."""
    if isinstance(node, Compare | Logic):
        raise RuleError(node.text, "is a condition where a number is wanted")
    for child in children(node):
        refuse_conditions(child)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Negate(operand=operand) | Total(operand=operand) | At(operand=operand):
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


def _parse(text: str) -> Node:
    line = " ".join(text.split())
    if not line:
        raise RuleError("", "is empty")
    if len(text) > LONGEST:
        raise RuleError(text, f"is {len(text)} characters long; a rule has at most {LONGEST}")
    if strange := STRANGE.search(QUOTED.sub("", line)):
        called = unicodedata.name(strange[0], f"number {ord(strange[0])}").lower()
        raise RuleError(text, f"has the character {strange[0]!r} ({called}), which no rule uses")
    if any(not label.isprintable() for label in QUOTED.findall(line)):
        raise RuleError(text, "has a label that cannot be printed")
    try:
        with warnings.catch_warnings(action="error"):
            body = ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError) as error:
        if "nested" not in str(error):
            why = error.msg if isinstance(error, SyntaxError) else str(error)
            raise RuleError(text, f"cannot be read: {why}") from None
        body = None
    except (RecursionError, MemoryError):
        body = None
    if body is None or (len(line) > DEEPEST and _depth(body) > DEEPEST):
        raise RuleError(text, f"is nested more than {DEEPEST} deep; write it in steps")
    return _read(body, line)


def _depth(node: ast.AST) -> int:
    depth, level = 0, [node]
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _read(node: ast.expr, line: str) -> Node:
    text = line.encode()[node.col_offset : node.end_col_offset].decode()  # ast counts bytes

    def read(node: ast.expr) -> Node:
        return _read(node, line)

    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as value):
            if not value < 1e300:
                raise RuleError(text, "is not a finite number")
            return Number(float(value), text)
        case ast.Name(id=name):
            return Name(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Negate(read(operand), text)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Logic("not", (read(operand),), text)
        case ast.BoolOp(op=op, values=values):
            return Logic("and" if isinstance(op, ast.And) else "or", tuple(map(read, values)), text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return Arithmetic(read(left), ARITHMETIC[type(op)], read(right), text)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARISONS for op in ops):
            if len(ops) > 2:
                raise RuleError(text, "is a chain of more than three; write two rules")
            signs = tuple(COMPARISONS[type(op)] for op in ops)
            return Compare(tuple(map(read, [left, *others])), signs, text)
        case ast.Call(func=ast.Name(id=name), args=[ast.expr() as inside]):
            options = {str(keyword.arg): keyword.value for keyword in node.keywords}
            if name in FORMS and len(options) == len(node.keywords) and set(options) <= OPTIONS.get(name, set(options)):
                return _read_call(name, read(inside), options, text, line)
    raise RuleError(text, _refusal(node))


def _refusal(node: ast.expr) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in FORMS:
            return f"is not of the form {FORMS[name]}"
        case ast.Call(func=ast.Name(id=name)):
            return f"calls an unknown function; known: {', '.join(FORMS)}{nearest(name, FORMS)}"
        case ast.Constant(value=str()):
            return f"is a label; labels stand only in {FORMS['at']}"
    return "is not allowed in a rule"


def _read_call(name: str, inner: Node, options: dict[str, ast.expr], text: str, line: str) -> Node:
    match name:
        case "sum" if "over" not in options:
            raise RuleError(text, "does not say over which dims; write sum(expression, over=[dims])")
        case "sum":
            return Total(inner, _dims(options["over"], text), _column(options.get("by"), text), text)
        case "at":
            return _at(inner, options, text)
    return Along(name, inner, _read(options["first"], line) if "first" in options else None, text)


def _column(node: ast.expr | None, text: str) -> str | None:
    if node is None or isinstance(node, ast.Name):
        return None if node is None else node.id
    raise RuleError(text, "needs by=column, the name of one column")


def _at(inner: Node, options: dict[str, ast.expr], text: str) -> Node:
    """One node a dim."""
    if not options:
        raise RuleError(text, f"does not say where; write {FORMS['at']}")
    for dim, value in options.items():
        match value:
            case ast.Name(id=other):
                inner = At(inner, dim, None, other, text)
            case ast.Constant(value=str() | int() as label) if not isinstance(label, bool):
                inner = At(inner, dim, str(label), None, text)
            case _:
                raise RuleError(text, f"is not of the form {FORMS['at']}")
    return inner


def _dims(node: ast.expr, text: str) -> tuple[str, ...]:
    parts = node.elts if isinstance(node, ast.List) else [node]
    names = tuple(part.id for part in parts if isinstance(part, ast.Name))
    if len(names) < len(parts) or not names:
        raise RuleError(text, "needs over=dim or over=[dim, dim]")
    if len(set(names)) < len(names):
        raise RuleError(text, "sums over a dim twice")
    return names
