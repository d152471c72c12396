"""A model that extends others: what it has, which rule counts where two speak, in which order goals come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import small
from allocate.builder import build
from allocate.changes import Case, apply
from allocate.errors import InputError
from allocate.plan import solve
from allocate.read import read_model, read_scenario
from allocate.spec import SECTIONS, DataSpec, DimSpec, GoalSpec, Model, RuleSpec, keys

TOY = """
[dims]
space = "where"
year = "when"
[data]
budget = { over = "year", unit = "R" }
floor = { over = "space", unit = "R" }
[variables]
spend = { over = ["space", "year"], unit = "R" }
[rules.pool]
over = "year"
rule = "sum(spend, over=space) <= budget"
why = "The pool."
[[goals]]
name = "all"
max = "sum(spend, over=[space, year])"
[ties]
nearest = { spend = "spread" }
[derived]
spread = { over = ["space", "year"], unit = "R", rule = "floor + 0 * budget" }
[schedule]
amount = "spend"
unallocated = "spend"
"""
HALF = '[rules.pool]\ninstead = true\nover = "year"\nrule = "sum(spend, over=space) <= 0.5 * budget"\n'
TENTH = HALF.replace("0.5", "0.1")
PLAIN = HALF.replace("instead = true\n", "")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path, toy=TOY)
    return tmp_path


def write(home: Path, **texts: str) -> None:
    for name, text in texts.items():
        (home / f"{name}.toml").write_text(f'name = "{name}"\n{text}', encoding="utf-8")


def goal(name: str, before: str) -> str:
    return f'[[goals]]\nname = "{name}"\nbefore = "{before}"\nmin = "sum(spend, over=[space, year])"\n'


def refusal(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_model(path)
    return [f"{problem.place}: {problem.words}" for problem in caught.value.problems]


def plan_of(model: Model) -> list[float]:
    return solve(build(Case(model, small.toy()))).values["spend"].sum("space").values.round(6).tolist()


def test_what_extends_another_has_all_that_it_has(home: Path) -> None:
    """Proves: a model from a file beside it and one rule is the same program as all of it written in one file.

    Broken: a rule, a datum or the tie-break of the base would be lost, and another plan published.
    """
    write(home, more='extends = "toy"\n[rules.least]\nover = ["space", "year"]\nrule = "spend >= floor"\n')
    least = '[rules.least]\nover = ["space", "year"]\nrule = "spend >= floor"\n'
    write(home, whole=TOY.replace("[[goals]]", f"{least}[[goals]]"))
    more, whole = (read_model(home / f"{name}.toml") for name in ("more", "whole"))
    assert more.bases == ("toy.toml",) and whole.bases == ()
    texts = [build(Case(model, small.toy())).to_lp().replace("more", "whole") for model in (more, whole)]
    assert texts[0] == texts[1] and plan_of(more) == [100, 200]


def test_a_base_that_two_extend_is_read_once_and_its_rule_may_be_said_anew_by_one(home: Path) -> None:
    """Proves: of a diamond, what one arm says anew stands instead of what the other arm still has, in either order.

    Broken: the pool would be the old one, whichever arm came last; or its rule would be a conflict with itself.
    """
    write(home, half=f'extends = "toy"\n{HALF}', other='extends = "toy"\n[data]\nline = { unit = "R" }\n')
    for order in ('["half", "other"]', '["other", "half"]'):
        write(home, both=f"extends = {order}\n")
        model = read_model(home / "both.toml")
        assert sorted(model.bases) == ["half.toml", "other.toml", "toy.toml"]
        assert list(model.rules) == ["pool"] and plan_of(model) == [50, 100]


def test_a_rule_can_be_said_anew_again(home: Path) -> None:
    """Proves: what stands instead of a rule can itself be said anew, also where two bases disagree about it.

    Broken: nobody could go on from a model that changed a rule; 10% of the pool is 10 and 20.
    """
    write(home, half=f'extends = "toy"\n{HALF}', third=f'extends = "toy"\n{HALF.replace("0.5", "0.3")}')
    write(home, tenth=f'extends = "half"\n{TENTH}', settled=f'extends = ["half", "third"]\n{TENTH}')
    assert plan_of(read_model(home / "tenth.toml")) == plan_of(read_model(home / "settled.toml")) == [10, 20]
    write(home, all='extends = ["third", "settled", "toy", "half"]\n')
    assert plan_of(read_model(home / "all.toml")) == [10, 20]


def test_a_rule_is_never_passed_over_in_silence(home: Path) -> None:
    """Proves: a rule that a base said anew cannot be said otherwise by accident, and two that differ are both named.

    Broken: a model's own rule would be ignored, and the plan of another model published under its name.
    """
    offer = "; to say a rule anew, write instead = true"
    write(home, half=f'extends = "toy"\n{HALF}', tenth=f'extends = "toy"\n{TENTH}')
    write(home, mine=f'extends = "half"\n{PLAIN.replace("0.5", "0.2")}')
    assert refusal(home / "mine.toml") == [f"rules.pool: half.toml and mine.toml say different things of it{offer}"]
    write(home, both='extends = ["half", "tenth"]\n')
    assert refusal(home / "both.toml") == [f"rules.pool: half.toml and tenth.toml say different things of it{offer}"]
    write(home, stranger=TOY.replace("<= budget", "<= 0.7 * budget"), mixed='extends = ["half", "stranger"]\n')
    assert refusal(home / "mixed.toml") == [
        f"rules.pool: half.toml and stranger.toml say different things of it{offer}"
    ]


@pytest.mark.parametrize("name", ["data", "rules", "nearest", "goals"])
def test_a_rule_may_be_called_like_a_section(home: Path, name: str) -> None:
    """Proves: sections are joined by where they stand, not by what they are called. Broken: two rules are mixed."""
    write(home, base=TOY.replace("rules.pool", f"rules.{name}"))
    write(home, it='extends = "base"\n' + HALF.replace("rules.pool", f"rules.{name}"))
    assert plan_of(read_model(home / "it.toml")) == [50, 100]


def test_goals_come_before_those_that_they_name(home: Path) -> None:
    """Proves: in whatever order they are written, in one file or several, also before one that itself comes before.

    Broken: goals are reached in another order, which is another plan; or a model that can be read cannot be extended.
    """
    write(home, one='extends = "toy"\n' + goal("second", "all") + goal("first", "second"))
    write(home, two='extends = "toy"\n' + goal("first", "second") + goal("second", "all"))
    write(home, deep='extends = "one"\n', base='extends = "toy"\n' + goal("second", "all"))
    write(home, split='extends = "base"\n' + goal("first", "second"))
    for name in ("one", "two", "deep", "split"):
        assert [g.name for g in read_model(home / f"{name}.toml").goals] == ["first", "second", "all"], name
    write(home, third='extends = "toy"\n' + goal("third", "all"), arms='extends = ["one", "third"]\n')
    assert [g.name for g in read_model(home / "arms.toml").goals] == ["first", "second", "third", "all"]


def test_goals_that_come_before_none_or_round_in_a_circle_are_named(home: Path) -> None:
    """Proves: an unknown goal is told with the nearest name, alone, and a circle as what it is. Broken: a goal is lost."""
    write(home, it='extends = "toy"\n' + goal("second", "al") + goal("first", "second"))
    assert refusal(home / "it.toml") == ["goals.second: comes before 'al', which is no goal; did you mean 'all'?"]
    write(home, it='extends = "toy"\n' + goal("second", "first") + goal("first", "second"))
    assert refusal(home / "it.toml") == [
        "goals.second: comes before 'first', which in the end comes before it",
        "goals.first: comes before 'second', which in the end comes before it",
    ]


SAID = {
    'extends = "tyo"\n[rules.pool]\ninstead = true\nrule = "1 <= 2"': [
        "extends: there is no model 'tyo'; did you mean 'toy'?"
    ],
    'extends = "it"': ["extends: goes round in a circle: it -> it"],
    'extends = "round"': ["extends: goes round in a circle: it -> round -> it"],
    'extends = ["toy", "toy"]': ["extends: names a file twice"],
    "extends = 3": ["extends: 3 is not a name or a list of names"],
    'extends = "toy"\n[rules.poool]\ninstead = true\nrule = "1 <= 2"': [
        "rules.poool: stands instead of a rule that no extended model has; did you mean 'pool'?"
    ],
    'extends = "toy"\n[data]\nfloor = { unit = "R" }': ["data.floor: toy.toml and it.toml say different things of it"],
    'extends = "toy"\n[schedule]\namount = "sepnd"': [
        "schedule.amount: toy.toml and it.toml say different things of it"
    ],
    'extends = "toy"\n[ties]\nnearest = { spend = "floor" }': [
        "ties.nearest.spend: toy.toml and it.toml say different things of it"
    ],
    'extends = "toy"\nrules = 3': ["rules: 3 is not a table"],
    'extends = "toy"\n[goals]\nname = "all"': ["goals: {'name': 'all'} is not a list"],
    'extends = "toy"\n[[goals]]\nname = "all"\nmin = "1"': ["goals.all: is the name of two goals"],
    'extends = "toy"\n[dims]\nside = { labels = ["a", "b", "a"] }': ["dims.side: 'a' is listed twice"],
    'extends = "toy"\n[dims]\nside = { labels = ["a"], copy_of = "space" }': [
        "dims.side: needs one of copy_of and labels"
    ],
    'extends = "toy"\n[dims]\nside = { why = "Neither." }': ["dims.side: needs one of copy_of and labels"],
    'extends = "toy"\n[data]\nx = { over = ["space", "year"], unit = "1", default = [1, 2, 3, 4] }': [
        "data.x: its default is a list, so it varies over one dim, not over space, year"
    ],
    'extends = "toy"\n[data]\nx = { unit = "1", default = [1] }': [
        "data.x: its default is a list, so it varies over one dim, not over nothing"
    ],
    'extends = "toy"\n[expressions]\nfloor = { unit = "R", rule = "1" }': [
        "expressions.floor: is already the name of one of [data]"
    ],
    'extends = "toy"\n[dims]\n"\u0445" = "a look-alike"': [
        "dims.\u0445: '\u0445' is not a name; use up to 60 letters, digits and _"
    ],
}


@pytest.mark.parametrize("text", SAID)
def test_what_cannot_be_extended_so_is_refused_in_exact_words(home: Path, text: str) -> None:
    """Proves: each mistake is told once, at its place, with the nearest right thing. Broken: a letter about another."""
    write(home, it=text, round='extends = "it"')
    assert refusal(home / "it.toml") == SAID[text]


@pytest.mark.parametrize("name", ["../toy", "/etc/passwd", "a/b", "toy.toml", ".", "..", "", "a\\u0000b", "t\u043ey", "x" * 61])  # fmt: skip
def test_only_names_of_files_are_extended(home: Path, name: str) -> None:
    """Proves: a path, an ending or a look-alike is no name. Broken: a model reads a stranger's file."""
    write(home, it=f'extends = "{name}"\n')
    (said,) = refusal(home / "it.toml")
    assert said.endswith("is not a name to extend; write the name of its file without .toml")


