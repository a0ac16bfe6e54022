r"""Adapters: what of a pre-trained body is trained (eq. 4 of the paper), through peft.

.. math:: W \leftarrow W + \tfrac{\alpha}{r} B A, \qquad
    A \in \mathbb{R}^{r \times d_{in}}, B \in \mathbb{R}^{d_{out} \times r}

with B = 0 at the start, so the adapted body is the pre-trained one. The paper adapts :math:`W^Q, W^K, W^V, W^O`;
families of models name these layers differently, and peft's own defaults choose only two of them, or none.

NOTE[DIFF]: the paper omits the factor alpha / r. Its text has "attention and feed-forward layers" in one place and the
four attention matrices in another; both can be had (``lora_targets``).

References
----------
LoRA: Low-Rank Adaptation of Large Language Models (Hu et al., 2022), section 4.1.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

MAX_ROUNDING = 0.05  # share of what an adapter learned that merging into reduced precision may cost

_BERT = (r"query|key|value|attention\.output\.dense", r"intermediate\.dense|\d+\.output\.dense")
_LLAMA = (r"[qkv]_proj|o_proj", r"gate_proj|up_proj|down_proj")
_NEOX = (r"query_key_value|attention\.dense", r"dense_h_to_4h|dense_4h_to_h")

TARGETS: dict[str, tuple[str, str]] = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "camembert": _BERT,
    "electra": _BERT,
    "distilbert": (r"[qkv]_lin|out_lin", r"lin1|lin2"),
    "albert": (r"query|key|value|attention\.dense", r"ffn|ffn_output"),
    "deberta": (r"in_proj|pos_proj|pos_q_proj|attention\.output\.dense", _BERT[1]),
    "deberta-v2": (r"query_proj|key_proj|value_proj|attention\.output\.dense", _BERT[1]),
    "mpnet": (r"attn\.[qkvo]", _BERT[1]),
    "modernbert": (r"Wqkv|attn\.Wo", r"mlp\.Wi|mlp\.Wo"),
    "gpt2": (r"c_attn|attn\.c_proj", r"c_fc|mlp\.c_proj"),
    "gpt_neox": _NEOX,
    "opt": (r"[qkv]_proj|out_proj", r"fc1|fc2"),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "gemma": _LLAMA,
    "gemma2": _LLAMA,
    "gemma3_text": _LLAMA,
}
"""Per family, patterns of the names of its attention projections (Q, K, V, O) and of its feed-forward layers."""

NEED_DATA = {"eva": "EVA", "corda": "CorDA", "lora_ga": "LoRA-GA", "loftq": "LoftQ"}


def target_pattern(model: nn.Module, targets: str) -> str:
    r"""The regular expression that full-matches the names of the layers to adapt.

    Parameters
    ----------
    model : PreTrainedModel
    targets : {"attention", "ffn", "all"} or str
        Any other string is a regular expression for the ends of layer names, e.g. ``"q_proj|v_proj"``.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If no layer matches; lists the names there are.
    """
    family = model.config.model_type
    if targets not in ("attention", "ffn", "all"):
        ends = targets
    elif family in TARGETS:
        attention, ffn = TARGETS[family]
        ends = {"attention": attention, "ffn": ffn, "all": f"{attention}|{ffn}"}[targets]
    else:
        ends = r"(?!)"  # matches nothing
    pattern = rf"(.*\.)?({ends})"
    if not matching_layers(model, pattern):
        kinds = sorted(
            {re.sub(r"^.*\.\d+\.", "", name) for name, module in model.named_modules() if _is_linear(module)}
        )
        raise ValueError(
            f"lora_targets of LanguageModelBackbone must match layers of a {family!r} model. Got {targets!r} instead. "
            f"Join some of these by '|': {', '.join(kinds)}."
        )
    return pattern


def widest_rank(model: nn.Module, pattern: str) -> int:
    """The smaller side of the smallest layer to adapt: no update of it can have a higher rank."""
    return min(min(module.weight.shape) for module in matching_layers(model, pattern).values())


def add_adapter(
    model: nn.Module,
    adapter: Any,
    *,
    pattern: str,
    rank: int | dict[str, int],
    lora_alpha: float = 8.0,
    lora_dropout: float = 0.0,
) -> nn.Module:
    """Freeze a model and wrap it in an adapter.

    Parameters
    ----------
    model : PreTrainedModel
        Wrapped in place.
    adapter : "lora" or peft.PeftConfig
        A config is used as it is; its ``target_modules`` are filled in where it has none.
    pattern : str
        See :func:`target_pattern`.
    rank : int or dict of layer name -> int
        Of ``"lora"``; a dict gives each layer its own.
    lora_alpha : float, default=8.0
        The scaling alpha / r keeps the size of a step of Adam the same whatever the rank.
    lora_dropout : float, default=0.0

    Returns
    -------
    peft.PeftModel

    Raises
    ------
    ValueError
        For an adapter that cannot work on column tokens, with the reason.
    """
    from peft import LoraConfig, get_peft_model

    if adapter == "lora":
        ranks = rank if isinstance(rank, dict) else {}
        typical = max(ranks.values()) if ranks else rank
        config = LoraConfig(
            r=typical,
            lora_alpha=lora_alpha,
            lora_dropout=lora_dropout,
            target_modules=pattern,
            fan_in_fan_out=any(type(m).__name__ == "Conv1D" for m in matching_layers(model, pattern).values()),
            rank_pattern=dict(ranks),
        )
    else:
        config = _checked(adapter)
        if getattr(config, "target_modules", ()) is None:
            config.target_modules = pattern
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of peft's own calls into transformers
        wrapped = get_peft_model(model, config)
    if adapter == "lora":
        for layer in _adapted_layers(wrapped):
            layer.cast_input_dtype_enabled = False  # autocast does it, once instead of twice
    return wrapped


def adapter_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The weights of an adapter under peft's names, as ``adapter_model.safetensors`` holds them.

    Parameters
    ----------
    model : peft.PeftModel
    """
    from peft import get_peft_model_state_dict

    return get_peft_model_state_dict(model, save_embedding_layers=False)


