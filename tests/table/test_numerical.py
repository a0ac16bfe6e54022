"""NumericalEncoder: exactly normal scores, exact atoms, grids, ranges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.preprocessing import KBinsDiscretizer, PowerTransformer

from tabdiff_lora.errors import EncodingError
from tabdiff_lora.table.encoded import centre, draw_interval
from tabdiff_lora.table.encoders import NumericalEncoder
from tabdiff_lora.table.encoders.grid import Grid


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).gamma(0.3, size=2000),
        np.random.default_rng(0).poisson(3, 2000),
        np.maximum(np.random.default_rng(0).normal(size=2000), 0),
    ],
    ids=["heavy tail", "integers", "zero-inflated"],
)
def test_drawn_scores_are_standard_normal(values):
    encoder = NumericalEncoder(atoms=None).fit(values)
    block = encoder.encode(values)
    z = draw_interval(block.low, block.high, np.random.default_rng(1)).ravel()
    assert stats.kstest(z, "norm").pvalue > 0.01


def test_a_tie_owns_the_interval_of_its_mass():
    block = NumericalEncoder(atoms=None).fit([0, 0, 0, 1.5]).encode(np.array([0, 1.5]))
    np.testing.assert_allclose(block.low[:, 0], [-np.inf, stats.norm.ppf(3.5 / 4)])
    np.testing.assert_allclose(block.high[:, 0], [stats.norm.ppf(3 / 4), stats.norm.ppf(3.5 / 4)])


def test_any_score_inside_the_interval_decodes_to_the_tie():
    values = np.repeat([0.0, 2.5, 7.0], [50, 30, 20])
    encoder = NumericalEncoder(atoms=None).fit(values)
    block = encoder.encode(values)
    for seed in range(5):
        z = draw_interval(block.low, block.high, np.random.default_rng(seed))
        np.testing.assert_array_equal(encoder.decode(z, block.cat), values)


def test_scores_are_monotone_in_unseen_values_and_finite():
    encoder = NumericalEncoder(atoms=None).fit(np.pi * np.array([0.0, 0.0, 1.0, 3.0, 10.0]))
    x = np.linspace(-15, 60, 101)
    block = encoder.encode(x)
    z = centre(block.low, block.high).ravel()
    assert np.isfinite(z).all()
    assert (np.diff(z) >= 0).all()
    np.testing.assert_allclose(encoder.decode(z[:, None], block.cat), np.clip(x, 0, 10 * np.pi), atol=1e-9)


def test_atoms_become_states_and_the_rest_is_ranked_among_itself():
    values = np.r_[np.zeros(60), np.arange(1, 41) / 7]
    encoder = NumericalEncoder(atoms=0.1).fit(values)
    assert encoder.categories_ == (("(number)", "0"),)
    block = encoder.encode(values)
    assert (block.cat[:60, 0] == 1).all()
    assert np.isneginf(block.low[:60]).all()
    np.testing.assert_allclose(block.low[60:, 0], stats.norm.ppf((np.arange(40) + 0.5) / 40))


@pytest.mark.parametrize(
    ("atoms", "levels"),
    [
        ("all", ("1", "2", "3", "(missing)")),
        (None, ("(number)", "(missing)")),
        ([2], ("(number)", "2", "(missing)")),
        (0.45, ("(number)", "1", "(missing)")),
        ([1, 2], ("1", "2", "3", "(missing)")),
    ],
    ids=str,
)
def test_one_state_column_serves_atoms_and_gaps(atoms, levels):
    column = pd.Series([1, 1, 1, 2, 2, 3, None], dtype="Int64", name="n")
    encoder = NumericalEncoder(atoms=atoms).fit(column)
    assert encoder.categories_ == (levels,)
    pd.testing.assert_series_equal(encoder.inverse_transform(encoder.transform(column)), column)


def test_auto_needs_repeats():
    assert NumericalEncoder().fit(np.repeat([1.0, 2.0], 2)).categorical_ == ()
    assert NumericalEncoder().fit(np.repeat([1.0, 2.0], 20)).numerical_ == ()
    assert NumericalEncoder(max_levels=1, atom_mass=0.6).fit(np.repeat([1.0, 2.0], 20)).categorical_ == ()


def test_never_draws_gaps_from_the_seen_law():
    column = pd.Series([0.0] * 50 + [1.0] * 50 + [None] * 100)
    encoder = NumericalEncoder(missing="never").fit(column)
    back = encoder.inverse_transform(encoder.transform(column))
    assert 0.3 < back[100:].mean() < 0.7


@pytest.mark.parametrize("missing", ["generate", "never"])
def test_a_gap_is_told_from_a_number(missing):
    column = pd.Series([*np.random.default_rng(0).normal(size=30), None])
    encoder = NumericalEncoder(missing=missing).fit(column)
    assert encoder.has_gap_level and encoder.encode(column).cat[:, 0].tolist() == [0] * 30 + [1]
    with pytest.raises(EncodingError, match="must be present, as in fit. Got 'a missing value'"):
        NumericalEncoder(missing=missing).fit(column[:30]).encode(column)


def test_extrapolation_leaves_the_range_only_when_asked():
    values = np.random.default_rng(0).normal(size=500)
    z = np.array([[-5.0], [5.0]])
    cat = np.empty((2, 0), dtype=np.int64)
    inside = NumericalEncoder().fit(values).decode(z, cat)
    assert inside.tolist() == [values.min(), values.max()]
    outside = NumericalEncoder(extrapolate=True).fit(values).decode(z, cat)
    assert -8 < outside[0] < values.min()
    assert values.max() < outside[1] < 8


@pytest.mark.parametrize("strategy", ["standard", "robust", PowerTransformer()], ids=str)
def test_other_strategies_return_the_values_too(strategy):
    column = pd.Series(np.random.default_rng(0).gamma(2.0, size=300).round(3), name="x")
    encoder = NumericalEncoder(strategy).fit(column)
    pd.testing.assert_series_equal(encoder.inverse_transform(encoder.transform(column)), column)


def test_standard_is_standard_scaling():
    values = np.random.default_rng(0).normal(3, 2, size=300)
    z = NumericalEncoder("standard").fit_transform(values)
    np.testing.assert_allclose(z[:, 0], stats.zscore(values))


def test_a_transformer_without_a_true_inverse_is_refused():
    discretizer = KBinsDiscretizer(3, encode="ordinal", strategy="uniform")
    with pytest.raises(EncodingError, match="must be a transformer with a true inverse"):
        NumericalEncoder(discretizer).fit(np.random.default_rng(0).normal(size=100))
    with pytest.raises(ValueError, match="strategy of NumericalEncoder must be one of"):
        NumericalEncoder("rank").fit([1.0, 2.0])


def test_a_transformer_is_not_asked_about_rows_that_hold_no_number():
    values = np.r_[np.zeros(50), np.random.default_rng(0).gamma(2.0, size=200)]
    encoder = NumericalEncoder(PowerTransformer(), atoms=[0.0]).fit(values)
    block = encoder.encode(np.zeros(3))
    np.testing.assert_array_equal(block.cat, np.ones((3, 1)))
    np.testing.assert_array_equal(encoder.decode(np.zeros((3, 1)), block.cat), np.zeros(3))


def test_many_distinct_values_are_thinned_to_quantiles():
    values = np.random.default_rng(0).normal(size=5000)
    encoder = NumericalEncoder(max_knots=100).fit(values)
    assert len(encoder.marginals_[0].support) <= 102
    back = encoder.inverse_transform(encoder.transform(values)).ravel()
    np.testing.assert_allclose(back, values, atol=1e-9)
    heavy = np.r_[values, np.full(500, 0.123)]
    assert 0.123 in NumericalEncoder(max_knots=100, atoms=None).fit(heavy).marginals_[0].support


@pytest.mark.parametrize(
    ("values", "step", "scale"),
    [
        ([0, 500, 1500], 500, 1),
        ([1.25, 1.5, 3.0], 25, 100),
        ([0.1, 0.2, 0.3], 1, 10),
        ([7, 7], 1, 1),
    ],
)
def test_the_grid_is_the_coarsest_one(values, step, scale):
    grid = Grid.fit(np.array(values))
    assert (grid.step, grid.scale) == (step, scale)
    np.testing.assert_array_equal(grid.from_count(grid.to_count(np.array(values))), values)


@pytest.mark.parametrize(
    "values",
    [
        np.array([-(2**63), 2**63 - 1]),
        np.array([0, 2**64 - 1], dtype=np.uint64),
        np.array([-128, 127], dtype=np.int8),
        np.array([0.1, 12345.6], dtype=np.float32),
        np.array([1e300, -1e300]),
        np.array([2.0**60, 5.0]),
        np.array([-0.0, 1.0]),
    ],
    ids=str,
)
def test_extremes_survive(values):
    encoder = NumericalEncoder().fit(values)
    back = encoder.inverse_transform(encoder.transform(values)).ravel()
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)


def test_integers_near_two_to_the_63_keep_their_last_digit():
    values = 2**62 + np.arange(100) * 3
    encoder = NumericalEncoder().fit(values)
    np.testing.assert_array_equal(encoder.inverse_transform(encoder.transform(values)).ravel(), values)


def test_drawn_integers_and_decimals_stay_on_the_grid():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((1000, 1))
    cat = np.empty((1000, 0), dtype=np.int64)
    prices = NumericalEncoder(atoms=None).fit(rng.integers(1, 10**4, 200) / 20).decode(z, cat)
    np.testing.assert_array_equal(np.rint(prices * 20) / 20, prices)
