"""What a run keeps so that it can be explained later from its folder alone: limits, reasons, names, the worth of more.

Prices, slack and values are in the run's dataset already (:func:`allocate.outputs.dataset`); this is what they lack.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import xarray as xr

from allocate.active import variables_in
from allocate.names import SPACE, TIME
from allocate.optimum.linear import Goal
from allocate.plan import Plan
from allocate.program import Block
from allocate.rules.tree import read_rule
from allocate.runs import Run
from allocate.spec import RuleSpec

LOWER: Final = "lower_of_"
UPPER: Final = "upper_of_"
"""Before a rule's name: the ends of its rows, in the rule's unit; infinite where there is none, NaN without a row."""

WORTH: Final = "worth_of_more"


def explanation(run: Run) -> xr.Dataset:
    """The ends of every row with the reasons of its rule, the names of spaces, and what more money would be worth.

    ``lower_of_RULE`` and ``upper_of_RULE`` are over the rule's dims, in its unit; their attrs give the rule's text,
    why, law, owner and source. ``worth_of_more`` is over the dims of the amount that money held back lacks, and year:
    d(goal)/d(money) for money that comes from outside every pool and is under no limit on money, so only what money
    buys counts. Along ``space`` the coords ``space_name`` and ``space_other_names`` say what people call it.

    >>> from allocate.runs import run
    >>> found = explanation(run("grant_consolidation", "za2016", "one_water_grant", years=["2019/20"]))
    >>> found["lower_of_guarantee"].attrs["owner"], found["worth_of_more"].dims
    ('National Treasury', ('space', 'service', 'year'))
    """
    plan, model = run.plan, run.case.model
    arrays = {name: array for block in plan.program.rows.values() for name, array in _ends(plan, block)}
    worth = _worth_of_more(run)
    arrays |= {} if worth is None else {WORTH: worth}
    names = model.schedule
    said = {
        "goal": run.goal,
        "goal_unit": run.unit,
        "sense": run.sense,
        "against": run.against,
        "rules": " ".join(plan.program.rows),
    }
    said |= {"amount": names.amount, "unallocated": names.unallocated, "variables": " ".join(map(str, plan.values))}
    return xr.Dataset(arrays, attrs=said).assign_coords(_names(run))


def _ends(plan: Plan, block: Block) -> Iterator[tuple[str, xr.DataArray]]:
    """The lower and upper ends of a rule's rows."""
    linear = plan.program.linear
    rule = plan.program.case.model.rules[block.name]
    attrs = {"unit": str(block.unit), **_reasons(rule)}
    for before, ends in ((LOWER, linear.row_lower), (UPPER, linear.row_upper)):
        yield before + block.name, plan.program.labelled(block, block.pack(ends, np.nan)).assign_attrs(attrs)


def _reasons(rule: RuleSpec) -> dict[str, str]:
    kept = {key: getattr(rule, key) for key in ("rule", "why", "law", "owner", "source")}
    return {key: words for key, words in kept.items() if words}


def _worth_of_more(run: Run) -> xr.DataArray | None:
    """The price of money in the rows of rules in which it buys something: those with other variables than money."""
    plan, names = run.plan, run.case.model.schedule
    block, linear = plan.program.columns.get(names.amount), plan.program.linear
    goal = linear.goals[-1]
    if block is None or not isinstance(goal, Goal):  # the money is fixed; or its worth changes with the worst-off
        return None
    price = np.zeros(linear.row_lower.size)
    money = {names.amount, names.unallocated}
    prices = plan.prices()
    for name, rows in plan.program.rows.items():
        buys = variables_in(run.case.model, read_rule(run.case.model.rules[name].rule)) - money
        if buys:
            there = rows.number >= 0
            price[rows.number[there]] = prices[name].values[there]
    worth = goal.cost - linear.matrix.T @ price
    full = plan.program.labelled(block, block.pack(worth, np.nan), f"{run.unit}/{block.unit}")
    held = plan.values[names.unallocated].dims
    return full.max([d for d in held if d in full.dims and d not in (SPACE, TIME)], keep_attrs=True)


def _names(run: Run) -> dict[str, tuple[str, list[str]]]:
    """What people call the spaces, along the dim of spaces."""
    world = run.case.world
    if world.regions is None or SPACE not in world.data.dims:
        return {}
    codes = world.labels(SPACE)
    found = {}
    for column in ("name", "other_names"):
        if column in world.regions.header:
            known = world.regions.column(column)
            found[f"{SPACE}_{column}"] = (SPACE, [known[code] for code in codes])
    return found
