"""Every member of a sweep solved, kept as it is found, and gathered: the call behind ``allocate sweep``."""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from allocate.builder import build
from allocate.errors import InputError, NoPlanError, StoppedError
from allocate.names import TIME
from allocate.outputs import (
    INPUTS,
    LIBRARIES,
    MANIFEST,
    Asked,
    asked_by,
    content,
    digest,
    figures,
    free,
    kept,
    outputs,
    source,
    sources,
    whole,
    write_json,
)
from allocate.program import Program
from allocate.read import read_model, read_scenario
from allocate.spec import Model, Scenario
from allocate.sweeps import memory, store
from allocate.sweeps.answer import Sweep, gathered
from allocate.sweeps.design import Design, case_of, design
from allocate.sweeps.solving import CHUNK, chunk, chunks
from allocate.sweeps.store import Parts
from allocate.sweeps.workers import Done, LostError, beside, here, processors
from allocate.sweeps.workers import cluster as cluster_of
from allocate.world import World, read_world

TRIES: Final = 3
"""How often workers may be lost without a chunk done in between."""

type Watch = Callable[[int, int], None]
type Say = Callable[[str], None]


def sweep(
    model: Model | str | Path,
    world: World | str | Path,
    *scenarios: Scenario | str | Path,
    years: str | Sequence[str] | None = None,
    workers: int | None = 1,
    cluster: str | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    anew: bool = False,
    watch: Watch | None = None,
    say: Say | None = None,
    asked: Asked | None = None,
) -> Sweep:
    """Solve a model in a World once for every level and draw that scenarios ask for.

    ``workers`` is how many processes of this machine solve (None: one for each processor); ``cluster``, the address of
    the scheduler of a Dask cluster whose workers solve instead. What comes out does not depend on either. With a
    ``folder``, what is found is kept beside it chunk by chunk, so that whatever ends the process, ``resume`` goes on
    from there, and the folder is written at the end; ``anew`` forgets what was kept. ``watch`` is told how many members
    are done, and of how many; ``say`` is told in words what is odd. Without ``asked``, models and scenarios are later
    looked for by the names of their files.

    >>> found = sweep("grant_consolidation", "za2016", "guarantee_by_pool", years=["2019/20"])
    >>> found.grades, found.table()[["guarantee", "scenario", "need met"]].round({"need met": -3}).values.tolist()[3]
    ({'exact': 9}, [0.9, 'separate', 904615000.0])

    Raises :class:`InputError` for anything wrong in what is asked, and where it cannot fit in memory;
    :class:`StoppedError` when it was stopped, or can write no more: ``resume`` goes on.
    """
    wanted = None if years is None else [years] if isinstance(years, str) else list(years)
    given = _Given(read_model(model), read_world(world), tuple(map(read_scenario, scenarios)), wanted)
    target = None if folder is None else free(folder)
    found = design(given.model, given.world, given.scenarios, wanted)
    first = _first(found)
    many = processors() if workers is None else workers
    memory.fits(found, first, 0 if cluster else many)
    tell = say or (lambda _: None)
    with _parts(target, given.key, chunks(found), resume, anew, tell) as parts:
        with _kept(parts, target):
            _solve(found, parts, cluster or many, watch or (lambda *_: None), tell)
            swept = gathered(found, first, _payloads(parts))
            if target is not None:
                whole(
                    target,
                    lambda home: _fill(
                        home, swept, given, asked or asked_by(given.model, given.world, given.scenarios)
                    ),
                )
        parts.remove()
    return swept


@dataclass(frozen=True)
class _Given:
    """What goes into a sweep; ``years`` None for all."""

    model: Model
    world: World
    scenarios: tuple[Scenario, ...]
    years: Sequence[str] | None

    @property
    def inputs(self) -> dict[str, Any]:
        """What the results depend on, with the digest of each."""
        regions = self.world.regions
        table = [] if regions is None else [regions.header, *regions.rows]
        return {
            "model": {"name": self.model.source, "sha256": digest(self.model)},
            "scenarios": [{"name": s.source, "sha256": digest(s)} for s in self.scenarios],
            "world": {"name": self.world.name, "sha256": self.world.digest(), "regions": _sha256(table)},
            "years": self.years,
            "versions": {name: version(name) for name in LIBRARIES},
        }

    @property
    def key(self) -> str:
        return _sha256([self.inputs, CHUNK])


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


