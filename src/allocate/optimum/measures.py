"""How outcomes that differ from draw to draw become one number to be made good.

Every measure here is the worst mean of the losses that some set of weights allows: each draw weighs at least
``least`` and at most ``most``, and all weights add up to one. With weights equal to the probabilities it is the mean;
with the worst draws weighing as much as they may, the mean of the worst part (CVaR), down to the worst draw alone.

Source: R. T. Rockafellar, S. Uryasev, *Optimization of conditional value-at-risk*, J. Risk 2 (2000); as the worst of
many weights, P. Artzner, F. Delbaen, J.-M. Eber, D. Heath, *Coherent measures of risk*, Math. Finance 9 (1999).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from allocate.optimum.linear import Vector


@dataclass(frozen=True)
class Measure:
    """``1 - share`` of the mean and ``share`` of the mean of the worst ``1 - alpha`` part of the draws.

    ``alpha`` 0 is the mean, 1 the worst draw that can happen; ``regret`` measures, instead of the outcome, what each
    draw loses against the best that it could have had if it had been known. Raises ValueError for what is not between
    0 and 1.

    >>> Measure(alpha=0.5).of(np.array([4.0, 1.0, 3.0, 2.0]), np.full(4, 0.25))
    3.5
    >>> Measure(alpha=0.5, share=0.5).of(np.array([4.0, 1.0, 3.0, 2.0]), np.full(4, 0.25))
    3.0
    """

    alpha: float = 0.0
    share: float = 1.0
    regret: bool = False

    def __post_init__(self) -> None:
        wrong = [name for name in ("alpha", "share") if not 0 <= getattr(self, name) <= 1]
        if wrong:
            raise ValueError("measure: " + "; ".join(f"{n} is {getattr(self, n)}, expected 0 to 1" for n in wrong))

    def limits(self, probability: Vector) -> tuple[Vector, Vector]:
        """The least and the most (K,) that each draw may weigh."""
        least = (1 - self.share) * probability
        if self.alpha == 0 or self.share == 0:
            return probability, probability
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            most = np.where(probability > 0, np.minimum(probability / (1 - self.alpha), 1.0), 0.0)
        return least, least + self.share * most

    def weights(self, losses: Vector, probability: Vector) -> Vector:
        """The weights (K,) that make these losses (K,) look worst.

        >>> Measure(alpha=0.5).weights(np.array([4.0, 1.0, 3.0, 2.0]), np.full(4, 0.25)).tolist()
        [0.5, 0.0, 0.5, 0.0]
        """
        least, most = self.limits(probability)
        weights, left = least.copy(), 1.0 - math.fsum(least)
        for draw in np.argsort(-losses, kind="stable"):
            more = min(most[draw] - least[draw], max(left, 0.0))
            weights[draw] += more
            left -= more
        return weights

    def of(self, losses: Vector, probability: Vector) -> float:
        """The measure of losses (K,), which are to be made small."""
        return math.fsum(self.weights(losses, probability) * losses)


#: The mean of all draws; the worst draw; the largest regret.
EXPECTED = Measure()
WORST = Measure(alpha=1.0)
REGRET = Measure(alpha=1.0, regret=True)
