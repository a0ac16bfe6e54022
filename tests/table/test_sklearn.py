"""TableEncoder keeps scikit-learn's manners."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabdiff_lora.table import TableEncoder
from tests.tables import mixed_table


@parametrize_with_checks([TableEncoder()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_it_encodes_features_in_a_pipeline():
    table = mixed_table()
    model = make_pipeline(TableEncoder(atoms=None), LinearRegression())
    model.fit(table.drop(columns="income"), table["income"])
    assert model.predict(table.drop(columns="income")).shape == (len(table),)


def test_set_output_gives_named_columns():
    encoder = TableEncoder().set_output(transform="pandas")
    flat = encoder.fit_transform(mixed_table())
    assert flat.columns.tolist() == encoder.get_feature_names_out().tolist()
    pd.testing.assert_frame_equal(encoder.inverse_transform(flat), mixed_table())


def test_a_pickled_encoder_encodes_the_same():
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    copy = pickle.loads(pickle.dumps(encoder))  # noqa: S301
    np.testing.assert_array_equal(copy.transform(table), encoder.transform(table))
    assert not hasattr(clone(encoder), "schema_")
