"""What every backbone is: a description that scikit-learn can clone, and the network it builds.

A *backbone* (``MLPBackbone``, ``LanguageModelBackbone``, ...) is an estimator without ``fit``: it holds parameters,
so ``backbone__d_block`` works in a grid search. Its :meth:`Backbone.build` returns a ``torch.nn.Module`` with the
signature

    ``forward(x_t: TableState, t: (B,), known: (B, D) bool or None, dtype) -> Prediction``

where ``x_t.num`` is already preconditioned (unit variance at every t), ``t`` lies in [0, 1] and ``known`` marks
numerical entries that are given clean; hidden states are computed in ``dtype``. ``Prediction.num`` is the raw output
F (B, D), ``Prediction.cat_logits`` the logits of the clean categories. The network knows the layout of a row and
nothing of the process that corrupted it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from tabdiff_lora.table.encoded import EncodedTable

if TYPE_CHECKING:
    from torch import nn


class Backbone(BaseEstimator, ABC):
    """Parameters of a network; builds it for a given table, and says what it costs to use.

    Attributes
    ----------
    rows_per_block : int
        Rows that ``sample`` draws at once, from one stream of randomness.
    auto_epochs : int
        Passes over the rows that are enough for any table we measured.
    """

    rows_per_block = 2048
    auto_epochs = 400

    @abstractmethod
    def build(self, table: EncodedTable) -> nn.Module:
        """Build the network for the training rows.

        Parameters
        ----------
        table : EncodedTable
            Its layout sizes the network, and its level frequencies are what the logits of an untrained network say, so
            that it already draws every margin correctly.
        """

    def auto_batch_size(self, n_rows: int) -> int:
        """Rows per step unless told: a power of two near an eighth of the table, between 128 and 2,048."""
        return int(2 ** np.clip(round(math.log2(max(n_rows, 1) / 8)), 7, 11))

    def auto_row_passes(self, n_rows: int) -> int:
        """Rows seen by a fit without a time limit: ``auto_epochs``, but not much more than eight million rows."""
        return min(self.auto_epochs * n_rows, max(8_000_000, 10 * n_rows))
