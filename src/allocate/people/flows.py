"""Who moves where: how many people a year the rates of a World send from one space to another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.people.cohorts import corridors, numbers
from allocate.people.declared import case_of
from allocate.world import World


def flows(world: World) -> pd.DataFrame:
    """People a year from ``space`` to ``destination`` when a projection starts, the largest first; pairs without any
    are left out.

    People of the start x rates of leaving of the first period, by sex and age, divided over the corridors. Deaths and
    growth within the year are left out, so a projection, which has both, moves a little other numbers.

    >>> from allocate.world import read_world
    >>> flows(read_world("za2016_people")).columns.tolist()
    ['space', 'destination', 'people']

    Raises :class:`allocate.errors.InputError` for a World that cannot be projected.
    """
    whole = case_of(world).world
    rates = numbers(whole, "leaving", "period", "sex", "age", "space")[0]
    leave = (numbers(whole, "people", "sex", "age", "space") * rates).sum(axis=(0, 1))
    moved = leave[:, None] * corridors(whole)[0]
    space, destination = np.nonzero(moved)
    labels = np.array(world.labels("space"))
    frame = pd.DataFrame(
        {"space": labels[space], "destination": labels[destination], "people": moved[space, destination]}
    )
    return frame.sort_values("people", ascending=False, kind="stable", ignore_index=True)
