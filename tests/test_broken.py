"""Broken inputs, and the exact words each must produce: in tests/broken, a .txt a case.

A scenario that is broken is a file there too; a model or a World is a good one with one thing broken by name below.
After a change of words that is meant, write them anew and read what ``git diff`` says:

    python tests/test_broken.py
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import books
import small
from allocate import cli
from allocate.read import shipped
from allocate.runs import run as solve

BROKEN = Path(__file__).parent / "broken"
type Breaker = Callable[[Path], None]


def text(name: str, old: str, new: str, count: int = 1) -> Breaker:
    """Replace a piece of a file."""

    def do(home: Path) -> None:
        before = (home / name).read_bytes()
        assert old.encode() in before, f"{old!r} is not in {name}"
        (home / name).write_bytes(before.replace(old.encode(), new.encode("utf-8", "surrogateescape"), count))

    return do


def whole(name: str, content: bytes) -> Breaker:
    """Write a file anew."""
    return lambda home: (home / name).write_bytes(content) and None


def about(datum: str, **what: object) -> Breaker:
    """Change what the datapackage says of one datum; a unit and a scale are said of its column of values."""

    def do(home: Path) -> None:
        file = home / "world" / "datapackage.json"
        package = json.loads(file.read_text(encoding="utf-8"))
        resource = next(r for r in package["resources"] if r["datum"] == datum)
        for key, value in what.items():
            place = resource["schema"]["fields"][-1] if key in ("unit", "scale") else resource
            place.update({key: value}) if value is not None else place.pop(key)
        file.write_text(json.dumps(package), encoding="utf-8")

    return do


def scaled(home: Path) -> None:
    """A budget written in R million by somebody who did not change the scale."""
    file = home / "world" / "budget.csv"
    head, *rows = file.read_text().splitlines()
    cells = [row.rsplit(",", 1) for row in rows]
    file.write_text("\n".join([head, *(f"{left},{float(value) / 1000:g}" for left, value in cells)]) + "\n")


def endless(home: Path) -> None:
    """Households may be served without anybody building for them, and without end."""
    text("model.toml", ', upper = "band_size"', "")(home)
    text("model.toml", "over=band) == survives", "over=band) >= survives")(home)


def missing(name: str) -> Breaker:
    return lambda home: (home / name).unlink()


WORLDS: dict[str, Breaker] = {
    "world_bad_json": whole("world/datapackage.json", b'{"name": "small",'),
    "world_not_utf8": text("world/budget.csv", "PIPES", "PIP\udcc9S"),
    "world_semicolons": text("world/budget.csv", ",", ";", -1),
    "world_extra_column": text("world/keep.csv", "year,value", "year,note,value"),
    "world_field_too_many": text("world/keep.csv", "2019/20,0.8", "2019/20,0.8,1"),
    "world_fields_too_many": text("world/keep.csv", ",0.8", ",0.8,1", -1),
    "world_decimal_comma": text("world/keep.csv", "2020/21,0.8", "2020/21,0,8"),
    "world_percent_for_share": text("world/keep.csv", "2019/20,0.8", "2019/20,80"),
    "world_formula": text("world/budget.csv", "PIPES", "=1+1", -1),
    "world_misspelt_space": text("world/absorb.csv", "N,2019/20", "Norht,2019/20"),
    "world_misspelt_grant": text("world/budget.csv", "WIRES", "WIRE"),
    "world_missing_row": text("world/absorb.csv", "S,2020/21,52500\n", ""),
    "world_row_twice": text("world/keep.csv", "2020/21", "2019/20"),
    "world_missing_file": missing("world/budget.csv"),
    "world_negative": text("world/absorb.csv", "N,2019/20,", "N,2019/20,-"),
    "world_nan": text("world/keep.csv", "2019/20,0.8", "2019/20,NaN"),
    "world_infinite": text("world/keep.csv", "2019/20,0.8", "2019/20,1e999"),
    "world_huge": text("world/absorb.csv", "N,2019/20,120000", "N,2019/20,120000000000000000"),
    "world_thousands_separator": text("world/absorb.csv", "N,2019/20,120000", 'N,2019/20,"120,000"'),
    "world_blank": text("world/keep.csv", "2019/20,0.8", "2019/20,"),
    "world_flag_of_two": text("world/may_fund.csv", "PIPES,water,1", "PIPES,water,2"),
    "world_off_by_a_thousand": scaled,
    "world_unknown_scale": about("budget", scale="R milion"),
    "world_no_scale": about("budget", scale=None),
    "world_unit_of_another_datum": about("unit_cost", unit="household"),
    "world_unknown_status": about("keep", status="guessed"),
    "world_path_outside": about("keep", path="../../etc/passwd"),
    "world_without_a_datum": text("world/datapackage.json", '"datum": "keep"', '"datum": "kept"'),
    "world_absent": lambda home: shutil.rmtree(home / "world"),
}
BOOK = "figures.xlsx"


def cells(*changes: tuple[str, object], merge: str = "") -> Breaker:
    """Change cells of the workbook, each called ``sheet!B3``, and perhaps merge some of the sheet ``keep``."""

    def more(made: Any) -> None:
        if merge:
            made.get_worksheet_by_name("keep").merge_range(merge, "2019/20")

    return lambda home: books.edit(home / BOOK, *changes, more=more)


def sheet(old: str, new: str) -> Breaker:
    """Call a sheet of the workbook otherwise; an empty name takes it out."""

    def do(home: Path) -> None:
        found = books.grids(home / BOOK)
        books.save(
            home / BOOK, {new if name == old else name: rows for name, rows in found.items() if new or name != old}
        )

    return do


def copied(home: Path) -> None:
    """A sheet that somebody copied to try something in it."""
    found = books.grids(home / BOOK)
    books.save(home / BOOK, found | {"budget (2)": found["budget"]})


def without_a_row(home: Path) -> None:
    found = books.grids(home / BOOK)
    del found["keep"][2]
    books.save(home / BOOK, found)


def budget_in_millions(home: Path) -> None:
    found = books.grids(home / BOOK)
    found["budget"][1:] = [[*row[:-1], row[-1] / 1000] for row in found["budget"][1:]]
    books.save(home / BOOK, found)


def far_cell(home: Path) -> None:
    """One cell in the last corner of a sheet, which makes a reader lay out 17 billion."""
    books.edit(home / BOOK, more=lambda made: made.get_worksheet_by_name("keep").write_number(1_048_575, 16_383, 1))


def bomb(home: Path) -> None:
    books.rezip(home / BOOK, lambda parts: parts.update({"xl/media/picture.bin": bytes(20_000_000)}))


LOCKED = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + "EncryptedPackage".encode("utf-16-le")
BOOKS: dict[str, Breaker] = {
    "book_absent": missing(BOOK),
    "book_not_a_workbook": whole(BOOK, b"grant,year,value\nPIPES,2019/20,100000\n"),
    "book_locked": whole(BOOK, LOCKED),
    "book_excel_97": whole(BOOK, LOCKED[:512]),
    "book_bomb": bomb,
    "book_beyond_the_limit": lambda home: books.declare(home / BOOK, 2**32 - 2),
    "book_far_cell": far_cell,
    "book_without_data": sheet("data", "Data "),
    "book_sheet_missing": sheet("keep", ""),
    "book_sheet_misspelt": sheet("may_fund", "may fnud"),
    "book_sheet_copied": copied,
    "book_text": cells(("absorb!C2", "120 000"), ("keep!B3", "0,8")),
    "book_date": cells(("keep!B2", dt.date(2019, 4, 1)), ("pace!A2", dt.date(2019, 4, 1))),
    "book_year_as_number": cells(("keep!A2", 2019), ("keep!A3", 2020)),
    "book_error_cell": cells(("absorb!C2", books.Formula("=Budget!#REF!", "#REF!"))),
    "book_not_calculated": cells(("keep!B2", books.Formula("=4/5"))),
    "book_negative": cells(("absorb!C3", -4_500_000)),
    "book_row_twice": cells(("keep!A3", "2019/20")),
    "book_unknown_space": cells(("absorb!A2", "Norht")),
    "book_row_missing": without_a_row,
    "book_off_by_a_thousand": budget_in_millions,
    "book_merged": cells(merge="A2:A3"),
    "book_header_below": cells(("keep!A1", None), ("keep!B1", None)),
    "book_column_misspelt": cells(("keep!A1", "yaer")),
    "book_no_scale": cells(("data!C3", None)),
    "book_data_column_misspelt": cells(("data!E1", "sourse")),
    "book_many": cells(
        ("absorb!A2", "Norht"), ("absorb!C3", -1), ("keep!B2", "eighty"), ("keep!A3", "2019/20"), ("data!D4", "guessed")
    ),
}
MODELS: dict[str, Breaker] = {
    "model_empty": whole("model.toml", b""),
    "model_not_toml": text("model.toml", "[dims]", "[dims"),
    "model_unit_mistake": text("model.toml", "sum(unit_cost * reached, over=tier)", "sum(reached, over=tier)"),
    "model_sum_over_absent_dim": text("model.toml", "sum(spend, over=[pool, service]) <= absorbable", "sum(spend, over=[pool, tier]) <= absorbable"),
    "model_not_linear": text("model.toml", "sum(spend, over=[pool, service]) <= absorbable", "sum(spend * spend / absorb, over=[pool, service]) <= absorbable"),
    "model_misspelt_name": text("model.toml", "<= absorbable", "<= absorbible"),
    "model_hostile_rule": text("model.toml", "<= absorbable", "<= absorb.__class__"),
    "model_lookalike": text("model.toml", "<= absorbable", "<= \u0430bsorbable"),
    "model_key_misspelt": text("model.toml", 'owner = "National', 'onwer = "National'),
    "model_rule_twice": text("model.toml", "[rules.tiers]", "[rules.served]"),
    "model_by_unknown": text("model.toml", "sum(spend, over=[pool, service]) <= absorbable", "sum(spend, over=[space, pool, service], by=provnce) <= absorbable"),
    "model_at_no_copy": text("model.toml", "sum(spend, over=[pool, service]) <= absorbable", "sum(at(spend, space=grant), over=[pool, service]) <= absorbable"),
    "model_at_no_label": text("model.toml", "last(discount)", "at(discount, year='2020/2021')"),
    "model_copy_unknown": text("model.toml", "[data]", 'other = { copy_of = "spaec" }\n[data]'),
    "model_dim_wrong": text("model.toml", 'space   = "One of', 'spare = 3\nspace   = "One of'),
    "model_give_unit": text("model.toml", 'name = "need met"', 'name = "need met"\ngive = "5 R million"'),
    "model_leximin_alone": text("model.toml", 'min  = "sum(held_back, over=[pool, year])"', 'leximin = "sum(held_back, over=[pool, year])"'),
    "model_kind": text("model.toml", 'reached   = { over', 'reached   = { kind = "whole", over'),
    "model_binary_bounds": text("model.toml", 'unit = "household", where = "band_size > 0"', 'unit = "household", kind = "binary", where = "band_size > 0"'),
    "no_plan_endless": endless,
    "model_goal_varies": text("model.toml", "sum(held_back, over=[pool, year])", "sum(held_back, over=pool)"),
}  # fmt: skip


def more(text: str, change: str = "", **beside: str) -> Breaker:
    """A model that extends the good one, perhaps by way of files beside it, under a scenario of one change."""

    def do(home: Path) -> None:
        for name, said in {"model": text, **beside}.items():
            extends = "" if "extends" in said else 'extends = "grant_consolidation"\n'
            (home / f"{name}.toml").write_text(f'name = "{name}"\n{extends}{said}', encoding="utf-8")
        if change:
            (home / "scenario.toml").write_text(f'name = "It"\nwhy = "A test."\n{change}', encoding="utf-8")

    return do


IDLE = """
[data]
idle_most = { over = "year", unit = "R", default = 5 }
[rules.idle]
active = false
over = "year"
rule = "sum(spend, over=[space, pool, service]) <= idle_most"
"""
COUNTED = '[expressions]\nmoney = { over = "year", unit = "R", rule = "sum(spend, over=[space, pool, service])" }\n'
ANEW = '[rules.pace]\ninstead = true\nover = "year"\nrule = "keep <= %s"\n'
EXTENDING: dict[str, Breaker] = {
    "extends_unknown": more('extends = "grant_consolidaton"\n[rules.pool]\ninstead = true\nrule = "1 <= 2"'),
    "extends_itself": more('extends = "model"'),
    "extends_circle": more('extends = "other"', other='extends = "model"'),
    "extends_two_that_differ": more(
        'extends = ["one", "two"]', one='[data]\nmost = { unit = "1", default = 1 }', two='[data]\nmost = { unit = "1", default = 2 }'
    ),
    "extends_two_rules_anew": more('extends = ["one", "two"]', one=ANEW % 1, two=ANEW % 2),
    "extends_rule_by_accident": more('extends = "one"\n' + ANEW.replace("instead = true\n", "") % 2, one=ANEW % 1),
    "extends_instead_of_nothing": more(ANEW.replace("pace", "pase") % 1),
    "extends_before_unknown": more('[[goals]]\nname = "thrift"\nbefore = "need mett"\nmin = "sum(held_back, over=[pool, year])"'),
    "extends_labels_and_copy": more('[dims]\nside = { labels = ["a"], copy_of = "space" }\nend = { why = "Neither." }'),
    "extends_labels_twice": more('[dims]\nside = { labels = ["a", "b", "a"] }'),
    "extends_labels_clash": text("model.toml", '"Cost tier of a backlog, the cheapest households first"', '{ labels = ["cheap", "dearest"] }'),
    "extends_default_too_long": more(IDLE.replace("default = 5", "default = [5, 6, 7]").replace("active = false", "")),
    "extends_default_too_long_and_set": more(IDLE.replace("default = 5", "default = [5, 6, 7]").replace("active = false", ""), '[[change]]\nset = "idle_most"\nto = 6\nwhere = { year = "2019/20" }'),
    "extends_default_over_two_dims": more('[data]\nx = { over = ["space", "year"], unit = "1", default = [1, 2] }'),
    "extends_default_of_a_flag": more('[data]\nx = { unit = "flag", default = 2 }\n[rules.x]\nrule = "x <= 3"'),
    "extends_expression_later": more('[expressions]\nall = { unit = "R", rule = "sum(money, over=year)" }\n' + COUNTED.replace("[expressions]\n", "")),
    "extends_expression_circular": more('[expressions]\na = { unit = "R", rule = "b" }\nb = { unit = "R", rule = "a" }'),
    "extends_expression_as_data": more(COUNTED + '[derived]\nx = { over = "year", unit = "R", rule = "money" }\n[variables]\ny = { unit = "R", over = "year", where = "money > 0", upper = "money" }'),
    "extends_expression_unit": more(COUNTED.replace('"R"', '"household"')),
    "extends_expression_dims": more(COUNTED.replace("[space, pool, service]", "[pool, service]")),
    "extends_expression_not_linear": more(COUNTED + 'squared = { over = "year", unit = "R*R", rule = "money * money" }'),
    "extends_expression_named_like_a_datum": more(COUNTED.replace("money =", "keep =")),
    "extends_expression_misspelt": more(COUNTED + 'more = { over = "year", unit = "R", rule = "mony" }'),
    "extends_waiting_datum_set": more(IDLE, '[[change]]\nset = "idle_most"\nto = 6'),
    "extends_waiting_rule_replaced": more(IDLE, '[[change]]\nreplace = "rules.idle"\nwhy = "A test."\nrule = "keep <= 1"'),
    "extends_expression_added_as_data": more(COUNTED, '[[change]]\nadd = "data.money"\nunit = "R"\nto = 1'),
    "extends_scenario_of_another": more(IDLE, 'model = "modle"\n[[change]]\nactivate = "rules.idle"'),
}  # fmt: skip
SCENARIOS = sorted(file.stem for kind in ("scenario", "no_plan") for file in BROKEN.glob(f"{kind}_*.toml"))
EVERY = (*WORLDS, *BOOKS, *MODELS, *EXTENDING, *SCENARIOS)
IN_A_PROCESS = ("world_not_utf8", "model_hostile_rule", "scenario_conflict")


def set_up(home: Path, case: str) -> None:
    """A good model, scenario and World in a folder, one of them broken."""
    home.mkdir(exist_ok=True)
    shutil.copy(shipped("models") / "grant_consolidation.toml", home / "model.toml")
    (home / "scenario.toml").write_text('name = "As it is"\nwhy = "A test."\n')
    small.world().write(home / (BOOK if case in BOOKS else "world"))
    if case in SCENARIOS:
        shutil.copy(BROKEN / f"{case}.toml", home / "scenario.toml")
    elif case:
        ({**WORLDS, **BOOKS, **MODELS, **EXTENDING})[case](home)


def command(case: str) -> list[str]:
    world = BOOK if case in BOOKS else "world"
    return ["allocate", "run", "model.toml", "-s", "scenario.toml", "-w", world, "-o", "out"]


def run(home: Path, case: str, in_a_process: bool = False) -> tuple[int, str]:
    """The exit code of the command line, and what it says on standard error apart from progress ("solving ...")."""
    if in_a_process:
        code = "from allocate.cli import main; main()"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code, *command(case)[1:]], cwd=home, env=environment, capture_output=True, text=True
        )
        status, said = done.returncode, done.stderr
    else:
        heard = io.StringIO()
        with contextlib.chdir(home), contextlib.redirect_stderr(heard), patch.object(sys, "argv", command(case)):
            try:
                cli.main()
                status = 0
            except SystemExit as end:
                status = int(end.code or 0)
        said = heard.getvalue()
    lines = [line for line in said.splitlines() if not line.endswith(" ...")]
    return status, "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", EVERY)
def test_a_broken_input_gives_exactly_these_words(case: str, tmp_path: Path) -> None:
    """Proves: status 1 (2 where no plan exists), the words of tests/broken and no others, and nothing written.

    Broken: a traceback, a wrong plan, or a letter that does not help.
    """
    home = tmp_path / "home"
    set_up(home, case)
    status, said = run(home, case, case in IN_A_PROCESS)
    assert said == (BROKEN / f"{case}.txt").read_text(encoding="utf-8")
    assert status == (2 if case.startswith("no_plan_") else 1)
    assert "Traceback" not in said and "mistake in allocate" not in said
    assert not (home / "out").exists()


def test_the_unbroken_input_runs(tmp_path: Path) -> None:
    """Proves: what the cases break is whole to begin with, and a folder and a workbook give one plan.

    Broken: they prove nothing.
    """
    home = tmp_path / "home"
    set_up(home, "")
    small.world().write(home / BOOK)
    plans = [solve(home / "model.toml", home / world, home / "scenario.toml") for world in ("world", BOOK)]
    assert [found.plan.grade for found in plans] == ["exact", "exact"]
    assert plans[0].schedule.table().equals(plans[1].schedule.table())
    assert plans[0].world_digest == plans[1].world_digest


def test_every_file_of_words_has_its_case() -> None:
    """Proves: no expected words are left over from a case that is gone. Broken: dead files that nobody checks."""
    assert sorted(file.stem for file in BROKEN.glob("*.txt")) == sorted(EVERY)


if __name__ == "__main__":
    for case in EVERY:
        with tempfile.TemporaryDirectory() as folder:
            set_up(Path(folder) / "home", case)
            (BROKEN / f"{case}.txt").write_text(run(Path(folder) / "home", case)[1], encoding="utf-8")
