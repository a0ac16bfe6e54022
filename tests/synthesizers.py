"""A synthesizer that the tests share: it fits in no time and draws badly."""

from __future__ import annotations

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import MLPBackbone

TINY = TabularDiffusionSynthesizer(MLPBackbone(d_block=8, n_blocks=1), max_epochs=1, n_sampling_steps=2, random_state=0)
