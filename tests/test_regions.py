"""Regions: a written name means one region or is refused; the 52 spaces and their tile map are as stated."""

from __future__ import annotations

import csv
import pickle
import string
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allocate.regions
from allocate.errors import InputError
from allocate.regions import Registry, fold

FACTS = Path(allocate.regions.__file__).parent / "za" / "facts"
SPACES = Registry.read(FACTS / "spaces.csv")
SPELLINGS = [
    (code, spelling)
    for code, others in SPACES.column("other_names").items()
    for spelling in (SPACES.names[code], *others.split("; "))
    if spelling
]

# As the district model document of 2019 lists them, in its order, slips of the pen and all.
DOCUMENT_2019 = """West Coast; Cape Winelands; Overberg; Eden; Central Karoo; Namakwa; Pixley ka Seme; Siyanda;
Frances Baard; Cacadu; Amathole; Chris Hani; Joe Gqabi; OR Tambo; Xhariep; Lejweleputswa; Thabo Mofutsanyana;
Fezile Dabi; Ugu; uMgungundlovu; uThukela; uMzinyathi; Amajuba; Zululand; uMkhanyakude; uThungulu; iLembe;
Gert Sibande; Nkangala; Ehlanzeni; Mopani; Vhembe; Capricorn; Waterberg; Bojanala Platinum; Ngaka Modiri Molema;
Dr Ruth Segomotsi Mompati; Dr Kenneth Kaunda; Sedibeng; Sisonke; Alfred Nzo; ohni Taolo Gaetsewe; Sekhukhune;
West Rand; Buffalo City; City of Cape Town; Ekurhuleni; eThekweni; City of Johannesburg; Mangaung;
Nelson Mandela Bay; City of Tshwane"""


def small(*rows: tuple[str, ...], header: str = "code,name,other_names", **options: str) -> Registry:
    return Registry(tuple(header.split(",")), rows, **options)


def refusal(*rows: tuple[str, ...], header: str = "code,name,other_names") -> str:
    with pytest.raises(InputError) as caught:
        small(*rows, header=header)
    return str(caught.value)


def test_the_registry_is_the_52_spaces_in_the_documents_order():
    """Proves: 44 districts and 8 metros, each with a province, in the order of the 2019 document.

    If a row were lost or moved, every table would be matched to the wrong places.
    """
    kinds = list(SPACES.column("kind").values())
    assert (len(SPACES.codes), kinds.count("district"), kinds.count("metro")) == (52, 44, 8)
    assert [int(number) for number in SPACES.column("seed_number").values()] == list(range(1, 53))
    assert set(SPACES.column("parent").values()) == set(Registry.read(FACTS / "provinces.csv").codes)


def test_every_name_of_the_2019_document_resolves():
    """Proves: the document's 52 names, typos included, give the 52 codes in order, with no help from the CSV.

    If one were missing, the published tables could not be read in.
    """
    names = [name.strip() for name in DOCUMENT_2019.replace("\n", " ").split(";")]
    assert SPACES.resolve_all(names) == list(SPACES.codes)


@pytest.mark.parametrize(
    ("text", "code"),
    {
        "Boland": "DC2", "Eden": "DC4", "Karoo": "DC7", "Siyanda": "DC8", "Cacadu": "DC10",
        "Western District": "DC10", "Amatola": "DC12", "Ukhahlamba": "DC14", "Northern Free State": "DC20",
        "uThungulu": "DC28", "King Shaka": "DC29", "Eastvaal": "DC30", "Bojanala": "DC37", "Central": "DC38",
        "Bophirima": "DC39", "Southern": "DC40", "Sisonke": "DC43", "Kgalagadi": "DC45",
        "Greater Sekhukhune": "DC47", "Ekurhuleni": "EKU",
    }.items(),
)  # fmt: skip
def test_former_names_resolve(text, code):
    """Proves: each former name leads to today's district; if not, older tables could not be joined to newer."""
    assert SPACES.resolve(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    {
        "Central Karoo": "DC5", "Central District Municipality": "DC38", "KAROO district": "DC7",
        "Buffalo City Metropolitan Municipality": "BUF", "Johannesburg": "JHB", "johannesburg metro": "JHB",
        "City of Johannesburg Metropolitan Municipality": "JHB", "CityofJohannesburg": "JHB", "jhb": "JHB",
        "dc21": "DC21", " DC 21 ": "DC21", "dc-21": "DC21", "O.R. Tambo": "DC15", "Pixley-Ka-Seme": "DC7",
        "Ugu\n": "DC21", "ｕＭｚｉｎｙａｔｈｉ": "DC24", "u'Mzinyáthi": "DC24", "Ugu\u00a0District": "DC21",
    }.items(),
)  # fmt: skip
def test_traps_resolve_to_the_right_space(text, code):
    """Proves: names that contain one another, and untidy typing, go to the region meant.

    If words were dropped too freely, "Central Karoo" would become "Central" or "Karoo", and "Buffalo City" no city.
    """
    assert SPACES.resolve(text) == code


