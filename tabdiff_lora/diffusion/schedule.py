r"""Noise schedules: how much of the data is left at time t.

t runs from 0 (data) to 1 (prior). A Gaussian process is :math:`x_t = \mu + \alpha_t (x_0 - \mu) + \sigma_t n`, so its
schedule is the pair :math:`(\alpha_t, \sigma_t)`; a categorical process keeps each value with probability ``keep(t)``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


class NoiseSchedule(ABC):
    r"""The pair :math:`(\alpha_t, \sigma_t)`; :math:`\alpha` falls from 1, :math:`\sigma` rises."""

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Signal left at time t, in (0, 1]; same shape as t."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Noise added by time t, in units of one standard deviation of the data; same shape as t."""

    def log_ratio(self, t: Tensor) -> Tensor:
        r"""Half the log signal-to-noise ratio, :math:`\lambda_t = \log(\alpha_t / \sigma_t)` (DPM-Solver's clock)."""
        return torch.log(self.alpha(t) / self.sigma(t))


@dataclass(frozen=True)
class KarrasSchedule(NoiseSchedule):
    r"""Variance exploding: :math:`\alpha_t = 1`, :math:`\sigma_t^{1/\rho}` linear from ``sigma_min`` to ``sigma_max``.

    With a prior fitted to the data ``sigma_max`` need not drown it: at 5 standard deviations nothing is left but what
    the prior already knows, where N(0, I) needs 80.

    References
    ----------
    Elucidating the Design Space of Diffusion-Based Generative Models (Karras et al., 2022), eq. 5.
    """

    sigma_min: float = 0.02
    sigma_max: float = 5.0
    rho: float = 7.0

    def alpha(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return (low + t * (high - low)) ** self.rho


@dataclass(frozen=True)
class CosineSchedule(NoiseSchedule):
    r"""Variance preserving: :math:`\bar\alpha_t = \cos^2(\frac{t + s}{1 + s} \frac{\pi}{2})`, as TabDDPM uses it.

    References
    ----------
    Improved Denoising Diffusion Probabilistic Models (Nichol & Dhariwal, 2021), eq. 17.
    """

    offset: float = 0.008
    floor: float = 1e-4
    sigma_min: float = 0.005

    def alpha_bar(self, t: Tensor) -> Tensor:
        """Kept signal power, in [floor, 1]: positive, so that the reverse step is defined at t = 1."""
        angle = (t + self.offset) / (1 + self.offset) * (math.pi / 2)
        return (
            (torch.cos(angle) / math.cos(self.offset / (1 + self.offset) * math.pi / 2)).square().clamp_min(self.floor)
        )

    def alpha(self, t: Tensor) -> Tensor:
        return self.alpha_bar(t).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        return (1 - self.alpha_bar(t)).clamp_min(self.sigma_min**2).sqrt()


@dataclass(frozen=True)
class KeepSchedule:
    """Probability that a category is still clean: falls linearly from 1 at ``start`` to 0 at ``stop``.

    The window says *when*, on the clock shared with the numerical half, categories are decided: a window late in t
    (near 1) decides them while the numbers are still noise, which then follow the categories.
    """

    start: float = 0.0
    stop: float = 1.0

    def keep(self, t: Tensor) -> Tensor:
        """Same shape as t, in [0, 1]."""
        return ((self.stop - t) / (self.stop - self.start)).clamp(0.0, 1.0)

    def time_of(self, keep: Tensor) -> Tensor:
        """The t at which the probability is ``keep``; inverse of :meth:`keep` inside the window."""
        return self.stop - keep * (self.stop - self.start)
