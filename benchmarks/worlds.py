"""Made-up Worlds of three sizes for the shipped model, with what makes real ones hard.

Money in whole R thousand, places that get nothing of a grant, services that nobody counts, shares to two decimals,
costs and need weights that many places share: so most plans are tied with many others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from allocate.regions import Registry
from allocate.tables import Datum
from allocate.world import World

type Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Size:
    """How many labels each dim has; the last ``unmeasured`` services have no backlog in the data."""

    grants: int
    services: int
    unmeasured: int
    tiers: int
    bands: int
    years: int
    spaces: int = 52


#: About 1,250, 15,600 and 146,000 columns with separate grants.
SIZES: Final = {
    "small": Size(grants=3, services=4, unmeasured=1, tiers=3, bands=2, years=1),
    "medium": Size(grants=10, services=12, unmeasured=3, tiers=4, bands=3, years=3),
    "large": Size(grants=20, services=33, unmeasured=6, tiers=6, bands=5, years=6),
}


def shipped_shape(spaces: int) -> Size:
    """The shape of one year of the shipped World, over so many spaces."""
    return Size(grants=7, services=7, unmeasured=3, tiers=3, bands=3, years=1, spaces=spaces)


def generated(size: Size | str, seed: int = 0) -> World:
    """A World with every datum of ``grant_consolidation``; what was actually spent keeps every rule.

    >>> dict(generated("small").data.sizes)["space"]
    52
    """
    shape = SIZES[size] if isinstance(size, str) else size
    return _Maker(shape, np.random.default_rng(seed)).world()


class _Maker:
    """Draws every datum, in an order that the seed fixes."""

    def __init__(self, size: Size, chance: np.random.Generator) -> None:
        self.size, self.chance = size, chance
        counts = {"space": size.spaces, "grant": size.grants, "pool": size.grants, "service": size.services}
        counts |= {"purpose": size.services, "tier": size.tiers, "band": size.bands, "year": size.years}
        self.labels = {dim: [f"{dim[0].upper()}{k:02d}" for k in range(1, n + 1)] for dim, n in counts.items()}
        self.labels["pool"] = self.labels["grant"]
        self.data: list[Datum] = []

    def world(self) -> World:
        self._money()
        self._households()
        self._worth()
        spaces = self.labels["space"]
        regions = Registry(("code", "name", "other_names"), tuple((s, f"Space {s[1:]}", "") for s in spaces))
        labels = {dim: tuple(these) for dim, these in self.labels.items() if dim != "space"}
        return World.build("generated", self.data, labels, regions)

    def _money(self) -> None:
        """Every service is paid by the first grant and a few more; every space gets the first grant and most others."""
        size, chance = self.size, self.chance
        may_fund = chance.random((size.grants, size.services)) < 0.25
        may_fund[0] = True
        may_fund[np.arange(1, size.grants), np.arange(1, size.grants) % size.services] = True
        may_receive = chance.random((size.spaces, size.grants)) < 0.7
        may_receive[:, 0] = True
        had = chance.lognormal(11, 1, (size.spaces, size.grants, 1)) * may_receive[:, :, None]
        had = np.round(had * 1.05 ** np.arange(size.years)) * 1000
        budget = had.sum(axis=0)
        split = np.floor(100 * self._shares(may_fund)) / 100
        split[np.arange(size.grants), may_fund.argmax(axis=1)] += 1 - split.sum(axis=1)
        spent = np.einsum("sgy,gk->sky", had, split)
        whole = had.sum(axis=1)
        self._add("member", "flag", ("grant", "pool"), np.eye(size.grants))
        self._add("budget", "R", ("grant", "year"), budget)
        self._add("may_receive", "flag", ("space", "grant"), may_receive)
        self._add("may_fund", "flag", ("grant", "service"), may_fund)
        self._add("serves", "flag", ("service", "purpose"), np.eye(size.services))
        self._add("purpose_share", "1", ("grant", "purpose"), np.floor(split * 50) / 100)
        self._add("service_split", "1", ("grant", "service"), split)
        self._add("baseline", "R", ("space", "grant", "year"), had)
        self._add("got_share", "1", ("space", "grant", "year"), had / budget)
        self._add("pace", "1", ("year",), np.full(size.years, 2.0))
        self._add("keep", "1", ("year",), np.full(size.years, 0.9))
        record = np.round(chance.uniform(1.05, 1.4, (size.spaces, 1)), 2)
        self._add("absorb", "R", ("space", "year"), np.floor(whole * record / 1000) * 1000)
        self.spent = spent

    def _shares(self, may: Values) -> Values:
        drawn = self.chance.gamma(2.0, 1.0, may.shape) * may
        shares: Values = drawn / drawn.sum(axis=1, keepdims=True)
        return shares

    def _households(self) -> None:
        """Costs are a service's times one of five levels of places; a tenth of backlogs are nothing."""
        size, chance = self.size, self.chance
        measured = np.arange(size.services) < size.services - size.unmeasured
        there = np.broadcast_to(measured, (size.spaces, size.services))
        households = np.round(chance.lognormal(12.2, 1, (size.spaces, 1)))
        missing = np.round(households * chance.uniform(0.02, 0.4, (size.spaces, size.services)))
        missing *= there & (chance.random(there.shape) < 0.9)
        tiers = np.floor(missing[:, :, None] * np.linspace(1.5, 0.5, size.tiers) / size.tiers)
        served = np.where(there, households - missing, 0)
        level = chance.choice([0.94, 0.97, 1.0, 1.03, 1.09], (size.spaces, 1))
        cost = np.round(chance.lognormal(9.4, 0.7, size.services), -1) * level * there
        steps = np.linspace(1, 2, size.tiers)
        inflation = 1.05 ** np.arange(size.years)
        per_band = np.floor(households / size.bands)[:, :, None, None] * there[:, :, None, None]
        band = np.broadcast_to(per_band, (size.spaces, size.services, size.bands, size.years)).copy()
        band[:, :, 0] += (households * there)[:, :, None] - band.sum(axis=2)
        dims = ("space", "service")
        self._add("unmeasured", "flag", ("service",), ~measured)
        self._add("unit_cost", "R/household", (*dims, "tier", "year"), _outer(cost, steps, inflation))
        self._add("tier_size", "household", (*dims, "tier"), tiers)
        self._add("renew_cost", "R/household", (*dims, "year"), 0.5 * _outer(cost, inflation))
        self._add("survives", "1", dims, there * (1 - 1 / chance.choice([20, 25, 50, 60], size.services)))
        self._add("served_now", "household", dims, served)
        self._add("band_size", "household", (*dims, "band", "year"), band)

    def _worth(self) -> None:
        size, chance = self.size, self.chance
        counted = np.arange(size.services) < size.services - size.unmeasured
        value = counted * chance.choice([0.5, 0.75, 1.0, 1.25], size.services)
        self._add("need_weight", "1", ("space",), np.round(chance.uniform(0.6, 1.6, size.spaces), 1))
        self._add("value", "1", ("service",), value)
        self._add("value_equal", "1", ("service",), counted)
        self._add("value_share", "1", ("service",), value[::-1] * counted)
        self._add("band_weight", "1", ("band",), np.linspace(2, 1, size.bands))
        self._add("discount", "year", ("year",), 1.04 ** -np.arange(size.years))
        self._add("years_after", "1", ("service",), counted * chance.choice([4.0, 8.0, 9.0], size.services))

    def _add(self, name: str, unit: str, dims: Sequence[str], values: Any) -> None:
        self.data.append(datum(name, unit, dims, values, self.labels))


def datum(name: str, unit: str, dims: Sequence[str], values: Any, labels: Mapping[str, Sequence[str]]) -> Datum:
    """An array as the long table that a World is built from."""
    full = np.asarray(values, dtype=float)
    cells = np.indices(full.shape).reshape(full.ndim, full.size)
    frame = pd.DataFrame({d: np.array(labels[d])[at] for d, at in zip(dims, cells, strict=True)})
    frame["value"] = full.ravel()
    return Datum(name, frame, unit, "assumed", "made up for benchmarks", "2019")


def _outer(values: Values, *factors: Values) -> Values:
    """Values with one more axis for every factor."""
    for factor in factors:
        values = values[..., None] * factor
    return values
