"""The words of the South African descriptor: what every table is, and what every column holds and in which unit.

``TABLES`` says a table's title, year, sources and licences, ``FIELDS`` what a column of a name holds in any table and
``OVERRIDES`` what it holds in one. A column is (description, unit, status); ``by row`` means that the table says it.
"""

from __future__ import annotations

from typing import Any

STATS_TERMS = {
    "name": "other-stats-sa",
    "title": "Statistics South Africa terms: acknowledge Statistics South Africa as the source and say that the "
    "processing is this project's own; neither the basic data nor a reprocessed version may be sold without permission",
}
MIT = {"name": "MIT", "path": "https://opensource.org/license/mit", "title": "MIT (the compilation read)"}
TREASURY = {
    "name": "other-open",
    "title": "National Treasury open data; no separate licence is stated where these were read",
}
PUBLIC = {"name": "other-public", "title": "Public record of Parliament"}
OWN = {"name": "Apache-2.0", "path": "https://www.apache.org/licenses/LICENSE-2.0", "title": "Apache License 2.0"}
UNSTATED = {"name": "other-unstated", "title": "No licence is stated where these were read"}

CENSUS = {"title": "Statistics South Africa, Census 2011"}
SURVEY = {"title": "Statistics South Africa, Community Survey 2016"}
WAZIMAP = {"title": "Read in OpenUpSA/wazimap-za (January 2018)", "path": "https://github.com/OpenUpSA/wazimap-za"}
YOUTH = {
    "title": "SALDRU, University of Cape Town; read in OpenUpSA/youthexplorer (November 2019)",
    "path": "https://github.com/OpenUpSA/youthexplorer",
}
MONEY = {
    "title": "National Treasury, Municipal Money; read in OpenUpSA/municipal-data (July 2020)",
    "path": "https://github.com/OpenUpSA/municipal-data",
}
BORDERS = {
    "title": "Municipal Demarcation Board, boundaries of 2016; read in mediahackza/councils2021 (December 2021)",
    "path": "https://github.com/mediahackza/councils2021",
}
ESTIMATES = {
    "title": "Statistics South Africa, Mid-year population estimates 2020 (P0302, 9 July 2020); read in "
    "dsfsi/covid19za (December 2023)",
    "path": "https://github.com/dsfsi/covid19za",
}
DISTRICTS = {
    "title": "Statistics South Africa, Mid-year population estimates 2021, districts by sex and age; read in "
    "afrith/sal-population-estimates (June 2022)",
    "path": "https://github.com/afrith/sal-population-estimates",
}
PROSPECTS = {
    "title": "United Nations, Population Division, World Population Prospects 2024; read in PPgp/wpp2024 (June 2025)",
    "path": "https://github.com/PPgp/wpp2024",
}
HEADS = {
    "title": "Read in OpenUpSA/youthexplorer (January 2018) and hofmannedv/wazimap-za",
    "path": "https://github.com/OpenUpSA/youthexplorer",
}
BY_3 = {
    "name": "CC-BY-3.0-IGO",
    "path": "https://creativecommons.org/licenses/by/3.0/igo/",
    "title": "Creative Commons Attribution 3.0 IGO",
}
BY_SA = {
    "name": "CC-BY-SA-4.0",
    "path": "https://creativecommons.org/licenses/by-sa/4.0/",
    "title": "Creative Commons Attribution-ShareAlike 4.0 (the compilation read)",
}
PROJECT = {"title": "Compiled by this project; every row states its own source and status"}

PACKAGE: dict[str, Any] = {
    "name": "za2016",
    "title": "South African facts for the 52 spaces: needs, money and parameters",
    "description": "Counted, surveyed, published and assumed figures behind the world za2016. The status of a column "
    "is one of counted, surveyed, published, derived, modelled and assumed, 'by row' where the table has a status "
    "column, or 'reference' for codes, names and notes. A blank cell is unknown; it is never 0.",
    "licenses": [STATS_TERMS, TREASURY, BY_3, OWN],
    "sources": [CENSUS, SURVEY, MONEY, PROSPECTS],
}

