"""The shipped laws hold for what the library brings (encoders: ``tests/table``), and fail for what breaks them."""

import numpy as np
import pandas as pd
import pytest
import torch

from tabdiff_lora.backbones import MLPBackbone, TransformerBackbone
from tabdiff_lora.diffusion import Covariance, GaussianPrior, MixtureOfGaussians
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler, HeunSampler
from tabdiff_lora.table import CategoricalEncoder, NumericalEncoder
from tabdiff_lora.table.encoded import EncodedTable
from tabdiff_lora.testing import check_backbone, check_encoder, check_prior, check_sampler, layout_of


class Rounding(NumericalEncoder):
    """Gives back less than it got."""

    def _decode(self, num, cat, rng):
        return super()._decode(num, cat, rng).round(1)


class Greedy(CategoricalEncoder):
    """Takes a frame for a column."""

    def fit(self, X, y=None):
        return super().fit(X.iloc[:, 0] if isinstance(X, pd.DataFrame) else X)


@pytest.mark.parametrize(
    ("encoder", "message"), [(Rounding(atoms=None), "are different"), (Greedy(), "two columns must be refused")]
)
def test_an_encoder_that_breaks_a_law(encoder, message):
    with pytest.raises(AssertionError, match=message):
        check_encoder(encoder, pd.Series([1.25, 2.5, 3.75, 2.5], name="x"))


PRIOR = GaussianPrior(torch.tensor([0.5, -1.0]), Covariance.from_matrix(torch.tensor([[1.5, 0.7], [0.7, 0.8]])))


def mixture():
    rng = np.random.default_rng(0)
    num = np.concatenate([rng.normal(-1.5, 0.4, (200, 2)), rng.normal(1.0, 0.6, (300, 2))])
    table = EncodedTable(layout_of(2), num, num, np.empty((500, 0), dtype=np.int64))
    return MixtureOfGaussians(2).fit(table, rng)


@pytest.mark.parametrize("prior", [PRIOR, GaussianPrior.standard(3), mixture()], ids=["Gaussian", "N(0, I)", "mixture"])
def test_priors(prior):
    check_prior(prior)


class Overconfident(GaussianPrior):
    """Draws from too narrow a law."""

    def terminal(self, n_rows, alpha, sigma, noise, generator, evidence=None):
        return super().terminal(n_rows, 0.5 * alpha, sigma, noise, generator, evidence)


def test_a_prior_that_breaks_a_law():
    with pytest.raises(AssertionError, match="draws must have covariance"):
        check_prior(Overconfident(PRIOR.mean, PRIOR.covariance))


@pytest.mark.parametrize(
    "sampler", [DDIMSampler(80), AncestralSampler(100), HeunSampler(30), DPMSolverSampler(40)],
    ids=lambda sampler: type(sampler).__name__,
)  # fmt: skip
def test_samplers(sampler):
    check_sampler(sampler)


class Frozen(DDIMSampler):
    """Never moves."""

    def numerical_step(self, process, x_t, *args, **kwargs):
        return x_t.num


def test_a_sampler_that_breaks_a_law():
    with pytest.raises(AssertionError, match="must be that of the law|must have their weights"):
        check_sampler(Frozen(20))


@pytest.mark.parametrize(
    "backbone", [MLPBackbone(d_block=16, n_blocks=1), TransformerBackbone(d_token=8, n_blocks=1, n_heads=2)],
    ids=lambda backbone: type(backbone).__name__,
)  # fmt: skip
def test_backbones(backbone):
    check_backbone(backbone)


class Loud(MLPBackbone):
    """Has an opinion before it is trained."""

    def build(self, table):
        network = super().build(table)
        for parameter in network.parameters():
            torch.nn.init.ones_(parameter)
        return network


def test_a_backbone_that_breaks_a_law():
    with pytest.raises(AssertionError, match="untrained network must answer zero"):
        check_backbone(Loud(d_block=8, n_blocks=1))
