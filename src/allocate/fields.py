"""What a key of a model or scenario file may hold, in words that say what is wrong with it."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from allocate.tables import FORMULA, LARGEST, LONGEST_LABEL

RESERVED: Final = frozenset({"sum", "previous", "so_far", "last", "at", "by", "inf", "nan", *keyword.kwlist})
"""Words that mean something in a rule, so nothing can be called by them."""


class Record(BaseModel):
    """A frozen record; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,59}", value):
        raise ValueError(f"{shown(value)} is not a name; use up to 60 letters, digits and _")
    if value in RESERVED:
        raise ValueError(f"{value!r} is a word of the language; use another name")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not a number")
    if not abs(value) < math.inf:
        raise ValueError(f"{value} is not finite")
    if abs(value) > LARGEST:
        raise ValueError(f"{shown(value)} is too large; no figure is beyond {LARGEST:g}")
    return float(value)


def _data_number(value: object) -> float:
    if (found := _number(value)) < 0:
        raise ValueError(f"{found:g} is negative; data are never negative")
    return found


def _default(value: object) -> float | tuple[float, ...]:
    return tuple(map(_data_number, value)) if isinstance(value, list | tuple) and value else _data_number(value)


def _number_or_name(value: object) -> float | str:
    return _identifier(value) if isinstance(value, str) else _number(value)


def _data_number_or_name(value: object) -> float | str:
    return _identifier(value) if isinstance(value, str) else _data_number(value)


def _bound(value: object) -> float | str:
    infinite = isinstance(value, str | float) and value in ("inf", "-inf", math.inf, -math.inf)
    return str(value) if infinite else _number_or_name(value)


def _label(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return str(value)
    text = _line(value, LONGEST_LABEL)
    if text.startswith(FORMULA):
        raise ValueError(f"{shown(text)} begins like a formula; a spreadsheet would run it")
    return text


def _line(value: object, longest: int = 200) -> str:
    """One line of text that can be printed anywhere."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not text")
    if not (value.strip() == value != "" and value.isprintable() and len(value) <= longest):
        raise ValueError(f"{shown(value)} is not one line of 1 to {longest} printable characters")
    return value


def _dims(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise ValueError(f"{shown(value)} is not a dim or a list of dims")
    found = tuple(map(_identifier, names))
    if len(set(found)) < len(found):
        raise ValueError("names a dim twice")
    return found


def _part(*kinds: str) -> Callable[[object], str]:
    """What a change is made to: ``rules.NAME``, say."""

    def read(value: object) -> str:
        kind, _, name = str(value).partition(".")
        if kind not in kinds or not name:
            offer = " or ".join(f"{kind}.NAME" for kind in kinds)
            raise ValueError(f"{shown(value)} is not {_NOUNS[kinds[0]]}; write {offer}")
        return f"{kind}.{_line(name) if kind == 'goals' else _identifier(name)}"

    return read


_NOUNS: Final = {"rules": "a rule", "data": "a datum"}


def _give(value: object) -> float | str:
    """A share, or an amount and its unit."""
    if not isinstance(value, str):
        if not 0 <= (share := _number(value)) < 1:
            raise ValueError(f"{share:g} is no share between 0 and 1; an amount is written with its unit")
        return share
    number, _, unit = _line(value).partition(" ")
    try:
        amount = float(number)
    except ValueError:
        amount = math.nan
    if not (unit and 0 <= amount <= LARGEST):
        raise ValueError(f"{shown(value)} is not an amount with its unit, such as '5 R million' or '100 household'")
    return value


def file_names(value: object) -> tuple[str, ...]:
    """Names of files to extend, without folder and ending. Raises ValueError for anything else."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise ValueError(f"{shown(value)} is not a name or a list of names")
    for name in names:
        if not isinstance(name, str) or not re.fullmatch("[A-Za-z0-9_-]{1,60}", name):
            raise ValueError(f"{shown(name)} is not a name to extend; write the name of its file without .toml")
    if len(set(names)) < len(names):
        raise ValueError("names a file twice")
    return tuple(names)


def shown(value: object) -> str:
    """At most 60 characters of a value that is wrong."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python will print
        text = "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."


def plain(text: object, longest: int = 60) -> str:
    """A key or a path as it can be printed anywhere."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:longest])


# The second type is what an editor is told (JSON Schema); the function is what is checked.
_Names = str | Annotated[list[str], Field(json_schema_extra={"uniqueItems": True})]
_Positive = Annotated[float, Field(ge=0)]
Identifier = Annotated[str, PlainValidator(_identifier, Annotated[str, Field(pattern="^[A-Za-z_]")])]
Dims = Annotated[tuple[str, ...], PlainValidator(_dims, _Names)]
Label = Annotated[str, PlainValidator(_label, str | int)]
Line = Annotated[str, PlainValidator(_line, Annotated[str, Field(min_length=1)])]
DataNumber = Annotated[float, PlainValidator(_data_number, _Positive)]
Default = Annotated[float | tuple[float, ...], PlainValidator(_default, _Positive | list[_Positive])]
DataNumberOrName = Annotated[float | str, PlainValidator(_data_number_or_name, _Positive | str)]
NumberOrName = Annotated[float | str, PlainValidator(_number_or_name, float | str)]
Bound = Annotated[float | str, PlainValidator(_bound, float | str)]
Give = Annotated[float | str, PlainValidator(_give, Annotated[float, Field(ge=0, lt=1)] | str)]
RuleName = Annotated[str, PlainValidator(_part("rules"), Annotated[str, Field(pattern=r"^rules\.")])]
DataName = Annotated[str, PlainValidator(_part("data"), Annotated[str, Field(pattern=r"^data\.")])]
Part = Annotated[str, PlainValidator(_part("rules", "goals"), Annotated[str, Field(pattern=r"^(rules|goals)\.")])]
FileNames = Annotated[tuple[str, ...], PlainValidator(file_names, _Names)]
