"""The certificate accepts what exact arithmetic accepts, and refuses what it refuses."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from allocate.errors import ProofError
from allocate.optimum.certificate import certify
from allocate.optimum.extended import Answer
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram
from optimum.exact import harm, simple
from optimum.instances import allocation, whole_numbers

SEEDS = range(120)


@pytest.fixture(scope="module")
def optima():
    return [
        (*whole_numbers(seed, scaled=seed % 2 == 1), solve(whole_numbers(seed, seed % 2 == 1)[0])) for seed in SEEDS
    ]


def check(lp, x, prices, ties=None):
    return certify(lp, Answer(x, np.array(prices), ties))


def floats(values):
    return np.array([float(value) for value in values])


def test_exact_arithmetic_finds_every_optimum_right(optima):
    """Proves: plans and prices of two goals in order are optimal in fractions, up to the rounding of doubles.

    A tolerance mistaken for a proof would show as harm of 1e-9 or more instead of 1e-13.
    """
    worst = max(harm(lp, [Fraction(v) for v in best.x], [simple(p) for p in best.prices]) for lp, _, best in optima)
    assert worst < Fraction(1, 10**12)


def test_exactly_optimal_pairs_are_accepted(optima):
    """Proves: a pair that fractions prove optimal, harm zero and no rounding at all, is never refused.

    If the certificate were too strict, an honest plan would be refused.
    """
    accepted = 0
    for lp, point, best in optima:
        one = replace(lp, goals=lp.goals[:1])
        prices = simple(best.prices[0])
        if harm(one, [Fraction(v) for v in point], [prices]) == 0:
            assert check(one, point, [floats(prices)]).ok
            accepted += 1
    assert accepted > 0.95 * len(optima)


def test_corrupted_pairs_are_refused(optima):
    """Proves: whatever fractions find wrong by 1e-6 or more the certificate refuses, and what is right it accepts.

    If it looked only at the goal value, or trusted the prices, some of 6,000 corrupted answers would pass.
    """
    rng, refused, accepted = np.random.default_rng(1), 0, 0
    for lp, _, best in optima:
        for _ in range(50):
            x, prices = best.x.copy(), [floats(simple(p)) for p in best.prices]
            _corrupt(rng, x, prices)
            found = harm(lp, [Fraction(v) for v in x], [simple(p) for p in prices])
            ok = check(lp, x, prices).ok
            if found > Fraction(1, 10**6):
                assert not ok
                refused += 1
            elif found < Fraction(1, 10**12):
                assert ok
                accepted += 1
    assert refused > 4000
    assert accepted > 200


def _corrupt(rng, x, prices):
    """One to three changes: a nudge, a swap, a sign, a zero, a scaled price, another goal's prices."""
    for _ in range(int(rng.integers(1, 4))):
        target = x if rng.random() < 0.5 else prices[int(rng.integers(len(prices)))]
        k, other = rng.integers(target.size, size=2)
        match int(rng.integers(6)):
            case 0:
                target[k] += rng.choice([-1, 1]) * 2.0 ** -int(rng.integers(1, 11))
            case 1:
                target[k], target[other] = target[other], target[k]
            case 2:
                target[k] = -target[k]
            case 3:
                target[k] = 0.0
            case 4:
                target *= 1 + 2.0**-10
            case _:
                target[k] += 1
                target[other] -= 1


