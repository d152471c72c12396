"""How long it takes to state a linear program, beside PuLP and linopy, and beside solving it.

One model (``tranches.toml``) of three sizes, from the same arrays: rule text to rows here, dicts and ``lpSum`` in PuLP,
labelled arrays in linopy, each handed over to HiGHS. The three programs must be the same one: as many rows, columns
and entries, and the same best value to 1e-9.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import highspy
import numpy as np

from allocate.builder import build
from allocate.changes import apply
from allocate.errors import ProofError
from allocate.optimum.linear import LinearProgram
from allocate.read import read_model
from allocate.world import World
from benchmarks.measure import measure
from benchmarks.worlds import datum

MODEL: Final = Path(__file__).with_name("tranches.toml")

#: Spaces, programmes, years, tiers: 1,248, 15,600 and 124,800 columns.
SIZES: Final = {"small": (52, 8, 1, 3), "medium": (52, 20, 3, 5), "large": (52, 40, 10, 6)}
PROVINCES: Final = 9

OURS: Final = "ours: text to rows to HiGHS"
SOLVE: Final = "HiGHS: the solve itself"


@dataclass(frozen=True, eq=False)
class Arrays:
    """The numbers of the model, as every library gets them; axes are space, programme, year, tier."""

    room: Any
    worth: Any
    budget: Any
    floor: Any
    absorb: Any
    province: Any
    least: Any
    most: Any
    step: Any
    women: Any
    women_share: Any
    rural: Any
    rural_share: float


def arrays(size: str, seed: int = 0) -> Arrays:
    """Numbers of a size for which the plan that spends what was spent keeps every rule."""
    spaces, programmes, years, tiers = SIZES[size]
    chance = np.random.default_rng(seed)
    had = np.round(chance.lognormal(11, 1, (spaces, programmes, 1)) * 1.03 ** np.arange(years)) * 1000
    room = np.ceil(had[..., None] * chance.uniform(1.5, 2.5, (spaces, programmes, 1, 1)) / tiers / 1000) * 1000
    room = np.broadcast_to(room, (spaces, programmes, years, tiers)).copy()
    need = chance.uniform(0.5, 1.5, (spaces, programmes, 1, 1))
    worth = np.round(need * np.cumprod(chance.uniform(0.45, 0.85, room.shape), axis=3), 3)
    province, rural = np.sort(np.arange(spaces) % PROVINCES), chance.random(spaces) < 0.45
    by_space = had.sum(axis=1)
    by_province = np.stack([by_space[province == k].sum(axis=0) for k in range(PROVINCES)])
    share = float(np.round((had[rural].sum(axis=(0, 1)) / had.sum(axis=(0, 1))).min(), 3)) - 0.001
    women = chance.uniform(0.15, 0.9, programmes)
    women_share = 0.99 * (np.einsum("spy,p->sy", had, women) / by_space).min(axis=1)
    return Arrays(
        room, worth, had.sum(axis=0), 0.9 * by_space, 1.2 * by_space, province, 0.95 * by_province,
        1.1 * by_province, 0.3 * had.max(axis=2), women, women_share, rural, share,
    )  # fmt: skip


def world(of: Arrays) -> World:
    """The same numbers as a World."""
    spaces, programmes, years, tiers = of.room.shape
    sizes = {"space": spaces, "province": PROVINCES, "programme": programmes, "year": years, "tier": tiers}
    labels = {dim: [f"{dim[:2]}{k:02d}" for k in range(n)] for dim, n in sizes.items()}
    cells = ("space", "programme", "year", "tier")
    of_province = np.arange(PROVINCES)[:, None] == of.province
    made = {
        "room": ("R", cells, of.room), "worth": ("1", cells, of.worth),
        "budget": ("R", ("programme", "year"), of.budget),
        "floor": ("R", ("space", "year"), of.floor), "absorb": ("R", ("space", "year"), of.absorb),
        "in_province": ("flag", ("province", "space"), of_province),
        "least": ("R", ("province", "year"), of.least), "most": ("R", ("province", "year"), of.most),
        "step": ("R", ("space", "programme"), of.step), "women": ("1", ("programme",), of.women),
        "women_share": ("1", ("space",), of.women_share), "rural": ("flag", ("space",), of.rural),
        "rural_share": ("1", (), of.rural_share),
    }  # fmt: skip
    data = [datum(name, unit, dims, values, labels) for name, (unit, dims, values) in made.items()]
    return World.build("tranches", data, {dim: tuple(these) for dim, these in labels.items()})


def ours(facts: World) -> Any:
    """Rule text to HiGHS."""
    return handed_over(build(apply(read_model(MODEL), facts)).linear)


def handed_over(linear: LinearProgram) -> Any:
    """A program with one goal in HiGHS, as it stands: in natural units, its goal in its own sense."""
    matrix, goal, highs = linear.matrix, linear.goals[-1], silent()
    rows, columns = matrix.shape
    sense = highspy.ObjSense.kMaximize if goal.sense == "max" else highspy.ObjSense.kMinimize
    by_column = matrix.tocsc()
    status = highs.passModel(
        columns, rows, matrix.nnz, int(highspy.MatrixFormat.kColwise), int(sense), goal.offset,
        goal.cost, linear.lower, linear.upper, linear.row_lower, linear.row_upper,
        by_column.indptr, by_column.indices, by_column.data,
        np.zeros(columns, np.int32),
    )  # fmt: skip
    if status == highspy.HighsStatus.kError:
        raise ProofError("HiGHS refuses the program")
    return highs


def silent() -> Any:
    """HiGHS with its own options, but for the log."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    return highs


