import pytest
import torch

from tabdiff_lora.diffusion import CosineSchedule, KarrasSchedule, KeepSchedule

SCHEDULES = [KarrasSchedule(), KarrasSchedule(0.002, 80.0), CosineSchedule()]
T = torch.linspace(0, 1, 101)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_signal_falls_and_noise_rises(schedule):
    assert (schedule.alpha(T).diff() <= 0).all()
    assert (schedule.sigma(T).diff() > 0).all()
    assert schedule.alpha(T)[0] == pytest.approx(1.0)
    assert (schedule.log_ratio(T).diff() < 0).all()


def test_karras_schedule_meets_its_ends():
    schedule = KarrasSchedule(sigma_min=0.01, sigma_max=20.0)
    assert schedule.sigma(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0.01, 20.0], rel=1e-5)


def test_cosine_schedule_preserves_variance():
    schedule = CosineSchedule()
    assert torch.allclose(schedule.alpha(T) ** 2 + schedule.sigma(T) ** 2, torch.ones_like(T), atol=5e-5)


def test_keep_schedule_is_inverted_by_time_of():
    schedule = KeepSchedule(start=0.2, stop=0.9)
    keep = torch.linspace(0, 1, 11)
    assert torch.allclose(schedule.keep(schedule.time_of(keep)), keep, atol=1e-6)
    assert schedule.keep(torch.tensor([0.0, 0.1, 0.95, 1.0])).tolist() == [1.0, 1.0, 0.0, 0.0]
