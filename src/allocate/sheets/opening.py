"""An .xlsx file opened without trusting it: what it would unpack to is bounded before anything is unpacked.

A workbook is a zip of XML parts, and both can lie. A part may unpack to gigabytes, one cell in the last corner of a
sheet makes a reader claim memory for 17 billion, one long text may be the value of a million cells. So every part is
measured first, and the reader (calamine) is given a workbook made anew of the vetted parts alone: no link, macro,
picture or external reference of the file is ever looked at.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from allocate.errors import InputError, Problem
from allocate.sheets.limits import LIMITS, Limits, Refused, area, check_text

SUFFIXES: Final = (".xlsx", ".xlsm")

OLD_FORMAT: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How an OLE file begins: a workbook of Excel 97 to 2003, or one locked with a password."""

ENTRY: Final = b"PK\x01\x02"
"""How an entry of a zip's table of contents begins."""

FORBIDDEN: Final = (b"\0", b"<!DOCTYPE", b"<!ENTITY", b"<![CDATA[")
"""What no spreadsheet writes into a part, and what would make a check of its text worthless."""

LARGEST_LIST: Final = 5_000_000
"""Bytes of a part that lists others; in memory its tree is many times larger."""


@dataclass(frozen=True)
class Opened:
    """A workbook whose parts may be unpacked: the part of each worksheet by its name, in the order of the file."""

    path: Path
    archive: zipfile.ZipFile = field(repr=False)
    parts: dict[str, str] = field(repr=False)
    strings: bytes = field(repr=False)
    styles: bytes = field(repr=False)
    since_1904: bool = False
    limits: Limits = LIMITS

    def xml(self, sheet: str) -> bytes:
        """The vetted XML of a sheet. Raises :class:`InputError` if it holds more than the limits allow."""
        try:
            return _part(self.archive, self.parts[sheet])
        except (Refused, *_UNREADABLE) as error:
            raise _letter(self.path, error, f"sheet {sheet!r}") from None

    def measured(self, sheets: Sequence[str]) -> dict[str, bytes]:
        """The vetted XML of some sheets, none too large to be laid out as a table.

        Raises :class:`InputError` for every sheet that is.
        """
        found, problems, total = {}, [], 0
        for name in sheets:
            xml = self.xml(name)
            try:
                total += area(xml, self.limits)
                check_text(xml, self.strings, self.limits)
                found[name] = xml
            except Refused as error:
                problems.append(Problem(f"sheet {name!r}", str(error)))
        if total > self.limits.all_cells:
            problems.append(
                Problem("", f"has more than {self.limits.all_cells:,} cells in all; leave out what is not data")
            )
        if problems:
            raise InputError(self.path, problems)
        return found

    def rebuilt(self, sheets: dict[str, bytes]) -> io.BytesIO:
        """A workbook in memory of these sheets alone, named by their place: ``1``, ``2``, ..."""
        numbers = range(1, len(sheets) + 1)
        entries = "".join(f'<sheet name="{n}" sheetId="{n}" r:id="s{n}"/>' for n in numbers)
        dates = '<workbookPr date1904="1"/>' if self.since_1904 else ""
        inside = f"{dates}<sheets>{entries}</sheets>"
        links = [(f"s{n}", "worksheet", f"worksheets/{n}.xml") for n in numbers]
        links += [("t", "sharedStrings", "sharedStrings.xml")] if self.strings else []
        links += [("f", "styles", "styles.xml")] if self.styles else []
        written: dict[str, str | bytes] = {
            "_rels/.rels": _links([("w", "officeDocument", "xl/workbook.xml")]),
            "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOC}">{inside}</workbook>',
            "xl/_rels/workbook.xml.rels": _links(links),
            "xl/sharedStrings.xml": self.strings,
            "xl/styles.xml": self.styles,
            **{f"xl/worksheets/{n}.xml": xml for n, xml in zip(numbers, sheets.values(), strict=True)},
        }
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            for name, content in written.items():
                if content:
                    archive.writestr(name, content)
        held.seek(0)
        return held


_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOC: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, ET.ParseError, RuntimeError, EOFError, OSError)
"""What the readers of zip and XML raise on files that are damaged or forged."""


def open_workbook(path: Path, limits: Limits = LIMITS) -> Opened:
    """Look at a workbook's table of contents, and refuse it in words if it is none or holds more than the limits.

    >>> open_workbook(Path("none.xlsx"))
    Traceback (most recent call last):
    allocate.errors.InputError: none.xlsx: 1 problem
      there is no such file

    Raises :class:`InputError`.
    """
    try:
        content = _content(path, limits)
        archive = zipfile.ZipFile(io.BytesIO(content))  # what was checked is what is read, whoever saves meanwhile
        _check_contents(archive, len(content), limits)
        return _opened(path, archive, limits)
    except (Refused, *_UNREADABLE) as error:
        raise _letter(path, error) from None


def _letter(path: Path, error: Exception, place: str = "") -> InputError:
    """The words of a refusal; what the zip or XML reader said, where it failed."""
    if isinstance(error, FileNotFoundError):
        return InputError(path, [Problem(place, "there is no such file")])
    if isinstance(error, Refused):
        return InputError(path, [Problem(place, str(error))])
    if isinstance(error, OSError):
        return InputError(path, [Problem(place, f"cannot be read: {error.strerror or error}")])
    return InputError(path, [Problem(place, f"is damaged: {str(error)[:120]}; open it and save it again")])


