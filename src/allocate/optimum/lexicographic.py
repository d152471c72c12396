"""From a linear program with goals in order to one certified optimum: the door to everything here.

A goal that gives is solved first as if it gave nothing, then kept by a row; whole numbers are searched for and fixed;
what is left is a linear program that ``stages`` solves exactly. Every plan comes with a certificate, or does not come.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from allocate.errors import ProofError
from allocate.optimum.certificate import certify
from allocate.optimum.extended import giving, keeping, up_to
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible
from allocate.optimum.linear import LinearProgram, Vector
from allocate.optimum.result import Bounds, Grade, Optimum, Stage
from allocate.optimum.stages import NearTies, solve_linear
from allocate.optimum.whole import solve_whole

__all__ = ["Grade", "NearTies", "Optimum", "Stage", "solve"]


def solve(lp: LinearProgram, options: SolverOptions | None = None) -> Optimum:
    """The one optimum of a linear program with goals in order.

    Raises Infeasible or Unbounded (both NoPlanError), StoppedError at the time limit, and ProofError when the answer
    fails its certificate or near ties leave it in doubt.

    >>> from allocate.optimum.linear import Goal
    >>> from scipy import sparse
    >>> goal = Goal("reach", np.array([1.0, 1.0]), sense="max")
    >>> spend = sparse.csr_array([[1.0, 1.0]])
    >>> limits = np.array([-np.inf]), np.array([10.0]), np.zeros(2), np.full(2, 8.0)
    >>> optimum = solve(LinearProgram(spend, *limits, (goal,), np.array([1.0, 5.0]), np.ones(2)))
    >>> optimum.values.tolist(), optimum.prices.tolist(), optimum.x.round(3).tolist(), optimum.grade
    ([10.0], [[1.0]], [2.0, 8.0], 'exact')
    """
    options = options or SolverOptions()
    return _solve(lp, options, time.perf_counter() + options.time_limit)


def _solve(
    lp: LinearProgram, options: SolverOptions, deadline: float, known: Vector | None = None, nearest: bool = True
) -> Optimum:
    at = giving(lp)
    if at is not None:
        return _giving(lp, at, options, deadline, known)
    if lp.integer.any():
        return solve_whole(lp, options, deadline, known, nearest)
    return solve_linear(lp, options, deadline)


def _giving(lp: LinearProgram, at: int, options: SolverOptions, deadline: float, known: Vector | None) -> Optimum:
    """The best of the first goal that gives, and then the optimum of the rest with a row that keeps what it keeps."""
    best = _solve(up_to(lp, at), replace(options, accept_near_ties=True), deadline, known, nearest=False)
    try:
        rest = _solve(keeping(lp, at, best.values[-1]), replace(options, start=None), deadline, best.x)
    except Infeasible as error:
        raise ProofError(f"goal {lp.goals[at].name!r}: the solver finds no plan that keeps enough of it") from error
    answer = replace(rest.answer, given=(best.answer, *rest.answer.given))
    return Optimum(
        lp,
        answer,
        certify(lp, answer),
        rest.near_ties,
        rest.finish,
        (*best.stages, *rest.stages),
        best.basis,
        _merged(rest.bounds, best.bounds, at),
    )


def _merged(rest: Bounds | None, best: Bounds | None, at: int) -> Bounds | None:
    if rest is None or best is None:
        return None
    return Bounds(
        np.insert(rest.solver, at, best.solver[-1]),
        np.insert(rest.proved, at, best.proved[-1]),
        np.insert(rest.gap, at, best.gap[-1]),
        rest.nearest,
    )
