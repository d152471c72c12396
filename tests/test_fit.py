"""What a World holds and whether a model fits it: the words of ``allocate check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import small
from allocate.changes import apply
from allocate.fit import contents, fit
from allocate.read import read_model, read_scenario
from allocate.world import World

if TYPE_CHECKING:
    from conftest import Command

MODEL = "grant_consolidation"


def test_check_says_what_is_there(command: Command, za: World) -> None:
    """Proves: labels, money by year (against the World itself), how figures became known and the program's size are
    said, and nothing is written."""
    status, out, err = command("check", "za2016", "-s", "one_pool", "-s", "guarantee_95")
    assert status == 0 and "Traceback" not in err
    (spaces,) = [line for line in out.splitlines() if line.startswith("  space ")]
    assert spaces.split(maxsplit=2) == ["space", "52", "DC1, DC2, DC3, DC4, DC5, DC6 and 46 more"]
    budget = za.data["budget"].sum("grant")
    shown = [f"R{float(budget.sel(year=year)) / 1e9:.3f}bn" for year in za.labels("year")]
    assert next(line for line in out.splitlines() if line.startswith("  budget ")).split() == ["budget", *shown]
    total = sum(array.size for array in za.data.data_vars.values())
    assert f"Figures  {total:,} in {len(za.data.data_vars)} tables" in out
    assert "Fits Grant consolidation: a program of " in out and "keep: 0.9 -> 0.95" in out


def test_what_looks_odd_is_said() -> None:
    """Proves: zeros everywhere, labels without money, data that the model does not use and defaults in their place are
    each said, the misspelt name beside what it was meant for.

    Broken: 'purpose_sharee' is read, ignored, and the analyst believes that it was used.
    """
    world = small.world()
    data = world.data
    world = World("small", data.drop_vars("purpose_share"), world.regions)
    world = world.with_data("purpose_sharee", data["purpose_share"].assign_attrs(why=""))
    world = world.with_data("baseline", data["baseline"] * 0)
    world = world.with_data("absorb", data["absorb"].where(data["space"] != "W", 0.0))
    said = fit(apply(read_model(MODEL), world, [read_scenario("value_equal")]), world)
    assert "  baseline: zero everywhere" in said
    assert "  absorb: no money for space West (W)" in said
    assert "  purpose_share: not given, so 0 everywhere, the model's default; did you mean 'purpose_sharee'?" in said
    assert any("purpose_sharee" in line and line.endswith("nothing here uses them; a scenario may") for line in said)


def test_a_world_with_nothing_odd_says_so() -> None:
    """Proves: no warning is made up. Broken: a reader learns to skip them."""
    world = small.toy()
    model = small.model(data={str(n): {"over": a.dims, "unit": a.attrs["unit"]} for n, a in world.data.items()})
    assert fit(apply(model, world), world)[-1] == "Nothing looks odd."


def test_money_without_years_is_told_in_all() -> None:
    """Proves: a table of money without years has its total under no year."""
    lines = contents(small.toy())
    assert next(line for line in lines if line.startswith("  floor ")).split() == ["floor", "R30.00", "in", "all"]
    assert next(line for line in lines if line.startswith("  budget ")).split() == ["budget", "R100.00", "R200.00"]


def test_a_world_that_does_not_fit_ends_with_every_problem(command: Command, za: World) -> None:
    """Proves: figures that lack what a model asks for are said together, with status 1, after what is there."""
    lacking = World("lacking", za.data.drop_vars(["budget", "pace"]), za.regions)
    lacking.write("lacking")
    status, out, err = command("check", "lacking")
    assert status == 1 and out.startswith("World lacking\n")
    assert "data.budget: the world 'lacking' has no datum 'budget'" in err and "data.pace: " in err
