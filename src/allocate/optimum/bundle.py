"""Money before need, by cuts: from above what a plan loses, from below what no plan can go under.

Each round takes the plan that the cuts so far propose, solves the draws that may be among the worst there, and adds
their cuts. The other draws are solved too where the plan may well be the best so far: only then does its measure
matter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from allocate.errors import ProofError, StoppedError
from allocate.optimum.draws import Indices
from allocate.optimum.firststage import FirstStage
from allocate.optimum.linear import Vector
from allocate.optimum.master import NoProposal, Pool, groups, propose
from allocate.optimum.measures import Measure
from allocate.optimum.recourse import Cuts, NoRecourse, Recourse, together

#: A plan's measure is worked out where what is known of it leaves less than the first part of the gap, or where the
#: bound has come nearer by less than the second: then draws that were left aside are missing.
PROMISING, STUCK = 0.25, 0.05
#: Rounds in a row that each close less than this part of the gap: rounding is all that is left of it.
SLOW, ENOUGH = 1e-2, 5


@dataclass(frozen=True)
class Step:
    """After so many seconds of cuts: the loss that no plan can go under, and that of the best plan so far.

    At first, with one plan measured and nothing proved, the bound is infinite.
    """

    seconds: float
    bound: float
    value: float


@dataclass(frozen=True, eq=False)
class Bundle:
    """The best plan x (n1,) found, its losses (K,), and how the bound and its measure came to what they are.

    ``idle`` is the measure of doing nothing: every first-stage column at its lower bound; 0 where that cannot be said.
    """

    x: Vector
    losses: Vector
    idle: float
    steps: tuple[Step, ...]


def by_cuts(first: FirstStage, recourse: Recourse, measure: Measure, gap: float) -> Bundle:
    """A plan whose measure is within ``gap`` of the best, as a part of what it differs from doing nothing by (at least
    1), or as near as it came by the deadline of the first stage or before rounding stopped it.

    Raises NoRecourse, ProofError where nothing bounds the outcome, and StoppedError at a deadline before the first plan
    was measured.
    """
    work = _Rounds(first, recourse, measure)
    work.begin()
    try:
        while work.left > gap * work.scale and work.slow < ENOUGH:
            work.round()
    except StoppedError:
        work.note()  # what was proved so far stands
    except NoProposal:
        if not np.isfinite(work.bound):
            raise
    return Bundle(work.x, work.losses, work.idle, tuple(work.steps))


@dataclass(eq=False)
class _Rounds:
    """What is known after so many rounds."""

    first: FirstStage
    recourse: Recourse
    measure: Measure
    bound: float = -np.inf
    value: float = np.inf
    idle: float = 0.0
    x: Vector = field(default_factory=lambda: np.zeros(0))
    losses: Vector = field(default_factory=lambda: np.zeros(0))
    slow: int = 0
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = time.perf_counter()
        self.probability = self.recourse.draws.probability
        self.least, self.most = self.measure.limits(self.probability)
        self.everyone = np.arange(self.probability.size)
        self.pool = Pool(self.recourse.blocks, self.everyone.size)
        self.weighed = np.zeros((0, self.everyone.size))

    @property
    def left(self) -> float:
        """The gap."""
        return self.value - self.bound

    @property
    def scale(self) -> float:
        """What the gap is a part of."""
        return max(1.0, abs(self.value - self.idle))

    def begin(self) -> None:
        """Doing nothing, which says how much money moves, and the plan nearest to the target."""
        nothing = self.first.program.lower
        if np.isfinite(nothing).all():
            try:
                cuts = self._solved(nothing, self.everyone)
                self.pool.add(nothing, self.everyone, cuts)
                self.idle = self.measure.of(cuts.losses, self.probability)
            except NoRecourse:
                pass
        self._measured(self.first.start, self._solved(self.first.start, self.everyone))
        if not np.isfinite(self.value):
            raise ProofError("the plan nearest to the target does not keep every rule of the first stage exactly")
        self.note()

    def note(self) -> None:
        """What is known by now."""
        self.steps.append(Step(time.perf_counter() - self.began, self.bound, self.value))

    def round(self) -> None:
        """One proposal, and what the draws say of it."""
        before, bound = self.left, self.bound
        counted = groups(self.weighed, self.least, self.most, self.probability)
        proposed = propose(self.first, self.pool, counted)
        self.bound = max(self.bound, proposed.bound)
        x, some = self.first.nearest(proposed.x), np.sort(np.concatenate([group.draws for group in counted]))
        cuts = self._solved(x, some)
        rest = np.setdiff1d(self.everyone, some)
        if not rest.size or self.bound - bound < STUCK * self.left or self._promising(some, cuts):
            self._measured(x, together(cuts, some, self._solved(x, rest), rest) if rest.size else cuts)
        else:
            self.pool.add(x, some, cuts)
        self.note()
        self.slow = 0 if self.left < (1 - SLOW) * before else self.slow + 1

    def _solved(self, x: Vector, which: Indices) -> Cuts:
        return self.recourse.cuts(x, which, self.first.deadline)

    def _promising(self, some: Indices, cuts: Cuts) -> bool:
        """Whether a plan may well be the best: the measure if no other draw were among the worst."""
        losses = np.full(self.everyone.size, cuts.losses.min())
        losses[some] = cuts.losses
        return self.measure.of(losses, self.probability) <= self.bound + PROMISING * self.left

    def _measured(self, x: Vector, cuts: Cuts) -> None:
        """What a plan at which every draw was solved is worth."""
        self.pool.add(x, self.everyone, cuts)
        weights = self.measure.weights(cuts.losses, self.probability)
        self.weighed = np.concatenate([self.weighed, weights[None]])
        value = self.measure.of(cuts.losses, self.probability)
        if value < self.value and self.first.keeps(x):
            self.x, self.losses, self.value = x, cuts.losses, value
