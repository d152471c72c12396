"""Programs whose rows are nested: many scenarios of one, each solved exactly, proved, and some solved again.

A program is laminar where the columns of any two rows are nested or apart and a row counts all its columns alike: one
pool of money over provinces over spaces over services. The best plan is then found by taking the dearest first
(``kernels.laminar``), thousands of times a second, so that whole distributions of weights and whole ranges of budgets
can be asked for. One row more may cross the others (a share for women, a floor for rural spaces).

Every plan of a batch is checked against its limits, and its value against what its prices say no plan can exceed. What
fails, what is tied, so that the plan to publish is the nearest of many, and what is too near to a limit to call go to
``lexicographic.solve``. A sample, chosen by what came out, goes there too, and must find the same.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from allocate.errors import ProofError
from allocate.kernels import laminar as kernel
from allocate.kernels.laminar import DOUBTFUL, INFEASIBLE, OPTIMAL, UNBOUNDED
from allocate.optimum.certificate import ALLOWED
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible, Unbounded
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import LinearProgram, Mask, Vector

type Matrix = NDArray[np.float64]
type Whole = NDArray[np.integer[Any]]

#: How many scenarios of a batch are solved again, and how near the values and plans must be, as a part of their size.
AUDITED: Final = 2
SAME: Final = 1e-9
#: Scenarios that a thread takes at a time.
PART: Final = 64

_LENIENT: Final = SolverOptions(accept_near_ties=True)


class NotLaminar(ValueError):
    """The program is not laminar; the message says why, ``rows`` which rows stand in the way."""

    def __init__(self, words: str, *rows: int) -> None:
        super().__init__(words)
        self.rows = rows


@dataclass(frozen=True, eq=False)
class Answers:
    """What S scenarios of a program come to, in its own rows, columns, sense and units.

    ``x`` (S, n), or (S, 0) where plans were not asked for; ``totals`` (S, m) what each row comes to; ``value`` (S,);
    ``prices`` (S, m), d(value) / d(row limit); ``status`` (S,) OPTIMAL, INFEASIBLE or UNBOUNDED, with NaN for numbers
    that are not there; ``where`` (S,) a row whose limits cannot be met together with those of rows inside it, or -1;
    ``tied`` (S,) where other plans are, or may be, as good and the one nearest to the target is given; ``solver`` (S,)
    what was left to the general solver; ``audited`` what was given to both.
    """

    x: Matrix
    totals: Matrix
    value: Vector
    prices: Matrix
    status: NDArray[np.int8]
    where: Whole
    tied: Mask
    solver: Mask
    audited: Whole


@dataclass(frozen=True, eq=False)
class Laminar:
    """A laminar program, as :func:`read` finds it.

    ``coefficient`` (m,) is what a row counts each of its columns by; ``across`` the row that is not nested, or -1.
    """

    program: LinearProgram
    forest: kernel.Forest
    coefficient: Vector
    across: int

    def solve_many(
        self,
        *,
        costs: Matrix | None = None,
        row_lower: Matrix | None = None,
        row_upper: Matrix | None = None,
        lower: Matrix | None = None,
        upper: Matrix | None = None,
        plans: bool = True,
        threads: int | None = None,
        audit: int = AUDITED,
    ) -> Answers:
        """The optimum of every scenario: the program with other numbers in place of its own.

        Each is (S, ...), or (1, ...) where all scenarios share it; costs and bounds have n columns, row limits m. The
        answers are the same to the bit for any number of threads. ``audit`` scenarios are solved again by the general
        solver. Raises ValueError for numbers that no program could have, ProofError when the two solvers differ.

        >>> from scipy import sparse
        >>> from allocate.optimum.linear import Goal
        >>> one, many = np.ones(1), np.zeros(2)
        >>> goal = Goal("worth", np.array([3.0, 2.0]), sense="max")
        >>> limits = -np.inf * one, 4 * one, many, many + 3, (goal,), many, many + 1
        >>> found = read(LinearProgram(sparse.csr_array([[1.0, 1.0]]), *limits)).solve_many(row_upper=[[2], [4], [6]])
        >>> found.value.tolist(), found.prices.ravel().tolist(), found.x[1].tolist()
        ([6.0, 11.0, 15.0], [3.0, 2.0, 0.0], [3.0, 1.0])
        """
        given = {"row_lower": row_lower, "row_upper": row_upper, "lower": lower, "upper": upper, "costs": costs}
        asked = self._asked(given)
        threads = threads or getattr(os, "process_cpu_count", os.cpu_count)() or 1
        found = self._found(asked, plans, threads, self._guess)
        return self._settled(asked, found, audit)

    def _scenario(self, asked: dict[str, Matrix], q: int) -> LinearProgram:
        """One scenario as a program of its own."""
        parts = {name: values[min(q, len(values) - 1)] for name, values in asked.items()}
        goal = replace(self.program.plain_goals[0], cost=parts.pop("costs"))
        return replace(self.program, goals=(goal,), **parts)

    def _asked(self, given: dict[str, Any]) -> dict[str, Matrix]:
        own = {name: getattr(self.program, name) for name in ("row_lower", "row_upper", "lower", "upper")}
        own["costs"] = self.program.plain_goals[0].cost
        asked = {
            name: np.ascontiguousarray(own[name][None] if given.get(name) is None else given[name], np.float64)
            for name in own
        }
        wrong = list(_wrong(asked, {name: values.size for name, values in own.items()}))
        if wrong:
            raise ValueError("scenarios: " + "; ".join(wrong))
        return asked

    def _found(self, asked: dict[str, Matrix], plans: bool, threads: int, guess: float) -> kernel.Found:
        """What the kernel finds: prices and totals as the program counts them, values made large."""
        many = max(len(values) for values in asked.values())
        rows, columns = self.program.matrix.shape
        low, high = asked["row_lower"], asked["row_upper"]
        even = bool((self.coefficient == 1).all())
        if not even:
            low, high = low / self.coefficient, high / self.coefficient
            low, high = np.minimum(low, high), np.maximum(low, high)
        sign = -self.program.plain_goals[0].sign
        costs = asked["costs"] if sign > 0 else -asked["costs"]
        scenarios = kernel.Scenarios(*map(_still, (costs, low, high, asked["lower"], asked["upper"])))
        found = kernel.new_found(many, rows, columns if plans else 0)
        _share_out(many, threads, self._shared(scenarios), guess, self.forest, scenarios, found)
        if not even:
            found.totals[:] *= self.coefficient
        if not even or sign < 0:
            found.prices[:] *= sign / self.coefficient
        return found

    def _shared(self, scenarios: kernel.Scenarios) -> int:
        """How many heights of the forest, from the lowest, are the same in all scenarios; -1 where items differ."""
        if any(len(array) > 1 for array in (scenarios.costs, scenarios.lower, scenarios.upper)):
            return -1
        varied = [(limit != limit[0]).any(axis=0) for limit in (scenarios.least, scenarios.most)]
        differs = (varied[0] | varied[1])[self.forest.nodes]
        starts = self.forest.starts
        return next((h for h in range(len(starts) - 1) if differs[starts[h] : starts[h + 1]].any()), len(starts) - 1)

    @cached_property
    def _guess(self) -> float:
        """The price of the row across in the program itself: where the search for it begins, whatever is asked."""
        if self.across < 0:
            return 0.0
        found = self._found(self._asked({}), plans=False, threads=1, guess=0.0)
        price = found.prices[0, self.across] * -self.program.plain_goals[0].sign
        return float(price) if np.isfinite(price) else 0.0

    def _settled(self, asked: dict[str, Matrix], found: kernel.Found, audit: int) -> Answers:
        """Answers, where the kernel leaves something open from the general solver; some of the rest from both."""
        gap = np.abs(found.bound - found.value)
        unproved = ~((gap <= ALLOWED["gap"] * found.terms) & (found.miss <= ALLOWED["row"]))
        best = found.status == OPTIMAL
        solver = (found.status == DOUBTFUL) | (best & (found.tied | unproved))
        goal = self.program.plain_goals[0]
        value = -goal.sign * found.value + goal.offset
        answers = Answers(
            found.plans, found.totals, value, found.prices, found.status, found.where, found.tied, solver, np.arange(0)
        )
        for q in np.flatnonzero(solver):
            self._solve(answers, self._scenario(asked, int(q)), int(q))
        sample = _sample(answers, audit)
        for q in sample:
            self._audit(answers, self._scenario(asked, int(q)), int(q), float(found.terms[q]))
        return replace(answers, audited=sample)

    def _solve(self, answers: Answers, lp: LinearProgram, q: int) -> None:
        """One scenario by the general solver."""
        try:
            best = solve(lp, _LENIENT)
        except (Infeasible, Unbounded) as error:
            answers.status[q] = INFEASIBLE if isinstance(error, Infeasible) else UNBOUNDED
            answers.where[q] = error.rows[0] if isinstance(error, Infeasible) else -1
            return
        answers.status[q], answers.where[q] = OPTIMAL, -1
        answers.value[q], answers.prices[q], answers.totals[q] = best.values[0], best.prices[0], lp.matrix @ best.x
        if answers.x.size:
            answers.x[q] = best.x

    def _audit(self, answers: Answers, lp: LinearProgram, q: int, terms: float) -> None:
        """Raise ProofError unless the general solver says the same of a scenario."""
        try:
            best = solve(lp, _LENIENT)
        except (Infeasible, Unbounded) as error:
            if answers.status[q] != (INFEASIBLE if isinstance(error, Infeasible) else UNBOUNDED):
                raise ProofError(f"scenario {q} has an optimum, and the general solver says: {error}") from error
            return
        if answers.status[q] != OPTIMAL:
            raise ProofError(f"scenario {q} has no plan, and the general solver finds one")
        if not abs(best.values[0] - answers.value[q]) <= SAME * terms:
            raise ProofError(f"scenario {q} is worth {answers.value[q]!r}, to the general solver {best.values[0]!r}")
        if answers.x.size:
            off = np.abs(best.x - answers.x[q]) - SAME * np.maximum(np.abs(best.x), lp.unit)
            if off.max(initial=0.0) > ALLOWED["row"] * np.abs(best.x).max():
                raise ProofError(f"scenario {q} has another plan, the most so in column {int(off.argmax())}")


def read(lp: LinearProgram) -> Laminar:
    """The nested rows of a program with one plain goal. Raises NotLaminar, which says what stands in the way.

    >>> from scipy import sparse
    >>> from allocate.optimum.linear import Goal
    >>> ends = np.zeros(3), np.full(3, 9.0), (Goal("worth", np.ones(3)),), np.zeros(3), np.ones(3)
    >>> rows = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    >>> read(LinearProgram(sparse.csr_array(rows), np.zeros(3), np.ones(3), *ends))
    Traceback (most recent call last):
    allocate.optimum.laminar.NotLaminar: rows 0 and 1 cross, and so do rows 1 and 2, which one row across cannot explain
    """
    if lp.integer.any():
        raise NotLaminar("a column is a whole number")
    if len(lp.goals) != 1 or not lp.is_plain:
        raise NotLaminar("it must have one goal, of one value")
    if not np.isfinite(lp.lower).all():
        raise NotLaminar(f"column {np.flatnonzero(~np.isfinite(lp.lower))[0]} has no lower bound")
    sets = [lp.matrix.indices[a:b] for a, b in zip(lp.matrix.indptr[:-1], lp.matrix.indptr[1:], strict=True)]
    counts = [lp.matrix.data[a:b] for a, b in zip(lp.matrix.indptr[:-1], lp.matrix.indptr[1:], strict=True)]
    uneven = [row for row, values in enumerate(counts) if values.size and (values != values[0]).any()]
    if len(uneven) > 1:
        words = f"rows {uneven[0]} and {uneven[1]} both count their columns unlike"
        raise NotLaminar(words, *uneven[:2])
    across, parent, innermost = _nested(sets, lp.lower.size, uneven[0] if uneven else None)
    coefficient = np.array([values[0] if values.size else 1.0 for values in counts])
    if across >= 0:
        coefficient[across] = 1.0
    return Laminar(lp, _forest(lp, parent, innermost, across), coefficient, across)


def detect(lp: LinearProgram) -> Laminar | None:
    """The nested rows of a program, or None where they are not nested; ``read`` says why not.

    >>> from scipy import sparse
    >>> detect(LinearProgram(sparse.csr_array([[1.0]]), *np.zeros((4, 1)), (), np.zeros(1), np.ones(1))) is None
    True
    """
    try:
        return read(lp)
    except NotLaminar:
        return None


def _nested(sets: list[Whole], columns: int, across: int | None) -> tuple[int, Whole, Whole]:
    """The row that is not nested (or -1), and the tree of the others. Raises NotLaminar."""
    if across is not None:
        crossing, parent, innermost = _tree(sets, columns, across)
        if crossing:
            words = f"rows {crossing[0]} and {crossing[1]} cross, and row {across} counts its columns unlike"
            raise NotLaminar(words, *crossing, across)
        return across, parent, innermost
    crossing, parent, innermost = _tree(sets, columns, -1)
    if not crossing:
        return -1, parent, innermost
    for row in crossing:  # one of the two is the row across, if any is
        others, parent, innermost = _tree(sets, columns, row)
        if not others:
            return row, parent, innermost
    words = f"rows {min(crossing)} and {max(crossing)} cross, and so do rows {min(others)} and {max(others)}"
    raise NotLaminar(f"{words}, which one row across cannot explain", *crossing, *others)


def _tree(sets: list[Whole], columns: int, without: int) -> tuple[tuple[int, ...], Whole, Whole]:
    """Two rows that cross, if any do; the next larger row (m,) of every row and the smallest (n,) of every column, or
    -1. From the largest row to the smallest, the columns of each must all be in the same row so far."""
    parent, innermost = np.full(len(sets), -1, np.int32), np.full(columns, -1, np.int32)
    for row in sorted(range(len(sets)), key=lambda row: (-sets[row].size, row)):
        here = sets[row]
        if row == without or not here.size:
            continue
        inside = innermost[here]
        if (inside != inside[0]).any():
            other = next(int(r) for r in np.unique(inside) if r >= 0 and not np.isin(here, sets[r]).all())
            return (row, other), parent, innermost
        parent[row], innermost[here] = inside[0], row
    return (), parent, innermost


def _forest(lp: LinearProgram, parent: Whole, innermost: Whole, across: int) -> kernel.Forest:
    rows, columns = lp.matrix.shape
    kept = [row for row in range(rows) if row != across]
    height = np.zeros(rows, np.int32)
    sizes = np.diff(lp.matrix.indptr)
    for row in sorted(kept, key=lambda row: (sizes[row], -row)):  # inner rows first
        if parent[row] >= 0:
            height[parent[row]] = max(height[parent[row]], height[row] + 1)
    heights = int(height[kept].max()) + 1 if kept else 0
    node = np.full((heights, columns), -1, np.int32)
    for row in kept:
        node[height[row], lp.matrix.indices[lp.matrix.indptr[row] : lp.matrix.indptr[row + 1]]] = row
    nodes = np.array(sorted(kept, key=lambda row: (height[row], row)), np.int32)
    starts = np.searchsorted(height[nodes], np.arange(heights + 1)).astype(np.int32)
    offset = np.zeros(rows, np.int64)
    for h in range(heights):
        here = nodes[starts[h] : starts[h + 1]]
        offset[here] = np.concatenate([[0], np.cumsum(sizes[here[:-1]] + 1)])
    entries = lp.matrix[[across]].toarray()[0] if across >= 0 else np.zeros(0)
    return kernel.Forest(
        node,
        np.where(innermost < 0, rows, innermost),
        np.where(parent < 0, rows, parent),
        nodes,
        starts,
        offset,
        entries,
        across,
    )


def _wrong(asked: dict[str, Matrix], sizes: dict[str, int]) -> Iterator[str]:
    """What is wrong with the numbers of scenarios."""
    many = {len(values) for values in asked.values() if values.ndim == 2} - {1}
    if len(many) > 1:
        yield f"there are {' and '.join(map(str, sorted(many)))} of them"
    for name, values in asked.items():
        if values.ndim != 2 or values.shape[1] != sizes[name] or not len(values):
            yield f"{name} has shape {values.shape}, expected (scenarios, {sizes[name]})"
        elif np.isnan(values).any() or (name in ("costs", "lower") and not np.isfinite(values).all()):
            yield f"{name} must be finite" if name in ("costs", "lower") else f"{name} must not be NaN"
    for low, high in (("row_lower", "row_upper"), ("lower", "upper")):
        if asked[low].shape[1:] == asked[high].shape[1:] and len(many) < 2:
            crossed = np.flatnonzero((asked[low] > asked[high]).any(axis=1))
            if crossed.size:
                yield f"{low} exceeds {high} (scenario {crossed[0]})"


def _still(values: Matrix) -> Matrix:
    """A view that is read only, as a program's own numbers are: the kernel is compiled for one kind of array."""
    view = values.view()
    view.flags.writeable = False
    return view


def _share_out(
    many: int, threads: int, shared: int, guess: float, forest: kernel.Forest, asked: kernel.Scenarios, found: Any
) -> None:
    """Parts of the scenarios to threads, which hold no lock."""

    def part(first: int) -> None:
        kernel.allocate(first, min(first + PART, many), shared, guess, forest, asked, found)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, range(0, many, PART)))


def _sample(answers: Answers, many: int) -> Whole:
    """Some scenarios that only the kernel has solved: at random, and the same ones for the same answers."""
    digest = hashlib.sha256(answers.value.tobytes() + answers.status.tobytes()).digest()
    alone = np.flatnonzero(~answers.solver)
    chosen = np.random.default_rng(list(digest)).choice(alone, min(many, alone.size), replace=False)
    return np.sort(chosen)
