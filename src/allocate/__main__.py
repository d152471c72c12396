"""``python -m allocate`` is the command line."""

from allocate.cli import main

main()
