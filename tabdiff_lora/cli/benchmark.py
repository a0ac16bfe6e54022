"""benchmark: many tables, many synthesizers."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tabdiff_lora.cli.arguments import MaxTime
from tabdiff_lora.cli.exit_codes import USER_ERROR

logger = logging.getLogger(__name__)


def benchmark(
    data: Annotated[
        Path | None, typer.Argument(help="Folder with one folder per table. Tables that are not in it are downloaded.")
    ] = None,
    tables: Annotated[
        str | None, typer.Option(help="Names, separated by commas. Default: all in the folder, or all that are known.")
    ] = None,
    synthesizers: Annotated[
        str, typer.Option(help="Names, 'name(key=value)' or module:factory, separated by commas.")
    ] = "default,copula,independent,smote",
    seeds: Annotated[str, typer.Option(help="Whole numbers, separated by commas.")] = "0",
    max_time: MaxTime = None,
    output: Annotated[
        Path, typer.Option(help="File of JSON lines, appended to; a run that is in it is not repeated.")
    ] = Path("results.jsonl"),
    protocol: Annotated[
        str, typer.Option(help="equal(n_rows_max=10000), or tabddpm(n_draws=5, n_models=10).")
    ] = "equal",
    rows: Annotated[
        Path | None, typer.Option(help="Folder that keeps drawn rows; rows that are in it are judged as they are.")
    ] = None,
    draw_only: Annotated[
        bool, typer.Option("--draw-only", help="Fit and draw into --rows, and leave the judging to another call.")
    ] = False,
    run_limit: Annotated[
        str | None, typer.Option(help="Time after which a run is ended, whatever the synthesizer: 90s, 5min, 1h.")
    ] = None,
) -> None:
    """Compare synthesizers on many tables; print a report, and write it as .md and .html beside the output."""
    from tabdiff_lora.benchmark import (
        Competitor,
        Results,
        draw_all,
        html_report,
        markdown_report,
        parse_protocol,
        plan,
        run_all,
    )
    from tabdiff_lora.datasets import available_datasets, list_datasets
    from tabdiff_lora.training.budget import TimeLimit

    sys.path.insert(0, os.getcwd())  # where a module:factory of the user lies
    here = list_datasets(data) if data else available_datasets()
    names = tables.split(",") if tables else here
    unknown = sorted(set(names) - set(available_datasets(data)))
    if unknown or not names:
        folder = f"folder {str(data)!r} ({', '.join(here) or 'none'})" if data else "folder DATA (not given)"
        known = ", ".join(available_datasets())
        raise ValueError(f"tables must be in the {folder} or known by name ({known}). Got {unknown or 'none'} instead.")
    runs = plan(
        data,
        names,
        [Competitor.parse(text) for text in _split(synthesizers)],
        _whole_numbers(seeds),
        max_time=TimeLimit(max_time).plain() if max_time else None,
        protocol=parse_protocol(protocol),
        rows_home=rows,
    )
    limit = TimeLimit(run_limit).seconds if run_limit else None
    if draw_only:
        if rows is None:
            raise ValueError("--draw-only must have a folder for the rows. Got no --rows instead.")
        _finish([error for _, error in draw_all(runs, run_limit=limit)])
        return
    records = list(run_all(runs, Results(output), run_limit=limit))
    report = markdown_report(records)
    output.with_suffix(".md").write_text(report + "\n", encoding="utf-8")
    output.with_suffix(".html").write_text(html_report(records), encoding="utf-8")
    typer.echo(report)
    _finish([record["error"] for record in records])


def _finish(errors: list[str | None]) -> None:
    n_failed = sum(error is not None for error in errors)
    if n_failed:
        logger.error("error: %d of %d runs failed; they are tried again next time.", n_failed, len(errors))
        raise typer.Exit(USER_ERROR)


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise ValueError(f"seeds must be whole numbers, separated by commas. Got {text!r} instead.") from error


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