TABLES: dict[str, dict[str, Any]] = {
    "bands": {
        "title": "Coverage bands of falling worth",
        "year": "2019/20",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "band",
    },
    "basic_services_subsidy": {
        "title": "Basic-services subsidy of the equitable share",
        "description": "Rand a month for a poor household, all four services together.",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "year",
    },
    "constants": {
        "title": "Single numbers that rules and reports use",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "name",
    },
    "employment_2011": {
        "title": "Official employment status of persons aged 15 to 64",
        "year": "2011",
        "sources": [CENSUS, WAZIMAP],
        "licenses": [STATS_TERMS, MIT],
        "key": "space",
    },
    "formula_equitable_share": {
        "title": "Parameters of the local government equitable share formula, by the year from which they hold",
        "description": "A row holds from its year until a later row of the same parameter.",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["parameter", "year"],
    },
    "formula_mig": {
        "title": "Parameters of the MIG formula, by the year from which they hold",
        "description": "A row holds from its year until a later row of the same parameter. Amounts a municipality come "
        "first; shares are of what is left.",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["parameter", "year"],
    },
    "grant_eligibility": {
        "title": "Which spaces may receive which grant: one row an eligible pair",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["grant", "space"],
    },
    "grant_purposes": {
        "title": "The share of a grant that each purpose is owed",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["grant", "purpose"],
    },
    "grant_services": {
        "title": "What each grant may fund, and how its money is taken to divide",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["grant", "service"],
    },
    "grant_terms": {
        "title": "Co-funding that a grant asks, and the most of it that may go to project management",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["term", "grant"],
    },
    "grants": {
        "title": "Catalogue of transfers to local government",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "grant",
    },
    "heads_by_age": {
        "title": "Households by sex and age of head, Community Survey 2016",
        "description": "A later version of the table read adds boys to girls at 15 to 17; this is the earlier one, "
        "whose totals are those of households_by_head.",
        "year": "2016",
        "sources": [SURVEY, HEADS],
        "licenses": [STATS_TERMS, MIT],
        "key": ["space", "head"],
    },
    "heads_by_age_2011": {
        "title": "Households by sex and age of head, by province, Census 2011",
        "year": "2011",
        "sources": [CENSUS, HEADS],
        "licenses": [STATS_TERMS, MIT],
        "key": ["province", "head"],
    },
    "households_by_head": {
        "title": "Households by sex of head",
        "description": "2011 is on 2011 boundaries and 2016 on 2016 boundaries: do not subtract one from the other "
        "where a boundary moved.",
        "year": "2011 and 2016",
        "sources": [CENSUS, SURVEY, WAZIMAP],
        "licenses": [STATS_TERMS, MIT],
        "key": ["space", "year"],
    },
    "income_poverty_2011": {
        "title": "People in income-poor households",
        "description": "Below the upper-bound line of R779 a person a month at 2011 prices; 43.9 of 51.8 million "
        "people, those in households whose income is known. 2011 boundaries.",
        "year": "2011",
        "sources": [CENSUS, YOUTH],
        "licenses": [STATS_TERMS, MIT],
        "key": "space",
    },
    "mig_spending": {
        "title": "Municipal Infrastructure Grant transferred and spent",
        "year": "2016/17 to 2020/21",
        "sources": [{"title": "National Assembly, written reply NW1646, May 2022 (R thousand there)"}],
        "licenses": [PUBLIC],
        "key": "year",
    },
    "migration": {
        "title": "Moves between provinces in five years, and net arrivals from abroad",
        "description": "From the middle of the first year to the middle of the last. Model assumptions of the "
        "publisher (rates of Census 2011 on the people of each age), not counts. OUTSIDE_SA_NET is net arrivals from "
        "abroad.",
        "year": "by row",
        "sources": [ESTIMATES],
        "licenses": [STATS_TERMS, BY_SA],
        "key": ["period", "origin", "destination"],
    },
    "municipal_capital": {
        "title": "Capital spending against budget, and capital transfers recognised, by municipality",
        "description": "Audited. A blank means that the municipality did not report; one that was abolished in "
        "August 2016 is left out.",
        "year": "Financial years ending June 2016 to June 2018",
        "sources": [MONEY],
        "licenses": [TREASURY, MIT],
        "key": ["municipality", "financial_year_end"],
    },
    "municipal_operating": {
        "title": "Operating transfers recognised, by municipality",
        "description": "Audited; mostly the equitable share, with operating grants and provincial transfers. A 0 is a "
        "return left empty. One that was abolished in August 2016 is left out.",
        "year": "Financial years ending June 2016 to June 2018",
        "sources": [MONEY],
        "licenses": [TREASURY, MIT],
        "key": ["municipality", "financial_year_end"],
    },
    "municipalities": {
        "title": "The 257 municipalities and the space each is in",
        "year": "2016 boundaries, names of 2018",
        "sources": [BORDERS],
        "licenses": [UNSTATED],
        "key": "code",
    },
    "national_annual": {
        "title": "Life expectancy, sex ratio at birth and net migration of South Africa, by year",
        "year": "by row",
        "sources": [PROSPECTS],
        "licenses": [BY_3],
        "key": "year",
    },
    "national_fertility": {
        "title": "Fertility of South Africa by age of mother, by year",
        "description": "Estimates to 2023, the medium variant after.",
        "year": "by row",
        "sources": [PROSPECTS],
        "licenses": [BY_3],
        "key": "year",
    },
    "national_mortality": {
        "title": "Death rates of South Africa by sex and age, five years at a time",
        "description": "Estimates to 2023, the medium variant after. A column is the age at which a group begins: 0, "
        "1, 5 and so on; 100 is open.",
        "year": "by row",
        "sources": [PROSPECTS],
        "licenses": [BY_3],
        "key": ["period", "sex"],
    },
    "national_pools": {
        "title": "National budgets of transfer subprogrammes",
        "description": "A subprogramme can hold money spent in kind (Eskom, departments), so it is not always the "
        "municipal schedule of the Division of Revenue Act. In 2016/17 the water subprogramme is wider than WSIG.",
        "year": "2016/17 to 2019/20",
        "sources": [
            {"title": "National Treasury, Estimates of National Expenditure, vulekamali.gov.za"},
            {
                "title": "Read in vulekamali/static-budget-portal (September 2019)",
                "path": "https://github.com/vulekamali/static-budget-portal",
            },
        ],
        "licenses": [TREASURY],
        "key": ["year", "subprogramme"],
    },
    "neighbours": {
        "title": "Pairs of spaces that share a border",
        "year": "2016 boundaries",
        "sources": [BORDERS],
        "licenses": [UNSTATED],
        "key": ["space_a", "space_b"],
    },
    "people_definitions": {
        "title": "Which category of the census counts as served, and which dwelling is formal",
        "description": "Beside service_definitions, which defines the four services of 2016. An analyst may change it.",
        "year": "by row",
        "sources": [{"title": "Judged by this project from national standards, which the notes name"}],
        "licenses": [OWN],
        "key": ["year", "topic", "category"],
    },
    "people_parameters": {
        "title": "Single numbers that a projection of people and services uses",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["parameter", "name"],
    },
    "population": {
        "title": "Population by sex",
        "description": "Census 2011 is here on both boundaries; differences of a few persons from the published totals "
        "are random rounding by the publisher.",
        "year": "2011 and 2016",
        "sources": [CENSUS, SURVEY, WAZIMAP],
        "licenses": [STATS_TERMS, MIT],
        "key": ["space", "year", "boundary"],
    },
    "population_age": {
        "title": "Population by age, both sexes together",
        "description": "2011 is on 2011 boundaries and 2016 on 2016 boundaries.",
        "year": "2011 and 2016",
        "sources": [CENSUS, SURVEY, WAZIMAP],
        "licenses": [STATS_TERMS, MIT],
        "key": ["space", "year"],
    },
    "population_modelled": {
        "title": "Population by sex and age of the mid-year estimates 2021, about 2011 and 2016",
        "description": "A model and not a count, published in 2021, on 2016 boundaries. Rounded to whole persons here.",
        "year": "2011 and 2016",
        "sources": [DISTRICTS],
        "licenses": [STATS_TERMS],
        "key": ["space", "year", "sex"],
    },
    "mid_year_estimates": {
        "title": "Population of every space, 2002 to 2026, mid-year estimates 2021",
        "description": "A model and not a count, published in 2021, on 2016 boundaries; from 2022 on a projection. "
        "Summed over sex and age, and rounded to whole persons, here.",
        "year": "2002 to 2026",
        "sources": [DISTRICTS],
        "licenses": [STATS_TERMS],
        "key": ["space", "year"],
    },
    "price_index": {
        "title": "Consumer prices, by calendar year",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "year",
    },
    "province_of_birth": {
        "title": "Residents by province of birth, Community Survey 2016",
        "description": "A column is a province. It holds no datum up: moves into a province are compared with it.",
        "year": "2016",
        "sources": [SURVEY, WAZIMAP],
        "licenses": [STATS_TERMS, MIT],
        "key": "space",
    },
    "provincial_rates": {
        "title": "Fertility and life expectancy of the provinces, five years at a time",
        "year": "by row",
        "sources": [ESTIMATES],
        "licenses": [STATS_TERMS, BY_SA],
        "key": ["province", "period"],
    },
    "provinces": {"title": "Provinces", "year": "2016", "sources": [BORDERS], "licenses": [UNSTATED], "key": "code"},
    "purposes": {
        "title": "Which services belong to which purpose",
        "year": "2019/20",
        "sources": [{"title": "Compiled by this project"}],
        "licenses": [OWN],
        "key": ["purpose", "service"],
    },
    "projects": {
        "title": "ILLUSTRATIVE list of projects: no such project exists",
        "description": "Made up by this project from its unit costs, because no list of the 52 spaces is public.",
        "year": "2017/18",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "project",
    },
    "projects_after": {
        "title": "ILLUSTRATIVE: which project waits for which",
        "year": "2017/18",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["project", "ahead"],
    },
    "projects_budget": {
        "title": "ILLUSTRATIVE: money of each grant for the list of projects",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["grant", "year"],
    },
    "projects_indicated": {
        "title": "ILLUSTRATIVE: money indicated for each project",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["project", "grant", "year"],
    },
    "projects_schemes": {
        "title": "ILLUSTRATIVE: schemes of bulk works and what they supply",
        "year": "2017/18",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "scheme",
    },
    "roll_out_announced": {
        "title": "Spaces whose wave of the District Development Model was announced",
        "year": "2019",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "space",
    },
    "roll_out": {
        "title": "Waves in which the District Development Model was to reach the spaces",
        "year": "2019",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["wave", "kind"],
    },
    "service_categories": {
        "title": "Category of money for a service in a gender budget statement",
        "description": "One category a service: for women alone, equal opportunity in public employment, or general.",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "service",
    },
    "service_definitions": {
        "title": "Which category of the survey counts as served",
        "description": "Every category of the four services once. An analyst may change it: backlogs follow.",
        "year": "2016",
        "sources": [{"title": "Judged by this project from national standards, which the notes name"}],
        "licenses": [OWN],
        "key": ["topic", "category"],
    },
    "service_marks": {
        "title": "Gender equality policy marker of money for a service",
        "description": "One mark a service. No South African grant publishes one; 'unscreened' is not a score of 0.",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "service",
    },
    "service_parameters": {
        "title": "Unit costs, renewal shares, asset lives and subsidies of services",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["parameter", "service", "area"],
    },
    "service_people": {
        "title": "Who lacks a service, whom it can be aimed at, and whom its work hires",
        "year": "by row",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": ["parameter", "service"],
    },
    "services_2011": {
        "title": "Services and dwellings by category, Census 2011",
        "description": "Categories and universes differ from 2016, and electricity and dwellings are on 2011 "
        "boundaries. Read the column 'universe' before adding anything up.",
        "year": "2011",
        "sources": [CENSUS, WAZIMAP],
        "licenses": [STATS_TERMS, MIT],
        "key": ["space", "topic", "category"],
    },
    "services_2016": {
        "title": "Services and dwellings by category, Community Survey 2016",
        "description": "Read the column 'universe': water, toilets and electricity count persons, refuse and dwellings "
        "households. Words of categories are the publisher's, cut at 60 letters in places.",
        "year": "2016",
        "sources": [SURVEY, WAZIMAP],
        "licenses": [STATS_TERMS, MIT],
        "key": ["space", "topic", "category"],
    },
    "space_transfers": {
        "title": "Government transfers recognised, by space",
        "description": "Municipalities summed to spaces, the district municipality with its locals. A year with fewer "
        "municipalities than the space has is incomplete; nothing is imputed. The year ending June 2019 is a budget.",
        "year": "Financial years ending June 2015 to June 2019",
        "sources": [MONEY],
        "licenses": [TREASURY, MIT],
        "key": ["space", "financial_year_end", "amount_type", "transfer"],
    },
    "spaces": {
        "title": "The 52 spaces: 44 districts and 8 metros",
        "year": "2016 boundaries",
        "sources": [BORDERS],
        "licenses": [UNSTATED],
        "key": "code",
    },
    "tiers": {
        "title": "Cost tiers of a backlog",
        "year": "2019/20",
        "sources": [PROJECT],
        "licenses": [OWN],
        "key": "tier",
    },
    "transfer_dependence": {
        "title": "Transfers as a percentage of municipal revenue",
        "description": "As printed in 'Census 2022 Provinces at a Glance' (October 2023), which does not state the "
        "financial year, nor whether capital transfers count.",
        "year": "Not stated; printed in 2023",
        "sources": [
            {"title": "Statistics South Africa, Census 2022 Provinces at a Glance, October 2023"},
            {
                "title": "Read in afrith/census-2022-muni-stats",
                "path": "https://github.com/afrith/census-2022-muni-stats",
            },
        ],
        "licenses": [STATS_TERMS],
        "key": "municipality",
    },
}

