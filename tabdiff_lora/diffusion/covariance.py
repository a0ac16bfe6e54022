r"""A covariance by its eigenbasis: every function of it that diffusion needs is a scaling there.

With :math:`\Sigma = Q\,\mathrm{diag}(\lambda)\,Q^\top`, inverting, colouring, whitening and the Gaussian posterior all
read :math:`Q\,\mathrm{diag}(f(\lambda))\,Q^\top x`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Covariance:
    """Symmetric positive definite matrix in its eigenbasis, or one for each of G runs of B / G rows.

    Attributes
    ----------
    eigenvalues : Tensor of shape (D,) or (B, D), positive (0 along an entry that is known)
    eigenvectors : Tensor of shape (D, D) or (G, D, D), orthonormal columns
    """

    eigenvalues: Tensor
    eigenvectors: Tensor

    @classmethod
    def from_matrix(cls, matrix: Tensor, *, floor: float = 1e-4) -> Covariance:
        """Decompose a symmetric (D, D) matrix; eigenvalues below ``floor`` are raised to it."""
        eigenvalues, eigenvectors = torch.linalg.eigh(matrix)
        return cls(eigenvalues.clamp_min(floor), eigenvectors)

    @classmethod
    def identity(cls, dim: int) -> Covariance:
        """The unit matrix of size ``dim``."""
        return cls(torch.ones(dim), torch.eye(dim))

    def matrix(self) -> Tensor:
        """The dense matrix, shape (D, D)."""
        return (self.eigenvectors * self.eigenvalues) @ self.eigenvectors.T

    def scale(self, factors: Tensor, x: Tensor) -> Tensor:
        r"""Apply :math:`Q\,\mathrm{diag}(f)\,Q^\top` to rows.

        Parameters
        ----------
        factors : Tensor of shape (D,) or (B, D)
            :math:`f(\lambda)`, one row per row of x or one for all.
        x : Tensor of shape (B, D)
        """
        return times(times(x, self.eigenvectors) * factors, self.eigenvectors.mT)

    def deviations(self, factors: Tensor) -> Tensor:
        r"""Standard deviation of each column of :math:`Q\,\mathrm{diag}(f) z`, z white; (B, D) to (B, D)."""
        return times(factors.square(), self.eigenvectors.square().mT).sqrt()

    def matrices(self, factors: Tensor) -> Tensor:
        r""":math:`Q\,\mathrm{diag}(f)\,Q^\top` for each row; f of shape (B, D) to (B, D, D)."""
        if self.eigenvectors.ndim == 2:
            return (self.eigenvectors * factors[:, None]) @ self.eigenvectors.mT
        factors = factors.unflatten(0, (len(self.eigenvectors), -1))  # (G, B / G, D)
        q = self.eigenvectors[:, None]
        return ((q * factors[:, :, None]) @ q.mT).flatten(0, 1)

    def colour(self, z: Tensor) -> Tensor:
        r"""White noise to noise of this covariance, :math:`\Sigma^{1/2} z`; shape (B, D)."""
        return self.scale(self.eigenvalues.sqrt(), z)

    def whiten(self, x: Tensor) -> Tensor:
        r"""Inverse of :meth:`colour`, :math:`\Sigma^{-1/2} x`; shape (B, D)."""
        return self.scale(self.eigenvalues.rsqrt(), x)

    def mahalanobis(self, x: Tensor) -> Tensor:
        r"""Squared length :math:`x^\top \Sigma^{-1} x` of centred rows; shape (B,)."""
        return ((x @ self.eigenvectors).square() / self.eigenvalues).sum(-1)

    def to(self, device) -> Covariance:
        """The same covariance on another device."""
        return Covariance(self.eigenvalues.to(device), self.eigenvectors.to(device))


def times(x: Tensor, matrix: Tensor) -> Tensor:
    """Rows (B, D) times one matrix (D, D), or runs of rows times a matrix each (G, D, D)."""
    return x @ matrix if matrix.ndim == 2 else (x.unflatten(0, (len(matrix), -1)) @ matrix).flatten(0, 1)
