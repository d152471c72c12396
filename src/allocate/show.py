"""A model as mathematics: for the eye in a terminal, and for a paper in LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allocate.checks import check
from allocate.names import TIME
from allocate.people.declared import STEPS, inputs
from allocate.rules.latex import latex_of, letters
from allocate.rules.tree import Node, read_condition, read_expression, read_rule
from allocate.spec import GoalSpec, Model, RuleSpec

ESCAPED = str.maketrans({c: "\\" + c for c in "#$%&_{}"} | {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"})


def as_text(model: Model, said: Iterable[str] = ()) -> str:
    """The model as plain text: its goals, its rules with their reasons, what it decides and what it is told.

    >>> from allocate.read import read_model
    >>> as_text(read_model("grant_consolidation")).splitlines()[0]
    'Grant consolidation'

    Raises :class:`allocate.errors.InputError` if a rule cannot be read or its units disagree.
    """
    check(model)
    lines = [model.name, f"  {model.why}", ""]
    changed = list(said)
    if changed:
        lines += ["What changes", *(f"  {line}" for line in changed), ""]
    lines += ["Goals, in order"]
    for number, goal in enumerate(model.active_goals, start=1):
        lines += [f"  {number}. {_goal(goal)}", *_reason(goal.why)]
    lines += _rules("Rules", model.active_rules)
    lines += _rules("Ready, but not active", {n: r for n, r in model.rules.items() if not r.active})
    resting = [goal for goal in model.goals if not goal.active]
    lines += ["", "Goals that are ready, but not active"] if resting else []
    for goal in resting:
        lines += [f"  {_goal(goal)}", *_reason(goal.why)]
    lines += ["", "Decided"]
    for name, variable in model.variables.items():
        where = f"  where {variable.where}" if variable.where else ""
        kind = "" if variable.kind == "continuous" else f", {variable.kind},"
        bounds = f"{kind}  between {variable.lower} and {variable.upper}"
        lines += [f"  {name} [{variable.unit}]{_each(variable.over)}{bounds}{where}", *_reason(variable.why)]
    lines += ["", "Counted of a plan"] if model.expressions else []
    for name, spec in model.expressions.items():
        lines += [f"  {name} [{spec.unit}]{_each(spec.over)} = {spec.rule}", *_reason(spec.why)]
    lines += ["", "Derived"]
    for name, derived in model.derived.items():
        rounded = f"  (rounded {derived.round} to whole published units)" if derived.round else ""
        lines += [f"  {name} [{derived.unit}] = {derived.rule}{rounded}", *_reason(derived.why)]
    lines += ["", *_given(model)]
    if model.ties.nearest:
        pairs = ", ".join(f"{variable} to {datum}" for variable, datum in model.ties.nearest.items())
        lines += ["", f"Among equally good plans: the one nearest in {pairs}"]
    return "\n".join(lines)


def as_steps(said: Iterable[str] = ()) -> str:
    """A projection as plain text: what happens in a step, what things vary over, and what it is told.

    >>> as_steps().splitlines()[0]
    'People and services'
    """
    model, changed = inputs(), list(said)
    lines = [model.name, f"  {model.why}", ""]
    if changed:
        lines += ["What changes", *(f"  {line}" for line in changed), ""]
    lines += ["In each step", *(f"  {number}. {words}" for number, words in enumerate(STEPS, start=1)), ""]
    lines += ["Over", *(f"  {dim}: {words}" for dim, words in model.dim_whys.items()), ""]
    return "\n".join([*lines, *_given(model)])


def _given(model: Model) -> list[str]:
    lines = ["Given"]
    for name, data in model.data.items():
        default = "" if data.default is None else f"  (where it is not given: {data.default})"
        lines += [f"  {name} [{data.unit}]{_each(data.over)}{default}", *_reason(data.why)]
        lines += _reason(", ".join(f"{key} = {value}" for key, value in data.named.items()), "may use: ")
    return lines


def _goal(goal: GoalSpec) -> str:
    verb = f"leximin over {', '.join(goal.over)}:" if goal.leximin else f"{goal.sense}imise"
    share = goal.give if isinstance(goal.give, str) else f"{goal.give:.3g} of its value"
    given = f"  (later goals may cost it {share})" if goal.give else ""
    return f"{verb} {goal.name}:  {goal.rule}{given}"


def _rules(title: str, rules: Mapping[str, RuleSpec]) -> list[str]:
    lines = ["", title] if rules else []
    for name, rule in rules.items():
        lines += [f"  {name}{_each(rule.over)}", f"      {rule.rule}"]
        lines += [*_reason(rule.why), *_reason(rule.law, "law: "), *_reason(rule.owner, "owner: ")]
    return lines


def _each(over: tuple[str, ...]) -> str:
    return f"  for each {', '.join(over)}" if over else ""


def _reason(words: str, label: str = "") -> list[str]:
    return [f"      {label}{words}"] if words else []


def as_latex(model: Model) -> str:
    r"""The model as a LaTeX document (article, amsmath).

    >>> from allocate.read import read_model
    >>> r"\max" in as_latex(read_model("grant_consolidation"))
    True

    Raises :class:`allocate.errors.InputError` if a rule cannot be read or its units disagree.
    """
    check(model)
    index = letters([*model.dims, *model.groups])
    kinds = (model.data, model.derived, model.variables, model.expressions)
    dims = {name: spec.over for specs in kinds for name, spec in specs.items()}

    def tex(node: Node) -> str:
        return latex_of(node, dims, index, TIME)

    def sets(over: tuple[str, ...]) -> str:
        return r"\quad \forall\, " + ", ".join(index[d] for d in over) if over else ""

    lines = [r"\documentclass{article}", r"\usepackage{amsmath}", r"\begin{document}"]
    lines += [rf"\section*{{{_escape(model.name)}}}", _escape(model.why), r"\begin{description}"]
    lines += [rf"\item[${index[dim]}$] {_escape(dim)}: {_escape(words)}" for dim, words in model.dim_whys.items()]
    lines += [r"\end{description}", r"\subsection*{Goals, in order}"]
    for goal in model.active_goals:
        sense = (
            rf"\operatorname{{lex}}\max\min_{{{','.join(index[d] for d in goal.over)}}}"
            if goal.leximin
            else rf"\{goal.sense}"
        )
        lines += [_escape(goal.name) + r"\nopagebreak", rf"\[ {sense} \; {tex(read_expression(goal.rule))} \]"]
    lines += [r"\subsection*{Rules}"]
    for name, rule in model.active_rules.items():
        words = f"{name}: {rule.why}" if rule.why else name
        lines += [_escape(words) + r"\nopagebreak", rf"\[ {tex(read_rule(rule.rule))} {sets(rule.over)} \]"]
    lines += [r"\subsection*{Decided}"]
    for name, variable in model.variables.items():
        where = rf" \quad \text{{where }} {tex(read_condition(variable.where))}" if variable.where else ""
        lower, upper = (_bound(end, dims, index) for end in (variable.lower, variable.upper))
        body = tex(read_expression(name))
        lines += [rf"\[ {lower} \le {body} \le {upper} \;[\text{{{variable.unit}}}] {sets(variable.over)}{where} \]"]
    for title, made in (("Counted", model.expressions), ("Derived", model.derived)):
        lines += [rf"\subsection*{{{title}}}"] if made or title == "Derived" else []
        for name, spec in made.items():
            lines += [rf"\[ {tex(read_expression(name))} = {tex(read_expression(spec.rule))} {sets(spec.over)} \]"]
    return "\n".join([*lines, r"\end{document}"])


def _escape(text: str) -> str:
    return text.translate(ESCAPED)


def _bound(bound: float | str, dims: dict[str, tuple[str, ...]], index: dict[str, str]) -> str:
    if bound in ("inf", "-inf"):
        return str(bound).replace("inf", r"\infty")
    return latex_of(read_expression(str(bound)), dims, index, TIME) if isinstance(bound, str) else f"{bound:g}"
