"""Random numbers and elementary functions against published vectors and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from numba import uint64
from scipy import stats

from allocate.kernels.elementary import exp, kernel, log, normal_cdf
from allocate.kernels.philox import normals, philox
from allocate.kernels.product import ROWS, multiply, multiply_transposed, padded

#: Random123 1.14.0, tests/kat_vectors, philox4x32 with 10 rounds: counter, key, answer.
KNOWN = (
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_answers(counter, key, answer):
    """Proves: it is Philox4x32-10 and no cousin of it. One round or constant less would change every digit."""
    words = [uint64(int(word, 16)) for word in f"{key} {counter}".split()]
    assert " ".join(f"{int(word):08x}" for word in philox(*words)) == answer


def test_normal_numbers_are_those_of_scipy():
    """Proves: a number is the inverse normal distribution at the middle of its part of probability, to 1e-6.

    The words are found again from Philox itself; a polynomial outside its range would show in the tails as 1e-4.
    """
    seed, first, step, variable = 2**40 + 3, 2**32 - 50, 5, 9
    found = normals(seed, first, 20_000, step, variable, 4)
    key = (uint64(seed & 0xFFFFFFFF), uint64(seed >> 32))
    last = (uint64(step), uint64(variable << 16))
    draws = range(first, first + 20_000)
    words = np.array([philox(*key, uint64(d & 0xFFFFFFFF), uint64(d >> 32), *last) for d in draws], float)
    expected = stats.norm.ppf((words.T + 0.5) / 2**32)
    assert np.abs(found - expected).max() < 4e-6
    assert np.abs(found / expected - 1).max() < 2e-6


def test_normal_numbers_are_normal_and_not_related():
    """Proves: they have the normal distribution, and neighbours in any direction are not correlated."""
    found = np.concatenate([normals(1, 0, 50_000, step, 2, 4) for step in range(3)]).astype(float)
    assert stats.kstest(found.ravel(), "norm").pvalue > 1e-3
    related = np.corrcoef(np.concatenate([found, found[:, ::-1], np.roll(found, 1, axis=1)]))
    assert np.abs(related - np.eye(36)).max() < 5 / np.sqrt(50_000)


@kernel
def each(x, raised, back, below):
    for i in range(x.size):
        raised[i] = exp(x[i])
        back[i] = log(raised[i])
        below[i] = normal_cdf(x[i])


@pytest.mark.parametrize(("kind", "digit"), [(np.float32, 2.0**-24), (np.float64, 2.0**-53)])
def test_elementary_functions_are_those_of_scipy(kind, digit):
    """Proves: exponential, logarithm and normal distribution are right to a few roundings of their type.

    A series that ends too soon would show as hundreds.
    """
    x = np.linspace(-80, 80, 400_001).astype(kind)
    raised, back, below = (np.empty_like(x) for _ in range(3))
    each(x, raised, back, below)
    exact = np.exp(x.astype(np.longdouble))
    assert np.abs(raised / exact - 1).max() < 3 * digit
    assert np.abs(back - np.log(raised.astype(np.longdouble))).max() < 80 * 2 * digit
    assert np.abs(below - stats.norm.cdf(x.astype(float))).max() < 10 * digit


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 3, 13, 52])
def test_the_product_is_numpys(kind, rows):
    """Proves: a matrix, or its transpose, times a block of draws is numpy's product; rows that were added are zero."""
    chance = np.random.default_rng(rows)
    matrix, x = chance.random((rows, rows)).astype(kind), chance.random((rows, 64)).astype(kind)
    for product, exact in ((multiply, matrix), (multiply_transposed, matrix.T)):
        y = np.full((-(-rows // ROWS) * ROWS, 64), np.nan, kind)
        product(padded(matrix), x, y)
        assert np.allclose(y[:rows], exact.astype(float) @ x, rtol=rows * np.finfo(kind).eps)
        assert not y[rows:].any()
