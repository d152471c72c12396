"""A run on disk: every array whole, and a folder that is there completely or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from python_calamine import CalamineWorkbook

import small
from allocate.errors import InputError
from allocate.findings import bindings
from allocate.outputs import MANIFEST, dataset, free, whole, write
from allocate.report.book import book
from allocate.runs import Run, run
from allocate.sentences import sentences

OLD, NEW = '{"inputs": "old"}', '{"inputs": "new"}'


def fill(home: Path) -> None:
    (home / MANIFEST).write_text(NEW)


def fails(home: Path) -> None:
    (home / "half").write_text("")
    raise RuntimeError("in the middle")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The folder of an earlier run."""
    home = tmp_path / "run"
    home.mkdir()
    (home / MANIFEST).write_text(OLD)
    return home


def test_a_merged_run_keeps_every_number(merged: Run, tmp_path: Path) -> None:
    """Proves: beside a baseline of seven pools the plan's one pool stays whole, whole amounts stay integers, and a price
    is read by its label.

    Broken: spend is 87.5% NaN, published amounts are floats, and every price stands beside seven empty ones.
    """
    dataset(merged).to_netcdf(tmp_path / "plan.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "plan.nc", engine="h5netcdf") as data:
        assert list(data["pool"].values) == ["Infrastructure"]
        assert list(data["baseline_pool"].values) == ["MIG", "IUDG", "USDG", "WSIG", "RBIG", "INEP", "EEDSM"]
        for name in ("published", "published_unallocated", "baseline_published"):
            assert data[name].dtype == np.int64 and data[name].attrs["unit"] == "R thousand"
        for name, array in merged.plan.values.data_vars.items():
            assert data[name].dims == array.dims and data[name].attrs == array.attrs
            np.testing.assert_array_equal(data[name].values, array.values)
        np.testing.assert_array_equal(data["baseline_published"].values, merged.was.amount.values)
        price = data["price_of_pool"].sel(pool="Infrastructure", year="2019/20")
        assert float(price) == float(merged.plan.prices()["pool"].squeeze()) and np.isfinite(price)
        assert data.attrs["grade"] == "exact"


def test_an_unmerged_run_has_one_set_of_pools() -> None:
    """Proves: where labels are the same the baseline shares the plan's dims. Broken: the two cannot be subtracted."""
    data = dataset(run("grant_consolidation", small.world()))
    assert data["baseline_published"].dims == data["published"].dims
    assert (data["published"] - data["baseline_published"]).dtype == np.int64


def test_a_link_stays_a_link(earlier: Path, tmp_path: Path) -> None:
    """Proves: a run written to a link goes into its folder. Broken: the link is replaced, and an .old one is left."""
    link = tmp_path / "link"
    link.symlink_to(earlier, target_is_directory=True)
    assert whole(link, fill) == link
    assert link.is_symlink() and (earlier / MANIFEST).read_text() == NEW
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "run"]


def test_a_failure_leaves_the_earlier_run_and_nothing_else(earlier: Path, tmp_path: Path) -> None:
    """Proves: a run that stops in the middle changes nothing, nor leaves a folder above it.

    Broken: the old run is lost, or a hidden folder appears.
    """
    for home in (earlier, tmp_path / "deep" / "er"):
        with pytest.raises(RuntimeError, match="in the middle"):
            whole(home, fails)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert [(p.name, p.read_text()) for p in earlier.iterdir()] == [(MANIFEST, OLD)]


