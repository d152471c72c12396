"""Thousands of budgets and weights of one model: each the run that it stands for, in the model's own words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import xarray as xr

import allocate as al
from allocate.changes import apply
from allocate.errors import InputError
from allocate.optimum.laminar import read
from allocate.spec import AddRule, Scenario

YEAR = ["2019/20"]
EACH = "sum(tranche, over=[space, tier]) <= 0.5 * sum(budget, over=grant)"
UNLIKE = "sum(need_weight * tranche, over=[space, service, tier]) >= 0.5 * sum(budget, over=grant)"
SHARES = Scenario(
    name="Shares",
    why="Rows that cross the rest.",
    changes=(
        AddRule(add="rules.each", over=["service", "year"], rule=EACH, why="A service."),
        AddRule(add="rules.share", over=["year"], rule=UNLIKE, why="Need."),
    ),
)


def weights(world, many, dim="space", seed=0):
    labels = list(world.labels(dim))
    drawn = np.exp(0.3 * np.random.default_rng(seed).standard_normal((many, len(labels))))
    return xr.DataArray(drawn, dims=("scenario", dim), coords={dim: labels})


def built(za, *scenarios):
    return al.build(apply(al.read_model("single_pool"), za.select("year", YEAR), list(scenarios)))


def test_the_shipped_model_is_nested(za):
    """Proves: the rows of ``single_pool`` are nested, four deep, with about a thousand columns. Broken: a rule that
    crosses another, after which every question of thousands of scenarios is refused."""
    linear = built(za).linear
    found = read(linear)
    assert found.across == -1 and len(found.forest.node) == 4 and linear.lower.size > 1000


def test_a_budget_is_the_model_with_that_pool(za):
    """Proves: the model's own pool gives the plan of a run, in money, value and price; another pool spends all of it,
    and every further rand buys less. Broken: a factor on the wrong limit."""
    found = al.allocations("single_pool", za, years=YEAR, budgets=[0.97, 1.0, 1.02])
    plan = al.solve(built(za))
    assert found.value[1] == pytest.approx(plan.goals["need met"], rel=1e-12)
    assert np.allclose(found.amount[1], plan.values["tranche"].sum(["service", "tier", "year"]), rtol=1e-9, atol=1e-3)
    pair = plan.price_pairs("pool")["pool"].isel(year=0)
    assert float(pair["more"]) * (1 - 1e-9) <= float(found.price[1]) <= float(pair["less"]) * (1 + 1e-9)
    money = float(za.select("year", YEAR).data.budget.sum())
    assert np.allclose(found.amount.sum("space"), money * np.array([0.97, 1.0, 1.02]), rtol=1e-12)
    assert (np.diff(found.price) < 0).all()


def test_weights_of_one_are_no_weights_and_heavier_spaces_get_more(za):
    """Proves: weights of 1 give the model's own split, and a space whose weight is tripled never gets less. Broken:
    weights that fall on other spaces than they name."""
    ones = weights(za, 3) * 0 + 1
    heavy = ones.copy()
    heavy[1, 5] = heavy[2, 7] = 3.0
    found = al.allocations("single_pool", za, years=YEAR, weights=heavy)
    plain = al.allocations("single_pool", za, years=YEAR, weights=ones[:1])
    assert np.array_equal(found.amount[0], plain.amount[0])
    assert found.amount[1, 5] > plain.amount[0, 5] and found.amount[2, 7] >= plain.amount[0, 7]


def test_many_scenarios_add_up_and_are_the_same_in_parts(za):
    """Proves: 600 scenarios over several batches and dims spend the pool within its limits, and any part of them asked
    alone is the same. Broken: a batch that takes the weights of another."""
    drawn, budgets = weights(za, 600, "service"), np.linspace(0.96, 1.02, 600)
    found = al.allocations("single_pool", za, years=YEAR, weights=drawn, budgets=budgets, by=("space", "service"))
    money = float(za.select("year", YEAR).data.budget.sum())
    assert found.sizes == {"scenario": 600, "space": 52, "service": 7}
    assert np.allclose(found.amount.sum(["space", "service"]), budgets * money, rtol=1e-9)
    part = slice(290, 310)
    alone = al.allocations(
        "single_pool", za, years=YEAR, weights=drawn[part], budgets=budgets[part], by=("space", "service")
    )
    assert np.array_equal(found.amount[part], alone.amount)


def test_what_cannot_be_met_is_said_scenario_by_scenario(za):
    """Proves: a budget below the guarantees has no plan, is marked so and has no numbers; the others have theirs."""
    found = al.allocations("single_pool", za, years=YEAR, budgets=[0.5, 1.0])
    assert found.infeasible.values.tolist() == [True, False]
    assert np.isnan(found.amount[0]).all() and np.isnan(found.value[0]) and found.value[1] > 0


def test_bad_questions_are_refused_together(za):
    """Proves: a rule and a dim that are not there, each with the nearest, weights that fit nothing, and a model whose rows
    cross, by the names of these rows."""
    wrong = weights(za, 2).rename(space="spaces")
    with pytest.raises(InputError) as refused:
        al.allocations("single_pool", za, years=YEAR, rule="pol", by=["spce"], weights=wrong, budgets=[1.0])
    for words in ("did you mean 'pool'", "did you mean 'space'", "no dim 'spaces'", "as many of one as of the other"):
        assert words in str(refused.value)
    odd: list[tuple[dict[str, Any], str]] = [
        ({"budgets": [[1.0, 1.0]]}, "budgets: must be a list of numbers"),
        ({"budgets": ["1"]}, "budgets: must be a list of numbers"),
        ({"budgets": [float("nan")]}, "budgets: must be from 0 to 1,000,000 times what it is"),
        ({"weights": np.ones((2, 52))}, "weights: must be numbers in an xarray.DataArray"),
        ({"budgets": [1.0], "by": "space"}, "by: 'space' is no list of dims"),
        ({"budgets": [1.0], "by": ["space", "space"]}, "is no list of dims, each once"),
        ({"budgets": [1.0], "threads": -1}, "threads: -1 is not 1 or more"),
    ]
    for asked, said in odd:
        with pytest.raises(InputError, match=re.escape(said)):
            al.allocations("single_pool", za, years=YEAR, **asked)
    with pytest.raises(InputError, match="one goal"):
        al.allocations("grant_consolidation", za, years=YEAR, budgets=[1.0], by=["space"])
    with pytest.raises(InputError, match=r"rows \d+ and \d+ cross.*share\[year=2019/20\]"):
        al.allocations("single_pool", za, SHARES, years=YEAR, budgets=[1.0])
