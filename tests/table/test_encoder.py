"""TableEncoder: the table comes back, and what it cannot hold is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from tabdiff_lora.errors import ConditionError, EncodingError, SchemaError
from tabdiff_lora.table import TableEncoder
from tests.tables import every_kind, gaussian_table, mixed_table


@pytest.mark.parametrize("atoms", ["auto", "all", None, 0.05])
def test_a_mixed_table_comes_back(atoms):
    table = mixed_table()
    encoder = TableEncoder(atoms=atoms).fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table, rtol=1e-12)


def test_a_drawn_point_decodes_to_its_value_as_float32_too():
    table = mixed_table()
    encoder = TableEncoder(atoms=None).fit(table)
    encoded = encoder.encode(table)
    back = encoder.decode(encoded.draw(np.random.default_rng(0)), encoded.cat)
    pd.testing.assert_frame_equal(back, table, rtol=1e-3, atol=1e-3)


def test_the_input_is_not_touched_and_the_index_is_ignored():
    table = mixed_table().sample(frac=1, random_state=0)
    before = table.copy(deep=True)
    encoder = TableEncoder().fit(table)
    back = encoder.inverse_transform(encoder.transform(table))
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(back, table.reset_index(drop=True), rtol=1e-12)


def test_layout_names_every_dimension_and_sorts_categories_by_cardinality():
    encoder = TableEncoder(atoms=None).fit(mixed_table())
    layout = encoder.layout_
    assert layout.numerical == ("age", "income", "score", "gain", "visits", "rate", "size")
    assert list(layout.cardinalities) == sorted(layout.cardinalities)
    assert layout.categories[layout.categorical.index("note")] == ("old", "young", "(missing)")
    assert encoder.get_feature_names_out().tolist() == [*layout.numerical, *layout.categorical]


def test_columns_are_found_by_name_whatever_their_order():
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    shuffled = encoder.encode(table[table.columns[::-1]])
    np.testing.assert_array_equal(shuffled.cat, encoder.encode(table).cat)


def test_missing_never_fills_every_gap():
    table = mixed_table()
    for atoms in ("auto", None, "all"):
        encoder = TableEncoder(missing="never", atoms=atoms).fit(table)
        back = encoder.inverse_transform(encoder.transform(table))
        assert not back.isna().any(axis=None)
        known = table.notna()
        pd.testing.assert_frame_equal(back.astype(object).where(known), table.astype(object).where(known), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "object"])
def test_numpy_in_numpy_out(dtype):
    values = np.arange(24).reshape(8, 3).astype(dtype)
    encoder = TableEncoder().fit(values)
    back = encoder.inverse_transform(encoder.transform(values))
    assert isinstance(back, np.ndarray)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)


def test_labels_need_not_be_strings():
    table = gaussian_table(20).set_axis([0, ("a", 1), 2.5], axis=1)
    encoder = TableEncoder().fit(table)
    back = encoder.inverse_transform(encoder.transform(table))
    assert list(back.columns) == list(table.columns)


@pytest.mark.parametrize(
    "table",
    [
        mixed_table(1),
        gaussian_table(30)[["a"]],
        pd.DataFrame({"same": [3] * 5, "label": list("ababa")}),
        pd.DataFrame({"nothing": [None] * 5, "nan": [np.nan] * 5, "x": range(5)}),
        pd.DataFrame({"gone": pd.array([None] * 4, dtype="Int64"), "never": pd.Categorical([None] * 4, ["a"])}),
    ],
    ids=["one row", "one column", "constant", "all null", "only null"],
)
def test_small_and_empty_columns_work(table):
    encoder = TableEncoder().fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table, rtol=1e-12)


def test_clone_and_refit():
    encoder = TableEncoder(types={"age": "categorical"}, atoms=0.2)
    assert clone(encoder).get_params() == encoder.get_params()
    assert "age" in encoder.fit(mixed_table()).layout_.categorical


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame(), "columns of the table must be at least one"),
        (pd.DataFrame({"a": []}), "rows of the table must be at least one. Got 0 rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "name of column 'a' must be unique. Got 2 columns"),
        (pd.DataFrame({"a": [1.0, np.inf]}), r"column 'a' must be finite. Got inf \(row 1\)"),
        (pd.DataFrame({"a": [1, "u"]}), r"column 'a' must be of one type \(int, as in row 0\). Got 'u' \(row 1\)"),
        (pd.DataFrame({"a": [1j, 2]}), "column 'a' must be real numbers"),
        (pd.DataFrame({"a": [[1], [2]]}), "column 'a' must be of a type this library knows"),
    ],
)
def test_fit_refuses(table, message):
    with pytest.raises(SchemaError, match=message):
        TableEncoder().fit(table)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.drop(columns="age"), SchemaError, "name of column 'age' must be in the table"),
        (lambda t: t.assign(extra=1), SchemaError, "name of column 'extra' must be known from fit"),
        (lambda t: t.assign(age=t["age"].astype(str).where(t.index != 3, "n/a")), SchemaError, r"'n/a' \(row 3\)"),
        (
            lambda t: t.assign(city="Bonn"),
            EncodingError,
            r"column 'city' must be among the levels .* Got 'Bonn' \(row 0",
        ),
        (lambda t: t.assign(city=None), EncodingError, "column 'city' must be present, as in fit"),
        (lambda t: t.assign(score=np.nan), EncodingError, "column 'score' must be present, as in fit"),
        (lambda t: t.assign(score=np.inf), SchemaError, "column 'score' must be finite"),
    ],
)
def test_encode_refuses(change, error, message):
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    with pytest.raises(error, match=message):
        encoder.encode(change(table))


def test_encode_lists_all_problems_at_once():
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    with pytest.raises(SchemaError, match=r"(?s)2 problems.*'age'.*'income'"):
        encoder.encode(table.assign(age="?", income="?"))
    with pytest.raises(EncodingError, match=r"(?s)'city'.*'note'"):
        encoder.encode(table.assign(city="Bonn", note="new"))


def test_decode_refuses_what_encode_never_gives():
    encoder = TableEncoder().fit(gaussian_table())
    with pytest.raises(EncodingError, match=r"scores of 'b' must be finite. Got nan"):
        encoder.decode(np.array([[0.0, np.nan]]), np.array([[0]]))
    with pytest.raises(EncodingError, match=r"codes of 'label' must be in 0 .. 1. Got 2"):
        encoder.decode(np.zeros((1, 2)), np.array([[2]]))
    with pytest.raises(EncodingError, match="widths of num and cat must be"):
        encoder.decode(np.zeros((1, 3)), np.array([[1]]))


def test_decoded_normals_stay_in_range_and_keep_the_marginals():
    table = mixed_table(400)
    encoder = TableEncoder(atoms=None).fit(table)
    rng = np.random.default_rng(0)
    num = rng.standard_normal((20_000, encoder.layout_.n_numerical))
    cat = np.zeros((20_000, encoder.layout_.n_categorical), dtype=np.int64)
    fake = encoder.decode(num, cat)
    assert (fake["age"].min(), fake["age"].max()) == (table["age"].min(), table["age"].max())
    assert abs((fake["gain"] == 0).mean() - (table["gain"] == 0).mean()) < 0.02
    assert abs(fake["income"].mean() - table["income"].mean()) < 0.5
    pd.testing.assert_series_equal(fake["income"].round(2), fake["income"])


def test_known_entries_are_absent_columns_and_gaps_left_out():
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    known = pd.DataFrame({"city": ["Rome", None, "Oslo"], "gain": [0.0, 123.0, None], "score": [0.5, None, None]})
    encoded, num_known, cat_known = encoder.encode_known(known)
    layout = encoder.layout_
    city, state = layout.categorical.index("city"), layout.categorical.index("gain state")
    gain, score = layout.numerical.index("gain"), layout.numerical.index("score")
    assert cat_known[:, city].tolist() == [True, False, True]
    assert cat_known[:, state].tolist() == [True, True, False]
    assert num_known[:, gain].tolist() == [True, True, False]
    assert encoded.observed[:, gain].tolist() == [False, True, False]  # the atom 0 is held by its state
    assert num_known[:, score].tolist() == [True, False, False]
    assert num_known.sum() == 3
    assert cat_known.sum() == 4
    back = encoder.decode(encoded.centre(), encoded.cat)
    assert back["city"][[0, 2]].tolist() == ["Rome", "Oslo"]
    assert back["score"][0] == pytest.approx(0.5)


def test_conditions_on_unknown_columns_are_refused():
    encoder = TableEncoder().fit(gaussian_table())
    with pytest.raises(ConditionError, match=r"conditions must be on columns that are learned .*Got 'c' instead"):
        encoder.encode_known(pd.DataFrame({"c": [1.0]}))


def test_no_rows_in_no_rows_out():
    table = every_kind()
    encoder = TableEncoder().fit(table)
    encoded = encoder.encode(table.head(0))
    assert encoded.low.shape == (0, encoder.layout_.n_numerical)
    pd.testing.assert_frame_equal(encoder.decode(encoded.centre(), encoded.cat), table.head(0))