@pytest.mark.parametrize(
    "text", ["Buffalo", "City", "Central Kar", "Northern", "Free State", "DC11", "DC", "Cape", "District", "City of"]
)
def test_part_of_a_name_is_not_a_name(text):
    """Proves: part of a name, a droppable word alone and a code that does not exist are refused.

    If resolving went by prefix, "Cape" would quietly become one of two places.
    """
    assert SPACES.find(text) is None


def test_a_local_municipality_is_not_its_district():
    """Proves: "Local Municipality" is not dropped; if it were, a part would be counted as the whole."""
    assert SPACES.find("uMzinyathi Local Municipality") is None


SEPARATORS = st.sampled_from(["", "", "", " ", "-", "  ", "'", "’", ".", "\u00ad", "\u0301", "_", "\t"])


@st.composite
def untidy(draw):
    """A spelling of a space in any case, with anything that does not count between its letters."""
    code, spelling = draw(st.sampled_from([*SPELLINGS, *zip(SPACES.codes, SPACES.codes, strict=True)]))
    letters = [draw(st.sampled_from([c.lower(), c.upper()])) + draw(SEPARATORS) for c in spelling]
    tail = draw(st.sampled_from(["", " District", " district municipality", " METRO", " Metropolitan Municipality\n"]))
    return code, "".join(letters) + tail


@given(untidy())
@settings(deadline=None)
def test_untidy_typing_resolves_to_the_same_space(case):
    """Proves: case, spaces, hyphens, accents and droppable words do not matter, and resolving twice is once.

    If folding missed one, a name typed by another hand would be refused.
    """
    code, text = case
    assert SPACES.resolve(text) == code == SPACES.resolve(SPACES.resolve(text))


def test_one_wrong_letter_never_means_another_space():
    """Proves, by trying all: a letter changed, lost or added gives the same space or none.

    If two names were one letter apart, a slip would move money to another district without a word. (The digits of
    codes are left alone: DC1 and DC2 are both right.)
    """
    wrong = []
    for code, spelling in [*SPELLINGS, *zip(SPACES.codes, SPACES.codes, strict=True)]:
        for at in range(len(spelling) + 1):
            before, after = spelling[:at], spelling[at:]
            rests = {after} if after[:1].isdigit() else {after, after[1:]}
            slips = {before + letter + rest for letter in ("", *string.ascii_lowercase) for rest in rests}
            wrong += [(spelling, slip) for slip in slips if SPACES.find(slip) not in (code, None)]
    assert wrong == []


HOSTILE = st.one_of(
    st.text(), st.text(alphabet="district metro"), st.none(), st.integers(), st.floats(), st.lists(st.text()),
    st.binary(), st.sampled_from([pd.NA, pd.NaT, np.float64("nan"), np.int64(21), np.zeros((50, 50))]),
)  # fmt: skip


@given(HOSTILE)
@settings(deadline=None)
def test_whatever_is_asked_gets_a_code_or_short_words(thing):
    """Proves: nothing but an InputError comes out, on one line and short enough to read.

    If a type were forgotten, an analyst with a blank cell would meet a TypeError from deep inside.
    """
    if SPACES.find(thing) is None:
        words = SPACES.unknown(thing)
        assert len(words) < 400 and len(words.splitlines()) == 1
        with pytest.raises(InputError):
            SPACES.resolve(thing)


