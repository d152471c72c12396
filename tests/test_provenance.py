"""Whether a run can still be made, and what differs between two: real runs, altered by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import allocate as al
import small
import swept
from allocate.compare import side_by_side
from allocate.errors import AllocateError, InputError
from allocate.names import TOTAL, UNALLOCATED
from allocate.outputs import FILES, INPUTS, MANIFEST, Asked, write
from allocate.provenance.mismatches import BYTES, mismatch
from allocate.provenance.recorded import OLD, recorded
from allocate.runs import Run, run
from allocate.world import World

if TYPE_CHECKING:
    from conftest import Command


@pytest.fixture(scope="module")
def kept_95(za: World) -> Run:
    """As ``merged``, and every space keeps 95%."""
    return run("grant_consolidation", za, "one_pool", "guarantee_95", years=["2019/20"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run, in a folder beside its World as CSV."""
    place = tmp_path_factory.mktemp("verify")
    small.world().write(place / "world")
    world = al.read_world(place / "world")
    asked = Asked(str(place / "world"), (), "grant_consolidation")
    return write(run("grant_consolidation", world), place / "run", asked=asked)


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """A copy of that run that may be altered; its World stays where it is."""
    shutil.copytree(home, tmp_path / "run")
    return tmp_path / "run"


def rewrite(file: Path, **changes: Any) -> None:
    """Change keys of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_a_run_comes_out_again_byte_for_byte(command: Command) -> None:
    """Proves: a run with scenarios and questions about a space, made by the command line, is found again by its words
    and comes out the same, every file. Broken: an option that bears on the result is not in the manifest."""
    words = ("run", "grant_consolidation", "-s", "one_pool", "--years", "2019/20", "--explain", "OR Tambo", "-o", "a")
    assert command(*words)[0] == 0
    status, out, _ = command("verify", "a")
    assert (status, out) == (0, f"a: One infrastructure grant\nthe same, byte for byte: {len(FILES)} files\n")


def test_a_projection_of_a_plan_comes_out_again(command: Command, tmp_path: Path) -> None:
    """Proves: years, draws, seed, step, scenario, what it is compared with and the run whose plan is built are all kept;
    a plan that was made anew is named. Broken: a projection that cannot be repeated from its folder."""
    assert command("run", "grant_consolidation", "--years", "2019/20", "-o", "plan")[0] == 0
    words = ("project", "--annual", "--years", "2018,2020", "--draws", "64", "--seed", "5", "-s", "drought", "-o", "p")
    assert command(*words, "--against", "none", "--plan", "plan")[0] == 0
    found = al.verify("p")
    assert found.good and len(found.files) == 8
    with xr.open_dataset(tmp_path / "plan" / "plan.nc", engine="h5netcdf") as data:
        data.load().assign_attrs(name="another").to_netcdf(tmp_path / "plan" / "other.nc", engine="h5netcdf")
    (tmp_path / "plan" / "other.nc").replace(tmp_path / "plan" / "plan.nc")
    assert [problem.place for problem in al.verify("p").inputs] == ["plan"]


def test_a_sweep_comes_out_again_and_two_differ_by_their_members(command: Command, tmp_path: Path) -> None:
    """Proves: a sweep made by two workers, verified by as many as there are processors, has the same bytes; a World that
    changed is named, and two sweeps differ by the cells of their tables, told by member. Broken: a sweep that cannot be
    repeated from its folder."""
    *words, _ = swept.set_up(tmp_path)
    assert command(*words, "a", "--workers", "2")[0] == 0
    assert al.verify("a").good
    cost = tmp_path / "world" / "cost.csv"
    cost.write_text(cost.read_text(encoding="utf-8").replace("20000", "21000"), encoding="utf-8")
    (told,) = al.verify("a").inputs
    assert told.words.endswith("cost")
    assert command(*words, "b")[0] == 0
    found = al.diff("a", "b").part("goals")
    one, two = (pd.read_csv(f"{name}/sweep.csv") for name in "ab")
    assert found["what"].str.startswith("member ").all()
    assert np.isclose(found[found["what"].str.endswith(": reach")]["change"].sum(), (two["reach"] - one["reach"]).sum())


def test_policies_come_out_again_and_differ_by_what_they_gain(command: Command) -> None:
    """Proves: years, draws, seed, groups and both Worlds of a walk are kept, and a walk of another seed differs from it
    in what policies gain; a walk beside a projection is refused in words."""
    words = ("policies", "grant_consolidation", "--years", "1", "--draws", "25", "--policy", "formula")
    assert command(*words, "-o", "a")[0] == 0
    assert command(*words, "-o", "b", "--seed", "2")[0] == 0
    assert al.verify("a").good
    found = al.diff("a", "b")
    assert found.part("asked")["what"].tolist() == ["seed"]
    assert "policy formula: mean gain" in found.part("goals")["what"].tolist()
    assert command("project", "--years", "2021", "--draws", "64", "-o", "c")[0] == 0
    with pytest.raises(InputError, match="is a projection, and a is a walk of policies"):
        al.diff("a", "c")


def test_a_world_that_changed_is_named_with_its_data(home: Path, tmp_path: Path) -> None:
    """Proves: figures found elsewhere verify as well; one changed cell of one CSV is named by its datum, with both
    digests, and nothing is made again. Broken: "the World differs", and the reader compares 40 tables."""
    place = tmp_path / "moved"
    shutil.copytree(home.parent / "world", place)
    assert al.verify(home, world=place).good
    table = pd.read_csv(place / "need_weight.csv")
    table.loc[0, "value"] += 0.5
    table.to_csv(place / "need_weight.csv", index=False)
    found = al.verify(home, world=place)
    was, now = al.read_world(home.parent / "world").digest(), al.read_world(place).digest()
    [problem] = found.inputs
    assert problem.words == f"is not what it was (sha256 {now[:8]}, was {was[:8]}): need_weight"
    assert not found.good and found.files == ()


def test_a_model_that_changed_is_named_with_its_rule(command: Command, tmp_path: Path) -> None:
    """Proves: the folder's own model is taken, as the run took it, and the rule that was edited since is told, old ->
    new. Broken: the shipped model is checked in its place, and all is well."""
    from allocate.read import shipped

    small.world().write(tmp_path / "world")
    (tmp_path / "models").mkdir()
    own = tmp_path / "models" / "grant_consolidation.toml"
    shutil.copyfile(shipped("models") / "grant_consolidation.toml", own)
    assert command("run", "grant_consolidation", "-o", "a")[0] == 0 and command("verify", "a")[0] == 0
    text = own.read_text(encoding="utf-8")
    assert 'name = "Grant consolidation"' in text
    own.write_text(text.replace('name = "Grant consolidation"', 'name = "Another name"'), encoding="utf-8")
    status, out, _ = command("verify", "a")
    assert status == 1 and "name: 'Grant consolidation' -> 'Another name'" in out
    own.unlink()
    assert "goes without" not in out and command("verify", "a")[0] == 0  # the shipped one says the same


def test_an_altered_amount_is_named(copy: Path) -> None:
    """Proves: one amount that somebody raised is found by its digest alone, and by its row, column and both values when
    the run is made again. Broken: a plan with other amounts passes for what was solved."""
    file = copy / "plan.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    cells = lines[2].split(",")
    amount = lines[0].split(",").index("amount")
    was, cells[amount] = cells[amount], str(int(cells[amount]) + 1)
    file.write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]) + "\n", encoding="utf-8")
    quick = al.verify(copy, quick=True)
    assert [problem.place for problem in quick.altered] == ["plan.csv"] and not quick.good and quick.files == ()
    [problem] = al.verify(copy).differs
    assert problem.place == "plan.csv" and problem.words.startswith("row 3 (")
    assert problem.words.endswith(f"amount: was {cells[amount]}, is {was}")


def test_other_versions_are_told_and_are_no_fault(copy: Path) -> None:
    """Proves: a library of another version is named, and where the figures come out the same the run is good. Broken: a
    patch of pandas makes every earlier run look forged, or goes unsaid."""
    said = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))["versions"]
    rewrite(copy / MANIFEST, versions=said | {"numpy": "1.0", "no-such-library": "2"})
    found = al.verify(copy)
    assert [problem.place for problem in found.versions] == ["no-such-library", "numpy"]
    assert found.good and found.files == ("plan.csv", "plan.nc")


def test_where_two_files_differ_is_said_of_every_kind(copy: Path, home: Path) -> None:
    """Proves: an array is told by its labels, a page and a manifest by its line, a file that was cut as such, the same
    content in other bytes as such. Broken: "files differ"."""
    with xr.open_dataset(home / "plan.nc", engine="h5netcdf") as data:
        arrays = data.load()
    changed = arrays.copy(deep=True)
    changed["published"].values.flat[1] += 7
    changed.to_netcdf(copy / "plan.nc", engine="h5netcdf")
    words = mismatch(home / "plan.nc", copy / "plan.nc")
    was = arrays["published"].values.flat[1]
    assert words.startswith("published[") and words.endswith(f"was {was}, is {was + 7}")
    page = (home / "report.html").read_text(encoding="utf-8")
    (copy / "report.html").write_text(page.replace("<title>", "<title>Approved: ", 1), encoding="utf-8")
    assert "Approved" in mismatch(home / "report.html", copy / "report.html")
    for name in ("plan.nc", "plan.xlsx"):
        (copy / name).write_bytes((home / name).read_bytes()[:5000])
        assert mismatch(home / name, copy / name) == "cannot be read as such a file"
    table = (home / "plan.csv").read_bytes()
    (copy / "plan.csv").write_bytes(table.replace(b"\n", b"\r\n"))
    assert mismatch(home / "plan.csv", copy / "plan.csv") == BYTES
    from allocate.sheets.writing import Book, Column

    for file, value in ((copy / "a.xlsx", 1.5), (copy / "b.xlsx", 2)):
        with Book(file) as book:
            book.add("money", [Column("space"), Column("value")], [("CPT", 1), ("ETH", value)])
    assert mismatch(copy / "a.xlsx", copy / "b.xlsx") == "sheet 'money', B3: was 1.5, is 2"


def test_a_folder_that_is_not_whole_gets_one_message(copy: Path, command: Command) -> None:
    """Proves: an older manifest, one that was cut, of a wrong type, with a file that no run writes, inputs that are not
    there, and no inputs.json are each said in words, with exit status 1. Broken: a traceback, or a path is read that a
    manifest names."""
    manifest, file = json.loads((copy / MANIFEST).read_text(encoding="utf-8")), copy / MANIFEST
    old = {k: v for k, v in manifest["inputs"]["model"].items() if k != "given"}

    def refused(words: str) -> None:
        for line in (("verify", str(copy)), ("diff", str(copy), str(copy))):
            status, out, err = command(*line)
            assert (status, out) == (1, "") and words in err and "Traceback" not in err

    rewrite(file, inputs=manifest["inputs"] | {"model": old})
    refused(OLD)
    rewrite(file, inputs=manifest["inputs"], outputs={"../../etc/passwd": {"sha256": "0" * 64}})
    refused("outputs: '../../etc/passwd' is no file that a run writes")
    rewrite(file, outputs={})
    refused("outputs: does not say what plan.csv was; run it again")
    rewrite(file, outputs=manifest["outputs"], years=[{"a": 1}])
    refused("years.0")
    rewrite(file, years=manifest["years"], explain=["Nowhere"])
    status, _, err = command("verify", str(copy))
    assert status == 1 and "explain: 'Nowhere' is no space of world" in err
    rewrite(file, explain=manifest["explain"], name="\x1b[31m")
    assert "\x1b" not in command("verify", str(copy), "--quick")[1] + command("diff", str(copy), str(copy))[1]
    file.write_text("[" * 100_000)
    refused("is not whole; run it again")
    file.write_text(" " * 10_000_001)
    refused("which no run writes")
    file.write_text(json.dumps(manifest))
    (copy / INPUTS).write_text("{}")
    refused("inputs.json: 1 problem\n  " + OLD)
    (copy / INPUTS).unlink()
    refused("holds no inputs.json")
    (copy / INPUTS).write_text('{"data": {}, "scenarios": []}')
    gone = {key: source | {"given": "no/such"} for key, source in manifest["inputs"].items() if key != "scenarios"}
    rewrite(file, inputs=gone | {"scenarios": []})
    status, _, err = command("verify", str(copy))
    assert status == 1 and ": 2 problems" in err and "asked for as 'no/such': there is no such file" in err


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_manifest_does_more_than_be_refused(copy: Path, home: Path, data: st.DataObject) -> None:
    """Proves: whatever stands in the place of any part of the two files is read, or refused in a letter. Broken: a
    traceback for a manifest that somebody edited."""
    for name in (MANIFEST, INPUTS):
        shutil.copyfile(home / name, copy / name)
    name = data.draw(st.sampled_from([MANIFEST, INPUTS]))
    whole = json.loads((home / name).read_text(encoding="utf-8"))
    part: Any = whole
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [key for key, value in part.items() if isinstance(value, dict) and value]
        if inner:
            part = part[data.draw(st.sampled_from(inner))]
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(ODD)
    (copy / name).write_text(json.dumps(whole), encoding="utf-8")
    try:
        al.verify(copy, quick=True)
        al.diff(copy, home)
    except AllocateError as error:
        assert isinstance(error, InputError) and str(error)


def test_two_runs_differ_by_their_scenario_and_by_what_compare_says(merged: Run, kept_95: Run, tmp_path: Path) -> None:
    """Proves: the scenario that only one has is named and nothing else went in otherwise; gains and losses of spaces are
    those of ``side_by_side`` and cancel; goals are the plans'; the largest come first. Broken: a table that tells
    another story than the runs."""
    found = al.diff(write(merged, tmp_path / "a"), write(kept_95, tmp_path / "b"))
    assert found.part("scenarios")[["what", "first", "second"]].values.tolist() == [["guarantee_95", "", "there"]]
    assert set(found.table["part"]) == {"scenarios", "goals", "money", "limits"}
    table = side_by_side({"a": merged, "b": kept_95}).set_index("space")
    table = table.drop([UNALLOCATED, TOTAL])
    gains = (table["b"] - table["a"]).to_numpy()
    money = found.part("money")
    assert sorted(money["change"]) == sorted(gains[gains != 0]) and money["change"].sum() == 0
    assert list(money["change"].abs()) == sorted(np.abs(gains[gains != 0]), reverse=True)
    code = table.index[np.abs(gains).argmax()]
    assert str(code) in money["what"].iloc[0]
    [goal] = found.part("goals").to_dict("records")
    assert (goal["first"], goal["second"]) == (merged.plan.goals["need met"], kept_95.plan.goals["need met"])
    ours, theirs = (r.plan.slack()["guarantee"].values.ravel() for r in (merged, kept_95))
    moved = [cell for cell in found.part("limits")["what"] if cell.startswith("guarantee[")]
    assert len(moved) == np.count_nonzero((ours < 1) != (theirs < 1)) > 0


def test_data_that_differ_are_named_with_their_largest_cell(home: Path, tmp_path: Path) -> None:
    """Proves: while both Worlds can be read, the datum is told with the cell that differs most, and of how many; when one
    is gone, the datum is still named. Broken: nobody can tell what was edited once the file is overwritten."""
    world = al.read_world(home.parent / "world")
    other = world.data["need_weight"].copy()
    other.values[0] += 0.25
    other.values[1] += 0.5
    world.with_data("need_weight", other).write(tmp_path / "edited")
    edited = al.read_world(tmp_path / "edited")
    asked = Asked(str(tmp_path / "edited"), (), "grant_consolidation")
    second = write(run("grant_consolidation", edited), tmp_path / "run", asked=asked)
    [row] = al.diff(home, second).part("data").to_dict("records")
    assert row["what"] == f"need_weight[space={other['space'].values[1]}], most of 2 cells"
    assert row["change"] == 0.5
    shutil.rmtree(tmp_path / "edited")
    [row] = al.diff(home, second).part("data").to_dict("records")
    assert row["what"] == "need_weight" and row["first"] == f"sha256 {recorded(home).kept.data['need_weight'][:8]}"


def test_projections_differ_by_their_chances(command: Command, tmp_path: Path) -> None:
    """Proves: between two projections the seed is named, chances and people are those of their files, ``--csv`` has all
    rows, and a run beside a projection is refused. Broken: a change of seed passes for one of policy."""
    for seed in ("1", "2"):
        assert command("project", "--years", "2021", "--draws", "64", "--seed", seed, "-o", seed)[0] == 0
    status, out, _ = command("diff", "1", "2", "--csv", "d.csv")
    assert status == 0 and "seed  1  ->  2" in out and len(out.splitlines()) < 40
    table = pd.read_csv("d.csv").set_index("what")
    with (
        xr.open_dataset("1/projection.nc", engine="h5netcdf") as one,
        xr.open_dataset("2/projection.nc", engine="h5netcdf") as two,
    ):
        apart = (two["p_adequate"] - one["p_adequate"]).load()
    assert (table["part"] == "adequacy").sum() == int((apart != 0).sum())
    cell = "p_adequate[service=water, space=CPT, year=2021]"
    assert table.loc[cell, "change"] == float(apart.sel(service="water", space="CPT", year=2021))
    assert command("run", "grant_consolidation", "--years", "2019/20", "-o", "r")[0] == 0
    status, _, err = command("diff", "1", "r")
    assert status == 1 and "is a run, and 1 is a projection" in err
    shutil.copyfile("r/plan.nc", "2/projection.nc")
    status, _, err = command("diff", "1", "2")
    assert status == 1 and OLD in err
    assert command("diff", "1", "1")[1].splitlines()[-2:] == ["What went in: the same", "What came out: the same"]
