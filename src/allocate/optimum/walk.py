"""Related programs one after another, each solved from the corner of the one before and proved by itself.

Between one level of a limit and the next, most of a plan stays. The basis that was best is still as good as any by its
prices, so the dual simplex only mends what the new limits break; later goals go on from there on the face that the
first one leaves. Where the coefficients stay, the solver keeps the matrix that it has.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from allocate.errors import ProofError
from allocate.optimum.certificate import Certificate, certify
from allocate.optimum.extended import Answer
from allocate.optimum.highs import Basis, Session, SolverOptions, Vertex, minimise
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import LinearProgram, Region, Vector
from allocate.optimum.result import Optimum
from allocate.optimum.scaling import ruiz
from allocate.optimum.stages import ANY, Work

_LENIENT: Final = SolverOptions(accept_near_ties=True)


@dataclass(frozen=True, eq=False)
class Point:
    """One of the optimal plans of a program, with its proof: x (n,), values (goals,), prices (goals, m), as in
    :class:`Optimum`; where it is not the only one, nobody says which."""

    x: Vector
    values: Vector
    prices: NDArray[np.float64]
    certificate: Certificate
    seconds: float


class Walk:
    """Steps from program to program; each must be plain (``LinearProgram.is_plain``).

    Values do not depend on the order of the steps. Prices and x do where more than one is right; ``nearest`` gives the
    plan that does not.

    >>> from dataclasses import replace
    >>> from scipy import sparse
    >>> from allocate.optimum.linear import Goal
    >>> one, goal = np.ones(1), Goal("reach", np.array([2.0, 1.0]), sense="max")
    >>> ends = np.zeros(2), np.full(2, 4.0)
    >>> lp = LinearProgram(sparse.csr_array([[1.0, 1.0]]), -np.inf * one, one, *ends, (goal,), np.zeros(2), np.ones(2))
    >>> walk = Walk()
    >>> [walk.step(replace(lp, row_upper=level * one)).values.tolist() for level in (2.0, 4.0, 6.0)]
    [[4.0], [8.0], [10.0]]
    """

    def __init__(self) -> None:
        self.matrix: Any = None
        self.session: Session | None = None
        self.basis: Basis | None = None

    def step(self, lp: LinearProgram) -> Point:
        """An optimum of the next program, no matter which.

        Raises Infeasible or Unbounded (both NoPlanError) with their proof, after which other steps may follow, and
        ProofError.
        """
        start = time.perf_counter()
        try:
            work = self._goals(lp)
            x = work.corner.x * work.scaling.column * work.scaling.size
            prices = np.array([goal.sign * dual for goal, dual in zip(lp.goals, work.prices, strict=True)])
            answer = Answer(x, prices.reshape(len(lp.goals), lp.row_lower.size))
            certificate = certify(lp, answer, work.scaling)
        except ProofError:
            certificate = Certificate(())
        if not certificate.ok:  # a second opinion, from nothing
            found = solve(lp, _LENIENT)
            answer, certificate = found.answer, found.certificate
        values = np.array([goal.value(answer.x) for goal in lp.goals])
        return Point(answer.x, values, answer.prices, certificate, time.perf_counter() - start)

    def nearest(self, lp: LinearProgram) -> Optimum:
        """The optimum of the next program that is nearest to its target, as ``lexicographic.solve`` finds it; which
        also says what is raised."""
        try:
            work = self._goals(lp)
            work.tie_break()
            return work.optimum()
        except ProofError:
            return solve(lp, _LENIENT)

    def _goals(self, lp: LinearProgram) -> Work:
        """Every goal in order, from the corner of the step before."""
        if not lp.is_plain:
            raise ValueError("a walk is of programs whose goals keep all they have, without whole numbers")
        if self.matrix is None or not _same(self.matrix, lp.matrix):
            self.matrix, self.scaling, self.session = lp.matrix, ruiz(lp.region), None
        work = Work(lp, _LENIENT, np.inf, lambda _: self.scaling, self._corner)
        for goal in lp.plain_goals or (ANY,):
            work.stage(goal, work.last.basis if work.stages else None)
        self.basis = work.last.basis
        return work

    def _corner(
        self, region: Region, cost: Vector, options: SolverOptions, deadline: float, near: Basis | None
    ) -> Vertex:
        basis = near or self.basis
        if basis is None or basis.rows.size != region.row_lower.size or basis.columns.size != cost.size:
            return minimise(region, cost, options, deadline)
        if self.session is None:
            self.session = Session(region)
        return self.session.resume(region, cost, basis, primal=near is not None)


def _same(a: Any, b: Any) -> bool:
    """Whether two matrices in canonical form are the same."""
    return (
        a.shape == b.shape
        and a.nnz == b.nnz
        and bool((a.indptr == b.indptr).all() and (a.indices == b.indices).all() and (a.data == b.data).all())
    )
