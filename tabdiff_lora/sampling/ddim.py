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
    n_steps : "auto" or int, default="auto"
    eta : float in [0, 1], default=0.0
        0 is deterministic on the numerical half (for a variance-exploding schedule: Euler); 1 draws from
        :math:`q(x_s | x_t, \\hat x_0)`, the ancestral step of DDPM.
    unmasking, grid, guidance, rake, exclude
        See :class:`Sampler`.
    """

    enough = 50

    def __init__(
        self,
        n_steps="auto",
        eta=0.0,
        unmasking="stratified",
        grid="linear",
        guidance=1.0,
        rake=True,
        exclude=True,
    ):
        super().__init__(n_steps, unmasking, grid, guidance, rake, exclude)
        self.eta = eta

    def numerical_step(self, process, x_t, prediction, t, s, previous, generator) -> Tensor:
        mean, step_std = process.numerical.q_posterior(x_t.num, prediction.num, t, s, self.eta)
        if self.eta == 0:
            return mean
        return mean + step_std[:, None] * process.numerical.draw_noise(len(mean), generator)


class AncestralSampler(Sampler):
    """Ancestral sampling of DDPM, on any grid.

    Parameters
    ----------
    n_steps : "auto" or int, default="auto"
    variance : {"posterior", "step"}, default="posterior"
        Of the noise of a step: that of :math:`q(x_s | x_t, x_0)`, which is right for data that is a point, or that of
        :math:`q(x_t | x_s)`, which is right for data that is white noise ("fixed small" and "fixed large"; TabDDPM has
        the second). The last step has none.
    unmasking : {"stratified", "independent"} or int, default="independent"
    grid, guidance, rake, exclude
        See :class:`Sampler`.

    References
    ----------
    Denoising Diffusion Probabilistic Models (Ho et al., 2020), section 3.2.
    """

    enough = 100

    def __init__(
        self,
        n_steps="auto",
        variance="posterior",
        unmasking="independent",
        grid="linear",
        guidance=1.0,
        rake=True,
        exclude=True,
    ):
        super().__init__(n_steps, unmasking, grid, guidance, rake, exclude)
        self.variance = variance

    def numerical_step(self, process, x_t, prediction, t, s, previous, generator) -> Tensor:
        mean, step_std = process.numerical.q_posterior(x_t.num, prediction.num, t, s)
        if self.variance == "step":
            step_std = process.numerical.forward_std(t, s) * (s > 0)
        return mean + step_std[:, None] * process.numerical.draw_noise(len(mean), generator)
