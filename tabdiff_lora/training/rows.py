"""TrainingRows: the whole encoded table as tensors on the device; a batch is an index and a draw."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from tabdiff_lora.state import TableState
from tabdiff_lora.table.encoded import EncodedTable


@dataclass(frozen=True)
class TrainingRows:
    """Rows as intervals and codes.

    Attributes
    ----------
    low, high : Tensor of shape (n, D), float32
        Interval of each numerical entry as probabilities in [0, 1] of the standard normal.
    point : Tensor of shape (n, D), float32
        The normal score itself where the interval is a point, NaN elsewhere.
    cat : Tensor of shape (n, C), int64
    """

    low: Tensor
    high: Tensor
    point: Tensor
    cat: Tensor

    @classmethod
    def from_encoded(cls, table: EncodedTable, device) -> TrainingRows:
        """Move an encoded table to the device."""
        low = torch.as_tensor(table.low, dtype=torch.float64)
        high = torch.as_tensor(table.high, dtype=torch.float64)
        point = torch.where(low == high, low, torch.nan)
        tensors = (torch.special.ndtr(low), torch.special.ndtr(high), point)
        return cls(*(x.float().to(device) for x in tensors), torch.as_tensor(table.cat).to(device))

    def __len__(self) -> int:
        return len(self.cat)

    def draw(self, index: Tensor, generator: Generator) -> TableState:
        """Rows ``index`` (B,) with every tied, capped or missing number drawn afresh from its interval."""
        low, high = self.low[index], self.high[index]
        u = low + torch.rand(low.shape, generator=generator, device=low.device) * (high - low)
        point = self.point[index]
        drawn = torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6))
        return TableState(torch.where(point.isnan(), drawn, point), self.cat[index])
