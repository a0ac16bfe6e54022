"""Dropout that costs a CPU less than the matrix product before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ByteDropout(nn.Module):
    """Dropout that spends one random byte per entry.

    On a CPU, drawing a floating-point number per entry takes longer than the matrix product before it. Eight entries
    share one 64-bit draw here, and the probability is rounded to a multiple of 1/256.

    Parameters
    ----------
    p : float in [0, 1)
        Probability of dropping an entry.
    """

    def __init__(self, p: float):
        super().__init__()
        self.n_dropped = round(256 * p)  # of the 256 values of a byte

    def forward(self, h: Tensor) -> Tensor:
        """Drop entries of (B, W) and scale up the rest, in training mode only."""
        if not self.training or self.n_dropped == 0:
            return h
        draws = torch.empty(-(-h.numel() // 8), dtype=torch.int64, device=h.device).random_(-(2**63), None)
        keep = draws.view(torch.uint8)[: h.numel()].view(h.shape).to(h.dtype)
        keep.sub_(self.n_dropped - 1).clamp_(0, 1)  # a comparison would give booleans, whose conversion is slow
        return h * keep.mul_(256 / (256 - self.n_dropped))
