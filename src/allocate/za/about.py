"""What every datum of ``za2016`` is, in words that a report prints: unit, status, source, period, why and cautions."""

from __future__ import annotations

from typing import TypedDict


class About(TypedDict):
    """The words of one datum; see :class:`allocate.tables.Datum`."""

    unit: str
    status: str
    source: str
    period: str
    why: str
    notes: tuple[str, ...]


SURVEY = "Statistics South Africa, Community Survey 2016; processing by this project"
POOLS = "National Treasury, Estimates of National Expenditure, subprogramme budgets"
CATALOGUE = "Catalogue of grants of this project (grants.csv and the tables beside it), with a source a row"
TRANSFERS = "National Treasury, Local Government Database (Municipal Money)"
PARAMETERS = "service_parameters.csv, price_index.csv and tiers.csv, with a source a row"
YEARS = "2017/18 to 2019/20"
UNSCORED = "Roads, public facilities and energy efficiency have no backlog in the data and are 0 here"
EQUAL_SIZE = "Where the survey counted persons, households are taken to be equally large in every category"
PEOPLE = "service_people.csv, with a source a row"
NO_SURVEY = (
    "No survey table of services by sex of head could be read; the microdata of the General Household Survey "
    "(DataFirst, University of Cape Town) hold both: tabulate them before a headline rests on this"
)
WORKS = "Expanded Public Works Programme, annexure G1, 2012/13 (municipal infrastructure projects); service_people.csv"
HELD = "Households are held at their number of 2016"


def _about(unit: str, status: str, source: str, period: str, why: str, *notes: str) -> About:
    return {"unit": unit, "status": status, "source": source, "period": period, "why": why, "notes": notes}


def illustrative(unit: str, why: str, *notes: str) -> About:
    """The words of a datum that stands for what is not public: nobody knows it, and it is marked so."""
    return _about(unit, "assumed", "ILLUSTRATIVE, made up by this project", YEARS, why, *notes)


