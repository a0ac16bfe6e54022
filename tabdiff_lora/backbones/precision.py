"""Linear layers that compute in the precision of their input.

Autocast casts activations back and forth around every normalisation and sum; on a CPU that costs as much as the matrix
products it speeds up. Here a backbone casts its hidden state once, everything in between follows, and the weights stay
in single precision for the optimiser.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class CastLinear(nn.Linear):
    """``nn.Linear`` with single-precision weights that are cast to the dtype of the input."""

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.weight.to(x.dtype), bias)
