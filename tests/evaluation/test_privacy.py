"""Privacy: a generator that copies is caught by every attack, fresh rows by none; and coverage and validity see it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tabdiff_lora.evaluation import (
    AttributeInference,
    Copies,
    Coverage,
    Detection,
    Efficacy,
    MembershipInference,
    Validity,
    evaluate,
)
from tabdiff_lora.evaluation.columns import read_pair
from tabdiff_lora.evaluation.coverage import LEVELS, covered_by_beta_supports, inside_alpha_supports, level_agreement
from tabdiff_lora.evaluation.distance import embed, nearest, nearest_without
from tabdiff_lora.evaluation.privacy import attack_success, guessed, share_of_nearest
from tabdiff_lora.evaluation.validity import decimals, missing_pattern_error, wilson

METRICS = [Copies(), MembershipInference(), AttributeInference(), Coverage()]


def draw(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)) @ np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.8], [0, 0, 0, 1]])
    return pd.DataFrame(x, columns=list("wxyz")).assign(c=np.where(x[:, 0] > 0, "up", "down"))


@pytest.fixture(scope="module")
def reports():
    real, holdout = draw(400, 0), draw(800, 1)
    blurred = real.copy()
    blurred[list("wxyz")] += 0.01 * np.random.default_rng(3).normal(size=(400, 4))
    candidates = {"fresh": draw(400, 2), "copy": real, "blurred": blurred}
    return {name: evaluate(real, df, holdout=holdout, metrics=METRICS, n_jobs=1) for name, df in candidates.items()}


def test_fresh_rows_give_nothing_away(reports):
    fresh = reports["fresh"]
    assert fresh["exact_copies"].value == 0
    assert fresh["closer_to_training"].value == pytest.approx(0.5, abs=0.08)
    assert fresh["membership_auc"].value == pytest.approx(0.5, abs=0.08)
    assert fresh["membership_tpr"].value < 0.06
    assert abs(fresh["attribute_inference"].value) < 0.06
    assert fresh["beta_recall"].value == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("name", ["copy", "blurred"])
def test_a_memoriser_is_caught_even_if_it_blurs(reports, name):
    report = reports[name]
    assert report["exact_copies"].value == (name == "copy")
    assert report["nearest_ratio"].value < 0.2
    assert report["memorised"].value > 0.9
    assert report["closer_to_training"].value > 0.9
    assert report["membership_auc"].value > 0.9
    assert report["membership_tpr"].value > 0.25
    assert report["attribute_inference"].value > 0.15
    assert report["beta_recall"].value < 0.65  # held-out rows are the reference: copies are nothing special to them


@pytest.mark.parametrize("name", ["exact_copies", "memorised", "closer_to_training", "membership_auc", "nearest_ratio"])
def test_the_risk_falls_from_copies_to_blurred_copies_to_fresh_rows(reports, name):
    copy, blurred, fresh = (reports[table][name].value for table in ("copy", "blurred", "fresh"))
    sign = -1 if name == "nearest_ratio" else 1
    assert sign * copy >= sign * blurred >= sign * fresh
    assert sign * copy > sign * fresh


def test_copying_earns_nothing_elsewhere():
    real, holdout = draw(300, 0), draw(300, 1)
    quick = {"iterations": 20, "learning_rate": 0.2, "depth": 4}
    metrics = ["margins", "trend", "correlation", "coverage", Detection(n_folds=2), Efficacy(model=quick)]
    report = evaluate(real, real, holdout=holdout, target="c", metrics=metrics, n_jobs=1)
    for score in report.scores:
        assert score.value == pytest.approx(score.ceiling), score.name


def test_the_ceiling_is_fresh_and_the_floor_copies(reports):
    score = reports["fresh"]["membership_auc"]
    assert score.ceiling == pytest.approx(0.5, abs=0.1)
    assert score.floor > 0.9


def test_without_a_holdout_there_is_a_reason():
    frame = evaluate(draw(100, 0), draw(100, 1), metrics=METRICS, n_jobs=1).to_frame()
    reason = "needs real rows that the generator has not seen: pass holdout="
    assert frame.loc[["membership_auc", "membership_tpr", "attribute_inference"], "reason"].tolist() == [reason] * 3
    assert frame.loc["closer_to_training", "reason"] == "needs 50 training and 50 held-out rows"
    assert frame.loc["exact_copies", "value"] == 0


def test_distance_by_hand():
    real = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan], "c": ["a", "b", "a", "a"]})
    table, _ = read_pair(real, real)
    (points,) = embed(table, table)
    order = np.argsort(np.nan_to_num(table.column("x"), nan=9))
    distance = np.linalg.norm(points[order][:, None] - points[order], axis=2) ** 2
    assert distance[0, 2] == pytest.approx((2 / 3) ** 2)  # same category, two ranks of three apart
    assert distance[0, 1] == pytest.approx((1 / 3) ** 2 + 1)
    assert distance[1, 3] == pytest.approx(0 + 1 + 1)  # the missing value: middle, one step aside, other category
    assert nearest(points, points, k=2)[0][:, 0].tolist() == [0, 0, 0, 0]


def test_leaving_a_column_out_is_forgetting_it():
    rows = draw(300, 0).assign(w=lambda df: df["w"].where(df["x"] > -1))
    table, other = read_pair(rows, draw(300, 1).assign(w=lambda df: df["w"].where(df["y"] > -1)))
    found = nearest_without(table, table, other, ["w", "c"])
    for k, name in enumerate(["w", "c"]):
        kept = [part.keep(set(table.names) - {name}) for part in (table, other)]
        points = embed(kept[0], *kept)
        distance = np.linalg.norm(points[0] - points[1][found[:, k]], axis=1)
        assert distance == pytest.approx(nearest(*points)[0][:, 0])


def test_a_guess_is_right_within_a_twentieth_of_the_ranks():
    real, _ = read_pair(*[pd.DataFrame({"x": np.arange(100.0), "c": ["a", "b"] * 50})] * 2)
    truth = np.array([50.0, 50.0, np.nan, np.nan])
    assert guessed(real, "x", truth, np.array([54.0, 57.0, np.nan, 1.0])).tolist() == [True, False, True, False]
    assert guessed(real, "c", np.array([0, 1]), np.array([0, 0])).tolist() == [True, False]


def test_the_share_of_the_nearest_by_hand():
    first, second = np.array([[1.0, 2.0, 9.0]]), np.array([[2.0, 2.0, 3.0]])
    assert share_of_nearest(first, second, k=1).tolist() == [1.0]
    assert share_of_nearest(first, second, k=2).tolist() == [(1 + 1 / 3) / 2]  # three are tied for one place
    assert share_of_nearest(first, second, k=5).tolist() == [2 / 5]


def test_copies_by_hand():
    real = pd.DataFrame({"x": [0.0, 1, 2, 3]})  # mid-ranks 1/8, 3/8, 5/8, 7/8
    report = evaluate(real, pd.DataFrame({"x": [0.0, 1.5, 9.0]}), metrics=[Copies()], n_jobs=1)
    assert report["exact_copies"].value == pytest.approx(1 / 3)
    assert report["memorised"].value == pytest.approx(1 / 3)  # the copy: 0 to the first, 1/4 to the second
    assert report["nearest_ratio"].value == pytest.approx(1 / 3)  # of 0, 1 and (1/8) / (3/8)


def test_coverage_by_hand():
    real, fake = np.array([[-1.0], [0.0], [1.0]]), np.array([[0.0], [0.0], [5.0]])
    assert inside_alpha_supports(real, fake)[:, -1].tolist() == [True, True, False]
    # nearest others of the real points are at 1; the nearest synthetic ones at 1 (a tie), 0 (won), 1 (a tie)
    assert covered_by_beta_supports(real, fake)[:, -1].tolist() == [0.5, 1.0, 0.5]
    assert level_agreement(np.tile(LEVELS > 0.5, (2, 1)) * 1.0) < 1
    assert level_agreement(LEVELS[None]) == 1


def test_closer_to_training_by_hand():
    real, holdout = pd.DataFrame({"x": np.arange(60.0)}), pd.DataFrame({"x": np.arange(60.0) + 0.5})
    fake = pd.DataFrame({"x": [3.0, 7.0, 20.0, 30.5]})  # three are training rows, one is a held-out row
    report = evaluate(real, fake, holdout=holdout, metrics=[Copies()], n_jobs=1)
    assert report["closer_to_training"].value == 0.75


def test_attribute_inference_by_hand():
    real = pd.DataFrame({"x": np.arange(100.0), "c": ["a", "b"] * 50})
    holdout = pd.DataFrame({"x": np.arange(100.0), "c": ["b", "a"] * 50})
    report = evaluate(real, real, holdout=holdout, metrics=[AttributeInference()], n_jobs=1)
    # c is read off the row with the same x, always right for training rows and always wrong for the others; x off the
    # nearest row with the same c, which is the row itself or its neighbour, at one rank in a hundred
    rates = report.details["attributes.secrets"].set_index("secret")
    assert rates.loc["c", ["training", "held out"]].tolist() == [1.0, 0.0]
    assert report["attribute_inference"].value == pytest.approx((rates["training"] - rates["held out"]).mean())


def test_attack_success_by_hand():
    found = attack_success(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.5, 0.1]))
    assert found["auc"] == 0.75
    assert found["tpr_at_1pct"] == 0.5


def test_wilson_is_scipys():
    interval = binomtest(7, 50).proportion_ci(method="wilson")
    assert wilson(7 / 50, 50, z=1.959964) == pytest.approx((interval.low, interval.high), abs=1e-6)


@pytest.mark.parametrize("n", [1, 7, 3_600, 6_512])
def test_wilson_ends_at_a_share_that_cannot_be_less_or_more(n):
    assert wilson(0.0, n)[0] == 0.0 and wilson(1.0, n)[1] == 1.0
    assert 0.0 < wilson(0.0, n)[1] < 1.0 and 0.0 < wilson(1.0, n)[0] < 1.0


def test_validity_by_hand():
    real = pd.DataFrame({"n": [1, 2, 3, 4], "price": [0.25, 1.5, 2.0, 3.75], "c": ["a", "b", "a", "b"]})
    fake = pd.DataFrame({"n": [1, 5, 2.5, 2], "price": [0.25, 0.255, 1, 9], "c": ["a", "z", "z", "b"]})
    report = evaluate(real, fake, metrics=[Validity()])
    assert report["out_of_range"].value == pytest.approx((1 / 4 + 1 / 4) / 2)
    assert report["off_grid"].value == pytest.approx((1 / 4 + 1 / 4) / 2)
    assert report["unseen_categories"].value == 0.5
    assert report["repeated_rows"].value == 0
    twice = pd.concat([fake, fake.head(1), fake.head(1)])
    assert evaluate(pd.concat([real, real]), twice, metrics=[Validity()])["repeated_rows"].value == pytest.approx(3 / 6)
    assert decimals(np.array([0.25, np.nan])) == 2
    assert decimals(np.array([np.pi])) is None


def test_missing_patterns_by_hand():
    real = pd.DataFrame({"x": [1, None, None, 4.0], "c": ["a", None, None, "b"]})
    apart = pd.DataFrame({"x": [1, None, None, 4.0], "c": [None, "a", "b", None]})
    tables = read_pair(real, apart)
    assert missing_pattern_error(*tables) == pytest.approx(1.0)  # both, both, none, none against x, x, c, c
    assert missing_pattern_error(tables[0], tables[0]) == 0
