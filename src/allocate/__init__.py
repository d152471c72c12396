"""Share public money over places: state the rules as text, get the one best plan with its proof.

>>> import allocate as al
>>> world = al.read_world("za2016")
>>> world.data.sizes["space"]
52
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allocate.builder import build
    from allocate.plan import Plan, solve
    from allocate.program import Program
    from allocate.read import read_model, read_scenario
    from allocate.runs import Run, run
    from allocate.spec import Model, Scenario
    from allocate.statement import GenderStatement, gender_statement
    from allocate.world import World, read_world

__version__ = "0.1.0"

_HOMES = {
    "GenderStatement": "statement",
    "Model": "spec",
    "Plan": "plan",
    "Program": "program",
    "Run": "runs",
    "Scenario": "spec",
    "World": "world",
    "build": "builder",
    "gender_statement": "statement",
    "read_model": "read",
    "read_scenario": "read",
    "read_world": "world",
    "run": "runs",
    "solve": "plan",
}

__all__ = [
    "GenderStatement",
    "Model",
    "Plan",
    "Program",
    "Run",
    "Scenario",
    "World",
    "__version__",
    "build",
    "gender_statement",
    "read_model",
    "read_scenario",
    "read_world",
    "run",
    "solve",
]


def __getattr__(name: str) -> Any:
    """Load a part when it is first asked for, so that ``import allocate`` is quick and silent."""
    if name in _HOMES:
        return getattr(import_module(f"allocate.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'allocate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
