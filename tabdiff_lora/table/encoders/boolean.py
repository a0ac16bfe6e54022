"""BooleanEncoder: two levels, False and True."""

from __future__ import annotations

import pandas as pd

from tabdiff_lora.table.encoders.base import Block
from tabdiff_lora.table.encoders.categorical import CategoricalEncoder


class BooleanEncoder(CategoricalEncoder):
    """Booleans, nullable or not, as codes; a missing one is a level of its own. Exact.

    Parameters
    ----------
    missing : {"generate", "never"}, default="generate"
    """

    def __init__(self, *, missing="generate"):
        super().__init__(missing=missing)

    def _fit(self, column: pd.Series) -> None:
        self._check(column)
        super()._fit(column)

    def _encode(self, column: pd.Series) -> Block:
        self._check(column)
        return super()._encode(column)

    def _check(self, column: pd.Series) -> None:
        misfit = column.notna() & ~column.isin([True, False]).fillna(False)
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            misfit = column.notna()
        if misfit.any():
            row = int(misfit.to_numpy().argmax())
            self._refuse("True or False", column.iloc[row], row, "Convert the column, or use CategoricalEncoder.")
