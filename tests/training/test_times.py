"""Times: stratified, and drawn where the gain is."""

import pytest
import torch

from tabdiff_lora.training.times import GainedTimes


def generator():
    return torch.Generator().manual_seed(0)


def test_times_are_uniform_before_anything_was_gained():
    t = GainedTimes().draw(1_000, generator()).sort().values
    assert torch.allclose(t.diff(), torch.tensor(1e-3), atol=1e-5) and t.min() >= 0 and t.max() <= 1


def test_times_follow_the_gain_above_a_uniform_floor():
    times = GainedTimes(floor=0.2, n_bins=4, memory=0.5)
    t = torch.tensor([0.1, 0.3, 0.6, 0.9])
    for _ in range(50):
        times.update(t, torch.tensor([0.0, 0.1, 0.3, -0.2]))  # a loss above the prior's is no gain
    assert times.density().tolist() == pytest.approx([0.05, 0.05 + 0.2, 0.05 + 0.6, 0.05], abs=1e-4)
    drawn = times.draw(10_000, generator())
    shares = torch.histc(drawn, 4, 0, 1) / 10_000
    assert shares.tolist() == pytest.approx(times.density().tolist(), abs=2e-3)


def test_bins_without_news_keep_their_gain():
    times = GainedTimes(n_bins=2, memory=0.9)
    times.update(torch.tensor([0.2]), torch.tensor([1.0]))
    before = times.gain.clone()
    times.update(torch.tensor([0.8]), torch.tensor([1.0]))
    assert times.gain[0] == before[0] > 0 and times.gain[1] > 0


def test_a_floor_of_one_never_adapts():
    times = GainedTimes(floor=1.0, n_bins=3)
    times.update(torch.tensor([0.1]), torch.tensor([5.0]))
    assert times.density().tolist() == pytest.approx([1 / 3] * 3)