def test_links_and_folders_are_seen_through(home: Path) -> None:
    """Proves: a circle by way of a link is a circle, and what is no file is not there. Broken: an endless read."""
    write(home, one='extends = "link"\n', two='extends = "folder"\n', three='extends = "itself"\n')
    (home / "link.toml").symlink_to("one.toml")
    (home / "itself.toml").symlink_to("itself.toml")
    (home / "folder.toml").mkdir()
    assert refusal(home / "one.toml") == ["extends: goes round in a circle: one -> link"]
    assert refusal(home / "two.toml") == ["extends: there is no model 'folder'"]
    assert refusal(home / "three.toml") == ["extends: there is no model 'itself'"]


def test_long_rows_and_wide_meshes_of_files_end(home: Path) -> None:
    """Proves: 100 files in a row are read and 500 refused in words; 40 diamonds on end cost 80 readings, not 2**40.

    Broken: a traceback of Python's, or a read that never ends.
    """
    for n in range(500):
        write(home, **{f"c{n}": f'extends = "c{n + 1}"\n'})
    write(home, c500='extends = "toy"\n')
    assert read_model(home / "c402.toml").bases[0] == "toy.toml"
    assert refusal(home / "c0.toml") == ["extends: goes on for more than 100 files"]
    for n in range(40):
        write(home, **{f"{arm}{n}": f'extends = ["left{n + 1}", "right{n + 1}"]\n' for arm in ("left", "right")})
    write(home, left40='extends = "toy"\n', right40='extends = "toy"\n')
    assert len(read_model(home / "left0.toml").bases) == 81


