"""A frontier is many plans at once: each that of a run of its own, the curve concave, and every level accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from allocate.errors import InputError, NoPlanError
from allocate.frontiers import NO_PLAN, Frontier, frontier
from allocate.optimum.infeasible import Infeasible
from allocate.plan import Plan
from allocate.runs import run
from allocate.spec import Scenario, Set
from allocate.world import World

if TYPE_CHECKING:
    from conftest import Command

MODEL = "grant_consolidation"
LEVELS = [0.8, 0.9, 0.95, 0.97, 0.99, 1.0]


@pytest.fixture(scope="module")
def keep(za: World) -> Frontier:
    """The guarantee from 80% to 100%, 2019/20; 90% is what the shipped World has."""
    return frontier(MODEL, za, datum="keep", levels=LEVELS[::-1], years=["2019/20"])


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_a_level_is_a_run_with_that_figure(keep: Frontier, za: World, level: float) -> None:
    """Proves: goals, money of every space and money moved are those of a run whose scenario sets the figure.

    Broken: a level solved with the limits of the one before, or a plan that depends on where the walk came from.
    """
    change = Set(set="keep", to=level)
    what_ifs = [] if level == 0.9 else [Scenario(name="k", why="A test.", change=(change,))]
    plan = run(MODEL, za, *what_ifs, years=["2019/20"]).plan
    here = keep.dataset().sel(level=level)
    assert np.allclose(here["value"], list(plan.goals.values()), rtol=1e-12)
    money = plan.values["spend"].sum(["pool", "service", "year"])
    assert float(abs(here["money"] - money).max()) < 1
    gains = (money - za.data["baseline"].sel(year="2019/20").sum("grant")).clip(0).sum()
    assert float(here["moved"]) == pytest.approx(float(gains), rel=1e-6)
    assert here["grade"] == "exact" and int(here["at_limit"]) > 52


def test_the_frontier_of_a_limit_is_concave(keep: Frontier) -> None:
    """Proves: a stronger guarantee costs ever more, as the value of a linear program is concave in its limits; and at
    100% nothing moves. Broken: one level that is not at its best."""
    data = keep.dataset()
    slope = data["slope"].values[1:]
    assert keep.levels == tuple(LEVELS) and (slope < 0).all() and (np.diff(slope) < 0).all()
    assert float(data["moved"][-1]) == pytest.approx(0, abs=1) and float(data["moved"][0]) > 1e9
    total = data["money"].sum("space")
    assert np.allclose(total, float(total[0]), rtol=1e-12)


def test_a_slope_lies_between_the_prices_at_its_ends(keep: Frontier, za: World) -> None:
    """Proves: what the last step cost for each unit is at least what the prices of the level before say, and at most
    those of the level itself: prices (from duals) and values (from plans) tell one story."""
    had = za.data["baseline"].sel(year="2019/20").sum("grant")
    slopes = keep.dataset()["slope"].values
    for at in (2, 3, 4):
        before, here = (plan for plan in keep.plans[at - 1 : at + 1] if isinstance(plan, Plan))
        gentle, steep = (float((plan.prices()["guarantee"].squeeze("year") * had).sum()) for plan in (before, here))
        assert steep * 1.001 < slopes[at] < gentle * 0.999


def test_levels_without_a_plan_are_marked_and_the_others_stay(za: World) -> None:
    """Proves: where the cap of a space is below its guarantee there is no plan: the first says so in the words of the
    model, the others carry their proof, and levels above have plans. Broken: zeros, or a frontier that ends there."""
    found = frontier(MODEL, za, datum="absorb", where={"space": "ETH"}, levels=[1e9, 2e9, 3e9, 4e9], years=["2019/20"])
    data = found.dataset()
    assert data["grade"].values.tolist() == [NO_PLAN, NO_PLAN, "exact", "exact"]
    assert np.isnan(data["value"][:2]).all() and np.isnan(data["slope"][:3]).all() and float(data["slope"][3]) >= 0
    assert data["at_limit"].values[:2].tolist() == [-1, -1] and np.isnan(data["money"][0]).all()
    first, second = found.refused.values()
    assert "absorption[space=eThekwini (ETH), year=2019/20] must be at most R1,000,000,000" in str(first)
    assert isinstance(second, Infeasible) and second.gap > 0
    with pytest.raises(NoPlanError, match="cannot hold together"):
        frontier(MODEL, za, datum="absorb", where={"space": "ETH"}, levels=[1e9, 2e9], years=["2019/20"])


def test_wrong_questions_are_answered_before_the_work(za: World) -> None:
    """Proves: an unknown datum, levels that are no numbers, a label that is not there, and a value that a datum may not
    have are told with the nearest right thing."""
    with pytest.raises(InputError, match=r"keap: is no datum; did you mean 'keep'\?\n  level -1.*\n  level nan"):
        frontier(MODEL, za, datum="keap", levels=[-1.0, np.nan])
    for asked, said in (
        ({"datum": "guaranteed", "levels": [1.0]}, "is derived; choose the data that it is derived from"),
        ({"datum": "keep", "levels": []}, "levels: there are none"),
        ({"datum": "keep", "levels": [1.1, 1.2]}, "above 1, the most it may be"),
        ({"datum": "absorb", "levels": [1e9], "where": {"space": "ETA"}}, "there is no 'ETA'; did you mean 'ETH'"),
        ({"datum": "absorb", "levels": [1e9], "where": {"space": " "}}, "there is no ' '"),
        (
            {"datum": "keep", "levels": [0.5], "where": {"space": "ETH"}},
            "space: 'keep' does not vary over it, only over year",
        ),
        (
            {"datum": "absorb", "levels": [1e300], "where": {"spa ce": ""}},
            r"spa ce: .*'space'\?\n  level 1e\+300: is not",
        ),
    ):
        with pytest.raises(InputError, match=said):
            frontier(MODEL, za, years="2019/20", **asked)


def test_the_command_prints_a_line_a_level_and_writes_them(command: Command, tmp_path: Path) -> None:
    """Proves: the table has a line for each level, progress goes to standard error, and the CSV has the same numbers and
    the money of every space. Broken: a table that looks right and a file of something else."""
    words = ("--set", "keep", "--from", "0.9", "--to", "1", "--points", "3", "--years", "2019/20", "--csv", "keep.csv")
    status, out, err = command("frontier", MODEL, *words)
    assert status == 0 and "solving: keep = 0.95 (2 of 3)" in err
    lines = out.splitlines()
    assert lines[1].split() == ["level", "need", "met", "per", "unit", "money", "moved", "at", "a", "limit", "grade"]
    assert [line.split()[0] for line in lines[2:5]] == ["0.9", "0.95", "1"] and lines[-1] == "Wrote keep.csv"
    table = pd.read_csv(tmp_path / "keep.csv")
    assert table["level"].tolist() == [0.9, 0.95, 1.0] and table.shape == (3, 7 + 52)
    assert f"{table['need met'][1]:,.0f}" == lines[3].split()[1]
    assert [p.name for p in tmp_path.iterdir()] == ["keep.csv"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--where", "space"), "--where: 'space' is not DIM=LABEL; write for example grant=MIG"),
        (("--points", "1"), "--points: 1 is not from 2 to 1000"),
        (("--csv", "keep.xlsx"), "--csv: 'keep.xlsx' does not end in .csv"),
        (("--csv", "no/keep.csv"), "there is no folder no"),
        (("--to", "0.9"), "as --from is; a frontier goes from one level to another"),
        (("--to", "inf"), "--to: inf is not a number"),
        (("--set", "kep"), "kep: is no datum; did you mean 'keep'?"),
        (("-s", "one_watergrant"), "did you mean 'one_water_grant'?"),
        (("--years", "2031/32"), "no '2031/32'"),
    ],
)
def test_wrong_words_end_with_status_1(command: Command, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Proves: every wrong word is answered in one message, with status 1 and nothing written."""
    status, out, err = command("frontier", MODEL, "--set", "keep", "--from", "0.9", "--to", "1", *words)
    assert status == 1 and said in err and out == "" and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
