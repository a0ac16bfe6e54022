"""What every backbone is: a description that scikit-learn can clone, and the network it builds.

A *backbone* (``MLPBackbone``, ``LanguageModelBackbone``, ...) is an estimator without ``fit``: it holds parameters,
so ``backbone__d_block`` works in a grid search. Its :meth:`Backbone.build` returns a :class:`Network`, which knows the
layout of a row and nothing of the process that corrupted it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Observation, Prediction
from tabdiff_lora.table.encoded import EncodedTable


class Network(nn.Module, ABC):
    """What a backbone builds.

    Attributes
    ----------
    is_static : bool
        Whether both passes are the same work on tensors of the same shapes every time, with nothing for the CPU to
        decide: a training step on a GPU is then recorded.
    """

    is_static = False

    @abstractmethod
    def forward(
        self, x_t: Observation, t: Tensor, known: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Prediction:
        """Predict the clean rows.

        Parameters
        ----------
        x_t : Observation
            The noisy rows, already preconditioned.
        t : Tensor of shape (B,) or (1,), in [0, 1]
        known : Tensor of shape (B, D), bool, optional
            Numerical entries that are given clean.
        dtype : torch.dtype
            Of the hidden states.

        Returns
        -------
        Prediction
            ``num`` is the raw output F (B, D), ``cat_logits`` the logits of the clean categories.
        """

    def merged(self) -> AbstractContextManager[None]:
        """Context for sampling in which adapters, where there are any, are part of the weights."""
        return nullcontext()

    @property
    def adapter(self) -> nn.Module | None:
        """The peft model inside, whose adapter is saved in peft's own format; None where there is none."""
        return None

    def notes(self) -> dict[str, object]:
        """What :meth:`Backbone.rebuild` must know beside the layout: plain values, arrays and dataclasses."""
        return {}

    def saved_tensors(self) -> dict[str, Tensor]:
        """The tensors, by name, that turn a rebuilt network into this one; those of the adapter left out."""
        return self.state_dict()

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the saved tensors of another network.

        Raises
        ------
        ValueError
            If names or shapes differ from those of this network.
        """
        own = self.saved_tensors()
        for name in sorted(own.keys() | tensors.keys()):
            shapes = [list(part[name].shape) if name in part else None for part in (own, tensors)]
            if shapes[0] != shapes[1]:
                raise ValueError(f"shape of saved weight {name!r} must be {shapes[0]}. Got {shapes[1]} instead.")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


class Backbone(BaseEstimator, ABC):
    """Parameters of a network; builds it for a given table, and says what it costs to use.

    Attributes
    ----------
    rows_per_block : int
        Rows that ``sample`` draws at once, from one stream of randomness; on a GPU it draws 32 times as many, since
        there a step of few rows takes as long as one of many.
    draws_fast : bool
        Whether tens of thousands of rows are drawn in seconds, so that a fit can afford to hold them against the
        training rows.
    """

    rows_per_block = 2048
    draws_fast = False

    @abstractmethod
    def build(self, table: EncodedTable) -> Network:
        """Build the network for the training rows.

        Parameters
        ----------
        table : EncodedTable
            Its layout sizes the network, and its level frequencies are what the logits of an untrained network say, so
            that it already draws every margin correctly.

        Raises
        ------
        ValueError
            If a parameter is not what it can be.
        """

    def block_size(self, device: torch.device) -> int:
        """Rows that ``sample`` draws at once on a device."""
        return self.rows_per_block * (1 if device.type == "cpu" else 32)

    def load_base(self, notes: Mapping[str, Any], base_model: Any = None) -> nn.Module | None:
        """What a saved network was built around and does not hold itself: the language model, where there is one.

        Parameters
        ----------
        notes : mapping
            Of the saved network.
        base_model : str or Path, optional
            Where that is now.
        """
        return None

    def rebuild(self, layout: TableLayout, notes: Mapping[str, Any], base: nn.Module | None = None) -> Network:
        """Build a network of the shape of a saved one, to be restored; the training rows are gone.

        Parameters
        ----------
        layout : TableLayout
        notes : mapping
            Of the saved network.
        base : Module, optional
            What ``load_base`` returned.
        """
        return self.build(EncodedTable.empty(layout))

    def auto_batch_size(self, n_rows: int) -> int:
        """Rows per step unless told: a power of two near an eighth of the table, between 128 and 1,024."""
        return int(2 ** np.clip(round(math.log2(max(n_rows, 1) / 8)), 7, 10))

    def auto_row_passes(self, n_rows: int, *, is_timed: bool) -> int:
        """Rows seen by a fit at most, unless told: 400 passes over the table.

        Without a time limit they are not much more than eight million. With one there are up to 1,200 passes over a
        large table, a sixteenth of its rows: it overfits later than a small one, and learns until it does.
        """
        if is_timed:
            return int(np.clip(n_rows // 16, 400, 1_200)) * n_rows
        return min(400 * n_rows, max(8_000_000, 10 * n_rows))
