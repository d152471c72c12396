"""Hundreds of what-ifs of one model, beside PuLP built again for each and linopy's persistent solver.

The one page model of ``peers``. In every what-if the worth of a programme in a space is multiplied by a factor of its
own, or every budget is: a what-if is the array that came out, for all. Ours goes from the first program's corner in a
live solver, proves every value by weak duality (``values``), or also takes the one plan that changes least and proves
that (``plans``); ``text`` adds evaluating the model's text for each. PuLP is built, solved by HiGHS and read again;
linopy keeps the solver and hands over what changed. All must find the same values to 1e-9.

Turns of thirty what-ifs, about a chunk of a sweep, one library after the other, and medians of CPU seconds over turns:
a machine that slows down slows all.
"""

from __future__ import annotations

import gc
import importlib.util
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from allocate.builder import build
from allocate.changes import Case, apply
from allocate.errors import ProofError
from allocate.optimum.highs import SolverOptions
from allocate.optimum.linear import Goal, LinearProgram
from allocate.optimum.resolve import Resolver
from allocate.plan import Plan, solve
from allocate.program import Program
from allocate.read import read_model
from allocate.risk import Spread, drawn
from allocate.runs import only
from allocate.schedule import publish
from allocate.world import read_world
from benchmarks.peers import MODEL, Arrays, arrays, hushed, in_linopy, in_pulp, world

TURN: Final = 30

#: What differs, and the standard deviation of the logarithm of its factors.
KINDS: Final = {"worth +-2%": ("worth", 0.02), "worth +-20%": ("worth", 0.2), "budgets +-1%": ("budget", 0.01)}

type Values = list[float]


def what_ifs(of: Arrays, kind: str, many: int, seed: int = 1) -> list[Arrays]:
    """The same arrays with other figures, of ``worth`` one factor for each space and programme."""
    name, sd = KINDS[kind]
    figures, chance = getattr(of, name), np.random.default_rng(seed)
    shape = (*figures.shape[:2], 1, 1) if name == "worth" else figures.shape
    low = 0.96 * figures if name == "budget" else 0.0  # with less the guarantees do not fit into it
    return [
        replace(of, **{name: np.maximum(figures * np.exp(sd * chance.standard_normal(shape)), low)})
        for _ in range(many)
    ]


def posed(base: LinearProgram, was: Arrays, now: Arrays) -> LinearProgram:
    """The program with other figures."""
    (goal,) = base.goals
    assert isinstance(goal, Goal)
    if now.worth is not was.worth:
        return replace(base, goals=(replace(goal, cost=now.worth.ravel()),))
    limits = base.row_upper.copy()
    limits[: was.budget.size] = now.budget.ravel()  # the rows of the pool come first
    return replace(base, row_upper=limits)


def as_values(resolver: Resolver, base: LinearProgram, was: Arrays, turn: Sequence[Arrays]) -> Values:
    return resolver.values([posed(base, was, now) for now in turn]).values.tolist()


def as_plans(resolver: Resolver, base: LinearProgram, was: Arrays, turn: Sequence[Arrays]) -> Values:
    return [float(resolver.solve(posed(base, was, now)).values[0]) for now in turn]


def from_text(resolver: Resolver, base: Program, was: Arrays, turn: Sequence[Arrays]) -> Values:
    """Figures into the World, the model's text to rows, and the plan."""
    found = []
    for now in turn:
        name = "worth" if now.worth is not was.worth else "budget"
        old = base.case.world.data[name]
        facts = base.case.world.with_data(name, old.copy(data=getattr(now, name)))
        found.append(float(resolver.solve(build(Case(base.case.model, facts), base).linear).values[0]))
    return found


def with_pulp(turn: Sequence[Arrays]) -> Values:
    import pulp

    found = []
    for now in turn:
        problem, x = in_pulp(now)
        problem.solve(pulp.HiGHS(msg=False))
        _ = [column.value() for column in x.values()]
        found.append(float(problem.objective.value()))
    return found


