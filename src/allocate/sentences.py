"""What a run says, one sentence a finding, in the order that a reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from allocate import equity
from allocate.differences import amount
from allocate.findings import (
    DUST,
    FEW_SPACES,
    MOST,
    by_label,
    concentration,
    consolidation,
    cost_of_changes,
    reallocation,
    rests_on,
    scored_dims,
    spaces,
    spaces_at_a_limit,
)
from allocate.names import SPACE, STATUSES
from allocate.plan import GRADES, Plan
from allocate.program import Breach
from allocate.rules.tree import names_in, read_expression
from allocate.runs import Run
from allocate.statement import GenderStatement, Part, gender_statement, has_statement


@dataclass(frozen=True)
class Sentence:
    """One finding in words; ``warning`` marks what a reader must weigh before quoting the rest."""

    words: str
    warning: bool = False

    def __str__(self) -> str:
        return self.words


def sentences(run: Run) -> list[Sentence]:
    """What the run says, one sentence a finding, in the order that a reader asks."""
    plain = [*_values(run), *_sources(run), *_changes(run), *_winners(run)]
    gender = _women_and_men(run) if has_statement(run) else ()
    warned = [Sentence(words, warning=True) for words in _warned(run)]
    calm = [] if any(s.words.startswith("Concentration") for s in warned) else [Sentence(_NO_CONCENTRATION)]
    return [*map(Sentence, plain), *gender, *warned, *calm, *map(Sentence, _proof(run))]


_NO_CONCENTRATION = (
    f"Concentration: no single service and no {FEW_SPACES} spaces take more than {MOST:.0%} of money or outcome."
)


def _values(run: Run) -> Iterator[str]:
    moved = reallocation(run)
    if np.isnan(moved.share):
        yield "Value of reallocation: n/a; the actual split reaches no outcome that others could be compared with."
        return
    if run.fixed:
        yield "This plan is fixed, not chosen: it is shown to be compared with."
    yield (
        f"Value of reallocation: {moved} ({quantity(moved.amount, run.unit)}). Today's separate grants, each shared "
        f"out at its best over places and services within every rule, against {run.against}{_known(run)}."
    )
    merged = consolidation(run)
    if merged is None:
        yield "Value of consolidation: none asked; this scenario merges nothing that is free to move."
    else:
        yield (
            f"Value of consolidation: {merged} ({quantity(merged.amount, run.unit)}). "
            "The merged plan, against separate grants at their best."
        )


def _changes(run: Run) -> Iterator[str]:
    """What the scenario changes beside merging, set beside the model without it."""
    changed = cost_of_changes(run)
    if changed is not None:
        yield (
            f"What else the scenario changes: {changed} ({quantity(changed.amount, run.unit)}). "
            "Separate grants at their best under the scenario, against the same without it."
        )


def _known(run: Run) -> str:
    """How surely the actual split is known, by its least certain datum."""
    model, world = run.case.model, run.case.world
    target = model.ties.nearest[model.schedule.amount]
    names = names_in(read_expression(model.derived[target].rule)) if target in model.derived else {target}
    found = [world.data[n].attrs["status"] for n in names if n in world.data]
    worst = max(found, key=STATUSES.index, default="assumed")
    return "" if worst in ("counted", "published") else f" ({worst}, not recorded)"


def _sources(run: Run) -> Iterator[str]:
    """Which labels the value of a merger comes from, and which it takes from."""
    merged = consolidation(run)
    if merged is None or merged.sign <= 0:
        return
    for dim in scored_dims(run):
        frame = by_label(run, dim)
        gain = (frame["plan_outcome"] - frame["separate_outcome"]).set_axis(frame[dim])
        moved = gain[gain.abs() > 0.005 * merged.amount].sort_values(ascending=False, kind="stable")
        yield "It comes from: " + ", ".join(f"{label} {quantity(v, '')}" for label, v in moved.items()) + "."


def _winners(run: Run) -> Iterator[str]:
    frame = spaces(run)
    up, down = frame[frame["verdict"] == "gains"], frame[frame["verdict"] == "loses"]
    same = len(frame) - len(up) - len(down)
    yield (
        f"Of {len(frame)} spaces, {len(up)} gain {money(up['change'].sum(), run)}, {len(down)} lose "
        f"{money(-down['change'].sum(), run)} against {run.against}, and {same} keep it."
    )
    if len(up):
        yield "Most gained: " + "; ".join(_moved(row, run) for row in up.head(3).itertuples()) + "."
    if len(down):
        yield "Most lost: " + "; ".join(_moved(row, run) for row in down.tail(3).iloc[::-1].itertuples()) + "."
    yield from _spread(run)
    held = int(run.schedule.unallocated.sum())
    if held:
        yield f"{money(held, run)} is held back (UNALLOCATED): within the rules, no plan does better by spending it."


def _spread(run: Run) -> Iterator[str]:
    """How evenly, by the index that most people know; the others are in the report."""
    said = []
    for measure, rows in equity.indices(run).groupby("measure", sort=False):
        before, now = (float(rows.loc[rows["plan"] == equity.PLANS[p], "Gini"].iloc[0]) for p in ("baseline", "plan"))
        said.append(f"{measure} {before:.3f} before, {now:.3f} now")
    if said:
        yield f"Spread over spaces (Gini index, 0 is even): {'; '.join(said)}."


def _women_and_men(run: Run) -> Iterator[Sentence]:
    """Whom the money is for, what the rules that ask something for women cost, and what the data cannot answer."""
    said = gender_statement(run)
    women, female = (_part_of(parts) for parts in (said.sexes, said.heads[:2]))
    yield Sentence(
        f"Gender budget statement: {women[1]:.1%} of the money is for women, by their share of the people of a space "
        f"({women[0]:.1%} in the actual split), and {female[1]:.1%} of what can be scored for households headed by "
        f"women, by their share of the backlog ({female[0]:.1%})."
    )
    if said.prices:
        yield Sentence(f"Asked for women ({', '.join(price.rule for price in said.prices)}): {_asked(said, run)}")
    yield Sentence(f"Women and men: {_unanswered(said)}", warning=True)


def _part_of(parts: tuple[Part, ...]) -> tuple[float, float]:
    """The first part of the money over all parts, in the actual split and in the plan."""
    was, now = (sum(getattr(part, when) for part in parts) for when in ("was", "now"))
    return parts[0].was / max(was, 1), parts[0].now / max(now, 1)


def _asked(said: GenderStatement, run: Run) -> str:
    """What the rules that ask something for women cost, why where it is nothing, and what one unit less would buy."""
    cost, words, kept = said.cost, "", "the plan would keep it unasked."
    if said.aimed >= 1:
        kept = (
            f"{said.aimed:,.0f} households of one head are reached before those of the other, as far as targeting lets "
            "one choose; the money need not move."
        )
    if cost is not None and abs(cost.share) <= DUST:
        words = f"it costs nothing: {kept}"
    elif cost is not None:
        words = f"all that the scenario changes is {cost} of need met ({quantity(cost.amount, run.unit)})."
    for price in said.prices:
        if price.buys:
            words += f" Relaxing {price.rule} a little buys {quantity(price.buys, price.unit)} per {price.step}."
    meant = any(price.rule == "tagged" for price in said.prices)
    return (
        words + " A mark says what money is meant for, not whom it reaches: no headline rests on it." * meant
    ).strip()


def _unanswered(said: GenderStatement) -> str:
    """What becomes of the gap in need met at the ends of what is assumed."""
    found, total = said.holding, len(said.spaces)
    if not found.ends:
        return f"{found}."
    women, men = (f"{met.start:.1%}" for met in said.met)
    start, plan = (f"from {100 * low:+.0f} to {100 * high:+.0f} points" for low, high in (found.start, found.gap))
    who = f"in {found.unknown} of {total} spaces the data cannot say whether women or men are behind"
    if not found.unknown:
        who = "in every space the same side is behind at both ends"
    words = (
        f"households headed by women have {women} of their need met at the start, those headed by men {men}; but over "
        f"the range of who lacks what (assumed) the gap runs {start}: {who}."
    )
    if found.survives:
        return f"{words} What is asked for women survives both ends." if found.rules else words
    what = ", ".join(found.broken) or "Parity"
    return f"{words} {what} in this plan does not survive both ends ({plan}): the data cannot answer."


def _moved(row: Any, run: Run) -> str:
    share = "from nothing" if np.isnan(row.percent) else f"{row.percent:+.0f}%"
    return f"{row.name} {money(row.change, run, sign=True)} ({share})"


def money(units: float, run: Run, sign: bool = False) -> str:
    """Published units as a person writes money, to four figures."""
    rand = float(units) * run.schedule.unit
    shown = _brief(abs(rand), (("bn", 1e9), ("m", 1e6), ("k", 1e3)))
    return ("+" if rand > 0 else "-" if rand < 0 else "") * sign + f"R{shown}"


def quantity(amount: float, unit: str) -> str:
    """A change of an outcome with its sign, to four figures: ``+14.3 million weighted household-years``."""
    shown = _brief(abs(amount), ((" billion", 1e9), (" million", 1e6), (" thousand", 1e3)))
    return f"{'-' if amount < 0 else '+'}{shown} {in_words(unit)}".strip()


def in_words(unit: str) -> str:
    """A unit of outcomes as a reader says it: counted in weights, so its household-years are weighted."""
    return unit.replace("household*year", "weighted household-years")


def _brief(size: float, scales: tuple[tuple[str, float], ...]) -> str:
    for word, scale in scales:
        if size >= scale:
            return f"{size / scale:.4g}{word}"
    return f"{size:.4g}"


def _warned(run: Run) -> Iterator[str]:
    plans = {"plan": run.plan, "actual split": run.baseline, "separate grants": run.separate, "no money": run.nothing}
    grades = {name: plan.grade for name, plan in plans.items() if plan.grade not in ("exact", "proved")}
    for grade in dict.fromkeys(grades.values()):
        names = ", ".join(name for name, its in grades.items() if its == grade)
        yield f"Grade of proof of {names}: {grade}. {GRADES[grade]}"
    for dim in (SPACE, *scored_dims(run)):
        yield from (f"Concentration: {warning}." for warning in concentration(run, dim).warnings)
    total = len(run.case.world.labels(SPACE))
    at = {rule: many for rule, many in spaces_at_a_limit(run.plan).items() if many}
    if at:
        parts = ", ".join(f"{many} at {rule}" for rule, many in at.items())
        yield f"Of {total} spaces, {parts}: the more sit at a limit, the more the plan is a statement about the limits."
    told = {"actual split": run.baseline} | ({} if run.plan is run.baseline else {"plan": run.plan})
    for name, plan in told.items():
        for rule, breaches in _breaches(plan).items():
            worst = max(breaches, key=lambda b: b.by)
            where = f"in {len(breaches)} places, worst {worst.where.strip('[]')} by {amount(worst.by, worst.unit)}"
            yield f"The {name} breaks rule {rule} {where}."


def _breaches(plan: Plan) -> dict[str, list[Breach]]:
    found: dict[str, list[Breach]] = {}
    for breach in plan.program.breaches:
        found.setdefault(breach.rule, []).append(breach)
    return found


def _proof(run: Run) -> Iterator[str]:
    worst = max(r.size / r.allowed for r in run.plan.certificate.residuals if r.allowed)
    yield (
        f"Grade of proof: {run.plan.proof} Every condition was re-checked on the model's own data; the worst residual "
        f"is {worst:.0e} of what is allowed."
    )
    rounded = ", ".join(f"{rule} by up to R{by:,.0f}" for rule, by in run.schedule.breaches.items())
    exact = [rule for rule in run.schedule.exact if rule not in run.schedule.breaches]
    moved = f"no cell moved by more than R{run.schedule.cell_shift * run.schedule.unit:,.0f}"
    kept = f"totals of {', '.join(exact)} add up exactly, " if exact else ""
    yield f"Published in R thousand: {kept}{moved}" + (f"; rounding strains {rounded}." if rounded else ".")
    rests = rests_on(run)
    yield "Rests on: " + "; ".join(f"{status}: {', '.join(names)}" for status, names in rests.items()) + "."
