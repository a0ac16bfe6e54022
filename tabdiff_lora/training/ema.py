r"""Exponential moving average of the weights, with a memory that grows with training.

A fixed decay of .999 remembers a thousand steps, too long for a short fit and too short for a long one. The
power-function average weighs step i by :math:`i^\gamma`, so it always covers the same *share* of the run:

.. math:: \bar\theta_i = \beta_i \bar\theta_{i-1} + (1 - \beta_i)\theta_i,\qquad \beta_i = (1 - 1/i)^{\gamma + 1}

References
----------
Analyzing and Improving the Training Dynamics of Diffusion Models (Karras et al., 2024), section 3.1.
"""

from __future__ import annotations

import copy

import torch
from torch import nn


class PowerEMA:
    """Average of the trainable parameters of a module.

    Parameters
    ----------
    module : nn.Module
    gamma : float, default=16.0
        Larger forgets sooner; 16 averages over roughly the last tenth of the run.
    """

    def __init__(self, module: nn.Module, gamma: float = 16.0):
        self.gamma = gamma
        self.n_updates = 0
        self._live = [p for p in module.parameters() if p.requires_grad]
        self._average = [p.detach().clone() for p in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Take the current weights into the average."""
        self.n_updates += 1
        weight = 1.0 - (1.0 - 1.0 / self.n_updates) ** (self.gamma + 1)
        torch._foreach_lerp_(self._average, self._live, weight)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange average and live weights; twice is the identity."""
        for live, average in zip(self._live, self._average):
            held = live.detach().clone()
            live.copy_(average)
            average.copy_(held)

    def snapshot(self) -> list[torch.Tensor]:
        """A copy of the averaged weights."""
        return copy.deepcopy(self._average)

    @torch.no_grad()
    def load(self, weights: list[torch.Tensor]) -> None:
        """Write a snapshot into the module's parameters."""
        for live, kept in zip(self._live, weights):
            live.copy_(kept)
