"""DateEncoder: calendar days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table.dtypes import assemble, missing_marker
from tabdiff_lora.table.encoders.ticks import NAT, TickEncoder


class DateEncoder(TickEncoder):
    """``datetime.date`` objects or pyarrow dates, as days since 1970. Exact."""

    kind = "date"

    def _fit(self, column: pd.Series) -> None:
        self.marker_ = missing_marker(column)
        super()._fit(column)

    def _to_ticks(self, column: pd.Series) -> np.ndarray:
        days = column.astype(object).where(column.notna(), None).to_numpy(dtype=object)
        return days.astype("datetime64[D]").view(np.int64)

    def _from_ticks(self, ticks: np.ndarray) -> pd.Series:
        days = ticks.view("datetime64[D]").astype(object)
        return assemble(days, ticks == NAT, self.dtype_, self.marker_)
