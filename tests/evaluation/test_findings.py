"""The report in sentences: it praises fresh rows, blames what is wrong, and never grades."""

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.evaluation import Detection, Efficacy, Score, evaluate
from tabdiff_lora.evaluation.findings import judge

QUICK = {"iterations": 20, "learning_rate": 0.2, "depth": 4}
METRICS = ["margins", "trend", "correlation", "validity", "coverage", Detection(n_folds=2), Efficacy(model=QUICK)]
METRICS += ["copies", "membership", "attributes"]


def draw(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = x + 0.2 * rng.normal(size=n)
    z = x - y + 0.05 * rng.normal(size=n)
    return pd.DataFrame({"x": x, "y": y, "z": z, "label": np.where(x + z > 0, "yes", "no")})


@pytest.fixture(scope="module")
def findings():
    real, holdout, fresh = draw(400, 0), draw(400, 1), draw(400, 2)
    candidates = {
        "fresh": fresh,
        "shuffled": fresh.apply(np.random.default_rng(3).permutation),
        "shifted": fresh.assign(x=fresh["x"] + 3),
        "copy": real,
    }
    reports = {
        name: evaluate(real, df, holdout=holdout, target="label", metrics=METRICS, n_jobs=1)
        for name, df in candidates.items()
    }
    return {name: {f.question: f for f in report.summary()} for name, report in reports.items()}


COLUMNS, PAIRS = "Is each column as it should be?", "Do columns depend on each other as they should?"
TOLD, TRAINED = "Can synthetic rows be told from real ones?", "Can a model be trained on them?"
COPIED, LEAK = "Are training rows repeated?", "Do they tell more about the training rows than about other rows?"


def test_fresh_rows_are_as_good_as_real_ones(findings):
    assert len(findings["fresh"]) == 8
    assert {finding.status for finding in findings["fresh"].values()} <= {"good", "fair"}
    assert "learned no more about training rows" in findings["fresh"][LEAK].text
    assert "notice surpluses from about" in findings["fresh"][LEAK].text


def test_what_is_wrong_is_blamed_and_the_rest_is_not(findings):
    shuffled, shifted = findings["shuffled"], findings["shifted"]
    assert shuffled[COLUMNS].status == "good"
    assert {shuffled[question].status for question in (PAIRS, TOLD, TRAINED)} == {"poor"}
    assert "the dependence between columns" in shuffled[TOLD].text
    assert shuffled[LEAK].status == "good"
    assert shifted[COLUMNS].status == "poor"
    assert "Worst: x" in shifted[COLUMNS].text


def test_copies_are_blamed_for_copying_only(findings):
    copy = findings["copy"]
    assert {copy[question].status for question in (COPIED, LEAK)} == {"poor"}
    assert "100.0% of the synthetic rows equal a training row" in copy[COPIED].text
    assert "training rows recognised at 1 % false alarms" in copy[LEAK].text
    assert {copy[question].status for question in (COLUMNS, PAIRS, TOLD, TRAINED)} == {"good"}


def test_without_held_out_rows_nothing_is_judged():
    report = evaluate(draw(100, 0), draw(100, 1), metrics=["margins", "copies", "membership"], n_jobs=1)
    assert {finding.status for finding in report.summary()} == {"open"}


@pytest.mark.parametrize(
    ("value", "interval", "status"),
    [(0.50, None, "good"), (0.54, None, "good"), (0.6, None, "fair"), (0.6, (0.5, 0.7), "good"), (0.7, None, "poor")],
)
def test_the_rule_by_hand(value, interval, status):
    """Ceiling 0.48 is luck, 0.5 counts; a tenth of the way to 0.95 is 0.545, a third 0.65."""
    assert judge(Score("detection_auc", "Detection", value, "lower", 0.48, 0.95, interval)) == status


def test_privacy_has_no_tolerance():
    common = {"group": "Privacy", "direction": "lower", "ceiling": 0.01, "floor": 1.0}
    assert judge(Score("membership_tpr", value=0.03, interval=(0.02, 0.04), **common)) == "fair"
    assert judge(Score("membership_tpr", value=0.015, interval=(0.01, 0.02), **common)) == "good"
    assert judge(Score("membership_tpr", value=0.07, interval=(0.06, 0.08), **common)) == "poor"
