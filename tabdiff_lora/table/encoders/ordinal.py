"""OrdinalEncoder: levels with an order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table.encoders.categorical import CategoricalEncoder
from tabdiff_lora.table.encoders.ticks import NAT, TickEncoder


class OrdinalEncoder(TickEncoder):
    """Ordered levels as their ranks: the order of a pandas category, the natural order of anything else. Exact.

    Few levels become states, as in a categorical column; many share one dimension, which keeps neighbours near.
    """

    kind = "ordinal"

    def _fit(self, column: pd.Series) -> None:
        self.levels_ = CategoricalEncoder(max_categories=np.inf).fit(column)
        super()._fit(column)

    def _to_ticks(self, column: pd.Series) -> np.ndarray:
        code = self.levels_.codes(column)
        return np.where(code < 0, NAT, code)

    def _from_ticks(self, ticks: np.ndarray) -> pd.Series:
        return self.levels_.column(np.where(ticks == NAT, -1, ticks))
