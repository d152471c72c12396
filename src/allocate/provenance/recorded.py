"""What the folder of a run or a projection says went in, checked: a manifest may be old, cut, or anybody's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from allocate.errors import InputError, Problem
from allocate.fields import plain, shown
from allocate.outputs import DIFFERENCES, FILES, INPUTS, MANIFEST, PROJECTED, SWEPT, WALKED
from allocate.saved import manifest_of

LARGEST: Final = 10_000_000
"""Bytes of a manifest, or of what is kept of the inputs."""

MOST_PROBLEMS: Final = 5
"""Problems of a manifest that are listed: one that is not ours has hundreds."""

OLD: Final = "was written by another version, which kept other things; run it again"

type _Words = Annotated[str, StringConstraints(max_length=1000)]
type _Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
type _Names = Annotated[tuple[_Words, ...], Field(max_length=1000)]


type Kind = Literal["run", "projection", "sweep", "policies"]

HOLDS: Final[dict[str, frozenset[str]]] = {"run": FILES, "projection": PROJECTED, "sweep": SWEPT, "policies": WALKED}
"""What the folder of each kind holds."""


class _Part(BaseModel):
    """A part of a manifest; keys that say nothing of what went in are left alone."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Source(_Part):
    """Something that went in: its name, the words it was asked for with, and the digest of its content."""

    name: _Words
    given: _Words
    sha256: _Digest | Annotated[str, StringConstraints(pattern="^$")]


class Inputs(_Part):
    """Everything that went in; a projection has no ``model``, and only policies have a World of ``people``."""

    world: Source
    scenarios: Annotated[tuple[Source, ...], Field(max_length=1000)]
    model: Source | None = None
    against: Annotated[tuple[Source, ...], Field(max_length=1000)] | None = None
    plan: Source | None = None
    people: Source | None = None


class Options(_Part):
    """What was asked of the solver that can change what comes back."""

    gap: Annotated[float, Field(ge=0, le=1)]
    accept_near_ties: bool


class Goal(_Part):
    """What a goal came to."""

    value: float
    unit: _Words


class Output(_Part):
    """A file that was written."""

    sha256: _Digest


class Manifest(_Part):
    """A manifest: what went in, what was asked, what it was made with, and what came out."""

    name: _Words
    inputs: Inputs
    years: Annotated[tuple[_Words | int, ...], Field(max_length=1000)]
    versions: dict[str, _Words]
    outputs: dict[str, Output]
    grade: _Words = ""
    goals: dict[str, Goal] = Field(default_factory=dict)
    explain: _Names = ()
    options: Options = Options(gap=0.0, accept_near_ties=False)
    step: Annotated[int, Field(ge=1, le=100)] = 1
    draws: Annotated[int, Field(ge=1, le=10_000_000)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    members: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    policies: _Names | None = None
    groups: Annotated[int, Field(ge=1, le=10_000_000)] = 1
    horizon: Annotated[int, Field(ge=1, le=1000)] = 1
    growth: Annotated[float, Field(ge=-1, le=1000)] = 0.0

    @property
    def kind(self) -> Kind:
        """What the folder is of."""
        if self.inputs.people is not None:
            return "policies"
        if self.members is not None:
            return "sweep"
        return "projection" if self.inputs.model is None else "run"


class Kept(_Part):
    """What went in as it was read then: records of the model and scenarios, and the sha256 of every datum."""

    data: dict[str, str]
    scenarios: list[dict[str, Any]]
    model: dict[str, Any] | None = None
    people: dict[str, str] | None = None
    against: list[dict[str, Any]] | None = None


@dataclass(frozen=True, eq=False)
class Recorded:
    """The folder of a run or a projection, what its manifest says, and what it keeps of its inputs."""

    folder: Path
    manifest: Manifest
    kept: Kept


def recorded(folder: str | Path) -> Recorded:
    """Read what a folder says went in.

    Raises :class:`InputError` if it is not the folder of a run or a projection, is not whole, or is of a version that
    kept other things.

    >>> recorded("no/such/run")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    allocate.errors.InputError: no/such/run: 1 problem
      there is no such folder...
    """
    home = Path(folder)
    if _size(home / MANIFEST) > LARGEST:
        raise InputError(home / MANIFEST, [Problem("", f"is of {_size(home / MANIFEST):,} bytes, which no run writes")])
    manifest = _checked(Manifest, home / MANIFEST, json.dumps(manifest_of(home)))
    if wrong := list(_files(manifest)):
        raise InputError(home / MANIFEST, wrong)
    return Recorded(home, manifest, _kept(home / INPUTS))


def _files(manifest: Manifest) -> Iterator[Problem]:
    """The files whose digests are missing, and those that no run writes."""
    known = HOLDS[manifest.kind] - {MANIFEST}
    needed = known - {DIFFERENCES} if manifest.inputs.against is None else known
    for name in sorted(needed - manifest.outputs.keys()):
        yield Problem("outputs", f"does not say what {name} was; run it again")
    for name in sorted(manifest.outputs.keys() - known)[:MOST_PROBLEMS]:
        yield Problem("outputs", f"{plain(name)!r} is no file that a run writes")


def _checked[P: _Part](kind: type[P], file: Path, text: str) -> P:
    """The parts of a file. Raises InputError with what is wrong in it."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise InputError(file, _problems(error)) from None


def _problems(error: ValidationError) -> list[Problem]:
    """What is wrong with a file; one that only lacks keys is an older one."""
    found = error.errors(include_url=False)
    if all(one["type"] == "missing" for one in found):
        return [Problem("", OLD)]
    if found[0]["type"] == "json_invalid":
        return [Problem("", "is not whole; run it again")]
    places = {".".join(map(plain, one["loc"]))[:120]: one for one in found if one["type"] != "missing"}
    few = list(places.items())[:MOST_PROBLEMS]
    return [
        Problem(place, f"{one['msg'][:1].lower()}{one['msg'][1:]}, not {shown(one['input'])}") for place, one in few
    ]


def _kept(file: Path) -> Kept:
    if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises on names that no file can have
        raise InputError(file.parent, [Problem("", f"holds no {file.name}: it {OLD}")])
    if _size(file) > LARGEST:
        raise InputError(file, [Problem("", f"is of {_size(file):,} bytes, which no run writes")])
    try:
        return _checked(Kept, file, file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(file, [Problem("", f"cannot be read: {error.strerror or error}")]) from None
    except UnicodeDecodeError:
        raise InputError(file, [Problem("", "is not whole; run it again")]) from None


def _size(file: Path) -> int:
    return file.stat().st_size if os.path.isfile(file) else 0  # noqa: PTH113
