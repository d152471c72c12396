"""The best that each draw could have had, if it had been known which draw comes true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from allocate.errors import NoPlanError, ProofError
from allocate.optimum.certificate import Check
from allocate.optimum.draws import Draws
from allocate.optimum.firststage import FirstStage, least_value
from allocate.optimum.highs import SolverOptions
from allocate.optimum.linear import Goal, LinearProgram, Vector
from allocate.optimum.recourse import ALLOWED, NoRecourse
from allocate.optimum.stages import corner


def best_alone(draws: Draws, first: FirstStage) -> Vector:
    """The least loss (K,) of each draw over all plans of the first stage, as weak duality proves it.

    The goals before the outcome keep their best. Raises NoRecourse for a draw that no plan serves, StoppedError at the
    deadline of the first stage, and ProofError when a value and its proof do not agree.
    """
    return np.array([_least(draws, first, draw) for draw in range(len(draws))])


def _least(draws: Draws, first: FirstStage, draw: int) -> float:
    lp = _kept(draws, first, draw)
    goal = lp.plain_goals[-1]
    try:
        x, prices = corner(lp, SolverOptions(), first.deadline)
    except NoPlanError as error:
        raise NoRecourse([draw], error) from None
    x = np.clip(x, lp.lower, lp.upper)
    loss = Goal(goal.name, goal.sign * goal.cost, goal.sign * goal.offset)
    proved = least_value(lp.region, loss, goal.sign * prices[-1])
    terms = np.abs(goal.cost) @ np.abs(x) + abs(proved)
    missed = max(residual.size for residual in Check(lp.region, lp.unit, x).feasible())
    if not (missed <= ALLOWED and np.isfinite(proved) and abs(loss.value(x) - proved) <= ALLOWED * terms):
        raise ProofError(f"draw {draw}: its best plan alone is not proved")
    return proved


def _kept(draws: Draws, first: FirstStage, draw: int) -> LinearProgram:
    """One draw with its outcome for only goal, over the plans that are best for the goals before."""
    lp, rows = draws.program(draw), ~draws.second_rows
    limits = {side: getattr(lp, side).copy() for side in ("lower", "upper", "row_lower", "row_upper")}
    for side, where in (("lower", draws.first), ("upper", draws.first), ("row_lower", rows), ("row_upper", rows)):
        limits[side][where] = getattr(first.region, side)
    return replace(lp, goals=lp.goals[-1:], **limits)
