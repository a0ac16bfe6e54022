"""The command line: thin functions around the library, one file per group of commands.

Results go to standard output, progress and mistakes to standard error. Exit codes: 0 done; 1 a mistake of the user or a
failed run, told in one line; 2 a missed threshold of ``evaluate --fail-under``.

Only typer is imported before a command runs, so that ``--help`` answers at once.
"""

from tabdiff_lora.cli.program import app, main

__all__ = ["app", "main"]
