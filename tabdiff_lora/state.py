"""TableState: a batch of encoded rows at some diffusion time."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class TableState(NamedTuple):
    """A batch of rows at time t.

    Attributes
    ----------
    num : Tensor of shape (B, D), float32
        Numerical dimensions, noisy for t > 0.
    cat : Tensor of shape (B, C), int64
        Categorical codes; a masked entry of column c holds the extra code ``K_c``.
    """

    num: Tensor
    cat: Tensor


class Conditioning(NamedTuple):
    """What a normal law makes of G sets of known entries, whatever their values turn out to be.

    Attributes
    ----------
    gain : Tensor of shape (G, D, D)
        Rows of x_0 - mu times it are how far the mean of the conditional law lies from mu.
    eigenvalues, eigenvectors : Tensor of shape (G, D) and (G, D, D)
        Of the conditional covariance; 0 along a known entry.
    """

    gain: Tensor
    eigenvalues: Tensor
    eigenvectors: Tensor

    def of(self, sets: Tensor) -> Conditioning:
        """Those of the sets with these numbers, int64 of shape (G,)."""
        return Conditioning(*(entries[sets] for entries in self))


class Known(NamedTuple):
    """Which entries of a batch of B rows are known, run by run: G runs of B / G consecutive rows each.

    Attributes
    ----------
    num : Tensor of shape (G, D), bool
    cat : Tensor of shape (G, C), bool
    conditioning : Conditioning, optional
        Of the prior on ``num``, where it is worked out already.
    """

    num: Tensor
    cat: Tensor
    conditioning: Conditioning | None = None


class Observation(NamedTuple):
    """What a network sees of a batch of rows at time t: the noisy rows, and what the prior alone makes of them.

    Attributes
    ----------
    num : Tensor of shape (B, D), float32
        Numerical dimensions, preconditioned: unit variance at every t.
    cat : Tensor of shape (B, C), int64
        As in :class:`TableState`.
    guess, spread : Tensor of shape (B, D), float32
        Mean and standard deviation of each clean number under the prior, given the noisy ones.
    """

    num: Tensor
    cat: Tensor
    guess: Tensor
    spread: Tensor

    @classmethod
    def clean(cls, num: Tensor, cat: Tensor) -> Observation:
        """Rows without noise."""
        return cls(num, cat, num, torch.zeros_like(num))


class Prediction(NamedTuple):
    """What a network says about the clean row.

    Attributes
    ----------
    num : Tensor of shape (B, D), float32
        The network's own output F from a backbone; the estimate of x_0 from a denoiser.
    cat_logits : Tensor of shape (B, sum of K_c), float32
        Unnormalised log p(x_0 | x_t) of each categorical column, columns side by side (see ``TableLayout.groups``).
    """

    num: Tensor
    cat_logits: Tensor