def with_pulp(of: Arrays) -> Any:
    """The model in PuLP, handed over to HiGHS."""
    import pulp

    problem, _ = in_pulp(of)
    solver = pulp.HiGHS(msg=False)
    solver.createAndConfigureSolver(problem)
    solver.buildSolverModel(problem)
    return problem.solverModel


def in_pulp(of: Arrays) -> tuple[Any, dict[tuple[int, ...], Any]]:
    """The model as a user of PuLP writes it, and its variables."""
    import pulp

    spaces, programmes, years, tiers = map(range, of.room.shape)
    problem = pulp.LpProblem("tranches", pulp.LpMaximize)
    cells = list(itertools.product(spaces, programmes, years, tiers))
    x = {c: problem.add_variable("tranche_{}_{}_{}_{}".format(*c), 0, float(of.room[c])) for c in cells}
    problem += pulp.lpSum(float(of.worth[c]) * x[c] for c in cells)
    for p, y in itertools.product(programmes, years):
        problem += pulp.lpSum(x[s, p, y, t] for s in spaces for t in tiers) <= float(of.budget[p, y])
    for s, y in itertools.product(spaces, years):
        spent = pulp.lpSum(x[s, p, y, t] for p in programmes for t in tiers)
        problem += spent >= float(of.floor[s, y])
        problem += spent <= float(of.absorb[s, y])
    for v, y in itertools.product(range(PROVINCES), years):
        inside = [s for s in spaces if of.province[s] == v]
        spent = pulp.lpSum(x[s, p, y, t] for s in inside for p in programmes for t in tiers)
        problem += spent >= float(of.least[v, y])
        problem += spent <= float(of.most[v, y])
    for s, p, y in itertools.product(spaces, programmes, years[1:]):
        rise = pulp.lpSum(x[s, p, y, t] for t in tiers) - pulp.lpSum(x[s, p, y - 1, t] for t in tiers)
        problem += rise <= float(of.step[s, p])
    for s, y in itertools.product(spaces, years):
        lead = pulp.lpSum((of.women[p] - of.women_share[s]) * x[s, p, y, t] for p in programmes for t in tiers)
        problem += lead >= 0
    for s, p, y in itertools.product(spaces, programmes, years[1:]):
        fall = pulp.lpSum(x[s, p, y - 1, t] for t in tiers) - pulp.lpSum(x[s, p, y, t] for t in tiers)
        problem += fall <= float(of.step[s, p])
    for y in years:
        ahead = pulp.lpSum(
            (of.rural[s] - of.rural_share) * x[s, p, y, t] for s in spaces for p in programmes for t in tiers
        )
        problem += ahead >= 0
    return problem, x


def with_linopy(of: Arrays) -> Any:
    """The model as a user of linopy writes it, handed over to HiGHS directly (``io_api="direct"``)."""
    with hushed():
        return in_linopy(of).to_highspy()


def with_linopy_as_it_is(of: Arrays) -> Any:
    """The same through an LP file, which is what linopy does unless told otherwise."""
    highs = silent()
    with tempfile.TemporaryDirectory() as folder, hushed():
        file = Path(folder) / "tranches.lp"
        in_linopy(of).to_file(file, progress=False)
        highs.readModel(str(file))
    return highs


