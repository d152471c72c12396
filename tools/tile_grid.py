"""Where each space sits on the tile map: draw the shipped grid and say how good it is, or propose another.

    python tools/tile_grid.py              the shipped grid and its figures
    python tools/tile_grid.py --propose 3  a new grid from seed 3, to review by eye before it is shipped

A proposal starts from the points where people live, assigned to cells at the least total squared move, and is
then annealed: spaces change places so that neighbours touch and keep their compass direction. The shipped grid
began as such a proposal and was then set by hand: Gauteng compact, provinces whole, a gap where Lesotho lies.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from allocate.regions import Registry

FACTS = Path(__file__).parents[1] / "src" / "allocate" / "za" / "facts"
ROWS, COLS = 9, 10
MIDDLE = np.cos(np.radians(29))  # a degree of longitude, in degrees of latitude, at the middle of the country
SPACES = Registry.read(FACTS / "spaces.csv")
AT = {code: n for n, code in enumerate(SPACES.codes)}


def points() -> NDArray[Any]:
    """Where each space is, [52, 2] in degrees of latitude: down from the equator, right from Greenwich."""
    middle, people = (
        np.array([[float(SPACES.column(f"{kind}_{axis}")[code]) for axis in ("lat", "lon")] for code in AT])
        for kind in ("centroid", "popw")
    )
    where: NDArray[Any] = (0.6 * middle + 0.4 * people) * [-1, MIDDLE]
    return where


def neighbours() -> NDArray[Any]:
    """Index pairs of spaces that share a border, [119, 2]."""
    with (FACTS / "neighbours.csv").open(encoding="utf-8", newline="") as file:
        return np.array([(AT[row["space_a"]], AT[row["space_b"]]) for row in csv.DictReader(file)])


def errors(grid: NDArray[Any], where: NDArray[Any], pairs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """King's moves between the neighbours of each pair, and degrees by which their direction is off."""
    step, truth = (np.diff(array[pairs], axis=1)[:, 0] for array in (grid, where))
    turn = np.arctan2(*step.T) - np.arctan2(*truth.T)
    return np.abs(step).max(axis=1), np.degrees(np.abs((turn + np.pi) % (2 * np.pi) - np.pi))


def stretched(where: NDArray[Any]) -> NDArray[Any]:
    """Points spread over the grid, half as they lie and half by rank, so that crowded Gauteng gets room."""
    low, high = where.min(axis=0), where.max(axis=0)
    rank = where.argsort(axis=0).argsort(axis=0) / (len(where) - 1)
    spread: NDArray[Any] = ((where - low) / (high - low) + rank) / 2 * [ROWS - 1, COLS - 1]
    return spread


def propose(seed: int, steps: int = 150_000) -> NDArray[Any]:
    """A grid, [52, 2] row and column, found by annealing swaps and moves to empty cells."""
    rng, where, pairs = np.random.default_rng(seed), points(), neighbours()
    target, province = stretched(where), np.array(list(SPACES.column("parent").values()))
    weight = 1.0 + (province[pairs[:, 0]] == province[pairs[:, 1]])  # a province should hold together
    cells = np.argwhere(np.ones((ROWS, COLS)))

    def cost(order: NDArray[Any]) -> float:
        grid = cells[order[: len(where)]]
        king, turn = errors(grid, where, pairs)
        return float(weight @ (6.0 * (king - 1) ** 2 + (turn / 45) ** 2) + 0.15 * ((grid - target) ** 2).sum())

    _, taken = linear_sum_assignment(((cells - target[:, None]) ** 2).sum(axis=2))
    order = np.concatenate([taken, np.setdiff1d(np.arange(len(cells)), taken)])
    best, now = order, cost(order)
    least = now
    for heat in np.geomspace(3.0, 0.05, steps):
        one, other = rng.integers(len(where)), rng.integers(len(cells))
        swapped = order.copy()
        swapped[[one, other]] = order[[other, one]]
        if (new := cost(swapped)) < now + heat * rng.exponential():
            order, now = swapped, new
            if now < least:
                best, least = order, now
    found: NDArray[Any] = cells[best[: len(where)]]
    return found


def show(grid: NDArray[Any]) -> None:
    """Print the grid as text and its figures."""
    names = {tuple(cell): code for code, cell in zip(AT, grid.tolist(), strict=True)}
    for row in range(grid[:, 0].max() + 1):
        print("".join(f"{names.get((row, col), '.'):>6}" for col in range(grid[:, 1].max() + 1)))
    king, turn = errors(grid, points(), neighbours())
    print(f"\n{len(king)} neighbour pairs: {(king == 1).mean():.1%} touch, mean distance {king.mean():.2f}, ", end="")
    print(f"worst {king.max()} king's moves")
    print(f"direction within 45 degrees {(turn <= 45).mean():.1%}, within 90 {(turn <= 90).mean():.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The tile map of the spaces.")
    parser.add_argument("--propose", type=int, metavar="SEED", help="anneal a new grid instead (some seconds)")
    seed = parser.parse_args().propose
    show(np.array(list(SPACES.tiles.values())) if seed is None else propose(seed))
