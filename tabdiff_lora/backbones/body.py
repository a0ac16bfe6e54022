"""TransformerBody: the layers of a language model as a map from a set of tokens to a set of hidden states."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

POSITION = 5
"""The position of every token. Not 0, where BERT keeps [CLS]: there its output hardly depends on the input."""


class TransformerBody(nn.Module):
    """A transformer that sees a row as an unordered set: every token has the same, ordinary position.

    Frozen weights take the precision that ``forward`` is asked for, once; trainable ones keep theirs and are cast by
    autocast, so that small updates are not rounded away.

    Parameters
    ----------
    model : PreTrainedModel
        Prepared by :func:`tabdiff_lora.backbones.pretrained.load_language_model`. Its vocabulary and its pooler are
        dropped: nothing reads them once the texts are embedded.

    Attributes
    ----------
    d_in, d_out : int
        Width of the tokens and of the hidden states.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.d_in = model.get_input_embeddings().weight.shape[1]
        self.d_out = model.config.hidden_size
        model.set_input_embeddings(nn.Embedding(1, self.d_in).requires_grad_(False))
        if getattr(model, "pooler", None) is not None:
            model.pooler = None
        self.model = model
        self._precision: torch.dtype | None = None

    def forward(self, tokens: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Hidden states.

        Parameters
        ----------
        tokens : Tensor of shape (B, T, d_in), float32
        dtype : torch.dtype
            Precision of the matrix products.

        Returns
        -------
        Tensor of shape (B, T, d_out), float32
        """
        if dtype != self._precision:
            self._set_precision(dtype)
        size = tokens.shape[:2]
        position = torch.full((1, 1), POSITION, device=tokens.device).expand(1, size[1])
        mask = torch.ones((1, 1), dtype=torch.int64, device=tokens.device).expand(size)
        is_reduced = dtype != torch.float32
        with torch.autocast(tokens.device.type, dtype) if is_reduced else nullcontext():
            out = self.model(inputs_embeds=tokens.to(dtype), position_ids=position, attention_mask=mask)
        return out.last_hidden_state.float()

    def _set_precision(self, dtype: torch.dtype) -> None:
        """Cast what is frozen and not quantised; also while sampling, leaving nothing that could not be trained later.

        bitsandbytes would cast the biases of its layers itself, now to one precision and now to the other, so that how
        they were rounded depended on what was computed before.
        """
        with torch.inference_mode(False):
            for parameter in self.model.parameters():
                if not parameter.requires_grad and type(parameter) is nn.Parameter:
                    parameter.data = parameter.data.to(dtype)
        self._precision = dtype
