"""TabDDPM out of our parts: each formula against the one in its paper, written out by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from tabdiff_lora import tabddpm
from tabdiff_lora.backbones import TabDDPMBackbone
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import CategoricalDiffusion, DiscreteCosineSchedule, GaussianPrior, SharedSchedule
from tabdiff_lora.diffusion.categorical import category_probabilities, one_hots
from tabdiff_lora.state import Observation, TableState
from tabdiff_lora.table.encoded import EncodedTable
from tabdiff_lora.training import History
from tests.exact import layout_of

T = 10
SCHEDULE = DiscreteCosineSchedule(T)
LAYOUT = layout_of(2, 2, 3)


def cosine_betas():
    """Nichol & Dhariwal, eq. 17, as TabDDPM has it."""
    bar = [np.cos((i / T + 0.008) / 1.008 * np.pi / 2) ** 2 for i in range(T + 1)]
    return np.array([min(1 - bar[i + 1] / bar[i], 0.999) for i in range(T)])


BETA = cosine_betas()
ALPHA_BAR = np.cumprod(1 - BETA)  # of steps 1 .. T


def test_schedule_is_the_cosine_of_T_steps():
    t = torch.arange(1, T + 1) / T
    assert SCHEDULE.alpha_bar(t).tolist() == pytest.approx(ALPHA_BAR.tolist(), rel=1e-9)
    assert SCHEDULE.alpha_bar(torch.zeros(1)).item() == 1.0


@pytest.mark.parametrize("step", [2, 5, T])
def test_posterior_of_ddpm(step):
    """Ho et al., eq. 7, and the two variances of section 3.2."""
    process = tabddpm_process()
    bar, before, beta = ALPHA_BAR[step - 1], ALPHA_BAR[step - 2], BETA[step - 1]
    t, s = torch.tensor([step / T]), torch.tensor([(step - 1) / T])
    x_0, x_t = torch.tensor([[0.7, -1.0]]), torch.tensor([[0.2, 1.5]])
    mean, std = process.numerical.q_posterior(x_t, x_0, t, s)
    expected = np.sqrt(before) * beta / (1 - bar) * x_0 + np.sqrt(1 - beta) * (1 - before) / (1 - bar) * x_t
    assert torch.allclose(mean, expected.float(), atol=1e-4)
    assert float(std) ** 2 == pytest.approx(beta * (1 - before) / (1 - bar), rel=1e-3)
    assert float(process.numerical.forward_std(t, s)) ** 2 == pytest.approx(beta, rel=1e-3)


@pytest.mark.parametrize("step", [1, 4, T])
def test_posterior_of_multinomial_diffusion(step):
    """Hoogeboom et al., eq. 12-14: theta_post with the predicted x_0 plugged in, column by column."""
    process = tabddpm_process().categorical
    before = 1.0 if step == 1 else ALPHA_BAR[step - 2]
    p = category_probabilities(torch.randn(1, 5, generator=torch.Generator().manual_seed(0)), LAYOUT)
    x_t = torch.tensor([[1, 2]])
    got = process.q_posterior(x_t, p, torch.tensor([step / T]), torch.tensor([(step - 1) / T]))[0].split([2, 3])
    for column, (theta, x0_hat) in enumerate(zip(got, p[0].split([2, 3]))):
        k = len(x0_hat)
        here = torch.nn.functional.one_hot(x_t[0, column], k)
        product = ((1 - BETA[step - 1]) * here + BETA[step - 1] / k) * (before * x0_hat + (1 - before) / k)
        assert torch.allclose(theta, (product / product.sum()).float(), atol=1e-5)


def tabddpm_process():
    table = rows()
    return tabddpm(n_times=T).process.build(GaussianPrior.standard(2), table)


def rows(n=300):
    rng = np.random.default_rng(0)
    num = rng.normal(size=(n, 2))
    return EncodedTable(LAYOUT, num, num, np.stack([rng.integers(2, size=n), rng.integers(3, size=n)], axis=1))


def test_loss_is_that_of_the_paper():
    """Mean squared error of the noise, plus T times the KL of the posteriors (at step 1 the likelihood) per column."""
    table = rows()
    denoiser = Denoiser(
        tabddpm_process(),
        TabDDPMBackbone((16,), n_times=T).build(table),
        torch.ones(2),
        prediction="eps",
        objective="elbo",
    )
    x_0 = TableState(torch.tensor(table.low).float(), torch.tensor(table.cat))
    step = torch.arange(300) % T + 1
    with torch.no_grad():
        loss = denoiser.loss(x_0, (step - 0.5) / T, torch.Generator().manual_seed(3))
        t = step / T
        x_t = denoiser.process.q_sample(x_0, t, torch.Generator().manual_seed(3))
        bar = torch.tensor(ALPHA_BAR).float()[step - 1][:, None]
        eps = (x_t.num - bar.sqrt() * x_0.num) / (1 - bar).sqrt()
        raw = denoiser.backbone(Observation.clean(x_t.num, x_t.cat), t)
        expected = (raw.num - eps).square().mean(1)
        beta = torch.tensor(BETA).float()[step - 1][:, None]
        before = torch.cat([torch.ones(1), torch.tensor(ALPHA_BAR).float()])[step - 1][:, None]
        probabilities = category_probabilities(raw.cat_logits, LAYOUT)
        clean = one_hots(x_0.cat, LAYOUT)
        for column, (x0_hat, x0) in enumerate(zip(probabilities.split([2, 3], 1), clean.split([2, 3], 1))):
            k = x0.shape[1]
            seen = (1 - beta) * torch.nn.functional.one_hot(x_t.cat[:, column], k) + beta / k
            truth, model = (seen * (before * p + (1 - before) / k) for p in (x0, x0_hat))
            truth, model = truth / truth.sum(1, keepdim=True), model / model.sum(1, keepdim=True)
            expected += T * (torch.xlogy(truth, truth) - torch.xlogy(truth, model)).sum(1) / 2
    assert torch.allclose(loss.rows, expected, rtol=1e-3, atol=1e-4)


def test_the_network_is_eq_5_and_6():
    network = TabDDPMBackbone((8, 6), n_times=T).build(rows())
    x, step = Observation.clean(torch.randn(4, 2), torch.tensor([[0, 1], [1, 2], [0, 0], [1, 1]])), 7
    frequencies = 10_000 ** (-torch.arange(64) / 64)
    sincos = torch.cat([(frequencies * (step - 1)).cos(), (frequencies * (step - 1)).sin()])
    _, first, silu, second = network.time
    one_hot = torch.cat([torch.nn.functional.one_hot(c, k + 1) for c, k in zip(x.cat.T, (2, 3))], dim=1).float()
    h = x.num @ network.row.value.T + one_hot @ network.row.one_hot.T
    h = h + second(silu(first(sincos)))
    for block in network.mlp:
        h = torch.relu(block[0](h))
    got = network(x, torch.tensor([step / T]))
    assert torch.allclose(torch.cat(got, dim=1), network.head(h), atol=1e-5)


def test_categories_are_kept_with_alpha_bar():
    categorical = tabddpm_process().categorical
    assert isinstance(categorical, CategoricalDiffusion) and isinstance(categorical.schedule, SharedSchedule)
    assert categorical.schedule.keep(torch.tensor([0.3])).item() == pytest.approx(ALPHA_BAR[2], rel=1e-5)


def two_classes(n=1_000):
    rng = np.random.default_rng(0)
    label = rng.random(n) < 0.3
    x = np.where(label, rng.normal(-2, 0.5, n), rng.normal(1, 0.5, n))
    return pd.DataFrame({"x": x, "sign": np.where(x > 0, "plus", "minus")}), pd.Series(label, name="label")


def test_it_learns():
    X, y = two_classes()
    synthesizer = tabddpm((64, 64), n_times=20, n_steps=250, batch_size=256, learning_rate=5e-3, random_state=0)
    drawn = synthesizer.fit(X, y).sample(1_000)
    assert synthesizer.n_iter_ == 250
    assert drawn["label"].mean() == pytest.approx(y.mean(), abs=0.06)
    for of_class, part in drawn.groupby("label"):
        assert part["x"].mean() == pytest.approx(X["x"][y == of_class].mean(), abs=0.3)
    assert ((drawn["x"] > 0) == (drawn["sign"] == "plus")).mean() > 0.9


def test_a_target_of_numbers_is_diffused_with_the_rest():
    X, _ = two_classes(200)
    synthesizer = tabddpm((16,), n_times=5, n_steps=2, batch_size=64, random_state=0).fit(X[["sign"]], X["x"])
    assert synthesizer.denoiser_.process.categorical.label is None
    assert synthesizer.sample(10).shape == (10, 2)


@pytest.mark.parametrize("target", [["low", "high"] * 30, np.linspace(0, 1, 60)], ids=["levels", "numbers"])
def test_no_row_shows_a_column_while_it_is_trained(target, monkeypatch):
    """The variational bound is one of whole rows."""
    plans = []
    monkeypatch.setattr("tabdiff_lora.synthesizer.Trainer", lambda denoiser, plan, *_: plans.append(plan) or Quiet())
    tabddpm((8,), n_times=T, n_steps=1).fit(pd.DataFrame({"x": range(60)}), pd.Series(target, name="y"))
    (plan,) = plans
    assert (plan.known_rows, plan.uniform_times) == (0.0, 1.0)


class Quiet:
    """A trainer that trains nothing."""

    def fit(self, train, held_out):
        return History()
