"""DDIM, and ancestral DDPM as its stochastic end.

References
----------
Denoising Diffusion Implicit Models (Song et al., 2021), eq. 12 and 16; Denoising Diffusion Probabilistic Models
(Ho et al., 2020), eq. 6-7.
"""

from __future__ import annotations

from torch import Tensor

from tabdiff_lora.sampling.base import Sampler


class DDIMSampler(Sampler):
    """First-order sampler with a dial between deterministic and ancestral.

    Parameters
    ----------
    n_steps : int, default=50
        Network evaluations.
    eta : float in [0, 1], default=0.0
        0 is deterministic on the numerical half (for a variance-exploding schedule: Euler); 1 draws from
        :math:`q(x_s | x_t, \\hat x_0)`, the ancestral step of DDPM.
    unmasking : {"stratified", "independent"}, default="stratified"
    """

    def __init__(self, n_steps=50, eta=0.0, unmasking="stratified"):
        super().__init__(n_steps, unmasking)
        self.eta = eta

    def numerical_step(self, process, x_t, prediction, t, s, previous, generator) -> Tensor:
        mean, step_std = process.numerical.q_posterior(x_t.num, prediction.num, t, s, self.eta)
        if self.eta == 0:
            return mean
        return mean + step_std[:, None] * process.numerical.draw_noise(len(mean), generator)


class AncestralSampler(DDIMSampler):
    """Ancestral sampling of DDPM on any grid: DDIM with ``eta = 1``.

    Parameters
    ----------
    n_steps : int, default=100
    unmasking : {"stratified", "independent"}, default="independent"
    """

    def __init__(self, n_steps=100, unmasking="independent"):
        super().__init__(n_steps, eta=1.0, unmasking=unmasking)
