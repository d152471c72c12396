"""A run on disk: every array whole, and a folder that is there completely or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import small
from allocate.errors import InputError
from allocate.outputs import MANIFEST, dataset, free, whole
from allocate.runs import Run, run


def fill(home: Path) -> None:
    (home / MANIFEST).write_text("new")


def fails(home: Path) -> None:
    (home / "half").write_text("")
    raise RuntimeError("in the middle")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The folder of an earlier run."""
    home = tmp_path / "run"
    home.mkdir()
    (home / MANIFEST).write_text("old")
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
    assert link.is_symlink() and (earlier / MANIFEST).read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "run"]


def test_a_failure_leaves_the_earlier_run_and_nothing_else(earlier: Path, tmp_path: Path) -> None:
    """Proves: a run that stops in the middle changes nothing, nor leaves a folder above it.

    Broken: the old run is lost, or a hidden folder appears.
    """
    for home in (earlier, tmp_path / "deep" / "er"):
        with pytest.raises(RuntimeError, match="in the middle"):
            whole(home, fails)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert [(p.name, p.read_text()) for p in earlier.iterdir()] == [(MANIFEST, "old")]


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
    assert (earlier / MANIFEST).read_text() == "old"


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
