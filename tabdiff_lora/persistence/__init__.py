"""Keeping a fitted synthesizer: a folder of JSON and safetensors, and the Hugging Face hub; never pickle."""

from tabdiff_lora.persistence.mixin import PretrainedMixin

__all__ = ["PretrainedMixin"]
