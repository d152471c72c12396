"""What the draws of a projection hang on, against the draws themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from allocate.errors import InputError
from allocate.people.drivers import drivers
from allocate.people.projection import prepare, sampled
from allocate.sensitivity.discovery import boxes
from allocate.sensitivity.shares import given_data
from prospected import people

if TYPE_CHECKING:
    from conftest import Command


def test_figures_are_those_of_the_draws() -> None:
    """Proves: adequacy is capacity over demand of the same draws whatever the parts they come in; need is demand over
    what the World counts at the start; and what was delivered, put back into what was planned, is the capacity.

    Broken: the wrong step, service or draw.
    """
    ready = prepare(people(), years=[2026, 2036])
    found = drivers(ready, "water", 2036, draws=700, seed=3)
    sample = sampled(ready, draws=700, seed=3).sel(service="water", year=2036)
    assert found.adequacy == pytest.approx((sample["capacity"] / sample["demand"]).values)
    households = people().data["people"].sum(["sex", "age"])  # what is needed grows with households, not with people
    start = sample["demand"].values / found.figures[:, :, 0]
    assert np.ptp(start, axis=0) == pytest.approx(0, abs=1e-6 * start.max())
    assert (start[0] < households.sel(space=list(found.spaces)).values).all()
    step = ready.calendar.ends.index(2036)
    at = people().labels("service").index("water")
    stock, built, yields = (np.asarray(getattr(ready.inputs, n))[step, at] for n in ("stock", "built", "yields"))
    assert (stock + built * found.figures[:, :, 1]) * yields == pytest.approx(sample["capacity"].values, rel=1e-5)


def test_a_space_falls_short_where_need_outgrows_what_came() -> None:
    """Proves: for sanitation in OR Tambo the box has need above and delivery below, never the other way round, holds
    most of the bad draws, and what happens elsewhere is not in it; nor has it a share of the variance.
    """
    found = drivers(prepare(people(), years=2036), "sanitation", 2036, draws=2000)
    cases, adequacy = found.of("DC15")
    box, *_ = boxes(cases, adequacy < 1)
    names = {(found.names[limit.figure], limit.above) for limit in box.limits}
    assert ("need there", True) in names
    assert names <= {("need there", True), ("delivery there", False)}
    assert box.coverage > 0.7 and box.density > 0.7
    share = given_data(cases, adequacy[:, None]).first[:, 0]
    assert share[0] + share[1] > 0.8
    assert (np.abs(share[2:]) < 0.1).all()


def test_the_command_says_when(command: Command) -> None:
    """Proves: the command says it in words, and where a space is always short, that nothing is left to explain."""
    words = ("--space", "OR Tambo", "--year", "2036", "--draws", "1000")
    status, out, _ = command("discover", *words, "--service", "sanitation")
    assert status == 0 and "* OR Tambo (DC15) falls short in" in out
    assert "It does when need there is above 1." in out and "of such cases." in out
    status, out, _ = command("discover", *words, "--service", "refuse")
    assert "falls short in 100.0% of 1,000" in out and "Nothing is left to explain." in out


def test_what_is_wrong_is_said() -> None:
    """Proves: an unknown service and a year that is not projected come together, with the nearest."""
    with pytest.raises(InputError) as caught:
        drivers(prepare(people(), years=2036), "watr", 2030, draws=0)
    assert str(caught.value).splitlines()[1:] == [
        "  service: there is no 'watr'; there are water, sanitation, electricity, refuse, dwelling, classrooms, "
        "clinics; did you mean 'water'?",
        "  year: 2030 was not projected, only 2036",
        "  draws: 0 is not 1 or more",
    ]


def test_the_page_shows_what_the_commands_print(command: Command) -> None:
    """Proves: docs/sensitivity.md quotes ``allocate discover`` and ``allocate ranks`` to the letter. Broken: the page
    tells of figures that are no more.
    """
    page = (Path(__file__).parents[2] / "docs" / "sensitivity.md").read_text(encoding="utf-8")
    (quoted,) = re.findall(r"```\n(Sanitation.*?)```", page, re.DOTALL)
    _, out, _ = command("discover", "--space", "OR Tambo", "--service", "sanitation", "--year", "2036")
    assert out == quoted
    _, out, _ = command("discover", "--space", "OR Tambo", "--service", "water", "--year", "2031", "--below", "0.4")
    assert (
        "in 31.2% of" in out and "above 1.53" in out and "below 1.08" in out and "76% of the" in out and "89% of" in out
    )
    _, out, _ = command("ranks")
    lines = out.splitlines()
    assert "whatever the weights: uMkhanyakude (DC27), Zululand (DC26)." in lines[-4]
    assert "OR Tambo (DC15), Sekhukhune (DC47), Harry Gwala (DC43)." in lines[-3]
    assert lines[-2].count("(") == 16 and lines[-1] == "Under no weights at all: the other 31."
    rows = {line.split(" (")[0].strip(): line.split()[-5:] for line in lines[2:-4]}
    assert rows["uMkhanyakude"][-1] == "3" and rows["Zululand"][-1] == "10"
    assert rows["OR Tambo"][1] == "2-8" and rows["OR Tambo"][-1] == "17"
    assert rows["West Rand"][0] == "38" and rows["West Rand"][3] == "5"
