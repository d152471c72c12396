"""The best plan under nested limits, exactly, for many scenarios: one pool over provinces over spaces over services.

Maximises ``costs @ x`` with ``lower <= x <= upper`` and limits on sums of x over sets that are nested or disjoint: the
nodes of a forest. What a node may still choose of its items is a list of them, the dearest first; a limit from below
takes the front of that list for certain, one from above cuts its end off. Going up from the innermost nodes, one walk
through all items in order for each height of the forest, gives a plan that no exchange betters, and where each list was
cut is what its limit is worth. One more row across all nodes is given a price, which is searched until two plans that
are best at the same price lie on both sides of it.

Greedy allocation over nested limits: A. Federgruen, H. Groenevelt, *The greedy procedure for resource allocation
problems*, Oper. Res. 34 (1986); D. S. Hochbaum, *Lower and upper bounds for the allocation problem and other nonlinear
optimization problems*, Math. Oper. Res. 19 (1994). The search for a price is that of J. E. Kelley's cutting planes
(J. SIAM 8, 1960) on a line, which ends at a corner.

Nothing here is published before it is checked: the plan against all limits, and its value against the bound that the
prices give (weak duality), are part of what comes out.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from allocate.kernels.compiled import TEXT, kept
from allocate.kernels.elementary import inner

#: What became of a scenario. The doubtful are for another solver: limits that miss each other by about rounding, or a
#: price that was not found.
OPTIMAL, INFEASIBLE, UNBOUNDED, DOUBTFUL = range(4)

#: Limits that miss each other by no more than this part meet; by more than the second, they do not.
MEET: Final = 1e-13
APART: Final = 1e-9
#: Differences of prices below this part of the largest are rounding.
NOISE: Final = 2e-13
#: Prices below this part of their terms are too small to be sure of.
NEAR: Final = 1e-8
#: As in ``optimum.prices``: prices below this part of the largest are judged against that part.
FLOOR: Final = 1e-3
#: Steps of the search for the price of the row across; a dozen is usual.
STEPS: Final = 200

_BITS: Final = 11
_DIGITS: Final = 1 << _BITS


class Forest(NamedTuple):
    """Nested limits of n items. A node is a row (m); its height is 0 unless it holds other nodes."""

    node: Any  # [heights, n] the node of this height that holds the item, or -1
    innermost: Any  # [n] the smallest node that holds the item, or m
    parent: Any  # [m] the next larger node, or m
    nodes: Any  # nodes by height
    starts: Any  # [heights + 1] where in ``nodes`` each height begins
    offset: Any  # [m] where the list of a node begins, with room for one more than its items
    across: Any  # [n] coefficients of the row across all nodes, or empty
    across_row: Any  # its row


class Scenarios(NamedTuple):
    """What is asked, each with one row (all scenarios share it) or as many rows as scenarios."""

    costs: Any  # [S, n] to be made large
    least: Any  # [S, m] of the sum over each node
    most: Any  # [S, m]
    lower: Any  # [S, n]
    upper: Any  # [S, n]


class Found(NamedTuple):
    """What came out."""

    plans: Any  # [S, n], or [S, 0] where plans are not asked for
    totals: Any  # [S, m] the sum over each node
    prices: Any  # [S, m] of each node's limits: above 0 of the one from above, below 0 of the one from below
    value: Any  # [S]
    bound: Any  # [S] no plan has more
    terms: Any  # [S] the sizes of what the value adds up
    miss: Any  # [S] by how much a limit is missed at most, as a part of its size
    status: Any  # [S]
    where: Any  # [S] the node whose limits cannot be met
    tied: Any  # [S] whether there may be other plans as good


def new_found(many: int, rows: int, columns: int) -> Found:
    """Room for what comes out of so many scenarios.

    >>> new_found(7, 2, 3).totals.shape
    (7, 2)
    """
    return Found(
        plans=np.empty((many, columns)),
        totals=np.empty((many, rows)),
        prices=np.empty((many, rows)),
        value=np.empty(many),
        bound=np.empty(many),
        terms=np.empty(many),
        miss=np.empty(many),
        status=np.empty(many, np.int8),
        where=np.empty(many, np.int32),
        tied=np.empty(many, bool),
    )


class _Work(NamedTuple):
    """Room for one scenario after the other."""

    cost: Any  # [n] with the price of the row across taken off
    key: Any  # [n] costs as whole numbers, the dearest the smallest
    packed: Any  # [2, n] leading bits of keys, and items
    counts: Any  # [3, digits]
    order: Any  # [n] items, the dearest first; those of which nothing is left drop out on the way up
    listed: Any  # [n + m] the same, node by node
    slot: Any  # [m] where the list of a node ends
    taken: Any  # [n] for certain
    left: Any  # [n] that may be taken
    own: Any  # [2, m] least and most of the items that are in no smaller node
    low: Any  # [m] least and most that a node can have
    high: Any  # [m]
    total: Any  # [m] taken for certain
    front: Any  # [m] cost of the last item that a limit from below took
    back: Any  # [m] cost of the first item that a limit from above cut
    potential: Any  # [m] what one more of an item is worth elsewhere
    price: Any  # [m]
    weight: Any  # [m] sizes of the prices from a node up
    group: Any  # [m] the next node up that has a price, or m
    free: Any  # [m + 1] items without a price in each group
    plan: Any  # [2, n] plans on both sides of the row across
    at: Any  # [6] left by one function for the next: a node, a value, the sum across, its price, the largest cost, and
    # the size of what the sum across adds up


@inner
def _new_work(n: Any, m: Any) -> Any:
    return _Work(
        np.empty(n),
        np.empty(n, np.int64),
        np.empty((2, n), np.int64),
        np.empty((3, _DIGITS), np.int64),
        np.empty(n, np.int64),
        np.empty(n + m, np.int64),
        np.empty(m, np.int64),
        np.empty(n),
        np.empty(n),
        np.empty((2, m)),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m, np.int64),
        np.empty(m, np.int64),
        np.empty((2, n)),
        np.empty(6),
    )


@inner
def _put_in_order(w: Any) -> None:
    """Items by cost, the dearest first, and equal ones in the order they have: by the leading 32 bits of the range of
    costs, in three passes of counting, and where these are equal by comparing."""
    cost, keys, packed, counts, order = w.cost, w.key, w.packed, w.counts, w.order
    n = cost.shape[0]
    bits = (cost + 0.0).view(np.int64)  # and no zero is negative
    smallest, largest = np.int64(2**62), np.int64(-(2**62))
    for j in range(n):
        key = ~(bits[j] ^ ((bits[j] >> 63) & np.int64(0x7FFFFFFFFFFFFFFF)))
        keys[j] = key
        smallest, largest = min(smallest, key >> 1), max(largest, key >> 1)
    shift = np.int64(0)
    while (largest - smallest) >> shift >= np.int64(2**32):
        shift += np.int64(1)
    w.counts[:] = 0
    for j in range(n):
        digits = ((keys[j] >> 1) - smallest) >> shift
        packed[0, j] = (digits << 31) | j
        for p in range(3):
            counts[p, (digits >> (p * _BITS)) & (_DIGITS - 1)] += 1
    for p in range(3):
        before = np.int64(0)
        for d in range(_DIGITS):
            many = counts[p, d]
            counts[p, d] = before
            before += many
        for i in range(n):
            one = packed[p % 2, i]
            d = (one >> (31 + p * _BITS)) & (_DIGITS - 1)
            packed[1 - p % 2, counts[p, d]] = one
            counts[p, d] += 1
    for i in range(n):
        j = packed[1, i] & np.int64(0x7FFFFFFF)
        key, at = keys[j], i
        while at > 0 and keys[order[at - 1]] > key:
            order[at] = order[at - 1]
            at -= 1
        order[at] = j
    w.at[4] = max(abs(cost[order[0]]), abs(cost[order[-1]])) if n else 0.0


@inner
def _own(f: Any, lower: Any, upper: Any, w: Any) -> None:
    """Least and most of the items of every node that are in no smaller one."""
    least, most, innermost = w.own[0], w.own[1], f.innermost
    least[:], most[:] = 0.0, 0.0
    for j in range(lower.shape[0]):
        least[innermost[j]] += lower[j]
        most[innermost[j]] += upper[j]


@inner
def _reach(f: Any, least: Any, most: Any, w: Any) -> Any:
    """The least and most of every node within all limits inside it; what becomes of the first where they miss."""
    lows, highs, nodes, parent = w.low, w.high, f.nodes, f.parent
    lows[:], highs[:] = w.own[0], w.own[1]
    status = OPTIMAL
    for i in range(nodes.shape[0]):
        k, above = nodes[i], parent[nodes[i]]
        low, high = lows[k], highs[k]
        missed = max(low - most[k], least[k] - high, least[k] - most[k])
        if missed > 0.0:
            size = max(abs(low), abs(high) if high < np.inf else 0.0)
            if missed > APART * size:
                w.at[0] = k
                return INFEASIBLE
            if missed > MEET * size:
                status = DOUBTFUL
        lows[above] += min(max(low, least[k]), most[k])
        highs[above] += max(min(high, most[k]), least[k])
    return status


@inner
def _begin(lower: Any, upper: Any, w: Any) -> None:
    """Items at their least; everything else may be taken."""
    taken, left = w.taken, w.left
    w.total[:] = w.own[0]
    for j in range(lower.shape[0]):
        taken[j] = lower[j]
        left[j] = upper[j] - lower[j]


@inner
def _climb(h: Any, alive: Any, f: Any, least: Any, most: Any, w: Any) -> Any:
    """The limits of all nodes of a height, on the items that are left in them; gives how many of ``alive`` still are
    in order."""
    # Names of their own, because an array that is looked up in a tuple is counted as used each time.
    order, listed, slot, left, taken, total, cost = w.order, w.listed, w.slot, w.left, w.taken, w.total, w.cost
    front, back, node, nodes, parent, offset = w.front, w.back, f.node[h], f.nodes, f.parent, f.offset
    begin, past = f.starts[h], f.starts[h + 1]
    for i in range(begin, past):
        slot[nodes[i]] = offset[nodes[i]]
    still = 0
    for i in range(alive):
        j = order[i]
        there = 1 if left[j] > 0.0 else 0
        order[still] = j
        still += there
        k = node[j]
        if k >= 0:
            listed[slot[k]] = j
            slot[k] += there
    for n in range(begin, past):
        k = nodes[n]
        i, end = offset[k], slot[k]
        need, room = least[k] - total[k], most[k] - total[k]
        front[k], back[k] = np.inf, -np.inf
        while need > 0.0 and i < end:  # from below for certain, the dearest first
            j = listed[i]
            part = min(left[j], need)
            taken[j] += part
            left[j] -= part
            need -= part
            room -= part
            total[k] += part
            front[k] = cost[j]
            i += 1 if left[j] == 0.0 else 0
        if room < np.inf:  # and from above the end of the list cut off
            while i < end and left[listed[i]] <= room:
                room -= left[listed[i]]
                i += 1
            if i < end:
                back[k] = cost[listed[i]]
                left[listed[i]] = max(room, 0.0)
                for later in range(i + 1, end):
                    left[listed[later]] = 0.0
        total[parent[k]] += total[k]
    return still


@inner
def _end(f: Any, lower: Any, upper: Any, x: Any, w: Any) -> None:
    """Take what is worth something of what is left, and say what one more of an item is worth in every node."""
    cost, taken, left, nodes, parent = w.cost, w.taken, w.left, f.nodes, f.parent
    potential, price, front, back = w.potential, w.price, w.front, w.back
    for j in range(lower.shape[0]):
        more = left[j] if cost[j] > 0.0 else 0.0
        x[j] = min(max(taken[j] + more, lower[j]), upper[j])
    potential[-1] = 0.0
    rounding = NOISE * w.at[4]
    for i in range(nodes.shape[0] - 1, -1, -1):
        k = nodes[i]
        above = potential[parent[k]]
        here = min(max(above, back[k]), front[k])
        here = above if abs(here - above) <= rounding else here
        potential[k], price[k] = here, here - above


@inner
def _best(f: Any, costs: Any, asked: Any, sign: Any, mu: Any, x: Any, w: Any) -> Any:
    """The best plan for ``costs - mu * sign * across``, or for the least of the row across where mu is infinite; leaves
    its value, without mu, its sum across and the size of what that adds up; gives whether it is within all bounds."""
    cost, coefficient = w.cost, f.across
    least, most, lower, upper = asked
    for j in range(costs.shape[0]):
        across = sign * coefficient[j]
        cost[j] = costs[j] - mu * across if mu < np.inf else -across
    _put_in_order(w)
    _begin(lower, upper, w)
    alive = costs.shape[0]
    for h in range(f.node.shape[0]):
        alive = _climb(h, alive, f, least, most, w)
    _end(f, lower, upper, x, w)
    value, total, size = 0.0, 0.0, 0.0
    for j in range(costs.shape[0]):
        value += costs[j] * x[j]
        total += sign * coefficient[j] * x[j]
        size += abs(coefficient[j] * x[j])
    w.at[1], w.at[2], w.at[5] = value, total, size
    return abs(value) < np.inf


@inner
def _keep(side: Any, x: Any, w: Any) -> Any:
    w.plan[side, :] = x
    return w.at[1], w.at[2]


@inner
def _priced(f: Any, costs: Any, asked: Any, guess: Any, x: Any, w: Any) -> Any:
    """The best plan that also keeps the row across; leaves its price."""
    least, most, lower, upper = asked
    row = f.across_row
    if not _best(f, costs, asked, 1.0, 0.0, x, w):
        return DOUBTFUL
    if least[row] <= w.at[2] <= most[row]:
        return OPTIMAL
    sign = 1.0 if w.at[2] > most[row] else -1.0
    limit = most[row] if sign > 0 else -least[row]
    w.at[2] *= sign
    dear, over = _keep(0, x, w)
    mu = sign * guess if sign * guess > 0.0 else np.inf
    while True:  # a plan on the other side of the limit: at a guess, or else at any price
        if not _best(f, costs, asked, sign, mu, x, w):
            return DOUBTFUL
        if w.at[2] <= limit:
            break
        if mu == np.inf:
            w.at[0] = row
            return INFEASIBLE if w.at[2] - limit > APART * max(abs(limit), w.at[5]) else DOUBTFUL
        dear, over = _keep(0, x, w)
        mu = np.inf
    cheap, under = _keep(1, x, w)
    for _ in range(STEPS):
        mu = (dear - cheap) / (over - under)
        _best(f, costs, asked, sign, mu, x, w)
        if w.at[1] - mu * w.at[2] - (dear - mu * over) <= NOISE * (abs(dear) + mu * abs(over)):
            share = (over - limit) / (over - under)
            for j in range(x.shape[0]):
                here = w.plan[0, j] + share * (w.plan[1, j] - w.plan[0, j])
                x[j] = min(max(here, lower[j]), upper[j])
            w.at[3] = sign * mu
            return OPTIMAL
        if w.at[2] > limit:
            dear, over = _keep(0, x, w)
        else:
            cheap, under = _keep(1, x, w)
    return DOUBTFUL


@inner
def _prove(q: Any, f: Any, costs: Any, asked: Any, x: Any, w: Any, found: Any) -> None:
    """The value, the bound that the prices put on every plan, by how much a limit is missed; and whether there may be
    other plans as good: items without a price that share no limit of their own with one, or prices too small to be
    sure of. With a priced row across, one such exchange is what that row decides."""
    least, most, lower, upper = asked
    of_node, parent, innermost, coefficient = f.nodes, f.parent, f.innermost, f.across
    totals, prices, potential, weight, group, free = w.total, w.price, w.potential, w.weight, w.group, w.free
    nodes, m, mu, largest = of_node.shape[0], totals.shape[0] - 1, w.at[3], w.at[4]
    crossed, small, miss, value, bound, terms = coefficient.shape[0] > 0, False, 0.0, 0.0, 0.0, 0.0
    across, across_size = 0.0, 0.0
    totals[:], free[:] = 0.0, 0
    weight[m], group[m] = 0.0, m  # of items in no node
    for i in range(nodes - 1, -1, -1):
        k = of_node[i]
        price = abs(prices[k])
        small |= 0.0 < price < NEAR * largest
        weight[k] = price + weight[parent[k]]
        group[k] = k if price > 0.0 else group[parent[k]]
    for j in range(x.shape[0]):
        k, here, low, high = innermost[j], x[j], lower[j], upper[j]
        worth = costs[j] * here
        value += worth
        terms += abs(worth)
        totals[k] += here
        reduced = costs[j]
        if crossed:
            reduced -= mu * coefficient[j]
            across += coefficient[j] * here
            across_size += abs(coefficient[j] * here)
        size = abs(reduced) + weight[k] + FLOOR * largest
        reduced -= potential[k]
        if abs(reduced) <= NEAR * size:
            free[group[k]] += 1 if low < high else 0
            reduced = reduced if abs(reduced) > NOISE * size else 0.0
        bound += reduced * (high if reduced > 0.0 else low)
    if crossed:
        totals[f.across_row], prices[f.across_row] = across, mu
    exchanges = free[m]
    for i in range(m):
        k = of_node[i] if i < nodes else f.across_row
        total, price, low, high = totals[k], prices[k], least[k], most[k]
        off = max(low - total, total - high)
        if off > 0.0:
            miss = max(miss, off / max(abs(total), abs(total + off), across_size if i == nodes else 0.0))
        if price != 0.0:
            bound += price * (high if price > 0.0 else low)
        if i < nodes:
            exchanges += max(free[k] - 1, 0)
            totals[parent[k]] += total
    found.totals[q, :], found.prices[q, :] = totals[:m], prices[:m]
    found.value[q], found.bound[q], found.terms[q], found.miss[q] = value, bound, terms, miss
    found.tied[q] = small or exchanges > (1 if mu != 0.0 else 0)


def _compiled(text: str) -> Any:
    """The entry point. What it closes over is part of its key in the cache; nothing else is done with ``text``."""

    def allocate(first: Any, past: Any, shared: Any, guess: Any, f: Any, scenarios: Any, found: Any) -> None:
        """Scenarios ``first`` to ``past``. Where ``shared`` is not -1, costs and bounds are the same in all, and so are
        the limits of so many heights, the lowest."""
        text  # noqa: B018
        n, m, heights = f.innermost.shape[0], scenarios.least.shape[1], f.node.shape[0]
        w = _new_work(n, m + 1)  # and a last node of all that is in none
        order, taken, left, total, alive = np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(m + 1), -1
        room = np.empty(n)
        for q in range(first, past):
            costs = scenarios.costs[min(q, scenarios.costs.shape[0] - 1)]
            least = scenarios.least[min(q, scenarios.least.shape[0] - 1)]
            most = scenarios.most[min(q, scenarios.most.shape[0] - 1)]
            lower = scenarios.lower[min(q, scenarios.lower.shape[0] - 1)]
            upper = scenarios.upper[min(q, scenarios.upper.shape[0] - 1)]
            asked = least, most, lower, upper
            x = found.plans[q] if found.plans.shape[1] else room
            w.at[3] = 0.0
            if q == first or scenarios.lower.shape[0] > 1 or scenarios.upper.shape[0] > 1:
                _own(f, lower, upper, w)
            status = _reach(f, least, most, w)
            if status == OPTIMAL and f.across.shape[0]:
                status = _priced(f, costs, asked, guess, x, w)
            elif status == OPTIMAL:
                still = n
                if alive < 0:
                    w.cost[:] = costs
                    _put_in_order(w)
                    _begin(lower, upper, w)
                    for h in range(shared):
                        still = _climb(h, still, f, least, most, w)
                    if shared >= 0:
                        order[:], taken[:], left[:], total[:], alive = w.order, w.taken, w.left, w.total, still
                else:
                    w.order[:], w.taken[:], w.left[:], w.total[:], still = order, taken, left, total, alive
                for h in range(max(shared, 0), heights):
                    still = _climb(h, still, f, least, most, w)
                _end(f, lower, upper, x, w)
            if status == OPTIMAL:
                _prove(q, f, costs, asked, x, w, found)
                status = OPTIMAL if found.value[q] < np.inf else UNBOUNDED
            if status != OPTIMAL:
                x[:], found.totals[q, :], found.prices[q, :], found.value[q] = np.nan, np.nan, np.nan, np.nan
                found.bound[q], found.terms[q], found.miss[q], found.tied[q] = np.nan, np.nan, np.nan, False
            found.status[q] = status
            found.where[q] = w.at[0] if status == INFEASIBLE else -1

    return kept(allocate)


allocate = _compiled(TEXT)
