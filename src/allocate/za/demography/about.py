"""What every datum of ``za2016_people`` and ``za2011_people`` is, in words that a report prints.

``period`` names the years that the figures are about, so that a run can say whether it knew what came later.
"""

from __future__ import annotations

from allocate.za.about import About
from allocate.za.demography.labels import LAST, REFERENCE

CENSUS = "Statistics South Africa, Census 2011; processing by this project"
SURVEY = "Statistics South Africa, Community Survey 2016; processing by this project"
COUNT = {2011: CENSUS, 2016: SURVEY}
DISTRICTS = "Mid-year population estimates 2021 (districts)"
ESTIMATES = "Statistics South Africa, Mid-year population estimates 2020 (P0302)"
PROSPECTS = "United Nations, World Population Prospects 2024"
PARAMETERS = "people_parameters.csv, with a source a row"
BOUNDARIES = "On 2016 boundaries"
OWN = "Assumption of this project"


def _about(unit: str, status: str, source: str, period: str, why: str, *notes: str) -> About:
    return {"unit": unit, "status": status, "source": source, "period": period, "why": why, "notes": notes}


def about(as_of: int) -> dict[str, About]:
    """The words of every datum of the world as of a year.

    >>> about(2011)["death_rate"]["period"]
    '2006-2011'
    """
    return _people(as_of) | _rates(as_of) | _homes(as_of) | _services(as_of) | _chance(as_of)


def _people(as_of: int) -> dict[str, About]:
    carried = (
        "Ages of 2011 were read on 2011 boundaries and are carried over within each province, which did not move",
    )
    return {
        "people": _about(
            "person",
            "derived",
            f"{COUNT[as_of]}; {DISTRICTS} for how sexes differ by age",
            str(as_of),
            "Who lives where when the projection starts.",
            f"{BOUNDARIES}; sexes of a space are the published ones, ages within the few persons by which the two "
            "published tables differ",
            "Sex by age is not published for spaces: the odds between them are those of the mid-year estimates, a "
            "model published in 2021",
            *(
                carried
                if as_of == 2011
                else ("The survey finds far fewer old people than the census of 2011 leads to",)
            ),
        ),
        "count_error": _about(
            "1",
            "derived",
            f"{COUNT[as_of]}; {DISTRICTS}",
            str(as_of),
            "How far the number of people of a space may be off.",
            "From how far two accounts of the same year differ, the same for every space; both rest on Census 2011, so "
            "it is too small",
        ),
    }


def _rates(as_of: int) -> dict[str, About]:
    seen = REFERENCE[as_of]
    path = f"{as_of}-{LAST}" if as_of != 2011 else seen
    later = (
        "Later periods follow the nation's path in the medium variant"
        if as_of != 2011
        else "Rates of 2006-2011 are held: nothing about a later time is used"
    )
    held = f"Rates of {seen} are held"
    return {
        "death_rate": _about(
            "1/year",
            "modelled",
            f"{PROSPECTS} (pattern by age); {ESTIMATES} (expectation of life by province and sex)",
            path,
            "Deaths for a person and year lived.",
            "Spaces of a province die alike: no figure by space is in the data",
            "A province differs from the nation by one factor at every age, though adults differ most",
            later,
        ),
        "birth_rate": _about(
            "1/year",
            "modelled",
            f"{PROSPECTS} (pattern by age); {ESTIMATES} (total fertility by province)",
            path,
            "Births for a woman and year lived.",
            "Spaces of a province bear alike: no figure by space is in the data",
            later,
        ),
        "boys": _about("1", "modelled", PROSPECTS, seen, "Share of births that are boys: 1.04 for each girl."),
        "leaving": _about(
            "1/year",
            "modelled",
            f"{ESTIMATES}; ages by Rogers and Castro (1981); {PARAMETERS}",
            seen,
            "Leaving a space for another, for a person and year lived there.",
            "Moves between provinces are the published ones, which are themselves a model's",
            "Moves inside a province are estimated: as often as between provinces at the same distance",
            "Men and women of an age move alike",
            held,
        ),
        "corridor": _about(
            "1",
            "modelled",
            f"{ESTIMATES}; gravity model of people and distance",
            seen,
            "How people who leave a space are divided over the others.",
            "Where in a province moves begin and end is estimated from people and distance alone",
            "Between two spaces of a province as many go as come: nothing in the data says which would gain",
            held,
        ),
        "arrivals": _about(
            "person/year",
            "modelled",
            f"{ESTIMATES}, net international row",
            seen,
            "Net arrivals from abroad.",
            "Shared over spaces, sexes and ages by people and how often their age moves: assumed",
            "World Population Prospects has another total, in some years of another sign",
            held,
        ),
    }


