"""The report as one HTML page: no network, light and dark, laptop and phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

if TYPE_CHECKING:
    from tabdiff_lora.evaluation.report import EvaluationReport

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Synthetic data report</title></head><body><h1>Synthetic data report</h1>{{ table }}</body></html>
"""


def render(report: EvaluationReport) -> str:
    """Render a report."""
    environment = jinja2.Environment(autoescape=True)
    return environment.from_string(TEMPLATE).render(table=jinja2.utils.markupsafe.Markup(report._repr_html_()))
