r"""Hidden states as a prediction: the border between a table and a language model, on the way out.

.. math:: h_j = \mathrm{FiLM}_t(S(\mathrm{hidden}_j)) + S'(x_j), \qquad
    F_j = w_j \cdot h_j + b_j, \qquad \mathrm{logits}_c = E_c W h_c + \log p_c

The skip from the token to its head lets a value reach its own prediction unharmed, and the transformer adds what the
other columns have to say. With w, W and b zero at the start, the untrained network is the Gaussian copula of the table.
S and S' standardise (:class:`Standardisation`), so that what differs from row to row is what a head hears first.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tabdiff_lora.backbones.embeddings import TableHead
from tabdiff_lora.backbones.tokens import D_RESIDUAL, WIDE, TextEmbeddings, contrasted, zero_linear
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Prediction


class Standardisation(nn.Module):
    """LayerNorm, then zero mean and unit variance over the rows of the table, per token and feature.

    The hidden states of a language model lie in a narrow cone: most of what they say is the same for every row, and a
    head that reads them as they are moves all its outputs together with every step. The moments are those of the
    untrained network and stay; before they are measured nothing is changed.

    References
    ----------
    How Contextual are Contextualized Word Representations? (Ethayarajh, 2019), section 4.1.
    """

    def __init__(self, n_tokens: int, d: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_tokens, d))
        self.register_buffer("scale", torch.ones(d))

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_tokens, d) to the same shape."""
        return (F.layer_norm(x, x.shape[-1:]) - self.mean) * self.scale

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Take the moments of x (B, n_tokens, d); a feature that hardly varies is not blown up."""
        x = F.layer_norm(x, x.shape[-1:])
        self.mean.copy_(x.mean(0))
        deviation = (x - self.mean).square().mean((0, 1)).sqrt()  # (d,)
        self.scale.copy_(1.0 / deviation.clamp_min(0.1 * float(deviation.mean()) + 1e-6))


class ColumnHead(nn.Module):
    """Hidden states of column tokens to a prediction; each column reads its own token.

    Category logits are tied to the texts of the categories, ``E_c`` being their embeddings beside a learned residual:
    levels that mean similar things get similar logits, and rare ones need few rows.
    """

    def __init__(
        self,
        layout: TableLayout,
        texts: TextEmbeddings,
        frequencies: list[np.ndarray],
        *,
        d_in: int,
        d_out: int,
        d_time: int,
    ):
        super().__init__()
        self.layout = layout
        self.film = zero_linear(d_time, 2 * d_out)
        self.skip = nn.Identity() if d_in == d_out else nn.Linear(d_in, d_out)
        n_tokens = layout.n_numerical + layout.n_categorical
        self.of_hidden, self.of_token = Standardisation(n_tokens, d_out), Standardisation(n_tokens, d_out)
        self.num_weight = nn.Parameter(torch.zeros(layout.n_numerical, d_out))
        self.num_bias = nn.Parameter(torch.zeros(layout.n_numerical))
        flat = torch.as_tensor(np.concatenate([np.empty(0), *frequencies]), dtype=torch.float32)
        self.cat_bias = nn.Parameter(flat.clamp_min(1e-8).log())
        d_text = texts.categories.shape[1]
        self.query = nn.Linear(d_out, d_text + D_RESIDUAL, bias=False)
        nn.init.zeros_(self.query.weight)
        # Division by d keeps what a step of Adam does to the logits small.
        self.register_buffer("texts", contrasted(texts.categories, layout) / d_text)
        self.residual = nn.Parameter(torch.randn(len(self.texts), D_RESIDUAL) / D_RESIDUAL)

    def forward(self, hidden: Tensor, tokens: Tensor, time: Tensor) -> Prediction:
        """Hidden states (B, 1 + D + C, d_out) and tokens (B, 1 + D + C, d_in) to the outputs of a backbone."""
        scale, shift = self.film(time).chunk(2, dim=-1)
        h = self.of_hidden(hidden[:, 1:]) * (1 + scale) + shift + self.of_token(self.skip(tokens[:, 1:]))
        n_numerical = self.layout.n_numerical
        num = (h[:, :n_numerical] * self.num_weight).sum(-1) + self.num_bias
        if not self.layout.n_categorical:
            return Prediction(num, h.new_zeros(len(h), 0))
        query = self.query(h[:, n_numerical:])  # (B, C, d_text + d_residual)
        keys = torch.cat([self.texts, self.residual], dim=1)  # (sum of K_c, d_text + d_residual)
        blocks = []
        for group in self.layout.groups:
            key = keys[group.logits].unflatten(0, (-1, group.cardinality))  # (G, K, d)
            blocks.append(torch.einsum("bgd,gkd->bgk", query[:, group.columns], key).flatten(1))
        return Prediction(num, torch.cat(blocks, dim=1) + self.cat_bias)

    def measure(self, hidden: Tensor, tokens: Tensor) -> None:
        """Standardise by the moments of what ``forward`` gets for typical rows."""
        self.of_hidden.measure(hidden[:, 1:])
        self.of_token.measure(self.skip(tokens[:, 1:]))


class RowHead(nn.Module):
    """The hidden state of the one token to a prediction: the ``Linear`` of eq. 7, one for either half of the row."""

    def __init__(self, layout: TableLayout, frequencies: list[np.ndarray], d_out: int):
        super().__init__()
        self.of_hidden = Standardisation(1, d_out)
        self.table = TableHead(layout, d_out, frequencies, **WIDE)

    def forward(self, hidden: Tensor, tokens: Tensor, time: Tensor) -> Prediction:
        """Hidden states (B, 1, d_out) to the outputs of a backbone."""
        return self.table(self.of_hidden(hidden)[:, 0])

    def measure(self, hidden: Tensor, tokens: Tensor) -> None:
        """Standardise by the moments of what ``forward`` gets for typical rows."""
        self.of_hidden.measure(hidden)