def _homes(as_of: int) -> dict[str, About]:
    heads = (
        "Rates of heads by age are the province's, scaled to the households of the space by sex of head"
        if as_of == 2011
        else "Above 1 among the old: the survey's households and persons are weighted apart, and do not agree there"
    )
    return {
        "head_rate": _about(
            "household/person",
            "derived",
            COUNT[as_of],
            str(as_of),
            "Households headed by a woman (man) for each woman (man) of an age.",
            f"{BOUNDARIES}; people x rate gives the households counted, by sex of head",
            "Ten-year groups of heads are parted by straight lines between their middles",
            heads,
        ),
        "formation": _about(
            "1",
            "assumed",
            OWN,
            str(as_of),
            "Households beside what headship rates give.",
            "1 holds the rates; from 2011 to 2016 households grew 9% beyond the rates of 2011 on the people of 2016"
            if as_of != 2011
            else "1 holds the rates",
        ),
    }


def _services(as_of: int) -> dict[str, About]:
    grows = (
        "The change in households served from 2011 to 2016 and what stopped working meanwhile, not below 0; the census "
        "and the survey asked about water, electricity and refuse in different words",
        "Classrooms and clinics: what stops working is replaced and nothing is added, because no stock is in the data",
    )
    still = ("No earlier count is in the data: what stops working is replaced, and nothing is added",)
    recorded = (
        "National Treasury, Local Government Database (Municipal Money), capital spending against budget, audited",
        "2015/16 to 2017/18",
        "derived",
        "The whole capital budget, own money too, alike for every service; more than 100% over or under is dropped",
    )
    assumed = (PARAMETERS, "2011", "assumed", "No record of spending against budget before 2015/16 is in the data")
    source, years, status, note = assumed if as_of == 2011 else recorded
    return {
        "per_household": _about(
            "1/household", "assumed", OWN, "Any year", "What a household needs: one of each household service."
        ),
        "per_person": _about(
            "1/person",
            "assumed",
            PARAMETERS,
            "Any year",
            "What a person of an age needs: classrooms and clinics.",
            "Norms, not what there is",
        ),
        "capacity": _about(
            "1",
            "derived",
            f"{COUNT[as_of]}; service_definitions.csv and people_definitions.csv; classrooms and clinics {OWN.lower()}",
            str(as_of),
            "Units that stand and work when the projection starts: households served.",
            f"{BOUNDARIES}; where the survey counted persons, households are taken to be equally large",
            "Classrooms and clinics are ASSUMED to be what the people of the start need: read their change alone",
        ),
        "decay": _about(
            "1/year",
            "modelled",
            f"service_parameters.csv, life; {PARAMETERS}; income poverty, Census 2011 (SALDRU)",
            "2011; lives of assets are assumed, of no year",
            "Share of what stands that stops working in a year.",
            "Who pays keeps up what serves him; what serves the income-poor is lost at one over its life",
        ),
        "yield_": _about(
            "1", "assumed", OWN, str(as_of), "What a unit that stands gives: all of it, unless a scenario says."
        ),
        "additions": _about(
            "1/year",
            "assumed",
            f"{CENSUS}; {SURVEY}" if as_of != 2011 else CENSUS,
            "2011-2016" if as_of != 2011 else "2011",
            "Units added in a year, unless a plan says.",
            *(still if as_of == 2011 else grows),
        ),
        "delivery_sd": _about(
            "1", status, source, years, "How far what one space delivers strays from what was planned.", note
        ),
        "delivery_common_sd": _about(
            "1", status, source, years, "How far what all spaces deliver strays together.", note, "Three years at most"
        ),
    }


def _chance(as_of: int) -> dict[str, About]:
    years = f"2000-{as_of}"
    return {
        "shock_sd": _about(
            "1",
            "derived",
            f"{PROSPECTS} (yearly series); {ESTIMATES} (provinces, moves); {COUNT[as_of]}; {PARAMETERS}",
            years,
            "How far a rate strays from its path in the long run, in logarithms.",
            f"From what is about {as_of} or earlier, though published later; never corrected by what came after",
            "Deaths by space and how arrivals are shared are ASSUMED"
            + ("; leaving and attraction of the nation and of provinces too" if as_of == 2011 else ""),
            "Spaces leave and attract as uncertainly as provinces that the gravity model was not shown",
        ),
        "persistence": _about(
            "1",
            "derived",
            f"{PROSPECTS} (yearly series); {PARAMETERS}",
            years,
            "How much of a deviation is left after a year.",
            "Of deaths and births from a dozen years of a smooth series; of moves ASSUMED",
        ),
    }
