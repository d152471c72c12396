"""A run read back from its folder: the arrays that it wrote, and the limits of every rule as a table."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from allocate.errors import InputError, Problem, nearest
from allocate.explanation import LOWER, UPPER
from allocate.findings import AT_LIMIT, PER, without_dust
from allocate.names import SPACE
from allocate.outputs import MANIFEST, PLAN, dataset
from allocate.regions import Registry
from allocate.runs import Run
from allocate.units import MONEY, Unit

SAID: Final = {"name", "grade", "proof", "goal_unit", "sense", "against", "amount", "unallocated", "variables"}
"""What the attrs of a run must tell."""


@dataclass(frozen=True, eq=False)
class Saved:
    """A run as its folder has it; :func:`read` makes one. ``data`` is what :func:`allocate.outputs.dataset` wrote."""

    folder: Path
    manifest: dict[str, Any]
    data: xr.Dataset

    @property
    def rules(self) -> list[str]:
        return str(self.data.attrs.get("rules", "")).split()

    @property
    def whole(self) -> bool:
        """Whether everything is there without which nothing can be explained."""
        of_rules = [f"{before}{rule}" for rule in self.rules for before in (LOWER, UPPER, "price_of_", "slack_of_")]
        arrays = ["published", "published_unallocated", "baseline_published", *of_rules]
        return all(name in self.data for name in arrays) and self.data.attrs.keys() >= SAID

    def unit(self, rule: str) -> str:
        return str(self.data[LOWER + rule].attrs["unit"])

    def dims(self, rule: str) -> list[str]:
        return list(map(str, self.data[LOWER + rule].dims))

    def reasons(self, rule: str) -> list[str]:
        """Why a rule is there, and whose it is."""
        attrs = self.data[LOWER + rule].attrs
        known = [str(attrs.get("why", "")), *(f"{k}: {attrs[k]}" for k in ("law", "owner", "source") if k in attrs)]
        return [words for words in known if words]

    def limits(self, rule: str) -> pd.DataFrame:
        """A row for each row of a rule: its dims, ``side``, ``limit`` (the rule's unit), ``at`` and ``price``.

        ``at`` tells whether it is at its limit, ``side`` at which end (``at least``, ``at most``, ``exactly``). Prices
        of money are per R1 million. Where the run has price pairs, ``more`` and ``less`` price a unit more and less;
        where it was asked how long prices hold, ``holds_from`` and ``holds_to`` are the limits between which they do.
        """
        data, dims, unit = self.data, self.dims(rule), Unit.parse(self.unit(rule))
        names: dict[str, str] = {
            "slack": f"slack_of_{rule}",
            "lower": LOWER + rule,
            "upper": UPPER + rule,
            "price": f"price_of_{rule}",
        }
        names |= {end: f"{end}_of_{rule}" for end in ("more", "less") if f"{end}_of_{rule}" in data}
        names |= {f"holds_{end}": f"holds_{end}_{rule}" for end in ("from", "to") if f"holds_{end}_{rule}" in data}
        columns = {column: data[name].transpose(*dims).values.ravel() for column, name in names.items()}
        cells = pd.MultiIndex.from_product([data[d].values for d in dims], names=dims) if dims else None
        frame = pd.DataFrame(columns, index=cells)
        frame = frame[frame["slack"].notna()]
        down = frame["price"] < 0 if data.attrs["sense"] == "max" else frame["price"] > 0
        low = (frame["upper"] == np.inf) | (down & (frame["lower"] > -np.inf))
        equal = frame["lower"] == frame["upper"]
        frame["side"] = np.where(equal, "exactly", np.where(low, "at least", "at most"))
        frame["limit"] = np.where(low, frame["lower"], frame["upper"])
        size = frame[["lower", "upper"]].abs().replace(np.inf, 0.0).max(axis=1)
        frame["at"] = frame["slack"] <= AT_LIMIT * (unit.published + size)
        for column in ("price", "more", "less"):
            if column in frame:
                prices = frame[column].where(frame["at"], 0.0).to_numpy()
                frame[column] = without_dust(prices) * (PER if str(unit) == MONEY else 1.0)
        frame = frame.drop(columns=["slack", "lower", "upper"])
        return frame.reset_index() if dims else frame

    def space(self, text: str) -> str:
        """The code of the space that a text names. Raises :class:`InputError` with the nearest known name."""
        codes = [str(code) for code in self.data[SPACE].values] if SPACE in self.data.dims else []
        columns = [c for c in ("name", "other_names") if f"{SPACE}_{c}" in self.data.coords]
        if "name" in columns:
            cells = zip(codes, *(map(str, self.data[f"{SPACE}_{c}"].values) for c in columns), strict=True)
            return Registry(("code", *columns), tuple(cells), str(self.folder)).resolve(text)
        if text not in codes:
            words = f"unknown {SPACE} {text[:60]!r}{nearest(text[:60], codes)}"
            raise InputError(self.folder, [Problem("", words)])
        return text

    def title(self, space: str) -> str:
        """How a person calls a space."""
        name = f"{SPACE}_name"
        return f"{self.data[name].sel({SPACE: space}).item()} ({space})" if name in self.data.coords else space


def of(run: Run, answers: xr.Dataset | None = None) -> Saved:
    """A run as it would be read back, without a folder."""
    return Saved(Path(run.name), {"changes": list(run.case.said)}, dataset(run, answers))


def read(folder: str | Path) -> Saved:
    """Read the folder of a run.

    Raises :class:`InputError` if it is not one, is not whole, or was written by a version that kept other things.

    >>> read("no/such/run")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    allocate.errors.InputError: no/such/run: 1 problem
      there is no such folder...
    """
    home = Path(folder)
    found = Saved(home, manifest_of(home), arrays_of(home / PLAN))
    if not found.whole:
        raise InputError(home, [Problem("", "was written by another version, which kept other things; run it again")])
    return found


def manifest_of(home: Path) -> dict[str, Any]:
    """The manifest of a folder. Raises :class:`InputError` if it is not the folder of one run or one projection."""
    file = home / MANIFEST
    if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises on names that no file can have
        raise InputError(home, [Problem("", _not_a_run(home))])
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(file, [Problem("", f"cannot be read: {error.strerror or error}")]) from None
    except (ValueError, RecursionError):
        raise InputError(file, [Problem("", "is not whole; run it again")]) from None
    if not isinstance(manifest, dict) or "inputs" not in manifest:
        raise InputError(home, [Problem("", "is not the folder of one run" + _offered(home))])
    return manifest


def arrays_of(file: Path) -> xr.Dataset:
    """The arrays of a run or a projection. Raises :class:`InputError` if they are not there or not whole."""
    if not file.is_file():
        raise InputError(file.parent, [Problem("", f"holds no {file.name}; run it again")])
    try:
        with xr.open_dataset(file, engine="h5netcdf") as arrays:
            return arrays.load()
    except PermissionError as error:
        raise InputError(file, [Problem("", f"cannot be read: {error.strerror or error}")]) from None
    except Exception:  # on a file that was cut or is no netCDF, h5py and h5netcdf raise whatever they met
        raise InputError(file, [Problem("", "is not whole; run it again")]) from None


def _not_a_run(home: Path) -> str:
    if os.path.isfile(home):  # noqa: PTH113
        return "is a file; name the folder of a run"
    if os.path.isdir(home):  # noqa: PTH112
        return f"holds no {MANIFEST}, so it is no run" + _offered(home)
    return "there is no such folder" + _offered(Path("out"), home.name)


def _offered(home: Path, name: str = "") -> str:
    """The runs in a folder that may be meant."""
    known = [path.parent.name for path in sorted(home.glob(f"*/{MANIFEST}"))]
    if not known:
        return ""
    more = f" and {len(known) - 5} more" if len(known) > 5 else ""
    return f"; runs in {home}: {', '.join(known[:5])}{more}{nearest(name[:60], known)}"
