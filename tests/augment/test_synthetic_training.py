"""SyntheticTrainingClassifier and SyntheticTrainingRegressor in a cross-validation."""

from __future__ import annotations

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from tabdiff_lora import SyntheticTrainingClassifier, SyntheticTrainingRegressor
from tests.synthesizers import TINY
from tests.tables import gaussian_table


def test_training_on_synthetic_rows_inside_a_cross_validation():
    table = gaussian_table(400)
    X, y = table[["a", "b"]], table["label"]
    synth = clone(TINY).set_params(max_epochs=20, n_sampling_steps=10, backbone__d_block=32)
    model = SyntheticTrainingClassifier(LogisticRegression(), synth, n_samples=2.0)
    assert cross_val_score(model, X, y, cv=2).mean() > 0.65
    model.fit(X, y)
    assert model.classes_.tolist() == ["high", "low"] and model.predict_proba(X).shape == (400, 2)
    assert model.decision_function(X).shape == (400,) and len(model.synthesizer_.history_)
    assert not hasattr(SyntheticTrainingClassifier(DecisionTreeClassifier(), synth), "decision_function")
    regressor = SyntheticTrainingRegressor(Ridge(), synth, n_samples=50, include_real=True)
    assert regressor.fit(X, 3 * X["a"] - X["b"]).score(X, 3 * X["a"] - X["b"]) > 0.9
