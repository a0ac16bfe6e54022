"""What several commands are asked in the same words: types of arguments, and how their texts are read."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

STANDARD = Path("-")  # standard input or output

Table = Annotated[Path, typer.Argument(help="A csv or parquet file; - is csv on standard input.")]
Model = Annotated[Path, typer.Argument(help="A folder that fit wrote, or a repository on the Hugging Face hub.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="A csv or parquet file; - is csv on standard output.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with pictures to this file.")]
Target = Annotated[str | None, typer.Option(help="Column that a model should predict.")]
Types = Annotated[
    list[str] | None,
    typer.Option("--types", metavar="COLUMN=KIND", help="What a column is, e.g. zip=categorical; may be repeated."),
]
MaxTime = Annotated[str | None, typer.Option(help="Limit of each fit: seconds, or text such as 90s, 5min, 1h.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]


def source(path: Path) -> Path | TextIO:
    """Where a table is read from."""
    return sys.stdin if path == STANDARD else path


def sink(path: Path) -> Path | TextIO:
    """Where a table is written to.

    Raises
    ------
    FileNotFoundError
        If the folder of the file does not exist: told before anything is computed.
    """
    if path == STANDARD:
        return sys.stdout
    require_folder(path)
    return path


def require_folder(path: Path | None) -> None:
    """Refuse a file whose folder does not exist."""
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(f"folder of output must exist. Got {str(path)!r} instead.")


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """Read ``NAME=VALUE`` texts; the last of several with one name counts.

    Raises
    ------
    ValueError
        If one of them has no ``=``.
    """
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"value of {option} must be NAME=VALUE. Got {text!r} instead.")
        found[name] = value
    return found


def verbosity() -> int:
    """A progress bar, where there is someone to see it and who did not ask for quiet."""
    return int(sys.stderr.isatty() and logging.getLogger("tabdiff_lora").isEnabledFor(logging.INFO))
