r"""A mixture of Gaussians as the prior: one for each class of a column, or one for each cluster of rows.

A component :math:`k \sim w` is drawn first, then :math:`x_0 \sim N(\mu_k, \Sigma_k)`; so are the rows at the far end of
the process. Of a noisy row the component is known by Bayes' rule,

.. math:: r_k \propto w_k\; N\big(x_t;\, \mu + \alpha(\mu_k - \mu),\ \alpha^2\Sigma_k + \sigma^2 I\big)\;
          q(c_t | c_0 = k),

the last factor being what the categorical half shows of the class at that time: everything once the column is there,
nothing while it is masked. With :math:`D_k` and :math:`C_k` the posterior mean and covariance of component k,

.. math:: E[x_0 | x_t] = \sum_k r_k D_k,\qquad
          \mathrm{Cov}[x_0 | x_t] = \sum_k r_k \big(C_k + (D_k - \bar D)(D_k - \bar D)^\top\big).

That is the exact denoiser of the mixture. Where the component is the class of a column, what the numbers say of it,
:math:`\log r_k - \log w_k`, is added to the logits of that column. So an untrained network samples the fitted mixture
jointly with its classes, and rows of which something is known follow its conditional law: the class of rows whose
numbers are known, too.

References
----------
Elucidating the Design Space (Karras et al., 2022), appendix B.3, has the denoiser of a mixture of points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor

from tabdiff_lora.diffusion.covariance import Covariance
from tabdiff_lora.diffusion.posterior import Posterior, TriangularRoot
from tabdiff_lora.diffusion.priors import GaussianPrior, Prior
from tabdiff_lora.stratified import latin_normals


@dataclass(frozen=True)
class MixturePrior(Prior):
    r""":math:`\sum_k w_k N(\mu_k, \Sigma_k)`, for noise of covariance I.

    Attributes
    ----------
    components : tuple of K GaussianPrior
    log_weights : Tensor of shape (K,), or (B, K) for rows of which something is known
    pooled : GaussianPrior
        The Gaussian with the moments of the mixture.
    label : int or None
        Categorical column whose code is the component; None if the component is no column of the table.
    free : Tensor of shape (B, D), bool, optional
        Entries of B given rows that are not known.
    log_shares : Tensor of shape (K,), optional
        ``log_weights`` before anything was known.
    """

    components: tuple[GaussianPrior, ...]
    log_weights: Tensor
    pooled: GaussianPrior
    label: int | None = None
    free: Tensor | None = None
    log_shares: Tensor | None = None

    def __post_init__(self) -> None:
        if self.log_shares is None:
            object.__setattr__(self, "log_shares", self.log_weights)

    @classmethod
    def of(
        cls, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, label: int | None = None
    ) -> MixturePrior:
        """The mixture with weights (K,), means (K, D) and covariances (K, D, D)."""
        weights = weights / weights.sum()
        mean = weights @ means
        spread = means - mean
        pooled = np.einsum("k,kij->ij", weights, covariances) + (spread * weights[:, None]).T @ spread
        components = tuple(GaussianPrior.of(m, c) for m, c in zip(means, covariances, strict=True))
        log_weights = torch.as_tensor(weights, dtype=torch.float32).clamp_min(1e-8).log()
        return cls(components, log_weights, GaussianPrior.of(mean, pooled), label)

    @property
    def mean(self) -> Tensor:
        """The mean of the mixture."""
        return self.pooled.mean

    @property
    def covariance(self) -> Covariance:
        """The covariance of the mixture."""
        return self.pooled.covariance

    def given(self, x_0: Tensor, known: Tensor, evidence: Tensor | None = None) -> MixturePrior:
        """The mixture of the components' conditional laws, weighted by Bayes' rule; see :class:`Prior`."""
        log_weights = self.log_weights + torch.stack([c.log_density(x_0, known) for c in self.components], dim=1)
        return replace(
            self,
            components=tuple(component.given(x_0, known) for component in self.components),
            log_weights=(log_weights if evidence is None else log_weights + evidence).log_softmax(-1),
            pooled=self.pooled.given(x_0, known),
            free=~known.repeat_interleave(len(x_0) // len(known), dim=0),
        )

    def terminal(self, n_rows, alpha, sigma, noise, generator: Generator, evidence=None) -> Tensor:
        """Draw a component first, then from its Gaussian; see :class:`Prior`."""
        log_weights = self.log_weights if evidence is None else self.log_weights + evidence
        weights = log_weights.expand(n_rows, -1).softmax(-1)
        drawn = torch.multinomial(weights, 1, generator=generator)[:, 0]  # (n,)
        z = latin_normals(n_rows, self.dim, generator)
        x_t = torch.zeros_like(z)
        for k, component in enumerate(self.components):
            data = component.covariance.eigenvalues
            deviation = (alpha**2 * data + sigma**2 * (data > 0)).sqrt()
            rows = self.mean + alpha * (component.mean - self.mean) + component.covariance.scale(deviation, z)
            x_t = torch.where((drawn == k)[:, None], rows, x_t)
        return x_t

    def posterior(self, x_t, alpha, sigma, noise, evidence=None) -> Posterior:
        """Law of x_0 given x_t by its moments; see :class:`Prior`."""
        log_weights, means, covariances = [], [], []
        for component in self.components:
            basis, data = component.covariance, component.covariance.eigenvalues
            offset = x_t - self.mean - alpha * (component.mean - self.mean)
            c = component.preconditioning(alpha, sigma, (data > 0).to(data.dtype))
            white = basis.scale(c.scale_in, offset)
            log_weights.append(c.scale_in.log().sum(-1) - 0.5 * white.square().sum(-1))
            means.append(component.mean + basis.scale(c.skip, offset))
            covariances.append(basis.matrices(c.out.square()))  # (B, D, D)
        log_weights = self.log_weights + torch.stack(log_weights, dim=1)  # (B, K)
        label_logits = None if self.label is None else log_weights - self.log_shares
        responsibilities = (log_weights if evidence is None else log_weights + evidence).softmax(-1)  # (B, K)
        mean = sum(r[:, None] * m for r, m in zip(responsibilities.T, means, strict=True))
        covariance = sum(
            r[:, None, None] * (c + (m - mean)[:, :, None] * (m - mean)[:, None])
            for r, m, c in zip(responsibilities.T, means, covariances, strict=True)
        )
        return Posterior(mean, TriangularRoot.of(covariance, self.free), label_logits)

    def to(self, device) -> MixturePrior:
        """The same prior on another device."""
        return replace(
            self,
            components=tuple(component.to(device) for component in self.components),
            log_weights=self.log_weights.to(device),
            log_shares=self.log_shares.to(device),
            pooled=self.pooled.to(device),
            free=None if self.free is None else self.free.to(device),
        )