@contextmanager
def _parts(target: Path | None, key: str, many: int, resume: bool, anew: bool, tell: Say) -> Iterator[Parts]:
    """The parts of a sweep: beside the folder that is asked for, else where the system keeps what is forgotten."""
    if target is not None:
        home = target.resolve()
        with store.parts(
            home.with_name(home.name + store.ENDING), key, many, resume=resume, anew=anew, say=tell
        ) as kept:
            yield kept
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Parts(Path(folder), key, many)


@contextmanager
def _kept(parts: Parts, target: Path | None) -> Iterator[None]:
    """Say of what stops a sweep that its parts are kept, where there are any."""
    try:
        yield
    except (InputError, StoppedError, KeyboardInterrupt) as error:
        if target is None or not parts.there():
            raise
        what = "stopped" if isinstance(error, KeyboardInterrupt) else str(error)
        raise StoppedError(f"{what}; {parts.said()}; go on with --resume") from None


def _solve(found: Design, parts: Parts, who: int | str, watch: Watch, tell: Say) -> None:
    """Solve every chunk that is not there. A machine whose workers are ended from outside has a few more tries."""
    left = dict.fromkeys(_left(parts, tell))
    done, lost = len(found) - sum(_size(found, number) for number in left), 0
    watch(done, len(found))
    while left:
        try:
            for number, payload in _solved(found, list(left), who, tell):
                parts.put(number, payload)
                del left[number]
                done, lost = done + _size(found, number), 0
                watch(done, len(found))
        except LostError:
            lost += 1
            if lost > TRIES:
                words = "worker processes are ended again and again, perhaps for want of memory; take fewer"
                raise StoppedError(words) from None
            tell("a worker process was ended from outside; its chunks are given to others")


def _solved(found: Design, numbers: list[int], who: int | str, tell: Say) -> Iterator[Done]:
    """What chunks come to, from whoever solves them: an address, or so many processes."""
    versions = {name: version(name) for name in LIBRARIES}
    asked = (chunk(found, number, versions) for number in numbers)
    if isinstance(who, str):
        return cluster_of(asked, who, tell)
    return here(asked) if who == 1 else beside(asked, who)


def _left(parts: Parts, tell: Say) -> Iterator[int]:
    """The chunks of which nothing sound is kept."""
    there = parts.there()
    for number in range(parts.many):
        if number not in there:
            yield number
        elif parts.get(number) is None:
            tell(f"{parts.path(number).name} is not as it was written; what it held is solved again")
            yield number


def _size(found: Design, number: int) -> int:
    """How many members a chunk has."""
    return min(CHUNK, len(found) - number * CHUNK)


def _payloads(parts: Parts) -> Iterator[bytes]:
    for number in range(parts.many):
        payload = parts.get(number)
        if payload is None:
            raise StoppedError(f"{parts.path(number)} has been altered since it was written")
        yield payload


def _first(found: Design) -> Program:
    """The program of the first cell that can be stated, for the figures as they stand: it tells how large all are."""
    problem: NoPlanError | None = None
    for changes in itertools.islice(itertools.product(*(axis.changes for axis in found.axes)), CHUNK):
        named = dict(zip((axis.name for axis in found.axes), changes, strict=True))
        try:
            return build(case_of(found.model, found.world, found.scenarios, named))
        except NoPlanError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _fill(home: Path, swept: Sweep, given: _Given, asked: Asked | None) -> None:
    """Write the files of a sweep: the same bytes whoever solved it, however often it was gone on with."""
    asked = asked or asked_by(given.model, given.world, given.scenarios)
    for name, table in (("sweep.csv", swept.table()), ("money.csv", swept.money())):
        table.to_csv(home / name, index=False, lineterminator="\n", encoding="utf-8")
    packed = {name: {"zlib": True} for name in swept.data.data_vars if swept.data[name].dtype.kind in "if"}
    swept.data.to_netcdf(home / "sweep.nc", engine="h5netcdf", encoding=packed)
    write_json(home / INPUTS, {"model": content(given.model), **kept(given.scenarios, given.world)})
    manifest = {
        "name": " + ".join(s.name for s in given.scenarios),
        "inputs": {
            "model": source(given.model, asked.model),
            "scenarios": sources(given.scenarios, asked.scenarios),
            "world": figures(given.world, asked.world),
        },
        "years": list(swept.design.world.labels(TIME)) if TIME in swept.design.world.data.dims else [],
        "members": len(swept.design),
        "grades": swept.grades,
        "acknowledgement": given.world.data.attrs.get("acknowledgement", ""),
        "versions": {name: version(name) for name in LIBRARIES},
        "outputs": outputs(home),
    }
    write_json(home / MANIFEST, manifest)
