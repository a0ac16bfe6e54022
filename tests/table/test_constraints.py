"""Constraints: checked on the training table, held by every decoded row."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.errors import ConditionError, ConstraintError, EncodingError
from tabdiff_lora.table import FixedCombinations, Inequality, Range, TableEncoder, Unique


def trips(n: int = 80, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    city = rng.choice(["Rome", "Milan", "Oslo"], n)
    low = rng.integers(0, 50, n) / 10
    return pd.DataFrame(
        {
            "start": start,
            "end": start + pd.to_timedelta(rng.integers(0, 20, n), unit="D"),
            "city": city,
            "country": np.where(city == "Oslo", "Norway", "Italy"),
            "low": low,
            "high": low + rng.integers(1, 30, n) / 10,
            "age": rng.integers(18, 90, n),
        }
    )


def random_rows(encoder: TableEncoder, n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    num = 2 * rng.standard_normal((n, encoder.layout_.n_numerical))
    cat = np.column_stack([rng.integers(0, k, n) for k in encoder.layout_.cardinalities] or [np.empty((n, 0), int)])
    return encoder.decode(num, cat, rng=rng)


ALL = [
    Inequality("start", "end"),
    Inequality("low", "high", strict=True),
    FixedCombinations(["city", "country"]),
    Range("age", 18, 120),
]


@pytest.mark.parametrize("constraints", [[constraint] for constraint in ALL] + [ALL], ids=str)
def test_the_table_comes_back_and_random_rows_obey(constraints):
    table = trips()
    encoder = TableEncoder(constraints=constraints).fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)
    drawn = random_rows(encoder)
    assert drawn.columns.tolist() == table.columns.tolist()
    assert (drawn.dtypes == table.dtypes).all()
    assert not encoder.violations(drawn).any()


@pytest.mark.parametrize(
    ("change", "constraint", "message"),
    [
        (
            lambda t: t.assign(end=t["end"].mask(t.index == 3, pd.Timestamp("2020"))),
            Inequality("start", "end"),
            "row 3,",
        ),
        (lambda t: t.assign(high=t["low"]), Inequality("low", "high", strict=True), "row 0, the first of 80"),
        (lambda t: t, Range("age", 30), r"must obey Range\(column='age', low=30\). Got age = "),
        (lambda t: t, Unique(["city", "country"]), "must obey Unique"),
        (lambda t: t, Inequality("start", "finish"), "must be in the table. Got 'finish'"),
    ],
)
def test_fit_shows_the_first_violating_row(change, constraint, message):
    with pytest.raises(ConstraintError, match=message):
        TableEncoder(constraints=[constraint]).fit(change(trips()))


def test_encode_refuses_rows_that_break_a_rule():
    table = trips()
    encoder = TableEncoder(constraints=[FixedCombinations(["city", "country"])]).fit(table)
    with pytest.raises(EncodingError, match="must obey FixedCombinations"):
        encoder.encode(table.assign(country="Norway"))


def test_inequality_survives_gaps_on_both_sides():
    table = trips()
    table.loc[::7, "start"] = None
    table.loc[::5, "end"] = None
    encoder = TableEncoder(constraints=[Inequality("start", "end")]).fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)
    assert not encoder.violations(random_rows(encoder)).any()


@pytest.mark.parametrize("dtype", ["int64", "uint8", "Int64", "float32", "Float64", "int64[pyarrow]"])
def test_inequality_holds_for_numbers_of_any_dtype(dtype):
    rng = np.random.default_rng(0)
    low = rng.integers(0, 100, 60)
    table = pd.DataFrame({"low": low, "high": low + rng.integers(0, 100, 60)}).astype(dtype)
    encoder = TableEncoder(constraints=[Inequality("low", "high")]).fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)
    drawn = random_rows(encoder)
    assert not encoder.violations(drawn).any()
    assert drawn["high"].max() <= table["high"].max()


def test_inequality_holds_for_dates():
    days = [datetime.date(2020, 1, day) for day in range(1, 21)]
    table = pd.DataFrame({"from": days, "to": [day + datetime.timedelta(3) for day in days]})
    encoder = TableEncoder(constraints=[Inequality("from", "to")]).fit(table)
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)


def test_range_caps_what_extrapolation_adds():
    from tabdiff_lora.table import NumericalEncoder

    table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=200)})
    wide = NumericalEncoder(extrapolate=True)
    encoder = TableEncoder([("x", wide, ["x"])], constraints=[Range("x", -4, 4)]).fit(table)
    drawn = random_rows(encoder, 5000)
    assert drawn["x"].abs().max() == 4


def test_a_unique_column_becomes_a_key_and_a_unique_pair_is_marked():
    table = pd.DataFrame({"code": np.arange(30) ** 2, "a": np.arange(30) % 5, "b": np.arange(30) // 5})
    encoder = TableEncoder(constraints=[Unique(["code"]), Unique(["a", "b"])]).fit(table)
    assert encoder.schema_["code"].kind == "key"
    drawn = random_rows(encoder)
    assert drawn["code"].is_unique
    assert encoder.violations(drawn).sum() == drawn.duplicated(["a", "b"]).sum() > 0


def test_columns_held_together_are_known_together():
    table = trips()
    encoder = TableEncoder(constraints=[FixedCombinations(["city", "country"])]).fit(table)
    _, _, cat_known = encoder.encode_known(table[["city", "country"]].head(3))
    assert cat_known.sum() == 3
    with pytest.raises(ConditionError, match="Got 'city' instead"):
        encoder.encode_known(table[["city"]])
