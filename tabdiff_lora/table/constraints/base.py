"""Constraint: a rule between columns that the training table obeys and every drawn row must obey too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from tabdiff_lora.errors import ConstraintError


class Constraint(BaseEstimator, ABC):
    """A rule, held by rewriting columns so that it cannot be broken, where that is possible.

    ``transform`` rewrites (a difference instead of a second date), ``inverse_transform`` writes back and repairs what
    rounding may do, ``violations`` tells which rows break the rule.
    """

    @property
    @abstractmethod
    def names(self) -> list[Hashable]:
        """Labels of the columns the rule is about."""

    @abstractmethod
    def violations(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows break the rule, bool of shape (n,)."""

    def fit(self, frame: pd.DataFrame) -> Constraint:
        """Check the training table and learn what ``transform`` needs; raises ConstraintError."""
        absent = [name for name in self.names if name not in frame.columns]
        if absent:
            raise ConstraintError(f"columns of {self} must be in the table. Got {absent[0]!r} instead.")
        self._fit(frame)
        broken = self.violations(frame)
        if broken.any():
            row = int(broken.argmax())
            values = {name: frame[name].iloc[row] for name in self.names}
            shown = ", ".join(f"{name} = {value}" for name, value in values.items())
            raise ConstraintError(
                f"rows of the table must obey {self}. Got {shown} (row {row}, the first of {broken.sum()}) instead. "
                f"Correct the rows or drop the constraint."
            )
        return self

    def _fit(self, frame: pd.DataFrame) -> None:
        """Learn from the training table; nothing by default."""

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with rewritten columns."""
        return frame

    def inverse_transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with the original columns, every row obeying the rule."""
        return frame

    def __str__(self) -> str:
        return repr(self)
