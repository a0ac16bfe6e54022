"""Draws of this room are small."""

from __future__ import annotations

import pytest

from tabdiff_lora.backbones import Backbone, LanguageModelBackbone


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A block is always drawn whole, and no test here looks at more than a few rows."""
    for kind in (Backbone, LanguageModelBackbone):
        monkeypatch.setattr(kind, "rows_per_block", 32)
