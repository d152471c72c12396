"""Every datum of the world ``za2016``: the tables of facts put through the derivations, with what each one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem
from allocate.tables import Datum
from allocate.za import costs, folder, formulas, money, needs, people, running, waves
from allocate.za.about import ABOUT
from allocate.za.folder import constant, constant_year, table


@dataclass(frozen=True, eq=False)
class Needs:
    """What the survey says, in households, and what the derivations share."""

    categories: pd.DataFrame
    homes: pd.DataFrame
    short: pd.DataFrame
    poverty: pd.DataFrame


def survey() -> Needs:
    """Households, backlogs and poverty of the 52 spaces, from the tables of facts.

    >>> int(survey().homes["value"].sum())
    16923304
    """
    places = folder.spaces()
    homes = needs.households(table("households_by_head"), places)
    categories = needs.in_households(table("services_2016"), homes)
    short = needs.backlog(categories, table("service_definitions"), places)
    return Needs(categories, homes, short, table("income_poverty_2011"))


@dataclass(frozen=True, eq=False)
class Fit:
    """The estimate of what every space got of every grant, and the margin that it was fitted to."""

    got: pd.DataFrame
    margin: pd.DataFrame

    def residual(self) -> pd.DataFrame:
        """Fitted less wanted, in rand, by space and year.

        >>> bool((fit(survey()).residual()["value"].abs() <= 7000).all())
        True
        """
        return money.residual(self.got, self.margin, folder.spaces())


def fit(found: Needs, *, by_class: bool = True) -> Fit:
    """Fit the grants over the spaces: pools in control, shares of capital transfers as the other margin.

    >>> int(fit(survey()).got["value"].sum()) == int(_pools()["value"].sum())
    True
    """
    places = folder.spaces()
    rights = money.may_receive(table("grant_eligibility"), places)
    split = money.service_split(table("grant_services"))
    start = money.seed(rights, split, found.short, found.homes, found.poverty, places)
    received = money.capital_received(table("space_transfers"), table("municipalities"))
    margin = money.space_margin(received, start, _pools(), folder.metros(), places, by_class=by_class)
    return Fit(money.baseline(start, margin, _pools(), places), margin)


def _pools() -> pd.DataFrame:
    return money.budget(table("national_pools"), table("grants"))


def voted(grant: str, year: str) -> int:
    """What was voted for a grant of the catalogue in a year, in rand; grants outside the world too.

    >>> voted("LGES", "2019/20")
    68973465000

    Raises :class:`~allocate.errors.InputError` for a year without a vote.
    """
    pools, subprogramme = table("national_pools"), table("grants").set_index("grant")["subprogramme"][grant]
    votes = pools[pools["subprogramme"] == subprogramme].set_index("year")["budget"]
    if year not in votes.index:
        raise InputError(grant, [Problem("year", f"no pool of {year!r}; there are {', '.join(sorted(votes.index))}")])
    return int(votes[year])


def poor(found: Needs, year: str) -> pd.DataFrame:
    """Poor households of every space, as many in all as the equitable share formula counts.

    >>> float(round(poor(survey(), "2019/20")["value"].sum() / survey().homes["value"].sum(), 4))
    0.59
    """
    rows = formulas.in_force(table("formula_equitable_share"), year)
    return formulas.poor_households(found.homes, found.poverty, float(rows["value"]["poor_share"]), folder.spaces())


def mig(found: Needs, year: str) -> pd.DataFrame:
    """What the MIG formula gives every space in a year, part by part, in rand; metros get none.

    >>> int(mig(survey(), "2019/20")["value"].sum())
    14816103000
    """
    pool, rows = voted("MIG", year), formulas.in_force(table("formula_mig"), year)
    return formulas.mig(rows, pool, _mig_measures(found, year), folder.spaces())


def _mig_measures(found: Needs, year: str) -> pd.DataFrame:
    places, districts = folder.spaces(), table("spaces").query("kind == 'district'")
    short = folder.array(found.short, space=places, service=folder.SERVICES)
    water, sanitation, refuse = (short[:, folder.SERVICES.index(s)] for s in ("water", "sanitation", "refuse"))
    no_authority = frozenset(districts.loc[districts["water_services_authority"] == 0, "code"])
    counted = formulas.municipalities_of(table("municipalities"), places, without=no_authority)
    measures = {
        "municipalities": folder.array(counted, space=places),
        "water and sanitation backlog": water + sanitation,
        "refuse backlog": refuse,
        "poor households": folder.array(poor(found, year), space=places),
    }
    rights = folder.array(money.may_receive(table("grant_eligibility"), places), space=places, grant=folder.GRANTS)
    eligible = rights[:, [folder.GRANTS.index("MIG")]]
    values = np.stack(list(measures.values()), axis=1) * eligible
    return folder.long(values, space=places, measure=tuple(measures))


def equitable_share(found: Needs, year: str, indicated: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the equitable share formula gives every space in a year, part by part, in rand.

    ``indicated`` (space, value in rand) is what the Act of the year before indicated; without it nothing is guaranteed.

    >>> int(equitable_share(survey(), "2019/20")["value"].sum())
    68973465000
    """
    places, pool = folder.spaces(), voted("LGES", year)
    return formulas.equitable_share(
        formulas.in_force(table("formula_equitable_share"), year),
        pool,
        poor(found, year),
        found.homes,
        formulas.municipalities_of(table("municipalities"), places),
        folder.long(np.zeros(len(places)), space=places) if indicated is None else indicated,
        places,
    )


