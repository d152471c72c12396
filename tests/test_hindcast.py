"""Hindcasts: a projection scored against a later table, by hand and on the 52 spaces."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import allocate as al
from allocate.cli.hindcast import lines
from allocate.errors import InputError
from allocate.people.hindcast import hindcast, read_counted
from allocate.people.projection import prepare, sampled
from allocate.people.scores import interval, pit
from allocate.world import World
from allocate.za import hindcast_2011, hindcast_2016
from allocate.za.demography.shocks import wander

if TYPE_CHECKING:
    from conftest import Command


@cache
def made() -> tuple[World, pd.DataFrame, pd.DataFrame]:
    return hindcast_2011()


def table(values: np.ndarray, year: int = 2016) -> pd.DataFrame:
    return pd.DataFrame({"space": made()[0].labels("space"), "year": year, "population": values})


def test_a_projection_of_2011_scored_in_2016() -> None:
    """Proves: what the page of people says of this hindcast: less error than carrying forward, more than a constant
    share; the official estimates, which knew more, are marked; and intervals cover as many spaces as they should.

    Broken: a number of the page that no run gives; or something of a later time in the world of 2011.
    """
    world, counted, estimates = made()
    found = hindcast(world, counted, estimates=estimates)
    errors = {method.name.split(" as ")[0].rstrip(","): method.error for method in found.methods}
    assert found.later == ()
    assert [method.informed for method in found.methods] == [False, False, False, False, True]
    assert errors["carry forward"] == pytest.approx(0.0624, abs=1e-4)
    assert errors["constant growth"] < errors["this projection (median)"] < errors["carry forward"]
    assert errors["constant share of this projection's total"] < errors["this projection (median)"]
    assert all(interval.as_expected for interval in found.intervals)
    scores = [method.crps for method in found.methods]
    assert scores[2] < scores[0] < scores[3]  # that of one number a space is its error
    page = (Path(__file__).parents[1] / "docs" / "people.md").read_text(encoding="utf-8")
    assert "\n".join(lines(found)) in page
    assert sum(found.bins) == len(found.spaces) == 52


def test_one_test_of_five_years_tells_little() -> None:
    """Proves: draws that stray seven tenths as far from their median pass the same test, as the page of people says.

    Broken: a page that takes coverage in one year for proof of a width.
    """
    world, counted, _ = made()
    places = [str(space) for space in world.labels("space")]
    sample = sampled(prepare(world, years=2016), draws=2000)["count"]
    draws = sample.sel(measure="people", region=places, year=2016).values
    middle = np.median(draws, axis=0)
    narrow = middle * (draws / middle) ** 0.7
    truth = read_counted(counted, world).spaces(2016)
    assert all(interval(narrow, truth, level).as_expected for level in (0.8, 0.9, 0.95))


def test_intervals_do_not_depend_on_the_step() -> None:
    """Proves: year by year and five years at a time, the 90% intervals of spaces are as wide, to 10%, and about the same
    middle, since rates deviate by periods of five years in both. Broken: a yearly deviation averages out in one of them,
    and a hindcast of one says nothing of the other.
    """
    world, counted, _ = made()
    five, one = (hindcast(world, counted, draws=600, step=step) for step in (5, 1))
    assert one.intervals[1].width == pytest.approx(five.intervals[1].width, rel=0.1)
    assert one.spaces["median"].to_numpy() == pytest.approx(five.spaces["median"].to_numpy(), rel=0.02)
    assert all(interval.as_expected for interval in one.intervals)


def test_carrying_forward_is_right_when_nobody_moves() -> None:
    """Proves: a table of the start itself gives carrying forward no error; one with a tenth more everywhere an error of
    1/11, and nobody in the wrong space. Broken: spaces in another order than the table's.
    """
    world = made()[0]
    before = world.data["people"].sum(["sex", "age"]).values
    carried = [hindcast(world, table(values), draws=64).methods[1] for values in (before, 1.1 * before)]
    assert carried[0].error == 0 and carried[0].misplaced == 0
    assert carried[1].error == pytest.approx(1 / 11) and carried[1].misplaced == pytest.approx(0, abs=1e-12)
    shuffled = table(before).sample(frac=1, random_state=3)
    assert hindcast(world, shuffled, draws=64).methods[1].error == 0


def test_a_table_with_sex_and_age_is_scored_cell_by_cell() -> None:
    """Proves: cells of the median of draws scored against themselves have no error, whatever the step; and the spaces
    are their sums. Broken: men for women, or an age late.
    """
    world = made()[0]
    from allocate.kernels import paths

    ready = prepare(world, years=2016)
    people = np.median(paths(ready.inputs, 1, 64, people=True).people[:, 0].astype(float), axis=0)
    labels = [world.labels(dim) for dim in ("sex", "age", "space")]
    rows = pd.MultiIndex.from_product(labels, names=["sex", "age", "space"])
    cells = pd.Series(people.ravel(), rows, name="population").reset_index().assign(year=2016)
    found = hindcast(world, cells, draws=64)
    assert found.methods[0].detail == pytest.approx(0, abs=1e-12)
    assert found.methods[1].detail is not None and found.methods[1].detail > 0.02
    by_age = cells.groupby(["age", "space", "year"], as_index=False)["population"].sum()
    assert hindcast(world, by_age, draws=64).methods[0].detail == pytest.approx(0, abs=2e-3)


def test_a_later_year_needs_no_change_of_code() -> None:
    """Proves: a table of 2022 scores a projection of 2016, in steps of a year, and its world says what it knew of later
    times. Broken: a year that is not five on is refused.
    """
    world, counted, estimates = hindcast_2016()
    assert counted is None
    later = estimates.query("year == 2022")
    found = hindcast(world, later, estimates=estimates, draws=100)
    assert (found.start, found.year) == (2016, 2022)
    assert "death_rate" in found.later and found.methods[0].informed
    assert found.methods[-1].error == 0  # the table is the estimates


def test_a_truth_that_the_projection_drew_is_anywhere_among_its_draws() -> None:
    """Proves: simulation-based calibration (Talts, Betancourt, Simpson, Vehtari and Gelman 2018): of 150 truths that the
    model drew with another seed, places among its draws are uniform, space by space.

    Broken: draws of one seed that are narrower than those of another, or a median that leans.
    """
    ready = prepare(made()[0], years=2016)
    places = [str(s) for s in made()[0].labels("space")]
    draws, truths = (
        sampled(ready, draws=many, seed=seed)["count"].sel(measure="people", region=places, year=2016).values
        for many, seed in ((999, 1), (150, 2))
    )
    ranks = np.array([pit(draws, truth) for truth in truths])
    worst = min(stats.kstest(ranks[:, s], "uniform").pvalue for s in range(52))
    assert worst > 1e-4  # the least of 52


@pytest.mark.parametrize(("years", "covers"), [(200, (0.87, 0.93)), (12, (0.72, 0.82))])
def test_how_well_shocks_are_estimated_from_so_many_years(years: int, covers: tuple[float, float]) -> None:
    """Proves: of series whose truth is known (persistence 0.8), a 90% interval for five years on, from what is estimated,
    covers 90% after 200 years; and after the dozen that there are, 78%: short series look calmer than they are. The page
    of people says so.

    Broken: an estimator that is wrong however much is known; or a page that claims more.
    """
    chance, inside = np.random.default_rng(8), 0
    for _ in range(600):
        noise = chance.standard_normal(years + 5)
        truth = np.empty(years + 5)
        truth[0] = 0.1 * noise[0]
        for n in range(1, years + 5):
            truth[n] = 0.8 * truth[n - 1] + 0.06 * noise[n]
        found = wander(truth[:years])
        ahead = truth[-1] - 0.8**5 * truth[years - 1]
        inside += bool(abs(ahead) < 1.6449 * found.sd * np.sqrt(1 - found.persistence**10))
    assert covers[0] < inside / 600 < covers[1]


def test_what_is_wrong_with_a_table_is_said(tmp_path: Path) -> None:
    """Proves: unknown spaces, missing rows, odd years and other columns are told with their place. Broken: NaN scores."""
    file = tmp_path / "later.csv"
    file.write_text("space,year,population\nUgu ,2016,700\nEthekwin,2016,-5\n")
    with pytest.raises(InputError) as caught:
        read_counted(file, made()[0])
    said = str(caught.value)
    assert "did you mean" in said and "is negative; population is never negative" in said
    file.write_text("space,year,people\nDC21,2016,700\n")
    words = "has columns space, year, people; expected space, year, population, and if need be sex, age"
    with pytest.raises(InputError, match=words):
        read_counted(file, made()[0])
    with pytest.raises(InputError, match="counts nobody in DC1 in 2016"):
        read_counted(table(np.zeros(52)), made()[0])
    with pytest.raises(InputError, match="people: is missing"):
        hindcast(al.read_world("za2016"), table(np.ones(52)))
    with pytest.raises(InputError, match="it needs a later year"):
        hindcast(made()[0], table(np.ones(52), year=2011), draws=20)


def test_the_command_prints_tables_and_json(command: Command, tmp_path: Path) -> None:
    """Proves: built-in years need no file; JSON holds all that is printed; what is not there is said. Broken: JSON that
    no other program can read."""
    few = ("hindcast", "--fit-until", "2011", "--draws", "100")
    status, out, _ = command(*few)
    assert status == 0 and "carry forward" in out and "informed" in out
    found = json.loads(command(*few, "--json")[1])
    assert found["year"] == 2016 and len(found["spaces"]) == 52 and "as_expected" in found["intervals"][0]
    assert command(*few, "--csv", "spaces.csv")[0] == 0
    assert list(pd.read_csv(tmp_path / "spaces.csv").columns)[:2] == ["space", "counted"]
    status, out, err = command("hindcast", "--fit-until", "2016")
    assert status == 1 and not out and "nothing counted after 2016 is built in" in err
    assert command(*few[:3], "--draws", "3")[0] == 1
    estimates = made()[2]
    estimates.to_csv("official.csv", index=False)
    status, _, err = command(*few, "--estimates", "official.csv", "--csv", "official.csv")
    assert status == 1 and "is what is read; name another file" in err
