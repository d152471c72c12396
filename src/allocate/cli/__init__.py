"""The command line: words to the calls of the library.

Exit status: 0 done, 1 bad input, 2 no plan exists (infeasible or unbounded), 3 stopped or not proved.
"""

from allocate.cli.commands import app
from allocate.cli.entry import main

__all__ = ["app", "main"]