def restore_adapter(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give an adapter the weights of another.

    Parameters
    ----------
    model : peft.PeftModel
    tensors : mapping of peft's names to Tensor

    Raises
    ------
    ValueError
        If names or shapes differ from those of the adapter.
    """
    from peft import set_peft_model_state_dict

    own = {name: list(tensor.shape) for name, tensor in adapter_tensors(model).items()}
    given = {name: list(tensor.shape) for name, tensor in tensors.items()}
    if own != given:
        name = min(name for name in own.keys() | given.keys() if own.get(name) != given.get(name))
        raise ValueError(f"shape of adapter weight {name!r} must be {own.get(name)}. Got {given.get(name)} instead.")
    set_peft_model_state_dict(model, dict(tensors))


def without_adapter(name: str) -> str:
    """The name that a weight of a body has when there is no adapter around it."""
    return name.replace(".base_model.model.", ".").replace(".base_layer.", ".")


def _checked(adapter: Any) -> Any:
    from peft import PeftConfig

    if not isinstance(adapter, PeftConfig):
        raise TypeError(f"adapter of LanguageModelBackbone must be 'lora', None or a peft.PeftConfig. Got {adapter!r}.")
    name = type(adapter).__name__
    if adapter.is_prompt_learning:
        raise ValueError(
            f"adapter must change layers. Got {name}, which adds tokens to a text, instead. Use LoraConfig."
        )
    initialisation = getattr(adapter, "init_lora_weights", None)
    if initialisation in NEED_DATA:
        raise ValueError(
            f"init_lora_weights of the adapter must not need a pass over the data. Got {initialisation!r} "
            f"({NEED_DATA[initialisation]}) instead. rank='layers' chooses ranks from the activations."
        )
    if name == "AdaLoraConfig":
        raise ValueError(
            "adapter must have a fixed rank. Got AdaLoraConfig, which needs a call per step. Use LoraConfig."
        )
    return copy.deepcopy(adapter)


@contextmanager
def merged(model: nn.Module) -> Iterator[None]:
    """Add the adapters into the weights, and put the very same weights back afterwards.

    A layer in reduced precision is merged only where rounding costs little of what its adapter learned: small updates
    of a large weight would be rounded away. Nothing happens without an adapter, for a kind that cannot be merged, and
    for quantised weights, where the loss is as large as the update. Enter outside ``torch.inference_mode``, so that
    the model can still be trained afterwards.
    """
    kept: list[tuple[nn.Module, list[tuple[Tensor, Tensor]]]] = []
    with torch.no_grad():
        for layer in _mergeable(model):
            weights = [(p, p.detach().clone()) for p in _weight_first(layer.get_base_layer())]
            layer.merge()
            if _rounding(*weights[0]) > MAX_ROUNDING:
                _restore(layer, weights)
            else:
                kept.append((layer, weights))
    try:
        yield
    finally:
        with torch.no_grad():
            for layer, weights in kept:
                _restore(layer, weights)


def _rounding(after: Tensor, before: Tensor) -> float:
    """Expected size of the rounding error of a merged weight, as a share of what merging changed."""
    if after.dtype == torch.float32:
        return 0.0
    error = 0.2 * torch.finfo(after.dtype).eps * after.float().norm()  # uniform in half a step of a random mantissa
    return float(error / (after.float() - before.float()).norm())


def _weight_first(layer: nn.Module) -> list[nn.Parameter]:
    return [layer.weight, *(p for p in layer.parameters(recurse=False) if p is not layer.weight)]


def _restore(layer: nn.Module, weights: list[tuple[Tensor, Tensor]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # peft's, that unmerging is inexact: the weights are put back
        layer.unmerge()
    for parameter, weight in weights:
        parameter.copy_(weight)


def _mergeable(model: nn.Module) -> list[nn.Module]:
    if not hasattr(model, "peft_config") or getattr(model, "is_quantized", False):
        return []
    if any(type(config).__name__ == "LilyConfig" for config in model.peft_config.values()):
        return []
    return _adapted_layers(model)


def _adapted_layers(model: nn.Module) -> list[nn.Module]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def matching_layers(model: nn.Module, pattern: str) -> dict[str, nn.Module]:
    """The linear layers whose names a pattern full-matches."""
    named = model.named_modules()
    return {name: module for name, module in named if _is_linear(module) and re.fullmatch(pattern, name)}
