"""Raked rows have the training rows' columns, and what was right stays."""

import numpy as np

from tabdiff_lora.correction.margins import N_BINS, Margins, bin_edges, shares

RNG = np.random.default_rng(0)


def weighted_shares(column, edges, weight):
    return shares(np.searchsorted(edges, column, side="right"), len(edges) + 1, weight)


def test_every_bin_of_every_column_gets_its_share():
    real = np.column_stack([RNG.normal(0.3, 1.2, 5_000), RNG.choice(4, 5_000, p=[0.1, 0.2, 0.3, 0.4])])
    x = RNG.normal(size=9_000)
    drawn = np.column_stack([x, np.clip((x > 0) + RNG.integers(0, 3, 9_000), 0, 3)])  # columns that hang together
    margins = Margins.rake(real, drawn, np.zeros(9_000))
    weight = np.exp(margins(drawn))
    for column, edges in enumerate(margins.edges):
        expected = weighted_shares(real[:, column], edges, np.ones(5_000))
        np.testing.assert_allclose(weighted_shares(drawn[:, column], edges, weight), expected, atol=0.01)


def test_right_columns_are_left_alone():
    x = RNG.normal(size=(40_000, 2))
    assert np.abs(Margins.rake(x, x, np.zeros(40_000))(x)).max() < 1e-9


def test_weights_given_before_count():
    """A weight that gives the right margin already asks for no factor."""
    real, drawn = RNG.choice(2, 20_000, p=[0.3, 0.7])[:, None], np.repeat([0, 1], 10_000)[:, None]
    share = real.mean()
    log_weight = np.log(np.where(drawn[:, 0], share, 1 - share))
    factors = Margins.rake(real, drawn, log_weight).factors[0]
    assert abs(factors[1] - factors[0]) < 1e-3


def test_a_level_that_is_never_drawn_breaks_nothing():
    real, drawn = RNG.integers(0, 3, 1_000)[:, None], RNG.integers(0, 2, 1_000)[:, None]
    margins = Margins.rake(real, drawn, np.zeros(1_000))
    assert np.isfinite(margins(real)).all() and np.isfinite(margins(drawn)).all()


def test_few_values_have_a_bin_each_and_many_share_bins_of_one_size():
    np.testing.assert_array_equal(bin_edges(np.array([3.0, 1.0, 1.0, 7.0])), [3.0, 7.0])
    assert len(bin_edges(np.zeros(5))) == 0
    edges = bin_edges(RNG.normal(size=10_000))
    assert len(edges) == N_BINS - 1
    np.testing.assert_allclose(weighted_shares(RNG.normal(size=100_000), edges, None), 1 / N_BINS, atol=0.01)
