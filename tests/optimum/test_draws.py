"""What draws must share, what may differ, and what is said when they do not fit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from allocate.optimum.draws import Draws, Varying, of_programs
from allocate.optimum.linear import Goal, Leximin
from optimum.instances import drawn, farmer


def same(a, b):
    """Two programs with the same numbers."""
    sides = ("row_lower", "row_upper", "lower", "upper")
    goals = all(
        (one.cost == other.cost).all() and one.offset == other.offset
        for one, other in zip(a.goals, b.goals, strict=True)
    )
    return (a.matrix != b.matrix).nnz == 0 and goals and all((getattr(a, s) == getattr(b, s)).all() for s in sides)


@pytest.mark.parametrize("seed", range(6))
def test_programs_come_back_as_they_were(seed):
    """Proves: stacked into what differs and taken apart again, every program is what it was, also where one draw has an
    entry that another lacks, and where costs, offsets and limits differ."""
    programs = [drawn(seed).program(k) for k in range(len(drawn(seed)))]
    rng = np.random.default_rng(seed)
    second = ~drawn(seed).first
    changed = []
    for lp in programs:
        matrix = lp.matrix.copy()
        mine = second[matrix.indices]
        matrix.data[mine] *= rng.random(int(mine.sum())) < 0.8
        goal = replace(
            lp.goals[-1], cost=lp.goals[-1].cost * rng.integers(0, 3, lp.lower.size), offset=float(rng.normal())
        )
        changed.append(replace(lp, matrix=matrix, goals=(*lp.goals[:-1], goal)))
    draws = of_programs(changed, ~second)
    assert all(same(draws.program(k), lp) for k, lp in enumerate(changed))


def test_the_mean_is_of_the_numbers():
    """Proves: the mean program has the mean yield of each crop, by probability."""
    draws = replace(farmer(), probability=np.array([0.5, 0.5, 0.0]))
    assert draws.mean().matrix.toarray()[1, 0] == pytest.approx(0.5 * 2.0 + 0.5 * 2.5)


def test_what_the_first_stage_must_share_is_listed():
    """Proves: rows and bounds of the first stage that differ are all named, with their numbers; so are a first goal on
    the second stage and probabilities that do not add up."""
    draws = drawn(2)
    programs = [draws.program(k) for k in range(3)]
    later = programs[1]
    limits = later.row_lower.copy(), later.upper.copy()
    limits[0][1], limits[1][0] = 0.5, 7.0
    matrix = later.matrix.copy()
    matrix.data[1] = 2.0
    odd = replace(later, row_lower=limits[0], upper=limits[1], matrix=matrix)
    with pytest.raises(ValueError) as found:
        of_programs([programs[0], odd, programs[2]], draws.first)
    for words in ("matrix of first-stage row 0 differs", "row_lower of first-stage row 1 differs", "upper of first-stage column 0 differs"):  # fmt: skip
        assert words in str(found.value)
    early = Goal("early", np.ones(later.lower.size))
    with pytest.raises(ValueError, match="goal 'early' comes before the outcome and is not on the first stage alone"):
        of_programs([replace(lp, goals=(early, *lp.goals)) for lp in programs], draws.first)
    with pytest.raises(ValueError, match="probabilities must be 0 or more and add up to 1"):
        of_programs(programs, draws.first, np.array([0.5, 0.6, 0.1]))


def test_programs_that_are_not_draws_of_one_are_refused():
    """Proves: other shapes, other goals, no draw at all, and goals that cannot be decided before need."""
    base = farmer().program(0)
    first = np.arange(9) < 3
    less = replace(base, matrix=base.matrix[:3], row_lower=base.row_lower[:3], row_upper=base.row_upper[:3])
    other = replace(base, goals=(replace(base.goals[0], sense="min"),))
    with pytest.raises(ValueError, match=r"draw 1 has the shape \(3, 9\), draw 0 \(4, 9\); draw 2 has other goals"):
        of_programs([base, less, other], first)
    with pytest.raises(ValueError, match="there are none"):
        of_programs([], first)
    with pytest.raises(ValueError, match="there is no outcome"):
        of_programs([replace(base, goals=())], first)
    least = Leximin("least", sparse.csr_array(np.eye(9)), np.zeros(9))
    with pytest.raises(ValueError, match="leximin goal"):
        of_programs([replace(base, goals=(least,))], first)
    with pytest.raises(ValueError, match="leximin goals and whole numbers"):
        of_programs([replace(base, integer=first)], first)


def test_what_varies_must_fit():
    """Proves: unknown fields, places that are not there, tables of another shape, and limits that cross in one draw."""
    base, first, half = farmer().program(0), np.arange(9) < 3, [0.5, 0.5]
    with pytest.raises(ValueError, match="'yield' is not one of matrix, row_lower"):
        Draws(base, first, half, {"yield": Varying([0], np.ones((2, 1)))})
    with pytest.raises(ValueError, match="places of cost must be different and below 9"):
        Draws(base, first, half, {"cost": Varying([9], np.ones((2, 1)))})
    with pytest.raises(ValueError, match=r"values of cost have shape \(3, 1\), expected \(2, 1\)"):
        Draws(base, first, half, {"cost": Varying([4], np.ones((3, 1)))})
    with pytest.raises(ValueError, match="lower exceeds upper in draw 1"):
        Draws(base, first, half, {"lower": Varying([7], [[0.0], [7000.0]])})
    with pytest.raises(ValueError, match="values of matrix must be finite"):
        Draws(base, first, half, {"matrix": Varying([4], [[1.0], [np.nan]])})
    with pytest.raises(ValueError, match=r"first has shape \(2,\), expected \(9,\)"):
        Draws(base, first[:2], half, {})
    with pytest.raises(ValueError, match="every column is of the second stage"):
        Draws(base, first & False, half, {})
