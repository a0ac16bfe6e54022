"""Synthesizers that learn nothing: the ceiling, the floor, and the one that copies.

All have the benchmark's whole contract: ``fit(df)`` and ``sample(n)``.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder, StandardScaler


class TrainingRows:
    """Hand out the training rows themselves: what a perfect synthesizer would score, copies aside.

    Parameters
    ----------
    random_state : int, default=0
    """

    def __init__(self, *, random_state: int = 0):
        self.random_state = random_state

    def fit(self, df: pd.DataFrame) -> Self:
        """Remember the rows."""
        self.rows_ = df
        return self

    def sample(self, n_samples: int) -> pd.DataFrame:
        """Draw rows, each at most once while there are enough."""
        return self.rows_.sample(n_samples, replace=n_samples > len(self.rows_), random_state=self.random_state)


class IndependentColumns:
    """Draw each column from its own margin: perfect shapes, no association. The floor.

    Parameters
    ----------
    random_state : int, default=0
    """

    def __init__(self, *, random_state: int = 0):
        self.random_state = random_state

    def fit(self, df: pd.DataFrame) -> Self:
        """Remember the columns."""
        self.rows_ = df
        return self

    def sample(self, n_samples: int) -> pd.DataFrame:
        """Draw every column with its own shuffle of the rows."""
        rng = np.random.default_rng(self.random_state)
        columns = {name: column.array.take(self._order(rng, n_samples)) for name, column in self.rows_.items()}
        return pd.DataFrame(columns)

    def _order(self, rng: np.random.Generator, n_samples: int) -> np.ndarray:
        if n_samples <= len(self.rows_):
            return rng.permutation(len(self.rows_))[:n_samples]
        return rng.integers(len(self.rows_), size=n_samples)


class Interpolation:
    """SMOTE-style interpolation between a training row and one of its nearest neighbours.

    Useful as a warning: it scores well on usefulness because its rows *are* training rows, moved a little. Numerical
    columns lie on the segment between the two rows (whole numbers are rounded), categorical ones come from either.

    Parameters
    ----------
    n_neighbors : int, default=5
    random_state : int, default=0

    References
    ----------
    SMOTE: Synthetic Minority Over-sampling Technique (Chawla et al., 2002), without the minority.
    """

    def __init__(self, *, n_neighbors: int = 5, random_state: int = 0):
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit(self, df: pd.DataFrame) -> Self:
        """Find the neighbours of every row, numericals standardised, a differing category counted as 1."""
        self.rows_ = df.reset_index(drop=True)
        self.numerical_ = [
            name for name in df if pd.api.types.is_numeric_dtype(df[name]) and not pd.api.types.is_bool_dtype(df[name])
        ]
        categorical = [name for name in df if name not in self.numerical_]
        numbers = self.rows_[self.numerical_].astype("float64")
        blocks = [np.empty((len(df), 0))]
        if self.numerical_:
            blocks.append(StandardScaler().fit_transform(numbers.fillna(numbers.median())))
        if categorical:
            one_hot = OneHotEncoder(sparse_output=False).fit_transform(self.rows_[categorical].astype("str"))
            blocks.append(one_hot / np.sqrt(2))
        points = np.hstack(blocks)
        n_neighbors = min(self.n_neighbors, len(df) - 1)
        self.neighbours_ = NearestNeighbors(n_neighbors=n_neighbors).fit(points).kneighbors(return_distance=False)
        return self

    def sample(self, n_samples: int) -> pd.DataFrame:
        """Draw a row, one of its neighbours, and a point between them."""
        rng = np.random.default_rng(self.random_state)
        near = rng.integers(len(self.rows_), size=n_samples)
        far = self.neighbours_[near, rng.integers(self.neighbours_.shape[1], size=n_samples)]
        weight = rng.random(n_samples)
        return pd.DataFrame({name: self._between(name, near, far, weight, rng) for name in self.rows_})

    def _between(self, name, near, far, weight, rng) -> pd.Series:
        column = self.rows_[name]
        here, there = (column.take(rows).reset_index(drop=True) for rows in (near, far))
        if name not in self.numerical_:
            return here.where(rng.random(len(near)) < 0.5, there)
        between = here.astype("float64") * (1 - weight) + there.astype("float64") * weight
        return (between.round() if pd.api.types.is_integer_dtype(column) else between).astype(column.dtype)
