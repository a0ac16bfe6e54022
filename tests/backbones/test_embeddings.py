"""The first and the last layer of the flat backbones, against the sums over columns that they stand for."""

import numpy as np
import pytest
import torch

from tabdiff_lora.backbones.embeddings import (
    ExpectedFourierFeatures,
    FourierFeatures,
    RowEmbedding,
    TableHead,
    TimeEmbedding,
)
from tabdiff_lora.state import Observation
from tests.exact import layout_of

LAYOUT = layout_of(2, 3, 40, 3, 5)  # a long column between short ones
SIZES = {"max_one_hot": 10, "d_embedding": 4}


def rows(n=6):
    cat = torch.stack([torch.randint(k + 1, (n,)) for k in LAYOUT.cardinalities], dim=1)  # masks among them
    return Observation(*(torch.randn(n, 2), cat, torch.randn(n, 2), torch.rand(n, 2)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_row_is_embedded_as_the_sum_of_its_columns(dtype):
    layer, x = RowEmbedding(LAYOUT, 8, n_frequencies=3, **SIZES), rows()
    known = torch.rand(6, 2) < 0.5
    expected = x.num @ layer.value.T + known.float() @ layer.flag.T
    expected = expected + layer.fourier(x.guess, x.spread).flatten(1) @ layer.periodic.T
    for place, column in enumerate((0, 2, 3)):
        start = (0, 4, 8)[place]
        expected = expected + layer.one_hot.T[start + x.cat[:, column]]
    expected = expected + layer.embedded(layer.levels(x.cat[:, 1]))
    assert torch.allclose(layer(x, known, dtype).float(), expected, atol=1e-5 if dtype == torch.float32 else 0.05)


def test_reduced_precision_hears_the_third_digit():
    layer = RowEmbedding(layout_of(1), 384, n_frequencies=0, **SIZES)
    num = torch.linspace(1.5, 1.54, 41)[:, None]  # neighbours in bfloat16 are 0.0078 apart
    h = layer(Observation.clean(num, torch.empty(41, 0, dtype=torch.int64)), None, torch.bfloat16).float()
    heard = (h @ layer.value.bfloat16().float()) / layer.value.bfloat16().float().square().sum()
    assert (heard - num).abs().max() < 0.001


def test_every_column_reads_its_own_part_of_the_head():
    frequencies = [np.full(k, 1 / k) for k in LAYOUT.cardinalities]
    head, h = TableHead(LAYOUT, 8, frequencies, **SIZES), torch.randn(6, 8)
    torch.nn.init.normal_(head.weight)
    torch.nn.init.normal_(head.long["1"].project.weight)
    num, logits = head(h)
    shared = h @ head.weight.T
    assert torch.allclose(num, shared[:, :2], atol=1e-5)
    columns = (logits - head.cat_bias).split(LAYOUT.cardinalities, dim=1)
    for column, (start, stop) in {0: (2, 5), 2: (5, 8), 3: (8, 13)}.items():
        assert torch.allclose(columns[column], shared[:, start:stop], atol=1e-5)
    assert torch.allclose(columns[1], head.long["1"](h), atol=1e-5)


def test_expected_features_are_the_mean_of_the_features():
    torch.manual_seed(0)
    low, high, mean, deviation = 0.1, 1.0, torch.tensor([0.3, -1.0]), torch.tensor([0.2, 0.5])
    draws = mean + deviation * torch.randn(200_000, 2)
    expected = FourierFeatures(4, low, high)(draws).mean(0)
    assert torch.allclose(ExpectedFourierFeatures(4, low, high)(mean, deviation), expected, atol=0.01)


def test_time_is_embedded_alike_in_either_precision():
    layer, t = TimeEmbedding(16, 32), torch.rand(20)
    assert torch.allclose(layer(t, torch.bfloat16).float(), layer(t), atol=0.01)
