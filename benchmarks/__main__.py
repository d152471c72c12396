"""``python -m benchmarks``: every table; name one or more of them, and sizes; ``--quick`` is a smoke of seconds.

speed: every shipped model, verb by verb. peers: stating a program, beside PuLP and linopy. configurations: one plan
whatever route (large takes an hour, so ask for it). ranges: how far every space could move. frontier: 20 points,
beside PuLP. resolve: hundreds of what-ifs, beside PuLP and linopy, and a thousand warm plans beside cold ones (ten
minutes). laminar: thousands of weights and budgets, beside HiGHS. risk: money before need, draw by draw (half an hour).
projection: many draws of people, beside numpy and JAX. policies: plans year by year on many draws (five minutes).
growth: 52, 257 and 4,468 regions. survive: what a sweep of 10,000 plans comes to when it is killed and loses workers
(ten minutes). sweep: is every shipped question answered.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence

from benchmarks import (
    configurations,
    frontier,
    growth,
    laminar,
    peers,
    policies,
    projection,
    ranges,
    resolve,
    risk,
    speed,
    survive,
    sweep,
)
from benchmarks.worlds import SIZES

TABLES = (
    *("speed", "peers", "configurations", "ranges", "frontier", "resolve", "laminar", "risk", "projection", "policies"),
    *("growth", "survive", "sweep"),
)
REPEATS = {"small": 7, "medium": 7, "large": 1}


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"any of {', '.join(TABLES)}; all when none is named"
    )
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=None, help="of made-up programs")
    parser.add_argument("--quick", action="store_true", help="the smallest of each table but survive and sweep, once")
    asked = parser.parse_args()
    if unknown := set(asked.tables) - set(TABLES):
        parser.error(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    if asked.quick:
        run(asked.tables or TABLES[:-2], ["small"], quick=True)
    else:
        run(asked.tables or TABLES, asked.sizes or [*SIZES], large=bool(asked.sizes))


def run(tables: Sequence[str], sizes: Sequence[str], quick: bool = False, large: bool = False) -> None:
    """Print tables for made-up programs of some sizes; ``large`` lets configurations take its hour."""
    repeats = {size: 1 if quick else REPEATS[size] for size in sizes}
    if "speed" in tables:
        speed.startup(1 if quick else 7)
        for title, case, options in itertools.islice(speed.subjects(sizes), 1 if quick else None):
            speed.table(title, case, options, repeats.get(title.split()[-1], 1 if quick else 7))
    if "peers" in tables:
        peers.tables(repeats)
    if "configurations" in tables:
        for size in sizes:
            if (size != "large" or large) and not configurations.table(size):
                raise SystemExit(f"{size}: not every configuration publishes the same plan")
    if "ranges" in tables:
        ranges.table()
    if "frontier" in tables:
        frontier.tables({size: min(repeats[size], 3) for size in sizes if size != "large" or large})
    if "resolve" in tables:
        many = {"small": 300, "medium": 40}
        resolve.tables({s: 10 if quick else many[s] for s in sizes if s in many}, 3 if quick else 1000)
    if "laminar" in tables:
        laminar.table(*((1, 512) if quick else (7, 4096)))
    if "risk" in tables:
        if quick:
            risk.tables((10,), (5,), seconds=20.0)
        else:
            risk.tables((100, 1000))
    if "projection" in tables:
        if quick:
            projection.tables(640, 1)
        else:
            projection.tables()
    if "policies" in tables:
        policies.table(*((1, 8) if quick else (10, 1000)))
    if "growth" in tables:
        growth.table(growth.REGIONS[:2] if quick else growth.REGIONS)
    if "survive" in tables:
        if quick:
            survive.table(256, 1)
        else:
            survive.table()
    if "sweep" in tables:
        sweep.main()


if __name__ == "__main__":
    main()
