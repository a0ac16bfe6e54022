"""Features follow the columns, whatever states hold their values."""

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.errors import EncodingError
from tabdiff_lora.table import TableEncoder
from tabdiff_lora.table.encoders import CategoricalEncoder, DatetimeEncoder, NumericalEncoder


def numbers(n: int = 2_000) -> pd.Series:
    """Half of them zero, which has a state of its own, some absent."""
    rng = np.random.default_rng(0)
    values = np.where(rng.random(n) < 0.5, 0.0, np.round(rng.normal(size=n), 3))
    return pd.Series(np.where(rng.random(n) < 0.1, np.nan, values), name="x")


@pytest.mark.parametrize("parameters", [{}, {"atoms": None}, {"strategy": "standard"}, {"heaping": True}])
def test_a_number_is_one_feature_in_the_order_of_its_values(parameters):
    column = numbers()
    features = NumericalEncoder(**parameters).fit(column).features(column)
    assert features.shape == (len(column), 1)
    present = column.notna().to_numpy()
    np.testing.assert_array_equal(features[~present], -1.0)
    values, places = column[present].to_numpy(), features[present, 0]
    assert places.min() == 0.0 and places.max() == 1.0
    np.testing.assert_allclose(places, (values - values.min()) / np.ptp(values))


def test_an_instant_is_one_feature():
    days = pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-02"]), name="day")
    features = DatetimeEncoder().fit(days).features(days)
    np.testing.assert_allclose(features[:, 0], [0, -1, 1, 0.5])


def test_a_category_is_its_code():
    column = pd.Series(["b", "a", None, "b"], name="c")
    encoder = CategoricalEncoder().fit(column)
    np.testing.assert_array_equal(encoder.features(column), encoder.encode(column).cat)


def test_a_number_that_repeats_another_column_has_its_value():
    rng = np.random.default_rng(0)
    a = np.round(rng.normal(size=2_000), 3)
    table = pd.DataFrame({"a": a, "b": np.where(rng.random(2_000) < 0.5, a, np.round(rng.normal(size=2_000), 3))})
    encoder = TableEncoder().fit(table)
    assert encoder.equalities_.sources
    features = encoder.features(table)
    assert features.shape == (2_000, 2)
    assert np.corrcoef(features[:, 1], table.b)[0, 1] > 0.999


def test_one_value_alone_is_at_zero():
    column = pd.Series([3.0, 3.0], name="x")
    np.testing.assert_array_equal(NumericalEncoder().fit(column).features(column), [[0.0], [0.0]])


def test_a_table_has_its_columns_side_by_side_and_all_that_is_unknown_in_one_error():
    table = pd.DataFrame({"x": [1.5, 2.5, 4.0], "c": ["a", "b", "a"], "d": ["u", "v", "v"]})
    encoder = TableEncoder(types={"c": "categorical", "d": "categorical"}).fit(table)
    assert encoder.features(table).shape == (3, 3)
    with pytest.raises(EncodingError, match="(?s)'c'.*'d'"):
        encoder.features(table.assign(c="z", d="z"))
