r"""The column-token transformer, from scratch: for wide tables, and where there is a GPU.

Every dimension of the encoded row is a token, and tokens exchange what they know by attention,

.. math:: H \leftarrow H + \mathrm{Attention}(\mathrm{LayerNorm}(H)),\qquad
          H \leftarrow H + \mathrm{Linear}(\mathrm{SiLU}(\mathrm{Linear}(\mathrm{LayerNorm}(H))))

Nothing tells where a column stands: a token knows its column by weights of its own, on the way in and on the way out,
so the order of columns is irrelevant by construction. As in the residual MLP the time is added once, at the entrance,
and everything that leaves a block starts at zero.

References
----------
Revisiting Deep Learning Models for Tabular Data (Gorishniy et al., 2021), the FT-Transformer.
NOTE[DIFF]: there a [CLS] token answers; here every token answers for its own column.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from tabdiff_lora.backbones.base import Backbone, Network
from tabdiff_lora.backbones.dropout import ByteDropout
from tabdiff_lora.backbones.embeddings import ExpectedFourierFeatures, TimeEmbedding, offsets
from tabdiff_lora.backbones.precision import CastLinear
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Observation, Prediction
from tabdiff_lora.table.encoded import EncodedTable


class TransformerBackbone(Backbone):
    """Transformer over the columns of a row, without pre-training.

    A row costs it about as many times what it costs the residual MLP as the table has columns, divided by four; its
    weights do not grow with the square of anything but ``d_token``.

    Parameters
    ----------
    d_token : int, default=128
        Width of a token; a multiple of ``n_heads``.
    n_blocks : int, default=3
    n_heads : int, default=4
    d_ffn_factor : float, default=2.0
        Width of the hidden layer of a block's MLP, in units of ``d_token``.
    dropout : float in [0, 1), default=0.1
        Inside the MLP of each block.
    d_time : int, default=64
        Width of the time embedding.
    n_frequencies : int, default=12
        Sine and cosine pairs per numerical input; 0 leaves them out.
    """

    rows_per_block = 512

    _parameter_constraints: dict = {
        "d_token": [Interval(Integral, 1, None, closed="left")],
        "n_blocks": [Interval(Integral, 0, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "d_ffn_factor": [Interval(Real, 0, None, closed="neither")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "d_time": [Interval(Integral, 2, None, closed="left")],
        "n_frequencies": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, d_token=128, n_blocks=3, n_heads=4, d_ffn_factor=2.0, dropout=0.1, d_time=64, n_frequencies=12):
        self.d_token = d_token
        self.n_blocks = n_blocks
        self.n_heads = n_heads
        self.d_ffn_factor = d_ffn_factor
        self.dropout = dropout
        self.d_time = d_time
        self.n_frequencies = n_frequencies

    def build(self, table: EncodedTable) -> ColumnTransformer:
        """Build the network for the training rows; see :class:`Backbone`.

        Raises
        ------
        ValueError
            If the heads cannot share a token.
        """
        self._validate_params()
        if self.d_token % self.n_heads:
            raise ValueError(
                f"d_token of TransformerBackbone must be a multiple of n_heads ({self.n_heads}). "
                f"Got {self.d_token} instead."
            )
        return ColumnTransformer(table.layout, table.frequencies(), **self.get_params(deep=False))

    def auto_batch_size(self, n_rows: int) -> int:
        """Rows per step unless told: a power of two near a sixteenth of the table, between 64 and 512."""
        return int(2 ** np.clip(round(math.log2(max(n_rows, 1) / 16)), 6, 9))


class ColumnTransformer(Network):
    """The network of :class:`TransformerBackbone`."""

    def __init__(
        self,
        layout: TableLayout,
        frequencies: list[np.ndarray],
        *,
        d_token: int,
        n_blocks: int,
        n_heads: int,
        d_ffn_factor: float,
        dropout: float,
        d_time: int,
        n_frequencies: int,
    ):
        super().__init__()
        self.time = TimeEmbedding(d_time, d_token)
        self.tokens = ColumnEmbedding(layout, d_token, n_frequencies)
        d_ffn = int(d_ffn_factor * d_token)
        self.blocks = nn.ModuleList(TransformerBlock(d_token, n_heads, d_ffn, dropout) for _ in range(n_blocks))
        self.head = ColumnReadout(layout, d_token, frequencies)

    def forward(
        self, x_t: Observation, t: Tensor, known: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Prediction:
        """Predict the clean rows; see :class:`Network`."""
        h = self.tokens(x_t, known).to(dtype) + self.time(t, dtype)[:, None]  # (B, D + C, d_token)
        for block in self.blocks:
            h = block(h)
        return self.head(F.layer_norm(h, h.shape[-1:]))


class ColumnEmbedding(nn.Module):
    """A row to D + C tokens, numerical dimensions first; single precision, as in the residual MLP."""

    def __init__(self, layout: TableLayout, d_token: int, n_frequencies: int):
        super().__init__()
        n_levels = [k + 1 for k in layout.cardinalities]  # the mask is a level
        n_features = 2 + 2 * n_frequencies  # value, known flag, sines and cosines
        self.fourier = ExpectedFourierFeatures(n_frequencies, low=0.1, high=16.0)
        self.weight = nn.Parameter(torch.randn(layout.n_numerical, n_features, d_token) / math.sqrt(n_features))
        self.bias = nn.Parameter(torch.randn(layout.n_numerical, d_token) / math.sqrt(d_token))
        self.levels = nn.Embedding(sum(n_levels), d_token)
        self.register_buffer("offsets", offsets(n_levels), persistent=False)

    def forward(self, x_t: Observation, known: Tensor | None) -> Tensor:
        """Rows to (B, D + C, d_token)."""
        flags = torch.zeros_like(x_t.num) if known is None else known.to(x_t.num.dtype)
        features = torch.cat([x_t.num[..., None], flags[..., None], self.fourier(x_t.guess, x_t.spread)], dim=-1)
        numbers = torch.einsum("bdf,dfh->bdh", features, self.weight) + self.bias
        return torch.cat([numbers, self.levels(x_t.cat + self.offsets)], dim=1)


class TransformerBlock(nn.Module):
    """Attention and MLP, both behind a normalisation and both residual; the identity at initialisation."""

    def __init__(self, d_token: int, n_heads: int, d_ffn: int, dropout: float):
        super().__init__()
        self.n_heads = n_heads
        self.query_key_value = CastLinear(d_token, 3 * d_token)
        self.attended = CastLinear(d_token, d_token, bias=False)
        self.linear_in = CastLinear(d_token, d_ffn)
        self.linear_out = CastLinear(d_ffn, d_token, bias=False)
        self.dropout = ByteDropout(dropout)
        nn.init.zeros_(self.attended.weight)
        nn.init.zeros_(self.linear_out.weight)

    def forward(self, h: Tensor) -> Tensor:
        """(B, T, d_token) to the same shape."""
        qkv = self.query_key_value(F.layer_norm(h, h.shape[-1:])).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, n_heads, T, d_head)
        h = h + self.attended(attention(query, key, value).transpose(1, 2).flatten(2))
        inner = F.silu(self.linear_in(F.layer_norm(h, h.shape[-1:])))
        return h + self.linear_out(self.dropout(inner))


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(d)) V of (B, n_heads, T, d); written out for a CPU, where the fused kernel learns slowly."""
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value)
    return (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1) @ value


