"""The first law of metrics: identical, near and far tables come out in this order, for every metric there is."""

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.evaluation import AugmentationGain, Detection, Efficacy, GlobalUtility, evaluate
from tabdiff_lora.evaluation.runner import ALL_METRICS

QUICK = {"iterations": 30, "learning_rate": 0.2, "depth": 4}
CHEAP = {
    "detection": Detection(n_folds=2),
    "efficacy": Efficacy(model=QUICK, n_resamples=2),
    "augmentation": AugmentationGain(model=QUICK, n_seeds=2, n_resamples=2),
    "global_utility": GlobalUtility(model=QUICK, n_resamples=2),
}
FEW = {"augmentation"}  # asked with few real rows, as it is meant to be
EVERY_TASK = {name: way for kind in ALL_METRICS for name, way in kind.directions.items()}
PRIVACY = [name for kind in ALL_METRICS if kind.group == "Privacy" for name in kind.directions]
FIDELITY = [name for name in EVERY_TASK if name not in PRIVACY]
ONLY_COPIES = {"exact_copies"}  # a copy that was blurred is none


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
    flip = rng.random(n) < wrong / 2
    label = np.where((x + y > 0) ^ flip, "yes", "no")
    score = np.where(flip, -1, 1) * (x + y) + 2 * rng.normal(size=n)
    y = np.where(gap, np.nan, y)
    table = pd.DataFrame({"x": x, "y": y, "count": count, "colour": colour, "label": label, "score": score})
    collapsed = rng.random(n) < wrong / 3
    return table.iloc[np.where(collapsed, 0, np.arange(n))]


def blurred(table, by):
    """Return copies whose numbers moved a little."""
    rng = np.random.default_rng(5)
    return table.assign(**{name: table[name] + by * rng.normal(size=len(table)) for name in ("x", "y", "score")})


@pytest.fixture(scope="module")
def values():
    """Value and ceiling of every score by table: those of a fidelity ladder, and those of a ladder of copies."""
    real, holdout = draw(500, 0), draw(500, 1)
    fidelity = {"identical": holdout, "fresh": draw(500, 3), "near": draw(500, 2, 0.15), "far": draw(500, 2, 0.8)}
    copies = {"copied": real, "blurred": blurred(real, 0.03), "fresh": fidelity["fresh"]}
    found = {}
    for kind in ALL_METRICS:
        ladder = copies if kind.group == "Privacy" else fidelity
        for name, table in ladder.items():
            rows = real.head(40) if kind.name in FEW else real
            for target in ("label", "score") if "r2" in kind.directions else ("label",):
                metric = CHEAP.get(kind.name, kind.name)
                report = evaluate(rows, table, holdout=holdout, target=target, metrics=[metric], n_jobs=1)
                found[name] = found.get(name, {}) | {score.name: score for score in report.scores}
    return found


def badness(score):
    """How bad a value is: less is better, whatever the direction."""
    if score.direction == "match":
        return abs(score.value - score.ceiling)
    return score.value if score.direction == "lower" else -score.value


@pytest.mark.parametrize("name", FIDELITY)
def test_identical_near_far(values, name):
    best = "fresh" if EVERY_TASK[name] == "match" else "identical"
    identical, near, far = (badness(values[table][name]) for table in (best, "near", "far"))
    assert identical <= near + 1e-9
    assert near < far


@pytest.mark.parametrize("name", PRIVACY)
def test_the_risk_falls_from_copies_to_blurred_copies_to_fresh_rows(values, name):
    copied, near, fresh = (badness(values[table][name]) for table in ("copied", "blurred", "fresh"))
    assert copied >= near - 1e-9
    assert near > fresh or name in ONLY_COPIES
    assert copied > fresh


def test_identical_rows_are_at_distance_zero(values):
    distances = ["shape_error", "wasserstein", "jensen_shannon", "trend_error", "mixed_difference", "pearson_frobenius"]
    for name in distances:
        assert values["identical"][name].value == pytest.approx(0.0, abs=1e-12)
