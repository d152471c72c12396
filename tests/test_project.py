"""The command that projects: what it prints, what it leaves, how it ends, and whose figures it takes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import allocate as al
from allocate.cli.progress import Progress
from allocate.people.fit import people_fit
from allocate.world import World
from prospected import people

if TYPE_CHECKING:
    from conftest import Command

FILES = [
    "adequacy.csv",
    "inputs.json",
    "manifest.json",
    "people.csv",
    "projection.nc",
    "projection.xlsx",
    "report.html",
]
QUICK = ("--draws", "64")


def contents(home: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in home.iterdir()}


def test_a_projection_writes_a_whole_folder_that_agrees(command: Command, tmp_path: Path) -> None:
    """Proves: the files are there, CSV and netCDF hold what ``al.project`` finds, the manifest names what went in, and
    what is printed is in the page. Broken: a folder half written, or two answers in one folder."""
    status, out, _ = command("project", "-s", "drought", *QUICK, "--seed", "7")
    home = tmp_path / "out" / "drought"
    assert status == 0 and sorted(contents(home)) == FILES
    assert "yields[space=NMA, service=water, period=2021-2026]: 1 -> 0.5" in out
    assert out.splitlines()[-1] == f"Open {Path('out') / 'drought' / 'report.html'}"
    found = al.project(people(), years=[2021, 2026, 2031, 2036], draws=64, seed=7, scenario="drought")
    with xr.open_dataset(home / "projection.nc", engine="h5netcdf") as data:
        for name, array in found.data_vars.items():
            np.testing.assert_array_equal(data[name].values, array.values)
        assert data.attrs["acknowledgement"] == people().data.attrs["acknowledgement"]
    table = pd.read_csv(home / "people.csv").set_index(["measure", "region", "year"])
    assert table["mean"][("people", "CPT", 2031)] == float(
        found["count_mean"].sel(measure="people", region="CPT", year=2031)
    )
    manifest = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"]["world"] == {
        "name": "za2016_people",
        "given": "za2016_people",
        "sha256": people().digest(),
    }
    assert [s["name"] for s in manifest["inputs"]["scenarios"]] == ["drought.toml"]
    assert (manifest["draws"], manifest["seed"], manifest["years"]) == (64, 7, [2021, 2026, 2031, 2036])
    assert sorted(manifest["outputs"]) == [name for name in FILES if name != "manifest.json"]
    assert not [path for path in tmp_path.iterdir() if path.name != "out"]


def test_projecting_again_replaces_the_folder_and_changes_no_byte(command: Command, tmp_path: Path) -> None:
    """Proves: the same words give the same bytes of every file, whatever the threads, with and without differences; a
    folder of a projection or of a run is replaced, any other is not. Broken: a clock or an order got in."""
    words = ("project", "--years", "2021", *QUICK, "-o", "o")
    command(*words, "--against", "drought")
    first = contents(tmp_path / "o")
    assert sorted(first) == sorted([*FILES, "differences.csv"])
    command(*words, "--against", "drought", "--threads", "1")
    assert contents(tmp_path / "o") == first
    assert command(*words)[0] == 0 and sorted(contents(tmp_path / "o")) == FILES
    (tmp_path / "o" / "thesis.doc").write_text("years of work")
    status, _, err = command(*words)
    assert status == 1 and "is not empty and is no earlier run; name a new folder" in err


def test_what_a_plan_builds_is_projected_beside_what_is_usual(command: Command, tmp_path: Path) -> None:
    """Proves: --plan takes the folder of a run; it changes services and nobody's number, is named, and is compared with
    the usual additions; the same as handing the plan over in Python. Broken: a plan that is read and not built."""
    assert command("run", "grant_consolidation", "-s", "one_pool")[0] == 0
    words = ("--plan", "out/one_pool", "--against", "none", "--years", "2021")
    status, out, _ = command("project", *words, *QUICK, "-o", "o")
    assert status == 0 and out.startswith("People and services, with the plan One infrastructure grant, 2016 to 2021\n")
    assert "Against People and services, on the same draws: not one person more or less" in out
    assert "Chance that water is enough, in 2021:" in out
    plan = al.run("grant_consolidation", "za2016", "one_pool").plan
    found = al.project(people(), years=2021, draws=64, plan=plan)
    with xr.open_dataset(tmp_path / "o" / "projection.nc", engine="h5netcdf") as data:
        np.testing.assert_allclose(data["p_adequate"].values, found["p_adequate"].values, atol=1e-12)
        assert not np.array_equal(data["p_adequate"].values, data["other_p_adequate"].values)
        np.testing.assert_array_equal(data["count"].values, data["other_count"].values)


def test_years_are_every_fifth_or_those_named_or_every_one(command: Command, tmp_path: Path) -> None:
    """Proves: without words 2021 to 2036; a year between needs no other word; --annual goes on year by year. Broken: a
    year that was not projected is reported."""
    for words, want, step in (
        (("--years", "2026, 2021"), [2021, 2026], 5),
        (("--years", "2019"), [2019], 1),
        (("--annual", "--years", "2021"), [2021], 1),
    ):
        assert command("project", *words, *QUICK, "-o", "o")[0] == 0
        manifest = json.loads((tmp_path / "o" / "manifest.json").read_text(encoding="utf-8"))
        assert (manifest["years"], manifest["step"]) == (want, step)


def written(home: Path, name: str) -> Path:
    """The shipped figures as an analyst has them: a folder or a workbook."""
    people().write(home / name)
    return home / name


@pytest.mark.parametrize("name", ["mine", "mine.xlsx"])
def test_ones_own_figures_give_the_same_answer_until_they_are_edited(
    command: Command, tmp_path: Path, name: str
) -> None:
    """Proves: written to a folder or a workbook and read again, the figures give the same numbers to the byte; check
    reads them. Broken: an analyst who changes nothing gets another answer."""
    written(tmp_path, name)
    assert command("project", "-w", name, *QUICK, "-o", "a")[0] == command("project", *QUICK, "-o", "b")[0] == 0
    for file in ("people.csv", "adequacy.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    status, out, _ = command("check", "people", "-w", name)
    assert status == 0 and "Fits a projection: 55,653,657 people of 52 spaces in 2016, 7 services, to 2046" in out


def test_an_edited_table_is_what_is_projected(command: Command, tmp_path: Path) -> None:
    """Proves: with one line of one table doubled, that space has more people and is said to start with them; the folder
    people of the current folder is taken without being named, and the word says so.

    Broken: somebody edits people/people.csv, and the shipped figures are projected.
    """
    file = written(tmp_path, "people") / "people.csv"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith("DC5,women,20-24,"))
    was = float(lines[at].rsplit(",", 1)[1])
    lines[at] = f"DC5,women,20-24,{was + 1000}\n"
    file.write_text("".join(lines), encoding="utf-8")
    status, out, err = command("project", "--years", "2021", *QUICK, "-o", "o")
    assert status == 0 and "reading the figures of people" in err and "figures: people" in out
    table = pd.read_csv(tmp_path / "o" / "people.csv").set_index(["measure", "region", "year"])["start"]
    wanted = float(people().data["people"].sel(space="DC5").sum()) + 1000
    assert table[("people", "DC5", 2021)] == pytest.approx(wanted, abs=1e-6)


def test_a_new_folder_of_people_is_ready_to_type_in(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves: new -w za2016_people makes a folder whose README names commands that work there. Broken: the figures lie
    where no command looks for them."""
    assert command("new", "mine", "-w", "za2016_people")[0] == 0
    monkeypatch.chdir(tmp_path / "mine")
    readme = Path("README.md").read_text(encoding="utf-8")
    typed = [line.split("#")[0].split()[1:] for line in readme.splitlines() if line.startswith("    allocate ")]
    assert len(typed) == 3 and "- `people/`     the figures" in readme
    for words in typed:
        status, out, err = command(*words, *(QUICK if words[0] == "project" else ()))
        assert status == 0 and "reading the figures of people" in err and out


