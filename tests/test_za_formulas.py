"""The formulas that share municipal money: by hand, by their laws, and against what was published."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allocate.errors import InputError
from allocate.formula import Formula, Part
from allocate.names import STATUSES
from allocate.za import FORMULAS, derive, folder, formulas, stated
from allocate.za.derive import Needs

YEARS = ("2016/17", "2017/18", "2018/19", "2019/20")
MIG = {"2016/17": 14_914_028, "2017/18": 15_891_252, "2018/19": 15_287_685, "2019/20": 14_816_103}
LGES = {"2016/17": 52_568_706, "2017/18": 57_012_141, "2018/19": 62_731_845, "2019/20": 68_973_465}
A_AND_B = ("A", "B")


@cache
def survey() -> Needs:
    return derive.survey()


@cache
def formula(name: str, year: str = "2019/20") -> Formula:
    return FORMULAS[name](year)


def by(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"space": A_AND_B[: len(values)], "value": values})


def mig_rows(**changed: object) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "value": [5_000_000, 0.75, 0.25],
            "unit": [formulas.EACH, "1", "1"],
            "shared_by": ["municipalities", "backlog", "poor"],
        },
        index=["constant", "basic", "services"],
    )
    return rows.assign(**changed)


def measures(towns: tuple[float, float], backlog: tuple[float, float], poor: tuple[float, float]) -> pd.DataFrame:
    values = np.array([towns, backlog, poor], dtype=float).T
    return folder.long(values, space=A_AND_B, measure=("municipalities", "backlog", "poor"))


def lges_rows(**changed: float) -> pd.DataFrame:
    value = {
        "subsidy": 100.0,
        "institutional": 0.0,
        "community_services": 0.0,
        "revenue_adjustment": 1.0,
        "guarantee": 0.9,
    }
    return pd.DataFrame({"value": value | changed})


def wide(found: pd.DataFrame) -> pd.DataFrame:
    return found.pivot(index="space", columns="part", values="value")


# parameters


def test_parameters_are_dated_sourced_and_of_a_known_status() -> None:
    """Proves: each row of both formulas has a source, a unit and a status; each parameter and year comes once.

    If a figure had no source, nobody could check it against the Act.
    """
    for name in ("formula_mig", "formula_equitable_share"):
        rows = folder.table(name)
        assert rows.notna().all().all(), name
        assert rows["status"].isin(STATUSES).all()
        assert not rows.duplicated(["parameter", "year"]).any()
    assert folder.table("formula_mig")["sharing"].isin(STATUSES).all()


def test_the_parts_of_mig_are_the_published_shares() -> None:
    """Proves: 75% basic (72% water and sanitation, 23% roads, 5% other), 15%, 5% and 5%; floors elsewhere agree.

    If a share were mistyped, the rest of the pool would not be shared out, or a purpose floor would contradict it.
    """
    value = formulas.in_force(folder.table("formula_mig"), "2019/20")["value"]
    basic = {"water and sanitation": 0.72, "roads": 0.23, "other": 0.05}
    assert {name: value[name] for name in basic} == pytest.approx({k: 0.75 * v for k, v in basic.items()})
    assert value[["public services", "social institutions", "nodal"]].tolist() == [0.15, 0.05, 0.05]
    owed = folder.table("grant_purposes").query("grant == 'MIG'").set_index("purpose")["share"]
    assert owed[["water and sanitation", "roads", "solid waste"]].tolist() == value[list(basic)].tolist()


def test_the_subsidy_grows_between_published_years() -> None:
    """Proves: derived subsidies lie on a constant rate of growth between the published ones, to the cent.

    By hand for 2019/20: 383.12 x (488.42 / 383.12) ** (1 / 4) = 407.10. The four services of 2022/23 add up to 488.42
    within a cent. If a year were skipped, the path would bend.
    """
    rows = folder.table("formula_equitable_share").query("parameter == 'subsidy'").reset_index(drop=True)
    known = rows.index[rows["status"] == "published"]
    growth = np.exp(np.interp(rows.index, known, np.log(rows["value"][known])))
    np.testing.assert_allclose(rows["value"], growth, atol=0.005001)
    assert rows.set_index("year")["value"]["2019/20"] == 407.10
    by_service = folder.table("service_parameters").query("parameter == 'subsidy'")["value"].sum()
    assert abs(by_service - rows.set_index("year")["value"]["2022/23"]) <= 0.0101


def test_a_row_holds_until_a_later_one() -> None:
    """Proves: of each parameter the latest row that is not later holds, whatever the order of rows.

    If the file's order decided, a spreadsheet that sorts it would change the money.
    """
    rows = pd.DataFrame({"parameter": ["b", "a", "a"], "year": ["2010/11", "2018/19", "2015/16"], "value": [1, 3, 2]})
    assert formulas.in_force(rows, "2017/18")["value"].to_dict() == {"b": 1, "a": 2}
    assert formulas.in_force(rows, "2018/19")["value"].to_dict() == {"b": 1, "a": 3}
    with pytest.raises(InputError, match="a: has no figure before 2015/16"):
        formulas.in_force(rows, "2014/15")


# MIG


def test_mig_by_hand() -> None:
    """Proves: constants first, then shares of the rest, each divided by its own measure.

    By hand, R100m: A has 2 municipalities and B 1, so R10m and R5m; of the other R85m three quarters (R63.75m) go by
    backlog 4 to 1 (R51m and R12.75m) and a quarter (R21.25m) by poor households 1 to 1. If the constant came out of the
    shares and not before them, basic would be R75m.
    """
    found = wide(formulas.mig(mig_rows(), 100_000_000, measures((2, 1), (4, 1), (7, 7)), A_AND_B))
    assert found["constant"].tolist() == [10_000_000, 5_000_000]
    assert found["basic"].tolist() == [51_000_000, 12_750_000]
    assert found["services"].tolist() == [10_625_000, 10_625_000]


@pytest.mark.parametrize("year", YEARS)
def test_mig_adds_up_to_the_voted_pool(year: str) -> None:
    """Proves: R5 million for each of 226 municipalities (205 local, 21 districts), then the pool to the rand.

    If the 23 districts that are no authority for water counted too, constants would be R1,245m.
    """
    table = formula("mig", year).table()
    total = table.iloc[-1]
    assert total["constant"] == 226 * 5_000
    assert total["total"] == MIG[year]
    rest = MIG[year] - 226 * 5_000
    assert total["water and sanitation"] == pytest.approx(0.54 * rest, abs=1)
    assert (table["total"] == table[[part.name for part in formula("mig", year).parts]].sum(axis=1)).all()
    metros = table["space"].isin(folder.metros())
    assert (table.loc[metros, "total"] == 0).all() and (table.loc[~metros, "total"] > 5_000).all()


def test_one_space_from_its_needs() -> None:
    """Proves: OR Tambo's parts are its shares, among the 44 districts, of the need that each part names.

    If households without water were left out of the first, or metros counted in the nation's need, each would be off by
    millions.
    """
    found = survey()
    districts = [space for space in folder.spaces() if space not in folder.metros()]
    short = found.short.pivot(index="space", columns="service", values="value").loc[districts]
    poor = found.homes.set_index("space")["value"] * found.poverty.set_index("space")["headcount"]
    needs = {
        "water and sanitation": (0.54, short["water"] + short["sanitation"]),
        "other": (0.0375, short["refuse"]),
        "roads": (0.1725, poor[districts]),
        "nodal": (0.05, poor[districts]),
    }
    got = formula("mig").table().set_index("space").loc["DC15"]
    assert (
        got["constant"] == 5_000 * 6
    )  # King Sabata Dalindyebo, Mhlontlo, Ngquza Hill, Nyandeni, Port St Johns, the district
    for part, (share, need) in needs.items():
        want = share * (MIG["2019/20"] - 226 * 5_000) * need["DC15"] / need.sum()
        assert got[part] == pytest.approx(want, abs=2), part


def test_the_western_cape_gets_what_was_published() -> None:
    """Proves: the formula gives its five districts within 5% of the R502,371,000 first allocated for 2018/19.

    Source: Western Cape Provincial Parliament, reply of Local Government on MIG spending 2016/17 to 2019/20. Without
    the constant it would be R396m, with poor households in place of backlogs R812m; the fitted split says R889m.
    """
    found = formula("mig", "2018/19").table().set_index("space")["total"]
    assert found[["DC1", "DC2", "DC3", "DC4", "DC5"]].sum() == pytest.approx(502_371, rel=0.05)


def test_only_needs_not_units_move_mig() -> None:
    """Proves: measures in another unit give the same; twice the pool gives each share twice, the constant once.

    If a measure were not turned into shares, counting persons instead of households would move money between parts.
    """
    asked = measures((1, 1), (3, 1), (2, 6))
    found = wide(formulas.mig(mig_rows(), 110_000_000, asked, A_AND_B))
    scaled = asked.assign(value=asked["value"].where(asked["measure"] == "municipalities", asked["value"] * 64))
    assert wide(formulas.mig(mig_rows(), 110_000_000, scaled, A_AND_B)).equals(found)
    richer = wide(formulas.mig(mig_rows(), 210_000_000, asked, A_AND_B))
    assert richer["constant"].equals(found["constant"])
    assert richer["basic"].tolist() == (2 * found["basic"]).tolist()


def test_every_fault_of_a_formula_is_named() -> None:
    """Proves: a negative and an infinite measure, shares that miss 1 and constants beyond the pool, in one message.

    If shares of 0.9 passed, a tenth of the pool would be shared by nobody's rule.
    """
    bad = measures((2, 1), (4, -1), (np.inf, 7))
    with pytest.raises(InputError) as caught:
        formulas.mig(mig_rows(value=[5_000_000, 0.75, 0.15]), 10_000_000, bad, A_AND_B)
    assert str(caught.value).splitlines()[1:] == [
        "  poor of A: inf is not a number from 0 upwards",
        "  backlog of B: -1 is not a number from 0 upwards",
        "  shares: add up to 0.900000; they add up to 1",
        "  pool: is R5,000,000 less than the amounts a municipality come to",
    ]
    with pytest.raises(InputError, match="backlog: is 0 everywhere, so nothing can be shared by it"):
        formulas.mig(mig_rows(), 100_000_000, measures((2, 1), (0, 0), (7, 7)), A_AND_B)
    with pytest.raises(InputError, match="R100,000,500 is not a whole number of R thousand"):
        formulas.mig(mig_rows(), 100_000_500, measures((2, 1), (4, 1), (7, 7)), A_AND_B)


# the equitable share


def test_equitable_share_by_hand() -> None:
    """Proves: BS + (I + CS) x RA is closed on the pool in proportion, then the guarantee is paid by the others.

    By hand: subsidy R100 a month, so R1,200 a poor household: A 300 of them R360,000, B 100 R120,000. R50,000 for each
    of 2 and 1 municipalities and R100 for each of 400 and 200 households, all adjusted by a half: R70,000 and R35,000.
    R430,000 and R155,000 on a pool of R1,170,000 is twice each: R860,000 and R310,000. B was indicated R400,000, so 90%
    is R360,000: A pays R50,000. If the guarantee came on top, the sum would be R1,220,000.
    """
    rows = lges_rows(institutional=50_000, community_services=100, revenue_adjustment=0.5)
    found = formulas.equitable_share(
        rows, 1_170_000, by(300, 100), by(400, 200), by(2, 1), by(100_000, 400_000), A_AND_B
    )
    assert wide(found)[list(formulas.EQUITABLE)].to_numpy().tolist() == [
        [360_000, 50_000, 20_000, 430_000, -50_000],
        [120_000, 25_000, 10_000, 155_000, 50_000],
    ]


@pytest.mark.parametrize("year", YEARS)
def test_equitable_share_adds_up_to_the_voted_pool(year: str) -> None:
    """Proves: spaces and parts add up to the voted pool to the rand, and basic services are about three quarters of it.

    Source: National Treasury to the Standing Committee on Appropriations, 19 February 2013 (approximately three
    quarters). If the subsidy were taken for a year and not for a month, it would be 6%.
    """
    total = formula("equitable_share", year).table().iloc[-1]
    assert total["total"] == LGES[year]
    assert 0.65 < total["basic services"] / total["total"] < 0.8
    assert total["guarantee"] == 0


def test_basic_services_of_one_space() -> None:
    """Proves: OR Tambo's basic services are R407.10 x 12 x its poor households, and these are 59% of all, nationally.

    If households were poor by head of people only, and not scaled, the nation would have 53%.
    """
    poor = derive.poor(survey(), "2019/20").set_index("space")["value"]
    assert poor.sum() == pytest.approx(0.59 * survey().homes["value"].sum())
    table = formula("equitable_share").table().set_index("space")
    assert table["basic services"]["DC15"] == round(407.10 * 12 * poor["DC15"] / 1000)
    assert (poor <= survey().homes.set_index("space")["value"]).all()
    with pytest.raises(InputError, match="A: would have 14 poor households of 10"):
        formulas.poor_households(by(10, 10), pd.DataFrame({"space": A_AND_B, "headcount": [0.9, 0.4]}), 1.0, A_AND_B)


@pytest.mark.parametrize(("share", "indicated", "paid"), [(0.9, 400_500, 361_000), (0.55, 680_000, 374_000)])
def test_a_guarantee_is_rounded_up(share: float, indicated: int, paid: int) -> None:
    """Proves: 90% of R400,500 is R360,450, so R361,000 is paid; 55% of R680,000 is R374,000 and no more.

    If it were rounded down, the promise would be short by R450; if what a computer makes of 0.55 x 680 (a trifle above
    374) were rounded up as it stands, R375,000 would be paid.
    """
    rows = lges_rows(guarantee=share)
    found = formulas.equitable_share(rows, 1_000_000, by(300, 100), by(4, 2), by(2, 1), by(0, indicated), A_AND_B)
    assert found.query("space == 'B'")["value"].sum() == paid


def test_a_guarantee_on_the_real_pool_is_held_and_paid_for(tmp_path: Path) -> None:
    """Proves: if every space was indicated an equal amount, nobody falls below 90% of it, and the pool stays the pool.

    If those pulled up were not paid by the rest, the sum would exceed the vote.
    """
    equal = 1_300_000
    file = indicated(tmp_path, dict.fromkeys(folder.spaces(), equal))
    found = FORMULAS["equitable_share"]("2019/20", file)
    table = found.table()
    spaces, total = table.iloc[:-1], table.iloc[-1]
    assert total["total"] == LGES["2019/20"] and total["guarantee"] == 0
    assert spaces["total"].min() == 0.9 * equal
    plain = formula("equitable_share").table().iloc[:-1]["total"]
    assert (spaces["total"] - spaces["guarantee"]).tolist() == plain.tolist()
    pays = spaces["guarantee"] < 0
    assert pays.any() and (spaces.loc[~pays & (spaces["guarantee"] > 0), "total"] == 0.9 * equal).all()
    assert found.parts[-1] == Part(
        "guarantee", "published", "90% of the indicated amount, paid by the others in proportion"
    )


def test_a_space_split_in_two_gets_what_it_got() -> None:
    """Proves: two halves of a space together get what it got, to the thousands that rounding moves.

    If a part were shared by head of spaces, splitting a district would bring it money.
    """
    rows = lges_rows(institutional=40_000, community_services=70)
    whole = formulas.equitable_share(rows, 9_000_000, by(300, 100), by(400, 200), by(2, 1), by(0, 5_000_000), A_AND_B)
    three = ("A", "B", "C")

    def halved(a: float, b: float) -> pd.DataFrame:
        return pd.DataFrame({"space": three, "value": [a / 2, b, a / 2]})

    parts = formulas.equitable_share(
        rows, 9_000_000, halved(300, 100), halved(400, 200), halved(2, 1), halved(0, 5_000_000), three
    )
    before, after = (found.groupby("space")["value"].sum() for found in (whole, parts))
    assert after["A"] + after["C"] == pytest.approx(before["A"], abs=2_000)
    assert after["B"] == pytest.approx(before["B"], abs=1_000)


def test_guarantees_beyond_the_pool_say_by_how_much() -> None:
    """Proves: where 90% of what was indicated exceeds the pool, the message says by how much, in R thousand.

    If it were let through, the vote would be overspent or a promise quietly broken.
    """
    with pytest.raises(InputError) as caught:
        formulas.equitable_share(lges_rows(), 1_000_000, by(3, 1), by(4, 2), by(2, 1), by(1_000_000, 200_000), A_AND_B)
    assert str(caught.value) == (
        "guarantee: 1 problem\n  90% of what was indicated: comes to R80 thousand more than the pool of R1,000 thousand"
    )


@pytest.mark.parametrize(
    ("poor", "indicated", "words"),
    [
        ((-1, 1), (0, 0), "weight of A: -1200 is not a number from 0 upwards"),
        ((float("nan"), 1), (0, 0), "A: is missing"),
        ((3, 1), (0, -1000), "indicated to B: -1000 is not a number from 0 upwards"),
        ((0, 0), (0, 0), "weights: are all 0, so the 1,000 above the floors cannot be shared"),
    ],
)
def test_bad_numbers_are_named(poor: tuple[float, float], indicated: tuple[float, float], words: str) -> None:
    """Proves: a negative, a missing and an all-zero need are refused by name. If not, shares would be NaN or negative."""
    with pytest.raises(InputError, match=words):
        formulas.equitable_share(lges_rows(), 1_000_000, by(*poor), by(4, 2), by(2, 1), by(*indicated), A_AND_B)


# as a reader meets them


def indicated(home: Path, amounts: dict[str, object]) -> Path:
    file = home / "indicated.csv"
    rows = "".join(f"{space},{amount}\n" for space, amount in amounts.items())
    file.write_text("space,value\n" + rows, encoding="utf-8")
    return file


def test_every_fault_of_an_indicated_file_is_named(tmp_path: Path) -> None:
    """Proves: a misspelt, a missing and a negative space are named with their rows; names stand for codes.

    If a misspelt space were dropped, it would lose its guarantee without a word.
    """
    amounts: dict[str, object] = dict.fromkeys(folder.spaces(), 5)
    del amounts["DC15"]
    assert len(stated.read_indicated(indicated(tmp_path, {**amounts, "OR Tambo": 5}))) == 52
    with pytest.raises(InputError) as caught:
        stated.read_indicated(indicated(tmp_path, {**amounts, "DC2": -1, "Buffallo City": 3}))
    said = str(caught.value)
    assert "-1 is negative; indicated is never negative" in said
    assert "row 53, space: " in said and "Buffalo City" in said


def test_what_is_assumed_is_said() -> None:
    """Proves: a part is as sure as its least certain figure, and what no source gives is called assumed.

    If the status of the share alone counted, the nodal part would look published.
    """
    assert Part.of("x", ["published", "assumed", "derived"], "").status == "assumed"
    assert {part.name: part.status for part in formula("mig").parts} == {
        "constant": "assumed",
        "water and sanitation": "derived",
        "roads": "assumed",
        "other": "assumed",
        "public services": "modelled",
        "social institutions": "modelled",
        "nodal": "assumed",
    }
    assert [part.status for part in formula("equitable_share").parts] == ["modelled", *["assumed"] * 4]


def test_the_world_has_the_share_of_every_grant() -> None:
    """Proves: shares of every grant add up to 1 in years with a pool; MIG's are the formula's, the others the split's.

    If MIG's pool of one year divided another year's amounts, its shares would miss 1 by some per cent.
    """
    frames = {datum.name: datum.frame for datum in derive.data() if datum.name in ("formula_share", "got_share")}
    share, got = (
        frames[name].set_index(["space", "grant", "year"])["value"] for name in ("formula_share", "got_share")
    )
    sums = share.groupby(["grant", "year"]).sum()
    assert sums.drop([("IUDG", "2017/18"), ("IUDG", "2018/19")]).to_numpy() == pytest.approx(1)
    assert share.drop("MIG", level="grant").equals(got.drop("MIG", level="grant"))
    for year in folder.YEARS:
        amounts = formula("mig", year).table().set_index("space")["total"].drop("total")
        np.testing.assert_allclose(share.xs(("MIG", year), level=("grant", "year"))[amounts.index], amounts / MIG[year])
