"""One model under thousands of budgets and weights: the best split of each, exactly.

For a model whose limits are nested, such as ``single_pool``: one pool over provinces over spaces over services. Each
scenario is solved and proved by itself (``optimum.laminar``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from allocate.builder import build
from allocate.changes import apply, certain
from allocate.errors import InputError, Problem, nearest
from allocate.optimum.laminar import Laminar, NotLaminar
from allocate.optimum.laminar import read as read_laminar
from allocate.program import Block, Program
from allocate.read import read_model, read_scenario
from allocate.rules.rows import Values
from allocate.runs import only
from allocate.spec import Model, Scenario, in_order
from allocate.world import World, read_world

SCENARIO: Final = "scenario"
#: Scenarios at a time: their plans are added up before the next.
CHUNK: Final = 256
#: Times that a budget can be what it is.
MOST_BUDGET: Final = 1e6


def allocations(
    model: Model | str | Path,
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    years: str | Sequence[str] | None = None,
    budgets: Sequence[float] | None = None,
    weights: xr.DataArray | None = None,
    rule: str = "pool",
    by: Sequence[str] = ("space",),
    threads: int | None = None,
) -> xr.Dataset:
    """The best split of a model's money under many budgets and weights, one pair a ``scenario``.

    ``budgets`` multiply the limits of one rule, the pool; ``weights``, over ``scenario`` and any dims of the amount,
    multiply what the goal counts there. Either may be left out; both must have as many scenarios. Gives the amount
    over ``scenario`` and ``by``, the goal's value, the ``price`` of the rule, and whether a scenario was ``tied`` (the
    split nearest to the model's target is given) or ``infeasible`` (NaN).

    Raises InputError for anything wrong, and for a model whose limits are not nested, naming rows that cross.

    >>> found = allocations("single_pool", "za2016", years=["2019/20"], budgets=[0.96, 1.0])
    >>> (found.amount.sum("space") / 1e9).round(2).values.tolist(), bool(found.infeasible.any())
    ([42.22, 43.98], False)
    """
    if wrong := list(_odd_kinds(budgets, weights, by, threads)):
        raise InputError("allocations", wrong)
    what_ifs = tuple(map(read_scenario, scenarios))
    certain(what_ifs)
    whole = read_world(world)
    facts = whole if years is None else only(whole, [years] if isinstance(years, str) else list(years))
    text = read_model(model)
    program = build(apply(text, facts, in_order(what_ifs)))
    block, rows, many = _checked(program, budgets, weights, rule, by)
    laminar = _laminar(program)
    factor = np.ones(many) if budgets is None else np.asarray(budgets, float)
    parts = [
        _part(laminar, block, rows, factor[at : at + CHUNK], weights, slice(at, at + CHUNK), by, threads)
        for at in range(0, many, CHUNK)
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _labelled(program, block, found, by)


def _odd_kinds(budgets: object, weights: object, by: Sequence[str], threads: int | None) -> Iterator[Problem]:
    """What is not of the kind that is asked for, whatever the model."""
    if budgets is not None and not (_numbers(factors := np.asarray(budgets)) and factors.ndim == 1):
        yield Problem("budgets", "must be a list of numbers")
    if weights is not None and not (isinstance(weights, xr.DataArray) and _numbers(weights)):
        yield Problem("weights", f"must be numbers in an xarray.DataArray over {SCENARIO!r} and dims")
    if isinstance(by, str) or len(set(by)) < len(by):
        yield Problem("by", f"{by!r} is no list of dims, each once")
    if threads is not None and threads < 1:
        yield Problem("threads", f"{threads} is not 1 or more")


def _numbers(array: Any) -> bool:
    return array.dtype.kind in "iuf"


def _checked(
    program: Program, budgets: Sequence[float] | None, weights: xr.DataArray | None, rule: str, by: Sequence[str]
) -> tuple[Block, Any, int]:
    """The block of the amount, the rows of the rule, and how many scenarios there are; all problems together."""
    amount = program.case.model.schedule.amount
    problems = []
    if amount not in program.columns:
        raise InputError("allocations", [Problem(amount, "is fixed, so there is nothing to decide")])
    block = program.columns[amount]
    if rule not in program.rows:
        problems.append(Problem("rule", f"no rule {rule!r}{nearest(rule, program.rows)}"))
    problems += [
        Problem("by", f"{amount!r} has no dim {d!r}{nearest(d, block.dims)}") for d in by if d not in block.dims
    ]
    sizes = set()
    if budgets is not None:
        sizes.add(len(budgets))
        if not ((np.asarray(budgets) >= 0) & (np.asarray(budgets) <= MOST_BUDGET)).all():
            problems.append(Problem("budgets", f"must be from 0 to {MOST_BUDGET:,.0f} times what it is"))
    if weights is not None:
        problems += _wrong_weights(program, block, weights)
        sizes.add(weights.sizes.get(SCENARIO, 0))
    if len(sizes) != 1 or 0 in sizes:
        problems.append(Problem("scenarios", "give budgets, weights or both, as many of one as of the other"))
    if problems:
        raise InputError("allocations", problems)
    numbers = program.rows[rule].number
    return block, numbers[numbers >= 0], sizes.pop()


def _wrong_weights(program: Program, block: Block, weights: xr.DataArray) -> list[Problem]:
    problems = []
    if SCENARIO not in weights.dims:
        problems.append(Problem("weights", f"must have a dim {SCENARIO!r}"))
    for dim in map(str, weights.dims):
        if dim == SCENARIO:
            continue
        if dim not in block.dims:
            problems.append(Problem("weights", f"{block.name!r} has no dim {dim!r}{nearest(dim, block.dims)}"))
        elif dim not in weights.coords or list(weights[dim].values) != list(program.case.world.labels(dim)):
            problems.append(Problem("weights", f"labels of {dim!r} must be those of the World, in its order"))
    if not np.isfinite(weights.values).all():
        problems.append(Problem("weights", "must be finite"))
    return problems


def _laminar(program: Program) -> Laminar:
    try:
        return read_laminar(program.linear)
    except NotLaminar as error:
        named = ", ".join(map(program.row_name, error.rows))
        words = f"{error}{f' ({named})' if named else ''}; its scenarios are for allocate.run"
        raise InputError(program.case.model.source, [Problem("rules", words)]) from None


def _part(
    laminar: Laminar, block: Block, rows: Any, factor: Values, weights: xr.DataArray | None, at: slice,
    by: Sequence[str], threads: int | None,
) -> dict[str, Values]:  # fmt: skip
    """Some scenarios, added up."""
    lp = laminar.program
    asked: dict[str, Any] = {}
    if (factor != 1).any():
        for name in ("row_lower", "row_upper"):
            asked[name] = np.repeat(getattr(lp, name)[None], factor.size, axis=0)
            asked[name][:, rows] *= factor[:, None]
    if weights is not None:
        asked["costs"] = _costs(lp.plain_goals[0].cost, block, weights.isel({SCENARIO: at}))
    elif not asked:
        asked["row_upper"] = np.repeat(lp.row_upper[None], factor.size, axis=0)
    found = laminar.solve_many(**asked, threads=threads)
    sums = block.sums(tuple(by), lp.lower.size)
    return {
        "amount": (sums @ found.x.T).T,
        "value": found.value,
        "price": found.prices[:, rows],
        "tied": found.tied,
        "infeasible": found.status != 0,
    }


def _costs(cost: Values, block: Block, weights: xr.DataArray) -> Values:
    """Costs (scenarios, n) with those of a block multiplied."""
    absent = {dim: 1 for dim in block.dims if dim not in weights.dims}
    full = weights.expand_dims(absent).transpose(SCENARIO, *block.dims).values
    there = block.number >= 0
    factor = np.broadcast_to(full, (full.shape[0], *block.number.shape))[:, there]
    costs = np.repeat(cost[None], len(full), axis=0)
    costs[:, block.number[there]] *= factor
    return costs


def _labelled(program: Program, block: Block, found: dict[str, Values], by: Sequence[str]) -> xr.Dataset:
    world = program.case.world
    sizes = [len(world.labels(dim)) for dim in by]
    amount = found["amount"].reshape(-1, *sizes)
    amount[found["infeasible"]] = np.nan
    data = xr.Dataset(
        {
            "amount": ((SCENARIO, *by), amount, {"unit": str(block.unit)}),
            "value": (SCENARIO, found["value"], {"unit": str(program.goal_units[0])}),
            "price": ((SCENARIO, "row"), found["price"]),
            "tied": (SCENARIO, found["tied"]),
            "infeasible": (SCENARIO, found["infeasible"]),
        },
        coords={dim: list(world.labels(dim)) for dim in by},
    )
    return data.squeeze("row") if data.sizes["row"] == 1 else data
