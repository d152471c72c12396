"""Random numbers that are looked up, not drawn in turn.

Philox4x32-10 scrambles a counter under a key; here the counter is (draw, step, variable) and the key is the seed. Draw
i is so the same number for number whatever else is asked for: on any thread, in any chunk, in every scenario.
Scenarios compared draw by draw (common random numbers) then differ by what they change and by nothing else.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC11 (2011).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit, uint32, uint64

from allocate.kernels.elementary import inverse_normal, kernel, wide_vectors

#: Draws that are worked on together, the innermost dimension of every array of a kernel.
LANES: Final = 64

_MULTIPLY_0, _MULTIPLY_1 = uint64(0xD2511F53), uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = uint64(0x9E3779B9), uint64(0xBB67AE85)
_LOW, _HALF = uint64(0xFFFFFFFF), uint64(32)


@njit(inline="always", error_model="numpy")
def philox(k0: Any, k1: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
    """Four scrambled words of 32 bits from a key of two and a counter of four, each held in 64 bits.

    >>> from numba import uint64
    >>> [f"{int(word):08x}" for word in philox(*(uint64(0),) * 6)]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    for _ in range(10):
        p0 = _MULTIPLY_0 * c0
        p1 = _MULTIPLY_1 * c2
        c0 = (p1 >> _HALF) ^ c1 ^ k0
        c2 = (p0 >> _HALF) ^ c3 ^ k1
        c1 = p1 & _LOW
        c3 = p0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@kernel
def fill_normals(seed: Any, first: Any, step: Any, variable: Any, out: Any) -> None:
    """Standard normal numbers of a variable at a step: ``out`` [numbers, LANES], draws ``first`` on.

    One call of the generator gives four numbers, so ``out`` has a multiple of four rows. Numbers are of single
    precision whatever the type of ``out``, so that both precisions see the same draws.

    >>> import numpy as np
    >>> out = np.empty((4, LANES))
    >>> fill_normals(np.uint64(1), 0, 0, 0, out)
    >>> float(out[0, 5]) == float(normals(1, 5, 1, 0, 0, 1)[0, 0])
    True
    """
    wide_vectors()
    k0, k1 = uint64(seed) & _LOW, uint64(seed) >> _HALF
    word = np.empty((4, LANES), np.uint32)
    for four in range(out.shape[0] // 4):
        for b in range(LANES):
            draw = uint64(first) + uint64(b)
            c = philox(k0, k1, draw & _LOW, draw >> _HALF, uint64(step), uint64(variable) << uint64(16) | uint64(four))
            word[0, b] = uint32(c[0])
            word[1, b] = uint32(c[1])
            word[2, b] = uint32(c[2])
            word[3, b] = uint32(c[3])
        for row in range(4):
            for b in range(LANES):
                out[4 * four + row, b] = inverse_normal(word[row, b])


def normals(seed: int, first: int, draws: int, step: int, variable: int, numbers: int) -> Any:
    """The standard normal numbers [numbers, draws] that kernels use for a variable (below 65,536) at a step.

    >>> normals(1, 0, 1000, 0, 0, 3)[:, 10:20].tolist() == normals(1, 10, 10, 0, 0, 3).tolist()
    True
    """
    out = np.empty((-(-numbers // 4) * 4, -(-draws // LANES) * LANES), np.float32)
    for start in range(0, draws, LANES):
        block = np.empty((out.shape[0], LANES), np.float32)
        fill_normals(np.uint64(seed), first + start, step, variable, block)
        out[:, start : start + LANES] = block
    return out[:numbers, :draws]