def _mig_of_years(found: Needs) -> pd.DataFrame:
    """What the MIG formula gives every space in every year, its parts together."""
    years = [mig(found, year).groupby("space")["value"].sum().reset_index().assign(year=year) for year in folder.YEARS]
    return pd.concat(years)


def _grants() -> dict[str, pd.DataFrame]:
    names = folder.PURPOSES
    return {
        "member": money.member(),
        "budget": _pools(),
        "may_receive": money.may_receive(table("grant_eligibility"), folder.spaces()),
        "may_fund": money.may_fund(table("grant_services")),
        "unmeasured": needs.unmeasured(),
        "serves": money.serves(table("purposes"), names),
        "purpose_share": money.purpose_share(table("grant_purposes"), names),
        "service_split": money.service_split(table("grant_services")),
        "matching": money.by_grant(table("grant_terms"), "matching"),
        "top_slice": money.by_grant(table("grant_terms"), "top_slice"),
    }


def _money(found: Needs) -> dict[str, pd.DataFrame]:
    places = folder.spaces()
    got = fit(found).got
    record = money.absorption_record(table("municipal_capital"), places)
    actual = money.shares(got, _pools(), places)
    return {
        "baseline": got,
        "got_share": actual,
        "formula_share": formulas.formula_share(actual, _mig_of_years(found), "MIG", places),
        "keep": money.every_year(constant("keep")),
        "pace": money.every_year(constant("pace")),
        "absorption_record": record,
        "absorb": money.absorb(got, record, constant("absorption_growth"), places),
        "lift": money.every_year(constant("lift")),
        "expert_lift": running.expert_lift(record, constant("expert_closes"), places),
        "expert_cost": running.expert_cost(constant("expert_cost"), constant_year("expert_cost"), table("price_index")),
    }


def _needs(found: Needs) -> dict[str, pd.DataFrame]:
    places, short, homes = folder.spaces(), found.short, found.homes
    return {
        "households": homes,
        "households_by_head": needs.households_by_head(table("households_by_head"), places),
        "backlog": short,
        "served_now": needs.served_now(homes, short, places),
        "tier_size": needs.tier_size(short, table("tiers"), places),
        "band_size": needs.band_size(homes, table("bands"), places),
        "shared_by": homes,
        "poor_households": poor(found, "2018/19"),
        "need_weight": needs.need_weight(found.poverty, homes, places),
        "value": needs.value_by_subsidy(table("service_parameters")),
        "value_equal": needs.value_equal(),
        "value_share": needs.value_by_share_of_need(short),
        "band_weight": table("bands")[["band", "weight"]].rename(columns={"weight": "value"}),
    }


def _costs(found: Needs) -> dict[str, pd.DataFrame]:
    places, parameters, index = folder.spaces(), table("service_parameters"), table("price_index")
    rural = costs.rural_share(found.categories, folder.metros(), places)
    rate = constant("discount_rate")
    return {
        "rural_share": rural,
        "unit_cost": costs.unit_cost(parameters, index, table("tiers"), rural, places),
        "renew_cost": costs.renew_cost(parameters, index, rural, places),
        "survives": costs.survives(parameters, found.poverty, places),
        "discount": costs.discount(rate),
        "years_after": costs.years_after(costs.lasting(parameters), rate),
    }


def _people(found: Needs) -> dict[str, pd.DataFrame]:
    places, parameters = folder.spaces(), table("service_people")
    by_head = needs.households_by_head(table("households_by_head"), places)
    over = {end: people.by_service(parameters, "over_representation", end) for end in ("value", "low", "high")}
    share = {end: people.backlog_share(by_head, found.short, times, places) for end, times in over.items()}
    labour = people.by_service(parameters, "labour")
    return {
        "population": people.population(table("population"), places),
        "over_representation": over["value"],
        "over_representation_low": over["low"],
        "over_representation_high": over["high"],
        "backlog_share": share["value"],
        "backlog_share_low": share["low"],
        "backlog_share_high": share["high"],
        "targeting": people.by_service(parameters, "targeting"),
        "targeting_low": people.by_service(parameters, "targeting", "low"),
        "targeting_high": people.by_service(parameters, "targeting", "high"),
        "marker": people.one_each(table("service_marks"), "mark", folder.MARKS),
        "category": people.one_each(table("service_categories"), "budget_category", folder.CATEGORIES),
        "women_in_jobs": people.by_service(parameters, "women_in_jobs"),
        "labour": labour,
        "jobs": people.jobs(labour, constant("job_wage"), constant_year("job_wage"), table("price_index")),
    }


def _running() -> dict[str, pd.DataFrame]:
    places, municipal = folder.spaces(), table("municipal_operating")
    received = running.operating_received(municipal, table("municipalities"))
    operating = running.operating_transfers(received, table("national_pools"), places)
    return {
        "run_cost": running.run_cost(table("basic_services_subsidy"), table("service_parameters")),
        "operating_transfers": operating,
        "own_revenue": running.own_revenue(operating, table("transfer_dependence"), municipal, places),
        "run_means": money.every_year(constant("run_means")),
    }


def _waves() -> dict[str, pd.DataFrame]:
    return {
        "wave_size": waves.wave_size(table("roll_out")),
        "announced": waves.announced(table("roll_out_announced"), folder.spaces()),
    }


def data() -> list[Datum]:
    """Every datum of the world ``za2016``, in the order in which a reader meets them.

    >>> [datum.name for datum in data()][:3]
    ['member', 'budget', 'may_receive']
    """
    found = survey()
    frames = _grants() | _money(found) | _needs(found) | _costs(found) | _people(found) | _running() | _waves()
    return [Datum(name=name, frame=frame, **ABOUT[name]) for name, frame in frames.items()]
