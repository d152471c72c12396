"""What a projection is made from: bare arrays of numbers, checked once at the door."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from allocate.errors import InputError, Problem

type Array = np.ndarray[Any, np.dtype[Any]]

RATES: Final = ("deaths", "births", "leaving", "attraction", "arrivals")
LEVELS: Final = ("nation", "group", "space")

#: The dimensions of every array, a letter each: steps T, sexes X (women, men), ages A, ages of mothers F, spaces S as
#: origins and destinations, corridors C, rates V and levels L of shocks, measures M, services K.
SHAPES: Final = {
    "people": "XAS",
    "hazard": "TXAS",
    "newborn_hazard": "TXS",
    "fertility": "TFS",
    "odds": "TXAS",
    "corridor": "CSS",
    "corridor_of": "TXA",
    "arrivals": "TXAS",
    "group": "S",
    "period": "T",
    "count_sd": "S",
    "shock_sd": "VL",
    "persistence": "V",
    "weight": "MXAS",
    "factor": "TMS",
    "need": "TKM",
    "stock": "TKS",
    "built": "TKS",
    "yields": "TKS",
    "delivery_common_sd": "K",
    "delivery_sd": "K",
}
_FIXED: Final = {"X": 2, "V": len(RATES), "L": len(LEVELS)}
_WHOLE: Final = ("corridor_of", "group", "period")
#: The sum over levels of the standard deviations of a rate: beyond it, its range is not that of single precision.
MOST_SD: Final = 4.0


@dataclass(frozen=True)
class Inputs:
    """Every number of a projection over T steps of any one length, of S spaces, two sexes (women, men) and A ages.

    Ages are as long as a step, the last is open. Every rate is for a whole step: a hazard or a number of births a year
    is multiplied by the years of a step before it comes here.

    ``people`` [X, A, S] at the start, and ``count_sd`` [S]: the standard deviation of the logarithm of the error they
    were counted with, whose mean is nothing.
    ``hazard`` [T, X, A, S]: who is of age a at the start of a step survives it with exp(-hazard).
    ``newborn_hazard`` [T, X, S]: the same, from birth to the end of the step of birth.
    ``fertility`` [T, F, S]: births in a step for a woman of an age, from ``youngest_mother`` (an index of ages, 1 or
    more) on; half is applied to women of the age at the start and half at the end. ``boys``: the share of births that
    are boys.
    ``odds`` [T, X, A, S]: odds of leaving a space in a step, by age at its end; those of the first age are of who is
    born in it, and so of half a step.
    ``corridor`` [C, S, S]: where those who leave a space (rows) go: rows sum to 1, or to 0 where nobody ever leaves.
    ``corridor_of`` [T, X, A]: which of them holds for whom; they may be few or one for each.
    ``arrivals`` [T, X, A, S]: people in a step, by age at its end, net (may be negative); people never go below 0.
    ``group`` [S]: the group (province) of each space, from 0.
    ``period`` [T]: rates deviate from their paths anew when it rises; steps of one period share their deviations.
    ``shock_sd`` [V, L]: standard deviation in the long run of the logarithm of each rate (RATES) around its path, that
    of the nation, of groups and of spaces apart (LEVELS); ``persistence`` [V]: how much of a deviation is left after a
    step. Multipliers have median 1: the mean rate lies above its path, by a factor exp(variance / 2).
    ``weight`` [M, X, A, S] and ``factor`` [T, M, S]: measures of people, factor times the sum of weight times people.
    ``need`` [T, K, M]: demand of a service, in its units, for a unit of each measure.
    ``stock``, ``built``, ``yields`` [T, K, S]: units that stand at the end of a step without a programme, those that
    it has built by then as planned, and what a unit gives; capacity is (stock + built * delivery) * yields.
    ``delivery_sd``, ``delivery_common_sd`` [K]: standard deviation of the logarithm of delivery, of each space and of
    what all spaces share; its median is 1.

    Raises InputError with every array that has a wrong shape or an impossible value.

    >>> Inputs(**small(), boys=1.5)
    Traceback (most recent call last):
    allocate.errors.InputError: inputs of a projection: 1 problem
      boys: 1.5; a share lies between 0 and 1
    """

    people: Array
    count_sd: Array
    hazard: Array
    newborn_hazard: Array
    fertility: Array
    youngest_mother: int
    boys: float
    odds: Array
    corridor: Array
    corridor_of: Array
    arrivals: Array
    group: Array
    period: Array
    shock_sd: Array
    persistence: Array
    weight: Array
    factor: Array
    need: Array
    stock: Array
    built: Array
    yields: Array
    delivery_common_sd: Array
    delivery_sd: Array

    def __post_init__(self) -> None:
        for name in SHAPES:
            kind = np.int64 if name in _WHOLE else np.float64
            array = np.array(getattr(self, name), kind, order="C")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        problems = list(_shapes(self)) or [*_values(self), *_places(self)]
        if problems:
            raise InputError("inputs of a projection", problems)

    @property
    def groups(self) -> int:
        """How many groups of spaces there are."""
        return int(self.group.max()) + 1

    @property
    def digest(self) -> str:
        """The same for the same numbers, and for no others."""
        text = hashlib.sha256()
        for field in fields(self):
            value = np.asarray(getattr(self, field.name))
            text.update(f"{field.name} {value.dtype} {value.shape} ".encode() + value.tobytes())
        return text.hexdigest()


def _shapes(inputs: Inputs) -> Iterator[Problem]:
    """Dimensions that are not as long as they are elsewhere; the first array that has one says how long it is."""
    size = dict(_FIXED)
    for name, letters in SHAPES.items():
        shape = getattr(inputs, name).shape
        if len(shape) != len(letters):
            yield Problem(name, f"{len(shape)} dimensions; expected {len(letters)}, {' x '.join(letters)}")
            continue
        for letter, length in zip(letters, shape, strict=True):
            if size.setdefault(letter, length) != length:
                yield Problem(name, f"shape {shape}; dimension {letter} has {length}, expected {size[letter]}")
    for letter, least in (("T", 1), ("A", 2), ("S", 1)):
        if size.get(letter, least) < least:
            yield Problem("people" if letter != "T" else "hazard", f"dimension {letter} needs at least {least}")


def _values(inputs: Inputs) -> Iterator[Problem]:
    """Numbers that are not finite or negative, and shares outside their range."""
    for name in SHAPES:
        array = getattr(inputs, name)
        if not np.isfinite(array).all():
            yield Problem(_first(name, ~np.isfinite(array)), "not a finite number")
        elif name != "arrivals" and (array < 0).any():
            yield Problem(_first(name, array < 0), f"{array[array < 0][0]:g} is negative")
    if not 0 <= inputs.boys <= 1:
        yield Problem("boys", f"{inputs.boys:g}; a share lies between 0 and 1")
    if (inputs.persistence >= 1).any():
        place = _first("persistence", inputs.persistence >= 1)
        yield Problem(place, "1 or more; a deviation that never fades has no standard deviation in the long run")
    beyond = inputs.shock_sd.sum(axis=1) > MOST_SD
    if beyond.any():
        yield Problem(_first("shock_sd", beyond), f"more than {MOST_SD:g} over all levels; is it a percentage?")


def _places(inputs: Inputs) -> Iterator[Problem]:
    """Indices out of range, and corridors that lose or make people."""
    ages, mothers = inputs.people.shape[1], inputs.fertility.shape[1]
    if not 1 <= inputs.youngest_mother <= ages - mothers:
        yield Problem(
            "youngest_mother", f"{inputs.youngest_mother}; expected 1 to {ages - mothers}, {mothers} ages of mothers"
        )
    if (np.diff(inputs.period) < 0).any():
        yield Problem("period", "falls; periods follow each other")
    if (inputs.corridor_of >= len(inputs.corridor)).any():
        place = _first("corridor_of", inputs.corridor_of >= len(inputs.corridor))
        yield Problem(place, f"there are {len(inputs.corridor)} corridors, numbered from 0")
        return
    stays = np.diagonal(inputs.corridor, axis1=1, axis2=2) != 0
    if stays.any():
        yield Problem(_first("corridor", stays), "who leaves a space does not go there; the diagonal is 0")
    total = inputs.corridor.sum(axis=2)
    wrong = (np.abs(total - 1) > 1e-9) & (total != 0)
    if wrong.any():
        yield Problem(_first("corridor", wrong), f"the row sums to {total[wrong][0]:.6g}; expected 1, or 0 for nobody")
    stuck = (inputs.odds > 0) & (total == 0)[inputs.corridor_of]
    if stuck.any():
        t, x, a, s = np.argwhere(stuck)[0]
        yield Problem(f"odds[{t}, {x}, {a}, {s}]", "people leave, and their corridor says nowhere to go")


def _first(name: str, wrong: Array) -> str:
    """The name of an array and the first place where something is wrong in it."""
    return f"{name}[{', '.join(str(i) for i in np.argwhere(wrong)[0])}]"


def small() -> dict[str, Any]:
    """All arguments of ``Inputs`` but ``boys`` for two spaces, three ages of 20 years, one step and one service.

    >>> Inputs(**small(), boys=0.507).people.sum()
    np.float64(600.0)
    """
    people = np.full((2, 3, 2), 50.0)
    return {
        "people": people,
        "count_sd": np.full(2, 0.01),
        "hazard": np.broadcast_to([[[0.02], [0.1], [1.0]]], (1, 2, 3, 2)),
        "newborn_hazard": np.full((1, 2, 2), 0.02),
        "fertility": np.full((1, 1, 2), 1.2),
        "youngest_mother": 1,
        "odds": np.full((1, 2, 3, 2), 0.1),
        "corridor": [[[0.0, 1.0], [1.0, 0.0]]],
        "corridor_of": np.zeros((1, 2, 3)),
        "arrivals": np.zeros((1, 2, 3, 2)),
        "group": [0, 1],
        "period": [0],
        "shock_sd": np.full((5, 3), 0.05),
        "persistence": np.full(5, 0.5),
        "weight": np.ones((1, 2, 3, 2)),
        "factor": np.ones((1, 1, 2)),
        "need": np.ones((1, 1, 1)),
        "stock": np.full((1, 1, 2), 250.0),
        "built": np.full((1, 1, 2), 30.0),
        "yields": np.ones((1, 1, 2)),
        "delivery_common_sd": [0.1],
        "delivery_sd": [0.2],
    }
