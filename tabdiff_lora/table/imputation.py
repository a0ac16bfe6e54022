"""Imputation by regression, before learning: the paper's treatment of incomplete columns."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes IterativeImputer importable)
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression, LogisticRegression

from tabdiff_lora.table.assignment import encoder_of_kind
from tabdiff_lora.table.encoded import centre
from tabdiff_lora.table.encoders import CategoricalEncoder
from tabdiff_lora.table.schema import TableSchema

NUMBER_LIKE = {"numerical", "ordinal", "datetime", "date", "timedelta", "period"}
LABEL_LIKE = {"categorical", "boolean"}
MAX_CLASSES = 20  # beyond, the most frequent level is taken


class RegressionImputer(BaseEstimator):
    """Fill the gaps of a table, except in keys and text.

    Each incomplete column of numbers (dates, durations, ranks) is the response of a linear regression on the others,
    iterated; values are put on the column's grid and inside its seen range. An incomplete column of labels is the
    response of a logistic regression on the numbers, or takes its most frequent level where it has more than 20 levels
    or there are no numbers.

    Parameters
    ----------
    max_iter : int, default=10
    random_state : int or None, default=None

    References
    ----------
    scikit-learn's ``IterativeImputer``, after van Buuren and Groothuis-Oudshoorn, mice (2011).
    """

    def __init__(self, *, max_iter=10, random_state=None):
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, schema: TableSchema) -> RegressionImputer:
        """Learn the regressions."""
        self.numbers_ = {
            column.name: _standardiser(column.kind).fit(frame[column.name])
            for column in schema.columns
            if column.kind in NUMBER_LIKE
        }
        self.labels_ = {
            column.name: CategoricalEncoder(max_categories=np.inf).fit(frame[column.name])
            for column in schema.columns
            if column.kind in LABEL_LIKE and column.missing
        }
        if self.numbers_:
            self._learn_regressions(self._standardised(frame))
        filled = self._filled(frame)
        self.classifiers_ = {name: self._classifier(frame[name], filled) for name in self.labels_}
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with its gaps filled; present values are untouched."""
        filled = self._filled(frame)
        result = frame.copy(deep=False)
        for place, (name, encoder) in enumerate(self.numbers_.items()):
            gaps = frame[name].isna().to_numpy()
            if gaps.any():
                guess = encoder.decode(filled[:, [place]], np.zeros((len(frame), len(encoder.categorical_)), np.int64))
                result[name] = frame[name].mask(gaps, guess.set_axis(frame.index))
        for name, classifier in self.classifiers_.items():
            code = self.labels_[name].codes(frame[name])
            gaps = code < 0
            if gaps.any():
                code[gaps] = classifier if isinstance(classifier, int) else classifier.predict(filled[gaps])
                result[name] = self.labels_[name].column(code).set_axis(frame.index)
        return result

    def _learn_regressions(self, standardised: np.ndarray) -> None:
        imputer = IterativeImputer(
            LinearRegression(), max_iter=self.max_iter, skip_complete=True, random_state=self.random_state
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last round is as good a guess as any
            imputer.fit(standardised)
        self.means_ = imputer.initial_imputer_.statistics_
        self.rounds_ = [
            (int(step.feat_idx), step.neighbor_feat_idx, step.estimator.coef_, float(step.estimator.intercept_))
            for step in imputer.imputation_sequence_
        ]

    def _standardised(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the columns of numbers, standardised, nan in the gaps; float64 of shape (n, d)."""
        columns = []
        for name, encoder in self.numbers_.items():
            present = frame[name].notna().to_numpy()
            block = encoder.encode(frame[name][present])
            columns.append(np.full(len(frame), np.nan))
            columns[-1][present] = centre(block.low, block.high)[:, 0]
        return np.column_stack(columns)

    def _filled(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the columns of numbers without gaps, float64 of shape (n, d)."""
        if not self.numbers_:
            return np.empty((len(frame), 0))
        values = self._standardised(frame)
        gaps = np.isnan(values)
        values = np.where(gaps, self.means_, values)
        for column, others, coefficients, intercept in self.rounds_:
            rows = gaps[:, column]
            values[rows, column] = values[np.ix_(rows, others)] @ coefficients + intercept
        return values

    def _classifier(self, column: pd.Series, filled: np.ndarray) -> LogisticRegression | int:
        """Return a classifier of the level's code, or the most frequent code."""
        code = self.labels_[column.name].codes(column)
        known, n_levels = code >= 0, len(self.labels_[column.name].levels_)
        if not filled.shape[1] or not 2 <= n_levels <= MAX_CLASSES:
            return int(np.bincount(code[known]).argmax())
        return LogisticRegression(max_iter=1000).fit(filled[known], code[known])


def _standardiser(kind: str):
    """Return the encoder of a kind of number as a plain linear map: mean 0, variance 1."""
    return encoder_of_kind(kind, atoms=None, missing="never").set_params(strategy="standard")
