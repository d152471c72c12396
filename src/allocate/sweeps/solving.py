"""A chunk of members solved one after another: what a worker does, wherever it runs.

Which members a chunk has depends on their numbers alone, and nothing is carried from one chunk to the next, so a chunk
comes out the same whoever computes it, when, and after what.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import xarray as xr

from allocate.builder import build
from allocate.changes import Case
from allocate.errors import AllocateError, InputError, NoPlanError, Problem
from allocate.optimum.infeasible import Infeasible
from allocate.optimum.resolve import Series
from allocate.plan import Plan
from allocate.program import Program
from allocate.schedule import Schedule, publish
from allocate.spec import Model, Scenario
from allocate.sweeps.design import Design, Member, case_of
from allocate.world import World

CHUNK: Final = 32
"""Members that are solved one after another and kept in one file."""

NO_PLAN: Final = "no plan"
"""The grade of a member for which no plan keeps every rule."""

REFUSED: Final = "refused"
"""The grade of a member whose figures cannot be solved, or whose plan could not be proved; the reason is beside it."""

LONGEST_REASON: Final = 500
"""Letters of a reason that are kept."""

DIGITS: Final = 12
"""Of the value of a goal: what a certificate says of it reaches no further."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some members, and all that is needed to solve them."""

    number: int
    model: Model
    world: World
    scenarios: tuple[Scenario, ...]
    members: tuple[Member, ...]
    versions: Mapping[str, str]


def chunk(design: Design, number: int, versions: Mapping[str, str]) -> Chunk:
    """A chunk of a design by its number, from 0."""
    first = number * CHUNK
    members = tuple(design.member(k) for k in range(first, min(first + CHUNK, len(design))))
    return Chunk(number, design.model, design.world, design.scenarios, members, versions)


def chunks(design: Design) -> int:
    """How many chunks a design has."""
    return -(-len(design) // CHUNK)


@dataclass
class Found:
    """What is kept of the members of a chunk, in their order; whole published units, -1 where no money may go.

    ``amount`` and ``held`` have the flat cells of each member that has a plan; ``labels`` the dims and labels that they
    are over, and ``shape`` which of these a member has (-1 without a plan). ``goals`` (members, goals of the model) are
    NaN there, and where a goal is not active.
    ``conflict`` proves that there is no plan: by how much limits ask for more than there is, as a part of what they
    ask for. ``seconds`` is how long each took.
    """

    grade: list[str] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    goals: list[Sequence[float]] = field(default_factory=list)
    conflict: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    shape: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    amount: list[Any] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)

    def pack(self) -> bytes:
        """All of it as a compressed archive of arrays."""
        to = io.BytesIO()
        empty = np.zeros(0, np.int64)
        np.savez_compressed(
            to,
            grade=np.array(self.grade),
            reason=np.array(self.reason),
            goals=np.array(self.goals),
            conflict=np.array(self.conflict),
            seconds=np.array(self.seconds),
            shape=np.array(self.shape),
            labels=np.array(self.labels or [""]),
            amount=np.concatenate([empty, *self.amount]),
            held=np.concatenate([empty, *self.held]),
        )
        return to.getvalue()


def solved(asked: Chunk) -> bytes:
    """Solve a chunk; a member that cannot be solved is a result too. Returns :meth:`Found.pack`.

    Raises :class:`InputError` where this worker has other versions of the libraries than who asks.
    """
    wrong = [
        Problem(name, f"is {mine} there, and {wanted} here")
        for name, wanted in asked.versions.items()
        if (mine := version(name)) != wanted
    ]
    if wrong:
        raise InputError("a worker has other versions", wrong)
    work = _Work(asked)
    for member in asked.members:
        start = time.perf_counter()
        work.solve(member)
        work.found.seconds.append(time.perf_counter() - start)
    return work.found.pack()


def varied(case: Case, member: Member) -> Case:
    """A case whose unknown data are multiplied by the factors of a member."""
    world, by = case.world, member.by
    for datum, factor in member.factors.items():
        array = world.data[datum]
        product = (array * xr.DataArray(factor, dims=list(by[datum]))).transpose(*array.dims)
        world = world.with_data(datum, product.assign_attrs(array.attrs))
    return replace(case, world=world)


def program_of(design: Design, member: Member) -> Program:
    """The program of a member by itself."""
    return build(varied(case_of(design.model, design.world, design.scenarios, member.changes), member))


class _Work:
    """The members of a chunk so far, and what the next starts from: the case of its cell, the rows built before, and
    the corners of the first of its shape."""

    def __init__(self, asked: Chunk) -> None:
        self.asked, self.found = asked, Found()
        self.cell: tuple[Mapping[str, float | str], Case] | None = None
        self.before: Program | None = None
        self.series = Series()

    def solve(self, member: Member) -> None:
        """Add a member's plan, or why it has none. What is wrong with the machine is not the member's: it is raised."""
        try:
            self.before = program = build(varied(self._case(member), member), self.before)
            plan = Plan(program, self.series.best(program.linear))
            self._planned(plan, publish(plan))
        except NoPlanError as error:
            self._refused(NO_PLAN, error, error.gap if isinstance(error, Infeasible) else np.nan)
        except (MemoryError, OSError):
            raise
        except Exception as error:
            self._refused(REFUSED, error, np.nan)

    def _case(self, member: Member) -> Case:
        if self.cell is None or self.cell[0] != member.levels:
            asked = self.asked
            self.cell = member.levels, case_of(asked.model, asked.world, asked.scenarios, member.changes)
        return self.cell[1]

    def _planned(self, plan: Plan, schedule: Schedule) -> None:
        found, amount, held = self.found, schedule.amount, schedule.unallocated
        values = {name: float(f"{value:.{DIGITS}g}") for name, value in plan.goals.items()}
        self._add(plan.grade, "", values, np.nan)
        dims = {str(dim): list(map(str, amount[dim].values)) for dim in amount.dims}
        labels = json.dumps([dims, list(map(str, held.dims))])
        if labels not in found.labels:
            found.labels.append(labels)
        found.shape.append(found.labels.index(labels))
        found.amount.append(np.where(schedule.open.values, amount.values, -1).ravel())
        found.held.append(held.values.ravel())

    def _refused(self, grade: str, error: Exception, conflict: float) -> None:
        kind = "" if isinstance(error, AllocateError) else f"{type(error).__name__}: "
        reason = kind + " ".join(str(error).split())[:LONGEST_REASON]
        self._add(grade, reason, {}, float(f"{conflict:.3g}"))
        self.found.shape.append(-1)

    def _add(self, grade: str, reason: str, goals: Mapping[str, float], conflict: float) -> None:
        self.found.grade.append(grade)
        self.found.reason.append(reason)
        self.found.goals.append([goals.get(goal.name, np.nan) for goal in self.asked.model.goals])
        self.found.conflict.append(conflict)
