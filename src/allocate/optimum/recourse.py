"""What money turns out to buy: the second stage of every draw, once the first is decided.

Given the money, what is left falls apart into small blocks that have nothing to do with each other, such as one service
in one space. Every block of every draw has the least loss it can have and, from its prices, a *cut*: a plane in the
money that this loss is nowhere below. A cut is weak duality, computed here from the original data, so that it holds
whatever the solver's tolerances were. A loss is the outcome where that is made small, and minus it where it is made
large.

Source: R. M. Van Slyke, R. Wets, *L-shaped linear programs*, SIAM J. Appl. Math. 17 (1969); blocks kept apart,
J. R. Birge, F. V. Louveaux, *A multicut algorithm for two-stage stochastic linear programs*, EJOR 34 (1988).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from allocate.errors import AllocateError, NoPlanError, ProofError
from allocate.optimum.certificate import NOISE, Check
from allocate.optimum.draws import FIELDS, Draws, Indices, Table
from allocate.optimum.face import bounded
from allocate.optimum.highs import Basis, NoVertex, SolverOptions, minimise
from allocate.optimum.infeasible import explain
from allocate.optimum.linear import Region, Vector
from allocate.optimum.scaling import ruiz

#: The largest residuals of what a draw is said to buy: of bounds and rows by their size, of the proof by its terms.
ALLOWED = 1e-9
#: The solver's tolerance is absolute: where it lets too much pass beside small amounts, limits are made so much larger.
FINER = 2.0**10


class NoRecourse(NoPlanError):
    """Some draws leave no way to go on, after one first stage or after any, or an outcome has no end.

    ``draws`` are their numbers; ``reason`` is the Infeasible or Unbounded that says so, with rows and columns counted
    in the program that was solved.

    >>> print(NoRecourse([3], NoPlanError("no plan satisfies 2 rows and 0 bounds together")))
    draw 3: no plan satisfies 2 rows and 0 bounds together
    """

    def __init__(self, draws: Sequence[int], reason: AllocateError) -> None:
        self.draws, self.reason = tuple(draws), reason
        many = "draw" if len(self.draws) == 1 else "draws"
        super().__init__(f"{many} {', '.join(map(str, self.draws))}: {reason}")


@dataclass(frozen=True, eq=False)
class Cuts:
    """Losses (d,) of d draws at one first stage x, and planes that lie below them everywhere.

    The loss of block b of a draw is at least ``const`` (d, b) plus, over the links of that block, ``slope`` (d, l)
    times the first-stage column of the link.
    """

    losses: Vector
    const: Table
    slope: Table


def together(some: Cuts, which: Indices, others: Cuts, rest: Indices) -> Cuts:
    """The cuts at one point of draws ``which`` and of all the ``rest``, in order."""
    order = np.argsort(np.concatenate([which, rest]))
    pairs = ((some.losses, others.losses), (some.const, others.const), (some.slope, others.slope))
    return Cuts(*(np.concatenate(pair)[order] for pair in pairs))


class Blocks:
    """How the second stage falls apart. ``rows`` and ``columns`` are its place in the program, ``row_block`` and
    ``column_block`` the block of each. Link i is a block and a first-stage column (counted among ``first``) that its
    rows have in common. The last block has no rows: it is what the first stage does to the outcome by itself.
    """

    def __init__(self, draws: Draws) -> None:
        matrix = draws.base.matrix
        self.first, self.columns = np.flatnonzero(draws.first), np.flatnonzero(~draws.first)
        self.rows = np.flatnonzero(draws.second_rows)
        entry_row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        mine, of_first = draws.second_rows[entry_row], draws.first[matrix.indices]
        self.own, self.shared = np.flatnonzero(mine & ~of_first), np.flatnonzero(mine & of_first)
        self.recourse, self.technology = matrix[self.rows][:, self.columns], matrix[self.rows][:, self.first]
        self.count, self.row_block, self.column_block = _components(self.recourse)
        direct = np.zeros(draws.first.size, bool)
        direct[draws.outcome.cost != 0] = True
        if "cost" in draws.varying:
            direct[draws.varying["cost"].at] = True
        pairs = np.repeat(self.row_block, np.diff(self.technology.indptr)) * self.first.size + self.technology.indices
        alone = self.count * self.first.size + np.flatnonzero(direct[self.first])
        links = np.unique(np.concatenate([pairs, alone]))
        self.link_block, self.link_column = np.divmod(links, max(self.first.size, 1))
        self.link_of_entry = np.searchsorted(links, pairs)
        self.count += 1


@dataclass(frozen=True, eq=False)
class _Second:
    """One draw: its second stage, with the rows' limits before the first stage takes its part."""

    region: Region
    technology: Any
    cost: Vector
    direct: Vector
    offset: float

    def bounded(self) -> _Second:
        """The same, columns without an upper bound given the one that a row of the second stage alone implies."""
        apart = np.diff(self.technology.indptr) == 0
        own = replace(self.region, row_upper=np.where(apart, self.region.row_upper, np.inf))
        return replace(self, region=replace(self.region, upper=bounded(own).upper))

    def after(self, x: Vector) -> Region:
        """What is left to decide after a first stage x."""
        taken = self.technology @ x
        return replace(self.region, row_lower=self.region.row_lower - taken, row_upper=self.region.row_upper - taken)


