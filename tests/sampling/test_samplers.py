"""Samplers with an exact denoiser: they must recover the law, and converge at the order they claim."""

import copy

import numpy as np
import pytest
import torch

from tabdiff_lora.diffusion import (
    CategoricalDiffusion,
    CosineSchedule,
    Covariance,
    DiscreteCosineSchedule,
    GaussianDiffusion,
    GaussianPrior,
    KarrasSchedule,
    TableDiffusion,
)
from tabdiff_lora.errors import SamplingError
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler, HeunSampler
from tabdiff_lora.sampling.grids import GRIDS
from tabdiff_lora.state import Known, Prediction, TableState
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
    "ddim eta .5": DDIMSampler(120, eta=0.5),
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


def test_numbers_of_columns_per_step_are_kept():
    """k columns of a row at a time, on any grid, which gets the points that this needs."""
    joint = torch.rand(2, 2, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    seen = []

    class Watcher(ExactJointTable):
        def __call__(self, x_t, t, known=None):
            seen.append(self.process.categorical.lost(x_t.cat).sum(1))
            return super().__call__(x_t, t)

    for k, grid, n_steps in ((1, "linear", 3), (2, "quadratic", 12), (3, "karras", 4)):
        seen.clear()
        codes = draw(DPMSolverSampler(n_steps, unmasking=k, grid=grid), Watcher(joint / joint.sum()), n=300).cat
        revealed = -torch.stack(seen).diff(dim=0)
        assert revealed.max() == k and revealed.sum(0).min() == 5
        assert codes.max() == 1


@pytest.mark.parametrize(("n_columns", "n_points"), [(2, 16), (15, 16), (16, 17), (40, 41), (200, 64)])
def test_auto_gives_each_column_a_step_of_its_own_up_to_a_limit(n_columns, n_points):
    process = TableDiffusion(PROCESSES["N(0, I), EDM"], CategoricalDiffusion(layout_of(2, *[2] * n_columns)))
    assert DPMSolverSampler().n_points(process) == n_points
    assert DPMSolverSampler(5).n_points(process) == 5
    assert AncestralSampler().n_points(process) == 100


def test_one_column_per_step_recovers_an_enumerated_joint_from_few_steps():
    codes = draw(DPMSolverSampler(2, unmasking=1), ExactJointTable(JOINT), n=10_000).cat
    observed = torch.zeros_like(JOINT)
    observed.index_put_(tuple(codes.T), torch.ones(len(codes)), accumulate=True)
    assert float((observed / len(codes) - JOINT).abs().sum() / 2) < 0.03


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("schedule", [KarrasSchedule(), CosineSchedule(), DiscreteCosineSchedule(100)])
def test_grids_fall_from_one_to_zero(name, schedule):
    times = GRIDS[name]().times(20, schedule)
    assert times[0] == 1.0 and times[-1] == 0.0 and (times.diff() < 0).all()
    assert len(times) == 20 or (schedule.n_times and len(times) > 10)


def test_karras_grid_is_the_linear_one_of_its_own_schedule():
    times = GRIDS["karras"]().times(20, KarrasSchedule())
    assert torch.allclose(times, torch.linspace(1, 0, 20), atol=1e-4)


def test_logsnr_grid_is_even_in_the_clock_of_dpm_solver():
    schedule = CosineSchedule()
    steps = schedule.log_ratio(GRIDS["logsnr"]().times(20, schedule))[:-1].diff()
    assert torch.allclose(steps, steps[0].expand_as(steps), rtol=0.01)


@pytest.mark.parametrize("grid", GRIDS)
def test_every_grid_recovers_a_gaussian_mixture(grid):
    process = PROCESSES["N(0, I), cosine"]
    x = draw(DPMSolverSampler(40, grid=grid), ExactGaussianMixture(process, WEIGHTS, MEANS, COVARIANCES), n=4_000).num
    assert torch.allclose(x.mean(0), MEAN, atol=0.06)
    assert torch.allclose(torch.cov(x.T), COVARIANCE, atol=0.08)


@pytest.mark.parametrize("name", ["data prior, Karras", "N(0, I), cosine"])
def test_churn_keeps_the_law(name):
    sampler = HeunSampler(40, churn=10.0, churn_range=(0.05, 50.0))
    x = draw(sampler, ExactGaussianMixture(PROCESSES[name], WEIGHTS, MEANS, COVARIANCES)).num
    assert torch.allclose(x.mean(0), MEAN, atol=0.05)
    assert torch.allclose(torch.cov(x.T), COVARIANCE, atol=0.07)
    assert float((x[:, 0] < -0.4).float().mean()) == pytest.approx(0.3, abs=0.05)


def test_churn_is_that_of_edm():
    """Algorithm 2, line 5-6: for alpha = 1 the state gets noise of variance sigma_hat^2 - sigma^2."""
    process = ExactGaussianMixture(PROCESSES["N(0, I), EDM"], WEIGHTS, MEANS, COVARIANCES).process
    schedule, t, n = process.numerical.schedule, torch.tensor([0.5]), 100_000
    sampler, x = HeunSampler(10, churn=2.0, churn_noise=1.5), TableState(torch.zeros(n, 2), torch.zeros(n, 0))
    x_hat, t_hat = sampler.start_step(process, x, t, torch.Generator().manual_seed(0))
    assert float(schedule.sigma(t_hat) / schedule.sigma(t)) == pytest.approx(1.2, rel=1e-4)
    variance = 1.5**2 * (1.2**2 - 1) * float(schedule.sigma(t)) ** 2
    assert x_hat.num.var(0).tolist() == pytest.approx([variance] * 2, rel=0.03)


class TiltableTable(ExactJointTable):
    """A joint law some columns of which are given; can hide them again."""

    def given(self, codes, known):
        exact = copy.copy(self)
        x_0 = TableState(torch.empty(len(codes), 0), codes)
        exact.process = self.process.given(x_0, Known(torch.empty(1, 0, dtype=torch.bool), known))
        exact.hiding = lambda: self
        return exact


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_guidance_tilts_an_enumerated_law(weight):
    """p(x) p(c | x)^w up to a constant, for one free category x."""
    joint, n = torch.tensor([[4.0, 1], [3, 2], [1, 5]]) / 16, 20_000
    exact = TiltableTable(joint).given(torch.tensor([0, 1]).expand(n, 2), torch.tensor([[False, True]]))
    codes = draw(DPMSolverSampler(6, guidance=weight), exact, n=n).cat
    margin = joint.sum(1)
    expected = margin * (joint[:, 1] / margin) ** weight
    assert (codes[:, 1] == 1).all()
    assert torch.allclose(torch.bincount(codes[:, 0]) / n, expected / expected.sum(), atol=0.015)


@pytest.mark.parametrize("weight", [0.5, 1.0, 3.0])
def test_guidance_tilts_a_gaussian(weight):
    """N(0, v) against N(1, v) given the class: N(w, v)."""

    class Law(ExactGaussianMixture):
        def hiding(self):
            return ExactGaussianMixture(PROCESS, torch.ones(1), torch.zeros(1, 1), torch.full((1, 1, 1), 0.25))

    PROCESS = GaussianDiffusion(GaussianPrior.standard(1), KarrasSchedule(0.02, 80.0))
    n, layout = 5_000, layout_of(1, 2)
    exact = Law(PROCESS, torch.ones(1), torch.ones(1, 1), torch.full((1, 1, 1), 0.25))
    known = CategoricalDiffusion(layout).given(torch.zeros(n, 1, dtype=torch.int64), torch.tensor([[True]]))
    exact.process = TableDiffusion(PROCESS, known)
    zero = torch.zeros(n, 2)
    answer = ExactGaussianMixture.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExactGaussianMixture, "__call__", lambda *args: answer(*args)._replace(cat_logits=zero))
        x = draw(HeunSampler(40, guidance=weight), exact, n=n).num
    assert float(x.mean()) == pytest.approx(weight, abs=0.04)
    assert float(x.var()) == pytest.approx(0.25, abs=0.02)


