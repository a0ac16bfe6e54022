r"""Heun's second-order method on the probability-flow ODE, with churn if asked for.

In :math:`y = (x - \mu)/\alpha` and :math:`r = \sigma/\alpha` the flow is :math:`dy/dr = \hat n(y, r)`, the noise
estimate; Heun averages it over both ends of the step. Churn goes back to :math:`\hat r = (1 + \gamma) r` first, with
fresh noise of the variance that lies between:

.. math:: \hat y = y + S_{noise}\sqrt{\hat r^2 - r^2}\; n,\qquad
          \gamma = \min(S_{churn} / S, \sqrt 2 - 1)

It forgets errors of earlier steps, and is worth its noise where there are many steps.

References
----------
Elucidating the Design Space of Diffusion-Based Generative Models (Karras et al., 2022), algorithms 1 and 2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tabdiff_lora.sampling.base import Sampler
from tabdiff_lora.state import Prediction, TableState


class HeunSampler(Sampler):
    """Second-order sampler; two network evaluations per interval, 2 S - 1 in all.

    Parameters
    ----------
    n_steps : "auto" or int, default="auto"
    churn : float >= 0, default=0.0
        :math:`S_{churn}`: new noise, in units that do not depend on the number of steps. 0 is deterministic.
    churn_noise : float, default=1.0
        :math:`S_{noise}`: a little more than 1 makes up for detail that is lost.
    churn_range : (float, float), default=(0, inf)
        :math:`S_{tmin}, S_{tmax}`: noise levels :math:`\\sigma / \\alpha` at which there is churn.
    unmasking, grid, guidance, rake, exclude
        See :class:`Sampler`.
    """

    def __init__(
        self,
        n_steps="auto",
        churn=0.0,
        churn_noise=1.0,
        churn_range=(0.0, math.inf),
        unmasking="stratified",
        grid="linear",
        guidance=1.0,
        rake=True,
        exclude=True,
    ):
        super().__init__(n_steps, unmasking, grid, guidance, rake, exclude)
        self.churn = churn
        self.churn_noise = churn_noise
        self.churn_range = churn_range

    def start_step(self, process, x_t: TableState, t, generator):
        numerical = process.numerical
        schedule, mean = numerical.schedule, numerical.prior.mean
        level = float(torch.exp(-schedule.log_ratio(t)))
        if self.churn == 0 or not self.churn_range[0] <= level <= self.churn_range[1]:
            return x_t, t
        gamma = min(self.churn / self.n_points(process), math.sqrt(2) - 1)
        t_hat = schedule.time_of(schedule.log_ratio(t) - math.log1p(gamma)).maximum(t)  # at most 1: no further back
        fresh = (torch.exp(-2 * schedule.log_ratio(t_hat)) - level**2).clamp_min(0.0).sqrt()
        noise = self.churn_noise * fresh * numerical.draw_noise(len(x_t.num), generator)
        y = (x_t.num - mean) / schedule.alpha(t) + noise
        return TableState(mean + schedule.alpha(t_hat) * y, x_t.cat), t_hat

    def numerical_step(self, process, x_t, prediction, t, s, previous, generator) -> Tensor:
        return process.numerical.q_posterior(x_t.num, prediction.num, t, s, eta=0.0)[0]

    def correct(self, denoise, process, x_t: TableState, x_s: TableState, first: Prediction, t, s) -> TableState:
        numerical = process.numerical
        if process.is_data(s):
            return x_s  # no noise is left to have a slope
        second = denoise(x_s, s)
        slope = 0.5 * (numerical.noise_of(x_t.num, first.num, t) + numerical.noise_of(x_s.num, second.num, s))
        alpha_t, alpha_s = numerical.schedule.alpha(t), numerical.schedule.alpha(s)
        stride: Tensor = numerical.schedule.sigma(s) / alpha_s - numerical.schedule.sigma(t) / alpha_t
        mean = numerical.prior.mean
        return TableState(mean + alpha_s * ((x_t.num - mean) / alpha_t + stride * slope), x_s.cat)
