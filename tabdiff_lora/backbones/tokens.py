r"""A row as tokens: the border between a table and a language model, on the way in.

Column tokens (the default) are one token per encoded dimension, built in the space of the model's own word embeddings,

.. math:: x_j = s\,(e^{name}_j + \lambda\, e^{value}_j)

with s the typical size of a word embedding and :math:`\lambda = 3`, so that the value is heard above the name. The
name and the categories are read as text; a masked category is the model's own ``[MASK]``: unmasking is what a masked
language model was trained for. A row token is the paper's reading (eq. 6): one linear projection of the whole row.

NOTE[DIFF]: eq. 6 adds an embedding of the class label. Here the label is a column like any other, so it is drawn too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tabdiff_lora.backbones.embeddings import FourierFeatures, RowEmbedding
from tabdiff_lora.backbones.texts import unit_rms
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Observation

VALUE_SCALE = 3.0  # size of the value beside the name in a token
D_VALUE = 64  # hidden units of a number's embedding
D_RESIDUAL = 32  # width of what is learned about a category beyond its text
N_FREQUENCIES = 4  # sine and cosine pairs per number
WIDE = {"max_one_hot": 256, "d_embedding": 32}  # of the row token, as in the residual MLP


@dataclass(frozen=True)
class TextEmbeddings:
    """What the language model knows of the words of a table; frozen.

    Parameters
    ----------
    names : Tensor of shape (D + C, d)
    categories : Tensor of shape (sum of K_c, d)
    mask : Tensor of shape (d,), optional
        The embedding of the model's mask token, where it has one.
    scale : float
        Typical root mean square of a word embedding.
    """

    names: Tensor
    categories: Tensor
    mask: Tensor | None
    scale: float


class ColumnTokens(nn.Module):
    """A row to a time token and D + C column tokens, numerical dimensions first."""

    def __init__(self, layout: TableLayout, texts: TextEmbeddings, d_time: int):
        super().__init__()
        self.register_buffer("scale", torch.tensor([texts.scale]))
        d_token = texts.names.shape[1]
        self.register_buffer("names", unit_rms(texts.names))
        self.numbers = NumberEmbedding(layout.n_numerical, d_token) if layout.n_numerical else None
        self.levels = LevelEmbedding(layout, texts) if layout.n_categorical else None
        self.clock = nn.Linear(d_time, d_token)
        self.film = zero_linear(d_time, 2 * d_token)

    def forward(self, x_t: Observation, known: Tensor | None, time: Tensor) -> Tensor:
        """Rows and time features (B or 1, 1, d_time) to (B, 1 + D + C, d_token), float32."""
        values = []
        if self.numbers is not None:
            values.append(self.numbers(x_t.num, known))
        if self.levels is not None:
            values.append(self.levels(x_t.cat))
        tokens = torch.add(self.names, torch.cat(values, dim=1), alpha=VALUE_SCALE)
        scale, shift = self.film(time).chunk(2, dim=-1)
        tokens = tokens * (1 + scale) + shift
        clock = VALUE_SCALE * unit_rms(self.clock(time)).expand(len(tokens), -1, -1)
        return torch.cat([clock, tokens], dim=1) * self.scale


class NumberEmbedding(nn.Module):
    """A number to a vector: features of its own per column, mapped to the space of words by one shared layer.

    References
    ----------
    On Embeddings for Numerical Features in Tabular Deep Learning (Gorishniy et al., 2022), section 3.3.
    """

    def __init__(self, n_numerical: int, d_token: int):
        super().__init__()
        self.fourier = FourierFeatures(N_FREQUENCIES, low=0.25, high=4.0)
        n_features = 2 + 2 * N_FREQUENCIES  # value, known flag, sines and cosines
        self.weight = nn.Parameter(torch.randn(n_numerical, n_features, D_VALUE) / math.sqrt(n_features))
        self.bias = nn.Parameter(torch.randn(n_numerical, D_VALUE) / 2)
        self.linear = nn.Linear(D_VALUE, d_token)
        nn.init.normal_(self.linear.weight, std=2.0 / math.sqrt(D_VALUE))  # SiLU halves the scale

    def forward(self, num: Tensor, known: Tensor | None) -> Tensor:
        """Values (B, D) to (B, D, d_token)."""
        flags = torch.zeros_like(num) if known is None else known.to(num.dtype)
        features = torch.cat([torch.stack([num, flags], dim=-1), self.fourier(num)], dim=-1)  # (B, D, F)
        hidden = torch.einsum("bdf,dfh->bdh", features, self.weight) + self.bias
        return self.linear(F.silu(hidden))


class LevelEmbedding(nn.Module):
    """A category to a vector: the text of the level plus what is learned about it, or the mask."""

    def __init__(self, layout: TableLayout, texts: TextEmbeddings):
        super().__init__()
        n_levels = torch.tensor(layout.cardinalities)
        self.register_buffer("n_levels", n_levels, persistent=False)
        self.register_buffer("offset", n_levels.cumsum(0) - n_levels, persistent=False)
        self.register_buffer("texts", contrasted(texts.categories, layout))
        d_token = self.texts.shape[1]
        self.mask = nn.Parameter(unit_rms(torch.randn(d_token) if texts.mask is None else texts.mask))
        self.residual = nn.Parameter(torch.zeros(len(self.texts), D_RESIDUAL))
        self.projection = nn.Parameter(torch.randn(D_RESIDUAL, d_token) / math.sqrt(D_RESIDUAL))

    def forward(self, cat: Tensor) -> Tensor:
        """Codes (B, C), K_c where masked, to (B, C, d_token)."""
        is_masked = cat >= self.n_levels
        row = torch.where(is_masked, 0, cat) + self.offset
        level = F.embedding(row, self.texts) + F.embedding(row, self.residual) @ self.projection
        return torch.where(is_masked[..., None], self.mask, level)


class RowTokens(nn.Module):
    """A row to one token, ``Linear(x_in) + t_emb``, eq. 6."""

    def __init__(self, layout: TableLayout, d_token: int, d_time: int, scale: float):
        super().__init__()
        self.register_buffer("scale", torch.tensor([scale]))
        self.row = RowEmbedding(layout, d_token, n_frequencies=N_FREQUENCIES, **WIDE)
        self.time = nn.Linear(d_time, d_token)

    def forward(self, x_t: Observation, known: Tensor | None, time: Tensor) -> Tensor:
        """Rows and time features (B or 1, 1, d_time) to (B, 1, d_token), float32."""
        return (self.row(x_t, known)[:, None] + self.time(time)) * self.scale


def contrasted(categories: Tensor, layout: TableLayout) -> Tensor:
    """Text embeddings (sum of K_c, d) without what all levels of their column share, at unit scale."""
    columns = [column - column.mean(0) for column in unit_rms(categories).split(layout.cardinalities)]
    return unit_rms(torch.cat(columns)) if columns else categories


def zero_linear(d_in: int, d_out: int) -> nn.Linear:
    """A layer that says zero until it is trained."""
    linear = nn.Linear(d_in, d_out)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
