"""Exact denoisers: what a perfectly trained network would answer, for laws whose posterior is known in closed form.

They stand in for ``Denoiser`` in the sampler tests: a callable with a ``process`` that maps (x_t, t) to a Prediction.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from tabdiff_lora.diffusion import CategoricalDiffusion, GaussianDiffusion, GaussianPrior, TableDiffusion
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Prediction, TableState


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
