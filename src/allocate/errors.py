"""What can go wrong, said so that whoever must fix it can.

An error is a short letter: where, what was found, what was expected, the nearest right thing. All problems of
one stage come together, because a file with six mistakes should not need six runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class AllocateError(Exception):
    """Base of every error that this library raises on purpose. ``exit_code`` is what the command line returns."""

    exit_code = 1


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend: its place (a cell, a row, a rule) and what is wrong there, in words."""

    place: str
    words: str


class InputError(AllocateError):
    """A file, a rule or an argument is wrong; every problem found is listed with its place.

    >>> print(InputError("grants.csv", [Problem("row 3", "-5 is negative; spend is never negative")]))
    grants.csv: 1 problem
      row 3: -5 is negative; spend is never negative
    """

    def __init__(self, source: object, problems: Iterable[Problem]) -> None:
        self.source = str(source)
        self.problems = tuple(problems)
        super().__init__(self.source, self.problems)

    def __str__(self) -> str:
        many = len(self.problems)
        lines = [f"  {p.place}: {p.words}" if p.place else f"  {p.words}" for p in self.problems]
        return "\n".join([f"{self.source}: {many} problem{'s' if many != 1 else ''}", *lines])


class NoPlanError(AllocateError):
    """No plan satisfies every rule (infeasible), or the goal can grow without end (unbounded)."""

    exit_code = 2


class StoppedError(AllocateError):
    """A limit or the user stopped the work before a proved answer was found."""

    exit_code = 3


class ProofError(AllocateError):
    """A solver's answer failed the library's own check, so there is no plan."""

    exit_code = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """The words that offer the nearest known name, or the empty string.

    >>> nearest("bugdet", ["budget", "keep"])
    "; did you mean 'budget'?"
    >>> nearest("zebra", ["budget", "keep"])
    ''
    """
    names = sorted(set(known))
    folded = {name.casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""
