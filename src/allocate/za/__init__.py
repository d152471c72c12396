"""South African facts for the 52 spaces of the district development model, and the data derived from them.

``data()`` gives the long tables that a model of the country's grants asks for, ``dims()`` the order of their
labels and ``read()`` the checked World. Importing the package costs nothing: the tables are read when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from allocate.formula import Formula
    from allocate.tables import Datum
    from allocate.world import World

__all__ = ["FORMULAS", "data", "dims", "read", "read_people", "read_people_2011", "read_projects"]

ACKNOWLEDGEMENT = (
    "Figures of Statistics South Africa (Census 2011, Community Survey 2016, Census 2022), National Treasury and "
    "others named beside each; the processing is this project's own, and so are its errors. Neither the data of "
    "Statistics South Africa nor a reprocessed version of them may be sold without its prior permission."
)

PROSPECTS = (
    "United Nations, Population Division, World Population Prospects 2024 (CC BY 3.0 IGO), changed by this project."
)
PROJECTION = (
    "A projection says what follows from its inputs. Rates of spaces, moves inside provinces and much of what serves "
    "people are estimated or assumed; each datum says which."
)

ENVELOPE = (
    "A plan is an envelope for a space, not a legal allocation: money is voted to municipalities, and a schedule needs "
    "Parliament."
)
_MAIN = [
    ["one_pool"],
    ["one_water_grant"],
    ["one_energy_grant"],
    ["guarantee_95"],
    ["same_places"],
    ["same_services"],
]
_TEST = [
    ["one_pool"],
    ["one_pool", "value_equal"],
    ["one_pool", "value_share"],
    ["one_pool", "refuse_dear"],
    ["one_pool", "urban_floors"],
    ["one_pool", "no_pace"],
]
DEMO = {
    "title": "Seven infrastructure grants over 52 spaces: what each got, the best split, and merged",
    "world": "za2016",
    "model": "grant_consolidation",
    "parts": [
        {"title": "2019/20", "years": ["2019/20"], "scenarios": _MAIN},
        {"title": "Three years, 2017/18 to 2019/20", "scenarios": _MAIN},
        {
            "title": "What does it cost to be even? 2019/20",
            "years": ["2019/20"],
            "model": "equity",
            "scenarios": [["gini_cap"], ["palma_cap"], ["each_after_the_worst_off"]],
        },
        {
            "title": "What does it cost to be fair to women? 2019/20",
            "years": ["2019/20"],
            "model": "gender_responsive",
            "scenarios": [["parity_gap"], ["women_heads_incidence"]],
        },
        {"title": "Does it hold? 2019/20", "years": ["2019/20"], "scenarios": _TEST, "test": True},
        {"title": "Does it hold? Three years", "scenarios": _TEST, "test": True},
    ],
}
"""What ``allocate demo`` runs."""


def data() -> list[Datum]:
    """Every datum of the world ``za2016``, with its unit, status, source and reason.

    >>> [datum.unit for datum in data() if datum.name == "budget"]
    ['R']
    """
    from allocate.za import derive

    return derive.data()


def dims() -> dict[str, tuple[str, ...]]:
    """Every dim with its labels in order.

    >>> dims()["tier"]
    ('easy', 'middle', 'hard')
    """
    from allocate.za import folder

    return folder.dims()


def read() -> World:
    """The checked World ``za2016``: 52 spaces, seven infrastructure grants, 2017/18 to 2019/20."""
    from allocate.world import World
    from allocate.za import folder

    return World.build("za2016", data(), dims(), folder.registry(), acknowledgement=ACKNOWLEDGEMENT, envelope=ENVELOPE)


def read_projects() -> World:
    """The world ``za2016`` with an ILLUSTRATIVE list of projects: the form in which a real one is filled in.

    >>> read_projects().data.sizes["project"]
    51
    """
    from allocate.world import World
    from allocate.za import folder, projects

    said = {"acknowledgement": ACKNOWLEDGEMENT, "envelope": f"{projects.ENVELOPE} {ENVELOPE}"}
    every, labels = [*data(), *projects.data()], {**dims(), **projects.dims()}
    return World.build("za2016_projects", every, labels, folder.registry(), **said)


def read_people() -> World:
    """The world ``za2016_people``: who lives where in 2016, moves and is served, and what is known of years to 2046.

    >>> read_people().data.sizes["period"]
    6
    """
    return _people(2016)


def read_people_2011() -> World:
    """The world ``za2011_people``: the same as it was known of 2011, for a projection to be judged by 2016.

    >>> read_people_2011().latest()
    2011
    """
    return _people(2011)


def _people(as_of: int) -> World:
    from allocate.world import World
    from allocate.za import folder
    from allocate.za.demography import inputs, labels

    said = {"acknowledgement": f"{ACKNOWLEDGEMENT} {PROSPECTS}", "envelope": PROJECTION}
    return World.build(f"za{as_of}_people", inputs.data(as_of), labels.dims(as_of), folder.registry(), **said)


def hindcast_2011() -> tuple[World, pd.DataFrame, pd.DataFrame]:
    """What a projection made in 2011 is scored with: the world of that year, the survey of 2016, and the mid-year
    estimates of every year.

    >>> hindcast_2011()[1]["year"].unique().tolist()
    [2016]
    """
    from allocate.za.folder import table

    people = table("population").query("year == 2016 and boundary == 2016")
    surveyed = people.assign(population=people["female"] + people["male"])[["space", "year", "population"]]
    return read_people_2011(), surveyed, table("mid_year_estimates")


def hindcast_2016() -> tuple[World, None, pd.DataFrame]:
    """The same for one made in 2016: what was counted later is for the reader to bring.

    >>> hindcast_2016()[0].name
    'za2016_people'
    """
    from allocate.za.folder import table

    return read_people(), None, table("mid_year_estimates")


def equitable_share(year: str | None = None, indicated: str | Path | None = None) -> Formula:
    """The local government equitable share by its formula; see :func:`allocate.za.stated.equitable_share`."""
    from allocate.za import stated

    return stated.equitable_share(year, indicated)


def mig(year: str | None = None, indicated: str | Path | None = None) -> Formula:
    """The Municipal Infrastructure Grant by its formula; see :func:`allocate.za.stated.mig`."""
    from allocate.za import stated

    return stated.mig(year, indicated)


FORMULAS: Mapping[str, Callable[..., Formula]] = {"equitable_share": equitable_share, "mig": mig}
"""Formulas by name, each a function of a year and, where it guarantees something, a file of what was indicated."""
