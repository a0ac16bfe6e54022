"""Thresholds of ``evaluate --fail-under``: the worst value of a score that is still accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabdiff_lora.evaluation import EvaluationReport, Score


def read_thresholds(values: Mapping[str, str]) -> dict[str, float]:
    """Return the limit of each score.

    Raises
    ------
    ValueError
        If a name is no score, or a value no number.
    """
    from tabdiff_lora.evaluation.wording import TITLES

    limits = {}
    for name, value in values.items():
        if name not in TITLES:
            raise ValueError(f"score of --fail-under must be one of {', '.join(TITLES)}. Got {name!r} instead.")
        try:
            limits[name] = float(value)
        except ValueError as error:
            raise ValueError(f"limit of --fail-under {name} must be a number. Got {value!r} instead.") from error
    return limits


def missed(report: EvaluationReport, limits: Mapping[str, float]) -> list[str]:
    """Return a sentence for each score that is worse than its limit.

    What is worse depends on the direction of the score: above the limit where lower is better, below it where higher
    is, and farther from the ceiling than the limit where the ceiling is best.

    Raises
    ------
    ValueError
        If there is a limit for a score that the report does not have.
    """
    scores = {score.name: score for score in report.scores}
    sentences = []
    for name, limit in limits.items():
        score = scores.get(name)
        if score is None or score.value is None or (score.direction == "match" and score.ceiling is None):
            reason = "it is not" if score is None else score.reason
            raise ValueError(f"score of --fail-under must be in the report. Got {name!r} instead: {reason}.")
        expected, is_met = _judged(score, limit)
        if not is_met:
            sentences.append(f"{name} must be {expected}. Got {score.value:.4g} instead.")
    return sentences


def _judged(score: Score, limit: float) -> tuple[str, bool]:
    if score.direction == "lower":
        return f"at most {limit:g}", score.value <= limit
    if score.direction == "higher":
        return f"at least {limit:g}", score.value >= limit
    return f"within {limit:g} of its ceiling, {score.ceiling:.4g}", abs(score.value - score.ceiling) <= limit
