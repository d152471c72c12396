"""How many draws fell where: whole numbers in buckets, so that parts of a run add up exactly in any order.

A value is divided by its reference (what the projection gives without chance), and the bits of the quotient, as a
number of single precision, name its bucket: the exponent and the first nine bits of the fraction. So an octave has 512
buckets, equal within it and at most 0.2% wide. A quantile is read as if draws lay evenly in their bucket, and is off
by at most a bucket's width. Zero has a bucket of its own; so have values below a sixteenth of the reference, and above
sixteen times.

Sums are whole numbers too, of fixed-point fractions of the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocate.kernels.elementary import inner
from allocate.kernels.philox import LANES

type Array = np.ndarray[Any, np.dtype[Any]]

OCTAVES: Final = 4  # on either side of the reference
_SPLIT: Final = 9  # bits of the fraction
_SHIFT: Final = 23 - _SPLIT
_FIRST: Final = (127 - OCTAVES) << _SPLIT
_INSIDE: Final = 2 * OCTAVES << _SPLIT
#: Buckets of a cell: zero, below, those inside, above.
BUCKETS: Final = _INSIDE + 3
ZERO, BELOW, ABOVE = 0, 1, BUCKETS - 1

#: The unit of a sum is a part of the reference (of 1, for a probability). A block of draws must fit 32 bits.
PARTS: Final = 2**20
PROBABILITY_PARTS: Final = 2**24
_MOST: Final = np.float32(2**OCTAVES)


@inner
def put(values: Any, per: Any, buckets: Any) -> None:
    """The bucket of each value times ``per``: ``values`` [LANES], ``buckets`` [LANES] of 16 bits."""
    for b in range(LANES):
        ratio = np.float32(values[b] * per)
        found = np.int32(np.int32(ratio.view(np.int32) >> np.int32(_SHIFT)) - np.int32(_FIRST))
        inside = np.int32(min(max(found, np.int32(-1)), np.int32(_INSIDE)) + np.int32(2))
        buckets[b] = np.uint16(inside if ratio > np.float32(0) else np.int32(0))


@inner
def add(values: Any, per: Any, parts: Any, mask: Any) -> Any:
    """The sum of values times ``per`` over the draws of the mask, in ``parts``; none counts as more than sixteen."""
    total = np.int32(0)
    for b in range(LANES):
        ratio = min(np.float32(values[b] * per), _MOST)
        total = np.int32(total + np.int32(np.int32(ratio * parts + np.float32(0.5)) * mask[b]))
    return np.int64(total)


@inner
def count(buckets: Any, draws: Any, low: Any, high: Any, counts: Any) -> None:
    """Count cells ``low`` to ``high`` of ``buckets`` [cells, draws or more] into ``counts`` [cells, BUCKETS]."""
    for cell in range(low, high):
        here = counts[cell]
        for d in range(draws):
            here[buckets[cell, d]] += np.uint32(1)


@dataclass(frozen=True)
class Sketch:
    """The distribution over draws of every cell: ``counts`` [..., BUCKETS] of draws, ``reference`` [...].

    >>> import numpy as np
    >>> one = np.zeros((1, BUCKETS), np.uint32)
    >>> one[0, 2 + _INSIDE // 2] = 100  # from the reference to 1/512 above it
    >>> Sketch(one, np.array([1000.0])).quantiles([0.5]).round(2).tolist()
    [[1000.98]]
    """

    counts: Array
    reference: Array

    def quantiles(self, probabilities: Any) -> Array:
        """Values [probabilities, ...] below which these parts of the draws lie; off by at most 0.2%.

        As in numpy, the quantile of 0 is the lowest draw and of 1 the highest. What lies below the buckets is given as
        0 and what lies above as infinity, so that an interval is never too narrow; ``outside`` counts them.
        """
        asked = np.atleast_1d(np.asarray(probabilities, float))
        flat = self.counts.reshape(-1, BUCKETS)
        found = np.empty((len(asked), len(flat)))
        for i, cell in enumerate(flat):
            found[:, i] = _ranked(cell, asked)
        return found.reshape(len(asked), *self.reference.shape) * scale(self.reference)

    @property
    def outside(self) -> tuple[Array, Array]:
        """Draws of every cell below a sixteenth of its reference but not 0, and above sixteen times."""
        return self.counts[..., BELOW], self.counts[..., ABOVE]


def scale(reference: Array) -> Array:
    """What values are divided by: the reference, or 1 where it is 0 or has no bound.

    >>> scale(np.array([5.0, 0.0, np.inf])).tolist()
    [5.0, 1.0, 1.0]
    """
    return np.where((reference > 0) & np.isfinite(reference), reference, 1.0)


def _ranked(counts: Array, probabilities: Array) -> Array:
    """Quotients at probabilities of a cell, between the two draws that are next to each, as numpy has it."""
    upto = np.cumsum(counts, dtype=np.int64)
    rank = probabilities * (upto[-1] - 1)
    low = np.floor(rank).astype(np.int64)
    lower, upper = (_in_order(counts, upto, np.minimum(i, upto[-1] - 1)) for i in (low, low + 1))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(lower == upper, lower, lower + (rank - low) * (upper - lower)))


def _in_order(counts: Array, upto: Array, rank: Array) -> Array:
    """Quotients of the draws of these ranks, from 0, as if the draws of a bucket lay evenly in it."""
    bucket = np.searchsorted(upto, rank, side="right")
    within = (rank - (upto[bucket] - counts[bucket]) + 0.5) / counts[bucket]
    return np.asarray(_LOW[bucket] + within * _WIDTH[bucket])


def _edges() -> tuple[Array, Array]:
    """The lower edge of every bucket and its width; nothing is known of the width of those outside."""
    inside = ((np.arange(_INSIDE + 1, dtype=np.int32) + _FIRST) << _SHIFT).view(np.float32).astype(float)
    low = np.concatenate([[0.0, 0.0], inside[:-1], [np.inf]])
    return low, np.concatenate([[0.0, 0.0], np.diff(inside), [0.0]])


_LOW, _WIDTH = _edges()
