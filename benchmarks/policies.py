"""Policies walked through the years: seconds a policy, on the 52 spaces. ``python -m benchmarks policies``.

Ten years, a thousand draws, one process after the other; CPU seconds, so that they add up whatever else runs.
"""

from __future__ import annotations

import time
from typing import Final

from allocate.rolling.comparison import policies

MODEL: Final = "grant_consolidation"


def table(years: int = 10, draws: int = 1000) -> None:
    """Print the seconds of each policy, and of all, with what was drawn before."""
    began = said = time.process_time()
    doing = "reading"

    def watch(what: str) -> None:
        nonlocal said, doing
        now, name = time.process_time(), what.split(",")[0] if "/" in what else what
        if name != doing:
            print(f"  {doing:<24} {now - said:8.1f} s", flush=True)
            said, doing = now, name

    print(f"\n{years} years, {draws:,} draws, 52 spaces: CPU seconds")
    policies(MODEL, "za2016", "za2016_people", years=years, draws=draws, watch=watch)
    print(f"  {doing:<24} {time.process_time() - said:8.1f} s")
    print(f"  {'all':<24} {time.process_time() - began:8.1f} s", flush=True)
