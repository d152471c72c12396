"""A World is the same whatever order it was read in, and wrong units never get in."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import small
from allocate.errors import InputError
from allocate.regions import Registry
from allocate.world import World, read_world


@pytest.fixture(scope="module")
def folder(za: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("world") / "za"
    za.write(home)
    return home


@pytest.fixture
def broken(folder: Path, tmp_path: Path) -> Path:
    """A copy of the good folder that a test may break."""
    import shutil

    return Path(shutil.copytree(folder, tmp_path / "broken"))


def words_of(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_world(folder)
    return str(caught.value).replace(str(folder), "FOLDER")


def edit(folder: Path, change: object) -> None:
    """Change the descriptor of the datum ``budget``."""
    file = folder / "datapackage.json"
    package = json.loads(file.read_text(encoding="utf-8"))
    budget = next(r for r in package["resources"] if r["datum"] == "budget")
    assert callable(change)
    change(budget)
    file.write_text(json.dumps(package), encoding="utf-8")


def test_a_world_survives_its_own_files(za: World, folder: Path) -> None:
    """Proves: write then read gives the same labels, units and numbers, to the last bit, and the same words.

    Broken: digests differ, or the cautions of a datum are gone from every report on the written World.
    """
    again = read_world(folder)
    assert again.digest() == za.digest()
    assert again.data["budget"].attrs["source"] == za.data["budget"].attrs["source"]
    for name, array in za.data.data_vars.items():
        assert again.data[name].attrs["notes"] == array.attrs["notes"], "a caution is lost"
    assert "IUDG was first voted in 2019/20" in again.data["budget"].attrs["notes"]
    assert again.data.attrs["acknowledgement"] == za.data.attrs["acknowledgement"]
    assert again.title("space", "DC21") == "Ugu (DC21)"


def test_the_order_of_rows_and_columns_does_not_matter(za: World, broken: Path) -> None:
    """Proves: shuffled rows, columns and resources give the same World. Broken: numbers land on other labels."""
    luck = random.Random(7)
    for file in broken.glob("*.csv"):
        if file.name == "regions.csv":
            continue
        header, *rows = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines() if '"' not in line]
        order = luck.sample(range(len(header)), len(header))
        luck.shuffle(rows)
        lines = [",".join(row[k] for k in order) for row in [header, *rows]]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = broken / "datapackage.json"
    package = json.loads(file.read_text(encoding="utf-8"))
    luck.shuffle(package["resources"])
    file.write_text(json.dumps(package), encoding="utf-8")
    assert read_world(broken).digest() == za.digest()


def test_names_of_spaces_are_understood(za: World, broken: Path) -> None:
    """Proves: a table may say 'Ugu District' or a former name for a code. Broken: an unknown space."""
    file = broken / "need_weight.csv"
    text = file.read_text(encoding="utf-8").replace("DC21,", "Ugu District,").replace("DC4,", "eden,")
    file.write_text(text, encoding="utf-8")
    assert read_world(broken).digest() == za.digest()


@pytest.mark.parametrize(("scale", "times"), [("R", "1,000 times too small"), ("R million", "1,000 times too large")])
def test_a_wrong_scale_is_refused_with_the_factor(broken: Path, scale: str, times: str) -> None:
    """Proves: amounts in R thousand declared as something else miss the control total by a named power of ten.

    Broken: a budget a thousand times too small would be shared out without a word.
    """
    edit(broken, lambda budget: budget["schema"]["fields"][-1].update(scale=scale))
    words = words_of(broken)
    assert "the control total is R130,248,393,000" in words
    assert times in words
    assert "is it in R thousand?" in words


def test_money_without_a_scale_is_refused(broken: Path) -> None:
    """Proves: nobody guesses what unit of money a column is in."""
    edit(broken, lambda budget: budget["schema"]["fields"][-1].pop("scale"))
    assert "budget: money needs a scale, one of R, R thousand, R million, R billion" in words_of(broken)


def test_every_problem_comes_in_one_message(broken: Path) -> None:
    """Proves: an unknown space, a negative, a duplicate and a gap are all said at once, each with its row."""
    file = broken / "baseline.csv"
    rows = file.read_text(encoding="utf-8").splitlines()
    rows[1] = rows[1].replace("DC1,", "DC99,", 1)
    rows[5] = rows[5].rsplit(",", 1)[0] + ",-4500"
    rows.append(rows[9])
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    words = words_of(broken)
    for piece in (
        "baseline.csv, row 2, space: unknown space 'DC99'",
        "baseline.csv, row 6, value: -4500 is negative; baseline is never negative",
        f"baseline.csv, row {len(rows)}: ",
        "is already given in row 10",
    ):
        assert piece in words


def test_selecting_years_keeps_order(za: World) -> None:
    """Proves: years come in canonical order however they are asked for, and an unknown one is named."""
    assert za.select("year", ["2019/20", "2017/18"]).labels("year") == ("2017/18", "2019/20")
    with pytest.raises(InputError, match=r"no '2030/31'; there are 2017/18, 2018/19, 2019/20"):
        za.select("year", ["2030/31"])


def test_missing_folder_and_name_offer_the_nearest(tmp_path: Path) -> None:
    """Proves: a misspelt world is answered with the built-in ones and the nearest."""
    with pytest.raises(
        InputError, match="built in: za2011_people, za2016, za2016_people, za2016_projects; did you mean 'za2016'"
    ):
        read_world("za2106")
    with pytest.raises(InputError, match=r"has no datapackage\.json"):
        read_world(tmp_path)


def test_pools_equal_the_published_figures(za: World) -> None:
    """Proves: MIG 2019/20 is the published R14,816,103 thousand, and all pools the published totals."""
    budget = za.data["budget"]
    assert float(budget.sel(grant="MIG", year="2019/20")) == 14_816_103_000
    np.testing.assert_array_equal(budget.sum("grant").values, za.data["baseline"].sum(["space", "grant"]).values)


def test_a_datum_may_be_replaced_without_its_words(za: World) -> None:
    """Proves: arithmetic that drops attrs keeps unit and source, and labels in another order land where they belong.

    Broken: a KeyError for 'unit' far from its cause, or numbers on the labels of others.
    """
    old = za.data["need_weight"]
    bare = (old * 2).drop_attrs().isel(space=slice(None, None, -1))
    new = za.with_data("need_weight", bare).data["need_weight"]
    assert new.attrs == old.attrs and bare.attrs == {}
    np.testing.assert_array_equal(new.values, old.values * 2)
    assert new.sel(space="DC21") == 2 * old.sel(space="DC21")
    said = za.with_data("need_weight", bare.assign_attrs(source="mine")).data["need_weight"].attrs
    assert said["source"] == "mine" and said["unit"] == old.attrs["unit"]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("need_weight", lambda a: -a, "need_weight[space=DC1]: -"),
        ("need_weight", lambda a: a.where(a.space != "DC21"), "need_weight[space=DC21]: nan is not finite"),
        ("need_weight", lambda a: a.assign_attrs(unit="R thousand"), "is the scale of a column in a file, not a unit"),
        ("need_weight", lambda a: a.isel(space=slice(1, None)), "need_weight: space 'DC1' is missing"),
        ("need_weight", lambda a: a.drop_vars("space"), "need_weight: has no labels along 'space'; give it coords"),
        ("need_weight", lambda a: a.sum("space"), "need_weight: is over no dim; it replaces a datum over space"),
        ("need_weight", lambda a: a.astype(str) + "?", "values, not numbers"),
        ("mine", lambda a: a.drop_attrs(), "mine: '' is not a unit; write for example R, household or R/household"),
        ("year", lambda a: a, "year: is a dim; call the datum something else"),
        ("may_fund", lambda a: a * 2, "is not 0 or 1; may_fund is a flag"),
    ],
)
def test_an_array_that_cannot_be_a_datum_is_refused(za: World, name: str, change: object, words: str) -> None:
    """Proves: numbers, labels and units given by a program are checked as those of a file are.

    Broken: a negative need, or NaN where labels did not meet, is solved without a word.
    """
    assert callable(change)
    array = change(za.data[name if name in za.data.data_vars else "need_weight"])
    with pytest.raises(InputError, match=re.escape(words)):
        za.with_data(name, array)


def test_a_new_datum_may_have_a_dim_of_its_own(za: World) -> None:
    """Proves: a datum with a unit and labels is added, readable by label. Broken: worlds cannot be extended."""
    new = xr.DataArray([1, 2], {"season": ["dry", "wet"]}, ["season"], attrs={"unit": "1"})
    assert float(za.with_data("rain", new).data["rain"].sel(season="wet")) == 2.0


def test_a_folder_that_cannot_be_written_is_said(za: World, tmp_path: Path) -> None:
    """Proves: a path below a file is answered in words. Broken: NotADirectoryError with a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written: "):
        za.write(tmp_path / "file" / "world")


