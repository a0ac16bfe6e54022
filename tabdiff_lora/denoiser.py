r"""Denoiser: process + backbone -> estimate of x_0, and the training loss.

The numerical half is preconditioned by the process's prior. With :math:`D_G` the exact denoiser of :math:`N(\mu,
\Sigma)` the estimate is

.. math:: \hat x_0 = D_G(x_t) + C_{out}(t)\, F_\theta(C_{in}(t)(x_t - \mu), t)

where :math:`C_{in}` whitens what the network sees and :math:`C_{out}` is the posterior standard deviation, all three
functions of :math:`\Sigma` in its eigenbasis (:meth:`GaussianDiffusion.preconditioning`). The regression target
:math:`C_{out}^{-1}(x_0 - D_G(x_t))` then has unit variance at every t, and a network that outputs zero samples the
fitted Gaussian exactly. With :math:`\Sigma = I`, :math:`\mu = 0` this is EDM (Karras et al., 2022, table 1).

Where the prior depends on the class of a column, what it makes of the numbers is added to the logits of that column.
What is known of a row conditions the process, and with it :math:`\mu` and :math:`\Sigma` (:meth:`Denoiser.given`): an
untrained network then samples the Gaussian's conditional law. A known number is seen as it is, and marked.

The categorical half is the cross-entropy of the lost entries, divided by the entropy of their column, so that every
column of either kind starts with a loss near 1. Masked entries are revealed one after the other, so a row with k lost
entries is the turn at which one of k is drawn, and each of them counts 1/k: as in the bound of order-agnostic
autoregression, the last turn, at which most is known, counts as much as the first.

Other predictions
-----------------
Whatever is predicted, :math:`\hat x_0` is affine in the output F: an origin plus a root of a covariance times F
(:class:`Reading`). "preconditioned" is the choice above: posterior mean and root of the posterior covariance. The
classical ones, in the letters of :mod:`tabdiff_lora.diffusion.gaussian` and with :math:`n = N^{1/2} z`,

- "eps": :math:`F = z`, so :math:`\hat x_0 = \mu + (x_t - \mu - \sigma N^{1/2} F) / \alpha` (DDPM, TabDDPM);
- "x0": :math:`F = x_0 - \mu`;
- "v": :math:`F = \alpha n - \sigma (x_0 - \mu)`, so :math:`\hat x_0 = \mu + \alpha (x_t - \mu) - \sigma F` where
  variance is preserved (Salimans & Ho, 2022).

Other losses
------------
"elbo" is TabDDPM's: the squared error averaged over the numbers, plus T times one term of the variational bound of
multinomial diffusion (:meth:`CategoricalDiffusion.divergence`) averaged over the categories. It needs discrete times.

References
----------
Elucidating the Design Space of Diffusion-Based Generative Models (Karras et al., 2022), table 1; for the balance of the
halves, Continuous Diffusion for Mixed-Type Tabular Data (Mueller et al., 2025); TabDDPM (Kotelnikov et al., 2023),
section 3; for the turns, Autoregressive Diffusion Models (Hoogeboom et al., 2022), section 3.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, Self

import torch
from torch import Generator, Tensor, nn

from tabdiff_lora.backbones.embeddings import cross_entropies
from tabdiff_lora.diffusion import EigenRoot, GaussianDiffusion, TableDiffusion
from tabdiff_lora.diffusion.categorical import category_probabilities
from tabdiff_lora.diffusion.posterior import Root
from tabdiff_lora.state import Known, Observation, Prediction, TableState


class DenoisingLoss(NamedTuple):
    """Loss of a batch: per row, what the row gained over the prior's loss, and the mean of each half."""

    rows: Tensor  # (B,)
    gain: Tensor  # (B,), without gradient
    numerical: Tensor  # ()
    categorical: Tensor  # ()


class Reading(NamedTuple):
    """How an output F is read: as ``origin + root.colour(F)``."""

    origin: Tensor  # (B, D)
    root: Root


