r"""Intruder dimensions: what an adapter has put into a weight that pre-training did not know.

A singular vector :math:`u'_i` among the first k of the adapted weight :math:`W + \Delta W` is an intruder if it
resembles no singular vector of W, :math:`\max_j |u'_i \cdot u_j| < \epsilon`. Many of them mean that the adapter
replaces what the language model had learned instead of using it; full fine-tuning has few.

References
----------
LoRA vs Full Fine-tuning: An Illusion of Equivalence (Shuttleworth et al., 2024), algorithm 1. peft's
``reduce_intruder_dimension`` takes them out again.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn


@torch.no_grad()
def intruder_dimensions(network: nn.Module, *, top_k: int = 10, threshold: float = 0.5) -> pd.DataFrame:
    """Count the intruder dimensions of every adapted layer.

    Parameters
    ----------
    network : nn.Module
        With LoRA layers, e.g. ``synthesizer.module_``.
    top_k : int, default=10
        Leading singular vectors that are looked at.
    threshold : float in [0, 1], default=0.5
        The similarity epsilon below which a vector is an intruder.

    Returns
    -------
    DataFrame with one row per layer
        ``layer``, ``rank``, ``relative_update`` (Frobenius norm of the update over that of the weight), ``n_intruders``
        and ``least_similarity``.
    """
    records = []
    for name, layer in network.named_modules():
        if not getattr(layer, "lora_A", None):
            continue
        adapter = next(iter(layer.lora_A))
        weight, update = layer.get_base_layer().weight.float(), layer.get_delta_weight(adapter).float()
        before, after = (torch.linalg.svd(matrix, full_matrices=False)[0] for matrix in (weight, weight + update))
        similarity = (after[:, :top_k].T @ before).abs().amax(1)
        records.append(
            {
                "layer": name,
                "rank": layer.r[adapter],
                "relative_update": float(update.norm() / weight.norm()),
                "n_intruders": int((similarity < threshold).sum()),
                "least_similarity": float(similarity.min()),
            }
        )
    return pd.DataFrame(records, columns=["layer", "rank", "relative_update", "n_intruders", "least_similarity"])
