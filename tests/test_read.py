"""Every kind of wrong TOML is an InputError with the file, the place and the words."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocate.errors import InputError
from allocate.people.declared import NAME as PEOPLE
from allocate.read import read_model, read_scenario, shipped
from allocate.spec import Set

MODEL = """
name = "Toy"
[dims]
space = "where"
year = "when"
[data]
budget = { over = ["year"], unit = "R" }
[variables]
spend = { over = ["space", "year"], unit = "R", upper = "budget" }
[rules.pool]
over = "year"
rule = "sum(spend, over=space) <= budget"
[[goals]]
name = "all"
max = "sum(spend, over=[space, year])"
[schedule]
amount = "spend"
unallocated = "spend"
"""
SCENARIO = """
name = "What if"
why = "A test."
[[change]]
set = "keep"
to = 0.95
where = { year = 2019 }
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(text: str | bytes, kind: str = "model") -> str:
    """What reading a file of this text says, without the file's name."""
    name = f"{kind}.toml"
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        (read_model if kind == "model" else read_scenario)(name)
    said = str(caught.value)
    assert said.startswith(f"{name}: ")
    return said.removeprefix(f"{name}: ")


def model_words(old: str, new: str) -> str:
    assert old in MODEL
    return words(MODEL.replace(old, new, 1))


def scenario_words(old: str, new: str) -> str:
    assert old in SCENARIO
    return words(SCENARIO.replace(old, new, 1), "scenario")


@pytest.mark.parametrize("change", [str.encode, lambda t: b"\xef\xbb\xbf" + t.encode(), lambda t: t.replace("\n", "\r\n").encode()])  # fmt: skip
def test_a_byte_order_mark_and_windows_lines_are_read(change: object) -> None:
    """Proves: files saved by Notepad or Excel read the same. Broken: a model that only some editors can write."""
    assert callable(change)
    Path("m.toml").write_bytes(change(MODEL))
    model = read_model("m.toml")
    assert (model.name, model.source, model.rules["pool"].over) == ("Toy", "m.toml", ("year",))


def test_labels_may_be_written_as_numbers() -> None:
    """Proves: ``year = 2019`` finds the label '2019'. Broken: quotes decide whether a scenario works."""
    Path("s.toml").write_text(SCENARIO)
    (change,) = read_scenario("s.toml").changes
    assert isinstance(change, Set) and change.where == {"year": "2019"} and change.to == 0.95


WRONG_MODEL = {
    ('name = "Toy"', "name = 3"): "1 problem\n  name: 3 is not text",
    ('name = "Toy"', 'name = "T\\u001b[2J"'): "1 problem\n  name: 'T\\x1b[2J' is not one line of 1 to 200 printable characters",
    ('name = "Toy"', ""): "1 problem\n  name: is missing",
    ('name = "Toy"', 'nmae = "Toy"'): "2 problems\n  name: is missing\n  nmae: is not a key here; known: name, why, extends, dims, data, derived, variables, expressions, rules, goals, ties, schedule; did you mean 'name'?",
    ('name = "Toy"', 'name = "Toy"\nsource = "x"'): "1 problem\n  source: is not a key here; known: name, why, extends, dims, data, derived, variables, expressions, rules, goals, ties, schedule",
    ('unit = "R" }', 'unit = "R", defalt = 1 }'): "1 problem\n  data.budget.defalt: is not a key here; known: over, unit, default, most, named, why; did you mean 'default'?",
    ('unit = "R" }', 'unit = "R", default = nan }'): "1 problem\n  data.budget.default: nan is not finite",
    ('unit = "R" }', 'unit = "R", default = "x" }'): "1 problem\n  data.budget.default: 'x' is not a number",
    ('unit = "R" }', 'unit = "R", default = true }'): "1 problem\n  data.budget.default: True is not a number",
    ('unit = "R" }', 'unit = "R", default = -1 }'): "1 problem\n  data.budget.default: -1 is negative; data are never negative",
    ('unit = "R" }', "unit = 3 }"): "1 problem\n  data.budget.unit: 3 is not text",
    ('["year"], unit', '["yaer"], unit'): "1 problem\n  data.budget: varies over 'yaer', which is not one of [dims]; did you mean 'year'?",
    ('["year"], unit', '["year", "year"], unit'): "1 problem\n  data.budget.over: names a dim twice",
    ('["year"], unit', "3, unit"): "1 problem\n  data.budget.over: 3 is not a dim or a list of dims",
    ("budget = {", "bud-get = {"): "1 problem\n  data.bud-get: 'bud-get' is not a name; use up to 60 letters, digits and _",
    ("budget = {", "lambda = {"): "1 problem\n  data.lambda: 'lambda' is a word of the language; use another name",
    ("budget = {", "sum = {"): "1 problem\n  data.sum: 'sum' is a word of the language; use another name",
    ("budget = {", "space = {"): "1 problem\n  data.space: is already the name of one of [dims]",
    ('budget = { over = ["year"], unit = "R" }', "budget = 3"): "1 problem\n  data.budget: 3 is not a table",
    ('upper = "budget"', "upper = nan"): "1 problem\n  variables.spend.upper: nan is not finite",
    ('upper = "budget"', "lower = true"): "1 problem\n  variables.spend.lower: True is not a number",
    ('[rules.pool]\nover = "year"', '[rules.pool]\nenabled = false\nover = "year"'): "1 problem\n  rules.pool.enabled: is not a key here; known: over, rule, active, policy, instead, why, law, owner, source",
    ("[[goals]]", "[goals]"): "1 problem\n  goals: {'name': 'all', 'max': 'sum(spend, over=[space, year])'} is not a list",
    ('name = "all"', ""): "1 problem\n  goals.1.name: is missing",
    ('max = "sum(spend, over=[space, year])"', ""): "1 problem\n  goals.all: needs one of max, min, leximin",
    ('max = "sum(spend, over=[space, year])"', 'max = "1"\nmin = "1"'): "1 problem\n  goals.all: needs one of max, min, leximin",
    ("[schedule]", '[[goals]]\nname = "all"\nmin = "1"\n[schedule]'): "1 problem\n  goals.all: is the name of two goals",
    ('amount = "spend"', 'amount = "spned"'): "1 problem\n  schedule.amount: 'spned' is not known here; did you mean 'spend'?",
    ("[schedule]", '[ties]\nnearest = { spend = "budgte" }\n[schedule]'): "1 problem\n  ties.nearest.spend: 'budgte' is not known here; did you mean 'budget'?",
    ("[variables]", '[derived]\nd = { unit = "R", rule = "1", round = "sideways" }\n[variables]'): "1 problem\n  derived.d.round: 'sideways' is not 'up', 'down' or 'nearest'",
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), WRONG_MODEL.items(), ids=[new[:30] or f"no {old[:20]}" for old, new in WRONG_MODEL])  # fmt: skip
def test_a_wrong_model_is_refused_in_exact_words(change: tuple[str, str], said: str) -> None:
    """Proves: each mistake is said with its place and the nearest right thing. Broken: pydantic's or Python's words."""
    assert model_words(*change) == said


