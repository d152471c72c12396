"""A World in a workbook is the World of a folder; a spreadsheet's own mistakes and tricks are told by cell."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import books
import small
from allocate.errors import InputError
from allocate.sheets.limits import Limits
from allocate.sheets.reading import Sheets
from allocate.sheets.writing import Book, Column
from allocate.tables import Datum
from allocate.world import World, read_world


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The small World as a workbook that a test may break."""
    path = tmp_path / "figures.xlsx"
    small.world().write(path)
    return path


def words_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_world(path)
    return str(caught.value).replace(str(path), "BOOK")


def test_a_world_survives_a_workbook(za: World, tmp_path: Path) -> None:
    """Proves: labels, units, numbers to the last bit, regions and every word come back, and a folder says the same.

    Broken: digests differ in the 17th digit, or a caution is lost.
    """
    path = tmp_path / "figures.xlsx"
    za.write(path)
    again = read_world(path)
    assert again.digest() == za.digest() and again.name == "figures"
    for name, array in za.data.data_vars.items():
        assert again.data[name].attrs == array.attrs
    assert again.data.attrs == za.data.attrs
    assert again.regions is not None and za.regions is not None
    assert (again.regions.header, again.regions.rows) == (za.regions.header, za.regions.rows)
    again.write(tmp_path / "folder")
    assert read_world(tmp_path / "folder").digest() == za.digest()


def test_a_workbook_is_written_the_same_every_time(tmp_path: Path) -> None:
    """Proves: no clock, no user and no path is in the file. Broken: two files of one World cannot be compared."""
    for name in ("a.xlsx", "b.xlsx"):
        small.world().write(tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_workbook_is_never_overwritten(book: Path, tmp_path: Path) -> None:
    """Proves: an analyst's file stays, and a place that cannot be written is said. Broken: work is lost."""
    with pytest.raises(InputError, match="is there already; name a new file"):
        small.world().write(book)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        small.world().write(tmp_path / "file" / "figures.xlsx")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LABELS = TEXTS.filter(lambda t: t.strip() == t != "" and t.isprintable() and not t.startswith(("=", "+", "-", "@")))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(LABELS, min_size=1, max_size=4, unique=True),
    st.lists(st.floats(0, 1e15, allow_subnormal=True), min_size=4, max_size=4),
    TEXTS,
    TEXTS.filter(lambda t: t.strip() and t.isprintable()),
)
def test_any_label_number_and_word_survives(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], values: list[float], source: str, name: str
) -> None:
    """Proves: whatever a World may hold comes back, with escapes, emoji, signs and names no sheet can have.

    Broken: a label that looks like a number or an escape is another label after a round trip.
    """
    frame = pd.DataFrame({"kind": labels, "value": values[: len(labels)]})
    world = World.build("any", [Datum(name.strip(), frame, "1", "assumed", source, "")], {"kind": labels})
    path = tmp_path_factory.mktemp("any") / "any.xlsx"
    world.write(path)
    again = read_world(path)
    assert again.digest() == world.digest()
    assert again.data[name.strip()].attrs["source"] == source.strip()


@pytest.mark.parametrize(
    "changes",
    [
        [("absorb!C2", "120000"), ("keep!B2", " 0.8 ")],
        [("absorb!A2", "  North\u00a0 "), ("absorb!B2", "2019/20 ")],
        [("keep!B2", books.Formula("=4/5", 0.8)), ("keep!B3", books.Formula("=[other.xlsx]Sheet1!A1", 0.8))],
        [("may_fund!C2", True), ("may_fund!C3", False), ("member!C2", "TRUE")],
        [("keep!B9", "  "), ("keep!F2", ""), ("keep!A20", "")],
        [("data!G2", dt.date(2019, 4, 1))],
    ],
)
def test_what_an_analyst_may_type_is_understood(book: Path, changes: list[tuple[str, object]]) -> None:
    """Proves: numbers stored as text, blanks around labels, calculated formulas, TRUE in a flag, blank rows and
    columns, and a date for a period give the same World.

    Broken: a good workbook is refused, or read as another World.
    """
    books.edit(book, *changes)
    assert read_world(book).digest() == small.world().digest()


