"""The program: its commands, its exit codes, and what it says on standard error."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from tabdiff_lora import __version__
from tabdiff_lora.cli.benchmark import benchmark
from tabdiff_lora.cli.exit_codes import DONE, USER_ERROR
from tabdiff_lora.cli.looking import explore, info, inspect
from tabdiff_lora.cli.modelling import fit, impute, sample
from tabdiff_lora.cli.reporting import demo, evaluate
from tabdiff_lora.errors import TabDiffError
from tabdiff_lora.logs import shown_log

# What a wrong file, column, option or value raises, here and in the library. --debug shows where it came from.
USER_ERRORS = (typer.TyperException, TabDiffError, ValueError, OSError)

COMMANDS = {
    "Begin": (demo, info),
    "Learn a table and draw rows": (fit, sample, impute, inspect),
    "Judge rows": (explore, evaluate, benchmark),
}

logger = logging.getLogger("tabdiff_lora")
app = typer.Typer(pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tabdiff-lora {__version__}")
        raise typer.Exit


@app.callback()
def tabdiff_lora(
    debug: Annotated[bool, typer.Option("--debug", help="Tell more, and show where an error comes from.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell warnings and mistakes only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Learn a table, draw new rows from it, judge them.

    Tables are csv or parquet files, by their extension; - is csv on standard input or output.
    """
    if debug or quiet:
        logger.setLevel(logging.DEBUG if debug else logging.WARNING)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        None takes those of the process. Without any, the help is shown.

    Raises
    ------
    SystemExit
        Always.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # OpenMP reads this when torch loads it, so only a program can set it. Threads that spin while they wait take the
    # cores from one another as soon as anything else runs; threads that sleep at once wake too late for small matrix
    # products. A short spin keeps both cores busy on an idle machine and yields on a busy one.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    with shown_log(logging.INFO), _warnings_in_one_line():
        try:
            code = app(args=arguments or ["--help"], prog_name="tabdiff-lora", standalone_mode=False)
        except USER_ERRORS as error:
            logger.debug("where it comes from:", exc_info=True)
            message = error.format_message() if isinstance(error, typer.TyperException) else str(error)
            logger.error("error: %s", " ".join(message.split()))
            code = USER_ERROR
    sys.exit(code or DONE)


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    def show(message, *_):
        logger.warning("warning: %s", " ".join(str(message).split()))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