def test_guidance_needs_a_mask_to_hide_behind():
    exact = TiltableTable(JOINT, CategoricalDiffusion.uniform)
    with pytest.raises(ValueError, match=r"process of guided sampling must be 'mask'\. Got guidance=2.0 and replaced"):
        draw(DPMSolverSampler(6, guidance=2.0), exact, n=10)


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (DPMSolverSampler(1), r"n_steps of DPMSolverSampler must be 'auto' or a whole number >= 2\. Got 1 instead"),
        (HeunSampler(unmasking="all"), r"unmasking of HeunSampler must be 'stratified', 'independent' or a whole"),
        (DDIMSampler(unmasking=0), r"unmasking of DDIMSampler must be .*\. Got 0 instead"),
        (
            DDIMSampler(grid="cubic"),
            r"grid of DDIMSampler must be one of linear, .*, or a TimeGrid\. Got 'cubic'",
        ),
        (AncestralSampler(guidance="more"), r"guidance of AncestralSampler must be a number\. Got 'more' instead"),
        (DPMSolverSampler(rake="yes"), r"rake of DPMSolverSampler must be True or False\. Got 'yes' instead"),
    ],
    ids=repr,
)
def test_parameters_that_mean_nothing_are_refused(sampler, message):
    with pytest.raises(ValueError, match=message):
        draw(sampler, ExactJointTable(JOINT), n=10)
