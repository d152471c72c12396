"""Every datum of ``za2016_people`` and ``za2011_people``, put together from the modules beside this one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.tables import Datum
from allocate.za.demography import base, births, deaths, heads, moves, shocks, stocks
from allocate.za.demography.about import about
from allocate.za.demography.labels import REFERENCE, Floats, dims
from allocate.za.demography.lifetables import closed
from allocate.za.folder import SEXES, long

OVER = {
    "people": ("space", "sex", "age"),
    "count_error": ("space",),
    "death_rate": ("space", "sex", "life_age", "period"),
    "birth_rate": ("space", "mother_age", "period"),
    "boys": (),
    "leaving": ("space", "sex", "age", "period"),
    "corridor": ("space", "destination", "period"),
    "arrivals": ("space", "sex", "age", "period"),
    "head_rate": ("space", "head", "age"),
    "formation": ("period",),
    "per_household": ("service",),
    "per_person": ("service", "age"),
    "capacity": ("space", "service"),
    "decay": ("space", "service", "period"),
    "yields": ("space", "service", "period"),
    "additions": ("space", "service", "period"),
    "delivery_sd": ("service",),
    "delivery_common_sd": ("service",),
    "shock_sd": ("rate", "level"),
    "persistence": ("rate",),
}
"""The dims of each datum, in the order in which a reader meets them."""


def arrays(as_of: int) -> dict[str, Floats]:
    """Every datum as a bare array over the dims of :data:`OVER`.

    >>> arrays(2011)["people"].shape
    (52, 2, 18)
    """
    size = {dim: len(labels) for dim, labels in dims(as_of).items()}
    standard = deaths.of_world(as_of, REFERENCE[as_of])
    mortality = np.array([closed(rates, sex) for rates, sex in zip(standard, SEXES, strict=True)])
    people = base.people(as_of, mortality)
    everybody = people.sum(axis=(1, 2))
    error = shocks.between_accounts(everybody, base.seed(as_of, mortality).sum(axis=(1, 2)))
    moved, strays = moves.moves(as_of, people), shocks.shocks(as_of, people, base.sexes(2011).sum(axis=1))
    delivery = stocks.delivery(as_of)
    return {
        "people": people,
        "count_error": np.full(size["space"], error),
        "death_rate": deaths.death_rate(as_of),
        "birth_rate": births.birth_rate(as_of),
        "boys": np.array(births.boys(as_of)),
        "leaving": moved.leaving,
        "corridor": moved.corridor,
        "arrivals": moves.arrivals(as_of, people),
        "head_rate": heads.head_rate(as_of, people),
        "formation": np.ones(size["period"]),
        "per_household": stocks.per_household(),
        "per_person": stocks.per_person(),
        "capacity": stocks.capacity(as_of, people),
        "decay": stocks.decay(as_of),
        "yields": np.ones((size["space"], size["service"], size["period"])),
        "additions": stocks.additions(as_of, people),
        "delivery_sd": np.full(size["service"], delivery.own),
        "delivery_common_sd": np.full(size["service"], delivery.common),
        "shock_sd": strays.sd,
        "persistence": strays.persistence,
    }


def data(as_of: int) -> list[Datum]:
    """Every datum of the world as of a year, with its unit, status, source, years and reason.

    >>> [datum.period for datum in data(2011) if datum.name == "leaving"]
    ['2006-2011']
    """
    words = about(as_of)
    found = arrays(as_of)
    return [Datum(name=name, frame=_frame(found[name], over, as_of), **words[name]) for name, over in OVER.items()]


def _frame(values: Floats, over: tuple[str, ...], as_of: int) -> pd.DataFrame:
    labels = dims(as_of)
    return long(values, **{dim: labels[dim] for dim in over}) if over else pd.DataFrame({"value": [float(values)]})
