"""A projection as a workbook: the tables of its page with their numbers as numbers, every year and space of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from allocate.names import SPACE
from allocate.people.declared import inputs
from allocate.people.flows import flows
from allocate.people.outlook import Outlook
from allocate.people.tables import adequacy_table, differences_table, people_table
from allocate.prospects import prospects
from allocate.report.html import datum, versions
from allocate.sheets.writing import MOST_ROWS, Book, Column


def people_book(outlook: Outlook, path: Path) -> None:
    """Write the workbook of a projection; a table longer than a sheet is in its CSV file alone.

    >>> import tempfile
    >>> from allocate.people.outlook import outlook
    >>> from allocate.sheets.reading import Sheets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     people_book(outlook("za2016_people", years=2021, draws=64), Path(folder) / "projection.xlsx")
    ...     Sheets(Path(folder) / "projection.xlsx").names
    ('summary', 'people', 'adequacy', 'first shortfall', 'moves', 'changes', 'sources', 'versions')
    """
    with Book(path) as file:
        file.add("summary", [Column("what"), Column("words", "text")], _summary(outlook))
        _table(file, "people", people_table(outlook))
        _table(file, "adequacy", adequacy_table(outlook), "number")
        _first(outlook, file)
        if outlook.other is not None:
            _table(file, "differences", differences_table(outlook), "number")
        _moves(outlook, file)
        said = outlook.ready.case.said or ("Nothing: the figures as they stand.",)
        file.add("changes", [Column("change", "text")], [(words,) for words in said])
        _sources(outlook, file)
        file.add("versions", [Column("package"), Column("version")], versions())


def _summary(outlook: Outlook) -> Iterator[tuple[str, str]]:
    yield "projection", outlook.name
    for scenario in outlook.scenarios:
        yield "why", scenario.why
    for sentence in prospects(outlook):
        yield "read with care" if sentence.warning else "finding", sentence.words
    if words := str(outlook.world.data.attrs.get("acknowledgement", "")):
        yield "acknowledgement", words


def _table(file: Book, name: str, frame: pd.DataFrame, shown: str = "money") -> None:
    """A table as it stands; years as plain numbers, so that nobody reads 2,036."""
    if len(frame) >= MOST_ROWS:
        words = f"The table has {len(frame):,} rows, more than a sheet holds: it is in {name}.csv."
        file.add(name, [Column("note")], [(words,)])
        return
    plain = (*frame.select_dtypes(exclude="number").columns, "year")
    columns = [Column(str(column), "" if column in plain else shown) for column in frame.columns]
    file.add(name, columns, frame.itertuples(index=False, name=None))


def _first(outlook: Outlook, file: Book) -> None:
    """A row a space, a column a service: the first year asked for by which it is likely short, if any."""
    services = outlook.world.labels("service")
    years = outlook.found["first_short"].transpose(SPACE, "service").values.tolist()
    rows: list[tuple[Any, ...]] = [
        (space, outlook.world.title(SPACE, space), *cells)
        for space, cells in zip(outlook.world.labels(SPACE), years, strict=True)
    ]
    file.add("first shortfall", [Column(SPACE), Column("name"), *map(Column, services)], rows)


def _moves(outlook: Outlook, file: Book) -> None:
    rows = [
        (space, outlook.world.title(SPACE, space), destination, outlook.world.title(SPACE, destination), people)
        for space, destination, people in flows(outlook.world).values.tolist()
    ]
    heads = (SPACE, "name", "destination", "name of destination")
    file.add("moves", [*map(Column, heads), Column("people a year at the start", "money")], rows)


def _sources(outlook: Outlook, file: Book) -> None:
    """The data that go in, most certain first."""
    keys = ("name", "unit", "status", "over", "source", "period", "why", "notes")
    wide = ("source", "why", "notes")
    rows = [
        [{**datum(inputs(), outlook.world, name), "status": status}[key] for key in keys]
        for status, names in outlook.rests_on.items()
        for name in names
    ]
    file.add("sources", [Column(key, "text" if key in wide else "") for key in keys], rows)
