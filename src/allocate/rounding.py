"""A plan in cents becomes a plan in whole published units (R thousand), and still adds up.

Rounding each cell by itself breaks the totals that people check first: the pools no longer add to the budget.
Controlled rounding sends each cell to the whole unit just below or just above it, such that chosen totals are
kept. The totals come in two families, each nested in itself (pools on one side; space x service within space on
the other). Then cells are edges of a network that runs down one family and up the other: its matrix is totally
unimodular, so whole limits give whole vertices, and where the real plan keeps whole limits a rounding exists.

Sources: Bacharach (1966), Matrix rounding problems, Management Science 12; Cox (1987), A constructive procedure
for unbiased controlled rounding, JASA 82; Schrijver (2003), Combinatorial Optimization, ch. 13 (total
unimodularity of two laminar families).

The answer does not depend on the order of cells, on group numbers or on the solver. Totals are added in whole
numbers; the duals of a network with whole costs are whole, so they are rounded and optimality is proved exactly;
what may still move at the same cost lies on a cycle of the residual graph. Those cells, and only those, are
decided by a fixed hash of their keys, again and again until no cycle is left: the answer is the only one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse.csgraph import connected_components

from allocate.errors import InputError, NoPlanError, Problem, ProofError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Marks = NDArray[np.bool_]

SNAP = 1e-6  # of a published unit: nearer than this to a whole number is that number
TICKS = 2.0**40  # fractions are added as whole ticks, because float sums depend on the order of cells
COSTS = 2.0**20  # |rounded - real| is weighed to 1e-6 of a unit, so that the solver's tolerances cannot blur it
ROUNDS = 8  # hashes of 20 bits; the first leaves a tie among 20,000 tied cells at most once in 50, each later alike
LARGEST = 2.0**53  # published units in all; beyond it floats do not hold every whole number


@dataclass(frozen=True, eq=False)
class Totals:
    """One level of sums that must come out well.

    ``group`` (n,): the group number of each cell, -1 for none. A group's total becomes the whole unit below or
    above its real total, and a whole total stays. ``exact``: the nearer of the two, before any cell is considered;
    only another total or a limit can force the farther one (three pools of 0.4 share a total of 1.2, so one must
    become 1). ``lower`` and ``upper`` (groups,): floors and caps on a group's total, in published units, infinite
    for none; never crossed (to 1e-6 of a unit).
    """

    name: str
    group: NDArray[np.integer]
    exact: bool = False
    lower: Floats | None = None
    upper: Floats | None = None


@dataclass(frozen=True)
class Shift:
    """How far rounding moved things, in published units: the worst cell, and the worst group of each Totals."""

    cell: float
    totals: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class _Network:
    """A circulation: edge e carries low[e]..high[e] units from node tail[e] to node head[e]; node 0 is the root."""

    tail: Whole
    head: Whole
    low: Whole
    high: Whole
    nodes: int
    part: Floats  # the real flow on the edge, above ``low`` before limits: what a rounding should be near to
    exact: Marks  # edges of groups whose totals come before cells
    cut: Marks  # edges of groups whose range a floor or a cap has narrowed

    def conservation(self) -> sp.csc_array:
        """The (nodes, edges) matrix: what enters less what leaves."""
        edges = np.arange(self.tail.size)
        ones = np.ones(edges.size)
        places = (np.r_[self.head, self.tail], np.r_[edges, edges])
        return sp.csc_array((np.r_[ones, -ones], places), shape=(self.nodes, edges.size))


def round_cells(
    amounts: Floats,
    unit: float,
    keys: Sequence[str] | NDArray[np.str_],
    side_a: Sequence[Totals],
    side_b: Sequence[Totals],
) -> Whole:
    """Whole published units (n,) for ``amounts`` (n,), which like ``unit`` are in rand, with every total kept.

    Each cell goes to the whole unit below or above it; totals keep what their ``Totals`` promise. Among such
    roundings sum |rounded - real| is least, first over ``exact`` groups, then over cells (each weighed to 1e-6 of
    a unit), and ties are broken by a fixed hash of ``keys`` (n,), which must differ. ``side_a`` and ``side_b``
    must each be nested. A rounding exists whenever the amounts keep every floor and cap and these are whole.

    Raises InputError for malformed input, overlapping groups, and a group whose floor and cap leave no whole
    total within a unit of its real one; NoPlanError if groups are possible one by one but not together;
    ProofError if the answer fails its check. Method: see the module's sources.

    >>> pool = Totals("pool", np.array([0, 0, 0]), exact=True)
    >>> round_cells(np.array([1400.0, 1400.0, 1200.0]), 1000.0, ["x", "y", "z"], [pool], []).sum()
    np.int64(4)
    """
    amounts = np.asarray(amounts, dtype=np.float64)
    labels = [str(key) for key in keys]
    _refuse("rounding", _malformed(amounts, unit, labels, [*side_a, *side_b]))
    real = amounts / unit
    whole, part = _split(real)
    network, free, places = _network(real, whole, part, side_a, side_b)
    is_cell = np.arange(network.tail.size) < free.size
    near = np.rint((1 - 2 * network.part) * COSTS).astype(np.int64)
    aims = [aim for aim in (np.where(network.exact, near, 0), np.where(is_cell, near, 0)) if aim.any()]
    flow, loose = network.low, np.ones(near.size, np.bool_)
    for turn in range(len(aims) + ROUNDS):
        cost = aims[turn] if turn < len(aims) else np.zeros_like(near)
        if turn >= len(aims):
            tied = np.flatnonzero(loose & is_cell)
            cost[tied] = _hashes([labels[i] for i in free[tied]], turn - len(aims))
        flow, loose = _improve(network, cost, flow, loose, places)
        if not loose.any():
            break
    else:
        raise ProofError("rounding: equally good roundings remain after every hash of the keys")
    rounded = whole.copy()
    rounded[free] += flow[: free.size]
    broken = check_rounding(amounts, unit, rounded, [*side_a, *side_b])
    if broken:
        raise ProofError(str(InputError("rounding", broken)))
    return rounded


def check_rounding(amounts: Floats, unit: float, rounded: Whole, totals: Sequence[Totals]) -> tuple[Problem, ...]:
    """Every promise of ``round_cells`` that ``rounded`` (n,) breaks, in words; empty if it keeps them all.

    Plain sums of the original numbers; nothing is taken from the solver. Nearness to ``amounts`` is not judged.

    >>> check_rounding(np.array([1400.0, 600.0]), 1000.0, np.array([1, 0]), [Totals("pool", np.array([0, 0]))])
    (Problem(place='pool[0]', words='2 units became 1'),)
    """
    real = np.asarray(amounts, dtype=np.float64) / unit
    broken = [
        Problem(f"cell {i}", f"{real[i]:.12g} units became {rounded[i]}")
        for i in np.flatnonzero(~_beside(real, rounded - real))
    ]
    for level in totals:
        moved = _group_sums(level, rounded - real)
        now = _group_sums(level, rounded)
        was = now - moved
        least, most = _whole_limits(level, now.size)
        faults = {
            "{0:.12g} units became {1}": ~_beside(was, moved),
            "{1} units is under its floor": now < least,
            "{1} units is over its cap": now > most,
        }
        broken += [
            Problem(f"{level.name}[{g}]", words.format(was[g], now[g]))
            for words, bad in faults.items()
            for g in np.flatnonzero(bad).tolist()
        ]
    return tuple(broken)


def describe_shift(real: Floats, rounded: Whole, unit: float, totals: Sequence[Totals]) -> Shift:
    """The worst shift of a cell and of a group of each level; ``real`` (n,) in rand, ``rounded`` (n,) in units.

    >>> pool = Totals("pool", np.array([0, 0]))
    >>> describe_shift(np.array([1250.0, 750.0]), np.array([1, 1]), 1000.0, [pool])
    Shift(cell=0.25, totals=(('pool', 0.0),))
    """
    moved = np.asarray(rounded - np.asarray(real, dtype=np.float64) / unit, dtype=np.float64)
    worst = [(level.name, float(np.abs(_group_sums(level, moved)).max(initial=0.0))) for level in totals]
    return Shift(float(np.abs(moved).max(initial=0.0)), tuple(worst))


def _slack(value: Floats) -> Floats:
    """How far from a whole number still counts as whole: SNAP, or the last bits of a very large float."""
    slack: Floats = np.minimum(SNAP + 1e-15 * np.abs(np.where(np.isfinite(value), value, 0.0)), 0.25)
    return slack


def _beside(was: Floats, moved: Floats) -> Marks:
    """Where a move ends on the whole unit below or above, or stays if it was whole already."""
    slack = _slack(was)
    settled = np.abs(was - np.rint(was)) <= slack / 2
    there = np.abs(was + moved - np.rint(was + moved)) <= slack
    beside: Marks = there & (np.abs(moved) < np.where(settled, 0.5, 1 + slack))
    return beside


def _split(real: Floats) -> tuple[Whole, Floats]:
    """Whole units and the part above them; a snapped cell keeps its tiny part, which may be negative."""
    whole = np.floor(real + _slack(real))
    return whole.astype(np.int64), real - whole


def _group_sums[Number: np.generic](level: Totals, values: NDArray[Number]) -> NDArray[Number]:
    """Sums (groups,) in the type of ``values``: whole numbers stay exact."""
    held = level.group >= 0
    most = int(level.group.max(initial=-1)) + 1
    sums = np.zeros(max([most, *(b.size for b in (level.lower, level.upper) if b is not None)]), values.dtype)
    np.add.at(sums, level.group[held], values[held])
    return sums


def _limits(level: Totals, groups: int) -> tuple[Floats, Floats]:
    """Floors and caps, (groups,) each, infinite where there is none."""
    lower = np.full(groups, -np.inf) if level.lower is None else level.lower
    upper = np.full(groups, np.inf) if level.upper is None else level.upper
    return lower, upper


def _whole_limits(level: Totals, groups: int) -> tuple[Floats, Floats]:
    """The least and most whole units that floors and caps allow, (groups,) each."""
    lower, upper = _limits(level, groups)
    return np.ceil(lower - _slack(lower)), np.floor(upper + _slack(upper))


def _hashes(labels: Sequence[str], turn: int) -> Whole:
    """Odd whole numbers below 2**20 in size, either sign, fixed by the label and the turn."""
    text = b"".join(hashlib.blake2b(label.encode(), digest_size=4 * ROUNDS).digest() for label in labels)
    bits = np.frombuffer(text, dtype="<u4").reshape(len(labels), ROUNDS)[:, turn].astype(np.int64)
    return 2 * (bits % 2**20) + 1 - 2**20


def _network(
    real: Floats, whole: Whole, part: Floats, side_a: Sequence[Totals], side_b: Sequence[Totals]
) -> tuple[_Network, Whole, list[str]]:
    """The circulation: an edge for each cell with a fraction, then one for each group with the range of its total.

    Also the cells of the first edges, and the name of each group. Money runs from the root down side b, through
    the cells, up side a and back to the root, counted from the whole units that cells hold in any case.
    """
    levels = [*side_a, *side_b]
    free = np.flatnonzero(part > _slack(real))
    ranges = [_range(level, whole, part) for level in levels]
    starts = np.cumsum([1, *(low.size for low, *_ in ranges)])
    places = [f"{v.name}[{g}]" for v, (low, *_) in zip(levels, ranges, strict=True) for g in range(low.size)]
    middle = starts[len(side_a)]
    leaf_a, up_a, wrong_a = _tree("side a", side_a, starts[: len(side_a) + 1], places, real.size)
    leaf_b, up_b, wrong_b = _tree("side b", side_b, starts[len(side_a) :], places, real.size)
    blank = np.zeros((free.size, 8))
    blank[:, 1], blank[:, 2] = 1, part[free]
    low, high, over, exact, cut, *letter = np.vstack([blank, *(np.column_stack(r) for r in ranges)]).T
    cornered = [
        Problem(
            places[g - free.size],
            "its total of {:.12g} has no whole number beside it from floor {:.12g} to cap {:.12g}".format(
                *(column[g] for column in letter)
            ),
        )
        for g in map(int, np.flatnonzero(low > high))
    ]
    _refuse("rounding", [*wrong_a, *wrong_b, *cornered])
    network = _Network(
        tail=np.concatenate([leaf_b[free], np.arange(1, middle), up_b]),
        head=np.concatenate([leaf_a[free], up_a, np.arange(middle, starts[-1])]),
        low=low.astype(np.int64),
        high=high.astype(np.int64),
        nodes=int(starts[-1]),
        part=over,
        exact=exact > 0,
        cut=cut > 0,
    )
    return network, free, places


def _range(level: Totals, whole: Whole, part: Floats) -> tuple[Floats, ...]:
    """The whole totals a level's groups may have, low and high (groups,), counted above their cells' whole units.

    Also the real fraction above the unit below, whether the total comes first, whether a limit cut it, and for
    the letter if none is left: the real total, its floor and its cap.
    """
    base = _group_sums(level, whole)
    over = _group_sums(level, np.rint(part * TICKS).astype(np.int64)) / TICKS
    settled = np.abs(over - np.rint(over)) <= _slack(base + over)
    below = np.where(settled, np.rint(over), np.floor(over))
    above = np.where(settled, below, below + 1)
    least, most = _whole_limits(level, base.size)
    low, high = np.maximum(below, least - base), np.minimum(above, most - base)
    first = np.where(settled, 0.0, float(level.exact))
    narrowed = ((low > below) | (high < above)).astype(np.float64)
    return low, high, over - below, first, narrowed, base + over, *_limits(level, base.size)


def _tree(
    side: str, levels: Sequence[Totals], starts: Whole, places: Sequence[str], cells: int
) -> tuple[Whole, Whole, list[Problem]]:
    """The smallest group that holds each cell, and the next larger group around each group; node 0 is none.

    Sort each cell's groups by size: a family is nested exactly if a group has one successor, whichever cell asks.
    """
    first, last = int(starts[0]), int(starts[-1])
    nodes = np.zeros((cells, len(levels) + 1), np.int64)
    for k, level in enumerate(levels):
        nodes[:, k] = np.where(level.group >= 0, level.group + starts[k], 0)
    size = np.bincount(nodes.ravel(), minlength=last)
    size[0] = cells + 1
    order = np.lexsort((np.arange(last), size))
    rank = np.empty(last, np.int64)
    rank[order] = np.arange(last)
    chain = np.sort(rank[nodes], axis=1)
    inner, outer = chain[:, :-1].ravel(), chain[:, 1:].ravel()
    up = np.full(last, last - 1)
    np.minimum.at(up, inner, outer)
    astray = np.unique(inner[(up[inner] != outer) & (inner != last - 1)])
    pairs = sorted(sorted((places[order[g] - 1], places[order[up[g]] - 1])) for g in astray)
    wrong = [Problem(side, f"{g} and {h} share cells, yet neither lies within the other") for g, h in pairs[:1]]
    return order[chain[:, 0]], order[up[rank[first:last]]], wrong


def _improve(network: _Network, cost: Whole, flow: Whole, loose: Marks, places: Sequence[str]) -> tuple[Whole, Marks]:
    """The cheapest flow when only ``loose`` edges may move, proved in whole numbers, and what is loose still.

    A flow of least cost has node prices at which an edge with a positive reduced cost is empty and one with a
    negative is full. Edges with neither may move at no cost, but only around a residual cycle.
    """
    edges = np.flatnonzero(loose)
    if not edges.size:
        return flow, loose
    balance = network.conservation()
    still = np.where(loose, 0, flow)
    status, found, price = _cheapest(
        cost[edges], balance[:, edges], -(balance @ still), network.low[edges], network.high[edges]
    )
    if status == 2:
        raise NoPlanError(_why_not(network, places))
    if status != 0:
        raise ProofError(f"rounding: the solver stopped with status {status}")
    flow = flow.copy()
    flow[edges] = found
    tail, head = network.tail, network.head
    reduced = np.where(loose, cost - price[head] + price[tail], 0)
    empty, full = flow == network.low, flow == network.high
    proved = (empty | full) & (empty | (reduced <= 0)) & (full | (reduced >= 0))
    if not proved.all() or (balance @ flow).any():
        raise ProofError("rounding: the solver's answer is not proved to be the cheapest")
    open_ = loose & (reduced == 0) & (network.low < network.high)
    start, end = np.where(empty, tail, head)[open_], np.where(empty, head, tail)[open_]
    graph = sp.coo_array((np.ones(start.size), (start, end)), shape=(network.nodes, network.nodes))
    _, part = connected_components(graph.tocsr(), connection="strong")
    return flow, open_ & (part[tail] == part[head])


def _why_not(network: _Network, places: Sequence[str]) -> str:
    """The totals that would have to pass their limits, by the fewest units, for a rounding to exist."""
    balance = network.conservation()
    edges, groups = network.tail.size, len(places)
    passing = balance[:, edges - groups :]
    price = np.where(network.cut[edges - groups :], 1, edges)  # other totals are kept by the real plan
    status, found, _ = _cheapest(
        np.r_[np.zeros(edges, np.int64), price, price],
        sp.hstack([balance, passing, -passing], format="csc"),
        np.zeros(network.nodes),
        np.r_[network.low, np.zeros(2 * groups, np.int64)],
        np.r_[network.high, np.full(2 * groups, edges)],
    )
    if status != 0:
        return "rounding: no rounding keeps every floor and cap"
    moves = found[edges : edges + groups] - found[edges + groups :]
    words = ", ".join(f"{place} by {move:+d}" for place, move in zip(places, moves, strict=True) if move)
    return f"rounding: no rounding keeps every floor and cap; one would if these totals passed theirs: {words}"


def _cheapest(cost: Whole, matrix: Any, supply: Floats, low: Whole, high: Whole) -> tuple[int, Whole, Whole]:
    """Solver status (0 solved, 2 impossible), flow and node prices of least ``cost`` with ``matrix @ flow = supply``.

    Both are whole at a basis. They are rounded here and judged by the caller, not trusted.
    """
    bounds: Any = np.column_stack([low, high])
    options: Any = {"presolve": False}  # which takes fifty times as long as the rest when many cells are tied
    found = linprog(cost, A_eq=matrix, b_eq=supply, bounds=bounds, method="highs-ds", options=options)
    if found.status != 0 or found.x is None:
        return int(found.status) or 4, low, low
    whole = [np.rint(found.x).astype(np.int64), np.rint(found.eqlin.marginals).astype(np.int64)]
    return 0, whole[0], whole[1]


def _malformed(amounts: Floats, unit: float, labels: Sequence[str], levels: Sequence[Totals]) -> list[Problem]:
    """What is wrong with the arguments of ``round_cells``, in words."""
    if amounts.ndim != 1 or len(labels) != amounts.size:
        return [Problem("keys", f"{len(labels)} keys for amounts of shape {amounts.shape}; expected one each")]
    if not (np.isfinite(unit) and unit > 0):
        return [Problem("unit", f"{unit} is not a positive number")]
    wrong = [
        Problem(f"cell {labels[i]!r}", f"{amounts[i]} is not a finite number from zero up")
        for i in map(int, np.flatnonzero(~(np.isfinite(amounts) & (amounts >= 0))))
    ]
    wrong += [
        Problem(f"cell {label!r}", f"the key appears {times} times; ties are broken by key")
        for label, times in Counter(labels).items()
        if times > 1
    ]
    with np.errstate(over="ignore"):
        many = amounts.sum() / unit
    if not wrong and not many <= LARGEST:
        wrong.append(Problem("amounts", f"more than {LARGEST:.0f} units in all; floats do not hold them exactly"))
    for level in levels:
        wrong.extend(_malformed_level(level, amounts.size))
    return wrong


def _malformed_level(level: Totals, cells: int) -> list[Problem]:
    group = level.group
    if group.shape != (cells,) or not np.issubdtype(group.dtype, np.integer) or (group < -1).any():
        return [Problem(level.name, f"group must be {cells} whole numbers from -1 up, one for each cell")]
    groups = int(group.max(initial=-1)) + 1
    given = {word: limit for word, limit in (("lower", level.lower), ("upper", level.upper)) if limit is not None}
    wrong = [
        Problem(level.name, f"{word} must hold a number for each of at least {groups} groups, none of them nan")
        for word, limit in given.items()
        if limit.ndim != 1 or limit.size < groups or np.isnan(limit).any()
    ]
    if len({limit.size for limit in given.values()}) > 1:
        wrong.append(Problem(level.name, "lower and upper differ in length"))
    return wrong


def _refuse(source: str, problems: Sequence[Problem]) -> None:
    if problems:
        raise InputError(source, problems)
