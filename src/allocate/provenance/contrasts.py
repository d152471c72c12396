"""What differs between two runs, or two projections: in what went in, and in what came out.

Folders keep what models and scenarios said and a digest of every datum, so that what differs is named though its file
is gone; cells of data are told where both Worlds can still be read as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.differences import called
from allocate.errors import InputError, Problem
from allocate.names import SPACE, TIME, TOTAL, UNALLOCATED
from allocate.outputs import PROJECTION
from allocate.people.services import PEOPLE
from allocate.provenance.recorded import OLD, Recorded, Source, recorded
from allocate.provenance.verified import apart, leaves
from allocate.saved import Saved, arrays_of, read
from allocate.world import World, read_world

COLUMNS: Final = ("part", "what", "first", "second", "change", "unit")
"""A row of a difference: the part that it belongs to, what it is of, both values, and how much more the second is."""

WENT_IN: Final = ("model", "scenarios", "against", "plan", "world", "data", "asked", "versions")
"""The parts that say what went in."""

CAME_OUT: Final = ("grade", "goals", "money", "limits", "adequacy", "people")
"""The parts that say what came out."""

KINDS: Final = {"run": "a run", "projection": "a projection", "sweep": "a sweep", "policies": "a walk of policies"}
"""What a folder is of, in words."""

GONE: Final = "not at its limit"

type Records = list[dict[str, Any]] | None
type Row = tuple[str, str, Any, Any, float, str]


@dataclass(frozen=True, eq=False)
class Difference:
    """What differs between two runs: ``names`` of both, and a ``table`` with the columns of :data:`COLUMNS`.

    The rows of what went in come first, then of what came out, the largest change of a part first. Money is in R
    thousand; a price is for each unit of its rule, as in ``plan.nc``.
    """

    names: tuple[str, str]
    table: pd.DataFrame

    def part(self, name: str) -> pd.DataFrame:
        """The rows of one part."""
        return self.table[self.table["part"] == name]


def diff(first: str | Path, second: str | Path) -> Difference:
    """What differs between the runs, or the projections, in two folders.

    >>> import tempfile
    >>> from allocate import outputs, runs
    >>> with tempfile.TemporaryDirectory() as home:
    ...     for name, scenarios in (("a", []), ("b", ["guarantee_95"])):
    ...         done = runs.run("grant_consolidation", "za2016", *scenarios, years="2019/20")
    ...         _ = outputs.write(done, Path(home) / name)
    ...     found = diff(Path(home) / "a", Path(home) / "b")
    >>> found.part("scenarios")[["what", "first", "second"]].values.tolist()
    [['guarantee_95', '', 'there']]

    Raises :class:`InputError` for a folder that is not whole, and for a run beside a projection.
    """
    one, two = recorded(first), recorded(second)
    mine, other = one.manifest.kind, two.manifest.kind
    if mine != other:
        words = f"is {KINDS[other]}, and {one.folder} is {KINDS[mine]}"
        raise InputError(two.folder, [Problem("", words)])
    ways = {"run": _runs, "projection": _projections, "sweep": _sweeps, "policies": _policies}
    rows = [*_went_in(one, two), *ways[mine](one, two)]
    return Difference((one.manifest.name, two.manifest.name), _ordered(rows))


def _ordered(rows: list[Row]) -> pd.DataFrame:
    """Rows by part, the largest change of each first; those without a number stay as they are found."""
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"change": float})
    place = table["part"].map({part: n for n, part in enumerate((*WENT_IN, *CAME_OUT))})
    size = -table["change"].abs().fillna(np.inf)
    order = sorted(range(len(table)), key=lambda n: (place[n], size[n]))
    return table.iloc[order].reset_index(drop=True)


def _words(part: str, what: str, first: object, second: object) -> Row:
    """A row of something that is no number."""
    return part, what, _said(first), _said(second), np.nan, ""


def _said(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(part: str, what: str, first: float, second: float, unit: str) -> Row:
    return part, what, first, second, second - first, unit


def _went_in(one: Recorded, two: Recorded) -> Iterator[Row]:
    """What differs in what went in."""
    mine, other = one.manifest, two.manifest
    for place, a, b in apart(leaves(one.kept.model), leaves(two.kept.model)):
        yield _words("model", place, a, b)
    yield from _scenarios("scenarios", one.kept.scenarios, two.kept.scenarios)
    yield from _scenarios("against", one.kept.against, two.kept.against)
    if mine.inputs.plan != other.inputs.plan:
        yield _words("plan", "built", *map(_built, (mine.inputs.plan, other.inputs.plan)))
    yield from _data(one, two)
    for key in ("years", "step", "draws", "seed", "explain", "options", "policies", "groups", "horizon", "growth"):
        a, b = getattr(mine, key), getattr(other, key)
        if a != b:
            yield _words("asked", key, *(str(v) if key == "options" else v for v in (a, b)))
    for name, a, b in apart(mine.versions, other.versions):
        yield _words("versions", name, a, b)


def _built(plan: Source | None) -> str | None:
    return None if plan is None else f"{plan.name} ({plan.sha256[:8]})"


def _scenarios(part: str, one: Records, two: Records) -> Iterator[Row]:
    """Scenarios that only one has, and what differs in those that both have; and whether their order does."""
    mine, other = _by_name(one), _by_name(two)
    for name, a, b in apart(mine, other):
        if a is None or b is None:
            yield _words(part, name, None if a is None else "there", None if b is None else "there")
        else:
            for place, x, y in apart(leaves(a), leaves(b)):
                yield _words(part, f"{name}: {place}", x, y)
    both = [name for name in mine if name in other]
    if both != [name for name in other if name in mine]:
        yield _words(part, "order", ", ".join(mine), ", ".join(other))
    if (one is None) != (two is None):
        yield _words(part, "compared", None if one is None else "there", None if two is None else "there")


def _by_name(scenarios: Records) -> dict[str, Any]:
    return {Path(str(scenario.get("source"))).stem: scenario for scenario in scenarios or []}


def _data(one: Recorded, two: Recorded) -> Iterator[Row]:
    """The data that differ; where both Worlds are still what they were, in how many cells, and in which most."""
    mine, other = one.manifest.inputs.world, two.manifest.inputs.world
    if mine.name != other.name:
        yield _words("world", "name", mine.name, other.name)
    names = apart(one.kept.data, two.kept.data)
    worlds = (_as_it_was(mine), _as_it_was(other)) if names else (None, None)
    for name, a, b in names:
        if a is None or b is None:
            yield _words("data", name, None if a is None else "there", None if b is None else "there")
        elif worlds[0] is None or worlds[1] is None:
            yield _words("data", name, f"sha256 {a[:8]}", f"sha256 {b[:8]}")
        else:
            yield _cells(name, worlds[0].data[name], worlds[1].data[name])


def _as_it_was(source: Source) -> World | None:
    """A World if it can be read and is what it was."""
    try:
        world = read_world(source.given)
    except (InputError, OSError):
        return None
    return world if world.digest() == source.sha256 else None


def _cells(name: str, one: xr.DataArray, two: xr.DataArray) -> Row:
    """How many cells of a datum differ, and the cell that differs most."""
    if one.dims != two.dims or any(not one[dim].equals(two[dim]) for dim in one.dims):
        return _words("data", name, f"{dict(one.sizes)}", f"{dict(two.sizes)}")
    gap = np.abs(two.values - one.values)
    if not gap.any():
        return _words("data", name, one.attrs["unit"], two.attrs["unit"])
    cell = np.unravel_index(int(gap.argmax()), gap.shape)
    where = {str(dim): str(one[dim].values[k]) for dim, k in zip(one.dims, cell, strict=True)}
    many = int(np.count_nonzero(gap))
    what = f"{called(name, where)}{f', most of {many} cells' if many > 1 else ''}"
    return _number("data", what, float(one.values[cell]), float(two.values[cell]), str(one.attrs["unit"]))


def _runs(one: Recorded, two: Recorded) -> Iterator[Row]:
    """What differs in the plans of two runs."""
    mine, other = one.manifest, two.manifest
    if mine.grade != other.grade:
        yield _words("grade", "grade", mine.grade, other.grade)
    for name, a, b in apart(mine.goals, other.goals):
        if a is None or b is None:
            yield _words("goals", name, *(None if g is None else f"{g.value:,.9g} {g.unit}" for g in (a, b)))
        else:
            yield _number("goals", name, a.value, b.value, b.unit)
    before, now = read(one.folder), read(two.folder)
    yield from _money(before, now)
    for rule in dict.fromkeys([*before.rules, *now.rules]):
        yield from _limits(rule, before, now)


def _money(before: Saved, now: Saved) -> Iterator[Row]:
    """Published money by space, what is held back, and all of it."""
    unit = str(now.data["published"].attrs["unit"])
    mine, other = _by_space(before), _by_space(now)
    for code, a, b in apart(mine, other):
        title = (now if code in other else before).title(code) if code not in (UNALLOCATED, TOTAL) else code
        yield _number("money", title, a or 0, b or 0, unit)


def _by_space(run: Saved) -> dict[str, int]:
    """Published amounts by space, in R thousand, then what is held back, then all of it."""
    amounts = run.data["published"]
    if SPACE in amounts.dims:
        sums = amounts.sum([d for d in amounts.dims if d != SPACE])
        found = {str(code): int(value) for code, value in zip(sums[SPACE].values, sums.values, strict=True)}
    else:
        found = {}
    held = int(run.data["published_unallocated"].sum())
    return found | {UNALLOCATED: held, TOTAL: int(amounts.sum()) + held}


def _limits(rule: str, before: Saved, now: Saved) -> Iterator[Row]:
    """The rows of a rule that are at their limit in one run only, with their prices."""
    mine, other = _at_limit(rule, before), _at_limit(rule, now)
    for cell in dict.fromkeys([*mine, *other]):
        if (cell in mine) != (cell in other):
            yield _words("limits", cell, mine.get(cell, GONE), other.get(cell, GONE))


def _at_limit(rule: str, run: Saved) -> dict[str, str]:
    """The rows of a rule that are at their limit, and their prices in words."""
    if rule not in run.rules:
        return {}
    frame = run.limits(rule)
    frame = frame[frame["at"]]
    dims = [column for column in run.dims(rule) if column in frame]
    cells = [called(rule, {d: str(row[d]) for d in dims}) for row in frame.to_dict("records")]
    return {cell: f"price {price:.6g}" for cell, price in zip(cells, frame["price"], strict=True)}


def _projections(one: Recorded, two: Recorded) -> Iterator[Row]:
    """What differs in how likely services are enough, and in how many people there are."""
    (chances, counts), (other_chances, other_counts) = map(_answers, (one, two))
    yield from _array("adequacy", chances, other_chances, "chance")
    yield from _array("people", counts, other_counts, "people")


def _sweeps(one: Recorded, two: Recorded) -> Iterator[Row]:
    """What differs in the plans of two sweeps: goals and grades of the members that both have."""
    yield from _table(one, two, "sweep.csv", "member")


def _policies(one: Recorded, two: Recorded) -> Iterator[Row]:
    """What differs in what policies gain."""
    yield from _table(one, two, "policies.csv", "policy")


def _table(one: Recorded, two: Recorded, name: str, key: str) -> Iterator[Row]:
    """The cells of a table that differ; its rows are known by a column."""
    mine, other = (_cells_of(of.folder / name, key) for of in (one, two))
    for cell, a, b in apart(mine, other):
        if isinstance(a, float) and isinstance(b, float):
            if not (np.isnan(a) and np.isnan(b)):
                yield _number("goals", cell, a, b, "")
        else:
            yield _words("grade", cell, a, b)


def _cells_of(file: Path, key: str) -> dict[str, Any]:
    """Every cell of a table, numbers as such, by its row and column."""
    try:
        frame = pd.read_csv(file).set_index(key)
    except (OSError, ValueError, KeyError):
        raise InputError(file, [Problem("", "is not whole; run it again")]) from None
    return {
        f"{key} {row}: {column}": float(value) if isinstance(value, int | float | np.number) else str(value)
        for row, values in frame.to_dict("index").items()
        for column, value in values.items()
    }


def _answers(of: Recorded) -> tuple[xr.DataArray, xr.DataArray]:
    """How likely each service is enough, and how many people there are on average."""
    file = of.folder / PROJECTION
    arrays = arrays_of(file)
    try:
        return arrays["p_adequate"].transpose("service", SPACE, TIME), arrays["count_mean"].sel(measure=PEOPLE[0])
    except (KeyError, ValueError):
        raise InputError(file, [Problem("", OLD)]) from None


def _array(part: str, before: xr.DataArray, now: xr.DataArray, unit: str) -> Iterator[Row]:
    """The cells of an array that differ, over the labels that both have."""
    one, two = xr.align(before, now, join="inner")
    for cell in np.argwhere(one.values != two.values):
        where = {str(dim): str(one[dim].values[k]) for dim, k in zip(one.dims, cell, strict=True)}
        place = tuple(cell)
        yield _number(part, called(str(one.name), where), float(one.values[place]), float(two.values[place]), unit)
