"""Linear programs to test with: allocations of money with many ties, and small hostile ones in whole numbers."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from allocate.optimum.draws import Draws, of_programs
from allocate.optimum.linear import Goal, LinearProgram


def allocation(spaces=12, grants=3, services=3, tiers=2, bands=True, goals=1, seed=0):
    """Spend (space, grant, service) in rand buys reach (space, service, tier) in households.

    Rows: a pool per grant, delivery per space and service, a guarantee per space. ``bands`` gives many spaces
    and services the same worth, so that most of the plan is tied. A second goal reaches the most of tier 0.
    """
    rng = np.random.default_rng(seed)
    spend = np.arange(spaces * grants * services).reshape(spaces, grants, services)
    reach = spend.size + np.arange(spaces * services * tiers).reshape(spaces, services, tiers)
    n = spend.size + reach.size
    need = np.round(rng.lognormal(8, 1.2, (spaces, services, tiers)))
    cost = np.array([30e3, 30e3, 6e3, 180e3, 30e3])[np.arange(services) % 5]
    worth = np.array([2e4, 2e4, 8e3, 6e4, 2e4])[np.arange(services) % 5]
    weight = rng.integers(2, 5, spaces) / 2
    if not bands:
        cost, worth = cost * rng.uniform(0.8, 1.2, services), worth * rng.uniform(0.8, 1.2, services)
        weight = rng.uniform(1, 2, spaces)
    may = (np.arange(services)[None, :] % grants == np.arange(grants)[:, None]) | (rng.random((grants, services)) < 0.4)
    budget = np.round(0.4 * (need.sum(2) * cost).sum() / grants * rng.uniform(0.7, 1.3, grants), -3)
    share = rng.dirichlet(np.full(spaces, 3.0))
    target = share[:, None, None] * budget[None, :, None] * (may / np.maximum(may.sum(1, keepdims=True), 1))
    target = np.where(rng.random(target.shape) < 0.2, 0, np.round(target, -3))
    guarantee = np.floor(0.5 * share * budget.sum() / 1000) * 1000
    s, v = np.indices((spaces, services))
    blocks = [
        _rows(grants, n, np.broadcast_to(np.arange(grants)[None, :, None], spend.shape), spend, 1.0),
        _rows(spaces * services, n, np.broadcast_to((s * services + v)[:, None, :], spend.shape), spend, -1.0)
        + _rows(spaces * services, n, np.broadcast_to((s * services + v)[..., None], reach.shape), reach,
                np.broadcast_to(cost[None, :, None], reach.shape)),
        _rows(spaces, n, np.broadcast_to(np.arange(spaces)[:, None, None], spend.shape), spend, 1.0),
    ]  # fmt: skip
    value = np.zeros(n)
    slope = np.linspace(2, 1, tiers) if tiers > 1 else np.ones(1)
    value[reach] = weight[:, None, None] * worth[None, :, None] * slope
    first = np.zeros(n)
    first[reach[..., 0]] = 1.0
    rows = (grants, spaces * services, spaces)
    return LinearProgram(
        sparse.vstack(blocks),
        np.concatenate([np.full(rows[0], -np.inf), np.full(rows[1], -np.inf), guarantee]),
        np.concatenate([budget, np.zeros(rows[1]), np.full(rows[2], np.inf)]),
        np.zeros(n),
        np.concatenate([np.where(may, np.inf, 0.0)[None].repeat(spaces, 0).ravel(), need.ravel()]),
        (Goal("worth", value, 0.0, "max"), Goal("first", first, 0.0, "max"))[:goals],
        np.concatenate([target.ravel(), np.zeros(reach.size)]),
        np.concatenate([np.full(spend.size, 1000.0), np.ones(reach.size)]),
    )


def _rows(m, n, row, column, value):
    value = np.broadcast_to(value, np.shape(column))
    return sparse.csr_array((value.ravel(), (np.ravel(row), np.ravel(column))), shape=(m, n))


def whole_numbers(seed, scaled=False):
    """A feasible LP in small whole numbers: repeated, summed and scaled rows, free, fixed and unbounded columns.

    Built around a point that is optimal by construction for the first goal (minimised), which comes back too; the
    second goal is maximised.
    """
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 25)), int(rng.integers(1, 12))
    matrix = rng.integers(-1, 3, (m, n)) * (rng.random((m, n)) < 0.5)
    point = rng.integers(0, 5, n) * 10.0
    lower = np.where(rng.random(n) < 0.15, -np.inf, 0.0)
    upper = np.where(rng.random(n) < 0.5, 40.0, np.inf)
    fixed = rng.random(n) < 0.1
    lower, upper = np.where(fixed, point, lower), np.where(fixed, point, upper)
    activity, kind = matrix @ point, rng.integers(0, 3, m)
    row_lower, row_upper = np.where(kind == 0, -np.inf, activity), np.where(kind == 1, np.inf, activity)
    dual = np.select([kind == 0, kind == 1], [-rng.integers(0, 3, m), rng.integers(0, 3, m)], rng.integers(-2, 3, m))
    bound = np.select([point == lower, point == upper], [rng.integers(0, 2, n), -rng.integers(0, 2, n)], 0)
    again = rng.integers(0, m, 3)
    factor = np.exp2(rng.integers(-8, 9, m + 4)) if scaled else np.ones(m + 4)
    matrix = np.vstack([matrix, matrix[again], matrix[again[:2]].sum(0, keepdims=True)]) * factor[:, None]
    row_lower = np.r_[row_lower, row_lower[again], row_lower[again[:2]].sum()] * factor
    row_upper = np.r_[row_upper, row_upper[again], row_upper[again[:2]].sum()] * factor
    second = np.where(np.isfinite(lower) & np.isfinite(upper), rng.integers(-2, 4, n), 0)
    target = np.where(rng.random(n) < 0.4, 0.0, rng.integers(0, 6, n) * 7.0)
    goals = (
        Goal("first", matrix[:m].T @ (dual / factor[:m]) + bound),
        Goal("second", second, 0.0, "max"),
    )
    lp = LinearProgram(sparse.csr_array(matrix), row_lower, row_upper, lower, upper, goals, target, np.ones(n))
    return lp, point


def permuted(lp, columns, rows):
    """The same program with its columns and rows in another order."""
    goals = tuple(Goal(goal.name, goal.cost[columns], goal.offset, goal.sense) for goal in lp.goals)
    matrix = lp.matrix[rows][:, columns]
    sides = lp.row_lower[rows], lp.row_upper[rows], lp.lower[columns], lp.upper[columns]
    return LinearProgram(matrix, *sides, goals, lp.target[columns], lp.unit[columns])


def rescaled(lp, columns, rows, costs):
    """The same program in other units: x / columns, rows * rows, each goal * its factor in costs."""
    goals = tuple(
        Goal(goal.name, goal.cost * columns * factor, goal.offset * factor, goal.sense)
        for goal, factor in zip(lp.goals, costs, strict=True)
    )
    matrix = sparse.diags_array(rows) @ lp.matrix @ sparse.diags_array(columns)
    sides = lp.row_lower * rows, lp.row_upper * rows, lp.lower / columns, lp.upper / columns
    return LinearProgram(matrix, *sides, goals, lp.target / columns, lp.unit / columns)


def idle_row(seed):
    """Two equations at almost the same prices, and a third row with room to spare.

    The multipliers of the equations are large and cancel. The third row shares a column with them and one with a
    cell that is at its target, where the smallest multiplier is a large part of nothing.
    """
    rng = np.random.default_rng(seed)
    matrix = np.zeros((3, 5))
    matrix[:2, :4] = rng.uniform(0.1, 3, 4) * (1 + [[0], [1e-4]] * rng.random((2, 4)))
    matrix[2, [0, 4]] = 1
    at_target = 35_628_000.0
    target = np.array([*rng.uniform(1e7, 3e8, 4).round(-3), at_target])
    limit = matrix[:2] @ (target * rng.uniform(0.3, 3, 5))
    lower, upper = np.array([0, 0, 0, 0, at_target]), np.array([*[np.inf] * 4, at_target])
    sides = [*limit, -np.inf], [*limit, 3e9]
    return LinearProgram(sparse.csr_array(matrix), *sides, lower, upper, (), target, np.full(5, 1000.0))


def pinned(seed, size=6):
    """Equations among as many columns already pin these, half of them at their bound of zero; two more equations
    share others out. Which of the pinned bounds hold a push, the signs of multipliers alone do not say."""
    rng = np.random.default_rng(seed)
    point = rng.lognormal(18, 2, 2 * size).round(-3) * (rng.random(2 * size) < 0.5)
    matrix = rng.uniform(0.1, 3, (size + 2, 2 * size))
    matrix[:size, size:] = 0
    matrix[:, :size] *= rng.random((size + 2, size)) < 0.6
    matrix[:size, :size] += np.eye(size)
    target = rng.lognormal(16, 2, 2 * size).round(-3) * (rng.random(2 * size) < 0.7)
    limit, wide = matrix @ point, np.full(2 * size, np.inf)
    units = np.full(2 * size, 1000.0)
    return LinearProgram(sparse.csr_array(matrix), limit, limit, 0 * point, wide, (), target, units)


def without_room(seed, pools=10, places=8):
    """Pools shared out to the last rand by places: half of the pools give each place a fixed sum, which households
    follow to the cent; caps on the other half add up to what is left. Every row depends on others, and multipliers of
    households that weigh a million times a rand cancel on the money. Columns: money (pool, place), held back, reached.
    """
    rng = np.random.default_rng(seed)
    money = (rng.integers(10, 60, (pools, places)) * 12e6).ravel()
    first = np.arange(pools) < pools // 2
    shared = np.hstack([np.kron(np.eye(pools), np.ones(places)), np.eye(pools), np.zeros((pools, places))])
    fixed, capped = (np.kron(half, np.eye(places)) for half in (1.0 * first, 1.0 * ~first))
    rest, reached = np.zeros((places, pools + places)), np.diag(rng.integers(5_000, 30_000, places) * 1.0)
    follow = np.hstack([-fixed, rest[:, :pools], reached])
    matrix = np.vstack([shared, np.hstack([fixed, rest]), np.hstack([capped, rest]), follow, shared])
    pool, before = money.reshape(pools, places).sum(axis=1), np.full(places, -63_194_400.00000001)
    low = np.concatenate([pool, fixed @ money, np.full(places, -np.inf), before, pool])
    high = np.concatenate([pool, fixed @ money, capped @ money, before, np.full(pools, np.inf)])
    size = money.size + pools + places
    target = np.concatenate([money * (1 + rng.integers(-1, 2, money.size) / 8), np.zeros(pools + places)])
    unit = np.concatenate([np.full(money.size + pools, 1e3), np.ones(places)])
    ends = np.zeros(size), np.full(size, np.inf)
    return LinearProgram(matrix, low, high, *ends, (Goal("any", np.zeros(size)),), target, unit)


def drawn(seed):
    """A few draws of a small allocation: spend (place, service) and money held back are first, what is reached second.

    Every third is in whole numbers and equally likely draws, where most is tied; half of them hold as little money back
    as they can before anything else; a third are to be made small.
    """
    rng = np.random.default_rng(seed)
    places, services, draws, tiers, whole = *rng.integers((2, 1, 1), (5, 4, 9)), 2, seed % 3 == 0
    spend = np.arange(places * services).reshape(places, services)
    held = spend.size
    reach = held + 1 + np.arange(spend.size * tiers).reshape(places, services, tiers)
    n, budget = held + 1 + reach.size, float(rng.integers(20, 60))

    def numbers(low, high):
        return rng.integers(low, high, reach.shape).astype(float) if whole else rng.uniform(low, high, reach.shape)

    worth = np.zeros(n)
    worth[reach], worth[held] = numbers(1, 4), 0.5
    first = np.vstack([_rows(1, n, 0 * np.arange(held + 1), np.arange(held + 1), 1.0).toarray(),
                       _rows(places, n, np.repeat(np.arange(places), services), spend, 1.0).toarray()])  # fmt: skip
    least = np.concatenate([[budget], rng.integers(0, 3, places)])
    most = np.concatenate([[budget], np.full(places, 0.8 * budget)])
    outcome = Goal("worth", worth, 3.0, "max") if seed % 3 < 2 else Goal("missed", -worth, 3.0, "min")
    goals = (Goal("held back", (np.arange(n) == held) * 1.0), outcome)[seed % 2 :]
    made = []
    for _ in range(draws):
        cell = np.arange(spend.size)
        delivery = _rows(spend.size, n, np.repeat(cell, tiers), reach, numbers(1, 5)) - _rows(spend.size, n, cell, spend, 1.0)  # fmt: skip
        upper = np.full(n, np.inf)
        upper[reach] = numbers(1, 9)
        sides = np.r_[least, np.full(spend.size, -np.inf)], np.r_[most, np.zeros(spend.size)], np.zeros(n), upper
        made.append(LinearProgram(sparse.vstack([first, delivery]), *sides, goals, np.zeros(n), np.ones(n)))
    chance = np.full(draws, 1 / draws) if whole else rng.dirichlet(np.ones(draws))
    return of_programs(made, np.arange(n) <= held, chance)


def farmer():
    """The farmer of Birge and Louveaux: acres of wheat, corn and beets first; then yields are 80, 100 or 120% of the mean,
    and what is short is bought, what is left is sold, beets at a good price up to 6,000 tonnes."""
    made = []
    for share in (0.8, 1.0, 1.2):
        grown = share * np.array([2.5, 3.0, 20.0])
        rows = np.zeros((4, 9))
        rows[0, :3] = 1.0
        rows[1:, :3] = np.diag(grown)
        rows[1, [3, 5]] = rows[2, [4, 6]] = 1.0, -1.0
        rows[3, 7:] = -1.0
        profit = np.array([-150, -230, -260, -238, -210, 170, 150, 36, 10], float)
        upper = np.r_[np.full(7, np.inf), 6000.0, np.inf]
        limits = np.array([-np.inf, 200, 240, 0]), np.array([500, np.inf, np.inf, np.inf])
        goal = Goal("profit", profit, 0.0, "max")
        made.append(
            LinearProgram(sparse.csr_array(rows), *limits, np.zeros(9), upper, (goal,), np.zeros(9), np.ones(9))
        )
    return of_programs(made, np.arange(9) < 3)


def yearly(seed, places=400, years=3, tiers=4):
    """One draw in rand: spend (place, year) first, then reach (place, year, tier), each backlog met once in all years."""
    rng = np.random.default_rng(seed)
    spend = np.arange(places * years).reshape(places, years)
    reach = spend.size + np.arange(spend.size * tiers).reshape(places, years, tiers)
    n, cell, tier = spend.size + reach.size, np.arange(spend.size), np.arange(places * tiers).reshape(places, tiers)
    had = rng.lognormal(18, 1.5, (places, 1)) * 1.05 ** np.arange(years)
    cost = rng.lognormal(9.4, 0.7, (places, 1, 1)) * 1.05 ** np.arange(years)[:, None] * np.linspace(1, 2.5, tiers)
    missing = had.sum(axis=1)[:, None] / cost[:, 0] * rng.uniform(0.2, 0.8, (places, 1))
    rows = [
        _rows(spend.size, n, np.repeat(cell, tiers), reach, cost) - _rows(spend.size, n, cell, spend, 1.0),
        *(sum(_rows(tier.size, n, tier, reach[:, y], 1.0) for y in range(year + 1)) for year in range(years)),
    ]
    limit = np.concatenate([np.zeros(spend.size), *[missing.ravel()] * years])
    worth = np.zeros(n)
    worth[reach] = rng.choice([0.5, 0.75, 1.0], (places, 1, 1)) * np.arange(9.0, 9 - years, -1)[:, None] * np.linspace(1.3, 0.7, tiers)  # fmt: skip
    sides = np.full(limit.size, -np.inf), limit, np.zeros(n), np.full(n, np.inf)
    first = np.arange(n) < spend.size
    goal, target = Goal("worth", worth, 0.0, "max"), np.concatenate([had.ravel(), np.zeros(reach.size)])
    return Draws(
        LinearProgram(sparse.vstack(rows), *sides, (goal,), target, np.where(first, 1000.0, 1.0)), first, [1.0], {}
    )
