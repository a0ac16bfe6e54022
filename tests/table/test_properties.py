"""For all tables: decode(encode(table)) is the table, dtypes and all, and the table is untouched."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tabdiff_lora.table import TableEncoder, TableSchema, infer_schema

N_ROWS = st.integers(1, 30)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
INSTANTS = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))
TEXT = st.text(max_size=5)

COLUMNS = {
    "float64": (FLOATS, "float64"),
    "float32": (FLOATS, "float32"),
    "cents": (st.integers(-(10**7), 10**7).map(lambda cents: cents / 100), "float64"),
    "few": (st.sampled_from([0.0, 1.0, 2.5]), "float64"),
    "int64": (st.integers(-(2**52), 2**52), "int64"),
    "int8": (st.integers(-128, 127), "int8"),
    "uint64": (st.integers(2**64 - 2**52, 2**64 - 1), "uint64"),
    "Int64": (st.none() | st.integers(-(2**52), 2**52), "Int64"),
    "Float64": (st.none() | FLOATS, "Float64"),
    "nan": (st.just(np.nan) | FLOATS, "float64"),
    "decimal": (st.decimals(-1000, 1000, places=2, allow_nan=False), "object"),
    "bool": (st.booleans(), "bool"),
    "boolean": (st.none() | st.booleans(), "boolean"),
    "str": (st.none() | TEXT, "str"),
    "string": (st.none() | TEXT, "string"),
    "category": (st.none() | st.sampled_from("abc"), pd.CategoricalDtype(list("cbad"))),
    "ordered": (st.none() | st.sampled_from([1, 2, 3]), pd.CategoricalDtype([3, 9, 2, 1], ordered=True)),
    "datetime": (st.none() | INSTANTS, "datetime64[us]"),
    "zoned": (st.none() | INSTANTS, "datetime64[ns, Europe/Oslo]"),
    "timedelta": (st.none() | st.timedeltas(datetime.timedelta(-999), datetime.timedelta(999)), "timedelta64[us]"),
    "date": (st.none() | st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1)), "object"),
    "period": (st.none() | st.integers(0, 900).map(lambda k: pd.Period(ordinal=k, freq="M")), "period[M]"),
}


def series(values: list, dtype) -> pd.Series:
    if dtype == "datetime64[ns, Europe/Oslo]":
        return pd.Series(pd.to_datetime(values, utc=True)).astype(dtype)
    return pd.Series(values, dtype=dtype)


@st.composite
def tables(draw) -> pd.DataFrame:
    n = draw(N_ROWS)
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4))
    columns = {}
    for position, kind in enumerate(kinds):
        values, dtype = COLUMNS[kind]
        columns[f"{kind} {position}"] = series(draw(st.lists(values, min_size=n, max_size=n)), dtype)
    return pd.DataFrame(columns)


@pytest.mark.filterwarnings("ignore:column .* is taken for a")
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), atoms=st.sampled_from(["auto", "all", None]))
def test_every_table_comes_back(table, atoms):
    before = table.copy(deep=True)
    learned = {column.name: "categorical" for column in infer_schema(table).columns if column.kind in {"key", "text"}}
    encoder = TableEncoder(types=learned, atoms=atoms).fit(table)
    back = encoder.inverse_transform(encoder.transform(table))
    pd.testing.assert_frame_equal(back, table, check_exact=True)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.filterwarnings("ignore:column .* is taken for a")
@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), seed=st.integers(0, 99))
def test_every_score_and_code_decodes_to_a_row_of_the_schema(table, seed):
    encoder = TableEncoder().fit(table)
    rng, layout = np.random.default_rng(seed), encoder.layout_
    num = 3 * rng.standard_normal((40, layout.n_numerical))
    cat = np.column_stack([rng.integers(0, k, 40) for k in layout.cardinalities] or [np.empty((40, 0), int)])
    drawn = encoder.decode(num, cat, rng=rng)
    assert (drawn.dtypes == table.dtypes).all()
    encoder.schema_.validate(drawn)
    for column in encoder.schema_.columns:
        if not column.missing:
            assert drawn[column.name].notna().all()
        if column.kind in {"numerical", "datetime", "timedelta", "period", "date"}:
            seen = table[column.name].dropna()
            assert drawn[column.name].dropna().between(seen.min(), seen.max()).all()


@pytest.mark.filterwarnings("ignore:column .* is taken for a")
@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_every_polars_table_comes_back(table):
    pl = pytest.importorskip("polars")
    frame = pl.from_pandas(table[[name for name in table if not isinstance(table[name].dtype, pd.PeriodDtype)]])
    assume(frame.width)
    learned = {column.name: "categorical" for column in infer_schema(table).columns if column.kind in {"key", "text"}}
    encoder = TableEncoder(types={name: kind for name, kind in learned.items() if name in frame.columns}).fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    assert back.schema == frame.schema
    assert back.equals(frame)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_every_schema_survives_json(table):
    schema = infer_schema(table)
    assert TableSchema.from_json(schema.to_json()) == schema
    schema.validate(table)


def test_decimals_keep_their_places():
    column = pd.Series([Decimal("1.10"), Decimal("2.00")], name="price", dtype=object)
    encoder = TableEncoder().fit(column.to_frame())
    back = encoder.inverse_transform(encoder.transform(column.to_frame()))
    assert [str(value) for value in back["price"]] == ["1.10", "2.00"]
