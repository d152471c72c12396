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
from allocate.report.numerals import MINUS, rounded
from allocate.saved import Saved
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
    return lines + ([f"\n{_more(run, space)}"] if WORTH in run.data else [])


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
    for dim in _kinds(run):
        yield f"\n{dim:<24}{'before':>14}{'after':>14}{'change':>14}"
        for label in map(str, now[dim].values):
            one, two = (float(array.sel({dim: label}).sum()) for array in (was, now))
            if one or two:
                yield f"{label:<24}{_rand(one):>14}{_rand(two):>14}{_change(one, two):>14}"


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
    return f"  {_signed(row['price']):>10}  " + "  ".join(filter(None, [where, limit if row["limit"] else "", pair]))


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
