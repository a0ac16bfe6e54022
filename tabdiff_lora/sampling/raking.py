r"""Raking: how often each level occurs is known from the training rows, better than any network conveys it.

The categories of a walk come from :math:`p(x_c | x_t)`, each answer a little off, and the offs of many steps add up. Of
all laws with the margins :math:`f_c`, the one nearest to the network's law q (in Kullback-Leibler divergence) is

.. math:: p(x) = q(x) \prod_c \omega_c(x_c),

with one weight for each level: iterative proportional fitting, which statisticians of surveys call raking. The weights
enter the logits, and are fitted while a block of rows is drawn: after each step, by the ratio of the rows that a level
still needs to the rows that are still expected to get it,

.. math:: \log \omega \mathrel{+}= \log\frac{B f - n_{revealed} + \delta}{\sum_{lost} p + \delta},

where :math:`\delta` (a twentieth of the level's rows, and one) leaves the last rows of a column to the network, so that
none is bent to make a count come out even. It costs nothing to fit and holds for any network.

Only whole tables are raked: as soon as something is known of the rows, or a level is ruled out, the margins of the
training rows are no longer theirs. Numbers are left alone: moving them to their law tears apart what lies together.

References
----------
On a least squares adjustment of a sampled frequency table when the expected marginal totals are known (Deming &
Stephan, 1940); I-divergence geometry of probability distributions and minimization problems (Csiszar, 1975).
"""

from __future__ import annotations

import torch
from torch import Tensor

from tabdiff_lora.compute import constants
from tabdiff_lora.layout import TableLayout

SLACK = 0.05
"""Share of a level's rows that its count may be off before the weights follow in full."""


class Raking:
    """Weights of the levels of one block of rows.

    Parameters
    ----------
    margins : Tensor of shape (sum of K_c,)
        How many training rows have each level, columns side by side.
    layout : TableLayout

    Attributes
    ----------
    log_weights : Tensor of shape (sum of K_c,)
        To be added to the logits; 0 before the first :meth:`update`.
    """

    def __init__(self, margins: Tensor, layout: TableLayout):
        self.shares, self.log_weights = margins / margins[: layout.cardinalities[0]].sum(), torch.zeros_like(margins)
        self._starts = constants(layout.level_starts, margins.device)
        self._columns = constants(layout.level_columns, margins.device)

    def update(self, x_t: Tensor, probabilities: Tensor, lost: Tensor) -> None:
        """Follow what is revealed, and what is expected of the rest.

        Parameters
        ----------
        x_t : Tensor of shape (B, C), int64
        probabilities : Tensor of shape (B, sum of K_c)
            Of the levels, with the weights so far.
        lost : Tensor of shape (B, C), bool
            Which entries are not revealed yet.
        """
        n_levels = len(self.shares)
        levels = torch.where(lost, n_levels, x_t + self._starts)
        revealed = torch.bincount(levels.flatten(), minlength=n_levels + 1)[:n_levels]
        expected = (probabilities.T * lost.T[self._columns]).sum(1)
        wanted = len(x_t) * self.shares
        slack = 1 + SLACK * wanted
        self.log_weights += ((wanted - revealed).clamp_min(0.0) + slack).log() - (expected + slack).log()
