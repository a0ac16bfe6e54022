"""Gaps filled by regression before learning."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table import TableEncoder, infer_schema
from tabdiff_lora.table.imputation import RegressionImputer
from tests.tables import every_kind, mixed_table


def linear_table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return pd.DataFrame({"x": x, "y": 2 * x + 1, "count": np.rint(10 * x), "label": np.where(x > 0, "high", "low")})


def fill(table):
    return RegressionImputer(random_state=0).fit(table, infer_schema(table)).transform(table)


def test_gaps_in_a_linear_table_are_filled_exactly():
    whole = linear_table()
    holes = whole.copy()
    rows = np.abs(whole["x"]) < 1.5
    holes.loc[rows & (whole.index % 5 == 0), "y"] = None
    holes.loc[whole.index % 7 == 0, "label"] = None
    filled = fill(holes)
    np.testing.assert_allclose(filled["y"], whole["y"], atol=0.3)
    assert (filled["label"] == whole["label"]).mean() > 0.95


def test_filled_values_keep_dtype_grid_and_range_and_the_present_ones():
    table = mixed_table()
    table.loc[::3, ["visits", "city", "size", "income"]] = None
    before = table.copy(deep=True)
    filled = fill(table)
    assert (filled.dtypes == table.dtypes).all()
    for name in ("visits", "city", "income", "rate"):
        assert filled[name].notna().all()
        present = table[name].notna()
        pd.testing.assert_series_equal(filled[name][present], table[name][present])
    assert filled["visits"].between(table["visits"].min(), table["visits"].max()).all()
    pd.testing.assert_series_equal(filled["income"].round(2), filled["income"])
    pd.testing.assert_frame_equal(table, before)


def test_a_table_encoder_with_regression_has_no_missing_state():
    table = mixed_table()
    encoder = TableEncoder(missing="regression", random_state=0).fit(table)
    assert not any("(missing)" in levels for levels in encoder.layout_.categories)
    assert not encoder.inverse_transform(encoder.transform(table)).isna().any(axis=None)


def test_every_kind_but_keys_is_filled():
    table = every_kind(200)
    filled = fill(table)
    assert not filled.isna().any(axis=None)
    assert (filled.dtypes == table.dtypes).all()
    infer_schema(table).validate(filled)


def test_labels_without_numbers_take_the_most_frequent():
    assert fill(pd.DataFrame({"label": ["a", "a", "b", None]}))["label"].tolist() == ["a", "a", "b", "a"]
