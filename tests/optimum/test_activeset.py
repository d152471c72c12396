"""Exchanging constraints one at a time ends at the closest point, whichever guess it starts from."""

import numpy as np
import pytest
from scipy import sparse

from allocate.optimum.activeset import settled
from allocate.optimum.closest import closest
from allocate.optimum.interior import Active, Problem
from allocate.optimum.linear import Region
from optimum.instances import pinned, whole_numbers


def problem(lp):
    """A program whose entries need no scaling, as the method is handed it."""
    return Problem(lp.region, lp.weights, lp.target, lp.unit, np.zeros(lp.row_lower.size))


def guesses(given, seed):
    """Nothing at all, everything there is, and some of it at random."""
    region, rng = given.region, np.random.default_rng(seed)
    everything = [
        np.where(np.isfinite(low), 1, np.where(np.isfinite(high), -1, 0)).astype(np.int8)
        for low, high in ((region.row_lower, region.row_upper), (region.lower, region.upper))
    ]
    for part in (0.0, 1.0, 0.3, 0.7):
        yield Active(*(np.where(rng.random(sides.size) < part, sides, np.int8(0)) for sides in everything))


@pytest.mark.parametrize("make", [whole_numbers, lambda seed: (pinned(seed, 6), None)], ids=["hostile", "pinned"])
def test_any_guess_ends_at_the_closest_point(make):
    """Proves: from no constraint, all of them, or some at random, one point comes, and it is that of ``closest``.

    Programs repeat rows, pin columns and have columns without bounds. Broken: a multiplier that is not followed down to
    zero, or rows in the set that depend on each other.
    """
    for seed in range(40):
        lp, _ = make(seed)
        wanted = closest(lp.region, lp.weights, lp.target, lp.unit).x
        for guess in guesses(problem(lp), seed):
            _, (x, _) = settled(problem(lp), guess, np.inf)
            assert np.abs(x - wanted).max() <= 1e-6 * max(1.0, np.abs(wanted).max())


def test_a_region_of_one_point_is_found_without_an_inside():
    """Proves by hand: a + b = 3, a + c = 4 and a <= 1, b <= 2, c <= 3 leave (1, 2, 3) alone; multipliers pull there
    from (0, 0, 0) with all signs right, though five constraints hold three columns."""
    matrix = sparse.csr_array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    limits = np.array([3.0, 4.0, 5.5]), np.array([3.0, 4.0, np.inf])
    region = Region(matrix, *limits, np.zeros(3), np.array([1.0, 2.0, 3.0]))
    given = Problem(region, np.ones(3), np.zeros(3), np.ones(3), np.zeros(3))
    for guess in guesses(given, 0):
        active, (x, multipliers) = settled(given, guess, np.inf)
        push = x - matrix.T @ multipliers
        assert np.allclose(x, [1, 2, 3], atol=1e-12)
        assert (active.columns * push >= -1e-12).all()
        assert np.allclose(push[active.columns == 0], 0, atol=1e-12)
        assert multipliers[2] >= 0
