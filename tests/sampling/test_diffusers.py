"""Equality with the schedulers of diffusers, for the same noise and the same estimates of x_0."""

from itertools import pairwise

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

from tabdiff_lora.diffusion import DiscreteCosineSchedule, GaussianDiffusion, GaussianPrior
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler
from tabdiff_lora.state import TableState
from tests.exact import ExactGaussianMixture

T = 100
PROCESS = GaussianDiffusion(GaussianPrior.standard(2), DiscreteCosineSchedule(T))
EXACT = ExactGaussianMixture(
    PROCESS,
    torch.tensor([0.3, 0.7]),
    torch.tensor([[-1.5, -0.5], [0.7, 0.4]]),
    torch.tensor([[[0.2, 0.1], [0.1, 0.3]], [[0.4, -0.2], [-0.2, 0.2]]]),
)
SAME = {"num_train_timesteps": T, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample"}


class OneNoise:
    """A generator's place-taker: every draw of noise is the same."""

    noise = torch.randn(64, 2, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def same_noise(monkeypatch):
    monkeypatch.setattr(GaussianDiffusion, "draw_noise", lambda self, n_rows, generator: OneNoise.noise)
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: OneNoise.noise)


def walk_of(sampler):
    """Every state of a walk from one fixed start."""
    times = sampler._times(EXACT.process, "cpu")[:, None]
    x, previous, states = TableState(START, torch.empty(64, 0)), None, []
    for t, s in pairwise(times):
        prediction = EXACT(x, t)
        x = x._replace(num=sampler.numerical_step(EXACT.process, x, prediction, t, s, previous, None))
        previous = prediction, t
        states.append(x.num)
    return states


START = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))


def walk_of_diffusers(scheduler, n_steps, **options):
    scheduler.set_timesteps(n_steps)
    x, states = START, []
    for step in scheduler.timesteps:
        estimate = EXACT(TableState(x, None), (step[None] + 1) / T).num
        x = scheduler.step(estimate, step, x, **options).prev_sample
        states.append(x)
    return states


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for x, y in zip(ours, theirs):
        assert torch.allclose(x, y, atol=2e-4)


def test_schedule_is_that_of_diffusers():
    betas = DDPMScheduler(**SAME).alphas_cumprod
    t = torch.arange(1, T + 1) / T
    assert torch.allclose(PROCESS.schedule.alpha_bar(t).float(), betas, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("n_steps", [T, 20, 5])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim(n_steps, eta):
    scheduler = DDIMScheduler(**SAME, clip_sample=False, timestep_spacing="trailing")
    theirs = walk_of_diffusers(scheduler, n_steps, eta=eta, variance_noise=OneNoise.noise if eta else None)
    assert_same(walk_of(DDIMSampler(n_steps + 1, eta=eta)), theirs)


@pytest.mark.parametrize(
    ("variance", "name", "n_steps"),
    # With fewer steps the last one of "fixed large" has noise in diffusers.
    [("posterior", "fixed_small", T), ("posterior", "fixed_small", 20), ("step", "fixed_large", T)],
)
def test_ddpm(variance, name, n_steps):
    scheduler = DDPMScheduler(**SAME, clip_sample=False, timestep_spacing="trailing", variance_type=name)
    assert_same(walk_of(AncestralSampler(n_steps + 1, variance=variance)), walk_of_diffusers(scheduler, n_steps))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("n_steps", [50, 20, 10])
def test_dpm_solver(n_steps):
    scheduler = DPMSolverMultistepScheduler(
        **SAME, timestep_spacing="trailing", final_sigmas_type="zero", algorithm_type="dpmsolver++", solver_order=2
    )
    assert_same(walk_of(DPMSolverSampler(n_steps + 1)), walk_of_diffusers(scheduler, n_steps))
