"""One step: recorded or not, it is the same step."""

from __future__ import annotations

import copy

import pytest
import torch

from tabdiff_lora import TabularDiffusionSynthesizer, tabddpm
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.training import TrainingPlan, TrainingRows
from tabdiff_lora.training.step import N_EAGER, OptimiserStep
from tests.tables import mixed_table

N_STEPS, BATCH = N_EAGER + 20, 64


def _losses(denoiser, rows, *, is_recorded: bool) -> list[float]:
    generator = torch.Generator("cuda").manual_seed(0)
    known_rows = 0.0 if denoiser.objective == "elbo" else 0.25
    plan = TrainingPlan(max_steps=None, time_limit=None, batch_size=BATCH, known_rows=known_rows)
    step = OptimiserStep(denoiser, list(denoiser.parameters()), plan, generator)
    assert step.is_recorded
    step.is_recorded = is_recorded
    losses = []
    for number in range(N_STEPS):
        step.learning_rate = 1e-3 / (number + 1)
        index = torch.arange(BATCH, device="cuda") + number
        losses.append(float(step(rows, index).mean))
    return losses


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a CUDA device")
@pytest.mark.parametrize("is_tabddpm", [True, False])
def test_a_recorded_step_is_the_step(is_tabddpm):
    frame = mixed_table(200)
    y = frame.pop(frame.columns[-1])
    common = {"batch_size": BATCH, "random_state": 0, "device": "cuda", "precision": "float32"}
    if is_tabddpm:
        synth = tabddpm((32, 32), n_times=20, n_steps=0, **common)
    else:
        synth = TabularDiffusionSynthesizer(MLPBackbone(d_block=32, dropout=0.0), max_steps=0, **common)
    table = synth.fit(frame, y).encoder_.encode(frame.assign(**{y.name: y}))
    rows = TrainingRows.from_encoded(table, synth.device_)
    eager, recorded = (
        _losses(copy.deepcopy(synth.denoiser_), rows, is_recorded=is_recorded) for is_recorded in (False, True)
    )
    # Rounding differs between the two, and the first steps of a network with a residual path multiply it.
    assert recorded == pytest.approx(eager, rel=1e-3 if is_tabddpm else 2e-2)


def test_a_step_is_eager_where_it_is_not_the_same_work_every_time():
    synth = tabddpm((8,), n_times=5, n_steps=0, batch_size=BATCH, device="cpu")
    frame = mixed_table(100)
    synth.fit(frame.iloc[:, :-1], frame.iloc[:, -1])
    parameters = list(synth.denoiser_.parameters())
    plan = TrainingPlan(max_steps=None, time_limit=None, known_rows=0.0)
    step = OptimiserStep(synth.denoiser_, parameters, plan, torch.Generator().manual_seed(0))
    assert not step.is_recorded
    step.learning_rate = 3e-4
    assert step.learning_rate == pytest.approx(3e-4)
