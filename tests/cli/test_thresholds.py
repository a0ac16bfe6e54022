"""Thresholds follow the direction of each score."""

import pytest

from tabdiff_lora.cli.thresholds import missed, read_thresholds
from tabdiff_lora.evaluation import EvaluationReport, Score


def report(*scores):
    return EvaluationReport(scores, {}, {})


@pytest.mark.parametrize(
    ("direction", "limit", "expected"),
    [
        ("lower", 0.3, []),
        ("lower", 0.2, ["s must be at most 0.2. Got 0.3 instead."]),
        ("higher", 0.3, []),
        ("higher", 0.4, ["s must be at least 0.4. Got 0.3 instead."]),
        ("match", 0.25, []),
        ("match", 0.15, ["s must be within 0.15 of its ceiling, 0.5. Got 0.3 instead."]),
    ],
)
def test_worse_is_what_the_direction_says(direction, limit, expected):
    assert missed(report(Score("s", "g", 0.3, direction, ceiling=0.5)), {"s": limit}) == expected


def test_names_and_limits_are_read():
    assert read_thresholds({"shape_error": "0.05"}) == {"shape_error": 0.05}
    with pytest.raises(
        ValueError, match=r"score of --fail-under must be one of shape_error, .*\. Got 'beauty' instead"
    ):
        read_thresholds({"beauty": "1"})
    with pytest.raises(ValueError, match=r"limit of --fail-under r2 must be a number\. Got 'high' instead"):
        read_thresholds({"r2": "high"})


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([], "it is not"),
        ([Score("r2", "g", None, "higher", reason="no target")], "no target"),
        ([Score("r2", "g", 0.1, "match", reason="no holdout")], "no holdout"),
    ],
)
def test_a_score_that_was_not_computed_cannot_pass(scores, reason):
    with pytest.raises(ValueError, match=rf"must be in the report\. Got 'r2' instead: {reason}\."):
        missed(report(*scores), {"r2": 0.5})
