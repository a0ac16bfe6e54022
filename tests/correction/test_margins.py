"""Raked rows have the training rows' columns, and what was right stays."""

import numpy as np

from tabdiff_lora.correction.bins import bin_edges
from tabdiff_lora.correction.margins import N_BINS, Margins, shares

RNG = np.random.default_rng(0)


def weighted_shares(column, edges, weight):
    return shares(np.searchsorted(edges, column, side="right"), len(edges) + 1, weight)


def test_every_bin_of_every_column_gets_its_share():
    real = np.column_stack([RNG.normal(0.3, 1.2, 5_000), RNG.choice(4, 5_000, p=[0.1, 0.2, 0.3, 0.4])])
    x = RNG.normal(size=9_000)
    drawn = np.column_stack([x, np.clip((x > 0) + RNG.integers(0, 3, 9_000), 0, 3)])  # columns that hang together
    margins = Margins.of(real)
    ratio = margins.rake(drawn, np.ones(9_000))
    assert np.isclose(ratio.mean(), 1.0)
    for column, edges in enumerate(margins.edges):
        np.testing.assert_allclose(weighted_shares(drawn[:, column], edges, ratio), margins.shares[column], atol=0.01)


def test_right_columns_are_left_alone():
    x = RNG.normal(size=(4_000, 2))
    np.testing.assert_allclose(Margins.of(x).rake(x, np.ones(4_000)), 1.0, atol=1e-9)


def test_what_is_cut_off_is_made_up_for_by_other_rows():
    """A level of three quarters, drawn half the time: no weight above 1.6 is needed, whatever the ratio says."""
    real, drawn = RNG.choice(2, 20_000, p=[0.25, 0.75])[:, None], np.repeat([0, 1], 5_000)[:, None]
    ratio = np.where(np.arange(10_000) % 10 == 0, 9.0, 0.1)
    raked = Margins.of(real).rake(drawn, ratio, most=1.6)
    assert raked.max() <= 1.6
    np.testing.assert_allclose(weighted_shares(drawn[:, 0], np.array([1]), raked), [0.25, 0.75], atol=0.02)


def test_dependence_that_the_ratio_knows_stays():
    """Weights are bent by one factor for each column: the odds ratio of two columns is that of the ratio given."""
    real = RNG.choice(2, (20_000, 2), p=[0.3, 0.7])
    drawn = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], 5_000, axis=0)
    ratio = Margins.of(real).rake(drawn, np.where(drawn[:, 0] == drawn[:, 1], 3.0, 1.0))
    both, left, right, none = ratio.reshape(4, 5_000)[::-1, 0]
    assert np.isclose(both * none / (left * right), 9.0)


def test_a_level_that_is_never_drawn_breaks_nothing():
    real, drawn = RNG.integers(0, 3, 1_000)[:, None], RNG.integers(0, 2, 1_000)[:, None]
    assert np.isfinite(Margins.of(real).rake(drawn, np.ones(1_000))).all()


def test_few_values_have_a_bin_each_and_many_share_bins_of_one_size():
    np.testing.assert_array_equal(bin_edges(np.array([3.0, 1.0, 1.0, 7.0]), N_BINS), [3.0, 7.0])
    assert len(bin_edges(np.zeros(5), N_BINS)) == 0
    edges = bin_edges(RNG.normal(size=10_000), N_BINS)
    assert len(edges) == N_BINS - 1
    found = weighted_shares(RNG.normal(size=100_000), edges, np.ones(100_000))
    np.testing.assert_allclose(found, 1 / N_BINS, atol=0.01)
