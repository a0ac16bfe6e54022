"""The categorical process against enumeration."""

import pytest
import torch

from tabdiff_lora.diffusion import CategoricalDiffusion, KeepSchedule
from tabdiff_lora.diffusion.categorical import category_probabilities, draw_categories
from tests.exact import layout_of

LAYOUT = layout_of(0, 2, 3, 3)
FREQUENCIES = [torch.tensor([0.7, 0.3]), torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0.1, 0.1, 0.8])]
PROCESSES = {
    "mask": CategoricalDiffusion(LAYOUT),
    "uniform": CategoricalDiffusion.uniform(LAYOUT),
    "marginal": CategoricalDiffusion.marginal(LAYOUT, FREQUENCIES, KeepSchedule(0.1, 0.9)),
}
process = pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())


def transition(process, column, keep):
    """q(x_t | x_0) of one column as a matrix over all codes, the mask included."""
    size = LAYOUT.cardinalities[column] + process.masks
    pi = torch.eye(size)[-1] if process.masks else process.replacement[column]
    return keep * torch.eye(size) + (1 - keep) * pi


@process
def test_q_sample_follows_the_transition_matrix(process):
    n, t = 100_000, torch.tensor([0.35])
    x_0 = torch.tensor([[1, 2, 0]]).expand(n, 3)
    x_t = process.q_sample(x_0, t.expand(n), torch.Generator().manual_seed(0))
    for column in range(3):
        expected = transition(process, column, process.schedule.keep(t))[x_0[0, column]]
        observed = torch.bincount(x_t[:, column], minlength=len(expected)) / n
        assert torch.allclose(observed, expected, atol=0.01)


@process
def test_q_posterior_is_bayes_rule_mixed_over_x_0(process):
    t, s = torch.tensor([0.6]), torch.tensor([0.4])
    keep_t, keep_s = process.schedule.keep(t), process.schedule.keep(s)
    generator = torch.Generator().manual_seed(1)
    probabilities = category_probabilities(torch.randn(1, LAYOUT.n_logits, generator=generator), LAYOUT)
    x_t = torch.tensor([[2, 1, 3]]) if process.masks else torch.tensor([[1, 1, 0]])
    got = process.q_posterior(x_t, probabilities, t, s)[0]
    offset = 0
    for column, p in enumerate(probabilities[0].split(list(LAYOUT.cardinalities))):
        to_s, to_t = transition(process, column, keep_s), transition(process, column, keep_t / keep_s)
        joint = to_s[: len(p)] * to_t[:, x_t[0, column]]  # (x_0, x_s)
        evidence = joint.sum(1, keepdim=True)
        bayes = torch.where(evidence > 0, joint / evidence.clamp_min(1e-12), 0.0)
        expected = p @ bayes
        if process.masks and x_t[0, column] != len(p):  # a visible value stays, whatever the network says
            expected = to_s.new_zeros(len(p) + 1).index_fill(0, x_t[0, column], 1.0)
        assert torch.allclose(got[offset : offset + len(expected)], expected, atol=1e-5)
        offset += len(expected)


@process
def test_time_one_is_the_prior(process):
    n, generator = 50_000, torch.Generator().manual_seed(0)
    x_1 = process.q_sample(torch.zeros(n, 3, dtype=torch.int64), torch.ones(n), generator)
    prior = process.prior_sample(n, generator)
    for column in range(3):
        size = LAYOUT.cardinalities[column] + process.masks
        counts = [torch.bincount(x[:, column], minlength=size) / n for x in (x_1, prior)]
        assert torch.allclose(*counts, atol=0.01)


def test_draw_categories_follows_the_probabilities():
    n, generator = 200_000, torch.Generator().manual_seed(0)
    p = torch.cat(FREQUENCIES).expand(n, -1)
    codes = draw_categories(p, LAYOUT, torch.rand(n, 3, generator=generator))
    for column, frequency in enumerate(FREQUENCIES):
        assert torch.allclose(torch.bincount(codes[:, column]) / n, frequency, atol=0.01)


def test_draw_categories_never_draws_the_impossible():
    p = torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.0]])
    for u in (0.0, 0.5, 1.0 - 2**-24):
        codes = draw_categories(p, LAYOUT, torch.full((1, 3), u))
        assert codes[0, 0] == 0 and codes[0, 1] == 2 and codes[0, 2] < 2


def test_groups_cover_all_columns_once():
    layout = layout_of(1, 2, 2, 5, 3, 3, 3)
    assert [(g.columns.start, g.columns.stop, g.cardinality) for g in layout.groups] == [
        (0, 2, 2),
        (2, 3, 5),
        (3, 6, 3),
    ]
    assert layout.groups[-1].logits.stop == layout.n_logits == 18
