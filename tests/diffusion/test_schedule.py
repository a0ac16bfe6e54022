import pytest
import torch

from tabdiff_lora.diffusion import CosineSchedule, DiscreteCosineSchedule, KarrasSchedule, KeepSchedule, SharedSchedule

SCHEDULES = [KarrasSchedule(), KarrasSchedule(0.002, 80.0), CosineSchedule(), DiscreteCosineSchedule(100)]
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


@pytest.mark.parametrize("schedule", SCHEDULES[:3], ids=repr)
def test_log_ratio_is_inverted_by_time_of(schedule):
    t = torch.linspace(0.02, 0.98, 9)
    assert torch.allclose(schedule.time_of(schedule.log_ratio(t)), t, atol=1e-4)
    assert schedule.time_of(torch.tensor([99.0, -99.0])).tolist() == pytest.approx([0.0, 1.0], abs=1e-6)


def test_discrete_time_has_its_own_nearest_times():
    assert DiscreteCosineSchedule(4).nearest(torch.tensor([0.0, 0.3, 0.4, 1.0])).tolist() == [0.0, 0.25, 0.5, 1.0]
    assert KarrasSchedule().nearest(torch.tensor([0.3])).tolist() == pytest.approx([0.3])


def test_shared_schedule_keeps_what_the_numbers_keep_of_their_power():
    t = torch.linspace(0, 1, 5)
    assert torch.allclose(SharedSchedule(CosineSchedule()).keep(t), CosineSchedule().alpha_bar(t))