WRONG_SCENARIO = {
    ("[[change]]", "[change]"): "1 problem\n  change: is one table; write [[change]] with two brackets",
    ('set = "keep"', 'sett = "keep"'): "1 problem\n  change 1: needs exactly one of consolidate, set, scale, use, drop, activate, replace, add, fix; found sett, to, where; did you mean 'set'?",
    ('set = "keep"', 'set = "keep"\nscale = "keep"'): "1 problem\n  change 1: needs exactly one of consolidate, set, scale, use, drop, activate, replace, add, fix; found set, scale, to, where",
    ("to = 0.95", "by = 0.95"): "2 problems\n  change 1.to: is missing\n  change 1.by: is not a key here; known: set, to, where",
    ("to = 0.95", "to = 1e999"): "1 problem\n  change 1.to: inf is not finite",
    ("to = 0.95", "to = 1e16"): "1 problem\n  change 1.to: 1e+16 is too large; no figure is beyond 1e+15",
    ("to = 0.95", f"to = {'9' * 4000}"): f"1 problem\n  change 1.to: {'9' * 57}... is too large; no figure is beyond 1e+15",
    ("to = 0.95", "to = nan"): "1 problem\n  change 1.to: nan is not finite",
    ("to = 0.95", "to = -0.5"): "1 problem\n  change 1.to: -0.5 is negative; data are never negative",
    ("to = 0.95", "to = true"): "1 problem\n  change 1.to: True is not a number",
    ("to = 0.95", "to = [1]"): "1 problem\n  change 1.to: [1] is not a number",
    ("to = 0.95", 'to = "0.95"'): "1 problem\n  change 1.to: '0.95' is not a name; use up to 60 letters, digits and _",
    ('set = "keep"\nto = 0.95', 'scale = "keep"\nby = -1'): "1 problem\n  change 1.by: -1 is negative; data are never negative",
    ('set = "keep"\nto = 0.95\nwhere = { year = 2019 }', 'drop = "guarantee"'): "1 problem\n  change 1.drop: 'guarantee' is not a rule; write rules.NAME or goals.NAME",
    ('set = "keep"\nto = 0.95\nwhere = { year = 2019 }', 'drop = "rules.a b"'): "1 problem\n  change 1.drop: 'a b' is not a name; use up to 60 letters, digits and _",
    ('set = "keep"\nto = 0.95\nwhere = { year = 2019 }', 'consolidate = "A"\ninto = "B"'): "1 problem\n  change 1.consolidate: 'A' is not a list",
    ('set = "keep"\nto = 0.95\nwhere = { year = 2019 }', 'consolidate = ["A"]\ninto = "B"'): "1 problem\n  change 1.consolidate: lists 1; needs at least 2",
    ('set = "keep"\nto = 0.95\nwhere = { year = 2019 }', 'consolidate = ["A", "B"]\ninto = ""'): "1 problem\n  change 1.into: '' is not one line of 1 to 80 printable characters",
    ('set = "keep"\nto = 0.95\nwhere = { year = 2019 }', 'consolidate = ["A", "B"]\ninto = "C"\nwiden = "yes"'): "1 problem\n  change 1.widen: 'yes' is not true or false",
    ("where = { year = 2019 }", "where = { year = 2019.5 }"): "1 problem\n  change 1.where.year: 2019.5 is not text",
    ("where = { year = 2019 }", "where = { year = true }"): "1 problem\n  change 1.where.year: True is not text",
    ("where = { year = 2019 }", 'where = "2019"'): "1 problem\n  change 1.where: '2019' is not a table",
    ('why = "A test."', ""): "1 problem\n  why: is missing",
    ('why = "A test."', 'why = "A test."\nchanges = []'): "1 problem\n  changes: is not a key here; known: name, why, model, extends, change, spread, risk, grid, range, sample; did you mean 'change'?",
    ('why = "A test."', 'why = "A test."\nmodle = "x"'): "1 problem\n  modle: is not a key here; known: name, why, model, extends, change, spread, risk, grid, range, sample; did you mean 'model'?",
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), WRONG_SCENARIO.items(), ids=[new[-30:] or f"no {old[:20]}" for old, new in WRONG_SCENARIO])  # fmt: skip
def test_a_wrong_scenario_is_refused_in_exact_words(change: tuple[str, str], said: str) -> None:
    """Proves: each mistake is said with its place and the nearest right thing; nothing given is silently dropped."""
    assert scenario_words(*change) == said


