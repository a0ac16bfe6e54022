"""CategoricalEncoder: levels, rare ones, gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.table import CategoricalEncoder


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([3, 1, 3], dtype="int16"),
        pd.Series([1.5, np.nan, 0.1]),
        pd.Series([True, None], dtype="boolean"),
        pd.Series(pd.to_datetime(["2020-01-01", None, "2021-01-01"])),
        pd.Series(["b", None, "a"], dtype=object),
        pd.Series(pd.Categorical([2, None, 1], categories=[2, 9, 1], ordered=True)),
        pd.Series(pd.cut([1, 5, 9], 3)),
        pd.Series(["x", "x"]),
        pd.Series([None, None], dtype=object),
    ],
    ids=lambda column: str(column.dtype),
)
def test_any_repeated_values_come_back(column):
    encoder = CategoricalEncoder().fit(column)
    pd.testing.assert_series_equal(encoder.inverse_transform(encoder.transform(column)), column)


def test_ten_thousand_levels_keep_a_code_each():
    column = pd.Series([f"level {i}" for i in range(10_000)] * 2, name="city")
    encoder = CategoricalEncoder().fit(column)
    assert len(encoder.categories_[0]) == 10_000
    pd.testing.assert_series_equal(encoder.inverse_transform(encoder.transform(column)), column)


def test_rare_levels_are_grouped_and_drawn_by_their_law():
    column = pd.Series(["a"] * 50 + ["b"] * 30 + ["c"] * 3 + ["d"])
    encoder = CategoricalEncoder(min_count=10).fit(column)
    assert encoder.categories_ == (("a", "b", "(rare)"),)
    drawn = encoder.decode(np.empty((8000, 0)), np.full((8000, 1), 2), np.random.default_rng(0))
    assert set(drawn) == {"c", "d"}
    assert abs((drawn == "c").mean() - 0.75) < 0.02
    assert encoder.encode(pd.Series(["d", "a"])).cat.ravel().tolist() == [2, 0]


def test_max_categories_keeps_the_commonest():
    column = pd.Series(list("aaabbbccde"))
    encoder = CategoricalEncoder(max_categories=3).fit(column)
    assert encoder.categories_ == (("a", "b", "(rare)"),)


def test_one_rare_level_alone_is_kept_as_it_is():
    assert CategoricalEncoder(min_count=2).fit(pd.Series(list("aabbc"))).categories_ == (("a", "b", "c"),)


def test_never_puts_a_seen_level_in_a_gap():
    column = pd.Series(["a"] * 3 + ["b", "c"] + [None] * 4)
    encoder = CategoricalEncoder(missing="never", min_count=2).fit(column)
    assert encoder.categories_ == (("a", "(rare)", "(missing)"),)
    drawn = encoder.decode(np.empty((300, 0)), np.repeat([1, 2], 150)[:, None], np.random.default_rng(0))
    assert set(drawn[:150]) == {"b", "c"}
    assert set(drawn[150:]) == {"a", "b", "c"}