def test_a_very_long_text_is_refused_fast_and_shortened():
    """Proves: ten million letters cost no more than a glance and are not printed back."""
    start = time.perf_counter()
    words = SPACES.unknown("x" * 10_000_000) if SPACES.find("x" * 10_000_000) is None else ""
    assert time.perf_counter() - start < 2
    assert words == f"unknown space '{'x' * 57}...'"
    assert SPACES.unknown(10**5000) == SPACES.unknown(10**12)  # Python refuses to print the first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ugoo", "unknown space 'Ugoo'; did you mean 'Ugu' (DC21)?"),
        ("Central Karo", "unknown space 'Central Karo'; did you mean 'Central Karoo' (DC5)?"),
        ("Ugu\nEden", "unknown space 'Ugu\\nEden'; did you mean 'Eden' (DC4)?"),
        ("JBH", "unknown space 'JBH'; did you mean 'JHB' (JHB)?"),
        ("DC11", "unknown space 'DC11'"),
        ("zebra", "unknown space 'zebra'"),
        ("", "a space is missing"),
        (" \n", "a space is missing"),
        (None, "a space is missing"),
        (float("nan"), "a space is missing"),
        (pd.NA, "a space is missing"),
        (21, "21 is not text; a space is written as its code or its name"),
        (10**12, "a huge number is not text; a space is written as its code or its name"),
    ],
)
def test_the_words_for_what_is_unknown(text, words):
    """Proves: the exact words, with a suggestion only where one is likely.

    DC11 gets none: every code with a digit has neighbours, and naming one would be a guess.
    """
    assert SPACES.unknown(text) == words


def test_all_unknown_names_come_in_one_letter():
    """Proves: one error lists each unknown with its place; if it stopped at the first, ten slips took ten runs."""
    with pytest.raises(InputError) as caught:
        SPACES.resolve_all(["Ugoo", "Ugu", None, "Edne"], source="grants.xlsx", places=["B2", "B3", "B4", "B5"])
    assert str(caught.value) == (
        "grants.xlsx: 3 problems\n"
        "  B2: unknown space 'Ugoo'; did you mean 'Ugu' (DC21)?\n"
        "  B4: a space is missing\n"
        "  B5: unknown space 'Edne'; did you mean 'Eden' (DC4)?"
    )


def test_one_text_is_one_name():
    """Proves: a lone text is not taken letter by letter; if it were, "NS" would be two regions, N and S."""
    assert small(("N", "North", ""), ("S", "South", "")).resolve_all("south") == ["S"]


def test_a_bad_table_is_told_everything_at_once():
    """Proves: every fault of a registry is in one letter, in the words a mender needs.

    If one were let through, two regions would share a name or a tile and the later would hide the earlier.
    """
    rows = (
        ("A", "Alpha", "First; Old", "0", "0"),
        ("A", "Beta", "", "0", "1"),
        ("C", "alpha district", "", "0", "0"),
        ("D", "", "--", "1.5", ""),
        ("", "E" * 201, "", "2", "2"),
    )
    assert refusal(*rows, header="code,name,other_names,tile_row,tile_col") == (
        "regions: 9 problems\n"
        "  row 6: the code is missing\n"
        "  row 5: the name is missing\n"
        f"  row 6: '{'E' * 57}...' is longer than 200 characters\n"
        "  row 5: '--' has no letter or digit\n"
        "  row 3: 'A' is taken: row 2 has 'A'; a name must mean one space\n"
        "  row 4: 'alpha district' is taken: row 2 has 'Alpha'; a name must mean one space\n"
        "  row 4: tile (0, 0) is taken by row 2\n"
        "  row 5: tile_row '1.5' is not a whole number (0, 1, 2, ...)\n"
        "  row 5: tile_col '' is not a whole number (0, 1, 2, ...)"
    )


def test_a_misshapen_table_is_told_everything_at_once():
    """Proves: header and row lengths are checked first, because nothing else can be trusted without them."""
    assert refusal(("A",), header="code,nmae,nmae,tile_row") == (
        "regions: 4 problems\n"
        "  row 1: column 'name' is missing; found 'code', 'nmae', 'nmae', 'tile_row'\n"
        "  row 1: column 'nmae' is there more than once\n"
        "  row 1: 'tile_row' and 'tile_col' belong together; one of them is missing\n"
        "  row 2: has 1 cells; the header has 4"
    )


def test_a_name_shared_as_a_former_name_is_refused():
    """Proves: a former name may not be another's name; if it might, the order of rows would decide who is paid."""
    assert "'Karoo' is taken: row 2 has 'Karoo'" in refusal(("A", "Karoo", ""), ("B", "Beta", "Karoo"))


