"""What a comparison of policies says, one sentence a finding, in the order that a reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from allocate.active import used
from allocate.findings import FEW_SPACES, MOST
from allocate.names import TIME
from allocate.rolling.comparison import ENDS, Policies
from allocate.rolling.future import demanded_at_start
from allocate.rolling.money import BASELINE, FORMULA, PLANNED, SERVICE
from allocate.sentences import Sentence, quantity

NAMES: Final = {
    BASELINE: "The actual split",
    FORMULA: "The formula",
    "expected": "The plan for the mean need",
    "mean": "The plan for the best mean",
    "cvar": "The plan for the worst tenth",
    "regret": "The plan of least regret",
}
"""What a policy is called in a sentence."""

APART: Final = 0.01
"""Of those served at the start: what two Worlds may differ by."""


def findings(found: Policies) -> list[Sentence]:
    """What a comparison says: what each policy gains and how surely, what people get, and what it rests on.

    >>> from allocate.rolling.comparison import policies
    >>> found = policies("grant_consolidation", "za2016", "za2016_people", years=1, draws=8, policies=["formula"])
    >>> str(findings(found)[0])
    'Walked: 1 year from 2017/18, the same 8 draws of people and delivery for every policy.'
    """
    plain = [*_walked(found), *_gains(found), *_parts(found), *_ranks(found), *_services(found)]
    return [*map(Sentence, plain), *(Sentence(words, warning=True) for words in _warned(found))]


def _walked(found: Policies) -> Iterator[str]:
    setting, draws = found.setting, found.setting.future.draws
    years = f"{setting.years} year{'s' if setting.years > 1 else ''}"
    yield (
        f"Walked: {years} from {setting.labels[0]}, the same {draws:,} draw{'s' if draws > 1 else ''} of people and "
        "delivery for every policy."
    )


def _gains(found: Policies) -> Iterator[str]:
    """A sentence a policy: what it gains over the actual split, and how much of it survives uncertainty."""
    base, draws = found.certain(BASELINE), found.setting.future.draws
    for row in found.table().to_dict("records"):
        name = str(row["policy"])
        if name == BASELINE:
            yield (
                f"{NAMES[name]}: {quantity(row['mean outcome'], found.unit)} beyond no money, on average over the "
                "draws; gains are against it."
            )
            continue
        sure, mean = row["certain gain"], row["mean gain"]
        part = f" ({sure / base:+.1%})" if base else ""
        survives = f"; {row['survives']:.0%} of it survives uncertainty" if sure > 0 else ""
        yield (
            f"{NAMES[name]}: {quantity(sure, '')}{part} if nothing were uncertain{survives}: "
            f"{quantity(mean, found.unit)} on average, nine times out of ten {quantity(row['gain, 5%'], '')} to "
            f"{quantity(row['gain, 95%'], '')}. Better than the actual split in "
            f"{row['better'] * draws:,.0f} of {draws:,} draws."
        )


def _ranks(found: Policies) -> Iterator[str]:
    """Which policy is best by each measure."""
    table = found.table().set_index("policy")
    if len(table) < 3:
        return
    most = [table[column].idxmax() for column in ("mean outcome", "mean of the worst tenth")]
    least, regret = table["largest regret"].idxmin(), table["largest regret"].min()
    said = [NAMES[str(name)].lower() for name in (*most, least)]
    behind = f"never more than {quantity(regret, found.unit).lstrip('+')} behind the best policy of a draw"
    yield (
        f"Best on average: {said[0]}. Best in the worst tenth of the draws: {said[1]}. Least to regret: {said[2]}, "
        f"{behind if regret > 0 else 'the best policy of every draw'}."
    )


def _parts(found: Policies) -> Iterator[str]:
    """A sentence a policy that gains: of which service its gain is made."""
    for name in found.names[1:]:
        by = found.gained(name).sum(axis=0)
        parts = (
            f"{service} {quantity(value, '')}" for service, value in zip(found.setting.future.services, by, strict=True)
        )
        yield f"What the gain is made of, {NAMES[name][0].lower()}{NAMES[name][1:]}: {', '.join(parts)}."


def _concentrated(found: Policies) -> Iterator[str]:
    """Policies whose gain is mostly of one service, or in few spaces."""
    setting = found.setting
    for name in found.names[1:]:
        gained = found.gained(name)
        if (total := float(gained.sum())) <= 0:
            continue
        services, spaces = gained.sum(axis=0), np.sort(gained.sum(axis=1))[::-1]
        if services.max() > MOST * total:
            most = setting.future.services[int(services.argmax())]
            yield (
                f"{NAMES[name]}: {most} is {services.max() / total:.0%} of what it gains in all. What a year of it is "
                "worth, and what it costs, are for a reader to judge."
            )
        if spaces.size > 2 * FEW_SPACES and spaces[:FEW_SPACES].sum() > MOST * total:
            yield f"{NAMES[name]}: {FEW_SPACES} spaces have more than {MOST:.0%} of the gain."


def _services(found: Policies) -> Iterator[str]:
    """A sentence a service: households without it at the start, and at the end under each policy."""
    data, last = found.dataset(), found.setting.future.years[-1]
    start = found.setting.future.years[0]
    for service in found.setting.future.services:
        its: Any = data["backlog"].sel({SERVICE: service})
        ends = its.sel({TIME: last})
        each = []
        for name in found.names:
            low, middle, high = (_many(float(ends.sel(policy=name, quantile=q))) for q in (ENDS[0], 0.5, ENDS[1]))
            each.append(f"{name} {middle} ({low} to {high})")
        was = _many(float(its.sel({TIME: start}).isel(policy=0).sel(quantile=0.5)))
        yield (
            f"{service.capitalize()}: {was} households without it in {start}; in {last}, median and nine times out of "
            f"ten: {'; '.join(each)}."
        )


def _many(value: float) -> str:
    return quantity(value, "").lstrip("+")


def _warned(found: Policies) -> Iterator[str]:
    """What a reader must weigh before quoting the rest."""
    setting, world = found.setting, found.setting.case.world
    shipped = world.labels(TIME)
    if beyond := [label for label in setting.labels if label not in shipped]:
        yield (
            f"Money from {beyond[0]} on is assumed: budgets, the actual split, formula shares, costs and limits of "
            f"{shipped[-1]} carried forward in real terms, money growing by {setting.growth:.1%} a year."
        )
    yield (
        f"What a planner knows: what has been seen by the beginning of a year, for at most {setting.groups} groups of "
        f"draws, looking {setting.horizon} year{'s' if setting.horizon > 1 else ''} ahead; plans for the worst tenth "
        f"and for regret are made on {PLANNED} draws of a group at most. Better planning could gain more."
    )
    yield from _concentrated(found)
    others = [s for s in world.labels(SERVICE) if s not in setting.future.services]
    if others:
        yield (
            f"Not walked: {', '.join(others)}. No projection of need or no outcome is in the figures; their money is "
            "spent as the rules say, and counts for nothing here."
        )
    yield from _unlike(found)
    names = used(setting.case.model, setting.case.fixed)
    status = {name: world.data[name].attrs["status"] for name in setting.case.model.data if name in world.data}
    if assumed := [name for name, known in status.items() if name in names and known == "assumed"]:
        yield f"Assumed in the figures of grants, so open to challenge: {', '.join(assumed)}."


def _unlike(found: Policies) -> Iterator[str]:
    """Services of which the two Worlds count others as served at the start."""
    setting, folk = found.setting, found.people.case.world
    needed, served = demanded_at_start(found.people)
    for service in setting.future.services:
        k = folk.labels(SERVICE).index(service)
        ours = setting.case.world.data[["served_now", "band_size"]].sel({SERVICE: service})
        share = float(ours["served_now"].sum() / ours["band_size"].isel({TIME: 0}).sum())
        theirs = float(served[:, k].sum() / np.maximum(needed[:, k].sum(), 1e-300))
        if abs(share - theirs) > APART:
            yield (
                f"Of {service}, the grants count {share:.1%} of households as served at the start and the people "
                f"{theirs:.1%}; the walk goes by the people."
            )