def test_a_row_of_scenarios_ends_too(home: Path) -> None:
    """Proves: 500 scenarios in a row are refused in words. Broken: a traceback of Python's."""
    for n in range(500):
        write(home, **{f"c{n}": f'why = "A test."\nextends = "c{n + 1}"\n'})
    with pytest.raises(InputError, match="extends: goes on for more than 100 files"):
        read_scenario(home / "c0.toml")


def test_a_scenario_for_a_base_fits_what_extends_it_and_not_the_reverse(home: Path) -> None:
    """Proves: what is written for a model holds for all that extend it; what is written for one of these needs it, and
    is told so. Broken: a scenario of rules that a model lacks would fail word by word, or a good one be refused.
    """
    write(
        home, more='extends = "toy"\n[rules.least]\nactive = false\nover = ["space", "year"]\nrule = "spend >= floor"\n'
    )
    write(home, for_toy='why = "A test."\nmodel = "toy"\n[[change]]\nset = "budget"\nto = 40\nwhere = { year = 1 }\n')
    write(home, for_more='why = "A test."\nmodel = "more"\n[[change]]\nactivate = "rules.least"\n')
    toy, more = (read_model(home / f"{name}.toml") for name in ("toy", "more"))
    for_toy, for_more = (read_scenario(home / f"{name}.toml") for name in ("for_toy", "for_more"))
    made = apply(more, small.toy(), [for_toy, for_more])
    assert solve(build(made)).values["spend"].sum("space").values.tolist() == [40, 200]
    with pytest.raises(InputError) as caught:
        apply(toy, small.toy(), [for_more])
    assert caught.value.problems[0].words == "is written for 'more', not for 'toy.toml'"