def test_codes_that_a_spreadsheet_made_numbers_are_codes(tmp_path: Path) -> None:
    """Proves: a label 21 stored as the number 21.0 is the label '21', in tables and in the list of labels.

    Broken: 'unknown ward 21.0'.
    """
    frame = pd.DataFrame({"ward": ["21", "22"], "value": [1.0, 2.0]})
    world = World.build("w", [Datum("people", frame, "1", "assumed", "", "")], {"ward": ["21", "22"]})
    path = tmp_path / "w.xlsx"
    world.write(path)
    books.edit(path, ("people!A2", 21), ("people!A3", 22.0), ("dims!A2", 21.0))
    assert read_world(path).digest() == world.digest()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("absorb!C2", "1 234")], "sheet 'absorb', C2: '1 234' is not a number; write digits without separators"),
        ([("keep!B2", "1,5")], "sheet 'keep', B2: '1,5' is not a number; write decimals with a point"),
        ([("keep!B2", True)], "sheet 'keep', B2: 'TRUE' is not a number"),
        ([("keep!B2", dt.date(2019, 4, 1))], "sheet 'keep', B2: is read as a date, 2019-04-01; make the column Number"),
        ([("keep!A2", dt.date(2019, 4, 1))], "sheet 'keep', A2: is read as a date, 2019-04-01; make the column Text"),
        ([("keep!A2", 2019)], "sheet 'keep', A2: unknown year '2019'"),
        ([("keep!A2", None)], "sheet 'keep', A2: unknown year ''"),
        ([("absorb!A2", None)], "sheet 'absorb', A2: a space is missing"),
        ([("keep!B2", None)], "sheet 'keep', B2: is empty"),
        ([("keep!B2", books.Formula("=1/0", "#DIV/0!"))], "sheet 'keep', B2: is #DIV/0!"),
        ([("keep!A2", books.Formula("=VLOOKUP(1)", "#N/A"))], "sheet 'keep', A2: is #N/A"),
        ([("keep!B2", books.Formula("=4/5"))], "sheet 'keep', B2: is a formula without a stored value; open the workbook"),
        ([("keep!A9", books.Formula("=1/0", "#REF!"))], "sheet 'keep', A9: is #REF!"),
        ([("keep!C1", "value")], "sheet 'keep', C1: 'value' is already the header of B"),
        ([("keep!D2", "see note")], "sheet 'keep', D1: the column has no header, but D2 is filled"),
        ([("keep!A1", None), ("keep!B1", None)], "sheet 'keep', A1: the header must be in row 1; the first filled row is 2"),
        ([("keep!A1", "yaer")], "sheet 'keep', A1: 'yaer' is neither 'value' nor a dim of sheet 'dims'; did you mean 'year'?"),
        ([("keep!B1", "vaule")], "sheet 'keep', B1: 'vaule' is neither 'value' nor a dim of sheet 'dims'; did you mean 'value'?"),
        ([("keep!B1", "vaule")], "sheet 'keep': has no column 'value'; it has year, vaule"),
        ([("dims!A1", "grnat")], "sheet 'budget', A1: 'grant' is neither 'value' nor a dim of sheet 'dims'; did you mean 'grnat'?"),
        ([("data!B1", "units")], "sheet 'data': has no column 'unit'; it has datum, units"),
        ([("data!E1", "sourse")], "sheet 'data', E1: unknown column 'sourse'; did you mean 'source'?"),
        ([("data!I3", "12 000")], "sheet 'data', I3: '12 000' is not a number; write digits without separators"),
        ([("data!J3", dt.date(2019, 4, 1))], "sheet 'data', J3: '2019-04-01' is not a number"),
        ([("dims!D2", dt.date(2011, 12, 1))], "sheet 'dims', D2: is read as a date, 2011-12-01; make the column Text"),
        ([("data!A3", None)], "sheet 'data', A3: the datum has no name"),
        ([("data!J2", books.Formula("=NOW()"))], "sheet 'data', J2: is a formula without a stored value"),
        ([("about!A2", "acknowledgment")], "sheet 'about', A2: unknown item 'acknowledgment'; did you mean 'acknowledgement'?"),
        ([("regions!B3", "North")], "sheet 'regions', row 3: 'North' is taken: row 2 has 'North'; a name must mean one space"),
        ([("keep!XFD1048576", 1)], "sheet 'keep': reaches to column 16,384 and row 1,048,576, and at most 5,000,000 cells"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_told_by_its_cell(
    book: Path, changes: list[tuple[str, object]], words: str
) -> None:
    """Proves: each kind of a spreadsheet's own mistakes gives one clear line with the cell.

    Broken: a wrong number, a traceback, or memory for 17 billion cells.
    """
    found = books.grids(book)
    far = [change for change in changes if "1048576" in change[0]]
    for where, value in (change for change in changes if change not in far):
        books.put(found, where, value)

    def more(made: object) -> None:
        for _ in far:
            made.get_worksheet_by_name("keep").write_number(1_048_575, 16_383, 1)  # type: ignore[attr-defined]

    books.save(book, found, more)
    assert words in words_of(book)


def test_every_problem_of_every_sheet_comes_at_once(book: Path) -> None:
    """Proves: six mistakes in four sheets make one letter. Broken: six runs to mend one file."""
    books.edit(
        book,
        ("absorb!A2", "Norht"),
        ("absorb!C3", -4_500_000),
        ("keep!A3", "2019/20"),
        ("keep!B2", "eighty"),
        ("pace!B2", books.Formula("=1/0", "#DIV/0!")),
        ("data!D4", "guessed"),
    )
    words = words_of(book)
    for piece in (
        "sheet 'absorb', A2: unknown space 'Norht'; did you mean 'North' (N)?",
        "sheet 'absorb', C3: -4500000 is negative; absorb is never negative",
        "sheet 'keep', A3: 2019/20 is already given in A2",
        "sheet 'keep', B2: 'eighty' is not a number",
        "sheet 'pace', B2: is #DIV/0!",
        "sheet 'data', row 4: status 'guessed' is not one of",
    ):
        assert piece in words


def test_a_formula_that_gives_empty_text_is_an_empty_cell(book: Path) -> None:
    """Proves: ="" below a table, as copied formulas leave it, is nothing. Broken: 'a formula without a stored value'."""
    row = b'<row r="9"><c r="A9" t="str"><f>""</f><v></v></c><c r="B9" t="str"><f>""</f><v></v></c></row></sheetData>'
    in_sheet(b"</sheetData>", row)(book)
    assert read_world(book).digest() == small.world().digest()


def test_a_workbook_that_describes_nothing_is_refused(book: Path) -> None:
    """Proves: a header alone is no World, and no number is infinite. Broken: an empty World, or a traceback."""
    found = books.grids(book)
    books.save(book, found | {"data": found["data"][:1]})
    assert "sheet 'data': describes no datum; write a row for each" in words_of(book)
    books.save(book, found)
    part = books.part_of(book, "data")
    books.rezip(book, lambda parts: parts.update({part: parts[part].replace(b"<v>250000000</v>", b"<v>1E999</v>")}))
    assert "sheet 'data', I3: 'inf' is not a number" in words_of(book)


def test_merged_cells_are_told_and_hidden_sheets_are_read(book: Path) -> None:
    """Proves: a merged label is not three blank ones without a word, and hiding a sheet changes nothing."""
    books.edit(book, more=lambda made: made.get_worksheet_by_name("keep").hide())
    assert read_world(book).digest() == small.world().digest()
    books.edit(book, more=lambda made: made.get_worksheet_by_name("absorb").merge_range("A2:A3", "N"))
    assert "sheet 'absorb', A2:A3: is merged; unmerge it and fill every cell" in words_of(book)


@pytest.mark.parametrize("name", ["notes", "Sheet1", "history of the baseline", "2019"])
def test_notes_beside_the_data_are_left_alone(book: Path, name: str) -> None:
    """Proves: a working sheet with anything in it, errors too, changes nothing. Broken: analysts may not think."""
    found = books.grids(book)
    found[name] = [["budget", -1, books.Formula("=1/0", "#DIV/0!")], [], ["", "?"]]
    books.save(book, found)
    assert read_world(book).digest() == small.world().digest()


@pytest.mark.parametrize("name", ["Budget (2)", "budgets", "keep_", "KEEP2", "region", "Dim"])
def test_a_sheet_that_is_almost_one_that_is_read_is_refused(book: Path, name: str) -> None:
    """Proves: a copy or a slip of a described sheet is not passed over. Broken: the figures one edits are not used."""
    found = books.grids(book)
    found[name] = [["x"]]
    books.save(book, found)
    assert f"sheet {name!r}: is not in sheet 'data'; did you mean" in words_of(book)


@pytest.mark.parametrize(("was", "now"), [("keep", "Keep"), ("may_fund", "may fund"), ("budget", "bugdet")])
def test_a_described_sheet_under_another_name_is_offered(book: Path, was: str, now: str) -> None:
    """Proves: case and slips are not guessed away, but the right sheet is named, once."""
    found = books.grids(book)
    books.save(book, {now if name == was else name: rows for name, rows in found.items()})
    words = words_of(book)
    assert f"there is no sheet {was!r}; did you mean {now!r}?" in words
    assert words.startswith("BOOK: 1 problem\n")


def test_a_datum_may_stand_in_a_sheet_of_another_name(tmp_path: Path) -> None:
    """Proves: a name that no sheet can have, or that another sheet has, is written and found again."""
    frame = pd.DataFrame({"value": [1.0]})
    names = ["data", "Dims", "a/b", "x" * 40, "x" * 41, "History"]
    world = World.build("w", [Datum(name, frame, "1", "assumed", "", "") for name in names], {})
    world.write(tmp_path / "w.xlsx")
    assert read_world(tmp_path / "w.xlsx").digest() == world.digest()


def junk(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def zipped(name: str, content: bytes = b"x") -> Callable[[Path], object]:
    def do(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, content)

    return do


def parts(change: Callable[[dict[str, bytes]], object]) -> Callable[[Path], object]:
    return lambda path: books.rezip(path, change)


def in_sheet(old: bytes, new: bytes) -> Callable[[Path], object]:
    """Replace bytes in the sheet ``keep``."""

    def do(path: Path) -> None:
        name = books.part_of(path, "keep")
        with zipfile.ZipFile(path) as archive:
            assert old in archive.read(name)
        books.rezip(path, lambda found: found.update({name: found[name].replace(old, new, 1)}))

    return do


def doubled(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("xl/workbook.xml", b"")


def locked(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        raw[archive.start_dir + 8] |= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (junk(b"space,value\nN,1\n"), "is not an .xlsx workbook; open it in a spreadsheet and save it as .xlsx"),
        (junk(b""), "is not an .xlsx workbook"),
        (junk(b"PK\x03\x04 and nothing else"), "is not an .xlsx workbook"),
        (junk(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)), "is a workbook of Excel 97 to 2003; save it as .xlsx"),
        (junk(bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le")), "is locked with a password"),
        (zipped("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), "is an OpenDocument file; save it as"),
        (zipped("notes.txt"), "is a zip file, but not an .xlsx workbook"),
        (zipped("[Content_Types].xml"), "is a zip file, but not an .xlsx workbook"),
        (locked, "is locked with a password; save it without one"),
        (doubled, "has two parts of one name"),
        (lambda path: books.declare(path, 2**32 - 2), "unpacks to more than 500,000,000 bytes"),
        (parts(lambda found: found.update({"xl/media/a.bin": bytes(20_000_000)})), "unpacks to more than 100 times its size"),
        (lambda path: books.declare(path, 100), "is damaged"),
        (parts(lambda found: found.update({f"x/{n}": b"" for n in range(10_001)})), "has more than 10,000 parts"),
        (lambda path: path.write_bytes(b"PK\x01\x02" * 20_001 + path.read_bytes()), "has more than 10,000 parts"),
        (parts(lambda found: found.update({"xl/workbook.xml": found["xl/workbook.xml"][:-40]})), "is damaged"),
        (parts(lambda found: found.update({"xl/workbook.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'})), "is not the plain XML of a spreadsheet"),
        (parts(lambda found: found.update({"xl/workbook.xml": b'<?xml version="1.0" encoding="U"?><a/>'})), "is not the plain XML of a spreadsheet"),
        (parts(lambda found: found.update({"xl/workbook.xml": found["xl/workbook.xml"].replace(b'"pace"', b'"keep"')})), "has two sheets called 'keep'"),
        (in_sheet(b"<worksheet", "<worksheet".encode("utf-16")), "is not the plain XML of a spreadsheet"),
        (in_sheet(b'r="A2"', b'r="A$2"'), "sheet 'keep': has cells without a plain reference"),
        (in_sheet(b'r="A2"', b'r="$XFD$1048576"'), "has cells without a plain reference"),
        (in_sheet(b'r="A2"', b'x=">" r="ZZZZZZZZZZZ9"'), "has cells without a plain reference"),
        (in_sheet(b'r="A2"', b'r="A2" r="A99999999999"'), "has cells without a plain reference"),
        (in_sheet(b'<c r="A2"', b'<x-y:c r="ZZZ9999999"/><c r="A2"'), "has cells without a plain reference"),
        (in_sheet(b'<c r="A2"', b'<a:b:c r="ZZZ9999999"/><c r="A2"'), "has cells without a plain reference"),
        (in_sheet(b' r="A2"', b""), "has cells without a plain reference"),
        (in_sheet(b'r="A2"', b'r="ZZZ9999999"'), "reaches to column 18,278 and row 9,999,999"),
        (in_sheet(b't="s"', b't="zz"'), "sheet 'keep': cannot be read: "),
        (in_sheet(b"<v>0.8</v>", b"<v>NaN</v>"), "sheet 'keep', B2: "),
        (in_sheet(b"<v>0.8</v>", b"<v>1E999</v>"), "sheet 'keep', B2: inf is not finite"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_plain_workbook_is_refused_in_words(
    book: Path, breaks: Callable[[Path], object], words: str
) -> None:
    """Proves: other kinds of files, locked ones, bombs and forged parts are answered in words, fast.

    Broken: a traceback, a crash of the process, or gigabytes of memory.
    """
    breaks(book)
    assert words in words_of(book)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(file=5_000), "has more than 5,000 bytes"),
        (Limits(parts=5), "has more than 5 parts"),
        (Limits(unpacked=5_000), "unpacks to more than 5,000 bytes"),
        (Limits(ratio=1, small=0), "unpacks to more than 1 times its size"),
        (Limits(sheets=5), "has more than 5 sheets"),
        (Limits(cells=5), "sheet 'keep': reaches to column 2 and row 3, and at most 5 cells are read"),
        (Limits(all_cells=5), "has more than 5 cells in all"),
        (Limits(text=5), "sheet 'keep': holds more than 5 bytes of text"),
    ],
)
def test_every_limit_holds(book: Path, limits: Limits, words: str) -> None:
    """Proves: each limit is looked at by itself. Broken: a limit that is only written down."""
    with pytest.raises(InputError, match=re.escape(words)):
        Sheets(book, limits).tables(["keep"], [])


def test_one_long_text_in_many_cells_is_counted_as_often(tmp_path: Path) -> None:
    """Proves: 30 kB of text that 20,000 cells share is 600 MB to a reader, and refused; a few cells are read.

    Broken: a file of 100 kB fills the memory.
    """
    for many, refused in ((20_000, True), (20, False)):
        path = tmp_path / f"{many}.xlsx"
        with Book(path) as file:
            rows = [("short",)] * (20_000 - many) + [("x" * 30_000,)] * many
            file.add("notes", [Column("note")], rows)
        if refused:
            with pytest.raises(InputError, match="sheet 'notes': holds more than 500,000,000 bytes of text"):
                Sheets(path).tables(["notes"], [])
        else:
            assert len(Sheets(path).tables(["notes"], [])["notes"].frame) == 20_000


def test_a_workbook_cannot_name_other_files(book: Path, tmp_path: Path) -> None:
    """Proves: a link that leads out of the file, up or elsewhere, is no sheet. Broken: a file of the reader is read."""
    outside = tmp_path / "secret.xml"
    outside.write_text("<worksheet/>")
    links, number = "xl/_rels/workbook.xml.rels", books.part_of(book, "keep").removeprefix("xl/").encode()
    for target in (b"../../secret.xml", str(outside).encode(), b"file:///etc/passwd"):
        path = tmp_path / "linked.xlsx"
        path.write_bytes(book.read_bytes())
        books.rezip(path, lambda found, to=target: found.update({links: found[links].replace(number, to)}))
        assert "there is no sheet 'keep'" in words_of(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_sheet_never_does_more_than_refuse(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Proves: whatever bytes stand in a sheet, the answer is a World or words. Broken: a crash, a hang, a traceback."""
    path = tmp_path_factory.mktemp("fuzz") / "figures.xlsx"
    frame = pd.DataFrame({"kind": ["a", "b"], "value": [1.0, 2.0]})
    World.build("w", [Datum("keep", frame, "1", "assumed", "", "")], {"kind": ["a", "b"]}).write(path)
    part = data.draw(
        st.sampled_from([books.part_of(path, "keep"), "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"])
    )

    def damage(found: dict[str, bytes]) -> None:
        raw = found[part]
        start = data.draw(st.integers(0, len(raw)))
        end = min(len(raw), start + data.draw(st.integers(0, 12)))
        piece = data.draw(
            st.sampled_from(
                [b"", b"9", b"<c/>", b'"', b"&#0;", b"-1", b"r=", b"99999999999", b"</row>", b"\xff", b"<v>"]
            )
        )
        found[part] = raw[:start] + piece + raw[end:]

    books.rezip(path, damage)
    try:
        read_world(path)
    except InputError as error:
        assert error.problems


def test_what_no_sheet_can_hold_is_said_before_it_is_written(tmp_path: Path) -> None:
    """Proves: a text longer than a cell and a table longer than a sheet are refused. Broken: both are cut in silence."""
    frame = pd.DataFrame({"value": [1.0]})
    world = World.build("w", [Datum("a", frame, "1", "assumed", "x" * 32_768, "")], {})
    with pytest.raises(InputError, match="a: its source has more than 32,767 characters, which no cell holds"):
        world.write(tmp_path / "w.xlsx")
    many = [str(n) for n in range(1_048_576)]
    array = xr.DataArray(np.ones(len(many)), {"ward": many}, ["ward"], attrs={"unit": "1"})
    long = World("w", xr.Dataset({"a": array}))
    with pytest.raises(InputError, match="a: has 1,048,576 rows, and a sheet 1,048,575; write a folder"):
        long.write(tmp_path / "w.xlsx")
    assert list(tmp_path.iterdir()) == []
