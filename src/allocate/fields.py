"""What a key of a model or scenario file may hold, in words that say what is wrong with it."""

from __future__ import annotations

import keyword
import math
import re
from typing import Annotated, Final

from pydantic import PlainValidator

from allocate.tables import FORMULA, LARGEST, LONGEST_LABEL

RESERVED: Final = frozenset({"sum", "previous", "so_far", "last", "at", "by", "inf", "nan", *keyword.kwlist})
"""Words that mean something in a rule, so nothing can be called by them."""


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


def _rule_name(value: object) -> str:
    kind, _, name = str(value).partition(".")
    if kind != "rules" or not name:
        raise ValueError(f"{shown(value)} is not a rule; write rules.NAME")
    return f"rules.{_identifier(name)}"


def shown(value: object) -> str:
    """At most 60 characters of a value that is wrong."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python will print
        text = "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."


Identifier = Annotated[str, PlainValidator(_identifier)]
Dims = Annotated[tuple[str, ...], PlainValidator(_dims)]
Label = Annotated[str, PlainValidator(_label)]
Line = Annotated[str, PlainValidator(_line)]
DataNumber = Annotated[float, PlainValidator(_data_number)]
DataNumberOrName = Annotated[float | str, PlainValidator(_data_number_or_name)]
NumberOrName = Annotated[float | str, PlainValidator(_number_or_name)]
Bound = Annotated[float | str, PlainValidator(_bound)]
RuleName = Annotated[str, PlainValidator(_rule_name)]
