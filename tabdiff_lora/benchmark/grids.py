"""What a benchmark prints, as grids of text that markdown and HTML share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from tabdiff_lora.benchmark.columns import HIGHER_IS_BETTER, USEFULNESS, Column
from tabdiff_lora.benchmark.published import BASELINE, OTHER_ROWS, Published, published_methods, verdict
from tabdiff_lora.benchmark.summary import REAL, Group, Summary

GOALS: dict[str, dict[str, float]] = {
    "churn2": {"detection_auc": 0.52, "macro_f1": -0.02},
    "california": {"detection_auc": 0.56, "r2": -0.04},
    "adult": {"detection_auc": 0.56, "shape_error": 1.0, "macro_f1": -0.02, "roc_auc": -0.02},
}
"""What the project promises under protocol "equal": an AUC; otherwise the ratio to, or difference from, the ceiling."""

VERDICTS = {"beats": " ✓", "within": " ≈", "misses": " ✗", "": ""}

LEGENDS = {
    "equal": "In brackets: ratio to, or difference from, the row `real` (as many training rows, judged in the same "
    "way), which is the ceiling. ✓ goal met, ✗ goal missed, ▼ worse than the Gaussian copula.",
    "tabddpm": "In brackets: difference from the row `real`, the training rows under the same models. ✓ at least "
    f"{BASELINE}'s published mean, ≈ below it by at most one published deviation, ✗ by more. Rows marked *published* "
    "were not measured here.",
}


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Parameters
    ----------
    title, text : str
        Heading, and what to know before reading.
    header : tuple of str
    rows : tuple of tuple of str
    n_names : int, default=1
        Leading columns that are names; the others hold numbers.
    """

    title: str
    text: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_names: int = 1


def result_grid(summary: Summary) -> Grid:
    """Every synthesizer on every table: mean ± deviation of each score, and what it cost."""
    costs = ("fit s", "fit CPU s", "sample s", "GiB", "seeds")
    header = ("table", "synthesizer", *(column.title for column in summary.columns), *costs)
    rows = []
    for table, groups in summary.groups.items():
        copula = next((group for label, group in groups.items() if label.startswith("copula")), None)
        for label, group in groups.items():
            scores = (_score_cell(column, group, copula, summary.protocol) for column in summary.columns)
            rows.append((table, label, *scores, *_cost_cells(group)))
        if summary.protocol == "tabddpm":
            for method, scores in published_methods(table).items():
                cells = (_published_cell(column, scores) for column in summary.columns)
                told = "*published*, of other rows" if table in OTHER_ROWS else "*published*"
                rows.append((table, f"{method} ({told})", *cells, *["-"] * len(costs)))
    text = (
        "Mean ± standard deviation over seeds, draws and models. Lower is better but for macro-F1, R2, accuracy and "
        f"ROC-AUC; a two-sample AUC of 0.5 is perfect. {LEGENDS[summary.protocol]}"
    )
    return Grid("Results", text, header, tuple(rows), n_names=2)


def rank_grid(summary: Summary) -> Grid:
    """Mean ranks over the tables."""
    ranks = summary.ranks()
    counts = ", ".join(f"{title} on {count}" for title, count in ranks.attrs["tables"].items())
    rows = tuple((str(label), *(f"{value:.2f}" for value in row)) for label, row in zip(ranks.index, ranks.to_numpy()))
    text = f"Mean over tables, 1 is best; only tables on which every synthesizer has a value ({counts or 'none'})."
    return Grid("Ranks", text, ("synthesizer", *ranks.columns), rows if len(ranks.columns) else ())


def comparison_grid(summary: Summary, reference: str | None = None) -> Grid:
    """One synthesizer against every other, over the tables."""
    header = ("score", "against", "tables", "mean difference", "95 % interval", "p", "p (Holm)", "p (equivalence)")
    table = summary.comparisons(reference)
    first = table["first"].iloc[0] if len(table) else "-"
    rows = []
    for row in table.itertuples():
        column = next(column for column in summary.columns if column.title == row.score)
        interval = "-" if pd.isna(row.low) else f"{_signed(row.low, column, 1)} … {_signed(row.high, column, 1)}"
        difference = "-" if pd.isna(row.mean_difference) else _signed(row.mean_difference, column, 1)
        tests = (_p(row.wilcoxon_p), _p(row.holm_p), _p(row.equivalence_p))
        better = row.better + (", but ≈" if row.better != "equivalent" and row.equivalence_p < 0.05 else "")
        rival = row.second if row.n else f"{row.second} ({row.reason})"
        rows.append((row.score, rival, str(row.n), difference, interval, *tests, better))
    margins = ", ".join(f"{c.title} {c.scale * c.margin:g}" for c in summary.columns if c.margin is not None)
    text = (
        f"`{first}` minus the other, the mean over seeds counting once for each table. Interval: bootstrap over the "
        "tables. p: Wilcoxon's signed-rank test, which with five tables or fewer can never fall below 0.05; Holm's "
        "correction over the rivals of a score. A large p is no proof of equality: the equivalence test (two one-sided "
        f"t-tests) is, where it is small, up to a margin set beforehand ({margins})."
    )
    return Grid("Differences over tables", text, (*header, "better"), tuple(rows), n_names=2)


def difference_grid(summary: Summary, column: Column, reference: str | None = None) -> Grid:
    """One synthesizer against every other, on each table."""
    found = summary.differences(column, reference)
    rivals = list(dict.fromkeys(label for rows in found.values() for label in rows))
    rows = tuple(
        (table, *(_difference_cell(by_rival.get(rival), column) for rival in rivals))
        for table, by_rival in found.items()
    )
    first = reference or next(iter(summary.labels), "-")
    text = (
        f"{column.title}: `{first}` minus the other, paired by seed and draw, with the 95 % bootstrap interval of its "
        f"mean where there are two pairs or more. ≈ equivalent up to {column.scale * column.margin:g} (p < 0.05). "
        "Draws of one fit share its training: without several seeds these intervals know nothing of another fit."
    )
    return Grid(f"Differences on each table, {column.title}", text, ("table", *rivals), rows)