@pytest.mark.parametrize("change", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(optima, change):
    """Proves: NaN passes no check. Comparisons with NaN are false, so a careless test would call it no breach."""
    for lp, _, best in optima[:20]:
        for part in range(3):
            x, prices, ties = best.x.copy(), best.prices.copy(), best.tie_multipliers.copy()
            (x, prices[-1], ties)[part][0] = change
            assert not check(lp, x, list(prices), ties).ok
    assert not check(lp, x[:-1], list(prices), ties).ok
    assert not check(lp, x, list(prices)[:-1], ties).ok


def test_a_limit_of_no_consequence_does_not_excuse_the_other():
    """Proves: a row is judged next to the limit it breaks. Next to an upper limit of 1e15, missing 5 by 1 is 1e-15."""
    lp, _ = whole_numbers(3)
    best = solve(lp)
    row = int(np.argmax(np.diff(lp.matrix.indptr)))
    asked, most = lp.row_lower.copy(), lp.row_upper.copy()
    asked[row], most[row] = (lp.matrix @ best.x)[row] + 1, 1e15
    certificate = check(replace(lp, row_lower=asked, row_upper=most), best.x, list(best.prices))
    assert certificate.worst("row") > 1e-3


def test_swaps_between_tied_cells_keep_the_goal_but_not_the_certificate():
    """Proves: moving R1,000 around a tie is optimal still, and refused by closeness alone.

    If closeness were not checked, any of many optimal plans could be published as the one.
    """
    lp = allocation(8, 2, 3, 2, seed=4)
    best = solve(lp)
    cells = np.arange(8 * 2 * 3).reshape(8, 2, 3)
    swaps = 0
    for a, b, c, d in ((cells[s, 0, v], cells[s, 1, v], cells[r, 0, v], cells[r, 1, v])
                       for v in range(3) for s in range(8) for r in range(8) if r != s):  # fmt: skip
        x = best.x.copy()
        x[[a, d]] += 1000.0
        x[[b, c]] -= 1000.0
        if check(lp, x, list(best.prices)).ok:
            swaps += 1
            assert not check(lp, x, list(best.prices), best.tie_multipliers).ok
    assert swaps >= 10


def test_every_single_cell_nudge_is_refused():
    """Proves: each cell of an allocation, up or down by a thousandth, breaks the full certificate."""
    lp = allocation(10, 3, 3, 2, seed=5, goals=2)
    best = solve(lp)
    for cell in np.flatnonzero(best.x):
        for factor in (0.999, 1.001):
            x = best.x.copy()
            x[cell] *= factor
            assert not check(lp, x, list(best.prices), best.tie_multipliers).ok


def test_an_optimum_cannot_exist_without_its_certificate(optima):
    """Proves: the constructor raises on a failing certificate, and says what failed, so no plan is unproved."""
    lp, _, best = optima[0]
    failing = check(lp, best.x + 1e6, list(best.prices), best.tie_multipliers)
    with pytest.raises(ProofError, match="failed its check"):
        replace(best, certificate=failing)


def test_huge_prices_do_not_hide_a_better_plan():
    """Proves: prices that cancel, or that hold only a fixed column, leave the slopes beside them no smaller.

    Broken: with a price of 1e15 on a row that cannot move, any plan at all passes as optimal, or as closest.
    """
    one, two = np.ones(1), np.ones(2)
    goal = Goal("reach", np.array([1.0, 0.0]), sense="max")
    fixed = LinearProgram(sparse.csr_array([[0.0, 1.0]]), -np.inf * one, 5 * one, np.array([0.0, 5.0]), np.array([1.0, 5.0]), (goal,), np.zeros(2), two)  # fmt: skip
    for price in (1e10, 1e15):
        assert not certify(fixed, Answer(np.array([0.0, 5.0]), np.array([[price]]), np.zeros(1))).ok
    pair = sparse.csr_array([[1.0, 1.0], [1.0, 1.0]])
    twice = LinearProgram(pair, two, two, np.zeros(2), two, (goal,), np.zeros(2), two)
    assert not certify(twice, Answer(np.array([0.0, 1.0]), np.array([[1e12, -1e12]]), np.zeros(2))).ok
    free = LinearProgram(pair, two, two, np.zeros(2), two, (), np.zeros(2), two)
    assert certify(free, Answer(np.full(2, 0.5), np.zeros((0, 2)), np.array([0.5, 0.0]))).ok
    assert not certify(free, Answer(np.array([0.2, 0.8]), np.zeros((0, 2)), np.array([1e8, -1e8]))).ok