class Denoiser(nn.Module):
    """The network with its process.

    Parameters
    ----------
    process : TableDiffusion
    backbone : nn.Module
        See :mod:`tabdiff_lora.backbones.base`.
    entropies : Tensor of shape (C,)
        Entropy of each categorical column in the training rows, in nats.
    dtype : torch.dtype, default=torch.float32
        Precision of the backbone's hidden state; the mathematics around it stays in single precision.
    prediction : {"preconditioned", "eps", "x0", "v"}, default="preconditioned"
    objective : {"balanced", "elbo"}, default="balanced"
        See the module's docstring for both.

    Raises
    ------
    ValueError
        If a choice is none of these, or "elbo" meets a schedule of continuous time.
    """

    def __init__(
        self,
        process: TableDiffusion,
        backbone: nn.Module,
        entropies: Tensor,
        *,
        dtype: torch.dtype = torch.float32,
        prediction: str = "preconditioned",
        objective: str = "balanced",
    ):
        super().__init__()
        _require("prediction", prediction, ("preconditioned", *CLASSICAL))
        _require("loss", objective, ("balanced", "elbo"))
        if objective == "elbo" and process.numerical.schedule.n_times is None:
            schedule = type(process.numerical.schedule).__name__
            raise ValueError(
                "schedule of a diffusion with loss='elbo' must have discrete times, as DiscreteCosineSchedule has. Got "
                f"{schedule} instead."
            )
        self.process = process
        self.backbone = backbone
        self.dtype = dtype
        self.prediction = prediction
        self.objective = objective
        self.forbidden: Tensor | None = None
        self._hidden: Callable[[], TableDiffusion] | None = None
        self.register_buffer("ce_scale", 1.0 / entropies.float().clamp_min(0.05))

    def given(self, x_0: TableState, known: Known) -> Self:
        """The same network, for rows x_0 of which the ``known`` entries stay what they are at all times."""
        denoiser = copy.copy(self)
        denoiser.process = self.process.given(x_0, known)
        hidden = known._replace(cat=torch.zeros_like(known.cat))
        denoiser._hidden = lambda: self.process.given(x_0, hidden)
        return denoiser

    def hiding(self) -> Self:
        """The same network, for the rows it was given, whose known categories are unknown again."""
        denoiser = copy.copy(self)
        denoiser.process = self.process if self._hidden is None else self._hidden()
        return denoiser

    def without(self, levels: Tensor) -> Self:
        """The same network, which never answers with some levels: bool of shape (sum of K_c,)."""
        denoiser = copy.copy(self)
        denoiser.forbidden, denoiser.process = levels, replace(self.process, margins=None)
        return denoiser

    def _call_backbone(self, x_t: TableState, t: Tensor) -> tuple[Reading, Prediction]:
        """The backbone's raw output and how to read it."""
        numerical = self.process.numerical
        belief = self.process.posterior(x_t, t)
        if self.prediction == "preconditioned":
            reading = Reading(belief.mean, belief.root)
            scale_in = numerical.preconditioning(t).scale_in
            num = numerical.prior.covariance.scale(scale_in, x_t.num - numerical.prior.mean)
        else:
            alpha, sigma = numerical.schedule.alpha(t)[:, None], numerical.schedule.sigma(t)[:, None]
            reading = CLASSICAL[self.prediction](numerical, x_t.num, alpha, sigma)
            num = (x_t.num - numerical.prior.mean) * (alpha.square() + sigma.square()).rsqrt()
        if numerical.known is not None:
            num = torch.where(numerical.known, x_t.num, num)
        seen = Observation(num, x_t.cat, belief.mean, belief.root.deviations().expand_as(belief.mean))
        raw = self.backbone(seen, t, numerical.known, self.dtype)
        if belief.label_logits is not None:
            place = self.process.layout.logits_of(numerical.prior.label)
            around = (place.start, raw.cat_logits.shape[1] - place.stop)
            raw = raw._replace(cat_logits=raw.cat_logits + nn.functional.pad(belief.label_logits, around))
        return reading, raw

    def forward(self, x_t: TableState, t: Tensor) -> Prediction:
        """Estimate x_0.

        Parameters
        ----------
        x_t : TableState, num (B, D) float32, cat (B, C) int64
        t : Tensor of shape (B,) or (1,), in [0, 1]

        Returns
        -------
        Prediction
            ``num`` is the estimate of x_0 (B, D), ``cat_logits`` the log of p(x_0 | x_t) up to a constant.
        """
        reading, raw = self._call_backbone(x_t, t)
        cat_logits = (
            raw.cat_logits if self.forbidden is None else raw.cat_logits.masked_fill(self.forbidden, -torch.inf)
        )
        return Prediction(reading.origin + reading.root.colour(raw.num), cat_logits)

    def loss(self, x_0: TableState, t: Tensor, generator: Generator) -> DenoisingLoss:
        """Denoising loss of what is not known, at times t (B,), averaged over the dimensions of each row.

        Where time is discrete, the times used are the next ones that exist after t.
        """
        t = self.process.next_time(t)
        x_t = self.process.q_sample(x_0, t, generator)
        reading, raw = self._call_backbone(x_t, t)
        numerical = self.process.numerical
        squared = (raw.num - reading.root.whiten(x_0.num - reading.origin)).square()  # (B, D)
        n_noisy = squared.shape[1]
        if numerical.known is not None:
            squared, n_noisy = squared.masked_fill(numerical.known, 0.0), (~numerical.known).sum(-1)
        if self.objective == "elbo":
            return self._elbo(squared, raw.cat_logits, x_0, x_t, t)
        lost = self.process.categorical.lost(x_t.cat).to(squared.dtype)  # (B, C)
        weight = lost
        if self.process.categorical.masks:
            weight = lost * (lost.shape[1] + 1) / (2 * lost.sum(-1, keepdim=True).clamp_min(1.0))
        entropy = self.surprise(raw.cat_logits, x_0.cat) * weight
        n_dims = squared.shape[1] + entropy.shape[1]
        rows = (squared.sum(-1) + entropy.sum(-1)) / n_dims
        gain = (n_noisy + weight.sum(-1)) / n_dims - rows.detach()
        return DenoisingLoss(rows, gain, squared.mean(), entropy.sum() / weight.sum().clamp_min(1.0))

    def _elbo(self, squared: Tensor, cat_logits: Tensor, x_0: TableState, x_t: TableState, t: Tensor) -> DenoisingLoss:
        """TabDDPM's loss: either half averaged over its own columns.

        NOTE[DIFF]: its term of the prior at t = 1 is left out; no weight of the network is in it.
        """
        process, n_times = self.process.categorical, self.process.numerical.schedule.n_times
        probabilities = category_probabilities(cat_logits, process.layout)
        divergence = n_times * process.divergence(x_0.cat, x_t.cat, probabilities, t, t - 1 / n_times)  # (B, C)
        n_columns = divergence.shape[1] - (process.label is not None)
        numerical, categorical = squared.sum(-1) / max(squared.shape[1], 1), divergence.sum(-1) / max(n_columns, 1)
        rows = numerical + categorical
        return DenoisingLoss(rows, -rows.detach(), numerical.mean(), categorical.mean())

    def surprise(self, cat_logits: Tensor, cat: Tensor) -> Tensor:
        """Cross-entropy of codes (B, C) in units of the entropy of their column; shape (B, C)."""
        return cross_entropies(cat_logits, cat, self.process.layout) * self.ce_scale

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.ce_scale.device

    def to_device(self, device) -> Denoiser:
        """Move the network and its process."""
        self.process = self.process.to(device)
        return self.to(device)


def _eps(numerical: GaussianDiffusion, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Reading:
    mean = numerical.prior.mean
    factors = -sigma / alpha * numerical.noise_eigenvalues().sqrt()
    return Reading(mean + (x_t - mean) / alpha, EigenRoot(numerical.prior.covariance, factors))


def _x0(numerical: GaussianDiffusion, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Reading:
    covariance = numerical.prior.covariance
    free = (covariance.eigenvalues > 0).to(x_t.dtype)
    return Reading(numerical.prior.mean.expand_as(x_t), EigenRoot(covariance, free.expand_as(x_t)))


def _v(numerical: GaussianDiffusion, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Reading:
    mean, covariance = numerical.prior.mean, numerical.prior.covariance
    power = alpha.square() + sigma.square()
    factors = -sigma / power * (covariance.eigenvalues > 0)
    return Reading(mean + alpha / power * (x_t - mean), EigenRoot(covariance, factors))


CLASSICAL = {"eps": _eps, "x0": _x0, "v": _v}


def _require(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{what} of a diffusion must be one of {', '.join(known)}. Got {value!r} instead.")