class Linopy:
    """A model in linopy and its persistent solver."""

    def __init__(self, of: Arrays) -> None:
        from linopy.solvers import Solver

        self.of, self.model = of, in_linopy(of)
        options = {"output_flag": False}
        self.solver = Solver.from_name("highs", model=self.model, io_api="direct", track_updates=True, options=options)
        with hushed():
            self.solver.solve()

    def __call__(self, turn: Sequence[Arrays]) -> Values:
        import xarray as xr

        x, found = self.model.variables["tranche"], []
        for now in turn:
            if now.worth is not self.of.worth:
                worth = xr.DataArray(now.worth, x.coords, x.dims)
                self.model.add_objective((worth * x).sum(), overwrite=True, sense="max")
            else:
                rows = self.model.constraints["pool"]
                rows.rhs = xr.DataArray(now.budget, rows.rhs.coords, rows.rhs.dims)
            with hushed():
                self.solver.solve(model=self.model)
            found.append(float(self.solver.solution.objective))
        return found


def table(size: str, kind: str, many: int) -> None:
    """Print the milliseconds of a what-if in each library."""
    of = arrays(size)
    program = build(apply(read_model(MODEL), world(of)))
    resolver = Resolver(program.linear)
    verbs: dict[str, Callable[[Sequence[Arrays]], Values]] = {
        "ours: values": partial(as_values, resolver, program.linear, of),
        "ours: plans": partial(as_plans, resolver, program.linear, of),
        "ours: plans from text": partial(from_text, resolver, program, of),
    }
    if importlib.util.find_spec("pulp"):
        verbs["PuLP, built again"] = with_pulp
    if importlib.util.find_spec("linopy"):
        verbs["linopy, persistent"] = Linopy(of)
    cases = what_ifs(of, kind, many)
    turns = [cases[at : at + TURN] for at in range(0, many, TURN)]
    taken: dict[str, list[float]] = {name: [] for name in verbs}
    for number, turn in enumerate([turns[0], *turns]):  # the first warms up
        values = {}
        for name, verb in verbs.items():
            gc.collect()
            start = time.process_time()
            values[name] = verb(turn)
            if number:
                taken[name].append((time.process_time() - start) / len(turn))
        _refuse_another(values)
    columns = program.linear.lower.size
    print(
        f"\n{size}, {kind}: {columns:,} columns, {many} what-ifs; CPU milliseconds of one, medians of turns of {TURN}"
    )
    middle = {name: 1e3 * float(np.median(seconds)) for name, seconds in taken.items()}
    for name, each in middle.items():
        ratios = ", ".join(f"{each / middle[f'ours: {ours}']:5.1f} x {ours}" for ours in ("values", "plans"))
        print(f"  {name:<24} {each:9.3f} ms   {ratios}")


def _refuse_another(values: dict[str, Values]) -> None:
    """Raise unless all found the same values."""
    first, *others = (np.array(found) for found in values.values())
    for name, found in zip([*values][1:], others, strict=True):
        if np.abs(found / first - 1.0).max() > 1e-9:
            raise ProofError(f"{name} finds other values: {found} and {first}")


def agreement(many: int) -> None:
    """Print how many plans of the shipped model, its needs and costs varied, are the same to the R thousand from the
    first program's corners and from nothing; raise unless all are."""
    model, world = read_model("grant_consolidation"), only(read_world("za2016"), ["2019/20"])
    base = build(apply(model, world))
    resolver, grades = Resolver(base.linear), Counter[str]()
    spreads = [Spread("need_weight", ("space",), 0.1), Spread("unit_cost", ("service",), 0.1)]
    for facts in drawn(world, spreads, many, seed=1):
        program = build(Case(model, facts), base)
        plans = Plan(program, resolver.solve(program.linear)), solve(program, SolverOptions(accept_near_ties=True))
        warm, cold = map(publish, plans)
        if not (warm.amount.equals(cold.amount) and warm.unallocated.equals(cold.unallocated)):
            raise ProofError("a plan from the first program's corners is another than from nothing")
        grades[plans[0].grade] += 1
    said = ", ".join(f"{number} {grade}" for grade, number in grades.items())
    print(f"\n{many} plans from the first program's corners, and from nothing: the same to the R thousand; {said}")


def tables(sizes: dict[str, int], plans: int) -> None:
    """Print a table for each size and kind, and whether ``plans`` agree; ``sizes`` gives how many what-ifs."""
    for size, many in sizes.items():
        for kind in KINDS:
            table(size, kind, many)
    agreement(plans)