def _content(path: Path, limits: Limits) -> bytes:
    """The bytes of a file that may be a workbook."""
    if path.stat().st_size > limits.file:
        raise Refused(f"has more than {limits.file:,} bytes; leave out what is not data")
    content = path.read_bytes()
    if content.startswith(OLD_FORMAT):
        locked = "EncryptedPackage".encode("utf-16-le") in content
        old = "is a workbook of Excel 97 to 2003; save it as .xlsx"
        raise Refused("is locked with a password; save it without one" if locked else old)
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise Refused("is not an .xlsx workbook; open it in a spreadsheet and save it as .xlsx")
    if content.count(ENTRY) > 2 * limits.parts:  # a list of millions takes long to read only to be counted
        raise Refused(f"has more than {limits.parts:,} parts; save the tables as a new workbook")
    return content


def _check_contents(archive: zipfile.ZipFile, size: int, limits: Limits) -> None:
    """What the table of contents declares; a part that turns out larger than it declares is refused when it is read."""
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > limits.parts:
        raise Refused(f"has more than {limits.parts:,} parts; save the tables as a new workbook")
    if unpacked > limits.unpacked:
        raise Refused(f"unpacks to more than {limits.unpacked:,} bytes; leave out what is not data")
    if unpacked > max(limits.small, limits.ratio * size):
        raise Refused(f"unpacks to more than {limits.ratio} times its size; save the tables as a new workbook")
    if len({part.filename for part in parts}) < len(parts):
        raise Refused("has two parts of one name; open it and save it again")
    if any(part.flag_bits & 1 for part in parts):
        raise Refused("is locked with a password; save it without one")
    if "mimetype" in archive.namelist():
        raise Refused("is an OpenDocument file; save it as .xlsx")
    if "[Content_Types].xml" not in archive.namelist():
        raise Refused("is a zip file, but not an .xlsx workbook")
    if any(part.filename.endswith("workbook.bin") for part in parts):
        raise Refused("is a binary workbook (.xlsb); save it as .xlsx")


def _opened(path: Path, archive: zipfile.ZipFile, limits: Limits) -> Opened:
    book = next((target for _, kind, target in _related(archive, "") if kind == "officeDocument"), "")
    if book not in archive.namelist():
        raise Refused("is a zip file, but not an .xlsx workbook")
    links = {name: (kind, target) for name, kind, target in _related(archive, book)}
    root = _tree(archive, book)
    sheets = {}
    for entry in root.findall("{*}sheets/{*}sheet"):
        link = next((value for key, value in entry.attrib.items() if key.endswith("}id")), "")
        kind, target = links.get(link, ("", ""))
        if kind == "worksheet" and target in archive.namelist():
            name = entry.get("name", "")
            if name in sheets:
                raise Refused(f"has two sheets called {name[:60]!r}")
            sheets[name] = target
    if len(sheets) > limits.sheets:
        raise Refused(f"has more than {limits.sheets:,} sheets; leave out what is not data")
    named = {kind: target for kind, target in links.values() if target in archive.namelist()}
    strings, styles = (_part(archive, named[kind]) if kind in named else b"" for kind in ("sharedStrings", "styles"))
    properties = root.find("{*}workbookPr")
    dated = properties is not None and properties.get("date1904", "0") in ("1", "true")
    return Opened(path, archive, sheets, strings, styles, dated, limits)


def _related(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[str, str, str]]:
    """The links of a part to others of the same file: name, kind, part. Links that lead out of the file are left."""
    folder, name = posixpath.split(part)
    file = posixpath.join(folder, "_rels", f"{name}.rels")
    if file not in archive.namelist():
        return
    for link in _tree(archive, file):
        if link.get("TargetMode", "Internal") == "Internal":
            target = posixpath.normpath(posixpath.join("/", folder, link.get("Target", "")))
            yield link.get("Id", ""), link.get("Type", "").rpartition("/")[2], target.lstrip("/")


def _tree(archive: zipfile.ZipFile, name: str) -> ET.Element:
    if archive.getinfo(name).file_size > LARGEST_LIST:
        raise Refused(f"part {name[:60]!r} has more than {LARGEST_LIST:,} bytes")
    try:
        return ET.fromstring(_part(archive, name))
    except (LookupError, ValueError):  # an encoding that nobody knows, or that no XML has
        raise Refused(f"part {name[:60]!r} is not the plain XML of a spreadsheet; open it and save it again") from None


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """A part's bytes: never more than its entry declares, which was checked."""
    content = archive.read(name)
    if any(mark in content for mark in FORBIDDEN):
        raise Refused(f"part {name[:60]!r} is not the plain XML of a spreadsheet; open it and save it again")
    return content


def _links(links: Sequence[tuple[str, str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="{name}" Type="{_DOC}/{kind}" Target="{target}"/>' for name, kind, target in links
    )
    return f'<Relationships xmlns="{_PACKAGE}">{entries}</Relationships>'