def in_linopy(of: Arrays) -> Any:
    import linopy
    import pandas as pd
    import xarray as xr

    dims = ("space", "programme", "year", "tier")
    index = {d: pd.RangeIndex(n, name=d) for d, n in zip(dims, of.room.shape, strict=True)}
    index["province"] = pd.RangeIndex(PROVINCES, name="province")

    def labelled(values: Any, *over: str) -> Any:
        return xr.DataArray(values, {d: index[d] for d in over}, over)

    model = linopy.Model()
    x = model.add_variables(lower=0, upper=labelled(of.room, *dims), name="tranche")
    model.add_objective((labelled(of.worth, *dims) * x).sum(), sense="max")
    model.add_constraints(x.sum(["space", "tier"]) <= labelled(of.budget, "programme", "year"), name="pool")
    by_space = x.sum(["programme", "tier"])
    model.add_constraints(by_space >= labelled(of.floor, "space", "year"), name="guarantee")
    model.add_constraints(by_space <= labelled(of.absorb, "space", "year"), name="absorption")
    by_province = by_space.groupby(labelled(of.province, "space").rename("province")).sum()
    model.add_constraints(by_province >= labelled(of.least, "province", "year"), name="envelope")
    model.add_constraints(by_province <= labelled(of.most, "province", "year"), name="ceiling")
    if len(index["year"]) > 1:
        spent, later = x.sum("tier"), index["year"][1:]
        rise = spent.sel(year=later) - spent.isel(year=slice(-1)).assign_coords(year=later)
        model.add_constraints(rise <= labelled(of.step, "space", "programme"), name="growth")
        model.add_constraints(-1 * rise <= labelled(of.step, "space", "programme"), name="decline")
    women = labelled(of.women, "programme") - labelled(of.women_share, "space")
    model.add_constraints((women * x).sum(["programme", "tier"]) >= 0, name="women share")
    ahead = ((labelled(of.rural.astype(float), "space") - of.rural_share) * x).sum(["space", "programme", "tier"])
    model.add_constraints(ahead >= 0, name="rural share")
    return model


@contextmanager
def hushed() -> Iterator[None]:
    """Keep what HiGHS prints by itself, on linopy's way to it, out of the table."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def solved(highs: Any) -> float:
    """The best value, by HiGHS with its own options from nothing."""
    highs.clearSolver()
    highs.setOptionValue("output_flag", False)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise ProofError(f"HiGHS ends with {highs.modelStatusToString(highs.getModelStatus())}")
    return float(highs.getObjectiveValue())


def shape(highs: Any) -> tuple[int, int, int]:
    """Rows, columns and entries."""
    return highs.getNumRow(), highs.getNumCol(), highs.getNumNz()


def installed() -> dict[str, Callable[[Arrays], Any]]:
    """Every peer that is installed; the others are named."""
    peers = {"pulp": with_pulp, "linopy": with_linopy, "linopy, by file": with_linopy_as_it_is}
    missing = {name for name in ("pulp", "linopy") if importlib.util.find_spec(name) is None}
    for name in sorted(missing):
        print(f"{name} is not installed, so it is not measured: pip install --group bench")
    return {name: peer for name, peer in peers.items() if name.split(",")[0] not in missing}


def refuse_another(programs: dict[str, Any]) -> None:
    """Raise unless every library stated the same program."""
    found = {name: (shape(highs), solved(highs)) for name, highs in programs.items()}
    first, best = found["ours"]
    for name, (dims, value) in found.items():
        if dims != first or abs(value - best) > 1e-9 * abs(best):
            raise ProofError(f"{name} states another program: {found}")


def tables(sizes: dict[str, int]) -> None:
    """Print a table for each size; ``sizes`` gives the repeats."""
    peers = installed()
    for size, repeats in sizes.items():
        of = arrays(size)
        facts = world(of)
        programs = {"ours": ours(facts)} | {name: peer(of) for name, peer in peers.items()}
        refuse_another(programs)
        highs = programs["ours"]
        del programs
        case = apply(read_model(MODEL), facts)
        parts: dict[str, Callable[[], Any]] = {
            "  of which the model's text": partial(read_model, MODEL),
            "  of which the rows": partial(build, case),
            "  of which the hand-over": partial(handed_over, build(case).linear),
        }
        verbs: dict[str, Callable[[], Any]] = {OURS: partial(ours, facts), **parts}
        verbs |= {f"{name}: built and handed over": partial(peer, of) for name, peer in peers.items()}
        taken = measure(verbs | {SOLVE: partial(solved, highs)}, repeats)
        rows, columns, entries = shape(highs)
        print(f"\n{size}: {columns:,} columns, {rows:,} rows, {entries:,} entries; CPU seconds, median of {repeats}")
        for verb, seconds in taken.items():
            print(
                f"  {verb:<32} {seconds:9.4f} s {seconds / taken[OURS]:8.1f} x ours"
                f" {100 * seconds / taken[SOLVE]:8.1f} % of the solve"
            )
