r"""Time grids: at which times between the prior (t = 1) and the data (t = 0) the network is asked.

A grid is evenly spaced in some function of time. Which one matters with few steps: errors are made where the estimate
of x_0 changes fast, and that is at moderate noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from tabdiff_lora.diffusion import NoiseSchedule


class TimeGrid(BaseEstimator, ABC):
    """Places the times of a walk."""

    @abstractmethod
    def place(self, fractions: Tensor, schedule: NoiseSchedule) -> Tensor:
        """Times for evenly spaced fractions of the walk.

        Parameters
        ----------
        fractions : Tensor of shape (S,), from 1 to 0
        schedule : NoiseSchedule

        Returns
        -------
        Tensor of shape (S,), falling from 1 to 0
        """

    def times(self, n_steps: int, schedule: NoiseSchedule, device=None) -> Tensor:
        """Times from 1 to 0, shape (S,): ``n_steps`` of them, fewer where time is discrete and has fewer."""
        times = self.place(torch.linspace(1.0, 0.0, n_steps, device=device), schedule)
        times[0], times[-1] = 1.0, 0.0  # whatever rounding did to the ends
        return schedule.nearest(times).unique_consecutive()


class LinearGrid(TimeGrid):
    """Even in t: the grid of the schedule itself, which for ``KarrasSchedule`` is that of EDM (eq. 5)."""

    def place(self, fractions: Tensor, schedule: NoiseSchedule) -> Tensor:
        return fractions


class QuadraticGrid(TimeGrid):
    """Even in the root of t: more steps near the data (DDIM, appendix D.2)."""

    def place(self, fractions: Tensor, schedule: NoiseSchedule) -> Tensor:
        return fractions.square()


class LogSNRGrid(TimeGrid):
    r"""Even in :math:`\lambda = \log(\alpha / \sigma)`, the clock of DPM-Solver, up to ``max_log_ratio``.

    Parameters
    ----------
    max_log_ratio : float, default=5.0
        Where a schedule ends without noise; the last step goes from there to the data.
    """

    def __init__(self, max_log_ratio=5.0):
        self.max_log_ratio = max_log_ratio

    def place(self, fractions: Tensor, schedule: NoiseSchedule) -> Tensor:
        start, stop = _ends(schedule, self.max_log_ratio, fractions)
        return schedule.time_of(stop + fractions * (start - stop))


class KarrasGrid(TimeGrid):
    r"""Even in :math:`(\sigma / \alpha)^{1/\rho}`, whatever the schedule.

    Parameters
    ----------
    rho : float, default=7.0
    max_log_ratio : float, default=5.0
        See :class:`LogSNRGrid`.

    References
    ----------
    Elucidating the Design Space of Diffusion-Based Generative Models (Karras et al., 2022), eq. 5.
    """

    def __init__(self, rho=7.0, max_log_ratio=5.0):
        self.rho = rho
        self.max_log_ratio = max_log_ratio

    def place(self, fractions: Tensor, schedule: NoiseSchedule) -> Tensor:
        start, stop = (torch.exp(-end / self.rho) for end in _ends(schedule, self.max_log_ratio, fractions))
        return schedule.time_of(-self.rho * torch.log(stop + fractions * (start - stop)))


def _ends(schedule: NoiseSchedule, max_log_ratio: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """The log ratios at t = 1 and, unless there it is larger than allowed, at t = 0."""
    start, stop = schedule.log_ratio(like.new_tensor([1.0, 0.0]))
    return start, stop.clamp_max(max_log_ratio)


GRIDS = {"linear": LinearGrid, "quadratic": QuadraticGrid, "logsnr": LogSNRGrid, "karras": KarrasGrid}
