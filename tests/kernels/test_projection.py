"""A projection against its slow twin, against matrices, and against what cannot change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.kernels import paths, project
from allocate.kernels.philox import normals
from kernels.made import made
from twins_people import draw_twin

FIRST, SEED = 1_000_003, 7


def twin(inputs, draw):
    return draw_twin(
        inputs, lambda step, variable, numbers: normals(SEED, draw, 1, step, variable, numbers)[:, 0].astype(float)
    )


def agrees(inputs, draws=3):
    """Largest difference of any answer from the twin, in terms of the largest number of its kind."""
    found = paths(inputs, SEED, draws, first=FIRST, people=True, precision="double")
    worst = 0.0
    for i in range(draws):
        expected = twin(inputs, FIRST + i)
        for name in found._fields:
            mine, theirs = getattr(found, name)[i], getattr(expected, name)
            worst = max(worst, float(np.abs(mine - theirs).max(initial=0) / max(1.0, np.abs(theirs).max(initial=0))))
    return worst


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(3, 6), st.integers(1, 4), st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_kernel_is_its_slow_twin(seed, spaces, ages, steps, shared):
    """Proves: people, measures, demand, capacity, probabilities and what was cut are those of loops anybody can read.

    Any slip of an index, an age or an order of events would show as 1e-3 or more; rounding is 1e-15.
    """
    assert agrees(made(seed, spaces, ages, steps, corridors=1 if shared else None)) < 1e-12


HOSTILE = {
    "empty spaces": {"people": np.where(np.arange(5) % 2, 0.0, 100.0) * np.ones((2, 5, 5))},
    "nobody anywhere": {"people": np.zeros((2, 5, 5)), "arrivals": np.zeros((3, 2, 5, 5))},
    "all alike": {"people": np.full((2, 5, 5), 100.0), "shock_sd": np.zeros((5, 3)), "count_sd": np.zeros(5)},
    "everybody dies": {"hazard": np.full((3, 2, 5, 5), 1e4)},
    "everybody leaves": {"odds": np.full((3, 2, 5, 5), 1e12)},
    "nobody leaves, no way to go": {"odds": np.zeros((3, 2, 5, 5)), "corridor": np.zeros((10, 5, 5))},
    "the country empties": {"arrivals": np.full((3, 2, 5, 5), -1e9)},
    "large shocks": {"shock_sd": np.full((5, 3), 1.0)},
    "nothing needed": {"need": np.zeros((3, 3, 2))},
    "nothing built": {"built": np.zeros((3, 3, 5))},
    "nothing stands": {"stock": np.zeros((3, 3, 5)), "built": np.zeros((3, 3, 5))},
    "steps of one period": {"period": np.zeros(3)},
    "periods that skip": {"period": np.array([2, 2, 7])},
    "nothing works": {"yields": np.zeros((3, 3, 5))},
    "delivery is certain": {"delivery_sd": np.zeros(3), "delivery_common_sd": np.zeros(3)},
    "no services": {
        "need": np.zeros((3, 0, 2)),
        "stock": np.zeros((3, 0, 5)),
        "built": np.zeros((3, 0, 5)),
        "yields": np.zeros((3, 0, 5)),
        "delivery_sd": np.zeros(0),
        "delivery_common_sd": np.zeros(0),
    },
}


@pytest.mark.parametrize("changed", HOSTILE.values(), ids=HOSTILE)
def test_hostile_inputs_are_as_their_twin(changed):
    """Proves: empty, constant, certain and extreme inputs are nothing special; nothing is NaN.

    A division by an empty space, or a logarithm of nothing, would show as NaN.
    """
    assert agrees(made(1, **changed)) < 1e-12


def test_people_are_conserved():
    """Proves: who leaves one space arrives in another, whatever the shocks.

    Destinations that are not renormalised for what attracts would lose or make people, 1% or more.
    """
    over = (3, 2, 5, 5)
    still = made(2, hazard=np.zeros(over), fertility=np.zeros((3, 2, 5)), arrivals=np.zeros(over), count_sd=np.zeros(5))
    total = paths(still, SEED, 200, precision="double").residents.sum(axis=2)
    assert np.abs(total / still.people.sum() - 1).max() < 1e-12
    assert paths(still, SEED, 200).residents.std(axis=0).min() > 1  # and yet they do move, draw by draw


def leslie(inputs, t=0):
    """The multiregional Leslie matrix of a step without chance, cells as [X, A, S]; Rogers (1995), chapter 3."""
    _, sexes, ages, spaces = inputs.hazard.shape
    size = sexes * ages * spaces
    cell = np.arange(size).reshape(sexes, ages, spaces)
    matrix = np.zeros((size, size))
    for x in range(sexes):
        for a in range(ages):
            older = min(a + 1, ages - 1)
            leaving = inputs.odds[t, x, older] / (1 + inputs.odds[t, x, older])
            where = np.diag(1 - leaving) + leaving[:, None] * inputs.corridor[inputs.corridor_of[t, x, older]]
            matrix[np.ix_(cell[x, older], cell[x, a])] += where.T @ np.diag(np.exp(-inputs.hazard[t, x, a]))
    bearing = np.zeros((spaces, size))
    for k in range(inputs.fertility.shape[1]):
        mothers = cell[0, inputs.youngest_mother + k]
        half = np.diag(inputs.fertility[t, k]) / 2
        bearing[:, mothers] += half
        bearing += half @ matrix[mothers]
    for x, share in enumerate((1 - inputs.boys, inputs.boys)):
        leaving = inputs.odds[t, x, 0] / (1 + inputs.odds[t, x, 0])
        where = np.diag(1 - leaving) + leaving[:, None] * inputs.corridor[inputs.corridor_of[t, x, 0]]
        matrix[cell[x, 0]] = where.T @ np.diag(share * np.exp(-inputs.newborn_hazard[t, x])) @ bearing
    return matrix


def constant(seed, steps, **changed):
    """Inputs whose rates are those of the first step throughout, and without arrivals."""
    base = made(seed, steps=1, **changed)
    over = {
        name: np.repeat(getattr(base, name), steps, axis=0)
        for name in (
            "hazard",
            "newborn_hazard",
            "fertility",
            "odds",
            "corridor_of",
            "factor",
            "need",
            "stock",
            "built",
            "yields",
        )
    }
    return replace(base, **over, period=np.arange(steps), arrivals=np.zeros((steps, *base.people.shape)))


def test_without_chance_it_is_the_leslie_matrix():
    """Proves: six steps are the sixth power of the multiregional Leslie matrix, built apart from it in matrices."""
    inputs = constant(3, 6)
    expected = np.linalg.matrix_power(leslie(inputs), 6) @ inputs.people.ravel()
    found = project(inputs, "double").people[0, -1].ravel()
    assert np.abs(found / expected - 1).max() < 1e-12


def test_long_run_growth_is_the_dominant_eigenvalue():
    """Proves: people come to grow by the largest eigenvalue of the matrix, in the shares of its eigenvector."""
    inputs = constant(4, 1500, fertility=np.full((1, 2, 5), 2.5))
    values, vectors = np.linalg.eig(leslie(inputs))
    first = np.argmax(np.abs(values))
    found = project(inputs, "double").people[0]
    assert found[-1].sum() / found[-2].sum() == pytest.approx(values[first].real, rel=1e-10)
    shares = np.abs(vectors[:, first].real)
    assert np.abs(found[-1].ravel() / found[-1].sum() - shares / shares.sum()).max() < 1e-10


def test_movers_come_to_the_stationary_shares_of_a_markov_chain():
    """Proves: without births and deaths, spaces come to the stationary distribution of the moves."""
    steps, over = 400, (400, 2, 5, 5)
    base = constant(5, steps, corridors=1)
    odds = np.broadcast_to(base.odds[0, 0, -1], over)
    inputs = replace(base, hazard=np.zeros(over), fertility=np.zeros((steps, 2, 5)), odds=odds)
    leaving = odds[0, 0, 0] / (1 + odds[0, 0, 0])
    chain = np.diag(1 - leaving) + leaving[:, None] * inputs.corridor[0]
    stationary = np.linalg.matrix_power(chain, 10_000)[0]
    found = project(inputs, "double").residents[0, -1]
    assert np.abs(found / found.sum() - stationary).max() < 1e-12


def test_single_precision_is_near_double():
    """Proves: float32 follows the same draws as float64, to 5e-6 of each number after ten steps.

    Other random numbers in one of them, or a sum that loses digits, would show as 1e-3 or more.
    """
    inputs = made(6, spaces=20, ages=18, steps=10)
    single, double = (paths(inputs, SEED, 64, people=True, precision=p) for p in ("single", "double"))
    for name in ("residents", "measures", "demand", "capacity"):
        mine, theirs = getattr(single, name).astype(float), getattr(double, name)
        assert np.abs(mine / theirs - 1).max() < 5e-6
    assert np.abs(single.chance - double.chance).max() < 2e-5


def test_spaces_may_be_numbered_in_any_order():
    """Proves: a space has no place in a line: without chance, renumbered spaces give renumbered answers."""
    inputs, order = made(8, arrivals=np.zeros((3, 2, 5, 5))), np.array([3, 0, 4, 1, 2])
    turned = {
        name: getattr(inputs, name)[..., order]
        for name in (
            "people",
            "count_sd",
            "hazard",
            "newborn_hazard",
            "fertility",
            "odds",
            "weight",
            "factor",
            "stock",
            "built",
            "yields",
        )
    }
    turned |= {"corridor": inputs.corridor[:, order][:, :, order], "group": inputs.group[order]}
    mine, theirs = project(inputs, "double"), project(replace(inputs, **turned), "double")
    assert np.allclose(mine.people[..., order], theirs.people, rtol=1e-13, atol=0)


def test_shocks_have_the_spread_that_was_asked_for():
    """Proves: deviations are stationary autoregressions in three levels, seen through deaths alone.

    The logarithm of the survivors' hazard is the sum of three deviations: its variance after t steps is
    sd**2 (1 - rho**(2t)) summed over levels, and its correlation across groups is the share of the nation's.
    """
    steps, spaces, rho, sd = 4, 4, 0.7, np.array([0.3, 0.2, 0.1])
    shock, persistence = np.zeros((5, 3)), np.full(5, rho)
    shock[0] = sd
    over = (steps, 2, 9, spaces)
    inputs = made(
        9, spaces=spaces, ages=9, steps=steps, hazard=np.full(over, 0.1), odds=np.zeros(over), arrivals=np.zeros(over),
        fertility=np.zeros((steps, 2, spaces)), shock_sd=shock, persistence=persistence, count_sd=np.zeros(spaces),
        group=[0, 0, 1, 1], people=np.ones((2, 9, spaces)),
    )  # fmt: skip
    people = paths(inputs, 11, 40_000, people=True, precision="double").people[:, :, 0]
    alive = np.concatenate([np.ones((40_000, 1, spaces)), people[:, :-1, 3]], axis=1)
    deviation = np.log(-np.log(people[:, :, 4] / alive) / 0.1)
    grown = 1 - rho ** (2 * np.arange(1, steps + 1))
    assert deviation.var(axis=0) / grown[:, None] == pytest.approx(np.full((steps, spaces), (sd**2).sum()), rel=0.04)
    assert np.abs(deviation.mean(axis=0)).max() < 0.01  # the median multiplier is 1
    between = np.cov(deviation[:, 2].T) / grown[2]
    assert between[0, 1] == pytest.approx(sd[0] ** 2 + sd[1] ** 2, rel=0.05)
    assert between[0, 2] == pytest.approx(sd[0] ** 2, rel=0.05)
    follows = np.cov(deviation[:, 2, 0], deviation[:, 1, 0])[0, 1] / grown[1]
    assert follows == pytest.approx(rho * (sd**2).sum(), rel=0.05)
