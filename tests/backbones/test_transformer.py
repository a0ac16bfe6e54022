"""The column-token transformer: the copula at the start, blind to the order of columns, able to learn what depends."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import TransformerBackbone
from tabdiff_lora.state import Observation
from tabdiff_lora.table.encoded import EncodedTable
from tests.exact import layout_of
from tests.tables import gaussian_table

SMALL = {"d_token": 8, "n_blocks": 2, "n_heads": 2, "n_frequencies": 2}


def table(n=40, n_numerical=2, cardinalities=(2, 4)):
    rng = np.random.default_rng(0)
    cat = np.stack([rng.integers(k, size=n) for k in cardinalities], axis=1) if cardinalities else np.empty((n, 0), int)
    num = rng.normal(size=(n, n_numerical))
    return EncodedTable(layout_of(n_numerical, *cardinalities), num, num, cat)


def rows(encoded):
    return Observation.clean(torch.tensor(encoded.low).float(), torch.tensor(encoded.cat))


def disturbed(encoded):
    torch.manual_seed(0)
    network = TransformerBackbone(**SMALL, dropout=0.0).build(encoded)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def test_untrained_network_says_zero_and_the_log_frequencies():
    encoded = table()
    prediction = TransformerBackbone(**SMALL).build(encoded)(rows(encoded), torch.rand(40))
    assert torch.equal(prediction.num, torch.zeros(40, 2))
    expected = torch.tensor(np.log(np.concatenate(encoded.frequencies()))).float()
    assert torch.allclose(prediction.cat_logits, expected.expand(40, -1), atol=1e-5)


def test_every_input_reaches_every_output():
    encoded = table(8)
    network, x, t, known = disturbed(encoded), rows(table(8)), torch.full((8,), 0.5), torch.zeros(8, 2).bool()
    base = network(x, t, known)
    changed = {
        "number": network(x._replace(num=x.num + torch.tensor([0.0, 0.5])), t, known),
        "category": network(x._replace(cat=(x.cat + torch.tensor([0, 1])) % 4), t, known),
        "mask": network(x._replace(cat=torch.stack([x.cat[:, 0], torch.full((8,), 4)], 1)), t, known),
        "guess": network(x._replace(guess=x.guess + torch.tensor([0.0, 0.5])), t, known),
        "spread": network(x._replace(spread=x.spread + torch.tensor([0.0, 0.5])), t, known),
        "time": network(x, t + 0.2, known),
        "known": network(x, t, known | torch.tensor([True, False])),
    }
    for name, prediction in changed.items():
        assert not torch.isclose(prediction.num, base.num).all(0).any(), name
        assert not torch.isclose(prediction.cat_logits, base.cat_logits).all(0).any(), name


def test_order_of_columns_does_not_matter():
    encoded, order = table(12, 4, (3, 3, 3)), torch.tensor([2, 0, 3, 1])
    network, x, t = disturbed(encoded), rows(encoded), torch.rand(12)
    base = network(x, t)
    turned = torch.tensor([1, 2, 0])
    with torch.no_grad():  # the weights follow their columns
        for weights in (network.tokens.weight, network.tokens.bias, network.head.num_weight, network.head.num_bias):
            weights.copy_(weights[order].clone())
        levels = network.tokens.levels.weight
        levels.copy_(levels.unflatten(0, (3, 4))[turned].flatten(0, 1))
        for weights in (network.head.cat_weight, network.head.cat_bias):
            weights.copy_(weights.unflatten(0, (3, 3))[turned].flatten(0, 1))
    moved = x._replace(num=x.num[:, order], cat=x.cat[:, turned], guess=x.guess[:, order], spread=x.spread[:, order])
    prediction = network(moved, t)
    assert torch.allclose(prediction.num, base.num[:, order], atol=1e-5)
    blocks = base.cat_logits.unflatten(1, (3, 3))[:, turned].flatten(1)
    assert torch.allclose(prediction.cat_logits, blocks, atol=1e-5)


@pytest.mark.parametrize(("n_numerical", "cardinalities"), [(2, ()), (0, (3,))], ids=["numbers", "categories"])
def test_network_of_numbers_only_or_categories_only(n_numerical, cardinalities):
    encoded = table(10, n_numerical, cardinalities)
    prediction = TransformerBackbone(**SMALL).build(encoded)(rows(encoded), torch.tensor([0.3]))
    assert prediction.num.shape == (10, n_numerical)
    assert prediction.cat_logits.shape == (10, sum(cardinalities))


def test_reduced_precision_says_nearly_the_same():
    encoded = table()
    network, x, t = disturbed(encoded), rows(encoded), torch.rand(40)
    exact, rounded = network(x, t), network(x, t, None, torch.bfloat16)
    assert rounded.num.dtype == rounded.cat_logits.dtype == torch.float32
    assert (rounded.num - exact.num).abs().mean() < 0.05 * exact.num.abs().mean()


def test_it_learns_a_dependence_that_no_copula_has():
    rng = np.random.default_rng(0)
    x = rng.normal(size=512)
    frame = pd.DataFrame({"x": x, "y": np.abs(x) + 0.1 * rng.normal(size=512)})
    backbone = TransformerBackbone(d_token=16, n_blocks=1, n_heads=2, n_frequencies=4)
    correlation = {}
    for n_epochs in (0, 80):
        synth = TabularDiffusionSynthesizer(
            backbone, max_epochs=n_epochs, batch_size=256, learning_rate=5e-3, n_sampling_steps=10, random_state=0
        )
        drawn = synth.fit(frame).sample(512)
        correlation[n_epochs] = np.corrcoef(drawn["x"].abs(), drawn["y"])[0, 1]
    assert abs(correlation[0]) < 0.3
    assert correlation[80] > 0.6


def test_transformer_is_reached_by_its_name():
    synth = TabularDiffusionSynthesizer("transformer", max_epochs=0).fit(gaussian_table(60))
    assert isinstance(synth.backbone_, TransformerBackbone)


def test_heads_that_cannot_share_a_token_are_refused():
    with pytest.raises(ValueError, match=r"d_token of TransformerBackbone must be a multiple of n_heads \(3\). Got 8"):
        TransformerBackbone(d_token=8, n_heads=3).build(table())


def test_backbone_is_cloned_with_its_parameters_and_takes_small_batches():
    assert clone(TransformerBackbone(d_token=16)).get_params()["d_token"] == 16
    assert [TransformerBackbone().auto_batch_size(n) for n in (100, 4_000, 10**6)] == [64, 256, 512]
