"""The command line: what it prints, what it leaves behind, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pandas as pd
import pytest
import xarray as xr

from allocate import cli
from allocate.read import shipped

if TYPE_CHECKING:
    from conftest import Command

MODEL = "grant_consolidation"


def test_run_writes_a_whole_folder_that_adds_up(command: Command, tmp_path: Path) -> None:
    """Proves: the six files are there, the CSV adds up to the pools, and the manifest names what went in.

    Broken: a folder half written, or a plan nobody can trace to its inputs.
    """
    status, out, err = command("run", MODEL, "-s", "one_pool", "-s", "guarantee_95", "--years", "2019/20", "-o", "o")
    assert status == 0 and "Open o/report.html" in out.replace(os.sep, "/")
    assert "keep: 0.9 -> 0.95" in out and "Value of consolidation:" in out
    home = tmp_path / "o"
    names = ["inputs.json", "manifest.json", "plan.csv", "plan.nc", "plan.xlsx", "report.html"]
    assert sorted(p.name for p in home.iterdir()) == names
    table = pd.read_csv(home / "plan.csv")
    assert list(table.columns) == ["space", "pool", "service", "year", "amount", "grade"]
    assert table["amount"].sum() == 43_975_625
    manifest = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    assert [s["name"] for s in manifest["inputs"]["scenarios"]] == ["one_pool.toml", "guarantee_95.toml"]
    assert manifest["grade"] == "exact" and all(c["size"] <= c["allowed"] for c in manifest["certificate"])
    with xr.open_dataset(home / "plan.nc", engine="h5netcdf") as data:
        assert int(data["published"].sum()) + int(data["published_unallocated"].sum()) == 43_975_625
        assert data["price_of_guarantee"].attrs["unit"] == "household*year/R"
    assert not [p for p in tmp_path.iterdir() if p.name != "o"], "a temporary folder was left behind"
    assert "solving: separate" in err


def test_running_again_replaces_the_run_and_changes_nothing(command: Command, tmp_path: Path) -> None:
    """Proves: a second run into the same folder gives the same bytes of plan.csv, report and manifest."""
    words = ("run", MODEL, "-s", "one_water_grant", "--years", "2019/20", "-o", "o")
    command(*words)
    first = {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir() if p.suffix != ".nc"}
    command(*words)
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir() if p.suffix != ".nc"}


def test_a_folder_with_other_things_in_it_is_never_touched(command: Command, tmp_path: Path) -> None:
    """Proves: an output folder that is not a run is refused, and what is in it stays."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("years of work")
    status, _, err = command("run", MODEL, "--years", "2019/20", "-o", "mine")
    assert status == 1 and "is not empty and is no earlier run; name a new folder" in err
    assert (tmp_path / "mine" / "thesis.doc").read_text() == "years of work"


