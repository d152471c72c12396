"""Money before need: the certified gap against time, beside HiGHS on all draws in one program.

52 spaces, 8 grants, 3 years and 4 cost tiers: spend in each space, grant and year is decided first, within pools,
guarantees and what spaces can absorb; then a draw tells how large every backlog is and what a household costs, and
the money reaches what it can. Backlogs and costs are lognormal, with a part that the spaces of a province share.
The measure is the mean of the worst tenth of the draws.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from typing import Any, Final

import highspy
import numpy as np
from scipy import sparse

from allocate.optimum.draws import Draws, Varying
from allocate.optimum.extensive import extensive
from allocate.optimum.linear import Goal, LinearProgram
from allocate.optimum.measures import Measure
from allocate.optimum.twostage import Decision, decide
from benchmarks.peers import handed_over

SPACES: Final = 52
GRANTS: Final = 8
YEARS: Final = 3
TIERS: Final = 4
PROVINCES: Final = 9

WORST_TENTH: Final = Measure(alpha=0.9)
GAP: Final = 1e-4
#: How many draws HiGHS gets in one program, and the seconds that it has for each.
TOGETHER: Final = (5, 10, 20, 50, 100)
SECONDS: Final = 300.0

type Values = np.ndarray[Any, np.dtype[np.float64]]


def risky(draws: int, seed: int = 0, spaces: int = SPACES) -> Draws:
    """The problem of a size; what was spent before keeps every rule. Rand, households, household-years.

    >>> small = risky(3, spaces=4)
    >>> len(small), small.base.matrix.shape, small.varying["matrix"].values.shape
    (3, (516, 480), (3, 384))
    """
    chance = np.random.default_rng(seed)
    had = np.round(chance.lognormal(11, 1, (spaces, GRANTS, 1)) * 1.05 ** np.arange(YEARS)) * 1000
    by_space = had.sum(axis=1)
    absorb = np.floor(by_space * chance.uniform(1.05, 1.4, (spaces, 1)) / 1000) * 1000
    steps, inflation = np.linspace(1, 2.5, TIERS), 1.05 ** np.arange(YEARS)[:, None]
    cost = np.round(chance.lognormal(9.4, 0.7, GRANTS), -1)[:, None, None] * steps * inflation
    cost = cost * chance.choice([0.94, 0.97, 1.0, 1.03, 1.09], (spaces, 1, 1, 1))
    need = had.sum(axis=2)[..., None] / cost[:, :, 0, :]
    size = np.floor(need * chance.uniform(0.8, 2.5, (spaces, GRANTS, 1)) * 1.3 / TIERS)
    served = np.arange(YEARS, 0, -1)[:, None] + 6.0  # years that what is built in a year still serves
    worth = chance.choice([0.5, 0.75, 1.0, 1.25], GRANTS)[:, None, None] * served * np.linspace(1.3, 0.7, TIERS)
    worth = worth * np.round(chance.uniform(0.6, 1.6, spaces), 1)[:, None, None, None]
    sizes = size * _factor(chance, draws, spaces, 0.25, 0.15)[..., None]
    costs = cost * _factor(chance, draws, spaces, 0.15, 0.1)[..., None, None]
    return _drawn(had, np.floor(0.9 * by_space / 1000) * 1000, absorb, worth, costs, sizes)


def _factor(chance: np.random.Generator, draws: int, spaces: int, shared: float, own: float) -> Values:
    """Lognormal factors of every draw, space and grant, with a part by province and a part by grant."""
    province = chance.normal(0, shared, (draws, PROVINCES))[:, np.arange(spaces) % PROVINCES, None]
    grant = chance.normal(0, shared, (draws, 1, GRANTS))
    return np.asarray(np.exp(province + grant + chance.normal(0, own, (draws, spaces, GRANTS))))


def _drawn(had: Values, keep: Values, absorb: Values, worth: Values, costs: Values, sizes: Values) -> Draws:
    """The arrays as a program whose first columns are spend, and what differs from draw to draw."""
    spend = np.arange(had.size).reshape(had.shape)
    reach = had.size + np.arange(worth.size).reshape(worth.shape)
    columns, cells = had.size + worth.size, had.size
    entries = np.concatenate([costs[0].reshape(-1, TIERS), np.full((cells, 1), -1.0)], axis=1)
    blocks = [
        _rows(spend.reshape(len(spend), -1).T, 1.0, columns),
        _rows(spend.transpose(0, 2, 1).reshape(-1, GRANTS), 1.0, columns),
        _rows(np.concatenate([reach.reshape(-1, TIERS), spend.reshape(-1, 1)], axis=1), entries, columns),
        *(_rows(reach[:, :, : y + 1].transpose(0, 1, 3, 2).reshape(-1, y + 1), 1.0, columns) for y in range(YEARS)),
    ]
    heights = np.array([block.shape[0] for block in blocks])
    tiers = np.tile(sizes.reshape(len(sizes), -1), YEARS)
    cost, target = np.zeros(columns), np.zeros(columns)
    cost[reach], target[spend] = worth, had
    base = LinearProgram(
        sparse.vstack(blocks),
        np.concatenate([np.full(heights[0], -np.inf), keep.ravel(), np.full(heights[2:].sum(), -np.inf)]),
        np.concatenate([had.sum(axis=0).ravel(), absorb.ravel(), np.zeros(cells), tiers[0]]),
        np.zeros(columns),
        np.full(columns, np.inf),
        (Goal("need met", cost, sense="max"),),
        target,
        np.where(np.arange(columns) < cells, 1000.0, 1.0),
    )
    delivery = heights[:2].sum()
    row = np.repeat(np.arange(base.matrix.shape[0]), np.diff(base.matrix.indptr))
    bought = np.flatnonzero((row >= delivery) & (row < delivery + cells) & (base.matrix.indices >= cells))
    limits = np.arange(delivery + cells, base.matrix.shape[0])
    varying = {"matrix": Varying(bought, costs.reshape(len(costs), -1)), "row_upper": Varying(limits, tiers)}
    return Draws(base, np.arange(columns) < cells, np.full(len(costs), 1 / len(costs)), varying)


def _rows(cells: Any, entries: Any, columns: int) -> Any:
    """A row for each row of cells, with an entry at each of its columns."""
    rows = np.repeat(np.arange(len(cells)), cells.shape[1])
    values = np.broadcast_to(entries, cells.shape).ravel()
    return sparse.csr_array((values, (rows, cells.ravel())), shape=(len(cells), columns))


def tables(many: Sequence[int], together: Sequence[int] = TOGETHER, seconds: float = SECONDS) -> None:
    """Print the curve for each number of draws, then what HiGHS makes of all in one program, as far as it gets."""
    for draws in many:
        curve(risky(draws))
    print(f"\nHiGHS on all draws in one program, {seconds:.0f} s for each; seconds by the clock")
    for draws in together:
        found = [one_program(risky(draws), solver, seconds) for solver in ("simplex", "ipx")]
        if not any(found):
            break


def curve(problem: Draws) -> Decision:
    """Print the bound, the value and the gap after every round, by cuts."""
    rows, columns = problem.base.matrix.shape
    print(f"\n{len(problem):,} draws of {columns:,} columns and {rows:,} rows: mean of the worst tenth")
    print(f"  {'seconds':>8} {'no plan is above':>20} {'a plan that has':>20} {'relative gap':>13}")
    began = time.process_time()
    found = decide(problem, WORST_TENTH, gap=GAP, route="cuts")
    for step in found.history:
        gap = abs(step.bound - step.value) / found.moved
        print(f"  {step.seconds:8.1f} {step.bound:20,.0f} {step.value:20,.0f} {gap:13.1e}")
    used, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {used:.0f} CPU seconds; at most {peak:.2f} GiB were in use", flush=True)
    return found


def one_program(problem: Draws, solver: str, seconds: float) -> bool:
    """Print what HiGHS makes of the extensive form, and say whether it came to an end."""
    linear = extensive(problem, WORST_TENTH, np.zeros(len(problem)))
    highs = handed_over(linear)
    highs.setOptionValue("solver", solver)
    highs.setOptionValue("time_limit", seconds)
    began = time.perf_counter()
    highs.run()
    taken, optimal = time.perf_counter() - began, highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    reached = f"{-highs.getInfo().objective_function_value:,.0f}" if optimal else "nothing proved"
    print(
        f"  {len(problem):5,} draws, {linear.lower.size:8,} columns, {solver:<8} {taken:8.1f} s  {reached}", flush=True
    )
    return bool(optimal)
