"""How a row becomes a vector and a vector becomes logits: the first and the last layer of the flat backbones.

Columns of up to ``max_one_hot`` levels are one-hot: a matrix product no wider than the network hides their cost. Above
that a column has a learned embedding going in and a factored head coming out (logits = projection . embedding + log
frequency), so that 10,000 levels cost 10,000 x ``d_embedding`` weights and not 10,000 x the width of the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tabdiff_lora.backbones.precision import CastLinear
from tabdiff_lora.compute import constants
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Observation, Prediction

PERIODIC_GAIN = 2.0  # times the usual initial weights: fine structure is then learned as soon as coarse structure


class FourierFeatures(nn.Module):
    r"""Sines and cosines of a number at fixed geometric frequencies: lets an MLP see fine structure.

    .. math:: x \mapsto [\sin(2\pi f_k x), \cos(2\pi f_k x)]_k

    References
    ----------
    On Embeddings for Numerical Features in Tabular Deep Learning (Gorishniy et al., 2022), section 3.3.
    """

    def __init__(self, n_frequencies: int, low: float, high: float):
        super().__init__()
        frequencies = (
            torch.logspace(math.log10(low), math.log10(high), n_frequencies) if n_frequencies else torch.empty(0)
        )
        self.register_buffer("frequencies", 2 * math.pi * frequencies, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(...,) to (..., 2 n_frequencies)."""
        angle = x[..., None] * self.frequencies
        return torch.cat([angle.sin(), angle.cos()], dim=-1)


