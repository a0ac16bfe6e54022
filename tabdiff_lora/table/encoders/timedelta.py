"""TimedeltaEncoder: durations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table.dtypes import dtype_from_text
from tabdiff_lora.table.encoders.ticks import TickEncoder


class TimedeltaEncoder(TickEncoder):
    """Timedeltas of any unit, as ticks of that unit.

    Exact as long as the span holds fewer than 2^53 steps of the learned grid.
    """

    kind = "timedelta"

    def _fit(self, column: pd.Series) -> None:
        self.unit_ = _as_timedeltas(column).dt.unit
        super()._fit(column)

    def _to_ticks(self, column: pd.Series) -> np.ndarray:
        return _as_timedeltas(column).dt.as_unit(self.unit_).to_numpy().view(np.int64)

    def _from_ticks(self, ticks: np.ndarray) -> pd.Series:
        return pd.Series(ticks.view(f"timedelta64[{self.unit_}]")).astype(dtype_from_text(self.dtype_))


def _as_timedeltas(column: pd.Series) -> pd.Series:
    """Return a duration column in pandas' own dtype, from objects and pyarrow durations too."""
    if isinstance(column.dtype, pd.ArrowDtype):
        return column.astype(f"timedelta64[{column.dtype.pyarrow_dtype.unit}]")
    return pd.to_timedelta(column)
