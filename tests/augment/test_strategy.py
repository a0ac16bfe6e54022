"""Sampling strategies mean what they mean in imbalanced-learn."""

from __future__ import annotations

import numpy as np
import pytest

from tabdiff_lora.augment.strategy import rows_to_add

LABELS = np.repeat(["a", "b", "c"], [50, 20, 5])


@pytest.mark.parametrize(
    ("strategy", "labels", "added"),
    [
        ("auto", LABELS, {"b": 30, "c": 45}),
        ("not majority", LABELS, {"b": 30, "c": 45}),
        ("minority", LABELS, {"c": 45}),
        ("not minority", LABELS, {"a": 0, "b": 30}),
        ("all", LABELS, {"a": 0, "b": 30, "c": 45}),
        ({"c": 8}, LABELS, {"c": 3}),
        (lambda y: {"b": 21}, LABELS, {"b": 1}),
        (0.5, LABELS[:70], {"b": 5}),
    ],
)
def test_sampling_strategies_mean_what_they_mean_in_imbalanced_learn(strategy, labels, added):
    assert rows_to_add(strategy, labels) == added


@pytest.mark.parametrize(
    ("strategy", "labels", "message"),
    [
        (0.5, LABELS, "sampling_strategy must be a float for two classes only. Got 3 classes"),
        (0.1, LABELS[:70], r"rows of class 'b' must be at least those it has \(20\). Got 5 instead"),
        ({"d": 5}, LABELS, r"rows of class 'd' must be at least those it has \(none\)"),
        ("auto", LABELS[:10], "y must have at least two classes. Got 1 class, 'a', instead"),
    ],
)
def test_sampling_strategies_that_cannot_be_met(strategy, labels, message):
    with pytest.raises(ValueError, match=message):
        rows_to_add(strategy, labels)
