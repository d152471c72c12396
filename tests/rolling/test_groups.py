"""Which draws a planner can tell apart."""

from __future__ import annotations

import itertools

import numpy as np

from allocate.rolling.groups import grouped


def test_groups_share_draws_out_and_order_changes_none() -> None:
    """Proves: every draw is in one group of at least so many, no more groups than asked, and the groups of draws in
    another order hold the same draws. Broken: a draw has two plans, or a plan follows the order of draws.
    """
    chance = np.random.default_rng(3)
    seen = chance.normal(size=(400, 6)) * [5, 1, 1, 1, 1, 1]
    found = grouped(seen, most=4)
    assert sorted(itertools.chain(*(g.tolist() for g in found))) == list(range(400))
    assert len(found) == 4 and min(map(len, found)) >= 25
    order = chance.permutation(400)
    again = grouped(seen[order], most=4)
    assert {frozenset(g.tolist()) for g in found} == {frozenset(order[g].tolist()) for g in again}


def test_the_main_direction_splits_first() -> None:
    """Proves: where draws differ mostly in one space, the two groups are those with more and with less there.

    Broken: the split is along a direction of noise.
    """
    chance = np.random.default_rng(4)
    seen = np.column_stack([chance.normal(0, 10, 100), chance.normal(0, 0.1, 100)])
    low, high = grouped(seen, most=2)
    assert seen[low, 0].max() < seen[high, 0].min() and len(low) == len(high) == 50


def test_what_looks_the_same_is_one_group() -> None:
    """Proves: draws that have been the same so far are never told apart, and few draws are one group. Broken: a plan
    knows which of them comes.
    """
    assert len(grouped(np.ones((200, 3)), most=4)) == 1
    assert len(grouped(np.random.default_rng(0).normal(size=(49, 3)), most=4)) == 1
    twins = np.repeat(np.random.default_rng(6).normal(size=(60, 3)), 2, axis=0)
    for group in grouped(twins, most=4):
        assert (np.bincount(group // 2, minlength=60) % 2 == 0).all()
