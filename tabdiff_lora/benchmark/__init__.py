"""Many tables, many synthesizers, equal terms: who draws the better rows, and at what cost."""

from tabdiff_lora.benchmark.competitor import COMPETITORS, Competitor
from tabdiff_lora.benchmark.protocol import EqualRows
from tabdiff_lora.benchmark.run import Run
from tabdiff_lora.benchmark.runner import Results, plan, run_all
from tabdiff_lora.benchmark.table import markdown_table

__all__ = [
    "COMPETITORS",
    "Competitor",
    "EqualRows",
    "Results",
    "Run",
    "markdown_table",
    "plan",
    "run_all",
]
