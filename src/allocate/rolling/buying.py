"""What a year's money buys in every draw, once the money is decided: the cheapest households first.

Given the money of a service in a space, nothing else ties draws, spaces and services together, and a served household
counts the same whichever way it is served. So the best use of the money is to serve as many as it can, in the order of
cost: a fractional knapsack, whose greedy answer is the optimum of the linear program (G. B. Dantzig, *Discrete-variable
extremum problems*, Operations Research 5 (1957)).
"""

from __future__ import annotations

from typing import Any

import numpy as np

type Values = np.ndarray[Any, np.dtype[np.float64]]


def bought(money: Values, sizes: Values, costs: Values) -> Values:
    """Households that money (...) serves of groups ``sizes`` (..., groups), each at its cost a household (..., groups).

    Groups are served in the order of cost, of equal ones the first; one that costs nothing is served whole.

    >>> bought(np.array(100.0), np.array([4.0, 10.0]), np.array([20.0, 5.0])).tolist()
    [2.5, 10.0]
    """
    sizes, costs = np.broadcast_arrays(sizes, costs)
    return _in_order(money, sizes, costs, costs)


def _in_order(amount: Values, sizes: Values, uses: Values, rank: Values) -> Values:
    """What of every group an amount fills, each unit of which uses up ``uses`` of it, in the order of rank."""
    order = np.argsort(rank, axis=-1, kind="stable")
    size, use = (np.take_along_axis(values, order, axis=-1) for values in (sizes, uses))
    asked = size * use
    left = np.maximum(amount[..., None] - (np.cumsum(asked, axis=-1) - asked), 0.0)
    taken = np.minimum(size, np.divide(left, use, out=np.full(left.shape, np.inf), where=use > 0))
    found: Values = np.empty_like(taken)
    np.put_along_axis(found, np.broadcast_to(order, taken.shape), taken, axis=-1)
    return found


def filled(amount: Values, sizes: Values, worths: Values) -> Values:
    """What an ``amount`` (...) is worth when it fills bands of ``sizes`` (..., bands), those of most worth first.

    >>> filled(np.array(15.0), np.array([10.0, 10.0]), np.array([1.0, 2.0])).item()
    25.0
    """
    sizes, worths = np.broadcast_arrays(sizes, worths)
    found: Values = (_in_order(amount, sizes, np.ones(sizes.shape), -worths) * worths).sum(axis=-1)
    return found


def refilled(tiers: Values, total: Values, share: Values) -> Values:
    """Tiers (..., tiers) that add up to ``total`` (...): what is new joins by ``share``, what is gone leaves all alike.

    >>> refilled(np.array([2.0, 6.0]), np.array(10.0), np.array([0.5, 0.5])).tolist()
    [3.0, 7.0]
    >>> refilled(np.array([2.0, 6.0]), np.array(4.0), np.array([0.5, 0.5])).tolist()
    [1.0, 3.0]
    """
    had = tiers.sum(axis=-1)
    kept = np.divide(np.minimum(total, had), had, out=np.zeros_like(had), where=had > 0)
    found: Values = tiers * kept[..., None] + np.maximum(total - had, 0.0)[..., None] * share
    return found
