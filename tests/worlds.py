"""Random Worlds for every shipped model, in which the actual split keeps all rules that nobody has to switch on.

Money comes in steps of R32m and shares in eighths or twentieths, so that what models round to R thousand (guarantees,
caps, floors) is whole already, also in fifths: a law about scaled or divided money would else hold only to the nearest
R thousand.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import strategies as st

from allocate.regions import Registry
from allocate.tables import Datum
from allocate.units import Unit
from allocate.world import World

type Labels = Mapping[str, tuple[str, ...]]
type Facts = dict[str, tuple[str, tuple[str, ...], Any]]

STEP = 32e6
HEADER = ("code", "name", "other_names", "province", "kind")
MARKS = ("principal", "significant", "not targeted", "unscreened")
DIMS = {"head": ("female", "male"), "sex": ("women", "men"), "mark": MARKS, "budget_category": ("general", "targeted")}


def worlds(unmeasured: bool = True, spaces: int = 6) -> st.SearchStrategy[World]:
    """A World of 2 to ``spaces`` spaces, 1 to 3 grants, services, years and tiers, and 1 or 2 bands and purposes; where
    ``unmeasured``, the last of several services may have no backlog."""
    most = {"grant": 3, "service": 3, "purpose": 2, "tier": 3, "band": 2, "year": 3}
    sizes = {"space": st.integers(2, spaces), **{dim: st.integers(1, n) for dim, n in most.items()}}
    return st.builds(made, st.integers(0, 2**32 - 1), st.just(unmeasured), **sizes)


def made(seed: int, unmeasured: bool = True, **sizes: int) -> World:
    """The World of these sizes and this seed."""
    labels = {dim: tuple(f"{dim[0].upper()}{n}" for n in range(1, size + 1)) for dim, size in sizes.items()}
    labels |= {"pool": labels["grant"], **DIMS}
    facts = _Facts(labels, np.random.default_rng(seed))
    facts.rights(unmeasured)
    facts.money()
    facts.people()
    facts.costs()
    facts.gender()
    facts.options()
    places = [(s, f"Place {s}", "", f"p{n % 2}", ("metro", "district")[n % 2]) for n, s in enumerate(labels["space"])]
    tables = [table(name, unit, dims, values, labels) for name, (unit, dims, values) in facts.found.items()]
    return World.build(
        "random", tables, {d: v for d, v in labels.items() if d != "space"}, Registry(HEADER, tuple(places))
    )


def table(name: str, unit: str, dims: Sequence[str], values: Any, labels: Labels) -> Datum:
    """A datum with one row a cell."""
    cells = list(itertools.product(*(labels[d] for d in dims)))
    frame = pd.DataFrame(cells, columns=list(dims), index=range(len(cells)))
    frame["value"] = np.asarray(values, dtype=float).ravel()
    return Datum(name, frame, unit, "assumed", "made up for tests", "2019")


class _Facts:
    """Data by name, family by family; each uses those before it."""

    def __init__(self, labels: Labels, chance: np.random.Generator) -> None:
        self.labels, self.chance = labels, chance
        self.found: Facts = {}

    def add(self, name: str, unit: str, dims: str, values: Any) -> Any:
        """A datum over dims, each named by its first letter or in full; the values are spread over those that lack."""
        whole = {"s": "space", "g": "grant", "k": "service", "p": "purpose", "t": "tier", "b": "band", "y": "year"}
        over = tuple(whole.get(dim, dim) for dim in dims.split())
        full = np.broadcast_to(np.asarray(values, dtype=float), [len(self.labels[dim]) for dim in over])
        self.found[name] = unit, over, full
        return full

    def whole(self, low: int, high: int, dims: str = "") -> Any:
        """Whole numbers from ``low`` to ``high``, both included, one a cell of dims."""
        sizes = {"s": "space", "g": "grant", "k": "service", "p": "purpose", "t": "tier", "y": "year"}
        return self.chance.integers(low, high + 1, [len(self.labels[sizes[dim]]) for dim in dims.split()])

    def _some(self, dims: str, share: int) -> Any:
        """Flags, each on for ``share`` in ten, at least one in every column of the first dim."""
        flags = self.whole(1, 10, dims) <= share
        empty = np.flatnonzero(~flags.any(axis=0))
        flags[self.chance.integers(0, flags.shape[0], empty.size), empty] = True
        return flags

    def _shared(self, whole: Any, parts: int) -> Any:
        """Each whole number as ``parts`` whole numbers, along a new last axis."""
        cuts = np.sort(np.floor(self.chance.random((*np.shape(whole), parts - 1)) * (np.asarray(whole)[..., None] + 1)))
        ends = np.zeros((*np.shape(whole), 1))
        return np.diff(np.concatenate([ends, cuts, ends + np.asarray(whole)[..., None]], axis=-1), axis=-1)

    def rights(self, unmeasured: bool) -> None:
        """Who may receive and fund what, and how every grant's money is divided over services, in eighths; at least half
        of it, or none, is owed where it went."""
        grants, services, purposes = (len(self.labels[d]) for d in ("grant", "service", "purpose"))
        self.add("member", "flag", "grant pool", np.eye(grants))
        self.receive = self.add("may_receive", "flag", "s g", self._some("s g", 8))
        fund = self.add("may_fund", "flag", "g k", self._some("k g", 6).T)
        split = np.zeros((grants, services))
        for grant, flags in enumerate(fund > 0):
            split[grant, flags] = 1 + self.chance.multinomial(8 - flags.sum(), flags[flags] / flags.sum())
        self.split = self.add("service_split", "1", "g k", split / 8)
        serves = self.add("serves", "flag", "k p", np.eye(purposes)[self.chance.integers(0, purposes, services)])
        self.add("purpose_share", "1", "g p", self.split @ serves * self.whole(0, 2, "g p") / 2)
        alone = np.zeros(services, dtype=bool)
        alone[-1] = unmeasured and services > 1 and self.chance.random() < 0.3
        self.add("unmeasured", "flag", "k", alone)
        self.measured = 1 - alone

    def money(self) -> None:
        """What was had, what is voted (more than that, but where a part of it would have to go beyond what a space can
        spend), and what may be spent: more than what was had."""
        had = STEP * self.receive[..., None] * (self.whole(2, 12, "s g")[..., None] + self.whole(0, 2, "s g y"))
        voted = self.whole(0, 4, "g y") * self.measured.all()
        self.add("budget", "R", "g y", had.sum(axis=0) * (8 + voted) / 8)
        self.add("baseline", "R", "s g y", had)
        self.add("got_share", "1", "s g y", had / had.sum(axis=0))
        self.had = had.sum(axis=1)
        self.add("keep", "1", "y", self.whole(10, 19, "y") / 20)
        self.add("pace", "1", "y", self.whole(4, 16, "y") / 4)
        self.absorb = self.add("absorb", "R", "s y", self.had * (8 + self.whole(1, 12, "s y")) / 8)

    def people(self) -> None:
        """Households of a space, served or waiting in cost tiers, alike in every measured service."""
        tiers, bands = (len(self.labels[d]) for d in ("tier", "band"))
        self.homes = 100 * self.whole(200, 1600, "s")
        self.backlog = 100 * np.floor(self.homes[:, None] / 100 * self.whole(1, 8, "s k") / 10) * self.measured
        self.served = self.add("served_now", "household", "s k", (self.homes[:, None] - self.backlog) * self.measured)
        self.add("tier_size", "household", "s k t", 100 * self._shared(self.backlog / 100, tiers))
        size = self.homes[:, None, None, None] * self.measured[:, None, None] / bands
        self.add("band_size", "household", "s k b y", size)
        self.add("households", "household", "s", self.homes)
        self.add("shared_by", "household", "s", self.homes)
        self.add("poor_households", "household", "s", self.homes * self.whole(2, 8, "s") / 10)

    def costs(self) -> None:
        """What a household costs, the cheapest first, and what it counts."""
        dear = np.cumsum(self.whole(50, 400, "s k t"), axis=2)[..., None] * (20 + np.arange(len(self.labels["year"])))
        cost = self.add("unit_cost", "R/household", "s k t y", 5 * dear)
        self.add("renew_cost", "R/household", "s k y", np.floor(cost[:, :, 0] / 2) * self.measured[:, None])
        self.add("survives", "1", "s k", np.minimum(self.whole(80, 105, "s k") / 100, 1))
        self.add("need_weight", "1", "s", self.whole(50, 200, "s") / 100)
        for name in ("value", "value_equal", "value_share"):
            worth = np.ones(self.measured.size) if name == "value_equal" else self.whole(50, 150, "k") / 100
            self.add(name, "1", "k", worth * np.maximum(self.measured, name == "value_equal"))
        self.add("band_weight", "1", "b", [2, 1][-len(self.labels["band"]) :])
        self.add("discount", "year", "y", 0.95 ** np.arange(len(self.labels["year"])))
        self.add("years_after", "1", "k", self.whole(0, 8, "k") * self.measured)

    def gender(self) -> None:
        """Who heads households and who waits: never more women, nor men, than there are; in 64ths, which products with
        whole households keep exactly."""
        women = self.whole(20, 40, "s") / 64
        self.add(
            "households_by_head", "household", "s head", self.homes[:, None] * np.stack([women, 1 - women], axis=-1)
        )
        waits = self.backlog / self.homes[:, None]
        most = np.minimum(1, women[:, None] / np.maximum(waits, 0.1))
        share = np.floor(64 * (women[:, None] + (most - women[:, None]) * self.whole(0, 8, "s k") / 10)) / 64
        self.add("backlog_share", "1", "s k head", np.stack([share, 1 - share], axis=-1))
        self.add("targeting", "1", "k", self.whole(0, 8, "k") / 10)
        sexes = self.whole(40, 60, "s") / 100
        self.add("population", "person", "s sex", 4 * self.homes[:, None] * np.stack([sexes, 1 - sexes], axis=-1))
        self.add("marker", "flag", "k mark", np.eye(4)[self.whole(0, 3, "k")])
        self.add("category", "flag", "k budget_category", np.eye(2)[self.whole(0, 1, "k")])
        self.add("women_in_jobs", "1", "k", self.whole(2, 8, "k") / 10)

    def options(self) -> None:
        """What only rules of the medium term and of equity need."""
        self.add("rural_share", "1", "s", self.whole(0, 10, "s") / 10)
        self.add("matching", "1", "g", self.whole(1, 4, "g") / 10)
        self.add("own_revenue", "R", "s y", STEP * self.whole(20, 90, "s y"))
        self.add("operating_transfers", "R", "s y", STEP * self.whole(1, 20, "s y"))
        self.add("jobs", "job/R", "k", self.whole(1, 8, "k") * 1e-6)
        self.add("labour", "1", "k", self.whole(1, 9, "k") / 10)
        self.add("run_cost", "R/household", "k y", 100 * self.whole(5, 50, "k y") * self.measured[:, None])


def shuffled(world: World, chance: np.random.Generator, names: Mapping[str, str]) -> World:
    """The same World from tables with rows, columns and labels in another order (years stay), spaces called ``names``."""
    order = {str(dim): list(world.labels(str(dim))) for dim in world.data.dims}
    for dim in sorted(order.keys() - {"year"}):
        chance.shuffle(order[dim])
    order["pool"] = sorted(order["pool"], key=order["grant"].index)
    labels = {dim: tuple(names.get(x, x) if dim == "space" else x for x in found) for dim, found in order.items()}
    tables = []
    for name, array in world.data.data_vars.items():
        values = array.sel({dim: order[str(dim)] for dim in array.dims}).values
        datum = table(str(name), array.attrs["unit"], [str(dim) for dim in array.dims], values, labels)
        frame = datum.frame.sample(frac=1, random_state=int(chance.integers(1000)))
        tables.append(replace(datum, frame=frame[[*chance.permutation(frame.columns)]]))
    assert world.regions is not None
    rows = {row[0]: (names.get(row[0], row[0]), *row[1:]) for row in world.regions.rows}
    places = Registry(HEADER, tuple(rows[space] for space in order["space"]))
    return World.build("shuffled", tables, {d: v for d, v in labels.items() if d != "space"}, places)


def in_other_money(world: World, factor: float) -> World:
    """All money multiplied, and what is counted for each rand divided."""
    for name, array in world.data.data_vars.items():
        power = dict(Unit.parse(array.attrs["unit"]).powers).get("R", 0)
        world = world.with_data(str(name), array * factor**power)
    return world


def in_two(world: World, fifths: int) -> World:
    """The first space as two, so many fifths of everything that is counted in one and the rest in the other.

    Rates, flags, costs and weights are those of the whole; a share of a grant is counted.
    """
    first, *others = world.labels("space")
    halves = {first: fifths / 5, f"{first}b": 1 - fifths / 5}
    whole = {**dict.fromkeys(halves, first), **{space: space for space in others}}
    data = world.data.sel(space=list(whole.values())).assign_coords(space=list(whole))
    part = xr.DataArray([halves.get(space, 1.0) for space in whole], {"space": list(whole)}, ["space"])
    for name, array in data.data_vars.items():
        counted = name == "got_share" or array.attrs["unit"] in ("R", "household", "person")
        if "space" in array.dims and counted:
            data[name] = (array * part).transpose(*array.dims).assign_attrs(array.attrs)
    assert world.regions is not None
    (code, name, *more), *rows = world.regions.rows
    return World("two", data, Registry(HEADER, ((code, name, *more), (f"{code}b", f"{name} b", *more), *rows)))


def with_more(world: World, dim: str, label: str, **values: float) -> World:
    """One more label of a dim (of a grant, a pool of its own too): 0 in every datum, but for those that are given."""
    data = world.data
    for name in (dim, *(["pool"] if dim == "grant" else [])):
        data = data.reindex({name: [*world.labels(name), label]}, fill_value=0.0)
    for name, value in values.items():
        data[name].loc[{d: label for d in (dim, "pool") if d in data[name].dims}] = value
    regions = world.regions
    if dim == "space":
        assert regions is not None
        regions = Registry(HEADER, (*regions.rows, (label, f"Place {label}", "", *regions.rows[0][3:])))
    return World("more", data, regions)
