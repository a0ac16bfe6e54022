r"""The residual MLP: the default backbone, the most quality per second on a CPU.

.. math:: h \leftarrow h + W_{out}\,(\mathrm{SiLU}(a) \odot b), \qquad [a, b] = W_{in}\,\mathrm{LayerNorm}(h) + b_{in}

with everything that leaves a block initialised at zero. Hidden units with a gate learn as much per step as twice as
many plain ones, in three quarters of the time. The time embedding is added once, at the entrance: scaling and shifting
every block by it (FiLM) cost half of a training step on a CPU.
TabDDPM's plain MLP (eq. 5 of the paper) has neither normalisation nor residual path; it was built for ten times the
steps.

References
----------
GLU Variants Improve Transformer (Shazeer, 2020), eq. 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from tabdiff_lora.backbones.base import Backbone, Network
from tabdiff_lora.backbones.dropout import ByteDropout
from tabdiff_lora.backbones.embeddings import RowEmbedding, TableHead, TimeEmbedding
from tabdiff_lora.backbones.precision import CastLinear
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Observation, Prediction
from tabdiff_lora.table.encoded import EncodedTable

WIDE_ROWS = 8_000
"""A table of fewer is learned better by a wider network, and has the time for it."""

FEW_ROWS = 16_000
"""A table of fewer overfits within minutes with little dropout; a larger one only learns more slowly with much."""


class MLPBackbone(Backbone):
    """Residual MLP conditioned on time.

    Parameters
    ----------
    d_block : "auto" or int, default="auto"
        Width of the network. "auto" is 384 for fewer than 8,000 rows, whose fit is short anyway, and 256 for more:
        level there in as many seconds, and drawn from in two thirds of the time.
    n_blocks : int, default=4
        Number of residual blocks.
    dropout : "auto" or float in [0, 1), default="auto"
        Inside each block. Without it a table of ten thousand rows is memorised within minutes. "auto" is 0.2 for fewer
        than 16,000 rows, 0.1 for more.
    d_time : int, default=64
        Width of the time embedding.
    n_frequencies : "auto" or int, default="auto"
        Sine and cosine pairs per numerical input; 0 leaves them out. "auto" is 12, fewer for more than 64 numbers.
    max_one_hot : int, default=256
        Columns with more levels use learned embeddings and a factored head.
    d_embedding : int, default=32
        Width of those embeddings.
    gated : bool, default=True
        Whether a block has half as many hidden units as it is wide, each times a gate, or as many plain ones.
    """

    draws_fast = True

    _parameter_constraints: dict = {
        "d_block": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_blocks": [Interval(Integral, 0, None, closed="left")],
        "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "d_time": [Interval(Integral, 2, None, closed="left")],
        "n_frequencies": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "max_one_hot": [Interval(Integral, 0, None, closed="left")],
        "d_embedding": [Interval(Integral, 1, None, closed="left")],
        "gated": ["boolean"],
    }

    def __init__(
        self,
        d_block="auto",
        n_blocks=4,
        dropout="auto",
        d_time=64,
        n_frequencies="auto",
        max_one_hot=256,
        d_embedding=32,
        gated=True,
    ):
        self.d_block = d_block
        self.n_blocks = n_blocks
        self.dropout = dropout
        self.d_time = d_time
        self.n_frequencies = n_frequencies
        self.max_one_hot = max_one_hot
        self.d_embedding = d_embedding
        self.gated = gated

    @staticmethod
    def _upgraded(state: dict[str, object]) -> dict[str, object]:
        """Parameters as they are now, of a network that was saved when there were no gates."""
        return state | {"gated": state.get("gated", False)}

    def build(self, table: EncodedTable) -> ResidualMLP:
        """Build the network for the training rows; see :class:`Backbone`."""
        self._validate_params()
        parameters = self.get_params(deep=False)
        if self.d_block == "auto":
            parameters["d_block"] = 384 if len(table) < WIDE_ROWS else 256
        if self.n_frequencies == "auto":
            parameters["n_frequencies"] = int(np.clip(768 // max(table.layout.n_numerical, 1), 2, 12))
        if self.dropout == "auto":
            parameters["dropout"] = 0.2 if len(table) < FEW_ROWS else 0.1
        return ResidualMLP(table.layout, table.frequencies(), **parameters)

    def rebuild(self, layout: TableLayout, notes: Mapping[str, Any], base: nn.Module | None = None) -> ResidualMLP:
        """Build a network of the shape of a saved one, with its width and dropout; see :class:`Backbone`."""
        return clone(self).set_params(**notes).build(EncodedTable.empty(layout))


class ResidualMLP(Network):
    """The network of :class:`MLPBackbone`."""

    def __init__(
        self,
        layout: TableLayout,
        frequencies: list[np.ndarray],
        *,
        d_block: int,
        n_blocks: int,
        dropout: float,
        d_time: int,
        n_frequencies: int,
        max_one_hot: int,
        d_embedding: int,
        gated: bool,
    ):
        super().__init__()
        sizes = {"max_one_hot": max_one_hot, "d_embedding": d_embedding}
        self.time = TimeEmbedding(d_time, d_block)
        self.row = RowEmbedding(layout, d_block, n_frequencies=n_frequencies, **sizes)
        self.blocks = nn.ModuleList(ResidualBlock(d_block, dropout, gated=gated) for _ in range(n_blocks))
        self.head = TableHead(layout, d_block, frequencies, **sizes)
        self.is_static = self.row.levels is None  # learned embeddings have not been tried in a recording
        self.d_block, self.dropout = d_block, dropout

    def notes(self) -> dict[str, object]:
        """The width and the share that is dropped, which may follow from the number of training rows."""
        return {"d_block": self.d_block, "dropout": self.dropout}

    def forward(
        self, x_t: Observation, t: Tensor, known: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Prediction:
        """Predict the clean rows; see :class:`Network`."""
        h = self.row(x_t, known, dtype) + self.time(t, dtype)
        for block in self.blocks:
            h = block(h)
        return self.head(nn.functional.layer_norm(h, h.shape[-1:]))


class ResidualBlock(nn.Module):
    """One block; the identity at initialisation."""

    def __init__(self, d_block: int, dropout: float, *, gated: bool):
        super().__init__()
        self.gated = gated
        d_hidden = max(d_block // 2, 1) if gated else d_block
        self.linear_in = CastLinear(d_block, 2 * d_hidden if gated else d_hidden)
        self.linear_out = CastLinear(d_hidden, d_block, bias=False)
        self.dropout = ByteDropout(dropout)
        nn.init.zeros_(self.linear_out.weight)

    def forward(self, h: Tensor) -> Tensor:
        hidden = self.linear_in(nn.functional.layer_norm(h, h.shape[-1:]))
        if self.gated:
            gate, value = hidden.chunk(2, dim=-1)
            hidden = nn.functional.silu(gate) * value
        else:
            hidden = nn.functional.silu(hidden)
        return h + self.linear_out(self.dropout(hidden))
