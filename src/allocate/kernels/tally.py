"""What is kept of many draws: whole numbers that add up exactly, whichever part was counted where."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from allocate.errors import InputError, Problem
from allocate.kernels.run import Paths, Sums
from allocate.kernels.sketch import PARTS, PROBABILITY_PARTS, Sketch, scale

type Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Tally:
    """Draws of a run, counted. Steps T, measures M, services K, spaces S, groups G, regions R = S + G + 1.

    ``ranges`` are the draws that were counted, as (first, past the last); ``reference`` the projection without chance
    (one draw). ``measures`` [T, M, R] and ``adequacy`` [T, K, S] give quantiles; the other answers are means over
    draws. Two tallies of other draws of the same run ``merge``; the ``digest`` is the same for any way of counting
    them.
    """

    inputs: str
    seed: int
    ranges: tuple[tuple[int, int], ...]
    group: Array
    reference: Paths
    measures: Sketch
    adequacy: Sketch
    sums: Sums

    @property
    def draws(self) -> int:
        """How many draws were counted."""
        return sum(end - first for first, end in self.ranges)

    @property
    def mean(self) -> Array:
        """Mean of every measure [T, M, R]; a draw counts at most as sixteen times its reference."""
        return np.asarray(self.sums.measures * scale(self.reference.measures[0]) / (PARTS * self.draws))

    @property
    def p_adequate(self) -> Array:
        """Probability [T, K, S] that capacity is at least demand."""
        return np.asarray(self.sums.chance / (PROBABILITY_PARTS * self.draws))

    @property
    def p_short(self) -> Array:
        """Probability [T, K, S] that the first shortfall is at the step or before."""
        return np.asarray(self.sums.short / (PROBABILITY_PARTS * self.draws))

    @property
    def backlog(self) -> Array:
        """Mean of demand beyond capacity [T, K, S], in units of the service."""
        return np.asarray(self.sums.backlog * scale(self.reference.demand[0]) / (PARTS * self.draws))

    @property
    def residents(self) -> Array:
        """Mean number of people [T, R]."""
        return self._regions(self.sums.residents * self._people / (PARTS * self.draws))

    @property
    def served(self) -> Array:
        """Mean number of people [T, K, R] who live where a service is adequate."""
        return self._regions(self.sums.served * self._people[:, None] / (PARTS * self.draws))

    @property
    def cut(self) -> Array:
        """Mean number of people [T, S] that arrivals below zero would have taken and were not there."""
        return np.asarray(self.sums.cut * self._people / (PARTS * self.draws))

    @property
    def digest(self) -> str:
        """SHA-256 of the run, of the draws that were counted, and of every count and sum."""
        text = hashlib.sha256(f"{self.inputs} {self.seed} {self.ranges}".encode())
        for array in (*self.reference, self.measures.counts, self.adequacy.counts, *self.sums):
            text.update(np.ascontiguousarray(array).data)
        return text.hexdigest()

    def merge(self, other: Tally) -> Tally:
        """Both together. Raises InputError where they are not of one run, or share draws."""
        problems = [
            Problem(name, f"{mine!r} and {theirs!r}; a tally is of one run")
            for name in ("inputs", "seed")
            if (mine := getattr(self, name)) != (theirs := getattr(other, name))
        ]
        ranges = sorted(self.ranges + other.ranges)
        for (first, end), (later, _) in itertools.pairwise(ranges):
            if later < end:
                problems.append(Problem("draws", f"from {later} on are in both; those before {end} began at {first}"))
        if not problems and self.reference.measures.dtype != other.reference.measures.dtype:
            problems.append(Problem("precision", "of two kinds; a tally is of one"))
        if problems:
            raise InputError("tallies to merge", problems)
        return replace(
            self,
            ranges=_joined(ranges),
            measures=replace(self.measures, counts=self.measures.counts + other.measures.counts),
            adequacy=replace(self.adequacy, counts=self.adequacy.counts + other.adequacy.counts),
            sums=Sums(*(mine + theirs for mine, theirs in zip(self.sums, other.sums, strict=True))),
        )

    @property
    def _people(self) -> Array:
        return scale(self.reference.residents[0])

    def _regions(self, values: Array) -> Array:
        """Values [..., S] with their sums over groups and over all, [..., R]."""
        groups = np.arange(int(self.group.max()) + 1)
        grouped = values @ (self.group[:, None] == groups)
        return np.concatenate([values, grouped, values.sum(axis=-1, keepdims=True)], axis=-1)


def _joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in order, those that touch made one."""
    joined = [ranges[0]]
    for first, end in ranges[1:]:
        if first == joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return tuple(joined)
