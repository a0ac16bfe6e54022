"""Parameters of the networks from scratch that cannot be: each is refused by name, with what it may be."""

import re

import numpy as np
import pytest
import torch

from tabdiff_lora.backbones import MLPBackbone, TabDDPMBackbone, TransformerBackbone
from tabdiff_lora.state import Observation
from tabdiff_lora.table.encoded import EncodedTable
from tests.exact import layout_of

REFUSED = {
    MLPBackbone: [
        ("d_block", 0), ("n_blocks", -1), ("dropout", 1.0), ("dropout", "often"), ("d_time", 1),
        ("n_frequencies", "many"), ("max_one_hot", -1), ("d_embedding", 0), ("gated", "no"),
    ],
    TransformerBackbone: [
        ("d_token", 0), ("n_heads", 0), ("n_blocks", -1), ("d_ffn_factor", 0.0), ("dropout", -0.1), ("d_time", 1),
        ("n_frequencies", 1.5),
    ],
    TabDDPMBackbone: [("d_layers", 256), ("dropout", 1.0), ("d_time", 1), ("n_times", 0)],
}  # fmt: skip
CASES = [(cls, name, value) for cls, cases in REFUSED.items() for name, value in cases]


@pytest.mark.parametrize(("cls", "name", "value"), CASES, ids=[f"{c.__name__}-{n}-{v}" for c, n, v in CASES])
def test_what_cannot_be_is_refused_by_name(cls, name, value):
    empty, got = EncodedTable.empty(layout_of(1, 2)), re.escape(repr(value))
    with pytest.raises(ValueError, match=f"'{name}' parameter of {cls.__name__} must be .* Got {got}"):
        cls(**{name: value}).build(empty)


@pytest.mark.parametrize("cls", REFUSED)
def test_every_parameter_is_checked_and_the_defaults_pass(cls):
    assert cls._parameter_constraints.keys() == cls().get_params().keys()
    cls().build(EncodedTable.empty(layout_of(1, 2)))
    of_numpy = {name: np.int64(value) for name, value in cls().get_params().items() if type(value) is int}
    cls(**of_numpy)._validate_params()


@pytest.mark.parametrize("cls", [MLPBackbone, TransformerBackbone, TabDDPMBackbone])
def test_an_odd_width_of_the_time_embedding_is_one_sine_or_cosine_less(cls):
    network = cls(d_time=5).build(EncodedTable.empty(layout_of(1, 2)))
    rows = Observation(torch.zeros(3, 1), torch.zeros(3, 1, dtype=torch.int64), torch.zeros(3, 1), torch.ones(3, 1))
    assert network(rows, torch.full((3,), 0.5)).num.shape == (3, 1)
