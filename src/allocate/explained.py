"""A run explained in words: what binds and at what price, and why a space gets what it gets.

Nothing is solved again: every number is one that the run wrote. A price is what one unit more of a limit adds to the
goal, money per R1 million; it holds for small changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from allocate.differences import amount
from allocate.explanation import WORTH
from allocate.findings import PER
from allocate.names import SPACE, TIME
from allocate.questions import answers
from allocate.report.numerals import MINUS, rounded
from allocate.runs import Run
from allocate.saved import Saved, of
from allocate.sentences import in_words, quantity
from allocate.units import MONEY, SCALES

FEW: Final = 4
"""Rows of one rule that are listed for a space; the rest are counted."""


def everywhere(run: Saved) -> list[str]:
    """What binds over all spaces, a line a rule, the dearest limits first, money before the rest.

    >>> import tempfile
    >>> from allocate import outputs, runs, saved
    >>> with tempfile.TemporaryDirectory() as home:
    ...     done = runs.run("grant_consolidation", "za2016", "one_water_grant", years="2019/20")
    ...     lines = everywhere(saved.read(outputs.write(done, home + "/run")))
    >>> [line for line in lines if "guarantee" in line]
    ['  guarantee: 19 of 52 at the limit, price -242.9 to -0.1676']
    """
    tables = {rule: run.limits(rule) for rule in run.rules}
    bound = {rule: table[table["at"]] for rule, table in tables.items() if table["at"].any()}
    priced = [rule for rule, table in bound.items() if table["price"].any()]
    order = sorted(priced, key=lambda rule: (-float(bound[rule]["price"].abs().max()), rule))
    lines = _heading(run)
    for title, money in ((_title_of_prices(run), True), ("Limits that are not money: what one unit more adds.", False)):
        rules = [rule for rule in order if (run.unit(rule) == MONEY) == money]
        lines += ["", title] if rules else []
        for rule in rules:
            lines += _line(run, rule, bound[rule], len(tables[rule]))
    lines += ["", *_costs(run)] if "cost_of_rules" in run.data else []
    unpriced = [rule for rule, table in bound.items() if rule not in priced and not (table["side"] == "exactly").all()]
    free = [f"{rule} ({len(bound[rule])})" for rule in unpriced]
    idle = [rule for rule, table in tables.items() if len(table) and rule not in bound]
    lines += ["", f"Reached at no price, so something else decides: {', '.join(free)}."] if free else []
    return lines + ([f"Nowhere reached: {', '.join(idle)}."] if idle else [])


def of_space(run: Saved, text: str) -> list[str]:
    """Why one space, by its code or name, gets what it gets: money, what it buys, what holds it, what more is worth.

    Raises :class:`allocate.errors.InputError` with the nearest known name.
    """
    space = run.space(text)
    lines = [f"{run.title(space)}: {run.data.attrs['name']}", *_money(run, space)]
    lines += [*_decided(run, space), *_holds(run, space)]
    lines += [f"\n{_more(run, space)}"] if WORTH in run.data else []
    return [*lines, *_would_take(run, space), *_could_get(run, space)]


def explain(run: Run, space: str | None = None) -> list[str]:
    """A run in sentences with figures, for one space by its code or name, or for all.

    For a space: what it gets and why, what holds it and between which limits each price is what it is, what would have
    to change for it to get R1m more, and how far its money could move in plans as good or nearly as good. For all: what
    binds, and what the outcome would gain without each rule that somebody made. Takes seconds: it solves again.

    >>> import allocate as al
    >>> done = al.run("grant_consolidation", "za2016", years=["2019/20"])
    >>> print(explain(done, "OR Tambo")[-2])
    R1m more for it needs R1m more of absorption: then the best plan gains +825.4 weighted household-years.

    Raises :class:`allocate.errors.InputError` with the nearest known name.
    """
    if space is None:
        return everywhere(of(run, answers(run, ())))
    plain = of(run)
    return of_space(of(run, answers(run, [plain.space(space)])), space)


def _goal(run: Saved) -> str:
    return in_words(str(run.data.attrs["goal_unit"]))


def _title_of_prices(run: Saved) -> str:
    return f"What binds, the dearest first. A price is what R{PER:,.0f} more of a limit adds, in {_goal(run)}."


def _heading(run: Saved) -> list[str]:
    name, proof = run.data.attrs["name"], run.data.attrs["proof"]
    changes = [f"  {line}" for line in run.manifest.get("changes", [])]
    return [str(name), *changes, f"Grade of proof: {proof}"]


def _line(run: Saved, rule: str, at: pd.DataFrame, rows: int) -> Iterator[str]:
    per = "" if run.unit(rule) == MONEY else f" {_goal(run)} per {in_words(run.unit(rule))}"
    yield f"  {rule}: {len(at):,} of {rows:,} at the limit, {_range(at)}{per}"
    yield from (f"      {words}" for words in run.reasons(rule))


def _range(at: pd.DataFrame) -> str:
    """The least and the largest price; and, where the two differ somewhere, of more and of less limit."""
    said = []
    kinks = "more" in at and bool((at["more"] != at["less"]).any())
    for column, called in (("price", "price"), ("more", "gain from more"), ("less", "loss from less")):
        if column == "price" or kinks:
            least, most = float(at[column].min()), float(at[column].max())
            said.append(f"{called} {_signed(least)}" + (f" to {_signed(most)}" if least != most else ""))
    return ", ".join(said)


def _money(run: Saved, space: str) -> Iterator[str]:
    """Money before and after, in all and by the dims of the amount that are no pool, place or time."""
    rand = SCALES[run.data["published"].attrs["unit"]]
    now = run.data["published"].sel({SPACE: space}, drop=True) * rand
    was = run.data["baseline_published"].sel({SPACE: space}, drop=True) * rand
    before, after = float(was.sum()), float(now.sum())
    share = f" ({100 * (after / before - 1):+.1f}%)" if before > 0 else ""
    yield f"Money: {_rand(before)} before, {_rand(after)} after: {_change(before, after)}{share}."
    yield f"Before is {run.data.attrs['against']}."
    yield from _by_merging(run, space, before, after)
    for dim in _kinds(run):
        yield f"\n{dim:<24}{'before':>14}{'after':>14}{'change':>14}"
        for label in map(str, now[dim].values):
            one, two = (float(array.sel({dim: label}).sum()) for array in (was, now))
            if one or two:
                yield f"{label:<24}{_rand(one):>14}{_rand(two):>14}{_change(one, two):>14}"


def _by_merging(run: Saved, space: str, before: float, after: float) -> Iterator[str]:
    """What of the change comes from sharing today's grants better, and what from merging them and on what."""
    if "separate_money" not in run.data:
        return
    here = run.data["separate_money"].sel({SPACE: space}, drop=True)
    apart = round(float(here.sum()), -3)  # to R thousand, as the rest is published
    shared, merged = _change(before, apart), _change(apart, after)
    yield f"Of it, {shared} by sharing today's grants better and {merged} by merging them."
    rand = SCALES[run.data["published"].attrs["unit"]]
    now = run.data["published"].sel({SPACE: space}, drop=True) * rand
    for dim in _kinds(run):
        moved = {str(k): float(now.sel({dim: k}).sum() - here.sel({dim: k}).sum()) for k in now[dim].values}
        said = [f"{k} {_change(0.0, v) if v > 0 else _change(-v, 0.0)}" for k, v in moved.items() if abs(v) >= rand]
        yield f"Merging moves {', '.join(said) or f'nothing between {dim}s'}."


