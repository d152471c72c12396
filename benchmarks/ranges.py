"""How far every space's money could move, by the clock: ``python -m benchmarks ranges`` (half a minute).

Both ends of all 52 spaces of the shipped model, on one year and on three: over all plans as good, and over those that
lose at most 0.1% or 1% of what the money reaches of the last goal. Each end is proved, and each is of one space alone.
"""

from __future__ import annotations

import time

from allocate.runs import Run, run


def table() -> None:
    """Print seconds, and how many spaces could move how far."""
    total = 0.0
    for years in (["2019/20"], None):
        total += _horizon(run("grant_consolidation", "za2016", years=years))
    print(f"  {total:.2f} s in all")


def _horizon(found: Run) -> float:
    rows, columns = found.plan.program.linear.matrix.shape
    years = found.case.world.labels("year")
    print(f"\n{years[0]} to {years[-1]}: {columns:,} columns, {rows:,} rows; R million")
    reached, total = found.outcome(found.plan), 0.0
    for name, share in {"as good": 0.0, "within 0.1%": 0.001, "within 1%": 0.01}.items():
        start, worked = time.perf_counter(), time.process_time()
        ends = found.plan.ranges("spend", give=share * reached)
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        width = (ends["most"] - ends["least"]).values / 1e6
        print(
            f"  {name:<11} {2 * width.size} ends in {seconds:6.2f} s ({worked:.2f} s CPU):"
            f" {(width > 1e-3).sum():2d} spaces could move, by {abs(width).mean():,.0f} on average"
        )
        total += seconds
    return total
