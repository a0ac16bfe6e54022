"""evaluate(): every metric ranks identical, near and far, and what cannot be computed says so."""

import json

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation import EvaluationReport, evaluate


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
    return evaluate(draw(600, 0), draw(600, 1, noise=0.2), holdout=draw(600, 2), target="label", n_jobs=1)


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

    real, synthetic, holdout = (permuted(draw(600, s, noise), s) for s, noise in [(0, 0), (1, 0.2), (2, 0)])
    again = evaluate(real, synthetic, holdout=holdout, target="label", n_jobs=1)
    assert again.scores == report.scores


def test_what_cannot_be_computed_is_a_row_with_its_reason():
    frame = evaluate(draw(60, 0)[["c"]], draw(60, 1)[["c"]], n_jobs=1).to_frame()
    assert frame.loc["pearson_difference", "reason"] == "at least two numerical columns are needed, there are 0"
    assert frame.loc["macro_f1", "reason"] == "needs a column to predict: pass target="
    assert frame.loc["shape_error", "reason"] == "no ceiling without a holdout"
    assert frame.loc["shape_error", "value"] > 0


def test_tables_with_other_columns_are_refused():
    real = draw(60, 0)
    with pytest.raises(
        SchemaError, match="column 'x' of synthetic is absent; column 'y' of synthetic must hold numbers"
    ):
        evaluate(real, real.drop(columns="x").assign(y="text"))
