r"""The third reading of a rule: mathematics for the eye."""

from __future__ import annotations

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
        free = [c for c in dim + "ijklmnabcdefghopqrstuvwxyz" if c.isalpha() and c not in chosen.values()]
        chosen[dim] = free[0]
    return chosen


def latex_of(node: Node, dims: Mapping[str, tuple[str, ...]], index: Mapping[str, str], time: str) -> str:
    r"""A tree as LaTeX; ``dims`` gives the dims of every name, ``index`` the letter of every dim.

    >>> from allocate.rules.tree import read_rule
    >>> rule = read_rule("sum(spend, over=space) <= budget")
    >>> print(latex_of(rule, {"spend": ("space",), "budget": ()}, {"space": "s"}, "year"))
    \sum_{s} \mathit{spend}_{s} \le \mathit{budget}
    """

    def show(node: Node, t: str) -> str:
        match node:
            case Number(text=text):
                return text
            case Name(name=name):
                marks = ",".join(t if d == time else index[d] for d in dims.get(name, ()))
                word = name.replace("_", r"\_")
                return rf"\mathit{{{word}}}" + (f"_{{{marks}}}" if marks else "")
            case Negate(operand=operand):
                return "-" + wrap(operand, t)
            case Total(operand=operand, over=over):
                return rf"\sum_{{{','.join(index[d] for d in over)}}} " + wrap(operand, t)
            case Along(how="previous", operand=operand, first=None):
                return show(operand, f"{t}-1")
            case Along(how="previous", operand=operand, first=first) if first is not None:
                rows = rf"{show(first, t)} & {t} = 1 \\ {show(operand, f'{t}-1')} & {t} > 1"
                return rf"\begin{{cases}} {rows} \end{{cases}}"
            case Along(how="last", operand=operand):
                return wrap(operand, index[time].upper())
            case Along(operand=operand):
                return rf"\sum_{{{t}' \le {t}}} " + wrap(operand, f"{t}'")
            case Arithmetic(left=left, sign="/", right=right):
                return rf"\frac{{{show(left, t)}}}{{{show(right, t)}}}"
            case Arithmetic(left=left, sign="*", right=right):
                return rf"{wrap(left, t)} \, {wrap(right, t)}"
            case Arithmetic(left=left, sign=sign, right=right):
                return f"{show(left, t)} {sign} {wrap(right, t) if sign == '-' else show(right, t)}"
            case Compare(sides=sides, signs=signs):
                rest = (f" {SIGNS[sign]} {show(side, t)}" for sign, side in zip(signs, sides[1:], strict=True))
                return show(sides[0], t) + "".join(rest)
            case Logic(how="not", parts=parts):
                return rf"\lnot {wrap(parts[0], t)}"
            case Logic(how=how, parts=parts):
                return (r" \land " if how == "and" else r" \lor ").join(wrap(part, t) for part in parts)

    def wrap(node: Node, t: str) -> str:
        loose = isinstance(node, Compare | Logic | Negate) or (isinstance(node, Arithmetic) and node.sign in "+-")
        return rf"\left( {show(node, t)} \right)" if loose else show(node, t)

    return show(node, index.get(time, ""))
