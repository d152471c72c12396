"""Compiled entry points that are kept for the next process.

The machine code is kept beside this file, or in the user's own cache where that cannot be written, under a digest of
every kernel's text, so that a change in any of them is compiled anew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from numba import njit


def _text() -> str:
    """A digest of the text of every module of kernels."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


#: What an entry point closes over is part of its key in the cache; nothing else is done with this.
TEXT: Final = _text()


def kept(way: Any) -> Any:
    """Compiled when it is first called, and kept for the next process where there is anywhere to keep it.

    It holds no lock, so that threads run it at the same time.
    """
    options: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}, "nogil": True}
    try:
        return njit(cache=True, **options)(way)
    except RuntimeError:  # neither beside this file nor in the user's own cache may anything be written
        return njit(**options)(way)
