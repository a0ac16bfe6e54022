"""ConstantEncoder: a column with nothing to learn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table.encoders.categorical import CategoricalEncoder


class ConstantEncoder(CategoricalEncoder):
    """A column that holds one value everywhere, or nothing at all: no dimension, repeated by ``decode``. Exact."""

    def __init__(self):
        super().__init__()

    def _fit(self, column: pd.Series) -> None:
        super()._fit(column)
        if self.categorical_:
            first = column.iloc[0]
            differs = column.notna() if pd.isna(first) else (column != first).fillna(True)
            row = int(np.flatnonzero(differs.to_numpy(dtype=bool))[0])
            self._refuse("the same everywhere", column.iloc[row], row, "Choose an encoder that learns.")
