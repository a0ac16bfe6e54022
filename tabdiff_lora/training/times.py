r"""Which times to train at: where there is something to learn.

At high noise nothing but the prior is left to say, at low noise nothing but "the value is what you see"; both are what
an untrained network says already. What it can *gain* lies in between, at levels that differ from table to table. The
times of a batch are therefore drawn, with low discrepancy, from a density that follows the gain measured so far,

.. math:: p(t) \propto \rho + (1 - \rho)\,\frac{g(t)}{\bar g},

with g(t) the loss of the prior at time t minus the loss of the network.

References
----------
Continuous Diffusion for Categorical Data (Dieleman et al., 2022), section 3.4, warps time by the loss itself; here its
normalised form makes the prior the zero. Low discrepancy: Variational Diffusion Models (Kingma et al., 2021),
appendix I.1.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from tabdiff_lora.stratified import stratified_uniforms


class GainedTimes:
    """Draws times, learns from the gains.

    Parameters
    ----------
    floor : float in (0, 1], default=0.3
        Share rho of the times that stay uniform; 1 never adapts.
    n_bins : int, default=32
        Of the piecewise constant density.
    memory : float in (0, 1), default=0.98
        Decay of the running mean of each bin's gain.
    device : torch.device
    """

    def __init__(self, floor: float = 0.3, n_bins: int = 32, memory: float = 0.98, device="cpu"):
        self.floor, self.memory = floor, memory
        self.gain = torch.zeros(n_bins, device=device)

    def density(self) -> Tensor:
        """Probability of each bin; shape (n_bins,)."""
        gain = self.gain.clamp_min(0.0)
        uniform = torch.full_like(gain, 1.0 / len(gain))
        total = gain.sum()
        return torch.where(total > 0, self.floor * uniform + (1 - self.floor) * gain / total.clamp_min(1e-12), uniform)

    def draw(self, n: int, generator: Generator) -> Tensor:
        """Times in [0, 1), one per row of a batch; shape (n,)."""
        cumulative = self.density().cumsum(0)
        u = stratified_uniforms(n, generator) * cumulative[-1]
        bin_ = torch.searchsorted(cumulative, u, right=True).clamp_max(len(cumulative) - 1)
        start = torch.where(bin_ > 0, cumulative[bin_ - 1], 0.0)
        return ((bin_ + (u - start) / (cumulative[bin_] - start)) / len(cumulative)).clamp(0.0, 1.0)

    def update(self, t: Tensor, gain: Tensor) -> None:
        """Take the gains (n,) at times t (n,) into the running means."""
        bin_ = (t * len(self.gain)).long().clamp_max(len(self.gain) - 1)
        total = torch.zeros_like(self.gain).index_add_(0, bin_, gain)
        count = torch.zeros_like(self.gain).index_add_(0, bin_, torch.ones_like(gain))
        mean = torch.lerp(total / count.clamp_min(1.0), self.gain, self.memory)
        self.gain.copy_(torch.where(count > 0, mean, self.gain))
