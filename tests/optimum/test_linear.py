"""A program that makes no sense is refused when it is made, with everything that is wrong with it."""

from dataclasses import replace

import numpy as np
import pytest

from allocate.optimum.linear import Goal
from optimum.instances import allocation

LP = allocation(2, 1, 2, 1)
N, M = LP.lower.size, LP.row_lower.size


def with_value(name, value):
    array = getattr(LP, name).copy()
    array[1] = value
    return {name: array}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"goals": (Goal("g", np.full(N, np.nan)),)}, "cost of goal 'g' must be finite"),
        ({"goals": (Goal("g", np.zeros(N)), Goal("g", np.zeros(N)))}, "two goals share a name"),
        ({"goals": (Goal("g", np.zeros(N), sense="most"),)}, "expected 'min' or 'max'"),
        ({"goals": (Goal("g", np.zeros(N), np.inf),)}, "offset"),
        ({"goals": (Goal("g", np.zeros(N + 1)),)}, r"shape \(7,\)" if N == 6 else "has shape"),
        ({"matrix": LP.matrix * np.nan}, "matrix entries"),
        ({"lower": np.zeros(N - 1)}, "lower has shape"),
        (with_value("lower", np.inf), "lower must not be inf"),
        (with_value("upper", -np.inf), "upper must not be -inf"),
        (with_value("upper", -1.0), "lower exceeds upper"),
        (with_value("row_lower", np.nan), "row_lower must not be NaN"),
        (with_value("row_upper", 1e30), "write infinity"),
        (with_value("unit", 0.0), "unit must be finite and positive"),
        (with_value("target", np.nan), "target must be finite"),
    ],
)
def test_everything_wrong_is_refused(change, words):
    """Proves: HiGHS takes NaN costs with status OK; this library does not, nor any other nonsense."""
    with pytest.raises(ValueError, match=words):
        replace(LP, **change)


def test_all_problems_come_together():
    """Proves: a program with three mistakes names all three, so it need not be mended three times."""
    with pytest.raises(ValueError, match=r"cost of goal.*lower exceeds.*unit must"):
        replace(LP, **with_value("upper", -1.0), **with_value("unit", np.nan), goals=(Goal("g", np.full(N, np.inf)),))


def test_a_program_cannot_be_changed_from_outside():
    """Proves: arrays are copies and read-only, so a program and its plan cannot drift apart."""
    target = np.ones(N)
    lp = replace(LP, target=target)
    target[:] = 5
    assert lp.target.tolist() == [1.0] * N
    with pytest.raises(ValueError, match="read-only"):
        lp.target[0] = 2