WRONG_FILE = {
    b"": "7 problems\n  name: is missing",
    b"\xff\xfen\0a\0": "1 problem\n  byte 0: is not UTF-8 text",
    b"\x89PNG\r\n\x1a\n": "1 problem\n  byte 0: is not UTF-8 text",
    b"a = 1\na = 2": "1 problem\n  is not TOML: ",
    b"name =": "1 problem\n  is not TOML: ",
    b"a = " + b"[" * 100_000: "1 problem\n  is not TOML: nested too deep, or a number too long",
    b"a = " + b"9" * 5000: "1 problem\n  is not TOML: nested too deep, or a number too long",
    b"#" * 1_000_001: "1 problem\n  is 1,000,001 bytes; a model or scenario has at most 1,000,000",
}


@pytest.mark.parametrize(("text", "said"), WRONG_FILE.items(), ids=[repr(text[:12]) for text in WRONG_FILE])
def test_a_file_that_is_no_model_is_refused_in_exact_words(text: bytes, said: str) -> None:
    """Proves: empty, binary, twice defined, endless and huge files are refused at once. Broken: a traceback."""
    assert words(text).startswith(said)


def test_many_problems_are_counted_not_listed() -> None:
    """Proves: a thousand wrong keys give twenty lines and a count. Broken: the letter scrolls off the screen."""
    lines = words("".join(f"key{n} = 1\n" for n in range(1000)) + MODEL).splitlines()
    assert lines[0] == "21 problems"
    assert len(lines) == 22
    assert lines[-1] == "  and 980 more"


def test_keys_are_shown_safely() -> None:
    """Proves: an escape sequence in a key never reaches the terminal. Broken: a file can repaint the screen."""
    assert "\x1b" not in words('"\\u001b[2J" = 1\n' + MODEL)


def test_what_is_no_file_is_said_with_what_there_is(here: Path) -> None:
    """Proves: a folder, a missing file and names that no file can have are InputErrors. Broken: OSError."""
    offer = f"shipped models: {', '.join(sorted(file.stem for file in shipped('models').glob('*.toml')))}"
    for name, said in {
        ".": "is a folder, not a file",
        "grant_consolidaton": "there is no such file",
        "x" * 5000: "there is no such file",
        "a\0b": "there is no such file",
        "": "there is no such file",
    }.items():
        with pytest.raises(InputError) as caught:
            read_model(name)
        near = "; did you mean 'grant_consolidation'?" if "consol" in name else ""
        assert str(caught.value).endswith(f": 1 problem\n  {said}; {offer}{near}")
        assert len(str(caught.value)) < 400


def test_everything_shipped_can_be_read_by_name() -> None:
    """Proves: every shipped file is valid, and is written for a shipped model, or for projections of people. Broken: a
    wheel ships a dead scenario."""
    models = {file.stem for file in shipped("models").glob("*.toml")}
    for name in models:
        read_model(name)
    for file in shipped("scenarios").glob("*.toml"):
        assert read_scenario(file.stem).model in {*models, PEOPLE}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_an_input_error_or_none(data: st.DataObject) -> None:
    """Proves: bytes cut out of or put into a file never cause anything but an InputError. Broken: a traceback."""
    text = bytearray((MODEL + SCENARIO).encode() if data.draw(st.booleans()) else MODEL.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 6))] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"[", b"=1\n", b"{"])
        )
    Path("m.toml").write_bytes(bytes(text))
    for read in (read_model, read_scenario):
        try:
            read("m.toml")
        except InputError as error:
            assert str(error).isprintable() or "\n" in str(error)


def test_the_toy_files_are_toml() -> None:
    """Proves: what these tests damage is whole to begin with. Broken: they prove nothing."""
    assert tomllib.loads(MODEL) and tomllib.loads(SCENARIO)
