"""The first reading: rows as the slow twin has them, and as algebra says they must be."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import small
import twins
from allocate.builder import build
from allocate.changes import Case
from allocate.errors import InputError, NoPlanError
from allocate.program import Program
from allocate.regions import Registry
from allocate.rules.rows import Array, combine
from allocate.rules.tree import RuleError, read_rule
from allocate.spec import Model
from allocate.world import World

DATA = {"d1": ("space",), "d2": ("space", "year"), "d3": (), "d4": ("year", "grant"), "p1": ("space",), "p2": ("year",)}
VARIABLES = {"v1": ("space", "year"), "v2": ("grant", "space", "year"), "v3": ("space",), "v4": ()}
MASKED = {"v1": "d2 > 0", "v2": "d1 > 1 or d4 > 0"}
ALL = ("space", "grant", "year")
DIMS = {**dict.fromkeys(ALL, ""), "other": {"copy_of": "space"}}
HALVES = {"s0": "east", "s1": "west", "s2": "east"}

type Text = tuple[str, frozenset[str]]


def _names(among: dict[str, tuple[str, ...]]) -> st.SearchStrategy[Text]:
    return st.sampled_from([(name, frozenset(dims)) for name, dims in among.items()])


@st.composite
def data_text(draw: st.DrawFn, depth: int = 2) -> Text:
    """An expression of data, and the dims it varies over."""
    kind = draw(
        st.sampled_from(["name", "number", "+", "*", "/", "sum", "last", "so_far"] if depth else ["name", "number"])
    )
    if kind == "name":
        return draw(_names(DATA))
    if kind == "number":
        return draw(st.sampled_from(["0", "1", "3", "0.5"])), frozenset()
    inner, dims = draw(data_text(depth=depth - 1))
    if kind == "sum" and dims:
        return _total(draw, inner, dims)
    if kind in ("last", "so_far") and "year" in dims:
        return f"{kind}({inner})", dims - {"year"} if kind == "last" else dims
    if kind == "/":
        name, others = draw(_names({"p1": DATA["p1"], "p2": DATA["p2"]}))
        return f"({inner}) / {name}", dims | others
    other, others = draw(data_text(depth=depth - 1))
    return f"({inner}) {kind if kind in '+*' else '-'} ({other})", dims | others


def _total(draw: st.DrawFn, inner: str, dims: frozenset[str]) -> Text:
    over = draw(st.lists(st.sampled_from(sorted(dims)), min_size=1, unique=True))
    return f"sum({inner}, over=[{', '.join(over)}])", dims - set(over)


def _moved(draw: st.DrawFn, kind: str, inner: str, dims: frozenset[str]) -> Text | None:
    """The same expression grouped, at the other space, or at one label; None where it cannot be."""
    if kind == "by" and "half" not in dims and (spaces := sorted({"space", "other"} & dims)):
        over = [
            draw(st.sampled_from(spaces)),
            *draw(st.sets(st.sampled_from(sorted(dims - set(spaces)))) if dims - set(spaces) else st.just([])),
        ]
        return f"sum({inner}, over=[{', '.join(over)}], by=half)", dims - set(over) | {"half"}
    if kind == "at" and len({"space", "other"} & dims) == 1:
        old, new = ("space", "other") if "space" in dims else ("other", "space")
        return f"at({inner}, {old}={new})", dims - {old} | {new}
    never = {"half", "year"} if "previous(" in inner else {"half"}  # nothing came before the first year
    if kind == "pick" and (known := sorted(dims - never)):
        dim = draw(st.sampled_from(known))
        return f"at({inner}, {dim}='{'s' if dim == 'other' else dim[0]}0')", dims - {dim}
    return None


@st.composite
def text(draw: st.DrawFn, depth: int = 3, whole: bool = False) -> Text:
    """An expression with variables; ``whole`` ones have a value in every year."""
    if not depth:
        return draw(_names(VARIABLES))
    kinds = [
        "name",
        "-",
        "+",
        "data*",
        "*data",
        "/",
        "sum",
        "by",
        "at",
        "pick",
        "previous",
        "first",
        "so_far",
        "last",
        "+data",
    ]
    kind = draw(st.sampled_from(kinds))
    if kind == "name":
        return draw(_names(VARIABLES))
    inner, dims = draw(text(depth=depth - 1, whole=whole or kind in ("sum", "by", "so_far")))
    if kind == "sum" and dims:
        return _total(draw, inner, dims)
    if moved := _moved(draw, kind, inner, dims):
        return moved
    if kind in ("so_far", "last") and "year" in dims:
        return f"{kind}({inner})", dims - {"year"} if kind == "last" else dims
    if kind == "previous" and "year" in dims and not whole:
        return f"previous({inner})", dims
    if kind in ("previous", "first") and "year" in dims:
        opening, others = draw(text(depth=0) | data_text(depth=1))
        if "year" not in others:
            return f"previous({inner}, first={opening})", dims | others
    if kind == "/":
        name, others = draw(_names({"p1": DATA["p1"], "p2": DATA["p2"]}))
        return f"({inner}) / {name}", dims | others
    if kind in ("data*", "*data", "+data"):
        other, others = draw(data_text(depth=1))
        pair = {"data*": f"({other}) * ({inner})", "*data": f"({inner}) * ({other})", "+data": f"({inner}) + ({other})"}
        return pair[kind], dims | others
    if kind == "-":
        return f"-({inner})", dims
    other, others = draw(text(depth=depth - 1, whole=whole))
    return f"({inner}) {draw(st.sampled_from('+-'))} ({other})", dims | others


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, tuple[str, ...]]:
    """A rule and what it is over."""
    left, dims = draw(text())
    right, others = draw(text(depth=1) | data_text(depth=1))
    sign = draw(st.sampled_from(["<=", ">=", "=="]))
    rule = f"{left} {sign} {right}"
    if draw(st.booleans()):
        ends, others = draw(data_text(depth=1))
        low, high = f"({ends}) - 64", f"({ends}) + 64"
        rule = f"{low} <= {left} <= {high}" if sign == "<=" else f"{high} >= {left} >= {low}"
    over = draw(st.permutations([*ALL, "other", "half"]))
    wanted = {*(dims | others), *draw(st.sets(st.sampled_from(ALL)))}
    return rule, tuple(d for d in over if d in wanted)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """One to three labels a dim; numbers whose sums, products and quotients are exact."""
    labels = {d: [f"{d[0]}{n}" for n in range(draw(st.integers(1, 3)))] for d in ALL}
    tables = []
    for name, dims in DATA.items():
        numbers = st.sampled_from([0.5, 1.0, 2.0, 4.0] if name[0] == "p" else [0.0, 0.0, 1.0, 2.0, 3.0, 0.25])
        cells = iter(draw(st.lists(numbers, min_size=27, max_size=27)))
        tables.append(small.table(name, "1", dims, lambda *_, cells=cells: next(cells), labels))
    spaces = Registry(
        ("code", "name", "half"), tuple((code, f"Place {code}", HALVES[code]) for code in labels["space"])
    )
    return World.build("random", tables, labels, spaces)


def model_of(rule: str, over: tuple[str, ...]) -> Model:
    return Model.model_validate(
        {
            "name": "Random",
            "dims": DIMS,
            "data": {name: {"over": dims, "unit": "1"} for name, dims in DATA.items()},
            "variables": {
                name: {"over": dims, "unit": "1"} | ({"where": MASKED[name]} if name in MASKED else {})
                for name, dims in VARIABLES.items()
            },
            "rules": {"it": {"over": over, "rule": rule}},
            "goals": [{"name": "all", "min": "v4"}],
            "schedule": {"amount": "v1", "unallocated": "v4"},
        }
    )


def twin_of(world: World) -> twins.RuleTwin:
    labels = {d: world.labels(d) for d in ALL}

    def cells(dims: tuple[str, ...]) -> Any:
        return itertools.product(*(labels[d] for d in dims))

    data = {
        (name, cell): float(world.data[name].sel(dict(zip(dims, cell, strict=True))).item())
        for name, dims in DATA.items()
        for cell in cells(dims)
    }

    def there(name: str, cell: tuple[str, ...]) -> bool:
        at = dict(zip(VARIABLES[name], cell, strict=True))
        if name == "v1":
            return data["d2", (at["space"], at["year"])] > 0
        return name != "v2" or data["d1", (at["space"],)] > 1 or data["d4", (at["year"], at["grant"])] > 0

    columns = {(name, cell) for name, dims in VARIABLES.items() for cell in cells(dims) if there(name, cell)}
    labels |= {"other": labels["space"], "half": tuple(dict.fromkeys(HALVES[space] for space in labels["space"]))}
    return twins.RuleTwin(labels, {**DATA, **VARIABLES}, data, columns, set(VARIABLES), {"half": HALVES})


def rows_of(program: Program, name: str = "it") -> dict[tuple[str, ...], tuple[dict[twins.Key, float], float, float]]:
    """The rows of a rule as dicts, by their labels."""
    world, linear = program.case.world, program.linear
    keys: dict[int, twins.Key] = {}
    for block in program.columns.values():
        for cell in np.argwhere(block.number >= 0):
            labels = tuple(world.labels(d)[k] for d, k in zip(block.dims, cell, strict=True))
            keys[int(block.number[tuple(cell)])] = (block.name, labels)
    dense, rows = linear.matrix.toarray(), {}
    block = program.rows[name]
    for cell in np.argwhere(block.number >= 0):
        n = int(block.number[tuple(cell)])
        labels = tuple(world.labels(d)[k] for d, k in zip(block.dims, cell, strict=True))
        coefs = {keys[j]: float(dense[n, j]) for j in np.flatnonzero(dense[n])}
        rows[labels] = (coefs, float(linear.row_lower[n]), float(linear.row_upper[n]))
    return rows


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules(), worlds())
def test_rows_are_those_of_the_slow_twin(rule: tuple[str, tuple[str, ...]], world: World) -> None:
    """Proves: every coefficient, limit and kept row of a random rule equals the one expanded cell by cell.

    Broken: a plan would obey other mathematics than the text says.
    """
    expected = twin_of(world).rows(read_rule(rule[0]), rule[1])
    try:
        program = build(Case(model_of(*rule), world))
    except NoPlanError as error:
        assert "nothing can be chosen in" in str(error)
        assert any(not coefs and not low <= 0 <= high for coefs, low, high in expected.values())
        return
    found = rows_of(program)
    assert all(low <= 0 <= high for coefs, low, high in expected.values() if not coefs)
    assert found == {place: row for place, row in expected.items() if row[0]}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules(), worlds(), st.randoms(use_true_random=False))
def test_permuting_labels_permutes_rows(rule: tuple[str, tuple[str, ...]], world: World, luck: Any) -> None:
    """Proves: the order of spaces and grants (not of years) in a World does not change any row. Broken: it does."""
    order = {d: luck.sample(world.labels(d), len(world.labels(d))) for d in ("space", "grant")}
    turned = World("turned", world.data.sel(order), world.regions)
    try:
        before = rows_of(build(Case(model_of(*rule), world)))
    except NoPlanError:
        with pytest.raises(NoPlanError):
            build(Case(model_of(*rule), turned))
        return
    assert rows_of(build(Case(model_of(*rule), turned))) == before


@settings(max_examples=40, deadline=None)
@given(worlds(), st.sampled_from([0.5, 2.0, 8.0]))
def test_scaling_data_scales_coefficients_and_limits(world: World, factor: float) -> None:
    """Proves: what multiplies a variable scales its coefficient, what stands alone the limit. Broken: units drift."""
    rule = "sum(d2 * v2, over=grant) + v1 <= d2"
    scaled = world.with_data("d2", world.data["d2"] * factor)
    scaled.data["d2"].attrs = world.data["d2"].attrs
    before, after = (rows_of(build(Case(model_of(rule, ("space", "year")), w))) for w in (world, scaled))
    assert before.keys() == after.keys()
    for place, (coefs, _, high) in before.items():
        grown, _, limit = after[place]
        assert limit == factor * high
        assert grown == {key: value * (factor if key[0] == "v2" else 1) for key, value in coefs.items()}


def refusal(rule: str, **parts: Any) -> str:
    with pytest.raises(InputError) as caught:
        small.program(rule, **parts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("spend * spend <= 0", "'spend * spend' is not linear: it multiplies two variables"),
        ("spend / reached <= 0", "'spend / reached' is not linear: it divides by a variable"),
        ("spend * (1 / reached) <= 0", "'1 / reached' is not linear: it divides by a variable"),
        ("spend <= floor * budget / (floor - floor)", "'floor * budget / (floor - floor)' divides by zero"),
        ("sum(previous(spend), over=year) <= 0", "'sum(previous(spend), over=year)' has no value in the first year; give previous(expression, first=expression)"),
        ("so_far(previous(spend)) <= 0", "'so_far(previous(spend))' has no value in the first year; give previous(expression, first=expression)"),
        ("floor <= spend <= spend", "'spend' has a variable in it; only data may stand here"),
        ("floor <= spend <= floor - budget", "'floor <= spend <= floor - budget' has a lower end above its upper end at [space=A, year=1]"),
        ("spend * 1e200 * 1e200 <= 0", "'spend * 1e200 * 1e200 <= 0' has a coefficient too large to compute"),
        ("spend <= floor * 1e200", "'spend <= floor * 1e200' has a limit beyond 1e+20"),
        ("spend <= floor * 1e200 * 1e200", "'spend <= floor * 1e200 * 1e200' has a limit beyond 1e+20"),
        ("spend <= floor * 1e200 * 1e200 - floor * 1e200 * 1e200", "'spend <= floor * 1e200 * 1e200 - floor * 1e200 * 1e200' has a limit beyond 1e+20"),
    ],
)  # fmt: skip
def test_what_is_not_linear_is_refused_by_the_piece(rule: str, words: str) -> None:
    """Proves: the error names the rule and the piece. Broken: a wrong row, a warning or a solver's own words."""
    assert refusal(rule).startswith(f"model: 1 problem\n  rules.it: {words}")


def test_what_cancels_out_leaves_no_row() -> None:
    """Proves: ``x - x`` is no choice: the row is checked as numbers. Broken: an empty row reaches the solver."""
    assert not (small.program("spend - spend <= floor").rows["it"].number >= 0).any()
    with pytest.raises(NoPlanError, match=r"it\[space=A, year=1\]: off by R10"):
        small.program("spend - spend >= floor")


def test_nested_walks_stop_before_memory_does() -> None:
    """Proves: thirty running sums inside each other are refused at once. Broken: minutes and gigabytes."""
    rule = "so_far(" * 40 + "spend" + ")" * 40 + " <= floor"
    assert "numbers at once" in refusal(rule)


def test_arrays_of_other_dims_meet_by_name() -> None:
    """Proves: axes are matched by dim, never by position. Broken: budget of a year lands on a space."""
    a, b = Array(("s", "y"), np.arange(6.0).reshape(2, 3)), Array(("y", "s"), np.ones((3, 2)))
    assert np.array_equal(combine(np.multiply, a, b).over(("y", "s")), a.values.T)
    with pytest.raises(RuleError, match="numbers at once"):
        combine(np.add, Array(("p",), np.ones(20_000)), Array(("q",), np.ones(20_000)))
