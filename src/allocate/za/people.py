"""Women and men: who lives where, who lacks a service, how money for it is tagged, and whom the work hires."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.errors import InputError, Problem, nearest
from allocate.za.costs import prices
from allocate.za.folder import HEADS, SERVICES, SEXES, array, long

COLUMNS = {"women": "female", "men": "male"}


def population(people: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """Women and men of every space in 2016, children among them.

    Source: Statistics South Africa, Community Survey 2016 (2016 boundaries). Unit: person.

    >>> people = pd.DataFrame({"space": ["A"], "year": [2016], "female": [6], "male": [5]})
    >>> population(people, ("A",))["value"].tolist()
    [6, 5]
    """
    chosen = people[people["year"] == 2016]
    columns = [array(chosen, value=COLUMNS[sex], space=spaces) for sex in SEXES]
    return long(np.stack(columns, axis=1).astype(np.int64), space=spaces, sex=SEXES)


def by_service(parameters: pd.DataFrame, name: str, end: str = "value") -> pd.DataFrame:
    """One parameter for every service: its ``value``, or the ``low`` or ``high`` end of its range.

    Raises :class:`~allocate.errors.InputError` for a service without the parameter or with two.

    >>> rows = pd.DataFrame({"parameter": "targeting", "service": SERVICES, "value": 0.2, "low": 0.1})
    >>> by_service(rows, "targeting", "low")["value"].unique().tolist()
    [0.1]
    """
    return long(array(parameters[parameters["parameter"] == name], value=end, service=SERVICES), service=SERVICES)


def backlog_share(
    by_head: pd.DataFrame, short: pd.DataFrame, over_representation: pd.DataFrame, spaces: tuple[str, ...]
) -> pd.DataFrame:
    """The share of every backlog that is in households headed by women, and by men; the two add up to 1.

    The women's share of the households of a space x how much more often they lack the service, kept within what can
    be: no more households of either head lack it than there are. Unit: 1.

    >>> by_head = pd.DataFrame({"space": "A", "head": HEADS, "value": [4, 6]})
    >>> short = pd.DataFrame({"space": ["A"], "service": ["water"], "value": [5]})
    >>> more = long(np.full(len(SERVICES), 1.25), service=SERVICES)
    >>> backlog_share(by_head, short, more, ("A",)).query("service == 'water'")["value"].tolist()
    [0.5, 0.5]
    """
    women, men = array(by_head, space=spaces, head=HEADS).T[:, :, None]
    lacking = array(short, fill=0, space=spaces, service=SERVICES)
    wanted = women / (women + men) * array(over_representation, service=SERVICES)
    whole = np.maximum(lacking, 1)
    most = np.minimum(women / whole, 1)
    least = np.maximum(1 - men / whole, 0)
    share = np.clip(wanted, least, most)
    return long(np.stack([share, 1 - share], axis=2), space=spaces, service=SERVICES, head=HEADS)


def one_each(rows: pd.DataFrame, column: str, labels: tuple[str, ...]) -> pd.DataFrame:
    """1 for the one label of ``column`` that every service has, 0 for the others. Unit: flag.

    Raises :class:`~allocate.errors.InputError` naming every unknown label and every service with none or several.

    >>> rows = pd.DataFrame({"service": SERVICES, "mark": "unscreened"})
    >>> int(one_each(rows, "mark", ("principal", "unscreened"))["value"].sum())
    7
    """
    times = rows["service"].value_counts()
    problems = [
        Problem(str(label), f"is not a {column}{nearest(str(label), labels)}")
        for label in rows[column].unique()
        if label not in labels
    ]
    problems += [
        Problem(service, f"has {times.get(service, 0)} rows; it has one {column}")
        for service in SERVICES
        if times.get(service, 0) != 1
    ]
    if problems:
        raise InputError(column, problems)
    chosen = rows.set_index("service")[column][list(SERVICES)].to_numpy()
    return long((chosen[:, None] == np.array(labels)).astype(np.int64), service=SERVICES, **{column: labels})


def jobs(labour: pd.DataFrame, wage: float, wage_year: str, index: pd.DataFrame) -> pd.DataFrame:
    """Full-time jobs for a year that a rand of each service pays for, at prices of 2019/20: labour share over wage.

    A job is 230 person-days of work, the full-time equivalent of the Expanded Public Works Programme; ``wage`` is what
    one is paid, in the prices of ``wage_year``. Unit: job/R.

    >>> index = pd.DataFrame({"year": range(2017, 2021), "index": [100.0, 100.0, 200.0, 200.0]})
    >>> half = long(np.full(len(SERVICES), 0.5), service=SERVICES)
    >>> jobs(half, 25_000, "2017/18", index)["value"].unique().tolist()
    [1e-05]
    """
    paid = wage * prices(index, wage_year)[-1]
    return long(array(labour, service=SERVICES) / paid, service=SERVICES)
