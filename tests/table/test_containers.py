"""Containers: what goes in comes out, pandas, polars, pyarrow or numpy."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.table import TableEncoder
from tests.tables import every_kind

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")


def polars_table() -> pl.DataFrame:
    day = datetime.date(2020, 1, 1)
    return pl.DataFrame(
        {
            "int": pl.Series([2**60 + 1, None, 3, 3], dtype=pl.Int64),
            "small": pl.Series([1, 2, 3, 255], dtype=pl.UInt8),
            "float": [1.5, None, 0.25, 7.0],
            "float32": pl.Series([1.5, None, 0.1, 7.0], dtype=pl.Float32),
            "str": ["a", None, "b", "a"],
            "categorical": pl.Series(["x", "y", None, "x"], dtype=pl.Categorical),
            "enum": pl.Series(["u", "v", None, "u"], dtype=pl.Enum(["v", "u", "w"])),
            "bool": [True, None, False, True],
            "date": [day, None, day.replace(day=9), day],
            "zoned": pl.Series([datetime.datetime(2020, 1, 1), None] * 2, dtype=pl.Datetime("ms", "Europe/Oslo")),
            "duration": [datetime.timedelta(1), None, datetime.timedelta(2), datetime.timedelta(1)],
            "decimal": pl.Series(["1.10", None, "2.25", "0.30"]).cast(pl.Decimal(10, 2)),
            "null": pl.Series([None] * 4, dtype=pl.String),
        }
    )


@pytest.mark.parametrize("repeat", [1, 30], ids=["numbers", "states"])
@pytest.mark.parametrize("convert", [lambda t: t, pl.DataFrame.to_arrow], ids=["polars", "pyarrow"])
def test_frames_come_back_as_they_were(convert, repeat):
    table = convert(pl.concat([polars_table()] * repeat))
    encoder = TableEncoder().fit(table)
    back = encoder.inverse_transform(encoder.transform(table))
    assert type(back) is type(table)
    assert back.schema == table.schema
    assert back.equals(table)


def test_pandas_frames_with_arrow_dtypes_come_back():
    table = polars_table().drop("categorical", "enum").to_pandas(use_pyarrow_extension_array=True)
    encoder = TableEncoder().fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)


def test_a_table_may_be_fitted_in_one_container_and_encoded_from_another():
    table = pd.DataFrame({"x": [1.0, 2.5, 2.5], "label": ["a", "b", "a"]})
    encoder = TableEncoder().fit(table)
    np.testing.assert_array_equal(encoder.transform(pl.from_pandas(table)), encoder.transform(table))


def test_object_arrays_hold_mixed_columns():
    values = np.array([[1.5, "a"], [2.5, "b"], [2.5, "a"]], dtype=object)
    encoder = TableEncoder().fit(values)
    assert [column.kind for column in encoder.schema_.columns] == ["numerical", "categorical"]
    np.testing.assert_array_equal(encoder.inverse_transform(encoder.transform(values)), values)


def test_flat_arrays_are_refused():
    with pytest.raises(ValueError, match=r"shape of the table must be \(n, p\). Got \(3,\)"):
        TableEncoder().fit(np.arange(3))


def test_every_pandas_kind_at_once():
    table = every_kind()
    encoder = TableEncoder().fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table, rtol=1e-9)
