"""Several policies on the same draws: what each gains over the actual split, how surely, and what people get of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import active_children, get_context
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.active import variables_in
from allocate.builder import build
from allocate.changes import Case, apply, certain
from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE, TIME, VERSION
from allocate.optimum.measures import Measure
from allocate.people.declared import NAME as PEOPLE
from allocate.people.projection import PROBABILITIES, Prepared
from allocate.read import read_model, read_scenario
from allocate.rolling.future import first_year, future, prepared
from allocate.rolling.money import BASELINE, BESIDE, FORMULA, KNOWN, MOVED, NOTHING, POLICIES, SERVICE, SHARED
from allocate.rolling.years import Setting, Walk, walk
from allocate.rules.tree import read_rule
from allocate.spec import Model, Scenario
from allocate.world import World, read_world

type Watch = Callable[[str], None]
type Values = np.ndarray[Any, np.dtype[np.float64]]

ENDS: Final = (0.05, 0.95)
"""The quantiles that bound a gain: nine times out of ten it is between them."""

WORST: Final = Measure(alpha=0.9)
"""The mean of the worst tenth of the draws."""

ENOUGH: Final = 1.0 - 1e-9
"""Of the households to be served: what rounding may leave of all of them."""

SHIPPED: Final = "grant_consolidation"
BUYS: Final = ("delivery", "served", "renewal", "tiers")
"""The rules of the shipped model that say what money buys: what a walk carries out."""

BOUGHT: Final = frozenset({"reached", "renewed", "in_band"})
"""The variables that they speak of."""


@dataclass(frozen=True, eq=False)
class Policies:
    """Policies walked over the same years on the same draws; ``walks`` by policy, those of
    :data:`allocate.rolling.money.BESIDE` among them, and ``central`` the same without chance. ``model``, ``facts`` (the
    World of grants) and ``folk`` (that of people) are what went in, before any change.
    """

    model: Model
    facts: World
    folk: World
    scenarios: tuple[Scenario, ...]
    setting: Setting
    people: Prepared
    walks: dict[str, Walk]
    central: dict[str, Walk]
    seed: int
    unit: str

    @property
    def names(self) -> tuple[str, ...]:
        """The policies that are compared."""
        return tuple(name for name in self.walks if name not in BESIDE)

    @property
    def name(self) -> str:
        """The scenarios, or the model where there are none."""
        return " + ".join(scenario.name for scenario in self.scenarios) or self.setting.case.model.name

    @property
    def said(self) -> tuple[str, ...]:
        """What the scenarios change, in words."""
        return (*self.setting.case.said, *self.people.case.said)

    def outcome(self, policy: str) -> Values:
        """What a policy reaches beyond no money, in every draw (D,), in :attr:`unit`."""
        return self._beyond(policy).sum(axis=(1, 2))

    def gained(self, policy: str) -> Values:
        """What a policy gains over the actual split in each space and service (S, K), on average over draws."""
        found: Values = (self._beyond(policy) - self._beyond(BASELINE)).mean(axis=0)
        return found

    def worse(self, policy: str) -> Values:
        """The share of draws in which a policy is behind the actual split in each service (K,)."""
        found: Values = ((self._beyond(policy) - self._beyond(BASELINE)).sum(axis=1) < 0).mean(axis=0)
        return found

    def idle(self, policy: str) -> float:
        """What of the money of a policy for the services walked bought nothing, as a part of it."""
        spent = float(self.walks[policy].money[..., self.setting.which].sum())
        return float(self.walks[policy].idle.sum()) / spent if spent else 0.0

    @cached_property
    def moved(self) -> float:
        """What the actual split would gain on average if money of no use to a service went to others of its space."""
        return float((self.outcome(MOVED) - self.outcome(BASELINE)).mean())

    def _beyond(self, policy: str) -> Values:
        return self.walks[policy].worth - self.walks[NOTHING].worth

    def certain(self, policy: str) -> float:
        """What a policy reaches beyond no money where nothing is uncertain."""
        return float((self.central[policy].worth - self.central[NOTHING].worth).sum())

    @cached_property
    def best(self) -> Values:
        """The best outcome of any policy compared, in every draw (D,)."""
        found: Values = np.stack([self.outcome(name) for name in self.names]).max(axis=0)
        return found

    def table(self) -> pd.DataFrame:
        """A row a policy, in :attr:`unit`: its gain over the actual split where nothing is uncertain, over draws its
        mean, the part of the certain gain that is (``survives``), the ends of nine draws in ten, the share of draws in
        which it is better; and its outcome beyond no money: mean, of the worst tenth of draws, and the mean and the
        largest regret against the best policy of each draw.
        """
        return pd.DataFrame([self._row(name) for name in self.names])

    def _row(self, name: str) -> dict[str, Any]:
        outcome, chance = self.outcome(name), np.full(self.setting.future.draws, 1.0 / self.setting.future.draws)
        gain, regret = outcome - self.outcome(BASELINE), self.best - outcome
        sure = self.certain(name) - self.certain(BASELINE)
        low, high = np.quantile(gain, ENDS)
        return {
            "policy": name,
            "certain gain": sure,
            "mean gain": float(gain.mean()),
            "survives": float(gain.mean()) / sure if sure else np.nan,
            "gain, 5%": float(low),
            "gain, 95%": float(high),
            "better": float((gain > 0).mean()),
            "mean outcome": float(outcome.mean()),
            "mean of the worst tenth": float(-WORST.of(-outcome, chance)),
            "mean regret": float(regret.mean()),
            "largest regret": float(regret.max()),
        }

    def dataset(self) -> xr.Dataset:
        """All of it, labelled: ``outcome`` and ``gain`` (policy, draw), and where the mean gain is, ``gained`` (policy,
        space, service); ``served`` and ``backlog`` quantiles over draws
        of households in all spaces (policy, service, year, quantile); ``p_adequate`` the chance that nobody goes
        without, ``mean_backlog`` and ``adequacy``, quantiles of the share of households served (policy, service, space,
        year, quantile); ``money`` in rand on average over draws (policy, space, funded, financial_year).
        """
        return self._dataset.copy()

    @cached_property
    def _dataset(self) -> xr.Dataset:
        future, names = self.setting.future, list(self.names)
        parts: dict[str, list[Values]] = {name: [] for name in ("served", "backlog", "p_adequate", "mean", "adequacy")}
        for name in names:
            demand = future.demand
            served = np.minimum(self.walks[name].capacity, demand)
            share = np.divide(served, demand, out=np.ones_like(demand), where=demand > 0)
            parts["served"].append(np.quantile(served.sum(axis=2), PROBABILITIES, axis=0).T)
            parts["backlog"].append(np.quantile((demand - served).sum(axis=2), PROBABILITIES, axis=0).T)
            parts["p_adequate"].append((share >= ENOUGH).mean(axis=0).T)
            parts["mean"].append((demand - served).mean(axis=0).T)
            parts["adequacy"].append(np.quantile(share, PROBABILITIES, axis=0).T)
        spread = ("policy", SERVICE, TIME, "quantile")
        cells = ("policy", SERVICE, SPACE, TIME)
        outcome = np.array([self.outcome(name) for name in names])
        money = np.array([np.moveaxis(self.walks[name].money, 0, -1) for name in names])
        arrays: dict[str, Any] = {
            "outcome": (("policy", "draw"), outcome, {"unit": self.unit}),
            "gain": (("policy", "draw"), outcome - self.outcome(BASELINE), {"unit": self.unit}),
            "gained": (("policy", SPACE, SERVICE), [self.gained(name) for name in names], {"unit": self.unit}),
            "certain": ("policy", [self.certain(name) for name in names], {"unit": self.unit}),
            "served": (spread, np.array(parts["served"]), {"unit": "household"}),
            "backlog": (spread, np.array(parts["backlog"]), {"unit": "household"}),
            "p_adequate": (cells, np.array(parts["p_adequate"]), {"unit": "1"}),
            "mean_backlog": (cells, np.array(parts["mean"]), {"unit": "household"}),
            "adequacy": ((*cells, "quantile"), np.array(parts["adequacy"]), {"unit": "1"}),
            "money": (("policy", SPACE, "funded", "financial_year"), money, {"unit": "R"}),
            "plans": (("policy", "financial_year"), [list(self.walks[name].plans) for name in names]),
        }
        coords = {
            "policy": names,
            "draw": np.arange(future.draws),
            SERVICE: list(future.services),
            SPACE: list(future.spaces),
            TIME: list(future.years),
            "quantile": list(PROBABILITIES),
            "funded": list(self.setting.case.world.labels(SERVICE)),
            "financial_year": list(self.setting.labels),
        }
        said = {
            "name": self.name,
            "changes": "\n".join(self.said),
            "seed": self.seed,
            "groups": self.setting.groups,
            "horizon": self.setting.horizon,
            "growth": self.setting.growth,
            "allocate": VERSION,
        }
        return xr.Dataset(arrays, coords, said)


def policies(
    model: Model | str | Path,
    world: World | str | Path,
    people: World | str | Path,
    *scenarios: Scenario | str | Path,
    years: int = 10,
    draws: int = 1000,
    seed: int = 1,
    policies: Sequence[str] = POLICIES,
    groups: int = 4,
    horizon: int = 1,
    growth: float = 0.0,
    workers: int = 1,
    watch: Watch | None = None,
) -> Policies:
    """Walk through ``years`` from the first of a World of grants, under several policies, on the same draws of people.

    In each year need is what people lack then; money is decided on what has been seen, for at most ``groups`` groups
    of draws, looking ``horizon`` years ahead of which the first is carried out; it buys what it can in each draw, and
    what stands decays. Beyond its own years the World's last is carried forward in real terms, money growing by
    ``growth`` a year. Scenarios change the World of grants, or where they say so that of people. "baseline", what the
    others are compared with, is always walked; "mean", the best mean over draws, only when named. With more than one of
    ``workers`` policies are walked in processes, which import the script that asks: it guards what it does by
    ``if __name__ == "__main__"``. The answer is the same.

    >>> found = policies("grant_consolidation", "za2016", "za2016_people", years=1, draws=8, policies=["expected"])
    >>> found.table()["policy"].tolist(), bool((found.outcome("expected") > found.outcome("baseline")).all())
    (['baseline', 'expected'], True)

    Raises :class:`InputError` for anything wrong in files or in what is asked, and for a model whose money buys in
    another way than that of grant_consolidation; :class:`allocate.errors.NoPlanError` where rules conflict in a year.
    """
    given = tuple(map(read_scenario, scenarios))
    certain(given)
    text, facts, folk = read_model(model), read_world(world), read_world(people)
    case = apply(text, facts, [one for one in given if one.model != PEOPLE])
    _check(
        case,
        policies,
        years=years,
        draws=draws,
        seed=seed,
        groups=groups,
        horizon=horizon,
        growth=growth,
        workers=workers,
    )
    ready = prepared(folk, first_year(facts.labels(TIME)), years, tuple(one for one in given if one.model == PEOPLE))
    services = _common(case, ready)
    households = _households(case.world, services)
    spaces = case.world.labels(SPACE)
    wanted = (*BESIDE, *(name for name in KNOWN if name == BASELINE or name in policies))

    def setting(many: int | None) -> Setting:
        return Setting(case, future(ready, spaces, services, households, many, seed), horizon, groups, growth)

    tell = watch or (lambda _: None)
    tell("without chance")
    sure = setting(None)
    central = {name: walk(sure, name) for name in wanted}
    tell(f"{draws:,} draws of people")
    drawn = setting(draws)
    unit = str(build(drawn.year(0)).goal_units[-1])
    walks = _walked(drawn, wanted, workers, tell)
    return Policies(text, facts, folk, given, drawn, ready, walks, central, seed, unit)


def _walked(setting: Setting, wanted: Sequence[str], workers: int, tell: Watch) -> dict[str, Walk]:
    """Every policy walked, some at once in processes of their own; a walk depends on no other."""
    if workers == 1:
        return {name: walk(setting, name, tell) for name in wanted}
    found, others = {}, set(active_children())
    processes: dict[str, Any] = {
        "max_workers": min(workers, len(wanted)),
        "mp_context": get_context("spawn"),
        "initializer": signal,
        "initargs": (SIGINT, SIG_IGN),  # who stops this process stops them below
    }
    with ProcessPoolExecutor(**processes) as pool:
        try:
            jobs = {pool.submit(walk, setting, name): name for name in reversed(wanted)}  # the longest first
            for number, job in enumerate(as_completed(jobs), start=1):
                found[jobs[job]] = job.result()
                tell(f"{jobs[job]}: done, {number} of {len(jobs)}")
        except BaseException:
            for process in set(active_children()) - others:
                process.terminate()
            raise
    return {name: found[name] for name in wanted}


def _households(world: World, services: tuple[str, ...]) -> Values:
    """All households of each space and service (S, K), as the World of grants counts them in its first year."""
    sizes = world.data["band_size"].isel({TIME: 0}).sum("band").sel({SERVICE: list(services)})
    return np.asarray(sizes.transpose(SPACE, SERVICE).values, float)


def _common(case: Case, ready: Prepared) -> tuple[str, ...]:
    """The services that money buys and people need."""
    world, folk = case.world, ready.case.world
    wrong = [
        Problem(SPACE, f"the world of people has no {space}")
        for space in world.labels(SPACE)
        if space not in folk.labels(SPACE)
    ]
    bought = world.data["band_size"].sum([d for d in world.data["band_size"].dims if d != SERVICE]) > 0
    known = [s for s in world.labels(SERVICE) if bool(bought.sel({SERVICE: s})) and s in folk.labels(SERVICE)]
    if not known:
        wrong.append(Problem(SERVICE, "no service of the grants is one of the world of people"))
    if wrong:
        raise InputError("policies", wrong)
    return tuple(known)


def _check(case: Case, policies: Sequence[str], **numbers: float) -> None:
    """Raise InputError with all that is wrong with what is asked."""
    wrong = [Problem(name, f"is no policy{nearest(name, KNOWN)}") for name in policies if name not in KNOWN]
    most = {
        "years": 100,
        "draws": 100_000,
        "seed": 2**63 - 1,
        "groups": 1000,
        "horizon": 100,
        "growth": 1.0,
        "workers": 1024,
    }
    least = {"seed": 0, "growth": -0.5}
    wrong += [
        Problem(name, f"{value:g} is not from {least.get(name, 1):g} to {most[name]:g}")
        for name, value in numbers.items()
        if not least.get(name, 1) <= value <= most[name]
    ]
    wrong += list(_other_buying(case))
    if FORMULA in policies and not case.world.data.get("formula_share", xr.DataArray(0.0)).any():
        wrong.append(
            Problem(FORMULA, "the world says no formula_share, so there is none to follow; name other policies")
        )
    if wrong:
        raise InputError("policies", wrong)


def _other_buying(case: Case) -> list[Problem]:
    """How the money of a case buys otherwise than that of the shipped model, whose rules a walk carries out."""
    shipped, rules = read_model(SHIPPED), case.model.active_rules
    source = case.model.source
    if missing := [n for n in (*SHARED.values(), "worth", "worth_after") if n not in case.model.derived]:
        return [Problem(source, f"has no {', '.join(missing)}; it does not extend {SHIPPED}")]
    wrong = [
        Problem(source, f"rules.{name} does not say what it says in {SHIPPED}, so what money buys is not known")
        for name in BUYS
        if name not in rules or rules[name].rule != shipped.rules[name].rule
    ]
    wrong += [
        Problem(source, f"rules.{name} asks what money does; a walk only keeps rules of the money itself")
        for name, rule in rules.items()
        if name not in BUYS and not BOUGHT.isdisjoint(variables_in(case.model, read_rule(rule.rule)))
    ]
    if case.model.active_goals[-1].rule != shipped.active_goals[-1].rule:
        wrong.append(Problem(source, f"its last goal is not that of {SHIPPED}"))
    if case.model.schedule.amount in case.fixed:
        wrong.append(Problem(source, "its money is fixed by a scenario, so no policy can decide it"))
    return wrong
