r"""The numerical half: Gaussian diffusion around a data-driven prior.

.. math:: x_t = \mu + \alpha_t (x_0 - \mu) + \sigma_t n, \qquad n \sim N(0, N)

with the prior's mean :math:`\mu` and noise covariance :math:`N = I` (column-separable noise, EDM coordinates) or
:math:`N = \Sigma` (PriorGrad: the noise itself has the shape of the data). ``N = I``, ``mu = 0`` and a cosine
schedule is DDPM (eq. 1 of the paper in closed form). Everything else in this file follows from that one line.

If the data really were :math:`N(\mu, \Sigma)`, the posterior of :math:`x_0` would be, per eigen-direction j,

.. math:: E[x_0 | x_t] = \mu + c^{skip}_j (x_t - \mu),\quad
          c^{skip} = \frac{\alpha\lambda}{\alpha^2\lambda + \sigma^2\nu},\quad
          Var[x_0 | x_t] = (c^{out}_j)^2 = \frac{\sigma^2\nu\lambda}{\alpha^2\lambda + \sigma^2\nu}

(:math:`\nu` the eigenvalues of N). :class:`tabdiff_lora.denoiser.Denoiser` learns only what this misses.

Rows of which some entries are known follow the same process: there the prior is sure of its mean, so neither its
samples nor its noise move them (:meth:`GaussianDiffusion.given`).

References
----------
PriorGrad (Lee et al., 2022) for N = Sigma; Elucidating the Design Space (Karras et al., 2022), section 5, of which the
coefficients here are the matrix form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Generator, Tensor

from tabdiff_lora.diffusion.posterior import Posterior
from tabdiff_lora.diffusion.priors import GaussianPrior, Preconditioning, Prior
from tabdiff_lora.diffusion.schedule import KarrasSchedule, NoiseSchedule
from tabdiff_lora.state import Conditioning


@dataclass(frozen=True)
class GaussianDiffusion:
    """Schedule plus prior; stateless.

    Parameters
    ----------
    prior : Prior
    schedule : NoiseSchedule
    noise : {"identity", "prior"}
        Covariance N of the noise: I, or that of the prior, which must be a single Gaussian then.
    known : Tensor of shape (B, D), bool, optional
        Entries of B given rows that hold their clean values at all times; see :meth:`given`.
    """

    prior: Prior
    schedule: NoiseSchedule = KarrasSchedule()
    noise: Literal["identity", "prior"] = "identity"
    known: Tensor | None = None

    def __post_init__(self) -> None:
        if self.noise == "prior" and not isinstance(self.prior, GaussianPrior):
            raise ValueError(
                f"noise of GaussianDiffusion must be 'identity' with a {type(self.prior).__name__}. Got 'prior' "
                "instead. Only a single Gaussian has one covariance."
            )

    def given(
        self, x_0: Tensor, known: Tensor, evidence: Tensor | None = None, conditioning: Conditioning | None = None
    ) -> GaussianDiffusion:
        """The process of B rows of which some entries are known.

        Parameters
        ----------
        x_0 : Tensor of shape (B, D)
        known : Tensor of shape (G, D), bool
            Entries known in each of G runs of B / G rows.
        evidence : Tensor of shape (B, K_label), optional
            What is known of the label of the prior; see :meth:`Prior.given`.
        conditioning : Conditioning, optional
            Of a single Gaussian on ``known``, where it is worked out already.
        """
        if self.prior.dim == 0:
            return self
        rows = known.repeat_interleave(len(x_0) // len(known), dim=0)
        if conditioning is None:
            return replace(self, prior=self.prior.given(x_0, known, evidence), known=rows)
        return replace(self, prior=self.prior.conditioned(x_0, known, conditioning), known=rows)

    def noise_eigenvalues(self) -> Tensor:
        r""":math:`\nu` of shape (D,), in the eigenbasis of the prior's covariance."""
        eigenvalues = self.prior.covariance.eigenvalues
        return (eigenvalues > 0).to(eigenvalues.dtype) if self.noise == "identity" else eigenvalues

    def draw_noise(self, n_rows: int, generator: Generator) -> Tensor:
        """Noise n ~ N(0, N); shape (n_rows, D)."""
        z = torch.randn(n_rows, self.prior.dim, generator=generator, device=self.prior.mean.device)
        if self.noise == "prior":
            return self.prior.covariance.colour(z)
        return z if self.known is None else z.masked_fill(self.known, 0.0)

    def q_sample(self, x_0: Tensor, t: Tensor, generator: Generator) -> Tensor:
        """Draw x_t given x_0; x_0 of shape (B, D), t of shape (B,)."""
        noise = self.draw_noise(len(x_0), generator)
        return self.move(x_0, noise, t)

    def move(self, x_0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """The point at time t on the line from x_0 along ``noise`` (both (B, D)); t of shape (B,) or (1,)."""
        alpha, sigma = self.schedule.alpha(t)[:, None], self.schedule.sigma(t)[:, None]
        return self.prior.mean + alpha * (x_0 - self.prior.mean) + sigma * noise

    def noise_of(self, x_t: Tensor, x_0: Tensor, t: Tensor) -> Tensor:
        """The noise that leads from x_0 to x_t, inverse of :meth:`move`; shape (B, D)."""
        alpha, sigma = self.schedule.alpha(t)[:, None], self.schedule.sigma(t)[:, None]
        return (x_t - self.prior.mean - alpha * (x_0 - self.prior.mean)) / sigma

    def prior_sample(self, n_rows: int, generator: Generator, evidence: Tensor | None = None) -> Tensor:
        r"""Draw x_1 from the law that rows of the prior have at t = 1; shape (n_rows, D).

        For a single Gaussian that is :math:`N(\mu, \alpha_1^2\Sigma + \sigma_1^2 N)`.
        """
        one = torch.ones(1, device=self.prior.mean.device)
        alpha, sigma = self.schedule.alpha(one), self.schedule.sigma(one)
        return self.prior.terminal(n_rows, alpha, sigma, self.noise_eigenvalues(), generator, evidence)

    def step_std(self, t: Tensor, s: Tensor, eta: float = 1.0) -> Tensor:
        r"""Noise of one reverse step, in units of N^{1/2}.

        .. math:: \tilde\sigma = \eta\, \sigma_s \sqrt{1 - (\alpha_t\sigma_s / \alpha_s\sigma_t)^2}

        eta = 1 is the ancestral step (the standard deviation of :math:`q(x_s | x_t, x_0)`), 0 is deterministic.
        For a variance-preserving schedule this is DDIM eq. 16; for alpha = 1 it is EDM's ancestral step.
        """
        ratio = self.schedule.alpha(t) * self.schedule.sigma(s) / (self.schedule.alpha(s) * self.schedule.sigma(t))
        return eta * self.schedule.sigma(s) * (1 - ratio.square()).clamp_min(0.0).sqrt()

    def forward_std(self, t: Tensor, s: Tensor) -> Tensor:
        r"""Noise of one forward step, from s to t, in units of N^{1/2}: :math:`\sqrt{\beta}` of DDPM."""
        ratio = self.schedule.alpha(t) / self.schedule.alpha(s)
        return (self.schedule.sigma(t).square() - (ratio * self.schedule.sigma(s)).square()).clamp_min(0.0).sqrt()

    def q_posterior(self, x_t: Tensor, x_0: Tensor, t: Tensor, s: Tensor, eta: float = 1.0) -> tuple[Tensor, Tensor]:
        r"""Mean (B, D) of :math:`q(x_s | x_t, x_0)` and its standard deviation (B,) in units of N^{1/2}.

        With ``eta = 1`` this is Bayes' rule; smaller values keep the same marginals with less fresh noise
        (DDIM, eq. 7 and 12).
        """
        step = self.step_std(t, s, eta)
        kept = (self.schedule.sigma(s).square() - step.square()).clamp_min(0.0).sqrt()
        mean = self.prior.mean + self.schedule.alpha(s)[:, None] * (x_0 - self.prior.mean)
        return mean + kept[:, None] * self.noise_of(x_t, x_0, t), step

    def posterior(self, x_t: Tensor, t: Tensor, evidence: Tensor | None = None) -> Posterior:
        """What the prior makes of x_t (B, D) at times t (B,) or (1,): the law of x_0, by its first two moments."""
        alpha, sigma = self.schedule.alpha(t)[:, None], self.schedule.sigma(t)[:, None]
        return self.prior.posterior(x_t, alpha, sigma, self.noise_eigenvalues(), evidence)

    def preconditioning(self, t: Tensor) -> Preconditioning:
        """Skip, output and input factors at times t (B,) of the Gaussian with the moments of the prior."""
        alpha, sigma = self.schedule.alpha(t)[:, None], self.schedule.sigma(t)[:, None]
        gaussian = GaussianPrior(self.prior.mean, self.prior.covariance)
        return gaussian.preconditioning(alpha, sigma, self.noise_eigenvalues())

    def to(self, device) -> GaussianDiffusion:
        """The same process on another device."""
        return replace(self, prior=self.prior.to(device))
