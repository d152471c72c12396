r"""The third reading of a rule: mathematics for the eye."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping

from allocate.rules.tree import Along, Arithmetic, Compare, Logic, Name, Negate, Node, Number, Total

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

    now = index.get(time, "")

    def show(node: Node, t: str) -> str:
        match node:
            case Number(value=value):
                return _number(value)
            case Name(name=name):
                marks = ",".join(t if d == time else index[d] for d in dims.get(name, ()))
                word = name.replace("_", r"\_")
                return rf"\mathit{{{word}}}" + (f"_{{{marks}}}" if marks else "")
            case Negate(operand=operand):
                return "-" + wrap(operand, t)
            case Total(operand=operand, over=over):
                return rf"\sum_{{{','.join(index[d] for d in over)}}} " + wrap(operand, now if time in over else t)
            case Along(how="previous", operand=operand, first=None):
                return show(operand, f"{t}-1")
            case Along(how="previous", operand=operand, first=first) if first is not None:
                rows = rf"{show(first, t)} & {t} = 1 \\ {show(operand, f'{t}-1')} & {t} > 1"
                return rf"\begin{{cases}} {rows} \end{{cases}}"
            case Along(how="last", operand=operand):
                return wrap(operand, index[time].upper())
            case Along(operand=operand):
                earlier = now + "'" * (t.count("'") + 1)
                return rf"\sum_{{{earlier} \le {t}}} " + wrap(operand, earlier)
            case Arithmetic(left=left, sign="/", right=right):
                return rf"\frac{{{show(left, t)}}}{{{show(right, t)}}}"
            case Arithmetic(left=left, sign="*", right=right):
                return rf"{wrap(left, t, closed=True)} \, {wrap(right, t)}"
            case Arithmetic(left=left, sign=sign, right=right):
                plain = sign == "+" and not isinstance(right, Negate)
                return f"{show(left, t)} {sign} {show(right, t) if plain else wrap(right, t)}"
            case Compare(sides=sides, signs=signs):
                rest = (f" {SIGNS[sign]} {show(side, t)}" for sign, side in zip(signs, sides[1:], strict=True))
                return show(sides[0], t) + "".join(rest)
            case Logic(how="not", parts=parts):
                return rf"\lnot {wrap(parts[0], t)}"
            case Logic(how=how, parts=parts):
                return (r" \land " if how == "and" else r" \lor ").join(wrap(part, t) for part in parts)

    def wrap(node: Node, t: str, closed: bool = False) -> str:
        return rf"\left( {show(node, t)} \right)" if _loose(node, closed) else show(node, t)

    return show(node, now)


def _loose(node: Node, closed: bool) -> bool:
    """Whether a factor needs brackets; ``closed`` says that something follows, which a sum must not swallow."""
    match node:
        case Along(how="previous", operand=operand, first=None):
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
