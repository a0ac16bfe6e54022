"""Mixtures of Gaussians as the prior: Bayes' rule on a grid, exact moments, and what an untrained network samples."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import (
    CategoricalDiffusion,
    CosineSchedule,
    Covariance,
    GaussianDiffusion,
    GaussianPerClass,
    GaussianPrior,
    KarrasSchedule,
    Label,
    MixtureOfGaussians,
    MixturePrior,
    SingleGaussian,
    StandardNormal,
    TableDiffusion,
)
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler, HeunSampler
from tabdiff_lora.state import Known, TableState
from tabdiff_lora.table.encoded import EncodedTable
from tests.exact import ExactGaussianMixture, layout_of

WEIGHTS = np.array([0.3, 0.7])
MEANS = np.array([[-1.5, -0.5], [0.7, 0.4]])
COVARIANCES = np.array([[[0.2, 0.1], [0.1, 0.3]], [[0.4, -0.2], [-0.2, 0.2]]])
SCHEDULES = {"Karras": KarrasSchedule(), "cosine": CosineSchedule()}
schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def prior(label=None) -> MixturePrior:
    return MixturePrior.of(WEIGHTS, MEANS, COVARIANCES, label)


def rows(n, seed=0):
    """Draws of the mixture with their components."""
    rng = np.random.default_rng(seed)
    k = rng.choice(2, n, p=WEIGHTS)
    x = np.where((k == 0)[:, None], *(rng.multivariate_normal(m, c, n) for m, c in zip(MEANS, COVARIANCES)))
    return torch.tensor(x).float(), torch.tensor(k)


def process(schedule=KarrasSchedule(), label=0, categorical=None) -> TableDiffusion:
    layout = layout_of(2, 2, 3)
    return TableDiffusion(GaussianDiffusion(prior(label), schedule), categorical or CategoricalDiffusion(layout))


def test_mixture_has_the_moments_of_its_draws():
    x, _ = rows(200_000)
    assert torch.allclose(prior().mean, x.mean(0), atol=0.01)
    assert torch.allclose(prior().covariance.matrix(), torch.cov(x.T), atol=0.01)


@schedule
@pytest.mark.parametrize("seen", [None, 1])
def test_posterior_is_bayes_rule_on_a_grid(schedule, seen):
    law = MixturePrior.of(WEIGHTS, MEANS[:, :1], COVARIANCES[:, :1, :1], 0)
    table = TableDiffusion(GaussianDiffusion(law, schedule), CategoricalDiffusion(layout_of(1, 2)))
    t, x_t, grid = torch.tensor([0.55]), 0.2, np.linspace(-8, 8, 40_001)
    alpha, sigma, mu = float(schedule.alpha(t)), float(schedule.sigma(t)), float(law.mean)
    components = WEIGHTS[:, None] * norm.pdf(grid, MEANS[:, :1], np.sqrt(COVARIANCES[:, :1, 0]))
    likelihood = norm.pdf(x_t, mu + alpha * (grid - mu), sigma)
    joint = components * likelihood  # (K, grid)
    density = joint.sum(0) if seen is None else joint[seen]
    mean = np.average(grid, weights=density)
    std = np.sqrt(np.average((grid - mean) ** 2, weights=density))
    got = table.posterior(TableState(torch.tensor([[x_t]]), torch.tensor([[2 if seen is None else seen]])), t)
    assert float(got.mean) == pytest.approx(mean, abs=1e-4)
    assert float(got.root.deviations()) == pytest.approx(std, rel=1e-3)
    odds = np.log(joint.sum(1) / WEIGHTS)
    assert float(got.label_logits.diff()) == pytest.approx(odds[1] - odds[0], abs=1e-3)


@pytest.mark.parametrize("twin", ["uniform", "marginal", "label"])
def test_what_a_category_shows_is_weighed_by_its_process(twin):
    """A replaced code is a hint, a label a proof."""
    layout, pi = layout_of(2, 2, 3), {"uniform": [0.5, 0.5], "marginal": [0.3, 0.7]}.get(twin)
    categorical = {
        "uniform": CategoricalDiffusion.uniform(layout),
        "marginal": CategoricalDiffusion.marginal(layout, [torch.tensor([0.3, 0.7]), torch.ones(3) / 3]),
        "label": CategoricalDiffusion(layout, label=Label(0, torch.tensor([0.3, 0.7]))),
    }[twin]
    t, cat = torch.tensor([0.6]), torch.tensor([[1, 0]])
    evidence = categorical.log_evidence(cat, 0, t).exp()
    expected = [0.0, 1.0] if twin == "label" else [0.6 * pi[1], 0.4 + 0.6 * pi[1]]
    assert evidence[0].tolist() == pytest.approx(expected, abs=1e-6)


@schedule
def test_posterior_agrees_with_the_exact_denoiser_and_whitens_its_error(schedule):
    numerical = GaussianDiffusion(prior(), schedule)
    exact = ExactGaussianMixture(numerical, *(torch.tensor(a).float() for a in (WEIGHTS, MEANS, COVARIANCES)))
    x_0, _ = rows(100_000)
    t = torch.tensor([0.5])
    x_t = numerical.q_sample(x_0, t, generator())
    mean, root, _ = numerical.posterior(x_t, t)
    assert torch.allclose(mean[:500], exact(TableState(x_t[:500], None), t).num, atol=1e-4)
    white = root.whiten(x_0 - mean)
    assert torch.allclose(white.mean(0), torch.zeros(2), atol=0.02)
    assert torch.allclose(torch.cov(white.T), torch.eye(2), atol=0.03)
    assert torch.allclose(root.colour(white), x_0 - mean, atol=1e-4)


@schedule
def test_rows_start_from_the_law_of_the_mixture_at_time_one(schedule):
    numerical, n = GaussianDiffusion(prior(), schedule), 200_000
    x_1 = numerical.q_sample(rows(n)[0], torch.ones(n), generator())
    drawn = numerical.prior_sample(n, generator(1))
    scale = float(torch.cov(x_1.T).trace())
    assert torch.allclose(drawn.mean(0), x_1.mean(0), atol=0.02 * scale**0.5)
    assert torch.allclose(torch.cov(drawn.T), torch.cov(x_1.T), atol=0.01 * scale)
    third = [((x - x.mean(0)) ** 3).mean(0) for x in (x_1, drawn)]
    assert torch.allclose(*third, atol=0.05 * scale**1.5)


def test_given_entries_weigh_the_components_and_condition_each():
    x, known = torch.tensor([[-1.0, 9.0], [0.5, 9.0]]), torch.tensor([[True, False]])
    law = prior().given(x, known)
    for row in range(2):
        density = WEIGHTS * [norm.pdf(x[row, 0], m[0], c[0, 0] ** 0.5) for m, c in zip(MEANS, COVARIANCES)]
        assert law.log_weights[row].exp().tolist() == pytest.approx((density / density.sum()).tolist(), abs=1e-4)
        for k, component in enumerate(law.components):
            expected = MEANS[k, 1] + COVARIANCES[k, 1, 0] / COVARIANCES[k, 0, 0] * (float(x[row, 0]) - MEANS[k, 0])
            assert float(component.mean[row, 1]) == pytest.approx(expected, abs=1e-4)


def test_log_density_of_a_gaussian_is_that_of_scipy_up_to_a_constant():
    law, x = GaussianPrior.of(MEANS[0], COVARIANCES[0]), torch.randn(6, 2, generator=generator())
    for shown in ([True, True], [False, True]):
        got = law.log_density(x, torch.tensor([shown]))
        exact = multivariate_normal(MEANS[0][shown], COVARIANCES[0][np.ix_(shown, shown)]).logpdf(x[:, shown])
        assert torch.allclose((got - torch.tensor(exact)).float(), (got - torch.tensor(exact)).float()[0], atol=1e-4)


def untrained(label=0, categorical=None, schedule=KarrasSchedule()) -> Denoiser:
    """A table whose first category is the component and whose second is independent."""
    n = 2_000
    x, k = rows(n)
    other = np.arange(n) % 3
    table = EncodedTable(layout_of(2, 2, 3), x.numpy(), x.numpy(), np.stack([k.numpy(), other], axis=1))
    network = MLPBackbone(d_block=16, n_blocks=1).build(table)
    return Denoiser(process(schedule, label, categorical), network, torch.tensor(table.entropies())).eval()


def assert_follows(x, weight, mean, covariance, tolerance=0.06):
    assert len(x) == pytest.approx(weight, rel=0.1)
    assert torch.allclose(x.mean(0), torch.tensor(mean).float(), atol=tolerance)
    assert torch.allclose(torch.cov(x.T), torch.tensor(covariance).float(), atol=tolerance)


@pytest.mark.parametrize(
    "sampler", [DPMSolverSampler(40), HeunSampler(30), DDIMSampler(100), AncestralSampler(100)], ids=repr
)
def test_an_untrained_network_samples_the_mixture_with_its_classes(sampler):
    with torch.inference_mode():
        drawn = sampler.sample(untrained(), 5_000, generator())
    for k in range(2):
        assert_follows(drawn.num[drawn.cat[:, 0] == k], 5_000 * WEIGHTS[k], MEANS[k], COVARIANCES[k])


def test_an_untrained_network_draws_a_label_first_and_then_its_gaussian():
    categorical = CategoricalDiffusion(layout_of(2, 2, 3), label=Label(0, torch.tensor([0.3, 0.7])))
    with torch.inference_mode():
        drawn = DPMSolverSampler(30).sample(untrained(categorical=categorical), 5_000, generator())
    for k in range(2):
        assert_follows(drawn.num[drawn.cat[:, 0] == k], 5_000 * WEIGHTS[k], MEANS[k], COVARIANCES[k])


def test_given_a_class_its_gaussian_follows():
    n = 4_000
    x_0 = TableState(torch.zeros(n, 2), torch.tensor([0, 0]).expand(n, 2))
    denoiser = untrained().given(x_0, Known(torch.zeros(1, 2, dtype=torch.bool), torch.tensor([[True, False]])))
    with torch.inference_mode():
        drawn = DPMSolverSampler(30).sample(denoiser, n, generator())
    assert_follows(drawn.num, n, MEANS[0], COVARIANCES[0])


def test_given_a_number_class_and_rest_follow_bayes_rule():
    n, x = 5_000, -0.5
    x_0 = TableState(torch.tensor([x, 0.0]).expand(n, 2), torch.tensor([0, 0]).expand(n, 2))
    denoiser = untrained().given(x_0, Known(torch.tensor([[True, False]]), torch.zeros(1, 2, dtype=torch.bool)))
    with torch.inference_mode():
        drawn = DPMSolverSampler(40).sample(denoiser, n, generator())
    density = WEIGHTS * [norm.pdf(x, m[0], c[0, 0] ** 0.5) for m, c in zip(MEANS, COVARIANCES)]
    assert torch.allclose(drawn.num[:, 0], torch.tensor(x), atol=1e-4)
    assert float((drawn.cat[:, 0] == 0).float().mean()) == pytest.approx(density[0] / density.sum(), abs=0.03)
    for k in range(2):
        gain = COVARIANCES[k, 1, 0] / COVARIANCES[k, 0, 0]
        rest = drawn.num[drawn.cat[:, 0] == k, 1]
        assert float(rest.mean()) == pytest.approx(MEANS[k, 1] + gain * (x - MEANS[k, 0]), abs=0.06)
        assert float(rest.var()) == pytest.approx(COVARIANCES[k, 1, 1] - gain * COVARIANCES[k, 0, 1], abs=0.04)


def test_the_loss_of_the_untrained_network_is_one_per_number():
    x, k = rows(20_000)
    x_0 = TableState(x, torch.stack([k, torch.zeros_like(k)], dim=1))
    for label in (None, 0):
        with torch.no_grad():
            loss = untrained(label).loss(x_0, torch.full((len(x),), 0.4), generator())
        assert float(loss.numerical) == pytest.approx(1.0, abs=0.03)


def test_noise_of_the_prior_needs_a_single_gaussian():
    with pytest.raises(ValueError, match=r"noise of GaussianDiffusion must be 'identity' with a MixturePrior\. Got"):
        GaussianDiffusion(prior(), noise="prior")


def encoded(n=6_000) -> EncodedTable:
    x, k = rows(n)
    return EncodedTable(layout_of(2, 2), x.double().numpy(), x.double().numpy(), k.numpy()[:, None])


def test_a_gaussian_per_class_is_fitted_to_each_class():
    law = GaussianPerClass().fit(encoded(), np.random.default_rng(0), 0)
    assert law.label == 0
    assert law.log_weights.exp().tolist() == pytest.approx(WEIGHTS.tolist(), abs=0.02)
    for k, component in enumerate(law.components):
        assert torch.allclose(component.mean, torch.tensor(MEANS[k]).float(), atol=0.05)
        assert torch.allclose(component.covariance.matrix(), torch.tensor(COVARIANCES[k]).float(), atol=0.03)


def test_a_class_of_one_row_leans_on_all_of_them():
    table = encoded(1_001)
    table.cat[:] = 0
    table.cat[0] = 1
    law = GaussianPerClass().fit(table, np.random.default_rng(0), 0)
    ratio = torch.linalg.det(law.components[1].covariance.matrix()) / torch.linalg.det(
        law.components[0].covariance.matrix()
    )
    assert 0.3 < float(ratio) <= 1.0


@pytest.mark.parametrize(("name", "value"), [("n_components", 0), ("n_components", "x"), ("max_rows", 0)])
def test_parameters_of_a_mixture_that_cannot_be_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of MixtureOfGaussians must be .* Got {value!r} instead"):
        MixtureOfGaussians(**{name: value}).fit(EncodedTable.empty(layout_of(2)), np.random.default_rng(0))


@pytest.mark.parametrize("n_components", ["auto", 2])
def test_a_mixture_finds_the_clusters(n_components):
    rng = np.random.default_rng(0)
    num = np.concatenate([rng.normal(-3, 0.5, (1_500, 2)), rng.normal(2, 1.0, (3_500, 2))])
    table = EncodedTable(layout_of(2), num, num, np.empty((5_000, 0), int))
    law = MixtureOfGaussians(n_components).fit(table, rng, None)
    assert len(law.components) == 2
    largest = sorted(zip(law.log_weights.exp().tolist(), (c.mean.tolist() for c in law.components)))[-2:]
    assert [weight for weight, _ in largest] == pytest.approx([0.3, 0.7], abs=0.06)
    assert largest[0][1] == pytest.approx([-3, -3], abs=0.15) and largest[1][1] == pytest.approx([2, 2], abs=0.2)


@pytest.mark.parametrize("family", [StandardNormal(), SingleGaussian(), GaussianPerClass(), MixtureOfGaussians()])
@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (10, 0)])
def test_priors_of_too_little_data_are_standard(family, shape):
    table = EncodedTable(layout_of(shape[1], 2), *np.zeros((2, *shape)), np.zeros((shape[0], 1), int))
    law = family.fit(table, np.random.default_rng(0), 0)
    assert torch.equal(law.covariance.matrix(), Covariance.identity(shape[1]).matrix())
