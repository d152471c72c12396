r"""The third reading of a rule: mathematics for the eye."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping

from allocate.rules.tree import Along, Arithmetic, At, Compare, Logic, Name, Negate, Node, Number, Total

SIGNS = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne", "<": "<", ">": ">"}


def letters(dims: Iterable[str]) -> dict[str, str]:
    """One index letter a dim: its first letter that is still free.

    >>> letters(["space", "service", "pool", "purpose"])
    {'space': 's', 'service': 'e', 'pool': 'p', 'purpose': 'u'}
    """
    chosen: dict[str, str] = {}
    for dim in dims:
        offered = [c for c in (dim + string.ascii_letters) if c.isalpha()] + [f"i_{{{len(chosen)}}}"]
        chosen[dim] = next(c for c in offered if c not in chosen.values())
    return chosen


def latex_of(node: Node, dims: Mapping[str, tuple[str, ...]], index: Mapping[str, str], time: str) -> str:
    r"""A tree as LaTeX; ``dims`` gives the dims of every name, ``index`` the letter of every dim.

    >>> from allocate.rules.tree import read_rule
    >>> rule = read_rule("sum(spend, over=space) <= budget")
    >>> print(latex_of(rule, {"spend": ("space",), "budget": ()}, {"space": "s"}, "year"))
    \sum_{s} \mathit{spend}_{s} \le \mathit{budget}
    """

    marks = {**index, time: index.get(time, "")}

    def show(node: Node, at: Mapping[str, str]) -> str:
        match node:
            case Number(value=value):
                return _number(value)
            case Name(name=name):
                below = ",".join(at[d] for d in dims.get(name, ()))
                word = name.replace("_", r"\_")
                return rf"\mathit{{{word}}}" + (f"_{{{below}}}" if below else "")
            case Negate(operand=operand):
                return "-" + wrap(operand, at)
            case Total(operand=operand, over=over, by=by):
                group = "" if by is None else rf" \in {at[by]}"
                return rf"\sum_{{{','.join(index[d] for d in over)}{group}}} " + wrap(
                    operand, {**at, **_of(over, marks)}
                )
            case At(operand=operand, dim=dim, label=None, other=other):
                return show(operand, {**at, dim: at[str(other)]})
            case At(operand=operand, dim=dim, label=label):
                return show(operand, {**at, dim: rf"\text{{{_plain(str(label))}}}"})
            case Along(how="previous", operand=operand, first=None):
                return show(operand, {**at, time: f"{at[time]}-1"})
            case Along(how="previous", operand=operand, first=first) if first is not None:
                before = show(operand, {**at, time: f"{at[time]}-1"})
                rows = rf"{show(first, at)} & {at[time]} = 1 \\ {before} & {at[time]} > 1"
                return rf"\begin{{cases}} {rows} \end{{cases}}"
            case Along(how="last", operand=operand):
                return wrap(operand, {**at, time: index[time].upper()})
            case Along(operand=operand):
                earlier = marks[time] + "'" * (at[time].count("'") + 1)
                return rf"\sum_{{{earlier} \le {at[time]}}} " + wrap(operand, {**at, time: earlier})
            case Arithmetic(left=left, sign="/", right=right):
                return rf"\frac{{{show(left, at)}}}{{{show(right, at)}}}"
            case Arithmetic(left=left, sign="*", right=right):
                return rf"{wrap(left, at, closed=True)} \, {wrap(right, at)}"
            case Arithmetic(left=left, sign=sign, right=right):
                plain = sign == "+" and not isinstance(right, Negate)
                return f"{show(left, at)} {sign} {show(right, at) if plain else wrap(right, at)}"
            case Compare(sides=sides, signs=signs):
                rest = (f" {SIGNS[sign]} {show(side, at)}" for sign, side in zip(signs, sides[1:], strict=True))
                return show(sides[0], at) + "".join(rest)
            case Logic(how="not", parts=parts):
                return rf"\lnot {wrap(parts[0], at)}"
            case Logic(how=how, parts=parts):
                return (r" \land " if how == "and" else r" \lor ").join(wrap(part, at) for part in parts)

    def wrap(node: Node, at: Mapping[str, str], closed: bool = False) -> str:
        return rf"\left( {show(node, at)} \right)" if _loose(node, closed) else show(node, at)

    return show(node, marks)


def _of(over: Iterable[str], marks: Mapping[str, str]) -> dict[str, str]:
    """The own marks of what is summed over: inside a sum an index is its own again."""
    return {dim: marks[dim] for dim in over}


def _plain(label: str) -> str:
    return "".join(rf"\{c}" if c in "#$%&_{}" else c for c in label if c not in "\\^~")


def _loose(node: Node, closed: bool) -> bool:
    """Whether a factor needs brackets; ``closed`` says that something follows, which a sum must not swallow."""
    match node:
        case Along(how="previous", operand=operand, first=None) | At(operand=operand):
            return _loose(operand, closed)
        case Along(how="last", operand=operand):
            return closed and _loose(operand, closed) and not _loose(operand, False)
        case Along(how="so_far") | Total():
            return closed
        case Arithmetic(sign="*", right=right):
            return closed and _loose(right, closed)
        case Arithmetic(sign="+" | "-"):
            return True
    return isinstance(node, Compare | Logic | Negate)


def _number(value: float) -> str:
    """A number without Python's letters: ``1e-09`` is written as a power of ten."""
    digits, _, power = f"{value:.15g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(power)}}}" if power else digits
