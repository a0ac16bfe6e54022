"""The records of a benchmark as one markdown table: medians over seeds, beside the ceiling."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tabdiff_lora.benchmark.competitor import Competitor
from tabdiff_lora.benchmark.protocol import HIGHER_IS_BETTER

Record = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A score as it is printed.

    Parameters
    ----------
    title : str
    metrics : tuple of str
        The first of them that a record holds is shown: a table has a macro-F1 or an R2.
    scale : float
        100 for a percentage.
    digits : int
    beside : {"ratio", "difference", "nothing"}
        What is said about the ceiling.
    """

    title: str
    metrics: tuple[str, ...]
    scale: float = 1.0
    digits: int = 3
    beside: Literal["ratio", "difference", "nothing"] = "nothing"


COLUMNS = (
    Column("two-sample AUC", ("detection_auc",)),
    Column("shape error %", ("shape_error",), 100, 2, "ratio"),
    Column("trend error %", ("trend_error",), 100, 2, "ratio"),
    Column("correlation divergence", ("mixed_difference",), 1, 4, "ratio"),
    Column("macro-F1 or R2", ("macro_f1", "r2"), 1, 3, "difference"),
    Column("ROC-AUC or RMSE", ("roc_auc", "rmse"), 1, 3, "difference"),
    Column("exact copies %", ("exact_copies",), 100, 2),
    Column("nearer to training", ("closer_to_training",), 1, 3),
)

GOALS: dict[str, dict[str, float]] = {
    "churn2": {"detection_auc": 0.52, "macro_f1": -0.02},
    "california": {"detection_auc": 0.56, "r2": -0.04},
    "adult": {"detection_auc": 0.56, "shape_error": 1.0, "macro_f1": -0.02, "roc_auc": -0.02},
}
"""What the project promises: an AUC; otherwise the ratio to, or the difference from, the ceiling."""

LEGEND = (
    "Medians over seeds. In brackets: ratio to, or difference from, the row `real` (as many training rows, judged in "
    "the same way), which is the ceiling. Lower is better but for macro-F1, R2 and ROC-AUC; a two-sample AUC of 0.5 is "
    "perfect. ✓ goal met, ✗ goal missed, ▼ worse than the Gaussian copula."
)


def markdown_table(records: Iterable[Record]) -> str:
    """Draw the table.

    Parameters
    ----------
    records : iterable of dict
        As `run_all` yields them. Where a run failed and then succeeded, the failure is not counted.

    Returns
    -------
    str
        A markdown table with one row per table and synthesizer, and a legend under it.
    """
    titles = ["table", "synthesizer", *(c.title for c in COLUMNS), "fit s", "fit CPU s", "sample s", "GiB", "seeds"]
    lines = ["| " + " | ".join(titles) + " |", "|" + "|".join(["---"] * 2 + ["---:"] * (len(titles) - 2)) + "|"]
    for table, groups in _grouped(records).items():
        copula = next((group for label, group in groups.items() if label.startswith("copula")), [])
        for label, group in groups.items():
            lines.append("| " + " | ".join([table, label, *_cells(table, label, group, copula)]) + " |")
    return "\n".join([*lines, "", LEGEND])


def median_over_seeds(records: Sequence[Record], *path: str) -> float | None:
    """Median of the number that the records hold at ``path``.

    Parameters
    ----------
    records : sequence of dict
    *path : str
        Keys, outer first.

    Returns
    -------
    float or None
        None where no record holds it.
    """
    values = []
    for record in records:
        value: Any = record
        for key in path:
            value = (value or {}).get(key)
        if value is not None:
            values.append(value)
    return statistics.median(values) if values else None


def _grouped(records: Iterable[Record]) -> dict[str, dict[str, list[Record]]]:
    """Records by table and synthesizer, the ceiling first, otherwise in order of appearance."""
    tables: dict[str, dict[str, dict[int, Record]]] = {}
    for record in records:
        seeds = tables.setdefault(record["table"], {}).setdefault(_label(record), {})
        if record["error"] is None or record["seed"] not in seeds:
            seeds[record["seed"]] = record
    return {
        table: {label: list(groups[label].values()) for label in sorted(groups, key=lambda label: label != "real")}
        for table, groups in tables.items()
    }


def _label(record: Record) -> str:
    return str(Competitor(record["synthesizer"], record["parameters"]))


def _cells(table: str, label: str, group: list[Record], copula: list[Record]) -> list[str]:
    done = [record for record in group if record["error"] is None]
    seeds = f"{len(done)}" if len(done) == len(group) else f"{len(done)} ({len(group) - len(done)} failed)"
    judged = [_score_cell(column, table, label, done, copula) for column in COLUMNS]
    memory = median_over_seeds(done, "fit", "peak_memory")
    return [
        *judged,
        _number(median_over_seeds(done, "fit", "seconds"), 1),
        _number(median_over_seeds(done, "fit", "cpu_seconds"), 1),
        _number(median_over_seeds(done, "sample", "seconds"), 1),
        _number(None if memory is None else memory / 2**30, 2),
        seeds,
    ]


def _score_cell(column: Column, table: str, label: str, done: list[Record], copula: list[Record]) -> str:
    metric = next((m for m in column.metrics if median_over_seeds(done, "scores", m) is not None), None)
    if metric is None:
        return "-"
    if label == "real":
        return _number(median_over_seeds(done, "ceiling", metric), column.digits, column.scale)
    value, ceiling = median_over_seeds(done, "scores", metric), median_over_seeds(done, "ceiling", metric)
    text, compared = _number(value, column.digits, column.scale), value
    if ceiling and column.beside == "ratio":
        compared = value / ceiling
        text += f" ({compared:.2f}x)"
    elif ceiling is not None and column.beside == "difference":
        compared = value - ceiling
        text += f" ({compared:+.{column.digits}f})"
    return text + _mark(metric, compared, value, GOALS.get(table, {}).get(metric), copula)


def _mark(metric: str, compared: float, value: float, goal: float | None, copula: list[Record]) -> str:
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    of_copula = median_over_seeds(copula, "scores", metric)
    mark = "" if goal is None else " ✓" if sign * compared <= sign * goal else " ✗"
    return mark + (" ▼" if of_copula is not None and sign * value > sign * of_copula else "")


def _number(value: float | None, digits: int, scale: float = 1.0) -> str:
    return "-" if value is None else f"{scale * value:.{digits}f}"
