"""Exponential, logarithm and the normal distribution, written so that a loop over draws becomes vector instructions.

The compiler's own ``exp`` and ``log`` are calls, one number at a time. These are series without a branch: the number is
split into a power of two and a rest near 1, and what is left of the series after the last term is below the rounding of
its type. The two types have series of two lengths, and are told apart when a caller is compiled, so callers are written
once. None of them is for NaN.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import float32, njit, types
from numba.extending import intrinsic, overload

#: How every kernel is compiled. A product and a sum may become one instruction that rounds once (contraction), which
#: all processors with such an instruction do alike; sums are never reordered. Division by zero gives infinity, as in
#: numpy.
OPTIONS: Final[dict[str, Any]] = {"error_model": "numpy", "fastmath": {"contract"}}
kernel = njit(**OPTIONS)
#: One that only kernels call. Python's way in is left out, and with it a quarter of the time of compiling: called from
#: Python all the same, it takes the process with it.
WITHIN: Final[dict[str, Any]] = {**OPTIONS, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
inner = njit(**WITHIN)


def _wide_vectors(_typing: Any) -> Any:
    """Said in a function: its loops may use the widest vectors of the machine.

    Where there are 512 bits, compilers keep to 256 for the sake of other programs; here most time goes to the product,
    which uses them all anyway.
    """

    def generate(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


wide_vectors: Any = intrinsic(_wide_vectors)

_LOG2_E = 1.4426950408889634
#: ln 2 in two parts; the first has so few digits that a whole number times it is exact, in each type.
_LN2_32 = (np.float32(0.693359375), np.float32(-2.1219444005469058e-4))
_LN2_64 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)


def exp(x: Any) -> Any:
    """e to the power of x, by Taylor's series about the nearest multiple of ln 2; x is held within the type's range.

    >>> import math
    >>> round(_called(exp, 1.0) / math.e, 14)
    1.0
    """
    raise NotImplementedError("compiled code only")


@overload(exp, inline="always")
def _exp(x: Any) -> Any:
    return _exp_32 if x == types.float32 else _exp_64


def _exp_32(x: Any) -> Any:
    x = min(max(x, np.float32(-87)), np.float32(88))
    whole = np.rint(x * np.float32(_LOG2_E))
    r = (x - whole * _LN2_32[0]) - whole * _LN2_32[1]
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(1 / 2)
    p = p * r + np.float32(1)
    p = p * r + np.float32(1)
    return p * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


def _exp_64(x: Any) -> Any:
    x = min(max(x, -708.0), 709.0)
    whole = np.rint(x * _LOG2_E)
    r = (x - whole * _LN2_64[0]) - whole * _LN2_64[1]
    p = 1 / 6227020800
    p = p * r + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 1 / 2
    p = p * r + 1.0
    p = p * r + 1.0
    return p * np.int64((np.int64(whole) + np.int64(1023)) << np.int64(52)).view(np.float64)


def log(x: Any) -> Any:
    """Natural logarithm of a positive x, by the series of the inverse hyperbolic tangent; infinity gives a large
    number.

    >>> round(_called(log, 10.0), 14)
    2.30258509299405
    """
    raise NotImplementedError("compiled code only")


@overload(log, inline="always")
def _log(x: Any) -> Any:
    return _log_32 if x == types.float32 else _log_64


def _log_32(x: Any) -> Any:
    # The rest m lies between sqrt(1/2) and sqrt(2): half an octave is taken off before the exponent is read.
    bits = np.int32(np.float32(x).view(np.int32) - np.int32(0x3F3504F3))
    power = np.float32(np.int32(bits >> np.int32(23)))
    m = np.int32(np.int32(bits & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(np.float32)
    s = (m - np.float32(1)) / (m + np.float32(1))
    q = s * s
    p = np.float32(2 / 9)
    p = p * q + np.float32(2 / 7)
    p = p * q + np.float32(2 / 5)
    p = p * q + np.float32(2 / 3)
    p = p * q * s + (s + s)
    return power * _LN2_32[0] + (p + power * _LN2_32[1])


def _log_64(x: Any) -> Any:
    bits = np.float64(x).view(np.int64) - np.int64(0x3FE6A09E667F3BCD)
    power = np.float64(bits >> np.int64(52))
    m = np.int64((bits & np.int64(0xFFFFFFFFFFFFF)) + np.int64(0x3FE6A09E667F3BCD)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    p = 2 / 21
    p = p * q + 2 / 19
    p = p * q + 2 / 17
    p = p * q + 2 / 15
    p = p * q + 2 / 13
    p = p * q + 2 / 11
    p = p * q + 2 / 9
    p = p * q + 2 / 7
    p = p * q + 2 / 5
    p = p * q + 2 / 3
    p = p * q * s + (s + s)
    return power * _LN2_64[0] + (p + power * _LN2_64[1])


def normal_cdf(x: Any) -> Any:
    """Probability that a standard normal number is below x: Hart's rational form, exact to 1e-15, 0 or 1 beyond 8.

    Source: J. F. Hart and others, Computer Approximations (1968), 5666, as given by G. West, Better approximations to
    cumulative normal functions, Wilmott Magazine (2005).

    >>> round(_called(normal_cdf, 1.96), 14)
    0.97500210485178
    """
    raise NotImplementedError("compiled code only")


@overload(normal_cdf, inline="always")
def _normal_cdf(x: Any) -> Any:
    T = np.float32 if x == types.float32 else np.float64
    a0, a1, a2, a3 = T(0.0352624965998911), T(0.700383064443688), T(6.37396220353165), T(33.912866078383)
    a4, a5, a6 = T(112.079291497871), T(221.213596169931), T(220.206867912376)
    b0, b1, b2, b3 = T(0.0883883476483184), T(1.75566716318264), T(16.064177579207), T(86.7807322029461)
    b4, b5, b6, b7 = T(296.564248779674), T(637.333633378831), T(793.826512519948), T(440.413735824752)
    zero, one, half, most = T(0), T(1), T(0.5), T(8)

    def body(x: Any) -> Any:
        z = min(abs(x), most)
        above = ((((((a0 * z + a1) * z + a2) * z + a3) * z + a4) * z + a5) * z + a6) * exp(-half * z * z)
        below = ((((((b0 * z + b1) * z + b2) * z + b3) * z + b4) * z + b5) * z + b6) * z + b7
        tail = above / below if z < most else zero
        return tail if x < zero else one - tail

    return body


@njit(inline="always", error_model="numpy", fastmath={"contract"})
def inverse_normal(k: Any) -> Any:
    """The standard normal number, in single precision, at the middle of the k-th of 2**32 equal parts of probability.

    By Giles's two polynomials for the inverse error function, the second fitted anew, since his ends at 24 bits:
    relative error below 1e-6. The largest number is 6.33. Source: M. Giles, Approximating the erfinv function, GPU
    Computing Gems Jade Edition (2011).

    >>> import numpy as np
    >>> float(round(inverse_normal(np.uint32(0.975 * 2**32)), 4))
    1.96
    """
    centred = np.int32(np.uint32(k) ^ np.uint32(0x80000000))
    away = np.int32(centred ^ np.int32(centred >> np.int32(31)))  # whole parts between here and the middle
    x = (float32(away) + float32(0.5)) * float32(2.0**-31)
    p = (float32(np.int32(np.int32(0x7FFFFFFF) - away)) + float32(0.5)) * float32(2.0**-32)
    w = -log(float32(4) * p * (float32(1) - p))
    v = w - float32(2.5)
    near = float32(2.81022636e-08)
    near = near * v + float32(3.43273939e-07)
    near = near * v + float32(-3.5233877e-06)
    near = near * v + float32(-4.39150654e-06)
    near = near * v + float32(0.00021858087)
    near = near * v + float32(-0.00125372503)
    near = near * v + float32(-0.00417768164)
    near = near * v + float32(0.246640727)
    near = near * v + float32(1.50140941)
    v = np.sqrt(w) - float32(3)
    far = float32(-3.03860886e-06)
    far = far * v + float32(-0.000165001901)
    far = far * v + float32(0.00116626939)
    far = far * v + float32(-0.00336931174)
    far = far * v + float32(0.0057872578)
    far = far * v + float32(-0.00772610731)
    far = far * v + float32(0.00943437633)
    far = far * v + float32(1.00168327)
    far = far * v + float32(2.8329771)
    size = (near if w < float32(5) else far) * x * float32(1.4142135623730951)
    return -size if centred < np.int32(0) else size


def _called(function: Any, x: Any) -> float:
    """The value of one of these functions, compiled for the type of x: for examples and tests."""

    @kernel
    def call(x: Any) -> Any:
        return function(x)

    return float(call(x))
