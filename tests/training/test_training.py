"""The loop: budgets, averages, early stopping, divergence; on rows it can really learn."""

import itertools
import time

import numpy as np
import pytest
import torch

from tabdiff_lora.errors import TrainingError
from tabdiff_lora.table.encoded import EncodedTable
from tabdiff_lora.training import Budget, History, PowerEMA, TimeLimit, Trainer, TrainingPlan, TrainingRows
from tabdiff_lora.training.budget import learning_rate_factor
from tests.exact import layout_of
from tests.test_denoiser import untrained

RNG = np.random.default_rng(0)


def dependent_table(n=2_000) -> EncodedTable:
    """A number on a ring of three clusters, and a category that says which."""
    cat = RNG.integers(3, size=(n, 1))
    num = np.stack([np.cos(2.1 * cat[:, 0]), np.sin(2.1 * cat[:, 0])], 1) + 0.1 * RNG.normal(size=(n, 2))
    return EncodedTable(layout_of(2, 3), num, num, cat)


def fit(table, held_out=None, seed=0, on_check=None, **plan):
    torch.manual_seed(seed)
    denoiser = untrained(table)
    plan = TrainingPlan(**{"max_steps": 300, "time_limit": None, "batch_size": 256, "n_validation": 512} | plan)
    rows = [TrainingRows.from_encoded(part, "cpu") if part is not None else None for part in (table, held_out)]
    return denoiser, Trainer(denoiser, plan, torch.Generator().manual_seed(seed), on_check).fit(*rows)


def test_training_lowers_the_held_out_loss_and_keeps_late_weights_within_the_tolerance():
    denoiser, history = fit(dependent_table(), dependent_table(300))
    losses = {record["step"]: record["validation_loss"] for record in history.records}
    assert min(losses.values()) < 0.8 * losses[0]
    good = [step for step, loss in losses.items() if losses[0] - loss >= 0.9 * (losses[0] - min(losses.values()))]
    assert history.best_step == max(good)
    assert history.n_steps == 300
    assert history.stop_reason == "budget used up"
    assert not denoiser.training


def test_checks_below_the_tolerance_are_counted_from_the_newest():
    losses = [1.0, 0.8, 0.5, 0.54, 0.56, 0.56]
    history = History([{"validation_loss": loss} for loss in losses])
    assert history.n_checks_below(0.1) == 2
    assert history.n_checks_below(0.2) == 0
    assert History([{"validation_loss": float("nan")}] * 3).n_checks_below(0.1) == 0


