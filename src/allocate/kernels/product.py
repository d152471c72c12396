"""A small matrix times a block of draws, where most of the time of a projection goes.

Four rows of the matrix are taken together, and their sums over its columns stay in registers for as many draws as there
are registers for. Loops as the compiler vectorises them reach a third of what the machine can do here, so vectors are
asked for by name. Each sum runs over the columns in order, whatever the width of the machine's vectors.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from allocate.kernels.elementary import kernel
from allocate.kernels.philox import LANES

#: Rows of the matrix that are taken together.
ROWS: Final = 4

_WIDE = binding.get_host_cpu_features().get("avx512f", False)
#: Bits of a vector, and how many vectors of draws: sixteen sums fit 32 registers, eight fit 16.
_BITS, _VECTORS = (512, 4) if _WIDE else (256, 2)


def packed(matrices: Any) -> Any:
    """Matrices [..., n, m] as the product reads them, [..., n / ROWS, m, ROWS], with rows of zeros to fill the last.

    >>> import numpy as np
    >>> packed(np.arange(6.0).reshape(3, 2)).tolist()
    [[[0.0, 2.0, 4.0, 0.0], [1.0, 3.0, 5.0, 0.0]]]
    """
    *lead, rows, columns = matrices.shape
    full = np.zeros((*lead, -(-rows // ROWS) * ROWS, columns), matrices.dtype)
    full[..., :rows, :] = matrices
    return np.ascontiguousarray(full.reshape(*lead, -1, ROWS, columns).swapaxes(-1, -2))


@intrinsic
def _tile(context: Any, matrix: Any, x: Any, y: Any, group: Any) -> Any:
    """y[rows of the group] = matrix[group] times x, for all draws; ``matrix`` as packed, x and y [rows, LANES]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [context.make_array(t)(context, builder, a) for t, a in zip(signature.args[:3], args[:3], strict=True)]
        q, x, y = (array.data for array in arrays)
        index, one = ir.IntType(64), context.get_value_type(signature.args[0].dtype)
        size = 4 if isinstance(one, ir.FloatType) else 8
        wide = _BITS // 8 // size
        vector = ir.VectorType(one, wide)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), wide), [0] * wide)
        zero, none = ir.Constant(vector, [0.0] * wide), ir.Constant(vector, ir.Undefined)
        name = f"llvm.fmuladd.v{wide}f{8 * size}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        columns = builder.extract_value(arrays[1].shape, 0)

        def at(base: Any, row: Any, start: Any) -> Any:
            place = builder.add(builder.mul(row, index(LANES)), index(start))
            return builder.bitcast(builder.gep(base, [place]), vector.as_pointer())

        q = builder.gep(q, [builder.mul(args[3], builder.mul(columns, index(ROWS)))])
        for start in range(0, LANES, wide * _VECTORS):
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(_VECTORS)] for _ in range(ROWS)]
            for place in (place for row in sums for place in row):
                builder.store(zero, place)
            with cgutils.for_range(builder, columns) as loop:
                many = [builder.load(at(x, loop.index, start + v * wide), align=size) for v in range(_VECTORS)]
                for r in range(ROWS):
                    place = builder.add(builder.mul(loop.index, index(ROWS)), index(r))
                    scalar = builder.load(builder.gep(q, [place]))
                    spread = builder.insert_element(none, scalar, ir.IntType(32)(0))
                    spread = builder.shuffle_vector(spread, none, lanes)
                    for v in range(_VECTORS):
                        total = builder.call(fused, [spread, many[v], builder.load(sums[r][v])])
                        builder.store(total, sums[r][v])
            for r in range(ROWS):
                row = builder.add(builder.mul(args[3], index(ROWS)), index(r))
                for v in range(_VECTORS):
                    builder.store(builder.load(sums[r][v]), at(y, row, start + v * wide), align=size)
        return context.get_dummy_value()

    return types.void(matrix, x, y, group), generate


@kernel
def multiply(matrix: Any, x: Any, y: Any) -> None:
    """y = matrix times x: ``matrix`` [n / ROWS, m, ROWS] as ``packed`` gives it, x [m, LANES], y [n, LANES].

    All of one type and contiguous. Rows that ``packed`` added are zeros of y, which needs room for them.

    >>> import numpy as np
    >>> matrix, x = np.arange(6.0).reshape(3, 2), np.ones((2, LANES))
    >>> y = np.empty((ROWS, LANES))
    >>> multiply(packed(matrix), x, y)
    >>> y[:, 7].tolist()
    [1.0, 5.0, 9.0, 0.0]
    """
    for group in range(matrix.shape[0]):
        _tile(matrix, x, y, group)
