"""scikit-learn's and imbalanced-learn's own checks, and what else their users expect of an estimator."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from imblearn.utils.estimator_checks import parametrize_with_checks as parametrize_with_sampler_checks
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabdiff_lora import (
    DiffusionImputer,
    SyntheticOverSampler,
    SyntheticTrainingClassifier,
    SyntheticTrainingRegressor,
    TableEncoder,
    TabularDiffusionSynthesizer,
)
from tabdiff_lora import table as table_room
from tabdiff_lora.backbones import LanguageModelBackbone
from tests.backbones.language_models import tiny_model, tiny_tokenizer
from tests.synthesizers import TINY
from tests.tables import gaussian_table, mixed_table

COLUMN_ENCODERS = [
    encoder()
    for name in table_room.__all__
    if name.endswith("Encoder")
    and (encoder := getattr(table_room, name)) not in (TableEncoder, table_room.ColumnEncoder)
]


@parametrize_with_checks(
    [
        TINY,
        DiffusionImputer(TINY),
        SyntheticOverSampler(TINY),
        SyntheticTrainingClassifier(LogisticRegression(), TINY, include_real=True),
        SyntheticTrainingRegressor(Ridge(), TINY, include_real=True),
        TableEncoder(remainder=table_room.CategoricalEncoder()),
        TableEncoder(remainder=table_room.NumericalEncoder()),
        TableEncoder(remainder=table_room.OrdinalEncoder()),
        TableEncoder(remainder=StandardScaler()),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@parametrize_with_sampler_checks([SyntheticOverSampler(TINY, random_state=0)])
def test_imbalanced_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", ["cloneable", "repr", "tags_renamed"])
@pytest.mark.parametrize("encoder", COLUMN_ENCODERS, ids=lambda encoder: type(encoder).__name__)
def test_column_encoders_keep_the_manners_of_estimators(encoder, check):
    """Checks that fit feed tables, which an encoder of one column refuses; inside TableEncoder they are run above.

    scikit-learn leaves such estimators out itself, by the tag ``two_d_array``.
    """
    assert not encoder.__sklearn_tags__().input_tags.two_d_array
    getattr(estimator_checks, f"check_estimator_{check}")(type(encoder).__name__, encoder)
    for common in (
        "no_attributes_set_in_init",
        "parameters_default_constructible",
        "get_params_invariance",
        "set_params",
    ):
        getattr(estimator_checks, f"check_{common}")(type(encoder).__name__, encoder)


def test_search_over_nested_parameters():
    synth = clone(TINY).set_params(max_epochs=12)
    grid = {"backbone__d_block": [4, 32], "prior": ["gaussian", "standard"]}
    search = GridSearchCV(synth, grid, cv=2).fit(gaussian_table(400))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["prior"] == "gaussian"
    assert len(search.best_estimator_.sample(3)) == 3


def test_search_over_the_rank_of_adapters():
    backbone = LanguageModelBackbone(tiny_model("bert"), tokenizer=tiny_tokenizer())
    synth = TabularDiffusionSynthesizer(backbone, max_epochs=1, n_sampling_steps=2, random_state=0)
    search = GridSearchCV(synth, {"rank": [1, 4]}, cv=2).fit(gaussian_table(60))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.rank_ == search.best_params_["rank"]


def test_scores_rank_rows_and_tables_by_how_typical_they_are():
    table = gaussian_table(2_000)
    synth = clone(TINY).set_params(max_epochs=20, backbone__d_block=32).fit(table[["a", "b"]], table["label"])
    broken = table.assign(b=-table["b"] + 2 * table["b"].mean())  # the correlation turned round
    typical, odd = synth.score(table[["a", "b"]], table["label"]), synth.score(broken[["a", "b"]], table["label"])
    assert typical > odd + 0.05
    corners = pd.DataFrame({"a": [0.0, 2.5], "b": [3.0, 0.0], "label": ["low", "low"]})
    scores = synth.score_samples(corners[["a", "b"]], corners["label"])
    assert scores[0] > scores[1]
    np.testing.assert_array_equal(scores, synth.score_samples(corners[["a", "b"]], corners["label"]))
    unlabelled = synth.score_samples(corners[["a", "b"]])
    assert unlabelled[0] > unlabelled[1] and not np.array_equal(unlabelled, scores)


def test_pickled_for_another_process_it_draws_the_same():
    synth = clone(TINY).fit(mixed_table())
    copy = pickle.loads(pickle.dumps(synth))  # noqa: S301
    pd.testing.assert_frame_equal(copy.sample(20, random_state=1), synth.sample(20, random_state=1))
    pd.testing.assert_frame_equal(copy.sample(20), synth.sample(20))


def test_a_notebook_shows_schema_and_loss_curve():
    html = clone(TINY)._repr_html_()
    assert "denoising loss" not in html and "n_sampling_steps" in html
    fitted = clone(TINY).set_params(max_epochs=3).fit(mixed_table())
    html = fitted._repr_mimebundle_()["text/html"]
    assert "denoising loss" in fitted._repr_html_()
    assert "denoising loss" in html and "10 columns learned" in html and "income" in html


def test_metadata_is_routed_to_what_predicts():
    class Shifted(LogisticRegression):
        def predict(self, X, shift=0.0):
            return self.classes_[(self.decision_function(X) > shift).astype(int)]

    table = gaussian_table(100)
    X, y = table[["a", "b"]], table["label"]
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), TINY).fit(X)
        assert len(pipe[-1].sample(2)) == 2
        model = SyntheticTrainingClassifier(Shifted().set_predict_request(shift=True), TINY, include_real=True)
        assert set(model.fit(X, y).predict(X)) == {"high", "low"}
        assert set(model.predict(X, shift=np.inf)) == {"high"}
        assert set(make_pipeline(StandardScaler(), model).fit(X, y).predict(X, shift=-np.inf)) == {"low"}
        with pytest.raises(TypeError, match=r"predict got unexpected argument\(s\) {'other'}"):
            model.predict(X, other=1)
        weighted = clone(model).set_score_request(sample_weight=True)
        scores = cross_validate(weighted, X, y, cv=2, params={"sample_weight": (y == "high").to_numpy().astype(float)})
        assert len(scores["test_score"]) == 2
        for estimator in (TINY, DiffusionImputer(TINY), SyntheticOverSampler(TINY)):
            assert estimator.get_metadata_routing().consumes("fit", ["sample_weight"]) == set()


def test_callbacks_hear_of_every_check_and_may_stop_the_training():
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")

    class Watcher:
        def __init__(self):
            self.names, self.scores = [], []

        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
            self.names.append(context.task_name)

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
            self.scores.append(fitted_estimator.score(X))
            return len(self.scores) == 3

    watcher, table = Watcher(), gaussian_table(400)
    synth = clone(TINY).set_params(max_epochs=500, backbone__d_block=32).set_callbacks(watcher).fit(table)
    assert synth.stop_reason_ == "asked to stop" and len(synth.history_) == 3
    assert watcher.names == ["fit", "check", "check", "check"]
    assert len(watcher.scores) == 4 and watcher.scores[-1] == synth.score(table)
