"""Life tables against closed forms and against a published one."""

from __future__ import annotations

import numpy as np
import pytest

from allocate.lifetable import five_years, life_table, one_year


def rates(level: float, ages: int = 19) -> np.ndarray:
    """Death rates that rise with age as Gompertz has them, and a first year that is not."""
    middles = np.array([0.5, 3.0, *(5 * np.arange(1, ages - 1) + 2.5)])
    found = level * np.exp(0.08 * middles)
    found[0] += 0.02
    return found


def test_austrian_men_of_1992() -> None:
    """Proves: the first ages of the life table of Preston, Heuveline and Guillot (2001), box 3.1 (men of Austria, 1992),
    come out as printed there.

    Broken: the years that infants live who die, or the open age.
    """
    m = np.array([419 / 47925, 70 / 189127])
    infant = life_table(np.array([*m, 0.0001, 0.01, 0.1]), female=False)
    assert m[0] == pytest.approx(0.008743, abs=1e-6)
    assert infant.alive[1] == pytest.approx(1 - 0.008672, abs=2e-6)  # q(0) as printed
    assert infant.alive[2] / infant.alive[1] == pytest.approx(1 - 0.001479, abs=2e-6)  # q(1 to 4) as printed


def test_a_constant_rate_is_its_own_inverse() -> None:
    """Proves: where the same part dies at every age, life expectancy is one over the rate, nearly. Broken: widths."""
    for rate in (0.005, 0.02, 0.05):
        assert life_table(np.full(40, rate), female=True).expectancy == pytest.approx(1 / rate, rel=0.02)


@pytest.mark.parametrize("female", [True, False])
def test_five_single_years_come_to_five_years(female: bool) -> None:
    """Proves: a stationary population of single years, stepped once a year for five years, is that of five-year ages
    stepped once: to half a percent, and to 1.5% past 65, where the abridged table takes the many who die to die
    evenly over five years. Broken: rates of a year that are those of five, or ages shifted by one.
    """
    table = life_table(rates(2e-4), female)
    born, ages = one_year(table)
    stationary = born * np.concatenate([[1.0], np.cumprod(ages[:-1])])
    stationary[-1] /= 1 - ages[-1]
    grouped = np.array([*stationary[:-1].reshape(-1, 5).sum(axis=1), stationary[-1]])
    five_born, five = five_years(table)
    assert grouped[0] == pytest.approx(5 * five_born, rel=1e-3)
    ratios = grouped[1:-2] / grouped[:-3]
    assert ratios[:13] == pytest.approx(five[:13], rel=5e-3)
    assert ratios == pytest.approx(five[:-3], rel=1.5e-2)
    assert stationary.sum() == pytest.approx(table.expectancy, rel=2e-3)
    assert ((ages > 0) & (ages < 1)).all() and ((five > 0) & (five < 1)).all()


def test_many_tables_at_once_are_the_same_as_one_by_one() -> None:
    """Proves: leading axes are places. Broken: an axis is mistaken for ages."""
    many = np.stack([rates(1e-4), rates(3e-4)])
    table = life_table(many, female=True)
    for row, one in enumerate(many):
        alone = life_table(one, female=True)
        assert np.array_equal(table.lived[row], alone.lived)
        assert np.array_equal(five_years(table)[1][row], five_years(alone)[1])
        assert np.array_equal(one_year(table)[1][row], one_year(alone)[1])
