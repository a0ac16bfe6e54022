"""Meta-estimators that fit what they wrap to synthetic rows, or to real and synthetic ones."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from tabdiff_lora.augment.rows import TARGET, Rows, fitted_clone, rows_of_labels
from tabdiff_lora.drawing.given import spread
from tabdiff_lora.table.containers import view


def _the_estimator_has(method: str) -> Callable:
    def check(meta) -> bool:
        getattr(meta.estimator_ if hasattr(meta, "estimator_") else meta.estimator, method)
        return True

    return check


class _SyntheticTraining(MetaEstimatorMixin, BaseEstimator):
    """What the classifier and the regressor share."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "synthesizer": [HasMethods(["fit", "sample"]), None],
        "n_samples": [Interval(Integral, 1, None, closed="left"), Interval(Real, 0, None, closed="neither")],
        "include_real": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(self, estimator, synthesizer=None, *, n_samples=1.0, include_real=False, random_state=None):
        self.estimator = estimator
        self.synthesizer = synthesizer
        self.n_samples = n_samples
        self.include_real = include_real
        self.random_state = random_state

    def _fit(self, X, y, labels: np.ndarray, *, is_classes: bool):
        rows = Rows(X)
        check_consistent_length(rows.frame, labels)
        self.synthesizer_ = fitted_clone(
            self.synthesizer, rows.frame, labels, is_classes=is_classes, random_state=self.random_state
        )
        validate_data(self, X, reset=True, skip_check_array=True)
        n = self.n_samples if isinstance(self.n_samples, Integral) else max(1, round(self.n_samples * len(labels)))
        if is_classes:
            classes, counts = np.unique(labels, return_counts=True)
            drawn_labels = classes[spread(counts / len(labels), 0, max(n, len(classes)))]
            drawn = rows_of_labels(self.synthesizer_, drawn_labels)
        else:
            drawn = self.synthesizer_.sample(n)
            drawn_labels, drawn = drawn[TARGET].to_numpy(), drawn.drop(columns=TARGET)
        if self.include_real:
            drawn = pd.concat([rows.frame, drawn], ignore_index=True)
            drawn_labels = np.concatenate([labels, drawn_labels])
        self.estimator_ = clone(self.estimator).fit(rows.close(drawn), drawn_labels)
        return self

    @available_if(_the_estimator_has("predict"))
    def predict(self, X, **params):
        """Predict as the wrapped estimator does; ``params`` are routed to it."""
        return self._ask("predict", X, params)

    def _ask(self, method: str, X, params: dict):
        check_is_fitted(self)
        view(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        routed = process_routing(self, method, **params).estimator[method] if params else {}
        return getattr(self.estimator_, method)(X, **routed)

    def get_metadata_routing(self) -> MetadataRouter:
        """Route what the wrapped estimator's predictions ask for; its ``fit`` is given other rows than ours.

        Returns
        -------
        MetadataRouter
        """
        mapping = MethodMapping()
        for method in ("predict", "predict_proba", "decision_function"):
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags, wrapped = super().__sklearn_tags__(), get_tags(self.estimator).input_tags
        tags.input_tags.allow_nan, tags.input_tags.categorical = wrapped.allow_nan, wrapped.categorical
        tags.input_tags.string = True  # as far as the wrapped estimator takes it
        return tags


class SyntheticTrainingClassifier(ClassifierMixin, _SyntheticTraining):
    """Fits a classifier to synthetic rows, or to real and synthetic ones.

    Inside ``cross_val_score`` this is the train-on-synthetic, test-on-real score without leakage: each fold's
    synthesizer sees the rows of that fold only.

    Parameters
    ----------
    estimator : classifier
    synthesizer : TabularDiffusionSynthesizer, optional
        By default one with all its defaults.
    n_samples : int >= 1 or float > 0, default=1.0
        Synthetic rows; a float is a multiple of the training rows. Classes keep their shares.
    include_real : bool, default=False
        Whether the training rows are there too.
    random_state : int, RandomState or None, default=None
        Replaces that of the synthesizer.

    Attributes
    ----------
    estimator_, synthesizer_ : the fitted clones
    classes_ : ndarray of shape (n_classes,)
    n_features_in_, feature_names_in_ : see scikit-learn

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from tabdiff_lora import SyntheticTrainingClassifier, TabularDiffusionSynthesizer
    >>> synthesizer = TabularDiffusionSynthesizer(max_epochs=1, random_state=0)
    >>> model = SyntheticTrainingClassifier(DecisionTreeClassifier(), synthesizer, include_real=True)
    >>> model.fit(*load_iris(return_X_y=True)).predict([[5.1, 3.5, 1.4, 0.2]])
    array([0])
    """

    def fit(self, X, y) -> SyntheticTrainingClassifier:
        """Fit the synthesizer to (X, y), and the classifier to what it draws."""
        self._validate_params()
        check_classification_targets(y)
        labels = column_or_1d(y, warn=True)
        self.classes_ = np.unique(labels)
        return self._fit(X, y, labels, is_classes=True)

    @available_if(_the_estimator_has("predict_proba"))
    def predict_proba(self, X, **params) -> np.ndarray:
        """Probabilities as the wrapped classifier gives them; shape (n, n_classes)."""
        return self._ask("predict_proba", X, params)

    @available_if(_the_estimator_has("decision_function"))
    def decision_function(self, X, **params) -> np.ndarray:
        """Decision values as the wrapped classifier gives them."""
        return self._ask("decision_function", X, params)


class SyntheticTrainingRegressor(RegressorMixin, _SyntheticTraining):
    """Fits a regressor to synthetic rows, or to real and synthetic ones.

    Parameters
    ----------
    estimator : regressor
    synthesizer : TabularDiffusionSynthesizer, optional
        By default one with all its defaults.
    n_samples : int >= 1 or float > 0, default=1.0
        Synthetic rows; a float is a multiple of the training rows.
    include_real : bool, default=False
        Whether the training rows are there too.
    random_state : int, RandomState or None, default=None
        Replaces that of the synthesizer.

    Attributes
    ----------
    estimator_, synthesizer_ : the fitted clones
    n_features_in_, feature_names_in_ : see scikit-learn
    """

    def fit(self, X, y) -> SyntheticTrainingRegressor:
        """Fit the synthesizer to (X, y), and the regressor to what it draws."""
        self._validate_params()
        return self._fit(X, y, column_or_1d(y, dtype=np.float64, warn=True), is_classes=False)
