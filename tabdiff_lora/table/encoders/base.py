"""ColumnEncoder: what every encoder of one column promises, and the scikit-learn manners they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tabdiff_lora.errors import EncodingError
from tabdiff_lora.table.dtypes import dtype_to_text
from tabdiff_lora.table.encoded import centre
from tabdiff_lora.table.kinds import problem_with
from tabdiff_lora.table.problem import Phrase, Problem, refuse

MISSING = "(missing)"
"""The text of the level that stands for an absent value."""


@dataclass(frozen=True)
class Block:
    """One encoded column: intervals ``low, high`` (n, d) of d numerical dimensions, codes ``cat`` (n, c)."""

    low: np.ndarray
    high: np.ndarray
    cat: np.ndarray


class ColumnEncoder(TransformerMixin, BaseEstimator, ABC):
    """One column to a ``Block`` and back.

    A new kind of column is one subclass in one file: ``_fit`` learns from a pandas Series and sets the three attributes
    below, ``_encode`` and ``_decode`` translate. The law is ``decode(encode(x)) == x`` up to the resolution stated in
    the docstring; name, dtype and missing markers survive; a value that cannot be held is refused, never changed.
    A class that names its ``kind`` (see ``kinds.KINDS``) is given columns of that kind only.

    Attributes
    ----------
    name_ : label of the column.
    dtype_ : str
        The column's dtype as text (``tabdiff_lora.table.dtypes``).
    numerical_ : tuple of str, length d
    categorical_ : tuple of str, length c
    categories_ : tuple of tuples of str, length c
        Text of each level, in code order.
    missing : {"generate", "never"}
        Whether a drawn column may have gaps, where the column had some; a parameter of most encoders.
    """

    kind: ClassVar[str | None] = None
    missing: str = "generate"
    numerical_: tuple[str, ...]
    categorical_: tuple[str, ...]
    categories_: tuple[tuple[str, ...], ...]

    @abstractmethod
    def _fit(self, column: pd.Series) -> None: ...

    @abstractmethod
    def _encode(self, column: pd.Series) -> Block: ...

    @abstractmethod
    def _decode(self, num: np.ndarray, cat: np.ndarray, rng: np.random.Generator) -> pd.Series: ...

    def fit(self, X, y=None) -> ColumnEncoder:
        """Learn one column: a Series, a frame with one column, or an array of shape (n,) or (n, 1)."""
        column = as_column(X)
        if not len(column):
            raise EncodingError(str(Problem(column.name, "at least one row", Phrase("no rows"), what="length")))
        self.name_ = column.name
        self.dtype_ = dtype_to_text(column.dtype)
        self.n_features_in_ = 1
        self.container_ = _container(X)
        self.numerical_, self.categorical_, self.categories_ = (), (), ()
        self._require_kind(column)
        self._fit(column)
        return self

    def encode(self, X) -> Block:
        """Return the column's ``Block``; raises EncodingError for a value that was not learned."""
        return self._encode(self._checked(X))

    def decode(self, num: np.ndarray, cat: np.ndarray, rng: np.random.Generator | None = None) -> pd.Series:
        """Return the column of ``num`` (n, d) normal scores and ``cat`` (n, c) codes, with its name and dtype."""
        check_is_fitted(self)
        return self._decode(num, cat, rng or np.random.default_rng(0)).rename(self.name_)

    def transform(self, X) -> np.ndarray:
        """Return ``[num | cat]``, float64 of shape (n, d + c); an interval is represented by its median."""
        return _flat(self.encode(X))

    def inverse_transform(self, X):
        """Return the column that ``transform`` was given, in the container that ``fit`` was given."""
        flat = np.asarray(X, dtype=float)
        d = len(self.numerical_)
        column = self.decode(flat[:, :d], flat[:, d:].astype(np.int64))
        if self.container_ == "series":
            return column
        return column.to_frame() if self.container_ == "frame" else column.to_numpy().reshape(-1, 1)

    def features(self, X) -> np.ndarray:
        """Return the numbers by which a model from outside, such as trees, sees the column: float64 of shape (n, k).

        They follow the column, whatever states hold it: ``_features``, by default its scores and codes.
        """
        return self._features(self._checked(X))

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the encoded dimensions, numerical ones first."""
        check_is_fitted(self)
        return np.array(self.numerical_ + self.categorical_, dtype=object)

    def can_hold(self, column: pd.Series) -> np.ndarray:
        """Return which values, none of them missing, a decoded column could hold, bool of shape (n,)."""
        block = self.encode(column)
        held = self.decode(centre(block.low, block.high), block.cat)
        return held.astype(object).to_numpy() == column.astype(object).to_numpy()

    @property
    def has_gap_level(self) -> bool:
        """Whether the last level of the column stands for a missing value."""
        return bool(self.categories_) and self.categories_[-1][-1] == MISSING

    @property
    def has_normal_score(self) -> bool:
        """Whether the column has one numerical dimension, standard normal wherever a number holds the value."""
        return False

    def _features(self, column: pd.Series) -> np.ndarray:
        return _flat(self._encode(column))

    def _checked(self, X) -> pd.Series:
        """The column of a fitted encoder, of its kind."""
        check_is_fitted(self)
        column = as_column(X)
        self._require_kind(column)
        return column

    def _require_kind(self, column: pd.Series) -> None:
        problem = problem_with(column, self.kind) if self.kind else None
        if problem is not None:
            raise EncodingError(str(problem))

    def _refuse(self, expected: str, got: object, row: int | None = None, cure: str = "") -> NoReturn:
        refuse(self.name_, expected, got, row, cure)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, False  # two-dimensional of one column at most
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags


def as_column(X) -> pd.Series:
    """View a Series, a one-column frame or an array (n,) or (n, 1) as a Series; never a copy of the values."""
    if isinstance(X, pd.Series):
        return X
    if isinstance(X, pd.DataFrame) and X.shape[1] == 1:
        return X.iloc[:, 0]
    if not isinstance(X, pd.DataFrame):
        values = np.asarray(X)
        if values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1):
            return pd.Series(values.reshape(-1), name="x0", copy=False)
    raise EncodingError(
        f"X of a column encoder must be one column. Got shape {np.shape(X)} instead. "
        f"Use TableEncoder for a whole table."
    )


def _flat(block: Block) -> np.ndarray:
    """``[num | cat]``, an interval represented by its median."""
    return np.hstack([centre(block.low, block.high), block.cat])


def _container(X) -> str:
    return "series" if isinstance(X, pd.Series) else "frame" if isinstance(X, pd.DataFrame) else "array"
