"""Why there is no plan, in the words of the model: a letter of at most some 25 lines, the most important first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from allocate.changes import Case
from allocate.differences import amount
from allocate.errors import NoPlanError
from allocate.optimum.infeasible import Infeasible, Unbounded
from allocate.optimum.linear import Goal, Mask
from allocate.program import Breach, Program
from allocate.shortage import SECONDS, Findings, Limit, Remedy, Share, find
from allocate.units import MONEY
from allocate.world import World

LINES: Final = 12
"""Lines for the limits in conflict. A rule with more than its part has one line, which names the largest."""

SHOWN: Final = 6
"""Cells that have a line each, of a goal without end or a rule without choice."""

LARGEST: Final = 4
"""Cells that a line names of many, and rules that a repair or a share is told of."""

MOST_RULES: Final = 6
"""Rules that a letter tells apart; the rest are counted."""

SAME: Final = 1e-6
"""Amounts that differ by less than this part are the same."""

DUST: Final = 1e-6
"""Of a tenth of a per cent: a share this near to the next one is that one."""


class NoPlan(NoPlanError):
    """There is no plan. ``findings`` holds what the words say, for rules that conflict; None otherwise.

    ``conflict`` (limits that cannot hold together) and ``repair`` (the least that limits must move) are taken from it.

    >>> NoPlan("every rule can be met, but not in whole numbers").conflict
    ()
    """

    def __init__(self, words: str, findings: Findings | None = None) -> None:
        self.findings = findings
        super().__init__(words)

    @property
    def conflict(self) -> tuple[Limit, ...]:
        return self.findings.conflict if self.findings else ()

    @property
    def repair(self) -> Remedy | None:
        return self.findings.repair if self.findings else None


def in_conflict(program: Program, error: Infeasible, seconds: float = SECONDS) -> NoPlan:
    """The error that says which rules conflict, by how much, what would mend it, and what could be afforded.

    Repair and shares are worked out here, within so many seconds.
    """
    found = find(program, error, seconds)
    lines = [
        "no plan satisfies every rule; these cannot hold together:",
        *_conflict(program, found.conflict),
        *_sum(found),
        *_repair(program, found),
        *(_share(share) for share in found.shares[:LARGEST]),
        *(f"could not be worked out: {what}" for what in found.unknown),
    ]
    return NoPlan("\n".join(lines), found)


def without_end(program: Program, error: Unbounded) -> NoPlan:
    """The error that says how fast a goal gets better along which cells, and which rules do not stop it."""
    at = [goal.name for goal in program.linear.goals].index(error.goal)
    goal, columns, direction = program.linear.goals[at], error.columns, error.direction
    slope = goal.cost if isinstance(goal, Goal) else goal.matrix.sum(axis=0)
    gain = -goal.sign * slope[columns] * direction
    lead = int(np.argmax(gain))
    step = abs(float(direction[lead]))
    order = [lead, *(int(k) for k in np.argsort(-np.abs(direction), kind="stable") if k != lead)]
    units = {int(j): str(block.unit) for block in program.columns.values() for j in block.number[block.number >= 0]}
    moves = [(program.column_name(int(columns[k])), direction[k] / step, units[int(columns[k])]) for k in order]
    touched = np.diff(program.linear.matrix[:, columns].tocsr().indptr) > 0
    rules = [block.name for block in program.rows.values() if touched[block.number[block.number >= 0]].any()]
    rate = _amount(float(gain.sum()) / step, str(program.goal_units[at]))
    lines = [
        f"the goal {error.goal!r} has no end; it gets better by {rate} each time that",
        *(
            f"  {name} goes {'up' if move > 0 else 'down'} by {_amount(abs(move), u)}"
            for name, move, u in moves[:SHOWN]
        ),
        *_rest(len(moves) - SHOWN, "cell"),
        f"the rules they stand in do not stop that: {', '.join(rules)}" if rules else "they stand in no rule",
        "add a rule or an upper bound that limits them",
    ]
    return NoPlan("\n".join(lines))


def not_in_whole(program: Program, whole: Mask) -> NoPlan:
    """The error for rules that can all be met, but not where these columns (n,) must be whole numbers."""
    blocks = program.columns.values()
    names = ", ".join(block.name for block in blocks if whole[block.number[block.number >= 0]].any())
    return NoPlan(
        f"every rule can be met, but not in whole numbers of {names}\n"
        "a limit lies between two whole numbers, or a sum of them; widen it, or let parts of one be chosen"
    )


def no_choice(case: Case, breaches: Iterable[Breach]) -> NoPlan:
    """The error for rules that numbers alone decide, and that do not hold; the largest breaches first."""
    lines = ["no plan is possible: nothing can be chosen in these, and their numbers do not hold:"]
    rules = _grouped(breaches, lambda breach: breach.rule)
    for rule, mine in rules[:MOST_RULES]:
        largest = sorted(mine, key=lambda breach: -breach.by)[:SHOWN]
        lines += [f"  {rule}{breach.where}: off by {_amount(breach.by, breach.unit)}" for breach in largest]
        lines += _rest(len(mine) - SHOWN, "cell")
        spec = case.model.rules.get(rule)
        lines += [f"    {spec.why}"] if spec is not None and spec.why else []
    return NoPlan("\n".join([*lines, *_rest(len(rules) - MOST_RULES, "rule")]))


def _conflict(program: Program, conflict: Sequence[Limit]) -> Iterator[str]:
    """A line for each limit or, where a rule has many, one for all of them; what weighs most first."""
    rules = _grouped(conflict, lambda limit: (limit.name, limit.weight > 0))
    rules.sort(key=lambda rule: -_rounded(sum(abs(limit.amount * limit.weight) for limit in rule[1])))
    world = program.case.world
    each = LINES // max(2, min(len(rules), MOST_RULES))
    for (name, floor), limits in rules[:MOST_RULES]:
        end = "at least" if floor else "at most"
        limits.sort(key=lambda limit: -abs(limit.amount))
        if _has_no_number(program, name):
            yield f"  {_place(world, limits)}, as it stands"
        elif len(limits) <= each:
            yield from (f"  {_place(world, [k])} must be {end} {_amount(k.amount, k.unit)}" for k in limits)
        else:
            total = _amount(sum(limit.amount for limit in limits), limits[0].unit)
            yield f"  {_place(world, limits)} must be {end} {total} together: {_largest(world, limits)}"
    yield from _rest(len(rules) - MOST_RULES, "rule")


def _has_no_number(program: Program, name: str) -> bool:
    """Whether all limits of a rule are zero, so that no amount of it is worth telling."""
    if name not in program.rows:
        return False
    number = program.rows[name].number
    return not program.linear.limit_size[number[number >= 0]].any()


def _sum(found: Findings) -> Iterator[str]:
    """One sum against another."""
    counted = [limit for limit in found.conflict if limit.amount]
    if not counted:
        return
    plain = all(math.isclose(abs(k.weight), 1, rel_tol=SAME) and k.unit == found.unit for k in counted)
    asked, given, short = (_amount(value, found.unit) for value in (found.asked, found.given, found.short))
    how = "together they ask" if plain else f"counted in {found.unit} by way of what hangs together, they ask"
    yield f"{how} for {asked} and there is {given}: {short} short"


def _repair(program: Program, found: Findings) -> Iterator[str]:
    """The least that limits must move, and what each rule would take by itself."""
    if found.repair is None:
        if not found.unknown:
            yield "no limit mends it, however far it moves: a rule or a bound itself must change"
        return
    if found.repair.unit != MONEY:
        yield "no money mends it; the least change of other limits, each as a part of its size:"
        yield from _moves(program, found.repair)
        return
    least, total = found.repair.total, _amount(found.repair.total, MONEY)
    alone = sorted(filter(None, found.alone.values()), key=lambda remedy: _rounded(remedy.total))
    more = found.unit == MONEY and least > found.short * (1 + SAME)
    head = f"limits on money must move by {total} at least" + (", for this conflict and others" if more else "")
    if alone and alone[0].total <= least * (1 + SAME):
        yield f"{head}; {'each of these alone would do' if len(alone) > 1 else 'this alone would do'}:"
    else:
        yield f"{head}:"
        yield from _moves(program, found.repair)
        yield from (["each of these alone would do too, and takes more:"] if alone else [])
    for remedy in alone[:LARGEST]:
        yield from _moves(program, remedy)
    cannot = ", ".join(name for name, remedy in found.alone.items() if remedy is None)
    yield from ([f"  {cannot} alone cannot mend it"] if cannot else [])


def _moves(program: Program, remedy: Remedy) -> Iterator[str]:
    """A line for each rule and direction, with who the rule belongs to."""
    world, rules = program.case.world, program.case.model.rules
    groups = _grouped(remedy.moves, lambda move: (move.name, move.amount > 0))
    for (name, up), moves in groups[:LARGEST]:
        moves.sort(key=lambda move: -_rounded(abs(move.amount)))
        by = _amount(abs(sum(move.amount for move in moves)), moves[0].unit)
        part = f" ({sum(abs(k.amount) * k.weight for k in moves) / len(moves):.2%})" if remedy.unit == "1" else ""
        who = (rules[name].owner or rules[name].law) if name in rules else ""
        whom = f": {_largest(world, moves)}" if len(moves) > 1 else ""
        yield f"  {_place(world, moves)}: {by} {'more' if up else 'less'}{part}{whom}{f' ({who})' if who else ''}"
    yield from _rest(len(groups) - LARGEST, "rule")


def _share(share: Share) -> str:
    by = ""
    if share.datum is not None:
        new, old = (_amount(value, share.datum.unit) for value in (share.datum.new, share.datum.old))
        by = f" ({share.datum.name} = {new} instead of {old})"
    if share.factor < 1:
        part = math.floor(share.factor * 1000 + DUST) / 10
        return f"{share.rule} could be met at {part:g}% of what it asks, everywhere{by}"
    part = math.ceil(share.factor * 1000 - DUST) / 10
    return f"{share.rule} would be enough at {part:g}% of what it is, everywhere{by}"


def _place(world: World, limits: Sequence[Limit]) -> str:
    """Where limits of one rule are: ``guarantee[space=Ugu (DC21)]``, ``guarantee[year=2019/20] in 52 spaces``."""
    where = limits[0].where
    same = {dim: label for dim, label in where.items() if all(limit.where[dim] == label for limit in limits)}
    inside = ", ".join(f"{dim}={world.title(dim, label)}" for dim, label in same.items())
    other = [dim for dim in where if dim not in same]
    many = f" in {len(limits)} {_plural(other[0]) if len(other) == 1 else 'cells'}" if other else ""
    return f"{limits[0].name}{f'[{inside}]' if inside else ''}{many}"


def _largest(world: World, limits: Sequence[Limit]) -> str:
    """The first few amounts, each with what tells its cell from the others."""
    dims = [dim for dim in limits[0].where if len({limit.where[dim] for limit in limits}) > 1]
    named = [
        f"{' '.join(world.title(dim, limit.where[dim]) for dim in dims)} {_amount(abs(limit.amount), limit.unit)}"
        for limit in limits[:LARGEST]
    ]
    more = len(limits) - LARGEST
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _amount(value: float, unit: str) -> str:
    """An amount in full: ``R8,000``, ``R0.25``, ``120 household``."""
    if unit == MONEY:
        whole = abs(value) >= 1000 or abs(value - round(value)) < SAME
        return f"{'-' if value < 0 else ''}R{abs(value):,.{0 if whole else 2}f}"
    number = amount(value, unit)
    return number if unit == "1" else f"{number} {unit}"


def _rounded(value: float) -> float:
    """To six digits: rounding in the solve must not say which of two equal amounts comes first."""
    return float(f"{value:.6g}")


def _rest(more: int, what: str) -> list[str]:
    return [f"  and {more} more {_plural(what) if more > 1 else what}"] if more > 0 else []


def _plural(word: str) -> str:
    """``spaces``, ``categories``; a dim is named in the singular."""
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"


def _grouped[T, K](items: Iterable[T], key: Callable[[T], K]) -> list[tuple[K, list[T]]]:
    """Items by a key, in the order in which keys first come."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.items())