class Recourse:
    """The second stage of every draw, solved where it is asked for; each goes on from where it was last,
    or else from where the one before it is.

    ``against`` (K,) is taken off every loss of a draw: the best it could have had, where regret is measured.
    """

    def __init__(self, draws: Draws, against: Vector | None = None) -> None:
        self.draws, self.blocks = draws, Blocks(draws)
        self.against = np.zeros(len(draws)) if against is None else against
        self.options = SolverOptions(presolve=False)
        self.sign = draws.outcome.sign
        self.scaling = ruiz(self.second(0).after(draws.base.target[self.blocks.first]))
        self.bases: list[Basis | None] = [None] * len(draws)
        self.latest: Basis | None = None

    def cuts(self, x: Vector, which: Indices, deadline: float = np.inf) -> Cuts:
        """Losses and cuts of some draws at a first stage x (n1,).

        Raises NoRecourse for the first draw that cannot go on from there, StoppedError at the deadline (on
        ``time.perf_counter``), and ProofError when an answer fails its check.
        """
        losses, const, slope = zip(*(self._cut(x, draw, deadline) for draw in which.tolist()), strict=True)
        return Cuts(np.array(losses), np.array(const), np.array(slope))

    def second(self, draw: int) -> _Second:
        """The data of one draw's second stage."""
        arrays, blocks = {field: self.draws.array(field, draw) for field in FIELDS}, self.blocks
        region = Region(
            _with(blocks.recourse, arrays["matrix"][blocks.own]),
            arrays["row_lower"][blocks.rows],
            arrays["row_upper"][blocks.rows],
            arrays["lower"][blocks.columns],
            arrays["upper"][blocks.columns],
        )
        technology = _with(blocks.technology, arrays["matrix"][blocks.shared])
        cost, offset = self.sign * arrays["cost"], self.sign * float(arrays["offset"][0]) - float(self.against[draw])
        return _Second(region, technology, cost[blocks.columns], cost[blocks.first], offset)

    def _cut(self, x: Vector, draw: int, deadline: float) -> tuple[float, Vector, Vector]:
        second = self.second(draw)
        y, duals = self._solve(second, x, draw, deadline)
        const, slope = self.plane(second, duals)
        if not np.isfinite(const).all():
            const, slope = self.plane(second.bounded(), duals)
        there = x[self.blocks.link_column]
        loss = float(second.cost @ y + second.direct @ x) + second.offset
        terms = np.abs(second.cost) @ np.abs(y) + np.abs(const).sum() + np.abs(slope) @ np.abs(there)
        proved = const.sum() + slope @ there
        if not (np.isfinite(proved) and abs(loss - proved) <= ALLOWED * terms):
            raise ProofError(f"draw {draw}: its loss is {loss}, and its prices prove only {proved}")
        return loss, const, slope

    def _solve(self, second: _Second, x: Vector, draw: int, deadline: float) -> tuple[Vector, Vector]:
        """The best y (n2,), which keeps every bound and row, and row duals (m2,) of one draw; natural units."""
        left, missed = second.after(x), np.inf
        start = self.bases[draw] or self.latest
        for scaling in (self.scaling, replace(self.scaling, size=self.scaling.size / FINER)):
            region = scaling.region(left)
            scaled, factor = scaling.cost(second.cost)
            try:
                vertex = minimise(region, scaled, replace(self.options, start=start), deadline)
            except NoVertex:
                raise NoRecourse([draw], explain(region, scaled, deadline)) from None
            start = self.bases[draw] = self.latest = vertex.basis
            y = np.clip(vertex.x * scaling.column * scaling.size, left.lower, left.upper)
            missed = self._missed(second, left, x, y)
            if missed <= ALLOWED:
                return y, vertex.duals * scaling.row / factor
        raise ProofError(f"draw {draw}: its second stage is missed by {missed:.1e}")

    def plane(self, second: _Second, duals: Vector) -> tuple[Vector, Vector]:
        """The cut (blocks,) and (links,) that any row duals (m2,) of a draw give, by weak duality.

        A dual on a limit that is infinite counts as none. The constant is minus infinity for a block whose columns'
        bounds do not hold what is left.
        """
        region, blocks = second.region, self.blocks
        limit = np.where(duals > 0, region.row_lower, region.row_upper)
        duals, limit = np.where(np.isfinite(limit), duals, 0.0), np.where(np.isfinite(limit), limit, 0.0)
        reduced = second.cost - region.matrix.T @ duals
        terms = np.abs(second.cost) + abs(region.matrix).T @ np.abs(duals)
        bound = np.where(reduced > 0, region.lower, region.upper)
        used = (reduced != 0) & (np.isfinite(bound) | (np.abs(reduced) > NOISE * terms))
        left = np.where(used, reduced * np.where(used, bound, 0.0), 0.0)
        const = np.bincount(blocks.row_block, duals * limit, minlength=blocks.count)
        const += np.bincount(blocks.column_block, left, minlength=blocks.count)
        const[-1] += second.offset
        carried = np.repeat(duals, np.diff(second.technology.indptr)) * second.technology.data
        slope = -np.bincount(blocks.link_of_entry, carried, minlength=blocks.link_column.size)
        alone = blocks.link_block == blocks.count - 1
        slope[alone] = second.direct[blocks.link_column[alone]]
        return const, slope

    def _missed(self, second: _Second, left: Region, x: Vector, y: Vector) -> float:
        """By how much y leaves bounds and rows, as a part of their size, to which the first stage adds in a row."""
        check = Check(left, self.draws.base.unit[self.blocks.columns], y)
        check.row_size += abs(second.technology) @ np.abs(x)
        return max(residual.size for residual in check.feasible())


def _components(matrix: Any) -> tuple[int, Indices, Indices]:
    """How many sets of rows (m,) and columns (n,) have no entry in common, and which each is in."""
    rows, columns = matrix.shape
    pattern = sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    none = sparse.csr_array((rows, rows)), sparse.csr_array((columns, columns))
    both = sparse.vstack([sparse.hstack([none[0], pattern]), sparse.hstack([pattern.T, none[1]])])
    count, block = connected_components(both, directed=False)
    return int(count), block[:rows], block[rows:]


def _with(pattern: Any, data: Vector) -> Any:
    """A matrix of the same pattern with other numbers."""
    return sparse.csr_array((data, pattern.indices, pattern.indptr), shape=pattern.shape)
