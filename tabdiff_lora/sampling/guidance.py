r"""Guidance: lean on the known classes more than the data does.

A network that is trained on known columns gives two estimates of a row: with its known categories, and with these
hidden behind the mask. Guidance extrapolates from the second through the first,

.. math:: \hat x_0^{(w)} = \hat x_0 + w\,(\hat x_0^{known} - \hat x_0),\qquad
          \ell^{(w)} = \ell + w\,(\ell^{known} - \ell)

for numbers and logits. With w = 1 nothing changes, 0 forgets the classes, and more than 1 draws rows that are typical
of them: the score of :math:`p(x)\,p(c | x)^w`. That law is what is sampled where one step decides everything, as for a
single category; else it is the law of each step, not of all together.

References
----------
Classifier-Free Diffusion Guidance (Ho & Salimans, 2022), eq. 6; for categories, Unlocking Guidance for Discrete
State-Space Diffusion and Flow Models (Nisonoff et al., 2025).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from tabdiff_lora.diffusion import TableDiffusion
from tabdiff_lora.state import Prediction, TableState


class Estimator(Protocol):
    """What samplers ask: a process, and an estimate of x_0 under it."""

    process: TableDiffusion

    def __call__(self, x_t: TableState, t: Tensor) -> Prediction:
        """Estimate x_0."""

    def hiding(self) -> Estimator:
        """The same, for rows whose known categories are hidden again."""


class Guided:
    """A denoiser with guidance by the known categories.

    Parameters
    ----------
    denoiser : Denoiser of rows of which something may be known
    weight : float
        w above; > 1 exaggerates.

    Raises
    ------
    ValueError
        If lost categories are not masked: then there is nothing to hide behind.
    """

    def __init__(self, denoiser: Estimator, weight: float):
        if not denoiser.process.categorical.masks:
            raise ValueError(
                f"process of guided sampling must be 'mask'. Got guidance={weight} and replaced categories instead."
            )
        self.process, self.weight = denoiser.process, weight
        self.informed, self.uninformed = denoiser, denoiser.hiding()

    def __call__(self, x_t: TableState, t: Tensor) -> Prediction:
        """Estimate x_0; see :class:`tabdiff_lora.denoiser.Denoiser`."""
        categorical = self.process.categorical
        informed = self.informed(x_t, t)
        if categorical.known is None or not bool(categorical.known.any()):
            return informed
        hidden = torch.where(categorical.known, categorical.mask_codes(x_t.cat.device), x_t.cat)
        uninformed = self.uninformed(TableState(x_t.num, hidden), t)
        # A level that is never drawn has the logit -inf in both.
        logits = torch.lerp(uninformed.cat_logits, informed.cat_logits, self.weight)
        return Prediction(
            torch.lerp(uninformed.num, informed.num, self.weight),
            torch.where(informed.cat_logits.isneginf(), -torch.inf, logits),
        )
