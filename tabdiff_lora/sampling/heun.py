r"""Heun's second-order method on the probability-flow ODE.

In :math:`y = (x - \mu)/\alpha` and :math:`r = \sigma/\alpha` the flow is :math:`dy/dr = \hat n(y, r)`, the noise
estimate; Heun averages it over both ends of the step.

References
----------
Elucidating the Design Space of Diffusion-Based Generative Models (Karras et al., 2022), algorithm 1.
"""

from __future__ import annotations

from torch import Tensor

from tabdiff_lora.sampling.ddim import DDIMSampler
from tabdiff_lora.state import Prediction, TableState


class HeunSampler(DDIMSampler):
    """Second-order sampler; two network evaluations per interval, 2 S - 1 in all.

    Parameters
    ----------
    n_steps : int, default=20
    unmasking : {"stratified", "independent"}, default="stratified"
    """

    def __init__(self, n_steps=20, unmasking="stratified"):
        super().__init__(n_steps, eta=0.0, unmasking=unmasking)

    def correct(self, denoise, process, x_t: TableState, x_s: TableState, first: Prediction, t, s) -> TableState:
        numerical = process.numerical
        second = denoise(x_s, s)
        slope = 0.5 * (numerical.noise_of(x_t.num, first.num, t) + numerical.noise_of(x_s.num, second.num, s))
        alpha_t, alpha_s = numerical.schedule.alpha(t), numerical.schedule.alpha(s)
        stride: Tensor = numerical.schedule.sigma(s) / alpha_s - numerical.schedule.sigma(t) / alpha_t
        mean = numerical.prior.mean
        return TableState(mean + alpha_s * ((x_t.num - mean) / alpha_t + stride * slope), x_s.cat)
