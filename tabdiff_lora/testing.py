"""The laws, shipped: run them on an encoder, a prior, a sampler or a backbone of your own.

Each function returns nothing if the law holds, and raises an AssertionError that names the law if it does not. The
library's own classes are tested by the same functions.

The exact denoisers below say what a perfectly trained network would answer, for laws whose posterior is known in closed
form: callables with a ``process`` that map (x_t, t) to a Prediction, for samplers in the place of a ``Denoiser``.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from torch import Tensor

from tabdiff_lora.backbones import Backbone
from tabdiff_lora.diffusion import CategoricalDiffusion, Covariance, GaussianDiffusion, GaussianPrior, TableDiffusion
from tabdiff_lora.diffusion.priors import Prior
from tabdiff_lora.errors import EncodingError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.sampling import Sampler
from tabdiff_lora.state import Observation, Prediction, TableState
from tabdiff_lora.table.encoded import EncodedTable
from tabdiff_lora.table.encoders import ColumnEncoder

__all__ = ["ExactGaussianMixture", "ExactJointTable", "check_backbone", "check_encoder", "check_prior", "check_sampler"]


def _require(holds: object, law: str) -> None:
    if not bool(holds):
        raise AssertionError(law)


def check_encoder(encoder: ColumnEncoder, column: pd.Series, *, rtol: float = 1e-9) -> None:
    """A column encoder gives back what it was given, changes nothing, invents no gap and refuses what is no column.

    Parameters
    ----------
    encoder : ColumnEncoder
        Unfitted; a clone is used.
    column : Series
        Values it is made for. With gaps among them, gaps are tested too.
    rtol : float, default=1e-9
        Resolution of floating-point values.

    Raises
    ------
    AssertionError
        Names the law that does not hold.
    """
    before = column.copy(deep=True)
    fitted = clone(encoder).fit(column)
    block = fitted.encode(column)
    shapes = [part.shape for part in (block.low, block.high, block.cat)]
    widths = len(fitted.numerical_), len(fitted.numerical_), len(fitted.categorical_)
    _require(
        shapes == [(len(column), width) for width in widths], f"the block must have the named widths, got {shapes}"
    )
    _require(len(fitted.get_feature_names_out()) == sum(widths[1:]), "each dimension must have a name")
    _require((block.low <= block.high).all(), "low must not exceed high")
    for codes, levels in zip(block.cat.T, fitted.categories_, strict=True):
        _require(codes.min() >= 0 and codes.max() < len(levels), "codes must be positions in categories_")
    back = fitted.inverse_transform(fitted.transform(column))
    pd.testing.assert_series_equal(back.reset_index(drop=True), column.reset_index(drop=True), rtol=rtol)
    pd.testing.assert_series_equal(column, before)
    _require(clone(fitted).get_params().keys() == encoder.get_params().keys(), "clones must keep the parameters")
    _check_no_gap_is_invented(clone(encoder), column.dropna())
    try:
        clone(encoder).fit(pd.concat([column, column], axis=1))
    except EncodingError:
        return
    raise AssertionError("two columns must be refused with an EncodingError")


def _check_no_gap_is_invented(encoder: ColumnEncoder, present: pd.Series) -> None:
    fitted, rng, n = encoder.fit(present), np.random.default_rng(0), 200
    num = rng.standard_normal((n, len(fitted.numerical_)))
    cat = np.column_stack([rng.integers(0, len(levels), n) for levels in fitted.categories_] or [np.empty((n, 0), int)])
    drawn = fitted.decode(num, cat, rng)
    _require(drawn.notna().all(), "a column without gaps must decode to none")
    _require(drawn.dtype == present.dtype and drawn.name == present.name, "name and dtype must survive")


def check_prior(prior: Prior, *, n_rows: int = 20_000, seed: int = 0) -> None:
    r"""A prior without a label is one law: in what it draws, what it believes of noisy rows, and given known entries.

    With :math:`x_t = \mu + \alpha(x_0 - \mu) + \sigma n`, draws must have mean :math:`\mu` and covariance
    :math:`\alpha^2\Sigma + \sigma^2 I`; rows drawn from the posterior of such x_t must be rows of the prior, related to
    x_t as Bayes' rule says (:math:`\mathrm{Cov}(x_0, x_t) = \alpha\Sigma`); known entries must stay.

    Parameters
    ----------
    prior : Prior
    n_rows : int, default=20_000
        Tolerances are five standard errors of so many draws.
    seed : int, default=0

    Raises
    ------
    AssertionError
        Names the law that does not hold.
    """
    generator = torch.Generator().manual_seed(seed)
    sigma_0, mean, dim = prior.covariance.matrix(), prior.mean, prior.dim
    tolerance = 5 * float(sigma_0.diagonal().max() + 1.0) / n_rows**0.5 + 1e-4
    alpha, sigma = torch.tensor([0.8]), torch.tensor([0.6])
    noise = torch.ones_like(prior.covariance.eigenvalues)
    x_t = prior.terminal(n_rows, alpha, sigma, noise, generator)
    _require(x_t.shape == (n_rows, dim), "terminal must return (n_rows, D)")
    _require((x_t.mean(0) - mean).abs().max() < tolerance, "draws must have the mean of the prior")
    expected = 0.64 * sigma_0 + 0.36 * torch.eye(dim)
    _require(
        (_cov(x_t, x_t) - expected).abs().max() < tolerance, "draws must have covariance alpha^2 Sigma + sigma^2 N"
    )
    belief = prior.posterior(x_t, alpha[:, None], sigma[:, None], noise)
    x_0 = belief.mean + belief.root.colour(torch.randn(n_rows, dim, generator=generator))
    _require((x_0.mean(0) - mean).abs().max() < tolerance, "the posterior must average to the mean")
    _require((_cov(x_0, x_0) - sigma_0).abs().max() < tolerance, "the posterior must average to the prior's covariance")
    _require((_cov(x_0, x_t) - 0.8 * sigma_0).abs().max() < tolerance, "the posterior must follow x_t by Bayes' rule")
    known = torch.zeros(1, dim, dtype=torch.bool)
    known[0, 0] = True
    given = prior.given(x_0[:8], known)
    x_1 = given.terminal(8, alpha, sigma, (given.covariance.eigenvalues > 0).float(), generator)
    _require(torch.allclose(given.mean[:, 0], x_0[:8, 0], atol=1e-4), "a known entry must be its own mean")
    _require(torch.allclose(x_1[:, 0], x_0[:8, 0], atol=1e-3), "a known entry must not be moved")


def _cov(x: Tensor, y: Tensor) -> Tensor:
    return (x - x.mean(0)).T @ (y - y.mean(0)) / len(x)


def check_sampler(sampler: Sampler, *, n_rows: int = 4_000, seed: int = 0) -> None:
    """With an exact denoiser a sampler recovers a mixture of two Gaussians and an enumerated table of categories.

    Parameters
    ----------
    sampler : Sampler
        With as many steps as it needs.
    n_rows : int, default=4_000
    seed : int, default=0

    Raises
    ------
    AssertionError
        Names the law that does not hold.
    """
    weights, means = torch.tensor([0.3, 0.7]), torch.tensor([[-1.5, -0.5], [0.7, 0.4]])
    covariances = torch.tensor([[[0.2, 0.1], [0.1, 0.3]], [[0.4, -0.2], [-0.2, 0.2]]])
    mean = weights @ means
    second = (weights[:, None, None] * (covariances + means[:, :, None] * means[:, None, :])).sum(0)
    covariance = second - mean[:, None] * mean
    numerical = GaussianDiffusion(GaussianPrior(mean, Covariance.from_matrix(covariance)))
    exact = ExactGaussianMixture(numerical, weights, means, covariances)
    x = sampler.sample(exact, n_rows, torch.Generator().manual_seed(seed)).num
    _require(torch.allclose(x.mean(0), mean, atol=0.08), "the mean must be that of the law")
    _require(torch.allclose(torch.cov(x.T), covariance, atol=0.1), "the covariance must be that of the law")
    share = float((x[:, 0] < -0.4).float().mean())
    _require(abs(share - 0.3) < 0.06, f"the two Gaussians must have their weights, got {share:.3f} for .3")
    joint = torch.tensor([[8.0, 0, 1], [1, 2, 4]]) / 16
    codes = sampler.sample(ExactJointTable(joint), n_rows, torch.Generator().manual_seed(seed)).cat
    observed = torch.zeros_like(joint).index_put_(tuple(codes.T), torch.ones(n_rows), accumulate=True) / n_rows
    distance = float((observed - joint).abs().sum() / 2)
    _require(distance < 0.06, f"categories must have their joint law, got a total variation of {distance:.3f}")


def check_backbone(backbone: Backbone, *, seed: int = 0) -> None:
    """A backbone starts as the prior, answers row by row, and can be built again around its saved weights.

    Parameters
    ----------
    backbone : Backbone
    seed : int, default=0

    Raises
    ------
    AssertionError
        Names the law that does not hold.
    """
    rng, layout, n = np.random.default_rng(seed), layout_of(2, 2, 4), 24
    num, cat = rng.normal(size=(n, 2)), np.column_stack([rng.integers(k, size=n) for k in layout.cardinalities])
    table = EncodedTable(layout, num, num, cat)
    x, t = Observation.clean(torch.tensor(num).float(), torch.tensor(cat)), torch.rand(n)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = clone(backbone).build(table).eval()
        prediction = network(x, t)
        _require(
            prediction.num.shape == (n, 2) and prediction.cat_logits.shape == (n, 6), "outputs must fit the layout"
        )
        _require((prediction.num == 0).all(), "the untrained network must answer zero: the prior is right until told")
        expected = torch.tensor(np.log(np.concatenate(table.frequencies()))).float()
        logits = torch.cat([part.log_softmax(-1) for part in prediction.cat_logits.split([2, 4], dim=1)], dim=1)
        _require(torch.allclose(logits, expected.expand(n, -1), atol=1e-4), "untrained logits must be log frequencies")
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.2)
        whole, first = network(x, t), network(Observation(*(part[:5] for part in x)), t[:5])
        for one, other in zip(first, whole):
            _require(torch.allclose(one, other[:5], atol=1e-4), "a row must not depend on the other rows of its batch")
        shared, each = network(x, torch.tensor([0.4])), network(x, torch.full((n,), 0.4))
        for one, other in zip(shared, each):
            _require(torch.allclose(one, other, atol=1e-4), "one time for all rows must be that time for each row")
        known = torch.zeros(n, 2, dtype=torch.bool)
        known[:, 0] = True
        changed = not torch.allclose(network(x, t, known).cat_logits, whole.cat_logits, atol=1e-6)
        _require(changed, "what is known must be seen")
        notes = network.notes()
        again = clone(backbone).rebuild(layout, notes, clone(backbone).load_base(notes)).eval()
        again.restore(network.saved_tensors())
        for one, other in zip(again(x, t), whole):
            _require(torch.equal(one, other), "a network that is built again must do the same with the saved weights")


def layout_of(n_numerical: int, *cardinalities: int) -> TableLayout:
    """A layout with made-up names."""
    return TableLayout(
        tuple(f"num{i}" for i in range(n_numerical)),
        tuple(f"cat{i}" for i in range(len(cardinalities))),
        tuple(tuple(str(k) for k in range(n)) for n in cardinalities),
    )


class ExactGaussianMixture:
    """x_0 ~ sum_k w_k N(m_k, S_k), under any Gaussian process; no categories."""

    def __init__(self, numerical: GaussianDiffusion, weights: Tensor, means: Tensor, covariances: Tensor):
        self.process = TableDiffusion(numerical, CategoricalDiffusion(layout_of(means.shape[1])))
        self.weights, self.means, self.covariances = weights, means, covariances

    def __call__(self, x_t: TableState, t: Tensor, known=None) -> Prediction:
        numerical = self.process.numerical
        alpha, sigma, mu = numerical.schedule.alpha(t), numerical.schedule.sigma(t), numerical.prior.mean
        noise = numerical.noise_eigenvalues()
        basis = numerical.prior.covariance.eigenvectors
        noise_covariance = sigma**2 * (basis * noise) @ basis.T
        log_weights, estimates = [], []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances):
            centre = mu + alpha * (mean - mu)
            total = alpha**2 * covariance + noise_covariance
            precision, offset = torch.linalg.inv(total), x_t.num - centre
            distance = ((offset @ precision) * offset).sum(-1)
            log_weights.append(weight.log() - 0.5 * (distance + torch.logdet(total)))
            estimates.append(mean + offset @ (alpha * covariance @ precision).T)
        responsibility = torch.stack(log_weights, -1).softmax(-1)  # (B, k)
        num = (responsibility[..., None] * torch.stack(estimates, 1)).sum(1)
        return Prediction(num, x_t.num.new_zeros(len(num), 0))


class ExactJointTable:
    """x_0 ~ an enumerated joint law of categorical columns; p(x_0c | visible columns) by summing the table."""

    def __init__(self, joint: Tensor, categorical=CategoricalDiffusion):
        layout = layout_of(0, *joint.shape)
        self.joint, self.layout = joint, layout
        self.process = TableDiffusion(GaussianDiffusion(GaussianPrior.standard(0)), categorical(layout))
        self.rows = torch.tensor(list(itertools.product(*map(range, joint.shape))))  # (N, C)

    def __call__(self, x_t: TableState, t: Tensor, known=None) -> Prediction:
        masked = self.process.categorical.lost(x_t.cat)  # (B, C)
        agrees = ((x_t.cat[:, None] == self.rows) | masked[:, None]).all(-1)  # (B, N)
        posterior = agrees * self.joint.flatten()
        columns = []
        for c, cardinality in enumerate(self.layout.cardinalities):
            one_hot = torch.nn.functional.one_hot(self.rows[:, c], cardinality).float()  # (N, K)
            columns.append(posterior @ one_hot)
        probabilities = torch.cat([p / p.sum(-1, keepdim=True).clamp_min(1e-12) for p in columns], -1)
        return Prediction(x_t.num, probabilities.clamp_min(1e-12).log())

    def hiding(self):
        """Of rows of which nothing is known."""
        return self
