"""Inequality: one column never exceeds another."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from tabdiff_lora.table.constraints.base import Constraint
from tabdiff_lora.table.dtypes import dtype_from_text, dtype_to_text
from tabdiff_lora.table.encoders.grid import Grid


class Inequality(Constraint):
    """``low <= high`` in every row where both are present; for numbers, datetimes, dates and durations.

    ``high`` is learned as the difference ``high - low`` (from the smallest value where ``low`` is missing), so it can
    never fall below ``low``. It stays below its largest seen value too.

    Parameters
    ----------
    low, high : column labels
    strict : bool, default=False
        Whether equality is a violation.
    """

    def __init__(self, low: Hashable, high: Hashable, strict: bool = False):
        self.low = low
        self.high = high
        self.strict = strict

    @property
    def names(self) -> list[Hashable]:
        """``[low, high]``."""
        return [self.low, self.high]

    @property
    def difference(self) -> str:
        """Label of the column that replaces ``high``."""
        return f"{self.high} - {self.low}"

    def violations(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows have ``low`` above ``high``."""
        both = (frame[self.low].notna() & frame[self.high].notna()).to_numpy(dtype=bool)
        broken = np.zeros(len(frame), dtype=bool)
        broken[both] = ~self._obeyed(frame[self.low][both], frame[self.high][both])
        return broken

    def _obeyed(self, low: pd.Series, high: pd.Series) -> np.ndarray:
        return (high > low if self.strict else high >= low).to_numpy(dtype=bool)

    def _fit(self, frame: pd.DataFrame) -> None:
        low, high = frame[self.low].dropna(), frame[self.high].dropna()
        self.smallest_ = min(low.min(), high.min()) if len(low) and len(high) else None
        self.largest_ = high.max() if len(high) else None
        self.dtype_ = dtype_to_text(frame[self.high].dtype)
        is_float = isinstance(high.dtype, np.dtype) and high.dtype.kind == "f" and len(high)
        self.grid_ = Grid.fit(high.to_numpy()) if is_float else None

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace ``high`` by the difference."""
        if self.smallest_ is None:
            return frame
        difference = frame[self.high] - self._base(frame)
        return frame.rename(columns={self.high: self.difference}).assign(**{self.difference: difference})

    def inverse_transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the difference to ``low``, on the grid of ``high`` and below its largest seen value."""
        if self.smallest_ is None:
            return frame
        base = self._base(frame)
        high = base + frame[self.difference]
        present = high.notna().to_numpy(dtype=bool)
        snapped = high.copy()
        if self.grid_ is not None:
            snapped[present] = self.grid_.from_count(self.grid_.to_count(high[present].to_numpy()))
        for better in (snapped, snapped.mask((snapped > self.largest_).fillna(False), self.largest_)):
            good = np.zeros(len(high), dtype=bool)
            good[present] = self._obeyed(base[present], better[present])
            high = high.mask(good, better)
        frame = frame.rename(columns={self.difference: self.high})
        frame[self.high] = high.astype(dtype_from_text(self.dtype_))
        return frame

    def _base(self, frame: pd.DataFrame) -> pd.Series:
        low = frame[self.low]
        return low.where(low.notna(), self.smallest_)