def test_a_name_that_cannot_be_given_puts_the_earlier_run_back(
    earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves: when the new folder cannot get its name the old one has it again. Broken: a complete run is gone."""
    rename = Path.rename

    def refuses(self: Path, target: Path) -> Path:
        if target == earlier and self.suffix != ".old":
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuses)
    with pytest.raises(InputError, match="cannot be written: Device or resource busy"):
        whole(earlier, fill)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert (earlier / MANIFEST).read_text() == OLD


def test_a_folder_that_cannot_be_made_is_said_before_the_work(
    earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves: a path below a file, the current folder, one above it, a loop of links and a closed folder are refused in
    words before anything is solved.

    Broken: minutes of solving, then \"cannot be written: None\".
    """
    file = tmp_path / "file"
    file.write_text("")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    monkeypatch.chdir(earlier)
    for folder, words in (
        (file, "is a file; name a folder"),
        (file / "deep" / "run", "file is a file"),
        (".", "is the current folder or above it"),
        ("", "is the current folder or above it"),
        ("..", "is the current folder or above it"),
        (tmp_path / ("long" * 99), "cannot be written: "),
        (loop / "run", "cannot be written: "),
    ):
        with pytest.raises(InputError, match=words):
            free(folder)
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setattr(os, "access", lambda *_: False)  # a superuser may write anywhere
    with pytest.raises(InputError, match="is closed to you"):
        free(earlier)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
def test_a_folder_is_as_open_as_the_user_wants(tmp_path: Path) -> None:
    """Proves: the umask decides who may read a run. Broken: results that were to be private are readable by all."""
    before = os.umask(0o077)
    try:
        whole(tmp_path / "run", fill)
    finally:
        os.umask(before)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def sheets_of(path: Path) -> dict[str, list[list[Any]]]:
    with CalamineWorkbook.from_path(path) as book:
        return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_the_workbook_of_a_run_has_the_numbers_of_its_tables(merged: Run, tmp_path: Path) -> None:
    """Proves: the plan as in plan.csv, money as numbers, and the totals of every sheet of money are the plan's.

    Broken: a reader who adds up a sheet finds another plan.
    """
    book(merged, tmp_path / "plan.xlsx")
    found = sheets_of(tmp_path / "plan.xlsx")
    names = [
        "summary",
        "plan",
        "spaces",
        "by service",
        "by pool",
        "rules",
        "equity",
        "changes",
        "sources",
        "proof",
        "versions",
    ]
    assert list(found) == names
    table = merged.schedule.table()
    whole = int(table["amount"].sum())
    assert found["plan"][1:-1] == [[*row[:-1], float(row[-1])] for row in table.itertuples(index=False, name=None)]
    assert found["plan"][-1] == ["total", "", "", "", whole]
    spent, held = int(merged.schedule.amount.sum()), int(merged.schedule.unallocated.sum())
    assert found["spaces"][-1][2:5] == [merged.was.amount.sum(), spent, spent - merged.was.amount.sum()]
    assert sum(row[3] for row in found["spaces"][1:-1]) == spent
    assert found["by service"][-1][:3] == ["total", merged.was.amount.sum(), spent]
    assert found["by service"][-1][-1] == pytest.approx(merged.outcome(merged.plan), rel=1e-9)
    assert found["by pool"][-1][2:] == [spent + held, spent, held]
    words = [row[1] for row in found["summary"] if row[0] in ("finding", "read with care")]
    assert words == [sentence.words for sentence in sentences(merged)]
    goals = {row[0]: row[2] for row in found["summary"] if str(row[0]).startswith("goal ")}
    assert goals == {f"goal {name}": value for name, value in merged.plan.goals.items()}
    assert [row[0] for row in found["changes"][1:]] == list(merged.case.said)
    assert {row[0] for row in found["rules"][1:]} == set(merged.plan.program.rows)


def test_the_workbook_of_a_run_is_the_same_every_time(merged: Run, tmp_path: Path) -> None:
    """Proves: no clock is in the file or in its zip. Broken: a run made again has another sha256 in its manifest."""
    for name in ("a.xlsx", "b.xlsx"):
        book(merged, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2000-01-01T00:00:00Z" in archive.read("docProps/core.xml")


@pytest.mark.parametrize("sign", "=+-@")
def test_text_never_becomes_a_formula_or_a_link(merged: Run, sign: str, tmp_path: Path) -> None:
    """Proves: words that begin like a formula or a link stay words in every sheet. Broken: a spreadsheet runs them."""
    evil = f'{sign}HYPERLINK("http://example.org","pay here")'
    case = replace(merged.case, said=(evil, "http://example.org", "a\x01b"))
    run = replace(merged, name=evil, plan=replace(merged.plan, program=replace(merged.plan.program, case=case)))
    book(run, tmp_path / "plan.xlsx")
    found = sheets_of(tmp_path / "plan.xlsx")
    assert found["summary"][1][1] == evil and [row[0] for row in found["changes"][1:]] == list(case.said)
    with zipfile.ZipFile(tmp_path / "plan.xlsx") as archive:
        sheets = b"".join(archive.read(name) for name in archive.namelist() if "worksheets/" in name)
    assert b"<f" not in sheets and b"<hyperlink" not in sheets


def test_the_manifest_names_the_workbook(merged: Run, tmp_path: Path) -> None:
    """Proves: plan.xlsx is in the folder with its sha256. Broken: nobody can tell whether it was edited."""
    home = write(merged, tmp_path / "run")
    said = json.loads((home / MANIFEST).read_text(encoding="utf-8"))["outputs"]
    for name in ("inputs.json", "plan.csv", "plan.nc", "plan.xlsx", "report.html"):
        assert said[name]["sha256"] == hashlib.sha256((home / name).read_bytes()).hexdigest()


def test_price_pairs_travel_with_the_run(merged: Run) -> None:
    """Proves: limits on money carry the gain from more and the loss from less, equal to the price off kinks, around it
    at kinks, and the report counts the kinks. Broken: a price at a kink is quoted for both sides.
    """
    data = dataset(merged)
    kinks = {b.rule: b.kinks for b in bindings(merged)}
    assert {name for name, many in kinks.items() if many is not None} == set(merged.pairs)
    wanted = {"pool", "guarantee", "absorption", "pace", "unmeasured"}
    assert wanted <= set(merged.pairs) and "delivery" not in merged.pairs
    for rule in merged.pairs:
        more, less, price = (data[f"{end}_of_{rule}"].values.ravel() for end in ("more", "less", "price"))
        there = ~np.isnan(more)
        apart = there & (more != less)
        assert np.count_nonzero(apart) == kinks[rule]
        assert np.allclose(more[there & ~apart], price[there & ~apart], rtol=1e-12, atol=0)
        small = 1e-9 * np.abs(price[there]).max(initial=0)
        assert (np.fmin(more, less)[apart] <= price[apart] + small).all()
        assert (np.fmax(more, less)[apart] >= price[apart] - small).all()
    assert sum(many or 0 for many in kinks.values()) > 0


def test_only_a_run_is_replaced(merged: Run, tmp_path: Path) -> None:
    """Proves: a folder that others made, or where somebody left notes, is refused though it has a manifest.json.

    Broken: a web project is deleted because it has one too.
    """
    for name, files in {
        "web": {MANIFEST: '{"manifest_version": 3}', "thesis.txt": "years of work"},
        "noted": {MANIFEST: OLD, "notes.txt": "ask the mayor"},
        "list": {MANIFEST: "[1]"},
        "broken": {MANIFEST: "{"},
        "demo": {MANIFEST: '{"demo": "x"}', "index.html": "", "notes.txt": "mine"},
    }.items():
        home = tmp_path / name
        home.mkdir()
        for file, text in files.items():
            (home / file).write_text(text)
        with pytest.raises(InputError, match="is not empty and is no earlier run; name a new folder"):
            whole(home, fill)
        assert {path.name: path.read_text() for path in home.iterdir()} == files
    again = write(merged, write(merged, tmp_path / "run"))
    assert (again / "plan.csv").is_file()
