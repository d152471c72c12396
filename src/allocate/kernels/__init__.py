"""Many-draw projection of people and of the adequacy of services, on bare arrays.

It knows no labels and no country: spaces are numbers from 0, ages are as long as a step, and every rate, lever and
path is an array. ``Inputs`` are checked once; ``project`` goes on without chance, ``simulate`` counts any number of
draws in bounded memory into a ``Tally``, and ``paths`` writes some of the same draws out.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allocate.kernels.driver import paths, project, simulate
    from allocate.kernels.inputs import Inputs
    from allocate.kernels.run import Paths
    from allocate.kernels.sketch import Sketch
    from allocate.kernels.tally import Tally

_HOMES = {
    "Inputs": "inputs",
    "Paths": "run",
    "Sketch": "sketch",
    "Tally": "tally",
    "paths": "driver",
    "project": "driver",
    "simulate": "driver",
}

__all__ = ["Inputs", "Paths", "Sketch", "Tally", "paths", "project", "simulate"]


def __getattr__(name: str) -> Any:
    """Load a part when it is first asked for: who reads names and checks figures need not wait for the compiler."""
    if name in _HOMES:
        return getattr(import_module(f"allocate.kernels.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'allocate.kernels' has no attribute {name!r}")
