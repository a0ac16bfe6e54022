import numpy as np
import pytest
import torch
from sklearn.base import clone

from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.backbones.dropout import ByteDropout
from tabdiff_lora.backbones.embeddings import cross_entropies
from tabdiff_lora.backbones.mlp import ResidualBlock
from tabdiff_lora.state import Observation
from tabdiff_lora.table.encoded import EncodedTable
from tests.exact import layout_of

RNG = np.random.default_rng(0)


def table(n=60, *cardinalities):
    cat = np.stack([RNG.integers(k, size=n) for k in cardinalities], axis=1) if cardinalities else np.empty((n, 0), int)
    return EncodedTable(layout_of(2, *cardinalities), *(RNG.normal(size=(n, 2)),) * 2, cat)


def rows(encoded):
    return Observation.clean(torch.tensor(encoded.low).float(), torch.tensor(encoded.cat))


@pytest.mark.parametrize("max_one_hot", [2, 256], ids=["embedded", "one-hot"])
def test_untrained_network_says_zero_and_the_log_frequencies(max_one_hot):
    encoded = table(60, 2, 4, 4)
    network = MLPBackbone(d_block=16, n_blocks=2, max_one_hot=max_one_hot).build(encoded)
    prediction = network(rows(encoded), torch.rand(60))
    assert torch.equal(prediction.num, torch.zeros(60, 2))
    expected = torch.tensor(np.log(np.maximum(np.concatenate(encoded.frequencies()), 1e-8))).float()
    assert torch.allclose(prediction.cat_logits, expected.expand(60, -1), atol=1e-5)


@pytest.mark.parametrize("gated", [False, True], ids=["plain", "gated"])
@pytest.mark.parametrize("max_one_hot", [2, 256], ids=["embedded", "one-hot"])
def test_every_input_reaches_every_output(max_one_hot, gated):
    encoded = table(8, 2, 4)
    torch.manual_seed(0)
    network = MLPBackbone(d_block=16, n_blocks=2, max_one_hot=max_one_hot, gated=gated).build(encoded)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, t, known = rows(encoded), torch.full((8,), 0.5), torch.zeros(8, 2, dtype=torch.bool)
    base = network(x, t, known)
    changed = {
        "number": network(x._replace(num=x.num + torch.tensor([0.0, 0.5])), t, known),
        "category": network(x._replace(cat=(x.cat + torch.tensor([0, 1])) % 4), t, known),
        "guess": network(x._replace(guess=x.guess + torch.tensor([0.0, 0.5])), t, known),
        "spread": network(x._replace(spread=x.spread + torch.tensor([0.0, 0.05])), t, known),
        "time": network(x, t + 0.2, known),
        "known": network(x, t, known | torch.tensor([True, False])),
    }
    for prediction in changed.values():
        assert not torch.isclose(prediction.num, base.num).all(0).any()
        assert not torch.isclose(prediction.cat_logits, base.cat_logits).all(0).any()


def test_network_of_numbers_only_or_categories_only():
    numbers = table(10)
    assert MLPBackbone(d_block=8).build(numbers)(rows(numbers), torch.rand(10)).cat_logits.shape == (10, 0)
    both = table(10, 3)
    categories = EncodedTable(layout_of(0, 3), both.low[:, :0], both.high[:, :0], both.cat)
    prediction = MLPBackbone(d_block=8).build(categories)(rows(categories), torch.rand(10))
    assert prediction.num.shape == (10, 0) and prediction.cat_logits.shape == (10, 3)


def test_shared_time_equals_repeated_time():
    encoded = table(10, 3)
    network = MLPBackbone(d_block=8).build(encoded)
    one, many = network(rows(encoded), torch.tensor([0.3])), network(rows(encoded), torch.full((10,), 0.3))
    assert torch.allclose(one.num, many.num) and torch.allclose(one.cat_logits, many.cat_logits)