def _kinds(run: Saved) -> list[str]:
    """The dims of the amount beside space, pool and year: services, say."""
    held = run.data["published_unallocated"].dims
    dims = (str(d) for d in run.data["published"].dims)
    return [d for d in dims if d not in held and d not in (SPACE, TIME)]


def _decided(run: Saved, space: str) -> Iterator[str]:
    """What else the plan decides there: a line a variable and kind, a column a year."""
    data = run.data
    money = {data.attrs["amount"], data.attrs["unallocated"]}
    names = [n for n in str(data.attrs["variables"]).split() if n not in money and SPACE in data[n].dims]
    if not names:
        return
    years = list(map(str, data[TIME].values)) if TIME in data.dims else []
    yield "\n" + "What the plan does there".ljust(48) + "".join(f"{year:>14}" for year in years)
    for name in names:
        array = data[name].sel({SPACE: space}, drop=True)
        kinds = [d for d in _kinds(run) if d in array.dims]
        table = array.sum([d for d in array.dims if d not in (*kinds, TIME)]).transpose(*kinds, ...)
        for cell in np.ndindex(*(table.sizes[d] for d in kinds)):
            numbers = np.atleast_1d(table.values[cell])
            if np.any(np.abs(numbers) >= 0.5):
                labels = (str(table[d].values[k]) for d, k in zip(kinds, cell, strict=True))
                label = " ".join([name, *labels]) + f" [{data[name].attrs['unit']}]"
                yield f"  {label:<46}" + "".join(f"{_number(v):>14}" for v in numbers)


def _holds(run: Saved, space: str) -> Iterator[str]:
    """The limits that are reached there and have a price, a rule at a time: money first, the dearest first."""
    found: dict[str, pd.DataFrame] = {}
    for rule in run.rules:
        if SPACE in run.dims(rule):
            table = run.limits(rule)
            here = table[(table[SPACE] == space) & table["at"] & (table["price"] != 0)]
            found |= {rule: here.sort_values("price", key=lambda p: -p.abs(), kind="stable")} if len(here) else {}
    if not found:
        yield "\nNo limit there has a price."
        return
    yield f"\n{_title_of_prices(run).replace('What binds', 'What holds it')}"
    for rule in sorted(found, key=lambda r: (run.unit(r) != MONEY, -abs(float(found[r]["price"].iloc[0])), r)):
        one = "" if run.unit(rule) == MONEY else f"(what one {in_words(run.unit(rule))} more adds)"
        yield f"  {rule}: {' '.join(filter(None, [*run.reasons(rule), one]))}"
        yield from (_held(run, rule, row) for row in found[rule].head(FEW).to_dict("records"))
        if len(found[rule]) > FEW:
            yield f"      and {len(found[rule]) - FEW} more, down to {_signed(found[rule]['price'].iloc[-1])}"


