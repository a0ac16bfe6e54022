"""The networks: they know the layout of a row and nothing of the process that corrupted it."""

from tabdiff_lora.backbones.base import Backbone, Network
from tabdiff_lora.backbones.language_model import LanguageModelBackbone
from tabdiff_lora.backbones.mlp import MLPBackbone
from tabdiff_lora.backbones.tabddpm import TabDDPMBackbone
from tabdiff_lora.backbones.transformer import TransformerBackbone

__all__ = ["Backbone", "LanguageModelBackbone", "MLPBackbone", "Network", "TabDDPMBackbone", "TransformerBackbone"]
