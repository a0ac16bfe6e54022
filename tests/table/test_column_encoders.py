"""The laws every column encoder obeys; a new encoder adds a column to ``tests.tables.every_kind``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tabdiff_lora.errors import EncodingError
from tabdiff_lora.table import infer_schema
from tabdiff_lora.table.assignment import encoder_of_kind
from tabdiff_lora.table.encoders import (
    BooleanEncoder,
    CategoricalEncoder,
    ConstantEncoder,
    DateEncoder,
    DatetimeEncoder,
    KeyEncoder,
    NumericalEncoder,
    PeriodEncoder,
    TimedeltaEncoder,
)
from tabdiff_lora.testing import check_encoder
from tests.tables import every_kind

TABLE = every_kind()
SCHEMA = infer_schema(TABLE)


def default_encoder(name, atoms="auto"):
    return encoder_of_kind(SCHEMA[name].kind, atoms=atoms, missing="generate")


@pytest.mark.parametrize("atoms", ["auto", "all", None])
@pytest.mark.parametrize("name", TABLE.columns)
def test_every_encoder_keeps_the_laws(name, atoms):
    check_encoder(default_encoder(name, atoms), TABLE[name])


@pytest.mark.parametrize("container", [pd.Series.to_frame, lambda column: column.to_numpy().reshape(-1, 1)])
def test_frames_and_arrays_go_in_and_out(container):
    X = container(pd.Series([1.5, 2.5, 2.5], name="x"))
    encoder = NumericalEncoder()
    back = encoder.inverse_transform(encoder.fit_transform(X))
    assert type(back) is type(X)
    np.testing.assert_array_equal(back, X)


def test_encoders_live_in_pipelines_and_column_transformers():
    frame = pd.DataFrame({"x": [1.0, 2.0, 2.0, 5.0], "label": list("abab")})
    pipeline = make_pipeline(NumericalEncoder(), FunctionTransformer())
    pipeline.fit(frame[["x"]])
    assert pipeline.transform(frame[["x"]]).shape == (4, 1)
    mixed = ColumnTransformer([("x", NumericalEncoder(), ["x"]), ("label", CategoricalEncoder(), ["label"])])
    assert mixed.fit_transform(frame).shape == (4, 2)
    assert mixed.get_feature_names_out().tolist() == ["x__x", "label__label"]


@pytest.mark.parametrize(
    ("encoder", "values", "message"),
    [
        (NumericalEncoder(), ["1", "x"], "column 'c' must be numbers. Got '1'"),
        (NumericalEncoder(), [1.0, np.inf], r"column 'c' must be finite. Got inf \(row 1\)"),
        (NumericalEncoder(), [np.nan, np.nan], "column 'c' must be at least one number"),
        (BooleanEncoder(), ["yes", "no"], "column 'c' must be True or False. Got 'yes'"),
        (BooleanEncoder(), [0, 1], "column 'c' must be True or False. Got 0"),
        (CategoricalEncoder(), pd.Series([1, "u"], dtype=object), r"must be of one type. Got 'u' \(row 1\)"),
        (ConstantEncoder(), [1, 1, 2], r"must be the same everywhere. Got 2 \(row 2\)"),
        (KeyEncoder(), ["a", "b", "a"], r"must be unique. Got 'a' \(row 2\)"),
        (KeyEncoder(), [1.5, 2.5], "must be whole numbers or text. Got 1.5"),
        (DatetimeEncoder(), ["noon", "night"], "must be datetimes. Got 'noon'"),
        (DateEncoder(), ["noon", "night"], "must be dates. Got 'noon'"),
        (TimedeltaEncoder(), ["noon", "night"], "must be durations. Got 'noon'"),
        (PeriodEncoder(), ["noon", "night"], "must be periods. Got 'noon'"),
        (NumericalEncoder(), [], "length of column 'c' must be at least one row"),
    ],
)
def test_fit_refuses(encoder, values, message):
    with pytest.raises(EncodingError, match=message):
        encoder.fit(pd.Series(values, name="c"))


def test_a_column_encoder_takes_one_column():
    with pytest.raises(EncodingError, match=r"must be one column. Got shape \(3, 2\)"):
        NumericalEncoder().fit(np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("encoder", "seen", "unseen", "message"),
    [
        (CategoricalEncoder(), ["a", "b"], "c", "among the levels seen in fit. Got 'c'"),
        (CategoricalEncoder(), ["a", "b"], None, "present, as in fit"),
        (NumericalEncoder(), [1.0, 2.0], np.nan, "present, as in fit"),
        (NumericalEncoder(atoms="all"), [1, 2], 3, "among the few values seen in fit. Got 3"),
        (DatetimeEncoder(), pd.to_datetime(["2020", "2021"]), pd.Timestamp("2020", tz="UTC"), "without a time zone"),
        (PeriodEncoder(), pd.period_range("2020", periods=2, freq="M"), pd.Period("2020", "Y"), "of frequency 'M'"),
        (ConstantEncoder(), ["a", "a"], "b", "among the levels seen in fit. Got 'b'"),
    ],
)
def test_encode_refuses_what_fit_did_not_see(encoder, seen, unseen, message):
    encoder.fit(pd.Series(seen, name="c"))
    with pytest.raises(EncodingError, match=message):
        encoder.encode(pd.Series([unseen], name="c"))
