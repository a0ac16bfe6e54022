"""Encoders by column, ColumnTransformer-style."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.compose import make_column_selector
from sklearn.decomposition import PCA
from sklearn.preprocessing import PowerTransformer

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.table import CategoricalEncoder, NumericalEncoder, TableEncoder
from tests.tables import mixed_table


def strategies(encoder):
    return {name: getattr(column, "strategy", None) for name, column in encoder.encoders_.items()}


@pytest.mark.parametrize(
    "columns",
    [
        "income",
        ["income"],
        1,
        [1],
        lambda frame: ["income"],
        make_column_selector("inc"),
        [name == "income" for name in mixed_table().columns],
    ],
    ids=["label", "list", "position", "positions", "callable", "selector", "mask"],
)
def test_columns_are_selected_like_in_a_column_transformer(columns):
    encoder = TableEncoder([("standard", NumericalEncoder("standard"), columns)]).fit(mixed_table())
    assert [name for name, strategy in strategies(encoder).items() if strategy == "standard"] == ["income"]


def test_any_invertible_transformer_may_hold_numbers():
    table = mixed_table()
    encoder = TableEncoder([("power", PowerTransformer(), ["income", "rate"])]).fit(table)
    assert isinstance(encoder.encoders_["rate"].strategy, PowerTransformer)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table, rtol=1e-9)


def test_passthrough_keeps_the_numbers():
    table = mixed_table()
    encoder = TableEncoder([("as is", "passthrough", "score")]).fit(table)
    centre = encoder.encode(table).centre()[:, encoder.layout_.numerical.index("score")]
    assert centre.tolist() == table["score"].tolist()


def test_a_dropped_column_does_not_come_back_and_need_not_be_given():
    table = mixed_table()
    encoder = TableEncoder([("out", "drop", ["age", "city"])]).fit(table)
    rest = table.drop(columns=["age", "city"])
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), rest, rtol=1e-9)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(rest)), rest, rtol=1e-9)


def test_remainder_is_applied_to_the_columns_not_named():
    encoder = TableEncoder([("numbers", NumericalEncoder(), ["age", "income"])], remainder="drop").fit(mixed_table())
    assert encoder.schema_.names == ["age", "income"]
    encoder = TableEncoder([("out", "drop", ["age"])], remainder=CategoricalEncoder()).fit(mixed_table())
    assert {type(column) for column in encoder.encoders_.values()} == {CategoricalEncoder}
    assert set(encoder.schema_.describe()["encoder"]) == {"CategoricalEncoder"}


def test_prototypes_are_cloned_not_fitted():
    prototype = NumericalEncoder()
    TableEncoder([("numbers", prototype, ["age", "income"])]).fit(mixed_table())
    assert not hasattr(prototype, "name_")


@pytest.mark.parametrize(
    ("encoders", "message"),
    [
        ([("a", NumericalEncoder(), ["nowhere"])], "columns of encoder 'a' must be in the table. Got 'nowhere'"),
        (
            [("a", "drop", "age"), ("b", "drop", "age")],
            "columns of encoder 'b' must belong to no other entry. Got 'age'",
        ),
        ([("a", "ignore", "age")], "encoder of TableEncoder must be a column encoder, .* Got 'ignore'"),
    ],
)
def test_wrong_entries_are_refused(encoders, message):
    with pytest.raises(SchemaError, match=message):
        TableEncoder(encoders).fit(mixed_table())


def test_missing_is_checked():
    with pytest.raises(ValueError, match="missing of TableEncoder must be 'generate', 'never' or 'regression'"):
        TableEncoder(missing="mean").fit(mixed_table())


def test_a_transformer_keeps_its_own_inverse():
    table = mixed_table()[["income"]]
    encoder = TableEncoder([("pca", PCA(1), "income")]).fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)
