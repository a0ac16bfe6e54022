"""The Gaussian process against exact moments, Bayes' rule on a grid, and the posterior of a Gaussian."""

import numpy as np
import pytest
import torch

from tabdiff_lora.diffusion import CosineSchedule, Covariance, GaussianDiffusion, GaussianPrior, KarrasSchedule

PRIOR = GaussianPrior(torch.tensor([0.5, -1.0]), Covariance.from_matrix(torch.tensor([[1.5, 0.7], [0.7, 0.8]])))
PROCESSES = {
    f"{type(schedule).__name__}-{noise}": GaussianDiffusion(PRIOR, schedule, noise)
    for schedule in (KarrasSchedule(), CosineSchedule())
    for noise in ("identity", "prior")
}
process = pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())


def noise_covariance(process):
    basis = process.prior.covariance.eigenvectors
    return (basis * process.noise_eigenvalues()) @ basis.T


@process
def test_q_sample_has_the_moments_of_the_formula(process):
    n, t = 200_000, torch.tensor([0.4])
    x_0 = torch.tensor([[1.0, 2.0]]).expand(n, 2)
    x_t = process.q_sample(x_0, t.expand(n), torch.Generator().manual_seed(0))
    alpha, sigma = process.schedule.alpha(t), process.schedule.sigma(t)
    mean = PRIOR.mean + alpha * (x_0[0] - PRIOR.mean)
    assert torch.allclose(x_t.mean(0), mean, atol=0.01)
    assert torch.allclose(torch.cov(x_t.T), sigma**2 * noise_covariance(process), atol=0.02)


@process
def test_noise_of_inverts_move(process):
    t, generator = torch.rand(20, generator=torch.Generator().manual_seed(1)), torch.Generator().manual_seed(2)
    x_0, noise = torch.randn(20, 2, generator=generator), process.draw_noise(20, generator)
    assert torch.allclose(process.noise_of(process.move(x_0, noise, t), x_0, t), noise, atol=1e-3)


@process
def test_prior_sample_is_the_law_of_gaussian_data_at_time_one(process):
    n, generator = 200_000, torch.Generator().manual_seed(0)
    x_0 = PRIOR.mean + PRIOR.covariance.colour(torch.randn(n, 2, generator=generator))
    x_1 = process.q_sample(x_0, torch.ones(n), generator)
    prior = process.prior_sample(n, generator)
    assert torch.allclose(prior.mean(0), x_1.mean(0), atol=0.1)
    expected = torch.cov(x_1.T)
    assert torch.allclose(torch.cov(prior.T), expected, atol=0.01 * float(expected.trace()))


@pytest.mark.parametrize("schedule", [KarrasSchedule(), CosineSchedule()], ids=lambda s: type(s).__name__)
def test_q_posterior_is_bayes_rule_on_a_grid(schedule):
    process = GaussianDiffusion(GaussianPrior(torch.tensor([0.3]), Covariance.identity(1)), schedule)
    t, s, x_0, x_t = torch.tensor([0.6]), torch.tensor([0.45]), 0.8, 1.7
    grid = np.linspace(-12, 12, 400_001)
    (a_t, s_t), (a_s, s_s) = [(float(schedule.alpha(u)), float(schedule.sigma(u))) for u in (t, s)]
    step_alpha = a_t / a_s
    step_var = s_t**2 - step_alpha**2 * s_s**2
    log_density = -((grid - (0.3 + a_s * (x_0 - 0.3))) ** 2) / (2 * s_s**2)  # q(x_s | x_0)
    log_density -= (x_t - (0.3 + step_alpha * (grid - 0.3))) ** 2 / (2 * step_var)  # q(x_t | x_s)
    weights = np.exp(log_density - log_density.max())
    mean = np.average(grid, weights=weights)
    std = np.sqrt(np.average((grid - mean) ** 2, weights=weights))
    got_mean, got_std = process.q_posterior(torch.tensor([[x_t]]), torch.tensor([[x_0]]), t, s)
    assert float(got_mean) == pytest.approx(mean, abs=1e-4)
    assert float(got_std) == pytest.approx(std, rel=1e-3)


@process
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_every_eta_keeps_the_marginal(process, eta):
    n, generator = 200_000, torch.Generator().manual_seed(3)
    t, s, x_0 = torch.tensor([0.7]), torch.tensor([0.5]), torch.tensor([[1.0, 0.0]]).expand(200_000, 2)
    x_t = process.q_sample(x_0, t.expand(n), generator)
    mean, std = process.q_posterior(x_t, x_0, t, s, eta)
    x_s = mean + std[:, None] * process.draw_noise(n, generator)
    expected = process.q_sample(x_0, s.expand(n), generator)
    assert torch.allclose(x_s.mean(0), expected.mean(0), atol=0.02)
    assert torch.allclose(torch.cov(x_s.T), torch.cov(expected.T), rtol=0.03, atol=0.01)


@process
def test_preconditioning_is_the_posterior_of_the_prior(process):
    t = torch.tensor([0.3])
    alpha, sigma = process.schedule.alpha(t), process.schedule.sigma(t)
    data, noise = PRIOR.covariance.matrix(), sigma**2 * noise_covariance(process)
    gain = alpha * data @ torch.linalg.inv(alpha**2 * data + noise)
    posterior = data - alpha * gain @ data
    x, covariance, c = torch.randn(5, 2), PRIOR.covariance, process.preconditioning(t)
    assert torch.allclose(covariance.scale(c.skip, x), x @ gain.T, atol=1e-4)
    assert torch.allclose(covariance.scale(c.out**2, x), x @ posterior, atol=1e-4)
    assert torch.allclose(covariance.scale(c.scale_in**-2, x), x @ (alpha**2 * data + noise), rtol=1e-3, atol=1e-3)


def test_standard_prior_with_karras_schedule_is_edm():
    """Table 1 of Karras et al. with sigma_data = 1."""
    process, t = GaussianDiffusion(GaussianPrior.standard(1)), torch.tensor([0.5])
    sigma, c = process.schedule.sigma(t), process.preconditioning(t)
    assert float(c.skip) == pytest.approx(float(1 / (1 + sigma**2)))
    assert float(c.out) == pytest.approx(float(sigma / (1 + sigma**2).sqrt()))
    assert float(c.scale_in) == pytest.approx(float(1 / (1 + sigma**2).sqrt()))


def test_fitted_prior_recovers_moments():
    rng = np.random.default_rng(0)
    num = rng.multivariate_normal([1, -1], [[1, 0.8], [0.8, 1]], size=50_000)
    prior = GaussianPrior.fit(num)
    assert torch.allclose(prior.mean, torch.tensor([1.0, -1.0]), atol=0.02)
    assert torch.allclose(prior.covariance.matrix(), torch.tensor([[1, 0.8], [0.8, 1]]), atol=0.02)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (10, 0)])
def test_prior_of_too_little_data_is_standard(shape):
    prior = GaussianPrior.fit(np.zeros(shape))
    assert torch.equal(prior.covariance.matrix(), torch.eye(shape[1]))
