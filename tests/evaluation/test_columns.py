"""Reading frames: kinds, codes, and what is refused."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation.columns import TableReader, time_label


def test_kinds_follow_the_dtypes():
    df = pd.DataFrame(
        {
            "int": [1, 2],
            "nullable": pd.array([1, None], dtype="Int64"),
            "float": [0.5, np.nan],
            "time": pd.to_datetime(["2020-01-01", None]),
            "span": pd.to_timedelta([1, 2], unit="D"),
            "bool": [True, False],
            "maybe": pd.array([True, None], dtype="boolean"),
            "text": ["a", None],
            "category": pd.Categorical([1, 2]),
            "object": ["u", 1],
        }
    )
    reader = TableReader(df)
    assert set(reader.num_names) == {"int", "nullable", "float", "time", "span"}
    table = reader.read(df, "table")
    assert table.missing().sum() == 5
    assert sorted(table.column("span")) == [86400.0, 172800.0]


def test_python_objects_are_asked_for_their_values():
    day = datetime.date(2024, 5, 1)
    df = pd.DataFrame(
        {
            "decimal": [Decimal("0.25"), None],
            "date": [day, None],
            "month": pd.PeriodIndex(["2024-05", "2024-06"], freq="M"),
            "number": pd.Series([1, None], dtype=object),
            "zoned": pd.to_datetime(["2024-05-01T02:00", "2024-05-01T02:00"]).tz_localize("Europe/Oslo"),
            "mixed": ["1", 2],
            "nothing": pd.Series([None, None], dtype=object),
        }
    )
    reader = TableReader(df)
    assert set(reader.cat_names) == {"mixed", "nothing"}
    table = reader.read(df, "table")
    midnight = pd.Timestamp(day).timestamp()
    assert set(table.column("date")[~np.isnan(table.column("date"))]) == {midnight}
    assert table.column("month").min() == midnight
    assert table.column("zoned").tolist() == [midnight, midnight]
    assert sorted(table.column("decimal"))[0] == 0.25


def test_a_column_without_values_is_read_as_missing():
    table = TableReader(pd.DataFrame({"x": [1.0, 2.0]})).read(pd.DataFrame({"x": [None, None]}), "synthetic")
    assert np.isnan(table.column("x")).all()


def test_codes_are_shared_and_new_values_are_told_from_missing_ones():
    reader = TableReader(pd.DataFrame({"c": ["b", "a"]}))
    table = reader.read(pd.DataFrame({"c": ["a", "b", None, "z"]}), "synthetic")
    assert sorted(table.column("c")) == [0, 1, 2, 3]
    assert table.labels("c") == ["a", "b", "(missing)", "(unseen)"]


def test_a_label_is_the_same_as_integer_float_and_category():
    reader = TableReader(pd.DataFrame({"y": [0, 1]}), categorical=["y"])
    for column in ([0.0, 1.0], pd.Categorical([0, 1]), ["0", "1"]):
        assert sorted(reader.read(pd.DataFrame({"y": column}), "synthetic").column("y")) == [0, 1]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"x": [1.0], "c": ["a"]}).iloc[:0], r"at least one row and one column. Got shape \(0, 2\)"),
        (pd.DataFrame({"c": ["a"]}), "column 'x' of synthetic is absent"),
        (pd.DataFrame({"x": ["one"], "c": ["a"]}), "column 'x' of synthetic must hold numbers"),
        (pd.DataFrame({"x": [np.inf], "c": ["a"]}), "must be finite. Got 1 infinite values"),
        (pd.DataFrame([[1.0, 2.0, "a"]], columns=["x", "x", "c"]), r"must be unique. Got \['x'\] more than once"),
        (np.zeros((2, 2)), "must be a DataFrame. Got ndarray instead"),
    ],
)
def test_what_cannot_be_compared_is_refused(frame, message):
    reader = TableReader(pd.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]}))
    with pytest.raises(SchemaError, match=message):
        reader.read(frame, "synthetic")


def test_the_caller_s_frame_is_not_changed():
    df = pd.DataFrame({"x": [2.0, 1.0], "c": ["b", None]})
    before = df.copy()
    TableReader(df).read(df, "real")
    pd.testing.assert_frame_equal(df, before)


def test_axes_of_dates_and_durations_are_labelled_as_such():
    second = pd.Timestamp("2024-05-01 12:30").timestamp()
    assert time_label(second, "date", 30 * 86_400) == "2024-05-01"
    assert time_label(second, "date", 3_600) == "2024-05-01 12:30"
    assert time_label(5_400, "duration", 9_000) == "1.5 h"
    reader = TableReader(pd.DataFrame({"day": pd.to_datetime(["2024-05-01"]), "span": pd.to_timedelta([1]), "x": [1]}))
    assert reader.times == {"day": "date", "span": "duration"}


def test_shuffling_keeps_margins():
    df = pd.DataFrame({"x": np.arange(50.0), "c": list("ab") * 25})
    table = TableReader(df).read(df, "real")
    shuffled = table.shuffled(np.random.default_rng(0))
    assert sorted(shuffled.column("x")) == sorted(table.column("x"))
    assert np.bincount(shuffled.column("c")).tolist() == [25, 25]