def published_count(summary: Summary) -> str:
    """Say on how many tables each synthesizer reaches TabDDPM's published score; nothing under another protocol."""
    lines = []
    for label in summary.labels if summary.protocol == "tabddpm" else ():
        told = [
            verdict(table, USEFULNESS, groups[label].mean("scores", metric))
            for table, groups in summary.groups.items()
            if label in groups and (metric := groups[label].metric(USEFULNESS))
        ]
        told = [word for word in told if word]
        if told:
            lines.append(
                f"`{label}` reaches {BASELINE}'s published {USEFULNESS.title} on {told.count('beats')} of {len(told)} "
                f"tables and is within one published deviation on {told.count('within')} more."
            )
    return " ".join(lines)


def provenance(summary: Summary) -> list[str]:
    """Sentences about what was run, on what, and for how long."""
    records = [record for record in summary.records if record["error"] is None]
    if not records:
        return ["No run has finished."]
    seconds = sum(
        record[part]["seconds"] for record in records for part in ("fit", "sample", "judge") if part in record
    )
    terms = {str(record.get("protocol")) for record in records}
    return [
        f"{len(records)} runs, {seconds / 3600:.1f} hours of fitting, drawing and judging, "
        f"{_several(record.get('started', '?')[:10] for record in records)}.",
        f"Protocol {'; '.join(sorted(terms))}.",
        *_places(records),
    ]


def _score_cell(column: Column, group: Group, copula: Group | None, protocol: str) -> str:
    metric = group.metric(column)
    if metric is None:
        return "-"
    if group.label == REAL:
        return _spread(column, group.mean("ceiling", metric), group.deviation(metric))
    value, ceiling = group.mean("scores", metric), group.mean("ceiling", metric)
    text, compared = _spread(column, value, group.deviation(metric)), value
    if ceiling and column.beside == "ratio":
        compared = value / ceiling
        text += f" ({compared:.2f}x)"
    elif ceiling is not None and column.beside == "difference":
        compared = value - ceiling
        text += f" ({compared:+.{column.digits}f})"
    if protocol == "tabddpm":
        return text + (VERDICTS[verdict(group.table, column, value)] if column is USEFULNESS else "")
    return text + _mark(metric, compared, value, GOALS.get(group.table, {}).get(metric), copula)


def _mark(metric: str, compared: float, value: float, goal: float | None, copula: Group | None) -> str:
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    of_copula = copula and copula.mean("scores", metric)
    mark = "" if goal is None else " ✓" if sign * compared <= sign * goal else " ✗"
    return mark + (" ▼" if of_copula is not None and sign * value > sign * of_copula else "")


def _published_cell(column: Column, scores: dict[str, Published]) -> str:
    score = next((scores[metric] for metric in column.metrics if metric in scores), None)
    return "-" if score is None else _spread(column, score.mean, score.deviation)


def _cost_cells(group: Group) -> tuple[str, ...]:
    n_failed = len(group.records) - len(group.done)
    memory = group.mean("fit", "peak_memory")
    return (
        _number(group.mean("fit", "seconds"), 1),
        _number(group.mean("fit", "cpu_seconds"), 1),
        _number(group.mean("sample", "seconds"), 1),
        _number(None if memory is None else memory / 2**30, 2),
        f"{len(group.done)} ({n_failed} failed)" if n_failed else f"{len(group.done)}",
    )


def _difference_cell(row: dict | None, column: Column) -> str:
    if row is None:
        return "-"
    text = _signed(row["mean_difference"], column)
    if row["n"] > 1:
        text += f" ({_signed(row['low'], column)} … {_signed(row['high'], column)})"
    return text + (" ≈" if row["equivalence_p"] < 0.05 else "")


def _spread(column: Column, mean: float | None, deviation: float | None) -> str:
    text = _number(mean, column.digits, column.scale)
    return text if deviation is None or mean is None else f"{text} ± {_number(deviation, column.digits, column.scale)}"


def _signed(value: float, column: Column, more_digits: int = 0) -> str:
    return f"{column.scale * value:+.{column.digits + more_digits}f}"


def _number(value: float | None, digits: int, scale: float = 1.0) -> str:
    return "-" if value is None else f"{scale * value:.{digits}f}"


def _p(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _several(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _places(records: list[dict]) -> list[str]:
    """The machine and its libraries, or those that drew and those that judged, where they are not the same."""
    judged = [_place(record.get("machine", {}), record) for record in records]
    drawn = [
        _place(record["drawn_on"], record["drawn_on"]) if record.get("drawn_on") else place
        for record, place in zip(records, judged, strict=True)
    ]
    if drawn == judged:
        return [f"Machine: {_several(judged)}."]
    return [f"Fitted and drawn on: {_several(drawn)}.", f"Judged on: {_several(judged)}."]


def _place(machine: dict, libraries: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in libraries.get("versions", {}).items())
    return f"{_machine(machine)}, {versions}, commit {libraries.get('commit')}"


def _machine(machine: dict) -> str:
    openmp = ", ".join(f"{key}={value}" for key, value in machine.items() if key.isupper() and value is not None)
    processors = " and ".join(filter(None, [machine.get("cpu"), machine.get("gpu")]))
    return f"{processors}, {machine.get('cores')} cores, {machine.get('system')}{openmp and f' ({openmp})'}"
