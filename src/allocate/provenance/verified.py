"""Whether a run can still be made: its inputs found again, the run made once more, and every byte compared.

What is told apart: files that were altered since they were written, inputs that are no longer what they were, libraries
of another version, and a result that comes out otherwise.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from allocate.errors import InputError, Problem, nearest
from allocate.fields import plain
from allocate.names import SPACE
from allocate.optimum.highs import SolverOptions
from allocate.outputs import PLAN, Asked, content, digest, file_digest, write
from allocate.people.outlook import outlook
from allocate.projected import write as write_projection
from allocate.provenance.mismatches import mismatch
from allocate.provenance.recorded import Recorded, Source, recorded
from allocate.questions import answers
from allocate.read import read_model, read_scenario
from allocate.rolling.comparison import policies
from allocate.runs import run
from allocate.saved import arrays_of
from allocate.spec import Model, Scenario
from allocate.sweeps.engine import sweep
from allocate.sweeps.workers import processors
from allocate.walked import write as write_policies
from allocate.workspace import own
from allocate.world import World, read_world

type Watch = Callable[[str], None]

FIGURES: Final = (".csv", ".nc")
"""How files end that hold figures and no versions."""

MOST_NAMED: Final = 5
"""Data or keys of an input that are named when it changed; the rest are counted."""


@dataclass(frozen=True)
class Verified:
    """What came of verifying the run in a folder.

    ``altered`` are its files that are no longer what they were when it was written, ``inputs`` what went in and is no
    longer what it was, ``versions`` the libraries that are others now, ``differs`` the files that come out otherwise,
    each with where. ``files`` are those that were compared byte for byte: none where the run was not made again, and
    with other versions only figures, because reports, workbooks and manifests name the versions.
    """

    folder: Path
    name: str
    altered: tuple[Problem, ...]
    inputs: tuple[Problem, ...]
    versions: tuple[Problem, ...]
    differs: tuple[Problem, ...]
    files: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing speaks against the run; other versions of libraries do not by themselves."""
        return not (self.altered or self.inputs or self.differs)


@dataclass(frozen=True, eq=False)
class _Found:
    """The inputs of a run as they are now."""

    world: World
    scenarios: list[Scenario]
    model: Model | None
    against: list[Scenario] | None
    plan: Path | None
    people: World | None


def verify(
    folder: str | Path, world: World | str | Path | None = None, quick: bool = False, watch: Watch | None = None
) -> Verified:
    """See whether the run or projection in a folder is what its manifest says, and comes out again byte for byte.

    Models, scenarios and the World are found by the words they were asked for with, the current folder's own first;
    ``world`` says where the World is now. With ``quick`` files are only compared with their digests. Where an input is
    not what it was, the run is not made again. ``watch`` is told in a word what goes on.

    >>> from allocate import outputs, runs
    >>> with tempfile.TemporaryDirectory() as home:
    ...     made = outputs.write(runs.run("grant_consolidation", "za2016", years="2019/20"), Path(home) / "run")
    ...     found = verify(made)
    >>> found.good, len(found.files)
    (True, 6)

    Raises :class:`InputError` for a folder that is not whole, and for every input that is not found again.
    """
    of = recorded(folder)
    altered = tuple(_altered(of))
    if quick:
        return Verified(of.folder, of.manifest.name, altered, (), tuple(_versions(of)), (), ())
    if watch is not None:
        watch("finding what went in")
    found = _find(of, world)
    changed = tuple(_changed(of, found))
    if changed:
        return Verified(of.folder, of.manifest.name, altered, changed, tuple(_versions(of)), (), ())
    with tempfile.TemporaryDirectory(prefix="allocate.") as home:
        again = _again(of, found, Path(home) / "again", watch)
        versions = tuple(_versions(of))
        files = tuple(sorted(file.name for file in again.iterdir() if not versions or file.suffix in FIGURES))
        differs = tuple(_compared(of.folder, again, files))
    return Verified(of.folder, of.manifest.name, altered, (), versions, differs, files)


def _altered(of: Recorded) -> Iterator[Problem]:
    """The files that are not what the manifest says."""
    for name, output in sorted(of.manifest.outputs.items()):
        file = of.folder / name
        if not file.is_file():
            yield Problem(name, "is missing")
        elif file_digest(file) != output.sha256:
            yield Problem(name, f"was altered: {_digests(file_digest(file), output.sha256)}")


def _versions(of: Recorded) -> Iterator[Problem]:
    """The libraries that are of another version than those that the run was made with."""
    for name, was in sorted(of.manifest.versions.items()):
        try:
            now = version(name)
        except (PackageNotFoundError, ValueError):
            now = "not installed"
        if now != was:
            yield Problem(name, f"is {now}, was {was}")