Words = tuple[str, str, str]

AGES = [*(f"{low}-{low + 4}" for low in range(0, 85, 5)), "85+"]
HEAD_AGES = ["10-14", "15-17", "18-19", *(f"{low}-{low + 9}" for low in range(20, 80, 10)), "80+"]
MOTHER_AGES = AGES[2:11]
PROVINCES = ["EC", "FS", "GT", "KZN", "LIM", "MP", "NC", "NW", "WC"]
LIFE_AGES = ["0", "1", *(str(low) for low in range(5, 105, 5))]

FIELDS: dict[str, Words] = {
    "space": ("Code of the space", "", "reference"),
    "grant": ("Short name of the grant", "", "reference"),
    "service": ("What a household is served with", "", "reference"),
    "purpose": ("Purpose that the law or the formula names", "", "reference"),
    "band": ("Coverage band, the first households of a space first", "", "reference"),
    "tier": ("Cost tier, the cheapest first", "", "reference"),
    "year": ("Year that the row is about, calendar or municipal financial (July to June)", "year", "reference"),
    "period": ("Five years, from the middle of the first to the middle of the last", "", "reference"),
    "sex": ("Sex: female or male", "", "reference"),
    "head": ("Sex of the head of the household: female or male", "", "reference"),
    "financial_year_end": ("Calendar year in which the municipal financial year ends (June)", "year", "reference"),
    "boundary": ("Year of the municipal boundaries that the figures are on", "year", "reference"),
    "source": ("Where the row was read", "", "reference"),
    "status": ("How the figure is known: counted, surveyed, published, derived, modelled or assumed", "", "reference"),
    "note": ("What to know before using the row", "", "reference"),
    "name": ("Name", "", "reference"),
    "code": ("Code", "", "reference"),
    "value": ("The figure", "unit", "by row"),
    "unit": ("Unit of the figure and of its range", "", "reference"),
    "low": ("Low end of the plausible range", "unit", "by row"),
    "high": ("High end of the plausible range", "unit", "by row"),
    "universe": (
        "What is counted: persons, households, or households with collective living quarters",
        "",
        "reference",
    ),
    "topic": ("Question of the census or survey", "", "reference"),
    "category": ("Answer, in the publisher's words", "", "reference"),
    "province": ("Code of the province", "", "reference"),
    "municipality": ("Code of the municipality: a metro, a local or a district", "", "reference"),
    "department": ("National department that transfers the money", "", "reference"),
    "subprogramme": ("Subprogramme of the department's vote, which links a grant to its pool", "", "reference"),
    "share": ("Share of the whole", "1", "by row"),
    "seed_number": ("Number of the space in the 2019 district-model document", "1", "reference"),
    "water_services_authority": (
        "1 where the district or metro is itself a water services authority",
        "flag",
        "published",
    ),
    "area_km2": ("Area", "km2", "published"),
    "centroid_lat": ("Latitude of the centre of the area", "degree", "derived"),
    "centroid_lon": ("Longitude of the centre of the area", "degree", "derived"),
    "popw_lat": ("Latitude of the population-weighted centre", "degree", "derived"),
    "popw_lon": ("Longitude of the population-weighted centre", "degree", "derived"),
    "tile_row": ("Row on the tile map, from the top", "1", "reference"),
    "tile_col": ("Column on the tile map, from the left", "1", "reference"),
}

