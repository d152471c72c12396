"""Parallel rows as one: the same points, the same best corner, and prices that are those of the rows apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from allocate.optimum.basis import Corner
from allocate.optimum.highs import NoVertex, SolverOptions, minimise
from allocate.optimum.linear import Region
from allocate.optimum.parallel import parallel


def repeated(seed, rows=8, columns=10):
    """A region with rows in whole numbers, many of them repeated, turned round or doubled, and the row each is of."""
    chance = np.random.default_rng(seed)
    base = chance.integers(-2, 3, (rows, columns)) * (chance.random((rows, columns)) < 0.6)
    of = chance.integers(0, rows, 2 * rows)
    factor = chance.choice([1.0, -1.0, 2.0, -0.5], 2 * rows)
    matrix = sparse.csr_array(base[of] * factor[:, None].astype(float))
    inside = chance.integers(0, 4, columns).astype(float)
    reach = matrix @ inside
    slack = chance.integers(0, 5, (2, 2 * rows)).astype(float)
    low = np.where(chance.random(2 * rows) < 0.4, -np.inf, reach - slack[0])
    high = np.where(chance.random(2 * rows) < 0.4, np.inf, reach + slack[1])
    return Region(matrix, low, high, np.zeros(columns), np.full(columns, 5.0)), chance


@pytest.mark.parametrize("seed", range(60))
def test_the_same_points_and_the_same_best_corner(seed):
    """Proves: a point is in the region if and only if it is in the merged one, no two rows of which are parallel; and
    the best corner found there is one of the region, with a basis of as many columns as rows and prices that are the
    costs' own. Broken: a limit that is lost, or a price on a row that has room.
    """
    region, chance = repeated(seed)
    rows = parallel(region.matrix)
    merged = rows.merged(region)
    assert sparse.linalg.norm(sparse.diags_array(rows.factor) @ rows.matrix[rows.of] - region.matrix) == 0
    for x in chance.integers(0, 6, (200, 10)).astype(float):
        assert inside(region, x) == inside(merged, x)
    dense = merged.matrix.toarray()
    lines = {tuple(row / row[np.flatnonzero(row)[0]]) if row.any() else () for row in dense}
    assert len(lines) == len(dense)
    cost = chance.integers(-5, 6, 10).astype(float)
    found = minimise(merged, cost, SolverOptions())
    corner = rows.apart(region, found)
    assert corner.basic_columns.sum() + corner.basic_rows.sum() == region.row_lower.size
    again = Corner(region, corner)
    assert np.allclose(again.x, found.x, atol=1e-9)
    for dual in (corner.duals, again.dual(cost), rows.prices(region, found.duals)):
        assert np.allclose(region.matrix.T @ dual + reduced(again, cost), cost)
        priced = np.where(dual > 0, region.row_lower, region.row_upper)[np.abs(dual) > 1e-9]
        assert np.allclose((region.matrix @ found.x)[np.abs(dual) > 1e-9], priced)


@pytest.mark.parametrize("seed", range(10))
def test_limits_that_contradict_each_other_stay_so(seed):
    """Proves: two parallel rows that cannot both hold leave no point in the merged region either."""
    region, _ = repeated(seed)
    twice = sparse.vstack([region.matrix, region.matrix[[0]]]).tocsr()
    high = np.append(region.row_upper, np.inf)
    low = np.append(region.row_lower, 1e3)
    whole = Region(twice, low, high, region.lower, region.upper)
    merged = parallel(twice).merged(whole)
    with pytest.raises(NoVertex):
        minimise(whole, np.ones(10), SolverOptions())
    if (merged.row_lower <= merged.row_upper).all():
        with pytest.raises(NoVertex):
            minimise(merged, np.ones(10), SolverOptions())


def test_rows_that_are_nearly_parallel_stay_apart():
    """Proves: only exact multiples by powers of two are merged: thirds and last digits are not."""
    rows = sparse.csr_array([[1.0, 3.0], [1.0 / 3.0, 1.0], [1.0, np.nextafter(3.0, 4.0)], [4.0, 12.0], [0.0, 0.0]])
    found = parallel(rows)
    assert found.of[0] == found.of[3]
    assert found.factor[3] == 4.0
    assert np.unique(found.of).size == 4


def reduced(corner, cost):
    """What bounds of columns hold of a cost."""
    return np.where(corner.basis.columns == 1, 0.0, cost - corner.region.matrix.T @ corner.dual(cost))


def inside(region, x):
    activity = region.matrix @ x
    return bool((activity >= region.row_lower).all() and (activity <= region.row_upper).all())