def _held(run: Saved, rule: str, row: dict[Any, Any]) -> str:
    """One row at its limit: price, labels, and the limit unless it is 0, as where two sums are compared."""
    unit = run.unit(rule)
    where = ", ".join(str(row[d]) for d in run.dims(rule) if d != SPACE)
    limit = f"{row['side']} {amount(row['limit'], unit)}" + ("" if unit in (MONEY, "1") else f" {unit}")
    kink = "more" in row and row["more"] != row["less"]
    pair = f"({_signed(row['more'])} for more, {_signed(row['less'])} for less)" if kink else ""
    known = "holds_from" in row and np.isfinite(row["holds_from"])
    holds = f"(holds from {_limit(row['holds_from'], unit)} to {_limit(row['holds_to'], unit)})" if known else ""
    parts = [where, limit if row["limit"] else "", pair, holds]
    return f"  {_signed(row['price']):>10}  " + "  ".join(filter(None, parts))


def _limit(value: float, unit: str) -> str:
    return _rand(value) if unit == MONEY else _number(value)


def _costs(run: Saved) -> Iterator[str]:
    """What the outcome would gain without each rule, the dearest first."""
    gains = run.data["cost_of_rules"].to_series().sort_values(ascending=False, kind="stable")
    said = [f"{rule} {quantity(gain, '')}" for rule, gain in gains.items() if gain > 0]
    yield f"What the outcome would gain without each rule that somebody made, in {_goal(run)}: {', '.join(said)}."


def _would_take(run: Saved, space: str) -> Iterator[str]:
    """What would have to change for a space to get R1m more."""
    if "more_outcome" not in run.data or space not in run.data["asked"].values:
        return
    here = run.data[["more_outcome", "more_own"]].sel(asked=space)
    for rule in map(str, here["rule_raised"].values):
        gain, own = (float(here[name].sel(rule_raised=rule)) for name in ("more_outcome", "more_own"))
        if np.isnan(gain):
            continue
        unit = str(run.data.attrs["goal_unit"])
        if rule != "none":
            yield f"R1m more for it needs R1m more of {rule}: then the best plan gains {quantity(gain, unit)}."
        elif gain < 0 < own:
            weight = f"; with {_number((own - gain) / own)} times the need here it would cost nothing"
            yield f"R1m more for it, as rules stand: {quantity(gain, unit)} ({quantity(own, '')} here){weight}."
        else:
            yield f"R1m more for it, as rules stand: {quantity(gain, unit)} ({quantity(own, '')} here)."


def _could_get(run: Saved, space: str) -> Iterator[str]:
    """How far the money of a space could move in plans that lose so much of what the money reaches."""
    if "range_least" not in run.data:
        return
    said = []
    for share in run.data["within"].values:
        least, most = (float(run.data[f"range_{e}"].sel({SPACE: space, "within": share})) for e in ("least", "most"))
        spread = f"{_rand(least)} to {_rand(most)}" if most - least > 500.0 else f"{_rand(most)}, no other"
        said.append(
            f"{spread} in plans {'as good' if not share else f'that lose {share:.1%} of what the money reaches'}"
        )
    yield f"It could get {'; '.join(said)}."


def _more(run: Saved, space: str) -> str:
    """What money from outside would do there."""
    worth = run.data[WORTH].sel({SPACE: space}, drop=True) * PER
    top = float(np.nanmax(worth.values, initial=0.0))
    start = f"R{PER:,.0f} more from outside, above every limit on money,"
    if top <= 0.0:
        return f"{start} would add nothing there."
    cell = np.argwhere(worth.values == top)[0]
    where = ", ".join(str(worth[d].values[k]) for d, k in zip(worth.dims, cell, strict=True))
    return f"{start} would add {quantity(top, str(run.data.attrs['goal_unit']))} if spent on {where}."


def _change(before: float, after: float) -> str:
    return ("+" if after > before else "-" if after < before else "") + _rand(abs(after - before))


def _rand(value: float) -> str:
    return amount(value, MONEY) if value else "R0"


def _signed(value: float) -> str:
    """A price; infinite where a limit cannot move that way at all."""
    return "impossible" if np.isinf(value) else ("+" if value > 0 else "") + _number(value)


def _number(value: float) -> str:
    """At most four figures, with a minus that every terminal has."""
    return rounded(float(value)).replace(MINUS, "-")
