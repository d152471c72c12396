"""What a comparison of policies says, one sentence a finding, in the order that a reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from allocate.active import used
from allocate.findings import DUST, FEW_SPACES, MOST
from allocate.names import TIME
from allocate.rolling.comparison import Policies
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
    plain = [*_walked(found), *_gains(found), *_ranks(found), *_services(found)]
    return [*map(Sentence, plain), *(Sentence(words, warning=True) for words in _warned(found))]


def _walked(found: Policies) -> Iterator[str]:
    setting, draws = found.setting, found.setting.future.draws
    years = f"{setting.years} year{'s' if setting.years > 1 else ''}"
    yield (
        f"Walked: {years} from {setting.labels[0]}, the same {draws:,} draw{'s' if draws > 1 else ''} of people and "
        "delivery for every policy."
    )


def _gains(found: Policies) -> Iterator[str]:
    """A sentence a policy: what it gains over the actual split, how much of that survives, and where it loses."""
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
            f"{quantity(row['gain, 95%'], '')}. All services together better than under the actual split in "
            f"{row['better'] * draws:,.0f} of {draws:,} draws{_by_service(found, name)}."
        )


def _by_service(found: Policies, name: str) -> str:
    """In which services a policy loses, before those in which it gains; on average over draws."""
    draws, each = found.setting.future.draws, found.gained(name).sum(axis=0)
    rows = sorted(zip(each, found.setting.future.services, found.worse(name), strict=True), reverse=True)
    least = DUST * float(np.abs(each).sum())
    lost = [
        f"{service} is worse in {worse * draws:,.0f} of them ({quantity(value, '')} on average)"
        for value, service, worse in reversed(rows)
        if value < -least
    ]
    gained = ", ".join(f"{service} {quantity(value, '')}" for value, service, _ in rows if value > least)
    if not lost:
        return f": {gained}" * bool(gained)
    return f", but {' and '.join(lost)}" + f"; {gained}" * bool(gained)


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
        f"{behind if regret > 0 else 'the best policy of every draw'}.{_one_year_at_a_time(str(most[1]), found)}"
    )


def _one_year_at_a_time(best: str, found: Policies) -> str:
    """Why the plan for the worst tenth need not be the best there."""
    if "cvar" not in found.names or best == "cvar":
        return ""
    return (
        f" {NAMES['cvar']} guards against the worst of one year, on few draws; over all years that is not the best "
        "guard."
    )


def _concentrated(found: Policies) -> Iterator[str]:
    """Policies whose gain is mostly of one service, or in few spaces."""
    served, few = [], []
    for name in found.names[1:]:
        gained, its = found.gained(name), _its(name)
        if (total := float(gained.sum())) <= 0:
            continue
        services, spaces = gained.sum(axis=0), np.sort(gained.sum(axis=1))[::-1]
        if services.max() > MOST * total:
            most = found.setting.future.services[int(services.argmax())]
            served.append(f"{most} is {services.max() / total:.0%} of what {its} gains in all")
        if spaces.size > 2 * FEW_SPACES and spaces[:FEW_SPACES].sum() > MOST * total:
            few.append(its)
    if served:
        yield (
            f"Mostly one service: {'; '.join(served)}. What a year of a service is worth, and what it costs, are for a "
            "reader to judge."
        )
    if few:
        yield f"Mostly few places: {FEW_SPACES} spaces have more than {MOST:.0%} of the gain of {', '.join(few)}."


def _services(found: Policies) -> Iterator[str]:
    """A sentence a service: households without it at the start, and at the end under each policy."""
    data, (start, *_, last) = found.dataset(), found.setting.future.years
    for service in found.setting.future.services:
        middle: Any = data["backlog"].sel({SERVICE: service, "quantile": 0.5})
        each = (f"{_its(name)} {_many(float(middle.sel({TIME: last, 'policy': name})))}" for name in found.names)
        was = _many(float(middle.sel({TIME: start}).isel(policy=0)))
        yield (
            f"{service.capitalize()}: {was} households without it in {start}; in {last}, in the median draw: "
            f"{', '.join(each)}."
        )


def _its(name: str) -> str:
    """What a policy is called within a sentence."""
    return NAMES[name][0].lower() + NAMES[name][1:]


def _many(value: float) -> str:
    return quantity(value, "").lstrip("+")


def _warned(found: Policies) -> Iterator[str]:
    """What a reader must weigh before quoting the rest."""
    setting, world = found.setting, found.setting.case.world
    yield from _concentrated(found)
    yield from _only_grants(found)
    idle = (f"{found.idle(name):.1%} of {_its(name)}" for name in found.names)
    yield (
        f"Money that buys nothing: {', '.join(idle)}, where nobody is left to serve. Had that of the actual split gone "
        f"to other services of the same space, it would reach {quantity(found.moved, found.unit).lstrip('+')} more, "
        "and every gain over it would be less by as much."
    )
    shipped = world.labels(TIME)
    if beyond := [label for label in setting.labels if label not in shipped]:
        yield (
            f"Money from {beyond[0]} on is assumed: budgets, the actual split, formula shares, costs and limits of "
            f"{shipped[-1]} carried forward in real terms, money growing by {setting.growth:.1%} a year."
        )
    yield (
        f"What a planner knows: what has been seen by the beginning of a year, for at most {setting.groups} groups of "
        f"draws, looking {setting.horizon} year{'s' if setting.horizon > 1 else ''} ahead; all plans but that for "
        f"the mean need are made on {PLANNED} draws of a group at most. Better planning could gain more."
    )
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


def _only_grants(found: Policies) -> Iterator[str]:
    """What was added a year before plans begin, whoever paid, beside what these grants then add."""
    future, began = found.setting.future, found.people.calendar.start
    if future.years[0] == began:
        yield "Only these grants build: nothing is added by anybody else."
        return
    before = future.before.sum(axis=0) / (future.years[0] - began)
    after = found.walks[BASELINE].units[:, 0].mean(axis=0).sum(axis=0)
    each = (
        f"{service} {_many(was)}, then {_many(now)}"
        for service, was, now in zip(future.services, before, after, strict=True)
    )
    yield (
        f"Only these grants build: from {future.years[0]} on nobody else does, and until then what anybody builds is "
        f"counted. Served anew or again in a year before, and under the actual split in {found.setting.labels[0]}: "
        f"{'; '.join(each)}. So households without a service are those that grants alone would leave."
    )


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