def test_same_seed_gives_the_same_weights():
    table = dependent_table()
    first, second = (fit(table, max_steps=20)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_early_stopping_on_a_table_that_can_only_be_memorised():
    noise = RNG.normal(size=(60, 2))
    table = EncodedTable(layout_of(2, 3), noise, noise, RNG.integers(3, size=(60, 1)))
    _, history = fit(table.take(slice(40)), table.take(slice(40, None)), max_steps=20_000, patience=3)
    assert history.n_steps < 20_000
    assert history.stop_reason == "held-out loss rises"


def test_time_budget_ends_the_run():
    started = time.monotonic()
    _, history = fit(dependent_table(), max_steps=None, time_limit=TimeLimit(0.5))
    assert time.monotonic() - started < 5.0 and history.stop_reason == "budget used up"


def test_zero_steps_leave_the_network_untrained():
    _, history = fit(dependent_table(), max_steps=0)
    assert history.n_steps == 0 and history.records == [] and "copula" in history.stop_reason


def test_non_finite_loss_names_epoch_and_half():
    table = dependent_table(100)
    broken = EncodedTable(table.layout, table.low * np.inf, table.high * np.inf, table.cat)
    trainer = Trainer(untrained(table), TrainingPlan(3, None, batch_size=64), torch.Generator().manual_seed(0))
    with pytest.raises(TrainingError, match=r"nan in the numerical half, epoch \d"):
        trainer.fit(TrainingRows.from_encoded(broken, "cpu"), None)


def test_progress_is_reported_from_zero_to_one():
    seen = []
    fit(dependent_table(), dependent_table(100), on_check=lambda record, progress: seen.append(progress))
    assert seen[0] == 0.0 and seen[-1] == 1.0 and seen == sorted(seen)


def test_small_tables_fill_whole_batches():
    _, history = fit(dependent_table(30), max_steps=10, batch_size=128)
    assert history.n_epochs == pytest.approx(10 * 128 / 30)


def test_tied_numbers_are_drawn_afresh_and_points_stay():
    table = EncodedTable(layout_of(2), np.array([[0.3, -np.inf]]), np.array([[0.3, 0.0]]), np.empty((1, 0), int))
    rows, index = TrainingRows.from_encoded(table, "cpu"), torch.zeros(10_000, dtype=torch.int64)
    x = rows.draw(index, torch.Generator().manual_seed(0)).num
    assert torch.allclose(x[:, 0], torch.tensor(0.3))
    assert x[:, 1].max() <= 0 and float(x[:, 1].mean()) == pytest.approx(-np.sqrt(2 / np.pi), abs=0.02)


def test_power_average_weighs_like_a_power():
    module, gamma, values = torch.nn.Linear(1, 1, bias=False), 4.0, []
    ema = PowerEMA(module, gamma)
    for step in range(1, 2_001):
        values.append(np.sin(step / 300))
        with torch.no_grad():
            module.weight.fill_(values[-1])
        ema.update()
    expected = np.average(values, weights=np.arange(1, 2_001) ** gamma)
    assert float(ema.snapshot()[0]) == pytest.approx(expected, abs=1e-3)


def test_swapping_twice_changes_nothing():
    module = torch.nn.Linear(2, 2)
    ema, before = PowerEMA(module), [p.detach().clone() for p in module.parameters()]
    ema.update()
    ema.swap(), ema.swap()
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters()))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(90, 90.0), (1.5, 1.5), ("90s", 90.0), ("5min", 300.0), ("1.5 h", 5400.0), ("20", 20.0), ("2cpu-min", "120cpu-s")],
)
def test_time_limits(text, seconds):
    assert TimeLimit(text).plain() == TimeLimit(seconds).plain() == seconds


@pytest.mark.parametrize("text", ["5 parsecs", "-3", "", "min", 0, "5 cpu-"])
def test_bad_time_limit(text):
    with pytest.raises(ValueError, match="max_time must be a positive number of seconds"):
        TimeLimit(text)


def test_processor_seconds_pass_by_work_alone():
    wall, work = TimeLimit(10), TimeLimit("10cpu-s")
    time.sleep(0.2)
    assert wall.spent() >= 0.2 > work.spent()


def test_a_limit_that_leaves_time_began_when_the_whole_one_did():
    whole = TimeLimit(1_000)
    time.sleep(0.02)
    part = whole.leaving(400)
    assert part.seconds == 600 and part.spent() >= 0.02
    assert not part.is_over() and whole.leaving(999.99).is_over() and not whole.is_over()


def test_an_endless_limit_is_never_over_whatever_is_left_of_it():
    limit = TimeLimit.endless()
    assert not limit.is_over() and not limit.leaving(1e9).is_over()


def test_budget_takes_the_nearer_limit():
    late, later = TimeLimit(100), TimeLimit(100)
    late._started -= 50
    later._started -= 80
    assert Budget(10, None).progress(5) == 0.5
    assert Budget(None, late).progress(10**9) == pytest.approx(0.5, abs=0.01)
    assert Budget(10, later).progress(1) == pytest.approx(0.8, abs=0.01)
    assert Budget(0, None).progress(0) == 1.0


@pytest.mark.parametrize("n_steps", [200, 1_000, 10_000])
def test_learning_rate_rises_then_falls_to_zero(n_steps):
    factors = [learning_rate_factor(step / n_steps, step) for step in range(n_steps + 1)]
    assert max(factors[: n_steps // 20 + 2]) > 0.95
    peak = int(np.argmax(factors))
    assert factors[peak] > 0.95 and factors[-1] == pytest.approx(0.0, abs=1e-6)
    assert all(a <= b for a, b in itertools.pairwise(factors[:peak])) and all(
        a >= b for a, b in itertools.pairwise(factors[peak:])
    )
