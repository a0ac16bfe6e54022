"""Tables of pairs are the logarithm of a density ratio of two columns, and chance makes none."""

from itertools import combinations

import numpy as np
import pytest

from tabdiff_lora.correction import DensityRatio
from tabdiff_lora.correction import pairs as room
from tabdiff_lora.correction.pairs import boosted_pairs, pooled
from tabdiff_lora.correction.two_samples import TwoSamples


def find(samples: TwoSamples, known: np.ndarray | float = 0.0, **options) -> room.PairTables:
    return boosted_pairs(samples, known + np.zeros(len(samples.x)), np.random.default_rng(0), **options)


def bent(n: int, rng: np.random.Generator, rho: float) -> np.ndarray:
    """Four normal columns, the second and the third of which hang together."""
    x = rng.normal(size=(n, 4))
    x[:, 2] = rho * x[:, 1] + np.sqrt(1 - rho**2) * x[:, 2]
    return x


def log_ratio(a: np.ndarray, b: np.ndarray, rho: float = 0.6) -> np.ndarray:
    """log N(a, b; rho) / N(a, b; 0) of two standard normal columns."""
    return -np.log(1 - rho**2) / 2 - (rho**2 * (a**2 + b**2) - 2 * rho * a * b) / (2 * (1 - rho**2))


def samples(rho: float, seed: int = 0, n: int = 20_000) -> TwoSamples:
    rng = np.random.default_rng(seed)
    return TwoSamples.of(bent(n, rng, rho), bent(2 * n, rng, 0.0), rng)


@pytest.fixture(scope="module")
def tables() -> room.PairTables:
    return find(samples(0.6))


def test_the_pair_that_differs_is_found_and_no_other_says_much(tables):
    assert [1, 2] in tables.columns.tolist()
    x = bent(5_000, np.random.default_rng(1), 0.3)
    others = x.copy()
    others[:, 1:3] = 0.0
    assert np.std(tables(others)) < 0.1 * np.std(tables(x))


def test_a_table_estimates_the_density_ratio(tables):
    x = bent(5_000, np.random.default_rng(1), 0.3)
    x = x[(np.abs(x) < 1.5).all(axis=1)]  # further out a cell is wide
    expected = log_ratio(x[:, 1], x[:, 2])
    assert np.sqrt(((tables(x) - expected) ** 2).mean()) < 0.4 * np.std(expected)


def test_rows_not_seen_are_told_apart_nearly_as_well_as_can_be(tables):
    unseen = samples(0.6, seed=3)
    best = unseen.gain(log_ratio(unseen.x[:, 1], unseen.x[:, 2]))
    assert 0.85 * best < unseen.gain(tables(unseen.x)) < best


def test_what_is_known_is_not_said_again():
    """Given the true ratio, nothing is left; given twice that, half of it is taken back."""
    both = samples(0.6)
    known = log_ratio(both.x[:, 1], both.x[:, 2])
    assert np.std(find(both, known)(both.x)) < 0.1 * np.std(known)
    assert np.corrcoef(find(both, 2 * known)(both.x), -known)[0, 1] > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_one_law_have_no_table(seed):
    assert len(find(samples(0.0, seed, n=3_000))) == 0
    rng = np.random.default_rng(seed)
    assert DensityRatio.fit(*rng.normal(size=(2, 3_000, 4)), np.random.SeedSequence(seed), n_threads=1) is None


def test_levels_have_cells_of_their_own():
    """Two codes that agree twice as often as by chance."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 4, (12_000, 2))
    real = np.where(rng.random((6_000, 1)) < 1 / 3, rng.integers(0, 4, (6_000, 1)), rng.integers(0, 4, (6_000, 2)))
    tables = find(TwoSamples.of(real, drawn, rng))
    codes = np.array([[0, 0], [3, 3], [0, 1], [3, 1]])
    np.testing.assert_allclose(np.exp(tables(codes)), [2, 2, 2 / 3, 2 / 3], rtol=0.15)


def test_of_wide_tables_a_few_columns_are_looked_at(monkeypatch):
    monkeypatch.setattr(room, "MAX_COLUMNS", 3)
    seen = []
    step = room._Boosting.step
    monkeypatch.setattr(room._Boosting, "step", lambda self, pair: seen.append(pair) or step(self, pair))
    find(samples(0.0, n=1_000))
    columns = sorted({column for pair in seen for column in pair})
    assert len(columns) == 3 and seen == list(combinations(columns, 2))


def test_time_that_is_over_ends_the_rounds(tables):
    hurried = find(samples(0.6), is_over=lambda: True)
    assert 0.0 < np.abs(hurried.tables).max() < np.abs(tables.tables).max()


def test_one_column_has_no_pairs():
    rng = np.random.default_rng(0)
    tables = find(TwoSamples.of(rng.normal(size=(500, 1)), rng.normal(size=(900, 1)), rng))
    np.testing.assert_array_equal(tables(np.zeros((3, 1))), 0.0)


def test_cells_are_pooled_in_squares():
    np.testing.assert_array_equal(pooled(np.arange(16).reshape(4, 4), 2), [[10, 18], [42, 50]])
