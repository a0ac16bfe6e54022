"""DatetimeEncoder: instants, with or without a time zone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table.dtypes import dtype_from_text
from tabdiff_lora.table.encoders.ticks import TickEncoder


class DatetimeEncoder(TickEncoder):
    """Datetimes of any unit, as ticks of that unit since 1970 in UTC; the time zone comes back.

    Exact as long as the span holds fewer than 2^53 steps of the learned grid.
    """

    kind = "datetime"

    def _fit(self, column: pd.Series) -> None:
        plain = _as_datetimes(column)
        self.unit_ = plain.dt.unit
        self.zone_ = None if plain.dt.tz is None else str(plain.dt.tz)
        super()._fit(column)

    def _to_ticks(self, column: pd.Series) -> np.ndarray:
        plain = _as_datetimes(column)
        if (plain.dt.tz is None) != (self.zone_ is None):
            expected = "with a time zone, as in fit" if self.zone_ else "without a time zone, as in fit"
            self._refuse(expected, column.iloc[0], 0, "Use tz_localize or tz_convert.")
        if self.zone_ is not None:
            plain = plain.dt.tz_convert("UTC").dt.tz_localize(None)
        return plain.dt.as_unit(self.unit_).to_numpy().view(np.int64)

    def _from_ticks(self, ticks: np.ndarray) -> pd.Series:
        column = pd.Series(ticks.view(f"datetime64[{self.unit_}]"))
        if self.zone_ is not None:
            column = column.dt.tz_localize("UTC").dt.tz_convert(self.zone_)
        return column.astype(dtype_from_text(self.dtype_))


def _as_datetimes(column: pd.Series) -> pd.Series:
    """Return a datetime column in pandas' own dtype, from objects and pyarrow timestamps too."""
    return pd.to_datetime(column) if not isinstance(column.dtype, pd.ArrowDtype) else _from_arrow(column)


def _from_arrow(column: pd.Series) -> pd.Series:
    kind = column.dtype.pyarrow_dtype
    dtype = f"datetime64[{kind.unit}]" if kind.tz is None else pd.DatetimeTZDtype(kind.unit, kind.tz)
    return column.astype(dtype)
