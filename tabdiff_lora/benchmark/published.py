"""Numbers that others have published, to stand beside ours; none of them was measured here.

``published.csv`` holds macro-F1 or R2 of the sixteen tables from TabDDPM's repository (means and population deviations
of 5 draws x 10 models, one trained generator), the headline of the paper, and that of its successor.

References
----------
TabDDPM: Modelling Tabular Data with Diffusion Models (Kotelnikov et al., 2023), table of machine-learning efficiency.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tabdiff_lora.benchmark.columns import Column

BASELINE = "TabDDPM"
"""The method whose published score is to be beaten."""

OTHER_ROWS = frozenset({"insurance"})
"""Tables whose parts are not those of the publication: real rows score 0.90 here and 0.81 there, so that nothing of it
can be compared."""


@dataclass(frozen=True)
class Published:
    """A published score.

    Parameters
    ----------
    method, metric : str
    mean : float
    deviation : float or None
        None where it was not published.
    runs : int or None
    source : str
    """

    method: str
    metric: str
    mean: float
    deviation: float | None
    runs: int | None
    source: str


@cache
def published_scores() -> dict[str, tuple[Published, ...]]:
    """Read the published scores.

    Returns
    -------
    dict of table to tuple of Published

    Examples
    --------
    >>> from tabdiff_lora.benchmark.published import published_scores
    >>> next(score.mean for score in published_scores()["churn2"] if score.method == "TabDDPM")
    0.7548
    """
    found: dict[str, list[Published]] = {}
    text = files(__package__).joinpath("published.csv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        score = Published(
            row["method"],
            row["metric"],
            float(row["mean"]),
            float(row["deviation"]) if row["deviation"] else None,
            int(row["runs"]) if row["runs"] else None,
            row["source"],
        )
        found.setdefault(row["table"], []).append(score)
    return {table: tuple(scores) for table, scores in found.items()}


def published_methods(table: str) -> dict[str, dict[str, Published]]:
    """Published scores of a table by method, then by metric; empty for a table that is not one of the sixteen."""
    methods: dict[str, dict[str, Published]] = {}
    for score in published_scores().get(table, ()):
        methods.setdefault(score.method, {})[score.metric] = score
    return methods


def verdict(table: str, column: Column, mean: float) -> str:
    """Hold a mean against TabDDPM's published one: ``"beats"``, ``"within"`` one deviation, ``"misses"``.

    Empty where nothing is published, or on other rows.
    """
    theirs = {} if table in OTHER_ROWS else published_methods(table).get(BASELINE, {})
    score = next((theirs[metric] for metric in column.metrics if metric in theirs), None)
    if score is None or score.deviation is None:
        return ""
    if mean >= score.mean:
        return "beats"
    return "within" if mean >= score.mean - score.deviation else "misses"