def _digests(now: str, was: str) -> str:
    return f"sha256 {now[:8]}, was {was[:8]}"


def _find(of: Recorded, world: World | str | Path | None) -> _Found:
    """The inputs of a run as they are now. Raises InputError naming every one that is not found."""
    said, finder = of.manifest.inputs, _Finder()
    found = _Found(
        finder.read(said.world, lambda given: read_world(given if world is None else world)),
        [finder.read(source, _own_scenario) for source in said.scenarios],
        None if said.model is None else finder.read(said.model, _own_model),
        None if said.against is None else [finder.read(source, _own_scenario) for source in said.against],
        None if said.plan is None else finder.read(said.plan, _plan),
        None if said.people is None else finder.read(said.people, read_world),
    )
    problems = finder.problems or list(_unexplained(of, found.world))
    if problems:
        raise InputError(of.folder, problems)
    return found


def _unexplained(of: Recorded, world: World) -> Iterator[Problem]:
    """The spaces that the manifest says are explained, and that the World does not have."""
    if of.manifest.explain:
        known = world.labels(SPACE)
        for space in of.manifest.explain:
            if space not in known:
                yield Problem("explain", f"{plain(space)!r} is no space of {world.name}{nearest(space[:60], known)}")


class _Finder:
    """Reads inputs by the words they were asked for with; ``problems`` has those that are not found or not sound."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, source: Source, reader: Callable[[str], Any]) -> Any:
        try:
            return reader(source.given)
        except InputError as error:
            words = "; ".join(f"{p.place} {p.words}".strip() for p in error.problems[:MOST_NAMED])
        except OSError as error:  # a name that no file can have
            words = f"cannot be read: {error.strerror or error}"
        self.problems.append(Problem(f"{plain(source.name)}, asked for as {plain(source.given)!r}", words))
        return None


def _own_model(given: str) -> Model:
    return read_model(own(given, "models"))


def _own_scenario(given: str) -> Scenario:
    return read_scenario(own(given, "scenarios"))


def _plan(given: str) -> Path:
    """The arrays of the run whose plan a projection builds."""
    file = Path(given) / PLAN
    if not given or not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises on names that no file can have
        raise InputError(given, [Problem("", "there is no such run" if given else "was handed over without a folder")])
    return file


def _changed(of: Recorded, found: _Found) -> Iterator[Problem]:
    """The inputs that are not what they were, each with what of it differs."""
    said = of.manifest.inputs
    if found.model is not None and said.model is not None:
        yield from _record(said.model, found.model, of.kept.model)
    yield from _records(said.scenarios, found.scenarios, of.kept.scenarios)
    yield from _records(said.against or (), found.against or [], of.kept.against or [])
    yield from _figures(said.world, found.world, of.kept.data)
    if found.people is not None and said.people is not None:
        yield from _figures(said.people, found.people, of.kept.people or {})
    if found.plan is not None and said.plan is not None and file_digest(found.plan) != said.plan.sha256:
        yield _other(said.plan, file_digest(found.plan), [PLAN])


def _figures(source: Source, world: World, were: Mapping[str, str]) -> Iterator[Problem]:
    """Whether a World is another, and which data of it."""
    if (now := world.digest()) != source.sha256:
        yield _other(source, now, [name for name, _, _ in apart(were, world.digests())])


def _records(
    sources: Sequence[Source], scenarios: Sequence[Scenario], were: Sequence[dict[str, Any]]
) -> Iterator[Problem]:
    """The scenarios that are others."""
    for number, (source, scenario) in enumerate(zip(sources, scenarios, strict=True)):
        yield from _record(source, scenario, were[number] if number < len(were) else None)


def _record(source: Source, record: Model | Scenario, was: Any) -> Iterator[Problem]:
    """Whether a model or a scenario is another, and what in it."""
    if digest(record) != source.sha256:
        places = apart(leaves(was), leaves(content(record)))
        yield _other(source, digest(record), [f"{place}: {_text(a)} -> {_text(b)}" for place, a, b in places])


def _other(source: Source, now: str, what: Sequence[str]) -> Problem:
    return Problem(source.given, f"is not what it was ({_digests(now, source.sha256)}): {few(what)}")


def _text(value: object) -> str:
    return "nothing" if value is None else repr(value) if len(repr(value)) <= 90 else repr(value)[:87] + "..."


def few(words: Sequence[str]) -> str:
    """The first of some words, and how many more there are.

    >>> few("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    more = len(words) - MOST_NAMED
    return ", ".join(words[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def apart(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """The keys at which two tables differ, with what is there in each; None where one has no such key.

    >>> apart({"a": 1, "b": 2}, {"b": 3, "c": 4})
    [('a', 1, None), ('b', 2, 3), ('c', None, 4)]
    """
    keys = dict.fromkeys([*one, *two])
    return [(key, one.get(key), two.get(key)) for key in keys if one.get(key) != two.get(key)]


def leaves(value: Any, place: str = "") -> dict[str, Any]:
    """What a record says, each thing under its place in it; parts that have a name are known by it.

    >>> leaves({"goals": [{"name": "need met", "max": "x"}], "why": ""})
    {'goals.need met.name': 'need met', 'goals.need met.max': 'x', 'why': ''}
    """
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        value = {_called(part, number): part for number, part in enumerate(value, start=1)}
    if not isinstance(value, dict):
        return {place: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found |= leaves(part, f"{place}.{key}" if place else str(key))
    return found


def _called(part: Any, number: int) -> str:
    return str(part["name"]) if isinstance(part, dict) and "name" in part else str(number)


def _again(of: Recorded, found: _Found, folder: Path, watch: Watch | None) -> Path:
    """Make the run or projection once more."""
    said = of.manifest
    asked = Asked(
        world=said.inputs.world.given,
        scenarios=tuple(s.given for s in said.inputs.scenarios),
        model="" if said.inputs.model is None else said.inputs.model.given,
        spaces=said.explain,
        against=None if said.inputs.against is None else tuple(s.given for s in said.inputs.against),
        plan="" if said.inputs.plan is None else said.inputs.plan.given,
        people="" if said.inputs.people is None else said.inputs.people.given,
    )
    world = World(said.inputs.world.name, found.world.data, found.world.regions)  # its folder may have another name
    ways = {"run": _solved, "projection": _projected, "sweep": _swept, "policies": _walked}
    return ways[said.kind](of, found, world, asked, folder, watch)


def _solved(of: Recorded, found: _Found, world: World, asked: Asked, folder: Path, watch: Watch | None) -> Path:
    assert found.model is not None
    said = of.manifest
    tell = watch or (lambda _: None)
    options = SolverOptions(gap=said.options.gap, accept_near_ties=said.options.accept_near_ties)
    made = run(
        found.model,
        world,
        *found.scenarios,
        years=list(map(str, said.years)) or None,
        options=options,
        watch=lambda what: tell(f"solving: {what}"),
    )
    told = answers(made, said.explain, lambda what: tell(f"asking: {what}")) if said.explain else None
    return write(made, folder, told, asked)


def _projected(of: Recorded, found: _Found, world: World, asked: Asked, folder: Path, watch: Watch | None) -> Path:
    said = of.manifest
    if watch is not None:
        watch("projecting")
    plan = None if found.plan is None else arrays_of(found.plan)
    made = outlook(
        world,
        years=[int(year) for year in said.years],
        draws=said.draws,
        seed=said.seed,
        scenario=found.scenarios,
        against=found.against,
        plan=plan,
        built="" if said.inputs.plan is None else said.inputs.plan.name,
        step=said.step,
    )
    return write_projection(made, folder, asked)


def _swept(of: Recorded, found: _Found, world: World, asked: Asked, folder: Path, watch: Watch | None) -> Path:
    assert found.model is not None
    tell, years = watch or (lambda _: None), list(map(str, of.manifest.years)) or None

    def done(number: int, many: int) -> None:
        tell(f"solving: {number:,} of {many:,} plans")

    sweep(found.model, world, *found.scenarios, years=years, workers=None, folder=folder, watch=done, asked=asked)
    return folder


def _walked(of: Recorded, found: _Found, world: World, asked: Asked, folder: Path, watch: Watch | None) -> Path:
    said = of.manifest
    assert found.model is not None
    assert found.people is not None
    assert said.inputs.people is not None
    made = policies(
        found.model,
        world,
        World(said.inputs.people.name, found.people.data, found.people.regions),
        *found.scenarios,
        years=len(said.years),
        draws=said.draws,
        seed=said.seed,
        policies=said.policies or (),
        groups=said.groups,
        horizon=said.horizon,
        growth=said.growth,
        workers=processors(),
        watch=watch,
    )
    return write_policies(made, folder, asked)


def _compared(folder: Path, again: Path, files: Iterable[str]) -> Iterator[Problem]:
    """The files of a run that differ from those of the run made again, and where."""
    for name in files:
        words = mismatch(folder / name, again / name) if (folder / name).is_file() else "is missing"
        if words:
            yield Problem(name, words)
