"""TableState: a batch of encoded rows at some diffusion time."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class TableState(NamedTuple):
    """A batch of rows at time t.

    Attributes
    ----------
    num : Tensor of shape (B, D), float32
        Numerical dimensions, noisy for t > 0.
    cat : Tensor of shape (B, C), int64
        Categorical codes; a masked entry of column c holds the extra code ``K_c``.
    """

    num: Tensor
    cat: Tensor


class Prediction(NamedTuple):
    """What a network says about the clean row.

    Attributes
    ----------
    num : Tensor of shape (B, D), float32
        The network's own output F from a backbone; the estimate of x_0 from a denoiser.
    cat_logits : Tensor of shape (B, sum of K_c), float32
        Unnormalised log p(x_0 | x_t) of each categorical column, columns side by side (see ``TableLayout.groups``).
    """

    num: Tensor
    cat_logits: Tensor
