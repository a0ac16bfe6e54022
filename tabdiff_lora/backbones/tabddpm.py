r"""TabDDPM's MLP (eq. 5 and 6 of the paper): neither normalisation nor residual path.

.. math:: h = \mathrm{Linear}(x_{in}) + t_{emb} + y_{emb},\qquad
          t_{emb} = \mathrm{Linear}(\mathrm{SiLU}(\mathrm{Linear}(\mathrm{SinTimeEmb}(t)))),\\
          \mathrm{MLP}(h) = \mathrm{Linear}(\mathrm{MLPBlock} \circ \dots \circ \mathrm{MLPBlock}(h)),\qquad
          \mathrm{MLPBlock}(h) = \mathrm{Dropout}(\mathrm{ReLU}(\mathrm{Linear}(h)))

References
----------
TabDDPM: Modelling Tabular Data with Diffusion Models (Kotelnikov et al., 2023), section 3 and appendix.
"""

from __future__ import annotations

import math
from itertools import pairwise
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from tabdiff_lora.backbones.base import Backbone, Network
from tabdiff_lora.backbones.embeddings import RowEmbedding
from tabdiff_lora.backbones.precision import CastLinear
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Observation, Prediction
from tabdiff_lora.table.encoded import EncodedTable


class TabDDPMBackbone(Backbone):
    r"""The plain MLP of TabDDPM.

    NOTE[DIFF]: a category enters as one-hot, where the authors' code takes its logarithm with a floor of -69. A label
    is one of the categories, so :math:`y_{emb}`, a row of a matrix, is part of :math:`\mathrm{Linear}(x_{in})` (their
    code has a SiLU around it, their paper and ours have not); it has logits too, which nothing asks for.

    Parameters
    ----------
    d_layers : tuple of int, default=(256, 1024, 1024, 1024, 1024, 256)
        Widths of the blocks.
    dropout : float in [0, 1), default=0.0
    d_time : int, default=128
        Width of the embeddings that are summed.
    n_times : int, default=1000
        T: times are counted as 0 .. T - 1 in the time embedding.
    """

    _parameter_constraints: dict = {
        "d_layers": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "d_time": [Interval(Integral, 2, None, closed="left")],
        "n_times": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, d_layers=(256, 1024, 1024, 1024, 1024, 256), dropout=0.0, d_time=128, n_times=1000):
        self.d_layers = d_layers
        self.dropout = dropout
        self.d_time = d_time
        self.n_times = n_times

    def build(self, table: EncodedTable) -> TabDDPMNetwork:
        """Build the network for the training rows; see :class:`Backbone`."""
        self._validate_params()
        return TabDDPMNetwork(table.layout, **self.get_params(deep=False))


class TabDDPMNetwork(Network):
    """The network of :class:`TabDDPMBackbone`."""

    is_static = True

    def __init__(self, layout: TableLayout, *, d_layers: tuple[int, ...], dropout: float, d_time: int, n_times: int):
        super().__init__()
        self.n_numerical, self.n_times = layout.n_numerical, n_times
        self.row = RowEmbedding(layout, d_time, n_frequencies=0, max_one_hot=2**31, d_embedding=1)
        self.time = nn.Sequential(
            SinusoidalEmbedding(d_time), nn.Linear(d_time // 2 * 2, d_time), nn.SiLU(), nn.Linear(d_time, d_time)
        )
        widths = [d_time, *d_layers]
        blocks = [
            nn.Sequential(CastLinear(d_in, d_out), nn.ReLU(), nn.Dropout(dropout)) for d_in, d_out in pairwise(widths)
        ]
        self.mlp = nn.Sequential(*blocks)
        self.head = nn.Linear(widths[-1], layout.n_numerical + layout.n_logits)

    def forward(
        self, x_t: Observation, t: Tensor, known: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Prediction:
        """Predict the clean rows; see :class:`Network`."""
        h = self.row(x_t, known, dtype) + self.time(t * self.n_times - 1).to(dtype)
        out = self.head(self.mlp(h).float())
        return Prediction(out[:, : self.n_numerical], out[:, self.n_numerical :])


class SinusoidalEmbedding(nn.Module):
    r"""``SinTimeEmb``: cosines and sines of an integer time at frequencies :math:`10000^{-2k/d}`; (B,) to (B, d).

    An odd d gives d - 1 of them.
    """

    def __init__(self, d: int):
        super().__init__()
        frequencies = torch.exp(-math.log(10_000) * torch.arange(d // 2) / (d // 2))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        angle = t[:, None] * self.frequencies
        return torch.cat([angle.cos(), angle.sin()], dim=-1)
