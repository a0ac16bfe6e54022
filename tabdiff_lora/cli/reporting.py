"""demo, evaluate: scores on the terminal, a report with pictures in a file."""

from __future__ import annotations

import logging
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tabdiff_lora.cli.arguments import Html, MaxTime, Seed, Target, pairs, require_folder, source, verbosity
from tabdiff_lora.cli.exit_codes import THRESHOLD_MISSED

if TYPE_CHECKING:
    from tabdiff_lora.evaluation import EvaluationReport

logger = logging.getLogger(__name__)


def demo(
    table: Annotated[Path | None, typer.Option(help="A csv or parquet file. Default: scikit-learn's diabetes.")] = None,
    target: Target = None,
    max_time: MaxTime = "20s",
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the HTML report goes.")] = Path(
        "tabdiff-lora-demo.html"
    ),
    seed: Seed = 0,
) -> None:
    """Fit a table, draw as many rows, judge them and write a report."""
    from tabdiff_lora.demo import EXAMPLE_TARGET, HOW_TO_READ, demonstrate, example_table, short_table
    from tabdiff_lora.tablefile import read_table

    if table is None:
        real, target = example_table(), target or EXAMPLE_TARGET
    else:
        real = read_table(source(table))
    require_folder(output)
    _, report = demonstrate(real, target=target, max_time=max_time, random_state=seed, verbose=verbosity())
    report.to_html(output)
    typer.echo(f"{short_table(report)}\n\n{HOW_TO_READ}\nReport with pictures: {output}")


def evaluate(
    real: Annotated[Path, typer.Argument(help="The rows that were learned: csv or parquet.")],
    synthetic: Annotated[list[Path], typer.Argument(help="Synthetic rows; several files are several draws.")],
    holdout: Annotated[
        Path | None, typer.Option(help="Real rows that were not learned. Without them copies look perfect.")
    ] = None,
    target: Target = None,
    metrics: Annotated[str, typer.Option(help="default, all, or names separated by commas.")] = "default",
    max_rows: Annotated[int, typer.Option(help="Each table is cut to this many rows.")] = 20_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")] = False,
    html: Html = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCORE=VALUE",
            help="Leave with exit code 2 if a score is worse than this, e.g. shape_error=0.05 or roc_auc=0.8: above it "
            "where lower is better, below it where higher is. May be repeated.",
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Judge synthetic rows, each score between a ceiling (real rows) and a floor (shuffled columns)."""
    from tabdiff_lora.cli.thresholds import missed, read_thresholds
    from tabdiff_lora.evaluation import evaluate
    from tabdiff_lora.tablefile import read_table

    require_folder(html)
    limits = read_thresholds(pairs(fail_under, "--fail-under"))
    draws = [read_table(source(path)) for path in synthetic]
    logger.info("judging %s synthetic rows ...", " + ".join(str(len(draw)) for draw in draws))
    report = evaluate(
        read_table(source(real)),
        draws[0] if len(draws) == 1 else draws,
        holdout=None if holdout is None else read_table(source(holdout)),
        target=target,
        metrics=metrics if metrics in ("default", "all") else metrics.split(","),
        max_rows=max_rows,
        random_state=seed,
    )
    typer.echo(report.to_json() if as_json else score_table(report))
    if html is not None:
        report.to_html(html)
    sentences = missed(report, limits)
    for sentence in sentences:
        logger.error("missed: %s", sentence)
    if sentences:
        raise typer.Exit(THRESHOLD_MISSED)


def score_table(report: EvaluationReport) -> str:
    """Set all scores and the answers of a report under each other, for a terminal.

    Parameters
    ----------
    report : EvaluationReport

    Returns
    -------
    str
    """
    from tabdiff_lora.evaluation.findings import WORDS
    from tabdiff_lora.evaluation.wording import in_columns

    lines = [f"{'':<28}{'synthetic':>11}{'ceiling':>11}{'floor':>11}  better"]
    for group, scores in groupby(report.scores, key=lambda score: score.group):
        lines.append(group)
        for score in scores:
            if score.value is None:
                lines.append(f"  {score.name:<26} not computed: {score.reason}")
                continue
            way = "as the ceiling" if score.direction == "match" else score.direction
            lines.append(f"  {score.name:<26}{in_columns(score, 4)}  {way}")
    answers = [f"{finding.question} {finding.text} ({WORDS[finding.status]})" for finding in report.summary()]
    return "\n".join([*lines, "", *answers])
