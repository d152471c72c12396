"""What a scenario leaves open: figures that are not known, and axes of a grid, as frozen records."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from allocate.fields import DataNumber, Dims, FileNames, Identifier, Label, Record

NONE: Final = "none"
"""What an axis of scenarios calls the model without any of them."""

MOST_LEVELS: Final = 100_000
"""Levels of one axis; nobody looks at more."""


class SpreadSpec(Record):
    """A datum that is not known: multiplied by a factor of median 1, one for each label of the dims ``by``.

    ``sd`` is the standard deviation of its logarithm.
    """

    spread: Identifier
    by: Dims = ()
    sd: float = Field(gt=0, le=2)


class RiskSpec(Record):
    """What a decision before need is known makes best, over how many draws, from which seed.

    ``alpha`` is the level of ``cvar``: the mean of the worst 1 - alpha of the draws.
    """

    measure: Literal["mean", "cvar", "worst", "regret"] = "cvar"
    alpha: float = Field(default=0.9, ge=0, lt=1)
    draws: int = Field(default=100, ge=1, le=1_000_000)
    seed: int = Field(default=1, ge=0, lt=2**63)


class RangeSpec(Record):
    """A datum that is not known: multiplied by a factor between two ends, one for each label of the dims ``by``.

    Every factor between ``from`` and ``to`` is as likely as any other.
    """

    range: Identifier
    by: Dims = ()
    least: float = Field(alias="from", gt=0, le=1000)
    most: float = Field(alias="to", gt=0, le=1000)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.least < self.most:
            raise ValueError(f"goes from {self.least:g} to {self.most:g}; write the smaller factor first")
        return self


class SampleSpec(Record):
    """Draws of what is not known, each solved by itself, as if it were known.

    ``random`` draws each datum apart: draw 7 of a datum stays what it is, however many draws there are and whatever
    else is drawn. ``latin`` (Latin hypercube) and ``sobol`` fill the ranges more evenly, as one sample: another number
    of draws, or another datum, makes all of them anew.
    """

    draws: int = Field(ge=1, le=10_000_000)
    seed: int = Field(default=1, ge=0, lt=2**63)
    method: Literal["random", "latin", "sobol"] = "random"


class _Axis(Record):
    """What the axes of a grid share: levels that differ, and a name."""

    name: Label | None = None

    @property
    def levels(self) -> tuple[Any, ...]:
        """The levels, in the order of the file."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _levels_once(self) -> Self:
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("has a level twice")
        return self


class GridSet(_Axis):
    """A datum takes each of these values."""

    set: Identifier
    to: tuple[DataNumber, ...] = Field(min_length=1, max_length=MOST_LEVELS)
    where: dict[Identifier, Label] = {}

    @property
    def levels(self) -> tuple[float, ...]:
        return self.to


class GridScale(_Axis):
    """A datum is multiplied by each of these numbers."""

    scale: Identifier
    by: tuple[DataNumber, ...] = Field(min_length=1, max_length=MOST_LEVELS)
    where: dict[Identifier, Label] = {}

    @property
    def levels(self) -> tuple[float, ...]:
        return self.by


class GridUse(_Axis):
    """An uncertain input takes each of these of its named values; ``"none"`` leaves it as it is."""

    use: tuple[Identifier, ...] = Field(min_length=1)
    of: Identifier

    @property
    def levels(self) -> tuple[str, ...]:
        return self.use


class GridScenario(_Axis):
    """Each of these scenarios, by the names of their files; ``"none"`` is the model without any of them."""

    scenario: FileNames = Field(min_length=1)

    @property
    def levels(self) -> tuple[str, ...]:
        return self.scenario


type GridAxis = GridSet | GridScale | GridUse | GridScenario

AXES: Final[dict[str, type[Record]]] = {
    "set": GridSet,
    "scale": GridScale,
    "use": GridUse,
    "scenario": GridScenario,
}
"""The key that says what an axis of a grid moves."""
