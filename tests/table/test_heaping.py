"""Round numbers: found where they are heaps, exact, as round as asked for, and round together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tabdiff_lora import TabularDiffusionSynthesizer, between
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.table.encoded import draw_interval
from tabdiff_lora.table.encoders import NumericalEncoder

SMALL = MLPBackbone(d_block=16, n_blocks=1)
ROUND = [("round", NumericalEncoder(heaping=True), ["paid"])]


def amounts(n: int = 4_000, seed: int = 0) -> np.ndarray:
    """Amounts of people of whom half pay in hundreds, and some of these in thousands."""
    rng = np.random.default_rng(seed)
    exact, habit = rng.gamma(2.0, 1_500.0, n), rng.random(n)
    unit = np.select([habit < 0.5, habit < 0.8], [1, 100], 1_000)
    return (np.maximum(np.rint(exact / unit), 1) * unit).astype(np.int64)


@pytest.fixture(scope="module")
def encoder() -> NumericalEncoder:
    return NumericalEncoder(heaping=True).fit(pd.Series(amounts(), name="paid"))


def test_how_round_a_number_is_is_a_state(encoder):
    assert encoder.categories_[0][:3] == ("(number)", "(multiple of 100)", "(multiple of 1000)")
    codes = encoder.encode(np.array([1_037, 1_300, 2_000])).cat[:, 0]
    np.testing.assert_array_equal(codes, [0, 1, 2])
    assert encoder.state_counts_.sum() == 4_000
    thousands = (amounts() % 1_000 == 0).sum()
    assert encoder.state_counts_[2] == thousands


def test_every_value_comes_back(encoder):
    block = encoder.encode(amounts())
    for seed in range(3):
        z = draw_interval(block.low, block.high, np.random.default_rng(seed))
        np.testing.assert_array_equal(encoder.decode(z, block.cat), amounts())


def test_a_number_is_as_round_as_its_state_says_and_no_rounder(encoder):
    rng = np.random.default_rng(1)
    z, state = rng.normal(size=(5_000, 1)), rng.integers(0, 3, (5_000, 1))
    drawn, state = encoder.decode(z, state, rng).to_numpy(), state[:, 0]
    assert (drawn[state == 2] % 1_000 == 0).all()
    assert (drawn[state == 1] % 100 == 0).all() and (drawn[state == 1] % 1_000 != 0).all()
    assert (drawn[state == 0] % 100 != 0).all()
    assert drawn.min() >= amounts().min() and drawn.max() <= amounts().max()


def test_places_within_a_level_have_no_holes(encoder):
    heaping = encoder.heaping_
    x = np.arange(-5_000.0, 25_000.0)
    for level in range(3):
        own = x[heaping.level_of(x) == level]
        np.testing.assert_array_equal(np.diff(heaping.place(own, level)), 1.0)
        np.testing.assert_array_equal(heaping.number(heaping.place(own, level), level), own)


def test_each_level_has_standard_normal_scores(encoder):
    block = encoder.encode(amounts())
    z = draw_interval(block.low, block.high, np.random.default_rng(0))[:, 0]
    for level in range(3):
        assert stats.kstest(z[block.cat[:, 0] == level], "norm").pvalue > 0.01


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).integers(0, 5_000, 4_000),
        np.rint(np.random.default_rng(0).normal(40, 12, 4_000)),
        np.random.default_rng(0).normal(size=4_000),
        np.round(np.random.default_rng(0).gamma(2.0, 1_500.0, 4_000), 1),
        amounts()[:80],
        np.repeat([0, 7, 10, 20, 30], 1_000),
    ],
    ids=["integers", "ages", "floats", "one decimal", "few rows", "few values"],
)
def test_no_heaps_no_states(values):
    assert NumericalEncoder(heaping=True).fit(values).heaping_ is None


def test_zeros_alone_are_no_heap():
    values = np.where(np.arange(4_000) % 11 == 0, 0, np.random.default_rng(0).integers(1, 9_999, 4_000))
    assert NumericalEncoder(heaping=True).fit(values).heaping_ is None


def test_no_states_unless_asked_for():
    assert NumericalEncoder().fit(amounts()).categorical_ == ()


def test_decimals_negative_numbers_atoms_and_gaps():
    values = pd.Series(np.r_[-amounts() / 100, np.zeros(1_000), np.full(100, np.nan)], name="balance")
    encoder = NumericalEncoder(heaping=True).fit(values)
    assert encoder.categories_[0] == ("(number)", "(multiple of 1)", "(multiple of 10)", "0", "(missing)")
    block = encoder.encode(values)
    z = draw_interval(block.low, block.high, np.random.default_rng(0))
    pd.testing.assert_series_equal(encoder.decode(z, block.cat), values)


def test_round_numbers_are_round_together():
    """The same person in two months: what one column says of the other no score shows."""
    rng = np.random.default_rng(0)
    unit = np.where(rng.random(4_000) < 0.5, 1, 1_000)
    first, second = (np.maximum(np.rint(rng.gamma(4.0, 1_500.0, 4_000) / unit), 1) * unit for _ in range(2))
    table = pd.DataFrame({"first": first, "second": second})
    synth = TabularDiffusionSynthesizer(
        MLPBackbone(d_block=64, n_blocks=1), max_steps=150, n_sampling_steps=8, correction=False, random_state=0
    )
    assert _differ(synth.fit(table).sample(2_000)) > _differ(table) + 0.2
    together = [("amounts", NumericalEncoder(heaping=True), ["first", "second"])]
    assert abs(_differ(synth.set_params(encoders=together).fit(table).sample(2_000)) - _differ(table)) < 0.05


def _differ(frame: pd.DataFrame) -> float:
    """Share of rows of which one number is round and the other is not."""
    return float(((frame % 1_000 == 0).sum(axis=1) == 1).mean())


def test_a_rule_for_a_number_does_not_change_how_round_it_is():
    table = pd.DataFrame({"paid": amounts(), "other": np.random.default_rng(1).normal(size=4_000)})
    synth = TabularDiffusionSynthesizer(SMALL, encoders=ROUND, max_steps=0, random_state=0).fit(table)
    drawn = synth.sample(2_000, conditions={"paid": between(2_000, 4_000)}).paid
    wanted = table.paid[table.paid.between(2_000, 4_000)]
    assert drawn.between(2_000, 4_000).all()
    for unit in (100, 1_000):
        assert abs((drawn % unit == 0).mean() - (wanted % unit == 0).mean()) < 0.06


def test_it_is_saved(tmp_path):
    table = pd.DataFrame({"paid": amounts(), "other": np.random.default_rng(1).normal(size=4_000)})
    synth = TabularDiffusionSynthesizer(SMALL, encoders=ROUND, max_steps=0, random_state=0).fit(table)
    synth.save_pretrained(tmp_path / "paid")
    again = TabularDiffusionSynthesizer.from_pretrained(tmp_path / "paid")
    pd.testing.assert_frame_equal(again.sample(100, random_state=0), synth.sample(100, random_state=0))
