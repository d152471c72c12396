"""Programs whose rows are nested: recognised, solved by the thousand, and the same as the general solver says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from allocate.errors import NoPlanError, ProofError
from allocate.kernels.laminar import INFEASIBLE, OPTIMAL, UNBOUNDED
from allocate.optimum import laminar as module
from allocate.optimum.certificate import certify
from allocate.optimum.extended import Answer, with_row
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible
from allocate.optimum.laminar import NotLaminar, detect, read
from allocate.optimum.lexicographic import solve
from allocate.optimum.linear import Goal, LinearProgram
from optimum.nested import nested

LOOSE = SolverOptions(accept_near_ties=True)


def general(lp):
    """What the general solver says of a program."""
    try:
        return OPTIMAL, solve(lp, LOOSE)
    except NoPlanError as error:
        return (INFEASIBLE if isinstance(error, Infeasible) else UNBOUNDED), None


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_the_same_as_the_general_solver(start):
    """Proves: of 300 random programs, a third with a row across and many without a plan, status, value to 1e-9 and the
    plan to publish are those of the general solver; and of the full certificate nothing fails. Broken: a plan that is
    as good but not the nearest, a price that proves nothing, a program called impossible that is not."""
    kernel = 0
    for seed in range(start, start + 50):
        lp = nested(seed, across=seed % 3 == 1, tied=seed % 7 == 0, tight=0.05 * (seed % 2))
        found, (status, best) = read(lp).solve_many(audit=0), general(lp)
        assert found.status[0] == status, seed
        kernel += not found.solver[0]
        if best is None:
            continue
        assert abs(found.value[0] - best.values[0]) <= 1e-9 * max(1.0, abs(best.values[0])), seed
        assert np.abs(found.x[0] - best.x).max(initial=0.0) <= 1e-9 * max(1.0, np.abs(best.x).max(initial=0.0)), seed
        assert certify(lp, Answer(found.x[0], found.prices[:1])).ok, seed
        assert np.allclose(found.totals[0], lp.matrix @ found.x[0], atol=1e-9)
    assert kernel > 35  # the rest has many plans that are as good


@pytest.mark.parametrize("seed", range(6))
def test_one_batch_is_its_scenarios(seed):
    """Proves: costs, limits and bounds that vary all at once, shared or not, are each the program with these numbers.
    Broken: scenarios that share what they should not."""
    lp, rng = nested(seed, columns=25, across=seed % 2 == 1, sense="max"), np.random.default_rng(seed)
    asked = {
        "costs": lp.goals[0].cost * np.exp(0.4 * rng.standard_normal((8, 25))),
        "row_upper": lp.row_upper + rng.integers(0, 9, (8, 1)),
        "lower": (lp.lower - rng.integers(0, 3, 25))[None],
        "upper": lp.upper + rng.integers(0, 3, (8, 25)),
    }
    for names in (["costs"], ["row_upper"], ["row_upper", "lower"], ["upper", "lower"], list(asked)):
        given_ = {name: asked[name] for name in names}
        found = read(lp).solve_many(**given_, audit=8)
        for q in range(len(found.value)):
            parts = {name: values[min(q, len(values) - 1)] for name, values in given_.items()}
            goal = replace(lp.goals[0], cost=parts.pop("costs", lp.goals[0].cost))
            status, best = general(replace(lp, goals=(goal,), **parts))
            assert found.status[q] == status
            assert best is None or found.value[q] == pytest.approx(best.values[0], rel=1e-9, abs=1e-9)


def test_ties_are_seen_and_the_nearest_plan_is_given():
    """Proves: where two columns are worth the same the plan is the one nearest to the target, by the general solver, and
    the scenario says so; a difference of 1e-9 is a tie too near to call. Broken: whichever column comes first takes
    all."""
    one = np.ones(1)
    goal = Goal("worth", np.array([1.0, 1.0]), sense="max")
    lp = LinearProgram(sparse.csr_array([[1.0, 1.0]]), -np.inf * one, 10 * one, np.zeros(2), np.full(2, 8.0), (goal,),
                       np.array([1.0, 5.0]), np.ones(2))  # fmt: skip
    found = read(lp).solve_many(costs=[[1, 1], [1, 1 + 1e-9], [1, 1.5]])
    assert found.tied.tolist() == found.solver.tolist() == [True, True, False]
    assert found.x[0] == pytest.approx([2.0, 8.0])
    assert found.x[2].tolist() == [2.0, 8.0]


def test_a_difference_to_the_general_solver_stops_everything(monkeypatch):
    """Proves: an answer that the general solver does not confirm is raised, not returned. Broken: an audit that only
    looks as if it compared."""
    lp = nested(5, columns=12, tied=False, sense="max")
    laminar = read(lp)
    assert laminar.solve_many().audited.tolist() == [0]
    real = module._share_out

    def wrong(*parts):
        real(*parts)
        parts[-1].value[:] *= 1 + 1e-8
        parts[-1].bound[:] *= 1 + 1e-8

    monkeypatch.setattr(module, "_share_out", wrong)
    with pytest.raises(ProofError, match="scenario 0 is worth"):
        laminar.solve_many()


def test_what_is_audited_depends_on_the_answers_alone():
    """Proves: the same batch is audited at the same scenarios, by any number of threads; another batch at others."""
    lp = nested(5, columns=12, sense="max")
    costs = lp.goals[0].cost * np.exp(0.3 * np.random.default_rng(0).standard_normal((200, 12)))
    one, two = (read(lp).solve_many(costs=costs, threads=t) for t in (1, 3))
    assert one.audited.tolist() == two.audited.tolist() and len(one.audited) == 2
    others = [read(lp).solve_many(costs=costs[k:]).audited.tolist() for k in (1, 2, 3)]
    assert any(other != one.audited.tolist() for other in others)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), across=st.booleans())
def test_nested_rows_are_recognised_in_any_order(seed, across):
    """Proves: every nested family is recognised, with a row across or without, and its nodes are its rows."""
    lp = nested(seed, columns=20, across=across)
    found = read(lp)
    for row in range(lp.row_lower.size):
        above = found.forest.parent[row]
        if row != found.across and above < lp.row_lower.size:
            inner, outer = (set(lp.matrix[[r]].indices.tolist()) for r in (row, int(above)))
            assert inner <= outer


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_rows_that_cross_are_named(seed):
    """Proves: one row that crosses others is the row across, two are refused, and the message names rows that do cross.
    Broken: a program taken for another, or a refusal nobody can mend."""
    rng = np.random.default_rng(seed)
    lp = nested(seed, columns=12, across=True)
    more = with_row(lp, rng.normal(size=12), -np.inf, 1e6)
    with pytest.raises(NotLaminar, match="count their columns unlike") as refused:
        read(more)
    assert lp.row_lower.size in refused.value.rows
    assert detect(more) is None
    rows = np.zeros((4, 12))
    rows[0, :4] = rows[1, 2:6] = rows[2, 6:10] = rows[3, 8:] = 1.0
    order = rng.permutation(4)
    ends = np.full(4, -np.inf), np.full(4, 9.0), np.zeros(12), np.ones(12), lp.goals, lp.target, lp.unit
    with pytest.raises(NotLaminar, match=r"cross, and so do") as refused:
        read(LinearProgram(sparse.csr_array(rows[order]), *ends))
    pairs = np.array(refused.value.rows).reshape(2, 2)
    assert {frozenset(order[pair].tolist()) for pair in pairs} == {frozenset({0, 1}), frozenset({2, 3})}


def test_other_programs_are_refused_in_words():
    """Proves: whole numbers, two goals and columns without a lower bound are refused by name."""
    lp = nested(2, columns=6)
    for other, words in (
        (replace(lp, integer=np.ones(6, bool)), "whole number"),
        (replace(lp, goals=(*lp.goals, replace(lp.goals[0], name="other"))), "one goal"),
        (replace(lp, lower=np.full(6, -np.inf)), "column 0 has no lower bound"),
    ):
        with pytest.raises(NotLaminar, match=words):
            read(other)


def test_wrong_scenarios_are_refused_together():
    """Proves: every array that fits no program is named, in one message."""
    with pytest.raises(ValueError) as refused:
        read(nested(2, columns=6)).solve_many(costs=np.full((2, 6), np.nan), lower=np.zeros((3, 5)))
    for words in (
        "there are 2 and 3 of them",
        "lower has shape (3, 5), expected (scenarios, 6)",
        "costs must be finite",
    ):
        assert words in str(refused.value)
    lp = nested(2, columns=6)
    with pytest.raises(ValueError, match=r"row_lower exceeds row_upper \(scenario 1\)"):
        read(lp).solve_many(row_lower=np.stack([lp.row_lower, np.full(lp.row_lower.size, 1e9)]))
