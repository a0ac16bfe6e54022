"""Fitted synthesizers and their folders, made once for all tests of this room."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path

import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import MLPBackbone
from tests.tables import mixed_table

SMALL = MLPBackbone(d_block=16, n_blocks=1)


def quick(**parameters) -> TabularDiffusionSynthesizer:
    """An unfitted synthesizer that needs no time."""
    defaults = {"backbone": SMALL, "max_epochs": 2, "n_sampling_steps": 4, "random_state": 0}
    return TabularDiffusionSynthesizer(**(defaults | parameters))


@cache
def fitted() -> TabularDiffusionSynthesizer:
    """A synthesizer of the mixed table; do not draw without a seed, or train on."""
    return quick().fit(mixed_table(60))


def assert_twins(one: TabularDiffusionSynthesizer, other: TabularDiffusionSynthesizer) -> None:
    """Same parameters, same fitted attributes, same next rows."""
    assert list(one.get_params(deep=False)) == list(other.get_params(deep=False))
    for name in ("schema_", "n_iter_", "best_iter_", "stop_reason_", "rank_", "n_parameters_", "target_name_"):
        assert getattr(one, name) == getattr(other, name), name
    pd.testing.assert_frame_equal(one.history_, other.history_)
    rows, others = one.sample(30), other.sample(30)
    pd.testing.assert_frame_equal(pd.DataFrame(rows), pd.DataFrame(others), check_exact=True)


def sealed(folder: Path, **files: bytes) -> None:
    """Replace files (``synthesizer_json=...``) and make the manifest right again, as one who tampers would."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name, data in files.items():
        path = name.replace("_", ".")
        (folder / path).write_bytes(data)
        manifest["files"][path] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
