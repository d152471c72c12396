"""Importing costs little and says nothing."""

from __future__ import annotations

import subprocess
import sys


def test_import_is_silent_and_pulls_in_no_heavy_library() -> None:
    """Proves: ``import allocate`` prints nothing and loads neither numpy nor pandas; ``--help`` loads them neither.

    Time itself is measured in benchmarks/, never in a test; this is what the time is made of.
    """
    heavy = "{'numpy', 'pandas', 'xarray', 'scipy', 'highspy', 'clarabel', 'pydantic', 'jinja2'} & set(sys.modules)"
    for work in ("import allocate", "import allocate.cli"):
        code = f"import sys; {work}; print(sorted({heavy}))"
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]" and done.stderr == ""


def test_words_about_figures_wait_for_no_compiler() -> None:
    """Proves: what a projection is made from is read and checked without the compiler, and a name of the kernels is the
    same however often it is asked for. Broken: every command that names figures takes a third of a second longer.
    """
    code = "import sys; from allocate.people.declared import inputs; inputs(); print('numba' in sys.modules)\n"
    code += "from allocate.kernels import simulate; from allocate.kernels import simulate as again\n"
    code += "print(simulate is again and callable(simulate))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_what_is_promised_is_there() -> None:
    """Proves: every public name loads; a misspelt one is an ordinary AttributeError."""
    import allocate

    for name in allocate.__all__:
        assert getattr(allocate, name) is not None
    assert not hasattr(allocate, "sovle")
    assert callable(allocate.solve) and callable(allocate.run)
