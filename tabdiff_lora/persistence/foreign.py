"""What parameters may hold that comes from transformers and peft: written as plain values, read back by their classes.

None of these libraries is imported to find out whether an object is theirs: if it is, they are loaded already.
"""

from __future__ import annotations

import sys
from typing import Any

from tabdiff_lora.errors import PersistenceError


def _is_from(module: str, name: str):
    """A predicate: whether an object is an instance of a class of an imported module."""

    def is_one(thing: Any) -> bool:
        cls = getattr(sys.modules.get(module), name, None)
        return cls is not None and isinstance(thing, cls)

    return is_one


def _name_of_model(model: Any) -> str:
    return getattr(model, "name_or_path", "") or f"a {type(model).__name__} in memory"


def _peft_values(config: Any) -> dict[str, object]:
    values = config.to_dict()
    return {key: sorted(value) if isinstance(value, (set, frozenset)) else value for key, value in values.items()}


def _peft_config(values: dict[str, Any]) -> Any:
    """The config; refuses what would import a module of any name."""
    from peft import PeftConfig

    if values.get("megatron_config") is not None or values.get("megatron_core", "megatron.core") != "megatron.core":
        raise PersistenceError("adapter of a saved synthesizer must not ask for Megatron. Fit again without it.")
    return PeftConfig.from_peft_type(**values)


def _bitsandbytes_config(values: dict[str, Any]) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig.from_dict(values)


FOREIGN = {  # tag: whether it is one, what JSON can hold of it, and the way back
    # A language model in memory becomes its name: its weights are the network's business.
    "language model": (_is_from("transformers", "PreTrainedModel"), _name_of_model, str),
    "tokenizer": (
        _is_from("transformers", "PreTrainedTokenizerBase"),
        lambda tokenizer: tokenizer.name_or_path or None,
        lambda name: name,
    ),
    "peft": (_is_from("peft", "PeftConfig"), _peft_values, _peft_config),
    "bitsandbytes": (
        _is_from("transformers", "BitsAndBytesConfig"),
        lambda config: config.to_dict(),
        _bitsandbytes_config,
    ),
}
