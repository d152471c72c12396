"""Share public money over places: state the rules as text, get the one best plan with its proof.

>>> import allocate as al
>>> world = al.read_world("za2016")
>>> world.data.sizes["space"]
52
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from allocate.names import VERSION

if TYPE_CHECKING:
    from allocate.builder import build
    from allocate.equity import indices
    from allocate.explained import explain
    from allocate.frontiers import Frontier, frontier
    from allocate.nested import allocations
    from allocate.people.projection import project
    from allocate.plan import Plan, solve
    from allocate.program import Program
    from allocate.provenance.contrasts import Difference, diff
    from allocate.provenance.verified import Verified, verify
    from allocate.read import read_model, read_scenario
    from allocate.risk import Spread, drawn, robust
    from allocate.rolling.comparison import Policies, policies
    from allocate.runs import Run, run
    from allocate.spec import Model, Scenario
    from allocate.statement import GenderStatement, gender_statement
    from allocate.sweeps.answer import Sweep
    from allocate.sweeps.engine import sweep
    from allocate.world import World, read_world

__version__ = VERSION

_HOMES = {
    "Difference": "provenance.contrasts",
    "Frontier": "frontiers",
    "GenderStatement": "statement",
    "Model": "spec",
    "Plan": "plan",
    "Policies": "rolling.comparison",
    "Program": "program",
    "Run": "runs",
    "Scenario": "spec",
    "Spread": "risk",
    "Verified": "provenance.verified",
    "Sweep": "sweeps.answer",
    "World": "world",
    "allocations": "nested",
    "build": "builder",
    "diff": "provenance.contrasts",
    "drawn": "risk",
    "explain": "explained",
    "frontier": "frontiers",
    "gender_statement": "statement",
    "indices": "equity",
    "policies": "rolling.comparison",
    "project": "people.projection",
    "read_model": "read",
    "read_scenario": "read",
    "read_world": "world",
    "robust": "risk",
    "run": "runs",
    "solve": "plan",
    "verify": "provenance.verified",
    "sweep": "sweeps.engine",
}

__all__ = [
    "Difference",
    "Frontier",
    "GenderStatement",
    "Model",
    "Plan",
    "Policies",
    "Program",
    "Run",
    "Scenario",
    "Spread",
    "Sweep",
    "Verified",
    "World",
    "__version__",
    "allocations",
    "build",
    "diff",
    "drawn",
    "explain",
    "frontier",
    "gender_statement",
    "indices",
    "policies",
    "project",
    "read_model",
    "read_scenario",
    "read_world",
    "robust",
    "run",
    "solve",
    "sweep",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load a part when it is first asked for, so that ``import allocate`` is quick and silent."""
    if name in _HOMES:
        return getattr(import_module(f"allocate.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'allocate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
