"""Range: a column stays between two limits."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from tabdiff_lora.table.constraints.base import Constraint


class Range(Constraint):
    """``low <= column <= high``, either limit optional.

    Decoded values stay inside the seen range anyway; this checks the training table and caps what ``extrapolate`` adds.

    Parameters
    ----------
    column : column label
    low, high : scalars or None
    """

    def __init__(self, column: Hashable, low=None, high=None):
        self.column = column
        self.low = low
        self.high = high

    @property
    def names(self) -> list[Hashable]:
        """``[column]``."""
        return [self.column]

    def violations(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows lie outside."""
        values = frame[self.column]
        outside = pd.Series(False, index=values.index)
        if self.low is not None:
            outside |= (values < self.low).fillna(False)
        if self.high is not None:
            outside |= (values > self.high).fillna(False)
        return outside.to_numpy(dtype=bool)

    def inverse_transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Cap the column at its limits."""
        if not self.violations(frame).any():
            return frame
        frame = frame.copy(deep=False)
        frame[self.column] = frame[self.column].clip(self.low, self.high)
        return frame
