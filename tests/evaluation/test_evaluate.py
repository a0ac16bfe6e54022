"""evaluate(): every metric ranks identical, near and far, and what cannot be computed says so."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from joblib import cpu_count
from threadpoolctl import threadpool_info

from tabdiff_lora.evaluation import (
    AugmentationGain,
    Detection,
    Efficacy,
    EvaluationReport,
    GlobalUtility,
    evaluate,
)
from tabdiff_lora.evaluation.runner import ALL_METRICS
from tabdiff_lora.evaluation.threads import n_threads, side_by_side

QUICK = {"iterations": 20, "learning_rate": 0.2, "depth": 4}
CHEAP = [
    Detection(n_folds=2),
    Efficacy(model=QUICK, n_resamples=10),
    AugmentationGain(model=QUICK, n_seeds=2),
    GlobalUtility(model=QUICK),
]
ALL = [kind.name for kind in ALL_METRICS if kind.name not in {metric.name for metric in CHEAP}] + CHEAP


def draw(n, seed, noise=0.0):
    """Rows of a small mixed table; ``noise`` blurs margins and dependence."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n).round(2)
    y = x + 0.5 * rng.normal(size=n)
    c = np.where(x + 0.3 * rng.normal(size=n) > 0, "high", "low")
    swap = rng.random(n) < noise
    c[swap] = rng.choice(["high", "low"], swap.sum(), p=[0.8, 0.2])
    y[swap] = 2 * rng.normal(size=swap.sum()) + 1
    label = np.where(y + 0.5 * rng.normal(size=n) > 0, "yes", "no")
    return pd.DataFrame({"x": x, "y": y, "c": c, "label": label})


@pytest.fixture(scope="module")
def report():
    common = {"target": "label", "metrics": ALL, "n_jobs": 1}
    return evaluate(draw(400, 0), draw(400, 1, noise=0.2), holdout=draw(400, 2), **common)


def test_every_score_has_a_value_and_its_anchors(report):
    frame = report.to_frame()
    assert frame.loc["missing_pattern_error", "reason"] == "no value is missing in either table"
    frame = frame.drop(index="missing_pattern_error")
    assert frame[["value", "low", "high", "ceiling", "floor"]].notna().all(axis=None)
    assert (frame["reason"] == "").all()
    assert (frame["low"] <= frame["value"]).all()
    assert (frame["value"] <= frame["high"]).all()


def test_json_round_trip(report):
    again = EvaluationReport.from_dict(json.loads(report.to_json()))
    assert again.scores == report.scores
    assert again.details.keys() == report.details.keys()


def test_permuting_rows_and_columns_changes_nothing(report):
    def permuted(df, seed):
        return df.sample(frac=1, random_state=seed)[["label", "y", "c", "x"]].reset_index(drop=True)

    real, synthetic, holdout = (permuted(draw(400, s, noise), s) for s, noise in [(0, 0), (1, 0.2), (2, 0)])
    again = evaluate(real, synthetic, holdout=holdout, target="label", metrics=ALL, n_jobs=2)  # nor do threads
    assert again.scores == report.scores
    for name, table in report.details.items():
        pd.testing.assert_frame_equal(again.details[name], table)


def test_several_draws_have_a_mean_and_a_spread():
    draws = [draw(200, seed) for seed in (1, 2, 3)]
    metrics = ["margins", "coverage"]
    score = evaluate(draw(200, 0), draws, holdout=draw(200, 4), metrics=metrics, n_jobs=1)["shape_error"]
    alone = [
        evaluate(draw(200, 0), one, holdout=draw(200, 4), metrics=metrics, n_jobs=1)["shape_error"] for one in draws
    ]
    assert score.draws == tuple(one.value for one in alone)
    assert score.value == pytest.approx(np.mean(score.draws))
    assert score.std == pytest.approx(np.std(score.draws, ddof=1))
    half = 4.3027 * score.std / 3**0.5  # t with two degrees of freedom
    assert score.interval == pytest.approx((score.value - half, score.value + half), rel=1e-4)
    assert score.interval_kind == "t, over 3 draws"
    assert alone[0].std is None


def test_small_tables_get_one_thread_and_settings_are_left_alone():
    assert n_threads(None, 1000) == 1
    assert n_threads(None, 10**6) == cpu_count()
    assert n_threads(3, 1000) == 3
    before = [(pool["user_api"], pool["num_threads"]) for pool in threadpool_info()]
    assert side_by_side([lambda: 1, lambda: 2, lambda: 3], threads=2) == [1, 2, 3]
    assert [(pool["user_api"], pool["num_threads"]) for pool in threadpool_info()] == before


def test_frames_of_other_libraries_are_read_alike():
    polars = pytest.importorskip("polars")
    tables = [draw(80, seed) for seed in range(3)]
    metrics = ["margins", "trend", "validity"]
    plain, other = (
        evaluate(real, fake, holdout=holdout, metrics=metrics, n_jobs=1)
        for real, fake, holdout in (tables, map(polars.from_pandas, tables))
    )
    assert plain.scores == other.scores


def test_what_cannot_be_computed_is_a_row_with_its_reason():
    frame = evaluate(draw(60, 0)[["c"]], draw(60, 1)[["c"]], n_jobs=1).to_frame()
    assert frame.loc["pearson_difference", "reason"] == "at least two numerical columns are needed, there are 0"
    assert frame.loc["macro_f1", "reason"] == "needs a column to predict: pass target="
    assert frame.loc["shape_error", "reason"] == "no ceiling without a holdout"
    assert frame.loc["shape_error", "value"] > 0


def test_catboost_is_loaded_before_threads_start():
    """It loads polars, and scikit-learn in another thread must not find that half loaded."""
    script = """
import sys
import pandas as pd
from tabdiff_lora.evaluation import evaluate, runner
runner.side_by_side = lambda tasks, threads: sys.exit(0 if "catboost" in sys.modules else "too late")
table = pd.DataFrame({"x": range(100), "y": [0, 1] * 50})
evaluate(table, table, target="y", metrics=["efficacy"])
"""
    subprocess.run([sys.executable, "-c", script], check=True)
