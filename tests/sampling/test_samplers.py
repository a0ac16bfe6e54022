"""Samplers with an exact denoiser: they must recover the law, and converge at the order they claim."""

import numpy as np
import pytest
import torch

from tabdiff_lora.diffusion import (
    CategoricalDiffusion,
    CosineSchedule,
    Covariance,
    GaussianDiffusion,
    GaussianPrior,
    KarrasSchedule,
)
from tabdiff_lora.errors import SamplingError
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler, HeunSampler
from tabdiff_lora.state import Prediction, TableState
from tests.exact import ExactGaussianMixture, ExactJointTable, layout_of

WEIGHTS = torch.tensor([0.3, 0.7])
MEANS = torch.tensor([[-1.5, -0.5], [0.7, 0.4]])
COVARIANCES = torch.tensor([[[0.2, 0.1], [0.1, 0.3]], [[0.4, -0.2], [-0.2, 0.2]]])
MEAN = WEIGHTS @ MEANS
COVARIANCE = (WEIGHTS[:, None, None] * (COVARIANCES + MEANS[:, :, None] * MEANS[:, None, :])).sum(0) - MEAN[
    :, None
] * MEAN[None, :]
DATA_PRIOR = GaussianPrior(MEAN, Covariance.from_matrix(COVARIANCE))
PROCESSES = {
    "data prior, Karras": GaussianDiffusion(DATA_PRIOR),
    "N(0, I), EDM": GaussianDiffusion(GaussianPrior.standard(2), KarrasSchedule(0.002, 80.0)),
    "N(0, I), cosine": GaussianDiffusion(GaussianPrior.standard(2), CosineSchedule()),
    "PriorGrad, cosine": GaussianDiffusion(DATA_PRIOR, CosineSchedule(), "prior"),
}
SAMPLERS = {
    "ddim": DDIMSampler(120),
    "ddim eta .5": DDIMSampler(80, eta=0.5),
    "ancestral": AncestralSampler(120),
    "heun": HeunSampler(30),
    "dpmpp": DPMSolverSampler(40),
}


def draw(sampler, denoiser, n=6_000, seed=0):
    return sampler.sample(denoiser, n, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS.keys())
def test_sampler_recovers_a_gaussian_mixture(sampler, process):
    x = draw(sampler, ExactGaussianMixture(process, WEIGHTS, MEANS, COVARIANCES)).num
    assert torch.allclose(x.mean(0), MEAN, atol=0.05)
    assert torch.allclose(torch.cov(x.T), COVARIANCE, atol=0.07)
    assert float((x[:, 0] < -0.4).float().mean()) == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(("sampler", "order"), [(DDIMSampler, 1), (HeunSampler, 2), (DPMSolverSampler, 2)])
def test_sampler_converges_at_its_order(sampler, order):
    """Deterministic paths of a Gaussian: error against a fine grid falls like S^-order."""
    law = [torch.ones(1), torch.tensor([[0.3]]), torch.tensor([[[0.25]]])]
    process = GaussianDiffusion(GaussianPrior.standard(1), KarrasSchedule(0.05, 5.0))
    denoiser = ExactGaussianMixture(process, *(x.double() for x in law))
    reference = draw(HeunSampler(800), denoiser, n=32).num
    steps = [30, 60, 120]
    errors = [float((draw(sampler(n), denoiser, n=32).num - reference).abs().mean()) for n in steps]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert -slope == pytest.approx(order, abs=0.35)


JOINT = torch.tensor([[[8.0, 0, 1], [0, 2, 1]], [[1, 1, 0], [4, 0, 9]]])
JOINT = JOINT / JOINT.sum()


@pytest.mark.parametrize("unmasking", ["stratified", "independent"])
def test_unmasking_recovers_an_enumerated_joint(unmasking):
    """One column at a time is exact; independent thresholds need a fine grid to reveal one at a time."""
    sampler = DPMSolverSampler(8 if unmasking == "stratified" else 100, unmasking)
    codes = draw(sampler, ExactJointTable(JOINT), n=10_000).cat
    observed = torch.zeros_like(JOINT)
    observed.index_put_(tuple(codes.T), torch.ones(len(codes)), accumulate=True)
    assert float((observed / len(codes) - JOINT).abs().sum() / 2) < 0.03


def test_stratified_unmasking_reveals_one_column_per_step():
    seen = []

    class Watcher(ExactJointTable):
        def __call__(self, x_t, t, known=None):
            seen.append(self.process.categorical.lost(x_t.cat).sum(1))
            return super().__call__(x_t, t)

    draw(DPMSolverSampler(12), Watcher(JOINT), n=500)
    revealed = -torch.stack(seen).diff(dim=0)
    assert revealed.max() == 1 and revealed.sum(0).min() >= 2


@pytest.mark.parametrize("kind", [CategoricalDiffusion.uniform, "marginal"])
def test_replacement_processes_recover_a_margin(kind):
    """One column: p(x_0 | x_t) of a known margin under the replacement process, walked back by the mixture step."""
    margin = torch.tensor([0.6, 0.3, 0.1])
    layout = layout_of(0, 3)
    if kind == "marginal":
        categorical = CategoricalDiffusion.marginal(layout, [torch.tensor([0.2, 0.2, 0.6])])
    else:
        categorical = kind(layout)

    class Exact(ExactJointTable):
        def __call__(self, x_t: TableState, t, known=None):
            keep = categorical.schedule.keep(t)
            here = torch.nn.functional.one_hot(x_t.cat[:, 0], 3).float()
            likelihood = keep * here + (1 - keep) * categorical.replacement[0][x_t.cat[:, 0], None]
            return Prediction(x_t.num, (likelihood * margin).clamp_min(1e-12).log())

    codes = draw(AncestralSampler(60), Exact(margin, lambda _: categorical), n=20_000).cat[:, 0]
    assert torch.allclose(torch.bincount(codes, minlength=3) / len(codes), margin, atol=0.02)


def test_non_finite_state_names_time_and_column():
    class Broken(ExactGaussianMixture):
        def __call__(self, x_t, t, known=None):
            prediction = super().__call__(x_t, t)
            return prediction if t > 0.5 else Prediction(prediction.num * torch.tensor([1.0, torch.nan]), prediction[1])

    broken = Broken(PROCESSES["data prior, Karras"], WEIGHTS, MEANS, COVARIANCES)
    with pytest.raises(SamplingError, match=r"t=0\.\d+ in 'num1'"):
        draw(DDIMSampler(20), broken, n=10)
