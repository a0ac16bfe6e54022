"""PeriodEncoder: months, quarters, weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table.encoders.ticks import TickEncoder


class PeriodEncoder(TickEncoder):
    """Periods of one frequency, as their ordinals. Exact."""

    kind = "period"

    def _fit(self, column: pd.Series) -> None:
        self.freq_ = pd.PeriodIndex(column).freqstr
        super()._fit(column)

    def _to_ticks(self, column: pd.Series) -> np.ndarray:
        periods = pd.PeriodIndex(column)
        if periods.freqstr != self.freq_:
            self._refuse(f"of frequency {self.freq_!r}, as in fit", periods.freqstr, cure="Use PeriodIndex.asfreq.")
        return periods.asi8

    def _from_ticks(self, ticks: np.ndarray) -> pd.Series:
        column = pd.Series(pd.PeriodIndex.from_ordinals(ticks, freq=self.freq_))
        return column.astype(object) if self.dtype_ == "object" else column
