"""Made-up inputs of projections: ordinary, empty, constant and hostile."""

from __future__ import annotations

from typing import Any

import numpy as np

from allocate.kernels import Inputs


def made(
    seed: int = 0, spaces: int = 5, ages: int = 5, steps: int = 3, corridors: int | None = None, **changed: Any
) -> Inputs:
    """Random inputs of a size; every sex and age has its own corridor unless ``corridors`` are fewer."""
    chance = np.random.default_rng(seed)
    corridors = corridors or 2 * ages
    flow = chance.random((corridors, spaces, spaces)) + 0.01
    flow[:, np.arange(spaces), np.arange(spaces)] = 0
    total = flow.sum(axis=2, keepdims=True)
    over, kinds, many = (steps, 2, ages, spaces), 3, 2
    given = {
        "people": chance.lognormal(6, 1, (2, ages, spaces)),
        "count_sd": np.full(spaces, 0.02),
        "hazard": chance.lognormal(-2.5, 0.5, over),
        "newborn_hazard": chance.lognormal(-3, 0.3, (steps, 2, spaces)),
        "fertility": chance.lognormal(-0.5, 0.3, (steps, 2, spaces)),
        "youngest_mother": 1,
        "boys": 0.507,
        "odds": chance.lognormal(-2, 0.5, over) * (spaces > 1),
        "corridor": np.divide(flow, total, out=np.zeros_like(flow), where=total > 0),
        "corridor_of": chance.integers(0, corridors, (steps, 2, ages)),
        "arrivals": chance.normal(0, 60, over),
        "group": np.sort(np.concatenate([[0], chance.integers(0, 2, spaces - 1)])),
        "period": np.arange(steps),
        "shock_sd": chance.uniform(0.02, 0.2, (5, 3)),
        "persistence": chance.uniform(0, 0.95, 5),
        "weight": chance.random((many, 2, ages, spaces)) * (chance.random((many, 2, ages, 1)) > 0.3),
        "factor": chance.uniform(0.5, 1.5, (steps, many, spaces)),
        "need": chance.random((steps, kinds, many)),
        "stock": chance.lognormal(6.5, 0.7, (steps, kinds, spaces)),
        "built": chance.lognormal(5, 1, (steps, kinds, spaces)) * (chance.random((steps, kinds, spaces)) > 0.2),
        "yields": chance.uniform(0.3, 1, (steps, kinds, spaces)),
        "delivery_common_sd": chance.uniform(0, 0.3, kinds),
        "delivery_sd": np.array([0.0, 0.3, 0.6]),
    }
    return Inputs(**(given | changed))
