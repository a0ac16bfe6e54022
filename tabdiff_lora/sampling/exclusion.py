"""Exclusion: two levels that no training row holds together are not drawn together.

A network gives every level some probability. Of the pairs that never occur (:mod:`tabdiff_lora.structural_zeros`) few
are drawn, but each of them is a row that a reader knows to be wrong. Columns are revealed one after the other, so what
a row shows rules out levels of the columns it does not show yet: their logits fall by a penalty for each pair
they would make.

Where something is known of the rows the same pairs are excluded. A row whose known values exclude all levels of a
column is drawn as the network would have it, since the penalty is finite.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tabdiff_lora.compute import constants
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.structural_zeros import PENALTY


class Exclusion:
    """Rules out levels by what a row shows.

    Parameters
    ----------
    zeros : Tensor of shape (P, 2), int64
        Pairs of levels that exclude each other, numbered as in a flat row of logits.
    layout : TableLayout
    """

    def __init__(self, zeros: Tensor, layout: TableLayout):
        self.levels, places = zeros.unique(return_inverse=True)  # the M levels of any pair
        self.partners = torch.zeros(len(self.levels), len(self.levels), device=zeros.device)
        for place, other in (places.T, places.T.flip(0)):
            self.partners[place, other] = 1.0
        # With [MASK] beside its levels, each column is one entry wider.
        n_columns = len(layout.cardinalities)
        self._starts = constants(layout.level_starts, zeros.device) + torch.arange(n_columns, device=zeros.device)
        self._shown = self.levels + constants(layout.level_columns, zeros.device)[self.levels]
        self._width = layout.n_logits + n_columns

    def apply(self, cat_logits: Tensor, x_t: Tensor) -> Tensor:
        """Logits (B, sum of K_c) of rows that show the codes x_t (B, C), of which [MASK] shows nothing."""
        shown = cat_logits.new_zeros(len(x_t), self._width).scatter_(1, x_t + self._starts, 1.0)[:, self._shown]
        return cat_logits.index_add(1, self.levels, shown @ self.partners, alpha=-PENALTY)
