"""Usefulness: equal to scikit-learn's scores, and a reason where there is no score."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation import (
    AugmentationGain,
    Efficacy,
    GlobalUtility,
    MetricUnavailable,
    evaluate,
    ml_efficiency,
    published_settings,
)
from tabdiff_lora.evaluation.efficacy import classification_scores, infer_task

QUICK = {"iterations": 30, "learning_rate": 0.2, "depth": 4}


def draw(n, seed):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    c = rng.choice(["a", None], n)
    amount = x + 0.2 * rng.normal(size=n)
    label = np.select([x + 0.5 * z > 0.5, x + 0.5 * z < -0.5], ["high", "low"], "middle")
    return pd.DataFrame({"x": x, "z": z, "c": c, "amount": amount, "label": label})


def test_equality_with_scikit_learn():
    train, test = (draw(300, seed)[["x", "z", "label"]].sort_values(["x"]) for seed in (0, 1))
    model = LogisticRegression().fit(train[["x", "z"]].to_numpy(), train["label"])
    y, probability = test["label"], model.predict_proba(test[["x", "z"]].to_numpy())
    predicted = model.classes_[probability.argmax(axis=1)]
    scores = ml_efficiency(train, test, "label", model=LogisticRegression())
    assert scores["macro_f1"] == pytest.approx(f1_score(y, predicted, average="macro"), abs=1e-6)
    assert scores["accuracy"] == pytest.approx(accuracy_score(y, predicted), abs=1e-6)
    assert scores["roc_auc"] == pytest.approx(roc_auc_score(y, probability, multi_class="ovr"), abs=1e-4)
    assert scores["log_loss"] == pytest.approx(log_loss(y, probability), abs=1e-4)
    line = LinearRegression().fit(train[["x"]].to_numpy(), train["z"])
    scores = ml_efficiency(train[["x", "z"]], test[["x", "z"]], "z", model=LinearRegression())
    predicted = line.predict(test[["x"]].to_numpy())
    assert scores["r2"] == pytest.approx(r2_score(test["z"], predicted))
    assert scores["rmse"] == pytest.approx(root_mean_squared_error(test["z"], predicted))


def test_catboost_learns_classes_and_numbers_with_missing_categories():
    train, test = draw(400, 0), draw(400, 1)
    assert ml_efficiency(train, test, "label", model=QUICK, n_jobs=1)["macro_f1"] > 0.8
    assert ml_efficiency(train, test, "amount", model=QUICK, n_jobs=1)["r2"] > 0.8


def test_rows_without_a_target_are_left_out():
    train, test = draw(300, 0), draw(300, 1)
    holed = pd.concat([test, test.assign(label=None, x=-test["x"])])
    common = {"target": "label", "model": QUICK, "n_jobs": 1}
    assert ml_efficiency(train, holed, **common) == pytest.approx(ml_efficiency(train, test, **common))


def test_a_class_the_model_never_met_has_probability_zero():
    y, predicted = np.array([0, 1, 2, 2]), np.array([0, 1, 1, 1])
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.4, 0.6]])
    scores = classification_scores(y, predicted, probability, np.array([0, 1]))
    assert scores["roc_auc"] == pytest.approx((1.0 + 1.0 + 0.5) / 3)
    assert np.isfinite(scores["log_loss"])


def test_a_single_class_is_a_reason():
    train, test = draw(100, 0).assign(label="high"), draw(100, 1)
    with pytest.raises(MetricUnavailable, match="the training target 'label' has a single value"):
        ml_efficiency(train, test, "label")
    report = evaluate(test, train, holdout=test, target="label", metrics=[Efficacy(model=QUICK)], n_jobs=1)
    assert report["macro_f1"].value is None
    assert report["macro_f1"].reason == "the training target 'label' has a single value"


def test_task_is_inferred():
    tasks = {"text": ["a", "b"], "flag": [True, False], "count": [0, 1], "float_label": [0.0, 1.0], "real": [0.5, 1.5]}
    found = {name: infer_task(pd.Series(values)) for name, values in tasks.items()}
    assert [name for name, task in found.items() if task == "regression"] == ["real"]
    assert infer_task(pd.Series(range(11))) == "regression"
    assert infer_task(pd.Series([0, 1]), "regression") == "regression"
    with pytest.raises(ValueError, match=r"task must be 'auto', 'classification' or 'regression'\. Got 'ranking'"):
        infer_task(pd.Series([0, 1]), "ranking")
    with pytest.raises(SchemaError, match=r"target must be one of the columns .* Got 'salary' instead"):
        ml_efficiency(draw(10, 0), draw(10, 1), "salary")


def test_published_settings_stop_early_on_rows_that_are_not_scored():
    settings = published_settings("churn2") | {"iterations": 60}
    assert (settings["early_stopping_rounds"], settings["od_pval"]) == (50, 0.001)
    assert ml_efficiency(draw(300, 0), draw(300, 1), "label", model=settings, n_jobs=1)["macro_f1"] > 0.7
    with pytest.raises(ValueError, match="table must be one of"):
        published_settings("titanic")


def test_augmentation_and_global_utility():
    few, more, test = draw(30, 0), draw(300, 1), draw(300, 2)
    metrics = [AugmentationGain(model=QUICK, n_seeds=2), GlobalUtility(model=QUICK)]
    report = evaluate(few, more, holdout=test, target="label", metrics=metrics, n_jobs=1)
    assert report["augmentation_gain"].value > 0.05
    assert report["augmentation_gain"].floor < report["augmentation_gain"].value
    assert report["global_utility"].value > report["global_utility"].floor


def test_both_are_what_ml_efficiency_says():
    few, more, test = draw(60, 0), draw(300, 1), draw(300, 2)
    line = LogisticRegression()
    metrics = [AugmentationGain(model=line), GlobalUtility(model=QUICK)]
    report = evaluate(few, more, holdout=test, target="label", metrics=metrics, n_jobs=1)
    with_more, alone = (
        ml_efficiency(rows, test, "label", model=line)["macro_f1"] for rows in (pd.concat([few, more]), few)
    )
    assert report["augmentation_gain"].value == pytest.approx(with_more - alone, abs=1e-3)
    report = evaluate(few, few, holdout=test, metrics=metrics[1:], n_jobs=1)
    scores = [ml_efficiency(few, test, name, model=QUICK, n_jobs=1) for name in ("amount", "label", "x", "z")]
    mains = [max(found["r2"], 0) if "r2" in found else found["macro_f1"] for found in scores]
    assert report["global_utility"].value == pytest.approx(np.mean(mains))  # c has one value, so it is no target


@pytest.mark.parametrize(
    ("train", "model", "reason"),
    [
        (draw(100, 0), LinearRegression(), "LinearRegression cannot be trained on this table: Input X contains NaN"),
        (draw(100, 0).assign(x=1.0, z=1.0, c="a", amount=1.0), QUICK, "CatBoostClassifier cannot be trained on this"),
    ],
    ids=["gaps", "constant"],
)
def test_a_model_that_refuses_the_table_is_a_reason(train, model, reason):
    train = train.assign(x=train["x"].where(train.index > 3)) if isinstance(model, LinearRegression) else train
    target = "amount" if isinstance(model, LinearRegression) else "label"
    report = evaluate(draw(100, 1), train, holdout=draw(100, 2), target=target, metrics=[Efficacy(model=model)])
    assert report.scores[0].value is None
    assert report.scores[0].reason.startswith(reason)
