r"""What a prior alone makes of a noisy row: mean and a root of the covariance of the clean row, given what is seen.

Any matrix :math:`R` with :math:`R R^\top = \mathrm{Cov}[x_0 | x_t]` is a root: :math:`R z` colours white noise, and
:math:`R^{-1}(x_0 - E[x_0 | x_t])` is white if the prior is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from tabdiff_lora.diffusion.covariance import Covariance


class Root(Protocol):
    """A root of one covariance per row."""

    def colour(self, z: Tensor) -> Tensor:
        """R z; (B, D) to (B, D)."""

    def whiten(self, x: Tensor) -> Tensor:
        """Inverse of :meth:`colour`, zero along directions without variance; (B, D) to (B, D)."""

    def deviations(self) -> Tensor:
        """Standard deviation of each column; shape (B, D) or (1, D)."""


class Posterior(NamedTuple):
    """Law of the clean row given the noisy one: its first two moments, and what the numbers say of the label."""

    mean: Tensor  # (B, D)
    root: Root
    label_logits: Tensor | None = None  # (B, K): log-likelihood of each level, where the prior depends on one


@dataclass(frozen=True)
class EigenRoot:
    r""":math:`Q\,\mathrm{diag}(f)\,Q^\top` in the eigenbasis of a covariance.

    Parameters
    ----------
    covariance : Covariance
    factors : Tensor of shape (B, D) or (1, D)
        f; of either sign, 0 along an entry that is known.
    """

    covariance: Covariance
    factors: Tensor

    def colour(self, z: Tensor) -> Tensor:
        return self.covariance.scale(self.factors, z)

    def whiten(self, x: Tensor) -> Tensor:
        return self.covariance.scale(torch.where(self.factors != 0, 1.0 / self.factors, 0.0), x)

    def deviations(self) -> Tensor:
        return self.covariance.deviations(self.factors)


@dataclass(frozen=True)
class TriangularRoot:
    """The Cholesky factor of one covariance per row.

    Parameters
    ----------
    factor : Tensor of shape (B, D, D), lower triangular
        The identity along entries that are known.
    free : Tensor of shape (B, D), bool, optional
        Entries that are not known; None where none is.
    """

    factor: Tensor
    free: Tensor | None = None

    @classmethod
    def of(cls, matrices: Tensor, free: Tensor | None = None) -> TriangularRoot:
        """Decompose covariances of shape (B, D, D); what they say of known entries is ignored."""
        ridge = 1e-6 * matrices.diagonal(dim1=1, dim2=2)  # columns may be collinear up to rounding
        if free is not None:
            matrices = matrices * free[:, :, None] * free[:, None]
            ridge = torch.where(free, ridge, 1.0)
        return cls(torch.linalg.cholesky(matrices + torch.diag_embed(ridge)), free)

    def colour(self, z: Tensor) -> Tensor:
        return self._freed((self.factor @ z[..., None])[..., 0])

    def whiten(self, x: Tensor) -> Tensor:
        return self._freed(torch.linalg.solve_triangular(self.factor, x[..., None], upper=False)[..., 0])

    def deviations(self) -> Tensor:
        return self._freed(self.factor.square().sum(-1).sqrt())

    def _freed(self, x: Tensor) -> Tensor:
        return x if self.free is None else torch.where(self.free, x, 0.0)