def test_figures_that_look_odd_are_said(command: Command) -> None:
    """Proves: each figure that nobody would expect is named with its space and what is expected, and nothing else; good
    figures have nothing odd but the defaults. Broken: a percentage typed as a rate is projected without a word."""
    world = people()

    def times(name: str, factor: float, **where: str) -> World:
        array = world.data[name].copy()
        array.loc[where] = array.loc[where] * factor
        return world.with_data(name, array)

    assert people_fit(world)[1:] == ["Worth a look (1)", "  attraction: not given, so 1 everywhere, the default"]
    for odd, said in (
        (times("leaving", 20, space="DC5"), r"leaving: at some age a part leaves in a year of DC5 [\d.]+; expected 0 to 0.25"),
        (times("death_rate", 0.1, space="CPT", sex="men"), r"death_rate: men may expect CPT 1\d\d years of life; expected 40"),
        (times("birth_rate", 5, space="DC15"), r"birth_rate: women have DC15 1\d(\.\d)? children each; expected 0.7 to 8"),
        (times("capacity", 2, space="NMA", service="water"), r"capacity: for water there stands, .* NMA 1.97 times"),
        (times("additions", 0), r"additions: zero everywhere"),
    ):  # fmt: skip
        found = people_fit(odd)
        assert found[1] == "Worth a look (2)" and any(re.search(said, line) for line in found[2:]), found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--years", "soon"), "--years: 1 problem\n  'soon' is no year; write for example 2021,2026,2036"),
        (("--years", " , "), "--years: 1 problem\n  names no year; write for example 2021,2026,2036"),
        (("--years", "2016"), "2016 is not a year after 2016 up to 2046"),
        (("--years", "2050"), "2050 is not a year after 2016 up to 2046"),
        (
            ("--draws", "0", "--seed", "-1"),
            "project: 2 problems\n  --draws: 0 is not a whole number from 1 to 10,000,000",
        ),
        (("--threads", "0"), "--threads: 0 is not a whole number from 1 to 1,024"),
        (("-s", "drougth"), "did you mean 'drought'?"),
        (("-s", "one_pool"), "is written for 'grant_consolidation', not for a projection"),
        (("--against", "one_pool"), "is written for 'grant_consolidation', not for a projection"),
        (("--against", "none", "--against", "drought"), "none stands alone: it is the figures as they stand"),
        (("-s", "more_to_cape_town", "-s", "less_to_cape_town"), "two changes to one cell conflict"),
        (("--plan", "no/such"), "there is no such folder"),
        (("-w", "za2016_peple"), "did you mean 'za2016_people'?"),
        (("-w", "za2016"), "people: is missing: Who lives where when the projection starts"),
        (("-o", "."), "is the current folder or above it"),
    ],
)
def test_wrong_words_end_with_status_1(command: Command, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Proves: every wrong word is answered in one message, with status 1 and nothing written."""
    status, out, err = command("project", *words)
    assert status == 1 and said in err and out == "" and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "old", "new", "said"),
    [
        ("people", "DC1,women,0-4,", "DC1,women,0-4,-", "people.csv, row 2, value: -20419.75"),
        ("people", "DC1,women,0-4,", "DC99,women,0-4,", "unknown space 'DC99'"),
        ("yields", "NMA,water,2016-2021,1", "NMA,water,2016-2021,1.5", "yields[space=NMA, service=water, period=2016-2021]: 1.5 is above 1, the most it may be"),
        ("boys", "value\n0.", "value\n1.", "boys: 1.51004 is above 1, the most it may be"),
        ("corridor", "DC1,DC2,2016-2021,", "DC1,DC2,2016-2021,x", "is not a number"),
        ("shock_sd", "deaths,nation,", "death,nation,", "unknown rate 'death'; did you mean 'deaths'?"),
    ],
)  # fmt: skip
def test_a_mistake_in_ones_own_figures_is_named_with_its_place(
    command: Command, tmp_path: Path, table: str, old: str, new: str, said: str
) -> None:
    """Proves: project and check say the same of a broken table: what, where, and what is expected; nothing is written.
    Broken: a number of nobody is projected."""
    file = written(tmp_path, "people") / f"{table}.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    for words in (("project",), ("check", "people")):
        status, _, err = command(*words)
        assert status == 1 and said in err and "mistake in allocate" not in err, err
    assert [path.name for path in tmp_path.iterdir()] == ["people"]


def test_show_says_what_is_projected_and_what_a_scenario_changes(command: Command) -> None:
    """Proves: every step and datum is there with its unit, without reading any figures; with a scenario, old -> new; a
    program of people is refused in words, as is a run of them. Broken: show people is 'no such file'."""
    status, out, err = command("show", "people")
    assert status == 0 and err == "" and "corridor [1]  for each space, destination, period" in out
    assert (
        "  8. In each draw rates stray" in out
        and "attraction [1]  for each space, period  (where it is not given: 1.0)" in out
    )
    status, out, _ = command("show", "people", "-s", "drought")
    assert status == 0 and "yields[space=NMA, service=water, period=2021-2026]: 1 -> 0.5" in out
    for words in (("show", "people", "--lp", "x.lp"), ("run", "people"), ("check", "a", "-m", "people", "-w", "b")):
        status, out, err = command(*words)
        assert status == 1 and out == "" and ("project" in err or "named twice" in err)


def test_check_takes_people_for_what_they_are(command: Command) -> None:
    """Proves: figures of people are checked for a projection unless a model is named, by whichever way they are named.
    Broken: eighteen missing tables of grants."""
    for words in (("za2016_people",), ("people",), ("-m", "people"), ("people", "-w", "za2016_people")):
        status, out, _ = command("check", *words)
        assert status == 0 and "\nFits a projection: " in out
    status, out, _ = command("check", "grant_consolidation", "-w", "za2016")
    assert status == 0 and "\nFits Grant consolidation: " in out
    assert command("check", "za2016_people", "-m", "grant_consolidation")[0] == 1


def test_stopping_while_writing_leaves_nothing(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proves: Ctrl-C is status 3 and no file, even while the folder is being written."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("allocate.projected.people_html", interrupted)
    status, _, err = command("project", "--years", "2021", *QUICK, "-o", "deep/o")
    assert status == 3 and "stopped; nothing was written" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a child alone")
def test_stopping_while_drawing_leaves_nothing(tmp_path: Path) -> None:
    """Proves: a long projection says how many draws are done, how fast and how long it will take; Ctrl-C then ends it
    with status 3, one sentence and no file. Broken: minutes of silence, or threads that do not end."""
    words = [sys.executable, "-m", "allocate", "project", "--draws", "10000000", "-o", "deep/o"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if re.match(r"[\d,]+ of 10,000,000 draws, [\d,]+ a second, \d+ s left \.\.\.", line):
                break
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == 3 and said.endswith("stopped; nothing was written\n") and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: draws that take no time are not counted aloud. Broken: a log full of lines about a second's work."""
    watch = Progress("draws")
    for done in range(0, 1001, 100):
        watch(done, 1000)
    assert capsys.readouterr().err == ""
