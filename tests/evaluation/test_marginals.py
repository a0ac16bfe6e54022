"""Margins: equal to scipy's statistics, and to cases worked by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tabdiff_lora.evaluation import shape_error
from tabdiff_lora.evaluation.columns import TableReader
from tabdiff_lora.evaluation.marginals import (
    column_errors,
    discretise,
    histograms,
    jensen_shannon,
    ks_statistic,
    shared_edges,
    total_variation,
    wasserstein,
)


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=300).round(1), rng.normal(0.3, 2.0, size=200).round(1)


def test_equality_with_scipy(samples):
    x, y = samples
    assert ks_statistic(x, y) == pytest.approx(stats.ks_2samp(x, y).statistic)
    assert wasserstein(x, y) == pytest.approx(stats.wasserstein_distance(x, y) / x.std())
    p, q = np.array([3, 0, 5, 2]), np.array([1, 4, 0, 5])
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2))


def test_by_hand():
    assert ks_statistic(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 9, 9])) == 0.5
    assert total_variation(np.array([2, 2]), np.array([3, 1])) == 0.25
    assert wasserstein(np.array([0.0, 2.0]), np.array([1.0, 3.0])) == 1.0  # every value moves by one deviation
    assert jensen_shannon(np.array([1, 0]), np.array([0, 1])) == 1.0


def test_a_missing_value_is_a_value_of_its_own():
    full, gaps = np.array([1.0, 2, 3, 4]), np.array([np.nan, np.nan, 3, 4])
    assert ks_statistic(full, gaps) == 0.5
    assert ks_statistic(gaps, gaps) == 0.0
    assert np.isnan(wasserstein(np.full(3, np.nan), full))
    real, fake = pd.DataFrame({"c": ["a", "a", None, None]}), pd.DataFrame({"c": ["a", "a", "a", "a"]})
    assert shape_error(real, fake) == 0.5


def test_a_category_never_seen_costs_its_share():
    real, fake = pd.DataFrame({"c": ["a"] * 4}), pd.DataFrame({"c": ["a", "a", "b", "z"]})
    assert shape_error(real, fake) == 0.5


def test_edges_come_from_the_real_column_and_hold_everything():
    edges = shared_edges(np.arange(100.0))
    assert len(edges) == 9
    codes = discretise(np.array([-1e9, 1e9, np.nan]), edges)
    assert codes.tolist() == [0, 9, 10]
    assert len(shared_edges(np.full(5, np.nan))) == 0


def test_histograms_are_shares(samples):
    real = pd.DataFrame({"x": samples[0], "c": np.where(samples[0] > 0, "a", "b")})
    table = TableReader(real).read(real, "real")
    bins = histograms(table, table)
    assert bins.groupby("column")["real"].sum().tolist() == pytest.approx([1.0, 1.0])
    assert (bins["real"] == bins["synthetic"]).all()


def test_bars_of_few_values_are_as_wide_as_the_gaps_between_them():
    for values, edges in (
        ([0.0, 0.1, 0.3], [-0.05, 0.05, 0.2, 0.4]),
        ([7.0, 7.0], [6.5, 7.5]),
        ([1e20], [0.999e20, 1.001e20]),
    ):
        table = TableReader(pd.DataFrame({"x": values})).read(pd.DataFrame({"x": values}), "real")
        bins = histograms(table, table)
        assert [*bins["left"], bins["right"].iloc[-1]] == pytest.approx(edges)


def test_columns_without_values_are_no_obstacle():
    real = pd.DataFrame({"x": [np.nan, np.nan], "y": [1.0, 2.0]})
    table = TableReader(real).read(real, "real")
    assert column_errors(table, table)["shape_error"].tolist() == [0.0, 0.0]
    assert "x" not in set(histograms(table, table)["column"])
