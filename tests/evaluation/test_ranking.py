"""The first law of metrics: identical, near and far tables come out in this order."""

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.evaluation import Efficacy, detection_auc, evaluate

QUICK = {"iterations": 40, "learning_rate": 0.2, "depth": 4}


def draw(n, seed, wrong=0.0):
    """A mixed table with gaps; ``wrong`` in [0, 1] is how far it is from the true distribution."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = (1 - wrong) * x + 0.4 * rng.normal(size=n) + 2 * wrong
    count = np.round(3 + x + wrong * rng.normal(size=n) * 3, 0 if wrong == 0 else 1)
    colour = np.where(y > 0.5, "red", "blue").astype(object)
    new = rng.random(n) < 0.3 * wrong
    colour[new] = "green"
    gap = (x > 1) if wrong == 0 else rng.random(n) < 0.16 + 0.5 * wrong
    label = np.where((x + y > 0) ^ (rng.random(n) < wrong / 2), "yes", "no")
    return pd.DataFrame({"x": x, "y": np.where(gap, np.nan, y), "count": count, "colour": colour, "label": label})


@pytest.fixture(scope="module")
def reports():
    real, holdout = draw(500, 0), draw(500, 1)
    metrics = ["margins", "trend", "correlation", "validity", "coverage", Efficacy(model=QUICK, n_resamples=2)]
    tables = {"identical": holdout, "near": draw(500, 2, 0.15), "far": draw(500, 2, 0.8)}
    common = {"holdout": holdout, "target": "label", "metrics": metrics, "n_jobs": 1}
    return {name: evaluate(real, table, **common) for name, table in tables.items()}


def test_identical_near_far(reports):
    for score in reports["near"].scores:
        identical, near, far = (reports[name][score.name].value for name in ("identical", "near", "far"))
        if score.name in {"repeated_rows", "beta_recall"}:  # best at the ceiling, not at an end
            continue
        sign = 1 if score.direction == "lower" else -1
        assert sign * identical <= sign * near + 1e-9, score.name
        assert sign * near < sign * far, score.name


def test_identical_rows_are_at_distance_zero(reports):
    for name in (
        "shape_error",
        "wasserstein",
        "jensen_shannon",
        "trend_error",
        "mixed_difference",
        "pearson_frobenius",
    ):
        assert reports["identical"][name].value == pytest.approx(0.0, abs=1e-12)


def test_detection_rises_with_distance():
    near, far = (detection_auc(draw(500, 1), draw(500, 2, wrong), n_folds=2, n_jobs=1) for wrong in (0.15, 0.8))
    assert detection_auc(draw(500, 1), draw(500, 3), n_folds=2, n_jobs=1) < near < far


def test_coverage_falls_with_distance(reports):
    assert reports["near"]["beta_recall"].value > reports["far"]["beta_recall"].value
