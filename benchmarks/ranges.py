"""How far every space's money could move, by the clock: ``python -m benchmarks ranges`` (half a minute).

Both ends of all 52 spaces of the shipped model, on one year and on three: over all plans as good, and over those that
lose at most 1% of the last goal, of what the money reaches of it or of its whole value. Each end is proved.
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
    reached, value = found.outcome(found.plan), abs(found.plan.goals[found.goal])
    allowed = {"as good": 0.0, "1% of what money reaches": 0.01 * reached, "1% of the whole value": 0.01 * value}
    total = 0.0
    for name, give in allowed.items():
        start, worked = time.perf_counter(), time.process_time()
        ends = found.plan.ranges("spend", give=give)
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        width = (ends["most"] - ends["least"]).values / 1e6
        print(
            f"  {name:<26} {2 * width.size} ends in {seconds:6.2f} s ({worked:.2f} s CPU):"
            f" {(width > 1e-3).sum():2d} spaces could move, {width.sum() / 2:9,.0f} between them"
        )
        total += seconds
    return total
