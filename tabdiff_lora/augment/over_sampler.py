"""SyntheticOverSampler: more rows of the rarer classes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, validate_data

from tabdiff_lora.augment.labels import labels_like, one_label_per_row
from tabdiff_lora.augment.rows import Rows, fitted_clone, rows_of_labels
from tabdiff_lora.augment.strategy import rows_to_add
from tabdiff_lora.table import infer_schema


class SyntheticOverSampler(OneToOneFeatureMixin, BaseEstimator):
    """Adds synthetic rows of the rarer classes, drawn given their class.

    Works wherever a sampler of imbalanced-learn does, also as a step of its ``Pipeline``; imbalanced-learn itself is
    not needed. The synthesizer learns from all classes, so what they share is learned from all rows.

    Parameters
    ----------
    synthesizer : TabularDiffusionSynthesizer, optional
        By default one with all its defaults.
    sampling_strategy : str, float, dict or callable, default="auto"
        Which classes grow to how many rows, in imbalanced-learn's words: "minority", "not minority", "not majority"
        (also "auto") and "all" grow to the size of the largest class; a float is the ratio of the two classes
        afterwards; a dict says how many rows each class shall have; a callable makes such a dict from y.
    random_state : int, RandomState or None, default=None
        Replaces that of the synthesizer.

    Attributes
    ----------
    sampling_strategy_ : dict of class to number of rows added
    synthesizer_ : TabularDiffusionSynthesizer
    n_features_in_, feature_names_in_ : see scikit-learn

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabdiff_lora import SyntheticOverSampler, TabularDiffusionSynthesizer
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> sampler = SyntheticOverSampler(TabularDiffusionSynthesizer(max_epochs=1), random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X[:120], y[:120])
    >>> y_more.value_counts().tolist()
    [50, 50, 50]
    """

    _parameter_constraints: dict = {
        "synthesizer": [HasMethods(["fit", "sample"]), None],
        "sampling_strategy": [
            StrOptions({"auto", "minority", "not minority", "not majority", "all"}),
            Interval(Real, 0, 1, closed="right"),
            Mapping,
            callable,
        ],
        "random_state": ["random_state"],
    }

    def __init__(self, synthesizer=None, *, sampling_strategy="auto", random_state=None):
        self.synthesizer = synthesizer
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def fit(self, X, y) -> SyntheticOverSampler:
        """Check the input and say how many rows each class lacks; nothing is learned before ``fit_resample``."""
        self._check(X, y)
        return self

    def fit_resample(self, X, y):
        """Learn the rows and add synthetic ones.

        Parameters
        ----------
        X : table of shape (n, p)
        y : array, Series, list or frame of shape (n,) or (n, 1), or an indicator matrix of shape (n, n_classes)

        Returns
        -------
        X_resampled, y_resampled
            The rows of X and y, in their containers and dtypes, and the added ones after them.
        """
        rows, labels = self._check(X, y)
        self.synthesizer_ = fitted_clone(
            self.synthesizer, rows.frame, labels, is_classes=True, random_state=self.random_state
        )
        added = np.repeat(
            np.array(list(self.sampling_strategy_), dtype=labels.dtype), list(self.sampling_strategy_.values())
        )
        drawn = rows_of_labels(self.synthesizer_, added)
        frame = pd.concat([rows.frame, drawn], ignore_index=True)
        resampled, y_resampled = rows.close(frame), np.concatenate([labels, added])
        if isinstance(X, list):
            resampled = resampled.tolist()
        return resampled, labels_like(y, y_resampled, np.unique(labels), frame.index)

    def _check(self, X, y) -> tuple[Rows, np.ndarray]:
        self._validate_params()
        labels = one_label_per_row(y)
        rows = Rows(X)
        infer_schema(rows.frame)
        validate_data(self, X, reset=True, skip_check_array=True)
        check_consistent_length(rows.frame, labels)
        self.sampling_strategy_ = rows_to_add(self.sampling_strategy, labels)
        return rows, labels

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.target_tags.required = "sampler", True
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return _for_imbalanced_learn(tags) if "imblearn" in sys.modules else tags


def _for_imbalanced_learn(tags):
    """The same tags in imbalanced-learn's own class, which has a few more."""
    from imblearn.utils._tags import InputTags, SamplerTags, Tags

    fields = {name: getattr(tags, name) for name in tags.__dataclass_fields__ if name != "input_tags"}
    given = {name: getattr(tags.input_tags, name) for name in tags.input_tags.__dataclass_fields__}
    return Tags(**fields, input_tags=InputTags(**given | {"dataframe": True}), sampler_tags=SamplerTags())
