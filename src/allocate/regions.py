"""Which regions there are, and which one a written name means.

Tables name one place in many ways: ``Johannesburg``, ``City of Johannesburg Metro``, ``jhb``, a name that was
changed long ago. A registry lists the regions once, in the order that everything else follows, and turns what
was written into a code. It never guesses: what differs from a known name by more than case, accents, spaces,
punctuation or words such as "District" is refused, with the nearest known name as a suggestion.

A registry is a table with a row a region. Columns ``code`` and ``name`` are needed. ``other_names`` (former names
and spellings met in documents, parted by ``;``), ``kind``, ``parent``, the place on a tile map (``tile_row``
counted from the top, ``tile_col`` from the left) and any further columns are kept as they were written.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
import reprlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from allocate.errors import InputError, Problem, nearest
from allocate.names import SPACE

if TYPE_CHECKING:
    import os

    import pandas as pd

DROPPED: Final = ("district", "metropolitan", "metro", "municipality", "city of")
"""Words that may stand before or after a name without changing which region it means."""

_NEEDED: Final = ("code", "name")
_TILE: Final = ("tile_row", "tile_col")
_LONGEST: Final = 200  # characters; what is longer is no name, and folding it would only cost time
_SHOWN: Final = 60  # characters of a wrong name that an error repeats
_ALIKE: Final = 0.55  # difflib ratio: 'Ugoo' still brings up 'Ugu', 'zebra' brings up nothing
_WHOLE: Final = re.compile("[0-9]{1,6}")


def fold(text: str, drop: tuple[str, ...] = ()) -> str:
    """What is left of a name once case, accents, spaces and punctuation are gone; ``drop`` goes from its ends.

    >>> fold("Côte d'Or"), fold("KwaZulu-Natal")
    ('cotedor', 'kwazulunatal')
    >>> fold("City of Lakes Metro"), fold("City of Lakes Metro", drop=("metro", "city of"))
    ('cityoflakesmetro', 'lakes')
    """
    return _ends(drop).sub("", _words(text)).replace(" ", "")


def _words(text: str) -> str:
    plain = (c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c))
    return " ".join("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain).split())


@cache
def _ends(drop: tuple[str, ...]) -> re.Pattern[str]:
    """Droppable words at either end; never all of a name, because a space parts them from what stays."""
    words = "|".join(re.escape(_words(word)) for word in drop)
    return re.compile(rf"^(?:(?:{words}) )+|(?: (?:{words}))+$")


@dataclass(frozen=True)
class Registry:
    """Regions in canonical order, checked when made; every cell is text, stripped of blanks around it.

    ``noun`` is what errors call a region. Raises :class:`InputError` with every problem found: a missing code or
    name, a name that could mean two regions, a tile that is not a whole number or is taken.

    >>> regions = Registry(("code", "name", "other_names"), (("N", "North", "Old North; Noord"), ("S", "South", "")))
    >>> regions.resolve("NOORD District")
    'N'
    >>> Registry(("code", "name"), (("N", "North"), ("S", "north"), ("E", "")))
    Traceback (most recent call last):
    allocate.errors.InputError: regions: 2 problems
      row 4: the name is missing
      row 3: 'north' is taken: row 2 has 'North'; a name must mean one space
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    source: str = "regions"
    noun: str = SPACE
    drop: tuple[str, ...] = DROPPED

    def __post_init__(self) -> None:
        problems = list(self._misshapen()) or [*self._unnamed(), *self._clashes(), *self._off_the_map()]
        if problems:
            raise InputError(self.source, problems)

    @classmethod
    def read(cls, path: str | os.PathLike[str], noun: str = SPACE, drop: tuple[str, ...] = DROPPED) -> Self:
        """The registry in a CSV file (UTF-8, commas, a header row). Raises :class:`InputError`.

        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "regions.csv"
        ...     _ = path.write_text("code,name,parent\\nN,North,\\nS,South,\\n")
        ...     Registry.read(path).names
        {'N': 'North', 'S': 'South'}
        """
        source = str(path)
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
            table = list(csv.reader(io.StringIO(text.rstrip(), newline=""), strict=True))
        except UnicodeDecodeError:
            raise InputError(source, [Problem("", "is not UTF-8 text; save it as CSV UTF-8")]) from None
        except OSError as error:
            raise InputError(source, [Problem("", f"cannot be read: {error.strerror}")]) from None
        except csv.Error as error:
            raise InputError(source, [Problem("", f"is not a CSV file: {error}")]) from None
        header, *rows = [tuple(cell.strip() for cell in row) for row in table] or [()]
        return cls(header, tuple(rows), source, noun, drop)

    @classmethod
    def of(
        cls, frame: pd.DataFrame, source: str = "regions", noun: str = SPACE, drop: tuple[str, ...] = DROPPED
    ) -> Self:
        """The registry in a table, a row a region; a missing value is a blank cell. Raises :class:`InputError`.

        >>> import pandas as pd
        >>> Registry.of(pd.DataFrame({"code": [7, 8], "name": ["North", "South"]})).codes
        ('7', '8')
        """
        cells = frame.astype(object).where(frame.notna(), "")
        rows = tuple(tuple(_written(value) for value in row) for row in cells.itertuples(index=False, name=None))
        return cls(tuple(str(name).strip() for name in frame.columns), rows, source, noun, drop)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Codes in canonical order, which is the order of the table.

        >>> Registry(("code", "name"), (("S", "South"), ("N", "North"))).codes
        ('S', 'N')
        """
        return self._cells("code")

    @property
    def names(self) -> dict[str, str]:
        """Code to current name.

        >>> Registry(("code", "name"), (("S", "South"), ("N", "North"))).names
        {'S': 'South', 'N': 'North'}
        """
        return self.column("name")

    def column(self, name: str) -> dict[str, str]:
        """Code to what the named column says, as it was written. Raises :class:`InputError` if there is none.

        >>> Registry(("code", "name", "parent"), (("N", "North", "Land"),)).column("parent")
        {'N': 'Land'}
        """
        if name not in self.header:
            raise InputError(self.source, [Problem("", f"no column {name!r}{nearest(name, self.header)}")])
        return dict(zip(self.codes, self._cells(name), strict=True))

    @property
    def tiles(self) -> dict[str, tuple[int, int]]:
        """Code to (row from the top, column from the left) on the tile map. Raises :class:`InputError` if the
        table has no tiles.

        >>> Registry(("code", "name", "tile_row", "tile_col"), (("N", "North", "0", "3"),)).tiles
        {'N': (0, 3)}
        """
        row, col = (self.column(name) for name in _TILE)
        return {code: (int(row[code]), int(col[code])) for code in row}

    def resolve(self, text: object, place: str = "") -> str:
        """The code of the region that ``text`` names: its code, its name or one of its other names.

        Raises :class:`InputError`, which says ``place`` and the nearest known name.

        >>> regions = Registry(("code", "name"), (("N", "North Shore"), ("S", "South")))
        >>> regions.resolve("north-shore"), regions.resolve(" n ")
        ('N', 'N')
        >>> regions.resolve("Nort Shore", place="cell B2")
        Traceback (most recent call last):
        allocate.errors.InputError: name of a space: 1 problem
          cell B2: unknown space 'Nort Shore'; did you mean 'North Shore' (N)?
        """
        return self.resolve_all([text], f"name of a {self.noun}", [place])[0]

    def resolve_all(
        self, texts: Iterable[object], source: object = "", places: Iterable[str] | None = None
    ) -> list[str]:
        """The code of each text, in order; repeated texts give repeated codes.

        ``places`` says where each text stands (default ``item 1``, ``item 2``, ...) and ``source`` where they
        come from. Raises one :class:`InputError` for all that are unknown.

        >>> regions = Registry(("code", "name"), (("N", "North"), ("S", "South")))
        >>> regions.resolve_all(["south", "N", "South"])
        ['S', 'N', 'S']
        >>> regions.resolve_all(["Nrth", "S", None], source="grants.csv")
        Traceback (most recent call last):
        allocate.errors.InputError: grants.csv: 2 problems
          item 1: unknown space 'Nrth'; did you mean 'North' (N)?
          item 3: a space is missing
        """
        wanted = [texts] if isinstance(texts, str) else list(texts)
        where = [f"item {i}" for i in range(1, len(wanted) + 1)] if places is None else list(places)
        known = {text: self.find(text) for text in {text for text in wanted if isinstance(text, str)}}
        codes = [known[text] if isinstance(text, str) else None for text in wanted]
        wrong = [(place, text) for place, text, code in zip(where, wanted, codes, strict=True) if code is None]
        if wrong:
            problems = (Problem(place, self.unknown(text)) for place, text in wrong)
            raise InputError(source or f"names of {self.noun}s", problems)
        return [code for code in codes if code is not None]

    def find(self, text: object) -> str | None:
        """The code of the region that ``text`` names, or None; :meth:`resolve` without the error.

        The whole text is tried first, then without the droppable words; either way only an equal counts.

        >>> Registry(("code", "name"), (("N", "North"),)).find("North District")
        'N'
        """
        short = text.strip() if isinstance(text, str) else ""
        if len(short) > _LONGEST:
            return None
        owner = self._owners.get(fold(short)) or self._owners.get(fold(short, self.drop))
        return self.codes[owner[0]] if owner else None

    def unknown(self, text: object) -> str:
        """The words of an error for a text that names no region: what was found and the nearest known name.

        >>> Registry(("code", "name"), (("N", "North"),)).unknown("Nroth")
        "unknown space 'Nroth'; did you mean 'North' (N)?"
        """
        if _missing(text):
            return f"a {self.noun} is missing"
        if not isinstance(text, str):
            return f"{_quoted(text)} is not text; a {self.noun} is written as its code or its name"
        word = fold(text[:_SHOWN], self.drop)
        close = difflib.get_close_matches(word, self._suggestible, n=1, cutoff=_ALIKE)
        row, spelling = self._owners[close[0]] if close else (0, "")
        hint = f"; did you mean {spelling!r} ({self.codes[row]})?" if close else ""
        return f"unknown {self.noun} {_quoted(text)}{hint}"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the CSV file that :meth:`read` reads back to the same table.

        >>> import pathlib, tempfile
        >>> regions = Registry(("code", "name"), (("N", "North"), ("S", "South")))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     regions.write(pathlib.Path(folder) / "regions.csv")
        ...     Registry.read(pathlib.Path(folder) / "regions.csv").rows == regions.rows
        True
        """
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([self.header, *self.rows])

    def _cells(self, name: str) -> tuple[str, ...]:
        at = self.header.index(name)
        return tuple(row[at] for row in self.rows)

    @cached_property
    def _owners(self) -> dict[str, tuple[int, str]]:
        """Folded spelling to the first row that has it, and the spelling there."""
        owners: dict[str, tuple[int, str]] = {}
        for row, spelling in self._spellings():
            for key in self._keys(spelling):
                owners.setdefault(key, (row, spelling))
        return owners

    @cached_property
    def _suggestible(self) -> list[str]:
        """No name with a digit: every neighbouring number is some other region, and no likelier."""
        return [key for key in self._owners if not any(c.isdigit() for c in key)]

    def _keys(self, spelling: str) -> tuple[str, ...]:
        return tuple(key for key in (fold(spelling), fold(spelling, self.drop)) if key)

    def _spellings(self) -> Iterator[tuple[int, str]]:
        for name in (*_NEEDED, "other_names"):
            for row, cell in enumerate(self._cells(name) if name in self.header else ()):
                parts = cell.split(";") if name == "other_names" else [cell]
                yield from ((row, part.strip()) for part in parts if part.strip())

    def _misshapen(self) -> Iterator[Problem]:
        for name in _NEEDED:
            if name not in self.header:
                found = ", ".join(map(_quoted, self.header)) or "nothing"
                yield Problem("row 1", f"column {name!r} is missing; found {found}")
        for name in sorted({name for name in self.header if self.header.count(name) > 1}):
            yield Problem("row 1", f"column {_quoted(name)} is there more than once")
        if len({name in self.header for name in _TILE}) > 1:
            yield Problem("row 1", "'tile_row' and 'tile_col' belong together; one of them is missing")
        if not self.rows:
            yield Problem("", f"lists no {self.noun}")
        for row, cells in enumerate(self.rows):
            if len(cells) != len(self.header):
                yield Problem(_row(row), f"has {len(cells)} cells; the header has {len(self.header)}")

    def _unnamed(self) -> Iterator[Problem]:
        for name in _NEEDED:
            blank = (row for row, cell in enumerate(self._cells(name)) if not cell)
            yield from (Problem(_row(row), f"the {name} is missing") for row in blank)
        for row, spelling in self._spellings():
            if len(spelling) > _LONGEST:
                yield Problem(_row(row), f"{_quoted(spelling)} is longer than {_LONGEST} characters")
            elif not fold(spelling):
                yield Problem(_row(row), f"{_quoted(spelling)} has no letter or digit")

    def _clashes(self) -> Iterator[Problem]:
        told: set[tuple[int, int]] = set()
        for row, spelling in self._spellings():
            for first, other in (self._owners[key] for key in self._keys(spelling)):
                if first != row and (first, row) not in told:
                    told.add((first, row))
                    words = f"{_quoted(spelling)} is taken: {_row(first)} has {_quoted(other)}"
                    yield Problem(_row(row), f"{words}; a name must mean one {self.noun}")

    def _off_the_map(self) -> Iterator[Problem]:
        if not set(_TILE) <= set(self.header):
            return
        taken: dict[tuple[int, ...], int] = {}
        for row, tile in enumerate(zip(*map(self._cells, _TILE), strict=True)):
            wrong = [(name, text) for name, text in zip(_TILE, tile, strict=True) if not _WHOLE.fullmatch(text)]
            for name, text in wrong:
                yield Problem(_row(row), f"{name} {_quoted(text)} is not a whole number (0, 1, 2, ...)")
            if not wrong and taken.setdefault(spot := tuple(map(int, tile)), row) != row:
                yield Problem(_row(row), f"tile {spot} is taken by {_row(taken[spot])}")


def _row(index: int) -> str:
    """As a spreadsheet counts: the header is row 1."""
    return f"row {index + 2}"


def _written(value: object) -> str:
    """A whole number comes out whole, though a gap elsewhere in its column made pandas call it a float."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _missing(value: object) -> bool:
    """None, NaN, pandas' NA and NaT (known by name, so that pandas need not be imported) and blank text."""
    if isinstance(value, str):
        return not value.strip()
    nan = isinstance(value, float) and math.isnan(value)
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")


def _quoted(value: object) -> str:
    """A value as an error shows it: on one line, and short."""
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}...")
    if isinstance(value, int) and abs(value) >= 10**12:
        return "a huge number"  # Python itself refuses to write out the longest ones
    return " ".join(reprlib.repr(value).split())
