"""TickEncoder: columns that are integers in disguise (instants, durations, periods, ranks)."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pandas as pd

from tabdiff_lora.table.encoders.base import Block, ColumnEncoder
from tabdiff_lora.table.encoders.numerical import NumericalEncoder

NAT = np.iinfo(np.int64).min
"""How numpy and pandas write an absent tick."""


class TickEncoder(ColumnEncoder):
    """Translate a column to whole ticks, and let ``NumericalEncoder`` hold those.

    A subclass gives ``_to_ticks`` and ``_from_ticks``. The grid of the ticks (whole days, quarters of an hour) is
    learned with them, so drawn values lie on it.

    Parameters
    ----------
    strategy, atoms : see NumericalEncoder
    missing : {"generate", "never"}, default="generate"
    extrapolate : bool, default=False
    """

    def __init__(self, strategy="quantile", *, atoms="auto", missing="generate", extrapolate=False):
        self.strategy = strategy
        self.atoms = atoms
        self.missing = missing
        self.extrapolate = extrapolate

    @abstractmethod
    def _to_ticks(self, column: pd.Series) -> np.ndarray:
        """Return int64 ticks (n,), ``NAT`` where absent."""

    @abstractmethod
    def _from_ticks(self, ticks: np.ndarray) -> pd.Series:
        """Return the column of int64 ticks (n,)."""

    def _fit(self, column: pd.Series) -> None:
        numbers = NumericalEncoder(
            self.strategy, atoms=self.atoms, missing=self.missing, extrapolate=self.extrapolate
        ).fit(self._nullable(column))
        self.numbers_ = numbers
        self.numerical_, self.categorical_ = numbers.numerical_, numbers.categorical_
        if self.categorical_:
            texts = [str(value) for value in self._from_ticks(numbers.atom_values())]
            first, levels = numbers.n_levels_, list(numbers.categories_[0])
            levels[first : first + len(texts)] = texts
            self.categories_ = (tuple(levels),)

    def _encode(self, column: pd.Series) -> Block:
        return self.numbers_.encode(self._nullable(column))

    def _features(self, column: pd.Series) -> np.ndarray:
        return self.numbers_.features(self._nullable(column))

    def can_hold(self, column: pd.Series) -> np.ndarray:
        """Return which values are on the grid of the ticks and inside their seen range, bool of shape (n,)."""
        self._require_kind(column)
        return self.numbers_.can_hold(self._nullable(column))

    @property
    def has_normal_score(self) -> bool:
        """Whether the score of the ticks is standard normal."""
        return self.numbers_.has_normal_score

    def _decode(self, num: np.ndarray, cat: np.ndarray, rng: np.random.Generator) -> pd.Series:
        numbers = self.numbers_.decode(num, cat, rng)
        return self._from_ticks(numbers.to_numpy(dtype=np.int64, na_value=NAT))

    def _nullable(self, column: pd.Series) -> pd.Series:
        ticks = self._to_ticks(column)
        return pd.Series(pd.arrays.IntegerArray(ticks, ticks == NAT), name=self.name_)
