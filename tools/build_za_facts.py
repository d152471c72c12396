"""Build the counted, surveyed and published tables of ``allocate.za`` and describe the whole folder.

    python tools/build_za_facts.py SOURCE_FOLDER     tables from the raw public statistics, then the descriptor
    python tools/build_za_facts.py --describe        only the descriptor, when another table has changed

Kept so that anybody can see what was done to the raw tables: rows are chosen and columns renamed, nothing is
imputed. ``service_definitions.csv``, ``people_definitions.csv``, the parameter tables and the heads of households by
age are written by hand; this script describes them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from za_descriptions import FIELDS, OVERRIDES, PACKAGE, TABLES

FACTS = Path(__file__).resolve().parents[1] / "src" / "allocate" / "za" / "facts"
YEARS = (2016, 2017, 2018)
TOPICS_2011 = ("water_source", "toilet", "refuse", "electricity_for_lighting", "dwelling_type")
TOPICS_2016 = ("water_source", "toilet", "refuse", "electricity_access", "dwelling_type")
STATUSES = ("counted", "surveyed", "published", "derived", "modelled", "assumed")
LINKS = {
    "space": ("spaces", "code"),
    "space_a": ("spaces", "code"),
    "space_b": ("spaces", "code"),
    "province": ("provinces", "code"),
    "parent": ("provinces", "code"),
    "municipality": ("municipalities", "code"),
    "grant": ("grants", "grant"),
    "purpose": ("purposes", "purpose"),
    "project": ("projects", "project"),
    "ahead": ("projects", "project"),
}
MIG_SPENDING = """\
2016/17 14914028 13784509
2017/18 15891252 14545025
2018/19 15287685 13831893
2019/20 14816103 11720688
2020/21 14491065 13226723
"""


def raw(folder: Path, name: str) -> pd.DataFrame:
    """One raw table, with 'None' and 'NA' read as the words they are."""
    return pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""])


def households_by_head(folder: Path) -> pd.DataFrame:
    table = raw(folder, "household_heads_2011_2016")
    return table[["space", "year", "boundary", "households", "female_headed", "male_headed"]]


def population(folder: Path) -> pd.DataFrame:
    table = raw(folder, "population_by_sex")
    wide = table.pivot(index=["space", "year", "boundary"], columns="sex", values="population")
    return wide[["female", "male"]].reset_index()


def services(folder: Path, year: int) -> pd.DataFrame:
    table = raw(folder, "services_categories_2011_2016")
    topics = {2011: TOPICS_2011, 2016: TOPICS_2016}[year]
    chosen = table[(table.year == year) & table.topic.isin(topics)]
    alone = (year == 2016) | (chosen.topic != "toilet") | (chosen.boundary == 2016)
    chosen = chosen[alone & chosen.groupby(["topic", "category"])["count"].transform("sum").gt(0)]
    return chosen[["space", "boundary", "universe", "topic", "category", "count"]]


def income_poverty(folder: Path) -> pd.DataFrame:
    table = raw(folder, "income_poverty_2011")
    return table.loc[table.age_group == "all", ["space", "income_poor", "non_poor", "headcount"]]


def employment(folder: Path) -> pd.DataFrame:
    return raw(folder, "employment_2011").drop(columns=["year", "source"])


def space_transfers(folder: Path) -> pd.DataFrame:
    return whole_rand(raw(folder, "space_government_transfers"), "amount_rand").rename(
        columns={"amount_rand": "amount"}
    )


def whole_rand(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table.assign(**{column: table[column].round().astype("Int64")})


def municipalities(folder: Path) -> pd.DataFrame:
    """The 213 local and metropolitan municipalities and the 44 district municipalities over them."""
    local = raw(folder, "municipalities").rename(columns={"municipality": "code", "name_2018": "name"})
    district = raw(folder, "spaces").query("type == 'district'").assign(code=lambda d: d.space, category="C")
    columns = ["code", "name", "space", "province", "category"]
    return pd.concat([local[columns].sort_values("code"), district[columns]])


def municipal_capital(folder: Path) -> pd.DataFrame:
    """Capital spending against budget, beside the capital transfers that weigh it."""
    keys = ["municipality", "financial_year_end"]
    finance = raw(folder, "municipality_finance_indicators").query("indicator == 'cap_budget_diff'")
    money = whole_rand(raw(folder, "municipality_government_transfers"), "amount_rand")
    money = money.query("transfer == 'capital' and amount_type == 'AUDA'")
    both = finance.rename(columns={"value": "against_budget"}).merge(
        money.rename(columns={"amount_rand": "capital_transfers"}), on=keys, how="outer"
    )
    space = municipalities(folder).set_index("code").space
    both = both[both.financial_year_end.isin(YEARS) & both.municipality.isin(space.index)]
    both = both.assign(space=both.municipality.map(space)).sort_values(keys)
    return both[["municipality", "space", "financial_year_end", "against_budget", "capital_transfers"]]


def municipal_operating(folder: Path) -> pd.DataFrame:
    """Operating transfers recognised by every municipality of today, audited."""
    money = whole_rand(raw(folder, "municipality_government_transfers"), "amount_rand")
    money = money.query("transfer == 'operating' and amount_type == 'AUDA'")
    money = money[money.financial_year_end.isin(YEARS) & money.municipality.isin(municipalities(folder).code)]
    money = money.rename(columns={"amount_rand": "operating_transfers"})
    columns = ["municipality", "space", "financial_year_end", "operating_transfers"]
    return money[columns].sort_values(["municipality", "financial_year_end"])


def transfer_dependence(folder: Path) -> pd.DataFrame:
    table = raw(folder, "transfer_dependence")
    table = table.rename(columns={"government_transfers_subsidies_percent": "transfers_percent"})
    return table[["municipality", "space", "transfers_percent"]]


def national_pools(folder: Path) -> pd.DataFrame:
    table = whole_rand(raw(folder, "national_transfer_pools"), "total_budget_rand")
    table = table.assign(year=table.financial_year.str.replace("-", "/"))
    return table.rename(columns={"total_budget_rand": "budget"})[["year", "department", "subprogramme", "budget"]]


def mig_spending() -> pd.DataFrame:
    """What was transferred and spent of the Municipal Infrastructure Grant (reply NW1646, R thousand there)."""
    rows = [line.split() for line in MIG_SPENDING.splitlines()]
    return pd.DataFrame(
        [(year, int(sent) * 1000, int(spent) * 1000) for year, sent, spent in rows],
        columns=["year", "transferred", "spent"],
    )


def by_age(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """People of each age in a column, whole persons, from ``age_low`` and a blank ``age_high`` for the last age."""
    low, high = table["age_low"].astype(int), pd.to_numeric(table["age_high"])
    names = [f"{a}+" if pd.isna(b) else f"{a}-{int(b)}" for a, b in zip(low, high, strict=True)]
    order = list(dict.fromkeys(name for _, name in sorted(zip(low, names, strict=True))))
    wide = table.assign(age=names).pivot(index=keys, columns="age", values="population")
    return wide[order].round().astype(int).reset_index()


def population_age(folder: Path) -> pd.DataFrame:
    return by_age(raw(folder, "population_age5_2011_2016"), ["space", "year", "boundary"])


def population_modelled(folder: Path) -> pd.DataFrame:
    """The mid-year estimates about the years of a census and of a survey: what their margins leave open."""
    table = raw(folder, "mype2021_population_sex_age5_2002_2026")
    return by_age(table[table.year.isin((2011, 2016))], ["space", "year", "sex"])


def mid_year_estimates(folder: Path) -> pd.DataFrame:
    """All people of every space and year of the mid-year estimates: what projections are compared with."""
    table = raw(folder, "mype2021_population_sex_age5_2002_2026")
    return table.groupby(["space", "year"], as_index=False)["population"].sum().round().astype({"population": int})


def provincial_rates(folder: Path) -> pd.DataFrame:
    table = raw(folder, "mype2020_provincial_fertility_life_expectancy")
    wide = table.pivot(index=["province", "period"], columns="indicator", values="value")
    return wide[["tfr", "e0_female", "e0_male"]].reset_index()


def province_of_birth(folder: Path) -> pd.DataFrame:
    """Residents by the province that they were born in; born abroad and not known are left out."""
    table = raw(folder, "province_of_birth").query("year == 2016")
    wide = table.pivot(index="space", columns="birth_province", values="persons")
    return wide[sorted(set(raw(folder, "spaces").province))].reset_index()


def national_mortality(folder: Path) -> pd.DataFrame:
    table = raw(folder, "wpp2024_mortality_rates_za")
    wide = table[table.period < "2050"].pivot(index=["period", "sex"], columns="age_low", values="mx")
    return wide.reset_index()


def national_fertility(folder: Path) -> pd.DataFrame:
    table = raw(folder, "wpp2024_fertility_za")
    wide = table[table.year < 2047].pivot(index=["year", "tfr"], columns="age", values="percent_of_tfr")
    return wide.reset_index()


def national_annual(folder: Path) -> pd.DataFrame:
    wide = raw(folder, "wpp2024_annual_indicators_za").pivot(index="year", columns="indicator", values="value")
    return wide[["e0_female", "e0_male", "sex_ratio_at_birth", "net_migration_thousand"]].reset_index()


def build(folder: Path) -> None:
    """Write every table that comes from the raw folder."""
    tables = {
        "households_by_head": households_by_head(folder),
        "population": population(folder),
        "services_2011": services(folder, 2011),
        "services_2016": services(folder, 2016),
        "income_poverty_2011": income_poverty(folder),
        "employment_2011": employment(folder),
        "space_transfers": space_transfers(folder),
        "municipalities": municipalities(folder),
        "municipal_capital": municipal_capital(folder),
        "municipal_operating": municipal_operating(folder),
        "transfer_dependence": transfer_dependence(folder),
        "national_pools": national_pools(folder),
        "mig_spending": mig_spending(),
        "population_age": population_age(folder),
        "population_modelled": population_modelled(folder),
        "mid_year_estimates": mid_year_estimates(folder),
        "migration": raw(folder, "migration_interprovincial_mype2020"),
        "provincial_rates": provincial_rates(folder),
        "province_of_birth": province_of_birth(folder),
        "national_mortality": national_mortality(folder),
        "national_fertility": national_fertility(folder),
        "national_annual": national_annual(folder),
    }
    for name, table in tables.items():
        table.to_csv(FACTS / f"{name}.csv", index=False, lineterminator="\n")


def kind(column: pd.Series) -> str:
    """The Frictionless type of a column of text, by the strictest reading that fits every cell."""
    cells = column[column != ""]
    if cells.str.fullmatch(r"-?\d+").all() and len(cells):
        return "integer"
    if cells.str.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?").all() and len(cells):
        return "number"
    return "string"


def describe_field(table: str, name: str, column: pd.Series, unit_of_rows: bool) -> dict[str, object]:
    words = OVERRIDES.get((table, name)) or FIELDS.get(name)
    if words is None:
        raise SystemExit(f"{table}.csv: column {name!r} has no description; add it to za_descriptions.py")
    description, unit, status = words
    if unit == "unit":
        unit = "by row" if unit_of_rows else ""
    limits: dict[str, object] = {"required": True} if (column != "").all() else {}
    if name == "status":
        limits["enum"] = list(STATUSES)
    field = {"name": name, "type": kind(column), "description": description, "unit": unit, "status": status}
    return field | ({"constraints": limits} if limits else {})


def links(table: str, columns: list[str]) -> list[dict[str, object]]:
    """Which column of the table must be found in which other table."""
    return [
        {"fields": [name], "reference": {"resource": resource, "fields": [field]}}
        for name, (resource, field) in LINKS.items()
        if name in columns and resource != table and (FACTS / f"{resource}.csv").exists()
    ]


def describe(path: Path) -> dict[str, object]:
    """The Frictionless resource of one table."""
    name = path.stem
    if name not in TABLES:
        raise SystemExit(f"{path.name} has no title, source and licence; add it to za_descriptions.py")
    about = TABLES[name]
    text = pd.read_csv(path, dtype=str, keep_default_na=False)
    fields = [describe_field(name, column, text[column], "unit" in text) for column in text]
    schema: dict[str, object] = {"fields": fields, "missingValues": [""]}
    if "key" in about:
        schema["primaryKey"] = about["key"]
    if foreign := links(name, list(text)):
        schema["foreignKeys"] = foreign
    facts = {key: about[key] for key in ("title", "description", "year", "sources", "licenses") if key in about}
    return {
        "name": name.replace("_", "-"),
        "path": path.name,
        "type": "table",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **facts,
        "schema": schema,
    }


def descriptor() -> dict[str, object]:
    """The Frictionless package of every table in the folder, in order of name."""
    return {**PACKAGE, "resources": [describe(path) for path in sorted(FACTS.glob("*.csv"))]}


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit(__doc__)
    if arguments[0] != "--describe":
        build(Path(arguments[0]))
    text = json.dumps(descriptor(), indent=2, ensure_ascii=False)
    (FACTS / "datapackage.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
