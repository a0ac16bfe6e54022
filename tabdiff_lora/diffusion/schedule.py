r"""Noise schedules: how much of the data is left at time t.

t runs from 0 (data) to 1 (prior). A Gaussian process is :math:`x_t = \mu + \alpha_t (x_0 - \mu) + \sigma_t n`, so its
schedule is the pair :math:`(\alpha_t, \sigma_t)`; a categorical process keeps each value with probability ``keep(t)``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


class NoiseSchedule(ABC):
    r"""The pair :math:`(\alpha_t, \sigma_t)`; :math:`\alpha` falls from 1, :math:`\sigma` rises.

    Attributes
    ----------
    n_times : int or None
        Where time is discrete, the number of steps T: only t = 0, 1 / T, ..., 1 exist then.
    """

    n_times: int | None = None

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Signal left at time t, in (0, 1]; same shape as t."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Noise added by time t, in units of one standard deviation of the data; same shape as t."""

    def log_ratio(self, t: Tensor) -> Tensor:
        r"""Half the log signal-to-noise ratio, :math:`\lambda_t = \log(\alpha_t / \sigma_t)` (DPM-Solver's clock)."""
        return torch.log(self.alpha(t) / self.sigma(t))

    def time_of(self, log_ratio: Tensor) -> Tensor:
        """The t in [0, 1] with this :meth:`log_ratio`, the nearest end for values beyond; by bisection."""
        low, high = torch.zeros_like(log_ratio), torch.ones_like(log_ratio)
        for _ in range(40):
            middle = (low + high) / 2
            is_early = self.log_ratio(middle) > log_ratio
            low, high = torch.where(is_early, middle, low), torch.where(is_early, high, middle)
        return (low + high) / 2

    def nearest(self, t: Tensor) -> Tensor:
        """The times that exist nearest to t."""
        return t if self.n_times is None else (t * self.n_times).round() / self.n_times


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
class DiscreteCosineSchedule(NoiseSchedule):
    r"""The cosine schedule as DDPM and TabDDPM run it: T steps of variance :math:`\beta_i`, none above ``max_beta``.

    .. math:: \bar\alpha_{i/T} = \prod_{j \le i} (1 - \beta_j),\qquad
              \beta_j = \min\Big(1 - \frac{f(j/T)}{f((j-1)/T)},\ \beta_{max}\Big),\quad
              f(t) = \cos^2\Big(\frac{t + s}{1 + s}\frac{\pi}{2}\Big)

    References
    ----------
    Improved Denoising Diffusion Probabilistic Models (Nichol & Dhariwal, 2021), eq. 17.
    """

    n_times: int = 1000
    offset: float = 0.008
    max_beta: float = 0.999

    def alpha_bar(self, t: Tensor) -> Tensor:
        """Kept signal power at the time nearest to t; same shape."""
        index = (t * self.n_times).round().long().clamp(0, self.n_times)
        return _alpha_bars(self, t.device)[index]

    def alpha(self, t: Tensor) -> Tensor:
        return self.alpha_bar(t).sqrt().to(t.dtype)

    def sigma(self, t: Tensor) -> Tensor:
        return (1 - self.alpha_bar(t)).sqrt().to(t.dtype)


@lru_cache(maxsize=32)
def _alpha_bars(schedule: DiscreteCosineSchedule, device: torch.device) -> Tensor:
    r""":math:`\bar\alpha` at t = 0, 1 / T, ..., 1; float64 of shape (T + 1,), made once for each device."""
    with torch.inference_mode(False):
        t = torch.arange(schedule.n_times + 1, dtype=torch.float64) / schedule.n_times
        kept = torch.cos((t + schedule.offset) / (1 + schedule.offset) * (math.pi / 2)).square()
        betas = (1 - kept[1:] / kept[:-1]).clamp_max(schedule.max_beta)
        return torch.cat([torch.ones(1, dtype=torch.float64), (1 - betas).cumprod(0)]).to(device)


class CategorySchedule(ABC):
    """Probability that a category is still clean."""

    @abstractmethod
    def keep(self, t: Tensor) -> Tensor:
        """Same shape as t; falls from 1 at t = 0 to about 0 at t = 1."""


@dataclass(frozen=True)
class KeepSchedule(CategorySchedule):
    """Falls linearly from 1 at ``start`` to 0 at ``stop``.

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


@dataclass(frozen=True)
class SharedSchedule(CategorySchedule):
    r"""Keeps a category with probability :math:`\bar\alpha_t = \alpha_t^2` of the numerical half, as TabDDPM does.

    Parameters
    ----------
    numerical : NoiseSchedule
        Variance preserving.
    """

    numerical: NoiseSchedule

    def keep(self, t: Tensor) -> Tensor:
        return self.numerical.alpha(t).square()
