"""The plan that is best as far as the cuts say, and the bound that they prove.

Draws that count alike are one *group*, with one set of planes for each block: those surely among the worst, together,
and those in doubt, apart. The best plan over all planes comes from an interior point: it stays away from the corners
of what the cuts leave open, so that no step has to be held back. From its multipliers one plane over the first stage is
mixed; whatever they are, no plan is better than that plane, and the bound is its least value, by weak duality.

Source: J. Gondzio, P. González-Brevis, P. Munari, *New developments in the primal-dual column generation technique*,
EJOR 224 (2013); draws in groups, D. Espinoza, E. Moreno, *A primal-dual aggregation algorithm for minimizing
conditional value-at-risk in linear programs*, Comput. Optim. Appl. 59 (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from allocate.errors import ProofError
from allocate.optimum.draws import Indices, Table
from allocate.optimum.firststage import FirstStage
from allocate.optimum.interior import centre
from allocate.optimum.linear import Mask, Region, Vector
from allocate.optimum.recourse import Blocks, Cuts
from allocate.optimum.scaling import power_of_two

#: A plane that is above the others by less than this part of its terms, at every point so far, adds nothing.
SAME = 1e-9
#: Scaled limits of the first stage, which come up to 2**14 for the simplex, are made so much smaller for the interior
#: point, which works best near one.
SIZE = 2.0**-6
#: Keeps a division by nothing from happening, and changes no other.
TINY = 1e-300


class NoProposal(ProofError):
    """The interior point finds no plan that is best as far as the cuts say."""


@dataclass(frozen=True, eq=False)
class Group:
    """Draws (d,) that count together, in the proportions ``mix`` (d,) which add up to one, and how much at least and
    at most; ``least`` equals ``most`` where that is settled."""

    draws: Indices
    mix: Vector
    least: float
    most: float


def groups(states: Table, least: Vector, most: Vector, probability: Vector) -> list[Group]:
    """Groups from what every draw (K,) weighed at each point so far (points, K), between ``least`` and ``most``.

    A draw that always weighed the most, or always the least, is taken to do so for good, which can only make the
    bound lower than it need be. The others count alike if they always did.

    >>> weighed = np.array([[0.5, 0.5, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0]])
    >>> found = groups(weighed, np.zeros(4), np.full(4, 0.5), np.full(4, 0.25))
    >>> [(group.draws.tolist(), group.least, group.most) for group in found]
    [([0], 0.5, 0.5), ([2], 0.0, 0.5), ([1], 0.0, 0.5)]
    """
    state = np.where(states >= most, 2, np.where(states <= least, 0, 1))
    state[:, least == most] = 0
    same = (state == state[0]).all(axis=0) & (state[0] != 1)
    if len(states) == 1:
        settled, weight = np.ones(least.size, bool), states[0]
    else:
        settled, weight = same, np.where(state[0] == 2, most, least)
    found = []
    sure = np.flatnonzero(settled & (weight > 0))
    if sure.size:
        total = float(weight[sure].sum())
        found.append(Group(sure, weight[sure] / total, total, total))
    doubtful = np.flatnonzero(~settled)
    _, pattern = np.unique(state[:, doubtful], axis=1, return_inverse=True)
    for name in np.unique(pattern):
        these = doubtful[pattern.ravel() == name]
        total = float(probability[these].sum())
        found.append(Group(these, probability[these] / total, float(least[these].sum()), float(most[these].sum())))
    return found


class Pool:
    """The cuts of all points so far, and where they were taken."""

    def __init__(self, blocks: Blocks, draws: int) -> None:
        self.blocks, self.places = blocks, np.zeros((0, draws), int)
        self.points: list[Vector] = []
        self.cuts: list[Cuts] = []
        links = blocks.link_block.size
        ones = np.ones(links), (np.arange(links), blocks.link_block)
        self.by_block = sparse.csr_array(ones, shape=(links, blocks.count))

    def add(self, x: Vector, which: Indices, cuts: Cuts) -> None:
        """The cuts of some draws at a point x (n1,)."""
        place = np.full((1, self.places.shape[1]), -1)
        place[0, which] = np.arange(which.size)
        self.places = np.concatenate([self.places, place])
        self.points.append(x)
        self.cuts.append(cuts)

    def planes(self, group: Group) -> Planes:
        """The planes of a group, from the points at which all of its draws were solved."""
        there = np.flatnonzero((self.places[:, group.draws] >= 0).all(axis=1))
        mixed = [(self.places[j, group.draws], self.cuts[j]) for j in there]
        const = np.array([group.mix @ cuts.const[place] for place, cuts in mixed])
        slope = np.array([group.mix @ cuts.slope[place] for place, cuts in mixed])
        return Planes(const, slope, self._useful(const, slope, [self.points[j] for j in there]))

    def height(self, planes: Planes, x: Vector) -> Vector:
        """The loss (b,) that the planes of use leave each block at a point."""
        height = planes.const + (planes.slope * x[self.blocks.link_column]) @ self.by_block
        found: Vector = np.where(planes.useful, height, -np.inf).max(axis=0)
        return found

    def _useful(self, const: Table, slope: Table, points: Sequence[Vector]) -> Mask:
        """Which planes (points, b) are above all useful ones before them at their own point."""
        useful = np.ones(const.shape, bool)
        for j in range(1, len(points)):
            there = points[j][self.blocks.link_column]
            terms = np.abs(const[j]) + (np.abs(slope[j] * there)) @ self.by_block
            height = const[: j + 1] + (slope[: j + 1] * there) @ self.by_block
            useful[j] = height[j] > np.where(useful[:j], height[:j], -np.inf).max(axis=0) + SAME * terms
        return useful


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes (points, b), (points, l) below the loss of a group, block by block, and which of them are of use."""

    const: Table
    slope: Table
    useful: Mask


