"""Who heads a household: rates by sex and age of head that give back the households counted."""

from __future__ import annotations

import numpy as np

from allocate.za.demography.labels import AGES, Floats, by_province, province_of, provinces, rows_of, wide
from allocate.za.folder import HEADS, spaces, table

GROUPS = ("10-14", "15-19", *(f"{low}-{low + 9}" for low in range(20, 80, 10)), "80+")
MIDDLES = np.array([12.5, 17.5, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 85.0])
OF_GROUP = np.array([-1, -1, 0, 1, *(2 + (low - 20) // 10 for low in range(20, 80, 5)), 8, 8])
"""The group of heads that each age of people is in; nobody under 10 heads a household."""
READ = (GROUPS[0], "15-17", "18-19", *GROUPS[2:])


def _grouped(rows: Floats) -> Floats:
    """Ages of heads as they are published to groups that people are in: 15 to 17 and 18 to 19 are one."""
    return np.concatenate([rows[..., :1], rows[..., 1:3].sum(axis=-1, keepdims=True), rows[..., 3:]], axis=-1)


def rates(households: Floats, people: Floats) -> Floats:
    """Households for a person of each sex and age, from households by age group of head.

    Shapes: households (place, head, group), people (place, sex, age), result (place, head, age); heads and sexes go
    together in their order. A group's rate is laid through the middles of the groups in straight lines, to tell 20-24
    from 25-29, and then scaled so that people x rate gives the group's households back. Unit: household/person.

    >>> found = rates(np.full((1, 2, 9), 10.0), np.full((1, 2, 18), 20.0))
    >>> found[0, 0, 4:6].round(3).tolist()
    [0.286, 0.214]
    """
    member = np.eye(len(GROUPS))[:, OF_GROUP] * (OF_GROUP >= 0)
    mean = households / (people @ member.T)
    middle = np.arange(len(AGES)) * 5 + 2.5
    smooth = np.apply_along_axis(lambda rate: np.interp(middle, MIDDLES, rate), -1, mean) * (OF_GROUP >= 0)
    given = (people * smooth) @ member.T
    scale = np.divide(households, given, out=np.zeros_like(given), where=given > 0)
    return np.asarray(smooth * (scale @ member))


def homes(as_of: int) -> Floats:
    """Households by sex of head, (space, head), on 2016 boundaries. Unit: household.

    Those of 2011 were read on 2011 boundaries: they move with the people of their space, and each province keeps what
    was counted in it. Source: Census 2011 or Community Survey 2016, Statistics South Africa.

    >>> int(homes(2016).sum())
    16923304
    """
    rows = rows_of("households_by_head", year=as_of)
    counted = wide(rows, tuple(f"{head}_headed" for head in HEADS), space=spaces())
    if as_of != 2011:
        return counted
    people = [_people_of_2011(boundary) for boundary in (2011, 2016)]
    carried = counted * (people[1] / people[0])[:, None]
    return np.asarray(carried * (by_province(counted) / by_province(carried))[province_of()])


def _people_of_2011(boundary: int) -> Floats:
    rows = rows_of("population", year=2011, boundary=boundary)
    return wide(rows, ("female", "male"), space=spaces()).sum(axis=1)


def head_rate(as_of: int, people: Floats) -> Floats:
    """Households headed by a woman (man) for each woman (man) of an age, (space, head, age). Unit: household/person.

    As of 2016 from the heads of every space by age. As of 2011 these could be read by province alone: a province's
    rates by age are scaled, space by space and sex by sex, to its households. Either way people x rate gives the
    households of :func:`homes` by sex of head.

    >>> int(head_rate(2016, np.ones((52, 2, 18))).sum().round())
    16923304
    """
    if as_of != 2011:
        return rates(_grouped(wide(table("heads_by_age"), READ, space=spaces(), head=HEADS)), people)
    counted = _grouped(wide(table("heads_by_age_2011"), READ, province=provinces(), head=HEADS))
    pattern = rates(counted, by_province(people))[province_of()]
    return np.asarray(pattern * (homes(as_of) / (pattern * people).sum(axis=-1))[..., None])