def test_rules_that_conflict_end_with_status_2_and_no_files(command: Command, tmp_path: Path) -> None:
    """Proves: infeasible is exit 2, said in the model's words, with nothing written."""
    changes = '[[change]]\nset = "keep"\nto = 1.0\n[[change]]\nscale = "absorb"\nby = 0.8\n'
    (tmp_path / "greedy.toml").write_text('name = "g"\nwhy = "w"\n' + changes)
    status, _, err = command("run", MODEL, "-s", "greedy.toml", "--years", "2019/20", "-o", "o")
    assert status == 2 and "cannot hold together" in err
    assert [p.name for p in tmp_path.iterdir()] == ["greedy.toml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "grant_consolidaton"), "did you mean 'grant_consolidation'?"),
        (("run", MODEL, "-s", "one_watergrant"), "did you mean 'one_water_grant'?"),
        (
            ("run", MODEL, "-w", "za2061"),
            "built in: za2011_people, za2016, za2016_people, za2016_projects; did you mean 'za2016'?",
        ),
        (("run", MODEL, "--years", "2020/21"), "no '2020/21'; there are 2017/18, 2018/19, 2019/20"),
        (("run", MODEL, "--years", " , "), "names no year; write for example 2019/20, or leave it out for all"),
        (("run", MODEL, "--years", ""), "names no year"),
        (("run", MODEL, "-o", "."), "is the current folder or above it, so it cannot be replaced; name a new folder"),
        (("demo", "-o", ".."), "is the current folder or above it"),
        (("run",), "Missing argument 'model'"),
        (("run", MODEL, "--scenari", "x"), "No such option"),
        (("run", "x" * 300), "there is no such file; shipped models: equity, gender_responsive, grant_consolidation, "),
        (("run", MODEL, "-s", "é" * 200), "there is no such file; shipped scenarios: "),
        (("explain", "x" * 300), "there is no such folder"),
        (("run", MODEL, "--time-limit", "0"), "0 is not a number of seconds above 0"),
        (("run", MODEL, "--time-limit", "nan"), "nan is not a number of seconds above 0"),
        (("show",), "names no model; write for example allocate show grant_consolidation"),
        (("show", MODEL, "--years", "2019/20"), "belongs to --lp; a model reads the same in every year"),
        (
            ("show", MODEL, "--lp", "model.toml"),
            "'model.toml' does not end in .lp or .mps; write a file name that does, or -",
        ),
        (("show", MODEL, "--lp", "no/such/x.lp", "--years", "2019/20"), "cannot be written: No such file or directory"),
        (("show", "--schema", "modle"), "'modle' has no schema; there are model and scenario; did you mean 'model'?"),
        (
            ("check", "za2061"),
            "built in: za2011_people, za2016, za2016_people, za2016_projects; did you mean 'za2016'?",
        ),
        (("check", "za2016", "-m", "grant_consolidaton"), "did you mean 'grant_consolidation'?"),
        (("rum", MODEL), "No such command 'rum'"),
        (("formula", "mgi"), "there is no formula 'mgi'; there are equitable_share, mig; did you mean 'mig'?"),
        (("formula", "mig", "--year", "2030/31"), "no pool of '2030/31'; there are 2016/17, 2017/18, 2018/19, 2019/20"),
        (("formula", "equitable_share", "--year", "2010/11"), "no pool of '2010/11'; there are 2016/17, 2017/18"),
        (("formula", "mig", "--indicated", "x.csv"), "this formula guarantees no indicated amount; leave it out"),
        (("formula", "equitable_share", "--indicated", "x.csv"), "x.csv: there is no such file"),
        (("formula", "mig", "--csv", "no/such/x.csv"), "cannot be written: "),
    ],
)
def test_bad_words_end_with_status_1_and_the_nearest_right_thing(
    command: Command, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Proves: every wrong word is answered in one message, with status 1 and nothing written."""
    status, out, err = command(*words)
    assert status == 1 and said in err and "Traceback" not in err and out == ""
    assert list(tmp_path.iterdir()) == []


def test_show_prints_mathematics_and_differences(command: Command) -> None:
    """Proves: show needs no solve; --latex is a document; a scenario says old -> new."""
    status, out, _ = command("show", MODEL, "-s", "guarantee_95")
    assert status == 0 and "keep: 0.9 -> 0.95" in out and "guarantee  for each space, year" in out
    status, out, _ = command("show", MODEL, "--latex")
    assert status == 0 and out.startswith(r"\documentclass{article}") and r"\sum_{s,e} \mathit{spend}_{s,p,e,y}" in out


def test_show_writes_the_program_that_is_solved(command: Command, tmp_path: Path) -> None:
    """Proves: --lp writes an LP file of the case as it is after its scenarios, for some years; - prints the same."""
    words = ("show", MODEL, "-s", "one_pool", "--years", "2019/20", "--lp")
    status, out, _ = command(*words, "programme d'été.lp")
    assert status == 0 and out == "Wrote programme d'été.lp\n"
    text = (tmp_path / "programme d'été.lp").read_text(encoding="utf-8")
    assert "pool(Infrastructure,2019_20):" in text and "2018_19" not in text and text.endswith("End\n")
    assert command(*words, "-")[1] == text


def test_show_prints_the_schema_of_files(command: Command) -> None:
    """Proves: --schema prints JSON that accepts every shipped file of its kind and refuses what the library refuses."""
    for kind in ("model", "scenario"):
        status, out, _ = command("show", "--schema", kind)
        check = jsonschema.Draft202012Validator(json.loads(out))
        assert status == 0
        for file in shipped(f"{kind}s").glob("*.toml"):
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            assert check.is_valid(table), file.name
            assert not check.is_valid({**table, "whyy": "x"})
    assert not check.is_valid({"name": "x", "why": "y", "change": [{"set": "keep", "to": -1}]})
    rule = {"add": "rules.it", "rule": "keep <= 1"}
    assert check.is_valid({"name": "x", "why": "y", "change": [rule]})
    assert not check.is_valid({"name": "x", "why": "y", "change": [{**rule, "instead": True}]})


def test_the_schema_asks_a_model_for_every_section_unless_it_extends_another(command: Command) -> None:
    """Proves: as reading does. Broken: an editor marks a good model red, or passes one that lacks its schedule."""
    check = jsonschema.Draft202012Validator(json.loads(command("show", "--schema", "model")[1]))
    whole = tomllib.loads((shipped("models") / f"{MODEL}.toml").read_text(encoding="utf-8"))
    assert check.is_valid({"name": "x", "extends": MODEL}) and not check.is_valid({"extends": MODEL})
    for section in ("dims", "data", "variables", "rules", "goals", "schedule"):
        assert not check.is_valid({key: value for key, value in whole.items() if key != section})


def test_a_formula_prints_its_parts_and_what_is_assumed(command: Command, tmp_path: Path) -> None:
    """Proves: each part has its sum and status, each space a row, and --csv writes the same, adding up to the pool.

    Broken: an assumed part would stand among published figures, or the table on screen would leave columns out.
    """
    status, out, _ = command("formula", "mig", "--year", "2019/20")
    lines = out.splitlines()
    assert status == 0 and lines[0] == "Municipal infrastructure grant, 2019/20: R14.816bn over 52 spaces"
    assert any(
        re.match(r"  nodal +R684\.305m  assumed    5\.00% of the rest, by poor households\. ", line) for line in lines
    )
    assert len(lines) == 1 + 7 + 2 + 53 and "..." not in out and lines[-1].split()[-1] == "14,816,103"
    status, out, _ = command("formula", "equitable_share", "--csv", "lges.csv")
    table = pd.read_csv(tmp_path / "lges.csv").set_index("space")
    assert status == 0 and out == "Wrote lges.csv\n" and list(table.columns[-3:]) == ["closure", "guarantee", "total"]
    assert table["total"].iloc[:-1].sum() == table["total"]["total"] == 68_973_465


def test_a_time_limit_stops_with_status_3_and_no_files(command: Command, tmp_path: Path) -> None:
    """Proves: what is not solved in time is no plan, and nothing is written. Broken: a half-solved plan is published."""
    status, out, err = command("run", MODEL, "--years", "2019/20", "--time-limit", "0.001", "-o", "o")
    assert status == 3 and "the time limit came before a proved answer" in err and out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_without_letters_loses_no_result(tmp_path: Path) -> None:
    """Proves: what a Western terminal cannot show is spelt out. Broken: UnicodeEncodeError, and no answer."""
    words = [sys.executable, "-m", "allocate", "doctor", "--out", "東"]
    env = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and r"folder \u6771" in done.stdout
    assert "names may show as numbers; set PYTHONUTF8=1" in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        *("demo", "new", "check", "show", "run", "frontier", "sweep", "risk", "sensitivity"),
        *("project", "policies", "hindcast", "discover", "ranks", "verify", "diff", "explain", "formula", "doctor"),
    ],
)
def test_every_command_has_an_example(command: Command, name: str) -> None:
    """Proves: the help of every command shows a line that can be typed."""
    status, out, _ = command(name, "--help")
    assert status == 0 and f"  Example:  allocate {name}" in out


def test_help_teaches() -> None:
    """Proves: help lists the commands in the order of a day, none cut short, and --version says the version."""
    done = subprocess.run([sys.executable, "-m", "allocate", "--help"], capture_output=True, text=True, check=True)
    listed = re.findall(r"(?m)^  ([a-z]+)  +\S.*\S$", done.stdout.partition("Commands:")[2])
    plans = ["demo", "new", "check", "show", "run", "frontier", "sweep", "risk", "sensitivity"]
    people = ["project", "policies", "hindcast", "discover", "ranks"]
    assert listed == [*plans, *people, "verify", "diff", "explain", "formula", "doctor"]
    assert "..." not in done.stdout.partition("Commands:")[2] and "Exit status" in done.stdout
    done = subprocess.run([sys.executable, "-m", "allocate", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "allocate 0.1.0\n"


def test_a_mistake_of_ours_is_said_without_a_traceback(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: even an unforeseen error reaches the user as words, and says how to see more."""

    def fails(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("allocate.read.read_model", fails)
    status, _, err = command("show", MODEL)
    assert status == 1 and "mistake in allocate, not in your files: RuntimeError: unforeseen" in err
    assert "Traceback" not in err


def test_stopping_leaves_nothing(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Proves: Ctrl-C is status 3 and no file, even while the folder is being written."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("allocate.outputs.html", interrupted)
    status, _, err = command("run", MODEL, "--years", "2019/20", "-o", "o")
    assert status == 3 and "stopped; nothing was written" in err
    assert list(tmp_path.iterdir()) == []


def test_years_may_have_spaces_between_them(command: Command, tmp_path: Path) -> None:
    """Proves: years are read as people write them, in any order. Broken: \"no ' 2018/19'\"."""
    status, _, _ = command("run", MODEL, "--years", "2019/20, 2018/19", "-o", "o")
    manifest = json.loads((tmp_path / "o" / "manifest.json").read_text(encoding="utf-8"))
    assert status == 0 and manifest["years"] == ["2018/19", "2019/20"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_a_kill_is_a_stop(tmp_path: Path) -> None:
    """Proves: SIGTERM while writing ends like Ctrl-C: status 3, one sentence, no folder, not even those above it.

    Broken: status -15 and a hidden half-written folder.
    """
    code = (
        "import signal; from allocate import cli, outputs; "
        "outputs.html = lambda run: signal.raise_signal(signal.SIGTERM); cli.main()"
    )
    words = ["run", MODEL, "--years", "2019/20", "-o", "deep/er/o"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3 and done.stderr.endswith("stopped; nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_only_the_command_line_listens_to_a_kill(command: Command) -> None:
    """Proves: after a command SIGTERM is what it was before. Broken: a program that uses the library cannot be killed."""
    before = signal.getsignal(signal.SIGTERM)
    command("--version")
    assert signal.getsignal(signal.SIGTERM) is before


class Terminal(io.StringIO):
    """Standard output and standard error as one screen."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> str:
        """What is left to read: a carriage return and ESC [K empty a line."""
        return re.sub(r"[^\n]*\r\033\[K", "", self.getvalue())


@pytest.mark.parametrize("fails", [False, True])
def test_progress_leaves_the_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool) -> None:
    """Proves: progress is gone before results or errors are said. Broken: \"writing ...Grant consolidation\"."""

    def full(_: object) -> str:
        raise OSError(28, "No space left on device")

    screen = Terminal()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "argv", ["allocate", "run", MODEL, "--years", "2019/20", "-o", "o"])
    if fails:
        monkeypatch.setattr("allocate.outputs.html", full)
    with pytest.raises(SystemExit):
        cli.main()
    assert "writing ..." in screen.getvalue() and " ..." not in screen.screen()
    first = "o: 1 problem\n  cannot be written: No space left on device\n" if fails else "Grant consolidation"
    assert screen.screen().startswith(first)