@dataclass(frozen=True, eq=False)
class Proposal:
    """A first stage (n1,), near enough to a plan, and the loss that no plan can go below."""

    x: Vector
    bound: float


def propose(first: FirstStage, pool: Pool, counted: Sequence[Group]) -> Proposal:
    """The plan that is best as far as the cuts say. Raises NoProposal, and StoppedError at the deadline."""
    planes = [pool.planes(group) for group in counted]
    work = Master(first, pool, counted, planes)
    x, pushes, weights = work.solve()
    const, slope = work.mixed(pushes, weights)
    return Proposal(x, const + first.least(slope))


class Master:
    """The program of one round: x, the level from which losses count more, and for each group a loss per block and
    what it has above the level. Losses are counted from what the planes say at the last point, ``here`` (groups, b), in
    units of ``size``: what no plan changes must not drown what it does. x is in scaled units."""

    def __init__(self, first: FirstStage, pool: Pool, counted: Sequence[Group], planes: Sequence[Planes]) -> None:
        self.first, self.blocks, self.groups, self.planes = first, pool.blocks, counted, planes
        self.column = first.scaling.column * first.scaling.size / SIZE
        self.here = np.array([pool.height(of, pool.points[-1]) for of in planes])
        steps = [np.abs(of.slope * self.column[pool.blocks.link_column]).max(initial=0.0) for of in planes]
        self.size = float(power_of_two(np.array([max(steps)]))[0])
        self.open = [k for k, group in enumerate(counted) if group.least < group.most]
        n, many = self.column.size, len(counted) * self.blocks.count
        self.level, self.losses, self.above = n, n + 1, n + 1 + many
        self.columns = n + 1 + many + len(self.open)

    def solve(self) -> tuple[Vector, list[Table], Vector]:
        """The first stage x (n1,), multipliers (points, b) of every group's planes, and the weight of each group."""
        plan, equal, limits = self._first_rows()
        cuts, below = self._cut_rows()
        above, none = self._level_rows()
        rows = sparse.vstack([plan, above, cuts]).tocsc()
        found = centre(self._cost(), rows, np.concatenate([limits, none, below]), equal, self.first.deadline)
        if found is None:
            raise NoProposal("the cuts have no best plan: is every column of the first stage held by a bound or a row?")
        x, multipliers = found[0][: self.column.size] * self.column, found[1][limits.size :]
        return x, self._pushes(multipliers[none.size :]), self._weights(multipliers[: len(self.open)])

    def mixed(self, pushes: Sequence[Table], weights: Vector) -> tuple[float, Vector]:
        """The plane that multipliers mix, each block of each group by exactly the group's weight: constant, slope."""
        const, slope = 0.0, np.zeros(self.column.size)
        for push, of, weight in zip(pushes, self.planes, weights, strict=True):
            total = push.sum(axis=0)
            share = np.where(total > 0, push, of.useful) / np.where(total > 0, total, of.useful.sum(axis=0))
            const += weight * float((share * of.const).sum())
            part = (share[:, self.blocks.link_block] * of.slope).sum(axis=0)
            slope += weight * np.bincount(self.blocks.link_column, part, minlength=slope.size)
        return float(const), slope

    def _pushes(self, found: Vector) -> list[Table]:
        """The multipliers of useful planes, group by group, where the planes are."""
        ends = np.cumsum([int(of.useful.sum()) for of in self.planes])
        pushes = [np.zeros(of.useful.shape) for of in self.planes]
        for push, of, mine in zip(pushes, self.planes, np.split(found, ends[:-1]), strict=True):
            push[of.useful] = mine.clip(0.0)
        return pushes

    def _weights(self, found: Vector) -> Vector:
        """Weights of all groups that are allowed and add up to one, from the multipliers of the open ones."""
        least, most = (np.array([getattr(group, end) for group in self.groups]) for end in ("least", "most"))
        weights = least.copy()
        weights[self.open] = np.clip(least[self.open] + found, least[self.open], most[self.open])
        missing = 1.0 - weights.sum()
        room = most - weights if missing > 0 else weights - least
        weights += missing * room / max(float(room.sum()), abs(missing), TINY)
        return weights

    def _cost(self) -> Vector:
        least = np.array([group.least for group in self.groups])
        cost = np.zeros(self.columns)
        cost[self.level] = max(1.0 - least.sum(), 0.0)
        cost[self.losses : self.above] = np.repeat(least, self.blocks.count)
        cost[self.above :] = [self.groups[k].most - self.groups[k].least for k in self.open]
        return cost

    def _level_rows(self) -> tuple[sparse.csr_array, Vector]:
        """What an open group loses is at most the level and what it has above it, which is not negative."""
        many, blocks = len(self.open), self.blocks.count
        row, own = np.repeat(np.arange(many), blocks), np.arange(many)
        losses = self.losses + np.repeat(np.array(self.open, int), blocks) * blocks + np.tile(np.arange(blocks), many)
        entries = np.concatenate([np.ones(row.size), -np.ones(3 * many)])
        rows = np.concatenate([row, own, own, many + own])
        columns = np.concatenate([losses, np.full(many, self.level), self.above + own, self.above + own])
        here = self.here.sum(axis=1)
        below = np.concatenate([here.max() - here[self.open], np.zeros(many)]) / self.size
        return sparse.csr_array((entries, (rows, columns)), shape=(2 * many, self.columns)), below

    def _cut_rows(self) -> tuple[sparse.csr_array, Vector]:
        """Every block of every group loses no less than each of its planes."""
        blocks, scale = self.blocks, self.column[self.blocks.link_column] / self.size
        parts, below = [], []
        for k, of in enumerate(self.planes):
            point, block = np.nonzero(of.useful)
            number = np.full(of.useful.shape, -1)
            number[point, block] = np.arange(point.size)
            at, link = np.nonzero(of.useful[:, blocks.link_block])
            rows = np.concatenate([number[at, blocks.link_block[link]], np.arange(point.size)])
            columns = np.concatenate([blocks.link_column[link], self.losses + k * blocks.count + block])
            entries = np.concatenate([of.slope[at, link] * scale[link], -np.ones(point.size)])
            parts.append(sparse.csr_array((entries, (rows, columns)), shape=(point.size, self.columns)))
            below.append((self.here[k, block] - of.const[point, block]) / self.size)
        return sparse.csr_array(sparse.vstack(parts)), np.concatenate(below)

    def _first_rows(self) -> tuple[sparse.csr_array, int, Vector]:
        """The rows and bounds of the first stage as ``rows @ columns <= limits``, the first so many as equations."""
        region: Region = self.first.scaled
        equal = region.row_lower == region.row_upper
        one = sparse.eye_array(self.column.size, format="csr")
        sides = [
            (region.matrix[equal], region.row_upper[equal]),
            *_sides(region.matrix[~equal], region.row_lower[~equal], region.row_upper[~equal]),
            *_sides(one, region.lower, region.upper),
        ]
        matrix = sparse.vstack([rows for rows, _ in sides])
        rest = sparse.csr_array((matrix.shape[0], self.columns - self.column.size))
        limits = np.concatenate([limit for _, limit in sides]) * SIZE
        return sparse.csr_array(sparse.hstack([matrix, rest])), int(equal.sum()), limits


def _sides(matrix: sparse.csr_array, low: Vector, high: Vector) -> list[tuple[sparse.csr_array, Vector]]:
    """Rows between limits as rows below limits."""
    above, below = np.isfinite(high), np.isfinite(low)
    return [(matrix[above], high[above]), (-matrix[below], -low[below])]