def test_a_written_world_is_a_frictionless_package(folder: Path) -> None:
    """Proves: other tools read the folder too: the descriptor is valid and every table keeps to it."""
    from frictionless import validate

    report = validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "message"])
    assert len(report.tasks) >= 27


def test_names_that_would_choose_a_file_are_refused(tmp_path: Path) -> None:
    """Proves: a datum's name never leads out of the folder, nor over the registry; nothing is written.

    Broken: a workbook from somewhere else overwrites a file of whoever opens it.
    """
    world = small.world()
    for name in ("../victim", "a/b", "regions"):
        odd = world.with_data(name, world.data["keep"])
        with pytest.raises(InputError, match="cannot be the name of a file; rename the datum"):
            odd.write(tmp_path / "w")
        assert not (tmp_path / "w").exists()


def test_years_out_of_order_are_refused() -> None:
    """Proves: years that go backwards are told, where they are numbers. Broken: ``previous`` is the year after."""
    with pytest.raises(InputError, match="'2019/20' comes after '2020/21'; years go in order"):
        small.world(years=("2020/21", "2019/20"))


def test_a_space_that_the_table_of_regions_lacks_is_refused() -> None:
    """Proves: it is told when the World is read. Broken: a KeyError after all is solved."""
    world = small.world()
    few = Registry(small.SPACES.header, small.SPACES.rows[:2])
    tables = [small.table("keep", "1", ["space"], lambda s: 0.5, {"space": ("N", "S", "W")})]
    with pytest.raises(InputError, match="'W' is not in the table of regions"):
        World.build("odd", tables, {"space": ("N", "S", "W")}, few)
    assert world.regions is not None
