"""The one way things are timed here."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from allocate.rules.tree import read_condition, read_expression, read_rule
from allocate.units import Unit


def measure(verbs: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The median CPU seconds of each verb, in turn, after one warm-up of each.

    Interleaved, so that a machine that slows down slows all of them; CPU seconds, so that others on it do not count.
    What a verb leaves behind is collected, and what was read of rules and units forgotten, before the next one starts.
    """
    taken: dict[str, list[float]] = {name: [] for name in verbs}
    for turn in range(repeats + 1):
        for name, verb in verbs.items():
            gc.collect()
            _forget()
            start = time.process_time()
            made = verb()
            if turn:
                taken[name].append(time.process_time() - start)
            del made
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _forget() -> None:
    """The library reads each text once; what is timed must read it again."""
    for known in (read_rule, read_expression, read_condition, Unit.parse):
        known.cache_clear()