class ExpectedFourierFeatures(FourierFeatures):
    r"""Fourier features of a number that is known only up to a normal error: each is the mean over that error,

    .. math:: E\,\sin(2\pi f z) = e^{-(2\pi f s)^2 / 2} \sin(2\pi f m), \qquad z \sim N(m, s^2).

    A frequency appears as soon as the noise leaves something to see at it and is silent before, so the highest can be
    high enough for single streets on a map without making noise of the early steps.

    References
    ----------
    Fourier Features Let Networks Learn High Frequency Functions (Tancik et al., 2020); mip-NeRF (Barron et al., 2021),
    eq. 14, takes the expectation.
    """

    def forward(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """Two (...,) to (..., 2 n_frequencies)."""
        angle = mean[..., None] * self.frequencies
        # Below e^-80 nothing is left of a feature, but numbers so small that a processor handles them one by one.
        damping = (deviation[..., None] * self.frequencies).square().mul_(-0.5).clamp_min_(-80.0).exp_()
        return torch.cat([angle.sin() * damping, angle.cos() * damping], dim=-1)


class TimeEmbedding(nn.Module):
    r"""``Linear(SiLU(Linear(SinTimeEmb(t))))``, eq. 6 of the paper, for t in [0, 1]; (B,) to (B, d_out)."""

    def __init__(self, d_time: int, d_out: int):
        super().__init__()
        self.features = FourierFeatures(d_time // 2, low=0.1, high=20.0)
        self.mlp = nn.Sequential(nn.Linear(d_time // 2 * 2, d_time), nn.SiLU())
        self.out = CastLinear(d_time, d_out)

    def forward(self, t: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Times to features of the given dtype; only the last, wide product is computed in it."""
        return self.out(self.mlp(self.features(t)).to(dtype))


class RowEmbedding(nn.Module):
    """TableState to one vector per row.

    All that is known of a row goes through *one* matrix product: narrow ones take several times as long as their
    arithmetic. At low noise the third digit of a value is what the network is asked about, so a reduced precision gets
    every value in two parts, rounded and remainder, with the same weights.
    """

    def __init__(self, layout: TableLayout, d_out: int, *, n_frequencies: int, max_one_hot: int, d_embedding: int):
        super().__init__()
        self.fourier = ExpectedFourierFeatures(n_frequencies, low=0.1, high=16.0)
        n_numerical, n_levels = layout.n_numerical, [k + 1 for k in layout.cardinalities]  # the mask is a level
        is_short = [k <= max_one_hot for k in layout.cardinalities]
        self.short, self.long = ([c for c, short in enumerate(is_short) if short == wanted] for wanted in (True, False))
        self.register_buffer("short_offsets", offsets([n_levels[c] for c in self.short]), persistent=False)
        self.register_buffer("long_offsets", offsets([n_levels[c] for c in self.long]), persistent=False)
        self.n_one_hot = sum(n_levels[c] for c in self.short)
        d_long, n_long = len(self.long) * d_embedding, sum(n_levels[c] for c in self.long)
        self.value, self.flag = (_weight(d_out, n_numerical, fan_in=2 * n_numerical) for _ in range(2))
        self.periodic = _weight(d_out, 2 * n_frequencies * n_numerical, gain=PERIODIC_GAIN)
        self.one_hot = _weight(d_out, self.n_one_hot, fan_in=self.n_one_hot + d_long)
        self.levels = nn.Embedding(n_long, d_embedding) if n_long else None
        self.embedded = CastLinear(d_long, d_out, bias=False) if n_long else None

    def forward(self, x_t: Observation, known: Tensor | None, dtype: torch.dtype = torch.float32) -> Tensor:
        """Rows to (B, d_out) of the given dtype."""
        value = x_t.num.to(dtype)
        features = [(value, self.value), (self.fourier(x_t.guess, x_t.spread).flatten(1), self.periodic)]
        if dtype != torch.float32:
            features.append((x_t.num - value.float(), self.value))
        if known is not None:
            features.append((known, self.flag))
        features.append((self._one_hot(x_t.cat, dtype), self.one_hot))
        inputs, weights = zip(*features)
        h = F.linear(torch.cat([x.to(dtype) for x in inputs], dim=-1), torch.cat(weights, dim=1).to(dtype))
        if self.levels is None:
            return h
        return h + self.embedded(self.levels(x_t.cat[:, self.long] + self.long_offsets).flatten(1).to(dtype))

    def _one_hot(self, cat: Tensor, dtype: torch.dtype) -> Tensor:
        """Codes of all columns (B, C) to the indicators of the short ones, side by side; the mask is the level K."""
        codes = (cat[:, self.short] if self.long else cat) + self.short_offsets
        return torch.zeros(len(cat), self.n_one_hot, device=cat.device, dtype=dtype).scatter_(1, codes, 1.0)


def _weight(d_out: int, d_in: int, *, fan_in: int | None = None, gain: float = 1.0) -> nn.Parameter:
    """Weights of a part of a linear layer, initialised as ``nn.Linear`` does for ``fan_in`` inputs in all."""
    bound = gain / math.sqrt(max(d_in if fan_in is None else fan_in, 1))
    return nn.Parameter(torch.empty(d_out, d_in).uniform_(-bound, bound))


def offsets(sizes: Sequence[int]) -> Tensor:
    """Where each block begins when blocks of these sizes stand side by side; int64."""
    ends = torch.tensor(sizes, dtype=torch.int64).cumsum(0)
    return ends - torch.tensor(sizes, dtype=torch.int64)


class TableHead(nn.Module):
    """A vector per row to a prediction: zero and the log frequencies of the training rows at the start.

    The numbers and all short columns share one matrix product.
    """

    def __init__(
        self, layout: TableLayout, d_in: int, frequencies: list[np.ndarray], *, max_one_hot: int, d_embedding: int
    ):
        super().__init__()
        flat = torch.as_tensor(np.concatenate([np.empty(0), *frequencies]), dtype=torch.float32)
        self.num_bias = nn.Parameter(torch.zeros(layout.n_numerical))
        self.cat_bias = nn.Parameter(flat.clamp_min(1e-8).log())
        self.long = nn.ModuleDict()
        self.widths = [layout.n_numerical]  # of the blocks of the shared product; 0 where a head of its own answers
        for index, group in enumerate(layout.groups):
            n_columns = group.columns.stop - group.columns.start
            is_long = group.cardinality > max_one_hot
            self.widths.append(0 if is_long else n_columns * group.cardinality)
            if is_long:
                self.long[str(index)] = FactoredHead(d_in, n_columns, group.cardinality, d_embedding)
        self.weight = nn.Parameter(torch.zeros(sum(self.widths), d_in))

    def forward(self, h: Tensor) -> Prediction:
        """(B, d_in) to ``num`` (B, D) and ``cat_logits`` (B, sum of K_c), single precision."""
        out = F.linear(h, self.weight.to(h.dtype)).float()
        if not self.long:
            num, logits = out.split([self.widths[0], sum(self.widths[1:])], dim=-1)
        else:
            num, *blocks = out.split(self.widths, dim=-1)
            for index, head in self.long.items():
                blocks[int(index)] = head(h).float()
            logits = torch.cat(blocks, dim=-1)
        return Prediction(num + self.num_bias, logits + self.cat_bias)


class FactoredHead(nn.Module):
    """Logits of many levels through a short vector: (B, d_in) -> (B, G, d) . (G, K, d) -> (B, G * K)."""

    def __init__(self, d_in: int, n_columns: int, cardinality: int, d_embedding: int):
        super().__init__()
        self.project = CastLinear(d_in, n_columns * d_embedding)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.levels = nn.Parameter(torch.randn(n_columns, cardinality, d_embedding) / math.sqrt(d_embedding))

    def forward(self, h: Tensor) -> Tensor:
        query = self.project(h).unflatten(-1, (len(self.levels), -1))  # (B, G, d)
        return torch.einsum("bgd,gkd->bgk", query, self.levels.to(query.dtype)).flatten(1)


def cross_entropies(cat_logits: Tensor, x_0: Tensor, layout: TableLayout) -> Tensor:
    """-log p(x_0) of every categorical entry; logits (B, sum of K_c) and codes (B, C) to (B, C).

    The sums within columns are one product with the indicator of who owns a level.
    """
    if not layout.groups:
        return cat_logits.new_zeros(len(cat_logits), 0)
    owner = constants(layout.level_columns, cat_logits.device)  # (sum of K_c,)
    blocks = cat_logits.detach().split([group.logits.stop - group.logits.start for group in layout.groups], dim=1)
    peaks = [block.unflatten(1, (-1, group.cardinality)).amax(-1) for block, group in zip(blocks, layout.groups)]
    peak = torch.cat(peaks, dim=1)  # (B, C)
    mass = torch.exp(cat_logits - peak[:, owner]) @ F.one_hot(owner, layout.n_categorical).to(cat_logits.dtype)
    return mass.log() + peak - cat_logits.gather(1, x_0 + constants(layout.level_starts, x_0.device))
