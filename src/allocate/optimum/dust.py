"""The last digits of a plan: what is dust beside a published unit is nothing.

Columns of 100,000 households that cancel to nothing leave 1e-11 of a household, more than a row of such columns
may be off by: without the dust the row is kept exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from allocate.optimum.certificate import ALLOWED, Check
from allocate.optimum.linear import Region, Vector

#: A value below this part of its published unit is what rounding left of 0.
DUST: Final = 1e-9


def without_dust(region: Region, x: Vector, unit: Vector) -> Vector:
    """x (n,) without what rounding left of 0, if some row of the region is off and none is more so then.

    >>> from scipy import sparse
    >>> one = np.ones(2)
    >>> region = Region(sparse.csr_array([[1.0, 1.0]]), np.zeros(1), np.zeros(1), -9 * one, 9 * one)
    >>> without_dust(region, np.array([3e-12, 1e-12]), one).tolist()
    [0.0, 0.0]
    """
    worst = _off(region, x, unit)
    if worst <= ALLOWED["row"]:
        return x
    dust = (np.abs(x) <= DUST * unit) & (region.lower <= 0.0) & (region.upper >= 0.0)
    clean = np.where(dust, 0.0, x)
    return clean if _off(region, clean, unit) < worst else x


def _off(region: Region, x: Vector, unit: Vector) -> float:
    """How far the worst row is off, as the certificate measures it."""
    return Check(region, unit, x).feasible()[1].size