def test_what_may_be_dropped_belongs_to_the_registry():
    """Proves: another country's droppable words need no code; "City of London" is not "London" where that matters."""
    towns = Registry(
        ("code", "name"), (("L", "London"), ("C", "City of London"), ("K", "Kent County")), drop=("county",)
    )
    assert towns.resolve_all(["london", "city of london", "kent"]) == ["L", "C", "K"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "column 'code' is missing; found nothing"),
        (b"code;name\nA;Alpha\n", "column 'code' is missing; found 'code;name'"),
        (b"code,name\n", "lists no province"),
        (b"code,name\nA,Caf\xe9\n", "is not UTF-8 text; save it as CSV UTF-8"),
        (b'code,name\nA,"Al"pha\n', "is not a CSV file"),
        (b"code,name\nA,Alpha\n\nB,Beta\n", "row 3: has 0 cells; the header has 2"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_bad_file_says_what_is_wrong_with_it(tmp_path, content, words):
    """Proves: a file that is no registry gives an InputError that names it, never a traceback from csv."""
    path = tmp_path / "provinces.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        Registry.read(path, noun="province")
    assert str(path) in str(caught.value) and words in str(caught.value)


def test_frame_file_and_copy_agree(tmp_path):
    """Proves: a registry is the same from a frame, from a file (with Excel's byte-order mark) and through a pickle.

    If pandas turned 3 into 3.0 beside a gap, tiles read from a frame would be refused.
    """
    path = tmp_path / "regions.csv"
    SPACES.write(path)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    again = Registry.read(path)
    framed = Registry.of(pd.read_csv(FACTS / "spaces.csv").astype({"tile_row": float}))
    assert again.rows == pickle.loads(pickle.dumps(SPACES)).rows == SPACES.rows
    assert framed.tiles == SPACES.tiles and framed.column("other_names") == SPACES.column("other_names")


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    """Proves: a misspelt column is refused with a suggestion."""
    with pytest.raises(InputError, match="no column 'area_km'; did you mean 'area_km2'"):
        SPACES.column("area_km")


def test_the_import_is_cheap():
    """Proves: importing the module loads neither pandas nor numpy; if it did, every command would start slowly."""
    code = "import sys, allocate.regions; sys.exit(any(m in sys.modules for m in ('pandas', 'numpy', 'xarray')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.text(max_size=50))
@settings(deadline=None)
def test_folding_twice_is_folding_once(text):
    """Proves: a folded name is its own fold; if not, a name and its copy would have two keys."""
    assert fold(fold(text)) == fold(text)


def _king(a: str, b: str) -> int:
    return max(abs(x - y) for x, y in zip(SPACES.tiles[a], SPACES.tiles[b], strict=True))


def _pairs() -> list[tuple[str, str]]:
    with (FACTS / "neighbours.csv").open(encoding="utf-8", newline="") as file:
        return [(row["space_a"], row["space_b"]) for row in csv.DictReader(file)]


def test_neighbours_stay_near_on_the_tile_map():
    """Proves: each space has a tile of its own, 105 of the 119 neighbour pairs touch, the rest are two moves apart.

    If a tile were mistyped, a space would stand alone, far from its neighbours.
    """
    assert len(set(SPACES.tiles.values())) == 52
    moves = [_king(a, b) for a, b in _pairs()]
    assert (len(moves), moves.count(1), max(moves)) == (119, 105, 2)


def test_provinces_hold_together_on_the_tile_map():
    """Proves: one can walk, a king's move at a time, through each province without leaving it."""
    parents = SPACES.column("parent")
    for province in set(parents.values()):
        first, *rest = (code for code, parent in parents.items() if parent == province)
        reached, left = {first}, set(rest)
        while near := {code for code in left if any(_king(code, other) == 1 for other in reached)}:
            reached, left = reached | near, left - near
        assert left == set(), province


def test_the_tile_map_reads_as_south_africa():
    """Proves: Limpopo on top, the Western Cape bottom left, KwaZulu-Natal right, Gauteng compact, Lesotho a gap.

    If rows were counted from the bottom or columns swapped, the map would be upside down or on its side.
    """
    tiles, parents = SPACES.tiles, SPACES.column("parent")
    of = {p: np.array([tiles[c] for c in tiles if parents[c] == p]) for p in set(parents.values())}
    middle = {p: cells.mean(axis=0) for p, cells in of.items()}
    assert min(middle, key=lambda p: middle[p][0]) == "LIM"
    assert max(middle, key=lambda p: middle[p][0] - middle[p][1]) == "WC"
    assert max(middle, key=lambda p: middle[p][1]) == "KZN"
    assert np.ptp(of["GT"], axis=0).tolist() == [2, 1]
    assert not {(5, 5), (5, 6)} & set(tiles.values())
