r"""Data-driven priors: what replaces N(0, I) ("beyond the Gaussian assumption", section 2.2.3 of the paper).

A prior is the law that the numerical half is believed to follow before the network has learned anything. It decides
three things at once, consistently: where sampling starts (:meth:`Prior.terminal`), which denoiser the untrained network
already is, and in which units its error counts (both :meth:`Prior.posterior`).

The noise of the process is :math:`N(0, N)`, and :math:`N` shares the eigenvectors of the prior's covariance: its
eigenvalues :math:`\nu` are what the methods here are told of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from tabdiff_lora.diffusion.covariance import Covariance, times
from tabdiff_lora.diffusion.posterior import EigenRoot, Posterior
from tabdiff_lora.state import Conditioning
from tabdiff_lora.stratified import latin_normals


class Prior(ABC):
    r"""A law of the numerical half whose denoiser is known in closed form.

    An own prior keeps four promises, from which a process, every sampler and the loss follow: its first two moments are
    ``mean`` and ``covariance``; ``terminal`` draws :math:`x_t = \mu + \alpha(x_0 - \mu) + \sigma n` with :math:`x_0`
    from the prior; ``posterior`` is Bayes' rule for that :math:`x_t`; ``given`` is the same law with entries known.

    Attributes
    ----------
    mean : Tensor of shape (D,), or (B, D) for rows of which something is known
        :math:`\mu`, around which the process moves.
    covariance : Covariance of size D
        In whose eigenbasis the network sees its input.
    label : int or None
        The categorical column, if any, on whose value the law depends.
    """

    mean: Tensor
    covariance: Covariance
    label: int | None = None

    @property
    def dim(self) -> int:
        """D."""
        return self.mean.shape[-1]

    @abstractmethod
    def given(self, x_0: Tensor, known: Tensor, evidence: Tensor | None = None) -> Prior:
        """The law of rows of which some entries are known: those for certain, the rest by its conditional law.

        Parameters
        ----------
        x_0 : Tensor of shape (B, D)
        known : Tensor of shape (G, D), bool
            Entries known in each of G runs of B / G rows.
        evidence : Tensor of shape (B, K_label), optional
            Log-likelihood of each level of the label.
        """

    @abstractmethod
    def terminal(
        self,
        n_rows: int,
        alpha: Tensor,
        sigma: Tensor,
        noise: Tensor,
        generator: Generator,
        evidence: Tensor | None = None,
    ) -> Tensor:
        r"""Draw x_t of shape (n_rows, D) at the one time with this alpha and sigma, each of shape (1,).

        ``noise`` are the eigenvalues :math:`\nu` of N, of the shape of the covariance's own.
        """

    @abstractmethod
    def posterior(
        self, x_t: Tensor, alpha: Tensor, sigma: Tensor, noise: Tensor, evidence: Tensor | None = None
    ) -> Posterior:
        """Law of x_0 given x_t (B, D); alpha and sigma of shape (B, 1) or (1, 1)."""

    @abstractmethod
    def to(self, device) -> Prior:
        """The same prior on another device."""


class Preconditioning(NamedTuple):
    """Factors per row and eigen-direction, each of shape (B, D) or (1, D)."""

    skip: Tensor
    out: Tensor
    scale_in: Tensor


@dataclass(frozen=True)
class GaussianPrior(Prior):
    r""":math:`N(\mu, \Sigma)` over the D numerical dimensions.

    Attributes
    ----------
    mean : Tensor of shape (D,), or (B, D) for rows of which something is known
    covariance : Covariance of size D
    """

    mean: Tensor
    covariance: Covariance

    @classmethod
    def standard(cls, dim: int) -> GaussianPrior:
        """N(0, I): plain EDM or DDPM."""
        return cls(torch.zeros(dim), Covariance.identity(dim))

    @classmethod
    def fit(cls, num: np.ndarray) -> GaussianPrior:
        """Mean and Ledoit-Wolf shrunk covariance of encoded rows.

        Parameters
        ----------
        num : ndarray of shape (n, D)

        References
        ----------
        A well-conditioned estimator for large-dimensional covariance matrices (Ledoit & Wolf, 2004).
        """
        from sklearn.covariance import LedoitWolf

        if num.shape[1] == 0 or len(num) < 2:
            return cls.standard(num.shape[1])
        estimate = LedoitWolf().fit(num)
        return cls.of(estimate.location_, estimate.covariance_)

    @classmethod
    def of(cls, mean: np.ndarray, covariance: np.ndarray) -> GaussianPrior:
        """The normal law with these moments, (D,) and (D, D); eigenvalues below 0.001 are raised to it."""
        decomposed = Covariance.from_matrix(torch.as_tensor(covariance, dtype=torch.float64), floor=1e-3)
        return cls(
            torch.as_tensor(mean, dtype=torch.float32),
            Covariance(decomposed.eigenvalues.float(), decomposed.eigenvectors.float()),
        )

    def given(self, x_0: Tensor, known: Tensor, evidence: Tensor | None = None) -> GaussianPrior:
        r"""The law of rows whose entries K are known: K for certain, the rest by the Gaussian's conditional law.

        .. math:: \mu' = \mu + \Sigma_{\cdot K}\Sigma_{KK}^{-1}(x_K - \mu_K),\quad
                  \Sigma' = \Sigma - \Sigma_{\cdot K}\Sigma_{KK}^{-1}\Sigma_{K\cdot}

        Parameters
        ----------
        x_0 : Tensor of shape (B, D)
        known : Tensor of shape (G, D), bool
            Entries known in each of G runs of B / G rows.
        evidence : ignored
            This law has no label.
        """
        patterns, pattern_of = _patterns(known)
        return self.conditioned(x_0, patterns[pattern_of], self.conditioning(patterns).of(pattern_of))

    def conditioning(self, known: Tensor) -> Conditioning:
        """What :meth:`given` needs of sets of known entries (G, D), bool, before it sees a row: the slow part."""
        sigma, in_k = self.covariance.matrix(), known.to(self.mean.dtype)  # (D, D), (G, D)
        gain = torch.linalg.solve(_shown(sigma, in_k), sigma * in_k[:, :, None])  # (G, D, D), zero in rows not in K
        # Known entries get the eigenvalue -1 first, which sets their directions apart from all others.
        rest = (sigma - sigma @ gain) * (1 - in_k)[:, :, None] * (1 - in_k)[:, None] - torch.diag_embed(in_k)
        eigenvalues, eigenvectors = torch.linalg.eigh(rest)
        eigenvalues = torch.where(eigenvalues < -0.5, 0.0, eigenvalues.clamp_min(self.covariance.eigenvalues.min()))
        return Conditioning(gain, eigenvalues, eigenvectors)

    def conditioned(self, x_0: Tensor, known: Tensor, conditioning: Conditioning) -> GaussianPrior:
        """What :meth:`given` returns, once the :meth:`conditioning` on ``known`` is worked out."""
        mean, n_repeats = self.mean + times(x_0 - self.mean, conditioning.gain), len(x_0) // len(known)
        return GaussianPrior(
            torch.where(known.repeat_interleave(n_repeats, 0), x_0, mean),
            Covariance(conditioning.eigenvalues.repeat_interleave(n_repeats, 0), conditioning.eigenvectors),
        )

    def log_density(self, x_0: Tensor, known: Tensor) -> Tensor:
        """Log-density of the known entries, up to a constant for each number of them.

        Parameters
        ----------
        x_0 : Tensor of shape (B, D)
        known : Tensor of shape (G, D), bool

        Returns
        -------
        Tensor of shape (B,)
        """
        patterns, pattern_of = _patterns(known)
        in_k = patterns.to(x_0.dtype)
        root = torch.linalg.cholesky(_shown(self.covariance.matrix(), in_k))  # (P, D, D)
        whitening = torch.linalg.inv(root).mT * in_k[:, :, None]
        log_volume = root.diagonal(dim1=1, dim2=2).log().sum(-1)[pattern_of]  # (G,) or (1,)
        white = times(x_0 - self.mean, whitening[pattern_of])
        return -0.5 * white.square().sum(-1) - log_volume.repeat_interleave(len(x_0) // len(pattern_of))

    def preconditioning(self, alpha: Tensor, sigma: Tensor, noise: Tensor) -> Preconditioning:
        """Skip, output and input factors in the eigenbasis; alpha and sigma of shape (B, 1) or (1, 1)."""
        data = self.covariance.eigenvalues
        total = alpha.square() * data + sigma.square() * noise + (data == 0)  # known: skip = out = 0
        return Preconditioning(alpha * data / total, sigma * (noise * data / total).sqrt(), total.rsqrt())

    def terminal(self, n_rows, alpha, sigma, noise, generator, evidence=None) -> Tensor:
        r"""Draw from :math:`N(\mu, \alpha^2\Sigma + \sigma^2 N)`; see :class:`Prior`."""
        deviation = (alpha**2 * self.covariance.eigenvalues + sigma**2 * noise).sqrt()
        return self.mean + self.covariance.scale(deviation, latin_normals(n_rows, self.dim, generator))

    def posterior(self, x_t, alpha, sigma, noise, evidence=None) -> Posterior:
        """Law of x_0 given x_t, a normal one; see :class:`Prior`."""
        c = self.preconditioning(alpha, sigma, noise)
        mean = self.mean + self.covariance.scale(c.skip, x_t - self.mean)
        return Posterior(mean, EigenRoot(self.covariance, c.out))

    def to(self, device) -> GaussianPrior:
        """The same prior on another device."""
        return GaussianPrior(self.mean.to(device), self.covariance.to(device))


def _patterns(known: Tensor) -> tuple[Tensor, Tensor]:
    """The P different rows of known (G, D), and which of them each run has; one answer for all where P is 1."""
    patterns, pattern_of = known.unique(dim=0, return_inverse=True)
    return patterns, pattern_of[:1] if len(patterns) == 1 else pattern_of


def _shown(sigma: Tensor, in_k: Tensor) -> Tensor:
    """The block of sigma (D, D) that is known in each pattern (P, D), with the identity beside it; (P, D, D)."""
    return sigma * in_k[:, :, None] * in_k[:, None] + torch.diag_embed(1 - in_k)
