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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tabdiff_lora.table.dtypes import assemble, dtype_to_text
from tabdiff_lora.table.encoders.categorical import CategoricalEncoder
from tabdiff_lora.table.encoders.grid import Grid
from tabdiff_lora.table.encoders.numbers import split_numbers
from tabdiff_lora.table.schema import TableSchema

MAX_CLASSES = 20  # beyond, the most frequent level is taken


class RegressionImputer(BaseEstimator):
    """Fill gaps in numerical and categorical columns.

    Each incomplete numerical column is the response of a linear regression on the other numerical ones, iterated until
    they agree; values are put on the column's grid and inside its seen range. An incomplete categorical or boolean
    column is the response of a logistic regression on the numerical ones, or takes its most frequent level where it has
    more than 20 levels or there is nothing to regress on. Columns of other kinds keep their gaps.

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
        """Learn the regressions of a frame with at least one present value per column."""
        kinds = {column.name: column.kind for column in schema.columns}
        self.numerical_ = [name for name, kind in kinds.items() if kind == "numerical"]
        incomplete = [name for name in self.numerical_ if schema[name].missing]
        self.dtypes_ = {name: dtype_to_text(frame[name].dtype) for name in incomplete}
        self.grids_ = {name: Grid.fit(_present(frame[name])) for name in incomplete}
        if self.numerical_:
            self.imputer_ = self._iterative(self._numbers(frame))
        labels = [name for name, kind in kinds.items() if kind in {"categorical", "boolean"} and schema[name].missing]
        self.levels_ = {name: CategoricalEncoder(max_categories=np.inf).fit(frame[name]) for name in labels}
        filled = self._filled(frame)
        self.classifiers_ = {name: self._classifier(frame[name], filled) for name in labels}
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with its gaps filled."""
        filled = self._filled(frame)
        columns = {}
        for place, name in enumerate(self.numerical_):
            if name in self.dtypes_ and frame[name].isna().any():
                columns[name] = self._number_column(frame[name], filled[:, place])
        for name, classifier in self.classifiers_.items():
            if frame[name].isna().any():
                columns[name] = self._label_column(frame[name], filled, classifier)
        result = frame.copy(deep=False)
        for name, column in columns.items():
            result[name] = column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
        return result

    def _iterative(self, numbers: np.ndarray) -> IterativeImputer:
        lowest, highest = np.nanmin(numbers, axis=0), np.nanmax(numbers, axis=0)
        imputer = IterativeImputer(
            LinearRegression(),
            max_iter=self.max_iter,
            min_value=lowest,
            max_value=np.nextafter(highest, np.inf),  # a constant column needs room between its limits
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last round is as good a guess as any
            return imputer.fit(numbers)

    def _numbers(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the numerical columns, float64 of shape (n, d), nan in the gaps."""
        columns = [split_numbers(frame[name]) for name in self.numerical_]
        return np.column_stack([np.where(missing, np.nan, values) for values, missing in columns])

    def _filled(self, frame: pd.DataFrame) -> np.ndarray:
        return self.imputer_.transform(self._numbers(frame)) if self.numerical_ else np.empty((len(frame), 0))

    def _number_column(self, column: pd.Series, filled: np.ndarray) -> pd.Series:
        grid = self.grids_[column.name]
        values, missing = split_numbers(column)
        guess = filled if grid is None else grid.from_count(grid.to_count(filled))
        return assemble(np.where(missing, guess, values), np.zeros(len(column), bool), self.dtypes_[column.name])

    def _classifier(self, column: pd.Series, filled: np.ndarray) -> LogisticRegression | int:
        """Return a classifier of the level's code, or the most frequent code."""
        code = self.levels_[column.name].codes(column)
        known, n_levels = code >= 0, len(np.unique(code[code >= 0]))
        if not filled.shape[1] or not 2 <= n_levels <= MAX_CLASSES:
            return int(np.bincount(code[known]).argmax())
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(filled[known], code[known])

    def _label_column(self, column: pd.Series, filled: np.ndarray, classifier) -> pd.Series:
        levels = self.levels_[column.name]
        code = levels.codes(column)
        gaps = code < 0
        code[gaps] = classifier if isinstance(classifier, int) else classifier.predict(filled[gaps])
        return levels.column(code)


def _present(column: pd.Series) -> np.ndarray:
    values, missing = split_numbers(column)
    return values[~missing]
