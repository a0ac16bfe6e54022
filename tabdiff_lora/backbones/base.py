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

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator

from tabdiff_lora.table.encoded import EncodedTable

if TYPE_CHECKING:
    from torch import nn


class Backbone(BaseEstimator, ABC):
    """Parameters of a network; builds it for a given table."""

    @abstractmethod
    def build(self, table: EncodedTable) -> nn.Module:
        """Build the network for the training rows.

        Parameters
        ----------
        table : EncodedTable
            Its layout sizes the network, and its level frequencies are what the logits of an untrained network say, so
            that it already draws every margin correctly.
        """
