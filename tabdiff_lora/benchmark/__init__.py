"""Many tables, many synthesizers, equal terms: who draws the better rows, and at what cost."""

from tabdiff_lora.benchmark.competitor import COMPETITORS, Competitor
from tabdiff_lora.benchmark.page import html_report
from tabdiff_lora.benchmark.protocol import EqualRows, Protocol
from tabdiff_lora.benchmark.published import published_scores
from tabdiff_lora.benchmark.run import PROTOCOLS, Run, parse_protocol
from tabdiff_lora.benchmark.runner import Results, draw_all, plan, run_all
from tabdiff_lora.benchmark.summary import Summary
from tabdiff_lora.benchmark.table import markdown_report, markdown_table
from tabdiff_lora.benchmark.tuned import TunedCatBoost

__all__ = [
    "COMPETITORS",
    "PROTOCOLS",
    "Competitor",
    "EqualRows",
    "Protocol",
    "Results",
    "Run",
    "Summary",
    "TunedCatBoost",
    "draw_all",
    "html_report",
    "markdown_report",
    "markdown_table",
    "parse_protocol",
    "plan",
    "published_scores",
    "run_all",
]
