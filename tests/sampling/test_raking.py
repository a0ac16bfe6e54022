"""Raking: a network off in its margins, and in nothing else, draws the law; one that is right keeps drawing it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tabdiff_lora import TabularDiffusionSynthesizer, one_of
from tabdiff_lora.diffusion import CategoricalDiffusion
from tabdiff_lora.sampling import DPMSolverSampler
from tabdiff_lora.sampling.raking import Raking
from tabdiff_lora.state import Known, TableState
from tests.exact import ExactJointTable
from tests.tables import mixed_table

LAW = torch.tensor([[[8.0, 0, 1], [1, 2, 1]], [[1, 1, 2], [4, 1, 9]]])
LAW = LAW / LAW.sum()
TILT = torch.tensor([1.0, 1.4])[:, None, None] * torch.tensor([1.3, 0.8])[None, :, None] * torch.tensor([0.7, 1.0, 1.2])
N_ROWS = 4_096


def margins_of(joint):
    n_columns = joint.dim()
    sums = [joint.sum([other for other in range(n_columns) if other != column]) for column in range(n_columns)]
    return 1_000 * torch.cat(sums)


def table_of(joint, margins, kind=CategoricalDiffusion):
    exact = ExactJointTable(joint, kind)
    exact.process = replace(exact.process, margins=margins)
    return exact


def drawn_law(exact, **parameters):
    codes = DPMSolverSampler(32, **parameters).sample(exact, N_ROWS, torch.Generator().manual_seed(0)).cat
    counts = torch.zeros_like(LAW)
    return counts.index_put_(tuple(codes.T), torch.ones(N_ROWS), accumulate=True) / N_ROWS


def distance(law, other):
    return float((law - other).abs().sum() / 2)


@pytest.mark.parametrize("unmasking", ["stratified", "independent", 1])
def test_of_all_laws_with_the_margins_the_nearest_is_drawn(unmasking):
    """q = p a(x_1) b(x_2) c(x_3) / Z: p is its I-projection onto the margins of p."""
    tilted = LAW * TILT / (LAW * TILT).sum()
    free = drawn_law(table_of(tilted, margins_of(LAW)), unmasking=unmasking, rake=False)
    raked = drawn_law(table_of(tilted, margins_of(LAW)), unmasking=unmasking)
    assert distance(free, tilted) < 0.02 and distance(free, LAW) > 0.12
    assert distance(raked, LAW) < 0.03
    assert (margins_of(raked) - margins_of(LAW)).abs().max() < 6  # of 1,000


def test_a_right_network_draws_its_law():
    assert distance(drawn_law(table_of(LAW, margins_of(LAW))), LAW) < 0.015


def test_a_level_that_never_occurs_stays_away_and_weights_stay_finite():
    law = LAW.clone()
    law[:, :, 1] = 0
    raking = Raking(margins_of(law / law.sum()), table_of(LAW, None).layout)
    x_t = torch.tensor([[2, 2, 3]]).repeat(100, 1)  # all masked
    for _ in range(50):
        raking.update(x_t, torch.full((100, 7), 1 / 3), torch.ones_like(x_t, dtype=torch.bool))
    assert raking.log_weights.isfinite().all() and raking.log_weights[5] < -10


def test_replaced_categories_are_not_raked():
    """They are drawn anew at every step: what is revealed cannot be counted."""
    uniform = table_of(LAW, margins_of(LAW), CategoricalDiffusion.uniform)
    assert torch.equal(drawn_law(uniform), drawn_law(uniform, rake=False))


@pytest.fixture(scope="module")
def fitted():
    return TabularDiffusionSynthesizer(max_steps=2, random_state=0).fit(mixed_table())


def test_margins_are_those_of_the_rows_learned_from(fitted):
    table = mixed_table()
    frame, share = fitted.sample(2_000, random_state=0), table["city"].value_counts(normalize=True, dropna=False)
    assert (frame["city"].value_counts(normalize=True, dropna=False) - share).abs().max() < 0.01
    process = fitted.denoiser_.process
    np.testing.assert_array_equal(process.margins, fitted.encoder_.encode(table).counts())
    part = table.head(60)
    again = TabularDiffusionSynthesizer(max_steps=2, random_state=0).fit(table).partial_fit(part)
    counts = fitted.encoder_.encode(table).counts() + fitted.encoder_.encode(part).counts()
    np.testing.assert_array_equal(again.denoiser_.process.margins, counts)


def test_rows_of_which_something_is_known_have_other_margins(fitted):
    process, denoiser = fitted.denoiser_.process, fitted.denoiser_
    n_dims, n_columns = process.layout.n_numerical, process.layout.n_categorical
    row = TableState(torch.zeros(1, n_dims), torch.zeros(1, n_columns, dtype=torch.long))
    known = Known(torch.zeros(1, n_dims, dtype=torch.bool), torch.ones(1, n_columns, dtype=torch.bool))
    assert process.given(row, known).margins is None
    assert denoiser.without(torch.zeros(process.layout.n_logits, dtype=torch.bool)).process.margins is None
    assert process.margins is not None
    city = mixed_table()["city"].dropna().iloc[0]
    assert (fitted.sample(50, conditions={"city": one_of([city])})["city"] == city).all()
