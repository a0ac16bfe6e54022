"""Unique: no two rows agree in all of these columns."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from tabdiff_lora.table.constraints.base import Constraint


class Unique(Constraint):
    """The columns together name a row; rows with a missing value among them are not compared.

    One column of whole numbers or text is treated as a key, and its values are generated. Otherwise the columns are
    learned as they are, and whoever draws rows redraws those that ``violations`` marks.

    Parameters
    ----------
    columns : list of column labels
    """

    def __init__(self, columns: Sequence[Hashable]):
        self.columns = columns

    @property
    def names(self) -> list[Hashable]:
        """The columns."""
        return list(self.columns)

    def violations(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows repeat an earlier one."""
        values = frame[self.names]
        return (values.duplicated() & values.notna().all(axis=1)).to_numpy(dtype=bool)