OVERRIDES: dict[tuple[str, str], Words] = {
    **{("heads_by_age", age): (f"Households with a head aged {age}", "household", "surveyed") for age in HEAD_AGES},
    **{("heads_by_age_2011", age): (f"Households with a head aged {age}", "household", "counted") for age in HEAD_AGES},
    ("migration", "origin"): ("Province that people leave, or OUTSIDE_SA_NET", "", "reference"),
    ("migration", "destination"): ("Province that they go to", "", "reference"),
    ("migration", "migrants"): ("People who move in the five years", "person", "modelled"),
    ("national_annual", "e0_female"): ("Life expectancy at birth of women", "year", "modelled"),
    ("national_annual", "e0_male"): ("Life expectancy at birth of men", "year", "modelled"),
    ("national_annual", "sex_ratio_at_birth"): ("Boys born for each girl", "1", "modelled"),
    ("national_annual", "net_migration_thousand"): ("Arrivals less departures, thousand", "person", "modelled"),
    ("national_fertility", "tfr"): ("Total fertility: births for a woman at the rates of the year", "1", "modelled"),
    **{
        ("national_fertility", age): (f"Percent of total fertility of mothers aged {age}", "percent", "modelled")
        for age in MOTHER_AGES
    },
    **{
        ("national_mortality", age): (f"Deaths for a person and year in the ages from {age}", "1/year", "modelled")
        for age in LIFE_AGES
    },
    ("people_definitions", "served"): ("Share of the category that counts as served", "1", "assumed"),
    ("people_parameters", "parameter"): ("What the number belongs to", "", "reference"),
    **{("population_age", age): (f"People aged {age}", "person", "counted in 2011, surveyed in 2016") for age in AGES},
    **{("population_modelled", age): (f"People aged {age}", "person", "modelled") for age in [*AGES[:16], "80+"]},
    ("mid_year_estimates", "population"): ("People", "person", "modelled"),
    **{("province_of_birth", code): (f"Residents born in {code}", "person", "surveyed") for code in PROVINCES},
    ("provincial_rates", "tfr"): ("Total fertility: births for a woman", "1", "modelled"),
    ("provincial_rates", "e0_female"): ("Life expectancy at birth of women", "year", "modelled"),
    ("provincial_rates", "e0_male"): ("Life expectancy at birth of men", "year", "modelled"),
    ("bands", "upper"): ("Coverage at which the band ends, as a share of households", "1", "by row"),
    ("bands", "weight"): ("Worth of a household in the band against one in the last", "1", "by row"),
    ("bands", "low"): ("Low end of the weight", "1", "by row"),
    ("bands", "high"): ("High end of the weight", "1", "by row"),
    ("constants", "name"): ("Name of the number in rules and derivations", "", "reference"),
    ("employment_2011", "employed"): ("Employed", "person", "counted"),
    ("employment_2011", "unemployed"): ("Unemployed, official definition", "person", "counted"),
    ("employment_2011", "discouraged"): ("Discouraged work-seekers", "person", "counted"),
    ("employment_2011", "other_not_active"): ("Not economically active for other reasons", "person", "counted"),
    ("employment_2011", "unemployment_rate"): ("Unemployed / (employed + unemployed)", "1", "derived"),
    ("employment_2011", "expanded_unemployment_rate"): ("The same with discouraged in both", "1", "derived"),
    ("formula_equitable_share", "parameter"): ("Name of the figure in the formula", "", "reference"),
    ("formula_mig", "parameter"): ("Part of the formula", "", "reference"),
    ("formula_mig", "shared_by"): ("What divides the part over spaces", "", "reference"),
    ("formula_mig", "sharing"): (
        "How surely that is what divides it: a status, like that of the value",
        "",
        "reference",
    ),
    ("grant_purposes", "share"): ("Share of the grant that the purpose is owed", "1", "by row"),
    ("grant_services", "may_fund"): ("1 where the grant may pay for the service", "flag", "by row"),
    ("grant_services", "split"): ("Share of the grant taken to go to the service", "1", "by row"),
    ("grants", "name"): ("Full name of the grant", "", "reference"),
    ("grants", "schedule"): ("Schedule of the Division of Revenue Act", "", "by row"),
    ("grants", "in_world"): ("1 where the world za2016 holds the grant", "flag", "reference"),
    ("grants", "what_for"): ("What the grant is for", "", "by row"),
    ("households_by_head", "households"): ("Households", "household", "counted in 2011, surveyed in 2016"),
    ("households_by_head", "female_headed"): (
        "Households with a female head",
        "household",
        "counted in 2011, surveyed in 2016",
    ),
    ("households_by_head", "male_headed"): (
        "Households with a male head",
        "household",
        "counted in 2011, surveyed in 2016",
    ),
    ("income_poverty_2011", "income_poor"): ("People in households below the poverty line", "person", "derived"),
    ("income_poverty_2011", "non_poor"): ("People in other households with known income", "person", "derived"),
    ("income_poverty_2011", "headcount"): ("Income-poor share of people", "1", "derived"),
    ("mig_spending", "transferred"): ("Transferred to municipalities", "R", "published"),
    ("mig_spending", "spent"): ("Spent by municipalities", "R", "published"),
    ("municipal_capital", "against_budget"): (
        "Capital spending over (+) or under (-) the budget; 100 plus this is absorption",
        "percent",
        "published",
    ),
    ("municipal_capital", "capital_transfers"): (
        "Capital transfers recognised, all grants together, provincial ones too",
        "R",
        "published",
    ),
    ("municipalities", "category"): ("A metropolitan, B local, C district", "", "published"),
    ("grant_terms", "term"): (
        "matching: own rand asked for a rand of grant; top_slice: most for project management",
        "",
        "reference",
    ),
    ("municipal_operating", "operating_transfers"): ("Operating transfers recognised", "R", "published"),
    ("national_pools", "budget"): ("Main budget of the subprogramme", "R", "published"),
    ("neighbours", "space_a"): ("Code of one space", "", "reference"),
    ("neighbours", "space_b"): ("Code of the other space", "", "reference"),
    ("neighbours", "approx_shared_border_km"): ("Length of the shared border, rough", "km", "derived"),
    ("population", "female"): ("Women and girls", "person", "counted in 2011, surveyed in 2016"),
    ("population", "male"): ("Men and boys", "person", "counted in 2011, surveyed in 2016"),
    ("price_index", "index"): ("Consumer price index, average of the year, 2010 = 100", "1", "by row"),
    ("projects", "project"): ("Label of the project", "", "reference"),
    ("projects", "grants"): ("Grants that may pay for it, a blank between two", "", "by row"),
    ("projects", "scheme"): ("Scheme of bulk works that it is part of; blank if it is part of none", "", "by row"),
    ("projects", "connects"): ("Households that it connects once it is complete", "household", "by row"),
    ("projects", "capacity"): ("Households that it can supply in bulk once it is complete", "household", "by row"),
    ("projects", "cost"): ("What it takes to complete it from today on", "R", "by row"),
    ("projects", "year_most"): ("Largest share of the cost that can be spent in one year", "1", "by row"),
    ("projects", "incomplete"): ("1 where works have begun and stand unfinished", "flag", "by row"),
    ("projects", "zone"): ("1 for a special development zone", "flag", "by row"),
    ("projects_after", "project"): ("Project that waits", "", "reference"),
    ("projects_after", "ahead"): ("Project that must be complete in an earlier year", "", "by row"),
    ("projects_budget", "amount"): ("Money for projects of the list", "R", "by row"),
    ("projects_indicated", "project"): ("Label of the project", "", "reference"),
    ("projects_indicated", "amount"): ("Money indicated", "R", "by row"),
    ("projects_schemes", "scheme"): ("Label of the scheme", "", "reference"),
    ("projects_schemes", "spare"): ("Households that it can supply already and does not", "household", "by row"),
    ("roll_out_announced", "wave"): ("Wave that was announced for the space", "1", "by row"),
    ("roll_out", "wave"): ("Number of the wave, the first first", "1", "reference"),
    ("roll_out", "kind"): ("district or metro", "", "reference"),
    ("roll_out", "count"): ("Spaces that the wave adds", "1", "by row"),
    ("service_categories", "budget_category"): ("Category of the gender budget statement", "", "by row"),
    ("service_definitions", "served"): ("1 served, 0 not, or the share that counts as served", "1", "assumed"),
    ("service_definitions", "note"): ("Standard used and what an analyst may change", "", "reference"),
    ("service_marks", "mark"): ("principal, significant, not targeted or unscreened", "", "by row"),
    ("service_people", "parameter"): ("over_representation, targeting, women_in_jobs or labour", "", "reference"),
    ("service_parameters", "parameter"): ("unit_cost, renew_share, life or subsidy", "", "reference"),
    ("service_parameters", "area"): ("urban, rural or all", "", "reference"),
    ("service_parameters", "price_year"): ("Year of the prices; a-b is the mean of two years", "year", "reference"),
    ("services_2011", "count"): ("Persons or households, as 'universe' says", "person or household", "counted"),
    ("services_2016", "count"): ("Persons or households, as 'universe' says", "person or household", "surveyed"),
    ("space_transfers", "amount_type"): ("AUDA audited, ORGB original budget", "", "reference"),
    ("space_transfers", "transfer"): ("Kind of transfer: operating or capital", "", "reference"),
    ("space_transfers", "amount"): ("Transfers recognised", "R", "published"),
    ("space_transfers", "municipalities_reporting"): ("Municipalities whose figures are summed", "1", "published"),
    ("spaces", "name"): ("Current name", "", "reference"),
    ("spaces", "other_names"): ("Former names and spellings met in documents, parted by ;", "", "reference"),
    ("spaces", "kind"): ("district or metro", "", "reference"),
    ("spaces", "parent"): ("Code of the province", "", "reference"),
    ("tiers", "share"): ("Share of a backlog that is in the tier", "1", "by row"),
    ("tiers", "cost_factor"): ("Cost of a household in the tier over the stated unit cost", "1", "by row"),
    ("tiers", "low"): ("Low end of the cost factor", "1", "by row"),
    ("tiers", "high"): ("High end of the cost factor", "1", "by row"),
    ("transfer_dependence", "transfers_percent"): (
        "Government transfers and subsidies in the revenue of the municipality",
        "percent",
        "published",
    ),
}