def test_cross_entropies_agree_with_torch_column_by_column():
    layout = layout_of(0, 2, 3, 3, 5)
    logits, codes = torch.randn(7, 13), torch.tensor([[1, 2, 0, 4]]).expand(7, 4)
    blocks = logits.split([2, 3, 3, 5], dim=1)
    expected = [torch.nn.functional.cross_entropy(b, codes[:, i], reduction="none") for i, b in enumerate(blocks)]
    assert torch.allclose(cross_entropies(logits, codes, layout), torch.stack(expected, 1))


def test_ten_thousand_levels_stay_small():
    network = MLPBackbone().build(EncodedTable(layout_of(1, 10_000), *(np.zeros((5, 1)),) * 2, np.zeros((5, 1), int)))
    assert sum(p.numel() for p in network.parameters()) < 3_000_000


def test_a_block_adds_hidden_units_times_their_gates():
    block, h = ResidualBlock(6, 0.0, gated=True), torch.randn(5, 6)
    torch.nn.init.normal_(block.linear_out.weight)
    gate, value = block.linear_in(torch.nn.functional.layer_norm(h, (6,))).T.reshape(2, 3, 5)
    expected = h + (gate * gate.sigmoid() * value).T @ block.linear_out.weight.T
    assert torch.allclose(block(h), expected, atol=1e-6)


@pytest.mark.parametrize("d_block", [1, 7])
def test_a_gated_network_may_have_any_width(d_block):
    encoded = table(10, 3)
    assert MLPBackbone(d_block=d_block).build(encoded)(rows(encoded), torch.rand(10)).num.shape == (10, 2)


def test_backbone_is_cloned_with_its_parameters():
    assert clone(MLPBackbone(d_block=17)).get_params()["d_block"] == 17


def test_byte_dropout_drops_independent_entries_and_keeps_the_mean():
    dropout, h = ByteDropout(0.25), torch.ones(4_001, 15)
    torch.manual_seed(0)
    dropped = dropout(h)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert (torch.corrcoef(dropped.T) - torch.eye(15)).abs().max() < 0.08
    assert torch.equal(dropout.eval()(h), h)


@pytest.mark.parametrize(("n", "dropout"), [(15_999, 0.2), (16_000, 0.1)])
def test_few_rows_need_more_dropout_also_once_they_are_gone(n, dropout):
    backbone = MLPBackbone(d_block=8)
    encoded = EncodedTable(layout_of(1), *(np.zeros((n, 1)),) * 2, np.empty((n, 0), int))
    network = backbone.build(encoded)
    again = backbone.rebuild(encoded.layout, network.notes())
    assert again.blocks[0].dropout.n_dropped == network.blocks[0].dropout.n_dropped == round(256 * dropout)
    assert MLPBackbone(d_block=8, dropout=0.5).build(encoded).blocks[0].dropout.n_dropped == 128


@pytest.mark.parametrize(("n", "width"), [(7_999, 384), (8_000, 256)])
def test_many_rows_get_a_narrower_network_also_once_they_are_gone(n, width):
    encoded = EncodedTable(layout_of(1), *(np.zeros((n, 1)),) * 2, np.empty((n, 0), int))
    network = MLPBackbone().build(encoded)
    again = MLPBackbone().rebuild(encoded.layout, network.notes())
    assert network.head.weight.shape[1] == again.head.weight.shape[1] == width


def test_a_gpu_draws_more_rows_at_once():
    cpu, gpu = (MLPBackbone().block_size(torch.device(name)) for name in ("cpu", "cuda"))
    assert (cpu, gpu) == (2_048, 65_536)


def test_large_tables_may_be_passed_over_more_often_where_time_ends_the_fit():
    rows = (1_000, 12_800, 100_000, 10**6)
    timed, untimed = (
        [MLPBackbone().auto_row_passes(n, is_timed=is_timed) / n for n in rows] for is_timed in (True, False)
    )
    assert timed == [400, 800, 1_200, 1_200]
    assert untimed == [400, 400, 80, 10]


@pytest.mark.parametrize(("max_one_hot", "is_static"), [(2, False), (256, True)])
def test_a_step_is_recorded_unless_there_are_learned_embeddings(max_one_hot, is_static):
    assert MLPBackbone(d_block=16, max_one_hot=max_one_hot).build(table(60, 2, 4)).is_static is is_static
