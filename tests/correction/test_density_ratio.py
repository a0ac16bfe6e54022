"""How many rows are drawn beside, so that there is a choice."""

import dataclasses

import numpy as np
import pytest

from tabdiff_lora.correction import DensityRatio
from tabdiff_lora.correction.density_ratio import MAX_SPARE, UNMET, spare_rows


def unmet(ratio: np.ndarray, spare: float) -> float:
    """Share of the excess that rows which become 1 + spare times as frequent do not make up for."""
    return np.maximum(ratio - 1 - spare, 0).mean() / np.maximum(ratio - 1, 0).mean()


@pytest.mark.parametrize("spread", [0.1, 0.3, 0.6])
def test_as_few_spare_rows_as_meet_most_of_what_is_asked_for(spread):
    normal = np.random.default_rng(0).normal(size=10_000)
    ratio = np.exp(spread * normal)
    ratio /= ratio.mean()
    spare = spare_rows(ratio)
    assert unmet(ratio, spare) <= UNMET < unmet(ratio, spare - 0.051)


def test_none_where_nothing_is_to_change_and_never_more_than_twice_as_many():
    assert spare_rows(np.ones(100)) == 0.0
    rare = np.where(np.arange(1_000) == 0, 500.0, 0.5)
    assert spare_rows(rare) == MAX_SPARE


def test_a_kind_of_row_that_is_three_times_as_frequent_takes_nearly_two_spare_rows_for_each():
    rng = np.random.default_rng(0)
    real, drawn = rng.random((3_000, 1)) < 0.9, rng.random((9_000, 1)) < 0.3
    ratio = DensityRatio.fit(real.astype(float), drawn.astype(float), np.random.SeedSequence(1), n_threads=1)
    assert 1.0 < ratio.spare <= MAX_SPARE
    assert ratio.n_spare(2_000) == np.ceil(2_000 * ratio.spare)
    assert ratio.n_spare(100) == ratio.n_spare(512) == np.ceil(512 * ratio.spare)
    assert dataclasses.replace(ratio, spare=0.0).n_spare(100) == 0


def without_both(n: int, rng: np.random.Generator) -> np.ndarray:
    """Two columns of rare ones, never in the same row."""
    x = (rng.random((n, 2)) < 0.2).astype(float)
    x[x.all(axis=1)] = 0.0
    return x


def test_what_never_stands_together_counts_even_where_boosting_finds_nothing():
    rng, seeds = np.random.default_rng(0), np.random.SeedSequence(1)
    real, drawn = without_both(3_000, rng), without_both(10_000, rng)
    assert DensityRatio.fit(real, drawn, seeds, n_threads=1) is None
    drawn[:5] = 1.0
    ratio = DensityRatio.fit(real, drawn, seeds, n_threads=1)
    assert len(ratio.trees) == len(ratio.pairs) == 0
    at = ratio(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    assert at[:2] == pytest.approx(1.0, abs=1e-3) and at[2] < 1e-9
    assert ratio.replaced == pytest.approx(5 / 10_000) and 0 < ratio.spare < 0.1