LEAVES = st.one_of(
    st.none().map(lambda _: 0),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(["space", "year", "spend", "spend + floor", "sum(spend, over=space)", "R", "all", "toy", "inf"]),
)
KEYS = st.one_of(
    st.sampled_from(
        [*SECTIONS, *keys(DimSpec), *keys(DataSpec), *keys(RuleSpec), *keys(GoalSpec), "nearest", "pool", "all"]
    ),
    st.text(max_size=4),
)
TABLES = st.recursive(LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(KEYS, t, max_size=3), max_leaves=12)
GOALS = st.lists(st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"before": st.sampled_from("abcd"), "max": st.just("floor")}))  # fmt: skip


def toml(value: object) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(str(key), ensure_ascii=False)} = {toml(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return (
        json.dumps(value, ensure_ascii=False)
        .replace("Infinity", "inf")
        .replace("NaN", "nan")
        .replace("\x7f", "\\u007f")
    )


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from(list(SECTIONS)), TABLES | GOALS, max_size=3),
    st.sampled_from(["toy", "half", ["toy", "half"], ["half", "it"], 3, [], ["toy", "toy"]]),
)  # fmt: skip
def test_any_tables_that_extend_others_are_read_or_refused(
    home: Path, tables: dict[str, object], bases: object
) -> None:
    """Proves: whatever stands where, in a model that extends others, there is a model, which itself can be extended to
    the same program, or an InputError that can be printed.

    Broken: a traceback of pydantic's, tomllib's or ours.
    """
    write(home, half=f'extends = "toy"\n{HALF}', wider='extends = "it"')
    text = "".join(f"{key} = {toml(value)}\n" for key, value in {"extends": bases, **tables}.items())
    write(home, it=text)
    try:
        model = read_model(home / "it.toml")
    except InputError as error:
        assert str(error).isprintable() or all(line.isprintable() for line in str(error).split("\n"))
        return
    wider = read_model(home / "wider.toml")
    told = {"name", "extends", "bases", "source"}
    assert wider.model_dump(exclude=told) == model.model_dump(exclude=told)


def test_long_lists_are_read_or_refused_in_words(home: Path) -> None:
    """Proves: 10,000 labels, some in other scripts, and a default for each are counted (0 + 1 + ... + 9,999); a list of
    400,000 for two labels and a file of a million are refused. Broken: numpy's words, or a machine without memory.
    """
    labels = json.dumps(["\u0905\u0930\u094d\u0925", "\u043e", *map(str, range(2, 10_000))], ensure_ascii=False)
    dims = f"[dims]\nside = {{ labels = {labels} }}\n"
    data = f'[data]\nsize = {{ over = "side", unit = "R", default = {list(range(10_000))} }}\n'
    expressions = (
        '[expressions]\nall = { unit = "R", rule = "sum(size, over=side) + 0 * sum(spend, over=[space, year])" }\n'
    )
    write(home, it=f'extends = "toy"\n{dims}{data}{expressions}')
    plan = solve(build(Case(read_model(home / "it.toml"), small.toy())))
    assert float(plan.expressions["all"]) == 9_999 * 10_000 / 2
    for count in (400_000, 1_000_000):
        write(home, it=f'extends = "toy"\n[data]\nx = {{ over = "space", unit = "R", default = [{"1," * count}] }}\n')
        with pytest.raises(
            InputError, match=r"lists 400000, but there are 2 over space|a model or scenario has at most"
        ):
            build(Case(read_model(home / "it.toml"), small.toy()))
