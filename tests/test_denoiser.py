"""The denoiser starts as the Gaussian copula of the table and with a loss near one."""

import numpy as np
import pytest
import torch

from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import (
    CategoricalDiffusion,
    CosineSchedule,
    GaussianDiffusion,
    GaussianPrior,
    TableDiffusion,
)
from tabdiff_lora.sampling import DPMSolverSampler
from tabdiff_lora.state import Prediction, TableState
from tabdiff_lora.stratified import stratified_uniforms
from tabdiff_lora.table.encoded import EncodedTable
from tests.exact import layout_of

RNG = np.random.default_rng(0)
COVARIANCE = np.array([[1.0, 0.8, -0.3], [0.8, 1.0, 0.0], [-0.3, 0.0, 1.0]])
FREQUENCIES = ([0.5, 0.5], [0.1, 0.2, 0.7])


def gaussian_table(n=4_000) -> EncodedTable:
    num = RNG.multivariate_normal(np.zeros(3), COVARIANCE, size=n)
    cat = np.stack([RNG.choice(len(p), size=n, p=p) for p in FREQUENCIES], axis=1)
    return EncodedTable(layout_of(3, 2, 3), num, num, cat)


def untrained(table: EncodedTable, **options) -> Denoiser:
    prior = GaussianPrior.fit(table.draw(RNG))
    process = TableDiffusion(GaussianDiffusion(prior), CategoricalDiffusion(table.layout))
    return Denoiser(
        process, MLPBackbone(d_block=32, n_blocks=1).build(table), torch.tensor(table.entropies()), **options
    )


def test_untrained_denoiser_is_the_exact_denoiser_of_the_fitted_gaussian():
    denoiser = untrained(gaussian_table())
    numerical, t = denoiser.process.numerical, torch.tensor([0.5])
    x_t = TableState(torch.randn(10, 3), torch.full((10, 2), 0))
    sigma, total = numerical.schedule.sigma(t), numerical.prior.covariance.matrix()
    gain = total @ torch.linalg.inv(total + sigma**2 * torch.eye(3))
    expected = numerical.prior.mean + (x_t.num - numerical.prior.mean) @ gain.T
    assert torch.allclose(denoiser(x_t, t).num, expected, atol=1e-4)


def test_untrained_denoiser_samples_the_gaussian_copula():
    table = gaussian_table()
    with torch.inference_mode():
        x = DPMSolverSampler(24).sample(untrained(table), 20_000, torch.Generator().manual_seed(0))
    assert torch.allclose(torch.corrcoef(x.num.T), torch.tensor(np.corrcoef(table.low.T)).float(), atol=0.03)
    for column, frequency in enumerate(table.frequencies()):
        drawn = torch.bincount(x.cat[:, column]) / len(x.cat)
        assert drawn.tolist() == pytest.approx(frequency.tolist(), abs=0.015)


def test_loss_of_the_untrained_network_is_one_per_numerical_dimension_and_per_lost_category():
    table, generator = gaussian_table(), torch.Generator().manual_seed(0)
    x_0 = TableState(torch.tensor(table.low).float(), torch.tensor(table.cat))
    with torch.no_grad():
        loss = untrained(table).loss(x_0, stratified_uniforms(len(table), generator), generator)
    assert float(loss.numerical) == pytest.approx(1.0, abs=0.03)
    assert float(loss.categorical) == pytest.approx(1.0, abs=0.05)


def test_gain_is_what_the_prior_would_have_lost_more():
    table, generator = gaussian_table(), torch.Generator().manual_seed(0)
    x_0 = TableState(torch.tensor(table.low).float(), torch.tensor(table.cat))
    with torch.no_grad():
        loss = untrained(table).loss(x_0, torch.full((len(table),), 0.5), generator)
    assert float(loss.gain.mean()) == pytest.approx(0.0, abs=0.02)
    prior = loss.gain + loss.rows  # one for each number, and (C + 1) / 2 where any category is lost
    assert torch.allclose(prior, torch.where(prior > 0.75, 4.5, 3.0) / 5)
    assert 0.6 < float((prior > 0.75).float().mean()) < 0.9


