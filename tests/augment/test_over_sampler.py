"""SyntheticOverSampler: rows and dtypes stay, and no row of a test fold is seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from tabdiff_lora import SyntheticOverSampler
from tests.synthesizers import TINY
from tests.tables import mixed_table


def test_over_sampling_a_mixed_table_keeps_its_rows_and_dtypes():
    table = mixed_table()
    X, y = table.drop(columns="city"), table["city"]
    more, labels = SyntheticOverSampler(TINY).fit_resample(X, y)
    pd.testing.assert_frame_equal(more.head(len(X)), X)
    assert (more.dtypes == X.dtypes).all() and labels.dtype == y.dtype and labels.name == "city"
    assert labels.value_counts().nunique() == 1 and len(more) == len(labels)
    polars = SyntheticOverSampler(TINY).fit_resample(pl.from_pandas(X), y)[0]
    assert isinstance(polars, pl.DataFrame) and len(polars) == len(more)


def test_over_sampling_inside_a_cross_validation_sees_the_training_folds_only():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 2)), np.repeat([0, 1], [100, 20])
    X[y == 1] += 3
    pipe = make_pipeline(SyntheticOverSampler(TINY), LogisticRegression())
    assert cross_val_score(pipe, X, y, cv=3, scoring="balanced_accuracy").mean() > 0.7
    sampler = pipe.fit(X[:110], y[:110]).named_steps["syntheticoversampler"]
    assert sampler.sampling_strategy_ == {1: 90}
    assert len(pipe.predict(X)) == 120  # rows are added in fit alone