class ColumnReadout(nn.Module):
    """Tokens to a prediction, each column from its own token: zero and the log frequencies at the start."""

    def __init__(self, layout: TableLayout, d_token: int, frequencies: list[np.ndarray]):
        super().__init__()
        self.layout = layout
        flat = torch.as_tensor(np.concatenate([np.empty(0), *frequencies]), dtype=torch.float32)
        self.num_weight = nn.Parameter(torch.zeros(layout.n_numerical, d_token))
        self.num_bias = nn.Parameter(torch.zeros(layout.n_numerical))
        self.cat_weight = nn.Parameter(torch.zeros(layout.n_logits, d_token))
        self.cat_bias = nn.Parameter(flat.clamp_min(1e-8).log())

    def forward(self, h: Tensor) -> Prediction:
        """Tokens (B, D + C, d_token) to ``num`` (B, D) and ``cat_logits`` (B, sum of K_c), single precision."""
        h_num, h_cat = h.split([self.layout.n_numerical, self.layout.n_categorical], dim=1)
        num = (h_num.float() * self.num_weight).sum(-1) + self.num_bias
        weight, blocks = self.cat_weight.to(h.dtype), []
        for group in self.layout.groups:
            levels = weight[group.logits].unflatten(0, (-1, group.cardinality))  # (G, K, d_token)
            blocks.append(torch.einsum("bgd,gkd->bgk", h_cat[:, group.columns], levels).flatten(1))
        logits = torch.cat(blocks, dim=1).float() if blocks else h_cat.new_zeros(len(h), 0, dtype=torch.float32)
        return Prediction(num, logits + self.cat_bias)
