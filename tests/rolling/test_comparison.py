"""Policies side by side: the same whoever walks them, what is asked wrongly, and what a folder holds."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import allocate as al
import prospected
from allocate.errors import InputError
from allocate.report.policies import policies_html
from allocate.rolling.comparison import Policies
from allocate.rolling.findings import findings
from allocate.rolling.future import first_year
from allocate.rolling.money import carried
from allocate.spec import AddRule, Scale, Scenario, Set
from allocate.walked import write
from conftest import Command

MODEL = "grant_consolidation"


def walked(**more: object) -> Policies:
    return al.policies(MODEL, "za2016", prospected.people(), **{"years": 1, "draws": 60, **more})  # type: ignore[arg-type]


@cache
def plain() -> Policies:
    return walked(policies=["formula", "expected", "cvar"])


def test_workers_and_more_draws_change_no_draw() -> None:
    """Proves: policies walked in processes of their own come to the same bits, and a draw that no plan looks at has the
    same future among 60 draws and among 61. Broken: a result depends on who worked it out, or on how many were drawn.
    """
    for name, other in walked(policies=["expected"], workers=2).walks.items():
        walk = plain().walks[name]
        assert all(np.array_equal(getattr(walk, part), getattr(other, part)) for part in ("money", "units", "worth"))
    more = walked(policies=["formula"], draws=61)
    assert np.array_equal(more.outcome("formula")[:60], plain().outcome("formula"))


def test_gains_and_regrets_add_up() -> None:
    """Proves: the gain of a policy is its outcome less that of the actual split, draw by draw; regret is against the best of
    the draw, so some policy has none; households served and without are all. Broken: a table of another comparison.
    """
    found, table = plain(), plain().table().set_index("policy")
    data = found.dataset()
    assert table.loc["baseline", "mean gain"] == 0
    for name in found.names:
        gain = found.outcome(name) - found.outcome("baseline")
        assert table.loc[name, "mean gain"] == pytest.approx(gain.mean())
        assert found.gained(name).sum() == pytest.approx(gain.mean())
        assert table.loc[name, "better"] == (gain > 0).mean()
        assert table.loc[name, "mean outcome"] + table.loc[name, "mean regret"] == pytest.approx(found.best.mean())
    people = found.setting.future.demand.sum(axis=2).mean(axis=0)[:, 0]
    total = data["mean_backlog"].sum("space").sel(service="water", policy="cvar").values
    served = np.minimum(found.walks["cvar"].capacity, found.setting.future.demand).sum(axis=2).mean(axis=0)[:, 0]
    assert total + served == pytest.approx(people)
    voted = float(al.read_world("za2016").data["budget"].sel(year="2017/18").sum())
    assert data["money"].sum(["space", "funded", "financial_year"]).max() <= voted * (1 + 1e-9)


def test_what_is_lost_is_said_before_what_is_won() -> None:
    """Proves: a policy that is better in all and worse in water says so in the sentence of its gain, with the draws in which
    it is, and who else built before is said with what the figures of people add in a year.

    Broken: a reader quotes a gain in every draw, and does not see who loses.
    """
    found, said = plain(), [sentence.words for sentence in findings(plain())]
    its = next(words for words in said if words.startswith("The plan for the mean need: "))
    served = {name: np.minimum(found.walks[name].capacity, found.setting.future.demand) for name in found.names}
    water = (served["expected"] - served["baseline"])[:, 1, :, 0]
    behind = int(((water * found.setting.worths[0][:, 0, 0]).sum(axis=1) < 0).sum())
    assert behind == 60 and "in 60 of 60 draws, but water is worse in 60 of them (-" in its
    assert its.index("water") < its.index("sanitation +") < its.index("refuse +")
    added = prospected.people().data["additions"].isel(period=0).sel(service="water").sum()
    alone = next(words for words in said if words.startswith("Only these grants build: from 2017 on"))
    assert f"water {float(added) / 1e3:.4g} thousand, then " in alone
    idle = found.walks["baseline"].idle.sum() / found.walks["baseline"].money[..., :4].sum()
    assert any(f"Money that buys nothing: {idle:.1%} of the actual split, " in words for words in said)


def test_charts_of_a_service_have_one_scale() -> None:
    """Proves: what is written beside the charts of a service is the same under every policy, and differs between services.
    Broken: a policy that leaves twice as many without looks no worse.
    """
    marks = [re.findall(r'text-anchor="end">([^<]+)', chart) for chart in policies_html(plain()).split("<svg")[1:]]
    each = [tuple(map(tuple, marks[k : k + 4])) for k in range(0, 16, 4)]
    assert all(len(set(charts)) == 1 for charts in each) and len(set(each)) == 4


def test_years_beyond_the_figures_are_the_last_one() -> None:
    """Proves: 2021/22 has the money of 2019/20 grown twice, its costs and rules as they were, and is discounted as
    before. Broken: costs grow with money, or a year is skipped.
    """
    world = al.read_world("za2016")
    later, last = carried(world, 2021, 1, 0.03).data, world.data.sel(year="2019/20")
    assert later["year"].values.tolist() == ["2021/22"]
    for name, factor in (("budget", 1.03**2), ("baseline", 1.03**2), ("unit_cost", 1), ("keep", 1), ("got_share", 1)):
        assert later[name].isel(year=0, drop=True).values == pytest.approx(last[name].values * factor)
    rate = float(world.data["discount"][2] / world.data["discount"][1])
    assert float(later["discount"][0]) == pytest.approx(float(last["discount"]) * rate**2)


def test_a_drought_and_a_merger_change_what_they_say() -> None:
    """Proves: scenarios of people change what stands, those of grants the money, and both are said, as is that the two
    Worlds then count others as served. Broken: a scenario goes to the wrong World.
    """
    dry = Scenario(
        name="Dry", why="A test.", model="people", change=(Set(set="yields", to=0.5), Scale(scale="capacity", by=0.5))
    )
    found = walked(policies=[], draws=8)
    both = al.policies(MODEL, "za2016", prospected.people(), "one_pool", dry, years=1, draws=8, policies=[])
    assert np.array_equal(both.setting.future.demand, found.setting.future.demand)
    assert np.array_equal(both.setting.future.yields, found.setting.future.yields / 2)
    assert both.said[0].startswith("pool: MIG + IUDG") and both.said[1].startswith("yields: 1 -> 0.5")
    assert any(s.words.startswith("Of water, the grants count 87.7% of households") for s in findings(both))
    assert both.name == "One infrastructure grant + Dry" and both.setting.case.world.labels("pool") == (
        "Infrastructure",
    )


def test_what_is_asked_wrongly_is_said_together() -> None:
    """Proves: policies, numbers, and models whose money buys otherwise, each with its place. Broken: one mistake a run,
    or a rule that a walk does not keep is dropped without a word.
    """
    with pytest.raises(InputError) as caught:
        walked(policies=["cvra"], draws=0, groups=0, growth=3.0)
    assert str(caught.value).splitlines() == [
        "policies: 4 problems",
        "  cvra: is no policy; did you mean 'cvar'?",
        "  draws: 0 is not from 1 to 100000",
        "  groups: 0 is not from 1 to 1000",
        "  growth: 3 is not from -0.5 to 1",
    ]
    for labels in (("2017/18", "2019/20"), ("first", "second")):
        with pytest.raises(InputError):
            first_year(labels)
    rule = AddRule(add="rules.parity", over=("space",), rule="sum(renewed, over=[service, year]) <= 1e6", why="A test.")
    for asked, words in (
        (rule, "rules.parity asks what money does"),
        (al.read_scenario("baseline").changes[0], "its money is fixed by a scenario"),
    ):
        with pytest.raises(InputError, match=words):
            al.policies(MODEL, "za2016", "za2016_people", Scenario(name="x", why="y", change=(asked,)), years=1)


def test_a_folder_holds_the_comparison(tmp_path: Path) -> None:
    """Proves: every file says the same, the same comparison writes the same bytes, an earlier one is replaced and a run is
    known. Broken: a table that differs from the arrays, or a clock in a file.
    """
    one, two = (write(plain(), tmp_path / name) for name in ("one", "two"))
    assert write(plain(), tmp_path / "one") == one
    for file in sorted(one.iterdir()):
        assert file.read_bytes() == (two / file.name).read_bytes()
    arrays, table = xr.load_dataset(one / "policies.nc"), pd.read_csv(one / "policies.csv")
    assert arrays["gain"].mean("draw").values == pytest.approx(table["mean gain"].values)
    adequacy = pd.read_csv(one / "adequacy.csv")
    assert len(adequacy) == 4 * 4 * 52 * 2
    said = json.loads((one / "manifest.json").read_text(encoding="utf-8"))
    assert said["years"] == ["2017/18"] and said["policies"] == ["baseline", "formula", "expected", "cvar"]
    page = (one / "report.html").read_text(encoding="utf-8")
    assert findings(plain())[0].words.removeprefix("Walked: ") in page


def test_the_command_says_what_survives(command: Command, tmp_path: Path) -> None:
    """Proves: one command projects, plans, walks and reports, and a word that is wrong ends with status 1. Broken: it
    needs Python, or leaves half a folder.
    """
    words = ("policies", MODEL, "--years", "1", "--draws", "8", "--workers", "1")
    status, said, _ = command(*words, "--policy", "formula", "-o", "o")
    assert status == 0 and "of it survives uncertainty" in said and "Open o" in said
    status, _, wrong = command(*words, "--policy", "best", "-o", "p")
    assert status == 1 and "best: is no policy" in wrong
    assert [path.name for path in tmp_path.iterdir()] == ["o"]