ABOUT: dict[str, About] = {
    "member": _about(
        "flag", "published", CATALOGUE, YEARS, "Which pool spends a grant: all that consolidation changes."
    ),
    "budget": _about(
        "R",
        "published",
        POOLS,
        YEARS,
        "The money that Parliament voted for each grant, to the rand.",
        "Includes money in kind (Eskom's part of INEP, the department's part of RBIG and WSIG)",
        "IUDG was first voted in 2019/20 and is 0 before; the EEDSM pool is a wider subprogramme",
        "2016/17 is left out: WSIG and RBIG were then one subprogramme and cannot be told apart",
    ),
    "may_receive": _about(
        "flag",
        "derived",
        "grant_eligibility.csv, with a source a row",
        YEARS,
        "Which spaces the grant's framework lets in: a space where any municipality in it is eligible.",
    ),
    "may_fund": _about(
        "flag", "derived", "grant_services.csv, with a source a row", YEARS, "What each grant may pay for."
    ),
    "unmeasured": _about(
        "flag",
        "derived",
        "This project: services without a backlog in the data at hand",
        YEARS,
        "Which services no outcome can be counted for: money for them is left as it was.",
    ),
    "serves": _about(
        "flag",
        "assumed",
        "purposes.csv",
        YEARS,
        "Which purpose each service belongs to, so that floors have an object.",
    ),
    "purpose_share": _about(
        "1",
        "derived",
        "grant_purposes.csv, with a source a row",
        YEARS,
        "What a grant owes each purpose, and still owes after a merger.",
        "0 means that no share is stated, not that nothing is spent",
    ),
    "service_split": _about(
        "1",
        "assumed",
        "grant_services.csv, with a source a row",
        YEARS,
        "How a grant's money is taken to divide over services, to say what the baseline bought.",
        "Formula shares steer allocations and are not reported spending",
    ),
    "baseline": _about(
        "R",
        "modelled",
        f"{POOLS}; {TRANSFERS}, capital transfers recognised, audited; {SURVEY}",
        f"{YEARS}; shares of spaces from audited years ending June 2016 to June 2018",
        "What each space got of each grant, against which gains and losses are told.",
        "The split of a grant by space is not in the data: pools are exact, space shares are the median of "
        "capital transfers in the complete audited years, and cells are fitted from eligibility and need",
        "2018/19 and 2019/20 are derived from shares that end in the financial year to June 2018, because later "
        "audited figures are not at hand",
        "Shares are scaled within metros and within districts: metro transfers hold public transport money "
        "outside these grants, and pools hold money in kind that districts get",
        "Against published figures of Cape Town for 2017/18: USDG is R1,623m here and R1,495m there; INEP R278m here "
        "and R65m there, so INEP of metros is probably too high and of districts too low",
        "Put a real schedule in its place where there is one, and its shares of each grant in got_share",
    ),
    "got_share": _about(
        "1",
        "modelled",
        f"{TRANSFERS}; {POOLS}; fitted by this project",
        YEARS,
        "The baseline as a share of each grant: the actual split moves in proportion when a scenario moves a pool.",
    ),
    "formula_share": _about(
        "1",
        "modelled",
        f"formula_mig.csv, with a source a row; {SURVEY}; income poverty, Census 2011 (SALDRU); got_share",
        YEARS,
        "The share of each grant that its formula gives each space, to be set beside the actual split and a plan.",
        "Only MIG has its formula here; every other grant has its actual split (got_share)",
        "Roads, street lighting and the nodal part rest on stand-ins: no figure by space is in the data",
        "Against the R502m first allocated to the Western Cape in 2018/19 (reply in its Parliament on MIG spending): "
        "R487m by the formula here, R889m in the actual split as it is fitted",
        "In 2019/20 the intermediate cities had left MIG for the IUDG, which the formula here does not know",
    ),
    "pace": _about(
        "1",
        "assumed",
        "constants.csv, pace",
        YEARS,
        "How many times what a service got in a space it may get.",
        "It multiplies the assumed split of grants over services; without it one pool multiplies refuse by seven",
    ),
    "keep": _about(
        "1",
        "assumed",
        "constants.csv, keep",
        YEARS,
        "The share of its baseline that every space is guaranteed.",
        "By analogy with the equitable share; no infrastructure grant here carries such a guarantee",
    ),
    "absorption_record": _about(
        "1",
        "derived",
        f"{TRANSFERS}, capital spending against budget, audited",
        "Financial years ending June 2016 to June 2018",
        "The share of its capital budget that a space usually spends: only a space that spends may grow.",
        "Covers the whole capital budget, own money and loans too; -100% and more than +100% are dropped, the "
        "median of each municipality is weighted by its capital transfers, and 1 is the most",
    ),
    "absorb": _about(
        "R",
        "modelled",
        f"baseline and absorption_record; constants.csv, absorption_growth; {TRANSFERS}",
        YEARS,
        "The most that a space can spend: transfers are recognised when their conditions are met, that is when they "
        "are spent, so what a space got it did absorb; only a space that spends its budget may grow.",
        "Baseline total x the larger of 1 and (1 + growth) x record, rounded down to R thousand",
    ),
    "households": _about(
        "household",
        "surveyed",
        SURVEY,
        "2016, 2016 boundaries",
        "Who could be served.",
        "Adds up to 16,923,304; the published 16,923,309 differs by rounding in the source",
    ),
    "households_by_head": _about(
        "household",
        "surveyed",
        SURVEY,
        "2016, 2016 boundaries",
        "Households by sex of head: the only sex in the data on services, so incidence rests on it.",
        "The data do not say which services female-headed households lack",
    ),
    "backlog": _about(
        "household",
        "derived",
        f"{SURVEY}; service_definitions.csv",
        "2016, 2016 boundaries",
        "Households that each service does not reach, by a stated standard that an analyst may change.",
        EQUAL_SIZE,
        "Own refuse disposal is acceptable in remote places, so the refuse backlog is an upper figure",
        "Reliability, distance and full pits are not measured, so the other backlogs are lower figures",
        UNSCORED,
    ),
    "served_now": _about(
        "household",
        "derived",
        f"{SURVEY}; service_definitions.csv",
        "2016, 2016 boundaries",
        "Households that each service reaches at the start.",
        "Measured in March 2016 and the start of whatever year comes first: what was built between is left out",
        UNSCORED,
    ),
    "tier_size": _about(
        "household",
        "assumed",
        f"{SURVEY}; tiers.csv",
        "2016, 2016 boundaries",
        "The backlog in cost tiers, so that the next household costs more than the last.",
        "The same shares in every space and service are assumed; tiers add up to the backlog",
    ),
    "band_size": _about(
        "household",
        "assumed",
        f"{SURVEY}; bands.csv",
        YEARS,
        "Households in coverage bands, so that the first served count for more than the last.",
        HELD,
        UNSCORED,
    ),
    "need_weight": _about(
        "1",
        "derived",
        "Statistics South Africa, Census 2011, income poverty by SALDRU (University of Cape Town)",
        "2011, 2011 boundaries",
        "A household in a poorer space counts for more.",
        "People below R779 a month at 2011 prices, a share; the ratio is applied to 2016 boundaries, where BUF, MAN, "
        "ETH and their neighbours have moved",
        "Weighted by households, the mean is 1",
    ),
    "shared_by": _about(
        "household",
        "surveyed",
        SURVEY,
        "2016, 2016 boundaries",
        "The households that count when places are compared: all, unless a scenario counts the poor.",
    ),
    "poor_households": _about(
        "household",
        "modelled",
        f"{SURVEY}; Census 2011, income poverty by SALDRU (University of Cape Town); formula_equitable_share.csv",
        "2016 households, 2011 poverty, national share of 2018/19",
        "Poor households, as many in all as the equitable share formula counts.",
        "The headcount by space is of people in 2011: poor households are larger than others, so spaces with many poor "
        "people have too many poor households here",
    ),
    "value": _about(
        "1",
        "assumed",
        "CoGTA, basic-services subsidy 2022/23, as a relative scale",
        "2022/23",
        "What a served household-year is worth by service, with mean 1.",
        "A cost of supply, so a proxy of worth: report only what also holds under value_equal and value_share",
        UNSCORED,
    ),
    "value_equal": _about(
        "1",
        "assumed",
        "Assumption of this project",
        YEARS,
        "Every service is worth the same: a second scale.",
        UNSCORED,
    ),
    "value_share": _about(
        "1",
        "assumed",
        f"{SURVEY}; service_definitions.csv",
        "2016",
        "Worth by share of the national backlog met, with mean 1: a third scale.",
        UNSCORED,
    ),
    "band_weight": _about(
        "1", "assumed", "bands.csv", YEARS, "How much more the first households of a space count than the last."
    ),
    "unit_cost": _about(
        "R/household",
        "modelled",
        f"{PARAMETERS}; {SURVEY}",
        YEARS,
        "What it takes to reach one more household.",
        "Urban and rural cost are mixed by the share of households not on a public sewer in a district (a proxy: no "
        "count of rural households by space is at hand); a metro is urban",
        "Many costs are assumptions with a wide range; prices of a financial year are the mean of its two calendar "
        "years of the consumer price index",
        UNSCORED,
    ),
    "renew_cost": _about(
        "R/household",
        "assumed",
        PARAMETERS,
        YEARS,
        "What it takes to renew what serves a household: a share of what it takes to reach one there.",
        UNSCORED,
    ),
    "survives": _about(
        "1",
        "modelled",
        "service_parameters.csv, life; income poverty, Census 2011 (SALDRU); processing by this project",
        "A year",
        "The share of served households still served a year later without grant money: 1 - poor / life.",
        "Households that pay are taken to renew through tariffs, and the income-poor to depend on grants: how "
        "municipalities in fact divide renewal is not in the data",
        "A constant rate of loss, so old and new assets fail alike",
        UNSCORED,
    ),
    "discount": _about(
        "year",
        "derived",
        "constants.csv, discount_rate",
        YEARS,
        "The worth at 2019/20 of a year of service in each year.",
        "Years before 2019/20 count above 1",
    ),
    "years_after": _about(
        "1",
        "derived",
        "constants.csv, discount_rate; service_parameters.csv, life",
        "After 2019/20",
        "What still stands after the last year is worth: without it a plan would buy what lasts least.",
        "Discounted sum of the years of service left; no renewal after 2019/20",
        UNSCORED,
    ),
    "matching": _about(
        "1",
        "assumed",
        "grant_terms.csv, with a source a row",
        YEARS,
        "The own money that a grant asks for each rand of it.",
        "Only the bulk grant asks for any, scheme by scheme, and no ratio is published: its 0.25 is a judgement, from "
        "0 where every user is poor to 1 in a metro",
        "What a municipality promises as co-funding it does not always pay",
    ),
    "top_slice": _about(
        "1",
        "assumed",
        "grant_terms.csv, with a source a row",
        YEARS,
        "The most of a grant that may go to project management.",
        "5% of MIG is the known figure; IUDG and USDG are from memory of their frameworks, and 0 means that no share "
        "is known to be allowed. None was re-read here",
    ),
    "lift": _about(
        "R/R",
        "assumed",
        "constants.csv, lift",
        YEARS,
        "The extra rand that a space can spend well for each rand of project management.",
        "No study gives it; from 1 to 19, the average where 5% manages the rest. A plan that buys project management "
        "rests on this number",
    ),
    "expert_lift": _about(
        "1",
        "assumed",
        f"constants.csv, expert_closes; {TRANSFERS}, capital spending against budget, audited",
        "Financial years ending June 2016 to June 2018",
        "The share of its money by which a team of experts raises what a space can spend well.",
        "Half of what the space leaves unspent (a tenth to four fifths); no before-and-after figure of supported "
        "municipalities could be read",
        "0 where a space spends its whole budget already",
    ),
    "expert_cost": _about(
        "R",
        "derived",
        "Municipal Infrastructure Support Agent, briefings of May and June 2013; constants.csv, expert_cost; "
        "price_index.csv",
        YEARS,
        "What a team of experts for a space costs in a year.",
        "The agent's whole budget over the municipalities it supported, so apprentices and head office are in it; "
        "raised from 2013/14 with consumer prices",
    ),
    "population": _about(
        "person",
        "surveyed",
        SURVEY,
        "2016, 2016 boundaries",
        "Women and men, girls and boys among them, for what is told per head.",
        "Adds up to 55,653,657; the published 55,653,654 differs by rounding in the source",
    ),
    "over_representation": _about(
        "1",
        "assumed",
        PEOPLE,
        "2021",
        "How much more often a household headed by a woman lacks a service than the average household of its space.",
        NO_SURVEY,
        "Use it with its low and high; where a result does not hold at both, the data cannot answer",
        "That women head more households where backlogs are large is in the households of each space already and not "
        "in this number",
    ),
    "over_representation_low": _about(
        "1",
        "assumed",
        PEOPLE,
        "2021",
        "The low end of over_representation: women-headed households lack less.",
        NO_SURVEY,
    ),
    "over_representation_high": _about(
        "1",
        "assumed",
        PEOPLE,
        "2021",
        "The high end of over_representation: women-headed households lack more.",
        NO_SURVEY,
    ),
    "backlog_share": _about(
        "1",
        "assumed",
        f"{SURVEY}; service_people.csv, over_representation",
        "2016, 2016 boundaries",
        "The share of a backlog that is in households headed by women, and by men.",
        "Households by head are surveyed; who of them lacks what rests on the assumed over_representation",
        "It does not move when a scenario changes over_representation: use its low and high values there",
        "Where there is no backlog it is the share of households",
    ),
    "backlog_share_low": _about(
        "1",
        "assumed",
        f"{SURVEY}; service_people.csv, over_representation, low",
        "2016, 2016 boundaries",
        "backlog_share, were women-headed households to lack less.",
        "See backlog_share",
    ),
    "backlog_share_high": _about(
        "1",
        "assumed",
        f"{SURVEY}; service_people.csv, over_representation, high",
        "2016, 2016 boundaries",
        "backlog_share, were women-headed households to lack more.",
        "See backlog_share",
    ),
    "targeting": _about(
        "1",
        "assumed",
        PEOPLE,
        YEARS,
        "How far the households served may depart from the backlog by sex of head: 0 not at all, 1 freely.",
        "A judgement on engineering: a network reaches a street, a toilet on site can be given by list",
    ),
    "targeting_low": _about("1", "assumed", PEOPLE, YEARS, "The low end of targeting."),
    "targeting_high": _about("1", "assumed", PEOPLE, YEARS, "The high end of targeting."),
    "marker": _about(
        "flag",
        "assumed",
        "service_marks.csv, with a source a row; OECD-DAC gender equality policy marker",
        "2016",
        "How money for a service is tagged for gender equality: one mark a service.",
        "No South African grant publishes a marker: these marks are this project's reading of services, not a "
        "screening of grants, and the marker asks for a stated aim and an analysis that no framework read here has",
        "Unscreened is unknown and not a score of 0 (not targeted)",
        "A floor on tagged money says nothing of who is served",
    ),
    "category": _about(
        "flag",
        "assumed",
        "service_categories.csv; Budlender and Sharp, How to do a gender-sensitive budget analysis, 1998",
        YEARS,
        "Which of the three categories of a gender budget statement money for a service falls in.",
        "Every service here is general expenditure, so the categories tell nothing apart until somebody tags projects",
    ),
    "women_in_jobs": _about(
        "1",
        "assumed",
        WORKS,
        "2012/13",
        "The share of the jobs of a service that go to women.",
        "One sector figure taken for every service, and an old one: 68% of all opportunities went to women in 2020/21, "
        "most of them in road maintenance and social work that these grants do not pay for",
        "Below the target of 60%, so a rule that asks 60% of every service has no plan",
    ),
    "labour": _about(
        "1",
        "assumed",
        WORKS,
        "2012/13",
        "The share of the cost of a service that is paid in wages on site.",
        "18% is that of projects that report to the programme; the rest of a grant may pay far less",
        "Differences between services are judgements",
    ),
    "jobs": _about(
        "job/R",
        "assumed",
        f"{WORKS}, labour; constants.csv, job_wage; price_index.csv",
        "Prices of 2019/20",
        "Full-time jobs for a year (230 person-days) that a rand pays for.",
        "Work on site while it is built, not permanent posts",
        "In proportion to labour, so it carries the same judgements",
    ),
    "run_cost": _about(
        "R/household",
        "derived",
        "basic_services_subsidy.csv; service_parameters.csv, subsidy",
        YEARS,
        "What it costs to serve one household for a year.",
        "The basic-services subsidy as a proxy: what the formula grants for a poor household, not what a municipality "
        "spends",
        "Published for 2015/16, 2018/19 and 2022/23; 2017/18 and 2019/20 lie on the lines between, split over services "
        "as in 2022/23",
        UNSCORED,
    ),
    "operating_transfers": _about(
        "R",
        "modelled",
        f"{TRANSFERS}, operating transfers recognised, audited; {POOLS}",
        f"{YEARS}; from financial years ending June 2016 to June 2018",
        "What a space gets in a year towards running services: mostly the equitable share.",
        "The median of the complete audited years, moved with the pool of the equitable share from 2016/17; the sum "
        "for 2018/19 is R86.2bn against R85.4bn in the budgets of all municipalities",
        "A return of 0 counts as empty (two municipalities)",
        "Nearly all of it runs what stands already",
    ),
    "own_revenue": _about(
        "R",
        "modelled",
        f"Statistics South Africa, Census 2022 Provinces at a Glance (transfers in municipal revenue); {TRANSFERS}",
        f"{YEARS}; the year of the percentage is not stated",
        "What a space raises itself in a year: rates, tariffs and the rest.",
        "Operating transfers x (100 - t) / t by municipality, so an error in a small t is large: metros most",
        "If t counts capital transfers too, as it may, own revenue is higher by nearly half",
        "Most of it pays for the bulk water and electricity that are sold",
    ),
    "run_means": _about(
        "1",
        "assumed",
        "constants.csv, run_means",
        YEARS,
        "The share of operating transfers and own revenue that may go to run what is newly built.",
        "About a year's real growth of the equitable share; from 0.01 to 0.1",
    ),
    "rural_share": _about(
        "1",
        "modelled",
        SURVEY,
        "2016, 2016 boundaries",
        "The share of households counted as rural.",
        "A proxy: households not on a public sewer in a district, none in a metro; a third of all households. No count "
        "of rural households by space is at hand, and towns without sewers count as rural",
    ),
    "wave_size": _about(
        "1",
        "published",
        "roll_out.csv, with a source a row",
        "2019",
        "How many districts and how many metros join the district development model in each wave.",
        "Carried over, not re-read; announced dates do not match every wave",
    ),
    "announced": _about(
        "flag",
        "published",
        "roll_out_announced.csv, with a source a row",
        "2019",
        "The wave that was announced for a space: the pilots only.",
    ),
}
