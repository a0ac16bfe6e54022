"""DiffusionImputer: gaps filled with draws given what is present."""

from __future__ import annotations

from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted, validate_data

from tabdiff_lora.augment.rows import Rows, fitted_clone
from tabdiff_lora.randomness import seed_sequence


class DiffusionImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fills gaps with draws given what is present in the row.

    A draw keeps distributions and dependence as they are, which means and regressions do not; where only the error of a
    single cell counts, ``IterativeImputer`` is the better choice.

    Parameters
    ----------
    synthesizer : TabularDiffusionSynthesizer, optional
        By default one with all its defaults.
    random_state : int, RandomState or None, default=None
        Replaces that of the synthesizer. The same table is always filled in the same way.

    Attributes
    ----------
    synthesizer_ : TabularDiffusionSynthesizer
        ``synthesizer_.impute(X, n_draws=5)`` gives several completed tables.
    n_features_in_, feature_names_in_ : see scikit-learn

    Examples
    --------
    >>> import numpy as np
    >>> from tabdiff_lora import DiffusionImputer, TabularDiffusionSynthesizer
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> X[:5, 0] = np.nan
    >>> filled = DiffusionImputer(TabularDiffusionSynthesizer(max_epochs=1), random_state=0).fit_transform(X)
    >>> bool(np.isfinite(filled).all() and (filled[5:] == X[5:]).all())
    True
    """

    _parameter_constraints: dict = {
        "synthesizer": [HasMethods(["fit", "impute"]), None],
        "random_state": ["random_state"],
    }

    def __init__(self, synthesizer=None, *, random_state=None):
        self.synthesizer = synthesizer
        self.random_state = random_state

    def fit(self, X, y=None) -> DiffusionImputer:
        """Learn the table, gaps and all; ``y`` is ignored."""
        self._validate_params()
        rows = Rows(X)
        self.synthesizer_ = fitted_clone(self.synthesizer, rows.frame, random_state=self.random_state)
        validate_data(self, X, reset=True, skip_check_array=True)
        self._seed = int(seed_sequence(self.synthesizer_.random_state).generate_state(1)[0])
        return self

    def transform(self, X):
        """Return the table with its gaps filled; present cells, container, index and dtypes are those of X."""
        check_is_fitted(self)
        rows = Rows(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        return rows.close(self.synthesizer_.impute(rows.frame, random_state=self._seed))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags
