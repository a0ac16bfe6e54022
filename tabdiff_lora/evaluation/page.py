"""The report as one HTML page: no network, light and dark, laptop and phone."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd
from jinja2 import Environment, Template
from markupsafe import Markup

from tabdiff_lora.evaluation import pictures
from tabdiff_lora.evaluation.findings import NO_PROMISE, WORDS, summarise
from tabdiff_lora.evaluation.wording import CHAPTERS, title

if TYPE_CHECKING:
    from tabdiff_lora.evaluation.report import EvaluationReport

MAX_TABLE_ROWS = 8
MAX_CARDS = 16  # histograms shown before the rest is folded
MAX_BESIDE = 16  # columns up to which heat maps stand beside each other


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": pictures.number, "short": pictures.short}
    return environment.from_string(files(__package__).joinpath("templates/report.html").read_text("utf-8"))


def render(report: EvaluationReport) -> str:
    """Render a report; everything it shows is in its scores, details and about."""
    groups = list(dict.fromkeys(score.group for score in report.scores))
    chapters = []
    for group in groups:
        rows = []
        for score in report.scores:
            if score.group == group:
                name, text = title(score.name)
                rows.append({"score": score, "title": name, "text": text, "strip": Markup(pictures.strip(score))})
        blocks = [block for make in _BLOCKS.get(group, ()) if (block := make(report)) is not None]
        chapters.append({"name": group, "text": CHAPTERS.get(group, ""), "rows": rows, "blocks": blocks})
    return _template().render(
        chapters=chapters,
        summary=_summary(report),
        findings=summarise(report),
        words=WORDS,
        no_promise=NO_PROMISE,
        about=_about(report),
    )


def _summary(report: EvaluationReport) -> str:
    about = report.about
    drawn = " + ".join(f"{n:,}" for n in about["n_synthetic"])
    kinds = f"{len(about['numerical'])} numerical and {len(about['categorical'])} categorical columns"
    held = f"{about['n_holdout']:,} held-out rows" if about["n_holdout"] else "no held-out rows"
    target = f"; target {about['target']} ({about['task']})" if about["target"] else ""
    return f"{drawn} synthetic rows judged against {about['n_real']:,} real rows and {held}, {kinds}{target}."


def _about(report: EvaluationReport) -> str:
    about = report.about
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"Tables larger than {about['max_rows']:,} rows were subsampled; seed {about['random_state']}; computed in "
        f"{about['seconds']} s with {versions}. Sizes, seeds and intervals of every score: report.to_frame()."
    )


def _margin_cards(report: EvaluationReport) -> dict | None:
    details, times = report.details, report.about.get("times", {})
    if "margins.columns" not in details:
        return None
    errors = details["margins.columns"].sort_values("shape_error", ascending=False, kind="stable")
    bins = dict(list(details["margins.histograms"].groupby("column", sort=False)))
    cards = []
    for row in errors.itertuples():
        if row.column not in bins:
            continue
        kind = "KS" if row.kind == "numerical" else "TV"
        note = ""
        if row.missing_real or row.missing_synthetic:
            note = f"{row.missing_real:.1%} missing, synthetic {row.missing_synthetic:.1%}"
        svg = Markup(pictures.margin(bins[row.column], times.get(row.column)))
        cards.append({"name": row.column, "error": f"{kind} {row.shape_error:.3f}", "svg": svg, "note": note})
    text = "The outer bars of a histogram hold all values beyond them."
    parts = {"cards": cards[:MAX_CARDS], "folded": cards[MAX_CARDS:]}
    return {"kind": "cards", "title": "Columns, the worst first", "text": text, **parts}


def _association_maps(report: EvaluationReport) -> dict | None:
    details = report.details
    if "correlation.mixed_real" not in details:
        return None
    real, fake = details["correlation.mixed_real"], details["correlation.mixed_synthetic"]
    matrices = {"real": real, "synthetic": fake, "difference": fake - real}
    maps = [{"name": name, "svg": Markup(pictures.heatmap(m, f"association: {name}"))} for name, m in matrices.items()]
    text = "Pearson correlation, correlation ratio or Cramér's V; red is positive, blue negative, strength is opacity."
    wide = len(real) > MAX_BESIDE
    return {"kind": "maps", "title": "Association between columns", "text": text, "maps": maps, "wide": wide}


def _tables(heading: str, text: str, *parts: tuple[str, str | None, dict[str, str]]):
    """Make a block of small tables: (details key, column to sort by, columns to show and their names)."""

    def block(report: EvaluationReport) -> dict | None:
        details, tables = report.details, []
        for key, by, names in parts:
            if key not in details or details[key].empty:
                continue
            table = details[key]
            if by is not None:
                table = table.sort_values(by, ascending=False, kind="stable")
            shown = table[list(names)].rename(columns=names).head(MAX_TABLE_ROWS)
            numbers = [name for name in shown if pd.api.types.is_numeric_dtype(shown[name].dtype)]
            rows = [[None if pd.isna(cell) else cell for cell in row] for row in shown.itertuples(index=False)]
            tables.append({"columns": list(shown), "numbers": numbers, "rows": rows})
        return {"kind": "tables", "title": heading, "text": text, "tables": tables} if tables else None

    return block


_BLOCKS = {
    "Single columns": [_margin_cards],
    "Pairs of columns": [
        _association_maps,
        _tables(
            "Pairs that differ most",
            "",
            ("trend.pairs", "error", {"first": "column", "second": "with", "error": "trend error"}),
            (
                "correlation.pairs",
                None,
                {"first": "column", "second": "with", "real": "real", "synthetic": "synthetic"},
            ),
        ),
    ],
    "Detection": [
        _tables(
            "What gives the synthetic rows away",
            "Columns: how far the AUC falls when the critic may not use the column. Pairs: AUC of a small critic that "
            "sees only these two, after differing margins have been repaired.",
            ("detection.columns", "fall", {"column": "column", "fall": "AUC falls by"}),
            ("detection.pairs", "auc", {"first": "column", "second": "with", "auc": "AUC"}),
        )
    ],
    "Usefulness": [
        _tables(
            "Every column as the target",
            "",
            ("global_utility.targets", "score", {"target": "target", "score": "score"}),
        )
    ],
    "Privacy": [
        _tables(
            "Membership attacks",
            "AUC, and the share of members found at 1 % false alarms. The second matters more: a leak usually concerns "
            "few rows.",
            (
                "membership.attacks",
                None,
                {"attack": "attack", "auc": "AUC", "tpr_at_1pct": "found at 1 %"},
            ),
        ),
        _tables(
            "Attribute attacks",
            "Share of secrets guessed. What works on held-out rows as well is knowledge about the population.",
            (
                "attributes.secrets",
                None,
                {"secret": "secret", "training": "training", "held out": "held out"},
            ),
        ),
    ],
}
