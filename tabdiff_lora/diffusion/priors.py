r"""Data-driven priors: what replaces N(0, I) ("beyond the Gaussian assumption", section 2.2.3 of the paper).

A prior is the Gaussian :math:`N(\mu, \Sigma)` that the numerical half is believed to follow before the network has
learned anything. It decides three things at once, consistently: where sampling starts, which denoiser the untrained
network already is (:meth:`GaussianPrior.posterior_mean`), and in which units the network sees its input and its error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tabdiff_lora.diffusion.covariance import Covariance


@dataclass(frozen=True)
class GaussianPrior:
    r""":math:`N(\mu, \Sigma)` over the D numerical dimensions.

    Attributes
    ----------
    mean : Tensor of shape (D,)
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
        covariance = Covariance.from_matrix(torch.as_tensor(estimate.covariance_, dtype=torch.float64), floor=1e-3)
        return cls(
            torch.as_tensor(estimate.location_, dtype=torch.float32),
            Covariance(covariance.eigenvalues.float(), covariance.eigenvectors.float()),
        )

    @property
    def dim(self) -> int:
        """D."""
        return len(self.mean)

    def to(self, device) -> GaussianPrior:
        """The same prior on another device."""
        return GaussianPrior(self.mean.to(device), self.covariance.to(device))
