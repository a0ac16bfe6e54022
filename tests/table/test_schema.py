"""infer_schema: kinds by dtype first and values second; TableSchema: printed, saved, validated."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.table import TableSchema, infer_schema
from tests.tables import every_kind, mixed_table


def kind_of(values, name="c", **options):
    return infer_schema(pd.DataFrame({name: values}), **options)[name].kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.5], "numerical"),
        (pd.array([1, None, 2], dtype="Int64"), "numerical"),
        (pd.Series([1, 2.5, None], dtype=object), "numerical"),
        ([True, False], "boolean"),
        (pd.Series([True, None, False], dtype=object), "boolean"),
        (["a", "b"], "categorical"),
        (pd.Categorical(["a", "b"]), "categorical"),
        (pd.Categorical(["a", "b"], ordered=True), "ordinal"),
        (pd.to_datetime(["2020-01-01", None, "2020-01-02"]), "datetime"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]).date, "date"),
        (pd.to_timedelta([1, 2], unit="h"), "timedelta"),
        (pd.period_range("2020", periods=2, freq="Q"), "period"),
        ([7, 7], "constant"),
        ([None, None], "constant"),
        ([7, None], "numerical"),
        (np.arange(100) + 5, "key"),
        (np.arange(100) * 7, "numerical"),
        (np.arange(10), "numerical"),
        ([f"A-{i}" for i in range(100)], "key"),
        ([str(uuid.UUID(int=i)) for i in range(100)], "key"),
        ([f"{i} green bottles" for i in range(100)], "text"),
        ([f"A-{i // 2}" for i in range(100)], "categorical"),
        (np.linspace(0, 1, 100), "numerical"),
    ],
)
def test_kinds(values, kind):
    assert kind_of(values) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("id", "key"),
        ("user_id", "key"),
        ("CustomerId", "key"),
        ("uuid", "key"),
        ("humid", "numerical"),
        (0, "numerical"),
    ],
)
def test_distinct_integers_are_a_key_if_named_like_one(name, kind):
    assert kind_of(np.arange(100) ** 2, name=name) == kind


def test_types_override():
    assert kind_of([1, 2, 3], types={"c": "categorical"}) == "categorical"
    schema = infer_schema(pd.DataFrame({"zip": [1, 2]}), types={"zip": "categorical"})
    assert schema["zip"].why == "declared in types"


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"d": "numerical"}, "name of column 'd' must be in the table"),
        ({"c": "number"}, "type of column 'c' must be one of boolean, .*Got 'number'"),
        ({"c": "numerical"}, r"values of column 'c' must be numbers. Got 'b' \(row 1\)"),
        ({"c": "datetime"}, r"values of column 'c' must be datetimes. Got '1' \(row 0\)"),
    ],
)
def test_wrong_types_are_refused(types, message):
    with pytest.raises(SchemaError, match=message):
        infer_schema(pd.DataFrame({"c": ["1", "b"]}), types=types)


def test_describe_is_column_kind_why_encoder():
    schema = infer_schema(mixed_table())
    described = schema.describe()
    assert described.columns.tolist() == ["column", "kind", "why", "encoder"]
    assert described["column"].tolist() == mixed_table().columns.tolist()
    assert "NumericalEncoder" in str(schema)
    assert "<table" in schema._repr_html_()


def test_json_round_trip_holds_no_data():
    table = mixed_table()
    schema = infer_schema(table)
    text = schema.to_json()
    assert TableSchema.from_json(text) == schema
    assert "Oslo" not in text


def test_validate_accepts_its_own_table_in_any_order_and_with_other_rows():
    table = every_kind()
    schema = infer_schema(table)
    schema.validate(table[table.columns[::-1]])
    schema.validate(every_kind(seed=1))


def test_validate_lists_all_problems():
    table = every_kind()
    broken = table.assign(float="high", day=table["day"].astype(str), bool=3)
    with pytest.raises(SchemaError) as error:
        infer_schema(table).validate(broken)
    for column in ("float", "day", "bool"):
        assert f"column '{column}'" in str(error.value)
    assert "3 problems" in str(error.value)


def test_unknown_columns_raise_key_error():
    with pytest.raises(KeyError, match="nowhere"):
        infer_schema(mixed_table())["nowhere"]