def test_only_lost_categories_count():
    """At t = 0 nothing is masked: with no numerical columns the loss is zero."""
    table = gaussian_table(200)
    table = EncodedTable(layout_of(0, 2, 3), table.low[:, :0], table.high[:, :0], table.cat)
    x_0 = TableState(torch.zeros(200, 0), torch.tensor(table.cat))
    loss = untrained(table).loss(x_0, torch.zeros(200), torch.Generator().manual_seed(0))
    assert float(loss.rows.detach().abs().max()) == 0.0


def test_every_turn_of_the_masked_categories_counts_alike():
    """Rows with one, two and three lost entries have the same loss in all, that of an untrained network."""
    codes = np.tile(np.indices((2, 2, 2)).reshape(3, 8).T, (50, 1))  # every level is as frequent as the other
    table = EncodedTable(layout_of(0, 2, 2, 2), *np.empty((2, len(codes), 0)), codes)
    denoiser, x_0 = untrained(table), TableState(torch.zeros(len(codes), 0), torch.tensor(codes))
    t = torch.full((len(codes),), 0.6)
    x_t = denoiser.process.q_sample(x_0, t, torch.Generator().manual_seed(0))
    n_lost = denoiser.process.categorical.lost(x_t.cat).sum(1)
    rows = denoiser.loss(x_0, t, torch.Generator().manual_seed(0)).rows.detach()
    assert set(n_lost.tolist()) == {0, 1, 2, 3}
    assert torch.allclose(rows, (n_lost > 0) * 2 / 3)  # (C + 1) / 2 entries of C, of one each


def test_bfloat16_agrees_with_float32():
    table = gaussian_table(500)
    torch.manual_seed(0)
    denoiser = untrained(table)
    with torch.no_grad():
        for parameter in denoiser.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        x_t, t = TableState(torch.randn(50, 3), torch.tensor(table.cat[:50])), torch.rand(50)
        exact = denoiser(x_t, t)
        denoiser.dtype = torch.bfloat16
        rough = denoiser(x_t, t)
    assert rough.num.dtype == rough.cat_logits.dtype == torch.float32
    for one, other in zip(rough, exact):  # bfloat16 has eight bits: a part in 256, once for each layer
        assert (one - other).square().mean() < 0.05**2 * other.square().mean()


PREDICTED = {  # what a perfect network would say, in the letters of x_t = mu + alpha (x_0 - mu) + sigma n, n = N^1/2 z
    "eps": lambda x, alpha, sigma, n, z: z,
    "x0": lambda x, alpha, sigma, n, z: x,
    "v": lambda x, alpha, sigma, n, z: alpha * n - sigma * x,
}


@pytest.mark.parametrize("prediction", PREDICTED)
@pytest.mark.parametrize("noise", ["identity", "prior"])
def test_every_prediction_is_read_as_its_formula_says(prediction, noise):
    table, t = gaussian_table(200), torch.tensor([0.4])
    prior = GaussianPrior.fit(table.draw(RNG))
    process = TableDiffusion(GaussianDiffusion(prior, CosineSchedule(), noise), CategoricalDiffusion(table.layout))
    z, x_0 = torch.randn(10, 3), torch.randn(10, 3)
    n = prior.covariance.colour(z) if noise == "prior" else z
    alpha, sigma = process.numerical.schedule.alpha(t), process.numerical.schedule.sigma(t)
    perfect = PREDICTED[prediction](x_0 - prior.mean, alpha, sigma, n, z)

    class Network(torch.nn.Module):
        def forward(self, x_t, t, known=None, dtype=None):
            return Prediction(perfect, torch.zeros(10, 5))

    denoiser = Denoiser(process, Network(), torch.ones(2), prediction=prediction)
    x_t = TableState(process.numerical.move(x_0, n, t), torch.zeros(10, 2, dtype=torch.int64))
    assert torch.allclose(denoiser(x_t, t).num, x_0, atol=1e-3)
