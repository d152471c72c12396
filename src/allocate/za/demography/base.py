"""Who lives where at the start: published margins of sexes and of ages, with a model's detail between them."""

from __future__ import annotations

import numpy as np

from allocate.za.demography.labels import AGES, Floats, province_of, rows_of, wide
from allocate.za.demography.lifetables import table_of
from allocate.za.folder import SEXES, spaces
from allocate.za.margins import fit_margins
from allocate.za.people import COLUMNS


def sexes(as_of: int) -> Floats:
    """Women and men of every space on 2016 boundaries, (space, sex). Unit: person.

    Source: Census 2011 or Community Survey 2016, Statistics South Africa.

    >>> int(sexes(2016).sum())
    55653657
    """
    rows = rows_of("population", year=as_of, boundary=2016)
    return wide(rows, tuple(COLUMNS[sex] for sex in SEXES), space=spaces())


def ages(as_of: int) -> Floats:
    """People of every space by age, on 2016 boundaries, (space, age); ages add up to the two sexes. Unit: person.

    The publisher rounds cells at random, so ages and sexes of a space differ by a few persons: ages are scaled to the
    sexes. Ages of 2011 were read on 2011 boundaries and are carried over by :func:`carried`.

    >>> int(ages(2011).sum())
    51770565
    """
    rows = wide(rows_of("population_age", year=as_of), AGES, space=spaces())
    people = sexes(as_of).sum(axis=1)
    return carried(rows, people, province_of()) if as_of == 2011 else rows * (people / rows.sum(axis=1))[:, None]


def carried(rows: Floats, people: Floats, province: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Floats:
    """Ages of spaces on old boundaries, (space, age), carried to new ones on which only their ``people`` are known.

    No province moved, so the ages of a province are counted on either boundary. In each province the old table is
    fitted to its new people by space and its own ages (iterative proportional fitting): a space that gained land keeps
    its age pattern, but for what the province as a whole allows.

    >>> old = np.array([[6.0, 4.0], [3.0, 7.0]])
    >>> carried(old, np.array([12.0, 8.0]), np.array([0, 0])).round(2)
    array([[6.82, 5.18],
           [2.18, 5.82]])
    """
    found = np.zeros_like(rows)
    for place in np.unique(province):
        inside = province == place
        columns = rows[inside].sum(axis=0)
        total = people[inside].sum()
        found[inside] = fit_margins(rows[inside], people[inside], columns * (total / columns.sum()))
    return found * (people / found.sum(axis=1))[:, None]


def seed(as_of: int, mortality: Floats) -> Floats:
    """People by space, sex and age of the mid-year estimates 2021 about the year, (space, sex, age): a model.

    Their last age is 80 and over; it is parted at 85 by the years that people live there by ``mortality``, national
    death rates by sex and age of life. The seed gives only its odds ratios: how the sexes differ from age to age.

    >>> seed(2016, np.full((2, 19), 0.02)).shape
    (52, 2, 18)
    """
    rows = rows_of("population_modelled", year=as_of)
    known = wide(rows, (*AGES[:16], "80+"), space=spaces(), sex=tuple(COLUMNS[sex] for sex in SEXES))
    last = np.array([table_of(rates, sex).lived[-2:] for sex, rates in zip(SEXES, mortality, strict=True)])
    oldest = known[..., -1:] * (last / last.sum(axis=1, keepdims=True))
    return np.concatenate([known[..., :-1], oldest], axis=-1)


def rake(start: Floats, women_and_men: Floats, by_age: Floats) -> Floats:
    """Fit a seed, (space, sex, age), to the sexes (space, sex) and the ages (space, age) of every space.

    Iterative proportional fitting, space by space: of all tables with these margins, the one nearest to the seed in
    relative entropy. Source: Deming and Stephan (1940), Annals of Mathematical Statistics 11(4).

    >>> rake(np.ones((1, 2, 2)), np.array([[6.0, 4.0]]), np.array([[5.0, 5.0]]))[0]
    array([[3., 3.],
           [2., 2.]])
    """
    tables = [fit_margins(*parts) for parts in zip(start, women_and_men, by_age, strict=True)]
    return np.stack(tables)


def people(as_of: int, mortality: Floats) -> Floats:
    """Who lives where when the projection starts, (space, sex, age), on 2016 boundaries. Unit: person.

    ``mortality`` is what :func:`seed` takes.

    >>> int(people(2016, np.full((2, 19), 0.02)).sum().round())
    55653657
    """
    return rake(seed(as_of, mortality), sexes(as_of), ages(as_of))
