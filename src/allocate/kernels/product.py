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


def padded(matrices: Any) -> Any:
    """Square matrices [..., n, n] with rows and columns of zeros up to the next multiple of ROWS.

    >>> import numpy as np
    >>> padded(np.ones((2, 2))).tolist()
    [[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    *lead, rows, _ = matrices.shape
    size = -(-rows // ROWS) * ROWS
    full = np.zeros((*lead, size, size), matrices.dtype)
    full[..., :rows, :rows] = matrices
    return full


def _sum_rows(_typing: Any, matrix: Any, down: Any, across: Any, x: Any, y: Any, group: Any) -> Any:
    """y[rows of the group] = those rows of the matrix times x, for all draws; x and y [rows, LANES].

    ``down`` and ``across``: how far a row, and a column, is from the next in ``matrix``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        matrix, x, y = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 3, 4))
        down, across, group = args[1], args[2], args[5]
        index, one = ir.IntType(64), context.get_value_type(signature.args[0].dtype)
        size = 4 if isinstance(one, ir.FloatType) else 8
        wide = _BITS // 8 // size
        vector = ir.VectorType(one, wide)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), wide), [0] * wide)
        zero, none = ir.Constant(vector, [0.0] * wide), ir.Constant(vector, ir.Undefined)
        name = f"llvm.fmuladd.v{wide}f{8 * size}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        columns = builder.extract_value(x.shape, 0)

        def at(base: Any, row: Any, start: Any) -> Any:
            place = builder.add(builder.mul(row, index(LANES)), index(start))
            return builder.bitcast(builder.gep(base, [place]), vector.as_pointer())

        rows = [builder.add(builder.mul(group, index(ROWS)), index(r)) for r in range(ROWS)]
        bases = [builder.gep(matrix.data, [builder.mul(row, down)]) for row in rows]
        for start in range(0, LANES, wide * _VECTORS):
            sums = [[cgutils.alloca_once(builder, vector) for _ in range(_VECTORS)] for _ in range(ROWS)]
            for place in (place for row in sums for place in row):
                builder.store(zero, place)
            with cgutils.for_range(builder, columns) as loop:
                many = [builder.load(at(x.data, loop.index, start + v * wide), align=size) for v in range(_VECTORS)]
                column = builder.mul(loop.index, across)
                for r in range(ROWS):
                    scalar = builder.load(builder.gep(bases[r], [column]))
                    spread = builder.insert_element(none, scalar, ir.IntType(32)(0))
                    spread = builder.shuffle_vector(spread, none, lanes)
                    for v in range(_VECTORS):
                        total = builder.call(fused, [spread, many[v], builder.load(sums[r][v])])
                        builder.store(total, sums[r][v])
            for r in range(ROWS):
                for v in range(_VECTORS):
                    builder.store(builder.load(sums[r][v]), at(y.data, rows[r], start + v * wide), align=size)
        return context.get_dummy_value()

    return types.void(matrix, down, across, x, y, group), generate


_tile: Any = intrinsic(_sum_rows)


@kernel
def multiply(matrix: Any, x: Any, y: Any) -> None:
    """y = matrix times x: ``matrix`` as ``padded`` gives it, x [n, LANES], y [n up to ROWS, LANES].

    All of one type and contiguous. Rows that were added are zeros of y, which needs room for them.

    >>> import numpy as np
    >>> y = np.empty((ROWS, LANES))
    >>> multiply(padded(np.arange(4.0).reshape(2, 2)), np.ones((2, LANES)), y)
    >>> y[:, 7].tolist()
    [1.0, 5.0, 0.0, 0.0]
    """
    for group in range(matrix.shape[0] // ROWS):
        _tile(matrix, matrix.shape[1], 1, x, y, group)


@kernel
def multiply_transposed(matrix: Any, x: Any, y: Any) -> None:
    """y = the transpose of matrix, times x; otherwise as ``multiply``.

    >>> import numpy as np
    >>> y = np.empty((ROWS, LANES))
    >>> multiply_transposed(padded(np.arange(4.0).reshape(2, 2)), np.ones((2, LANES)), y)
    >>> y[:, 7].tolist()
    [2.0, 4.0, 0.0, 0.0]
    """
    for group in range(matrix.shape[0] // ROWS):
        _tile(matrix, 1, matrix.shape[1], x, y, group)
